/* SPDX-License-Identifier: Apache-2.0 */
/* seeds.h: which seeds a simulation runs: SEED=n in the environment means that one alone. */
#ifndef P2POS_TESTS_LIB_SEEDS_H
#define P2POS_TESTS_LIB_SEEDS_H

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t seeds_first(void)
{
	const char *only = getenv("SEED");

	return only ? strtoull(only, NULL, 10) : 1;
}

/* One behind the last of `count`. */
static inline uint64_t seeds_end(unsigned count)
{
	return getenv("SEED") ? seeds_first() + 1 : seeds_first() + count;
}

#endif
