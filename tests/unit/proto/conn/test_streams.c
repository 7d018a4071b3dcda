/* SPDX-License-Identifier: Apache-2.0 */
/* Streams from both ends, over every stack: agreeing, refusing, ending, resetting, waiting; pings;
 * goodbyes. */
#include <sodium.h>

#include "tests/lib/p2ptest.h"
#include "tests/lib/pair.h"

#define ECHO "/test/echo/1.0.0"

static struct pair p; /* large: not for the stack */
static enum pair_stack stack;

static int setup(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_L].echoes = true;
	pair_open(&p);
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

static void a_stream_carries_both_ways_and_ends(void **state)
{
	const struct pair_event *e;
	uint32_t id;

	(void)state;
	for (int side = 0; side < 2; side++) {
		int other = 1 - side;

		p.side[other].echoes = true;
		id = pair_say(&p, side, ECHO, BYTES_LIT("there"));
		pair_run(&p);
		e = pair_find(&p, other, CONN_STREAM_IN, 0, NULL);
		assert_non_null(e);
		assert_string_equal(e->protocol, ECHO);
		e = pair_find(&p, side, CONN_STREAM_AGREED, 0, NULL);
		assert_non_null(e);
		assert_string_equal(e->protocol, ECHO);
		assert_int_equal(e->stream, id);
		assert_bytes(pair_got(&p, other, id), BYTES_LIT("there"));
		assert_bytes(pair_got(&p, side, id), BYTES_LIT("there"));
		conn_end_stream(conn_at(side), id);
		pair_run(&p);
		assert_non_null(pair_find(&p, side, CONN_STREAM_END, 0, NULL));
		assert_int_equal(conn_write(conn_at(side), id, BYTES_LIT("more")), 0);
		assert_int_equal(info_of(0).streams_in + info_of(0).streams_out, 0);
		assert_int_equal(info_of(1).streams_in + info_of(1).streams_out, 0);
	}
}

static void a_half_closed_stream_still_brings_the_answer(void **state)
{
	uint32_t id;

	(void)state;
	p.side[PAIR_L].echoes = false;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("all I say"));
	conn_end_stream(conn_at(PAIR_D), id);
	pair_run(&p);
	assert_non_null(pair_find(&p, PAIR_L, CONN_STREAM_END, 0, NULL));
	assert_null(pair_find(&p, PAIR_D, CONN_STREAM_END, 0, NULL));
	assert_int_equal(info_of(PAIR_D).streams_out, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(conn_write(conn_at(PAIR_L), id, BYTES_LIT("late ")), 5);
		pair_run(&p);
	}
	assert_bytes(pair_got(&p, PAIR_D, id), BYTES_LIT("late late late "));
	conn_end_stream(conn_at(PAIR_L), id);
	pair_run(&p);
	assert_non_null(pair_find(&p, PAIR_D, CONN_STREAM_END, 0, NULL));
	assert_int_equal(info_of(PAIR_D).streams_out + info_of(PAIR_L).streams_in, 0);
}

static void what_is_written_before_the_end_leaves_first(void **state)
{
	static uint8_t much[200000];
	uint32_t id;

	(void)state;
	memset(much, 'm', sizeof(much));
	id = pair_say(&p, PAIR_D, ECHO, bytes_of(much, sizeof(much)));
	conn_end_stream(conn_at(PAIR_D), id);
	conn_end_stream(conn_at(PAIR_D), id);
	pair_run(&p);
	assert_bytes(pair_got(&p, PAIR_D, id), bytes_of(much, sizeof(much)));
	assert_non_null(pair_find(&p, PAIR_D, CONN_STREAM_END, 0, NULL));
}

static void an_unknown_protocol_is_refused_and_what_was_said_is_lost(void **state)
{
	const struct pair_event *e;
	uint32_t id = pair_say(&p, PAIR_D, "/unknown/1", BYTES_LIT("lost"));

	(void)state;
	pair_run(&p);
	e = pair_find(&p, PAIR_D, CONN_STREAM_REFUSED, 0, NULL);
	assert_non_null(e);
	assert_int_equal(e->stream, id);
	assert_int_equal(e->err, P2P_ERR_UNSUPPORTED);
	assert_null(pair_find(&p, PAIR_L, CONN_STREAM_IN, 0, NULL));
	assert_int_equal(pair_got(&p, PAIR_L, id).len, 0);
	assert_int_equal(info_of(PAIR_D).streams_out + info_of(PAIR_L).streams_in, 0);
	/* The conn goes on. */
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("found"));
	pair_run(&p);
	assert_bytes(pair_got(&p, PAIR_D, id), BYTES_LIT("found"));
}

