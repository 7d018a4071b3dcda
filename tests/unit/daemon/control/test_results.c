/* SPDX-License-Identifier: Apache-2.0 */
/* Every method answers with the fields that the list promises, configured or not; and what the
 * methods about this node say is so. */
#include "tests/unit/daemon/control/whole.h"

/* Methods that can be called by anybody at any time, with parameters that make sense. */
static const struct {
	const char *method, *params;
	int unconfigured; /* the error without a snapshot; 0 = a result */
} calls[] = {
	{"rpc.hello", NULL, 0},
	{"rpc.list", NULL, 0},
	{"node.status", NULL, 0},
	{"node.health", NULL, 0},
	{"node.id", NULL, 0},
	{"node.addresses", NULL, 0},
	{"node.explain", NULL, 0},
	{"status.local", NULL, RPC_ERR_UNCONFIGURED},
	{"status.cluster", NULL, RPC_ERR_UNCONFIGURED},
	{"member.list", NULL, 0},
	{"member.history", NULL, 0},
	{"member.history", "{\"limit\":1}", 0},
	{"member.pending", NULL, 0},
	{"member.export", NULL, RPC_ERR_UNCONFIGURED},
	{"member.plan", NULL, RPC_ERR_UNCONFIGURED},
	{"member.verify", "{\"snapshot\":{}}", 0},
	{"peer.list", NULL, 0},
	{"bootstrap.list", NULL, 0},
	{"bootstrap.run", NULL, 0},
	{"config.effective", NULL, 0},
	{"config.effective", "{\"key\":\"heartbeat.interval\"}", 0},
	{"config.schema", NULL, 0},
	{"config.check", "{\"text\":\"{}\"}", 0},
	{"config.check", "{\"text\":\"{\\\"clutser_id\\\":1}\"}", 0},
	{"config.reload", NULL, 0},
	{"log.get_level", NULL, 0},
	{"log.set_level", "{\"level\":\"info\"}", 0},
	{"events.subscribe", NULL, 0},
	{"metrics.get", NULL, 0},
	{"timeline.get", NULL, 0},
	{"timeline.get", "{\"since\":\"2020-01-01T00:00:00Z\",\"limit\":5}", 0},
	{"db.check", NULL, 0},
	{"debug.memory", NULL, 0},
	{"debug.streams", NULL, 0},
	{"debug.timers", NULL, 0},
};

static void without_a_snapshot_every_answer_has_its_shape(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		json_t *doc = rig_call(&c, calls[i].method, calls[i].params);

		if (calls[i].unconfigured)
			rig_assert_error(doc, calls[i].unconfigured);
		else
			rig_assert_result(doc, calls[i].method);
	}
	rig_disconnect(&c);
}

static void with_a_cluster_every_answer_has_its_shape(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);

	whole_connect(w);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		rig_assert_result(rig_call(&c, calls[i].method, calls[i].params), calls[i].method);
	rig_disconnect(&c);
}

static void status_tells_node_cluster_and_members(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	const json_t *cluster, *members, *node;
	char id[PEER_ID_TEXT_SIZE];
	json_t *doc;

	whole_connect(w);
	doc = rig_call(&c, "node.status", NULL);
	node = rig_result(doc, "node");
	cluster = rig_result(doc, "cluster");
	members = rig_result(doc, "members");
	assert_string_equal(json_string_value(json_object_get(node, "peer_id")),
		peer_id_text(&w->self.id, id));
	assert_string_equal(json_string_value(json_object_get(node, "state")), "healthy");
	assert_int_equal(json_integer_value(json_object_get(cluster, "members")), 3);
	assert_int_equal(json_integer_value(json_object_get(cluster, "online")), 2);
	assert_int_equal(json_integer_value(json_object_get(cluster, "quorum")), 2);
	assert_true(json_is_object(json_object_get(cluster, "snapshot")));
	assert_true(json_integer_value(json_object_get(json_object_get(cluster, "admin_proof"),
			    "days_left")) > 10000);
	assert_int_equal(json_array_size(members), 3);
	/* This node first, then by peer id. */
	assert_string_equal(json_string_value(json_object_get(json_array_get(members, 0), "state")),
		"self");
	assert_string_equal(json_string_value(json_object_get(json_array_get(members, 0), "name")),
		"fra1-a");
	for (size_t i = 1; i < 3; i++) {
		const json_t *m = json_array_get(members, i);
		bool online = strcmp(json_string_value(json_object_get(m, "state")), "online") == 0;

		assert_int_equal(json_is_string(json_object_get(m, "transport")), online);
		assert_int_equal(json_is_string(json_object_get(m, "last_seen_at")), online);
	}
	json_decref(doc);
	rig_disconnect(&c);
}

