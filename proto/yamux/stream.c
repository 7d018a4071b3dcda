/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: the table, windows, both halves of each stream, and the calls that name one. */
#include "proto/yamux/stream.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/yamux/session.h"

#define SLOTS_FIRST 8 /* doubled when half full: 1,024 for all the streams there can be */

static uint32_t home(const struct yamux *y, uint32_t id)
{
	return (id * UINT32_C(0x9e3779b1)) >> 16 & (y->slot_count - 1);
}

/* Where `id` is, or the free slot that ends its search. */
static uint32_t seek(const struct yamux *y, uint32_t id)
{
	uint32_t at = home(y, id);

	while (y->slots[at] && y->slots[at]->id != id)
		at = (at + 1) & (y->slot_count - 1);
	return at;
}

struct yamux_stream *yamux_stream_find(const struct yamux *y, uint32_t id)
{
	return y->slots ? y->slots[seek(y, id)] : NULL;
}

static void more_slots(struct yamux *y)
{
	struct yamux_stream **old = y->slots;
	uint32_t old_count = y->slot_count;

	y->slot_count = old_count ? old_count * 2 : SLOTS_FIRST;
	y->slots = xcalloc(y->slot_count, sizeof(struct yamux_stream *));
	for (uint32_t i = 0; i < old_count; i++)
		if (old[i])
			y->slots[seek(y, old[i]->id)] = old[i];
	free(old);
}

/* Empties a slot and moves up those behind it that were pushed out of their place by it. */
static void clear_slot(struct yamux *y, uint32_t hole)
{
	uint32_t mask = y->slot_count - 1;

	for (uint32_t at = (hole + 1) & mask; y->slots[at]; at = (at + 1) & mask) {
		uint32_t from_home = (at - home(y, y->slots[at]->id)) & mask;

		if (from_home < ((at - hole) & mask))
			continue;
		y->slots[hole] = y->slots[at];
		hole = at;
	}
	y->slots[hole] = NULL;
}

static void free_slots(struct yamux *y)
{
	free(y->slots);
	y->slots = NULL;
	y->slot_count = 0;
}

struct yamux_stream *yamux_stream_add(struct yamux *y, uint32_t id)
{
	struct yamux_stream *s = xcalloc(1, sizeof(*s));

	s->id = id;
	s->window = YAMUX_INITIAL_WINDOW;
	s->recv_credit = YAMUX_INITIAL_WINDOW;
	s->send_credit = YAMUX_INITIAL_WINDOW;
	s->credit_at = y->now;
	if ((y->inbound + y->outbound + 1) * 2 > y->slot_count)
		more_slots(y);
	assert(!yamux_stream_find(y, id));
	y->slots[seek(y, id)] = s;
	if (yamux_stream_is_inbound(y, s))
		y->inbound++;
	else
		y->outbound++;
	return s;
}

static void free_stream(struct yamux *y, struct yamux_stream *s)
{
	y->unread_bytes -= (uint32_t)yamux_fifo_len(&s->rx);
	y->queued_bytes -= (uint32_t)yamux_fifo_len(&s->tx);
	y->grown_bytes -= s->window - YAMUX_INITIAL_WINDOW;
	list_remove(&s->control);
	list_remove(&s->sending);
	list_remove(&s->blocked);
	yamux_fifo_deinit(&s->rx);
	yamux_fifo_deinit(&s->tx);
	free(s);
}

void yamux_stream_drop(struct yamux *y, struct yamux_stream *s)
{
	if (y->body_of == s)
		y->body_of = NULL;
	if (y->lent_to == s)
		y->lent_to = NULL;
	if (y->noted_stream == s->id)
		y->noted &= (uint8_t)~(YAMUX_NOTE_OPENED | YAMUX_NOTE_FIN);
	if (yamux_stream_is_inbound(y, s))
		y->inbound--;
	else
		y->outbound--;
	clear_slot(y, seek(y, s->id));
	free_stream(y, s);
	if (y->inbound + y->outbound == 0)
		free_slots(y);
}

void yamux_stream_drop_all(struct yamux *y)
{
	for (uint32_t i = 0; i < y->slot_count; i++)
		if (y->slots[i])
			free_stream(y, y->slots[i]);
	free_slots(y);
	y->inbound = 0;
	y->outbound = 0;
	y->body_of = NULL;
	y->lent_to = NULL;
}

static struct bytes unread(const struct yamux *y, const struct yamux_stream *s)
{
	return y->lent_to == s ? y->lent : yamux_fifo_bytes(&s->rx);
}

void yamux_stream_settle(struct yamux *y, struct yamux_stream *s)
{
	if (s->fin_sent && s->fin_received && unread(y, s).len == 0)
		yamux_stream_drop(y, s);
}

void yamux_stream_owe(struct yamux *y, struct yamux_stream *s, enum yamux_owes what)
{
	s->owes |= (uint8_t)what;
	if (!list_is_linked(&s->control))
		list_append(&y->control, &s->control);
}

