/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/slots.h"

#include "tests/lib/p2ptest.h"

static struct maddr_ip v4(unsigned n)
{
	return (struct maddr_ip){.family = 4, .ip = {192, 0, (uint8_t)(n >> 8), (uint8_t)n}};
}

/* Never drops early: the highest value is above every percentage. */
static void fill_high(struct rng *r, void *out, size_t len)
{
	uint64_t v = 99; /* rng_below(100) of it is 99 */

	(void)r;
	memset(out, 0, len);
	memcpy(out, &v, len < sizeof(v) ? len : sizeof(v));
}

static struct rng lucky = {fill_high};

static void a_source_has_eight(void **state)
{
	struct slots s;
	struct maddr_ip one = v4(1), net = {.family = 6, .ip = {0x20, 1, 0, 0, 0, 0, 7}};
	unsigned slot;

	(void)state;
	slots_init(&s);
	for (int i = 0; i < SLOTS_PER_SOURCE_MAX; i++)
		assert_int_equal(slots_take(&s, &one, false, &lucky, &slot), SLOT_GRANTED);
	assert_int_equal(slots_take(&s, &one, true, &lucky, &slot), SLOT_SOURCE_FULL);
	slots_give(&s, slot);
	assert_int_equal(slots_take(&s, &one, false, &lucky, &slot), SLOT_GRANTED);
	for (int i = 0; i < SLOTS_PER_SOURCE_MAX; i++) {
		net.ip[7] = (uint8_t)i; /* the same /56 */
		assert_int_equal(slots_take(&s, &net, false, &lucky, &slot), SLOT_GRANTED);
	}
	assert_int_equal(slots_take(&s, &net, false, &lucky, &slot), SLOT_SOURCE_FULL);
	net.ip[6] = 8;
	assert_int_equal(slots_take(&s, &net, false, &lucky, &slot), SLOT_GRANTED);
}

static void the_last_sixteen_are_for_known_sources(void **state)
{
	struct slots s;
	struct maddr_ip ip;
	unsigned slot, n = 0;

	(void)state;
	slots_init(&s);
	for (; n < SLOTS_MAX - SLOTS_RESERVED; n++) {
		ip = v4(n);
		assert_int_equal(slots_take(&s, &ip, false, &lucky, &slot), SLOT_GRANTED);
	}
	ip = v4(n);
	assert_int_equal(slots_take(&s, &ip, false, &lucky, &slot), SLOT_FULL);
	for (; n < SLOTS_MAX; n++) {
		ip = v4(n);
		assert_int_equal(slots_take(&s, &ip, true, &lucky, &slot), SLOT_GRANTED);
	}
	ip = v4(n);
	assert_int_equal(slots_take(&s, &ip, true, &lucky, &slot), SLOT_FULL);
	assert_int_equal(s.used, SLOTS_MAX);
}

static void newcomers_are_dropped_at_random_from_thirty_two_on(void **state)
{
	struct slots s;
	struct rng_seeded rng;
	struct maddr_ip ip;
	unsigned slot;
	int dropped = 0;

	(void)state;
	rng_seed(&rng, 4);
	slots_init(&s);
	for (unsigned n = 0; n < SLOTS_EARLY_DROP; n++) {
		ip = v4(n);
		assert_int_equal(slots_take(&s, &ip, false, &rng.rng, &slot), SLOT_GRANTED);
	}
	for (unsigned n = 0; n < 1000; n++) {
		ip = v4(1000 + n);
		if (slots_take(&s, &ip, false, &rng.rng, &slot) == SLOT_EARLY_DROP)
			dropped++;
		else
			slots_give(&s, slot);
	}
	assert_in_range(dropped, 250, 350); /* 30 % */
	for (unsigned n = 0; n < 100; n++) { /* never a known one */
		ip = v4(5000 + n);
		assert_int_equal(slots_take(&s, &ip, true, &rng.rng, &slot), SLOT_GRANTED);
		slots_give(&s, slot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_has_eight),
		cmocka_unit_test(the_last_sixteen_are_for_known_sources),
		cmocka_unit_test(newcomers_are_dropped_at_random_from_thirty_two_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
