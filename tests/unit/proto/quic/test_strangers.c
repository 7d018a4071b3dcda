/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that are not ours: other certificates, other protocols, none at all; and what they are told. */
#include "tests/lib/quic_foreign.h"
#include "tests/lib/vectors.h"
#include "tests/unit/proto/tls/forge.h"

static struct quic_pair p;
static struct quic_foreign f;

/* `side` is the foreign one. */
static void meet(int side)
{
	quic_foreign_begin(&f);
	if (side == QUIC_L)
		quic_pair_dial(&p);
	quic_pair_run(&p);
}

/* Ours refused, told it by this close, and says so. */
static void assert_refused_over_quic(int side, int err, const char *why, uint64_t code)
{
	quic_pair_assert_closed(&p, 1 - side, err, why);
	assert_int_equal(p.side[1 - side].end.code, code);
	assert_true(f.is_closed);
	assert_false(f.heard_is_app);
	assert_int_equal(f.heard_code, code);
	assert_int_equal(quic_pair_count(&p, 1 - side, QUIC_PROVEN), 0);
}

static void an_honest_stranger_is_welcome(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		quic_pair_init(&p, 1);
		quic_foreign_init(&f, &p, side);
		meet(side);
		assert_true(f.is_shaken);
		assert_true(p.side[1 - side].is_proven);
		assert_true(peer_id_eq(&p.side[1 - side].proven, &p.side[side].id));
		quic_foreign_deinit(&f);
		quic_pair_deinit(&p);
	}
}

/* Another server gave it for its next visit there, and it happens to begin like ours. */
static void a_dialer_that_brings_a_token_of_somebody_else_is_welcome(void **state)
{
	static const uint8_t token[100] = {0xb6};
	static const size_t lengths[] = {1, 46, sizeof(token)};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		quic_pair_init(&p, 1);
		quic_foreign_init(&f, &p, QUIC_D);
		f.token = token;
		f.token_len = lengths[i];
		meet(QUIC_D);
		assert_true(f.is_shaken);
		assert_true(p.side[QUIC_L].is_proven);
		quic_foreign_deinit(&f);
		quic_pair_deinit(&p);
	}
}

/* It gets no key that it could use in our first message, and asks for another. */
static void a_listener_that_wants_another_group_is_reached_all_the_same(void **state)
{
	(void)state;
	quic_pair_init(&p, 1);
	quic_foreign_init(&f, &p, QUIC_L);
	f.priority = "NONE:+VERS-TLS1.3:+AEAD:+AES-128-GCM:+GROUP-SECP256R1"
		     ":+SIGN-EDDSA-ED25519:+CTYPE-X509:%DISABLE_TLS13_COMPAT_MODE";
	meet(QUIC_L);
	assert_true(f.is_shaken);
	assert_true(p.side[QUIC_D].is_proven);
	assert_int_equal(gnutls_group_get(f.tls), GNUTLS_GROUP_SECP256R1);
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

/* */
static void what_we_announce_is_what_the_rules_say(void **state)
{
	const ngtcp2_transport_params *ours;

	(void)state;
	for (int side = 0; side < 2; side++) {
		quic_pair_init(&p, 8);
		quic_foreign_init(&f, &p, side);
		meet(side);
		ours = ngtcp2_conn_get_remote_transport_params(f.wire);
		assert_int_equal(ours->initial_max_data, 768 * 1024);
		assert_int_equal(ours->initial_max_stream_data_bidi_local, 256 * 1024);
		assert_int_equal(ours->initial_max_stream_data_bidi_remote, 256 * 1024);
		assert_int_equal(ours->initial_max_streams_bidi, 64);
		assert_int_equal(ours->initial_max_streams_uni, 0);
		assert_int_equal(ours->active_connection_id_limit, 4);
		assert_int_equal(ours->max_datagram_frame_size, 0);
		assert_int_equal(ours->max_idle_timeout, 30 * NGTCP2_SECONDS);
		assert_int_equal(ours->stateless_reset_token_present, side == QUIC_D);
		quic_foreign_deinit(&f);
		quic_pair_deinit(&p);
	}
}

static void other_protocols_and_none_are_refused(void **state)
{
	const char *names[] = {"h3", NULL};

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (int side = 0; side < 2; side++) {
			quic_pair_init(&p, 2);
			quic_foreign_init(&f, &p, side);
			f.alpn = names[i];
			meet(side);
			assert_refused_over_quic(side, P2P_ERR_UNSUPPORTED, "tls_alpn", 0x178);
			quic_foreign_deinit(&f);
			quic_pair_deinit(&p);
		}
	}
}

