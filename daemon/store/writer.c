/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c: the one other thread of the program. It sleeps until something waits, lets
 * observations gather, and writes them together; what is urgent gets a transaction of its own with
 * synchronous=FULL. Errors of the disk are met here: a full one, a busy one, a damaged file. */
#include "daemon/store/parts.h"

#include "proto/base/err.h"
#include "proto/base/mem.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES (8 * STORE_WRITER_STACK) /* frames of an instrumented build are larger */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_BYTES (8 * STORE_WRITER_STACK)
#endif
#endif
#ifndef STACK_BYTES
#define STACK_BYTES STORE_WRITER_STACK
#endif

static mono_t now(const struct store *s)
{
	return s->opts.mono ? s->opts.mono() : MONO_ZERO;
}

/* ---- to the loop ---- */

static void reply(struct store *s, struct job *take_j)
{
	pthread_mutex_lock(&s->mutex);
	list_append(&s->answers, &take_j->node);
	pthread_mutex_unlock(&s->mutex);
	s->opts.wake(s->opts.arg);
}

void writer_news(struct store *s, enum store_news_kind kind, const char *path, uint64_t count,
	const char *text)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->kind = JOB_NEWS;
	j->news = (struct store_news){.kind = kind, .count = count};
	j->path = path ? xstrdup(path) : NULL;
	j->text = xstrdup(text);
	reply(s, j);
}

static void count_write(struct store *s, int rc, mono_t began)
{
	int64_t ns = mono_since_ns(now(s), began);

	pthread_mutex_lock(&s->mutex);
	if (rc == SQLITE_OK) {
		s->figures.commits++;
		metric_tally_add(&s->figures.writes, (double)ns / (double)NS_PER_SEC);
	} else {
		s->figures.errors++;
	}
	s->figures.is_disk_full = s->is_disk_full;
	pthread_mutex_unlock(&s->mutex);
}

static void count_dropped(struct store *s, uint64_t n)
{
	pthread_mutex_lock(&s->mutex);
	s->figures.dropped += n;
	pthread_mutex_unlock(&s->mutex);
}

/* ---- trouble ---- */

static void tell_full(struct store *s, bool is_full)
{
	if (s->is_disk_full == is_full)
		return;
	s->is_disk_full = is_full;
	writer_news(s, is_full ? STORE_NEWS_DISK_FULL : STORE_NEWS_DISK_OK, NULL, 0,
		is_full ? "the disk is full: history is not kept, membership still is"
			: "there is room again: history goes on");
}

/* Gives the reserve up so that a snapshot fits. */
static void spend_reserve(struct store *s)
{
	char path[PATH_MAX];

	tell_full(s, true);
	if (!s->has_reserve)
		return;
	open_path(s, STORE_RESERVE_NAME, path);
	(void)unlink(path); /* gone already is as good */
	s->has_reserve = false;
}

/* The file after an error of reading, writing or syncing: opened anew, and looked at; a damaged
 * one is moved aside. False: it cannot be opened at all. */
static bool reopen(struct store *s)
{
	struct schema_result schema;
	char moved_to[256], again[256], why[STORE_WHY_SIZE];
	bool is_damaged = s->db.handle && db_is_damage(db_check(&s->db, false, NULL, 0));
	int err;

	db_close(&s->db);
	moved_to[0] = '\0';
	err = is_damaged ? open_move_aside(s, moved_to) : 0;
	if (!err) /* which moves aside what is damaged beyond opening */
		err = open_database(s, &schema, is_damaged ? again : moved_to, why);
	if (err) {
		db_close(&s->db);
		return false;
	}
	if (meta_put_int(&s->db, "clean", 0) != SQLITE_OK)
		return false;
	if (*moved_to)
		writer_news(s, STORE_NEWS_REPLACED, moved_to, 0,
			"the database was damaged and moved aside; a new one has begun");
	return true;
}

static void give_up(struct store *s, int rc)
{
	char text[128];

	if (s->is_fatal)
		return;
	s->is_fatal = true;
	snprintf(text, sizeof(text), "storage failed %d times: %s", STORE_TRIES_MAX,
		sqlite3_errstr(rc));
	writer_news(s, STORE_NEWS_FATAL, NULL, 0, text);
}

/* Prepares for another attempt after an error. */
static void recover(struct store *s, int rc)
{
	if (db_is_full(&s->db, rc)) {
		spend_reserve(s);
		return;
	}
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return; /* it waited for DB_BUSY_MS already */
	default: (void)reopen(s); /* the next attempt finds out */
	}
}

/* ---- urgent rows ---- */

