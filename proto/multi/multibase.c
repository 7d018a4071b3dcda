/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/multibase.h"

#include <assert.h>

#include "proto/base/err.h"

#define BASE58 "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct encoding {
	char letter;
	uint8_t bits;    /* a digit carries, or 0 when the text is one big number */
	uint8_t digits;  /* length of the alphabet */
	bool folds_case; /* decoding takes either case */
	uint8_t pad_to;  /* padded with '=' to a multiple of this; 0 = no padding */
	const char *alphabet;
};

static const struct encoding encodings[] = {
	{'z', 0, 58, false, 0, BASE58},
	{'k', 0, 36, true, 0, "0123456789abcdefghijklmnopqrstuvwxyz"},
	{'K', 0, 36, true, 0, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
	{'b', 5, 32, true, 0, "abcdefghijklmnopqrstuvwxyz234567"},
	{'B', 5, 32, true, 0, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
	{'f', 4, 16, true, 0, "0123456789abcdef"},
	{'F', 4, 16, true, 0, "0123456789ABCDEF"},
	{'m', 6, 64, false, 0, BASE64 "+/"},
	{'M', 6, 64, false, 4, BASE64 "+/"},
	{'u', 6, 64, false, 0, BASE64 "-_"},
	{'U', 6, 64, false, 4, BASE64 "-_"},
};

static const struct encoding *find(uint8_t letter)
{
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
		if ((uint8_t)encodings[i].letter == letter)
			return &encodings[i];
	return NULL;
}

static uint8_t other_case(uint8_t c)
{
	bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

	return is_letter ? c ^ 0x20 : c;
}

/* The value of a character, or -1. */
static int digit_of(const struct encoding *e, uint8_t c)
{
	const char *at = memchr(e->alphabet, c, e->digits);

	if (!at && e->folds_case)
		at = memchr(e->alphabet, other_case(c), e->digits);
	return at ? (int)(at - e->alphabet) : -1;
}

static size_t leading(struct bytes in, uint8_t what)
{
	size_t n = 0;

	while (n < in.len && in.at[n] == what)
		n++;
	return n;
}

/* Multiplies the number in number[0 .. len-1] (lowest byte first) by `base`, adds `digit`; what the
 * number is written in is `radix`. Returns the new length. */
static size_t multiply_add(
	uint8_t *number, size_t len, unsigned radix, unsigned base, unsigned digit)
{
	unsigned carry = digit;

	for (size_t i = 0; i < len; i++) {
		carry += number[i] * base;
		number[i] = (uint8_t)(carry % radix);
		carry /= radix;
	}
	while (carry) {
		number[len++] = (uint8_t)(carry % radix);
		carry /= radix;
	}
	return len;
}

/* How many bytes an encoder takes at once: each pass over the digits costs the same, and a digit
 * times this many bytes still fits its carry. The first group may be shorter. */
#define GROUP_BYTES 3

/* A leading zero byte adds nothing to the number, so each is written as one zero digit. */
static int encode_big(const struct encoding *e, struct bytes in, struct buf *out)
{
	uint8_t number[MULTIBASE_BIG_TEXT_MAX];
	size_t zeros = leading(in, 0), len = 0;
	uint8_t *to;

	if (in.len > MULTIBASE_BIG_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = zeros; i < in.len;) {
		unsigned group = 0;

		do
			group = group << 8 | in.at[i++];
		while ((in.len - i) % GROUP_BYTES);
		len = multiply_add(number, len, e->digits, 1u << 8 * GROUP_BYTES, group);
	}
	assert(zeros + len <= sizeof(number));
	to = buf_grow(out, zeros + len);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	memset(to, e->alphabet[0], zeros);
	for (size_t i = 0; i < len; i++)
		to[zeros + i] = (uint8_t)e->alphabet[number[len - 1 - i]];
	return 0;
}

static int decode_big(const struct encoding *e, struct bytes text, struct buf *out)
{
	uint8_t number[MULTIBASE_BIG_TEXT_MAX];
	size_t zeros = leading(text, (uint8_t)e->alphabet[0]), len = 0;
	uint8_t *to;

	if (text.len > MULTIBASE_BIG_TEXT_MAX)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = zeros; i < text.len; i++) {
		int digit = digit_of(e, text.at[i]);

		if (digit < 0)
			return P2P_ERR_INVALID;
		len = multiply_add(number, len, 256, e->digits, (unsigned)digit);
	}
	to = buf_grow(out, zeros + len);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	memset(to, 0, zeros);
	for (size_t i = 0; i < len; i++)
		to[zeros + i] = number[len - 1 - i];
	return 0;
}

static int encode_bits(const struct encoding *e, struct bytes in, struct buf *out)
{
	unsigned mask = (1u << e->bits) - 1, acc = 0, held = 0;
	size_t digits, len;
	uint8_t *to;

	if (in.len > SIZE_MAX / 16)
		return P2P_ERR_TOO_LARGE;
	digits = (in.len * 8 + e->bits - 1) / e->bits;
	len = e->pad_to ? (digits + e->pad_to - 1) / e->pad_to * e->pad_to : digits;
	to = buf_grow(out, len);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	memset(to + digits, '=', len - digits);
	for (size_t i = 0; i < in.len; i++) {
		acc = acc << 8 | in.at[i];
		held += 8;
		while (held >= e->bits) {
			held -= e->bits;
			*to++ = (uint8_t)e->alphabet[acc >> held & mask];
		}
	}
	if (held)
		*to = (uint8_t)e->alphabet[acc << (e->bits - held) & mask];
	return 0;
}

/* Takes the padding off; false when it is not exactly what the length asks for. */
static bool unpad(const struct encoding *e, struct bytes *text)
{
	size_t pads = 0;

	if (!e->pad_to)
		return true;
	if (text->len % e->pad_to)
		return false;
	while (pads < text->len && text->at[text->len - 1 - pads] == '=')
		pads++;
	text->len -= pads;
	return pads < e->pad_to;
}

static int decode_bits(const struct encoding *e, struct bytes text, struct buf *out)
{
	unsigned acc = 0, held = 0;
	size_t start = out->len, len;
	uint8_t *to;

	if (text.len > SIZE_MAX / 8)
		return P2P_ERR_TOO_LARGE;
	if (!unpad(e, &text))
		return P2P_ERR_INVALID;
	len = text.len * e->bits / 8;
	to = buf_grow(out, len);
	if (!to)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = 0; i < text.len; i++) {
		int digit = digit_of(e, text.at[i]);

		if (digit < 0)
			goto invalid;
		acc = (acc << e->bits | (unsigned)digit) & 0xffff;
		held += e->bits;
		if (held >= 8) {
			held -= 8;
			*to++ = (uint8_t)(acc >> held);
		}
	}
	/* What is left over must be less than a digit, and zero: otherwise another text means the
	 * same bytes. */
	if (held < e->bits && !(acc & ((1u << held) - 1)))
		return 0;
invalid:
	buf_truncate(out, start);
	return P2P_ERR_INVALID;
}

int multibase_encode_bare(enum multibase base, struct bytes in, struct buf *out)
{
	const struct encoding *e = find((uint8_t)base);

	assert(e);
	return e->bits ? encode_bits(e, in, out) : encode_big(e, in, out);
}

int multibase_decode_bare(enum multibase base, struct bytes text, struct buf *out)
{
	const struct encoding *e = find((uint8_t)base);

	assert(e);
	return e->bits ? decode_bits(e, text, out) : decode_big(e, text, out);
}

int multibase_encode(enum multibase base, struct bytes in, struct buf *out)
{
	int err = buf_put_u8(out, (uint8_t)base);

	if (err)
		return err;
	err = multibase_encode_bare(base, in, out);
	if (err)
		buf_truncate(out, out->len - 1);
	return err;
}

int multibase_decode(struct bytes text, struct buf *out)
{
	if (!text.len)
		return P2P_ERR_INVALID;
	if (!find(text.at[0]))
		return P2P_ERR_UNSUPPORTED;
	return multibase_decode_bare((enum multibase)text.at[0], bytes_from(text, 1), out);
}
