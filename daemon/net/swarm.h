/* SPDX-License-Identifier: Apache-2.0 */
/* swarm.h: the table of connections, and the pump that drives each one (proto/conn/conn.h).
 *
 *   taken ──► proven ──► up ──► gone
 *
 * A connection is named by a number that is never used again, so a late callback can ask for one
 * that is gone and simply not find it. What the swarm knows of a connection it tells as
 * `struct swarm_conn`, borrowed until the call returns.
 *
 * The swarm knows nothing of the cluster: once a peer has proven who it is, the judge set by
 * wiring says whether it may stay and with what. A peer may have several connections up for a
 * moment; which one stays is for the judge's owner to settle with swarm_close() (rule R-17 lives
 * in proto/cluster).
 *
 * Everything a turn of the loop produces for a connection leaves in one write at the end of the
 * turn; all deadlines share the loop's one timer heap. */
#ifndef P2POS_NET_SWARM_H
#define P2POS_NET_SWARM_H

#include "daemon/io/uv_tcp.h"
#include "proto/conn/conn.h"

#define SWARM_CONNS_MAX          1024 /* limits.connections unless configured */
#define SWARM_CONNS_SPARE        64   /* beyond it, for those who still have to prove who they are: the
                                       * judge refuses strangers before members; then: refused */
#define SWARM_CLOSE_MS           500   /* for a goodbye */
#define SWARM_SEND_BYTES         (64 * 1024) /* taken from a conn at a time */
#define SWARM_STALL_MS           10000 /* bytes wait and none leaves: closed */
#define SWARM_MEMORY_SOFT        (64u * 1024 * 1024) /* reading from the largest stops */
#define SWARM_MEMORY_HARD        (96u * 1024 * 1024) /* expendable ones close, then the largest */
#define SWARM_WATCHES_MAX        8
#define SWARM_UNREACHABLE_MS     10 /* QUIC: for an answer, or four round trips if that is longer, after a
                                     * report that nobody is there (performance.md D10) */

/* Why a connection was not taken or did not stay, counted; and what was moved. */
struct swarm_stats {
	uint64_t accepted;          /* inbound, let in to the handshake */
	uint64_t refused_blocked;   /* the source is blocked */
	uint64_t refused_bucket;    /* */
	uint64_t refused_slots;     /* none free */
	uint64_t refused_source;    /* too many from there */
	uint64_t refused_early;     /* dropped at random */
	uint64_t refused_table;     /* limits.connections */
	uint64_t starved;           /* out of descriptors (FM-26) */
	uint64_t proven;            /* handshakes done, both sides */
	uint64_t handshake_failed;
	uint64_t handshake_timeout;
	uint64_t judged_out;        /* refused by the judge */
	uint64_t protocol_errors;   /* closed because the peer broke a rule */
	uint64_t stalled;           /* closed by R-30 */
	uint64_t memory_soft;       /* times reading from one was stopped */
	uint64_t memory_hard;       /* closed for memory */
	uint64_t unreachable;       /* QUIC: closed because nobody is there any more */
	uint64_t streams_in, streams_out, streams_refused;
	uint64_t bytes_in, bytes_out;           /* over TCP … */
	uint64_t quic_bytes_in, quic_bytes_out; /* … and over QUIC */
	uint32_t conns, up, half_open; /* now */
	size_t memory;              /* bytes that connections own now */
};

struct swarm_conn {
	uint64_t id;
	struct peer_id peer;      /* none before it is proven */
	enum conn_side side;
	struct maddr remote;      /* transport part, without /p2p */
	struct maddr local;
	uint64_t dial;            /* dial_request.id that it answers; 0 when it was accepted */
	bool is_up;               /* proven, admitted, not closing */
	const char *transport;    /* "tcp", "quic-v1" */
	const char *security, *muxer, *state; /* as conn_info() */
	bool early_muxer;
	mono_t since;             /* taken */
	mono_t proven_at;         /* MONO_ZERO before */
	mono_t up_at;             /* MONO_ZERO before */
	mono_t last_heard;        /* newest authenticated bytes */
	int64_t rtt_ns;           /* last pong; 0 = none yet */
	uint32_t streams_in, streams_out;
	uint64_t bytes_in, bytes_out; /* on the socket */
	size_t memory;
	void *user;               /* swarm_set_user() */
};

