/* SPDX-License-Identifier: Apache-2.0 */
/* methods.h: every method of the control socket, once: name, role, purpose, parameters, fields
 * of the result, errors beyond the general ones (operator.md, "JSON-RPC").
 *
 * The daemon's dispatch, its check of parameters and rpc.describe come from this list; README.md
 * beside it tells the shape of each result. A test compares the two, and another one compares
 * the answers with the fields promised here. Fields are added, never renamed.
 *
 * X(id, "name", role, "purpose", (parameters), "fields of the result", (own errors))
 *   role        READER may ask, ADMIN may change
 *   parameters  P(name, TYPE, NEED, "what it means"), NEED is MUST or MAY
 *   fields      words; `name[]` is an array, `name{}` an object or null, a trailing `?` may be absent
 *   errors      E(id of errors.h) for those a caller should expect; the standard ones, not_ready,
 *               shutting_down, busy and permission_denied are possible everywhere */
#ifndef P2POS_RPC_METHODS_H
#define P2POS_RPC_METHODS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/rpc/errors.h"

#define RPC_API 1 /* raised only by a change that breaks clients */

/* How the type of a parameter is checked. */
#define RPC_TYPE_LIST(X)                                                                           \
	X(TEXT, "text", "a string")                                                                \
	X(PEER, "peer", "a peer id, or an unambiguous beginning of one that this node knows")      \
	X(ADDR, "addr", "a multiaddr")                                                             \
	X(TIME, "time", "an RFC 3339 time")                                                        \
	X(UINT, "uint", "an integer from 0 on")                                                    \
	X(BOOL, "bool", "true or false")                                                           \
	X(TEXTS, "texts", "an array of strings")                                                   \
	X(OBJECT, "object", "an object")

