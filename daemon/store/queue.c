/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c: the loop's side: rows into the queue, answers out of it. Everything is copied here, so
 * that no memory of the loop is ever seen by the writer. */
#include "daemon/store/parts.h"

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum wait job_wait(const struct job *j)
{
	if (j->kind >= JOB_SNAPSHOT)
		return WAIT_NONE;
	return j->kind == JOB_PRESENCE ? WAIT_EVENT : WAIT_REFRESH;
}

void job_free(struct job *j)
{
	buf_deinit(&j->bytes);
	free(j->members);
	free(j->path);
	free(j->text);
	free(j->rows);
	free(j);
}

static struct job *job_new(enum job_kind kind)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->kind = kind;
	return j;
}

/* A text that lives as long as the job: texts first count, then lie in one buffer that no longer
 * moves. NULL counts as "". */
static const char *keep_text(struct job *j, const char *text, size_t max)
{
	size_t at = j->bytes.len, len = text ? strnlen(text, max) : 0;

	assert(at + len + 1 <= j->bytes.cap); /* reserved by the caller */
	(void)buf_put(&j->bytes, bytes_of(text, len));
	(void)buf_put_u8(&j->bytes, '\0');
	return (const char *)j->bytes.data + at;
}

static void reserve(struct job *j, size_t size)
{
	(void)buf_reserve(&j->bytes, size); /* no maximum of its own */
}

static bool is_coalesced(const struct job *j)
{
	return j->kind <= JOB_RECORD;
}

static void ring(struct store *s)
{
	uint64_t one = 1;

	(void)!write(s->bell, &one, sizeof(one)); /* full means that it rings already */
}

/* Later wins, but "not known" does not wipe out what an earlier row knew. */
static void merge_peer(struct store_peer *old, const struct store_peer *fresh)
{
	struct store_peer merged = *fresh;

	if (!*merged.last_remote_addr)
		memcpy(merged.last_remote_addr, old->last_remote_addr,
			sizeof(merged.last_remote_addr));
	if (wall_is_zero(merged.last_seen_at))
		merged.last_seen_at = old->last_seen_at;
	if (!merged.has_ping) {
		merged.has_ping = old->has_ping;
		merged.last_ping_ok = old->last_ping_ok;
		merged.last_ping_rtt_ms = old->last_ping_rtt_ms;
		merged.last_ping_at = old->last_ping_at;
	}
	*old = merged;
}

/* Into a row of the same peer that still waits; `take_j` is freed then. */
static bool coalesce(struct store *s, struct job *take_j)
{
	struct job *old;

	HASH_FIND(hh, s->by_peer, &take_j->key, sizeof(take_j->key), old);
	if (!old)
		return false;
	switch (take_j->kind) {
	case JOB_PEER: merge_peer(&old->peer, &take_j->peer); break;
	case JOB_MARK:
		if (wall_cmp(take_j->mark.ts, old->mark.ts) > 0)
			old->mark.ts = take_j->mark.ts;
		break;
	default:
		assert(take_j->kind == JOB_RECORD);
		if (take_j->record.seq > old->record.seq) {
			buf_swap(&old->bytes, &take_j->bytes);
			old->record = take_j->record;
		}
	}
	job_free(take_j);
	return true;
}

