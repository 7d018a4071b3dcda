/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/sources.h"

#include "tests/lib/p2ptest.h"

static const wall_t noon = {1780315200, 0};

static struct maddr_ip ip_of(unsigned n)
{
	return (struct maddr_ip){.family = 4,
		.ip = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n},
		.port = 4100};
}

static struct maddr addr_of(unsigned n)
{
	struct maddr_ip ip = ip_of(n);
	struct maddr a;

	maddr_from_ip_tcp(&ip, &a);
	return a;
}

static bool known(const struct sources *s, unsigned n, wall_t wall)
{
	struct maddr_ip ip = ip_of(n);

	ip.port = 9; /* the port says nothing */
	return sources_is_known(s, &ip, wall);
}

static void members_are_remembered_for_a_week(void **state)
{
	struct sources s = {0};
	struct maddr a = addr_of(1), fixed = addr_of(2);

	(void)state;
	sources_note(&s, &a, false, noon);
	sources_note(&s, &fixed, true, noon);
	assert_true(known(&s, 1, wall_add_sec(noon, SOURCES_KNOWN_SEC)));
	assert_false(known(&s, 1, wall_add_sec(noon, SOURCES_KNOWN_SEC + 1)));
	assert_true(known(&s, 2, wall_add_sec(noon, 10 * SOURCES_KNOWN_SEC)));
	assert_false(known(&s, 3, noon));
	sources_deinit(&s);
}

static void the_longest_unseen_makes_room(void **state)
{
	struct sources s = {0};
	struct maddr fixed = addr_of(999999);

	(void)state;
	sources_note(&s, &fixed, true, wall_add_sec(noon, -1000));
	for (unsigned i = 0; i < SOURCES_KNOWN_MAX + 100; i++) {
		struct maddr a = addr_of((i * 7919) % 100003);

		sources_note(&s, &a, false, wall_add_sec(noon, i));
	}
	assert_int_equal(s.known_count, SOURCES_KNOWN_MAX);
	assert_true(known(&s, 999999, noon));
	assert_false(known(&s, 0, noon)); /* the first one */
	assert_true(known(&s, ((SOURCES_KNOWN_MAX + 99) * 7919) % 100003, noon));
	sources_deinit(&s);
}

static void a_bad_signature_costs_a_minute_then_two_up_to_an_hour(void **state)
{
	struct sources s = {0};
	struct maddr a = addr_of(1);
	struct maddr_ip ip = ip_of(1);
	int64_t want = SOURCES_BLOCK_MS;
	mono_t now = t0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		sources_block(&s, &a, now);
		assert_true(sources_is_blocked(&s, &ip, mono_add_ms(now, want - 1)));
		now = mono_add_ms(now, want);
		assert_false(sources_is_blocked(&s, &ip, now));
		want = want * 2 < SOURCES_BLOCK_MS_MAX ? want * 2 : SOURCES_BLOCK_MS_MAX;
	}
	for (unsigned i = 2; i < SOURCES_BLOCKED_MAX + 50; i++) {
		struct maddr b = addr_of(i);

		sources_block(&s, &b, now);
	}
	assert_int_equal(s.blocked_count, SOURCES_BLOCKED_MAX);
	sources_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_remembered_for_a_week),
		cmocka_unit_test(the_longest_unseen_makes_room),
		cmocka_unit_test(a_bad_signature_costs_a_minute_then_two_up_to_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
