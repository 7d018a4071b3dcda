/* SPDX-License-Identifier: Apache-2.0 */
/* quic_ports.c: datagrams find their connection, strangers the door, and dials a port. */
#include "daemon/net/quic_ports.h"

#include <stdlib.h>

#include "daemon/io/udp_source.h"
#include "daemon/net/swarm_private.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

/* A short header behind which nothing comes. Not without QUIC's bit: what lacks that is handed by some to
 * whoever else shares the port. */
static const uint8_t poke[] = {0x40};

struct quic_port {
	struct list node; /* in quic_ports.ports */
	struct quic_ports *ports;
	struct udp_socket *udp;
	struct quic_endpoint *endpoint;
	const struct quic_door *door; /* NULL: nobody listens */
	void *door_arg;
	uint8_t family;
	unsigned held; /* connections that live here */
};

struct quic_ports {
	struct quic_ports_opts opts;
	struct list ports;
	unsigned count;
	uint64_t unreachable, pokes;
	struct quic_ports_stats gone; /* what closed ports have counted */
	struct buf answer;            /* to a stranger */
};

static void sum_up(const struct quic_port *port, struct quic_ports_stats *to)
{
	struct quic_stats q;
	struct udp_stats u;

	quic_endpoint_stats(port->endpoint, &q);
	to->quic.garbage += q.garbage;
	to->quic.versions += q.versions;
	to->quic.retries += q.retries;
	to->quic.resets += q.resets;
	to->quic.tokens_bad += q.tokens_bad;
	to->quic.unanswered += q.unanswered;
	to->quic.early += q.early;
	to->quic.undecryptable += q.undecryptable;
	to->quic.lost += q.lost;
	to->quic.conns += q.conns;
	to->quic.closed += q.closed;
	udp_stats(port->udp, &u);
	to->udp.datagrams_in += u.datagrams_in;
	to->udp.datagrams_out += u.datagrams_out;
	to->udp.bytes_in += u.bytes_in;
	to->udp.bytes_out += u.bytes_out;
	to->udp.calls_in += u.calls_in;
	to->udp.calls_out += u.calls_out;
	to->udp.dropped += u.dropped;
	to->udp.errors += u.errors;
	to->udp.too_large += u.too_large;
	to->udp.has_gso |= u.has_gso;
	to->udp.has_gro |= u.has_gro;
	if (!to->udp.rcvbuf_bytes || u.rcvbuf_bytes < to->udp.rcvbuf_bytes)
		to->udp.rcvbuf_bytes = u.rcvbuf_bytes;
}

static void close_port(struct quic_port *port)
{
	struct quic_ports *p = port->ports;

	sum_up(port, &p->gone);
	p->gone.quic.conns = p->gone.quic.closed = 0;
	p->gone.udp.has_gso = p->gone.udp.has_gro = false;
	p->gone.udp.rcvbuf_bytes = 0;
	udp_close(port->udp);
	quic_endpoint_free(port->endpoint);
	list_remove(&port->node);
	p->count--;
	free(port);
}

/* ---- what arrives ---- */

static void answer(struct quic_port *port, const struct datagram_train *train)
{
	struct buf *out = &port->ports->answer;

	if (out->len)
		udp_send(port->udp, train, buf_bytes(out));
	buf_reset(out);
}

/* A stranger stands at the door. */
static void knock(struct quic_port *port, const struct datagram *in, bool is_validated)
{
	struct quic_ports *p = port->ports;
	struct loop *l = swarm_loop(p->opts.swarm);
	struct quic_opts opts = {.wall = loop_wall(l)};
	struct datagram_train train;
	struct quic_conn *conn = NULL;

	switch (port->door ? port->door->on_knock(port->door_arg, &in->path.remote, is_validated)
			   : QUIC_DOOR_SHUT) {
	case QUIC_DOOR_SHUT:
		return;
	case QUIC_DOOR_RETRY:
		if (quic_retry(port->endpoint, in, loop_now(l), &p->answer, &train) == 0)
			answer(port, &train);
		return;
	case QUIC_DOOR_OPEN:
		break;
	}
	if (quic_accept(port->endpoint, in, &opts, loop_now(l), &p->answer, &train, &conn)) {
		answer(port, &train);
		conn = NULL;
	}
	port->door->on_accept(port->door_arg, port, conn, &in->path);
}

static void on_datagram(void *arg, const struct datagram *in)
{
	struct quic_port *port = arg;
	struct quic_ports *p = port->ports;
	struct datagram_train train;
	struct quic_found found;

	if (bytes_eq(in->data, bytes_of(poke, sizeof(poke)))) {
		p->pokes++;
		return;
	}
	switch (quic_sort(port->endpoint, in, loop_now(swarm_loop(p->opts.swarm)), &found, &p->answer,
		&train)) {
	case QUIC_FOR_CONN:
		swarm_datagram(quic_user(found.conn), in);
		return;
	case QUIC_KNOCK:
		knock(port, in, found.is_validated);
		return;
	case QUIC_ANSWERED:
		answer(port, &train);
		return;
	case QUIC_IGNORED:
		return;
	}
}

static void on_room(void *arg)
{
	struct quic_port *port = arg;

	swarm_port_has_room(port->ports->opts.swarm, port);
}

static void on_unreachable(void *arg, const struct maddr_ip *remote, int err)
{
	struct quic_port *port = arg;

	port->ports->unreachable++;
	swarm_port_unreachable(port->ports->opts.swarm, port, remote, err);
}

