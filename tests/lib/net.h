/* SPDX-License-Identifier: Apache-2.0 */
/* net.h: a pretend network and clock.
 *
 * Hosts are numbers. Between them run pipes that behave like TCP connections of a modest kernel:
 * messages arrive in order, a lost segment is sent again after 200 ms, then 200, 400,
 * 800, …, nothing behind it overtakes it, nothing new is sent meanwhile; acknowledgements get lost
 * as well, and ride on whatever goes the other way. A host can be cut off from
 * another in one direction or both, its process can freeze (the kernel goes on acknowledging), be
 * killed (the kernel closes its pipes), or the machine can vanish (whoever sends to it later gets a
 * reset). Time jumps from event to event. Everything follows from the seed. */
#ifndef P2POS_TESTS_LIB_NET_H
#define P2POS_TESTS_LIB_NET_H

#include "proto/base/bytes.h"
#include "proto/base/clock.h"
#include "proto/base/rng.h"

#define NET_HOSTS_MAX 1024

struct net;
struct net_pipe;

/* What the hosts are told. A frozen host is told later, in order; a dead one never. */
struct net_face {
	void *of;
	/* `end` 0: our connect succeeded; 1: somebody connected to us. */
	void (*on_open)(void *of, unsigned host, struct net_pipe *p, unsigned end);
	/* A connect of ours came to nothing: P2P_ERR_TIMEOUT or P2P_ERR_REFUSED. */
	void (*on_failed)(void *of, unsigned host, uint64_t ref, int err);
	void (*on_message)(
		void *of, unsigned host, struct net_pipe *p, unsigned end, struct bytes m);
	/* The other side closed it, or a reset came. */
	void (*on_closed)(void *of, unsigned host, struct net_pipe *p, unsigned end);
	void (*on_timer)(void *of, unsigned host, uint64_t what);
};

struct net_opts {
	unsigned hosts;
	uint64_t seed;
	int64_t latency_us_min, latency_us_max;
	unsigned loss_percent; /* each way */
	struct net_face face;
};

struct net *net_new(const struct net_opts *o);
void net_free(struct net *n);

mono_t net_now(const struct net *n);
struct rng *net_rng(struct net *n);

/* When the next thing happens; MONO_NEVER when nothing is planned. */
mono_t net_next(const struct net *n);
/* Moves the clock to `at` (not before now, not past net_next()) . */
void net_move(struct net *n, mono_t at);
/* Does the next thing; its time must have come. */
void net_step(struct net *n);

/* Hosts: all begin dead. */
void net_start(struct net *n, unsigned host);
void net_kill(struct net *n, unsigned host);   /* the process ends, its pipes are closed */
void net_vanish(struct net *n, unsigned host); /* without a word */
/* As net_kill() over UDP: its peers are told nothing, but who sends or pokes later gets a reset, after
 * the 10 ms that swarm.h leaves for an answer. */
void net_crash(struct net *n, unsigned host);
void net_freeze(struct net *n, unsigned host);
/* Returns for how long it was frozen; tell the host before calling net_thaw_rest(). */
int64_t net_thaw(struct net *n, unsigned host);
void net_thaw_rest(struct net *n, unsigned host); /* what had piled up is told now */
bool net_is_up(const struct net *n, unsigned host);
bool net_is_frozen(const struct net *n, unsigned host);

/* Whether packets from `from` to `to` are lost. */
void net_cut(struct net *n, unsigned from, unsigned to, bool cut);
void net_loss(struct net *n, unsigned percent);
void net_latency(struct net *n, int64_t us_min, int64_t us_max);

/* Connects; on_open() with end 0 or on_failed() with `ref` follows within 10 s. */
struct net_pipe *net_connect(struct net *n, unsigned from, unsigned to, uint64_t ref);
void net_send(struct net_pipe *p, unsigned end, struct bytes m);
/* A packet that asks for nothing and is not sent again. */
void net_poke(struct net_pipe *p, unsigned end);
/* Closes; nothing more is told to this end. */
void net_close(struct net_pipe *p, unsigned end);

unsigned net_peer_of(const struct net_pipe *p, unsigned end); /* the host at the other end */
uint64_t net_ref_of(const struct net_pipe *p);
void *net_tag(const struct net_pipe *p, unsigned end);
void net_set_tag(struct net_pipe *p, unsigned end, void *tag);

/* on_timer() after so long, if the process still lives then. */
void net_after(struct net *n, unsigned host, int64_t us, uint64_t what);

/* Messages handed in so far, and their bytes. */
uint64_t net_messages(const struct net *n);
uint64_t net_bytes_sent(const struct net *n);

#endif
