/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: opened by either side, ended in every way, held to their limits. */
#include <stdlib.h>

#include "proto/base/mem.h"
#include "proto/quic/conn.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_pair.h"

static struct quic_pair p;

static struct quic_conn *conn(int side)
{
	return p.side[side].conn;
}

static struct quic_info info_of(int side)
{
	struct quic_info info;

	quic_info(conn(side), &info);
	return info;
}

/* `len` bytes that can be told apart; good until the next call. */
static struct bytes pattern(size_t len)
{
	static uint8_t *at;
	static size_t cap;

	if (cap < len) {
		at = xrealloc(at, len);
		cap = len;
		for (size_t i = 0; i < len; i++)
			at[i] = (uint8_t)(i * 31 + i / 251);
	}
	return bytes_of(at, len);
}

static void assert_no_streams(void)
{
	for (int i = 0; i < 2; i++) {
		struct quic_info info = info_of(i);

		assert_int_equal(info.inbound, 0);
		assert_int_equal(info.outbound, 0);
		assert_int_equal(info.queued_bytes, 0);
		assert_int_equal(info.unread_bytes, 0);
	}
}

static void either_side_opens_streams(void **state)
{
	uint32_t d, l;

	(void)state;
	quic_pair_init(&p, 1);
	quic_pair_open(&p);
	d = quic_pair_say(&p, QUIC_D, BYTES_LIT("from the dialer"));
	l = quic_pair_say(&p, QUIC_L, BYTES_LIT("from the listener"));
	assert_int_equal(d & 1, 1);
	assert_int_equal(l & 1, 0);
	quic_pair_run(&p);
	assert_bytes(quic_pair_got(&p, QUIC_L, d), BYTES_LIT("from the dialer"));
	assert_bytes(quic_pair_got(&p, QUIC_D, l), BYTES_LIT("from the listener"));
	assert_int_equal(info_of(QUIC_L).inbound, 1);
	assert_int_equal(info_of(QUIC_L).outbound, 1);
	quic_pair_deinit(&p);
}

static void a_stream_is_gone_when_both_directions_have_ended(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 2);
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, BYTES_LIT("a question"));
	assert_ok(quic_finish(conn(QUIC_D), s));
	assert_ok(quic_finish(conn(QUIC_D), s)); /* twice does nothing */
	assert_err(quic_write(conn(QUIC_D), s, BYTES_LIT("more")), P2P_ERR_CLOSED);
	quic_pair_run(&p);
	assert_true(quic_pair_ended(&p, QUIC_L, s));
	assert_int_equal(quic_write(conn(QUIC_L), s, BYTES_LIT("an answer")), 9);
	assert_ok(quic_finish(conn(QUIC_L), s));
	quic_pair_run(&p);
	assert_bytes(quic_pair_got(&p, QUIC_D, s), BYTES_LIT("an answer"));
	assert_true(quic_pair_ended(&p, QUIC_D, s));
	assert_no_streams();
	assert_err(quic_write(conn(QUIC_D), s, BYTES_LIT("x")), P2P_ERR_NOT_FOUND);
	assert_err(quic_finish(conn(QUIC_L), s), P2P_ERR_NOT_FOUND);
	assert_err(quic_reset(conn(QUIC_L), s, 0), P2P_ERR_NOT_FOUND);
	assert_err(quic_consumed(conn(QUIC_L), s, 0), P2P_ERR_NOT_FOUND);
	assert_int_equal(quic_room(conn(QUIC_L), s), 0);
	assert_int_equal(quic_unread(conn(QUIC_L), s).len, 0);
	assert_int_equal(quic_pair_count(&p, QUIC_D, QUIC_RESET), 0);
	quic_pair_deinit(&p);
}

