/* SPDX-License-Identifier: Apache-2.0 */
/* The climb, over every stack: round trips, cut points, deadlines, who is let in, what strangers may
 * cost. */
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>

#include "tests/lib/p2ptest.h"
#include "tests/lib/pair.h"

static struct pair p; /* large: not for the stack */
static enum pair_stack stack;

static int teardown(void **state)
{
	(void)state;
	pair_deinit(&p);
	memset(&p, 0, sizeof(p));
	return 0;
}

static void info_of(int side, struct conn_info *ret)
{
	conn_info(p.side[side].conn, ret);
}

static void two_conns_open_and_know_each_other(void **state)
{
	struct conn_info info;

	(void)state;
	pair_init_over(&p, stack, 1);
	pair_open(&p);
	for (int i = 0; i < 2; i++) {
		info_of(i, &info);
		assert_true(peer_id_eq(&info.peer, &p.side[1 - i].id));
		assert_string_equal(info.security, stack == PAIR_NOISE ? "noise" : "tls");
		assert_string_equal(info.muxer, stack == PAIR_QUIC ? "quic" : "yamux");
		assert_true(info.early_muxer);
		assert_in_range(info.last_heard.ns, t0.ns, p.now.ns);
		assert_int_equal(info.send_queued, 0);
		assert_int_equal(pair_count(&p, i, CONN_PROVEN), 1);
	}
}

/* An owner that asks its question as soon as it knows whom it has. */
static void ask_at_once(struct pair *q, int side, const struct conn_event *ev)
{
	if (ev->kind == CONN_PROVEN)
		(void)pair_say(q, side, "/test/echo/1.0.0", BYTES_LIT("question"));
}

static void the_first_answer_is_there_after_two_round_trips(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_D].on_event = ask_at_once;
	p.side[PAIR_L].echoes = true;
	pair_start(&p);
	/* Over TCP its own handshake was one before these: 3.0, and 2.0 over QUIC. */
	for (int round_trip = 1; round_trip <= 2; round_trip++) {
		assert_int_equal(pair_got(&p, PAIR_D, 1).len, 0);
		assert_true(pair_flight(&p, PAIR_D));
		assert_true(pair_flight(&p, PAIR_L));
	}
	assert_bytes(pair_got(&p, PAIR_D, 1), BYTES_LIT("question"));
	assert_int_equal(p.side[PAIR_D].flights, 2);
	assert_int_equal(p.side[PAIR_L].flights, 2);
}

static void proposal_and_first_handshake_message_leave_in_one_piece(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_L].is_deaf = true;
	pair_start(&p);
	(void)pair_flight(&p, PAIR_D);
	assert_int_equal(p.side[PAIR_L].wire.len, 20 + 8 + 34);
	assert_bytes(bytes_head(buf_bytes(&p.side[PAIR_L].wire), 30),
		BYTES_LIT("\x13/multistream/1.0.0\n\x07/noise\n\x00\x20"));
}

static void a_peer_that_is_sent_away_does_not_learn_who_dialled(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_D].holds_judgement = true;
	pair_start(&p);
	pair_run(&p);
	assert_true(p.side[PAIR_D].is_proven);
	/* The dialer knows the listener; its own last message has not left. */
	assert_int_equal(p.side[PAIR_D].flights, 1);
	assert_false(p.side[PAIR_L].is_proven);
	assert_false(conn_wants_send(p.side[PAIR_D].conn));
	conn_abort(p.side[PAIR_D].conn, P2P_ERR_DENIED, "not_wanted");
	pair_run(&p);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_DENIED, "not_wanted");
	assert_int_equal(p.side[PAIR_D].flights, 1);
}

