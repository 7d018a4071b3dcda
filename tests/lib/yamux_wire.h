/* SPDX-License-Identifier: Apache-2.0 */
/* yamux_wire.h: a yamux session and, as its peer, frames written by hand. */
#ifndef P2POS_TESTS_LIB_YAMUX_WIRE_H
#define P2POS_TESTS_LIB_YAMUX_WIRE_H

#include "proto/base/buf.h"
#include "proto/yamux/yamux.h"

struct yamux_wire {
	struct yamux y;
	struct rng_seeded rng;
	struct buf to;   /* frames for the session, until yw_feed() */
	struct buf from; /* what it last sent */
	mono_t now;      /* begins at t0 */
};

/* The session is the listening side, so that the peer's streams are odd. */
void yw_init(struct yamux_wire *w, struct yamux_limits limits);
void yw_init_client(struct yamux_wire *w, struct yamux_limits limits);
void yw_deinit(struct yamux_wire *w);

/* A header, or a header and a body, to be fed next. */
void yw_frame(struct yamux_wire *w, enum yamux_frame_type type, unsigned flags, uint32_t stream,
	uint32_t length);
void yw_data(struct yamux_wire *w, unsigned flags, uint32_t stream, struct bytes body);
/* `len` bytes of body that mean nothing. */
void yw_bulk(struct yamux_wire *w, uint32_t stream, uint32_t len);

/* Feeds all that is waiting. Take the events then. */
void yw_feed(struct yamux_wire *w);

/* Feeds, takes all events and consumes all data. Returns how many events of `kind` there were. */
unsigned yw_run(struct yamux_wire *w, enum yamux_event_kind kind);

/* The next event, which must be this one. */
struct yamux_event yw_expect(struct yamux_wire *w, enum yamux_event_kind kind, uint32_t stream);
/* There is no further event. */
void yw_expect_nothing(struct yamux_wire *w);
/* The session ends for this reason, and its last frame is GoAway with `code`. */
void yw_expect_end(struct yamux_wire *w, enum yamux_why why, uint32_t code);

/* Opens a stream of the peer, takes OPENED and drops the ACK. */
void yw_open(struct yamux_wire *w, uint32_t stream);

/* All that the session wants sent; borrowed until the next call. */
struct bytes yw_sent(struct yamux_wire *w);
/* It sends exactly this (hex; spaces allowed). */
void yw_expect_sent(struct yamux_wire *w, const char *hex);
/* How many frames of `type` with all of `flags` it sends. */
unsigned yw_count_sent(struct yamux_wire *w, enum yamux_frame_type type, unsigned flags);

#endif
