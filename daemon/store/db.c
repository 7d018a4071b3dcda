/* SPDX-License-Identifier: Apache-2.0 */
/* db.c: opens the database, sets it up, keeps its statements. */
#include "daemon/store/db.h"

#include "proto/base/rfc3339.h"

#include <errno.h>
#include <stdio.h>

static int on_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = arg;

	(void)handle;
	(void)name;
	db->wal_pages = pages; /* the writer checkpoints when it has time, never inside a commit */
	return SQLITE_OK;
}

static int read_version(struct db *db, int *ret)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &st, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int db_open(struct db *db, const char *path, int *ret_version)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int rc;

	*db = (struct db){0};
	snprintf(db->path, sizeof(db->path), "%s", path);
	rc = sqlite3_open_v2(path, &db->handle, flags, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(db->handle, 1);
		sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, 512, 32);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		rc = read_version(db, ret_version);
	}
	if (rc != SQLITE_OK)
		db_close(db);
	return rc;
}

int db_exec(struct db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

static int set_journal(struct db *db)
{
	sqlite3_stmt *st;
	bool is_wal = false;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode=WAL", -1, &st, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		is_wal = strcmp(db_column_text(st, 0), "wal") == 0;
	sqlite3_finalize(st);
	if (db_is_damage(rc))
		return rc;
	/* Some network file systems have no shared memory; the older journal works everywhere. */
	return is_wal ? SQLITE_OK : db_exec(db, "PRAGMA journal_mode=DELETE");
}

int db_fit_cache(struct db *db, size_t list_bytes)
{
	size_t kib = list_bytes / 1024;
	char sql[64];

	if (kib < DB_CACHE_KIB_MIN)
		kib = DB_CACHE_KIB_MIN;
	if (kib > DB_CACHE_KIB_MAX)
		kib = DB_CACHE_KIB_MAX;
	snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%zu", kib);
	return db_exec(db, sql);
}

int db_configure(struct db *db)
{
	char sql[256];
	int rc;

	snprintf(sql, sizeof(sql),
		"PRAGMA auto_vacuum=INCREMENTAL;PRAGMA mmap_size=0;"
		"PRAGMA temp_store=MEMORY;PRAGMA cell_size_check=ON;PRAGMA synchronous=FULL;"
		"PRAGMA journal_size_limit=%d",
		DB_WAL_BYTES_KEPT);
	rc = db_exec(db, sql);
	if (rc == SQLITE_OK)
		rc = db_fit_cache(db, 0);
	if (rc == SQLITE_OK)
		rc = set_journal(db);
	db->is_full_sync = true;
	sqlite3_wal_hook(db->handle, on_wal, db);
	return rc;
}

int db_prepare(struct db *db)
{
	static const char *const sql[DB_STATEMENT_COUNT] = {
#define X(id, text) [DB_##id] = text,
		DB_STATEMENTS(X)
#undef X
	};
	int rc = db_exec(db, "CREATE TEMP TABLE IF NOT EXISTS now_members(peer_id TEXT PRIMARY KEY)"
			     " WITHOUT ROWID");

	for (size_t i = 0; i < DB_STATEMENT_COUNT && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db->handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
			&db->statements[i], NULL);
	return rc;
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENT_COUNT; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle); /* all statements are gone, so it cannot be busy */
	memset(db->statements, 0, sizeof(db->statements));
	db->handle = NULL;
}

sqlite3_stmt *db_statement(struct db *db, enum db_statement id)
{
	sqlite3_reset(db->statements[id]); /* repeats the last error, which was dealt with */
	sqlite3_clear_bindings(db->statements[id]);
	return db->statements[id];
}

int db_run(struct db *db, enum db_statement id)
{
	int rc = sqlite3_step(db->statements[id]);

	sqlite3_reset(db->statements[id]);
	sqlite3_clear_bindings(db->statements[id]); /* they point into rows that will be freed */
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int db_begin(struct db *db, bool full_sync)
{
	int rc = SQLITE_OK;

	/* It belongs to the connection and takes effect while the PRAGMA is compiled, not when it is
	 * run: a statement prepared once would do nothing. */
	if (db->is_full_sync != full_sync)
		rc = db_exec(db, full_sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
	if (rc == SQLITE_OK)
		db->is_full_sync = full_sync;
	return rc == SQLITE_OK ? db_run(db, DB_BEGIN) : rc;
}

int db_commit(struct db *db)
{
	return db_run(db, DB_COMMIT);
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		(void)db_run(db, DB_ROLLBACK); /* nothing was promised */
}

bool db_is_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

bool db_is_full(struct db *db, int rc)
{
	/* A full disk can show as a failed write of the WAL index. */
	return (rc & 0xff) == SQLITE_FULL ||
	       ((rc & 0xff) == SQLITE_IOERR && db->handle &&
		       (sqlite3_system_errno(db->handle) == ENOSPC ||
			       sqlite3_system_errno(db->handle) == EDQUOT));
}

int db_check(struct db *db, bool thorough, char *why, size_t why_size)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->handle,
		thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		const char *text = db_column_text(st, 0);

		if (why)
			snprintf(why, why_size, "%s", text);
		rc = strcmp(text, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	} else if (why) {
		snprintf(why, why_size, "%s", sqlite3_errmsg(db->handle));
	}
	sqlite3_finalize(st);
	return rc;
}

int64_t db_us(wall_t t)
{
	return t.sec * 1000000 + t.nsec / 1000; /* years 1 to 9999 stay far from the ends */
}

wall_t db_wall(int64_t us)
{
	wall_t t = {us / 1000000, (int32_t)(us % 1000000) * 1000};

	if (t.nsec < 0) {
		t.sec--;
		t.nsec += (int32_t)NS_PER_SEC;
	}
	return t;
}

void db_bind_time(sqlite3_stmt *st, int i, wall_t t)
{
	char text[RFC3339_SIZE];

	if (wall_is_zero(t))
		sqlite3_bind_null(st, i);
	else
		sqlite3_bind_text(st, i, rfc3339_text(t, text), -1, SQLITE_TRANSIENT);
}

void db_bind_text(sqlite3_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(st, i, text ? text : "", -1, SQLITE_STATIC);
}

void db_bind_peer(sqlite3_stmt *st, int i, const struct peer_id *peer)
{
	char text[PEER_ID_TEXT_SIZE] = "";

	if (!peer_id_is_none(peer))
		peer_id_text(peer, text);
	sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT);
}

wall_t db_column_time(sqlite3_stmt *st, int i)
{
	wall_t t;

	return rfc3339_parse(bytes_str(db_column_text(st, i)), &t) == 0 ? t : WALL_ZERO;
}

const char *db_column_text(sqlite3_stmt *st, int i)
{
	const unsigned char *text = sqlite3_column_text(st, i);

	return text ? (const char *)text : "";
}

struct bytes db_column_blob(sqlite3_stmt *st, int i)
{
	const void *at = sqlite3_column_blob(st, i);

	return bytes_of(at, at ? (size_t)sqlite3_column_bytes(st, i) : 0);
}

struct peer_id db_column_peer(sqlite3_stmt *st, int i)
{
	struct peer_id peer;

	return peer_id_parse(bytes_str(db_column_text(st, i)), &peer) == 0 ? peer : PEER_ID_NONE;
}
