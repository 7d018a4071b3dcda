/* SPDX-License-Identifier: Apache-2.0 */
/* drive_private.h: what the files of this folder share. */
#ifndef P2POS_CLUSTER_DRIVE_PRIVATE_H
#define P2POS_CLUSTER_DRIVE_PRIVATE_H

#include "daemon/cluster/drive.h"
#include "daemon/net/ask.h"
#include "proto/base/list.h"

#define PULL_MS   5000 /* P-071 */
#define SYNC_PEERS 3   /* asked in one go (P-071) */
#define PUSH_MS   8000 /* P-072 */
#define SEND_MS   5000 /* heartbeats, digests, suspicions (P-083) */
#define PEERS_MS  5000
#define RESTART_SEND_MS 1500 /* to tell of a restart: who is slower will see that we are gone */

struct gather; /* status.c */

struct drive {
	struct drive_opts o;
	struct drive_watch watch;
	struct turn_end pump;   /* decisions are carried out once a turn */
	struct timer timer;     /* core_deadline() */
	struct list dials;      /* struct drive_dial */
	struct list questions;  /* struct question: under way */
	struct list verdicts;   /* struct verdict_wait */
	size_t verdict_count;
	uint64_t last_token;
	bool is_stopping;
	bool is_pumping;
	struct {                /* an announcement under way */
		size_t members, answered, told;
		void (*on_done)(void *arg, size_t members, size_t told); /* NULL: none is */
		void *arg;
	} restart;
	struct gather *gather;  /* status of the cluster; NULL until first asked */
};

static inline mono_t drive_now(const struct drive *d)
{
	return loop_now(d->o.loop);
}

static inline wall_t drive_wall(const struct drive *d)
{
	return loop_wall(d->o.loop);
}

/* A fact was told: carry out what follows at the end of this turn. */
void drive_wake(struct drive *d);

/* grant.c: what a class may do. */
void grant_of(const struct drive *d, enum core_class klass, struct swarm_grant *ret);

/* carry.c: one decision. */
void carry_out(struct drive *d, const struct core_decision *x);
void carry_deinit(struct drive *d);

/* tell.c: log, metrics and rows of one decision. */
void tell(struct drive *d, const struct core_decision *x);
/* A snapshot was refused: pushed, pulled from `from`, or the operator's. */
void tell_rejected(struct drive *d, enum snapshot_reason reason, enum snapshot_source source,
	const struct peer_id *from);
/* The row of one member as it is now. */
void tell_row(struct drive *d, const struct peer_id *peer);
/* A member that came back from another host than before; with either unknown nothing is told. */
void tell_moved(struct drive *d, const struct peer_id *peer, const struct maddr *before, const struct maddr *now);

/* The protocols, each in its own file; they serve on `d->o.streams`. */
void pull_serve(struct drive *d);
void pull_ask(struct drive *d, uint64_t conn);
void push_serve(struct drive *d);
void push_send(struct drive *d, uint64_t conn);
void push_verdict(struct drive *d, const struct core_verdict *v);
void push_deinit(struct drive *d);
void heartbeat_serve(struct drive *d);
void peers_serve(struct drive *d);
void peers_ask(struct drive *d, uint64_t conn);
void restart_serve(struct drive *d);
void restart_send(struct drive *d, uint64_t conn, struct bytes json);
void restart_deinit(struct drive *d); /* tells of an announcement that is under way how far it came */
void status_serve(struct drive *d);
void status_deinit(struct drive *d);

/* A question that the drive asked and still waits for; freed with it. */
struct question {
	struct list node;
	struct drive *d;
	uint64_t conn;
	struct peer_id peer;
	const char *protocol;
	struct ask *ask;
	void (*on_answer)(struct question *q, int err, struct bytes answer);
};

/* Asks; `on_answer` is called once, also when it could not even be sent (then at once, with that
 * error), unless the drive is freed before. `limits` NULL: a message without an answer. */
void question_send(struct drive *d, uint64_t conn, const char *protocol, struct bytes message,
	const struct json_limits *limits, int64_t timeout_ms,
	void (*on_answer)(struct question *q, int err, struct bytes answer));

#endif
