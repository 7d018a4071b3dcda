/* SPDX-License-Identifier: Apache-2.0 */
/* slots.h: how many inbound connections may be unauthenticated at once (rules ). Pure.
 *
 * 64 in all, 8 per IPv4 address or IPv6 /56 (an IPv6 /48 may have all of them). From 32 on newcomers are dropped at
 * random, ever more likely, so that a flood cannot aim for the moment a slot falls free. The last
 * 16 are only for sources that are known. */
#ifndef P2POS_NET_SLOTS_H
#define P2POS_NET_SLOTS_H

#include "proto/base/rng.h"
#include "proto/multi/maddr.h"

#define SLOTS_MAX            64
#define SLOTS_PER_SOURCE_MAX 8
#define SLOTS_EARLY_DROP     32 /* from here 30 %, rising to 100 % at SLOTS_MAX */
#define SLOTS_RESERVED       16 /* of SLOTS_MAX, for known sources alone */

struct slots {
	struct slot {
		struct maddr_ip source;
		bool is_used;
	} slot[SLOTS_MAX];
	unsigned used;
};

enum slot_refusal { SLOT_GRANTED, SLOT_FULL, SLOT_SOURCE_FULL, SLOT_EARLY_DROP };

void slots_init(struct slots *s);

/* Takes a slot and writes its number, or says why not. */
enum slot_refusal slots_take(struct slots *s, const struct maddr_ip *source, bool is_known,
	struct rng *rng, unsigned *ret_slot);
void slots_give(struct slots *s, unsigned slot);

#endif
