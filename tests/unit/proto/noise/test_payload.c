/* SPDX-License-Identifier: Apache-2.0 */
/* The proof of identity inside the handshake: what of it is believed, and what is not. */
#include <sodium.h>

#include "proto/keys/pb.h"
#include "proto/noise/noise.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

/* Who proves: an identity and its static key. */
struct side {
	struct key_pair identity;
	struct noise_static own;
};

static void side_init(struct side *s, uint64_t seed)
{
	struct rng_seeded seeded;

	rng_seed(&seeded, seed);
	key_generate(&seeded.rng, &s->identity);
	noise_static_init(&s->own, &s->identity, &seeded.rng);
}

/* A payload made of parts; empty parts are left out. */
static struct bytes payload_of(struct buf *out, struct bytes key, struct bytes sig, struct bytes ext)
{
	buf_reset(out);
	if (key.len)
		assert_ok(pb_put_bytes(out, 1, key));
	if (sig.len)
		assert_ok(pb_put_bytes(out, 2, sig));
	if (ext.len)
		assert_ok(pb_put_bytes(out, 4, ext));
	return buf_bytes(out);
}

/* The parts of a good payload of `s`. */
static void good_parts(const struct side *s, uint8_t key[36], uint8_t sig[64])
{
	struct key_public k;
	uint8_t text[24 + 32];

	key_public_of(&s->identity, &k);
	key_public_pb(&k, key);
	memcpy(text, "noise-libp2p-static-key:", 24);
	memcpy(text + 24, s->own.public, 32);
	key_sign(&s->identity, bytes_of(text, sizeof(text)), sig);
}

static void other_key_types_are_refused_by_name(void **state)
{
	static const struct {
		uint8_t type, len;
		const char *why;
	} cases[] = {
		{KEY_RSA, 90, "key_type_rsa"},
		{KEY_ECDSA, 91, "key_type_ecdsa"},
		{KEY_SECP256K1, 33, "key_type_secp256k1"},
	};
	struct side s;
	struct buf raw = BUF_INIT;
	uint8_t key[128], sig[64];

	(void)state;
	side_init(&s, 1);
	good_parts(&s, key, sig);
	for (size_t i = 0; i < 3; i++) {
		struct noise_proof proof;
		const char *why = NULL;

		memset(key, 2, sizeof(key));
		memcpy(key, (uint8_t[]){0x08, cases[i].type, 0x12, cases[i].len}, 4);
		assert_err(noise_payload_verify(payload_of(&raw, bytes_of(key, 4u + cases[i].len),
							bytes_of(sig, sizeof(sig)), BYTES_NONE),
				   s.own.public, &proof, &why),
			P2P_ERR_UNSUPPORTED);
		assert_string_equal(why, cases[i].why);
	}
	buf_deinit(&raw);
}

static int verify_key(const struct side *s, struct bytes key, struct bytes sig)
{
	struct buf payload = BUF_INIT;
	struct noise_proof proof;
	const char *why = NULL;
	int err;

	err = noise_payload_verify(
		payload_of(&payload, key, sig, BYTES_NONE), s->own.public, &proof, &why);
	if (err)
		assert_non_null(why);
	buf_deinit(&payload);
	return err;
}

static void a_key_in_another_form_is_refused(void **state)
{
	const json_t *v;
	struct buf raw = BUF_INIT;
	struct side s;
	uint8_t key[38], sig[64];
	size_t k;

	(void)state;
	side_init(&s, 1);
	good_parts(&s, key, sig);
	json_array_foreach(vectors_list("public_key_noncanonical", "rejects"), k, v)
		assert_that(verify_key(&s, vectors_hex(v, "hex", &raw), bytes_of(sig, 64)) < 0,
			vectors_text(v, "reason"));
	/* The right key and signature, were it not for two bytes behind. */
	memcpy(key + 36, "\x18\x01", 2);
	assert_ok(verify_key(&s, bytes_of(key, 36), bytes_of(sig, 64)));
	assert_err(verify_key(&s, bytes_of(key, 38), bytes_of(sig, 64)), P2P_ERR_PROTOCOL);
	assert_err(verify_key(&s, bytes_of(key, 36), bytes_of(sig, 63)), P2P_ERR_SIGNATURE);
	buf_deinit(&raw);
}

