/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/streams.h"

#include <stdlib.h>

#include "daemon/sys/metrics.h"
#include "tests/lib/nodes.h"

static struct loop *l;
static struct node a, b;
static uint64_t conn;

/* What one end of a stream saw. */
struct seen {
	struct stream *stream;
	struct buf got;
	int agreed, ends, rooms, gones, err;
	bool resets_on_data, ends_on_data, refuses;
};

static struct seen out, in;

static void on_agreed(struct stream *s)
{
	((struct seen *)stream_user(s))->agreed++;
}

static void on_data(struct stream *s, struct bytes data)
{
	struct seen *e = stream_user(s);

	assert_ok(buf_put(&e->got, data));
	if (e->resets_on_data)
		stream_reset(s);
	if (e->ends_on_data)
		stream_end(s);
}

static void on_end(struct stream *s)
{
	((struct seen *)stream_user(s))->ends++;
}

static void on_room(struct stream *s)
{
	((struct seen *)stream_user(s))->rooms++;
}

static void on_gone(struct stream *s, int err)
{
	struct seen *e = stream_user(s);

	assert_int_equal(e->gones, 0);
	e->gones++;
	e->err = err;
	e->stream = NULL;
}

static const struct stream_handler handler = {on_agreed, on_data, on_end, on_room, on_gone};

static bool on_open(void *arg, struct stream *s)
{
	struct seen *e = arg;

	assert_true(stream_is_inbound(s));
	assert_true(peer_id_eq(stream_peer(s), &a.id));
	assert_string_equal(stream_protocol(s), "/test/raw/1.0.0");
	if (e->refuses)
		return false;
	e->stream = s;
	stream_attach(s, &handler, e, MONO_NEVER);
	return true;
}

