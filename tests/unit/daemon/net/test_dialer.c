/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/dialer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

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

static struct maddr parse(const char *text)
{
	struct maddr a_;

	assert_ok(maddr_parse(bytes_str(text), &a_));
	return a_;
}

/* A port of loopback that accepts connections and never says a word. */
struct hole {
	int fd;
	struct maddr addr;
};

static struct hole hole_open(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct maddr_ip ip = {.family = 4, .ip = {127, 0, 0, 1}};
	socklen_t len = sizeof(sa);
	struct hole h = {.fd = socket(AF_INET, SOCK_STREAM, 0)};

	assert_int_equal(bind(h.fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(h.fd, 64), 0);
	assert_int_equal(getsockname(h.fd, (struct sockaddr *)&sa, &len), 0);
	ip.port = ntohs(sa.sin_port);
	maddr_from_ip_tcp(&ip, &h.addr);
	return h;
}

static struct dial *dial_all(const struct maddr *addrs, size_t count, const struct peer_id *expected,
	struct dial_outcome *ret)
{
	struct dial_request req = {.expected = *expected, .addrs = addrs, .addr_count = count,
		.id = 77, .on_done = on_dial_done, .arg = ret};
	struct dial *dial;

	*ret = (struct dial_outcome){.is_done = false};
	assert_ok(dialer_dial(a.dialer, &req, &dial));
	return dial;
}

static void the_winner_is_the_one_that_authenticates(void **state)
{
	struct hole h = hole_open();
	struct maddr addrs[2] = {h.addr, node_maddr(&b)};
	struct dial_outcome o;
	struct dialer_stats st;
	struct swarm_stats swarm;

	(void)state;
	(void)dial_all(addrs, 2, &b.id, &o);
	assert_true(dialer_is_dialling(a.dialer, &b.id));
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_true(peer_id_eq(&o.peer, &b.id));
	assert_true(o.conn == swarm_find(a.swarm, &b.id));
	assert_true(a.last_dial == 77 && b.last_dial == 0);
	assert_int_equal(o.attempts[1].stage, DIAL_DONE);
	assert_ok(o.attempts[1].err);
	assert_true(o.attempts[1].ns[DIAL_CONNECT] > 0 && o.attempts[1].ns[DIAL_SECURITY] > 0);
	assert_int_equal(o.attempts[0].stage, DIAL_SECURITY);
	assert_string_equal(o.attempts[0].why, "superseded");
	turn_times(l, 10);
	dialer_stats(a.dialer, &st);
	assert_int_equal(st.attempting, 0);
	assert_int_equal(st.dialling, 0);
	assert_int_equal(st.dials_ok, 1);
	swarm_stats(a.swarm, &swarm);
	assert_int_equal(swarm.conns, 1); /* the loser is closed */
	assert_false(dialer_is_dialling(a.dialer, &b.id));
	close(h.fd);
}

static void somebody_else_at_the_address_is_a_mismatch(void **state)
{
	struct maddr there;
	struct dial_outcome o;
	struct dialer_stats st;

	(void)state;
	maddr_from_ip_tcp(&c.addr, &there);
	(void)dial_all(&there, 1, &b.id, &o);
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_MISMATCH);
	assert_string_equal(o.why, "peer_id_mismatch");
	assert_int_equal(a.ups, 0);
	assert_true(peer_id_is_none(&o.peer));
	dialer_stats(a.dialer, &st);
	assert_int_equal(st.mismatched, 1);
}

static void a_mismatch_tells_more_than_a_time_out(void **state)
{
	struct hole h = hole_open();
	struct maddr addrs[2] = {h.addr};
	struct dial_outcome o;

	(void)state;
	maddr_from_ip_tcp(&c.addr, &addrs[1]);
	(void)dial_all(addrs, 2, &b.id, &o);
	for (int s = 0; s < 16; s++) {
		turn_times(l, 10);
		loop_skip_ms(l, 1000);
	}
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_MISMATCH);
	assert_err(o.attempts[0].err, P2P_ERR_TIMEOUT);
	close(h.fd);
}

static void an_address_that_names_another_peer_is_not_dialled(void **state)
{
	struct maddr there = node_maddr(&c);
	struct dial_outcome o;

	(void)state;
	(void)dial_all(&there, 1, &b.id, &o);
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_MISMATCH);
	assert_string_equal(o.why, "address_of_another_peer");
	assert_int_equal(o.attempts[0].stage, DIAL_WAITING);
}

static void without_an_expected_peer_anybody_may_answer(void **state)
{
	struct maddr there;
	struct dial_outcome o;

	(void)state;
	maddr_from_ip_tcp(&c.addr, &there);
	node_dial(&a, &there, NULL, &o);
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_true(peer_id_eq(&o.peer, &c.id));
}

