/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/cluster_id.h"

#include "tests/lib/p2ptest.h"

static void only_its_alphabet_may_stand_in_it(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		uint8_t text[] = {'a', (uint8_t)c, 'b'};
		bool allowed = c && strchr(alphabet, (int)c);

		assert_int_equal(cluster_id_is_valid(bytes_of(text, 3)), allowed);
	}
}

static void it_has_1_to_64_characters(void **state)
{
	char text[66], to[CLUSTER_ID_SIZE];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_err(cluster_id_parse(BYTES_NONE, to), P2P_ERR_INVALID);
	for (size_t len = 1; len <= 64; len++) {
		assert_ok(cluster_id_parse(bytes_of(text, len), to));
		assert_int_equal(strlen(to), len);
	}
	assert_err(cluster_id_parse(bytes_of(text, 65), to), P2P_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_alphabet_may_stand_in_it),
		cmocka_unit_test(it_has_1_to_64_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
