/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/buckets.h"

#include "tests/lib/p2ptest.h"

static struct maddr_ip v4(uint32_t n)
{
	return (struct maddr_ip){.family = 4,
		.ip = {198, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static struct maddr_ip v6(uint8_t b5, uint8_t b6, uint8_t b7)
{
	return (struct maddr_ip){.family = 6, .ip = {0x20, 0x01, 0x0d, 0xb9, 1, b5, b6, b7, 9}};
}

/* How many in a row are let in. */
static int burst(struct buckets *b, struct maddr_ip source, mono_t now)
{
	int n = 0;

	while (n < 1000 && buckets_take(b, &source, now))
		n++;
	return n;
}

static void an_ipv4_address_has_sixteen_and_then_one_in_five_seconds(void **state)
{
	struct buckets *b = buckets_new();

	(void)state;
	assert_int_equal(burst(b, v4(1), t0), 16);
	assert_int_equal(burst(b, v4(1), mono_add_ms(t0, 4999)), 0);
	assert_int_equal(burst(b, v4(1), mono_add_ms(t0, 5000)), 1);
	assert_int_equal(burst(b, v4(1), mono_add_ms(t0, 1000000)), 16);
	assert_int_equal(burst(b, v4(2), mono_add_ms(t0, 1000000)), 16);
	buckets_free(b);
}

static void an_ipv6_56_counts_as_one_source_and_a_48_has_eighty(void **state)
{
	struct buckets *b = buckets_new();
	int all = 0;

	(void)state;
	assert_int_equal(burst(b, v6(0, 1, 1), t0), 16);
	assert_int_equal(burst(b, v6(0, 1, 2), t0), 0); /* the same /56 */
	for (uint8_t net = 2; net < 20; net++)
		all += burst(b, v6(0, net, 0), t0);
	assert_int_equal(16 + all, 80);
	assert_int_equal(burst(b, v6(1, 0, 0), t0), 16); /* another /48 */
	buckets_free(b);
}

static void loopback_has_more_but_not_everything(void **state)
{
	struct buckets *b = buckets_new();
	struct maddr_ip local = {.family = 4, .ip = {127, 0, 0, 1}, .port = 5};

	(void)state;
	assert_int_equal(burst(b, local, t0), 64);
	assert_int_equal(burst(b, local, mono_add_ms(t0, 1000)), 5);
	buckets_free(b);
}

static void all_together_have_a_bound(void **state)
{
	struct buckets *b = buckets_new();
	int all = 0;

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		all += burst(b, v4(i), t0);
	assert_int_equal(all, 128);
	assert_int_equal(burst(b, v4(1000), mono_add_ms(t0, 250)), 16);
	buckets_free(b);
}

static void the_table_is_bounded_and_a_newcomer_finds_the_coarse_bucket(void **state)
{
	struct buckets *b = buckets_new();
	mono_t now = t0;
	uint32_t i;

	(void)state;
	/* 64 a second in all: each source takes one token, which it has back after five seconds. */
	for (i = 0; i < BUCKETS_MAX * 2; i++) {
		struct maddr_ip source = v4(i);

		now = mono_add_ms(now, 16);
		assert_that(buckets_take(b, &source, now), "a newcomer in its time");
		assert_true(buckets_count(b) <= BUCKETS_MAX);
	}
	assert_int_equal(buckets_count(b), BUCKETS_MAX);
	/* Now all that are remembered are in debt for long: nobody can be forgotten. */
	for (i = 0; i < BUCKETS_MAX * 2; i++) {
		struct maddr_ip source = v4(i);

		buckets_punish(b, &source, 1000000, now);
	}
	now = mono_add_ms(now, 2000);
	assert_int_equal(burst(b, v4(3000000), now), 64);
	assert_int_equal(burst(b, v4(3000001), now), 0); /* shared */
	assert_int_equal(buckets_count(b), BUCKETS_MAX);
	buckets_free(b);
}

static void a_punished_source_waits_for_its_time(void **state)
{
	struct buckets *b = buckets_new();
	struct maddr_ip source = v4(5);

	(void)state;
	buckets_punish(b, &source, 60000, t0);
	assert_int_equal(burst(b, source, mono_add_ms(t0, 59999)), 0);
	assert_int_equal(burst(b, source, mono_add_ms(t0, 60000)), 1);
	buckets_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_address_has_sixteen_and_then_one_in_five_seconds),
		cmocka_unit_test(an_ipv6_56_counts_as_one_source_and_a_48_has_eighty),
		cmocka_unit_test(loopback_has_more_but_not_everything),
		cmocka_unit_test(all_together_have_a_bound),
		cmocka_unit_test(the_table_is_bounded_and_a_newcomer_finds_the_coarse_bucket),
		cmocka_unit_test(a_punished_source_waits_for_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
