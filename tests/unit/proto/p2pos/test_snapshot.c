/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/snapshot.h"

#include <stdio.h>

#include "proto/base/rng.h"
#include "proto/base/text.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static struct snapshot parsed(struct bytes json)
{
	struct snapshot s;
	enum snapshot_reason reason = SNAPSHOT_STALE;

	assert_ok(snapshot_parse(json, &s, &reason));
	assert_int_equal(reason, SNAPSHOT_OK);
	assert_bytes(buf_bytes(&s.raw), json);
	return s;
}

static void assert_hash(const struct snapshot *s, const char *hex)
{
	struct buf text = BUF_INIT;

	assert_ok(text_hex(&text, bytes_of(s->hash, sizeof(s->hash))));
	assert_bytes(buf_bytes(&text), bytes_str(hex));
	buf_deinit(&text);
}

static bool is_signed_by_issuer(const struct snapshot *s)
{
	struct buf text = BUF_INIT;
	int err;

	assert_ok(snapshot_signed_text(&text, s));
	err = signature_verify_peer(&s->issuer, buf_bytes(&text), &s->sig);
	buf_deinit(&text);
	return err == 0;
}

static void the_golden_snapshot_is_read_and_printed_as_it_was(void **state)
{
	struct snapshot s = parsed(BYTES_LIT(GOLDEN_SNAPSHOT));
	struct buf out = BUF_INIT;
	struct peer_id admin = person_id(GOLDEN_ADMIN_SEED);

	(void)state;
	assert_string_equal(s.cluster_id, "prod");
	assert_int_equal(wall_cmp(s.issued_at, at("2026-02-21T11:11:01.508Z")), 0);
	assert_true(peer_id_eq(&s.issuer, &admin));
	assert_int_equal(s.member_count, 3);
	assert_int_equal(s.odd_count, 0);
	assert_string_equal(s.members[0].text, GOLDEN_N2);
	assert_string_equal(s.members[1].text, GOLDEN_N3);
	assert_string_equal(s.members[2].text, GOLDEN_N1);
	assert_hash(&s, GOLDEN_HASH);
	assert_true(is_signed_by_issuer(&s));

	assert_ok(snapshot_signed_text(&out, &s));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_SIGNED_TEXT));
	buf_reset(&out);
	assert_ok(snapshot_print(&out, &s));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_SNAPSHOT));
	buf_deinit(&out);
	snapshot_deinit(&s);
}

static void loose_spelling_is_brought_into_the_signed_form(void **state)
{
	struct snapshot s = parsed(BYTES_LIT(GOLDEN_SNAPSHOT_LOOSE));

	(void)state;
	assert_int_equal(s.member_count, 2);
	assert_string_equal(s.members[0].text, GOLDEN_N2);
	assert_string_equal(s.members[1].text, GOLDEN_N1);
	assert_int_equal(s.odd_count, 0);
	assert_hash(&s, GOLDEN_HASH_LOOSE);
	assert_true(is_signed_by_issuer(&s));
	snapshot_deinit(&s);
}

static void odd_entries_are_kept_and_counted(void **state)
{
	struct snapshot s = parsed(BYTES_LIT(GOLDEN_SNAPSHOT_ODD));
	struct peer_id n1 = person_id(GOLDEN_N1_SEED), n2 = person_id(GOLDEN_N2_SEED);

	(void)state;
	assert_int_equal(s.member_count, 3);
	assert_int_equal(s.odd_count, 2);
	assert_string_equal(s.members[2].text, "not a peer");
	assert_true(peer_id_is_none(&s.members[2].peer));
	assert_true(peer_id_eq(&s.members[1].peer, &n1));
	assert_hash(&s, GOLDEN_HASH_ODD);
	assert_true(is_signed_by_issuer(&s));
	assert_true(snapshot_has_member(&s, &n1));
	assert_false(snapshot_has_member(&s, &n2));
	snapshot_deinit(&s);
}

