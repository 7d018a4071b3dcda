/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/yamux/fifo.h"

#include <assert.h>

#define KEEP_BYTES 1024 /* capacity that is not worth giving back while something waits */

void yamux_fifo_put(struct yamux_fifo *q, struct bytes what)
{
	int err;

	if (q->head && q->head >= yamux_fifo_len(q)) {
		buf_drop(&q->buf, q->head);
		q->head = 0;
	}
	err = buf_put(&q->buf, what);
	assert(!err);
	(void)err;
}

/* Moves the few bytes that still wait into memory of their size: many streams that each hold on to
 * one byte must not hold on to all that once stood in front of it. */
static void shrink(struct yamux_fifo *q)
{
	struct yamux_fifo small = {0};

	yamux_fifo_put(&small, yamux_fifo_bytes(q));
	yamux_fifo_deinit(q);
	*q = small;
}

void yamux_fifo_take(struct yamux_fifo *q, size_t n)
{
	assert(n <= yamux_fifo_len(q));
	q->head += n;
	if (q->head == q->buf.len)
		yamux_fifo_deinit(q);
	else if (q->buf.cap > KEEP_BYTES && yamux_fifo_len(q) <= q->buf.cap / 4)
		shrink(q);
}

void yamux_fifo_deinit(struct yamux_fifo *q)
{
	buf_deinit(&q->buf);
	q->head = 0;
}
