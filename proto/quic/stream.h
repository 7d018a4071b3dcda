/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h: one stream as a connection keeps it beside ngtcp2's own (inside this folder only).
 *
 * ngtcp2 orders what arrives and repeats what got lost; here is what waits to be read, what was
 * written and is not acknowledged, and what the owner has still to be told. */
#ifndef P2POS_QUIC_STREAM_H
#define P2POS_QUIC_STREAM_H

#include "proto/base/list.h"
#include "proto/quic/gaps.h"
#include "proto/quic/quic.h"
#include "proto/yamux/fifo.h"

/* Codes of libp2p on RESET_STREAM (tcp-stack.md 6.2). */
#define QUIC_RESET_NONE  0x0000
#define QUIC_RESET_LIMIT 0x1002

#define QUIC_STREAM_BUCKETS 32 /* a power of two; up to 512 streams of both sides */
#define QUIC_CHUNK_BYTES    16384 /* at most; written bytes stand in pieces that never move … */
#define QUIC_CHUNK_SMALL    1024  /* … at least so large: many small writes share one */

/* What the owner has to be told of a stream, in this order. */
enum quic_note {
	QUIC_NOTE_OPENED = 1,
	QUIC_NOTE_DATA = 2,
	QUIC_NOTE_FIN = 4,
	QUIC_NOTE_RESET = 8,
};

/* Bytes written and not acknowledged. ngtcp2 points into them, so they stay where they are. */
struct quic_chunk {
	struct quic_chunk *next;
	uint32_t len, cap;
	uint8_t at[];
};

struct quic_tx {
	struct quic_chunk *first, *last; /* owned */
	struct quic_chunk *unsent;       /* where the first unsent byte is or will be … */
	uint32_t unsent_at;              /* … and its place there */
	uint32_t acked_at;               /* bytes of `first` that are acknowledged */
	uint32_t queued, unsent_bytes;   /* all; those that were not sent yet */
};

struct quic_stream {
	struct quic_stream *next; /* in its bucket */
	struct list news, sending, blocked;
	int64_t id;
	uint32_t number;      /* as the owner knows it */
	uint32_t open_number; /* of yamux_churn_open(), when the peer opened it */
	uint8_t noted;        /* enum quic_note */
	bool is_inbound;
	bool is_told;      /* the owner knows of it */
	bool is_gone;      /* the owner knows it no more; kept until ngtcp2 has done with it */
	bool is_ended;     /* ngtcp2 has done with it */
	bool is_stopped;   /* the peer wants no more of ours (STOP_SENDING) … */
	bool is_deaf;      /* … and that is carried out */
	bool fin_wanted, fin_sent, fin_received, fin_told;
	uint32_t code;     /* of the RESET to tell */
	uint32_t window, since_credit;
	mono_t credit_at;  /* when half a window had been used, to see how fast that is */
	uint64_t received; /* offset behind what has arrived in order */
	struct quic_gaps gaps; /* what came ahead of that */
	struct yamux_fifo rx;
	struct quic_tx tx;
};

_Static_assert(sizeof(struct quic_stream) <= 320, "a stream is small (performance.md D7)");

/* ---- tx.c: written bytes ---- */

void quic_tx_put(struct quic_tx *tx, struct bytes what);

/* The next unsent bytes in order, at most `max` pieces and no more than about `enough` bytes. */
struct ngtcp2_vec;
size_t quic_tx_gather(const struct quic_tx *tx, struct ngtcp2_vec *to, size_t max, size_t enough);

/* So many unsent bytes were sent; so many, from the front, acknowledged. */
void quic_tx_sent(struct quic_tx *tx, size_t n);
void quic_tx_acked(struct quic_tx *tx, size_t n);

void quic_tx_deinit(struct quic_tx *tx);

/* Bytes of memory that it owns. */
size_t quic_tx_memory(const struct quic_tx *tx);

/* ---- stream.c ---- */

/* The number of ngtcp2's id: as with Yamux, a dialer's are odd. 0 when it has none. */
uint32_t quic_stream_number(int64_t id);

/* NULL when there is none, or the owner knows it no more. */
struct quic_stream *quic_stream_find(const struct quic_conn *q, uint32_t number);

/* The same by ngtcp2's id, whatever the owner knows. */
struct quic_stream *quic_stream_at(const struct quic_conn *q, int64_t id);

struct quic_stream *quic_stream_add(struct quic_conn *q, int64_t id);

/* Has `what` told. */
void quic_stream_note(struct quic_conn *q, struct quic_stream *s, enum quic_note what);

/* Ends both directions: nothing is told of it any more. */
void quic_stream_kill(struct quic_conn *q, struct quic_stream *s, uint32_t code);

/* Frees it when everybody has done with it. */
void quic_stream_settle(struct quic_conn *q, struct quic_stream *s);

/* Frees all, at the end of a connection. */
void quic_stream_drop_all(struct quic_conn *q);

/* In-order bytes that arrived. */
void quic_stream_take(struct quic_conn *q, struct quic_stream *s, struct bytes what);

/* The peer has reset its side. */
void quic_stream_on_reset(struct quic_conn *q, struct quic_stream *s, uint64_t code);

/* Carries out what the peer has stopped. */
void quic_stream_stop_all(struct quic_conn *q);

/* It has something to send now, or has room again. */
bool quic_stream_wants_send(const struct quic_stream *s);
size_t quic_stream_room(const struct quic_conn *q, const struct quic_stream *s);

/* The next event about a stream. */
bool quic_stream_next(struct quic_conn *q, struct quic_event *ret);

/* Bytes of memory that streams own. */
size_t quic_stream_memory(const struct quic_conn *q);

#endif
