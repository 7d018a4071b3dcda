/* SPDX-License-Identifier: Apache-2.0 */
/* What is QUIC's own in a conn: its deadlines, its ends, its limits, and trains of datagrams. What it
 * has in common with pipes is tested with them. */
#include <sodium.h>

#include "tests/lib/p2ptest.h"
#include "tests/lib/pair.h"

#define ECHO  "/test/echo/1.0.0"
#define OTHER "/test/other/1.0.0"

static struct pair p; /* large: not for the stack */

static int setup(void **state)
{
	(void)state;
	pair_init_over(&p, PAIR_QUIC, 1);
	p.side[PAIR_L].echoes = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_deinit(&p);
	return 0;
}

static struct conn *conn_at(int side)
{
	return p.side[side].conn;
}

static struct conn_info info_of(int side)
{
	struct conn_info info;

	conn_info(conn_at(side), &info);
	return info;
}

static void a_conn_tells_its_path_and_keeps_it_after_its_end(void **state)
{
	(void)state;
	pair_open(&p);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(info_of(PAIR_D).path.local.port, 4001);
		assert_int_equal(info_of(PAIR_D).path.remote.port, 4002);
		assert_int_equal(info_of(PAIR_L).path.local.port, 4002);
		assert_string_equal(info_of(PAIR_L).security, "tls");
		assert_string_equal(info_of(PAIR_L).muxer, "quic");
		assert_true(info_of(PAIR_L).last_heard.ns > t0.ns);
		conn_close(conn_at(PAIR_D), "idle", p.now);
		pair_run(&p);
	}
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "remote_idle");
	assert_true(info_of(PAIR_L).memory <= 4096);
}

/* ---- before it is open ---- */

static void a_listener_that_does_not_answer_is_given_up_after_ten_seconds(void **state)
{
	(void)state;
	p.side[PAIR_L].is_deaf = true;
	pair_start(&p);
	assert_string_equal(info_of(PAIR_D).state, "securing");
	/* It asks to be looked at: an accepted one may have failed already. */
	assert_int_equal(conn_deadline(conn_at(PAIR_D)).ns, 0);
	pair_events(&p, PAIR_D);
	assert_true(conn_deadline(conn_at(PAIR_D)).ns > 0);
	pair_pass(&p, CONN_STEP_MS_MAX - 100);
	assert_false(p.side[PAIR_D].is_closed);
	pair_pass(&p, 200);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_TIMEOUT, "quic_handshake_timeout");
}

static void a_refusing_listener_is_heard_by_the_dialer(void **state)
{
	(void)state;
	p.side[PAIR_L].expected = p.side[PAIR_L].id;
	pair_start(&p);
	pair_run(&p);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_MISMATCH, "peer_id_mismatch");
	pair_assert_closed(&p, PAIR_D, P2P_ERR_REFUSED, "tls_alert_received");
	assert_false(p.side[PAIR_L].is_proven);
}

static void an_expired_certificate_is_refused(void **state)
{
	(void)state;
	p.wall.sec += INT64_C(3600) * 24 * 366 * 150;
	pair_start(&p);
	pair_run(&p);
	assert_true(p.side[PAIR_D].is_closed);
	assert_string_equal(pair_find(&p, PAIR_D, CONN_CLOSED, 0, NULL)->why, "tls_cert_expired");
	assert_true(p.side[PAIR_L].is_closed);
}

static void last_words_leave_once_and_only_while_there_is_a_transport(void **state)
{
	(void)state;
	for (int end = 0; end < 3; end++) {
		struct buf out = BUF_INIT;
		struct datagram_train train;

		p.side[PAIR_D].expected = p.side[PAIR_D].id;
		pair_start(&p);
		(void)pair_flight(&p, PAIR_D);
		(void)pair_flight(&p, PAIR_L);
		pair_assert_closed(&p, PAIR_D, P2P_ERR_MISMATCH, "peer_id_mismatch");
		assert_true(conn_wants_send(conn_at(PAIR_D)));
		if (end == 1)
			conn_eof(conn_at(PAIR_D), P2P_ERR_CLOSED);
		if (end == 2)
			conn_abort(conn_at(PAIR_D), P2P_ERR_BUSY, "because");
		assert_int_equal(
			conn_send_train(conn_at(PAIR_D), &out, 65000, p.now, &train), end == 0);
		assert_int_equal(out.len > 0, end == 0);
		assert_false(conn_send_train(conn_at(PAIR_D), &out, 65000, p.now, &train));
		assert_false(conn_wants_send(conn_at(PAIR_D)));
		pair_events(&p, PAIR_D);
		assert_int_equal(pair_count(&p, PAIR_D, CONN_CLOSED), 1);
		assert_true(mono_is_never(conn_deadline(conn_at(PAIR_D))));
		buf_deinit(&out);
	}
}

