/* SPDX-License-Identifier: Apache-2.0 */
/* Written bytes of a stream, until they are acknowledged. */
#include <assert.h>
#include <ngtcp2/ngtcp2.h>
#include <stdlib.h>

#include "proto/base/mem.h"
#include "proto/quic/stream.h"

static struct quic_chunk *add_chunk(struct quic_tx *tx, size_t len)
{
	size_t cap = len < QUIC_CHUNK_SMALL ? QUIC_CHUNK_SMALL : len;
	struct quic_chunk *c;

	if (cap > QUIC_CHUNK_BYTES)
		cap = QUIC_CHUNK_BYTES;
	c = xmalloc(sizeof(*c) + cap);
	c->next = NULL;
	c->len = 0;
	c->cap = (uint32_t)cap;
	if (tx->last)
		tx->last->next = c;
	else
		tx->first = c;
	tx->last = c;
	if (!tx->unsent) {
		tx->unsent = c;
		tx->unsent_at = 0;
	}
	return c;
}

void quic_tx_put(struct quic_tx *tx, struct bytes what)
{
	tx->queued += (uint32_t)what.len;
	tx->unsent_bytes += (uint32_t)what.len;
	while (what.len > 0) {
		struct quic_chunk *c = tx->last;
		struct bytes piece;

		if (!c || c->len == c->cap)
			c = add_chunk(tx, what.len);
		piece = bytes_head(what, c->cap - c->len);
		memcpy(c->at + c->len, piece.at, piece.len);
		c->len += (uint32_t)piece.len;
		what = bytes_from(what, piece.len);
	}
}

size_t quic_tx_gather(const struct quic_tx *tx, ngtcp2_vec *to, size_t max, size_t enough)
{
	struct quic_chunk *c = tx->unsent;
	size_t at = tx->unsent_at, count = 0, sum = 0;

	for (; c && count < max && sum < enough; c = c->next, at = 0) {
		if (c->len == at)
			continue;
		to[count].base = c->at + at;
		to[count++].len = c->len - at;
		sum += c->len - at;
	}
	return count;
}

void quic_tx_sent(struct quic_tx *tx, size_t n)
{
	assert(n <= tx->unsent_bytes);
	tx->unsent_bytes -= (uint32_t)n;
	while (n > 0) {
		size_t here = tx->unsent->len - tx->unsent_at;

		if (here > n)
			here = n;
		tx->unsent_at += (uint32_t)here;
		n -= here;
		/* At the end of the last chunk it waits there: more may be written into it. */
		if (tx->unsent_at == tx->unsent->len && tx->unsent->next) {
			tx->unsent = tx->unsent->next;
			tx->unsent_at = 0;
		}
	}
}

void quic_tx_acked(struct quic_tx *tx, size_t n)
{
	assert(n <= tx->queued - tx->unsent_bytes);
	tx->queued -= (uint32_t)n;
	n += tx->acked_at;
	tx->acked_at = 0;
	while (tx->first && tx->first->len <= n) {
		struct quic_chunk *c = tx->first;

		n -= c->len;
		if (tx->unsent == c) {
			tx->unsent = c->next;
			tx->unsent_at = 0;
		}
		tx->first = c->next;
		if (tx->last == c)
			tx->last = NULL;
		free(c);
	}
	tx->acked_at = (uint32_t)n;
}

void quic_tx_deinit(struct quic_tx *tx)
{
	while (tx->first) {
		struct quic_chunk *c = tx->first;

		tx->first = c->next;
		free(c);
	}
	*tx = (struct quic_tx){0};
}

size_t quic_tx_memory(const struct quic_tx *tx)
{
	size_t sum = 0;

	for (const struct quic_chunk *c = tx->first; c; c = c->next)
		sum += sizeof(*c) + c->cap;
	return sum;
}
