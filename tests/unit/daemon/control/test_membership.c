/* SPDX-License-Identifier: Apache-2.0 */
/* member.plan, publish, verify, export, sync: nothing is taken that locks somebody out unnoticed,
 * and what became of a publish is told member by member. */
#include "proto/p2pos/evidence.h"
#include "tests/unit/daemon/control/whole.h"

#define EVERYBODY 3

/* A call with a snapshot as its parameter, and more. */
static json_t *call_with(struct rig_client *c, const char *method, const struct snapshot *s,
	const char *more)
{
	struct buf line = BUF_INIT;
	json_t *doc;

	(void)buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"snapshot\":%.*s%s}}",
		method, (int)s->raw.len, (const char *)s->raw.data, more);
	doc = rig_ask(c, buf_cstr(&line));
	buf_deinit(&line);
	return doc;
}

static const char *detail(const json_t *doc)
{
	return json_string_value(json_object_get(
		json_object_get(json_object_get(doc, "error"), "data"), "detail"));
}

static json_t *plan(struct rig_client *c, const char *fmt, uint8_t person)
{
	struct peer_id peer = person_id(person);
	char id[PEER_ID_TEXT_SIZE], params[256];

	snprintf(params, sizeof(params), fmt, peer_id_text(&peer, id));
	return rig_call(c, "member.plan", params);
}

static json_int_t number(const json_t *doc, const char *part, const char *field)
{
	return json_integer_value(json_object_get(rig_result(doc, part), field));
}

static bool warns(const json_t *doc, const char *type)
{
	const json_t *list = rig_result(doc, "warnings");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "type")), type) == 0)
			return true;
	return false;
}

/* ---- plan ---- */

static void a_plan_shows_the_effect_and_is_a_draft(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	enum draft_reason reason;
	struct draft d;
	char *text;
	json_t *doc;

	whole_connect(w);
	doc = plan(&c, "{\"add\":[\"%s\"]}", 0x20);
	assert_true(json_is_true(rig_result(doc, "changed")));
	assert_int_equal(json_array_size(rig_result(doc, "added")), 1);
	assert_int_equal(json_array_size(rig_result(doc, "removed")), 0);
	assert_int_equal(number(doc, "members", "before"), 3);
	assert_int_equal(number(doc, "members", "after"), 4);
	assert_int_equal(number(doc, "quorum", "before"), 2);
	assert_int_equal(number(doc, "quorum", "after"), 3);
	assert_int_equal(number(doc, "online", "now"), 2);
	assert_int_equal(number(doc, "online", "after"), 2);
	assert_string_equal(json_string_value(rig_result(doc, "state_after")), "degraded");
	assert_true(warns(doc, "would_lock_out_quorum"));
	/* What the CLI signs: the draft carries its base and parses on a machine without a node. */
	text = json_dumps(rig_result(doc, "draft"), 0);
	assert_ok(draft_parse(bytes_str(text), &d, &reason, NULL));
	assert_true(d.has_base && d.has_snapshot);
	assert_int_equal(d.members.count, 4);
	assert_memory_equal(d.base.hash, core_snapshot(w->core)->hash, 32);
	draft_deinit(&d);
	free(text);
	rig_assert_result(doc, "member.plan");
	rig_disconnect(&c);
}

static void a_plan_that_changes_nothing_says_so(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc = rig_call(&c, "member.plan", NULL);

	assert_true(json_is_false(rig_result(doc, "changed")));
	rig_assert_result(doc, "member.plan");
	doc = plan(&c, "{\"add\":[\"%s\"]}", WHOLE_PEER);
	assert_true(json_is_false(rig_result(doc, "changed")));
	rig_assert_result(doc, "member.plan");
	doc = plan(&c, "{\"remove\":[\"%s\"]}", 0x20);
	assert_true(json_is_false(rig_result(doc, "changed")));
	rig_assert_result(doc, "member.plan");
	rig_disconnect(&c);
}

static void removing_this_node_is_warned_of(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc = plan(&c, "{\"remove\":[\"%s\"]}", WHOLE_SELF);

	assert_true(warns(doc, "would_lock_out_self"));
	assert_string_equal(json_string_value(rig_result(doc, "state_after")), "unconfigured");
	rig_assert_result(doc, "member.plan");
	rig_disconnect(&c);
}

