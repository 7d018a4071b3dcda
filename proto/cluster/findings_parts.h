/* SPDX-License-Identifier: Apache-2.0 */
/* findings_parts.h: what the files behind findings.h share. */
#ifndef P2POS_CLUSTER_FINDINGS_PARTS_H
#define P2POS_CLUSTER_FINDINGS_PARTS_H

#include "proto/cluster/core_parts.h"
#include "proto/cluster/findings.h"

/* Appends one; NULL beyond FINDINGS_MAX. A text that is too long is cut. */
struct finding *finding_add(struct findings *f, const char *cause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What to do about it. `x` may be NULL. */
void finding_cure(struct finding *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Members that are not reached, and why. */
void way_members(const struct core *c, mono_t now, struct findings *f);
/* Members that are reached with losses. */
void way_losses(const struct core *c, struct findings *f);
/* Strangers and addresses without a name, of which a newcomer hopes that they let it in. `a` may be
 * NULL. */
void way_seeds(const struct core *c, const struct core_surroundings *a, struct findings *f);

#endif
