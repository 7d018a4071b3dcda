/* SPDX-License-Identifier: Apache-2.0 */
/* quic_pair.h: two QUIC endpoints with a pretend path between them, on a clock that moves only when
 * told.
 *
 *	struct quic_pair p;
 *
 *	quic_pair_init(&p, 1);             seeded; only keys that the TLS library draws differ
 *	quic_pair_dial(&p);                D dials L
 *	quic_pair_run(&p);                 until nothing is on its way and nobody has anything to send
 *	…
 *	quic_pair_deinit(&p);
 *
 * Both sides write down their events, grant generous limits as soon as the peer is proven, consume
 * and collect what streams bring, and may echo it. The path delays, loses, repeats, swaps and spoils
 * datagrams as told; `on_datagram` may look at each, change it, or keep it back. */
#ifndef P2POS_TESTS_LIB_QUIC_PAIR_H
#define P2POS_TESTS_LIB_QUIC_PAIR_H

#include "proto/quic/quic.h"
#include "proto/tls/tls.h"

#define QUIC_D 0 /* the dialer's place in quic_pair.side */
#define QUIC_L 1 /* the listener's */

#define QUIC_PAIR_WALL    ((wall_t){1800000000, 0}) /* 2027-01-15 */
#define QUIC_PAIR_EVENTS  4096 /* written down; further ones only call `on_event` */
#define QUIC_PAIR_STREAMS 1024 /* with data collected */
#define QUIC_PAIR_STEPS   4000000 /* of one run: more fails the test */

struct quic_pair;

struct quic_pair_side {
	/* Who it is. */
	struct rng_seeded rng;
	struct key_pair identity;
	struct peer_id id;
	struct tls_identity tls;
	struct maddr_ip addr;

	/* How it behaves; may be changed at any time. */
	struct peer_id expected;    /* the dialer's: the listener's id */
	struct quic_limits limits;  /* generous */
	bool holds_judgement;       /* limits are not set by themselves */
	bool is_lazy;               /* what arrives is not consumed */
	bool echoes;                /* it goes back, as far as it is taken */
	bool retries;               /* strangers have to come again with a token */
	bool is_deaf;               /* nothing is delivered to it: it stays on its way */
	void (*on_event)(struct quic_pair *p, int side, const struct quic_event *ev); /* or NULL */
	/* Somebody else in its place (quic_foreign.h): gets what is delivered. */
	void (*stranger)(struct quic_pair *p, int side, const struct datagram *in, void *arg);
	void *stranger_arg;

	/* What became of it. */
	struct quic_endpoint *ep;
	struct quic_conn *conn;
	struct quic_event events[QUIC_PAIR_EVENTS]; /* `data` only keeps its length */
	size_t event_count;
	bool is_proven, is_closed;
	struct peer_id proven;
	struct quic_event end;      /* the CLOSED event */
	uint64_t datagrams, bytes;  /* that it has sent */
	size_t largest;             /* of them */
	uint64_t received;          /* bytes of streams */
	struct quic_pair_stream {
		uint32_t stream;
		struct buf got;
		bool ended;
	} streams[QUIC_PAIR_STREAMS];
	size_t stream_count;
	bool keeps_no_data;         /* only counted in `received` */
};

/* One datagram on its way. */
struct quic_pair_flight {
	struct quic_pair_flight *next;
	mono_t at;
	int to; /* side */
	struct datagram_path path; /* the receiver's */
	uint8_t ecn;
	size_t len;
	uint8_t data[];
};

struct quic_pair {
	struct quic_pair_side side[2];
	mono_t now;
	struct rng_seeded fate; /* what happens to datagrams */
	int64_t delay_ns;       /* one way; 10 ms */
	unsigned loss, repeat, swap, spoil; /* per mille of datagrams */
	size_t mtu;             /* larger ones vanish; 0: none do */
	/* False keeps the datagram back; it may be changed in place. May be NULL. */
	bool (*on_datagram)(struct quic_pair *p, int from, struct quic_pair_flight *f);
	void *arg; /* the test's own */
	struct quic_pair_flight *flights; /* by time */
	struct buf out;
};

void quic_pair_init(struct quic_pair *p, uint64_t seed);
void quic_pair_deinit(struct quic_pair *p);

/* Forgets the connections of both, keeping identities and endpoints; and dials. */
void quic_pair_dial(struct quic_pair *p);
void quic_pair_forget(struct quic_pair *p);

/* What both have to send goes on its way. */
void quic_pair_send(struct quic_pair *p);

/* Puts a datagram on its way by hand. */
void quic_pair_throw(struct quic_pair *p, int from, struct bytes data);

/* The same from an address that the side does not have. */
void quic_pair_throw_from(
	struct quic_pair *p, int from, const struct maddr_ip *addr, struct bytes data);

/* Lets time pass: everything arrives, and every deadline is kept, at its instant. */
void quic_pair_pass(struct quic_pair *p, int64_t ms);

/* The same until nothing is on its way and no deadline is nearer than a second. */
void quic_pair_run(struct quic_pair *p);

/* Dials, runs, and fails the test unless both are proven. */
void quic_pair_open(struct quic_pair *p);

/* Events of a side from number `from` on; NULL when there is none. `ret_at` may be NULL. */
const struct quic_event *quic_pair_find(const struct quic_pair *p, int side,
	enum quic_event_kind kind, size_t from, size_t *ret_at);
size_t quic_pair_count(const struct quic_pair *p, int side, enum quic_event_kind kind);

/* Fails the test unless the side was told CLOSED so. */
void quic_pair_assert_closed(const struct quic_pair *p, int side, int err, const char *why);

/* All that a stream has given so far. */
struct bytes quic_pair_got(const struct quic_pair *p, int side, uint32_t stream);
bool quic_pair_ended(const struct quic_pair *p, int side, uint32_t stream);

/* Opens a stream and writes all of `data` into it; fails the test when that is not possible. */
uint32_t quic_pair_say(struct quic_pair *p, int side, struct bytes data);

#endif
