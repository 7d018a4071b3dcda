/* SPDX-License-Identifier: Apache-2.0 */
/* The climb from a fresh transport connection to a proven peer with a muxer (tcp-stack.md 1 to 4
 * and 7). Each layer takes exactly its own bytes; what stands behind them is the next layer's.
 *
 * A dialer sends its proposal and its first handshake message in one piece. Its last handshake
 * message waits for the owner's judgement, so that the first streams leave with it (performance.md
 * D5), and a peer that conn_abort() sends away does not learn who we are. */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/conn/ladder.h"

static const char *const securities[] = {"/noise"};
static const char *const muxers[] = {"/yamux/1.0.0"};

static bool is_dialer(const struct conn *c)
{
	return c->opts.side == CONN_DIALER;
}

static enum select_side select_side(const struct conn *c)
{
	return is_dialer(c) ? SELECT_DIALER : SELECT_LISTENER;
}

static void enter(struct conn *c, enum conn_at to)
{
	sm_move(&c->state, to);
	c->step_by = mono_add_ms(c->now, CONN_STEP_MS_MAX);
}

static int fail(struct conn *c, int err, const char *why)
{
	conn_over(c, err, why, NULL);
	return err;
}

static int fail_noise(struct conn *c, int err)
{
	return fail(c, err, c->noise.why);
}

static int fail_select(struct conn *c, int err, const char *why_none)
{
	return fail(c, err, err == P2P_ERR_UNSUPPORTED ? why_none : "select_malformed");
}

void ladder_begin(struct conn *c)
{
	struct noise_opts opts = {
		.initiator = is_dialer(c),
		.own = c->opts.noise,
		.rng = c->opts.rng,
		.expected = c->opts.expected,
	};

	c->ready_by = mono_add_ms(c->now, CONN_READY_MS_MAX);
	c->step_by =
		mono_add_ms(c->now, is_dialer(c) ? CONN_STEP_MS_MAX : CONN_FIRST_BYTE_MS);
	c->rest.max = NOISE_LENGTH_BYTES + NOISE_BODY_BYTES_MAX; /* one message */
	select_init(&c->select, select_side(c), securities, 1);
	noise_init(&c->noise, &opts);
	if (!is_dialer(c))
		return;
	/* There is one candidate, so nothing else can be agreed upon. `wire` has no maximum and the
	 * first message computes with our own key alone: neither can fail. */
	(void)select_send(&c->select, &c->wire);
	(void)noise_begin(&c->noise, &c->wire);
}

void ladder_end(struct conn *c)
{
	noise_deinit(&c->noise);
	buf_deinit(&c->wire);
	buf_deinit(&c->rest);
	buf_deinit(&c->early);
}

static int step_negotiating(struct conn *c, struct bytes *in)
{
	int err = select_recv(&c->select, in);

	if (err)
		return fail_select(c, err, "select_no_common");
	(void)select_send(&c->select, &c->wire); /* without a maximum there is room */
	if (select_agreed(&c->select))
		enter(c, AT_SECURING);
	return 0;
}

static void become_proven(struct conn *c)
{
	mux_begin_yamux(&c->mux, is_dialer(c), c->opts.rng);
	c->is_proven = true;
	enter(c, AT_PROVEN);
	c->step_by = MONO_NEVER; /* ready_by still counts */
	c->proven_owed = true;
}

/* Appends one sealed message with what the muxer's negotiation has to say. */
static int send_sealed_select(struct conn *c)
{
	size_t begin;
	int err;

	if (!select_wants_send(&c->select))
		return 0;
	begin = sealed_begin(&c->wire);
	(void)select_send(&c->select, &c->wire); /* without a maximum there is room */
	err = sealed_end(c, &c->wire, begin);
	return err ? fail_noise(c, err) : 0;
}

/* Both sides offer one muxer in the handshake; when a side did not, it is agreed by name. */
static int choose_muxer(struct conn *c)
{
	const struct noise_static *own = c->opts.noise;
	bool offered = own->payload_len > own->proof_len;

	c->last_heard = c->now;
	c->early_muxer = offered && c->noise.proof.speaks_yamux;
	if (c->early_muxer) {
		become_proven(c);
		return 0;
	}
	enter(c, AT_MUXING);
	select_init(&c->select, select_side(c), muxers, 1);
	return send_sealed_select(c);
}

static int step_securing(struct conn *c, struct bytes *in)
{
	struct bytes body;
	int err = sealed_next(c, in, &body);

	if (err == P2P_ERR_AGAIN)
		return 0;
	if (!err)
		err = noise_handshake(&c->noise, body, &c->wire);
	if (err)
		return fail_noise(c, err);
	sealed_done(c);
	return noise_is_ready(&c->noise) ? choose_muxer(c) : 0;
}

/* One sealed message of the muxer's negotiation. What stands behind its last byte is Yamux already
 * and waits in the clear. */
static int step_muxing(struct conn *c, struct bytes *in)
{
	struct bytes body, text;
	int err = sealed_next(c, in, &body);

	if (err == P2P_ERR_AGAIN)
		return 0;
	if (!err)
		err = sealed_open(c, body, &text);
	if (err)
		return fail_noise(c, err);
	c->last_heard = c->now;
	err = select_recv(&c->select, &text);
	if (err)
		return fail_select(c, err, "muxer_none");
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
		case AT_NEGOTIATING:
			err = step_negotiating(c, in);
			break;
		case AT_SECURING:
			err = step_securing(c, in);
			break;
		case AT_MUXING:
			err = step_muxing(c, in);
			break;
		case AT_PROVEN:
		case AT_OPEN:
		case AT_CLOSING:
		case AT_CLOSED:
			return 0;
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
	case AT_NEGOTIATING:
		return "select_timeout";
	case AT_SECURING:
		return "noise_timeout";
	case AT_MUXING:
		return "muxer_timeout";
	case AT_PROVEN:
	case AT_OPEN:
	case AT_CLOSING:
	case AT_CLOSED:
		break;
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
