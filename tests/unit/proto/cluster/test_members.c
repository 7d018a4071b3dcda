/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/members.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static struct judged *judged(const char *issued_at, unsigned members, uint64_t token)
{
	struct snapshot s = snapshot_of(issued_at, members);

	return judged_new(&s, SNAPSHOT_PUSHED, NULL, token);
}

static enum members_place place(const struct members *m, const char *issued_at, unsigned members)
{
	struct snapshot s = snapshot_of(issued_at, members);
	struct snapshot_stamp stamp = snapshot_stamp(&s);

	snapshot_deinit(&s);
	return members_place(m, &stamp);
}

static void commit(struct members *m, const char *issued_at, unsigned members)
{
	struct snapshot old = {0};

	m->storing = judged(issued_at, members, 1);
	judged_free(members_commit(m, &old, at("2026-06-01T12:00:00Z")));
	snapshot_deinit(&old);
}

static void only_a_newer_one_gets_further(void **state)
{
	struct members m = {0};

	(void)state;
	assert_int_equal(place(&m, "2026-06-01T12:00:00Z", 3), MEMBERS_NEWER);
	commit(&m, "2026-06-01T12:00:00Z", 3);
	assert_int_equal(place(&m, "2026-06-01T12:00:00Z", 3), MEMBERS_IS_HELD);
	assert_int_equal(place(&m, "2026-06-01T11:59:59Z", 3), MEMBERS_STALE);
	assert_int_equal(place(&m, "2026-06-01T12:00:00.000000001Z", 3), MEMBERS_NEWER);
	m.storing = judged("2026-06-01T13:00:00Z", 3, 0);
	assert_int_equal(place(&m, "2026-06-01T12:30:00Z", 3), MEMBERS_STALE);
	assert_int_equal(place(&m, "2026-06-01T13:00:00Z", 3), MEMBERS_IS_STORING);
	m.waiting = judged("2026-06-01T14:00:00Z", 3, 0);
	assert_int_equal(place(&m, "2026-06-01T13:30:00Z", 3), MEMBERS_STALE);
	assert_int_equal(place(&m, "2026-06-01T14:00:00Z", 3), MEMBERS_IS_WAITING);
	assert_int_equal(place(&m, "2026-06-01T15:00:00Z", 3), MEMBERS_NEWER);
	members_deinit(&m);
}

static void the_floor_never_falls_but_its_own_list_may_come_back(void **state)
{
	struct members m = {0};
	struct snapshot s = snapshot_of("2026-06-01T12:00:00Z", 3);
	struct snapshot_stamp floor = snapshot_stamp(&s), lower = floor;

	(void)state;
	members_raise_floor(&m, &floor);
	lower.issued_at.sec--;
	members_raise_floor(&m, &lower);
	assert_int_equal(snapshot_stamp_cmp(&m.floor, &floor), 0);
	assert_int_equal(place(&m, "2026-06-01T12:00:00Z", 3), MEMBERS_NEWER);
	assert_int_equal(place(&m, "2026-06-01T11:00:00Z", 3), MEMBERS_STALE);
	snapshot_deinit(&s);
	members_deinit(&m);
}

static void two_for_one_instant_are_noticed_and_told_once(void **state)
{
	struct members m = {0};
	struct snapshot other = snapshot_of("2026-06-01T12:00:00Z", 4);

	(void)state;
	assert_null(members_conflict(&m, &other));
	commit(&m, "2026-06-01T12:00:00Z", 3);
	assert_ptr_equal(members_conflict(&m, &other), &m.held);
	assert_true(members_conflict_is_new(&m, other.hash));
	assert_false(members_conflict_is_new(&m, other.hash));
	for (uint8_t i = 0; i < MEMBERS_CONFLICTS_MAX; i++) {
		uint8_t hash[SNAPSHOT_HASH_BYTES] = {i, 1};

		assert_true(members_conflict_is_new(&m, hash));
	}
	assert_true(members_conflict_is_new(&m, other.hash)); /* forgotten */
	snapshot_deinit(&other);
	members_deinit(&m);
}

static void an_issuer_may_apply_five_at_once_and_one_a_second(void **state)
{
	struct members m = {0};
	struct peer_id one = person_id(1), other = person_id(2);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_true(members_may_apply(&m, &one, t0));
	assert_false(members_may_apply(&m, &one, t0));
	assert_true(members_may_apply(&m, &other, t0));
	assert_int_equal(members_apply_at(&m, &one).ns, mono_add_ms(t0, 1000).ns);
	assert_false(members_may_apply(&m, &one, mono_add_ms(t0, 999)));
	assert_true(members_may_apply(&m, &one, mono_add_ms(t0, 1000)));
	/* More issuers than the table has do not get more than their burst. */
	for (uint8_t i = 10; i < 40; i++) {
		struct peer_id many = person_id(i);

		assert_true(members_may_apply(&m, &many, t0));
	}
	members_deinit(&m);
}

static void askers_beyond_the_table_are_turned_away(void **state)
{
	struct judged *j = judged("2026-06-01T12:00:00Z", 3, 1);

	(void)state;
	for (unsigned i = 1; i < MEMBERS_TOKENS_MAX; i++)
		assert_true(judged_add_token(j, i + 1));
	assert_false(judged_add_token(j, 1000));
	assert_true(judged_add_token(j, 0)); /* nobody */
	judged_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_newer_one_gets_further),
		cmocka_unit_test(the_floor_never_falls_but_its_own_list_may_come_back),
		cmocka_unit_test(two_for_one_instant_are_noticed_and_told_once),
		cmocka_unit_test(an_issuer_may_apply_five_at_once_and_one_a_second),
		cmocka_unit_test(askers_beyond_the_table_are_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
