/* SPDX-License-Identifier: Apache-2.0 */
/* Over loopback, and with a kernel that refuses what a test tells it to: the two calls that send are
 * defined here and stand in front of those of the C library. */
#include "daemon/io/uv_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/io/udp_private.h"
#include "tests/lib/turns.h"

static struct loop *l;

/* --- the kernel --- */

static struct {
	int train_errno;    /* of every sendmsg(): trains in one piece; 0 = works */
	int piece_errno;    /* of sendmmsg(), once `pieces_left` is used up */
	int pieces_left;    /* how many it takes before; it then forgets the error if told so */
	bool is_passing;    /* piece_errno is told once */
	int trains, pieces; /* calls */
} kernel;

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	kernel.trains++;
	if (kernel.train_errno) {
		errno = kernel.train_errno;
		return -1;
	}
	return syscall(SYS_sendmsg, fd, msg, flags);
}

int sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	kernel.pieces++;
	if (kernel.piece_errno) {
		if (kernel.pieces_left == 0) {
			errno = kernel.piece_errno;
			if (kernel.is_passing)
				kernel.piece_errno = 0;
			return -1;
		}
		count = count < (unsigned)kernel.pieces_left ? count : (unsigned)kernel.pieces_left;
		kernel.pieces_left -= (int)count;
	}
	return (int)syscall(SYS_sendmmsg, fd, msgs, count, flags);
}

/* --- one end --- */

#define GOT_MAX 4096

struct end {
	struct udp_socket *u;
	struct maddr_ip addr;
	struct buf got;            /* all bytes in order */
	size_t lengths[GOT_MAX];
	size_t count;
	struct datagram last;      /* its data is gone */
	size_t batch, batch_max, batches, batch_first;
	int rooms;
	size_t close_after;        /* datagrams; 0 = never */
	bool closes_at_batch_end, closes_on_room;
	int64_t busy_ns;           /* that each datagram takes */
	int unreachable;           /* told how often, with this: */
	struct maddr_ip nobody;
	int err;
	bool closes_on_unreachable;
};

static void end_close(struct end *e)
{
	udp_close(e->u);
	e->u = NULL;
}

static void on_datagram(void *arg, const struct datagram *in)
{
	struct end *e = arg;
	int64_t until = loop_clock(l).ns + e->busy_ns;

	assert_non_null(e->u);
	assert_true(e->count < GOT_MAX);
	assert_ok(buf_put(&e->got, in->data));
	e->lengths[e->count++] = in->data.len;
	e->last = *in;
	e->batch++;
	while (e->busy_ns && loop_clock(l).ns < until)
		;
	if (e->close_after && e->count == e->close_after)
		end_close(e);
}

static void on_batch_end(void *arg)
{
	struct end *e = arg;

	assert_non_null(e->u);
	if (e->batches++ == 0)
		e->batch_first = e->batch;
	else if (e->batch > e->batch_max)
		e->batch_max = e->batch;
	e->batch = 0;
	if (e->closes_at_batch_end)
		end_close(e);
}

static void on_room(void *arg)
{
	struct end *e = arg;

	assert_non_null(e->u);
	e->rooms++;
	if (e->closes_on_room)
		end_close(e);
}

static void on_unreachable(void *arg, const struct maddr_ip *remote, int err)
{
	struct end *e = arg;

	assert_non_null(e->u);
	e->unreachable++;
	e->nobody = *remote;
	e->err = err;
	if (e->closes_on_unreachable)
		end_close(e);
}

static const struct udp_handler handler = {on_datagram, on_batch_end, on_room, on_unreachable};
static const struct udp_handler deaf_handler = {on_datagram, NULL, on_room, NULL};

static struct maddr_ip loopback(uint8_t family)
{
	struct maddr_ip four = {.family = 4, .ip = {127, 0, 0, 1}}, six = {.family = 6};

	six.ip[15] = 1;
	return family == 4 ? four : six;
}

