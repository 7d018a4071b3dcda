/* SPDX-License-Identifier: Apache-2.0 */
/* loop_private.h: what the files of daemon/io share among themselves. Not for other folders: it is
 * the one header that shows libuv. */
#ifndef P2POS_IO_LOOP_PRIVATE_H
#define P2POS_IO_LOOP_PRIVATE_H

#include <uv.h>

#include "daemon/io/flow.h"
#include "proto/base/buf.h"
#include "proto/multi/maddr.h"

uv_loop_t *loop_uv(struct loop *l);

/* Every callback from libuv begins with this: takes the time of the turn and tells of a standstill
 * before anybody else hears anything. */
void loop_wake_up(struct loop *l);

/* The read buffer that all share: LOOP_READ_BYTES. */
uint8_t *loop_read_buffer(struct loop *l);

/* Where udp_in.c keeps the area that all its sockets receive into; NULL while there is none. */
struct udp_area;
struct udp_area **loop_udp_area(struct loop *l);

/* The P2P_ERR_… of a libuv or errno code (negative). */
int io_error(int uv_status);

/* A flow around a libuv stream handle. */
struct flow {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct loop *loop;
	const struct flow_handler *handler; /* NULL before flow_start() and once nobody listens */
	void *arg;
	struct buf queue;         /* accepted from the owner, not yet handed to libuv */
	struct flow_write *write; /* what libuv holds; NULL when it holds nothing */
	struct timer linger;
	struct turn_end tell;     /* a write error is told at the end of the turn, not from a write */
	uint64_t bytes_in;
	uint64_t bytes_taken;     /* from the owner, whether they have left yet or not */
	int err;                  /* sticks; told by on_end */
	bool is_reading, is_lingering;
};

/* Zeroed with its loop set; the caller initialises the handle and then hands it out, or gives it
 * back with flow_close(). */
struct flow *flow_new_tcp(struct loop *l);
struct flow *flow_new_pipe(struct loop *l);

/* For loop_free(), on each handle: closes a flow that only waits for its last bytes to leave.
 * Anything else that is still open then is our bug. */
void flow_end_lingering(uv_handle_t *h, void *arg);

/* Between our addresses and the kernel's. */
socklen_t ip_to_sockaddr(const struct maddr_ip *ip, struct sockaddr_storage *ret);
bool ip_from_sockaddr(const struct sockaddr *sa, struct maddr_ip *ret);

/* A non-blocking listening socket watched by hand: accept4() tells who knocks before anything is
 * allocated, and the reserve descriptor is ours to use. Shared by TCP and Unix sockets. */
struct door;
struct door_handler {
	/* `fd` is the callee's. */
	void (*on_fd)(void *arg, int fd, const struct sockaddr_storage *from);
	void (*on_starved)(void *arg); /* may be NULL */
};
/* `take_fd` is owned from now on, also on failure. */
int door_open(struct loop *l, int take_fd, const struct door_handler *handler, void *arg,
	struct door **ret);
int door_fd(const struct door *d);
void door_close(struct door *d);

#endif
