/* SPDX-License-Identifier: Apache-2.0 */
/* town_parts.h: what the files of the town share: its nodes and their hands. */
#ifndef P2POS_TESTS_LIB_TOWN_PARTS_H
#define P2POS_TESTS_LIB_TOWN_PARTS_H

#include "tests/lib/town.h"

#define TOWN_KINDS_MAX 16

/* One end of a connection, as a daemon would hold it. */
struct wire {
	struct wire *next; /* of the node */
	uint64_t id;
	struct net_pipe *pipe;
	unsigned end, other; /* end of the pipe, node at the other end */
	bool up;             /* the core knows it */
	uint64_t dial;       /* 0 = accepted */
	bool pulling, pushing;
	uint64_t pull_turn, push_turn;
};

struct plan {        /* a dial */
	uint64_t id; /* 0 = free */
	struct peer_id peer;
	size_t count, at;
	struct maddr addrs[CORE_DIAL_ADDRS_MAX];
};

struct disk {
	struct buf snapshot;
	struct snapshot_stamp floor;
	struct core_stored_mark *marks; /* by node */
	struct buf *records;            /* by node */
	bool unclean;
	bool resumed; /* the next start follows an announced restart */
};

struct node {
	unsigned index;
	bool up;
	struct core *core;
	struct key_pair key;
	struct peer_id id;
	struct rng_seeded rng;
	int64_t skew_ms;
	struct wire *wires;
	struct plan dials[CORE_DIALS_MAX];
	struct disk disk;
	struct buf own_record;
	uint64_t storing; /* token under way, 0 = none */
	struct buf store_json;
	struct snapshot_stamp store_stamp;
	unsigned fail_in, fail_how; /* fail_in 0 = not planned */
	mono_t trouble;             /* last kill, freeze, start, … */
	mono_t deadline;

	/* what the invariants remember */
	struct snapshot_stamp floor_seen;
	bool state_known;
	enum core_state state;
	char reason[160];
	mono_t *bytes_from; /* by node: the last bytes that arrived */
	uint64_t looks;
	const char *alerts[TOWN_KINDS_MAX];
	size_t alert_count;
};

struct asked {
	unsigned node;
	uint64_t wire; /* 0 = control socket */
	struct snapshot_stamp stamp;
	struct town_verdict verdict;
};

struct town {
	struct town_opts o;
	struct net *net;
	struct node *nodes;
	struct key_pair system, admins[TOWN_ADMINS];
	struct key_public system_public;
	struct admin_proof proofs[TOWN_ADMINS];
	struct snapshot first; /* what the first members hold at the start */
	uint64_t wire_ids, tokens;
	struct asked asked[TOWN_TOKENS_MAX]; /* ring by token */
	mono_t *pair_trouble;                /* nodes x nodes: last cut or heal */
	struct town_count count;
	uint64_t false_downs, trace;
};

wall_t town_true_wall(const struct town *t);
mono_t *town_pair(struct town *t, unsigned a, unsigned b);
int town_index_of(const struct town *t, const struct peer_id *id); /* -1 = nobody */
struct maddr town_addr(const struct town *t, unsigned node, unsigned port);

/* What a timer of a node is for; in the upper byte of its number. */
enum timer_what { AT_HANDSHAKE = 1, AT_PULL, AT_PUSH, AT_STORED };

#define NOW(t, n) town_wall((t), (n)->index), town_now(t)

/* town_disk.c */
void town_store(struct town *t, struct node *n, const struct core_store *s);
void town_stored(struct town *t, struct node *n, uint64_t token);
void town_remember(struct town *t, struct node *n, const struct core_decision *d);
void town_boot(struct town *t, struct node *n);
void town_halt(struct town *t, struct node *n);

/* town_wire.c */
void town_face(struct town *t, struct net_face *ret);
void town_drain(struct town *t, struct node *n);

/* town_check.c */
void town_check_decision(struct town *t, struct node *n, const struct core_decision *d);
void town_check_node(struct town *t, struct node *n);
/* Prints the seed and ends the test. */
void town_broken(struct town *t, const struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));

#endif
