/* SPDX-License-Identifier: Apache-2.0 */
/* udp_unreachable.c: ICMP's answers to datagrams of ours, from the socket's error queue.
 *
 * With the queue comes a side effect: the kernel also fails the next call on the socket, whichever
 * peer that is for, with the error of somebody's ICMP message. Whoever sends or reads has to know
 * (udp_out.c tries again; udp_in.c goes on). */
#include <time.h> /* linux/errqueue.h lacks it */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon/io/udp_private.h"
#include "proto/base/err.h"

bool udp_hear_of_unreachable(struct udp_socket *u)
{
	int on = 1;

	if (u->addr.family == 4)
		return setsockopt(u->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) == 0;
	return setsockopt(u->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on)) == 0;
}

/* What a message says of its peer; 0 when that is nothing: too large is what probes find out
 * and errors of our own machine were told to who sent. */
static int judge(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct sock_extended_err e;
		int err;

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
			!(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (e.ee_origin != SO_EE_ORIGIN_ICMP && e.ee_origin != SO_EE_ORIGIN_ICMP6)
			return 0;
		err = io_error(-(int)e.ee_errno);
		return err == P2P_ERR_REFUSED || err == P2P_ERR_UNREACHABLE ? err : 0;
	}
	return 0;
}

void udp_read_errors(struct udp_socket *u)
{
	for (int i = 0; i < UDP_DATAGRAMS_PER_TURN; i++) {
		struct sockaddr_storage to;
		union {
			struct cmsghdr align;
			uint8_t at[512]; /* the error, who reports it, and what else the socket asks for */
		} control;
		struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof(to),
			.msg_control = control.at, .msg_controllen = sizeof(control.at)};
		struct maddr_ip remote;
		int err;

		if (recvmsg(u->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		err = judge(&m);
		if (!err || !ip_from_sockaddr((struct sockaddr *)&to, &remote))
			continue;
		u->handler->on_unreachable(u->arg, &remote, err);
		if (uv_is_closing((uv_handle_t *)&u->uv))
			return;
	}
}
