/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/parts.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/store_bench.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store_bench b;

static int set_up(void **state)
{
	(void)state;
	bench_make(&b);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_remove(&b);
	return 0;
}

static void an_empty_directory_becomes_a_store(void **state)
{
	(void)state;
	assert_ok(bench_open(&b));
	assert_true(b.start.is_new);
	assert_false(b.start.has_snapshot);
	assert_false(b.start.has_floor);
	assert_false(b.start.was_damaged);
	assert_int_equal(b.start.migrated_from, -1);
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_false(b.start.is_new);
	assert_true(b.start.was_clean);
	assert_int_equal(bench_sql_int(&b, "PRAGMA user_version"), DB_SCHEMA_VERSION);
	bench_close(&b);
	assert_int_equal(access(tempdir_path(&b.dir, "p2pos.db-wal"), F_OK), -1); /* checkpointed */
}

static void a_snapshot_comes_back_as_received(void **state)
{
	struct snapshot_stamp want = bench_stamp(3);

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 2, 2));
	assert_ok(bench_snapshot(&b, 3, 4));
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_true(b.start.has_snapshot);
	assert_string_equal(buf_cstr(&b.start.snapshot), "{\"snapshot\":3,\"members\":4}");
	assert_int_equal(snapshot_stamp_cmp(&b.start.stamp, &want), 0);
	assert_int_equal(snapshot_stamp_cmp(&b.start.floor, &want), 0);
	assert_string_equal(b.start.snapshot_source, "push");
	assert_int_equal(b.start.snapshot_received_at.sec, 1650000003);
	assert_int_equal(b.start.peer_count, 4);
	assert_int_equal(b.start.snapshots, 2);
}

static void nothing_below_the_floor_is_taken(void **state)
{
	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 5, 2));
	assert_err(bench_snapshot(&b, 4, 3), P2P_ERR_STALE);
	assert_ok(bench_snapshot(&b, 5, 2)); /* the same one again is no harm */
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_err(bench_snapshot(&b, 4, 3), P2P_ERR_STALE); /* after a restart too */
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers"), 2);
}

static void the_peers_table_is_exactly_the_members(void **state)
{
	struct store_peer row = {.peer = bench_peer(1), .last_seen_at = {1650000000, 0},
		.is_online = true, .observed_by = bench_peer(0), .last_ping_rtt_ms = -1};
	char text[64];

	(void)state;
	snprintf(row.last_remote_addr, sizeof(row.last_remote_addr), "/ip4/192.0.2.1/tcp/1");
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 1, 3));
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers WHERE reachability="
					   "'offline' AND last_seen_at IS NULL"), 3);
	store_put_peer(b.store, &row);
	row.peer = bench_peer(77); /* no member: leaves no row */
	store_put_peer(b.store, &row);
	assert_ok(bench_snapshot(&b, 2, 2));
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers"), 2);
	bench_sql_text(&b, "SELECT last_seen_at FROM peers WHERE reachability='online'", text,
		sizeof(text));
	assert_string_equal(text, "2022-04-15T05:20:00Z");
	assert_ok(bench_snapshot(&b, 3, 5));
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers"), 5);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers WHERE reachability="
					   "'online'"), 1);
	bench_close(&b);
	assert_ok(bench_open(&b)); /* a restart makes everybody offline and keeps what was seen */
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers WHERE reachability="
					   "'online'"), 0);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers WHERE last_remote_addr<>''"),
		1);
}

static void observations_of_one_peer_are_coalesced(void **state)
{
	struct store_peer row = {.peer = bench_peer(1), .last_ping_rtt_ms = -1};
	struct store_figures figures;

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 1, 3));
	for (int i = 0; i < 1000; i++) {
		row.last_seen_at = (wall_t){1650000000 + i, 0};
		row.has_ping = i == 500;
		row.last_ping_ok = true;
		row.last_ping_rtt_ms = 1.5;
		row.last_ping_at = row.last_seen_at;
		store_put_peer(b.store, &row);
	}
	store_figures(b.store, &figures);
	assert_true(figures.queued <= 1);
	assert_int_equal(figures.dropped, 0);
	bench_close(&b);
	assert_ok(bench_open(&b));
	for (size_t i = 0; i < b.start.peer_count; i++) {
		const struct store_peer *p = &b.start.peers[i];

		if (!peer_id_eq(&p->peer, &row.peer))
			continue;
		assert_int_equal(p->last_seen_at.sec, 1650000999);
		assert_true(p->has_ping && p->last_ping_ok && p->last_ping_rtt_ms == 1.5);
		assert_int_equal(p->last_ping_at.sec, 1650000500);
		assert_false(p->is_online);
		return;
	}
	fail_msg("the row is gone");
}

