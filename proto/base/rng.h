/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h: randomness as an object.
 *
 * Whoever needs random bytes is handed a `struct rng`. In the daemon it is the kernel's
 * (daemon/io), in tests and in the simulator the seeded one below, so that a run repeats
 * exactly from its seed. */
#ifndef P2POS_BASE_RNG_H
#define P2POS_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	/* Fills `len` bytes; never fails. */
	void (*fill)(struct rng *r, void *out, size_t len);
};

void rng_fill(struct rng *r, void *out, size_t len);
uint64_t rng_u64(struct rng *r);

/* Evenly from 0 .. bound-1; bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);

/* `base` changed by up to `percent` either way, evenly; for jitter on intervals. */
int64_t rng_jitter(struct rng *r, int64_t base, unsigned percent);

/* A generator that gives the same bytes for the same seed (ChaCha20 key stream). Tests and
 * simulation only: its seed is no secret. */
struct rng_seeded {
	struct rng rng; /* hand out &x.rng */
	uint8_t key[32];
	uint64_t block;
	uint8_t pool[64];
	size_t used; /* bytes of pool already given */
};

void rng_seed(struct rng_seeded *r, uint64_t seed);

#endif
