/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/rng.h"

#include "tests/lib/p2ptest.h"

static void one_seed_gives_one_run_however_it_is_cut(void **state)
{
	struct rng_seeded a, b, c;
	uint8_t whole[300], pieces[300], other[300];

	(void)state;
	rng_seed(&a, 42);
	rng_seed(&b, 42);
	rng_seed(&c, 43);
	rng_fill(&a.rng, whole, sizeof(whole));
	rng_fill(&c.rng, other, sizeof(other));
	for (size_t at = 0, n = 1; at < sizeof(pieces); at += n, n = n * 2 + 1) {
		if (n > sizeof(pieces) - at)
			n = sizeof(pieces) - at;
		rng_fill(&b.rng, pieces + at, n);
	}
	assert_memory_equal(whole, pieces, sizeof(whole));
	assert_memory_not_equal(whole, other, sizeof(whole));
	assert_memory_not_equal(whole, whole + 64, 64); /* blocks differ */
}

static void bounds_hold_and_every_value_comes(void **state)
{
	struct rng_seeded r;
	unsigned seen[7] = {0};

	(void)state;
	rng_seed(&r, 1);
	for (unsigned i = 0; i < 7000; i++) {
		uint64_t v = rng_below(&r.rng, 7);

		assert_in_range(v, 0, 6);
		seen[v]++;
	}
	for (unsigned v = 0; v < 7; v++)
		assert_in_range(seen[v], 850, 1150);
	assert_int_equal(rng_below(&r.rng, 1), 0);
}

/* Three quarters of all numbers as the bound: without a second try, the last quarter would fold
 * onto the first and double it. */
static void no_value_is_favoured(void **state)
{
	struct rng_seeded r;
	unsigned low = 0;

	(void)state;
	rng_seed(&r, 3);
	for (unsigned i = 0; i < 3000; i++)
		low += rng_below(&r.rng, UINT64_C(3) << 62) < UINT64_C(1) << 62;
	assert_in_range(low, 900, 1100);
}

static void jitter_stays_within_its_share(void **state)
{
	struct rng_seeded r;
	int64_t low = INT64_MAX, high = 0;

	(void)state;
	rng_seed(&r, 2);
	for (unsigned i = 0; i < 2000; i++) {
		int64_t v = rng_jitter(&r.rng, 1000, 10);

		assert_in_range(v, 900, 1100);
		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	assert_in_range(low, 900, 905);
	assert_in_range(high, 1095, 1100);
	assert_int_equal(rng_jitter(&r.rng, 1000, 0), 1000);
	assert_int_equal(rng_jitter(&r.rng, 0, 50), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_seed_gives_one_run_however_it_is_cut),
		cmocka_unit_test(bounds_hold_and_every_value_comes),
		cmocka_unit_test(no_value_is_favoured),
		cmocka_unit_test(jitter_stays_within_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
