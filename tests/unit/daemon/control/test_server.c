/* SPDX-License-Identifier: Apache-2.0 */
/* The socket itself: lines, batches, limits, who gets in, and how clients end. */
#include <grp.h>

#include "config/readers.h"
#include "tests/unit/daemon/control/rig.h"

static const char hello[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.hello\"}\n";
static const char lookup[] =
	"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"bootstrap.resolve\",\"params\":{\"name\":\"example.org\"}}";

/* ---- lines ---- */

static void hello_tells_who_is_there(void **state)
{
	struct rig_client c = rig_connect(*state);
	json_t *doc = rig_call(&c, "rpc.hello", "{\"version\":\"1\"}");

	assert_string_equal(json_string_value(rig_result(doc, "server")), "p2posd");
	assert_string_equal(json_string_value(rig_result(doc, "role")), "admin");
	assert_int_equal(json_integer_value(rig_result(doc, "pid")), getpid());
	assert_true(json_is_true(rig_result(doc, "ready")));
	rig_assert_result(doc, "rpc.hello");
	rig_disconnect(&c);
}

static void a_request_may_be_cut_anywhere(void **state)
{
	struct rig_client c = rig_connect(*state);

	for (size_t cut = 1; cut < sizeof(hello) - 1; cut++) {
		assert_true(rig_send(&c, hello, cut));
		rig_turn(*state);
		rig_turn(*state);
		assert_true(rig_send(&c, hello + cut, sizeof(hello) - 1 - cut));
		rig_assert_result(rig_hear(&c), "rpc.hello");
	}
	rig_disconnect(&c);
}

static void several_lines_at_once_are_all_answered(void **state)
{
	struct rig_client c = rig_connect(*state);
	struct buf lines = BUF_INIT;

	for (int i = 0; i < 50; i++)
		(void)buf_put_str(&lines, hello);
	assert_true(rig_send(&c, lines.data, lines.len));
	for (int i = 0; i < 50; i++)
		rig_assert_result(rig_hear(&c), "rpc.hello");
	buf_deinit(&lines);
	rig_disconnect(&c);
}

static void what_is_no_json_is_answered_and_the_connection_stays(void **state)
{
	struct rig_client c = rig_connect(*state);
	json_t *doc = rig_ask(&c, "GET / HTTP/1.1");

	assert_true(json_is_null(json_object_get(doc, "id")));
	rig_assert_error(doc, RPC_ERR_PARSE);
	rig_assert_error(rig_ask(&c, ""), RPC_ERR_PARSE);
	rig_assert_error(rig_ask(&c, "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
				     "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}}}}}}}"),
		RPC_ERR_PARSE);
	rig_assert_error(rig_ask(&c, "{}"), RPC_ERR_REQUEST);
	rig_assert_result(rig_call(&c, "rpc.list", NULL), "rpc.list");
	rig_disconnect(&c);
}

static void a_line_over_the_limit_is_answered_once_and_the_client_closed(void **state)
{
	struct rig_client c = rig_connect(*state);
	char *text = xmalloc(RPC_LINE_BYTES_MAX + 1);
	json_t *doc;

	memset(text, ' ', RPC_LINE_BYTES_MAX + 1);
	(void)rig_send(&c, text, RPC_LINE_BYTES_MAX + 1);
	doc = rig_hear(&c);
	assert_true(json_is_null(json_object_get(doc, "id")));
	rig_assert_error(doc, RPC_ERR_REQUEST);
	rig_assert_closed(&c);
	free(text);
	rig_disconnect(&c);
}

static void a_line_of_the_limit_is_taken(void **state)
{
	struct rig_client c = rig_connect(*state);
	char *text = xmalloc(RPC_LINE_BYTES_MAX);

	memset(text, ' ', RPC_LINE_BYTES_MAX);
	memcpy(text, hello, sizeof(hello) - 2);
	assert_true(rig_send(&c, text, RPC_LINE_BYTES_MAX));
	assert_true(rig_send(&c, "\n", 1));
	rig_assert_result(rig_hear(&c), "rpc.hello");
	free(text);
	rig_disconnect(&c);
}

/* ---- calls ---- */

static void parameters_go_by_name(void **state)
{
	struct rig_client c = rig_connect(*state);
	json_t *doc = rig_call(&c, "rpc.describe", "[\"rpc.list\"]");

	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(doc, "error"), "message")),
		"takes method"));
	rig_assert_error(doc, RPC_ERR_PARAMS);
	doc = rig_call(&c, "rpc.describe", "{\"methd\":\"rpc.list\"}");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(json_object_get(doc, "error"), "data"), "param")),
		"methd");
	rig_assert_error(doc, RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

static void an_unknown_method_is_named_with_its_nearest(void **state)
{
	struct rig_client c = rig_connect(*state);
	json_t *doc = rig_call(&c, "node.statsu", NULL);

	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(doc, "error"), "message")),
		"did you mean node.status?"));
	rig_assert_error(doc, RPC_ERR_METHOD);
	rig_disconnect(&c);
}

