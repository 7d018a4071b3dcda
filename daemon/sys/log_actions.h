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
 * fact of its own that no stranger can bring about at will. A message id is a fixed UUID for the
 * journal's MESSAGE_ID; "" = none. */
#define LOG_ACTIONS(X)                                                                             \
	/* life of the process */                                                                  \
	X(start, ALWAYS, "")                                                                       \
	X(start_failed, ALWAYS, "")                                                                \
	X(metrics_listen, ALWAYS, "")                                                                \
	X(ready, ALWAYS, "")                                                                       \
	X(stopping, ALWAYS, "")                                                                    \
	X(stop, ALWAYS, "")                                                                        \
	X(node_key_loaded, ALWAYS, "")                                                             \
	X(node_key_created, ALWAYS, "")                                                            \
	X(node_key_not_locked, ALWAYS, "")                                                         \
	X(loop_stalled, FLOOD, "")                                                                 \
	X(lines_lost, ALWAYS, "")                                                                  \
	X(alert, FLOOD, "")                                                                        \
	/* configuration */                                                                        \
	X(config_created, ALWAYS, "")                                                              \
	X(config_invalid, ALWAYS, "")                                                              \
	X(config_warning, ALWAYS, "")                                                              \
	X(key_without_effect, ALWAYS, "")                                                          \
	X(config_reloaded, ALWAYS, "")                                                             \
	X(config_reload_failed, ALWAYS, "")                                                        \
	/* state and membership */                                                                 \
	X(runtime_state, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d10")                               \
	X(apply_snapshot, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d11")                              \
	X(apply_snapshot_push, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d11")                         \
	X(member_online, ALWAYS, "")                                                               \
	X(member_offline, ALWAYS, "")                                                              \
	X(member_restarting, FLOOD, "")                                                            \
	X(restart_announced, ALWAYS, "")                                                              \
	X(reject_snapshot, FLOOD, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d12")                              \
	X(first_snapshot_refused, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d12")                      \
	X(membership_conflict, FLOOD, "")                                                          \
	X(pull_failed, FLOOD, "")                                                                  \
	X(push_failed, FLOOD, "")                                                                  \
	X(fanout_failed, FLOOD, "")                                                                \
	X(publish_denied, FLOOD, "")                                                               \
	X(admin_proof_expiry, ALWAYS, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d13")                          \
	X(admin_session, FLOOD, "")                                                                \
	X(admin_refused, FLOOD, "")                                                                \
	X(insecure_accept_any_issuer, ALWAYS, "")                                                  \
	X(no_system_pubkey, ALWAYS, "")                                                            \
	X(join_pending, FLOOD, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d15")                                 \
	/* peers and connections */                                                                \
	X(peer_connected, FLOOD, "")                                                               \
	X(peer_disconnected, FLOOD, "")                                                            \
	X(peer_moved, FLOOD, "")                                                                   \
	X(reject_peer, FLOOD, "")                                                                  \
	X(close_peer, FLOOD, "")                                                                   \
	X(dial_failed, FLOOD, "")                                                                  \
	X(handshake_failed, FLOOD, "")                                                             \
	X(identify_failed, FLOOD, "")                                                              \
	X(peers_failed, FLOOD, "")                                                                 \
	X(send_failed, FLOOD, "")                                                                  \
	X(message_refused, FLOOD, "")                                                              \
	X(udp_buffer_small, ALWAYS, "")                                                            \
	X(listen_skipped, FLOOD, "")                                                               \
	/* heartbeats */                                                                           \
	X(heartbeat_reject, FLOOD, "")                                                             \
	X(heartbeat_protocol_unsupported, FLOOD, "")                                               \
	/* bootstrap and DNS */                                                                    \
	X(bootstrap_failed, FLOOD, "")                                                             \
	X(dns_record_skipped, FLOOD, "")                                                           \
	X(dns_cut, FLOOD, "")                                                                      \
	/* database */                                                                             \
	X(database_migrated, ALWAYS, "")                                                           \
	X(database_damaged, ALWAYS, "")                                                            \
	X(database_below_floor, ALWAYS, "")                                                        \
	X(store_news, FLOOD, "")                                                                   \
	X(write_failed, FLOOD, "")                                                                 \
	/* control socket */                                                                       \
	X(hello, FLOOD, "")                                                                        \
	X(admin_call, ALWAYS, "")                                                                  \
	X(client_refused, FLOOD, "")                                                               \
	X(client_dropped, FLOOD, "")                                                               \
	X(readers_shut_out, ALWAYS, "")                                                            \
	/* certificates */                                                                         \
	X(autotls_enabled, ALWAYS, "")                                                             \
	X(certificate_failed, FLOOD, "5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d14")

#endif
