/* SPDX-License-Identifier: Apache-2.0 */
/* convergence.c: one list everywhere, whoever publishes where and whatever gets lost (features.md
 * P-061 to P-074, P-180 to P-183; reliability.md FM-20, FM-39, R-13, R-14). */
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

static void a_list_is_everywhere_within_a_second(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(10); seed++) {
		unsigned n = 2 + (unsigned)(seed % 8);
		struct town *t =
			town_new(&(struct town_opts){.nodes = n, .members = n, .seed = seed});
		struct snapshot s;
		struct lists all = {n, &s};
		struct town_count before;
		uint64_t token;

		town_run(t, 20000);
		s = town_list_of(t, n, 0, 0);
		before = town_count(t);
		token = town_publish(t, 0, &s);
		assert_true(town_run_until(t, all_hold, &all, 1000));
		town_run(t, 40000);
		assert_true(town_verdict(t, token).applied && !town_verdict(t, token).unchanged);
		/* Once to each at most: no pair swaps it for ever. */
		assert_true(town_count(t).pushes - before.pushes <= n * (n - 1));
		token = town_publish(t, n - 1, &s);
		assert_true(town_verdict(t, token).applied && town_verdict(t, token).unchanged);
		snapshot_deinit(&s);
		town_free(t);
	}
}

static void with_a_third_of_packets_lost_it_takes_ten_seconds(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(5); seed++) {
		struct town *t = town_new(&(struct town_opts){
			.nodes = 5, .members = 5, .seed = seed, .loss_percent = 30});
		struct snapshot s;
		struct lists all = {5, &s};

		town_run(t, 60000);
		for (unsigned i = 0; i < 5; i++) {
			s = town_list_of(t, 5, i % 2, 0);
			(void)town_publish(t, i, &s);
			assert_true(town_run_until(t, all_hold, &all, 10000));
			town_run(t, 2000);
			snapshot_deinit(&s);
		}
		town_free(t);
	}
}

static void two_admins_who_publish_at_once_end_with_one_list(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(3); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = seed});
		struct rng *rng = net_rng(town_net(t));

		town_run(t, 20000);
		for (unsigned i = 0; i < 20; i++) {
			struct snapshot a = town_list(t, 0x1f, 0, 0), b;
			struct lists all = {5, &a};

			(void)town_publish(t, (unsigned)rng_below(rng, 5), &a);
			town_run(t, (int64_t)rng_below(rng, 20));
			b = town_list(t, 0x1f, 1, 0);
			(void)town_publish(t, (unsigned)rng_below(rng, 5), &b);
			if (snapshot_cmp(&b, &a) > 0)
				all.s = &b;
			assert_true(town_run_until(t, all_hold, &all, 10000));
			town_run(t, 2000);
			snapshot_deinit(&a);
			snapshot_deinit(&b);
		}
		town_free(t);
	}
}

static void an_older_list_is_stale_and_one_from_the_future_is_refused(void **state)
{
	struct town *t = town_new(&(struct town_opts){.nodes = 3, .members = 3, .seed = 5});
	struct snapshot s;
	struct town_verdict v;

	(void)state;
	town_run(t, 5000);
	s = town_list(t, 7, 0, 2 * 3600000);
	v = town_verdict(t, town_publish(t, 0, &s));
	assert_true(v.known && !v.applied && v.reason == SNAPSHOT_STALE);
	snapshot_deinit(&s);
	s = town_list(t, 7, 0, -400000);
	v = town_verdict(t, town_publish(t, 0, &s));
	assert_true(v.known && !v.applied && v.reason == SNAPSHOT_FUTURE);
	assert_true(town_alerted(t, 0, "snapshot_from_future"));
	snapshot_deinit(&s);
	town_free(t);
}

static void a_removed_member_is_cut_within_a_second_and_knows_why(void **state)
{
	(void)state;
	for (uint64_t seed = seeds_first(); seed < seeds_end(5); seed++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = seed});
		struct peer_id gone;
		struct snapshot s;
		struct core_view v;
		struct explain e;

		town_run(t, 20000);
		s = town_list(t, 0x0f, 0, 0);
		gone = town_id(t, 4);
		(void)town_publish(t, 0, &s);
		town_run(t, 1500);
		for (unsigned i = 0; i < 4; i++) {
			assert_false(core_is_member(town_core(t, i), &gone));
			assert_false(town_is_linked(t, i, 4));
		}
		assert_true(town_holds(t, 4, &s));
		core_view(town_core(t, 4), town_wall(t, 4), town_now(t), &v);
		assert_int_equal(v.state, CORE_UNCONFIGURED);
		assert_true(strncmp(v.reason, "removed_by ", 11) == 0);
		core_explain(town_core(t, 4), NULL, town_wall(t, 4), town_now(t), &e);
		assert_string_equal(e.cause, "removed");
		explain_deinit(&e);
		/* It may come back. */
		snapshot_deinit(&s);
		s = town_list(t, 0x1f, 0, 0);
		(void)town_publish(t, 1, &s);
		town_run(t, 90000);
		assert_int_equal(town_count_holding(t, &s), 5);
		assert_true(town_all(t, CORE_HEALTHY));
		snapshot_deinit(&s);
		town_free(t);
	}
}

