/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile peer must not achieve: every rule of tcp-stack.md 6.3, by number, and the rules
 * of reliability.md that a session carries out. */
#include "tests/lib/p2ptest.h"

#include <string.h>

#include "tests/lib/yamux_wire.h"

#define WINDOW YAMUX_INITIAL_WINDOW
#define SYN    YAMUX_FLAG_SYN

/* How many streams a peer opens and the session takes before it says no. */
static void open_streams(struct yamux_wire *w, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		yw_frame(w, YAMUX_FRAME_WINDOW, SYN, first + 2 * i, 0);
}

static void rule_1_data_beyond_the_window_is_fatal_before_it_is_kept(void **state)
{
	static const struct {
		unsigned flags;
		uint32_t len;
	} rounds[] = {{0, WINDOW + 1}, {SYN, WINDOW + 1}, {SYN, YAMUX_BODY_BYTES_MAX},
		{SYN, UINT32_MAX}, {0, UINT32_MAX}, {YAMUX_FLAG_RST, WINDOW + 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		struct yamux_wire w;
		struct yamux_event ev;

		yw_init(&w, YAMUX_LIMITS_MEMBER);
		if (!(rounds[i].flags & SYN))
			yw_open(&w, 1);
		yw_frame(&w, YAMUX_FRAME_DATA, rounds[i].flags, 1, rounds[i].len);
		yw_feed(&w);
		/* Nobody hears of the stream, nothing of the body is waited for. */
		assert_true(yamux_next(&w.y, &ev) && ev.kind == YAMUX_CLOSED);
		assert_int_equal(ev.why, YAMUX_WHY_PROTOCOL);
		assert_int_equal(yw_count_sent(&w, YAMUX_FRAME_GOAWAY, 0), 1);
		yw_deinit(&w);
	}
}

static void rule_1_the_window_counts_all_frames_together(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	for (int i = 0; i < 4; i++)
		yw_bulk(&w, 1, WINDOW / 4);
	yw_feed(&w);
	for (int i = 0; i < 4; i++)
		assert_int_equal(yw_expect(&w, YAMUX_DATA, 1).data.len, (i + 1) * WINDOW / 4);
	yw_expect_nothing(&w);
	yw_data(&w, 0, 1, BYTES_LIT("x"));
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL);
	yw_deinit(&w);
}

static void rule_2_credit_that_overflows_is_fatal(void **state)
{
	/* Extra credit at the opening; and what is queued still counts as credit. */
	static const struct {
		unsigned flags;
		uint32_t len;
		bool fatal;
	} rounds[] = {
		{0, UINT32_MAX - WINDOW, false},
		{0, UINT32_MAX - WINDOW + 1, true},
		{0, UINT32_MAX, true},
		{YAMUX_FLAG_ACK, UINT32_MAX, true},
		{YAMUX_FLAG_FIN, UINT32_MAX, true},
		{SYN, UINT32_MAX - WINDOW, false},
		{SYN, UINT32_MAX - WINDOW + 1, true},
		{YAMUX_FLAG_RST, UINT32_MAX, false}, /* no credit: a code */
		{SYN | YAMUX_FLAG_RST, UINT32_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		struct yamux_wire w;

		yw_init(&w, YAMUX_LIMITS_MEMBER);
		if (!(rounds[i].flags & SYN)) {
			yw_open(&w, 1);
			assert_int_equal(yamux_write(&w.y, 1, BYTES_LIT("queued")), 6);
		}
		yw_frame(&w, YAMUX_FRAME_WINDOW, rounds[i].flags, 1, rounds[i].len);
		assert_int_equal(yw_run(&w, YAMUX_CLOSED), rounds[i].fatal);
		yw_deinit(&w);
	}
}

static void rule_3_pongs_are_folded_into_the_latest(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	for (uint32_t i = 0; i < YAMUX_PINGS_BURST; i++)
		yw_frame(&w, YAMUX_FRAME_PING, SYN, 0, 0x100 + i);
	yw_feed(&w);
	yw_expect_nothing(&w);
	yw_expect_sent(&w, "00020002000000000000010f");
	yw_deinit(&w);
}

static void rule_3_window_updates_are_folded_per_stream(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	yw_open(&w, 1);
	yw_bulk(&w, 1, WINDOW);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	yw_expect_nothing(&w);
	for (int i = 0; i < WINDOW; i++)
		assert_ok(yamux_consumed(&w.y, 1, 1));
	yw_expect_sent(&w, "000100000000000100040000");
	yw_deinit(&w);
}

static void rule_3_refusals_that_are_not_read_end_the_session(void **state)
{
	struct yamux_wire w;
	struct yamux_usage usage;
	uint32_t next = 1;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	open_streams(&w, next, 4 + YAMUX_REPLIES_SOFT_MAX - 1);
	next += 2 * (4 + YAMUX_REPLIES_SOFT_MAX - 1);
	assert_int_equal(yw_run(&w, YAMUX_OPENED), 4);
	assert_false(yamux_is_stalled(&w.y));
	open_streams(&w, next, 1);
	next += 2;
	assert_int_equal(yw_run(&w, YAMUX_OPENED), 0);
	assert_true(yamux_is_stalled(&w.y));
	/* Whoever reads on all the same is still bounded. */
	for (int i = YAMUX_REPLIES_SOFT_MAX; i < YAMUX_REPLIES_MAX; i++, next += 2) {
		w.now = mono_add_ms(w.now, 20);
		open_streams(&w, next, 1);
		assert_int_equal(yw_run(&w, YAMUX_CLOSED), 0);
	}
	yamux_usage(&w.y, &usage);
	assert_true(usage.memory < 4096);
	w.now = mono_add_ms(w.now, 20);
	open_streams(&w, next, 1);
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_SLOW, YAMUX_GOAWAY_RATE);
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.memory, 0);
	yw_deinit(&w);
}

