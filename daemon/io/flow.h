/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h: bytes in order to and from one other end, over TCP or a Unix socket alike.
 *
 * Born by tcp_listen(), tcp_dial() (uv_tcp.h) and pipe_listen() (uv_pipe.h); whoever gets one closes
 * it. It reads nothing until flow_start(). Writes go to the kernel at once as far as it takes
 * them; the rest is kept here, so the owner offers more only while flow_queued() is small. */
#ifndef P2POS_IO_FLOW_H
#define P2POS_IO_FLOW_H

#include "daemon/io/uv_loop.h"
#include "proto/base/bytes.h"

#define FLOW_QUEUE_BYTES_MAX (16u * 1024 * 1024) /* kept for one flow; beyond: flow_write() fails */

struct flow;

struct flow_handler {
	/* Arrived; `in` is borrowed until the call returns. */
	void (*on_data)(void *arg, struct bytes in);
	/* All that was kept has left. May be NULL. */
	void (*on_room)(void *arg);
	/* It is over: P2P_ERR_CLOSED for the other side's plain end, else what failed. Told once, the
	 * last callback; the flow still has to be closed. */
	void (*on_end)(void *arg, int err);
};

/* Starts reading. `handler` is static; `arg` is handed to each callback. */
void flow_start(struct flow *f, const struct flow_handler *handler, void *arg);

/* Sends all of `data` or keeps it. P2P_ERR_FULL over FLOW_QUEUE_BYTES_MAX, P2P_ERR_CLOSED after an
 * error (on_end tells which). Never calls back. */
int flow_write(struct flow *f, struct bytes data);

/* Bytes kept because the kernel did not take them yet. */
size_t flow_queued(const struct flow *f);

/* Stops reading, so that the other side is slowed down by its own window; and goes on. */
void flow_pause(struct flow *f);
void flow_resume(struct flow *f);

/* Bytes so far: read, and taken by the kernel. */
uint64_t flow_bytes_in(const struct flow *f);
uint64_t flow_bytes_out(const struct flow *f);

/* Ends it. No callback follows, what the kernel has not taken is dropped, and the pointer is dead
 * when this returns. NULL is fine. */
void flow_close(struct flow *f);

/* Ends it after what is kept has left, or after `linger_ms`. No callback follows either way. */
void flow_close_after_write(struct flow *f, int64_t linger_ms);

#endif
