/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/cursor.h"

#include "tests/lib/p2ptest.h"

static const uint8_t input[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
	0x0c, 0x0d, 0x0e, 0x0f, 'x', 'y', 'z'};

static void fields_are_read_in_order(void **state)
{
	struct cursor c = cursor_of(bytes_of(input, sizeof(input)));

	(void)state;
	assert_int_equal(cursor_u8(&c), 0x01);
	assert_int_equal(cursor_u16be(&c), 0x0203);
	assert_int_equal(cursor_u32be(&c), 0x04050607);
	assert_true(cursor_u64be(&c) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_bytes(cursor_take(&c, 1), BYTES_LIT("x"));
	assert_int_equal(cursor_left(&c), 2);
	assert_bytes(cursor_rest(&c), BYTES_LIT("yz"));
	assert_true(cursor_at_end(&c));
	assert_int_equal(c.err, 0);
}

static void input_cut_anywhere_is_truncated_and_never_read_past(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < 15; cut++) {
		struct cursor c = cursor_of(bytes_of(input, cut));

		(void)cursor_u8(&c);
		(void)cursor_u16be(&c);
		(void)cursor_u32be(&c);
		assert_true(cursor_u64be(&c) == 0);
		assert_err(c.err, P2P_ERR_TRUNCATED);
		assert_true(c.pos <= cut);
	}
}

static void the_first_error_sticks(void **state)
{
	struct cursor c = cursor_of(bytes_of(input, 4));

	(void)state;
	assert_int_equal(cursor_take(&c, 5).len, 0);
	assert_err(c.err, P2P_ERR_TRUNCATED);
	cursor_fail(&c, P2P_ERR_INVALID);
	assert_err(c.err, P2P_ERR_TRUNCATED);
	assert_int_equal(cursor_u8(&c), 0); /* though a byte would be there */
	assert_int_equal(c.pos, 0);
	assert_int_equal(cursor_rest(&c).len, 0);
	assert_int_equal(cursor_take(&c, SIZE_MAX).len, 0);
}

static void nothing_can_be_read_from_nothing(void **state)
{
	struct cursor c = cursor_of(BYTES_NONE);

	(void)state;
	assert_true(cursor_at_end(&c));
	assert_int_equal(cursor_rest(&c).len, 0);
	assert_int_equal(cursor_take(&c, 0).len, 0);
	assert_int_equal(c.err, 0);
	assert_int_equal(cursor_u8(&c), 0);
	assert_err(c.err, P2P_ERR_TRUNCATED);
}

static void views_compare_and_cut(void **state)
{
	struct bytes abc = BYTES_LIT("abc");

	(void)state;
	assert_true(bytes_eq(BYTES_NONE, bytes_of("", 0)));
	assert_false(bytes_eq(abc, BYTES_LIT("abd")));
	assert_false(bytes_eq(abc, BYTES_LIT("ab")));
	assert_true(bytes_cmp(abc, BYTES_LIT("abd")) < 0);
	assert_true(bytes_cmp(abc, BYTES_LIT("ab")) > 0);
	assert_true(bytes_cmp(BYTES_LIT("\xff"), BYTES_LIT("\x01")) > 0);
	assert_int_equal(bytes_cmp(abc, bytes_str("abc")), 0);
	assert_int_equal(bytes_cmp(BYTES_NONE, BYTES_NONE), 0);
	assert_bytes(bytes_from(abc, 1), BYTES_LIT("bc"));
	assert_int_equal(bytes_from(abc, 9).len, 0);
	assert_bytes(bytes_head(abc, 2), BYTES_LIT("ab"));
	assert_bytes(bytes_head(abc, 9), abc);
	assert_true(bytes_starts(abc, BYTES_LIT("ab")) && bytes_starts(abc, BYTES_NONE));
	assert_false(bytes_starts(abc, BYTES_LIT("abcd")) || bytes_starts(abc, BYTES_LIT("b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read_in_order),
		cmocka_unit_test(input_cut_anywhere_is_truncated_and_never_read_past),
		cmocka_unit_test(the_first_error_sticks),
		cmocka_unit_test(nothing_can_be_read_from_nothing),
		cmocka_unit_test(views_compare_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
