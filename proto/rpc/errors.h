/* SPDX-License-Identifier: Apache-2.0 */
/* errors.h: every error of the control socket, once: number, reason word, exit code of p2posctl,
 * sentence and hint (operator.md, "JSON-RPC").
 *
 * Scripts test `data.reason`, never the number. The sentence and the hint stand in for those of
 * a call that has nothing more precise to say; no error leaves without a hint. */
#ifndef P2POS_RPC_ERRORS_H
#define P2POS_RPC_ERRORS_H

/* X(id, code, "reason", exit, "sentence", "hint") */
#define RPC_ERROR_LIST(X)                                                                          \
	X(PARSE, -32700, "parse_error", 65, "the line is not JSON",                                \
		"send one JSON-RPC 2.0 object or batch per line, UTF-8, at most 16 levels deep")   \
	X(REQUEST, -32600, "invalid_request", 65, "not a JSON-RPC 2.0 request",                    \
		"send {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.status\"}")                  \
	X(METHOD, -32601, "method_not_found", 64, "there is no such method",                       \
		"p2posctl rpc list names the methods of this daemon")                              \
	X(PARAMS, -32602, "invalid_params", 64, "a parameter is wrong",                            \
		"rpc.describe tells the parameters of a method")                                   \
	X(INTERNAL, -32603, "internal", 70, "internal error",                                      \
		"this is a bug: please report it with the log of p2posd")                          \
	X(NOT_READY, 1000, "not_ready", 75, "the node is still starting",                          \
		"try again in a moment, or let p2posctl wait: --wait")                             \
	X(SHUTTING_DOWN, 1001, "shutting_down", 75, "the node is stopping",                        \
		"start it again: systemctl start p2posd")                                          \
	X(BUSY, 1002, "busy", 75, "too many calls at once", "wait for earlier answers, then try again") \
	X(TIMEOUT, 1003, "timeout", 75, "no answer in time", "try again, or allow more time: --timeout") \
	X(PERMISSION_DENIED, 1004, "permission_denied", 77, "you may not do that",                 \
		"use sudo, or join the group of the service: usermod -aG p2pos YOU")               \
	X(NOT_FOUND, 1005, "not_found", 1, "not found", "the matching list command shows what exists") \
	X(UNSUPPORTED, 1006, "unsupported", 1, "not supported here",                               \
		"rpc.describe tells what the method needs")                                        \
	X(UNCONFIGURED, 1100, "unconfigured", 1, "this node belongs to no cluster yet",            \
		"an admin lets it in: p2posctl member approve (on a member), or p2posctl init for a new cluster") \
	X(NO_QUORUM, 1101, "no_quorum", 1, "too few members are online",                           \
		"p2posctl explain tells who is missing; --force publishes anyway")                 \
	X(ADMIN_KEY_MISSING, 1102, "admin_key_missing", 77, "signing needs the admin key",         \
		"name its file: --admin-key @FILE")                                                \
	X(ADMIN_PROOF_INVALID, 1103, "admin_proof_invalid", 65, "the admin proof does not hold",   \
		"p2posctl admin proof show tells what it says; p2posctl admin proof renew makes a new one") \
	X(SNAPSHOT_STALE, 1104, "snapshot_stale", 1, "a newer snapshot is already held",           \
		"plan again from the current members: p2posctl member plan")                       \
	X(SNAPSHOT_REJECTED, 1105, "snapshot_rejected", 65, "the snapshot is not acceptable",      \
		"p2posctl member verify @FILE tells the rule that it breaks")                      \
	X(WOULD_LOCK_OUT, 1106, "would_lock_out", 1, "the change would lock the cluster out",      \
		"p2posctl member plan shows the effect; --force does it all the same")             \
	X(CONFIG_INVALID, 1200, "config_invalid", 78, "the configuration is invalid",              \
		"p2posctl config check names each fault")                                          \
	X(RESTART_REQUIRED, 1201, "restart_required", 1, "this takes effect after a restart only", \
		"systemctl restart p2posd")                                                        \
	X(DIAL_FAILED, 1300, "dial_failed", 69, "no address of the peer answered",                 \
		"p2posctl peer trace ADDR shows each step")                                        \
	X(PROTOCOL_UNSUPPORTED, 1301, "protocol_unsupported", 76, "the peer does not speak that protocol", \
		"p2posctl peer identify ID lists what it speaks")                                  \
	X(PEER_ID_MISMATCH, 1302, "peer_id_mismatch", 76, "another peer answered at that address", \
		"correct the /p2p/ID of the address, or its DNS record")                           \
	X(NOT_CONNECTED, 1303, "not_connected", 69, "there is no connection to that peer",         \
		"p2posctl peer connect ADDR opens one")                                            \
	X(STORAGE, 1600, "storage", 74, "the database failed",                                     \
		"look at the free space of the data directory, then p2posctl db check")

enum rpc_error_code {
#define X(id, code, reason, exit_code, text, hint) RPC_ERR_##id = (code),
	RPC_ERROR_LIST(X)
#undef X
};

struct rpc_error_info {
	enum rpc_error_code code;
	const char *reason; /* the stable word */
	int exit_code;      /* of p2posctl, sysexits */
	const char *text;   /* a sentence without its full stop */
	const char *hint;   /* what to do next; never NULL or empty */
};

/* The entry of a number, or NULL for one that is not in the list. */
const struct rpc_error_info *rpc_error_find(long code);

/* The entry of a reason word, or NULL. */
const struct rpc_error_info *rpc_error_find_reason(const char *reason);

/* The entries in the order of the list; NULL past the end. */
const struct rpc_error_info *rpc_error_at(unsigned index);

#endif
