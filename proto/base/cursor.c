/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/cursor.h"

#include <assert.h>

#include "proto/base/err.h"

void cursor_fail(struct cursor *c, int err)
{
	assert(err < 0);
	if (!c->err)
		c->err = err;
}

struct bytes cursor_take(struct cursor *c, size_t len)
{
	struct bytes got;

	assert(c->pos <= c->in.len);
	if (c->err)
		return BYTES_NONE;
	if (len > cursor_left(c)) {
		cursor_fail(c, P2P_ERR_TRUNCATED);
		return BYTES_NONE;
	}
	got = bytes_head(bytes_from(c->in, c->pos), len);
	c->pos += len;
	return got;
}

struct bytes cursor_rest(struct cursor *c)
{
	return cursor_take(c, cursor_left(c));
}

static uint64_t read_be(struct cursor *c, size_t width)
{
	struct bytes b = cursor_take(c, width);
	uint64_t v = 0;

	for (size_t i = 0; i < b.len; i++)
		v = v << 8 | b.at[i];
	return v;
}

uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)read_be(c, 1);
}

uint16_t cursor_u16be(struct cursor *c)
{
	return (uint16_t)read_be(c, 2);
}

uint32_t cursor_u32be(struct cursor *c)
{
	return (uint32_t)read_be(c, 4);
}

uint64_t cursor_u64be(struct cursor *c)
{
	return read_be(c, 8);
}
