/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/addrs.h"

#include "proto/base/mem.h"
#include <stdlib.h>

const char *core_addr_from_name(enum core_addr_from from)
{
	switch (from) {
	case CORE_ADDR_SEEN: return "seen";
	case CORE_ADDR_CONFIG: return "config";
	case CORE_ADDR_RECORD: return "record";
	case CORE_ADDR_IDENTIFY: return "identify";
	case CORE_ADDR_DNS: return "dns";
	case CORE_ADDR_HINT: return "hint";
	}
	return "hint";
}

const char *core_stage_name(enum core_stage stage)
{
	switch (stage) {
	case CORE_AT_CONNECT: return "connect";
	case CORE_AT_UPGRADE: return "upgrade";
	case CORE_AT_SECURE: return "secure";
	case CORE_AT_MUX: return "mux";
	case CORE_AT_READY: return "ready";
	}
	return "connect";
}

void addrs_deinit(struct addrs *as)
{
	for (size_t i = 0; i < as->count; i++)
		free(as->list[i]);
	free(as->list);
	*as = (struct addrs){0};
}

void addr_copy(const struct addr *a, struct maddr *ret)
{
	*ret = MADDR_NONE;
	ret->len = a->len;
	memcpy(ret->at, a->at, a->len);
}

static bool is_same(const struct addr *a, const struct maddr *m)
{
	return a->len == m->len && memcmp(a->at, m->at, m->len) == 0;
}

struct addr *addrs_find(const struct addrs *as, const struct maddr *a)
{
	for (size_t i = 0; i < as->count; i++)
		if (is_same(as->list[i], a))
			return as->list[i];
	return NULL;
}

static void drop_at(struct addrs *as, size_t i)
{
	free(as->list[i]);
	as->list[i] = as->list[--as->count];
	if (as->count == 0)
		addrs_deinit(as);
}

void addrs_drop(struct addrs *as, const struct maddr *a)
{
	for (size_t i = 0; i < as->count; i++)
		if (is_same(as->list[i], a)) {
			drop_at(as, i);
			return;
		}
}

void addrs_drop_from(struct addrs *as, enum core_addr_from from)
{
	for (size_t i = as->count; i-- > 0;)
		if (as->list[i]->from == from)
			drop_at(as, i);
}

/* Fewer failures, then the more trusted source, then the older acquaintance. */
static bool is_better(const struct addr *a, const struct addr *b)
{
	if (a->failures != b->failures)
		return a->failures < b->failures;
	return a->from < b->from;
}

/* Makes room by dropping the worst that is not being dialled. */
static void make_room(struct addrs *as)
{
	size_t worst = as->count;

	for (size_t i = 0; i < as->count; i++)
		if (!as->list[i]->busy &&
			(worst == as->count || is_better(as->list[worst], as->list[i])))
			worst = i;
	if (worst < as->count)
		drop_at(as, worst);
}

static bool is_dialable(const struct maddr *a)
{
	switch (maddr_kind(a)) {
	case MADDR_TCP:
	case MADDR_QUIC:
	case MADDR_WS:
	case MADDR_WSS: return maddr_reach(a) != MADDR_REACH_NONE;
	case MADDR_OTHER:
	case MADDR_DNSADDR:
	case MADDR_DNS: break;
	}
	return false;
}

bool addrs_add(struct addrs *as, const struct maddr *a, enum core_addr_from from, mono_t now)
{
	struct addr *e = addrs_find(as, a);

	if (e) {
		if (from < e->from)
			e->from = (uint8_t)from;
		return false;
	}
	if (!is_dialable(a))
		return false;
	if (as->count >= CORE_PEER_ADDRS_MAX)
		make_room(as);
	if (as->count >= CORE_PEER_ADDRS_MAX)
		return false;
	e = xcalloc(1, sizeof(*e) + a->len);
	e->from = (uint8_t)from;
	e->free_at = now;
	e->tried = WALL_ZERO;
	e->len = a->len;
	memcpy(e->at, a->at, a->len);
	as->list = xrealloc(as->list, (as->count + 1) * sizeof(*as->list));
	as->list[as->count++] = e;
	return true;
}

mono_t addrs_free_at(const struct addrs *as)
{
	mono_t at = MONO_NEVER;

	for (size_t i = 0; i < as->count; i++)
		if (!as->list[i]->busy)
			at = mono_min(at, as->list[i]->free_at);
	return at;
}

const struct addr *addrs_best(const struct addrs *as, size_t i)
{
	/* The i-th best: the one that exactly i others come before. At most 24 of them. */
	for (size_t k = 0; k < as->count; k++) {
		size_t before = 0;

		for (size_t j = 0; j < as->count; j++)
			if (is_better(as->list[j], as->list[k]) ||
				(j < k && !is_better(as->list[k], as->list[j])))
				before++;
		if (before == i)
			return as->list[k];
	}
	return NULL;
}

size_t addrs_take(struct addrs *as, struct maddr *ret, size_t max, mono_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < as->count && n < max; i++) {
		struct addr *a = (struct addr *)addrs_best(as, i);

		if (a->busy || !mono_reached(a->free_at, now))
			continue;
		a->busy = true;
		addr_copy(a, &ret[n++]);
	}
	return n;
}

void addr_failed(
	struct addr *a, int err, enum core_stage stage, struct rng *rng, wall_t wall, mono_t now)
{
	int64_t rest;

	if (a->failures == 0)
		a->failed_at = now;
	if (a->failures < UINT16_MAX)
		a->failures++;
	rest = mono_since_ms(now, a->failed_at) / ADDR_REST_SHARE;
	if (rest > ADDR_REST_MS_MAX)
		rest = ADDR_REST_MS_MAX;
	/* The jitter spreads upwards alone at the lower end: a second is a second. */
	rest = rng_jitter(rng, rest, 25);
	if (rest < ADDR_REST_MS_MIN)
		rest = ADDR_REST_MS_MIN + (int64_t)rng_below(rng, ADDR_REST_MS_MIN / 4);
	a->free_at = mono_add_ms(now, rest);
	a->err = (int16_t)err;
	a->stage = (uint8_t)stage;
	a->tried = wall;
	a->busy = false;
}

void addr_good(struct addr *a, wall_t wall)
{
	a->failures = 0;
	a->err = 0;
	a->failed_at = MONO_ZERO;
	a->tried = wall;
	a->busy = false;
}

void addrs_release(struct addrs *as)
{
	for (size_t i = 0; i < as->count; i++)
		as->list[i]->busy = false;
}

void addrs_wake(struct addrs *as, mono_t now)
{
	for (size_t i = 0; i < as->count; i++) {
		struct addr *a = as->list[i];
		/* When it failed last is not kept apart; free_at less its rest would be. A second
		 * from now is never before the shortest rest is over. */
		mono_t soon = mono_add_ms(now, a->failures ? ADDR_REST_MS_MIN : 0);

		a->free_at = mono_min(a->free_at, soon);
	}
}

const struct addr *addrs_last_failure(const struct addrs *as)
{
	const struct addr *last = NULL;

	for (size_t i = 0; i < as->count; i++)
		if (as->list[i]->err && (!last || wall_cmp(as->list[i]->tried, last->tried) > 0))
			last = as->list[i];
	return last;
}
