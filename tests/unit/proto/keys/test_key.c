/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/key.h"

#include <stdio.h>

#include "proto/base/text.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static bool is_ed25519(const json_t *v)
{
	return strcmp(vectors_text(v, "type"), "Ed25519") == 0;
}

static void published_public_keys_are_read_or_named(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("keys", "vectors"), i, v)
	{
		enum key_type type = (enum key_type)99;
		uint8_t again[KEY_PUBLIC_PB_BYTES];
		char text[PEER_ID_TEXT_SIZE];
		struct buf pb = BUF_INIT;
		struct key_public k;
		struct peer_id id;
		int err = key_public_parse(vectors_hex(v, "public_pb", &pb), &k, &type);

		assert_string_equal(key_type_name(type), vectors_text(v, "type"));
		assert_err(err, is_ed25519(v) ? 0 : P2P_ERR_UNSUPPORTED);
		if (!err) {
			key_public_pb(&k, again);
			assert_bytes(bytes_of(again, sizeof(again)), buf_bytes(&pb));
			key_peer_id(&k, &id);
			assert_string_equal(
				peer_id_text(&id, text), vectors_text(v, "peer_id_base58"));
		}
		buf_deinit(&pb);
	}
	assert_string_equal(key_type_name((enum key_type)4), "unknown");
}

static void published_private_keys_are_read_or_unsupported(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("keys", "vectors"), i, v)
	{
		uint8_t private[KEY_PRIVATE_PB_BYTES], public[KEY_PUBLIC_PB_BYTES];
		struct buf pb = BUF_INIT;
		struct key_public pk;
		struct key_pair k;
		int err = key_private_parse(vectors_hex(v, "private_pb", &pb), &k);

		assert_err(err, is_ed25519(v) ? 0 : P2P_ERR_UNSUPPORTED);
		if (!err) {
			key_private_pb(&k, private);
			assert_bytes(bytes_of(private, sizeof(private)), buf_bytes(&pb));
			key_public_of(&k, &pk);
			key_public_pb(&pk, public);
			assert_bytes(
				bytes_of(public, sizeof(public)), vectors_hex(v, "public_pb", &pb));
			key_pair_deinit(&k);
			assert_memory_equal(k.secret, ((uint8_t[64]){0}), 64);
		}
		buf_deinit(&pb);
	}
}

static void other_spellings_of_a_key_are_refused(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("public_key_noncanonical", "rejects"), i, v)
	{
		struct buf pb = BUF_INIT;
		struct key_public k;

		assert_that(
			key_public_parse(vectors_hex(v, "hex", &pb), &k, NULL) == P2P_ERR_INVALID,
			vectors_text(v, "reason"));
		buf_deinit(&pb);
	}
}

static void keys_of_other_types_must_be_canonical_too(void **state)
{
	static const uint8_t large[KEY_PUBLIC_PB_MAX + 1] = {0x08, 0x00, 0x12, 0xfc, 0x1f};
	enum key_type type = KEY_ED25519;
	struct key_public k;

	(void)state;
	assert_err(
		key_public_parse(bytes_of("\x08\x00\x12\x01x", 5), &k, &type), P2P_ERR_UNSUPPORTED);
	assert_int_equal(type, KEY_RSA);
	assert_err(key_public_parse(bytes_of("\x12\x01x", 3), &k, &type), P2P_ERR_INVALID);
	assert_err(
		key_public_parse(bytes_of("\x08\x80\x00\x12\x01x", 6), &k, &type), P2P_ERR_INVALID);
	assert_err(key_public_parse(bytes_of("\x08\x00\x12\x00", 4), &k, &type), P2P_ERR_INVALID);
	assert_err(key_public_parse(bytes_of("\x08\x01\x12\x01x", 5), &k, &type), P2P_ERR_INVALID);
	assert_err(key_public_parse(BYTES_NONE, &k, &type), P2P_ERR_INVALID);
	assert_err(key_public_parse(bytes_of(large, sizeof(large)), &k, &type), P2P_ERR_INVALID);
	assert_int_equal(type, KEY_RSA); /* written only when known */
}

static void seeds_give_the_published_identities(void **state)
{
	static const char *const names[] = {"A", "B"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const json_t *v = json_object_get(vectors_group("test_identities"), names[i]);
		uint8_t pb[KEY_PUBLIC_PB_BYTES];
		char text[PEER_ID_TEXT_SIZE];
		struct buf hex = BUF_INIT;
		struct key_public public;
		struct key_pair k;
		struct peer_id id;

		key_from_seed(vectors_hex(v, "seed", &hex).at, &k);
		key_public_of(&k, &public);
		key_public_pb(&public, pb);
		assert_bytes(bytes_of(pb, sizeof(pb)), vectors_hex(v, "public_pb", &hex));
		key_pair_peer_id(&k, &id);
		assert_string_equal(peer_id_text(&id, text), vectors_text(v, "peer_id"));
		key_pair_deinit(&k);
		buf_deinit(&hex);
	}
}

