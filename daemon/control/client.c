/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/client.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/control/events.h"
#include "daemon/control/server.h"
#include "daemon/sys/log.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

static bool is_doomed(const struct client *c)
{
	return c->flow == NULL;
}

size_t client_backlog(const struct client *c)
{
	return c->flow ? flow_queued(c->flow) : 0;
}

/* ---- deadlines ---- */

/* A subscriber may be silent for ever, as long as it reads what it is told. */
static bool has_business(const struct client *c)
{
	return c->calls > 0 || (events_is_subscribed(c) && client_backlog(c) == 0);
}

void client_touch(struct client *c)
{
	mono_t when = mono_add_ms(c->line_since, CLIENT_LINE_MS);

	if (is_doomed(c))
		return;
	if (!has_business(c))
		when = mono_min(when, mono_add_ms(c->idle_since, CLIENT_IDLE_MS));
	loop_timer_set(c->control->loop, &c->timer, when);
}

static void on_deadline(void *arg, mono_t now)
{
	struct client *c = arg;

	if (mono_reached(mono_add_ms(c->line_since, CLIENT_LINE_MS), now)) {
		client_doom(c, "slow_line", 0);
		return;
	}
	if (!has_business(c) && mono_reached(mono_add_ms(c->idle_since, CLIENT_IDLE_MS), now))
		client_doom(c, client_backlog(c) > 0 ? "slow_reader" : NULL, 0);
	else
		client_touch(c);
}

/* ---- sending ---- */

static struct buf printed(const json_t *doc)
{
	struct buf out = BUF_WITH_MAX(RPC_ANSWER_BYTES_MAX);

	if (rpc_put(&out, doc) != 0) {
		json_t *sorry = rpc_answer_error(json_object_get(doc, "id"), RPC_ERR_UNSUPPORTED,
			"the answer is longer than 8 MiB", "ask for less at a time", NULL);

		(void)rpc_put(&out, sorry); /* a few hundred bytes: it fits */
		json_decref(sorry);
	}
	return out;
}

void client_send(struct client *c, json_t *take_doc)
{
	struct buf out;

	if (!is_doomed(c)) {
		out = printed(take_doc);
		if (client_backlog(c) + out.len > CLIENT_BACKLOG_BYTES_MAX ||
			flow_write(c->flow, buf_bytes(&out)) == P2P_ERR_FULL)
			client_doom(c, "slow_reader", 0);
		buf_deinit(&out);
		client_touch(c);
		if (client_backlog(c) > 0)
			server_mind_backlog(c->control);
	}
	json_decref(take_doc);
}

static void batch_free(struct batch *b)
{
	list_remove(&b->node);
	json_decref(b->answers);
	free(b);
}

static void batch_done_one(struct client *c, struct batch *b)
{
	json_t *answers;

	if (--b->open > 0)
		return;
	answers = json_incref(b->answers);
	batch_free(b);
	/* Nothing but notifications: nothing is answered, not even an empty array. */
	if (json_array_size(answers) == 0)
		json_decref(answers);
	else
		client_send(c, answers);
}

void client_answer(struct client *c, struct batch *b, json_t *take_doc)
{
	if (!b) {
		if (take_doc)
			client_send(c, take_doc);
		return;
	}
	if (take_doc)
		json_array_append_new(b->answers, take_doc);
	batch_done_one(c, b);
}

/* ---- reading ---- */

static void run_batch(struct client *c, const struct rpc_requests *r)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->answers = json_array();
	b->open = (unsigned)r->count + 1;
	list_append(&c->batches, &b->node);
	for (size_t i = 0; i < r->count; i++)
		call_run(c, b, &r->at[i]);
	batch_done_one(c, b);
}

static void run_line(struct client *c, struct bytes line)
{
	struct rpc_requests r;
	int code;

	c->idle_since = loop_now(c->control->loop);
	if (rpc_requests_parse(line, &r, &code) != 0) {
		client_send(c, rpc_answer_error(NULL, code, NULL, NULL, NULL));
		return;
	}
	if (r.is_batch)
		run_batch(c, &r);
	else
		call_run(c, NULL, &r.at[0]);
	rpc_requests_deinit(&r);
}