static int setup(void **state)
{
	(void)state;
	if (loop_new(&l))
		return -1;
	node_init(&a, l, 1);
	node_init(&b, l, 2);
	out = in = (struct seen){.agreed = 0};
	assert_ok(streams_serve(b.streams, "/test/raw/1.0.0", on_open, &in));
	conn = nodes_connect(&a, &b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	node_deinit(&a);
	node_deinit(&b);
	loop_free(l);
	buf_deinit(&out.got);
	buf_deinit(&in.got);
	return 0;
}

static double opened(const char *direction, const char *result)
{
	return metric_value(M_STREAMS_OPENED, (const char *const[]){"other", direction, result}, 3);
}

static void open_one(mono_t deadline)
{
	assert_ok(stream_open(a.streams, conn, "/test/raw/1.0.0", &handler, &out, deadline,
		&out.stream));
}

static void bytes_and_both_ends_arrive(void **state)
{
	double ours = opened("out", "ok"), theirs = opened("in", "ok");

	(void)state;
	open_one(MONO_NEVER);
	assert_int_equal(stream_write(out.stream, BYTES_LIT("question")), 8);
	stream_end(out.stream);
	turn_until(l, in.ends == 1);
	assert_bytes(buf_bytes(&in.got), BYTES_LIT("question"));
	assert_int_equal(stream_write(in.stream, BYTES_LIT("answer")), 6);
	assert_int_equal(in.gones, 0);
	stream_end(in.stream);
	assert_int_equal(in.gones, 0); /* never from inside the call */
	turn_until(l, in.gones == 1 && out.gones == 1);
	assert_ok(in.err);
	assert_ok(out.err);
	assert_int_equal(out.agreed, 1);
	assert_int_equal(out.ends, 1);
	assert_bytes(buf_bytes(&out.got), BYTES_LIT("answer"));
	assert_true(opened("out", "ok") == ours + 1 && opened("in", "ok") == theirs + 1);
}

static void a_protocol_that_is_granted_but_not_served_is_reset(void **state)
{
	(void)state;
	assert_ok(stream_open(a.streams, conn, "/test/unserved/1.0.0", &handler, &out, MONO_NEVER,
		&out.stream));
	turn_until(l, out.gones == 1);
	assert_err(out.err, P2P_ERR_RESET);
}

static void a_protocol_that_the_peer_does_not_speak_is_unsupported(void **state)
{
	double before = opened("out", "unsupported"), ok = opened("out", "ok");

	(void)state;
	assert_ok(stream_open(a.streams, conn, "/test/unknown/1.0.0", &handler, &out, MONO_NEVER,
		&out.stream));
	turn_until(l, out.gones == 1);
	assert_err(out.err, P2P_ERR_UNSUPPORTED);
	assert_int_equal(out.agreed, 0);
	assert_true(opened("out", "unsupported") == before + 1 && opened("out", "ok") == ok);
}

static void an_acceptor_may_refuse(void **state)
{
	double before = opened("in", "refused"), ok = opened("in", "ok");

	(void)state;
	in.refuses = true;
	open_one(MONO_NEVER);
	turn_until(l, out.gones == 1);
	assert_err(out.err, P2P_ERR_RESET);
	assert_true(opened("in", "refused") == before + 1 && opened("in", "ok") == ok);
}

static void a_deadline_resets_both_sides(void **state)
{
	(void)state;
	open_one(mono_add_ms(loop_now(l), 5000));
	turn_until(l, out.agreed == 1);
	loop_skip_ms(l, 5000);
	turn_until(l, out.gones == 1 && in.gones == 1);
	assert_err(out.err, P2P_ERR_TIMEOUT);
	assert_err(in.err, P2P_ERR_RESET);
}

static void a_stream_may_be_given_up_inside_its_own_callback(void **state)
{
	(void)state;
	in.resets_on_data = true;
	open_one(MONO_NEVER);
	assert_int_equal(stream_write(out.stream, BYTES_LIT("x")), 1);
	turn_until(l, out.gones == 1);
	assert_err(out.err, P2P_ERR_RESET);
	assert_int_equal(in.gones, 0); /* whoever gives up is not told */
	assert_int_equal(in.got.len, 1);
}

static void a_lost_connection_ends_its_streams(void **state)
{
	(void)state;
	open_one(MONO_NEVER);
	turn_until(l, out.agreed == 1 && in.stream);
	swarm_close(b.swarm, swarm_find(b.swarm, &a.id), "test");
	turn_until(l, out.gones == 1 && in.gones == 1);
	assert_err(out.err, P2P_ERR_CLOSED);
	assert_err(in.err, P2P_ERR_CLOSED);
	assert_err(stream_open(a.streams, conn, "/test/raw/1.0.0", &handler, &out, MONO_NEVER,
			   &out.stream),
		P2P_ERR_CLOSED);
}

static void a_slow_reader_gets_everything_through_room(void **state)
{
	size_t total = 6 * 1024 * 1024, sent = 0;
	uint8_t *data = malloc(total);

	(void)state;
	for (size_t i = 0; i < total; i++)
		data[i] = (uint8_t)(i * 7 >> 2);
	open_one(MONO_NEVER);
	while (sent < total) {
		int rooms = out.rooms;
		size_t n = stream_write(out.stream, bytes_of(data + sent, total - sent));

		sent += n;
		if (sent < total)
			turn_until(l, out.rooms > rooms);
	}
	assert_true(out.rooms > 0);
	stream_end(out.stream);
	turn_until(l, in.ends == 1);
	assert_bytes(buf_bytes(&in.got), bytes_of(data, total));
	free(data);
}

static void live_streams_are_listed(void **state)
{
	size_t iter = 0;
	struct stream_line line;
	int found = 0;

	(void)state;
	open_one(MONO_NEVER);
	turn_until(l, in.stream != NULL);
	loop_skip_ms(l, 1000);
	turn_times(l, 1);
	while (streams_list(b.streams, &iter, &line)) {
		if (strcmp(line.protocol, "/test/raw/1.0.0") != 0)
			continue;
		found++;
		assert_true(line.is_inbound && line.age_ms >= 1000);
	}
	assert_int_equal(found, 1);
}

static void a_name_is_served_once(void **state)
{
	const char *names[STREAMS_PROTOCOLS_MAX];

	(void)state;
	assert_err(streams_serve(b.streams, "/test/raw/1.0.0", on_open, &in), P2P_ERR_EXISTS);
	assert_int_equal(streams_protocols(b.streams, names), 4); /* identify, push, ping, raw */
}

static void freeing_with_live_streams_tells_nobody(void **state)
{
	(void)state;
	open_one(MONO_NEVER);
	turn_until(l, in.stream != NULL); /* teardown frees */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_and_both_ends_arrive),
		TEST(a_protocol_that_is_granted_but_not_served_is_reset),
		TEST(a_protocol_that_the_peer_does_not_speak_is_unsupported),
		TEST(an_acceptor_may_refuse),
		TEST(a_deadline_resets_both_sides),
		TEST(a_stream_may_be_given_up_inside_its_own_callback),
		TEST(a_lost_connection_ends_its_streams),
		TEST(a_slow_reader_gets_everything_through_room),
		TEST(live_streams_are_listed),
		TEST(a_name_is_served_once),
		TEST(freeing_with_live_streams_tells_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
