/* SPDX-License-Identifier: Apache-2.0 */
/* dialer_private.h: what dialer.c (dials) and dial_attempt.c (their addresses) share.
 *
 *   resolving ──► ready ──► connecting ──► upgrading ──► won
 *       └───────────┴───────────┴──────────────┴───────► over
 */
#ifndef P2POS_NET_DIALER_PRIVATE_H
#define P2POS_NET_DIALER_PRIVATE_H

#include "daemon/net/dialer.h"

enum attempt_state {
	ATTEMPT_RESOLVING,  /* its name is being looked up */
	ATTEMPT_READY,      /* an IP address that waits for its turn */
	ATTEMPT_CONNECTING, /* TCP is under way */
	ATTEMPT_UPGRADING,  /* in the swarm: handshake; over QUIC from the start */
	ATTEMPT_WON,
	ATTEMPT_OVER,
};

struct attempt {
	struct dial *dial;
	enum attempt_state state;
	enum dial_lane lane;
	uint8_t security_from;    /* how many securities were refused there */
	struct maddr_ip ip;
	struct dns_query *query;  /* while resolving */
	struct tcp_dial *tcp;     /* while connecting */
	uint64_t conn;            /* while upgrading, and when won */
	mono_t stage_since;
};

struct dial {
	struct list node;
	struct dialer *dialer;
	struct peer_id expected;
	uint64_t id;
	bool wants_identify;
	bool is_hungry;           /* would start another attempt, but DIAL_PARALLEL_MAX are running */
	dial_done_fn *on_done;
	void *arg;
	struct attempt *attempts;    /* `cap` of each, side by side: the second is what is told */
	struct dial_attempt *told;
	size_t count, cap;
	unsigned running;         /* connecting or upgrading */
	struct {
		mono_t next_at;   /* its next attempt starts then; sooner when nothing else runs */
		uint8_t last_family;
	} lane[DIAL_LANES];
	uint64_t won;             /* the connection; 0 = none yet */
	struct peer_id who;       /* answered, or was refused by us */
	struct timer step, total;
};

struct dialer {
	struct dialer_opts opts;
	struct swarm *swarm;
	struct loop *loop;
	struct dns *dns;
	bool speaks[DIAL_LANES];
	struct list dials;
	struct turn_end feed;     /* somebody's attempt ended: others may start theirs */
	struct dialer_stats stats;
};

/* --- dial_attempt.c --- */

/* What the asker will be told of it. */
struct dial_attempt *attempt_told(const struct attempt *a);
/* It has come to `stage`; the time of the one before is noted. */
void attempt_enter(struct attempt *a, enum dial_stage stage);
/* Lets go of whatever it holds. */
void attempt_release(struct attempt *a);
/* It is over without success; what follows from it is the caller's to see to. */
void attempt_end(struct attempt *a, int err, const char *why);
/* A further address of the dial: looked up, ready, or over at once. */
void attempt_add(struct dial *dial, const struct maddr *given);
/* Connects one that is ready; it may be over at once. */
void attempt_start(struct attempt *a);
/* 0 loopback, 1 near, 2 public, 3 not to be dialled. */
unsigned dial_rank(const struct maddr_ip *ip);

/* --- dialer.c --- */

/* After an attempt failed, or a name gave addresses: on to the next, or to the end. */
void dial_go_on(struct dial *dial);
/* `a` is up: the others are not needed any more. */
void dial_won(struct attempt *a, const struct peer_id *peer);

#endif
