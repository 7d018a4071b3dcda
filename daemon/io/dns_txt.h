/* SPDX-License-Identifier: Apache-2.0 */
/* dns_txt.h: the TXT records of a DNS answer, with their time to live. Pure.
 *
 * c-ares can take an answer apart too, but forgets how long it is good for and for which name it
 * was given; both matter to us (features P-047, rule R-46). */
#ifndef P2POS_IO_DNS_TXT_H
#define P2POS_IO_DNS_TXT_H

#include "daemon/io/ares_dns.h"
#include "proto/base/buf.h"

struct dns_txt {
	struct buf data; /* the texts behind each other */
	struct bytes texts[DNS_TEXTS_MAX];
	size_t count, dropped;
	uint32_t ttl_sec;
};

/* Parses `message`, the answer to a TXT question for `name`. Records of other names are ignored
 * unless a CNAME of the answer leads there. P2P_ERR_PROTOCOL when it is no DNS message,
 * P2P_ERR_NOT_FOUND when it holds no such record. On success dns_txt_deinit() is the caller's. */
int dns_txt_parse(struct bytes message, const char *name, struct dns_txt *ret);
void dns_txt_deinit(struct dns_txt *t);

#endif
