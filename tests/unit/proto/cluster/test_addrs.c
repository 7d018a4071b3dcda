/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/addrs.h"

#include "tests/lib/p2ptest.h"

static const wall_t noon = {1780315200, 0};

static struct maddr tcp(unsigned host, unsigned port)
{
	struct maddr_ip ip = {.family = 4,
		.ip = {192, 168, (uint8_t)(host >> 8), (uint8_t)host},
		.port = (uint16_t)port};
	struct maddr a;

	maddr_from_ip_tcp(&ip, &a);
	return a;
}

static void an_address_is_kept_once_with_its_best_source(void **state)
{
	struct addrs as = {0};
	struct maddr a = tcp(1, 4100), none = tcp(1, 0), name;

	(void)state;
	assert_true(addrs_add(&as, &a, CORE_ADDR_DNS, t0));
	assert_false(addrs_add(&as, &a, CORE_ADDR_SEEN, t0));
	assert_false(addrs_add(&as, &a, CORE_ADDR_HINT, t0));
	assert_int_equal(as.count, 1);
	assert_int_equal(as.list[0]->from, CORE_ADDR_SEEN);
	assert_false(addrs_add(&as, &none, CORE_ADDR_DNS, t0)); /* port 0 */
	assert_ok(maddr_parse(BYTES_LIT("/dns4/example.org/tcp/4100"), &name));
	assert_false(addrs_add(&as, &name, CORE_ADDR_CONFIG, t0)); /* to be resolved first */
	addrs_drop(&as, &a);
	assert_int_equal(as.count, 0);
	addrs_deinit(&as);
}

static void the_worst_makes_room(void **state)
{
	struct addrs as = {0};
	struct rng_seeded rng;
	struct maddr bad = tcp(5, 4100), more = tcp(999, 4100);

	(void)state;
	rng_seed(&rng, 1);
	for (unsigned i = 0; i < CORE_PEER_ADDRS_MAX; i++) {
		struct maddr a = tcp(i, 4100);

		assert_true(addrs_add(&as, &a, CORE_ADDR_RECORD, t0));
	}
	addr_failed(addrs_find(&as, &bad), P2P_ERR_TIMEOUT, CORE_AT_CONNECT, &rng.rng, noon, t0);
	assert_true(addrs_add(&as, &more, CORE_ADDR_RECORD, t0));
	assert_int_equal(as.count, CORE_PEER_ADDRS_MAX);
	assert_null(addrs_find(&as, &bad));
	addrs_deinit(&as);
}

static void failures_are_rested_from_a_second_to_five_minutes(void **state)
{
	struct addrs as = {0};
	struct rng_seeded rng;
	struct maddr a = tcp(1, 4100), got[4];
	mono_t now = t0;
	int64_t rest = 0, shortest = INT64_MAX, longest = 0;

	(void)state;
	rng_seed(&rng, 7);
	(void)addrs_add(&as, &a, CORE_ADDR_DNS, now);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(addrs_take(&as, got, 4, now), 1);
		assert_int_equal(addrs_take(&as, got, 4, now), 0); /* busy */
		addr_failed(as.list[0], P2P_ERR_REFUSED, CORE_AT_CONNECT, &rng.rng, noon, now);
		rest = mono_since_ms(as.list[0]->free_at, now);
		shortest = rest < shortest ? rest : shortest;
		longest = rest > longest ? rest : longest;
		assert_in_range(rest, 1000, 375000);
		assert_int_equal(addrs_take(&as, got, 4, now), 0); /* rests */
		now = addrs_free_at(&as);
	}
	assert_true(shortest < 1300);
	assert_true(longest > 300000);
	/* Word of the peer shortens a long rest to the shortest one, never below. */
	addr_failed(as.list[0], P2P_ERR_REFUSED, CORE_AT_CONNECT, &rng.rng, noon, now);
	addrs_wake(&as, now);
	assert_int_equal(mono_since_ms(addrs_free_at(&as), now), 1000);
	addr_good(as.list[0], noon);
	assert_int_equal(as.list[0]->failures, 0);
	addrs_deinit(&as);
}

static void the_best_is_tried_first(void **state)
{
	struct addrs as = {0};
	struct rng_seeded rng;
	struct maddr dns = tcp(1, 4100), seen = tcp(2, 4100), failed = tcp(3, 4100), got[8];

	(void)state;
	rng_seed(&rng, 7);
	(void)addrs_add(&as, &failed, CORE_ADDR_SEEN, t0);
	(void)addrs_add(&as, &dns, CORE_ADDR_DNS, t0);
	(void)addrs_add(&as, &seen, CORE_ADDR_SEEN, t0);
	addr_failed(addrs_find(&as, &failed), P2P_ERR_REFUSED, CORE_AT_CONNECT, &rng.rng, noon, t0);
	assert_int_equal(addrs_take(&as, got, 8, mono_add_ms(t0, 5000)), 3);
	assert_true(maddr_eq(&got[0], &seen));
	assert_true(maddr_eq(&got[1], &dns));
	assert_true(maddr_eq(&got[2], &failed));
	addrs_deinit(&as);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_kept_once_with_its_best_source),
		cmocka_unit_test(the_worst_makes_room),
		cmocka_unit_test(failures_are_rested_from_a_second_to_five_minutes),
		cmocka_unit_test(the_best_is_tried_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
