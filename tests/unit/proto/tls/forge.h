/* SPDX-License-Identifier: Apache-2.0 */
/* forge.h: makes certificates that an honest writer would not, for the tests beside it. Everything
 * is right in forge_init(); a test spoils one thing and calls forge_make(). */
#ifndef P2POS_TESTS_UNIT_TLS_FORGE_H
#define P2POS_TESTS_UNIT_TLS_FORGE_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "proto/tls/cert.h"
#include "proto/tls/der.h"
#include "proto/tls/tls.h"
#include "tests/lib/p2ptest.h"

#define FORGE_NOW ((wall_t){1800000000, 0}) /* 2027-01-15T08:00:00Z */

static const struct bytes forge_oid __attribute__((unused)) =
	BYTES_LIT("\x2b\x06\x01\x04\x01\x83\xa2\x5a\x01\x01");
static const struct bytes forge_other_oid __attribute__((unused)) = BYTES_LIT("\x55\x1d\x0f");

struct forge {
	struct key_pair identity;
	struct peer_id id;
	gnutls_privkey_t key;
	gnutls_sign_algorithm_t sign;
	struct bytes algorithm, algorithm_inside; /* whole */
	int version;                              /* as encoded; -1: none */
	struct bytes not_before, not_after;       /* texts, 13 or 15 long */
	struct buf serial;
	bool has_unique_id;
	bool is_signature_wrong;
	struct bytes behind; /* put after everything */
	struct buf spki;
	struct buf signed_key; /* content of libp2p's extension */
	struct buf extensions; /* whole, one after the other */
};

static inline void forge_put(struct buf *out, uint8_t tag, struct bytes body)
{
	assert_ok(buf_put_u8(out, tag));
	if (body.len >= 256) {
		assert_ok(buf_put_u8(out, 0x82));
		assert_ok(buf_put_u16be(out, (uint16_t)body.len));
	} else if (body.len >= 128) {
		assert_ok(buf_put_u8(out, 0x81));
		assert_ok(buf_put_u8(out, (uint8_t)body.len));
	} else {
		assert_ok(buf_put_u8(out, (uint8_t)body.len));
	}
	assert_ok(buf_put(out, body));
}

/* Appends an extension. */
static inline void forge_extend(
	struct forge *f, struct bytes oid, bool critical, struct bytes value)
{
	struct buf b = BUF_INIT;

	forge_put(&b, DER_OID, oid);
	if (critical)
		forge_put(&b, DER_BOOLEAN, BYTES_LIT("\xff"));
	forge_put(&b, DER_OCTET_STRING, value);
	forge_put(&f->extensions, DER_SEQUENCE, buf_bytes(&b));
	buf_deinit(&b);
}

/* A SignedKey of these two. */
static inline void forge_sign_key(struct forge *f, struct bytes key_pb, struct bytes signature)
{
	struct buf b = BUF_INIT;

	forge_put(&b, DER_OCTET_STRING, key_pb);
	forge_put(&b, DER_OCTET_STRING, signature);
	buf_reset(&f->signed_key);
	forge_put(&f->signed_key, DER_SEQUENCE, buf_bytes(&b));
	buf_deinit(&b);
}

static inline void forge_identify(struct forge *f)
{
	uint8_t pb[KEY_PUBLIC_PB_BYTES], signature[KEY_SIGNATURE_BYTES];
	struct key_public public;
	struct buf text = BUF_INIT;

	assert_ok(buf_put_str(&text, "libp2p-tls-handshake:"));
	assert_ok(buf_put(&text, buf_bytes(&f->spki)));
	key_sign(&f->identity, buf_bytes(&text), signature);
	key_public_of(&f->identity, &public);
	key_public_pb(&public, pb);
	forge_sign_key(f, bytes_of(pb, sizeof(pb)), bytes_of(signature, sizeof(signature)));
	buf_reset(&f->extensions);
	forge_extend(f, forge_oid, false, buf_bytes(&f->signed_key));
	buf_deinit(&text);
}

/* Gives it a certificate key of this kind and signs everything anew. */
static inline void forge_rekey(struct forge *f, gnutls_pk_algorithm_t pk, unsigned bits,
	gnutls_sign_algorithm_t sign, struct bytes algorithm)
{
	gnutls_datum_t spki;
	gnutls_pubkey_t public;

	if (f->key)
		gnutls_privkey_deinit(f->key);
	assert_int_equal(gnutls_privkey_init(&f->key), 0);
	assert_int_equal(gnutls_privkey_generate(f->key, pk, bits, 0), 0);
	assert_int_equal(gnutls_pubkey_init(&public), 0);
	assert_int_equal(gnutls_pubkey_import_privkey(public, f->key, 0, 0), 0);
	assert_int_equal(gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &spki), 0);
	buf_reset(&f->spki);
	assert_ok(buf_put(&f->spki, bytes_of(spki.data, spki.size)));
	gnutls_free(spki.data);
	gnutls_pubkey_deinit(public);
	f->sign = sign;
	f->algorithm = f->algorithm_inside = algorithm;
	forge_identify(f);
}

