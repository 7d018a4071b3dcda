/* SPDX-License-Identifier: Apache-2.0 */
/* Restarts that are announced: ours to the members, theirs to us (proto/cluster/restart.c). */
#include "daemon/cluster/drive_private.h"
#include "daemon/sys/log.h"
#include "proto/base/err.h"
#include "proto/p2pos/protocols.h"
#include "proto/p2pos/restart.h"

static void on_restart(void *arg, struct ask_call *call, int err, struct bytes json)
{
	struct drive *d = arg;

	(void)err;
	err = core_restart_in(d->o.core, ask_call_conn(call), json, drive_wall(d), drive_now(d));
	if (err)
		log_info("NETWORK", "message_refused", kv_peer("peer_id", ask_call_peer(call)),
			kv_text("protocol", "restart"), kv_err("reason", err));
	else
		log_info("NODE", "member_restarting", kv_peer("peer_id", ask_call_peer(call)));
	ask_answer(call, BYTES_NONE);
	drive_wake(d);
}

void restart_serve(struct drive *d)
{
	static const struct json_limits limits = {1024, 16, 256};
	const struct ask_service s = {.protocol = PROTOCOL_RESTART, .limits = &limits, .is_silent = true,
		.on_question = on_restart, .arg = d};

	(void)ask_serve(d->o.streams, &s);
}

void restart_deinit(struct drive *d)
{
	if (d->restart.on_done)
		d->restart.on_done(d->restart.arg, d->restart.members, d->restart.told);
	d->restart.on_done = NULL;
}

static void tell_end(struct drive *d)
{
	if (!d->restart.on_done || d->restart.answered < d->restart.members)
		return;
	log_info("NODE", "restart_announced", kv_uint("members", d->restart.members),
		kv_uint("told", d->restart.told));
	restart_deinit(d);
}

static void on_told(struct question *q, int err, struct bytes answer)
{
	struct drive *d = q->d;

	(void)answer;
	d->restart.answered++;
	d->restart.told += err == 0;
	tell_end(d);
}

void restart_send(struct drive *d, uint64_t conn, struct bytes json)
{
	question_send(d, conn, PROTOCOL_RESTART, json, NULL, RESTART_SEND_MS, on_told);
}

int drive_restarting(struct drive *d, void (*on_done)(void *arg, size_t members, size_t told), void *arg)
{
	if (d->restart.on_done)
		return P2P_ERR_BUSY;
	d->restart.members = core_restarting(d->o.core, drive_wall(d), drive_now(d));
	d->restart.answered = d->restart.told = 0;
	d->restart.on_done = on_done;
	d->restart.arg = arg;
	drive_wake(d);
	tell_end(d); /* nobody to tell */
	return 0;
}
