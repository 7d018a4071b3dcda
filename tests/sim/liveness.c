/* SPDX-License-Identifier: Apache-2.0 */
/* liveness.c: how fast a death is known, and that nobody dies who lives (reliability.md G-20 to
 * G-23, FM-17, FM-31; features.md N-09, P-090). The figures are asserted in virtual time. */
#include "tests/lib/p2ptest.h"
#include "tests/lib/seeds.h"
#include "tests/lib/town.h"

#include <stdio.h>

struct victim {
	unsigned nodes, who;
};

static bool known_everywhere(struct town *t, void *of)
{
	const struct victim *v = of;

	for (unsigned i = 0; i < v->nodes; i++)
		if (i != v->who && town_is_up(t, i) && town_sees(t, i, v->who))
			return false;
	return true;
}

static bool seen_everywhere(struct town *t, void *of)
{
	const struct victim *v = of;

	for (unsigned i = 0; i < v->nodes; i++)
		if (i != v->who && !town_sees(t, i, v->who))
			return false;
	return true;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

#define ROUNDS 100

/* Milliseconds until all others know, median and 99th of a hundred; strikes one member again and
 * again in one town, at a moment of its own each time. */
static void measure_over(bool quic, unsigned nodes, void (*strike)(struct town *, unsigned),
	void (*restore)(struct town *, unsigned), int64_t *ret_median, int64_t *ret_p99)
{
	struct town *t = town_new(&(struct town_opts){
		.nodes = nodes, .members = nodes, .seed = seeds_first(), .quic = quic});
	struct rng *rng = net_rng(town_net(t));
	int64_t ms[ROUNDS];

	town_run(t, 20000);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct victim v = {nodes, (unsigned)rng_below(rng, nodes)};
		mono_t from;

		town_run(t, 15000 + (int64_t)rng_below(rng, 5000));
		assert_true(seen_everywhere(t, &v));
		from = town_now(t);
		strike(t, v.who);
		assert_true(town_run_until(t, known_everywhere, &v, 12000));
		ms[i] = mono_since_ms(town_now(t), from);
		town_run(t, 1000);
		restore(t, v.who);
		assert_true(town_run_until(t, seen_everywhere, &v, 10000));
	}
	assert_int_equal(town_false_downs(t), 0);
	town_free(t);
	qsort(ms, ROUNDS, sizeof(ms[0]), by_value);
	*ret_median = ms[ROUNDS / 2];
	*ret_p99 = ms[ROUNDS * 99 / 100];
	print_message("%u nodes: median %lld ms, p99 %lld ms, worst %lld ms\n", nodes,
		(long long)*ret_median, (long long)*ret_p99, (long long)ms[ROUNDS - 1]);
}

static void measure(unsigned nodes, void (*strike)(struct town *, unsigned),
	void (*restore)(struct town *, unsigned), int64_t *ret_median, int64_t *ret_p99)
{
	measure_over(false, nodes, strike, restore, ret_median, ret_p99);
}

/* Nobody is told: the first of the others that pokes it learns it, and tells others, who ask it. */
static void a_killed_process_is_known_at_once_over_quic_too(void **state)
{
	int64_t median, p99;

	(void)state;
	measure_over(true, 5, town_crash, town_start, &median, &p99);
	assert_true(median <= 200 && p99 <= 1000);
	measure_over(true, 50, town_crash, town_start, &median, &p99);
	assert_true(median <= 200 && p99 <= 1000);
}

static void a_killed_process_is_known_at_once(void **state)
{
	int64_t median, p99;

	(void)state;
	measure(5, town_kill, town_start, &median, &p99);
	assert_true(median <= 300 && p99 <= 1000);
}

static void a_frozen_process_is_known_within_seconds(void **state)
{
	int64_t median, p99;

	(void)state;
	for (int quic = 0; quic <= 1; quic++) {
		measure_over(quic, 5, town_freeze, town_thaw, &median, &p99);
		assert_true(median <= 3500 && p99 <= 4500);
	}
}

static void of_eight_over_quic_a_frozen_one_is_known_as_soon(void **state)
{
	int64_t median, p99;

	(void)state;
	measure_over(true, 8, town_freeze, town_thaw, &median, &p99);
	assert_true(median <= 3500 && p99 <= 4500);
}

static void a_vanished_machine_is_known_within_seconds(void **state)
{
	int64_t median, p99;

	(void)state;
	measure(5, town_vanish, town_start, &median, &p99);
	assert_true(median <= 3500 && p99 <= 4500);
}

static void of_two_and_three_a_frozen_one_is_known_too(void **state)
{
	int64_t median, p99;

	(void)state;
	measure(2, town_freeze, town_thaw, &median, &p99);
	assert_true(p99 <= 5500);
	measure(3, town_freeze, town_thaw, &median, &p99);
	assert_true(median <= 4000 && p99 <= 5500);
}

