/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves: answers and credit first, then the data of all streams in turn.
 *
 * Whatever a peer makes us say is folded together until there is room to say it: one pong, one
 * window update a stream (tcp-stack.md 6.3). */
#include "proto/yamux/session.h"

#include <stdlib.h>

#include "proto/base/err.h"

/* A data frame is not cut below this to fill what is left of a budget. */
#define CUT_BYTES_MIN 1024

struct gather {
	struct buf *out;
	size_t budget; /* bytes that may still be appended */
	size_t start;  /* of `out`: what was in it before */
};

static uint8_t *room_for(struct gather *g, size_t len)
{
	uint8_t *at = len <= g->budget ? buf_grow(g->out, len) : NULL;

	if (at)
		g->budget -= len;
	return at;
}

static bool put_frame(struct gather *g, const struct yamux_frame *f)
{
	uint8_t *at = room_for(g, YAMUX_HEADER_BYTES);

	if (at)
		yamux_frame_write(f, at);
	return at != NULL;
}

static bool put_window(struct gather *g, uint32_t stream, unsigned flags, uint32_t length)
{
	return put_frame(g, &(struct yamux_frame){.type = YAMUX_FRAME_WINDOW,
				    .flags = (uint16_t)flags, .stream = stream, .length = length});
}

static bool put_ping(struct gather *g, unsigned flag, uint32_t value)
{
	return put_frame(g, &(struct yamux_frame){.type = YAMUX_FRAME_PING,
				    .flags = (uint16_t)flag, .length = value});
}

/* Each send_… returns false when the budget ended it. */

static bool send_pings(struct yamux *y, struct gather *g, mono_t now)
{
	if (y->pong_owed && !put_ping(g, YAMUX_FLAG_ACK, y->pong_value))
		return false;
	y->pong_owed = false;
	while (y->pings_sent < y->pings_open) {
		struct yamux_ping *p = &y->pings[y->pings_sent];

		if (!put_ping(g, YAMUX_FLAG_SYN, p->value))
			return false;
		p->sent = now;
		y->pings_sent++;
	}
	return true;
}

static bool send_replies(struct yamux *y, struct gather *g)
{
	uint16_t done = 0;

	while (done < y->reply_count &&
		put_window(g, y->replies[done].stream, YAMUX_FLAG_RST, y->replies[done].code))
		done++;
	y->reply_count = (uint16_t)(y->reply_count - done);
	if (y->reply_count) {
		memmove(y->replies, y->replies + done, y->reply_count * sizeof(y->replies[0]));
		return false;
	}
	free(y->replies);
	y->replies = NULL;
	y->reply_cap = 0;
	return true;
}

static bool send_control(struct yamux *y, struct gather *g, mono_t now)
{
	struct list *node;

	while ((node = list_first(&y->control))) {
		struct yamux_stream *s = list_entry(node, struct yamux_stream, control);
		uint32_t credit = 0;
		unsigned flags = 0;

		if (s->owes & YAMUX_OWES_CREDIT)
			credit = s->window - s->recv_credit - s->held;
		if (s->owes & YAMUX_OWES_SYN)
			flags = YAMUX_FLAG_SYN;
		else if (s->owes & YAMUX_OWES_ACK)
			flags = YAMUX_FLAG_ACK;
		if (!put_window(g, s->id, flags, credit))
			return false;
		if (credit) {
			s->recv_credit += credit;
			s->credit_at = now;
		}
		s->owes = 0;
		list_remove(node);
	}
	return true;
}

static bool send_fin(struct yamux *y, struct gather *g, struct yamux_stream *s)
{
	/* A frame of its own: some readers act on FIN before the body of the same frame. */
	if (!put_window(g, s->id, YAMUX_FLAG_FIN, 0))
		return false;
	s->fin_sent = true;
	list_remove(&s->sending);
	yamux_stream_settle(y, s);
	return true;
}

/* How much of `waiting` bytes the next data frame may carry; 0: the budget is used up. */
static size_t body_size(const struct yamux *y, const struct gather *g, size_t waiting)
{
	bool alone = y->sending.next == y->sending.prev;
	size_t most = alone ? YAMUX_DATA_BYTES_MAX : YAMUX_TURN_BYTES;
	size_t fits = g->budget > YAMUX_HEADER_BYTES ? g->budget - YAMUX_HEADER_BYTES : 0;
	size_t n = waiting < most ? waiting : most;

	if (n <= fits)
		return n;
	return fits < CUT_BYTES_MIN && g->out->len > g->start ? 0 : fits;
}

static bool send_turn(struct yamux *y, struct gather *g, struct yamux_stream *s)
{
	struct bytes waiting = yamux_fifo_bytes(&s->tx);
	struct yamux_frame f = {.type = YAMUX_FRAME_DATA, .stream = s->id};
	uint8_t *at;

	if (!waiting.len)
		return send_fin(y, g, s);
	f.length = (uint32_t)body_size(y, g, waiting.len);
	at = f.length ? room_for(g, YAMUX_HEADER_BYTES + f.length) : NULL;
	if (!at)
		return false;
	yamux_frame_write(&f, at);
	memcpy(at + YAMUX_HEADER_BYTES, waiting.at, f.length);
	yamux_fifo_take(&s->tx, f.length);
	y->queued_bytes -= f.length;
	yamux_churn_delivered(&y->churn, f.length);
	/* To the end of the line. */
	list_remove(&s->sending);
	if (f.length < waiting.len || s->fin_wanted)
		list_append(&y->sending, &s->sending);
	return true;
}

static bool send_data(struct yamux *y, struct gather *g)
{
	struct list *node;

	while ((node = list_first(&y->sending)))
		if (!send_turn(y, g, list_entry(node, struct yamux_stream, sending)))
			return false;
	return true;
}

static bool send_running(struct yamux *y, struct gather *g, mono_t now)
{
	return send_pings(y, g, now) && send_replies(y, g) && send_control(y, g, now) &&
		send_data(y, g);
}

/* GoAway comes last, because some peers drop everything when they see it. */
static void send_goaway(struct yamux *y, struct gather *g)
{
	if (!y->goaway_owed || !put_frame(g, &(struct yamux_frame){.type = YAMUX_FRAME_GOAWAY,
						      .length = y->goaway_code}))
		return;
	y->goaway_owed = false;
	yamux_end(y);
}

int yamux_send(struct yamux *y, struct buf *out, size_t budget, mono_t now)
{
	struct gather g = {out, budget, out->len};

	if (y->state.state == YAMUX_ENDED)
		return P2P_ERR_CLOSED;
	y->now = now;
	if (out->max && g.budget > out->max - out->len)
		g.budget = out->max - out->len;
	if (!yamux_is_running(y) || send_running(y, &g, now))
		send_goaway(y, &g);
	if (!yamux_has_output(y))
		y->waiting_since = MONO_NEVER;
	else if (out->len > g.start || mono_is_never(y->waiting_since))
		y->waiting_since = now;
	if (y->queued_bytes <= y->limits.queue_bytes_max / 2)
		y->blocked_check = true;
	return 0;
}
