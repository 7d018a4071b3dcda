/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, accepting, pings, go-away, death and time. */
#include "tests/lib/p2ptest.h"

#include "proto/base/text.h"
#include "tests/lib/vectors.h"
#include "tests/lib/yamux_wire.h"

#define SYN YAMUX_FLAG_SYN
#define ACK YAMUX_FLAG_ACK
#define FIN YAMUX_FLAG_FIN
#define RST YAMUX_FLAG_RST

static void the_minimal_exchange_as_the_dialler(void **state)
{
	struct yamux_wire w;
	uint32_t stream;

	(void)state;
	yw_init_client(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_open(&w.y, &stream));
	assert_int_equal(stream, 1);
	assert_int_equal(yamux_write(&w.y, stream, BYTES_LIT("hello")), 5);
	yw_expect_sent(&w, "000100010000000100000000 000000000000000100000005 68656c6c6f");

	yw_frame(&w, YAMUX_FRAME_WINDOW, ACK, 1, 0);
	yw_data(&w, 0, 1, BYTES_LIT("world"));
	yw_feed(&w);
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("world"));
	assert_ok(yamux_consumed(&w.y, 1, 5));
	yw_expect_nothing(&w);
	assert_ok(yamux_finish(&w.y, 1));
	yw_expect_sent(&w, "000100040000000100000000");
	yw_frame(&w, YAMUX_FRAME_WINDOW, FIN, 1, 0);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_FIN, 1);
	yw_expect_nothing(&w);
	assert_err(yamux_consumed(&w.y, 1, 0), P2P_ERR_NOT_FOUND);

	yamux_go_away(&w.y, YAMUX_GOAWAY_NORMAL);
	yw_expect_sent(&w, "000300000000000000000000");
	assert_int_equal(yw_expect(&w, YAMUX_CLOSED, 0).why, YAMUX_WHY_LOCAL);
	yw_deinit(&w);
}

static void the_minimal_exchange_as_the_listener(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_frame(&w, YAMUX_FRAME_WINDOW, SYN, 1, 0);
	yw_data(&w, 0, 1, BYTES_LIT("abc"));
	yw_frame(&w, YAMUX_FRAME_WINDOW, FIN, 1, 0);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_OPENED, 1);
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("abc"));
	assert_ok(yamux_consumed(&w.y, 1, 3));
	(void)yw_expect(&w, YAMUX_FIN, 1);
	yw_expect_nothing(&w);
	assert_int_equal(yamux_write(&w.y, 1, BYTES_LIT("xyz")), 3);
	assert_ok(yamux_finish(&w.y, 1));
	yw_expect_sent(&w, "000100020000000100000000 000000000000000100000003 78797a "
			   "000100040000000100000000");
	assert_err(yamux_finish(&w.y, 1), P2P_ERR_NOT_FOUND);
	yw_deinit(&w);
}

/* Every flag that may come together with others, in Data and WindowUpdate alike. */
static void one_frame_may_open_carry_and_finish(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_data(&w, SYN | FIN, 1, BYTES_LIT("all"));
	yw_frame(&w, YAMUX_FRAME_WINDOW, SYN | FIN, 3, 7);
	yw_data(&w, SYN, 5, BYTES_NONE);
	yw_data(&w, FIN, 5, BYTES_NONE);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_OPENED, 1);
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("all"));
	(void)yw_expect(&w, YAMUX_FIN, 1);
	(void)yw_expect(&w, YAMUX_OPENED, 3);
	(void)yw_expect(&w, YAMUX_FIN, 3);
	(void)yw_expect(&w, YAMUX_OPENED, 5);
	(void)yw_expect(&w, YAMUX_FIN, 5);
	yw_expect_nothing(&w);
	/* Unread bytes outlive FIN, and the credit that came with SYN counts. */
	assert_bytes(yamux_unread(&w.y, 1), BYTES_LIT("all"));
	assert_int_equal(yamux_room(&w.y, 3), YAMUX_INITIAL_WINDOW + 7);
	yw_deinit(&w);
}

