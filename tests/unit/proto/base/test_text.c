/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/text.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static void hex_goes_both_ways(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(text_hex(&out, bytes_of("\x00\x7f\xff", 3)));
	assert_bytes(buf_bytes(&out), BYTES_LIT("007fff"));
	buf_reset(&out);
	assert_ok(text_unhex(&out, BYTES_LIT("00aAFf")));
	assert_bytes(buf_bytes(&out), bytes_of("\x00\xaa\xff", 3));
	buf_deinit(&out);
}

static void broken_hex_is_refused_and_leaves_nothing(void **state)
{
	static const char *const broken[] = {"0", "abc", "0g", "g0", " 00", "0x", "00 "};
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(buf_put_u8(&out, 9));
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_err(text_unhex(&out, bytes_str(broken[i])), P2P_ERR_INVALID);
		assert_int_equal(out.len, 1);
	}
	buf_deinit(&out);
}

static void base64_has_the_vectors_of_rfc_4648(void **state)
{
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const coded[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		struct buf out = BUF_INIT;

		assert_ok(text_base64(&out, bytes_str(plain[i])));
		assert_bytes(buf_bytes(&out), bytes_str(coded[i]));
		buf_reset(&out);
		assert_ok(text_unbase64(&out, bytes_str(coded[i])));
		assert_bytes(buf_bytes(&out), bytes_str(plain[i]));
		buf_deinit(&out);
	}
}

static void base64_has_one_text_for_one_value(void **state)
{
	static const char *const broken[] = {
		"Zg=",       /* too little padding */
		"Zg",        /* none */
		"Zg===",     /* too much */
		"Zh==",      /* unused bits are set */
		"Zm9=",      /* the same with two bytes */
		"Zm9v====",  /* a quantum of padding */
		"=Zm9",      /* padding in front */
		"Z=m9",      /* in the middle */
		"Zg==Zg==",  /* two texts */
		" Zm9v",     /* white space */
		"Zm9v\n",    /* at the end */
		"Zm\n9v===", /* within */
		"Zm-v",      /* the URL alphabet */
		"Zm_v",
		"====",
	};
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(buf_put_u8(&out, 9));
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_that(
			text_unbase64(&out, bytes_str(broken[i])) == P2P_ERR_INVALID, broken[i]);
		assert_int_equal(out.len, 1);
	}
	buf_deinit(&out);
}

static void a_buffer_just_large_enough_takes_the_result(void **state)
{
	struct buf four = BUF_WITH_MAX(4), three = BUF_WITH_MAX(3), eight = BUF_WITH_MAX(8);

	(void)state;
	assert_ok(text_unbase64(&four, BYTES_LIT("Zm9vYg==")));
	assert_bytes(buf_bytes(&four), BYTES_LIT("foob"));
	assert_err(text_unbase64(&three, BYTES_LIT("Zm9vYg==")), P2P_ERR_TOO_LARGE);
	assert_ok(text_base64(&eight, BYTES_LIT("foob")));
	assert_err(text_base64(&eight, BYTES_LIT("f")), P2P_ERR_TOO_LARGE);
	assert_err(text_hex(&eight, BYTES_LIT("f")), P2P_ERR_TOO_LARGE);
	assert_err(text_unhex(&eight, BYTES_LIT("00")), P2P_ERR_TOO_LARGE);
	buf_deinit(&four);
	buf_deinit(&three);
	buf_deinit(&eight);
}

static void random_bytes_survive_hex_and_base64(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 1);
	for (unsigned round = 0; round < 500; round++) {
		struct buf text = BUF_INIT, back = BUF_INIT;
		uint8_t in[80];
		size_t len = rng_below(&rng.rng, sizeof(in) + 1);

		rng_fill(&rng.rng, in, len);
		assert_ok(text_base64(&text, bytes_of(in, len)));
		assert_ok(text_unbase64(&back, buf_bytes(&text)));
		assert_bytes(buf_bytes(&back), bytes_of(in, len));
		buf_reset(&text);
		buf_reset(&back);
		assert_ok(text_hex(&text, bytes_of(in, len)));
		assert_ok(text_unhex(&back, buf_bytes(&text)));
		assert_bytes(buf_bytes(&back), bytes_of(in, len));
		buf_deinit(&text);
		buf_deinit(&back);
	}
}

