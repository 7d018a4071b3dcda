/* SPDX-License-Identifier: Apache-2.0 */
/* events.h: news for subscribers (features.md P-075; proto/rpc/README.md "Notifications").
 *
 * wiring.c passes on what the core decided and what the swarm, identify and the drive saw. A
 * subscriber that does not keep up misses events, and the gap in `seq` tells it how many. Without a
 * subscriber next to nothing happens here. */
#ifndef P2POS_CONTROL_EVENTS_H
#define P2POS_CONTROL_EVENTS_H

#include <jansson.h>

#include "daemon/control/control.h"

struct client;

#define EVENT_TYPE_LIST(X)                                                                         \
	X(STATE, "state")                                                                          \
	X(MEMBER, "member")                                                                        \
	X(MEMBERSHIP, "membership")                                                                \
	X(PEER, "peer")                                                                            \
	X(ALERT, "alert")                                                                          \
	X(LOG, "log")                                                                              \
	X(PENDING, "pending")

enum event_type {
#define X(id, name) EVENT_##id,
	EVENT_TYPE_LIST(X)
#undef X
	EVENT_TYPE_COUNT
};

#define EVENT_BIT(type)   (1u << (type))
#define EVENT_ALL_BUT_LOG (((1u << EVENT_TYPE_COUNT) - 1) & ~EVENT_BIT(EVENT_LOG))

/* ---- from wiring ---- */

/* Every decision of the core, in its order; those that are no news are ignored. */
void control_hear_decision(struct control *c, const struct core_decision *d);
/* A snapshot that came over the wire was refused. */
void control_hear_rejected(struct control *c, enum snapshot_reason reason,
	enum snapshot_source source, const struct peer_id *from);
/* swarm_watch: a connection is up, or was and is not any more (`why`: the word it ended with). */
void control_hear_up(struct control *c, const struct swarm_conn *conn);
void control_hear_gone(struct control *c, const struct swarm_conn *conn, const char *why);
/* core_push_done() and core_pull_done() have just been called. */
void control_hear_push(struct control *c, const struct peer_id *peer, int err, bool applied);
void control_hear_pull(struct control *c, const struct peer_id *peer, int err);
/* identify_listen. */
void control_hear_identified(struct control *c, const struct identify_news *news);

/* ---- within the folder ---- */

const char *event_type_name(enum event_type type);
/* P2P_ERR_INVALID for another word. */
int event_type_parse(const char *word, enum event_type *ret);

bool events_is_subscribed(const struct client *c);
/* Does anybody want these? */
bool events_wanted(const struct control *c, enum event_type type);
/* To all who do; `take_fields` is an object. */
void events_send(struct control *c, enum event_type type, json_t *take_fields);

/* The number of the new subscription, 0 when there is no room. */
unsigned events_subscribe(struct client *c, unsigned types);
bool events_unsubscribe(struct client *c, unsigned number);

#endif
