/* SPDX-License-Identifier: Apache-2.0 */
/* around.h: what the core cannot see of a node, gathered for its explanation. */
#ifndef P2POS_CONTROL_AROUND_H
#define P2POS_CONTROL_AROUND_H

#include "daemon/control/face.h"
#include "daemon/control/server.h"

/* `facts` points into the rest, which is therefore not copied. */
struct around {
	struct core_surroundings facts;
	struct core_alert alerts[ALERTS_KEPT];
	char dns_failed[MADDR_TEXT_MAX + 1];
};

/* Texts of alerts are borrowed from the control socket until the next one is noted. */
void around_look(struct control *c, struct around *ret);

/* Appends what is wrong around the node to a list of alerts ({"type","text","since"}). */
void around_add_alerts(const struct around *a, wall_t now, json_t *list);

/* Looks whether descriptors ran out since the last time; to be called now and then. */
void around_note_starved(struct control *c);

#endif