static void explain_names_who_is_missing(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	char id[PEER_ID_TEXT_SIZE], params[128];
	struct peer_id gone = person_id(WHOLE_GONE), stranger = person_id(0x40);
	json_t *doc = rig_call(&c, "node.explain", NULL);

	assert_string_equal(json_string_value(rig_result(doc, "state")), "degraded");
	assert_int_equal(json_array_size(rig_result(doc, "missing")), 2);
	assert_true(json_array_size(rig_result(doc, "lines")) > 0);
	assert_true(json_is_string(rig_result(doc, "reason")));
	assert_non_null(strstr(json_string_value(rig_result(doc, "rule")), "2 of 3"));
	/* Who is absent stands in `missing`; a remedy is what would change that. */
	assert_int_equal(json_array_size(rig_result(doc, "remedies")), 1);
	assert_string_equal(json_string_value(json_array_get(rig_result(doc, "remedies"), 0)),
		"it becomes healthy when 1 more member is online");
	assert_int_equal(json_array_size(rig_result(doc, "notes")), 0);
	rig_assert_result(doc, "node.explain");

	snprintf(params, sizeof(params), "{\"peer\":\"%s\"}", peer_id_text(&gone, id));
	doc = rig_call(&c, "node.explain", params);
	assert_string_equal(json_string_value(json_object_get(rig_result(doc, "peer"), "state")),
		"offline");
	rig_assert_result(doc, "node.explain");
	snprintf(params, sizeof(params), "{\"peer\":\"%s\"}", peer_id_text(&stranger, id));
	doc = rig_call(&c, "node.explain", params);
	assert_string_equal(json_string_value(json_object_get(rig_result(doc, "peer"), "state")),
		"unknown");
	rig_assert_result(doc, "node.explain");
	rig_disconnect(&c);
}

