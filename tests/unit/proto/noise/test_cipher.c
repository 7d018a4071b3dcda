/* SPDX-License-Identifier: Apache-2.0 */
/* The framework below libp2p: the published XX vector, the hash of the transcript step by step, the
 * counter, tampering. */
#include <sodium.h>

#include "proto/noise/noise.h"
#include "tests/lib/fixed_rng.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

struct party {
	struct fixed_rng ephemeral;
	uint8_t secret[32], public[32];
	struct noise_xx xx;
	struct noise_cipher tx, rx;
};

static void party_init(
	struct party *p, bool initiator, const json_t *v, const char *st, const char *eph, struct bytes prologue)
{
	struct buf raw = BUF_INIT;

	memcpy(p->secret, vectors_hex(v, st, &raw).at, 32);
	fixed_rng_init(&p->ephemeral, vectors_hex(v, eph, &raw));
	assert_int_equal(crypto_scalarmult_base(p->public, p->secret), 0);
	noise_xx_init(&p->xx, initiator, prologue, p->secret, p->public);
	buf_deinit(&raw);
}

static void handshake_step(struct party *from, struct party *to, struct bytes payload, struct bytes want)
{
	struct buf out = BUF_INIT;
	uint8_t got[512];
	size_t len;

	assert_ok(noise_xx_write(&from->xx, &from->ephemeral.rng, payload, &out));
	if (want.len)
		assert_bytes(buf_bytes(&out), want);
	assert_ok(noise_xx_read(&to->xx, buf_bytes(&out), got, &len));
	assert_bytes(bytes_of(got, len), payload);
	buf_deinit(&out);
}

static void transport_step(struct party *from, struct party *to, struct bytes payload, struct bytes want)
{
	uint8_t box[256];

	memcpy(box, payload.at, payload.len);
	assert_ok(noise_cipher_seal(&from->tx, BYTES_NONE, box, payload.len));
	assert_bytes(bytes_of(box, payload.len + NOISE_TAG_BYTES), want);
	assert_ok(noise_cipher_open(&to->rx, BYTES_NONE, want, box));
	assert_bytes(bytes_of(box, payload.len), payload);
}

static void the_published_xx_vector_is_reproduced(void **state)
{
	const json_t *v = vectors_group("noise_xx_generic"), *m;
	struct buf prologue = BUF_INIT, payload = BUF_INIT, cipher = BUF_INIT;
	struct party i, r;
	size_t k;

	(void)state;
	vectors_hex(v, "init_prologue", &prologue);
	party_init(&i, true, v, "init_static", "init_ephemeral", buf_bytes(&prologue));
	party_init(&r, false, v, "resp_static", "resp_ephemeral", buf_bytes(&prologue));
	json_array_foreach(vectors_list("noise_xx_generic", "messages"), k, m) {
		struct party *from = k % 2 ? &r : &i, *to = k % 2 ? &i : &r;

		vectors_hex(m, "payload", &payload);
		vectors_hex(m, "ciphertext", &cipher);
		if (k < 3)
			handshake_step(from, to, buf_bytes(&payload), buf_bytes(&cipher));
		else
			transport_step(from, to, buf_bytes(&payload), buf_bytes(&cipher));
		if (k != 2)
			continue;
		assert_bytes(bytes_of(i.xx.sym.h, 32), vectors_hex(v, "handshake_hash", &payload));
		assert_bytes(bytes_of(r.xx.sym.h, 32), vectors_hex(v, "handshake_hash", &payload));
		noise_xx_split(&i.xx, &i.tx, &i.rx);
		noise_xx_split(&r.xx, &r.tx, &r.rx);
	}
	buf_deinit(&prologue);
	buf_deinit(&payload);
	buf_deinit(&cipher);
}