static void rule_3_refusals_that_are_read_go_on_for_ever(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	open_streams(&w, 1, 4);
	assert_int_equal(yw_run(&w, YAMUX_OPENED), 4);
	for (uint32_t i = 0; i < 1000; i++) {
		w.now = mono_add_ms(w.now, 20);
		open_streams(&w, 9 + 2 * i, 1);
		assert_int_equal(yw_run(&w, YAMUX_OPENED), 0);
		assert_int_equal(yw_count_sent(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_RST), 1);
	}
	yw_deinit(&w);
}

static void rule_4_streams_over_the_limit_are_reset_and_their_bodies_drained(void **state)
{
	struct yamux_wire w;
	struct yamux_usage usage;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	open_streams(&w, 1, 4);
	assert_int_equal(yw_run(&w, YAMUX_OPENED), 4);
	(void)yw_sent(&w);
	yw_data(&w, SYN, 9, BYTES_LIT("into the void"));
	yw_data(&w, 0, 9, BYTES_LIT("and more"));
	yw_data(&w, 0, 1, BYTES_LIT("goes on"));
	yw_feed(&w);
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("goes on"));
	yw_expect_nothing(&w);
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.inbound, 4);
	yw_expect_sent(&w, "000100080000000900001002");
	/* A place that becomes free can be taken. */
	assert_ok(yamux_reset(&w.y, 1, 0));
	open_streams(&w, 11, 1);
	assert_int_equal(yw_run(&w, YAMUX_OPENED), 1);
	yw_deinit(&w);
}

static void rule_4_members_get_64_streams(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	open_streams(&w, 1, 80);
	assert_int_equal(yw_run(&w, YAMUX_OPENED), 64);
	assert_int_equal(yw_count_sent(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_RST), 16);
	yw_deinit(&w);
}

/* The rapid reset: streams that are gone before they cost the limit of live ones. */
static void rule_4_and_r27_opening_and_resetting_ends_the_session(void **state)
{
	struct yamux_wire w;
	uint32_t id = 1;
	unsigned closed = 0;
	int rounds = 0;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	while (!closed && rounds++ < 1000) {
		w.now = mono_add_ms(w.now, 20);
		yw_frame(&w, YAMUX_FRAME_WINDOW, SYN, id, 0);
		yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_RST, id, 0);
		id += 2;
		closed = yw_run(&w, YAMUX_CLOSED);
		(void)yw_sent(&w);
	}
	assert_int_equal(rounds, 101); /* the first that is more than half of 200 */
	assert_int_equal(w.y.why, YAMUX_WHY_CHURN);
	yw_deinit(&w);

	/* In one frame it counts as well. */
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	for (id = 1; id < 2 * 150; id += 2) {
		w.now = mono_add_ms(w.now, 20);
		yw_frame(&w, YAMUX_FRAME_WINDOW, SYN | YAMUX_FLAG_RST, id, 0);
		yw_feed(&w);
		if (id < 2 * 100)
			yw_expect_nothing(&w);
		else
			break;
	}
	yw_expect_end(&w, YAMUX_WHY_CHURN, YAMUX_GOAWAY_RATE);
	yw_deinit(&w);
}

