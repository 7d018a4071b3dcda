/* SPDX-License-Identifier: Apache-2.0 */
/* node.* and status.*: this node, its state and why. */
#include "daemon/control/around.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/known.h"
#include "daemon/control/server.h"
#include "daemon/control/shape.h"
#include "daemon/control/client.h"
#include "proto/base/err.h"
#include "proto/base/text.h"

#define DAY_SEC 86400

static struct core_view view_of(const struct control_node *n)
{
	struct core_view view;

	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	return view;
}

/* As bound: "any" stays 0.0.0.0. */
static json_t *bound(const struct control_node *n)
{
	struct listen_door doors[LISTEN_ADDRS_MAX];
	size_t count = n->listener ? listener_doors(n->listener, doors, LISTEN_ADDRS_MAX) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		struct maddr a;

		maddr_from_ip_quic(&doors[i].ip, &a);
		if (doors[i].has_quic)
			json_array_append_new(list, shape_addr(&a));
		maddr_from_ip_tcp(&doors[i].ip, &a);
		if (doors[i].has_tcp)
			json_array_append_new(list, shape_addr(&a));
	}
	return list;
}

static json_t *announced(const struct control_node *n)
{
	struct maddr addrs[SELF_ADDRS_MAX];
	size_t count = n->self ? self_addrs(n->self, NULL, addrs, SELF_ADDRS_MAX) : 0;

	return shape_addrs(addrs, count);
}

static json_t *node_part(const struct control_node *n, const struct core_view *view)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:I, s:s, s:o}", "peer_id",
		shape_peer(&view->self), "name", shape_text(n->name), "state",
		core_state_name(view->state), "state_since", shape_time(view->state_since),
		"state_reason", shape_text(view->reason), "version", n->version, "uptime_s",
		(json_int_t)(mono_since_ms(loop_now(n->loop), n->started) / 1000), "network_mode",
		network_mode_name(n->network_mode), "listen", announced(n));
}

static json_t *proof_part(const struct core_view *view, wall_t now)
{
	const struct admin_proof *p = view->snapshot ? &view->snapshot->proof : NULL;

	if (!p || admin_proof_is_empty(p))
		return json_null();
	return json_pack("{s:o, s:o, s:I}", "peer_id", shape_peer(&p->peer), "valid_to",
		shape_stamp(p->valid_to), "days_left",
		(json_int_t)((p->valid_to.sec - now.sec) / DAY_SEC));
}

static json_t *cluster_part(const struct control_node *n, const struct core_view *view)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "id", n->config->cluster_id, "members",
		(json_int_t)view->members, "online", (json_int_t)view->online, "quorum",
		(json_int_t)view->needed, "snapshot", shape_snapinfo_now(view), "admin_proof",
		proof_part(view, loop_wall(n->loop)));
}

struct answer *do_NODE_STATUS(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct core_view view = view_of(n);
	wall_t wall = loop_wall(n->loop);
	json_t *alerts = alerts_json(&call_client(c)->control->alerts, &view, wall);
	struct around around;

	around_look(call_client(c)->control, &around);
	around_add_alerts(&around, wall, alerts);
	return call_ok(c,
		json_pack("{s:o, s:b, s:o, s:o, s:n, s:n, s:o, s:I, s:o}", "generated_at",
			shape_time(wall), "complete", 1, "node", node_part(n, &view), "cluster",
			cluster_part(n, &view), "autotls", "update", "members",
			shape_members(n, &view), "pending", (json_int_t)view.pending, "alerts",
			alerts));
}

struct answer *do_NODE_HEALTH(struct call *c)
{
	struct core_view view = view_of(call_node(c));

	return call_ok(c,
		json_pack("{s:s, s:b, s:I, s:I, s:I, s:o, s:o}", "state", core_state_name(view.state),
			"healthy", view.state == CORE_HEALTHY ? 1 : 0, "members",
			(json_int_t)view.members, "online", (json_int_t)view.online, "quorum",
			(json_int_t)view.needed, "since", shape_time(view.state_since), "reason",
			shape_text(view.reason)));
}

struct answer *do_NODE_ID(struct call *c)
{
	const struct control_node *n = call_node(c);
	char cid[PEER_ID_CID_SIZE], key[KEY_TEXT_SIZE];
	struct key_public public;
	struct peer_id self;

	key_public_of(n->identity, &public);
	key_peer_id(&public, &self);
	return call_ok(c,
		json_pack("{s:o, s:s, s:s, s:s, s:o}", "peer_id", shape_peer(&self), "peer_id_cid",
			peer_id_cid36(&self, cid), "public_key", key_public_text(&public, key),
			"cluster_id", n->config->cluster_id, "name", shape_text(n->name)));
}