static void marks_grow_and_an_unclean_stop_is_told(void **state)
{
	struct store_mark m = {bench_peer(4), {1650000000, 9}};

	(void)state;
	assert_ok(bench_open(&b));
	store_put_mark(b.store, &m);
	m.ts.sec -= 5;
	store_put_mark(b.store, &m); /* earlier: no change */
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_int_equal(b.start.mark_count, 1);
	assert_int_equal(b.start.marks[0].ts.sec, 1650000000);
	assert_int_equal(b.start.marks[0].ts.nsec, 9);
	bench_close(&b);
	bench_sql(&b, "p2pos.db", "UPDATE meta SET value=0 WHERE key='clean'");
	assert_ok(bench_open(&b));
	assert_false(b.start.was_clean);
	assert_int_equal(b.start.marks[0].ts.sec, 1650000000); /* whose to raise knows the core */
}

static void peer_records_keep_the_highest_number(void **state)
{
	struct store_record r = {bench_peer(1), 7, BYTES_LIT("seven"), {1650000000, 0}};
	struct store_record s = {bench_peer(2), 1, BYTES_LIT("one"), {1650000000, 0}};

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 1, 3));
	store_put_record(b.store, &r);
	store_put_record(b.store, &s);
	r.seq = 6;
	r.envelope = BYTES_LIT("six");
	store_put_record(b.store, &r);
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_int_equal(b.start.record_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_bytes(b.start.records[i].envelope,
			b.start.records[i].seq == 7 ? BYTES_LIT("seven") : BYTES_LIT("one"));
	store_put_record(b.store, &r); /* across batches too */
	assert_ok(bench_snapshot(&b, 2, 2)); /* peer 2 is a member no longer */
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_int_equal(b.start.record_count, 1);
	assert_int_equal(b.start.records[0].seq, 7);
}

static void the_timeline_is_in_order_and_filtered(void **state)
{
	struct store_state st = {.at = {1650000500, 250000000}, .prev = "degraded",
		.next = "healthy", .reason = "member \"x\" came back", .online = 2, .members = 3,
		.missing = BYTES_LIT("a,b")};
	struct store_presence up = {.at = {1650000400, 0}, .peer = bench_peer(1), .kind = STORE_UP,
		.addr = "/ip4/192.0.2.1/tcp/1", .rtt_ms = 2.5};
	struct store_presence down = {.at = {1650000600, 0}, .peer = bench_peer(2),
		.kind = STORE_DOWN, .rtt_ms = -1, .reason = "timeout"};
	struct store_query q = {.states = true, .presence = true, .snapshots = true, .limit = 10,
		.since = WALL_ZERO, .until = WALL_ZERO};

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_put_snapshot(&b, 1, 3));
	store_put_presence(b.store, &up);
	store_put_presence(b.store, &down);
	assert_ok(store_put_state(b.store, &st, NULL, NULL));
	bench_wait(&b, 1);
	assert_ok(bench_query(&b, &q)); /* sees everything put before it */
	assert_int_equal(b.row_count, 4);
	assert_int_equal(b.rows[0].kind, STORE_ROW_SNAPSHOT);
	assert_true(b.rows[0].is_current);
	assert_int_equal(b.rows[0].members, 3);
	assert_int_equal(b.rows[0].raw.len, 0);
	assert_int_equal(b.rows[1].kind, STORE_ROW_PRESENCE);
	assert_string_equal(b.rows[1].what, "up");
	assert_string_equal(b.rows[1].addr, "/ip4/192.0.2.1/tcp/1");
	assert_true(b.rows[1].rtt_ms == 2.5);
	assert_int_equal(b.rows[2].kind, STORE_ROW_STATE);
	assert_int_equal(b.rows[2].at.nsec, 250000000);
	assert_string_equal(b.rows[2].reason, "member \"x\" came back");
	assert_string_equal(b.rows[2].missing, "a,b");
	assert_int_equal(b.rows[2].online, 2);
	assert_string_equal(b.rows[3].reason, "timeout");
	assert_true(b.rows[3].rtt_ms < 0);

	q.newest_first = true;
	q.limit = 1;
	assert_ok(bench_query(&b, &q));
	assert_int_equal(b.row_count, 1);
	assert_string_equal(b.rows[0].what, "down");
	q = (struct store_query){.presence = true, .peer = bench_peer(1), .limit = 10,
		.since = WALL_ZERO, .until = WALL_ZERO};
	assert_ok(bench_query(&b, &q));
	assert_int_equal(b.row_count, 1);
	q.since = (wall_t){1650000401, 0};
	assert_ok(bench_query(&b, &q));
	assert_int_equal(b.row_count, 0);
	q.limit = STORE_QUERY_ROWS_MAX + 1;
	assert_err(store_query(b.store, &q, NULL, NULL), P2P_ERR_INVALID);
}