static void every_method_describes_itself(void **state)
{
	struct rig_client c = rig_connect(*state);

	for (unsigned i = 0; i < METHOD_COUNT; i++) {
		char params[128];

		snprintf(params, sizeof(params), "{\"method\":\"%s\"}", rpc_method_at(i)->name);
		rig_assert_result(rig_call(&c, "rpc.describe", params), "rpc.describe");
	}
	rig_assert_error(rig_call(&c, "rpc.describe", "{\"method\":\"no.such\"}"), RPC_ERR_NOT_FOUND);
	rig_disconnect(&c);
}

static void a_notification_is_not_answered(void **state)
{
	struct rig_client c = rig_connect(*state);

	rig_say(&c, "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.hello\"}");
	rig_say(&c, "{\"jsonrpc\":\"2.0\",\"method\":\"no.such.method\"}");
	rig_say(&c, "[{\"jsonrpc\":\"2.0\",\"method\":\"rpc.hello\"}]");
	rig_assert_silent(&c);
	rig_disconnect(&c);
}

static void a_batch_is_answered_by_one_array(void **state)
{
	struct rig_client c = rig_connect(*state);
	json_t *doc = rig_ask(&c, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.hello\"},"
				  "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.hello\"},7,"
				  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"no.such\"}]");

	assert_true(json_is_array(doc));
	assert_int_equal(json_array_size(doc), 3);
	json_decref(doc);
	rig_assert_error(rig_ask(&c, "[]"), RPC_ERR_REQUEST);
	rig_disconnect(&c);
}

static void a_batch_waits_for_its_last_call(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	char line[512];
	json_t *doc;

	snprintf(line, sizeof(line), "[%s,{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"rpc.hello\"}]",
		lookup);
	rig_say(&c, line);
	rig_assert_silent(&c);
	assert_int_equal(r->lookups, 1);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	doc = rig_hear(&c);
	assert_int_equal(json_array_size(doc), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(doc, 0), "id")), 6);
	json_decref(doc);
	rig_disconnect(&c);
}

static void answers_come_in_the_order_of_completion(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	json_t *doc;

	rig_say(&c, lookup);
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	rig_answer_lookup(r, P2P_ERR_TIMEOUT, NULL);
	doc = rig_hear(&c);
	assert_int_equal(json_integer_value(json_object_get(doc, "id")), 5);
	rig_assert_result(doc, "bootstrap.resolve");
	rig_disconnect(&c);
}

static void the_17th_unfinished_call_is_told_busy(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r), other = rig_connect(r);

	for (int i = 0; i < CLIENT_CALLS_MAX; i++)
		rig_say(&c, lookup);
	rig_assert_error(rig_call(&c, "rpc.hello", NULL), RPC_ERR_BUSY);
	rig_assert_result(rig_call(&other, "rpc.hello", NULL), "rpc.hello");
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	rig_assert_result(rig_hear(&c), "bootstrap.resolve");
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	while (r->lookups)
		rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	rig_disconnect(&c);
	rig_disconnect(&other);
}

