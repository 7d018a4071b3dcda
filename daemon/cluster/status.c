/* SPDX-License-Identifier: Apache-2.0 */
/* The status stream (p2pos.md section 3.4): this node's own records, and the cluster's answer gathered
 * from all connected members within its time.
 *
 * Gathering is costly for everybody, so it happens at most once in GATHER_KEEP_MS: whoever
 * asks meanwhile waits for the one under way or gets the answer that is there. */
#include <stdlib.h>

#include "daemon/cluster/drive_private.h"
#include "daemon/sys/log.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/p2pos/protocols.h"

#define GATHER_KEEP_MS     5000  /* an answer may be this old */
#define GATHER_TOTAL_MS    15000 /* P-096 */
#define GATHER_EACH_MS     5000
#define GATHER_WAITING_MAX 64    /* askers at once; the next gets our own records, marked incomplete */

struct gather_wait {
	struct list node;
	drive_status_fn *on_done;
	void *arg;
};

struct gather {
	struct drive *d;
	struct status_answer view;
	mono_t done_at;     /* MONO_ZERO: never */
	bool is_running;
	size_t open;        /* questions without an answer yet */
	struct list waiting; /* struct gather_wait */
	size_t waiting_count;
	struct timer timer; /* GATHER_TOTAL_MS */
};

/* ---- our own records ---- */

static void add_hints(const struct core *core, const struct peer_id *peer, struct status_record *r,
	char texts[STATUS_ADDRS_MAX][MADDR_TEXT_MAX + 1])
{
	struct core_addr a;

	for (size_t i = 0; r->addr_count < STATUS_ADDRS_MAX && core_addr_at(core, peer, i, &a); i++) {
		if (maddr_reach(&a.addr) < MADDR_REACH_PRIVATE)
			continue;
		r->addrs[r->addr_count] = maddr_text(&a.addr, texts[r->addr_count]);
		r->addr_count++;
	}
}

int drive_status_local(struct drive *d, struct status_answer *ret)
{
	struct core_view v;
	struct core_member m;
	wall_t wall = drive_wall(d);
	mono_t now = drive_now(d);

	*ret = (struct status_answer){.generated_at = wall};
	core_view(d->o.core, wall, now, &v);
	if (v.state == CORE_UNCONFIGURED) {
		text_copy(ret->error, sizeof(ret->error), bytes_str(STATUS_ERR_UNCONFIGURED));
		return P2P_ERR_REFUSED;
	}
	for (size_t i = 0; core_member_at(d->o.core, i, wall, now, &m); i++) {
		char addr[MADDR_TEXT_MAX + 1], hints[STATUS_ADDRS_MAX][MADDR_TEXT_MAX + 1];
		struct status_record r = {.peer = m.peer, .observed_by = v.self, .online = m.online || m.self,
			.last_seen_at = m.self ? wall : m.last_seen,
			.last_remote_addr = maddr_text(&m.addr, addr)};

		if (peer_id_is_none(&m.peer))
			continue;
		if (!m.self)
			add_hints(d->o.core, &m.peer, &r, hints);
		(void)status_answer_put(ret, &r); /* full only above what a snapshot can hold */
	}
	return 0;
}

/* ---- the cluster's ---- */

static bool is_member(const void *core, const struct peer_id *peer)
{
	return core_is_member(core, peer);
}

static void tell_waiting(struct gather *g, int err)
{
	list_each(node, &g->waiting) {
		struct gather_wait *w = list_entry(node, struct gather_wait, node);

		list_remove(&w->node);
		g->waiting_count--;
		w->on_done(w->arg, err, &g->view);
		free(w);
	}
}

static void gather_finish(struct gather *g)
{
	g->is_running = false;
	g->done_at = drive_now(g->d);
	loop_timer_stop(g->d->o.loop, &g->timer);
	tell_waiting(g, 0);
}

/* Still open at the end: named as silent. Their late answers change nothing any more. */
static void on_total(void *arg, mono_t now)
{
	struct gather *g = arg;

	(void)now;
	gather_finish(g);
}

static void on_status(struct question *q, int err, struct bytes json)
{
	struct gather *g = q->d->gather;
	struct status_answer a = {0};
	const struct status_merge_rules rules = {.now = drive_wall(q->d), .is_member = is_member,
		.who_knows = q->d->o.core};

	if (!err)
		err = status_answer_parse(json, &a);
	if (!err && !a.error[0])
		status_merge(&g->view, &a, &rules);
	else if (g->is_running)
		status_answer_incomplete(&g->view, &q->peer);
	status_answer_deinit(&a);
	if (g->open > 0 && --g->open == 0 && g->is_running)
		gather_finish(g);
}

