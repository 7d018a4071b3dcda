/* SPDX-License-Identifier: Apache-2.0 */
/* uv_pipe.h: the Unix socket of the control plane: mode and group, who is calling, and the file
 * that a killed process leaves behind. */
#ifndef P2POS_IO_UV_PIPE_H
#define P2POS_IO_UV_PIPE_H

#include <sys/types.h>

#include "daemon/io/flow.h"

#define PIPE_NO_GROUP    ((gid_t)-1)
#define PIPE_PATH_MAX    107 /* what a socket address holds, without the NUL */

/* Who called, as the kernel saw it at connect time (SO_PEERCRED). */
struct pipe_caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

struct pipe_listen_opts {
	const char *path;
	mode_t mode;      /* the file never has more than this, not even for a moment */
	gid_t group;      /* PIPE_NO_GROUP: as the process creates it */
	int inherited_fd; /* a listening socket from the service manager instead; -1: none. Its file is
	                   * neither made nor removed by us; mode and group are set if it is `path` */
	const char *kept_as; /* a literal: its name for the next process (inherited.h); NULL: not kept */
	/* The flow is the callee's; reading starts with flow_start(). */
	void (*on_accept)(void *arg, struct flow *take_flow, const struct pipe_caller *who);
	void *arg;
};

struct pipe_listener;

/* Replaces a stale file, never a live one: P2P_ERR_BUSY when somebody answers there (or is being
 * started there this moment), P2P_ERR_EXISTS when the path is no socket, P2P_ERR_TOO_LARGE for the
 * path, P2P_ERR_DENIED, P2P_ERR_NOT_FOUND (no such directory), P2P_ERR_IO. */
int pipe_listen(struct loop *l, const struct pipe_listen_opts *opts, struct pipe_listener **ret);

/* Closes, and removes the file if it is still the one that we made and the socket is not kept for
 * the next process (daemon/sys/handover.h). NULL is fine. */
void pipe_listener_close(struct pipe_listener *p);

#endif
