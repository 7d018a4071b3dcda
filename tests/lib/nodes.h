/* SPDX-License-Identifier: Apache-2.0 */
/* nodes.h: whole network stacks (daemon/net) on one loop, talking over loopback. */
#ifndef P2POS_TESTS_LIB_NODES_H
#define P2POS_TESTS_LIB_NODES_H

#include "daemon/net/dialer.h"
#include "daemon/net/identify.h"
#include "daemon/net/listener.h"
#include "daemon/net/ping.h"
#include "daemon/net/self.h"
#include "proto/noise/noise.h"
#include "proto/tls/tls.h"
#include "tests/lib/turns.h"

struct node {
	struct loop *loop;
	struct key_pair key;
	struct peer_id id;
	struct noise_static noise;
	struct tls_identity tls;
	struct rng_seeded rng;
	struct swarm *swarm;
	struct quic_ports *ports;
	struct streams *streams;
	struct peerbook *book;
	struct self *self;
	struct identify_service *identify;
	struct pings *pings;
	struct dialer *dialer;
	struct listener *listener;
	struct maddr_ip addr;     /* where it listens, over TCP and QUIC */

	/* How it judges. */
	const char *refuse_with;  /* NULL: everybody may stay */
	struct swarm_grant grant;
	bool knows_everybody;     /* every source has a slot in reserve */
	bool blocks_everybody;

	/* What it heard. */
	int ups, gones, heards, pongs, refusals, identified, identify_failed;
	struct swarm_conn last;   /* of on_up */
	uint64_t last_dial;       /* as the judge saw it */
	int last_err;             /* of on_gone or on_refused */
	const char *last_why;
	enum swarm_end last_how;
	int64_t last_rtt_ns;
	size_t said_addrs, said_protocols, said_record;
	char said_agent[64];
	struct maddr observed;
};

/* A stack that listens on 127.0.0.1 at any port. Keys come from `seed`. */
void node_init(struct node *n, struct loop *l, uint8_t seed);
void node_deinit(struct node *n);

/* Its address over TCP, and over QUIC, with its ID. */
struct maddr node_maddr(const struct node *n);
struct maddr node_quic_maddr(const struct node *n);

/* The result of a dial, copied. */
struct dial_outcome {
	bool is_done;
	int err;
	uint64_t conn;
	struct peer_id peer;
	char why[64];
	struct dial_attempt attempts[DIAL_ADDRS_MAX];
	size_t attempt_count;
};
void on_dial_done(void *arg, const struct dial_result *r); /* arg: a dial_outcome */

/* Begins a dial to one address. */
void node_dial(struct node *n, const struct maddr *to, const struct peer_id *expected,
	struct dial_outcome *ret);

/* Connects a to b, until both have identified each other. Returns a's conn. */
uint64_t nodes_connect(struct node *a, struct node *b);
uint64_t nodes_connect_to(struct node *a, struct node *b, const struct maddr *to);

#endif
