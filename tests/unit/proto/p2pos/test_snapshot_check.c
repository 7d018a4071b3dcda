/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/snapshot.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static struct key_public system_key;

static int keep_system_key(void **state)
{
	(void)state;
	system_key = person_public(GOLDEN_SYSTEM_SEED);
	return 0;
}

static struct snapshot golden(void)
{
	struct snapshot s;

	assert_ok(snapshot_parse(BYTES_LIT(GOLDEN_SNAPSHOT), &s, NULL));
	return s;
}

static struct snapshot_rules rules_at(const char *now, enum snapshot_source source)
{
	return (struct snapshot_rules){"prod", &system_key, false, source, at(now)};
}

static enum snapshot_reason judge(const struct snapshot *s, const struct snapshot_rules *rules)
{
	enum snapshot_reason reason = SNAPSHOT_STALE;
	int err = snapshot_check(s, rules, &reason);

	assert_int_equal(err == 0, reason == SNAPSHOT_OK);
	return reason;
}

static enum snapshot_reason judged_at(
	const struct snapshot *s, const char *now, enum snapshot_source source)
{
	struct snapshot_rules rules = rules_at(now, source);

	return judge(s, &rules);
}

static void a_good_one_passes_from_every_source(void **state)
{
	struct snapshot s = golden();

	(void)state;
	for (enum snapshot_source source = SNAPSHOT_STORED; source <= SNAPSHOT_LOCAL; source++)
		assert_int_equal(judged_at(&s, "2026-02-21T11:12:00Z", source), SNAPSHOT_OK);
	snapshot_deinit(&s);
}

static void so_do_loose_and_odd_ones(void **state)
{
	static const char *const texts[] = {GOLDEN_SNAPSHOT_LOOSE, GOLDEN_SNAPSHOT_ODD};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct snapshot s;

		assert_ok(snapshot_parse(bytes_str(texts[i]), &s, NULL));
		assert_int_equal(
			judged_at(&s, "2026-02-21T11:12:00Z", SNAPSHOT_PUSHED), SNAPSHOT_OK);
		snapshot_deinit(&s);
	}
}

/* Each breaks one thing in a good snapshot. */
static void no_time(struct snapshot *s)
{
	s->issued_at = WALL_ZERO;
}

static void no_issuer(struct snapshot *s)
{
	s->issuer = PEER_ID_NONE;
}

static void no_signature(struct snapshot *s)
{
	s->sig.form = SIGNATURE_NONE;
}

static void no_members(struct snapshot *s)
{
	s->member_count = 0;
}

