/* SPDX-License-Identifier: Apache-2.0 */
/* Judging certificates: the published ones, and one for each way to be refused. */
#include "proto/tls/cert.h"

#include "proto/tls/known.h"
#include "tests/lib/vectors.h"
#include "tests/unit/proto/tls/forge.h"

/* 2021-12-20, when the test certificates of rust were valid. */
#define RUST_NOW ((wall_t){1639958400, 0})

/* What each vector comes to. Host keys of other types than ours are named, whatever their
 * signatures are worth. */
static const struct {
	const char *name, *why; /* NULL: accepted */
	wall_t now;
} expected[] = {
	{"spec-1", NULL, FORGE_NOW},
	{"spec-2", "key_type_ecdsa", FORGE_NOW},
	{"spec-3", "key_type_secp256k1", FORGE_NOW},
	{"spec-4", "key_type_ecdsa", FORGE_NOW},
	{"can_parse_certificate_with_ed25519_keypair", NULL, FORGE_NOW},
	{"fails_to_parse_bad_certificate_with_ed25519_keypair", "tls_cert_host_signature",
		FORGE_NOW},
	{"can_parse_certificate_with_ecdsa_keypair", "key_type_ecdsa", FORGE_NOW},
	{"can_parse_certificate_with_secp256k1_keypair", "key_type_secp256k1", FORGE_NOW},
	{"spec-1-corrupted-self-signature", "tls_cert_self_signature", FORGE_NOW},
	/* These have good self-signatures, which is judged before the host's. */
	{"rust-asset-ed25519", "tls_cert_host_signature", RUST_NOW},
	{"rust-asset-nistp384_sha256", "tls_cert_algorithm", RUST_NOW},
	{"rust-asset-nistp384_sha384", "tls_cert_host_signature", RUST_NOW},
	{"rust-asset-nistp521_sha512", "tls_cert_key", RUST_NOW},
	{"rust-asset-rsa_pkcs1_sha256", "tls_cert_host_signature", RUST_NOW},
	{"rust-asset-rsa_pss_sha384", NULL, RUST_NOW},
};

static void the_published_certificates_come_out_as_published(void **state)
{
	const json_t *list = vectors_list("tls_certificates", "vectors"), *vector;
	struct buf der = BUF_INIT;
	size_t i, k;

	(void)state;
	assert_int_equal(json_array_size(list), sizeof(expected) / sizeof(expected[0]));
	json_array_foreach(list, i, vector)
	{
		const char *name = vectors_text(vector, "name");
		struct peer_id id;

		for (k = 0; strcmp(expected[k].name, name) != 0; k++)
			assert_that(k + 1 < sizeof(expected) / sizeof(expected[0]), name);
		vectors_hex(vector, "der", &der);
		if (expected[k].why) {
			assert_refused_at(buf_bytes(&der), expected[k].now, expected[k].why);
			continue;
		}
		assert_ok(peer_id_parse(bytes_str(vectors_text(vector, "peer_id")), &id));
		assert_accepted(buf_bytes(&der), expected[k].now, &id);
	}
	buf_deinit(&der);
}

static void dates_count_to_the_second(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT;

	(void)state;
	forge_init(&f, 1);
	f.not_before = BYTES_LIT("270115080000Z"); /* FORGE_NOW */
	f.not_after = BYTES_LIT("20270115080001Z");
	forge_make(&f, &der);
	assert_refused_at(
		buf_bytes(&der), (wall_t){FORGE_NOW.sec - 1, 999999999}, "tls_cert_not_yet_valid");
	assert_accepted(buf_bytes(&der), FORGE_NOW, &f.id);
	assert_accepted(buf_bytes(&der), (wall_t){FORGE_NOW.sec + 1, 999999999}, &f.id);
	assert_refused_at(buf_bytes(&der), (wall_t){FORGE_NOW.sec + 2, 0}, "tls_cert_expired");
	assert_refused_at(buf_bytes(&der), (wall_t){INT64_MAX, 0}, "tls_cert_expired");
	assert_refused_at(buf_bytes(&der), (wall_t){INT64_MIN, 0}, "tls_cert_not_yet_valid");
	f.not_after = BYTES_LIT("20270230000000Z");
	assert_refused(&f, "tls_cert_time");
	buf_deinit(&der);
	forge_deinit(&f);
}

