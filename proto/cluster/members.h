/* SPDX-License-Identifier: Apache-2.0 */
/* members.h: the list in force, the floor below which nothing is accepted, and the snapshots that
 * are on their way into force (p2pos.md 3.5; ).
 *
 *   offered ──► join | late ──► waiting ──► storing ──► held
 *
 * join:    the newest of several sources' while no list is held
 * late:    its proof has expired; others must confirm it
 * waiting: accepted; the issuer's rate or the disk is not ready for it. One slot, the newest
 * storing: on its way to the disk. Nobody is told "applied" before it is there
 * held:    in force */
#ifndef P2POS_CLUSTER_MEMBERS_H
#define P2POS_CLUSTER_MEMBERS_H

#include "proto/cluster/bucket.h"
#include "proto/p2pos/snapshot.h"

#define MEMBERS_TOKENS_MAX    64 /* askers about one snapshot; further ones are told to come again */
#define MEMBERS_ISSUERS_MAX   8  /* issuers with a rate of their own; the longest idle makes room */
#define MEMBERS_CONFLICTS_MAX 16 /* losers of a tie already told about; the oldest makes room */
#define MEMBERS_APPLY_BURST   5  /* */
#define MEMBERS_APPLY_MS      1000

/* A snapshot that was found good, and who wants to know what becomes of it. */
struct judged {
	struct snapshot s;
	enum snapshot_source source;
	struct peer_id from; /* none when local */
	size_t token_count;
	uint64_t tokens[MEMBERS_TOKENS_MAX];
};

struct members {
	bool has_held;
	struct snapshot held;
	enum snapshot_source held_source;
	struct peer_id held_from;
	wall_t applied_at;           /* WALL_ZERO: in an earlier run */
	struct snapshot_stamp floor; /* all zero = none. Never falls */
	bool single_source;          /* */

	struct judged *join, *late, *waiting, *storing; /* owned, NULL = empty */
	uint64_t store_token;

	size_t issuer_count;
	struct {
		struct peer_id issuer;
		struct bucket rate;
	} issuers[MEMBERS_ISSUERS_MAX];
	size_t conflict_count;
	uint8_t conflicts[MEMBERS_CONFLICTS_MAX][SNAPSHOT_HASH_BYTES];
};

void members_deinit(struct members *m);

struct judged *judged_new(struct snapshot *take_s, enum snapshot_source source,
	const struct peer_id *from, uint64_t token);
void judged_free(struct judged *j);
/* False when there is no room for one more. Token 0 is nobody. */
bool judged_add_token(struct judged *j, uint64_t token);

enum members_place {
	MEMBERS_NEWER, /* above everything held or on its way to the disk */
	MEMBERS_IS_HELD,
	MEMBERS_IS_STORING,
	MEMBERS_IS_WAITING,
	MEMBERS_STALE, /* below the floor or what is being stored */
};
/* Where a snapshot stands. The floor itself may come back when its list was lost. */
enum members_place members_place(const struct members *m, const struct snapshot_stamp *s);

/* One that is held or on its way, valid, for the same instant as `s` and with other content; NULL
 * when there is none. */
const struct snapshot *members_conflict(const struct members *m, const struct snapshot *s);
/* True the first time for a hash: tell about it (64 lists a second are one story). */
bool members_conflict_is_new(struct members *m, const uint8_t hash[SNAPSHOT_HASH_BYTES]);

/* Takes one from the issuer's rate; false when it has none left. */
bool members_may_apply(struct members *m, const struct peer_id *issuer, mono_t now);
/* When it has one again. */
mono_t members_apply_at(const struct members *m, const struct peer_id *issuer);

/* Raises the floor; a lower one changes nothing. */
void members_raise_floor(struct members *m, const struct snapshot_stamp *s);

/* The one in `storing` is on disk: it is held now. The caller owns the previous list in `ret_old`
 * (empty when there was none) and the askers of the new one in the returned judged. */
struct judged *members_commit(struct members *m, struct snapshot *ret_old, wall_t wall);

#endif