static void a_reset_ends_both_directions_and_is_told_to_the_other_side_only(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		uint32_t id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));

		pair_run(&p);
		conn_reset_stream(conn_at(who), id);
		conn_reset_stream(conn_at(who), id);
		assert_int_equal(conn_write(conn_at(who), id, BYTES_LIT("x")), 0);
		pair_run(&p);
		assert_int_equal(pair_count(&p, 1 - who, CONN_STREAM_RESET), 1);
		assert_int_equal(conn_write(conn_at(1 - who), id, BYTES_LIT("x")), 0);
		assert_int_equal(info_of(PAIR_D).streams_out + info_of(PAIR_L).streams_in, 0);
	}
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_RESET), 1);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_RESET), 1);
}

/* Answers each new stream of the peer by resetting it. */
static void reset_at_once(struct pair *q, int side, const struct conn_event *ev)
{
	if (ev->kind == CONN_STREAM_IN)
		conn_reset_stream(q->side[side].conn, ev->stream);
}

static void a_reset_in_place_of_an_agreement_is_a_refusal(void **state)
{
	const struct pair_event *e;

	(void)state;
	p.side[PAIR_L].on_event = reset_at_once;
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	pair_run(&p);
	e = pair_find(&p, PAIR_D, CONN_STREAM_REFUSED, 0, NULL);
	assert_non_null(e);
	assert_int_equal(e->err, P2P_ERR_RESET);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_RESET), 0);
}

static void a_stream_may_be_given_up_before_it_is_agreed(void **state)
{
	uint32_t id;

	(void)state;
	/* Before the peer heard of it: it never does. */
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	conn_reset_stream(conn_at(PAIR_D), id);
	pair_run(&p);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 0);
	/* And while its answer is on the way. */
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	(void)pair_flight(&p, PAIR_D);
	conn_reset_stream(conn_at(PAIR_D), id);
	pair_run(&p);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_AGREED), 0);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_REFUSED), 0);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_DATA), 0);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_RESET), 1);
}

static void a_protocol_name_has_1_to_63_bytes(void **state)
{
	char name[80];
	uint32_t id;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[CONN_PROTOCOL_MAX] = '\0';
	assert_err(conn_open_stream(conn_at(PAIR_D), name, p.now, &id), P2P_ERR_INVALID);
	assert_err(conn_open_stream(conn_at(PAIR_D), "", p.now, &id), P2P_ERR_INVALID);
	name[CONN_PROTOCOL_MAX - 1] = '\0';
	assert_ok(conn_open_stream(conn_at(PAIR_D), name, p.now, &id));
	pair_run(&p);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_REFUSED), 1);
}

static void our_own_streams_are_64_at_most(void **state)
{
	uint32_t id;

	(void)state;
	for (int i = 0; i < CONN_STREAMS_OUT_MAX; i++)
		assert_ok(conn_open_stream(conn_at(PAIR_D), ECHO, p.now, &id));
	assert_err(conn_open_stream(conn_at(PAIR_D), ECHO, p.now, &id), P2P_ERR_FULL);
	conn_reset_stream(conn_at(PAIR_D), id);
	pair_run(&p); /* QUIC's peer has a word in it */
	assert_ok(conn_open_stream(conn_at(PAIR_D), ECHO, p.now, &id));
}

static void an_unanswered_proposal_is_refused_after_ten_seconds(void **state)
{
	const struct pair_event *e;

	(void)state;
	p.side[PAIR_D].is_deaf = true;
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	pair_pass(&p, CONN_STEP_MS_MAX - 1);
	assert_null(pair_find(&p, PAIR_D, CONN_STREAM_REFUSED, 0, NULL));
	assert_int_equal(conn_deadline(conn_at(PAIR_D)).ns,
		mono_add_ms(t0, CONN_STEP_MS_MAX).ns);
	pair_pass(&p, 1);
	e = pair_find(&p, PAIR_D, CONN_STREAM_REFUSED, 0, NULL);
	assert_non_null(e);
	assert_int_equal(e->err, P2P_ERR_TIMEOUT);
	assert_int_equal(info_of(PAIR_D).streams_out, 0);
	assert_false(p.side[PAIR_D].is_closed);
}

static void an_agreed_stream_has_no_deadline(void **state)
{
	(void)state;
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	pair_run(&p);
	assert_true(mono_is_never(conn_deadline(conn_at(PAIR_D))));
	assert_true(mono_is_never(conn_deadline(conn_at(PAIR_L))));
	pair_pass(&p, 3600 * 1000);
	assert_true(pair_is_open(&p));
	assert_int_equal(info_of(PAIR_D).streams_out, 1);
}

