/* SPDX-License-Identifier: Apache-2.0 */
/* mesh.c: whom to dial and when (p2pos.md section 5; R-38; features.md P-048 to P-050).
 *
 * A configured node wants a conn to every member, or beyond mesh.full_limit members to the
 * mesh.degree of them that a hash of both IDs favours: both ends compute the same, so the choices
 * meet. An unconfigured node wants whoever it has an address of. Of two that want each other, the
 * one with the smaller ID dials a moment earlier, which spares most simultaneous dials. */
#include "proto/cluster/core_parts.h"

#include <sodium.h>

#define FIRST_MS       50   /* the first dial of the smaller ID comes within this */
#define LATER_MS       300  /* …and of the larger one after this */
#define REDIAL_MS      100  /* after a loss, give or take half */
#define BUSY_MS        100  /* all dials are taken: look again */
#define UNTRIED_MS     1000 /* a dial ended without trying anything: not at once again */
#define OPEN_LINKS_MAX 16   /* an unconfigured node dials until it has so many conns */
#define SEEDS_AT_ONCE  8
#define PEERS_BURST    3 /* members that are asked for addresses when conns come up together */
#define PEERS_EACH_MS  10000
#define PEERS_WAIT_MS                                                                              \
	1000 /* then one after twice that time, four times, … while some are missing */
#define PEERS_WAIT_MS_MAX 32000
#define RESOLVE_MS        60000  /* while something is missing (P-048) */
#define RESOLVE_MS_MET    600000 /* while nothing is */

/* ---- whom ---- */

static uint64_t favour(const struct core *c, const struct peer *p)
{
	static const uint8_t key[crypto_shorthash_KEYBYTES] = "p2pos mesh rdv.";
	bool first = peer_id_cmp(&c->self, &p->id) < 0;
	struct peer_id pair[2] = {first ? c->self : p->id, first ? p->id : c->self};
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t v;

	crypto_shorthash(hash, (const uint8_t *)pair, sizeof(pair), key);
	memcpy(&v, hash, sizeof(v));
	return v;
}

/* The value that exactly `degree` members reach. */
static uint64_t favour_floor(const struct core *c)
{
	uint64_t *best = xcalloc(c->degree, sizeof(*best)), least;
	size_t n = 0;

	for (const struct peer *p = c->peers; p; p = p->hh.next) {
		uint64_t v;
		size_t i;

		if (!p->is_member || p->is_self)
			continue;
		v = favour(c, p);
		if (n == c->degree && v <= best[n - 1])
			continue;
		i = n < c->degree ? n++ : n - 1;
		for (; i > 0 && best[i - 1] < v; i--)
			best[i] = best[i - 1];
		best[i] = v;
	}
	least = n == c->degree ? best[n - 1] : 0;
	free(best);
	return least;
}

void mesh_targets(struct core *c)
{
	bool full = !c->members.has_held || c->members.held.member_count <= c->full_limit;
	uint64_t least = full ? 0 : favour_floor(c);

	c->target_count = c->target_linked = 0;
	for (struct peer *p = c->peers; p; p = p->hh.next) {
		p->target = c->configured && p->is_member && !p->is_self &&
			    (full || favour(c, p) >= least);
		c->target_count += p->target;
		c->target_linked += p->target && p->link;
	}
}

bool mesh_needs(const struct core *c)
{
	return !c->configured || c->target_linked < c->target_count;
}

static bool wants_conn(const struct core *c, const struct peer *p)
{
	if (p->is_self || p->dialling || p->addrs.count == 0)
		return false;
	if (p->link && (!p->link->silent || p->rival))
		return false;
	if (c->configured)
		return p->target;
	return c->class_count[CORE_OPEN] < OPEN_LINKS_MAX;
}

/* ---- when ---- */

void mesh_plan(struct core *c, struct peer *p, mono_t now)
{
	if (!wants_conn(c, p)) {
		timer_stop(&c->timers, &p->dial_timer);
		return;
	}
	if (p->dial_from.ns == MONO_ZERO.ns)
		p->dial_from = mono_add_ms(now, !c->configured || peer_id_cmp(&c->self, &p->id) < 0
							? (int64_t)rng_below(c->rng, FIRST_MS)
							: rng_jitter(c->rng, LATER_MS, 25));
	timer_arm(&c->timers, &p->dial_timer,
		mono_max(now, mono_max(addrs_free_at(&p->addrs), p->dial_from)));
}

