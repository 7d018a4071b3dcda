/* SPDX-License-Identifier: Apache-2.0 */
/* alerts.h: what an operator should know without being asked: what is wrong at this moment, and the
 * newest alerts of the core. */
#ifndef P2POS_CONTROL_ALERTS_H
#define P2POS_CONTROL_ALERTS_H

#include <jansson.h>

#include "proto/cluster/core.h"

#define ALERTS_KEPT       16   /* the newest; an older one of the same kind is replaced */
#define ALERTS_TEXT_SIZE  256  /* a longer sentence is cut */
#define ALERTS_SHOWN_SEC  86400 /* an alert of yesterday is history: timeline and log have it */
#define ALERTS_PROOF_DAYS 30   /* a proof that ends earlier is worth a line */

/* Zero is empty. */
struct alerts {
	struct alert {
		char kind[48];
		char text[ALERTS_TEXT_SIZE];
		wall_t at;
	} kept[ALERTS_KEPT]; /* oldest first */
	size_t count;
};

void alerts_note(struct alerts *a, const char *kind, const char *text, wall_t at);

/* The sentence of the i-th alert of the core, newest first; "" when there is nothing to say of it any
 * more, NULL past the last. */
const char *alerts_text(const struct alerts *a, const struct core_view *view, wall_t now, size_t i);

/* [{"type","text","since"}]: standing ones first. */
json_t *alerts_json(const struct alerts *a, const struct core_view *view, wall_t now);

#endif