/* The private key message of the published Ed25519 pair, to be spoilt. */
static struct bytes published_private(struct buf *out)
{
	return vectors_hex(json_array_get(vectors_list("keys", "vectors"), 1), "private_pb", out);
}

static void the_old_form_counts_when_its_copies_agree(void **state)
{
	struct buf pb = BUF_INIT, old = BUF_INIT;
	struct key_pair want, got;

	(void)state;
	published_private(&pb);
	assert_ok(key_private_parse(buf_bytes(&pb), &want));
	assert_ok(buf_put(&old, bytes_of("\x08\x01\x12\x60", 4)));
	assert_ok(buf_put(&old, bytes_from(buf_bytes(&pb), 4)));
	assert_ok(buf_put(&old, bytes_from(buf_bytes(&pb), 36)));
	assert_ok(key_private_parse(buf_bytes(&old), &got));
	assert_memory_equal(&want, &got, sizeof(want));
	old.data[old.len - 1] ^= 1;
	assert_err(key_private_parse(buf_bytes(&old), &got), P2P_ERR_INVALID);
	buf_deinit(&pb);
	buf_deinit(&old);
}

static void a_private_key_with_a_stranger_s_public_half_is_refused(void **state)
{
	struct buf pb = BUF_INIT;
	struct key_pair k;

	(void)state;
	published_private(&pb);
	for (size_t i = 0; i < pb.len; i++) {
		pb.data[i] ^= 0x10;
		assert_true(key_private_parse(buf_bytes(&pb), &k) != 0);
		pb.data[i] ^= 0x10;
		assert_err(key_private_parse(bytes_of(pb.data, i), &k), P2P_ERR_INVALID);
	}
	assert_ok(key_private_parse(buf_bytes(&pb), &k));
	assert_ok(buf_put_u8(&pb, 0));
	assert_err(key_private_parse(buf_bytes(&pb), &k), P2P_ERR_INVALID);
	buf_deinit(&pb);
}

static void the_published_signature_is_made_and_verified(void **state)
{
	const json_t *v, *keys = vectors_list("keys", "vectors");
	unsigned checked = 0;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("key_signatures", "vectors"), i, v)
	{
		struct buf pb = BUF_INIT, message = BUF_INIT, sig = BUF_INIT;
		uint8_t ours[KEY_SIGNATURE_BYTES];
		struct key_public public;
		struct key_pair k;

		if (!is_ed25519(v))
			continue;
		vectors_hex(json_array_get(keys, 1), "private_pb", &pb);
		assert_ok(key_private_parse(buf_bytes(&pb), &k));
		key_public_of(&k, &public);
		vectors_hex(v, "message", &message);
		vectors_hex(v, "signature", &sig);
		key_sign(&k, buf_bytes(&message), ours);
		assert_bytes(bytes_of(ours, sizeof(ours)), buf_bytes(&sig));
		assert_ok(key_verify(&public, buf_bytes(&message), buf_bytes(&sig)));
		checked++;
		buf_deinit(&pb);
		buf_deinit(&message);
		buf_deinit(&sig);
	}
	assert_int_equal(checked, 1);
}

static void any_change_breaks_a_signature(void **state)
{
	struct rng_seeded rng;
	uint8_t sig[KEY_SIGNATURE_BYTES], message[5] = "hello";
	struct key_public public, other;
	struct key_pair k, k2;

	(void)state;
	rng_seed(&rng, 42);
	key_generate(&rng.rng, &k);
	key_generate(&rng.rng, &k2);
	key_public_of(&k, &public);
	key_public_of(&k2, &other);
	assert_memory_not_equal(&public, &other, sizeof(public));
	key_sign(&k, bytes_of(message, 5), sig);
	assert_ok(key_verify(&public, bytes_of(message, 5), bytes_of(sig, 64)));
	assert_err(key_verify(&other, bytes_of(message, 5), bytes_of(sig, 64)), P2P_ERR_SIGNATURE);
	assert_err(key_verify(&public, bytes_of(message, 4), bytes_of(sig, 64)), P2P_ERR_SIGNATURE);
	for (size_t i = 0; i < 64; i++) {
		assert_err(key_verify(&public, bytes_of(message, 5), bytes_of(sig, i)),
			P2P_ERR_SIGNATURE);
		sig[i] ^= 1;
		assert_err(key_verify(&public, bytes_of(message, 5), bytes_of(sig, 64)),
			P2P_ERR_SIGNATURE);
		sig[i] ^= 1;
	}
	message[0] ^= 1;
	assert_err(key_verify(&public, bytes_of(message, 5), bytes_of(sig, 64)), P2P_ERR_SIGNATURE);
	key_sign(&k, BYTES_NONE, sig);
	assert_ok(key_verify(&public, BYTES_NONE, bytes_of(sig, 64)));
}

