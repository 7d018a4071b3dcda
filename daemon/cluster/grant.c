/* SPDX-License-Identifier: Apache-2.0 */
/* What each class of peer may do: which protocols, how many streams, how much memory. */
#include "daemon/cluster/drive_private.h"
#include "proto/libp2p/identify.h"
#include "proto/libp2p/perf.h"
#include "proto/libp2p/ping.h"
#include "proto/p2pos/protocols.h"

#define GUEST_PROTOCOLS                                                                            \
	IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, PING_PROTOCOL, PROTOCOL_MEMBERSHIP_PUSH, PROTOCOL_ADMIN
#define ADMIN_PROTOCOLS GUEST_PROTOCOLS, PROTOCOL_MEMBERSHIP, PROTOCOL_STATUS

static const char *const guest_protocols[] = {GUEST_PROTOCOLS};
static const char *const admin_protocols[] = {ADMIN_PROTOCOLS};
static const char *const member_protocols[] = {
	ADMIN_PROTOCOLS,
	PROTOCOL_HEARTBEAT,
	PROTOCOL_HEARTBEAT_DIGEST,
	PROTOCOL_PEERS,
	PROTOCOL_SUSPECT,
	PROTOCOL_RESTART,
	PERF_PROTOCOL, /* the last: left out where the configuration wants it */
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct swarm_grant grants[] = {
	[CORE_GUEST] = {{guest_protocols, COUNT(guest_protocols), 4, 4, 4, 256 * 1024, 256 * 1024}, true},
	[CORE_ADMIN] = {{admin_protocols, COUNT(admin_protocols), 4, 4, 4, 1024 * 1024, 256 * 1024}, true},
	[CORE_OPEN] = {{admin_protocols, COUNT(admin_protocols), 16, 8, 8, 1024 * 1024, 256 * 1024}, true},
	[CORE_MEMBER] = {{member_protocols, COUNT(member_protocols), 64, 16, 32, 1024 * 1024, 1024 * 1024},
		false},
};

void grant_of(const struct drive *d, enum core_class klass, struct swarm_grant *ret)
{
	*ret = grants[klass];
	if (klass == CORE_MEMBER && !d->o.serves_perf)
		ret->conn.protocol_count--;
}
