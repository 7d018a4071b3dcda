/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/cert_key.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

#define ED25519_BITS 255

int tls_cert_keys_init(struct tls_cert_keys *k, struct rng *rng)
{
	*k = (struct tls_cert_keys){.ed25519 = xmalloc(sizeof(*k->ed25519))};
	key_generate(rng, k->ed25519);
	if (gnutls_x509_privkey_init(&k->p256) < 0 ||
		gnutls_x509_privkey_generate(k->p256, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) < 0)
		return P2P_ERR_CRYPTO;
	return 0;
}

void tls_cert_keys_deinit(struct tls_cert_keys *k)
{
	if (k->ed25519)
		key_pair_deinit(k->ed25519);
	free(k->ed25519);
	if (k->p256)
		gnutls_x509_privkey_deinit(k->p256);
	*k = (struct tls_cert_keys){0};
}

/* ---- libsodium's signatures for GnuTLS ---- */

static int sign(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *arg, unsigned flags,
	const gnutls_datum_t *data, gnutls_datum_t *ret)
{
	const struct key_pair *pair = arg;

	(void)key;
	(void)flags;
	if (algorithm != GNUTLS_SIGN_EDDSA_ED25519)
		return GNUTLS_E_INVALID_REQUEST;
	ret->data = gnutls_malloc(KEY_SIGNATURE_BYTES); /* freed by GnuTLS */
	if (!ret->data)
		return GNUTLS_E_MEMORY_ERROR;
	ret->size = KEY_SIGNATURE_BYTES;
	key_sign(pair, bytes_of(data->data, data->size), ret->data);
	return 0;
}

static int describe(gnutls_privkey_t key, unsigned asked, void *arg)
{
	(void)key;
	(void)arg;
	if (asked & GNUTLS_PRIVKEY_INFO_PK_ALGO)
		return GNUTLS_PK_EDDSA_ED25519;
	if (asked & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
		return ED25519_BITS;
	if (asked & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
		return GNUTLS_FLAGS_TO_SIGN_ALGO(asked) == GNUTLS_SIGN_EDDSA_ED25519;
	return -1; /* a question of later versions */
}

/* ---- As GnuTLS sees them ---- */

int tls_cert_key_private(
	const struct tls_cert_keys *k, enum tls_cert_kind kind, gnutls_privkey_t *ret)
{
	gnutls_privkey_t key;
	int code;

	if (gnutls_privkey_init(&key) < 0)
		return P2P_ERR_CRYPTO;
	if (kind == TLS_CERT_ED25519)
		code = gnutls_privkey_import_ext4(
			key, k->ed25519, sign, NULL, NULL, NULL, describe, 0);
	else
		code = gnutls_privkey_import_x509(key, k->p256, 0);
	if (code < 0) {
		gnutls_privkey_deinit(key);
		return P2P_ERR_CRYPTO;
	}
	*ret = key;
	return 0;
}

static int import_ed25519(gnutls_pubkey_t to, const struct key_pair *pair)
{
	struct key_public public;
	gnutls_datum_t at = {public.at, sizeof(public.at)};

	key_public_of(pair, &public);
	return gnutls_pubkey_import_ecc_raw(to, GNUTLS_ECC_CURVE_ED25519, &at, NULL);
}

static int import_p256(gnutls_pubkey_t to, gnutls_x509_privkey_t from)
{
	gnutls_datum_t x = {NULL, 0}, y = {NULL, 0};
	gnutls_ecc_curve_t curve;
	int code = gnutls_x509_privkey_export_ecc_raw(from, &curve, &x, &y, NULL);

	if (code >= 0)
		code = gnutls_pubkey_import_ecc_raw(to, curve, &x, &y);
	gnutls_free(x.data);
	gnutls_free(y.data);
	return code;
}

int tls_cert_key_public(
	const struct tls_cert_keys *k, enum tls_cert_kind kind, gnutls_pubkey_t *ret)
{
	gnutls_pubkey_t key;
	int code;

	if (gnutls_pubkey_init(&key) < 0)
		return P2P_ERR_CRYPTO;
	code = kind == TLS_CERT_ED25519 ? import_ed25519(key, k->ed25519)
					: import_p256(key, k->p256);
	if (code < 0) {
		gnutls_pubkey_deinit(key);
		return P2P_ERR_CRYPTO;
	}
	*ret = key;
	return 0;
}
