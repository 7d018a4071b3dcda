/* SPDX-License-Identifier: Apache-2.0 */
/* server.h: the inside of the control socket, shared by the files of this folder. */
#ifndef P2POS_CONTROL_SERVER_H
#define P2POS_CONTROL_SERVER_H

#include "daemon/control/alerts.h"
#include "daemon/control/control.h"
#include "daemon/control/observed.h"
#include "daemon/control/role.h"
#include "daemon/control/wait.h"

struct client;

struct control {
	struct control_node *node; /* borrowed */
	struct loop *loop;         /* the node's */
	struct pipe_listener *listener;
	struct pipe_listener *readers; /* their door; NULL where they need none, or have none */
	struct role_rules roles;
	struct list clients;       /* struct client.node */
	unsigned client_count;
	struct list doomed;        /* freed at the end of the turn */
	struct turn_end chores;    /* backlogs, and the doomed */
	bool is_ready, is_stopping;
	bool hears_log;            /* our listener is set */
	struct list waits;         /* struct wait.node: calls that wait for news */
	struct alerts alerts;      /* the recent ones */
	uint64_t starved_seen;     /* times that descriptors ran out, as seen last … */
	wall_t starved_at;         /* … and when that grew; WALL_ZERO = never */
	struct observed observed;  /* how others see our address */
};

/* Moves a client to the doomed ones. For client_doom(). */
void server_bury(struct control *c, struct client *client);

/* At the end of this turn: while all backlogs together are over their limit, closes the client
 * with the largest. Not at once, because somebody may be walking along the clients. */
void server_mind_backlog(struct control *c);

/* The unread bytes of all clients. */
size_t server_backlog(const struct control *c);

#endif
