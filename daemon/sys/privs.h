/* SPDX-License-Identifier: Apache-2.0 */
/* privs.h: what the process gives up or asks for before it does anything (rules ). */
#ifndef P2POS_SYS_PRIVS_H
#define P2POS_SYS_PRIVS_H

#include <stdbool.h>
#include <stdint.h>

#define PRIVS_FILES_WANTED 65536 /* the soft limit is raised to this, or to the hard limit */

/* umask 0077, no core dumps, not dumpable, SIGPIPE ignored, the soft limit of open files raised.
 * Returns that limit. Nothing here can fail in a way that matters enough to stop. */
uint64_t privs_apply(void);

/* False in a user namespace that has not all users (PrivateUsers= of the unit): others who call on
 * the control socket then all look alike, as nobody. `map` is the text of /proc/self/uid_map. */
bool privs_map_is_whole(const char *map);
bool privs_sees_all_users(void);

#endif
