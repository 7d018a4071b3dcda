/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, queues, turns, and what is kept for slow consumers. */
#include "tests/lib/p2ptest.h"

#include "tests/lib/yamux_wire.h"

#define KIB 1024
#define WINDOW YAMUX_INITIAL_WINDOW

static uint8_t bulk[1024 * 1024];

/* Sends up to `budget` and returns the stream and length of the first frame. */
static struct yamux_frame first_sent(struct yamux_wire *w, size_t budget)
{
	struct yamux_frame f = {0};

	buf_reset(&w->from);
	assert_ok(yamux_send(&w->y, &w->from, budget, w->now));
	assert_true(w->from.len <= budget);
	if (w->from.len)
		yamux_frame_read(w->from.data, &f);
	return f;
}

static void data_is_a_slice_of_what_was_fed_in(void **state)
{
	static const uint8_t wire[] = "\0\0\0\1\0\0\0\1\0\0\0\3abc";
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_recv(&w.y, bytes_of(wire, 15), t0));
	(void)yw_expect(&w, YAMUX_OPENED, 1);
	assert_ptr_equal(yw_expect(&w, YAMUX_DATA, 1).data.at, wire + 12);
	assert_ptr_equal(yamux_unread(&w.y, 1).at, wire + 12);
	assert_ok(yamux_consumed(&w.y, 1, 1));
	assert_ptr_equal(yamux_unread(&w.y, 1).at, wire + 13);
	assert_ok(yamux_consumed(&w.y, 1, 2));
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void what_is_not_consumed_stands_in_front_of_the_next_data(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_open(&w, 3);
	yw_data(&w, 0, 1, BYTES_LIT("abc"));
	yw_data(&w, 0, 3, BYTES_LIT("xyz"));
	yw_data(&w, 0, 1, BYTES_LIT("def"));
	yw_feed(&w);
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("abc"));
	assert_ok(yamux_consumed(&w.y, 1, 1));
	assert_bytes(yw_expect(&w, YAMUX_DATA, 3).data, BYTES_LIT("xyz"));
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("bcdef"));
	assert_ok(yamux_consumed(&w.y, 1, 4));
	yw_expect_nothing(&w);
	assert_bytes(yamux_unread(&w.y, 1), BYTES_LIT("f"));
	assert_bytes(yamux_unread(&w.y, 3), BYTES_LIT("xyz"));
	yw_data(&w, YAMUX_FLAG_FIN, 1, BYTES_LIT("g"));
	yw_feed(&w);
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("fg"));
	(void)yw_expect(&w, YAMUX_FIN, 1);
	yw_expect_nothing(&w);
	/* Both ends finished: it stays until the last byte is consumed. */
	assert_ok(yamux_finish(&w.y, 1));
	(void)yw_sent(&w);
	assert_bytes(yamux_unread(&w.y, 1), BYTES_LIT("fg"));
	assert_ok(yamux_consumed(&w.y, 1, 2));
	assert_err(yamux_consumed(&w.y, 1, 0), P2P_ERR_NOT_FOUND);
	yw_deinit(&w);
}

static void a_stream_may_be_reset_while_its_data_is_shown(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_frame(&w, YAMUX_FRAME_DATA, YAMUX_FLAG_SYN | YAMUX_FLAG_FIN, 1, 6);
	assert_ok(buf_put(&w.to, BYTES_LIT("abc")));
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_OPENED, 1);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	assert_ok(yamux_reset(&w.y, 1, 0));
	yw_expect_nothing(&w);
	/* The rest of its body is drained, and its FIN is not told. */
	assert_ok(buf_put(&w.to, BYTES_LIT("def")));
	yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_SYN, 3, 0);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_OPENED, 3);
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void credit_goes_back_at_half_a_window_and_by_consumption(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	yw_open(&w, 1);
	yw_bulk(&w, 1, WINDOW);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	yw_expect_nothing(&w);
	yw_expect_sent(&w, "");
	assert_ok(yamux_consumed(&w.y, 1, WINDOW / 2 - 1));
	yw_expect_sent(&w, "");
	assert_ok(yamux_consumed(&w.y, 1, 1));
	/* More that is consumed before the update leaves rides along: 128 KiB + 5. */
	assert_ok(yamux_consumed(&w.y, 1, 5));
	yw_expect_sent(&w, "000100000000000100020005");
	assert_ok(yamux_consumed(&w.y, 1, WINDOW / 2 - 6));
	yw_expect_sent(&w, "");
	yw_deinit(&w);
}

