/* SPDX-License-Identifier: Apache-2.0 */
/* conn.h: one secure multiplexed connection, whatever carries it.
 *
 * This is the face that the daemon sees; TCP and QUIC (and later WebSocket) look alike behind it.
 * A conn holds no socket and reads no clock. Feed it what arrived with conn_recv(), carry away
 * what it wants sent with conn_send(), ask conn_next() what happened until it has nothing more to
 * tell, and call conn_tick() when conn_deadline() has come. Over QUIC it is datagrams that arrive
 * and leave: conn_recv_datagram() and conn_send_train() stand for the first two.
 *
 *   negotiating ──► securing ──► muxing ──► proven ──► open ──► closing ──► closed
 *
 * `proven`: the peer's identity is verified and CONN_PROVEN was told, and nothing of the peer's
 * streams is looked at until the owner has judged it and calls conn_admit() (features.md P-016).
 * Nothing leaves either: a dialer's last handshake flight waits for the judgement, and then takes the
 * first streams along. Over QUIC a conn begins as `securing`, and has no `muxing`.
 * Streams are named by the muxer's stream number. A protocol is agreed inside the conn
 * (multistream-select); the owner sees streams only once a protocol is agreed.
 *
 * The conn carries out the limits of reliability.md that concern one
 * connection.
 *
 * CONN_CLOSED gives one of these reason words:
 *
 *   first_byte_timeout, ready_timeout           a peer that is too slow to become ready
 *   select_timeout, noise_timeout, tls_timeout, muxer_timeout  the same, for the layer it was in
 *   select_malformed     not multistream-select
 *   select_no_common     the peer has none of the securities that we have
 *   select_refused       it has not our first, and ended before it had heard of the next: most do,
 *                        since our first handshake message stood behind the proposal. Dial anew with
 *                        the other securities
 *   muxer_none           the peer has no Yamux
 *   noise_handshake      a malformed handshake, or a key that everybody knows
 *   noise_decrypt        altered, cut or misplaced bytes: nothing is sent any more
 *   noise_signature      the peer's proof of identity does not verify
 *   noise_empty          too many messages without content
 *   noise_exhausted      a message counter is used up
 *   tls_cert_…           the peer's certificate was refused; proto/tls/cert.h says which words
 *   tls_alert_received   the peer refuses us, our certificate for instance; `detail` is its alert
 *   tls_alpn, tls_version, tls_signature, tls_decrypt, tls_empty, tls_closed, tls_protocol,
 *   tls_internal         as proto/tls/session.h has them
 *   peer_id_mismatch     somebody else than the one who was dialled
 *   key_type_rsa, key_type_ecdsa, key_type_secp256k1, key_type_unknown   an identity key that is not
 *                        Ed25519
 *   early_bytes          more than CONN_UNJUDGED_BYTES_MAX before conn_admit()
 *   yamux_protocol       the peer broke the muxer's rules; `detail` says which
 *   yamux_churn          it makes us work for nothing; its source deserves a penalty
 *   send_stalled         it does not take what we send
 *   quic_handshake_timeout, quic_idle, quic_protocol, quic_churn, quic_reset, quic_refused,
 *   quic_version, quic_exhausted, remote_error    as proto/quic/quic.h has them; the source of
 *                        quic_churn deserves a penalty
 *   remote_eof           the transport ended without goodbye
 *   transport_failed     the transport failed; `err` is its error
 *   remote_close, remote_protocol, remote_internal, remote_limit, remote_rate, remote_violation,
 *   remote_supplanted, remote_idle, remote_shutdown, remote_gated    the peer said goodbye
 *   … or the word that the owner gave to conn_close() or conn_abort(). */
#ifndef P2POS_CONN_CONN_H
#define P2POS_CONN_CONN_H

#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/base/rng.h"
#include "proto/keys/key.h"
#include "proto/quic/datagram.h"

struct noise_static; /* proto/noise/noise.h: one static key per process */
struct tls_identity; /* proto/tls/tls.h: one certificate per process */
struct quic_conn;    /* proto/quic/quic.h */

#define CONN_READY_MS_MAX     15000 /* from start to proven, in all */
#define CONN_FIRST_BYTE_MS    5000  /* a listener's patience for the first byte */
#define CONN_STEP_MS_MAX      10000 /* for each layer, and for agreeing a stream's protocol */
#define CONN_PROTOCOL_MAX     64    /* bytes of a protocol name that we speak, NUL included */
#define CONN_STALL_MS_MAX     10000 /* bytes wait and none can leave: the conn is closed */
#define CONN_STREAMS_OUT_MAX  64    /* live streams of ours; conn_open_stream() says FULL */
/* What a proven peer may send before it is admitted; more closes the conn. It covers what one read
 * of the transport can bring in behind the peer's last handshake message. */
