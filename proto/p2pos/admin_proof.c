/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/admin_proof.h"

#include "proto/base/err.h"
#include "proto/base/rfc3339.h"
#include "proto/p2pos/json.h"

/* cluster_id, peer, role, two times and four bars are far below this. */
#define SIGNED_TEXT_MAX 512

const char *admin_proof_reason_name(enum admin_proof_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case ADMIN_PROOF_##id:                                                                     \
		return name;
		ADMIN_PROOF_REASONS(X)
#undef X
	}
	return "unknown";
}

const char *admin_proof_reason_text(enum admin_proof_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case ADMIN_PROOF_##id:                                                                     \
		return text;
		ADMIN_PROOF_REASONS(X)
#undef X
	}
	return "unknown";
}

bool admin_proof_is_empty(const struct admin_proof *p)
{
	return !p->cluster_id[0] && peer_id_is_none(&p->peer) && !p->role[0] &&
		wall_is_zero(p->valid_from) && wall_is_zero(p->valid_to) &&
		p->sig.form == SIGNATURE_NONE;
}

static int read_role(const json_t *o, char *to)
{
	struct bytes text;
	int err = message_text(o, "role", JSON_TEXT_MAX, &text);

	if (err)
		return P2P_ERR_INVALID;
	if (text.len >= ADMIN_ROLE_SIZE)
		text = BYTES_NONE;
	if (text.len)
		memcpy(to, text.at, text.len);
	to[text.len] = '\0';
	return 0;
}

int admin_proof_from_json(const struct json_t *o, struct admin_proof *ret)
{
	struct admin_proof p = ADMIN_PROOF_EMPTY;

	if (!json_is_object(o) || message_cluster_id(o, p.cluster_id) ||
		message_peer(o, "peer_id", &p.peer) || read_role(o, p.role) ||
		message_time(o, "valid_from", &p.valid_from) ||
		message_time(o, "valid_to", &p.valid_to) || message_signature(o, &p.sig))
		return P2P_ERR_INVALID;
	*ret = p;
	return 0;
}

int admin_proof_parse(struct bytes json, struct admin_proof *ret)
{
	json_t *o;
	int err = message_load(json, &ADMIN_PROOF_LIMITS, &o);

	if (err)
		return err;
	err = admin_proof_from_json(o, ret);
	json_decref(o);
	return err;
}

int admin_proof_print(struct buf *out, const struct admin_proof *p)
{
	size_t start = out->len;

	if (!buf_put_str(out, "{\"cluster_id\":") &&
		!message_put_string(out, bytes_str(p->cluster_id)) &&
		!buf_put_str(out, ",\"peer_id\":") && !message_put_peer(out, &p->peer) &&
		!buf_put_str(out, ",\"role\":") && !message_put_string(out, bytes_str(p->role)) &&
		!buf_put_str(out, ",\"valid_from\":") &&
		!message_put_time_or_empty(out, p->valid_from) &&
		!buf_put_str(out, ",\"valid_to\":") &&
		!message_put_time_or_empty(out, p->valid_to) &&
		!buf_put_str(out, ",\"sig\":") && !message_put_signature(out, &p->sig) &&
		!buf_put_u8(out, '}'))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

int admin_proof_signed_text(struct buf *out, const struct admin_proof *p)
{
	char peer[PEER_ID_TEXT_SIZE], from[RFC3339_SIZE], to[RFC3339_SIZE];

	return buf_printf(out, "%s|%s|%s|%s|%s", p->cluster_id, peer_id_text(&p->peer, peer),
		p->role, rfc3339_text(p->valid_from, from), rfc3339_text(p->valid_to, to));
}

int admin_proof_sign(struct admin_proof *p, const struct key_pair *system)
{
	struct buf text = BUF_WITH_MAX(SIGNED_TEXT_MAX);
	struct bytes key;
	int err;

	if (!cluster_id_is_valid(bytes_str(p->cluster_id)) || strcmp(p->role, ADMIN_ROLE) != 0 ||
		peer_id_ed25519(&p->peer, &key) || wall_is_zero(p->valid_from) ||
		wall_cmp(p->valid_from, p->valid_to) > 0)
		return P2P_ERR_INVALID;
	err = admin_proof_signed_text(&text, p);
	if (!err)
		signature_make(system, buf_bytes(&text), &p->sig);
	buf_deinit(&text);
	return err;
}

enum admin_proof_reason admin_proof_period(const struct admin_proof *p, wall_t at,
	int64_t slack_sec)
{
	if (wall_cmp(at, wall_add_sec(p->valid_from, -slack_sec)) < 0)
		return ADMIN_PROOF_NOT_YET_VALID;
	if (wall_cmp(at, wall_add_sec(p->valid_to, slack_sec)) > 0)
		return ADMIN_PROOF_EXPIRED;
	return ADMIN_PROOF_OK;
}

enum admin_proof_reason admin_proof_check_fields(const struct admin_proof *p,
	const struct admin_proof_rules *rules)
{
	if (admin_proof_is_empty(p))
		return ADMIN_PROOF_MISSING;
	if (strcmp(p->role, ADMIN_ROLE) != 0)
		return ADMIN_PROOF_ROLE;
	if (strcmp(p->cluster_id, rules->cluster_id) != 0)
		return ADMIN_PROOF_CLUSTER;
	if (peer_id_is_none(&p->peer) || !peer_id_eq(&p->peer, rules->peer))
		return ADMIN_PROOF_PEER;
	return admin_proof_period(p, rules->at, rules->slack_sec);
}

int admin_proof_verify(const struct admin_proof *p, const struct key_public *system)
{
	struct buf text = BUF_WITH_MAX(SIGNED_TEXT_MAX);
	int err = admin_proof_signed_text(&text, p);

	if (!err)
		err = signature_verify(system, buf_bytes(&text), &p->sig);
	buf_deinit(&text);
	return err ? P2P_ERR_SIGNATURE : 0;
}

int admin_proof_check(const struct admin_proof *p, const struct admin_proof_rules *rules,
	enum admin_proof_reason *ret_reason)
{
	enum admin_proof_reason reason = admin_proof_check_fields(p, rules);

	if (reason == ADMIN_PROOF_OK && !rules->system)
		reason = ADMIN_PROOF_NO_SYSTEM_PUBKEY;
	if (reason == ADMIN_PROOF_OK && admin_proof_verify(p, rules->system))
		reason = ADMIN_PROOF_SIGNATURE;
	if (ret_reason)
		*ret_reason = reason;
	if (reason == ADMIN_PROOF_OK)
		return 0;
	return reason == ADMIN_PROOF_SIGNATURE ? P2P_ERR_SIGNATURE : P2P_ERR_REFUSED;
}
