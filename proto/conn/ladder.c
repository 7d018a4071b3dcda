/* SPDX-License-Identifier: Apache-2.0 */
/* The climb from a fresh transport connection to a proven peer with a muxer (tcp-stack.md 1 to 4
 * and 7). Each layer takes exactly its own bytes; what stands behind them is the next layer's.
 *
 * A dialer's last handshake message waits for the owner's judgement, so that the first streams
 * leave with it (performance.md D5), and a peer that conn_abort() sends away does not learn who we
 * are. */
#include "proto/base/err.h"
#include "proto/conn/ladder.h"

static const char *const muxers[] = {"/yamux/1.0.0"};

static bool is_dialer(const struct conn *c)
{
	return c->opts.side == CONN_DIALER;
}

static void enter(struct conn *c, enum conn_at to)
{
	sm_move(&c->state, to);
	c->step_by = mono_add_ms(c->now, CONN_STEP_MS_MAX);
}

void ladder_begin(struct conn *c)
{
	c->ready_by = mono_add_ms(c->now, CONN_READY_MS_MAX);
	c->step_by = mono_add_ms(c->now, is_dialer(c) ? CONN_STEP_MS_MAX : CONN_FIRST_BYTE_MS);
	c->rest.max =
		NOISE_LENGTH_BYTES + NOISE_BODY_BYTES_MAX; /* one message; TLS's are smaller */
	propose_begin(c);
}

static int step_negotiating(struct conn *c, struct bytes *in)
{
	int err = propose_recv(c, in);

	if (!err)
		enter(c, AT_SECURING);
	return err == P2P_ERR_AGAIN ? 0 : err;
}

static void become_proven(struct conn *c)
{
	mux_begin_yamux(&c->mux, is_dialer(c), c->opts.rng);
	c->is_proven = true;
	c->peer = *security_peer(&c->security);
	enter(c, AT_PROVEN);
	c->step_by = MONO_NEVER; /* ready_by still counts */
	c->proven_owed = true;
}

/* Appends one sealed message with what the muxer's negotiation has to say. */
static int send_sealed_select(struct conn *c)
{
	struct buf text = BUF_INIT;
	int err = 0;

	(void)select_send(&c->select, &text); /* without a maximum there is room */
	if (text.len)
		err = security_seal(&c->security, buf_bytes(&text), &c->wire);
	buf_deinit(&text);
	return err ? sealed_fail(c, err) : 0;
}

/* Both sides offer one muxer in the handshake; when a side did not, it is agreed by name. */
static int choose_muxer(struct conn *c)
{
	c->last_heard = c->now;
	c->early_muxer = security_has_muxer(&c->security);
	if (c->early_muxer) {
		become_proven(c);
		return 0;
	}
	enter(c, AT_MUXING);
	select_init(&c->select, is_dialer(c) ? SELECT_DIALER : SELECT_LISTENER, muxers, 1);
	return send_sealed_select(c);
}

static int step_securing(struct conn *c, struct bytes *in)
{
	struct bytes message;
	int err = sealed_next(c, in, &message);

	if (err == P2P_ERR_AGAIN)
		return 0;
	if (!err)
		err = security_handshake(&c->security, message, &c->wire);
	if (err)
		return sealed_fail(c, err);
	sealed_done(c);
	return security_is_ready(&c->security) ? choose_muxer(c) : 0;
}

static int fail_muxer(struct conn *c, int err)
{
	conn_over(c, err, err == P2P_ERR_UNSUPPORTED ? "muxer_none" : "select_malformed", NULL);
	return err;
}

/* One sealed message of the muxer's negotiation. What stands behind its last byte is Yamux already
 * and waits in the clear. */
static int step_muxing(struct conn *c, struct bytes *in)
{
	struct bytes message, text;
	int err = sealed_next(c, in, &message);

	if (err == P2P_ERR_AGAIN)
		return 0;
	if (!err)
		err = sealed_open(c, message, &text);
	if (err)
		return sealed_fail(c, err);
	c->last_heard = c->now;
	err = select_recv(&c->select, &text);
	if (err)
		return fail_muxer(c, err);
	err = send_sealed_select(c);
	if (err)
		return err;
	if (select_agreed(&c->select)) {
		(void)buf_put(&c->early, text); /* at most one message */
		become_proven(c);
	}
	sealed_release(c);
	sealed_done(c);
	return 0;
}

int ladder_recv(struct conn *c, struct bytes *in)
{
	int err = 0;

	if (!c->heard) {
		c->heard = true;
		c->step_by = mono_add_ms(c->now, CONN_STEP_MS_MAX);
	}
	while (!err && in->len > 0) {
		switch (conn_at(c)) {
		case AT_NEGOTIATING: err = step_negotiating(c, in); break;
		case AT_SECURING: err = step_securing(c, in); break;
		case AT_MUXING: err = step_muxing(c, in); break;
		case AT_PROVEN:
		case AT_OPEN:
		case AT_CLOSING:
		case AT_CLOSED: return 0;
		}
	}
	return err;
}

mono_t ladder_deadline(const struct conn *c)
{
	return mono_min(c->ready_by, c->step_by);
}

static const char *why_late(const struct conn *c)
{
	if (!c->heard && !is_dialer(c))
		return "first_byte_timeout";
	switch (conn_at(c)) {
	case AT_NEGOTIATING: return "select_timeout";
	case AT_SECURING: return c->security.kind == CONN_TLS ? "tls_timeout" : "noise_timeout";
	case AT_MUXING: return "muxer_timeout";
	case AT_PROVEN:
	case AT_OPEN:
	case AT_CLOSING:
	case AT_CLOSED: break;
	}
	return "ready_timeout";
}

void ladder_tick(struct conn *c)
{
	if (mono_reached(c->step_by, c->now))
		conn_over(c, P2P_ERR_TIMEOUT, why_late(c), NULL);
	else if (mono_reached(c->ready_by, c->now))
		conn_over(c, P2P_ERR_TIMEOUT, "ready_timeout", NULL);
}