static void a_guest_that_knocks_counts_as_present(void **state)
{
	struct whole *w = *state;
	struct rig_client c;
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, 1, 100);
	struct core_memory m = {.snapshot = buf_bytes(&s.raw)};
	json_t *doc;

	core_load(w->core, &m, whole_wall(w), whole_now(w));
	whole_pump(w);
	snapshot_deinit(&s);
	(void)nodes_connect(&w->other, &w->self);
	c = rig_connect(&w->rig);
	doc = rig_call(&c, "member.pending", NULL);
	assert_int_equal(json_array_size(rig_result(doc, "pending")), 1);
	rig_assert_result(doc, "member.pending");
	/* One member becomes two: that is no lock-out when the second is at the door. */
	doc = plan(&c, "{\"add\":[\"%.20s\"]}", WHOLE_PEER);
	assert_false(warns(doc, "would_lock_out_quorum"));
	assert_true(warns(doc, "no_spare"));
	assert_string_equal(json_string_value(rig_result(doc, "state_after")), "healthy");
	rig_assert_result(doc, "member.plan");
	/* Nor when its minute is over for now: it will be back. */
	swarm_close_all(w->self.swarm, "test");
	turn_until(w->rig.loop, swarm_find(w->self.swarm, &w->other.id) == 0);
	doc = plan(&c, "{\"add\":[\"%s\"]}", WHOLE_PEER);
	assert_string_equal(json_string_value(rig_result(doc, "state_after")), "healthy");
	rig_assert_result(doc, "member.plan");
	rig_disconnect(&c);
}

static void what_cannot_be_planned_is_refused_by_its_rule(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc = rig_call(&c, "member.plan", "{\"add\":[\"12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz\",\"12D3bad\"]}");

	assert_string_equal(detail(doc), "member_invalid");
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json_object_get(doc, "error"), "data"), "index")),
		1);
	rig_assert_error(doc, RPC_ERR_SNAPSHOT_REJECTED);
	doc = rig_call(&c, "member.plan", "{\"set\":[]}");
	assert_string_equal(detail(doc), "members_empty");
	rig_assert_error(doc, RPC_ERR_SNAPSHOT_REJECTED);
	rig_assert_error(rig_call(&c, "member.plan", "{\"set\":[],\"add\":[]}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "member.plan", "{\"rollback\":\"abcdef\",\"add\":[]}"),
		RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "member.plan", "{\"rollback\":\"zz\"}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "member.plan", "{\"rollback\":\"abcdef012345\"}"),
		RPC_ERR_NOT_FOUND);
	rig_disconnect(&c);
}

static void a_rollback_plans_the_members_of_an_earlier_snapshot(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, 2, 50);
	char hash[SHAPE_HASH_SIZE], params[256];
	json_t *doc;

	whole_remember(w, &s);
	shape_hash_text(s.hash, hash);
	snprintf(params, sizeof(params), "{\"rollback\":\"%.12s\"}", hash);
	doc = rig_call(&c, "member.plan", params);
	assert_int_equal(number(doc, "members", "after"), 2);
	assert_int_equal(json_array_size(rig_result(doc, "removed")), 1);
	rig_assert_result(doc, "member.plan");

	snprintf(params, sizeof(params), "{\"hash\":\"%.12s\"}", hash);
	doc = rig_call(&c, "member.export", params);
	assert_string_equal(json_string_value(rig_result(doc, "hash")), hash);
	rig_assert_result(doc, "member.export");
	doc = rig_call(&c, "member.history", NULL);
	assert_int_equal(json_array_size(rig_result(doc, "snapshots")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(rig_result(doc, "snapshots"), 0), "hash")),
		hash);
	rig_assert_result(doc, "member.history");
	snapshot_deinit(&s);
	rig_disconnect(&c);
}

static void two_lists_for_one_instant_are_evidence(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	wall_t instant = wall_add_sec(whole_wall(w), -50);
	struct snapshot a = whole_snapshot_of(WHOLE_SELF, 2, instant),
			b = whole_snapshot_of(WHOLE_SELF, 3, instant);
	bool in_order = snapshot_cmp(&a, &b) < 0;
	char hash[SHAPE_HASH_SIZE], params[128];
	struct evidence e;
	json_t *doc;
	char *dump;

	rig_assert_error(rig_call(&c, "member.evidence", NULL), RPC_ERR_NOT_FOUND);
	whole_remember(w, in_order ? &a : &b);
	whole_remember(w, in_order ? &b : &a);
	shape_hash_text(a.hash, hash);
	snprintf(params, sizeof(params), "{\"hash\":\"%.10s\"}", hash);
	for (unsigned i = 0; i < 2; i++) {
		doc = rig_call(&c, "member.evidence", i ? params : NULL);
		dump = json_dumps(rig_result(doc, "evidence"), JSON_COMPACT);
		assert_ok(evidence_parse(bytes_str(dump), &e));
		assert_int_equal(snapshot_cmp(&e.a, in_order ? &b : &a), 0);
		assert_int_equal(snapshot_cmp(&e.b, in_order ? &a : &b), 0);
		evidence_deinit(&e);
		free(dump);
		rig_assert_result(doc, "member.evidence");
	}
	rig_assert_error(rig_call(&c, "member.evidence", "{\"hash\":\"000000\"}"), RPC_ERR_NOT_FOUND);
	rig_assert_error(rig_call(&c, "member.evidence", "{\"hash\":\"xyz\"}"), RPC_ERR_PARAMS);
	snapshot_deinit(&a);
	snapshot_deinit(&b);
	rig_disconnect(&c);
}

