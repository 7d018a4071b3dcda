/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h: what the files of this folder share: the store itself, its jobs, its rows. */
#ifndef P2POS_STORE_PARTS_H
#define P2POS_STORE_PARTS_H

#include "daemon/store/db.h"
#include "daemon/store/floor.h"
#include "daemon/store/schema.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <pthread.h>

#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

#define STORE_DB_NAME       "p2pos.db"
#define STORE_FLOOR_NAME    "p2pos.floor"
#define STORE_LOCK_NAME     "p2pos.lock"
#define STORE_RESERVE_NAME  "p2pos.reserve"
#define STORE_RESERVE_BYTES (2 * 1024 * 1024)   /* given up so that a snapshot fits */
#define STORE_FREE_MIN      (64 * 1024 * 1024)  /* less free space: history is cut, then refused */
#define STORE_OWN_MAX       (512 * 1024 * 1024) /* so is it when we use more than this */
#define STORE_TRIES_MAX     3 /* of one urgent row; then it failed, and storage errors are fatal */
#define STORE_MISSING_MAX   (64 * 1024) /* bytes of a list of missing members; the rest is cut */
#define STORE_WRITER_STACK  (256 * 1024)

/* What a queue entry asks for. From JOB_SNAPSHOT on they are urgent: run at once, each answered. */
enum job_kind {
	JOB_PEER, /* coalesced per peer, as the next two */
	JOB_MARK,
	JOB_RECORD,
	JOB_PRESENCE,
	JOB_SNAPSHOT,
	JOB_EVIDENCE,
	JOB_STATE,
	JOB_RETAIN,
	JOB_QUERY,
	JOB_CHORE,
	JOB_NEWS, /* from the writer to the loop only */
};

/* One row or question on its way, and its answer on the way back. Owns all that it points to. */
struct job {
	struct list node;
	enum job_kind kind;
	struct {
		uint8_t kind;
		struct peer_id peer;
	} key; /* of coalesced ones */
	UT_hash_handle hh;
	mono_t since;  /* when it was handed over */
	struct buf bytes; /* raw snapshot, envelope, or all texts of the row */
	union {
		struct store_peer peer;
		struct store_mark mark;
		struct store_record record;
		struct store_presence presence;
		struct store_snapshot snapshot;
		struct store_state state;
		struct store_query query;
		struct store_news news;
		enum store_chore chore;
		wall_t now;
	};
	struct bytes *members; /* owned; of a snapshot */
	char *path;            /* owned; of a chore or news */
	store_done_fn *done;
	store_rows_fn *on_rows;
	store_chore_fn *on_chore;
	void *arg;
	int err;              /* the answer */
	struct store_row *rows; /* owned; their texts lie in `bytes` */
	size_t row_count;
	char *text;             /* owned; of a chore or news; STORE_WHY_SIZE */
};

struct store {
	/* Set by store_open(), then only read. */
	struct store_opts opts;
	char dir[PATH_MAX];
	int lock_fd;
	int bell; /* eventfd: the writer shall look at the queue */
	pthread_t thread;

	/* Shared; under `mutex`. */
	pthread_mutex_t mutex;
	struct list queue;     /* jobs for the writer */
	size_t queued, events; /* in the queue; of them presence events */
	size_t urgent;         /* of them urgent */
	struct job *by_peer;   /* hash of the coalesced ones */
	int armed;             /* what the writer sleeps for: enum wait */
	bool is_closing;
	struct list answers;   /* jobs for the loop */
	struct store_figures figures;
	mono_t in_work_since;  /* of the job or batch being worked on; MONO_NEVER = none */

	/* The writer's alone once it runs. */
	struct db db;
	struct floor_file floor;
	struct snapshot_stamp stamp; /* the floor: the larger of database and side file */
	bool has_stamp;
	bool has_reserve;
	bool is_disk_full;
	bool is_fatal;
	uint64_t dropped_told;
};

/* ---- rows to tables; SQLite's codes ---- */

int rows_put_snapshot(struct db *db, const struct store_snapshot *row);   /* in a transaction */
int rows_put_evidence(struct db *db, const struct store_snapshot *row);   /* in a transaction */
int rows_put_state(struct db *db, const struct store_state *row);
int rows_put_presence(struct db *db, const struct store_presence *row);
int rows_put_peer(struct db *db, const struct store_peer *row);
int rows_put_mark(struct db *db, const struct store_mark *row);
int rows_put_record(struct db *db, const struct store_record *row);
/* The checksum of a snapshot row. */
void rows_sum(struct bytes raw, const struct snapshot_stamp *stamp, uint8_t ret[32]);

int meta_put_int(struct db *db, const char *key, int64_t v);
int meta_get_int(struct db *db, const char *key, int64_t *ret); /* SQLITE_DONE: not there */
int meta_put_floor(struct db *db, const struct snapshot_stamp *stamp);
int meta_get_floor(struct db *db, struct snapshot_stamp *ret);

/* Loads what the node needs (start.c). */
int start_load(struct db *db, bool was_clean, struct store_start *st);

/* ---- opening, also again after damage (open.c) ---- */

/* Opens, configures, migrates, prepares. P2P_ERR_STORAGE with `why`: not usable, and not damaged
 * either. A damaged file is moved aside (name in `moved_to`, "" = was not needed) and a new one
 * begun. `rc` of SQLite is in the return value of the inner steps only. */
int open_database(struct store *s, struct schema_result *ret, char moved_to[256],
	char why[STORE_WHY_SIZE]);
/* Moves database, WAL and index aside under a name with the date. */
int open_move_aside(struct store *s, char moved_to[256]);
/* Makes the reserve file; whether it is there. */
bool open_make_reserve(struct store *s);
void open_path(const struct store *s, const char *name, char to[PATH_MAX]);

/* ---- the writer (writer.c) and its longer work ---- */

int writer_start(struct store *s);
void writer_stop(struct store *s);
/* Tells the loop something. Writer only. */
void writer_news(struct store *s, enum store_news_kind kind, const char *path, uint64_t count,
	const char *text);

/* What the writer waits for; a later one is more pressing. */
enum wait { WAIT_NOTHING, WAIT_REFRESH, WAIT_EVENT, WAIT_NONE };
enum wait job_wait(const struct job *j); /* WAIT_NONE: it is urgent */
void job_free(struct job *j);

/* Reads rows for a query job into it. */
void query_run(struct store *s, struct job *j);
void chore_run(struct store *s, struct job *j);
/* Deletes what is past its time; SQLite's code. */
int retain_run(struct store *s, wall_t now);
/* Whether there is room for history; cuts the oldest when there is not. */
bool retain_has_room(struct store *s);
uint64_t retain_bytes_used(const struct store *s);

#endif