static void the_peer_named_by_the_address_is_expected(void **state)
{
	struct maddr wrong;
	struct dial_outcome o;

	(void)state;
	maddr_from_ip_tcp(&c.addr, &wrong);
	assert_ok(maddr_append_peer(&wrong, &b.id));
	node_dial(&a, &wrong, NULL, &o);
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_MISMATCH);
}

static void a_refused_address_fails_at_connect_and_the_next_is_tried_at_once(void **state)
{
	struct maddr addrs[2];
	struct maddr_ip dead = {.family = 4, .ip = {127, 0, 0, 1}, .port = 1};
	struct dial_outcome o;

	(void)state;
	maddr_from_ip_tcp(&dead, &addrs[0]);
	addrs[1] = node_maddr(&b);
	(void)dial_all(addrs, 2, &b.id, &o);
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_int_equal(o.attempts[0].stage, DIAL_CONNECT);
	assert_err(o.attempts[0].err, P2P_ERR_REFUSED);
}

static void what_cannot_be_dialled_is_shown_and_not_tried(void **state)
{
	struct maddr addrs[3] = {parse("/ip4/192.0.2.1/udp/4100/quic"), parse("/dnsaddr/example.org"),
		parse("/ip4/224.0.0.1/tcp/4100")};
	struct dial_outcome o;

	(void)state;
	(void)dial_all(addrs, 3, &b.id, &o);
	assert_false(o.is_done);
	turn_until(l, o.is_done);
	assert_int_equal(o.attempt_count, 3);
	assert_err(o.attempts[0].err, P2P_ERR_UNSUPPORTED);
	assert_err(o.attempts[1].err, P2P_ERR_UNSUPPORTED);
	assert_err(o.attempts[2].err, P2P_ERR_UNREACHABLE);
	(void)dial_all(NULL, 0, &b.id, &o);
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_NOT_FOUND);
}

