/* SPDX-License-Identifier: Apache-2.0 */
/* request.h: what a listener says of the certificates that it can verify.
 *
 * GnuTLS knows that, too, but chooses a dialer's certificate only by the names of authorities, of
 * which there are none here; so we look before it does, and give it one certificate. */
#ifndef P2POS_TLS_REQUEST_H
#define P2POS_TLS_REQUEST_H

#include <stdbool.h>

#include "proto/base/bytes.h"

/* Whether the body of a TLS 1.3 CertificateRequest (RFC 8446 section 4.3.2) has Ed25519 among the
 * signatures that it names. False for a malformed one, which GnuTLS refuses. */
bool tls_request_takes_ed25519(struct bytes message);

#endif
