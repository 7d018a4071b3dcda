/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/p2ptest.h"

#include "proto/base/rng.h"
#include "proto/yamux/frame.h"
#include "tests/lib/vectors.h"

static void every_known_frame_reads_and_writes_back(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach (vectors_list("yamux", "frames"), i, v) {
		struct buf wire = BUF_INIT;
		struct yamux_frame f;
		uint8_t back[YAMUX_HEADER_BYTES];

		(void)vectors_hex(v, "hex", &wire);
		assert_true(wire.len >= YAMUX_HEADER_BYTES);
		yamux_frame_read(wire.data, &f);
		assert_that(!yamux_frame_fault(&f), vectors_text(v, "what"));
		if (f.type == YAMUX_FRAME_DATA)
			assert_int_equal(wire.len, YAMUX_HEADER_BYTES + f.length);
		yamux_frame_write(&f, back);
		assert_bytes(bytes_of(back, sizeof(back)),
			bytes_head(buf_bytes(&wire), sizeof(back)));
		buf_deinit(&wire);
	}
}

static void fields_are_where_they_belong(void **state)
{
	const uint8_t wire[] = {0, 1, 0x12, 0x34, 0xa1, 0xa2, 0xa3, 0xa4, 0xf1, 0xf2, 0xf3, 0xf4};
	struct yamux_frame f;

	(void)state;
	yamux_frame_read(wire, &f);
	assert_int_equal(f.version, 0);
	assert_int_equal(f.type, YAMUX_FRAME_WINDOW);
	assert_int_equal(f.flags, 0x1234);
	assert_int_equal(f.stream, 0xa1a2a3a4);
	assert_int_equal(f.length, 0xf1f2f3f4);
}

static void any_header_survives_a_round_trip(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 7);
	for (int i = 0; i < 10000; i++) {
		uint8_t wire[YAMUX_HEADER_BYTES], back[YAMUX_HEADER_BYTES];
		struct yamux_frame f;

		rng_fill(&rng.rng, wire, sizeof(wire));
		yamux_frame_read(wire, &f);
		yamux_frame_write(&f, back);
		assert_memory_equal(wire, back, sizeof(wire));
	}
}

static void headers_that_no_session_may_accept_have_a_fault(void **state)
{
	static const struct yamux_frame bad[] = {
		{.version = 1, .type = YAMUX_FRAME_DATA, .stream = 1},
		{.type = 4, .stream = 1},
		{.type = 255, .stream = 1},
		{.type = YAMUX_FRAME_DATA, .stream = 0},
		{.type = YAMUX_FRAME_WINDOW, .stream = 0},
		{.type = YAMUX_FRAME_PING, .stream = 1},
		{.type = YAMUX_FRAME_GOAWAY, .stream = 1},
		{.type = YAMUX_FRAME_DATA, .stream = 1, .length = YAMUX_BODY_BYTES_MAX + 1},
	};
	static const struct yamux_frame longest = {
		.type = YAMUX_FRAME_DATA, .stream = 1, .length = YAMUX_BODY_BYTES_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(yamux_frame_fault(&bad[i]));
	assert_null(yamux_frame_fault(&longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_known_frame_reads_and_writes_back),
		cmocka_unit_test(fields_are_where_they_belong),
		cmocka_unit_test(any_header_survives_a_round_trip),
		cmocka_unit_test(headers_that_no_session_may_accept_have_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
