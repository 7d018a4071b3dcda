/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/ping.h"

#include "tests/lib/nodes.h"

static struct loop *l;
static struct node a, b;
static uint64_t conn;

struct result {
	int echoes, dones, err;
	unsigned sent, received, last_number;
	int64_t rtt_ns;
};

static void on_echo(void *arg, unsigned number, int err, int64_t rtt_ns)
{
	struct result *r = arg;

	assert_ok(err);
	r->echoes++;
	r->last_number = number;
	r->rtt_ns = rtt_ns;
}

static void on_done(void *arg, int err, unsigned sent, unsigned received)
{
	struct result *r = arg;

	r->dones++;
	r->err = err;
	r->sent = sent;
	r->received = received;
}

static int setup(void **state)
{
	(void)state;
	if (loop_new(&l))
		return -1;
	node_init(&a, l, 1);
	node_init(&b, l, 2);
	conn = nodes_connect(&a, &b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	node_deinit(&a);
	node_deinit(&b);
	loop_free(l);
	return 0;
}

static struct ping_run *start(struct result *r, unsigned count, int64_t interval_ms)
{
	struct ping_opts opts = {.conn = conn, .count = count, .interval_ms = interval_ms,
		.on_echo = on_echo, .on_done = on_done, .arg = r};
	struct ping_run *run;

	assert_ok(ping_run_start(a.pings, &opts, &run));
	return run;
}

static void five_pings_come_back(void **state)
{
	struct result r = {.dones = 0};

	(void)state;
	(void)start(&r, 5, 0);
	turn_until(l, r.dones == 1);
	assert_ok(r.err);
	assert_int_equal(r.echoes, 5);
	assert_int_equal(r.last_number, 5);
	assert_int_equal(r.sent, 5);
	assert_int_equal(r.received, 5);
	assert_true(r.rtt_ns > 0 && r.rtt_ns < 5 * NS_PER_SEC);
}

static void the_interval_is_kept(void **state)
{
	struct result r = {.dones = 0};

	(void)state;
	(void)start(&r, 3, 1000);
	turn_until(l, r.echoes == 1);
	turn_times(l, 10);
	assert_int_equal(r.echoes, 1);
	loop_skip_ms(l, 1000);
	turn_until(l, r.echoes == 2);
	loop_skip_ms(l, 1000);
	turn_until(l, r.dones == 1);
}

static void a_third_stream_of_one_peer_is_refused(void **state)
{
	struct result r[3] = {{.dones = 0}};

	(void)state;
	for (int i = 0; i < 3; i++)
		(void)start(&r[i], 2, 5000);
	turn_until(l, r[0].echoes == 1 && r[1].echoes == 1 && r[2].dones == 1);
	assert_err(r[2].err, P2P_ERR_RESET);
	assert_int_equal(r[2].received, 0);
}

static void a_cancelled_run_says_nothing_more(void **state)
{
	struct result r = {.dones = 0};
	struct ping_run *run = start(&r, 100, 0);

	(void)state;
	turn_until(l, r.echoes >= 3);
	ping_run_cancel(run);
	turn_times(l, 10);
	assert_int_equal(r.dones, 0);
}

static void a_lost_connection_ends_the_run(void **state)
{
	struct result r = {.dones = 0};

	(void)state;
	(void)start(&r, 100, 1000);
	turn_until(l, r.echoes == 1);
	swarm_close(b.swarm, swarm_find(b.swarm, &a.id), "test");
	turn_until(l, r.dones == 1);
	assert_err(r.err, P2P_ERR_CLOSED);
	assert_int_equal(r.received, 1);
}

static void the_count_is_bounded(void **state)
{
	struct ping_opts opts = {.conn = conn, .count = PING_RUN_COUNT_MAX + 1};
	struct ping_run *run;

	(void)state;
	assert_err(ping_run_start(a.pings, &opts, &run), P2P_ERR_TOO_LARGE);
	opts.count = 1;
	opts.conn = 999;
	assert_err(ping_run_start(a.pings, &opts, &run), P2P_ERR_CLOSED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(five_pings_come_back),
		TEST(the_interval_is_kept),
		TEST(a_third_stream_of_one_peer_is_refused),
		TEST(a_cancelled_run_says_nothing_more),
		TEST(a_lost_connection_ends_the_run),
		TEST(the_count_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
