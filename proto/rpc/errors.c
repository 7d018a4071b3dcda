/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/errors.h"

#include <stddef.h>
#include <string.h>

static const struct rpc_error_info errors[] = {
#define X(id, code, reason, exit_code, text, hint) {RPC_ERR_##id, reason, exit_code, text, hint},
	RPC_ERROR_LIST(X)
#undef X
};

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

const struct rpc_error_info *rpc_error_find(long code)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].code == code)
			return &errors[i];
	return NULL;
}

const struct rpc_error_info *rpc_error_find_reason(const char *reason)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (strcmp(errors[i].reason, reason) == 0)
			return &errors[i];
	return NULL;
}

const struct rpc_error_info *rpc_error_at(unsigned index)
{
	return index < ERRORS ? &errors[index] : NULL;
}
