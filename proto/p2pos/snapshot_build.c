/* SPDX-License-Identifier: Apache-2.0 */
/* Making and signing a snapshot. */
#include "proto/base/err.h"
#include "proto/p2pos/snapshot_inside.h"

static void fill_members(struct snapshot *s, const struct member_list *members)
{
	struct buf texts = BUF_INIT;
	char text[PEER_ID_TEXT_SIZE];

	for (size_t i = 0; i < members->count; i++) {
		(void)buf_put_str(&texts, peer_id_text(&members->peers[i], text)); /* no limit */
		(void)buf_put_u8(&texts, '\0');
	}
	snapshot_take_texts(s, &texts, members->count);
}

static enum snapshot_reason judge(const struct snapshot *s, const struct member_list *members)
{
	enum snapshot_reason reason;

	if (wall_is_zero(s->issued_at))
		return SNAPSHOT_ISSUED_AT_MISSING;
	if (!members->count)
		return SNAPSHOT_MEMBERS_EMPTY;
	reason = snapshot_check_proof_fields(s, s->cluster_id);
	if (reason == SNAPSHOT_OK && s->proof.sig.form != SIGNATURE_GIVEN)
		return SNAPSHOT_PROOF_SIGNATURE;
	return reason;
}

int snapshot_prepare(struct snapshot *ret, const char *cluster_id, wall_t issued_at,
	const struct member_list *members, const struct admin_proof *proof,
	const struct peer_id *issuer, enum snapshot_reason *ret_reason)
{
	struct snapshot s = {.issued_at = issued_at, .proof = *proof, .issuer = *issuer};
	enum snapshot_reason reason = SNAPSHOT_FIELD_INVALID;
	int err = cluster_id_parse(bytes_str(cluster_id), s.cluster_id);

	if (!err) {
		reason = judge(&s, members);
		if (reason >= SNAPSHOT_PROOF_MISSING)
			err = P2P_ERR_REFUSED;
		else if (reason != SNAPSHOT_OK)
			err = P2P_ERR_INVALID;
	}
	if (!err) {
		fill_members(&s, members);
		*ret = s;
	}
	if (ret_reason)
		*ret_reason = reason;
	return err;
}

int snapshot_seal(struct snapshot *s, const uint8_t sig[KEY_SIGNATURE_BYTES])
{
	struct buf text = BUF_INIT;
	int err;

	s->sig.form = SIGNATURE_GIVEN;
	memcpy(s->sig.at, sig, KEY_SIGNATURE_BYTES);
	(void)snapshot_signed_text(&text, s); /* no limit of its own */
	err = signature_verify_peer(&s->issuer, buf_bytes(&text), &s->sig);
	buf_deinit(&text);
	if (err)
		return err;
	snapshot_hash(s);
	/* One byte less than a message may have, for its newline. */
	s->raw = BUF_WITH_MAX(SNAPSHOT_BYTES_MAX - 1);
	return snapshot_print(&s->raw, s);
}

int snapshot_build(struct snapshot *ret, const char *cluster_id, wall_t issued_at,
	const struct member_list *members, const struct admin_proof *proof,
	const struct key_pair *admin, enum snapshot_reason *ret_reason)
{
	struct buf text = BUF_INIT;
	struct signature sig;
	struct peer_id issuer;
	struct snapshot s;
	int err;

	key_pair_peer_id(admin, &issuer);
	err = snapshot_prepare(&s, cluster_id, issued_at, members, proof, &issuer, ret_reason);
	if (err)
		return err;
	(void)snapshot_signed_text(&text, &s); /* no limit of its own */
	signature_make(admin, buf_bytes(&text), &sig);
	buf_deinit(&text);
	err = snapshot_seal(&s, sig.at);
	if (err && ret_reason)
		*ret_reason = SNAPSHOT_TOO_LARGE;
	if (err)
		snapshot_deinit(&s);
	else
		*ret = s;
	return err;
}