static void hashed_issuer(struct snapshot *s)
{
	s->issuer = peer_of("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
}

static void other_cluster(struct snapshot *s)
{
	memcpy(s->cluster_id, "prod2", 6);
}

static void later(struct snapshot *s)
{
	s->issued_at = wall_add_sec(s->issued_at, 1);
}

static void member_left_out(struct snapshot *s)
{
	s->member_count--;
}

static void altered_signature(struct snapshot *s)
{
	s->sig.at[63] ^= 1;
}

static void unreadable_signature(struct snapshot *s)
{
	s->sig.form = SIGNATURE_UNREADABLE;
}

static void no_proof(struct snapshot *s)
{
	s->proof = ADMIN_PROOF_EMPTY;
}

static void proof_of_a_reader(struct snapshot *s)
{
	memcpy(s->proof.role, "reader", 7);
}

static void proof_for_another_cluster(struct snapshot *s)
{
	memcpy(s->proof.cluster_id, "test", 5);
}

static void proof_for_another_peer(struct snapshot *s)
{
	s->proof.peer = person_id(0x11);
}

static void proof_that_ended_before(struct snapshot *s)
{
	s->proof.valid_to = at("2026-02-21T11:11:01Z");
}

static void proof_that_began_after(struct snapshot *s)
{
	s->proof.valid_from = at("2026-02-21T11:11:02Z");
}

static void proof_by_a_stranger(struct snapshot *s)
{
	s->proof = proof_for(
		"prod", GOLDEN_ADMIN_SEED, 0x77, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
}

static const struct {
	void (*breaks)(struct snapshot *s);
	enum snapshot_reason reason;
	int err;
} broken[] = {
	{no_time, SNAPSHOT_ISSUED_AT_MISSING, P2P_ERR_REFUSED},
	{no_issuer, SNAPSHOT_ISSUER_MISSING, P2P_ERR_REFUSED},
	{no_signature, SNAPSHOT_SIGNATURE_MISSING, P2P_ERR_REFUSED},
	{no_members, SNAPSHOT_MEMBERS_EMPTY, P2P_ERR_REFUSED},
	{hashed_issuer, SNAPSHOT_ISSUER_KEY, P2P_ERR_REFUSED},
	{other_cluster, SNAPSHOT_CLUSTER_MISMATCH, P2P_ERR_MISMATCH},
	{later, SNAPSHOT_SIGNATURE, P2P_ERR_SIGNATURE},
	{member_left_out, SNAPSHOT_SIGNATURE, P2P_ERR_SIGNATURE},
	{altered_signature, SNAPSHOT_SIGNATURE, P2P_ERR_SIGNATURE},
	{unreadable_signature, SNAPSHOT_SIGNATURE, P2P_ERR_SIGNATURE},
	{no_proof, SNAPSHOT_PROOF_MISSING, P2P_ERR_REFUSED},
	{proof_of_a_reader, SNAPSHOT_PROOF_ROLE, P2P_ERR_REFUSED},
	{proof_for_another_cluster, SNAPSHOT_PROOF_CLUSTER, P2P_ERR_REFUSED},
	{proof_for_another_peer, SNAPSHOT_PROOF_PEER, P2P_ERR_REFUSED},
	{proof_that_ended_before, SNAPSHOT_PROOF_WINDOW, P2P_ERR_REFUSED},
	{proof_that_began_after, SNAPSHOT_PROOF_WINDOW, P2P_ERR_REFUSED},
	{proof_by_a_stranger, SNAPSHOT_PROOF_SIGNATURE, P2P_ERR_SIGNATURE},
};

static void each_broken_rule_has_its_own_reason_from_every_source(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		for (enum snapshot_source source = SNAPSHOT_STORED; source <= SNAPSHOT_LOCAL;
			source++) {
			struct snapshot_rules rules = rules_at("2026-02-21T11:12:00Z", source);
			struct snapshot s = golden();
			size_t owned = s.member_count;

			broken[i].breaks(&s);
			assert_that(judge(&s, &rules) == broken[i].reason,
				snapshot_reason_name(broken[i].reason));
			assert_err(snapshot_check(&s, &rules, NULL), broken[i].err);
			s.member_count = owned;
			snapshot_deinit(&s);
		}
	}
}

static void five_minutes_ahead_are_the_most(void **state)
{
	struct snapshot s = golden(); /* issued at …11:11:01.508 */

	(void)state;
	for (enum snapshot_source source = SNAPSHOT_PULLED; source <= SNAPSHOT_LOCAL; source++) {
		assert_int_equal(judged_at(&s, "2026-02-21T11:06:01.508Z", source), SNAPSHOT_OK);
		assert_int_equal(
			judged_at(&s, "2026-02-21T11:06:01.507Z", source), SNAPSHOT_FUTURE);
	}
	/* Our own clock may have been set back since we took it. */
	assert_int_equal(judged_at(&s, "2026-01-21T11:06:01Z", SNAPSHOT_STORED), SNAPSHOT_OK);
	snapshot_deinit(&s);
}

static void an_expired_proof_binds_only_who_hands_it_in(void **state)
{
	struct snapshot s = golden();

	(void)state;
	assert_int_equal(judged_at(&s, "2027-01-01T00:05:00Z", SNAPSHOT_PUSHED), SNAPSHOT_OK);
	assert_int_equal(
		judged_at(&s, "2027-01-01T00:05:01Z", SNAPSHOT_PUSHED), SNAPSHOT_PROOF_EXPIRED);
	assert_int_equal(
		judged_at(&s, "2027-01-01T00:05:01Z", SNAPSHOT_LOCAL), SNAPSHOT_PROOF_EXPIRED);
	assert_int_equal(judged_at(&s, "2030-01-01T00:00:00Z", SNAPSHOT_PULLED), SNAPSHOT_OK);
	assert_int_equal(judged_at(&s, "2030-01-01T00:00:00Z", SNAPSHOT_STORED), SNAPSHOT_OK);

	assert_int_equal(snapshot_proof_now(&s, at("2027-01-01T00:05:00Z")), ADMIN_PROOF_OK);
	assert_int_equal(snapshot_proof_now(&s, at("2027-01-01T00:05:01Z")), ADMIN_PROOF_EXPIRED);
	assert_int_equal(
		snapshot_proof_now(&s, at("2025-12-31T23:54:59Z")), ADMIN_PROOF_NOT_YET_VALID);
	snapshot_deinit(&s);
}

static void a_proof_that_begins_later_is_not_yet_valid(void **state)
{
	struct snapshot s = snapshot_of("2026-01-01T00:00:00Z", 1);

	(void)state;
	assert_int_equal(judged_at(&s, "2025-12-31T23:55:00Z", SNAPSHOT_PUSHED), SNAPSHOT_OK);
	assert_int_equal(judged_at(&s, "2025-12-31T23:54:59Z", SNAPSHOT_PUSHED), SNAPSHOT_FUTURE);
	snapshot_deinit(&s);
}

static void without_a_system_key_nothing_passes_unless_told_so(void **state)
{
	struct snapshot_rules rules = rules_at("2026-02-21T11:12:00Z", SNAPSHOT_PUSHED);
	struct snapshot s = golden();

	(void)state;
	rules.system = NULL;
	assert_int_equal(judge(&s, &rules), SNAPSHOT_NO_SYSTEM_PUBKEY);
	rules.insecure_accept_any_issuer = true;
	assert_int_equal(judge(&s, &rules), SNAPSHOT_OK);
	s.proof = ADMIN_PROOF_EMPTY;
	assert_int_equal(judge(&s, &rules), SNAPSHOT_OK);
	s.sig.at[0] ^= 1; /* its own signature it must have all the same */
	assert_int_equal(judge(&s, &rules), SNAPSHOT_SIGNATURE);
	s.sig.at[0] ^= 1;
	rules.system = &system_key; /* with a key the switch means nothing */
	assert_int_equal(judge(&s, &rules), SNAPSHOT_PROOF_MISSING);
	snapshot_deinit(&s);
}

static void later_prevails_and_at_the_same_instant_the_lower_hash(void **state)
{
	struct snapshot old = snapshot_of("2026-02-21T11:11:01Z", 5);
	struct snapshot a = snapshot_of("2026-02-21T11:11:01.000000001Z", 3);
	struct snapshot b = snapshot_of("2026-02-21T11:11:01.000000001Z", 4);
	struct snapshot again = snapshot_of("2026-02-21T11:11:01.000000001Z", 4);
	bool a_is_lower = memcmp(a.hash, b.hash, sizeof(a.hash)) < 0;
	struct snapshot_stamp none = {0}, x = snapshot_stamp(&a);

	(void)state;
	assert_true(snapshot_cmp(&a, &old) > 0 && snapshot_cmp(&old, &a) < 0);
	assert_true(snapshot_cmp(&b, &old) > 0 && snapshot_cmp(&old, &b) < 0);
	assert_int_equal(snapshot_cmp(&a, &b) > 0, a_is_lower);
	assert_int_equal(snapshot_cmp(&b, &a) < 0, a_is_lower);
	assert_int_equal(snapshot_cmp(&b, &again), 0);
	assert_true(snapshot_stamp_cmp(&x, &none) > 0);

	assert_true(snapshot_is_conflict(&a, &b) && snapshot_is_conflict(&b, &a));
	assert_false(snapshot_is_conflict(&a, &old));
	assert_false(snapshot_is_conflict(&b, &again));
	snapshot_deinit(&old);
	snapshot_deinit(&a);
	snapshot_deinit(&b);
	snapshot_deinit(&again);
}

static void every_reason_has_a_word_and_a_sentence_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < SNAPSHOT_REASON_COUNT; i++) {
		const char *name = snapshot_reason_name((enum snapshot_reason)i);

		assert_string_not_equal(name, "unknown");
		assert_true(strlen(snapshot_reason_text((enum snapshot_reason)i)) > 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				name, snapshot_reason_name((enum snapshot_reason)j));
	}
	assert_string_equal(snapshot_reason_name(SNAPSHOT_REASON_COUNT), "unknown");
	/* Words that others test for. */
	assert_string_equal(snapshot_reason_text(SNAPSHOT_STALE), "stale issued_at");
	assert_string_equal(snapshot_reason_text(SNAPSHOT_FUTURE), "issued_at in future");
	assert_string_equal(
		snapshot_reason_text(SNAPSHOT_SIGNATURE_MISSING), "snapshot signature is required");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_one_passes_from_every_source),
		cmocka_unit_test(so_do_loose_and_odd_ones),
		cmocka_unit_test(each_broken_rule_has_its_own_reason_from_every_source),
		cmocka_unit_test(five_minutes_ahead_are_the_most),
		cmocka_unit_test(an_expired_proof_binds_only_who_hands_it_in),
		cmocka_unit_test(a_proof_that_begins_later_is_not_yet_valid),
		cmocka_unit_test(without_a_system_key_nothing_passes_unless_told_so),
		cmocka_unit_test(later_prevails_and_at_the_same_instant_the_lower_hash),
		cmocka_unit_test(every_reason_has_a_word_and_a_sentence_of_its_own),
	};

	return cmocka_run_group_tests(tests, keep_system_key, NULL);
}
