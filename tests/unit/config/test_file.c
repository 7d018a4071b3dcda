/* SPDX-License-Identifier: Apache-2.0 */
#include "config/file.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_file_is_read_whole_within_its_bound(void **state)
{
	struct buf out = BUF_WITH_MAX(5);
	struct file_info info;
	struct tempdir d;

	(void)state;
	tempdir_make(&d);
	tempdir_write(tempdir_path(&d, "f"), "12345", 0640);
	assert_ok(file_read(tempdir_path(&d, "f"), &out, &info));
	assert_string_equal(buf_cstr(&out), "12345");
	assert_int_equal(info.mode, 0640);
	assert_int_equal(info.owner, geteuid());
	buf_reset(&out);
	tempdir_write(tempdir_path(&d, "f"), "123456", 0640);
	assert_err(file_read(tempdir_path(&d, "f"), &out, NULL), P2P_ERR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	assert_err(file_read(tempdir_path(&d, "none"), &out, NULL), P2P_ERR_NOT_FOUND);
	assert_err(file_read(d.path, &out, NULL), P2P_ERR_IO);
	assert_int_equal(mkfifo(tempdir_path(&d, "fifo"), 0600), 0);
	assert_err(file_read(tempdir_path(&d, "fifo"), &out, NULL), P2P_ERR_IO); /* and not a hang */
	buf_deinit(&out);
	tempdir_remove(&d);
}

static void a_secret_behind_a_link_is_refused(void **state)
{
	struct buf out = BUF_WITH_MAX(100);
	struct tempdir d;

	(void)state;
	tempdir_make(&d);
	tempdir_write(tempdir_path(&d, "f"), "x", 0600);
	assert_int_equal(symlink(tempdir_path(&d, "f"), tempdir_path(&d, "l")), 0);
	assert_ok(file_read(tempdir_path(&d, "l"), &out, NULL));
	assert_err(file_read_nofollow(tempdir_path(&d, "l"), &out, NULL), P2P_ERR_MISMATCH);
	buf_deinit(&out);
	tempdir_remove(&d);
}

static void replacing_keeps_mode_and_link(void **state)
{
	struct tempdir d;
	struct stat st;
	char *text;

	(void)state;
	tempdir_make(&d);
	tempdir_write(tempdir_path(&d, "f"), "old", 0640);
	assert_int_equal(symlink("f", tempdir_path(&d, "l")), 0);
	assert_ok(file_replace(tempdir_path(&d, "l"), BYTES_LIT("new"), 0600));
	assert_int_equal(lstat(tempdir_path(&d, "l"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(tempdir_path(&d, "f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	text = tempdir_read(tempdir_path(&d, "f"));
	assert_string_equal(text, "new");
	free(text);
	assert_ok(file_replace(tempdir_path(&d, "fresh"), BYTES_LIT("x"), 0600));
	assert_int_equal(stat(tempdir_path(&d, "fresh"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_err(file_replace(tempdir_path(&d, "no/f"), BYTES_LIT("x"), 0600),
		P2P_ERR_NOT_FOUND);
	tempdir_remove(&d);
}

static void creating_never_overwrites(void **state)
{
	struct tempdir d;
	char *text;

	(void)state;
	tempdir_make(&d);
	assert_ok(file_create(tempdir_path(&d, "f"), BYTES_LIT("first"), 0600));
	assert_err(file_create(tempdir_path(&d, "f"), BYTES_LIT("second"), 0600), P2P_ERR_EXISTS);
	text = tempdir_read(tempdir_path(&d, "f"));
	assert_string_equal(text, "first");
	free(text);
	tempdir_remove(&d);
}

/* A child replaces a file for ever and is killed; whatever instant it was, the file is whole. */
static void a_kill_leaves_the_old_or_the_new_file(void **state)
{
	static char a[4001], b[4001];
	struct tempdir d;

	(void)state;
	memset(a, 'a', 4000);
	memset(b, 'b', 4000);
	tempdir_make(&d);
	assert_ok(file_create(tempdir_path(&d, "f"), bytes_str(a), 0600));
	for (int round = 0; round < 30; round++) {
		const char *path = tempdir_path(&d, "f");
		pid_t child = fork();
		char *text;

		if (child == 0) {
			for (int i = 0;; i++)
				(void)file_replace(path, bytes_str(i % 2 ? a : b), 0600);
		}
		usleep((useconds_t)(rand() % 3000)); /* the instant is what is tested */
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		text = tempdir_read(path);
		assert_int_equal(strlen(text), 4000);
		assert_true(strcmp(text, a) == 0 || strcmp(text, b) == 0);
		free(text);
	}
	tempdir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole_within_its_bound),
		cmocka_unit_test(a_secret_behind_a_link_is_refused),
		cmocka_unit_test(replacing_keeps_mode_and_link),
		cmocka_unit_test(creating_never_overwrites),
		cmocka_unit_test(a_kill_leaves_the_old_or_the_new_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
