/* SPDX-License-Identifier: Apache-2.0 */
/* The reason of a goodbye as a code on the wire and as a word of ours (tcp-stack.md 6.2). */
#include "proto/conn/mux.h"

static const struct goodbye {
	uint32_t code;
	const char *ours, *theirs; /* words for conn_close(), words in CONN_CLOSED */
} goodbyes[] = {
	{YAMUX_GOAWAY_NORMAL, "", "remote_close"},
	{YAMUX_GOAWAY_PROTOCOL, "", "remote_protocol"},
	{2, "", "remote_internal"},
	{0x1001, "limit", "remote_limit"},
	{YAMUX_GOAWAY_RATE, "rate", "remote_rate"},
	{0x1003, "violation", "remote_violation"},
	{YAMUX_GOAWAY_SUPPLANTED, "supplanted", "remote_supplanted"},
	{0x1005, "idle", "remote_idle"},
	{YAMUX_GOAWAY_SHUTDOWN, "shutdown", "remote_shutdown"},
	{YAMUX_GOAWAY_GATED, "gated", "remote_gated"},
};
#define GOODBYE_COUNT (sizeof(goodbyes) / sizeof(goodbyes[0]))

uint32_t goodbye_code(const char *why)
{
	for (size_t i = 0; i < GOODBYE_COUNT; i++)
		if (*why && strcmp(goodbyes[i].ours, why) == 0)
			return goodbyes[i].code;
	return YAMUX_GOAWAY_NORMAL;
}

const char *goodbye_word(uint64_t code)
{
	for (size_t i = 0; i < GOODBYE_COUNT; i++)
		if (goodbyes[i].code == code)
			return goodbyes[i].theirs;
	return "remote_close";
}
