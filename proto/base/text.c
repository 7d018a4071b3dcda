/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/text.h"

#include <assert.h>
#include <sodium.h>

#include "proto/base/err.h"

int text_hex(struct buf *out, struct bytes in)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *to;

	if (in.len > SIZE_MAX / 2)
		return P2P_ERR_TOO_LARGE;
	to = buf_grow(out, in.len * 2);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = 0; i < in.len; i++) {
		to[2 * i] = (uint8_t)digits[in.at[i] >> 4];
		to[2 * i + 1] = (uint8_t)digits[in.at[i] & 15];
	}
	return 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_unhex(struct buf *out, struct bytes text)
{
	size_t start = out->len;
	uint8_t *to;

	if (text.len % 2)
		return P2P_ERR_INVALID;
	to = buf_grow(out, text.len / 2);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = 0; i < text.len / 2; i++) {
		int hi = hex_digit(text.at[2 * i]), lo = hex_digit(text.at[2 * i + 1]);

		if (hi < 0 || lo < 0) {
			buf_truncate(out, start);
			return P2P_ERR_INVALID;
		}
		to[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

/* libsodium's encoder wants room for a NUL behind the text, which a bounded buffer may not have. */
int text_base64(struct buf *out, struct bytes in)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *to;

	if (in.len > SIZE_MAX / 2)
		return P2P_ERR_TOO_LARGE;
	to = buf_grow(out, (in.len + 2) / 3 * 4);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = 0; i < in.len; i += 3, to += 4) {
		size_t left = in.len - i;
		uint32_t three = (uint32_t)in.at[i] << 16;

		if (left > 1)
			three |= (uint32_t)in.at[i + 1] << 8;
		if (left > 2)
			three |= in.at[i + 2];
		to[0] = (uint8_t)digits[three >> 18];
		to[1] = (uint8_t)digits[three >> 12 & 63];
		to[2] = left > 1 ? (uint8_t)digits[three >> 6 & 63] : '=';
		to[3] = left > 2 ? (uint8_t)digits[three & 63] : '=';
	}
	return 0;
}

int text_unbase64(struct buf *out, struct bytes text)
{
	size_t room = text.len / 4 * 3, got;
	uint8_t *to;

	if (text.len % 4)
		return P2P_ERR_INVALID;
	/* Exactly what will come out, or a full buffer would refuse what fits. */
	for (size_t i = 1; i <= 2 && i <= text.len && text.at[text.len - i] == '='; i++)
		room--;
	to = buf_grow(out, room);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	if (text.len && sodium_base642bin(to, room, (const char *)text.at, text.len, NULL, &got,
				NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
		buf_truncate(out, out->len - room);
		return P2P_ERR_INVALID;
	}
	buf_truncate(out, out->len - room + (text.len ? got : 0));
	return 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes text_trim(struct bytes in)
{
	while (in.len && is_space(in.at[0]))
		in = bytes_from(in, 1);
	while (in.len && is_space(in.at[in.len - 1]))
		in.len--;
	return in;
}

bool text_copy(char *to, size_t size, struct bytes from)
{
	size_t n;

	assert(size > 0);
	n = from.len < size ? from.len : size - 1;
	if (n)
		memcpy(to, from.at, n);
	to[n] = '\0';
	return n == from.len;
}

/* Length of the valid sequence at the front, 0 when there is none (RFC 3629 section 4). */
static size_t utf8_sequence(struct bytes in)
{
	uint8_t b = in.at[0], low = 0x80, high = 0xbf;
	size_t more;

	if (b < 0x80)
		return 1;
	if (b >= 0xc2 && b <= 0xdf)
		more = 1;
	else if (b >= 0xe0 && b <= 0xef)
		more = 2;
	else if (b >= 0xf0 && b <= 0xf4)
		more = 3;
	else
		return 0;
	if (b == 0xe0)
		low = 0xa0;
	else if (b == 0xed)
		high = 0x9f;
	else if (b == 0xf0)
		low = 0x90;
	else if (b == 0xf4)
		high = 0x8f;
	if (in.len <= more || in.at[1] < low || in.at[1] > high)
		return 0;
	for (size_t i = 2; i <= more; i++)
		if ((in.at[i] & 0xc0) != 0x80)
			return 0;
	return more + 1;
}

bool text_is_utf8(struct bytes in)
{
	while (in.len) {
		size_t n = utf8_sequence(in);

		if (n == 0)
			return false;
		in = bytes_from(in, n);
	}
	return true;
}

int text_escape(struct buf *out, struct bytes in, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = in.len < max ? in.len : max, start = out->len;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = in.at[i];
		char hex[4] = {'\\', 'x', digits[c >> 4], digits[c & 15]};
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';

		if (buf_put(out, plain ? bytes_of(&c, 1) : bytes_of(hex, sizeof(hex)))) {
			buf_truncate(out, start);
			return P2P_ERR_TOO_LARGE;
		}
	}
	return 0;
}

#define DISTANCE_MAX_LEN 64

unsigned text_distance(const char *a, const char *b, unsigned limit)
{
	unsigned row[DISTANCE_MAX_LEN + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > DISTANCE_MAX_LEN || lb > DISTANCE_MAX_LEN)
		return limit;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb] < limit ? row[lb] : limit;
}
