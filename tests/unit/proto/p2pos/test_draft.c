/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/draft.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

/* From the golden snapshot (nodes 1, 2, 3) to nodes 1, 2 and person 0x21, 0x22. */
static struct draft example(void)
{
	static const uint8_t members[] = {GOLDEN_N1_SEED, GOLDEN_N2_SEED, 0x21, 0x22};
	struct draft d = {.cluster_id = "prod", .has_base = true, .has_snapshot = true};

	assert_ok(snapshot_parse(BYTES_LIT(GOLDEN_SNAPSHOT), &d.snapshot, NULL));
	d.base = snapshot_stamp(&d.snapshot);
	d.issuer = person_id(GOLDEN_ADMIN_SEED);
	for (size_t i = 0; i < sizeof(members); i++) {
		struct peer_id id = person_id(members[i]);

		assert_ok(member_list_add(&d.members, &id));
	}
	return d;
}

static struct draft reprinted(const struct draft *d)
{
	enum draft_reason reason = DRAFT_MALFORMED;
	struct buf out = BUF_INIT;
	struct draft back;

	assert_ok(draft_print(&out, d));
	assert_ok(draft_parse(buf_bytes(&out), &back, &reason, NULL));
	assert_int_equal(reason, DRAFT_OK);
	buf_deinit(&out);
	return back;
}

static void a_draft_survives_printing_and_parsing(void **state)
{
	struct draft d = example(), back = reprinted(&d);

	(void)state;
	assert_string_equal(back.cluster_id, "prod");
	assert_true(back.has_base && back.has_snapshot);
	assert_int_equal(snapshot_stamp_cmp(&back.base, &d.base), 0);
	assert_int_equal(snapshot_cmp(&back.snapshot, &d.snapshot), 0);
	assert_true(peer_id_eq(&back.issuer, &d.issuer));
	assert_int_equal(back.members.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(peer_id_eq(&back.members.peers[i], &d.members.peers[i]));
	draft_deinit(&d);
	draft_deinit(&back);
}

static void the_difference_counts_both_majorities(void **state)
{
	struct draft d = example();
	struct peer_id n3 = person_id(GOLDEN_N3_SEED), x = person_id(0x21), y = person_id(0x22);
	struct member_diff diff;

	(void)state;
	assert_ok(draft_diff(&d, &diff));
	assert_int_equal(diff.added.count, 2);
	assert_true(member_list_has(&diff.added, &x) && member_list_has(&diff.added, &y));
	assert_int_equal(diff.removed.count, 1);
	assert_true(member_list_has(&diff.removed, &n3));
	assert_int_equal(diff.odd_removed, 0);
	assert_int_equal(diff.before, 3);
	assert_int_equal(diff.after, 4);
	assert_int_equal(diff.quorum_before, 2);
	assert_int_equal(diff.quorum_after, 3);
	member_diff_deinit(&diff);
	draft_deinit(&d);
}

static void the_first_draft_of_a_cluster_has_no_base(void **state)
{
	struct draft d = example(), back;
	struct member_diff diff;

	(void)state;
	snapshot_deinit(&d.snapshot);
	d.has_base = false;
	d.has_snapshot = false;
	d.issuer = PEER_ID_NONE;
	back = reprinted(&d);
	assert_false(back.has_base || back.has_snapshot);
	assert_true(peer_id_is_none(&back.issuer));
	assert_ok(draft_diff(&back, &diff));
	assert_int_equal(diff.added.count, 4);
	assert_int_equal(diff.before, 0);
	assert_int_equal(diff.quorum_before, 0);
	member_diff_deinit(&diff);
	draft_deinit(&d);
	draft_deinit(&back);
}

static void a_base_that_is_only_named_gives_no_difference(void **state)
{
	struct draft d = example(), back;
	struct member_diff diff;

	(void)state;
	d.has_snapshot = false;
	back = reprinted(&d);
	assert_true(back.has_base);
	assert_int_equal(snapshot_stamp_cmp(&back.base, &d.base), 0);
	assert_err(draft_diff(&back, &diff), P2P_ERR_NOT_FOUND);
	draft_deinit(&d);
	draft_deinit(&back);
}

static void odd_entries_of_the_base_are_counted_as_removed(void **state)
{
	struct member_list after = {0};
	struct member_diff diff;
	struct snapshot base;

	(void)state;
	assert_ok(snapshot_parse(BYTES_LIT(GOLDEN_SNAPSHOT_ODD), &base, NULL));
	assert_ok(member_list_add_text(&after, BYTES_LIT(GOLDEN_N1)));
	member_diff_make(&base, &after, &diff);
	assert_int_equal(diff.added.count + diff.removed.count, 0);
	assert_int_equal(diff.odd_removed, 2);
	assert_int_equal(diff.before, 3);
	assert_int_equal(diff.after, 1);
	member_diff_deinit(&diff);
	member_list_deinit(&after);
	snapshot_deinit(&base);
}

#define HASH "\"" GOLDEN_HASH "\""
#define TIME "\"2026-02-21T11:11:01.508Z\""

static void faults_are_named(void **state)
{
	static const struct {
		const char *json;
		enum draft_reason reason;
		size_t index;
	} bad[] = {
		{"", DRAFT_MALFORMED, 99},
		{"{\"draft\":1,\"draft\":1}", DRAFT_MALFORMED, 99},
		{"{\"cluster_id\":\"prod\",\"members\":[\"" GOLDEN_N1 "\"]}", DRAFT_FIELD_INVALID,
			99},
		{"{\"draft\":2,\"cluster_id\":\"prod\",\"members\":[\"" GOLDEN_N1 "\"]}",
			DRAFT_FIELD_INVALID, 99},
		{"{\"draft\":1,\"members\":[\"" GOLDEN_N1 "\"]}", DRAFT_FIELD_INVALID, 99},
		{"{\"draft\":1,\"cluster_id\":\"prod\"}", DRAFT_FIELD_INVALID, 99},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"members\":[]}", DRAFT_MEMBERS_EMPTY, 99},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"members\":[\"" GOLDEN_N1 "\",\"x\"]}",
			DRAFT_MEMBER_INVALID, 1},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"members\":[5]}", DRAFT_MEMBER_INVALID, 0},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"members\":[\"" GOLDEN_N2 "\",\"" GOLDEN_N1
		 "\",\"" GOLDEN_N1_CID "\"]}",
			DRAFT_MEMBER_TWICE, 2},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"base_hash\":" HASH
		 ",\"members\":[\"" GOLDEN_N1 "\"]}",
			DRAFT_FIELD_INVALID, 99},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"base_issued_at\":" TIME
		 ",\"members\":[\"" GOLDEN_N1 "\"]}",
			DRAFT_FIELD_INVALID, 99},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"base_issued_at\":" TIME
		 ",\"base_hash\":\"abcd\",\"members\":[\"" GOLDEN_N1 "\"]}",
			DRAFT_FIELD_INVALID, 99},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"base_issued_at\":" TIME
		 ",\"base_hash\":" HASH ",\"members\":[\"" GOLDEN_N1
		 "\"],\"base\":" GOLDEN_SNAPSHOT_ODD "}",
			DRAFT_BASE_MISMATCH, 99},
		{"{\"draft\":1,\"cluster_id\":\"test\",\"base_issued_at\":" TIME
		 ",\"base_hash\":" HASH ",\"members\":[\"" GOLDEN_N1 "\"],\"base\":" GOLDEN_SNAPSHOT
		 "}",
			DRAFT_BASE_MISMATCH, 99},
		{"{\"draft\":1,\"cluster_id\":\"prod\",\"members\":[\"" GOLDEN_N1
		 "\"],\"base\":" GOLDEN_SNAPSHOT "}",
			DRAFT_BASE_MISMATCH, 99},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum draft_reason reason = DRAFT_OK;
		size_t index = 99;
		struct draft d;

		assert_that(
			draft_parse(bytes_str(bad[i].json), &d, &reason, &index) != 0, bad[i].json);
		assert_that(reason == bad[i].reason, bad[i].json);
		assert_that(index == bad[i].index, bad[i].json);
		assert_string_not_equal(draft_reason_name(reason), "unknown");
		assert_string_not_equal(draft_reason_text(reason), "unknown");
	}
}

