/* SPDX-License-Identifier: Apache-2.0 */
/* uv_tcp.c: sockets for listening and dialling; what flows then is flow.c's business. */
#include "daemon/io/uv_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/io/inherited.h"
#include "daemon/io/loop_private.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

socklen_t ip_to_sockaddr(const struct maddr_ip *ip, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (ip->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(ip->port);
		memcpy(&in->sin_addr, ip->ip, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(ip->port);
	memcpy(&in6->sin6_addr, ip->ip, 16);
	return sizeof(*in6);
}

bool ip_from_sockaddr(const struct sockaddr *sa, struct maddr_ip *ret)
{
	struct maddr_ip ip = {0};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		ip.family = 4;
		ip.port = ntohs(in->sin_port);
		memcpy(ip.ip, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		ip.family = 6;
		ip.port = ntohs(in6->sin6_port);
		memcpy(ip.ip, &in6->sin6_addr, 16);
	} else {
		return false;
	}
	*ret = ip;
	return true;
}

struct tcp_listener {
	struct loop *loop;
	struct door *door;
	struct maddr_ip addr;
	const struct tcp_listen_handler *handler;
	void *arg;
};

static bool fd_local(int fd, struct maddr_ip *ret)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
		ip_from_sockaddr((struct sockaddr *)&sa, ret);
}

static void on_fd(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct tcp_listener *t = arg;
	struct maddr_ip remote, local;
	struct flow *f;

	if (!ip_from_sockaddr((const struct sockaddr *)from, &remote) || !fd_local(fd, &local) ||
		!t->handler->on_knock(t->arg, &remote)) {
		close(fd);
		return;
	}
	f = flow_new_tcp(t->loop);
	if (uv_tcp_open(&f->uv.tcp, fd) != 0) {
		close(fd);
		flow_close(f);
		return;
	}
	(void)uv_tcp_nodelay(&f->uv.tcp, 1); /* slower without, but works */
	t->handler->on_accept(t->arg, f, &remote, &local);
}

static void on_starved(void *arg)
{
	struct tcp_listener *t = arg;

	if (t->handler->on_starved)
		t->handler->on_starved(t->arg);
}

static const struct door_handler door_handler = {on_fd, on_starved};

static int listening_socket(const struct maddr_ip *addr, int *ret_fd)
{
	struct sockaddr_storage sa;
	socklen_t len = ip_to_sockaddr(addr, &sa);
	int on = 1, err;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return io_error(-errno);
	/* Without it a restart would wait for the old connections' minute in TIME_WAIT. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		(addr->family == 6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
		bind(fd, (struct sockaddr *)&sa, len) != 0 || listen(fd, TCP_BACKLOG) != 0) {
		err = io_error(-errno);
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int tcp_listen(struct loop *l, const struct maddr_ip *addr, const struct tcp_listen_handler *handler,
	void *arg, struct tcp_listener **ret)
{
	struct tcp_listener *t;
	int fd = inherited_ip(SOCK_STREAM, addr), err = fd < 0 ? listening_socket(addr, &fd) : 0;

	if (err)
		return err;
	inherited_keep_ip(SOCK_STREAM, addr, fd);
	t = xcalloc(1, sizeof(*t));
	*t = (struct tcp_listener){.loop = l, .addr = *addr, .handler = handler, .arg = arg};
	(void)fd_local(fd, &t->addr);
	err = door_open(l, fd, &door_handler, t, &t->door);
	if (err) {
		free(t);
		return err;
	}
	*ret = t;
	return 0;
}

void tcp_listener_addr(const struct tcp_listener *t, struct maddr_ip *ret)
{
	*ret = t->addr;
}

void tcp_listener_close(struct tcp_listener *t)
{
	if (!t)
		return;
	inherited_forget_ip(SOCK_STREAM, &t->addr);
	door_close(t->door);
	free(t);
}

struct tcp_dial {
	uv_connect_t uv;
	struct loop *loop;
	struct flow *flow;
	struct timer timeout;
	int err;                 /* what the timer is to report */
	bool is_connecting;      /* libuv still holds `uv` */
	tcp_dialled_fn *on_done; /* NULL once told or cancelled */
	void *arg;
};

/* Gives the memory back now, or from on_connected() while libuv holds it. */
static void dial_release(struct tcp_dial *d)
{
	loop_timer_stop(d->loop, &d->timeout);
	flow_close(d->flow);
	d->flow = NULL;
	d->on_done = NULL;
	if (!d->is_connecting)
		free(d);
}

static void dial_report(struct tcp_dial *d, int err)
{
	tcp_dialled_fn *on_done = d->on_done;
	void *arg = d->arg;
	struct flow *f = NULL;

	if (!err) {
		f = d->flow;
		d->flow = NULL;
		(void)uv_tcp_nodelay(&f->uv.tcp, 1);
	}
	dial_release(d);
	on_done(arg, err, f);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct tcp_dial *d = req->data;

	d->is_connecting = false;
	if (!d->on_done) { /* given up meanwhile */
		free(d);
		return;
	}
	loop_wake_up(d->loop);
	dial_report(d, io_error(status));
}

static void on_timeout(void *arg, mono_t now)
{
	struct tcp_dial *d = arg;

	(void)now;
	dial_report(d, d->err);
}

int tcp_dial(struct loop *l, const struct maddr_ip *to, int64_t timeout_ms, tcp_dialled_fn *on_done,
	void *arg, struct tcp_dial **ret)
{
	struct tcp_dial *d = xcalloc(1, sizeof(*d));
	struct sockaddr_storage sa;
	int err;

	(void)ip_to_sockaddr(to, &sa);
	*d = (struct tcp_dial){.loop = l, .err = P2P_ERR_TIMEOUT, .on_done = on_done, .arg = arg};
	d->timeout = TIMER(on_timeout, d);
	d->flow = flow_new_tcp(l);
	d->uv.data = d;
	err = uv_tcp_connect(&d->uv, &d->flow->uv.tcp, (const struct sockaddr *)&sa, on_connected);
	d->is_connecting = !err;
	if (err) { /* no route, no descriptor: told like any other failure, but not from in here */
		d->err = io_error(err);
		timeout_ms = 0;
	}
	loop_timer_in_ms(l, &d->timeout, timeout_ms);
	*ret = d;
	return 0;
}

void tcp_dial_cancel(struct tcp_dial *d)
{
	dial_release(d);
}

int tcp_addresses(const struct flow *f, struct maddr_ip *ret_local, struct maddr_ip *ret_remote)
{
	struct sockaddr_storage local, remote;
	int local_len = sizeof(local), remote_len = sizeof(remote);

	if (uv_tcp_getsockname(&f->uv.tcp, (struct sockaddr *)&local, &local_len) ||
		uv_tcp_getpeername(&f->uv.tcp, (struct sockaddr *)&remote, &remote_len) ||
		!ip_from_sockaddr((struct sockaddr *)&local, ret_local) ||
		!ip_from_sockaddr((struct sockaddr *)&remote, ret_remote))
		return P2P_ERR_CLOSED;
	return 0;
}
