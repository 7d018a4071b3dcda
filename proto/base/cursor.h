/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.h: reads bytes front to back; the first error sticks.
 *
 * Read field after field without checking each one, then look at `err` once: after an error
 * every read gives zeros or nothing and moves no further. No read ever leaves the view. */
#ifndef P2POS_BASE_CURSOR_H
#define P2POS_BASE_CURSOR_H

#include "proto/base/bytes.h"

struct cursor {
	struct bytes in; /* borrowed */
	size_t pos;      /* <= in.len */
	int err;         /* 0, or the first error */
};

static inline struct cursor cursor_of(struct bytes in)
{
	return (struct cursor){in, 0, 0};
}

/* Bytes not read yet. */
static inline size_t cursor_left(const struct cursor *c)
{
	return c->in.len - c->pos;
}

static inline bool cursor_at_end(const struct cursor *c)
{
	return cursor_left(c) == 0;
}

/* Notes an error of the caller's own (the first one stays). */
void cursor_fail(struct cursor *c, int err);

/* Fixed-width reads; a short input notes P2P_ERR_TRUNCATED and gives 0. */
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16be(struct cursor *c);
uint32_t cursor_u32be(struct cursor *c);
uint64_t cursor_u64be(struct cursor *c);

/* The next `len` bytes, borrowed from the input; BYTES_NONE and P2P_ERR_TRUNCATED when short. */
struct bytes cursor_take(struct cursor *c, size_t len);

/* All that is left. */
struct bytes cursor_rest(struct cursor *c);

#endif
