/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves: datagrams of one size in trains, filled from the streams in turn. */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/quic/conn.h"
#include "proto/quic/path.h"

#define PIECES_MAX    16    /* of written bytes that are shown to ngtcp2 at a time */
#define LARGE_BYTES   8900  /* of the largest datagram that is ever tried (wire.c) … */
#define USUAL_BYTES   1452  /* … and of those before there is much to send */
#define CLOSE_ROOM    QUIC_PAYLOAD_BYTES_MIN /* kept in a train for the close */

/* One datagram that was written. */
struct written {
	ngtcp2_path_storage along;
	ngtcp2_pkt_info info;
	uint8_t *at;
	size_t room;
};

/* ---- One datagram ---- */

static struct quic_stream *first_to_send(const struct quic_conn *q)
{
	struct list *node = list_first(&q->sending);

	return node ? list_entry(node, struct quic_stream, sending) : NULL;
}

/* `n` bytes of it, and perhaps its end, are in a packet: the next stream's turn. */
static void sent(struct quic_conn *q, struct quic_stream *s, size_t n, bool with_end)
{
	quic_tx_sent(&s->tx, n);
	q->unsent_bytes -= (uint32_t)n;
	if (with_end && s->tx.unsent_bytes == 0)
		s->fin_sent = true;
	list_remove(&s->sending);
	if (quic_stream_wants_send(s))
		list_append(&q->sending, &s->sending);
}

/* Fills a packet from one stream, or completes it without: what ngtcp2 says. */
static ngtcp2_ssize fill(struct quic_conn *q, struct written *w, struct quic_stream *s)
{
	ngtcp2_vec pieces[PIECES_MAX];
	size_t count = 0, sum = 0;
	uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
	ngtcp2_ssize n, taken = -1;

	if (s) {
		count = quic_tx_gather(&s->tx, pieces, PIECES_MAX, w->room);
		for (size_t i = 0; i < count; i++)
			sum += pieces[i].len;
		flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
		if (s->fin_wanted && sum == s->tx.unsent_bytes)
			flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
	}
	n = ngtcp2_conn_writev_stream(q->wire, &w->along.path, &w->info, w->at, w->room, &taken,
		flags, s ? s->id : -1, pieces, count, quic_stamp(q->now));
	if (s && taken >= 0)
		sent(q, s, (size_t)taken, flags & NGTCP2_WRITE_STREAM_FLAG_FIN);
	return n;
}

/* Its length; 0 when nothing can be sent now; ngtcp2's error. */
static ngtcp2_ssize write_datagram(struct quic_conn *q, struct written *w)
{
	for (;;) {
		struct quic_stream *s = first_to_send(q);
		ngtcp2_ssize n = fill(q, w, s);

		switch (n) { /* of many: these concern one stream */
		case NGTCP2_ERR_WRITE_MORE: continue;
		case NGTCP2_ERR_STREAM_SHUT_WR: /* stopped by the packet that opened it */
			s->is_stopped = q->stop_seen = true;
			list_remove(&s->sending);
			continue;
		case NGTCP2_ERR_STREAM_DATA_BLOCKED:
		case NGTCP2_ERR_STREAM_NOT_FOUND: list_remove(&s->sending); continue;
		default: return n;
		}
	}
}

/* ---- Pings ---- */

/* ngtcp2 sends a ping when nothing was heard for the time of its keep-alive. That time can be made
 * as short as the clock's step, which then has to be taken. */
static ngtcp2_ssize write_pinging(struct quic_conn *q, struct written *w)
{
	int64_t before = q->tx_newest;
	ngtcp2_ssize n;

	if (!q->pings_wanted || q->state.state != QUIC_LIVE)
		return write_datagram(q, w);
	ngtcp2_conn_set_keep_alive_timeout(q->wire, 1);
	q->now = mono_add_ns(q->now, 1);
	n = write_datagram(q, w);
	ngtcp2_conn_set_keep_alive_timeout(q->wire, q->keep_alive_ns);
	if (n <= 0 || q->tx_newest == before)
		return n;
	for (; q->pings_wanted; q->pings_wanted--)
		q->pings[q->pings_open++] = q->tx_newest;
	return n;
}

/* ---- Trains ---- */

/* Whoever gets one large datagram keeps a buffer of 16 KiB for it, which is a third of an idle
 * connection. ngtcp2 puts off a probe for which there is no room, so that large ones are only tried
 * once they are worth it. */
static size_t size_max(struct quic_conn *q)
{
	if (quic_mtu_is_held(&q->mtu, (int64_t)ngtcp2_conn_get_pto(q->wire), q->now))
		return QUIC_PAYLOAD_BYTES_MIN;
	return q->is_bulky ? LARGE_BYTES : USUAL_BYTES;
}

static void hold(struct quic_conn *q, const struct written *w, size_t len)
{
	int err = buf_put(&q->held.data, bytes_of(w->at, len));

	assert(!err); /* it has no maximum */
	(void)err;
	quic_alias_real(&w->along.path, &q->held.path);
	q->held.ecn = w->info.ecn;
}