static void a_draft_cut_short_anywhere_is_refused(void **state)
{
	struct draft d = example(), back;
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(draft_print(&out, &d));
	for (size_t len = 0; len + 1 < out.len; len++)
		assert_err(
			draft_parse(bytes_of(out.data, len), &back, NULL, NULL), P2P_ERR_TRUNCATED);
	buf_deinit(&out);
	draft_deinit(&d);
}

static void a_reviewed_draft_becomes_the_next_snapshot(void **state)
{
	struct key_pair admin = person(GOLDEN_ADMIN_SEED);
	struct key_public system = person_public(GOLDEN_SYSTEM_SEED);
	struct draft d = example();
	struct snapshot_rules rules = {
		"prod", &system, false, SNAPSHOT_LOCAL, at("2026-03-01T00:00:00Z")};
	struct snapshot next;

	(void)state;
	assert_ok(snapshot_build(&next, d.cluster_id, at("2026-03-01T00:00:00Z"), &d.members,
		&d.snapshot.proof, &admin, NULL));
	assert_ok(snapshot_check(&next, &rules, NULL));
	assert_true(snapshot_cmp(&next, &d.snapshot) > 0);
	snapshot_deinit(&next);
	draft_deinit(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_draft_survives_printing_and_parsing),
		cmocka_unit_test(the_difference_counts_both_majorities),
		cmocka_unit_test(the_first_draft_of_a_cluster_has_no_base),
		cmocka_unit_test(a_base_that_is_only_named_gives_no_difference),
		cmocka_unit_test(odd_entries_of_the_base_are_counted_as_removed),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(a_draft_cut_short_anywhere_is_refused),
		cmocka_unit_test(a_reviewed_draft_becomes_the_next_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
