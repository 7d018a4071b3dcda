/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/p2ptest.h"

#include <string.h>

#include "proto/libp2p/ping.h"

static struct rng_seeded rng;

static void begin(struct ping *p)
{
	rng_seed(&rng, 5);
	ping_init(p, &rng.rng);
}

static void an_echo_gives_its_time_wherever_it_is_cut(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < PING_BYTES; cut++) {
		struct ping p;
		struct ping_echo e;
		struct bytes block;
		int64_t rtt = -1;

		begin(&p);
		ping_echo_init(&e, t0);
		assert_true(mono_is_never(ping_deadline(&p)));
		block = ping_start(&p, t0);
		assert_int_equal(block.len, PING_BYTES);
		assert_int_equal(ping_deadline(&p).ns, mono_add_ms(t0, 10000).ns);
		assert_ok(ping_echo_recv(&e, bytes_head(block, cut), t0));
		assert_int_equal(ping_echo_owed(&e).len, 0);
		assert_ok(ping_echo_recv(&e, bytes_from(block, cut), t0));
		assert_bytes(ping_echo_owed(&e), block);
		assert_err(ping_recv(&p, bytes_head(block, cut), t0, &rtt), P2P_ERR_AGAIN);
		ping_echo_sent(&e, cut);
		assert_int_equal(rtt, -1);
		assert_ok(ping_recv(&p, ping_echo_owed(&e), mono_add_ms(t0, 20), &rtt));
		assert_int_equal(rtt, 20 * NS_PER_MS);
		assert_true(mono_is_never(ping_deadline(&p)));
		ping_echo_sent(&e, PING_BYTES - cut);
		assert_int_equal(ping_echo_owed(&e).len, 0);
	}
}

static void every_ping_is_another(void **state)
{
	uint8_t first[PING_BYTES];
	struct ping p;
	int64_t rtt;

	(void)state;
	begin(&p);
	memcpy(first, ping_start(&p, t0).at, sizeof(first));
	assert_ok(ping_recv(&p, bytes_of(first, sizeof(first)), t0, &rtt));
	assert_memory_not_equal(ping_start(&p, t0).at, first, sizeof(first));
	/* Yesterday's answer is none. */
	assert_err(ping_recv(&p, bytes_of(first, sizeof(first)), t0, &rtt), P2P_ERR_MISMATCH);
}

static void whatever_is_not_the_echo_is_a_failure(void **state)
{
	uint8_t wrong[PING_BYTES + 1];
	struct ping p;
	int64_t rtt;

	(void)state;
	begin(&p);
	/* Nothing was asked. */
	assert_err(ping_recv(&p, BYTES_LIT("\0"), t0, &rtt), P2P_ERR_MISMATCH);
	for (size_t i = 0; i < PING_BYTES; i++) {
		begin(&p);
		memcpy(wrong, ping_start(&p, t0).at, PING_BYTES);
		wrong[i] ^= 1;
		assert_err(ping_recv(&p, bytes_of(wrong, PING_BYTES), t0, &rtt), P2P_ERR_MISMATCH);
		/* Seen as soon as the wrong byte is there. */
		begin(&p);
		(void)ping_start(&p, t0);
		if (i)
			assert_err(ping_recv(&p, bytes_of(wrong, i), t0, &rtt), P2P_ERR_AGAIN);
		assert_err(ping_recv(&p, bytes_of(wrong + i, 1), t0, &rtt), P2P_ERR_MISMATCH);
	}
	/* One byte too many, in one piece or behind. */
	begin(&p);
	memcpy(wrong, ping_start(&p, t0).at, PING_BYTES);
	assert_err(ping_recv(&p, bytes_of(wrong, PING_BYTES + 1), t0, &rtt), P2P_ERR_MISMATCH);
	assert_ok(ping_recv(&p, bytes_of(wrong, PING_BYTES), t0, &rtt));
	assert_err(ping_recv(&p, bytes_of(wrong, 1), t0, &rtt), P2P_ERR_MISMATCH);
	assert_err(ping_recv(&p, BYTES_NONE, t0, &rtt), P2P_ERR_AGAIN);
}

