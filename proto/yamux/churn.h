/* SPDX-License-Identifier: Apache-2.0 */
/* churn.h: how much a peer may make us do without getting anything done (rule R-27).
 *
 * Each check notes one occurrence and says whether it is still within its limit. Over a limit
 * the session ends and the peer's source is penalised: no honest peer comes near these figures. */
#ifndef P2POS_YAMUX_CHURN_H
#define P2POS_YAMUX_CHURN_H

#include "proto/base/clock.h"

#define YAMUX_OPENS_PER_SEC    50
#define YAMUX_OPENS_BURST      100
#define YAMUX_OPENS_REMEMBERED 200 /* of so many last opens … */
#define YAMUX_OPENS_RESET_MAX  100 /* … the peer may have reset so many */
#define YAMUX_PINGS_PER_SEC    4
#define YAMUX_PINGS_BURST      16
#define YAMUX_UPDATES_BURST    64   /* window updates beyond those that we earned by … */
#define YAMUX_BYTES_PER_UPDATE 1024 /* … delivering so many bytes each */
/* So many bytes may be answered late: js-libp2p gives credit for each frame, and for a whole
 * window of them in one go when it has read them in one. No window here is larger. */
#define YAMUX_UPDATE_BYTES_EARNED_MAX (16 * 1024 * 1024)
#define YAMUX_IDLE_FRAMES_PER_SEC     100 /* frames that change nothing */
#define YAMUX_IDLE_FRAMES_BURST       1000

struct yamux_churn {
	/* Token buckets in the form of the time at which each would be full again; no clock is
	 * read and nothing is refilled. */
	mono_t opens_full;
	mono_t pings_full;
	mono_t idle_full;
	/* Window updates, in bytes, that deliveries have not yet paid; below 0 when paid ahead. */
	int64_t update_debt;
	uint32_t opens;  /* so far; the number of an open is what this was before it */
	uint16_t resets; /* bits set below */
	uint64_t reset[(YAMUX_OPENS_REMEMBERED + 63) / 64]; /* by number of the open, modulo */
};

/* The peer opened a stream; `ret_number` names this open to yamux_churn_reset(). */
bool yamux_churn_open(struct yamux_churn *c, mono_t now, uint32_t *ret_number);

/* The peer reset the stream of open `number`. */
bool yamux_churn_reset(struct yamux_churn *c, uint32_t number);

bool yamux_churn_ping(struct yamux_churn *c, mono_t now);

/* The peer gave credit; and so many bytes of ours left for it. */
bool yamux_churn_update(struct yamux_churn *c);
void yamux_churn_delivered(struct yamux_churn *c, uint32_t bytes);

/* A frame that changes nothing: for a stream that is gone, empty, or said before. */
bool yamux_churn_idle_frame(struct yamux_churn *c, mono_t now);

#endif
