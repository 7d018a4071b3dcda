/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/der.h"

#include "tests/lib/p2ptest.h"

#define STRICT(s) der_is_strict(BYTES_LIT(s))

static void one_value_has_one_encoding(void **state)
{
	(void)state;
	assert_true(STRICT("\x30\x00"));
	assert_true(STRICT("\x04\x03"
			   "abc"));
	assert_false(STRICT("\x04\x81\x03"
			    "abc")); /* a longer length than needed */
	assert_false(STRICT("\x04\x82\x00\x03"
			    "abc"));
	assert_false(STRICT("\x30\x80\x00\x00")); /* an indefinite one */
	assert_false(STRICT("\x04\x03"
			    "ab")); /* cut */
	assert_false(STRICT("\x04\x03"
			    "abcd")); /* something behind */
	assert_false(STRICT("\x04"));
	assert_false(STRICT(""));
	assert_false(STRICT("\x00\x00"));         /* the end of an indefinite one */
	assert_false(STRICT("\x1f\x81\x01\x00")); /* a tag of several bytes */
	assert_false(STRICT("\x24\x05\x04\x03"
			    "abc"));                  /* a string in pieces */
	assert_false(STRICT("\x10\x00"));             /* a sequence that is a string */
	assert_false(STRICT("\x04\x83\x01\x00\x00")); /* longer than is read at all */
}

static void lengths_are_taken_to_two_bytes_and_in_the_shortest_form(void **state)
{
	static uint8_t long_one[4 + 65535];
	static const uint8_t short_128[4 + 128] = {0x04, 0x82, 0x00, 0x80}; /* 0x81 would do */

	(void)state;
	long_one[0] = 0x04;
	long_one[1] = 0x82;
	long_one[2] = long_one[3] = 0xff;
	assert_true(der_is_strict(bytes_of(long_one, sizeof(long_one))));
	assert_false(der_is_strict(bytes_of(long_one, sizeof(long_one) - 1)));
	assert_false(der_is_strict(bytes_of(short_128, sizeof(short_128))));
}

static void leaves_are_as_der_wants_them(void **state)
{
	(void)state;
	assert_true(STRICT("\x01\x01\xff"));
	assert_true(STRICT("\x01\x01\x00"));
	assert_false(STRICT("\x01\x01\x01")); /* neither true nor false */
	assert_false(STRICT("\x01\x02\xff\xff"));
	assert_false(STRICT("\x02\x00"));
	assert_true(STRICT("\x05\x00"));
	assert_false(STRICT("\x05\x01\x00"));
	assert_true(STRICT("\x06\x03\x2b\x81\x04"));
	assert_false(STRICT("\x06\x00"));
	assert_false(STRICT("\x06\x02\x2b\x81"));     /* a number that does not end */
	assert_false(STRICT("\x06\x03\x2b\x80\x01")); /* or begins with nothing */
	assert_true(STRICT("\x03\x02\x00\x01"));
	assert_true(STRICT("\x03\x02\x04\xf0"));
	assert_false(STRICT("\x03\x02\x04\xf1")); /* an unused bit is set */
	assert_false(STRICT("\x03\x02\x08\x00"));
	assert_false(STRICT("\x03\x01\x01"));
	assert_false(STRICT("\x03\x00"));
}

static void nesting_has_an_end(void **state)
{
	uint8_t deep[2 * (DER_DEPTH_MAX + 1)];

	(void)state;
	for (size_t n = 1; n <= DER_DEPTH_MAX + 1; n++) {
		for (size_t i = 0; i < n; i++) {
			deep[2 * i] = DER_SEQUENCE;
			deep[2 * i + 1] = (uint8_t)(2 * (n - i - 1));
		}
		/* The innermost holds nothing, which counts as a level, too. */
		assert_int_equal(der_is_strict(bytes_of(deep, 2 * n)), n < DER_DEPTH_MAX);
	}
}

static void the_first_error_sticks(void **state)
{
	struct der d = der_of(BYTES_LIT("\x02\x01\x05\x04\x01"
					"x")),
		   inner;

	(void)state;
	assert_bytes(der_take(&d, DER_INTEGER), BYTES_LIT("\x05"));
	assert_int_equal(der_peek(&d), DER_OCTET_STRING);
	inner = der_enter(&d, DER_SEQUENCE);
	assert_err(inner.err, P2P_ERR_INVALID);
	assert_false(der_is_done(&inner));
	assert_int_equal(der_take(&d, DER_OCTET_STRING).len, 0);
	assert_false(der_is_done(&d));
	assert_int_equal(der_peek(&d), 0);
}

static int64_t second_of(struct bytes text)
{
	uint8_t der[2 + 64];
	struct der d;
	wall_t t;

	der[0] = text.len == 13 ? DER_UTC_TIME : DER_GENERALIZED_TIME;
	der[1] = (uint8_t)text.len;
	memcpy(der + 2, text.at, text.len);
	d = der_of(bytes_of(der, 2 + text.len));
	t = der_take_time(&d);
	return der_is_done(&d) ? t.sec : INT64_MIN;
}

#define SECOND(s) second_of(BYTES_LIT(s))

static void times_are_instants(void **state)
{
	(void)state;
	assert_int_equal(SECOND("700101000000Z"), 0);
	assert_int_equal(SECOND("19700101000000Z"), 0);
	assert_int_equal(SECOND("20000229120000Z"), 951825600);
	assert_int_equal(SECOND("20000301000000Z"), 951868800);
	assert_int_equal(SECOND("491231235959Z"), INT64_C(2524607999));
	assert_int_equal(SECOND("500101000000Z"), INT64_C(-631152000));
	assert_int_equal(SECOND("00010101000000Z"), WALL_ZERO.sec);
	assert_int_equal(SECOND("40960101000000Z"), INT64_C(67090118400));
	assert_int_equal(SECOND("99991231235959Z"), INT64_C(253402300799));
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {"00000101000000Z", "20001301000000Z", "20000001000000Z",
		"20000100000000Z", "20000132000000Z", "19000229000000Z", "20010229000000Z",
		"20000101240000Z", "20000101006000Z", "20000101000060Z", "20000101000000z",
		"2000010100000 Z", "2000-101000000Z", "20000101000000+", "000101000000",
		"7001010000Z", "20000101000000.0Z", "200001010000Z0", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_that(second_of(bytes_str(bad[i])) == INT64_MIN, bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_value_has_one_encoding),
		cmocka_unit_test(lengths_are_taken_to_two_bytes_and_in_the_shortest_form),
		cmocka_unit_test(leaves_are_as_der_wants_them),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(the_first_error_sticks),
		cmocka_unit_test(times_are_instants),
		cmocka_unit_test(what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
