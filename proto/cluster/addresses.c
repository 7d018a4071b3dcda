/* SPDX-License-Identifier: Apache-2.0 */
/* addresses.c: addresses and signed peer records come in, and are passed on to members. */
#include "proto/cluster/core_parts.h"

#include "proto/p2pos/peers.h"

/* The bare address; false when it speaks of another peer. */
static bool bare(struct maddr *a, const struct peer_id *peer)
{
	struct peer_id id;

	return !maddr_split_peer(a, &id) || !peer || peer_id_eq(&id, peer);
}

/* Strangers' words about themselves: loopback and link-local only where they really are, or where
 * whoever passed them on is: several nodes on one machine find each other that way. */
static bool is_plausible(const struct peer *p, const struct maddr *a, enum maddr_reach teller)
{
	enum maddr_reach reach = maddr_reach(a);
	struct maddr seen;

	if (reach == MADDR_REACH_PRIVATE || reach == MADDR_REACH_PUBLIC)
		return true;
	if (reach == MADDR_REACH_NONE)
		return false;
	seen = place_get(p->seen_at);
	return reach == teller || maddr_reach(&seen) == reach;
}

static void add_one(struct peer *p, struct maddr a, enum core_addr_from from,
	enum maddr_reach teller, mono_t now)
{
	bool told_by_us =
		from == CORE_ADDR_CONFIG || from == CORE_ADDR_DNS || from == CORE_ADDR_SEEN;

	if (!bare(&a, &p->id) || (!told_by_us && !is_plausible(p, &a, teller)))
		return;
	(void)addrs_add(&p->addrs, &a, from, now); /* a known one is as good */
}

void core_addrs(struct core *c, const struct peer_id *peer, const struct maddr *addrs, size_t count,
	enum core_addr_from from, wall_t wall, mono_t now)
{
	struct peer *p = NULL;

	if (peer && !peer_id_is_none(peer)) {
		if (peer_id_eq(peer, &c->self))
			return;
		p = peer_get(c, peer);
		if (!p)
			return;
	}
	for (size_t i = 0; i < count; i++) {
		struct maddr a = addrs[i];

		if (from == CORE_ADDR_CONFIG)
			sources_note(&c->sources, &a, true, wall);
		if (p)
			add_one(p, a, from, MADDR_REACH_NONE, now);
		else if (bare(&a, NULL) && c->seeds.count < CORE_SEEDS_MAX)
			(void)addrs_add(&c->seeds, &a, from, now);
	}
	if (p) {
		mesh_plan(c, p, now);
		peer_let_go(c, p);
	} else {
		mesh_seeds(c, now);
	}
	core_settle(c, wall, now);
}

/* The newest record replaces what older ones said. */
static void take_record(struct core *c, struct peer *p, const struct peer_record *r,
	struct bytes sealed, enum maddr_reach teller, mono_t now)
{
	addrs_drop_from(&p->addrs, CORE_ADDR_RECORD);
	for (size_t i = 0; i < r->addr_count; i++)
		add_one(p, r->addrs[i], CORE_ADDR_RECORD, teller, now);
	buf_reset(&p->record);
	(void)buf_put(&p->record, sealed); /* no maximum of its own, bounded by the parser */
	p->record_seq = r->seq;
	mesh_plan(c, p, now);
}

/* Is it, byte by byte, the one that we have? In a mesh everyone tells everyone the same ones, and
 * to verify them each time would cost more than anything else here. An envelope begins with its
 * author's key (multiformats.md section 8); one that does not is looked at in full. */
static bool is_held(const struct core *c, struct bytes sealed)
{
	struct bytes key = bytes_head(bytes_from(sealed, 2), KEY_PUBLIC_PB_BYTES);
	struct peer_id author;
	const struct peer *p;

	if (key.len < KEY_PUBLIC_PB_BYTES || sealed.at[1] != KEY_PUBLIC_PB_BYTES ||
		peer_id_from_key(key, &author))
		return false;
	p = peer_find(c, &author);
	return p && p->record.len > 0 && bytes_eq(buf_bytes(&p->record), sealed);
}

int record_learn(
	struct core *c, struct bytes sealed, bool store, enum maddr_reach teller, mono_t now)
{
	struct peer_record r;
	struct news *n;
	struct peer *p;
	int err;

	if (is_held(c, sealed))
		return P2P_ERR_STALE;
	err = peer_record_open(sealed, &r);
	if (err)
		return err;
	p = peer_find(c, &r.peer);
	if (!p || !p->is_member || p->is_self)
		return P2P_ERR_REFUSED;
	if (p->record.len > 0 && r.seq <= p->record_seq)
		return P2P_ERR_STALE;
	take_record(c, p, &r, sealed, teller, now);
	if (!store)
		return 0;
	n = news_add(c, CORE_STORE_RECORD);
	n->d.peer = p->id;
	n->d.u.seq = r.seq;
	(void)buf_put(&n->bytes, sealed); /* no maximum */
	return 0;
}

int core_record(struct core *c, struct bytes sealed, wall_t wall, mono_t now)
{
	int err = record_learn(c, sealed, true, MADDR_REACH_NONE, now);

	core_settle(c, wall, now);
	return err;
}

int core_peers_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);
	struct peers records = {0};
	enum maddr_reach teller;
	struct maddr remote;
	int err;

	if (!link_is_member(l))
		return P2P_ERR_DENIED;
	remote = place_get(l->remote);
	teller = maddr_reach(&remote);
	err = peers_parse(json, &records);
	if (err)
		return err;
	for (size_t i = 0; i < records.count; i++)
		(void)record_learn(c, peers_at(&records, i), true, teller, now); /* each alone */
	peers_deinit(&records);
	core_settle(c, wall, now);
	return 0;
}

int core_peers_print(const struct core *c, struct bytes own, struct buf *out)
{
	int err = peers_begin(out);

	if (!err && own.len)
		err = peers_add(out, own);
	for (const struct peer *p = c->peers; p && !err; p = p->hh.next)
		if (p->is_member && p->record.len)
			err = peers_add(out, buf_bytes(&p->record));
	/* Who knows more than fits sends what fits. */
	return err && err != P2P_ERR_FULL ? err : peers_end(out);
}

bool core_is_known_source(const struct core *c, const struct maddr_ip *ip, wall_t wall)
{
	return sources_is_known(&c->sources, ip, wall);
}

bool core_is_blocked_source(const struct core *c, const struct maddr_ip *ip, mono_t now)
{
	return sources_is_blocked(&c->sources, ip, now);
}

bool core_addr_at(const struct core *c, const struct peer_id *peer, size_t i, struct core_addr *ret)
{
	const struct peer *p = peer_find(c, peer);
	const struct addr *a = p ? addrs_best(&p->addrs, i) : NULL;

	if (!a)
		return false;
	*ret = (struct core_addr){
		.from = a->from, .failures = a->failures, .err = a->err, .tried = a->tried};
	addr_copy(a, &ret->addr);
	return true;
}