static void r27_a_hundred_opens_in_a_moment_are_enough(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	open_streams(&w, 1, YAMUX_OPENS_BURST);
	assert_int_equal(yw_run(&w, YAMUX_CLOSED), 0);
	open_streams(&w, 201, 1);
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_CHURN, YAMUX_GOAWAY_RATE);
	yw_deinit(&w);
}

static void r27_too_many_pings_end_the_session(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	for (uint32_t i = 0; i < YAMUX_PINGS_BURST + 1; i++)
		yw_frame(&w, YAMUX_FRAME_PING, SYN, 0, i);
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_CHURN, YAMUX_GOAWAY_RATE);
	yw_deinit(&w);
}

static void r27_too_many_window_updates_end_the_session(void **state)
{
	static const uint8_t payload[3 * YAMUX_BYTES_PER_UPDATE];
	struct yamux_wire w;
	uint32_t ours;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	assert_ok(yamux_open(&w.y, &ours));
	(void)yw_sent(&w);
	/* The first ACK is free, and what we deliver earns one each kilobyte. */
	yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_ACK, ours, 0);
	for (int i = 0; i < YAMUX_UPDATES_BURST; i++)
		yw_frame(&w, YAMUX_FRAME_WINDOW, i % 2 ? YAMUX_FLAG_ACK : 0, i % 2 ? ours : 1, 0);
	assert_int_equal(yw_run(&w, YAMUX_CLOSED), 0);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(payload, sizeof(payload))), sizeof(payload));
	(void)yw_sent(&w);
	for (int i = 0; i < 3; i++)
		yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, 1);
	assert_int_equal(yw_run(&w, YAMUX_CLOSED), 0);
	yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, 1);
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_CHURN, YAMUX_GOAWAY_RATE);
	yw_deinit(&w);
}

static void frames_that_change_nothing_are_counted(void **state)
{
	static const struct yamux_frame idle[] = {
		{.type = YAMUX_FRAME_DATA, .stream = 1},
		{.type = YAMUX_FRAME_DATA, .stream = 77},
		{.type = YAMUX_FRAME_WINDOW, .stream = 77, .length = 1},
		{.type = YAMUX_FRAME_WINDOW, .stream = 77, .flags = YAMUX_FLAG_RST},
		{.type = YAMUX_FRAME_WINDOW, .stream = 3, .flags = YAMUX_FLAG_FIN},
		{.type = YAMUX_FRAME_PING, .flags = YAMUX_FLAG_ACK},
		{.type = YAMUX_FRAME_PING},
		{.type = YAMUX_FRAME_GOAWAY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		struct yamux_wire w;

		yw_init(&w, YAMUX_LIMITS_MEMBER);
		yw_open(&w, 1);
		yw_open(&w, 3);
		yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_FIN, 3, 0);
		yw_frame(&w, YAMUX_FRAME_GOAWAY, 0, 0, 0);
		assert_int_equal(yw_run(&w, YAMUX_CLOSED), 0);
		for (int k = 0; k < YAMUX_IDLE_FRAMES_BURST; k++)
			yw_frame(&w, idle[i].type, idle[i].flags, idle[i].stream, idle[i].length);
		assert_int_equal(yw_run(&w, YAMUX_CLOSED), 0);
		yw_frame(&w, idle[i].type, idle[i].flags, idle[i].stream, idle[i].length);
		yw_feed(&w);
		yw_expect_end(&w, YAMUX_WHY_CHURN, YAMUX_GOAWAY_RATE);
		yw_deinit(&w);
	}
}

