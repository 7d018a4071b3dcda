/* SPDX-License-Identifier: Apache-2.0 */
/* maddr_ip.c: what an address means to whoever dials it: kind, IP and port, reach
 * (spec multiformats.md sections 9.4 and 9.5). */
#include <assert.h>
#include <strings.h>

#include "proto/base/err.h"
#include "proto/multi/codec.h"
#include "proto/multi/ip.h"
#include "proto/multi/maddr.h"

#define FORM_PARTS_MAX 5

/* The dialable forms, as codes behind the leading IP; 0 ends a form. */
static const struct form {
	enum maddr_kind kind;
	uint16_t codes[FORM_PARTS_MAX];
} forms[] = {
	{MADDR_TCP, {MULTI_TCP}},
	{MADDR_QUIC, {MULTI_UDP, MULTI_QUIC_V1}},
	{MADDR_WS, {MULTI_TCP, MULTI_WS}},
	{MADDR_WSS, {MULTI_TCP, MULTI_WSS}},
	{MADDR_WSS, {MULTI_TCP, MULTI_TLS, MULTI_WS}},
	{MADDR_WSS, {MULTI_TCP, MULTI_TLS, MULTI_SNI, MULTI_WS}},
};

static enum maddr_kind kind_behind_ip(struct maddr_walk w)
{
	uint16_t codes[FORM_PARTS_MAX] = {0};
	struct maddr_part part;
	size_t n = 0;

	while (maddr_next(&w, &part)) {
		if (part.code == MULTI_P2P && !w.rest.len)
			break; /* whom to expect there; no part of the form */
		if (n == FORM_PARTS_MAX)
			return MADDR_OTHER;
		codes[n++] = (uint16_t)part.code;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (memcmp(codes, forms[i].codes, sizeof(codes)) == 0)
			return forms[i].kind;
	return MADDR_OTHER;
}

enum maddr_kind maddr_kind(const struct maddr *a)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part part;

	if (!maddr_next(&w, &part))
		return MADDR_OTHER;
	/* A number from an address, not an enum: most protocols are none of these. */
	switch (part.code) {
	case MULTI_IP4:
	case MULTI_IP6: return kind_behind_ip(w);
	case MULTI_DNSADDR: return MADDR_DNSADDR;
	case MULTI_DNS:
	case MULTI_DNS4:
	case MULTI_DNS6: return MADDR_DNS;
	default: return MADDR_OTHER;
	}
}

int maddr_to_ip(const struct maddr *a, struct maddr_ip *ret)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part ip, port;
	struct maddr_ip got = {0};

	if (!maddr_next(&w, &ip) || !maddr_next(&w, &port))
		return P2P_ERR_UNSUPPORTED;
	if ((ip.code != MULTI_IP4 && ip.code != MULTI_IP6) ||
		(port.code != MULTI_TCP && port.code != MULTI_UDP))
		return P2P_ERR_UNSUPPORTED;
	got.family = ip.code == MULTI_IP4 ? 4 : 6;
	memcpy(got.ip, ip.value.at, ip.value.len);
	got.port = (uint16_t)(port.value.at[0] << 8 | port.value.at[1]);
	*ret = got;
	return 0;
}

static struct maddr_ip unmapped(const struct maddr_ip *ip)
{
	struct maddr_ip plain = {.family = 4, .port = ip->port};

	assert(ip->family == 4 || ip->family == 6);
	if (ip->family == 4 || !ip6_is_mapped(ip->ip))
		return *ip;
	memcpy(plain.ip, ip->ip + 12, 4);
	return plain;
}

/* IP and port; `transport` is the code between them in its bytes. */
static void from_ip(
	const struct maddr_ip *ip, struct bytes transport, struct bytes behind, struct maddr *ret)
{
	struct maddr_ip plain = unmapped(ip);
	struct maddr a = MADDR_NONE;
	size_t len = plain.family == 4 ? 4 : 16;

	a.at[a.len++] = plain.family == 4 ? MULTI_IP4 : MULTI_IP6;
	memcpy(a.at + a.len, plain.ip, len);
	a.len += (uint16_t)len;
	memcpy(a.at + a.len, transport.at, transport.len);
	a.len += (uint16_t)transport.len;
	a.at[a.len++] = (uint8_t)(plain.port >> 8);
	a.at[a.len++] = (uint8_t)plain.port;
	if (behind.len)
		memcpy(a.at + a.len, behind.at, behind.len);
	a.len += (uint16_t)behind.len;
	*ret = a;
}

