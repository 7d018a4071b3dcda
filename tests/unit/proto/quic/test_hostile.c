/* SPDX-License-Identifier: Apache-2.0 */
/* A proven peer that keeps to the handshake and to nothing else. */
#include "proto/quic/churn.h"
#include "proto/quic/conn.h"
#include "proto/quic/frames.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_foreign.h"

static struct quic_pair p;
static struct quic_foreign f;
static struct buf frames;

static void meet_side(int foreign, uint64_t seed)
{
	quic_pair_init(&p, seed);
	quic_foreign_init(&f, &p, foreign);
	quic_foreign_begin(&f);
	if (foreign == QUIC_L)
		quic_pair_dial(&p);
	quic_pair_run(&p);
	assert_true(f.is_shaken && p.side[1 - foreign].is_proven);
	buf_reset(&frames);
}

/* The foreign peer dials. */
static void meet(uint64_t seed)
{
	meet_side(QUIC_D, seed);
}

static void part(void)
{
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
	buf_deinit(&frames);
}

/* Says what was put into `frames`, and empties it. */
static void say(void)
{
	quic_foreign_say(&f, buf_bytes(&frames));
	buf_reset(&frames);
	quic_pair_pass(&p, 25);
}

static void put(const char *hex_free, size_t len)
{
	assert_ok(buf_put(&frames, bytes_of(hex_free, len)));
}
#define PUT(s) put(s, sizeof(s) - 1)

static void put_stream(uint64_t id, uint64_t offset, struct bytes data, bool fin)
{
	assert_ok(buf_put_u8(&frames, (uint8_t)(0x0e | fin)));
	quic_number(&frames, id);
	quic_number(&frames, offset);
	quic_number(&frames, data.len);
	assert_ok(buf_put(&frames, data));
}

static void put_stop(uint64_t id, uint64_t code)
{
	assert_ok(buf_put_u8(&frames, QUIC_FRAME_STOP_SENDING));
	quic_number(&frames, id);
	quic_number(&frames, code);
}

static void put_new_cid(uint64_t number, uint64_t retire, uint8_t salt)
{
	uint8_t id[8] = {1, 2, 3, 4, 5, 6, (uint8_t)number, salt}, token[16] = {(uint8_t)number, salt};

	assert_ok(buf_put_u8(&frames, QUIC_FRAME_NEW_CONNECTION_ID));
	quic_number(&frames, number);
	quic_number(&frames, retire);
	assert_ok(buf_put_u8(&frames, sizeof(id)));
	assert_ok(buf_put(&frames, bytes_of(id, sizeof(id))));
	assert_ok(buf_put(&frames, bytes_of(token, sizeof(token))));
}

static void put_crypto(uint64_t offset, struct bytes data)
{
	assert_ok(buf_put_u8(&frames, QUIC_FRAME_CRYPTO));
	quic_number(&frames, offset);
	quic_number(&frames, data.len);
	assert_ok(buf_put(&frames, data));
}

static struct quic_pair_side *ours(void)
{
	return &p.side[1 - f.side];
}

static void assert_alive(void)
{
	if (ours()->is_closed)
		fail_msg("closed: %s, %s", ours()->end.why, ours()->end.detail);
	assert_false(f.is_closed);
}

static void assert_churn(const char *detail)
{
	quic_pair_assert_closed(&p, 1 - f.side, P2P_ERR_PROTOCOL, "quic_churn");
	assert_string_equal(ours()->end.detail, detail);
	assert_true(f.is_closed);
	assert_int_equal(f.heard_code, NGTCP2_INTERNAL_ERROR);
}

/* ---- Too much of it ---- */

static void pings_are_answered_until_they_are_too_many(void **state)
{
	(void)state;
	meet(1);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 980; i++) {
			PUT("\x01");
			if (frames.len == 490)
				say();
		}
		assert_alive();
		quic_pair_pass(&p, 10000);
	}
	for (int i = 0; i < 1010; i++)
		PUT("\x01");
	say();
	assert_churn("too many frames that change nothing");
	part();
}

static void path_challenges_are_bounded(void **state)
{
	(void)state;
	meet(2);
	for (int i = 0; i < 100; i++)
		PUT("\x1a"
		    "8 bytes.");
	say();
	assert_alive();
	PUT("\x1a"
	    "8 bytes.");
	say();
	/* 25 ms have passed, which is less than one is worth. */
	assert_churn("too many path challenges");
	part();
}

/* Its own library has used the numbers below this one, and would not understand the answers. */
#define FIRST_NUMBER 8

