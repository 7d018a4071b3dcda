/* SPDX-License-Identifier: Apache-2.0 */
/* findings.h: what lies behind a node's state or threatens it, the most telling first (features.md
 * N-08). Pure: the core's tables and what the owner sees around them go in, sentences come out. */
#ifndef P2POS_CLUSTER_FINDINGS_H
#define P2POS_CLUSTER_FINDINGS_H

#include "proto/cluster/core.h"

#define FINDINGS_MAX      16  /* the least telling ones beyond are left out */
#define FINDING_TEXT_SIZE 448 /* a longer sentence is cut */

struct finding {
	const char *cause;              /* a fixed word for scripts; static */
	char text[FINDING_TEXT_SIZE];   /* a clause without a full stop */
	char remedy[FINDING_TEXT_SIZE]; /* "" = none */
};

struct findings {
	size_t count;
	struct finding list[FINDINGS_MAX];
};

/* Looks at everything. `around` may be NULL: then only the core's own tables speak. */
void findings_make(const struct core *c, const struct core_view *v,
	const struct core_surroundings *around, wall_t wall, mono_t now, struct findings *ret);

#endif
