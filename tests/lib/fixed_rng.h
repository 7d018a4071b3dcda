/* SPDX-License-Identifier: Apache-2.0 */
/* fixed_rng.h: a generator that first gives out prescribed bytes, for vectors with fixed keys;
 * after them it goes on as the seeded one. */
#ifndef P2POS_TESTS_LIB_FIXED_RNG_H
#define P2POS_TESTS_LIB_FIXED_RNG_H

#include "proto/base/bytes.h"
#include "proto/base/rng.h"

struct fixed_rng {
	struct rng rng; /* hand out &x.rng */
	uint8_t bytes[128];
	size_t len, used;
	struct rng_seeded rest;
};

/* `first` has at most 128 bytes. */
void fixed_rng_init(struct fixed_rng *r, struct bytes first);

#endif
