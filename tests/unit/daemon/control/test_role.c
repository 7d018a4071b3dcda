/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/role.h"

#include <grp.h>
#include <unistd.h>

#include "daemon/control/observed.h"
#include "tests/lib/p2ptest.h"

#define OWN     991u
#define ALICE   1001u
#define BOB     1002u
#define ADMINS  500u
#define READERS 600u

static uid_t alice[] = {ALICE};

static struct pipe_caller caller(uid_t uid, gid_t gid)
{
	return (struct pipe_caller){.uid = uid, .gid = gid, .pid = 1};
}

static enum rpc_role role(const struct role_rules *r, uid_t uid, gid_t gid)
{
	struct pipe_caller who = caller(uid, gid);

	return role_of(r, &who);
}

static void root_and_our_own_user_may_do_all(void **state)
{
	const struct role_rules none = {.own_uid = OWN, .socket_group = PIPE_NO_GROUP,
		.admins = {.gid = PIPE_NO_GROUP}, .readers = {.gid = PIPE_NO_GROUP}};

	(void)state;
	assert_int_equal(role(&none, 0, 0), RPC_ROLE_ADMIN);
	assert_int_equal(role(&none, OWN, OWN), RPC_ROLE_ADMIN);
	assert_int_equal(role(&none, ALICE, OWN), RPC_ROLE_NONE);
	assert_int_equal(role_socket_mode(&none), 0600);
}

static void the_group_of_the_socket_may_do_all(void **state)
{
	const struct role_rules r = {.own_uid = OWN, .socket_group = ADMINS,
		.admins = {.gid = PIPE_NO_GROUP}, .readers = {.gid = PIPE_NO_GROUP}};

	(void)state;
	assert_int_equal(role(&r, ALICE, ALICE), RPC_ROLE_ADMIN); /* the file let her in */
	assert_int_equal(role_socket_mode(&r), 0660);
}

static void a_read_only_group_may_read_and_others_stay_out(void **state)
{
	const struct role_rules r = {.own_uid = OWN, .socket_group = ADMINS,
		.admins = {.gid = ADMINS, .count = 1, .uids = alice}, .readers = {.gid = READERS}};

	(void)state;
	assert_int_equal(role(&r, ALICE, ALICE), RPC_ROLE_ADMIN);
	assert_int_equal(role(&r, BOB, ADMINS), RPC_ROLE_ADMIN);
	assert_int_equal(role(&r, BOB, READERS), RPC_ROLE_READER);
	assert_int_equal(role(&r, BOB, BOB), RPC_ROLE_NONE);
	assert_int_equal(role(&r, 0, 0), RPC_ROLE_ADMIN);
	assert_int_equal(role_socket_mode(&r), 0666);
}

static void the_sockets_own_group_can_be_the_read_only_one(void **state)
{
	const struct role_rules r = {.own_uid = OWN, .socket_group = READERS,
		.admins = {.gid = PIPE_NO_GROUP}, .readers = {.gid = READERS, .count = 1, .uids = alice}};

	(void)state;
	assert_int_equal(role(&r, ALICE, ALICE), RPC_ROLE_READER);
	assert_int_equal(role(&r, BOB, READERS), RPC_ROLE_READER);
	assert_int_equal(role(&r, OWN, OWN), RPC_ROLE_ADMIN);
	assert_int_equal(role_socket_mode(&r), 0660);
}

static void groups_are_looked_up_by_name(void **state)
{
	struct group *g = getgrgid(0);
	struct role_rules r;

	(void)state;
	assert_non_null(g);
	assert_ok(role_rules_init(&r, PIPE_NO_GROUP, g->gr_name, true));
	assert_int_equal(r.readers.gid, 0);
	assert_int_equal(r.own_uid, geteuid());
	role_rules_deinit(&r);
	role_rules_deinit(&r);
	assert_err(role_rules_init(&r, PIPE_NO_GROUP, "no-such-group-here", false), P2P_ERR_CONFIG);
	assert_ok(role_rules_init(&r, PIPE_NO_GROUP, "", false));
	role_rules_deinit(&r);
}