static void an_end_without_any_bytes_arrives(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 3);
	p.side[QUIC_L].echoes = true;
	quic_pair_open(&p);
	assert_ok(quic_open(conn(QUIC_D), &s));
	assert_ok(quic_finish(conn(QUIC_D), s));
	quic_pair_run(&p);
	assert_true(quic_pair_ended(&p, QUIC_L, s));
	assert_true(quic_pair_ended(&p, QUIC_D, s));
	assert_int_equal(quic_pair_count(&p, QUIC_L, QUIC_DATA), 0);
	assert_no_streams();
	quic_pair_deinit(&p);
}

static void a_reset_ends_both_directions_and_says_why(void **state)
{
	const struct quic_event *ev;
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 4);
	p.side[QUIC_L].is_lazy = true;
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, BYTES_LIT("never read"));
	quic_pair_run(&p);
	assert_int_equal(info_of(QUIC_L).unread_bytes, 10);
	assert_ok(quic_reset(conn(QUIC_D), s, 0x1003));
	assert_err(quic_finish(conn(QUIC_D), s), P2P_ERR_NOT_FOUND); /* at once */
	quic_pair_run(&p);
	ev = quic_pair_find(&p, QUIC_L, QUIC_RESET, 0, NULL);
	assert_non_null(ev);
	assert_int_equal(ev->stream, s);
	assert_int_equal(ev->code, 0x1003);
	assert_err(quic_write(conn(QUIC_L), s, BYTES_LIT("x")), P2P_ERR_NOT_FOUND);
	assert_int_equal(quic_pair_count(&p, QUIC_D, QUIC_RESET), 0);
	assert_no_streams();
	quic_pair_deinit(&p);
}

/* What is under way to a side arrives there, and its owner does not ask what happened. */
static void deliver_unread(int side)
{
	for (const struct quic_pair_flight *f = p.flights; f; f = f->next) {
		struct datagram in = {f->path, f->ecn, bytes_of(f->data, f->len)};

		if (f->to == side)
			(void)quic_recv(conn(side), &in, p.now);
	}
}

static void a_connection_ends_before_its_owner_has_heard_of_a_reset(void **state)
{
	uint32_t first, second;

	(void)state;
	quic_pair_init(&p, 21);
	quic_pair_open(&p);
	first = quic_pair_say(&p, QUIC_D, BYTES_LIT("reset"));
	second = quic_pair_say(&p, QUIC_D, BYTES_LIT("goes on"));
	quic_pair_run(&p);
	assert_int_equal(info_of(QUIC_L).inbound, 2);
	p.side[QUIC_L].is_deaf = true;
	assert_ok(quic_reset(conn(QUIC_D), first, 1));
	assert_int_equal(quic_write(conn(QUIC_D), second, BYTES_LIT("more")), 4);
	quic_pair_send(&p);
	deliver_unread(QUIC_L);
	assert_int_equal(info_of(QUIC_L).inbound, 1); /* both are to be told of */
	assert_int_equal(info_of(QUIC_L).unread_bytes, 4);
	quic_free(conn(QUIC_L));
	p.side[QUIC_L].conn = NULL;
	quic_pair_deinit(&p);
}

static void a_stream_that_is_reset_before_it_was_told_is_never_told(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 5);
	p.side[QUIC_L].holds_judgement = true;
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, BYTES_LIT("hello"));
	quic_pair_run(&p);
	assert_ok(quic_reset(conn(QUIC_D), s, 0));
	quic_pair_run(&p);
	quic_set_limits(conn(QUIC_L), &p.side[QUIC_L].limits);
	quic_pair_run(&p);
	assert_int_equal(p.side[QUIC_L].event_count, 1); /* PROVEN */
	assert_no_streams();
	quic_pair_deinit(&p);
}

static void nothing_of_streams_is_told_before_the_peer_is_judged(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 6);
	p.side[QUIC_L].holds_judgement = true;
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, pattern(100000));
	assert_ok(quic_finish(conn(QUIC_D), s));
	quic_pair_run(&p);
	assert_int_equal(p.side[QUIC_L].event_count, 1);
	assert_int_equal(info_of(QUIC_L).inbound, 0);
	quic_set_limits(conn(QUIC_L), &p.side[QUIC_L].limits);
	quic_pair_run(&p);
	assert_bytes(quic_pair_got(&p, QUIC_L, s), pattern(100000));
	assert_true(quic_pair_ended(&p, QUIC_L, s));
	quic_pair_deinit(&p);
}