/* Hands a job over, or refuses it (and frees it): P2P_ERR_FULL. */
static int enqueue(struct store *s, struct job *take_j)
{
	enum wait wait = job_wait(take_j);
	size_t max = wait == WAIT_NONE ? STORE_QUEUE_MAX : STORE_QUEUE_MAX - STORE_URGENT_RESERVE;
	bool must_ring;

	take_j->since = s->opts.mono ? s->opts.mono() : MONO_ZERO;
	pthread_mutex_lock(&s->mutex);
	if (is_coalesced(take_j) && coalesce(s, take_j)) {
		pthread_mutex_unlock(&s->mutex);
		return 0;
	}
	if (s->queued >= max) {
		s->figures.dropped += wait != WAIT_NONE;
		pthread_mutex_unlock(&s->mutex);
		job_free(take_j);
		return P2P_ERR_FULL;
	}
	if (is_coalesced(take_j))
		HASH_ADD(hh, s->by_peer, key, sizeof(take_j->key), take_j);
	list_append(&s->queue, &take_j->node);
	s->queued++;
	s->events += wait == WAIT_EVENT;
	s->urgent += wait == WAIT_NONE;
	must_ring = (int)wait > s->armed || s->queued == STORE_BATCH_CHANGES;
	pthread_mutex_unlock(&s->mutex);
	if (must_ring)
		ring(s);
	return 0;
}

/* ---- writing ---- */

static int put_snapshot(struct store *s, enum job_kind kind, const struct store_snapshot *row,
	store_done_fn *done, void *arg)
{
	struct job *j;
	size_t texts = row->raw.len + STORE_REASON_SIZE;

	if (row->raw.len == 0 || row->raw.len > SNAPSHOT_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	if (row->member_count > MEMBERS_MAX)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = 0; i < row->member_count; i++)
		texts += row->members[i].len;
	j = job_new(kind);
	j->snapshot = *row;
	j->done = done;
	j->arg = arg;
	reserve(j, texts);
	(void)buf_put(&j->bytes, row->raw); /* fits: reserved */
	j->snapshot.raw = bytes_of(j->bytes.data, row->raw.len);
	j->snapshot.source = keep_text(j, row->source, 32);
	j->members = xcalloc(row->member_count ? row->member_count : 1, sizeof(*j->members));
	for (size_t i = 0; i < row->member_count; i++) {
		j->members[i] = bytes_of(j->bytes.data + j->bytes.len, row->members[i].len);
		(void)buf_put(&j->bytes, row->members[i]); /* fits: reserved */
	}
	j->snapshot.members = j->members;
	return enqueue(s, j);
}

int store_put_snapshot(struct store *s, const struct store_snapshot *row, store_done_fn *done,
	void *arg)
{
	return put_snapshot(s, JOB_SNAPSHOT, row, done, arg);
}

int store_put_evidence(struct store *s, const struct store_snapshot *row, store_done_fn *done,
	void *arg)
{
	return put_snapshot(s, JOB_EVIDENCE, row, done, arg);
}

int store_put_state(struct store *s, const struct store_state *row, store_done_fn *done,
	void *arg)
{
	struct job *j = job_new(JOB_STATE);
	struct bytes missing = bytes_head(row->missing, STORE_MISSING_MAX);

	j->state = *row;
	j->done = done;
	j->arg = arg;
	reserve(j, missing.len + 64 + STORE_REASON_SIZE);
	(void)buf_put(&j->bytes, missing); /* fits: reserved */
	j->state.missing = bytes_of(j->bytes.data, missing.len);
	j->state.prev = keep_text(j, row->prev, 24);
	j->state.next = keep_text(j, row->next, 24);
	j->state.reason = keep_text(j, row->reason, STORE_REASON_SIZE - 1);
	return enqueue(s, j);
}

void store_put_presence(struct store *s, const struct store_presence *row)
{
	struct job *j = job_new(JOB_PRESENCE);

	j->presence = *row;
	reserve(j, 2 * STORE_REASON_SIZE);
	j->presence.addr = keep_text(j, row->addr, STORE_REASON_SIZE - 1);
	j->presence.reason = keep_text(j, row->reason, STORE_REASON_SIZE - 1);
	(void)enqueue(s, j); /* a refusal is counted as dropped */
}

static struct job *job_of_peer(enum job_kind kind, const struct peer_id *peer)
{
	struct job *j = job_new(kind);

	j->key.kind = (uint8_t)kind;
	j->key.peer = *peer;
	return j;
}

