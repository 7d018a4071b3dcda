/* SPDX-License-Identifier: Apache-2.0 */
/* envelope.h: signed envelopes (libp2p RFC 0002; spec multiformats.md section 8).
 *
 * An envelope is a payload with a type, the public key of its author and a signature over domain,
 * type and payload. Opening one proves who wrote it, not that the writer may say it. */
#ifndef P2POS_KEYS_ENVELOPE_H
#define P2POS_KEYS_ENVELOPE_H

#include "proto/keys/key.h"

#define ENVELOPE_BYTES_MAX 8192

struct envelope {
	struct key_public signer;
	struct bytes payload; /* borrowed from the input of envelope_open() */
};

/* Seals `payload` and appends the envelope to `out`. P2P_ERR_TOO_LARGE. */
int envelope_seal(struct buf *out, const struct key_pair *k, struct bytes domain,
	struct bytes payload_type, struct bytes payload);

/* Parses and verifies. P2P_ERR_INVALID, P2P_ERR_MISMATCH (another payload type),
 * P2P_ERR_UNSUPPORTED (key type), P2P_ERR_SIGNATURE, P2P_ERR_TOO_LARGE. */
int envelope_open(struct bytes in, struct bytes domain, struct bytes payload_type,
	struct envelope *ret);

#endif
