/* SPDX-License-Identifier: Apache-2.0 */
/* Whole sessions, back to back in memory. */
#include "proto/tls/session.h"

#include <malloc.h>

#include "tests/unit/proto/tls/side.h"

static void assert_ready(const struct side *d, const struct side *l)
{
	assert_ok(d->err);
	assert_ok(l->err);
	assert_true(tls_is_ready(&d->t) && tls_is_ready(&l->t));
	assert_true(peer_id_eq(&d->t.proof.peer, &l->id));
	assert_true(peer_id_eq(&l->t.proof.peer, &d->id));
}

static void say(struct side *from, struct side *to, struct bytes text)
{
	assert_ok(tls_seal(&from->t, text, &from->out));
	buf_reset(&to->got);
	(void)fly(from, to, 0);
	assert_ok(to->err);
	assert_bytes(buf_bytes(&to->got), text);
}

/* ---- Two of ours ---- */

static void two_sides_learn_who_the_other_is(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	d.opts.expected = l.id;
	l.opts.expected = d.id;
	pair_begin(&d, &l);
	run(&d, &l, 0);
	assert_ready(&d, &l);
	assert_true(d.t.proof.speaks_yamux && l.t.proof.speaks_yamux);
	assert_string_equal(
		gnutls_protocol_get_name(gnutls_protocol_get_version(d.t.session)), "TLS1.3");
	say(&d, &l, BYTES_LIT("hello"));
	say(&l, &d, BYTES_LIT("hello yourself"));
	pair_deinit(&d, &l);
}

static void a_dialer_shows_itself_in_its_last_flight_only(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	assert_true(fly(&d, &l, 0));
	assert_false(tls_is_ready(&l.t));
	assert_true(fly(&l, &d, 0));
	/* It knows whom it has reached, and its own certificate has not left. */
	assert_true(tls_is_ready(&d.t));
	assert_true(peer_id_eq(&d.t.proof.peer, &l.id));
	assert_true(d.out.len > d.own.cert.len);
	assert_false(tls_is_ready(&l.t));
	assert_true(fly(&d, &l, 0));
	assert_ready(&d, &l);
	assert_int_equal(l.out.len, 0); /* no tickets, nothing */
	pair_deinit(&d, &l);
}

static void a_dialer_is_accepted_when_its_peer_has_spoken(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	assert_false(tls_is_accepted(&l.t));
	run(&d, &l, 0);
	assert_true(tls_is_accepted(&l.t));
	assert_false(tls_is_accepted(&d.t));
	say(&l, &d, BYTES_LIT("x"));
	assert_true(tls_is_accepted(&d.t));
	pair_deinit(&d, &l);
}

static void a_listener_that_refuses_is_heard_after_the_handshake(void **state)
{
	struct side d, l;
	struct peer_id other;

	(void)state;
	pair_init(&d, &l);
	other = d.id;
	other.at[other.len - 1] ^= 1;
	l.opts.expected = other;
	pair_begin(&d, &l);
	assert_true(fly(&d, &l, 0) && fly(&l, &d, 0));
	assert_true(tls_is_ready(&d.t)); /* and yet: */
	assert_true(fly(&d, &l, 0));
	assert_failed(&l, P2P_ERR_MISMATCH, "peer_id_mismatch", 42, true);
	assert_true(fly(&l, &d, 0));
	assert_failed(&d, P2P_ERR_REFUSED, "tls_alert_received", 42, false);
	assert_false(tls_is_accepted(&d.t));
	pair_deinit(&d, &l);
}

static void a_dialer_refuses_whom_it_did_not_look_for(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	d.opts.expected = d.id;
	pair_begin(&d, &l);
	run(&d, &l, 0);
	assert_failed(&d, P2P_ERR_MISMATCH, "peer_id_mismatch", 42, true);
	assert_failed(&l, P2P_ERR_REFUSED, "tls_alert_received", 42, false);
	assert_string_equal(l.t.detail, "GNUTLS_A_BAD_CERTIFICATE");
	assert_true(peer_id_is_none(&d.t.proof.peer));
	pair_deinit(&d, &l);
}