static int write_urgent(struct store *s, const struct job *j)
{
	int rc = s->db.handle ? db_begin(&s->db, true) : SQLITE_CANTOPEN;

	if (rc != SQLITE_OK)
		return rc;
	switch (j->kind) {
	case JOB_SNAPSHOT: rc = rows_put_snapshot(&s->db, &j->snapshot); break;
	case JOB_EVIDENCE: rc = rows_put_evidence(&s->db, &j->snapshot); break;
	case JOB_STATE: rc = rows_put_state(&s->db, &j->state); break;
	case JOB_RETAIN: rc = retain_run(s, j->now); break;
	case JOB_PEER:
	case JOB_MARK:
	case JOB_RECORD:
	case JOB_PRESENCE:
	case JOB_QUERY:
	case JOB_CHORE:
	case JOB_NEWS: assert(!"not an urgent row");
	}
	if (rc == SQLITE_OK)
		rc = db_commit(&s->db);
	if (rc != SQLITE_OK)
		db_rollback(&s->db);
	return rc;
}

static bool is_below_floor(const struct store *s, const struct job *j)
{
	return j->kind == JOB_SNAPSHOT && s->has_stamp &&
	       snapshot_stamp_cmp(&j->snapshot.stamp, &s->stamp) < 0;
}

/* Database first, side file second: a crash between them leaves a list with its own floor. Only
 * when both are synced has the snapshot been accepted. */
static int raise_floor(struct store *s, const struct snapshot_stamp *stamp)
{
	for (int tries = 0; tries < STORE_TRIES_MAX; tries++)
		if (floor_raise(&s->floor, stamp) == 0) {
			s->stamp = *stamp;
			s->has_stamp = true;
			return 0;
		}
	give_up(s, SQLITE_IOERR_FSYNC);
	return P2P_ERR_STORAGE;
}

static void do_urgent(struct store *s, struct job *j)
{
	mono_t began = now(s);
	int rc = SQLITE_IOERR;

	if (is_below_floor(s, j)) {
		j->err = P2P_ERR_STALE;
		return;
	}
	for (int tries = 0; tries < STORE_TRIES_MAX && rc != SQLITE_OK; tries++) {
		rc = write_urgent(s, j);
		if (rc != SQLITE_OK)
			recover(s, rc);
	}
	count_write(s, rc, began);
	j->err = rc == SQLITE_OK ? 0 : P2P_ERR_STORAGE;
	if (!j->err && j->kind == JOB_SNAPSHOT)
		j->err = raise_floor(s, &j->snapshot.stamp);
	/* Full and busy pass; whatever else fails three times will not mend by itself (FM-03). */
	if (rc != SQLITE_OK && !db_is_full(&s->db, rc) && (rc & 0xff) != SQLITE_BUSY)
		give_up(s, rc);
}

/* ---- observations ---- */

static int write_observation(struct store *s, const struct job *j, bool has_room)
{
	switch (j->kind) {
	case JOB_PEER: return rows_put_peer(&s->db, &j->peer);
	case JOB_MARK: return rows_put_mark(&s->db, &j->mark);
	case JOB_RECORD: return rows_put_record(&s->db, &j->record);
	case JOB_PRESENCE: return has_room ? rows_put_presence(&s->db, &j->presence) : SQLITE_OK;
	case JOB_SNAPSHOT:
	case JOB_EVIDENCE:
	case JOB_STATE:
	case JOB_RETAIN:
	case JOB_QUERY:
	case JOB_CHORE:
	case JOB_NEWS: break;
	}
	return SQLITE_MISUSE; /* never: the caller has sorted them */
}

static int write_batch(struct store *s, const struct list *batch, bool has_room)
{
	int rc = s->db.handle ? db_begin(&s->db, false) : SQLITE_CANTOPEN;

	if (rc != SQLITE_OK)
		return rc;
	list_each(node, batch)
		if (rc == SQLITE_OK)
			rc = write_observation(s, list_entry(node, struct job, node), has_room);
	if (rc == SQLITE_OK)
		rc = db_commit(&s->db);
	if (rc != SQLITE_OK)
		db_rollback(&s->db);
	return rc;
}

/* What the disk has been busy with, for the watchdog. */
static void set_in_work(struct store *s, mono_t since)
{
	pthread_mutex_lock(&s->mutex);
	s->in_work_since = since;
	pthread_mutex_unlock(&s->mutex);
}

/* Writes and frees what is in `batch`. What fails is lost and counted: it is only history. */
static void do_batch(struct store *s, struct list *batch)
{
	uint64_t rows = 0, refused = 0;
	mono_t began = now(s);
	bool has_room;
	int rc;

	if (list_is_empty(batch))
		return;
	has_room = retain_has_room(s);
	if (!has_room)
		tell_full(s, true);
	set_in_work(s, began);
	rc = write_batch(s, batch, has_room);
	set_in_work(s, MONO_NEVER);
	count_write(s, rc, began);
	if (rc != SQLITE_OK) {
		if (db_is_full(&s->db, rc))
			tell_full(s, true); /* the reserve is for snapshots */
		else
			recover(s, rc);
	} else if (has_room) {
		tell_full(s, false);
		if (!s->has_reserve)
			s->has_reserve = open_make_reserve(s);
	}
	list_each(node, batch) {
		struct job *j = list_entry(node, struct job, node);

		rows++;
		refused += j->kind == JOB_PRESENCE && !has_room;
		list_remove(node);
		job_free(j);
	}
	if (rc != SQLITE_OK || refused)
		count_dropped(s, rc != SQLITE_OK ? rows : refused);
}