void store_put_peer(struct store *s, const struct store_peer *row)
{
	struct job *j = job_of_peer(JOB_PEER, &row->peer);

	j->peer = *row;
	(void)enqueue(s, j); /* a refusal is counted as dropped */
}

void store_put_mark(struct store *s, const struct store_mark *row)
{
	struct job *j = job_of_peer(JOB_MARK, &row->peer);

	j->mark = *row;
	(void)enqueue(s, j); /* a refusal is counted as dropped */
}

void store_put_record(struct store *s, const struct store_record *row)
{
	struct job *j;

	if (row->envelope.len == 0 || row->envelope.len > STORE_RECORD_BYTES_MAX)
		return; /* such a record is ignored */
	j = job_of_peer(JOB_RECORD, &row->peer);
	j->record = *row;
	reserve(j, row->envelope.len);
	(void)buf_put(&j->bytes, row->envelope); /* fits: reserved */
	j->record.envelope = buf_bytes(&j->bytes);
	(void)enqueue(s, j); /* a refusal is counted as dropped */
}

void store_retain(struct store *s, wall_t now)
{
	struct job *j = job_new(JOB_RETAIN);

	j->now = now;
	(void)enqueue(s, j); /* it comes again in an hour */
}

/* ---- reading ---- */

int store_query(struct store *s, const struct store_query *q, store_rows_fn *fn, void *arg)
{
	struct job *j;

	if (q->limit == 0 || q->limit > STORE_QUERY_ROWS_MAX)
		return P2P_ERR_INVALID;
	j = job_new(JOB_QUERY);
	j->query = *q;
	j->on_rows = fn;
	j->arg = arg;
	return enqueue(s, j);
}

int store_chore(struct store *s, enum store_chore chore, const char *path, store_chore_fn *fn,
	void *arg)
{
	struct job *j = job_new(JOB_CHORE);

	j->chore = chore;
	j->path = xstrdup(path ? path : "");
	j->text = xcalloc(1, STORE_WHY_SIZE);
	j->on_chore = fn;
	j->arg = arg;
	return enqueue(s, j);
}

/* ---- answers ---- */

static void answer(struct store *s, struct job *j)
{
	switch (j->kind) {
	case JOB_SNAPSHOT:
	case JOB_EVIDENCE:
	case JOB_STATE:
		if (j->done)
			j->done(j->arg, j->err);
		break;
	case JOB_QUERY: j->on_rows(j->arg, j->err, j->rows, j->row_count); break;
	case JOB_CHORE: j->on_chore(j->arg, j->err, j->text); break;
	case JOB_NEWS:
		j->news.text = j->text;
		j->news.path = j->path;
		if (s->opts.on_news)
			s->opts.on_news(s->opts.arg, &j->news);
		break;
	case JOB_RETAIN:
	case JOB_PEER:
	case JOB_MARK:
	case JOB_RECORD:
	case JOB_PRESENCE: break; /* nobody waits for these */
	}
}

void store_dispatch(struct store *s)
{
	for (;;) {
		struct list *first;
		struct job *j;

		/* One at a time: a callback may put more, and must not hold the writer up. */
		pthread_mutex_lock(&s->mutex);
		first = list_first(&s->answers);
		if (first)
			list_remove(first);
		pthread_mutex_unlock(&s->mutex);
		if (!first)
			return;
		j = list_entry(first, struct job, node);
		answer(s, j);
		job_free(j);
	}
}

void store_figures(struct store *s, struct store_figures *ret)
{
	pthread_mutex_lock(&s->mutex);
	*ret = s->figures;
	ret->queued = s->queued;
	ret->waiting_since = s->in_work_since;
	if (s->urgent > 0)
		list_each(node, &s->queue) {
			const struct job *j = list_entry(node, struct job, node);

			if (job_wait(j) == WAIT_NONE)
				ret->waiting_since = mono_min(ret->waiting_since, j->since);
		}
	pthread_mutex_unlock(&s->mutex);
}
