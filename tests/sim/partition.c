/* SPDX-License-Identifier: Apache-2.0 */
/* partition.c: splits, bridges, rings and one-way cuts, and how they heal (reliability.md FM-18,
 * FM-19, G-24; features.md N-04). */
#include "tests/lib/p2ptest.h"
#include "tests/lib/seeds.h"
#include "tests/lib/town.h"

struct sides {
	unsigned nodes;
	uint64_t side;
};

static unsigned bits(uint64_t v)
{
	unsigned n = 0;

	for (; v; v &= v - 1)
		n++;
	return n;
}

/* Who is with the majority is healthy, who is not is degraded. */
static bool states_fit(struct town *t, void *of)
{
	const struct sides *s = of;

	for (unsigned i = 0; i < s->nodes; i++) {
		unsigned with = s->side >> i & 1 ? bits(s->side) : s->nodes - bits(s->side);

		if (town_state(t, i) != (2 * with > s->nodes ? CORE_HEALTHY : CORE_DEGRADED))
			return false;
	}
	return true;
}

static bool all_see_all(struct town *t, void *of)
{
	unsigned n = *(const unsigned *)of;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++)
			if (!town_sees(t, i, k))
				return false;
	return true;
}

struct lists {
	unsigned nodes;
	const struct snapshot *s;
};

static bool all_hold(struct town *t, void *of)
{
	const struct lists *l = of;

	return town_count_holding(t, l->s) == l->nodes && town_all(t, CORE_HEALTHY);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void a_split_is_noticed_in_five_seconds_and_healed_in_ten(void **state)
{
	int64_t heal[64];
	size_t rounds = 0;

	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(6); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = seed});
		const uint64_t side[] = {0x03, 0x07, 0x01, 0x15, 0x12};

		town_run(t, 20000);
		for (unsigned i = 0; i < 5; i++) {
			struct sides s = {5, side[i]};
			struct snapshot l;
			struct lists all = {5, &l};
			mono_t from = town_now(t);
			unsigned majority = bits(side[i]) > 2 ? 0 : 1;

			town_split(t, side[i]);
			assert_true(town_run_until(t, states_fit, &s, 5500));
			assert_in_range(mono_since_ms(town_now(t), from), 0, 5000);
			/* A list is signed on the larger side while it lasts. */
			town_run(t, 5000 + (int64_t)rng_below(net_rng(town_net(t)), 60000));
			while ((side[i] >> majority & 1) != (bits(side[i]) > 2))
				majority++;
			l = town_list(t, 0x1f, i % 2, 0);
			(void)town_publish(t, majority, &l);
			town_run(t, 2000);
			assert_true(states_fit(t, &s));
			from = town_now(t);
			town_heal(t);
			assert_true(town_run_until(t, all_hold, &all, 20000));
			if (rounds < 64)
				heal[rounds++] = mono_since_ms(town_now(t), from);
			town_run(t, 15000);
			assert_true(all_see_all(t, &all.nodes));
			snapshot_deinit(&l);
		}
		assert_int_equal(town_false_downs(t), 0);
		town_free(t);
	}
	qsort(heal, rounds, sizeof(heal[0]), by_value);
	print_message("healed: median %lld ms, worst %lld ms\n", (long long)heal[rounds / 2],
		(long long)heal[rounds - 1]);
	assert_true(heal[rounds / 2] <= 5000 && heal[rounds - 1] <= 10000);
}

static void a_ring_is_healthy_by_what_its_members_signed(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(1); seed++) {
		struct town *t = town_new(&(struct town_opts){
			.nodes = 10, .members = 10, .seed = seed, .bootstraps = 10});
		unsigned ten = 10;

		for (unsigned i = 0; i < 10; i++)
			for (unsigned k = 0; k < i; k++)
				if ((i - k) % 9 != 1 && i - k != 9)
					town_cut(t, i, k, true);
		town_run(t, 240000);
		assert_true(town_all(t, CORE_HEALTHY));
		assert_true(all_see_all(t, &ten));
		town_run(t, 300000);
		assert_true(all_see_all(t, &ten));
		/* Nobody can keep a dead one alive: its own signature ages. */
		town_vanish(t, 5);
		town_run(t, 100000);
		for (unsigned i = 0; i < 10; i++)
			assert_true(i == 5 || !town_sees(t, i, 5));
		town_free(t);
	}
}

static void a_bridge_node_joins_two_halves(void **state)
{
	struct town *t =
		town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = 3, .bootstraps = 5});
	unsigned five = 5;

	(void)state;
	town_run(t, 20000);
	for (unsigned a = 0; a < 2; a++)
		for (unsigned b = 3; b < 5; b++)
			town_cut(t, a, b, true);
	town_run(t, 60000);
	assert_true(town_all(t, CORE_HEALTHY));
	assert_true(all_see_all(t, &five));
	assert_false(town_is_linked(t, 0, 4));
	town_free(t);
}

struct pair {
	unsigned a, b;
};

static bool both_not_linked(struct town *t, void *of)
{
	const struct pair *p = of;

	return !town_is_linked(t, p->a, p->b) && !town_is_linked(t, p->b, p->a);
}

static void a_one_way_cut_is_agreed_on_and_does_not_flap(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 5; a++)
		for (unsigned b = 0; b < 5; b++) {
			struct pair p = {a, b};
			struct town *t;
			uint64_t downs;

			if (a == b)
				continue;
			t = town_new(&(struct town_opts){
				.nodes = 5, .members = 5, .seed = seeds_first() * 100 + a * 5 + b});
			town_run(t, 20000);
			downs = town_count(t).downs;
			town_cut_one_way(t, a, b, true);
			assert_true(town_run_until(t, both_not_linked, &p, 5000));
			town_run(t, 60000);
			assert_true(both_not_linked(t, &p));
			/* They are seen through others, and do not come and go. */
			assert_true(town_sees(t, a, b) && town_sees(t, b, a));
			assert_true(town_count(t).downs - downs <= 4);
			town_heal(t);
			town_run(t, 40000);
			assert_true(town_is_linked(t, a, b) && town_is_linked(t, b, a));
			town_free(t);
		}
}

static void random_partitions_always_heal(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(8); seed++) {
		unsigned n = 5 + (unsigned)(seed % 5);
		struct town *t =
			town_new(&(struct town_opts){.nodes = n, .members = n, .seed = seed});
		struct rng *rng = net_rng(town_net(t));

		town_run(t, 15000);
		for (unsigned i = 0; i < 5; i++) {
			struct snapshot l = town_list(t, (UINT64_C(1) << n) - 1, 0, 0);
			struct lists all = {n, &l};

			for (unsigned cuts = 0; cuts < n; cuts++)
				town_cut_one_way(t, (unsigned)rng_below(rng, n),
					(unsigned)rng_below(rng, n), true);
			if (i % 2)
				town_split(t, rng_below(rng, UINT64_C(1) << n));
			town_run(t, 3000 + (int64_t)rng_below(rng, 30000));
			(void)town_publish(t, (unsigned)rng_below(rng, n), &l);
			town_run(t, 3000);
			town_heal(t);
			assert_true(town_run_until(t, all_hold, &all, 40000));
			snapshot_deinit(&l);
		}
		town_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_split_is_noticed_in_five_seconds_and_healed_in_ten),
		cmocka_unit_test(a_ring_is_healthy_by_what_its_members_signed),
		cmocka_unit_test(a_bridge_node_joins_two_halves),
		cmocka_unit_test(a_one_way_cut_is_agreed_on_and_does_not_flap),
		cmocka_unit_test(random_partitions_always_heal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
