/* SPDX-License-Identifier: Apache-2.0 */
/* db.h: one SQLite connection with its prepared statements; for the files of this folder.
 *
 * Functions here give SQLite's own codes (SQLITE_OK, SQLITE_FULL, …), because the writer decides
 * by them; store.h translates for everybody else. */
#ifndef P2POS_STORE_DB_H
#define P2POS_STORE_DB_H

#include "daemon/store/store.h"

#include <limits.h>
#include <sqlite3.h>

#define DB_SCHEMA_VERSION  1
#define DB_BUSY_MS         5000 /* a lock of another process is waited for so long (FM-09) */
#define DB_BYTES_MIN       512 /* the smallest page there is; a smaller file is a stump */
#define DB_CACHE_KIB_MIN   64  /* what is not in it is read again from the kernel's cache */
#define DB_CACHE_KIB_MAX   256
#define DB_CHECKPOINT_PAGES 256 /* the WAL is carried into the database beyond this: 1 MiB */
#define DB_WAL_BYTES_KEPT  (1024 * 1024) /* what a larger transaction added is given back */

/* X(id, SQL): everything that is run more than once. */
#define DB_STATEMENTS(X)                                                                           \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                \
	X(COMMIT, "COMMIT")                                                                        \
	X(ROLLBACK, "ROLLBACK")                                                                    \
	X(META_PUT, "INSERT INTO meta(key,value) VALUES(?1,?2) "                                   \
		"ON CONFLICT(key) DO UPDATE SET value=excluded.value")                             \
	X(META_GET, "SELECT value FROM meta WHERE key=?1")                                         \
	X(SNAP_DEMOTE, "UPDATE snapshots SET kind='past' WHERE kind='current' AND hash<>?1")       \
	X(SNAP_PUT, "INSERT INTO "                                                                 \
		"snapshots(kind,issued_at,hash,issuer,source,received_at,members,raw,sum) "        \
		"VALUES('current',?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(hash) DO UPDATE SET "       \
		"kind='current',raw=excluded.raw,sum=excluded.sum")                                \
	X(SNAP_EVIDENCE, "INSERT INTO "                                                            \
		"snapshots(kind,issued_at,hash,issuer,source,received_at,members,raw,sum) "        \
		"VALUES('evidence',?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(hash) DO UPDATE SET "      \
		"kind='evidence' WHERE kind='past'")                                               \
	/* Of two for one instant both stay longer than others: together they are evidence. */     \
	X(SNAP_TRIM, "DELETE FROM snapshots WHERE kind=?1 AND id NOT IN (SELECT id FROM "          \
		"snapshots WHERE kind=?1 ORDER BY id DESC LIMIT ?2) AND id NOT IN (SELECT id "     \
		"FROM snapshots WHERE kind='past' AND issued_at IN (SELECT issued_at FROM "        \
		"snapshots GROUP BY issued_at HAVING count(*)>1) ORDER BY id DESC LIMIT ?2)")      \
	X(MEMBERS_CLEAR, "DELETE FROM temp.now_members")                                           \
	X(MEMBERS_ADD, "INSERT OR IGNORE INTO temp.now_members(peer_id) VALUES(?1)")               \
	X(PEERS_DROP, "DELETE FROM peers WHERE peer_id NOT IN (SELECT peer_id FROM "               \
		"temp.now_members)")                                                               \
	X(PEERS_ADD, "INSERT OR IGNORE INTO peers(peer_id) SELECT peer_id FROM temp.now_members")  \
	X(RECORDS_DROP, "DELETE FROM peer_records WHERE peer_id NOT IN (SELECT peer_id FROM "      \
		"temp.now_members)")                                                               \
	X(PEER_PUT, "UPDATE peers SET "                                                            \
		"last_remote_addr=CASE WHEN ?2='' THEN last_remote_addr ELSE ?2 END,"              \
		"last_seen_at=coalesce(?3,last_seen_at),"                                          \
		"last_ping_rtt_ms=CASE WHEN ?4 THEN ?5 ELSE last_ping_rtt_ms END,"                 \
		"last_ping_ok=CASE WHEN ?4 THEN ?6 ELSE last_ping_ok END,"                         \
		"last_ping_at=CASE WHEN ?4 THEN ?7 ELSE last_ping_at END,"                         \
		"reachability=?8,observed_by=?9 WHERE peer_id=?1")                                 \
	X(MARK_PUT, "INSERT INTO heartbeat_marks(peer_id,sec,nsec) VALUES(?1,?2,?3) "              \
		"ON CONFLICT(peer_id) DO UPDATE SET sec=excluded.sec,nsec=excluded.nsec "          \
		"WHERE (excluded.sec,excluded.nsec)>(sec,nsec)")                                   \
	X(RECORD_PUT, "INSERT INTO peer_records(peer_id,seq,envelope,at) VALUES(?1,?2,?3,?4) "     \
		"ON CONFLICT(peer_id) DO UPDATE SET "                                              \
		"seq=excluded.seq,envelope=excluded.envelope,at=excluded.at "                      \
		"WHERE excluded.seq>seq")                                                          \
	X(STATE_PUT, "INSERT INTO state_events(at,prev,next,reason,online,members,missing) "       \
		"VALUES(?1,?2,?3,?4,?5,?6,?7)")                                                    \
	X(PRESENCE_PUT, "INSERT INTO presence_events(at,peer_id,kind,addr,rtt_ms,reason) "         \
		"VALUES(?1,?2,?3,?4,?5,?6)")

