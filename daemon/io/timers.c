/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c: a binary heap whose nodes know their place, so that moving one is O(log n). At the
 * thousand timers of a full node a heap costs about 50 ns a move (performance.md section 1). */
#include "daemon/io/timers.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/mem.h"

void timer_heap_init(struct timer_heap *h)
{
	*h = (struct timer_heap){0};
}

void timer_heap_deinit(struct timer_heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		h->heap[i]->heap_pos = 0;
	free(h->heap);
	*h = (struct timer_heap){0};
}

static void place(struct timer_heap *h, size_t at, struct timer *t)
{
	h->heap[at] = t;
	t->heap_pos = at + 1;
}

static void sift_up(struct timer_heap *h, size_t at)
{
	struct timer *t = h->heap[at];

	while (at > 0 && mono_before(t->when, h->heap[(at - 1) / 2]->when)) {
		place(h, at, h->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(h, at, t);
}

static void sift_down(struct timer_heap *h, size_t at)
{
	struct timer *t = h->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count && mono_before(h->heap[child + 1]->when, h->heap[child]->when))
			child++;
		if (!mono_before(h->heap[child]->when, t->when))
			break;
		place(h, at, h->heap[child]);
		at = child;
	}
	place(h, at, t);
}

void timer_heap_stop(struct timer_heap *h, struct timer *t)
{
	size_t at;
	struct timer *last;

	if (!t->heap_pos)
		return;
	at = t->heap_pos - 1;
	assert(at < h->count && h->heap[at] == t);
	t->heap_pos = 0;
	last = h->heap[--h->count];
	if (last == t)
		return;
	place(h, at, last);
	sift_up(h, at);
	sift_down(h, last->heap_pos - 1);
}

void timer_heap_set(struct timer_heap *h, struct timer *t, mono_t when)
{
	assert(t->on_fire);
	if (mono_is_never(when)) {
		timer_heap_stop(h, t);
		return;
	}
	if (!t->heap_pos) {
		if (h->count == h->cap) {
			h->cap = h->cap ? h->cap * 2 : 16;
			h->heap = xrealloc(h->heap, h->cap * sizeof(struct timer *));
		}
		place(h, h->count++, t);
	}
	t->when = mono_max(when, h->not_before);
	sift_up(h, t->heap_pos - 1);
	sift_down(h, t->heap_pos - 1);
}

mono_t timer_heap_next(const struct timer_heap *h)
{
	return h->count ? h->heap[0]->when : MONO_NEVER;
}

void timer_heap_fire(struct timer_heap *h, mono_t now)
{
	/* A timer that re-arms itself in the past would never let the loop go. */
	h->not_before = mono_add_ns(now, 1);
	while (h->count && mono_reached(h->heap[0]->when, now)) {
		struct timer *t = h->heap[0];

		timer_heap_stop(h, t);
		t->on_fire(t->arg, now);
	}
	h->not_before = MONO_ZERO;
}