static void a_member_known_only_by_its_cid_is_found(void **state)
{
	struct snapshot s = parsed(BYTES_LIT("{\"members\":[\"" GOLDEN_N1_CID "\"]}"));
	struct peer_id n1 = person_id(GOLDEN_N1_SEED);

	(void)state;
	assert_true(snapshot_has_member(&s, &n1));
	assert_false(snapshot_has_member(&s, &PEER_ID_NONE));
	snapshot_deinit(&s);
}

static void missing_fields_are_empty_and_no_failure_of_parsing(void **state)
{
	/* What the original answers before it has any. */
	static const char *const none[] = {
		"{}",
		"{\"cluster_id\":\"\",\"issued_at\":\"0001-01-01T00:00:00Z\",\"issuer_peer_id\":"
		"\"\","
		"\"members\":null,\"admin_proof\":{\"cluster_id\":\"\",\"peer_id\":\"\",\"role\":"
		"\"\","
		"\"valid_from\":\"0001-01-01T00:00:00Z\",\"valid_to\":\"0001-01-01T00:00:00Z\","
		"\"sig\":\"\"},\"sig\":\"\"}",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct snapshot s = parsed(bytes_str(none[i]));

		assert_string_equal(s.cluster_id, "");
		assert_true(wall_is_zero(s.issued_at));
		assert_true(peer_id_is_none(&s.issuer));
		assert_int_equal(s.member_count, 0);
		assert_true(admin_proof_is_empty(&s.proof));
		assert_int_equal(s.sig.form, SIGNATURE_NONE);
		snapshot_deinit(&s);
	}
}

