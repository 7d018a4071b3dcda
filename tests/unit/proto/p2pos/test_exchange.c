/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/exchange.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static struct snapshot golden(void)
{
	struct snapshot s;

	assert_ok(snapshot_parse(BYTES_LIT(GOLDEN_SNAPSHOT), &s, NULL));
	return s;
}

static void a_pull_answer_carries_the_snapshot(void **state)
{
	struct snapshot s = golden();
	struct buf out = BUF_INIT;
	struct pull_answer a;
	enum snapshot_reason reason = SNAPSHOT_STALE;

	(void)state;
	assert_ok(pull_answer_print(&out, &s, NULL));
	assert_bytes(buf_bytes(&out), BYTES_LIT("{\"snapshot\":" GOLDEN_SNAPSHOT "}\n"));
	assert_ok(pull_answer_parse(buf_bytes(&out), &a, &reason));
	assert_int_equal(reason, SNAPSHOT_OK);
	assert_true(a.has_snapshot);
	assert_string_equal(a.error, "");
	assert_int_equal(snapshot_cmp(&a.snapshot, &s), 0);
	assert_bytes(buf_bytes(&a.snapshot.raw), BYTES_LIT(GOLDEN_SNAPSHOT));
	for (size_t len = 0; len + 1 < out.len; len++) {
		struct pull_answer cut;

		assert_err(
			pull_answer_parse(bytes_of(out.data, len), &cut, NULL), P2P_ERR_TRUNCATED);
	}
	pull_answer_deinit(&a);
	snapshot_deinit(&s);
	buf_deinit(&out);
}

static void extra_fields_are_kept_as_received_but_not_forwarded(void **state)
{
	static const char text[] =
		"{\"snapshot\":{\"x\":[1, \"y\"],\"sig\":\"AA==\",\"members\":[\"m\"]}}";
	struct buf out = BUF_INIT;
	struct pull_answer a;

	(void)state;
	assert_ok(pull_answer_parse(bytes_str(text), &a, NULL));
	assert_bytes(buf_bytes(&a.snapshot.raw),
		BYTES_LIT("{\"x\":[1,\"y\"],\"sig\":\"AA==\",\"members\":[\"m\"]}"));
	assert_ok(push_request_print(&out, &a.snapshot));
	assert_null(strstr(buf_cstr(&out), "\"x\""));
	pull_answer_deinit(&a);
	buf_deinit(&out);
}

static void there_is_nothing_to_learn_without_a_signature(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"error\":\"membership not initialized\"}",
		"{\"snapshot\":null}",
		"{\"snapshot\":{}}",
		"{\"snapshot\":{\"members\":[\"a\"],\"sig\":\"\"},\"error\":\"x\"}",
	};
	struct buf out = BUF_INIT;
	struct pull_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_ok(pull_answer_parse(bytes_str(texts[i]), &a, NULL));
		assert_false(a.has_snapshot);
		assert_int_equal(a.snapshot.member_count, 0);
		pull_answer_deinit(&a);
	}
	assert_ok(pull_answer_print(&out, NULL, PULL_ERR_NOT_INITIALIZED));
	assert_ok(pull_answer_parse(buf_bytes(&out), &a, NULL));
	assert_false(a.has_snapshot);
	assert_string_equal(a.error, "membership not initialized");
	pull_answer_deinit(&a);
	buf_deinit(&out);
}

static void a_bad_snapshot_inside_gives_its_reason(void **state)
{
	enum snapshot_reason reason;
	struct pull_answer a;

	(void)state;
	assert_err(
		pull_answer_parse(BYTES_LIT("{\"snapshot\":{\"members\":[\"a,b\"]}}"), &a, &reason),
		P2P_ERR_INVALID);
	assert_int_equal(reason, SNAPSHOT_MEMBER_INVALID);
	assert_err(pull_answer_parse(BYTES_LIT("{\"snapshot\":[]}"), &a, &reason), P2P_ERR_INVALID);
	assert_int_equal(reason, SNAPSHOT_FIELD_INVALID);
	assert_err(pull_answer_parse(BYTES_LIT("{\"error\":[]}"), &a, &reason), P2P_ERR_INVALID);
	assert_err(pull_answer_parse(BYTES_LIT("[]"), &a, &reason), P2P_ERR_JSON);
	assert_int_equal(reason, SNAPSHOT_MALFORMED);
}

static void a_long_error_is_cut(void **state)
{
	struct buf out = BUF_INIT;
	char error[5000];
	struct pull_answer a;

	(void)state;
	memset(error, 'e', sizeof(error));
	error[sizeof(error) - 1] = '\0';
	assert_ok(pull_answer_print(&out, NULL, error));
	assert_ok(pull_answer_parse(buf_bytes(&out), &a, NULL)); /* 4096 were sent */
	assert_int_equal(strlen(a.error), EXCHANGE_ERROR_SIZE - 1);
	pull_answer_deinit(&a);
	buf_deinit(&out);
}

