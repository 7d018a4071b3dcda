/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/maddr_table.h"

#include "proto/base/text.h"
#include "proto/multi/multihash.h"

static const struct maddr_proto protos[] = {
	{MULTI_IP4, "ip4", MADDR_VALUE_IP4, 4},
	{MULTI_TCP, "tcp", MADDR_VALUE_NUMBER, 2},
	{MULTI_IP6, "ip6", MADDR_VALUE_IP6, 16},
	{MULTI_UDP, "udp", MADDR_VALUE_NUMBER, 2},
	{MULTI_P2P, "p2p", MADDR_VALUE_PEER, MADDR_SIZE_VARIABLE},
	{MULTI_P2P, "ipfs", MADDR_VALUE_PEER, MADDR_SIZE_VARIABLE}, /* its old name, read only */
	{MULTI_QUIC_V1, "quic-v1", MADDR_VALUE_NONE, 0},
	{MULTI_TLS, "tls", MADDR_VALUE_NONE, 0},
	{MULTI_WS, "ws", MADDR_VALUE_NONE, 0},
	{MULTI_WSS, "wss", MADDR_VALUE_NONE, 0},
	{MULTI_SNI, "sni", MADDR_VALUE_NAME, MADDR_SIZE_VARIABLE},
	{MULTI_DNS, "dns", MADDR_VALUE_NAME, MADDR_SIZE_VARIABLE},
	{MULTI_DNS4, "dns4", MADDR_VALUE_NAME, MADDR_SIZE_VARIABLE},
	{MULTI_DNS6, "dns6", MADDR_VALUE_NAME, MADDR_SIZE_VARIABLE},
	{MULTI_DNSADDR, "dnsaddr", MADDR_VALUE_NAME, MADDR_SIZE_VARIABLE},
	{MULTI_P2P_CIRCUIT, "p2p-circuit", MADDR_VALUE_NONE, 0},
	{MULTI_WEBTRANSPORT, "webtransport", MADDR_VALUE_NONE, 0},
	{MULTI_CERTHASH, "certhash", MADDR_VALUE_CERTHASH, MADDR_SIZE_VARIABLE},
	{MULTI_WEBRTC_DIRECT, "webrtc-direct", MADDR_VALUE_NONE, 0},
	{MULTI_WEBRTC, "webrtc", MADDR_VALUE_NONE, 0},
	{MULTI_NOISE, "noise", MADDR_VALUE_NONE, 0},
	{MULTI_QUIC, "quic", MADDR_VALUE_NONE, 0},
	{MULTI_HTTP, "http", MADDR_VALUE_NONE, 0},
	{MULTI_HTTPS, "https", MADDR_VALUE_NONE, 0},
	{MULTI_HTTP_PATH, "http-path", MADDR_VALUE_HTTP_PATH, MADDR_SIZE_VARIABLE},
	{MULTI_IP6ZONE, "ip6zone", MADDR_VALUE_ZONE, MADDR_SIZE_VARIABLE},
	{MULTI_IPCIDR, "ipcidr", MADDR_VALUE_NUMBER, 1},
	{MULTI_UNIX, "unix", MADDR_VALUE_PATH, MADDR_SIZE_VARIABLE},
	{MULTI_MEMORY, "memory", MADDR_VALUE_NUMBER, 8},
	{MULTI_DCCP, "dccp", MADDR_VALUE_NUMBER, 2},
	{MULTI_SCTP, "sctp", MADDR_VALUE_NUMBER, 2},
	{MULTI_UDT, "udt", MADDR_VALUE_NONE, 0},
	{MULTI_UTP, "utp", MADDR_VALUE_NONE, 0},
};

#define PROTOS (sizeof(protos) / sizeof(protos[0]))

const struct maddr_proto *maddr_proto_by_code(uint64_t code)
{
	for (size_t i = 0; i < PROTOS; i++)
		if ((uint64_t)protos[i].code == code)
			return &protos[i];
	return NULL;
}

const struct maddr_proto *maddr_proto_by_name(struct bytes name)
{
	for (size_t i = 0; i < PROTOS; i++)
		if (bytes_eq(bytes_str(protos[i].name), name))
			return &protos[i];
	return NULL;
}

static bool has_control(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.at[i] < 0x20 || in.at[i] == 0x7f)
			return true;
	return false;
}

/* Names are A-labels (spec 10.1); the slash would end the value in text. */
static bool is_name(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.at[i] <= 0x20 || in.at[i] >= 0x7f || in.at[i] == '/')
			return false;
	return in.len > 0 && in.len <= MADDR_NAME_BYTES_MAX;
}

/* Trailing slashes are cut when text is read, so a path with one would not survive printing. */
static bool is_path(struct bytes in)
{
	return in.len > 1 && in.at[0] == '/' && in.at[in.len - 1] != '/' && !has_control(in) &&
	       text_is_utf8(in);
}

bool maddr_value_is_valid(const struct maddr_proto *p, struct bytes value)
{
	struct multihash hash;
	struct peer_id peer;

	if (p->size != MADDR_SIZE_VARIABLE && value.len != p->size)
		return false;
	switch (p->value) {
	case MADDR_VALUE_NONE:
	case MADDR_VALUE_IP4:
	case MADDR_VALUE_IP6:
	case MADDR_VALUE_NUMBER: return true;
	case MADDR_VALUE_NAME:
	case MADDR_VALUE_ZONE: return is_name(value);
	case MADDR_VALUE_PATH: return is_path(value);
	case MADDR_VALUE_PEER: return peer_id_from_bytes(value, &peer) == 0;
	case MADDR_VALUE_CERTHASH: return multihash_parse(value, &hash) == 0;
	case MADDR_VALUE_HTTP_PATH: return value.len > 0 && !has_control(value);
	}
	return false;
}