static void ask_members(struct gather *g)
{
	static const struct json_limits limits = {STATUS_BYTES_MAX, 128 * 1024, 4096};
	struct drive *d = g->d;
	struct buf question = BUF_WITH_MAX(256);
	struct core_member m;

	(void)status_request_print(&question, STATUS_LOCAL);
	g->open = 1; /* ours, until all are asked: a question may fail at once */
	for (size_t i = 0; core_member_at(d->o.core, i, drive_wall(d), drive_now(d), &m); i++) {
		if (!m.conn)
			continue;
		g->open++;
		question_send(d, m.conn, PROTOCOL_STATUS, buf_bytes(&question), &limits, GATHER_EACH_MS,
			on_status);
	}
	buf_deinit(&question);
	if (--g->open == 0)
		gather_finish(g);
	else
		loop_timer_in_ms(d->o.loop, &g->timer, GATHER_TOTAL_MS);
}

static bool is_fresh(const struct gather *g)
{
	return g->done_at.ns != 0 && mono_since_ms(drive_now(g->d), g->done_at) < GATHER_KEEP_MS;
}

void drive_status_cluster(struct drive *d, drive_status_fn *on_done, void *arg)
{
	struct gather *g = d->gather;
	struct status_answer own;
	struct gather_wait *w;
	int err;

	if (!g->is_running && is_fresh(g)) {
		on_done(arg, 0, &g->view);
		return;
	}
	err = g->is_running ? 0 : drive_status_local(d, &own);
	if (err || g->waiting_count >= GATHER_WAITING_MAX) {
		on_done(arg, err ? err : P2P_ERR_FULL, err ? &own : &g->view);
		if (err)
			status_answer_deinit(&own);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->on_done = on_done;
	w->arg = arg;
	list_append(&g->waiting, &w->node);
	g->waiting_count++;
	if (g->is_running)
		return;
	status_answer_deinit(&g->view);
	g->view = own;
	g->is_running = true;
	ask_members(g);
}

/* ---- serving ---- */

static void answer(struct drive *d, struct ask_call *call, const struct status_answer *a)
{
	struct buf out = BUF_WITH_MAX(STATUS_BYTES_MAX + 1);

	if (status_answer_print(&out, a, core_is_member(d->o.core, ask_call_peer(call))))
		ask_refuse(call);
	else
		ask_answer(call, buf_bytes(&out));
	buf_deinit(&out);
}

struct cluster_call {
	struct drive *d;
	struct ask_call *call;
};

static void on_gathered(void *arg, int err, const struct status_answer *a)
{
	struct cluster_call *cc = arg;

	(void)err; /* an error has its own text in the answer, or the records that there are */
	answer(cc->d, cc->call, a);
	free(cc);
}

static void on_question(void *arg, struct ask_call *call, int err, struct bytes question)
{
	struct drive *d = arg;
	struct status_answer own;
	struct cluster_call *cc;

	if (!err && status_request_parse(question) == STATUS_CLUSTER) {
		cc = xcalloc(1, sizeof(*cc));
		cc->d = d;
		cc->call = call;
		drive_status_cluster(d, on_gathered, cc);
		return;
	}
	/* Unconfigured is said in the answer itself. */
	(void)drive_status_local(d, &own);
	answer(d, call, &own);
	status_answer_deinit(&own);
}

void status_serve(struct drive *d)
{
	static const struct json_limits limits = {256, 8, 256};
	const struct ask_service s = {.protocol = PROTOCOL_STATUS, .limits = &limits, .may_be_empty = true,
		.forgives_json = true, .on_question = on_question, .arg = d};

	d->gather = xcalloc(1, sizeof(*d->gather));
	d->gather->d = d;
	d->gather->timer = TIMER(on_total, d->gather);
	list_init(&d->gather->waiting);
	(void)ask_serve(d->o.streams, &s);
}

void status_deinit(struct drive *d)
{
	struct gather *g = d->gather;

	loop_timer_stop(d->o.loop, &g->timer);
	tell_waiting(g, P2P_ERR_CLOSED);
	status_answer_deinit(&g->view);
	free(g);
	d->gather = NULL;
}
