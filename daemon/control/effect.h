/* SPDX-License-Identifier: Apache-2.0 */
/* effect.h: what another list of members would mean for this cluster, judged before anybody signs
 * (member.plan) and once more before it is taken (member.publish). */
#ifndef P2POS_CONTROL_EFFECT_H
#define P2POS_CONTROL_EFFECT_H

#include <jansson.h>

#include "daemon/control/face.h"

/* A server that asked to join and was turned away is back with its next try: if it knocked within
 * this time, it counts as present once it is let in. */
#define EFFECT_KNOCK_SEC 600

/* A clock that is further off the median of the members' clocks signs nothing that would be in
 * order with what others sign (N-15). */
#define EFFECT_SKEW_MS 5000

struct effect {
	size_t members, quorum;  /* after */
	size_t online;           /* of them: online, connected, or knocking */
	enum core_state state;   /* after; of this node */
	bool locks_out_self;     /* this node is a member and would not be */
	bool locks_out_issuer;   /* the same of whoever issued the snapshot in force */
	bool locks_out_quorum;   /* there is a cluster, and it would have no majority present */
	bool no_spare;           /* healthy, but not with one less */
	int64_t skew_ms;         /* of this clock, when it is off; 0 = it is not. Positive: ahead */
};

/* `text_count` entries are counted (N of the quorum rule), of which `peers` are peer ids. */
struct effect effect_of(const struct control_node *n, const struct peer_id *peers,
	size_t peer_count, size_t text_count);

/* The word for data.detail of would_lock_out, NULL when nobody is. */
const char *effect_lock_out(const struct effect *e);

/* [{"type","text"}] */
json_t *effect_warnings(const struct effect *e);

#endif
