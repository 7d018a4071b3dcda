/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_varint_pb.c: the two readers of numbers and lengths that stand under every message:
 * multiformats' varint, whole and arriving in pieces, and the fields of protobuf. */
#include <stdlib.h>

#include "proto/keys/pb.h"
#include "proto/multi/varint.h"

#define NESTING_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void as_varint(struct bytes in)
{
	uint8_t again[VARINT_BYTES_MAX];
	uint64_t value, early;
	size_t len, early_len;

	for (size_t prefix = 1; prefix <= VARINT_BYTES_MAX; prefix++) {
		if (varint_read(in, prefix, &value, &len))
			continue;
		require(len <= prefix && len <= in.len && value <= VARINT_MAX);
		require(varint_write(value, again) == len && memcmp(again, in.at, len) == 0);
		/* What came in pieces gives nothing before its last byte. */
		for (size_t cut = 0; cut < len; cut++)
			require(varint_read(bytes_of(in.at, cut), prefix, &early, &early_len) != 0);
	}
}

/* Reads all as a row of length-prefixed pieces. */
static void as_pieces(struct bytes in)
{
	struct cursor c = cursor_of(in);
	size_t pos;

	while (!c.err && !cursor_at_end(&c)) {
		struct bytes piece;

		pos = c.pos;
		piece = varint_take_bytes(&c);
		require(piece.len <= in.len && c.pos <= in.len);
		require(c.err || c.pos > pos);
	}
}

/* Walks a message and, as far as they read as such, the messages in it. */
static void as_message(struct bytes in, unsigned depth)
{
	struct pb_reader r = pb_begin(in);
	struct buf again = BUF_INIT;
	size_t len = 0, before;
	struct pb_field f;

	while (pb_next(&r, &f)) {
		require(f.number >= 1 && f.number <= PB_NUMBER_MAX);
		before = again.len;
		if (f.wire == PB_BYTES) {
			require(f.data.len <= in.len);
			require(pb_put_bytes(&again, f.number, f.data) == 0);
			len = pb_bytes_len(f.number, f.data.len);
			if (depth < NESTING_MAX)
				as_message(f.data, depth + 1);
		} else {
			require(pb_put_uint(&again, f.number, f.value) == 0);
			len = pb_uint_len(f.number, f.value);
		}
		require(again.len == before + len);
	}
	buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	as_varint(in);
	as_pieces(in);
	as_message(in, 0);
	return 0;
}
