/* SPDX-License-Identifier: Apache-2.0 */
/* The push stream, both sides (p2pos.md section 3.2): on disk before "applied". Snapshots handed in by
 * the operator wait for their verdict in the same list. */
#include <stdlib.h>

#include "daemon/cluster/drive_private.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/p2pos/exchange.h"
#include "proto/p2pos/protocols.h"

struct verdict_wait {
	struct list node;
	uint64_t token;
	struct peer_id from;
	struct ask_call *call; /* the pusher; NULL for the operator */
	void (*on_verdict)(void *arg, const struct core_verdict *v);
	void *arg;
};

static const struct json_limits snapshot_limits = {SNAPSHOT_BYTES_MAX, SNAPSHOT_VALUES_MAX,
	SNAPSHOT_MEMBER_TEXT_MAX};

static void answer(struct ask_call *call, const struct core_verdict *v)
{
	struct push_answer a = {.applied = v->applied};
	struct buf out = BUF_WITH_MAX(1024);

	text_copy(a.error, sizeof(a.error), bytes_str(v->error ? v->error : ""));
	if (v->unchanged)
		text_copy(a.result, sizeof(a.result), bytes_str(PUSH_RESULT_UNCHANGED));
	if (push_answer_print(&out, &a))
		ask_refuse(call);
	else
		ask_answer(call, buf_bytes(&out));
	buf_deinit(&out);
}

static struct core_verdict verdict_refused(enum snapshot_reason reason, const char *error)
{
	return (struct core_verdict){.reason = reason, .error = error};
}

static void finish(struct drive *d, struct verdict_wait *w, const struct core_verdict *v)
{
	list_remove(&w->node);
	d->verdict_count--;
	if (w->call)
		answer(w->call, v);
	else if (w->on_verdict)
		w->on_verdict(w->arg, v);
	free(w);
}

static struct verdict_wait *wait_new(struct drive *d)
{
	struct verdict_wait *w = xcalloc(1, sizeof(*w));

	w->token = ++d->last_token;
	list_append(&d->verdicts, &w->node);
	d->verdict_count++;
	return w;
}

void push_verdict(struct drive *d, const struct core_verdict *v)
{
	list_each(node, &d->verdicts) {
		struct verdict_wait *w = list_entry(node, struct verdict_wait, node);

		if (w->token != v->token)
			continue;
		if (v->applied)
			metric_inc(M_SNAPSHOTS, w->call ? "push" : "local",
				v->unchanged ? "unchanged" : "applied");
		else
			tell_rejected(d, v->reason, w->call ? SNAPSHOT_PUSHED : SNAPSHOT_LOCAL, &w->from);
		finish(d, w, v);
		return;
	}
}

static void on_question(void *arg, struct ask_call *call, int err, struct bytes question)
{
	struct drive *d = arg;
	struct core_verdict refused;
	struct verdict_wait *w;

	if (err || d->is_stopping || d->verdict_count >= DRIVE_VERDICTS_MAX) {
		refused = err ? verdict_refused(err == P2P_ERR_TOO_LARGE ? SNAPSHOT_TOO_LARGE : SNAPSHOT_MALFORMED,
					err == P2P_ERR_TOO_LARGE ? snapshot_reason_text(SNAPSHOT_TOO_LARGE)
								 : snapshot_reason_text(SNAPSHOT_MALFORMED))
			      : verdict_refused(SNAPSHOT_RATE_LIMITED, d->is_stopping ? "node is stopping"
					: snapshot_reason_text(SNAPSHOT_RATE_LIMITED));
		tell_rejected(d, refused.reason, SNAPSHOT_PUSHED, ask_call_peer(call));
		answer(call, &refused);
		return;
	}
	w = wait_new(d);
	w->call = call;
	w->from = *ask_call_peer(call);
	core_snapshot_in(d->o.core, w->token, SNAPSHOT_PUSHED, ask_call_conn(call), question, drive_wall(d),
		drive_now(d));
	drive_wake(d);
}

void push_serve(struct drive *d)
{
	const struct ask_service s = {.protocol = PROTOCOL_MEMBERSHIP_PUSH, .limits = &snapshot_limits,
		.forgives_json = true, .on_question = on_question, .arg = d};

	(void)ask_serve(d->o.streams, &s);
}

void drive_publish(struct drive *d, struct bytes json,
	void (*on_verdict)(void *arg, const struct core_verdict *v), void *arg)
{
	struct core_verdict refused;
	struct verdict_wait *w;

	if (d->is_stopping || d->verdict_count >= DRIVE_VERDICTS_MAX) {
		refused = verdict_refused(SNAPSHOT_OK, d->is_stopping ? "node is stopping" : "too many at once");
		on_verdict(arg, &refused);
		return;
	}
	w = wait_new(d);
	w->on_verdict = on_verdict;
	w->arg = arg;
	w->from = *swarm_self(d->o.swarm);
	core_snapshot_in(d->o.core, w->token, SNAPSHOT_LOCAL, 0, json, drive_wall(d), drive_now(d));
	drive_wake(d);
}

void push_deinit(struct drive *d)
{
	const struct core_verdict stopped = verdict_refused(SNAPSHOT_OK, "node is stopping");

	list_each(node, &d->verdicts)
		finish(d, list_entry(node, struct verdict_wait, node), &stopped);
}

/* ---- our own pushes ---- */

static void on_pushed(struct question *q, int err, struct bytes reply)
{
	struct drive *d = q->d;
	struct push_answer a = {0};

	core_push_done(d->o.core, q->conn, err ? BYTES_NONE : reply, err, drive_wall(d), drive_now(d));
	if (!err)
		err = push_answer_parse(reply, &a);
	if (d->watch.on_push)
		d->watch.on_push(d->watch.arg, &q->peer, err, a.applied);
	drive_wake(d);
}

void push_send(struct drive *d, uint64_t conn)
{
	static const struct json_limits limits = {1024, 8, 1024};
	const struct snapshot *s = core_snapshot(d->o.core);

	if (s)
		question_send(d, conn, PROTOCOL_MEMBERSHIP_PUSH, buf_bytes(&s->raw), &limits, PUSH_MS, on_pushed);
}
