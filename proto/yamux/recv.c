/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives: frames are taken apart and told as events, one at a time.
 *
 * Every check of a frame stands before anything is created, kept or answered. The numbers
 * in brackets are the rows of tcp-stack.md 6.3. */
#include "proto/yamux/session.h"

#include <assert.h>

#include "proto/base/err.h"

static void protocol_error(struct yamux *y, const char *reason)
{
	yamux_fail(y, YAMUX_WHY_PROTOCOL, YAMUX_GOAWAY_PROTOCOL, reason);
}

static void churn_error(struct yamux *y, const char *reason)
{
	yamux_fail(y, YAMUX_WHY_CHURN, YAMUX_GOAWAY_RATE, reason);
}

static void note(struct yamux *y, enum yamux_note what, uint32_t stream, uint32_t code)
{
	y->noted |= (uint8_t)what;
	y->noted_stream = stream;
	y->noted_code = code;
}

/* A frame that changes nothing costs us little, but not nothing. */
static void idle_frame(struct yamux *y)
{
	if (!yamux_churn_idle_frame(&y->churn, y->now))
		churn_error(y, "too many frames that change nothing");
}

/* Decides on a frame with SYN. Returns the new stream, or NULL when there is none: refused, reset
 * by the same frame, or the session has ended. */
static struct yamux_stream *on_syn(struct yamux *y, const struct yamux_frame *f)
{
	struct yamux_stream *s;
	uint32_t number;

	if ((f->stream & 1) == (y->is_client ? 1 : 0)) {
		protocol_error(y, "stream id of the wrong side");
		return NULL;
	}
	if (f->stream <= y->last_remote_id) {
		protocol_error(y, "stream id used twice");
		return NULL;
	}
	/* The first body and the first credit obey the window before the stream exists [1, 2]. */
	if (f->type == YAMUX_FRAME_DATA && f->length > YAMUX_INITIAL_WINDOW) {
		protocol_error(y, "first data beyond the window");
		return NULL;
	}
	if (f->type == YAMUX_FRAME_WINDOW && !(f->flags & YAMUX_FLAG_RST) &&
		f->length > UINT32_MAX - YAMUX_INITIAL_WINDOW) {
		protocol_error(y, "first credit beyond 32 bits");
		return NULL;
	}
	if (!yamux_churn_open(&y->churn, y->now, &number)) {
		churn_error(y, "streams are opened too fast");
		return NULL;
	}
	y->last_remote_id = f->stream;
	if (f->flags & YAMUX_FLAG_RST) {
		if (!yamux_churn_reset(&y->churn, number))
			churn_error(y, "most streams are reset");
		return NULL;
	}
	if (y->inbound >= y->limits.inbound_max || y->state.state != YAMUX_LIVE) {
		yamux_reply_reset(y, f->stream, YAMUX_RESET_LIMIT);
		return NULL;
	}
	s = yamux_stream_add(y, f->stream);
	s->open_number = number;
	yamux_stream_owe(y, s, YAMUX_OWES_ACK);
	note(y, YAMUX_NOTE_OPENED, s->id, 0);
	return s;
}

static void on_rst(struct yamux *y, const struct yamux_frame *f, struct yamux_stream *s)
{
	uint32_t code = f->type == YAMUX_FRAME_WINDOW ? f->length : YAMUX_RESET_NONE;

	if (yamux_stream_is_inbound(y, s) && !yamux_churn_reset(&y->churn, s->open_number)) {
		churn_error(y, "most streams are reset");
		return;
	}
	yamux_stream_drop(y, s);
	note(y, YAMUX_NOTE_RESET, f->stream, code);
}

static void on_window(struct yamux *y, const struct yamux_frame *f, struct yamux_stream *s)
{
	uint64_t allowed = (uint64_t)s->send_credit + yamux_fifo_len(&s->tx) + f->length;
	bool first_ack = !yamux_stream_is_inbound(y, s) && (f->flags & YAMUX_FLAG_ACK) && !s->acked;

	if (allowed > UINT32_MAX) {
		protocol_error(y, "credit beyond 32 bits");
		return;
	}
	/* Opening, accepting and ending a stream happen once each. */
	if (!first_ack && !(f->flags & (YAMUX_FLAG_SYN | YAMUX_FLAG_FIN)) &&
		!yamux_churn_update(&y->churn)) {
		churn_error(y, "too many window updates");
		return;
	}
	/* However much it is, it only ever fills our queue, which has its own bound. */
	s->send_credit += f->length;
	y->blocked_check |= list_is_linked(&s->blocked);
}