static void nobody_dies_of_lost_packets(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(1); seed++) {
		struct town *t = town_new(&(struct town_opts){
			.nodes = 5, .members = 5, .seed = seed, .bootstraps = 5});
		struct town_count c;

		town_run(t, 30000);
		assert_true(town_all(t, CORE_HEALTHY));
		net_loss(town_net(t), 30);
		town_run(t, 3600000);
		c = town_count(t);
		print_message(
			"seed %llu: %llu false downs, %llu downs, %llu closes, %llu suspicions, "
			"%llu digests, %llu heartbeats\n",
			(unsigned long long)seed, (unsigned long long)town_false_downs(t),
			(unsigned long long)c.downs, (unsigned long long)c.closes,
			(unsigned long long)c.suspects, (unsigned long long)c.digests,
			(unsigned long long)c.heartbeats);
		assert_int_equal(town_false_downs(t), 0);
		assert_true(town_all(t, CORE_HEALTHY));
		town_free(t);
	}
}

static void slow_links_kill_nobody(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(1); seed++) {
		struct town *t = town_new(&(struct town_opts){.nodes = 5,
			.members = 5,
			.seed = seed,
			.latency_us_min = 125000,
			.latency_us_max = 375000,
			.loss_percent = 1});

		town_run(t, 60000);
		assert_true(town_all(t, CORE_HEALTHY));
		town_run(t, 600000);
		assert_int_equal(town_false_downs(t), 0);
		/* A second each way, all of a sudden: bufferbloat. */
		net_latency(town_net(t), 900000, 1100000);
		town_run(t, 300000);
		assert_int_equal(town_false_downs(t), 0);
		town_free(t);
	}
}

static void a_node_that_slept_accuses_nobody(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(2); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = seed});
		uint64_t downs;

		town_run(t, 30000);
		/* Ten seconds of sleep every thirty, as a starved machine has it (N-09). */
		for (unsigned i = 0; i < 20; i++) {
			town_freeze(t, 2);
			town_run(t, 10000);
			downs = town_count(t).downs;
			town_thaw(t, 2);
			town_run(t, 20000);
			for (unsigned k = 0; k < 5; k++)
				assert_true(town_sees(t, 2, k) && town_sees(t, k, 2));
			/* Its four conns were closed meanwhile; of the others nobody was blamed. */
			assert_true(town_count(t).downs - downs <= 4);
		}
		/* Short stalls close nothing and blame nobody. */
		downs = town_count(t).downs;
		for (unsigned i = 0; i < 30; i++) {
			town_freeze(t, 2);
			town_run(t, 1000);
			town_thaw(t, 2);
			town_run(t, 9000);
		}
		assert_int_equal(town_count(t).downs, downs);
		town_free(t);
	}
}

/* Ten minutes of thirty members, nothing having happened for a while. */
static struct town_count idle_for_ten_minutes(bool quic)
{
	struct town *t = town_new(
		&(struct town_opts){.nodes = 30, .members = 30, .seed = 7, .quic = quic});
	struct town_count a, b;

	town_run(t, 120000);
	a = town_count(t);
	town_run(t, 600000);
	b = town_count(t);
	town_free(t);
	b.pings -= a.pings;
	b.pokes -= a.pokes;
	assert_true(b.heartbeats - a.heartbeats < 30 * 29 * 24);
	assert_int_equal(b.suspects - a.suspects, 0);
	assert_int_equal(b.digests - a.digests, 0);
	assert_int_equal(b.dials - a.dials, 0);
	assert_int_equal(b.downs - a.downs, 0);
	return b;
}

/* One probe a second and node, a heartbeat to each member every 30 s, no rumours. */
static void idle_members_ask_little(void **state)
{
	struct town_count n = idle_for_ten_minutes(false);

	(void)state;
	assert_in_range(n.pings, 30 * 500, 30 * 700);
	assert_int_equal(n.pokes, 0);
}

/* …and four pokes a second. */
static void over_quic_they_ask_no_more_but_poke(void **state)
{
	struct town_count n = idle_for_ten_minutes(true);

	(void)state;
	assert_in_range(n.pings, 30 * 500, 30 * 700);
	assert_in_range(n.pokes, 30 * 1500, 30 * 2100);
}

static void the_same_seed_gives_the_same_trace(void **state)
{
	uint64_t trace[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct town *t = town_new(&(struct town_opts){
			.nodes = 5, .members = 5, .seed = 42, .loss_percent = 20});

		town_run(t, 60000);
		town_kill(t, 3);
		town_run(t, 30000);
		town_start(t, 3);
		town_run(t, 60000);
		trace[i] = town_trace(t);
		town_free(t);
	}
	assert_true(trace[0] == trace[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_process_is_known_at_once),
		cmocka_unit_test(a_killed_process_is_known_at_once_over_quic_too),
		cmocka_unit_test(a_frozen_process_is_known_within_seconds),
		cmocka_unit_test(of_eight_over_quic_a_frozen_one_is_known_as_soon),
		cmocka_unit_test(a_vanished_machine_is_known_within_seconds),
		cmocka_unit_test(of_two_and_three_a_frozen_one_is_known_too),
		cmocka_unit_test(nobody_dies_of_lost_packets),
		cmocka_unit_test(slow_links_kill_nobody),
		cmocka_unit_test(a_node_that_slept_accuses_nobody),
		cmocka_unit_test(idle_members_ask_little),
		cmocka_unit_test(over_quic_they_ask_no_more_but_poke),
		cmocka_unit_test(the_same_seed_gives_the_same_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
