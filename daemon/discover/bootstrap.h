/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.h: the entries of init_connections: what they are, what they came to last, asking them
 * (p2pos.md section 5). When to ask is decided by the core of the cluster. */
#ifndef P2POS_DISCOVER_BOOTSTRAP_H
#define P2POS_DISCOVER_BOOTSTRAP_H

#include "config/config.h"
#include "daemon/discover/dns.h"

/* A multiaddr as it stands in the configuration, or what a name came to. `peer` is none when the
 * address names nobody. */
typedef void bootstrap_addr_fn(void *arg, const struct peer_id *peer, const struct maddr *addr,
	bool from_dns);

struct bootstrap;

struct bootstrap_opts {
	struct loop *loop;
	struct dns *dns;
	bootstrap_addr_fn *on_addr;
	/* Whether there is a connection to that peer, or it is this node itself. NULL: never. */
	bool (*is_reached)(void *arg, const struct peer_id *peer);
	void *arg;
};

struct bootstrap *bootstrap_new(const struct bootstrap_opts *opts);
/* Look-ups under way end without news. NULL is fine. */
void bootstrap_free(struct bootstrap *b);

/* Takes the entries (copied); those that stay keep what is known of them. Plain multiaddrs are told
 * at once, also at later calls: the core forgets what it does not need. */
void bootstrap_set(struct bootstrap *b, const struct config_bootstrap *entries, size_t count);

/* Asks all entries with a name whose answers have lost their validity or name a peer that is not
 * reached (it may have moved, whatever the answer's time to live was), or all of them with `anew`.
 * The others are told again as they are. Returns how many entries there are. */
unsigned bootstrap_run(struct bootstrap *b, bool anew);

/* Entry `i` and what became of it; false past the end. */
struct bootstrap_entry {
	const struct config_bootstrap *entry;
	size_t count;
	const struct maddr *addrs;
	wall_t asked_at; /* WALL_ZERO: never, or nothing to ask */
	int err;
};
bool bootstrap_at(const struct bootstrap *b, size_t i, struct bootstrap_entry *ret);

#endif
