/* SPDX-License-Identifier: Apache-2.0 */
/* equivocation.c: an admin who says two things at once (reliability.md FM-40; features.md P-064,
 * N-03; R-14). */
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

static void all_nodes_keep_the_same_one_and_all_tell(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(15); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = seed});
		struct snapshot a, b;
		struct lists all = {5, &a};

		town_run(t, 20000);
		a = town_list(t, 0x1f, 0, 0);
		b = town_list(t, 0x1f, 1, 0); /* the other admin: another statement, same instant */
		if (snapshot_cmp(&b, &a) > 0)
			all.s = &b;
		(void)town_publish(t, 0, &a);
		town_run(t, (int64_t)(seed % 4));
		(void)town_publish(t, 3, &b);
		assert_true(town_run_until(t, all_hold, &all, 10000));
		town_run(t, 35000);
		assert_int_equal(town_count_holding(t, all.s), 5);
		assert_true(town_count(t).equivocations >= 1);
		snapshot_deinit(&a);
		snapshot_deinit(&b);
		town_free(t);
	}
}

static void in_two_halves_of_a_split_too(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(5); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = seed});
		struct snapshot a, b;
		struct lists all = {5, &a};

		town_run(t, 20000);
		town_split(t, 0x3);
		a = town_list(t, 0x1f, 0, 0);
		b = town_list(t, 0x0f, 0, 0);
		if (snapshot_cmp(&b, &a) > 0)
			all.s = &b;
		(void)town_publish(t, 0, &a);
		(void)town_publish(t, 3, &b);
		town_run(t, 20000);
		town_heal(t);
		town_run(t, 90000);
		assert_true(all_hold(t, &all));
		assert_true(town_count(t).equivocations >= 1);
		snapshot_deinit(&a);
		snapshot_deinit(&b);
		town_free(t);
	}
}

static void a_flood_of_lists_makes_no_storm(void **state)
{
	struct town *t = town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = 4});
	struct snapshot newest = {0};
	struct lists all = {5, &newest};
	struct town_count before;
	uint64_t bytes;

	(void)state;
	town_run(t, 20000);
	before = town_count(t);
	bytes = net_bytes_sent(town_net(t));
	for (unsigned i = 0; i < 1000; i++) {
		snapshot_deinit(&newest);
		newest = town_list(t, 0x1f, 0, 0);
		(void)town_publish(t, i % 5, &newest);
		town_run(t, 10);
	}
	/* Ten seconds: one list a second and five at once, to four others, and pulls. */
	assert_true(town_count(t).pushes - before.pushes <= 5 * 4 * 20);
	assert_true(net_bytes_sent(town_net(t)) - bytes < 5 * 10 * 1024 * 1024);
	assert_true(town_run_until(t, all_hold, &all, 15000));
	snapshot_deinit(&newest);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_nodes_keep_the_same_one_and_all_tell),
		cmocka_unit_test(in_two_halves_of_a_split_too),
		cmocka_unit_test(a_flood_of_lists_makes_no_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
