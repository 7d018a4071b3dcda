/* SPDX-License-Identifier: Apache-2.0 */
/* Between the pipe and the layers: whole Noise messages are made of bytes that come cut anywhere,
 * and what streams have to say is gathered into few large ones (performance.md D1, D2).
 *
 * A message that lies whole in the bytes received is opened from there; only a cut one is copied.
 * Nothing is owned while nothing is half done. */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/conn/ladder.h"

#define CONTENT_BYTES_MAX 32768 /* of a message that we seal: ciphers gain nothing from more */
#define CONTENT_BYTES_MIN 4096  /* of a budget; frames are not cut into crumbs */
#define AROUND_BYTES      (NOISE_LENGTH_BYTES + NOISE_TAG_BYTES)

/* Moves bytes from `in` to the kept part of a message until it has `want`; false when `in` ends. */
static bool keep_until(struct conn *c, struct bytes *in, size_t want)
{
	struct bytes piece = bytes_head(*in, want - c->rest.len);

	/* The length of a message is limited by noise_message_len(), so this always fits; memory
	 * grows with what has come, not with what a length promises. */
	(void)buf_put(&c->rest, piece);
	*in = bytes_from(*in, piece.len);
	return c->rest.len == want;
}

int sealed_next(struct conn *c, struct bytes *in, struct bytes *ret_body)
{
	size_t len;
	int err;

	if (c->rest.len == 0) {
		err = noise_message_len(&c->noise, *in, &len);
		if (err)
			return err;
		if (in->len >= len) {
			*ret_body = bytes_from(bytes_head(*in, len), NOISE_LENGTH_BYTES);
			*in = bytes_from(*in, len);
			return 0;
		}
		(void)buf_reserve(&c->rest, in->len); /* less than one message */
	}
	do {
		err = noise_message_len(&c->noise, buf_bytes(&c->rest), &len);
		if (err)
			return err;
		if (!keep_until(c, in, len))
			return P2P_ERR_AGAIN;
	} while (len == NOISE_LENGTH_BYTES);
	*ret_body = bytes_from(buf_bytes(&c->rest), NOISE_LENGTH_BYTES);
	return 0;
}

void sealed_done(struct conn *c)
{
	/* While a message is being dealt with, `rest` holds nothing or just that message. */
	buf_deinit(&c->rest);
}

/* Where opened bytes go: the shared scratch when nobody else uses it. */
static struct buf *take_plain(struct conn *c)
{
	struct conn_scratch *shared = c->opts.scratch;

	if (c->plain)
		return c->plain;
	if (shared && (!shared->user || shared->user == c)) {
		shared->user = c;
		c->plain = &shared->plain;
	} else {
		c->plain = &c->own_plain;
	}
	return c->plain;
}

void sealed_release(struct conn *c)
{
	if (!c->plain)
		return;
	if (c->plain == &c->own_plain) {
		buf_deinit(&c->own_plain);
	} else {
		buf_reset(c->plain);
		c->opts.scratch->user = NULL;
	}
	c->plain = NULL;
}

int sealed_open(struct conn *c, struct bytes body, struct bytes *ret_plain)
{
	struct buf *plain;
	uint8_t *to;

	if (c->rest.len) {
		/* Put together in our own memory. */
		to = c->rest.data + NOISE_LENGTH_BYTES;
		assert(body.at == to);
	} else {
		plain = take_plain(c);
		(void)buf_reserve(plain, body.len); /* it has no maximum */
		to = plain->data + plain->len;
	}
	ret_plain->at = to;
	return noise_open(&c->noise, body, to, &ret_plain->len);
}

/* Opens whole messages of `in` behind each other into `plain`; the first error. */
static int open_all(struct conn *c, struct bytes in, struct buf *plain)
{
	for (;;) {
		struct bytes body;
		size_t len;
		int err = in.len ? sealed_next(c, &in, &body) : P2P_ERR_AGAIN;

		if (err)
			return err == P2P_ERR_AGAIN ? 0 : err;
		/* Room for the tag is counted in: it is written over by the next message. */
		(void)buf_reserve(plain, body.len);
		err = noise_open(&c->noise, body, plain->data + plain->len, &len);
		if (err)
			return err;
		plain->len += len;
		sealed_done(c);
	}
}

int sealed_recv(struct conn *c, struct bytes in)
{
	struct buf *plain = take_plain(c);
	int err;

	/* What was opened before has been read to its end: the owner has asked conn_next(). */
	assert(plain->len == 0);
	if (c->early.len) {
		(void)buf_put(plain, buf_bytes(&c->early));
		buf_deinit(&c->early);
	}
	(void)buf_reserve(plain, in.len + c->rest.len);
	err = open_all(c, in, plain);
	if (plain->len) {
		c->last_heard = c->now;
		mux_recv(&c->mux, buf_bytes(plain), c->now);
	} else {
		sealed_release(c);
	}
	if (err)
		conn_over_after_input(c, err, c->noise.why);
	return err;
}

size_t sealed_begin(struct buf *out)
{
	size_t begin = out->len;

	(void)buf_put_u16be(out, 0); /* the caller has made sure of the room */
	return begin;
}

int sealed_end(struct conn *c, struct buf *out, size_t begin)
{
	size_t len = out->len - begin - NOISE_LENGTH_BYTES;

	if (!buf_grow(out, NOISE_TAG_BYTES)) {
		buf_truncate(out, begin);
		return P2P_ERR_TOO_LARGE;
	}
	return noise_seal(&c->noise, out->data + begin, len);
}

/* How much content the next message may have, given what is left of the budget and of the room in
 * `out`; 0: no more messages now. */
static size_t next_content(const struct buf *out, size_t start, size_t budget)
{
	size_t used = out->len - start;
	size_t left = budget > used ? budget - used : 0;
	size_t most;

	if (left < CONTENT_BYTES_MIN) {
		if (used)
			return 0;
		left = CONTENT_BYTES_MIN;
	}
	most = left < CONTENT_BYTES_MAX ? left : CONTENT_BYTES_MAX;
	if (!out->max)
		return most;
	left = out->max - out->len;
	if (left <= AROUND_BYTES + YAMUX_HEADER_BYTES)
		return 0;
	return left - AROUND_BYTES < most ? left - AROUND_BYTES : most;
}

void sealed_send(struct conn *c, struct buf *out, size_t budget)
{
	size_t start = out->len, content;

	while (mux_has_output(&c->mux) && (content = next_content(out, start, budget))) {
		size_t begin = sealed_begin(out);

		mux_send(&c->mux, out, content, c->now);
		if (out->len == begin + NOISE_LENGTH_BYTES) {
			buf_truncate(out, begin);
			return;
		}
		if (sealed_end(c, out, begin)) {
			buf_truncate(out, begin);
			conn_over(c, P2P_ERR_CRYPTO, c->noise.why, NULL);
			return;
		}
	}
}