static void an_export_verifies_and_is_not_newer(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc = rig_call(&c, "member.export", NULL);
	struct snapshot s;
	json_t *verdict;

	assert_ok(snapshot_from_json((const struct json_t *)rig_result(doc, "snapshot"), &s, NULL));
	assert_memory_equal(s.hash, core_snapshot(w->core)->hash, 32);
	verdict = call_with(&c, "member.verify", &s, "");
	assert_true(json_is_true(rig_result(verdict, "valid")));
	assert_true(json_is_false(rig_result(verdict, "newer")));
	rig_assert_result(verdict, "member.verify");
	rig_assert_result(doc, "member.export");
	snapshot_deinit(&s);
	rig_disconnect(&c);
}

/* ---- publish: refused ---- */

static void a_bad_snapshot_is_refused_by_its_rule(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 10);
	json_t *doc;
	char *sig;

	rig_assert_error(rig_call(&c, "member.publish", "{\"snapshot\":{}}"), RPC_ERR_SNAPSHOT_REJECTED);
	/* One bit of the members' signature. */
	sig = strstr(buf_cstr(&s.raw), "\"sig\":\"");
	while (strstr(sig + 1, "\"sig\":\""))
		sig = strstr(sig + 1, "\"sig\":\"");
	sig[10] = sig[10] == 'A' ? 'B' : 'A';
	doc = call_with(&c, "member.publish", &s, ",\"force\":true");
	assert_string_equal(detail(doc), "signature");
	rig_assert_error(doc, RPC_ERR_SNAPSHOT_REJECTED);
	doc = call_with(&c, "member.verify", &s, "");
	assert_true(json_is_false(rig_result(doc, "valid")));
	assert_string_equal(json_string_value(rig_result(doc, "detail")), "signature");
	rig_assert_result(doc, "member.verify");
	snapshot_deinit(&s);
	rig_disconnect(&c);
}

static void an_expired_proof_has_an_error_of_its_own(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct admin_proof proof = proof_for("prod", GOLDEN_ADMIN_SEED, GOLDEN_SYSTEM_SEED,
		"2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z");
	struct key_pair admin = person(GOLDEN_ADMIN_SEED);
	struct peer_id self = person_id(WHOLE_SELF);
	struct member_list members = {0};
	struct snapshot s;
	json_t *doc;

	assert_ok(member_list_add(&members, &self));
	assert_ok(snapshot_build(&s, "prod", at("2020-06-01T00:00:00Z"), &members, &proof, &admin, NULL));
	doc = call_with(&c, "member.publish", &s, "");
	assert_string_equal(detail(doc), "expired");
	rig_assert_error(doc, RPC_ERR_ADMIN_PROOF_INVALID);
	member_list_deinit(&members);
	snapshot_deinit(&s);
	rig_disconnect(&c);
}

static void an_older_or_unexpected_one_is_stale(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot older = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 1000);
	struct snapshot newer = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 10);
	json_t *doc = call_with(&c, "member.publish", &older, ",\"force\":true"), *data;

	data = json_object_get(json_object_get(doc, "error"), "data");
	assert_true(json_is_string(json_object_get(data, "current_issued_at")));
	assert_int_equal(json_string_length(json_object_get(data, "current_hash")), 64);
	rig_assert_error(doc, RPC_ERR_SNAPSHOT_STALE);
	rig_assert_error(call_with(&c, "member.publish", &newer, ",\"expect_hash\":\"abcd\""),
		RPC_ERR_SNAPSHOT_STALE);
	snapshot_deinit(&older);
	snapshot_deinit(&newer);
	rig_disconnect(&c);
}

static void without_quorum_it_takes_force(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 10);
	json_t *doc;

	rig_assert_error(call_with(&c, "member.publish", &s, ""), RPC_ERR_NO_QUORUM);
	doc = call_with(&c, "member.publish", &s, ",\"force\":true");
	assert_true(json_is_true(rig_result(doc, "changed")));
	assert_true(json_is_true(rig_result(doc, "applied")));
	/* Both others are away; that is told, and is no failure of the publish. */
	assert_int_equal(json_array_size(rig_result(doc, "failed")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(rig_result(doc, "failed"), 0), "reason")),
		"not_connected");
	rig_assert_result(doc, "member.publish");
	snapshot_deinit(&s);
	rig_disconnect(&c);
}