void maddr_from_ip_tcp(const struct maddr_ip *ip, struct maddr *ret)
{
	from_ip(ip, BYTES_LIT("\x06"), BYTES_NONE, ret);
}

void maddr_from_ip_quic(const struct maddr_ip *ip, struct maddr *ret)
{
	from_ip(ip, BYTES_LIT("\x91\x02"), BYTES_LIT("\xcd\x03"), ret);
}

struct range {
	uint8_t ip[4]; /* the front of the network; no range here looks further */
	uint8_t bits;
	enum maddr_reach reach;
};

/* The first that fits counts. */
static const struct range ip4_ranges[] = {
	{{127}, 8, MADDR_REACH_LOOPBACK},
	{{10}, 8, MADDR_REACH_PRIVATE},
	{{172, 16}, 12, MADDR_REACH_PRIVATE},
	{{192, 168}, 16, MADDR_REACH_PRIVATE},
	{{100, 64}, 10, MADDR_REACH_PRIVATE}, /* shared by carriers' NATs */
	{{169, 254}, 16, MADDR_REACH_LINK},
	{{0}, 8, MADDR_REACH_NONE},
	{{192, 0, 0}, 26, MADDR_REACH_NONE},   /* protocol assignments */
	{{192, 0, 2}, 24, MADDR_REACH_NONE},   /* documentation, also the next two but one */
	{{192, 88, 99}, 24, MADDR_REACH_NONE}, /* 6to4 relays, abandoned */
	{{198, 51, 100}, 24, MADDR_REACH_NONE},
	{{203, 0, 113}, 24, MADDR_REACH_NONE},
	{{198, 18}, 15, MADDR_REACH_NONE}, /* benchmarks */
	{{224}, 4, MADDR_REACH_NONE},      /* multicast */
	{{240}, 4, MADDR_REACH_NONE},      /* reserved, broadcast */
	{{0}, 0, MADDR_REACH_PUBLIC},
};

static const struct range ip6_ranges[] = {
	{{0xfe, 0x80}, 10, MADDR_REACH_LINK},
	{{0xfc}, 7, MADDR_REACH_PRIVATE},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, MADDR_REACH_NONE}, /* documentation */
	{{0x20}, 3, MADDR_REACH_PUBLIC},
	{{0}, 0, MADDR_REACH_NONE},
};

static bool is_in(const uint8_t *ip, const struct range *r)
{
	for (unsigned i = 0; i < r->bits; i++)
		if ((ip[i / 8] ^ r->ip[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static enum maddr_reach look_up(const uint8_t *ip, const struct range *r)
{
	while (!is_in(ip, r))
		r++; /* the last row of each table fits all */
	return r->reach;
}

enum maddr_reach maddr_ip_reach(const struct maddr_ip *ip)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	struct maddr_ip plain = unmapped(ip);

	if (plain.port == 0)
		return MADDR_REACH_NONE;
	if (plain.family == 4)
		return look_up(plain.ip, ip4_ranges);
	if (memcmp(plain.ip, loopback6, sizeof(loopback6)) == 0)
		return MADDR_REACH_LOOPBACK;
	if (memcmp(plain.ip, nat64, sizeof(nat64)) == 0)
		return MADDR_REACH_PUBLIC;
	return look_up(plain.ip, ip6_ranges);
}

static bool is_localhost(struct bytes name)
{
	static const char tail[] = ".localhost";
	size_t len = sizeof(tail) - 1;
	const char *at = (const char *)name.at;

	if (name.len == len - 1)
		return strncasecmp(at, tail + 1, len - 1) == 0;
	return name.len > len && strncasecmp(at + name.len - len, tail, len) == 0;
}

enum maddr_reach maddr_reach(const struct maddr *a)
{
	struct bytes name = maddr_dns_name(a);
	struct maddr_ip ip;

	if (name.len)
		return is_localhost(name) ? MADDR_REACH_LOOPBACK : MADDR_REACH_PUBLIC;
	if (maddr_to_ip(a, &ip))
		return MADDR_REACH_NONE;
	return maddr_ip_reach(&ip);
}
