/* SPDX-License-Identifier: Apache-2.0 */
/* member.list, get, history, pending, export, verify: what is known of the membership. */
#include <stdlib.h>

#include "daemon/control/dispatch.h"
#include "daemon/control/history.h"
#include "daemon/control/known.h"
#include "daemon/control/rules.h"
#include "daemon/control/shape.h"
#include "proto/base/mem.h"

#define MEMBER_ADDRS_SHOWN 16

static struct core_view view_of(const struct control_node *n)
{
	struct core_view view;

	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	return view;
}

struct answer *do_MEMBER_LIST(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct core_view view = view_of(n);

	return call_ok(c,
		json_pack("{s:o, s:o, s:I, s:I}", "members", shape_members(n, &view), "snapshot",
			shape_snapinfo_now(&view), "online", (json_int_t)view.online, "quorum",
			(json_int_t)view.needed));
}

static json_t *evidence_of(const struct core_member *m)
{
	if (wall_is_zero(m->last_seen))
		return json_null();
	return json_pack("{s:s, s:o}", "kind", m->relayed ? "relayed" : "direct", "at",
		shape_time(m->last_seen));
}

static json_t *addresses_of(const struct control_node *n, const struct peer_id *peer)
{
	json_t *list = json_array();
	struct core_addr a;

	for (size_t i = 0; i < MEMBER_ADDRS_SHOWN && core_addr_at(n->core, peer, i, &a); i++)
		json_array_append_new(list, shape_addr(&a.addr));
	return list;
}

struct answer *do_MEMBER_GET(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct core_member m;
	struct peer_id peer;
	struct answer *refused = call_peer(c, "peer", &peer);
	json_t *member;

	if (refused)
		return refused;
	if (!core_member_get(n->core, &peer, loop_wall(n->loop), loop_now(n->loop), &m))
		return call_fail_with(c, RPC_ERR_NOT_FOUND, NULL,
			"p2posctl member list shows the members, p2posctl member pending who asks",
			"that peer is no member");
	member = shape_member(n, &m);
	json_object_set_new(member, "why", shape_text(m.why));
	json_object_set_new(member, "since", shape_time(m.since));
	json_object_set_new(member, "evidence", evidence_of(&m));
	json_object_set_new(member, "addresses", addresses_of(n, &peer));
	json_object_set_new(member, "connected", json_boolean(m.conn != 0));
	json_object_set_new(member, "has_snapshot", json_boolean(m.self || m.has_snapshot));
	json_object_set_new(member, "skew_ms", m.has_skew ? json_integer(m.skew_ms) : json_null());
	return call_ok(c, json_pack("{s:o}", "member", member));
}

struct answer *do_MEMBER_PENDING(struct call *c)
{
	const struct control_node *n = call_node(c);
	json_t *list = json_array();
	struct core_knock k;

	for (size_t i = 0; core_pending_at(n->core, i, &k); i++)
		json_array_append_new(list,
			json_pack("{s:o, s:o, s:o, s:o, s:I}", "peer_id", shape_peer(&k.peer),
				"address", shape_addr(&k.from), "first_seen_at",
				shape_time(k.first_seen), "last_seen_at", shape_time(k.last_seen),
				"tries", (json_int_t)k.tries));
	return call_ok(c, json_pack("{s:o}", "pending", list));
}

/* ---- history ---- */

/* The database gives evidence of equivocation among the snapshots, so all rows are fetched (there
 * are few, and without their bytes) and as many shown as were asked for. */
struct history_call {
	struct ticket *t;
	size_t limit;
};

static void on_history(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct history_call *h = arg;
	struct ticket *t = h->t;
	size_t limit = h->limit;
	json_t *list;

	free(h);

	if (err) {
		ticket_fail(t, RPC_ERR_STORAGE, NULL);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct store_row *r = &rows[i];

		if (r->kind == STORE_ROW_SNAPSHOT && json_array_size(list) < limit)
			json_array_append_new(list,
				json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:b}", "issued_at",
					shape_stamp(r->stamp.issued_at), "issuer_peer_id",
					shape_peer(&r->peer), "members", (json_int_t)r->members,
					"hash", shape_hash(r->stamp.hash), "source",
					shape_text(r->what), "accepted_at", shape_time(r->at),
					"current", r->is_current ? 1 : 0));
	}
	ticket_ok(t, json_pack("{s:o}", "snapshots", list));
}

struct answer *do_MEMBER_HISTORY(struct call *c)
{
	struct store_query q = {.snapshots = true, .newest_first = true, .since = WALL_ZERO,
		.until = WALL_ZERO, .limit = STORE_QUERY_ROWS_MAX};
	struct history_call *h;
	uint64_t limit;
	struct answer *answer = call_uint(c, "limit", 1, STORE_SNAPSHOTS_KEPT, STORE_SNAPSHOTS_KEPT,
		&limit);

	if (answer)
		return answer;
	h = xcalloc(1, sizeof(*h));
	h->limit = (size_t)limit;
	answer = call_later(c, &h->t);
	if (store_query(call_node(c)->store, &q, on_history, h) != 0) {
		ticket_fail(h->t, RPC_ERR_BUSY, NULL);
		free(h);
	}
	return answer;
}

/* ---- export ---- */

static json_t *exported(struct bytes raw, const uint8_t *hash)
{
	json_t *doc = json_loadb((const char *)raw.at, raw.len, 0, NULL);

	/* Parsed once when it was accepted, so it parses again. */
	return json_pack("{s:o, s:o}", "snapshot", doc ? doc : json_null(), "hash",
		shape_hash(hash));
}

static void on_export(struct ticket *t, const struct store_row *row)
{
	ticket_ok(t, exported(row->raw, row->stamp.hash));
}

struct answer *do_MEMBER_EXPORT(struct call *c)
{
	const struct snapshot *held = core_snapshot(call_node(c)->core);
	const char *hash = call_text(c, "hash");
	struct answer *answer;
	struct ticket *t;

	if (!hash && !held)
		return call_fail(c, RPC_ERR_UNCONFIGURED, "this node holds no snapshot yet");
	if (!hash)
		return call_ok(c, exported(buf_bytes(&held->raw), held->hash));
	if (!history_is_hash(hash))
		return call_refuse_param(c, "hash", "must be 6 to 64 hex characters");
	answer = call_later(c, &t);
	history_find(t, hash, on_export);
	return answer;
}

/* ---- verify ---- */

struct answer *do_MEMBER_VERIFY(struct call *c)
{
	const struct control_node *n = call_node(c);
	const struct snapshot *held = core_snapshot(n->core);
	struct snapshot_rules rules = rules_local(n);
	enum snapshot_reason reason;
	struct snapshot s = {0};
	bool valid = false, newer = false;
	json_t *info = json_null();
	struct answer *answer;

	if (snapshot_from_json(call_param(c, "snapshot"), &s, &reason) == 0) {
		valid = snapshot_check(&s, &rules, &reason) == 0;
		newer = !held || snapshot_cmp(&s, held) > 0;
		info = shape_snapinfo(&s, NULL);
	}
	answer = call_ok(c,
		json_pack("{s:b, s:b, s:o, s:o, s:o}", "valid", valid ? 1 : 0, "newer",
			newer ? 1 : 0, "detail",
			valid ? json_null() : shape_text(snapshot_reason_name(reason)), "message",
			valid ? json_null() : shape_text(snapshot_reason_text(reason)), "snapshot",
			info));
	snapshot_deinit(&s);
	return answer;
}
