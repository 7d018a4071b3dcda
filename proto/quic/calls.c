/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that name a stream. */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/quic/conn.h"

int quic_open(struct quic_conn *q, uint32_t *ret_stream)
{
	struct quic_stream *s;
	int64_t id;

	if (q->state.state != QUIC_LIVE)
		return P2P_ERR_CLOSED;
	if (q->outbound >= q->limits.outbound_max ||
		ngtcp2_conn_open_bidi_stream(q->wire, &id, NULL))
		return P2P_ERR_FULL; /* of ours, or of what the peer allows */
	if (!quic_stream_number(id)) {
		quic_fail(q, P2P_ERR_CLOSED, "quic_exhausted", "stream numbers", NGTCP2_NO_ERROR);
		return P2P_ERR_CLOSED;
	}
	s = quic_stream_add(q, id);
	(void)ngtcp2_conn_set_stream_user_data(q->wire, id, s); /* it exists */
	s->is_told = true;
	q->outbound++;
	*ret_stream = s->number;
	return 0;
}

/* Has it sent in its turn. */
static void queue(struct quic_conn *q, struct quic_stream *s)
{
	if (quic_stream_wants_send(s) && !list_is_linked(&s->sending))
		list_append(&q->sending, &s->sending);
	q->may_send = true;
}

int quic_write(struct quic_conn *q, uint32_t stream, struct bytes what)
{
	struct quic_stream *s = quic_stream_find(q, stream);
	size_t room;

	if (!s)
		return P2P_ERR_NOT_FOUND;
	if (s->fin_wanted || s->is_deaf || q->state.state != QUIC_LIVE)
		return P2P_ERR_CLOSED;
	room = quic_stream_room(q, s);
	if (what.len > room) {
		what.len = room;
		if (!list_is_linked(&s->blocked))
			list_append(&q->blocked, &s->blocked);
	}
	if (!what.len)
		return 0;
	/* The time of the last call may be long ago: quic_send() knows better. */
	if (!q->queued_bytes)
		q->progress_at = MONO_NEVER;
	quic_tx_put(&s->tx, what);
	q->queued_bytes += (uint32_t)what.len;
	q->unsent_bytes += (uint32_t)what.len;
	if (q->unsent_bytes >= QUIC_BULK_BYTES)
		q->is_bulky = true;
	queue(q, s);
	return (int)what.len;
}

size_t quic_room(const struct quic_conn *q, uint32_t stream)
{
	const struct quic_stream *s = quic_stream_find(q, stream);

	if (!s || s->fin_wanted || s->is_deaf || q->state.state != QUIC_LIVE)
		return 0;
	return quic_stream_room(q, s);
}

int quic_finish(struct quic_conn *q, uint32_t stream)
{
	struct quic_stream *s = quic_stream_find(q, stream);

	if (!s)
		return P2P_ERR_NOT_FOUND;
	if (s->fin_wanted)
		return 0;
	s->fin_wanted = true;
	list_remove(&s->blocked);
	queue(q, s);
	quic_stream_settle(q, s);
	return 0;
}

int quic_reset(struct quic_conn *q, uint32_t stream, uint32_t code)
{
	struct quic_stream *s = quic_stream_find(q, stream);

	if (!s)
		return P2P_ERR_NOT_FOUND;
	quic_stream_kill(q, s, code);
	quic_stream_settle(q, s);
	return 0;
}

struct bytes quic_unread(const struct quic_conn *q, uint32_t stream)
{
	const struct quic_stream *s = quic_stream_find(q, stream);

	return s ? yamux_fifo_bytes(&s->rx) : BYTES_NONE;
}

/* Doubles the window of a stream whose consumer is faster than the path: half of the window was used
 * up in less than one round trip, so the whole one in less than two. The connection's window grows
 * with the sum of all. */
static void grow_window(struct quic_conn *q, struct quic_stream *s)
{
	uint32_t more = q->limits.window_max - s->window;
	ngtcp2_conn_info info;

	if (s->window >= q->limits.window_max)
		return;
	ngtcp2_conn_get_conn_info(q->wire, &info);
	if (mono_since_ns(q->now, s->credit_at) >= (int64_t)info.smoothed_rtt)
		return;
	if (more > s->window)
		more = s->window;
	if ((uint64_t)q->grown_bytes + more > QUIC_GROWN_BYTES_MAX)
		return;
	s->window += more;
	q->grown_bytes += more;
	(void)ngtcp2_conn_extend_max_stream_offset(q->wire, s->id, more); /* it exists */
	if (q->grown_bytes > q->conn_grown_bytes) {
		ngtcp2_conn_extend_max_offset(q->wire, q->grown_bytes - q->conn_grown_bytes);
		q->conn_grown_bytes = q->grown_bytes;
	}
}

/* ngtcp2 tells the peer when it is worth a frame. */
static void give_credit(struct quic_conn *q, struct quic_stream *s, uint32_t n)
{
	ngtcp2_conn_extend_max_offset(q->wire, n);
	q->may_send = true;
	if (s->fin_received || s->is_ended)
		return;
	(void)ngtcp2_conn_extend_max_stream_offset(q->wire, s->id, n); /* it exists */
	s->since_credit += n;
	if (s->since_credit < s->window / 2)
		return;
	grow_window(q, s);
	s->since_credit = 0;
	s->credit_at = q->now;
}

int quic_consumed(struct quic_conn *q, uint32_t stream, size_t n)
{
	struct quic_stream *s = quic_stream_find(q, stream);

	if (!s)
		return P2P_ERR_NOT_FOUND;
	assert(n <= yamux_fifo_len(&s->rx));
	yamux_fifo_take(&s->rx, n);
	q->unread_bytes -= (uint32_t)n;
	if (quic_is_running(q))
		give_credit(q, s, (uint32_t)n);
	quic_stream_settle(q, s);
	return 0;
}
