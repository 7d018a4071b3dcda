/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/mtu.h"

#include "tests/lib/p2ptest.h"

#define PTO (100 * NS_PER_MS)

static mono_t at(int64_t ms)
{
	return mono_add_ms(t0, ms);
}

static void three_large_ones_that_vanish_are_enough(void **state)
{
	struct quic_mtu m = {0};

	(void)state;
	quic_mtu_sent(&m, 0, true, at(0));
	quic_mtu_sent(&m, 1, true, at(0));
	assert_false(quic_mtu_is_held(&m, PTO, at(1000)));
	quic_mtu_sent(&m, 2, true, at(1000));
	assert_true(quic_mtu_is_held(&m, PTO, at(1000)));
	assert_true(quic_mtu_is_held(&m, PTO, at(1000 + QUIC_MTU_HELD_MS - 1)));
	assert_false(quic_mtu_is_held(&m, PTO, at(1000 + QUIC_MTU_HELD_MS)));
}

static void it_takes_three_timeouts_too(void **state)
{
	struct quic_mtu m = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		quic_mtu_sent(&m, i, true, at(0));
	assert_false(quic_mtu_is_held(&m, PTO, at(300)));
	assert_true(quic_mtu_is_held(&m, PTO, at(301)));
}

static void one_that_got_through_clears_all(void **state)
{
	struct quic_mtu m = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		quic_mtu_sent(&m, i, i != 5, at(0));
	quic_mtu_acked(&m, 5, 5, 9); /* a small one says nothing */
	assert_int_equal(m.waiting, 9);
	quic_mtu_acked(&m, 4, 5, 9);
	assert_int_equal(m.waiting, 0);
	assert_false(quic_mtu_is_held(&m, PTO, at(10000)));
	/* An old acknowledgement repeated says nothing about newer ones. */
	for (int i = 10; i < 13; i++)
		quic_mtu_sent(&m, i, true, at(0));
	quic_mtu_acked(&m, 0, 9, 12);
	assert_int_equal(m.waiting, 3);
	/* Nor does one of packets that were never sent. */
	quic_mtu_acked(&m, 0, INT64_MAX, 12);
	assert_int_equal(m.waiting, 3);
	/* And one of a million packets takes no time. */
	for (int i = 13; i < 3000; i++)
		quic_mtu_sent(&m, i, false, at(0));
	quic_mtu_acked(&m, 0, 2999, 2999);
	assert_int_equal(m.waiting, 3);
}

static void trials_are_further_and_further_apart(void **state)
{
	struct quic_mtu m = {0};
	int64_t now = 0, number = 0, held;

	(void)state;
	for (held = QUIC_MTU_HELD_MS; held < QUIC_MTU_RAISE_MS; held *= 2) {
		for (int i = 0; i < 3; i++)
			quic_mtu_sent(&m, number++, true, at(now));
		now += 301;
		assert_true(quic_mtu_is_held(&m, PTO, at(now)));
		assert_true(quic_mtu_is_held(&m, PTO, at(now + held - 1)));
		now += held;
		assert_false(quic_mtu_is_held(&m, PTO, at(now)));
	}
	for (int i = 0; i < 3; i++)
		quic_mtu_sent(&m, number++, true, at(now));
	now += 301;
	assert_true(quic_mtu_is_held(&m, PTO, at(now)));
	assert_true(quic_mtu_is_held(&m, PTO, at(now + QUIC_MTU_RAISE_MS - 1)));
	/* One that gets through makes all well. */
	quic_mtu_sent(&m, number, true, at(now));
	quic_mtu_acked(&m, number, number, number);
	assert_int_equal(m.hold_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_large_ones_that_vanish_are_enough),
		cmocka_unit_test(it_takes_three_timeouts_too),
		cmocka_unit_test(one_that_got_through_clears_all),
		cmocka_unit_test(trials_are_further_and_further_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
