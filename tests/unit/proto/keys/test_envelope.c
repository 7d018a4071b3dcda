/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/envelope.h"

#include "proto/keys/pb.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static const struct bytes domain = {(const uint8_t *)"test-domain", 11};
static const struct bytes type = {(const uint8_t *)"\x09\x01", 2};

static struct key_pair pair(uint64_t seed)
{
	struct rng_seeded rng;
	struct key_pair k;

	rng_seed(&rng, seed);
	key_generate(&rng.rng, &k);
	return k;
}

static void published_envelopes_open(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("signed_envelope", "vectors"), i, v)
	{
		struct buf in = BUF_INIT, kind = BUF_INIT, payload = BUF_INIT;
		struct bytes words = bytes_str(vectors_text(v, "domain"));
		struct envelope e;

		vectors_hex(v, "envelope", &in);
		vectors_hex(v, "payload_type", &kind);
		vectors_hex(v, "payload", &payload);
		assert_ok(envelope_open(buf_bytes(&in), words, buf_bytes(&kind), &e));
		assert_bytes(e.payload, buf_bytes(&payload));
		assert_err(envelope_open(buf_bytes(&in), domain, buf_bytes(&kind), &e),
			P2P_ERR_SIGNATURE);
		assert_err(envelope_open(buf_bytes(&in), words, type, &e), P2P_ERR_MISMATCH);
		buf_deinit(&in);
		buf_deinit(&kind);
		buf_deinit(&payload);
	}
}

static void published_envelopes_are_made(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("signed_envelope", "vectors"), i, v)
	{
		const json_t *key = json_array_get(vectors_list("keys", "vectors"), 1);
		struct buf hex = BUF_INIT, kind = BUF_INIT, payload = BUF_INIT, out = BUF_INIT;
		struct key_pair k;

		if (vectors_text_maybe(v, "relay_seed"))
			key_from_seed(vectors_hex(v, "relay_seed", &hex).at, &k);
		else
			assert_ok(key_private_parse(vectors_hex(key, "private_pb", &hex), &k));
		vectors_hex(v, "payload_type", &kind);
		vectors_hex(v, "payload", &payload);
		assert_ok(envelope_seal(&out, &k, bytes_str(vectors_text(v, "domain")),
			buf_bytes(&kind), buf_bytes(&payload)));
		assert_bytes(buf_bytes(&out), vectors_hex(v, "envelope", &hex));
		buf_deinit(&hex);
		buf_deinit(&kind);
		buf_deinit(&payload);
		buf_deinit(&out);
	}
}

static void random_payloads_survive(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 51);
	for (unsigned round = 0; round < 60; round++) {
		struct buf out = BUF_INIT;
		uint8_t payload[400];
		size_t len = round ? rng_below(&rng.rng, sizeof(payload) + 1) : 0;
		struct key_public want;
		struct key_pair k;
		struct envelope e;

		key_generate(&rng.rng, &k);
		key_public_of(&k, &want);
		rng_fill(&rng.rng, payload, sizeof(payload));
		assert_ok(envelope_seal(&out, &k, domain, type, bytes_of(payload, len)));
		assert_ok(envelope_open(buf_bytes(&out), domain, type, &e));
		assert_bytes(e.payload, bytes_of(payload, len));
		assert_memory_equal(&e.signer, &want, sizeof(want));
		buf_deinit(&out);
	}
}

static void a_cut_or_altered_envelope_does_not_open(void **state)
{
	struct key_pair k = pair(52);
	struct buf out = BUF_INIT;
	struct envelope e;

	(void)state;
	assert_ok(envelope_seal(&out, &k, domain, type, BYTES_LIT("payload")));
	for (size_t i = 0; i < out.len; i++) {
		assert_true(envelope_open(bytes_of(out.data, i), domain, type, &e) != 0);
		for (unsigned bit = 0; bit < 8; bit++) {
			out.data[i] ^= (uint8_t)(1u << bit);
			assert_true(envelope_open(buf_bytes(&out), domain, type, &e) != 0);
			out.data[i] ^= (uint8_t)(1u << bit);
		}
	}
	assert_ok(envelope_open(buf_bytes(&out), domain, type, &e));
	buf_deinit(&out);
}

static void no_byte_moves_between_domain_type_and_payload(void **state)
{
	struct key_pair k = pair(53);
	struct buf out = BUF_INIT;
	struct envelope e;

	(void)state;
	assert_ok(envelope_seal(&out, &k, BYTES_LIT("ab"), BYTES_LIT("c"), BYTES_LIT("d")));
	assert_ok(envelope_open(buf_bytes(&out), BYTES_LIT("ab"), BYTES_LIT("c"), &e));
	assert_err(envelope_open(buf_bytes(&out), BYTES_LIT("a"), BYTES_LIT("c"), &e),
		P2P_ERR_SIGNATURE);
	buf_deinit(&out);
}

