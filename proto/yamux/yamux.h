/* SPDX-License-Identifier: Apache-2.0 */
/* yamux.h: many streams over one ordered byte pipe (tcp-stack.md section 6; ).
 *
 * A session holds no socket and reads no clock. Feed it what arrived with yamux_recv(), ask
 * yamux_next() what happened until it has nothing more to tell, and carry away what it wants
 * sent with yamux_send(). Frames are taken apart by yamux_next() itself, one event at a time:
 * nothing is queued, and a body is handed up as a slice of the very bytes that were fed in.
 *
 * What a DATA event shows is all that is unread of its stream. Say with yamux_consumed() how much
 * of it you are done with; the rest is kept and stands in front of the next DATA. Credit goes
 * back to the peer by what was consumed, at half a window, and windows grow while the consumer
 * keeps up (only up to a limit). What is kept never exceeds the window of a stream, nor
 * `unread_bytes_max` in all: the stream that would pass it is reset.
 *
 * Streams are named by their id. An id that is gone is no mistake: the call answers
 * P2P_ERR_NOT_FOUND. After CLOSED all are gone. */
#ifndef P2POS_YAMUX_YAMUX_H
#define P2POS_YAMUX_YAMUX_H

#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/base/list.h"
#include "proto/base/rng.h"
#include "proto/base/sm.h"
#include "proto/yamux/churn.h"
#include "proto/yamux/frame.h"

#define YAMUX_STREAMS_MAX      256   /* inbound, and outbound: no limit below may be set higher */
#define YAMUX_DATA_BYTES_MAX   65524 /* of one Data frame sent: 64 KiB with its header */
#define YAMUX_TURN_BYTES       16384 /* of one Data frame sent while other streams wait */
#define YAMUX_SMALL_BYTES      2048  /* a stream may queue so much while others fill the queue */
#define YAMUX_PINGS_MAX        4     /* unanswered ones of ours; the next yamux_ping() says AGAIN */
#define YAMUX_REPLIES_SOFT_MAX 64    /* resets waiting to leave: yamux_is_stalled() from here on */
#define YAMUX_REPLIES_MAX      256   /* the same; the peer reads nothing and is closed */
#define YAMUX_NO_PROGRESS_MS   10000 /* output that waits so long ends the session */

/* Codes of libp2p that ride on RST. */
#define YAMUX_RESET_NONE        0x0000
#define YAMUX_RESET_NEGOTIATION 0x1001
#define YAMUX_RESET_LIMIT       0x1002
#define YAMUX_RESET_RATE        0x1003
#define YAMUX_RESET_VIOLATION   0x1004
#define YAMUX_RESET_SHUTDOWN    0x1007
#define YAMUX_RESET_GATED       0x1008

/* Codes of GoAway: the first two are yamux's, the others libp2p's for connections. */
#define YAMUX_GOAWAY_NORMAL     0x0000
#define YAMUX_GOAWAY_PROTOCOL   0x0001
#define YAMUX_GOAWAY_RATE       0x1002
#define YAMUX_GOAWAY_SUPPLANTED 0x1004
#define YAMUX_GOAWAY_SHUTDOWN   0x1006
#define YAMUX_GOAWAY_GATED      0x1007

struct yamux_limits {
	uint16_t inbound_max;      /* live streams of the peer; a further one is reset */
	uint16_t outbound_max;     /* live streams of ours; yamux_open() says FULL */
	uint32_t queue_bytes_max;  /* written and not sent, in all; yamux_write() takes less */
	uint32_t unread_bytes_max; /* kept for slow consumers; a stream that would pass it is reset */
	uint32_t window_max;       /* a receive window grows no further; at least the initial one */
	uint32_t grown_bytes_max;  /* growth of all windows together; beyond it they stay */
};

/* */
#define YAMUX_LIMITS_GUEST                                                                         \
	((struct yamux_limits){4, 8, 256 * 1024, 1024 * 1024, YAMUX_INITIAL_WINDOW, 0})
#define YAMUX_LIMITS_MEMBER                                                                        \
	((struct yamux_limits){64, 64, 1024 * 1024, 1024 * 1024, 1024 * 1024, 4 * 1024 * 1024})

struct yamux_opts {
	bool is_client;             /* we dialled: our streams are odd */
	struct yamux_limits limits;
	struct rng *rng;            /* for the values of pings; outlives the session */
};

