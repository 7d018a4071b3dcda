/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/draft.h"

#include "proto/base/err.h"
#include "proto/base/text.h"
#include "proto/p2pos/json.h"

#define VERSION 1

const char *draft_reason_name(enum draft_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case DRAFT_##id:                                                                           \
		return name;
		DRAFT_REASONS(X)
#undef X
	}
	return "unknown";
}

const char *draft_reason_text(enum draft_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case DRAFT_##id:                                                                           \
		return text;
		DRAFT_REASONS(X)
#undef X
	}
	return "unknown";
}

void draft_deinit(struct draft *d)
{
	snapshot_deinit(&d->snapshot);
	member_list_deinit(&d->members);
	*d = (struct draft){0};
}

static enum draft_reason reason_of_add(int err)
{
	if (err == P2P_ERR_FULL)
		return DRAFT_MEMBERS_TOO_MANY;
	return err == P2P_ERR_EXISTS ? DRAFT_MEMBER_TWICE : DRAFT_MEMBER_INVALID;
}

static enum draft_reason read_members(const json_t *list, struct member_list *l, size_t *index)
{
	const json_t *v;
	size_t i;

	if (!json_is_array(list))
		return DRAFT_FIELD_INVALID;
	json_array_foreach(list, i, v) {
		struct bytes text = bytes_of(json_string_value(v), json_string_length(v));
		int err = json_is_string(v) ? member_list_add_text(l, text) : P2P_ERR_INVALID;

		if (err) {
			*index = i;
			return reason_of_add(err);
		}
	}
	return l->count ? DRAFT_OK : DRAFT_MEMBERS_EMPTY;
}

static int read_hash(const json_t *o, struct draft *d)
{
	struct buf hash = BUF_WITH_MAX(SNAPSHOT_HASH_BYTES);
	struct bytes text;
	int err = message_text(o, "base_hash", JSON_TEXT_MAX, &text);

	d->has_base = text.len != 0;
	if (!err && d->has_base)
		err = text_unhex(&hash, text);
	if (!err && d->has_base && hash.len != SNAPSHOT_HASH_BYTES)
		err = P2P_ERR_INVALID;
	if (!err && d->has_base)
		memcpy(d->base.hash, hash.data, hash.len);
	buf_deinit(&hash);
	return err;
}

static enum draft_reason read_base(const json_t *o, struct draft *d)
{
	const json_t *snapshot = json_object_get(o, "base");
	struct snapshot_stamp stamp;

	if (read_hash(o, d) || message_time(o, "base_issued_at", &d->base.issued_at) ||
		d->has_base == wall_is_zero(d->base.issued_at))
		return DRAFT_FIELD_INVALID;
	if (!snapshot || json_is_null(snapshot))
		return DRAFT_OK;
	if (snapshot_from_json(snapshot, &d->snapshot, NULL))
		return DRAFT_FIELD_INVALID;
	d->has_snapshot = true;
	stamp = snapshot_stamp(&d->snapshot);
	if (!d->has_base || snapshot_stamp_cmp(&stamp, &d->base) != 0 ||
		strcmp(d->snapshot.cluster_id, d->cluster_id) != 0)
		return DRAFT_BASE_MISMATCH;
	return DRAFT_OK;
}

static enum draft_reason from_json(const json_t *o, struct draft *d, size_t *index)
{
	const json_t *version = json_object_get(o, "draft");
	enum draft_reason reason;

	if (!json_is_integer(version) || json_integer_value(version) != VERSION ||
		message_cluster_id(o, d->cluster_id) || !d->cluster_id[0] ||
		message_peer(o, "issuer_peer_id", &d->issuer))
		return DRAFT_FIELD_INVALID;
	reason = read_base(o, d);
	return reason == DRAFT_OK ? read_members(json_object_get(o, "members"), &d->members, index)
				  : reason;
}