/* Puts the four fields of a sealed envelope together anew: those whose bit is in `which`, and then
 * `extra` once more if it is not 0. */
static void rebuild(struct bytes sealed, unsigned which, uint32_t extra, struct buf *out)
{
	struct pb_reader r;
	struct pb_field f;

	for (r = pb_begin(sealed); pb_next(&r, &f);)
		if (which & 1u << f.number)
			assert_ok(pb_put_bytes(out, f.number, f.data));
	for (r = pb_begin(sealed); pb_next(&r, &f);)
		if (f.number == extra)
			assert_ok(pb_put_bytes(out, f.number, f.data));
}

static void every_field_stands_there_once(void **state)
{
	static const uint32_t numbers[] = {1, 2, 3, 5};
	const unsigned all = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 5;
	struct key_pair k = pair(54);
	struct buf sealed = BUF_INIT;
	struct envelope e;

	(void)state;
	assert_ok(envelope_seal(&sealed, &k, domain, type, BYTES_LIT("payload")));
	for (size_t i = 0; i < 4; i++) {
		struct buf twice = BUF_INIT, without = BUF_INIT;

		rebuild(buf_bytes(&sealed), all, numbers[i], &twice);
		assert_err(envelope_open(buf_bytes(&twice), domain, type, &e), P2P_ERR_INVALID);
		rebuild(buf_bytes(&sealed), all & ~(1u << numbers[i]), 0, &without);
		assert_err(envelope_open(buf_bytes(&without), domain, type, &e),
			numbers[i] == 3 ? P2P_ERR_SIGNATURE : P2P_ERR_INVALID);
		buf_deinit(&twice);
		buf_deinit(&without);
	}
	/* Fields of later versions are passed over. */
	assert_ok(pb_put_uint(&sealed, 4, 1));
	assert_ok(pb_put_bytes(&sealed, 9, BYTES_LIT("new")));
	assert_ok(envelope_open(buf_bytes(&sealed), domain, type, &e));
	buf_deinit(&sealed);
}

static void signers_of_other_types_are_named_unsupported(void **state)
{
	const json_t *rsa = json_array_get(vectors_list("keys", "vectors"), 0);
	struct buf in = BUF_INIT, key = BUF_INIT;
	struct envelope e;

	(void)state;
	assert_ok(pb_put_bytes(&in, 1, vectors_hex(rsa, "public_pb", &key)));
	assert_ok(pb_put_bytes(&in, 2, type));
	assert_ok(pb_put_bytes(&in, 3, BYTES_LIT("payload")));
	assert_ok(pb_put_bytes(&in, 5, BYTES_LIT("signature")));
	assert_err(envelope_open(buf_bytes(&in), domain, type, &e), P2P_ERR_UNSUPPORTED);
	buf_deinit(&in);
	buf_deinit(&key);
}

static void sizes_are_bounded(void **state)
{
	static const uint8_t zeros[ENVELOPE_BYTES_MAX + 1];
	struct key_pair k = pair(55);
	struct buf out = BUF_INIT, tight = BUF_WITH_MAX(50);
	size_t around, most;
	struct envelope e;

	(void)state;
	assert_ok(envelope_seal(&out, &k, domain, type, bytes_of(zeros, 8000)));
	around = out.len - 8000;
	most = ENVELOPE_BYTES_MAX - around;
	buf_reset(&out);
	assert_err(envelope_seal(&out, &k, domain, type, bytes_of(zeros, most + 1)),
		P2P_ERR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	assert_ok(envelope_seal(&out, &k, domain, type, bytes_of(zeros, most)));
	assert_int_equal(out.len, ENVELOPE_BYTES_MAX);
	assert_ok(envelope_open(buf_bytes(&out), domain, type, &e));
	assert_ok(pb_put_uint(&out, 9, 1));
	assert_err(envelope_open(buf_bytes(&out), domain, type, &e), P2P_ERR_TOO_LARGE);
	assert_err(envelope_seal(&tight, &k, domain, type, BYTES_LIT("x")), P2P_ERR_TOO_LARGE);
	assert_int_equal(tight.len, 0);
	buf_deinit(&out);
	buf_deinit(&tight);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_envelopes_open),
		cmocka_unit_test(published_envelopes_are_made),
		cmocka_unit_test(random_payloads_survive),
		cmocka_unit_test(a_cut_or_altered_envelope_does_not_open),
		cmocka_unit_test(no_byte_moves_between_domain_type_and_payload),
		cmocka_unit_test(every_field_stands_there_once),
		cmocka_unit_test(signers_of_other_types_are_named_unsupported),
		cmocka_unit_test(sizes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
