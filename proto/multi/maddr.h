/* SPDX-License-Identifier: Apache-2.0 */
/* maddr.h: a multiaddr as bytes: parse, print, walk, append, split, compare, classify
 * (spec multiformats.md section 9).
 *
 * A `struct maddr` is a value of fixed size that always holds a valid address or nothing
 * (len 0). Equality is equality of bytes. */
#ifndef P2POS_MULTI_MADDR_H
#define P2POS_MULTI_MADDR_H

#include "proto/multi/peer_id.h"

#define MADDR_BYTES_MAX      256 /* ours; the spec suggests 1024, no address we can use is longer */
#define MADDR_COMPONENTS_MAX 32  /* an address of more is refused */
/* Longer text is refused; every address prints within it, because a component of n bytes has at
 * most 3 * n + 8 characters. */
#define MADDR_TEXT_MAX (3 * MADDR_BYTES_MAX + 8 * MADDR_COMPONENTS_MAX)

struct maddr {
	uint16_t len;
	uint8_t at[MADDR_BYTES_MAX];
};

#define MADDR_NONE ((struct maddr){0})

static inline struct bytes maddr_bytes(const struct maddr *a)
{
	return bytes_of(a->at, a->len);
}

static inline bool maddr_eq(const struct maddr *a, const struct maddr *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* One component while walking. */
struct maddr_part {
	uint64_t code;      /* enum multi_code of codec.h */
	const char *name;   /* static */
	struct bytes value; /* without its length prefix; borrowed from the address */
};

struct maddr_walk {
	struct bytes rest;
};

/* From text. P2P_ERR_INVALID, P2P_ERR_TOO_LARGE, P2P_ERR_UNSUPPORTED (unknown protocol name). */
int maddr_parse(struct bytes text, struct maddr *ret);

/* From binary, strictly: every component known, values valid, nothing left over. Same errors. */
int maddr_from_bytes(struct bytes in, struct maddr *ret);

/* The text form; `to` has MADDR_TEXT_MAX + 1 bytes. Returns `to` ("" for an empty address). */
char *maddr_text(const struct maddr *a, char *to);

/* Begins a walk; each next() gives one component, false at the end. */
struct maddr_walk maddr_begin(const struct maddr *a);
bool maddr_next(struct maddr_walk *w, struct maddr_part *ret);

/* Appends all of `tail`. P2P_ERR_TOO_LARGE; P2P_ERR_INVALID behind a unix path, which ends an
 * address. `a` is unchanged then. */
int maddr_append(struct maddr *a, const struct maddr *tail);

/* Appends /p2p/ID. Errors as above. */
int maddr_append_peer(struct maddr *a, const struct peer_id *peer);

/* Takes a trailing /p2p/ID off. Returns true and writes `ret` (may be NULL) when there was one. */
bool maddr_split_peer(struct maddr *a, struct peer_id *ret);

/* How the daemon could reach it (spec 9.4). */
enum maddr_kind {
	MADDR_OTHER,  /* valid, but nothing here dials it */
	MADDR_TCP,    /* /ip4|ip6/A/tcp/P[/p2p/ID] */
	MADDR_QUIC,   /* …/udp/P/quic-v1 */
	MADDR_WS,     /* …/tcp/P/ws */
	MADDR_WSS,    /* …/tcp/P/tls/ws, /wss, with or without sni */
	MADDR_DNSADDR, /* /dnsaddr/NAME… : TXT look-up first */
	MADDR_DNS,    /* begins with dns, dns4 or dns6: address look-up first */
};
enum maddr_kind maddr_kind(const struct maddr *a);

/* An IP address and port, as sockets need them. */
struct maddr_ip {
	uint8_t family;  /* 4 or 6 */
	uint8_t ip[16];  /* network order; the first 4 bytes for family 4, the rest zero */
	uint16_t port;   /* host order */
};

/* The first ip4/ip6 and tcp/udp components. P2P_ERR_UNSUPPORTED when it begins otherwise. */
int maddr_to_ip(const struct maddr *a, struct maddr_ip *ret);

/* /ip4|ip6/A/tcp/P. IPv4-mapped IPv6 becomes ip4. */
void maddr_from_ip_tcp(const struct maddr_ip *ip, struct maddr *ret);

/* /ip4|ip6/A/udp/P/quic-v1. */
void maddr_from_ip_quic(const struct maddr_ip *ip, struct maddr *ret);

/* Replaces the leading dns/dns4/dns6 component by the address `ip` (its port is not used).
 * P2P_ERR_MISMATCH when it does not begin with one or the family does not fit, P2P_ERR_TOO_LARGE;
 * `a` is unchanged then. */
int maddr_replace_dns(struct maddr *a, const struct maddr_ip *ip);

/* The host name of a leading dns, dns4, dns6 or dnsaddr component, borrowed; BYTES_NONE if none. */
struct bytes maddr_dns_name(const struct maddr *a);

/* Which networks can reach it (spec 9.5). */
enum maddr_reach {
	MADDR_REACH_NONE,     /* unspecified, multicast, documentation, port 0, … */
	MADDR_REACH_LOOPBACK,
	MADDR_REACH_LINK,     /* link-local */
	MADDR_REACH_PRIVATE,  /* RFC 1918, 100.64/10, fc00::/7 */
	MADDR_REACH_PUBLIC,
};
enum maddr_reach maddr_ip_reach(const struct maddr_ip *ip);
/* The reach of its IP; port 0 reaches nobody. A DNS name counts as public (localhost as loopback),
 * anything else as NONE. */
enum maddr_reach maddr_reach(const struct maddr *a);

#endif
