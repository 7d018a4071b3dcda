/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/varint.h"

#include <assert.h>

#include "proto/base/err.h"

int varint_read(struct bytes in, size_t prefix_max, uint64_t *ret_value, size_t *ret_len)
{
	uint64_t value = 0;

	assert(prefix_max >= 1 && prefix_max <= VARINT_BYTES_MAX);
	for (size_t i = 0; i < prefix_max; i++) {
		uint8_t b;

		if (i == in.len)
			return P2P_ERR_AGAIN;
		b = in.at[i];
		value |= (uint64_t)(b & 0x7f) << (7 * i);
		if (b & 0x80)
			continue;
		/* A last byte of zero adds nothing: a shorter form exists. */
		if (b == 0 && i > 0)
			return P2P_ERR_INVALID;
		*ret_value = value;
		*ret_len = i + 1;
		return 0;
	}
	return P2P_ERR_TOO_LARGE;
}

uint64_t varint_take(struct cursor *c)
{
	uint64_t value = 0;
	size_t len = 0;
	int err;

	if (c->err)
		return 0;
	err = varint_read(bytes_from(c->in, c->pos), VARINT_BYTES_MAX, &value, &len);
	if (err) {
		cursor_fail(c, err == P2P_ERR_AGAIN ? P2P_ERR_TRUNCATED : P2P_ERR_INVALID);
		return 0;
	}
	c->pos += len;
	return value;
}

struct bytes varint_take_bytes(struct cursor *c)
{
	uint64_t len = varint_take(c);

	/* Compared here and not cast first: size_t may be narrower. */
	if (len > cursor_left(c)) {
		cursor_fail(c, P2P_ERR_TRUNCATED);
		return BYTES_NONE;
	}
	return cursor_take(c, (size_t)len);
}

size_t varint_write(uint64_t value, uint8_t to[VARINT_BYTES_MAX])
{
	size_t n = 0;

	assert(value <= VARINT_MAX);
	while (value >= 0x80) {
		to[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[n++] = (uint8_t)value;
	return n;
}

int varint_put(struct buf *out, uint64_t value)
{
	uint8_t at[VARINT_BYTES_MAX];

	return buf_put(out, bytes_of(at, varint_write(value, at)));
}

int varint_put_bytes(struct buf *out, struct bytes what)
{
	size_t start = out->len;

	if (varint_put(out, what.len))
		return P2P_ERR_TOO_LARGE;
	if (buf_put(out, what)) {
		buf_truncate(out, start);
		return P2P_ERR_TOO_LARGE;
	}
	return 0;
}
