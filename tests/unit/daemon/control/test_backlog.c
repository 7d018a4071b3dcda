/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that do not read: what they cost is bounded, and they lose, not the node. */
#include "tests/unit/daemon/control/rig.h"

#define TEXT_BYTES 1000

static const char lookup[] =
	"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"bootstrap.resolve\",\"params\":{\"name\":\"example.org\"}}";

/* Answers the oldest look-up with about `kib` KiB of text. */
static void answer_large(struct rig *r, size_t kib)
{
	struct bytes *texts = xcalloc(kib, sizeof(*texts));
	struct maddr *addrs = xcalloc(kib, sizeof(*addrs));
	int *errs = xcalloc(kib, sizeof(*errs));
	char text[TEXT_BYTES];
	struct control_lookup found = {.text_count = kib, .texts = texts, .addrs = addrs, .errs = errs};

	memset(text, 't', sizeof(text));
	for (size_t i = 0; i < kib; i++)
		texts[i] = bytes_of(text, sizeof(text));
	rig_answer_lookup(r, 0, &found);
	free(texts);
	free(addrs);
	free(errs);
}

static void ask(struct rig *r, struct rig_client *c, size_t count)
{
	size_t before = r->lookups;

	for (size_t i = 0; i < count; i++)
		rig_say(c, lookup);
	for (int i = 0; i < 1000 && r->lookups < before + count; i++)
		rig_turn(r);
	assert_int_equal(r->lookups, before + count);
}

static void settle(struct rig *r)
{
	for (int i = 0; i < 10; i++)
		rig_turn(r);
}

static void a_client_that_does_not_read_is_dropped_at_the_bound(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r), other = rig_connect(r);

	ask(r, &c, 12);
	for (int i = 0; i < 7; i++)
		answer_large(r, 1024);
	settle(r);
	assert_int_equal(control_clients(r->control), 2);
	for (int i = 0; i < 5; i++)
		answer_large(r, 1024);
	settle(r);
	assert_int_equal(control_clients(r->control), 1);
	rig_assert_result(rig_call(&other, "rpc.hello", NULL), "rpc.hello");
	rig_disconnect(&c);
	rig_disconnect(&other);
}

static void an_answer_over_the_limit_becomes_an_error(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	json_t *doc;

	ask(r, &c, 1);
	answer_large(r, 9 * 1024);
	doc = rig_hear(&c);
	assert_int_equal(json_integer_value(json_object_get(doc, "id")), 5);
	rig_assert_error(doc, RPC_ERR_UNSUPPORTED);
	rig_disconnect(&c);
}

static void all_backlogs_together_are_bounded_and_the_largest_goes(void **state)
{
	struct rig *r = *state;
	struct rig_client c[4];

	for (int i = 0; i < 4; i++)
		c[i] = rig_connect(r);
	/* Answers come in the order of the questions: 4, 5, 5 and 3 MiB. */
	ask(r, &c[0], 1);
	ask(r, &c[1], 1);
	ask(r, &c[2], 2);
	ask(r, &c[3], 1);
	answer_large(r, 4 * 1024);
	answer_large(r, 5 * 1024);
	answer_large(r, 3 * 1024);
	answer_large(r, 3 * 1024);
	settle(r);
	assert_int_equal(control_clients(r->control), 4);
	assert_true(server_backlog(r->control) > 13u * 1024 * 1024);
	answer_large(r, 3 * 1024);
	settle(r);
	assert_int_equal(control_clients(r->control), 3);
	assert_true(server_backlog(r->control) <= CONTROL_BACKLOG_BYTES_MAX);
	/* The one with 6 MiB was it. */
	json_decref(rig_hear(&c[0]));
	json_decref(rig_hear(&c[1]));
	json_decref(rig_hear(&c[3]));
	for (int i = 0; i < 4; i++)
		rig_disconnect(&c[i]);
}

static void a_client_that_is_behind_is_not_read_from(void **state)
{
	static char empty_lines[64 * 1024];
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	struct client *inside;
	size_t answers = 0;

	ask(r, &c, 3);
	for (int i = 0; i < 3; i++)
		answer_large(r, 1024);
	settle(r);
	memset(empty_lines, ' ', sizeof(empty_lines));
	inside = list_entry(list_first(&r->control->clients), struct client, node);
	assert_true(client_backlog(inside) >= CLIENT_BACKLOG_BYTES_HIGH);
	/* Its further questions wait: nothing of them is taken up, nothing is lost. */
	rig_say(&c, lookup);
	rig_say(&c, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"rpc.hello\"}");
	settle(r);
	assert_int_equal(r->lookups, 0);
	/* And what it goes on sending stays in the kernel, not with us. */
	for (int i = 0; i < 100; i++) {
		(void)send(c.fd, empty_lines, sizeof(empty_lines), MSG_NOSIGNAL | MSG_DONTWAIT);
		rig_turn(r);
	}
	assert_true(inside->lines.held.len <= LOOP_READ_BYTES);
	while (answers < 4) {
		json_t *doc = rig_hear(&c);

		assert_non_null(doc);
		json_decref(doc);
		answers++;
	}
	assert_int_equal(r->lookups, 1);
	rig_answer_lookup(r, P2P_ERR_NOT_FOUND, NULL);
	rig_assert_result(rig_hear(&c), "bootstrap.resolve");
	rig_disconnect(&c);
}

static void one_that_never_reads_is_closed_in_the_end(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	ask(r, &c, 2);
	answer_large(r, 1024);
	answer_large(r, 1024);
	settle(r);
	loop_skip_ms(r->loop, CLIENT_IDLE_MS + 1);
	settle(r);
	assert_int_equal(control_clients(r->control), 0);
	rig_disconnect(&c);
}

/* ---- events ---- */

