/* SPDX-License-Identifier: Apache-2.0 */
/* Two of ours find each other: in two flights, over bad paths, and not at all when bytes are altered. */
#include "proto/quic/conn.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_pair.h"

static struct quic_pair p;

static struct quic_info info_of(int side)
{
	struct quic_info info;

	quic_info(p.side[side].conn, &info);
	return info;
}

static void two_prove_themselves_to_each_other(void **state)
{
	struct quic_info d, l;

	(void)state;
	quic_pair_init(&p, 1);
	quic_pair_open(&p);
	d = info_of(QUIC_D);
	l = info_of(QUIC_L);
	assert_true(d.is_proven && l.is_proven);
	assert_true(peer_id_eq(&d.peer, &p.side[QUIC_L].id));
	assert_true(peer_id_eq(&l.peer, &p.side[QUIC_D].id));
	assert_int_equal(d.path.remote.port, p.side[QUIC_L].addr.port);
	assert_int_equal(l.path.remote.port, p.side[QUIC_D].addr.port);
	/* 20 ms are the path; up to 25 more wait for an acknowledgement of nothing else. */
	assert_true(d.rtt_ns >= 20 * NS_PER_MS && d.rtt_ns <= 46 * NS_PER_MS);
	assert_true(mono_before(t0, d.last_heard));
	quic_pair_deinit(&p);
}

static void ask_at_once(struct quic_pair *pair, int side, const struct quic_event *ev)
{
	if (side == QUIC_D && ev->kind == QUIC_PROVEN)
		assert_int_equal(quic_pair_say(pair, QUIC_D, BYTES_LIT("a question")), 1);
}

/* B-20: who asks as soon as its peer is proven has the answer two round trips after the dial. */
static void the_first_answer_comes_after_two_round_trips(void **state)
{
	(void)state;
	quic_pair_init(&p, 2);
	p.side[QUIC_L].echoes = true;
	p.side[QUIC_D].on_event = ask_at_once;
	quic_pair_dial(&p);
	quic_pair_pass(&p, 39);
	assert_true(p.side[QUIC_D].is_proven && p.side[QUIC_L].is_proven);
	assert_int_equal(quic_pair_got(&p, QUIC_D, 1).len, 0);
	/* A tenth of a round trip for the pacing of the peer's first words. */
	quic_pair_pass(&p, 3);
	assert_bytes(quic_pair_got(&p, QUIC_D, 1), BYTES_LIT("a question"));
	quic_pair_deinit(&p);
}

static void nothing_can_be_opened_before_the_peer_is_proven(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 3);
	quic_pair_dial(&p);
	assert_err(quic_open(p.side[QUIC_D].conn, &s), P2P_ERR_CLOSED);
	assert_err(quic_ping(p.side[QUIC_D].conn), P2P_ERR_CLOSED);
	quic_pair_deinit(&p);
}

static void somebody_else_than_was_dialled_is_told(void **state)
{
	(void)state;
	quic_pair_init(&p, 4);
	p.side[QUIC_D].expected = p.side[QUIC_D].id;
	quic_pair_dial(&p);
	quic_pair_run(&p);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_MISMATCH, "peer_id_mismatch");
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_REFUSED, "tls_alert_received");
	assert_int_equal(p.side[QUIC_L].end.code, 0x12a);
	assert_string_equal(p.side[QUIC_L].end.detail, "GNUTLS_A_BAD_CERTIFICATE");
	assert_int_equal(quic_pair_count(&p, QUIC_D, QUIC_PROVEN), 0);
	quic_pair_deinit(&p);
}

static void loss_delays_a_handshake_and_does_not_end_it(void **state)
{
	unsigned proven = 0;

	(void)state;
	quic_pair_init(&p, 5);
	p.loss = 200;
	p.repeat = 200;
	p.swap = 300;
	for (int i = 0; i < 60; i++) {
		quic_pair_dial(&p);
		quic_pair_pass(&p, 12000);
		proven += p.side[QUIC_D].is_proven && p.side[QUIC_L].is_proven;
	}
	assert_true(proven >= 57);
	quic_pair_deinit(&p);
}

static void a_peer_that_does_not_answer_is_given_up(void **state)
{
	(void)state;
	quic_pair_init(&p, 6);
	p.side[QUIC_L].is_deaf = true;
	quic_pair_dial(&p);
	quic_pair_pass(&p, QUIC_HANDSHAKE_MS - 1);
	assert_false(p.side[QUIC_D].is_closed);
	quic_pair_pass(&p, 2);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_TIMEOUT, "quic_handshake_timeout");
	quic_pair_deinit(&p);
}

