/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/jsonscan.h"

#include <jansson.h>

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static const struct json_limits roomy = {4096, 64, 256};

static const char *const good[] = {
	"{}",
	" \t\r\n{ } \n",
	"{\"a\":1}",
	"{\"a\":[],\"b\":{}}",
	"{\"a\":[1,2,[3,{\"b\":null}]]}",
	"{\"\":\"\"}",
	"{\"a\":true,\"b\":false,\"c\":null}",
	"{\"a\":-0}",
	"{\"a\":0.5e+10}",
	"{\"a\":1E5,\"b\":1e-5,\"c\":-12.25}",
	"{\"a\":9007199254740992}",
	"{\"a\":-9007199254740992}",
	"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}",
	"{\"a\":\"\\ud83d\\ude00\"}",
	"{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}",
	"{\"a\":\"\xed\x9f\xbf\xee\x80\x80\"}",
	"{\"a\":\"\xf4\x8f\xbf\xbf\"}",
	"{\"a\":\"\x7f\"}",
	"{ \"a\" : [ 1 , 2 ] , \"b\" : { } }",
	"{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}",
};

static const char *const malformed[] = {
	"[]",
	"1",
	"\"a\"",
	"null",
	"x",
	"{]",
	"{a:1}",
	"{'a':1}",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{,}",
	"{\"a\":[1,]}",
	"{\"a\":[,1]}",
	"{\"a\":[1 2]}",
	"{\"a\":1 \"b\":2}",
	"{\"a\":[1}}",
	"{\"a\":{\"b\":1]}",
	"{\"a\":01}",
	"{\"a\":-}",
	"{\"a\":+1}",
	"{\"a\":.5}",
	"{\"a\":1.}",
	"{\"a\":1.e5}",
	"{\"a\":1e}",
	"{\"a\":1e+}",
	"{\"a\":1e5.5}",
	"{\"a\":0x10}",
	"{\"a\":1-2}",
	"{\"a\":tru }",
	"{\"a\":True}",
	"{\"a\":nulL}",
	"{\"a\":truee}",
	"{\"a\":NaN}",
	"{\"a\":\"\\x41\"}",
	"{\"a\":\"\\u12g4\"}",
	"{\"a\":\"\\u0000\"}",
	"{\"a\":\"\\ud83d\"}",
	"{\"a\":\"\\ud83dx\"}",
	"{\"a\":\"\\ud83d\\n\"}",
	"{\"a\":\"\\ude00\"}",
	"{\"a\":\"\\ud83d\\ud83d\"}",
	"{\"a\":\"\\ud83d\\u0041\"}",
	"{\"a\":\"\n\"}",
	"{\"a\":\"\x01\"}",
	"{\"a\":\"\xff\"}",
	"{\"a\":\"\xc0\x80\"}",
	"{\"a\":\"\xc3\"}",
	"{\"a\":\"\xe0\x80\x80\"}",
	"{\"a\":\"\xed\xa0\x80\"}",
	"{\"a\":\"\xf0\x80\x80\x80\"}",
	"{\"a\":\"\xf4\x90\x80\x80\"}",
	"{\"a\":\"\xf5\x80\x80\x80\"}",
	"{\"a\":\"\x80\"}",
	"{\"a\":\"\xe2\x82\"}",
	"\xef\xbb\xbf{}",
	"{} x",
	"{}{}",
	"{}]",
	"{}\v",
	"{\"a\":9007199254740993}",
	"{\"a\":-9007199254740993}",
	"{\"a\":99999999999999999999999}",
	"{\"a\":/*c*/1}",
	"{\"a\":1}//c",
	"{\"\xff\":1}",
	"{\"a\"\x00:1}",
	"{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
};

static void good_texts_pass_and_the_rest_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_that(jsonscan_text(bytes_str(good[i]), &roomy) == 0, good[i]);
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		int err = jsonscan_text(bytes_str(malformed[i]), &roomy);

		/* One of them ends at its NUL, and so too early. */
		assert_that(err == P2P_ERR_JSON || err == P2P_ERR_TRUNCATED, malformed[i]);
	}
}

static void a_nul_byte_is_refused_wherever_it_stands(void **state)
{
	static const char text[] = "{\"ab\":\"cd\",\"e\":[12,true]}";
	char with_nul[sizeof(text)];

	(void)state;
	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		memcpy(with_nul, text, sizeof(text));
		with_nul[at] = '\0';
		assert_err(
			jsonscan_text(bytes_of(with_nul, sizeof(text) - 1), &roomy), P2P_ERR_JSON);
	}
}

