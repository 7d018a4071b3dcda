/* SPDX-License-Identifier: Apache-2.0 */
/* What an idle connection costs (performance.md B-09), counted by the allocator. */
#include <malloc.h>

#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_pair.h"

#define CONNS 64

static struct quic_pair p;
static struct quic_conn *idle[2][CONNS];

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCATOR_IS_OURS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALLOCATOR_IS_OURS 0
#endif
#endif
#ifndef ALLOCATOR_IS_OURS
#define ALLOCATOR_IS_OURS 1
#endif

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

/* Makes connections over Ethernet that fall quiet, after a stream or before any. */
static void make_idle(bool with_stream)
{
	for (int i = 0; i < CONNS; i++) {
		quic_pair_open(&p);
		if (with_stream) {
			uint32_t s = quic_pair_say(&p, QUIC_D, BYTES_LIT("hello"));

			assert_ok(quic_finish(p.side[QUIC_D].conn, s));
		}
		quic_pair_pass(&p, 5000);
		for (int side = 0; side < 2; side++) {
			struct quic_info info;

			quic_info(p.side[side].conn, &info);
			assert_int_equal(info.inbound + info.outbound, 0);
			idle[side][i] = p.side[side].conn;
			p.side[side].conn = NULL;
		}
		quic_pair_forget(&p);
	}
}

static void measure_idle(bool with_stream, size_t max)
{
	struct quic_info info;
	size_t before, each;

	quic_pair_init(&p, 1); /* its path takes the largest datagrams */
	p.side[QUIC_L].echoes = true;
	quic_pair_open(&p);
	quic_pair_forget(&p);
	before = in_use();
	make_idle(with_stream);
	each = (in_use() - before) / (2 * CONNS);
	quic_info(idle[QUIC_L][0], &info);
	print_message("an idle connection owns %zu bytes %s stream; it says %zu\n", each,
		with_stream ? "after a" : "without any", info.memory);
	if (ALLOCATOR_IS_OURS) {
		assert_true(each <= max);
		assert_true(info.memory > each * 9 / 10 && info.memory < each * 11 / 10);
	}
	for (int i = 0; i < CONNS; i++) {
		quic_free(idle[QUIC_D][i]);
		quic_free(idle[QUIC_L][i]);
	}
	quic_pair_deinit(&p);
}

static void an_idle_connection_is_small(void **state)
{
	(void)state;
	measure_idle(false, 30 * 1024);
	/* With the first stream ngtcp2 sets aside room for several. */
	measure_idle(true, 36 * 1024);
}

/* 96 KiB before anybody is proven. */
static void a_handshake_under_way_is_small_enough(void **state)
{
	struct quic_info info;
	size_t before, each;

	(void)state;
	quic_pair_init(&p, 2);
	quic_pair_open(&p);
	quic_pair_forget(&p);
	before = in_use();
	quic_pair_dial(&p);
	quic_pair_pass(&p, 15);
	assert_non_null(p.side[QUIC_L].conn);
	each = (in_use() - before) / 2;
	quic_info(p.side[QUIC_L].conn, &info);
	print_message("a handshake owns %zu bytes; it says %zu\n", each, info.memory);
	if (ALLOCATOR_IS_OURS) {
		assert_true(each <= 96 * 1024);
		assert_true(info.memory > each * 7 / 10 && info.memory < each * 13 / 10);
	}
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_connection_is_small),
		cmocka_unit_test(a_handshake_under_way_is_small_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