static void push_answers_go_both_ways(void **state)
{
	static const struct {
		struct push_answer a;
		const char *text;
	} cases[] = {
		{{true, "", ""}, "{\"applied\":true}\n"},
		{{true, PUSH_RESULT_UNCHANGED, ""},
			"{\"applied\":true,\"result\":\"unchanged\"}\n"},
		{{false, "", "stale issued_at"},
			"{\"applied\":false,\"error\":\"stale issued_at\"}\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct push_answer back;
		struct buf out = BUF_INIT;

		assert_ok(push_answer_print(&out, &cases[i].a));
		assert_bytes(buf_bytes(&out), bytes_str(cases[i].text));
		assert_ok(push_answer_parse(buf_bytes(&out), &back));
		assert_int_equal(back.applied, cases[i].a.applied);
		assert_string_equal(back.result, cases[i].a.result);
		assert_string_equal(back.error, cases[i].a.error);
		for (size_t len = 0; len + 1 < out.len; len++)
			assert_err(push_answer_parse(bytes_of(out.data, len), &back),
				P2P_ERR_TRUNCATED);
		buf_deinit(&out);
	}
}

static void silence_is_no_consent(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"applied\":null}",
		"{\"applied\":1}",
		"{\"applied\":\"true\"}",
		"{\"result\":\"unchanged\"}",
		"{\"applied\":true,\"error\":{}}",
	};
	struct push_answer a;
	struct admin_answer b;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_that(
			push_answer_parse(bytes_str(texts[i]), &a) == P2P_ERR_INVALID, texts[i]);
	assert_err(push_answer_parse(BYTES_NONE, &a), P2P_ERR_TRUNCATED);
	assert_err(admin_answer_parse(BYTES_LIT("{}"), &b), P2P_ERR_INVALID);
	assert_err(admin_answer_parse(BYTES_NONE, &b), P2P_ERR_TRUNCATED);
}

static void answers_have_a_greatest_size(void **state)
{
	struct buf text = BUF_INIT;
	struct push_answer a;

	(void)state;
	assert_ok(buf_put_str(&text, "{\"applied\":true}"));
	while (text.len < 1024)
		assert_ok(buf_put_u8(&text, '\n'));
	assert_ok(push_answer_parse(buf_bytes(&text), &a));
	assert_ok(buf_put_u8(&text, '\n'));
	assert_err(push_answer_parse(buf_bytes(&text), &a), P2P_ERR_TOO_LARGE);
	assert_ok(push_answer_parse(BYTES_LIT("{\"applied\":true,\"x\":[1,2,3,4,5]}"), &a));
	assert_err(push_answer_parse(BYTES_LIT("{\"applied\":true,\"x\":[1,2,3,4,5,6]}"), &a),
		P2P_ERR_TOO_LARGE);
	buf_deinit(&text);
}

static void the_admin_exchange_goes_both_ways(void **state)
{
	struct admin_proof proof, back;
	struct admin_answer no = {false, "the proof has expired"}, yes = {true, ""}, answer;
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(admin_proof_parse(BYTES_LIT(GOLDEN_PROOF), &proof));
	assert_ok(admin_request_print(&out, &proof));
	assert_bytes(buf_bytes(&out), BYTES_LIT("{\"admin_proof\":" GOLDEN_PROOF "}\n"));
	assert_ok(admin_request_parse(buf_bytes(&out), &back));
	assert_memory_equal(back.sig.at, proof.sig.at, sizeof(back.sig.at));
	for (size_t len = 0; len + 1 < out.len; len++)
		assert_err(admin_request_parse(bytes_of(out.data, len), &back), P2P_ERR_TRUNCATED);
	assert_err(admin_request_parse(BYTES_LIT("{}"), &back), P2P_ERR_INVALID);

	buf_reset(&out);
	assert_ok(admin_answer_print(&out, &no));
	assert_bytes(
		buf_bytes(&out), BYTES_LIT("{\"ok\":false,\"error\":\"the proof has expired\"}\n"));
	assert_ok(admin_answer_parse(buf_bytes(&out), &answer));
	assert_false(answer.ok);
	assert_string_equal(answer.error, no.error);
	buf_reset(&out);
	assert_ok(admin_answer_print(&out, &yes));
	assert_bytes(buf_bytes(&out), BYTES_LIT("{\"ok\":true}\n"));
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pull_answer_carries_the_snapshot),
		cmocka_unit_test(extra_fields_are_kept_as_received_but_not_forwarded),
		cmocka_unit_test(there_is_nothing_to_learn_without_a_signature),
		cmocka_unit_test(a_bad_snapshot_inside_gives_its_reason),
		cmocka_unit_test(a_long_error_is_cut),
		cmocka_unit_test(push_answers_go_both_ways),
		cmocka_unit_test(silence_is_no_consent),
		cmocka_unit_test(answers_have_a_greatest_size),
		cmocka_unit_test(the_admin_exchange_goes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