static void a_session_may_be_cut_anywhere(void **state)
{
	static const char *const hex =
		"000100010000000100000000" "000000000000000100000003616263"
		"000200010000000001020304" "0000000500000003000000027879"
		"000100080000000100001002" "000300000000000000000007";
	struct buf wire = BUF_INIT;

	(void)state;
	assert_ok(text_unhex(&wire, bytes_str(hex)));
	for (size_t cut = 0; cut <= wire.len; cut++) {
		struct buf got = BUF_INIT;
		struct yamux_wire w;
		struct yamux_event ev;

		yw_init(&w, YAMUX_LIMITS_MEMBER);
		for (int part = 0; part < 2; part++) {
			struct bytes in = part ? bytes_from(buf_bytes(&wire), cut)
					       : bytes_head(buf_bytes(&wire), cut);

			assert_ok(yamux_recv(&w.y, in, t0));
			while (yamux_next(&w.y, &ev)) {
				if (ev.kind == YAMUX_DATA) {
					assert_ok(buf_put(&got, ev.data));
					assert_ok(yamux_consumed(&w.y, ev.stream, ev.data.len));
				} else {
					assert_ok(buf_printf(&got, "[%d %u %u]", (int)ev.kind,
						(unsigned)ev.stream, (unsigned)ev.code));
				}
			}
		}
		assert_bytes(buf_bytes(&got),
			BYTES_LIT("[0 1 0]abc[0 3 0]xy[2 3 0][3 1 4098][6 0 7]"));
		/* Stream 1 is gone before its ACK could leave; stream 3's and the pong do. */
		yw_expect_sent(&w, "000200020000000001020304 000100020000000300000000");
		buf_deinit(&got);
		yw_deinit(&w);
	}
	buf_deinit(&wire);
}

static void what_the_reference_calls_fatal_is_fatal(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach (vectors_list("yamux", "session_fatal"), i, v) {
		struct yamux_wire w;
		struct buf wire = BUF_INIT;

		yw_init(&w, YAMUX_LIMITS_MEMBER);
		(void)vectors_hex(v, "hex", &wire);
		print_message("%s\n", vectors_text(v, "what"));
		/* All but those about SYN itself suppose that stream 1 is open. */
		if (wire.data[3] != SYN)
			yw_open(&w, 1);
		assert_ok(yamux_recv(&w.y, buf_bytes(&wire), t0));
		yw_expect_end(&w, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL);
		buf_deinit(&wire);
		yw_deinit(&w);
	}
}

static void an_id_of_the_peer_is_used_once_and_only_grows(void **state)
{
	static const struct {
		uint32_t first, second;
	} rounds[] = {{5, 5}, {5, 3}, {5, 1}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct yamux_wire w;

		yw_init(&w, YAMUX_LIMITS_MEMBER);
		yw_open(&w, rounds[i].first);
		if (i) /* live or not makes no difference */
			assert_ok(yamux_reset(&w.y, rounds[i].first, 0));
		yw_frame(&w, YAMUX_FRAME_WINDOW, SYN, rounds[i].second, 0);
		yw_feed(&w);
		yw_expect_end(&w, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL);
		yw_deinit(&w);
	}
}

static void syn_on_our_own_live_stream_ends_the_session(void **state)
{
	struct yamux_wire w;
	uint32_t stream;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_open(&w.y, &stream));
	assert_int_equal(stream, 2);
	yw_frame(&w, YAMUX_FRAME_WINDOW, SYN, stream, 0);
	yw_feed(&w);
	yw_expect_end(&w, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL);
	yw_deinit(&w);
}

static void our_ids_grow_by_two_and_end(void **state)
{
	struct yamux_wire w;
	uint32_t stream;

	(void)state;
	yw_init_client(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_open(&w.y, &stream));
	assert_int_equal(stream, 1);
	assert_ok(yamux_open(&w.y, &stream));
	assert_int_equal(stream, 3);
	w.y.next_id = UINT32_MAX;
	assert_ok(yamux_open(&w.y, &stream));
	assert_int_equal(stream, UINT32_MAX);
	assert_err(yamux_open(&w.y, &stream), P2P_ERR_CLOSED);
	yw_deinit(&w);
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	w.y.next_id = UINT32_MAX - 1;
	assert_ok(yamux_open(&w.y, &stream));
	assert_err(yamux_open(&w.y, &stream), P2P_ERR_CLOSED);
	yw_deinit(&w);
}

static void our_own_streams_are_bounded_too(void **state)
{
	struct yamux_wire w;
	struct yamux_usage usage;
	uint32_t stream;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_GUEST);
	for (int i = 0; i < 8; i++)
		assert_ok(yamux_open(&w.y, &stream));
	assert_err(yamux_open(&w.y, &stream), P2P_ERR_FULL);
	assert_ok(yamux_reset(&w.y, 4, 0));
	assert_ok(yamux_open(&w.y, &stream));
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.outbound, 8);
	/* A guest that becomes a member gets more, and nobody is thrown out on the way back. */
	yamux_set_limits(&w.y, &YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_open(&w.y, &stream));
	yamux_set_limits(&w.y, &YAMUX_LIMITS_GUEST);
	assert_err(yamux_open(&w.y, &stream), P2P_ERR_FULL);
	assert_int_equal(yamux_write(&w.y, stream, BYTES_LIT("x")), 1);
	yw_deinit(&w);
}

