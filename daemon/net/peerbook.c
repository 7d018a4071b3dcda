/* SPDX-License-Identifier: Apache-2.0 */
/* peerbook.c: one entry a peer, its addresses kept in order, best first. */
#include "daemon/net/peerbook.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "proto/base/err.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

/* As long as its address: most have a dozen bytes, and there may be 65,536 of them. */
struct known_addr {
	enum peerbook_source source;
	mono_t learned, worked;
	uint16_t len;
	uint8_t at[];
};

struct known_peer {
	struct peer_id peer;
	struct known_addr *addrs[PEERBOOK_ADDRS_MAX]; /* owned; best first */
	unsigned addr_count;
	uint64_t seq;          /* of the record held */
	uint8_t *sealed;       /* owned; NULL = no record */
	size_t sealed_len;
	char *protocols;       /* owned: names, each with its NUL; NULL = no list yet */
	size_t protocol_count;
	char *agent;           /* owned; NULL = unknown */
	struct list by_use;    /* in peerbook.by_use, longest untouched first */
	UT_hash_handle hh;
};

struct peerbook {
	struct known_peer *table;
	struct list by_use;
	bool (*is_kept)(void *arg, const struct peer_id *peer);
	void *is_kept_arg;
};

const char *peerbook_source_name(enum peerbook_source source)
{
	switch (source) {
	case PEERBOOK_HEARSAY:
		return "hearsay";
	case PEERBOOK_STORED:
		return "stored";
	case PEERBOOK_DNS:
		return "dns";
	case PEERBOOK_IDENTIFY:
		return "identify";
	case PEERBOOK_RECORD:
		return "record";
	case PEERBOOK_CONFIG:
		return "config";
	case PEERBOOK_CONNECTED:
		return "connected";
	}
	return "unknown";
}

struct peerbook *peerbook_new(void)
{
	struct peerbook *b = xcalloc(1, sizeof(*b));

	list_init(&b->by_use);
	return b;
}

static void known_free(struct peerbook *b, struct known_peer *k)
{
	HASH_DEL(b->table, k);
	list_remove(&k->by_use);
	for (unsigned i = 0; i < k->addr_count; i++)
		free(k->addrs[i]);
	free(k->sealed);
	free(k->protocols);
	free(k->agent);
	free(k);
}

void peerbook_free(struct peerbook *b)
{
	if (!b)
		return;
	list_each(node, &b->by_use)
		known_free(b, list_entry(node, struct known_peer, by_use));
	free(b);
}

void peerbook_set_keep(struct peerbook *b, bool (*is_kept)(void *arg, const struct peer_id *peer),
	void *arg)
{
	b->is_kept = is_kept;
	b->is_kept_arg = arg;
}

static struct known_peer *find(const struct peerbook *b, const struct peer_id *peer)
{
	struct known_peer *k;

	HASH_FIND(hh, b->table, peer, sizeof(*peer), k);
	return k;
}

static bool make_room(struct peerbook *b)
{
	if (HASH_COUNT(b->table) < PEERBOOK_PEERS_MAX)
		return true;
	list_each(node, &b->by_use) {
		struct known_peer *k = list_entry(node, struct known_peer, by_use);

		if (b->is_kept && b->is_kept(b->is_kept_arg, &k->peer))
			continue;
		known_free(b, k);
		return true;
	}
	return false;
}

/* The entry of a peer, made if need be, and touched. NULL when every entry is one to keep. */
static struct known_peer *touch(struct peerbook *b, const struct peer_id *peer)
{
	struct known_peer *k = find(b, peer);

	if (!k) {
		if (!make_room(b))
			return NULL;
		k = xcalloc(1, sizeof(*k));
		k->peer = *peer;
		HASH_ADD(hh, b->table, peer, sizeof(k->peer), k);
	}
	list_remove(&k->by_use);
	list_append(&b->by_use, &k->by_use);
	return k;
}

static bool is_better(const struct known_addr *a, const struct known_addr *b)
{
	if (mono_cmp(a->worked, b->worked) != 0)
		return mono_before(b->worked, a->worked);
	if (a->source != b->source)
		return a->source > b->source;
	return mono_before(b->learned, a->learned);
}

/* Puts the one at `i` where it belongs; the others are in order. */
static void settle(struct known_peer *k, unsigned i)
{
	struct known_addr *a = k->addrs[i];

	for (; i > 0 && is_better(a, k->addrs[i - 1]); i--)
		k->addrs[i] = k->addrs[i - 1];
	for (; i + 1 < k->addr_count && is_better(k->addrs[i + 1], a); i++)
		k->addrs[i] = k->addrs[i + 1];
	k->addrs[i] = a;
}