static void the_shell_of_a_certificate_is_judged(void **state)
{
	struct forge f;

	(void)state;
	forge_init(&f, 2);
	f.version = -1;
	assert_refused(&f, "tls_cert_version");
	f.version = 1;
	assert_refused(&f, "tls_cert_version");
	f.version = 2;
	f.has_unique_id = true;
	assert_refused(&f, "tls_cert_unique_id");
	f.has_unique_id = false;
	f.is_signature_wrong = true;
	assert_refused(&f, "tls_cert_self_signature");
	f.is_signature_wrong = false;
	f.behind = BYTES_LIT("\x00");
	assert_refused(&f, "tls_cert_der");
	f.behind = BYTES_NONE;
	f.algorithm_inside = BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03");
	assert_refused(&f, "tls_cert_algorithm");
	f.algorithm = f.algorithm_inside;
	assert_refused(&f, "tls_cert_algorithm"); /* SHA-384 with P-256 */
	forge_deinit(&f);
}

static void a_serial_number_may_be_odd_but_not_endless(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT;

	(void)state;
	forge_init(&f, 3);
	buf_reset(&f.serial);
	assert_ok(buf_put(&f.serial, BYTES_LIT("\xff\x80\x00"))); /* negative, a needless byte */
	assert_accepted(forge_make(&f, &der), FORGE_NOW, &f.id);
	buf_reset(&f.serial);
	for (int i = 0; i < 21; i++)
		assert_ok(buf_put_u8(&f.serial, 1));
	assert_accepted(forge_make(&f, &der), FORGE_NOW, &f.id);
	assert_ok(buf_put_u8(&f.serial, 1));
	assert_refused(&f, "tls_cert_der");
	buf_reset(&f.serial);
	assert_refused(&f, "tls_cert_der");
	buf_deinit(&der);
	forge_deinit(&f);
}

static void extensions_are_judged(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT;

	(void)state;
	forge_init(&f, 6);
	buf_reset(&f.extensions);
	assert_refused(&f, "tls_cert_extension_missing");
	forge_extend(&f, forge_other_oid, false, BYTES_LIT("x"));
	assert_refused(&f, "tls_cert_extension_missing");
	forge_extend(&f, forge_oid, true, buf_bytes(&f.signed_key));
	assert_accepted(forge_make(&f, &der), FORGE_NOW, &f.id); /* critical, and not the first */
	forge_extend(&f, forge_oid, false, buf_bytes(&f.signed_key));
	assert_refused(&f, "tls_cert_extension_twice");
	forge_identify(&f);
	forge_extend(&f, forge_other_oid, true, BYTES_LIT("x"));
	assert_refused(&f, "tls_cert_extension_critical");
	/* A default that is written out is not DER. */
	buf_reset(&f.extensions);
	assert_ok(buf_put(
		&f.extensions, BYTES_LIT("\x30\x0b\x06\x03\x55\x1d\x0f\x01\x01\x00\x04\x01x")));
	assert_refused(&f, "tls_cert_der");
	buf_deinit(&der);
	forge_deinit(&f);
}

/* The extension with this content instead of the right one. */
static void refuse_signed_key(struct forge *f, const char *why)
{
	buf_reset(&f->extensions);
	forge_extend(f, forge_oid, false, buf_bytes(&f->signed_key));
	assert_refused(f, why);
}