static void a_conn_may_be_freed_at_any_moment(void **state)
{
	(void)state;
	for (unsigned flights = 0; flights < 8; flights++) {
		pair_start(&p);
		for (unsigned i = 0; i < flights; i++)
			(void)pair_flight(&p, (int)(i % 2));
		if (flights == 6)
			(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
		conn_free(conn_at(PAIR_D));
		p.side[PAIR_D].conn = NULL;
	}
}

/* ---- datagrams ---- */

static void a_changed_datagram_is_as_good_as_lost(void **state)
{
	struct buf *wire = &p.side[PAIR_L].wire;
	uint32_t id;

	(void)state;
	pair_open(&p);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	for (size_t at = 2; at < 32; at += 3) {
		size_t had = pair_got(&p, PAIR_L, id).len;

		assert_int_equal(conn_write(conn_at(PAIR_D), id, BYTES_LIT("right")), 5);
		p.side[PAIR_L].is_deaf = true;
		assert_true(pair_flight(&p, PAIR_D));
		assert_true(wire->len > at);
		wire->data[at] ^= 0x20;
		p.side[PAIR_L].is_deaf = false;
		pair_pass(&p, 3000); /* it is sent again */
		assert_int_equal(pair_got(&p, PAIR_L, id).len, had + 5);
		assert_bytes(bytes_from(pair_got(&p, PAIR_L, id), had), BYTES_LIT("right"));
		assert_true(pair_is_open(&p));
	}
}

static void trains_keep_to_their_budget_and_end(void **state)
{
	static uint8_t much[200000];
	struct buf out = BUF_INIT;
	struct datagram_train train;
	size_t sent = 0;
	uint32_t id;

	(void)state;
	pair_open(&p);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	assert_true(conn_write(conn_at(PAIR_D), id, bytes_of(much, sizeof(much))) > 100000);
	/* A tiny budget still moves something. */
	assert_true(conn_send_train(conn_at(PAIR_D), &out, 1, p.now, &train));
	while (out.len) {
		assert_true(out.len <= 4096 || sent > 0);
		assert_in_range(train.segment, 1, DATAGRAM_BYTES_MAX);
		assert_true(out.len <= DATAGRAM_TRAIN_BYTES && out.len <= 64 * train.segment);
		sent += out.len;
		buf_reset(&out);
		if (!conn_send_train(conn_at(PAIR_D), &out, 20000, p.now, &train))
			break;
		assert_true(out.len <= 20000);
	}
	assert_int_equal(out.len, 0);
	assert_true(sent > 10000); /* the first window of congestion */
	buf_deinit(&out);
}

/* ---- limits ---- */

static void a_stream_beyond_the_granted_number_is_refused(void **state)
{
	(void)state;
	p.side[PAIR_L].grant.streams_in_max = 3;
	pair_open(&p);
	for (int i = 0; i < 5; i++)
		(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	pair_run(&p);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 3);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_AGREED), 3);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_REFUSED), 2);
	assert_int_equal(pair_find(&p, PAIR_D, CONN_STREAM_REFUSED, 0, NULL)->err, P2P_ERR_RESET);
	assert_int_equal(info_of(PAIR_D).streams_out, 3);
}

static void each_protocol_has_its_own_bound(void **state)
{
	(void)state;
	p.side[PAIR_L].grant.per_protocol_max = 2;
	pair_open(&p);
	for (int i = 0; i < 3; i++)
		(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	(void)pair_say(&p, PAIR_D, OTHER, BYTES_LIT("x"));
	pair_run(&p);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 3);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_REFUSED), 1);
}

