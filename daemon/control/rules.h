/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h: what a snapshot handed in on the control socket is held against, and how a refusal is
 * told. */
#ifndef P2POS_CONTROL_RULES_H
#define P2POS_CONTROL_RULES_H

#include "daemon/control/face.h"
#include "proto/rpc/errors.h"

/* The rules of this node at this moment; borrowed from it. */
struct snapshot_rules rules_local(const struct control_node *n);

/* The error of a broken rule: a fault of the proof (1103), too old (1104), or any other (1105). */
enum rpc_error_code rules_error(enum snapshot_reason reason);

/* data.detail of that error: for the proof without "proof_" in front (operator.md, "Errors"). */
const char *rules_detail(enum snapshot_reason reason);

#endif
