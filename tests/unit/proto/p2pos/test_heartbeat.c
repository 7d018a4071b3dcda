/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/heartbeat.h"

#include "proto/base/rng.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static struct heartbeat golden(void)
{
	struct heartbeat h;
	enum heartbeat_reason reason = HEARTBEAT_REPLAY;

	assert_ok(heartbeat_parse(BYTES_LIT(GOLDEN_HEARTBEAT), &h, &reason));
	assert_int_equal(reason, HEARTBEAT_OK);
	return h;
}

static struct heartbeat_rules rules_at(const char *now)
{
	return (struct heartbeat_rules){.cluster_id = "prod", .is_member = true, .now = at(now)};
}

static enum heartbeat_reason judge(const struct heartbeat *h, const struct heartbeat_rules *rules)
{
	enum heartbeat_reason reason = HEARTBEAT_REPLAY;
	int err = heartbeat_check(h, rules, &reason);

	assert_int_equal(err == 0, reason == HEARTBEAT_OK);
	return reason;
}

static void the_golden_one_passes_and_prints_as_it_was(void **state)
{
	struct heartbeat h = golden();
	struct heartbeat_rules rules = rules_at("2026-02-21T11:11:02Z");
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(judge(&h, &rules), HEARTBEAT_OK);
	assert_ok(heartbeat_print(&out, &h));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_HEARTBEAT "\n"));
	buf_deinit(&out);
}

static void signing_gives_the_golden_one(void **state)
{
	struct key_pair k = person(GOLDEN_N1_SEED);
	struct buf out = BUF_INIT;
	struct heartbeat h;

	(void)state;
	heartbeat_sign(&h, "prod", at("2026-02-21T11:11:01.25Z"), &k);
	assert_ok(heartbeat_print(&out, &h));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_HEARTBEAT "\n"));
	buf_deinit(&out);
}

static void another_spelling_of_the_time_is_the_same_statement(void **state)
{
	static const char text[] =
		"{\"sig\":"
		"\"rUGkv7kisPkzbHXgTY3V4SZBhtmgEOoVWT7d8aZhXQmoNza5pI2YIPuhBpkwu8kU098reRT0/"
		"EVmcc949+eNAA==\",\"extra\":[1,{\"a\":null}],\"ts\":\"2026-02-21t12:11:01.250+01:"
		"00\","
		"\"peer_id\":\"" GOLDEN_N1_CID "\",\"cluster_id\":\"prod\"}";
	struct heartbeat_rules rules = rules_at("2026-02-21T11:11:02Z");
	struct heartbeat h;

	(void)state;
	assert_ok(heartbeat_parse(bytes_str(text), &h, NULL));
	assert_int_equal(judge(&h, &rules), HEARTBEAT_OK);
}

/* From the cheapest rule to the dearest: repairing one fault uncovers the next. */
static void the_rules_are_checked_in_their_order(void **state)
{
	struct peer_id n1 = person_id(GOLDEN_N1_SEED), n2 = person_id(GOLDEN_N2_SEED);
	struct heartbeat_rules rules = rules_at("2026-02-21T12:00:00Z");
	struct heartbeat h = golden();

	(void)state;
	h.sig.form = SIGNATURE_NONE;
	rules.sender = &n2;
	rules.is_member = false;
	rules.cluster_id = "test";
	assert_int_equal(judge(&h, &rules), HEARTBEAT_FIELD_MISSING);
	h.sig.form = SIGNATURE_UNREADABLE;
	assert_int_equal(judge(&h, &rules), HEARTBEAT_SENDER_MISMATCH);
	rules.sender = &n1;
	assert_int_equal(judge(&h, &rules), HEARTBEAT_NOT_MEMBER);
	rules.is_member = true;
	assert_int_equal(judge(&h, &rules), HEARTBEAT_CLUSTER_MISMATCH);
	rules.cluster_id = "prod";
	assert_int_equal(judge(&h, &rules), HEARTBEAT_TIMESTAMP);
	rules.now = at("2026-02-21T11:11:02Z");
	assert_int_equal(judge(&h, &rules), HEARTBEAT_SIGNATURE);
	h = golden();
	h.sig.at[0] ^= 0x80;
	assert_int_equal(judge(&h, &rules), HEARTBEAT_SIGNATURE);
	h = golden();
	assert_int_equal(judge(&h, &rules), HEARTBEAT_OK);
}

static void every_field_must_be_there(void **state)
{
	static const char *const texts[] = {
		"{\"peer_id\":\"" GOLDEN_N1 "\",\"ts\":\"2026-02-21T11:11:01Z\",\"sig\":\"AA==\"}",
		"{\"cluster_id\":\"\",\"peer_id\":\"" GOLDEN_N1
		"\",\"ts\":\"2026-02-21T11:11:01Z\",\"sig\":\"AA==\"}",
		"{\"cluster_id\":\"prod\",\"ts\":\"2026-02-21T11:11:01Z\",\"sig\":\"AA==\"}",
		"{\"cluster_id\":\"prod\",\"peer_id\":\"" GOLDEN_N1 "\",\"sig\":\"AA==\"}",
		"{\"cluster_id\":\"prod\",\"peer_id\":\"" GOLDEN_N1
		"\",\"ts\":\"0001-01-01T00:00:00Z\",\"sig\":\"AA==\"}",
		"{\"cluster_id\":\"prod\",\"peer_id\":\"" GOLDEN_N1
		"\",\"ts\":\"2026-02-21T11:11:01Z\"}",
	};
	struct heartbeat_rules rules = rules_at("2026-02-21T11:11:02Z");

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct heartbeat h;

		assert_ok(heartbeat_parse(bytes_str(texts[i]), &h, NULL));
		assert_that(judge(&h, &rules) == HEARTBEAT_FIELD_MISSING, texts[i]);
	}
}

