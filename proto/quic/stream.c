/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: the table, what arrives, and what the owner is told. */
#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/quic/conn.h"

/* ---- The table ---- */

uint32_t quic_stream_number(int64_t id)
{
	/* 0, 4, 8 … of a client; 1, 5, 9 … of a server. */
	uint64_t of_side = (uint64_t)id >> 2;

	return of_side >= UINT32_MAX / 2 ? 0 : (uint32_t)(of_side * 2 + (id & 1) + 1);
}

static int64_t id_of(uint32_t number)
{
	uint32_t from_0 = number - 1;

	return (int64_t)(from_0 >> 1) << 2 | (from_0 & 1);
}

static struct quic_stream **bucket(const struct quic_conn *q, int64_t id)
{
	return &q->buckets[(uint32_t)(id >> 1) & (QUIC_STREAM_BUCKETS - 1)];
}

struct quic_stream *quic_stream_at(const struct quic_conn *q, int64_t id)
{
	struct quic_stream *s = q->buckets ? *bucket(q, id) : NULL;

	while (s && s->id != id)
		s = s->next;
	return s;
}

struct quic_stream *quic_stream_find(const struct quic_conn *q, uint32_t number)
{
	struct quic_stream *s = number ? quic_stream_at(q, id_of(number)) : NULL;

	return s && s->is_told && !s->is_gone ? s : NULL;
}

struct quic_stream *quic_stream_add(struct quic_conn *q, int64_t id)
{
	struct quic_stream *s = xcalloc(1, sizeof(*s)), **at;

	if (!q->buckets)
		q->buckets = xcalloc(QUIC_STREAM_BUCKETS, sizeof(struct quic_stream *));
	s->id = id;
	s->number = quic_stream_number(id);
	s->is_inbound = ((id & 1) == 0) != q->is_dialer;
	s->window = QUIC_WINDOW_BYTES;
	s->credit_at = q->now;
	at = bucket(q, id);
	s->next = *at;
	*at = s;
	q->stream_count++;
	return s;
}

void quic_stream_note(struct quic_conn *q, struct quic_stream *s, enum quic_note what)
{
	s->noted |= (uint8_t)what;
	if (!list_is_linked(&s->news))
		list_append(&q->news, &s->news);
}

/* The owner knows it no more, and what it kept for the owner goes. */
static void leave(struct quic_conn *q, struct quic_stream *s)
{
	size_t unread = yamux_fifo_len(&s->rx);

	if (s->is_gone)
		return;
	s->is_gone = true;
	s->noted = 0;
	list_remove(&s->news);
	list_remove(&s->blocked);
	list_remove(&s->sending);
	if (s->is_told && s->is_inbound)
		q->inbound--;
	else if (s->is_told)
		q->outbound--;
	q->unread_bytes -= (uint32_t)unread;
	q->grown_bytes -= s->window - QUIC_WINDOW_BYTES;
	s->window = QUIC_WINDOW_BYTES;
	yamux_fifo_deinit(&s->rx);
	/* The connection's credit was not only this stream's: without it all would stall. */
	if (unread && quic_is_running(q))
		ngtcp2_conn_extend_max_offset(q->wire, unread);
}

/* Nothing that was written is sent any more, or repeated: ngtcp2 has reset our direction, and does
 * not look at the bytes again. */
static void cut(struct quic_conn *q, struct quic_stream *s)
{
	q->queued_bytes -= s->tx.queued;
	q->unsent_bytes -= s->tx.unsent_bytes;
	quic_tx_deinit(&s->tx);
	q->blocked_check = true;
	list_remove(&s->sending);
}

static void free_stream(struct quic_conn *q, struct quic_stream *s)
{
	leave(q, s);
	list_remove(&s->news); /* one that is gone may still wait to be told of */
	cut(q, s);
	quic_gaps_deinit(&s->gaps);
	free(s);
	q->stream_count--;
}

static bool is_read(const struct quic_stream *s)
{
	return s->fin_told && yamux_fifo_len(&s->rx) == 0;
}

/* Streams are counted by those that were ever opened, so for each that is gone one may follow. To say so
 * costs a datagram and its answer: it is said when the peer could come to need it. */
