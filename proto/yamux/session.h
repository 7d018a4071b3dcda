/* SPDX-License-Identifier: Apache-2.0 */
/* session.h: what the files of this folder share about a session (inside this folder only). */
#ifndef P2POS_YAMUX_SESSION_H
#define P2POS_YAMUX_SESSION_H

#include "proto/yamux/stream.h"

/* What waits to be told by yamux_next(). One frame leaves at most OPENED and FIN, of one stream. */
enum yamux_note {
	YAMUX_NOTE_OPENED = 1,
	YAMUX_NOTE_RESET = 2,
	YAMUX_NOTE_FIN = 4, /* told when the body of its frame is through */
	YAMUX_NOTE_PONG = 8,
	YAMUX_NOTE_GOAWAY = 16,
	YAMUX_NOTE_CLOSED = 32,
};

/* Ends the session at once by a fault of the peer: all streams go, a GoAway with `code` is owed. */
void yamux_fail(struct yamux *y, enum yamux_why why, uint32_t code, const char *reason);

/* All is said: nothing more is sent or received. */
void yamux_end(struct yamux *y);

/* Queues RST for a stream that is gone. Too many of them unsent end the session. */
void yamux_reply_reset(struct yamux *y, uint32_t stream, uint32_t code);

/* Sends a ping of the session's own when the round trip is not known and none is under way. */
void yamux_measure(struct yamux *y);

/* Live or ending: frames are taken in. */
static inline bool yamux_is_running(const struct yamux *y)
{
	return y->state.state == YAMUX_LIVE || y->state.state == YAMUX_ENDING;
}

#endif