static void new_connection_ids_are_bounded(void **state)
{
	(void)state;
	meet(3);
	f.is_deaf = true;
	for (int packet = 0; packet < 3; packet++) {
		for (int i = 0; i < 20; i++)
			put_new_cid(FIRST_NUMBER, FIRST_NUMBER, 0);
		say();
		assert_false(ours()->is_closed);
	}
	for (int i = 0; i < 10; i++)
		put_new_cid(FIRST_NUMBER, FIRST_NUMBER, 0);
	say();
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_PROTOCOL, "quic_churn");
	assert_string_equal(ours()->end.detail, "too many connection ids");
	part();
}

/* What once aborted this library. */
static void a_connection_id_that_was_retired_may_be_named_again(void **state)
{
	(void)state;
	meet(4);
	f.is_deaf = true;
	put_new_cid(FIRST_NUMBER, FIRST_NUMBER, 1);
	put_new_cid(FIRST_NUMBER + 1, FIRST_NUMBER + 1, 1);
	put_new_cid(FIRST_NUMBER, FIRST_NUMBER, 1);
	put_new_cid(FIRST_NUMBER, 0, 1);
	put_new_cid(FIRST_NUMBER + 1, FIRST_NUMBER + 1, 1);
	say();
	put_new_cid(FIRST_NUMBER, FIRST_NUMBER, 1);
	say();
	put_new_cid(FIRST_NUMBER + 2, FIRST_NUMBER + 2, 1);
	put_new_cid(FIRST_NUMBER, 0, 1);
	put_new_cid(1, 0, 1);
	say();
	assert_alive();
	part();
}

static void another_connection_id_of_the_same_number_is_a_fault(void **state)
{
	(void)state;
	meet(5);
	put_new_cid(1, 0, 1);
	put_new_cid(1, 0, 2);
	say();
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_PROTOCOL, "quic_protocol");
	assert_true(f.is_closed);
	part();
}

static void empty_frames_are_bounded(void **state)
{
	(void)state;
	meet(6);
	put_stream(0, 0, BYTES_LIT("x"), false);
	for (int i = 0; i < 240; i++)
		put_stream(0, 1, BYTES_NONE, false);
	say();
	assert_alive();
	for (int k = 0; k < 4; k++) {
		for (int i = 0; i < 240; i++)
			put_stream(0, 1, BYTES_NONE, false);
		say();
	}
	assert_churn("too many frames that change nothing");
	part();
}

static void repeated_bytes_are_bounded_but_paid_for_by_new_ones(void **state)
{
	static const uint8_t body[1000];
	uint64_t offset = 0;

	(void)state;
	meet(7);
	/* Half of all is said twice: as with needless repeats on a bad path. */
	for (int i = 0; i < 200; i++) {
		put_stream(0, offset, bytes_of(body, sizeof(body)), false);
		say();
		for (int k = 0; k < 3; k++) {
			put_stream(0, offset, bytes_of(body, 100), false);
			put_stream(0, offset + 100, bytes_of(body, 100), false);
		}
		say();
		offset += sizeof(body);
		assert_alive();
	}
	for (int k = 0; k < 12 && !ours()->is_closed; k++) {
		for (int i = 0; i < 130; i++)
			put_stream(0, 5, BYTES_LIT("x"), false);
		quic_foreign_say(&f, buf_bytes(&frames));
		buf_reset(&frames);
		quic_pair_pass(&p, 1);
	}
	quic_pair_pass(&p, 100);
	assert_churn("too many frames that change nothing");
	part();
}

static void acknowledgements_of_nothing_new_are_bounded(void **state)
{
	(void)state;
	meet(13);
	for (int k = 0; k < 5; k++) {
		for (int i = 0; i < 210; i++)
			PUT("\x02\x00\x00\x00\x00");
		say();
	}
	assert_churn("too many frames that change nothing");
	part();
}

/* Some networks deliver everything twice and more; that is nobody's fault. */
static void packets_that_the_path_repeats_count_once(void **state)
{
	uint8_t copy[1500];
	size_t len;

	(void)state;
	meet(14);
	for (int i = 0; i < 600; i++)
		PUT("\x01");
	quic_foreign_say(&f, buf_bytes(&frames));
	assert_non_null(p.flights);
	len = p.flights->len;
	memcpy(copy, p.flights->data, len);
	for (int i = 0; i < 20; i++)
		quic_pair_throw(&p, QUIC_D, bytes_of(copy, len));
	quic_pair_pass(&p, 100);
	assert_alive();
	part();
}

