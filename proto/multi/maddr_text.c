/* SPDX-License-Identifier: Apache-2.0 */
/* maddr_text.c: multiaddrs to and from text (spec multiformats.md section 9.1). */
#include <assert.h>
#include <inttypes.h>

#include "proto/base/err.h"
#include "proto/multi/ip.h"
#include "proto/multi/maddr_table.h"
#include "proto/multi/multibase.h"
#include "proto/multi/varint.h"

/* Decimal digits only, into `size` bytes, highest first. */
static int number_from_text(struct bytes text, size_t size, struct buf *out)
{
	uint64_t value = 0, max = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;

	for (size_t i = 0; i < text.len; i++) {
		uint64_t digit = (uint64_t)text.at[i] - '0';

		if (text.at[i] < '0' || text.at[i] > '9')
			return P2P_ERR_INVALID;
		if (value > (max - digit) / 10)
			return P2P_ERR_INVALID;
		value = value * 10 + digit;
	}
	for (size_t i = size; i-- > 0;)
		if (buf_put_u8(out, (uint8_t)(value >> 8 * i)))
			return P2P_ERR_TOO_LARGE;
	return 0;
}

static int number_to_text(struct bytes value, struct buf *out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < value.len; i++)
		n = n << 8 | value.at[i];
	return buf_printf(out, "%" PRIu64, n);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Go writes a space as '+', others as %20; both are read. */
static int percent_decode(struct bytes text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i] == '+' ? ' ' : text.at[i];

		if (c == '%') {
			int hi, lo;

			if (text.len - i < 3)
				return P2P_ERR_INVALID;
			hi = hex_digit(text.at[i + 1]);
			lo = hex_digit(text.at[i + 2]);
			if (hi < 0 || lo < 0)
				return P2P_ERR_INVALID;
			c = (uint8_t)(hi << 4 | lo);
			i += 2;
		}
		if (buf_put_u8(out, c))
			return P2P_ERR_TOO_LARGE;
	}
	return 0;
}

static bool is_unreserved(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~", c));
}

static int percent_encode(struct bytes value, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < value.len && !err; i++) {
		if (is_unreserved(value.at[i]))
			err = buf_put_u8(out, value.at[i]);
		else
			err = buf_printf(out, "%%%02X", value.at[i]);
	}
	return err;
}

static int peer_from_text(struct bytes text, struct buf *out)
{
	struct peer_id peer;
	int err = peer_id_parse(text, &peer);

	return err ? P2P_ERR_INVALID : buf_put(out, peer_id_bytes(&peer));
}

static int peer_to_text(struct bytes value, struct buf *out)
{
	char text[PEER_ID_TEXT_SIZE];
	struct peer_id peer;
	int err = peer_id_from_bytes(value, &peer);

	assert(!err);
	return err ? err : buf_put_str(out, peer_id_text(&peer, text));
}

static int certhash_from_text(struct bytes text, struct buf *out)
{
	int err = multibase_decode(text, out);

	return err == P2P_ERR_UNSUPPORTED ? P2P_ERR_INVALID : err;
}

/* Appends the value of `text`; the result is still to be checked. */
static int value_from_text(const struct maddr_proto *p, struct bytes text, struct buf *out)
{
	uint8_t ip[16];

	switch (p->value) {
	case MADDR_VALUE_NONE: return 0;
	case MADDR_VALUE_IP4:
		return ip4_parse(text, ip) ? buf_put(out, bytes_of(ip, 4)) : P2P_ERR_INVALID;
	case MADDR_VALUE_IP6:
		return ip6_parse(text, ip) ? buf_put(out, bytes_of(ip, 16)) : P2P_ERR_INVALID;
	case MADDR_VALUE_NUMBER: return number_from_text(text, p->size, out);
	case MADDR_VALUE_NAME:
	case MADDR_VALUE_ZONE:
	case MADDR_VALUE_PATH: return buf_put(out, text);
	case MADDR_VALUE_PEER: return peer_from_text(text, out);
	case MADDR_VALUE_CERTHASH: return certhash_from_text(text, out);
	case MADDR_VALUE_HTTP_PATH: return percent_decode(text, out);
	}
	return P2P_ERR_INVALID;
}

