/* SPDX-License-Identifier: Apache-2.0 */
/* Streams as the owner sees them: the table of those that live, what the muxer tells of them, and
 * what the owner asks. A stream of the peer is told once its protocol is agreed (agree.c). */
#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/conn/stream.h"

static struct list *bucket_of(struct conn *c, uint32_t id)
{
	return &c->streams[(id >> 1) % CONN_BUCKETS];
}

void streams_init(struct conn *c)
{
	for (int i = 0; i < CONN_BUCKETS; i++)
		list_init(&c->streams[i]);
	list_init(&c->negotiating);
}

struct conn_stream *stream_find(struct conn *c, uint32_t id)
{
	list_each (node, bucket_of(c, id)) {
		struct conn_stream *s = list_entry(node, struct conn_stream, bucket);

		if (s->id == id)
			return s;
	}
	return NULL;
}

struct conn_stream *stream_add(struct conn *c, uint32_t id, bool is_inbound)
{
	struct conn_stream *s = xcalloc(1, sizeof(*s));

	s->id = id;
	s->is_inbound = is_inbound;
	s->agree_by = mono_add_ms(c->now, CONN_STEP_MS_MAX);
	list_append(bucket_of(c, id), &s->bucket);
	/* All have the same patience, so the list is in the order of its ends. */
	list_append(&c->negotiating, &s->negotiating);
	if (is_inbound) {
		c->streams_in++;
		c->negotiating_in++;
	} else {
		c->streams_out++;
	}
	return s;
}

void stream_drop(struct conn *c, struct conn_stream *s)
{
	if (stream_is_negotiating(s) && s->is_inbound)
		c->negotiating_in--;
	list_remove(&s->negotiating);
	if (s->is_inbound)
		c->streams_in--;
	else
		c->streams_out--;
	if (c->unread_stream == s->id)
		c->unread_stream = 0;
	list_remove(&s->bucket);
	free(s);
}

void stream_kill(struct conn *c, struct conn_stream *s, enum mux_reset code)
{
	mux_reset(&c->mux, s->id, code);
	stream_drop(c, s);
}

void streams_deinit(struct conn *c)
{
	for (int i = 0; i < CONN_BUCKETS; i++)
		list_each (node, &c->streams[i])
			stream_drop(c, list_entry(node, struct conn_stream, bucket));
	c->lent_stream = 0;
}

size_t streams_memory(const struct conn *c)
{
	return (c->streams_in + c->streams_out) * sizeof(struct conn_stream);
}

mono_t streams_deadline(const struct conn *c)
{
	const struct list *node = list_first(&c->negotiating);

	return node ? list_entry(node, const struct conn_stream, negotiating)->agree_by : MONO_NEVER;
}

/* ---- what the muxer tells ---- */

static bool show_data(struct conn *c, uint32_t id, struct bytes data, struct conn_event *ret)
{
	c->lent_stream = id;
	c->lent_len = data.len;
	*ret = (struct conn_event){.kind = CONN_STREAM_DATA, .stream = id, .data = data};
	return true;
}

/* What came behind the agreement in the same frame. */
static bool show_unread(struct conn *c, struct conn_event *ret)
{
	uint32_t id = c->unread_stream;
	struct bytes data;

	if (!id)
		return false;
	c->unread_stream = 0;
	data = mux_unread(&c->mux, id);
	return data.len && show_data(c, id, data, ret);
}

static bool on_data(struct conn *c, const struct mux_event *ev, struct conn_event *ret)
{
	struct conn_stream *s = stream_find(c, ev->stream);

	if (!s) {
		mux_consumed(&c->mux, ev->stream, ev->data.len);
		return false;
	}
	if (stream_is_negotiating(s))
		return agree_recv(c, s, ev->data, ret);
	return show_data(c, s->id, ev->data, ret);
}

static bool on_fin(struct conn *c, const struct mux_event *ev, struct conn_event *ret)
{
	struct conn_stream *s = stream_find(c, ev->stream);

	if (!s)
		return false;
	if (stream_is_negotiating(s))
		return agree_fail(c, s, P2P_ERR_RESET, MUX_RESET_NEGOTIATION, ret);
	*ret = (struct conn_event){.kind = CONN_STREAM_END, .stream = s->id};
	s->end_seen = true;
	if (s->end_sent)
		stream_drop(c, s);
	return true;
}

static bool on_reset(struct conn *c, const struct mux_event *ev, struct conn_event *ret)
{
	struct conn_stream *s = stream_find(c, ev->stream);

	if (!s)
		return false;
	if (stream_is_negotiating(s))
		return agree_fail(c, s, P2P_ERR_RESET, MUX_RESET_NONE, ret);
	*ret = (struct conn_event){.kind = CONN_STREAM_RESET, .stream = s->id};
	stream_drop(c, s);
	return true;
}

