/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/swarm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/lib/nodes.h"

static struct loop *l;
static struct node a, b;

static int setup(void **state)
{
	(void)state;
	if (loop_new(&l))
		return -1;
	node_init(&a, l, 1);
	node_init(&b, l, 2);
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

static void two_nodes_connect_and_know_each_other(void **state)
{
	uint64_t conn = nodes_connect(&a, &b);
	struct swarm_conn c;
	struct swarm_stats st;

	(void)state;
	assert_true(swarm_get(a.swarm, conn, &c));
	assert_true(c.is_up && peer_id_eq(&c.peer, &b.id) && c.side == CONN_DIALER);
	assert_string_equal(c.transport, "tcp");
	assert_string_equal(c.security, "noise");
	assert_string_equal(c.muxer, "yamux");
	assert_true(c.bytes_in > 0 && c.bytes_out > 0 && c.memory > 0);
	assert_true(swarm_find(a.swarm, &b.id) == conn);
	assert_true(swarm_find(b.swarm, &a.id) != 0);
	assert_true(swarm_find(a.swarm, &a.id) == 0);
	assert_true(swarm_next(a.swarm, 0) == conn && swarm_next(a.swarm, conn) == 0);
	assert_int_equal(a.ups + b.ups, 2);
	swarm_stats(b.swarm, &st);
	assert_int_equal(st.accepted, 1);
	assert_int_equal(st.proven, 1);
	assert_int_equal(st.half_open, 0);
	assert_int_equal(st.up, 1);
}

static void a_goodbye_is_ours_here_and_the_peers_there(void **state)
{
	uint64_t conn = nodes_connect(&a, &b);
	struct swarm_stats st;

	(void)state;
	swarm_close(a.swarm, conn, "not_needed");
	turn_until(l, a.gones == 1 && b.gones == 1);
	assert_int_equal(a.last_how, SWARM_END_OURS);
	assert_string_equal(a.last_why, "not_needed");
	assert_int_equal(b.last_how, SWARM_END_REMOTE);
	assert_false(swarm_get(a.swarm, conn, NULL));
	assert_true(swarm_find(b.swarm, &a.id) == 0);
	swarm_stats(a.swarm, &st);
	assert_int_equal(st.conns, 0);
	assert_int_equal(st.up, 0);
	assert_int_equal(st.memory, 0);
}

static void a_refused_peer_gets_no_stream_and_hears_that_it_is_not_wanted(void **state)
{
	struct maddr to = node_maddr(&b);
	struct dial_outcome o;
	struct swarm_stats st;

	(void)state;
	b.refuse_with = "not_a_member";
	node_dial(&a, &to, NULL, &o);
	turn_until(l, o.is_done && b.refusals == 1 && a.gones == 1);
	assert_int_equal(b.ups, 0);
	assert_err(b.last_err, P2P_ERR_DENIED);
	assert_string_equal(b.last_why, "not_a_member");
	assert_string_equal(a.last_why, "remote_gated");
	assert_int_equal(a.last_how, SWARM_END_REMOTE);
	swarm_stats(b.swarm, &st);
	assert_int_equal(st.judged_out, 1);
	assert_int_equal(st.half_open, 0);
}

static void a_dialer_that_refuses_says_so_in_its_result(void **state)
{
	struct maddr to = node_maddr(&b);
	struct dial_outcome o;

	(void)state;
	a.refuse_with = "self";
	node_dial(&a, &to, NULL, &o);
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_DENIED);
	assert_string_equal(o.why, "self");
	assert_true(peer_id_eq(&o.peer, &b.id));
	assert_int_equal(o.attempts[0].stage, DIAL_ADMIT);
}

static void a_pong_tells_the_round_trip(void **state)
{
	uint64_t conn = nodes_connect(&a, &b);
	struct swarm_conn c;

	(void)state;
	swarm_ping(a.swarm, conn);
	turn_until(l, a.pongs == 1);
	assert_true(a.last_rtt_ns > 0 && a.last_rtt_ns < 5 * NS_PER_SEC);
	assert_true(swarm_get(a.swarm, conn, &c) && c.rtt_ns == a.last_rtt_ns);
}

static void hearing_is_told_once_a_turn(void **state)
{
	uint64_t conn = nodes_connect(&a, &b);
	int before, a_before;

	(void)state;
	turn_times(l, 10);
	before = b.heards;
	a_before = a.heards;
	for (int i = 0; i < 3; i++)
		swarm_ping(a.swarm, conn);
	turn_until(l, a.pongs >= 1);
	assert_int_equal(b.heards - before, 1); /* three frames, one write, one turn */
	turn_times(l, 3);
	assert_int_equal(a.heards - a_before, 1); /* asking is not hearing */
}

