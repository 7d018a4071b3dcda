/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/log_recent.h"

#include "tests/lib/p2ptest.h"

#include <stdio.h>

static void put(unsigned n)
{
	char text[32];
	struct log_line line = {LEVEL_INFO, "NODE", "x", text, WALL_ZERO};

	snprintf(text, sizeof(text), "line %u", n);
	log_recent_put(&line);
}

static void the_newest_are_given_in_order(void **state)
{
	struct log_line line;

	(void)state;
	assert_false(log_recent_at(10, 0, &line));
	for (unsigned i = 0; i < 3; i++)
		put(i);
	assert_true(log_recent_at(2, 0, &line));
	assert_string_equal(line.text, "line 1");
	assert_true(log_recent_at(2, 1, &line));
	assert_string_equal(line.text, "line 2");
	assert_false(log_recent_at(2, 2, &line));
	assert_true(log_recent_at(99, 0, &line));
	assert_string_equal(line.text, "line 0");
	log_recent_clear();
}

static void older_ones_than_the_bound_are_gone(void **state)
{
	struct log_line line;

	(void)state;
	for (unsigned i = 0; i < LOG_RECENT_LINES + 5; i++)
		put(i);
	assert_true(log_recent_at(SIZE_MAX, 0, &line));
	assert_string_equal(line.text, "line 5");
	assert_true(log_recent_at(SIZE_MAX, LOG_RECENT_LINES - 1, &line));
	assert_false(log_recent_at(SIZE_MAX, LOG_RECENT_LINES, &line));
	log_recent_clear();
	assert_false(log_recent_at(1, 0, &line));
}

static void a_long_line_is_cut(void **state)
{
	static char text[2 * LOG_RECENT_BYTES];
	struct log_line line = {LEVEL_INFO, "NODE", "x", text, WALL_ZERO};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	log_recent_put(&line);
	assert_true(log_recent_at(1, 0, &line));
	assert_int_equal(strlen(line.text), LOG_RECENT_BYTES);
	log_recent_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_are_given_in_order),
		cmocka_unit_test(older_ones_than_the_bound_are_gone),
		cmocka_unit_test(a_long_line_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
