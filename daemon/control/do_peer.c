/* SPDX-License-Identifier: Apache-2.0 */
/* peer.list, get, disconnect, ping, identify: the open connections. */
#include <stdlib.h>

#include "daemon/control/client.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/known.h"
#include "daemon/control/server.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define PEER_ADDRS_SHOWN     PEERBOOK_ADDRS_MAX
#define PEER_PING_COUNT      5
#define PEER_PING_COUNT_MAX  100
#define PEER_ECHO_MS         10000 /* what the daemon waits for one echo at most */
#define PEER_IDENTIFY_MS     10000
#define PEER_CALL_SLACK_MS   2000 /* the ticket's own limit, behind those of the work */

/* ---- what is there ---- */

struct answer *do_PEER_LIST(struct call *c)
{
	const struct control_node *n = call_node(c);
	json_t *list = json_array();
	struct swarm_conn conn;

	for (uint64_t id = swarm_next(n->swarm, 0); id; id = swarm_next(n->swarm, id))
		if (swarm_get(n->swarm, id, &conn) && conn.is_up)
			json_array_append_new(list, shape_conn(n, &conn));
	return call_ok(c, json_pack("{s:o}", "peers", list));
}

/* A connection to the peer of a parameter; NULL with `ret` written, or the refusal. */
static struct answer *find_conn(struct call *c, struct peer_id *ret_peer, struct swarm_conn *ret)
{
	const struct control_node *n = call_node(c);
	struct answer *refused = call_peer(c, "peer", ret_peer);

	if (refused)
		return refused;
	if (!swarm_get(n->swarm, swarm_find(n->swarm, ret_peer), ret))
		return call_fail(c, RPC_ERR_NOT_CONNECTED, NULL);
	return NULL;
}

static json_t *protocols_of(const struct control_node *n, const struct peer_id *peer)
{
	const char *names[PEERBOOK_PROTOCOLS_MAX];
	size_t count = peerbook_protocols(n->book, peer, names, PEERBOOK_PROTOCOLS_MAX);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, shape_bytes(bytes_str(names[i])));
	return list;
}

struct answer *do_PEER_GET(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct maddr addrs[PEER_ADDRS_SHOWN];
	struct swarm_conn conn;
	struct peer_id peer;
	struct answer *refused = find_conn(c, &peer, &conn);
	enum core_class klass;
	json_t *shown;

	if (refused)
		return refused;
	klass = core_conn_class(n->core, conn.id);
	shown = shape_conn(n, &conn);
	json_object_set_new(shown, "agent_version", shape_text(peerbook_agent(n->book, &peer)));
	json_object_set_new(shown, "protocols", protocols_of(n, &peer));
	json_object_set_new(shown, "listen_addresses",
		shape_addrs(addrs, peerbook_dial_addrs(n->book, &peer, addrs, PEER_ADDRS_SHOWN)));
	json_object_set_new(shown, "guest", json_boolean(klass == CORE_GUEST));
	json_object_set_new(shown, "admin_session", json_boolean(klass == CORE_ADMIN));
	return call_ok(c, json_pack("{s:o}", "peer", shown));
}

struct answer *do_PEER_DISCONNECT(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct peer_id peer;
	struct answer *refused = call_peer(c, "peer", &peer);
	uint64_t conn;

	if (refused)
		return refused;
	conn = swarm_find(n->swarm, &peer);
	if (conn)
		swarm_close(n->swarm, conn, "operator");
	return call_ok(c, json_pack("{s:b}", "changed", conn ? 1 : 0));
}

/* ---- ping ---- */

struct ping_call {
	struct wait wait; /* for on_close alone */
	struct ticket *t;
	struct ping_run *run;
	struct peer_id peer;
	unsigned count;
	int64_t patience_ns;
	int64_t min_ns, max_ns, sum_ns;
	unsigned received;
	json_t *samples; /* owned until handed into the result */
};

static void ping_call_free(struct ping_call *p)
{
	list_remove(&p->wait.node);
	json_decref(p->samples);
	free(p);
}

static void on_echo(void *arg, unsigned number, int err, int64_t rtt_ns)
{
	struct ping_call *p = arg;
	bool lost = err != 0 || rtt_ns > p->patience_ns;

	json_array_append_new(p->samples, lost ? json_null() : shape_ms(rtt_ns));
	if (!lost) {
		p->min_ns = p->received == 0 || rtt_ns < p->min_ns ? rtt_ns : p->min_ns;
		p->max_ns = rtt_ns > p->max_ns ? rtt_ns : p->max_ns;
		p->sum_ns += rtt_ns;
		p->received++;
	}
	if (lost)
		ticket_progress(p->t, number, p->count, "ping", "no answer");
	else
		ticket_progress(p->t, number, p->count, "ping", "%.3f ms", (double)rtt_ns / 1e6);
}

static void on_pinged(void *arg, int err, unsigned sent, unsigned received)
{
	struct ping_call *p = arg;
	json_t *rtt = json_null();

	if (err == P2P_ERR_UNSUPPORTED) {
		ticket_fail(p->t, RPC_ERR_PROTOCOL_UNSUPPORTED, "the peer does not answer pings");
		ping_call_free(p);
		return;
	}
	(void)received; /* of these, some may have taken longer than the caller's patience */
	if (p->received > 0)
		rtt = json_pack("{s:o, s:o, s:o}", "min", shape_ms(p->min_ns), "avg",
			shape_ms(p->sum_ns / p->received), "max", shape_ms(p->max_ns));
	ticket_ok(p->t, json_pack("{s:o, s:i, s:i, s:o, s:O}", "peer_id", shape_peer(&p->peer), "sent",
				(int)sent, "received", (int)p->received, "rtt_ms", rtt, "samples",
				p->samples));
	ping_call_free(p);
}