static void without_early_muxers_it_is_agreed_by_name(void **state)
{
	(void)state;
	for (int who = 0; who < 3; who++) {
		struct conn_info info;

		pair_init_over(&p, stack, 1);
		/* A payload without extensions, as rust-libp2p sends it. */
		if (who != 1)
			p.side[PAIR_D].noise.payload_len = p.side[PAIR_D].noise.proof_len;
		if (who != 0)
			p.side[PAIR_L].noise.payload_len = p.side[PAIR_L].noise.proof_len;
		p.side[PAIR_D].on_event = ask_at_once;
		p.side[PAIR_L].echoes = true;
		pair_open(&p);
		assert_bytes(pair_got(&p, PAIR_D, 1), BYTES_LIT("question"));
		info_of(PAIR_D, &info);
		assert_false(info.early_muxer);
		assert_string_equal(info.muxer, "yamux");
		assert_int_equal(p.side[PAIR_D].flights, 3);
		pair_deinit(&p);
	}
	pair_init_over(&p, stack, 1);
}

static void a_conversation_may_be_delivered_in_pieces_of_any_size(void **state)
{
	static const size_t cuts[] = {1, 2, 3, 5, 7, 11, 13, 17, 33, 64, 100, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		for (int early = 0; early < 2; early++) {
			pair_init_over(&p, stack, i);
			if (!early)
				p.side[PAIR_D].noise.payload_len = p.side[PAIR_D].noise.proof_len;
			p.cut = cuts[i];
			p.side[PAIR_D].on_event = ask_at_once;
			p.side[PAIR_L].echoes = true;
			pair_open(&p);
			assert_bytes(pair_got(&p, PAIR_D, 1), BYTES_LIT("question"));
			pair_deinit(&p);
		}
	}
	pair_init_over(&p, stack, 1);
}

static void another_peer_than_the_dialled_one_is_refused(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_D].expected = p.side[PAIR_D].id;
	pair_start(&p);
	pair_run(&p);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_MISMATCH, "peer_id_mismatch");
	assert_false(p.side[PAIR_D].is_proven);
	assert_false(p.side[PAIR_L].is_proven);
	if (stack != PAIR_NOISE) {
		/* It is told, and that is all it learns. */
		pair_assert_closed(&p, PAIR_L, P2P_ERR_REFUSED, "tls_alert_received");
		return;
	}
	/* Nothing was said to the stranger after its proof. */
	assert_int_equal(p.side[PAIR_D].flights, 1);
	conn_eof(p.side[PAIR_L].conn, P2P_ERR_CLOSED);
	pair_events(&p, PAIR_L);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "remote_eof");
}

static void anybody_is_fine_when_nobody_is_expected(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_D].expected = PEER_ID_NONE;
	pair_open(&p);
}

/* ---- deadlines ---- */

static void a_silent_dialer_is_dropped_after_five_seconds(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	pair_start(&p);
	p.side[PAIR_L].is_deaf = true;
	pair_pass(&p, CONN_FIRST_BYTE_MS - 1);
	assert_false(p.side[PAIR_L].is_closed);
	pair_pass(&p, 1);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_TIMEOUT, "first_byte_timeout");
	assert_int_equal(p.side[PAIR_L].flights, 0);
}

static void a_silent_listener_is_dropped_after_ten_seconds(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_D].is_deaf = true;
	pair_start(&p);
	pair_pass(&p, CONN_STEP_MS_MAX - 1);
	assert_false(p.side[PAIR_D].is_closed);
	pair_pass(&p, 1);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_TIMEOUT, "select_timeout");
}

/* A listener alone, fed by hand with what a dialer would say first. */
static void start_listener(struct buf *opening)
{
	pair_start(&p);
	buf_reset(opening);
	conn_send(p.side[PAIR_D].conn, opening, 1 << 20, p.now);
	p.side[PAIR_D].is_deaf = true;
}

static void listener_gets(struct bytes in)
{
	(void)conn_recv(p.side[PAIR_L].conn, in, p.now); /* CONN_CLOSED tells */
	pair_events(&p, PAIR_L);
}

