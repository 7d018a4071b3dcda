/* SPDX-License-Identifier: Apache-2.0 */
/* perf.h: /perf/1.0.0, both sides (perf.md): how fast bytes go to a peer and come back, with the
 * transport and the security that its connection has. Bytes are written as the stream has room for
 * them and dropped as they arrive; nothing is ever stored. */
#ifndef P2POS_NET_PERF_H
#define P2POS_NET_PERF_H

#include "daemon/net/streams.h"
#include "proto/libp2p/perf.h"

#define PERF_RUNS_MAX 4 /* of ours at once; beyond: P2P_ERR_FULL */

struct perfs;
struct perf_run;

/* With `serves`, answers those whose grant names the protocol: PERF_STREAMS_MAX streams of a
 * connection, further ones are reset. Without, it only asks. */
struct perfs *perfs_new(struct streams *st, bool serves);
/* After streams_free(); runs in progress end without a callback. NULL is fine. */
void perfs_free(struct perfs *p);

struct perf_opts {
	uint64_t conn;
	uint64_t up, down; /* bytes, each at most PERF_BYTES_MAX */
	unsigned streams;  /* that share them, 1 to PERF_STREAMS_MAX */
	/* Told once, unless cancelled; when one of the streams fails, the others are given up. `r` is
	 * borrowed, NULL with an error: P2P_ERR_UNSUPPORTED,
	 * P2P_ERR_RESET (also: the peer wants no such amount), P2P_ERR_TIMEOUT, P2P_ERR_CLOSED,
	 * P2P_ERR_PROTOCOL, P2P_ERR_TRUNCATED. */
	void (*on_done)(void *arg, int err, const struct perf_result *r);
	void *arg;
};

/* P2P_ERR_CLOSED, P2P_ERR_FULL, P2P_ERR_AGAIN, P2P_ERR_TOO_LARGE. `ret` is dead after on_done, which
 * never comes from inside this call. */
int perf_run_start(struct perfs *p, const struct perf_opts *opts, struct perf_run **ret);
void perf_run_cancel(struct perf_run *r);

#endif