void mesh_plan_all(struct core *c, mono_t now)
{
	for (struct peer *p = c->peers; p; p = p->hh.next)
		mesh_plan(c, p, now);
	mesh_seeds(c, now);
}

void mesh_lost(struct core *c, struct peer *p, mono_t now)
{
	int64_t wait = rng_jitter(c->rng, REDIAL_MS, 50);

	if (peer_id_cmp(&c->self, &p->id) > 0)
		wait += LATER_MS;
	p->dial_from = mono_add_ms(now, wait);
	mesh_plan(c, p, now);
	if (mesh_needs(c))
		core_arm_by(c, TIMER_RESOLVE, mono_add_ms(now, RESOLVE_MS));
}

static struct dial *free_dial(struct core *c)
{
	for (size_t i = 0; i < CORE_DIALS_MAX; i++)
		if (!c->dials[i].id)
			return &c->dials[i];
	return NULL;
}

static struct dial *find_dial(struct core *c, uint64_t id)
{
	for (size_t i = 0; id && i < CORE_DIALS_MAX; i++)
		if (c->dials[i].id == id)
			return &c->dials[i];
	return NULL;
}

/* Begins a dial to what `addrs` has free; false when there is nothing. */
static bool begin(
	struct core *c, struct dial *d, struct peer *p, struct addrs *from, size_t max, mono_t now)
{
	struct core_dial *what = xcalloc(1, sizeof(*what));
	struct news *n;

	what->count = addrs_take(from, what->addrs, max, now);
	if (what->count == 0) {
		free(what);
		return false;
	}
	*d = (struct dial){.id = ++c->dial_ids, .peer = p, .seed = what->addrs[0]};
	c->dial_count++;
	what->id = d->id;
	if (p) {
		what->peer = p->id;
		p->dialling = true;
	}
	n = news_add(c, CORE_DIAL);
	n->d.peer = what->peer;
	n->dial = what;
	n->d.u.dial = what;
	return true;
}

void mesh_dial_timer(struct core *c, struct peer *p, mono_t now)
{
	struct dial *d = free_dial(c);

	if (!wants_conn(c, p))
		return;
	if (!d)
		timer_arm(&c->timers, &p->dial_timer,
			mono_add_ms(now, rng_jitter(c->rng, BUSY_MS, 50)));
	else if (!begin(c, d, p, &p->addrs, CORE_DIAL_ADDRS_MAX, now))
		mesh_plan(c, p, now);
}

/* ---- bootstrap addresses without ID ---- */

static bool is_linked_at(const struct core *c, const struct addr *a)
{
	for (const struct link *l = c->links; l; l = l->hh.next)
		if (!l->closing && l->side == CONN_DIALER && l->remote->len == a->len &&
			memcmp(l->remote->at, a->at, a->len) == 0)
			return true;
	return false;
}

void mesh_seeds(struct core *c, mono_t now)
{
	size_t under_way = 0;

	if (c->seeds.count == 0 || !mesh_needs(c)) {
		core_arm(c, TIMER_SEEDS, MONO_NEVER);
		return;
	}
	/* Where we are connected already there is nothing new to find. */
	for (size_t i = 0; i < c->seeds.count; i++) {
		if (is_linked_at(c, c->seeds.list[i]))
			c->seeds.list[i]->free_at =
				mono_max(c->seeds.list[i]->free_at, mono_add_ms(now, RESOLVE_MS));
		under_way += c->seeds.list[i]->busy;
	}
	while (under_way < SEEDS_AT_ONCE) {
		struct dial *d = free_dial(c);

		if (!d || !begin(c, d, NULL, &c->seeds, 1, now))
			break;
		under_way++;
	}
	core_arm(c, TIMER_SEEDS, mono_max(addrs_free_at(&c->seeds), mono_add_ms(now, BUSY_MS)));
}

/* Is there somebody whom we cannot even dial? */
static bool lacks_addresses(const struct core *c)
{
	if (!c->configured || !mesh_needs(c))
		return false;
	for (const struct peer *p = c->peers; p; p = p->hh.next)
		if (p->target && !p->link && p->addrs.count == 0)
			return true;
	return false;
}