/* What decodes encodes to the very same text: so no other text means the same bytes. */
static void whatever_base64_decodes_is_the_only_text_of_its_bytes(void **state)
{
	static const char chars[] = "AQgw/+9z=\n-";
	struct rng_seeded rng;
	unsigned decoded = 0;

	(void)state;
	rng_seed(&rng, 2);
	for (unsigned round = 0; round < 20000; round++) {
		struct buf got = BUF_INIT, again = BUF_INIT;
		char text[12];
		size_t len = rng_below(&rng.rng, sizeof(text) + 1);

		for (size_t i = 0; i < len; i++)
			text[i] = chars[rng_below(&rng.rng, sizeof(chars) - 1)];
		if (text_unbase64(&got, bytes_of(text, len)) == 0) {
			assert_ok(text_base64(&again, buf_bytes(&got)));
			assert_bytes(buf_bytes(&again), bytes_of(text, len));
			decoded++;
		}
		buf_deinit(&got);
		buf_deinit(&again);
	}
	assert_in_range(decoded, 1000, 20000);
}

static void trimming_takes_white_space_at_both_ends_only(void **state)
{
	(void)state;
	assert_bytes(text_trim(BYTES_LIT(" \t\r\na b\n ")), BYTES_LIT("a b"));
	assert_int_equal(text_trim(BYTES_LIT(" \n")).len, 0);
	assert_int_equal(text_trim(BYTES_NONE).len, 0);
	assert_bytes(text_trim(BYTES_LIT("\va")), BYTES_LIT("\va"));
}

static void bounded_copies_say_when_they_cut(void **state)
{
	char to[4];

	(void)state;
	assert_true(text_copy(to, sizeof(to), BYTES_LIT("abc")));
	assert_string_equal(to, "abc");
	assert_false(text_copy(to, sizeof(to), BYTES_LIT("abcd")));
	assert_string_equal(to, "abc");
	assert_true(text_copy(to, sizeof(to), BYTES_NONE));
	assert_string_equal(to, "");
	assert_false(text_copy(to, 1, BYTES_LIT("a")));
	assert_string_equal(to, "");
}

static void utf8_is_judged_by_rfc_3629(void **state)
{
	static const char *const valid[] = {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf", "\xc3\xbc \xc3\x9f \xe2\x82\xac"};
	static const char *const invalid[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
		"\xc2\x7f", "\xc2\xc0", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe1\x80", "\xe1\x80\x7f",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80", "\xf0\x90\x80\x7f", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
		"a\xffz"};

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		assert_that(text_is_utf8(bytes_str(valid[i])), valid[i]);
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		assert_that(!text_is_utf8(bytes_str(invalid[i])), invalid[i]);
	assert_true(text_is_utf8(bytes_of("a\0b", 3)));
}

static void text_of_strangers_is_made_printable(void **state)
{
	struct buf out = BUF_INIT, tight = BUF_WITH_MAX(4);

	(void)state;
	assert_ok(text_escape(&out, BYTES_LIT("a b\n\x1b[31m\\\xff~\x7f"), 100));
	assert_bytes(buf_bytes(&out), BYTES_LIT("a b\\x0a\\x1b[31m\\x5c\\xff~\\x7f"));
	buf_reset(&out);
	assert_ok(text_escape(&out, BYTES_LIT("abcdef"), 3));
	assert_bytes(buf_bytes(&out), BYTES_LIT("abc"));
	assert_err(text_escape(&tight, BYTES_LIT("a\n"), 9), P2P_ERR_TOO_LARGE);
	assert_int_equal(tight.len, 0);
	buf_deinit(&out);
	buf_deinit(&tight);
}

static void distances_count_edits_up_to_the_limit(void **state)
{
	char long_word[66];

	(void)state;
	assert_int_equal(text_distance("", "", 9), 0);
	assert_int_equal(text_distance("status", "status", 9), 0);
	assert_int_equal(text_distance("", "abc", 9), 3);
	assert_int_equal(text_distance("kitten", "sitting", 9), 3);
	assert_int_equal(text_distance("sitting", "kitten", 9), 3);
	assert_int_equal(text_distance("stauts", "status", 9), 2);
	assert_int_equal(text_distance("abc", "xyz", 2), 2);
	memset(long_word, 'a', 65);
	long_word[65] = '\0';
	assert_int_equal(text_distance(long_word, "a", 7), 7);
	long_word[64] = '\0';
	assert_int_equal(text_distance(long_word, long_word, 7), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(broken_hex_is_refused_and_leaves_nothing),
		cmocka_unit_test(base64_has_the_vectors_of_rfc_4648),
		cmocka_unit_test(base64_has_one_text_for_one_value),
		cmocka_unit_test(a_buffer_just_large_enough_takes_the_result),
		cmocka_unit_test(random_bytes_survive_hex_and_base64),
		cmocka_unit_test(whatever_base64_decodes_is_the_only_text_of_its_bytes),
		cmocka_unit_test(trimming_takes_white_space_at_both_ends_only),
		cmocka_unit_test(bounded_copies_say_when_they_cut),
		cmocka_unit_test(utf8_is_judged_by_rfc_3629),
		cmocka_unit_test(text_of_strangers_is_made_printable),
		cmocka_unit_test(distances_count_edits_up_to_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