static void snapshots_can_be_read_back_by_hash(void **state)
{
	struct store_query q = {.snapshots = true, .with_raw = true, .has_hash = true, .limit = 5,
		.since = WALL_ZERO, .until = WALL_ZERO};
	struct snapshot_stamp second = bench_stamp(2);

	(void)state;
	assert_ok(bench_open(&b));
	for (unsigned n = 1; n <= 3; n++)
		assert_ok(bench_snapshot(&b, n, 2));
	memcpy(q.hash, second.hash, sizeof(q.hash));
	assert_ok(bench_query(&b, &q));
	assert_int_equal(b.row_count, 1);
	assert_false(b.rows[0].is_current);
	assert_bytes(b.rows[0].raw, BYTES_LIT("{\"snapshot\":2,\"members\":2}"));
	assert_int_equal(snapshot_stamp_cmp(&b.rows[0].stamp, &second), 0);
}

static void sixty_four_snapshots_are_kept_and_evidence_apart(void **state)
{
	struct store_snapshot loser = {.raw = BYTES_LIT("{\"loser\":1}"), .stamp = bench_stamp(69),
		.issuer = bench_peer(0), .source = "push", .received_at = {1650000000, 0}};

	(void)state;
	assert_ok(bench_open(&b));
	for (unsigned n = 1; n <= 70; n++)
		assert_ok(bench_put_snapshot(&b, n, 2));
	bench_wait(&b, 70);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM snapshots"), 64);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM snapshots WHERE kind='current'"),
		1);
	/* One that was in force before becomes evidence, as does one never accepted. */
	assert_ok(store_put_evidence(b.store, &loser, bench_done, &b));
	loser.stamp = bench_stamp(70000);
	assert_ok(store_put_evidence(b.store, &loser, bench_done, &b));
	loser.stamp = bench_stamp(70); /* the one in force never does */
	assert_ok(store_put_evidence(b.store, &loser, bench_done, &b));
	bench_wait(&b, 3);
	assert_ok(b.last_err);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM snapshots WHERE kind='evidence'"),
		2);
	/* The other of that instant stays with it, however many come after. */
	loser.stamp = bench_stamp(70);
	loser.stamp.hash[31] ^= 1;
	assert_ok(store_put_evidence(b.store, &loser, bench_done, &b));
	for (unsigned n = 71; n <= 150; n++)
		assert_ok(bench_put_snapshot(&b, n, 2));
	bench_wait(&b, 81);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM snapshots WHERE kind='past'"), 64);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM snapshots a, snapshots b WHERE "
					   "a.kind='past' AND b.kind='evidence' AND "
					   "a.issued_at=b.issued_at"), 1);
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_true(b.start.has_snapshot);
	assert_int_equal(b.start.stamp.issued_at.sec, 1600000150);
}

/* The answer to the last row comes a moment before the writer has put its work down. */
static void wait_until_idle(void)
{
	struct store_figures figures;

	(void)alarm(60);
	do
		store_figures(b.store, &figures);
	while (!mono_is_never(figures.waiting_since));
	(void)alarm(0);
}

