/* SPDX-License-Identifier: Apache-2.0 */
#include "config/readers.h"

#include "tests/lib/p2ptest.h"

#include <string.h>

static void the_door_lies_beside_the_directory_of_the_socket(void **state)
{
	char to[READERS_PATH_SIZE];

	(void)state;
	assert_true(readers_path("/run/p2pos/p2posd.sock", to));
	assert_string_equal(to, "/run/p2pos-readers/p2posd.sock");
	assert_true(readers_path("n1/p2posd.sock", to));
	assert_string_equal(to, "n1-readers/p2posd.sock");
}

static void a_path_without_a_directory_or_too_long_has_none(void **state)
{
	char to[READERS_PATH_SIZE], longest[READERS_PATH_SIZE];

	(void)state;
	assert_false(readers_path("p2posd.sock", to));
	assert_false(readers_path("/p2posd.sock", to));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = longest[9] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_false(readers_path(longest, to));
	longest[sizeof(longest) - 1 - strlen("-readers")] = '\0';
	assert_true(readers_path(longest, to));
	assert_int_equal(strlen(to), READERS_PATH_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_door_lies_beside_the_directory_of_the_socket),
		cmocka_unit_test(a_path_without_a_directory_or_too_long_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