static void dates_are_judged_by_the_time_that_is_given(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	d.opts.now = wall_add_sec(FORGE_NOW, -7200);
	pair_begin(&d, &l);
	run(&d, &l, 0);
	assert_failed(&d, P2P_ERR_FUTURE, "tls_cert_not_yet_valid", 45, true);
	assert_failed(&l, P2P_ERR_REFUSED, "tls_alert_received", 45, false);
	d.opts.now = FORGE_NOW;
	l.opts.now = wall_add_sec(FORGE_NOW, INT64_C(200) * 366 * 86400);
	pair_begin(&d, &l);
	run(&d, &l, 0);
	assert_failed(&l, P2P_ERR_STALE, "tls_cert_expired", 45, true);
	assert_failed(&d, P2P_ERR_REFUSED, "tls_alert_received", 45, false);
	pair_deinit(&d, &l);
}

static void bytes_may_be_cut_anywhere(void **state)
{
	static const size_t cuts[] = {1, 2, 3, 5, 7, 64, 301};
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		pair_begin(&d, &l);
		run(&d, &l, cuts[i]);
		assert_ready(&d, &l);
		assert_ok(tls_seal(&d.t, BYTES_LIT("one"), &d.out));
		assert_ok(tls_seal(&d.t, BYTES_LIT("two"), &d.out));
		run(&d, &l, cuts[i]);
		assert_bytes(buf_bytes(&l.got), BYTES_LIT("onetwo"));
	}
	pair_deinit(&d, &l);
}

static void content_behind_the_handshake_in_one_piece_arrives(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	assert_true(fly(&d, &l, 0) && fly(&l, &d, 0));
	assert_ok(tls_seal(&d.t, BYTES_LIT("at once"), &d.out));
	assert_true(fly(&d, &l, 0));
	assert_ready(&d, &l);
	assert_bytes(buf_bytes(&l.got), BYTES_LIT("at once"));
	pair_deinit(&d, &l);
}

static void without_a_muxer_offered_it_is_asked_for_by_name(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	for (int i = 1; i < 4; i++) {
		d.opts.offers_no_muxer = i & 1;
		l.opts.offers_no_muxer = i & 2;
		pair_begin(&d, &l);
		run(&d, &l, 0);
		assert_ready(&d, &l);
		assert_false(d.t.proof.speaks_yamux || l.t.proof.speaks_yamux);
	}
	pair_deinit(&d, &l);
}

static void the_dialers_order_of_ciphers_counts(void **state)
{
	static const gnutls_cipher_algorithm_t want[2] = {
		[TLS_AES_FIRST] = GNUTLS_CIPHER_AES_128_GCM,
		[TLS_CHACHA20_FIRST] = GNUTLS_CIPHER_CHACHA20_POLY1305,
	};
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	for (enum tls_order order = TLS_AES_FIRST; order <= TLS_CHACHA20_FIRST; order++) {
		tls_identity_deinit(&d.own);
		assert_ok(tls_identity_init(&d.own, &d.identity, &d.rng.rng, FORGE_NOW, order));
		pair_begin(&d, &l);
		run(&d, &l, 0);
		assert_ready(&d, &l);
		assert_int_equal(gnutls_cipher_get(d.t.session), want[order]);
	}
	assert_in_range(tls_order_of_cpu(), TLS_AES_FIRST, TLS_CHACHA20_FIRST);
	pair_deinit(&d, &l);
}

