/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that a snapshot must keep, each with its own word, and the order of snapshots. */
#include "proto/base/err.h"
#include "proto/p2pos/snapshot_inside.h"

const char *snapshot_reason_name(enum snapshot_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case SNAPSHOT_##id:                                                                        \
		return name;
		SNAPSHOT_REASONS(X)
#undef X
	case SNAPSHOT_REASON_COUNT:
		break;
	}
	return "unknown";
}

const char *snapshot_reason_text(enum snapshot_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case SNAPSHOT_##id:                                                                        \
		return text;
		SNAPSHOT_REASONS(X)
#undef X
	case SNAPSHOT_REASON_COUNT:
		break;
	}
	return "unknown";
}

static enum snapshot_reason check_fields(const struct snapshot *s)
{
	struct bytes key;

	if (wall_is_zero(s->issued_at))
		return SNAPSHOT_ISSUED_AT_MISSING;
	if (peer_id_is_none(&s->issuer))
		return SNAPSHOT_ISSUER_MISSING;
	if (s->sig.form == SIGNATURE_NONE)
		return SNAPSHOT_SIGNATURE_MISSING;
	if (!s->member_count)
		return SNAPSHOT_MEMBERS_EMPTY;
	if (s->member_count > MEMBERS_MAX)
		return SNAPSHOT_MEMBERS_TOO_MANY;
	return peer_id_ed25519(&s->issuer, &key) ? SNAPSHOT_ISSUER_KEY : SNAPSHOT_OK;
}

static bool is_handed_in(const struct snapshot_rules *rules)
{
	return rules->source == SNAPSHOT_PUSHED || rules->source == SNAPSHOT_LOCAL;
}

/* A stored one was within the bound when it was accepted; if the clock has been set back since,
 * the node must still know its members. */
static bool is_from_future(const struct snapshot *s, const struct snapshot_rules *rules)
{
	return rules->source != SNAPSHOT_STORED &&
		wall_cmp(s->issued_at, wall_add_sec(rules->now, SNAPSHOT_FUTURE_SEC)) > 0;
}

enum snapshot_reason snapshot_check_proof_fields(const struct snapshot *s, const char *cluster_id)
{
	struct admin_proof_rules rules = {
		.cluster_id = cluster_id,
		.peer = &s->issuer,
		.at = s->issued_at,
	};

	switch (admin_proof_check_fields(&s->proof, &rules)) {
	case ADMIN_PROOF_OK:
		return SNAPSHOT_OK;
	case ADMIN_PROOF_MISSING:
		return SNAPSHOT_PROOF_MISSING;
	case ADMIN_PROOF_ROLE:
		return SNAPSHOT_PROOF_ROLE;
	case ADMIN_PROOF_CLUSTER:
		return SNAPSHOT_PROOF_CLUSTER;
	case ADMIN_PROOF_PEER:
		return SNAPSHOT_PROOF_PEER;
	case ADMIN_PROOF_NOT_YET_VALID:
	case ADMIN_PROOF_EXPIRED:
		return SNAPSHOT_PROOF_WINDOW;
	case ADMIN_PROOF_NO_SYSTEM_PUBKEY:
	case ADMIN_PROOF_SIGNATURE:
		break; /* not a matter of fields */
	}
	return SNAPSHOT_PROOF_SIGNATURE;
}

static enum snapshot_reason check_proof_now(const struct snapshot *s, wall_t now)
{
	enum admin_proof_reason period = snapshot_proof_now(s, now);

	if (period == ADMIN_PROOF_OK)
		return SNAPSHOT_OK;
	if (period == ADMIN_PROOF_EXPIRED)
		return SNAPSHOT_PROOF_EXPIRED;
	return SNAPSHOT_PROOF_NOT_YET_VALID;
}

static enum snapshot_reason check_signature(const struct snapshot *s)
{
	struct buf text = BUF_INIT;
	int err = snapshot_signed_text(&text, s);

	if (!err)
		err = signature_verify_peer(&s->issuer, buf_bytes(&text), &s->sig);
	buf_deinit(&text);
	return err ? SNAPSHOT_SIGNATURE : SNAPSHOT_OK;
}

static enum snapshot_reason check_proven(const struct snapshot *s,
	const struct snapshot_rules *rules)
{
	enum snapshot_reason reason = snapshot_check_proof_fields(s, rules->cluster_id);

	if (reason == SNAPSHOT_OK && is_handed_in(rules))
		reason = check_proof_now(s, rules->now);
	if (reason == SNAPSHOT_OK)
		reason = check_signature(s);
	if (reason == SNAPSHOT_OK && admin_proof_verify(&s->proof, rules->system))
		reason = SNAPSHOT_PROOF_SIGNATURE;
	return reason;
}

static enum snapshot_reason judge(const struct snapshot *s, const struct snapshot_rules *rules)
{
	enum snapshot_reason reason = check_fields(s);

	if (reason != SNAPSHOT_OK)
		return reason;
	if (strcmp(s->cluster_id, rules->cluster_id) != 0)
		return SNAPSHOT_CLUSTER_MISMATCH;
	if (is_from_future(s, rules))
		return SNAPSHOT_FUTURE;
	if (rules->system)
		return check_proven(s, rules);
	return rules->insecure_accept_any_issuer ? check_signature(s) : SNAPSHOT_NO_SYSTEM_PUBKEY;
}

static int error_of(enum snapshot_reason reason)
{
	if (reason == SNAPSHOT_OK)
		return 0;
	if (reason == SNAPSHOT_SIGNATURE || reason == SNAPSHOT_PROOF_SIGNATURE)
		return P2P_ERR_SIGNATURE;
	if (reason == SNAPSHOT_FUTURE)
		return P2P_ERR_FUTURE;
	return reason == SNAPSHOT_CLUSTER_MISMATCH ? P2P_ERR_MISMATCH : P2P_ERR_REFUSED;
}

int snapshot_check(const struct snapshot *s, const struct snapshot_rules *rules,
	enum snapshot_reason *ret_reason)
{
	enum snapshot_reason reason = judge(s, rules);

	if (ret_reason)
		*ret_reason = reason;
	return error_of(reason);
}

enum admin_proof_reason snapshot_proof_now(const struct snapshot *s, wall_t now)
{
	return admin_proof_period(&s->proof, now, ADMIN_PROOF_SLACK_SEC);
}

struct snapshot_stamp snapshot_stamp(const struct snapshot *s)
{
	struct snapshot_stamp stamp = {.issued_at = s->issued_at};

	memcpy(stamp.hash, s->hash, sizeof(stamp.hash));
	return stamp;
}

int snapshot_stamp_cmp(const struct snapshot_stamp *a, const struct snapshot_stamp *b)
{
	int c = wall_cmp(a->issued_at, b->issued_at);

	return c ? c : memcmp(b->hash, a->hash, sizeof(a->hash));
}

int snapshot_cmp(const struct snapshot *a, const struct snapshot *b)
{
	struct snapshot_stamp x = snapshot_stamp(a), y = snapshot_stamp(b);

	return snapshot_stamp_cmp(&x, &y);
}

bool snapshot_is_conflict(const struct snapshot *a, const struct snapshot *b)
{
	return wall_cmp(a->issued_at, b->issued_at) == 0 && snapshot_cmp(a, b) != 0;
}
