/* SPDX-License-Identifier: Apache-2.0 */
/* net_parts.h: what the two files of the pretend network share. */
#ifndef P2POS_TESTS_LIB_NET_PARTS_H
#define P2POS_TESTS_LIB_NET_PARTS_H

#include "proto/base/list.h"
#include "tests/lib/net.h"

struct seg {
	struct list node;
	uint64_t number;
	bool received, is_fin;
	size_t len;
	uint8_t data[];
};

/* One direction: what end `i` sent and has not seen acknowledged. */
struct flow {
	struct list unacked;
	uint64_t next_number, next_wanted; /* of the sender, of the receiver */
	unsigned backoff;
	bool timing; /* an RTO event is out */
	bool probed; /* the first one was but a tail loss probe: it does not back off */
	uint64_t timer_turn;
};

struct end {
	unsigned host;
	uint64_t epoch; /* of the process that owns it */
	bool open;      /* that process may still use it */
	void *tag;
};

struct net_pipe {
	struct net *net;
	struct list node;
	uint64_t ref;
	bool established, failed;
	unsigned syn_tries;
	unsigned events; /* out that point here */
	struct end end[2];
	struct flow flow[2];
};

struct host {
	bool up, frozen, vanished;
	bool crashed; /* over UDP: the machine answers who sends that nobody is there */
	uint64_t epoch;
	mono_t frozen_at;
	struct list inbox; /* of struct event */
};

enum event_kind {
	EVENT_SYN,
	EVENT_SYN_ACK,
	EVENT_SYN_AGAIN,
	EVENT_REFUSED,
	EVENT_GIVE_UP,
	EVENT_SEG,
	EVENT_ACK,
	EVENT_RTO,
	EVENT_RESET,
	EVENT_POKE,
	EVENT_TIMER,
	/* told to a host */
	TELL_OPEN,
	TELL_FAILED,
	TELL_MESSAGE,
	TELL_CLOSED,
	TELL_TIMER,
};

struct event {
	struct list node;
	mono_t at;
	uint64_t turn;
	enum event_kind kind;
	struct net_pipe *pipe;
	unsigned end, host;
	uint64_t what; /* segment or ack number, timer, epoch */
	uint64_t ack;
	uint64_t epoch;
	int err;
	struct seg *seg;
};

struct net {
	struct net_opts o;
	struct rng_seeded rng;
	mono_t now;
	struct event **heap;
	size_t count, cap;
	uint64_t turns, messages, bytes;
	struct host *hosts;
	bool *cut;
	struct list pipes;
};

/* net_flow.c: the queue of events, packets, and messages in order. */
struct event *net_heap_take(struct net *n);
struct event *net_plan(
	struct net *n, int64_t us, enum event_kind kind, struct net_pipe *p, unsigned end);
void net_event_free(struct event *e);
int64_t net_delay(struct net *n);
bool net_passes(struct net *n, unsigned from, unsigned to); /* does this packet? */
bool net_end_lives(const struct net_pipe *p, unsigned end);
void net_queue(struct net_pipe *p, unsigned end, struct bytes m, bool is_fin);
void net_flow_drop(struct flow *f);
void net_end_reset(struct net_pipe *p, unsigned end);
void net_seg_arrives(struct net_pipe *p, unsigned end, uint64_t number);
void net_ack_arrives(struct net_pipe *p, unsigned end, uint64_t upto);
void net_poke_arrives(struct net_pipe *p, unsigned end);
void net_rto_rings(struct net_pipe *p, unsigned end, uint64_t turn);

/* net.c: tells a host now, or when it has thawed. Takes over `take_seg`. */
void net_tell(struct net *n, unsigned host, enum event_kind kind, struct net_pipe *p, unsigned end,
	uint64_t what, int err, struct seg *take_seg);

#endif