static void every_intermediate_value_of_the_libp2p_handshake_is_right(void **state)
{
	const json_t *session;
	struct buf raw = BUF_INIT, payload = BUF_INIT;
	size_t k;

	(void)state;
	json_array_foreach(vectors_list("tcp_noise_yamux_session", "sessions"), k, session) {
		const json_t *mid = json_object_get(session, "intermediate");
		struct party i, r;

		party_init(&i, true, session, "initiator_static", "initiator_ephemeral", BYTES_NONE);
		party_init(&r, false, session, "responder_static", "responder_ephemeral", BYTES_NONE);
		assert_bytes(bytes_of(i.public, 32), vectors_hex(session, "initiator_static_pub", &raw));
		assert_bytes(bytes_of(i.xx.sym.h, 32), vectors_hex(mid, "h0", &raw));
		handshake_step(&i, &r, BYTES_NONE, BYTES_NONE);
		assert_bytes(bytes_of(i.xx.sym.h, 32), vectors_hex(mid, "h_after_msg1", &raw));
		handshake_step(&r, &i, vectors_hex(session, "responder_payload", &payload), BYTES_NONE);
		assert_bytes(bytes_of(r.xx.sym.h, 32), vectors_hex(mid, "h_after_msg2", &raw));
		assert_bytes(bytes_of(i.xx.sym.h, 32), buf_bytes(&raw));
		assert_bytes(bytes_of(i.xx.sym.cipher.key, 32), vectors_hex(mid, "k_es", &raw));
		handshake_step(&i, &r, vectors_hex(session, "initiator_payload", &payload), BYTES_NONE);
		assert_bytes(bytes_of(i.xx.sym.cipher.key, 32), vectors_hex(mid, "k_se", &raw));
		assert_bytes(bytes_of(i.xx.sym.h, 32), vectors_hex(mid, "h_final", &raw));
		noise_xx_split(&i.xx, &i.tx, &i.rx);
		noise_xx_split(&r.xx, &r.tx, &r.rx);
		assert_bytes(bytes_of(i.tx.key, 32), vectors_hex(mid, "k1_initiator_to_responder", &raw));
		assert_bytes(bytes_of(r.rx.key, 32), buf_bytes(&raw));
		assert_bytes(bytes_of(r.tx.key, 32), vectors_hex(mid, "k2_responder_to_initiator", &raw));
		assert_bytes(bytes_of(i.rx.key, 32), buf_bytes(&raw));
	}
	buf_deinit(&raw);
	buf_deinit(&payload);
}

static void the_last_counter_value_is_never_used(void **state)
{
	struct noise_cipher c = {.n = UINT64_MAX - 1};
	uint8_t box[1 + NOISE_TAG_BYTES] = {7};

	(void)state;
	assert_ok(noise_cipher_seal(&c, BYTES_NONE, box, 1));
	assert_err(noise_cipher_seal(&c, BYTES_NONE, box, 1), P2P_ERR_CRYPTO);
	c.n = UINT64_MAX;
	assert_err(noise_cipher_open(&c, BYTES_NONE, bytes_of(box, sizeof(box)), box), P2P_ERR_CRYPTO);
}

static void the_counter_is_64_bits_little_endian(void **state)
{
	struct noise_cipher c = {.n = UINT64_C(0x0102030405060708)};
	static const uint8_t nonce[12] = {0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1};
	uint8_t box[3 + NOISE_TAG_BYTES] = "abc", want[3 + NOISE_TAG_BYTES];

	(void)state;
	assert_int_equal(crypto_aead_chacha20poly1305_ietf_encrypt(
				 want, NULL, box, 3, NULL, 0, NULL, nonce, c.key),
		0);
	assert_ok(noise_cipher_seal(&c, BYTES_NONE, box, 3));
	assert_bytes(bytes_of(box, sizeof(box)), bytes_of(want, sizeof(want)));
}

static void a_changed_bit_or_a_repeated_box_is_not_authentic(void **state)
{
	struct noise_cipher tx = {.key = {1}}, rx = {.key = {1}};
	uint8_t box[40 + NOISE_TAG_BYTES] = {0}, plain[sizeof(box)];

	(void)state;
	assert_ok(noise_cipher_seal(&tx, BYTES_NONE, box, 40));
	for (size_t bit = 0; bit < 8 * sizeof(box); bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(noise_cipher_open(&rx, BYTES_NONE, bytes_of(box, sizeof(box)), plain),
			P2P_ERR_CRYPTO);
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sizeof(box); len++)
		assert_err(noise_cipher_open(&rx, BYTES_NONE, bytes_of(box, len), plain), P2P_ERR_CRYPTO);
	assert_ok(noise_cipher_open(&rx, BYTES_NONE, bytes_of(box, sizeof(box)), plain));
	/* Its number is used up: the same box again is somebody's replay. */
	assert_err(noise_cipher_open(&rx, BYTES_NONE, bytes_of(box, sizeof(box)), plain), P2P_ERR_CRYPTO);
}

static void a_box_opens_where_it_stands(void **state)
{
	struct noise_cipher tx = {.key = {2}}, rx = {.key = {2}};
	uint8_t box[1000 + NOISE_TAG_BYTES], want[1000];

	(void)state;
	memset(want, 0x5a, sizeof(want));
	memcpy(box, want, sizeof(want));
	assert_ok(noise_cipher_seal(&tx, BYTES_NONE, box, sizeof(want)));
	assert_ok(noise_cipher_open(&rx, BYTES_NONE, bytes_of(box, sizeof(box)), box));
	assert_bytes(bytes_of(box, sizeof(want)), bytes_of(want, sizeof(want)));
}

/* Each Diffie-Hellman of the pattern with a hostile point: ee for both sides here; the static keys
 * (es, se) are tested with whole sessions. */