static int index_of(const struct known_peer *k, const struct maddr *addr)
{
	for (unsigned i = 0; i < k->addr_count; i++)
		if (k->addrs[i]->len == addr->len && memcmp(k->addrs[i]->at, addr->at, addr->len) == 0)
			return (int)i;
	return -1;
}

static void drop(struct known_peer *k, unsigned i)
{
	free(k->addrs[i]);
	k->addr_count--;
	memmove(&k->addrs[i], &k->addrs[i + 1], (k->addr_count - i) * sizeof(k->addrs[0]));
}

/* Makes it known, or raises what is known of it. Returns true when it was new and found room. */
static bool note(struct known_peer *k, const struct maddr *addr, enum peerbook_source source,
	mono_t learned, mono_t worked)
{
	int at = index_of(k, addr);
	struct known_addr *a;

	if (at >= 0) {
		a = k->addrs[at];
		a->source = source > a->source ? source : a->source;
		a->learned = mono_max(a->learned, learned);
		a->worked = mono_max(a->worked, worked);
		settle(k, (unsigned)at);
		return false;
	}
	a = xmalloc(sizeof(*a) + addr->len);
	a->source = source;
	a->learned = learned;
	a->worked = worked;
	a->len = addr->len;
	memcpy(a->at, addr->at, addr->len);
	if (k->addr_count == PEERBOOK_ADDRS_MAX) {
		if (!is_better(a, k->addrs[k->addr_count - 1])) {
			free(a);
			return false;
		}
		drop(k, k->addr_count - 1);
	}
	k->addrs[k->addr_count++] = a;
	settle(k, k->addr_count - 1);
	return true;
}

/* Cuts a trailing /p2p off; false for what nobody can dial or another peer's. */
static bool clean(const struct peer_id *peer, const struct maddr *given, struct maddr *ret)
{
	enum maddr_reach reach;
	struct peer_id named;

	*ret = *given;
	if (maddr_split_peer(ret, &named) && !peer_id_eq(&named, peer))
		return false;
	reach = maddr_reach(ret);
	return ret->len > 0 && reach != MADDR_REACH_NONE && reach != MADDR_REACH_LINK;
}

bool peerbook_learn(struct peerbook *b, const struct peer_id *peer, const struct maddr *addr,
	enum peerbook_source source, mono_t now)
{
	struct known_peer *k;
	struct maddr cut;

	if (!clean(peer, addr, &cut))
		return false;
	k = touch(b, peer);
	return k && note(k, &cut, source, now, MONO_ZERO);
}

void peerbook_worked(struct peerbook *b, const struct peer_id *peer, const struct maddr *addr,
	mono_t now)
{
	struct known_peer *k;
	struct maddr cut;

	if (!clean(peer, addr, &cut))
		return;
	k = touch(b, peer);
	if (k)
		(void)note(k, &cut, PEERBOOK_CONNECTED, now, now);
}

static bool is_in_record(const struct peer_record *rec, const struct known_addr *a)
{
	for (unsigned i = 0; i < rec->addr_count; i++)
		if (rec->addrs[i].len == a->len && memcmp(rec->addrs[i].at, a->at, a->len) == 0)
			return true;
	return false;
}