static void much_is_sealed_at_once_in_full_records(void **state)
{
	struct buf plain = BUF_INIT;
	struct side d, l;
	size_t len, records = 0;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	run(&d, &l, 0);
	memset(buf_grow(&plain, TLS_SEAL_BYTES_BEST), 'x', TLS_SEAL_BYTES_BEST);
	assert_ok(tls_seal(&d.t, buf_bytes(&plain), &d.out));
	assert_int_equal(d.out.len, plain.len + (size_t)16 * 22);
	for (size_t at = 0; at < d.out.len; at += len, records++)
		assert_ok(tls_message_len(&l.t, bytes_from(buf_bytes(&d.out), at), &len));
	assert_int_equal(records, 16);
	run(&d, &l, 0);
	assert_bytes(buf_bytes(&l.got), buf_bytes(&plain));
	buf_deinit(&plain);
	pair_deinit(&d, &l);
}

static void without_room_nothing_is_sealed_and_nothing_lost(void **state)
{
	struct buf small = BUF_WITH_MAX(TLS_SEALED_BYTES_MAX(5) - 1);
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	run(&d, &l, 0);
	assert_err(tls_seal(&d.t, BYTES_LIT("hello"), &small), P2P_ERR_TOO_LARGE);
	assert_int_equal(small.len, 0);
	assert_true(tls_is_ready(&d.t));
	say(&d, &l, BYTES_LIT("hello"));
	buf_deinit(&small);
	pair_deinit(&d, &l);
}

static void an_answer_without_room_ends_the_handshake(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	l.out.max = 100;
	buf_deinit(&l.out);
	assert_true(fly(&d, &l, 0));
	assert_failed(&l, P2P_ERR_TOO_LARGE, "tls_output", 0, false);
	pair_deinit(&d, &l);
}

static void keys_change_in_the_middle(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	run(&d, &l, 0);
	d.t.out = &d.out;
	assert_int_equal(gnutls_session_key_update(d.t.session, GNUTLS_KU_PEER), 0);
	run(&d, &l, 0);
	assert_ok(l.err);
	say(&d, &l, BYTES_LIT("with new keys"));
	say(&l, &d, BYTES_LIT("me too"));
	say(&d, &l, BYTES_LIT("fine"));
	pair_deinit(&d, &l);
}

static void goodbye_is_heard_and_the_other_direction_goes_on(void **state)
{
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	run(&d, &l, 0);
	tls_bye(&d.t, &d.out);
	tls_bye(&d.t, &d.out); /* once is enough */
	assert_int_equal(d.out.len, 24);
	assert_err(tls_seal(&d.t, BYTES_LIT("x"), &d.out), P2P_ERR_CLOSED);
	say(&l, &d, BYTES_LIT("wait"));
	run(&d, &l, 0);
	assert_err(l.err, P2P_ERR_CLOSED);
	assert_string_equal(l.t.why, "tls_closed");
	pair_deinit(&d, &l);
}

static void a_dead_session_says_so(void **state)
{
	static const uint8_t junk[TLS_HEADER_BYTES + 20] = {99};
	struct side d, l;
	uint8_t to[sizeof(junk)];
	size_t len;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	deliver(&l, bytes_of(junk, sizeof(junk)));
	assert_failed(&l, P2P_ERR_PROTOCOL, "tls_protocol", 0, false);
	assert_err(tls_message_len(&l.t, bytes_of(junk, 5), &len), P2P_ERR_CLOSED);
	assert_err(tls_handshake(&l.t, bytes_of(junk, 5), &l.out), P2P_ERR_CLOSED);
	assert_err(tls_open(&l.t, bytes_of(junk, 5), to, &l.out, &len), P2P_ERR_CLOSED);
	assert_err(tls_seal(&l.t, bytes_of(junk, 5), &l.out), P2P_ERR_CLOSED);
	tls_bye(&l.t, &l.out);
	assert_int_equal(l.out.len, 0);
	pair_deinit(&d, &l);
}