static void locking_somebody_out_takes_force(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot without_us = whole_snapshot(w, WHOLE_PEER, 1, 20);
	struct snapshot too_many = whole_snapshot(w, WHOLE_SELF, 8, 20);
	json_t *doc;

	whole_connect(w);
	doc = call_with(&c, "member.publish", &without_us, "");
	assert_string_equal(detail(doc), "self");
	rig_assert_error(doc, RPC_ERR_WOULD_LOCK_OUT);
	doc = call_with(&c, "member.publish", &too_many, "");
	assert_string_equal(detail(doc), "quorum");
	rig_assert_error(doc, RPC_ERR_WOULD_LOCK_OUT);
	assert_int_equal(core_snapshot(w->core)->member_count, EVERYBODY);
	snapshot_deinit(&without_us);
	snapshot_deinit(&too_many);
	rig_disconnect(&c);
}

static void an_unconfigured_node_takes_only_what_names_it(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot others = whole_snapshot(w, WHOLE_PEER, 2, 20);
	struct snapshot ours = whole_snapshot(w, WHOLE_SELF, 1, 10);
	json_t *doc;

	rig_assert_error(call_with(&c, "member.publish", &others, ""), RPC_ERR_UNCONFIGURED);
	doc = call_with(&c, "member.publish", &ours, "");
	assert_true(json_is_true(rig_result(doc, "applied")));
	rig_assert_result(doc, "member.publish");
	doc = rig_call(&c, "node.health", NULL);
	assert_true(json_is_true(rig_result(doc, "healthy")));
	rig_assert_result(doc, "node.health");
	snapshot_deinit(&others);
	snapshot_deinit(&ours);
	rig_disconnect(&c);
}

/* ---- publish: taken ---- */

static void publish_waits_for_the_members_and_lists_them(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig), listener = rig_connect(&w->rig);
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 10);
	struct peer_id peer = person_id(WHOLE_PEER), stranger = person_id(0x40);
	struct buf line = BUF_INIT;
	json_t *doc;

	whole_connect(w);
	rig_assert_result(rig_call(&listener, "events.subscribe", "{\"types\":[\"membership\"]}"),
		"events.subscribe");
	(void)buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"member.publish\",\"params\":{\"snapshot\":%s}}",
		buf_cstr(&s.raw));
	rig_say(&c, buf_cstr(&line));
	rig_assert_silent(&c);
	control_hear_push(w->rig.control, &stranger, 0, true);
	rig_assert_silent(&c);
	control_hear_push(w->rig.control, &peer, 0, true);
	doc = rig_hear(&c);
	assert_int_equal(json_array_size(rig_result(doc, "pushed")), 1);
	assert_int_equal(json_array_size(rig_result(doc, "failed")), 1);
	rig_assert_result(doc, "member.publish");
	doc = rig_hear(&listener);
	assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "params"), "action")),
		"applied");
	json_decref(doc);

	/* The same again changes nothing and is no error. */
	doc = rig_ask(&c, buf_cstr(&line));
	assert_true(json_is_false(rig_result(doc, "changed")));
	assert_true(json_is_true(rig_result(doc, "applied")));
	rig_assert_result(doc, "member.publish");
	buf_deinit(&line);
	snapshot_deinit(&s);
	rig_disconnect(&c);
	rig_disconnect(&listener);
}

static void who_does_not_answer_the_push_is_listed_as_failed(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 10);
	struct buf line = BUF_INIT;
	json_t *doc;

	whole_connect(w);
	(void)buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"member.publish\",\"params\":{\"snapshot\":%s}}",
		buf_cstr(&s.raw));
	rig_say(&c, buf_cstr(&line));
	rig_assert_silent(&c);
	loop_skip_ms(w->rig.loop, 10001);
	doc = rig_hear(&c);
	assert_int_equal(json_array_size(rig_result(doc, "pushed")), 0);
	assert_int_equal(json_array_size(rig_result(doc, "failed")), 2);
	rig_assert_result(doc, "member.publish");
	buf_deinit(&line);
	snapshot_deinit(&s);
	rig_disconnect(&c);
}

