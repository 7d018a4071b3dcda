/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/pb.h"

#include <assert.h>

#include "proto/base/err.h"

struct pb_reader pb_begin(struct bytes message)
{
	return (struct pb_reader){cursor_of(message), 0};
}

/* Up to ten bytes, longer forms than needed allowed; what does not fit into 64 bits is cut off,
 * as the official decoders do. */
static uint64_t take_varint(struct cursor *c)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < PB_VARINT_BYTES_MAX; i++) {
		uint8_t b = cursor_u8(c);

		if (c->err)
			return 0;
		value |= (uint64_t)(b & 0x7f) << (7 * i);
		if (!(b & 0x80))
			return value;
	}
	cursor_fail(c, P2P_ERR_INVALID);
	return 0;
}

static uint64_t take_little_endian(struct cursor *c, size_t width)
{
	struct bytes b = cursor_take(c, width);
	uint64_t value = 0;

	for (size_t i = 0; i < b.len; i++)
		value |= (uint64_t)b.at[i] << (8 * i);
	return value;
}

static struct bytes take_data(struct cursor *c)
{
	uint64_t len = take_varint(c);

	if (len > cursor_left(c)) {
		cursor_fail(c, P2P_ERR_TRUNCATED);
		return BYTES_NONE;
	}
	return cursor_take(c, (size_t)len);
}

bool pb_next(struct pb_reader *r, struct pb_field *ret)
{
	struct cursor *c = &r->in;
	struct pb_field f = {0};
	uint64_t key;

	if (r->err || cursor_at_end(c))
		return false;
	key = take_varint(c);
	f.number = (uint32_t)(key >> 3 & PB_NUMBER_MAX);
	if (!c->err && (f.number == 0 || key >> 3 > PB_NUMBER_MAX))
		cursor_fail(c, P2P_ERR_INVALID);
	switch (key & 7) {
	case PB_VARINT:
		f.wire = PB_VARINT;
		f.value = take_varint(c);
		break;
	case PB_FIXED64:
		f.wire = PB_FIXED64;
		f.value = take_little_endian(c, 8);
		break;
	case PB_BYTES:
		f.wire = PB_BYTES;
		f.data = take_data(c);
		break;
	case PB_FIXED32:
		f.wire = PB_FIXED32;
		f.value = take_little_endian(c, 4);
		break;
	default: /* a number from outside: groups (3, 4) and what is not defined (6, 7) */
		cursor_fail(c, P2P_ERR_INVALID);
	}
	r->err = c->err;
	if (r->err)
		return false;
	*ret = f;
	return true;
}

static size_t write_varint(uint64_t value, uint8_t to[PB_VARINT_BYTES_MAX])
{
	size_t n = 0;

	while (value >= 0x80) {
		to[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[n++] = (uint8_t)value;
	return n;
}

/* The key and the number behind it (a value or a length), which every field begins with. */
static size_t write_head(
	uint8_t to[2 * PB_VARINT_BYTES_MAX], uint32_t number, enum pb_wire wire, uint64_t value)
{
	size_t n;

	assert(number >= 1 && number <= PB_NUMBER_MAX);
	n = write_varint((uint64_t)number << 3 | wire, to);
	return n + write_varint(value, to + n);
}

int pb_put_uint(struct buf *out, uint32_t number, uint64_t value)
{
	uint8_t head[2 * PB_VARINT_BYTES_MAX];

	return buf_put(out, bytes_of(head, write_head(head, number, PB_VARINT, value)));
}

int pb_put_bytes(struct buf *out, uint32_t number, struct bytes data)
{
	uint8_t head[2 * PB_VARINT_BYTES_MAX];
	size_t len = write_head(head, number, PB_BYTES, data.len), start = out->len;

	if (buf_put(out, bytes_of(head, len)))
		return P2P_ERR_TOO_LARGE;
	if (buf_put(out, data)) {
		buf_truncate(out, start);
		return P2P_ERR_TOO_LARGE;
	}
	return 0;
}

size_t pb_uint_len(uint32_t number, uint64_t value)
{
	uint8_t head[2 * PB_VARINT_BYTES_MAX];

	return write_head(head, number, PB_VARINT, value);
}

size_t pb_bytes_len(uint32_t number, size_t data_len)
{
	uint8_t head[2 * PB_VARINT_BYTES_MAX];

	return write_head(head, number, PB_BYTES, data_len) + data_len;
}
