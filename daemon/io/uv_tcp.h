/* SPDX-License-Identifier: Apache-2.0 */
/* uv_tcp.h: TCP: listening, dialling, who is at the other end.
 *
 * Sockets of either family stand for themselves: an IPv6 listener takes no IPv4 (so that
 * "0.0.0.0" and "::" go side by side). Every flow has TCP_NODELAY: the layer above gathers
 * writes, Nagle would only delay the last one. */
#ifndef P2POS_IO_UV_TCP_H
#define P2POS_IO_UV_TCP_H

#include "daemon/io/flow.h"
#include "proto/multi/maddr.h"

#define TCP_BACKLOG          512 /* connections the kernel keeps for us while a turn runs */
#define TCP_ACCEPTS_PER_TURN 64  /* then the rest of the loop has its turn */

struct tcp_listener;

struct tcp_listen_handler {
	/* Somebody is at the door and costs nothing but a descriptor yet. False: closed at once. */
	bool (*on_knock)(void *arg, const struct maddr_ip *remote);
	/* Let in. The flow is the callee's. */
	void (*on_accept)(void *arg, struct flow *take_flow, const struct maddr_ip *remote,
		const struct maddr_ip *local);
	/* The process ran out of descriptors: newcomers are closed through a descriptor kept in
	 * reserve, and accepting pauses for a moment (FM-26). Told when it begins. May be NULL. */
	void (*on_starved)(void *arg);
};

/* Listens on `addr` (port 0: any free one). P2P_ERR_BUSY when the port is taken,
 * P2P_ERR_DENIED, P2P_ERR_UNREACHABLE when the address is none of this machine or the family is
 * switched off, P2P_ERR_IO. The caller names the address in its message. */
int tcp_listen(struct loop *l, const struct maddr_ip *addr, const struct tcp_listen_handler *handler,
	void *arg, struct tcp_listener **ret);

/* The address it really has (the port where 0 was asked for). */
void tcp_listener_addr(const struct tcp_listener *t, struct maddr_ip *ret);

/* NULL is fine. The pointer is dead afterwards. */
void tcp_listener_close(struct tcp_listener *t);

struct tcp_dial;

/* Called once, unless cancelled: with a flow that is the callee's, or with P2P_ERR_REFUSED,
 * P2P_ERR_UNREACHABLE, P2P_ERR_TIMEOUT, P2P_ERR_FULL (no descriptors), P2P_ERR_DENIED, P2P_ERR_IO.
 * Never from inside tcp_dial(). */
typedef void tcp_dialled_fn(void *arg, int err, struct flow *take_flow);

int tcp_dial(struct loop *l, const struct maddr_ip *to, int64_t timeout_ms, tcp_dialled_fn *on_done,
	void *arg, struct tcp_dial **ret);

/* No callback follows. Not to be used after on_done. */
void tcp_dial_cancel(struct tcp_dial *d);

/* Both ends as the kernel sees them. P2P_ERR_CLOSED when it does not know any more. */
int tcp_addresses(const struct flow *f, struct maddr_ip *ret_local, struct maddr_ip *ret_remote);

#endif