int peerbook_record(struct peerbook *b, const struct peer_record *rec, struct bytes sealed,
	bool allow_loopback, mono_t now)
{
	struct known_peer *k = touch(b, &rec->peer);

	if (!k)
		return P2P_ERR_FULL;
	if (k->sealed && rec->seq <= k->seq)
		return P2P_ERR_STALE;
	if (sealed.len > PEER_RECORD_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	for (unsigned i = k->addr_count; i-- > 0;)
		if (k->addrs[i]->source == PEERBOOK_RECORD && !is_in_record(rec, k->addrs[i]))
			drop(k, i);
	for (unsigned i = 0; i < rec->addr_count; i++) {
		struct maddr cut;

		if (clean(&rec->peer, &rec->addrs[i], &cut) &&
			(allow_loopback || maddr_reach(&cut) != MADDR_REACH_LOOPBACK))
			(void)note(k, &cut, PEERBOOK_RECORD, now, MONO_ZERO);
	}
	free(k->sealed);
	k->sealed = xmalloc(sealed.len ? sealed.len : 1);
	if (sealed.len)
		memcpy(k->sealed, sealed.at, sealed.len);
	k->sealed_len = sealed.len;
	k->seq = rec->seq;
	return 0;
}

struct bytes peerbook_sealed(const struct peerbook *b, const struct peer_id *peer)
{
	const struct known_peer *k = find(b, peer);

	return k && k->sealed ? bytes_of(k->sealed, k->sealed_len) : BYTES_NONE;
}

void peerbook_set_protocols(struct peerbook *b, const struct peer_id *peer,
	const struct bytes *protocols, size_t count, mono_t now)
{
	struct known_peer *k = touch(b, peer);
	size_t total = 1;
	char *at;

	(void)now; /* the newest list counts, whatever its age */
	if (!k)
		return;
	if (count > PEERBOOK_PROTOCOLS_MAX)
		count = PEERBOOK_PROTOCOLS_MAX;
	for (size_t i = 0; i < count; i++)
		total += protocols[i].len + 1;
	free(k->protocols);
	k->protocols = at = xmalloc(total);
	k->protocol_count = count;
	for (size_t i = 0; i < count; i++) {
		if (protocols[i].len)
			memcpy(at, protocols[i].at, protocols[i].len);
		at[protocols[i].len] = '\0';
		at += protocols[i].len + 1;
	}
}

int peerbook_speaks(const struct peerbook *b, const struct peer_id *peer, const char *protocol)
{
	const char *names[PEERBOOK_PROTOCOLS_MAX];
	const struct known_peer *k = find(b, peer);
	size_t count;

	if (!k || !k->protocols)
		return -1;
	count = peerbook_protocols(b, peer, names, PEERBOOK_PROTOCOLS_MAX);
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], protocol) == 0)
			return 1;
	return 0;
}

size_t peerbook_protocols(const struct peerbook *b, const struct peer_id *peer, const char **ret,
	size_t max)
{
	const struct known_peer *k = find(b, peer);
	const char *at = k ? k->protocols : NULL;
	size_t count = 0;

	for (; at && count < k->protocol_count && count < max; count++) {
		ret[count] = at;
		at += strlen(at) + 1;
	}
	return count;
}

void peerbook_set_agent(struct peerbook *b, const struct peer_id *peer, struct bytes agent)
{
	struct known_peer *k = touch(b, peer);

	if (!k)
		return;
	free(k->agent);
	k->agent = xstrndup((const char *)agent.at, agent.len);
}

const char *peerbook_agent(const struct peerbook *b, const struct peer_id *peer)
{
	const struct known_peer *k = find(b, peer);

	return k && k->agent ? k->agent : "";
}

size_t peerbook_addrs(const struct peerbook *b, const struct peer_id *peer,
	struct peerbook_addr *ret, size_t max)
{
	const struct known_peer *k = find(b, peer);
	size_t count = 0;

	for (; k && count < k->addr_count && count < max; count++) {
		const struct known_addr *a = k->addrs[count];

		ret[count] = (struct peerbook_addr){
			.source = a->source, .learned = a->learned, .worked = a->worked};
		ret[count].addr.len = a->len;
		memcpy(ret[count].addr.at, a->at, a->len);
	}
	return count;
}

size_t peerbook_dial_addrs(const struct peerbook *b, const struct peer_id *peer, struct maddr *ret,
	size_t max)
{
	struct peerbook_addr all[PEERBOOK_ADDRS_MAX];
	size_t count = peerbook_addrs(b, peer, all, PEERBOOK_ADDRS_MAX);

	count = count < max ? count : max;
	for (size_t i = 0; i < count; i++)
		ret[i] = all[i].addr;
	return count;
}

void peerbook_unlearn(struct peerbook *b, const struct peer_id *peer, const struct maddr *addr)
{
	struct known_peer *k = find(b, peer);
	int at = k ? index_of(k, addr) : -1;

	if (at >= 0)
		drop(k, (unsigned)at);
}

void peerbook_forget(struct peerbook *b, const struct peer_id *peer)
{
	struct known_peer *k = find(b, peer);

	if (k)
		known_free(b, k);
}

bool peerbook_next(const struct peerbook *b, size_t *iter, struct peer_id *ret)
{
	size_t at = 0;

	list_each(node, &b->by_use) {
		if (at++ < *iter)
			continue;
		++*iter;
		*ret = list_entry(node, struct known_peer, by_use)->peer;
		return true;
	}
	return false;
}

size_t peerbook_count(const struct peerbook *b)
{
	return HASH_COUNT(b->table);
}