#define RPC_METHOD_LIST(X)                                                                         \
	X(RPC_HELLO, "rpc.hello", READER, "who is there, and what this client may do",             \
		(P(version, TEXT, MAY, "the client's own version, for the daemon's log")),         \
		"server version api role pid ready", ())                                           \
	X(RPC_LIST, "rpc.list", READER, "all methods", (), "methods[]", ())                        \
	X(RPC_DESCRIBE, "rpc.describe", READER, "one method in full",                              \
		(P(method, TEXT, MUST, "its name")), "name role about params[] result errors[]",   \
		(E(NOT_FOUND)))                                                                    \
	X(NODE_STATUS, "node.status", READER, "this node and the cluster at a glance", (),         \
		"generated_at complete node{} cluster{} autotls{} update{} members[] pending alerts[]", ()) \
	X(NODE_HEALTH, "node.health", READER, "the state in one line", (),                         \
		"state healthy members online quorum since reason", ())                            \
	X(NODE_ID, "node.id", READER, "the identity of this node", (),                             \
		"peer_id peer_id_cid public_key cluster_id name", ())                              \
	X(NODE_ADDRESSES, "node.addresses", READER, "where this node listens, and is seen", (),    \
		"listen[] announce[] observed[] network_mode", ())                                 \
	X(NODE_STOP, "node.stop", ADMIN, "stop this node in good order",                           \
		(P(force, BOOL, MAY, "also when systemd runs it")), "stopping", (E(UNSUPPORTED)))  \
	X(NODE_RESTARTING, "node.restarting", ADMIN,                                               \
		"tell the members that this node is about to restart: they do not miss it for ten seconds", \
		(), "members told", (E(BUSY)))                                                     \
	X(NODE_EXPLAIN, "node.explain", READER, "why the state is what it is, and what would change it", \
		(P(peer, PEER, MAY, "why this member counts as it does")),                         \
		"state since reason cause finding rule lines[] notes[] remedies[] members online quorum missing[] peer{}?",      \
		(E(NOT_FOUND)))                                                                    \
	X(STATUS_LOCAL, "status.local", READER, "this node's record of each member", (),           \
		"generated_at peers[]", (E(UNCONFIGURED)))                                         \
	X(STATUS_CLUSTER, "status.cluster", READER, "the records of all connected members, merged", (), \
		"generated_at complete peers[] failed[]", (E(UNCONFIGURED)))                       \
	X(MEMBER_LIST, "member.list", READER, "the members and what is known of each", (),         \
		"members[] snapshot{} online quorum", ())                                          \
	X(MEMBER_GET, "member.get", READER, "one member in full",                                  \
		(P(peer, PEER, MUST, "the member")), "member{}", (E(NOT_FOUND)))                   \
	X(MEMBER_HISTORY, "member.history", READER, "the accepted snapshots, newest first",        \
		(P(limit, UINT, MAY, "how many, 1 to 64; 64 if left out")), "snapshots[]",         \
		(E(STORAGE)))                                                                      \
	X(MEMBER_PENDING, "member.pending", READER, "peers that knocked and are no members", (),   \
		"pending[]", ())                                                                   \
	X(MEMBER_EXPORT, "member.export", READER, "a signed snapshot as it was received",          \
		(P(hash, TEXT, MAY, "an earlier one, by its hash or an unambiguous beginning of it; " \
				    "the current one if left out")),                               \
		"snapshot{} hash", (E(UNCONFIGURED) E(NOT_FOUND) E(STORAGE)))                      \
	X(MEMBER_EVIDENCE, "member.evidence", READER,                                              \
		"two valid snapshots for one instant, as a file that proves itself",               \
		(P(hash, TEXT, MAY, "of one of the two, or an unambiguous beginning of it; the "   \
				    "newest pair if left out")),                                   \
		"evidence{} issued_at", (E(NOT_FOUND) E(STORAGE)))                                 \
	X(MEMBER_PLAN, "member.plan", READER, "an unsigned draft and the effect it would have",    \
		(P(add, TEXTS, MAY, "peer ids to let in")                                          \
		 P(remove, TEXTS, MAY, "peer ids to put out")                                      \
		 P(set, TEXTS, MAY, "exactly these members; not with add or remove")               \
		 P(rollback, TEXT, MAY, "the members of an earlier snapshot, by hash; not with others")), \
		"draft{} changed added[] removed[] members{} quorum{} online{} state_after warnings[]", \
		(E(UNCONFIGURED) E(SNAPSHOT_REJECTED) E(NOT_FOUND) E(STORAGE)))                    \
	X(MEMBER_PUBLISH, "member.publish", ADMIN, "take a signed snapshot and spread it",         \
		(P(snapshot, OBJECT, MUST, "the signed snapshot (p2pos.md 3.5)")                   \
		 P(force, BOOL, MAY, "also without quorum, and when it would lock someone out")    \
		 P(expect_hash, TEXT, MAY, "refuse unless this is the hash of the current snapshot")), \
		"changed applied snapshot{} pushed[] failed[]",                                    \
		(E(UNCONFIGURED) E(NO_QUORUM) E(ADMIN_PROOF_INVALID) E(SNAPSHOT_STALE)             \
		 E(SNAPSHOT_REJECTED) E(WOULD_LOCK_OUT) E(STORAGE)))                               \
	X(MEMBER_VERIFY, "member.verify", READER, "would this snapshot be taken? nothing is changed", \
		(P(snapshot, OBJECT, MUST, "the signed snapshot")),                                \
		"valid newer detail message snapshot{}", ())                                       \
	X(MEMBER_SYNC, "member.sync", ADMIN, "ask connected members for a newer snapshot now", (), \
		"changed asked failed[] snapshot{}", (E(NOT_CONNECTED)))                           \
	X(PEER_LIST, "peer.list", READER, "the open connections", (), "peers[]", ())               \
	X(PEER_GET, "peer.get", READER, "one connected peer in full",                              \
		(P(peer, PEER, MUST, "the peer")), "peer{}", (E(NOT_CONNECTED)))                   \
	X(PEER_CONNECT, "peer.connect", ADMIN, "open a connection",                                \
		(P(address, ADDR, MUST, "where; with /p2p/ID only that peer is accepted")          \
		 P(timeout_ms, UINT, MAY, "100 to 120000; 15000 if left out")),                    \
		"changed peer{}", (E(DIAL_FAILED) E(PEER_ID_MISMATCH) E(TIMEOUT)))                 \
	X(PEER_DISCONNECT, "peer.disconnect", ADMIN, "close the connection to a peer",             \
		(P(peer, PEER, MUST, "the peer")), "changed", ())                                  \
	X(PEER_PING, "peer.ping", ADMIN, "measure the round trip",                                 \
		(P(peer, PEER, MUST, "a connected peer")                                           \
		 P(count, UINT, MAY, "1 to 100; 5 if left out")                                    \
		 P(interval_ms, UINT, MAY, "from one to the next, 0 to 10000; 1000 if left out")   \
		 P(timeout_ms, UINT, MAY, "an answer that takes longer counts as lost, 100 to 10000; 10000 if left out")),            \
		"peer_id sent received rtt_ms{} samples[]",                                        \
		(E(NOT_CONNECTED) E(PROTOCOL_UNSUPPORTED)))                                        \
	X(PEER_PERF, "peer.perf", ADMIN, "measure how fast bytes go to a peer and come back",       \
		(P(peer, PEER, MAY, "a connected peer; this or address")                           \
		 P(address, ADDR, MAY, "where; dialled unless its /p2p/ID is connected")           \
		 P(up, UINT, MAY, "bytes to send, up to 68719476736; 16777216 if left out")        \
		 P(down, UINT, MAY, "bytes to get back, likewise")                                 \
		 P(streams, UINT, MAY, "that share them at once, 1 to 8; 1 if left out")),         \
		"peer_id streams up_bytes up_s down_bytes down_s transport security",                      \
		(E(NOT_CONNECTED) E(DIAL_FAILED) E(PEER_ID_MISMATCH) E(PROTOCOL_UNSUPPORTED) E(TIMEOUT))) \
	X(PEER_IDENTIFY, "peer.identify", ADMIN, "ask a peer who it is and what it speaks",        \
		(P(peer, PEER, MUST, "a connected peer")                                           \
		 P(timeout_ms, UINT, MAY, "100 to 60000; 10000 if left out")),                     \
		"peer_id agent_version protocol_version listen_addresses[] observed_address protocols[]", \
		(E(NOT_CONNECTED) E(PROTOCOL_UNSUPPORTED) E(TIMEOUT)))                             \
	X(PEER_TRACE, "peer.trace", ADMIN, "dial and show each step with its time or its error",   \
		(P(address, ADDR, MUST, "where")                                                   \
		 P(timeout_ms, UINT, MAY, "100 to 120000; 15000 if left out")),                    \
		"ok peer_id steps[]", ())                                                          \
	X(BOOTSTRAP_LIST, "bootstrap.list", READER, "where this node looks for its cluster", (),   \
		"entries[] need", ())                                                              \
	X(BOOTSTRAP_RESOLVE, "bootstrap.resolve", READER, "what the names resolve to now",         \
		(P(name, TEXT, MAY, "a DNS name; those of the configuration if left out")),        \
		"names[]", (E(NOT_FOUND) E(TIMEOUT)))                                              \
	X(BOOTSTRAP_RUN, "bootstrap.run", ADMIN, "ask and dial the bootstrap list now", (),        \
		"started entries", ())                                                             \
	X(CONFIG_GET, "config.get", READER, "the configuration as its file has it, secrets hidden", \
		(P(key, TEXT, MAY, "one key, as heartbeat.interval; all if left out")),            \
		"file key value", (E(NOT_FOUND) E(CONFIG_INVALID)))                                \
	X(CONFIG_EFFECTIVE, "config.effective", READER, "the configuration in force, defaults included", \
		(P(key, TEXT, MAY, "one key; all if left out")), "file key value", (E(NOT_FOUND))) \
	X(CONFIG_SCHEMA, "config.schema", READER, "the JSON schema of the configuration", (),      \
		"schema{}", ())                                                                    \
	X(CONFIG_CHECK, "config.check", READER, "check a configuration, change nothing",           \
		(P(text, TEXT, MAY, "its text; the file of this node if left out")),               \
		"valid errors[] warnings[]", (E(NOT_FOUND)))                                       \
	X(CONFIG_SET, "config.set", ADMIN, "change one key of the file, and read it",               \
		(P(key, TEXT, MUST, "dotted, as log.level")                                        \
		 P(value, TEXT, MUST, "JSON; what is not JSON is taken as a string")),             \
		"changed applied[] needs_restart[] warnings[]",                                    \
		(E(CONFIG_INVALID) E(NOT_FOUND) E(STORAGE)))                                       \
	X(CONFIG_APPLY, "config.apply", ADMIN, "replace the file, and read it",                    \
		(P(text, TEXT, MUST, "the whole of the new file")),                                \
		"changed applied[] needs_restart[] warnings[]", (E(CONFIG_INVALID) E(STORAGE)))    \
	X(CONFIG_RELOAD, "config.reload", ADMIN, "read the file again and apply what can be applied", (), \
		"changed applied[] needs_restart[] warnings[]", (E(CONFIG_INVALID)))               \
	X(LOG_GET_LEVEL, "log.get_level", READER, "the log level, and that of each module", (),    \
		"level modules[]", ())                                                             \
	X(LOG_SET_LEVEL, "log.set_level", ADMIN, "change the log level until the next start",      \
		(P(level, TEXT, MUST, "error, warn, info or debug")                         \
		 P(module, TEXT, MAY, "of this module alone")),                                    \
		"changed level modules[]", ())                                                     \
	X(LOG_TAIL, "log.tail", READER, "the newest lines of the log",                             \
		(P(lines, UINT, MAY, "how many, 1 to 256; 20 if left out")), "lines[]", ())        \
	X(EVENTS_SUBSCRIBE, "events.subscribe", READER, "be told what happens, as it happens",     \
		(P(types, TEXTS, MAY, "state, member, membership, peer, alert, log, pending; "     \
				      "all but log if left out")),                                 \
		"subscription types[]", (E(BUSY)))                                                 \
	X(EVENTS_UNSUBSCRIBE, "events.unsubscribe", READER, "end a subscription",                  \
		(P(subscription, UINT, MUST, "its number")), "changed", ())                        \
	X(METRICS_GET, "metrics.get", READER, "all metrics as Prometheus text", (),               \
		"text content_type", ())                                                           \
	X(TIMELINE_GET, "timeline.get", READER, "state, presence and snapshot events in order",    \
		(P(since, TIME, MAY, "not older than this")                                        \
		 P(until, TIME, MAY, "not newer than this")                                        \
		 P(limit, UINT, MAY, "the newest so many, 1 to 1000; 200 if left out")),         \
		"events[] complete", (E(STORAGE)))                                                 \
	X(DB_CHECK, "db.check", ADMIN, "check the database", (), "ok problems[]", (E(STORAGE)))    \
	X(DB_BACKUP, "db.backup", ADMIN, "write a consistent copy of the database",                \
		(P(path, TEXT, MUST, "absolute, of a file that does not exist yet")),              \
		"changed path bytes", (E(STORAGE)))                                                \
	X(DB_COMPACT, "db.compact", ADMIN, "give unused space of the database back", (),          \
		"changed bytes_before bytes_after", (E(STORAGE)))                                  \
	X(DEBUG_MEMORY, "debug.memory", ADMIN, "what is in use of each bound", (),                 \
		"resident_bytes limits[]", ())                                                     \
	X(DEBUG_STREAMS, "debug.streams", ADMIN, "the open streams", (), "streams[]", ())          \
	X(DEBUG_TIMERS, "debug.timers", ADMIN, "what the node will do next, and when", (),         \
		"timers[]", ())

