/* SPDX-License-Identifier: Apache-2.0 */
/* The plaintext of a QUIC packet, taken apart. Every step takes something, nothing leaves the packet,
 * and the ranges of an acknowledgement go downwards. */
#include <stdlib.h>

#include "proto/quic/frames.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes part, struct bytes whole)
{
	if (part.len == 0)
		return;
	CHECK(part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void check_ranges(struct quic_frame f)
{
	uint64_t ranges = 0;

	CHECK(f.first <= f.largest);
	for (;;) {
		uint64_t below = f.first;

		if (!quic_frame_range(&f))
			break;
		CHECK(f.first <= f.largest && f.largest + 2 <= below);
		ranges++;
	}
	CHECK(ranges <= f.gap_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes whole = bytes_of(data, size), in = whole;
	struct quic_frame f;

	while (in.len > 0) {
		size_t before = in.len;

		if (!quic_frame_next(&in, &f)) {
			CHECK(in.len == before);
			break;
		}
		CHECK(in.len < before);
		CHECK(f.type <= QUIC_FRAME_HANDSHAKE_DONE);
		check_inside(f.data, whole);
		check_inside(f.gaps, whole);
		if (f.type == QUIC_FRAME_ACK)
			check_ranges(f);
	}
	return 0;
}