bool yamux_stream_keep(struct yamux *y, struct yamux_stream *s, struct bytes what)
{
	/* A limit that was lowered may lie below what is kept already. */
	if ((uint64_t)y->unread_bytes + what.len > y->limits.unread_bytes_max)
		return false;
	yamux_fifo_put(&s->rx, what);
	y->unread_bytes += (uint32_t)what.len;
	assert(yamux_fifo_len(&s->rx) <= s->window);
	return true;
}

struct bytes yamux_unread(const struct yamux *y, uint32_t stream)
{
	const struct yamux_stream *s = yamux_stream_find(y, stream);

	return s ? unread(y, s) : BYTES_NONE;
}

/* Doubles the window of a stream whose consumer is faster than the path: half of the window was
 * used up in less than one round trip, so the whole one in less than two. */
static void grow_window(struct yamux *y, struct yamux_stream *s)
{
	uint32_t more;

	if (s->window >= y->limits.window_max)
		return;
	if (!y->rtt_ns) {
		yamux_measure(y);
		return;
	}
	if (mono_since_ns(y->now, s->credit_at) >= y->rtt_ns)
		return;
	more = y->limits.window_max - s->window;
	if (more > s->window)
		more = s->window;
	if ((uint64_t)y->grown_bytes + more > y->limits.grown_bytes_max)
		return;
	s->window += more;
	y->grown_bytes += more;
}

static void offer_credit(struct yamux *y, struct yamux_stream *s)
{
	uint32_t used = s->window - s->recv_credit - s->held;

	if (s->fin_received || used < s->window / 2 || (s->owes & YAMUX_OWES_CREDIT))
		return;
	grow_window(y, s);
	yamux_stream_owe(y, s, YAMUX_OWES_CREDIT);
}

int yamux_consumed(struct yamux *y, uint32_t stream, size_t n)
{
	struct yamux_stream *s = yamux_stream_find(y, stream);

	if (!s)
		return P2P_ERR_NOT_FOUND;
	assert(n <= unread(y, s).len);
	if (y->lent_to == s) {
		y->lent = bytes_from(y->lent, n);
	} else {
		yamux_fifo_take(&s->rx, n);
		y->unread_bytes -= (uint32_t)n;
	}
	s->held -= (uint32_t)n;
	offer_credit(y, s);
	yamux_stream_settle(y, s);
	return 0;
}

size_t yamux_stream_room(const struct yamux *y, const struct yamux_stream *s)
{
	uint32_t max = y->limits.queue_bytes_max;
	uint32_t left = y->queued_bytes < max ? max - y->queued_bytes : 0;
	size_t own = yamux_fifo_len(&s->tx);
	size_t room = 0;

	/* A quarter of the queue is kept for small messages: a bulk stream that fills the rest
	 * must not silence the others. */
	if (left > max / 4)
		room = left - max / 4;
	if (own < YAMUX_SMALL_BYTES && room < YAMUX_SMALL_BYTES - own)
		room = YAMUX_SMALL_BYTES - own < left ? YAMUX_SMALL_BYTES - own : left;
	return room < s->send_credit ? room : s->send_credit;
}

size_t yamux_room(const struct yamux *y, uint32_t stream)
{
	const struct yamux_stream *s = yamux_stream_find(y, stream);

	if (!s || s->fin_wanted || y->state.state != YAMUX_LIVE)
		return 0;
	return yamux_stream_room(y, s);
}

int yamux_write(struct yamux *y, uint32_t stream, struct bytes what)
{
	struct yamux_stream *s = yamux_stream_find(y, stream);
	size_t room;

	if (!s)
		return P2P_ERR_NOT_FOUND;
	if (s->fin_wanted || y->state.state != YAMUX_LIVE)
		return P2P_ERR_CLOSED;
	room = yamux_stream_room(y, s);
	if (what.len > room) {
		what.len = room;
		if (!list_is_linked(&s->blocked))
			list_append(&y->blocked, &s->blocked);
	}
	if (!what.len)
		return 0;
	yamux_fifo_put(&s->tx, what);
	s->send_credit -= (uint32_t)what.len;
	y->queued_bytes += (uint32_t)what.len;
	if (!list_is_linked(&s->sending))
		list_append(&y->sending, &s->sending);
	return (int)what.len;
}

int yamux_finish(struct yamux *y, uint32_t stream)
{
	struct yamux_stream *s = yamux_stream_find(y, stream);

	if (!s)
		return P2P_ERR_NOT_FOUND;
	if (s->fin_wanted)
		return 0;
	s->fin_wanted = true;
	list_remove(&s->blocked);
	if (!list_is_linked(&s->sending))
		list_append(&y->sending, &s->sending);
	return 0;
}

int yamux_reset(struct yamux *y, uint32_t stream, uint32_t code)
{
	struct yamux_stream *s = yamux_stream_find(y, stream);
	bool unheard_of;

	if (!s)
		return P2P_ERR_NOT_FOUND;
	unheard_of = s->owes & YAMUX_OWES_SYN;
	yamux_stream_drop(y, s);
	if (!unheard_of)
		yamux_reply_reset(y, stream, code);
	return 0;
}
