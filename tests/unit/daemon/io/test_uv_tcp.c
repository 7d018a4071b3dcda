/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/io/uv_tcp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "daemon/io/interfaces.h"
#include "tests/lib/turns.h"

static struct loop *l;

struct end {
	struct flow *flow;
	struct buf got;
	int err;
	bool is_over, has_room;
};

static void on_data(void *arg, struct bytes in)
{
	struct end *e = arg;

	assert_ok(buf_put(&e->got, in));
}

static void on_room(void *arg)
{
	((struct end *)arg)->has_room = true;
}

static void on_end(void *arg, int err)
{
	struct end *e = arg;

	assert_false(e->is_over);
	e->is_over = true;
	e->err = err;
}

static const struct flow_handler handler = {on_data, on_room, on_end};

struct door_log {
	struct end accepted;
	int knocks, accepts, starved;
	bool refuses;
	struct maddr_ip remote;
};

static bool on_knock(void *arg, const struct maddr_ip *remote)
{
	struct door_log *d = arg;

	d->knocks++;
	d->remote = *remote;
	return !d->refuses;
}

static void on_accept(void *arg, struct flow *take_flow, const struct maddr_ip *remote,
	const struct maddr_ip *local)
{
	struct door_log *d = arg;

	(void)remote;
	assert_int_not_equal(local->port, 0);
	d->accepts++;
	flow_close(d->accepted.flow);
	d->accepted.flow = take_flow;
	flow_start(take_flow, &handler, &d->accepted);
}

static void on_starved(void *arg)
{
	((struct door_log *)arg)->starved++;
}

static const struct tcp_listen_handler doors = {on_knock, on_accept, on_starved};

struct dialled {
	struct end end;
	int err;
	bool is_done;
};

static void on_dialled(void *arg, int err, struct flow *take_flow)
{
	struct dialled *d = arg;

	d->is_done = true;
	d->err = err;
	d->end.flow = take_flow;
	if (take_flow)
		flow_start(take_flow, &handler, &d->end);
}

static struct maddr_ip loopback4(void)
{
	return (struct maddr_ip){.family = 4, .ip = {127, 0, 0, 1}};
}

static void end_deinit(struct end *e)
{
	flow_close(e->flow);
	buf_deinit(&e->got);
}

static int setup(void **state)
{
	(void)state;
	return loop_new(&l);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(l);
	return 0;
}

/* A listener and a connection to it. */
static void connect_pair(struct door_log *door, struct tcp_listener **t, struct dialled *d)
{
	struct maddr_ip addr = loopback4();
	struct tcp_dial *dial;

	assert_ok(tcp_listen(l, &addr, &doors, door, t));
	tcp_listener_addr(*t, &addr);
	assert_int_not_equal(addr.port, 0);
	assert_ok(tcp_dial(l, &addr, 5000, on_dialled, d, &dial));
	assert_false(d->is_done);
	turn_until(l, d->is_done && door->accepts == 1);
	assert_ok(d->err);
}

static void bytes_travel_both_ways(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct tcp_listener *t;
	struct maddr_ip local, remote, far_local, far_remote;

	(void)state;
	connect_pair(&door, &t, &d);
	assert_ok(flow_write(d.end.flow, BYTES_LIT("there")));
	assert_ok(flow_write(door.accepted.flow, BYTES_LIT("back")));
	turn_until(l, door.accepted.got.len == 5 && d.end.got.len == 4);
	assert_bytes(buf_bytes(&door.accepted.got), BYTES_LIT("there"));
	assert_bytes(buf_bytes(&d.end.got), BYTES_LIT("back"));
	assert_int_equal(flow_bytes_out(d.end.flow), 5);
	assert_int_equal(flow_bytes_in(d.end.flow), 4);
	assert_ok(tcp_addresses(d.end.flow, &local, &remote));
	assert_ok(tcp_addresses(door.accepted.flow, &far_local, &far_remote));
	assert_int_equal(local.port, far_remote.port);
	assert_int_equal(remote.port, far_local.port);
	assert_int_equal(door.remote.port, local.port);
	end_deinit(&d.end);
	turn_until(l, door.accepted.is_over);
	assert_err(door.accepted.err, P2P_ERR_CLOSED);
	end_deinit(&door.accepted);
	tcp_listener_close(t);
}

