/* SPDX-License-Identifier: Apache-2.0 */
/* The face of a conn: which layer a call goes to, and how it all ends. What is QUIC's alone is in
 * over_quic.c. */
#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/conn/ladder.h"
#include "proto/quic/quic.h"

static const struct sm_state states[] = {
	[AT_NEGOTIATING] = {"negotiating", SM_TO(AT_SECURING) | SM_TO(AT_CLOSED)},
	[AT_SECURING] = {"securing", SM_TO(AT_MUXING) | SM_TO(AT_PROVEN) | SM_TO(AT_CLOSED)},
	[AT_MUXING] = {"muxing", SM_TO(AT_PROVEN) | SM_TO(AT_CLOSED)},
	[AT_PROVEN] = {"proven", SM_TO(AT_OPEN) | SM_TO(AT_CLOSING) | SM_TO(AT_CLOSED)},
	[AT_OPEN] = {"open", SM_TO(AT_CLOSING) | SM_TO(AT_CLOSED)},
	[AT_CLOSING] = {"closing", SM_TO(AT_CLOSED)},
	[AT_CLOSED] = {"closed", 0},
};

struct conn *conn_begin(const struct conn_opts *opts, enum conn_at at)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->opts = *opts;
	c->now = opts->now;
	sm_init(&c->state, states, at);
	streams_init(c);
	return c;
}

struct conn *conn_new(const struct conn_opts *opts)
{
	struct conn *c = conn_begin(opts, AT_NEGOTIATING);

	ladder_begin(c);
	return c;
}

/* What is asked about QUIC after its end. */
static void remember(struct conn *c)
{
	struct mux_info mux;

	if (c->mux.kind != MUX_QUIC)
		return;
	mux_info(&c->mux, &mux);
	c->last_heard = mux.last_heard;
	c->path = mux.path;
}

/* Everything but what last words need. */
static void let_go(struct conn *c)
{
	streams_deinit(c);
	if (!c->alert_owed)
		buf_deinit(&c->wire);
	buf_deinit(&c->rest);
	buf_deinit(&c->early);
	if (!c->farewell) {
		remember(c);
		mux_deinit(&c->mux);
		security_deinit(&c->security);
	}
	sealed_release(c);
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	c->farewell = false;
	c->alert_owed = false;
	let_go(c);
	free(c);
}

void conn_over(struct conn *c, int err, const char *why, const char *detail)
{
	if (conn_at(c) == AT_CLOSED && !c->draining)
		return;
	if (conn_at(c) != AT_CLOSED)
		sm_move(&c->state, AT_CLOSED);
	c->err = err;
	c->why = why;
	c->detail = detail;
	c->draining = false;
	c->proven_owed = false;
	c->closed_owed = true;
	let_go(c);
}

void conn_over_after_input(struct conn *c, int err, const char *why, const char *detail)
{
	bool has_input = c->plain || c->is_quic;

	if (!has_input || conn_at(c) != AT_OPEN) {
		conn_over(c, err, why, detail);
		return;
	}
	sm_move(&c->state, AT_CLOSED);
	c->err = err;
	c->why = why;
	c->detail = detail;
	c->draining = true;
	if (!c->alert_owed)
		buf_deinit(&c->wire); /* nothing leaves any more */
}

/* Bytes of a peer that is proven and not judged yet wait as they came. */
static int hold_unjudged(struct conn *c, struct bytes in)
{
	if (in.len > CONN_UNJUDGED_BYTES_MAX || c->rest.len > CONN_UNJUDGED_BYTES_MAX - in.len) {
		conn_over(c, P2P_ERR_TOO_LARGE, "early_bytes", NULL);
		return P2P_ERR_TOO_LARGE;
	}
	c->rest.max = CONN_UNJUDGED_BYTES_MAX;
	return buf_put(&c->rest, in);
}

int conn_recv(struct conn *c, struct bytes in, mono_t now)
{
	int err;

	assert(!c->is_quic);
	if (conn_at(c) == AT_CLOSED)
		return P2P_ERR_CLOSED;
	/* Who says goodbye listens no more: nothing that comes now changes anything. */
	if (conn_at(c) == AT_CLOSING || in.len == 0)
		return 0;
	c->now = now;
	if (conn_at(c) == AT_OPEN)
		return sealed_recv(c, in);
	err = ladder_recv(c, &in);
	if (!err && in.len)
		err = hold_unjudged(c, in);
	return err;
}