static void grant_owed(struct quic_conn *q)
{
	uint32_t live = q->stream_count - q->outbound; /* and ours that are over for the owner */

	if (!quic_is_running(q) || live + q->inbound_owed <= q->inbound_granted / 2)
		return;
	ngtcp2_conn_extend_max_streams_bidi(q->wire, q->inbound_owed);
	q->inbound_owed = 0;
	q->may_send = true;
}

void quic_stream_settle(struct quic_conn *q, struct quic_stream *s)
{
	struct quic_stream **at;

	if (!s->is_ended || s->noted || (!s->is_gone && !is_read(s)))
		return;
	if (!s->is_gone && !s->fin_wanted) {
		/* The peer has read enough before we were through: no call would ever tell. */
		leave(q, s);
		quic_stream_note(q, s, QUIC_NOTE_RESET);
		return;
	}
	for (at = bucket(q, s->id); *at != s; at = &(*at)->next)
		;
	*at = s->next;
	q->inbound_owed += s->is_inbound;
	free_stream(q, s);
	grant_owed(q);
	if (q->stream_count == 0) {
		free(q->buckets);
		q->buckets = NULL;
	}
}

void quic_stream_drop_all(struct quic_conn *q)
{
	for (size_t i = 0; q->buckets && i < QUIC_STREAM_BUCKETS; i++) {
		while (q->buckets[i]) {
			struct quic_stream *s = q->buckets[i];

			q->buckets[i] = s->next;
			free_stream(q, s);
		}
	}
	free(q->buckets);
	q->buckets = NULL;
}

size_t quic_stream_memory(const struct quic_conn *q)
{
	size_t sum = 0;

	for (size_t i = 0; q->buckets && i < QUIC_STREAM_BUCKETS; i++)
		for (const struct quic_stream *s = q->buckets[i]; s; s = s->next)
			sum += sizeof(*s) + s->rx.buf.cap + quic_tx_memory(&s->tx) +
				s->gaps.cap * sizeof(s->gaps.at[0]);
	return sum + (q->buckets ? QUIC_STREAM_BUCKETS * sizeof(struct quic_stream *) : 0);
}

void quic_stream_kill(struct quic_conn *q, struct quic_stream *s, uint32_t code)
{
	leave(q, s);
	if (quic_is_running(q) && !s->is_ended) {
		(void)ngtcp2_conn_shutdown_stream(q->wire, 0, s->id, code); /* it exists */
		q->may_send = true;
	}
	cut(q, s);
}

/* ---- What arrives ---- */

/* More unread bytes than the connection may hold: their consumer does not take them. */
static void overrun(struct quic_conn *q, struct quic_stream *s, size_t len)
{
	bool was_told = s->is_told;

	quic_stream_kill(q, s, QUIC_RESET_LIMIT);
	ngtcp2_conn_extend_max_offset(q->wire, len);
	if (!was_told)
		return;
	/* Gone for every call, and still to be told. */
	s->code = QUIC_RESET_LIMIT;
	quic_stream_note(q, s, QUIC_NOTE_RESET);
}

void quic_stream_take(struct quic_conn *q, struct quic_stream *s, struct bytes what)
{
	s->received += what.len;
	quic_gaps_reached(&s->gaps, s->received);
	if (what.len == 0)
		return;
	if (s->is_gone) {
		ngtcp2_conn_extend_max_offset(q->wire, what.len);
		q->may_send = true;
		return;
	}
	if (q->has_limits && (uint64_t)q->unread_bytes + what.len > q->limits.unread_bytes_max) {
		overrun(q, s, what.len);
		return;
	}
	yamux_fifo_put(&s->rx, what);
	q->unread_bytes += (uint32_t)what.len;
	quic_stream_note(q, s, QUIC_NOTE_DATA);
}

void quic_stream_on_reset(struct quic_conn *q, struct quic_stream *s, uint64_t code)
{
	bool was_told = s->is_told && !s->is_gone;

	/* With libp2p a reset is of both directions. */
	quic_stream_kill(q, s, code > UINT32_MAX ? QUIC_RESET_NONE : (uint32_t)code);
	if (!was_told)
		return;
	s->code = code > UINT32_MAX ? QUIC_RESET_NONE : (uint32_t)code;
	quic_stream_note(q, s, QUIC_NOTE_RESET);
}

