/* SPDX-License-Identifier: Apache-2.0 */
/* turns.h: tests that run the real loop. */
#ifndef P2POS_TESTS_LIB_TURNS_H
#define P2POS_TESTS_LIB_TURNS_H

#include <unistd.h>

#include "daemon/io/uv_loop.h"
#include "tests/lib/p2ptest.h"

/* Turns the loop until `cond` holds. One that never comes would wait for ever: the alarm ends such
 * a program, and nothing else here looks at real time. */
#define turn_until(loop, cond)                                                                     \
	do {                                                                                       \
		(void)alarm(60);                                                                   \
		while (!(cond))                                                                    \
			loop_turn(loop);                                                           \
		(void)alarm(0);                                                                    \
	} while (0)

/* Turns it `count` times without waiting for news; for what must not happen. */
void turn_times(struct loop *l, int count);

#endif
