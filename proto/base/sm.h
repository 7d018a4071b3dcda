/* SPDX-License-Identifier: Apache-2.0 */
/* sm.h: states as tables.
 *
 * A state machine is an array with one row a state: its name and the states it may move to.
 * A move that the table does not have is our bug and ends in an assertion. */
#ifndef P2POS_BASE_SM_H
#define P2POS_BASE_SM_H

#include <stdint.h>

#define SM_TO(state) (UINT32_C(1) << (state)) /* up to 32 states */

struct sm_state {
	const char *name;
	uint32_t allowed; /* bits of the states that may follow */
};

struct sm {
	const struct sm_state *table; /* static */
	unsigned state;
};

void sm_init(struct sm *m, const struct sm_state *table, unsigned first);

/* Asserts that the table allows it. */
void sm_move(struct sm *m, unsigned to);

const char *sm_name(const struct sm *m);

#endif
