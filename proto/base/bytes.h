/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.h: a borrowed view of memory.
 *
 * A `struct bytes` owns nothing and ends nothing: it is good until the call that gave it
 * returns, or as long as its owner says. Copy what you keep. */
#ifndef P2POS_BASE_BYTES_H
#define P2POS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *at; /* may be NULL when len is 0 */
	size_t len;
};

#define BYTES_NONE ((struct bytes){NULL, 0})
/* A string literal, without its NUL. */
#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)("" s), sizeof(s) - 1})

static inline struct bytes bytes_of(const void *at, size_t len)
{
	return (struct bytes){(const uint8_t *)at, len};
}

static inline struct bytes bytes_str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Orders bytewise; a prefix comes before what it begins. */
static inline int bytes_cmp(struct bytes a, struct bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.at, b.at, n) : 0;

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* From `skip` on; empty when `skip` is past the end. */
static inline struct bytes bytes_from(struct bytes b, size_t skip)
{
	return skip >= b.len ? bytes_of(b.at, 0) : bytes_of(b.at + skip, b.len - skip);
}

/* The first `len` bytes, or all when there are fewer. */
static inline struct bytes bytes_head(struct bytes b, size_t len)
{
	return bytes_of(b.at, len < b.len ? len : b.len);
}

static inline bool bytes_starts(struct bytes b, struct bytes prefix)
{
	return b.len >= prefix.len && bytes_eq(bytes_head(b, prefix.len), prefix);
}

#endif