static void nothing_granted_means_nothing_opens(void **state)
{
	(void)state;
	p.side[PAIR_L].grant = (struct conn_grant){0};
	pair_open(&p);
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	pair_run(&p);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 0);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_REFUSED), 1);
	assert_true(pair_is_open(&p));
}

static void much_that_came_before_the_judgement_is_not_lost(void **state)
{
	static uint8_t much[150000];
	uint32_t ids[4];

	(void)state;
	p.side[PAIR_L].holds_judgement = true;
	p.side[PAIR_L].echoes = false;
	pair_start(&p);
	while (!p.side[PAIR_D].is_proven)
		assert_true(pair_flight(&p, PAIR_D) && pair_flight(&p, PAIR_L));
	for (int i = 0; i < 4; i++)
		ids[i] = pair_say(&p, PAIR_D, ECHO, bytes_of(much, sizeof(much)));
	(void)pair_flight(&p, PAIR_D);
	assert_true(p.side[PAIR_L].is_proven);
	assert_int_equal(p.side[PAIR_L].event_count, 1);
	/* It has something to tell though nothing arrives. */
	conn_admit(conn_at(PAIR_L), &p.side[PAIR_L].grant, p.now);
	assert_int_equal(conn_deadline(conn_at(PAIR_L)).ns, 0);
	pair_events(&p, PAIR_L);
	assert_true(pair_count(&p, PAIR_L, CONN_STREAM_IN) > 0);
	assert_false(mono_reached(conn_deadline(conn_at(PAIR_L)), MONO_ZERO));
	pair_run(&p);
	for (int i = 0; i < 4; i++)
		assert_bytes(pair_got(&p, PAIR_L, ids[i]), bytes_of(much, sizeof(much)));
}

static void more_than_four_pings_are_not_sent(void **state)
{
	(void)state;
	pair_open(&p);
	for (int i = 0; i < 10; i++)
		conn_ping(conn_at(PAIR_D), p.now);
	pair_run(&p);
	assert_in_range(pair_count(&p, PAIR_D, CONN_PONG), 1, 4);
	assert_in_range(pair_find(&p, PAIR_D, CONN_PONG, 0, NULL)->rtt_ns,
		2 * PAIR_FLIGHT_MS * NS_PER_MS - 1, 100 * NS_PER_MS); /* a step of the clock */
	conn_ping(conn_at(PAIR_D), p.now);
	pair_run(&p);
	assert_in_range(pair_count(&p, PAIR_D, CONN_PONG), 2, 5);
}

/* ---- ends ---- */

static void a_peer_that_vanishes_stops_the_writer_and_then_ends_the_conn(void **state)
{
	static uint8_t block[65536];
	struct conn_info info;
	mono_t begun;
	uint32_t id;

	(void)state;
	p.side[PAIR_D].grant.send_bytes_max = 100000;
	pair_open(&p);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	pair_run(&p);
	p.side[PAIR_L].is_deaf = true;
	begun = p.now;
	while (conn_write(conn_at(PAIR_D), id, bytes_of(block, sizeof(block))) > 0)
		(void)pair_flight(&p, PAIR_D);
	info = info_of(PAIR_D);
	assert_in_range(info.send_queued, 50000, 100000);
	assert_true(info.memory < 512 * 1024);
	pair_pass(&p, CONN_STALL_MS_MAX - 1000 - mono_since_ms(p.now, begun));
	assert_false(p.side[PAIR_D].is_closed);
	pair_pass(&p, 2000);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_TIMEOUT, "send_stalled");
}

static void a_peer_that_has_forgotten_us_says_so(void **state)
{
	(void)state;
	pair_open(&p);
	conn_free(conn_at(PAIR_L));
	p.side[PAIR_L].conn = NULL;
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("anybody there?"));
	pair_run(&p);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_RESET, "quic_reset");
}

