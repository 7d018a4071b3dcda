/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/p2ptest.h"

#include <string.h>

#include "proto/libp2p/perf.h"

static const uint8_t zeros[100000];

static mono_t at_ms(int64_t ms)
{
	return mono_add_ms(t0, ms);
}

/* Takes all that the server owes, at most `step` at once; returns how much it was. */
static uint64_t drain(struct perf_server *s, size_t step, mono_t now)
{
	uint64_t all = 0;

	while (perf_server_owed(s).len) {
		size_t n = bytes_head(perf_server_owed(s), step).len;

		perf_server_sent(s, n, now);
		all += n;
	}
	return all;
}

static void a_request_may_be_cut_anywhere(void **state)
{
	uint8_t said[PERF_HEAD_BYTES + 20] = {0, 0, 0, 0, 0, 1, 0x86, 0xa0}; /* 100,000 back, 20 up */

	(void)state;
	for (size_t cut = 0; cut <= sizeof(said); cut++) {
		struct perf_server s;

		perf_server_init(&s, t0);
		assert_ok(perf_server_recv(&s, bytes_of(said, cut), t0));
		assert_ok(perf_server_recv(&s, bytes_of(said + cut, sizeof(said) - cut), t0));
		/* Not a byte before the client has finished. */
		assert_int_equal(perf_server_owed(&s).len, 0);
		assert_false(perf_server_is_done(&s));
		assert_ok(perf_server_end(&s, t0));
		assert_false(perf_server_is_done(&s));
		assert_int_equal(s.got, 20);
		assert_int_equal(drain(&s, 777 + cut, t0), 100000);
		assert_true(perf_server_is_done(&s));
	}
}

static void nothing_wanted_is_answered_with_the_end(void **state)
{
	struct perf_server s;

	(void)state;
	perf_server_init(&s, t0);
	assert_ok(perf_server_recv(&s, bytes_of(zeros, PERF_HEAD_BYTES), t0));
	assert_false(perf_server_is_done(&s));
	assert_ok(perf_server_end(&s, t0));
	assert_true(perf_server_is_done(&s));
}

static void an_end_within_the_request_is_an_error(void **state)
{
	(void)state;
	for (size_t len = 0; len < PERF_HEAD_BYTES; len++) {
		struct perf_server s;

		perf_server_init(&s, t0);
		assert_ok(perf_server_recv(&s, bytes_of(zeros, len), t0));
		assert_err(perf_server_end(&s, t0), P2P_ERR_TRUNCATED);
		assert_int_equal(perf_server_owed(&s).len, 0);
		assert_false(perf_server_is_done(&s));
	}
}

static void nobody_gets_or_sends_more_than_the_maximum(void **state)
{
	static const uint8_t just[PERF_HEAD_BYTES] = {0, 0, 0, 0x10}; /* 2^36 */
	static const uint8_t more[PERF_HEAD_BYTES] = {0, 0, 0, 0x10, 0, 0, 0, 1};
	static const uint8_t most[PERF_HEAD_BYTES] = {255, 255, 255, 255, 255, 255, 255, 255};
	struct perf_server s;

	(void)state;
	perf_server_init(&s, t0);
	assert_ok(perf_server_recv(&s, bytes_of(just, PERF_HEAD_BYTES), t0));
	perf_server_init(&s, t0);
	assert_ok(perf_server_recv(&s, bytes_of(more, 7), t0));
	assert_err(perf_server_recv(&s, bytes_of(more + 7, 1), t0), P2P_ERR_TOO_LARGE);
	perf_server_init(&s, t0);
	assert_err(perf_server_recv(&s, bytes_of(most, PERF_HEAD_BYTES), t0), P2P_ERR_TOO_LARGE);
	perf_server_init(&s, t0);
	assert_ok(perf_server_recv(&s, bytes_of(zeros, PERF_HEAD_BYTES), t0));
	s.got = PERF_BYTES_MAX - 5; /* sending them would take minutes */
	assert_ok(perf_server_recv(&s, bytes_of(zeros, 5), t0));
	assert_err(perf_server_recv(&s, bytes_of(zeros, 1), t0), P2P_ERR_TOO_LARGE);
}