static void a_dialer_that_falls_silent_is_given_up(void **state)
{
	(void)state;
	quic_pair_init(&p, 7);
	quic_pair_dial(&p);
	p.side[QUIC_D].is_deaf = true;
	quic_pair_pass(&p, QUIC_HANDSHAKE_MS + 20);
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_TIMEOUT, "quic_handshake_timeout");
	quic_pair_deinit(&p);
}

/* ---- Altered bytes ---- */

struct spoiler {
	unsigned datagram; /* of all that both send, by number */
	size_t at;
	uint8_t mask;
	unsigned seen;
	bool was_done;
};

static bool spoil(struct quic_pair *pair, int from, struct quic_pair_flight *f)
{
	struct spoiler *s = pair->arg;

	(void)from;
	if (s->seen++ == s->datagram && s->at < f->len) {
		f->data[s->at] ^= s->mask;
		s->was_done = true;
	}
	return true;
}

/* Whatever is flipped in whichever of the first datagrams, the two either find each other (the
 * datagram was sent again) or not at all, and never somebody else. */
static void a_flipped_byte_anywhere_harms_nobody(void **state)
{
	unsigned rounds = 0;

	(void)state;
	quic_pair_init(&p, 8);
	for (unsigned datagram = 0; datagram < 6; datagram++) {
		for (size_t at = 0; at < 1300; at += at < 60 ? 1 : 41) {
			struct spoiler s = {datagram, at, (uint8_t)(1 << (at % 8)), 0, false};

			p.on_datagram = spoil;
			p.arg = &s;
			quic_pair_dial(&p);
			quic_pair_pass(&p, 11000);
			for (int side = 0; side < 2; side++)
				if (p.side[side].is_proven)
					assert_true(peer_id_eq(
						&p.side[side].proven, &p.side[1 - side].id));
			/* Only what is not protected can end it: versions and names in headers. */
			if (at >= 30)
				assert_true(p.side[QUIC_D].is_proven && p.side[QUIC_L].is_proven);
			rounds += s.was_done;
		}
	}
	assert_true(rounds > 300);
	quic_pair_deinit(&p);
}

struct cutter {
	unsigned datagram;
	size_t len; /* that is left of it */
	unsigned seen;
};

static bool cut(struct quic_pair *pair, int from, struct quic_pair_flight *f)
{
	struct cutter *c = pair->arg;

	(void)from;
	if (c->seen++ == c->datagram && c->len < f->len)
		f->len = c->len;
	return true;
}

static void a_cut_datagram_is_as_good_as_lost(void **state)
{
	(void)state;
	quic_pair_init(&p, 9);
	for (unsigned datagram = 0; datagram < 5; datagram++) {
		for (size_t len = 1; len < 1300; len += len < 40 ? 3 : 97) {
			struct cutter c = {datagram, len, 0};

			p.on_datagram = cut;
			p.arg = &c;
			quic_pair_dial(&p);
			quic_pair_pass(&p, 5000);
			assert_true(p.side[QUIC_D].is_proven && p.side[QUIC_L].is_proven);
		}
	}
	quic_pair_deinit(&p);
}

/* Bytes behind the packets of a datagram. */
static bool extend(struct quic_pair *pair, int from, struct quic_pair_flight *f)
{
	uint8_t longer[2000] = {0};

	if (f->len > sizeof(longer) - 100 || pair->arg == f)
		return true;
	memcpy(longer, f->data, f->len);
	memset(longer + f->len, 0x5a, 100);
	quic_pair_throw(pair, from, bytes_of(longer, f->len + 100));
	return false;
}

static void bytes_behind_the_packets_are_ignored(void **state)
{
	(void)state;
	quic_pair_init(&p, 10);
	p.on_datagram = extend;
	quic_pair_dial(&p);
	/* Those with short headers fill their datagram, and are spoiled by this. */
	quic_pair_pass(&p, 60);
	assert_true(p.side[QUIC_D].is_proven);
	p.on_datagram = NULL;
	quic_pair_pass(&p, 3000);
	assert_true(p.side[QUIC_L].is_proven);
	assert_false(p.side[QUIC_D].is_closed);
	quic_pair_deinit(&p);
}

/* ---- Ends ---- */

static void a_close_is_told_with_its_code(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		quic_pair_init(&p, 11);
		quic_pair_open(&p);
		quic_close(p.side[side].conn, 0x1006, p.now);
		quic_close(p.side[side].conn, 0x1007, p.now); /* twice does nothing */
		assert_false(p.side[side].is_closed);
		quic_pair_run(&p);
		quic_pair_assert_closed(&p, side, P2P_ERR_CLOSED, "local");
		quic_pair_assert_closed(&p, 1 - side, P2P_ERR_CLOSED, "remote_close");
		assert_int_equal(p.side[1 - side].end.code, 0x1006);
		assert_err(quic_ping(p.side[side].conn), P2P_ERR_CLOSED);
		assert_false(quic_has_output(p.side[side].conn));
		assert_true(mono_is_never(quic_deadline(p.side[side].conn)));
		quic_pair_deinit(&p);
	}
}

