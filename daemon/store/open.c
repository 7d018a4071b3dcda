/* SPDX-License-Identifier: Apache-2.0 */
/* open.c: the lock, the database, the floor: from a directory to a running store; and what happens
 * to a database that turns out damaged. */
#include "daemon/store/parts.h"

#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(int err, char *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(int err, char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, STORE_WHY_SIZE, fmt, args); /* a very long path is cut */
	va_end(args);
	return err;
}

void open_path(const struct store *s, const char *name, char to[PATH_MAX])
{
	if (snprintf(to, PATH_MAX, "%s/%s", s->dir, name) >= PATH_MAX)
		to[0] = '\0'; /* no file has this name: whatever uses it fails */
}

static int lock(struct store *s, char *why)
{
	char path[PATH_MAX], pid[32];
	int n;

	open_path(s, STORE_LOCK_NAME, path);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return fail(P2P_ERR_STORAGE, why, "%s cannot be opened: %s", path, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		n = (int)pread(s->lock_fd, pid, sizeof(pid) - 1, 0);
		return fail(P2P_ERR_BUSY, why, "another p2posd (process %.*s) uses %s",
			n > 0 ? (int)strcspn(pid, "\n") : 1, n > 0 ? pid : "?", s->dir);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(s->lock_fd, 0) == 0)
		(void)!pwrite(s->lock_fd, pid, (size_t)n, 0); /* for people; the lock is what counts */
	return 0;
}

bool open_make_reserve(struct store *s)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, err;

	open_path(s, STORE_RESERVE_NAME, path);
	if (stat(path, &st) == 0 && st.st_size == STORE_RESERVE_BYTES)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	err = posix_fallocate(fd, 0, STORE_RESERVE_BYTES);
	close(fd);
	if (err)
		(void)unlink(path); /* half a reserve only takes room */
	return err == 0;
}

int open_move_aside(struct store *s, char moved_to[256])
{
	static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
	char from[PATH_MAX], to[PATH_MAX], stamp[RFC3339_SIZE], name[64];
	wall_t now = s->opts.now;
	size_t n = 0;

	now.nsec = 0;
	for (const char *c = rfc3339_text(now, stamp); *c; c++)
		if (*c != '-' && *c != ':')
			stamp[n++] = *c;
	stamp[n] = '\0';
	for (int serial = 0; serial < 100; serial++) {
		snprintf(name, sizeof(name), STORE_DB_NAME ".damaged-%.20s.%d", stamp, serial);
		open_path(s, name, to);
		if (access(to, F_OK) != 0)
			break;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char one[80];

		snprintf(one, sizeof(one), STORE_DB_NAME "%s", parts[i]);
		open_path(s, one, from);
		snprintf(one, sizeof(one), "%s%s", name, parts[i]);
		open_path(s, one, to);
		if (rename(from, to) != 0 && (i == 0 || errno != ENOENT))
			return P2P_ERR_STORAGE;
	}
	snprintf(moved_to, 256, "%.180s/%s", s->dir, name);
	return file_sync_dir(s->dir) == 0 ? 0 : P2P_ERR_STORAGE;
}

/* Two kinds of damage that SQLite does not call so: it takes a stump for an empty file and begins
 * anew without a word, and a file format of the future for a file that must not be written. */
static bool has_bad_header(const char *path)
{
	uint8_t head[DB_BYTES_MIN];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof(head), 0) : 0;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false; /* nothing there, or nothing readable: opening will say so */
	return n < DB_BYTES_MIN || head[18] < 1 || head[18] > 2 || head[19] < 1 || head[19] > 2;
}

/* SQLite's code; `ret_version` is the schema's when it is too new. */
static int try_open(struct store *s, struct schema_result *ret, int *ret_version)
{
	char path[PATH_MAX];
	int64_t clean = 0;
	int rc;

	open_path(s, STORE_DB_NAME, path);
	if (has_bad_header(path))
		return SQLITE_NOTADB;
	rc = db_open(&s->db, path, ret_version);
	if (rc != SQLITE_OK || *ret_version > DB_SCHEMA_VERSION || *ret_version < 0)
		return rc;
	rc = db_configure(&s->db);
	if (rc == SQLITE_OK)
		rc = schema_migrate(&s->db, *ret_version, ret);
	if (rc == SQLITE_OK)
		rc = db_prepare(&s->db);
	if ((rc & 0xff) == SQLITE_ERROR)
		return SQLITE_CORRUPT; /* our version number on tables that are not ours */
	if (rc == SQLITE_OK && !ret->is_new && ret->migrated_from < 0) {
		rc = meta_get_int(&s->db, "clean", &clean);
		if (rc == SQLITE_OK || rc == SQLITE_DONE)
			rc = clean ? SQLITE_OK : db_check(&s->db, false, NULL, 0);
	}
	return rc;
}

int open_database(struct store *s, struct schema_result *ret, char moved_to[256],
	char why[STORE_WHY_SIZE])
{
	int version = 0;

	moved_to[0] = '\0';
	for (int attempt = 0;; attempt++) {
		int rc = try_open(s, ret, &version);

		if (rc == SQLITE_OK && version <= DB_SCHEMA_VERSION && version >= 0)
			return 0;
		if (rc == SQLITE_OK)
			(void)fail(0, why,
				"%s/" STORE_DB_NAME " has schema %d and this program knows up to %d: "
				"run the newer program, or move the file away and let the node join "
				"again",
				s->dir, version, DB_SCHEMA_VERSION);
		else
			(void)fail(0, why, "%s/" STORE_DB_NAME " cannot be used: %s", s->dir,
				sqlite3_errstr(rc));
		db_close(&s->db);
		if (!db_is_damage(rc) || attempt > 0 || open_move_aside(s, moved_to) != 0)
			return P2P_ERR_STORAGE;
	}
}

