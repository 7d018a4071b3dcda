/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/json.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static const struct json_limits roomy = {4096, 64, 4096};

static json_t *load(const char *text)
{
	json_t *o;

	assert_ok(message_load(bytes_str(text), &roomy, &o));
	return o;
}

static void a_key_twice_is_refused_at_any_depth(void **state)
{
	json_t *o;

	(void)state;
	assert_err(message_load(BYTES_LIT("{\"a\":1,\"a\":1}"), &roomy, &o), P2P_ERR_JSON);
	assert_err(message_load(BYTES_LIT("{\"b\":[{\"a\":1,\"\\u0061\":2}]}"), &roomy, &o),
		P2P_ERR_JSON);
	json_decref(load("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"));
}

static void absent_null_and_empty_are_all_nothing(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"sig\":null,\"t\":null,\"p\":null,\"b\":null}",
		"{\"sig\":\"\",\"t\":\"\",\"p\":\"\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *o = load(texts[i]);
		struct signature sig;
		struct peer_id peer;
		wall_t t;
		bool b;

		assert_ok(message_signature(o, &sig));
		assert_int_equal(sig.form, SIGNATURE_NONE);
		assert_ok(message_time(o, "t", &t));
		assert_true(wall_is_zero(t));
		assert_ok(message_peer(o, "p", &peer));
		assert_true(peer_id_is_none(&peer));
		assert_ok(message_bool(o, "b", true, &b));
		assert_true(b);
		json_decref(o);
	}
}

static void a_member_of_another_type_is_invalid(void **state)
{
	static const char *const texts[] = {"{\"x\":1}", "{\"x\":[]}", "{\"x\":{}}", "{\"x\":1.5}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *o = load(texts[i]);
		struct peer_id peer;
		struct bytes text;
		wall_t t;
		bool b;

		assert_err(message_text(o, "x", 10, &text), P2P_ERR_INVALID);
		assert_err(message_time(o, "x", &t), P2P_ERR_INVALID);
		assert_err(message_peer(o, "x", &peer), P2P_ERR_INVALID);
		assert_err(message_bool(o, "x", false, &b), P2P_ERR_INVALID);
		json_decref(o);
	}
}

static void long_texts_are_refused_or_cut_at_a_whole_character(void **state)
{
	json_t *o = load("{\"x\":\"ab\xe2\x82\xac\xe2\x82\xac\"}");
	struct bytes text;
	char to[9];

	(void)state;
	assert_ok(message_text(o, "x", 8, &text));
	assert_err(message_text(o, "x", 7, &text), P2P_ERR_TOO_LARGE);
	for (size_t size = 1; size <= 9; size++) {
		size_t whole = size - 1 < 2 ? size - 1 : 2 + (size - 3) / 3 * 3;

		assert_ok(message_text_cut(o, "x", to, size));
		assert_int_equal(strlen(to), whole);
		assert_memory_equal(to, "ab\xe2\x82\xac\xe2\x82\xac", whole);
	}
	json_decref(o);
}

static void unreadable_signatures_are_told_from_missing_ones(void **state)
{
	static const char *const texts[] = {
		"{\"sig\":\"x\"}",
		"{\"sig\":\"AAAA\"}",
		"{\"sig\":\"####\"}",
		/* 64 bytes without padding, with url alphabet, and 65 bytes. */
		"{\"sig\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAA\"}",
		"{\"sig\":\"-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAA==\"}",
		"{\"sig\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAAA=\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *o = load(texts[i]);
		struct signature sig;

		assert_ok(message_signature(o, &sig));
		assert_that(sig.form == SIGNATURE_UNREADABLE, texts[i]);
		json_decref(o);
	}
}

static void printed_strings_are_read_back(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 8259);
	for (int i = 0; i < 5000; i++) {
		struct buf out = BUF_INIT;
		uint8_t text[24];
		size_t len = rng_below(&rng.rng, sizeof(text));
		struct bytes back;
		json_t *o;

		for (size_t j = 0; j < len; j++)
			text[j] = (uint8_t)(1 + rng_below(&rng.rng, 127));
		assert_ok(buf_put_str(&out, "{\"x\":"));
		assert_ok(message_put_string(&out, bytes_of(text, len)));
		assert_ok(buf_put_str(&out, "}"));
		assert_ok(message_load(buf_bytes(&out), &roomy, &o));
		assert_ok(message_text(o, "x", 64, &back));
		assert_bytes(back, bytes_of(text, len));
		json_decref(o);
		buf_deinit(&out);
	}
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	(void)state;
	for (size_t max = 1; max < 12; max++) {
		struct buf out = BUF_WITH_MAX(max);

		assert_err(message_put_string(&out, BYTES_LIT("a\"b\nc\x7f")), P2P_ERR_TOO_LARGE);
		assert_err(message_put_error(&out, "some words"), P2P_ERR_TOO_LARGE);
		assert_err(message_put_time(&out, (wall_t){0, 0}), P2P_ERR_TOO_LARGE);
		assert_int_equal(out.len, 0);
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_twice_is_refused_at_any_depth),
		cmocka_unit_test(absent_null_and_empty_are_all_nothing),
		cmocka_unit_test(a_member_of_another_type_is_invalid),
		cmocka_unit_test(long_texts_are_refused_or_cut_at_a_whole_character),
		cmocka_unit_test(unreadable_signatures_are_told_from_missing_ones),
		cmocka_unit_test(printed_strings_are_read_back),
		cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