/* ---- the thread ---- */

/* In the order in which it was put: observations gather until something urgent follows. */
static void do_all(struct store *s, struct list *work)
{
	LIST_HEAD(batch);

	list_each(node, work) {
		struct job *j = list_entry(node, struct job, node);

		list_remove(node);
		if (job_wait(j) != WAIT_NONE) {
			list_append(&batch, node);
			continue;
		}
		do_batch(s, &batch);
		set_in_work(s, j->since);
		if (j->kind == JOB_QUERY)
			query_run(s, j);
		else if (j->kind == JOB_CHORE)
			chore_run(s, j);
		else
			do_urgent(s, j);
		set_in_work(s, MONO_NEVER);
		reply(s, j);
	}
	do_batch(s, &batch);
}

static void tell_dropped(struct store *s)
{
	uint64_t dropped;

	pthread_mutex_lock(&s->mutex);
	dropped = s->figures.dropped;
	pthread_mutex_unlock(&s->mutex);
	if (dropped == s->dropped_told)
		return;
	s->dropped_told = dropped;
	writer_news(s, STORE_NEWS_DROPPED, NULL, dropped, "observations were lost");
}

/* Carries the WAL into the database when nobody waits for us. */
static void checkpoint(struct store *s)
{
	uint64_t bytes = retain_bytes_used(s);

	pthread_mutex_lock(&s->mutex);
	s->figures.bytes = bytes;
	pthread_mutex_unlock(&s->mutex);
	if (s->db.wal_pages < DB_CHECKPOINT_PAGES || !s->db.handle)
		return;
	s->db.wal_pages = 0;
	set_in_work(s, now(s));
	/* A failure costs only a longer WAL; the next commit tries again. */
	(void)sqlite3_wal_checkpoint_v2(s->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	set_in_work(s, MONO_NEVER);
}

static enum wait wanted_wait(const struct store *s)
{
	if (s->is_closing || s->urgent > 0 || s->queued >= STORE_BATCH_CHANGES)
		return WAIT_NONE;
	return s->events > 0 ? WAIT_EVENT : s->queued > 0 ? WAIT_REFRESH : WAIT_NOTHING;
}

/* Sleeps until there is something to write; takes it all. False: closing, and nothing is left. */
static bool take_work(struct store *s, struct list *work)
{
	static const int timeouts[] = {
		[WAIT_NOTHING] = -1,
		[WAIT_REFRESH] = STORE_REFRESH_WAIT_MS,
		[WAIT_EVENT] = STORE_EVENT_WAIT_MS,
	};
	bool closing;

	pthread_mutex_lock(&s->mutex);
	for (enum wait w = wanted_wait(s); w != WAIT_NONE; w = wanted_wait(s)) {
		struct pollfd p = {.fd = s->bell, .events = POLLIN};
		uint64_t rings;
		int n;

		s->armed = w; /* whoever puts something more pressing rings */
		pthread_mutex_unlock(&s->mutex);
		n = poll(&p, 1, timeouts[w]);
		(void)!read(s->bell, &rings, sizeof(rings)); /* empty is fine */
		pthread_mutex_lock(&s->mutex);
		if (n == 0)
			break; /* long enough */
	}
	s->armed = WAIT_NONE; /* awake: no need to ring */
	list_each(node, &s->queue) {
		list_remove(node);
		list_append(work, node);
	}
	HASH_CLEAR(hh, s->by_peer);
	s->queued = s->events = s->urgent = 0;
	closing = s->is_closing;
	pthread_mutex_unlock(&s->mutex);
	return !closing || !list_is_empty(work);
}

static void finish(struct store *s)
{
	if (!s->db.handle)
		return;
	if (db_begin(&s->db, false) == SQLITE_OK) { /* the checkpoint below syncs */
		int rc = meta_put_int(&s->db, "clean", 1);

		/* Failing here costs a check at the next start. */
		if (rc != SQLITE_OK || db_commit(&s->db) != SQLITE_OK)
			db_rollback(&s->db);
	}
	(void)sqlite3_wal_checkpoint_v2(s->db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static void *run(void *arg)
{
	struct store *s = arg;
	LIST_HEAD(work);

	while (take_work(s, &work)) {
		do_all(s, &work);
		tell_dropped(s);
		checkpoint(s);
	}
	finish(s);
	return NULL;
}

int writer_start(struct store *s)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the loop */
	rc = pthread_create(&s->thread, &attr, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc == 0 ? 0 : P2P_ERR_STORAGE;
}

void writer_stop(struct store *s)
{
	uint64_t one = 1;

	pthread_mutex_lock(&s->mutex);
	s->is_closing = true;
	pthread_mutex_unlock(&s->mutex);
	(void)!write(s->bell, &one, sizeof(one)); /* full means that it rings already */
	pthread_join(s->thread, NULL);
}
