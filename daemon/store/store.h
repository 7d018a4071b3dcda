/* SPDX-License-Identifier: Apache-2.0 */
/* store.h: what this node remembers (p2pos.md section 8; features.md P-018, P-063, P-073,
 * P-101 to P-108; rules ).
 *
 * One directory, one database (`p2pos.db`), one side file with the floor (`p2pos.floor`), one lock
 * (`p2pos.lock`), one writer thread, which alone touches them once store_open() has returned. The
 * loop hands over plain rows, never waits, and hears the outcome through callbacks that run inside
 * store_dispatch(), on its own thread. Rows are copied at the call.
 *
 *  - A snapshot, a state change and evidence are committed at once, synchronous=FULL; a snapshot's
 *    floor goes to the side file too before its callback says 0. "Said 0" survives power loss.
 *  - Presence events are committed within a second, refreshed peer rows, heartbeat marks and peer
 *    records within 20 s, or as soon as 50 changes wait; they are coalesced per peer. An idle
 *    cluster costs a few transactions a minute.
 *  - A database that turns out damaged is moved aside with a date in its name, and the node goes on
 *    with an empty one and the floor of the side file: it then joins again.
 *
 * Nothing here reads a clock; times come with the rows. */
#ifndef P2POS_STORE_STORE_H
#define P2POS_STORE_STORE_H

#include "daemon/sys/metrics.h"
#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/p2pos/snapshot.h"

#define STORE_QUEUE_MAX          1024    /* rows waiting; beyond it observations are dropped, counted */
#define STORE_URGENT_RESERVE     64      /* of them kept free for snapshots and state changes */
#define STORE_BATCH_CHANGES      50      /* so many waiting observations are written at once */
#define STORE_EVENT_WAIT_MS      1000    /* a presence event waits at most so long */
#define STORE_REFRESH_WAIT_MS    20000   /* a refreshed peer row, mark or record at most so long */
#define STORE_RECORD_BYTES_MAX   4096    /* a signed peer record */
#define STORE_REASON_SIZE        256     /* reasons and addresses are cut to this */
#define STORE_SNAPSHOTS_KEPT     64      /* accepted ones, and as many that are evidence; older go */
#define STORE_QUERY_ROWS_MAX     1000    /* rows one query can give */

struct store;

/* ---- rows ---- */

/* A row of `peers`: what was last observed of a member. */
struct store_peer {
	struct peer_id peer;
	char last_remote_addr[STORE_REASON_SIZE]; /* multiaddr text; "" = none yet */
	wall_t last_seen_at;                      /* WALL_ZERO = never */
	bool has_ping;                            /* false: the three below are not known */
	bool last_ping_ok;
	double last_ping_rtt_ms; /* < 0: none measured */
	wall_t last_ping_at;
	bool is_online;
	struct peer_id observed_by;
};

/* The newest heartbeat accepted of a peer; the own one keeps `ts` from going back (FM-12). */
struct store_mark {
	struct peer_id peer;
	wall_t ts;
};

/* A signed peer record. */
struct store_record {
	struct peer_id peer;
	uint64_t seq;
	struct bytes envelope; /* <= STORE_RECORD_BYTES_MAX */
	wall_t at;             /* when we got it */
};

/* A snapshot as received. */
struct store_snapshot {
	struct bytes raw; /* the signed JSON, <= SNAPSHOT_BYTES_MAX */
	struct snapshot_stamp stamp;
	struct peer_id issuer;
	const char *source; /* "push", "sync", "local", "join" */
	wall_t received_at;
	const struct bytes *members; /* canonical texts, also of odd entries (P-067) */
	size_t member_count;
};

/* A change of the runtime state (P-018). */
struct store_state {
	wall_t at;
	const char *prev, *next;
	const char *reason;
	uint32_t online, members;
	struct bytes missing; /* peer ids of the missing members, joined by ','; cut at 64 KiB */
};

/* Kinds of presence events (P-103). */
enum store_presence_kind {
	STORE_UP,
	STORE_DOWN, /* the last connection to the peer closed (P-106) */
	STORE_HEARTBEAT_GAP,
	STORE_ADDR_CHANGE,
	STORE_RTT, /* a notable change, not each measurement */
};

