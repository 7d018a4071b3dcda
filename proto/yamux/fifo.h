/* SPDX-License-Identifier: Apache-2.0 */
/* fifo.h: bytes that wait in order, as one contiguous view.
 *
 * Taking from the front moves nothing until half of the buffer is behind, so that each byte is
 * moved at most once on average. The memory goes back as it empties: it is never more than four
 * times what waits (small amounts aside), and none when nothing does. */
#ifndef P2POS_YAMUX_FIFO_H
#define P2POS_YAMUX_FIFO_H

#include "proto/base/buf.h"

struct yamux_fifo {
	struct buf buf;
	size_t head; /* bytes of buf that are taken already; <= buf.len */
};

static inline size_t yamux_fifo_len(const struct yamux_fifo *q)
{
	return q->buf.len - q->head;
}

static inline struct bytes yamux_fifo_bytes(const struct yamux_fifo *q)
{
	return bytes_from(buf_bytes(&q->buf), q->head);
}

/* The caller has checked its bound: this cannot fail. */
void yamux_fifo_put(struct yamux_fifo *q, struct bytes what);

/* Takes `n` <= yamux_fifo_len() bytes off the front. */
void yamux_fifo_take(struct yamux_fifo *q, size_t n);

void yamux_fifo_deinit(struct yamux_fifo *q);

#endif
