/* SPDX-License-Identifier: Apache-2.0 */
/* peer.perf: how fast bytes go to a peer and come back; by its id over the connection that there is,
 * or by an address that is dialled first. */
#include <stdlib.h>

#include "daemon/control/client.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/known.h"
#include "daemon/control/server.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define PERF_BYTES_USUAL (UINT64_C(16) << 20) /* each way, when left out */
#define PERF_LOOK_MS     1000 /* how soon a run ends whose asker has gone: it may be one of minutes */
#define PERF_SLACK_MS    2000 /* the ticket's own limit, behind those of the dial and the run */

struct perf_call {
	struct wait wait; /* for on_close alone */
	struct ticket *t;
	struct dial *dial;    /* one of these two is under way */
	struct perf_run *run;
	struct swarm_conn conn; /* as it was when the run began */
	uint64_t up, down;
	unsigned streams;
	struct timer look;
};

static void perf_call_free(struct perf_call *p)
{
	loop_timer_stop(ticket_node(p->t)->loop, &p->look);
	list_remove(&p->wait.node);
	free(p);
}

static void fail(struct perf_call *p, int code, const char *why)
{
	struct ticket *t = p->t;

	perf_call_free(p);
	ticket_fail(t, code, why ? "%s" : NULL, why);
}

static void let_go(struct perf_call *p)
{
	if (p->dial)
		dial_cancel(p->dial);
	if (p->run)
		perf_run_cancel(p->run);
}

static void on_close(struct wait *w)
{
	struct perf_call *p = list_entry(w, struct perf_call, wait);

	let_go(p);
	fail(p, RPC_ERR_SHUTTING_DOWN, NULL);
}

static void on_look(void *arg, mono_t now)
{
	struct perf_call *p = arg;

	(void)now;
	if (ticket_is_wanted(p->t)) {
		loop_timer_in_ms(ticket_node(p->t)->loop, &p->look, PERF_LOOK_MS);
		return;
	}
	let_go(p);
	fail(p, RPC_ERR_TIMEOUT, NULL); /* nobody hears it */
}

/* ---- the run ---- */

static double seconds(int64_t ns)
{
	return (double)(ns / 1000) / 1e6;
}

static json_t *result_of(const struct perf_call *p, const struct perf_result *r)
{
	return json_pack("{s:o, s:I, s:I, s:f, s:I, s:f, s:o, s:o}", "peer_id", shape_peer(&p->conn.peer),
		"streams", (json_int_t)r->streams, "up_bytes", (json_int_t)r->up_bytes, "up_s",
		seconds(perf_up_ns(r)), "down_bytes", (json_int_t)r->down_bytes, "down_s",
		seconds(perf_down_ns(r)), "transport", shape_text(p->conn.transport), "security",
		shape_text(p->conn.security));
}

static void fail_run(struct perf_call *p, int err)
{
	if (err == P2P_ERR_UNSUPPORTED)
		fail(p, RPC_ERR_PROTOCOL_UNSUPPORTED, "the peer does not serve /perf/1.0.0 to this node");
	else if (err == P2P_ERR_RESET)
		fail(p, RPC_ERR_BUSY, "the peer broke it off: it is measuring already, or it moves no such amount");
	else if (err == P2P_ERR_CLOSED)
		fail(p, RPC_ERR_NOT_CONNECTED, "the connection went away meanwhile");
	else if (err == P2P_ERR_TIMEOUT)
		fail(p, RPC_ERR_TIMEOUT, "nothing moved for 10 s, or it took more than 5 min");
	else
		fail(p, RPC_ERR_PROTOCOL_UNSUPPORTED, "the peer sent other bytes than were asked for");
}

static void on_done(void *arg, int err, const struct perf_result *r)
{
	struct perf_call *p = arg;
	struct ticket *t = p->t;
	json_t *result;

	if (err) {
		fail_run(p, err);
		return;
	}
	result = result_of(p, r);
	perf_call_free(p);
	ticket_ok(t, result);
}

