/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/member_list.h"

#include "proto/base/rng.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static void texts_are_trimmed_and_normalised(void **state)
{
	struct member_list l = {0};
	struct peer_id n1 = person_id(GOLDEN_N1_SEED);

	(void)state;
	assert_ok(member_list_add_text(&l, BYTES_LIT(" \t" GOLDEN_N1_CID "\r\n")));
	assert_ok(member_list_add_text(&l, BYTES_LIT(GOLDEN_N2)));
	assert_int_equal(l.count, 2);
	assert_true(member_list_has(&l, &n1));
	member_list_deinit(&l);
}

static void a_text_twice_is_dropped_but_a_second_spelling_refused(void **state)
{
	struct member_list l = {0};

	(void)state;
	assert_ok(member_list_add_text(&l, BYTES_LIT(GOLDEN_N1)));
	assert_ok(member_list_add_text(&l, BYTES_LIT(GOLDEN_N1 " ")));
	assert_err(member_list_add_text(&l, BYTES_LIT(GOLDEN_N1_CID)), P2P_ERR_EXISTS);
	assert_int_equal(l.count, 1);
	member_list_deinit(&l);

	assert_ok(member_list_add_text(&l, BYTES_LIT(GOLDEN_N1_CID)));
	assert_err(member_list_add_text(&l, BYTES_LIT(GOLDEN_N1)), P2P_ERR_EXISTS);
	assert_int_equal(l.count, 1);
	member_list_deinit(&l);
}

static void only_ed25519_peer_ids_are_members(void **state)
{
	struct member_list l = {0};
	struct peer_id rsa = peer_of("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");

	(void)state;
	assert_err(member_list_add_text(&l, BYTES_LIT("")), P2P_ERR_INVALID);
	assert_err(member_list_add_text(&l, BYTES_LIT("  ")), P2P_ERR_INVALID);
	assert_err(member_list_add_text(&l, BYTES_LIT("nobody")), P2P_ERR_INVALID);
	assert_err(member_list_add_text(&l, BYTES_LIT(GOLDEN_N1 "," GOLDEN_N2)), P2P_ERR_INVALID);
	assert_err(member_list_add_text(
			   &l, BYTES_LIT("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")),
		P2P_ERR_UNSUPPORTED);
	assert_err(member_list_add(&l, &rsa), P2P_ERR_UNSUPPORTED);
	assert_err(member_list_add(&l, &PEER_ID_NONE), P2P_ERR_UNSUPPORTED);
	assert_int_equal(l.count, 0);
}

static void it_stays_sorted_and_holds_each_once(void **state)
{
	struct member_list l = {0};
	struct rng_seeded rng;
	bool in[200] = {false};
	size_t count = 0;

	(void)state;
	rng_seed(&rng, 67);
	for (int i = 0; i < 4000; i++) {
		size_t who = rng_below(&rng.rng, 200);
		struct peer_id id = person_id((uint8_t)who);
		bool add = rng_below(&rng.rng, 2);
		int err = add ? member_list_add(&l, &id) : member_list_remove(&l, &id);

		assert_int_equal(
			err, add == in[who] ? (add ? P2P_ERR_EXISTS : P2P_ERR_NOT_FOUND) : 0);
		if (!err)
			count += add ? 1 : (size_t)-1;
		in[who] = add;
		assert_int_equal(member_list_has(&l, &id), add);
		assert_int_equal(l.count, count);
	}
	for (size_t i = 1; i < l.count; i++)
		assert_true(peer_id_cmp(&l.peers[i - 1], &l.peers[i]) < 0);
	member_list_deinit(&l);
}

static void it_has_a_greatest_size(void **state)
{
	struct member_list l = {0};
	struct key_public k = {{0}};
	struct peer_id id;

	(void)state;
	for (unsigned i = 0; i < MEMBERS_MAX; i++) {
		k.at[0] = (uint8_t)(i >> 8);
		k.at[1] = (uint8_t)i;
		key_peer_id(&k, &id);
		assert_ok(member_list_add(&l, &id));
	}
	k.at[0] = 0xff;
	key_peer_id(&k, &id);
	assert_err(member_list_add(&l, &id), P2P_ERR_FULL);
	assert_err(member_list_add_text(&l, BYTES_LIT(GOLDEN_N1)), P2P_ERR_FULL);
	member_list_deinit(&l);
}

static void an_edit_of_a_snapshot_leaves_odd_entries_behind(void **state)
{
	struct member_list l;
	struct snapshot s;
	size_t dropped;

	(void)state;
	assert_ok(snapshot_parse(BYTES_LIT(GOLDEN_SNAPSHOT_ODD), &s, NULL));
	member_list_from_snapshot(&l, &s, &dropped);
	assert_int_equal(l.count, 1);
	assert_int_equal(dropped, 2);
	member_list_deinit(&l);
	snapshot_deinit(&s);
}

static void a_majority_is_more_than_half(void **state)
{
	(void)state;
	for (size_t n = 1; n < 1000; n++) {
		assert_true(2 * members_quorum(n) > n);
		assert_false(2 * (members_quorum(n) - 1) > n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_trimmed_and_normalised),
		cmocka_unit_test(a_text_twice_is_dropped_but_a_second_spelling_refused),
		cmocka_unit_test(only_ed25519_peer_ids_are_members),
		cmocka_unit_test(it_stays_sorted_and_holds_each_once),
		cmocka_unit_test(it_has_a_greatest_size),
		cmocka_unit_test(an_edit_of_a_snapshot_leaves_odd_entries_behind),
		cmocka_unit_test(a_majority_is_more_than_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
