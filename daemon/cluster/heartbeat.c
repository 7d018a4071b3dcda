/* SPDX-License-Identifier: Apache-2.0 */
/* The short messages of members: heartbeats, digests, suspicions, admin proofs (p2pos.md sections
 * 3.6 and 3.7), and the exchange of peer records. */
#include "daemon/cluster/drive_private.h"
#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/p2pos/digest.h"
#include "proto/p2pos/exchange.h"
#include "proto/p2pos/peers.h"
#include "proto/p2pos/protocols.h"
#include "proto/p2pos/suspect.h"

static void on_heartbeat(void *arg, struct ask_call *call, int err, struct bytes json)
{
	struct drive *d = arg;
	enum heartbeat_reason why = core_heartbeat_in(d->o.core, ask_call_conn(call), json, drive_wall(d),
		drive_now(d));

	(void)err;
	metric_inc(M_HEARTBEATS_RECEIVED, heartbeat_reason_name(why));
	/* While two connections of a pair are settled, the same one may come on both. */
	if (why == HEARTBEAT_REPLAY)
		log_debug("HEARTBEAT", "heartbeat_reject", kv_peer("peer_id", ask_call_peer(call)),
			kv_text("reason", heartbeat_reason_name(why)));
	else if (why != HEARTBEAT_OK && why != HEARTBEAT_OVERTAKEN)
		log_info("HEARTBEAT", "heartbeat_reject", kv_peer("peer_id", ask_call_peer(call)),
			kv_text("reason", heartbeat_reason_name(why)));
	else
		tell_row(d, ask_call_peer(call));
	ask_answer(call, BYTES_NONE);
	drive_wake(d);
}

static void log_refused(const char *protocol, const struct ask_call *call, int err)
{
	if (err)
		log_info("NETWORK", "message_refused", kv_peer("peer_id", ask_call_peer(call)),
			kv_text("protocol", protocol), kv_err("reason", err));
}

static void on_digest(void *arg, struct ask_call *call, int err, struct bytes json)
{
	struct drive *d = arg;

	(void)err;
	err = core_digest_in(d->o.core, ask_call_conn(call), json, drive_wall(d), drive_now(d));
	log_refused("heartbeat-digest", call, err);
	ask_answer(call, BYTES_NONE);
	drive_wake(d);
}

static void on_suspect(void *arg, struct ask_call *call, int err, struct bytes json)
{
	struct drive *d = arg;

	(void)err;
	err = core_suspect_in(d->o.core, ask_call_conn(call), json, drive_wall(d), drive_now(d));
	log_refused("suspect", call, err);
	ask_answer(call, BYTES_NONE);
	drive_wake(d);
}

static void on_admin(void *arg, struct ask_call *call, int err, struct bytes json)
{
	struct drive *d = arg;
	struct buf out = BUF_WITH_MAX(1024);

	(void)err;
	err = core_admin_in(d->o.core, ask_call_conn(call), json, &out, drive_wall(d), drive_now(d));
	if (err)
		log_info("NODE", "admin_refused", kv_peer("peer_id", ask_call_peer(call)), kv_err("reason", err));
	else
		log_info("NODE", "admin_session", kv_peer("peer_id", ask_call_peer(call)));
	if (out.len)
		ask_answer(call, buf_bytes(&out));
	else
		ask_refuse(call);
	buf_deinit(&out);
	drive_wake(d);
}

void heartbeat_serve(struct drive *d)
{
	static const struct json_limits beat = {HEARTBEAT_BYTES_MAX, HEARTBEAT_VALUES_MAX, 256};
	static const struct json_limits digest = {DIGEST_BYTES_MAX,
		DIGEST_ENTRIES_MAX * DIGEST_ENTRY_VALUES, 256};
	static const struct json_limits suspect = {256, 8, 256};
	static const struct json_limits admin = {2048, 16, 256};
	const struct ask_service services[] = {
		{.protocol = PROTOCOL_HEARTBEAT, .limits = &beat, .is_silent = true,
			.on_question = on_heartbeat, .arg = d},
		{.protocol = PROTOCOL_HEARTBEAT_DIGEST, .limits = &digest, .is_silent = true,
			.on_question = on_digest, .arg = d},
		{.protocol = PROTOCOL_SUSPECT, .limits = &suspect, .is_silent = true,
			.on_question = on_suspect, .arg = d},
		{.protocol = PROTOCOL_ADMIN, .limits = &admin, .on_question = on_admin, .arg = d},
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		(void)ask_serve(d->o.streams, &services[i]);
}

/* ---- peer records ---- */

static const struct json_limits peers_limits = {PEERS_BYTES_MAX, PEERS_RECORDS_MAX + 8,
	(PEER_RECORD_BYTES_MAX + 2) / 3 * 4};

/* What we know, our own record as the peer may use it first. */
static int print_records(struct drive *d, uint64_t conn, struct buf *out)
{
	struct buf own = BUF_WITH_MAX(PEER_RECORD_BYTES_MAX);
	struct swarm_conn c;
	int err = swarm_get(d->o.swarm, conn, &c) ? 0 : P2P_ERR_CLOSED;

	if (!err && self_record(d->o.self, &c.remote, &own))
		buf_reset(&own); /* no address to tell: the others' records still help */
	if (!err)
		err = core_peers_print(d->o.core, buf_bytes(&own), out);
	buf_deinit(&own);
	return err;
}

static void on_peers(void *arg, struct ask_call *call, int err, struct bytes json)
{
	struct drive *d = arg;
	struct buf out = BUF_WITH_MAX(PEERS_BYTES_MAX);

	(void)err;
	err = core_peers_in(d->o.core, ask_call_conn(call), json, drive_wall(d), drive_now(d));
	log_refused("peers", call, err);
	if (err == 0 && print_records(d, ask_call_conn(call), &out) == 0)
		ask_answer(call, buf_bytes(&out));
	else
		ask_refuse(call);
	buf_deinit(&out);
	drive_wake(d);
}

void peers_serve(struct drive *d)
{
	const struct ask_service s = {.protocol = PROTOCOL_PEERS, .limits = &peers_limits,
		.on_question = on_peers, .arg = d};

	(void)ask_serve(d->o.streams, &s);
}

static void on_records(struct question *q, int err, struct bytes json)
{
	struct drive *d = q->d;

	if (!err)
		err = core_peers_in(d->o.core, q->conn, json, drive_wall(d), drive_now(d));
	if (err)
		log_debug("NETWORK", "peers_failed", kv_peer("peer_id", &q->peer), kv_err("reason", err));
	drive_wake(d);
}

void peers_ask(struct drive *d, uint64_t conn)
{
	struct buf out = BUF_WITH_MAX(PEERS_BYTES_MAX);

	if (print_records(d, conn, &out) == 0)
		question_send(d, conn, PROTOCOL_PEERS, buf_bytes(&out), &peers_limits, PEERS_MS, on_records);
	buf_deinit(&out);
}
