/* SPDX-License-Identifier: Apache-2.0 */
/* cert_inside.h: what the files behind cert.h share. */
#ifndef P2POS_TLS_CERT_INSIDE_H
#define P2POS_TLS_CERT_INSIDE_H

#include "proto/tls/cert.h"

enum tls_refusal {
	TLS_ACCEPTED,
#define X(id, err, why, alert) TLS_REFUSED_##id,
	TLS_REFUSALS(X)
#undef X
};

/* Object identifier 1.3.6.1.4.1.53594.1.1, as it stands in a certificate. */
#define TLS_OID_BYTES BYTES_LIT("\x2b\x06\x01\x04\x01\x83\xa2\x5a\x01\x01")

/* What an identity key signs: these words and the certificate's key. */
#define TLS_SIGNED_PREFIX BYTES_LIT("libp2p-tls-handshake:")

/* Verifies the signature that a certificate's own key (`spki`, the whole SubjectPublicKeyInfo)
 * gave to its `content`; `algorithm` is the whole AlgorithmIdentifier (self_signature.c).
 * TLS_REFUSED_KEY, TLS_REFUSED_ALGORITHM, TLS_REFUSED_SELF. */
enum tls_refusal tls_self_signature(
	struct bytes spki, struct bytes algorithm, struct bytes content, struct bytes signature);

#endif