static void what_the_kernel_does_not_take_is_kept_and_sent_later(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct tcp_listener *t;
	size_t total = 8 * 1024 * 1024;
	uint8_t *data = malloc(total);

	(void)state;
	for (size_t i = 0; i < total; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	connect_pair(&door, &t, &d);
	flow_pause(door.accepted.flow);
	assert_ok(flow_write(d.end.flow, bytes_of(data, total)));
	assert_true(flow_queued(d.end.flow) > 0);
	assert_true(flow_queued(d.end.flow) < total);
	turn_times(l, 5);
	assert_false(d.end.has_room);
	assert_int_equal(flow_bytes_out(d.end.flow) + flow_queued(d.end.flow), total);
	flow_resume(door.accepted.flow);
	turn_until(l, door.accepted.got.len == total);
	assert_bytes(buf_bytes(&door.accepted.got), bytes_of(data, total));
	turn_until(l, d.end.has_room);
	assert_int_equal(flow_queued(d.end.flow), 0);
	end_deinit(&d.end);
	end_deinit(&door.accepted);
	tcp_listener_close(t);
	free(data);
}

static void a_queue_has_a_bound(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct tcp_listener *t;
	uint8_t *data = calloc(1, FLOW_QUEUE_BYTES_MAX);
	int err = 0;

	(void)state;
	connect_pair(&door, &t, &d);
	flow_pause(door.accepted.flow);
	for (int i = 0; i < 3 && !err; i++)
		err = flow_write(d.end.flow, bytes_of(data, FLOW_QUEUE_BYTES_MAX / 2 + 1024 * 1024));
	assert_err(err, P2P_ERR_FULL);
	assert_true(flow_queued(d.end.flow) <= FLOW_QUEUE_BYTES_MAX);
	end_deinit(&d.end);
	end_deinit(&door.accepted);
	tcp_listener_close(t);
	free(data);
}

static void closing_after_writing_lets_the_last_bytes_leave(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct tcp_listener *t;
	size_t total = 4 * 1024 * 1024;
	uint8_t *data = calloc(1, total);

	(void)state;
	connect_pair(&door, &t, &d);
	flow_pause(door.accepted.flow);
	assert_ok(flow_write(d.end.flow, bytes_of(data, total)));
	assert_true(flow_queued(d.end.flow) > 0);
	flow_close_after_write(d.end.flow, 60000);
	d.end.flow = NULL;
	flow_resume(door.accepted.flow);
	turn_until(l, door.accepted.is_over);
	assert_int_equal(door.accepted.got.len, total);
	assert_err(door.accepted.err, P2P_ERR_CLOSED);
	end_deinit(&door.accepted);
	buf_deinit(&d.end.got);
	tcp_listener_close(t);
	free(data);
}

static void lingering_ends_when_its_time_is_over_or_the_loop_goes(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct tcp_listener *t;
	size_t total = 8 * 1024 * 1024;
	uint8_t *data = calloc(1, total);

	(void)state;
	connect_pair(&door, &t, &d);
	flow_pause(door.accepted.flow);
	assert_ok(flow_write(d.end.flow, bytes_of(data, total)));
	flow_close_after_write(d.end.flow, 1000);
	loop_skip_ms(l, 1001);
	turn_times(l, 2);
	flow_resume(door.accepted.flow);
	turn_until(l, door.accepted.is_over);
	assert_true(door.accepted.got.len < total);
	end_deinit(&door.accepted);
	tcp_listener_close(t);
	free(data); /* teardown would not end if loop_free() waited for anything */
}

static int highest_fd(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void lingering_ends_when_the_other_side_is_gone(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct tcp_listener *t;
	size_t total = 8 * 1024 * 1024;
	uint8_t *data = calloc(1, total);
	int before;

	(void)state;
	connect_pair(&door, &t, &d);
	before = open_fds();
	flow_pause(door.accepted.flow);
	assert_ok(flow_write(d.end.flow, bytes_of(data, total)));
	flow_close_after_write(d.end.flow, INT64_C(1000000000));
	end_deinit(&door.accepted); /* with bytes unread: a reset */
	tcp_listener_close(t);
	turn_until(l, open_fds() == before - 4); /* both ends, the door and its reserve */
	free(data);
}

static void writing_to_a_dead_connection_is_told_once_and_later(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct tcp_listener *t;

	(void)state;
	connect_pair(&door, &t, &d);
	flow_close(door.accepted.flow);
	door.accepted.flow = NULL;
	turn_until(l, d.end.is_over);
	assert_err(flow_write(d.end.flow, BYTES_LIT("late")), P2P_ERR_CLOSED);
	end_deinit(&d.end);
	tcp_listener_close(t);
}

static void a_refused_knock_costs_no_flow(void **state)
{
	struct door_log door = {.refuses = true};
	struct dialled d = {.err = 0};
	struct maddr_ip addr = loopback4();
	struct tcp_listener *t;
	struct tcp_dial *dial;

	(void)state;
	assert_ok(tcp_listen(l, &addr, &doors, &door, &t));
	tcp_listener_addr(t, &addr);
	assert_ok(tcp_dial(l, &addr, 5000, on_dialled, &d, &dial));
	turn_until(l, d.is_done && (d.err || d.end.is_over));
	assert_int_equal(door.knocks, 1);
	assert_int_equal(door.accepts, 0);
	end_deinit(&d.end);
	tcp_listener_close(t);
}

static void a_port_in_use_is_busy(void **state)
{
	struct door_log door = {.knocks = 0};
	struct maddr_ip addr = loopback4(), foreign = {.family = 4, .ip = {203, 0, 113, 7}, .port = 4100};
	struct tcp_listener *t, *second;

	(void)state;
	assert_ok(tcp_listen(l, &addr, &doors, &door, &t));
	tcp_listener_addr(t, &addr);
	assert_err(tcp_listen(l, &addr, &doors, &door, &second), P2P_ERR_BUSY);
	assert_err(tcp_listen(l, &foreign, &doors, &door, &second), P2P_ERR_UNREACHABLE);
	tcp_listener_close(t);
}

static void both_families_share_a_port(void **state)
{
	struct door_log door = {.knocks = 0};
	struct maddr_ip v6 = {.family = 6}, v4 = {.family = 4};
	struct tcp_listener *six, *four;

	(void)state;
	if (tcp_listen(l, &v6, &doors, &door, &six) != 0)
		skip(); /* a machine without IPv6 */
	tcp_listener_addr(six, &v6);
	v4.port = v6.port;
	assert_ok(tcp_listen(l, &v4, &doors, &door, &four));
	tcp_listener_close(six);
	tcp_listener_close(four);
}

static void a_dial_fails_with_the_reason(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0};
	struct maddr_ip addr = loopback4();
	struct tcp_listener *t;
	struct tcp_dial *dial;

	(void)state;
	assert_ok(tcp_listen(l, &addr, &doors, &door, &t));
	tcp_listener_addr(t, &addr);
	tcp_listener_close(t);
	assert_ok(tcp_dial(l, &addr, 5000, on_dialled, &d, &dial));
	assert_false(d.is_done);
	turn_until(l, d.is_done);
	assert_err(d.err, P2P_ERR_REFUSED);
	assert_null(d.end.flow);
}

/* A listening socket whose queue is full answers nobody: the closest thing to a black hole that
 * loopback has. */
static void a_dial_that_nobody_answers_times_out(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int hole = socket(AF_INET, SOCK_STREAM, 0), filler[8];
	struct maddr_ip addr = loopback4();
	struct dialled d = {.err = 0};
	struct tcp_dial *dial;

	(void)state;
	assert_int_equal(bind(hole, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(hole, 0), 0);
	assert_int_equal(getsockname(hole, (struct sockaddr *)&sa, &len), 0);
	for (size_t i = 0; i < 8; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(filler[i], (struct sockaddr *)&sa, sizeof(sa));
	}
	addr.port = ntohs(sa.sin_port);
	assert_ok(tcp_dial(l, &addr, 5000, on_dialled, &d, &dial));
	turn_times(l, 5);
	assert_false(d.is_done);
	loop_skip_ms(l, 5000);
	turn_until(l, d.is_done);
	assert_err(d.err, P2P_ERR_TIMEOUT);
	d.is_done = false;
	assert_ok(tcp_dial(l, &addr, 5000, on_dialled, &d, &dial));
	turn_times(l, 2);
	tcp_dial_cancel(dial);
	turn_times(l, 2);
	assert_false(d.is_done);
	for (size_t i = 0; i < 8; i++)
		close(filler[i]);
	close(hole);
}

static void out_of_descriptors_newcomers_are_closed_and_the_rest_goes_on(void **state)
{
	struct door_log door = {.knocks = 0};
	struct dialled d = {.err = 0}, second = {.err = 0};
	struct tcp_listener *t;
	struct tcp_dial *dial;
	struct rlimit before, tight;
	struct maddr_ip addr;
	int fd;

	(void)state;
	connect_pair(&door, &t, &d);
	tcp_listener_addr(t, &addr);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); /* the newcomer's, made while there are some */
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(addr.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)highest_fd();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	(void)connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	turn_until(l, door.starved == 1);
	assert_int_equal(door.accepts, 1);
	/* The newcomer was hung up on: its end reads the end of the stream, or a reset. */
	(void)fcntl(fd, F_SETFL, 0);
	assert_true(read(fd, &(char){0}, 1) <= 0);
	/* Those who are in notice nothing. */
	assert_ok(flow_write(d.end.flow, BYTES_LIT("still here")));
	turn_until(l, door.accepted.got.len == 10);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	loop_skip_ms(l, 1000);
	assert_ok(tcp_dial(l, &addr, 5000, on_dialled, &second, &dial));
	turn_until(l, second.is_done && door.accepts == 2);
	close(fd);
	end_deinit(&d.end);
	end_deinit(&second.end);
	end_deinit(&door.accepted);
	tcp_listener_close(t);
}

static void this_machine_has_a_loopback_address(void **state)
{
	struct maddr_ip ips[INTERFACE_IPS_MAX], want = loopback4();
	size_t count = interface_ips(ips, INTERFACE_IPS_MAX);
	bool found = false;

	(void)state;
	for (size_t i = 0; i < count; i++)
		found = found || (ips[i].family == 4 && memcmp(ips[i].ip, want.ip, 4) == 0);
	assert_true(found);
	assert_int_equal(interface_ips(ips, 1), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_travel_both_ways),
		TEST(what_the_kernel_does_not_take_is_kept_and_sent_later),
		TEST(a_queue_has_a_bound),
		TEST(closing_after_writing_lets_the_last_bytes_leave),
		TEST(lingering_ends_when_its_time_is_over_or_the_loop_goes),
		TEST(lingering_ends_when_the_other_side_is_gone),
		TEST(writing_to_a_dead_connection_is_told_once_and_later),
		TEST(a_refused_knock_costs_no_flow),
		TEST(a_port_in_use_is_busy),
		TEST(both_families_share_a_port),
		TEST(a_dial_fails_with_the_reason),
		TEST(a_dial_that_nobody_answers_times_out),
		TEST(out_of_descriptors_newcomers_are_closed_and_the_rest_goes_on),
		TEST(this_machine_has_a_loopback_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
