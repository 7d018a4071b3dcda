/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/rules.h"

#include <string.h>

struct snapshot_rules rules_local(const struct control_node *n)
{
	return (struct snapshot_rules){
		.cluster_id = n->config->cluster_id,
		.system = n->config->has_system_key ? &n->config->system_key : NULL,
		.insecure_accept_any_issuer = n->config->insecure_accept_any_issuer,
		.source = SNAPSHOT_LOCAL,
		.now = loop_wall(n->loop),
	};
}

enum rpc_error_code rules_error(enum snapshot_reason reason)
{
	if (reason == SNAPSHOT_STALE)
		return RPC_ERR_SNAPSHOT_STALE;
	if (strncmp(snapshot_reason_name(reason), "proof_", 6) == 0)
		return RPC_ERR_ADMIN_PROOF_INVALID;
	return RPC_ERR_SNAPSHOT_REJECTED;
}

const char *rules_detail(enum snapshot_reason reason)
{
	const char *name = snapshot_reason_name(reason);

	return strncmp(name, "proof_", 6) == 0 ? name + 6 : name;
}