static bool has_family(uint8_t family)
{
	struct maddr_ip addr = loopback(family);
	struct udp_socket *u;

	if (udp_open(l, &addr, &handler, NULL, &u) != 0)
		return false;
	udp_close(u);
	return true;
}

static void end_open_at(struct end *e, struct maddr_ip addr)
{
	*e = (struct end){.got = BUF_INIT};
	assert_ok(udp_open(l, &addr, &handler, e, &e->u));
	udp_addr(e->u, &e->addr);
	assert_int_not_equal(e->addr.port, 0);
}

static void end_deinit(struct end *e)
{
	udp_close(e->u);
	buf_deinit(&e->got);
}

static void forget(struct end *e)
{
	buf_reset(&e->got);
	e->count = e->batch_max = e->batches = e->batch_first = 0;
}

static void open_pair(uint8_t family, struct end *a, struct end *b)
{
	end_open_at(a, loopback(family));
	end_open_at(b, loopback(family));
}

static uint8_t pattern[DATAGRAM_BYTES_MAX];

static struct datagram_train train_to(const struct end *to, size_t segment)
{
	return (struct datagram_train){.path.remote = to->addr, .segment = segment};
}

static void send_train(struct end *from, const struct end *to, size_t segment, size_t bytes)
{
	struct datagram_train t = train_to(to, segment);

	udp_send(from->u, &t, bytes_of(pattern, bytes));
}

static void assert_train(const struct end *e, size_t segment, size_t bytes)
{
	size_t count = (bytes + segment - 1) / segment;

	assert_int_equal(e->count, count);
	assert_bytes(buf_bytes(&e->got), bytes_of(pattern, bytes));
	for (size_t i = 0; i + 1 < count; i++)
		assert_int_equal(e->lengths[i], segment);
	assert_int_equal(e->lengths[count - 1], bytes - segment * (count - 1));
}

static struct udp_stats stats_of(const struct end *e)
{
	struct udp_stats s;

	udp_stats(e->u, &s);
	return s;
}

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 131 >> 4);
	return loop_new(&l);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(l);
	return 0;
}

/* --- what travels --- */

static void datagrams_travel_both_ways(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct end a, b;

		if (!has_family(family))
			continue; /* a machine without IPv6 */
		open_pair(family, &a, &b);
		send_train(&a, &b, 100, 100);
		turn_until(l, b.count == 1);
		assert_train(&b, 100, 100);
		assert_memory_equal(&b.last.path.remote, &a.addr, sizeof(a.addr));
		assert_memory_equal(&b.last.path.local, &b.addr, sizeof(b.addr));
		send_train(&b, &a, 200, 150);
		turn_until(l, a.count == 1);
		assert_train(&a, 150, 150);
		end_deinit(&a);
		end_deinit(&b);
	}
}

/* Every length of train, its last datagram shorter by more each time. */
static void all_trains(struct end *a, struct end *b, size_t segment)
{
	for (size_t n = 1; n <= DATAGRAM_TRAIN_MAX && n * segment <= DATAGRAM_TRAIN_BYTES; n++) {
		size_t bytes = n * segment - n * (segment / 70);

		forget(b);
		send_train(a, b, segment, bytes);
		turn_until(l, b->count == n);
		assert_train(b, segment, bytes);
	}
}

static void trains_arrive_datagram_by_datagram(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct end a, b;

		if (!has_family(family))
			continue;
		open_pair(family, &a, &b);
		all_trains(&a, &b, 1200);
		all_trains(&a, &b, 71);
		all_trains(&a, &b, 9000);
		end_deinit(&a);
		end_deinit(&b);
	}
}

static void trains_arrive_where_the_kernel_cannot_keep_them_together(void **state)
{
	struct end a, b;
	int off = 0;

	(void)state;
	open_pair(4, &a, &b);
	(void)setsockopt(b.u->fd, IPPROTO_UDP, UDP_GRO, &off, sizeof(off));
	all_trains(&a, &b, 1000);
	end_deinit(&a);
	end_deinit(&b);
}

