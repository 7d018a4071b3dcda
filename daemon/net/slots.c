/* SPDX-License-Identifier: Apache-2.0 */
/* slots.c: a table of 64; walking it costs less than keeping an index in order. */
#include "daemon/net/slots.h"

#include <assert.h>
#include <string.h>

#define EARLY_DROP_PERCENT 30 /* at SLOTS_EARLY_DROP; 100 at SLOTS_MAX */

void slots_init(struct slots *s)
{
	memset(s, 0, sizeof(*s));
}

/* The same IPv4 address or IPv6 /56. */
static bool is_same_source(const struct maddr_ip *a, const struct maddr_ip *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : 7) == 0;
}

static bool is_dropped_early(unsigned used, struct rng *rng)
{
	unsigned percent;

	if (used < SLOTS_EARLY_DROP)
		return false;
	percent = EARLY_DROP_PERCENT +
		(100 - EARLY_DROP_PERCENT) * (used - SLOTS_EARLY_DROP) / (SLOTS_MAX - SLOTS_EARLY_DROP);
	return rng_below(rng, 100) < percent;
}

enum slot_refusal slots_take(struct slots *s, const struct maddr_ip *source, bool is_known,
	struct rng *rng, unsigned *ret_slot)
{
	unsigned same = 0, empty = SLOTS_MAX;

	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		if (!s->slot[i].is_used)
			empty = i;
		else
			same += is_same_source(&s->slot[i].source, source);
	}
	if (s->used >= (is_known ? SLOTS_MAX : SLOTS_MAX - SLOTS_RESERVED))
		return SLOT_FULL;
	if (same >= SLOTS_PER_SOURCE_MAX)
		return SLOT_SOURCE_FULL;
	if (!is_known && is_dropped_early(s->used, rng))
		return SLOT_EARLY_DROP;
	assert(empty < SLOTS_MAX);
	s->slot[empty].source = *source;
	s->slot[empty].is_used = true;
	s->used++;
	*ret_slot = empty;
	return SLOT_GRANTED;
}

void slots_give(struct slots *s, unsigned slot)
{
	assert(slot < SLOTS_MAX && s->slot[slot].is_used);
	s->slot[slot].is_used = false;
	s->used--;
}
