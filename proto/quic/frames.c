/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/frames.h"

#include "proto/base/cursor.h"
#include "proto/base/err.h"

#define CID_BYTES_MAX   20
#define TOKEN_BYTES     16 /* of a stateless reset */
#define CHALLENGE_BYTES 8

/* A number of 1, 2, 4 or 8 bytes, as the first two bits say (section 16). */
static uint64_t take_number(struct cursor *c)
{
	struct bytes at = bytes_from(c->in, c->pos);
	size_t len = at.len ? (size_t)1 << (at.at[0] >> 6) : 1;
	struct bytes b = cursor_take(c, len);
	uint64_t v = b.len ? b.at[0] & 0x3f : 0;

	for (size_t i = 1; i < b.len; i++)
		v = v << 8 | b.at[i];
	return v;
}

static struct bytes take_long(struct cursor *c)
{
	uint64_t len = take_number(c);

	if (len > cursor_left(c))
		cursor_fail(c, P2P_ERR_TRUNCATED);
	return cursor_take(c, c->err ? 0 : (size_t)len);
}

static void skip_numbers(struct cursor *c, unsigned count)
{
	while (count--)
		(void)take_number(c);
}

static void take_stream(struct cursor *c, uint8_t bits, struct quic_frame *ret)
{
	ret->type = QUIC_FRAME_STREAM;
	ret->stream = take_number(c);
	ret->offset = bits & 4 ? take_number(c) : 0;
	ret->data = bits & 2 ? take_long(c) : cursor_rest(c);
	ret->fin = bits & 1;
}

static void take_ack(struct cursor *c, struct quic_frame *ret)
{
	uint64_t first_len;
	size_t begin;

	ret->largest = take_number(c);
	skip_numbers(c, 1); /* the delay */
	ret->gap_count = take_number(c);
	first_len = take_number(c);
	if (first_len > ret->largest)
		cursor_fail(c, P2P_ERR_INVALID);
	ret->first = ret->largest - first_len;
	begin = c->pos;
	/* Two numbers of at least a byte each: the count cannot lie by much. */
	if (ret->gap_count > cursor_left(c) / 2)
		cursor_fail(c, P2P_ERR_TRUNCATED);
	for (uint64_t i = 0; !c->err && i < ret->gap_count; i++)
		skip_numbers(c, 2);
	ret->gaps = bytes_of(c->in.at + begin, c->pos - begin);
	if (ret->type == QUIC_FRAME_ACK_ECN)
		skip_numbers(c, 3);
	ret->type = QUIC_FRAME_ACK;
}

static void take_new_cid(struct cursor *c)
{
	uint8_t len;

	skip_numbers(c, 2);
	len = cursor_u8(c);
	if (len < 1 || len > CID_BYTES_MAX)
		cursor_fail(c, P2P_ERR_INVALID);
	(void)cursor_take(c, len);
	(void)cursor_take(c, TOKEN_BYTES);
}

static void take_padding(struct cursor *c)
{
	while (cursor_left(c) > 0 && c->in.at[c->pos] == 0)
		c->pos++;
}

static void take_body(struct cursor *c, struct quic_frame *ret)
{
	switch (ret->type) { /* a byte of the peer's */
	case QUIC_FRAME_PADDING: take_padding(c); return;
	case QUIC_FRAME_PING:
	case QUIC_FRAME_HANDSHAKE_DONE: return;
	case QUIC_FRAME_ACK:
	case QUIC_FRAME_ACK_ECN: take_ack(c, ret); return;
	case QUIC_FRAME_RESET_STREAM: skip_numbers(c, 3); return;
	case QUIC_FRAME_STOP_SENDING:
		ret->stream = take_number(c);
		skip_numbers(c, 1);
		return;
	case QUIC_FRAME_MAX_STREAM_DATA:
	case QUIC_FRAME_STREAM_DATA_BLOCKED: skip_numbers(c, 2); return;
	case QUIC_FRAME_CRYPTO:
		ret->offset = take_number(c);
		ret->data = take_long(c);
		return;
	case QUIC_FRAME_NEW_TOKEN: (void)take_long(c); return;
	case QUIC_FRAME_MAX_DATA:
	case QUIC_FRAME_MAX_STREAMS_BIDI:
	case QUIC_FRAME_MAX_STREAMS_UNI:
	case QUIC_FRAME_DATA_BLOCKED:
	case QUIC_FRAME_STREAMS_BLOCKED_BIDI:
	case QUIC_FRAME_STREAMS_BLOCKED_UNI:
	case QUIC_FRAME_RETIRE_CONNECTION_ID: skip_numbers(c, 1); return;
	case QUIC_FRAME_NEW_CONNECTION_ID: take_new_cid(c); return;
	case QUIC_FRAME_PATH_CHALLENGE:
	case QUIC_FRAME_PATH_RESPONSE: (void)cursor_take(c, CHALLENGE_BYTES); return;
	case QUIC_FRAME_CONNECTION_CLOSE:
		skip_numbers(c, 2);
		(void)take_long(c);
		return;
	case QUIC_FRAME_CONNECTION_CLOSE_APP:
		skip_numbers(c, 1);
		(void)take_long(c);
		return;
	default:
		if (ret->type >= QUIC_FRAME_STREAM && ret->type < QUIC_FRAME_MAX_DATA)
			take_stream(c, ret->type, ret);
		else
			cursor_fail(c, P2P_ERR_UNSUPPORTED);
	}
}

bool quic_frame_next(struct bytes *in, struct quic_frame *ret)
{
	struct cursor c = cursor_of(*in);

	*ret = (struct quic_frame){.type = cursor_u8(&c)};
	if (!c.err)
		take_body(&c, ret);
	if (c.err)
		return false;
	*in = bytes_from(*in, c.pos);
	return true;
}

bool quic_frame_range(struct quic_frame *ack)
{
	struct cursor c = cursor_of(ack->gaps);
	uint64_t gap = take_number(&c), len = take_number(&c);

	/* The gap has at least one packet, and the range another (section 19.3.1). */
	if (c.err || ack->first < 2 || gap > ack->first - 2 || len > ack->first - 2 - gap)
		return false;
	ack->largest = ack->first - gap - 2;
	ack->first = ack->largest - len;
	ack->gaps = bytes_from(ack->gaps, c.pos);
	return true;
}