static void each_layer_has_ten_seconds(void **state)
{
	struct buf opening = BUF_INIT;
	size_t proposal = stack == PAIR_TLS ? 20 + 12 : 20 + 8;

	(void)state;
	pair_init_over(&p, stack, 1);
	start_listener(&opening);
	pair_pass(&p, 4000);
	listener_gets(bytes_head(buf_bytes(&opening), proposal - 1));
	pair_pass(&p, CONN_STEP_MS_MAX - 1);
	assert_false(p.side[PAIR_L].is_closed);
	pair_pass(&p, 1);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_TIMEOUT, "select_timeout");

	start_listener(&opening);
	pair_pass(&p, 4000);
	listener_gets(bytes_head(buf_bytes(&opening), proposal));
	pair_pass(&p, CONN_STEP_MS_MAX - 1);
	assert_false(p.side[PAIR_L].is_closed);
	pair_pass(&p, 1);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_TIMEOUT,
		stack == PAIR_TLS ? "tls_timeout" : "noise_timeout");
	buf_deinit(&opening);
}

/* The opening comes one byte at a time. Returns how long the listener bore it. */
static int64_t drip(int64_t step_ms, const char *why)
{
	struct buf opening = BUF_INIT;
	mono_t start = p.now;

	start_listener(&opening);
	for (size_t at = 0; at < opening.len && !p.side[PAIR_L].is_closed; at++) {
		listener_gets(bytes_of(opening.data + at, 1));
		pair_pass(&p, step_ms);
	}
	buf_deinit(&opening);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_TIMEOUT, why);
	return mono_since_ms(p.now, start);
}

static void bytes_that_drip_do_not_keep_a_conn_alive(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	assert_in_range(drip(500, "select_timeout"), CONN_STEP_MS_MAX, CONN_STEP_MS_MAX + 500);
	/* Within the limit of each layer, but not of both. */
	assert_in_range(drip(300, "ready_timeout"), CONN_READY_MS_MAX, CONN_READY_MS_MAX + 300);
}

static void an_owner_that_does_not_judge_is_late_after_fifteen_seconds(void **state)
{
	int64_t margin_ms = stack == PAIR_QUIC ? 100 : 1; /* where flights take time */

	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_L].holds_judgement = true;
	pair_start(&p);
	pair_run(&p);
	assert_true(p.side[PAIR_L].is_proven);
	pair_pass(&p, CONN_READY_MS_MAX - margin_ms - mono_since_ms(p.now, t0));
	assert_false(p.side[PAIR_L].is_closed);
	pair_pass(&p, stack == PAIR_QUIC ? 2 * margin_ms : margin_ms);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_TIMEOUT, "ready_timeout");
}

static void a_muxer_that_is_never_agreed_ends_in_time(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_D].noise.payload_len = p.side[PAIR_D].noise.proof_len;
	pair_start(&p);
	assert_true(pair_flight(&p, PAIR_D));
	assert_true(pair_flight(&p, PAIR_L));
	/* The last handshake message arrives; the sealed proposal behind it does not. */
	conn_send(p.side[PAIR_D].conn, &out, 1 << 20, p.now);
	(void)conn_recv(p.side[PAIR_L].conn,
		bytes_head(buf_bytes(&out), 2 + ((size_t)out.data[0] << 8 | out.data[1])), p.now);
	buf_deinit(&out);
	p.side[PAIR_D].is_deaf = true;
	pair_pass(&p, CONN_STEP_MS_MAX);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_TIMEOUT, "muxer_timeout");
	assert_int_equal(pair_count(&p, PAIR_L, CONN_PROVEN), 0);
}

/* ---- strangers ---- */