enum db_statement {
#define X(id, sql) DB_##id,
	DB_STATEMENTS(X)
#undef X
	DB_STATEMENT_COUNT
};

struct db {
	sqlite3 *handle;
	sqlite3_stmt *statements[DB_STATEMENT_COUNT];
	char path[PATH_MAX];
	int wal_pages; /* in the WAL after the last commit */
	bool is_full_sync;
};

/* Opens without writing anything yet, and reads the schema's version. */
int db_open(struct db *db, const char *path, int *ret_version);
/* Journal mode and the other settings; before migrating. */
int db_configure(struct db *db);
/* Prepares all statements; after migrating. SQLITE_ERROR: the tables are not ours. */
int db_prepare(struct db *db);
void db_close(struct db *db);
/* As much of the database stays in memory as the list of members has bytes, between the limits above:
 * about so much is written over and over. */
int db_fit_cache(struct db *db, size_t list_bytes);

/* Runs SQL text. */
int db_exec(struct db *db, const char *sql);

/* A statement ready for binding. */
sqlite3_stmt *db_statement(struct db *db, enum db_statement id);
/* Runs a bound statement that gives no rows. */
int db_run(struct db *db, enum db_statement id);

int db_begin(struct db *db, bool full_sync);
int db_commit(struct db *db);
void db_rollback(struct db *db);

/* Whether a code means that the file itself is bad. */
bool db_is_damage(int rc);
/* Whether it means that the disk is full. */
bool db_is_full(struct db *db, int rc);

/* SQLITE_OK when the file holds together, else SQLITE_CORRUPT. `thorough` looks at indexes too. */
int db_check(struct db *db, bool thorough, char *why, size_t why_size);

/* Times: microseconds for events, text for peers and snapshots. */
int64_t db_us(wall_t t);
wall_t db_wall(int64_t us);
/* Binds the text of a time, NULL for WALL_ZERO. */
void db_bind_time(sqlite3_stmt *st, int i, wall_t t);
void db_bind_text(sqlite3_stmt *st, int i, const char *text);
void db_bind_peer(sqlite3_stmt *st, int i, const struct peer_id *peer);
/* Column values; texts are never NULL. */
wall_t db_column_time(sqlite3_stmt *st, int i);
const char *db_column_text(sqlite3_stmt *st, int i);
struct bytes db_column_blob(sqlite3_stmt *st, int i);
struct peer_id db_column_peer(sqlite3_stmt *st, int i);

#endif
