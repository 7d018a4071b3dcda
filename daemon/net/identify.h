/* SPDX-License-Identifier: Apache-2.0 */
/* identify.h: answers /ipfs/id/1.0.0, asks it on every connection that comes up, and pushes and
 * takes changes by /ipfs/id/push/1.0.0 (spec identify-ping.md sections 1 to 4).
 *
 * What a peer says about itself goes into the peerbook here (its own addresses only, filtered by
 * how it is connected); everybody else hears it through on_identified. */
#ifndef P2POS_NET_IDENTIFY_H
#define P2POS_NET_IDENTIFY_H

#include "daemon/net/peerbook.h"
#include "daemon/net/self.h"
#include "daemon/net/streams.h"

#define IDENTIFY_MS          5000  /* for the whole exchange */
#define IDENTIFY_PUSH_IN_MS  10000 /* one push taken a peer and this time (features P-027) */
#define IDENTIFY_PUSH_OUT_MS 1000  /* changes within this leave as one push */

/* What a peer said; all borrowed until the call returns. */
struct identify_news {
	uint64_t conn;
	const struct peer_id *peer;
	int err;                        /* 0, or why nothing is known (then the rest is empty) */
	bool is_push;
	const struct bytes *protocols;  /* printable; what they promise is untrusted */
	size_t protocol_count;
	const struct maddr *addrs;      /* where it listens, filtered */
	size_t addr_count;
	struct bytes sealed_record;     /* verified envelope; empty when it sent none (or a bad one) */
	struct bytes agent;             /* printable, at most 128 bytes */
	struct maddr observed;          /* how it sees us; empty when unknown */
};
typedef void identify_news_fn(void *arg, const struct identify_news *news);

struct identify_service;

struct identify_opts {
	struct streams *streams;
	struct peerbook *book;
	struct self *self;
};

/* Serves both protocols and watches the swarm. */
struct identify_service *identify_new(const struct identify_opts *opts);
/* After streams_free(). NULL is fine. */
void identify_free(struct identify_service *i);

/* At most IDENTIFY_LISTENERS_MAX (our bug beyond): cluster, dialer. */
#define IDENTIFY_LISTENERS_MAX 4
void identify_listen(struct identify_service *i, identify_news_fn *fn, void *arg);

/* Asks a connected peer again; the news tell. P2P_ERR_CLOSED, P2P_ERR_BUSY (being asked), P2P_ERR_FULL. */
int identify_ask(struct identify_service *i, uint64_t conn);

/* Our addresses or protocols changed: tells every connected peer that takes pushes. */
void identify_push_all(struct identify_service *i);

#endif
