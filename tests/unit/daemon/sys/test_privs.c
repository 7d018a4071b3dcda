/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/privs.h"

#include "tests/lib/p2ptest.h"

static void a_map_with_every_user_is_whole(void **state)
{
	(void)state;
	assert_true(privs_map_is_whole("         0          0 4294967295\n"));
	/* As PrivateUsers= makes it: root, and the service's own user. */
	assert_false(privs_map_is_whole("         0          0          1\n       997        997          1\n"));
	assert_false(privs_map_is_whole("         0     100000      65536\n"));
	assert_false(privs_map_is_whole(""));
	assert_false(privs_map_is_whole("nonsense"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_with_every_user_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