static void an_unjudged_peer_fills_the_first_windows_and_no_more(void **state)
{
	(void)state;
	quic_pair_init(&p, 7);
	p.side[QUIC_L].holds_judgement = true;
	quic_pair_open(&p);
	for (int i = 0; i < 4; i++) {
		uint32_t s;

		assert_ok(quic_open(conn(QUIC_D), &s));
		for (int k = 0; k < 4; k++)
			(void)quic_write(conn(QUIC_D), s, pattern(QUIC_WINDOW_BYTES));
		quic_pair_run(&p);
	}
	assert_int_equal(info_of(QUIC_L).unread_bytes, QUIC_CONN_WINDOW_BYTES);
	quic_pair_deinit(&p);
}

static void many_streams_follow_each_other(void **state)
{
	(void)state;
	quic_pair_init(&p, 8);
	p.delay_ns = 100000;
	p.side[QUIC_L].echoes = true;
	quic_pair_open(&p);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t s = quic_pair_say(&p, QUIC_D, BYTES_LIT("again"));

		assert_int_equal(s, 2 * i + 1);
		assert_ok(quic_finish(conn(QUIC_D), s));
		quic_pair_run(&p);
		assert_that(quic_pair_ended(&p, QUIC_D, s), "ended");
		quic_pair_pass(&p, 30); /* the rate of R-27 */
	}
	assert_no_streams();
	quic_pair_deinit(&p);
}

/* The question, the answer, and that it has arrived: nothing more is said, and all at once. */
static void a_question_costs_three_datagrams(void **state)
{
	uint64_t asked, answered;
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 8);
	p.side[QUIC_L].echoes = true;
	quic_pair_open(&p);
	quic_pair_pass(&p, 3000);
	asked = p.side[QUIC_D].datagrams;
	answered = p.side[QUIC_L].datagrams;
	s = quic_pair_say(&p, QUIC_D, BYTES_LIT("again"));
	assert_ok(quic_finish(conn(QUIC_D), s));
	quic_pair_pass(&p, 1000);
	assert_true(quic_pair_ended(&p, QUIC_D, s));
	assert_int_equal(p.side[QUIC_D].datagrams, asked + 2);
	assert_int_equal(p.side[QUIC_L].datagrams, answered + 1);
	quic_pair_deinit(&p);
}

/* The places of those that are gone are given back in time even when all but one are taken. */
static void one_place_is_enough_for_many(void **state)
{
	(void)state;
	quic_pair_init(&p, 8);
	p.delay_ns = 100000;
	p.side[QUIC_D].limits.outbound_max = p.side[QUIC_L].limits.inbound_max = 64;
	quic_pair_open(&p);
	for (int i = 0; i < 63; i++)
		(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("stays"));
	quic_pair_run(&p);
	p.side[QUIC_L].echoes = true;
	for (int i = 0; i < 100; i++) {
		uint32_t s = quic_pair_say(&p, QUIC_D, BYTES_LIT("again"));

		assert_ok(quic_finish(conn(QUIC_D), s));
		quic_pair_run(&p);
		assert_true(quic_pair_ended(&p, QUIC_D, s));
		quic_pair_pass(&p, 30); /* the rate of R-27 */
	}
	assert_int_equal(info_of(QUIC_L).inbound, 63);
	quic_pair_deinit(&p);
}

