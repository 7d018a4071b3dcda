/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/path.h"

static void put_port(uint16_t port, void *to)
{
	uint8_t be[2] = {(uint8_t)(port >> 8), (uint8_t)port};

	memcpy(to, be, sizeof(be));
}

static uint16_t get_port(const void *from)
{
	const uint8_t *be = from;

	return (uint16_t)(be[0] << 8 | be[1]);
}

static void put_addr(ngtcp2_addr *to, const struct maddr_ip *from)
{
	ngtcp2_sockaddr_union *u = (ngtcp2_sockaddr_union *)to->addr;

	if (from->family == 6) {
		u->in6.sin6_family = NGTCP2_AF_INET6;
		memcpy(&u->in6.sin6_addr, from->ip, 16);
		put_port(from->port, &u->in6.sin6_port);
		to->addrlen = sizeof(u->in6);
		return;
	}
	u->in.sin_family = NGTCP2_AF_INET;
	memcpy(&u->in.sin_addr, from->ip, 4);
	put_port(from->port, &u->in.sin_port);
	to->addrlen = sizeof(u->in);
}

static void get_addr(const ngtcp2_addr *from, struct maddr_ip *ret)
{
	const ngtcp2_sockaddr_union *u = (const ngtcp2_sockaddr_union *)from->addr;

	*ret = (struct maddr_ip){0};
	if (u->sa.sa_family == NGTCP2_AF_INET6) {
		ret->family = 6;
		memcpy(ret->ip, &u->in6.sin6_addr, 16);
		ret->port = get_port(&u->in6.sin6_port);
		return;
	}
	ret->family = 4;
	memcpy(ret->ip, &u->in.sin_addr, 4);
	ret->port = get_port(&u->in.sin_port);
}

void quic_path_set(ngtcp2_path_storage *to, const struct datagram_path *from)
{
	memset(to, 0, sizeof(*to)); /* whole: tokens are bound to all bytes of an address */
	ngtcp2_path_storage_zero(to);
	put_addr(&to->path.local, &from->local);
	put_addr(&to->path.remote, &from->remote);
}

void quic_path_get(const ngtcp2_path *from, struct datagram_path *ret)
{
	get_addr(&from->local, &ret->local);
	get_addr(&from->remote, &ret->remote);
}

static bool addr_eq(const struct maddr_ip *a, const struct maddr_ip *b)
{
	return a->family == b->family && a->port == b->port &&
		memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool quic_path_eq(const struct datagram_path *a, const struct datagram_path *b)
{
	return addr_eq(&a->local, &b->local) && addr_eq(&a->remote, &b->remote);
}
