/* SPDX-License-Identifier: Apache-2.0 */
/* member_list.h: a list of members to be signed, validated strictly (features.md P-067).
 *
 * What we receive is counted as others count it (snapshot.h); what we sign must be beyond doubt:
 * every entry an Ed25519 peer ID, no peer in two spellings, at most MEMBERS_MAX of them. */
#ifndef P2POS_P2POS_MEMBER_LIST_H
#define P2POS_P2POS_MEMBER_LIST_H

#include "proto/multi/peer_id.h"

#define MEMBERS_MAX 16384 /* a longer list is refused, whoever signed it */

struct snapshot;

/* Sorted, each peer once. Zero is the empty list. */
struct member_list {
	size_t count, cap;
	struct peer_id *peers; /* owned */
	bool *was_base58;      /* owned; how entry i was spelled when it came as text */
};

void member_list_deinit(struct member_list *l);

/* Adds one from text; white space around is trimmed, and a text that is already there is dropped
 * quietly. P2P_ERR_INVALID (no peer ID, or empty), P2P_ERR_UNSUPPORTED (no Ed25519 key in it),
 * P2P_ERR_EXISTS (the same peer in another spelling), P2P_ERR_FULL. */
int member_list_add_text(struct member_list *l, struct bytes text);

/* Adds one; P2P_ERR_EXISTS when it is there, else as above. */
int member_list_add(struct member_list *l, const struct peer_id *peer);

/* Takes one out. P2P_ERR_NOT_FOUND. */
int member_list_remove(struct member_list *l, const struct peer_id *peer);

bool member_list_has(const struct member_list *l, const struct peer_id *peer);

/* The members of a snapshot as a start for an edit. Entries that could not be signed again (no
 * peer ID, or a second spelling) are left out and counted in `ret_dropped` (may be NULL). */
void member_list_from_snapshot(struct member_list *ret, const struct snapshot *s,
	size_t *ret_dropped);

/* How many members make a majority of `n`: the smallest k with 2k > n. */
static inline size_t members_quorum(size_t n)
{
	return n / 2 + 1;
}

#endif