void quic_stream_stop_all(struct quic_conn *q)
{
	q->stop_seen = false;
	for (size_t i = 0; q->buckets && i < QUIC_STREAM_BUCKETS; i++) {
		for (struct quic_stream *s = q->buckets[i]; s; s = s->next) {
			if (!s->is_stopped || s->is_deaf || s->is_gone)
				continue;
			/* ngtcp2 has done that already if it took the frame. */
			(void)ngtcp2_conn_shutdown_stream_write(q->wire, 0, s->id, QUIC_RESET_NONE);
			s->is_deaf = true;
			cut(q, s);
			/* Who waits for room learns from its next write that there will be none. */
		}
	}
}

/* ---- What the owner does ---- */

bool quic_stream_wants_send(const struct quic_stream *s)
{
	return !s->is_deaf && (s->tx.unsent_bytes > 0 || (s->fin_wanted && !s->fin_sent));
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What the peer would take of it beyond what is queued. Without this the queue would fill with
 * what cannot leave, and a slow reader would look like a dead path. */
static uint64_t credit(const struct quic_conn *q, const struct quic_stream *s)
{
	uint64_t own = less(
		ngtcp2_conn_get_max_stream_data_left(q->wire, s->id), s->tx.unsent_bytes);
	uint64_t all = less(ngtcp2_conn_get_max_data_left(q->wire), q->unsent_bytes);

	return own < all ? own : all;
}

size_t quic_stream_room(const struct quic_conn *q, const struct quic_stream *s)
{
	uint32_t max = q->limits.queue_bytes_max;
	uint32_t left = q->queued_bytes < max ? max - q->queued_bytes : 0;
	size_t own = s->tx.queued, room = 0;
	uint64_t allowed = credit(q, s);

	/* A quarter of the queue is kept for small messages: a bulk stream that fills the rest must
	 * not silence the others. */
	if (left > max / 4)
		room = left - max / 4;
	if (own < QUIC_SMALL_BYTES && room < QUIC_SMALL_BYTES - own)
		room = QUIC_SMALL_BYTES - own < left ? QUIC_SMALL_BYTES - own : left;
	return room < allowed ? room : (size_t)allowed;
}

/* ---- What is told ---- */

static bool take_note(struct quic_stream *s, enum quic_note what)
{
	bool was = s->noted & what;

	s->noted &= (uint8_t)~what;
	return was;
}

/* The next thing about one stream; false when there is nothing more. */
static bool next_of(struct quic_conn *q, struct quic_stream *s, struct quic_event *ret)
{
	*ret = (struct quic_event){.stream = s->number};
	if (take_note(s, QUIC_NOTE_OPENED)) {
		if (q->inbound >= q->limits.inbound_max) {
			quic_stream_kill(q, s, QUIC_RESET_LIMIT);
			return false;
		}
		s->is_told = true;
		q->inbound++;
		ret->kind = QUIC_OPENED;
		return true;
	}
	if (take_note(s, QUIC_NOTE_DATA) && yamux_fifo_len(&s->rx)) {
		ret->kind = QUIC_DATA;
		ret->data = yamux_fifo_bytes(&s->rx);
		return true;
	}
	if (take_note(s, QUIC_NOTE_FIN)) {
		s->fin_told = true;
		ret->kind = QUIC_FIN;
		return true;
	}
	if (take_note(s, QUIC_NOTE_RESET)) {
		ret->kind = QUIC_RESET;
		ret->code = s->code;
		return true;
	}
	return false;
}

/* A stream that was told to wait and has room now, or will never have. */
static bool next_writable(struct quic_conn *q, struct quic_event *ret)
{
	if (!q->blocked_check || !quic_is_running(q))
		return false;
	list_each (node, &q->blocked) {
		struct quic_stream *s = list_entry(node, struct quic_stream, blocked);

		if (!s->is_deaf && !quic_stream_room(q, s))
			continue;
		list_remove(&s->blocked);
		*ret = (struct quic_event){.kind = QUIC_WRITABLE, .stream = s->number};
		return true;
	}
	q->blocked_check = false;
	return false;
}

bool quic_stream_next(struct quic_conn *q, struct quic_event *ret)
{
	while (!list_is_empty(&q->news)) {
		struct quic_stream *s = list_entry(q->news.next, struct quic_stream, news);
		bool told = next_of(q, s, ret);

		if (!s->noted)
			list_remove(&s->news);
		/* The bytes of a DATA event are borrowed from the stream: it stays. */
		if (!told || ret->kind != QUIC_DATA)
			quic_stream_settle(q, s);
		if (told)
			return true;
	}
	return next_writable(q, ret);
}
