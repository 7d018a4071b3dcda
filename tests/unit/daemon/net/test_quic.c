/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC as the daemon's parts see it: doors, dials, lanes, and what happens when nobody is there. */
#include "daemon/net/quic_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "daemon/net/swarm_private.h"
#include "proto/base/err.h"
#include "tests/lib/nodes.h"

static struct loop *l;
static struct node a, b, c;

static int setup(void **state)
{
	(void)state;
	if (loop_new(&l))
		return -1;
	node_init(&a, l, 1);
	node_init(&b, l, 2);
	node_init(&c, l, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	node_deinit(&a);
	node_deinit(&b);
	node_deinit(&c);
	loop_free(l);
	return 0;
}

static void dial_all(const struct maddr *addrs, size_t count, const struct peer_id *expected,
	struct dial_outcome *ret)
{
	struct dial_request req = {.expected = *expected, .addrs = addrs, .addr_count = count,
		.id = 77, .on_done = on_dial_done, .arg = ret};
	struct dial *dial;

	*ret = (struct dial_outcome){.is_done = false};
	assert_ok(dialer_dial(a.dialer, &req, &dial));
}

static void quic_listens_on_the_same_port_number_as_tcp(void **state)
{
	struct listen_door door;
	struct maddr_ip tcp, quic;
	struct maddr addrs[4];

	(void)state;
	assert_int_equal(listener_doors(a.listener, &door, 1), 1);
	assert_true(door.has_tcp && door.has_quic && door.ip.port != 0);
	assert_int_equal(self_addrs(a.self, NULL, addrs, 4), 2);
	assert_int_equal(maddr_kind(&addrs[0]), MADDR_QUIC);
	assert_int_equal(maddr_kind(&addrs[1]), MADDR_TCP);
	assert_ok(maddr_to_ip(&addrs[0], &quic));
	assert_ok(maddr_to_ip(&addrs[1], &tcp));
	assert_int_equal(quic.port, tcp.port);
}

static void two_nodes_connect_over_quic_and_know_each_other(void **state)
{
	struct maddr to = node_quic_maddr(&b), bare = to;
	uint64_t conn = nodes_connect_to(&a, &b, &to);
	struct swarm_conn v;
	struct swarm_stats st;

	(void)state;
	(void)maddr_split_peer(&bare, NULL);
	assert_true(swarm_get(a.swarm, conn, &v));
	assert_true(v.is_up && peer_id_eq(&v.peer, &b.id) && v.side == CONN_DIALER);
	assert_string_equal(v.transport, "quic-v1");
	assert_string_equal(v.security, "tls");
	assert_string_equal(v.muxer, "quic");
	assert_true(maddr_eq(&v.remote, &bare));
	assert_true(v.bytes_in > 0 && v.bytes_out > 0 && v.memory > 0);
	assert_int_equal(maddr_kind(&b.last.remote), MADDR_QUIC);
	assert_int_equal(maddr_kind(&a.observed), MADDR_QUIC); /* as b sees us */
	swarm_stats(b.swarm, &st);
	assert_int_equal(st.accepted, 1);
	assert_int_equal(st.proven, 1);
	assert_int_equal(st.half_open, 0);
	assert_true(st.quic_bytes_in > 0 && st.bytes_in == 0);
}

static void a_dial_leaves_from_the_port_that_listens(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	struct maddr_ip seen;

	(void)state;
	(void)nodes_connect_to(&a, &b, &to);
	assert_ok(maddr_to_ip(&a.observed, &seen));
	assert_int_equal(seen.port, a.addr.port);
}

static void a_goodbye_is_ours_here_and_the_peers_there(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);
	struct swarm_stats st;

	(void)state;
	swarm_close(a.swarm, conn, "shutdown");
	turn_until(l, a.gones == 1 && b.gones == 1);
	assert_int_equal(a.last_how, SWARM_END_OURS);
	assert_int_equal(b.last_how, SWARM_END_REMOTE);
	assert_string_equal(b.last_why, "remote_shutdown");
	swarm_stats(a.swarm, &st);
	assert_int_equal(st.conns, 0);
	assert_int_equal(st.memory, 0);
}

static void a_refused_peer_hears_that_it_is_not_wanted(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	struct dial_outcome o;

	(void)state;
	b.refuse_with = "not_a_member";
	node_dial(&a, &to, NULL, &o);
	turn_until(l, o.is_done && b.refusals == 1 && a.gones == 1);
	assert_int_equal(b.ups, 0);
	assert_string_equal(b.last_why, "not_a_member");
	assert_string_equal(a.last_why, "remote_gated");
}

