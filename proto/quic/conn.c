/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: birth and death, what arrives, time, and the calls of its owner. */
#include "proto/quic/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/quic/path.h"

/* GnuTLS says nothing about its memory: measured for a session in its handshake, and for the keys of
 * packets that stay behind. */
#define TLS_SESSION_BYTES 12000
#define TLS_KEYS_BYTES    4000

static const struct sm_state states[] = {
	[QUIC_SHAKING] = {"shaking", SM_TO(QUIC_LIVE) | SM_TO(QUIC_CLOSING) | SM_TO(QUIC_OVER)},
	[QUIC_LIVE] = {"live", SM_TO(QUIC_CLOSING) | SM_TO(QUIC_OVER)},
	[QUIC_CLOSING] = {"closing", SM_TO(QUIC_OVER)},
	[QUIC_OVER] = {"over", 0},
};

/* Before its owner has said what the peer may do. */
static const struct quic_limits first_limits = {
	.inbound_max = QUIC_STREAMS_FIRST,
	.outbound_max = QUIC_STREAMS_FIRST,
	.queue_bytes_max = QUIC_WINDOW_BYTES,
	.unread_bytes_max = QUIC_CONN_WINDOW_BYTES,
	.window_max = QUIC_WINDOW_BYTES,
};

/* ---- Birth and death ---- */

static int make(struct quic_endpoint *ep, const struct datagram_path *path,
	const struct quic_opts *opts, const struct quic_first *first, mono_t now,
	struct quic_conn **ret)
{
	struct quic_conn *q;
	int err;

	if (ep->stats.conns >= QUIC_CONNS_MAX)
		return P2P_ERR_FULL;
	q = xcalloc(1, sizeof(*q));
	q->ep = ep;
	q->is_dialer = !first;
	q->now = now;
	q->limits = first_limits;
	q->inbound_granted = QUIC_STREAMS_FIRST;
	q->rx_newest = q->tx_newest = q->acked_newest = -1;
	q->alias.next_at = q->alias.full_at = MONO_NEVER;
	sm_init(&q->state, states, QUIC_SHAKING);
	list_init(&q->routes);
	list_init(&q->news);
	list_init(&q->sending);
	list_init(&q->blocked);
	ep->stats.conns++;
	err = quic_shake_init(q, opts);
	if (!err)
		err = quic_wire_init(q, path, first);
	if (err) {
		quic_free(q);
		return err;
	}
	*ret = q;
	return 0;
}

int quic_dial(struct quic_endpoint *ep, const struct datagram_path *path,
	const struct quic_opts *opts, mono_t now, struct quic_conn **ret)
{
	int err = make(ep, path, opts, NULL, now, ret);

	if (!err)
		(*ret)->may_send = true;
	return err;
}

/* What was shown by a datagram: a knock, and its token if that proves something. */
static int read_first(struct quic_endpoint *ep, const struct datagram *in, mono_t now,
	struct quic_first *ret)
{
	if (!quic_is_knock(in, &ret->head))
		return P2P_ERR_INVALID;
	ret->original = ret->head.dcid;
	ret->is_retried = quic_token_check(ep, &ret->head, &in->path, now, &ret->original) ==
		QUIC_TOKEN_GOOD;
	return 0;
}

/* Data of 0-RTT among the packets of a datagram: how many there are. */
static unsigned count_early(struct bytes in)
{
	unsigned count = 0;

	while (in.len > 0 && in.at[0] & 0x80) {
		ngtcp2_pkt_hd head;
		ngtcp2_ssize n = ngtcp2_pkt_decode_hd_long(&head, in.at, in.len);

		if (n <= 0 || head.len > in.len - (size_t)n)
			break;
		count += head.type == NGTCP2_PKT_0RTT;
		in = bytes_from(in, (size_t)n + head.len);
	}
	return count;
}

static int read(struct quic_conn *q, const struct datagram *in, mono_t now)
{
	ngtcp2_pkt_info info = {.ecn = in->ecn};
	ngtcp2_path_storage along;

	quic_set_now(q, now);
	q->may_send = true;
	if (!q->is_dialer && q->state.state == QUIC_SHAKING)
		q->ep->stats.early += count_early(in->data);
	quic_alias_set(q, in, &along);
	return ngtcp2_conn_read_pkt(
		q->wire, &along.path, &info, in->data.at, in->data.len, quic_stamp(q->now));
}