static bool send_held(struct quic_conn *q, struct buf *out, struct datagram_train *ret)
{
	if (buf_put(out, buf_bytes(&q->held.data)))
		return false;
	*ret = (struct datagram_train){q->held.path, q->held.ecn, q->held.data.len};
	buf_deinit(&q->held.data);
	return true;
}

/* Where a train stands while it is put together. */
struct train {
	struct buf *out;
	size_t begin; /* where it begins in `out` */
	size_t limit; /* bytes of it */
	unsigned count;
	struct datagram_train head;
};

/* Takes in a datagram that was written behind the end of `out`; true when another may follow. One of
 * another path, marking or size begins a train of its own. */
static bool couple(struct quic_conn *q, struct train *t, const struct written *w, size_t len)
{
	struct datagram_path path;

	quic_alias_real(&w->along.path, &path);
	if (t->count == 0) {
		t->head = (struct datagram_train){path, w->info.ecn, len};
	} else if (!quic_path_eq(&path, &t->head.path) || w->info.ecn != t->head.ecn ||
		len > t->head.segment) {
		hold(q, w, len);
		return false;
	}
	t->out->len += len;
	t->count++;
	return len == t->head.segment;
}

/* Room for the next datagram; 0 when the train is full. */
static size_t next_room(struct quic_conn *q, const struct train *t)
{
	size_t left = t->limit - (t->out->len - t->begin);
	size_t want = t->count ? t->head.segment : size_max(q);

	if (t->count + q->close_owed == DATAGRAM_TRAIN_MAX || left < QUIC_PAYLOAD_BYTES_MIN)
		return 0;
	/* ngtcp2 wants room for its smallest full datagram. */
	if (want < QUIC_PAYLOAD_BYTES_MIN || (t->count && left < want))
		return 0;
	return want < left ? want : left;
}

/* 0, or ngtcp2's error. */
static int fill_train(struct quic_conn *q, struct train *t)
{
	size_t room;

	while ((room = next_room(q, t)) > 0) {
		struct written w = {.at = t->out->data + t->out->len, .room = room};
		ngtcp2_ssize n;

		ngtcp2_path_storage_zero(&w.along);
		n = write_pinging(q, &w);
		if (n < 0)
			return (int)n;
		if (n == 0 || !couple(q, t, &w, (size_t)n))
			break;
	}
	ngtcp2_conn_update_pkt_tx_time(q->wire, quic_stamp(q->now));
	return 0;
}

/* ---- The close ---- */

/* Puts the close behind what the train has, or into the next one. */
static void put_close(struct quic_conn *q, struct train *t)
{
	struct written w = {.at = t->out->data + t->out->len, .room = CLOSE_ROOM};
	ngtcp2_ssize n;

	ngtcp2_path_storage_zero(&w.along);
	n = ngtcp2_conn_write_connection_close(q->wire, &w.along.path, &w.info, w.at, w.room,
		&q->ccerr, quic_stamp(q->now));
	if (n > 0) {
		int err = buf_put(&q->farewell, bytes_of(w.at, (size_t)n));

		assert(!err); /* it has no maximum */
		(void)err;
		q->closed_until =
			mono_add_ns(q->now, 3 * (int64_t)ngtcp2_conn_get_pto(q->wire));
		(void)couple(q, t, &w, (size_t)n);
	}
	/* Without keys there is nobody to tell. */
	q->close_owed = false;
	q->closed_noted = q->closed_noted || strcmp(q->end.why, "local") == 0;
	sm_move(&q->state, QUIC_OVER);
}

/* ---- The verbs ---- */

static size_t limit_of(const struct quic_conn *q, size_t budget)
{
	size_t quantum = ngtcp2_conn_get_send_quantum(q->wire);

	if (quantum < LARGE_BYTES)
		quantum = LARGE_BYTES;
	if (budget > quantum)
		budget = quantum;
	return budget < DATAGRAM_TRAIN_BYTES ? budget : DATAGRAM_TRAIN_BYTES;
}

bool quic_send(struct quic_conn *q, struct buf *out, size_t budget, mono_t now,
	struct datagram_train *ret_train)
{
	struct train t = {.out = out, .begin = out->len};
	int liberr = 0;

	if (q->held.data.len)
		return send_held(q, out, ret_train);
	if (!q->may_send)
		return false;
	t.limit = limit_of(q, budget);
	/* With room for less than a datagram nothing is said, and all of it later. */
	if (t.limit < CLOSE_ROOM || buf_reserve(out, t.limit))
		return false;
	if (q->close_owed)
		t.limit -= CLOSE_ROOM;
	quic_set_now(q, now);
	if (q->queued_bytes && mono_is_never(q->progress_at))
		q->progress_at = q->now;
	if (quic_is_running(q) || (q->close_owed && q->stream_count))
		liberr = fill_train(q, &t);
	if (liberr && quic_is_running(q))
		quic_failed(q, liberr);
	if (q->stop_seen && quic_is_running(q))
		quic_stream_stop_all(q);
	if (q->close_owed && !q->held.data.len && out->cap - out->len >= CLOSE_ROOM)
		put_close(q, &t);
	q->may_send = (t.count > 0 && quic_is_running(q)) || q->close_owed;
	*ret_train = t.head;
	return t.count > 0;
}

bool quic_has_output(const struct quic_conn *q)
{
	return q->may_send || q->held.data.len > 0;
}
