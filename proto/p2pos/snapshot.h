/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h: the signed list of members (p2pos.md section 3.5; features.md P-053 to P-068).
 *
 * JSON: {"cluster_id","issued_at","issuer_peer_id","members":[…],"admin_proof":{…},"sig"}.
 * Signed text: cluster_id|issued_at|issuer_peer_id|m1,m2,… with the members trimmed, without
 * empties and duplicates, in byte order. The time and the issuer are signed as printed;
 * the members as they are spelled, because the original counts and signs spellings.
 *
 * Parsing checks the grammar; snapshot_check() holds a parsed one against the rules of one node
 * and names the rule that it breaks. Whether it is newer than the one held, and what to do with
 * a good one whose proof has expired meanwhile, is decided by proto/cluster. */
#ifndef P2POS_P2POS_SNAPSHOT_H
#define P2POS_P2POS_SNAPSHOT_H

#include "proto/p2pos/admin_proof.h"
#include "proto/p2pos/member_list.h"

#define SNAPSHOT_BYTES_MAX  (1024 * 1024)      /* a larger one is refused before parsing */
#define SNAPSHOT_VALUES_MAX (MEMBERS_MAX + 32) /* */
#define SNAPSHOT_LIMITS                                                                            \
	((struct json_limits){SNAPSHOT_BYTES_MAX, SNAPSHOT_VALUES_MAX, SNAPSHOT_MEMBER_TEXT_MAX})
#define SNAPSHOT_MEMBER_TEXT_MAX 256
#define SNAPSHOT_HASH_BYTES      32
#define SNAPSHOT_FUTURE_SEC      300 /* a later issued_at is refused (P-062) */

/* When it was issued and the SHA-256 of its signed text: all that orders snapshots, and what a
 * node keeps as its floor. Zero comes before every real one. */
struct snapshot_stamp {
	wall_t issued_at;
	uint8_t hash[SNAPSHOT_HASH_BYTES];
};

struct snapshot_member {
	const char *text;    /* trimmed, NUL-terminated; lives as long as the snapshot */
	struct peer_id peer; /* none when the text is no peer ID: counted all the same (P-067) */
};

/* Made by snapshot_parse() or snapshot_build(); zero is "no snapshot". Copying the struct moves
 * it: forget the old one. */
struct snapshot {
	char cluster_id[CLUSTER_ID_SIZE]; /* "" when not there, as every field */
	wall_t issued_at;                 /* WALL_ZERO when not there */
	struct peer_id issuer;
	size_t member_count;              /* N of the quorum rule */
	struct snapshot_member *members;  /* owned; in byte order of their texts, each text once */
	size_t odd_count;                 /* of these: no peer ID, or a second spelling: an alert */
	struct admin_proof proof;
	struct signature sig;
	uint8_t hash[SNAPSHOT_HASH_BYTES]; /* SHA-256 of the signed text */
	struct buf raw;                    /* the JSON as received (or built), for the database */
	struct buf texts;                  /* owned storage behind members[].text */
};

#define SNAPSHOT_REASONS(X)                                                                        \
	X(OK, "ok", "valid")                                                                       \
	X(MALFORMED, "malformed", "not well-formed JSON")                                          \
	X(TOO_LARGE, "too_large", "larger than a snapshot may be")                                 \
	X(FIELD_INVALID, "field_invalid", "a field has the wrong type or form")                    \
	X(ISSUED_AT_MISSING, "issued_at_missing", "issued_at is required")                         \
	X(ISSUER_MISSING, "issuer_missing", "issuer_peer_id is required")                          \
	X(SIGNATURE_MISSING, "signature_missing", "snapshot signature is required")                \
	X(MEMBERS_EMPTY, "members_empty", "members is empty")                                      \
	X(MEMBERS_TOO_MANY, "members_too_many", "more than 16384 members")                         \
	X(MEMBER_INVALID, "member_invalid", "a member entry is not acceptable")                    \
	X(CLUSTER_MISMATCH, "cluster_mismatch", "cluster_id mismatch")                             \
	X(ISSUER_KEY, "issuer_key", "the issuer's peer ID carries no Ed25519 key")                 \
	X(FUTURE, "future", "issued_at in future")                                                 \
	X(NO_SYSTEM_PUBKEY, "no_system_pubkey", "no system_pubkey to verify issuers with")         \
	X(PROOF_MISSING, "proof_missing", "admin_proof is required")                               \
	X(PROOF_ROLE, "proof_role", "admin_proof role is not admin")                               \
	X(PROOF_CLUSTER, "proof_cluster", "admin_proof is for another cluster")                    \
	X(PROOF_PEER, "proof_peer", "admin_proof is not for the issuer")                           \
	X(PROOF_WINDOW, "proof_window", "issued_at is outside the validity of admin_proof")        \
	X(PROOF_NOT_YET_VALID, "proof_not_yet_valid", "admin_proof is not valid yet")              \
	X(PROOF_EXPIRED, "proof_expired", "admin_proof has expired")                               \
	X(SIGNATURE, "signature", "snapshot signature is invalid")                                 \
	X(PROOF_SIGNATURE, "proof_signature", "admin_proof signature is invalid")                  \
	/* Given by proto/cluster, which knows what is held and from whom. */                      \
	X(STALE, "stale", "stale issued_at")                                                       \
	X(UNCONFIRMED, "unconfirmed", "its proof has expired and too few members confirm it")      \
	X(ISSUER_REVOKED, "issuer_revoked", "the issuer has been revoked")                         \
	X(RATE_LIMITED, "rate_limited", "too many snapshots, try again later")