/* Who ended it. */
enum swarm_end {
	SWARM_END_OURS,   /* swarm_close(), swarm_close_all() */
	SWARM_END_REMOTE, /* the peer or its machine: end of stream, reset, go-away */
	SWARM_END_ERROR,  /* a rule broken, a deadline missed, memory short */
};

/* The judge's answer. */
struct swarm_grant {
	struct conn_grant conn;
	bool is_expendable; /* a guest: goes first when memory is short */
};

/* May this peer stay? NULL: yes, with *ret_grant (zeroed before). Else a static reason word, and the
 * connection is closed with it. Must not call back into the swarm except to look. */
typedef const char *swarm_judge_fn(void *arg, const struct swarm_conn *c,
	struct swarm_grant *ret_grant);

/* News, to as many as want it. Any callback may be NULL; all may use every swarm function (a
 * connection closed from inside is told as gone later in the same turn). */
struct swarm_watch {
	void *arg;
	/* Admitted: streams may be opened. */
	void (*on_up)(void *arg, const struct swarm_conn *c);
	/* Was up and is not any more. `err`, `why` as CONN_CLOSED gave them: `why` is a static word. */
	void (*on_gone)(void *arg, const struct swarm_conn *c, enum swarm_end how, int err,
		const char *why);
	/* Authenticated bytes arrived; at most once a turn of the loop and connection. */
	void (*on_heard)(void *arg, uint64_t conn);
	/* Answer to swarm_ping(). */
	void (*on_pong)(void *arg, uint64_t conn, int64_t rtt_ns);
	/* A peer proved itself and was not let in, or a handshake failed (peer none then); for logs,
	 * for the list of who knocks. */
	void (*on_refused)(void *arg, const struct swarm_conn *c, int err, const char *why);
};

struct swarm;

struct swarm_opts {
	struct loop *loop;
	const struct key_pair *identity;  /* borrowed, outlives the swarm */
	const struct noise_static *noise; /* borrowed, outlives the swarm */
	const struct tls_identity *tls;   /* borrowed likewise; NULL: no TLS, and no QUIC */
	/* What TCP connections may be secured with, see conn_opts. */
	enum conn_security securities[CONN_SECURITIES];
	uint8_t security_count;
	struct rng *rng;                  /* borrowed */
	uint32_t conns_max;               /* 0: SWARM_CONNS_MAX */
};

struct swarm *swarm_new(const struct swarm_opts *opts);
/* After a reload; those that are there stay. 0: SWARM_CONNS_MAX. */
void swarm_set_conns_max(struct swarm *s, uint32_t max);
/* Aborts what is left without telling anybody, and frees. NULL is fine. */
void swarm_free(struct swarm *s);

const struct peer_id *swarm_self(const struct swarm *s);
/* How many securities there are to propose. */
unsigned swarm_security_count(const struct swarm *s);
struct loop *swarm_loop(const struct swarm *s);
struct rng *swarm_rng(const struct swarm *s);

/* Without a judge every peer is refused ("no_judge"). */
void swarm_set_judge(struct swarm *s, swarm_judge_fn *judge, void *arg);

/* `w` is copied. At most SWARM_WATCHES_MAX (our bug beyond). They end with the swarm. */
void swarm_watch(struct swarm *s, const struct swarm_watch *w);

/* Looks one up. False when it is gone; `ret` may be NULL. */
bool swarm_get(struct swarm *s, uint64_t conn, struct swarm_conn *ret);
/* The newest connection of a peer that is up; 0 when there is none. */
uint64_t swarm_find(struct swarm *s, const struct peer_id *peer);
/* Walks all in order of age: the one after `conn` (0: the first); 0 at the end. */
uint64_t swarm_next(struct swarm *s, uint64_t conn);

