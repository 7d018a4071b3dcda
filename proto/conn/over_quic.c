/* SPDX-License-Identifier: Apache-2.0 */
/* A conn over QUIC: datagrams in and out, and what the connection tells in the words of mux.h. The
 * security and the muxer are QUIC's own, so a conn begins as `securing` and has nothing to agree
 * upon but the protocols of its streams. */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/conn/ladder.h"
#include "proto/quic/quic.h"

#define BUDGET_BYTES_MIN 4096 /* as over a pipe; any datagram fits in */
/* What an application's close is called on its way through a handshake that is not done on both
 * sides: its own code is for the peer that is proven (RFC 9000 section 10.2.3). */
#define APPLICATION_ERROR 0x0c

static size_t at_most(size_t wanted, size_t max)
{
	return wanted < max ? wanted : max;
}

struct conn *conn_new_quic(const struct conn_opts *opts, struct quic_conn *take_quic)
{
	struct conn *c = conn_begin(opts, AT_SECURING);

	c->ready_by = mono_add_ms(c->now, CONN_READY_MS_MAX);
	c->step_by = MONO_NEVER; /* the handshake's is QUIC's own */
	c->is_quic = true;
	c->mux.kind = MUX_QUIC;
	c->mux.quic = take_quic;
	c->ask_again = true; /* an accepted one has read its first datagram */
	return c;
}

int conn_recv_datagram(struct conn *c, const struct datagram *in, mono_t now)
{
	assert(c->is_quic);
	if (conn_at(c) == AT_CLOSED)
		return P2P_ERR_CLOSED;
	/* Who says goodbye listens no more. */
	if (conn_at(c) == AT_CLOSING)
		return 0;
	c->now = now;
	return quic_recv(c->mux.quic, in, now);
}

bool conn_send_train(struct conn *c, struct buf *out, size_t budget, mono_t now,
	struct datagram_train *ret_train)
{
	bool sent;

	assert(c->is_quic);
	if (conn_at(c) != AT_CLOSED)
		c->now = now;
	if (!conn_may_send(c))
		return false;
	if (budget < BUDGET_BYTES_MIN)
		budget = BUDGET_BYTES_MIN;
	sent = quic_send(c->mux.quic, out, budget, now, ret_train);
	if (conn_at(c) == AT_CLOSED) {
		c->farewell = sent; /* until that was all */
		return sent;
	}
	/* A connection that waits for nothing any more, not even for its idle time, has ended in
	 * there, and has that to tell. */
	if (mono_is_never(quic_deadline(c->mux.quic)) || (sent && c->wrote_short))
		c->ask_again = true;
	return sent;
}

/* ---- QUIC as a muxer ---- */

static void why_quic_closed(const struct quic_event *ev, struct mux_event *e)
{
	e->kind = MUX_CLOSED;
	e->err = ev->err;
	e->why = ev->why;
	e->detail = ev->detail;
	e->tells_peer = true; /* when there is anything left to tell */
	if (strcmp(ev->why, "local") == 0) {
		e->why = NULL;
	} else if (strcmp(ev->why, "remote_close") == 0) {
		e->why = goodbye_word(ev->code);
	} else if (strcmp(ev->why, "remote_error") == 0 && ev->code == APPLICATION_ERROR) {
		e->err = P2P_ERR_CLOSED;
		e->why = goodbye_word(0);
	}
}

bool over_quic_next(struct quic_conn *q, struct mux_event *ret)
{
	struct quic_event ev;

	if (!quic_next(q, &ev))
		return false;
	*ret = (struct mux_event){
		.stream = ev.stream, .data = ev.data, .rtt_ns = ev.rtt_ns, .peer = ev.peer};
	switch (ev.kind) {
	case QUIC_PROVEN: ret->kind = MUX_PROVEN; break;
	case QUIC_OPENED: ret->kind = MUX_OPENED; break;
	case QUIC_DATA: ret->kind = MUX_DATA; break;
	case QUIC_FIN: ret->kind = MUX_FIN; break;
	case QUIC_RESET: ret->kind = MUX_RESET; break;
	case QUIC_WRITABLE: ret->kind = MUX_WRITABLE; break;
	case QUIC_PONG: ret->kind = MUX_PONG; break;
	case QUIC_CLOSED: why_quic_closed(&ev, ret); break;
	}
	return true;
}

void over_quic_set_grant(struct quic_conn *q, const struct conn_grant *g)
{
	struct quic_limits limits = {
		.inbound_max = (uint16_t)at_most(g->streams_in_max, QUIC_STREAMS_MAX),
		.outbound_max = CONN_STREAMS_OUT_MAX,
		.queue_bytes_max = (uint32_t)at_most(g->send_bytes_max, UINT32_MAX),
		/* Nothing is left unread but what came before the peer was admitted. */
		.unread_bytes_max = QUIC_CONN_WINDOW_BYTES,
		.window_max = g->window_bytes_max,
		.cid_life_ms = QUIC_CID_LIFE_MS,
	};

	if (limits.window_max < QUIC_WINDOW_BYTES)
		limits.window_max = QUIC_WINDOW_BYTES;
	quic_set_limits(q, &limits);
}
