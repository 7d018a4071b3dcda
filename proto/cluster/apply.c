/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c: a list comes into force: who is a member is here, and only here, written into the
 * tables (features.md P-073 to P-075, P-180). */
#include "proto/cluster/core_parts.h"

#include "proto/base/rfc3339.h"
#include <stdio.h>

struct diff {
	struct peer_id *added, *removed; /* owned */
	size_t added_count, removed_count;
};

static struct peer *get_member(struct core *c, const struct peer_id *id)
{
	size_t strangers = c->stranger_count;
	struct peer *p;

	/* The bound on strangers is not one on members. */
	c->stranger_count = 0;
	p = peer_get(c, id);
	c->stranger_count += strangers;
	assert(p);
	return p;
}

static void add_members(struct core *c, struct diff *d)
{
	const struct snapshot *s = &c->members.held;

	d->added = xcalloc(s->member_count + 1, sizeof(*d->added));
	c->list_generation++;
	c->member_peers = 0;
	for (size_t i = 0; i < s->member_count; i++) {
		struct peer *p;

		if (peer_id_is_none(&s->members[i].peer))
			continue;
		p = get_member(c, &s->members[i].peer);
		if (p->list_generation == c->list_generation)
			continue; /* a second spelling of it */
		p->list_generation = c->list_generation;
		c->member_peers++;
		if (p->is_member)
			continue;
		p->is_member = true;
		c->stranger_count--;
		d->added[d->added_count++] = p->id;
	}
}

static void remove_members(struct core *c, const struct snapshot *old, struct diff *d)
{
	d->removed = xcalloc(old->member_count + 1, sizeof(*d->removed));
	for (size_t i = 0; i < old->member_count; i++) {
		struct peer *p = peer_find(c, &old->members[i].peer);

		if (!p || !p->is_member || p->list_generation == c->list_generation)
			continue;
		p->is_member = false;
		p->was_member = true;
		p->wished_at = MONO_ZERO;
		c->stranger_count++;
		buf_deinit(&p->record);
		d->removed[d->removed_count++] = p->id;
	}
}

/* Counts everyone anew; conns that are open already are evidence, as of the last byte heard. */
static void recount_all(struct core *c, wall_t wall, mono_t now)
{
	for (struct peer *p = c->peers; p; p = p->hh.next) {
		if (p->is_member && p->link && !p->link->silent)
			alive_note(&p->alive, ALIVE_BYTES, p->link->heard);
		core_recount(c, p, wall, now);
	}
}

static void tell(struct core *c, struct diff *d)
{
	struct members *m = &c->members;
	struct news *n = news_add(c, CORE_MEMBERSHIP);

	n->d.peer = m->held_from;
	n->ids = d->added;
	n->more_ids = d->removed;
	n->d.u.membership = (struct core_membership){.snapshot = &m->held,
		.source = m->held_source,
		.from = m->held_from,
		.added_count = d->added_count,
		.removed_count = d->removed_count,
		.added = d->added,
		.removed = d->removed};
	if (m->held.odd_count)
		news_alert(c, "member_invalid", NULL,
			"%zu of the %zu entries of the membership list can never be online: no "
			"peer ID, "
			"or one that is listed twice",
			m->held.odd_count, m->held.member_count);
}

static void note_removal_of_self(struct core *c)
{
	char id[PEER_ID_TEXT_SIZE], at[RFC3339_SIZE];

	(void)snprintf(c->trigger, sizeof(c->trigger), "removed_by %s at %s",
		peer_id_text(&c->members.held.issuer, id),
		rfc3339_text(c->members.held.issued_at, at));
}

/* Those that joined the conns of members meet them now. */
static void meet_members(struct core *c, mono_t now, wall_t wall)
{
	list_each (node, &c->by_heard) {
		struct link *l = list_entry(node, struct link, order);

		if (!l->identified)
			continue;
		beat_to(c, l, wall, now);
		rumour_greet(c, l, now);
		mesh_ask_peers(c, l, now);
	}
}

/* Removed ones that nothing holds on to are forgotten, once that is told. */
static void sweep(struct core *c, const struct diff *d)
{
	for (size_t i = 0; i < d->removed_count; i++) {
		struct peer *p = peer_find(c, &d->removed[i]);

		if (p)
			peer_let_go(c, p);
	}
}

void apply_held(struct core *c, const struct snapshot *old, wall_t wall, mono_t now)
{
	bool was_configured = c->configured;
	struct diff d = {0};

	add_members(c, &d);
	remove_members(c, old, &d);
	c->configured = c->me->is_member;
	if (was_configured && !c->configured)
		note_removal_of_self(c);
	else
		(void)snprintf(c->trigger, sizeof(c->trigger), "membership_changed");
	mesh_targets(c);
	gate_review(c, wall, now);
	recount_all(c, wall, now);
	tell(c, &d);
	mesh_plan_all(c, now);
	spread_all(c, now);
	if (c->configured && !was_configured) {
		meet_members(c, now, wall);
		core_arm(c, TIMER_BEAT, mono_add_ms(now, rng_jitter(c->rng, c->beat_ms, 10)));
	}
	if (mesh_needs(c))
		core_arm_by(c, TIMER_RESOLVE, mono_add_ms(now, 60000));
	c->state_dirty = true;
	sweep(c, &d);
}
