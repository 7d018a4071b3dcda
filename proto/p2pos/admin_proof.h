/* SPDX-License-Identifier: Apache-2.0 */
/* admin_proof.h: the system key's statement that a peer may issue snapshots, and until when
 * (p2pos.md section 3.5; features.md P-056, P-058, P-059).
 *
 * JSON: {"cluster_id","peer_id","role","valid_from","valid_to","sig"}.
 * Signed text: cluster_id|peer_id|role|valid_from|valid_to, in printed form. */
#ifndef P2POS_P2POS_ADMIN_PROOF_H
#define P2POS_P2POS_ADMIN_PROOF_H

#include "proto/base/clock.h"
#include "proto/base/jsonscan.h"
#include "proto/p2pos/cluster_id.h"
#include "proto/p2pos/signature.h"

#define ADMIN_PROOF_BYTES_MAX  1024
#define ADMIN_PROOF_VALUES_MAX 16
#define ADMIN_PROOF_LIMITS                                                                         \
	((struct json_limits){ADMIN_PROOF_BYTES_MAX, ADMIN_PROOF_VALUES_MAX, 256})
#define ADMIN_PROOF_SLACK_SEC  300 /* clocks of admin and node may differ by this much (P-059) */
#define ADMIN_ROLE             "admin"
#define ADMIN_ROLE_SIZE        16

struct json_t;

/* A value; zero is the empty proof. Fields that were not there are empty. */
struct admin_proof {
	char cluster_id[CLUSTER_ID_SIZE];
	struct peer_id peer;
	char role[ADMIN_ROLE_SIZE]; /* "" also when it was longer: no such role is of any use */
	wall_t valid_from, valid_to; /* WALL_ZERO when not there */
	struct signature sig;
};

#define ADMIN_PROOF_EMPTY ((struct admin_proof){.valid_from = WALL_ZERO, .valid_to = WALL_ZERO})

#define ADMIN_PROOF_REASONS(X)                                                                     \
	X(OK, "ok", "valid")                                                                       \
	X(MISSING, "missing", "there is no admin proof")                                           \
	X(ROLE, "role", "the proof's role is not admin")                                           \
	X(CLUSTER, "cluster", "the proof is for another cluster")                                  \
	X(PEER, "peer", "the proof is for another peer")                                           \
	X(NOT_YET_VALID, "not_yet_valid", "the proof is not valid yet")                            \
	X(EXPIRED, "expired", "the proof has expired")                                             \
	X(NO_SYSTEM_PUBKEY, "no_system_pubkey", "no system_pubkey to verify the proof with")       \
	X(SIGNATURE, "signature", "the proof is not signed by the system key")

enum admin_proof_reason {
#define X(id, name, text) ADMIN_PROOF_##id,
	ADMIN_PROOF_REASONS(X)
#undef X
};

const char *admin_proof_reason_name(enum admin_proof_reason reason);
const char *admin_proof_reason_text(enum admin_proof_reason reason);

/* True when no field is filled in (the form of an unset one in config.json). */
bool admin_proof_is_empty(const struct admin_proof *p);

/* Grammar only: a field that is there is well-formed. P2P_ERR_JSON, P2P_ERR_TRUNCATED,
 * P2P_ERR_TOO_LARGE, P2P_ERR_INVALID. */
int admin_proof_parse(struct bytes json, struct admin_proof *ret);
/* From a jansson object that passed the scanner; borrowed. */
int admin_proof_from_json(const struct json_t *o, struct admin_proof *ret);

/* Appends the JSON object, without a newline. P2P_ERR_TOO_LARGE. */
int admin_proof_print(struct buf *out, const struct admin_proof *p);

/* Appends the signed text. */
int admin_proof_signed_text(struct buf *out, const struct admin_proof *p);

/* Signs with the system key. P2P_ERR_INVALID when a field is missing, the role is not admin, the
 * peer carries no Ed25519 key, or it would end before it begins. */
int admin_proof_sign(struct admin_proof *p, const struct key_pair *system);

struct admin_proof_rules {
	const char *cluster_id;
	const struct peer_id *peer;      /* of whom it must speak */
	const struct key_public *system; /* NULL: refused with no_system_pubkey */
	wall_t at;                       /* the instant that must lie in its period */
	int64_t slack_sec;               /* either way */
};

/* Checks in the order of the reasons above; `ret_reason` (may be NULL) is written always.
 * 0, P2P_ERR_REFUSED, or P2P_ERR_SIGNATURE. */
int admin_proof_check(const struct admin_proof *p, const struct admin_proof_rules *rules,
	enum admin_proof_reason *ret_reason);

/* The two halves of it: everything but the signature (rules->system is not looked at), and the
 * signature alone (0 or P2P_ERR_SIGNATURE). */
enum admin_proof_reason admin_proof_check_fields(const struct admin_proof *p,
	const struct admin_proof_rules *rules);
int admin_proof_verify(const struct admin_proof *p, const struct key_public *system);

/* ADMIN_PROOF_OK, _NOT_YET_VALID or _EXPIRED at that instant. */
enum admin_proof_reason admin_proof_period(const struct admin_proof *p, wall_t at,
	int64_t slack_sec);

#endif
