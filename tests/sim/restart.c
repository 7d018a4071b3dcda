/* SPDX-License-Identifier: Apache-2.0 */
/* restart.c: nodes that end at any moment, with and without their disk (reliability.md FM-01,
 * FM-06, FM-07; features.md P-063, P-105). The town itself checks that the floor never
 * falls and that what was acknowledged is on the disk. */
#include "tests/lib/p2ptest.h"
#include "tests/lib/seeds.h"
#include "tests/lib/town.h"

struct lists {
	unsigned nodes;
	const struct snapshot *s;
};

static bool all_hold(struct town *t, void *of)
{
	const struct lists *l = of;

	return town_count_holding(t, l->s) == l->nodes;
}

static void killed_at_any_store_it_catches_up(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(4); seed++)
		for (unsigned how = 0; how < 3; how++)
			for (unsigned nth = 0; nth < 3; nth++) {
				struct town *t = town_new(&(struct town_opts){
					.nodes = 5, .members = 5, .seed = seed});
				struct snapshot s = {0};
				struct lists all = {5, &s};
				unsigned who = (unsigned)(seed % 5);

				town_run(t, 15000);
				town_fail_store(t, who, nth, how);
				for (unsigned i = 0; i < 4; i++) {
					unsigned at = i % 2 ? who : (who + 1) % 5;

					snapshot_deinit(&s);
					s = town_list(t, 0x1f, 0, 0);
					(void)town_publish(
						t, town_is_up(t, at) ? at : (who + 2) % 5, &s);
					town_run(t, 2000);
					if (!town_is_up(t, who))
						town_start(t, who);
				}
				assert_true(town_run_until(t, all_hold, &all, 40000));
				snapshot_deinit(&s);
				town_free(t);
			}
}

static void killed_at_random_moments_nothing_is_lost(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(6); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = seed});
		struct rng *rng = net_rng(town_net(t));
		struct snapshot s = {0};
		struct lists all = {5, &s};

		town_run(t, 10000);
		for (unsigned i = 0; i < 60; i++) {
			unsigned who = (unsigned)rng_below(rng, 5);

			if (i % 4 == 0) {
				snapshot_deinit(&s);
				s = town_list(t, 0x1f, i % 2, 0);
				if (town_is_up(t, who))
					(void)town_publish(t, who, &s);
			}
			net_latency(town_net(t), 100, 3000);
			town_run(t, (int64_t)rng_below(rng, 12));
			if (town_is_up(t, who))
				town_kill(t, who);
			town_run(t, (int64_t)rng_below(rng, 1500));
			for (unsigned k = 0; k < 5; k++)
				if (!town_is_up(t, k) && rng_below(rng, 2))
					town_start(t, k);
		}
		for (unsigned k = 0; k < 5; k++)
			if (!town_is_up(t, k))
				town_start(t, k);
		town_run(t, 20000);
		snapshot_deinit(&s);
		s = town_list(t, 0x1f, 0, 0);
		(void)town_publish(t, 0, &s);
		assert_true(town_run_until(t, all_hold, &all, 40000));
		snapshot_deinit(&s);
		town_free(t);
	}
}

static void without_its_disk_it_joins_anew(void **state)
{
	struct town *t = town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = 6});
	struct snapshot s;

	(void)state;
	town_run(t, 10000);
	s = town_list(t, 0x1f, 0, 0);
	(void)town_publish(t, 0, &s);
	town_run(t, 5000);
	town_kill(t, 2);
	town_wipe(t, 2);
	town_start(t, 2);
	town_run(t, 30000);
	assert_true(town_holds(t, 2, &s));
	assert_true(town_all(t, CORE_HEALTHY));
	snapshot_deinit(&s);
	town_free(t);
}

static void without_its_list_it_takes_nothing_below_the_floor(void **state)
{
	struct town *t =
		town_new(&(struct town_opts){.nodes = 3, .members = 3, .seed = 6, .bootstraps = 3});
	struct snapshot s;
	struct core_view v;
	struct town_verdict verdict;

	(void)state;
	town_run(t, 10000);
	s = town_list(t, 0x7, 0, 0);
	(void)town_publish(t, 0, &s);
	town_run(t, 5000);
	town_kill(t, 0);
	town_kill(t, 1);
	town_kill(t, 2);
	town_lose_list(t, 2);
	town_start(t, 2);
	town_run(t, 5000);
	core_view(town_core(t, 2), town_wall(t, 2), town_now(t), &v);
	assert_string_equal(v.reason, "list_lost");
	{
		struct snapshot old = town_list(t, 0x7, 0, 60000);

		verdict = town_verdict(t, town_publish(t, 2, &old));
		assert_true(verdict.known && !verdict.applied && verdict.reason == SNAPSHOT_STALE);
		snapshot_deinit(&old);
	}
	town_start(t, 0);
	town_start(t, 1);
	town_run(t, 70000);
	assert_true(town_holds(t, 2, &s));
	assert_true(town_all(t, CORE_HEALTHY));
	snapshot_deinit(&s);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_any_store_it_catches_up),
		cmocka_unit_test(killed_at_random_moments_nothing_is_lost),
		cmocka_unit_test(without_its_disk_it_joins_anew),
		cmocka_unit_test(without_its_list_it_takes_nothing_below_the_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
