/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/store_bench.h"

#include "tests/lib/p2ptest.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MAX_MS 60000 /* a hang ends the test here; nothing depends on the figure */

static void wake(void *arg)
{
	struct store_bench *b = arg;
	uint64_t one = 1;

	(void)!write(b->bell, &one, sizeof(one));
}

static void on_news(void *arg, const struct store_news *news)
{
	struct store_bench *b = arg;

	b->news[news->kind]++;
	if (news->path)
		snprintf(b->news_path, sizeof(b->news_path), "%s", news->path);
}

void bench_make(struct store_bench *b)
{
	memset(b, 0, sizeof(*b));
	tempdir_make(&b->dir);
	b->bell = eventfd(0, EFD_NONBLOCK);
	assert_true(b->bell >= 0);
}

void bench_remove(struct store_bench *b)
{
	bench_close(b);
	buf_deinit(&b->row_texts);
	close(b->bell);
	tempdir_remove(&b->dir);
}

int bench_open(struct store_bench *b)
{
	struct store_opts opts = {
		.dir = b->dir.path,
		.now = {1700000000, 0},
		.wake = wake,
		.on_news = on_news,
		.arg = b,
	};

	store_start_deinit(&b->start);
	return store_open(&opts, &b->store, &b->start, b->why);
}

void bench_close(struct store_bench *b)
{
	store_close(b->store);
	b->store = NULL;
	store_start_deinit(&b->start);
}

void bench_wait(struct store_bench *b, unsigned answers)
{
	unsigned want = b->answers + answers;

	store_dispatch(b->store);
	while (b->answers < want) {
		struct pollfd p = {.fd = b->bell, .events = POLLIN};
		uint64_t rings;

		assert_int_equal(poll(&p, 1, WAIT_MAX_MS), 1);
		(void)!read(b->bell, &rings, sizeof(rings));
		store_dispatch(b->store);
	}
}

void bench_done(void *arg, int err)
{
	struct store_bench *b = arg;

	b->answers++;
	b->last_err = err;
}

struct peer_id bench_peer(unsigned n)
{
	/* An identity multihash of an Ed25519 key; that nobody holds the secret does not matter. */
	struct peer_id id = {.len = 38, .at = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20}};

	id.at[6] = (uint8_t)(n >> 8);
	id.at[7] = (uint8_t)n;
	return id;
}

struct snapshot_stamp bench_stamp(unsigned n)
{
	struct snapshot_stamp s = {.issued_at = {1600000000 + n, 0}};

	memset(s.hash, (int)(n % 251), sizeof(s.hash));
	memcpy(s.hash, &n, sizeof(n));
	return s;
}

int bench_put_snapshot(struct store_bench *b, unsigned n, unsigned members)
{
	char (*texts)[PEER_ID_TEXT_SIZE] = calloc(members, sizeof(*texts));
	struct bytes *list = calloc(members, sizeof(*list));
	char raw[64];
	int err;

	snprintf(raw, sizeof(raw), "{\"snapshot\":%u,\"members\":%u}", n, members);
	for (unsigned i = 0; i < members; i++) {
		struct peer_id id = bench_peer(i);

		list[i] = bytes_str(peer_id_text(&id, texts[i]));
	}
	err = store_put_snapshot(b->store,
		&(struct store_snapshot){.raw = bytes_str(raw),
			.stamp = bench_stamp(n),
			.issuer = bench_peer(0),
			.source = "push",
			.received_at = {1650000000 + n, 0},
			.members = list,
			.member_count = members},
		bench_done, b);
	free(texts); /* rows are copied at the call */
	free(list);
	return err;
}

int bench_snapshot(struct store_bench *b, unsigned n, unsigned members)
{
	int err = bench_put_snapshot(b, n, members);

	if (err)
		return err;
	bench_wait(b, 1);
	return b->last_err;
}

static const char *keep(struct store_bench *b, const char *text)
{
	size_t at = b->row_texts.len;

	assert_ok(buf_put_str(&b->row_texts, text));
	assert_ok(buf_put_u8(&b->row_texts, 0));
	return (const char *)b->row_texts.data + at;
}

static void on_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct store_bench *b = arg;

	b->answers++;
	b->last_err = err;
	b->row_count = count;
	buf_reset(&b->row_texts);
	assert_ok(buf_reserve(&b->row_texts, 1 << 16)); /* it must not move below */
	for (size_t i = 0; i < count && i < 32; i++) {
		struct store_row *r = &b->rows[i];

		*r = rows[i];
		r->prev = keep(b, r->prev);
		r->next = keep(b, r->next);
		r->missing = keep(b, r->missing);
		r->what = keep(b, r->what);
		r->addr = keep(b, r->addr);
		r->reason = keep(b, r->reason);
		if (r->raw.len) {
			char raw[128];

			snprintf(raw, sizeof(raw), "%.*s", (int)r->raw.len, (const char *)r->raw.at);
			r->raw = bytes_of(keep(b, raw), r->raw.len);
		}
	}
}

int bench_query(struct store_bench *b, const struct store_query *q)
{
	int err = store_query(b->store, q, on_rows, b);

	if (err)
		return err;
	bench_wait(b, 1);
	return b->last_err;
}

static sqlite3 *open_file(struct store_bench *b, const char *file)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(tempdir_path(&b->dir, file), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

void bench_sql(struct store_bench *b, const char *file, const char *sql)
{
	sqlite3 *db = open_file(b, file);
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

void bench_sql_text(struct store_bench *b, const char *sql, char *to, size_t size)
{
	sqlite3 *db = open_file(b, "p2pos.db");
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	snprintf(to, size, "%s",
		sqlite3_column_text(st, 0) ? (const char *)sqlite3_column_text(st, 0) : "(null)");
	sqlite3_finalize(st);
	sqlite3_close(db);
}

int64_t bench_sql_int(struct store_bench *b, const char *sql)
{
	char text[64];

	bench_sql_text(b, sql, text, sizeof(text));
	return strtoll(text, NULL, 10);
}