static void a_stream_that_was_never_announced_is_dropped_without_a_word(void **state)
{
	struct yamux_wire w;
	uint32_t stream;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_open(&w.y, &stream));
	assert_int_equal(yamux_write(&w.y, stream, BYTES_LIT("x")), 1);
	assert_ok(yamux_reset(&w.y, stream, YAMUX_RESET_SHUTDOWN));
	assert_false(yamux_has_output(&w.y));
	yw_deinit(&w);
}

static void a_reset_carries_its_code_both_ways(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_open(&w, 3);
	yw_open(&w, 5);
	assert_ok(yamux_reset(&w.y, 1, YAMUX_RESET_VIOLATION));
	assert_err(yamux_reset(&w.y, 1, 0), P2P_ERR_NOT_FOUND);
	yw_expect_sent(&w, "000100080000000100001004");
	yw_frame(&w, YAMUX_FRAME_WINDOW, RST, 3, YAMUX_RESET_SHUTDOWN);
	yw_data(&w, RST, 5, BYTES_LIT("gone"));
	yw_feed(&w);
	assert_int_equal(yw_expect(&w, YAMUX_RESET, 3).code, YAMUX_RESET_SHUTDOWN);
	assert_int_equal(yw_expect(&w, YAMUX_RESET, 5).code, YAMUX_RESET_NONE);
	yw_expect_nothing(&w);
	assert_err(yamux_write(&w.y, 3, BYTES_LIT("x")), P2P_ERR_NOT_FOUND);
	yw_expect_sent(&w, "");
	yw_deinit(&w);
}

static void frames_for_streams_that_are_gone_are_drained(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	assert_ok(yamux_reset(&w.y, 1, 0));
	(void)yw_sent(&w);
	yw_data(&w, 0, 1, BYTES_LIT("late"));
	yw_frame(&w, YAMUX_FRAME_WINDOW, 0, 1, UINT32_MAX);
	yw_frame(&w, YAMUX_FRAME_WINDOW, FIN, 1, 0);
	yw_data(&w, RST, 99, BYTES_LIT("never was"));
	yw_frame(&w, YAMUX_FRAME_WINDOW, SYN, 3, 0);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_OPENED, 3);
	yw_expect_nothing(&w);
	yw_expect_sent(&w, "000100020000000300000000");
	yw_deinit(&w);
}

static void a_ping_measures_from_the_moment_it_leaves(void **state)
{
	struct yamux_wire w;
	struct yamux_frame f;
	struct yamux_usage usage;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_ping(&w.y));
	w.now = mono_add_ms(w.now, 500);
	yamux_frame_read(yw_sent(&w).at, &f);
	assert_int_equal(f.type, YAMUX_FRAME_PING);
	assert_int_equal(f.flags, SYN);
	w.now = mono_add_ms(w.now, 30);
	yw_frame(&w, YAMUX_FRAME_PING, ACK, 0, f.length);
	yw_feed(&w);
	assert_int_equal(yw_expect(&w, YAMUX_PONG, 0).rtt_ns, 30 * NS_PER_MS);
	yw_expect_nothing(&w);
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.rtt_ns, 30 * NS_PER_MS);
	/* Once only. */
	yw_frame(&w, YAMUX_FRAME_PING, ACK, 0, f.length);
	yw_feed(&w);
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void a_later_answer_answers_earlier_pings(void **state)
{
	struct yamux_wire w;
	struct yamux_frame f[4];
	struct bytes sent;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	for (int i = 0; i < YAMUX_PINGS_MAX; i++)
		assert_ok(yamux_ping(&w.y));
	assert_err(yamux_ping(&w.y), P2P_ERR_AGAIN);
	sent = yw_sent(&w);
	assert_int_equal(sent.len, 4 * YAMUX_HEADER_BYTES);
	for (int i = 0; i < 4; i++)
		yamux_frame_read(sent.at + i * YAMUX_HEADER_BYTES, &f[i]);
	yw_frame(&w, YAMUX_FRAME_PING, ACK, 0, f[2].length);
	yw_frame(&w, YAMUX_FRAME_PING, ACK, 0, f[1].length);
	yw_frame(&w, YAMUX_FRAME_PING, ACK, 0, f[3].length);
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_PONG, 0);
	(void)yw_expect(&w, YAMUX_PONG, 0);
	yw_expect_nothing(&w);
	assert_ok(yamux_ping(&w.y));
	yw_deinit(&w);
}

