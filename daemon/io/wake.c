/* SPDX-License-Identifier: Apache-2.0 */
/* wake.c: how somebody else's thread or descriptor begins a turn of the loop. */
#include <stdlib.h>

#include "daemon/io/loop_private.h"
#include "proto/base/mem.h"

struct wake {
	uv_async_t uv;
	struct loop *loop;
	void (*on_wake)(void *arg);
	void *arg;
};

static void on_async(uv_async_t *a)
{
	struct wake *w = a->data;

	loop_wake_up(w->loop);
	w->on_wake(w->arg);
}

int wake_open(struct loop *l, void (*on_wake)(void *arg), void *arg, struct wake **ret)
{
	struct wake *w = xcalloc(1, sizeof(*w));
	int err = uv_async_init(loop_uv(l), &w->uv, on_async);

	if (err) {
		free(w);
		return io_error(err);
	}
	w->uv.data = w;
	w->loop = l;
	w->on_wake = on_wake;
	w->arg = arg;
	*ret = w;
	return 0;
}

void wake_send(struct wake *w)
{
	(void)uv_async_send(&w->uv); /* fails only on a handle that is closing */
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void wake_close(struct wake *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->uv, on_closed);
}

struct fd_watch {
	uv_poll_t uv;
	struct loop *loop;
	void (*on_readable)(void *arg);
	void *arg;
};

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct fd_watch *w = p->data;

	(void)status; /* an error shows when the owner reads */
	(void)events;
	loop_wake_up(w->loop);
	w->on_readable(w->arg);
}

int fd_watch_open(struct loop *l, int fd, void (*on_readable)(void *arg), void *arg,
	struct fd_watch **ret)
{
	struct fd_watch *w = xcalloc(1, sizeof(*w));
	int err = uv_poll_init(loop_uv(l), &w->uv, fd);

	if (err) {
		free(w);
		return io_error(err);
	}
	w->uv.data = w;
	w->loop = l;
	w->on_readable = on_readable;
	w->arg = arg;
	err = uv_poll_start(&w->uv, UV_READABLE, on_poll);
	if (err) {
		fd_watch_close(w);
		return io_error(err);
	}
	*ret = w;
	return 0;
}

void fd_watch_close(struct fd_watch *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->uv, on_closed);
}