bool conn_wants_recv(const struct conn *c)
{
	return conn_at(c) != AT_OPEN || !mux_is_stalled(&c->mux);
}

/* Nothing can leave any more. */
static void silence(struct conn *c)
{
	c->farewell = false;
	c->alert_owed = false;
	if (conn_at(c) == AT_CLOSED)
		buf_deinit(&c->wire);
}

void conn_eof(struct conn *c, int err)
{
	const char *why = err == P2P_ERR_CLOSED ? "remote_eof" : "transport_failed";

	if (conn_at(c) == AT_CLOSING)
		conn_over(c, P2P_ERR_CLOSED, c->why, NULL);
	else if (conn_at(c) == AT_NEGOTIATING && propose_was_refused(c))
		conn_over(c, P2P_ERR_UNSUPPORTED, "select_refused", NULL);
	else if (conn_at(c) != AT_CLOSED)
		conn_over_after_input(c, err, why, NULL);
	silence(c);
}

bool conn_may_send(const struct conn *c)
{
	switch (conn_at(c)) {
	case AT_SECURING: return c->is_quic;
	case AT_OPEN:
	case AT_CLOSING: return true;
	case AT_CLOSED: return c->farewell;
	case AT_NEGOTIATING:
	case AT_MUXING:
	case AT_PROVEN: /* over QUIC, too: its last flight waits for the owner's judgement */ break;
	}
	return false;
}

void conn_send(struct conn *c, struct buf *out, size_t budget, mono_t now)
{
	size_t before = out->len;

	assert(!c->is_quic);
	if (conn_at(c) != AT_CLOSED)
		c->now = now;
	/* The last handshake message waits for the owner's judgement. */
	if (conn_at(c) != AT_PROVEN && c->wire.len && buf_put(out, buf_bytes(&c->wire)) == 0) {
		buf_deinit(&c->wire);
		c->alert_owed = false;
	}
	if (!conn_may_send(c) || c->wire.len)
		return;
	sealed_send(c, out, budget);
	if (out->len > before && (c->wrote_short || conn_at(c) == AT_CLOSING))
		c->ask_again = true;
}

bool conn_wants_send(const struct conn *c)
{
	if (conn_at(c) != AT_PROVEN && c->wire.len)
		return true;
	return conn_may_send(c) && mux_has_output(&c->mux);
}

/* The data that the last event showed is read: its window goes back to the peer. */
static void settle_lent(struct conn *c)
{
	if (!c->lent_stream)
		return;
	mux_consumed(&c->mux, c->lent_stream, c->lent_len);
	c->lent_stream = 0;
}

static bool has_news(const struct conn *c)
{
	switch (conn_at(c)) {
	case AT_SECURING:
	case AT_PROVEN: return c->is_quic;
	case AT_OPEN:
	case AT_CLOSING: return true;
	case AT_CLOSED: return c->draining;
	case AT_NEGOTIATING:
	case AT_MUXING: break;
	}
	return false;
}

bool conn_next(struct conn *c, struct conn_event *ret)
{
	settle_lent(c);
	*ret = (struct conn_event){0};
	if (c->proven_owed) {
		c->proven_owed = false;
		ret->kind = CONN_PROVEN;
		ret->peer = &c->peer;
		return true;
	}
	if (has_news(c) && streams_next(c, ret))
		return true;
	/* All that came is read. */
	sealed_release(c);
	c->ask_again = false;
	if (c->draining)
		conn_over(c, c->err, c->why, c->detail);
	if (!c->closed_owed)
		return false;
	c->closed_owed = false;
	*ret = (struct conn_event){
		.kind = CONN_CLOSED, .err = c->err, .why = c->why, .detail = c->detail};
	return true;
}

mono_t conn_deadline(const struct conn *c)
{
	if (c->proven_owed || c->closed_owed || c->draining || c->ask_again)
		return MONO_ZERO;
	switch (conn_at(c)) {
	case AT_SECURING:
		/* A muxer is there only over QUIC. */
		return mono_min(ladder_deadline(c), mux_deadline(&c->mux));
	case AT_NEGOTIATING:
	case AT_MUXING:
	case AT_PROVEN: /* QUIC rests, too: it has nothing to do while it may not send */
		return ladder_deadline(c);
	case AT_OPEN:
		return mono_min(
			c->wire.len ? c->ready_by : streams_deadline(c), mux_deadline(&c->mux));
	case AT_CLOSING: return mono_min(c->step_by, mux_deadline(&c->mux));
	case AT_CLOSED: break;
	}
	return MONO_NEVER;
}

