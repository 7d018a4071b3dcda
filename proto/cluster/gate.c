/* SPDX-License-Identifier: Apache-2.0 */
/* gate.c: member, guest, admin session: who may stay, how long, with what (p2pos.md section 4;
 * R-25; features.md P-016, P-066, P-074). */
#include "proto/cluster/core_parts.h"

#define LEAVE_MS 800 /* for the list that removes a member to reach it before it is closed */

enum core_class gate_class(const struct core *c, const struct peer *p, const char **ret_admin_why)
{
	*ret_admin_why = NULL;
	if (!c->configured)
		return CORE_OPEN;
	if (p->is_member)
		return CORE_MEMBER;
	if (c->members.has_held && peer_id_eq(&p->id, &c->members.held.issuer)) {
		*ret_admin_why = "issuer";
		return CORE_ADMIN;
	}
	for (size_t i = 0; i < c->admin_count; i++)
		if (peer_id_eq(&p->id, &c->admins[i])) {
			*ret_admin_why = "configured";
			return CORE_ADMIN;
		}
	return CORE_GUEST;
}

/* Closes the stranger of that class that was idle for longest, if that was long enough. */
static bool make_room(struct core *c, enum core_class klass, wall_t wall, mono_t now)
{
	list_each (node, &c->others) {
		struct link *l = list_entry(node, struct link, order);

		if (mono_since_ms(now, l->heard) < CORE_GUEST_YIELD_MS)
			return false; /* the rest was heard of later still */
		if (l->klass != klass || (klass == CORE_OPEN && l->side == CONN_DIALER))
			continue;
		conn_give_up(c, l, "made_room", LOSS_OURS, now, wall, now);
		return true;
	}
	return false;
}

enum core_class gate_room(struct core *c, enum core_class wish, enum conn_side side,
	const char **ret_why, wall_t wall, mono_t now)
{
	if (wish == CORE_MEMBER || wish == CORE_REFUSED)
		return wish;
	if (wish == CORE_ADMIN && c->class_count[CORE_ADMIN] < CORE_ADMINS_MAX)
		return CORE_ADMIN;
	if (wish == CORE_OPEN) {
		if (side == CONN_DIALER || c->accepted_open < CORE_OPEN_MAX ||
			make_room(c, CORE_OPEN, wall, now))
			return CORE_OPEN;
		*ret_why = "guests_full";
		return CORE_REFUSED;
	}
	if (c->class_count[CORE_GUEST] < c->guests_max || make_room(c, CORE_GUEST, wall, now))
		return CORE_GUEST;
	*ret_why = wish == CORE_ADMIN ? "admins_full" : "guests_full";
	return CORE_REFUSED;
}

void gate_arm(struct core *c, struct link *l)
{
	switch (l->klass) {
	case CORE_GUEST: timer_arm(&c->timers, &l->timer, mono_add_ms(l->up, CORE_GUEST_MS)); break;
	case CORE_ADMIN: timer_arm(&c->timers, &l->timer, mono_add_ms(l->up, CORE_ADMIN_MS)); break;
	case CORE_REFUSED:
	case CORE_OPEN:
	case CORE_MEMBER: timer_stop(&c->timers, &l->timer); break;
	}
}

void gate_timer(struct core *c, struct link *l, wall_t wall, mono_t now)
{
	const char *why = l->leaving               ? "removed"
			  : l->klass == CORE_ADMIN ? "admin_time_over"
						   : "guest_time_over";

	conn_give_up(c, l, why, LOSS_OURS, now, wall, now);
}

static void grant(struct core *c, struct link *l, enum core_class klass)
{
	struct news *n;

	if (l->klass == klass)
		return;
	link_set_class(c, l, klass);
	n = news_link(c, CORE_GRANT, l, NULL);
	n->d.klass = klass;
}

bool gate_admin(struct core *c, struct link *l, const char *why, mono_t now)
{
	if (l->klass != CORE_GUEST)
		return true; /* it may do that already */
	if (c->class_count[CORE_ADMIN] >= CORE_ADMINS_MAX)
		return false;
	grant(c, l, CORE_ADMIN);
	l->admin_why = why;
	if (l->peer->rival != l)
		timer_arm(&c->timers, &l->timer, mono_add_ms(now, CORE_ADMIN_MS));
	return true;
}

/* A member was removed: it gets the list that says so, if it is quick, and goes. */
static void dismiss(struct core *c, struct link *l, mono_t now)
{
	l->leaving = true;
	grant(c, l, CORE_GUEST);
	timer_arm(&c->timers, &l->timer, mono_add_ms(now, LEAVE_MS));
}

static void review_link(struct core *c, struct link *l, wall_t wall, mono_t now)
{
	bool was_member = l->klass == CORE_MEMBER;
	const char *admin_why, *why = NULL;
	enum core_class klass = gate_class(c, l->peer, &admin_why);

	if (klass == CORE_GUEST && l->klass == CORE_ADMIN && l->admin_why &&
		strcmp(l->admin_why, "proof") == 0)
		return;
	if (klass == l->klass || l->leaving)
		return;
	if (klass == CORE_GUEST && (was_member || l->peer->was_member)) {
		dismiss(c, l, now);
		return;
	}
	klass = gate_room(c, klass, l->side, &why, wall, now);
	if (klass == CORE_REFUSED) {
		conn_give_up(c, l, why, LOSS_OURS, now, wall, now);
		return;
	}
	l->admin_why = admin_why;
	/* Its time as a guest begins when it becomes one. */
	if (klass == CORE_GUEST || klass == CORE_ADMIN)
		l->up = now;
	grant(c, l, klass);
	if (l->peer->rival != l)
		gate_arm(c, l);
}

static void forget_knocks_of_members(struct core *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->knock_count; i++) {
		const struct peer *p = peer_find(c, &c->knocks[i].peer);

		if (!p || !p->is_member)
			c->knocks[kept++] = c->knocks[i];
	}
	c->knock_count = kept;
}

void gate_review(struct core *c, wall_t wall, mono_t now)
{
	size_t count = HASH_COUNT(c->links), n = 0;
	uint64_t *conns = xcalloc(count + 1, sizeof(*conns));

	/* By number: what is granted to one may close another. */
	for (struct link *l = c->links; l; l = l->hh.next)
		conns[n++] = l->conn;
	while (n > 0) {
		struct link *l = link_find(c, conns[--n]);

		if (l)
			review_link(c, l, wall, now);
	}
	free(conns);
	forget_knocks_of_members(c);
}
