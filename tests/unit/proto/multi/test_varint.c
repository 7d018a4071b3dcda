/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/varint.h"

#include <stdlib.h>

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static void published_values_go_both_ways(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("varint", "valid"), i, v)
	{
		struct buf want = BUF_INIT, got = BUF_INIT;
		uint64_t value = strtoull(vectors_text(v, "value"), NULL, 10), read = 0;
		size_t len = 0;

		vectors_hex(v, "hex", &want);
		assert_ok(varint_put(&got, value));
		assert_bytes(buf_bytes(&got), buf_bytes(&want));
		assert_ok(varint_read(buf_bytes(&want), VARINT_BYTES_MAX, &read, &len));
		assert_true(read == value && len == want.len);
		buf_deinit(&want);
		buf_deinit(&got);
	}
}

static void published_faults_are_refused(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("varint", "invalid"), i, v)
	{
		struct buf in = BUF_INIT;
		struct cursor c;
		uint64_t value;
		size_t len;

		c = cursor_of(vectors_hex(v, "hex", &in));
		assert_that(varint_read(buf_bytes(&in), VARINT_BYTES_MAX, &value, &len) != 0,
			vectors_text(v, "reason"));
		assert_true(varint_take(&c) == 0);
		assert_that(c.err != 0, vectors_text(v, "reason"));
		buf_deinit(&in);
	}
}

static void a_varint_cut_anywhere_asks_for_more(void **state)
{
	static const uint8_t nine[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
	uint64_t value = 7;
	size_t len = 7;

	(void)state;
	for (size_t cut = 0; cut < sizeof(nine); cut++) {
		struct cursor c = cursor_of(bytes_of(nine, cut));

		assert_err(varint_read(c.in, VARINT_BYTES_MAX, &value, &len), P2P_ERR_AGAIN);
		assert_true(varint_take(&c) == 0 && c.err == P2P_ERR_TRUNCATED);
	}
	assert_true(value == 7 && len == 7); /* written only on success */
	assert_ok(varint_read(bytes_of(nine, sizeof(nine)), VARINT_BYTES_MAX, &value, &len));
	assert_true(value == VARINT_MAX && len == 9);
}

static void a_prefix_over_its_bytes_is_refused_at_once(void **state)
{
	uint64_t value;
	size_t len;

	(void)state;
	assert_err(varint_read(BYTES_LIT("\x80\x80"), 2, &value, &len), P2P_ERR_TOO_LARGE);
	assert_err(varint_read(BYTES_LIT("\x80"), 2, &value, &len), P2P_ERR_AGAIN);
	assert_ok(varint_read(BYTES_LIT("\xff\x7f"), 2, &value, &len));
	assert_true(value == 16383 && len == 2);
	assert_err(varint_read(BYTES_LIT("\x80\x00"), 2, &value, &len), P2P_ERR_INVALID);
}

static void bytes_behind_their_length_are_taken_whole_or_not_at_all(void **state)
{
	struct buf out = BUF_WITH_MAX(6);
	struct cursor c;

	(void)state;
	assert_ok(varint_put_bytes(&out, BYTES_LIT("abcd")));
	assert_bytes(buf_bytes(&out), BYTES_LIT("\x04"
						"abcd"));
	assert_err(varint_put_bytes(&out, BYTES_LIT("x")), P2P_ERR_TOO_LARGE);
	assert_int_equal(out.len, 5); /* not even its length */
	c = cursor_of(buf_bytes(&out));
	assert_bytes(varint_take_bytes(&c), BYTES_LIT("abcd"));
	assert_true(cursor_at_end(&c) && !c.err);
	for (size_t cut = 0; cut < out.len; cut++) {
		c = cursor_of(bytes_head(buf_bytes(&out), cut));
		assert_int_equal(varint_take_bytes(&c).len, 0);
		assert_err(c.err, P2P_ERR_TRUNCATED);
	}
	c = cursor_of(BYTES_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
				"abcd"));
	assert_int_equal(varint_take_bytes(&c).len, 0);
	assert_err(c.err, P2P_ERR_TRUNCATED);
	buf_deinit(&out);
}

static void random_values_survive_and_random_bytes_have_one_form(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 11);
	for (unsigned round = 0; round < 5000; round++) {
		uint64_t value = rng_u64(&rng.rng) >> (1 + rng_below(&rng.rng, 63)), got;
		uint8_t at[VARINT_BYTES_MAX], noise[10], again[VARINT_BYTES_MAX];
		size_t len = varint_write(value, at), used;

		assert_ok(varint_read(bytes_of(at, len), VARINT_BYTES_MAX, &got, &used));
		assert_true(got == value && used == len);

		rng_fill(&rng.rng, noise, sizeof(noise));
		if (varint_read(bytes_of(noise, 10), VARINT_BYTES_MAX, &got, &used) == 0) {
			assert_true(varint_write(got, again) == used);
			assert_memory_equal(noise, again, used);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_values_go_both_ways),
		cmocka_unit_test(published_faults_are_refused),
		cmocka_unit_test(a_varint_cut_anywhere_asks_for_more),
		cmocka_unit_test(a_prefix_over_its_bytes_is_refused_at_once),
		cmocka_unit_test(bytes_behind_their_length_are_taken_whole_or_not_at_all),
		cmocka_unit_test(random_values_survive_and_random_bytes_have_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
