/* SPDX-License-Identifier: Apache-2.0 */
/* quic.h: QUIC v1 as libp2p speaks it (spec quic.md; RFC 9000 to 9002; rules ): datagrams
 * and time in, datagrams and events out. Sockets, clocks and policy are the owner's.
 *
 * An *endpoint* stands for one UDP socket. It tells which datagram belongs to which connection, and
 * answers by itself what needs no connection: other versions and connections that are gone. A
 * *connection* then has the same face as a Yamux session (proto/yamux/yamux.h), so that proto/conn
 * can carry streams over either:
 *
 *	switch (quic_sort(ep, &in, now, &found, out, &train)) {
 *	case QUIC_FOR_CONN: quic_recv(found.conn, &in, now); while (quic_next(…)) …; break;
 *	case QUIC_KNOCK:    a stranger: judge its source, then quic_accept() or quic_retry() or nothing
 *	case QUIC_ANSWERED: send `out`
 *	case QUIC_IGNORED:  nothing
 *	}
 *
 * ngtcp2 does the protocol, GnuTLS the handshake with libp2p's certificates (proto/tls/cert.h).
 * Both draw randomness of their own for keys; everything else comes from `rng`.
 *
 * CLOSED gives one of these reason words:
 *
 *   tls_cert_…, key_type_…, peer_id_mismatch   the peer's certificate was refused (cert.h)
 *   tls_alpn, tls_version, tls_signature, tls_protocol, tls_alert_received, tls_internal
 *                        the handshake failed otherwise (proto/tls/session.h)
 *   quic_handshake_timeout   not ready within QUIC_HANDSHAKE_MS
 *   quic_idle            nothing came for the negotiated idle time
 *   quic_protocol        the peer broke the rules; `detail` says which
 *   quic_churn           it makes us work for nothing; its source deserves a penalty
 *   quic_reset           a stateless reset: the peer does not know the connection any more
 *   quic_refused         the peer's endpoint turned us away (CONNECTION_REFUSED, INVALID_TOKEN)
 *   quic_version         the peer speaks no QUIC v1
 *   quic_exhausted       stream or packet numbers are used up
 *   send_stalled         it does not take what we send
 *   remote_close         the peer closed, `code` is its application's code
 *   remote_error         the peer's transport closed with an error, `code` is it
 *   local                quic_close() was called, and the close has been handed out */
#ifndef P2POS_QUIC_QUIC_H
#define P2POS_QUIC_QUIC_H

#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/base/rng.h"
#include "proto/keys/key.h"
#include "proto/quic/datagram.h"

struct tls_identity; /* proto/tls/tls.h */

#define QUIC_CID_BYTES         8     /* of the connection ids that we choose */
#define QUIC_PAYLOAD_BYTES_MIN 1200  /* of a datagram; never less, whatever the path says */
#define QUIC_HANDSHAKE_MS      10000 /* from the first datagram to ready */
#define QUIC_IDLE_MS           30000 /* what we announce; the lower of both sides counts */
#define QUIC_BULK_BYTES        65536 /* unsent at once; from then on datagrams above 1,452 bytes are tried */
#define QUIC_TOKEN_MS          30000 /* a Retry token is good for so long */
#define QUIC_ANSWERS_PER_SEC   10    /* version negotiations, and as many resets, of an endpoint */
#define QUIC_CONNS_MAX         2048  /* of an endpoint; quic_accept() and quic_dial() say FULL */
#define QUIC_CLOSED_MAX        256   /* closed ones that still answer with their close for 3 PTO */
#define QUIC_STREAMS_MAX       256   /* inbound, and outbound: no limit below may be set higher */
#define QUIC_WINDOW_BYTES      (256 * 1024) /* a stream's receive window at first */
#define QUIC_CONN_WINDOW_BYTES (768 * 1024) /* of all streams at first */
#define QUIC_SMALL_BYTES       2048  /* a stream may queue so much while others fill the queue */
#define QUIC_CID_LIFE_MS       (3600 * 1000) /* a dialer changes connection ids about so often */
#define QUIC_PINGS_MAX         4     /* unanswered ones of ours; the next quic_ping() says AGAIN */
#define QUIC_NO_PROGRESS_MS    10000 /* output that waits so long ends the connection, … */
#define QUIC_STALL_BYTES       (64 * 1024) /* … when it is so much: over TCP a kernel would hold less
                                            * for us. Of less only the idle time is the end: whether
                                            * such a peer lives, or one way to it is cut, is for the
                                            * owner's pings to find out */

