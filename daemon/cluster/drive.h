/* SPDX-License-Identifier: Apache-2.0 */
/* drive.h: drives the core of the cluster (proto/cluster/core.h) on real time.
 *
 * News of the network becomes facts, and at the end of each turn of the loop the decisions that
 * came of them are carried out: dials, closes, sends, rows, log lines. Whatever takes judgement
 * about membership belongs into the core; what is here only knows how things are done. */
#ifndef P2POS_CLUSTER_DRIVE_H
#define P2POS_CLUSTER_DRIVE_H

#include "daemon/net/dialer.h"
#include "daemon/net/identify.h"
#include "daemon/store/store.h"
#include "proto/cluster/core.h"
#include "proto/p2pos/status.h"

#define DRIVE_VERDICTS_MAX 64 /* pushed and local snapshots waiting for their verdict; beyond: refused */

struct drive;

struct drive_opts {
	struct loop *loop; /* all borrowed; all outlive the drive */
	struct core *core;
	struct swarm *swarm;
	struct streams *streams;
	struct dialer *dialer;
	struct identify_service *identify;
	struct peerbook *book;
	struct self *self;
	struct store *store;
	const char *cluster_id;
	bool serves_perf; /* members are granted /perf/1.0.0; somebody else answers it */
};

/* News for those above; any may be NULL. */
struct drive_watch {
	void *arg;
	/* Each decision of the core in its order, before it is carried out. Borrowed. */
	void (*on_decision)(void *arg, const struct core_decision *d);
	/* A snapshot that came over the wire was refused. `from` may be none. */
	void (*on_rejected)(void *arg, enum snapshot_reason reason, enum snapshot_source source,
		const struct peer_id *from);
	/* A push to, or a pull from, a member is over. */
	void (*on_push)(void *arg, const struct peer_id *peer, int err, bool applied);
	void (*on_pull)(void *arg, const struct peer_id *peer, int err);
	/* The core wants all bootstrap entries asked. */
	void (*on_resolve)(void *arg);
};

/* Takes the swarm's judge, watches it, serves the protocols of p2pos.md section 3. */
struct drive *drive_new(const struct drive_opts *opts, const struct drive_watch *watch);
/* Before streams_free() and swarm_free(): questions under way end without an answer. NULL is fine. */
void drive_free(struct drive *d);

/* The first tick: from here on the core acts. */
void drive_start(struct drive *d);

/* From now on snapshots are no longer taken; those that wait are answered as not applied. */
void drive_stop(struct drive *d);

/* --- facts from those above; what they lead to is done at the end of the turn --- */

void drive_addrs(struct drive *d, const struct peer_id *peer, const struct maddr *addrs,
	size_t count, enum core_addr_from from);
void drive_bootstrap_now(struct drive *d);
/* Pulls from connected members now; returns how many are asked (the core chooses them). */
unsigned drive_sync_now(struct drive *d);
/* Tells the members that this node is about to restart; `on_done` is called once, now or within two
 * seconds, with how many there were and how many heard it; at the latest in drive_free().
 * P2P_ERR_BUSY while an earlier call is under way. */
int drive_restarting(struct drive *d, void (*on_done)(void *arg, size_t members, size_t told), void *arg);
void drive_stalled(struct drive *d, int64_t ms);
/* The core's options after a reload. */
void drive_configure(struct drive *d, const struct core_opts *opts);

/* A snapshot from the operator. The verdict is told once, now or later. */
void drive_publish(struct drive *d, struct bytes json,
	void (*on_verdict)(void *arg, const struct core_verdict *v), void *arg);

/* --- status (p2pos.md section 3.4) --- */

/* This node's own records; P2P_ERR_REFUSED while unconfigured. The caller frees. */
int drive_status_local(struct drive *d, struct status_answer *ret);
/* Those of all connected members merged, told once within 15 s. `a` is borrowed. */
typedef void drive_status_fn(void *arg, int err, const struct status_answer *a);
void drive_status_cluster(struct drive *d, drive_status_fn *on_done, void *arg);

/* The database was lost and begun anew: the snapshot in force goes into it again. */
void drive_store_again(struct drive *d);

/* Writes the rows of all members, for a snapshot just stored and for a clean end. */
void drive_store_rows(struct drive *d);

#endif
