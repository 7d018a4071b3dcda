/* SPDX-License-Identifier: Apache-2.0 */
/* rolling.c: restarts that were announced (features.md N-11; proto/cluster/restart.c): nobody becomes
 * degraded, neither the node that restarts nor those that wait for it; and who does not come back in
 * time is missed after all. */
#include "tests/lib/p2ptest.h"
#include "tests/lib/seeds.h"
#include "tests/lib/town.h"

#define SETTLED_MS 20000

static bool all_linked(struct town *t, void *of)
{
	unsigned n = *(unsigned *)of;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++)
			if (i != k && (!town_is_up(t, i) || !town_is_linked(t, i, k)))
				return false;
	return true;
}

static struct town *settled(unsigned nodes, uint64_t seed)
{
	struct town *t = town_new(&(struct town_opts){.nodes = nodes, .members = nodes, .seed = seed});

	town_run(t, SETTLED_MS);
	assert_true(town_all(t, CORE_HEALTHY));
	return t;
}

static bool healthy_whoever_is_up(struct town *t, unsigned nodes)
{
	for (unsigned i = 0; i < nodes; i++)
		if (town_is_up(t, i) && town_state(t, i) != CORE_HEALTHY)
			return false;
	return true;
}

/* For so long, everybody who is up stays healthy. */
static void stays_healthy(struct town *t, unsigned nodes, int64_t ms)
{
	for (; ms > 0; ms -= 20) {
		town_run(t, 20);
		assert_true(healthy_whoever_is_up(t, nodes));
	}
}

static void a_rolling_restart_disturbs_nobody(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(10); seed++) {
		unsigned nodes = 5;
		struct town *t = settled(nodes, seed);
		struct town_count before = town_count(t), after;

		for (unsigned i = 0; i < nodes; i++) {
			town_restart(t, i);
			stays_healthy(t, nodes, (int64_t)(seed % 8) * 1000);
			town_start(t, i);
			assert_true(healthy_whoever_is_up(t, nodes));
			stays_healthy(t, nodes, 2000);
			assert_true(town_run_until(t, all_linked, &nodes, 30000));
		}
		after = town_count(t);
		assert_int_equal(after.downs, before.downs);
		/* Each node that came back said so once: healthy, at once. */
		assert_int_equal(after.states, before.states + nodes);
		town_free(t);
	}
}

/* Without the announcement the last one would see one of three. */
static void two_of_three_at_once_are_waited_for(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(10); seed++) {
		unsigned nodes = 3;
		struct town *t = settled(nodes, seed);
		uint64_t downs = town_count(t).downs;

		town_restart(t, 1);
		town_restart(t, 2);
		stays_healthy(t, nodes, 4000);
		town_start(t, 1);
		town_start(t, 2);
		stays_healthy(t, nodes, 4000);
		assert_true(town_run_until(t, all_linked, &nodes, 30000));
		stays_healthy(t, nodes, 15000);
		assert_int_equal(town_count(t).downs, downs);
		town_free(t);
	}
}

static void who_does_not_come_back_is_missed_after_ten_seconds(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(10); seed++) {
		struct town *t = settled(3, seed);

		town_restart(t, 1);
		town_restart(t, 2);
		stays_healthy(t, 3, 9500);
		town_run(t, 1000);
		assert_int_equal(town_state(t, 0), CORE_DEGRADED);
		assert_false(town_sees(t, 0, 1));
		town_free(t);
	}
}

/* It comes back, and then it crashes: that is no part of what was announced. */
static void the_excuse_ends_with_the_return(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(10); seed++) {
		struct town *t = settled(3, seed);

		town_restart(t, 1);
		town_run(t, 500);
		town_start(t, 1);
		town_run(t, 4000);
		assert_true(town_is_linked(t, 0, 1));
		town_kill(t, 1);
		town_run(t, 500);
		assert_false(town_sees(t, 0, 1));
		town_free(t);
	}
}

/* Alone after its restart, a node does not live on memories for long. */
static void memories_of_before_the_restart_fade(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(10); seed++) {
		struct town *t = settled(5, seed);

		town_restart(t, 0);
		for (unsigned i = 1; i < 5; i++)
			town_kill(t, i);
		town_run(t, 1000);
		town_start(t, 0);
		assert_int_equal(town_state(t, 0), CORE_HEALTHY);
		town_run(t, 9500);
		assert_int_equal(town_state(t, 0), CORE_DEGRADED);
		town_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rolling_restart_disturbs_nobody),
		cmocka_unit_test(two_of_three_at_once_are_waited_for),
		cmocka_unit_test(who_does_not_come_back_is_missed_after_ten_seconds),
		cmocka_unit_test(the_excuse_ends_with_the_return),
		cmocka_unit_test(memories_of_before_the_restart_fade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
