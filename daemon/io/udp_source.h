/* SPDX-License-Identifier: Apache-2.0 */
/* udp_source.h: from which of our addresses datagrams to somebody leave. */
#ifndef P2POS_IO_UDP_SOURCE_H
#define P2POS_IO_UDP_SOURCE_H

#include "proto/multi/maddr.h"

/* The address that the routing table chooses for `to`; its port is of no meaning. Sends nothing and
 * does not block. P2P_ERR_UNREACHABLE when there is no route, P2P_ERR_FULL (no descriptors). */
int udp_source(const struct maddr_ip *to, struct maddr_ip *ret);

#endif
