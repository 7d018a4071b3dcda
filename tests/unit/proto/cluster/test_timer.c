/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/timer.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

#define MANY 500

static void timers_ring_in_the_order_of_their_instants(void **state)
{
	struct timers ts = {0};
	struct timer t[MANY] = {0};
	struct rng_seeded rng;
	mono_t last = MONO_ZERO;
	unsigned rung = 0, armed = 0;

	(void)state;
	rng_seed(&rng, 1);
	for (unsigned round = 0; round < 20000; round++) {
		struct timer *one = &t[rng_below(&rng.rng, MANY)];

		armed -= timer_is_armed(one);
		if (rng_below(&rng.rng, 3)) {
			timer_arm(&ts, one, (mono_t){(int64_t)rng_below(&rng.rng, 1000) + 1});
			armed++;
		} else {
			timer_stop(&ts, one);
		}
		assert_int_equal(ts.count, armed);
	}
	for (struct timer *one; (one = timers_due(&ts, (mono_t){1000}));) {
		assert_false(mono_before(one->at, last));
		last = one->at;
		rung++;
	}
	assert_int_equal(rung, armed);
	assert_true(mono_is_never(timers_next(&ts)));
	timers_deinit(&ts);
}

static void those_of_one_instant_ring_as_they_were_armed(void **state)
{
	struct timers ts = {0};
	struct timer t[10] = {0};

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		timer_arm(&ts, &t[i], (mono_t){5});
	timer_arm(&ts, &t[3], (mono_t){5}); /* again: goes to the end */
	assert_null(timers_due(&ts, (mono_t){4}));
	for (unsigned i = 0; i < 10; i++)
		assert_ptr_equal(timers_due(&ts, (mono_t){5}), &t[i == 9 ? 3 : i < 3 ? i : i + 1]);
	timer_arm(&ts, &t[0], MONO_NEVER);
	assert_false(timer_is_armed(&t[0]));
	timers_deinit(&ts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_ring_in_the_order_of_their_instants),
		cmocka_unit_test(those_of_one_instant_ring_as_they_were_armed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
