/* SPDX-License-Identifier: Apache-2.0 */
/* One decision of the core, carried out. */
#include <stdlib.h>

#include "daemon/cluster/drive_private.h"
#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/p2pos/evidence.h"
#include "proto/p2pos/protocols.h"

struct drive_dial {
	struct list node;
	struct drive *d;
	uint64_t id;
	struct dial *dial; /* NULL once it is over */
};

static enum core_stage stage_of(enum dial_stage stage)
{
	switch (stage) {
	case DIAL_WAITING:
	case DIAL_RESOLVE:
	case DIAL_CONNECT: return CORE_AT_CONNECT;
	case DIAL_SECURITY: return CORE_AT_SECURE;
	case DIAL_MUXER: return CORE_AT_MUX;
	case DIAL_ADMIT:
	case DIAL_IDENTIFY:
	case DIAL_DONE:
	case DIAL_STAGE_COUNT: break;
	}
	return CORE_AT_READY;
}

static void dial_over(struct drive_dial *dd)
{
	struct drive *d = dd->d;

	core_dial_done(d->o.core, dd->id, drive_wall(d), drive_now(d));
	list_remove(&dd->node);
	free(dd);
	drive_wake(d);
}

static const char *transport_of(const struct maddr *addr)
{
	return maddr_kind(addr) == MADDR_QUIC ? "quic-v1" : "tcp";
}

static void on_dialled(void *arg, const struct dial_result *r)
{
	struct drive_dial *dd = arg;
	struct drive *d = dd->d;
	struct swarm_conn won;

	for (size_t i = 0; i < r->attempt_count; i++) {
		const struct dial_attempt *a = &r->attempts[i];
		char text[MADDR_TEXT_MAX + 1];

		/* Never begun, or given up because another one won: no fault of that address. */
		if (a->err == 0 || a->stage == DIAL_WAITING || (r->err == 0 && a->err == P2P_ERR_CLOSED))
			continue;
		metric_inc(M_DIALS, transport_of(&a->addr),
			a->err == P2P_ERR_TIMEOUT ? "timeout" : "failed");
		log_debug("NETWORK", "dial_failed", kv_text("address", maddr_text(&a->addr, text)),
			kv_text("stage", dial_stage_name(a->stage)), kv_err("error", a->err));
		core_dial_failed(d->o.core, dd->id, &a->addr, a->err, stage_of(a->stage), drive_wall(d),
			drive_now(d));
	}
	if (r->err == 0 && swarm_get(d->o.swarm, r->conn, &won))
		metric_inc(M_DIALS, won.transport, "ok");
	dial_over(dd);
}

static void dial(struct drive *d, const struct core_dial *what)
{
	struct drive_dial *dd = xcalloc(1, sizeof(*dd));
	struct dial_request req = {.expected = what->peer, .addrs = what->addrs, .addr_count = what->count,
		.id = what->id, .on_done = on_dialled, .arg = dd};
	int err;

	dd->d = d;
	dd->id = what->id;
	list_append(&d->dials, &dd->node);
	err = dialer_dial(d->o.dialer, &req, &dd->dial);
	if (err)
		dial_over(dd);
}

struct stored_wait {
	struct drive *d;
	uint64_t token;
};

static void on_stored(void *arg, int err)
{
	struct stored_wait *w = arg;

	core_stored(w->d->o.core, w->token, err == 0, drive_wall(w->d), drive_now(w->d));
	drive_wake(w->d);
	free(w);
}

/* It was in force before and still is; only the disk is behind. */
static void on_stored_again(void *arg, int err)
{
	struct drive *d = arg;

	if (err)
		log_warn("STORE", "write_failed", kv_text("what", "snapshot"), kv_err("reason", err));
	else
		drive_store_rows(d);
}

static const char *source_word(enum snapshot_source source)
{
	switch (source) {
	case SNAPSHOT_STORED: return "disk";
	case SNAPSHOT_PULLED: return "sync";
	case SNAPSHOT_PUSHED: return "push";
	case SNAPSHOT_LOCAL: break;
	}
	return "local";
}

/* `texts` is owned by the caller and freed after the put, which copies. */
static void fill_row(struct drive *d, const struct snapshot *s, enum snapshot_source source,
	struct store_snapshot *row, struct bytes **ret_texts)
{
	struct bytes *texts = xcalloc(s->member_count, sizeof(*texts));

	for (size_t i = 0; i < s->member_count; i++)
		texts[i] = bytes_str(s->members[i].text);
	*row = (struct store_snapshot){.raw = buf_bytes(&s->raw), .stamp = snapshot_stamp(s), .issuer = s->issuer,
		.source = source_word(source), .received_at = drive_wall(d), .members = texts,
		.member_count = s->member_count};
	*ret_texts = texts;
}

static void store_snapshot(struct drive *d, const struct core_store *what)
{
	struct stored_wait *w = xcalloc(1, sizeof(*w));
	struct store_snapshot row;
	struct bytes *texts;
	int err;

	w->d = d;
	w->token = what->token;
	fill_row(d, what->snapshot, what->source, &row, &texts);
	err = store_put_snapshot(d->o.store, &row, on_stored, w);
	free(texts);
	if (err)
		on_stored(w, err);
}