/* ---- flow control ---- */

static void a_reader_that_does_not_read_stops_the_writer_and_then_ends_the_conn(void **state)
{
	static uint8_t block[65536];
	uint32_t id;
	size_t taken = 0, n;

	(void)state;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	pair_run(&p);
	p.side[PAIR_L].is_deaf = true;
	/* The writer's transport takes one flight, then no more. */
	while ((n = conn_write(conn_at(PAIR_D), id, bytes_of(block, sizeof(block)))) > 0) {
		taken += n;
		(void)pair_flight(&p, PAIR_D);
		assert_true(taken <= 262144);
	}
	/* Never more than the window that the peer gave. */
	assert_int_equal(taken + 38 + 1, 262144);
	assert_true(info_of(PAIR_D).send_queued > 0);
	assert_true(info_of(PAIR_D).memory < 1024 * 1024);
	pair_pass(&p, CONN_STALL_MS_MAX - 1);
	assert_false(p.side[PAIR_D].is_closed);
	pair_pass(&p, 1);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_TIMEOUT, "send_stalled");
	assert_false(conn_wants_send(conn_at(PAIR_D)));
}

static void a_reader_that_reads_again_gets_all_of_it_in_order(void **state)
{
	static uint8_t pattern[1 << 20];
	uint32_t id;
	size_t at;

	(void)state;
	p.side[PAIR_L].echoes = false;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 251);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	at = conn_write(conn_at(PAIR_D), id, bytes_of(pattern, sizeof(pattern)));
	assert_true(at > 0 && at < sizeof(pattern));
	while (at < sizeof(pattern)) {
		size_t rooms = pair_count(&p, PAIR_D, CONN_STREAM_ROOM);

		pair_run(&p);
		/* Room was promised when less was taken, and is there. */
		assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_ROOM), rooms + 1);
		rooms = conn_write(
			conn_at(PAIR_D), id, bytes_of(pattern + at, sizeof(pattern) - at));
		assert_true(rooms > 0);
		at += rooms;
	}
	conn_end_stream(conn_at(PAIR_D), id);
	pair_run(&p);
	assert_bytes(pair_got(&p, PAIR_L, id), bytes_of(pattern, sizeof(pattern)));
}

static void news_that_sending_makes_is_due_at_once(void **state)
{
	static uint8_t much[1 << 20];
	struct buf out = BUF_INIT;
	struct conn_event ev;
	uint32_t id;

	(void)state;
	/* A queue smaller than the window, so that sending alone makes room. */
	p.side[PAIR_D].grant.send_bytes_max = 65536;
	conn_admit(conn_at(PAIR_D), &p.side[PAIR_D].grant, p.now);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	assert_true(conn_write(conn_at(PAIR_D), id, bytes_of(much, sizeof(much))) <= 65536);
	assert_true(info_of(PAIR_D).send_queued <= 65536);
	conn_send(conn_at(PAIR_D), &out, 1 << 20, p.now);
	assert_true(mono_reached(conn_deadline(conn_at(PAIR_D)), p.now));
	conn_tick(conn_at(PAIR_D), p.now);
	assert_true(conn_next(conn_at(PAIR_D), &ev));
	assert_int_equal(ev.kind, CONN_STREAM_ROOM);
	assert_int_equal(ev.stream, id);
	assert_false(conn_next(conn_at(PAIR_D), &ev));
	assert_false(mono_reached(conn_deadline(conn_at(PAIR_D)), p.now));
	buf_deinit(&out);
}

/* ---- pings ---- */

static void a_ping_comes_back_with_its_time(void **state)
{
	const struct pair_event *e;

	(void)state;
	conn_ping(conn_at(PAIR_D), p.now);
	(void)pair_flight(&p, PAIR_D);
	p.now = mono_add_ms(p.now, 25);
	(void)pair_flight(&p, PAIR_L);
	e = pair_find(&p, PAIR_D, CONN_PONG, 0, NULL);
	assert_non_null(e);
	assert_int_equal(e->rtt_ns, 25 * NS_PER_MS);
	assert_int_equal(info_of(PAIR_D).last_heard.ns, p.now.ns);
}

static void more_than_four_pings_are_not_sent(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	for (int i = 0; i < 10; i++)
		conn_ping(conn_at(PAIR_D), p.now);
	conn_send(conn_at(PAIR_D), &out, 1 << 20, p.now);
	assert_int_equal(out.len, 4 * 12 + (stack == PAIR_TLS ? 5 + 1 + 16 : 2 + 16));
	assert_false(conn_wants_send(conn_at(PAIR_D)));
	buf_deinit(&out);
}

