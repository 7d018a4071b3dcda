/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.h: methods.h bound to functions. */
#ifndef P2POS_CONTROL_DISPATCH_H
#define P2POS_CONTROL_DISPATCH_H

#include "daemon/control/call.h"

/* The handler of a method; every method has one, or it does not link. */
call_handler *dispatch(enum rpc_method_id id);

/* Answered also while the node is still starting? */
bool dispatch_is_early(enum rpc_method_id id);

/* do_NODE_STATUS, do_PEER_PING, …, one for each row of methods.h. */
#define X(id, name, role, about, params, result, errors) struct answer *do_##id(struct call *c);
RPC_METHOD_LIST(X)
#undef X

#endif
