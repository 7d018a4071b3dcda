/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/parts.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/store_bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store_bench b;
static char id1[PEER_ID_TEXT_SIZE], id2[PEER_ID_TEXT_SIZE];

static int set_up(void **state)
{
	struct peer_id one = bench_peer(1), two = bench_peer(2);

	(void)state;
	peer_id_text(&one, id1);
	peer_id_text(&two, id2);
	bench_make(&b);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_remove(&b);
	return 0;
}

static void sql(const char *fmt, const char *a, const char *c)
{
	char text[2048];

	snprintf(text, sizeof(text), fmt, a, c);
	bench_sql(&b, "p2pos.db", text);
}

/* As its current version writes it, by way of its object mapper. */
static void a_database_of_the_original_is_taken_over(void **state)
{
	const struct store_peer *p;

	(void)state;
	sql("CREATE TABLE `settings` (`key` text,`value` text,PRIMARY KEY (`key`));"
	    "CREATE TABLE `peers` (`peer_id` text NOT NULL,`last_remote_addr` text,"
	    "`last_seen_at` datetime,`last_ping_rtt_ms` real,`last_ping_ok` numeric,"
	    "`last_ping_at` datetime,`reachability` text,`observed_by` text,"
	    "PRIMARY KEY (`peer_id`));"
	    "CREATE INDEX `idx_peers_last_seen_at` ON `peers`(`last_seen_at`);"
	    "CREATE INDEX `idx_peers_last_ping_at` ON `peers`(`last_ping_at`);"
	    "INSERT INTO settings VALUES('version','20260101-0000'),('nodePriv','x');"
	    "INSERT INTO peers VALUES('%s','/ip4/192.0.2.1/tcp/4100',"
	    "'2026-02-21 11:11:01.508+00:00',12.5,1,'2026-02-21 13:11:01+02:00','connected','%s'),"
	    "('not a peer','','',NULL,0,NULL,'','');",
		id1, id2);
	assert_ok(bench_open(&b));
	assert_true(b.start.from_original);
	assert_int_equal(b.start.migrated_from, 0);
	assert_int_equal(b.start.peer_count, 1);
	p = &b.start.peers[0];
	assert_string_equal(p->last_remote_addr, "/ip4/192.0.2.1/tcp/4100");
	assert_int_equal(p->last_seen_at.nsec, 508000000);
	assert_int_equal(p->last_seen_at.sec - p->last_ping_at.sec, 0);
	assert_true(p->has_ping && p->last_ping_ok && p->last_ping_rtt_ms == 12.5);
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM settings_original"), 2);
	assert_int_equal(access(tempdir_path(&b.dir, "p2pos.db.v0"), F_OK), 0); /* the copy */
	assert_ok(bench_snapshot(&b, 1, 1)); /* names peer 0 alone */
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM peers"), 1);
	bench_close(&b);
	assert_ok(bench_open(&b)); /* once is enough */
	assert_false(b.start.from_original);
	assert_int_equal(b.start.migrated_from, -1);
}

