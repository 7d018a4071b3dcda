/* SPDX-License-Identifier: Apache-2.0 */
/* Our own certificate, judged as others will. */
#include "tests/unit/proto/tls/forge.h"

static void our_own_certificate_is_what_everybody_takes(void **state)
{
	struct tls_identity id, again;
	struct rng_seeded rng;
	struct key_pair pair;
	struct peer_id who;
	struct bytes der;

	(void)state;
	rng_seed(&rng, 14);
	key_generate(&rng.rng, &pair);
	key_pair_peer_id(&pair, &who);
	assert_ok(tls_identity_init(&id, &pair, &rng.rng, FORGE_NOW, TLS_AES_FIRST));
	assert_ok(tls_identity_init(&again, &pair, &rng.rng, FORGE_NOW, TLS_AES_FIRST));
	der = buf_bytes(&id.cert);
	assert_in_range(der.len, 250, 400);
	assert_false(bytes_eq(der, buf_bytes(&again.cert)));
	assert_accepted(der, FORGE_NOW, &who);
	assert_accepted(buf_bytes(&again.cert), FORGE_NOW, &who);
	/* An hour back, a hundred years on. */
	assert_accepted(der, wall_add_sec(FORGE_NOW, -3600), &who);
	assert_refused_at(der, wall_add_sec(FORGE_NOW, -3601), "tls_cert_not_yet_valid");
	assert_accepted(der, wall_add_sec(FORGE_NOW, INT64_C(36525) * 86400), &who);
	assert_refused_at(
		der, wall_add_sec(FORGE_NOW, INT64_C(36525) * 86400 + 1), "tls_cert_expired");
	tls_identity_deinit(&id);
	tls_identity_deinit(&again);
	tls_identity_deinit(&again); /* safe on what is gone */
}

/* Of the certificates of either key, the extensions as GnuTLS sees them: ours alone, not critical. */
static void our_own_certificates_have_one_extension(void **state)
{
	struct tls_cert_keys keys;
	struct rng_seeded rng;
	struct key_pair pair;

	(void)state;
	rng_seed(&rng, 15);
	key_generate(&rng.rng, &pair);
	assert_ok(tls_cert_keys_init(&keys, &rng.rng));
	for (int kind = 0; kind < TLS_CERT_KINDS; kind++) {
		char oid[64];
		size_t oid_len = sizeof(oid), serial_len = 64;
		uint8_t serial[64];
		unsigned critical = 9;
		gnutls_x509_crt_t cert;

		assert_ok(tls_cert_make(
			&pair, &keys, (enum tls_cert_kind)kind, &rng.rng, FORGE_NOW, &cert));
		assert_int_equal(
			gnutls_x509_crt_get_extension_info(cert, 0, oid, &oid_len, &critical), 0);
		assert_string_equal(oid, "1.3.6.1.4.1.53594.1.1");
		assert_int_equal(critical, 0);
		oid_len = sizeof(oid);
		assert_int_equal(
			gnutls_x509_crt_get_extension_info(cert, 1, oid, &oid_len, &critical),
			GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
		assert_int_equal(gnutls_x509_crt_get_version(cert), 3);
		assert_int_equal(gnutls_x509_crt_get_serial(cert, serial, &serial_len), 0);
		assert_int_equal(serial_len, 8);
		assert_in_range(serial[0], 0x40, 0x7f);
		assert_int_equal(gnutls_x509_crt_get_pk_algorithm(cert, NULL),
			kind == TLS_CERT_ED25519 ? GNUTLS_PK_EDDSA_ED25519 : GNUTLS_PK_ECDSA);
		gnutls_x509_crt_deinit(cert);
	}
	tls_cert_keys_deinit(&keys);
	tls_cert_keys_deinit(&keys); /* safe on what is gone */
}

static void a_clock_out_of_its_mind_does_not_keep_us_from_starting(void **state)
{
	static const int64_t seconds[] = {0, -1, INT64_MIN, 253402300799, INT64_MAX};
	struct rng_seeded rng;
	struct key_pair pair;

	(void)state;
	rng_seed(&rng, 16);
	key_generate(&rng.rng, &pair);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		struct tls_identity id;

		assert_ok(tls_identity_init(
			&id, &pair, &rng.rng, (wall_t){seconds[i], 0}, TLS_AES_FIRST));
		tls_identity_deinit(&id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_certificate_is_what_everybody_takes),
		cmocka_unit_test(our_own_certificates_have_one_extension),
		cmocka_unit_test(a_clock_out_of_its_mind_does_not_keep_us_from_starting),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