enum yamux_event_kind {
	YAMUX_OPENED,   /* the peer opened `stream` */
	YAMUX_DATA,     /* `data`: all that is unread of `stream`; never empty */
	YAMUX_FIN,      /* nothing more will arrive on `stream`; what is unread can still be read */
	YAMUX_RESET,    /* `stream` is gone, unread and unsent bytes with it; `code` says why */
	YAMUX_WRITABLE, /* yamux_write() took less than given, and would take more now; comes with
	                   credit, and after yamux_send() has made room in the queue */
	YAMUX_PONG,     /* a yamux_ping() came back after `rtt_ns` */
	YAMUX_GOAWAY,   /* the peer ends the session with `code`: expect nothing more */
	YAMUX_CLOSED,   /* the last event: `why`, `reason`, `code` (of the GoAway that we send) */
};

enum yamux_why {
	YAMUX_WHY_LOCAL,    /* yamux_go_away(), and all of it was sent */
	YAMUX_WHY_PROTOCOL, /* the peer broke the rules */
	YAMUX_WHY_CHURN,    /* the peer passed a limit of R-27: penalise its source */
	YAMUX_WHY_SLOW,     /* the peer does not take what we send */
};

struct yamux_event {
	enum yamux_event_kind kind;
	uint32_t stream;
	uint32_t code;
	int64_t rtt_ns;
	struct bytes data;  /* borrowed until the next yamux_next() or a call about this stream */
	enum yamux_why why;
	const char *reason; /* fixed text */
};

/*   live ──► ending ──► ended       live: all works. ending: yamux_go_away() was called, what is
 *     └─────────┴──► failed ──►     queued still leaves. failed: a GoAway with the fault has to
 *                      ended        leave, all streams are gone. ended: nothing to do any more. */
enum yamux_state { YAMUX_LIVE, YAMUX_ENDING, YAMUX_FAILED, YAMUX_ENDED };

struct yamux_stream;

/* One session. The fields are nobody's business; the struct is here so that a connection can
 * hold it in its own allocation. It must not be moved. An idle one owns nothing else. */
struct yamux {
	struct sm state;
	struct yamux_limits limits;
	struct rng *rng;
	bool is_client;
	bool goaway_seen;
	mono_t now; /* of the last call that had one */

	/* Streams by id: open addressing, a power of two slots, allocated with the first stream. */
	struct yamux_stream **slots;
	uint32_t slot_count;
	uint32_t inbound, outbound; /* live ones */
	uint32_t next_id;           /* of ours; 0 when all are used up */
	uint32_t last_remote_id;
	uint32_t grown_bytes;

	/* What arrives. */
	struct bytes in; /* borrowed from yamux_recv()'s caller until yamux_next() says false */
	uint8_t header[YAMUX_HEADER_BYTES];
	uint8_t header_len;
	uint32_t body_left;
	struct yamux_stream *body_of; /* NULL: the body is drained */
	struct yamux_stream *lent_to; /* whose DATA event shows `lent` */
	struct bytes lent;            /* the part that is not consumed */
	uint32_t unread_bytes;        /* kept in all streams */
	struct yamux_churn churn;

	/* What one frame left to be told, in the order of these bits (session.h). */
	uint8_t noted;
	uint32_t noted_stream;
	uint32_t noted_code;
	int64_t noted_rtt_ns;

	/* What has to be sent, in this order. */
	bool pong_owed;
	uint32_t pong_value; /* the latest request's */
	struct yamux_ping {
		uint32_t value;
		bool own;    /* measures for the windows; its PONG is not told */
		mono_t sent;
	} pings[YAMUX_PINGS_MAX]; /* oldest first */
	uint8_t pings_open, pings_sent; /* sent <= open */
	struct yamux_reply {
		uint32_t stream, code;
	} *replies;      /* RST of streams that are gone; grows as needed, freed when sent */
	uint16_t reply_count, reply_cap;
	struct list control; /* streams that owe SYN, ACK or credit */
	struct list sending; /* streams with data or FIN to send: round robin */
	struct list blocked; /* streams that wait for WRITABLE */
	bool blocked_check;  /* one of them may have room */
	uint32_t queued_bytes;
	bool goaway_owed;
	uint32_t goaway_code;
	mono_t waiting_since; /* output has waited since; NEVER: not known to wait */