static void an_answer_to_a_ping_that_has_not_left_is_none(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_ping(&w.y));
	yw_frame(&w, YAMUX_FRAME_PING, ACK, 0, w.y.pings[0].value);
	yw_feed(&w);
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void go_away_lets_everything_queued_leave_first(void **state)
{
	struct yamux_wire w;
	uint32_t stream;
	struct buf out = BUF_INIT;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	assert_int_equal(yamux_write(&w.y, 1, BYTES_LIT("last")), 4);
	assert_ok(yamux_finish(&w.y, 1));
	yamux_go_away(&w.y, YAMUX_GOAWAY_SHUTDOWN);
	yamux_go_away(&w.y, YAMUX_GOAWAY_NORMAL);
	assert_err(yamux_open(&w.y, &stream), P2P_ERR_CLOSED);
	assert_err(yamux_write(&w.y, 1, BYTES_LIT("x")), P2P_ERR_CLOSED);
	/* Streams of the peer are refused, what it sends on others still counts. */
	yw_frame(&w, YAMUX_FRAME_WINDOW, SYN, 3, 0);
	yw_data(&w, 0, 1, BYTES_LIT("in"));
	yw_feed(&w);
	assert_bytes(yw_expect(&w, YAMUX_DATA, 1).data, BYTES_LIT("in"));
	yw_expect_nothing(&w);
	yw_expect_sent(&w, "000100080000000300001002 000000000000000100000004 6c617374 "
			   "000100040000000100000000 000300000000000000001006");
	assert_int_equal(yw_expect(&w, YAMUX_CLOSED, 0).code, YAMUX_GOAWAY_SHUTDOWN);
	yw_expect_nothing(&w);
	assert_err(yamux_send(&w.y, &out, 100, t0), P2P_ERR_CLOSED);
	assert_err(yamux_ping(&w.y), P2P_ERR_CLOSED);
	assert_err(yamux_recv(&w.y, BYTES_NONE, t0), P2P_ERR_CLOSED);
	yw_deinit(&w);
}

static void after_the_peers_go_away_nothing_is_opened(void **state)
{
	struct yamux_wire w;
	uint32_t stream;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_frame(&w, YAMUX_FRAME_GOAWAY, 0, 0, YAMUX_GOAWAY_SHUTDOWN);
	yw_frame(&w, YAMUX_FRAME_GOAWAY, 0, 0, 0);
	yw_feed(&w);
	assert_int_equal(yw_expect(&w, YAMUX_GOAWAY, 0).code, YAMUX_GOAWAY_SHUTDOWN);
	yw_expect_nothing(&w);
	assert_err(yamux_open(&w.y, &stream), P2P_ERR_CLOSED);
	assert_int_equal(yamux_write(&w.y, 1, BYTES_LIT("x")), 1);
	yw_deinit(&w);
}

static void r30_output_that_waits_ten_seconds_ends_the_session(void **state)
{
	struct yamux_wire w;
	struct buf out = BUF_WITH_MAX(1024);
	struct yamux_event ev;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	assert_true(mono_is_never(yamux_deadline(&w.y)));
	yw_open(&w, 1);
	assert_true(mono_is_never(yamux_deadline(&w.y)));
	assert_int_equal(yamux_write(&w.y, 1, bytes_of(w.y.churn.reset, 24)), 24);
	/* Since when is not known: it wants to be called at once, and then again in time. */
	assert_true(mono_reached(yamux_deadline(&w.y), t0));
	assert_ok(yamux_tick(&w.y, t0));
	assert_int_equal(yamux_deadline(&w.y).ns, mono_add_ms(t0, 10000).ns);
	/* A send that takes something is progress. */
	assert_ok(yamux_send(&w.y, &out, 20, mono_add_ms(t0, 5000)));
	assert_int_equal(out.len, 20);
	assert_int_equal(yamux_deadline(&w.y).ns, mono_add_ms(t0, 15000).ns);
	/* One that takes nothing is not. */
	assert_ok(yamux_send(&w.y, &out, 0, mono_add_ms(t0, 9000)));
	assert_ok(yamux_tick(&w.y, mono_add_ms(t0, 14999)));
	assert_err(yamux_tick(&w.y, mono_add_ms(t0, 15000)), P2P_ERR_TIMEOUT);
	assert_true(yamux_next(&w.y, &ev) && ev.kind == YAMUX_CLOSED);
	assert_int_equal(ev.why, YAMUX_WHY_SLOW);
	assert_false(yamux_has_output(&w.y));
	assert_true(mono_is_never(yamux_deadline(&w.y)));
	buf_deinit(&out);
	yw_deinit(&w);
}

