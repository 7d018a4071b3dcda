/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/ask.h"

#include <stdlib.h>

#include "tests/lib/nodes.h"

static struct loop *l;
static struct node a, b;
static uint64_t conn;

static const struct json_limits small = {.bytes_max = 256, .values_max = 8, .string_max = 64};
static const struct json_limits large = {
	.bytes_max = 4 * 1024 * 1024, .values_max = 64, .string_max = 4 * 1024 * 1024};

struct server {
	struct ask_call *call; /* kept for later */
	int questions, err;
	bool answers_later, refuses;
	struct buf got;
	struct bytes answer;
};

struct client {
	int dones, err;
	struct buf got;
};

static struct server served;
static struct client asked;

static void on_question(void *arg, struct ask_call *call, int err, struct bytes question)
{
	struct server *s = arg;

	assert_true(peer_id_eq(ask_call_peer(call), &a.id));
	s->questions++;
	s->err = err;
	buf_reset(&s->got);
	assert_ok(buf_put(&s->got, question));
	if (s->refuses)
		ask_refuse(call);
	else if (s->answers_later)
		s->call = call;
	else
		ask_answer(call, s->answer);
}

static void on_done(void *arg, int err, struct bytes answer)
{
	struct client *c = arg;

	c->dones++;
	c->err = err;
	buf_reset(&c->got);
	assert_ok(buf_put(&c->got, answer));
}

static int setup(void **state)
{
	const struct ask_service services[] = {
		{.protocol = "/test/ask/1.0.0", .limits = &small, .on_question = on_question,
			.arg = &served},
		{.protocol = "/test/pull/1.0.0", .on_question = on_question, .arg = &served},
		{.protocol = "/test/tell/1.0.0", .limits = &small, .may_be_empty = true,
			.is_silent = true, .forgives_json = true, .on_question = on_question,
			.arg = &served},
	};

	(void)state;
	if (loop_new(&l))
		return -1;
	node_init(&a, l, 1);
	node_init(&b, l, 2);
	served = (struct server){.answer = BYTES_LIT("{\"ok\":true}")};
	asked = (struct client){.dones = 0};
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		assert_ok(ask_serve(b.streams, &services[i]));
	conn = nodes_connect(&a, &b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	node_deinit(&a);
	node_deinit(&b);
	loop_free(l);
	buf_deinit(&served.got);
	buf_deinit(&asked.got);
	return 0;
}

static struct ask *ask(const char *protocol, struct bytes question, const struct json_limits *limits)
{
	struct ask_opts opts = {.conn = conn, .protocol = protocol, .question = question,
		.answer_limits = limits, .timeout_ms = 5000, .on_done = on_done, .arg = &asked};
	struct ask *q;

	assert_ok(ask_send(a.streams, &opts, &q));
	assert_int_equal(asked.dones, 0);
	return q;
}

/* No stream is left over on either side. */
static void assert_no_streams(void)
{
	struct stream_line line;
	size_t iter = 0;

	turn_times(l, 10);
	assert_false(streams_list(a.streams, &iter, &line));
	iter = 0;
	assert_false(streams_list(b.streams, &iter, &line));
}

static void a_question_gets_its_answer(void **state)
{
	(void)state;
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{\"scope\":\"local\"}"), &small);
	turn_until(l, asked.dones == 1);
	assert_ok(asked.err);
	assert_bytes(buf_bytes(&asked.got), BYTES_LIT("{\"ok\":true}"));
	assert_bytes(buf_bytes(&served.got), BYTES_LIT("{\"scope\":\"local\"}"));
	assert_no_streams();
}

static void a_pull_is_answered_without_a_question(void **state)
{
	(void)state;
	(void)ask("/test/pull/1.0.0", BYTES_NONE, &small);
	turn_until(l, asked.dones == 1);
	assert_ok(asked.err);
	assert_bytes(buf_bytes(&asked.got), BYTES_LIT("{\"ok\":true}"));
	assert_no_streams();
}

static void what_is_told_needs_no_answer(void **state)
{
	(void)state;
	served.answer = BYTES_NONE;
	(void)ask("/test/tell/1.0.0", BYTES_LIT("{\"ts\":1}"), NULL);
	turn_until(l, asked.dones == 1);
	assert_ok(asked.err);
	assert_int_equal(served.questions, 1);
	assert_no_streams();
}

