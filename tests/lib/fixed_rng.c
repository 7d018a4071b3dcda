/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/fixed_rng.h"

#include "tests/lib/p2ptest.h"

static void fixed_fill(struct rng *rng, void *out, size_t len)
{
	struct fixed_rng *r = (struct fixed_rng *)rng;

	if (r->used == r->len) {
		rng_fill(&r->rest.rng, out, len);
		return;
	}
	if (len > r->len - r->used)
		fail_msg("fixed_rng: %zu bytes asked, %zu left", len, r->len - r->used);
	memcpy(out, r->bytes + r->used, len);
	r->used += len;
}

void fixed_rng_init(struct fixed_rng *r, struct bytes first)
{
	assert_true(first.len <= sizeof(r->bytes));
	memset(r, 0, sizeof(*r));
	r->rng.fill = fixed_fill;
	memcpy(r->bytes, first.at, first.len);
	r->len = first.len;
	rng_seed(&r->rest, 0);
}
