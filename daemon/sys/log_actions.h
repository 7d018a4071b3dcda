/* SPDX-License-Identifier: Apache-2.0 */
/* log_actions.h: the modules and actions that a log line may name, each once.
 *
 * Operators search for these words, so they are kept for good; names of the original wherever the
 * event is the same. A test compares the list with the source. A module or action that is not
 * here still prints; the test then says so. */
#ifndef P2POS_SYS_LOG_ACTIONS_H
#define P2POS_SYS_LOG_ACTIONS_H

#define LOG_MODULES(X)                                                                             \
	X(NODE) X(CONFIG) X(MEMBERSHIP) X(NETWORK) X(HEARTBEAT) X(STATUS) X(BOOTSTRAP) X(DNS)      \
	X(STORE) X(CONTROL) X(UPDATE) X(METRICS) X(LOG) X(AUTOTLS)

/* X(action, FLOOD or ALWAYS, message id): ALWAYS lines are never suppressed, because each is a
 * fact of its own. A message id is a fixed UUID for the journal's MESSAGE_ID; "" = none. */
#define LOG_ACTIONS(X)                                                                             \
	/* life of the process */                                                                  \
	X(start, ALWAYS, "")                                                                       \
	X(ready, ALWAYS, "")                                                                       \
	X(stop, ALWAYS, "")                                                                        \
	X(stopping, ALWAYS, "")                                                                    \
	X(node_key_loaded, ALWAYS, "")                                                             \
	X(node_key_created, ALWAYS, "")                                                            \
	X(lines_lost, ALWAYS, "")                                                                  \
	/* state and membership */                                                                 \
	X(runtime_state, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d10")                               \
	X(apply_snapshot, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d11")                              \
	X(apply_snapshot_push, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d11")                         \
	X(reject_snapshot, FLOOD, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d12")                              \
	X(admin_proof_expiry, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d13")                          \
	X(certificate_failed, FLOOD, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d14")                           \
	X(join_pending, FLOOD, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d15")                                 \
	/* configuration */                                                                        \
	X(config_invalid, ALWAYS, "")                                                              \
	X(config_warning, ALWAYS, "")                                                              \
	X(config_reloaded, ALWAYS, "")                                                             \
	X(config_created, ALWAYS, "")

#endif
