/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c: reading through the loop's shared buffer, writing to the kernel first and keeping the
 * rest. An idle flow owns no buffer. */
#include "daemon/io/flow.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/io/loop_private.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

struct flow_write {
	uv_write_t uv;
	struct flow *flow;
	struct buf data;
};

static void on_tell(void *arg);
static void on_linger_over(void *arg, mono_t now);

static struct flow *flow_new(struct loop *l)
{
	struct flow *f = xcalloc(1, sizeof(*f));

	f->loop = l;
	f->queue = BUF_WITH_MAX(FLOW_QUEUE_BYTES_MAX);
	f->tell = (struct turn_end){.run = on_tell, .arg = f};
	f->linger = TIMER(on_linger_over, f);
	return f;
}

struct flow *flow_new_tcp(struct loop *l)
{
	struct flow *f = flow_new(l);

	(void)uv_tcp_init(loop_uv(l), &f->uv.tcp); /* cannot fail: it makes no socket yet */
	f->uv.handle.data = f;
	return f;
}

struct flow *flow_new_pipe(struct loop *l)
{
	struct flow *f = flow_new(l);

	(void)uv_pipe_init(loop_uv(l), &f->uv.pipe, 0); /* likewise */
	f->uv.handle.data = f;
	return f;
}

static void on_closed(uv_handle_t *h)
{
	struct flow *f = h->data;

	assert(!f->write);
	buf_deinit(&f->queue);
	free(f);
}

void flow_close(struct flow *f)
{
	if (!f)
		return;
	f->handler = NULL;
	f->err = P2P_ERR_CLOSED;
	loop_timer_stop(f->loop, &f->linger);
	loop_turn_end_cancel(&f->tell);
	uv_close(&f->uv.handle, on_closed);
}

/* Tells the owner that it is over, once. */
static void end(struct flow *f, int err)
{
	const struct flow_handler *handler = f->handler;

	if (!f->err)
		f->err = err;
	if (f->is_lingering) {
		flow_close(f);
		return;
	}
	f->handler = NULL;
	f->is_reading = false;
	(void)uv_read_stop(&f->uv.stream); /* never fails */
	if (handler)
		handler->on_end(f->arg, f->err);
}

static void on_tell(void *arg)
{
	struct flow *f = arg;

	end(f, f->err);
}

static void fail(struct flow *f, int err)
{
	f->err = err;
	buf_reset(&f->queue);
	loop_at_turn_end(f->loop, &f->tell);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	struct flow *f = h->data;

	(void)suggested;
	*ret = uv_buf_init((char *)loop_read_buffer(f->loop), LOOP_READ_BYTES);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *in)
{
	struct flow *f = s->data;

	loop_wake_up(f->loop);
	if (n < 0) {
		end(f, io_error((int)n));
		return;
	}
	f->bytes_in += (uint64_t)n;
	if (n > 0 && f->handler)
		f->handler->on_data(f->arg, bytes_of(in->base, (size_t)n));
}

void flow_resume(struct flow *f)
{
	int err;

	if (f->is_reading || !f->handler)
		return;
	err = uv_read_start(&f->uv.stream, on_alloc, on_read);
	if (err)
		fail(f, io_error(err));
	else
		f->is_reading = true;
}

void flow_pause(struct flow *f)
{
	(void)uv_read_stop(&f->uv.stream);
	f->is_reading = false;
}

void flow_start(struct flow *f, const struct flow_handler *handler, void *arg)
{
	assert(!f->handler && handler->on_data && handler->on_end);
	f->handler = handler;
	f->arg = arg;
	flow_resume(f);
}

static void write_queue(struct flow *f);

static void on_written(uv_write_t *req, int status)
{
	struct flow_write *w = req->data;
	struct flow *f = w->flow;

	f->write = NULL;
	buf_deinit(&w->data);
	free(w);
	if (uv_is_closing(&f->uv.handle))
		return;
	loop_wake_up(f->loop);
	if (status) {
		if (!f->err)
			fail(f, io_error(status));
	} else if (f->queue.len) {
		write_queue(f);
	} else if (f->is_lingering) {
		flow_close(f);
	} else if (f->handler && f->handler->on_room) {
		f->handler->on_room(f->arg);
	}
}

/* Hands the queue to libuv, which holds it until the kernel has taken all. */
static void write_queue(struct flow *f)
{
	struct flow_write *w = xcalloc(1, sizeof(*w));
	uv_buf_t out;
	int err;

	w->flow = f;
	w->uv.data = w;
	buf_swap(&w->data, &f->queue);
	f->queue.max = FLOW_QUEUE_BYTES_MAX;
	out = uv_buf_init((char *)w->data.data, (unsigned)w->data.len);
	err = uv_write(&w->uv, &f->uv.stream, &out, 1, on_written);
	if (err) {
		buf_deinit(&w->data);
		free(w);
		fail(f, io_error(err));
		return;
	}
	f->write = w;
}

int flow_write(struct flow *f, struct bytes data)
{
	if (f->err)
		return P2P_ERR_CLOSED;
	if (flow_queued(f) + data.len > FLOW_QUEUE_BYTES_MAX)
		return P2P_ERR_FULL;
	if (!f->write && !f->queue.len) {
		uv_buf_t out = uv_buf_init((char *)(uintptr_t)data.at, (unsigned)data.len);
		int n = uv_try_write(&f->uv.stream, &out, 1);

		if (n < 0 && n != UV_EAGAIN) {
			fail(f, io_error(n));
			return P2P_ERR_CLOSED;
		}
		if (n > 0) {
			f->bytes_taken += (uint64_t)n;
			data = bytes_from(data, (size_t)n);
		}
	}
	if (!data.len)
		return 0;
	if (buf_put(&f->queue, data))
		return P2P_ERR_FULL;
	f->bytes_taken += data.len;
	if (!f->write)
		write_queue(f);
	return f->err ? P2P_ERR_CLOSED : 0;
}

size_t flow_queued(const struct flow *f)
{
	return f->queue.len + uv_stream_get_write_queue_size(&f->uv.stream);
}

uint64_t flow_bytes_in(const struct flow *f)
{
	return f->bytes_in;
}

uint64_t flow_bytes_out(const struct flow *f)
{
	return f->bytes_taken - flow_queued(f);
}

static void on_linger_over(void *arg, mono_t now)
{
	(void)now;
	flow_close(arg);
}

void flow_close_after_write(struct flow *f, int64_t linger_ms)
{
	if (f->err || !flow_queued(f)) {
		flow_close(f);
		return;
	}
	f->handler = NULL;
	f->is_lingering = true;
	flow_pause(f);
	loop_timer_in_ms(f->loop, &f->linger, linger_ms);
}

void flow_end_lingering(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (uv_is_closing(h))
		return;
	assert((h->type == UV_TCP || h->type == UV_NAMED_PIPE) && ((struct flow *)h->data)->is_lingering);
	flow_close(h->data);
}