struct store_presence {
	wall_t at;
	struct peer_id peer;
	enum store_presence_kind kind;
	const char *addr;   /* may be NULL */
	double rtt_ms;      /* < 0: none */
	const char *reason; /* may be NULL */
};
const char *store_presence_name(enum store_presence_kind kind); /* "up", "down", … */

/* ---- opening ---- */

/* News that no call asked for, told inside store_dispatch(). */
enum store_news_kind {
	STORE_NEWS_DISK_FULL,  /* history stops; snapshots still fit into the reserve (FM-04) */
	STORE_NEWS_DISK_OK,    /* and goes on again */
	STORE_NEWS_REPLACED,   /* damaged, moved aside to `path`: hand over the snapshot in force again */
	STORE_NEWS_DROPPED,    /* `count` observations were lost so far */
	STORE_NEWS_FATAL,      /* storage failed three times: end with exit 73 (FM-03) */
};
struct store_news {
	enum store_news_kind kind;
	const char *text; /* one sentence */
	const char *path; /* REPLACED; else NULL */
	uint64_t count;   /* DROPPED */
};

struct store_opts {
	const char *dir; /* the data directory; must exist */
	wall_t now;      /* for names of files moved aside, and retention */
	/* Called on the writer's thread when store_dispatch() has something to do; must only wake
	 * the loop (an eventfd, uv_async_send). */
	void (*wake)(void *arg);
	void (*on_news)(void *arg, const struct store_news *news); /* loop thread; may be NULL */
	void *arg;                                                 /* of both */
	mono_t (*mono)(void); /* any thread; measures writes. NULL = figures stay 0 */
};

/* What was found at start; all of it belongs to the struct. */
struct store_start {
	bool has_snapshot; /* one that is intact and not older than the floor */
	struct buf snapshot;          /* as received; verify it again before using it */
	struct snapshot_stamp stamp;       /* of it */
	struct peer_id issuer;
	wall_t snapshot_received_at;
	char snapshot_source[16];
	bool has_floor; /* false: the reason is "floor_unknown" (FM-07, and a first start) */
	struct snapshot_stamp floor; /* the larger of database and side file */
	bool was_below_floor;     /* the database held an older list than the floor (FM-06) */
	bool was_damaged;         /* the database was moved to `moved_to` */
	char moved_to[256];
	bool is_new;              /* there was no database */
	bool was_clean;           /* the last stop was orderly */
	bool from_original;       /* it was a database of the Go implementation */
	int migrated_from;        /* schema version before, -1 = none needed */
	struct store_peer *peers; /* all offline (P-105); members whose text is no peer ID left out */
	size_t peer_count;
	struct store_mark *marks; /* as written: after a stop that was not clean up to 60 s old */
	size_t mark_count;
	struct store_record *records; /* envelopes lie in `record_bytes` */
	size_t record_count;
	struct buf record_bytes;
	uint64_t state_events, presence_events, snapshots; /* rows of history */
};
void store_start_deinit(struct store_start *st);

#define STORE_WHY_SIZE 512

/* Locks the directory, opens or creates the database, migrates it, reads what the node needs, and
 * starts the writer. P2P_ERR_BUSY: another daemon has the directory; P2P_ERR_STORAGE: newer schema,
 * not writable, out of space; `why` holds the sentence, and the exit code is 73 for both. */
int store_open(const struct store_opts *opts, struct store **ret, struct store_start *ret_start,
	char why[STORE_WHY_SIZE]);

/* Runs the callbacks of finished work. Call it on the loop's thread after each wake-up. */
void store_dispatch(struct store *s);

/* Commits what waits, checkpoints, marks the stop as clean, ends the writer and frees; callbacks
 * still due run inside. Waits for the disk: it is for the very end. NULL does nothing. */
void store_close(struct store *s);

/* ---- writing ---- */

/* `err` 0: on disk. Else P2P_ERR_STORAGE, or P2P_ERR_STALE for a snapshot not above the floor. */
typedef void store_done_fn(void *arg, int err);