/* Under PrivateUsers= everybody but root and our own user has the overflow ids. */
static void who_cannot_be_told_apart_is_judged_by_the_file_that_let_him_in(void **state)
{
	struct group *g = getgrgid(0);
	struct role_rules r;

	(void)state;
	/* Readers of another group come by a door of their own: here are only admins. */
	assert_ok(role_rules_init(&r, ADMINS, g->gr_name, false));
	r.own_uid = OWN;
	assert_true(r.readers_have_door);
	assert_int_equal(role_socket_mode(&r), 0660);
	assert_int_equal(role(&r, 65534, 65534), RPC_ROLE_ADMIN);
	role_rules_deinit(&r);
	/* With the socket's own group as the reading one no second door is needed. */
	assert_ok(role_rules_init(&r, 0, g->gr_name, false));
	r.own_uid = OWN;
	assert_false(r.readers_have_door);
	assert_int_equal(role_socket_mode(&r), 0660);
	assert_int_equal(role(&r, 65534, 65534), RPC_ROLE_READER);
	assert_int_equal(role(&r, OWN, OWN), RPC_ROLE_ADMIN);
	role_rules_deinit(&r);
	/* A node of somebody's own lets nobody else in. */
	assert_ok(role_rules_init(&r, PIPE_NO_GROUP, g->gr_name, false));
	r.own_uid = OWN;
	assert_int_equal(role_socket_mode(&r), 0600);
	assert_int_equal(role(&r, 65534, 65534), RPC_ROLE_NONE);
	role_rules_deinit(&r);
}

/* ---- observed addresses ---- */

static struct maddr addr(const char *text)
{
	struct maddr a;

	assert_ok(maddr_parse(bytes_str(text), &a));
	return a;
}

static struct peer_id peer(uint8_t n)
{
	return (struct peer_id){.len = 2, .at = {0, n}};
}

static void observations_are_counted_by_address(void **state)
{
	struct observed o = {0};
	struct maddr here = addr("/ip4/203.0.113.10/tcp/4100"), there = addr("/ip4/203.0.113.11/tcp/4100"),
		     got;
	unsigned peers;

	(void)state;
	for (uint8_t i = 0; i < 3; i++) {
		struct peer_id by = peer(i);

		observed_note(&o, &by, &here);
		observed_note(&o, &by, i == 2 ? &there : &here);
	}
	assert_true(observed_at(&o, 0, &got, &peers));
	assert_true(maddr_eq(&got, &here) && peers == 2);
	assert_true(observed_at(&o, 1, &got, &peers));
	assert_true(maddr_eq(&got, &there) && peers == 1);
	assert_false(observed_at(&o, 2, &got, &peers));
}

static void the_oldest_observation_makes_room(void **state)
{
	struct maddr here = addr("/ip4/203.0.113.10/tcp/4100"), there = addr("/ip4/203.0.113.11/tcp/4100"),
		     got;
	struct observed o = {0};
	unsigned peers;

	(void)state;
	for (unsigned i = 0; i < OBSERVED_MAX + 5; i++) {
		struct peer_id by = peer((uint8_t)i);

		observed_note(&o, &by, i < 5 ? &here : &there);
	}
	assert_int_equal(o.count, OBSERVED_MAX);
	assert_true(observed_at(&o, 0, &got, &peers));
	assert_true(maddr_eq(&got, &there) && peers == OBSERVED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_and_our_own_user_may_do_all),
		cmocka_unit_test(the_group_of_the_socket_may_do_all),
		cmocka_unit_test(a_read_only_group_may_read_and_others_stay_out),
		cmocka_unit_test(the_sockets_own_group_can_be_the_read_only_one),
		cmocka_unit_test(groups_are_looked_up_by_name),
		cmocka_unit_test(who_cannot_be_told_apart_is_judged_by_the_file_that_let_him_in),
		cmocka_unit_test(observations_are_counted_by_address),
		cmocka_unit_test(the_oldest_observation_makes_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
