/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h: one stream as a conn keeps it beside the muxer's own (inside this folder only). */
#ifndef P2POS_CONN_STREAM_H
#define P2POS_CONN_STREAM_H

#include "proto/conn/ladder.h"

struct conn_stream {
	struct list bucket;      /* in conn.streams */
	struct list negotiating; /* in conn.negotiating until the protocol is agreed */
	mono_t agree_by;
	uint32_t id;
	bool is_inbound;
	bool end_sent, end_seen;
	const char *protocol;    /* agreed or proposed; inbound: the grant's, NULL when it left it */
	struct select select;
	char own_protocol[CONN_PROTOCOL_MAX]; /* outbound: what `protocol` points to */
};

_Static_assert(sizeof(struct conn_stream) <= 256, "a stream is small (performance.md D7)");

/* ---- streams.c: the table ---- */

struct conn_stream *stream_find(struct conn *c, uint32_t id);

/* A fresh one, without a protocol yet. */
struct conn_stream *stream_add(struct conn *c, uint32_t id, bool is_inbound);
void stream_drop(struct conn *c, struct conn_stream *s);

/* Resets it at the muxer too. */
void stream_kill(struct conn *c, struct conn_stream *s, enum mux_reset code);

static inline bool stream_is_negotiating(const struct conn_stream *s)
{
	return list_is_linked(&s->negotiating);
}

/* ---- agree.c: its protocol. Each returns true when `ret` is news for the owner. ---- */

/* The peer opened it. */
void agree_begin_inbound(struct conn *c, uint32_t id);

/* We opened it: the proposal leaves with what is written next. False when there is no room. */
bool agree_begin_outbound(struct conn *c, struct conn_stream *s, struct bytes protocol);

/* Data of a stream without a protocol: the negotiation takes its part, the rest stays unread. */
bool agree_recv(struct conn *c, struct conn_stream *s, struct bytes data, struct conn_event *ret);

/* The negotiation failed; the stream is reset with `code` and gone. */
bool agree_fail(
	struct conn *c, struct conn_stream *s, int err, enum mux_reset code, struct conn_event *ret);

/* Streams that did not agree in time, one at a time. */
bool agree_expire(struct conn *c, struct conn_event *ret);

#endif
