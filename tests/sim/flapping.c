/* SPDX-License-Identifier: Apache-2.0 */
/* flapping.c: links and nodes that come and go all the time, strangers that knock, and two hosts
 * with one key (reliability.md FM-31, FM-38, FM-42; ). */
#include "tests/lib/p2ptest.h"
#include "tests/lib/seeds.h"
#include "tests/lib/town.h"

static bool all_linked(struct town *t, void *of)
{
	unsigned n = *(const unsigned *)of;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++)
			if (i != k && !town_is_linked(t, i, k))
				return false;
	return true;
}

static void after_any_storm_the_mesh_is_whole_again(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(12); seed++) {
		unsigned n = 4 + (unsigned)(seed % 5);
		struct town *t = town_new(&(struct town_opts){
			.nodes = n, .members = n, .seed = seed, .loss_percent = seed % 3 * 10});
		struct rng *rng = net_rng(town_net(t));

		town_run(t, 10000);
		for (unsigned i = 0; i < 60; i++) {
			unsigned who = (unsigned)rng_below(rng, n),
				 other = (unsigned)rng_below(rng, n);

			town_run(t, (int64_t)rng_below(rng, 4000));
			if (net_is_frozen(town_net(t), who)) {
				town_thaw(t, who);
			} else if (!town_is_up(t, who)) {
				town_start(t, who);
			} else {
				switch (rng_below(rng, 6)) {
				case 0: town_kill(t, who); break;
				case 1: town_vanish(t, who); break;
				case 2: town_freeze(t, who); break;
				case 3: town_cut(t, who, other, true); break;
				case 4: town_cut_one_way(t, who, other, true); break;
				case 5: town_heal(t); break;
				}
			}
		}
		town_heal(t);
		for (unsigned i = 0; i < n; i++) {
			if (net_is_frozen(town_net(t), i))
				town_thaw(t, i);
			if (!town_is_up(t, i))
				town_start(t, i);
		}
		assert_true(town_run_until(t, all_linked, &n, 90000));
		assert_true(town_all(t, CORE_HEALTHY));
		town_free(t);
	}
}

static void all_restart_at_once_and_mesh_in_fifteen_seconds(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(6); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 9, .members = 9, .seed = seed});
		unsigned nine = 9;

		town_run(t, 20000);
		for (unsigned i = 0; i < 9; i++)
			town_kill(t, i);
		town_run(t, 500);
		for (unsigned i = 0; i < 9; i++)
			town_start(t, i);
		assert_true(town_run_until(t, all_linked, &nine, 15000));
		/* Then one after the other: never below the majority. */
		for (unsigned i = 0; i < 9; i++) {
			town_run(t, 5000);
			town_kill(t, i);
			town_run(t, 1000);
			town_start(t, i);
			for (unsigned k = 0; k < 9; k++)
				assert_true(k == i || town_state(t, k) == CORE_HEALTHY);
		}
		assert_true(town_run_until(t, all_linked, &nine, 15000));
		town_free(t);
	}
}

static void strangers_never_crowd_members_out(void **state)
{
	/* 40 strangers knock at two members all the time; four guests are room enough. */
	struct town *t =
		town_new(&(struct town_opts){.nodes = 44, .members = 4, .seed = 3, .guests = 4});
	struct core_view v;
	unsigned four = 4;

	(void)state;
	town_run(t, 300000);
	assert_true(all_linked(t, &four));
	core_view(town_core(t, 0), town_wall(t, 0), town_now(t), &v);
	assert_int_equal(v.state, CORE_HEALTHY);
	assert_true(v.conns_guest <= 4);
	assert_true(v.pending > 20);
	town_kill(t, 2);
	town_run(t, 2000);
	town_start(t, 2);
	town_run(t, 5000);
	assert_true(all_linked(t, &four));
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_any_storm_the_mesh_is_whole_again),
		cmocka_unit_test(all_restart_at_once_and_mesh_in_fifteen_seconds),
		cmocka_unit_test(strangers_never_crowd_members_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