static void a_server_waits_ten_seconds_for_each_byte_and_five_minutes_in_all(void **state)
{
	struct perf_server s;
	int64_t ms;

	(void)state;
	perf_server_init(&s, t0);
	assert_int_equal(perf_server_deadline(&s).ns, at_ms(10000).ns);
	assert_ok(perf_server_recv(&s, bytes_of(zeros, 7), at_ms(9000)));
	assert_int_equal(perf_server_deadline(&s).ns, at_ms(19000).ns);
	assert_ok(perf_server_recv(&s, BYTES_NONE, at_ms(9500)));
	assert_int_equal(perf_server_deadline(&s).ns, at_ms(19000).ns);
	assert_ok(perf_server_recv(&s, BYTES_LIT("\xff"), at_ms(10000)));
	assert_ok(perf_server_end(&s, at_ms(12000)));
	assert_int_equal(perf_server_deadline(&s).ns, at_ms(22000).ns);
	perf_server_sent(&s, 0, at_ms(13000)); /* no room is no progress */
	assert_int_equal(perf_server_deadline(&s).ns, at_ms(22000).ns);
	for (ms = 20000; ms < 300000; ms += 8000)
		perf_server_sent(&s, 1, at_ms(ms));
	assert_int_equal(perf_server_deadline(&s).ns, at_ms(300000).ns);
}

/* Everything the client writes goes to the server in pieces of `step`, and back. */
static void exchange(uint64_t up, uint64_t down, size_t step)
{
	struct perf_server s;
	struct perf_client c;
	struct perf_result r;

	perf_server_init(&s, t0);
	perf_client_init(&c, up, down, t0);
	while (!perf_client_is_done(&c)) {
		struct bytes piece = bytes_head(perf_client_owed(&c), step);

		assert_true(piece.len > 0);
		assert_ok(perf_server_recv(&s, piece, t0));
		perf_client_sent(&c, piece.len, t0);
	}
	assert_int_equal(perf_client_owed(&c).len, 0);
	assert_ok(perf_server_end(&s, t0));
	assert_int_equal(s.got, up);
	while (!perf_server_is_done(&s)) {
		struct bytes piece = bytes_head(perf_server_owed(&s), step);

		assert_true(piece.len > 0);
		assert_ok(perf_client_recv(&c, piece, at_ms(300)));
		perf_server_sent(&s, piece.len, t0);
	}
	assert_ok(perf_client_end(&c, at_ms(1000), &r));
	assert_int_equal(r.up_bytes, up);
	assert_int_equal(r.down_bytes, down);
	assert_int_equal(perf_up_ns(&r), (down ? 300 : 1000) * NS_PER_MS);
	assert_int_equal(perf_down_ns(&r), (down ? 700 : 0) * NS_PER_MS);
}

static void client_and_server_understand_each_other(void **state)
{
	static const size_t steps[] = {1, 5, 8, 1000, 16384, 100000};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		exchange(0, 0, steps[i]);
		exchange(1, 1, steps[i]);
		exchange(100001, 0, steps[i]);
		exchange(0, 100001, steps[i]);
		exchange(40000, 70000, steps[i]);
	}
}

static void a_request_is_written_as_the_vectors_say(void **state)
{
	struct perf_client c;

	(void)state;
	perf_client_init(&c, 0, 1024 * 1024, t0);
	assert_bytes(perf_client_owed(&c), bytes_of("\0\0\0\0\0\x10\0\0", 8));
	perf_client_init(&c, 7, 0, t0);
	assert_bytes(perf_client_owed(&c), bytes_of(zeros, 8));
}

static void begin(struct perf_client *c, uint64_t down)
{
	perf_client_init(c, 0, down, t0);
	perf_client_sent(c, PERF_HEAD_BYTES, t0);
}

static void a_client_counts_what_comes_back(void **state)
{
	struct perf_client c;
	struct perf_result r;

	(void)state;
	begin(&c, 10);
	assert_err(perf_client_recv(&c, bytes_of(zeros, 11), t0), P2P_ERR_PROTOCOL);
	begin(&c, 10);
	assert_ok(perf_client_recv(&c, bytes_of(zeros, 10), t0));
	assert_err(perf_client_recv(&c, bytes_of(zeros, 1), t0), P2P_ERR_PROTOCOL);
	begin(&c, 10);
	assert_ok(perf_client_recv(&c, bytes_of(zeros, 9), t0));
	assert_err(perf_client_end(&c, t0, &r), P2P_ERR_TRUNCATED);
}

static void an_answer_before_the_question_is_over_is_an_error(void **state)
{
	struct perf_client c;
	struct perf_result r;

	(void)state;
	perf_client_init(&c, 5, 5, t0);
	assert_err(perf_client_recv(&c, bytes_of(zeros, 5), t0), P2P_ERR_PROTOCOL);
	perf_client_sent(&c, PERF_HEAD_BYTES, t0);
	assert_err(perf_client_recv(&c, bytes_of(zeros, 5), t0), P2P_ERR_PROTOCOL);
	assert_err(perf_client_end(&c, t0, &r), P2P_ERR_TRUNCATED);
	perf_client_init(&c, 5, 0, t0);
	perf_client_sent(&c, PERF_HEAD_BYTES, t0);
	assert_err(perf_client_end(&c, t0, &r), P2P_ERR_TRUNCATED);
}

