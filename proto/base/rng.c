/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/rng.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

void rng_fill(struct rng *r, void *out, size_t len)
{
	r->fill(r, out, len);
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t v;

	rng_fill(r, &v, sizeof(v));
	return v;
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
	uint64_t v, limit;

	assert(bound > 0);
	/* Values above the last whole multiple of `bound` would favour small results. */
	limit = UINT64_MAX - UINT64_MAX % bound;
	do {
		v = rng_u64(r);
	} while (v >= limit);
	return v % bound;
}

int64_t rng_jitter(struct rng *r, int64_t base, unsigned percent)
{
	int64_t span = base / 100 * (int64_t)percent;

	if (span <= 0)
		return base;
	return base - span + (int64_t)rng_below(r, (uint64_t)(2 * span + 1));
}

static void seeded_fill(struct rng *rng, void *out, size_t len)
{
	struct rng_seeded *r = (struct rng_seeded *)rng;
	uint8_t *to = out;

	while (len > 0) {
		size_t n = sizeof(r->pool) - r->used;

		if (n == 0) {
			static const uint8_t zero_nonce[crypto_stream_chacha20_NONCEBYTES];

			memset(r->pool, 0, sizeof(r->pool));
			crypto_stream_chacha20_xor_ic(
				r->pool, r->pool, sizeof(r->pool), zero_nonce, r->block++, r->key);
			r->used = 0;
			continue;
		}
		if (n > len)
			n = len;
		memcpy(to, r->pool + r->used, n);
		r->used += n;
		to += n;
		len -= n;
	}
}

void rng_seed(struct rng_seeded *r, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	r->rng.fill = seeded_fill;
	memcpy(r->key, &seed, sizeof(seed));
	r->used = sizeof(r->pool);
}