static void what_arrived_before_the_end_is_told_before_it(void **state)
{
	struct buf out = BUF_INIT;
	struct datagram_train train;
	struct conn_event ev;
	struct datagram in;
	uint32_t id;

	(void)state;
	pair_open(&p);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("just in time"));
	assert_true(conn_send_train(conn_at(PAIR_D), &out, 65000, p.now, &train));
	in = (struct datagram){.path = {train.path.remote, train.path.local},
		.data = bytes_head(buf_bytes(&out), train.segment)};
	assert_ok(conn_recv_datagram(conn_at(PAIR_L), &in, p.now));
	conn_eof(conn_at(PAIR_L), P2P_ERR_CLOSED);
	assert_true(mono_reached(conn_deadline(conn_at(PAIR_L)), p.now));
	assert_true(conn_next(conn_at(PAIR_L), &ev));
	assert_int_equal(ev.kind, CONN_STREAM_IN);
	assert_true(conn_next(conn_at(PAIR_L), &ev));
	assert_int_equal(ev.kind, CONN_STREAM_DATA);
	assert_int_equal(ev.stream, id);
	assert_bytes(ev.data, BYTES_LIT("just in time"));
	assert_true(conn_next(conn_at(PAIR_L), &ev));
	assert_int_equal(ev.kind, CONN_CLOSED);
	assert_string_equal(ev.why, "remote_eof");
	assert_false(conn_next(conn_at(PAIR_L), &ev));
	assert_int_equal(conn_recv_datagram(conn_at(PAIR_L), &in, p.now), P2P_ERR_CLOSED);
	assert_false(conn_wants_send(conn_at(PAIR_L)));
	buf_deinit(&out);
}

static void a_goodbye_ends_with_the_datagram_that_says_it(void **state)
{
	struct buf out = BUF_INIT;
	struct datagram_train train;
	struct conn_event ev;

	(void)state;
	pair_open(&p);
	conn_close(conn_at(PAIR_D), "shutdown", p.now);
	assert_true(conn_wants_send(conn_at(PAIR_D)));
	assert_false(conn_next(conn_at(PAIR_D), &ev));
	assert_true(conn_send_train(conn_at(PAIR_D), &out, 65000, p.now, &train));
	assert_true(mono_reached(conn_deadline(conn_at(PAIR_D)), p.now));
	assert_true(conn_next(conn_at(PAIR_D), &ev));
	assert_int_equal(ev.kind, CONN_CLOSED);
	assert_string_equal(ev.why, "shutdown");
	assert_int_equal(ev.err, P2P_ERR_CLOSED);
	assert_false(conn_wants_send(conn_at(PAIR_D)));
	buf_deinit(&out);
}

static void both_may_say_goodbye_at_once(void **state)
{
	(void)state;
	pair_open(&p);
	conn_close(conn_at(PAIR_D), "here", p.now);
	conn_close(conn_at(PAIR_L), "there", p.now);
	pair_run(&p);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, "here");
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "there");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_conn_tells_its_path_and_keeps_it_after_its_end),
		TEST(a_listener_that_does_not_answer_is_given_up_after_ten_seconds),
		TEST(a_refusing_listener_is_heard_by_the_dialer),
		TEST(an_expired_certificate_is_refused),
		TEST(last_words_leave_once_and_only_while_there_is_a_transport),
		TEST(a_conn_may_be_freed_at_any_moment),
		TEST(a_changed_datagram_is_as_good_as_lost),
		TEST(trains_keep_to_their_budget_and_end),
		TEST(a_stream_beyond_the_granted_number_is_refused),
		TEST(each_protocol_has_its_own_bound),
		TEST(nothing_granted_means_nothing_opens),
		TEST(much_that_came_before_the_judgement_is_not_lost),
		TEST(more_than_four_pings_are_not_sent),
		TEST(a_peer_that_vanishes_stops_the_writer_and_then_ends_the_conn),
		TEST(a_peer_that_has_forgotten_us_says_so),
		TEST(what_arrived_before_the_end_is_told_before_it),
		TEST(a_goodbye_ends_with_the_datagram_that_says_it),
		TEST(both_may_say_goodbye_at_once),
	};
	int failed;

	if (sodium_init() < 0 || tls_global_init())
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tls_global_deinit();
	return failed;
}
