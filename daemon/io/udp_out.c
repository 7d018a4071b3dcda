/* SPDX-License-Identifier: Apache-2.0 */
/* udp_out.c: trains that leave: in one piece that the kernel or the network card cuts, or cut here. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include "daemon/io/udp_private.h"

/* What every datagram of a train has in common. */
struct envelope {
	struct sockaddr_storage to;
	struct msghdr msg; /* without data */
	union {
		struct cmsghdr align;
		uint8_t at[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
	} control;
};

/* Room for all three that can be asked for is in `control`. */
static void put_control(struct msghdr *m, int level, int type, const void *value, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)m->msg_control + m->msg_controllen);

	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	memcpy(CMSG_DATA(c), value, len);
	m->msg_controllen += CMSG_SPACE(len);
}

static void put_source(struct msghdr *m, const struct maddr_ip *local)
{
	struct in6_pktinfo six = {.ipi6_ifindex = 0};
	struct in_pktinfo four = {.ipi_ifindex = 0};

	if (local->family == 4) {
		memcpy(&four.ipi_spec_dst, local->ip, 4);
		put_control(m, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four));
	} else if (local->family == 6) {
		memcpy(&six.ipi6_addr, local->ip, 16);
		put_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof(six));
	} /* else the kernel chooses */
}

static void address(const struct udp_socket *u, const struct datagram_train *train,
	struct envelope *e)
{
	int ecn = train->ecn;
	bool is_four = u->addr.family == 4;

	memset(&e->control, 0, sizeof(e->control));
	e->msg = (struct msghdr){.msg_name = &e->to, .msg_control = e->control.at};
	e->msg.msg_namelen = ip_to_sockaddr(&train->path.remote, &e->to);
	if (u->is_bound_to_any)
		put_source(&e->msg, &train->path.local);
	if (ecn != ECN_NONE)
		put_control(&e->msg, is_four ? IPPROTO_IP : IPPROTO_IPV6, is_four ? IP_TOS : IPV6_TCLASS,
			&ecn, sizeof(ecn));
}

static void count_sent(struct udp_socket *u, uint64_t datagrams, uint64_t bytes)
{
	u->stats.calls_out++;
	u->stats.datagrams_out += datagrams;
	u->stats.bytes_out += bytes;
}

/* Both calls fail with the error that some ICMP message left in the socket, which need not be about
 * this path at all; telling it takes it away. What is said of ourselves is said again. */
static bool send_whole(int fd, const struct msghdr *msg)
{
	return sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
		(errno != EAGAIN && sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0);
}

static int send_pieces(int fd, struct mmsghdr *msgs, unsigned count)
{
	int sent = sendmmsg(fd, msgs, count, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN)
		sent = sendmmsg(fd, msgs, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent;
}

/* The errno of a failed send: is it the kernel that has no room? All else is counted, once a train. */
static bool is_lack_of_room(struct udp_socket *u, int err)
{
	if (err == EAGAIN)
		return true;
	u->stats.errors++;
	u->stats.too_large += err == EMSGSIZE;
	return false;
}

/* In one piece. False when it has to be cut here; `ret_done` is not written then. */
static bool write_whole(struct udp_socket *u, struct envelope e, size_t segment, struct bytes data,
	size_t *ret_done)
{
	struct iovec iov = {(void *)data.at, data.len};
	uint16_t cut = (uint16_t)segment;

	e.msg.msg_name = &e.to; /* `e` is our own copy */
	e.msg.msg_control = e.control.at;
	e.msg.msg_iov = &iov;
	e.msg.msg_iovlen = 1;
	put_control(&e.msg, IPPROTO_UDP, UDP_SEGMENT, &cut, sizeof(cut));
	if (send_whole(u->fd, &e.msg)) {
		count_sent(u, (data.len + segment - 1) / segment, data.len);
		*ret_done = data.len;
		return true;
	}
	/* EIO: no device on the path computes checksums. EINVAL has many reasons, among them a
	 * segment that is longer than the path takes: cutting it here tells. Neither comes by ICMP. */
	if (errno == EIO || errno == EINVAL)
		return false;
	*ret_done = is_lack_of_room(u, errno) ? 0 : data.len;
	return true;
}

static size_t write_pieces(struct udp_socket *u, const struct envelope *e, size_t segment,
	struct bytes data)
{
	struct mmsghdr msgs[DATAGRAM_TRAIN_MAX];
	struct iovec iov[DATAGRAM_TRAIN_MAX];
	unsigned count = 0;
	size_t done = 0;
	int sent;

	for (struct bytes rest = data; rest.len > 0; rest = bytes_from(rest, segment)) {
		iov[count] = (struct iovec){(void *)rest.at, bytes_head(rest, segment).len};
		msgs[count].msg_hdr = e->msg;
		msgs[count].msg_hdr.msg_iov = &iov[count];
		msgs[count].msg_hdr.msg_iovlen = 1;
		count++;
	}
	for (unsigned at = 0; at < count; at += (unsigned)sent) {
		size_t before = done;

		sent = send_pieces(u->fd, msgs + at, count - at);
		if (sent < 0) /* what failed once along this path fails for the others, too */
			return is_lack_of_room(u, errno) ? done : data.len;
		for (int i = 0; i < sent; i++)
			done += iov[at + (unsigned)i].iov_len;
		count_sent(u, (uint64_t)sent, done - before);
	}
	return data.len;
}

size_t udp_write(struct udp_socket *u, const struct datagram_train *train, struct bytes data)
{
	uint64_t before = u->stats.datagrams_out;
	struct envelope e;
	size_t done;

	address(u, train, &e);
	if (data.len <= train->segment || !u->stats.has_gso)
		return write_pieces(u, &e, train->segment, data);
	if (write_whole(u, e, train->segment, data, &done))
		return done;
	done = write_pieces(u, &e, train->segment, data);
	/* Only if they leave cut was it the train that the kernel minded. */
	if (u->stats.datagrams_out > before)
		u->stats.has_gso = false;
	return done;
}