struct answer *do_NODE_ADDRESSES(struct call *c)
{
	const struct observed *seen = &call_client(c)->control->observed;
	json_t *observed = json_array();
	struct maddr addr;
	unsigned peers;

	for (size_t i = 0; observed_at(seen, i, &addr, &peers); i++)
		json_array_append_new(observed, json_pack("{s:o, s:i}", "address",
							shape_addr(&addr), "peers", (int)peers));
	return call_ok(c,
		json_pack("{s:o, s:o, s:o, s:s}", "listen", bound(call_node(c)), "announce",
			announced(call_node(c)), "observed", observed, "network_mode",
			network_mode_name(call_node(c)->network_mode)));
}

struct answer *do_NODE_STOP(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct answer *answer;

	if (n->under_systemd && !call_flag(c, "force"))
		return call_fail_with(c, RPC_ERR_UNSUPPORTED, NULL,
			"systemctl stop p2posd (or --force)", "systemd runs this node");
	/* Answered first: from here on the loop is on its way out. */
	answer = call_ok(c, json_pack("{s:b}", "stopping", 1));
	n->stop(n->arg);
	return answer;
}

static void on_restart_told(void *arg, size_t members, size_t told)
{
	ticket_ok(arg, json_pack("{s:I, s:I}", "members", (json_int_t)members, "told", (json_int_t)told));
}

struct answer *do_NODE_RESTARTING(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct ticket *t;
	struct answer *later = call_later(c, &t);

	if (n->restarting(n->arg, on_restart_told, t))
		ticket_fail(t, RPC_ERR_BUSY, "it is being announced already");
	return later;
}

/* ---- explain ---- */

static json_t *lines_of(const struct buf *text)
{
	json_t *list = json_array();
	struct bytes rest = buf_bytes(text);

	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.at, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.at) : rest.len;

		if (len > 0)
			json_array_append_new(list, shape_bytes(bytes_head(rest, len)));
		rest = bytes_from(rest, len + 1);
	}
	return list;
}

static json_t *first_of(const json_t *lines)
{
	json_t *first = json_array_get(lines, 0);

	return first ? json_incref(first) : json_null();
}

static json_t *rule_of(const struct core_view *view)
{
	char text[160];

	if (view->state == CORE_UNCONFIGURED)
		return json_string("a node is configured once it holds a snapshot that names it");
	(void)snprintf(text, sizeof(text),
		"healthy takes more than half of the members, this node included: %zu of %zu; %zu are online",
		view->needed, view->members, view->online);
	return json_string(text);
}

/* What keeps a member from counting. A dial that failed long ago says nothing while it is here. */
static json_t *away(const struct core_member *m)
{
	bool failed = m->dial_err != 0 && !m->conn;
	char error[128] = "";

	if (failed)
		(void)snprintf(error, sizeof(error), "%s: %s", core_stage_name(m->dial_stage),
			err_text(m->dial_err));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:b, s:I, s:o, s:o, s:o, s:o}",
		"peer_id", peer_id_is_none(&m->peer) ? shape_text(m->text) : shape_peer(&m->peer),
		"why", shape_text(m->why), "evidence",
		wall_is_zero(m->last_seen) ? json_null()
					   : json_string(m->relayed ? "relayed" : "direct"),
		"since", shape_time(m->since), "last_seen_at", shape_time(m->last_seen), "connected",
		m->conn ? 1 : 0, "suspected", m->suspected ? 1 : 0, "witnesses",
		(json_int_t)m->witnesses, "addresses", (json_int_t)m->addr_count, "dialling",
		m->dialling ? 1 : 0, "dial_failures", (json_int_t)m->dial_failures, "dial_error",
		shape_text(error), "dial_address", failed ? shape_addr(&m->dial_addr) : json_null(),
		"dial_at", failed ? shape_time(m->dial_at) : json_null(), "next_dial_in_s",
		m->dial_in_ms >= 0 ? json_integer((m->dial_in_ms + 999) / 1000) : json_null());
}

static json_t *missing(const struct control_node *n)
{
	json_t *list = json_array();
	struct core_member m;

	for (size_t i = 0; core_member_at(n->core, i, loop_wall(n->loop), loop_now(n->loop), &m); i++)
		if (!m.online)
			json_array_append_new(list, away(&m));
	return list;
}