static void somebody_else_at_the_address_is_a_mismatch(void **state)
{
	struct maddr there = node_quic_maddr(&c);
	struct dial_outcome o;

	(void)state;
	(void)maddr_split_peer(&there, NULL);
	dial_all(&there, 1, &b.id, &o);
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_MISMATCH);
	assert_string_equal(o.why, "peer_id_mismatch");
	assert_int_equal(a.ups, 0);
}

static void a_pong_tells_the_round_trip(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);

	(void)state;
	swarm_ping(a.swarm, conn);
	turn_until(l, a.pongs == 1);
	assert_true(a.last_rtt_ns > 0);
}

/* ---- lanes ---- */

static void quic_wins_where_both_answer(void **state)
{
	struct maddr addrs[2] = {node_maddr(&b), node_quic_maddr(&b)};
	struct dial_outcome o;
	struct swarm_conn v;

	(void)state;
	dial_all(addrs, 2, &b.id, &o);
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_true(swarm_get(a.swarm, o.conn, &v));
	assert_string_equal(v.transport, "quic-v1");
	assert_int_equal(o.attempts[0].stage, DIAL_WAITING); /* TCP was not even begun */
	assert_int_equal(o.attempts[1].stage, DIAL_DONE);
}

/* A UDP port that swallows everything, as a firewall does. */
static int swallow(struct maddr *ret)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct maddr_ip ip = {.family = 4, .ip = {127, 0, 0, 1}};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	ip.port = ntohs(sa.sin_port);
	maddr_from_ip_quic(&ip, ret);
	return fd;
}

static void udp_that_is_blocked_costs_a_quarter_of_a_second_not_the_connection(void **state)
{
	struct maddr addrs[2] = {{0}, node_maddr(&b)};
	int fd = swallow(&addrs[0]);
	struct dial_outcome o;
	struct swarm_conn v;

	(void)state;
	dial_all(addrs, 2, &b.id, &o);
	turn_times(l, 5);
	assert_false(o.is_done);
	assert_int_equal(a.ups, 0); /* TCP waits for its turn */
	loop_skip_ms(l, DIAL_LANE_MS);
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_true(swarm_get(a.swarm, o.conn, &v));
	assert_string_equal(v.transport, "tcp");
	assert_int_equal(o.attempts[0].stage, DIAL_SECURITY);
	assert_string_equal(o.attempts[0].why, "superseded");
	close(fd);
}

static void a_silent_address_ends_as_a_time_out_at_connect(void **state)
{
	struct maddr there;
	int fd = swallow(&there);
	struct dial_outcome o;

	(void)state;
	dial_all(&there, 1, &b.id, &o);
	for (int s = 0; s < 16; s++) {
		turn_times(l, 10);
		loop_skip_ms(l, 1000);
	}
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_TIMEOUT);
	assert_int_equal(o.attempts[0].stage, DIAL_CONNECT);
	close(fd);
}

/* The port number is nobody's: the kernel says so at once. */
static void a_closed_port_is_refused_and_the_next_is_tried_at_once(void **state)
{
	struct maddr addrs[2] = {{0}, node_maddr(&b)};
	struct dial_outcome o;

	(void)state;
	close(swallow(&addrs[0]));
	dial_all(addrs, 2, &b.id, &o);
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_err(o.attempts[0].err, P2P_ERR_REFUSED);
	assert_int_equal(o.attempts[0].stage, DIAL_CONNECT);
}

/* ---- doors ---- */

static void a_blocked_source_is_as_if_nobody_lived_here(void **state)
{
	struct maddr addrs[2] = {node_quic_maddr(&b), node_maddr(&b)};
	struct dial_outcome o;
	struct swarm_stats st;

	(void)state;
	b.blocks_everybody = true;
	dial_all(addrs, 1, &b.id, &o);
	for (int s = 0; s < 16; s++) {
		turn_times(l, 10);
		loop_skip_ms(l, 1000);
	}
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_TIMEOUT);
	swarm_stats(b.swarm, &st);
	assert_true(st.refused_blocked > 0);
	assert_int_equal(st.accepted, 0);
}

/* The wider bucket of loopback has 64 tokens, and gets five a second; what is beyond has to prove its
 * address first. */
