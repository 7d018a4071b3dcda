/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/conn/mux.h"

#include <assert.h>

#include "proto/base/err.h"
#include "proto/quic/quic.h"

/* Growth of all receive windows together, in windows of full size. */
#define GROWN_WINDOWS_MAX 4
/* Yamux promises to keep each stream within this (performance.md D7). */
#define YAMUX_STREAM_BYTES 256

_Static_assert(MUX_RESET_NEGOTIATION == YAMUX_RESET_NEGOTIATION, "libp2p's codes");
_Static_assert(MUX_RESET_LIMIT == YAMUX_RESET_LIMIT, "libp2p's codes");
_Static_assert(CONN_STALL_MS_MAX == YAMUX_NO_PROGRESS_MS, "the muxer carries this one out");

/* Until the owner has judged. Nothing of the peer's streams is read before that anyway. */
static const struct yamux_limits before_judgement = {
	.inbound_max = 0,
	.outbound_max = CONN_STREAMS_OUT_MAX,
	.queue_bytes_max = YAMUX_INITIAL_WINDOW,
	.unread_bytes_max = YAMUX_INITIAL_WINDOW,
	.window_max = YAMUX_INITIAL_WINDOW,
};

static size_t at_most(size_t wanted, size_t max)
{
	return wanted < max ? wanted : max;
}

void mux_begin_yamux(struct mux *m, bool is_dialer, struct rng *rng)
{
	struct yamux_opts opts = {.is_client = is_dialer, .limits = before_judgement, .rng = rng};

	m->kind = MUX_YAMUX;
	yamux_init(&m->yamux, &opts);
}

void mux_deinit(struct mux *m)
{
	switch (m->kind) {
	case MUX_NONE: break;
	case MUX_YAMUX: yamux_deinit(&m->yamux); break;
	case MUX_QUIC: quic_free(m->quic); break;
	}
	m->kind = MUX_NONE;
}

void mux_recv(struct mux *m, struct bytes in, mono_t now)
{
	assert(m->kind == MUX_YAMUX);
	(void)yamux_recv(&m->yamux, in, now); /* one that has ended takes nothing */
}

void mux_send(struct mux *m, struct buf *out, size_t budget, mono_t now)
{
	assert(m->kind == MUX_YAMUX);
	(void)yamux_send(&m->yamux, out, budget, now); /* one that has ended gives nothing */
}

static void why_yamux_closed(enum yamux_why why, struct mux_event *e)
{
	switch (why) {
	case YAMUX_WHY_LOCAL: e->err = P2P_ERR_CLOSED; return;
	case YAMUX_WHY_PROTOCOL:
	case YAMUX_WHY_CHURN:
		e->err = P2P_ERR_PROTOCOL;
		e->why = why == YAMUX_WHY_CHURN ? "yamux_churn" : "yamux_protocol";
		e->tells_peer = true;
		return;
	case YAMUX_WHY_SLOW:
		e->err = P2P_ERR_TIMEOUT;
		e->why = "send_stalled";
		return;
	}
}

static struct mux_event event_of_yamux(const struct yamux_event *ev)
{
	struct mux_event e = {.stream = ev->stream, .data = ev->data, .rtt_ns = ev->rtt_ns};

	switch (ev->kind) {
	case YAMUX_OPENED: e.kind = MUX_OPENED; break;
	case YAMUX_DATA: e.kind = MUX_DATA; break;
	case YAMUX_FIN: e.kind = MUX_FIN; break;
	case YAMUX_RESET: e.kind = MUX_RESET; break;
	case YAMUX_WRITABLE: e.kind = MUX_WRITABLE; break;
	case YAMUX_PONG: e.kind = MUX_PONG; break;
	case YAMUX_GOAWAY:
		e.kind = MUX_GOODBYE;
		e.why = goodbye_word(ev->code);
		break;
	case YAMUX_CLOSED:
		e.kind = MUX_CLOSED;
		e.detail = ev->reason;
		why_yamux_closed(ev->why, &e);
		break;
	}
	return e;
}

static bool next_of_yamux(struct yamux *y, struct mux_event *ret)
{
	struct yamux_event ev;

	if (!yamux_next(y, &ev))
		return false;
	*ret = event_of_yamux(&ev);
	return true;
}

static void set_yamux_grant(struct yamux *y, const struct conn_grant *g)
{
	size_t window = at_most(g->window_bytes_max, YAMUX_BODY_BYTES_MAX);
	struct yamux_limits limits;

	if (window < YAMUX_INITIAL_WINDOW)
		window = YAMUX_INITIAL_WINDOW;
	limits = (struct yamux_limits){
		.inbound_max = (uint16_t)at_most(g->streams_in_max, YAMUX_STREAMS_MAX),
		.outbound_max = CONN_STREAMS_OUT_MAX,
		.queue_bytes_max = (uint32_t)at_most(g->send_bytes_max, YAMUX_BODY_BYTES_MAX),
		/* Nothing is ever left unread; this is a net below that. */
		.unread_bytes_max = YAMUX_INITIAL_WINDOW,
		.window_max = (uint32_t)window,
		.grown_bytes_max =
			(uint32_t)(GROWN_WINDOWS_MAX * (window - YAMUX_INITIAL_WINDOW)),
	};
	yamux_set_limits(y, &limits);
}