static void an_answer_for_a_client_that_left_goes_nowhere(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	rig_say(&c, lookup);
	rig_say(&c, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bootstrap.resolve\",\"params\":{\"name\":"
		    "\"a.org\"}}]");
	rig_assert_silent(&c);
	assert_int_equal(r->lookups, 2);
	rig_disconnect(&c);
	for (int i = 0; i < 10; i++)
		rig_turn(r);
	assert_int_equal(control_clients(r->control), 0);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
}

static void an_answer_after_the_socket_has_closed_goes_nowhere(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	rig_say(&c, lookup);
	rig_assert_silent(&c);
	control_close(r->control);
	r->control = NULL;
	rig_assert_closed(&c);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	rig_disconnect(&c);
}

static void a_call_that_is_never_answered_times_out_and_may_still_be_answered(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	json_t *doc;

	rig_say(&c, lookup);
	rig_assert_silent(&c);
	loop_skip_ms(r->loop, CALL_MS_MAX + 1);
	doc = rig_hear(&c);
	assert_int_equal(json_integer_value(json_object_get(doc, "id")), 5);
	rig_assert_error(doc, RPC_ERR_TIMEOUT);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	rig_assert_silent(&c);
	rig_disconnect(&c);
}

/* ---- deadlines ---- */

static void a_line_that_does_not_end_closes_the_client(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	assert_true(rig_send(&c, hello, 10));
	rig_assert_silent(&c);
	loop_skip_ms(r->loop, CLIENT_LINE_MS - 1000);
	/* More bytes do not buy more time: the line has begun when it began. */
	assert_true(rig_send(&c, hello + 10, 5));
	rig_assert_silent(&c);
	loop_skip_ms(r->loop, 1001);
	rig_assert_closed(&c);
	rig_disconnect(&c);
}

static void each_line_has_its_own_deadline(void **state)
{
	char twice[2 * sizeof(hello)];
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	snprintf(twice, sizeof(twice), "%s%s", hello, hello);
	/* Each piece ends one line and begins the next, so that one is always unfinished. */
	assert_true(rig_send(&c, hello, 10));
	for (int i = 0; i < 5; i++) {
		rig_assert_silent(&c);
		loop_skip_ms(r->loop, CLIENT_LINE_MS - 2000);
		assert_true(rig_send(&c, twice + 10, sizeof(hello) - 1));
		rig_assert_result(rig_hear(&c), "rpc.hello");
	}
	rig_disconnect(&c);
}

static void an_idle_client_is_closed_unless_it_waits_for_something(void **state)
{
	struct rig *r = *state;
	struct rig_client idle = rig_connect(r), listener = rig_connect(r), waiting = rig_connect(r);

	rig_assert_result(rig_call(&listener, "events.subscribe", NULL), "events.subscribe");
	rig_say(&waiting, lookup);
	rig_assert_result(rig_call(&idle, "rpc.hello", NULL), "rpc.hello");
	rig_assert_silent(&waiting);
	loop_skip_ms(r->loop, CALL_MS_MAX / 2);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	json_decref(rig_hear(&waiting));
	rig_say(&waiting, lookup);
	rig_assert_silent(&waiting);
	loop_skip_ms(r->loop, CLIENT_IDLE_MS - CALL_MS_MAX / 2 + 1);
	rig_assert_closed(&idle);
	rig_assert_result(rig_call(&listener, "rpc.hello", NULL), "rpc.hello");
	rig_assert_error(rig_hear(&waiting), RPC_ERR_TIMEOUT);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	rig_disconnect(&idle);
	rig_disconnect(&listener);
	rig_disconnect(&waiting);
}

/* ---- readiness ---- */

