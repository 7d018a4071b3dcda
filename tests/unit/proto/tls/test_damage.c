/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions whose bytes are changed, repeated or made up on the way. */
#include "proto/tls/session.h"

#include "tests/unit/proto/tls/side.h"

/* Flips a bit of what `from` has to say, in the body of some record. */
static void flip_somewhere(struct side *from, struct rng *rng)
{
	size_t at = TLS_HEADER_BYTES + rng_below(rng, from->out.len - TLS_HEADER_BYTES);

	from->out.data[at] ^= (uint8_t)(1u << rng_below(rng, 8));
}

/* Whatever bit changes on the way: never do both believe in the connection, and neither ever
 * believes in another peer. */
static void a_changed_bit_in_the_handshake_ends_it(void **state)
{
	struct side d, l;
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 3);
	pair_init(&d, &l);
	for (int i = 0; i < 60; i++) {
		pair_begin(&d, &l);
		if (i % 3 == 0)
			flip_somewhere(&d, &rng.rng);
		(void)fly(&d, &l, 0);
		if (i % 3 == 1)
			flip_somewhere(&l, &rng.rng);
		(void)fly(&l, &d, 0);
		if (i % 3 == 2) {
			assert_true(tls_is_ready(&d.t));
			flip_somewhere(&d, &rng.rng);
		}
		run(&d, &l, 0);
		assert_false(tls_is_ready(&l.t));
		assert_false(tls_is_accepted(&d.t));
		assert_true(peer_id_is_none(&d.t.proof.peer) || peer_id_eq(&d.t.proof.peer, &l.id));
	}
	pair_deinit(&d, &l);
}

static void a_changed_bit_in_a_record_ends_the_session(void **state)
{
	struct side d, l;
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 4);
	pair_init(&d, &l);
	for (int i = 0; i < 10; i++) {
		pair_begin(&d, &l);
		run(&d, &l, 0);
		assert_ok(tls_seal(&d.t, BYTES_LIT("some content"), &d.out));
		flip_somewhere(&d, &rng.rng);
		(void)fly(&d, &l, 0);
		assert_failed(&l, P2P_ERR_CRYPTO, "tls_decrypt", 20, true);
		assert_int_equal(l.got.len, 0);
		(void)fly(&l, &d, 0);
		assert_failed(&d, P2P_ERR_REFUSED, "tls_alert_received", 20, false);
	}
	pair_deinit(&d, &l);
}

static void a_record_that_comes_twice_ends_the_session(void **state)
{
	struct side d, l;
	struct buf copy = BUF_INIT;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	run(&d, &l, 0);
	assert_ok(tls_seal(&d.t, BYTES_LIT("pay one"), &d.out));
	assert_ok(buf_put(&copy, buf_bytes(&d.out)));
	(void)fly(&d, &l, 0);
	assert_ok(l.err);
	deliver(&l, buf_bytes(&copy));
	assert_failed(&l, P2P_ERR_CRYPTO, "tls_decrypt", 20, true);
	assert_bytes(buf_bytes(&l.got), BYTES_LIT("pay one"));
	buf_deinit(&copy);
	pair_deinit(&d, &l);
}

/* Random bytes behind a header that is taken, at any moment. */
static void random_bytes_never_get_anywhere(void **state)
{
	struct side d, l;
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 5);
	pair_init(&d, &l);
	for (int i = 0; i < 200; i++) {
		uint8_t junk[TLS_HEADER_BYTES + 300];
		size_t len = 20 + rng_below(&rng.rng, 280);
		struct side *victim = i & 1 ? &d : &l;

		pair_begin(&d, &l);
		for (int flights = (int)rng_below(&rng.rng, 4); flights > 0; flights--)
			(void)(flights & 1 ? fly(&d, &l, 0) : fly(&l, &d, 0));
		rng_fill(&rng.rng, junk, sizeof(junk));
		junk[0] = tls_is_ready(&victim->t) || victim->t.handshake_bytes ? 23 : 22;
		junk[1] = 3;
		junk[3] = (uint8_t)(len >> 8);
		junk[4] = (uint8_t)len;
		if (junk[0] == 22 && (i & 2)) { /* a hello, or what looks like one */
			junk[5] = i & 1 ? 2 : 1;
			junk[6] = 0;
			junk[7] = (uint8_t)((len - 4) >> 8);
			junk[8] = (uint8_t)(len - 4);
			junk[9] = junk[10] = 3;
		}
		deliver(victim, bytes_of(junk, TLS_HEADER_BYTES + len));
		assert_true(victim->err || !tls_is_ready(&victim->t));
		assert_int_equal(victim->got.len, 0);
	}
	pair_deinit(&d, &l);
}

static void a_handshake_has_an_end(void **state)
{
	/* The beginning of a hello of 16 KiB; the rest comes in crumbs that never complete it, and
	 * the message after it would be the next. */
	static const uint8_t begin[TLS_HEADER_BYTES + 4] = {22, 3, 1, 0, 4, 1, 0, 0x40, 1};
	static uint8_t more[TLS_HEADER_BYTES + 16384] = {22, 3, 3, 0x40, 0};
	struct side d, l;

	(void)state;
	pair_init(&d, &l);
	pair_begin(&d, &l);
	deliver(&l, bytes_of(begin, sizeof(begin)));
	for (int i = 0; i < 3 && !l.err; i++)
		deliver(&l, bytes_of(more, sizeof(more)));
	assert_err(l.err, P2P_ERR_PROTOCOL);
	assert_string_equal(l.t.why, "tls_protocol");
	/* Change-of-cipher records mean nothing, and may not be sent for ever either. */
	pair_begin(&d, &l);
	(void)fly(&d, &l, 0);
	for (int i = 0; i < TLS_HANDSHAKE_BYTES_MAX / 6 + 1 && !l.err; i++)
		deliver(&l, BYTES_LIT("\x14\x03\x03\x00\x01\x01"));
	assert_err(l.err, P2P_ERR_PROTOCOL);
	pair_deinit(&d, &l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_bit_in_the_handshake_ends_it),
		cmocka_unit_test(a_changed_bit_in_a_record_ends_the_session),
		cmocka_unit_test(a_record_that_comes_twice_ends_the_session),
		cmocka_unit_test(random_bytes_never_get_anywhere),
		cmocka_unit_test(a_handshake_has_an_end),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
