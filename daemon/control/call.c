/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/control/client.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/server.h"
#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"

#define SENTENCE_BYTES_MAX 512 /* a longer message is cut */

/* Where an answer goes. Every request has one; it outlives the call itself only after call_later(). */
struct ticket {
	struct list node;      /* in client.tickets once it is for later */
	struct client *client; /* NULL: gone, or told `timeout` */
	struct batch *batch;   /* of the client; NULL = on its own */
	const struct control_node *of;
	json_t *id;            /* owned; NULL for a notification */
	const struct rpc_method *method; /* NULL until it is known */
	mono_t began;
	struct timer limit;
};

/* The proof that a handler answered: there is one in each call, and it is given out once. */
struct answer {
	bool is_given;
};

struct call {
	struct client *client;
	struct ticket *ticket; /* NULL once answered or handed out */
	const struct rpc_method *method;
	const json_t *params;
	struct answer answer;
};

/* ---- tickets ---- */

static void count_result(const struct ticket *t, const char *result)
{
	const char *method = t->method ? t->method->name : "other";
	double took = (double)mono_since_ns(loop_clock(t->of->loop), t->began) / NS_PER_SEC;

	metric_inc(M_RPC_REQUESTS, method, result);
	metric_observe(M_RPC_DURATION, took, method);
}

static void ticket_free(struct ticket *t)
{
	assert(!t->client && !list_is_linked(&t->node));
	loop_timer_stop(t->of->loop, &t->limit);
	json_decref(t->id);
	free(t);
}

/* Hands the document in, unless nobody waits for it. */
static void deliver(struct ticket *t, json_t *take_doc)
{
	struct client *client = t->client;
	struct batch *batch = t->batch;

	if (!t->id) {
		json_decref(take_doc);
		take_doc = NULL;
	}
	if (!client) {
		json_decref(take_doc);
		return;
	}
	/* From here on nobody waits any more, whoever else holds the ticket. */
	if (list_is_linked(&t->node)) {
		list_remove(&t->node);
		client->calls--;
	}
	t->client = NULL;
	t->batch = NULL;
	client_answer(client, batch, take_doc);
	client_touch(client);
}

static void on_limit(void *arg, mono_t now)
{
	struct ticket *t = arg;

	(void)now;
	if (!t->client)
		return;
	count_result(t, "timeout");
	deliver(t, rpc_answer_error(t->id, RPC_ERR_TIMEOUT, NULL, NULL, NULL));
}

bool ticket_is_wanted(const struct ticket *t)
{
	return t->client != NULL;
}

const struct control_node *ticket_node(const struct ticket *t)
{
	return t->of;
}

void ticket_limit(struct ticket *t, int64_t ms)
{
	if (t->client)
		loop_timer_in_ms(t->of->loop, &t->limit, ms);
}

void ticket_orphan(struct list *node)
{
	struct ticket *t = list_entry(node, struct ticket, node);

	loop_timer_stop(t->of->loop, &t->limit);
	list_remove(&t->node);
	t->client->calls--;
	t->client = NULL;
	t->batch = NULL;
}

void ticket_ok(struct ticket *t, json_t *take_result)
{
	if (t->client)
		count_result(t, "ok");
	deliver(t, rpc_answer_result(t->id, take_result));
	ticket_free(t);
}

