/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h: owned bytes that grow up to a stated maximum.
 *
 * A `struct buf` with everything zero is empty and valid with no maximum of its own; give each
 * buffer that outsiders can fill a `max`. Running over it is an error of the caller's input
 * (P2P_ERR_TOO_LARGE), and leaves the buffer as it was. */
#ifndef P2POS_BASE_BUF_H
#define P2POS_BASE_BUF_H

#include "proto/base/bytes.h"

struct buf {
	uint8_t *data; /* owned */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
	size_t max;    /* never grows beyond; 0 = no limit of its own */
	bool secret;   /* wiped when it is freed, moved or shrunk */
};

#define BUF_INIT         ((struct buf){0})
#define BUF_WITH_MAX(m)  ((struct buf){.max = (m)})
#define BUF_SECRET(m)    ((struct buf){.max = (m), .secret = true})

/* Frees the memory (wiped first if `secret`); the buffer is empty and valid again, its max kept. */
void buf_deinit(struct buf *b);

/* Empties without freeing. */
void buf_reset(struct buf *b);

/* Makes room for `more` bytes behind `len`. 0 or P2P_ERR_TOO_LARGE. */
int buf_reserve(struct buf *b, size_t more);

/* Each appends; 0 or P2P_ERR_TOO_LARGE with nothing appended. */
int buf_put(struct buf *b, struct bytes what);
int buf_put_u8(struct buf *b, uint8_t v);
int buf_put_u16be(struct buf *b, uint16_t v);
int buf_put_u32be(struct buf *b, uint32_t v);
int buf_put_str(struct buf *b, const char *s);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Grows by `len` bytes that the caller fills in at once. NULL when that is over the maximum. */
uint8_t *buf_grow(struct buf *b, size_t len);

/* Drops the first `n` bytes (n <= len); the rest moves to the front. */
void buf_drop(struct buf *b, size_t n);

/* Shortens to `len` (<= current). */
void buf_truncate(struct buf *b, size_t len);

/* Gives back memory of an empty buffer above `keep` bytes of capacity, so that an idle
 * connection owns next to nothing. Does nothing while bytes are in use. */
void buf_trim(struct buf *b, size_t keep);

/* Exchanges contents and limits. */
void buf_swap(struct buf *a, struct buf *b);

/* The contents as C text: a NUL is put behind, counted neither in len nor in max. Never NULL. */
const char *buf_cstr(struct buf *b);

static inline struct bytes buf_bytes(const struct buf *b)
{
	return bytes_of(b->data, b->len);
}

#endif
