/* SPDX-License-Identifier: Apache-2.0 */
/* timers.h: one-shot timers in a heap. No clock of its own: the loop feeds it the time, so tests can
 * use any.
 *
 * A `struct timer` lives inside the struct it wakes. Zeroed it is valid and not armed. */
#ifndef P2POS_IO_TIMERS_H
#define P2POS_IO_TIMERS_H

#include <stddef.h>

#include "proto/base/clock.h"

struct timer {
	void (*on_fire)(void *arg, mono_t now); /* the timer is disarmed before; it may arm itself again */
	void *arg;
	mono_t when;     /* private: read it with timer_when() */
	size_t heap_pos; /* private: 1 + place in the heap, 0 = not armed */
};

#define TIMER(fn, argument) ((struct timer){.on_fire = (fn), .arg = (argument)})

static inline bool timer_is_armed(const struct timer *t)
{
	return t->heap_pos != 0;
}

/* When it fires, MONO_NEVER when it is not armed. */
static inline mono_t timer_when(const struct timer *t)
{
	return t->heap_pos ? t->when : MONO_NEVER;
}

/* A binary heap of the armed ones; as large as what links into it, so it has no limit of its own. */
struct timer_heap {
	struct timer **heap; /* owned array of borrowed timers */
	size_t count, cap;
	mono_t not_before; /* while firing: just behind `now`; MONO_ZERO otherwise */
};

void timer_heap_init(struct timer_heap *h);
/* Disarms whatever is still armed. */
void timer_heap_deinit(struct timer_heap *h);

/* Arms, or moves an armed one. MONO_NEVER disarms. From inside on_fire a time that has passed counts
 * as just after the present one. */
void timer_heap_set(struct timer_heap *h, struct timer *t, mono_t when);
/* Disarms; harmless on one that is not armed. */
void timer_heap_stop(struct timer_heap *h, struct timer *t);

/* The earliest deadline, MONO_NEVER when there is none. */
mono_t timer_heap_next(const struct timer_heap *h);

/* Fires all that are due at `now`, earliest first. What is armed meanwhile waits for a later call, so
 * that a turn always ends. */
void timer_heap_fire(struct timer_heap *h, mono_t now);

#endif
