/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of certificates, and their signatures over themselves. */
#include "tests/lib/vectors.h"
#include "tests/unit/proto/tls/forge.h"

/* 2021-12-20, when the test certificates of rust were valid. */
#define RUST_NOW ((wall_t){1639958400, 0})

/* Each self-signature of the vectors, spoiled in its last byte, is noticed whatever its algorithm.
 */
static void a_spoiled_self_signature_of_any_algorithm_is_noticed(void **state)
{
	const json_t *list = vectors_list("tls_certificates", "vectors"), *vector;
	struct buf der = BUF_INIT;
	unsigned seen = 0;
	size_t i;

	(void)state;
	json_array_foreach(list, i, vector)
	{
		const char *name = vectors_text(vector, "name");

		if (strcmp(name, "rust-asset-ed25519") != 0 &&
			strcmp(name, "rust-asset-nistp384_sha384") != 0 &&
			strcmp(name, "rust-asset-rsa_pkcs1_sha256") != 0 &&
			strcmp(name, "rust-asset-rsa_pss_sha384") != 0)
			continue;
		vectors_hex(vector, "der", &der);
		der.data[der.len - 1] ^= 1;
		assert_refused_at(buf_bytes(&der), RUST_NOW, "tls_cert_self_signature");
		seen++;
	}
	assert_int_equal(seen, 4);
	buf_deinit(&der);
}

static void keys_are_of_the_kinds_and_sizes_that_are_taken(void **state)
{
	struct forge f;
	struct buf der = BUF_INIT;

	(void)state;
	forge_init(&f, 4);
	forge_rekey(&f, GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519),
		GNUTLS_SIGN_EDDSA_ED25519, BYTES_LIT("\x30\x05\x06\x03\x2b\x65\x70"));
	assert_accepted(forge_make(&f, &der), FORGE_NOW, &f.id);
	forge_rekey(&f, GNUTLS_PK_EDDSA_ED448, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED448),
		GNUTLS_SIGN_EDDSA_ED448, BYTES_LIT("\x30\x05\x06\x03\x2b\x65\x71"));
	assert_refused(&f, "tls_cert_key");
	forge_rekey(&f, GNUTLS_PK_RSA, 1024, GNUTLS_SIGN_RSA_SHA256,
		BYTES_LIT("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"));
	assert_refused(&f, "tls_cert_key");
	/* A key that is none, a point beside its curve, verifies nothing. */
	forge_rekey(&f, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
		GNUTLS_SIGN_ECDSA_SHA256,
		BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"));
	f.spki.data[f.spki.len - 1] ^= 1;
	forge_identify(&f);
	assert_refused(&f, "tls_cert_self_signature");
	buf_deinit(&der);
	forge_deinit(&f);
}

/* An RSA key with these integers; nothing is verified with it, so it need not be one. */
static void set_rsa(struct forge *f, size_t n_bits, uint8_t n_last, struct bytes e)
{
	struct buf n = BUF_INIT, key = BUF_INIT, bits = BUF_INIT, info = BUF_INIT;

	assert_ok(buf_put_u8(&n, 0));
	for (size_t i = 0; i < n_bits / 8; i++)
		assert_ok(buf_put_u8(&n, i + 1 == n_bits / 8 ? n_last : 0xc1));
	forge_put(&key, DER_INTEGER, buf_bytes(&n));
	forge_put(&key, DER_INTEGER, e);
	assert_ok(buf_put_u8(&bits, 0));
	forge_put(&bits, DER_SEQUENCE, buf_bytes(&key));
	forge_put(&info, DER_SEQUENCE,
		BYTES_LIT("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"));
	forge_put(&info, DER_BIT_STRING, buf_bytes(&bits));
	buf_reset(&f->spki);
	forge_put(&f->spki, DER_SEQUENCE, buf_bytes(&info));
	forge_identify(f);
	buf_deinit(&n);
	buf_deinit(&key);
	buf_deinit(&bits);
	buf_deinit(&info);
}

static void an_rsa_key_cannot_make_us_work_for_long(void **state)
{
	static const struct bytes usual = BYTES_LIT("\x01\x00\x01");
	struct forge f;

	(void)state;
	forge_init(&f, 5);
	/* What passes for a key goes on to its algorithm, which is ECDSA's here. */
	set_rsa(&f, 2048, 1, usual);
	assert_refused(&f, "tls_cert_algorithm");
	set_rsa(&f, 8192, 1, usual);
	assert_refused(&f, "tls_cert_algorithm");
	set_rsa(&f, 2048, 1, BYTES_LIT("\x03"));
	assert_refused(&f, "tls_cert_algorithm");
	set_rsa(&f, 2040, 1, usual);
	assert_refused(&f, "tls_cert_key");
	set_rsa(&f, 8200, 1, usual);
	assert_refused(&f, "tls_cert_key");
	set_rsa(&f, 2048, 2, usual); /* even */
	assert_refused(&f, "tls_cert_key");
	set_rsa(&f, 2048, 1, BYTES_LIT("\x01"));
	assert_refused(&f, "tls_cert_key");
	set_rsa(&f, 2048, 1, BYTES_LIT("\x04"));
	assert_refused(&f, "tls_cert_key");
	set_rsa(&f, 2048, 1, BYTES_LIT("\x01\x00\x00\x00\x01")); /* 33 bits */
	assert_refused(&f, "tls_cert_key");
	set_rsa(&f, 2048, 1, BYTES_LIT("\x00\x03"));
	assert_refused(&f, "tls_cert_key");
	set_rsa(&f, 2048, 1, BYTES_LIT("\xff"));
	assert_refused(&f, "tls_cert_key");
	forge_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spoiled_self_signature_of_any_algorithm_is_noticed),
		cmocka_unit_test(keys_are_of_the_kinds_and_sizes_that_are_taken),
		cmocka_unit_test(an_rsa_key_cannot_make_us_work_for_long),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
