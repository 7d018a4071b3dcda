/* SPDX-License-Identifier: Apache-2.0 */
/* ping.h: thirty-two bytes there and back on a stream (identify-ping.md section 5).
 *
 * The opener writes a block of random bytes, the other side writes the same bytes back; again and
 * again on the same stream, until the opener finishes. A peer is dead after two failures in a row,
 * not after one: some end every ping stream after 30 s. */
#ifndef P2POS_LIBP2P_PING_H
#define P2POS_LIBP2P_PING_H

#include "proto/base/bytes.h"
#include "proto/base/clock.h"
#include "proto/base/rng.h"

#define PING_PROTOCOL "/ipfs/ping/1.0.0"

#define PING_BYTES             32
#define PING_TIMEOUT_MS        10000 /* from a block's start to its end; then the stream is reset */
#define PING_IDLE_MS           60000 /* a responder waits so long for the next block */
#define PING_ECHO_BLOCKS_MAX   8     /* owed at once; a peer that sends on unread is reset */
#define PING_ECHO_STREAMS_MAX  2     /* inbound ping streams of one peer; the next is refused */

/* The side that asks. One block at a time. */
struct ping {
	struct rng *rng; /* whoever made this owns it; outlives it */
	uint8_t block[PING_BYTES];
	uint8_t have; /* bytes of the echo that are here and right */
	bool waiting;
	mono_t sent;
};

void ping_init(struct ping *p, struct rng *rng);

/* Begins a round trip: write these bytes to the stream at once (borrowed until the next call).
 * Not while one is under way. */
struct bytes ping_start(struct ping *p, mono_t now);

/* What arrived on the stream. 0 with the time it took; P2P_ERR_AGAIN while the echo is incomplete;
 * P2P_ERR_MISMATCH when it is not the echo of what was asked, or nothing was: reset the stream. */
int ping_recv(struct ping *p, struct bytes in, mono_t now, int64_t *ret_rtt_ns);

/* When the answer is overdue; NEVER while nothing is asked. */
mono_t ping_deadline(const struct ping *p);

/* The side that answers. It echoes complete blocks only and remembers little. */
struct ping_echo {
	uint8_t bytes[PING_ECHO_BLOCKS_MAX * PING_BYTES]; /* complete blocks, then part of one */
	uint16_t have;
	uint16_t sent; /* of the first block; < PING_BYTES */
	mono_t deadline;
};

void ping_echo_init(struct ping_echo *e, mono_t now);

/* What arrived. P2P_ERR_TOO_LARGE when more than PING_ECHO_BLOCKS_MAX blocks are owed: reset. */
int ping_echo_recv(struct ping_echo *e, struct bytes in, mono_t now);

/* The bytes to write back now (borrowed until the next call); say how many the stream took. */
struct bytes ping_echo_owed(const struct ping_echo *e);
void ping_echo_sent(struct ping_echo *e, size_t n);

/* When the stream has been silent, or a block incomplete, for too long: reset it then. */
mono_t ping_echo_deadline(const struct ping_echo *e);

#endif
