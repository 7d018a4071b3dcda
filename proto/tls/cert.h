/* SPDX-License-Identifier: Apache-2.0 */
/* cert.h: the certificates of libp2p's TLS (spec tcp-stack.md section 5; rules ), for
 * TLS over TCP and for QUIC alike.
 *
 * A peer shows one self-signed certificate with a key of no meaning. What counts is one extension:
 * the peer's identity key and its signature over the certificate's key. There is no authority, no
 * host name and no revocation; a certificate is judged by what stands in it, the time, and whom
 * we wanted to find.
 *
 * Who checks what: shape, DER, version, dates, key kinds and sizes, algorithms, extensions and the
 * identity are checked here, on the peer's own bytes; libsodium verifies the identity's signature.
 * GnuTLS does one thing, the arithmetic of the self-signature. That the peer holds the
 * certificate's key is proven in the TLS handshake, by GnuTLS too. The judgement comes first: a
 * session gives the Certificate message to tls_judge_message() before GnuTLS parses it, so that no
 * lenient parser, and no RSA key of unreasonable size, is in a stranger's reach. */
#ifndef P2POS_TLS_CERT_H
#define P2POS_TLS_CERT_H

#include "proto/base/clock.h"
#include "proto/tls/cert_key.h"

#define TLS_CERT_BYTES_MAX    4096 /* of a peer's certificate; a larger one is refused unparsed */
#define TLS_CERT_RSA_BITS_MIN 2048 /* of an RSA certificate key; less is refused as too weak … */
#define TLS_CERT_RSA_BITS_MAX 8192 /* … and more as too costly to verify with */

/* Every way to be refused: name, result code, reason word, and the TLS alert that tells the peer
 * (over QUIC: the close code 0x100 + alert). */
#define TLS_REFUSALS(X)                                                                            \
	/* the Certificate message */                                                              \
	X(MESSAGE, PROTOCOL, "tls_cert_message", 50)     /* malformed */                           \
	X(NONE, PROTOCOL, "tls_cert_none", 116)          /* no certificate in it */                \
	X(COUNT, PROTOCOL, "tls_cert_count", 42)         /* more than one */                       \
	X(LARGE, TOO_LARGE, "tls_cert_too_large", 42)    /* above TLS_CERT_BYTES_MAX */            \
	/* the certificate */                                                                      \
	X(DER, INVALID, "tls_cert_der", 42)              /* not a certificate in strict DER */     \
	X(VERSION, UNSUPPORTED, "tls_cert_version", 43)  /* not version 3 */                       \
	X(UNIQUE_ID, INVALID, "tls_cert_unique_id", 42)  /* has a unique identifier */             \
	X(TIME, INVALID, "tls_cert_time", 42)            /* a date that is none */                 \
	X(EARLY, FUTURE, "tls_cert_not_yet_valid", 45)   /* begins later than now */               \
	X(EXPIRED, STALE, "tls_cert_expired", 45)        /* has ended */                           \
	X(KEY, UNSUPPORTED, "tls_cert_key", 43)          /* not a key that we take, or not a key */ \
	X(ALGORITHM, UNSUPPORTED, "tls_cert_algorithm", 43) /* of the signature, or not its key's */ \
	X(SELF, SIGNATURE, "tls_cert_self_signature", 42) /* does not verify */                    \
	/* its extensions */                                                                       \
	X(MISSING, INVALID, "tls_cert_extension_missing", 42) /* libp2p's is not there */          \
	X(TWICE, INVALID, "tls_cert_extension_twice", 42)     /* or more than once */              \
	X(CRITICAL, UNSUPPORTED, "tls_cert_extension_critical", 43) /* one that we do not know */  \
	X(SIGNED_KEY, INVALID, "tls_cert_signed_key", 42)     /* the content of libp2p's */        \
	X(HOST_KEY, INVALID, "tls_cert_host_key", 42)         /* the identity key is not canonical */ \
	X(HOST_SIGNATURE, SIGNATURE, "tls_cert_host_signature", 42) /* it does not verify */       \
	/* the peer; words as everywhere else */                                                   \
	X(KEY_RSA, UNSUPPORTED, "key_type_rsa", 43)           /* identity keys that are not Ed25519 */ \
	X(KEY_ECDSA, UNSUPPORTED, "key_type_ecdsa", 43)                                            \
	X(KEY_SECP256K1, UNSUPPORTED, "key_type_secp256k1", 43)                                    \
	X(PEER, MISMATCH, "peer_id_mismatch", 42)             /* somebody else than was dialled */

struct tls_known;

/* What a certificate is judged by. */
struct tls_judge {
	wall_t now;
	struct peer_id expected; /* none = anybody */
	bool of_server;          /* the certificate is a server's */
	struct tls_known *known; /* borrowed: whose signatures are right (known.h); NULL: verifies all */
};

/* Who the peer is, or why it is refused. Unlike other results it is written in both cases. */
struct tls_verdict {
	struct key_public key; /* valid when it is accepted */
	struct peer_id peer;
	const char *why; /* reason word of the refusal; NULL when accepted */
	uint8_t alert;   /* what to tell the peer; 0 when accepted */
};

/* Judges the body of a TLS 1.3 Certificate message (RFC 8446 section 4.4.2), which must hold
 * exactly one certificate. 0, or the code of the refusal. */
int tls_judge_message(const struct tls_judge *j, struct bytes message, struct tls_verdict *ret);

/* The same for one certificate. */
int tls_judge_cert(const struct tls_judge *j, struct bytes der, struct tls_verdict *ret);

struct gnutls_x509_crt_int;

/* Makes a certificate of ours with one of `keys`: valid from an hour before `now` for a hundred
 * years, with libp2p's extension alone. `rng` gives the serial number. The caller frees it with
 * GnuTLS. P2P_ERR_CRYPTO when GnuTLS cannot. */
int tls_cert_make(const struct key_pair *identity, const struct tls_cert_keys *keys,
	enum tls_cert_kind kind, struct rng *rng, wall_t now, struct gnutls_x509_crt_int **ret);

#endif
