/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/identify.h"

#include "proto/libp2p/identify.h"
#include "proto/libp2p/ping.h"
#include "tests/lib/nodes.h"

static struct loop *l;
static struct node a, b;

static int setup(void **state)
{
	(void)state;
	if (loop_new(&l))
		return -1;
	node_init(&a, l, 1);
	node_init(&b, l, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	node_deinit(&a);
	node_deinit(&b);
	loop_free(l);
	return 0;
}

static void both_sides_learn_protocols_addresses_and_record(void **state)
{
	struct maddr want, got[4];
	struct peer_record rec;

	(void)state;
	(void)nodes_connect(&a, &b);
	assert_int_equal(a.said_protocols, 3);
	assert_string_equal(a.said_agent, "p2pos/test");
	assert_int_equal(peerbook_speaks(a.book, &b.id, PING_PROTOCOL), 1);
	assert_int_equal(peerbook_speaks(a.book, &b.id, "/nobody/1.0.0"), 0);
	assert_int_equal(peerbook_speaks(a.book, &a.id, PING_PROTOCOL), -1);
	assert_string_equal(peerbook_agent(a.book, &b.id), "p2pos/test");
	maddr_from_ip_tcp(&b.addr, &want);
	assert_int_equal(peerbook_dial_addrs(a.book, &b.id, got, 4), 2);
	assert_true(maddr_eq(&got[0], &want) || maddr_eq(&got[1], &want));
	/* The listener cannot dial the port that a came from: it knows the one that a listens on. */
	maddr_from_ip_tcp(&a.addr, &want);
	assert_int_equal(peerbook_dial_addrs(b.book, &a.id, got, 4), 2);
	assert_true(maddr_eq(&got[0], &want) || maddr_eq(&got[1], &want));
	assert_true(a.said_record > 0);
	assert_ok(peer_record_open(peerbook_sealed(a.book, &b.id), &rec));
	assert_true(peer_id_eq(&rec.peer, &b.id));
	assert_true(maddr_kind(&a.observed) == MADDR_TCP);
}

static void asking_again_is_allowed_but_not_twice_at_once(void **state)
{
	uint64_t conn = nodes_connect(&a, &b);

	(void)state;
	assert_ok(identify_ask(a.identify, conn));
	assert_err(identify_ask(a.identify, conn), P2P_ERR_BUSY);
	turn_until(l, a.identified == 2);
	assert_err(identify_ask(a.identify, 12345), P2P_ERR_CLOSED);
}

static void a_change_is_pushed_to_those_that_take_pushes(void **state)
{
	struct maddr announce, got[4];

	(void)state;
	(void)nodes_connect(&a, &b);
	turn_times(l, 10);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/127.0.0.9/tcp/4100"), &announce));
	assert_true(self_set_addrs(b.self, NULL, 0, &announce, 1));
	identify_push_all(b.identify);
	identify_push_all(b.identify); /* gathered */
	loop_skip_ms(l, IDENTIFY_PUSH_OUT_MS);
	turn_until(l, a.identified == 2);
	assert_int_equal(a.said_addrs, 1);
	/* The record's old address is gone; the one that we dialled stays, because it worked. */
	assert_int_equal(peerbook_dial_addrs(a.book, &b.id, got, 4), 2);
	assert_true(maddr_eq(&got[1], &announce));
}

static void pushes_are_taken_once_in_ten_seconds(void **state)
{
	(void)state;
	(void)nodes_connect(&a, &b);
	turn_times(l, 10);
	for (int i = 0; i < 3; i++) {
		identify_push_all(b.identify);
		loop_skip_ms(l, IDENTIFY_PUSH_OUT_MS);
		turn_times(l, 20);
	}
	assert_int_equal(a.identified, 2);
	loop_skip_ms(l, IDENTIFY_PUSH_IN_MS);
	identify_push_all(b.identify);
	loop_skip_ms(l, IDENTIFY_PUSH_OUT_MS);
	turn_until(l, a.identified == 3);
}

static void a_peer_without_identify_is_told_as_an_error(void **state)
{
	struct maddr to = node_maddr(&b);
	struct dial_outcome o;

	(void)state;
	b.grant.conn.protocol_count = 0; /* b lets a in, but grants it nothing */
	node_dial(&a, &to, NULL, &o);
	turn_until(l, a.identify_failed == 1);
	assert_err(a.last_err, P2P_ERR_UNSUPPORTED);
}

static void a_lost_connection_is_told_as_an_error(void **state)
{
	uint64_t conn = nodes_connect(&a, &b);

	(void)state;
	assert_ok(identify_ask(a.identify, conn));
	swarm_close(a.swarm, conn, "test");
	turn_until(l, a.identify_failed == 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_sides_learn_protocols_addresses_and_record),
		TEST(asking_again_is_allowed_but_not_twice_at_once),
		TEST(a_change_is_pushed_to_those_that_take_pushes),
		TEST(pushes_are_taken_once_in_ten_seconds),
		TEST(a_peer_without_identify_is_told_as_an_error),
		TEST(a_lost_connection_is_told_as_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
