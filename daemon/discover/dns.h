/* SPDX-License-Identifier: Apache-2.0 */
/* dns.h: from a domain or a multiaddr with names to addresses that can be dialled (p2pos.md section 5;
 * features.md P-041 to P-047; R-46).
 *
 * `_dnsaddr.NAME` first, NAME second; nested /dnsaddr are followed, dns, dns4 and dns6 replaced by
 * what they resolve to. DNS gives addresses and no trust. Answers are kept for their time to live,
 * not less than 30 s and not longer than an hour. */
#ifndef P2POS_DISCOVER_DNS_H
#define P2POS_DISCOVER_DNS_H

#include "daemon/io/ares_dns.h"
#include "proto/multi/dnsaddr.h"

#define RESOLVE_ADDRS_MAX 100   /* of one resolution; further ones are dropped */
#define RESOLVE_TEXTS_MAX 100   /* TXT records remembered for display */
#define RESOLVE_MS        10000 /* of one resolution in all */
#define RESOLVE_OPEN_MAX  8     /* questions of one resolution under way at once */

struct resolution;

/* What came out. Borrowed until the callback returns. */
struct resolved {
	int err;                    /* 0 when there is at least one address; else the first error */
	size_t addr_count;
	const struct maddr *addrs;  /* each once; with /p2p where the record named one */
	size_t text_count;          /* TXT records as found, in order, for people */
	const struct bytes *texts;
	const struct maddr *text_addrs; /* what texts[i] says; MADDR_NONE when nothing */
	const int *text_errs;           /* 0, or why texts[i] leads to nothing */
	uint32_t ttl_sec;           /* for how long it may be kept, clamped */
	bool was_cut;               /* a limit dropped something */
};
typedef void resolved_fn(void *arg, const struct resolved *r);

/* Resolves a domain. The callback comes once, never from inside. P2P_ERR_INVALID, P2P_ERR_FULL. */
int resolve_name(struct loop *l, struct dns *dns, const char *domain, resolved_fn *on_done, void *arg,
	struct resolution **ret);
/* Resolves a multiaddr that begins with dnsaddr, dns, dns4 or dns6. */
int resolve_maddr(struct loop *l, struct dns *dns, const struct maddr *a, resolved_fn *on_done, void *arg,
	struct resolution **ret);
/* No callback follows. Not to be used after it. */
void resolve_cancel(struct resolution *r);

#endif
