/* SPDX-License-Identifier: Apache-2.0 */
/* evidence.h: two valid snapshots for one instant, as a file that proves itself
 * (features.md N-03, P-064).
 *
 * JSON: {"evidence":"equivocation","snapshots":[SNAPSHOT,SNAPSHOT]}. Who knows only the system's
 * public key can check it: both are validly signed and proven, for the same issued_at, and say
 * different things. */
#ifndef P2POS_P2POS_EVIDENCE_H
#define P2POS_P2POS_EVIDENCE_H

#include "proto/p2pos/snapshot.h"

#define EVIDENCE_BYTES_MAX (2 * SNAPSHOT_BYTES_MAX + 256)

struct evidence {
	struct snapshot a, b; /* `a` prevails */
};

void evidence_deinit(struct evidence *e);

/* Appends the JSON of two conflicting snapshots and a newline, the prevailing one first.
 * P2P_ERR_MISMATCH when they do not conflict, P2P_ERR_TOO_LARGE. */
int evidence_print(struct buf *out, const struct snapshot *one, const struct snapshot *other);

/* P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE, P2P_ERR_INVALID; P2P_ERR_MISMATCH when the
 * two do not conflict. */
int evidence_parse(struct bytes json, struct evidence *ret);

/* Are both good under `system`? The cluster is the one that they name. 0, or the error and reason
 * of snapshot_check() for the first that is not. */
int evidence_check(const struct evidence *e, const struct key_public *system,
	enum snapshot_reason *ret_reason);

#endif
