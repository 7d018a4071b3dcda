/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h: one stream as the session keeps it, and the table of all (inside this folder only). */
#ifndef P2POS_YAMUX_STREAM_H
#define P2POS_YAMUX_STREAM_H

#include "proto/yamux/fifo.h"
#include "proto/yamux/yamux.h"

enum yamux_owes {
	YAMUX_OWES_SYN = 1, /* ours, and the peer has not heard of it */
	YAMUX_OWES_ACK = 2, /* the peer's, and it has not heard that we took it */
	YAMUX_OWES_CREDIT = 4,
};

/* In each direction, of all bytes that the window allows:
 *   receiving: window = recv_credit (the peer may still send it) + held (on its way to be
 *              consumed, arrived or not) + what is consumed and not yet given back
 *   sending:   what the peer allows = send_credit + bytes in `tx` */
struct yamux_stream {
	uint32_t id;
	uint32_t open_number; /* of churn_open(), when the peer opened it */
	uint32_t window, recv_credit, held;
	uint32_t send_credit;
	uint8_t owes; /* enum yamux_owes; in y->control while not 0 */
	bool acked;   /* ours, and the peer took it */
	bool fin_wanted, fin_sent, fin_received;
	mono_t credit_at; /* when credit was last given, to see how fast it is used */
	struct list control, sending, blocked;
	struct yamux_fifo rx, tx; /* unread; unsent */
};

_Static_assert(sizeof(struct yamux_stream) <= 256, "a stream is small (performance.md D7)");

/* NULL when there is none. */
struct yamux_stream *yamux_stream_find(const struct yamux *y, uint32_t id);

/* A fresh one in the table. The caller has checked the limits and that the id is free. */
struct yamux_stream *yamux_stream_add(struct yamux *y, uint32_t id);

/* Takes it out of everything and frees it. */
void yamux_stream_drop(struct yamux *y, struct yamux_stream *s);
void yamux_stream_drop_all(struct yamux *y);

/* Drops it when both directions have ended and nothing is left to read. */
void yamux_stream_settle(struct yamux *y, struct yamux_stream *s);

/* It has to say something of enum yamux_owes. */
void yamux_stream_owe(struct yamux *y, struct yamux_stream *s, enum yamux_owes what);

/* Keeps unread bytes; false when that would be too much for the session (nothing is kept). */
bool yamux_stream_keep(struct yamux *y, struct yamux_stream *s, struct bytes what);

/* How many bytes it may queue now. */
size_t yamux_stream_room(const struct yamux *y, const struct yamux_stream *s);

/* True when the peer opened it. */
static inline bool yamux_stream_is_inbound(const struct yamux *y, const struct yamux_stream *s)
{
	return (s->id & 1) != (y->is_client ? 1 : 0);
}

#endif
