/* SPDX-License-Identifier: Apache-2.0 */
/* Whole libp2p sessions: proofs of identity, limits of a handshake, transport messages. */
#include <sodium.h>

#include "proto/noise/noise.h"
#include "tests/lib/fixed_rng.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

/* One side: identity, process key, session. */
struct side {
	struct rng_seeded seeded;
	struct key_pair identity;
	struct peer_id id;
	struct noise_static own;
	struct noise n;
};

static void side_init(struct side *s, uint64_t seed, bool initiator)
{
	struct noise_opts opts;

	rng_seed(&s->seeded, seed);
	key_generate(&s->seeded.rng, &s->identity);
	key_pair_peer_id(&s->identity, &s->id);
	noise_static_init(&s->own, &s->identity, &s->seeded.rng);
	opts = (struct noise_opts){initiator, &s->own, &s->seeded.rng, PEER_ID_NONE};
	noise_init(&s->n, &opts);
}

/* Splits the message at the front of `in` off and hands it to `n`. */
static int take(struct noise *n, struct bytes in, struct buf *out)
{
	size_t len;
	int err = noise_message_len(n, in, &len);

	if (err)
		return err;
	assert_int_equal(len, in.len);
	return noise_handshake(n, bytes_from(in, NOISE_LENGTH_BYTES), out);
}

/* Runs as much of a handshake as goes; the first error. */
static int shake(struct side *d, struct side *l)
{
	struct buf one = BUF_INIT, two = BUF_INIT, three = BUF_INIT, none = BUF_INIT;
	int err = noise_begin(&d->n, &one);

	if (!err)
		err = take(&l->n, buf_bytes(&one), &two);
	if (!err)
		err = take(&d->n, buf_bytes(&two), &three);
	if (!err)
		err = take(&l->n, buf_bytes(&three), &none);
	assert_int_equal(none.len, 0);
	buf_deinit(&one);
	buf_deinit(&two);
	buf_deinit(&three);
	return err;
}

static void two_sides_learn_who_the_other_is(void **state)
{
	struct side d, l;

	(void)state;
	side_init(&d, 1, true);
	side_init(&l, 2, false);
	assert_ok(shake(&d, &l));
	assert_true(noise_is_ready(&d.n) && noise_is_ready(&l.n));
	assert_true(peer_id_eq(&d.n.proof.peer, &l.id));
	assert_true(peer_id_eq(&l.n.proof.peer, &d.id));
	assert_true(d.n.proof.speaks_yamux && l.n.proof.speaks_yamux);
	assert_bytes(bytes_of(d.n.tx.key, 32), bytes_of(l.n.rx.key, 32));
	assert_bytes(bytes_of(d.n.rx.key, 32), bytes_of(l.n.tx.key, 32));
}

static void the_secrets_of_the_handshake_are_wiped_after_it(void **state)
{
	static const struct noise_xx wiped;
	static const struct noise gone;
	struct side d, l;

	(void)state;
	side_init(&d, 1, true);
	side_init(&l, 2, false);
	assert_ok(shake(&d, &l));
	assert_memory_equal(&d.n.xx, &wiped, sizeof(wiped));
	assert_memory_equal(&l.n.xx, &wiped, sizeof(wiped));
	noise_deinit(&d.n);
	assert_memory_equal(&d.n, &gone, sizeof(gone));
}

