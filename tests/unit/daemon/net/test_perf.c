/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/perf.h"

#include "proto/libp2p/identify.h"
#include "tests/lib/nodes.h"

static struct loop *l;
static struct node a, b;
static struct perfs *asks, *answers;
static uint64_t conn;

struct result {
	int dones, err;
	bool has_result;
	struct perf_result r;
};

static void on_done(void *arg, int err, const struct perf_result *r)
{
	struct result *res = arg;

	res->dones++;
	res->err = err;
	res->has_result = r != NULL;
	if (r)
		res->r = *r;
}

static const char *const protocols[] = {IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, PERF_PROTOCOL};

static void init(struct node *n, uint8_t seed, bool grants_perf)
{
	node_init(n, l, seed);
	n->grant.conn.protocols = protocols;
	n->grant.conn.protocol_count = grants_perf ? 3 : 2;
}

static int setup(void **state)
{
	(void)state;
	if (loop_new(&l))
		return -1;
	init(&a, 1, false);
	init(&b, 2, true);
	asks = perfs_new(a.streams, false);
	answers = perfs_new(b.streams, true);
	conn = nodes_connect(&a, &b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	node_deinit(&a);
	node_deinit(&b);
	perfs_free(asks);
	perfs_free(answers);
	loop_free(l);
	return 0;
}

static int try(struct result *res, unsigned streams, uint64_t up, uint64_t down, struct perf_run **ret)
{
	struct perf_opts opts = {.conn = conn, .up = up, .down = down, .streams = streams, .on_done = on_done,
		.arg = res};

	return perf_run_start(asks, &opts, ret);
}

static struct perf_run *start(struct result *res, unsigned streams, uint64_t up, uint64_t down)
{
	struct perf_run *run;

	assert_ok(try(res, streams, up, down, &run));
	assert_int_equal(res->dones, 0);
	return run;
}

static void moves_by(unsigned streams, uint64_t up, uint64_t down)
{
	struct result res = {.dones = 0};

	(void)start(&res, streams, up, down);
	turn_until(l, res.dones == 1);
	assert_ok(res.err);
	assert_int_equal(res.r.streams, streams);
	assert_int_equal(res.r.up_bytes, up);
	assert_int_equal(res.r.down_bytes, down);
	assert_true(perf_up_ns(&res.r) > 0);
	assert_true(down ? perf_down_ns(&res.r) > 0 : perf_down_ns(&res.r) == 0);
}

static void moves(uint64_t up, uint64_t down)
{
	moves_by(1, up, down);
}

static void bytes_go_there_and_come_back(void **state)
{
	(void)state;
	moves(0, 0);
	moves(1, 1);
	moves(0, 3000000);
	moves(3000000, 0);
	moves(20000000, 20000000); /* beyond every window and queue */
}

static void streams_share_the_bytes(void **state)
{
	(void)state;
	moves_by(2, 1, 3);
	moves_by(3, 1000001, 0);
	moves_by(PERF_STREAMS_MAX, 0, 0);
	moves_by(PERF_STREAMS_MAX, 20000003, 20000005);
}

static void one_stream_beyond_eight_of_a_connection_is_refused(void **state)
{
	struct result first = {.dones = 0}, second = {.dones = 0};

	(void)state;
	(void)start(&first, PERF_STREAMS_MAX, 5000000, 5000000);
	(void)start(&second, 1, 1, 1);
	turn_until(l, first.dones == 1 && second.dones == 1);
	assert_ok(first.err);
	assert_err(second.err, P2P_ERR_RESET);
	assert_false(second.has_result);
	moves(10, 10);
}

/* The third of them is refused: nothing is heard of the other two, here or there. */
static void one_refused_stream_ends_the_run_and_its_neighbours(void **state)
{
	struct result first = {.dones = 0}, second = {.dones = 0};

	(void)state;
	(void)start(&first, PERF_STREAMS_MAX - 2, 5000000, 5000000);
	(void)start(&second, 3, PERF_BYTES_MAX, 1);
	turn_until(l, second.dones == 1);
	assert_err(second.err, P2P_ERR_RESET);
	turn_until(l, first.dones == 1);
	assert_ok(first.err);
	moves_by(PERF_STREAMS_MAX, 100, 100); /* all of the places are free again */
	assert_int_equal(second.dones, 1);
}

static void who_does_not_serve_it_does_not_speak_it(void **state)
{
	struct perfs *others;
	struct result res = {.dones = 0};
	const char *names[STREAMS_PROTOCOLS_MAX];
	size_t count = streams_protocols(a.streams, names);
	struct perf_opts opts = {.up = 1, .down = 1, .streams = 1, .on_done = on_done, .arg = &res};
	struct perf_run *run;

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_string_not_equal(names[i], PERF_PROTOCOL);
	others = perfs_new(b.streams, false);
	opts.conn = swarm_find(b.swarm, &a.id);
	assert_ok(perf_run_start(others, &opts, &run));
	turn_until(l, res.dones == 1);
	assert_err(res.err, P2P_ERR_UNSUPPORTED);
	perfs_free(others);
}

static void runs_are_bounded_in_number_and_size(void **state)
{
	struct result res[PERF_RUNS_MAX + 1] = {{.dones = 0}};
	struct perf_run *run;

	(void)state;
	assert_err(try(&res[0], 1, PERF_BYTES_MAX + 1, 0, &run), P2P_ERR_TOO_LARGE);
	assert_err(try(&res[0], 1, 0, PERF_BYTES_MAX + 1, &run), P2P_ERR_TOO_LARGE);
	for (int i = 0; i < PERF_RUNS_MAX; i++)
		(void)start(&res[i], 1, 1, 1);
	assert_err(try(&res[PERF_RUNS_MAX], 1, 1, 1, &run), P2P_ERR_FULL);
	for (int i = 0; i < PERF_RUNS_MAX; i++)
		turn_until(l, res[i].dones == 1);
	moves(1, 1);
}

static void a_cancelled_run_says_nothing_more_and_frees_the_server(void **state)
{
	struct result res = {.dones = 0};
	struct perf_run *run = start(&res, PERF_STREAMS_MAX, 0, PERF_BYTES_MAX);

	(void)state;
	turn_times(l, 20);
	perf_run_cancel(run);
	turn_times(l, 10);
	assert_int_equal(res.dones, 0);
	moves_by(PERF_STREAMS_MAX, 1, 1);
}

static void a_lost_connection_ends_the_run(void **state)
{
	struct result res = {.dones = 0};

	(void)state;
	(void)start(&res, 3, PERF_BYTES_MAX, 1);
	turn_times(l, 20);
	swarm_close(b.swarm, swarm_find(b.swarm, &a.id), "test");
	turn_until(l, res.dones == 1);
	assert_err(res.err, P2P_ERR_CLOSED);
}

static void at_the_end_runs_go_without_a_word(void **state)
{
	struct result res = {.dones = 0};

	(void)state;
	(void)start(&res, 3, PERF_BYTES_MAX, 1);
	turn_times(l, 20); /* and then the teardown, in the middle of it */
	assert_int_equal(res.dones, 0);
}

/* --- a client that does what no client should --- */

static struct {
	int gones, err;
	uint64_t got;
} rude;

static void rude_data(struct stream *s, struct bytes in)
{
	(void)s;
	rude.got += in.len;
}

static void rude_gone(struct stream *s, int err)
{
	(void)s;
	rude.gones++;
	rude.err = err;
}

static const struct stream_handler rude_handler = {.on_data = rude_data, .on_gone = rude_gone};

static struct stream *say(struct bytes what)
{
	struct stream *s;

	memset(&rude, 0, sizeof(rude));
	assert_ok(stream_open(a.streams, conn, PERF_PROTOCOL, &rude_handler, NULL, MONO_NEVER, &s));
	assert_int_equal(stream_write(s, what), what.len);
	return s;
}

static void a_server_resets_who_wants_too_much_or_says_too_little(void **state)
{
	struct stream *s;

	(void)state;
	(void)say(BYTES_LIT("\xff\xff\xff\xff\xff\xff\xff\xff"));
	turn_until(l, rude.gones == 1);
	assert_err(rude.err, P2P_ERR_RESET);
	s = say(BYTES_LIT("\0\0\0"));
	stream_end(s);
	turn_until(l, rude.gones == 1);
	assert_err(rude.err, P2P_ERR_RESET);
	assert_int_equal(rude.got, 0);
}

static void a_server_resets_who_says_nothing_for_ten_seconds(void **state)
{
	(void)state;
	(void)say(BYTES_LIT("\0\0\0\0\0\0\0\x01"));
	turn_times(l, 10);
	loop_skip_ms(l, 5000);
	turn_times(l, 5);
	assert_int_equal(rude.gones, 0);
	loop_skip_ms(l, 5001);
	turn_until(l, rude.gones == 1);
	assert_err(rude.err, P2P_ERR_RESET);
	assert_int_equal(rude.got, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_there_and_come_back),
		TEST(streams_share_the_bytes),
		TEST(one_stream_beyond_eight_of_a_connection_is_refused),
		TEST(one_refused_stream_ends_the_run_and_its_neighbours),
		TEST(who_does_not_serve_it_does_not_speak_it),
		TEST(runs_are_bounded_in_number_and_size),
		TEST(a_cancelled_run_says_nothing_more_and_frees_the_server),
		TEST(a_lost_connection_ends_the_run),
		TEST(at_the_end_runs_go_without_a_word),
		TEST(a_server_resets_who_wants_too_much_or_says_too_little),
		TEST(a_server_resets_who_says_nothing_for_ten_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