static void a_train_is_one_system_call_on_each_side(void **state)
{
	struct end a, b;
	struct udp_stats out, in;

	(void)state;
	open_pair(4, &a, &b);
	out = stats_of(&a);
	in = stats_of(&b);
	if (!out.has_gso || !in.has_gro)
		skip(); /* a kernel before 5.0 */
	send_train(&a, &b, 1000, 39500);
	turn_until(l, b.count == 40);
	out = stats_of(&a);
	in = stats_of(&b);
	assert_int_equal(out.calls_out, 1);
	assert_int_equal(out.datagrams_out, 40);
	assert_int_equal(out.bytes_out, 39500);
	assert_int_equal(in.calls_in, 1);
	assert_int_equal(in.datagrams_in, 40);
	assert_int_equal(in.bytes_in, 39500);
	assert_int_equal(out.errors + out.dropped + in.errors + in.dropped, 0);
	assert_true(in.rcvbuf_bytes > 0);
	end_deinit(&a);
	end_deinit(&b);
}

static void the_longest_datagram_arrives(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	send_train(&a, &b, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX);
	turn_until(l, b.count == 1);
	assert_train(&b, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX);
	end_deinit(&a);
	end_deinit(&b);
}

static void an_empty_datagram_is_told(void **state)
{
	struct sockaddr_storage sa;
	socklen_t len;
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	len = ip_to_sockaddr(&b.addr, &sa);
	assert_int_equal(sendto(a.u->fd, "", 0, 0, (struct sockaddr *)&sa, len), 0);
	turn_until(l, b.count == 1);
	assert_int_equal(b.lengths[0], 0);
	end_deinit(&a);
	end_deinit(&b);
}

static void congestion_bits_travel(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct end a, b;

		if (!has_family(family))
			continue;
		open_pair(family, &a, &b);
		for (uint8_t ecn = 0; ecn <= 3; ecn++) {
			for (size_t n = 1; n <= 3; n += 2) { /* alone, and as a train */
				struct datagram_train t = train_to(&b, 500);

				t.ecn = ecn;
				forget(&b);
				udp_send(a.u, &t, bytes_of(pattern, 500 * n));
				turn_until(l, b.count == n);
				assert_int_equal(b.last.ecn, ecn);
			}
		}
		end_deinit(&a);
		end_deinit(&b);
	}
}

static void a_socket_bound_to_any_knows_and_chooses_its_address(void **state)
{
	struct maddr_ip any = {.family = 4}, second = {.family = 4, .ip = {127, 0, 0, 2}};
	struct end a, b;

	(void)state;
	end_open_at(&a, any);
	end_open_at(&b, loopback(4));
	for (uint8_t last = 1; last <= 2; last++) {
		struct datagram_train t = {.segment = 10};

		/* To either of its addresses … */
		second.ip[3] = last;
		second.port = a.addr.port;
		t.path.remote = second;
		udp_send(b.u, &t, bytes_of(pattern, 10));
		turn_until(l, a.count == last);
		assert_memory_equal(&a.last.path.local, &second, sizeof(second));
		/* … and back from the same, alone and as a train. */
		for (size_t n = 1; n <= 2; n++) {
			forget(&b);
			t.path = a.last.path;
			udp_send(a.u, &t, bytes_of(pattern, 10 * n));
			turn_until(l, b.count == n);
			assert_memory_equal(&b.last.path.remote, &second, sizeof(second));
		}
	}
	end_deinit(&a);
	end_deinit(&b);
}

static void bound_to_any_of_ipv6_too(void **state)
{
	struct maddr_ip any = {.family = 6}, want = loopback(6);
	struct datagram_train t = {.segment = 10};
	struct end a, b;

	(void)state;
	if (!has_family(6))
		skip();
	end_open_at(&a, any);
	end_open_at(&b, loopback(6));
	want.port = a.addr.port;
	t.path.remote = want;
	udp_send(b.u, &t, bytes_of(pattern, 10));
	turn_until(l, a.count == 1);
	assert_memory_equal(&a.last.path.local, &want, sizeof(want));
	t.path = a.last.path;
	udp_send(a.u, &t, bytes_of(pattern, 10));
	turn_until(l, b.count == 1);
	assert_memory_equal(&b.last.path.remote, &want, sizeof(want));
	end_deinit(&a);
	end_deinit(&b);
}