static void each_handshake_has_a_fresh_ephemeral_and_one_static_key(void **state)
{
	struct side d;
	struct buf first = BUF_INIT, second = BUF_INIT;
	uint8_t static_before[32];

	(void)state;
	side_init(&d, 1, true);
	memcpy(static_before, d.own.public, 32);
	assert_ok(noise_begin(&d.n, &first));
	noise_init(&d.n, &(struct noise_opts){true, &d.own, &d.seeded.rng, PEER_ID_NONE});
	assert_ok(noise_begin(&d.n, &second));
	assert_int_equal(first.len, 34);
	assert_false(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
	assert_memory_equal(static_before, d.own.public, 32);
	buf_deinit(&first);
	buf_deinit(&second);
}

/* An identity of the vectors ("A" or "B") with the static key of a session. */
static void vector_static(struct noise_static *own, const char *who, const json_t *session, const char *key)
{
	const json_t *id = json_object_get(vectors_group("test_identities"), who);
	struct buf raw = BUF_INIT;
	struct fixed_rng fixed;
	struct key_pair identity;

	key_from_seed(vectors_hex(id, "seed", &raw).at, &identity);
	fixed_rng_init(&fixed, vectors_hex(session, key, &raw));
	noise_static_init(own, &identity, &fixed.rng);
	buf_deinit(&raw);
}

static void our_payload_is_the_published_one(void **state)
{
	const json_t *session;
	struct buf raw = BUF_INIT;
	size_t k;

	(void)state;
	json_array_foreach(vectors_list("tcp_noise_yamux_session", "sessions"), k, session) {
		bool early = json_is_true(json_object_get(session, "early_muxer"));
		struct noise_static own;
		struct noise_proof proof;
		const char *why = NULL;

		vector_static(&own, "A", session, "initiator_static");
		assert_bytes(bytes_of(own.payload, early ? own.payload_len : own.proof_len),
			vectors_hex(session, "initiator_payload", &raw));
		assert_ok(noise_payload_verify(buf_bytes(&raw), own.public, &proof, &why));
		assert_int_equal(proof.speaks_yamux, early);
		vector_static(&own, "B", session, "responder_static");
		assert_bytes(bytes_of(own.payload, early ? own.payload_len : own.proof_len),
			vectors_hex(session, "responder_payload", &raw));
	}
	buf_deinit(&raw);
}

static void the_published_second_messages_are_judged_as_they_say(void **state)
{
	const json_t *group = vectors_group("noise_libp2p_invalid"), *v;
	const json_t *session = json_array_get(vectors_list("tcp_noise_yamux_session", "sessions"), 0);
	struct buf raw = BUF_INIT, out = BUF_INIT;
	struct peer_id expected;
	size_t k;

	(void)state;
	assert_ok(peer_id_parse(bytes_str(vectors_text(group, "expected_peer")), &expected));
	json_array_foreach(vectors_list("noise_libp2p_invalid", "cases"), k, v) {
		bool good = json_is_true(json_object_get(v, "accept"));
		const char *what = vectors_text(v, "what");
		struct noise_static own;
		struct fixed_rng fixed;
		struct noise n;
		int err;

		vector_static(&own, "A", session, "initiator_static");
		fixed_rng_init(&fixed, vectors_hex(group, "initiator_ephemeral", &raw));
		noise_init(&n, &(struct noise_opts){true, &own, &fixed.rng, expected});
		buf_reset(&out);
		assert_ok(noise_begin(&n, &out));
		assert_bytes(buf_bytes(&out), vectors_hex(group, "msg1", &raw));
		buf_reset(&out);
		err = take(&n, vectors_hex(v, "msg2", &raw), &out);
		assert_that((err == 0) == good, what);
		/* Nothing is said to a peer that has not proven itself. */
		assert_that((out.len > 0) == good, what);
		assert_that(noise_is_ready(&n) == good, what);
		assert_that((n.why == NULL) == good, what);
	}
	buf_deinit(&raw);
	buf_deinit(&out);
}

static void another_peer_than_expected_is_refused_by_both_sides(void **state)
{
	struct side d, l;

	(void)state;
	side_init(&d, 1, true);
	side_init(&l, 2, false);
	d.n.opts.expected = d.id;
	assert_err(shake(&d, &l), P2P_ERR_MISMATCH);
	assert_string_equal(d.n.why, "peer_id_mismatch");
	assert_false(noise_is_ready(&l.n));

	side_init(&d, 1, true);
	side_init(&l, 2, false);
	l.n.opts.expected = l.id;
	assert_err(shake(&d, &l), P2P_ERR_MISMATCH);
	assert_string_equal(l.n.why, "peer_id_mismatch");

	side_init(&d, 1, true);
	side_init(&l, 2, false);
	d.n.opts.expected = l.id;
	l.n.opts.expected = d.id;
	assert_ok(shake(&d, &l));
}

static void lengths_out_of_bounds_are_refused_before_anything_is_read(void **state)
{
	static const struct {
		struct bytes head;
		int err;
	} cases[] = {
		{BYTES_LIT("\x00\x00"), P2P_ERR_PROTOCOL},
		{BYTES_LIT("\x00\x1f"), P2P_ERR_PROTOCOL},
		{BYTES_LIT("\x10\x01"), P2P_ERR_PROTOCOL},
		{BYTES_LIT("\xff\xff"), P2P_ERR_PROTOCOL},
		{BYTES_LIT("\x00\x20"), 0},
		{BYTES_LIT("\x10\x00"), 0},
		{BYTES_LIT("\x10"), 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct side l;
		size_t len;

		side_init(&l, 2, false);
		assert_err(noise_message_len(&l.n, cases[i].head, &len), cases[i].err);
		if (cases[i].err)
			assert_string_equal(l.n.why, "noise_handshake");
	}
}

static void a_first_message_with_a_payload_is_taken_and_the_payload_ignored(void **state)
{
	struct side l;
	struct buf out = BUF_INIT;
	uint8_t message[2 + NOISE_HANDSHAKE_BYTES_MAX] = {0x10, 0x00, 9};

	(void)state;
	side_init(&l, 2, false);
	assert_ok(take(&l.n, bytes_of(message, sizeof(message)), &out));
	assert_int_equal(out.len, 2 + 96 + l.own.payload_len);
	buf_deinit(&out);
}

static void every_changed_bit_of_a_handshake_ends_it(void **state)
{
	struct buf one = BUF_INIT, two = BUF_INIT, three = BUF_INIT, out = BUF_INIT;

	(void)state;
	for (size_t bit = 16; bit < 8 * 218; bit += 3) {
		struct side d, l;

		side_init(&d, 1, true);
		side_init(&l, 2, false);
		buf_reset(&one);
		buf_reset(&two);
		buf_reset(&three);
		buf_reset(&out);
		assert_ok(noise_begin(&d.n, &one));
		assert_ok(take(&l.n, buf_bytes(&one), &two));
		assert_ok(take(&d.n, buf_bytes(&two), &three));
		if (bit / 8 < three.len) {
			three.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_err(take(&l.n, buf_bytes(&three), &out), P2P_ERR_CRYPTO);
			assert_string_equal(l.n.why, "noise_decrypt");
			assert_err(noise_message_len(&l.n, buf_bytes(&three), &(size_t){0}), P2P_ERR_CLOSED);
		}
		side_init(&d, 1, true);
		buf_reset(&one);
		assert_ok(noise_begin(&d.n, &one));
		assert_true(two.len == 218);
		two.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* Bit 255 of the ephemeral key says nothing to X25519 but is in the hash. */
		assert_err(take(&d.n, buf_bytes(&two), &out), P2P_ERR_CRYPTO);
		assert_int_equal(out.len, 0);
	}
	buf_deinit(&one);
	buf_deinit(&two);
	buf_deinit(&three);
	buf_deinit(&out);
}

/* ---- transport messages ---- */

static void ready_pair(struct side *d, struct side *l)
{
	side_init(d, 1, true);
	side_init(l, 2, false);
	assert_ok(shake(d, l));
}

static void messages_of_every_size_pass_and_keep_their_order(void **state)
{
	static const size_t sizes[] = {1, 2, 100, 16384, 32768, 65518, NOISE_PLAIN_BYTES_MAX};
	static uint8_t box[2 + NOISE_BODY_BYTES_MAX], plain[NOISE_BODY_BYTES_MAX];
	struct side d, l;

	(void)state;
	ready_pair(&d, &l);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t len, got;

		memset(box, (int)i, sizeof(box));
		assert_ok(noise_seal(&d.n, box, sizes[i]));
		assert_ok(noise_message_len(&l.n, bytes_of(box, 2), &len));
		assert_int_equal(len, 2 + sizes[i] + NOISE_TAG_BYTES);
		assert_ok(noise_open(&l.n, bytes_of(box + 2, len - 2), plain, &got));
		assert_int_equal(got, sizes[i]);
		assert_int_equal(plain[0], i);
		assert_int_equal(plain[got - 1], i);
	}
}

static void a_body_shorter_than_its_tag_is_fatal(void **state)
{
	struct side d, l;
	size_t len;

	(void)state;
	ready_pair(&d, &l);
	assert_ok(noise_message_len(&d.n, BYTES_LIT("\x00\x10"), &len));
	assert_err(noise_message_len(&d.n, BYTES_LIT("\x00\x0f"), &len), P2P_ERR_CRYPTO);
	assert_string_equal(d.n.why, "noise_decrypt");
	assert_err(noise_message_len(&d.n, BYTES_LIT("\x00\x10"), &len), P2P_ERR_CLOSED);
}

static void a_message_that_does_not_open_is_fatal(void **state)
{
	struct side d, l;
	uint8_t box[2 + 5 + 16], plain[32];
	size_t got;

	(void)state;
	ready_pair(&d, &l);
	assert_ok(noise_seal(&d.n, box, 5));
	box[4] ^= 1;
	assert_err(noise_open(&l.n, bytes_of(box + 2, 21), plain, &got), P2P_ERR_CRYPTO);
	assert_string_equal(l.n.why, "noise_decrypt");
	box[4] ^= 1;
	assert_err(noise_open(&l.n, bytes_of(box + 2, 21), plain, &got), P2P_ERR_CLOSED);
}

static void sixteen_empty_messages_in_a_row_are_the_bound(void **state)
{
	struct side d, l;
	uint8_t box[2 + 1 + 16], plain[32];
	size_t got;

	(void)state;
	ready_pair(&d, &l);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < NOISE_EMPTY_IN_A_ROW_MAX; i++) {
			assert_ok(noise_cipher_seal(&d.n.tx, BYTES_NONE, box, 0));
			assert_ok(noise_open(&l.n, bytes_of(box, 16), plain, &got));
			assert_int_equal(got, 0);
		}
		assert_ok(noise_seal(&d.n, box, 1));
		assert_ok(noise_open(&l.n, bytes_of(box + 2, 17), plain, &got));
	}
	for (int i = 0; i < NOISE_EMPTY_IN_A_ROW_MAX; i++) {
		assert_ok(noise_cipher_seal(&d.n.tx, BYTES_NONE, box, 0));
		assert_ok(noise_open(&l.n, bytes_of(box, 16), plain, &got));
	}
	assert_ok(noise_cipher_seal(&d.n.tx, BYTES_NONE, box, 0));
	assert_err(noise_open(&l.n, bytes_of(box, 16), plain, &got), P2P_ERR_PROTOCOL);
	assert_string_equal(l.n.why, "noise_empty");
}