static bool on_writable(struct conn *c, const struct mux_event *ev, struct conn_event *ret)
{
	if (!stream_find(c, ev->stream))
		return false;
	c->wrote_short = false;
	*ret = (struct conn_event){.kind = CONN_STREAM_ROOM, .stream = ev->stream};
	return true;
}

/* QUIC's handshake is done: what a pipe climbs to step by step. */
static bool on_proven(struct conn *c, const struct mux_event *ev, struct conn_event *ret)
{
	sm_move(&c->state, AT_PROVEN);
	c->is_proven = true;
	c->early_muxer = true;
	c->peer = *ev->peer;
	*ret = (struct conn_event){.kind = CONN_PROVEN, .peer = &c->peer};
	return true;
}

/* The muxer has ended. A go-away that it still has may leave, except when the peer takes nothing or
 * we have said goodbye already. */
static void on_closed(struct conn *c, const struct mux_event *ev)
{
	if (!ev->why || conn_at(c) == AT_CLOSING) {
		conn_over(c, P2P_ERR_CLOSED, c->why, NULL);
		return;
	}
	/* When it is over already, by what came behind this, the pipe takes nothing more. */
	if (ev->tells_peer && conn_at(c) != AT_CLOSED)
		c->farewell = mux_has_output(&c->mux);
	conn_over(c, ev->err, ev->why, ev->detail);
}

/* True when it is news for the owner. */
static bool on_event(struct conn *c, const struct mux_event *ev, struct conn_event *ret)
{
	switch (ev->kind) {
	case MUX_PROVEN:
		return on_proven(c, ev, ret);
	case MUX_OPENED:
		agree_begin_inbound(c, ev->stream);
		return false;
	case MUX_DATA:
		return on_data(c, ev, ret);
	case MUX_FIN:
		return on_fin(c, ev, ret);
	case MUX_RESET:
		return on_reset(c, ev, ret);
	case MUX_WRITABLE:
		return on_writable(c, ev, ret);
	case MUX_PONG:
		*ret = (struct conn_event){.kind = CONN_PONG, .rtt_ns = ev->rtt_ns};
		return true;
	case MUX_GOODBYE:
		/* Most peers close right behind it; nothing more is to be expected of any. */
		conn_over(c, P2P_ERR_CLOSED, ev->why, NULL);
		return false;
	case MUX_CLOSED:
		on_closed(c, ev);
		return false;
	}
	return false;
}

/* While we say goodbye nothing is news but its end. */
static bool is_wanted(struct conn *c, const struct mux_event *ev)
{
	if (conn_at(c) != AT_CLOSING || ev->kind == MUX_CLOSED)
		return true;
	if (ev->kind == MUX_DATA)
		mux_consumed(&c->mux, ev->stream, ev->data.len);
	return false;
}

bool streams_next(struct conn *c, struct conn_event *ret)
{
	struct mux_event ev;

	if (show_unread(c, ret) || agree_expire(c, ret))
		return true;
	while (mux_next(&c->mux, &ev)) {
		if (is_wanted(c, &ev) && on_event(c, &ev, ret))
			return true;
		if (c->closed_owed)
			return false;
	}
	return false;
}

/* ---- what the owner asks ---- */

int conn_open_stream(struct conn *c, const char *protocol, mono_t now, uint32_t *ret_stream)
{
	size_t len = strnlen(protocol, CONN_PROTOCOL_MAX);
	struct conn_stream *s;
	uint32_t id;
	int err;

	if (len == 0 || len == CONN_PROTOCOL_MAX)
		return P2P_ERR_INVALID;
	if (conn_at(c) != AT_OPEN)
		return conn_at(c) < AT_OPEN ? P2P_ERR_AGAIN : P2P_ERR_CLOSED;
	c->now = now;
	err = mux_open(&c->mux, &id);
	if (err)
		return err;
	s = stream_add(c, id, false);
	if (!agree_begin_outbound(c, s, bytes_of(protocol, len))) {
		stream_kill(c, s, MUX_RESET_NONE); /* the peer never hears of it */
		return P2P_ERR_FULL;
	}
	*ret_stream = id;
	return 0;
}

size_t conn_write(struct conn *c, uint32_t stream, struct bytes data)
{
	size_t taken;

	if (conn_at(c) != AT_OPEN || !stream_find(c, stream))
		return 0;
	taken = mux_write(&c->mux, stream, data);
	if (taken < data.len)
		c->wrote_short = true;
	return taken;
}

void conn_end_stream(struct conn *c, uint32_t stream)
{
	struct conn_stream *s = conn_at(c) == AT_OPEN ? stream_find(c, stream) : NULL;

	if (!s)
		return;
	mux_finish(&c->mux, stream);
	s->end_sent = true;
	if (s->end_seen)
		stream_drop(c, s);
}

void conn_reset_stream(struct conn *c, uint32_t stream)
{
	struct conn_stream *s = conn_at(c) == AT_OPEN ? stream_find(c, stream) : NULL;

	if (s)
		stream_kill(c, s, MUX_RESET_NONE);
}
