/* SPDX-License-Identifier: Apache-2.0 */
/* readers.h: where those knock who may only ask (control.read_only_group), where the daemon cannot see
 * who calls: under the unit's PrivateUsers= all users but root and its own look alike.
 *
 * There the group has a door of its own: a directory that only it may enter, made by the unit, with a
 * socket in it. Whoever comes that way is a reader. For /run/p2pos/p2posd.sock it is
 * /run/p2pos-readers/p2posd.sock. */
#ifndef P2POS_CONFIG_READERS_H
#define P2POS_CONFIG_READERS_H

#include <stdbool.h>
#include <stddef.h>

#define READERS_PATH_SIZE 128

/* The readers' socket that belongs to a control socket; false when the path has no directory, or does
 * not fit. `to` has READERS_PATH_SIZE bytes. */
bool readers_path(const char *control_socket, char *to);

#endif
