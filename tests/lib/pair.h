/* SPDX-License-Identifier: Apache-2.0 */
/* pair.h: two conns wired back to back in memory, on a clock that moves only when told, over any of
 * the stacks that a conn can have.
 *
 *	struct pair p;
 *
 *	pair_init(&p, 1);                  seeded: every run is the same
 *	p.side[PAIR_L].echoes = true;      settings, before pair_start()
 *	pair_start(&p);
 *	pair_run(&p);                      until nobody has anything to send
 *	assert_true(pair_is_open(&p));
 *	pair_deinit(&p);
 *
 * Each side answers CONN_PROVEN by itself with its grant (unless told not to), writes down every
 * event, and collects the data of its streams. A *flight* is one side's bytes of one moment on
 * their way to the other: a question and its answer are one flight each, together a round trip.
 *
 * Over QUIC, which measures and paces, a flight is the datagrams of one moment and takes
 * PAIR_FLIGHT_MS; pair_run() waits for acknowledgements and the like, too. Nothing gets lost. */
#ifndef P2POS_TESTS_LIB_PAIR_H
#define P2POS_TESTS_LIB_PAIR_H

#include "proto/conn/conn.h"
#include "proto/noise/noise.h"
#include "proto/quic/quic.h"
#include "proto/tls/tls.h"

/* What is between the two. */
enum pair_stack { PAIR_NOISE, PAIR_TLS, PAIR_QUIC, PAIR_STACKS };

/* The time of certificates. */
#define PAIR_WALL ((wall_t){1800000000, 0}) /* 2027-01-15T08:00:00Z */

#define PAIR_FLIGHT_MS 5 /* over QUIC; over a pipe a flight takes no time */

#define PAIR_D 0 /* the dialer's place in pair.side */
#define PAIR_L 1 /* the listener's */

#define PAIR_EVENTS_MAX  1024 /* written down; further ones only call `on_event` */
#define PAIR_STREAMS_MAX 256  /* with data collected */
#define PAIR_FLIGHTS_MAX 100000 /* of one pair_run(): more fails the test */

struct pair_event {
	enum conn_event_kind kind;
	uint32_t stream;
	char protocol[CONN_PROTOCOL_MAX];
	size_t data_len;
	int64_t rtt_ns;
	int err;
	const char *why, *detail;
};

struct pair;

struct pair_side {
	/* Who it is; made by pair_init(). */
	struct rng_seeded seeded;
	struct rng *rng; /* &seeded.rng; a test may put its own here */
	struct key_pair identity;
	uint8_t identity_pb[KEY_PUBLIC_PB_BYTES];
	struct peer_id id;
	struct noise_static noise;
	struct tls_identity tls;

	/* What it secures a pipe with; of the stack, unless the test changes it before pair_start(). */
	enum conn_security securities[CONN_SECURITIES];
	uint8_t security_count;

	/* How it behaves; may be changed at any time. */
	struct peer_id expected;  /* the dialer's: the listener's id */
	struct conn_grant grant;  /* generous */
	bool holds_judgement;     /* CONN_PROVEN is not answered */
	bool echoes;              /* what arrives on the peer's streams goes back, as far as it is taken */
	bool is_deaf;             /* what is sent to it waits in `wire` */
	void (*on_event)(struct pair *p, int side, const struct conn_event *ev); /* may be NULL */

	/* What became of it. */
	struct conn *conn;        /* over QUIC a listener has none before the first flight */
	struct quic_endpoint *ep; /* of QUIC; stays for all connections */
	struct buf wire;          /* bytes on their way to this side; over QUIC each datagram has its
	                           * length before it, as u16be */
	unsigned flights;         /* that it has sent */
	uint64_t bytes_sent;
	struct pair_event events[PAIR_EVENTS_MAX];
	size_t event_count;
	bool is_proven, is_closed;
	size_t memory_max;        /* the most its conn has owned, looked at after each step */
	struct pair_stream {
		uint32_t stream;
		struct buf got;
		bool ended;
	} streams[PAIR_STREAMS_MAX];
	size_t stream_count;
};

struct pair {
	struct pair_side side[2];
	struct conn_scratch scratch; /* shared by both */
	enum pair_stack stack;
	mono_t now;
	wall_t wall;   /* PAIR_WALL; a test may change it before pair_start() */
	size_t cut;    /* deliver in pieces of at most so many bytes; 0: as they come */
	size_t budget; /* of each conn_send(); 0: 512 KiB */
	void *arg;     /* the test's own */
};

void pair_init(struct pair *p, uint64_t seed); /* over Noise */
void pair_init_over(struct pair *p, enum pair_stack stack, uint64_t seed);
void pair_deinit(struct pair *p);

/* Makes the two conns. May be called again for a fresh connection of the same two. */
void pair_start(struct pair *p);

/* One flight from `from` to the other side, if it has anything to send; false when it has not. */
bool pair_flight(struct pair *p, int from);

/* Flights to and fro until nobody has anything to send. */
void pair_run(struct pair *p);

/* Lets time pass: every deadline on the way is kept at its instant, with flights after it. */
void pair_pass(struct pair *p, int64_t ms);

/* Reads the events of a side; the other functions do it by themselves. */
void pair_events(struct pair *p, int side);

bool pair_is_open(const struct pair *p);

/* pair_start() and pair_run(); fails the test unless both are open. */
void pair_open(struct pair *p);

/* The first event of a kind from number `from` on; NULL when there is none. `ret_at` (may be NULL)
 * is its number. */
const struct pair_event *pair_find(
	const struct pair *p, int side, enum conn_event_kind kind, size_t from, size_t *ret_at);
size_t pair_count(const struct pair *p, int side, enum conn_event_kind kind);

/* Fails the test unless the side was told CONN_CLOSED with this error and reason. */
void pair_assert_closed(const struct pair *p, int side, int err, const char *why);

/* All data that a stream has given so far; nothing when it is unknown. */
struct bytes pair_got(const struct pair *p, int side, uint32_t stream);

/* Opens a stream and writes to it; fails the test when that is not possible. */
uint32_t pair_say(struct pair *p, int side, const char *protocol, struct bytes data);

/* "noise", "tls", "quic" */
const char *pair_stack_word(enum pair_stack stack);

/* The protocols of the default grant. */
extern const char *const pair_protocols[];
extern const size_t pair_protocol_count;

#endif
