/* SPDX-License-Identifier: Apache-2.0 */
/* self.h: what we tell others about ourselves: addresses, protocols, the signed peer record.
 *
 * Listen addresses on "any" are expanded over the interfaces; `announce` of the configuration
 * replaces them altogether where it is given. */
#ifndef P2POS_NET_SELF_H
#define P2POS_NET_SELF_H

#include "daemon/net/listener.h"
#include "proto/keys/peer_record.h"

#define SELF_ADDRS_MAX 32

struct self;

struct self_opts {
	struct loop *loop;
	const struct key_pair *identity; /* borrowed */
	const char *agent;               /* borrowed: "p2pos/20261120-0800" */
};

struct self *self_new(const struct self_opts *opts);
void self_free(struct self *s);

const char *self_agent(const struct self *s);
const struct key_pair *self_identity(const struct self *s);
const struct peer_id *self_peer(const struct self *s);

/* What listens, and what the operator wants announced instead (may be none). Both are copied.
 * Returns true when the announced list changed: then push identify. */
bool self_set_addrs(struct self *s, const struct listen_door *listening, size_t listen_count,
	const struct maddr *announce, size_t announce_count);

/* Looks at the interfaces again; true as above. The owner calls it now and then. */
bool self_refresh(struct self *s);

/* Our addresses as somebody at `remote` may use them (R-36, spec identify-ping.md section 2):
 * loopback only for those on loopback, link-local for nobody, private ones not over a public
 * connection. NULL: all but loopback and link-local, or loopback alone if there is nothing else.
 * Returns how many were written. */
size_t self_addrs(const struct self *s, const struct maddr *remote, struct maddr *ret, size_t max);

/* The sealed peer record for `remote` (as above), appended; its seq grows with every change of
 * the list, and a record for a nearer reader (who may know more of our addresses) is above one for
 * a farther one. P2P_ERR_TOO_LARGE, P2P_ERR_NOT_FOUND (there is no address to tell). */
int self_record(struct self *s, const struct maddr *remote, struct buf *out);

#endif
