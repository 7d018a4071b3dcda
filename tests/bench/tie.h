/* SPDX-License-Identifier: Apache-2.0 */
/* tie.h: two conns tied together in memory, with as little as possible between them. */
#ifndef P2POS_TESTS_BENCH_TIE_H
#define P2POS_TESTS_BENCH_TIE_H

#include "proto/conn/conn.h"
#include "proto/noise/noise.h"
#include "proto/quic/quic.h"
#include "proto/tls/tls.h"

#define TIE_PROTOCOL "/bench/1.0.0"
#define TIE_BUDGET   (512 * 1024) /* of one conn_send(), as the daemon gives it */

#define TIE_WALL     ((wall_t){1800000000, 0})
#define TIE_DELAY_NS 100000 /* that a flight takes over QUIC, which measures and paces */

enum tie_stack { TIE_NOISE, TIE_TLS, TIE_QUIC, TIE_STACKS };

/* What a process has once, for all its connections. */
struct tie_end {
	struct rng_seeded seeded;
	struct key_pair identity;
	uint8_t identity_pb[KEY_PUBLIC_PB_BYTES];
	struct peer_id id;
	struct noise_static noise;
	struct tls_identity tls;
	struct quic_endpoint *quic;
};

struct tie_pair {
	struct tie_end end[2]; /* 0 dials */
	struct conn_scratch scratch[2];
	enum tie_stack stack; /* of the ties that are started from now on */
	struct buf wire;       /* of the flight under way */
};

struct tie {
	struct tie_pair *of;
	struct conn *conn[2]; /* over QUIC there is no listener before the first flight */
	enum tie_stack stack;
	uint32_t stream;     /* the dialer's, once opened */
	bool is_agreed;
	uint64_t arrived[2]; /* bytes on streams */
	unsigned flights;    /* either way */
	size_t segment;      /* over QUIC: the largest datagram so far */
	bool asks, echoes;   /* the dialer says something at once; the listener sends it back */
	mono_t now;
};

void tie_pair_init(struct tie_pair *p);
void tie_pair_deinit(struct tie_pair *p);

void tie_start(struct tie *t, struct tie_pair *of);
void tie_free(struct tie *t);

/* One flight from an end to the other; false when it had nothing to send. */
bool tie_flight(struct tie *t, int from);
/* Flights to and fro until both rest. */
void tie_run(struct tie *t);
/* tie_start() and tie_run(), and both ends are open. */
void tie_open(struct tie *t, struct tie_pair *of);

#endif
