/* SPDX-License-Identifier: Apache-2.0 */
/* uv_udp.c: the life of a UDP socket: its options, the loop's watch over it, what waits for room. */
#include "daemon/io/uv_udp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/io/inherited.h"
#include "daemon/io/udp_private.h"
#include "proto/base/mem.h"

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static int option_of(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, option, &value, &len) == 0 ? value : -1;
}

/* What it is from now on. Linux reports twice the value, to cover its own bookkeeping. */
static int widen(int fd, int option, int force_option, int bytes)
{
	(void)set_option(fd, SOL_SOCKET, option, bytes); /* cut to the system's limit without an error */
	if (option_of(fd, SOL_SOCKET, option) / 2 < bytes)
		(void)set_option(fd, SOL_SOCKET, force_option, bytes); /* with CAP_NET_ADMIN only */
	return option_of(fd, SOL_SOCKET, option) / 2;
}

/* Without these the socket would lie (wrong source address) or fragment. */
static bool set_musts(const struct udp_socket *u)
{
	int fd = u->fd;

	if (u->addr.family == 4)
		return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) &&
			(!u->is_bound_to_any || set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
	return (option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) &&
		set_option(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1) &&
		(!u->is_bound_to_any || set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
}

static void set_wishes(struct udp_socket *u)
{
	int fd = u->fd;

	if (u->addr.family == 4)
		(void)set_option(fd, IPPROTO_IP, IP_RECVTOS, 1); /* without: no congestion bits */
	else
		(void)set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	if (u->handler->on_unreachable)
		(void)udp_hear_of_unreachable(u); /* without: silence, and timers */
	u->stats.rcvbuf_bytes = widen(fd, SO_RCVBUF, SO_RCVBUFFORCE, UDP_RCVBUF_BYTES);
	(void)widen(fd, SO_SNDBUF, SO_SNDBUFFORCE, UDP_SNDBUF_BYTES); /* a smaller one blocks earlier */
	u->stats.has_gro = set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
	/* Asked, not set: each train names its own segment. A kernel before 4.18 does not know it. */
	u->stats.has_gso = option_of(fd, IPPROTO_UDP, UDP_SEGMENT) >= 0;
}

/* On failure the descriptor, if there is one, is the caller's to close. */
static int open_descriptor(struct udp_socket *u)
{
	struct sockaddr_storage sa;
	socklen_t len = ip_to_sockaddr(&u->addr, &sa);
	bool is_bound;

	u->fd = inherited_ip(SOCK_DGRAM, &u->addr);
	is_bound = u->fd >= 0;
	if (!is_bound)
		u->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0 || !set_musts(u) || (!is_bound && bind(u->fd, (struct sockaddr *)&sa, len) != 0))
		return io_error(-errno);
	inherited_keep_ip(SOCK_DGRAM, &u->addr, u->fd);
	set_wishes(u);
	len = sizeof(sa);
	if (getsockname(u->fd, (struct sockaddr *)&sa, &len) != 0)
		return io_error(-errno);
	(void)ip_from_sockaddr((struct sockaddr *)&sa, &u->addr); /* it is of the family that we made */
	return 0;
}

static bool is_any(const struct maddr_ip *addr)
{
	static const uint8_t zero[sizeof(addr->ip)];

	return memcmp(addr->ip, zero, sizeof(zero)) == 0;
}

static void on_poll(uv_poll_t *p, int status, int events);

static void watch(struct udp_socket *u)
{
	/* Fails only on a closing handle. */
	(void)uv_poll_start(&u->uv, UV_READABLE | (udp_is_blocked(u) ? UV_WRITABLE : 0), on_poll);
}

int udp_open(struct loop *l, const struct maddr_ip *addr, const struct udp_handler *handler, void *arg,
	struct udp_socket **ret)
{
	struct udp_socket *u = xcalloc(1, sizeof(*u));
	int err;

	*u = (struct udp_socket){.loop = l, .addr = *addr, .is_bound_to_any = is_any(addr),
		.handler = handler, .arg = arg, .arriving = 1, .kept = BUF_WITH_MAX(DATAGRAM_BYTES_MAX)};
	err = open_descriptor(u);
	if (!err)
		err = io_error(uv_poll_init(loop_uv(l), &u->uv, u->fd));
	if (err) {
		if (u->fd >= 0)
			close(u->fd);
		free(u);
		return err;
	}
	u->uv.data = u;
	udp_area_take(l);
	watch(u);
	*ret = u;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct udp_socket *u = h->data;

	/* Not earlier: the socket may have been closed by its owner while the area was read from. */
	udp_area_give_back(u->loop);
	free(u);
}

void udp_close(struct udp_socket *u)
{
	if (!u)
		return;
	inherited_forget_ip(SOCK_DGRAM, &u->addr);
	buf_deinit(&u->kept);
	uv_close((uv_handle_t *)&u->uv, on_closed);
	close(u->fd); /* libuv has let go of it already */
}

void udp_addr(const struct udp_socket *u, struct maddr_ip *ret)
{
	*ret = u->addr;
}

/* --- room in the kernel --- */

bool udp_is_blocked(const struct udp_socket *u)
{
	return u->kept.len > 0;
}

void udp_send(struct udp_socket *u, const struct datagram_train *train, struct bytes data)
{
	size_t done;

	assert(train->segment > 0 && data.len <= DATAGRAM_BYTES_MAX);
	assert(data.len <= train->segment * DATAGRAM_TRAIN_MAX);
	if (udp_is_blocked(u)) {
		u->stats.dropped++;
		return;
	}
	done = udp_write(u, train, data);
	if (done == data.len)
		return;
	u->kept_train = *train;
	(void)buf_put(&u->kept, bytes_from(data, done)); /* its bound is that of the longest train */
	watch(u);
}

static void send_kept(struct udp_socket *u)
{
	size_t done = udp_write(u, &u->kept_train, buf_bytes(&u->kept));

	buf_drop(&u->kept, done);
	if (udp_is_blocked(u))
		return;
	buf_deinit(&u->kept); /* an idle socket owns no buffer */
	watch(u);
	u->handler->on_room(u->arg);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct udp_socket *u = p->data;

	loop_wake_up(u->loop);
	if (status < 0) { /* something is in the error queue, and libuv has stopped watching for that */
		watch(u);
		udp_read_errors(u);
	}
	if (events & UV_WRITABLE && udp_is_blocked(u))
		send_kept(u);
	if (!uv_is_closing((uv_handle_t *)p) && (status < 0 || events & UV_READABLE))
		udp_read(u);
}

void udp_stats(const struct udp_socket *u, struct udp_stats *ret)
{
	*ret = u->stats;
}
