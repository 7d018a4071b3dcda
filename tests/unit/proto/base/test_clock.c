/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/clock.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static mono_t at(int64_t ns)
{
	return (mono_t){ns};
}

static void timers_saturate_instead_of_wrapping(void **state)
{
	(void)state;
	assert_int_equal(mono_add_ms(at(5), 2).ns, 5 + 2 * NS_PER_MS);
	assert_true(mono_is_never(mono_add_ns(at(INT64_MAX - 1), 2)));
	assert_true(mono_is_never(mono_add_ms(at(0), INT64_MAX)));
	assert_true(mono_is_never(mono_add_ns(MONO_NEVER, -5)));
	assert_int_equal(mono_add_ns(at(INT64_MIN + 1), -2).ns, INT64_MIN);
	assert_int_equal(mono_add_ms(at(0), INT64_MIN).ns, INT64_MIN);
	assert_int_equal(mono_since_ns(at(INT64_MAX), at(INT64_MIN)), INT64_MAX);
	assert_int_equal(mono_since_ns(at(3), at(5)), 0);
	assert_int_equal(mono_since_ms(at(3 * NS_PER_MS), at(1)), 2);
}

static void deadlines_are_reached_on_the_tick(void **state)
{
	(void)state;
	assert_false(mono_reached(at(5), at(4)));
	assert_true(mono_reached(at(5), at(5)));
	assert_false(mono_reached(MONO_NEVER, at(INT64_MAX - 1)));
	assert_true(mono_before(at(1), at(2)) && !mono_before(at(2), at(2)));
	assert_int_equal(mono_min(at(1), at(2)).ns, 1);
	assert_int_equal(mono_max(at(1), at(2)).ns, 2);
	assert_int_equal(mono_cmp(at(1), at(2)), -1);
	assert_int_equal(mono_cmp(at(2), at(2)), 0);
	assert_int_equal(mono_cmp(MONO_NEVER, at(2)), 1);
}

static void calendar_time_keeps_its_nanoseconds_in_range(void **state)
{
	wall_t t = {10, 900000000};

	(void)state;
	t = wall_add_ns(t, 200000000);
	assert_int_equal(t.sec, 11);
	assert_int_equal(t.nsec, 100000000);
	t = wall_add_ns(t, -200000000);
	assert_int_equal(t.sec, 10);
	assert_int_equal(t.nsec, 900000000);
	t = wall_add_ns(t, -3 * NS_PER_SEC - 900000000);
	assert_int_equal(t.sec, 7);
	assert_int_equal(t.nsec, 0);
	t = wall_add_sec((wall_t){INT64_MAX, 1}, 1);
	assert_int_equal(t.sec, INT64_MAX);
	t = wall_add_sec((wall_t){INT64_MIN, 1}, -1);
	assert_int_equal(t.sec, INT64_MIN);
	assert_true(wall_is_zero(WALL_ZERO) && !wall_is_zero((wall_t){0, 0}));
}

static void calendar_time_orders_by_second_then_nanosecond(void **state)
{
	(void)state;
	assert_int_equal(wall_cmp((wall_t){1, 5}, (wall_t){2, 0}), -1);
	assert_int_equal(wall_cmp((wall_t){2, 1}, (wall_t){2, 0}), 1);
	assert_int_equal(wall_cmp((wall_t){2, 1}, (wall_t){2, 1}), 0);
	assert_int_equal(wall_cmp((wall_t){-2, 999}, (wall_t){-1, 0}), -1);
}

static void differences_round_towards_zero(void **state)
{
	(void)state;
	assert_int_equal(wall_diff_ms((wall_t){1, 0}, (wall_t){0, 999500000}), 0);
	assert_int_equal(wall_diff_ms((wall_t){0, 999500000}, (wall_t){1, 0}), 0);
	assert_int_equal(wall_diff_ms((wall_t){2, 0}, (wall_t){0, 998500000}), 1001);
	assert_int_equal(wall_diff_ms((wall_t){0, 998500000}, (wall_t){2, 0}), -1001);
	assert_int_equal(wall_diff_ms((wall_t){0, 1999999}, (wall_t){0, 0}), 1);
	assert_int_equal(wall_diff_ms((wall_t){INT64_MAX, 0}, (wall_t){-1, 0}), INT64_MAX);
	assert_int_equal(wall_diff_ms((wall_t){INT64_MIN, 0}, (wall_t){1, 0}), INT64_MIN);
	assert_int_equal(
		wall_diff_ms((wall_t){INT64_MAX / 1000, 999999999}, (wall_t){0, 0}), INT64_MAX);
}

static void adding_and_subtracting_undo_each_other(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 3);
	for (unsigned round = 0; round < 2000; round++) {
		wall_t t = {(int64_t)rng_below(&rng.rng, 1u << 31),
			(int32_t)rng_below(&rng.rng, (uint64_t)NS_PER_SEC)};
		int64_t ns = (int64_t)rng_below(&rng.rng, UINT64_C(1) << 62);
		wall_t later = wall_add_ns(t, ns);

		assert_in_range(later.nsec, 0, NS_PER_SEC - 1);
		assert_int_equal(wall_diff_ms(later, t), ns / NS_PER_MS);
		assert_int_equal(wall_cmp(wall_add_ns(later, -ns), t), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_saturate_instead_of_wrapping),
		cmocka_unit_test(deadlines_are_reached_on_the_tick),
		cmocka_unit_test(calendar_time_keeps_its_nanoseconds_in_range),
		cmocka_unit_test(calendar_time_orders_by_second_then_nanosecond),
		cmocka_unit_test(differences_round_towards_zero),
		cmocka_unit_test(adding_and_subtracting_undo_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
