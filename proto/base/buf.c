/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

#define BUF_FIRST_CAP 64

void buf_deinit(struct buf *b)
{
	if (b->secret)
		mem_wipe(b->data, b->cap);
	free(b->data);
	b->data = NULL;
	b->len = 0;
	b->cap = 0;
}

void buf_reset(struct buf *b)
{
	if (b->secret)
		mem_wipe(b->data, b->len);
	b->len = 0;
}

/* Reallocation may leave the old copy of a secret behind, so secrets are moved by hand. */
static void move_to(struct buf *b, size_t cap)
{
	uint8_t *fresh;

	if (!b->secret) {
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
		return;
	}
	fresh = xmalloc(cap);
	if (b->len)
		memcpy(fresh, b->data, b->len);
	mem_wipe(b->data, b->cap);
	free(b->data);
	b->data = fresh;
	b->cap = cap;
}

/* Doubles, so that many small appends cost little; `need` is at least one byte. */
static size_t cap_for(const struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST_CAP;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	return cap;
}

int buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;

	if (more > SIZE_MAX - b->len)
		return P2P_ERR_TOO_LARGE;
	need = b->len + more;
	if (b->max && need > b->max)
		return P2P_ERR_TOO_LARGE;
	if (need <= b->cap)
		return 0;
	cap = cap_for(b, need);
	if (b->max && cap > b->max)
		cap = b->max;
	move_to(b, cap);
	return 0;
}

uint8_t *buf_grow(struct buf *b, size_t len)
{
	uint8_t *at;

	if (buf_reserve(b, len))
		return NULL;
	/* NULL means failure: even nothing has a place. */
	if (!b->data)
		move_to(b, b->max && b->max < BUF_FIRST_CAP ? b->max : BUF_FIRST_CAP);
	at = b->data + b->len;
	b->len += len;
	return at;
}

int buf_put(struct buf *b, struct bytes what)
{
	uint8_t *at;

	if (!what.len)
		return 0;
	at = buf_grow(b, what.len);
	if (!at)
		return P2P_ERR_TOO_LARGE;
	memcpy(at, what.at, what.len);
	return 0;
}

int buf_put_u8(struct buf *b, uint8_t v)
{
	return buf_put(b, bytes_of(&v, 1));
}

int buf_put_u16be(struct buf *b, uint16_t v)
{
	uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	return buf_put(b, bytes_of(be, sizeof(be)));
}

int buf_put_u32be(struct buf *b, uint32_t v)
{
	uint8_t be[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	return buf_put(b, bytes_of(be, sizeof(be)));
}

int buf_put_str(struct buf *b, const char *s)
{
	return buf_put(b, bytes_str(s));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	/* vsnprintf wants room for its NUL, which is not counted in len. */
	if (b->max && b->len + (size_t)n > b->max)
		return P2P_ERR_TOO_LARGE;
	if (b->len + (size_t)n + 1 > b->cap)
		move_to(b, cap_for(b, b->len + (size_t)n + 1));
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= n;
	if (n && b->len)
		memmove(b->data, b->data + n, b->len);
	if (n && b->secret)
		mem_wipe(b->data + b->len, n);
}

void buf_truncate(struct buf *b, size_t len)
{
	assert(len <= b->len);
	if (b->secret && len < b->len)
		mem_wipe(b->data + len, b->len - len);
	b->len = len;
}

void buf_trim(struct buf *b, size_t keep)
{
	if (b->len == 0 && b->cap > keep)
		buf_deinit(b);
}

void buf_swap(struct buf *a, struct buf *b)
{
	struct buf t = *a;

	*a = *b;
	*b = t;
}

const char *buf_cstr(struct buf *b)
{
	/* The NUL stands outside len and so outside max. */
	if (b->len == b->cap)
		move_to(b, b->cap + 1);
	b->data[b->len] = '\0';
	return (const char *)b->data;
}
