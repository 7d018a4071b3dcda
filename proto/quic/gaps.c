/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/gaps.h"

#include <stdlib.h>

#include "proto/base/mem.h"

#define PIECES_FIRST 8 /* doubled when full */

void quic_gaps_deinit(struct quic_gaps *g)
{
	free(g->at);
	*g = (struct quic_gaps){0};
}

/* The first piece that ends at or behind `begin`: the one that a new piece may touch. */
static uint32_t seek(const struct quic_gaps *g, uint64_t begin)
{
	uint32_t low = 0, high = g->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (g->at[middle].end < begin)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts `piece` in place of the `old` pieces from `at` on. */
static void replace(struct quic_gaps *g, uint32_t at, uint32_t old, struct quic_piece piece)
{
	if (!old && g->count == g->cap) {
		g->cap = g->cap ? g->cap * 2 : PIECES_FIRST;
		g->at = xrealloc(g->at, g->cap * sizeof(g->at[0]));
	}
	memmove(&g->at[at + 1], &g->at[at + old], (g->count - at - old) * sizeof(g->at[0]));
	g->at[at] = piece;
	g->count += 1 - old;
}

bool quic_gaps_add(struct quic_gaps *g, uint64_t begin, uint64_t end)
{
	struct quic_piece piece = {begin, end};
	uint32_t at = seek(g, begin), last = at;

	if (begin >= end)
		return true;
	for (; last < g->count && g->at[last].begin <= end; last++) {
		const struct quic_piece *old = &g->at[last];

		if (old->begin < piece.begin)
			piece.begin = old->begin;
		if (old->end > piece.end)
			piece.end = old->end;
		g->bytes -= old->end - old->begin;
	}
	replace(g, at, last - at, piece);
	g->bytes += piece.end - piece.begin;
	return g->count <= QUIC_GAPS_MAX + g->bytes / QUIC_BYTES_PER_GAP;
}

void quic_gaps_reached(struct quic_gaps *g, uint64_t end)
{
	uint32_t done = 0;

	while (done < g->count && g->at[done].end <= end) {
		g->bytes -= g->at[done].end - g->at[done].begin;
		done++;
	}
	if (done == g->count) {
		quic_gaps_deinit(g);
		return;
	}
	g->count -= done;
	memmove(g->at, g->at + done, g->count * sizeof(g->at[0]));
	if (g->at[0].begin < end) {
		g->bytes -= end - g->at[0].begin;
		g->at[0].begin = end;
	}
}