static void a_list_with_an_expired_proof_needs_a_majority_that_serves_it(void **state)
{
	struct town *t = town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = 9});
	struct snapshot s;
	struct town_verdict v;

	(void)state;
	town_run(t, 20000);
	town_kill(t, 4);
	town_proof_ends(t, 0, 5000);
	s = town_list(t, 0x1f, 0, 0);
	(void)town_publish(t, 0, &s);
	town_run(t, 400000);
	/* Now the proof is over, slack and all. Pushed anew it is refused ... */
	town_start(t, 4);
	v = town_verdict(t, town_publish(t, 4, &s));
	assert_true(v.known && !v.applied && v.reason == SNAPSHOT_PROOF_EXPIRED);
	/* ... but all others serve it, so it is true. */
	town_run(t, 60000);
	assert_true(town_holds(t, 4, &s));
	assert_true(town_alerted(t, 4, "admin_proof_expired"));
	snapshot_deinit(&s);
	town_free(t);
}

static void one_back_dated_list_of_an_expired_admin_convinces_nobody(void **state)
{
	struct town *t = town_new(
		&(struct town_opts){.nodes = 5, .members = 5, .seed = 9, .dont_start = true});
	struct snapshot s;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		town_start(t, i);
	town_run(t, 20000);
	town_proof_ends(t, 1, -400000);
	s = town_list(t, 0x10, 1, 500000);
	/* Node 4 alone holds it, as if its disk had been forged. */
	town_give(t, 4, &s);
	town_start(t, 4);
	town_run(t, 300000);
	assert_int_equal(town_count_holding(t, &s), 1);
	snapshot_deinit(&s);
	town_free(t);
}

static void nobody_is_removed_for_being_away(void **state)
{
	struct town *t = town_new(&(struct town_opts){.nodes = 3, .members = 3, .seed = 2});
	struct peer_id away;

	(void)state;
	town_run(t, 10000);
	away = town_id(t, 2);
	town_vanish(t, 2);
	town_run(t, INT64_C(3) * 86400000);
	assert_true(core_is_member(town_core(t, 0), &away));
	town_start(t, 2);
	town_run(t, 400000); /* the dialling of a machine gone for days is slow, its own is not */
	assert_true(town_sees(t, 0, 2) && town_sees(t, 1, 2));
	town_free(t);
}

static void a_wrong_clock_is_noticed_and_costs_nobody_its_place(void **state)
{
	const int64_t skews[] = {600000, -600000, 86400000, -86400000, 3000};

	(void)state;
	for (size_t i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
		struct town *t =
			town_new(&(struct town_opts){.nodes = 5, .members = 5, .seed = 20 + i});
		uint64_t downs;

		town_run(t, 60000);
		downs = town_count(t).downs;
		town_skew(t, 3, skews[i]);
		town_run(t, 100000);
		assert_true(town_alerted(t, 3, "clock_skew"));
		assert_true(town_alerted(t, 0, "clock_skew"));
		town_run(t, 200000);
		assert_int_equal(town_count(t).downs, downs);
		assert_true(town_all(t, CORE_HEALTHY));
		/* Right again: its heartbeats are accepted at once, also if it had run ahead. */
		town_skew(t, 3, 0);
		town_run(t, 70000);
		assert_int_equal(town_count(t).downs, downs);
		assert_true(town_all(t, CORE_HEALTHY));
		town_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_everywhere_within_a_second),
		cmocka_unit_test(with_a_third_of_packets_lost_it_takes_ten_seconds),
		cmocka_unit_test(two_admins_who_publish_at_once_end_with_one_list),
		cmocka_unit_test(an_older_list_is_stale_and_one_from_the_future_is_refused),
		cmocka_unit_test(a_removed_member_is_cut_within_a_second_and_knows_why),
		cmocka_unit_test(a_list_with_an_expired_proof_needs_a_majority_that_serves_it),
		cmocka_unit_test(one_back_dated_list_of_an_expired_admin_convinces_nobody),
		cmocka_unit_test(nobody_is_removed_for_being_away),
		cmocka_unit_test(a_wrong_clock_is_noticed_and_costs_nobody_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