static struct mux_info info_of_yamux(const struct yamux *y)
{
	struct yamux_usage usage;

	yamux_usage(y, &usage);
	return (struct mux_info){
		.queued_bytes = usage.queued_bytes,
		/* Not usage.memory's exact sum over all streams: this is asked for each turn. */
		.memory = usage.queued_bytes + usage.unread_bytes +
			(usage.inbound + usage.outbound) * (size_t)YAMUX_STREAM_BYTES +
			y->slot_count * sizeof(y->slots[0]) + y->reply_cap * sizeof(y->replies[0]),
	};
}

static struct mux_info info_of_quic(const struct quic_conn *q)
{
	struct quic_info info;

	quic_info(q, &info);
	return (struct mux_info){
		.queued_bytes = info.queued_bytes,
		.memory = info.memory,
		.path = info.path,
		.last_heard = info.last_heard,
	};
}

/* ---- The face: one or the other ---- */

bool mux_next(struct mux *m, struct mux_event *ret)
{
	switch (m->kind) {
	case MUX_NONE: break;
	case MUX_YAMUX: return next_of_yamux(&m->yamux, ret);
	case MUX_QUIC: return over_quic_next(m->quic, ret);
	}
	return false;
}

bool mux_has_output(const struct mux *m)
{
	switch (m->kind) {
	case MUX_NONE: break;
	case MUX_YAMUX: return yamux_has_output(&m->yamux);
	case MUX_QUIC: return quic_has_output(m->quic);
	}
	return false;
}

bool mux_is_stalled(const struct mux *m)
{
	/* QUIC gives no credit for what it cannot take. */
	return m->kind == MUX_YAMUX && yamux_is_stalled(&m->yamux);
}

mono_t mux_deadline(const struct mux *m)
{
	switch (m->kind) {
	case MUX_NONE: break;
	case MUX_YAMUX: return yamux_deadline(&m->yamux);
	case MUX_QUIC: return quic_deadline(m->quic);
	}
	return MONO_NEVER;
}

void mux_tick(struct mux *m, mono_t now)
{
	if (m->kind == MUX_YAMUX)
		(void)yamux_tick(&m->yamux, now); /* its CLOSED event tells */
	else if (m->kind == MUX_QUIC)
		quic_tick(m->quic, now);
}

void mux_set_grant(struct mux *m, const struct conn_grant *grant)
{
	if (m->kind == MUX_YAMUX)
		set_yamux_grant(&m->yamux, grant);
	else if (m->kind == MUX_QUIC)
		over_quic_set_grant(m->quic, grant);
}

/* Only a conn that is open asks for what concerns one stream: there is a muxer then. */

int mux_open(struct mux *m, uint32_t *ret_stream)
{
	return m->kind == MUX_QUIC ? quic_open(m->quic, ret_stream)
				   : yamux_open(&m->yamux, ret_stream);
}

size_t mux_write(struct mux *m, uint32_t stream, struct bytes what)
{
	int taken = m->kind == MUX_QUIC ? quic_write(m->quic, stream, what)
					: yamux_write(&m->yamux, stream, what);

	return taken < 0 ? 0 : (size_t)taken;
}

size_t mux_room(const struct mux *m, uint32_t stream)
{
	return m->kind == MUX_QUIC ? quic_room(m->quic, stream) : yamux_room(&m->yamux, stream);
}

void mux_finish(struct mux *m, uint32_t stream)
{
	if (m->kind == MUX_QUIC)
		(void)quic_finish(m->quic, stream); /* gone: fine, here and below */
	else
		(void)yamux_finish(&m->yamux, stream);
}

void mux_reset(struct mux *m, uint32_t stream, enum mux_reset code)
{
	if (m->kind == MUX_QUIC)
		(void)quic_reset(m->quic, stream, code);
	else
		(void)yamux_reset(&m->yamux, stream, code);
}

struct bytes mux_unread(const struct mux *m, uint32_t stream)
{
	return m->kind == MUX_QUIC ? quic_unread(m->quic, stream)
				   : yamux_unread(&m->yamux, stream);
}

void mux_consumed(struct mux *m, uint32_t stream, size_t n)
{
	if (m->kind == MUX_QUIC)
		(void)quic_consumed(m->quic, stream, n);
	else if (m->kind == MUX_YAMUX)
		(void)yamux_consumed(&m->yamux, stream, n);
}

void mux_ping(struct mux *m)
{
	/* More than a few at once are not sent. */
	if (m->kind == MUX_QUIC)
		(void)quic_ping(m->quic);
	else
		(void)yamux_ping(&m->yamux);
}

void mux_goodbye(struct mux *m, const char *why, mono_t now)
{
	if (m->kind == MUX_QUIC)
		quic_close(m->quic, goodbye_code(why), now);
	else
		yamux_go_away(&m->yamux, goodbye_code(why));
}

void mux_info(const struct mux *m, struct mux_info *ret)
{
	*ret = (struct mux_info){0};
	if (m->kind == MUX_YAMUX)
		*ret = info_of_yamux(&m->yamux);
	else if (m->kind == MUX_QUIC)
		*ret = info_of_quic(m->quic);
}
