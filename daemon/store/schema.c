/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c: migrations, one step a version; step 0 makes the tables and takes over what a database
 * of the original holds (features.md P-101, P-107).
 *
 * Times in `peers`, `snapshots` and `meta` are RFC 3339 texts, as the original has them; those of
 * events are microseconds since 1970, because texts with trimmed fractions do not sort. */
#include "daemon/store/schema.h"

#include "proto/base/rfc3339.h"

#include <stdio.h>
#include <unistd.h>

static const char tables[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value ANY) STRICT;"
	/* Exactly the members of the snapshot in force. */
	"CREATE TABLE peers("
	" peer_id TEXT PRIMARY KEY NOT NULL,"
	" last_remote_addr TEXT NOT NULL DEFAULT '',"
	" last_seen_at TEXT,"
	" last_ping_rtt_ms REAL,"
	" last_ping_ok INTEGER,"
	" last_ping_at TEXT,"
	" reachability TEXT NOT NULL DEFAULT 'offline',"
	" observed_by TEXT NOT NULL DEFAULT '') STRICT;"
	"CREATE INDEX peers_by_last_seen_at ON peers(last_seen_at);"
	"CREATE INDEX peers_by_last_ping_at ON peers(last_ping_at);"
	/* Accepted snapshots as received; `sum` covers raw, issued_at and hash. */
	"CREATE TABLE snapshots("
	" id INTEGER PRIMARY KEY,"
	" kind TEXT NOT NULL CHECK(kind IN ('current','past','evidence')),"
	" issued_at TEXT NOT NULL,"
	" hash BLOB NOT NULL UNIQUE,"
	" issuer TEXT NOT NULL,"
	" source TEXT NOT NULL,"
	" received_at INTEGER NOT NULL,"
	" members INTEGER NOT NULL,"
	" raw BLOB NOT NULL,"
	" sum BLOB NOT NULL) STRICT;"
	"CREATE TABLE state_events("
	" id INTEGER PRIMARY KEY,"
	" at INTEGER NOT NULL,"
	" prev TEXT NOT NULL,"
	" next TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" online INTEGER NOT NULL,"
	" members INTEGER NOT NULL,"
	" missing TEXT NOT NULL) STRICT;"
	"CREATE INDEX state_events_by_at ON state_events(at);"
	"CREATE TABLE presence_events("
	" id INTEGER PRIMARY KEY,"
	" at INTEGER NOT NULL,"
	" peer_id TEXT NOT NULL,"
	" kind TEXT NOT NULL,"
	" addr TEXT NOT NULL,"
	" rtt_ms REAL,"
	" reason TEXT NOT NULL) STRICT;"
	"CREATE INDEX presence_events_by_at ON presence_events(at);"
	"CREATE INDEX presence_events_by_peer ON presence_events(peer_id, at);"
	"CREATE TABLE peer_records("
	" peer_id TEXT PRIMARY KEY NOT NULL,"
	" seq INTEGER NOT NULL,"
	" envelope BLOB NOT NULL,"
	" at INTEGER NOT NULL) STRICT;"
	"CREATE TABLE heartbeat_marks("
	" peer_id TEXT PRIMARY KEY NOT NULL,"
	" sec INTEGER NOT NULL,"
	" nsec INTEGER NOT NULL) STRICT;";

static bool has_table(struct db *db, const char *name)
{
	return sqlite3_table_column_metadata(db->handle, "main", name, NULL, NULL, NULL, NULL, NULL,
		       NULL) == SQLITE_OK;
}

static bool has_column(struct db *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(db->handle, "main", table, column, NULL, NULL, NULL,
		       NULL, NULL) == SQLITE_OK;
}

static int is_empty(struct db *db, bool *ret)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->handle, "SELECT count(*) FROM sqlite_master", -1, &st, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	*ret = rc == SQLITE_ROW && sqlite3_column_int(st, 0) == 0;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* The original's times are "2026-02-21 11:11:01.5+00:00"; NULL for what is no time, or never. */
static wall_t original_time(const char *text)
{
	size_t len = strlen(text);
	char copy[RFC3339_TEXT_MAX];
	wall_t t;

	if (len < 19 || len + 2 > sizeof(copy))
		return WALL_ZERO;
	/* CURRENT_TIMESTAMP is UTC without saying so. */
	snprintf(copy, sizeof(copy), "%s%s", text, len == 19 ? "Z" : "");
	if (copy[10] == ' ')
		copy[10] = 'T';
	return rfc3339_parse(bytes_str(copy), &t) == 0 ? t : WALL_ZERO;
}

static int copy_original_peer(sqlite3_stmt *from, sqlite3_stmt *to)
{
	struct peer_id peer = db_column_peer(from, 0);

	if (peer_id_is_none(&peer))
		return SQLITE_OK;
	sqlite3_reset(to);
	db_bind_peer(to, 1, &peer);
	sqlite3_bind_text(to, 2, db_column_text(from, 1), -1, SQLITE_TRANSIENT);
	db_bind_time(to, 3, original_time(db_column_text(from, 2)));
	if (sqlite3_column_type(from, 3) != SQLITE_NULL)
		sqlite3_bind_double(to, 4, sqlite3_column_double(from, 3));
	else
		sqlite3_bind_null(to, 4);
	sqlite3_bind_int(to, 5, sqlite3_column_int(from, 4) != 0);
	db_bind_time(to, 6, original_time(db_column_text(from, 5)));
	sqlite3_bind_text(to, 7, db_column_text(from, 6), -1, SQLITE_TRANSIENT);
	return sqlite3_step(to) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(sqlite3_db_handle(to));
}