static void live_streams_are_bounded_on_both_sides(void **state)
{
	uint32_t s, refused = 0;

	(void)state;
	quic_pair_init(&p, 9);
	p.side[QUIC_D].limits.outbound_max = 8;
	p.side[QUIC_L].limits.inbound_max = 4;
	quic_pair_open(&p);
	for (int i = 0; i < 8; i++)
		(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("x"));
	assert_err(quic_open(conn(QUIC_D), &s), P2P_ERR_FULL);
	quic_pair_run(&p);
	assert_int_equal(quic_pair_count(&p, QUIC_L, QUIC_OPENED), 4);
	assert_int_equal(info_of(QUIC_L).inbound, 4);
	for (size_t i = 0; i < p.side[QUIC_D].event_count; i++) {
		const struct quic_event *ev = &p.side[QUIC_D].events[i];

		if (ev->kind == QUIC_RESET) {
			assert_int_equal(ev->code, 0x1002);
			refused++;
		}
	}
	assert_int_equal(refused, 4);
	assert_int_equal(info_of(QUIC_D).outbound, 4);
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("room again"));
	quic_pair_deinit(&p);
}

static void more_streams_are_granted_after_the_judgement(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 10);
	p.side[QUIC_D].limits.outbound_max = 256;
	p.side[QUIC_L].limits.inbound_max = 80;
	p.side[QUIC_L].holds_judgement = true;
	quic_pair_open(&p);
	for (int i = 0; i < 64; i++)
		(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("x"));
	assert_err(quic_open(conn(QUIC_D), &s), P2P_ERR_FULL);
	quic_set_limits(conn(QUIC_L), &p.side[QUIC_L].limits);
	quic_pair_run(&p);
	for (int i = 64; i < 80; i++)
		(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("x"));
	assert_err(quic_open(conn(QUIC_D), &s), P2P_ERR_FULL);
	quic_pair_run(&p);
	assert_int_equal(info_of(QUIC_L).inbound, 80);
	quic_pair_deinit(&p);
}

static void a_full_queue_takes_less_and_says_when_there_is_room(void **state)
{
	uint32_t bulk, small;

	(void)state;
	quic_pair_init(&p, 11);
	p.side[QUIC_D].limits.queue_bytes_max = 64 * 1024;
	quic_pair_open(&p);
	assert_ok(quic_open(conn(QUIC_D), &bulk));
	assert_int_equal(quic_room(conn(QUIC_D), bulk), 48 * 1024);
	assert_int_equal(quic_write(conn(QUIC_D), bulk, pattern(100000)), 48 * 1024);
	assert_int_equal(quic_write(conn(QUIC_D), bulk, pattern(1)), 0);
	assert_int_equal(info_of(QUIC_D).queued_bytes, 48 * 1024);
	/* A quarter is for small messages of others. */
	assert_ok(quic_open(conn(QUIC_D), &small));
	assert_int_equal(quic_write(conn(QUIC_D), small, pattern(100000)), QUIC_SMALL_BYTES);
	quic_pair_run(&p);
	assert_int_equal(info_of(QUIC_D).queued_bytes, 0);
	assert_int_equal(quic_pair_count(&p, QUIC_D, QUIC_WRITABLE), 2);
	assert_int_equal(quic_pair_got(&p, QUIC_L, bulk).len, 48 * 1024);
	quic_pair_deinit(&p);
}

static void a_slow_consumer_holds_its_stream_and_no_other(void **state)
{
	uint32_t slow, quick;

	(void)state;
	quic_pair_init(&p, 12);
	p.side[QUIC_L].is_lazy = true;
	quic_pair_open(&p);
	assert_ok(quic_open(conn(QUIC_D), &slow));
	assert_int_equal(quic_write(conn(QUIC_D), slow, pattern(400000)), QUIC_WINDOW_BYTES);
	quic_pair_run(&p);
	assert_int_equal(quic_room(conn(QUIC_D), slow), 0);
	/* It is flow control that holds it, not the path: nothing waits, nothing stalls. */
	assert_int_equal(info_of(QUIC_D).queued_bytes, 0);
	quic_pair_pass(&p, 60000);
	assert_false(p.side[QUIC_D].is_closed);
	quick = quic_pair_say(&p, QUIC_D, BYTES_LIT("passes"));
	quic_pair_run(&p);
	assert_bytes(quic_unread(conn(QUIC_L), quick), BYTES_LIT("passes"));
	assert_int_equal(quic_unread(conn(QUIC_L), slow).len, QUIC_WINDOW_BYTES);
	/* What is consumed comes back as credit. */
	assert_ok(quic_consumed(conn(QUIC_L), slow, QUIC_WINDOW_BYTES));
	quic_pair_run(&p);
	assert_int_equal(quic_pair_count(&p, QUIC_D, QUIC_WRITABLE), 1);
	assert_true(quic_room(conn(QUIC_D), slow) >= QUIC_WINDOW_BYTES);
	quic_pair_deinit(&p);
}