/* --- the bounds of a turn --- */

static void a_burst_is_read_in_several_turns(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	for (int i = 0; i < 150; i++)
		send_train(&a, &b, 20, 20);
	turn_until(l, b.count == 150);
	assert_int_equal(b.batch_first, UDP_DATAGRAMS_PER_TURN);
	assert_int_equal(b.batch_max, UDP_DATAGRAMS_PER_TURN);
	assert_true(b.batches >= 3);
	end_deinit(&a);
	end_deinit(&b);
}

static void a_burst_of_trains_is_too(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	send_train(&a, &b, 20, 20 * 40);
	turn_until(l, b.count == 40); /* now it knows how long they are */
	forget(&b);
	for (int i = 0; i < 20; i++)
		send_train(&a, &b, 20, 20 * 40);
	turn_until(l, b.count == 20 * 40);
	assert_true(b.batch_first < 2 * UDP_DATAGRAMS_PER_TURN);
	assert_true(b.batch_max < 2 * UDP_DATAGRAMS_PER_TURN);
	end_deinit(&a);
	end_deinit(&b);
}

static void work_that_takes_long_ends_the_turn_earlier(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	b.busy_ns = UDP_NS_PER_TURN;
	for (int i = 0; i < 24; i++)
		send_train(&a, &b, 20, 20);
	turn_until(l, b.count == 24);
	assert_true(b.batch_first < 24);
	assert_true(b.batch_max < 24);
	end_deinit(&a);
	end_deinit(&b);
}

/* --- a kernel that will not --- */

static void without_segmentation_a_train_is_cut_here_from_then_on(void **state)
{
	static const int reasons[] = {EIO, EINVAL};

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		struct end a, b;

		memset(&kernel, 0, sizeof(kernel));
		open_pair(4, &a, &b);
		kernel.train_errno = reasons[i];
		all_trains(&a, &b, 1000);
		assert_false(stats_of(&a).has_gso);
		assert_int_equal(stats_of(&a).errors, 0);
		assert_true(kernel.trains <= 2); /* none at all on a kernel without */
		end_deinit(&a);
		end_deinit(&b);
	}
}

static void a_path_that_fails_anyhow_does_not_end_segmentation(void **state)
{
	struct maddr_ip any = {.family = 4}, foreign = {.family = 4, .ip = {203, 0, 113, 7}};
	struct datagram_train t;
	struct end a, b;

	(void)state;
	end_open_at(&a, any);
	end_open_at(&b, loopback(4));
	if (!stats_of(&a).has_gso)
		skip();
	t = train_to(&b, 100);
	t.path.local = foreign; /* no address of this machine: the kernel itself says EINVAL */
	udp_send(a.u, &t, bytes_of(pattern, 1000));
	assert_true(stats_of(&a).has_gso);
	assert_int_equal(stats_of(&a).errors, 1);
	assert_false(udp_is_blocked(a.u));
	/* Older kernels say EINVAL of a segment that is too long for the path. */
	kernel.train_errno = EINVAL;
	kernel.piece_errno = EMSGSIZE;
	send_train(&a, &b, 100, 1000);
	assert_true(stats_of(&a).has_gso);
	assert_int_equal(stats_of(&a).errors, 2);
	assert_int_equal(stats_of(&a).too_large, 1);
	memset(&kernel, 0, sizeof(kernel));
	send_train(&a, &b, 100, 1000);
	turn_until(l, b.count == 10);
	end_deinit(&a);
	end_deinit(&b);
}