/* 0, or P2P_ERR_UNSUPPORTED when the ngtcp2 at hand is older than 1.4.0, which any peer can abort
 * . `ret_version` is its own name for itself, static text. */
int quic_library_check(const char **ret_version);

/* ---- the endpoint ---- */

struct quic_endpoint;
struct quic_conn;

struct quic_endpoint_opts {
	const struct tls_identity *tls;   /* borrowed, outlives the endpoint */
	const struct key_pair *identity;  /* borrowed; the secret of resets comes from it, so that a
	                                   * restarted node can still reset (quic.md 8) */
	struct rng *rng;                  /* borrowed, outlives the endpoint */
};

/* What strangers did to an endpoint, counted. */
struct quic_stats {
	uint64_t garbage;      /* not QUIC, too short, or for nobody */
	uint64_t versions;     /* version negotiations sent */
	uint64_t retries;      /* Retry packets sent */
	uint64_t resets;       /* stateless resets sent */
	uint64_t tokens_bad;   /* Retry tokens that are forged, late or from elsewhere */
	uint64_t unanswered;   /* would have been answered, but for QUIC_ANSWERS_PER_SEC */
	uint64_t early;        /* 0-RTT packets in handshakes; none is ever opened */
	uint64_t undecryptable; /* packets for a proven connection that were altered, or not its */
	uint64_t lost;         /* packets of ours that carried bytes of streams and had to be sent again;
	                        * counted when the stream ends */
	uint32_t conns, closed; /* now */
};

struct quic_endpoint *quic_endpoint_new(const struct quic_endpoint_opts *opts);
/* All its connections must have been freed. NULL is fine. */
void quic_endpoint_free(struct quic_endpoint *ep);
void quic_endpoint_stats(const struct quic_endpoint *ep, struct quic_stats *ret);

enum quic_sorted {
	QUIC_FOR_CONN, /* `conn`: give it to quic_recv() */
	QUIC_KNOCK,    /* somebody new: see `is_validated` */
	QUIC_ANSWERED, /* an answer was appended to `out`, with its train */
	QUIC_IGNORED,  /* nothing to be done; counted */
};

struct quic_found {
	struct quic_conn *conn;
	bool is_validated; /* a knock whose Retry token proves that its address is its own */
};

/* Whose is it? Only reads headers: no state is made and nothing is decrypted. `out` should be empty
 * and have room for 1200 bytes. */
enum quic_sorted quic_sort(struct quic_endpoint *ep, const struct datagram *in, mono_t now,
	struct quic_found *ret, struct buf *out, struct datagram_train *ret_train);

/* Asks a knocking stranger to come again with a token, without keeping anything: one Retry
 * packet. P2P_ERR_INVALID when `in` is no knock. */
int quic_retry(struct quic_endpoint *ep, const struct datagram *in, mono_t now, struct buf *out,
	struct datagram_train *ret_train);

struct quic_opts {
	struct peer_id expected; /* whom a dialer must find; none = anybody */
	wall_t wall;             /* for the dates of the peer's certificate */
};

/* Takes a knock in: the datagram is dealt with, as if by quic_recv(). P2P_ERR_FULL (QUIC_CONNS_MAX),
 * P2P_ERR_AGAIN when its first bytes came in an order that needs a Retry, which is then in `out`
 * (quic.md 7.2), P2P_ERR_INVALID when it was none after all. */
int quic_accept(struct quic_endpoint *ep, const struct datagram *in, const struct quic_opts *opts,
	mono_t now, struct buf *out, struct datagram_train *ret_train, struct quic_conn **ret);

/* Begins to dial along `path`; quic_send() has the first datagram. P2P_ERR_FULL, P2P_ERR_CRYPTO. */
int quic_dial(struct quic_endpoint *ep, const struct datagram_path *path,
	const struct quic_opts *opts, mono_t now, struct quic_conn **ret);

/* ---- a connection ---- */

struct quic_limits {
	uint16_t inbound_max;      /* live streams of the peer; it may raise, never lower, what the peer
	                            * was told (64 at first); a further one is reset */
	uint16_t outbound_max;     /* live streams of ours; quic_open() says FULL */
	uint32_t queue_bytes_max;  /* written and not acknowledged, in all; quic_write() takes less */
	uint32_t unread_bytes_max; /* kept for slow consumers; a stream that would pass it is reset */
	uint32_t window_max;       /* a stream's receive window grows no further */
	uint32_t cid_life_ms;      /* connection ids of both directions change after about so long, half
	                            * of it more or less, unless the peer forbids it; 0: never */
};

