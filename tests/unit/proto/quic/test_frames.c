/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: each kind, cut anywhere; the ranges of acknowledgements. */
#include "proto/quic/frames.h"

#include "tests/lib/p2ptest.h"

#define FRAME(type, s) {type, BYTES_LIT(s)}

/* One of each kind, whole. */
static const struct {
	uint8_t type;
	struct bytes wire;
} kinds[] = {
	FRAME(QUIC_FRAME_PADDING, "\0\0\0"),
	FRAME(QUIC_FRAME_PING, "\x01"),
	FRAME(QUIC_FRAME_ACK, "\x02\x0a\x00\x01\x02\x00\x01"),
	FRAME(QUIC_FRAME_ACK, "\x03\x0a\x00\x00\x02\x05\x06\x47\x00"),
	FRAME(QUIC_FRAME_RESET_STREAM, "\x04\x04\x50\x01\x7f\xff"),
	FRAME(QUIC_FRAME_STOP_SENDING, "\x05\x08\x00"),
	FRAME(QUIC_FRAME_CRYPTO, "\x06\x40\x64\x03xyz"),
	FRAME(QUIC_FRAME_NEW_TOKEN, "\x07\x02to"),
	FRAME(QUIC_FRAME_MAX_DATA, "\x10\x80\x01\x00\x00"),
	FRAME(QUIC_FRAME_MAX_STREAM_DATA, "\x11\x00\xc0\x00\x00\x00\x00\x01\x00\x00"),
	FRAME(QUIC_FRAME_MAX_STREAMS_BIDI, "\x12\x10"),
	FRAME(QUIC_FRAME_MAX_STREAMS_UNI, "\x13\x10"),
	FRAME(QUIC_FRAME_DATA_BLOCKED, "\x14\x10"),
	FRAME(QUIC_FRAME_STREAM_DATA_BLOCKED, "\x15\x04\x10"),
	FRAME(QUIC_FRAME_STREAMS_BLOCKED_BIDI, "\x16\x10"),
	FRAME(QUIC_FRAME_STREAMS_BLOCKED_UNI, "\x17\x10"),
	FRAME(QUIC_FRAME_NEW_CONNECTION_ID, "\x18\x01\x00\x04 id 0123456789abcdef"),
	FRAME(QUIC_FRAME_RETIRE_CONNECTION_ID, "\x19\x01"),
	FRAME(QUIC_FRAME_PATH_CHALLENGE, "\x1a"
					 "8 bytes."),
	FRAME(QUIC_FRAME_PATH_RESPONSE, "\x1b"
					"8 bytes."),
	FRAME(QUIC_FRAME_CONNECTION_CLOSE, "\x1c\x0a\x08\x03why"),
	FRAME(QUIC_FRAME_CONNECTION_CLOSE_APP, "\x1d\x0a\x03why"),
	FRAME(QUIC_FRAME_HANDSHAKE_DONE, "\x1e"),
	FRAME(QUIC_FRAME_STREAM, "\x0f\x04\x40\x64\x03"
				 "abc"),
};

static void each_kind_is_taken_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint8_t two[128];
		struct bytes in = kinds[i].wire;
		struct quic_frame f;

		assert_true(quic_frame_next(&in, &f));
		assert_int_equal(f.type, kinds[i].type);
		assert_int_equal(in.len, 0);
		assert_false(quic_frame_next(&in, &f));
		/* And not more than that. */
		memcpy(two, kinds[i].wire.at, kinds[i].wire.len);
		two[kinds[i].wire.len] = QUIC_FRAME_PING;
		in = bytes_of(two, kinds[i].wire.len + 1);
		assert_true(quic_frame_next(&in, &f));
		assert_int_equal(in.len, 1);
	}
}

