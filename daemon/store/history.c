/* SPDX-License-Identifier: Apache-2.0 */
/* history.c: snapshots, state changes and presence events into their tables; the floor in meta. */
#include "daemon/store/parts.h"

#include "proto/base/err.h"

#include <sodium.h>

void rows_sum(struct bytes raw, const struct snapshot_stamp *stamp, uint8_t ret[32])
{
	crypto_hash_sha256_state h;
	uint8_t time[12];

	for (int i = 0; i < 8; i++)
		time[i] = (uint8_t)((uint64_t)stamp->issued_at.sec >> (56 - 8 * i));
	for (int i = 0; i < 4; i++)
		time[8 + i] = (uint8_t)((uint32_t)stamp->issued_at.nsec >> (24 - 8 * i));
	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, time, sizeof(time));
	crypto_hash_sha256_update(&h, stamp->hash, sizeof(stamp->hash));
	crypto_hash_sha256_update(&h, raw.at, raw.len);
	crypto_hash_sha256_final(&h, ret);
}

int meta_put_int(struct db *db, const char *key, int64_t v)
{
	sqlite3_stmt *st = db_statement(db, DB_META_PUT);

	db_bind_text(st, 1, key);
	sqlite3_bind_int64(st, 2, v);
	return db_run(db, DB_META_PUT);
}