/* The next caller's first words, which have to hold `want`. */
static int next_caller(struct hole *h, const char *want)
{
	char heard[4096];
	ssize_t len = 0;
	int fd;

	turn_until(l, (fd = accept4(h->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	turn_until(l, (len = recv(fd, heard, sizeof(heard), 0)) > 0);
	assert_non_null(memmem(heard, (size_t)len, want, strlen(want)));
	return fd;
}

/* As go, rust and js do: what came behind a refused proposal is taken for words, and none it is. */
static void a_strict_peer_that_refuses_noise_is_dialled_anew_with_tls(void **state)
{
	static const char refusal[] = "\x13/multistream/1.0.0\n\x03na\n";
	struct hole h = hole_open();
	struct dial_outcome o;
	int fd;

	(void)state;
	assert_int_equal(fcntl(h.fd, F_SETFL, O_NONBLOCK), 0);
	(void)dial_all(&h.addr, 1, &b.id, &o);
	fd = next_caller(&h, "/noise");
	assert_int_equal(write(fd, refusal, sizeof(refusal) - 1), sizeof(refusal) - 1);
	close(fd);
	fd = next_caller(&h, "/tls/1.0.0");
	assert_int_equal(write(fd, refusal, sizeof(refusal) - 1), sizeof(refusal) - 1);
	close(fd);
	turn_until(l, o.is_done); /* there is no third */
	assert_err(o.err, P2P_ERR_UNSUPPORTED);
	assert_int_equal(o.attempts[0].stage, DIAL_SECURITY);
	close(h.fd);
}

static void ourselves_are_not_dialled(void **state)
{
	struct dial_request req = {.expected = a.id, .on_done = on_dial_done};
	struct dial *dial;

	(void)state;
	assert_err(dialer_dial(a.dialer, &req, &dial), P2P_ERR_INVALID);
}

static void a_peer_that_never_answers_ends_after_fifteen_seconds(void **state)
{
	struct hole h = hole_open();
	struct dial_outcome o;

	(void)state;
	(void)dial_all(&h.addr, 1, &b.id, &o);
	for (int s = 0; s < 14; s++) {
		turn_times(l, 5);
		/* The handshake's own patience may be over first, but never later. */
		if (o.is_done)
			break;
		loop_skip_ms(l, 1000);
	}
	loop_skip_ms(l, 1001);
	turn_until(l, o.is_done);
	assert_err(o.err, P2P_ERR_TIMEOUT);
	assert_int_equal(o.attempts[0].stage, DIAL_SECURITY);
	assert_true(o.attempts[0].ns[DIAL_SECURITY] >= 9 * NS_PER_SEC);
	close(h.fd);
}

static void at_most_eight_addresses_are_tried_at_once(void **state)
{
	struct hole h[12];
	struct maddr addrs[12];
	struct dial_outcome o;
	struct dialer_stats st;
	unsigned most = 0;
	struct dial *dial;

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		h[i] = hole_open();
		addrs[i] = h[i].addr;
	}
	dial = dial_all(addrs, 12, &b.id, &o);
	for (int i = 0; i < 40; i++) {
		loop_skip_ms(l, DIAL_STEP_NEAR_MS);
		turn_times(l, 3);
		dialer_stats(a.dialer, &st);
		most = st.attempting > most ? st.attempting : most;
	}
	assert_int_equal(most, DIAL_PARALLEL_PER_PEER);
	dial_cancel(dial);
	turn_times(l, 5);
	assert_false(o.is_done);
	dialer_stats(a.dialer, &st);
	assert_int_equal(st.attempting, 0);
	for (size_t i = 0; i < 12; i++)
		close(h[i].fd);
}

static void addresses_are_started_one_step_apart(void **state)
{
	struct hole h[3] = {hole_open(), hole_open(), hole_open()};
	struct maddr addrs[3] = {h[0].addr, h[1].addr, h[2].addr};
	struct dial_outcome o;
	struct dialer_stats st;
	struct dial *dial = dial_all(addrs, 3, &b.id, &o);

	(void)state;
	dialer_stats(a.dialer, &st);
	assert_int_equal(st.attempts, 1);
	loop_skip_ms(l, DIAL_STEP_NEAR_MS);
	turn_times(l, 2);
	dialer_stats(a.dialer, &st);
	assert_int_equal(st.attempts, 2);
	dial_cancel(dial);
	for (size_t i = 0; i < 3; i++)
		close(h[i].fd);
}

static void an_existing_connection_may_be_the_answer(void **state)
{
	struct maddr there = node_maddr(&b);
	uint64_t conn = nodes_connect(&a, &b);
	struct dial_outcome o = {.is_done = false};
	struct dial_request req = {.expected = b.id, .addrs = &there, .addr_count = 1, .may_reuse = true,
		.on_done = on_dial_done, .arg = &o};
	struct dial *dial;

	(void)state;
	assert_ok(dialer_dial(a.dialer, &req, &dial));
	assert_false(o.is_done);
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_true(o.conn == conn);
	assert_int_equal(o.attempt_count, 0);
}

static void a_trace_ends_after_identify(void **state)
{
	struct maddr there = node_maddr(&b);
	struct dial_outcome o = {.is_done = false};
	struct dial_request req = {.addrs = &there, .addr_count = 1, .wants_identify = true,
		.on_done = on_dial_done, .arg = &o};
	struct dial *dial;

	(void)state;
	assert_ok(dialer_dial(a.dialer, &req, &dial));
	turn_until(l, o.is_done);
	assert_ok(o.err);
	assert_int_equal(a.identified, 1);
	assert_int_equal(o.attempts[0].stage, DIAL_DONE);
	assert_true(o.attempts[0].ns[DIAL_IDENTIFY] > 0);
	assert_string_equal(dial_stage_name(o.attempts[0].stage), "done");
}

static void dials_in_progress_end_silently_with_the_dialer(void **state)
{
	struct hole h = hole_open();
	struct dial_outcome o;

	(void)state;
	(void)dial_all(&h.addr, 1, &b.id, &o);
	turn_times(l, 3);
	dialer_free(a.dialer);
	a.dialer = NULL;
	turn_times(l, 3);
	assert_false(o.is_done);
	close(h.fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_winner_is_the_one_that_authenticates),
		TEST(somebody_else_at_the_address_is_a_mismatch),
		TEST(a_mismatch_tells_more_than_a_time_out),
		TEST(an_address_that_names_another_peer_is_not_dialled),
		TEST(without_an_expected_peer_anybody_may_answer),
		TEST(the_peer_named_by_the_address_is_expected),
		TEST(a_refused_address_fails_at_connect_and_the_next_is_tried_at_once),
		TEST(what_cannot_be_dialled_is_shown_and_not_tried),
		TEST(a_strict_peer_that_refuses_noise_is_dialled_anew_with_tls),
		TEST(ourselves_are_not_dialled),
		TEST(a_peer_that_never_answers_ends_after_fifteen_seconds),
		TEST(at_most_eight_addresses_are_tried_at_once),
		TEST(addresses_are_started_one_step_apart),
		TEST(an_existing_connection_may_be_the_answer),
		TEST(a_trace_ends_after_identify),
		TEST(dials_in_progress_end_silently_with_the_dialer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
