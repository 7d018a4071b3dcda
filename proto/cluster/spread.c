/* SPDX-License-Identifier: Apache-2.0 */
/* spread.c: to whom a snapshot still has to go, and whom to ask for theirs (p2pos.md 3.1, 3.2, 3.5;
 * features.md P-070 to P-072, P-183).
 *
 * Who dialled pulls first; what it learns makes it apply or push, so one question settles a pair.
 * Each member gets each snapshot pushed at most once; what gets lost is found by the pulls of
 * every 30 s. */
#include "proto/cluster/core_parts.h"

#include "proto/p2pos/exchange.h"

#define SYNC_MS      30000
#define SYNC_FROM    3
#define JOIN_FROM    3   /* sources that are asked at once while no list is held */
#define LATE_FROM    32  /* members that are asked about a snapshot whose proof has expired */
#define PULLS_MAX    32  /* under way at once */
#define PULL_BURST   8   /* when conns come up together … */
#define PULL_EACH_MS 300 /* … the rest is asked one by one */

static void want_pull(struct core *c, struct link *l)
{
	if (l->pulling || l->pull_wanted || l->leaving || !(l->speaks & CORE_SPEAKS_PULL))
		return;
	l->pull_wanted = true;
	l->push_wanted = false;
	list_remove(&l->transfer);
	list_append(&c->pulls_wanted, &l->transfer);
}

static bool begin_pull(struct core *c, struct link *l)
{
	if (c->pulls >= PULLS_MAX)
		return false;
	list_remove(&l->transfer);
	l->pull_wanted = false;
	l->pulling = true;
	c->pulls++;
	(void)news_link(c, CORE_PULL, l, NULL); /* has no details */
	return true;
}

void spread_pull_from(struct core *c, struct link *l, mono_t now)
{
	(void)now;
	want_pull(c, l);
	if (l->pull_wanted)
		(void)begin_pull(c, l); /* else it waits for its turn */
}

/* While no list is held a few sources are asked at once, and no rate is in their way. */
static bool may_pull(struct core *c, mono_t now)
{
	if (!c->members.has_held)
		return c->pulls < JOIN_FROM;
	return bucket_take(&c->pull_rate, PULL_BURST, PULL_EACH_MS, now);
}

void spread_pulls(struct core *c, mono_t now)
{
	while (!list_is_empty(&c->pulls_wanted)) {
		struct link *l = list_entry(list_first(&c->pulls_wanted), struct link, transfer);

		if (!may_pull(c, now) || !begin_pull(c, l))
			break;
	}
	if (!list_is_empty(&c->pulls_wanted))
		core_arm_by(c, TIMER_PULLS, mono_add_ms(now, PULL_EACH_MS));
}

static void want_push(struct core *c, struct link *l)
{
	struct snapshot_stamp mine;

	if (!c->members.has_held || l->pushing || l->push_wanted || l->pull_wanted ||
		!(l->speaks & CORE_SPEAKS_PUSH))
		return;
	if (!link_is_member(l) && !l->leaving && !(l->peer && l->peer->was_member))
		return;
	mine = snapshot_stamp(&c->members.held);
	if ((l->has_stamp && snapshot_stamp_cmp(&l->has, &mine) >= 0) ||
		snapshot_stamp_cmp(&l->offered, &mine) >= 0)
		return;
	l->push_wanted = true;
	list_append(&c->pushes_wanted, &l->transfer);
}

static void begin_pushes(struct core *c)
{
	while (c->pushes < CORE_PUSHES_MAX && !list_is_empty(&c->pushes_wanted)) {
		struct link *l = list_entry(list_first(&c->pushes_wanted), struct link, transfer);

		list_remove(&l->transfer);
		l->push_wanted = false;
		l->pushing = true;
		l->offered = snapshot_stamp(&c->members.held);
		c->pushes++;
		(void)news_link(c, CORE_PUSH, l, NULL); /* has no details */
	}
}

void spread_all(struct core *c, mono_t now)
{
	(void)now;
	list_each (node, &c->by_heard)
		want_push(c, list_entry(node, struct link, order));
	list_each (other, &c->others)
		want_push(c, list_entry(other, struct link, order));
	begin_pushes(c);
}

void spread_forget(struct core *c, struct link *l)
{
	if (l->pulling)
		c->pulls--;
	if (l->pushing)
		c->pushes--;
	l->pulling = l->pushing = l->pull_wanted = l->push_wanted = false;
	list_remove(&l->transfer);
	begin_pushes(c);
}

void spread_knows(struct core *c, struct link *l, const struct snapshot_stamp *s, mono_t now)
{
	(void)now;
	if (!l->has_stamp || snapshot_stamp_cmp(s, &l->has) > 0)
		l->has = *s;
	l->has_stamp = true;
	want_push(c, l);
	begin_pushes(c);
}

