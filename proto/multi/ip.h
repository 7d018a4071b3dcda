/* SPDX-License-Identifier: Apache-2.0 */
/* ip.h: IP addresses as text, strictly.
 *
 * IPv4 is four decimal numbers without leading zeros. IPv6 is RFC 4291 section 2.2, without a
 * zone, and is printed as RFC 5952 says. */
#ifndef P2POS_MULTI_IP_H
#define P2POS_MULTI_IP_H

#include "proto/base/buf.h"

/* Each reads all of `text`; false when it is no such address. */
bool ip4_parse(struct bytes text, uint8_t ret[4]);
bool ip6_parse(struct bytes text, uint8_t ret[16]);

/* Each appends the text. P2P_ERR_TOO_LARGE. */
int ip4_put(struct buf *out, const uint8_t ip[4]);
int ip6_put(struct buf *out, const uint8_t ip[16]);

/* True for ::ffff:a.b.c.d, an IPv4 address in IPv6's clothes. */
bool ip6_is_mapped(const uint8_t ip[16]);

#endif
