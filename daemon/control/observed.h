/* SPDX-License-Identifier: Apache-2.0 */
/* observed.h: the addresses under which other peers see this node, for node.addresses. */
#ifndef P2POS_CONTROL_OBSERVED_H
#define P2POS_CONTROL_OBSERVED_H

#include "proto/multi/maddr.h"

#define OBSERVED_MAX 64 /* peers remembered; beyond: the one that spoke longest ago is forgotten */

/* Zero is empty. */
struct observed {
	struct observed_line {
		struct peer_id by;
		struct maddr addr;
		uint64_t when; /* a count of reports: orders lines by age */
	} lines[OBSERVED_MAX];
	size_t count;
	uint64_t reports;
};

/* `by` sees us as `addr`; replaces what it said before. */
void observed_note(struct observed *o, const struct peer_id *by, const struct maddr *addr);

/* The i-th different address and how many peers see it; false past the end. */
bool observed_at(const struct observed *o, size_t i, struct maddr *ret_addr, unsigned *ret_peers);

#endif