static void a_stream_that_would_pass_the_bound_of_unread_bytes_is_reset(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 13);
	p.side[QUIC_L].is_lazy = true;
	p.side[QUIC_L].limits.unread_bytes_max = 50000;
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, pattern(60000));
	quic_pair_run(&p);
	for (int i = 0; i < 2; i++) {
		const struct quic_event *ev = quic_pair_find(&p, i, QUIC_RESET, 0, NULL);

		assert_non_null(ev);
		assert_int_equal(ev->stream, s);
		assert_int_equal(ev->code, 0x1002);
	}
	assert_no_streams();
	quic_pair_deinit(&p);
}

/* Each stream leaves bytes behind that nobody reads. Were they not given back, the connection's
 * window would be used up after a few of them. */
static void credit_comes_back_for_bytes_that_nobody_reads(void **state)
{
	uint64_t left;
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 14);
	p.side[QUIC_L].is_lazy = true;
	quic_pair_open(&p);
	for (int i = 0; i < 30; i++) {
		assert_ok(quic_open(conn(QUIC_D), &s));
		assert_int_equal(quic_write(conn(QUIC_D), s, pattern(200000)), 200000);
		if (i % 3 == 0)
			quic_pair_run(&p);
		else
			quic_pair_pass(&p, 15); /* some of it is still on its way */
		if (i % 2)
			assert_ok(quic_reset(conn(QUIC_D), s, 0));
		else if (quic_reset(conn(QUIC_L), s, 0))
			(void)quic_reset(conn(QUIC_D), s, 0); /* had not arrived yet */
		quic_pair_run(&p);
	}
	assert_no_streams();
	/* And not twice: the peer may still send one window, not more. */
	left = ngtcp2_conn_get_max_data_left(conn(QUIC_D)->wire);
	assert_true(left > QUIC_CONN_WINDOW_BYTES / 2 && left <= QUIC_CONN_WINDOW_BYTES);
	quic_pair_deinit(&p);
}

static void bulk_gets_through_a_bad_path(void **state)
{
	const size_t total = 64 * 1024 * 1024;
	size_t done = 0;
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 15);
	p.delay_ns = 2 * NS_PER_MS;
	p.loss = 10;
	p.repeat = 20;
	p.swap = 50;
	p.spoil = 2;
	p.side[QUIC_L].keeps_no_data = true;
	quic_pair_open(&p);
	assert_ok(quic_open(conn(QUIC_D), &s));
	while (p.side[QUIC_L].received < total) {
		int n = quic_write(conn(QUIC_D), s, bytes_from(pattern(1000000), done % 7919));

		assert_true(n >= 0);
		done += (size_t)n;
		quic_pair_pass(&p, 5);
		assert_false(p.side[QUIC_D].is_closed);
		assert_false(p.side[QUIC_L].is_closed);
	}
	quic_pair_run(&p);
	assert_int_equal(p.side[QUIC_L].received, done);
	quic_pair_deinit(&p);
}