static void credit_that_was_given_back_can_be_used_and_no_more(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	yw_open(&w, 1);
	for (int i = 0; i < 10; i++) {
		yw_bulk(&w, 1, WINDOW / 2);
		assert_int_equal(yw_run(&w, YAMUX_DATA), 1);
		yw_expect_sent(&w, "000100000000000100020000");
	}
	yw_bulk(&w, 1, WINDOW);
	yw_bulk(&w, 1, 1);
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL);
	yw_deinit(&w);
}

static void no_credit_is_given_behind_the_end(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	yw_open(&w, 1);
	yw_bulk(&w, 1, WINDOW);
	yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_FIN, 1, 0);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	(void)yw_expect(&w, YAMUX_FIN, 1);
	assert_ok(yamux_consumed(&w.y, 1, WINDOW));
	yw_expect_nothing(&w);
	yw_expect_sent(&w, "");
	yw_deinit(&w);
}

/* Answers the ping that the session sends for itself, `rtt_ms` later. */
static void let_it_measure(struct yamux_wire *w, int64_t rtt_ms)
{
	struct yamux_frame f;
	struct bytes sent = yw_sent(w);

	yamux_frame_read(sent.at, &f);
	assert_int_equal(f.type, YAMUX_FRAME_PING);
	w->now = mono_add_ms(w->now, rtt_ms);
	yw_frame(w, YAMUX_FRAME_PING, YAMUX_FLAG_ACK, 0, f.length);
	assert_int_equal(yw_run(w, YAMUX_PONG), 0); /* its own: not told */
}

/* Uses up `len` bytes `ms` after the last credit; returns the credit that comes back. */
static uint32_t use(struct yamux_wire *w, uint32_t len, int64_t ms)
{
	struct yamux_frame f;
	struct bytes sent;

	w->now = mono_add_ms(w->now, ms);
	yw_bulk(w, 1, len);
	assert_int_equal(yw_run(w, YAMUX_DATA), 1);
	sent = yw_sent(w);
	if (!sent.len)
		return 0;
	yamux_frame_read(sent.at + sent.len - YAMUX_HEADER_BYTES, &f);
	assert_int_equal(f.type, YAMUX_FRAME_WINDOW);
	return f.length;
}

static void a_window_doubles_while_half_of_it_is_used_within_a_round_trip(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_bulk(&w, 1, WINDOW / 2);
	assert_int_equal(yw_run(&w, YAMUX_DATA), 1);
	let_it_measure(&w, 50);
	assert_int_equal(use(&w, WINDOW / 2, 0), WINDOW / 2);           /* 50 ms since the last */
	assert_int_equal(use(&w, WINDOW / 2, 49), WINDOW / 2 + WINDOW); /* 512 KiB from here */
	assert_int_equal(use(&w, WINDOW, 50), WINDOW);                  /* too slow: stays */
	assert_int_equal(use(&w, WINDOW, 10), WINDOW + 2 * WINDOW);     /* 1 MiB */
	assert_int_equal(use(&w, 2 * WINDOW, 10), 2 * WINDOW);          /* the limit */
	assert_int_equal(w.y.grown_bytes, 3 * WINDOW);
	assert_ok(yamux_reset(&w.y, 1, 0));
	assert_int_equal(w.y.grown_bytes, 0);
	yw_deinit(&w);
}

static void windows_grow_within_a_budget_and_never_for_guests(void **state)
{
	struct yamux_limits tight = YAMUX_LIMITS_MEMBER;
	struct yamux_wire w;

	(void)state;
	tight.grown_bytes_max = WINDOW;
	yw_init(&w, tight);
	yw_open(&w, 1);
	yw_bulk(&w, 1, WINDOW / 2);
	assert_int_equal(yw_run(&w, YAMUX_DATA), 1);
	let_it_measure(&w, 50);
	assert_int_equal(use(&w, WINDOW / 2, 0), WINDOW / 2);
	assert_int_equal(use(&w, WINDOW / 2, 1), WINDOW / 2 + WINDOW);
	assert_int_equal(use(&w, WINDOW, 1), WINDOW);
	yw_deinit(&w);

	yw_init(&w, YAMUX_LIMITS_GUEST);
	yw_open(&w, 1);
	assert_int_equal(use(&w, WINDOW / 2, 0), WINDOW / 2);
	yw_expect_sent(&w, ""); /* it does not even measure */
	yw_deinit(&w);
}

