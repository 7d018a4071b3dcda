/* SPDX-License-Identifier: Apache-2.0 */
/* What kills, lost files and damaged bytes do to a store (R-11, R-51; FM-01, FM-05 to FM-08). */
#include "daemon/store/parts.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/store_bench.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* The child: accepts snapshots without end from number `first` on, tells each acknowledgement. */
static void accept_for_ever(unsigned first, int tell)
{
	for (unsigned n = first;; n++) {
		struct store_presence row = {.at = {1650000000 + n, 0}, .peer = bench_peer(n % 3),
			.kind = STORE_UP, .rtt_ms = -1};

		for (int i = 0; i < 20; i++)
			store_put_presence(b.store, &row);
		if (bench_snapshot(&b, n, 1 + n % 5) != 0)
			_exit(1);
		if (write(tell, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

/* What was acknowledged before the kill is there after it, and the floor never falls. */
static void a_kill_at_any_instant_loses_nothing_acknowledged(void **state)
{
	unsigned acknowledged = 0;
	int64_t floor = 0;

	(void)state;
	for (int round = 0; round < 40; round++) {
		unsigned n;
		int pipes[2];
		pid_t child;

		assert_int_equal(pipe(pipes), 0);
		child = fork();
		if (child == 0) {
			if (bench_open(&b) != 0)
				_exit(2);
			accept_for_ever(acknowledged + 1, pipes[1]);
		}
		close(pipes[1]);
		if (round % 8 == 0) /* some are let live until they have accepted something */
			assert_int_equal(read(pipes[0], &acknowledged, sizeof(n)), sizeof(n));
		usleep((useconds_t)(rand() % 20000)); /* the instant is what is tested */
		kill(child, SIGKILL);
		while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
			acknowledged = n;
		close(pipes[0]);
		waitpid(child, NULL, 0);

		assert_ok(bench_open(&b));
		assert_false(b.start.was_damaged);
		assert_false(b.start.was_below_floor);
		if (acknowledged) {
			assert_true(b.start.has_snapshot);
			assert_true(b.start.stamp.issued_at.sec >= 1600000000 + acknowledged);
			assert_true(b.start.floor.issued_at.sec >= floor);
			assert_int_equal(b.start.floor.issued_at.sec, b.start.stamp.issued_at.sec);
			floor = b.start.floor.issued_at.sec;
			acknowledged = (unsigned)(floor - 1600000000);
		}
		bench_close(&b);
	}
	assert_true(acknowledged > 0);
}

static void without_the_database_the_floor_is_known(void **state)
{
	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 9, 2));
	bench_close(&b);
	assert_int_equal(unlink(tempdir_path(&b.dir, "p2pos.db")), 0);
	assert_ok(bench_open(&b));
	assert_true(b.start.is_new);
	assert_false(b.start.has_snapshot);
	assert_true(b.start.has_floor);
	assert_int_equal(b.start.floor.issued_at.sec, 1600000009);
	assert_err(bench_snapshot(&b, 8, 2), P2P_ERR_STALE);
	assert_ok(bench_snapshot(&b, 9, 2)); /* the list at the floor itself may come back */
}

static void an_older_backup_in_its_place_is_below_the_floor(void **state)
{
	char command[256];

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 5, 2));
	bench_close(&b);
	snprintf(command, sizeof(command), "cp %s/p2pos.db %s/old", b.dir.path, b.dir.path);
	assert_int_equal(system(command), 0);
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 6, 2));
	bench_close(&b);
	snprintf(command, sizeof(command), "mv %s/old %s/p2pos.db", b.dir.path, b.dir.path);
	assert_int_equal(system(command), 0);
	assert_ok(bench_open(&b));
	assert_true(b.start.was_below_floor);
	assert_false(b.start.has_snapshot);
	assert_int_equal(b.start.snapshot.len, 0);
	assert_int_equal(b.start.floor.issued_at.sec, 1600000006);
}

static void without_the_side_file_the_database_counts(void **state)
{
	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 5, 2));
	bench_close(&b);
	assert_int_equal(unlink(tempdir_path(&b.dir, "p2pos.floor")), 0);
	assert_ok(bench_open(&b));
	assert_true(b.start.has_snapshot && b.start.has_floor);
	bench_close(&b);
	assert_int_equal(unlink(tempdir_path(&b.dir, "p2pos.floor")), 0);
	assert_int_equal(unlink(tempdir_path(&b.dir, "p2pos.db")), 0);
	assert_ok(bench_open(&b));
	assert_false(b.start.has_floor); /* floor_unknown */
}

static void a_ruined_file_is_moved_aside_and_the_floor_stays(void **state)
{
	static const char text[] =
		"this is no database at all, but a text that is long enough to have a header of "
		"one hundred bytes, which is what is looked at first of all. this is no database "
		"at all, but a text that is long enough to have a header of one hundred bytes, "
		"which is what is looked at first of all. this is no database at all, but a text "
		"that is long enough to have a header of one hundred bytes, which is what is looked "
		"at first of all. and it is longer than the smallest page, so that it is no stump.";
	const char *const ruins[] = {"x", text};

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 5, 2));
	bench_close(&b);
	for (size_t i = 0; i < 2; i++) {
		tempdir_write(tempdir_path(&b.dir, "p2pos.db"), ruins[i], 0600);
		assert_ok(bench_open(&b));
		assert_true(b.start.was_damaged);
		assert_false(b.start.is_new);
		assert_non_null(strstr(b.start.moved_to, "p2pos.db.damaged-20231114T221320Z."));
		assert_int_equal(access(b.start.moved_to, F_OK), 0);
		assert_false(b.start.has_snapshot);
		assert_int_equal(b.start.floor.issued_at.sec, 1600000005);
		bench_close(&b);
	}
}

