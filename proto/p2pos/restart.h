/* SPDX-License-Identifier: Apache-2.0 */
/* restart.h: "I restart, and am back by then", signed (features.md N-11).
 *
 * JSON: {"cluster_id","peer_id","ts","until","sig"} and a newline. Signed text:
 * p2pos/restart|cluster_id|peer_id|ts|until; its first word has a character that no cluster_id has,
 * so no other signed text reads the same.
 *
 * What counts is how long it says, not when: both times are of the sender's clock, and the receiver
 * counts from the moment at which it hears it. */
#ifndef P2POS_P2POS_RESTART_H
#define P2POS_P2POS_RESTART_H

#include "proto/base/clock.h"
#include "proto/base/jsonscan.h"
#include "proto/p2pos/cluster_id.h"
#include "proto/p2pos/signature.h"

#define RESTART_LIMITS     ((struct json_limits){1024, 16, 256})
#define RESTART_MS_MAX     10000 /* a longer absence is excused for so long only */
#define RESTART_WINDOW_SEC 300   /* ts may differ from our clock by this much either way */

/* A value. */
struct restart_notice {
	char cluster_id[CLUSTER_ID_SIZE]; /* "" when not there */
	struct peer_id peer;
	wall_t ts, until;                 /* WALL_ZERO when not there */
	struct signature sig;
};

/* Makes and signs one of `k`'s own, for `ms` from `ts` on. */
void restart_sign(struct restart_notice *ret, const char *cluster_id, wall_t ts, int64_t ms,
	const struct key_pair *k);

/* Appends the message. P2P_ERR_TOO_LARGE. */
int restart_print(struct buf *out, const struct restart_notice *n);

/* Grammar only. P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE, P2P_ERR_INVALID. */
int restart_parse(struct bytes json, struct restart_notice *ret);

/* From whom it should be, of which cluster, and whether that was said just now. 0,
 * P2P_ERR_INVALID (a field is missing, or until is not after ts), P2P_ERR_MISMATCH (another sender or
 * cluster), P2P_ERR_STALE, P2P_ERR_FUTURE, P2P_ERR_SIGNATURE. `ret_ms`: for how long, at most
 * RESTART_MS_MAX. */
int restart_check(const struct restart_notice *n, const char *cluster_id, const struct peer_id *sender,
	wall_t now, int64_t *ret_ms);

#endif