static void what_is_too_large_for_the_path_is_counted_and_never_cut(void **state)
{
	struct udp_stats s;
	struct end a, b;
	int value = 0;
	socklen_t len = sizeof(value);

	(void)state;
	if (!has_family(6))
		skip();
	open_pair(6, &a, &b);
	send_train(&a, &b, 65500, 65500); /* with its headers more than loopback's 65,536 */
	s = stats_of(&a);
	assert_int_equal(s.errors, 1);
	assert_int_equal(s.too_large, 1);
	assert_int_equal(s.datagrams_out, 0);
	assert_int_equal(getsockopt(a.u->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &value, &len), 0);
	assert_int_equal(value, IPV6_PMTUDISC_PROBE);
	end_deinit(&a);
	end_deinit(&b);
	open_pair(4, &a, &b);
	assert_int_equal(getsockopt(a.u->fd, IPPROTO_IP, IP_MTU_DISCOVER, &value, &len), 0);
	assert_int_equal(value, IP_PMTUDISC_PROBE);
	end_deinit(&a);
	end_deinit(&b);
}

static void without_room_the_rest_of_a_train_waits(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	kernel.train_errno = EIO;
	kernel.piece_errno = EAGAIN;
	kernel.pieces_left = 7;
	send_train(&a, &b, 1000, 29500);
	assert_true(udp_is_blocked(a.u));
	assert_int_equal(stats_of(&a).datagrams_out, 7);
	send_train(&a, &b, 10, 10); /* dropped */
	assert_int_equal(stats_of(&a).dropped, 1);
	turn_until(l, b.count == 7);
	turn_times(l, 3); /* still no room, although the loop asks */
	assert_true(udp_is_blocked(a.u));
	assert_int_equal(a.rooms, 0);
	kernel.piece_errno = 0;
	turn_until(l, a.rooms == 1 && b.count == 30);
	assert_train(&b, 1000, 29500);
	assert_false(udp_is_blocked(a.u));
	assert_null(a.u->kept.data);
	assert_int_equal(stats_of(&a).errors, 0);
	/* The watch for room is over: nothing wakes the loop. */
	kernel.pieces = 0;
	turn_times(l, 3);
	assert_int_equal(a.rooms, 1);
	assert_int_equal(kernel.pieces, 0);
	end_deinit(&a);
	end_deinit(&b);
}

static void without_room_a_whole_train_waits(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	if (!stats_of(&a).has_gso)
		skip();
	kernel.train_errno = EAGAIN;
	send_train(&a, &b, 1000, 29500);
	assert_true(udp_is_blocked(a.u));
	assert_int_equal(stats_of(&a).datagrams_out, 0);
	turn_times(l, 2);
	kernel.train_errno = 0;
	turn_until(l, a.rooms == 1 && b.count == 30);
	assert_train(&b, 1000, 29500);
	assert_true(stats_of(&a).has_gso);
	end_deinit(&a);
	end_deinit(&b);
}

static void what_waited_and_then_failed_makes_room(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	kernel.piece_errno = EAGAIN;
	send_train(&a, &b, 1000, 1000);
	assert_true(udp_is_blocked(a.u));
	kernel.piece_errno = EPERM; /* a packet filter's answer */
	turn_until(l, a.rooms == 1);
	assert_int_equal(stats_of(&a).errors, 1);
	kernel.piece_errno = 0;
	send_train(&a, &b, 1000, 1000);
	turn_until(l, b.count == 1);
	end_deinit(&a);
	end_deinit(&b);
}

static struct maddr_ip port_of_nobody(uint8_t family)
{
	struct maddr_ip addr;
	struct end e;

	end_open_at(&e, loopback(family));
	addr = e.addr;
	end_deinit(&e);
	return addr;
}