static void bytes_survive_a_bad_path_in_order(void **state)
{
	struct buf want = BUF_INIT;
	struct quic_stats stats;
	size_t done = 0;
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 16);
	p.loss = 100;
	p.repeat = 100;
	p.swap = 200;
	p.spoil = 50;
	quic_pair_open(&p);
	assert_ok(quic_open(conn(QUIC_D), &s));
	assert_ok(buf_put(&want, pattern(2000000)));
	while (done < want.len) {
		int n = quic_write(conn(QUIC_D), s, bytes_from(buf_bytes(&want), done));

		assert_true(n >= 0);
		done += (size_t)n;
		quic_pair_pass(&p, 50);
		assert_false(p.side[QUIC_D].is_closed);
	}
	assert_ok(quic_finish(conn(QUIC_D), s));
	quic_pair_pass(&p, 5000);
	assert_bytes(quic_pair_got(&p, QUIC_L, s), buf_bytes(&want));
	assert_true(quic_pair_ended(&p, QUIC_L, s));
	/* What the path lost is counted when the stream is over, at the side that sent it. */
	quic_endpoint_stats(p.side[QUIC_D].ep, &stats);
	assert_int_equal(stats.lost, 0);
	assert_ok(quic_finish(conn(QUIC_L), s));
	quic_pair_pass(&p, 5000);
	quic_endpoint_stats(p.side[QUIC_D].ep, &stats);
	assert_in_range(stats.lost, 10, done / 1000);
	quic_endpoint_stats(p.side[QUIC_L].ep, &stats);
	assert_in_range(stats.lost, 0, 10);
	buf_deinit(&want);
	quic_pair_deinit(&p);
}

static void windows_grow_for_members_and_not_for_guests(void **state)
{
	uint32_t windows[] = {QUIC_WINDOW_BYTES, 1024 * 1024};
	int64_t took[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		mono_t begin;
		uint32_t s;

		quic_pair_init(&p, 17);
		p.delay_ns = 30 * NS_PER_MS;
		p.side[QUIC_L].limits.window_max = windows[i];
		p.side[QUIC_L].keeps_no_data = true;
		quic_pair_open(&p);
		assert_ok(quic_open(conn(QUIC_D), &s));
		begin = p.now;
		while (p.side[QUIC_L].received < 20 * 1024 * 1024) {
			assert_true(quic_write(conn(QUIC_D), s, pattern(1000000)) >= 0);
			quic_pair_pass(&p, 5);
		}
		took[i] = mono_since_ms(p.now, begin);
		quic_pair_deinit(&p);
	}
	/* 256 KiB a round trip of 60 ms are 4.4 MB/s. */
	assert_true(took[0] > 20 * 1024 * 1024 / 4400);
	assert_true(took[1] < took[0] / 2);
}

static void the_window_of_a_slow_consumer_stays(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 21);
	p.side[QUIC_L].is_lazy = true;
	quic_pair_open(&p);
	assert_ok(quic_open(conn(QUIC_D), &s));
	for (int i = 0; i < 20; i++) {
		assert_true(quic_write(conn(QUIC_D), s, pattern(QUIC_WINDOW_BYTES)) >= 0);
		quic_pair_pass(&p, 500);
		assert_ok(quic_consumed(conn(QUIC_L), s, quic_unread(conn(QUIC_L), s).len / 2));
	}
	assert_int_equal(conn(QUIC_L)->grown_bytes, 0);
	assert_int_equal(conn(QUIC_L)->conn_grown_bytes, 0);
	quic_pair_deinit(&p);
}

static void streams_take_turns(void **state)
{
	uint32_t s[4];

	(void)state;
	quic_pair_init(&p, 18);
	quic_pair_open(&p);
	for (int i = 0; i < 4; i++)
		s[i] = quic_pair_say(&p, QUIC_D, pattern(100000));
	quic_pair_pass(&p, 60);
	for (int i = 1; i < 4; i++) {
		size_t a = quic_pair_got(&p, QUIC_L, s[0]).len, b = quic_pair_got(&p, QUIC_L, s[i]).len;

		assert_true(a > 0 && b > 0);
		assert_true((a > b ? a - b : b - a) <= 2 * 9000);
	}
	quic_pair_deinit(&p);
}

