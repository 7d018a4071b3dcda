/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/evidence.h"

#include "proto/base/err.h"
#include "proto/p2pos/json.h"

#define KIND "equivocation"

static const struct json_limits limits = {
	.bytes_max = EVIDENCE_BYTES_MAX,
	.values_max = 2 * SNAPSHOT_VALUES_MAX + 8,
	.string_max = SNAPSHOT_MEMBER_TEXT_MAX,
};

void evidence_deinit(struct evidence *e)
{
	snapshot_deinit(&e->a);
	snapshot_deinit(&e->b);
}

int evidence_print(struct buf *out, const struct snapshot *one, const struct snapshot *other)
{
	bool in_order = snapshot_cmp(one, other) > 0;
	size_t start = out->len;

	if (!snapshot_is_conflict(one, other))
		return P2P_ERR_MISMATCH;
	if (!buf_put_str(out, "{\"evidence\":\"" KIND "\",\"snapshots\":[") &&
		!snapshot_print(out, in_order ? one : other) && !buf_put_u8(out, ',') &&
		!snapshot_print(out, in_order ? other : one) && !buf_put_str(out, "]}\n"))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

static int from_json(const json_t *o, struct evidence *ret)
{
	const json_t *both = json_object_get(o, "snapshots");
	struct evidence e = {0};
	struct bytes kind;
	int err;

	if (message_text(o, "evidence", JSON_TEXT_MAX, &kind) || !bytes_eq(kind, BYTES_LIT(KIND)) ||
		!json_is_array(both) || json_array_size(both) != 2)
		return P2P_ERR_INVALID;
	err = snapshot_from_json(json_array_get(both, 0), &e.a, NULL);
	if (!err)
		err = snapshot_from_json(json_array_get(both, 1), &e.b, NULL);
	if (!err && !snapshot_is_conflict(&e.a, &e.b))
		err = P2P_ERR_MISMATCH;
	if (err) {
		evidence_deinit(&e);
		return err;
	}
	if (snapshot_cmp(&e.a, &e.b) < 0) {
		struct snapshot swap = e.a;

		e.a = e.b;
		e.b = swap;
	}
	*ret = e;
	return 0;
}

int evidence_parse(struct bytes json, struct evidence *ret)
{
	json_t *o;
	int err = message_load(json, &limits, &o);

	if (err)
		return err;
	err = from_json(o, ret);
	json_decref(o);
	return err;
}

int evidence_check(const struct evidence *e, const struct key_public *system,
	enum snapshot_reason *ret_reason)
{
	/* As stored ones: what counts is that they were signed, not what the clock says today. */
	struct snapshot_rules rules = {
		.cluster_id = e->a.cluster_id,
		.system = system,
		.source = SNAPSHOT_STORED,
	};
	int err = snapshot_check(&e->a, &rules, ret_reason);

	return err ? err : snapshot_check(&e->b, &rules, ret_reason);
}