int meta_get_int(struct db *db, const char *key, int64_t *ret)
{
	sqlite3_stmt *st = db_statement(db, DB_META_GET);
	int rc;

	db_bind_text(st, 1, key);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int meta_put_floor(struct db *db, const struct snapshot_stamp *stamp)
{
	sqlite3_stmt *st = db_statement(db, DB_META_PUT);
	int rc;

	db_bind_text(st, 1, "floor_issued_at");
	db_bind_time(st, 2, stamp->issued_at);
	rc = db_run(db, DB_META_PUT);
	if (rc != SQLITE_OK)
		return rc;
	st = db_statement(db, DB_META_PUT);
	db_bind_text(st, 1, "floor_hash");
	sqlite3_bind_blob(st, 2, stamp->hash, sizeof(stamp->hash), SQLITE_STATIC);
	return db_run(db, DB_META_PUT);
}

int meta_get_floor(struct db *db, struct snapshot_stamp *ret)
{
	struct snapshot_stamp stamp = {.issued_at = WALL_ZERO};
	sqlite3_stmt *st = db_statement(db, DB_META_GET);
	bool has_hash;
	int rc;

	db_bind_text(st, 1, "floor_issued_at");
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		stamp.issued_at = db_column_time(st, 0);
	sqlite3_reset(st);
	if (rc != SQLITE_ROW)
		return rc;
	st = db_statement(db, DB_META_GET);
	db_bind_text(st, 1, "floor_hash");
	rc = sqlite3_step(st);
	has_hash = rc == SQLITE_ROW && db_column_blob(st, 0).len == sizeof(stamp.hash);
	if (has_hash)
		memcpy(stamp.hash, db_column_blob(st, 0).at, sizeof(stamp.hash));
	sqlite3_reset(st);
	if (rc != SQLITE_ROW)
		return rc;
	if (!has_hash || wall_is_zero(stamp.issued_at))
		return SQLITE_CORRUPT;
	*ret = stamp;
	return SQLITE_OK;
}

static int put_snapshot(struct db *db, enum db_statement id, const struct store_snapshot *row)
{
	sqlite3_stmt *st = db_statement(db, id);
	uint8_t sum[32];

	rows_sum(row->raw, &row->stamp, sum);
	db_bind_time(st, 1, row->stamp.issued_at);
	sqlite3_bind_blob(st, 2, row->stamp.hash, sizeof(row->stamp.hash), SQLITE_STATIC);
	db_bind_peer(st, 3, &row->issuer);
	db_bind_text(st, 4, row->source);
	sqlite3_bind_int64(st, 5, db_us(row->received_at));
	sqlite3_bind_int64(st, 6, (sqlite3_int64)row->member_count);
	sqlite3_bind_blob(st, 7, row->raw.at, (int)row->raw.len, SQLITE_STATIC);
	sqlite3_bind_blob(st, 8, sum, sizeof(sum), SQLITE_TRANSIENT);
	return db_run(db, id);
}

static int trim(struct db *db, const char *kind, int keep)
{
	sqlite3_stmt *st = db_statement(db, DB_SNAP_TRIM);

	db_bind_text(st, 1, kind);
	sqlite3_bind_int(st, 2, keep);
	return db_run(db, DB_SNAP_TRIM);
}

/* The peers table becomes exactly the members: others are deleted, new ones come in offline. */
static int sync_members(struct db *db, const struct store_snapshot *row)
{
	int rc;

	(void)db_statement(db, DB_MEMBERS_CLEAR);
	rc = db_run(db, DB_MEMBERS_CLEAR);
	for (size_t i = 0; i < row->member_count && rc == SQLITE_OK; i++) {
		sqlite3_stmt *st = db_statement(db, DB_MEMBERS_ADD);

		sqlite3_bind_text(st, 1, (const char *)row->members[i].at,
			(int)row->members[i].len, SQLITE_STATIC);
		rc = db_run(db, DB_MEMBERS_ADD);
	}
	if (rc == SQLITE_OK)
		rc = db_run(db, DB_PEERS_DROP);
	if (rc == SQLITE_OK)
		rc = db_run(db, DB_PEERS_ADD);
	if (rc == SQLITE_OK)
		rc = db_run(db, DB_RECORDS_DROP);
	if (rc == SQLITE_OK)
		rc = db_run(db, DB_MEMBERS_CLEAR); /* a large list needs no memory afterwards */
	return rc;
}

int rows_put_snapshot(struct db *db, const struct store_snapshot *row)
{
	sqlite3_stmt *st = db_statement(db, DB_SNAP_DEMOTE);
	int rc;

	sqlite3_bind_blob(st, 1, row->stamp.hash, sizeof(row->stamp.hash), SQLITE_STATIC);
	rc = db_run(db, DB_SNAP_DEMOTE);
	if (rc == SQLITE_OK)
		rc = put_snapshot(db, DB_SNAP_PUT, row);
	if (rc == SQLITE_OK)
		rc = trim(db, "past", STORE_SNAPSHOTS_KEPT - 1); /* and the one in force */
	if (rc == SQLITE_OK)
		rc = meta_put_floor(db, &row->stamp);
	if (rc == SQLITE_OK)
		rc = db_fit_cache(db, row->raw.len);
	if (rc == SQLITE_OK)
		rc = sync_members(db, row);
	return rc;
}

int rows_put_evidence(struct db *db, const struct store_snapshot *row)
{
	int rc = put_snapshot(db, DB_SNAP_EVIDENCE, row);

	return rc == SQLITE_OK ? trim(db, "evidence", STORE_SNAPSHOTS_KEPT) : rc;
}

int rows_put_state(struct db *db, const struct store_state *row)
{
	sqlite3_stmt *st = db_statement(db, DB_STATE_PUT);

	sqlite3_bind_int64(st, 1, db_us(row->at));
	db_bind_text(st, 2, row->prev);
	db_bind_text(st, 3, row->next);
	db_bind_text(st, 4, row->reason);
	sqlite3_bind_int64(st, 5, row->online);
	sqlite3_bind_int64(st, 6, row->members);
	sqlite3_bind_text(st, 7, row->missing.len ? (const char *)row->missing.at : "",
		(int)row->missing.len, SQLITE_STATIC);
	return db_run(db, DB_STATE_PUT);
}

const char *store_presence_name(enum store_presence_kind kind)
{
	switch (kind) {
	case STORE_UP: return "up";
	case STORE_DOWN: return "down";
	case STORE_HEARTBEAT_GAP: return "heartbeat_gap";
	case STORE_ADDR_CHANGE: return "addr_change";
	case STORE_RTT: return "rtt";
	}
	return "unknown";
}

int rows_put_presence(struct db *db, const struct store_presence *row)
{
	sqlite3_stmt *st = db_statement(db, DB_PRESENCE_PUT);

	sqlite3_bind_int64(st, 1, db_us(row->at));
	db_bind_peer(st, 2, &row->peer);
	db_bind_text(st, 3, store_presence_name(row->kind));
	db_bind_text(st, 4, row->addr);
	if (row->rtt_ms >= 0)
		sqlite3_bind_double(st, 5, row->rtt_ms);
	db_bind_text(st, 6, row->reason);
	return db_run(db, DB_PRESENCE_PUT);
}