#define CONN_UNJUDGED_BYTES_MAX (1024 * 1024)

enum conn_side { CONN_DIALER, CONN_LISTENER };

/* What secures a byte pipe; QUIC brings its own. */
enum conn_security { CONN_NOISE, CONN_TLS, CONN_SECURITIES };

/* What the owner grants a peer once it knows who it is. */
struct conn_grant {
	/* Protocols whose streams the peer may open; compared as exact bytes, each 1 to
	 * CONN_PROTOCOL_MAX - 1 long. Borrowed: stays valid until the next conn_admit() has returned,
	 * or conn_free(). */
	const char *const *protocols;
	size_t protocol_count;
	uint32_t streams_in_max;     /* live inbound streams; the next is reset */
	uint32_t per_protocol_max;   /* of these for one protocol */
	uint32_t negotiating_max;    /* of these without an agreed protocol */
	size_t send_bytes_max;       /* queued outgoing bytes; beyond: conn_write() takes less */
	uint32_t window_bytes_max;   /* a stream's receive window may grow up to this */
};

/* Room for decrypted bytes between conn_recv() and the end of conn_next(), lent to one conn at a
 * time, so that all conns of one loop share it instead of allocating. Zeroed it is ready; give it
 * back with buf_deinit(&x.plain) after the last conn. */
struct conn_scratch {
	struct buf plain;
	const struct conn *user; /* NULL: free */
};

struct conn_opts {
	enum conn_side side;
	const struct key_pair *identity;     /* borrowed, outlives the conn */
	const uint8_t *identity_pb;          /* its public key, KEY_PUBLIC_PB_BYTES, borrowed likewise */
	const struct noise_static *noise;    /* borrowed, outlives the conn */
	const struct tls_identity *tls;      /* borrowed likewise; may be NULL where TLS is not offered */
	/* What a pipe may be secured with: a dialer proposes them in this order, a listener takes
	 * whichever of them its peer proposes. None at all counts as Noise alone. */
	enum conn_security securities[CONN_SECURITIES];
	uint8_t security_count;
	wall_t wall;                         /* now; for the dates of certificates */
	struct rng *rng;                     /* borrowed, outlives the conn */
	struct peer_id expected;             /* whom a dialer must find; none = anybody */
	struct conn_scratch *scratch;        /* borrowed, outlives the conn; NULL: it has its own */
	mono_t now;
};

enum conn_event_kind {
	CONN_PROVEN,          /* `peer` is who it says; call conn_admit() or conn_abort() */
	CONN_STREAM_IN,       /* the peer opened `stream` for `protocol` (one of the grant's) */
	CONN_STREAM_AGREED,   /* our conn_open_stream() was accepted */
	CONN_STREAM_REFUSED,  /* …or not: `err` is P2P_ERR_UNSUPPORTED (the peer does not speak it),
	                       * P2P_ERR_RESET, P2P_ERR_TIMEOUT or P2P_ERR_PROTOCOL. It is gone. */
	CONN_STREAM_DATA,     /* `data` arrived; borrowed until the next call on this conn. The window
	                       * is given back at once: the owner keeps its own bound. */
	CONN_STREAM_END,      /* the peer finished writing */
	CONN_STREAM_RESET,    /* both directions are dead; the stream is gone */
	CONN_STREAM_ROOM,     /* conn_write() took less than offered; now it would take more */
	CONN_PONG,            /* answer to conn_ping(): `rtt_ns` */
	CONN_CLOSED,          /* it is over: `err`, `why`. Nothing follows but conn_send() of last bytes */
};

struct conn_event {
	enum conn_event_kind kind;
	uint32_t stream;
	const char *protocol;   /* CONN_STREAM_IN: the grant's own pointer; CONN_STREAM_AGREED: ours,
	                         * borrowed until the next call on this conn */
	struct bytes data;
	int64_t rtt_ns;
	const struct peer_id *peer;
	int err;
	const char *why;        /* static text: a fixed reason word, e.g. "peer_id_mismatch" */
	const char *detail;     /* CONN_CLOSED: static text that says more, for a log; may be NULL */
};

struct conn;

/* A new conn for a transport connection that is just established. Never NULL. */
struct conn *conn_new(const struct conn_opts *opts);
/* The same over a QUIC connection that was just accepted or is being dialled. `take_quic` is the
 * conn's; of `opts` side, scratch and now count. It begins as `securing`. */
struct conn *conn_new_quic(const struct conn_opts *opts, struct quic_conn *take_quic);
/* Frees at once whatever its state; NULL is fine. Not from inside a loop over conn_next() that
 * still reads the event. */
void conn_free(struct conn *c);