enum snapshot_reason {
#define X(id, name, text) SNAPSHOT_##id,
	SNAPSHOT_REASONS(X)
#undef X
	SNAPSHOT_REASON_COUNT
};

/* The word for logs and RPC ("cluster_mismatch"), and the text that goes into `error`. */
const char *snapshot_reason_name(enum snapshot_reason reason);
const char *snapshot_reason_text(enum snapshot_reason reason);

void snapshot_deinit(struct snapshot *s);

/* Parses and checks the grammar. Fields may be missing; members that are no peer IDs are kept, but
 * one with a `|`, a `,` or a control character is refused (member_invalid): the signed text could
 * be read in two ways. On failure nothing is owned and `ret_reason` (may be NULL, written always)
 * says malformed, too_large, field_invalid, members_too_many or member_invalid.
 * P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE, P2P_ERR_INVALID. */
int snapshot_parse(struct bytes json, struct snapshot *ret, enum snapshot_reason *ret_reason);
/* The same from a jansson object that passed the scanner; `raw` becomes its compact text. */
int snapshot_from_json(const struct json_t *o, struct snapshot *ret,
	enum snapshot_reason *ret_reason);

/* Appends the JSON of the known fields, without a newline: what is forwarded (P-053). */
int snapshot_print(struct buf *out, const struct snapshot *s);

/* Appends the signed text. */
int snapshot_signed_text(struct buf *out, const struct snapshot *s);

/* Makes and signs one. `proof` must be for this cluster, for `admin`, with role admin, and cover
 * `issued_at`; its own signature is left to snapshot_check(), which has the system key. On failure
 * `ret_reason` (may be NULL, written always) says members_empty, field_invalid, issued_at_missing
 * or a proof_…; P2P_ERR_INVALID, or P2P_ERR_REFUSED for the proof, or P2P_ERR_TOO_LARGE when the
 * JSON would be above SNAPSHOT_BYTES_MAX. */
int snapshot_build(struct snapshot *ret, const char *cluster_id, wall_t issued_at,
	const struct member_list *members, const struct admin_proof *proof,
	const struct key_pair *admin, enum snapshot_reason *ret_reason);

/* The same in two steps, for a key that is elsewhere: everything but the signature, of whose text
 * snapshot_signed_text() then tells; and the signature, which must be that of `issuer`
 * (P2P_ERR_SIGNATURE; P2P_ERR_TOO_LARGE as above). Deinitialise it in either case. */
int snapshot_prepare(struct snapshot *ret, const char *cluster_id, wall_t issued_at,
	const struct member_list *members, const struct admin_proof *proof, const struct peer_id *issuer,
	enum snapshot_reason *ret_reason);
int snapshot_seal(struct snapshot *s, const uint8_t sig[KEY_SIGNATURE_BYTES]);

enum snapshot_source {
	SNAPSHOT_STORED, /* out of our database: accepted once, only proven again */
	SNAPSHOT_PULLED,
	SNAPSHOT_PUSHED,
	SNAPSHOT_LOCAL,  /* handed in on the control socket; judged like a pushed one */
};

struct snapshot_rules {
	const char *cluster_id;
	const struct key_public *system; /* NULL: every snapshot is refused, unless … */
	bool insecure_accept_any_issuer; /* … this: then proofs are not looked at (P-060) */
	enum snapshot_source source;
	wall_t now;
};

/* All rules that need no other snapshot, cheap ones first, signatures last. Time (P-059, P-062):
 * issued_at lies in the proof's period always; it is at most SNAPSHOT_FUTURE_SEC ahead of `now`
 * unless stored; and `now` lies in the period, give or take ADMIN_PROOF_SLACK_SEC, when pushed
 * or local. `ret_reason` (may be NULL) is written always. 0, P2P_ERR_SIGNATURE, P2P_ERR_FUTURE,
 * P2P_ERR_MISMATCH (another cluster), P2P_ERR_REFUSED. */
int snapshot_check(const struct snapshot *s, const struct snapshot_rules *rules,
	enum snapshot_reason *ret_reason);

/* What snapshot_check() leaves open for stored and pulled ones: ADMIN_PROOF_OK when the proof is
 * valid at `now` (same slack), else _NOT_YET_VALID or _EXPIRED. */
enum admin_proof_reason snapshot_proof_now(const struct snapshot *s, wall_t now);

struct snapshot_stamp snapshot_stamp(const struct snapshot *s);

/* The one order of snapshots: positive when `a` prevails over `b`, 0 when they say the same. Later
 * prevails; at the same instant the lower hash does, so that all nodes settle on the same one
 * without asking, and the winner of a tie is also the floor. */
int snapshot_stamp_cmp(const struct snapshot_stamp *a, const struct snapshot_stamp *b);
int snapshot_cmp(const struct snapshot *a, const struct snapshot *b);

/* Two different statements for one instant (features.md P-064, N-03). */
bool snapshot_is_conflict(const struct snapshot *a, const struct snapshot *b);

/* Is it named, in whatever spelling? */
bool snapshot_has_member(const struct snapshot *s, const struct peer_id *peer);

#endif
