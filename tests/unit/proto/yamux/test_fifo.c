/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/p2ptest.h"

#include "proto/base/rng.h"
#include "proto/yamux/fifo.h"

static void what_goes_in_comes_out_in_order(void **state)
{
	struct yamux_fifo q = {0};
	struct rng_seeded rng;
	uint8_t in = 0, out = 0;

	(void)state;
	rng_seed(&rng, 3);
	for (int i = 0; i < 20000; i++) {
		uint8_t piece[300];
		size_t n = (size_t)rng_below(&rng.rng, sizeof(piece));
		struct bytes waiting;

		for (size_t k = 0; k < n; k++)
			piece[k] = in++;
		yamux_fifo_put(&q, bytes_of(piece, n));
		waiting = yamux_fifo_bytes(&q);
		assert_int_equal(waiting.len, yamux_fifo_len(&q));
		n = (size_t)rng_below(&rng.rng, waiting.len + 1);
		for (size_t k = 0; k < n; k++)
			if (waiting.at[k] != (uint8_t)(out + k))
				fail_msg("byte %zu of round %d", k, i);
		out = (uint8_t)(out + n);
		yamux_fifo_take(&q, n);
	}
	yamux_fifo_deinit(&q);
}

static void its_memory_follows_what_waits(void **state)
{
	static const uint8_t bulk[256 * 1024];
	struct yamux_fifo q = {0};

	(void)state;
	for (size_t left = sizeof(bulk); left > 1; left /= 2) {
		yamux_fifo_put(&q, bytes_of(bulk, sizeof(bulk) - yamux_fifo_len(&q)));
		yamux_fifo_take(&q, sizeof(bulk) - left);
		assert_true(q.buf.cap <= 1024 || q.buf.cap <= 4 * left);
	}
	yamux_fifo_take(&q, yamux_fifo_len(&q));
	assert_int_equal(q.buf.cap, 0);
	yamux_fifo_deinit(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out_in_order),
		cmocka_unit_test(its_memory_follows_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