static void nobody_at_the_other_end_is_told(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct end a, b, nobody = {.count = 0};

		if (!has_family(family))
			continue;
		nobody.addr = port_of_nobody(family);
		open_pair(family, &a, &b);
		send_train(&a, &nobody, 100, 100);
		turn_until(l, a.unreachable == 1);
		assert_err(a.err, P2P_ERR_REFUSED);
		assert_memory_equal(&a.nobody, &nobody.addr, sizeof(nobody.addr));
		assert_int_equal(a.count, 0);
		/* As a train: one answer at least. */
		send_train(&a, &nobody, 100, 300);
		turn_until(l, a.unreachable >= 2);
		/* And the loop comes to rest, and the socket works. */
		turn_times(l, 5);
		send_train(&b, &a, 100, 100);
		turn_until(l, a.count == 1);
		end_deinit(&a);
		end_deinit(&b);
	}
}

static void an_answer_about_one_peer_costs_no_other_its_datagram(void **state)
{
	struct end a, b, nobody = {.count = 0};
	bool has_gso;

	(void)state;
	nobody.addr = port_of_nobody(4);
	open_pair(4, &a, &b);
	has_gso = stats_of(&a).has_gso;
	for (size_t n = 1; n <= 3; n += 2) { /* alone, and as a train */
		forget(&b);
		send_train(&a, &nobody, 100, 100);
		send_train(&a, &b, 100, 100 * n); /* the error is in the socket by now */
		turn_until(l, b.count == n);
	}
	assert_int_equal(stats_of(&a).errors, 0);
	assert_true(stats_of(&a).has_gso == has_gso);
	end_deinit(&a);
	end_deinit(&b);
}

static void who_does_not_ask_is_not_told(void **state)
{
	struct maddr_ip addr = loopback(4);
	struct end a = {.got = BUF_INIT}, b, nobody = {.count = 0};

	(void)state;
	nobody.addr = port_of_nobody(4);
	assert_ok(udp_open(l, &addr, &deaf_handler, &a, &a.u));
	udp_addr(a.u, &a.addr);
	end_open_at(&b, loopback(4));
	send_train(&a, &nobody, 100, 100);
	send_train(&b, &a, 100, 100);
	turn_until(l, a.count == 1);
	assert_int_equal(a.unreachable, 0);
	end_deinit(&a);
	end_deinit(&b);
}

/* --- opening and closing --- */

static void a_port_in_use_is_busy(void **state)
{
	struct maddr_ip foreign = {.family = 4, .ip = {203, 0, 113, 7}, .port = 4100};
	struct udp_socket *second;
	struct end a;

	(void)state;
	end_open_at(&a, loopback(4));
	assert_err(udp_open(l, &a.addr, &handler, NULL, &second), P2P_ERR_BUSY);
	assert_err(udp_open(l, &foreign, &handler, NULL, &second), P2P_ERR_UNREACHABLE);
	end_deinit(&a);
}

static void both_families_share_a_port(void **state)
{
	struct maddr_ip any6 = {.family = 6}, any4 = {.family = 4};
	struct end six, four;

	(void)state;
	if (!has_family(6))
		skip();
	end_open_at(&six, any6);
	any4.port = six.addr.port;
	end_open_at(&four, any4);
	end_deinit(&six);
	end_deinit(&four);
}

static void closing_inside_a_callback_is_the_end(void **state)
{
	struct end a, b, nobody;

	(void)state;
	open_pair(4, &a, &b);
	b.close_after = 3; /* in the middle of a train, with another behind it */
	send_train(&a, &b, 100, 1000);
	send_train(&a, &b, 100, 1000);
	turn_until(l, !b.u);
	turn_times(l, 3);
	assert_int_equal(b.count, 3);
	assert_int_equal(b.batches, 0);
	end_deinit(&b);
	end_open_at(&b, loopback(4));
	b.closes_at_batch_end = true;
	send_train(&a, &b, 100, 1000);
	turn_until(l, !b.u);
	assert_int_equal(b.count, 10);
	kernel.piece_errno = EAGAIN;
	kernel.is_passing = true;
	a.closes_on_room = true;
	send_train(&a, &b, 100, 100);
	assert_true(udp_is_blocked(a.u));
	turn_until(l, !a.u);
	end_deinit(&a);
	end_deinit(&b);
	end_open_at(&b, loopback(4));
	nobody.addr = port_of_nobody(4);
	b.closes_on_unreachable = true;
	send_train(&b, &nobody, 100, 100);
	turn_until(l, !b.u);
	end_deinit(&b);
}

