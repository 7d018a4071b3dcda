/* SPDX-License-Identifier: Apache-2.0 */
/* The membership stream, both sides (p2pos.md section 3.1): who opens it sends nothing. */
#include "daemon/cluster/drive_private.h"
#include "daemon/sys/log.h"
#include "proto/base/err.h"
#include "proto/p2pos/exchange.h"
#include "proto/p2pos/protocols.h"

static void on_question(void *arg, struct ask_call *call, int err, struct bytes question)
{
	struct drive *d = arg;
	struct buf out = BUF_WITH_MAX(SNAPSHOT_BYTES_MAX + 4096);

	(void)err;
	(void)question;
	if (core_pull_print(d->o.core, &out))
		ask_refuse(call);
	else
		ask_answer(call, buf_bytes(&out));
	buf_deinit(&out);
}

void pull_serve(struct drive *d)
{
	const struct ask_service s = {.protocol = PROTOCOL_MEMBERSHIP, .on_question = on_question, .arg = d};

	(void)ask_serve(d->o.streams, &s); /* fails only for a name served twice */
}

static void on_pulled(struct question *q, int err, struct bytes answer)
{
	struct drive *d = q->d;

	if (err)
		log_debug("MEMBERSHIP", "pull_failed", kv_peer("peer_id", &q->peer), kv_err("reason", err));
	core_pull_done(d->o.core, q->conn, err ? BYTES_NONE : answer, err, drive_wall(d), drive_now(d));
	if (d->watch.on_pull)
		d->watch.on_pull(d->watch.arg, &q->peer, err);
	drive_wake(d);
}

void pull_ask(struct drive *d, uint64_t conn)
{
	static const struct json_limits limits = {SNAPSHOT_BYTES_MAX, SNAPSHOT_VALUES_MAX + 8, 4096};

	question_send(d, conn, PROTOCOL_MEMBERSHIP, BYTES_NONE, &limits, PULL_MS, on_pulled);
}