/* ---- goodbyes ---- */

static void a_goodbye_comes_after_what_is_queued_and_says_why(void **state)
{
	static const struct {
		const char *ours, *theirs;
	} words[] = {
		{"anything", "remote_close"},
		{"limit", "remote_limit"},
		{"rate", "remote_rate"},
		{"violation", "remote_violation"},
		{"supplanted", "remote_supplanted"},
		{"idle", "remote_idle"},
		{"shutdown", "remote_shutdown"},
		{"gated", "remote_gated"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct conn_info info;
		uint32_t id;

		pair_open(&p);
		id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("last words"));
		conn_close(conn_at(PAIR_D), words[i].ours, p.now);
		conn_close(conn_at(PAIR_D), "twice", p.now);
		assert_false(p.side[PAIR_D].is_closed);
		assert_string_equal(info_of(PAIR_D).state, "closing");
		pair_run(&p);
		pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, words[i].ours);
		assert_bytes(pair_got(&p, PAIR_L, id), BYTES_LIT("last words"));
		pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, words[i].theirs);
		assert_int_equal(pair_count(&p, PAIR_D, CONN_CLOSED), 1);
		assert_string_equal(info_of(PAIR_D).state, "closed");
		conn_info(conn_at(PAIR_D), &info);
		assert_true(peer_id_eq(&info.peer, &p.side[PAIR_L].id));
		assert_true(info.memory <= 4096);
	}
}

static void a_proven_peer_that_is_not_wanted_is_told_so(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		p.side[who].holds_judgement = true;
		pair_start(&p);
		pair_run(&p);
		assert_true(p.side[who].is_proven);
		conn_close(conn_at(who), "gated", p.now);
		pair_run(&p);
		pair_assert_closed(&p, who, P2P_ERR_CLOSED, "gated");
		/* In the midst of QUIC's handshake only that it is so, not why. */
		pair_assert_closed(&p, 1 - who, P2P_ERR_CLOSED,
			stack == PAIR_QUIC && who == PAIR_D ? "remote_close" : "remote_gated");
		p.side[who].holds_judgement = false;
	}
}

static void both_may_say_goodbye_at_once(void **state)
{
	(void)state;
	conn_close(conn_at(PAIR_D), "here", p.now);
	conn_close(conn_at(PAIR_L), "there", p.now);
	pair_run(&p);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, "here");
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "there");
}

static void a_goodbye_that_nobody_takes_ends_after_ten_seconds(void **state)
{
	static uint8_t much[100000];

	(void)state;
	(void)pair_say(&p, PAIR_D, ECHO, bytes_of(much, sizeof(much)));
	conn_close(conn_at(PAIR_D), "shutdown", p.now);
	p.now = mono_add_ms(p.now, CONN_STEP_MS_MAX - 1);
	conn_tick(conn_at(PAIR_D), p.now);
	pair_events(&p, PAIR_D);
	assert_false(p.side[PAIR_D].is_closed);
	p.now = mono_add_ms(p.now, 1);
	assert_true(mono_reached(conn_deadline(conn_at(PAIR_D)), p.now));
	conn_tick(conn_at(PAIR_D), p.now);
	pair_events(&p, PAIR_D);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, "shutdown");
}

static void the_end_of_the_transport_is_told_with_its_cause(void **state)
{
	(void)state;
	conn_eof(conn_at(PAIR_D), P2P_ERR_CLOSED);
	conn_eof(conn_at(PAIR_L), P2P_ERR_RESET);
	pair_events(&p, PAIR_D);
	pair_events(&p, PAIR_L);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, "remote_eof");
	pair_assert_closed(&p, PAIR_L, P2P_ERR_RESET, "transport_failed");
	assert_true(mono_is_never(conn_deadline(conn_at(PAIR_D))));
	assert_int_equal(conn_recv(conn_at(PAIR_D), BYTES_LIT("x"), p.now), P2P_ERR_CLOSED);
}

static void what_arrived_before_the_end_is_told_before_it(void **state)
{
	struct buf out = BUF_INIT;
	struct conn_event ev;
	uint32_t id;

	(void)state;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("just in time"));
	conn_send(conn_at(PAIR_D), &out, 1 << 20, p.now);
	assert_ok(conn_recv(conn_at(PAIR_L), buf_bytes(&out), p.now));
	conn_eof(conn_at(PAIR_L), P2P_ERR_CLOSED);
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
	buf_deinit(&out);
}