static void the_point_at_infinity_signs_nothing(void **state)
{
	/* With the neutral point as key and as R, S = 0 verifies for all messages unless refused.
	 */
	struct key_public weak = {{1}};
	uint8_t sig[KEY_SIGNATURE_BYTES] = {1};

	(void)state;
	assert_err(key_verify(&weak, BYTES_LIT("anything"), bytes_of(sig, 64)), P2P_ERR_SIGNATURE);
}

static void texts_go_both_ways(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 43);
	for (unsigned round = 0; round < 50; round++) {
		char public_text[KEY_TEXT_SIZE], private_text[KEY_TEXT_SIZE],
			padded[KEY_TEXT_SIZE + 8];
		struct key_public public, public_again;
		struct key_pair k, again;

		key_generate(&rng.rng, &k);
		key_public_of(&k, &public);
		assert_ok(key_public_parse_text(
			bytes_str(key_public_text(&public, public_text)), &public_again));
		assert_memory_equal(&public, &public_again, sizeof(public));
		assert_ok(key_private_parse_text(
			bytes_str(key_private_text(&k, private_text)), &again));
		assert_memory_equal(&k, &again, sizeof(k));
		snprintf(padded, sizeof(padded), " \t%s\r\n", private_text);
		assert_ok(key_private_parse_text(bytes_str(padded), &again));
		assert_err(
			key_public_parse_text(bytes_str(private_text), &public), P2P_ERR_INVALID);
		assert_err(key_private_parse_text(bytes_str(public_text), &again), P2P_ERR_INVALID);
		for (size_t cut = 0; cut < strlen(public_text); cut++)
			assert_err(key_public_parse_text(bytes_of(public_text, cut), &public),
				P2P_ERR_INVALID);
	}
}

static void texts_of_other_keys_are_told_from_nonsense(void **state)
{
	struct buf pb = BUF_INIT, text = BUF_INIT;
	struct key_public public;
	struct key_pair k;
	char huge[9000];

	(void)state;
	/* RSA with 4096 bits, the longest in use. */
	vectors_hex(json_array_get(vectors_list("keys", "vectors"), 0), "private_pb", &pb);
	assert_ok(text_base64(&text, buf_bytes(&pb)));
	assert_err(key_private_parse_text(buf_bytes(&text), &k), P2P_ERR_UNSUPPORTED);
	buf_reset(&text);
	vectors_hex(json_array_get(vectors_list("keys", "vectors"), 0), "public_pb", &pb);
	assert_ok(text_base64(&text, buf_bytes(&pb)));
	assert_err(key_public_parse_text(buf_bytes(&text), &public), P2P_ERR_UNSUPPORTED);
	memset(huge, 'A', sizeof(huge));
	assert_err(key_public_parse_text(bytes_of(huge, sizeof(huge)), &public), P2P_ERR_INVALID);
	assert_err(key_private_parse_text(bytes_of(huge, 8000), &k), P2P_ERR_INVALID);
	assert_err(key_private_parse_text(BYTES_NONE, &k), P2P_ERR_INVALID);
	buf_deinit(&pb);
	buf_deinit(&text);
}

static void signature_texts_go_both_ways(void **state)
{
	uint8_t sig[KEY_SIGNATURE_BYTES], again[KEY_SIGNATURE_BYTES];
	struct rng_seeded rng;
	char text[96];

	(void)state;
	rng_seed(&rng, 44);
	rng_fill(&rng.rng, sig, sizeof(sig));
	key_signature_text(sig, text);
	assert_int_equal(strlen(text), 88);
	assert_ok(key_signature_parse(bytes_str(text), again));
	assert_memory_equal(sig, again, sizeof(sig));
	for (size_t cut = 0; cut < 88; cut++)
		assert_err(key_signature_parse(bytes_of(text, cut), again), P2P_ERR_INVALID);
	assert_err(key_signature_parse(BYTES_LIT(" "), again), P2P_ERR_INVALID);
	strcpy(text + 88, "AAAA");
	assert_err(key_signature_parse(bytes_str(text), again), P2P_ERR_INVALID);
	text[0] = ' ';
	assert_err(key_signature_parse(bytes_of(text, 88), again), P2P_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_public_keys_are_read_or_named),
		cmocka_unit_test(published_private_keys_are_read_or_unsupported),
		cmocka_unit_test(other_spellings_of_a_key_are_refused),
		cmocka_unit_test(keys_of_other_types_must_be_canonical_too),
		cmocka_unit_test(seeds_give_the_published_identities),
		cmocka_unit_test(the_old_form_counts_when_its_copies_agree),
		cmocka_unit_test(a_private_key_with_a_stranger_s_public_half_is_refused),
		cmocka_unit_test(the_published_signature_is_made_and_verified),
		cmocka_unit_test(any_change_breaks_a_signature),
		cmocka_unit_test(the_point_at_infinity_signs_nothing),
		cmocka_unit_test(texts_go_both_ways),
		cmocka_unit_test(texts_of_other_keys_are_told_from_nonsense),
		cmocka_unit_test(signature_texts_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