static void only_so_many_blocks_are_owed(void **state)
{
	uint8_t blocks[PING_ECHO_BLOCKS_MAX * PING_BYTES];
	struct ping_echo e;

	(void)state;
	rng_seed(&rng, 6);
	rng_fill(&rng.rng, blocks, sizeof(blocks));
	ping_echo_init(&e, t0);
	assert_ok(ping_echo_recv(&e, bytes_of(blocks, sizeof(blocks)), t0));
	assert_bytes(ping_echo_owed(&e), bytes_of(blocks, sizeof(blocks)));
	assert_err(ping_echo_recv(&e, BYTES_LIT("x"), t0), P2P_ERR_TOO_LARGE);
	/* A stream that takes them in odd pieces makes room by whole blocks. */
	ping_echo_sent(&e, PING_BYTES - 1);
	assert_err(ping_echo_recv(&e, BYTES_LIT("x"), t0), P2P_ERR_TOO_LARGE);
	ping_echo_sent(&e, 2);
	assert_bytes(ping_echo_owed(&e),
		bytes_from(bytes_of(blocks, sizeof(blocks)), PING_BYTES + 1));
	assert_ok(ping_echo_recv(&e, bytes_of(blocks, PING_BYTES), t0));
	ping_echo_sent(&e, ping_echo_owed(&e).len - PING_BYTES);
	assert_bytes(ping_echo_owed(&e), bytes_of(blocks, PING_BYTES));
}

static void whatever_comes_goes_back_in_order(void **state)
{
	struct ping_echo e;
	uint8_t in = 0, out = 0;

	(void)state;
	rng_seed(&rng, 7);
	ping_echo_init(&e, t0);
	for (int i = 0; i < 20000; i++) {
		uint8_t piece[100];
		size_t n = (size_t)rng_below(&rng.rng, sizeof(piece));
		struct bytes owed;

		for (size_t k = 0; k < n; k++)
			piece[k] = (uint8_t)(in + k);
		if (ping_echo_recv(&e, bytes_of(piece, n), t0) == 0)
			in = (uint8_t)(in + n);
		owed = ping_echo_owed(&e);
		n = (size_t)rng_below(&rng.rng, owed.len + 1);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(owed.at[k], out++);
		ping_echo_sent(&e, n);
	}
}

static void a_responder_waits_a_minute_and_ten_seconds_for_a_block(void **state)
{
	static const uint8_t zero[PING_BYTES];
	struct ping_echo e;

	(void)state;
	ping_echo_init(&e, t0);
	assert_int_equal(ping_echo_deadline(&e).ns, mono_add_ms(t0, 60000).ns);
	assert_ok(ping_echo_recv(&e, bytes_of(zero, 1), mono_add_ms(t0, 1000)));
	assert_int_equal(ping_echo_deadline(&e).ns, mono_add_ms(t0, 11000).ns);
	/* Dribbling does not help. */
	assert_ok(ping_echo_recv(&e, bytes_of(zero, 1), mono_add_ms(t0, 9000)));
	assert_int_equal(ping_echo_deadline(&e).ns, mono_add_ms(t0, 11000).ns);
	assert_ok(ping_echo_recv(&e, bytes_of(zero, 30), mono_add_ms(t0, 9000)));
	assert_int_equal(ping_echo_deadline(&e).ns, mono_add_ms(t0, 69000).ns);
	/* Nothing at all changes nothing; the end of one block may begin the next. */
	assert_ok(ping_echo_recv(&e, BYTES_NONE, mono_add_ms(t0, 20000)));
	assert_int_equal(ping_echo_deadline(&e).ns, mono_add_ms(t0, 69000).ns);
	assert_ok(ping_echo_recv(&e, bytes_of(zero, 31), mono_add_ms(t0, 20000)));
	assert_ok(ping_echo_recv(&e, bytes_of(zero, 2), mono_add_ms(t0, 25000)));
	assert_int_equal(ping_echo_deadline(&e).ns, mono_add_ms(t0, 35000).ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_gives_its_time_wherever_it_is_cut),
		cmocka_unit_test(every_ping_is_another),
		cmocka_unit_test(whatever_is_not_the_echo_is_a_failure),
		cmocka_unit_test(only_so_many_blocks_are_owed),
		cmocka_unit_test(whatever_comes_goes_back_in_order),
		cmocka_unit_test(a_responder_waits_a_minute_and_ten_seconds_for_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
