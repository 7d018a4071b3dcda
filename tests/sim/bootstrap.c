/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.c: from nothing to a healthy cluster (features.md P-048 to P-050, P-190, P-193; R-18).
 */
#include "tests/lib/p2ptest.h"
#include "tests/lib/seeds.h"
#include "tests/lib/town.h"

static bool all_healthy(struct town *t, void *of)
{
	(void)of;
	return town_all(t, CORE_HEALTHY);
}

static bool full_mesh(struct town *t, void *of)
{
	unsigned n = *(unsigned *)of;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++)
			if (i != k && !town_is_linked(t, i, k))
				return false;
	return true;
}

static void members_find_each_other_through_two_addresses(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(20); seed++) {
		unsigned n = 3 + (unsigned)(seed % 7);
		struct town *t =
			town_new(&(struct town_opts){.nodes = n, .members = n, .seed = seed});

		assert_true(town_run_until(t, all_healthy, NULL, 5000));
		assert_true(town_run_until(t, full_mesh, &n, 15000));
		town_run(t, 120000);
		assert_true(full_mesh(t, &n));
		assert_int_equal(town_false_downs(t), 0);
		town_free(t);
	}
}

static void one_node_grows_to_nine_by_approval(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(5); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 9, .members = 1, .seed = seed});

		town_run(t, 5000);
		assert_int_equal(town_state(t, 0), CORE_HEALTHY);
		for (unsigned n = 2; n <= 9; n++) {
			struct snapshot s = town_list_of(t, n, 0, 0);
			struct core_knock k;
			struct peer_id newcomer = town_id(t, n - 1);
			bool knocked = false;

			assert_int_equal(town_state(t, n - 1), CORE_UNCONFIGURED);
			for (size_t i = 0; core_pending_at(town_core(t, 0), i, &k); i++)
				knocked |= peer_id_eq(&k.peer, &newcomer);
			assert_true(knocked);
			(void)town_publish(t, 0, &s);
			/* The newcomers knock again within a minute. */
			town_run(t, 70000);
			assert_int_equal(town_count_holding(t, &s), n);
			assert_int_equal(town_state(t, n - 1), CORE_HEALTHY);
			snapshot_deinit(&s);
		}
		assert_int_equal(town_false_downs(t), 0);
		town_free(t);
	}
}

static void a_newcomer_learns_the_newest_list_of_several_sources(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(10); seed++) {
		struct town *t = town_new(&(struct town_opts){.nodes = 6,
			.members = 5,
			.seed = seed,
			.bootstraps = 5,
			.dont_start = true});
		struct snapshot s;
		unsigned up = 0x1f;

		for (unsigned i = 0; i < 5; i++)
			town_start(t, i);
		town_run(t, 20000);
		/* Node 4 sleeps through a new list, and wakes up cut off from the others. */
		town_kill(t, 4);
		s = town_list(t, up | 0x20, 0, 0);
		(void)town_publish(t, 0, &s);
		town_run(t, 5000);
		for (unsigned i = 0; i < 4; i++)
			town_cut(t, i, 4, true);
		town_start(t, 4);
		town_start(t, 5);
		town_run(t, 45000);
		assert_true(town_holds(t, 5, &s));
		town_heal(t);
		town_run(t, 60000);
		assert_int_equal(town_count_holding(t, &s), 6);
		snapshot_deinit(&s);
		town_free(t);
	}
}

static void without_anybody_to_ask_it_says_so(void **state)
{
	struct town *t = town_new(&(struct town_opts){.nodes = 2, .seed = 1, .dont_start = true});
	struct explain e;

	(void)state;
	town_start(t, 1);
	town_run(t, 60000);
	assert_int_equal(town_state(t, 1), CORE_UNCONFIGURED);
	core_explain(town_core(t, 1), NULL, town_wall(t, 1), town_now(t), &e);
	assert_string_equal(e.cause, "no_snapshot");
	assert_non_null(strstr(buf_cstr(&e.lines), "10.0.0.0/tcp/4100 failed at connect"));
	explain_deinit(&e);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_find_each_other_through_two_addresses),
		cmocka_unit_test(one_node_grows_to_nine_by_approval),
		cmocka_unit_test(a_newcomer_learns_the_newest_list_of_several_sources),
		cmocka_unit_test(without_anybody_to_ask_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