static void on_data(struct yamux *y, const struct yamux_frame *f, struct yamux_stream *s)
{
	if (f->length > 0 && s->fin_received) {
		protocol_error(y, "data behind the end of its stream");
		return;
	}
	if (f->length == 0 && !(f->flags & (YAMUX_FLAG_SYN | YAMUX_FLAG_ACK | YAMUX_FLAG_FIN))) {
		idle_frame(y);
		return;
	}
	s->recv_credit -= f->length;
	s->held += f->length;
	y->body_of = s;
}

static void on_stream_frame(struct yamux *y, const struct yamux_frame *f)
{
	struct yamux_stream *s;

	/* Without a stream the body is drained, whatever its length says, and never kept [6]. */
	y->body_left = f->type == YAMUX_FRAME_DATA ? f->length : 0;
	y->body_of = NULL;
	if (f->flags & YAMUX_FLAG_SYN) {
		s = on_syn(y, f);
		if (!s)
			return;
	} else {
		s = yamux_stream_find(y, f->stream);
		if (!s) {
			if (!y->body_left)
				idle_frame(y);
			return;
		}
	}
	if (f->type == YAMUX_FRAME_DATA && f->length > s->recv_credit) {
		protocol_error(y, "data beyond the window");
		return;
	}
	if (f->flags & YAMUX_FLAG_RST) {
		on_rst(y, f, s);
		return;
	}
	if (f->type == YAMUX_FRAME_DATA)
		on_data(y, f, s);
	else
		on_window(y, f, s);
	if (!yamux_is_running(y))
		return;
	if (f->flags & YAMUX_FLAG_ACK)
		s->acked = true;
	if (!(f->flags & YAMUX_FLAG_FIN))
		return;
	if (s->fin_received)
		idle_frame(y);
	else
		note(y, YAMUX_NOTE_FIN, s->id, 0);
}

/* The answer to ping `i` also answers those before it: pings are answered in order, and a peer
 * may answer only the latest. */
static void on_pong(struct yamux *y, unsigned i)
{
	int64_t rtt = mono_since_ns(y->now, y->pings[i].sent);
	bool tell = false;

	/* 0 would read as "not known". */
	if (rtt == 0)
		rtt = 1;
	y->rtt_ns = y->rtt_ns ? y->rtt_ns - y->rtt_ns / 8 + rtt / 8 : rtt;
	for (unsigned k = 0; k <= i; k++)
		tell |= !y->pings[k].own;
	y->pings_open = (uint8_t)(y->pings_open - (i + 1));
	y->pings_sent = (uint8_t)(y->pings_sent - (i + 1));
	memmove(y->pings, y->pings + i + 1, y->pings_open * sizeof(y->pings[0]));
	if (tell) {
		y->noted |= YAMUX_NOTE_PONG;
		y->noted_rtt_ns = rtt;
	}
}

static void on_ping(struct yamux *y, const struct yamux_frame *f)
{
	if (f->flags & YAMUX_FLAG_SYN) {
		if (!yamux_churn_ping(&y->churn, y->now)) {
			churn_error(y, "too many pings");
			return;
		}
		/* One answer, to the latest [3]. */
		y->pong_owed = true;
		y->pong_value = f->length;
		return;
	}
	if (f->flags & YAMUX_FLAG_ACK) {
		for (unsigned i = 0; i < y->pings_sent; i++) {
			if (y->pings[i].value == f->length) {
				on_pong(y, i);
				return;
			}
		}
	}
	idle_frame(y);
}

static void on_goaway(struct yamux *y, const struct yamux_frame *f)
{
	if (y->goaway_seen) {
		idle_frame(y);
		return;
	}
	y->goaway_seen = true;
	y->noted |= YAMUX_NOTE_GOAWAY;
	y->noted_code = f->length;
}

static void on_frame(struct yamux *y, const struct yamux_frame *f)
{
	const char *fault = yamux_frame_fault(f);

	if (fault) {
		protocol_error(y, fault);
		return;
	}
	switch ((enum yamux_frame_type)f->type) {
	case YAMUX_FRAME_DATA:
	case YAMUX_FRAME_WINDOW:
		on_stream_frame(y, f);
		return;
	case YAMUX_FRAME_PING:
		on_ping(y, f);
		return;
	case YAMUX_FRAME_GOAWAY:
		on_goaway(y, f);
		return;
	}
}

static struct bytes take_input(struct yamux *y, size_t max)
{
	struct bytes piece = bytes_head(y->in, max);

	y->in = bytes_from(y->in, piece.len);
	return piece;
}

