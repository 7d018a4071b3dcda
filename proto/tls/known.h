/* SPDX-License-Identifier: Apache-2.0 */
/* known.h: certificates whose signatures have been verified before.
 *
 * Whether the two signatures in a certificate are right (its own, and the identity's over its key)
 * depends on its bytes and on nothing else, and a program shows the same certificate as long as it
 * runs. A peer that comes back, after a cut or by another transport, need not be verified anew:
 * that is a third of what a handshake costs. All that may change is judged each time: the dates,
 * whom we wanted to find, and, in the handshake itself, that the peer holds the certificate's key.
 *
 * Remembered is the SHA-256 of the whole certificate, and only of one that was accepted. Where
 * there is no room the oldest of the same set goes; whoever makes certificates by the thousand to
 * push out others pays more for each than we do, and gains that those others are verified again. */
#ifndef P2POS_TLS_KNOWN_H
#define P2POS_TLS_KNOWN_H

#include <stdbool.h>

#include "proto/base/bytes.h"

#define TLS_KNOWN_SETS  256 /* by the first byte of the digest; 32 KiB in all */
#define TLS_KNOWN_WAYS  4   /* in each set; the next one takes the place of the oldest */
#define TLS_KNOWN_BYTES 32  /* of a digest: as it is, a shorter one could be met on purpose */

struct tls_known;

struct tls_known *tls_known_new(void);
void tls_known_free(struct tls_known *k); /* NULL is fine */

void tls_known_digest(struct bytes der, uint8_t ret[TLS_KNOWN_BYTES]);
bool tls_known_has(const struct tls_known *k, const uint8_t digest[TLS_KNOWN_BYTES]);
void tls_known_add(struct tls_known *k, const uint8_t digest[TLS_KNOWN_BYTES]);

/* Nothing is known any more. */
void tls_known_reset(struct tls_known *k);

#endif