static void a_write_takes_what_credit_allows_and_writable_follows(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	assert_int_equal(yamux_room(&w.y, 1), WINDOW);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, WINDOW + 1)), WINDOW);
	assert_int_equal(yamux_write(&w.y, 1, BYTES_LIT("x")), 0);
	assert_int_equal(yw_sent(&w).len, WINDOW + 5 * YAMUX_HEADER_BYTES);
	yw_expect_nothing(&w);
	yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, 10);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_WRITABLE, 1);
	yw_expect_nothing(&w);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, 100)), 10);
	yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_ACK, 1, 10);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_WRITABLE, 1);
	/* Nothing is waited for any more: no event. */
	yw_expect_nothing(&w);
	yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, 10);
	yw_feed(&w);
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void the_queue_is_bounded_whatever_credit_the_peer_gives(void **state)
{
	struct yamux_wire w;
	struct yamux_usage usage;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	yw_open(&w, 1);
	yw_open(&w, 3);
	/* more than 16 MiB of credit buys nothing. */
	yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, 1u << 30);
	yw_feed(&w);
	yw_expect_nothing(&w);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, sizeof(bulk))), 192 * KIB);
	/* The last quarter is for small messages of others. */
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, sizeof(bulk))), 0);
	assert_int_equal(yamux_write(&w.y, 3, bytes_of(bulk, sizeof(bulk))), YAMUX_SMALL_BYTES);
	assert_int_equal(yamux_write(&w.y, 3, BYTES_LIT("x")), 0);
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.queued_bytes, 194 * KIB);
	yw_expect_nothing(&w);
	/* Half of it has to leave before the streams are asked for more. */
	(void)first_sent(&w, 64 * KIB);
	yw_expect_nothing(&w);
	(void)first_sent(&w, 4 * KIB);
	(void)yw_expect(&w, YAMUX_WRITABLE, 1);
	(void)yw_expect(&w, YAMUX_WRITABLE, 3);
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void nothing_is_queued_behind_finish(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, WINDOW + 1)), WINDOW);
	assert_ok(yamux_finish(&w.y, 1));
	assert_ok(yamux_finish(&w.y, 1));
	assert_err(yamux_write(&w.y, 1, BYTES_LIT("x")), P2P_ERR_CLOSED);
	assert_int_equal(yamux_room(&w.y, 1), 0);
	assert_int_equal(yw_count_sent(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_FIN), 1);
	yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, 10);
	yw_feed(&w);
	yw_expect_nothing(&w); /* no WRITABLE either */
	yw_deinit(&w);
}

static void streams_take_turns(void **state)
{
	static const uint32_t turns[] = {1, 3, 5, 1, 3, 5};
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	for (uint32_t id = 1; id <= 5; id += 2)
		yw_open(&w, id);
	for (uint32_t id = 1; id <= 5; id += 2)
		assert_int_equal(yamux_write(&w.y, id, bytes_of(bulk, 100 * KIB)), 100 * KIB);
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		struct yamux_frame f = first_sent(&w, YAMUX_TURN_BYTES + YAMUX_HEADER_BYTES);

		assert_int_equal(f.stream, turns[i]);
		assert_int_equal(f.length, YAMUX_TURN_BYTES);
	}
	yw_deinit(&w);
}

static void a_budget_is_filled_and_never_passed(void **state)
{
	(void)state;
	for (size_t budget = 1; budget < 3000; budget += 7) {
		struct yamux_wire w;
		size_t sent = 0, calls = 0;

		yw_init(&w, YAMUX_LIMITS_MEMBER);
		yw_open(&w, 1);
		yw_open(&w, 3);
		assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, 5000)), 5000);
		assert_int_equal(yamux_write(&w.y, 3, bytes_of(bulk, 700)), 700);
		while (yamux_has_output(&w.y) && calls < 10000) {
			(void)first_sent(&w, budget);
			sent += w.from.len;
			calls++;
			if (!w.from.len)
				break;
		}
		if (budget <= YAMUX_HEADER_BYTES) {
			assert_int_equal(sent, 0); /* no room for a frame that says anything */
		} else {
			assert_false(yamux_has_output(&w.y));
			assert_true(sent >= 5700 + 2 * YAMUX_HEADER_BYTES);
		}
		yw_deinit(&w);
	}
}

