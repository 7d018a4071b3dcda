/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/multibase.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static const char letters[] = "zkKbBfFmMuU";

static void published_texts_go_both_ways(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("multibase", "vectors"), i, v)
	{
		struct buf bytes = BUF_INIT, out = BUF_INIT;
		const char *text = vectors_text(v, "text");

		vectors_hex(v, "hex", &bytes);
		assert_ok(multibase_encode((enum multibase)text[0], buf_bytes(&bytes), &out));
		assert_bytes(buf_bytes(&out), bytes_str(text));
		buf_reset(&out);
		assert_ok(multibase_decode(bytes_str(text), &out));
		assert_bytes(buf_bytes(&out), buf_bytes(&bytes));
		buf_deinit(&bytes);
		buf_deinit(&out);
	}
}

static void other_letters_and_padding_follow_rfc_4648(void **state)
{
	static const struct {
		const char *text, *plain;
	} pairs[] = {
		{"mZm9vYg", "foob"},
		{"MZm9vYg==", "foob"},
		{"UZm9vYg==", "foob"},
		{"u", ""},
		{"U", ""},
		{"b", ""},
		{"z", ""},
		{"k", ""},
		{"m+/+/", "\xfb\xff\xbf"},
		{"u-_-_", "\xfb\xff\xbf"},
		{"BMZXW6YQ", "foob"},
		{"F666F6F62", "foob"},
		{"BMzxw6yq", "foob"},
		{"F666f6f62", "foob"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf out = BUF_INIT;

		assert_that(!multibase_decode(bytes_str(pairs[i].text), &out), pairs[i].text);
		assert_bytes(buf_bytes(&out), bytes_str(pairs[i].plain));
		buf_deinit(&out);
	}
}

static void text_that_is_not_the_one_of_its_bytes_is_refused(void **state)
{
	static const char *const broken[] = {
		"zO0Il", /* none of them is in base58 */
		"z ",
		"f0", /* half a byte */
		"f0g",
		"bm",         /* five bits */
		"bmzxw6yr",   /* unused bits set */
		"bmzxw6yqaa", /* a character too many */
		"bmzxw6yq=",  /* padding where there is none */
		"b1",         /* not in the alphabet */
		"k-",
		"mZm9vYg==",
		"mZm9vYh", /* unused bits set */
		"mZ",
		"mZm9v-_", /* the other alphabet */
		"uZm9v+/",
		"MZm9vYg", /* padding missing */
		"MZm9vYg=",
		"M====",
		"MZm9v====",
		"MZg==Zg==",
		"UZ===",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct buf out = BUF_INIT;

		assert_ok(buf_put_u8(&out, 9));
		assert_that(
			multibase_decode(bytes_str(broken[i]), &out) == P2P_ERR_INVALID, broken[i]);
		assert_int_equal(out.len, 1);
		buf_deinit(&out);
	}
}

static void unknown_letters_and_no_letter_are_told_apart(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_err(multibase_decode(BYTES_NONE, &out), P2P_ERR_INVALID);
	assert_err(multibase_decode(BYTES_LIT("Q123"), &out), P2P_ERR_UNSUPPORTED);
	assert_err(multibase_decode(BYTES_LIT("\0"), &out), P2P_ERR_UNSUPPORTED);
	assert_err(multibase_decode(BYTES_LIT("901"), &out), P2P_ERR_UNSUPPORTED);
	buf_deinit(&out);
}

static void big_numbers_are_bounded(void **state)
{
	static const uint8_t ff[MULTIBASE_BIG_BYTES_MAX + 1] = {[0 ... 512] = 0xff};
	static const uint8_t zero[MULTIBASE_BIG_BYTES_MAX];
	char text[MULTIBASE_BIG_TEXT_MAX + 1];
	struct buf out = BUF_INIT, back = BUF_INIT;

	(void)state;
	assert_err(multibase_encode(MULTIBASE_BASE36, bytes_of(ff, sizeof(ff)), &out),
		P2P_ERR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	assert_ok(multibase_encode(MULTIBASE_BASE36, bytes_of(ff, sizeof(ff) - 1), &out));
	assert_ok(multibase_decode(buf_bytes(&out), &back));
	assert_bytes(buf_bytes(&back), bytes_of(ff, sizeof(ff) - 1));
	buf_reset(&out);
	buf_reset(&back);
	assert_ok(multibase_encode(MULTIBASE_BASE58BTC, bytes_of(zero, sizeof(zero)), &out));
	assert_ok(multibase_decode(buf_bytes(&out), &back));
	assert_bytes(buf_bytes(&back), bytes_of(zero, sizeof(zero)));

	memset(text, 'z', sizeof(text));
	buf_reset(&out);
	assert_ok(
		multibase_decode_bare(MULTIBASE_BASE58BTC, bytes_of(text, sizeof(text) - 1), &out));
	assert_err(multibase_decode_bare(MULTIBASE_BASE58BTC, bytes_of(text, sizeof(text)), &out),
		P2P_ERR_TOO_LARGE);
	buf_deinit(&out);
	buf_deinit(&back);
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
	(void)state;
	for (const char *l = letters; *l; l++) {
		struct buf whole = BUF_INIT, tight;

		assert_ok(multibase_encode((enum multibase) * l, BYTES_LIT("peer"), &whole));
		tight = BUF_WITH_MAX(whole.len - 1);
		assert_err(multibase_encode((enum multibase) * l, BYTES_LIT("peer"), &tight),
			P2P_ERR_TOO_LARGE);
		assert_int_equal(tight.len, 0);
		buf_deinit(&tight);
		tight = BUF_WITH_MAX(3);
		assert_err(multibase_decode(buf_bytes(&whole), &tight), P2P_ERR_TOO_LARGE);
		assert_int_equal(tight.len, 0);
		buf_deinit(&tight);
		buf_deinit(&whole);
	}
}

static void random_bytes_survive_every_encoding(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 12);
	for (unsigned round = 0; round < 300; round++) {
		uint8_t in[70];
		size_t len = rng_below(&rng.rng, sizeof(in) + 1), zeros = rng_below(&rng.rng, 4);

		rng_fill(&rng.rng, in, sizeof(in));
		memset(in, 0, zeros);
		for (const char *l = letters; *l; l++) {
			struct buf text = BUF_INIT, back = BUF_INIT;

			assert_ok(multibase_encode((enum multibase) * l, bytes_of(in, len), &text));
			assert_int_equal(text.data[0], *l);
			assert_ok(multibase_decode(buf_bytes(&text), &back));
			assert_bytes(buf_bytes(&back), bytes_of(in, len));
			buf_deinit(&text);
			buf_deinit(&back);
		}
	}
}

static void random_text_that_decodes_is_the_text_of_its_bytes(void **state)
{
	static const char exact[] = "zmMuU"; /* the letters that do not fold case */
	struct rng_seeded rng;
	unsigned decoded = 0;

	(void)state;
	rng_seed(&rng, 13);
	for (unsigned round = 0; round < 20000; round++) {
		static const char chars[] = "AQgw19zM-_+/=";
		struct buf got = BUF_INIT, again = BUF_INIT;
		char text[10];
		size_t len = 1 + rng_below(&rng.rng, sizeof(text));

		text[0] = exact[rng_below(&rng.rng, sizeof(exact) - 1)];
		for (size_t i = 1; i < len; i++)
			text[i] = chars[rng_below(&rng.rng, sizeof(chars) - 1)];
		if (multibase_decode(bytes_of(text, len), &got) == 0) {
			assert_ok(
				multibase_encode((enum multibase)text[0], buf_bytes(&got), &again));
			assert_bytes(buf_bytes(&again), bytes_of(text, len));
			decoded++;
		}
		buf_deinit(&got);
		buf_deinit(&again);
	}
	assert_in_range(decoded, 2000, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_texts_go_both_ways),
		cmocka_unit_test(other_letters_and_padding_follow_rfc_4648),
		cmocka_unit_test(text_that_is_not_the_one_of_its_bytes_is_refused),
		cmocka_unit_test(unknown_letters_and_no_letter_are_told_apart),
		cmocka_unit_test(big_numbers_are_bounded),
		cmocka_unit_test(a_full_buffer_is_left_as_it_was),
		cmocka_unit_test(random_bytes_survive_every_encoding),
		cmocka_unit_test(random_text_that_decodes_is_the_text_of_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
