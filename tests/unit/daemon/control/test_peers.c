/* SPDX-License-Identifier: Apache-2.0 */
/* peer.*: two network stacks on one loop, driven through the control socket. */
#include <netinet/in.h>

#include "tests/unit/daemon/control/whole.h"

static char *peer_param(const struct whole *w, const char *more)
{
	static char params[256];
	char id[PEER_ID_TEXT_SIZE];

	snprintf(params, sizeof(params), "{\"peer\":\"%s\"%s}", peer_id_text(&w->other.id, id), more);
	return params;
}

static char *addr_param(const struct maddr *a)
{
	static char params[MADDR_TEXT_MAX + 64];
	char text[MADDR_TEXT_MAX + 1];

	snprintf(params, sizeof(params), "{\"address\":\"%s\"}", maddr_text(a, text));
	return params;
}

/* Skips what comes before the answer. */
static json_t *hear_answer(struct rig_client *c, unsigned *ret_progress)
{
	json_t *doc;

	*ret_progress = 0;
	for (doc = rig_hear(c); doc && !json_object_get(doc, "id"); doc = rig_hear(c)) {
		assert_string_equal(json_string_value(json_object_get(doc, "method")), "progress");
		json_decref(doc);
		++*ret_progress;
	}
	return doc;
}

static json_t *call_long(struct rig_client *c, const char *method, const char *params,
	unsigned *ret_progress)
{
	char line[MADDR_TEXT_MAX + 256];

	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method,
		params);
	rig_say(c, line);
	return hear_answer(c, ret_progress);
}

static void the_list_shows_the_connection(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	char id[PEER_ID_TEXT_SIZE];
	const json_t *peer;
	json_t *doc = rig_call(&c, "peer.list", NULL);

	assert_int_equal(json_array_size(rig_result(doc, "peers")), 0);
	json_decref(doc);
	whole_connect(w);
	doc = rig_call(&c, "peer.list", NULL);
	assert_int_equal(json_array_size(rig_result(doc, "peers")), 1);
	peer = json_array_get(rig_result(doc, "peers"), 0);
	assert_string_equal(json_string_value(json_object_get(peer, "peer_id")),
		peer_id_text(&w->other.id, id));
	assert_string_equal(json_string_value(json_object_get(peer, "transport")), "tcp");
	assert_string_equal(json_string_value(json_object_get(peer, "security")), "noise");
	assert_string_equal(json_string_value(json_object_get(peer, "muxer")), "yamux");
	assert_string_equal(json_string_value(json_object_get(peer, "direction")), "out");
	assert_true(json_is_true(json_object_get(peer, "member")));
	assert_true(json_integer_value(json_object_get(peer, "bytes_in")) > 0);
	rig_assert_result(doc, "peer.list");
	doc = rig_call(&c, "peer.get", peer_param(w, ""));
	peer = rig_result(doc, "peer");
	assert_true(json_array_size(json_object_get(peer, "protocols")) > 0);
	assert_true(json_is_string(json_object_get(peer, "agent_version")));
	rig_assert_result(doc, "peer.get");
	rig_disconnect(&c);
}

static void who_is_not_connected_is_told_so(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc;

	rig_assert_error(rig_call(&c, "peer.get", peer_param(w, "")), RPC_ERR_NOT_CONNECTED);
	rig_assert_error(rig_call(&c, "peer.ping", peer_param(w, "")), RPC_ERR_NOT_CONNECTED);
	rig_assert_error(rig_call(&c, "peer.identify", peer_param(w, "")), RPC_ERR_NOT_CONNECTED);
	doc = rig_call(&c, "peer.disconnect", peer_param(w, ""));
	assert_true(json_is_false(rig_result(doc, "changed")));
	rig_assert_result(doc, "peer.disconnect");
	rig_disconnect(&c);
}

static void connect_opens_and_disconnect_closes(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig), listener = rig_connect(&w->rig);
	struct maddr there = node_maddr(&w->other);
	json_t *doc;

	rig_assert_result(rig_call(&listener, "events.subscribe", "{\"types\":[\"peer\"]}"),
		"events.subscribe");
	doc = rig_call(&c, "peer.connect", addr_param(&there));
	assert_true(json_is_true(rig_result(doc, "changed")));
	assert_true(json_is_object(rig_result(doc, "peer")));
	rig_assert_result(doc, "peer.connect");
	doc = rig_hear(&listener);
	assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "params"), "action")),
		"connected");
	json_decref(doc);
	doc = rig_call(&c, "peer.connect", addr_param(&there));
	assert_true(json_is_false(rig_result(doc, "changed")));
	rig_assert_result(doc, "peer.connect");
	doc = rig_call(&c, "peer.disconnect", peer_param(w, ""));
	assert_true(json_is_true(rig_result(doc, "changed")));
	rig_assert_result(doc, "peer.disconnect");
	doc = rig_hear(&listener);
	assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "params"), "action")),
		"disconnected");
	json_decref(doc);
	rig_disconnect(&c);
	rig_disconnect(&listener);
}