/* Takes in bytes from the transport, all of them, cut anywhere. Not over QUIC, and only after
 * conn_next() has said false. 0, or an error: the conn is then closed and CONN_CLOSED says why. What
 * the peer did inside its streams is judged by conn_next(), so a conn may end there too; conn_send()
 * still yields what should leave (a go-away, an alert). */
int conn_recv(struct conn *c, struct bytes in, mono_t now);

/* The same for one datagram of a QUIC connection. */
int conn_recv_datagram(struct conn *c, const struct datagram *in, mono_t now);

/* False while nothing more should be read from the transport, because answers pile up that the peer
 * does not take. */
bool conn_wants_recv(const struct conn *c);

/* The transport ended (its own error or the peer's end): `err` as seen there, P2P_ERR_CLOSED for a
 * plain end. Gives CONN_CLOSED. */
void conn_eof(struct conn *c, int err);

/* Appends what is to be sent now to `out`, up to about `budget` bytes (whole frames). Frames of
 * all streams are gathered, so that one write carries a loop turn's work. Call until it appends
 * nothing. A budget below 4 KiB counts as 4 KiB. Ask for bytes only when the transport can take
 * them: waiting too long here is how a peer that does not read is noticed. */
void conn_send(struct conn *c, struct buf *out, size_t budget, mono_t now);

/* The same over QUIC: appends one train of datagrams to `out`, up to about `budget` bytes. False when
 * there is nothing to send now. */
bool conn_send_train(struct conn *c, struct buf *out, size_t budget, mono_t now,
	struct datagram_train *ret_train);

/* True when conn_send() would append something; over QUIC, when conn_send_train() should be tried. */
bool conn_wants_send(const struct conn *c);

/* The next thing that happened; false when there is none. Events are in order. Ask after
 * conn_recv(), conn_send() and conn_tick(); any other call may be made in between. */
bool conn_next(struct conn *c, struct conn_event *ret);

/* When conn_tick() wants to be called; a time that has passed when conn_next() has something to
 * tell that no conn_recv() announces. */
mono_t conn_deadline(const struct conn *c);
void conn_tick(struct conn *c, mono_t now);

/* After CONN_PROVEN: the peer may go on, with this grant; again later to change it (a guest that
 * becomes a member). Streams already open stay. */
void conn_admit(struct conn *c, const struct conn_grant *grant, mono_t now);

/* Opens a stream for `protocol` (copied, < CONN_PROTOCOL_MAX bytes). Bytes may be written at once;
 * they leave together with the proposal. P2P_ERR_CLOSED, P2P_ERR_FULL (our own stream bound, or no
 * room in the queue), P2P_ERR_AGAIN (not admitted yet), P2P_ERR_INVALID (the protocol's length). */
int conn_open_stream(struct conn *c, const char *protocol, mono_t now, uint32_t *ret_stream);

/* Queues bytes; returns how many were taken (0 .. len). Unknown streams take none. */
size_t conn_write(struct conn *c, uint32_t stream, struct bytes data);

/* We are done writing to the stream; what is queued leaves first. When both sides have ended the
 * stream is gone and its number is not told again. */
void conn_end_stream(struct conn *c, uint32_t stream);

/* Gives a stream up, both directions, dropping what is queued. No event follows for it. */
void conn_reset_stream(struct conn *c, uint32_t stream);

/* Asks for a sign of life. The answer is CONN_PONG. At most 4 are in flight; more are not sent. */
void conn_ping(struct conn *c, mono_t now);

/* A clean goodbye: the muxer's go-away after what is queued, then CONN_CLOSED with P2P_ERR_CLOSED.
 * No other event follows. `why` is a static reason word; "limit", "rate", "violation",
 * "supplanted", "idle", "shutdown" and "gated" travel to the peer. Below `proven` there is nobody
 * to say goodbye to, and the conn just ends; so it does after CONN_STEP_MS_MAX. */
void conn_close(struct conn *c, const char *why, mono_t now);

/* Without goodbye; nothing leaves any more. */
void conn_abort(struct conn *c, int err, const char *why);

/* What is known of it. */
struct conn_info {
	enum conn_side side;
	struct peer_id peer;        /* none before CONN_PROVEN */
	const char *state;          /* "negotiating", "securing", … */
	const char *security;       /* "noise", "tls", "" before */
	const char *muxer;          /* "yamux", "quic", "" before */
	bool early_muxer;           /* agreed inside the handshake */
	uint32_t streams_in, streams_out;
	size_t send_queued;         /* bytes waiting in our buffers */
	size_t memory;              /* bytes this conn owns, without the shared scratch */
	mono_t last_heard;          /* newest authenticated byte; MONO_ZERO before */
	struct datagram_path path;  /* over QUIC: in use now (the peer may have moved) */
};
void conn_info(const struct conn *c, struct conn_info *ret);

#endif
