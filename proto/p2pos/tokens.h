/* SPDX-License-Identifier: Apache-2.0 */
/* tokens.h: the join string and the Web Admin bundle, version 1 (p2pos.md section 10).
 *
 * A join string holds no secret: p2pos-join:// and base64url (no padding; padding is accepted) of
 * {"v":1,"cluster_id","system_pubkey","bootstrap":[multiaddr or name,…]}.
 *
 * A bundle holds the admin's private key: p2pos-admin:// and base64 of
 * {"v":1,"cluster_id","bootstrap","admin_priv","admin_proof":{…},"system_pubkey"}. The same JSON
 * is also accepted bare. Old ones have no system_pubkey. Wipe what was printed. */
#ifndef P2POS_P2POS_TOKENS_H
#define P2POS_P2POS_TOKENS_H

#include "proto/p2pos/admin_proof.h"

#define JOIN_PREFIX         "p2pos-join://"
#define JOIN_TEXT_MAX       16384 /* a longer string is refused */
#define JOIN_BOOTSTRAP_MAX  16    /* more entries are refused */
#define BUNDLE_PREFIX       "p2pos-admin://"
#define BUNDLE_TEXT_MAX     8192
#define BOOTSTRAP_TEXT_MAX  512   /* of one entry */

/* Is `text` a multiaddr, or a DNS name? */
bool bootstrap_is_valid(struct bytes text);

/* Zero is empty. */
struct join_token {
	char cluster_id[CLUSTER_ID_SIZE];
	struct key_public system;
	wall_t expires; /* optional field "exp"; zero = never, which is what p2pos.md's form says */
	size_t bootstrap_count;
	char *bootstrap[JOIN_BOOTSTRAP_MAX]; /* owned */
};

void join_token_deinit(struct join_token *t);

/* Adds a copy. P2P_ERR_INVALID, P2P_ERR_FULL. */
int join_token_add_bootstrap(struct join_token *t, struct bytes text);

/* Appends the string, without a newline. P2P_ERR_INVALID (no cluster ID), P2P_ERR_TOO_LARGE. */
int join_token_print(struct buf *out, const struct join_token *t);

/* White space around is allowed. P2P_ERR_INVALID whatever is wrong with it: a join string is not
 * repaired by hand but copied again. P2P_ERR_UNSUPPORTED for a later version. */
int join_token_parse(struct bytes text, struct join_token *ret);

struct admin_bundle {
	char cluster_id[CLUSTER_ID_SIZE];
	char bootstrap[BOOTSTRAP_TEXT_MAX + 1]; /* may be "" */
	struct key_pair admin;
	struct admin_proof proof;
	bool has_system;
	struct key_public system;
};

/* Wipes. */
void admin_bundle_deinit(struct admin_bundle *b);

/* Appends the string, without a newline; give a secret buffer. P2P_ERR_INVALID when the proof is
 * not for this key and cluster, P2P_ERR_TOO_LARGE. */
int admin_bundle_print(struct buf *out, const struct admin_bundle *b);

/* P2P_ERR_INVALID whatever is wrong, also when the key, the proof and the cluster do not belong
 * together, or the proof is not signed by the bundle's own system_pubkey. P2P_ERR_UNSUPPORTED for
 * version 2 (encrypted under a passphrase) and later. */
int admin_bundle_parse(struct bytes text, struct admin_bundle *ret);

#endif
