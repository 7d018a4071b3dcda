/* SPDX-License-Identifier: Apache-2.0 */
/* ping.h: /ipfs/ping/1.0.0, both sides (spec identify-ping.md section 5). For people who ask
 * (`p2posctl peer ping`) and for others' questions; the cluster probes with swarm_ping(). */
#ifndef P2POS_NET_PING_H
#define P2POS_NET_PING_H

#include "daemon/net/streams.h"
#include "proto/libp2p/ping.h"

#define PING_RUN_COUNT_MAX 1000 /* asked for in one go; more is P2P_ERR_TOO_LARGE */
#define PING_RUNS_MAX      32   /* at once; beyond: P2P_ERR_FULL */

struct pings;
struct ping_run;

/* Serves the protocol: at most PING_ECHO_STREAMS_MAX streams of a peer, further ones are reset. */
struct pings *pings_new(struct streams *st);
/* After streams_free(); runs in progress end without a callback. NULL is fine. */
void pings_free(struct pings *p);

struct ping_opts {
	uint64_t conn;
	unsigned count;       /* 1 .. PING_RUN_COUNT_MAX */
	int64_t interval_ms;  /* from one to the next; 0: at once after the answer */
	/* Each echo, `number` from 1 on. May be NULL. `err` is 0 (one that fails ends the run). */
	void (*on_echo)(void *arg, unsigned number, int err, int64_t rtt_ns);
	/* Told once, unless cancelled: how many of those sent came back. err: why it ended early
	 * (a peer may end the stream: P2P_ERR_RESET; P2P_ERR_UNSUPPORTED, P2P_ERR_TIMEOUT …). */
	void (*on_done)(void *arg, int err, unsigned sent, unsigned received);
	void *arg;
};

/* P2P_ERR_CLOSED, P2P_ERR_FULL, P2P_ERR_AGAIN, P2P_ERR_TOO_LARGE. `ret` is dead after on_done. */
int ping_run_start(struct pings *p, const struct ping_opts *opts, struct ping_run **ret);
void ping_run_cancel(struct ping_run *r);

#endif
