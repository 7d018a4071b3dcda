/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/admin_proof.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static struct admin_proof golden(void)
{
	struct admin_proof p;

	assert_ok(admin_proof_parse(BYTES_LIT(GOLDEN_PROOF), &p));
	return p;
}

static enum admin_proof_reason reason_at(
	const struct admin_proof *p, const char *when, int64_t slack)
{
	struct key_public system = person_public(GOLDEN_SYSTEM_SEED);
	struct peer_id admin = person_id(GOLDEN_ADMIN_SEED);
	struct admin_proof_rules rules = {"prod", &admin, &system, at(when), slack};
	enum admin_proof_reason reason;
	int err = admin_proof_check(p, &rules, &reason);

	assert_int_equal(err, reason == ADMIN_PROOF_OK          ? 0
			      : reason == ADMIN_PROOF_SIGNATURE ? P2P_ERR_SIGNATURE
								: P2P_ERR_REFUSED);
	return reason;
}

static void the_golden_proof_verifies_and_prints_as_it_was(void **state)
{
	struct admin_proof p = golden();
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_OK);
	assert_ok(admin_proof_print(&out, &p));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_PROOF));
	buf_deinit(&out);
}

static void signing_gives_the_golden_signature(void **state)
{
	struct admin_proof p = proof_for("prod", GOLDEN_ADMIN_SEED, GOLDEN_SYSTEM_SEED,
		"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
	struct admin_proof want = golden();

	(void)state;
	assert_memory_equal(p.sig.at, want.sig.at, sizeof(p.sig.at));
}

static void the_period_includes_both_ends_and_the_slack(void **state)
{
	struct admin_proof p = golden();

	(void)state;
	assert_int_equal(reason_at(&p, "2026-01-01T00:00:00Z", 0), ADMIN_PROOF_OK);
	assert_int_equal(
		reason_at(&p, "2025-12-31T23:59:59.999999999Z", 0), ADMIN_PROOF_NOT_YET_VALID);
	assert_int_equal(reason_at(&p, "2027-01-01T00:00:00Z", 0), ADMIN_PROOF_OK);
	assert_int_equal(reason_at(&p, "2027-01-01T00:00:00.000000001Z", 0), ADMIN_PROOF_EXPIRED);
	assert_int_equal(reason_at(&p, "2025-12-31T23:55:00Z", 300), ADMIN_PROOF_OK);
	assert_int_equal(reason_at(&p, "2025-12-31T23:54:59Z", 300), ADMIN_PROOF_NOT_YET_VALID);
	assert_int_equal(reason_at(&p, "2027-01-01T00:05:00Z", 300), ADMIN_PROOF_OK);
	assert_int_equal(reason_at(&p, "2027-01-01T00:05:01Z", 300), ADMIN_PROOF_EXPIRED);
}

static void each_broken_rule_has_its_own_reason(void **state)
{
	struct admin_proof p = ADMIN_PROOF_EMPTY;

	(void)state;
	assert_true(admin_proof_is_empty(&p));
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_MISSING);
	p = golden();
	memcpy(p.role, "Admin", 6);
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_ROLE);
	p = golden();
	memcpy(p.cluster_id, "prod2", 6);
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_CLUSTER);
	p = golden();
	p.peer = person_id(0x11);
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_PEER);
	p = golden();
	p.sig.at[5] ^= 1;
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_SIGNATURE);
	p = golden();
	p.sig.form = SIGNATURE_NONE;
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_SIGNATURE);
	/* Nobody can stretch it. */
	p = golden();
	p.valid_to = at("2028-01-01T00:00:00Z");
	assert_int_equal(reason_at(&p, "2026-06-01T00:00:00Z", 0), ADMIN_PROOF_SIGNATURE);
}

static void without_a_system_key_it_is_refused(void **state)
{
	struct admin_proof p = golden();
	struct peer_id admin = person_id(GOLDEN_ADMIN_SEED);
	struct admin_proof_rules rules = {"prod", &admin, NULL, at("2026-06-01T00:00:00Z"), 0};
	enum admin_proof_reason reason;

	(void)state;
	assert_err(admin_proof_check(&p, &rules, &reason), P2P_ERR_REFUSED);
	assert_int_equal(reason, ADMIN_PROOF_NO_SYSTEM_PUBKEY);
	assert_string_equal(admin_proof_reason_name(reason), "no_system_pubkey");
}

static void an_unset_one_of_a_config_file_is_empty(void **state)
{
	struct admin_proof p;
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(
		admin_proof_parse(BYTES_LIT("{\"cluster_id\":\"\",\"peer_id\":\"\",\"role\":\"\","
					    "\"valid_from\":\"\",\"valid_to\":\"\",\"sig\":\"\"}"),
			&p));
	assert_true(admin_proof_is_empty(&p));
	assert_ok(admin_proof_print(&out, &p));
	assert_bytes(
		buf_bytes(&out), BYTES_LIT("{\"cluster_id\":\"\",\"peer_id\":\"\",\"role\":\"\","
					   "\"valid_from\":\"\",\"valid_to\":\"\",\"sig\":\"\"}"));
	buf_deinit(&out);
}

static void fields_that_are_there_must_be_well_formed(void **state)
{
	static const char *const bad[] = {
		"{\"cluster_id\":\"a|b\"}",
		"{\"cluster_id\":1}",
		"{\"peer_id\":\"nobody\"}",
		"{\"role\":true}",
		"{\"valid_from\":\"yesterday\"}",
		"{\"valid_to\":20270101}",
		"{\"valid_to\":\"1969-01-01T00:00:00Z\"}",
		"{\"sig\":[]}",
	};
	struct admin_proof p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_that(admin_proof_parse(bytes_str(bad[i]), &p) == P2P_ERR_INVALID, bad[i]);
	for (size_t len = 0; len < strlen(GOLDEN_PROOF); len++)
		assert_err(admin_proof_parse(bytes_of(GOLDEN_PROOF, len), &p), P2P_ERR_TRUNCATED);
	/* A role too long to be any is kept as none, which never passes. */
	assert_ok(admin_proof_parse(BYTES_LIT("{\"role\":\"administrator-in-chief\"}"), &p));
	assert_string_equal(p.role, "");
}

static void signing_refuses_what_could_not_be_used(void **state)
{
	struct key_pair system = person(GOLDEN_SYSTEM_SEED);
	struct admin_proof p;

	(void)state;
	p = golden();
	p.cluster_id[0] = '\0';
	assert_err(admin_proof_sign(&p, &system), P2P_ERR_INVALID);
	p = golden();
	p.role[0] = '\0';
	assert_err(admin_proof_sign(&p, &system), P2P_ERR_INVALID);
	p = golden();
	p.peer = PEER_ID_NONE;
	assert_err(admin_proof_sign(&p, &system), P2P_ERR_INVALID);
	p = golden();
	p.valid_from = at("2027-01-01T00:00:01Z");
	assert_err(admin_proof_sign(&p, &system), P2P_ERR_INVALID);
	p = golden();
	p.valid_from = WALL_ZERO;
	assert_err(admin_proof_sign(&p, &system), P2P_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_proof_verifies_and_prints_as_it_was),
		cmocka_unit_test(signing_gives_the_golden_signature),
		cmocka_unit_test(the_period_includes_both_ends_and_the_slack),
		cmocka_unit_test(each_broken_rule_has_its_own_reason),
		cmocka_unit_test(without_a_system_key_it_is_refused),
		cmocka_unit_test(an_unset_one_of_a_config_file_is_empty),
		cmocka_unit_test(fields_that_are_there_must_be_well_formed),
		cmocka_unit_test(signing_refuses_what_could_not_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