static void what_fits_leaves_before_a_close(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 12);
	quic_pair_open(&p);
	s = quic_pair_say(&p, QUIC_D, BYTES_LIT("a last word"));
	assert_ok(quic_finish(p.side[QUIC_D].conn, s));
	quic_close(p.side[QUIC_D].conn, 0, p.now);
	quic_pair_run(&p);
	assert_bytes(quic_pair_got(&p, QUIC_L, s), BYTES_LIT("a last word"));
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_CLOSED, "remote_close");
	quic_pair_deinit(&p);
}

static void a_dial_can_be_closed_at_any_moment(void **state)
{
	(void)state;
	quic_pair_init(&p, 13);
	for (int ms = 0; ms < 60; ms += 3) {
		for (int side = 0; side < 2; side++) {
			quic_pair_dial(&p);
			quic_pair_pass(&p, ms);
			if (!p.side[side].conn)
				continue;
			quic_close(p.side[side].conn, 0x1001, p.now);
			quic_pair_pass(&p, 1000);
			quic_pair_assert_closed(&p, side, P2P_ERR_CLOSED, "local");
		}
	}
	quic_pair_deinit(&p);
}

static void silence_ends_a_connection(void **state)
{
	(void)state;
	quic_pair_init(&p, 14);
	quic_pair_open(&p);
	p.side[QUIC_D].is_deaf = p.side[QUIC_L].is_deaf = true;
	quic_pair_pass(&p, QUIC_IDLE_MS - 1000);
	assert_false(p.side[QUIC_D].is_closed);
	/* The keep-alive that went out begins the count once more. */
	quic_pair_pass(&p, 16000);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_TIMEOUT, "quic_idle");
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_TIMEOUT, "quic_idle");
	quic_pair_deinit(&p);
}

static void an_idle_connection_is_kept_alive(void **state)
{
	uint64_t before;

	(void)state;
	quic_pair_init(&p, 15);
	quic_pair_open(&p);
	quic_pair_pass(&p, 5000);
	before = p.side[QUIC_D].datagrams + p.side[QUIC_L].datagrams;
	quic_pair_pass(&p, 600000);
	assert_false(p.side[QUIC_D].is_closed || p.side[QUIC_L].is_closed);
	/* A ping and its answer each 10 s; both may ping at once. */
	assert_true(p.side[QUIC_D].datagrams + p.side[QUIC_L].datagrams - before <= 4 * 61);
	quic_pair_deinit(&p);
}

/* ---- Pings ---- */

static void a_ping_is_answered_with_the_round_trip(void **state)
{
	const struct quic_event *ev;
	mono_t asked;

	(void)state;
	quic_pair_init(&p, 16);
	quic_pair_open(&p);
	quic_pair_pass(&p, 3000);
	p.delay_ns = 35 * NS_PER_MS;
	asked = p.now;
	assert_ok(quic_ping(p.side[QUIC_D].conn));
	for (int i = 0; i < 1000 && !quic_pair_count(&p, QUIC_D, QUIC_PONG); i++)
		quic_pair_pass(&p, 1);
	/* It is answered at once, and leaves a step of the clock later (send.c). */
	assert_true(mono_since_ms(p.now, asked) <= 70 + 1);
	ev = quic_pair_find(&p, QUIC_D, QUIC_PONG, 0, NULL);
	assert_in_range(ev->rtt_ns, 70 * NS_PER_MS - 1, 71 * NS_PER_MS);
	assert_int_equal(quic_pair_count(&p, QUIC_L, QUIC_PONG), 0);
	quic_pair_deinit(&p);
}

static void a_ping_right_behind_a_datagram_goes_out_too(void **state)
{
	(void)state;
	quic_pair_init(&p, 17);
	quic_pair_open(&p);
	for (int i = 0; i < 20; i++) {
		(void)quic_pair_say(&p, QUIC_L, BYTES_LIT("x"));
		quic_pair_pass(&p, 10); /* it arrives at this very instant */
		assert_ok(quic_ping(p.side[QUIC_D].conn));
		quic_pair_pass(&p, 100);
		assert_int_equal(quic_pair_count(&p, QUIC_D, QUIC_PONG), i + 1);
	}
	quic_pair_deinit(&p);
}