static void what_is_not_multistream_is_refused_at_once(void **state)
{
	static const struct bytes openings[] = {
		BYTES_LIT("GET / HTTP/1.1\r\n"),
		BYTES_LIT("\x16\x03\x01\x02"),
		BYTES_LIT("SSH-2.0-x\r\n"),
		BYTES_LIT("\x00"),
		BYTES_LIT("\x13/multistream/2.0.0\n"),
	};

	(void)state;
	pair_init_over(&p, stack, 1);
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
		pair_start(&p);
		assert_err(conn_recv(p.side[PAIR_L].conn, openings[i], p.now), P2P_ERR_PROTOCOL);
		pair_events(&p, PAIR_L);
		pair_assert_closed(&p, PAIR_L, P2P_ERR_PROTOCOL, "select_malformed");
		assert_false(conn_wants_send(p.side[PAIR_L].conn));
	}
}

static void a_dialer_is_told_that_the_listener_has_no_noise(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	pair_start(&p);
	assert_err(conn_recv(p.side[PAIR_D].conn, BYTES_LIT("\x13/multistream/1.0.0\n\x03na\n"), p.now),
		P2P_ERR_UNSUPPORTED);
	pair_events(&p, PAIR_D);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_UNSUPPORTED, "select_no_common");
}

static void two_dialers_fail_cleanly(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	pair_init_over(&p, stack, 1);
	pair_start(&p);
	/* Its own opening comes back: what simultaneous open looks like. */
	conn_send(p.side[PAIR_D].conn, &out, 1 << 20, p.now);
	assert_err(conn_recv(p.side[PAIR_D].conn, buf_bytes(&out), p.now), P2P_ERR_PROTOCOL);
	pair_events(&p, PAIR_D);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_PROTOCOL, "noise_handshake");
	buf_deinit(&out);
}

static void garbage_never_opens_and_never_costs_more_than_its_limit(void **state)
{
	static uint8_t junk[1 << 18];
	struct rng_seeded seeded;

	(void)state;
	pair_init_over(&p, stack, 1);
	rng_seed(&seeded, 9);
	for (int round = 0; round < 300; round++) {
		int side = round % 2;
		size_t at = 0;

		rng_fill(&seeded.rng, junk, sizeof(junk));
		pair_start(&p);
		/* Good beginnings of different lengths, then junk. */
		if (round % 3) {
			struct buf good = BUF_INIT;

			if (side == PAIR_L) {
				conn_send(p.side[PAIR_D].conn, &good, 1 << 20, p.now);
			} else {
				(void)pair_flight(&p, PAIR_D);
				p.side[PAIR_D].is_closed = false;
				(void)buf_put(&good, BYTES_LIT("\x13/multistream/1.0.0\n\x07/noise\n"));
				(void)buf_put(&good, BYTES_LIT("\x0f\xff"));
			}
			memcpy(junk, good.data, good.len);
			buf_deinit(&good);
		}
		while (at < sizeof(junk) && !p.side[side].is_closed) {
			size_t len = 1 + rng_below(&seeded.rng, 1 << (round % 18));

			len = len < sizeof(junk) - at ? len : sizeof(junk) - at;
			(void)conn_recv(p.side[side].conn, bytes_of(junk + at, len), p.now);
			pair_events(&p, side);
			at += len;
		}
		assert_true(p.side[side].is_closed);
		assert_false(p.side[side].is_proven);
		assert_true(p.side[side].memory_max <= 96 * 1024);
		assert_int_equal(conn_recv(p.side[side].conn, BYTES_LIT("x"), p.now), P2P_ERR_CLOSED);
	}
}

static void a_handshake_length_beyond_its_limit_is_refused_unread(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	pair_start(&p);
	assert_err(conn_recv(p.side[PAIR_L].conn,
			   BYTES_LIT("\x13/multistream/1.0.0\n\x07/noise\n\x10\x01"), p.now),
		P2P_ERR_PROTOCOL);
	pair_events(&p, PAIR_L);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_PROTOCOL, "noise_handshake");
}

