/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h: what the node says of its state, over the control socket, for as long as it takes.
 *
 * It subscribes to changes, so that it hears of one at once, and asks every WATCH_ASK_MS besides: a
 * node that hangs says nothing, and must not count as healthy for that. Nothing blocks. */
#ifndef P2POS_CLI_STATE_WATCH_H
#define P2POS_CLI_STATE_WATCH_H

#include "cli/state/marks.h"
#include "proto/rpc/jsonrpc.h"

#define WATCH_ASK_MS      5000
#define WATCH_ANSWER_MS   5000 /* no answer in this time: hung up, the state is unknown */
#define WATCH_RETRY_MS    500  /* from one attempt to connect, or "not ready", to the next */
#define WATCH_ANSWER_MAX  (64 * 1024) /* a longer line is none of ours: hung up */

struct watch {
	const char *path; /* borrowed */
	int fd;           /* -1: not connected */
	struct rpc_lines lines;
	long long last_id;
	bool is_waiting; /* for an answer to node.health */
	mono_t due;      /* connect, ask, or give up */
	struct state_report report; /* what was said last; STATE_UNKNOWN while nobody answers */
};

/* `path` must outlive it. The first watch_turn() connects. */
void watch_init(struct watch *w, const char *path);
void watch_deinit(struct watch *w);

/* To be called when `fd` is readable or `due` has come; then look at `report`. */
void watch_turn(struct watch *w, mono_t now);

#endif