static void records_of_the_wrong_kind_or_size_are_refused_by_their_header(void **state)
{
	static const struct {
		const char *head;
		bool ready, good;
	} cases[] = {
		{"\x16\x03\x01\x00\x10", false, true},
		{"\x16\x03\x03\x41\x00", false, true},
		{"\x16\x03\x03\x41\x01", false, false},
		{"\x16\x03\x03\x00\x00", false, false},
		{"\x16\x02\x03\x00\x10", false, false},
		{"\x17\x03\x03\x00\x20", false, false},
		{"\x18\x03\x03\x00\x20", false, false},
		{"GET /", false, false},
		{"\x17\x03\x03\x00\x11", true, true},
		{"\x17\x03\x03\x41\x00", true, true},
		{"\x17\x03\x03\x00\x10", true, false},
		{"\x17\x03\x03\x41\x01", true, false},
		{"\x16\x03\x03\x00\x20", true, false},
		{"\x15\x03\x03\x00\x02", true, false},
		{"\x14\x03\x03\x00\x01", true, false},
	};
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes head = bytes_of(cases[i].head, TLS_HEADER_BYTES);
		size_t len = 0;
		int err;

		pair_begin(&d, &l);
		if (cases[i].ready)
			run(&d, &l, 0);
		err = tls_message_len(&l.t, head, &len);
		assert_int_equal(err, cases[i].good ? 0 : P2P_ERR_PROTOCOL);
		if (cases[i].good)
			assert_int_equal(len, TLS_HEADER_BYTES + (head.at[3] << 8 | head.at[4]));
	}
	pair_deinit(&d, &l);
}

/* ---- Cost ---- */

/* Bytes in use of the heap; 0 where another allocator (a sanitizer's) does not tell. */
static size_t heap(void)
{
	return mallinfo2().uordblks;
}

#define WITHIN(what, limit) assert_that((what) <= (limit), #what)

static void a_session_stays_within_its_memory(void **state)
{
	struct side d, l;
	size_t before, shaking, idle;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l); /* whatever is allocated once, is now */
	run(&d, &l, 0);
	tls_deinit(&d.t);
	tls_deinit(&l.t);
	before = heap();
	side_begin(&d);
	side_begin(&l);
	(void)fly(&d, &l, 0);
	shaking = heap() - before;
	WITHIN(shaking, (size_t)2 * 96 * 1024); /* R-24, of each side */
	run(&d, &l, 0);
	assert_ready(&d, &l);
	say(&d, &l, BYTES_LIT("x"));
	idle = heap() - before;
	WITHIN(idle, (size_t)2 * 24 * 1024);
	print_message("two sessions: %zu bytes shaking hands, %zu idle\n", shaking, idle);
	pair_deinit(&d, &l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sides_learn_who_the_other_is),
		cmocka_unit_test(a_dialer_shows_itself_in_its_last_flight_only),
		cmocka_unit_test(a_dialer_is_accepted_when_its_peer_has_spoken),
		cmocka_unit_test(a_listener_that_refuses_is_heard_after_the_handshake),
		cmocka_unit_test(a_dialer_refuses_whom_it_did_not_look_for),
		cmocka_unit_test(dates_are_judged_by_the_time_that_is_given),
		cmocka_unit_test(bytes_may_be_cut_anywhere),
		cmocka_unit_test(content_behind_the_handshake_in_one_piece_arrives),
		cmocka_unit_test(without_a_muxer_offered_it_is_asked_for_by_name),
		cmocka_unit_test(the_dialers_order_of_ciphers_counts),
		cmocka_unit_test(much_is_sealed_at_once_in_full_records),
		cmocka_unit_test(without_room_nothing_is_sealed_and_nothing_lost),
		cmocka_unit_test(an_answer_without_room_ends_the_handshake),
		cmocka_unit_test(keys_change_in_the_middle),
		cmocka_unit_test(goodbye_is_heard_and_the_other_direction_goes_on),
		cmocka_unit_test(a_dead_session_says_so),
		cmocka_unit_test(records_of_the_wrong_kind_or_size_are_refused_by_their_header),
		cmocka_unit_test(a_session_stays_within_its_memory),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