/* Begins a publish whose commit takes its time. */
static struct rig_client begin_slow_publish(struct whole *w)
{
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 10);
	struct buf line = BUF_INIT;

	w->holds_verdict = true;
	(void)buf_printf(&line,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"member.publish\",\"params\":{\"force\":true,\"snapshot\":%s}}",
		buf_cstr(&s.raw));
	rig_say(&c, buf_cstr(&line));
	rig_assert_silent(&c);
	assert_true(w->store_token != 0);
	buf_deinit(&line);
	snapshot_deinit(&s);
	return c;
}

static void a_disk_that_fails_is_told_and_nothing_is_applied(void **state)
{
	struct whole *w = *state;
	struct rig_client c = begin_slow_publish(w);

	core_stored(w->core, w->store_token, false, whole_wall(w), whole_now(w));
	whole_pump(w);
	rig_assert_error(rig_hear(&c), RPC_ERR_STORAGE);
	rig_disconnect(&c);
}

static void a_verdict_after_the_client_left_goes_nowhere(void **state)
{
	struct whole *w = *state;
	struct rig_client c = begin_slow_publish(w);

	rig_disconnect(&c);
	turn_until(w->rig.loop, control_clients(w->rig.control) == 0);
	core_stored(w->core, w->store_token, true, whole_wall(w), whole_now(w));
	whole_pump(w);
}

static void a_verdict_after_the_socket_closed_goes_nowhere(void **state)
{
	struct whole *w = *state;
	struct rig_client c = begin_slow_publish(w);

	control_close(w->rig.control);
	w->rig.control = NULL;
	core_stored(w->core, w->store_token, true, whole_wall(w), whole_now(w));
	whole_pump(w);
	rig_disconnect(&c);
}

static void the_socket_may_close_while_members_are_being_told(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, EVERYBODY, 10);
	struct buf line = BUF_INIT;

	whole_connect(w);
	(void)buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"member.publish\",\"params\":{\"snapshot\":%s}}",
		buf_cstr(&s.raw));
	rig_say(&c, buf_cstr(&line));
	rig_assert_silent(&c);
	control_close(w->rig.control);
	w->rig.control = NULL;
	rig_assert_error(rig_hear(&c), RPC_ERR_SHUTTING_DOWN);
	buf_deinit(&line);
	snapshot_deinit(&s);
	rig_disconnect(&c);
}

/* ---- sync ---- */

static void sync_waits_for_whom_it_asked(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct peer_id peer = person_id(WHOLE_PEER);
	json_t *doc;

	rig_assert_error(rig_call(&c, "member.sync", NULL), RPC_ERR_NOT_CONNECTED);
	w->pulls = 2;
	rig_say(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"member.sync\"}");
	rig_assert_silent(&c);
	control_hear_pull(w->rig.control, &peer, 0);
	control_hear_pull(w->rig.control, &peer, P2P_ERR_TIMEOUT);
	loop_skip_ms(w->rig.loop, 301);
	doc = rig_hear(&c);
	assert_true(json_is_false(rig_result(doc, "changed")));
	assert_int_equal(json_integer_value(rig_result(doc, "asked")), 2);
	assert_int_equal(json_array_size(rig_result(doc, "failed")), 1);
	rig_assert_result(doc, "member.sync");
	rig_disconnect(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)   cmocka_unit_test_setup_teardown(name, whole_setup_configured, whole_teardown)
#define NEW(name) cmocka_unit_test_setup_teardown(name, whole_setup, whole_teardown)
		T(a_plan_shows_the_effect_and_is_a_draft),
		T(a_plan_that_changes_nothing_says_so),
		T(removing_this_node_is_warned_of),
		NEW(a_guest_that_knocks_counts_as_present),
		T(what_cannot_be_planned_is_refused_by_its_rule),
		T(a_rollback_plans_the_members_of_an_earlier_snapshot),
		T(two_lists_for_one_instant_are_evidence),
		T(an_export_verifies_and_is_not_newer),
		T(a_bad_snapshot_is_refused_by_its_rule),
		T(an_expired_proof_has_an_error_of_its_own),
		T(an_older_or_unexpected_one_is_stale),
		T(without_quorum_it_takes_force),
		T(locking_somebody_out_takes_force),
		NEW(an_unconfigured_node_takes_only_what_names_it),
		T(publish_waits_for_the_members_and_lists_them),
		T(who_does_not_answer_the_push_is_listed_as_failed),
		T(a_disk_that_fails_is_told_and_nothing_is_applied),
		T(a_verdict_after_the_client_left_goes_nowhere),
		T(a_verdict_after_the_socket_closed_goes_nowhere),
		T(the_socket_may_close_while_members_are_being_told),
		T(sync_waits_for_whom_it_asked),
#undef T
#undef NEW
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