static void points_of_small_order_end_the_handshake(void **state)
{
	struct buf point = BUF_INIT;
	const json_t *hex;
	size_t k;

	(void)state;
	json_array_foreach(vectors_list("x25519_low_order_points", "vectors"), k, hex) {
		for (int top_bit = 0; top_bit < 2; top_bit++) {
			struct rng_seeded seeded;
			uint8_t secret[32], public[32], message[NOISE_HANDSHAKE_BYTES_MAX] = {0}, plain[4096];
			struct noise_xx i, r;
			struct buf out = BUF_INIT;
			size_t len;

			vectors_unhex(json_string_value(hex), &point);
			point.data[31] |= (uint8_t)(top_bit << 7);
			rng_seed(&seeded, 1);
			rng_fill(&seeded.rng, secret, sizeof(secret));
			assert_int_equal(crypto_scalarmult_base(public, secret), 0);

			/* As the ephemeral of an initiator. */
			noise_xx_init(&r, false, BYTES_NONE, secret, public);
			assert_ok(noise_xx_read(&r, buf_bytes(&point), plain, &len));
			assert_err(noise_xx_write(&r, &seeded.rng, BYTES_NONE, &out), P2P_ERR_INVALID);
			assert_int_equal(out.len, 0);

			/* As the ephemeral of a responder. */
			noise_xx_init(&i, true, BYTES_NONE, secret, public);
			assert_ok(noise_xx_write(&i, &seeded.rng, BYTES_NONE, &out));
			memcpy(message, point.data, 32);
			assert_err(noise_xx_read(&i, bytes_of(message, 200), plain, &len), P2P_ERR_INVALID);
			buf_deinit(&out);
		}
	}
	buf_deinit(&point);
}

static void a_static_point_of_small_order_ends_the_handshake(void **state)
{
	struct buf point = BUF_INIT;
	const json_t *hex;
	size_t k;

	(void)state;
	json_array_foreach(vectors_list("x25519_low_order_points", "vectors"), k, hex) {
		struct rng_seeded seeded;
		uint8_t secret[32], public[32], plain[512];
		struct noise_xx honest, hostile;
		struct buf out = BUF_INIT;
		size_t len;

		vectors_unhex(json_string_value(hex), &point);
		rng_seed(&seeded, 1);
		rng_fill(&seeded.rng, secret, sizeof(secret));
		assert_int_equal(crypto_scalarmult_base(public, secret), 0);

		/* An initiator that claims the point as its static key: its own se gives nothing,
		 * but it can compute it, being zero: so it lies by hand and only the honest side
		 * can end this. */
		noise_xx_init(&honest, false, BYTES_NONE, secret, public);
		noise_xx_init(&hostile, true, BYTES_NONE, secret, point.data);
		assert_ok(noise_xx_write(&hostile, &seeded.rng, BYTES_NONE, &out));
		assert_ok(noise_xx_read(&honest, buf_bytes(&out), plain, &len));
		buf_reset(&out);
		assert_ok(noise_xx_write(&honest, &seeded.rng, BYTES_NONE, &out));
		assert_ok(noise_xx_read(&hostile, buf_bytes(&out), plain, &len));
		buf_reset(&out);
		assert_ok(noise_xx_write(&hostile, &seeded.rng, BYTES_NONE, &out));
		assert_err(noise_xx_read(&honest, buf_bytes(&out), plain, &len), P2P_ERR_INVALID);

		/* And a responder. */
		buf_reset(&out);
		noise_xx_init(&honest, true, BYTES_NONE, secret, public);
		noise_xx_init(&hostile, false, BYTES_NONE, secret, point.data);
		assert_ok(noise_xx_write(&honest, &seeded.rng, BYTES_NONE, &out));
		assert_ok(noise_xx_read(&hostile, buf_bytes(&out), plain, &len));
		buf_reset(&out);
		assert_ok(noise_xx_write(&hostile, &seeded.rng, BYTES_NONE, &out));
		assert_err(noise_xx_read(&honest, buf_bytes(&out), plain, &len), P2P_ERR_INVALID);
		buf_deinit(&out);
	}
	buf_deinit(&point);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_xx_vector_is_reproduced),
		cmocka_unit_test(every_intermediate_value_of_the_libp2p_handshake_is_right),
		cmocka_unit_test(the_last_counter_value_is_never_used),
		cmocka_unit_test(the_counter_is_64_bits_little_endian),
		cmocka_unit_test(a_changed_bit_or_a_repeated_box_is_not_authentic),
		cmocka_unit_test(a_box_opens_where_it_stands),
		cmocka_unit_test(points_of_small_order_end_the_handshake),
		cmocka_unit_test(a_static_point_of_small_order_ends_the_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
