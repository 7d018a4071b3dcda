/* SPDX-License-Identifier: Apache-2.0 */
/* Which security a raw pipe gets (tcp-stack.md sections 1 and 2).
 *
 * A dialer sends its first handshake message right behind each proposal: that saves a round trip
 * when the proposal is accepted, as it nearly always is (performance.md D5). A listener that
 * refuses it may take the message for its next words and end the connection. Ours steps over it, so
 * that two of us find what they have in common at once. */
#include "proto/base/err.h"
#include "proto/conn/ladder.h"

#define NOISE_FIRST_BODY 32   /* a dialer's first Noise message is one key, nothing else */
#define HELLO_BYTES_MAX  4096 /* body of a ClientHello that is stepped over; a longer one is not */
#define RECORD_HANDSHAKE 22   /* first byte of TLS's first record; as a length it is 22, too */
#define RECORD_VERSION   3    /* the second */

/* `wire` has no maximum, so what is sent here always fits. */

static int fail(struct conn *c, int err)
{
	const char *why = err == P2P_ERR_UNSUPPORTED ? "select_no_common" : "select_malformed";

	conn_over(c, err, why, NULL);
	return err;
}

/* The dialer's next choice, and its first handshake message. */
static int propose(struct conn *c)
{
	int err;

	security_deinit(&c->security);
	security_init(&c->security, c->opts.securities[c->select.at], &c->opts);
	(void)select_send(&c->select, &c->wire);
	err = security_begin(&c->security, &c->wire);
	return err ? sealed_fail(c, err) : 0;
}

void propose_begin(struct conn *c)
{
	bool dials = c->opts.side == CONN_DIALER;

	if (c->opts.security_count == 0) {
		c->opts.securities[0] = CONN_NOISE;
		c->opts.security_count = 1;
	}
	for (uint8_t i = 0; i < c->opts.security_count; i++)
		c->names[i] = security_name(c->opts.securities[i]);
	select_init(&c->select, dials ? SELECT_DIALER : SELECT_LISTENER, c->names,
		c->opts.security_count);
	if (dials)
		(void)propose(c); /* CONN_CLOSED tells */
}

/* It was no handshake message after all: the bytes are words again. */
static int give_back(struct conn *c)
{
	struct surplus *s = &c->surplus;
	struct bytes head = bytes_of(s->head, s->head_len);

	s->is_possible = false;
	return select_recv(&c->select, &head);
}

/* A header that promises a body to be dropped. */
static int look_at_header(struct conn *c)
{
	struct surplus *s = &c->surplus;
	bool is_noise = s->head[0] == 0, is_tls = s->head[0] == RECORD_HANDSHAKE;
	uint16_t len;

	if (s->head_len == 1)
		return is_noise || is_tls ? 0 : give_back(c);
	if (s->head[1] != (is_noise ? NOISE_FIRST_BODY : RECORD_VERSION))
		return give_back(c);
	if (is_noise) {
		s->left = NOISE_FIRST_BODY;
		return 0;
	}
	if (s->head_len < TLS_HEADER_BYTES)
		return 0;
	len = (uint16_t)(s->head[3] << 8 | s->head[4]);
	if (len == 0 || len > HELLO_BYTES_MAX)
		return give_back(c);
	s->left = len;
	return 0;
}

/* What stands behind a refused proposal: the handshake message that would have gone with it is
 * dropped, anything else is the next proposal. Neither can be mistaken for the other: a Noise
 * message begins with a length of zero, which no word has, and no name begins with a 3. */
static int step_over(struct conn *c, struct bytes *in)
{
	struct surplus *s = &c->surplus;
	struct bytes piece;

	if (s->left == 0) {
		s->head[s->head_len++] = in->at[0];
		*in = bytes_from(*in, 1);
		return look_at_header(c);
	}
	piece = bytes_head(*in, s->left);
	s->left = (uint16_t)(s->left - piece.len);
	*in = bytes_from(*in, piece.len);
	s->is_possible = s->left > 0;
	return 0;
}

/* Byte by byte, so that each refusal is noticed where it is: these are some thirty in all. */
static int hear(struct conn *c, struct bytes *in)
{
	int err = 0;

	while (!err && in->len > 0 && !select_agreed(&c->select)) {
		uint8_t refused = c->select.refused;
		struct bytes one = bytes_head(*in, 1);

		if (c->surplus.is_possible) {
			err = step_over(c, in);
			continue;
		}
		err = select_recv(&c->select, &one);
		*in = bytes_from(*in, 1);
		c->surplus = (struct surplus){.is_possible = c->select.refused > refused};
	}
	(void)select_send(&c->select, &c->wire);
	return err;
}

int propose_recv(struct conn *c, struct bytes *in)
{
	bool dials = c->opts.side == CONN_DIALER;
	int err = dials ? select_recv(&c->select, in) : hear(c, in);

	if (err)
		return fail(c, err);
	if (dials && select_wants_send(&c->select)) {
		err = propose(c);
		if (err)
			return err;
	}
	if (!select_agreed(&c->select))
		return P2P_ERR_AGAIN;
	if (!dials)
		security_init(&c->security, c->opts.securities[c->select.at], &c->opts);
	return 0;
}

bool propose_was_refused(const struct conn *c)
{
	return c->opts.side == CONN_DIALER && c->select.refused > 0;
}
