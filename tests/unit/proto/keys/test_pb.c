/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/pb.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static void every_wire_type_is_read(void **state)
{
	struct pb_reader r = pb_begin(bytes_of("\x08\x96\x01"
					       "\x11\1\2\3\4\5\6\7\x88"
					       "\x1a\x03"
					       "abc"
					       "\x25\xff\0\0\x80",
		22));
	struct pb_field f;

	(void)state;
	assert_true(pb_next(&r, &f) && pb_is(&f, 1, PB_VARINT) && f.value == 150);
	assert_true(pb_next(&r, &f) && pb_is(&f, 2, PB_FIXED64));
	assert_true(f.value == UINT64_C(0x8807060504030201));
	assert_true(pb_next(&r, &f) && pb_is(&f, 3, PB_BYTES) && !pb_is(&f, 3, PB_VARINT));
	assert_bytes(f.data, BYTES_LIT("abc"));
	assert_true(pb_next(&r, &f) && pb_is(&f, 4, PB_FIXED32) && f.value == 0x800000ff);
	assert_int_equal(f.data.len, 0);
	assert_false(pb_next(&r, &f));
	assert_int_equal(r.err, 0);
}

static void an_empty_message_has_no_fields(void **state)
{
	struct pb_reader r = pb_begin(BYTES_NONE);
	struct pb_field f;

	(void)state;
	assert_false(pb_next(&r, &f));
	assert_int_equal(r.err, 0);
}

static void broken_messages_are_refused_for_good(void **state)
{
	static const struct {
		const char *why;
		struct bytes in;
	} broken[] = {
		{"field number 0", {(const uint8_t *)"\x00\x01", 2}},
		{"group start", {(const uint8_t *)"\x0b\x0c", 2}},
		{"group end", {(const uint8_t *)"\x0c", 1}},
		{"wire type 6", {(const uint8_t *)"\x0e\x01", 2}},
		{"wire type 7", {(const uint8_t *)"\x0f\x01", 2}},
		{"a number past 2^29-1", {(const uint8_t *)"\x88\x80\x80\x80\x10\x01", 6}},
		{"a varint of eleven bytes",
			{(const uint8_t *)"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12}},
		{"length past the end", {(const uint8_t *)"\x0a\x05"
							  "abcd",
						6}},
		{"huge length",
			{(const uint8_t *)"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct pb_reader r = pb_begin(broken[i].in);
		struct pb_field f;

		assert_that(!pb_next(&r, &f), broken[i].why);
		assert_that(r.err == P2P_ERR_INVALID || r.err == P2P_ERR_TRUNCATED, broken[i].why);
		assert_that(!pb_next(&r, &f), broken[i].why);
	}
}

static void the_largest_field_number_and_long_varints_are_taken(void **state)
{
	struct pb_reader r = pb_begin(bytes_of("\xf8\xff\xff\xff\x0f"
					       "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
					       "\x88\x80\x00\x81\x80\x00",
		21));
	struct pb_field f;

	(void)state;
	assert_true(pb_next(&r, &f) && f.number == PB_NUMBER_MAX && f.value == UINT64_MAX);
	assert_true(pb_next(&r, &f) && pb_is(&f, 1, PB_VARINT) && f.value == 1);
	assert_false(pb_next(&r, &f));
	assert_int_equal(r.err, 0);
}

static void a_message_cut_anywhere_ends_in_truncated_or_between_fields(void **state)
{
	struct buf m = BUF_INIT;

	(void)state;
	assert_ok(pb_put_uint(&m, 1, 300));
	assert_ok(pb_put_bytes(&m, 2, BYTES_LIT("hello")));
	assert_ok(pb_put_uint(&m, 300, 1));
	for (size_t cut = 0; cut < m.len; cut++) {
		struct pb_reader r = pb_begin(bytes_of(m.data, cut));
		struct pb_field f;
		bool is_between = cut == 0 || cut == 3 || cut == 10;

		while (pb_next(&r, &f))
			;
		assert_err(r.err, is_between ? 0 : P2P_ERR_TRUNCATED);
	}
	buf_deinit(&m);
}

static void writing_is_whole_or_nothing(void **state)
{
	struct buf m = BUF_WITH_MAX(6);

	(void)state;
	assert_err(pb_put_bytes(&m, 1, BYTES_LIT("abcde")), P2P_ERR_TOO_LARGE);
	assert_int_equal(m.len, 0);
	assert_ok(pb_put_bytes(&m, 1, BYTES_LIT("abcd")));
	assert_err(pb_put_uint(&m, 1, 0), P2P_ERR_TOO_LARGE);
	assert_bytes(buf_bytes(&m), BYTES_LIT("\x0a\x04"
					      "abcd"));
	buf_deinit(&m);
}

static void random_fields_survive_and_are_as_long_as_foretold(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 41);
	for (unsigned round = 0; round < 500; round++) {
		uint64_t values[8]; /* of a number; of bytes, how many */
		uint8_t noise[300];
		uint32_t numbers[8];
		size_t want_len = 0;
		struct buf m = BUF_INIT;
		struct pb_reader r;
		struct pb_field f;

		rng_fill(&rng.rng, noise, sizeof(noise));
		for (size_t i = 0; i < 8; i++) {
			numbers[i] = 1 + (uint32_t)rng_below(&rng.rng, PB_NUMBER_MAX);
			values[i] = rng_u64(&rng.rng) >> rng_below(&rng.rng, 64);
			if (i % 2) {
				values[i] %= sizeof(noise);
				assert_ok(pb_put_bytes(&m, numbers[i], bytes_of(noise, values[i])));
				want_len += pb_bytes_len(numbers[i], values[i]);
			} else {
				assert_ok(pb_put_uint(&m, numbers[i], values[i]));
				want_len += pb_uint_len(numbers[i], values[i]);
			}
			assert_int_equal(m.len, want_len);
		}
		r = pb_begin(buf_bytes(&m));
		for (size_t i = 0; i < 8; i++) {
			assert_true(pb_next(&r, &f));
			assert_true(pb_is(&f, numbers[i], i % 2 ? PB_BYTES : PB_VARINT));
			if (i % 2)
				assert_bytes(f.data, bytes_of(noise, values[i]));
			else
				assert_true(f.value == values[i]);
		}
		assert_false(pb_next(&r, &f));
		assert_int_equal(r.err, 0);
		buf_deinit(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wire_type_is_read),
		cmocka_unit_test(an_empty_message_has_no_fields),
		cmocka_unit_test(broken_messages_are_refused_for_good),
		cmocka_unit_test(the_largest_field_number_and_long_varints_are_taken),
		cmocka_unit_test(a_message_cut_anywhere_ends_in_truncated_or_between_fields),
		cmocka_unit_test(writing_is_whole_or_nothing),
		cmocka_unit_test(random_fields_survive_and_are_as_long_as_foretold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
