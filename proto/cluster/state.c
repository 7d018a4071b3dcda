/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/state.h"

enum core_state state_of(const struct state_facts *f)
{
	if (!f->has_list || !f->is_member || f->members == 0)
		return CORE_UNCONFIGURED;
	return 2 * f->online > f->members ? CORE_HEALTHY : CORE_DEGRADED;
}

const char *core_state_name(enum core_state s)
{
	switch (s) {
	case CORE_UNCONFIGURED: return "unconfigured";
	case CORE_DEGRADED: return "degraded";
	case CORE_HEALTHY: return "healthy";
	}
	return "unconfigured";
}
