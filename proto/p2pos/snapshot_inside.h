/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_inside.h: what snapshot.c, snapshot_build.c and snapshot_check.c share, and nobody
 * else. */
#ifndef P2POS_P2POS_SNAPSHOT_INSIDE_H
#define P2POS_P2POS_SNAPSHOT_INSIDE_H

#include "proto/p2pos/snapshot.h"

/* Fills in the members from `count` texts, each trimmed, not empty and ended by NUL: sorted, each
 * once, with their peers and the number of odd ones. */
void snapshot_take_texts(struct snapshot *s, struct buf *take_texts, size_t count);

/* Computes `hash` from the other fields. */
void snapshot_hash(struct snapshot *s);

/* What is wrong with the proof, but for its signature: its fields, or issued_at lies outside its
 * period. */
enum snapshot_reason snapshot_check_proof_fields(const struct snapshot *s, const char *cluster_id);

#endif
