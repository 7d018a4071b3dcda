/* SPDX-License-Identifier: Apache-2.0 */
/* gaps.h: what of a stream has arrived ahead of missing bytes (rule R-42; inside this folder only).
 *
 * ngtcp2 keeps such pieces, each with its cost, and does not say how many. A peer may make them tiny
 * and leave as many gaps as the window has bytes. Loss on an honest path leaves many gaps too, but
 * then the pieces are nearly as large as datagrams: so the limit grows with the bytes between. */
#ifndef P2POS_QUIC_GAPS_H
#define P2POS_QUIC_GAPS_H

#include "proto/base/bytes.h"

#define QUIC_GAPS_MAX       64  /* in a stream; one more ends the connection … */
#define QUIC_BYTES_PER_GAP  512 /* … beyond one for so many bytes that wait behind gaps */

struct quic_piece {
	uint64_t begin, end;
};

struct quic_gaps {
	struct quic_piece *at; /* owned; in order, apart from each other; NULL when there is none */
	uint32_t count, cap;
	uint64_t bytes; /* of all pieces */
};

/* A piece arrived. False when there are too many gaps now. Its end must fit the stream's window. */
bool quic_gaps_add(struct quic_gaps *g, uint64_t begin, uint64_t end);

/* All in front of `end` has arrived in order. */
void quic_gaps_reached(struct quic_gaps *g, uint64_t end);

void quic_gaps_deinit(struct quic_gaps *g);

#endif