static void after_read(struct quic_conn *q, int liberr)
{
	if (liberr)
		quic_failed(q, liberr);
	else if (q->stop_seen)
		quic_stream_stop_all(q);
	/* What TLS had to do is done: its memory goes (performance.md D7). */
	if (q->is_confirmed)
		quic_shake_deinit(q);
	quic_alias_heard(q);
	q->blocked_check = true; /* the connection's credit may have grown */
}

int quic_accept(struct quic_endpoint *ep, const struct datagram *in, const struct quic_opts *opts,
	mono_t now, struct buf *out, struct datagram_train *ret_train, struct quic_conn **ret)
{
	struct quic_first first = {0};
	struct quic_conn *q;
	int err = read_first(ep, in, now, &first);

	if (!err)
		err = make(ep, &in->path, opts, &first, now, &q);
	if (err)
		return err;
	/* The name that the dialer chose, until it has heard ours. A duplicate of it is no knock. */
	if (!quic_routes_add(&ep->routes, QUIC_NAME_CID,
		    bytes_of(first.head.dcid.data, first.head.dcid.datalen), q, &q->routes)) {
		quic_free(q);
		return P2P_ERR_INVALID;
	}
	err = read(q, in, now);
	if (err == NGTCP2_ERR_RETRY || err == NGTCP2_ERR_DROP_CONN) {
		quic_free(q);
		if (err == NGTCP2_ERR_DROP_CONN || quic_retry(ep, in, now, out, ret_train))
			return P2P_ERR_INVALID;
		return P2P_ERR_AGAIN;
	}
	after_read(q, err);
	*ret = q;
	return 0;
}

void quic_free(struct quic_conn *q)
{
	if (!q)
		return;
	if (q->state.state != QUIC_OVER)
		sm_move(&q->state, QUIC_OVER); /* nothing below is for the peer */
	quic_stream_drop_all(q);
	/* After a close, ours or the peer's: its names mean silence, or the close once more. */
	if (mono_before(q->now, q->closed_until))
		quic_closed_add(q->ep, &q->routes, &q->farewell, q->closed_until);
	quic_routes_remove_all(&q->ep->routes, &q->routes);
	quic_wire_deinit(q);
	quic_shake_deinit(q);
	buf_deinit(&q->farewell);
	buf_deinit(&q->held.data);
	q->ep->stats.conns--;
	free(q);
}

/* ---- What arrives; time ---- */

int quic_recv(struct quic_conn *q, const struct datagram *in, mono_t now)
{
	if (!quic_is_running(q))
		return P2P_ERR_CLOSED;
	if (in->data.len > 0) /* ngtcp2 takes an empty one for our mistake */
		after_read(q, read(q, in, now));
	return quic_is_running(q) ? 0 : P2P_ERR_CLOSED;
}

/* Output that waits began to wait, or last moved, at `progress_at`; NEVER: not known yet. */
static mono_t stalled_at(const struct quic_conn *q)
{
	return q->queued_bytes >= QUIC_STALL_BYTES ? mono_add_ms(q->progress_at, QUIC_NO_PROGRESS_MS)
						    : MONO_NEVER;
}

mono_t quic_deadline(const struct quic_conn *q)
{
	ngtcp2_tstamp expiry;
	mono_t at;

	if (!quic_is_running(q))
		return MONO_NEVER;
	expiry = ngtcp2_conn_get_expiry(q->wire);
	at = expiry >= INT64_MAX ? MONO_NEVER : (mono_t){(int64_t)expiry};
	return mono_min(at, stalled_at(q));
}

void quic_tick(struct quic_conn *q, mono_t now)
{
	int liberr;

	if (!quic_is_running(q))
		return;
	quic_set_now(q, now);
	q->may_send = true;
	if (mono_reached(stalled_at(q), now)) {
		/* A farewell would wait just as long. */
		quic_end(q, P2P_ERR_TIMEOUT, "send_stalled", NULL, 0);
		return;
	}
	liberr = ngtcp2_conn_handle_expiry(q->wire, quic_stamp(q->now));
	if (liberr)
		quic_failed(q, liberr);
}

