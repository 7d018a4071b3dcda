/* SPDX-License-Identifier: Apache-2.0 */
/* quic_ports.h: our UDP ports, and the QUIC endpoint that stands behind each of them.
 *
 * A port carries the connections that came in through it and those that were dialled from it: dials
 * leave from a listening port of the same family where there is one, so that a NAT has one mapping
 * for both and the address that others observe is the one to call (quic.md section 2). Where there
 * is none a port of its own is opened for dials, and closed with its last connection.
 *
 * Closing a listening port shuts the door; connections that live on it keep it open below. */
#ifndef P2POS_NET_QUIC_PORTS_H
#define P2POS_NET_QUIC_PORTS_H

#include "daemon/io/uv_udp.h"
#include "daemon/net/swarm.h"
#include "proto/quic/quic.h"

#define QUIC_PORTS_MAX 34 /* LISTEN_ADDRS_MAX that listen, as many that were shut and still carry,
                           * and two that only dial */

struct quic_ports;
struct quic_port;

enum quic_door_answer {
	QUIC_DOOR_SHUT,  /* as if nobody lived here */
	QUIC_DOOR_RETRY, /* come again with a token: costs us nothing to remember */
	QUIC_DOOR_OPEN,
};

/* Who listens. */
struct quic_door {
	/* A stranger's first datagram. `is_validated`: its address is proven by a token. After OPEN
	 * on_accept follows at once. */
	enum quic_door_answer (*on_knock)(void *arg, const struct maddr_ip *remote, bool is_validated);
	/* Let in: `take_conn` is the callee's. NULL: it came to nothing after all. */
	void (*on_accept)(void *arg, struct quic_port *port, struct quic_conn *take_conn,
		const struct datagram_path *path);
};

struct quic_ports_opts {
	struct swarm *swarm;
	const struct tls_identity *tls;  /* borrowed, outlives them; NULL: there is no QUIC here, every
	                                  * call says P2P_ERR_UNSUPPORTED */
	const struct key_pair *identity; /* borrowed likewise */
	struct rng *rng;                 /* borrowed likewise */
};

struct quic_ports *quic_ports_new(const struct quic_ports_opts *opts);
/* After the swarm has let go of all connections. NULL is fine. */
void quic_ports_free(struct quic_ports *p);

/* True when QUIC can be spoken at all. */
bool quic_ports_are_on(const struct quic_ports *p);

/* Opens a listening port; errors as udp_open(), P2P_ERR_FULL. `door` is static. */
int quic_port_listen(struct quic_ports *p, const struct maddr_ip *addr, const struct quic_door *door,
	void *arg, struct quic_port **ret);
void quic_port_shut(struct quic_port *port);
void quic_port_addr(const struct quic_port *port, struct maddr_ip *ret);

/* Begins to dial; `*ret_path` is the way that it takes. P2P_ERR_UNREACHABLE (no route),
 * P2P_ERR_FULL, P2P_ERR_UNSUPPORTED, or what udp_open() says. */
int quic_ports_dial(struct quic_ports *p, const struct maddr_ip *to, const struct peer_id *expected,
	struct quic_port **ret_port, struct quic_conn **ret_conn, struct datagram_path *ret_path);

/* All endpoints and sockets together. */
struct quic_ports_stats {
	struct quic_stats quic;
	struct udp_stats udp; /* rcvbuf_bytes: the least of all ports; has_…: of any */
	uint64_t unreachable; /* reports that nobody is there */
	uint64_t pokes;       /* of others, that came here */
	unsigned ports;
};
void quic_ports_stats(const struct quic_ports *p, struct quic_ports_stats *ret);

/* --- for the swarm --- */

/* Counts a connection that lives on the port; given back when it is gone, after which the port may
 * be gone, too. */
void quic_port_hold(struct quic_port *port);
void quic_port_release(struct quic_port *port);

void quic_port_send(struct quic_port *port, const struct datagram_train *train, struct bytes data);

/* Sends a poke: the shortest datagram that is none of QUIC's, although it begins like one. Every QUIC drops
 * it unread, without an answer of any kind (RFC 9000, 5.2: too short to be a packet; go-libp2p and
 * rust-libp2p likewise), but the kernel of a machine where nobody has the port answers it. Returns how
 * many bytes that was. */
size_t quic_port_poke(struct quic_port *port, const struct datagram_path *path);
bool quic_port_is_blocked(const struct quic_port *port);

#endif