static void a_signed_key_is_exact(void **state)
{
	static const uint8_t none[64];
	struct bytes signature = bytes_of(none, 64);
	struct forge f;

	(void)state;
	forge_init(&f, 7);
	assert_ok(buf_put_u8(&f.signed_key, 0)); /* something behind */
	refuse_signed_key(&f, "tls_cert_signed_key");
	buf_reset(&f.signed_key);
	refuse_signed_key(&f, "tls_cert_signed_key");
	assert_ok(buf_put(&f.signed_key, BYTES_LIT("\x30\x07\x04\x01x\x04\x02yy\x05\x00")));
	refuse_signed_key(&f, "tls_cert_signed_key");
	forge_sign_key(&f, BYTES_LIT("\x08\x01"), signature);
	refuse_signed_key(&f, "tls_cert_host_key");
	/* The same key, spelled in another way. */
	forge_sign_key(&f,
		BYTES_LIT("\x08\x81\x00\x12\x20"
			  "0123456789abcdef0123456789abcdef"),
		signature);
	refuse_signed_key(&f, "tls_cert_host_key");
	forge_sign_key(&f,
		BYTES_LIT("\x08\x01\x12\x20"
			  "0123456789abcdef0123456789abcdef"),
		signature);
	refuse_signed_key(&f, "tls_cert_host_signature");
	forge_sign_key(&f, BYTES_LIT("\x08\x00\x12\x01x"), signature);
	refuse_signed_key(&f, "key_type_rsa");
	forge_sign_key(&f, BYTES_LIT("\x08\x02\x12\x01x"), signature);
	refuse_signed_key(&f, "key_type_secp256k1");
	forge_sign_key(&f, BYTES_LIT("\x08\x03\x12\x01x"), signature);
	refuse_signed_key(&f, "key_type_ecdsa");
	forge_deinit(&f);
}

static void a_proof_for_another_certificate_key_is_worthless(void **state)
{
	struct forge honest, thief;

	(void)state;
	forge_init(&honest, 8);
	forge_init(&thief, 9);
	buf_reset(&thief.extensions);
	forge_extend(&thief, forge_oid, false, buf_bytes(&honest.signed_key));
	assert_refused(&thief, "tls_cert_host_signature");
	forge_deinit(&honest);
	forge_deinit(&thief);
}

static void somebody_else_is_refused(void **state)
{
	struct tls_judge j = {.now = FORGE_NOW};
	struct tls_verdict v;
	struct forge f, other;
	struct buf der = BUF_INIT;

	(void)state;
	forge_init(&f, 10);
	forge_init(&other, 11);
	forge_make(&f, &der);
	j.expected = f.id;
	assert_ok(tls_judge_cert(&j, buf_bytes(&der), &v));
	j.expected = other.id;
	check_refusal(tls_judge_cert(&j, buf_bytes(&der), &v), &v, "peer_id_mismatch");
	buf_deinit(&der);
	forge_deinit(&f);
	forge_deinit(&other);
}

static void a_certificate_has_a_largest_size(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT, pad = BUF_INIT;

	(void)state;
	forge_init(&f, 12);
	/* Pads with an extension until the size is exact; ECDSA signatures vary by a few bytes. */
	assert_non_null(buf_grow(&pad, 3500));
	memset(pad.data, 0, pad.len);
	for (;;) {
		forge_identify(&f);
		forge_extend(&f, forge_other_oid, false, buf_bytes(&pad));
		forge_make(&f, &der);
		if (der.len == TLS_CERT_BYTES_MAX)
			break;
		if (der.len < TLS_CERT_BYTES_MAX)
			assert_non_null(buf_grow(&pad, 1));
		else
			buf_truncate(&pad, pad.len - 1);
		pad.data[pad.len - 1] = 0;
	}
	assert_accepted(buf_bytes(&der), FORGE_NOW, &f.id);
	assert_ok(buf_put_u8(&der, 0));
	assert_refused_at(buf_bytes(&der), FORGE_NOW, "tls_cert_too_large");
	buf_deinit(&der);
	buf_deinit(&pad);
	forge_deinit(&f);
}

/* Appends an entry of the Certificate message. */
static void put_entry(struct buf *list, struct bytes der)
{
	assert_ok(buf_put_u8(list, 0));
	assert_ok(buf_put_u16be(list, (uint16_t)der.len));
	assert_ok(buf_put(list, der));
	assert_ok(buf_put_u16be(list, 0));
}

