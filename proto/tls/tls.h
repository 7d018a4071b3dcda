/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h: what libp2p's TLS 1.3 needs once per process, for TCP (session.h) and QUIC alike
 * (spec tcp-stack.md section 5; quic.md section 6).
 *
 * GnuTLS draws its own randomness, which is the one thing here that a test cannot repeat. It reads
 * no clock for us: certificates are judged by the wall time that comes in with each session.
 *
 * Neither tickets, resumption nor early data are ever offered or taken: each of them would skip
 * the certificates, and with them the proof of who the peer is. */
#ifndef P2POS_TLS_TLS_H
#define P2POS_TLS_TLS_H

#include "proto/base/clock.h"
#include "proto/tls/cert_key.h"

/* GnuTLS's types, so that its headers stay in their rooms. */
struct gnutls_certificate_credentials_st;
struct gnutls_priority_st;
struct tls_known;

/* Before anything else here, once per process, and its counterpart at the end (which a process
 * that just ends may leave out). P2P_ERR_CRYPTO when GnuTLS does not start. */
int tls_global_init(void);
void tls_global_deinit(void);

/* The order of ciphers. GnuTLS encrypts with AES fifteen times as fast as with ChaCha20 where the
 * CPU has instructions for it, and slower than with ChaCha20 where not (performance.md D4). A
 * server follows its client, so the order counts when we dial. */
enum tls_order { TLS_AES_FIRST, TLS_CHACHA20_FIRST };

/* What suits this CPU. */
enum tls_order tls_order_of_cpu(void);

/* GnuTLS's priority string: TLS 1.3 and nothing else, AEAD ciphers, X25519, P-256, P-384, and the
 * signatures that a certificate key may make. Without the compatibility mode, which QUIC forbids.
 */
const char *tls_priority(enum tls_order order);

/* Our certificates, their keys, and what is common to all sessions. They borrow it; it outlives
 * them and is not changed.
 *
 * A dialer shows one certificate, the first kind (cert_key.h) unless the listener says that it
 * cannot verify it. A listener has both at hand, of which GnuTLS takes the first that the dialer
 * can verify. */
struct tls_identity {
	struct gnutls_certificate_credentials_st *credentials; /* owned: the first certificate … */
	struct gnutls_certificate_credentials_st *credentials_p256;   /* … the second … */
	struct gnutls_certificate_credentials_st *credentials_either; /* … and both */
	struct gnutls_priority_st *priority;                          /* owned */
	struct tls_cert_keys keys; /* the credentials borrow them */
	struct buf cert;           /* the first certificate, as peers see it */
	struct tls_known *known; /* owned; peers' certificates that the sessions have verified (known.h) */
};

/* Makes certificates for `identity` (cert.h). `rng` gives their serial numbers and the key of the
 * first. P2P_ERR_CRYPTO when GnuTLS cannot; the identity is then as deinitialised. */
int tls_identity_init(struct tls_identity *id, const struct key_pair *identity, struct rng *rng,
	wall_t now, enum tls_order order);
void tls_identity_deinit(struct tls_identity *id);

#endif