static void on_ping_close(struct wait *w)
{
	struct ping_call *p = list_entry(w, struct ping_call, wait);

	ping_run_cancel(p->run);
	ticket_fail(p->t, RPC_ERR_SHUTTING_DOWN, NULL);
	ping_call_free(p);
}

static struct answer *start_ping(struct call *c, struct ping_call *p, uint64_t conn,
	int64_t interval_ms, int64_t patience_ms)
{
	const struct control_node *n = call_node(c);
	struct ping_opts opts = {
		.conn = conn,
		.count = p->count,
		.interval_ms = interval_ms,
		.on_echo = on_echo,
		.on_done = on_pinged,
		.arg = p,
	};
	struct answer *answer;
	int err = ping_run_start(n->pings, &opts, &p->run);

	if (err) {
		ping_call_free(p);
		return call_fail(c, err == P2P_ERR_CLOSED ? RPC_ERR_NOT_CONNECTED : RPC_ERR_BUSY,
			NULL);
	}
	list_append(&call_client(c)->control->waits, &p->wait.node);
	answer = call_later(c, &p->t);
	/* Nothing above can take longer than this; each echo has a deadline of its own. */
	ticket_limit(p->t, (int64_t)p->count * (interval_ms + PEER_ECHO_MS) + patience_ms +
				PEER_CALL_SLACK_MS);
	return answer;
}

struct answer *do_PEER_PING(struct call *c)
{
	uint64_t count, interval_ms, patience_ms;
	struct swarm_conn conn;
	struct peer_id peer;
	struct ping_call *p;
	struct answer *refused = call_uint(c, "count", 1, PEER_PING_COUNT_MAX, PEER_PING_COUNT,
		&count);

	if (!refused)
		refused = call_uint(c, "interval_ms", 0, 10000, 1000, &interval_ms);
	if (!refused)
		refused = call_uint(c, "timeout_ms", 100, PEER_ECHO_MS, PEER_ECHO_MS,
			&patience_ms);
	if (!refused)
		refused = find_conn(c, &peer, &conn);
	if (refused)
		return refused;
	p = xcalloc(1, sizeof(*p));
	p->wait.on_close = on_ping_close;
	p->peer = peer;
	p->count = (unsigned)count;
	p->patience_ns = (int64_t)patience_ms * NS_PER_MS;
	p->samples = json_array();
	return start_ping(c, p, conn.id, (int64_t)interval_ms, (int64_t)patience_ms);
}

/* ---- identify ---- */

struct identify_call {
	struct wait wait;
	struct ticket *t;
	uint64_t conn;
};

static void identify_call_free(struct identify_call *q)
{
	list_remove(&q->wait.node);
	free(q);
}

static json_t *identified(const struct identify_news *news)
{
	json_t *protocols = json_array();

	for (size_t i = 0; i < news->protocol_count; i++)
		json_array_append_new(protocols, shape_bytes(news->protocols[i]));
	return json_pack("{s:o, s:o, s:n, s:o, s:o, s:o}", "peer_id", shape_peer(news->peer),
		"agent_version", shape_bytes(news->agent), "protocol_version", "listen_addresses",
		shape_addrs(news->addrs, news->addr_count), "observed_address",
		shape_addr(&news->observed), "protocols", protocols);
}

static void on_identified(struct wait *w, const struct identify_news *news)
{
	struct identify_call *q = list_entry(w, struct identify_call, wait);

	if (news->conn != q->conn || news->is_push)
		return;
	if (news->err == 0)
		ticket_ok(q->t, identified(news));
	else if (news->err == P2P_ERR_UNSUPPORTED)
		ticket_fail(q->t, RPC_ERR_PROTOCOL_UNSUPPORTED, NULL);
	else if (news->err == P2P_ERR_CLOSED)
		ticket_fail(q->t, RPC_ERR_NOT_CONNECTED, "the connection went away meanwhile");
	else
		ticket_fail(q->t, RPC_ERR_TIMEOUT, "the peer did not say who it is: %s",
			err_text(news->err));
	identify_call_free(q);
}

static void on_identify_close(struct wait *w)
{
	struct identify_call *q = list_entry(w, struct identify_call, wait);

	ticket_fail(q->t, RPC_ERR_SHUTTING_DOWN, NULL);
	identify_call_free(q);
}

struct answer *do_PEER_IDENTIFY(struct call *c)
{
	uint64_t timeout_ms;
	struct swarm_conn conn;
	struct peer_id peer;
	struct identify_call *q;
	struct answer *answer = call_uint(c, "timeout_ms", 100, 60000, PEER_IDENTIFY_MS, &timeout_ms);
	int err;

	if (!answer)
		answer = find_conn(c, &peer, &conn);
	if (answer)
		return answer;
	/* Being asked already is as good: its answer is the one that we wait for. */
	err = identify_ask(call_node(c)->identify, conn.id);
	if (err && err != P2P_ERR_BUSY)
		return call_fail(c, err == P2P_ERR_CLOSED ? RPC_ERR_NOT_CONNECTED : RPC_ERR_BUSY,
			NULL);
	q = xcalloc(1, sizeof(*q));
	q->wait = (struct wait){.on_identified = on_identified, .on_close = on_identify_close};
	q->conn = conn.id;
	list_append(&call_client(c)->control->waits, &q->wait.node);
	answer = call_later(c, &q->t);
	ticket_limit(q->t, (int64_t)timeout_ms);
	return answer;
}
