/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_words.h: the reason words that other folders give, for the labels of metrics_list.h.
 *
 * Reasons that are listed where they belong are taken from there. Those of connections are given
 * where each is found out, so they are listed here, and a test compares this list with the source
 * (tests/unit/daemon/sys/test_metrics_words.c): a word that is missing would count as "other". */
#ifndef P2POS_SYS_METRICS_WORDS_H
#define P2POS_SYS_METRICS_WORDS_H

#include "proto/libp2p/identify.h"
#include "proto/libp2p/perf.h"
#include "proto/libp2p/ping.h"
#include "proto/p2pos/heartbeat.h"
#include "proto/p2pos/protocols.h"
#include "proto/p2pos/snapshot.h"
#include "proto/tls/cert.h"

#define METRIC_WORD_OF_REASON(id, word, text)       word " "
#define METRIC_WORD_OF_REFUSAL(id, err, word, code) word " "

#define METRIC_WORDS_SNAPSHOT  SNAPSHOT_REASONS(METRIC_WORD_OF_REASON)
#define METRIC_WORDS_HEARTBEAT HEARTBEAT_REASONS(METRIC_WORD_OF_REASON)

/* What streams are opened for. A name that somebody else chose counts as "other". */
#define METRIC_WORDS_PROTOCOL                                                                      \
	IDENTIFY_PROTOCOL " " IDENTIFY_PUSH_PROTOCOL " " PING_PROTOCOL " " PERF_PROTOCOL " "       \
	PROTOCOL_MEMBERSHIP " " PROTOCOL_MEMBERSHIP_PUSH " " PROTOCOL_HEARTBEAT " "                \
	PROTOCOL_HEARTBEAT_DIGEST " " PROTOCOL_STATUS " " PROTOCOL_PEERS " " PROTOCOL_ADMIN " "    \
	PROTOCOL_SUSPECT " " PROTOCOL_RESTART

/* Why a peer was turned away, or a connection ended. */
#define METRIC_WORDS_CONN METRIC_WORDS_CONN_OWN TLS_REFUSALS(METRIC_WORD_OF_REFUSAL)
#define METRIC_WORDS_CONN_OWN                                                                      \
	/* the cluster's rules */                                                                  \
	"self connections_full duplicate not_a_member source_blocked guests_full admins_full "     \
	"made_room removed guest_time_over admin_time_over replaced silence "                      \
	/* the daemon's */                                                                         \
	"shutdown operator superseded no_judge gated limit rate violation supplanted idle "        \
	"closed stalled memory remote_unreachable "                                                \
	/* the peer */                                                                             \
	"remote_eof remote_close remote_protocol remote_internal remote_limit remote_rate "        \
	"remote_violation remote_supplanted remote_idle remote_shutdown remote_gated "             \
	/* the ladder, Noise, Yamux */                                                             \
	"transport_failed early_bytes select_malformed select_no_common select_refused "           \
	"muxer_none first_byte_timeout select_timeout noise_timeout tls_timeout muxer_timeout "    \
	"ready_timeout "                                                                           \
	"noise_handshake noise_decrypt noise_exhausted noise_empty noise_signature "               \
	"key_type_unknown yamux_protocol yamux_churn send_stalled "                                \
	/* TLS, besides what is wrong with a certificate */                                        \
	"tls_alert_received tls_output tls_protocol tls_closed tls_alpn tls_version tls_decrypt "  \
	"tls_signature tls_internal tls_empty "                                                    \
	/* QUIC */                                                                                 \
	"quic_handshake_timeout quic_idle quic_protocol quic_churn quic_reset quic_refused "       \
	"quic_version quic_exhausted remote_error "

#endif
