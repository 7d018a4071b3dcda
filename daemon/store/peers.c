/* SPDX-License-Identifier: Apache-2.0 */
/* peers.c: the table of members, heartbeat marks and peer records. */
#include "daemon/store/parts.h"

/* Only a row that is there is updated: an observation makes nobody a member (P-102). */
int rows_put_peer(struct db *db, const struct store_peer *row)
{
	sqlite3_stmt *st = db_statement(db, DB_PEER_PUT);

	db_bind_peer(st, 1, &row->peer);
	db_bind_text(st, 2, row->last_remote_addr);
	db_bind_time(st, 3, row->last_seen_at);
	sqlite3_bind_int(st, 4, row->has_ping);
	if (row->has_ping) {
		if (row->last_ping_rtt_ms >= 0)
			sqlite3_bind_double(st, 5, row->last_ping_rtt_ms);
		sqlite3_bind_int(st, 6, row->last_ping_ok);
		db_bind_time(st, 7, row->last_ping_at);
	}
	db_bind_text(st, 8, row->is_online ? "online" : "offline");
	db_bind_peer(st, 9, &row->observed_by);
	return db_run(db, DB_PEER_PUT);
}

int rows_put_mark(struct db *db, const struct store_mark *row)
{
	sqlite3_stmt *st = db_statement(db, DB_MARK_PUT);

	db_bind_peer(st, 1, &row->peer);
	sqlite3_bind_int64(st, 2, row->ts.sec);
	sqlite3_bind_int(st, 3, row->ts.nsec);
	return db_run(db, DB_MARK_PUT);
}

int rows_put_record(struct db *db, const struct store_record *row)
{
	sqlite3_stmt *st = db_statement(db, DB_RECORD_PUT);

	db_bind_peer(st, 1, &row->peer);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)row->seq);
	sqlite3_bind_blob(st, 3, row->envelope.at, (int)row->envelope.len, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, db_us(row->at));
	return db_run(db, DB_RECORD_PUT);
}