static void unanswered_pings_are_bounded(void **state)
{
	(void)state;
	quic_pair_init(&p, 18);
	quic_pair_open(&p);
	p.side[QUIC_L].is_deaf = true;
	for (int i = 0; i < QUIC_PINGS_MAX; i++) {
		assert_ok(quic_ping(p.side[QUIC_D].conn));
		quic_pair_pass(&p, 10);
	}
	assert_err(quic_ping(p.side[QUIC_D].conn), P2P_ERR_AGAIN);
	p.side[QUIC_L].is_deaf = false;
	quic_pair_pass(&p, 500);
	assert_true(quic_pair_count(&p, QUIC_D, QUIC_PONG) >= 1);
	assert_ok(quic_ping(p.side[QUIC_D].conn));
	quic_pair_deinit(&p);
}

static void a_ping_in_a_bulk_transfer_is_answered(void **state)
{
	static uint8_t body[1000000];
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 19);
	quic_pair_open(&p);
	assert_ok(quic_open(p.side[QUIC_D].conn, &s));
	for (int i = 0; i < 50; i++) {
		(void)quic_write(p.side[QUIC_D].conn, s, bytes_of(body, sizeof(body)));
		if (i == 25)
			assert_ok(quic_ping(p.side[QUIC_D].conn));
		quic_pair_pass(&p, 10);
	}
	assert_int_equal(quic_pair_count(&p, QUIC_D, QUIC_PONG), 1);
	quic_pair_deinit(&p);
}

/* They cost memory, and most connections never come to need them. */
static void the_keys_that_follow_are_ready_and_not_open(void **state)
{
	(void)state;
	quic_pair_init(&p, 20);
	quic_pair_open(&p);
	quic_pair_run(&p);
	for (int side = 0; side < 2; side++) {
		const struct quic_key *k = p.side[side].conn->later;

		for (int i = 0; i < QUIC_KEYS_LATER; i++) {
			assert_int_equal(k[i].is_taken, i < 2);
			assert_null(k[i].open);
		}
		(void)ngtcp2_conn_initiate_key_update(
			p.side[side].conn->wire, (ngtcp2_tstamp)p.now.ns);
	}
	assert_ok(quic_ping(p.side[QUIC_D].conn));
	quic_pair_run(&p);
	assert_non_null(p.side[QUIC_D].conn->later[0].open);
	assert_non_null(p.side[QUIC_D].conn->later[1].open);
	quic_pair_deinit(&p);
}

/* By the peer, and by us: what is in flight then is sealed with either key. */
static void keys_can_be_changed_under_way(void **state)
{
	static uint8_t body[100000];
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 20);
	quic_pair_open(&p);
	assert_ok(quic_open(p.side[QUIC_D].conn, &s));
	for (int i = 0; i < 40; i++) {
		ngtcp2_conn *wire = p.side[i % 2].conn->wire;

		(void)quic_write(p.side[QUIC_D].conn, s, bytes_of(body, sizeof(body)));
		if (i % 5 == 0)
			(void)ngtcp2_conn_initiate_key_update(wire, (ngtcp2_tstamp)p.now.ns);
		quic_pair_pass(&p, 200);
	}
	quic_pair_run(&p);
	assert_false(p.side[QUIC_D].is_closed || p.side[QUIC_L].is_closed);
	assert_int_equal(quic_pair_got(&p, QUIC_L, s).len, 40 * sizeof(body));
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_prove_themselves_to_each_other),
		cmocka_unit_test(the_first_answer_comes_after_two_round_trips),
		cmocka_unit_test(nothing_can_be_opened_before_the_peer_is_proven),
		cmocka_unit_test(somebody_else_than_was_dialled_is_told),
		cmocka_unit_test(loss_delays_a_handshake_and_does_not_end_it),
		cmocka_unit_test(a_peer_that_does_not_answer_is_given_up),
		cmocka_unit_test(a_dialer_that_falls_silent_is_given_up),
		cmocka_unit_test(a_flipped_byte_anywhere_harms_nobody),
		cmocka_unit_test(a_cut_datagram_is_as_good_as_lost),
		cmocka_unit_test(bytes_behind_the_packets_are_ignored),
		cmocka_unit_test(a_close_is_told_with_its_code),
		cmocka_unit_test(what_fits_leaves_before_a_close),
		cmocka_unit_test(a_dial_can_be_closed_at_any_moment),
		cmocka_unit_test(silence_ends_a_connection),
		cmocka_unit_test(an_idle_connection_is_kept_alive),
		cmocka_unit_test(a_ping_is_answered_with_the_round_trip),
		cmocka_unit_test(a_ping_right_behind_a_datagram_goes_out_too),
		cmocka_unit_test(unanswered_pings_are_bounded),
		cmocka_unit_test(a_ping_in_a_bulk_transfer_is_answered),
		cmocka_unit_test(the_keys_that_follow_are_ready_and_not_open),
		cmocka_unit_test(keys_can_be_changed_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