void conn_tick(struct conn *c, mono_t now)
{
	switch (conn_at(c)) {
	case AT_NEGOTIATING:
	case AT_SECURING:
	case AT_MUXING:
	case AT_PROVEN:
		c->now = now;
		if (conn_may_send(c))
			mux_tick(&c->mux, now);
		ladder_tick(c);
		return;
	case AT_OPEN:
		c->now = now;
		/* The last handshake message still waits: so long nobody was ready. */
		if (c->wire.len && mono_reached(c->ready_by, now))
			conn_over(c, P2P_ERR_TIMEOUT, "ready_timeout", NULL);
		else
			mux_tick(&c->mux, now); /* its news tell */
		return;
	case AT_CLOSING:
		c->now = now;
		if (mono_reached(c->step_by, now))
			conn_over(c, P2P_ERR_CLOSED, c->why, NULL);
		else
			mux_tick(&c->mux, now);
		return;
	case AT_CLOSED: return;
	}
}

void conn_admit(struct conn *c, const struct conn_grant *grant, mono_t now)
{
	struct buf waiting = BUF_WITH_MAX(NOISE_LENGTH_BYTES + NOISE_BODY_BYTES_MAX);

	assert(conn_at(c) >= AT_PROVEN);
	if (conn_at(c) != AT_PROVEN && conn_at(c) != AT_OPEN)
		return;
	c->now = now;
	agree_admit(c, grant);
	if (conn_at(c) == AT_OPEN)
		return;
	sm_move(&c->state, AT_OPEN);
	if (c->is_quic) {
		c->ask_again = true; /* what waited there is news now */
		return;
	}
	buf_swap(&waiting, &c->rest);              /* and `rest` is for one cut message again */
	(void)sealed_recv(c, buf_bytes(&waiting)); /* CONN_CLOSED tells */
	buf_deinit(&waiting);
}

void conn_ping(struct conn *c, mono_t now)
{
	if (conn_at(c) != AT_OPEN)
		return;
	c->now = now;
	mux_ping(&c->mux);
}

void conn_close(struct conn *c, const char *why, mono_t now)
{
	if (conn_at(c) < AT_PROVEN) {
		conn_over(c, P2P_ERR_CLOSED, why, NULL);
		return;
	}
	if (conn_at(c) >= AT_CLOSING)
		return;
	settle_lent(c);
	c->now = now;
	c->proven_owed = false;
	c->why = why;
	sm_move(&c->state, AT_CLOSING);
	c->step_by = mono_add_ms(now, CONN_STEP_MS_MAX);
	mux_goodbye(&c->mux, why, now);
	streams_deinit(c);
	buf_deinit(&c->rest);
	buf_deinit(&c->early);
}

void conn_abort(struct conn *c, int err, const char *why)
{
	silence(c);
	conn_over(c, err, why, NULL);
}

static size_t memory_of(const struct conn *c)
{
	return sizeof(*c) + c->wire.cap + c->rest.cap + c->early.cap + c->own_plain.cap +
		security_memory(&c->security) + streams_memory(c);
}

/* Names of what the peer was proven with, and of its muxer. */
static const char *security_of(const struct conn *c)
{
	if (!c->is_proven && conn_at(c) != AT_MUXING)
		return "";
	return security_word(c->is_quic ? CONN_TLS : c->security.kind);
}

static const char *muxer_of(const struct conn *c)
{
	if (!c->is_proven)
		return "";
	return c->is_quic ? "quic" : "yamux";
}

void conn_info(const struct conn *c, struct conn_info *ret)
{
	struct mux_info mux;

	mux_info(&c->mux, &mux);
	*ret = (struct conn_info){
		.side = c->opts.side,
		.state = sm_name(&c->state),
		.security = security_of(c),
		.muxer = muxer_of(c),
		.early_muxer = c->early_muxer,
		.streams_in = c->streams_in,
		.streams_out = c->streams_out,
		.send_queued = c->wire.len + mux.queued_bytes,
		.memory = memory_of(c) + mux.memory,
		.last_heard = c->mux.kind == MUX_QUIC ? mux.last_heard : c->last_heard,
		.path = c->mux.kind == MUX_QUIC ? mux.path : c->path,
	};
	if (c->is_proven)
		ret->peer = c->peer;
}