static void who_comes_too_fast_must_prove_its_address(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	struct quic_ports_stats st;
	int i = 0;

	(void)state;
	do {
		uint64_t conn = nodes_connect_to(&a, &b, &to);

		i++;
		swarm_close(a.swarm, conn, "idle");
		turn_until(l, a.gones == i && b.gones == i);
		quic_ports_stats(b.ports, &st);
	} while (!st.quic.retries && i < 500);
	assert_true(st.quic.retries >= 1 && i >= 64);
	assert_int_equal(b.ups, i); /* with its token it got in */
}

/* The first datagram of somebody who never says another word. */
static void first_word(struct quic_endpoint *of, uint16_t from, struct buf *ret)
{
	struct datagram_path path = {.remote = b.addr, .local = a.addr};
	struct quic_opts opts = {.wall = loop_wall(l)};
	struct datagram_train train;
	struct quic_conn *q;

	path.local.port = from;
	buf_reset(ret);
	assert_ok(quic_dial(of, &path, &opts, loop_now(l), &q));
	assert_true(quic_send(q, ret, 1200, loop_now(l), &train));
	quic_free(q);
}

/* from seventeen half-open ones on a newcomer is only told to come again. */
static void strangers_that_never_finish_hold_few_slots(void **state)
{
	struct quic_endpoint *crowd = quic_endpoint_new(&(struct quic_endpoint_opts){
		.tls = &a.tls, .identity = &a.key, .rng = &a.rng.rng});
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b.addr.port)};
	struct quic_ports_stats st;
	struct swarm_stats swarm;
	struct buf word = BUF_INIT;
	struct maddr member;
	int fds[100];

	(void)state;
	memcpy(&to.sin_addr, b.addr.ip, 4);
	b.knows_everybody = true; /* so that nobody is dropped at random */
	for (int i = 0; i < 100; i++) {
		/* From addresses of their own, eight each: a source may have so many. */
		struct sockaddr_in from = {.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)i / 8)};

		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		assert_int_equal(bind(fds[i], (struct sockaddr *)&from, sizeof(from)), 0);
		first_word(crowd, (uint16_t)(20000 + i), &word);
		assert_int_equal(sendto(fds[i], word.data, word.len, 0, (struct sockaddr *)&to, sizeof(to)),
			(ssize_t)word.len);
	}
	turn_until(l, (quic_ports_stats(b.ports, &st), st.udp.datagrams_in == 100));
	swarm_stats(b.swarm, &swarm);
	assert_int_equal(swarm.half_open, LISTEN_RETRY_FROM - 1);
	assert_int_equal(st.quic.retries, 100 - (LISTEN_RETRY_FROM - 1));
	/* A member gets in meanwhile: it comes back with its token. */
	member = node_quic_maddr(&b);
	(void)nodes_connect_to(&c, &b, &member);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
	quic_endpoint_free(crowd);
	buf_deinit(&word);
}

static void a_shut_door_keeps_its_connections(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);
	struct quic_ports_stats st;
	struct dial_outcome o;

	(void)state;
	assert_ok(listener_set(b.listener, NULL, 0, NULL));
	swarm_ping(a.swarm, conn);
	turn_until(l, a.pongs == 1);
	node_dial(&c, &to, NULL, &o);
	for (int s = 0; s < 16; s++) {
		turn_times(l, 10);
		loop_skip_ms(l, 1000);
		if (s % 3 == 0)
			swarm_ping(a.swarm, conn);
	}
	turn_until(l, o.is_done);
	assert_int_not_equal(o.err, 0);
	assert_int_equal(b.ups, 1);
	assert_int_equal(b.gones, 0);
	swarm_close(a.swarm, conn, "idle");
	turn_until(l, b.gones == 1);
	quic_ports_stats(b.ports, &st);
	assert_int_equal(st.ports, 0);
}

/* ---- nobody is there any more ---- */

/* As kill -9 leaves it: the socket is closed, and no goodbye was said. */
static void a_killed_peer_is_noticed_by_the_next_question(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);

	(void)state;
	turn_times(l, 10);
	node_deinit(&b);
	turn_times(l, 3);
	assert_int_equal(a.gones, 0);
	swarm_ping(a.swarm, conn);
	turn_until(l, a.gones == 1);
	assert_string_equal(a.last_why, "remote_unreachable");
	assert_err(a.last_err, P2P_ERR_REFUSED);
	assert_int_equal(a.last_how, SWARM_END_REMOTE);
	node_init(&b, l, 2);
}