/* What is not a member is a guest or nobody that this node knows. */
static const char *stranger_state(const struct control_node *n, const struct peer_id *peer)
{
	struct core_knock k;

	if (n->swarm && swarm_find(n->swarm, peer))
		return "guest";
	for (size_t i = 0; core_pending_at(n->core, i, &k); i++)
		if (peer_id_eq(&k.peer, peer))
			return "guest";
	return "unknown";
}

static json_t *peer_part(const struct control_node *n, const struct peer_id *peer)
{
	struct core_member m = {.peer = *peer, .since = WALL_ZERO, .last_seen = WALL_ZERO,
		.dial_in_ms = -1};
	struct explain e = {0};
	json_t *part, *lines;
	const char *state;

	if (core_member_get(n->core, peer, loop_wall(n->loop), loop_now(n->loop), &m))
		state = m.self ? "self" : m.online ? "online" : "offline";
	else
		state = stranger_state(n, peer);
	core_explain_peer(n->core, peer, loop_wall(n->loop), loop_now(n->loop), &e);
	lines = lines_of(&e.lines);
	part = away(&m);
	json_object_set_new(part, "state", json_string(state));
	json_object_set_new(part, "cause", shape_text(e.cause));
	json_object_set_new(part, "why", first_of(lines));
	json_object_set_new(part, "lines", lines);
	explain_deinit(&e);
	return part;
}

/* What has happened of late that somebody should look at, beside what is so at this moment. */
static void add_alerts(struct call *c, const struct core_view *view, json_t *notes)
{
	const struct alerts *alerts = &call_client(c)->control->alerts;
	wall_t wall = loop_wall(call_node(c)->loop);
	const char *text;

	for (size_t i = 0; (text = alerts_text(alerts, view, wall, i)); i++)
		if (*text)
			json_array_append_new(notes, shape_text(text));
}

struct answer *do_NODE_EXPLAIN(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct core_view view = view_of(n);
	struct explain e = {0};
	struct around around;
	struct peer_id peer;
	json_t *result, *lines;

	if (call_text(c, "peer")) {
		struct answer *refused = call_peer(c, "peer", &peer);

		if (refused)
			return refused;
	}
	around_look(call_client(c)->control, &around);
	core_explain(n->core, &around.facts, loop_wall(n->loop), loop_now(n->loop), &e);
	lines = lines_of(&e.lines);
	result = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "state",
		core_state_name(view.state), "since", shape_time(view.state_since), "reason",
		first_of(lines), "cause", shape_text(e.cause), "finding", shape_text(e.finding), "rule", rule_of(&view), "notes",
		lines_of(&e.notes), "remedies", lines_of(&e.remedies), "lines", lines, "members",
		(json_int_t)view.members, "online", (json_int_t)view.online, "quorum",
		(json_int_t)view.needed, "missing", missing(n));
	explain_deinit(&e);
	add_alerts(c, &view, json_object_get(result, "notes"));
	if (call_text(c, "peer"))
		json_object_set_new(result, "peer", peer_part(n, &peer));
	return call_ok(c, result);
}

/* ---- status.* ---- */

struct answer *do_STATUS_LOCAL(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct status_answer a = {0};
	struct answer *answer;

	if (n->status_local(n->arg, &a) != 0)
		return call_fail(c, RPC_ERR_UNCONFIGURED, NULL);
	answer = call_ok(c, json_pack("{s:o, s:o}", "generated_at", shape_time(a.generated_at),
				      "peers", shape_records(&a)));
	status_answer_deinit(&a);
	return answer;
}

static void on_cluster_status(void *arg, int err, const struct status_answer *a)
{
	struct ticket *t = arg;
	json_t *failed;

	if (err) {
		ticket_fail(t, err == P2P_ERR_REFUSED ? RPC_ERR_UNCONFIGURED : RPC_ERR_BUSY, NULL);
		return;
	}
	failed = json_array();
	for (size_t i = 0; i < a->incomplete_count; i++)
		json_array_append_new(failed, shape_failed(&a->incomplete[i], P2P_ERR_TIMEOUT));
	ticket_ok(t,
		json_pack("{s:o, s:b, s:o, s:o}", "generated_at", shape_time(a->generated_at),
			"complete", a->incomplete_count == 0 && !a->truncated ? 1 : 0, "peers",
			shape_records(a), "failed", failed));
}

struct answer *do_STATUS_CLUSTER(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct ticket *t;
	struct answer *answer;

	if (view_of(n).state == CORE_UNCONFIGURED)
		return call_fail(c, RPC_ERR_UNCONFIGURED, NULL);
	answer = call_later(c, &t);
	n->status_cluster(n->arg, on_cluster_status, t);
	return answer;
}