/* What the extensions of a payload make us believe. */
static int verify_extensions(struct bytes ext, bool *ret_yamux)
{
	struct side s;
	struct buf raw = BUF_INIT;
	struct noise_proof proof = {0};
	const char *why = NULL;
	uint8_t key[36], sig[64];
	int err;

	side_init(&s, 1);
	good_parts(&s, key, sig);
	err = noise_payload_verify(
		payload_of(&raw, bytes_of(key, 36), bytes_of(sig, 64), ext), s.own.public, &proof, &why);
	*ret_yamux = proof.speaks_yamux;
	buf_deinit(&raw);
	return err;
}

static void the_muxer_is_found_among_others_by_its_exact_name(void **state)
{
	struct buf ext = BUF_INIT;
	bool yamux;

	(void)state;
	assert_ok(pb_put_bytes(&ext, 1, BYTES_LIT("a certificate hash")));
	assert_ok(pb_put_bytes(&ext, 2, BYTES_LIT("/mplex/6.7.0")));
	assert_ok(pb_put_bytes(&ext, 2, BYTES_LIT("/yamux/1.0.0/")));
	assert_ok(pb_put_bytes(&ext, 9, BYTES_LIT("/yamux/1.0.0")));
	assert_ok(verify_extensions(buf_bytes(&ext), &yamux));
	assert_false(yamux);
	assert_ok(pb_put_bytes(&ext, 2, BYTES_LIT("/yamux/1.0.0")));
	assert_ok(verify_extensions(buf_bytes(&ext), &yamux));
	assert_true(yamux);
	buf_deinit(&ext);
}

static void a_hundred_muxers_count_and_more_are_ignored(void **state)
{
	struct buf ext = BUF_INIT;
	bool yamux;

	(void)state;
	assert_ok(pb_put_bytes(&ext, 2, BYTES_LIT("/yamux/1.0.0")));
	for (int i = 1; i < NOISE_MUXERS_MAX; i++)
		assert_ok(pb_put_bytes(&ext, 2, BYTES_LIT("/m")));
	assert_ok(verify_extensions(buf_bytes(&ext), &yamux));
	assert_true(yamux);
	assert_ok(pb_put_bytes(&ext, 2, BYTES_LIT("/m")));
	assert_ok(verify_extensions(buf_bytes(&ext), &yamux));
	assert_false(yamux);
	buf_deinit(&ext);
}

static void extensions_of_a_kilobyte_pass_and_one_byte_more_do_not(void **state)
{
	uint8_t filling[NOISE_EXTENSIONS_MAX] = {0};
	struct buf ext = BUF_INIT;
	bool yamux;

	(void)state;
	assert_ok(pb_put_bytes(&ext, 7, bytes_of(filling, NOISE_EXTENSIONS_MAX - 3)));
	assert_int_equal(ext.len, NOISE_EXTENSIONS_MAX);
	assert_ok(verify_extensions(buf_bytes(&ext), &yamux));
	buf_reset(&ext);
	assert_ok(pb_put_bytes(&ext, 7, bytes_of(filling, NOISE_EXTENSIONS_MAX - 2)));
	assert_err(verify_extensions(buf_bytes(&ext), &yamux), P2P_ERR_PROTOCOL);
	/* Broken ones are a broken payload. */
	assert_err(verify_extensions(BYTES_LIT("\x12\x7f"), &yamux), P2P_ERR_PROTOCOL);
	buf_deinit(&ext);
}

static void unknown_fields_and_the_retired_one_are_passed_over(void **state)
{
	struct side s;
	struct buf raw = BUF_INIT;
	struct noise_proof proof;
	const char *why = NULL;
	uint8_t key[36], sig[64];

	(void)state;
	side_init(&s, 1);
	good_parts(&s, key, sig);
	(void)payload_of(&raw, bytes_of(key, 36), bytes_of(sig, 64), BYTES_NONE);
	assert_ok(pb_put_bytes(&raw, 3, BYTES_LIT("old data")));
	assert_ok(pb_put_uint(&raw, 1, 5));
	assert_ok(pb_put_uint(&raw, 77, 5));
	assert_ok(noise_payload_verify(buf_bytes(&raw), s.own.public, &proof, &why));
	buf_deinit(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_key_types_are_refused_by_name),
		cmocka_unit_test(a_key_in_another_form_is_refused),
		cmocka_unit_test(the_muxer_is_found_among_others_by_its_exact_name),
		cmocka_unit_test(a_hundred_muxers_count_and_more_are_ignored),
		cmocka_unit_test(extensions_of_a_kilobyte_pass_and_one_byte_more_do_not),
		cmocka_unit_test(unknown_fields_and_the_retired_one_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
