/* SPDX-License-Identifier: Apache-2.0 */
/* udp_private.h: what the files of a UDP socket share: uv_udp.c (its life), udp_in.c (what
 * arrives), udp_out.c (what leaves), udp_unreachable.c (who is not there). Not for other folders. */
#ifndef P2POS_IO_UDP_PRIVATE_H
#define P2POS_IO_UDP_PRIVATE_H

#include "daemon/io/loop_private.h"
#include "daemon/io/uv_udp.h"

struct udp_socket {
	uv_poll_t uv;
	struct loop *loop;
	int fd;
	struct maddr_ip addr;
	bool is_bound_to_any; /* the kernel tells and is told our address with each datagram */
	const struct udp_handler *handler;
	void *arg;
	struct udp_stats stats;
	unsigned arriving; /* datagrams of the longest train in the last call: sizes the next */

	/* What the kernel had no room for; empty when we are not blocked. */
	struct datagram_train kept_train;
	struct buf kept;
};

/* udp_in.c: the receive area, one for all sockets of a loop: it exists while one of them does. */
void udp_area_take(struct loop *l);
void udp_area_give_back(struct loop *l);

/* Reads what is there, within the bounds of a turn, and tells it. The owner may close the socket
 * meanwhile: look at uv_is_closing(). */
void udp_read(struct udp_socket *u);

/* udp_unreachable.c: asks the kernel to keep ICMP's answers. False: it does not know how. */
bool udp_hear_of_unreachable(struct udp_socket *u);
/* Tells those that wait, at most UDP_DATAGRAMS_PER_TURN. The owner may close the socket meanwhile. */
void udp_read_errors(struct udp_socket *u);

/* udp_out.c: hands the kernel as much of `data` as it takes. Returns the bytes that are dealt
 * with: sent, or failed for good. Fewer than all: the kernel has no room. */
size_t udp_write(struct udp_socket *u, const struct datagram_train *train, struct bytes data);

#endif
