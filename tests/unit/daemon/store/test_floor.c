/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/floor.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

#include <fcntl.h>
#include <unistd.h>

static struct snapshot_stamp stamp(int64_t sec, uint8_t hash)
{
	struct snapshot_stamp s = {.issued_at = {sec, 5}};

	memset(s.hash, hash, sizeof(s.hash));
	return s;
}

static void what_was_raised_is_there_again(void **state)
{
	struct snapshot_stamp a = stamp(1000, 7);
	struct floor_file f;
	struct tempdir d;

	(void)state;
	tempdir_make(&d);
	assert_ok(floor_open(&f, tempdir_path(&d, "f")));
	assert_false(f.has_stamp);
	assert_ok(floor_raise(&f, &a));
	floor_close(&f);
	assert_ok(floor_open(&f, tempdir_path(&d, "f")));
	assert_true(f.has_stamp);
	assert_int_equal(snapshot_stamp_cmp(&f.stamp, &a), 0);
	floor_close(&f);
	tempdir_remove(&d);
}

static void it_never_falls(void **state)
{
	struct snapshot_stamp low = stamp(999, 7), mid = stamp(1000, 7), tie = stamp(1000, 6);
	struct floor_file f;
	struct tempdir d;

	(void)state;
	tempdir_make(&d);
	assert_ok(floor_open(&f, tempdir_path(&d, "f")));
	assert_ok(floor_raise(&f, &mid));
	assert_ok(floor_raise(&f, &low));
	assert_int_equal(snapshot_stamp_cmp(&f.stamp, &mid), 0);
	assert_ok(floor_raise(&f, &tie)); /* the lower hash of one instant is the newer */
	assert_ok(floor_raise(&f, &mid));
	floor_close(&f);
	assert_ok(floor_open(&f, tempdir_path(&d, "f")));
	assert_int_equal(snapshot_stamp_cmp(&f.stamp, &tie), 0);
	floor_close(&f);
	tempdir_remove(&d);
}

/* Every way to tear the write of the newest slot leaves the one before it. */
static void a_torn_slot_costs_only_itself(void **state)
{
	struct snapshot_stamp a = stamp(1000, 1), b = stamp(2000, 2);
	uint8_t before[1024], after[1024];
	struct floor_file f;
	struct tempdir d;
	const char *path;
	int fd;

	(void)state;
	tempdir_make(&d);
	path = tempdir_path(&d, "f");
	assert_ok(floor_open(&f, path));
	assert_ok(floor_raise(&f, &a));
	assert_int_equal(pread(f.fd, before, 1024, 0), 1024);
	assert_ok(floor_raise(&f, &b));
	assert_int_equal(pread(f.fd, after, 1024, 0), 1024);
	floor_close(&f);
	fd = open(path, O_RDWR);
	for (size_t cut = 0; cut <= 512; cut++) {
		uint8_t torn[1024];

		memcpy(torn, before, 1024);
		memcpy(torn, after, cut); /* the second raise went to slot 0 */
		assert_int_equal(pwrite(fd, torn, 1024, 0), 1024);
		assert_ok(floor_open(&f, path));
		assert_true(f.has_stamp);
		assert_int_equal(f.stamp.issued_at.sec, cut == 512 ? 2000 : 1000);
		floor_close(&f);
	}
	for (size_t i = 0; i < 512; i++) { /* and every flipped byte is noticed */
		uint8_t bad[1024];

		memcpy(bad, after, 1024);
		bad[i] ^= 0x40;
		assert_int_equal(pwrite(fd, bad, 1024, 0), 1024);
		assert_ok(floor_open(&f, path));
		assert_int_equal(f.stamp.issued_at.sec, 1000);
		floor_close(&f);
	}
	for (off_t len = 0; len < 1024; len += 100) { /* a shortened file */
		assert_int_equal(pwrite(fd, after, 1024, 0), 1024);
		assert_int_equal(ftruncate(fd, len), 0);
		assert_ok(floor_open(&f, path));
		assert_int_equal(f.has_stamp, len >= 512);
		floor_close(&f);
	}
	close(fd);
	tempdir_remove(&d);
}

static void an_unwritable_place_is_an_error(void **state)
{
	struct floor_file f;
	struct tempdir d;

	(void)state;
	tempdir_make(&d);
	assert_err(floor_open(&f, d.path), P2P_ERR_IO);
	floor_close(&f);
	tempdir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_raised_is_there_again),
		cmocka_unit_test(it_never_falls),
		cmocka_unit_test(a_torn_slot_costs_only_itself),
		cmocka_unit_test(an_unwritable_place_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