static void a_text_cut_short_anywhere_is_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t end = (size_t)(strrchr(good[i], '}') - good[i]);

		for (size_t len = 0; len <= end; len++)
			assert_that(
				jsonscan_text(bytes_of(good[i], len), &roomy) == P2P_ERR_TRUNCATED,
				good[i]);
	}
}

static void objects_and_arrays_nest_so_deep_and_no_deeper(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= JSON_DEPTH_MAX + 4; depth++) {
		int want = depth <= JSON_DEPTH_MAX ? 0 : P2P_ERR_JSON;
		char objects[256] = "", arrays[256] = "";

		for (unsigned i = 1; i < depth; i++) {
			strcat(objects, "{\"a\":");
			strcat(arrays, i == 1 ? "{\"a\":" : "[");
		}
		strcat(objects, "{}");
		strcat(arrays, depth == 1 ? "{}" : "[]");
		for (unsigned i = 1; i < depth; i++) {
			strcat(objects, "}");
			strcat(arrays, i == depth - 1 ? "}" : "]");
		}
		assert_err(jsonscan_text(bytes_str(objects), &roomy), want);
		assert_err(jsonscan_text(bytes_str(arrays), &roomy), want);
	}
}

static void each_limit_holds_exactly(void **state)
{
	struct json_limits l = {15, 4, 3};

	(void)state;
	assert_ok(jsonscan_text(BYTES_LIT("{\"a\":[1,\"xyz\"]}"), &(struct json_limits){15, 4, 3}));
	assert_err(jsonscan_text(BYTES_LIT("{\"a\":[1,\"xyz\"]}"), &(struct json_limits){14, 4, 3}),
		P2P_ERR_TOO_LARGE);
	assert_err(jsonscan_text(BYTES_LIT("{\"a\":[1,\"xyz\"]} "), &l), P2P_ERR_TOO_LARGE);
	assert_err(jsonscan_text(BYTES_LIT("{\"a\":[1,\"xyz\"]}"), &(struct json_limits){15, 3, 3}),
		P2P_ERR_TOO_LARGE);
	assert_err(jsonscan_text(BYTES_LIT("{\"a\":[1,\"xyz\"]}"), &(struct json_limits){15, 4, 2}),
		P2P_ERR_TOO_LARGE);
	assert_err(jsonscan_text(BYTES_LIT("{\"abcd\":1}"), &l), P2P_ERR_TOO_LARGE);
}

static void strings_are_measured_as_they_decode(void **state)
{
	struct json_limits four = {4096, 8, 4}, three = {4096, 8, 3};
	static const char *const four_bytes[] = {
		"{\"a\":\"\\ud83d\\ude00\"}",
		"{\"a\":\"\xf0\x9f\x98\x80\"}",
		"{\"a\":\"\\u20acx\"}",
		"{\"a\":\"\\u00e9\\u00e9\"}",
		"{\"a\":\"\\n\\t\\\"\\\\\"}",
		"{\"a\":\"\\u0041bcd\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(four_bytes) / sizeof(four_bytes[0]); i++) {
		assert_that(jsonscan_text(bytes_str(four_bytes[i]), &four) == 0, four_bytes[i]);
		assert_that(jsonscan_text(bytes_str(four_bytes[i]), &three) == P2P_ERR_TOO_LARGE,
			four_bytes[i]);
	}
}

static void a_number_has_a_greatest_length(void **state)
{
	char text[128];

	(void)state;
	for (int digits = 60; digits < 70; digits++) {
		int n = snprintf(text, sizeof(text), "{\"a\":0.%0*d}", digits - 2, 0);

		assert_err(jsonscan_text(bytes_of(text, (size_t)n), &roomy),
			digits <= JSON_NUMBER_BYTES_MAX ? 0 : P2P_ERR_JSON);
	}
}

static void the_end_is_known_without_the_end_of_the_stream(void **state)
{
	static const char text[] = "  {\"a\":\"}{\\\"}\",\"b\":[{}]}\nmore";
	size_t end = sizeof(text) - 1 - strlen("\nmore"), used;

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct json_reader r;

		json_reader_init(&r, &roomy);
		assert_true(json_reader_is_empty(&r));
		assert_ok(json_reader_feed(&r, bytes_of(text, cut), &used));
		assert_int_equal(used, cut < end ? cut : end);
		assert_int_equal(json_reader_is_complete(&r), cut >= end);
		assert_int_equal(json_reader_is_empty(&r), cut <= 2);
		assert_ok(json_reader_feed(&r, bytes_of(text + cut, sizeof(text) - 1 - cut), NULL));
		assert_true(json_reader_is_complete(&r));
		assert_bytes(json_reader_text(&r), bytes_of(text + 2, end - 2));
		json_reader_deinit(&r);
	}
}

