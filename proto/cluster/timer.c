/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/timer.h"

#include "proto/base/mem.h"
#include <stdlib.h>

void timers_deinit(struct timers *ts)
{
	for (size_t i = 1; i <= ts->count; i++)
		ts->heap[i]->place = 0;
	free(ts->heap);
	*ts = (struct timers){0};
}

static bool rings_before(const struct timer *a, const struct timer *b)
{
	int c = mono_cmp(a->at, b->at);

	return c ? c < 0 : a->turn < b->turn;
}

static void put(struct timers *ts, struct timer *t, size_t place)
{
	ts->heap[place] = t;
	t->place = place;
}

static void sift_up(struct timers *ts, struct timer *t, size_t place)
{
	while (place > 1 && rings_before(t, ts->heap[place / 2])) {
		put(ts, ts->heap[place / 2], place);
		place /= 2;
	}
	put(ts, t, place);
}

static void sift_down(struct timers *ts, struct timer *t, size_t place)
{
	for (;;) {
		size_t child = place * 2;

		if (child > ts->count)
			break;
		if (child < ts->count && rings_before(ts->heap[child + 1], ts->heap[child]))
			child++;
		if (!rings_before(ts->heap[child], t))
			break;
		put(ts, ts->heap[child], place);
		place = child;
	}
	put(ts, t, place);
}

void timer_stop(struct timers *ts, struct timer *t)
{
	size_t place = t->place;
	struct timer *last;

	if (!place)
		return;
	t->place = 0;
	last = ts->heap[ts->count--];
	if (last == t)
		return;
	if (place > 1 && rings_before(last, ts->heap[place / 2]))
		sift_up(ts, last, place);
	else
		sift_down(ts, last, place);
}

void timer_arm(struct timers *ts, struct timer *t, mono_t at)
{
	timer_stop(ts, t);
	if (mono_is_never(at))
		return;
	if (ts->count + 1 >= ts->cap) {
		ts->cap = ts->cap ? ts->cap * 2 : 32;
		ts->heap = xrealloc(ts->heap, ts->cap * sizeof(*ts->heap));
	}
	t->at = at;
	t->turn = ++ts->turns;
	sift_up(ts, t, ++ts->count);
}

mono_t timers_next(const struct timers *ts)
{
	return ts->count ? ts->heap[1]->at : MONO_NEVER;
}

struct timer *timers_due(struct timers *ts, mono_t now)
{
	struct timer *t = ts->count ? ts->heap[1] : NULL;

	if (!t || !mono_reached(t->at, now))
		return NULL;
	timer_stop(ts, t);
	return t;
}
