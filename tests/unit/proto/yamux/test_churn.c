/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of rule R-27, each at its edge. */
#include "tests/lib/p2ptest.h"

#include "proto/yamux/churn.h"

static void a_hundred_opens_at_once_then_fifty_a_second(void **state)
{
	struct yamux_churn c = {0};
	uint32_t number;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		assert_true(yamux_churn_open(&c, t0, &number));
		assert_int_equal(number, i);
	}
	assert_false(yamux_churn_open(&c, t0, &number));
	for (int i = 1; i <= 50; i++)
		assert_true(yamux_churn_open(&c, mono_add_ms(t0, 20 * i), &number));
	assert_false(yamux_churn_open(&c, mono_add_ms(t0, 1000), &number));
	assert_true(yamux_churn_open(&c, mono_add_ms(t0, 1020), &number));
}

static void a_refused_open_costs_no_later_one(void **state)
{
	struct yamux_churn c = {0};
	uint32_t number;

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)yamux_churn_open(&c, t0, &number);
	assert_true(yamux_churn_open(&c, mono_add_ms(t0, 20), &number));
	assert_int_equal(number, 100);
}

static void more_than_half_of_the_last_200_opens_may_not_be_reset(void **state)
{
	struct yamux_churn c = {0};
	uint32_t number;
	mono_t now = t0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		now = mono_add_ms(now, 20);
		assert_true(yamux_churn_open(&c, now, &number));
		if (i % 2)
			assert_true(yamux_churn_reset(&c, number));
	}
	assert_int_equal(c.resets, 100);
	/* 100 of 200 are just allowed; the next open pushes out one that was not reset. */
	now = mono_add_ms(now, 20);
	assert_true(yamux_churn_open(&c, now, &number));
	assert_false(yamux_churn_reset(&c, number));
}

static void resets_that_lie_back_far_enough_are_forgotten(void **state)
{
	struct yamux_churn c = {0};
	uint32_t number, first = 0;
	mono_t now = t0;

	(void)state;
	/* One in three, for ever. */
	for (int i = 0; i < 3000; i++) {
		now = mono_add_ms(now, 20);
		assert_true(yamux_churn_open(&c, now, &number));
		if (i % 3 == 0)
			assert_true(yamux_churn_reset(&c, number));
		assert_true(c.resets <= 67);
	}
	/* A stream that lived through 200 others says nothing about churn. */
	assert_true(yamux_churn_reset(&c, first));
	assert_true(c.resets <= 67);
}

static void sixteen_pings_at_once_then_four_a_second(void **state)
{
	struct yamux_churn c = {0};

	(void)state;
	for (int i = 0; i < 16; i++)
		assert_true(yamux_churn_ping(&c, t0));
	assert_false(yamux_churn_ping(&c, t0));
	for (int i = 1; i <= 40; i++)
		assert_true(yamux_churn_ping(&c, mono_add_ms(t0, 250 * i)));
	assert_false(yamux_churn_ping(&c, mono_add_ms(t0, 10000)));
}

static void one_window_update_per_kilobyte_beyond_sixty_four(void **state)
{
	struct yamux_churn c = {0};

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_true(yamux_churn_update(&c));
	assert_false(yamux_churn_update(&c));
	yamux_churn_delivered(&c, 1023);
	assert_false(yamux_churn_update(&c));
	yamux_churn_delivered(&c, 1);
	assert_true(yamux_churn_update(&c));
	assert_false(yamux_churn_update(&c));
}

static void a_window_of_frames_may_be_answered_in_one_go(void **state)
{
	struct yamux_churn c = {0};

	(void)state;
	yamux_churn_delivered(&c, 1024 * 1024);
	for (int i = 0; i < 1024 + 64; i++)
		assert_true(yamux_churn_update(&c));
	assert_false(yamux_churn_update(&c));
	/* However much was delivered, more than the largest window is never saved up. */
	for (int i = 0; i < 5; i++)
		yamux_churn_delivered(&c, 1 << 30);
	for (int i = 0; i < 16 * 1024 + 64; i++)
		assert_true(yamux_churn_update(&c));
	assert_false(yamux_churn_update(&c));
}

static void a_thousand_idle_frames_in_ten_seconds(void **state)
{
	struct yamux_churn c = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(yamux_churn_idle_frame(&c, t0));
	assert_false(yamux_churn_idle_frame(&c, t0));
	for (int i = 0; i < 1000; i++)
		assert_true(yamux_churn_idle_frame(&c, mono_add_ms(t0, 10000)));
	assert_false(yamux_churn_idle_frame(&c, mono_add_ms(t0, 10000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_opens_at_once_then_fifty_a_second),
		cmocka_unit_test(a_refused_open_costs_no_later_one),
		cmocka_unit_test(more_than_half_of_the_last_200_opens_may_not_be_reset),
		cmocka_unit_test(resets_that_lie_back_far_enough_are_forgotten),
		cmocka_unit_test(sixteen_pings_at_once_then_four_a_second),
		cmocka_unit_test(one_window_update_per_kilobyte_beyond_sixty_four),
		cmocka_unit_test(a_window_of_frames_may_be_answered_in_one_go),
		cmocka_unit_test(a_thousand_idle_frames_in_ten_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
