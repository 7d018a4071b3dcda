/* SPDX-License-Identifier: Apache-2.0 */
/* Between the pipe and the layers: whole messages of Noise or TLS are made of bytes that come cut
 * anywhere, and what streams have to say is gathered into few large ones (performance.md D1, D2).
 *
 * A message that lies whole in the bytes received is opened from there; only a cut one is copied.
 * Nothing is owned while nothing is half done. */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/conn/ladder.h"

#define CONTENT_BYTES_MIN 4096 /* of a budget; frames are not cut into crumbs */

/* Moves bytes from `in` to the kept part of a message until it has `want`; false when `in` ends. */
static bool keep_until(struct conn *c, struct bytes *in, size_t want)
{
	struct bytes piece = bytes_head(*in, want - c->rest.len);

	/* The length of a message is limited by security_message_len(), so this always fits; memory
	 * grows with what has come, not with what a length promises. */
	(void)buf_put(&c->rest, piece);
	*in = bytes_from(*in, piece.len);
	return c->rest.len == want;
}

int sealed_next(struct conn *c, struct bytes *in, struct bytes *ret_message)
{
	size_t len;
	int err;

	if (c->rest.len == 0) {
		err = security_message_len(&c->security, *in, &len);
		if (err)
			return err;
		if (in->len >= len && len > security_header_bytes(&c->security)) {
			*ret_message = bytes_head(*in, len);
			*in = bytes_from(*in, len);
			return 0;
		}
		(void)buf_reserve(&c->rest, in->len); /* less than one message */
	}
	do {
		err = security_message_len(&c->security, buf_bytes(&c->rest), &len);
		if (err)
			return err;
		if (!keep_until(c, in, len))
			return P2P_ERR_AGAIN;
	} while (len == security_header_bytes(&c->security));
	*ret_message = buf_bytes(&c->rest);
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

int sealed_open(struct conn *c, struct bytes message, struct bytes *ret_plain)
{
	struct buf *plain;
	uint8_t *to;

	if (c->rest.len) {
		/* Put together in our own memory. */
		to = c->rest.data;
		assert(message.at == to);
	} else {
		plain = take_plain(c);
		(void)buf_reserve(plain, message.len); /* it has no maximum */
		to = plain->data + plain->len;
	}
	return security_open(&c->security, message, to, &c->wire, ret_plain);
}

/* Opens whole messages of `in` behind each other into `plain`; the first error. */
static int open_all(struct conn *c, struct bytes in, struct buf *plain)
{
	for (;;) {
		struct bytes message, opened;
		int err = in.len ? sealed_next(c, &in, &message) : P2P_ERR_AGAIN;

		if (err)
			return err == P2P_ERR_AGAIN ? 0 : err;
		/* Room for what is around the content is counted in: the next message is written
		 * over it. */
		(void)buf_reserve(plain, message.len);
		err = security_open(
			&c->security, message, plain->data + plain->len, &c->wire, &opened);
		if (err)
			return err;
		plain->len += opened.len;
		sealed_done(c);
	}
}

int sealed_fail(struct conn *c, int err)
{
	const struct security *s = &c->security;

	/* Noise is silent then; TLS has an alert for the peer. */
	c->alert_owed = s->kind == CONN_TLS && c->wire.len > 0;
	conn_over_after_input(c, err, security_why(s), security_detail(s));
	return err;
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
	return err ? sealed_fail(c, err) : 0;
}

/* How much content the next message may have, given what is left of the budget and of the room in
 * `out`; 0: no more messages now. */
static size_t next_content(const struct conn *c, const struct buf *out, size_t start, size_t budget)
{
	size_t most = security_content_max(&c->security);
	size_t used = out->len - start;
	size_t left = budget > used ? budget - used : 0;
	size_t room;

	if (left < CONTENT_BYTES_MIN) {
		if (used)
			return 0;
		left = CONTENT_BYTES_MIN;
	}
	if (left < most)
		most = left;
	if (!out->max)
		return most;
	room = security_content_in(&c->security, out->max - out->len);
	if (room <= YAMUX_HEADER_BYTES)
		return 0;
	return room < most ? room : most;
}

/* One message from the muxer, made where it is sealed. P2P_ERR_AGAIN when nothing came of it. */
static int gather_in_place(struct conn *c, struct buf *out, size_t content)
{
	size_t begin = security_begin_in_place(out), empty = out->len;

	mux_send(&c->mux, out, content, c->now);
	if (out->len > empty)
		return security_end_in_place(&c->security, out, begin);
	buf_truncate(out, begin);
	return P2P_ERR_AGAIN;
}

/* TLS seals from one memory into another: the content is made in the processor's cache. */
static int gather(struct conn *c, struct buf *out, size_t content)
{
	uint8_t room[TLS_CONTENT_BYTES_MAX];
	struct buf plain = {.data = room, .cap = sizeof(room), .max = sizeof(room)};

	mux_send(&c->mux, &plain, content, c->now);
	return plain.len ? security_seal(&c->security, buf_bytes(&plain), out) : P2P_ERR_AGAIN;
}

void sealed_send(struct conn *c, struct buf *out, size_t budget)
{
	bool is_noise = c->security.kind == CONN_NOISE;
	size_t start = out->len, content;

	while (mux_has_output(&c->mux) && (content = next_content(c, out, start, budget))) {
		size_t begin = out->len;
		int err = is_noise ? gather_in_place(c, out, content) : gather(c, out, content);

		if (err == P2P_ERR_AGAIN)
			return;
		if (err) {
			buf_truncate(out, begin);
			(void)sealed_fail(c, err);
			return;
		}
	}
	if (conn_at(c) != AT_OPEN && !mux_has_output(&c->mux))
		security_bye(&c->security, out);
}