static void a_stream_of_crumbs_is_refused(void **state)
{
	(void)state;
	meet(8);
	put_stream(0, 0, BYTES_LIT("x"), false);
	say();
	for (uint64_t i = 1; i <= QUIC_GAPS_MAX; i++)
		put_stream(0, 2 * i, BYTES_LIT("x"), false);
	say();
	assert_alive();
	put_stream(0, 2 * (QUIC_GAPS_MAX + 1), BYTES_LIT("x"), false);
	say();
	assert_churn("a stream with too many gaps");
	part();
}

static void crumbs_of_a_stream_that_is_not_there_yet_are_refused_too(void **state)
{
	(void)state;
	meet(12);
	for (uint64_t i = 1; i <= QUIC_GAPS_MAX; i++)
		put_stream(0, 2 * i, BYTES_LIT("x"), false);
	say();
	assert_alive();
	for (uint64_t i = 1; i <= QUIC_GAPS_MAX + 1; i++)
		put_stream(4, 2 * i, BYTES_LIT("x"), false);
	say();
	assert_churn("a stream with too many gaps");
	part();
}

static void large_pieces_may_leave_as_many_gaps_as_the_window_holds(void **state)
{
	static const uint8_t body[1000];

	(void)state;
	meet(9);
	for (uint64_t i = 0; i < 120; i++) {
		put_stream(0, 1100 + 2000 * i, bytes_of(body, sizeof(body)), false);
		say();
		assert_alive();
	}
	/* All of it comes to an end. */
	for (uint64_t i = 0; i < 120; i++) {
		put_stream(0, 2000 * i + (i ? 100 : 0), bytes_of(body, sizeof(body)), false);
		say();
		if (i == 0) {
			put_stream(0, 1000, bytes_of(body, 100), false);
			say();
		}
		assert_alive();
	}
	assert_int_equal(ours()->received, 1100 + 2000 * 119 + 1000);
	part();
}

static void streams_that_come_and_go_are_bounded(void **state)
{
	(void)state;
	meet(10);
	for (int i = 0; i < 110 && !ours()->is_closed; i++) {
		int64_t id = quic_foreign_write(&f, BYTES_LIT("x"), false);

		assert_int_equal(ngtcp2_conn_shutdown_stream(f.wire, 0, id, 0), 0);
		quic_foreign_flush(&f);
		quic_pair_pass(&p, 50);
	}
	assert_churn("most streams are reset");
	assert_true(quic_pair_count(&p, QUIC_L, QUIC_OPENED) <= 101);
	part();
}

static void streams_opened_too_fast_end_it(void **state)
{
	(void)state;
	meet(11);
	ours()->echoes = true;
	for (int i = 0; i < 10 && !ours()->is_closed; i++) {
		for (int k = 0; k < 15; k++)
			(void)quic_foreign_write(&f, BYTES_LIT("x"), true);
		quic_pair_pass(&p, 25);
	}
	assert_churn("streams are opened too fast");
	part();
}

/* ---- What is not allowed ---- */

static void assert_protocol(uint64_t code)
{
	quic_pair_assert_closed(&p, 1 - f.side, P2P_ERR_PROTOCOL, "quic_protocol");
	assert_non_null(ours()->end.detail);
	assert_true(f.is_closed);
	assert_int_equal(f.heard_code, code);
}

static void broken_rules_are_told_by_their_code(void **state)
{
	const struct {
		const char *frame;
		size_t len;
		uint64_t code;
	} rules[] = {
		{"\x1f", 1, NGTCP2_FRAME_ENCODING_ERROR},             /* no such frame */
		{"\x06\x00\x7f\xff", 4, NGTCP2_FRAME_ENCODING_ERROR}, /* cut */
		{"\x1e", 1, NGTCP2_PROTOCOL_VIOLATION},               /* a client's HANDSHAKE_DONE */
		{"\x0e\x41\x00\x00\x01x", 6, NGTCP2_STREAM_LIMIT_ERROR}, /* stream 256: the 65th */
		{"\x0e\x01\x00\x01x", 5, NGTCP2_STREAM_STATE_ERROR},  /* ours, never opened */
		{"\x0e\x00\x80\x04\x00\x00\x01x", 8, NGTCP2_FLOW_CONTROL_ERROR}, /* past the window */
		{"\x0f\x00\x00\x01x\x0e\x00\x01\x01x", 10, NGTCP2_FINAL_SIZE_ERROR},
		{"\x12\xff\xff\xff\xff\xff\xff\xff\xff", 9, NGTCP2_FRAME_ENCODING_ERROR},
		{"\x02\x7f\xff\x00\x00\x00", 6, NGTCP2_PROTOCOL_VIOLATION}, /* acknowledges the future */
		{"\x07\x01x", 3, NGTCP2_PROTOCOL_VIOLATION},          /* a client's NEW_TOKEN */
		{"\x0a\x02\x01x", 4, NGTCP2_STREAM_LIMIT_ERROR},      /* one-way: none is allowed */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		meet(20 + i);
		put(rules[i].frame, rules[i].len);
		say();
		assert_protocol(rules[i].code);
		part();
	}
}

