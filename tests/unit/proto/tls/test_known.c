/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/known.h"

#include "tests/lib/p2ptest.h"

/* The digest number `n` of a set. */
static const uint8_t *digest(uint8_t set, uint8_t n)
{
	static uint8_t d[TLS_KNOWN_BYTES];

	memset(d, 0, sizeof(d));
	d[0] = set;
	d[TLS_KNOWN_BYTES - 1] = n; /* the rest is the same, and all of it counts */
	return d;
}

static void what_was_added_is_known_and_nothing_else(void **state)
{
	struct tls_known *k = tls_known_new();

	(void)state;
	assert_false(tls_known_has(k, digest(0, 0))); /* as empty places look */
	tls_known_add(k, digest(7, 1));
	assert_true(tls_known_has(k, digest(7, 1)));
	assert_false(tls_known_has(k, digest(7, 2)));
	assert_false(tls_known_has(k, digest(8, 1)));
	tls_known_reset(k);
	assert_false(tls_known_has(k, digest(7, 1)));
	tls_known_free(k);
}

static void a_full_set_forgets_its_oldest_and_no_other(void **state)
{
	struct tls_known *k = tls_known_new();

	(void)state;
	tls_known_add(k, digest(4, 1));
	for (uint8_t n = 0; n <= TLS_KNOWN_WAYS; n++) {
		tls_known_add(k, digest(5, n));
		tls_known_add(k, digest(5, n)); /* takes no second place */
	}
	assert_false(tls_known_has(k, digest(5, 0)));
	for (uint8_t n = 1; n <= TLS_KNOWN_WAYS; n++)
		assert_true(tls_known_has(k, digest(5, n)));
	assert_true(tls_known_has(k, digest(4, 1)));
	tls_known_free(k);
}

static void as_many_as_promised_are_held(void **state)
{
	struct tls_known *k = tls_known_new();

	(void)state;
	for (unsigned i = 0; i < TLS_KNOWN_SETS * TLS_KNOWN_WAYS; i++)
		tls_known_add(
			k, digest((uint8_t)(i / TLS_KNOWN_WAYS), (uint8_t)(i % TLS_KNOWN_WAYS)));
	for (unsigned i = 0; i < TLS_KNOWN_SETS * TLS_KNOWN_WAYS; i++)
		assert_true(tls_known_has(
			k, digest((uint8_t)(i / TLS_KNOWN_WAYS), (uint8_t)(i % TLS_KNOWN_WAYS))));
	tls_known_free(k);
}

static void a_digest_is_sha_256(void **state)
{
	uint8_t d[TLS_KNOWN_BYTES];

	(void)state;
	tls_known_digest(BYTES_LIT("abc"), d); /* FIPS 180-2, B.1 */
	assert_bytes(bytes_of(d, sizeof(d)),
		BYTES_LIT("\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
			  "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_known_and_nothing_else),
		cmocka_unit_test(a_full_set_forgets_its_oldest_and_no_other),
		cmocka_unit_test(as_many_as_promised_are_held),
		cmocka_unit_test(a_digest_is_sha_256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
