/* SPDX-License-Identifier: Apache-2.0 */
/* inherited.h: listening sockets that an earlier process of this service left open for us
 * (daemon/sys/handover.h), recognised by what they are, not by what they are called.
 *
 * Sockets of any free port (0) are neither kept nor looked for: the next process would not know that
 * it wants exactly that one. */
#ifndef P2POS_IO_INHERITED_H
#define P2POS_IO_INHERITED_H

#include "proto/multi/maddr.h"

#define INHERITED_CONTROL "control" /* also what a socket unit calls it (LISTEN_FDNAMES) */
#define INHERITED_READERS "readers" /* the door of those who may only ask (config/readers.h) */

/* A socket of `type` (SOCK_STREAM: listening; SOCK_DGRAM) bound to `addr`, non-blocking; the
 * caller's. -1 when there is none; one that is something else is closed. */
int inherited_ip(int type, const struct maddr_ip *addr);
/* Has it kept for the next process, or no longer. */
void inherited_keep_ip(int type, const struct maddr_ip *addr, int fd);
void inherited_forget_ip(int type, const struct maddr_ip *addr);

/* A local socket of that name, of an earlier process or of a socket unit: listening, its file still
 * there. -1 as above. Kept by pipe_listen(). */
int inherited_local(const char *name);

#endif
