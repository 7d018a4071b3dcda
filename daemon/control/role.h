/* SPDX-License-Identifier: Apache-2.0 */
/* role.h: who may do what on the control socket, by what the kernel says of the caller.
 *
 * Groups are looked up once, when the socket opens: a name service that hangs must not stop the
 * loop in the middle of the day. Somebody who is put into the group later is known after a
 * restart (of p2posd), or at once when it is his primary group. Where a file alone decides (the group
 * of the socket; the readers' door) the kernel looks, each time. */
#ifndef P2POS_CONTROL_ROLE_H
#define P2POS_CONTROL_ROLE_H

#include "daemon/io/uv_pipe.h"
#include "proto/rpc/methods.h"

#define ROLE_UIDS_MAX 1024 /* people of one group; further ones are not known as such */

/* A group and who is in it beside those whose primary group it is. */
struct role_group {
	gid_t gid; /* PIPE_NO_GROUP: none, and nobody is in it */
	size_t count;
	uid_t *uids; /* owned */
};

struct role_rules {
	uid_t own_uid;
	gid_t socket_group;       /* the file lets its members in; PIPE_NO_GROUP = nobody */
	struct role_group admins; /* filled only when there are readers to tell them from */
	struct role_group readers;
	bool readers_have_door; /* of their own: whoever comes by this one is none of them */
};

/* `read_only_group` is a name, "" or NULL = none. Without `sees_users` all callers but root and our
 * own user look alike: the readers then need a door of their own, unless their group is the socket's.
 * P2P_ERR_CONFIG when there is no such group. */
int role_rules_init(struct role_rules *r, gid_t socket_group, const char *read_only_group,
	bool sees_users);
void role_rules_deinit(struct role_rules *r);

/* The mode that the socket file needs under these rules: open to all when two groups must get in
 * (the rest is then refused here), else to owner and group, or to the owner alone. */
mode_t role_socket_mode(const struct role_rules *r);

enum rpc_role role_of(const struct role_rules *r, const struct pipe_caller *who);

#endif
