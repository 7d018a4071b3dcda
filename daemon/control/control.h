/* SPDX-License-Identifier: Apache-2.0 */
/* control.h: the control socket of the node (operator.md "JSON-RPC"; features.md P-002; R-60).
 *
 * Roles are settled when a client connects, from what the kernel says of it (role.h): root and our
 * own user may do all, and so may the group of the socket; the group that control.read_only_group
 * names may only read, also when it is the same. Nobody else is served. Everything here runs on
 * the loop's thread. */
#ifndef P2POS_CONTROL_CONTROL_H
#define P2POS_CONTROL_CONTROL_H

#include "daemon/control/face.h"
#include "daemon/io/uv_pipe.h"

#define CONTROL_CLIENTS_MAX       64 /* the next is told `busy` and closed */
#define CONTROL_BACKLOG_BYTES_MAX (16u * 1024 * 1024) /* of all clients; beyond, the largest is closed */

struct control;

struct control_opts {
	struct control_node *node; /* borrowed; outlives the socket */
	const char *path;
	gid_t group;               /* PIPE_NO_GROUP: root and our own user alone are served (0600) */
	const char *read_only_group; /* a name; "" or NULL = none. An unknown one is P2P_ERR_CONFIG */
	bool sees_users;           /* the kernel says who calls (privs_sees_all_users()) */
	int inherited_fd;          /* of socket activation, or of an earlier process; -1 = none */
};

/* Listens at once; until control_set_ready() most methods answer `not_ready`. That the readers' door
 * cannot be opened is logged, and harms nobody else. Errors of pipe_listen(), and P2P_ERR_CONFIG. */
int control_open(const struct control_opts *opts, struct control **ret);

void control_set_ready(struct control *c);
/* From now on changing calls are refused with `shutting_down`. */
void control_set_stopping(struct control *c);

/* Stops listening and lets go of all clients; what is queued for them still leaves while the loop
 * turns. Tickets that are open stay valid and answer nobody. Before the modules that the handlers
 * use, and not from inside a call (control_node.stop only begins). NULL is fine. */
void control_close(struct control *c);

/* For tests and figures. */
unsigned control_clients(const struct control *c);

#endif