static void a_dial_that_fails_tells_each_attempt(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct maddr nobody;
	json_t *doc, *data;

	assert_ok(maddr_parse(BYTES_LIT("/ip4/127.0.0.1/tcp/1"), &nobody));
	doc = rig_call(&c, "peer.connect", addr_param(&nobody));
	data = json_object_get(json_object_get(doc, "error"), "data");
	assert_int_equal(json_array_size(json_object_get(data, "attempts")), 1);
	rig_assert_error(doc, RPC_ERR_DIAL_FAILED);
	rig_assert_error(rig_call(&c, "peer.connect", "{\"address\":\"nonsense\"}"), RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

static void another_peer_at_the_address_is_an_error_of_its_own(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct peer_id gone = person_id(WHOLE_GONE);
	struct maddr there = node_maddr(&w->other);

	(void)maddr_split_peer(&there, NULL);
	assert_ok(maddr_append_peer(&there, &gone));
	rig_assert_error(rig_call(&c, "peer.connect", addr_param(&there)), RPC_ERR_PEER_ID_MISMATCH);
	rig_disconnect(&c);
}

static void this_node_is_not_dialled(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct maddr here = node_maddr(&w->self);

	rig_assert_error(rig_call(&c, "peer.connect", addr_param(&here)), RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

static void a_ping_measures_and_reports_each_echo(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	unsigned progress;
	json_t *doc;

	whole_connect(w);
	doc = call_long(&c, "peer.ping", peer_param(w, ",\"count\":3,\"interval_ms\":0"), &progress);
	assert_int_equal(progress, 3);
	assert_int_equal(json_integer_value(rig_result(doc, "sent")), 3);
	assert_int_equal(json_integer_value(rig_result(doc, "received")), 3);
	assert_int_equal(json_array_size(rig_result(doc, "samples")), 3);
	assert_true(json_real_value(json_object_get(rig_result(doc, "rtt_ms"), "min")) > 0);
	rig_assert_result(doc, "peer.ping");
	rig_assert_error(rig_call(&c, "peer.ping", peer_param(w, ",\"count\":0")), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "peer.ping", peer_param(w, ",\"count\":101")), RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

static void perf_moves_bytes_both_ways(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc;

	rig_assert_error(rig_call(&c, "peer.perf", peer_param(w, "")), RPC_ERR_NOT_CONNECTED);
	whole_connect(w);
	doc = rig_call(&c, "peer.perf", peer_param(w, ",\"up\":300000,\"down\":200000"));
	assert_int_equal(json_integer_value(rig_result(doc, "up_bytes")), 300000);
	assert_int_equal(json_integer_value(rig_result(doc, "down_bytes")), 200000);
	assert_true(json_real_value(rig_result(doc, "up_s")) > 0);
	assert_true(json_real_value(rig_result(doc, "down_s")) >= 0);
	assert_true(json_is_string(rig_result(doc, "transport")) && json_is_string(rig_result(doc, "security")));
	rig_assert_result(doc, "peer.perf");
	rig_assert_error(rig_call(&c, "peer.perf", peer_param(w, ",\"up\":68719476737")), RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

static void perf_dials_an_address_first(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct maddr there = node_maddr(&w->other), here = node_maddr(&w->self), nobody;
	struct peer_id gone = person_id(WHOLE_GONE);
	json_t *doc = rig_call(&c, "peer.perf", addr_param(&there));

	assert_int_equal(json_integer_value(rig_result(doc, "up_bytes")), 16777216);
	rig_assert_result(doc, "peer.perf");
	rig_assert_error(rig_call(&c, "peer.perf", addr_param(&here)), RPC_ERR_PARAMS);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/127.0.0.1/tcp/1"), &nobody));
	rig_assert_error(rig_call(&c, "peer.perf", addr_param(&nobody)), RPC_ERR_DIAL_FAILED);
	(void)maddr_split_peer(&there, NULL);
	assert_ok(maddr_append_peer(&there, &gone));
	rig_assert_error(rig_call(&c, "peer.perf", addr_param(&there)), RPC_ERR_PEER_ID_MISMATCH);
	rig_assert_error(rig_call(&c, "peer.perf", "{}"), RPC_ERR_PARAMS);
	rig_assert_error(rig_call(&c, "peer.perf", "{\"peer\":\"x\",\"address\":\"y\"}"), RPC_ERR_PARAMS);
	rig_disconnect(&c);
}

static unsigned perf_streams(const struct whole *w)
{
	struct stream_line line;
	unsigned count = 0;

	for (size_t iter = 0; streams_list(w->self.streams, &iter, &line);)
		count += strcmp(line.protocol, PERF_PROTOCOL) == 0;
	return count;
}

static void perf_ends_when_its_asker_hangs_up(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	char text[512];

	whole_connect(w);
	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"peer.perf\",\"params\":%s}",
		peer_param(w, ",\"up\":0,\"down\":68719476736"));
	rig_say(&c, text);
	while (perf_streams(w) == 0)
		rig_turn(&w->rig);
	for (int i = 0; i < 50; i++)
		rig_turn(&w->rig);
	assert_int_equal(perf_streams(w), 1);
	rig_disconnect(&c);
	for (int i = 0; i < 10; i++)
		rig_turn(&w->rig); /* its hanging up is noticed */
	loop_skip_ms(w->rig.loop, 1000);
	for (int i = 0; i < 10; i++)
		rig_turn(&w->rig);
	assert_int_equal(perf_streams(w), 0);
}

static void identify_tells_who_the_peer_says_it_is(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	json_t *doc;

	whole_connect(w);
	doc = rig_call(&c, "peer.identify", peer_param(w, ""));
	assert_true(json_is_string(rig_result(doc, "agent_version")));
	assert_true(json_array_size(rig_result(doc, "protocols")) > 0);
	assert_true(json_is_string(rig_result(doc, "observed_address")));
	rig_assert_result(doc, "peer.identify");
	/* It told us how it sees us. */
	doc = rig_call(&c, "node.addresses", NULL);
	assert_int_equal(json_array_size(rig_result(doc, "observed")), 1);
	rig_assert_result(doc, "node.addresses");
	rig_disconnect(&c);
}

static void a_trace_shows_the_steps(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	struct maddr there = node_maddr(&w->other), nobody;
	unsigned progress;
	json_t *doc = call_long(&c, "peer.trace", addr_param(&there), &progress);
	const json_t *steps = rig_result(doc, "steps");

	assert_true(json_is_true(rig_result(doc, "ok")));
	assert_true(json_array_size(steps) >= 3);
	for (size_t i = 0; i < json_array_size(steps); i++)
		assert_true(json_is_true(json_object_get(json_array_get(steps, i), "ok")));
	rig_assert_result(doc, "peer.trace");
	assert_ok(maddr_parse(BYTES_LIT("/ip4/127.0.0.1/tcp/1"), &nobody));
	doc = call_long(&c, "peer.trace", addr_param(&nobody), &progress);
	steps = rig_result(doc, "steps");
	assert_true(json_is_false(rig_result(doc, "ok")));
	assert_int_equal(json_array_size(steps), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 0), "step")),
		"connect");
	assert_true(json_is_string(json_object_get(json_array_get(steps, 0), "error")));
	rig_assert_result(doc, "peer.trace");
	rig_disconnect(&c);
}

/* A socket that takes connections and says nothing. */
static int silent_listener(struct maddr *ret)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);
	char text[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(text, sizeof(text), "/ip4/127.0.0.1/tcp/%u", ntohs(addr.sin_port));
	assert_ok(maddr_parse(bytes_str(text), ret));
	return fd;
}

static void the_socket_may_close_in_the_middle_of_all_that(void **state)
{
	struct whole *w = *state;
	struct rig_client c = rig_connect(&w->rig);
	char line[MADDR_TEXT_MAX + 256];
	unsigned answers = 0;
	struct maddr there;
	json_t *doc;
	int fd = silent_listener(&there);

	whole_connect(w);
	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"peer.ping\",\"params\":%s}",
		peer_param(w, ",\"count\":50,\"interval_ms\":10000"));
	rig_say(&c, line);
	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"peer.trace\",\"params\":%s}",
		addr_param(&there));
	rig_say(&c, line);
	json_decref(rig_hear(&c)); /* the trace's or the ping's first progress: both are at work */
	control_close(w->rig.control);
	w->rig.control = NULL;
	while ((doc = rig_hear(&c))) {
		answers += json_object_get(doc, "id") != NULL;
		json_decref(doc);
	}
	assert_int_equal(answers, 2);
	/* Whatever was under way would end now, and must not find the calls any more. */
	loop_skip_ms(w->rig.loop, 2 * DIAL_TOTAL_MS);
	for (int i = 0; i < 20; i++)
		rig_turn(&w->rig);
	close(fd);
	rig_disconnect(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, whole_setup_configured, whole_teardown)
		T(the_list_shows_the_connection),
		T(who_is_not_connected_is_told_so),
		T(connect_opens_and_disconnect_closes),
		T(a_dial_that_fails_tells_each_attempt),
		T(another_peer_at_the_address_is_an_error_of_its_own),
		T(this_node_is_not_dialled),
		T(a_ping_measures_and_reports_each_echo),
		T(perf_moves_bytes_both_ways),
		T(perf_dials_an_address_first),
		T(perf_ends_when_its_asker_hangs_up),
		T(identify_tells_who_the_peer_says_it_is),
		T(a_trace_shows_the_steps),
		T(the_socket_may_close_in_the_middle_of_all_that),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
