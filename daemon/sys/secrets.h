/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.h: this node's key: from where, and never a new one in place of a bad one
 * (features.md P-164, P-165; rule R-63).
 *
 * First found wins: the systemd credential `p2pos.node-key`, `node_private_key` of the
 * configuration, `node.key` in the data directory, and only when there is none of them a fresh
 * key, written to `node.key` with mode 0600 before it is used. */
#ifndef P2POS_SYS_SECRETS_H
#define P2POS_SYS_SECRETS_H

#include "proto/base/rng.h"
#include "proto/keys/key.h"

enum node_key_source {
	NODE_KEY_CREDENTIAL,
	NODE_KEY_CONFIG, /* works, but a file of its own is better: warn */
	NODE_KEY_FILE,
	NODE_KEY_CREATED,
};

struct node_key {
	struct key_pair *pair; /* owned; in locked memory that core dumps leave out */
	struct peer_id id;
	enum node_key_source source;
	bool is_locked;  /* false: the memory lock limit is too low; a warning, no error */
	bool is_guarded; /* `pair` came from sodium_malloc() */
};

struct secrets_opts {
	const char *credentials_dir; /* $CREDENTIALS_DIRECTORY; NULL or "" = none */
	const char *config_key;      /* node_private_key; NULL or "" = none */
	const char *data_dir;
};

#define SECRETS_WHY_SIZE 512

/* 0; P2P_ERR_CONFIG when a key is there but unusable (malformed, readable by others, a symbolic
 * link, another owner's, unreadable) and P2P_ERR_IO when a new one cannot be written. `why` then
 * holds one line that says what to do, the chmod command where one helps. */
int secrets_load_node_key(const struct secrets_opts *opts, struct rng *rng, struct node_key *ret,
	char why[SECRETS_WHY_SIZE]);

/* Wipes and frees. Safe on a zeroed struct. */
void node_key_deinit(struct node_key *k);

/* "credential", "config", "file", "created". */
const char *node_key_source_name(enum node_key_source source);

#endif