static void a_beginning_of_an_id_stands_for_the_peer(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct peer_id gone = person_id(WHOLE_GONE);
	char id[PEER_ID_TEXT_SIZE], params[128];
	json_t *doc;

	snprintf(params, sizeof(params), "{\"peer\":\"%.20s\"}", peer_id_text(&gone, id));
	doc = rig_call(&c, "member.get", params);
	assert_string_equal(json_string_value(json_object_get(rig_result(doc, "member"), "peer_id")), id);
	rig_assert_result(doc, "member.get");
	rig_assert_error(rig_call(&c, "member.get", "{\"peer\":\"12D3KooW\"}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "member.get", "{\"peer\":\"12D3KooWzzzz\"}"), RPC_ERR_NOT_FOUND);
	rig_disconnect(&c);
}

static void an_ambiguous_beginning_names_the_candidates(void **state)
{
	struct whole *w = *state;
	struct peer_id found[8];

	/* No two of our people share ten characters, so the search itself is asked. */
	assert_int_equal(known_find(&w->rig.node, "12D3KooW", found, 8), 3);
	assert_int_equal(known_find(&w->rig.node, "12D3KooW", found, 2), 2);
	assert_int_equal(known_find(&w->rig.node, "Qm", found, 8), 0);
}

static void who_is_no_member_is_not_found(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct peer_id stranger = person_id(0x40);
	char id[PEER_ID_TEXT_SIZE], params[128];

	snprintf(params, sizeof(params), "{\"peer\":\"%s\"}", peer_id_text(&stranger, id));
	rig_assert_error(rig_call(&c, "member.get", params), RPC_ERR_NOT_FOUND);
	rig_disconnect(&c);
}

static void a_reload_tells_what_takes_a_restart(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc;

	w->rig.node.arg = &w->rig; /* the reload of rig.h */
	doc = rig_call(&c, "config.reload", NULL);
	assert_int_equal(json_array_size(rig_result(doc, "applied")), 1);
	assert_int_equal(json_array_size(rig_result(doc, "needs_restart")), 1);
	rig_assert_result(doc, "config.reload");
	w->rig.reload_err = P2P_ERR_CONFIG;
	doc = rig_call(&c, "config.reload", NULL);
	assert_int_equal(json_array_size(json_object_get(
				 json_object_get(json_object_get(doc, "error"), "data"), "errors")),
		1);
	rig_assert_error(doc, RPC_ERR_CONFIG_INVALID);
	rig_disconnect(&c);
}

static void the_configuration_is_shown_without_secrets(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	const char *path = tempdir_path(&w->dir, "config.json");
	char *text;
	json_t *doc;

	tempdir_write(path, "{\"cluster_id\":\"prod\",\"auto_tls\":{\"forge_auth\":\"hush-hush\"}}", 0600);
	w->rig.node.config_path = path;
	doc = rig_call(&c, "config.get", NULL);
	text = json_dumps(doc, 0);
	assert_null(strstr(text, "hush-hush"));
	assert_non_null(strstr(text, "(set)"));
	free(text);
	rig_assert_result(doc, "config.get");
	doc = rig_call(&c, "config.get", "{\"key\":\"auto_tls.forge_auth\"}");
	assert_string_equal(json_string_value(rig_result(doc, "value")), "(set)");
	rig_assert_result(doc, "config.get");
	rig_assert_error(rig_call(&c, "config.get", "{\"key\":\"auto_tls.nothing\"}"), RPC_ERR_NOT_FOUND);
	rig_assert_error(rig_call(&c, "config.effective", "{\"key\":\"nothing\"}"), RPC_ERR_NOT_FOUND);
	tempdir_write(path, "{ nonsense", 0600);
	rig_assert_error(rig_call(&c, "config.get", NULL), RPC_ERR_CONFIG_INVALID);
	doc = rig_call(&c, "config.check", NULL);
	assert_true(json_is_false(rig_result(doc, "valid")));
	rig_assert_result(doc, "config.check");
	rig_disconnect(&c);
}

static void a_backup_is_written_once(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	char params[256];

	rig_assert_error(rig_call(&c, "db.backup", "{\"path\":\"relative.db\"}"), RPC_ERR_PARAMS);
	snprintf(params, sizeof(params), "{\"path\":\"%s\"}", tempdir_path(&w->dir, "copy.db"));
	rig_assert_result(rig_call(&c, "db.backup", params), "db.backup");
	rig_assert_error(rig_call(&c, "db.backup", params), RPC_ERR_STORAGE);
	rig_disconnect(&c);
}

static void levels_change_and_come_back(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc = rig_call(&c, "log.set_level", "{\"level\":\"debug\",\"module\":\"dns\"}");

	assert_true(json_is_true(rig_result(doc, "changed")));
	rig_assert_result(doc, "log.set_level");
	doc = rig_call(&c, "log.set_level", "{\"level\":\"debug\",\"module\":\"dns\"}");
	assert_true(json_is_false(rig_result(doc, "changed")));
	json_decref(doc);
	rig_assert_error(rig_call(&c, "log.set_level", "{\"level\":\"loud\"}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "log.set_level", "{\"level\":\"info\",\"module\":\"nobody\"}"),
		RPC_ERR_PARAMS);
	rig_assert_result(rig_call(&c, "log.set_level", "{\"level\":\"info\"}"), "log.set_level");
	rig_disconnect(&c);
}

static void numbers_out_of_range_are_refused(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);

	rig_assert_error(rig_call(&c, "member.history", "{\"limit\":0}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "member.history", "{\"limit\":65}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "timeline.get", "{\"limit\":1001}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "timeline.get", "{\"since\":\"yesterday\"}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "member.export", "{\"hash\":\"xyz\"}"), RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_snapshot_every_answer_has_its_shape, whole_setup,
			whole_teardown),
		cmocka_unit_test_setup_teardown(with_a_cluster_every_answer_has_its_shape,
			whole_setup_configured, whole_teardown),
		cmocka_unit_test_setup_teardown(status_tells_node_cluster_and_members, whole_setup_configured,
			whole_teardown),
		cmocka_unit_test_setup_teardown(explain_names_who_is_missing, whole_setup_configured,
			whole_teardown),
		cmocka_unit_test_setup_teardown(a_beginning_of_an_id_stands_for_the_peer,
			whole_setup_configured, whole_teardown),
		cmocka_unit_test_setup_teardown(an_ambiguous_beginning_names_the_candidates,
			whole_setup_configured, whole_teardown),
		cmocka_unit_test_setup_teardown(who_is_no_member_is_not_found, whole_setup_configured,
			whole_teardown),
		cmocka_unit_test_setup_teardown(a_reload_tells_what_takes_a_restart, whole_setup,
			whole_teardown),
		cmocka_unit_test_setup_teardown(the_configuration_is_shown_without_secrets, whole_setup,
			whole_teardown),
		cmocka_unit_test_setup_teardown(a_backup_is_written_once, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(levels_change_and_come_back, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(numbers_out_of_range_are_refused, whole_setup,
			whole_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