static void every_verdict_is_the_same_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct bytes text = bytes_str(malformed[i]);
		struct jsonscan whole, single;

		jsonscan_init(&whole, &roomy);
		jsonscan_init(&single, &roomy);
		(void)jsonscan_feed(&whole, text, NULL);
		for (size_t at = 0; at < text.len; at++)
			(void)jsonscan_feed(&single, bytes_of(text.at + at, 1), NULL);
		assert_that(
			whole.err == single.err && whole.complete == single.complete, malformed[i]);
	}
}

static void an_error_sticks(void **state)
{
	struct json_reader r;

	(void)state;
	json_reader_init(&r, &roomy);
	assert_err(json_reader_feed(&r, BYTES_LIT("{x"), NULL), P2P_ERR_JSON);
	assert_err(json_reader_feed(&r, BYTES_LIT("{}"), NULL), P2P_ERR_JSON);
	assert_false(json_reader_is_complete(&r));
	assert_false(json_reader_is_empty(&r));
	json_reader_deinit(&r);
}

static void endless_input_is_cut_off_at_the_limit(void **state)
{
	struct json_reader r;
	size_t fed = 0;

	(void)state;
	json_reader_init(&r, &(struct json_limits){1000, 8, 5000});
	assert_ok(json_reader_feed(&r, BYTES_LIT("{\"a\":\""), NULL));
	for (fed = 6; fed < 1000; fed++)
		assert_ok(json_reader_feed(&r, BYTES_LIT("x"), NULL));
	assert_err(json_reader_feed(&r, BYTES_LIT("x"), NULL), P2P_ERR_TOO_LARGE);
	assert_true(r.text.cap <= 1000);
	json_reader_deinit(&r);

	/* White space alone is not free either. */
	json_reader_init(&r, &(struct json_limits){10, 8, 8});
	assert_ok(json_reader_feed(&r, BYTES_LIT("          "), NULL));
	assert_err(json_reader_feed(&r, BYTES_LIT(" "), NULL), P2P_ERR_TOO_LARGE);
	json_reader_deinit(&r);
}

/* Texts made of pieces that are likely to stand beside each other. */
static size_t random_text(struct rng *rng, char *to, size_t size)
{
	static const char *const pieces[] = {
		"{",
		"}",
		"[",
		"]",
		",",
		":",
		"\"a\"",
		"\"b\"",
		"1",
		"-2.5",
		"true",
		"null",
		" ",
		"\"\\u00e9\"",
		"0e0",
		"{\"k\":",
		"[1,",
		"\"",
		"\\",
		"\xc3\xa9",
	};
	size_t len = 0, count = rng_below(rng, 12);

	len += (size_t)snprintf(to, size, "{\"z\":");
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(to + len, size - len, "%s",
			pieces[rng_below(rng, sizeof(pieces) / sizeof(pieces[0]))]);
	return len + (size_t)snprintf(to + len, size - len, "}");
}

/* Both ways: what passes here jansson takes, and what is no JSON at all does not pass. */
static void verdicts_agree_with_jansson(void **state)
{
	struct rng_seeded rng;
	unsigned passed = 0;

	(void)state;
	rng_seed(&rng, 31);
	for (int i = 0; i < 200000; i++) {
		char text[256];
		size_t len = random_text(&rng.rng, text, sizeof(text));
		bool ok = jsonscan_text(bytes_of(text, len), &roomy) == 0;
		json_t *o = json_loadb(text, len, 0, NULL);

		assert_that(ok == json_is_object(o), text);
		passed += ok;
		json_decref(o);
	}
	assert_true(passed > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_pass_and_the_rest_does_not),
		cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
		cmocka_unit_test(a_text_cut_short_anywhere_is_truncated),
		cmocka_unit_test(objects_and_arrays_nest_so_deep_and_no_deeper),
		cmocka_unit_test(each_limit_holds_exactly),
		cmocka_unit_test(strings_are_measured_as_they_decode),
		cmocka_unit_test(a_number_has_a_greatest_length),
		cmocka_unit_test(the_end_is_known_without_the_end_of_the_stream),
		cmocka_unit_test(every_verdict_is_the_same_byte_by_byte),
		cmocka_unit_test(an_error_sticks),
		cmocka_unit_test(endless_input_is_cut_off_at_the_limit),
		cmocka_unit_test(verdicts_agree_with_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