static void no_frame_is_cut_to_crumbs_to_fill_a_budget(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, 80 * KIB)), 80 * KIB);
	(void)first_sent(&w, YAMUX_HEADER_BYTES + YAMUX_DATA_BYTES_MAX + YAMUX_HEADER_BYTES + 1023);
	assert_int_equal(w.from.len, YAMUX_HEADER_BYTES + YAMUX_DATA_BYTES_MAX);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, 80 * KIB)), 80 * KIB);
	(void)first_sent(&w, YAMUX_HEADER_BYTES + YAMUX_DATA_BYTES_MAX + YAMUX_HEADER_BYTES + 1024);
	assert_int_equal(w.from.len, 64 * KIB + YAMUX_HEADER_BYTES + 1024);
	/* A budget that is small from the start is used all the same. */
	assert_int_equal(first_sent(&w, YAMUX_HEADER_BYTES + 1).length, 1);
	assert_ok(yamux_send(&w.y, &w.from, YAMUX_HEADER_BYTES + 1, t0)); /* behind other bytes too */
	assert_int_equal(w.from.len, 2 * (YAMUX_HEADER_BYTES + 1));
	yw_deinit(&w);
}

static void the_maximum_of_the_output_buffer_is_respected(void **state)
{
	struct buf out = BUF_WITH_MAX(1000);
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(bulk, 5000)), 5000);
	assert_ok(yamux_send(&w.y, &out, SIZE_MAX, t0));
	assert_int_equal(out.len, 1000);
	assert_ok(yamux_send(&w.y, &out, SIZE_MAX, t0));
	assert_int_equal(out.len, 1000);
	buf_deinit(&out);
	yw_deinit(&w);
}

static void many_streams_are_found_again(void **state)
{
	struct yamux_limits many = YAMUX_LIMITS_MEMBER;
	struct yamux_wire w;
	uint32_t id;

	(void)state;
	many.inbound_max = YAMUX_STREAMS_MAX;
	many.outbound_max = YAMUX_STREAMS_MAX;
	yw_init(&w, many);
	for (uint32_t i = 0; i < YAMUX_STREAMS_MAX; i++) {
		w.now = mono_add_ms(w.now, 20);
		yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_SYN, i * 2 * 1024 + 1, 0);
		assert_int_equal(yw_run(&w, YAMUX_OPENED), 1);
		assert_ok(yamux_open(&w.y, &id));
	}
	/* Every other one goes; the others are still there. */
	for (uint32_t i = 0; i < YAMUX_STREAMS_MAX; i += 2)
		assert_ok(yamux_reset(&w.y, i * 2 * 1024 + 1, 0));
	for (uint32_t i = 0; i < YAMUX_STREAMS_MAX; i++) {
		assert_int_equal(yamux_write(&w.y, i * 2 * 1024 + 1, BYTES_LIT("x")),
			i % 2 ? 1 : P2P_ERR_NOT_FOUND);
		assert_int_equal(yamux_write(&w.y, i * 2 + 2, BYTES_LIT("x")), 1);
	}
	yw_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_is_a_slice_of_what_was_fed_in),
		cmocka_unit_test(what_is_not_consumed_stands_in_front_of_the_next_data),
		cmocka_unit_test(a_stream_may_be_reset_while_its_data_is_shown),
		cmocka_unit_test(credit_goes_back_at_half_a_window_and_by_consumption),
		cmocka_unit_test(credit_that_was_given_back_can_be_used_and_no_more),
		cmocka_unit_test(no_credit_is_given_behind_the_end),
		cmocka_unit_test(a_window_doubles_while_half_of_it_is_used_within_a_round_trip),
		cmocka_unit_test(windows_grow_within_a_budget_and_never_for_guests),
		cmocka_unit_test(a_write_takes_what_credit_allows_and_writable_follows),
		cmocka_unit_test(the_queue_is_bounded_whatever_credit_the_peer_gives),
		cmocka_unit_test(nothing_is_queued_behind_finish),
		cmocka_unit_test(streams_take_turns),
		cmocka_unit_test(a_budget_is_filled_and_never_passed),
		cmocka_unit_test(no_frame_is_cut_to_crumbs_to_fill_a_budget),
		cmocka_unit_test(the_maximum_of_the_output_buffer_is_respected),
		cmocka_unit_test(many_streams_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