static void a_tls_message_behind_the_handshake_ends_it(void **state)
{
	(void)state;
	meet(40);
	put_crypto(0, BYTES_LIT("\x18\x00\x00\x01\x00")); /* KeyUpdate, which QUIC forbids */
	say();
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_PROTOCOL, "tls_protocol");
	assert_int_equal(f.heard_code, 0x10a);
	part();
}

static void tickets_may_be_cut_anywhere_and_not_be_endless(void **state)
{
	static const uint8_t body[1000];
	uint64_t offset = 0;

	(void)state;
	meet_side(QUIC_L, 41);
	/* Three of 5 bytes, byte by byte, then one that claims 16 MiB. */
	for (int k = 0; k < 3; k++) {
		const char ticket[] = "\x04\x00\x00\x05tickt";

		for (size_t i = 0; i < sizeof(ticket) - 1; i++)
			put_crypto(offset++, bytes_of(ticket + i, 1));
		say();
		assert_alive();
	}
	put_crypto(offset, BYTES_LIT("\x04\xff\xff\xff"));
	offset += 4;
	say();
	assert_alive();
	for (int i = 0; i < 70 && !ours()->is_closed; i++) {
		put_crypto(offset, bytes_of(body, sizeof(body)));
		offset += sizeof(body);
		say();
	}
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_PROTOCOL, "quic_churn");
	assert_int_equal(f.heard_code, NGTCP2_CRYPTO_BUFFER_EXCEEDED);
	part();
}

/* ---- What is allowed, and odd ---- */

static void closes_of_the_peer_are_told_by_kind(void **state)
{
	const struct {
		const char *frame;
		size_t len;
		int err;
		const char *why;
		uint64_t code;
	} closes[] = {
		{"\x1d\x00\x00", 3, P2P_ERR_CLOSED, "remote_close", 0},
		{"\x1d\x50\x06\x03why", 7, P2P_ERR_CLOSED, "remote_close", 0x1006},
		{"\x1c\x00\x00\x00", 4, P2P_ERR_CLOSED, "remote_close", 0},
		{"\x1c\x02\x00\x00", 4, P2P_ERR_REFUSED, "quic_refused", 2},
		{"\x1c\x0b\x00\x00", 4, P2P_ERR_REFUSED, "quic_refused", 11},
		{"\x1c\x0a\x00\x00", 4, P2P_ERR_RESET, "remote_error", 10},
		{"\x1c\x41\x2a\x00\x00", 5, P2P_ERR_REFUSED, "tls_alert_received", 0x12a},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
		uint64_t sent;

		meet(50 + i);
		put_stream(0, 0, BYTES_LIT("last words"), true);
		put(closes[i].frame, closes[i].len);
		sent = ours()->datagrams;
		say();
		/* Words before the end are told before it. */
		assert_bytes(quic_pair_got(&p, QUIC_L, 1), BYTES_LIT("last words"));
		quic_pair_assert_closed(&p, QUIC_L, closes[i].err, closes[i].why);
		assert_int_equal(ours()->end.code, closes[i].code);
		/* And nothing is said after it. */
		PUT("\x01");
		say();
		assert_int_equal(ours()->datagrams, sent);
		quic_pair_forget(&p);
		PUT("\x01");
		say();
		assert_int_equal(f.liberr, 0);
		assert_false(f.is_closed);
		part();
	}
}

static void a_peer_that_stops_reading_can_still_be_read(void **state)
{
	(void)state;
	meet(60);
	put_stream(0, 0, BYTES_LIT("a letter"), false);
	say();
	put_stop(0, 0);
	say();
	assert_err(quic_write(ours()->conn, 1, BYTES_LIT("no")), P2P_ERR_CLOSED);
	assert_int_equal(quic_room(ours()->conn, 1), 0);
	put_stream(0, 8, BYTES_LIT(", and more"), true);
	say();
	assert_bytes(quic_pair_got(&p, QUIC_L, 1), BYTES_LIT("a letter, and more"));
	assert_true(quic_pair_ended(&p, QUIC_L, 1));
	/* When all is read the stream is gone, and its owner knows. */
	quic_pair_run(&p);
	assert_non_null(quic_pair_find(&p, QUIC_L, QUIC_RESET, 0, NULL));
	assert_err(quic_finish(ours()->conn, 1), P2P_ERR_NOT_FOUND);
	part();
}

