/* SPDX-License-Identifier: Apache-2.0 */
/* state.h: unconfigured, degraded or healthy: one rule (p2pos.md section 4; features.md P-010,
 * P-011). */
#ifndef P2POS_CLUSTER_STATE_H
#define P2POS_CLUSTER_STATE_H

#include "proto/cluster/core.h"

struct state_facts {
	bool has_list;  /* a snapshot is in force */
	bool is_member; /* …and names this node */
	size_t members; /* N */
	size_t online;  /* k, this node included */
};

/* In this order: no list, not in it, nobody in it: unconfigured; 2k > N: healthy; else degraded. */
enum core_state state_of(const struct state_facts *f);

#endif