static void older_tables_of_the_original_are_understood(void **state)
{
	(void)state;
	sql("CREATE TABLE peers(id INTEGER PRIMARY KEY AUTOINCREMENT, peer_id TEXT, addrs TEXT);"
	    "INSERT INTO peers(peer_id,addrs) VALUES('%s','[\"/ip4/192.0.2.7/tcp/1\",\"/x\"]'),"
	    "('%s','/ip4/192.0.2.8/tcp/1'),(NULL,'');",
		id1, id2);
	assert_ok(bench_open(&b));
	assert_int_equal(b.start.peer_count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool first = peer_id_eq(&b.start.peers[i].peer, &(struct peer_id){0}) == false &&
			     strstr(b.start.peers[i].last_remote_addr, "192.0.2.7") != NULL;

		assert_string_equal(b.start.peers[i].last_remote_addr,
			first ? "/ip4/192.0.2.7/tcp/1" : "/ip4/192.0.2.8/tcp/1");
		assert_true(wall_is_zero(b.start.peers[i].last_seen_at));
	}
	bench_close(&b);
	assert_int_equal(unlink(tempdir_path(&b.dir, "p2pos.db")), 0);
	sql("CREATE TABLE peers(id INTEGER PRIMARY KEY, addrs TEXT);"
	    "INSERT INTO peers(addrs) VALUES('[]');CREATE TABLE settings(key,value);%s%s",
		"", "");
	assert_ok(bench_open(&b));
	assert_int_equal(b.start.peer_count, 0);
	assert_true(b.start.from_original);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
	char *before, *after;

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 1, 2));
	bench_close(&b);
	sql("PRAGMA journal_mode=DELETE;PRAGMA user_version=2%s%s", "", "");
	before = tempdir_read(tempdir_path(&b.dir, "p2pos.db"));
	assert_err(bench_open(&b), P2P_ERR_STORAGE);
	assert_non_null(strstr(b.why, "schema 2"));
	assert_non_null(strstr(b.why, "newer program"));
	after = tempdir_read(tempdir_path(&b.dir, "p2pos.db"));
	assert_memory_equal(before, after, 1 << 16);
	free(before);
	free(after);
	sql("PRAGMA user_version=1%s%s", "", "");
	assert_ok(bench_open(&b)); /* and the lock was given back */
	assert_true(b.start.has_snapshot);
}

static void a_foreign_database_under_our_number_is_moved_aside(void **state)
{
	(void)state;
	sql("CREATE TABLE t(x);PRAGMA user_version=1%s%s", "", "");
	assert_ok(bench_open(&b));
	assert_true(b.start.was_damaged);
	assert_int_equal(access(b.start.moved_to, F_OK), 0);
}

static void other_tables_are_left_as_they_are(void **state)
{
	(void)state;
	sql("CREATE TABLE records(id INTEGER PRIMARY KEY,data TEXT);"
	    "INSERT INTO records(data) VALUES('kept');%s%s",
		"", "");
	assert_ok(bench_open(&b));
	assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM records"), 1);
}

/* A child migrates and is killed at some instant; the next start finishes the work. */
static void a_migration_may_be_killed_anywhere(void **state)
{
	(void)state;
	for (int round = 0; round < 25; round++) {
		pid_t child;

		(void)unlink(tempdir_path(&b.dir, "p2pos.db"));
		(void)unlink(tempdir_path(&b.dir, "p2pos.db-wal"));
		(void)unlink(tempdir_path(&b.dir, "p2pos.db-shm"));
		(void)unlink(tempdir_path(&b.dir, "p2pos.db.v0"));
		sql("CREATE TABLE settings(key TEXT PRIMARY KEY,value TEXT);"
		    "CREATE TABLE peers(peer_id TEXT PRIMARY KEY,addrs TEXT);"
		    "INSERT INTO settings VALUES('a','b');"
		    "INSERT INTO peers VALUES('%s','x'),('%s','y')",
			id1, id2);
		child = fork();
		if (child == 0) {
			(void)bench_open(&b);
			_exit(0);
		}
		usleep((useconds_t)(rand() % 6000)); /* the instant is what is tested */
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		assert_ok(bench_open(&b));
		assert_false(b.start.was_damaged);
		assert_int_equal(b.start.peer_count, 2);
		assert_int_equal(bench_sql_int(&b, "SELECT count(*) FROM settings_original"), 1);
		assert_int_equal(access(tempdir_path(&b.dir, "p2pos.db.v0"), F_OK), 0);
		bench_close(&b);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_database_of_the_original_is_taken_over),
		TEST(older_tables_of_the_original_are_understood),
		TEST(a_newer_schema_is_refused_and_left_alone),
		TEST(a_foreign_database_under_our_number_is_moved_aside),
		TEST(other_tables_are_left_as_they_are),
		TEST(a_migration_may_be_killed_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