static void refuse_line(struct client *c)
{
	client_send(c, rpc_answer_error(NULL, RPC_ERR_REQUEST, "the line is too long",
		"a line has at most 1 MiB + 64 KiB", NULL));
	client_doom(c, "long_line", CLIENT_LINGER_MS);
}

/* Carries out the lines at hand while the client keeps up with its answers. What is left waits
 * for on_room(); meanwhile nothing more is read, so what we hold of it stays bounded. */
static void work(struct client *c)
{
	struct bytes line;
	int got = 0;

	c->is_working = true;
	while (!is_doomed(c) && client_backlog(c) < CLIENT_BACKLOG_BYTES_HIGH) {
		got = rpc_lines_next(&c->lines, &line);
		if (got <= 0)
			break;
		run_line(c, line);
	}
	c->is_working = false;
	if (is_doomed(c))
		return;
	if (got < 0) {
		refuse_line(c);
		return;
	}
	c->is_paused = client_backlog(c) >= CLIENT_BACKLOG_BYTES_HIGH;
	if (c->is_paused)
		flow_pause(c->flow);
	else
		flow_resume(c->flow);
	/* Only a line that really is unfinished has a deadline, and from its first byte on. */
	if (c->is_paused || !rpc_lines_is_partial(&c->lines))
		c->line_since = MONO_NEVER;
	else if (mono_is_never(c->line_since))
		c->line_since = loop_now(c->control->loop);
	client_touch(c);
}

static void on_data(void *arg, struct bytes in)
{
	struct client *c = arg;

	if (is_doomed(c))
		return;
	/* A line that ended in this piece takes its deadline with it. */
	if (in.len > 0 && memchr(in.at, '\n', in.len))
		c->line_since = MONO_NEVER;
	rpc_lines_feed(&c->lines, in);
	work(c);
}

static void on_room(void *arg)
{
	struct client *c = arg;

	if (is_doomed(c))
		return;
	c->idle_since = loop_now(c->control->loop);
	if (c->is_paused)
		work(c);
}

static void on_end(void *arg, int err)
{
	struct client *c = arg;

	(void)err; /* a client that leaves in whatever way is no news */
	if (!is_doomed(c))
		client_doom(c, NULL, 0);
}

static const struct flow_handler handler = {
	.on_data = on_data,
	.on_room = on_room,
	.on_end = on_end,
};

/* ---- life ---- */

void client_open(struct control *control, struct flow *take_flow, const struct pipe_caller *who,
	enum rpc_role role)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->control = control;
	c->flow = take_flow;
	c->who = *who;
	c->role = role;
	c->timer = TIMER(on_deadline, c);
	c->line_since = MONO_NEVER;
	c->idle_since = loop_now(control->loop);
	list_init(&c->tickets);
	list_init(&c->batches);
	rpc_lines_init(&c->lines, RPC_LINE_BYTES_MAX);
	list_append(&control->clients, &c->node);
	control->client_count++;
	flow_start(c->flow, &handler, c);
	client_touch(c);
}

void client_doom(struct client *c, const char *why, int64_t linger_ms)
{
	size_t backlog = client_backlog(c);

	if (is_doomed(c))
		return;
	if (linger_ms > 0)
		flow_close_after_write(c->flow, linger_ms);
	else
		flow_close(c->flow);
	c->flow = NULL;
	loop_timer_stop(c->control->loop, &c->timer);
	server_bury(c->control, c);
	/* Last: the line may go out as an event to other clients. */
	if (why)
		log_warn("CONTROL", "client_dropped", kv_text("reason", why),
			kv_int("pid", c->who.pid), kv_uint("uid", c->who.uid),
			kv_uint("backlog", backlog));
}

void client_free(struct client *c)
{
	assert(is_doomed(c) && !c->is_working);
	list_each (node, &c->tickets)
		ticket_orphan(node);
	list_each (node, &c->batches)
		batch_free(list_entry(node, struct batch, node));
	rpc_lines_deinit(&c->lines);
	list_remove(&c->node);
	free(c);
}