static void rule_5_memory_comes_with_data_and_not_with_streams(void **state)
{
	struct yamux_wire w;
	struct yamux_usage usage;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	open_streams(&w, 1, 64);
	assert_int_equal(yw_run(&w, YAMUX_OPENED), 64);
	yamux_usage(&w.y, &usage);
	assert_true(usage.memory <= 64 * 256 + 256 * sizeof(void *));
	/* A header that announces 256 KiB does not make it grow either. */
	yw_frame(&w, YAMUX_FRAME_DATA, 0, 1, WINDOW);
	yw_feed(&w);
	yw_expect_nothing(&w);
	yamux_usage(&w.y, &usage);
	assert_true(usage.memory <= 64 * 256 + 256 * sizeof(void *));
	yw_deinit(&w);
}

static void rule_5_unread_bytes_are_bounded_over_all_streams(void **state)
{
	struct yamux_wire w;
	struct yamux_usage usage;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	/* Four windows fill 1 MiB; the fifth stream's first byte is one too many. */
	for (uint32_t id = 1; id <= 9; id += 2)
		yw_open(&w, id);
	for (uint32_t id = 1; id <= 7; id += 2) {
		yw_bulk(&w, id, WINDOW);
		yw_feed(&w);
		(void)yw_expect(&w, YAMUX_DATA, id);
		yw_expect_nothing(&w);
	}
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.unread_bytes, 4 * WINDOW);
	/* It is no crime if it is consumed at once. */
	yw_data(&w, 0, 9, BYTES_LIT("ok"));
	assert_int_equal(yw_run(&w, YAMUX_DATA), 1);
	yw_data(&w, 0, 9, BYTES_LIT("x"));
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_DATA, 9);
	assert_int_equal(yw_expect(&w, YAMUX_RESET, 9).code, YAMUX_RESET_LIMIT);
	yw_expect_nothing(&w);
	yw_expect_sent(&w, "000100080000000900001002");
	/* The others live. */
	assert_int_equal(yamux_unread(&w.y, 7).len, WINDOW);
	yw_deinit(&w);
}

static void rule_5_a_stream_that_adds_to_its_unread_bytes_is_bounded_too(void **state)
{
	struct yamux_limits tight = YAMUX_LIMITS_GUEST;
	struct yamux_wire w;

	(void)state;
	tight.unread_bytes_max = 10;
	yw_init(&w, tight);
	yw_open(&w, 1);
	yw_data(&w, 0, 1, BYTES_LIT("12345"));
	yw_data(&w, YAMUX_FLAG_FIN, 1, BYTES_LIT("67890!"));
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	assert_int_equal(yw_expect(&w, YAMUX_RESET, 1).code, YAMUX_RESET_LIMIT);
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void rule_6_an_ignored_body_is_drained_and_never_kept(void **state)
{
	static const uint8_t piece[64 * 1024];
	struct yamux_wire w;
	struct yamux_usage usage;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_frame(&w, YAMUX_FRAME_DATA, 0, 77, YAMUX_BODY_BYTES_MAX);
	yw_feed(&w);
	yw_expect_nothing(&w);
	for (size_t done = 0; done < YAMUX_BODY_BYTES_MAX; done += sizeof(piece)) {
		assert_ok(yamux_recv(&w.y, bytes_of(piece, sizeof(piece)), t0));
		yw_expect_nothing(&w);
	}
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.memory, 0);
	/* Exactly that long: the next byte is a header again. */
	yw_open(&w, 1);
	yw_frame(&w, YAMUX_FRAME_DATA, 0, 77, YAMUX_BODY_BYTES_MAX + 1);
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL);
	yw_deinit(&w);
}