/* Through the real open path: whatever byte flips, the store opens, gives either the very snapshot
 * or none, and never a lower floor. */
static void any_flipped_byte_is_survived(void **state)
{
	static uint8_t good[1 << 20];
	const char *path = strdup(tempdir_path(&b.dir, "p2pos.db"));
	unsigned damaged = 0, intact = 0;
	struct stat st;
	ssize_t len;
	int fd;

	(void)state;
	assert_ok(bench_open(&b));
	for (unsigned n = 1; n <= 5; n++)
		assert_ok(bench_snapshot(&b, n, 3));
	bench_close(&b);
	fd = open(path, O_RDONLY);
	len = read(fd, good, sizeof(good));
	close(fd);
	assert_true(len > 4096);
	srand(1);
	for (int round = 0; round < 300; round++) {
		size_t at = round < 100 ? (size_t)(round % len) : (size_t)(rand() % len);
		uint8_t was = good[at];
		char command[400];

		good[at] ^= (uint8_t)(1 << (rand() % 8));
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(write(fd, good, (size_t)len), len);
		close(fd);
		good[at] = was;
		if (bench_open(&b) != 0) { /* a version number that looks newer is refused */
			assert_that(strstr(b.why, "schema") != NULL, b.why);
			continue;
		}
		assert_true(b.start.has_floor);
		assert_int_equal(b.start.floor.issued_at.sec, 1600000005);
		if (b.start.has_snapshot) {
			assert_string_equal(buf_cstr(&b.start.snapshot),
				"{\"snapshot\":5,\"members\":3}");
			intact++;
		} else {
			damaged++;
		}
		bench_close(&b);
		snprintf(command, sizeof(command), "rm -f %s/p2pos.db.damaged* %s-wal %s-shm",
			b.dir.path, path, path);
		if (b.start.was_damaged || round % 50 == 0)
			assert_int_equal(system(command), 0);
	}
	assert_true(damaged > 10 && intact > 10);
	assert_int_equal(stat(path, &st), 0);
	free((void *)(uintptr_t)path);
}

/* Pages go bad while the store runs: the next write notices, and the node hears of it. */
static void damage_while_running_begins_a_new_database(void **state)
{
	static uint8_t rubbish[256 * 1024];
	struct store_start *st = &b.start;
	struct stat file;
	int fd;

	(void)state;
	memset(rubbish, 0x5a, sizeof(rubbish));
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 5, 200));
	/* Carry everything into the file, so that the writer must read the bad pages. */
	bench_sql(&b, "p2pos.db", "PRAGMA wal_checkpoint(TRUNCATE)");
	fd = open(tempdir_path(&b.dir, "p2pos.db"), O_WRONLY);
	assert_int_equal(fstat(fd, &file), 0);
	assert_true(file.st_size < (off_t)sizeof(rubbish));
	assert_int_equal(pwrite(fd, rubbish, (size_t)file.st_size - 4096, 4096),
		file.st_size - 4096);
	close(fd);
	/* Another process changes the file, which makes the writer drop what it has in memory. */
	bench_sql(&b, "p2pos.db", "PRAGMA user_version=1");
	assert_ok(bench_snapshot(&b, 6, 200));
	assert_int_equal(b.news[STORE_NEWS_REPLACED], 1);
	assert_int_equal(b.news[STORE_NEWS_FATAL], 0);
	assert_int_equal(access(b.news_path, F_OK), 0);
	bench_close(&b);
	assert_ok(bench_open(&b));
	assert_true(st->has_snapshot);
	assert_int_equal(st->stamp.issued_at.sec, 1600000006);
	assert_int_equal(st->peer_count, 200);
}

static void drop_table(const char *dir)
{
	char path[200];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/p2pos.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DROP TABLE state_events", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* The directory goes away under the store: three tries, then it says that it is over (FM-03). */
static void storage_that_is_gone_for_good_is_fatal(void **state)
{
	char moved[128];

	(void)state;
	assert_ok(bench_open(&b));
	assert_ok(bench_snapshot(&b, 5, 2));
	snprintf(moved, sizeof(moved), "%s.gone", b.dir.path);
	assert_int_equal(rename(b.dir.path, moved), 0);
	drop_table(moved);
	b.answers = 0;
	assert_ok(store_put_state(b.store,
		&(struct store_state){.at = {1650000000, 0}, .prev = "", .next = "", .reason = ""},
		bench_done, &b));
	bench_wait(&b, 1);
	assert_err(b.last_err, P2P_ERR_STORAGE);
	store_dispatch(b.store);
	assert_int_equal(rename(moved, b.dir.path), 0);
	bench_close(&b);
	assert_int_equal(b.news[STORE_NEWS_FATAL], 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_kill_at_any_instant_loses_nothing_acknowledged),
		TEST(without_the_database_the_floor_is_known),
		TEST(an_older_backup_in_its_place_is_below_the_floor),
		TEST(without_the_side_file_the_database_counts),
		TEST(a_ruined_file_is_moved_aside_and_the_floor_stays),
		TEST(any_flipped_byte_is_survived),
		TEST(damage_while_running_begins_a_new_database),
		TEST(storage_that_is_gone_for_good_is_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
