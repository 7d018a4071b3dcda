/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/buf.h"

#include <stdlib.h>

#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static void an_empty_buffer_is_valid_without_setup(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(buf_bytes(&b).len, 0);
	buf_reset(&b);
	buf_truncate(&b, 0);
	buf_drop(&b, 0);
	buf_trim(&b, 0);
	assert_ok(buf_put(&b, BYTES_NONE));
	buf_deinit(&b);
	buf_deinit(&b);
}

static void appends_are_written_in_network_order(void **state)
{
	static const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 'a', 'b', '-', '7'};
	struct buf b = BUF_INIT;

	(void)state;
	assert_ok(buf_put_u8(&b, 1));
	assert_ok(buf_put_u16be(&b, 0x0203));
	assert_ok(buf_put_u32be(&b, 0x04050607));
	assert_ok(buf_put_str(&b, "ab"));
	assert_ok(buf_printf(&b, "%c%d", '-', 7));
	assert_bytes(buf_bytes(&b), bytes_of(want, sizeof(want)));
	buf_deinit(&b);
}

static void the_maximum_is_exact_and_a_refusal_changes_nothing(void **state)
{
	struct buf b = BUF_WITH_MAX(10);

	(void)state;
	assert_ok(buf_put(&b, BYTES_LIT("123456789")));
	assert_err(buf_put(&b, BYTES_LIT("ab")), P2P_ERR_TOO_LARGE);
	assert_err(buf_put_u16be(&b, 1), P2P_ERR_TOO_LARGE);
	assert_err(buf_put_u32be(&b, 1), P2P_ERR_TOO_LARGE);
	assert_err(buf_put_str(&b, "ab"), P2P_ERR_TOO_LARGE);
	assert_err(buf_printf(&b, "%d", 12), P2P_ERR_TOO_LARGE);
	assert_err(buf_reserve(&b, 2), P2P_ERR_TOO_LARGE);
	assert_err(buf_reserve(&b, SIZE_MAX), P2P_ERR_TOO_LARGE);
	assert_null(buf_grow(&b, 2));
	assert_bytes(buf_bytes(&b), BYTES_LIT("123456789"));
	assert_ok(buf_printf(&b, "%d", 0));
	assert_err(buf_put_u8(&b, 1), P2P_ERR_TOO_LARGE);
	assert_bytes(buf_bytes(&b), BYTES_LIT("1234567890"));
	assert_string_equal(buf_cstr(&b), "1234567890");
	assert_int_equal(b.len, 10);
	buf_deinit(&b);
	assert_int_equal(b.max, 10);
}

static void growing_by_nothing_is_not_a_failure(void **state)
{
	struct buf b = BUF_INIT, bounded = BUF_WITH_MAX(1);

	(void)state;
	assert_non_null(buf_grow(&b, 0));
	assert_non_null(buf_grow(&bounded, 0));
	assert_int_equal(b.len, 0);
	assert_int_equal(bounded.len, 0);
	buf_deinit(&b);
	buf_deinit(&bounded);
}

static void dropping_moves_the_rest_to_the_front(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_ok(buf_put_str(&b, "hello world"));
	buf_drop(&b, 6);
	assert_bytes(buf_bytes(&b), BYTES_LIT("world"));
	buf_drop(&b, 0);
	buf_truncate(&b, 3);
	assert_bytes(buf_bytes(&b), BYTES_LIT("wor"));
	buf_drop(&b, 3);
	assert_int_equal(b.len, 0);
	buf_deinit(&b);
}

static void secrets_are_wiped_where_they_leave(void **state)
{
	struct buf b = BUF_SECRET(0);
	uint8_t zeros[16] = {0};

	(void)state;
	assert_ok(buf_put(&b, BYTES_LIT("0123456789abcdef")));
	buf_drop(&b, 4);
	assert_memory_equal(b.data + 12, zeros, 4);
	buf_truncate(&b, 6);
	assert_memory_equal(b.data + 6, zeros, 10);
	assert_bytes(buf_bytes(&b), BYTES_LIT("456789"));
	buf_reset(&b);
	assert_memory_equal(b.data, zeros, 16);
	/* Past the first allocation: moved by hand, contents kept. */
	for (unsigned i = 0; i < 100; i++)
		assert_ok(buf_printf(&b, "%02u", i));
	assert_int_equal(b.len, 200);
	assert_memory_equal(b.data + 198, "99", 2);
	buf_deinit(&b);
}

