/* SPDX-License-Identifier: Apache-2.0 */
/* query.c: history back out of the tables: one timeline of states, presence and snapshots. */
#include "daemon/store/parts.h"

#include "proto/base/err.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES_MAX (16 * 1024 * 1024) /* of one answer; rows beyond it are left out */

/* Columns of the union, in this order. */
enum column { C_KIND, C_ID, C_AT, C_PREV, C_NEXT, C_ONLINE, C_MEMBERS, C_MISSING, C_PEER, C_WHAT,
	C_ADDR, C_RTT, C_REASON, C_ISSUED, C_HASH, C_CURRENT, C_RAW };

static const char states_sql[] =
	"SELECT 0,id,at,prev,next,online,members,missing,'','','',NULL,reason,NULL,NULL,0,NULL "
	"FROM state_events WHERE at>=?1 AND at<=?2";
static const char presence_sql[] =
	"SELECT 1,id,at,'','',0,0,'',peer_id,kind,addr,rtt_ms,reason,NULL,NULL,0,NULL "
	"FROM presence_events WHERE at>=?1 AND at<=?2";
static const char snapshots_sql[] =
	"SELECT CASE kind WHEN 'evidence' THEN 3 ELSE 2 END,id,received_at,'','',0,members,'',"
	"issuer,source,'',NULL,'',issued_at,hash,kind='current',CASE WHEN ?5 THEN raw END "
	"FROM snapshots WHERE received_at>=?1 AND received_at<=?2";

static void add_part(struct buf *sql, const char *part, const char *extra)
{
	/* The parts are short and the buffer has no maximum. */
	(void)buf_put_str(sql, sql->len ? " UNION ALL " : "");
	(void)buf_put_str(sql, part);
	(void)buf_put_str(sql, extra);
}

static int prepare(struct db *db, const struct store_query *q, sqlite3_stmt **ret)
{
	struct buf sql = BUF_INIT;
	int rc;

	if (q->states)
		add_part(&sql, states_sql, "");
	if (q->presence)
		add_part(&sql, presence_sql, q->peer.len ? " AND peer_id=?3" : "");
	if (q->snapshots)
		add_part(&sql, snapshots_sql,
			q->has_hash     ? " AND hash=?4"
			: q->peer.len ? " AND issuer=?3"
				      : "");
	if (!sql.len)
		add_part(&sql, states_sql, " AND 0"); /* nothing asked for, nothing found */
	(void)buf_put_str(&sql, q->newest_first ? " ORDER BY 3 DESC,2 DESC" : " ORDER BY 3,2");
	(void)buf_printf(&sql, " LIMIT %zu", q->limit);
	rc = sqlite3_prepare_v2(db->handle, buf_cstr(&sql), -1, ret, NULL);
	buf_deinit(&sql);
	return rc;
}

static void bind(sqlite3_stmt *st, const struct store_query *q)
{
	/* A parameter that the text does not use is refused, which does no harm. */
	sqlite3_bind_int64(st, 1, wall_is_zero(q->since) ? INT64_MIN : db_us(q->since));
	sqlite3_bind_int64(st, 2, wall_is_zero(q->until) ? INT64_MAX : db_us(q->until));
	db_bind_peer(st, 3, &q->peer);
	sqlite3_bind_blob(st, 4, q->hash, sizeof(q->hash), SQLITE_STATIC);
	sqlite3_bind_int(st, 5, q->with_raw);
}

/* Texts are noted as offsets while the buffer still moves. */
static const char *keep_text(struct job *j, sqlite3_stmt *st, enum column c)
{
	size_t at = j->bytes.len;

	(void)buf_put_str(&j->bytes, db_column_text(st, (int)c));
	(void)buf_put_u8(&j->bytes, '\0');
	return (const char *)(uintptr_t)at;
}

static const char *placed(const struct job *j, const char *offset)
{
	return (const char *)j->bytes.data + (uintptr_t)offset;
}

static void take_row(struct job *j, sqlite3_stmt *st)
{
	struct store_row *r = &j->rows[j->row_count++];
	struct bytes hash = db_column_blob(st, C_HASH), raw = db_column_blob(st, C_RAW);

	*r = (struct store_row){
		.kind = (enum store_row_kind)sqlite3_column_int(st, C_KIND),
		.id = sqlite3_column_int64(st, C_ID),
		.at = db_wall(sqlite3_column_int64(st, C_AT)),
		.online = (uint32_t)sqlite3_column_int64(st, C_ONLINE),
		.members = (uint32_t)sqlite3_column_int64(st, C_MEMBERS),
		.peer = db_column_peer(st, C_PEER),
		.rtt_ms = sqlite3_column_type(st, C_RTT) == SQLITE_NULL
				  ? -1
				  : sqlite3_column_double(st, C_RTT),
		.stamp.issued_at = db_column_time(st, C_ISSUED),
		.is_current = sqlite3_column_int(st, C_CURRENT) != 0,
	};
	if (hash.len == sizeof(r->stamp.hash))
		memcpy(r->stamp.hash, hash.at, hash.len);
	r->prev = keep_text(j, st, C_PREV);
	r->next = keep_text(j, st, C_NEXT);
	r->missing = keep_text(j, st, C_MISSING);
	r->what = keep_text(j, st, C_WHAT);
	r->addr = keep_text(j, st, C_ADDR);
	r->reason = keep_text(j, st, C_REASON);
	r->raw = bytes_of((const void *)(uintptr_t)j->bytes.len, raw.len);
	(void)buf_put(&j->bytes, raw); /* no maximum; the sum is watched by the caller */
}

static void place_rows(struct job *j)
{
	for (size_t i = 0; i < j->row_count; i++) {
		struct store_row *r = &j->rows[i];

		r->prev = placed(j, r->prev);
		r->next = placed(j, r->next);
		r->missing = placed(j, r->missing);
		r->what = placed(j, r->what);
		r->addr = placed(j, r->addr);
		r->reason = placed(j, r->reason);
		r->raw.at = (const uint8_t *)placed(j, (const char *)r->raw.at);
	}
}

void query_run(struct store *s, struct job *j)
{
	sqlite3_stmt *st = NULL;
	int rc = s->db.handle ? prepare(&s->db, &j->query, &st) : SQLITE_CANTOPEN;

	j->rows = xcalloc(j->query.limit, sizeof(*j->rows));
	if (rc == SQLITE_OK)
		bind(st, &j->query);
	while (rc == SQLITE_OK && j->row_count < j->query.limit && j->bytes.len < BYTES_MAX &&
		(rc = sqlite3_step(st)) == SQLITE_ROW) {
		take_row(j, st);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	place_rows(j);
	j->err = rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : P2P_ERR_STORAGE;
	if (j->err)
		j->row_count = 0;
}
