/* SPDX-License-Identifier: Apache-2.0 */
/* heartbeat.h: "I am here", signed (p2pos.md section 3.6; features.md P-080 to P-087; R-15).
 *
 * JSON: {"cluster_id","peer_id","ts","sig"} and a newline. Signed text: cluster_id|peer_id|ts. */
#ifndef P2POS_P2POS_HEARTBEAT_H
#define P2POS_P2POS_HEARTBEAT_H

#include "proto/base/clock.h"
#include "proto/base/jsonscan.h"
#include "proto/p2pos/cluster_id.h"
#include "proto/p2pos/signature.h"

#define HEARTBEAT_BYTES_MAX  1024
#define HEARTBEAT_VALUES_MAX 16
#define HEARTBEAT_LIMITS                                                                           \
	((struct json_limits){HEARTBEAT_BYTES_MAX, HEARTBEAT_VALUES_MAX, 256})
#define HEARTBEAT_WINDOW_SEC 300 /* ts may differ from our clock by this much either way (P-084) */

struct json_t;

/* A value. */
struct heartbeat {
	char cluster_id[CLUSTER_ID_SIZE]; /* "" when not there */
	struct peer_id peer;
	wall_t ts;                        /* WALL_ZERO when not there */
	struct signature sig;
};

#define HEARTBEAT_REASONS(X)                                                                       \
	X(OK, "ok", "valid")                                                                       \
	X(MALFORMED, "malformed", "not the JSON of a heartbeat")                                   \
	X(TOO_LARGE, "too_large", "larger than a heartbeat may be")                                \
	X(FIELD_INVALID, "field_invalid", "a field has the wrong type or form")                    \
	X(FIELD_MISSING, "field_missing", "cluster_id, peer_id, ts or sig is missing")             \
	X(SENDER_MISMATCH, "sender_mismatch", "peer_id is not the sender's")                       \
	X(NOT_MEMBER, "not_member", "the peer is not a member")                                    \
	X(CLUSTER_MISMATCH, "cluster_mismatch", "cluster_id mismatch")                             \
	X(TIMESTAMP, "timestamp", "timestamp out of window")                                       \
	X(SIGNATURE, "signature", "the signature does not verify")                                 \
	/* Given by the caller, who keeps the last accepted ts of each peer. */                    \
	X(REPLAY, "replay", "ts is not later than the last one accepted")                          \
	X(OVERTAKEN, "overtaken", "a digest brought it, or a later one, before the peer itself did")

enum heartbeat_reason {
#define X(id, name, text) HEARTBEAT_##id,
	HEARTBEAT_REASONS(X)
#undef X
	HEARTBEAT_REASON_COUNT
};

const char *heartbeat_reason_name(enum heartbeat_reason reason);
const char *heartbeat_reason_text(enum heartbeat_reason reason);

/* Makes and signs one of `k`'s own. */
void heartbeat_sign(struct heartbeat *ret, const char *cluster_id, wall_t ts,
	const struct key_pair *k);

/* Appends the object alone, as it stands in a digest. P2P_ERR_TOO_LARGE. */
int heartbeat_print_object(struct buf *out, const struct heartbeat *h);

/* Appends the message: the object and its newline. P2P_ERR_TOO_LARGE. */
int heartbeat_print(struct buf *out, const struct heartbeat *h);

/* Grammar only. `ret_reason` (may be NULL) is written always. P2P_ERR_JSON, P2P_ERR_TRUNCATED,
 * P2P_ERR_TOO_LARGE, P2P_ERR_INVALID. */
int heartbeat_parse(struct bytes json, struct heartbeat *ret, enum heartbeat_reason *ret_reason);
/* From a jansson object that passed the scanner. P2P_ERR_INVALID. */
int heartbeat_from_json(const struct json_t *o, struct heartbeat *ret);

struct heartbeat_rules {
	const char *cluster_id;
	const struct peer_id *sender; /* the authenticated one; NULL when it came in a digest */
	bool is_member;               /* the caller's answer for h->peer */
	wall_t now;
};

/* Checks in the order of features.md P-085: fields, sender, member, cluster, window, signature;
 * `ret_reason` (may be NULL) is written always. The caller compares ts with the last accepted one
 * of that peer *before* calling (a replay then costs no signature check) and keeps it after.
 * 0, P2P_ERR_SIGNATURE, P2P_ERR_MISMATCH, P2P_ERR_REFUSED, P2P_ERR_INVALID. */
int heartbeat_check(const struct heartbeat *h, const struct heartbeat_rules *rules,
	enum heartbeat_reason *ret_reason);

#endif
