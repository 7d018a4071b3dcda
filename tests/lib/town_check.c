/* SPDX-License-Identifier: Apache-2.0 */
/* town_check.c: the invariants of reliability.md 3.4, looked at after every event. */
#include "tests/lib/p2ptest.h"
#include "tests/lib/town_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_EVERY     16   /* events between two looks at every member of a node */
#define RELAY_SLACK_MS 6000 /* between a signature and the instant that others give it */

void town_broken(struct town *t, const struct node *n, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail_msg("node %d at %.3f s: %s (SEED=%llu, trace %016llx)", n ? (int)n->index : -1,
		(double)town_now(t).ns / 1e9, text, (unsigned long long)t->o.seed,
		(unsigned long long)t->trace);
	abort();
}

static void mix(struct town *t, const void *what, size_t len)
{
	const uint8_t *at = what;

	for (size_t i = 0; i < len; i++)
		t->trace = (t->trace ^ at[i]) * UINT64_C(0x100000001b3);
}

static void check_state(struct town *t, struct node *n, const struct core_state_change *s)
{
	if (n->state_known && s->prev != n->state)
		town_broken(t, n, "the state was %s, not %s", core_state_name(n->state),
			core_state_name(s->prev));
	if (!s->reason[0])
		town_broken(t, n, "a change of state without a reason");
	if (n->state_known && s->prev == s->next && strcmp(s->reason, n->reason) == 0)
		town_broken(t, n, "%s is told twice", s->reason);
	if (s->next == CORE_HEALTHY && 2 * s->online <= s->members)
		town_broken(t, n, "healthy with %zu of %zu", s->online, s->members);
	n->state_known = true;
	n->state = s->next;
	(void)snprintf(n->reason, sizeof(n->reason), "%s", s->reason);
}

static void check_list(struct town *t, struct node *n, const struct snapshot *s)
{
	struct snapshot_rules rules = {.cluster_id = "town",
		.system = &t->system_public,
		.source = SNAPSHOT_STORED,
		.now = town_true_wall(t)};
	enum snapshot_reason reason;
	struct snapshot_stamp stamp = snapshot_stamp(s);

	if (snapshot_check(s, &rules, &reason))
		town_broken(t, n, "the list in force does not verify: %s",
			snapshot_reason_name(reason));
	if (snapshot_stamp_cmp(&stamp, &n->disk.floor) > 0)
		town_broken(t, n, "a list is in force that is not on the disk");
}

void town_check_decision(struct town *t, struct node *n, const struct core_decision *d)
{
	mono_t now = town_now(t);
	uint32_t head[3] = {n->index, (uint32_t)d->kind, (uint32_t)d->conn};

	mix(t, &now.ns, sizeof(now.ns));
	mix(t, head, sizeof(head));
	mix(t, d->peer.at, d->peer.len);
	if (d->why)
		mix(t, d->why, strlen(d->why));
	mix(t, d->json.at, d->json.len);
	if (d->kind == CORE_STATE)
		check_state(t, n, &d->u.state);
	if (d->kind == CORE_MEMBERSHIP)
		check_list(t, n, d->u.membership.snapshot);
}

static void check_member(struct town *t, struct node *n, const struct core_member *m)
{
	int i = town_index_of(t, &m->peer);
	int64_t age_ms = wall_diff_ms(town_wall(t, n->index), m->last_seen);
	mono_t bytes = i < 0 ? MONO_ZERO : n->bytes_from[i];

	if (m->self && !m->online)
		town_broken(t, n, "its own row is offline");
	if (m->self || i < 0 || wall_is_zero(m->last_seen))
		return;
	/* Invariant 4: who counts has evidence not older than the timeout. */
	if (m->online && age_ms > 90001)
		town_broken(t, n, "node %d counts with evidence %lld ms old", i, (long long)age_ms);
	/* Invariant 7: no evidence without a byte of it, or a signature of it. */
	if (age_ms + 1 < mono_since_ms(town_now(t), bytes) && !m->relayed && m->online)
		town_broken(t, n, "evidence of node %d is newer than its last byte", i);
	if (m->relayed && !t->nodes[i].up &&
		age_ms + RELAY_SLACK_MS < mono_since_ms(town_now(t), t->nodes[i].trouble))
		town_broken(t, n, "relayed evidence of node %d from after its death", i);
}

static void look_at_all(struct town *t, struct node *n, const struct core_view *v)
{
	struct core_member m;
	size_t online = 0;

	for (size_t i = 0; core_member_at(n->core, i, town_wall(t, n->index), town_now(t), &m);
		i++) {
		check_member(t, n, &m);
		online += m.online;
	}
	if (online != v->online)
		town_broken(t, n, "%zu members are online, but %zu are counted", online, v->online);
	/* Invariant 5: a conn of class member belongs to a member. */
	for (const struct wire *w = n->wires; w; w = w->next)
		if (w->up && core_conn_class(n->core, w->id) == CORE_MEMBER &&
			!core_is_member(n->core, &t->nodes[w->other].id))
			town_broken(t, n, "node %u is no member, but connected as one", w->other);
}

void town_check_node(struct town *t, struct node *n)
{
	struct core_view v;

	core_view(n->core, town_wall(t, n->index), town_now(t), &v);
	if (snapshot_stamp_cmp(&v.floor, &n->floor_seen) < 0)
		town_broken(t, n, "its floor fell");
	n->floor_seen = v.floor;
	if (v.state == CORE_HEALTHY && (2 * v.online <= v.members || !v.is_member))
		town_broken(t, n, "healthy with %zu of %zu", v.online, v.members);
	if (v.state == CORE_DEGRADED && 2 * v.online > v.members)
		town_broken(t, n, "degraded with %zu of %zu", v.online, v.members);
	if (v.conns_guest > (t->o.guests ? t->o.guests : 16) || v.conns_admin > CORE_ADMINS_MAX ||
		v.dials > CORE_DIALS_MAX || v.pending > CORE_PENDING_MAX)
		town_broken(t, n, "a table is over its bound");
	/* After a thaw there are such; else timers are not armed for the past. */
	if (mono_before(core_deadline(n->core), town_now(t)) &&
		mono_before(n->trouble, town_now(t)))
		town_broken(t, n, "a deadline has passed unnoticed");
	if (n->looks++ % LOOK_EVERY == 0)
		look_at_all(t, n, &v);
}
