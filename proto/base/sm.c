/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/sm.h"

#include <assert.h>

void sm_init(struct sm *m, const struct sm_state *table, unsigned first)
{
	assert(first < 32 && table && table[first].name);
	m->table = table;
	m->state = first;
}

void sm_move(struct sm *m, unsigned to)
{
	assert(to < 32);
	assert(m->table[m->state].allowed & SM_TO(to));
	m->state = to;
}

const char *sm_name(const struct sm *m)
{
	return m->table[m->state].name;
}