static void before_it_is_ready_only_what_needs_no_node_is_answered(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	json_t *doc;

	r->control->is_ready = false;
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	rig_assert_result(rig_call(&c, "log.get_level", NULL), "log.get_level");
	doc = rig_call(&c, "node.status", NULL);
	assert_true(json_integer_value(json_object_get(json_object_get(json_object_get(doc, "error"),
							       "data"),
			    "retry_after_ms")) > 0);
	rig_assert_error(doc, RPC_ERR_NOT_READY);
	rig_disconnect(&c);
}

static void while_it_stops_nothing_is_changed_any_more(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	control_set_stopping(r->control);
	rig_assert_error(rig_call(&c, "config.reload", NULL), RPC_ERR_SHUTTING_DOWN);
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	rig_disconnect(&c);
}

static void stopping_is_answered_before_it_begins(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	r->node.under_systemd = true;
	rig_assert_error(rig_call(&c, "node.stop", NULL), RPC_ERR_UNSUPPORTED);
	assert_int_equal(r->stops, 0);
	rig_assert_result(rig_call(&c, "node.stop", "{\"force\":true}"), "node.stop");
	assert_int_equal(r->stops, 1);
	rig_disconnect(&c);
}

/* ---- who gets in ---- */

static void the_65th_client_is_told_busy(void **state)
{
	struct rig *r = *state;
	struct rig_client all[CONTROL_CLIENTS_MAX], late;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		all[i] = rig_connect(r);
		rig_assert_result(rig_call(&all[i], "rpc.hello", NULL), "rpc.hello");
	}
	late = rig_connect(r);
	rig_assert_error(rig_hear(&late), RPC_ERR_BUSY);
	rig_assert_closed(&late);
	rig_disconnect(&late);
	rig_disconnect(&all[7]);
	for (int i = 0; i < 10; i++)
		rig_turn(r);
	all[7] = rig_connect(r);
	rig_assert_result(rig_call(&all[7], "rpc.hello", NULL), "rpc.hello");
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		rig_disconnect(&all[i]);
}

static void a_reader_may_ask_but_not_change(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	struct client *inside;

	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	inside = list_entry(list_first(&r->control->clients), struct client, node);
	inside->role = RPC_ROLE_READER;
	rig_assert_result(rig_call(&c, "log.get_level", NULL), "log.get_level");
	rig_assert_error(rig_call(&c, "log.set_level", "{\"level\":\"debug\"}"),
		RPC_ERR_PERMISSION_DENIED);
	rig_assert_error(rig_call(&c, "node.stop", NULL), RPC_ERR_PERMISSION_DENIED);
	assert_int_equal(r->stops, 0);
	rig_disconnect(&c);
}

