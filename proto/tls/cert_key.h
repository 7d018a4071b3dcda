/* SPDX-License-Identifier: Apache-2.0 */
/* cert_key.h: the keys of our own certificates, one of each kind.
 *
 * A certificate's key has no meaning; what counts is that the peer can verify with it, and what a
 * signature costs, for each handshake takes one. Ed25519 by libsodium takes a third of the time of
 * P-256 by GnuTLS, and the peer's verification is cheaper, too. P-256 is what everybody verifies:
 * it is there for TLS libraries that do not offer Ed25519. */
#ifndef P2POS_TLS_CERT_KEY_H
#define P2POS_TLS_CERT_KEY_H

#include "proto/keys/key.h"

enum tls_cert_kind { TLS_CERT_ED25519, TLS_CERT_P256, TLS_CERT_KINDS };

struct gnutls_privkey_st;
struct gnutls_pubkey_st;
struct gnutls_x509_privkey_int;

struct tls_cert_keys {
	struct key_pair *ed25519;             /* owned */
	struct gnutls_x509_privkey_int *p256; /* owned */
};

/* Fresh ones; `rng` draws the first, GnuTLS the second. P2P_ERR_CRYPTO when GnuTLS cannot; what is
 * there then is freed as usual. */
int tls_cert_keys_init(struct tls_cert_keys *k, struct rng *rng);
void tls_cert_keys_deinit(struct tls_cert_keys *k);

/* One of them as GnuTLS signs with it, and the public half. Both borrow from `k` and are freed with
 * GnuTLS by the caller. P2P_ERR_CRYPTO. */
int tls_cert_key_private(
	const struct tls_cert_keys *k, enum tls_cert_kind kind, struct gnutls_privkey_st **ret);
int tls_cert_key_public(
	const struct tls_cert_keys *k, enum tls_cert_kind kind, struct gnutls_pubkey_st **ret);

#endif