static int value_to_text(const struct maddr_proto *p, struct bytes value, struct buf *out)
{
	switch (p->value) {
	case MADDR_VALUE_NONE: return 0;
	case MADDR_VALUE_IP4: return ip4_put(out, value.at);
	case MADDR_VALUE_IP6: return ip6_put(out, value.at);
	case MADDR_VALUE_NUMBER: return number_to_text(value, out);
	case MADDR_VALUE_NAME:
	case MADDR_VALUE_ZONE:
	case MADDR_VALUE_PATH: return buf_put(out, value);
	case MADDR_VALUE_PEER: return peer_to_text(value, out);
	case MADDR_VALUE_CERTHASH: return multibase_encode(MULTIBASE_BASE64URL, value, out);
	case MADDR_VALUE_HTTP_PATH: return percent_encode(value, out);
	}
	return P2P_ERR_INVALID;
}

/* Takes "/segment" off the front; false when the text does not go on. */
static bool take_segment(struct bytes *text, struct bytes *ret)
{
	const uint8_t *slash;
	size_t len;

	if (!text->len)
		return false;
	assert(text->at[0] == '/');
	*text = bytes_from(*text, 1);
	slash = text->len ? memchr(text->at, '/', text->len) : NULL;
	len = slash ? (size_t)(slash - text->at) : text->len;
	*ret = bytes_head(*text, len);
	*text = bytes_from(*text, len);
	return true;
}

/* The text of the value behind the name of `p`. An empty path is left to the check of values. */
static bool take_value(const struct maddr_proto *p, struct bytes *text, struct bytes *ret)
{
	*ret = BYTES_NONE;
	if (p->value == MADDR_VALUE_NONE)
		return true;
	if (p->value != MADDR_VALUE_PATH)
		return take_segment(text, ret) && ret->len > 0;
	*ret = *text; /* the slash that ends the name begins the path */
	*text = bytes_from(*text, text->len);
	return true;
}

static int parse_part(struct bytes *text, struct buf *out)
{
	struct buf value = BUF_WITH_MAX(MADDR_BYTES_MAX);
	const struct maddr_proto *p;
	struct bytes name, value_text;
	int err;

	if (!take_segment(text, &name) || !name.len)
		return P2P_ERR_INVALID;
	p = maddr_proto_by_name(name);
	if (!p)
		return P2P_ERR_UNSUPPORTED;
	if (!take_value(p, text, &value_text))
		return P2P_ERR_INVALID;
	err = value_from_text(p, value_text, &value);
	if (!err && !maddr_value_is_valid(p, buf_bytes(&value)))
		err = P2P_ERR_INVALID;
	if (!err)
		err = varint_put(out, (uint64_t)p->code);
	if (!err && p->size == MADDR_SIZE_VARIABLE)
		err = varint_put_bytes(out, buf_bytes(&value));
	else if (!err)
		err = buf_put(out, buf_bytes(&value));
	buf_deinit(&value);
	return err;
}

int maddr_parse(struct bytes text, struct maddr *ret)
{
	struct buf out = BUF_WITH_MAX(MADDR_BYTES_MAX);
	int err = 0;

	if (text.len > MADDR_TEXT_MAX)
		return P2P_ERR_TOO_LARGE;
	while (text.len && text.at[text.len - 1] == '/')
		text.len--;
	if (!text.len || text.at[0] != '/')
		return P2P_ERR_INVALID;
	while (text.len && !err)
		err = parse_part(&text, &out);
	if (!err)
		err = maddr_from_bytes(buf_bytes(&out), ret);
	buf_deinit(&out);
	return err;
}

static int put_part(const struct maddr_part *part, struct buf *out)
{
	const struct maddr_proto *p = maddr_proto_by_code(part->code);
	int err = buf_printf(out, "/%s", part->name);

	/* A path brings its own slash. */
	if (!err && p->value != MADDR_VALUE_NONE && p->value != MADDR_VALUE_PATH)
		err = buf_put_u8(out, '/');
	return err ? err : value_to_text(p, part->value, out);
}

char *maddr_text(const struct maddr *a, char *to)
{
	struct buf text = BUF_WITH_MAX(MADDR_TEXT_MAX);
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part part;
	int err = 0;

	while (!err && maddr_next(&w, &part))
		err = put_part(&part, &text);
	assert(!err); /* MADDR_TEXT_MAX is counted out to hold every address */
	if (text.len)
		memcpy(to, text.data, text.len);
	to[text.len] = '\0';
	buf_deinit(&text);
	return to;
}