/* The next header, or the next part of one that was cut. */
static void step_header(struct yamux *y)
{
	struct bytes piece = take_input(y, (size_t)YAMUX_HEADER_BYTES - y->header_len);
	const uint8_t *at = piece.at;
	struct yamux_frame f;

	if (piece.len < YAMUX_HEADER_BYTES) {
		memcpy(y->header + y->header_len, piece.at, piece.len);
		y->header_len = (uint8_t)(y->header_len + piece.len);
		if (y->header_len < YAMUX_HEADER_BYTES)
			return;
		y->header_len = 0;
		at = y->header;
	}
	yamux_frame_read(at, &f);
	on_frame(y, &f);
}

/* More unread bytes than the session may hold: their consumer does not take them, so its stream
 * goes, and the read loop is never held up for it [8]. */
static void overrun(struct yamux *y, struct yamux_stream *s)
{
	uint32_t id = s->id;

	(void)yamux_reset(y, id, YAMUX_RESET_LIMIT); /* it exists */
	if (yamux_is_running(y))
		note(y, YAMUX_NOTE_RESET, id, YAMUX_RESET_LIMIT);
}

/* The next part of a body. True when it makes a DATA event. */
static bool step_body(struct yamux *y, struct yamux_event *ret)
{
	struct bytes piece = take_input(y, y->body_left);
	struct yamux_stream *s = y->body_of;

	y->body_left -= (uint32_t)piece.len;
	if (!s)
		return false;
	*ret = (struct yamux_event){.kind = YAMUX_DATA, .stream = s->id, .data = piece};
	if (yamux_fifo_len(&s->rx) == 0) {
		y->lent_to = s;
		y->lent = piece;
		return true;
	}
	if (!yamux_stream_keep(y, s, piece)) {
		overrun(y, s);
		return false;
	}
	ret->data = yamux_fifo_bytes(&s->rx);
	return true;
}

/* What the consumer left of the last event's slice is kept: the input may go away now. */
static void keep_lent(struct yamux *y)
{
	struct yamux_stream *s = y->lent_to;

	y->lent_to = NULL;
	if (s && y->lent.len && !yamux_stream_keep(y, s, y->lent))
		overrun(y, s);
}

static bool take_note(struct yamux *y, enum yamux_note what)
{
	bool was = y->noted & what;

	y->noted &= (uint8_t)~what;
	return was;
}

static bool next_noted(struct yamux *y, struct yamux_event *ret)
{
	*ret = (struct yamux_event){.stream = y->noted_stream, .code = y->noted_code};
	if (take_note(y, YAMUX_NOTE_OPENED)) {
		ret->kind = YAMUX_OPENED;
		return true;
	}
	if (take_note(y, YAMUX_NOTE_RESET)) {
		ret->kind = YAMUX_RESET;
		return true;
	}
	if (!y->body_left && take_note(y, YAMUX_NOTE_FIN)) {
		struct yamux_stream *s = yamux_stream_find(y, y->noted_stream);

		assert(s);
		s->fin_received = true;
		yamux_stream_settle(y, s);
		ret->kind = YAMUX_FIN;
		return true;
	}
	ret->stream = 0;
	if (take_note(y, YAMUX_NOTE_GOAWAY)) {
		ret->kind = YAMUX_GOAWAY;
		return true;
	}
	if (take_note(y, YAMUX_NOTE_PONG)) {
		ret->kind = YAMUX_PONG;
		ret->rtt_ns = y->noted_rtt_ns;
		return true;
	}
	if (take_note(y, YAMUX_NOTE_CLOSED)) {
		ret->kind = YAMUX_CLOSED;
		ret->code = y->goaway_code;
		ret->why = y->why;
		ret->reason = y->reason;
		return true;
	}
	return false;
}

/* A stream that was told to wait and has room now. */
static bool next_writable(struct yamux *y, struct yamux_event *ret)
{
	if (!y->blocked_check || !yamux_is_running(y))
		return false;
	list_each (node, &y->blocked) {
		struct yamux_stream *s = list_entry(node, struct yamux_stream, blocked);

		if (!yamux_stream_room(y, s))
			continue;
		list_remove(&s->blocked);
		*ret = (struct yamux_event){.kind = YAMUX_WRITABLE, .stream = s->id};
		return true;
	}
	y->blocked_check = false;
	return false;
}

int yamux_recv(struct yamux *y, struct bytes in, mono_t now)
{
	assert(y->in.len == 0 && !y->lent_to); /* yamux_next() has not been asked to its end */
	if (!yamux_is_running(y))
		return P2P_ERR_CLOSED;
	y->now = now;
	y->in = in;
	return 0;
}

bool yamux_next(struct yamux *y, struct yamux_event *ret_event)
{
	if (y->lent_to)
		keep_lent(y);
	for (;;) {
		if (y->noted && next_noted(y, ret_event))
			return true;
		if (!y->in.len)
			return next_writable(y, ret_event);
		if (!y->body_left)
			step_header(y);
		else if (step_body(y, ret_event))
			return true;
	}
}