static void a_killed_peer_is_noticed_by_the_next_poke_likewise(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);

	(void)state;
	turn_times(l, 10);
	node_deinit(&b);
	turn_times(l, 3);
	swarm_poke(a.swarm, conn);
	turn_until(l, a.gones == 1);
	assert_string_equal(a.last_why, "remote_unreachable");
	assert_err(a.last_err, P2P_ERR_REFUSED);
	assert_int_equal(a.last_how, SWARM_END_REMOTE);
	node_init(&b, l, 2);
}

static uint64_t pokes_at(const struct node *n)
{
	struct quic_ports_stats st;

	quic_ports_stats(n->ports, &st);
	return st.pokes;
}

/* It is counted, says nothing of the peer, and nothing comes back. */
static void a_living_peer_ignores_a_poke(void **state)
{
	struct quic_ports_stats before, after, here;
	struct maddr to = node_quic_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);
	struct swarm_conn c0, c1;

	(void)state;
	loop_skip_ms(l, 1000); /* what a new conn has to say is said */
	turn_times(l, 10);
	quic_ports_stats(b.ports, &before);
	assert_true(swarm_get(a.swarm, conn, &c0));
	swarm_poke(a.swarm, conn);
	turn_until(l, pokes_at(&b) > before.pokes);
	turn_times(l, 3);
	quic_ports_stats(b.ports, &after);
	quic_ports_stats(a.ports, &here);
	assert_int_equal(after.pokes, before.pokes + 1);
	assert_int_equal(after.quic.garbage, before.quic.garbage);
	assert_int_equal(after.udp.datagrams_out, before.udp.datagrams_out);
	assert_int_equal(here.unreachable, 0);
	assert_true(swarm_get(a.swarm, conn, &c1));
	assert_int_equal(c1.bytes_out, c0.bytes_out + 1);
	assert_int_equal(c1.bytes_in, c0.bytes_in);
	assert_int_equal(a.gones + b.gones, 0);
}

/* A kernel does that unasked over TCP. */
static void nobody_is_poked_over_tcp(void **state)
{
	struct maddr to = node_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);
	struct quic_ports_stats st;

	(void)state;
	swarm_poke(a.swarm, conn);
	swarm_poke(a.swarm, conn + 1);
	turn_times(l, 3);
	quic_ports_stats(a.ports, &st);
	assert_int_equal(st.udp.datagrams_out, 0);
	assert_int_equal(a.gones, 0);
}

/* Anybody may send such a report; only silence makes it true. */
static void a_forged_report_only_makes_us_ask(void **state)
{
	struct maddr to = node_quic_maddr(&b);
	uint64_t conn = nodes_connect_to(&a, &b, &to);
	struct swarm_entry *e = swarm_entry(a.swarm, conn);

	(void)state;
	turn_times(l, 10);
	swarm_port_unreachable(a.swarm, e->port, &b.addr, P2P_ERR_REFUSED);
	assert_false(mono_is_never(e->nobody_by));
	turn_until(l, a.pongs == 1);
	assert_true(mono_is_never(e->nobody_by));
	loop_skip_ms(l, 2 * SWARM_UNREACHABLE_MS);
	turn_times(l, 3);
	assert_int_equal(a.gones, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(quic_listens_on_the_same_port_number_as_tcp),
		TEST(two_nodes_connect_over_quic_and_know_each_other),
		TEST(a_dial_leaves_from_the_port_that_listens),
		TEST(a_goodbye_is_ours_here_and_the_peers_there),
		TEST(a_refused_peer_hears_that_it_is_not_wanted),
		TEST(somebody_else_at_the_address_is_a_mismatch),
		TEST(a_pong_tells_the_round_trip),
		TEST(quic_wins_where_both_answer),
		TEST(udp_that_is_blocked_costs_a_quarter_of_a_second_not_the_connection),
		TEST(a_silent_address_ends_as_a_time_out_at_connect),
		TEST(a_closed_port_is_refused_and_the_next_is_tried_at_once),
		TEST(a_blocked_source_is_as_if_nobody_lived_here),
		TEST(who_comes_too_fast_must_prove_its_address),
		TEST(strangers_that_never_finish_hold_few_slots),
		TEST(a_shut_door_keeps_its_connections),
		TEST(a_killed_peer_is_noticed_by_the_next_question),
		TEST(a_killed_peer_is_noticed_by_the_next_poke_likewise),
		TEST(a_living_peer_ignores_a_poke),
		TEST(nobody_is_poked_over_tcp),
		TEST(a_forged_report_only_makes_us_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
