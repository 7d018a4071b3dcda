/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cluster/drive_private.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

void drive_wake(struct drive *d)
{
	loop_at_turn_end(d->o.loop, &d->pump);
}

/* Carrying out may tell new facts (a connection that is closed is told as gone): they only wake the
 * pump again, so a decision's borrowed data outlives its own carrying out. */
static void pump(void *arg)
{
	struct drive *d = arg;
	struct core_decision x;

	assert(!d->is_pumping);
	d->is_pumping = true;
	while (core_next(d->o.core, &x)) {
		if (d->watch.on_decision)
			d->watch.on_decision(d->watch.arg, &x);
		tell(d, &x);
		carry_out(d, &x);
	}
	d->is_pumping = false;
	loop_timer_set(d->o.loop, &d->timer, core_deadline(d->o.core));
}

static void on_timer(void *arg, mono_t now)
{
	struct drive *d = arg;

	core_tick(d->o.core, drive_wall(d), now);
	drive_wake(d);
}

/* ---- news of the network become facts ---- */

static const char *judge(void *arg, const struct swarm_conn *c, struct swarm_grant *ret_grant)
{
	struct drive *d = arg;
	struct core_member before = {0}, now = {0};
	bool was_seen = core_member_get(d->o.core, &c->peer, drive_wall(d), drive_now(d), &before);
	const char *why;
	enum core_class klass;

	if (d->is_stopping) /* a newcomer would only be one more to wait for */
		return "shutdown";
	klass = core_conn_up(d->o.core, c->id, &c->peer, c->side, &c->remote, c->dial, &why, drive_wall(d),
		drive_now(d));
	drive_wake(d);
	if (klass == CORE_REFUSED) {
		log_info("NODE", "reject_peer", kv_peer("peer_id", &c->peer), kv_text("reason", why));
		metric_inc(M_PEERS_REJECTED, why);
		return why;
	}
	if (was_seen && core_member_get(d->o.core, &c->peer, drive_wall(d), drive_now(d), &now))
		tell_moved(d, &c->peer, &before.addr, &now.addr);
	grant_of(d, klass, ret_grant);
	return NULL;
}

static void on_up(void *arg, const struct swarm_conn *c)
{
	const char *direction = c->side == CONN_DIALER ? "out" : "in";

	(void)arg;
	log_debug("NETWORK", "peer_connected", kv_peer("peer_id", &c->peer), kv_text("direction", direction),
		kv_text("transport", c->transport));
	metric_inc(M_CONNECTIONS_OPENED, direction, c->transport);
	metric_observe(M_HANDSHAKE, (double)mono_since_ns(c->up_at, c->since) / 1e9, c->transport);
}

static void on_gone(void *arg, const struct swarm_conn *c, enum swarm_end how, int err, const char *why)
{
	static const enum core_down downs[] = {
		[SWARM_END_OURS] = CORE_DOWN_OURS,
		[SWARM_END_REMOTE] = CORE_DOWN_REMOTE,
		[SWARM_END_ERROR] = CORE_DOWN_ERROR,
	};
	struct drive *d = arg;

	log_debug("NETWORK", "peer_disconnected", kv_peer("peer_id", &c->peer), kv_text("reason", why),
		kv_err("error", err));
	metric_inc(M_CONNECTIONS_CLOSED, why);
	/* Our own goodbyes are no loss of anybody: a node that stops does not become degraded first. */
	if (d->is_stopping)
		return;
	core_conn_down(d->o.core, c->id, downs[how], why, drive_wall(d), drive_now(d));
	drive_wake(d);
}

static void on_heard(void *arg, uint64_t conn)
{
	struct drive *d = arg;

	core_heard(d->o.core, conn, drive_wall(d), drive_now(d));
	drive_wake(d);
}

static void on_pong(void *arg, uint64_t conn, int64_t rtt_ns)
{
	struct drive *d = arg;

	metric_observe(M_PING_RTT, (double)rtt_ns / 1e9);
	core_pong(d->o.core, conn, rtt_ns, drive_wall(d), drive_now(d));
	drive_wake(d);
}

static void on_refused(void *arg, const struct swarm_conn *c, int err, const char *why)
{
	char addr[MADDR_TEXT_MAX + 1];

	(void)arg;
	if (peer_id_is_none(&c->peer))
		log_info("NETWORK", "handshake_failed", kv_text("address", maddr_text(&c->remote, addr)),
			kv_text("reason", why), kv_err("error", err));
}

static void on_identified(void *arg, const struct identify_news *n)
{
	struct drive *d = arg;
	unsigned speaks = 0;

	if (n->err) {
		log_debug("NETWORK", "identify_failed", kv_peer("peer_id", n->peer), kv_err("error", n->err));
		return;
	}
	for (size_t i = 0; i < n->protocol_count; i++)
		speaks |= core_speaks_of(n->protocols[i]);
	core_addrs(d->o.core, n->peer, n->addrs, n->addr_count, CORE_ADDR_IDENTIFY, drive_wall(d),
		drive_now(d));
	if (n->sealed_record.len)
		(void)core_record(d->o.core, n->sealed_record, drive_wall(d), drive_now(d)); /* guests have none that counts */
	core_protocols(d->o.core, n->conn, speaks, drive_wall(d), drive_now(d));
	drive_wake(d);
}