static void an_idle_buffer_gives_its_memory_back(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_ok(buf_reserve(&b, 1000));
	assert_ok(buf_put_u8(&b, 1));
	buf_trim(&b, 100);
	assert_true(b.cap >= 1000); /* in use */
	buf_reset(&b);
	buf_trim(&b, 4096);
	assert_true(b.cap >= 1000); /* small enough to keep */
	buf_trim(&b, 100);
	assert_int_equal(b.cap, 0);
	buf_deinit(&b);
}

static void swapping_exchanges_contents_and_limits(void **state)
{
	struct buf a = BUF_WITH_MAX(4), b = BUF_SECRET(8);

	(void)state;
	assert_ok(buf_put_str(&a, "a"));
	assert_ok(buf_put_str(&b, "bb"));
	buf_swap(&a, &b);
	assert_bytes(buf_bytes(&a), BYTES_LIT("bb"));
	assert_bytes(buf_bytes(&b), BYTES_LIT("a"));
	assert_true(a.secret && a.max == 8 && !b.secret && b.max == 4);
	buf_deinit(&a);
	buf_deinit(&b);
}

static void many_small_prints_reallocate_seldom(void **state)
{
	struct buf b = BUF_INIT;
	size_t moves = 0, cap = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		assert_ok(buf_printf(&b, "%u,", i % 10));
		moves += b.cap != cap;
		cap = b.cap;
	}
	assert_int_equal(b.len, 20000);
	assert_in_range(moves, 1, 12);
	buf_deinit(&b);
}

/* Random operations against a plain array as the model. */
static void random_operations_agree_with_a_model(void **state)
{
	enum { MODEL_MAX = 300 };
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 7);
	for (unsigned round = 0; round < 40; round++) {
		struct buf b = {.max = MODEL_MAX, .secret = round % 2};
		uint8_t model[MODEL_MAX];
		size_t len = 0;

		for (unsigned step = 0; step < 200; step++) {
			uint8_t chunk[40];
			size_t n = rng_below(&rng.rng, sizeof(chunk));

			rng_fill(&rng.rng, chunk, sizeof(chunk));
			switch (rng_below(&rng.rng, 4)) {
			case 0:
			case 1:
				if (buf_put(&b, bytes_of(chunk, n)) == 0) {
					memcpy(model + len, chunk, n);
					len += n;
				} else {
					assert_true(len + n > MODEL_MAX);
				}
				break;
			case 2:
				n = n < len ? n : len;
				buf_drop(&b, n);
				memmove(model, model + n, len - n);
				len -= n;
				break;
			case 3:
				n = n < len ? n : len;
				buf_truncate(&b, len - n);
				len -= n;
				break;
			}
			assert_bytes(buf_bytes(&b), bytes_of(model, len));
		}
		buf_deinit(&b);
	}
}

static void copies_of_text_are_bounded(void **state)
{
	char *all = xstrdup("words"), *some = xstrndup("words", 2), *none = xstrndup("", 9);

	(void)state;
	assert_string_equal(all, "words");
	assert_string_equal(some, "wo");
	assert_string_equal(none, "");
	mem_wipe(all, 5);
	assert_memory_equal(all, "\0\0\0\0\0", 6);
	mem_wipe(NULL, 0);
	free(all);
	free(some);
	free(none);
	free(xcalloc(0, 0));
	free(xmalloc(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_valid_without_setup),
		cmocka_unit_test(appends_are_written_in_network_order),
		cmocka_unit_test(the_maximum_is_exact_and_a_refusal_changes_nothing),
		cmocka_unit_test(growing_by_nothing_is_not_a_failure),
		cmocka_unit_test(dropping_moves_the_rest_to_the_front),
		cmocka_unit_test(secrets_are_wiped_where_they_leave),
		cmocka_unit_test(an_idle_buffer_gives_its_memory_back),
		cmocka_unit_test(swapping_exchanges_contents_and_limits),
		cmocka_unit_test(many_small_prints_reallocate_seldom),
		cmocka_unit_test(random_operations_agree_with_a_model),
		cmocka_unit_test(copies_of_text_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
