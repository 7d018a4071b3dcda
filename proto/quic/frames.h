/* SPDX-License-Identifier: Apache-2.0 */
/* frames.h: takes the plaintext of a packet apart into frames (RFC 9000 section 19).
 *
 * ngtcp2 does that too and acts upon them; here they are only counted. The walk is bounded by
 * the packet: each step takes at least one byte, nothing is allocated and nothing is believed. */
#ifndef P2POS_QUIC_FRAMES_H
#define P2POS_QUIC_FRAMES_H

#include "proto/base/bytes.h"

enum quic_frame_type {
	QUIC_FRAME_PADDING = 0x00, /* a run of them counts as one */
	QUIC_FRAME_PING = 0x01,
	QUIC_FRAME_ACK = 0x02,
	QUIC_FRAME_ACK_ECN = 0x03,
	QUIC_FRAME_RESET_STREAM = 0x04,
	QUIC_FRAME_STOP_SENDING = 0x05,
	QUIC_FRAME_CRYPTO = 0x06,
	QUIC_FRAME_NEW_TOKEN = 0x07,
	QUIC_FRAME_STREAM = 0x08, /* to 0x0f; `type` is always this one */
	QUIC_FRAME_MAX_DATA = 0x10,
	QUIC_FRAME_MAX_STREAM_DATA = 0x11,
	QUIC_FRAME_MAX_STREAMS_BIDI = 0x12,
	QUIC_FRAME_MAX_STREAMS_UNI = 0x13,
	QUIC_FRAME_DATA_BLOCKED = 0x14,
	QUIC_FRAME_STREAM_DATA_BLOCKED = 0x15,
	QUIC_FRAME_STREAMS_BLOCKED_BIDI = 0x16,
	QUIC_FRAME_STREAMS_BLOCKED_UNI = 0x17,
	QUIC_FRAME_NEW_CONNECTION_ID = 0x18,
	QUIC_FRAME_RETIRE_CONNECTION_ID = 0x19,
	QUIC_FRAME_PATH_CHALLENGE = 0x1a,
	QUIC_FRAME_PATH_RESPONSE = 0x1b,
	QUIC_FRAME_CONNECTION_CLOSE = 0x1c,
	QUIC_FRAME_CONNECTION_CLOSE_APP = 0x1d,
	QUIC_FRAME_HANDSHAKE_DONE = 0x1e,
};

struct quic_frame {
	uint8_t type;       /* enum quic_frame_type */
	uint64_t stream;    /* STREAM, STOP_SENDING */
	uint64_t offset;    /* STREAM, CRYPTO */
	struct bytes data;  /* STREAM, CRYPTO: borrowed from the packet */
	bool fin;           /* STREAM */
	uint64_t largest;   /* ACK: the newest packet number acknowledged … */
	uint64_t first;     /* … with all from it back to this one … */
	struct bytes gaps;  /* … and for quic_frame_range(); borrowed */
	uint64_t gap_count;
};

/* The next frame, taken off the front of `in`; false at the end and when what is there is none
 * (ngtcp2 then closes the connection). */
bool quic_frame_next(struct bytes *in, struct quic_frame *ret);

/* The next lower range of an ACK: begins from the frame as it was read and changes `first`,
 * `largest` and `gaps` to that range. False when there is none. */
bool quic_frame_range(struct quic_frame *ack);

#endif
