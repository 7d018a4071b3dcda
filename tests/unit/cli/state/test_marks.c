/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state/marks.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

static struct tempdir d;

static int set_up(void **state)
{
	(void)state;
	tempdir_make(&d);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tempdir_remove(&d);
	return 0;
}

/* The words that are there, in the order of enum state_word, and "configured" as a C. */
static const char *there(void)
{
	static char found[8];
	size_t n = 0;
	static const char *const names[] = {"unconfigured", "degraded", "healthy", "configured"};

	for (size_t i = 0; i < 4; i++)
		if (access(tempdir_path(&d, names[i]), F_OK) == 0)
			found[n++] = "udhC"[i];
	found[n] = '\0';
	return found;
}

static void set(enum state_word from, enum state_word to)
{
	const struct state_report r = {.state = to, .reason = "because", .online = 2, .members = 3};

	assert_int_equal(marks_set(tempdir_path(&d, ""), from, &r), 0);
}

static ino_t number_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(tempdir_path(&d, name), &st), 0);
	return st.st_ino;
}

static void each_state_has_its_files(void **state)
{
	(void)state;
	set(STATE_UNKNOWN, STATE_UNCONFIGURED);
	assert_string_equal(there(), "u");
	set(STATE_UNCONFIGURED, STATE_DEGRADED);
	assert_string_equal(there(), "dC");
	set(STATE_DEGRADED, STATE_HEALTHY);
	assert_string_equal(there(), "hC");
	set(STATE_HEALTHY, STATE_UNKNOWN);
	assert_string_equal(there(), "");
}

static void what_still_holds_stays_the_same_file(void **state)
{
	ino_t before;

	(void)state;
	set(STATE_UNKNOWN, STATE_HEALTHY);
	before = number_of("configured");
	set(STATE_HEALTHY, STATE_DEGRADED);
	assert_int_equal(number_of("configured"), before);
}

static void hooks_find_their_variables_and_nothing_that_bites(void **state)
{
	struct state_report r = {.state = STATE_DEGRADED, .reason = "1 of 3: \"$(x)`\\\n.", .online = 1,
		.members = 3};
	char text[512];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(marks_set(tempdir_path(&d, ""), STATE_HEALTHY, &r), 0);
	fd = open(tempdir_path(&d, "degraded"), O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	close(fd);
	assert_string_equal(text, "P2POS_STATE=\"degraded\"\nP2POS_PREVIOUS=\"healthy\"\n"
				  "P2POS_REASON=\"1 of 3: ?" "?(x)" "???.\"\nP2POS_ONLINE=1\nP2POS_MEMBERS=3\n");
}

static void clearing_leaves_only_what_is_not_ours(void **state)
{
	(void)state;
	set(STATE_UNKNOWN, STATE_HEALTHY);
	close(open(tempdir_path(&d, "other"), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(marks_clear(tempdir_path(&d, "")), 0);
	assert_string_equal(there(), "");
	assert_int_equal(access(tempdir_path(&d, "other"), F_OK), 0);
	assert_int_equal(marks_clear(tempdir_path(&d, "")), 0);
}

static void a_directory_that_is_gone_is_an_error(void **state)
{
	const struct state_report r = {.state = STATE_HEALTHY};

	(void)state;
	assert_int_equal(marks_set(tempdir_path(&d, "gone"), STATE_UNKNOWN, &r), P2P_ERR_IO);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_state_has_its_files),
		TEST(what_still_holds_stays_the_same_file),
		TEST(hooks_find_their_variables_and_nothing_that_bites),
		TEST(clearing_leaves_only_what_is_not_ours),
		TEST(a_directory_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
