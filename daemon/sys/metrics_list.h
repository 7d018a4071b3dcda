/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_list.h: every metric once: its name, kind, labels and sentence (operator.md "Metrics").
 *
 * Names are without "_total" (added to counters when printed). Base units; label words from the
 * lists at the end of this file, or from metrics_set_words(). */
#ifndef P2POS_SYS_METRICS_LIST_H
#define P2POS_SYS_METRICS_LIST_H

/* X(id, name, kind, first label, second label, third label, help) */
#define METRICS_LIST(X)                                                                            \
	X(BUILD_INFO, "p2pos_build_info", GAUGE, VERSION, REVISION, NONE,                          \
		"Always 1; version and revision are labels")                                       \
	X(NODE_STATE, "p2pos_node_state", GAUGE, STATE, NONE, NONE,                                \
		"1 for the state the node is in")                                                  \
	X(NODE_STATE_CHANGES, "p2pos_node_state_changes", COUNTER, FROM, TO, NONE,                 \
		"State changes")                                                                   \
	X(MEMBERS, "p2pos_members", GAUGE, NONE, NONE, NONE, "Members of the snapshot in force")   \
	X(MEMBERS_ONLINE, "p2pos_members_online", GAUGE, NONE, NONE, NONE,                         \
		"Members online, this node too")                                                   \
	X(MEMBERS_PENDING, "p2pos_members_pending", GAUGE, NONE, NONE, NONE,                       \
		"Peers that ask to join")                                                          \
	X(MEMBERSHIP_ISSUED, "p2pos_membership_issued_timestamp_seconds", GAUGE, NONE, NONE, NONE, \
		"When the snapshot in force was issued")                                           \
	X(SNAPSHOTS, "p2pos_membership_snapshots", COUNTER, SOURCE, SNAP_RESULT, NONE,             \
		"Snapshots seen")                                                                  \
	X(SNAPSHOT_REJECTS, "p2pos_membership_rejects", COUNTER, REJECT, NONE, NONE,               \
		"Snapshots rejected, by reason")                                                   \
	X(PROOF_EXPIRY, "p2pos_admin_proof_expiry_timestamp_seconds", GAUGE, NONE, NONE, NONE,     \
		"When the admin proof behind the snapshot ends")                                   \
	X(HEARTBEATS_SENT, "p2pos_heartbeats_sent", COUNTER, RESULT, NONE, NONE,                   \
		"Heartbeats sent")                                                                 \
	X(HEARTBEATS_RECEIVED, "p2pos_heartbeats_received", COUNTER, HB_RESULT, NONE, NONE,        \
		"Heartbeats received")                                                             \
	X(CONNECTIONS, "p2pos_connections", GAUGE, DIRECTION, TRANSPORT, NONE, "Open connections") \
	X(CONNECTIONS_OPENED, "p2pos_connections_opened", COUNTER, DIRECTION, TRANSPORT, NONE,     \
		"Connections that became ready")                                                   \
	X(CONNECTIONS_CLOSED, "p2pos_connections_closed", COUNTER, CONN_REASON, NONE, NONE,        \
		"Connections that ended, by reason")                                               \
	X(DIALS, "p2pos_dials", COUNTER, TRANSPORT, RESULT, NONE, "Addresses dialled")             \
	X(PEERS_REJECTED, "p2pos_peers_rejected", COUNTER, CONN_REASON, NONE, NONE,                \
		"Peers turned away, by reason")                                                    \
	X(HANDSHAKE, "p2pos_handshake_duration_seconds", HISTOGRAM, TRANSPORT, NONE, NONE,         \
		"From the first byte to a ready connection")                                       \
	X(STREAMS, "p2pos_streams", GAUGE, DIRECTION, NONE, NONE, "Open streams")                  \
	X(STREAMS_OPENED, "p2pos_streams_opened", COUNTER, PROTOCOL, DIRECTION, RESULT,            \
		"Streams opened")                                                                  \
	X(NETWORK_BYTES, "p2pos_network_bytes", COUNTER, TRANSPORT, DIRECTION, NONE,               \
		"Bytes on the wire")                                                               \
	X(QUIC_LOST, "p2pos_quic_packets_lost", COUNTER, NONE, NONE, NONE, "QUIC packets lost")    \
	X(UDP_BUFFER, "p2pos_udp_receive_buffer_bytes", GAUGE, NONE, NONE, NONE,                   \
		"UDP receive buffer that the kernel granted")                                      \
	X(UDP_ERRORS, "p2pos_udp_receive_errors", COUNTER, NONE, NONE, NONE,                       \
		"UDP datagrams that were no QUIC, or for nobody here")                             \
	X(PING_RTT, "p2pos_ping_rtt_seconds", HISTOGRAM, NONE, NONE, NONE, "Round trips measured") \
	X(RELAY_RESERVATIONS, "p2pos_relay_reservations", GAUGE, NONE, NONE, NONE,                 \
		"Relay slots in use")                                                              \
	X(HOLEPUNCH, "p2pos_holepunch", COUNTER, RESULT, NONE, NONE, "Hole punches tried")         \
	X(NAT_REACHABILITY, "p2pos_nat_reachability", GAUGE, REACH, NONE, NONE,                    \
		"1 for the reachability found")                                                    \
	X(DNS_LOOKUPS, "p2pos_dns_lookups", COUNTER, RESOLVER, RESULT, NONE, "DNS questions")      \
	X(DNS_DURATION, "p2pos_dns_lookup_duration_seconds", HISTOGRAM, NONE, NONE, NONE,          \
		"DNS questions, time to the answer")                                               \
	X(AUTOTLS_EXPIRY, "p2pos_autotls_certificate_expiry_timestamp_seconds", GAUGE, NONE, NONE, NONE, \
		"When the certificate ends")                                                       \
	X(AUTOTLS_ATTEMPTS, "p2pos_autotls_attempts", COUNTER, STEP, RESULT, NONE,                 \
		"AutoTLS steps")                                                                   \
	X(RPC_REQUESTS, "p2pos_rpc_requests", COUNTER, METHOD, RESULT, NONE, "Control calls")      \
	X(RPC_DURATION, "p2pos_rpc_request_duration_seconds", HISTOGRAM, METHOD, NONE, NONE,       \
		"Control calls, time to the answer")                                               \
	X(DB_WRITE, "p2pos_db_write_duration_seconds", HISTOGRAM, NONE, NONE, NONE,                \
		"Transactions")                                                                    \
	X(DB_ERRORS, "p2pos_db_errors", COUNTER, DB_REASON, NONE, NONE, "Failed database work")    \
	X(DB_SIZE, "p2pos_db_size_bytes", GAUGE, NONE, NONE, NONE, "Size of the database files")   \
	X(UPDATE_AVAILABLE, "p2pos_update_available", GAUGE, NONE, NONE, NONE,                     \
		"1 when there is one")                                                             \
	X(UPDATE_CHECK, "p2pos_update_last_check_timestamp_seconds", GAUGE, NONE, NONE, NONE,      \
		"When the feed was last asked")                                                    \
	X(LOOP_LAG, "p2pos_event_loop_lag_seconds", HISTOGRAM, NONE, NONE, NONE,                   \
		"How late the loop runs its timers")                                               \
	X(LOG_MESSAGES, "p2pos_log_messages", COUNTER, LEVEL, NONE, NONE, "Log lines printed")     \
	X(LOG_SUPPRESSED, "p2pos_log_suppressed", COUNTER, NONE, NONE, NONE,                       \
		"Log lines held back by the flood rule")                                           \
	X(LOG_LOST, "p2pos_log_lost", COUNTER, NONE, NONE, NONE,                                   \
		"Log lines that the sink did not take")                                            \
	X(CPU, "process_cpu_seconds", COUNTER, NONE, NONE, NONE, "User and system time")           \
	X(RSS, "process_resident_memory_bytes", GAUGE, NONE, NONE, NONE, "Resident memory")        \
	X(FDS, "process_open_fds", GAUGE, NONE, NONE, NONE, "Open files")                          \
	X(FDS_MAX, "process_max_fds", GAUGE, NONE, NONE, NONE, "Limit of open files")              \
	X(START, "process_start_time_seconds", GAUGE, NONE, NONE, NONE, "When the process started")

