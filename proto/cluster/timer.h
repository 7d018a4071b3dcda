/* SPDX-License-Identifier: Apache-2.0 */
/* timer.h: the core's alarm clock: a heap of timers that live inside the things they wake.
 *
 * Arming, moving and stopping cost O(log n); the earliest one is known at once. Timers of the same
 * instant ring in the order in which they were armed, so that a run repeats exactly. */
#ifndef P2POS_CLUSTER_TIMER_H
#define P2POS_CLUSTER_TIMER_H

#include "proto/base/clock.h"
#include <stddef.h>

/* Zero is a stopped timer. */
struct timer {
	mono_t at;
	uint64_t turn; /* breaks ties */
	size_t place;  /* in the heap, from 1; 0 = not armed */
	unsigned kind; /* what it is for; the owner's number */
	void *of;      /* whom it wakes; outlives the armed timer */
};

struct timers {
	struct timer **heap; /* owned array of borrowed timers; heap[0] is unused */
	size_t count, cap;
	uint64_t turns;
};

void timers_deinit(struct timers *ts);

/* Arms or moves; MONO_NEVER stops. */
void timer_arm(struct timers *ts, struct timer *t, mono_t at);
void timer_stop(struct timers *ts, struct timer *t);

static inline bool timer_is_armed(const struct timer *t)
{
	return t->place != 0;
}

/* The earliest deadline, MONO_NEVER when there is none. */
mono_t timers_next(const struct timers *ts);

/* Takes the earliest one that has come off the heap; NULL when none has. */
struct timer *timers_due(struct timers *ts, mono_t now);

#endif
