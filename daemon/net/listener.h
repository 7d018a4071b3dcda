/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h: our doors: which sockets listen, and who gets as far as a handshake
 * (rules ). */
#ifndef P2POS_NET_LISTENER_H
#define P2POS_NET_LISTENER_H

#include "daemon/net/swarm.h"

#define LISTEN_ADDRS_MAX 16

struct listener;

struct listener_opts {
	struct swarm *swarm;
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

/* Opens one door. Errors as tcp_listen(), P2P_ERR_FULL. */
int listener_open(struct listener *l, const struct maddr_ip *addr);

/* Makes the doors exactly these: closes what is not among them, opens what is missing, leaves the
 * others alone. On an error the earlier ones are open again and `ret_failed` (may be NULL) is the
 * address that could not be opened. Connections are not touched either way. */
int listener_set(struct listener *l, const struct maddr_ip *addrs, size_t count,
	struct maddr_ip *ret_failed);

/* The addresses as bound (ports where 0 was asked for). Returns how many, at most `max`. */
size_t listener_addrs(const struct listener *l, struct maddr_ip *ret, size_t max);

/* The source of a connection did wrong; nothing from it for `ms`. */
void listener_punish(struct listener *l, const struct maddr_ip *source, int64_t ms);

#endif
