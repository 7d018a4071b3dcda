/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/p2ptest.h"

/* ---- errors ---- */

static void every_error_has_a_reason_a_sentence_and_a_hint(void **state)
{
	const struct rpc_error_info *e, *other;

	(void)state;
	for (unsigned i = 0; (e = rpc_error_at(i)); i++) {
		assert_that(e->hint && strlen(e->hint) > 10, e->reason);
		assert_that(e->text && e->text[0] && e->text[strlen(e->text) - 1] != '.', e->reason);
		assert_that(e->exit_code > 0 && e->exit_code < 128, e->reason);
		assert_ptr_equal(rpc_error_find(e->code), e);
		assert_ptr_equal(rpc_error_find_reason(e->reason), e);
		for (unsigned j = 0; j < i; j++) {
			other = rpc_error_at(j);
			assert_that(other->code != e->code, e->reason);
			assert_that(strcmp(other->reason, e->reason) != 0, e->reason);
		}
	}
	assert_null(rpc_error_find(1));
	assert_null(rpc_error_find_reason("nothing"));
}

static void exit_codes_are_those_of_the_contract(void **state)
{
	static const struct {
		const char *reason;
		int exit_code;
	} want[] = {
		{"not_ready", 75}, {"busy", 75}, {"timeout", 75}, {"permission_denied", 77},
		{"not_found", 1}, {"unconfigured", 1}, {"no_quorum", 1}, {"admin_key_missing", 77},
		{"admin_proof_invalid", 65}, {"snapshot_stale", 1}, {"snapshot_rejected", 65},
		{"would_lock_out", 1}, {"config_invalid", 78}, {"dial_failed", 69},
		{"protocol_unsupported", 76}, {"peer_id_mismatch", 76}, {"not_connected", 69},
		{"storage", 74},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(rpc_error_find_reason(want[i].reason)->exit_code, want[i].exit_code);
}

/* ---- the list ---- */

static void every_method_is_found_and_complete(void **state)
{
	const struct rpc_method *m;
	unsigned count = 0;

	(void)state;
	for (; (m = rpc_method_at(count)); count++) {
		assert_int_equal(m->id, count);
		assert_ptr_equal(rpc_method_find(m->name), m);
		assert_that(m->about[0] && m->result[0], m->name);
		assert_that(m->role == RPC_ROLE_READER || m->role == RPC_ROLE_ADMIN, m->name);
		for (const int *code = m->errors; *code; code++)
			assert_that(rpc_error_find(*code) != NULL, m->name);
		for (const struct rpc_param *p = m->params; p->name; p++)
			assert_that(p->about[0] != '\0', p->name);
	}
	assert_int_equal(count, METHOD_COUNT);
	assert_null(rpc_method_find("node.statu"));
}

static void changing_methods_are_for_admins(void **state)
{
	static const char *const admin[] = {"node.stop", "member.publish", "member.sync", "peer.connect",
		"peer.disconnect", "peer.ping", "peer.perf", "peer.identify", "peer.trace", "bootstrap.run",
		"config.reload", "log.set_level", "db.check", "db.backup", "debug.memory"};
	static const char *const reader[] = {"rpc.hello", "node.status", "node.health", "member.plan",
		"member.verify", "config.get", "events.subscribe", "metrics.get", "status.cluster"};

	(void)state;
	for (size_t i = 0; i < sizeof(admin) / sizeof(admin[0]); i++)
		assert_int_equal(rpc_method_find(admin[i])->role, RPC_ROLE_ADMIN);
	for (size_t i = 0; i < sizeof(reader) / sizeof(reader[0]); i++)
		assert_int_equal(rpc_method_find(reader[i])->role, RPC_ROLE_READER);
}

static void a_slip_finds_the_method_that_was_meant(void **state)
{
	(void)state;
	assert_string_equal(rpc_method_nearest("node.statsu"), "node.status");
	assert_string_equal(rpc_method_nearest("memeber.list"), "member.list");
	assert_null(rpc_method_nearest("something.else.entirely"));
}

/* The manual beside the list names each method with each parameter. */
static void the_readme_tells_every_method_and_parameter(void **state)
{
	static char text[64 * 1024];
	FILE *f = fopen("proto/rpc/README.md", "r");
	const struct rpc_method *m;
	char row[128];

	(void)state;
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (unsigned i = 0; (m = rpc_method_at(i)); i++) {
		const char *at, *end;

		snprintf(row, sizeof(row), "| `%s` %c |", m->name, m->role == RPC_ROLE_ADMIN ? 'a' : 'r');
		at = strstr(text, row);
		assert_that(at != NULL, row);
		at += strlen(row);
		end = strchr(at, '|');
		for (const struct rpc_param *p = m->params; p->name; p++) {
			snprintf(row, sizeof(row), p->must ? "%s" : "[%s]", p->name);
			assert_that(memmem(at, (size_t)(end - at), row, strlen(row)) != NULL, row);
		}
	}
}

/* ---- parameters ---- */

static int check(const char *method, const char *params, struct rpc_params_fault *fault)
{
	json_t *doc = params ? json_loads(params, JSON_DECODE_ANY, NULL) : NULL;
	int err;

	memset(fault, 0, sizeof(*fault));
	err = rpc_params_check(rpc_method_find(method), doc, fault);
	json_decref(doc);
	return err;
}

static void good_parameters_pass(void **state)
{
	struct rpc_params_fault f;

	(void)state;
	assert_ok(check("rpc.list", NULL, &f));
	assert_ok(check("rpc.list", "{}", &f));
	assert_ok(check("rpc.list", "null", &f));
	assert_ok(check("peer.ping", "{\"peer\":\"x\",\"count\":3}", &f));
	assert_ok(check("peer.ping", "{\"peer\":\"x\",\"count\":null}", &f));
	assert_ok(check("member.plan", "{\"add\":[\"a\",\"b\"]}", &f));
	assert_ok(check("member.publish", "{\"snapshot\":{},\"force\":true}", &f));
}

static void positional_parameters_are_refused_and_the_names_listed(void **state)
{
	struct rpc_params_fault f;

	(void)state;
	assert_err(check("peer.ping", "[\"x\"]", &f), P2P_ERR_INVALID);
	assert_string_equal(f.param, "");
	assert_non_null(strstr(f.message, "peer, count, interval_ms, timeout_ms"));
	assert_err(check("rpc.list", "[]", &f), P2P_ERR_INVALID);
	assert_non_null(strstr(f.message, "no parameters"));
}

static void unknown_missing_and_mistyped_ones_are_named(void **state)
{
	static const struct {
		const char *method, *params, *param;
	} bad[] = {
		{"rpc.list", "{\"x\":1}", "x"},
		{"peer.ping", "{\"peer\":\"x\",\"cuont\":3}", "cuont"},
		{"peer.ping", "{}", "peer"},
		{"peer.ping", NULL, "peer"},
		{"peer.ping", "{\"peer\":null}", "peer"},
		{"peer.ping", "{\"peer\":7}", "peer"},
		{"peer.ping", "{\"peer\":\"x\",\"count\":-1}", "count"},
		{"peer.ping", "{\"peer\":\"x\",\"count\":1.5}", "count"},
		{"peer.ping", "{\"peer\":\"x\",\"count\":\"3\"}", "count"},
		{"member.plan", "{\"add\":\"a\"}", "add"},
		{"member.plan", "{\"add\":[\"a\",1]}", "add"},
		{"member.publish", "{\"snapshot\":\"{}\"}", "snapshot"},
		{"member.publish", "{\"snapshot\":{},\"force\":1}", "force"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rpc_params_fault f;

		assert_that(check(bad[i].method, bad[i].params, &f) == P2P_ERR_INVALID, bad[i].param);
		assert_string_equal(f.param, bad[i].param);
		assert_true(f.message[0] != '\0');
	}
}

static void a_very_long_unknown_name_is_cut(void **state)
{
	char text[600], name[500];
	struct rpc_params_fault f;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "{\"%s\":1}", name);
	assert_err(check("rpc.list", text, &f), P2P_ERR_INVALID);
	assert_int_equal(strlen(f.param), sizeof(f.param) - 1);
}

static bool fits(const char *method, const char *result)
{
	json_t *doc = json_loads(result, 0, NULL);
	struct rpc_params_fault f;
	bool ok = rpc_result_check(rpc_method_find(method), doc, &f);

	json_decref(doc);
	return ok;
}

static void results_are_held_against_the_list(void **state)
{
	(void)state;
	assert_true(fits("peer.disconnect", "{\"changed\":true}"));
	assert_false(fits("peer.disconnect", "{}"));
	assert_false(fits("peer.disconnect", "{\"changed\":true,\"more\":1}"));
	assert_true(fits("peer.list", "{\"peers\":[]}"));
	assert_false(fits("peer.list", "{\"peers\":{}}"));
	assert_true(fits("config.schema", "{\"schema\":{}}"));
	assert_false(fits("config.schema", "{\"schema\":[]}"));
	assert_false(fits("peer.list", "[]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_a_reason_a_sentence_and_a_hint),
		cmocka_unit_test(exit_codes_are_those_of_the_contract),
		cmocka_unit_test(every_method_is_found_and_complete),
		cmocka_unit_test(changing_methods_are_for_admins),
		cmocka_unit_test(a_slip_finds_the_method_that_was_meant),
		cmocka_unit_test(the_readme_tells_every_method_and_parameter),
		cmocka_unit_test(good_parameters_pass),
		cmocka_unit_test(positional_parameters_are_refused_and_the_names_listed),
		cmocka_unit_test(unknown_missing_and_mistyped_ones_are_named),
		cmocka_unit_test(a_very_long_unknown_name_is_cut),
		cmocka_unit_test(results_are_held_against_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
