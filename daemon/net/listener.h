/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h: our doors: which sockets listen, and who gets as far as a handshake
 * (rules ).
 *
 * A door is one address with TCP and QUIC on the same port number, or with one of them. Strangers of
 * both share the slots. Who comes by QUIC may lie about where: from LISTEN_RETRY_FROM strangers on,
 * and beyond a source's own pace, it is sent away with a token that proves its address when it comes
 * back. What unproven newcomers use up of a source's pace is counted apart, so that nobody can take
 * it from the one who really lives there. */
#ifndef P2POS_NET_LISTENER_H
#define P2POS_NET_LISTENER_H

#include "daemon/net/quic_ports.h"

#define LISTEN_ADDRS_MAX  16
#define LISTEN_RETRY_FROM 17 /* strangers half open, the newcomer included */

/* One door, as it stands open. */
struct listen_door {
	struct maddr_ip ip;
	bool has_tcp, has_quic;
};

struct listener;

struct listener_opts {
	struct swarm *swarm;
	struct quic_ports *ports; /* borrowed, outlives the listener; NULL: no QUIC */
	bool no_tcp;
	/* True for a source with a slot in reserve: seen with an authenticated member in the last
	 * seven days, or listed in the configuration. NULL: nobody. */
	bool (*is_known_source)(void *arg, const struct maddr_ip *source);
	/* True for a source that is to be refused before any handshake. NULL: nobody. */
	bool (*is_blocked_source)(void *arg, const struct maddr_ip *source);
	void *arg;
};

struct listener *listener_new(const struct listener_opts *opts);
/* Closes every door. NULL is fine. */
void listener_free(struct listener *l);

/* Opens one door. Errors as tcp_listen() and udp_open(), P2P_ERR_FULL; nothing is open then. */
int listener_open(struct listener *l, const struct maddr_ip *addr);

/* Makes the doors exactly these: closes what is not among them, opens what is missing, leaves the
 * others alone. On an error the earlier ones are open again and `ret_failed` (may be NULL) is the
 * address that could not be opened. Connections are not touched either way. */
int listener_set(struct listener *l, const struct maddr_ip *addrs, size_t count,
	struct maddr_ip *ret_failed);

/* The doors as bound (ports where 0 was asked for). Returns how many, at most `max`. */
size_t listener_doors(const struct listener *l, struct listen_door *ret, size_t max);

/* The source of a connection did wrong; nothing from it for `ms`. */
void listener_punish(struct listener *l, const struct maddr_ip *source, int64_t ms);

#endif
