/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/ip.h"

#include "proto/base/cursor.h"
#include "proto/base/err.h"

#define GROUPS 8            /* of 16 bits in an IPv6 address */
#define NO_GAP (GROUPS + 1) /* stands behind every place that "::" can have */

bool ip4_parse(struct bytes text, uint8_t ret[4])
{
	uint8_t ip[4];
	size_t pos = 0;

	for (size_t i = 0; i < 4; i++) {
		unsigned value = 0;
		size_t start;

		if (i > 0 && (pos == text.len || text.at[pos++] != '.'))
			return false;
		for (start = pos; pos < text.len && text.at[pos] >= '0' && text.at[pos] <= '9';
			pos++) {
			value = value * 10 + (unsigned)(text.at[pos] - '0');
			/* A leading zero reads as octal elsewhere. */
			if (value > 255 || (pos > start && text.at[start] == '0'))
				return false;
		}
		if (pos == start)
			return false;
		ip[i] = (uint8_t)value;
	}
	if (pos != text.len)
		return false;
	memcpy(ret, ip, sizeof(ip));
	return true;
}

static bool hex_group(struct bytes text, uint16_t *ret)
{
	unsigned value = 0;

	if (text.len < 1 || text.len > 4)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = (uint16_t)value;
	return true;
}

/* An address being read: the groups so far, and where the "::" stood among them. */
struct groups {
	uint16_t at[GROUPS];
	size_t count;
	size_t gap; /* NO_GAP when there was none */
};

/* One token between colons: a group, or at the very end the last two as dotted quad. */
static bool take_group(struct groups *g, struct bytes token, bool is_last)
{
	uint8_t quad[4];

	if (g->count < GROUPS && hex_group(token, &g->at[g->count])) {
		g->count++;
		return true;
	}
	if (!is_last || g->count + 2 > GROUPS || !ip4_parse(token, quad))
		return false;
	g->at[g->count++] = (uint16_t)(quad[0] << 8 | quad[1]);
	g->at[g->count++] = (uint16_t)(quad[2] << 8 | quad[3]);
	return true;
}

static bool read_groups(struct bytes text, struct groups *g)
{
	if (bytes_starts(text, BYTES_LIT("::"))) {
		g->gap = 0;
		text = bytes_from(text, 2);
	}
	while (text.len) {
		const uint8_t *colon = memchr(text.at, ':', text.len);
		size_t len = colon ? (size_t)(colon - text.at) : text.len;

		if (!take_group(g, bytes_head(text, len), !colon))
			return false;
		if (!colon)
			break;
		text = bytes_from(text, len + 1);
		if (!text.len)
			return false;
		if (text.at[0] == ':') {
			if (g->gap != NO_GAP)
				return false;
			g->gap = g->count;
			text = bytes_from(text, 1);
		}
	}
	return g->gap == NO_GAP ? g->count == GROUPS : g->count < GROUPS;
}

bool ip6_parse(struct bytes text, uint8_t ret[16])
{
	struct groups g = {.gap = NO_GAP};
	size_t behind;

	if (!text.len || !read_groups(text, &g))
		return false;
	memset(ret, 0, 16);
	for (size_t i = 0; i < g.count; i++) {
		behind = i < g.gap ? i : i + GROUPS - g.count;
		ret[2 * behind] = (uint8_t)(g.at[i] >> 8);
		ret[2 * behind + 1] = (uint8_t)g.at[i];
	}
	return true;
}

bool ip6_is_mapped(const uint8_t ip[16])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(ip, prefix, sizeof(prefix)) == 0;
}

int ip4_put(struct buf *out, const uint8_t ip[4])
{
	return buf_printf(out, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952 section 4.2). */
static size_t longest_zeros(const uint8_t ip[16], size_t *ret_len)
{
	size_t best = GROUPS, best_len = 1;

	for (size_t i = 0; i < GROUPS; i++) {
		size_t end = i;

		while (end < GROUPS && !ip[2 * end] && !ip[2 * end + 1])
			end++;
		if (end - i > best_len) {
			best = i;
			best_len = end - i;
		}
	}
	*ret_len = best_len;
	return best;
}

int ip6_put(struct buf *out, const uint8_t ip[16])
{
	size_t gap_len, gap = longest_zeros(ip, &gap_len), start = out->len;
	int err = 0;

	if (ip6_is_mapped(ip))
		return buf_printf(out, "::ffff:%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
	for (size_t i = 0; i < GROUPS && !err; i++) {
		if (i == gap) {
			err = buf_put_str(out, "::");
			i += gap_len - 1;
			continue;
		}
		err = buf_printf(out, i && i != gap + gap_len ? ":%x" : "%x",
			(unsigned)(ip[2 * i] << 8 | ip[2 * i + 1]));
	}
	if (err)
		buf_truncate(out, start);
	return err;
}
