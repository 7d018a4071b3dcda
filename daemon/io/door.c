/* SPDX-License-Identifier: Apache-2.0 */
/* door.c: accepting by hand on a watched socket. What libuv's own listening would not give: who
 * knocks is known before anything is allocated, and running out of descriptors is ours to handle
 * (FM-26). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/io/loop_private.h"
#include "daemon/io/uv_tcp.h"
#include "proto/base/mem.h"

#define DOOR_PAUSE_MS 200 /* out of descriptors: how long newcomers wait in the kernel */

struct door {
	uv_poll_t uv;
	struct loop *loop;
	int fd;
	int reserve_fd; /* given up for a moment to close a newcomer when there is no other left */
	struct timer pause;
	const struct door_handler *handler;
	void *arg;
};

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool is_starvation(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

/* Takes one newcomer in place of the reserve descriptor and hangs up. */
static bool turn_one_away(struct door *d)
{
	int fd;

	if (d->reserve_fd < 0)
		return false;
	close(d->reserve_fd);
	fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	d->reserve_fd = open_reserve();
	return fd >= 0;
}

static void starve(struct door *d)
{
	if (d->handler->on_starved)
		d->handler->on_starved(d->arg);
	for (int i = 0; i < TCP_ACCEPTS_PER_TURN && turn_one_away(d); i++)
		;
	(void)uv_poll_stop(&d->uv); /* fails only on a closing handle */
	loop_timer_in_ms(d->loop, &d->pause, DOOR_PAUSE_MS);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct door *d = p->data;

	(void)status; /* accept4() says it again */
	(void)events;
	loop_wake_up(d->loop);
	for (int i = 0; i < TCP_ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof(from);
		int fd = accept4(d->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			d->handler->on_fd(d->arg, fd, &from);
			if (uv_is_closing((uv_handle_t *)p))
				return; /* the handler closed this very door */
		} else if (is_starvation(errno)) {
			starve(d);
			return;
		} else if (errno == EAGAIN || errno == EBADF || errno == EINVAL) {
			return;
		} /* else that newcomer's own fault (ECONNABORTED, EPERM, …): on to the next */
	}
}

static void watch(struct door *d)
{
	(void)uv_poll_start(&d->uv, UV_READABLE, on_readable);
}

static void on_pause_over(void *arg, mono_t now)
{
	struct door *d = arg;

	(void)now;
	if (d->reserve_fd < 0)
		d->reserve_fd = open_reserve();
	watch(d);
}

int door_open(struct loop *l, int take_fd, const struct door_handler *handler, void *arg,
	struct door **ret)
{
	struct door *d = xcalloc(1, sizeof(*d));
	int err;

	*d = (struct door){.loop = l, .fd = take_fd, .handler = handler, .arg = arg};
	d->pause = TIMER(on_pause_over, d);
	err = uv_poll_init(loop_uv(l), &d->uv, take_fd);
	if (err) {
		close(take_fd);
		free(d);
		return io_error(err);
	}
	d->uv.data = d;
	d->reserve_fd = open_reserve();
	watch(d);
	*ret = d;
	return 0;
}

int door_fd(const struct door *d)
{
	return d->fd;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void door_close(struct door *d)
{
	if (!d)
		return;
	loop_timer_stop(d->loop, &d->pause);
	uv_close((uv_handle_t *)&d->uv, on_closed);
	close(d->fd); /* libuv has let go of it already */
	if (d->reserve_fd >= 0)
		close(d->reserve_fd);
}
