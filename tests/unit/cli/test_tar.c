/* SPDX-License-Identifier: Apache-2.0 */
/* Archives are read by everybody else's tar in tests/e2e; here: sizes, limits, the end. */
#include "cli/tar.h"

#include "proto/base/err.h"
#include "tests/lib/p2ptest.h"

static void a_file_takes_a_head_and_whole_blocks(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(tar_put(&out, "a", BYTES_NONE, 0));
	assert_int_equal(out.len, 512);
	assert_ok(tar_put(&out, "b", bytes_str("x"), 0));
	assert_int_equal(out.len, 512 + 1024);
	assert_ok(tar_end(&out));
	assert_int_equal(out.len, 512 + 1024 + 1024);
	assert_memory_equal(out.data + 257, "ustar\00000", 8);
	buf_deinit(&out);
}

static void what_does_not_fit_leaves_the_archive_as_it_was(void **state)
{
	struct buf out = BUF_WITH_MAX(1024);
	char name[TAR_NAME_MAX + 2];
	uint8_t large[600] = {0};

	(void)state;
	assert_ok(tar_put(&out, "a", BYTES_NONE, 0));
	assert_true(tar_put(&out, "b", bytes_of(large, sizeof(large)), 0) < 0);
	assert_int_equal(out.len, 512);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(tar_put(&out, name, BYTES_NONE, 0), P2P_ERR_TOO_LARGE);
	buf_deinit(&out);
}

static void more_than_one_stored_block_is_cut_and_the_last_one_marked(void **state)
{
	static uint8_t in[70000];
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(tar_gzip(bytes_of(in, sizeof(in)), &out));
	assert_int_equal(out.len, 10 + 5 + 65535 + 5 + (70000 - 65535) + 8);
	assert_int_equal(out.data[10], 0);
	assert_int_equal(out.data[10 + 5 + 65535], 1);
	buf_deinit(&out);
	/* Nothing at all is a file too: one empty block. */
	assert_ok(tar_gzip(BYTES_NONE, &out));
	assert_int_equal(out.len, 10 + 5 + 8);
	assert_int_equal(out.data[10], 1);
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_takes_a_head_and_whole_blocks),
		cmocka_unit_test(what_does_not_fit_leaves_the_archive_as_it_was),
		cmocka_unit_test(more_than_one_stored_block_is_cut_and_the_last_one_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