int draft_parse(struct bytes json, struct draft *ret, enum draft_reason *ret_reason,
	size_t *ret_index)
{
	enum draft_reason reason = DRAFT_MALFORMED;
	struct draft d = {0};
	size_t index = 0;
	json_t *o;
	int err = message_load(json, &DRAFT_LIMITS, &o);

	if (!err) {
		reason = from_json(o, &d, &index);
		json_decref(o);
		if (reason != DRAFT_OK) {
			draft_deinit(&d);
			err = P2P_ERR_INVALID;
		} else {
			*ret = d;
		}
	}
	if (ret_reason)
		*ret_reason = reason;
	if (ret_index && (reason == DRAFT_MEMBER_INVALID || reason == DRAFT_MEMBER_TWICE ||
				 reason == DRAFT_MEMBERS_TOO_MANY))
		*ret_index = index;
	return err;
}

static int print_members(struct buf *out, const struct member_list *l)
{
	int err = buf_put_str(out, " \"members\":[");

	for (size_t i = 0; !err && i < l->count; i++) {
		err = buf_put_str(out, i ? ",\n  " : "\n  ");
		if (!err)
			err = message_put_peer(out, &l->peers[i]);
	}
	return err ? err : buf_put_str(out, "\n ]");
}

static int print_base(struct buf *out, const struct draft *d)
{
	wall_t issued_at = d->has_base ? d->base.issued_at : WALL_ZERO;

	if (buf_put_str(out, " \"base_issued_at\":") || message_put_time_or_empty(out, issued_at) ||
		buf_put_str(out, ",\n \"base_hash\":\"") ||
		(d->has_base && text_hex(out, bytes_of(d->base.hash, SNAPSHOT_HASH_BYTES))) ||
		buf_put_str(out, "\",\n"))
		return P2P_ERR_TOO_LARGE;
	return 0;
}

int draft_print(struct buf *out, const struct draft *d)
{
	size_t start = out->len;

	if (!buf_printf(out, "{\"draft\":%d,\n \"cluster_id\":", VERSION) &&
		!message_put_string(out, bytes_str(d->cluster_id)) && !buf_put_str(out, ",\n") &&
		!print_base(out, d) && !buf_put_str(out, " \"issuer_peer_id\":") &&
		!message_put_peer(out, &d->issuer) && !buf_put_str(out, ",\n") &&
		!print_members(out, &d->members) &&
		(!d->has_snapshot || (!buf_put_str(out, ",\n \"base\":") &&
					     !snapshot_print(out, &d->snapshot))) &&
		!buf_put_str(out, "\n}\n"))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

void member_diff_deinit(struct member_diff *d)
{
	member_list_deinit(&d->added);
	member_list_deinit(&d->removed);
}

/* What is in `from` and not in `in`. */
static void difference(const struct member_list *from, const struct member_list *in,
	struct member_list *ret)
{
	for (size_t i = 0; i < from->count; i++)
		if (!member_list_has(in, &from->peers[i]))
			(void)member_list_add(ret, &from->peers[i]); /* out of a list */
}

void member_diff_make(const struct snapshot *base, const struct member_list *after,
	struct member_diff *ret)
{
	struct member_diff d = {.after = after->count};
	struct member_list before = {0};

	if (base) {
		member_list_from_snapshot(&before, base, &d.odd_removed);
		d.before = base->member_count;
	}
	difference(after, &before, &d.added);
	difference(&before, after, &d.removed);
	d.quorum_before = d.before ? members_quorum(d.before) : 0;
	d.quorum_after = d.after ? members_quorum(d.after) : 0;
	member_list_deinit(&before);
	*ret = d;
}

int draft_diff(const struct draft *d, struct member_diff *ret)
{
	if (d->has_base && !d->has_snapshot)
		return P2P_ERR_NOT_FOUND;
	member_diff_make(d->has_snapshot ? &d->snapshot : NULL, &d->members, ret);
	return 0;
}
