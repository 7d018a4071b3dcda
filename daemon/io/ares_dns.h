/* SPDX-License-Identifier: Apache-2.0 */
/* ares_dns.h: TXT, A and AAAA look-ups without blocking, by c-ares (rule R-46).
 *
 * A name means exactly that name: no search domains are tried. Address look-ups also read
 * /etc/hosts, as people expect of names. */
#ifndef P2POS_IO_ARES_DNS_H
#define P2POS_IO_ARES_DNS_H

#include "daemon/io/uv_loop.h"
#include "proto/base/bytes.h"
#include "proto/multi/maddr.h"

#define DNS_TEXTS_MAX      100  /* TXT records of one answer; the rest is left out and counted */
#define DNS_TEXT_BYTES_MAX 1024 /* of one record, its strings joined; a longer one is left out */
#define DNS_IPS_MAX        32   /* addresses of one answer; the rest is left out and counted */
#define DNS_QUERIES_MAX    64   /* in flight; beyond: P2P_ERR_FULL */
#define DNS_TIMEOUT_MS     10000 /* a look-up in all, every server and retry included */
#define DNS_NAME_MAX       253

enum dns_kind {
	DNS_TXT,
	DNS_A,    /* IPv4 addresses */
	DNS_AAAA, /* IPv6 addresses */
	DNS_ADDR, /* both, in one look-up */
};

struct dns_answer {
	const struct bytes *texts; /* DNS_TXT: each record with its strings joined */
	size_t text_count;
	const struct maddr_ip *ips; /* the others; ports are 0 */
	size_t ip_count;
	size_t dropped;   /* records left out by the limits above */
	uint32_t ttl_sec; /* the smallest of the records; 0 when unknown */
};

/* Called once, unless cancelled; never from inside dns_ask(). `err` 0: `a` holds at least one record
 * and is borrowed until the call returns. Else `a` is NULL: P2P_ERR_NOT_FOUND (no such name, or it
 * has no such record), P2P_ERR_TIMEOUT, P2P_ERR_UNREACHABLE (no server answers, or every one says
 * that it failed), P2P_ERR_REFUSED, P2P_ERR_PROTOCOL (nonsense), P2P_ERR_INVALID (the name). */
typedef void dns_done_fn(void *arg, int err, const struct dns_answer *a);

struct dns;
struct dns_query;

struct dns_opts {
	const char *const *servers; /* "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53"; none: those of
	                             * resolv.conf */
	size_t server_count;
};

/* P2P_ERR_CONFIG when a server is no address, P2P_ERR_IO. */
int dns_new(struct loop *l, const struct dns_opts *opts, struct dns **ret);
/* Look-ups in flight are dropped without a callback. NULL is fine. */
void dns_free(struct dns *d);

/* P2P_ERR_INVALID, P2P_ERR_FULL. */
int dns_ask(struct dns *d, enum dns_kind kind, const char *name, dns_done_fn *on_done, void *arg,
	struct dns_query **ret);
/* No callback follows. Not to be used after on_done. */
void dns_cancel(struct dns_query *q);

#endif