static void an_unauthenticated_conn_never_owns_more_than_96_kib(void **state)
{
	static uint8_t filling[2 + 4096];
	struct conn_info info;

	(void)state;
	pair_init_over(&p, stack, 1);
	pair_start(&p);
	/* The largest that each layer takes, left one byte short. */
	(void)conn_recv(p.side[PAIR_L].conn, BYTES_LIT("\x13/multistream/1.0.0\n\x07/noise\n"), p.now);
	filling[0] = 0x10;
	for (size_t i = 0; i < sizeof(filling) - 1; i++) {
		(void)conn_recv(p.side[PAIR_L].conn, bytes_of(filling + i, 1), p.now);
		info_of(PAIR_L, &info);
		assert_true(info.memory <= 96 * 1024);
	}
	assert_string_equal(info.state, "securing");
	assert_true(info.memory > 4096 && info.memory < 16 * 1024);
}

static void a_peer_that_speaks_before_it_is_admitted_waits_within_a_bound(void **state)
{
	static uint8_t flood[65536];
	size_t sent = 0;

	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_L].holds_judgement = true;
	p.side[PAIR_D].on_event = ask_at_once;
	pair_start(&p);
	pair_run(&p);
	assert_true(p.side[PAIR_L].is_proven);
	/* Nothing of its streams is looked at. */
	assert_int_equal(p.side[PAIR_L].event_count, 1);
	while (!p.side[PAIR_L].is_closed && sent < 4 * CONN_UNJUDGED_BYTES_MAX) {
		(void)conn_recv(p.side[PAIR_L].conn, bytes_of(flood, sizeof(flood)), p.now);
		pair_events(&p, PAIR_L);
		sent += sizeof(flood);
	}
	pair_assert_closed(&p, PAIR_L, P2P_ERR_TOO_LARGE, "early_bytes");
	assert_true(sent <= CONN_UNJUDGED_BYTES_MAX + sizeof(flood));
	assert_true(p.side[PAIR_L].memory_max < 2 * CONN_UNJUDGED_BYTES_MAX);
}

static void a_late_judgement_loses_nothing(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < 40; cut += 13) {
		for (int early = 0; early < 2; early++) {
			pair_init_over(&p, stack, 1);
			p.cut = cut;
			p.side[PAIR_L].holds_judgement = true;
			p.side[PAIR_L].echoes = true;
			p.side[PAIR_D].on_event = ask_at_once;
			if (!early)
				p.side[PAIR_D].noise.payload_len = p.side[PAIR_D].noise.proof_len;
			pair_start(&p);
			pair_run(&p);
			pair_pass(&p, 1000);
			conn_admit(p.side[PAIR_L].conn, &p.side[PAIR_L].grant, p.now);
			pair_events(&p, PAIR_L);
			pair_run(&p);
			assert_bytes(pair_got(&p, PAIR_D, 1), BYTES_LIT("question"));
			pair_deinit(&p);
		}
	}
	pair_init_over(&p, stack, 1);
}

static void opening_a_stream_too_early_or_too_late_is_refused(void **state)
{
	uint32_t id;

	(void)state;
	pair_init_over(&p, stack, 1);
	pair_start(&p);
	assert_err(conn_open_stream(p.side[PAIR_D].conn, "/x", p.now, &id), P2P_ERR_AGAIN);
	assert_int_equal(conn_write(p.side[PAIR_D].conn, 1, BYTES_LIT("x")), 0);
	conn_close(p.side[PAIR_D].conn, "changed_mind", p.now);
	pair_events(&p, PAIR_D);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, "changed_mind");
	assert_err(conn_open_stream(p.side[PAIR_D].conn, "/x", p.now, &id), P2P_ERR_CLOSED);
	assert_false(conn_wants_send(p.side[PAIR_D].conn));
}

/* Bytes in use of the heap; 0 where another allocator (a sanitizer's) does not tell. */
static size_t heap(void)
{
	return mallinfo2().uordblks;
}

/* One end's own memory, while nothing is said. */
static const size_t idle_bytes_max[PAIR_STACKS] = {4096, 16384, 56 * 1024};