/* Its rows, whichever of its versions wrote them. They stay until the first snapshot says who is a
 * member: their addresses help to find the others. */
static int copy_original_peers(struct db *db)
{
	static const char table[] = "peers_original";
	char sql[768];
	sqlite3_stmt *from = NULL, *to = NULL;
	int rc;

	if (!has_column(db, table, "peer_id"))
		return SQLITE_OK; /* the oldest version knew addresses only */
#define COLUMN(name, other) (has_column(db, table, name) ? "coalesce(" name ",'')" : other)
	snprintf(sql, sizeof(sql), "SELECT peer_id, CASE WHEN %s<>'' THEN %s ELSE %s END, %s, %s, %s, %s, %s FROM %s",
		COLUMN("last_remote_addr", "''"), COLUMN("last_remote_addr", "''"),
		has_column(db, table, "addrs")
			? "CASE WHEN json_valid(addrs) THEN coalesce(json_extract(addrs,'$[0]'),'') "
			  "ELSE coalesce(addrs,'') END"
			: "''",
		COLUMN("last_seen_at", "''"),
		has_column(db, table, "last_ping_rtt_ms") ? "last_ping_rtt_ms" : "NULL",
		has_column(db, table, "last_ping_ok") ? "last_ping_ok" : "0",
		COLUMN("last_ping_at", "''"), COLUMN("observed_by", "''"), table);
#undef COLUMN
	rc = sqlite3_prepare_v2(db->handle, sql, -1, &from, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db->handle,
			"INSERT OR REPLACE INTO peers(peer_id,last_remote_addr,last_seen_at,"
			"last_ping_rtt_ms,last_ping_ok,last_ping_at,observed_by) "
			"VALUES(?1,?2,?3,?4,?5,?6,?7)",
			-1, &to, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(from)) == SQLITE_ROW)
		rc = copy_original_peer(from, to);
	sqlite3_finalize(from);
	sqlite3_finalize(to);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* From nothing, or from the original's tables, to version 1. */
static int step_first(struct db *db, struct schema_result *ret)
{
	int rc = SQLITE_OK;

	if (has_table(db, "settings")) {
		ret->from_original = true;
		rc = db_exec(db, "ALTER TABLE settings RENAME TO settings_original");
	}
	if (rc == SQLITE_OK && has_table(db, "peers")) {
		ret->from_original = true;
		rc = db_exec(db, "ALTER TABLE peers RENAME TO peers_original");
	}
	if (rc == SQLITE_OK)
		rc = db_exec(db, tables);
	if (rc == SQLITE_OK && has_table(db, "peers_original")) {
		rc = copy_original_peers(db);
		if (rc == SQLITE_OK) /* the copy of the whole file still has it */
			rc = db_exec(db, "DROP TABLE peers_original");
	}
	return rc;
}

static int (*const steps[DB_SCHEMA_VERSION])(struct db *db, struct schema_result *ret) = {
	step_first, /* 0 → 1 */
};

/* The database as it was, under a name of its own; an older copy is kept. */
static int keep_copy(struct db *db, int version)
{
	char *sql, name[PATH_MAX + 16], temp[PATH_MAX + 32];
	int rc;

	snprintf(name, sizeof(name), "%s.v%d", db->path, version);
	snprintf(temp, sizeof(temp), "%s.part", name);
	if (access(name, F_OK) == 0)
		return SQLITE_OK;
	(void)unlink(temp); /* of an attempt that was interrupted */
	sql = sqlite3_mprintf("VACUUM INTO %Q", temp);
	rc = db_exec(db, sql);
	sqlite3_free(sql);
	if (rc == SQLITE_OK && rename(temp, name) != 0)
		rc = SQLITE_IOERR;
	return rc;
}

int schema_migrate(struct db *db, int version, struct schema_result *ret)
{
	char sql[64];
	int rc;

	*ret = (struct schema_result){.migrated_from = -1};
	if (version == DB_SCHEMA_VERSION)
		return SQLITE_OK;
	rc = is_empty(db, &ret->is_new);
	if (rc == SQLITE_OK && !ret->is_new)
		rc = keep_copy(db, version);
	if (rc == SQLITE_OK)
		rc = db_exec(db, "BEGIN EXCLUSIVE");
	for (int v = version; v < DB_SCHEMA_VERSION && rc == SQLITE_OK; v++)
		rc = steps[v](db, ret);
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", DB_SCHEMA_VERSION);
	if (rc == SQLITE_OK)
		rc = db_exec(db, sql);
	if (rc == SQLITE_OK)
		rc = db_exec(db, "COMMIT");
	if (rc != SQLITE_OK && db->handle && !sqlite3_get_autocommit(db->handle))
		(void)db_exec(db, "ROLLBACK"); /* the error that matters is in rc */
	if (rc == SQLITE_OK && !ret->is_new)
		ret->migrated_from = version;
	return rc;
}