static const struct udp_handler udp_handler = {
	.on_datagram = on_datagram, .on_room = on_room, .on_unreachable = on_unreachable};

/* ---- opening and closing ---- */

static int open_port(struct quic_ports *p, const struct maddr_ip *addr, struct quic_port **ret)
{
	struct quic_endpoint_opts opts = {
		.tls = p->opts.tls, .identity = p->opts.identity, .rng = p->opts.rng};
	struct quic_port *port;
	int err;

	if (!p->opts.tls)
		return P2P_ERR_UNSUPPORTED;
	if (p->count == QUIC_PORTS_MAX)
		return P2P_ERR_FULL;
	port = xcalloc(1, sizeof(*port));
	port->ports = p;
	port->family = addr->family;
	err = udp_open(swarm_loop(p->opts.swarm), addr, &udp_handler, port, &port->udp);
	if (err) {
		free(port);
		return err;
	}
	port->endpoint = quic_endpoint_new(&opts);
	list_append(&p->ports, &port->node);
	p->count++;
	*ret = port;
	return 0;
}

struct quic_ports *quic_ports_new(const struct quic_ports_opts *opts)
{
	struct quic_ports *p = xcalloc(1, sizeof(*p));

	p->opts = *opts;
	list_init(&p->ports);
	return p;
}

void quic_ports_free(struct quic_ports *p)
{
	if (!p)
		return;
	list_each(node, &p->ports)
		close_port(list_entry(node, struct quic_port, node));
	buf_deinit(&p->answer);
	free(p);
}

bool quic_ports_are_on(const struct quic_ports *p)
{
	return p && p->opts.tls;
}

int quic_port_listen(struct quic_ports *p, const struct maddr_ip *addr, const struct quic_door *door,
	void *arg, struct quic_port **ret)
{
	int err = open_port(p, addr, ret);

	if (err)
		return err;
	(*ret)->door = door;
	(*ret)->door_arg = arg;
	return 0;
}

void quic_port_shut(struct quic_port *port)
{
	port->door = NULL;
	if (!port->held)
		close_port(port);
}

void quic_port_addr(const struct quic_port *port, struct maddr_ip *ret)
{
	udp_addr(port->udp, ret);
}

void quic_port_hold(struct quic_port *port)
{
	port->held++;
}

void quic_port_release(struct quic_port *port)
{
	port->held--;
	if (!port->held && !port->door)
		close_port(port);
}

void quic_port_send(struct quic_port *port, const struct datagram_train *train, struct bytes data)
{
	udp_send(port->udp, train, data);
}

size_t quic_port_poke(struct quic_port *port, const struct datagram_path *path)
{
	struct datagram_train train = {.path = *path, .ecn = ECN_NONE, .segment = sizeof(poke)};

	udp_send(port->udp, &train, bytes_of(poke, sizeof(poke)));
	return sizeof(poke);
}

bool quic_port_is_blocked(const struct quic_port *port)
{
	return udp_is_blocked(port->udp);
}

/* ---- dialling ---- */

static bool is_any(const struct maddr_ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->ip, zero, sizeof(zero)) == 0;
}

/* Could datagrams from `source` leave from here? */
static bool fits(const struct quic_port *port, const struct maddr_ip *source)
{
	struct maddr_ip bound;

	if (port->family != source->family)
		return false;
	udp_addr(port->udp, &bound);
	return is_any(&bound) || memcmp(bound.ip, source->ip, sizeof(bound.ip)) == 0;
}

/* One that listens, else one that dials already, else a new one. */
static int port_for(struct quic_ports *p, const struct maddr_ip *source, struct quic_port **ret)
{
	struct maddr_ip any = {.family = source->family};
	struct quic_port *found = NULL;

	list_each(node, &p->ports) {
		struct quic_port *port = list_entry(node, struct quic_port, node);

		if (fits(port, source) && (!found || (port->door && !found->door)))
			found = port;
	}
	if (!found)
		return open_port(p, &any, ret);
	*ret = found;
	return 0;
}

int quic_ports_dial(struct quic_ports *p, const struct maddr_ip *to, const struct peer_id *expected,
	struct quic_port **ret_port, struct quic_conn **ret_conn, struct datagram_path *ret_path)
{
	struct loop *l = swarm_loop(p->opts.swarm);
	struct quic_opts opts = {.expected = *expected, .wall = loop_wall(l)};
	struct datagram_path path = {.remote = *to};
	struct quic_port *port;
	struct maddr_ip bound;
	int err;

	if (!p->opts.tls)
		return P2P_ERR_UNSUPPORTED;
	err = udp_source(to, &path.local);
	if (!err)
		err = port_for(p, &path.local, &port);
	if (err)
		return err;
	udp_addr(port->udp, &bound);
	path.local.port = bound.port;
	err = quic_dial(port->endpoint, &path, &opts, loop_now(l), ret_conn);
	if (err) {
		if (!port->held && !port->door)
			close_port(port);
		return err;
	}
	*ret_port = port;
	*ret_path = path;
	return 0;
}

void quic_ports_stats(const struct quic_ports *p, struct quic_ports_stats *ret)
{
	*ret = p->gone;
	ret->unreachable = p->unreachable;
	ret->pokes = p->pokes;
	ret->ports = p->count;
	list_each(node, &p->ports)
		sum_up(list_entry(node, struct quic_port, node), ret);
}
