/* SPDX-License-Identifier: Apache-2.0 */
/* retain.c: how long history is kept and how much room it may take (P-018, P-103, R-52). */
#include "daemon/store/parts.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define STATE_DAYS        90
#define STATE_ROWS_MAX    100000
#define PRESENCE_DAYS     30
#define PRESENCE_ROWS_MAX 500000
#define MARK_DAYS         1 /* far beyond the 5 minutes in which a heartbeat could be replayed */
/* Rows that one round deletes by age at most: a clock that jumps far ahead must not cost the whole
 * history before somebody notices. */
#define ROWS_A_ROUND      5000
#define SECONDS_A_DAY     86400

static int delete_old(struct db *db, const char *table, wall_t before, int64_t rows_max)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		"DELETE FROM %s WHERE id IN (SELECT id FROM %s WHERE at<%lld ORDER BY at LIMIT %d);"
		"DELETE FROM %s WHERE id<=(SELECT max(id)-%lld FROM %s)",
		table, table, (long long)db_us(before), ROWS_A_ROUND, table, (long long)rows_max,
		table);
	return db_exec(db, sql);
}

int retain_run(struct store *s, wall_t now)
{
	char sql[128];
	int rc = delete_old(&s->db, "state_events", wall_add_sec(now, -STATE_DAYS * SECONDS_A_DAY),
		STATE_ROWS_MAX);

	if (rc == SQLITE_OK)
		rc = delete_old(&s->db, "presence_events",
			wall_add_sec(now, -PRESENCE_DAYS * SECONDS_A_DAY), PRESENCE_ROWS_MAX);
	snprintf(sql, sizeof(sql), "DELETE FROM heartbeat_marks WHERE sec<%lld",
		(long long)now.sec - MARK_DAYS * SECONDS_A_DAY);
	if (rc == SQLITE_OK)
		rc = db_exec(&s->db, sql);
	return rc == SQLITE_OK ? db_exec(&s->db, "PRAGMA incremental_vacuum(256)") : rc;
}

uint64_t retain_bytes_used(const struct store *s)
{
	static const char *const names[] = {STORE_DB_NAME, STORE_DB_NAME "-wal",
		STORE_DB_NAME "-shm", STORE_FLOOR_NAME};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[PATH_MAX];
		struct stat st;

		open_path(s, names[i], path);
		if (stat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

static bool is_roomy(const struct store *s)
{
	struct statvfs fs;

	if (statvfs(s->dir, &fs) != 0)
		return true; /* not known: the writes themselves will tell */
	return (uint64_t)fs.f_bavail * fs.f_frsize >= STORE_FREE_MIN &&
	       retain_bytes_used(s) < STORE_OWN_MAX;
}

bool retain_has_room(struct store *s)
{
	if (is_roomy(s))
		return true;
	/* A tenth of it, the oldest, once: on the way into the shortage. */
	if (!s->is_disk_full && s->db.handle && db_begin(&s->db, false) == SQLITE_OK) {
		int rc = db_exec(&s->db,
			"DELETE FROM presence_events WHERE id<(SELECT min(id)+"
			"(max(id)-min(id))/10 FROM presence_events);"
			"PRAGMA incremental_vacuum");

		if (rc != SQLITE_OK || db_commit(&s->db) != SQLITE_OK)
			db_rollback(&s->db); /* no room even for deleting: history stops */
		return is_roomy(s);
	}
	return false;
}