/* Makes a snapshot the one in force: history, floor, peers rows (P-073), in one transaction.
 * P2P_ERR_TOO_LARGE, P2P_ERR_FULL: nothing was taken and `done` is not called. */
int store_put_snapshot(struct store *s, const struct store_snapshot *row, store_done_fn *done,
	void *arg);

/* Keeps a snapshot as evidence only (the loser of a tie, P-064). `done` may be NULL. */
int store_put_evidence(struct store *s, const struct store_snapshot *row, store_done_fn *done,
	void *arg);

/* Records a change of state, at once. `done` may be NULL. */
int store_put_state(struct store *s, const struct store_state *row, store_done_fn *done,
	void *arg);

/* Observations: taken or, over the limit, dropped and counted. Only rows of members are updated;
 * a peer that is no member leaves no row in `peers` (P-102). */
void store_put_presence(struct store *s, const struct store_presence *row);
void store_put_peer(struct store *s, const struct store_peer *row);
void store_put_mark(struct store *s, const struct store_mark *row);
void store_put_record(struct store *s, const struct store_record *row);

/* Retention (P-018, P-103) and the space guard, once an hour. */
void store_retain(struct store *s, wall_t now);

/* ---- reading, through the writer ---- */

enum store_row_kind { STORE_ROW_STATE, STORE_ROW_PRESENCE, STORE_ROW_SNAPSHOT, STORE_ROW_EVIDENCE };

/* One row of history; which fields count depends on `kind`. Texts are never NULL. */
struct store_row {
	enum store_row_kind kind;
	int64_t id; /* grows with time within a kind */
	wall_t at;  /* when it happened here */
	/* state */
	const char *prev, *next;
	uint32_t online, members; /* members: of a snapshot too */
	const char *missing;
	/* presence */
	struct peer_id peer; /* the issuer, for a snapshot */
	const char *what;    /* "up", …; the source, for a snapshot */
	const char *addr;
	double rtt_ms; /* < 0: none */
	const char *reason; /* of a state too */
	/* snapshot */
	struct snapshot_stamp stamp;
	bool is_current;
	struct bytes raw; /* only if the query asked for it */
};

struct store_query {
	bool states, presence, snapshots; /* which kinds; snapshots includes evidence */
	struct peer_id peer;              /* only about this one (not states); none = all */
	wall_t since, until;              /* WALL_ZERO = no bound */
	bool newest_first;
	bool with_raw;          /* snapshots with their bytes */
	bool has_hash;          /* only the snapshot with this hash */
	uint8_t hash[32];
	size_t limit;           /* 1 .. STORE_QUERY_ROWS_MAX */
};

/* Rows are borrowed during the call; in order of time. */
typedef void store_rows_fn(void *arg, int err, const struct store_row *rows, size_t count);

/* P2P_ERR_FULL when the queue is full, P2P_ERR_INVALID for a limit out of range; then `fn` is not
 * called. A query sees everything put before it. */
int store_query(struct store *s, const struct store_query *q, store_rows_fn *fn, void *arg);

/* Chores for `db check`, `db backup FILE`, `db compact`; `text` says what was found, one line.
 * Each may take seconds, and later writes wait for it. P2P_ERR_FULL as above. */
enum store_chore { STORE_CHECK, STORE_BACKUP, STORE_COMPACT };
typedef void store_chore_fn(void *arg, int err, const char *text);
int store_chore(struct store *s, enum store_chore chore, const char *path, store_chore_fn *fn,
	void *arg);

/* ---- figures ---- */

struct store_figures {
	size_t queued;             /* rows waiting now */
	uint64_t dropped;          /* observations lost over the queue limit or a full disk */
	uint64_t commits, errors;
	struct metric_tally writes; /* how long the transactions took */
	uint64_t bytes;            /* of database, WAL and side files, after the last commit */
	mono_t waiting_since;      /* of the oldest urgent row not yet committed, or of the transaction
	                              in work if that is older; MONO_NEVER = none
	                              the watchdog is not fed when that is 30 s ago) */
	bool is_disk_full;
};
void store_figures(struct store *s, struct store_figures *ret);

#endif
