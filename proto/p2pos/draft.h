/* SPDX-License-Identifier: Apache-2.0 */
/* draft.h: a change of the membership on its way from `member plan` to `member sign`
 * (p2pos.md section 10; features.md N-01).
 *
 * JSON: {"draft":1,"cluster_id","base_issued_at","base_hash","issuer_peer_id","members":[…],
 * "base":SNAPSHOT}, printed over several lines because people review it. `base` is the signed
 * snapshot from which the change starts: it lets the reviewer see the difference, and verify it,
 * without a node. A draft carries no authority; it is not signed. */
#ifndef P2POS_P2POS_DRAFT_H
#define P2POS_P2POS_DRAFT_H

#include "proto/p2pos/snapshot.h"

#define DRAFT_BYTES_MAX (2 * SNAPSHOT_BYTES_MAX + 4096)
#define DRAFT_LIMITS                                                                               \
	((struct json_limits){DRAFT_BYTES_MAX, 2 * SNAPSHOT_VALUES_MAX, SNAPSHOT_MEMBER_TEXT_MAX})

/* Zero is empty. */
struct draft {
	char cluster_id[CLUSTER_ID_SIZE];
	bool has_base;              /* false for the first snapshot of a cluster */
	struct snapshot_stamp base; /* what must be in force when it is published */
	bool has_snapshot;          /* `snapshot` is there (and is the one that `base` names) */
	struct snapshot snapshot;
	struct peer_id issuer;      /* who is meant to sign; none = whoever holds a proof */
	struct member_list members; /* as it shall be */
};

void draft_deinit(struct draft *d);

#define DRAFT_REASONS(X)                                                                           \
	X(OK, "ok", "valid")                                                                       \
	X(MALFORMED, "malformed", "not the JSON of a draft")                                       \
	X(FIELD_INVALID, "field_invalid", "a field is missing or has the wrong form")              \
	X(MEMBERS_EMPTY, "members_empty", "members is empty")                                      \
	X(MEMBER_INVALID, "member_invalid", "a member is not an Ed25519 peer ID")                  \
	X(MEMBER_TWICE, "member_twice", "a member is listed in two spellings")                     \
	X(MEMBERS_TOO_MANY, "members_too_many", "more than 16384 members")                         \
	X(BASE_MISMATCH, "base_mismatch", "the base snapshot is not the one that base_hash names")

enum draft_reason {
#define X(id, name, text) DRAFT_##id,
	DRAFT_REASONS(X)
#undef X
};

const char *draft_reason_name(enum draft_reason reason);
const char *draft_reason_text(enum draft_reason reason);

/* Parses, members strictly (member_list.h). `ret_reason` (may be NULL) is written always;
 * `ret_index` (may be NULL) is the member at fault when there is one. P2P_ERR_JSON,
 * P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE, P2P_ERR_INVALID. */
int draft_parse(struct bytes json, struct draft *ret, enum draft_reason *ret_reason,
	size_t *ret_index);

/* Appends the document with its newline. P2P_ERR_TOO_LARGE. */
int draft_print(struct buf *out, const struct draft *d);

/* What changes, and what that means for the majority. */
struct member_diff {
	struct member_list added, removed;
	size_t odd_removed;             /* of the base: entries that are no (first) spelling */
	size_t before, after;           /* N */
	size_t quorum_before, quorum_after; /* 0 when N is 0 */
};

void member_diff_deinit(struct member_diff *d);

/* From `base` (NULL = nobody) to `after`. */
void member_diff_make(const struct snapshot *base, const struct member_list *after,
	struct member_diff *ret);

/* Of a draft; P2P_ERR_NOT_FOUND when it names a base but does not carry it. */
int draft_diff(const struct draft *d, struct member_diff *ret);

#endif
