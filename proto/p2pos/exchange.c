/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/exchange.h"

#include "proto/base/err.h"
#include "proto/p2pos/json.h"

/* Undoes what was appended since `start` when one of its parts did not fit. */
static int all_or_nothing(struct buf *out, size_t start, int err)
{
	if (err)
		buf_truncate(out, start);
	return err;
}

void pull_answer_deinit(struct pull_answer *a)
{
	snapshot_deinit(&a->snapshot);
	*a = (struct pull_answer){0};
}

int pull_answer_print(struct buf *out, const struct snapshot *s, const char *error)
{
	/* The original's reader expects the object even when there is nothing in it. */
	struct snapshot none = {.issued_at = WALL_ZERO, .proof = ADMIN_PROOF_EMPTY};
	size_t start = out->len;
	int err = buf_put_str(out, "{\"snapshot\":");

	if (!err)
		err = snapshot_print(out, s ? s : &none);
	if (!err)
		err = message_put_error(out, error);
	if (!err)
		err = buf_put_str(out, "}\n");
	return all_or_nothing(out, start, err);
}

int pull_answer_parse(struct bytes json, struct pull_answer *ret, enum snapshot_reason *ret_reason)
{
	enum snapshot_reason reason = SNAPSHOT_MALFORMED;
	struct pull_answer a = {0};
	const json_t *snapshot;
	json_t *o = NULL;
	int err = message_load(json, &PULL_ANSWER_LIMITS, &o);

	if (err) {
		reason = err == P2P_ERR_TOO_LARGE ? SNAPSHOT_TOO_LARGE : SNAPSHOT_MALFORMED;
		goto out;
	}
	reason = SNAPSHOT_FIELD_INVALID;
	err = message_text_cut(o, "error", a.error, sizeof(a.error));
	if (err)
		goto out;
	reason = SNAPSHOT_OK;
	snapshot = json_object_get(o, "snapshot");
	if (snapshot && !json_is_null(snapshot))
		err = snapshot_from_json(snapshot, &a.snapshot, &reason);
	if (err)
		goto out;
	a.has_snapshot = a.snapshot.sig.form != SIGNATURE_NONE;
	if (!a.has_snapshot)
		snapshot_deinit(&a.snapshot);
	*ret = a;
out:
	json_decref(o);
	if (ret_reason)
		*ret_reason = reason;
	return err;
}

int push_request_print(struct buf *out, const struct snapshot *s)
{
	size_t start = out->len;
	int err = snapshot_print(out, s);

	if (!err)
		err = buf_put_u8(out, '\n');
	return all_or_nothing(out, start, err);
}

/* {"applied":…  or {"ok":… */
static int print_verdict(struct buf *out, const char *key, bool verdict)
{
	return buf_printf(out, "{\"%s\":%s", key, verdict ? "true" : "false");
}

int push_answer_print(struct buf *out, const struct push_answer *a)
{
	size_t start = out->len;
	int err = print_verdict(out, "applied", a->applied);

	if (!err && a->result[0])
		err = buf_put_str(out, ",\"result\":");
	if (!err && a->result[0])
		err = message_put_string(out, bytes_str(a->result));
	if (!err)
		err = message_put_error(out, a->error);
	if (!err)
		err = buf_put_str(out, "}\n");
	return all_or_nothing(out, start, err);
}

/* A verdict must be there, and a boolean. */
static int read_verdict(const json_t *o, const char *key, bool *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_boolean(v))
		return P2P_ERR_INVALID;
	*ret = json_is_true(v);
	return 0;
}

int push_answer_parse(struct bytes json, struct push_answer *ret)
{
	struct push_answer a = {0};
	json_t *o;
	int err = message_load(json, &PUSH_ANSWER_LIMITS, &o);

	if (err)
		return err;
	if (read_verdict(o, "applied", &a.applied) ||
		message_text_cut(o, "result", a.result, sizeof(a.result)) ||
		message_text_cut(o, "error", a.error, sizeof(a.error)))
		err = P2P_ERR_INVALID;
	json_decref(o);
	if (!err)
		*ret = a;
	return err;
}

int admin_request_print(struct buf *out, const struct admin_proof *proof)
{
	size_t start = out->len;
	int err = buf_put_str(out, "{\"admin_proof\":");

	if (!err)
		err = admin_proof_print(out, proof);
	if (!err)
		err = buf_put_str(out, "}\n");
	return all_or_nothing(out, start, err);
}

int admin_request_parse(struct bytes json, struct admin_proof *ret)
{
	json_t *o;
	int err = message_load(json, &ADMIN_REQUEST_LIMITS, &o);

	if (err)
		return err;
	err = admin_proof_from_json(json_object_get(o, "admin_proof"), ret);
	json_decref(o);
	return err;
}

int admin_answer_print(struct buf *out, const struct admin_answer *a)
{
	size_t start = out->len;
	int err = print_verdict(out, "ok", a->ok);

	if (!err)
		err = message_put_error(out, a->error);
	if (!err)
		err = buf_put_str(out, "}\n");
	return all_or_nothing(out, start, err);
}

int admin_answer_parse(struct bytes json, struct admin_answer *ret)
{
	struct admin_answer a = {0};
	json_t *o;
	int err = message_load(json, &ADMIN_ANSWER_LIMITS, &o);

	if (err)
		return err;
	if (read_verdict(o, "ok", &a.ok) ||
		message_text_cut(o, "error", a.error, sizeof(a.error)))
		err = P2P_ERR_INVALID;
	json_decref(o);
	if (!err)
		*ret = a;
	return err;
}