static struct tls_verdict judge_list(const struct buf *list, bool of_server, int *ret_err)
{
	struct tls_judge j = {.now = FORGE_NOW, .of_server = of_server};
	struct buf message = BUF_INIT;
	struct tls_verdict v;

	assert_ok(buf_put_u16be(&message, 0)); /* no name; the first byte of the length */
	assert_ok(buf_put_u16be(&message, (uint16_t)list->len));
	assert_ok(buf_put(&message, buf_bytes(list)));
	*ret_err = tls_judge_message(&j, buf_bytes(&message), &v);
	for (size_t cut = 0; cut < message.len; cut++) {
		struct tls_verdict w;

		check_refusal(tls_judge_message(&j, bytes_head(buf_bytes(&message), cut), &w), &w,
			"tls_cert_message");
	}
	buf_deinit(&message);
	return v;
}

static void a_message_has_exactly_one_certificate(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT, list = BUF_INIT;
	struct tls_verdict v;
	int err;

	(void)state;
	forge_init(&f, 13);
	forge_make(&f, &der);
	v = judge_list(&list, false, &err);
	check_refusal(err, &v, "tls_cert_none");
	v = judge_list(&list, true, &err);
	assert_err(err, P2P_ERR_PROTOCOL);
	assert_int_equal(v.alert, 50);
	put_entry(&list, buf_bytes(&der));
	v = judge_list(&list, true, &err);
	assert_ok(err);
	assert_true(peer_id_eq(&v.peer, &f.id));
	put_entry(&list, buf_bytes(&der));
	v = judge_list(&list, true, &err);
	check_refusal(err, &v, "tls_cert_count");
	buf_reset(&list);
	put_entry(&list, BYTES_NONE);
	v = judge_list(&list, true, &err);
	check_refusal(err, &v, "tls_cert_message");
	buf_deinit(&der);
	buf_deinit(&list);
	forge_deinit(&f);
}

/* Every byte is under some signature or in the way of reading it. */
static void no_bit_can_be_changed(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT;
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 17);
	forge_init(&f, 17);
	forge_make(&f, &der);
	assert_accepted(buf_bytes(&der), FORGE_NOW, &f.id);
	for (size_t i = 0; i < der.len; i++) {
		uint8_t flip = (uint8_t)(1u << rng_below(&rng.rng, 8));
		int err;

		der.data[i] ^= flip;
		(void)judge_at(buf_bytes(&der), FORGE_NOW, &err);
		assert_true(err);
		der.data[i] ^= flip;
	}
	buf_deinit(&der);
	forge_deinit(&f);
}

static void a_certificate_that_ends_anywhere_is_refused(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT;

	(void)state;
	forge_init(&f, 18);
	forge_make(&f, &der);
	for (size_t cut = 0; cut < der.len; cut++)
		assert_refused_at(bytes_head(buf_bytes(&der), cut), FORGE_NOW, "tls_cert_der");
	buf_deinit(&der);
	forge_deinit(&f);
}

/* ---- certificates that were accepted before ---- */

static int judge_again(struct tls_judge *j, const struct buf *der, struct tls_verdict *v)
{
	return tls_judge_cert(j, buf_bytes(der), v);
}

/* Knowing takes the place of verifying: what says that a wrong signature was right is believed. */
static void a_known_certificate_is_not_verified_again(void **state)
{
	struct tls_judge j = {.now = FORGE_NOW, .known = tls_known_new()};
	uint8_t digest[TLS_KNOWN_BYTES];
	struct buf der = BUF_INIT;
	struct tls_verdict v;
	struct forge f;

	(void)state;
	forge_init(&f, 30);
	f.is_signature_wrong = true;
	forge_make(&f, &der);
	check_refusal(judge_again(&j, &der, &v), &v, "tls_cert_self_signature");
	check_refusal(judge_again(&j, &der, &v), &v, "tls_cert_self_signature"); /* not remembered */
	tls_known_digest(buf_bytes(&der), digest);
	tls_known_add(j.known, digest);
	assert_ok(judge_again(&j, &der, &v));
	assert_true(peer_id_eq(&v.peer, &f.id));
	tls_known_free(j.known);
	buf_deinit(&der);
	forge_deinit(&f);
}