static void a_client_waits_as_long_as_a_server(void **state)
{
	struct perf_client c;

	(void)state;
	perf_client_init(&c, 100, 100, t0);
	assert_int_equal(perf_client_deadline(&c).ns, at_ms(10000).ns);
	perf_client_sent(&c, PERF_HEAD_BYTES, at_ms(1000));
	perf_client_sent(&c, 0, at_ms(2000));
	assert_int_equal(perf_client_deadline(&c).ns, at_ms(11000).ns);
	perf_client_sent(&c, 100, at_ms(3000));
	assert_ok(perf_client_recv(&c, bytes_of(zeros, 50), at_ms(4000)));
	assert_int_equal(perf_client_deadline(&c).ns, at_ms(14000).ns);
	assert_ok(perf_client_recv(&c, bytes_of(zeros, 50), at_ms(299000)));
	assert_int_equal(perf_client_deadline(&c).ns, at_ms(300000).ns);
}

/* One stream's result, with times in ms. */
static struct perf_result measured(uint64_t up, uint64_t down, int begun, int turned, int ended)
{
	return (struct perf_result){1, up, down, {at_ms(begun), at_ms(turned)}, {at_ms(turned), at_ms(ended)}};
}

static void results_of_several_streams_reach_from_the_first_to_the_last(void **state)
{
	/* Begun, turned and ended first are three different ones, and last, too. */
	struct perf_result one[] = {measured(10, 1, 20, 310, 700), measured(20, 2, 10, 320, 500),
		measured(30, 3, 30, 300, 600)};
	struct perf_result all = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		perf_result_add(&all, &one[i]);
	assert_int_equal(all.streams, 3);
	assert_int_equal(all.up_bytes, 60);
	assert_int_equal(all.down_bytes, 6);
	assert_int_equal(perf_up_ns(&all), 310 * NS_PER_MS);
	assert_int_equal(perf_down_ns(&all), 400 * NS_PER_MS);
}

static void streams_that_want_nothing_do_not_count_for_the_time_down(void **state)
{
	struct perf_result one[] = {measured(1, 0, 0, 100, 100), measured(1, 5, 0, 200, 250),
		measured(1, 0, 0, 900, 900)};
	struct perf_result all = {0};

	(void)state;
	perf_result_add(&all, &one[0]);
	assert_int_equal(perf_down_ns(&all), 0);
	perf_result_add(&all, &one[1]);
	perf_result_add(&all, &one[2]);
	assert_int_equal(perf_up_ns(&all), 900 * NS_PER_MS);
	assert_int_equal(perf_down_ns(&all), 50 * NS_PER_MS);
}

static void shares_differ_by_a_byte_and_make_up_the_whole(void **state)
{
	static const uint64_t wholes[] = {0, 1, 7, 8, 100001, PERF_BYTES_MAX};

	(void)state;
	for (size_t w = 0; w < sizeof(wholes) / sizeof(*wholes); w++) {
		for (unsigned count = 1; count <= PERF_STREAMS_MAX; count++) {
			uint64_t sum = 0;

			for (unsigned i = 0; i < count; i++) {
				sum += perf_share(wholes[w], i, count);
				assert_true(perf_share(wholes[w], 0, count) - perf_share(wholes[w], i, count) <= 1);
			}
			assert_int_equal(sum, wholes[w]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_may_be_cut_anywhere),
		cmocka_unit_test(nothing_wanted_is_answered_with_the_end),
		cmocka_unit_test(an_end_within_the_request_is_an_error),
		cmocka_unit_test(nobody_gets_or_sends_more_than_the_maximum),
		cmocka_unit_test(a_server_waits_ten_seconds_for_each_byte_and_five_minutes_in_all),
		cmocka_unit_test(client_and_server_understand_each_other),
		cmocka_unit_test(a_request_is_written_as_the_vectors_say),
		cmocka_unit_test(a_client_counts_what_comes_back),
		cmocka_unit_test(an_answer_before_the_question_is_over_is_an_error),
		cmocka_unit_test(a_client_waits_as_long_as_a_server),
		cmocka_unit_test(results_of_several_streams_reach_from_the_first_to_the_last),
		cmocka_unit_test(streams_that_want_nothing_do_not_count_for_the_time_down),
		cmocka_unit_test(shares_differ_by_a_byte_and_make_up_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
