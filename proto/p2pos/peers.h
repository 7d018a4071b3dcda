/* SPDX-License-Identifier: Apache-2.0 */
/* peers.h: signed peer records in exchange (p2pos.md section 3.7; rule R-36).
 *
 * JSON both ways: {"records":["base64 of an envelope",…]} and a newline. Each envelope proves
 * itself (keys/peer_record.h); who may be spoken of is the caller's to judge. */
#ifndef P2POS_P2POS_PEERS_H
#define P2POS_P2POS_PEERS_H

#include "proto/base/jsonscan.h"
#include "proto/keys/peer_record.h"

#define PEERS_BYTES_MAX          (512 * 1024)
#define PEERS_RECORDS_MAX        4096 /* the shortest that fit; more are refused unread */
#define PEERS_ENVELOPE_BYTES_MIN 96   /* key and signature alone are longer */
#define PEERS_LIMITS                                                                               \
	((struct json_limits){PEERS_BYTES_MAX, PEERS_RECORDS_MAX + 8,                              \
		(PEER_RECORD_BYTES_MAX + 2) / 3 * 4})

/* Writing into a buffer that holds nothing else: begin, add until it says it is full, end. */
int peers_begin(struct buf *out);
/* Appends one sealed envelope. P2P_ERR_FULL, with nothing added, when the message would pass its
 * limit; who knows more sends a choice. P2P_ERR_TOO_LARGE when the envelope alone is above
 * PEER_RECORD_BYTES_MAX, P2P_ERR_INVALID below PEERS_ENVELOPE_BYTES_MIN. */
int peers_add(struct buf *out, struct bytes envelope);
int peers_end(struct buf *out);

/* The envelopes of a message, decoded but not opened. */
struct peers {
	size_t count;
	size_t *ends;     /* owned; where each ends in `bytes` */
	struct buf bytes;
	size_t skipped;   /* entries that were no text in base64, or empty */
};

void peers_deinit(struct peers *p);

/* P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE, P2P_ERR_INVALID (no array). */
int peers_parse(struct bytes json, struct peers *ret);

/* Envelope `i` < count, borrowed. */
struct bytes peers_at(const struct peers *p, size_t i);

#endif
