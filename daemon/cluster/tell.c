/* SPDX-License-Identifier: Apache-2.0 */
/* What the core decided, told to the log, the metrics and the history. */
#include <stdlib.h>

#include "daemon/cluster/drive_private.h"
#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/text.h"

static const char *addr_text(const struct maddr *a, char *to)
{
	return a->len ? maddr_text(a, to) : "";
}

void tell_row(struct drive *d, const struct peer_id *peer)
{
	struct core_member m;
	struct store_peer row = {.peer = *peer, .last_ping_rtt_ms = -1, .observed_by = *swarm_self(d->o.swarm)};
	char addr[MADDR_TEXT_MAX + 1];

	if (!core_member_get(d->o.core, peer, drive_wall(d), drive_now(d), &m))
		return;
	text_copy(row.last_remote_addr, sizeof(row.last_remote_addr), bytes_str(addr_text(&m.addr, addr)));
	row.last_seen_at = m.self ? drive_wall(d) : m.last_seen;
	/* Whoever stops watches nobody any more: what it leaves behind does not say "online". */
	row.is_online = m.online && !d->is_stopping;
	row.has_ping = m.has_rtt;
	row.last_ping_ok = !m.suspected;
	row.last_ping_at = m.last_pong;
	if (m.has_rtt)
		row.last_ping_rtt_ms = (double)m.rtt_ns / 1e6;
	store_put_peer(d->o.store, &row);
}

void drive_store_rows(struct drive *d)
{
	struct core_member m;

	/* Of a member never seen there is nothing to say: its row came in offline with the snapshot,
	 * and thousands of such rows would push real observations out of the queue. */
	for (size_t i = 0; core_member_at(d->o.core, i, drive_wall(d), drive_now(d), &m); i++)
		if (!peer_id_is_none(&m.peer) && (m.self || m.online || !wall_is_zero(m.last_seen)))
			tell_row(d, &m.peer);
}

static void tell_state(struct drive *d, const struct core_state_change *s)
{
	struct buf missing = BUF_WITH_MAX(64 * 1024);
	struct store_state row = {.at = drive_wall(d), .prev = core_state_name(s->prev),
		.next = core_state_name(s->next), .reason = s->reason, .online = (uint32_t)s->online,
		.members = (uint32_t)s->members};
	char id[PEER_ID_TEXT_SIZE];

	for (size_t i = 0; i < s->missing_count; i++)
		if (buf_printf(&missing, "%s%s", i ? "," : "", peer_id_text(&s->missing[i], id)))
			break;
	row.missing = buf_bytes(&missing);
	if (store_put_state(d->o.store, &row, NULL, NULL))
		log_warn("STORE", "write_failed", kv_text("what", "state"));
	buf_deinit(&missing);
	log_info("NODE", "runtime_state", kv_text("prev", row.prev), kv_text("next", row.next),
		kv_text("reason", s->reason), kv_uint("online", s->online), kv_uint("members", s->members),
		kv_uint("needed", s->needed), kv_peer("peer_id", swarm_self(d->o.swarm)),
		kv_text("cluster_id", d->o.cluster_id));
	if (s->prev != s->next)
		metric_inc(M_NODE_STATE_CHANGES, row.prev, row.next);
}

static void tell_presence(struct drive *d, const struct core_decision *x)
{
	bool up = x->kind == CORE_MEMBER_UP;
	struct core_member m = {0};
	char addr[MADDR_TEXT_MAX + 1] = "";
	struct store_presence row = {.at = drive_wall(d), .peer = x->peer, .kind = up ? STORE_UP : STORE_DOWN,
		.rtt_ms = -1, .addr = addr, .reason = x->why};

	if (core_member_get(d->o.core, &x->peer, drive_wall(d), drive_now(d), &m))
		(void)addr_text(&m.addr, addr);
	if (m.has_rtt)
		row.rtt_ms = (double)m.rtt_ns / 1e6;
	store_put_presence(d->o.store, &row);
	tell_row(d, &x->peer);
	log_info("NODE", up ? "member_online" : "member_offline", kv_peer("peer_id", &x->peer),
		kv_text("reason", x->why));
}

/* The port is left out: that of a peer which dialled us is another one each time. */
static bool is_same_host(const struct maddr *a, const struct maddr *b)
{
	struct maddr_ip x, y;

	if (maddr_to_ip(a, &x) || maddr_to_ip(b, &y))
		return maddr_eq(a, b);
	return x.family == y.family && memcmp(x.ip, y.ip, sizeof(x.ip)) == 0;
}