static void the_socket_is_for_its_owner_alone_without_a_group(void **state)
{
	struct rig *r = *state;
	struct stat st;

	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_live_socket_is_never_stolen(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	struct control_opts opts = rig_opts(r);
	struct control *second = NULL;

	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	assert_err(control_open(&opts, &second), P2P_ERR_BUSY);
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	rig_disconnect(&c);
	c = rig_connect(r);
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	rig_disconnect(&c);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct rig *r = xcalloc(1, sizeof(*r));
	struct control_opts opts;
	struct rig_client c;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	rig_init_closed(r);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", r->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd); /* as a killed process leaves it */
	opts = rig_opts(r);
	assert_ok(control_open(&opts, &r->control));
	c = rig_connect(r);
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	rig_disconnect(&c);
	rig_deinit(r);
	free(r);
}

static void an_unknown_read_only_group_is_a_fault_of_the_configuration(void **state)
{
	struct rig *r = *state;
	struct control_opts opts = rig_opts(r);
	struct control *second = NULL;

	opts.read_only_group = "no-such-group-here";
	assert_err(control_open(&opts, &second), P2P_ERR_CONFIG);
}

/* ---- the readers' door ---- */

/* A daemon that cannot see who calls, with a group that may only ask. */
static struct control_opts opts_of_the_blind(struct rig *r)
{
	struct control_opts opts = rig_opts(r);

	opts.sees_users = false;
	opts.read_only_group = getgrgid(0)->gr_name;
	return opts;
}

static void whoever_comes_by_the_readers_door_may_ask_and_change_nothing(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	char path[READERS_PATH_SIZE], dir[READERS_PATH_SIZE];
	struct control_opts opts;
	struct rig_client c;
	struct stat st;
	json_t *doc;

	(void)state;
	rig_init_closed(r);
	assert_true(readers_path(r->path, path));
	(void)snprintf(dir, sizeof(dir), "%s-readers", r->dir);
	assert_int_equal(mkdir(dir, 0750), 0);
	opts = opts_of_the_blind(r);
	assert_ok(control_open(&opts, &r->control));
	control_set_ready(r->control);
	/* The usual socket stays as narrow as it is without readers. */
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	c = rig_connect_to(r, path); /* we are the daemon's own user, and a reader all the same */
	doc = rig_call(&c, "rpc.hello", NULL);
	assert_string_equal(json_string_value(rig_result(doc, "role")), "reader");
	json_decref(doc);
	rig_assert_error(rig_call(&c, "node.stop", NULL), RPC_ERR_PERMISSION_DENIED);
	rig_disconnect(&c);
	c = rig_connect(r);
	doc = rig_call(&c, "rpc.hello", NULL);
	assert_string_equal(json_string_value(rig_result(doc, "role")), "admin");
	json_decref(doc);
	rig_disconnect(&c);
	rig_deinit(r);
	assert_int_equal(stat(path, &st), -1); /* its file goes with it */
	assert_int_equal(rmdir(dir), 0);
	free(r);
}

static void without_the_directory_only_the_readers_are_shut_out(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct control_opts opts;
	struct rig_client c;

	(void)state;
	rig_init_closed(r);
	opts = opts_of_the_blind(r);
	assert_ok(control_open(&opts, &r->control));
	c = rig_connect(r);
	rig_assert_result(rig_call(&c, "rpc.hello", NULL), "rpc.hello");
	rig_disconnect(&c);
	rig_deinit(r);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hello_tells_who_is_there, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_request_may_be_cut_anywhere, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(several_lines_at_once_are_all_answered, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_json_is_answered_and_the_connection_stays, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(a_line_over_the_limit_is_answered_once_and_the_client_closed,
			rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_line_of_the_limit_is_taken, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(parameters_go_by_name, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(an_unknown_method_is_named_with_its_nearest, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(every_method_describes_itself, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_notification_is_not_answered, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_batch_is_answered_by_one_array, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_batch_waits_for_its_last_call, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(answers_come_in_the_order_of_completion, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(the_17th_unfinished_call_is_told_busy, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(an_answer_for_a_client_that_left_goes_nowhere, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(an_answer_after_the_socket_has_closed_goes_nowhere, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(
			a_call_that_is_never_answered_times_out_and_may_still_be_answered, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_line_that_does_not_end_closes_the_client, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(each_line_has_its_own_deadline, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(an_idle_client_is_closed_unless_it_waits_for_something, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(before_it_is_ready_only_what_needs_no_node_is_answered, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(while_it_stops_nothing_is_changed_any_more, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(stopping_is_answered_before_it_begins, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(the_65th_client_is_told_busy, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_reader_may_ask_but_not_change, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(the_socket_is_for_its_owner_alone_without_a_group, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(a_live_socket_is_never_stolen, rig_setup, rig_teardown),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(whoever_comes_by_the_readers_door_may_ask_and_change_nothing),
		cmocka_unit_test(without_the_directory_only_the_readers_are_shut_out),
		cmocka_unit_test_setup_teardown(an_unknown_read_only_group_is_a_fault_of_the_configuration,
			rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
