/* SPDX-License-Identifier: Apache-2.0 */
/* udp_in.c: datagrams that arrive: several trains a system call into an area that all sockets of the
 * loop share, taken apart, and told one by one.
 *
 * The bounds of a turn are looked at between system calls. What a call brought is always told,
 * because the next socket's call overwrites it; a call therefore asks for as many trains only as
 * fit, judging by the length of those before. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/io/udp_private.h"
#include "proto/base/mem.h"

#define UDP_TRAINS_PER_CALL 8     /* more are left to the next call */
#define UDP_TRAIN_BYTES_MAX 65536 /* no IP packet is longer, nor anything that GRO makes of several */
#define UDP_ECN_BITS        3     /* of the traffic class; the others are the network's own */

struct udp_area {
	unsigned sockets; /* that are open, or closing */
	struct mmsghdr msgs[UDP_TRAINS_PER_CALL];
	struct iovec iov[UDP_TRAINS_PER_CALL];
	struct sockaddr_storage from[UDP_TRAINS_PER_CALL];
	/* Room for our address, the traffic class and the length of a segment. */
	union {
		struct cmsghdr align;
		uint8_t at[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
	} control[UDP_TRAINS_PER_CALL];
	/* Memory that no train ever reached is never touched: what it takes follows the traffic. */
	uint8_t data[UDP_TRAINS_PER_CALL][UDP_TRAIN_BYTES_MAX];
};

void udp_area_take(struct loop *l)
{
	struct udp_area **a = loop_udp_area(l);

	if (!*a) {
		*a = xmalloc(sizeof(**a));
		(*a)->sockets = 0;
	}
	(*a)->sockets++;
}

void udp_area_give_back(struct loop *l)
{
	struct udp_area **a = loop_udp_area(l);

	if (--(*a)->sockets == 0) {
		free(*a);
		*a = NULL;
	}
}

void udp_give_back(struct loop *l)
{
	struct udp_area *a = *loop_udp_area(l);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, to;

	if (!a)
		return;
	from = ((uintptr_t)a->data + page - 1) / page * page; /* whole pages of it alone */
	to = (uintptr_t)(a + 1) / page * page;
	(void)madvise((void *)from, to - from, MADV_DONTNEED); /* else it stays */
}

/* The lengths in the headers are overwritten by each call. */
static void lay_out(struct udp_area *a, unsigned trains)
{
	for (unsigned i = 0; i < trains; i++) {
		a->iov[i] = (struct iovec){a->data[i], UDP_TRAIN_BYTES_MAX};
		a->msgs[i].msg_hdr = (struct msghdr){.msg_name = &a->from[i],
			.msg_namelen = sizeof(a->from[i]), .msg_iov = &a->iov[i], .msg_iovlen = 1,
			.msg_control = a->control[i].at, .msg_controllen = sizeof(a->control[i].at)};
	}
}

static void read_control(struct msghdr *m, struct datagram *d, size_t *segment)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		const uint8_t *at = CMSG_DATA(c);
		int number;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			d->ecn = *at & UDP_ECN_BITS; /* one byte, where IPv6 has an int */
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			memcpy(&number, at, sizeof(number));
			d->ecn = number & UDP_ECN_BITS;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			/* Not ipi_addr: what came to a broadcast address is answered from our own. */
			memcpy(d->path.local.ip, at + offsetof(struct in_pktinfo, ipi_spec_dst), 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(d->path.local.ip, at + offsetof(struct in6_pktinfo, ipi6_addr), 16);
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&number, at, sizeof(number));
			*segment = number > 0 ? (size_t)number : *segment;
		}
	}
}

/* Tells the datagrams of one train; returns how many there were. */
static unsigned tell_train(struct udp_socket *u, struct mmsghdr *msg)
{
	struct bytes rest = bytes_of(msg->msg_hdr.msg_iov->iov_base, msg->msg_len);
	struct datagram d = {.path.local = u->addr};
	size_t segment = UDP_TRAIN_BYTES_MAX;
	unsigned told = 0;

	if (!ip_from_sockaddr(msg->msg_hdr.msg_name, &d.path.remote))
		return 1; /* no sender that could be answered */
	read_control(&msg->msg_hdr, &d, &segment);
	do { /* an empty datagram is one, too */
		d.data = bytes_head(rest, segment);
		rest = bytes_from(rest, segment);
		u->stats.datagrams_in++;
		u->stats.bytes_in += d.data.len;
		told++;
		u->handler->on_datagram(u->arg, &d);
	} while (rest.len > 0 && !uv_is_closing((uv_handle_t *)&u->uv));
	return told;
}

/* One system call. True while there may be more. */
static bool read_call(struct udp_socket *u, unsigned *told)
{
	struct udp_area *a = *loop_udp_area(u->loop);
	unsigned trains = (UDP_DATAGRAMS_PER_TURN - *told) / u->arriving;
	int got;

	if (trains < 1)
		trains = 1;
	if (trains > UDP_TRAINS_PER_CALL)
		trains = UDP_TRAINS_PER_CALL;
	lay_out(a, trains);
	got = recvmmsg(u->fd, a->msgs, trains, MSG_DONTWAIT, NULL);
	if (got < 0) {
		++*told; /* an ICMP error of some peer takes the place of a datagram; no more than that */
		return errno != EAGAIN;
	}
	u->stats.calls_in++;
	u->arriving = 1;
	for (int i = 0; i < got; i++) {
		unsigned length = tell_train(u, &a->msgs[i]);

		if (uv_is_closing((uv_handle_t *)&u->uv))
			return false;
		*told += length;
		if (length > u->arriving)
			u->arriving = length;
	}
	return (unsigned)got == trains;
}

void udp_read(struct udp_socket *u)
{
	int64_t until = loop_clock(u->loop).ns + UDP_NS_PER_TURN;
	unsigned told = 0;

	while (read_call(u, &told) && told < UDP_DATAGRAMS_PER_TURN &&
		loop_clock(u->loop).ns < until)
		;
	if (!uv_is_closing((uv_handle_t *)&u->uv) && u->handler->on_batch_end)
		u->handler->on_batch_end(u->arg);
}