static void closing_while_blocked_drops_what_waits(void **state)
{
	struct end a, b;

	(void)state;
	open_pair(4, &a, &b);
	kernel.piece_errno = EAGAIN;
	send_train(&a, &b, 100, 100);
	end_close(&a);
	kernel.piece_errno = 0;
	turn_times(l, 3);
	assert_int_equal(a.rooms, 0);
	assert_int_equal(b.count, 0);
	end_deinit(&a);
	end_deinit(&b);
}

static void the_receive_area_is_shared_and_goes_with_the_last_socket(void **state)
{
	struct end a, b;
	struct udp_area *area;

	(void)state;
	assert_null(*loop_udp_area(l));
	open_pair(4, &a, &b);
	area = *loop_udp_area(l);
	assert_non_null(area);
	end_close(&a);
	turn_times(l, 2);
	assert_ptr_equal(*loop_udp_area(l), area);
	end_close(&b);
	turn_times(l, 2);
	assert_null(*loop_udp_area(l));
	end_deinit(&a);
	end_deinit(&b);
}

/* Pages of the receive area that the process has, of those it has room in. */
static size_t area_pages(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)*loop_udp_area(l) + page - 1) / page * page;
	unsigned char there[64];
	size_t sum = 0;

	assert_int_equal(mincore((void *)from, sizeof(there) * page, there), 0);
	for (size_t i = 0; i < sizeof(there); i++)
		sum += there[i] & 1;
	return sum;
}

static void what_large_trains_have_touched_goes_back(void **state)
{
	struct end a, b;

	(void)state;
	udp_give_back(l); /* nothing to give */
	open_pair(4, &a, &b);
	for (int i = 0; i < 8; i++)
		send_train(&a, &b, 1400, 40 * 1400);
	turn_until(l, b.count == 8 * 40);
	assert_true(area_pages() > 8);
	udp_give_back(l);
	assert_true(area_pages() <= 2); /* the headers before it */
	forget(&b);
	send_train(&a, &b, 1400, 40 * 1400);
	turn_until(l, b.count == 40);
	assert_train(&b, 1400, 40 * 1400);
	end_deinit(&a);
	end_deinit(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams_travel_both_ways),
		TEST(trains_arrive_datagram_by_datagram),
		TEST(trains_arrive_where_the_kernel_cannot_keep_them_together),
		TEST(a_train_is_one_system_call_on_each_side),
		TEST(the_longest_datagram_arrives),
		TEST(an_empty_datagram_is_told),
		TEST(congestion_bits_travel),
		TEST(a_socket_bound_to_any_knows_and_chooses_its_address),
		TEST(bound_to_any_of_ipv6_too),
		TEST(a_burst_is_read_in_several_turns),
		TEST(a_burst_of_trains_is_too),
		TEST(work_that_takes_long_ends_the_turn_earlier),
		TEST(without_segmentation_a_train_is_cut_here_from_then_on),
		TEST(a_path_that_fails_anyhow_does_not_end_segmentation),
		TEST(what_is_too_large_for_the_path_is_counted_and_never_cut),
		TEST(without_room_the_rest_of_a_train_waits),
		TEST(without_room_a_whole_train_waits),
		TEST(what_waited_and_then_failed_makes_room),
		TEST(nobody_at_the_other_end_is_told),
		TEST(an_answer_about_one_peer_costs_no_other_its_datagram),
		TEST(who_does_not_ask_is_not_told),
		TEST(a_port_in_use_is_busy),
		TEST(both_families_share_a_port),
		TEST(closing_inside_a_callback_is_the_end),
		TEST(closing_while_blocked_drops_what_waits),
		TEST(the_receive_area_is_shared_and_goes_with_the_last_socket),
		TEST(what_large_trains_have_touched_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
