/* SPDX-License-Identifier: Apache-2.0 */
/* member.plan: an unsigned draft and the effect that it would have. Nothing is changed. */
#include <stdlib.h>

#include "daemon/control/dispatch.h"
#include "daemon/control/effect.h"
#include "daemon/control/history.h"
#include "daemon/control/known.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/p2pos/draft.h"

/* ---- the result ---- */

/* The document of draft.h as part of the answer. The base is lent, not copied: it is large. */
static json_t *draft_of(const struct control_node *n, const struct member_list *after)
{
	const struct snapshot *held = core_snapshot(n->core);
	struct buf text = BUF_WITH_MAX(DRAFT_BYTES_MAX);
	struct draft d = {.members = *after};
	json_t *doc = NULL;

	(void)snprintf(d.cluster_id, sizeof(d.cluster_id), "%s", n->config->cluster_id);
	if (held) {
		d.has_base = true;
		d.base = snapshot_stamp(held);
		d.has_snapshot = true;
		d.snapshot = *held;
	}
	if (draft_print(&text, &d) == 0)
		doc = json_loadb((const char *)text.data, text.len, 0, NULL);
	buf_deinit(&text);
	return doc ? doc : json_null();
}

static json_t *two(const char *first, size_t a, const char *second, size_t b)
{
	return json_pack("{s:I, s:I}", first, (json_int_t)a, second, (json_int_t)b);
}

static json_t *plan_json(const struct control_node *n, const struct member_list *after)
{
	struct effect e = effect_of(n, after->peers, after->count, after->count);
	struct member_diff diff;
	struct core_view view;
	json_t *result;

	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	member_diff_make(view.snapshot, after, &diff);
	result = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "draft",
		draft_of(n, after), "changed",
		diff.added.count + diff.removed.count + diff.odd_removed > 0 ? 1 : 0, "added",
		shape_peers(diff.added.peers, diff.added.count), "removed",
		shape_peers(diff.removed.peers, diff.removed.count), "members",
		two("before", diff.before, "after", diff.after), "quorum",
		two("before", diff.quorum_before, "after", diff.quorum_after), "online",
		two("now", view.online, "after", e.online), "state_after",
		core_state_name(e.state), "warnings", effect_warnings(&e));
	member_diff_deinit(&diff);
	return result;
}

/* ---- the members as they shall be ---- */

static struct answer *refuse_member(struct call *c, size_t index, const char *text, const char *why)
{
	return call_fail_with(c, RPC_ERR_SNAPSHOT_REJECTED,
		json_pack("{s:s, s:I}", "detail", "member_invalid", "index", (json_int_t)index),
		"peer ids start with 12D3KooW or Qm and have 46 to 52 characters",
		"member %zu %s: %.80s", index + 1, why, text);
}

/* A peer id in full, or the one known peer that begins so. NULL, or the refusal. */
static struct answer *read_member(struct call *c, size_t index, const char *text,
	struct peer_id *ret)
{
	struct peer_id found[2];
	size_t count;

	if (peer_id_parse(bytes_str(text), ret) == 0)
		return NULL;
	if (strlen(text) < KNOWN_PREFIX_MIN)
		return refuse_member(c, index, text, "is not a peer id");
	count = known_find(call_node(c), text, found, 2);
	if (count != 1)
		return refuse_member(c, index, text,
			count ? "begins several known ids" : "is not a peer id");
	*ret = found[0];
	return NULL;
}

static struct answer *add_members(struct call *c, const char *param, struct member_list *list)
{
	const json_t *texts = call_param(c, param);

	for (size_t i = 0; i < json_array_size(texts); i++) {
		const char *text = json_string_value(json_array_get(texts, i));
		struct peer_id peer;
		struct answer *refused = read_member(c, i, text, &peer);
		int err;

		if (refused)
			return refused;
		/* Twice the same peer, in whatever spelling, is one member: what is signed is our
		 * own spelling. */
		err = member_list_add(list, &peer);
		if (err == P2P_ERR_UNSUPPORTED)
			return refuse_member(c, i, text, "has no Ed25519 key and cannot be a member");
		if (err == P2P_ERR_FULL)
			return refuse_member(c, i, text, "is one too many (16384 at most)");
	}
	return NULL;
}

/* Taking out who is not in changes nothing: so the same command can be run again. */
static struct answer *remove_members(struct call *c, struct member_list *list)
{
	const json_t *texts = call_param(c, "remove");

	for (size_t i = 0; i < json_array_size(texts); i++) {
		struct peer_id peer;
		struct answer *refused =
			read_member(c, i, json_string_value(json_array_get(texts, i)), &peer);

		if (refused)
			return refused;
		(void)member_list_remove(list, &peer);
	}
	return NULL;
}

static struct answer *answer_plan(struct call *c, struct member_list *after)
{
	struct answer *answer;

	if (after->count == 0)
		answer = call_fail_with(c, RPC_ERR_SNAPSHOT_REJECTED,
			json_pack("{s:s}", "detail", "members_empty"), NULL,
			"a cluster has at least one member");
	else
		answer = call_ok(c, plan_json(call_node(c), after));
	member_list_deinit(after);
	return answer;
}

static void on_rollback(struct ticket *t, const struct store_row *row)
{
	struct member_list after = {0};
	struct snapshot s;

	if (!ticket_is_wanted(t) || snapshot_parse(row->raw, &s, NULL) != 0) {
		ticket_fail(t, RPC_ERR_STORAGE, "the snapshot cannot be read any more");
		return;
	}
	member_list_from_snapshot(&after, &s, NULL);
	ticket_ok(t, plan_json(ticket_node(t), &after));
	member_list_deinit(&after);
	snapshot_deinit(&s);
}

static struct answer *rollback(struct call *c)
{
	const char *hash = call_text(c, "rollback");
	struct answer *answer;
	struct ticket *t;

	if (!history_is_hash(hash))
		return call_refuse_param(c, "rollback", "must be 6 to 64 hex characters");
	answer = call_later(c, &t);
	history_find(t, hash, on_rollback);
	return answer;
}

struct answer *do_MEMBER_PLAN(struct call *c)
{
	const struct snapshot *held = core_snapshot(call_node(c)->core);
	bool edits = call_param(c, "add") || call_param(c, "remove");
	struct member_list after = {0};
	struct answer *refused;

	if (call_param(c, "rollback"))
		return edits || call_param(c, "set")
			       ? call_refuse_param(c, "rollback", "goes alone")
			       : rollback(c);
	if (call_param(c, "set") && edits)
		return call_refuse_param(c, "set", "does not go with add or remove");
	if (!held && !call_param(c, "set") && !call_param(c, "add"))
		return call_fail(c, RPC_ERR_UNCONFIGURED, "there are no members yet to start from");
	if (call_param(c, "set")) {
		refused = add_members(c, "set", &after);
	} else {
		if (held)
			member_list_from_snapshot(&after, held, NULL);
		refused = add_members(c, "add", &after);
		if (!refused)
			refused = remove_members(c, &after);
	}
	if (refused) {
		member_list_deinit(&after);
		return refused;
	}
	return answer_plan(c, &after);
}