static void tell(struct rig *r, size_t bytes)
{
	char *text = xmalloc(bytes + 1);
	struct core_decision d = {.kind = CORE_ALERT, .why = "test", .text = text};

	memset(text, 'a', bytes);
	text[bytes] = '\0';
	control_hear_decision(r->control, &d);
	free(text);
}

static json_int_t seq_of(const json_t *doc)
{
	return json_integer_value(json_object_get(json_object_get(doc, "params"), "seq"));
}

static void a_subscriber_hears_in_order_and_is_told_its_number(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	json_t *doc = rig_call(&c, "events.subscribe", "{\"types\":[\"alert\",\"state\"]}");
	json_int_t number = json_integer_value(rig_result(doc, "subscription"));

	rig_assert_result(doc, "events.subscribe");
	for (int i = 1; i <= 3; i++) {
		tell(r, 10);
		doc = rig_hear(&c);
		assert_int_equal(seq_of(doc), i);
		assert_int_equal(json_integer_value(json_object_get(json_object_get(doc, "params"),
					 "subscription")),
			number);
		assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "params"),
					    "type")),
			"alert");
		json_decref(doc);
	}
	rig_disconnect(&c);
}

static void events_that_were_not_asked_for_do_not_come(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);

	rig_assert_result(rig_call(&c, "events.subscribe", "{\"types\":[\"state\"]}"),
		"events.subscribe");
	tell(r, 10);
	rig_assert_silent(&c);
	rig_assert_error(rig_call(&c, "events.subscribe", "{\"types\":[\"nonsense\"]}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "events.subscribe", "{\"types\":[]}"), RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

static void unsubscribing_ends_it(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	json_t *doc;

	rig_assert_result(rig_call(&c, "events.subscribe", NULL), "events.subscribe");
	doc = rig_call(&c, "events.unsubscribe", "{\"subscription\":1}");
	assert_true(json_is_true(rig_result(doc, "changed")));
	rig_assert_result(doc, "events.unsubscribe");
	doc = rig_call(&c, "events.unsubscribe", "{\"subscription\":1}");
	assert_true(json_is_false(rig_result(doc, "changed")));
	json_decref(doc);
	doc = rig_call(&c, "events.unsubscribe", "{\"subscription\":4294967297}");
	assert_true(json_is_false(rig_result(doc, "changed")));
	json_decref(doc);
	tell(r, 10);
	rig_assert_silent(&c);
	rig_disconnect(&c);
}

static void the_ninth_subscription_is_refused(void **state)
{
	struct rig_client c = rig_connect(*state);

	for (int i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++)
		rig_assert_result(rig_call(&c, "events.subscribe", NULL), "events.subscribe");
	rig_assert_error(rig_call(&c, "events.subscribe", NULL), RPC_ERR_BUSY);
	rig_disconnect(&c);
}

static void a_slow_subscriber_sees_a_gap_and_is_not_dropped(void **state)
{
	struct rig *r = *state;
	struct rig_client c = rig_connect(r);
	json_int_t last = 0, missed = 0;
	json_t *doc;

	rig_assert_result(rig_call(&c, "events.subscribe", NULL), "events.subscribe");
	for (int i = 0; i < 100; i++)
		tell(r, 64 * 1024);
	settle(r);
	assert_int_equal(control_clients(r->control), 1);
	assert_true(server_backlog(r->control) < 2 * CLIENT_BACKLOG_BYTES_HIGH);
	while (last < 20) { /* what was kept comes out in order */
		doc = rig_hear(&c);
		if (seq_of(doc) != last + 1)
			break;
		last = seq_of(doc);
		json_decref(doc);
		if (server_backlog(r->control) == 0)
			break;
	}
	/* Read what is left, then tell once more: its number says how many were lost. */
	while (server_backlog(r->control) > 0 || !list_is_empty(&r->control->doomed))
		json_decref(rig_hear(&c));
	tell(r, 10);
	do {
		doc = rig_hear(&c);
		missed += seq_of(doc) - last - 1;
		last = seq_of(doc);
		json_decref(doc);
	} while (last < 101);
	assert_int_equal(last, 101);
	assert_true(missed > 0);
	rig_disconnect(&c);
}

static void log_lines_come_only_when_asked_for_by_name(void **state)
{
	struct rig *r = *state;
	struct rig_client plain = rig_connect(r), tail = rig_connect(r);
	json_t *doc;

	rig_assert_result(rig_call(&plain, "events.subscribe", NULL), "events.subscribe");
	rig_assert_result(rig_call(&tail, "events.subscribe", "{\"types\":[\"log\"]}"),
		"events.subscribe");
	log_warn("CONTROL", "client_dropped", kv_text("reason", "test_of_log_events"));
	doc = rig_hear(&tail);
	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(doc, "params"), "text")),
		"test_of_log_events"));
	json_decref(doc);
	rig_assert_silent(&plain);
	rig_disconnect(&tail);
	settle(r);
	log_warn("CONTROL", "client_dropped", kv_text("reason", "nobody_listens"));
	assert_false(r->control->hears_log);
	rig_disconnect(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_dropped_at_the_bound, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(an_answer_over_the_limit_becomes_an_error, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(all_backlogs_together_are_bounded_and_the_largest_goes, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(a_client_that_is_behind_is_not_read_from, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(one_that_never_reads_is_closed_in_the_end, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_subscriber_hears_in_order_and_is_told_its_number, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(events_that_were_not_asked_for_do_not_come, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(unsubscribing_ends_it, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(the_ninth_subscription_is_refused, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_slow_subscriber_sees_a_gap_and_is_not_dropped, rig_setup,
			rig_teardown),
		cmocka_unit_test_setup_teardown(log_lines_come_only_when_asked_for_by_name, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