static inline void forge_init(struct forge *f, uint64_t seed)
{
	struct rng_seeded rng;

	*f = (struct forge){0};
	rng_seed(&rng, seed);
	key_generate(&rng.rng, &f->identity);
	key_pair_peer_id(&f->identity, &f->id);
	f->version = 2;
	f->not_before = BYTES_LIT("750101000000Z");
	f->not_after = BYTES_LIT("40960101000000Z");
	assert_ok(buf_put(&f->serial, BYTES_LIT("\x11\x22\x33")));
	forge_rekey(f, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
		GNUTLS_SIGN_ECDSA_SHA256,
		BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"));
}

static inline void forge_deinit(struct forge *f)
{
	gnutls_privkey_deinit(f->key);
	buf_deinit(&f->serial);
	buf_deinit(&f->spki);
	buf_deinit(&f->signed_key);
	buf_deinit(&f->extensions);
}

static inline void forge_time(struct buf *out, struct bytes text)
{
	forge_put(out, text.len == 13 ? DER_UTC_TIME : DER_GENERALIZED_TIME, text);
}

static inline void forge_content(struct forge *f, struct buf *out)
{
	struct buf b = BUF_INIT, part = BUF_INIT, list = BUF_INIT;
	uint8_t version = (uint8_t)f->version;

	if (f->version >= 0) {
		forge_put(&part, DER_INTEGER, bytes_of(&version, 1));
		forge_put(&b, DER_FIELD_0, buf_bytes(&part));
	}
	forge_put(&b, DER_INTEGER, buf_bytes(&f->serial));
	assert_ok(buf_put(&b, f->algorithm_inside));
	forge_put(&b, DER_SEQUENCE, BYTES_NONE);
	buf_reset(&part);
	forge_time(&part, f->not_before);
	forge_time(&part, f->not_after);
	forge_put(&b, DER_SEQUENCE, buf_bytes(&part));
	forge_put(&b, DER_SEQUENCE, BYTES_NONE);
	assert_ok(buf_put(&b, buf_bytes(&f->spki)));
	if (f->has_unique_id)
		forge_put(&b, DER_STRING_1, BYTES_LIT("\x00\x01"));
	if (f->extensions.len) {
		forge_put(&list, DER_SEQUENCE, buf_bytes(&f->extensions));
		forge_put(&b, DER_FIELD_3, buf_bytes(&list));
	}
	forge_put(out, DER_SEQUENCE, buf_bytes(&b));
	buf_deinit(&b);
	buf_deinit(&part);
	buf_deinit(&list);
}

/* The certificate, into `out`, which is emptied first. */
static inline struct bytes forge_make(struct forge *f, struct buf *out)
{
	struct buf b = BUF_INIT, bits = BUF_INIT;
	gnutls_datum_t content, signature;

	forge_content(f, &b);
	content = (gnutls_datum_t){b.data, (unsigned)b.len};
	assert_int_equal(gnutls_privkey_sign_data2(f->key, f->sign, 0, &content, &signature), 0);
	assert_ok(buf_put(&b, f->algorithm));
	assert_ok(buf_put_u8(&bits, 0));
	assert_ok(buf_put(&bits, bytes_of(signature.data, signature.size)));
	gnutls_free(signature.data);
	if (f->is_signature_wrong)
		bits.data[bits.len - 1] ^= 1;
	forge_put(&b, DER_BIT_STRING, buf_bytes(&bits));
	buf_reset(out);
	forge_put(out, DER_SEQUENCE, buf_bytes(&b));
	assert_ok(buf_put(out, f->behind));
	buf_deinit(&b);
	buf_deinit(&bits);
	return buf_bytes(out);
}

/* ---- Judging them ---- */

static const struct {
	const char *why;
	int err;
	uint8_t alert;
} forge_refusals[] __attribute__((unused)) = {
#define X(id, code, word, number) {word, P2P_ERR_##code, number},
	TLS_REFUSALS(X)
#undef X
};

static inline struct tls_verdict judge_at(struct bytes der, wall_t now, int *ret_err)
{
	struct tls_judge j = {.now = now};
	struct tls_verdict v;

	*ret_err = tls_judge_cert(&j, der, &v);
	return v;
}

/* The verdict has this reason, and its code and alert are those of the list. */
static inline void check_refusal(int err, const struct tls_verdict *v, const char *why)
{
	static const struct peer_id none;

	assert_that(v->why != NULL, why);
	assert_string_equal(v->why, why);
	assert_memory_equal(&v->peer, &none, sizeof(none));
	for (size_t i = 0; i < sizeof(forge_refusals) / sizeof(forge_refusals[0]); i++) {
		if (strcmp(forge_refusals[i].why, why) == 0) {
			assert_int_equal(err, forge_refusals[i].err);
			assert_int_equal(v->alert, forge_refusals[i].alert);
			return;
		}
	}
	fail_msg("%s is not in the list", why);
}

static inline void assert_refused_at(struct bytes der, wall_t now, const char *why)
{
	int err;
	struct tls_verdict v = judge_at(der, now, &err);

	check_refusal(err, &v, why);
}

static inline void assert_refused(struct forge *f, const char *why)
{
	struct buf der = BUF_INIT;

	assert_refused_at(forge_make(f, &der), FORGE_NOW, why);
	buf_deinit(&der);
}

static inline void assert_accepted(struct bytes der, wall_t now, const struct peer_id *who)
{
	int err;
	struct tls_verdict v = judge_at(der, now, &err);

	if (v.why)
		fail_msg("refused: %s", v.why);
	assert_ok(err);
	assert_int_equal(v.alert, 0);
	assert_true(peer_id_eq(&v.peer, who));
}

static inline int start(void **state)
{
	(void)state;
	return tls_global_init();
}

static inline int stop(void **state)
{
	(void)state;
	tls_global_deinit();
	return 0;
}

#endif