static void an_answer_may_come_later(void **state)
{
	(void)state;
	served.answers_later = true;
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{}"), &small);
	turn_until(l, served.call);
	turn_times(l, 5);
	assert_int_equal(asked.dones, 0);
	assert_true(ask_call_is_alive(served.call));
	assert_true(ask_call_conn(served.call) == swarm_find(b.swarm, &a.id));
	ask_answer(served.call, BYTES_LIT("{\"late\":1}\n"));
	turn_until(l, asked.dones == 1);
	assert_bytes(buf_bytes(&asked.got), BYTES_LIT("{\"late\":1}"));
	assert_no_streams();
}

static void a_large_answer_goes_out_as_the_peer_takes_it(void **state)
{
	size_t total = 3 * 1024 * 1024;
	char *text = malloc(total + 1);

	(void)state;
	memset(text, 'x', total);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + total - 2, "\"}", 2);
	served.answer = bytes_of(text, total);
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{}"), &large);
	turn_until(l, asked.dones == 1);
	assert_ok(asked.err);
	assert_bytes(buf_bytes(&asked.got), bytes_of(text, total));
	assert_no_streams();
	free(text);
}

static void an_answer_over_its_limit_is_refused(void **state)
{
	char text[512];

	(void)state;
	memset(text, ' ', sizeof(text));
	text[0] = '{';
	text[sizeof(text) - 1] = '}';
	served.answer = bytes_of(text, sizeof(text));
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{}"), &small);
	turn_until(l, asked.dones == 1);
	assert_err(asked.err, P2P_ERR_TOO_LARGE);
	assert_no_streams();
}

static void a_bad_question_is_reset(void **state)
{
	(void)state;
	(void)ask("/test/ask/1.0.0", BYTES_LIT("[1]"), &small);
	turn_until(l, asked.dones == 1);
	assert_err(asked.err, P2P_ERR_RESET);
	assert_int_equal(served.questions, 0);
	asked.dones = 0;
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{\"a\":"), &small);
	turn_until(l, asked.dones == 1);
	assert_err(asked.err, P2P_ERR_RESET);
	assert_int_equal(served.questions, 0);
	assert_no_streams();
}

static void a_forgiven_question_reaches_the_handler_with_its_error(void **state)
{
	(void)state;
	served.answer = BYTES_NONE;
	(void)ask("/test/tell/1.0.0", BYTES_LIT("nonsense"), NULL);
	turn_until(l, asked.dones == 1);
	assert_int_equal(served.questions, 1);
	assert_err(served.err, P2P_ERR_JSON);
	asked.dones = 0;
	(void)ask("/test/tell/1.0.0", BYTES_NONE, NULL);
	turn_until(l, asked.dones == 1);
	assert_int_equal(served.questions, 2);
	assert_ok(served.err);
	assert_no_streams();
}

static void a_peer_that_lacks_the_protocol_is_told_apart(void **state)
{
	(void)state;
	(void)ask("/test/unknown/1.0.0", BYTES_LIT("{}"), &small);
	turn_until(l, asked.dones == 1);
	assert_err(asked.err, P2P_ERR_UNSUPPORTED);
	asked.dones = 0;
	(void)ask("/test/unknown/1.0.0", BYTES_NONE, &small);
	turn_until(l, asked.dones == 1);
	assert_err(asked.err, P2P_ERR_UNSUPPORTED);
	assert_no_streams();
}

/* Tells b something and returns how many datagrams of its own that took. */
static uint64_t datagrams_to_tell(const char *protocol, bool is_spoken)
{
	struct ask_opts opts = {.conn = conn, .protocol = protocol, .question = BYTES_LIT("{\"ts\":1}"),
		.is_spoken = is_spoken, .timeout_ms = 5000, .on_done = on_done, .arg = &asked};
	struct quic_ports_stats before, after;

	asked.dones = 0;
	quic_ports_stats(b.ports, &before);
	assert_ok(ask_send(a.streams, &opts, NULL));
	turn_until(l, asked.dones == 1);
	assert_no_streams();
	quic_ports_stats(b.ports, &after);
	return after.udp.datagrams_out - before.udp.datagrams_out;
}

static void what_a_peer_is_known_to_take_ends_a_flight_earlier(void **state)
{
	struct maddr to = node_quic_maddr(&b);

	(void)state;
	served.answer = BYTES_NONE;
	conn = nodes_connect_to(&a, &b, &to);
	(void)datagrams_to_tell("/test/tell/1.0.0", false); /* with what a new conn has to say */
	assert_int_equal(datagrams_to_tell("/test/tell/1.0.0", false), 2);
	assert_int_equal(datagrams_to_tell("/test/tell/1.0.0", true), 1);
	assert_ok(asked.err);
	assert_int_equal(served.questions, 3);
	(void)datagrams_to_tell("/test/unknown/1.0.0", true);
	assert_err(asked.err, P2P_ERR_RESET);
}

