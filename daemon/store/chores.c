/* SPDX-License-Identifier: Apache-2.0 */
/* chores.c: what an operator may ask for: check, backup, compact. */
#include "daemon/store/parts.h"

#include "proto/base/err.h"

#include <stdio.h>
#include <unistd.h>

static void say(struct job *j, int rc, const char *done)
{
	j->err = rc == SQLITE_OK ? 0 : P2P_ERR_STORAGE;
	snprintf(j->text, STORE_WHY_SIZE, "%s", rc == SQLITE_OK ? done : sqlite3_errstr(rc));
}

static void check(struct store *s, struct job *j)
{
	char found[200] = "";
	int rc = db_check(&s->db, true, found, sizeof(found));

	say(j, rc, "the database holds together");
	if (rc != SQLITE_OK)
		snprintf(j->text, STORE_WHY_SIZE, "the database is damaged: %s", found);
}

/* A copy that holds together at one instant, while the node goes on. */
static void backup(struct store *s, struct job *j)
{
	char done[STORE_WHY_SIZE];
	char *sql;
	int rc;

	if (j->path[0] != '/') {
		j->err = P2P_ERR_INVALID;
		snprintf(j->text, STORE_WHY_SIZE, "the path must be absolute");
		return;
	}
	if (access(j->path, F_OK) == 0) {
		j->err = P2P_ERR_EXISTS;
		snprintf(j->text, STORE_WHY_SIZE, "%.300s exists already", j->path);
		return;
	}
	sql = sqlite3_mprintf("VACUUM INTO %Q", j->path);
	rc = db_exec(&s->db, sql);
	sqlite3_free(sql);
	if (rc != SQLITE_OK)
		(void)unlink(j->path); /* half a copy would look like one */
	snprintf(done, sizeof(done), "written to %.300s", j->path);
	say(j, rc, done);
}

static void compact(struct store *s, struct job *j)
{
	uint64_t before = retain_bytes_used(s), after;
	char done[128];
	int rc = db_exec(&s->db, "VACUUM");

	if (rc == SQLITE_OK)
		rc = db_exec(&s->db, "PRAGMA wal_checkpoint(TRUNCATE)");
	after = retain_bytes_used(s);
	/* Whoever hears that it is done may ask at once how large it is now. */
	pthread_mutex_lock(&s->mutex);
	s->figures.bytes = after;
	pthread_mutex_unlock(&s->mutex);
	snprintf(done, sizeof(done), "%llu bytes before, %llu after", (unsigned long long)before,
		(unsigned long long)after);
	say(j, rc, done);
}

void chore_run(struct store *s, struct job *j)
{
	if (!s->db.handle) {
		say(j, SQLITE_CANTOPEN, "");
		return;
	}
	switch (j->chore) {
	case STORE_CHECK: check(s, j); break;
	case STORE_BACKUP: backup(s, j); break;
	case STORE_COMPACT: compact(s, j); break;
	}
}