void tell_moved(struct drive *d, const struct peer_id *peer, const struct maddr *before, const struct maddr *now)
{
	char was[MADDR_TEXT_MAX + 1], is[MADDR_TEXT_MAX + 1];
	struct store_presence row = {.at = drive_wall(d), .peer = *peer, .kind = STORE_ADDR_CHANGE, .rtt_ms = -1,
		.addr = addr_text(now, is), .reason = addr_text(before, was)};

	if (before->len == 0 || now->len == 0 || is_same_host(before, now))
		return;
	store_put_presence(d->o.store, &row);
	log_info("NODE", "peer_moved", kv_peer("peer_id", peer), kv_text("from", was), kv_text("to", is));
}

static void tell_membership(struct drive *d, const struct core_membership *m)
{
	const struct snapshot *s = m->snapshot;

	/* One fixed word for what came by push: scripts of the original look for it (P-069). */
	if (m->source == SNAPSHOT_PUSHED)
		log_info("MEMBERSHIP", "apply_snapshot_push", kv_peer("peer_id", &m->from),
			kv_wall("issued_at", s->issued_at), kv_uint("members", s->member_count));
	else
		log_info("MEMBERSHIP", "apply_snapshot", kv_peer("peer_id", &s->issuer),
			kv_wall("issued_at", s->issued_at), kv_uint("members", s->member_count),
			kv_text("source", m->source == SNAPSHOT_LOCAL ? "local"
				: m->source == SNAPSHOT_STORED ? "disk" : "sync"));
	if (m->source == SNAPSHOT_PULLED)
		metric_inc(M_SNAPSHOTS, "sync", "applied");
	drive_store_rows(d);
}

static const char *source_word(enum snapshot_source source)
{
	return source == SNAPSHOT_PUSHED ? "push" : source == SNAPSHOT_PULLED ? "sync" : "local";
}

void tell_rejected(struct drive *d, enum snapshot_reason reason, enum snapshot_source source,
	const struct peer_id *from)
{
	/* Without a fault of its own it failed on our disk. */
	log_info("MEMBERSHIP", "reject_snapshot", kv_peer("peer_id", from),
		kv_text("reason", reason == SNAPSHOT_OK ? "storage" : snapshot_reason_name(reason)),
		kv_text("source", source_word(source)));
	if (reason != SNAPSHOT_OK)
		metric_inc(M_SNAPSHOT_REJECTS, snapshot_reason_name(reason));
	metric_inc(M_SNAPSHOTS, source_word(source), reason == SNAPSHOT_STALE ? "stale" : "rejected");
	if (d->watch.on_rejected)
		d->watch.on_rejected(d->watch.arg, reason, source, from);
}

void tell(struct drive *d, const struct core_decision *x)
{
	switch (x->kind) {
	case CORE_STATE: tell_state(d, &x->u.state); break;
	case CORE_MEMBER_UP:
	case CORE_MEMBER_DOWN: tell_presence(d, x); break;
	case CORE_MEMBERSHIP: tell_membership(d, &x->u.membership); break;
	case CORE_PUSH_FAILED:
		log_info("MEMBERSHIP", "fanout_failed", kv_peer("peer_id", &x->peer), kv_text("reason", x->why));
		break;
	case CORE_PULL_REFUSED: tell_rejected(d, x->u.reason, SNAPSHOT_PULLED, &x->peer); break;
	case CORE_ALERT:
		log_warn("NODE", "alert", kv_text("reason", x->why), kv_text("text", x->text),
			kv_peer("peer_id", &x->peer));
		break;
	case CORE_EQUIVOCATION:
		log_warn("MEMBERSHIP", "membership_conflict", kv_peer("peer_id", &x->peer));
		break;
	case CORE_CLOSE:
		log_info("NODE", "close_peer", kv_peer("peer_id", &x->peer), kv_text("reason", x->why));
		break;
	case CORE_DIAL:
	case CORE_RESOLVE:
	case CORE_GRANT:
	case CORE_PING:
	case CORE_POKE:
	case CORE_PULL:
	case CORE_PUSH:
	case CORE_ASK_PEERS:
	case CORE_SEND_HEARTBEAT:
	case CORE_SEND_DIGEST:
	case CORE_SEND_SUSPECT:
	case CORE_SEND_RESTART:
	case CORE_STORE_SNAPSHOT:
	case CORE_STORE_RECORD:
	case CORE_STORE_MARK:
	case CORE_VERDICT: break;
	}
}