static void a_refusal_is_a_reset(void **state)
{
	(void)state;
	served.refuses = true;
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{}"), &small);
	turn_until(l, asked.dones == 1);
	assert_err(asked.err, P2P_ERR_RESET);
	assert_no_streams();
}

static void silence_ends_at_the_deadline_and_the_late_answer_is_dropped(void **state)
{
	(void)state;
	served.answers_later = true;
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{}"), &small);
	turn_until(l, served.call);
	loop_skip_ms(l, 5000);
	turn_until(l, asked.dones == 1 && !ask_call_is_alive(served.call));
	assert_err(asked.err, P2P_ERR_TIMEOUT);
	ask_answer(served.call, BYTES_LIT("{}"));
	turn_times(l, 5);
	assert_int_equal(asked.dones, 1);
	assert_no_streams();
}

static void a_cancelled_question_says_nothing_more(void **state)
{
	struct ask *q;

	(void)state;
	served.answers_later = true;
	q = ask("/test/ask/1.0.0", BYTES_LIT("{}"), &small);
	turn_until(l, served.call);
	ask_cancel(q);
	turn_until(l, !ask_call_is_alive(served.call));
	ask_refuse(served.call);
	turn_times(l, 5);
	assert_int_equal(asked.dones, 0);
	assert_no_streams();
}

static void a_service_that_wants_a_question_resets_an_empty_one(void **state)
{
	struct ask_opts opts = {.conn = conn, .protocol = "/test/ask/1.0.0",
		.timeout_ms = 60000, .answer_limits = &small, .on_done = on_done, .arg = &asked};

	(void)state;
	assert_ok(ask_send(a.streams, &opts, NULL));
	turn_until(l, asked.dones == 1);
	assert_err(asked.err, P2P_ERR_RESET);
	assert_int_equal(served.questions, 0);
}

static void slow_on_gone(struct stream *s, int err)
{
	*(int *)stream_user(s) = err;
}

static void half_a_question_is_reset_after_ten_seconds(void **state)
{
	static const struct stream_handler slow = {.on_gone = slow_on_gone};
	struct stream *s;
	int err = 0;

	(void)state;
	assert_ok(stream_open(a.streams, conn, "/test/ask/1.0.0", &slow, &err, MONO_NEVER, &s));
	assert_int_equal(stream_write(s, BYTES_LIT("{\"a\"")), 4);
	turn_times(l, 10);
	loop_skip_ms(l, ASK_REQUEST_MS - 1000);
	assert_int_equal(stream_write(s, BYTES_LIT(" ")), 1); /* a byte now and then does not help */
	turn_times(l, 10);
	assert_ok(err);
	loop_skip_ms(l, 1000);
	turn_until(l, err);
	assert_err(err, P2P_ERR_RESET);
	assert_int_equal(served.questions, 0);
}

static void a_lost_connection_ends_the_question(void **state)
{
	(void)state;
	served.answers_later = true;
	(void)ask("/test/ask/1.0.0", BYTES_LIT("{}"), &small);
	turn_until(l, served.call);
	swarm_close(b.swarm, ask_call_conn(served.call), "test");
	turn_until(l, asked.dones == 1 && !ask_call_is_alive(served.call));
	assert_err(asked.err, P2P_ERR_CLOSED);
	ask_answer(served.call, BYTES_LIT("{}"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_gets_its_answer),
		TEST(a_pull_is_answered_without_a_question),
		TEST(what_is_told_needs_no_answer),
		TEST(an_answer_may_come_later),
		TEST(a_large_answer_goes_out_as_the_peer_takes_it),
		TEST(an_answer_over_its_limit_is_refused),
		TEST(a_bad_question_is_reset),
		TEST(a_forgiven_question_reaches_the_handler_with_its_error),
		TEST(a_peer_that_lacks_the_protocol_is_told_apart),
		TEST(what_a_peer_is_known_to_take_ends_a_flight_earlier),
		TEST(a_refusal_is_a_reset),
		TEST(silence_ends_at_the_deadline_and_the_late_answer_is_dropped),
		TEST(a_cancelled_question_says_nothing_more),
		TEST(a_service_that_wants_a_question_resets_an_empty_one),
		TEST(half_a_question_is_reset_after_ten_seconds),
		TEST(a_lost_connection_ends_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