static void the_window_is_five_minutes_either_way(void **state)
{
	static const struct {
		const char *now;
		enum heartbeat_reason reason;
	} cases[] = {
		{"2026-02-21T11:16:01.25Z", HEARTBEAT_OK},
		{"2026-02-21T11:16:01.250000001Z", HEARTBEAT_TIMESTAMP},
		{"2026-02-21T11:06:01.25Z", HEARTBEAT_OK},
		{"2026-02-21T11:06:01.249999999Z", HEARTBEAT_TIMESTAMP},
		{"1970-01-01T00:00:00Z", HEARTBEAT_TIMESTAMP},
		{"9999-12-31T23:59:59Z", HEARTBEAT_TIMESTAMP},
	};
	struct heartbeat h = golden();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heartbeat_rules rules = rules_at(cases[i].now);

		assert_that(judge(&h, &rules) == cases[i].reason, cases[i].now);
	}
}

static void a_signature_binds_every_field(void **state)
{
	struct heartbeat_rules rules = rules_at("2026-02-21T11:11:02Z");
	struct heartbeat h = golden();

	(void)state;
	h.ts = wall_add_ns(h.ts, 1);
	assert_int_equal(judge(&h, &rules), HEARTBEAT_SIGNATURE);
	h = golden();
	h.peer = person_id(GOLDEN_N2_SEED);
	assert_int_equal(judge(&h, &rules), HEARTBEAT_SIGNATURE);
	h = golden();
	memcpy(h.cluster_id, "test", 5);
	rules.cluster_id = "test";
	assert_int_equal(judge(&h, &rules), HEARTBEAT_SIGNATURE);
	h = golden();
	rules.cluster_id = "prod";
	h.peer = peer_of("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"); /* no key in it */
	assert_int_equal(judge(&h, &rules), HEARTBEAT_SIGNATURE);
}

static void what_is_no_heartbeat_is_refused_with_a_reason(void **state)
{
	struct buf large = BUF_INIT;
	enum heartbeat_reason reason;
	struct heartbeat h;

	(void)state;
	for (size_t len = 0; len < strlen(GOLDEN_HEARTBEAT); len++)
		assert_err(heartbeat_parse(bytes_of(GOLDEN_HEARTBEAT, len), &h, &reason),
			P2P_ERR_TRUNCATED);
	assert_int_equal(reason, HEARTBEAT_MALFORMED);
	assert_err(heartbeat_parse(BYTES_LIT("{\"ts\":\"now\"}"), &h, &reason), P2P_ERR_INVALID);
	assert_int_equal(reason, HEARTBEAT_FIELD_INVALID);
	assert_err(heartbeat_parse(BYTES_LIT("{\"cluster_id\":\"a|b\"}"), &h, &reason),
		P2P_ERR_INVALID);
	assert_err(heartbeat_parse(BYTES_LIT("{\"a\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0]}"), &h, &reason),
		0);
	assert_err(
		heartbeat_parse(BYTES_LIT("{\"a\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}"), &h, &reason),
		P2P_ERR_TOO_LARGE);
	assert_int_equal(reason, HEARTBEAT_TOO_LARGE);

	assert_ok(buf_put_str(&large, GOLDEN_HEARTBEAT));
	while (large.len < HEARTBEAT_BYTES_MAX)
		assert_ok(buf_put_u8(&large, ' '));
	assert_ok(heartbeat_parse(buf_bytes(&large), &h, &reason));
	assert_ok(buf_put_u8(&large, ' '));
	assert_err(heartbeat_parse(buf_bytes(&large), &h, &reason), P2P_ERR_TOO_LARGE);
	buf_deinit(&large);
}

static void random_ones_survive_and_pass(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 36);
	for (int i = 0; i < 200; i++) {
		struct key_pair k = person((uint8_t)rng_below(&rng.rng, 256));
		struct heartbeat_rules rules = {"prod", NULL, true, {0, 0}};
		struct buf out = BUF_INIT;
		struct heartbeat h, back;

		rules.now = (wall_t){(int64_t)rng_below(&rng.rng, 253402300000),
			(int32_t)rng_below(&rng.rng, NS_PER_SEC)};
		heartbeat_sign(&h, "prod", rules.now, &k);
		assert_ok(heartbeat_print(&out, &h));
		assert_ok(heartbeat_parse(buf_bytes(&out), &back, NULL));
		assert_int_equal(wall_cmp(h.ts, back.ts), 0);
		assert_int_equal(judge(&back, &rules), HEARTBEAT_OK);
		buf_deinit(&out);
	}
}

static void every_reason_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < HEARTBEAT_REASON_COUNT; i++) {
		assert_string_not_equal(heartbeat_reason_name((enum heartbeat_reason)i), "unknown");
		assert_string_not_equal(heartbeat_reason_text((enum heartbeat_reason)i), "unknown");
		for (int j = 0; j < i; j++)
			assert_string_not_equal(heartbeat_reason_name((enum heartbeat_reason)i),
				heartbeat_reason_name((enum heartbeat_reason)j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_one_passes_and_prints_as_it_was),
		cmocka_unit_test(signing_gives_the_golden_one),
		cmocka_unit_test(another_spelling_of_the_time_is_the_same_statement),
		cmocka_unit_test(the_rules_are_checked_in_their_order),
		cmocka_unit_test(every_field_must_be_there),
		cmocka_unit_test(the_window_is_five_minutes_either_way),
		cmocka_unit_test(a_signature_binds_every_field),
		cmocka_unit_test(what_is_no_heartbeat_is_refused_with_a_reason),
		cmocka_unit_test(random_ones_survive_and_pass),
		cmocka_unit_test(every_reason_has_a_word_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