void spread_met(struct core *c, struct link *l, mono_t now)
{
	/* A member that was removed meanwhile, and does not know it, is told. */
	if (l->klass == CORE_GUEST && l->peer->was_member)
		want_push(c, l);
	begin_pushes(c);
	if (l->klass != CORE_MEMBER && l->klass != CORE_OPEN)
		return;
	if (l->side == CONN_DIALER || !c->members.has_held)
		want_pull(c, l);
	spread_pulls(c, now);
}

void spread_ask(struct core *c, struct link *l, mono_t now)
{
	want_pull(c, l);
	spread_pulls(c, now);
}

void spread_sync(struct core *c, mono_t now)
{
	size_t most = c->members.late ? LATE_FROM : SYNC_FROM, n;
	struct link *from[LATE_FROM];

	core_arm(c, TIMER_SYNC, mono_add_ms(now, rng_jitter(c->rng, SYNC_MS, 10)));
	if (!c->configured) {
		/* Until a list names us everyone is asked again (P-050). */
		list_each (node, &c->others)
			want_pull(c, list_entry(node, struct link, order));
		spread_pulls(c, now);
		return;
	}
	n = links_pick(c, from, most, CORE_SPEAKS_PULL, NULL);
	while (n > 0)
		spread_pull_from(c, from[--n], now);
}

void core_sync_now(struct core *c, wall_t wall, mono_t now)
{
	spread_sync(c, now);
	core_settle(c, wall, now);
}

/* Nearly every answer carries the list that is in force here, as its text shows: a megabyte need
 * not be parsed to see that. Who hides our text in another place only says that it has it. */
static bool is_ours(const struct core *c, struct bytes json)
{
	const struct buf *raw = &c->members.held.raw;

	return c->members.has_held && raw->len > 0 && json.len >= raw->len &&
	       memmem(json.at, json.len, raw->data, raw->len) != NULL;
}

/* A second source agrees with what only one had said. */
static void confirm(struct core *c, const struct link *l)
{
	if (!c->members.single_source || peer_id_eq(&l->peer->id, &c->members.held_from))
		return;
	c->members.single_source = false;
	c->state_dirty = true;
}

static void pulled(struct core *c, struct link *l, struct bytes json, wall_t wall, mono_t now)
{
	struct pull_answer a = {0};
	struct snapshot_stamp stamp;
	enum snapshot_reason reason;

	if (is_ours(c, json)) {
		stamp = snapshot_stamp(&c->members.held);
		spread_knows(c, l, &stamp, now);
		confirm(c, l);
		return;
	}
	if (pull_answer_parse(json, &a, &reason)) {
		accept_pull_refused(c, l, reason);
		return;
	}
	if (!a.has_snapshot) {
		pull_answer_deinit(&a);
		return;
	}
	stamp = snapshot_stamp(&a.snapshot);
	spread_knows(c, l, &stamp, now);
	if (c->members.has_held && snapshot_cmp(&a.snapshot, &c->members.held) == 0)
		confirm(c, l);
	accept_offer(c, &a.snapshot, SNAPSHOT_PULLED, l, 0, wall, now);
	pull_answer_deinit(&a);
}

void core_pull_done(
	struct core *c, uint64_t conn, struct bytes json, int err, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);

	if (!l || !l->pulling)
		return;
	l->pulling = false;
	c->pulls--;
	if (err == P2P_ERR_UNSUPPORTED)
		l->speaks &= ~CORE_SPEAKS_PULL;
	if (!err) {
		l->pull_done = true;
		pulled(c, l, json, wall, now);
	}
	spread_pulls(c, now);
	accept_review(c, false, wall, now);
	core_settle(c, wall, now);
}

void core_push_done(
	struct core *c, uint64_t conn, struct bytes json, int err, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);
	struct push_answer a = {0};

	if (!l || !l->pushing)
		return;
	l->pushing = false;
	c->pushes--;
	l->push_cut = err == P2P_ERR_CLOSED || err == P2P_ERR_RESET || err == P2P_ERR_TIMEOUT;
	if (!err)
		err = push_answer_parse(json, &a);
	if (err == P2P_ERR_UNSUPPORTED)
		l->speaks &= ~CORE_SPEAKS_PUSH;
	if (!err && a.applied) {
		spread_knows(c, l, &l->offered, now);
	} else if (err) {
		(void)news_link(c, CORE_PUSH_FAILED, l, err_name(err)); /* has no details */
	} else {
		/* It may hold a newer one. */
		(void)news_link(c, CORE_PUSH_FAILED, l, "refused");
		if (link_is_member(l))
			want_pull(c, l);
	}
	if (l->leaving)
		timer_arm(&c->timers, &l->timer, now);
	else
		want_push(c, l); /* another list may be in force by now */
	begin_pushes(c);
	spread_pulls(c, now);
	core_settle(c, wall, now);
}

int core_pull_print(const struct core *c, struct buf *out)
{
	if (!c->members.has_held)
		return pull_answer_print(out, NULL, PULL_ERR_NOT_INITIALIZED);
	return pull_answer_print(out, &c->members.held, NULL);
}
