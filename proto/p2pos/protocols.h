/* SPDX-License-Identifier: Apache-2.0 */
/* protocols.h: the stream protocols of p2pos by their libp2p names (p2pos.md section 3). */
#ifndef P2POS_P2POS_PROTOCOLS_H
#define P2POS_P2POS_PROTOCOLS_H

#define PROTOCOL_MEMBERSHIP       "/p2pos/membership/1.0.0"       /* pull */
#define PROTOCOL_MEMBERSHIP_PUSH  "/p2pos/membership-push/1.0.0"
#define PROTOCOL_HEARTBEAT        "/p2pos/heartbeat/1.0.0"
#define PROTOCOL_STATUS           "/p2pos/status/1.0.0"
/* Of this implementation: a peer that does not list them in identify is never asked. */
#define PROTOCOL_PEERS            "/p2pos/peers/1.0.0"
#define PROTOCOL_ADMIN            "/p2pos/admin/1.0.0"
#define PROTOCOL_SUSPECT          "/p2pos/suspect/1.0.0"
#define PROTOCOL_RESTART          "/p2pos/restart/1.0.0"
#define PROTOCOL_HEARTBEAT_DIGEST "/p2pos/heartbeat-digest/1.0.0"

#endif
