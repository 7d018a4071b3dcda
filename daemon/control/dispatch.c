/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/dispatch.h"

#include <stddef.h>

static call_handler *const handlers[] = {
#define X(id, name, role, about, params, result, errors) [METHOD_##id] = do_##id,
	RPC_METHOD_LIST(X)
#undef X
};

call_handler *dispatch(enum rpc_method_id id)
{
	return handlers[id];
}

/* What needs no core, no store and no network. */
static const enum rpc_method_id early[] = {
	METHOD_RPC_HELLO, METHOD_RPC_LIST, METHOD_RPC_DESCRIBE, METHOD_NODE_STOP,
	METHOD_CONFIG_GET, METHOD_CONFIG_EFFECTIVE, METHOD_CONFIG_SCHEMA, METHOD_CONFIG_CHECK,
	METHOD_LOG_GET_LEVEL, METHOD_LOG_SET_LEVEL, METHOD_LOG_TAIL, METHOD_EVENTS_SUBSCRIBE,
	METHOD_EVENTS_UNSUBSCRIBE,
};

bool dispatch_is_early(enum rpc_method_id id)
{
	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++)
		if (early[i] == id)
			return true;
	return false;
}