enum rpc_method_id {
#define X(id, name, role, about, params, result, errors) METHOD_##id,
	RPC_METHOD_LIST(X)
#undef X
	METHOD_COUNT
};

enum rpc_role {
	RPC_ROLE_NONE, /* may not even connect */
	RPC_ROLE_READER,
	RPC_ROLE_ADMIN,
};

enum rpc_type {
#define X(id, name, about) RPC_TYPE_##id,
	RPC_TYPE_LIST(X)
#undef X
};

struct rpc_param {
	const char *name;
	enum rpc_type type;
	bool must; /* may not be left out */
	const char *about;
};

struct rpc_method {
	enum rpc_method_id id;
	const char *name;
	enum rpc_role role; /* the least one that may call it */
	const char *about;
	const struct rpc_param *params; /* ends with a NULL name */
	const char *result;             /* fields, as above */
	const int *errors;              /* codes; ends with 0 */
};

/* The method of a name, or NULL. */
const struct rpc_method *rpc_method_find(const char *name);

/* All methods in the order of the list; NULL past the end. */
const struct rpc_method *rpc_method_at(unsigned index);

/* "reader" or "admin"; "none" for nobody. */
const char *rpc_role_name(enum rpc_role role);

/* "text", "peer", … and what that means in words. */
const char *rpc_type_name(enum rpc_type type);
const char *rpc_type_about(enum rpc_type type);

/* The known method whose name is nearest to a mistyped one, or NULL when none is near. */
const char *rpc_method_nearest(const char *name);

/* What is wrong with the parameters of a call. */
struct rpc_params_fault {
	char param[64];    /* the parameter, cut if it is long; "" when it is about all of them */
	char message[192]; /* a sentence for the caller */
};

/* Checks `params` (NULL = none given) against the method: an object, nothing unknown, nothing
 * missing, each of its type. Peer ids, addresses and times are checked for being strings only;
 * what they say is the handler's business. An explicit null counts as left out.
 * P2P_ERR_INVALID with `ret_fault` written. */
int rpc_params_check(const struct rpc_method *m, const json_t *params,
		     struct rpc_params_fault *ret_fault);

/* Checks that `result` has the fields that the method promises, and no others; for tests.
 * False with the first offending field's name in `ret_fault->param`. */
bool rpc_result_check(const struct rpc_method *m, json_t *result, struct rpc_params_fault *ret_fault);

#endif