static void nothing_is_sent_or_armed_while_nothing_happens(void **state)
{
	struct swarm_conn before, after;
	uint64_t conn = nodes_connect(&a, &b);

	(void)state;
	turn_times(l, 20);
	assert_true(swarm_get(a.swarm, conn, &before));
	loop_skip_ms(l, 3600 * 1000);
	turn_times(l, 20);
	assert_true(swarm_get(a.swarm, conn, &after));
	assert_int_equal(after.bytes_in, before.bytes_in);
	assert_int_equal(after.bytes_out, before.bytes_out);
	assert_true(after.memory < 4096); /* performance.md B-09 */
}

static int raw_connect(const struct node *n)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(n->addr.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	(void)connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	return fd;
}

/* Reads what is there: true when the other side has ended it. */
static bool is_ended(int fd)
{
	char sink[512];
	ssize_t n;

	do
		n = read(fd, sink, sizeof(sink));
	while (n > 0);
	return n == 0 || errno != EAGAIN;
}

static void a_silent_stranger_is_closed_at_the_first_byte_deadline(void **state)
{
	int fd = raw_connect(&b);
	struct swarm_stats st;

	(void)state;
	turn_until(l, (swarm_stats(b.swarm, &st), st.half_open == 1));
	loop_skip_ms(l, CONN_FIRST_BYTE_MS - 1000);
	turn_times(l, 5);
	assert_false(is_ended(fd));
	loop_skip_ms(l, 1001);
	turn_times(l, 5);
	assert_true(is_ended(fd));
	swarm_stats(b.swarm, &st);
	assert_int_equal(st.handshake_timeout, 1);
	assert_int_equal(st.half_open, 0);
	assert_int_equal(st.conns, 0);
	assert_int_equal(b.refusals, 1);
	close(fd);
}

static void a_slow_loris_is_closed_after_fifteen_seconds_in_all(void **state)
{
	static const char hello[] = "\x13/multistream/1.0.0\n\x07/noise\n";
	int fd = raw_connect(&b), seconds = 0;
	struct swarm_stats st;

	(void)state;
	turn_until(l, (swarm_stats(b.swarm, &st), st.half_open == 1));
	for (; seconds < 20 && !is_ended(fd); seconds++) {
		(void)send(fd, hello + seconds, 1, MSG_NOSIGNAL);
		turn_times(l, 5);
		loop_skip_ms(l, 1000);
		turn_times(l, 5);
	}
	/* The layer's own ten seconds come before the fifteen in all. */
	assert_in_range(seconds, 9, 15);
	close(fd);
}

static void garbage_is_closed_at_once(void **state)
{
	int fd = raw_connect(&b);
	struct swarm_stats st;

	(void)state;
	turn_until(l, (swarm_stats(b.swarm, &st), st.half_open == 1));
	assert_int_equal(write(fd, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10), 10);
	turn_until(l, is_ended(fd));
	swarm_stats(b.swarm, &st);
	assert_int_equal(st.handshake_failed, 1);
	close(fd);
}

static void a_storm_of_strangers_leaves_the_limits_intact(void **state)
{
	int fds[200];
	struct swarm_stats st;
	size_t most = 0;
	uint64_t conn = nodes_connect(&a, &b);
	unsigned up;

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		fds[i] = raw_connect(&b);
		turn_times(l, 1);
		swarm_stats(b.swarm, &st);
		most = st.half_open > most ? st.half_open : most;
	}
	turn_times(l, 20);
	swarm_stats(b.swarm, &st);
	most = st.half_open > most ? st.half_open : most;
	assert_int_equal(most, 8); /* all come from one address */
	assert_int_equal(st.accepted - 1 + st.refused_bucket + st.refused_source, 200);
	assert_true(st.refused_bucket > 0 && st.refused_source > 0);
	/* Who is in stays in. */
	swarm_ping(a.swarm, conn);
	turn_until(l, a.pongs == 1);
	up = st.up;
	assert_int_equal(up, 1);
	/* When their time is over the doors are free again. */
	loop_skip_ms(l, 60000);
	turn_times(l, 20);
	swarm_stats(b.swarm, &st);
	assert_int_equal(st.half_open, 0);
	swarm_close(a.swarm, conn, "again");
	turn_until(l, b.gones == 1);
	(void)nodes_connect(&a, &b);
	for (size_t i = 0; i < 200; i++)
		close(fds[i]);
}

static void a_blocked_source_does_not_get_in(void **state)
{
	struct maddr to = node_maddr(&b);
	struct dial_outcome o;
	struct swarm_stats st;

	(void)state;
	b.blocks_everybody = true;
	node_dial(&a, &to, NULL, &o);
	turn_until(l, o.is_done);
	assert_int_not_equal(o.err, 0);
	swarm_stats(b.swarm, &st);
	assert_int_equal(st.refused_blocked, 1);
	assert_int_equal(st.accepted, 0);
}

static bool let_in(void *arg, const struct maddr_ip *remote)
{
	(void)arg;
	(void)remote;
	return true;
}

struct full {
	struct swarm *swarm;
	int taken, refused;
};

static void take(void *arg, struct flow *take_flow, const struct maddr_ip *remote,
	const struct maddr_ip *local)
{
	struct full *f = arg;

	if (swarm_take(f->swarm, take_flow, CONN_LISTENER, NULL, remote, local, NULL))
		f->taken++;
	else
		f->refused++;
}

