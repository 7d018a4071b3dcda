/* SPDX-License-Identifier: Apache-2.0 */
/* Gaps of a stream, against a plain map of bytes. */
#include "proto/quic/gaps.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

#define SPACE 600

static void check(const struct quic_gaps *g, const bool *has)
{
	uint32_t pieces = 0;
	uint64_t bytes = 0;

	for (size_t i = 0; i < SPACE; i++) {
		bytes += has[i];
		pieces += has[i] && (i == 0 || !has[i - 1]);
	}
	assert_int_equal(g->count, pieces);
	assert_int_equal(g->bytes, bytes);
	for (uint32_t i = 0; i < g->count; i++) {
		assert_true(g->at[i].begin < g->at[i].end);
		assert_true(i == 0 || g->at[i - 1].end < g->at[i].begin);
		for (uint64_t k = g->at[i].begin; k < g->at[i].end; k++)
			assert_true(has[k]);
	}
}

static void pieces_join_as_bytes_do(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 1);
	for (int round = 0; round < 300; round++) {
		struct quic_gaps g = {0};
		bool has[SPACE] = {false};
		uint64_t reached = 0;

		for (int i = 0; i < 60; i++) {
			uint64_t begin = reached + rng_below(&rng.rng, SPACE - reached);
			uint64_t end = begin + rng_below(&rng.rng, 12);

			end = end < SPACE ? end : SPACE;
			(void)quic_gaps_add(&g, begin, end);
			for (uint64_t k = begin; k < end; k++)
				has[k] = true;
			check(&g, has);
			if (rng_below(&rng.rng, 8))
				continue;
			reached += rng_below(&rng.rng, 40);
			reached = reached < SPACE - 20 ? reached : SPACE - 20;
			quic_gaps_reached(&g, reached);
			memset(has, 0, reached);
			check(&g, has);
		}
		quic_gaps_deinit(&g);
	}
}

static void crumbs_are_bounded_by_number(void **state)
{
	struct quic_gaps g = {0};

	(void)state;
	for (uint64_t i = 0; i < QUIC_GAPS_MAX; i++)
		assert_true(quic_gaps_add(&g, 2 * i, 2 * i + 1));
	assert_false(quic_gaps_add(&g, 1000, 1001));
	quic_gaps_deinit(&g);
}

static void large_pieces_are_bounded_by_the_window_alone(void **state)
{
	struct quic_gaps g = {0};

	(void)state;
	for (uint64_t i = 0; i < 5000; i++)
		assert_true(quic_gaps_add(&g, 2000 * i, 2000 * i + 1000));
	assert_int_equal(g.count, 5000);
	quic_gaps_reached(&g, 10000000);
	assert_int_equal(g.count, 0);
	assert_null(g.at); /* nothing is owned when nothing is missing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_join_as_bytes_do),
		cmocka_unit_test(crumbs_are_bounded_by_number),
		cmocka_unit_test(large_pieces_are_bounded_by_the_window_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