static void a_dialer_without_a_certificate_is_refused(void **state)
{
	(void)state;
	quic_pair_init(&p, 3);
	quic_foreign_init(&f, &p, QUIC_D);
	f.shows_nothing = true;
	meet(QUIC_D);
	assert_refused_over_quic(QUIC_D, P2P_ERR_PROTOCOL, "tls_cert_none", 0x100 + 116);
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

static void somebody_else_than_was_dialled_is_refused(void **state)
{
	(void)state;
	quic_pair_init(&p, 4);
	p.side[QUIC_D].expected = p.side[QUIC_D].id;
	quic_foreign_init(&f, &p, QUIC_L);
	meet(QUIC_L);
	assert_refused_over_quic(QUIC_L, P2P_ERR_MISMATCH, "peer_id_mismatch", 0x100 + 42);
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

/* A key of the kind that the certificate has: it is never looked at. */
static gnutls_privkey_t key_like(struct bytes der)
{
	gnutls_datum_t raw = {(unsigned char *)(uintptr_t)der.at, (unsigned)der.len};
	gnutls_x509_crt_t cert;
	gnutls_pubkey_t public;
	gnutls_privkey_t key;
	unsigned bits;
	int kind;

	assert_int_equal(gnutls_x509_crt_init(&cert), 0);
	assert_int_equal(gnutls_x509_crt_import(cert, &raw, GNUTLS_X509_FMT_DER), 0);
	assert_int_equal(gnutls_pubkey_init(&public), 0);
	assert_int_equal(gnutls_pubkey_import_x509(public, cert, 0), 0);
	kind = gnutls_pubkey_get_pk_algorithm(public, &bits);
	if (kind == GNUTLS_PK_ECDSA)
		bits = bits == 256 ? GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)
			: bits == 384 ? GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1)
				      : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1);
	assert_int_equal(gnutls_privkey_init(&key), 0);
	assert_int_equal(gnutls_privkey_generate(key, kind, bits, 0), 0);
	gnutls_pubkey_deinit(public);
	gnutls_x509_crt_deinit(cert);
	return key;
}

/* GnuTLS does not show a certificate whose kind of key nobody has asked for. */
static bool is_withheld(int side)
{
	const struct quic_pair_side *ours = &p.side[1 - side];

	return ours->is_closed ? strcmp(ours->end.why, "tls_cert_none") == 0 ||
			strcmp(ours->end.why, "tls_alert_received") == 0
			       : f.liberr == NGTCP2_ERR_CRYPTO;
}

/* The published certificates come out over QUIC as they do alone; one that would be accepted fails at
 * the proof that its key is held. */
static void published_certificates_are_judged_by_both_sides(void **state)
{
	const json_t *list = vectors_list("tls_certificates", "vectors"), *vector;
	struct buf der = BUF_INIT;
	unsigned withheld = 0;
	size_t i;

	(void)state;
	json_array_foreach(list, i, vector)
	{
		vectors_hex(vector, "der", &der);
		for (int side = 0; side < 2; side++) {
			struct tls_judge judge = {.now = QUIC_PAIR_WALL, .of_server = side == QUIC_L};
			struct tls_verdict verdict;
			gnutls_privkey_t key;
			int err;

			quic_pair_init(&p, 5);
			p.side[QUIC_D].expected = PEER_ID_NONE;
			err = tls_judge_cert(&judge, buf_bytes(&der), &verdict);
			quic_foreign_init(&f, &p, side);
			key = key_like(buf_bytes(&der));
			quic_foreign_show(&f, buf_bytes(&der), key);
			meet(side);
			if (is_withheld(side)) {
				withheld++;
			} else if (err) {
				assert_refused_over_quic(side, err, verdict.why, 0x100u + verdict.alert);
			} else {
				quic_pair_assert_closed(
					&p, 1 - side, P2P_ERR_SIGNATURE, "tls_signature");
			}
			gnutls_privkey_deinit(key);
			quic_foreign_deinit(&f);
			quic_pair_deinit(&p);
		}
	}
	assert_true(withheld <= 4);
	buf_deinit(&der);
}

static void forged_certificates_are_told_why(void **state)
{
	struct buf der = BUF_INIT;
	struct forge forged;

	(void)state;
	for (int side = 0; side < 2; side++) {
		quic_pair_init(&p, 6);
		p.side[QUIC_D].expected = PEER_ID_NONE;
		forge_init(&forged, 1);
		quic_foreign_init(&f, &p, side);
		quic_foreign_show(&f, forge_make(&forged, &der), forged.key);
		meet(side);
		assert_true(p.side[1 - side].is_proven);
		assert_true(peer_id_eq(&p.side[1 - side].proven, &forged.id));
		quic_foreign_deinit(&f);
		quic_pair_forget(&p);

		forged.not_after = BYTES_LIT("20260101000000Z");
		quic_foreign_init(&f, &p, side);
		quic_foreign_show(&f, forge_make(&forged, &der), forged.key);
		meet(side);
		assert_refused_over_quic(side, P2P_ERR_STALE, "tls_cert_expired", 0x100 + 45);
		quic_foreign_deinit(&f);
		quic_pair_deinit(&p);
		forge_deinit(&forged);
	}
	buf_deinit(&der);
}

/* Some servers send them unasked, when GnuTLS is long gone here. */
static void tickets_behind_the_handshake_are_stepped_over(void **state)
{
	(void)state;
	quic_pair_init(&p, 7);
	quic_foreign_init(&f, &p, QUIC_L);
	f.sends_tickets = true;
	meet(QUIC_L);
	assert_true(p.side[QUIC_D].is_proven);
	quic_pair_pass(&p, 3000);
	assert_false(p.side[QUIC_D].is_closed);
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("still here"));
	quic_pair_pass(&p, 3000);
	assert_false(p.side[QUIC_D].is_closed);
	assert_false(f.is_closed);
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_stranger_is_welcome),
		cmocka_unit_test(a_dialer_that_brings_a_token_of_somebody_else_is_welcome),
		cmocka_unit_test(a_listener_that_wants_another_group_is_reached_all_the_same),
		cmocka_unit_test(what_we_announce_is_what_the_rules_say),
		cmocka_unit_test(other_protocols_and_none_are_refused),
		cmocka_unit_test(a_dialer_without_a_certificate_is_refused),
		cmocka_unit_test(somebody_else_than_was_dialled_is_refused),
		cmocka_unit_test(published_certificates_are_judged_by_both_sides),
		cmocka_unit_test(forged_certificates_are_told_why),
		cmocka_unit_test(tickets_behind_the_handshake_are_stepped_over),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