static void small_writes_share_a_datagram(void **state)
{
	uint64_t before;

	(void)state;
	quic_pair_init(&p, 19);
	quic_pair_open(&p);
	quic_pair_pass(&p, 2000);
	before = p.side[QUIC_D].datagrams;
	for (int i = 0; i < 20; i++)
		(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("twenty streams, one datagram"));
	quic_pair_send(&p);
	assert_int_equal(p.side[QUIC_D].datagrams, before + 1);
	quic_pair_deinit(&p);
}

/* What leaves within a budget: one train, of datagrams of one size but the last. */
static size_t train_of(size_t budget)
{
	struct datagram_train train;
	size_t len;

	assert_int_equal(p.out.len, 0);
	if (!quic_send(conn(QUIC_D), &p.out, budget, p.now, &train)) {
		assert_int_equal(p.out.len, 0);
		return 0;
	}
	len = p.out.len;
	assert_true(len <= budget && len <= DATAGRAM_TRAIN_BYTES);
	assert_true(train.segment >= 1 && train.segment <= len);
	assert_true((len + train.segment - 1) / train.segment <= DATAGRAM_TRAIN_MAX);
	buf_reset(&p.out);
	return len;
}

static void trains_keep_to_their_budget(void **state)
{
	const size_t budgets[] = {1200, 1500, 3000, 10000, 20000, 65000, 1000000};
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 20);
	p.mtu = 1472;
	p.delay_ns = 100000;
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, pattern(250000));
	quic_pair_run(&p); /* the congestion window has grown */
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		assert_int_equal(quic_write(conn(QUIC_D), s, pattern(100000)), 100000);
		assert_int_equal(train_of(0), 0);
		assert_int_equal(train_of(1199), 0);
		assert_true(quic_has_output(conn(QUIC_D))); /* and nothing is lost by that */
		assert_true(train_of(budgets[i]) >= 1200);
		quic_pair_run(&p);
	}
	assert_int_equal(quic_write(conn(QUIC_D), s, pattern(200000)), 200000);
	quic_close(conn(QUIC_D), 0, p.now);
	assert_int_equal(train_of(1199), 0);
	assert_true(train_of(4000) >= 1200);
	assert_false(quic_has_output(conn(QUIC_D)));
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_side_opens_streams),
		cmocka_unit_test(a_stream_is_gone_when_both_directions_have_ended),
		cmocka_unit_test(an_end_without_any_bytes_arrives),
		cmocka_unit_test(a_reset_ends_both_directions_and_says_why),
		cmocka_unit_test(a_connection_ends_before_its_owner_has_heard_of_a_reset),
		cmocka_unit_test(a_stream_that_is_reset_before_it_was_told_is_never_told),
		cmocka_unit_test(nothing_of_streams_is_told_before_the_peer_is_judged),
		cmocka_unit_test(an_unjudged_peer_fills_the_first_windows_and_no_more),
		cmocka_unit_test(many_streams_follow_each_other),
		cmocka_unit_test(a_question_costs_three_datagrams),
		cmocka_unit_test(one_place_is_enough_for_many),
		cmocka_unit_test(live_streams_are_bounded_on_both_sides),
		cmocka_unit_test(more_streams_are_granted_after_the_judgement),
		cmocka_unit_test(a_full_queue_takes_less_and_says_when_there_is_room),
		cmocka_unit_test(a_slow_consumer_holds_its_stream_and_no_other),
		cmocka_unit_test(a_stream_that_would_pass_the_bound_of_unread_bytes_is_reset),
		cmocka_unit_test(credit_comes_back_for_bytes_that_nobody_reads),
		cmocka_unit_test(bulk_gets_through_a_bad_path),
		cmocka_unit_test(bytes_survive_a_bad_path_in_order),
		cmocka_unit_test(windows_grow_for_members_and_not_for_guests),
		cmocka_unit_test(the_window_of_a_slow_consumer_stays),
		cmocka_unit_test(streams_take_turns),
		cmocka_unit_test(small_writes_share_a_datagram),
		cmocka_unit_test(trains_keep_to_their_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