	int64_t rtt_ns; /* smoothed; 0 = not known */
	enum yamux_why why;
	const char *reason;
};

void yamux_init(struct yamux *y, const struct yamux_opts *opts);
void yamux_deinit(struct yamux *y);

/* Other limits from now on (a guest became a member). What lives stays alive. */
void yamux_set_limits(struct yamux *y, const struct yamux_limits *limits);

/* Takes in bytes from the peer, which may be cut anywhere. They are looked at by yamux_next() and
 * must stay where they are until that has returned false; only then may this be called again.
 * P2P_ERR_CLOSED when the session takes nothing any more. A peer that breaks the rules ends the
 * session: the CLOSED event tells, and yamux_send() still yields the GoAway frame. */
int yamux_recv(struct yamux *y, struct bytes in, mono_t now);

/* What happened next; false when there is nothing more to tell and all input is used up. Any
 * other call may be made in between. */
bool yamux_next(struct yamux *y, struct yamux_event *ret_event);

/* Appends at most `budget` bytes of whole frames to `out`: answers and credit first, then data of
 * all streams in turn. Also stops when `out` reaches its own maximum. With a budget above the
 * header's size it always makes progress while yamux_has_output(); with less it may not. Call it
 * once a loop turn. P2P_ERR_CLOSED when nothing will ever come any more. */
int yamux_send(struct yamux *y, struct buf *out, size_t budget, mono_t now);

/* True while yamux_send() has something to give. */
bool yamux_has_output(const struct yamux *y);

/* True while so many answers wait that nothing more should be read from the peer until they have
 * left: a peer that asks without reading must not make them pile up. */
bool yamux_is_stalled(const struct yamux *y);

/* When yamux_tick() wants to be called; NEVER when nothing waits. */
mono_t yamux_deadline(const struct yamux *y);

/* 0, or P2P_ERR_TIMEOUT when the peer has taken nothing for too long: CLOSED follows. */
int yamux_tick(struct yamux *y, mono_t now);

/* Opens a stream; data may be written at once. P2P_ERR_FULL (too many live), P2P_ERR_CLOSED (the
 * session ends, or ids are used up: dial anew). */
int yamux_open(struct yamux *y, uint32_t *ret_stream);

/* Queues bytes for `stream`, as many as the peer's credit and our queue allow; they are copied.
 * Returns how many were taken; when fewer than given, WRITABLE follows once there is room.
 * P2P_ERR_NOT_FOUND, P2P_ERR_CLOSED (finished, or the session ends). */
int yamux_write(struct yamux *y, uint32_t stream, struct bytes what);

/* How many bytes yamux_write() would take now. */
size_t yamux_room(const struct yamux *y, uint32_t stream);

/* Ends our direction behind what is queued. P2P_ERR_NOT_FOUND; doing it twice does nothing. */
int yamux_finish(struct yamux *y, uint32_t stream);

/* Ends both directions at once, forgets what is queued and unread, and tells the peer `code`.
 * The id is gone, without an event. P2P_ERR_NOT_FOUND. */
int yamux_reset(struct yamux *y, uint32_t stream, uint32_t code);

/* All that is unread of `stream`, in one piece; borrowed until the next call about it. */
struct bytes yamux_unread(const struct yamux *y, uint32_t stream);

/* The first `n` unread bytes are done with (n <= what is unread). P2P_ERR_NOT_FOUND. */
int yamux_consumed(struct yamux *y, uint32_t stream, size_t n);

/* Asks the peer for a sign of life; PONG follows when it comes. The time counts from the moment
 * the ping is handed out by yamux_send(). The answer to a later ping answers earlier ones too.
 * P2P_ERR_AGAIN when YAMUX_PINGS_MAX are unanswered, P2P_ERR_CLOSED. */
int yamux_ping(struct yamux *y);

/* Ends the session politely: no more streams either way, nothing more to write; what is queued
 * leaves, then GoAway with `code`, then CLOSED. Twice does nothing. */
void yamux_go_away(struct yamux *y, uint32_t code);

/* What the session holds. */
struct yamux_usage {
	uint32_t inbound, outbound;
	uint32_t queued_bytes, unread_bytes;
	int64_t rtt_ns; /* 0 = not known */
	size_t memory;  /* bytes owned beside the struct itself */
};
void yamux_usage(const struct yamux *y, struct yamux_usage *ret);

#endif
