/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/state.h"

#include "tests/lib/p2ptest.h"

static void a_majority_of_members_online_is_healthy(void **state)
{
	/* The least k for each N (features.md P-011). */
	static const size_t needs[] = {0, 1, 2, 2, 3, 3, 4, 4, 5, 5};

	(void)state;
	for (size_t n = 0; n <= 9; n++)
		for (size_t k = 0; k <= n; k++) {
			struct state_facts f = {true, true, n, k};
			enum core_state want = n == 0          ? CORE_UNCONFIGURED
					       : k >= needs[n] ? CORE_HEALTHY
							       : CORE_DEGRADED;

			assert_int_equal(state_of(&f), want);
		}
}

static void without_a_list_or_a_place_in_it_it_is_unconfigured(void **state)
{
	(void)state;
	assert_int_equal(state_of(&(struct state_facts){false, true, 3, 3}), CORE_UNCONFIGURED);
	assert_int_equal(state_of(&(struct state_facts){true, false, 3, 3}), CORE_UNCONFIGURED);
}

static void there_are_exactly_three_names(void **state)
{
	(void)state;
	assert_string_equal(core_state_name(CORE_UNCONFIGURED), "unconfigured");
	assert_string_equal(core_state_name(CORE_DEGRADED), "degraded");
	assert_string_equal(core_state_name(CORE_HEALTHY), "healthy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_majority_of_members_online_is_healthy),
		cmocka_unit_test(without_a_list_or_a_place_in_it_it_is_unconfigured),
		cmocka_unit_test(there_are_exactly_three_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