static void after_the_end_nothing_of_before_is_told(void **state)
{
	struct yamux_wire w;

	(void)state;
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	assert_ok(yamux_ping(&w.y));
	yw_data(&w, SYN | FIN, 1, BYTES_LIT("abc"));
	yw_data(&w, SYN, 3, BYTES_LIT("def"));
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_OPENED, 1);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	/* FIN and a whole frame are still to come when the patience ends. */
	assert_ok(yamux_tick(&w.y, t0));
	assert_err(yamux_tick(&w.y, mono_add_ms(t0, 10000)), P2P_ERR_TIMEOUT);
	assert_int_equal(yw_expect(&w, YAMUX_CLOSED, 0).why, YAMUX_WHY_SLOW);
	yw_expect_nothing(&w);
	yw_deinit(&w);
}

static void an_idle_session_owns_next_to_nothing(void **state)
{
	struct yamux_wire w;
	struct yamux_usage usage;

	(void)state;
	assert_true(sizeof(struct yamux) <= 768);
	yw_init(&w, YAMUX_LIMITS_MEMBER);
	yw_open(&w, 1);
	yw_data(&w, 0, 1, BYTES_LIT("kept"));
	yw_feed(&w);
	(void)yw_expect(&w, YAMUX_DATA, 1);
	yw_expect_nothing(&w);
	assert_int_equal(yamux_write(&w.y, 1, BYTES_LIT("x")), 1);
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.inbound, 1);
	assert_int_equal(usage.unread_bytes, 4);
	assert_int_equal(usage.queued_bytes, 1);
	assert_true(usage.memory > 0 && usage.memory <= 256 + 64 + 2 * 64);
	/* Read and sent, the buffers go back; without streams, everything does. */
	(void)yw_sent(&w);
	assert_ok(yamux_consumed(&w.y, 1, 4));
	yamux_usage(&w.y, &usage);
	assert_true(usage.memory <= 256 + 64);
	assert_ok(yamux_reset(&w.y, 1, 0));
	(void)yw_sent(&w);
	yamux_usage(&w.y, &usage);
	assert_int_equal(usage.memory, 0);
	yw_deinit(&w);
}

static void deinit_is_safe_on_a_zeroed_session(void **state)
{
	struct yamux y = {0};

	(void)state;
	yamux_deinit(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_minimal_exchange_as_the_dialler),
		cmocka_unit_test(the_minimal_exchange_as_the_listener),
		cmocka_unit_test(one_frame_may_open_carry_and_finish),
		cmocka_unit_test(a_session_may_be_cut_anywhere),
		cmocka_unit_test(what_the_reference_calls_fatal_is_fatal),
		cmocka_unit_test(an_id_of_the_peer_is_used_once_and_only_grows),
		cmocka_unit_test(syn_on_our_own_live_stream_ends_the_session),
		cmocka_unit_test(our_ids_grow_by_two_and_end),
		cmocka_unit_test(our_own_streams_are_bounded_too),
		cmocka_unit_test(a_stream_that_was_never_announced_is_dropped_without_a_word),
		cmocka_unit_test(a_reset_carries_its_code_both_ways),
		cmocka_unit_test(frames_for_streams_that_are_gone_are_drained),
		cmocka_unit_test(a_ping_measures_from_the_moment_it_leaves),
		cmocka_unit_test(a_later_answer_answers_earlier_pings),
		cmocka_unit_test(an_answer_to_a_ping_that_has_not_left_is_none),
		cmocka_unit_test(go_away_lets_everything_queued_leave_first),
		cmocka_unit_test(after_the_peers_go_away_nothing_is_opened),
		cmocka_unit_test(r30_output_that_waits_ten_seconds_ends_the_session),
		cmocka_unit_test(after_the_end_nothing_of_before_is_told),
		cmocka_unit_test(an_idle_session_owns_next_to_nothing),
		cmocka_unit_test(deinit_is_safe_on_a_zeroed_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
