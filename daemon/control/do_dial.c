/* SPDX-License-Identifier: Apache-2.0 */
/* peer.connect and peer.trace: a dial that a person asks for. */
#include <stdlib.h>

#include "daemon/control/client.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/server.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

struct dial_call {
	struct wait wait; /* for on_close alone */
	struct ticket *t;
	struct dial *dial;
	bool was_connected;
};

static void dial_call_free(struct dial_call *d)
{
	list_remove(&d->wait.node);
	free(d);
}

static void on_dial_close(struct wait *w)
{
	struct dial_call *d = list_entry(w, struct dial_call, wait);

	dial_cancel(d->dial);
	ticket_fail(d->t, RPC_ERR_SHUTTING_DOWN, NULL);
	dial_call_free(d);
}

/* The reason word of an attempt where there is one, else the sentence of its code. */
static json_t *told(int err, const char *why)
{
	return why && why[0] ? shape_text(why) : shape_err(err);
}

/* ---- connect ---- */

static json_t *attempts_of(const struct dial_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->attempt_count; i++) {
		const struct dial_attempt *a = &r->attempts[i];

		json_array_append_new(list,
			json_pack("{s:o, s:s, s:o}", "address", shape_addr(&a->addr), "stage",
				dial_stage_name(a->stage), "error", told(a->err, a->why)));
	}
	return list;
}

static void fail_connect(struct ticket *t, const struct dial_result *r)
{
	int code = r->err == P2P_ERR_MISMATCH ? RPC_ERR_PEER_ID_MISMATCH : RPC_ERR_DIAL_FAILED;
	const char *why = r->why && r->why[0] ? r->why : err_text(r->err);

	ticket_fail_with(t, code, json_pack("{s:o}", "attempts", attempts_of(r)), NULL, "%s", why);
}

static void on_connected(void *arg, const struct dial_result *r)
{
	struct dial_call *d = arg;
	const struct control_node *n = ticket_node(d->t);
	struct swarm_conn conn;
	uint64_t id = r->conn;

	if (id && swarm_get(n->swarm, id, &conn))
		ticket_ok(d->t, json_pack("{s:b, s:o}", "changed", d->was_connected ? 0 : 1, "peer",
					shape_conn(n, &conn)));
	else
		fail_connect(d->t, r);
	dial_call_free(d);
}

/* ---- trace ---- */

static bool is_step(enum dial_stage stage)
{
	return stage != DIAL_WAITING && stage != DIAL_DONE;
}

/* The stages that one attempt went through. ADMIT is ours; it is shown only when it failed. */
static void add_steps(json_t *list, const struct dial_attempt *a)
{
	for (unsigned i = 0; i < DIAL_STAGE_COUNT; i++) {
		enum dial_stage stage = (enum dial_stage)i;
		bool failed = a->err != 0 && stage == a->stage;

		if (!is_step(stage) || (a->ns[i] == 0 && !failed) ||
			(stage == DIAL_ADMIT && !failed))
			continue;
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:b, s:f, s:n, s:o}", "step", dial_stage_name(stage),
				"address", shape_addr(&a->addr), "ok", failed ? 0 : 1, "ms",
				(double)(a->ns[i] / 1000) / 1000.0, "detail", "error",
				failed ? told(a->err, a->why) : json_null()));
	}
	if (a->err != 0 && !is_step(a->stage))
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:b, s:f, s:n, s:o}", "step", "connect", "address",
				shape_addr(&a->addr), "ok", 0, "ms", 0.0, "detail", "error",
				told(a->err, a->why)));
}

static void on_traced(void *arg, const struct dial_result *r)
{
	struct dial_call *d = arg;
	json_t *steps = json_array();

	for (size_t i = 0; i < r->attempt_count; i++)
		add_steps(steps, &r->attempts[i]);
	ticket_ok(d->t, json_pack("{s:b, s:o, s:o}", "ok", r->err ? 0 : 1, "peer_id",
				shape_peer(&r->peer), "steps", steps));
	dial_call_free(d);
}

/* ---- both ---- */

static struct answer *refuse_dial(struct call *c, int err)
{
	if (err == P2P_ERR_INVALID)
		return call_refuse_param(c, "address", "is this node itself");
	return call_fail(c, RPC_ERR_BUSY, "too many dials are under way");
}

static struct answer *start_dial(struct call *c, bool is_trace)
{
	const struct control_node *n = call_node(c);
	struct dial_request req = {.addr_count = 1, .may_reuse = !is_trace,
		.wants_identify = is_trace, .on_done = is_trace ? on_traced : on_connected};
	struct maddr addr;
	uint64_t timeout_ms;
	struct dial_call *d;
	struct answer *answer = call_addr(c, "address", &addr);
	int err;

	if (!answer)
		answer = call_uint(c, "timeout_ms", 100, 120000, DIAL_TOTAL_MS, &timeout_ms);
	if (answer)
		return answer;
	(void)maddr_split_peer(&addr, &req.expected);
	d = xcalloc(1, sizeof(*d));
	d->wait.on_close = on_dial_close;
	d->was_connected = !peer_id_is_none(&req.expected) && swarm_find(n->swarm, &req.expected);
	req.addrs = &addr;
	req.arg = d;
	err = dialer_dial(n->dialer, &req, &d->dial);
	if (err) {
		dial_call_free(d);
		return refuse_dial(c, err);
	}
	list_append(&call_client(c)->control->waits, &d->wait.node);
	answer = call_later(c, &d->t);
	/* The dialer's own limit comes first unless the caller wants less. */
	ticket_limit(d->t, (int64_t)timeout_ms + (timeout_ms >= DIAL_TOTAL_MS ? 1000 : 0));
	if (is_trace)
		ticket_progress(d->t, 0, 1, "dial", "%s", call_text(c, "address"));
	return answer;
}

struct answer *do_PEER_CONNECT(struct call *c)
{
	return start_dial(c, false);
}

struct answer *do_PEER_TRACE(struct call *c)
{
	return start_dial(c, true);
}