static void an_idle_open_conn_owns_little(void **state)
{
	size_t before, after, said = 0;

	(void)state;
	pair_init_over(&p, stack, 1);
	p.side[PAIR_L].echoes = true;
	p.side[PAIR_D].on_event = ask_at_once;
	pair_open(&p); /* what is allocated once, is now */
	pair_start(&p);
	conn_free(p.side[PAIR_D].conn);
	conn_free(p.side[PAIR_L].conn);
	p.side[PAIR_D].conn = p.side[PAIR_L].conn = NULL;
	buf_deinit(&p.scratch.plain);
	before = heap();
	pair_open(&p);
	conn_end_stream(p.side[PAIR_D].conn, 1);
	pair_run(&p);
	pair_pass(&p, 5000);
	for (int i = 0; i < 2; i++) {
		struct conn_info info;

		info_of(i, &info);
		assert_int_equal(info.streams_in + info.streams_out, 0);
		said += info.memory;
		buf_deinit(&p.side[i].wire);
		buf_deinit(&p.side[i].streams[0].got);
	}
	buf_deinit(&p.scratch.plain);
	after = heap();
	print_message("%s: an idle conn owns %zu bytes, and says %zu\n", pair_stack_word(stack),
		(after - before) / 2, said / 2);
	assert_true(after >= before && after - before <= 2 * idle_bytes_max[stack]);
	assert_true(said <= 2 * idle_bytes_max[stack]);
	/* What it says is about right. */
	assert_true(before == 0 || (said > (after - before) / 2 && said < (after - before) * 2));
}

static void one_handshake_after_the_other_agrees(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 3);
	p.side[PAIR_D].on_event = ask_at_once;
	p.side[PAIR_L].echoes = true;
	for (int i = 0; i < (stack == PAIR_NOISE ? 2000 : 200); i++) {
		pair_open(&p);
		assert_bytes(pair_got(&p, PAIR_D, 1), BYTES_LIT("question"));
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest over_all[] = {
		TEST(two_conns_open_and_know_each_other),
		TEST(the_first_answer_is_there_after_two_round_trips),
		TEST(a_peer_that_is_sent_away_does_not_learn_who_dialled),
		TEST(another_peer_than_the_dialled_one_is_refused),
		TEST(anybody_is_fine_when_nobody_is_expected),
		TEST(an_owner_that_does_not_judge_is_late_after_fifteen_seconds),
		TEST(a_late_judgement_loses_nothing),
		TEST(opening_a_stream_too_early_or_too_late_is_refused),
		TEST(an_idle_open_conn_owns_little),
		TEST(one_handshake_after_the_other_agrees),
	};
	const struct CMUnitTest over_pipes[] = {
		TEST(a_conversation_may_be_delivered_in_pieces_of_any_size),
		TEST(a_silent_listener_is_dropped_after_ten_seconds),
		TEST(each_layer_has_ten_seconds),
		TEST(bytes_that_drip_do_not_keep_a_conn_alive),
		TEST(a_peer_that_speaks_before_it_is_admitted_waits_within_a_bound),
	};
	const struct CMUnitTest of_noise[] = {
		TEST(proposal_and_first_handshake_message_leave_in_one_piece),
		TEST(without_early_muxers_it_is_agreed_by_name),
		TEST(a_silent_dialer_is_dropped_after_five_seconds),
		TEST(a_muxer_that_is_never_agreed_ends_in_time),
		TEST(what_is_not_multistream_is_refused_at_once),
		TEST(a_dialer_is_told_that_the_listener_has_no_noise),
		TEST(two_dialers_fail_cleanly),
		TEST(garbage_never_opens_and_never_costs_more_than_its_limit),
		TEST(a_handshake_length_beyond_its_limit_is_refused_unread),
		TEST(an_unauthenticated_conn_never_owns_more_than_96_kib),
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
	stack = PAIR_NOISE;
	failed += cmocka_run_group_tests_name("noise's own", of_noise, NULL, NULL);
	tls_global_deinit();
	return failed;
}
