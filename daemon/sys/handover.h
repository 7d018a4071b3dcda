/* SPDX-License-Identifier: Apache-2.0 */
/* handover.h: sockets that outlive the process: in through $LISTEN_FDS, out through the
 * file-descriptor store of the service manager (sd_notify(3), sd_listen_fds(3); features.md N-11).
 *
 * A socket that is kept has a name. At the next start it is among the inherited ones under that
 * name, with whatever arrived meanwhile still in it. Closing it for good means forgetting it, too;
 * from handover_stopping() on nothing is forgotten any more, because then closing means nothing.
 *
 * Without a service manager, or with one that keeps nothing, none of it does anything. The names
 * prove nothing: daemon/io/inherited.h looks at what a descriptor really is. */
#ifndef P2POS_SYS_HANDOVER_H
#define P2POS_SYS_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#define HANDOVER_MAX       40 /* two of each listening address, the control socket, and a few; what is
                               * beyond is not kept, or closed when it is inherited. As
                               * FileDescriptorStoreMax= of the unit */
#define HANDOVER_NAME_SIZE 64 /* letters, digits, '-', '.', '_' */

/* Reads $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES and takes them out of the environment. After
 * notify_open(). Returns how many were inherited. */
size_t handover_open(void);
/* Whether this process follows another one of this service at once: it inherited something. */
bool handover_is_restart(void);
/* Closes what nobody took, and has the service manager forget it: it is of an earlier
 * configuration. */
void handover_close_rest(void);
/* Empties all tables; for the very end, and tests. Nothing is forgotten. */
void handover_close(void);

/* The inherited descriptor of that name, the caller's from now on; -1 when there is none. */
int handover_take(const char *name);

/* Asks for `fd` to be kept under `name`; once more changes nothing. */
void handover_keep(const char *name, int fd);
/* Whether it was asked for, and not forgotten since. */
bool handover_is_kept(const char *name);
/* It is closed for good. */
void handover_forget(const char *name);
/* What was taken is not what it should be: closes it, and has the service manager forget it. */
void handover_refuse(const char *name, int take_fd);
/* The process ends: what is closed from now on shall be there for the next. */
void handover_stopping(void);

#endif