/* P2P_ERR_CLOSED: no such connection; others as perf_run_start(). */
static int start_run(const struct control_node *n, struct perf_call *p, uint64_t conn)
{
	struct perf_opts opts = {.conn = conn, .up = p->up, .down = p->down, .streams = p->streams,
		.on_done = on_done, .arg = p};

	if (!swarm_get(n->swarm, conn, &p->conn))
		return P2P_ERR_CLOSED;
	return perf_run_start(n->perfs, &opts, &p->run);
}

/* ---- the dial before it ---- */

static void on_dialled(void *arg, const struct dial_result *r)
{
	struct perf_call *p = arg;
	int err;

	p->dial = NULL;
	if (r->err) {
		fail(p, r->err == P2P_ERR_MISMATCH ? RPC_ERR_PEER_ID_MISMATCH : RPC_ERR_DIAL_FAILED,
			r->why && r->why[0] ? r->why : err_text(r->err));
		return;
	}
	err = start_run(ticket_node(p->t), p, r->conn);
	if (err)
		fail(p, err == P2P_ERR_CLOSED ? RPC_ERR_NOT_CONNECTED : RPC_ERR_BUSY, NULL);
}

static int start_dial(const struct control_node *n, struct perf_call *p, struct maddr *addr)
{
	struct dial_request req = {.addrs = addr, .addr_count = 1, .may_reuse = true,
		.on_done = on_dialled, .arg = p};

	(void)maddr_split_peer(addr, &req.expected);
	return dialer_dial(n->dialer, &req, &p->dial);
}

/* ---- the call ---- */

/* The addressed, in one of its two forms. */
static struct answer *find_target(struct call *c, struct peer_id *ret_peer, struct maddr *ret_addr)
{
	const char *peer = call_text(c, "peer"), *address = call_text(c, "address");

	*ret_addr = MADDR_NONE;
	if (!peer == !address)
		return call_refuse_param(c, "peer", "either this or address has to be there");
	return address ? call_addr(c, "address", ret_addr) : call_peer(c, "peer", ret_peer);
}

static struct answer *refuse(struct call *c, int err)
{
	if (err == P2P_ERR_CLOSED)
		return call_fail(c, RPC_ERR_NOT_CONNECTED, NULL);
	if (err == P2P_ERR_INVALID)
		return call_refuse_param(c, "address", "is this node itself");
	return call_fail(c, RPC_ERR_BUSY, NULL);
}

struct answer *do_PEER_PERF(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct peer_id peer;
	struct maddr addr;
	struct perf_call *p;
	uint64_t up, down, streams;
	struct answer *answer = find_target(c, &peer, &addr);
	int err;

	if (!answer)
		answer = call_uint(c, "up", 0, PERF_BYTES_MAX, PERF_BYTES_USUAL, &up);
	if (!answer)
		answer = call_uint(c, "down", 0, PERF_BYTES_MAX, PERF_BYTES_USUAL, &down);
	if (!answer)
		answer = call_uint(c, "streams", 1, PERF_STREAMS_MAX, 1, &streams);
	if (answer)
		return answer;
	p = xcalloc(1, sizeof(*p));
	p->wait.on_close = on_close;
	p->look = TIMER(on_look, p);
	p->up = up;
	p->down = down;
	p->streams = (unsigned)streams;
	err = addr.len ? start_dial(n, p, &addr) : start_run(n, p, swarm_find(n->swarm, &peer));
	if (err) {
		free(p);
		return refuse(c, err);
	}
	list_append(&call_client(c)->control->waits, &p->wait.node);
	answer = call_later(c, &p->t);
	/* Nothing above can take longer than this. */
	ticket_limit(p->t, DIAL_TOTAL_MS + PERF_TOTAL_MS + PERF_SLACK_MS);
	loop_timer_in_ms(n->loop, &p->look, PERF_LOOK_MS);
	return answer;
}
