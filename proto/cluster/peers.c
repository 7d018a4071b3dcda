/* SPDX-License-Identifier: Apache-2.0 */
/* peers.c: the tables of peers and conns, and the lists that conns stand in. */
#include "proto/cluster/core_parts.h"

#include "proto/p2pos/protocols.h"

/* ---- peers ---- */

struct peer *peer_find(const struct core *c, const struct peer_id *id)
{
	struct peer *p = NULL;

	HASH_FIND(hh, c->peers, id, sizeof(*id), p);
	return p;
}

struct peer *peer_get(struct core *c, const struct peer_id *id)
{
	struct peer *p = peer_find(c, id);

	if (p)
		return p;
	if (c->stranger_count >= CORE_STRANGERS_MAX)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->id = *id;
	p->serial = ++c->serials;
	p->seen_before = WALL_ZERO;
	p->changed_at = WALL_ZERO;
	p->beat_ts = WALL_ZERO;
	p->direct_ts = WALL_ZERO;
	p->dial_timer = (struct timer){.kind = TIMER_DIAL, .of = p};
	p->expiry = (struct timer){.kind = TIMER_EXPIRY, .of = p};
	HASH_ADD(hh, c->peers, id, sizeof(p->id), p);
	c->stranger_count++;
	return p;
}

void peer_free(struct core *c, struct peer *p)
{
	timer_stop(&c->timers, &p->dial_timer);
	timer_stop(&c->timers, &p->expiry);
	list_remove(&p->dirty);
	list_remove(&p->fresh);
	if (p->dialling)
		for (size_t i = 0; i < CORE_DIALS_MAX; i++)
			if (c->dials[i].id && c->dials[i].peer == p)
				c->dials[i].peer = NULL;
	if (!p->is_member)
		c->stranger_count--;
	HASH_DEL(c->peers, p);
	addrs_deinit(&p->addrs);
	buf_deinit(&p->record);
	free(p->beat);
	free(p->tellers);
	free(p->seen_at);
	free(p->reached_at);
	free(p);
}

void peer_let_go(struct core *c, struct peer *p)
{
	/* A stranger with addresses may be a bootstrap node, or a member to be: bounded by
	 * CORE_STRANGERS_MAX, and worth keeping. One that still has a member_down to tell stays
	 * until it is told. */
	if (p->is_member || p->is_self || p->link || p->rival || p->dialling || p->addrs.count ||
		list_is_linked(&p->dirty))
		return;
	peer_free(c, p);
}

/* ---- places ---- */

void place_set(struct place **at, const struct maddr *a)
{
	struct place *p = xmalloc(sizeof(*p) + a->len);

	p->len = a->len;
	memcpy(p->at, a->at, a->len);
	free(*at);
	*at = p;
}

struct maddr place_get(const struct place *p)
{
	struct maddr a = MADDR_NONE;

	if (!p)
		return a;
	a.len = p->len;
	memcpy(a.at, p->at, p->len);
	return a;
}

/* ---- links ---- */

struct link *link_find(const struct core *c, uint64_t conn)
{
	struct link *l = NULL;

	HASH_FIND(hh, c->links, &conn, sizeof(conn), l);
	return l && !l->closing ? l : NULL;
}

struct link *link_new(struct core *c, uint64_t conn, struct peer *p)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->conn = conn;
	l->peer = p;
	l->klass = CORE_REFUSED;
	l->pong_at = WALL_ZERO;
	l->timer = (struct timer){.kind = TIMER_LINK, .of = l};
	l->pong_timer = (struct timer){.kind = TIMER_PONG, .of = l};
	HASH_ADD(hh, c->links, conn, sizeof(l->conn), l);
	return l;
}