void drive_store_again(struct drive *d)
{
	const struct snapshot *s = core_snapshot(d->o.core);
	struct store_snapshot row;
	struct bytes *texts;

	if (!s)
		return;
	fill_row(d, s, SNAPSHOT_STORED, &row, &texts);
	if (store_put_snapshot(d->o.store, &row, on_stored_again, d))
		on_stored_again(d, P2P_ERR_FULL);
	free(texts);
}

static void store_evidence(struct drive *d, struct bytes json)
{
	struct evidence e;
	struct store_snapshot row;
	struct bytes *texts;

	if (evidence_parse(json, &e))
		return; /* the core printed it; a text we cannot read back is not worth a crash */
	fill_row(d, &e.b, SNAPSHOT_PUSHED, &row, &texts);
	if (store_put_evidence(d->o.store, &row, NULL, NULL))
		log_warn("STORE", "write_failed", kv_text("what", "evidence"));
	free(texts);
	evidence_deinit(&e);
}

static void store_mark(struct drive *d, const struct core_decision *x)
{
	struct store_mark row = {.peer = x->peer, .ts = x->u.mark.heartbeat_ts};

	if (!wall_is_zero(row.ts))
		store_put_mark(d->o.store, &row);
	tell_row(d, &x->peer);
}

static void store_record(struct drive *d, const struct core_decision *x)
{
	struct store_record row = {.peer = x->peer, .seq = x->u.seq, .envelope = x->json, .at = drive_wall(d)};

	store_put_record(d->o.store, &row);
}

static void on_sent(struct question *q, int err, struct bytes answer)
{
	(void)answer;
	if (err)
		log_debug("NETWORK", "send_failed", kv_peer("peer_id", &q->peer), kv_err("error", err));
}

static void on_heartbeat_sent(struct question *q, int err, struct bytes answer)
{
	metric_inc(M_HEARTBEATS_SENT, err == 0 ? "ok" : err == P2P_ERR_UNSUPPORTED ? "unsupported" : "failed");
	if (err == P2P_ERR_UNSUPPORTED) {
		log_info("HEARTBEAT", "heartbeat_protocol_unsupported", kv_peer("peer_id", &q->peer));
		core_unsupported(q->d->o.core, q->conn, CORE_SPEAKS_HEARTBEAT);
	}
	on_sent(q, err, answer);
}

static void regrant(struct drive *d, uint64_t conn, enum core_class klass)
{
	struct swarm_grant g;

	grant_of(d, klass, &g);
	swarm_regrant(d->o.swarm, conn, &g);
}

void carry_out(struct drive *d, const struct core_decision *x)
{
	switch (x->kind) {
	case CORE_DIAL:
		if (!d->is_stopping)
			dial(d, x->u.dial);
		break;
	case CORE_RESOLVE:
		if (d->watch.on_resolve)
			d->watch.on_resolve(d->watch.arg);
		break;
	case CORE_CLOSE: swarm_close(d->o.swarm, x->conn, x->why); break;
	case CORE_GRANT: regrant(d, x->conn, x->klass); break;
	case CORE_PING: swarm_ping(d->o.swarm, x->conn); break;
	case CORE_POKE: swarm_poke(d->o.swarm, x->conn); break;
	case CORE_PULL: pull_ask(d, x->conn); break;
	case CORE_PUSH: push_send(d, x->conn); break;
	case CORE_ASK_PEERS: peers_ask(d, x->conn); break;
	case CORE_SEND_HEARTBEAT:
		question_send(d, x->conn, PROTOCOL_HEARTBEAT, x->json, NULL, SEND_MS, on_heartbeat_sent);
		break;
	case CORE_SEND_DIGEST:
		question_send(d, x->conn, PROTOCOL_HEARTBEAT_DIGEST, x->json, NULL, SEND_MS, on_sent);
		break;
	case CORE_SEND_SUSPECT:
		question_send(d, x->conn, PROTOCOL_SUSPECT, x->json, NULL, SEND_MS, on_sent);
		break;
	case CORE_SEND_RESTART: restart_send(d, x->conn, x->json); break;
	case CORE_STORE_SNAPSHOT: store_snapshot(d, &x->u.store); break;
	case CORE_STORE_RECORD: store_record(d, x); break;
	case CORE_STORE_MARK: store_mark(d, x); break;
	case CORE_EQUIVOCATION: store_evidence(d, x->json); break;
	case CORE_VERDICT: push_verdict(d, &x->u.verdict); break;
	case CORE_STATE:
	case CORE_MEMBER_UP:
	case CORE_MEMBER_DOWN:
	case CORE_MEMBERSHIP:
	case CORE_PUSH_FAILED:
	case CORE_PULL_REFUSED:
	case CORE_ALERT: break; /* told, nothing to do */
	}
}

void carry_deinit(struct drive *d)
{
	list_each(node, &d->dials) {
		struct drive_dial *dd = list_entry(node, struct drive_dial, node);

		if (dd->dial)
			dial_cancel(dd->dial);
		list_remove(&dd->node);
		free(dd);
	}
}