/* A new grant for one that is up (a guest became a member). The judge is not asked. */
void swarm_regrant(struct swarm *s, uint64_t conn, const struct swarm_grant *grant);

/* A clean goodbye; `why` is a static reason word. It takes no orders any more from now on, and is
 * told as gone when what was queued has left, after SWARM_CLOSE_MS at the latest. Unknown: ignored. */
void swarm_close(struct swarm *s, uint64_t conn, const char *why);
/* Says goodbye to all; for shutting down. */
void swarm_close_all(struct swarm *s, const char *why);

/* Asks for a sign of life (muxer ping). */
void swarm_ping(struct swarm *s, uint64_t conn);
/* Sends a datagram that means nothing (quic_port_poke()): where the process at the other end is gone, its
 * kernel says so. Over TCP, where it does that unasked, nothing is sent. */
void swarm_poke(struct swarm *s, uint64_t conn);

/* One pointer of the owner above for each connection, e.g. what the cluster thinks of it. */
void swarm_set_user(struct swarm *s, uint64_t conn, void *user);

/* Other bounds than SWARM_MEMORY_SOFT and _HARD. */
void swarm_set_memory(struct swarm *s, size_t soft, size_t hard);

void swarm_stats(const struct swarm *s, struct swarm_stats *ret);

/* --- for the neighbours in net/ --- */

/* The live counters. */
struct swarm_stats *swarm_counters(struct swarm *s);

/* How a connection came to an end before it was up, and the milestones on its way; for whoever
 * brought it (dialer, listener). */
struct swarm_birth {
	uint64_t dial; /* for swarm_conn.dial */
	uint8_t security_from; /* a dialer's: swarm_opts.securities before that were refused there */
	void *arg;
	/* Each time conn_info's state word changes, the first time included. */
	void (*on_state)(void *arg, uint64_t conn, const char *state);
	/* Told once: err 0 when it is up, else it is over; P2P_ERR_DENIED when the judge refused it.
	 * `peer` may be none. */
	void (*on_settled)(void *arg, uint64_t conn, int err, const char *why,
		const struct peer_id *peer);
	/* Its unauthenticated time is over (proven or gone), told once. May be NULL. */
	void (*on_half_open_over)(void *arg, uint64_t conn);
};

/* Puts a transport connection into the table and starts the handshake. `birth` is copied, may be
 * NULL. 0 when the table is full (the flow is closed, counted), else the number. */
uint64_t swarm_take(struct swarm *s, struct flow *take_flow, enum conn_side side,
	const struct peer_id *expected, const struct maddr_ip *remote, const struct maddr_ip *local,
	const struct swarm_birth *birth);

struct quic_port; /* quic_ports.h */

/* The same for a QUIC connection of `port`, just accepted or being dialled along `path`. 0 when the
 * table is full; `take_quic` is freed then. */
uint64_t swarm_take_quic(struct swarm *s, struct quic_port *port, struct quic_conn *take_quic,
	enum conn_side side, const struct peer_id *expected, const struct datagram_path *path,
	const struct swarm_birth *birth);

/* No callbacks of its birth follow. */
void swarm_forget_birth(struct swarm *s, uint64_t conn);

/* Stream events of all connections go to one sink: streams.c. */
struct swarm_sink {
	void *arg;
	void (*on_event)(void *arg, uint64_t conn, const struct conn_event *ev);
	/* All streams of it are dead. */
	void (*on_conn_over)(void *arg, uint64_t conn, int err);
};
void swarm_set_sink(struct swarm *s, const struct swarm_sink *sink);

/* The conn_* calls of the same name, by number; a connection that is gone gives P2P_ERR_CLOSED
 * or takes nothing. */
int swarm_open_stream(struct swarm *s, uint64_t conn, const char *protocol, uint32_t *ret_stream);
size_t swarm_write(struct swarm *s, uint64_t conn, uint32_t stream, struct bytes data);
void swarm_end_stream(struct swarm *s, uint64_t conn, uint32_t stream);
void swarm_reset_stream(struct swarm *s, uint64_t conn, uint32_t stream);

#endif