static void a_frame_that_is_cut_is_none(void **state)
{
	(void)state;
	for (size_t i = 1; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (size_t len = 1; len < kinds[i].wire.len; len++) {
			/* In memory of its own, so that reading on is noticed. */
			uint8_t part[64];
			struct bytes in = bytes_of(part + sizeof(part) - len, len);
			struct quic_frame f;

			memcpy(part + sizeof(part) - len, kinds[i].wire.at, len);
			assert_false(quic_frame_next(&in, &f));
			assert_int_equal(in.len, len);
		}
	}
}

static void streams_have_fields_by_their_bits(void **state)
{
	struct bytes in = BYTES_LIT("\x0f\x04\x40\x64\x03"
				    "abcd");
	struct quic_frame f;

	(void)state;
	assert_true(quic_frame_next(&in, &f));
	assert_int_equal(f.stream, 4);
	assert_int_equal(f.offset, 100);
	assert_bytes(f.data, BYTES_LIT("abc"));
	assert_true(f.fin);
	assert_int_equal(in.len, 1);
	/* Without a length it fills the packet. */
	in = BYTES_LIT("\x08\x04"
		       "abcd");
	assert_true(quic_frame_next(&in, &f));
	assert_int_equal(f.offset, 0);
	assert_bytes(f.data, BYTES_LIT("abcd"));
	assert_false(f.fin);
	assert_int_equal(in.len, 0);
}

static void ranges_of_an_acknowledgement_go_downwards(void **state)
{
	/* 100 to 90, then 3 missing (gap 2), then 86 to 86, then 1 missing, then 84 to 80. */
	struct bytes in = BYTES_LIT("\x02\x40\x64\x00\x02\x0a\x02\x00\x00\x04");
	struct quic_frame f;

	(void)state;
	assert_true(quic_frame_next(&in, &f));
	assert_int_equal(f.largest, 100);
	assert_int_equal(f.first, 90);
	assert_true(quic_frame_range(&f));
	assert_int_equal(f.largest, 86);
	assert_int_equal(f.first, 86);
	assert_true(quic_frame_range(&f));
	assert_int_equal(f.largest, 84);
	assert_int_equal(f.first, 80);
	assert_false(quic_frame_range(&f));
}

static void ranges_below_zero_are_none(void **state)
{
	struct bytes in = BYTES_LIT("\x02\x05\x00\x01\x05\x00\x00"); /* 5 to 0, then more */
	struct quic_frame f;

	(void)state;
	assert_true(quic_frame_next(&in, &f));
	assert_false(quic_frame_range(&f));
	in = BYTES_LIT("\x02\x05\x00\x01\x01\x00\x03"); /* 5 to 4, then 2 to -1 */
	assert_true(quic_frame_next(&in, &f));
	assert_false(quic_frame_range(&f));
	in = BYTES_LIT("\x02\x05\x00\x00\x06"); /* 5 to -1 */
	assert_false(quic_frame_next(&in, &f));
	/* More ranges than bytes. */
	in = BYTES_LIT("\x02\x05\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00");
	assert_false(quic_frame_next(&in, &f));
}

static void what_is_no_frame_is_not_taken(void **state)
{
	struct quic_frame f;

	(void)state;
	for (unsigned type = 0x1f; type <= 0xff; type++) {
		uint8_t byte[9] = {(uint8_t)type};
		struct bytes in = bytes_of(byte, sizeof(byte));

		assert_false(quic_frame_next(&in, &f));
	}
	/* Connection ids of no length, or too long. */
	struct bytes in = BYTES_LIT("\x18\x01\x00\x00" "0123456789abcdef");
	assert_false(quic_frame_next(&in, &f));
	in = BYTES_LIT("\x18\x01\x00\x15" "012345678901234567890" "0123456789abcdef");
	assert_false(quic_frame_next(&in, &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_taken_whole),
		cmocka_unit_test(a_frame_that_is_cut_is_none),
		cmocka_unit_test(streams_have_fields_by_their_bits),
		cmocka_unit_test(ranges_of_an_acknowledgement_go_downwards),
		cmocka_unit_test(ranges_below_zero_are_none),
		cmocka_unit_test(what_is_no_frame_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
