/* SPDX-License-Identifier: Apache-2.0 */
/* start.c: reads what the node needs before its loop runs. */
#include "daemon/store/parts.h"

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#include <stdlib.h>

void store_start_deinit(struct store_start *st)
{
	buf_deinit(&st->snapshot);
	buf_deinit(&st->record_bytes);
	free(st->peers);
	free(st->marks);
	free(st->records);
	*st = (struct store_start){0};
}

/* An array with room for one more item. */
static void *grown(void *at, size_t count, size_t item)
{
	/* At every power of two. */
	return (count & (count - 1)) == 0 ? xrealloc(at, (count ? count * 2 : 1) * item) : at;
}

/* Runs `take` on each row of a query; SQLite's code. */
static int each_row(struct db *db, const char *sql, struct store_start *st,
	int (*take)(struct store_start *st, sqlite3_stmt *row))
{
	sqlite3_stmt *row;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &row, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW)
		rc = take(st, row);
	sqlite3_finalize(row);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int take_snapshot(struct store_start *st, sqlite3_stmt *row)
{
	struct bytes raw = db_column_blob(row, 4), hash = db_column_blob(row, 1);
	struct bytes kept_sum = db_column_blob(row, 5);
	uint8_t sum[32];

	st->stamp.issued_at = db_column_time(row, 0);
	if (hash.len != sizeof(st->stamp.hash) || raw.len == 0 || raw.len > SNAPSHOT_BYTES_MAX)
		return SQLITE_CORRUPT;
	memcpy(st->stamp.hash, hash.at, hash.len);
	rows_sum(raw, &st->stamp, sum);
	if (!bytes_eq(kept_sum, bytes_of(sum, sizeof(sum))))
		return SQLITE_CORRUPT; /* SQLite does not check its pages; this row must be whole */
	buf_reset(&st->snapshot);
	(void)buf_put(&st->snapshot, raw); /* no maximum, and bounded above */
	st->issuer = db_column_peer(row, 2);
	(void)text_copy(st->snapshot_source, sizeof(st->snapshot_source),
		bytes_str(db_column_text(row, 3))); /* may be cut */
	st->snapshot_received_at = db_wall(sqlite3_column_int64(row, 6));
	st->has_snapshot = true;
	return SQLITE_OK;
}

static int take_peer(struct store_start *st, sqlite3_stmt *row)
{
	struct store_peer *p;

	st->peers = grown(st->peers, st->peer_count, sizeof(*p));
	p = &st->peers[st->peer_count];
	*p = (struct store_peer){.peer = db_column_peer(row, 0), .last_ping_rtt_ms = -1};
	if (peer_id_is_none(&p->peer))
		return SQLITE_OK; /* an odd entry: a row for people, nobody to dial */
	(void)text_copy(p->last_remote_addr, sizeof(p->last_remote_addr),
		bytes_str(db_column_text(row, 1))); /* a cut address is refused when it is parsed */
	p->last_seen_at = db_column_time(row, 2);
	p->has_ping = sqlite3_column_type(row, 4) != SQLITE_NULL;
	if (sqlite3_column_type(row, 3) != SQLITE_NULL)
		p->last_ping_rtt_ms = sqlite3_column_double(row, 3);
	p->last_ping_ok = sqlite3_column_int(row, 4) != 0;
	p->last_ping_at = db_column_time(row, 5);
	p->observed_by = db_column_peer(row, 6);
	st->peer_count++;
	return SQLITE_OK;
}

static int take_mark(struct store_start *st, sqlite3_stmt *row)
{
	struct store_mark *m;

	st->marks = grown(st->marks, st->mark_count, sizeof(*m));
	m = &st->marks[st->mark_count];
	m->peer = db_column_peer(row, 0);
	m->ts.sec = sqlite3_column_int64(row, 1);
	m->ts.nsec = sqlite3_column_int(row, 2);
	if (peer_id_is_none(&m->peer) || m->ts.nsec < 0 || m->ts.nsec >= NS_PER_SEC)
		return SQLITE_OK;
	st->mark_count++;
	return SQLITE_OK;
}

static int take_record(struct store_start *st, sqlite3_stmt *row)
{
	struct bytes envelope = db_column_blob(row, 2);
	struct store_record *r;

	st->records = grown(st->records, st->record_count, sizeof(*r));
	r = &st->records[st->record_count];
	*r = (struct store_record){.peer = db_column_peer(row, 0)};
	if (peer_id_is_none(&r->peer) || envelope.len > STORE_RECORD_BYTES_MAX)
		return SQLITE_OK;
	r->seq = (uint64_t)sqlite3_column_int64(row, 1);
	r->at = db_wall(sqlite3_column_int64(row, 3));
	r->envelope = bytes_of(NULL, envelope.len); /* placed when the buffer has stopped moving */
	(void)buf_put(&st->record_bytes, envelope); /* no maximum; one a member */
	st->record_count++;
	return SQLITE_OK;
}

static int take_counts(struct store_start *st, sqlite3_stmt *row)
{
	st->state_events = (uint64_t)sqlite3_column_int64(row, 0);
	st->presence_events = (uint64_t)sqlite3_column_int64(row, 1);
	st->snapshots = (uint64_t)sqlite3_column_int64(row, 2);
	return SQLITE_OK;
}

static void place_envelopes(struct store_start *st)
{
	size_t at = 0;

	for (size_t i = 0; i < st->record_count; i++) {
		st->records[i].envelope.at = st->record_bytes.data + at;
		at += st->records[i].envelope.len;
	}
}

int start_load(struct db *db, bool was_clean, struct store_start *st)
{
	static const struct {
		const char *sql;
		int (*take)(struct store_start *st, sqlite3_stmt *row);
	} parts[] = {
		{"SELECT issued_at,hash,issuer,source,raw,sum,received_at FROM snapshots "
		 "WHERE kind='current' ORDER BY id DESC LIMIT 1",
			take_snapshot},
		{"SELECT peer_id,last_remote_addr,last_seen_at,last_ping_rtt_ms,last_ping_ok,"
		 "last_ping_at,observed_by FROM peers",
			take_peer},
		{"SELECT peer_id,sec,nsec FROM heartbeat_marks", take_mark},
		{"SELECT peer_id,seq,envelope,at FROM peer_records", take_record},
		/* Ids grow by one a row, and counting would read the whole table. */
		{"SELECT coalesce((SELECT max(id)-min(id)+1 FROM state_events),0),"
		 "coalesce((SELECT max(id)-min(id)+1 FROM presence_events),0),"
		 "(SELECT count(*) FROM snapshots)",
			take_counts},
	};
	int rc = SQLITE_OK;

	st->was_clean = was_clean;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rc == SQLITE_OK; i++)
		rc = each_row(db, parts[i].sql, st, parts[i].take);
	if (rc == SQLITE_OK)
		rc = db_fit_cache(db, st->snapshot.len);
	place_envelopes(st);
	return rc;
}