/* ---- facts from above ---- */

void drive_addrs(struct drive *d, const struct peer_id *peer, const struct maddr *addrs,
	size_t count, enum core_addr_from from)
{
	core_addrs(d->o.core, peer, addrs, count, from, drive_wall(d), drive_now(d));
	drive_wake(d);
}

void drive_bootstrap_now(struct drive *d)
{
	core_bootstrap_now(d->o.core, drive_wall(d), drive_now(d));
	drive_wake(d);
}

unsigned drive_sync_now(struct drive *d)
{
	struct core_view v;

	core_view(d->o.core, drive_wall(d), drive_now(d), &v);
	core_sync_now(d->o.core, drive_wall(d), drive_now(d));
	drive_wake(d);
	return (unsigned)(v.conns_member < SYNC_PEERS ? v.conns_member : SYNC_PEERS);
}

void drive_stalled(struct drive *d, int64_t ms)
{
	log_info("NODE", "loop_stalled", kv_int("ms", ms));
	core_stalled(d->o.core, ms, drive_wall(d), drive_now(d));
	drive_wake(d);
}

void drive_configure(struct drive *d, const struct core_opts *opts)
{
	core_configure(d->o.core, opts, drive_wall(d), drive_now(d));
	drive_wake(d);
}

/* ---- questions ----
 *
 * swarm_conn.user is the protocol that the peer took last. What is sent by it again, which is nearly
 * always a heartbeat, is ended at once, and the two ends wake up once less for it. */

static void question_free(struct question *q)
{
	list_remove(&q->node);
	free(q);
}

static void on_asked(void *arg, int err, struct bytes answer)
{
	struct question *q = arg;

	q->ask = NULL;
	if (!err)
		swarm_set_user(q->d->o.swarm, q->conn, (void *)q->protocol);
	q->on_answer(q, err, answer);
	question_free(q);
}

void question_send(struct drive *d, uint64_t conn, const char *protocol, struct bytes message,
	const struct json_limits *limits, int64_t timeout_ms,
	void (*on_answer)(struct question *q, int err, struct bytes answer))
{
	struct swarm_conn c;
	struct question *q = xcalloc(1, sizeof(*q));
	struct ask_opts opts = {.conn = conn, .protocol = protocol, .question = message,
		.answer_limits = limits, .timeout_ms = timeout_ms, .on_done = on_asked, .arg = q};
	int err;

	q->d = d;
	q->conn = conn;
	q->protocol = protocol;
	q->on_answer = on_answer;
	if (swarm_get(d->o.swarm, conn, &c)) {
		q->peer = c.peer;
		opts.is_spoken = !limits && c.user && strcmp(c.user, protocol) == 0;
	}
	list_append(&d->questions, &q->node);
	err = ask_send(d->o.streams, &opts, &q->ask);
	if (err)
		on_asked(q, err, BYTES_NONE);
}

/* ---- life ---- */

struct drive *drive_new(const struct drive_opts *opts, const struct drive_watch *watch)
{
	struct drive *d = xcalloc(1, sizeof(*d));
	const struct swarm_watch sw = {.arg = d, .on_up = on_up, .on_gone = on_gone, .on_heard = on_heard,
		.on_pong = on_pong, .on_refused = on_refused};

	d->o = *opts;
	d->watch = *watch;
	d->pump = (struct turn_end){.run = pump, .arg = d};
	d->timer = TIMER(on_timer, d);
	list_init(&d->dials);
	list_init(&d->questions);
	list_init(&d->verdicts);
	swarm_set_judge(opts->swarm, judge, d);
	swarm_watch(opts->swarm, &sw);
	identify_listen(opts->identify, on_identified, d);
	pull_serve(d);
	push_serve(d);
	heartbeat_serve(d);
	peers_serve(d);
	restart_serve(d);
	status_serve(d);
	return d;
}

void drive_start(struct drive *d)
{
	core_tick(d->o.core, drive_wall(d), drive_now(d));
	drive_wake(d);
}

void drive_stop(struct drive *d)
{
	d->is_stopping = true;
	push_deinit(d);
	carry_deinit(d);
}

void drive_free(struct drive *d)
{
	if (!d)
		return;
	loop_timer_stop(d->o.loop, &d->timer);
	loop_turn_end_cancel(&d->pump);
	list_each(node, &d->questions) {
		struct question *q = list_entry(node, struct question, node);

		if (q->ask)
			ask_cancel(q->ask);
		question_free(q);
	}
	restart_deinit(d);
	push_deinit(d);
	status_deinit(d);
	carry_deinit(d);
	swarm_set_judge(d->o.swarm, NULL, NULL);
	free(d);
}