enum quic_event_kind {
	QUIC_PROVEN,   /* the handshake is done and the peer is `peer`; told once, before any stream */
	QUIC_OPENED,   /* the peer opened `stream` */
	QUIC_DATA,     /* `data`: all that is unread of `stream`; never empty */
	QUIC_FIN,      /* nothing more will arrive on `stream`; what is unread can still be read */
	QUIC_RESET,    /* `stream` is gone, unread and unsent bytes with it; `code` says why */
	QUIC_WRITABLE, /* quic_write() took less than given, and would take more now */
	QUIC_PONG,     /* the peer answered after a quic_ping(); `rtt_ns` is the path's newest sample */
	QUIC_CLOSED,   /* the last event: `err`, `why`, `detail`, `code` */
};

struct quic_event {
	enum quic_event_kind kind;
	uint32_t stream;
	uint64_t code;
	int64_t rtt_ns;
	struct bytes data;  /* borrowed until the next quic_next() or a call about this stream */
	const struct peer_id *peer;
	int err;            /* CLOSED: P2P_ERR_CLOSED for a plain end, else what failed */
	const char *why;    /* fixed reason word */
	const char *detail; /* fixed text that says more, for a log; may be NULL */
};

/* Frees at once, whatever its state. When a close was handed out, the endpoint goes on answering
 * with it for a while. NULL is fine. */
void quic_free(struct quic_conn *q);

/* The owner's own mark, given back by quic_user(): whose connection quic_sort() has found. */
void quic_set_user(struct quic_conn *q, void *user);
void *quic_user(const struct quic_conn *q);

/* Takes in one datagram. Its events are kept until quic_next() has told them; the data of streams
 * is copied, at most what flow control allows. 0, or P2P_ERR_CLOSED when it is over (CLOSED tells). */
int quic_recv(struct quic_conn *q, const struct datagram *in, mono_t now);

/* Appends one train of at most `budget` bytes; false when there is nothing to send now. Repeat
 * until then, or until the socket takes no more. */
bool quic_send(struct quic_conn *q, struct buf *out, size_t budget, mono_t now,
	struct datagram_train *ret_train);

/* May be true when quic_send() then finds that congestion control has nothing go out; never false
 * when there is something. */
bool quic_has_output(const struct quic_conn *q);

/* What happened next; false when there is nothing more to tell. */
bool quic_next(struct quic_conn *q, struct quic_event *ret);

/* When quic_tick() wants to be called; a quic_send() follows it. */
mono_t quic_deadline(const struct quic_conn *q);
void quic_tick(struct quic_conn *q, mono_t now);

/* Other limits from now on. Before the first call nothing of the peer's streams is told: what
 * arrives waits, within the first windows (features.md P-016). */
void quic_set_limits(struct quic_conn *q, const struct quic_limits *limits);

/* The calls of proto/yamux/yamux.h, with the same meaning. Streams are named by a number that is
 * never 0 and never used again. */
int quic_open(struct quic_conn *q, uint32_t *ret_stream);
int quic_write(struct quic_conn *q, uint32_t stream, struct bytes what);
size_t quic_room(const struct quic_conn *q, uint32_t stream);
int quic_finish(struct quic_conn *q, uint32_t stream);
int quic_reset(struct quic_conn *q, uint32_t stream, uint32_t code);
struct bytes quic_unread(const struct quic_conn *q, uint32_t stream);
int quic_consumed(struct quic_conn *q, uint32_t stream, size_t n);
int quic_ping(struct quic_conn *q);

/* Ends it with CONNECTION_CLOSE of an application's `code`: quic_send() hands it out once, then
 * CLOSED "local" is told. What is queued on streams and not sent yet is dropped, except what fits
 * before it in the same train. Twice does nothing. */
void quic_close(struct quic_conn *q, uint64_t code, mono_t now);

struct quic_info {
	bool is_proven;
	struct peer_id peer;        /* none before */
	struct datagram_path path;  /* in use now; the peer may have moved */
	uint32_t inbound, outbound; /* live streams */
	uint32_t queued_bytes;      /* written and not acknowledged */
	uint32_t unread_bytes;
	size_t memory;              /* bytes owned, ngtcp2's and GnuTLS's estimated (performance.md 1) */
	int64_t rtt_ns;             /* smoothed; 0 = not known */
	size_t payload_bytes;       /* of a datagram along this path, as discovered */
	mono_t last_heard;          /* newest authenticated packet; MONO_ZERO before */
};
void quic_info(const struct quic_conn *q, struct quic_info *ret);

#endif