static void an_abort_says_nothing_more(void **state)
{
	(void)state;
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("x"));
	conn_abort(conn_at(PAIR_D), P2P_ERR_BUSY, "because");
	assert_false(conn_wants_send(conn_at(PAIR_D)));
	assert_false(pair_flight(&p, PAIR_D));
	pair_assert_closed(&p, PAIR_D, P2P_ERR_BUSY, "because");
}

/* ---- many at once ---- */

/* Property: whatever the order of opening, writing, ending and resetting, with whatever cuts and
 * budgets, each echo that ends is the text that was sent. */
static void random_lives_of_many_streams_keep_their_bytes_apart(void **state)
{
	struct rng_seeded seeded;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint32_t ids[8];
		struct buf sent[8] = {{0}};

		rng_seed(&seeded, seed);
		p.cut = rng_below(&seeded.rng, 3) ? rng_below(&seeded.rng, 5000) : 0;
		p.budget = 1 + rng_below(&seeded.rng, 20000);
		p.side[PAIR_L].echoes = true;
		pair_open(&p);
		for (int i = 0; i < 8; i++)
			ids[i] = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
		for (int step = 0; step < 200; step++) {
			uint8_t text[3000];
			size_t k = rng_below(&seeded.rng, 8), n = rng_below(&seeded.rng, sizeof(text));

			rng_fill(&seeded.rng, text, n);
			n = conn_write(conn_at(PAIR_D), ids[k], bytes_of(text, n));
			assert_ok(buf_put(&sent[k], bytes_of(text, n)));
			if (rng_below(&seeded.rng, 3) == 0)
				(void)pair_flight(&p, (int)rng_below(&seeded.rng, 2));
			if (step % 50 == 49)
				pair_run(&p);
		}
		for (int i = 0; i < 8; i++)
			conn_end_stream(conn_at(PAIR_D), ids[i]);
		pair_run(&p);
		for (int i = 0; i < 8; i++) {
			assert_bytes(pair_got(&p, PAIR_L, ids[i]), buf_bytes(&sent[i]));
			assert_bytes(pair_got(&p, PAIR_D, ids[i]), buf_bytes(&sent[i]));
			buf_deinit(&sent[i]);
		}
		assert_int_equal(info_of(PAIR_D).streams_out + info_of(PAIR_L).streams_in, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest over_all[] = {
		TEST(a_stream_carries_both_ways_and_ends),
		TEST(a_half_closed_stream_still_brings_the_answer),
		TEST(what_is_written_before_the_end_leaves_first),
		TEST(an_unknown_protocol_is_refused_and_what_was_said_is_lost),
		TEST(a_reset_ends_both_directions_and_is_told_to_the_other_side_only),
		TEST(a_reset_in_place_of_an_agreement_is_a_refusal),
		TEST(a_stream_may_be_given_up_before_it_is_agreed),
		TEST(a_protocol_name_has_1_to_63_bytes),
		TEST(our_own_streams_are_64_at_most),
		TEST(a_reader_that_reads_again_gets_all_of_it_in_order),
		TEST(a_goodbye_comes_after_what_is_queued_and_says_why),
		TEST(a_proven_peer_that_is_not_wanted_is_told_so),
		TEST(an_abort_says_nothing_more),
		TEST(random_lives_of_many_streams_keep_their_bytes_apart),
	};
	const struct CMUnitTest over_pipes[] = {
		TEST(an_unanswered_proposal_is_refused_after_ten_seconds),
		TEST(an_agreed_stream_has_no_deadline),
		TEST(a_reader_that_does_not_read_stops_the_writer_and_then_ends_the_conn),
		TEST(news_that_sending_makes_is_due_at_once),
		TEST(a_ping_comes_back_with_its_time),
		TEST(more_than_four_pings_are_not_sent),
		TEST(both_may_say_goodbye_at_once),
		TEST(a_goodbye_that_nobody_takes_ends_after_ten_seconds),
		TEST(the_end_of_the_transport_is_told_with_its_cause),
		TEST(what_arrived_before_the_end_is_told_before_it),
	};
	int failed = 0;

	if (sodium_init() < 0 || tls_global_init())
		return 1;
	for (stack = 0; stack < PAIR_STACKS; stack++)
		failed += cmocka_run_group_tests_name(
			pair_stack_word(stack), over_all, NULL, NULL);
	for (stack = PAIR_NOISE; stack <= PAIR_TLS; stack++)
		failed += cmocka_run_group_tests_name(
			pair_stack_word(stack), over_pipes, NULL, NULL);
	tls_global_deinit();
	return failed;
}
