/* SPDX-License-Identifier: Apache-2.0 */
/* place.h: where a node's files lie: the system service's, or all in one --data-dir; and who owns
 * them. `init` and `join` fill such a place; the daemon finds there what it needs. */
#ifndef P2POS_CLI_PLACE_H
#define P2POS_CLI_PLACE_H

#include <jansson.h>

#include "cli/cli.h"
#include "proto/keys/key.h"

/* The snapshot that `init` signs; the node takes it at its first start. */
#define PLACE_FIRST_SNAPSHOT "first-snapshot.json"
#define PLACE_SERVICE_USER   "p2pos"

struct place {
	bool is_system; /* no --data-dir was given */
	char *dir;      /* the state directory */
	char *config;
	char *node_key;
	char *first_snapshot;
};

/* From --data-dir; makes the directory. 0 or the exit code. */
int place_open(struct cli *c, struct place *ret);
void place_deinit(struct place *p);

/* This node's key: the one that is there, else a fresh one, written; the service's from now on. */
int place_node_key(struct cli *c, const struct place *p, struct key_pair *ret);

/* What an existing configuration says, so that a second run can tell whether it is the same node:
 * 0 with `ret` (owned by the caller), or NULL there when no file exists; else the exit code. */
int place_read_config(struct cli *c, const struct place *p, json_t **ret);

/* Writes the configuration (taken) and lets the service read it. */
int place_write_config(struct cli *c, const struct place *p, json_t *take_config);

/* root:p2pos 0640 for the service, which may read but not change it; 0600 for a node of one's own.
 * Does no harm twice: an earlier run may have ended just before it. */
int place_hand_over_config(struct cli *c, const struct place *p);

/* Gives a file of root's in the state directory to the service's user, when root fills the system's
 * place; one of somebody else's is refused. */
int place_hand_over(struct cli *c, const struct place *p, const char *path);

/* Adds --listen and --announce to a configuration. 0 or the exit code. */
int place_add_addresses(struct cli *c, json_t *config);

/* The addresses under which others can reach this node, from --announce, --listen or the machine's
 * interfaces, each with /p2p/`peer`: appended to an array of strings. */
int place_reachable(struct cli *c, const struct peer_id *peer, json_t *to);

#endif