static void a_full_table_takes_nobody(void **state)
{
	static const struct tcp_listen_handler doors = {.on_knock = let_in, .on_accept = take};
	struct full f = {.swarm = swarm_new(&(struct swarm_opts){.loop = l, .identity = &a.key,
				 .noise = &a.noise, .rng = &a.rng.rng, .conns_max = 1})};
	struct node door = {.addr = {.family = 4, .ip = {127, 0, 0, 1}}};
	struct tcp_listener *t;
	struct swarm_stats st;
	int fds[70], more;

	(void)state;
	assert_ok(tcp_listen(l, &door.addr, &doors, &f, &t));
	tcp_listener_addr(t, &door.addr);
	for (size_t i = 0; i < 70; i++)
		fds[i] = raw_connect(&door);
	turn_until(l, f.taken + f.refused == 70);
	assert_int_equal(f.taken, 1 + SWARM_CONNS_SPARE);
	swarm_stats(f.swarm, &st);
	assert_int_equal(st.refused_table, 70 - 1 - SWARM_CONNS_SPARE);
	assert_int_equal(st.conns, 1 + SWARM_CONNS_SPARE);
	/* A reload may make it larger. */
	swarm_set_conns_max(f.swarm, 2);
	more = raw_connect(&door);
	turn_until(l, f.taken + f.refused == 71);
	assert_int_equal(f.taken, 2 + SWARM_CONNS_SPARE);
	close(more);
	for (size_t i = 0; i < 70; i++)
		close(fds[i]);
	tcp_listener_close(t);
	swarm_free(f.swarm);
}

static void short_of_memory_guests_go_first(void **state)
{
	uint64_t member = nodes_connect(&a, &b), guest;
	struct node c;
	struct swarm_stats st;

	(void)state;
	node_init(&c, l, 3);
	a.grant.is_expendable = true;
	guest = nodes_connect(&a, &c);
	turn_times(l, 10);
	swarm_stats(a.swarm, &st);
	swarm_set_memory(a.swarm, st.memory, st.memory - 1);
	swarm_ping(a.swarm, member);
	turn_until(l, a.gones == 1);
	assert_string_equal(a.last_why, "memory");
	assert_err(a.last_err, P2P_ERR_FULL);
	assert_false(swarm_get(a.swarm, guest, NULL));
	assert_true(swarm_get(a.swarm, member, NULL));
	swarm_stats(a.swarm, &st);
	assert_int_equal(st.memory_hard, 1);
	/* With no guest left a member goes. */
	swarm_set_memory(a.swarm, SWARM_MEMORY_SOFT, 1);
	swarm_ping(a.swarm, member);
	turn_until(l, a.gones == 2);
	node_deinit(&c);
}

static void short_of_memory_the_largest_is_not_read_for_a_while(void **state)
{
	uint64_t conn = nodes_connect(&a, &b), back = swarm_find(b.swarm, &a.id);
	struct swarm_stats st;

	(void)state;
	turn_times(l, 10);
	swarm_set_memory(a.swarm, 1, SWARM_MEMORY_HARD);
	swarm_ping(a.swarm, conn);
	turn_times(l, 2);
	swarm_stats(a.swarm, &st);
	assert_int_equal(st.memory_soft, 1);
	swarm_ping(b.swarm, back);
	turn_times(l, 10);
	assert_int_equal(b.pongs, 0); /* nobody reads the question */
	swarm_set_memory(a.swarm, SWARM_MEMORY_SOFT, SWARM_MEMORY_HARD);
	swarm_ping(a.swarm, conn);
	turn_until(l, b.pongs == 1);
}

static void everybody_is_told_goodbye_at_the_end(void **state)
{
	(void)state;
	(void)nodes_connect(&a, &b);
	swarm_close_all(a.swarm, "shutdown");
	turn_until(l, a.gones == 1 && b.gones == 1);
	assert_string_equal(b.last_why, "remote_shutdown");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_nodes_connect_and_know_each_other),
		TEST(a_goodbye_is_ours_here_and_the_peers_there),
		TEST(a_refused_peer_gets_no_stream_and_hears_that_it_is_not_wanted),
		TEST(a_dialer_that_refuses_says_so_in_its_result),
		TEST(a_pong_tells_the_round_trip),
		TEST(hearing_is_told_once_a_turn),
		TEST(nothing_is_sent_or_armed_while_nothing_happens),
		TEST(a_silent_stranger_is_closed_at_the_first_byte_deadline),
		TEST(a_slow_loris_is_closed_after_fifteen_seconds_in_all),
		TEST(garbage_is_closed_at_once),
		TEST(a_storm_of_strangers_leaves_the_limits_intact),
		TEST(a_blocked_source_does_not_get_in),
		TEST(a_full_table_takes_nobody),
		TEST(short_of_memory_guests_go_first),
		TEST(short_of_memory_the_largest_is_not_read_for_a_while),
		TEST(everybody_is_told_goodbye_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
