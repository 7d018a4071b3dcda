/* SPDX-License-Identifier: Apache-2.0 */
/* peer_record.h: the addresses a peer vouches for, signed by itself (libp2p RFC 0003;
 * spec multiformats.md section 8; rule R-36). */
#ifndef P2POS_KEYS_PEER_RECORD_H
#define P2POS_KEYS_PEER_RECORD_H

#include "proto/keys/envelope.h"
#include "proto/multi/maddr.h"

#define PEER_RECORD_ADDRS_MAX 16   /* further ones are dropped */
#define PEER_RECORD_BYTES_MAX 4096 /* of the sealed envelope; a larger one is refused */

struct peer_record {
	struct peer_id peer;
	uint64_t seq; /* a higher one replaces a lower */
	uint8_t addr_count;
	struct maddr addrs[PEER_RECORD_ADDRS_MAX]; /* without /p2p */
};

/* Signs `rec` (whose peer must be k's) and appends the envelope to `out`. P2P_ERR_TOO_LARGE. */
int peer_record_seal(struct buf *out, const struct key_pair *k, const struct peer_record *rec);

/* Parses and verifies an envelope: the signer is the peer it speaks of. Addresses that do not
 * parse are dropped alone; a trailing /p2p of the peer itself is cut off, of another drops the
 * address. Errors as envelope_open(), and P2P_ERR_MISMATCH when the signer is not the peer. */
int peer_record_open(struct bytes in, struct peer_record *ret);

#endif