void mesh_ask_peers(struct core *c, struct link *l, mono_t now)
{
	if ((l->speaks & CORE_SPEAKS_PEERS) && lacks_addresses(c) &&
		bucket_take(&c->peers_rate, PEERS_BURST, PEERS_EACH_MS, now)) {
		link_want(c, l, WANT_PEERS);
		c->peers_wait_ms = PEERS_WAIT_MS;
		core_arm(c, TIMER_PEERS, mono_add_ms(now, rng_jitter(c->rng, PEERS_WAIT_MS, 25)));
	}
}

void mesh_ask_again(struct core *c, mono_t now)
{
	struct link *l;

	if (!lacks_addresses(c))
		return;
	if (links_pick(c, &l, 1, CORE_SPEAKS_PEERS, NULL))
		link_want(c, l, WANT_PEERS);
	if (c->peers_wait_ms < PEERS_WAIT_MS_MAX)
		c->peers_wait_ms *= 2;
	core_arm(c, TIMER_PEERS, mono_add_ms(now, rng_jitter(c->rng, c->peers_wait_ms, 25)));
}

void mesh_resolve(struct core *c, mono_t now)
{
	bool needs = mesh_needs(c);
	int64_t next = rng_jitter(c->rng, needs ? RESOLVE_MS : RESOLVE_MS_MET, 10);

	core_arm(c, TIMER_RESOLVE, mono_add_ms(now, next));
	if (needs || !c->resolved_once)
		(void)news_add(c, CORE_RESOLVE); /* has no details */
	c->resolved_once = true;
	mesh_seeds(c, now);
}

/* ---- what became of a dial ---- */

void mesh_reached(struct core *c, uint64_t dial, struct link *l, wall_t wall)
{
	struct dial *d = find_dial(c, dial);
	struct maddr remote = place_get(l->remote);
	struct peer *p = l->peer;
	struct addr *a;

	if (l->side != CONN_DIALER)
		return;
	if (d) {
		d->reached = 1;
		if (!d->peer && (a = addrs_find(&c->seeds, &d->seed)))
			addr_good(a, wall);
	}
	(void)addrs_add(&p->addrs, &remote, CORE_ADDR_SEEN, l->up); /* known ones improve */
	a = addrs_find(&p->addrs, &remote);
	if (a)
		addr_good(a, wall);
	place_set(&p->reached_at, &remote);
}

void mesh_reached_self(struct core *c, uint64_t dial, wall_t wall, mono_t now)
{
	struct dial *d = find_dial(c, dial);
	struct addr *a = d && !d->peer ? addrs_find(&c->seeds, &d->seed) : NULL;

	/* It rests longer and longer, and stays known, so that DNS cannot bring it back fresh. */
	if (a)
		addr_failed(a, P2P_ERR_EXISTS, CORE_AT_READY, c->rng, wall, now);
}

void core_dial_failed(struct core *c, uint64_t dial, const struct maddr *addr, int err,
	enum core_stage stage, wall_t wall, mono_t now)
{
	struct dial *d = find_dial(c, dial);
	struct addrs *as = d ? (d->peer ? &d->peer->addrs : &c->seeds) : NULL;
	struct addr *a = as ? addrs_find(as, addr) : NULL;

	if (!a)
		return;
	if (err == P2P_ERR_MISMATCH && d->peer) {
		place_set(&c->mismatch_at, addr);
		c->mismatched = d->peer->id;
		c->mismatched_at = wall;
	}
	if (err == P2P_ERR_MISMATCH && d->peer)
		addrs_drop(as, addr); /* another peer lives there (p2pos.md section 5) */
	else
		addr_failed(a, err, stage, c->rng, wall, now);
}

void core_dial_done(struct core *c, uint64_t dial, wall_t wall, mono_t now)
{
	struct dial *d = find_dial(c, dial);
	struct peer *p = d ? d->peer : NULL;

	if (!d)
		return;
	if (p) {
		p->dialling = false;
		addrs_release(&p->addrs);
		if (!d->reached && mono_reached(addrs_free_at(&p->addrs), now))
			p->dial_from = mono_max(p->dial_from, mono_add_ms(now, UNTRIED_MS));
	} else {
		struct addr *a = addrs_find(&c->seeds, &d->seed);

		if (a)
			a->busy = false;
		if (a && !d->reached && mono_reached(a->free_at, now))
			a->free_at = mono_add_ms(now, UNTRIED_MS);
	}
	*d = (struct dial){0};
	c->dial_count--;
	if (p) {
		mesh_plan(c, p, now);
		peer_let_go(c, p);
	} else {
		mesh_seeds(c, now);
	}
	core_settle(c, wall, now);
}