/* The larger of what database and side file remember. */
static int read_floor(struct store *s)
{
	struct snapshot_stamp stamp;
	int rc = meta_get_floor(&s->db, &stamp);

	if (rc != SQLITE_OK && rc != SQLITE_DONE)
		return rc;
	s->has_stamp = rc == SQLITE_OK;
	if (s->has_stamp)
		s->stamp = stamp;
	if (s->floor.has_stamp &&
		(!s->has_stamp || snapshot_stamp_cmp(&s->floor.stamp, &s->stamp) > 0))
		s->stamp = s->floor.stamp;
	s->has_stamp |= s->floor.has_stamp;
	return SQLITE_OK;
}

/* Loads, then marks the store as in use and everybody as offline (P-105). SQLite's code. */
static int load(struct store *s, struct store_start *st)
{
	int64_t clean = 1; /* a new database was never left in disorder */
	int rc = meta_get_int(&s->db, "clean", &clean);

	if (rc == SQLITE_OK || rc == SQLITE_DONE)
		rc = read_floor(s);
	if (rc == SQLITE_OK)
		rc = start_load(&s->db, clean != 0, st);
	/* Not synced: what is written later is in the log behind it, so it cannot be lost alone. */
	if (rc == SQLITE_OK)
		rc = db_begin(&s->db, false);
	if (rc == SQLITE_OK)
		rc = db_exec(&s->db, "UPDATE peers SET reachability='offline' WHERE "
				     "reachability<>'offline'");
	if (rc == SQLITE_OK)
		rc = meta_put_int(&s->db, "clean", 0);
	if (rc == SQLITE_OK)
		rc = db_commit(&s->db);
	if (rc != SQLITE_OK)
		db_rollback(&s->db);
	return rc;
}

static void judge_floor(struct store *s, struct store_start *st)
{
	st->has_floor = s->has_stamp;
	if (s->has_stamp)
		st->floor = s->stamp;
	st->was_below_floor = st->has_snapshot && s->has_stamp &&
			      snapshot_stamp_cmp(&st->stamp, &s->stamp) < 0;
	if (st->was_below_floor)
		st->has_snapshot = false;
	if (!st->has_snapshot)
		buf_reset(&st->snapshot);
}

/* Everything but the thread. */
static int open_files(struct store *s, struct store_start *st, char *why)
{
	struct schema_result schema = {.migrated_from = -1};
	char path[PATH_MAX];
	int err, rc;

	err = lock(s, why);
	if (err)
		return err;
	open_path(s, STORE_FLOOR_NAME, path);
	if (floor_open(&s->floor, path) != 0)
		return fail(P2P_ERR_STORAGE, why, "%s cannot be opened: %s", path, strerror(errno));
	err = open_database(s, &schema, st->moved_to, why);
	if (err)
		return err;
	rc = load(s, st);
	if (db_is_damage(rc)) { /* seen only now: the file looked whole from outside */
		db_close(&s->db);
		store_start_deinit(st);
		err = open_move_aside(s, st->moved_to);
		if (!err) {
			char again[256];

			err = open_database(s, &schema, again, why);
		}
		rc = err ? SQLITE_ERROR : load(s, st);
	}
	if (rc != SQLITE_OK)
		return fail(P2P_ERR_STORAGE, why, "%s/" STORE_DB_NAME " cannot be read: %s", s->dir,
			sqlite3_errstr(rc));
	st->was_damaged = st->moved_to[0] != '\0';
	st->is_new = schema.is_new && !st->was_damaged;
	st->from_original = schema.from_original;
	st->migrated_from = schema.migrated_from;
	judge_floor(s, st);
	s->has_reserve = open_make_reserve(s);
	if (s->floor.is_new || schema.is_new)
		(void)file_sync_dir(s->dir); /* a crash would lose empty files at most */
	return 0;
}

static void close_files(struct store *s)
{
	db_close(&s->db);
	floor_close(&s->floor);
	if (s->bell >= 0)
		close(s->bell);
	if (s->lock_fd >= 0)
		close(s->lock_fd); /* and gives up the lock */
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

int store_open(const struct store_opts *opts, struct store **ret, struct store_start *ret_start,
	char why[STORE_WHY_SIZE])
{
	struct store *s = xcalloc(1, sizeof(*s));
	struct store_start st = {0};
	int err = 0;

	/* Once a process; later calls are refused, and need not do it again. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	*s = (struct store){.opts = *opts, .lock_fd = -1, .bell = -1, .floor = {.fd = -1}};
	snprintf(s->dir, sizeof(s->dir), "%s", opts->dir);
	s->in_work_since = MONO_NEVER;
	list_init(&s->queue);
	list_init(&s->answers);
	pthread_mutex_init(&s->mutex, NULL);
	s->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->bell < 0 || sodium_init() < 0)
		err = fail(P2P_ERR_STORAGE, why, "out of file descriptors");
	if (!err)
		err = open_files(s, &st, why);
	if (!err && writer_start(s) != 0)
		err = fail(P2P_ERR_STORAGE, why, "the writer thread cannot start");
	if (err) {
		store_start_deinit(&st);
		close_files(s);
		return err;
	}
	*ret = s;
	*ret_start = st;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	writer_stop(s);
	store_dispatch(s);
	close_files(s);
}
