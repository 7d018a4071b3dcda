/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/turns.h"

static void nothing(void *arg, mono_t now)
{
	(void)arg;
	(void)now;
}

void turn_times(struct loop *l, int count)
{
	struct timer kick = TIMER(nothing, NULL);

	while (count-- > 0) {
		loop_timer_set(l, &kick, MONO_ZERO);
		loop_turn(l);
	}
	loop_timer_stop(l, &kick);
}