void link_set_class(struct core *c, struct link *l, enum core_class klass)
{
	if (l->klass == klass)
		return;
	if (l->klass != CORE_REFUSED)
		c->class_count[l->klass]--;
	if (l->klass == CORE_OPEN && l->side == CONN_LISTENER)
		c->accepted_open--;
	if (l->klass == CORE_MEMBER) {
		probe_forget(c, l);
		c->untold_count -= l->ends_untold;
		list_remove(&l->untold);
	}
	list_remove(&l->order);
	l->klass = klass;
	if (klass == CORE_REFUSED)
		return;
	c->class_count[klass]++;
	if (klass == CORE_MEMBER && l->ends_untold) {
		c->untold_count++;
		list_append(&c->untold, &l->untold);
	}
	if (klass == CORE_OPEN && l->side == CONN_LISTENER)
		c->accepted_open++;
	list_append(klass == CORE_MEMBER ? &c->by_heard : &c->others, &l->order);
}

void link_heard(struct core *c, struct link *l, mono_t now)
{
	l->heard = now;
	if (l->klass == CORE_REFUSED)
		return;
	list_remove(&l->order);
	list_append(l->klass == CORE_MEMBER ? &c->by_heard : &c->others, &l->order);
}

void link_detach(struct core *c, struct link *l)
{
	struct peer *p = l->peer;

	spread_forget(c, l);
	link_set_class(c, l, CORE_REFUSED);
	timer_stop(&c->timers, &l->timer);
	list_remove(&l->dirty);
	l->wants = 0;
	l->closing = true;
	l->peer = NULL;
	if (!p)
		return;
	if (p->link == l) {
		if (p->target)
			c->target_linked--;
		p->link = NULL;
	}
	if (p->rival == l)
		p->rival = NULL;
}

void link_free(struct core *c, struct link *l)
{
	link_detach(c, l);
	HASH_DEL(c->links, l);
	free(l->remote);
	free(l);
}

void link_want(struct core *c, struct link *l, enum link_want what)
{
	l->wants |= what;
	if (!list_is_linked(&l->dirty))
		list_append(&c->dirty_links, &l->dirty);
}

size_t links_pick(
	struct core *c, struct link **ret, size_t max, unsigned speaks, const struct peer *but)
{
	size_t seen = 0;

	/* One pass with a reservoir: everyone has the same chance, nothing is allocated. */
	list_each (node, &c->by_heard) {
		struct link *l = list_entry(node, struct link, order);
		size_t at;

		if ((l->speaks & speaks) != speaks || l->peer == but || l->peer->link != l)
			continue;
		at = seen < max ? seen : rng_below(c->rng, seen + 1);
		if (at < max)
			ret[at] = l;
		seen++;
	}
	return seen < max ? seen : max;
}

const char *core_class_name(enum core_class k)
{
	switch (k) {
	case CORE_REFUSED: return "refused";
	case CORE_GUEST: return "guest";
	case CORE_ADMIN: return "admin";
	case CORE_OPEN: return "open";
	case CORE_MEMBER: return "member";
	}
	return "refused";
}

unsigned core_speaks_of(struct bytes protocol)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = {
		{PROTOCOL_MEMBERSHIP, CORE_SPEAKS_PULL},
		{PROTOCOL_MEMBERSHIP_PUSH, CORE_SPEAKS_PUSH},
		{PROTOCOL_HEARTBEAT, CORE_SPEAKS_HEARTBEAT},
		{PROTOCOL_STATUS, CORE_SPEAKS_STATUS},
		{PROTOCOL_PEERS, CORE_SPEAKS_PEERS},
		{PROTOCOL_ADMIN, CORE_SPEAKS_ADMIN},
		{PROTOCOL_SUSPECT, CORE_SPEAKS_SUSPECT},
		{PROTOCOL_HEARTBEAT_DIGEST, CORE_SPEAKS_DIGEST},
		{PROTOCOL_RESTART, CORE_SPEAKS_RESTART},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (bytes_eq(protocol, bytes_str(known[i].name)))
			return known[i].bit;
	return 0;
}