static void malformed_ones_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *json;
		int err;
		enum snapshot_reason reason;
	} bad[] = {
		{"", P2P_ERR_TRUNCATED, SNAPSHOT_MALFORMED},
		{"[]", P2P_ERR_JSON, SNAPSHOT_MALFORMED},
		{"{\"sig\":\"\",\"sig\":\"\"}", P2P_ERR_JSON, SNAPSHOT_MALFORMED},
		{"{\"cluster_id\":\"a|b\"}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"cluster_id\":7}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"issued_at\":\"today\"}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"issuer_peer_id\":\"me\"}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"admin_proof\":\"x\"}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"admin_proof\":{\"valid_to\":\"x\"}}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"members\":{}}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"members\":[1]}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
		{"{\"members\":[\"a,b\"]}", P2P_ERR_INVALID, SNAPSHOT_MEMBER_INVALID},
		{"{\"members\":[\"ok\",\"a|b\"]}", P2P_ERR_INVALID, SNAPSHOT_MEMBER_INVALID},
		{"{\"members\":[\"a\\nb\"]}", P2P_ERR_INVALID, SNAPSHOT_MEMBER_INVALID},
		{"{\"sig\":{}}", P2P_ERR_INVALID, SNAPSHOT_FIELD_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct snapshot s;
		enum snapshot_reason reason = SNAPSHOT_OK;

		assert_that(snapshot_parse(bytes_str(bad[i].json), &s, &reason) == bad[i].err,
			bad[i].json);
		assert_that(reason == bad[i].reason, bad[i].json);
	}
}

static void a_snapshot_cut_short_anywhere_is_truncated(void **state)
{
	struct snapshot s;

	(void)state;
	for (size_t len = 0; len < strlen(GOLDEN_SNAPSHOT); len++)
		assert_err(snapshot_parse(bytes_of(GOLDEN_SNAPSHOT, len), &s, NULL),
			P2P_ERR_TRUNCATED);
}

/* {"members":["m0","m1",…]} */
static void list_members(struct buf *json, unsigned count)
{
	buf_reset(json);
	assert_ok(buf_put_str(json, "{\"members\":["));
	for (unsigned i = 0; i < count; i++)
		assert_ok(buf_printf(json, "%s\"m%u\"", i ? "," : "", i));
	assert_ok(buf_put_str(json, "]}"));
}

static void there_is_a_greatest_number_of_members(void **state)
{
	struct buf json = BUF_INIT;
	enum snapshot_reason reason;
	struct snapshot s;

	(void)state;
	list_members(&json, MEMBERS_MAX);
	assert_ok(snapshot_parse(buf_bytes(&json), &s, &reason));
	assert_int_equal(s.member_count, MEMBERS_MAX);
	assert_int_equal(s.odd_count, MEMBERS_MAX);
	snapshot_deinit(&s);
	list_members(&json, MEMBERS_MAX + 1);
	assert_err(snapshot_parse(buf_bytes(&json), &s, &reason), P2P_ERR_TOO_LARGE);
	assert_int_equal(reason, SNAPSHOT_MEMBERS_TOO_MANY);
	list_members(&json, SNAPSHOT_VALUES_MAX);
	assert_err(snapshot_parse(buf_bytes(&json), &s, &reason), P2P_ERR_TOO_LARGE);
	assert_int_equal(reason, SNAPSHOT_TOO_LARGE);
	buf_deinit(&json);
}

static void there_is_a_greatest_size(void **state)
{
	struct buf json = BUF_INIT;
	enum snapshot_reason reason;
	struct snapshot s;

	(void)state;
	assert_ok(buf_put_str(&json, "{}"));
	memset(buf_grow(&json, SNAPSHOT_BYTES_MAX - 2), ' ', SNAPSHOT_BYTES_MAX - 2);
	assert_ok(snapshot_parse(buf_bytes(&json), &s, &reason));
	snapshot_deinit(&s);
	assert_ok(buf_put_u8(&json, ' '));
	assert_err(snapshot_parse(buf_bytes(&json), &s, &reason), P2P_ERR_TOO_LARGE);
	assert_int_equal(reason, SNAPSHOT_TOO_LARGE);
	buf_deinit(&json);
}

static void a_signed_one_is_the_golden_one(void **state)
{
	struct snapshot s = snapshot_of("2026-02-21T11:11:01.508Z", 3);

	(void)state;
	assert_bytes(buf_bytes(&s.raw), BYTES_LIT(GOLDEN_SNAPSHOT));
	assert_hash(&s, GOLDEN_HASH);
	snapshot_deinit(&s);
}

static void the_largest_one_that_can_be_signed_can_be_sent(void **state)
{
	struct key_pair admin = person(GOLDEN_ADMIN_SEED);
	struct admin_proof proof = proof_for("prod", GOLDEN_ADMIN_SEED, GOLDEN_SYSTEM_SEED,
		"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
	struct member_list members = {0};
	struct rng_seeded rng;
	struct snapshot s, back;

	(void)state;
	rng_seed(&rng, 16384);
	while (members.count < MEMBERS_MAX) {
		struct key_public k;
		struct peer_id id;

		rng_fill(&rng.rng, k.at, sizeof(k.at));
		key_peer_id(&k, &id);
		assert_ok(member_list_add(&members, &id));
	}
	assert_ok(snapshot_build(
		&s, "prod", at("2026-03-01T00:00:00Z"), &members, &proof, &admin, NULL));
	back = parsed(buf_bytes(&s.raw));
	assert_int_equal(back.member_count, MEMBERS_MAX);
	assert_int_equal(back.odd_count, 0);
	assert_int_equal(snapshot_cmp(&s, &back), 0);
	for (size_t i = 0; i < members.count; i += 997)
		assert_true(snapshot_has_member(&back, &members.peers[i]));
	snapshot_deinit(&s);
	snapshot_deinit(&back);
	member_list_deinit(&members);
}

static void building_refuses_what_nobody_would_accept(void **state)
{
	struct key_pair admin = person(GOLDEN_ADMIN_SEED), other = person(0x11);
	struct admin_proof proof = proof_for("prod", GOLDEN_ADMIN_SEED, GOLDEN_SYSTEM_SEED,
		"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
	struct admin_proof none = ADMIN_PROOF_EMPTY;
	struct member_list empty = {0}, one = {0};
	struct peer_id id = person_id(0x11);
	wall_t when = at("2026-03-01T00:00:00Z");
	enum snapshot_reason why;
	struct snapshot s;

	(void)state;
	assert_ok(member_list_add(&one, &id));
	assert_err(snapshot_build(&s, "a b", when, &one, &proof, &admin, &why), P2P_ERR_INVALID);
	assert_int_equal(why, SNAPSHOT_FIELD_INVALID);
	assert_err(
		snapshot_build(&s, "prod", WALL_ZERO, &one, &proof, &admin, &why), P2P_ERR_INVALID);
	assert_int_equal(why, SNAPSHOT_ISSUED_AT_MISSING);
	assert_err(snapshot_build(&s, "prod", when, &empty, &proof, &admin, &why), P2P_ERR_INVALID);
	assert_int_equal(why, SNAPSHOT_MEMBERS_EMPTY);
	assert_err(snapshot_build(&s, "prod", when, &one, &none, &admin, &why), P2P_ERR_REFUSED);
	assert_int_equal(why, SNAPSHOT_PROOF_MISSING);
	assert_err(snapshot_build(&s, "test", when, &one, &proof, &admin, &why), P2P_ERR_REFUSED);
	assert_int_equal(why, SNAPSHOT_PROOF_CLUSTER);
	assert_err(snapshot_build(&s, "prod", when, &one, &proof, &other, &why), P2P_ERR_REFUSED);
	assert_int_equal(why, SNAPSHOT_PROOF_PEER);
	assert_err(
		snapshot_build(&s, "prod", at("2027-01-01T00:00:01Z"), &one, &proof, &admin, &why),
		P2P_ERR_REFUSED);
	assert_int_equal(why, SNAPSHOT_PROOF_WINDOW);
	proof.sig.form = SIGNATURE_NONE;
	assert_err(snapshot_build(&s, "prod", when, &one, &proof, &admin, &why), P2P_ERR_REFUSED);
	assert_int_equal(why, SNAPSHOT_PROOF_SIGNATURE);
	member_list_deinit(&one);
}

static void random_ones_survive_printing_and_parsing(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 305);
	for (int i = 0; i < 200; i++) {
		char when[64];
		struct snapshot s, back;

		(void)snprintf(when, sizeof(when), "2026-%02u-%02uT%02u:00:%02u.%uZ",
			(unsigned)rng_below(&rng.rng, 12) + 1,
			(unsigned)rng_below(&rng.rng, 28) + 1, (unsigned)rng_below(&rng.rng, 24),
			(unsigned)rng_below(&rng.rng, 60),
			(unsigned)rng_below(&rng.rng, 1000000000));
		s = snapshot_of(when, 1 + (unsigned)rng_below(&rng.rng, 9));
		back = parsed(buf_bytes(&s.raw));
		assert_int_equal(snapshot_cmp(&s, &back), 0);
		assert_true(is_signed_by_issuer(&back));
		assert_int_equal(back.member_count, s.member_count);
		snapshot_deinit(&s);
		snapshot_deinit(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_snapshot_is_read_and_printed_as_it_was),
		cmocka_unit_test(loose_spelling_is_brought_into_the_signed_form),
		cmocka_unit_test(odd_entries_are_kept_and_counted),
		cmocka_unit_test(a_member_known_only_by_its_cid_is_found),
		cmocka_unit_test(missing_fields_are_empty_and_no_failure_of_parsing),
		cmocka_unit_test(malformed_ones_are_refused_with_a_reason),
		cmocka_unit_test(a_snapshot_cut_short_anywhere_is_truncated),
		cmocka_unit_test(there_is_a_greatest_number_of_members),
		cmocka_unit_test(there_is_a_greatest_size),
		cmocka_unit_test(a_signed_one_is_the_golden_one),
		cmocka_unit_test(the_largest_one_that_can_be_signed_can_be_sent),
		cmocka_unit_test(building_refuses_what_nobody_would_accept),
		cmocka_unit_test(random_ones_survive_printing_and_parsing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