static void one_that_never_wanted_to_read_is_noticed_with_the_first_word(void **state)
{
	(void)state;
	meet(63);
	put_stream(0, 0, BYTES_LIT("a letter"), false);
	put_stop(0, 0);
	say();
	assert_int_equal(quic_write(ours()->conn, 1, BYTES_LIT("no")), 2);
	quic_pair_run(&p);
	assert_err(quic_write(ours()->conn, 1, BYTES_LIT("no")), P2P_ERR_CLOSED);
	quic_pair_pass(&p, 15000); /* and nothing of it stalls */
	assert_alive();
	part();
}

static void a_peer_that_stops_reading_after_our_end_makes_no_fuss(void **state)
{
	(void)state;
	meet(61);
	put_stream(0, 0, BYTES_LIT("q"), true);
	say();
	assert_int_equal(quic_write(ours()->conn, 1, BYTES_LIT("answer")), 6);
	assert_ok(quic_finish(ours()->conn, 1));
	put_stop(0, 0);
	say();
	quic_pair_run(&p);
	assert_null(quic_pair_find(&p, QUIC_L, QUIC_RESET, 0, NULL));
	assert_err(quic_finish(ours()->conn, 1), P2P_ERR_NOT_FOUND);
	part();
}

static void a_peer_that_acknowledges_nothing_stalls_and_is_left(void **state)
{
	static uint8_t much[QUIC_STALL_BYTES];
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 62);
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, BYTES_LIT("anybody?"));
	assert_int_equal(quic_write(p.side[QUIC_D].conn, s, bytes_of(much, sizeof(much))),
		(int)sizeof(much));
	p.side[QUIC_L].is_deaf = true;
	quic_pair_pass(&p, 9900);
	assert_false(p.side[QUIC_D].is_closed);
	quic_pair_pass(&p, 200);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_TIMEOUT, "send_stalled");
	assert_err(quic_finish(p.side[QUIC_D].conn, s), P2P_ERR_NOT_FOUND);
	quic_pair_deinit(&p);
}

/* One way may be cut while the other is whole: its owner hears the peer, and is to judge. */
static void a_few_bytes_that_are_not_acknowledged_end_nothing_before_idle_time_does(void **state)
{
	(void)state;
	quic_pair_init(&p, 63);
	quic_pair_open(&p);
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("anybody?"));
	p.side[QUIC_L].is_deaf = true;
	quic_pair_pass(&p, QUIC_NO_PROGRESS_MS + 5000);
	assert_false(p.side[QUIC_D].is_closed);
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pings_are_answered_until_they_are_too_many),
		cmocka_unit_test(path_challenges_are_bounded),
		cmocka_unit_test(new_connection_ids_are_bounded),
		cmocka_unit_test(a_connection_id_that_was_retired_may_be_named_again),
		cmocka_unit_test(another_connection_id_of_the_same_number_is_a_fault),
		cmocka_unit_test(empty_frames_are_bounded),
		cmocka_unit_test(repeated_bytes_are_bounded_but_paid_for_by_new_ones),
		cmocka_unit_test(acknowledgements_of_nothing_new_are_bounded),
		cmocka_unit_test(packets_that_the_path_repeats_count_once),
		cmocka_unit_test(a_stream_of_crumbs_is_refused),
		cmocka_unit_test(crumbs_of_a_stream_that_is_not_there_yet_are_refused_too),
		cmocka_unit_test(large_pieces_may_leave_as_many_gaps_as_the_window_holds),
		cmocka_unit_test(streams_that_come_and_go_are_bounded),
		cmocka_unit_test(streams_opened_too_fast_end_it),
		cmocka_unit_test(broken_rules_are_told_by_their_code),
		cmocka_unit_test(a_tls_message_behind_the_handshake_ends_it),
		cmocka_unit_test(tickets_may_be_cut_anywhere_and_not_be_endless),
		cmocka_unit_test(closes_of_the_peer_are_told_by_kind),
		cmocka_unit_test(a_peer_that_stops_reading_can_still_be_read),
		cmocka_unit_test(one_that_never_wanted_to_read_is_noticed_with_the_first_word),
		cmocka_unit_test(a_peer_that_stops_reading_after_our_end_makes_no_fuss),
		cmocka_unit_test(a_peer_that_acknowledges_nothing_stalls_and_is_left),
		cmocka_unit_test(a_few_bytes_that_are_not_acknowledged_end_nothing_before_idle_time_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
