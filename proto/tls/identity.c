/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include "proto/base/err.h"
#include "proto/tls/cert.h"
#include "proto/tls/curves.h"
#include "proto/tls/known.h"

#define BEFORE_CIPHERS "NONE:+VERS-TLS1.3:+AEAD:"
#define AES            "+AES-128-GCM:+AES-256-GCM"
#define CHACHA20       "+CHACHA20-POLY1305"
#define BEHIND_CIPHERS                                                                             \
	":+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"                                         \
	":+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-EDDSA-ED25519"           \
	":+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512"           \
	":+CTYPE-X509:%DISABLE_TLS13_COMPAT_MODE"

int tls_global_init(void)
{
	return gnutls_global_init() < 0 ? P2P_ERR_CRYPTO : 0;
}

void tls_global_deinit(void)
{
	gnutls_global_deinit();
}

enum tls_order tls_order_of_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	/* GCM needs carry-less multiplication as much as AES needs its rounds. */
	if (__builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul"))
		return TLS_AES_FIRST;
#elif defined(__aarch64__)
	const unsigned long aes = 1ul << 3, pmull = 1ul << 4; /* HWCAP_AES, HWCAP_PMULL */

	if ((getauxval(AT_HWCAP) & (aes | pmull)) == (aes | pmull))
		return TLS_AES_FIRST;
#endif
	return TLS_CHACHA20_FIRST;
}

const char *tls_priority(enum tls_order order)
{
	return order == TLS_AES_FIRST ? BEFORE_CIPHERS AES ":" CHACHA20 BEHIND_CIPHERS
				      : BEFORE_CIPHERS CHACHA20 ":" AES BEHIND_CIPHERS;
}

/* Adds a certificate and its key to what may be shown; GnuTLS takes both. */
static int show(gnutls_certificate_credentials_t to, gnutls_x509_crt_t cert,
	const struct tls_cert_keys *keys, enum tls_cert_kind kind)
{
	gnutls_privkey_t key;
	gnutls_pcert_st shown;
	int err = tls_cert_key_private(keys, kind, &key);

	if (err)
		return err;
	if (gnutls_pcert_import_x509(&shown, cert, 0) < 0) {
		gnutls_privkey_deinit(key);
		return P2P_ERR_CRYPTO;
	}
	if (gnutls_certificate_set_key(to, NULL, 0, &shown, 1, key) < 0) {
		gnutls_pcert_deinit(&shown);
		gnutls_privkey_deinit(key);
		return P2P_ERR_CRYPTO;
	}
	return 0;
}

static int keep_bytes(struct tls_identity *id, gnutls_x509_crt_t cert)
{
	gnutls_datum_t der = {NULL, 0};
	int err = P2P_ERR_CRYPTO;

	if (gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der) >= 0)
		err = buf_put(&id->cert, bytes_of(der.data, der.size));
	gnutls_free(der.data);
	return err;
}

/* Makes a certificate, to be shown alone and as one of both. */
static int add_cert(struct tls_identity *id, enum tls_cert_kind kind,
	const struct key_pair *identity, struct rng *rng, wall_t now)
{
	bool is_first = kind == TLS_CERT_ED25519;
	gnutls_x509_crt_t cert;
	int err = tls_cert_make(identity, &id->keys, kind, rng, now, &cert);

	if (err)
		return err;
	err = show(is_first ? id->credentials : id->credentials_p256, cert, &id->keys, kind);
	if (!err)
		err = show(id->credentials_either, cert, &id->keys, kind);
	if (!err && is_first)
		err = keep_bytes(id, cert);
	gnutls_x509_crt_deinit(cert);
	return err;
}

static int allocate(struct tls_identity *id, enum tls_order order)
{
	if (gnutls_priority_init(&id->priority, tls_priority(order), NULL) < 0 ||
		gnutls_certificate_allocate_credentials(&id->credentials) < 0 ||
		gnutls_certificate_allocate_credentials(&id->credentials_p256) < 0 ||
		gnutls_certificate_allocate_credentials(&id->credentials_either) < 0)
		return P2P_ERR_CRYPTO;
	return 0;
}

int tls_identity_init(struct tls_identity *id, const struct key_pair *identity, struct rng *rng,
	wall_t now, enum tls_order order)
{
	int err;

	*id = (struct tls_identity){.cert.max = TLS_CERT_BYTES_MAX, .known = tls_known_new()};
	err = tls_curves_init();
	if (!err)
		err = allocate(id, order);
	if (!err)
		err = tls_cert_keys_init(&id->keys, rng);
	if (!err)
		err = add_cert(id, TLS_CERT_ED25519, identity, rng, now);
	if (!err)
		err = add_cert(id, TLS_CERT_P256, identity, rng, now);
	if (err)
		tls_identity_deinit(id);
	return err;
}

static void free_credentials(gnutls_certificate_credentials_t c)
{
	if (c)
		gnutls_certificate_free_credentials(c);
}

void tls_identity_deinit(struct tls_identity *id)
{
	free_credentials(id->credentials);
	free_credentials(id->credentials_p256);
	free_credentials(id->credentials_either);
	tls_cert_keys_deinit(&id->keys);
	if (id->priority)
		gnutls_priority_deinit(id->priority);
	tls_known_free(id->known);
	buf_deinit(&id->cert);
	*id = (struct tls_identity){0};
}
