/* SPDX-License-Identifier: Apache-2.0 */
/* scale.c: 5 to 150 nodes: convergence after partitions under loss in three sync periods
 * (features.md P-183), and work that does not grow with the cluster (reliability.md G-23). */
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

static bool all_healthy(struct town *t, void *of)
{
	(void)of;
	return town_all(t, CORE_HEALTHY);
}

static void any_size_becomes_healthy_and_takes_a_list(void **state)
{
	const unsigned sizes[] = {5, 20, 50, 100};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned n = sizes[i];
		struct town *t = town_new(
			&(struct town_opts){.nodes = n, .members = n, .seed = n, .bootstraps = 3});
		struct snapshot s;
		struct lists all = {n, &s};
		struct town_count a, b;
		mono_t from;

		assert_true(town_run_until(t, all_healthy, NULL, 60000));
		town_run(t, 20000);
		from = town_now(t);
		s = town_list_of(t, n, 0, 0);
		(void)town_publish(t, n / 2, &s);
		assert_true(town_run_until(t, all_hold, &all, 10000));
		print_message("%u nodes: a list is everywhere after %lld ms\n", n,
			(long long)mono_since_ms(town_now(t), from));
		a = town_count(t);
		town_run(t, 30000);
		b = town_count(t);
		/* A probe a second and node, whatever the size. */
		assert_in_range((b.pings - a.pings) / n, 20, 36);
		assert_int_equal(town_false_downs(t), 0);
		snapshot_deinit(&s);
		town_free(t);
	}
}

static void fifty_nodes_converge_after_partitions_and_loss(void **state)
{
	struct town *t = town_new(&(struct town_opts){
		.nodes = 50, .members = 50, .seed = 11, .loss_percent = 30, .bootstraps = 3});
	struct snapshot s;
	struct lists all = {50, &s};

	(void)state;
	town_run(t, 20000);
	town_split(t, 0xfffff);
	town_run(t, 10000);
	s = town_list_of(t, 50, 0, 0);
	(void)town_publish(t, 30, &s);
	town_run(t, 5000);
	town_heal(t);
	assert_true(town_run_until(t, all_hold, &all, 90000));
	assert_true(town_run_until(t, all_healthy, NULL, 90000));
	snapshot_deinit(&s);
	town_free(t);
}

static void beyond_a_full_mesh_evidence_still_reaches_everyone(void **state)
{
	struct town *t = town_new(&(struct town_opts){.nodes = 40,
		.members = 40,
		.seed = 8,
		.full_limit = 20,
		.degree = 7,
		.bootstraps = 3});
	struct core_view v;
	struct snapshot s;
	struct lists all = {40, &s};

	(void)state;
	town_run(t, 130000);
	for (unsigned i = 0; i < 40; i++) {
		core_view(town_core(t, i), town_wall(t, i), town_now(t), &v);
		assert_true(v.online >= 39);
		/* The bootstrap nodes are everybody's acquaintances. */
		assert_true(i < 3 || v.conns_member <= 24);
	}
	s = town_list_of(t, 40, 0, 0);
	(void)town_publish(t, 7, &s);
	assert_true(town_run_until(t, all_hold, &all, 10000));
	snapshot_deinit(&s);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_size_becomes_healthy_and_takes_a_list),
		cmocka_unit_test(fifty_nodes_converge_after_partitions_and_loss),
		cmocka_unit_test(beyond_a_full_mesh_evidence_still_reaches_everyone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
