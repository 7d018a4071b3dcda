/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.h: what is said around snapshots and proofs: the answers to pull and push, and the
 * admin exchange (p2pos.md sections 3.1, 3.2, 3.7; features.md P-051, P-052, P-068).
 *
 * Every print function appends one whole message with its newline; P2P_ERR_TOO_LARGE comes from
 * the buffer's own limit alone. Parsers give P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE,
 * P2P_ERR_INVALID. Error texts of strangers are cut to EXCHANGE_ERROR_SIZE; escape them before
 * logging. */
#ifndef P2POS_P2POS_EXCHANGE_H
#define P2POS_P2POS_EXCHANGE_H

#include "proto/p2pos/snapshot.h"

#define EXCHANGE_ERROR_SIZE 256 /* with its NUL */

#define PULL_ERR_NOT_INITIALIZED "membership not initialized"

#define PULL_ANSWER_LIMITS                                                                         \
	((struct json_limits){SNAPSHOT_BYTES_MAX, SNAPSHOT_VALUES_MAX + 8, 4096})
#define PUSH_ANSWER_LIMITS   ((struct json_limits){1024, 8, 1024})
#define ADMIN_REQUEST_LIMITS ((struct json_limits){2048, 16, 256})
#define ADMIN_ANSWER_LIMITS  ((struct json_limits){1024, 8, 1024})

/* Pull: {"snapshot":SNAPSHOT,"error":"…"}. */
struct pull_answer {
	bool has_snapshot; /* false: nothing to learn; none, or one without signature */
	struct snapshot snapshot;
	char error[EXCHANGE_ERROR_SIZE]; /* "" = none */
};

void pull_answer_deinit(struct pull_answer *a);

/* `s` may be NULL, with an error text; `error` may be NULL. */
int pull_answer_print(struct buf *out, const struct snapshot *s, const char *error);

/* `ret_reason` (may be NULL, written always) names what is wrong with the snapshot inside. */
int pull_answer_parse(struct bytes json, struct pull_answer *ret, enum snapshot_reason *ret_reason);

/* Push: one SNAPSHOT and a newline; the answer is {"applied":bool,"result":"…","error":"…"}. */
int push_request_print(struct buf *out, const struct snapshot *s);

#define PUSH_RESULT_UNCHANGED "unchanged" /* applied, because it is the one already held */

struct push_answer {
	bool applied;
	char result[32];                 /* "" = none; a longer one is cut */
	char error[EXCHANGE_ERROR_SIZE]; /* "" = none */
};

int push_answer_print(struct buf *out, const struct push_answer *a);

/* An answer without `applied` is P2P_ERR_INVALID: silence is no consent (P-117). */
int push_answer_parse(struct bytes json, struct push_answer *ret);

/* Admin: {"admin_proof":{…}}, answered by {"ok":bool,"error":"…"}. */
int admin_request_print(struct buf *out, const struct admin_proof *proof);
int admin_request_parse(struct bytes json, struct admin_proof *ret);

struct admin_answer {
	bool ok;
	char error[EXCHANGE_ERROR_SIZE];
};

int admin_answer_print(struct buf *out, const struct admin_answer *a);
int admin_answer_parse(struct bytes json, struct admin_answer *ret); /* without `ok`: invalid */

#endif