/* Holds the writer up inside a transaction, as another process with the database open would. */
static sqlite3 *block_writer(void)
{
	struct store_state st = {.at = {1650000000, 0}, .prev = "", .next = "", .reason = ""};
	struct store_figures figures;
	sqlite3 *other;

	assert_int_equal(sqlite3_open(tempdir_path(&b.dir, "p2pos.db"), &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_ok(store_put_state(b.store, &st, bench_done, &b));
	do { /* until it has taken the row, and so waits for the lock */
		usleep(1000);
		store_figures(b.store, &figures);
	} while (figures.queued > 0);
	assert_false(mono_is_never(figures.waiting_since));
	return other;
}

/* The watchdog starves also when nothing urgent is among what the disk does not take. */
static void observations_that_the_disk_does_not_take_are_waiting(void **state)
{
	struct store_presence row = {.at = {1650000000, 0}, .peer = bench_peer(1),
		.kind = STORE_UP, .rtt_ms = -1};
	struct store_figures figures;
	sqlite3 *other;
	bool waits = false;

	(void)state;
	assert_ok(bench_open(&b));
	assert_int_equal(sqlite3_open(tempdir_path(&b.dir, "p2pos.db"), &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < STORE_BATCH_CHANGES; i++)
		store_put_presence(b.store, &row);
	for (int i = 0; i < DB_BUSY_MS && !waits; i++) { /* it gives the lock up so long */
		usleep(1000);
		store_figures(b.store, &figures);
		waits = !mono_is_never(figures.waiting_since);
	}
	assert_true(waits);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_ok(bench_snapshot(&b, 1, 2)); /* behind the others */
	wait_until_idle();
}

static void a_full_queue_drops_observations_and_keeps_room_for_snapshots(void **state)
{
	struct store_presence row = {.at = {1650000000, 0}, .peer = bench_peer(1),
		.kind = STORE_UP, .rtt_ms = -1};
	struct store_figures figures;
	unsigned taken = 1;
	sqlite3 *other;

	(void)state;
	assert_ok(bench_open(&b));
	other = block_writer();
	for (int i = 0; i < 2000; i++)
		store_put_presence(b.store, &row);
	store_figures(b.store, &figures);
	assert_int_equal(figures.queued, STORE_QUEUE_MAX - STORE_URGENT_RESERVE);
	assert_int_equal(figures.dropped, 2000 - (STORE_QUEUE_MAX - STORE_URGENT_RESERVE));
	for (unsigned n = 1; n <= STORE_URGENT_RESERVE; n++, taken++)
		assert_ok(bench_put_snapshot(&b, n, 1));
	assert_err(bench_put_snapshot(&b, 1000, 1), P2P_ERR_FULL);
	assert_int_equal(sqlite3_close(other), SQLITE_OK); /* which rolls back */
	bench_wait(&b, taken);
	assert_ok(b.last_err);
	wait_until_idle();
	bench_close(&b);
	assert_true(b.news[STORE_NEWS_DROPPED] >= 1);
	assert_ok(bench_open(&b));
	assert_int_equal(b.start.presence_events, STORE_QUEUE_MAX - STORE_URGENT_RESERVE);
	assert_int_equal(b.start.stamp.issued_at.sec, 1600000000 + STORE_URGENT_RESERVE);
}

static void a_second_daemon_is_told_who_has_the_directory(void **state)
{
	struct store_bench second = b;

	(void)state;
	assert_ok(bench_open(&b));
	second = b;
	second.store = NULL;
	memset(&second.start, 0, sizeof(second.start));
	assert_err(bench_open(&second), P2P_ERR_BUSY);
	assert_non_null(strstr(second.why, "another p2posd (process "));
	assert_non_null(strstr(second.why, b.dir.path));
	assert_ok(bench_snapshot(&b, 1, 1)); /* and the first one is not disturbed */
}

static void urgent_rows_are_synced_fully_and_observations_are_not(void **state)
{
	sqlite3_stmt *st;
	struct db db;
	int version;

	(void)state;
	assert_ok(bench_open(&b));
	bench_close(&b);
	assert_int_equal(db_open(&db, tempdir_path(&b.dir, "p2pos.db"), &version), SQLITE_OK);
	assert_int_equal(db_configure(&db), SQLITE_OK);
	assert_int_equal(db_prepare(&db), SQLITE_OK);
	for (int round = 0; round < 4; round++) {
		bool full = round % 2;

		assert_int_equal(db_begin(&db, full), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db.handle, "PRAGMA synchronous", -1, &st, NULL),
			SQLITE_OK);
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(st, 0), full ? 2 : 1);
		sqlite3_finalize(st);
		assert_int_equal(db_commit(&db), SQLITE_OK);
	}
	db_close(&db);
}

static void history_has_an_end(void **state)
{
	struct store_presence old = {.at = {1600000000, 0}, .peer = bench_peer(1),
		.kind = STORE_UP, .rtt_ms = -1};
	struct store_presence young = {.at = {1700000000, 0}, .peer = bench_peer(1),
		.kind = STORE_DOWN, .rtt_ms = -1};
	struct store_mark stale = {bench_peer(3), {1600000000, 0}};
	struct store_query q = {.presence = true, .limit = 10, .since = WALL_ZERO,
		.until = WALL_ZERO};

	(void)state;
	assert_ok(bench_open(&b));
	store_put_presence(b.store, &old);
	store_put_presence(b.store, &young);
	store_put_mark(b.store, &stale);
	store_retain(b.store, (wall_t){1700000100, 0});
	assert_ok(bench_query(&b, &q));
	assert_int_equal(b.row_count, 1);
	assert_string_equal(b.rows[0].what, "down");
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM heartbeat_marks"), 0);
}

static void on_chore(void *arg, int err, const char *text)
{
	struct store_bench *bench = arg;

	bench->answers++;
	bench->last_err = err;
	snprintf(bench->text, sizeof(bench->text), "%s", text);
}

static void chores_check_copy_and_compact(void **state)
{
	const char *copy = tempdir_path(&b.dir, "copy.db");

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 1, 3));
	assert_ok(store_chore(b.store, STORE_CHECK, NULL, on_chore, &b));
	assert_ok(store_chore(b.store, STORE_BACKUP, copy, on_chore, &b));
	bench_wait(&b, 2);
	assert_ok(b.last_err);
	assert_int_equal(access(copy, F_OK), 0);
	assert_ok(store_chore(b.store, STORE_BACKUP, copy, on_chore, &b));
	bench_wait(&b, 1);
	assert_err(b.last_err, P2P_ERR_EXISTS);
	assert_ok(store_chore(b.store, STORE_BACKUP, "relative", on_chore, &b));
	bench_wait(&b, 1);
	assert_err(b.last_err, P2P_ERR_INVALID);
	assert_ok(store_chore(b.store, STORE_COMPACT, NULL, on_chore, &b));
	bench_wait(&b, 1);
	assert_ok(b.last_err);
	assert_ok(bench_snapshot(&b, 2, 3));
}

