/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/sources.h"

#include "proto/base/mem.h"
#include <stdlib.h>

void sources_deinit(struct sources *s)
{
	free(s->known);
	free(s->blocked);
	*s = (struct sources){0};
}

static int order(uint8_t family, const uint8_t ip[16], const struct maddr_ip *b)
{
	return family != b->family ? (int)family - b->family : memcmp(ip, b->ip, 16);
}

/* The place of `ip` in the sorted table, or where it belongs. */
static size_t place_of(const struct sources *s, const struct maddr_ip *ip)
{
	size_t lo = 0, hi = s->known_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (order(s->known[mid].family, s->known[mid].ip, ip) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct source_known *find_known(const struct sources *s, const struct maddr_ip *ip)
{
	size_t i = place_of(s, ip);

	if (i < s->known_count && order(s->known[i].family, s->known[i].ip, ip) == 0)
		return &s->known[i];
	return NULL;
}

/* Drops the one seen longest ago; false when all are fixed. */
static bool forget_one(struct sources *s)
{
	struct source_known *oldest = NULL;
	size_t i;

	for (i = 0; i < s->known_count; i++)
		if (!s->known[i].fixed && (!oldest || wall_cmp(s->known[i].seen, oldest->seen) < 0))
			oldest = &s->known[i];
	if (!oldest)
		return false;
	i = (size_t)(oldest - s->known);
	memmove(oldest, oldest + 1, (--s->known_count - i) * sizeof(*oldest));
	return true;
}

void sources_note(struct sources *s, const struct maddr *a, bool fixed, wall_t seen)
{
	struct source_known *k;
	struct maddr_ip ip;
	size_t i;

	if (maddr_to_ip(a, &ip))
		return;
	k = find_known(s, &ip);
	if (!k) {
		if (s->known_count >= SOURCES_KNOWN_MAX && !forget_one(s))
			return;
		s->known = xrealloc(s->known, (s->known_count + 1) * sizeof(*s->known));
		i = place_of(s, &ip);
		k = &s->known[i];
		memmove(k + 1, k, (s->known_count++ - i) * sizeof(*k));
		*k = (struct source_known){.family = ip.family, .seen = seen};
		memcpy(k->ip, ip.ip, sizeof(k->ip));
	}
	k->fixed |= fixed;
	if (wall_cmp(seen, k->seen) > 0)
		k->seen = seen;
}

bool sources_is_known(const struct sources *s, const struct maddr_ip *ip, wall_t wall)
{
	const struct source_known *k = find_known(s, ip);

	return k && (k->fixed || wall_cmp(wall, wall_add_sec(k->seen, SOURCES_KNOWN_SEC)) <= 0);
}

static struct source_blocked *find_blocked(const struct sources *s, const struct maddr_ip *ip)
{
	for (size_t i = 0; i < s->blocked_count; i++)
		if (order(s->blocked[i].family, s->blocked[i].ip, ip) == 0)
			return &s->blocked[i];
	return NULL;
}

static struct source_blocked *new_blocked(struct sources *s)
{
	struct source_blocked *soonest = NULL;

	if (s->blocked_count < SOURCES_BLOCKED_MAX) {
		s->blocked = xrealloc(s->blocked, (s->blocked_count + 1) * sizeof(*s->blocked));
		return &s->blocked[s->blocked_count++];
	}
	for (size_t i = 0; i < s->blocked_count; i++)
		if (!soonest || mono_before(s->blocked[i].until, soonest->until))
			soonest = &s->blocked[i];
	return soonest;
}

void sources_block(struct sources *s, const struct maddr *a, mono_t now)
{
	struct source_blocked *b;
	struct maddr_ip ip;

	if (maddr_to_ip(a, &ip))
		return;
	b = find_blocked(s, &ip);
	if (!b) {
		b = new_blocked(s);
		*b = (struct source_blocked){.family = ip.family, .block_ms = SOURCES_BLOCK_MS / 2};
		memcpy(b->ip, ip.ip, sizeof(b->ip));
	}
	b->block_ms *= 2;
	if (b->block_ms > SOURCES_BLOCK_MS_MAX)
		b->block_ms = SOURCES_BLOCK_MS_MAX;
	b->until = mono_add_ms(now, b->block_ms);
}

bool sources_is_blocked(const struct sources *s, const struct maddr_ip *ip, mono_t now)
{
	const struct source_blocked *b = find_blocked(s, ip);

	return b && mono_before(now, b->until);
}