static void a_used_up_counter_ends_the_session(void **state)
{
	struct side d, l;
	uint8_t box[2 + 1 + 16] = {0};

	(void)state;
	ready_pair(&d, &l);
	d.n.tx.n = UINT64_MAX;
	assert_err(noise_seal(&d.n, box, 1), P2P_ERR_CRYPTO);
	assert_string_equal(d.n.why, "noise_exhausted");
}

static void a_thousand_handshakes_agree(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct side d, l;

		side_init(&d, 2 * seed, true);
		side_init(&l, 2 * seed + 1, false);
		d.n.opts.expected = l.id;
		assert_ok(shake(&d, &l));
		assert_bytes(bytes_of(d.n.tx.key, 32), bytes_of(l.n.rx.key, 32));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sides_learn_who_the_other_is),
		cmocka_unit_test(the_secrets_of_the_handshake_are_wiped_after_it),
		cmocka_unit_test(each_handshake_has_a_fresh_ephemeral_and_one_static_key),
		cmocka_unit_test(our_payload_is_the_published_one),
		cmocka_unit_test(the_published_second_messages_are_judged_as_they_say),
		cmocka_unit_test(another_peer_than_expected_is_refused_by_both_sides),
		cmocka_unit_test(lengths_out_of_bounds_are_refused_before_anything_is_read),
		cmocka_unit_test(a_first_message_with_a_payload_is_taken_and_the_payload_ignored),
		cmocka_unit_test(every_changed_bit_of_a_handshake_ends_it),
		cmocka_unit_test(messages_of_every_size_pass_and_keep_their_order),
		cmocka_unit_test(a_body_shorter_than_its_tag_is_fatal),
		cmocka_unit_test(a_message_that_does_not_open_is_fatal),
		cmocka_unit_test(sixteen_empty_messages_in_a_row_are_the_bound),
		cmocka_unit_test(a_used_up_counter_ends_the_session),
		cmocka_unit_test(a_thousand_handshakes_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
