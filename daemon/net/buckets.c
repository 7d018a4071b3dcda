/* SPDX-License-Identifier: Apache-2.0 */
/* buckets.c: token buckets kept as one moment each: the time at which the bucket is full again
 * (the generic cell rate algorithm). A source whose moment has passed is like one never seen, so
 * forgetting it loses nothing. */
#include "daemon/net/buckets.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "proto/base/list.h"
#include "proto/base/mem.h"

/* R-23, as nanoseconds for one token and the number of tokens a bucket holds. */
struct rate {
	int64_t token_ns;
	int64_t burst;
};

enum level { LEVEL_SOURCE, LEVEL_WIDE, LEVEL_LOOPBACK, LEVEL_COARSE, LEVEL_WORLD };

static const struct rate rates[] = {
	[LEVEL_SOURCE] = {5 * NS_PER_SEC, 16},         /* 0.2/s: an IPv4 address, an IPv6 /56 */
	[LEVEL_WIDE] = {2 * NS_PER_SEC, 80},           /* 0.5/s: an IPv6 /48 */
	[LEVEL_LOOPBACK] = {NS_PER_SEC / 5, 64},       /* 5/s */
	[LEVEL_COARSE] = {NS_PER_SEC / 5, 64},         /* all that find no room in the table */
	[LEVEL_WORLD] = {NS_PER_SEC / 64, 128},        /* 64/s: everybody together */
};

struct bucket_key {
	uint8_t level;
	uint8_t family;
	uint8_t prefix[7]; /* 4 bytes of IPv4, 7 of an IPv6 /56, 6 of a /48 */
};

struct bucket {
	struct bucket_key key;
	mono_t full_at;
	struct list by_use; /* in buckets.by_use, longest idle first */
	UT_hash_handle hh;
};

struct buckets {
	struct bucket *table;
	struct list by_use;
	mono_t world, coarse;
};

struct buckets *buckets_new(void)
{
	struct buckets *b = xcalloc(1, sizeof(*b));

	list_init(&b->by_use);
	return b;
}

static void forget(struct buckets *b, struct bucket *k)
{
	HASH_DEL(b->table, k);
	list_remove(&k->by_use);
	free(k);
}

void buckets_free(struct buckets *b)
{
	if (!b)
		return;
	list_each(node, &b->by_use)
		forget(b, list_entry(node, struct bucket, by_use));
	free(b);
}

static bool has_token(mono_t full_at, enum level level, mono_t now)
{
	const struct rate *r = &rates[level];

	return mono_since_ns(full_at, now) <= (r->burst - 1) * r->token_ns;
}

static mono_t taken(mono_t full_at, enum level level, mono_t now)
{
	return mono_add_ns(mono_max(full_at, now), rates[level].token_ns);
}

/* The bucket of a source at a level. NULL when the table is full of sources that are not idle. */
static struct bucket *bucket_of(struct buckets *b, const struct maddr_ip *source, enum level level,
	mono_t now)
{
	struct bucket_key key = {.level = (uint8_t)level, .family = source->family};
	struct bucket *k;

	memcpy(key.prefix, source->ip, source->family == 4 ? 4 : level == LEVEL_WIDE ? 6 : 7);
	HASH_FIND(hh, b->table, &key, sizeof(key), k);
	if (!k) {
		if (HASH_COUNT(b->table) >= BUCKETS_MAX) {
			struct bucket *idle = list_entry(b->by_use.next, struct bucket, by_use);

			if (!mono_reached(idle->full_at, now))
				return NULL;
			forget(b, idle);
		}
		k = xcalloc(1, sizeof(*k));
		k->key = key;
		k->full_at = now;
		HASH_ADD(hh, b->table, key, sizeof(k->key), k);
	}
	list_remove(&k->by_use);
	list_append(&b->by_use, &k->by_use);
	return k;
}

bool buckets_take(struct buckets *b, const struct maddr_ip *source, mono_t now)
{
	bool is_loopback = maddr_ip_reach(source) == MADDR_REACH_LOOPBACK;
	enum level level = is_loopback ? LEVEL_LOOPBACK : LEVEL_SOURCE;
	bool has_wide = source->family == 6 && !is_loopback;
	struct bucket *own, *wide;

	if (!has_token(b->world, LEVEL_WORLD, now))
		return false;
	own = bucket_of(b, source, level, now);
	wide = own && has_wide ? bucket_of(b, source, LEVEL_WIDE, now) : NULL;
	if (!own || (has_wide && !wide)) {
		if (!has_token(b->coarse, LEVEL_COARSE, now))
			return false;
		b->coarse = taken(b->coarse, LEVEL_COARSE, now);
		b->world = taken(b->world, LEVEL_WORLD, now);
		return true;
	}
	if (!has_token(own->full_at, level, now) ||
		(wide && !has_token(wide->full_at, LEVEL_WIDE, now)))
		return false;
	own->full_at = taken(own->full_at, level, now);
	if (wide)
		wide->full_at = taken(wide->full_at, LEVEL_WIDE, now);
	b->world = taken(b->world, LEVEL_WORLD, now);
	return true;
}

void buckets_punish(struct buckets *b, const struct maddr_ip *source, int64_t ms, mono_t now)
{
	enum level level =
		maddr_ip_reach(source) == MADDR_REACH_LOOPBACK ? LEVEL_LOOPBACK : LEVEL_SOURCE;
	struct bucket *k = bucket_of(b, source, level, now);
	const struct rate *r = &rates[level];

	/* Empty, and the first token only in `ms`. */
	if (k)
		k->full_at = mono_max(k->full_at,
			mono_add_ns(mono_add_ms(now, ms), (r->burst - 1) * r->token_ns));
}

size_t buckets_count(const struct buckets *b)
{
	return HASH_COUNT(b->table);
}