static void rule_7_a_bulk_stream_starves_neither_pings_nor_others(void **state)
{
	static const uint8_t payload[WINDOW];
	struct yamux_wire w;
	struct yamux_frame f;
	struct buf out = BUF_INIT;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_open(&w, 3);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(payload, WINDOW)), WINDOW);
	assert_ok(yamux_send(&w.y, &out, WINDOW, t0));
	/* No frame of data is longer than 64 KiB. */
	yamux_frame_read(out.data, &f);
	assert_int_equal(f.length, YAMUX_DATA_BYTES_MAX);
	/* What came later and is small leaves within one turn; answers leave before everything. */
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(payload, WINDOW)), 0);
	yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, WINDOW);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_WRITABLE, 1);
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(payload, WINDOW)), WINDOW);
	assert_int_equal(yamux_write(&w.y, 3, BYTES_LIT("beat")), 4);
	yw_expect_nothing(&w);
	yw_frame(&w, YAMUX_FRAME_PING, SYN, 0, 7);
	yw_feed(&w);
	yw_expect_nothing(&w);
	assert_ok(yamux_ping(&w.y));
	buf_reset(&out);
	assert_ok(yamux_send(&w.y, &out, 32 * 1024, t0));
	yamux_frame_read(out.data, &f);
	assert_int_equal(f.type, YAMUX_FRAME_PING);
	assert_int_equal(f.flags, YAMUX_FLAG_ACK);
	yamux_frame_read(out.data + 12, &f);
	assert_int_equal(f.type, YAMUX_FRAME_PING);
	assert_int_equal(f.flags, SYN);
	yamux_frame_read(out.data + 24, &f);
	assert_int_equal(f.stream, 1);
	assert_true(f.length <= YAMUX_TURN_BYTES);
	yamux_frame_read(out.data + 36 + f.length, &f);
	assert_int_equal(f.stream, 3);
	buf_deinit(&out);
	yw_deinit(&w);
}

static void rule_8_a_consumer_that_takes_nothing_holds_nobody_up(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_open(&w, 3);
	yw_bulk(&w, 1, WINDOW);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	yw_expect_nothing(&w);
	/* Stream 1 is full to the brim; stream 3 and pings go on. */
	for (int i = 0; i < 1000; i++) {
		yw_data(&w, 0, 3, BYTES_LIT("beat"));
		assert_int_equal(yw_run(&w, YAMUX_DATA), 1);
	}
	yw_frame(&w, YAMUX_FRAME_PING, SYN, 0, 7);
	assert_int_equal(yw_run(&w, YAMUX_CLOSED), 0);
	assert_int_equal(yw_count_sent(&w, YAMUX_FRAME_PING, YAMUX_FLAG_ACK), 1);
	assert_int_equal(yamux_unread(&w.y, 1).len, WINDOW);
	yw_deinit(&w);
}

static void data_behind_fin_is_fatal(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_frame(&w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_FIN, 1, 0);
	yw_data(&w, 0, 1, BYTES_LIT("x"));
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_FIN, 1);
	yw_expect_end(&w, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL);
	yw_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_1_data_beyond_the_window_is_fatal_before_it_is_kept),
		cmocka_unit_test(rule_1_the_window_counts_all_frames_together),
		cmocka_unit_test(rule_2_credit_that_overflows_is_fatal),
		cmocka_unit_test(rule_3_pongs_are_folded_into_the_latest),
		cmocka_unit_test(rule_3_window_updates_are_folded_per_stream),
		cmocka_unit_test(rule_3_refusals_that_are_not_read_end_the_session),
		cmocka_unit_test(rule_3_refusals_that_are_read_go_on_for_ever),
		cmocka_unit_test(rule_4_streams_over_the_limit_are_reset_and_their_bodies_drained),
		cmocka_unit_test(rule_4_members_get_64_streams),
		cmocka_unit_test(rule_4_and_r27_opening_and_resetting_ends_the_session),
		cmocka_unit_test(r27_a_hundred_opens_in_a_moment_are_enough),
		cmocka_unit_test(r27_too_many_pings_end_the_session),
		cmocka_unit_test(r27_too_many_window_updates_end_the_session),
		cmocka_unit_test(frames_that_change_nothing_are_counted),
		cmocka_unit_test(rule_5_memory_comes_with_data_and_not_with_streams),
		cmocka_unit_test(rule_5_unread_bytes_are_bounded_over_all_streams),
		cmocka_unit_test(rule_5_a_stream_that_adds_to_its_unread_bytes_is_bounded_too),
		cmocka_unit_test(rule_6_an_ignored_body_is_drained_and_never_kept),
		cmocka_unit_test(rule_7_a_bulk_stream_starves_neither_pings_nor_others),
		cmocka_unit_test(rule_8_a_consumer_that_takes_nothing_holds_nobody_up),
		cmocka_unit_test(data_behind_fin_is_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
