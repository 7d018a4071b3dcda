/* SPDX-License-Identifier: Apache-2.0 */
/* ladder.h: the insides of a conn (inside this folder only).
 *
 *   conn.c      the face: birth, death, events, time
 *   ladder.c    the climb: select, then Noise or TLS, then the muxer
 *   propose.c   its first step: which of the two
 *   security.c  Noise and TLS with one face
 *   sealed.c    whole messages out of cut bytes, and streams gathered into sealed messages
 *   over_quic.c what a conn over QUIC has in place of all that
 *   mux.c       what carries the streams, Yamux or QUIC
 *   streams.c   the streams inside: what the muxer tells, what the owner asks
 *   agree.c     a protocol for each stream, and the grant's limits
 *   goodbye.c   words for the codes of a go-away */
#ifndef P2POS_CONN_LADDER_H
#define P2POS_CONN_LADDER_H

#include "proto/base/list.h"
#include "proto/base/sm.h"
#include "proto/conn/mux.h"
#include "proto/conn/security.h"
#include "proto/select/select.h"

#define CONN_BUCKETS 16 /* of the table of streams; chains are short, since streams are few */

_Static_assert(CONN_PROTOCOL_MAX == SELECT_NAME_BYTES_MAX + 1, "a name and its NUL");

enum conn_at {
	AT_NEGOTIATING, /* nothing is known of the peer */
	AT_SECURING,    /* it speaks a security that we speak */
	AT_MUXING,      /* it is who it says, and speaks no early muxer */
	AT_PROVEN,      /* it is who it says and has a muxer; the owner has not judged it */
	AT_OPEN,        /* admitted: streams live */
	AT_CLOSING,     /* conn_close() was called; what is queued and a go-away leave */
	AT_CLOSED,      /* over; a last go-away may leave, a last event may be told */
};

/* What a dialer may have sent behind a proposal that we refused (propose.c). */
struct surplus {
	bool is_possible;
	uint8_t head[TLS_HEADER_BYTES], head_len;
	uint16_t left; /* of its body */
};

struct conn {
	struct sm state; /* enum conn_at */
	struct conn_opts opts;
	mono_t now;      /* of the last call that had one */
	mono_t ready_by; /* for the whole climb */
	mono_t step_by;  /* for this layer; NEVER when it has no limit of its own */
	mono_t last_heard;

	const char *names[CONN_SECURITIES]; /* of opts.securities */
	struct select select;               /* of the raw pipe, later of the muxer */
	struct surplus surplus;
	struct security security;
	struct mux mux;
	struct peer_id peer; /* once is_proven */
	struct datagram_path path; /* over QUIC; of the end, once it is over */
	bool is_proven;      /* the peer's identity; stays so after the end */
	bool early_muxer;
	bool is_quic;
	bool heard; /* a first byte came */

	struct buf wire;      /* handshake bytes to be sent */
	struct buf rest;      /* what came of a cut message; unjudged: all that came */
	struct buf early;     /* the muxer's first bytes, opened before the peer was admitted */
	struct buf own_plain; /* when there is no shared scratch, or it is taken */
	struct buf *plain;    /* opened bytes that the muxer reads; NULL when there are none */

	/* What conn_next() has to tell besides the streams' news. */
	bool proven_owed, closed_owed;
	bool draining;    /* closed by what came last; what came before is still told */
	bool farewell;    /* closed, and the muxer's go-away may still leave */
	bool alert_owed;  /* closed, and `wire` may still leave: it ends with TLS's alert */
	bool wrote_short; /* a conn_write() took less than offered */
	bool ask_again;   /* conn_send() made news */
	int err;
	const char *why, *detail;

	/* streams.c */
	struct conn_grant grant;
	struct list streams[CONN_BUCKETS];
	struct list negotiating; /* those without a protocol, the first to expire first */
	uint32_t streams_in, streams_out, negotiating_in;
	uint32_t unread_stream; /* its first data came together with the agreement; 0: none */
	uint32_t lent_stream;   /* whose data the last event showed */
	size_t lent_len;
};

static inline enum conn_at conn_at(const struct conn *c)
{
	return (enum conn_at)c->state.state;
}

/* ---- conn.c ---- */

/* A fresh one. */
struct conn *conn_begin(const struct conn_opts *opts, enum conn_at at);

/* True when the muxer may speak. */
bool conn_may_send(const struct conn *c);

/* It is over for this reason; CONN_CLOSED will tell. Of several reasons the first counts. */
void conn_over(struct conn *c, int err, const char *why, const char *detail);

/* The same, but what was read so far is told first. */
void conn_over_after_input(struct conn *c, int err, const char *why, const char *detail);

/* ---- propose.c ---- */

void propose_begin(struct conn *c);

/* Takes what belongs to the choice from the front of `in`. 0 when it is made, P2P_ERR_AGAIN when
 * more must come. Other errors have ended the conn. */
int propose_recv(struct conn *c, struct bytes *in);

/* The peer refused one of our proposals. */
bool propose_was_refused(const struct conn *c);

/* ---- ladder.c ---- */

void ladder_begin(struct conn *c);

/* Climbs with what is at the front of `in`, up to `proven`; the rest stays in `in`. An error has
 * ended the conn. */
int ladder_recv(struct conn *c, struct bytes *in);

mono_t ladder_deadline(const struct conn *c);
void ladder_tick(struct conn *c);

/* ---- sealed.c ---- */

/* The next whole message at the front of `in`, put together with what was kept of a cut one;
 * sealed_done() when it is dealt with. P2P_ERR_AGAIN when more must come: `in` is used up. Other
 * errors are the security's. */
int sealed_next(struct conn *c, struct bytes *in, struct bytes *ret_message);
void sealed_done(struct conn *c);

/* Opens a message, where it stands when that is our own memory; sealed_release() ends its life. */
int sealed_open(struct conn *c, struct bytes message, struct bytes *ret_plain);

/* The security has failed with `err`: the conn is over. Returns `err`. */
int sealed_fail(struct conn *c, int err);

/* Opens all whole messages of `in` and hands them to the muxer. An error has ended the conn. */
int sealed_recv(struct conn *c, struct bytes in);

/* Gives back the memory of opened bytes. Only when the muxer reads no more of them. */
void sealed_release(struct conn *c);

/* Gathers what the muxer has to send; behind its last words, ours that we have ended. */
void sealed_send(struct conn *c, struct buf *out, size_t budget);

/* ---- streams.c ---- */

void streams_init(struct conn *c);
void streams_deinit(struct conn *c);

/* The next news of the streams or of the muxer; may end the conn. */
bool streams_next(struct conn *c, struct conn_event *ret);

/* The earliest end of a stream's negotiation. */
mono_t streams_deadline(const struct conn *c);

/* Bytes owned for streams, without the muxer's. */
size_t streams_memory(const struct conn *c);

/* ---- agree.c ---- */

/* The grant counts from now on; streams that live keep their protocol. */
void agree_admit(struct conn *c, const struct conn_grant *grant);

#endif