static void fail(struct ticket *t, int code, json_t *take_data, const char *hint, const char *fmt,
	va_list ap)
{
	char sentence[SENTENCE_BYTES_MAX];

	if (fmt)
		(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	if (t->client)
		count_result(t, code == RPC_ERR_TIMEOUT ? "timeout" : "failed");
	deliver(t, rpc_answer_error(t->id, code, fmt ? sentence : NULL, hint, take_data));
	ticket_free(t);
}

void ticket_fail(struct ticket *t, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(t, code, NULL, NULL, fmt, ap);
	va_end(ap);
}

void ticket_fail_with(struct ticket *t, int code, json_t *take_data, const char *hint,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(t, code, take_data, hint, fmt, ap);
	va_end(ap);
}

void ticket_progress(struct ticket *t, unsigned num, unsigned total, const char *stage,
	const char *fmt, ...)
{
	char sentence[SENTENCE_BYTES_MAX];
	va_list ap;

	if (!t->client || !t->id)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	client_send(t->client,
		rpc_notification("progress",
			json_pack("{s:O, s:i, s:i, s:s, s:s}", "id", t->id, "num", (int)num, "total",
				(int)total, "stage", stage, "message", sentence)));
}

/* ---- the call ---- */

const struct control_node *call_node(const struct call *c)
{
	return c->client->control->node;
}

struct client *call_client(const struct call *c)
{
	return c->client;
}

const struct rpc_method *call_method(const struct call *c)
{
	return c->method;
}

static struct ticket *take_ticket(struct call *c)
{
	struct ticket *t = c->ticket;

	assert(t && !c->answer.is_given); /* a second answer to one call is our bug */
	c->ticket = NULL;
	c->answer.is_given = true;
	return t;
}

struct answer *call_ok(struct call *c, json_t *take_result)
{
	ticket_ok(take_ticket(c), take_result);
	return &c->answer;
}

struct answer *call_fail(struct call *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(take_ticket(c), code, NULL, NULL, fmt, ap);
	va_end(ap);
	return &c->answer;
}

struct answer *call_fail_with(struct call *c, int code, json_t *take_data, const char *hint,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(take_ticket(c), code, take_data, hint, fmt, ap);
	va_end(ap);
	return &c->answer;
}

struct answer *call_refuse_param(struct call *c, const char *param, const char *fmt, ...)
{
	char sentence[SENTENCE_BYTES_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return call_fail_with(c, RPC_ERR_PARAMS, json_pack("{s:s}", "param", param), NULL, "%s%s%s",
		param, param[0] ? ": " : "", sentence);
}

struct answer *call_later(struct call *c, struct ticket **ret_ticket)
{
	struct ticket *t = take_ticket(c);

	list_append(&c->client->tickets, &t->node);
	c->client->calls++;
	loop_timer_in_ms(t->of->loop, &t->limit, CALL_MS_MAX);
	*ret_ticket = t;
	return &c->answer;
}

/* ---- parameters ---- */

const json_t *call_param(const struct call *c, const char *name)
{
	const json_t *v = json_object_get(c->params, name);

	return json_is_null(v) ? NULL : v;
}

const char *call_text(const struct call *c, const char *name)
{
	return json_string_value(call_param(c, name));
}

bool call_flag(const struct call *c, const char *name)
{
	return json_is_true(call_param(c, name));
}

struct answer *call_uint(struct call *c, const char *name, uint64_t low, uint64_t high,
	uint64_t otherwise, uint64_t *ret)
{
	const json_t *v = call_param(c, name);
	uint64_t n = v ? (uint64_t)json_integer_value(v) : otherwise;

	if (n < low || n > high)
		return call_refuse_param(c, name, "must be %llu to %llu", (unsigned long long)low,
			(unsigned long long)high);
	*ret = n;
	return NULL;
}

struct answer *call_time(struct call *c, const char *name, wall_t *ret)
{
	const char *text = call_text(c, name);
	wall_t t = WALL_ZERO;

	if (text && rfc3339_parse(bytes_str(text), &t) != 0)
		return call_refuse_param(c, name, "must be a time as 2026-11-20T11:20:31Z");
	*ret = t;
	return NULL;
}

struct answer *call_addr(struct call *c, const char *name, struct maddr *ret)
{
	int err = maddr_parse(bytes_str(call_text(c, name)), ret);

	if (err)
		return call_refuse_param(c, name,
			"must be a multiaddr as /ip4/203.0.113.11/tcp/4100/p2p/12D3KooW…: %s",
			err_text(err));
	return NULL;
}

/* ---- a whole request ---- */

static struct answer *refuse_unready(struct call *c)
{
	const struct control *control = c->client->control;

	if (control->is_stopping && c->method->role == RPC_ROLE_ADMIN)
		return call_fail(c, RPC_ERR_SHUTTING_DOWN, NULL);
	if (!control->is_ready && !dispatch_is_early(c->method->id))
		return call_fail_with(c, RPC_ERR_NOT_READY, json_pack("{s:i}", "retry_after_ms", 500),
			NULL, NULL);
	return NULL;
}

static struct answer *unknown_method(struct call *c, const char *name)
{
	const char *near = rpc_method_nearest(name);

	if (near)
		return call_fail(c, RPC_ERR_METHOD, "there is no method %.64s; did you mean %s?", name,
			near);
	return call_fail(c, RPC_ERR_METHOD, "there is no method %.64s", name);
}

static struct answer *run(struct call *c, const struct rpc_request *req)
{
	struct rpc_params_fault fault;
	struct answer *refused;

	if (req->error)
		return call_fail(c, req->error, NULL);
	c->method = rpc_method_find(req->method);
	if (!c->method)
		return unknown_method(c, req->method);
	c->ticket->method = c->method;
	if (c->client->role < c->method->role)
		return call_fail(c, RPC_ERR_PERMISSION_DENIED, "%s is for admins of this node; you are %s",
			c->method->name, rpc_role_name(c->client->role));
	if (rpc_params_check(c->method, req->params, &fault) != 0)
		return call_refuse_param(c, fault.param, "%s", fault.message);
	refused = refuse_unready(c);
	if (refused)
		return refused;
	if (c->client->calls >= CLIENT_CALLS_MAX)
		return call_fail(c, RPC_ERR_BUSY, "%d calls of yours are unfinished", CLIENT_CALLS_MAX);
	if (c->method->role == RPC_ROLE_ADMIN)
		log_info("CONTROL", "admin_call", kv_text("method", c->method->name),
			kv_uint("uid", c->client->who.uid), kv_int("pid", c->client->who.pid));
	return dispatch(c->method->id)(c);
}

void call_run(struct client *client, struct batch *batch, const struct rpc_request *req)
{
	struct ticket *t = xcalloc(1, sizeof(*t));
	struct call c = {.client = client, .ticket = t, .params = req->params};
	const struct answer *given;

	t->client = client;
	t->batch = batch;
	t->of = client->control->node;
	t->id = req->id ? json_deep_copy(req->id) : NULL;
	t->began = loop_clock(t->of->loop);
	t->limit = TIMER(on_limit, t);
	given = run(&c, req);
	assert(given == &c.answer && c.answer.is_given); /* a handler without an answer is our bug */
	(void)given;
}
