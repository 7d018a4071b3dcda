/* SPDX-License-Identifier: Apache-2.0 */
/* history.h: the snapshots that the node has accepted, by their place (0 = the current one) or by the
 * beginning of their hash. */
#ifndef P2POS_CLI_HISTORY_H
#define P2POS_CLI_HISTORY_H

#include <jansson.h>

#include "cli/cli.h"

/* The hash of a place; anything that is no place is taken for a hash, or the beginning of one. 0 with
 * `ret` (owned by the caller), or the exit code. */
int history_hash(struct cli *c, const char *which, char **ret);

/* The whole list, newest first, and where in it that one stands. 0 with `ret_list` (owned by the
 * caller), or the exit code. */
int history_find(struct cli *c, const char *which, json_t **ret_list, size_t *ret_at);

#endif
