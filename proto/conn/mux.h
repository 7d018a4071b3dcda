/* SPDX-License-Identifier: Apache-2.0 */
/* mux.h: what carries the streams of a conn, with one face (inside this folder only).
 *
 * Streams, their agreement and their limits (streams.c, agree.c) are the same whatever is below.
 * The verbs are those of proto/yamux/yamux.h, with the same meaning. */
#ifndef P2POS_CONN_MUX_H
#define P2POS_CONN_MUX_H

#include "proto/conn/conn.h"
#include "proto/yamux/yamux.h"

enum mux_kind { MUX_NONE, MUX_YAMUX, MUX_QUIC };

struct mux {
	enum mux_kind kind; /* MUX_NONE: there is none yet, or none any more */
	union {
		struct yamux yamux;
		struct quic_conn *quic; /* owned */
	};
};

/* Codes of libp2p for a stream that is reset (tcp-stack.md 6.2). */
enum mux_reset {
	MUX_RESET_NONE = 0x0000,
	MUX_RESET_NEGOTIATION = 0x1001,
	MUX_RESET_LIMIT = 0x1002,
};

enum mux_event_kind {
	MUX_PROVEN,   /* QUIC alone: the peer is `peer`; told once, before any stream */
	MUX_OPENED,   /* the peer opened `stream` */
	MUX_DATA,     /* `data`: all that is unread of `stream` */
	MUX_FIN,      /* nothing more will arrive on `stream` */
	MUX_RESET,    /* `stream` is gone */
	MUX_WRITABLE, /* mux_write() took less than given, and would take more now */
	MUX_PONG,     /* a mux_ping() came back after `rtt_ns` */
	MUX_GOODBYE,  /* the peer ends it, `why`: expect nothing more */
	MUX_CLOSED,   /* it has ended: `err`, `why`, `detail` */
};

struct mux_event {
	enum mux_event_kind kind;
	uint32_t stream;
	int64_t rtt_ns;
	const struct peer_id *peer;
	struct bytes data; /* borrowed until the next mux_next() or a call about this stream */
	int err;
	const char
		*why; /* reason word of conn.h; NULL when it is mux_goodbye() that has ended it */
	const char *detail; /* may be NULL */
	bool tells_peer;    /* what it still has to send is for a peer that broke the rules */
};

/* A session of Yamux over a secured pipe, with the least that anybody gets. */
void mux_begin_yamux(struct mux *m, bool is_dialer, struct rng *rng);
/* Safe on a zeroed one. */
void mux_deinit(struct mux *m);

/* What arrived on the secured pipe; see yamux_recv(). */
void mux_recv(struct mux *m, struct bytes in, mono_t now);
/* What is to leave on it; see yamux_send(). */
void mux_send(struct mux *m, struct buf *out, size_t budget, mono_t now);

bool mux_next(struct mux *m, struct mux_event *ret);
bool mux_has_output(const struct mux *m);
bool mux_is_stalled(const struct mux *m);
mono_t mux_deadline(const struct mux *m);
void mux_tick(struct mux *m, mono_t now);

/* The part of a grant that is the muxer's to keep. */
void mux_set_grant(struct mux *m, const struct conn_grant *grant);

int mux_open(struct mux *m, uint32_t *ret_stream);
/* How many bytes were taken; a stream that is gone takes none. */
size_t mux_write(struct mux *m, uint32_t stream, struct bytes what);
size_t mux_room(const struct mux *m, uint32_t stream);
/* The following do nothing when the stream is gone. */
void mux_finish(struct mux *m, uint32_t stream);
void mux_reset(struct mux *m, uint32_t stream, enum mux_reset code);
struct bytes mux_unread(const struct mux *m, uint32_t stream);
void mux_consumed(struct mux *m, uint32_t stream, size_t n);

/* Does nothing while too many are unanswered. */
void mux_ping(struct mux *m);

/* Ends it politely; `why` is a word of conn_close(). MUX_CLOSED follows, without a `why`. */
void mux_goodbye(struct mux *m, const char *why, mono_t now);

struct mux_info {
	size_t queued_bytes;       /* written, and not gone yet */
	size_t memory;             /* bytes owned beside the struct itself */
	struct datagram_path path; /* of QUIC, which alone knows these two */
	mono_t last_heard;
};
void mux_info(const struct mux *m, struct mux_info *ret);

/* ---- over_quic.c ---- */

bool over_quic_next(struct quic_conn *q, struct mux_event *ret);
void over_quic_set_grant(struct quic_conn *q, const struct conn_grant *grant);

/* ---- goodbye.c ---- */

/* Code of a goodbye for a word of conn_close(), and word of CONN_CLOSED for the code of the peer's.
 */
uint32_t goodbye_code(const char *why);
const char *goodbye_word(uint64_t code);

#endif
