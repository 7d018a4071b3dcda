/* SPDX-License-Identifier: Apache-2.0 */
/* swarm_private.h: what swarm.c (the table), swarm_pump.c (bytes and events) and swarm_carrier.c (a
 * TCP flow or a UDP port below) share. */
#ifndef P2POS_NET_SWARM_PRIVATE_H
#define P2POS_NET_SWARM_PRIVATE_H

#include <uthash.h>

#include "daemon/net/swarm.h"

struct swarm_entry {
	uint64_t id;
	struct swarm *swarm;
	struct flow *flow; /* owned; NULL over QUIC, or when it was handed on */
	struct quic_port *port; /* held; NULL over TCP */
	struct conn *conn; /* owned */
	struct peer_id peer;
	struct maddr_ip remote, local;
	enum conn_side side;
	uint64_t dial;
	mono_t since, proven_at, up_at;
	mono_t heard;       /* what on_heard has told last */
	int64_t rtt_ns;
	const char *state;  /* what birth.on_state has told last */
	struct swarm_birth birth;
	bool is_settled;    /* on_settled has been told, or nobody wants it */
	bool is_half_open;  /* not proven yet */
	bool is_up;
	bool is_ours;       /* we end it */
	const char *refusal; /* the judge's word; NULL = not refused */
	bool is_over;       /* conn said CONN_CLOSED, or we refused it: `err`, `why` */
	bool is_draining;   /* inside drain() of this one */
	bool is_paused;     /* not read for want of memory */
	bool is_expendable;
	int err;
	const char *why;
	uint64_t out_seen;  /* bytes that had left when `stuck_at` was noted */
	mono_t stuck_at;    /* bytes wait in the flow since */
	uint64_t bytes_in, bytes_out; /* over QUIC; a flow counts its own */
	mono_t nobody_by;   /* QUIC: somebody must have answered by then; MONO_NEVER = not in doubt */
	mono_t nobody_since;
	size_t memory;      /* counted in swarm.stats.memory */
	void *user;
	mono_t close_by;    /* our goodbye must have left by then; MONO_NEVER before */
	struct timer timer; /* earliest of conn_deadline(), the stall and close_by */
	struct list dirty;  /* in swarm.dirty: to be flushed at the end of the turn */
	struct list by_age; /* in swarm.by_age */
	UT_hash_handle hh;
};

struct swarm {
	struct swarm_opts opts;
	struct peer_id self;
	uint8_t identity_pb[KEY_PUBLIC_PB_BYTES];
	struct swarm_entry *table; /* by id */
	struct list by_age, dirty;
	uint64_t last_id;
	struct turn_end flush;
	struct buf out;            /* one connection's bytes on their way to its flow */
	struct conn_scratch scratch; /* what one connection decrypts at a time */
	swarm_judge_fn *judge;
	void *judge_arg;
	struct swarm_watch watches[SWARM_WATCHES_MAX];
	unsigned watch_count;
	struct swarm_sink sink;
	unsigned paused;           /* entries with is_paused */
	size_t memory_soft, memory_hard;
	struct swarm_stats stats;
};

extern const struct flow_handler swarm_flow_handler;

/* ---- swarm_carrier.c: what lies below a conn ---- */

/* Everything conn wants out, as far as the kernel takes it. Returns whether to go on next turn. */
bool carrier_send(struct swarm_entry *e);
/* swarm_poke() */
void carrier_poke(struct swarm_entry *e);
/* Bytes kept because the kernel did not take them yet. */
size_t carrier_queued(const struct swarm_entry *e);
/* When it is to be given up, because nothing leaves or nobody is there; MONO_NEVER while all
 * is well. `ret_why` then is the reason word, `ret_err` its code. */
mono_t carrier_deadline(struct swarm_entry *e, mono_t now, int *ret_err, const char **ret_why);
/* Reading goes on, or pauses. Datagrams cannot be paused: windows bound what they bring. */
void carrier_read(struct swarm_entry *e, bool reads);
uint64_t carrier_bytes_in(const struct swarm_entry *e);
uint64_t carrier_bytes_out(const struct swarm_entry *e);
/* Lets go of it, after what was queued has left (`gently`) or at once. */
void carrier_end(struct swarm_entry *e, bool gently);

/* ---- swarm_pump.c ---- */

/* Tells what conn has to tell. */
void swarm_drain(struct swarm_entry *e);
/* From quic_ports.c. */
void swarm_datagram(struct swarm_entry *e, const struct datagram *in);
/* The socket takes datagrams again: whoever lives there may have some. */
void swarm_port_has_room(struct swarm *s, const struct quic_port *port);
/* A report says that nobody is at `remote`. Dials there fail at once; connections that live have a
 * moment to answer, since anybody can forge such a report. */
void swarm_port_unreachable(struct swarm *s, const struct quic_port *port,
	const struct maddr_ip *remote, int err);

struct swarm_entry *swarm_entry(struct swarm *s, uint64_t id);
void swarm_view(const struct swarm_entry *e, struct swarm_conn *ret);

/* Out of the table and freed, without telling anybody. */
void swarm_entry_free(struct swarm_entry *e);

/* To be flushed before the loop waits. */
void swarm_touch(struct swarm_entry *e);
/* turn_end.run and timer.on_fire. */
void swarm_flush(void *arg);
void swarm_on_timer(void *arg, mono_t now);
/* It is over, without asking conn. */
void swarm_abort(struct swarm_entry *e, int err, const char *why);

#endif
