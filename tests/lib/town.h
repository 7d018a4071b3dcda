/* SPDX-License-Identifier: Apache-2.0 */
/* town.h: N cores on a pretend network (net.h): what the daemon does on real time, done on virtual
 * time, and after every event the invariants of reliability.md 3.4.
 *
 * Each node has a disk (its snapshot, floor, marks, records), a clock that may be wrong, and a key.
 * There are two admins under one system key. A run follows from its seed alone; its trace hash
 * covers every decision of every node. When a check fails, the seed is printed: run the program
 * with SEED=number to see that run again. */
#ifndef P2POS_TESTS_LIB_TOWN_H
#define P2POS_TESTS_LIB_TOWN_H

#include "proto/cluster/core.h"
#include "tests/lib/net.h"

#define TOWN_TOKENS_MAX 16384
#define TOWN_ADMINS     2

struct town;

struct town_opts {
	unsigned nodes;
	uint64_t seed;
	unsigned members; /* nodes 0 … members-1 hold a first list of themselves; 0: nobody does */
	unsigned bootstraps; /* nodes 0 … that every configuration names; 0 means 2 */
	int64_t latency_us_min, latency_us_max; /* 0: 200 to 800 us */
	unsigned loss_percent;
	unsigned full_limit, degree; /* 0: 128, 24 */
	unsigned guests;             /* 0: 16 */
	bool dont_start;             /* all nodes are down at first */
	bool quic;                   /* all addresses are QUIC's */
};

/* What became of a snapshot that was handed in. */
struct town_verdict {
	bool known, applied, unchanged;
	enum snapshot_reason reason;
};

struct town *town_new(const struct town_opts *o);
void town_free(struct town *t);

struct net *town_net(struct town *t);
mono_t town_now(const struct town *t);
wall_t town_wall(const struct town *t, unsigned node); /* as that node's clock has it */
uint64_t town_trace(const struct town *t);

/* Goes on for so long. */
void town_run(struct town *t, int64_t ms);
/* Goes on until `holds` does; false when it does not within `ms`. Looked at after every event. */
bool town_run_until(struct town *t, bool (*holds)(struct town *t, void *of), void *of, int64_t ms);

/* Nodes. */
void town_start(struct town *t, unsigned node); /* with what its disk has */
void town_wipe(struct town *t, unsigned node);  /* its disk; the node is down */
void town_give(
	struct town *t, unsigned node, const struct snapshot *s); /* its disk has that list */
void town_lose_list(struct town *t, unsigned node); /* the database is gone, the floor is not */
void town_kill(struct town *t, unsigned node);
void town_crash(struct town *t, unsigned node); /* the same over QUIC: nobody is told */
void town_vanish(struct town *t, unsigned node);
/* Announces a restart, and ends cleanly a moment later; town_start() brings it back. */
void town_restart(struct town *t, unsigned node);
void town_freeze(struct town *t, unsigned node);
void town_thaw(struct town *t, unsigned node);
void town_skew(struct town *t, unsigned node, int64_t ms); /* its clock is ahead by that now */
/* The disk of this node dies or the node is killed, at the n-th store from now: before the write
 * (0), after it but before it is said (1), or the write fails (2). */
void town_fail_store(struct town *t, unsigned node, unsigned nth, unsigned how);

bool town_is_up(const struct town *t, unsigned node);
struct core *town_core(struct town *t, unsigned node); /* NULL when it is down */
struct peer_id town_id(const struct town *t, unsigned node);

/* Cuts, both ways or one. */
void town_cut(struct town *t, unsigned a, unsigned b, bool cut);
void town_cut_one_way(struct town *t, unsigned from, unsigned to, bool cut);
/* Everyone in `side` (a bit a node, up to 64) from everyone who is not. */
void town_split(struct town *t, uint64_t side);
void town_heal(struct town *t);

/* Lists. `members` is a bit a node. Signed by admin 0 or 1; `back_ms` before now on a true clock.
 */
struct snapshot town_list(struct town *t, uint64_t members, unsigned admin, int64_t back_ms);
/* All of the first `n` nodes, for more than 64. */
struct snapshot town_list_of(struct town *t, unsigned n, unsigned admin, int64_t back_ms);
/* The proof of an admin ends then (a new one is signed for it). */
void town_proof_ends(struct town *t, unsigned admin, int64_t in_ms);
/* Hands it to a node on its control socket; returns a token. */
uint64_t town_publish(struct town *t, unsigned node, const struct snapshot *s);
struct town_verdict town_verdict(const struct town *t, uint64_t token);

/* What the nodes think. */
enum core_state town_state(struct town *t, unsigned node);
bool town_sees(struct town *t, unsigned node, unsigned other); /* online */
bool town_is_linked(struct town *t, unsigned node, unsigned other);
bool town_holds(struct town *t, unsigned node, const struct snapshot *s);
unsigned town_count_holding(struct town *t, const struct snapshot *s);
/* Every node that is up has this state. */
bool town_all(struct town *t, enum core_state s);

/* Counters. */
struct town_count {
	uint64_t ups, downs; /* CORE_MEMBER_UP, _DOWN, all nodes */
	uint64_t states;     /* CORE_STATE */
	uint64_t pings, pokes, suspects, heartbeats, digests, pulls, pushes, dials, closes;
	uint64_t equivocations, alerts, verdicts;
	uint64_t events; /* facts told */
};
struct town_count town_count(const struct town *t);
/* Downs of members that lived, were not frozen and not cut off when they were told. */
uint64_t town_false_downs(const struct town *t);
/* The last alert of that kind at a node; "" when there was none. */
bool town_alerted(const struct town *t, unsigned node, const char *kind);

#endif