static void a_list_of_all_members_fits(void **state)
{
	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 1, MEMBERS_MAX));
	assert_err(bench_snapshot(&b, 2, MEMBERS_MAX + 1), P2P_ERR_TOO_LARGE);
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_int_equal(b.start.peer_count, MEMBERS_MAX);
}

static void closing_commits_what_waits(void **state)
{
	struct store_presence row = {.at = {1650000000, 0}, .peer = bench_peer(1),
		.kind = STORE_UP, .rtt_ms = -1};

	(void)state;
	assert_ok(bench_open(&b));
	store_put_presence(b.store, &row);
	assert_ok(bench_put_snapshot(&b, 1, 2));
	bench_close(&b);
	assert_int_equal(b.answers, 1); /* its callback ran inside */
	assert_ok(b.last_err);
	assert_ok(bench_open(&b));
	assert_true(b.start.has_snapshot);
	assert_int_equal(b.start.presence_events, 1);
	assert_true(b.start.was_clean);
}

static int cache_kib(void)
{
	sqlite3_stmt *st;
	int kib;

	assert_int_equal(
		sqlite3_prepare_v2(b.store->db.handle, "PRAGMA cache_size", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	kib = -sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return kib;
}

/* Puts a list of so many bytes and waits until the writer is through. */
static int cache_with(unsigned n, size_t list_bytes)
{
	static char raw[600 * 1024];
	struct store_snapshot row = {.stamp = bench_stamp(n), .issuer = bench_peer(0), .source = "push"};

	memset(raw, ' ', list_bytes);
	row.raw = bytes_of(raw, list_bytes);
	assert_ok(store_put_snapshot(b.store, &row, bench_done, &b));
	bench_wait(&b, 1);
	assert_ok(b.last_err);
	return cache_kib();
}

static void the_cache_is_as_large_as_the_list(void **state)
{
	(void)state;
	assert_ok(bench_open(&b));
	assert_int_equal(cache_kib(), DB_CACHE_KIB_MIN);
	assert_int_equal(cache_with(1, 3000), DB_CACHE_KIB_MIN);
	assert_int_equal(cache_with(2, 600 * 1024), DB_CACHE_KIB_MAX);
	assert_int_equal(cache_with(3, 100 * 1024), 100);
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_int_equal(cache_kib(), 100);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_directory_becomes_a_store),
		TEST(a_snapshot_comes_back_as_received),
		TEST(nothing_below_the_floor_is_taken),
		TEST(the_peers_table_is_exactly_the_members),
		TEST(observations_of_one_peer_are_coalesced),
		TEST(marks_grow_and_an_unclean_stop_is_told),
		TEST(peer_records_keep_the_highest_number),
		TEST(the_timeline_is_in_order_and_filtered),
		TEST(snapshots_can_be_read_back_by_hash),
		TEST(sixty_four_snapshots_are_kept_and_evidence_apart),
		TEST(observations_that_the_disk_does_not_take_are_waiting),
		TEST(a_full_queue_drops_observations_and_keeps_room_for_snapshots),
		TEST(a_second_daemon_is_told_who_has_the_directory),
		TEST(urgent_rows_are_synced_fully_and_observations_are_not),
		TEST(history_has_an_end),
		TEST(chores_check_copy_and_compact),
		TEST(a_list_of_all_members_fits),
		TEST(closing_commits_what_waits),
		TEST(the_cache_is_as_large_as_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