/* ---- What happened ---- */

static bool next_closed(struct quic_conn *q, struct quic_event *ret)
{
	if (!q->closed_noted)
		return false;
	q->closed_noted = false;
	quic_stream_drop_all(q);
	ret->kind = QUIC_CLOSED;
	ret->err = q->end.err;
	ret->why = q->end.why;
	ret->detail = q->end.detail;
	ret->code = q->end.code;
	return true;
}

bool quic_next(struct quic_conn *q, struct quic_event *ret)
{
	*ret = (struct quic_event){0};
	if (q->proven_noted) {
		q->proven_noted = false;
		ret->kind = QUIC_PROVEN;
		ret->peer = &q->peer.verdict.peer;
		return true;
	}
	if (q->has_limits && quic_stream_next(q, ret))
		return true;
	*ret = (struct quic_event){0};
	if (q->pong_noted) {
		ngtcp2_conn_info info;

		q->pong_noted = false;
		ngtcp2_conn_get_conn_info(q->wire, &info);
		ret->kind = QUIC_PONG;
		ret->rtt_ns = quic_alias_rtt(q, info.latest_rtt, info.latest_rtt);
		return true;
	}
	return next_closed(q, ret);
}

/* ---- What the owner wants ---- */

void quic_set_user(struct quic_conn *q, void *user)
{
	q->user = user;
}

void *quic_user(const struct quic_conn *q)
{
	return q->user;
}

void quic_set_limits(struct quic_conn *q, const struct quic_limits *limits)
{
	uint32_t cid_life_ms = q->limits.cid_life_ms;

	assert(limits->inbound_max <= QUIC_STREAMS_MAX);
	assert(limits->outbound_max <= QUIC_STREAMS_MAX);
	assert(limits->window_max >= QUIC_WINDOW_BYTES);
	if (q->state.state == QUIC_OVER)
		return;
	q->limits = *limits;
	q->has_limits = true;
	q->blocked_check = true;
	quic_alias_set_life(q, cid_life_ms);
	if (limits->inbound_max <= q->inbound_granted || !quic_is_running(q))
		return;
	ngtcp2_conn_extend_max_streams_bidi(q->wire, limits->inbound_max - q->inbound_granted);
	q->inbound_granted = limits->inbound_max;
	q->may_send = true;
}

int quic_ping(struct quic_conn *q)
{
	if (q->state.state != QUIC_LIVE)
		return P2P_ERR_CLOSED;
	if (q->pings_open + q->pings_wanted >= QUIC_PINGS_MAX)
		return P2P_ERR_AGAIN;
	q->pings_wanted++;
	q->may_send = true;
	return 0;
}

/* What is owned beside ngtcp2's memory, which is counted. */
static size_t own_memory(const struct quic_conn *q)
{
	size_t sum = sizeof(*q) + quic_stream_memory(q) + q->farewell.cap + q->held.data.cap;

	list_each (node, &q->routes)
		sum += sizeof(struct quic_route);
	return sum + (q->tls ? TLS_SESSION_BYTES : 0) + TLS_KEYS_BYTES;
}

void quic_info(const struct quic_conn *q, struct quic_info *ret)
{
	ngtcp2_conn_info wire;

	*ret = (struct quic_info){
		.is_proven = q->cipher != NULL,
		.inbound = q->inbound,
		.outbound = q->outbound,
		.queued_bytes = q->queued_bytes,
		.unread_bytes = q->unread_bytes,
		.memory = own_memory(q) + q->wire_bytes,
		.payload_bytes = QUIC_PAYLOAD_BYTES_MIN,
		.last_heard = q->heard_at,
	};
	quic_alias_real(ngtcp2_conn_get_path(q->wire), &ret->path);
	if (!ret->is_proven)
		return;
	ret->peer = q->peer.verdict.peer;
	ngtcp2_conn_get_conn_info(q->wire, &wire);
	ret->rtt_ns = quic_alias_rtt(q, wire.smoothed_rtt, wire.latest_rtt);
	if (!mono_before(q->now, q->mtu.held_until))
		ret->payload_bytes = ngtcp2_conn_get_path_max_tx_udp_payload_size(q->wire);
}
