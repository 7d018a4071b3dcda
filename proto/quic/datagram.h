/* SPDX-License-Identifier: Apache-2.0 */
/* datagram.h: UDP datagrams as the pure code and the sockets hand them to each other. */
#ifndef P2POS_QUIC_DATAGRAM_H
#define P2POS_QUIC_DATAGRAM_H

#include "proto/base/bytes.h"
#include "proto/multi/maddr.h"

#define DATAGRAM_BYTES_MAX   65507 /* of UDP's payload over IPv4; nothing longer exists */
#define DATAGRAM_TRAIN_MAX   64    /* datagrams of one train: what the kernel takes at once */
#define DATAGRAM_TRAIN_BYTES 65000 /* of one train in all, below the kernel's own maximum */

/* The two ends of a datagram, ours first. */
struct datagram_path {
	struct maddr_ip local, remote;
};

/* The two bits of the IP header that routers report congestion with (RFC 3168). */
enum datagram_ecn { ECN_NONE = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

/* One that arrived. */
struct datagram {
	struct datagram_path path;
	uint8_t ecn;       /* enum datagram_ecn */
	struct bytes data; /* borrowed until the call that shows it returns */
};

/* Several that leave along one path: they stand behind each other in one buffer, all `segment` bytes
 * long but the last, which may be shorter. One system call sends them (UDP_SEGMENT). */
struct datagram_train {
	struct datagram_path path;
	uint8_t ecn;
	size_t segment; /* bytes of each but the last; 1 .. DATAGRAM_BYTES_MAX */
};

#endif
