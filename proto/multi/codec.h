/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h: the code numbers of multiformats that we speak, in one table (spec multiformats.md
 * sections 3, 7 and 9). */
#ifndef P2POS_MULTI_CODEC_H
#define P2POS_MULTI_CODEC_H

enum multi_code {
	/* hashes */
	MULTI_IDENTITY = 0x00,
	MULTI_SHA2_256 = 0x12,

	/* contents of a CID */
	MULTI_LIBP2P_KEY = 0x72,

	/* address protocols; their names and values are in maddr_table.c */
	MULTI_IP4 = 4,
	MULTI_TCP = 6,
	MULTI_DCCP = 33,
	MULTI_IP6 = 41,
	MULTI_IP6ZONE = 42,
	MULTI_IPCIDR = 43,
	MULTI_DNS = 53,
	MULTI_DNS4 = 54,
	MULTI_DNS6 = 55,
	MULTI_DNSADDR = 56,
	MULTI_SCTP = 132,
	MULTI_UDP = 273,
	MULTI_WEBRTC_DIRECT = 280,
	MULTI_WEBRTC = 281,
	MULTI_P2P_CIRCUIT = 290,
	MULTI_UDT = 301,
	MULTI_UTP = 302,
	MULTI_UNIX = 400,
	MULTI_P2P = 421,
	MULTI_HTTPS = 443,
	MULTI_TLS = 448,
	MULTI_SNI = 449,
	MULTI_NOISE = 454,
	MULTI_QUIC = 460, /* draft 29; named so that such an address parses, never dialled */
	MULTI_QUIC_V1 = 461,
	MULTI_WEBTRANSPORT = 465,
	MULTI_CERTHASH = 466,
	MULTI_WS = 477,
	MULTI_WSS = 478,
	MULTI_HTTP = 480,
	MULTI_HTTP_PATH = 481,
	MULTI_MEMORY = 777,
};

#endif
