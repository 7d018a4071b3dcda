/* SPDX-License-Identifier: Apache-2.0 */
/* uv_udp.h: UDP sockets for QUIC: many datagrams a system call, both ways.
 *
 * The socket is our own and the loop only watches it: libuv's handle tells neither the address that a
 * datagram came to nor its congestion bits, and moves one datagram at a time. Where the kernel can,
 * equal datagrams leave as one train (UDP_SEGMENT) and arrive as one (UDP_GRO), which is worth up to
 * 27 times (performance.md D6); where it cannot, or stops being able to on some path, the socket
 * falls back by itself and says so in its stats. Nothing is ever fragmented: the don't-fragment bit
 * is set and too large a datagram is dropped, as path MTU discovery needs it.
 *
 * An IPv6 socket takes no IPv4, as with TCP. */
#ifndef P2POS_IO_UV_UDP_H
#define P2POS_IO_UV_UDP_H

#include "daemon/io/uv_loop.h"
#include "proto/quic/datagram.h"

#define UDP_RCVBUF_BYTES       7340032 /* asked for, never set by sysctl (features.md P-032) */
#define UDP_SNDBUF_BYTES       4194304 /* likewise; with less a sender is blocked earlier */
#define UDP_DATAGRAMS_PER_TURN 64      /* or UDP_NS_PER_TURN, then back to the loop */
#define UDP_NS_PER_TURN        2000000

struct udp_socket;

struct udp_handler {
	/* One that arrived; `in` is borrowed until the call returns. `path.local` is the address that
	 * it was sent to, also when the socket is bound to any. */
	void (*on_datagram)(void *arg, const struct datagram *in);
	/* The datagrams of this wake-up have all been told: time to answer. May be NULL. */
	void (*on_batch_end)(void *arg);
	/* The kernel takes datagrams again after udp_is_blocked(). */
	void (*on_room)(void *arg);
	/* The machine at `remote` (or a router before it) answered one of our datagrams: nobody is
	 * there. P2P_ERR_REFUSED (port unreachable: no process listens) or P2P_ERR_UNREACHABLE. Anybody
	 * can forge it (TA-1), so it is a reason to ask, never a verdict. From the socket's error queue
	 * (IP_RECVERR); at most UDP_DATAGRAMS_PER_TURN a wake-up. May be NULL. */
	void (*on_unreachable)(void *arg, const struct maddr_ip *remote, int err);
};

/* Opens and binds `addr` (port 0: any free one). `handler` is static. Errors as tcp_listen(). */
int udp_open(struct loop *l, const struct maddr_ip *addr, const struct udp_handler *handler, void *arg,
	struct udp_socket **ret);

/* No callback follows; what waits is dropped. NULL is fine. The pointer is dead afterwards (it may be
 * called from inside a callback of the socket). */
void udp_close(struct udp_socket *u);

/* The address it really has (the port where 0 was asked for). */
void udp_addr(const struct udp_socket *u, struct maddr_ip *ret);

/* Sends a train. What the kernel does not take now is kept, and udp_is_blocked() is true until
 * on_room; a train given meanwhile is dropped and counted (QUIC sends it again). Errors of one path
 * (unreachable, too large) are counted and otherwise silence: the layers above have timers.
 * `train->path.local` chooses the source address when the socket is bound to any. */
void udp_send(struct udp_socket *u, const struct datagram_train *train, struct bytes data);
bool udp_is_blocked(const struct udp_socket *u);

struct udp_stats {
	uint64_t datagrams_in, datagrams_out;
	uint64_t bytes_in, bytes_out;
	uint64_t calls_in, calls_out; /* system calls that moved them */
	uint64_t dropped;             /* trains given while blocked */
	uint64_t errors;              /* sends that failed for good */
	uint64_t too_large;           /* of these because of the path's MTU */
	bool has_gso, has_gro;        /* in use now */
	int rcvbuf_bytes;             /* what the kernel gave of UDP_RCVBUF_BYTES */
};
void udp_stats(const struct udp_socket *u, struct udp_stats *ret);

/* The memory that large trains have touched goes back to the kernel; the next ones touch it anew.
 * Not from inside on_datagram. */
void udp_give_back(struct loop *l);

#endif