static void an_accepted_certificate_is_known_from_then_on(void **state)
{
	struct tls_judge j = {.now = FORGE_NOW, .known = tls_known_new()};
	uint8_t digest[TLS_KNOWN_BYTES];
	struct buf der = BUF_INIT;
	struct tls_verdict v;
	struct forge f;

	(void)state;
	forge_init(&f, 31);
	forge_make(&f, &der);
	tls_known_digest(buf_bytes(&der), digest);
	assert_false(tls_known_has(j.known, digest));
	for (int i = 0; i < 2; i++) {
		assert_ok(judge_again(&j, &der, &v));
		assert_true(peer_id_eq(&v.peer, &f.id));
		assert_true(tls_known_has(j.known, digest));
	}
	tls_known_free(j.known);
	buf_deinit(&der);
	forge_deinit(&f);
}

static void a_known_certificate_ends_and_belongs_to_one_peer_all_the_same(void **state)
{
	struct tls_judge j = {.now = FORGE_NOW, .known = tls_known_new()};
	struct buf der = BUF_INIT;
	struct forge f, other;
	struct tls_verdict v;

	(void)state;
	forge_init(&f, 32);
	forge_init(&other, 33);
	f.not_after = BYTES_LIT("20270115080001Z");
	forge_make(&f, &der);
	assert_ok(judge_again(&j, &der, &v));
	j.now.sec += 2;
	check_refusal(judge_again(&j, &der, &v), &v, "tls_cert_expired");
	j.now = FORGE_NOW;
	j.expected = other.id;
	check_refusal(judge_again(&j, &der, &v), &v, "peer_id_mismatch");
	tls_known_free(j.known);
	buf_deinit(&der);
	forge_deinit(&f);
	forge_deinit(&other);
}

static void no_bit_of_a_known_certificate_can_be_changed(void **state)
{
	struct tls_judge j = {.now = FORGE_NOW, .known = tls_known_new()};
	struct buf der = BUF_INIT;
	struct rng_seeded rng;
	struct tls_verdict v;
	struct forge f;

	(void)state;
	rng_seed(&rng, 34);
	forge_init(&f, 34);
	forge_make(&f, &der);
	assert_ok(judge_again(&j, &der, &v));
	for (size_t i = 0; i < der.len; i++) {
		uint8_t flip = (uint8_t)(1u << rng_below(&rng.rng, 8));

		der.data[i] ^= flip;
		assert_true(judge_again(&j, &der, &v) != 0);
		der.data[i] ^= flip;
		assert_ok(judge_again(&j, &der, &v));
	}
	tls_known_free(j.known);
	buf_deinit(&der);
	forge_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_certificates_come_out_as_published),
		cmocka_unit_test(dates_count_to_the_second),
		cmocka_unit_test(the_shell_of_a_certificate_is_judged),
		cmocka_unit_test(a_serial_number_may_be_odd_but_not_endless),
		cmocka_unit_test(extensions_are_judged),
		cmocka_unit_test(a_signed_key_is_exact),
		cmocka_unit_test(a_proof_for_another_certificate_key_is_worthless),
		cmocka_unit_test(somebody_else_is_refused),
		cmocka_unit_test(a_certificate_has_a_largest_size),
		cmocka_unit_test(a_message_has_exactly_one_certificate),
		cmocka_unit_test(no_bit_can_be_changed),
		cmocka_unit_test(a_certificate_that_ends_anywhere_is_refused),
		cmocka_unit_test(a_known_certificate_is_not_verified_again),
		cmocka_unit_test(an_accepted_certificate_is_known_from_then_on),
		cmocka_unit_test(a_known_certificate_ends_and_belongs_to_one_peer_all_the_same),
		cmocka_unit_test(no_bit_of_a_known_certificate_can_be_changed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