enum metric {
#define X(id, name, kind, l1, l2, l3, help) M_##id,
	METRICS_LIST(X)
#undef X
	METRIC_COUNT
};

/* X(id, label name, words); words end up as a list with "other" behind, "" = given at run time.
 * METRIC_WORDS_… are in metrics_words.h, P2POS_REVISION in revision.h, which the Makefile makes: only
 * metrics.c needs them. */
#define METRIC_LABEL_LIST(X)                                                                       \
	X(VERSION, "version", P2POS_VERSION)                                                       \
	X(REVISION, "revision", P2POS_REVISION)                                                    \
	X(STATE, "state", "unconfigured degraded healthy")                                         \
	X(FROM, "from", "unconfigured degraded healthy")                                           \
	X(TO, "to", "unconfigured degraded healthy")                                               \
	X(SOURCE, "source", "push sync local join disk")                                           \
	X(SNAP_RESULT, "result", "applied unchanged stale rejected")                               \
	X(REJECT, "reason", METRIC_WORDS_SNAPSHOT)                                                 \
	X(RESULT, "result", "ok failed timeout refused unsupported cancelled")                     \
	X(HB_RESULT, "result", METRIC_WORDS_HEARTBEAT)                                             \
	X(DIRECTION, "direction", "in out")                                                        \
	X(TRANSPORT, "transport", "tcp quic-v1 ws wss")                                            \
	X(CONN_REASON, "reason", METRIC_WORDS_CONN)                                                \
	X(PROTOCOL, "protocol", METRIC_WORDS_PROTOCOL)                                             \
	X(REACH, "state", "public private unknown")                                                \
	X(RESOLVER, "resolver", "system servers doh")                                              \
	X(STEP, "step", "reachability registration order certificate")                             \
	X(METHOD, "method", "")                                                                    \
	X(DB_REASON, "reason", "busy full io corrupt dropped")                                     \
	X(LEVEL, "level", "error warn info debug")

enum metric_label {
	METRIC_LABEL_NONE,
#define X(id, name, words) METRIC_LABEL_##id,
	METRIC_LABEL_LIST(X)
#undef X
	METRIC_LABEL_COUNT
};

#endif
