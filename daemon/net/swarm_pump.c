/* SPDX-License-Identifier: Apache-2.0 */
/* swarm_pump.c: bytes and datagrams in, events out, deadlines, and the bound on memory.
 *
 * What arrives is handed to its conn and its events are told at once (they borrow the conn's
 * memory). Everything else (sending, ending, freeing) waits for the end of the turn, when no
 * caller is on the stack any more. */
#include <assert.h>
#include <string.h>

#include "daemon/net/swarm_private.h"
#include "proto/base/err.h"

#define KEEP_BYTES      (16 * 1024) /* of each shared buffer, between turns */

void swarm_touch(struct swarm_entry *e)
{
	if (e->dirty.next)
		return;
	list_append(&e->swarm->dirty, &e->dirty);
	loop_at_turn_end(e->swarm->opts.loop, &e->swarm->flush);
}

void swarm_abort(struct swarm_entry *e, int err, const char *why)
{
	if (e->is_over)
		return;
	conn_abort(e->conn, err, why);
	e->is_over = true;
	e->err = err;
	e->why = why;
	swarm_touch(e);
}

static void tell_state(struct swarm_entry *e)
{
	struct conn_info info;

	if (!e->birth.on_state)
		return;
	conn_info(e->conn, &info);
	if (info.state == e->state)
		return;
	e->state = info.state;
	e->birth.on_state(e->birth.arg, e->id, info.state);
}

static void settle(struct swarm_entry *e, int err, const char *why)
{
	if (e->is_settled)
		return;
	e->is_settled = true;
	if (e->birth.on_settled)
		e->birth.on_settled(e->birth.arg, e->id, err, why, &e->peer);
}

static void half_open_over(struct swarm_entry *e)
{
	if (!e->is_half_open)
		return;
	e->is_half_open = false;
	e->swarm->stats.half_open--;
	if (e->birth.on_half_open_over)
		e->birth.on_half_open_over(e->birth.arg, e->id);
}

/* The peer is told that it is not wanted; what it learns is no more than that. */
static void refuse(struct swarm_entry *e, const char *why)
{
	e->swarm->stats.judged_out++;
	e->is_ours = true;
	e->refusal = why;
	e->close_by = mono_add_ms(e->proven_at, SWARM_CLOSE_MS);
	conn_close(e->conn, "gated", e->proven_at);
}

static void on_proven(struct swarm_entry *e, const struct peer_id *peer)
{
	struct swarm *s = e->swarm;
	struct swarm_grant grant = {0};
	struct swarm_conn view;
	const char *why = "no_judge";

	e->peer = *peer;
	e->proven_at = loop_now(s->opts.loop);
	s->stats.proven++;
	tell_state(e);
	half_open_over(e);
	swarm_view(e, &view);
	if (s->judge)
		why = s->judge(s->judge_arg, &view, &grant);
	if (why) {
		refuse(e, why);
		return;
	}
	e->is_up = true;
	e->up_at = e->proven_at;
	e->is_expendable = grant.is_expendable;
	s->stats.up++;
	conn_admit(e->conn, &grant.conn, e->proven_at);
	settle(e, 0, "");
	swarm_view(e, &view);
	for (unsigned i = 0; i < s->watch_count; i++)
		if (s->watches[i].on_up)
			s->watches[i].on_up(s->watches[i].arg, &view);
}

static void on_pong(struct swarm_entry *e, int64_t rtt_ns)
{
	struct swarm *s = e->swarm;

	e->rtt_ns = rtt_ns;
	for (unsigned i = 0; i < s->watch_count; i++)
		if (s->watches[i].on_pong)
			s->watches[i].on_pong(s->watches[i].arg, e->id, rtt_ns);
}

static void on_event(struct swarm_entry *e, const struct conn_event *ev)
{
	struct swarm *s = e->swarm;

	switch (ev->kind) {
	case CONN_PROVEN:
		on_proven(e, ev->peer);
		break;
	case CONN_PONG:
		on_pong(e, ev->rtt_ns);
		break;
	case CONN_CLOSED:
		e->is_over = true;
		e->err = ev->err;
		e->why = ev->why;
		break;
	case CONN_STREAM_IN:
		s->stats.streams_in++;
		if (s->sink.on_event)
			s->sink.on_event(s->sink.arg, e->id, ev);
		else
			conn_reset_stream(e->conn, ev->stream);
		break;
	case CONN_STREAM_AGREED:
	case CONN_STREAM_REFUSED:
	case CONN_STREAM_DATA:
	case CONN_STREAM_END:
	case CONN_STREAM_RESET:
	case CONN_STREAM_ROOM:
		if (s->sink.on_event)
			s->sink.on_event(s->sink.arg, e->id, ev);
		break;
	}
}

void swarm_drain(struct swarm_entry *e)
{
	struct conn_event ev;

	assert(!e->is_draining); /* events come from the loop, never from inside an event */
	e->is_draining = true;
	while (!e->is_over && conn_next(e->conn, &ev))
		on_event(e, &ev);
	e->is_draining = false;
	if (!e->is_over)
		tell_state(e);
}

static void on_data(void *arg, struct bytes in)
{
	struct swarm_entry *e = arg;

	if (e->is_over)
		return;
	e->swarm->stats.bytes_in += in.len;
	(void)conn_recv(e->conn, in, loop_now(e->swarm->opts.loop)); /* CONN_CLOSED says it */
	swarm_drain(e);
	swarm_touch(e);
}

/* Somebody is there after all. */
static void settle_doubt(struct swarm_entry *e)
{
	struct conn_info info;

	if (mono_is_never(e->nobody_by))
		return;
	conn_info(e->conn, &info);
	if (mono_before(e->nobody_since, info.last_heard))
		e->nobody_by = MONO_NEVER;
}

void swarm_datagram(struct swarm_entry *e, const struct datagram *in)
{
	if (e->is_over)
		return;
	e->swarm->stats.quic_bytes_in += in->data.len;
	e->bytes_in += in->data.len;
	/* CONN_CLOSED says it */
	(void)conn_recv_datagram(e->conn, in, loop_now(e->swarm->opts.loop));
	swarm_drain(e);
	settle_doubt(e);
	swarm_touch(e);
}

void swarm_port_has_room(struct swarm *s, const struct quic_port *port)
{
	list_each(node, &s->by_age) {
		struct swarm_entry *e = list_entry(node, struct swarm_entry, by_age);

		if (e->port == port)
			swarm_touch(e);
	}
}

static bool is_at(const struct swarm_entry *e, const struct maddr_ip *remote)
{
	return e->remote.family == remote->family && e->remote.port == remote->port &&
		memcmp(e->remote.ip, remote->ip, sizeof(remote->ip)) == 0;
}

void swarm_port_unreachable(struct swarm *s, const struct quic_port *port,
	const struct maddr_ip *remote, int err)
{
	mono_t now = loop_now(s->opts.loop);

	list_each(node, &s->by_age) {
		struct swarm_entry *e = list_entry(node, struct swarm_entry, by_age);
		int64_t patience_ns = SWARM_UNREACHABLE_MS * NS_PER_MS;

		if (e->port != port || e->is_over || !is_at(e, remote))
			continue;
		if (!e->is_up && e->side == CONN_DIALER && !e->bytes_in) {
			swarm_abort(e, err, "");
			continue;
		}
		if (!e->is_up || !mono_is_never(e->nobody_by))
			continue;
		if (4 * e->rtt_ns > patience_ns)
			patience_ns = 4 * e->rtt_ns;
		e->nobody_since = now;
		e->nobody_by = mono_add_ns(now, patience_ns);
		conn_ping(e->conn, now);
		swarm_touch(e);
	}
}

static void on_room(void *arg)
{
	swarm_touch(arg);
}

static void on_end(void *arg, int err)
{
	struct swarm_entry *e = arg;

	if (!e->is_over)
		conn_eof(e->conn, err);
	swarm_touch(e);
}

const struct flow_handler swarm_flow_handler = {on_data, on_room, on_end};

void swarm_on_timer(void *arg, mono_t now)
{
	struct swarm_entry *e = arg;

	if (!e->is_over && mono_reached(conn_deadline(e->conn), now))
		conn_tick(e->conn, now);
	swarm_touch(e);
}

static void tell_heard(struct swarm_entry *e, mono_t last_heard)
{
	struct swarm *s = e->swarm;

	if (!e->is_up || e->is_ours || mono_cmp(last_heard, e->heard) == 0)
		return;
	e->heard = last_heard;
	for (unsigned i = 0; i < s->watch_count; i++)
		if (s->watches[i].on_heard)
			s->watches[i].on_heard(s->watches[i].arg, e->id);
}

static void count_memory(struct swarm_entry *e, size_t conn_memory)
{
	struct swarm *s = e->swarm;
	size_t memory = sizeof(*e) + conn_memory + carrier_queued(e);

	s->stats.memory += memory - e->memory;
	e->memory = memory;
}

static enum swarm_end end_of(const struct swarm_entry *e)
{
	if (e->is_ours)
		return SWARM_END_OURS;
	if (e->why && (strncmp(e->why, "remote_", 7) == 0 || strcmp(e->why, "transport_failed") == 0))
		return SWARM_END_REMOTE;
	return SWARM_END_ERROR;
}

static void count_end(const struct swarm_entry *e)
{
	struct swarm_stats *st = &e->swarm->stats;

	if (!e->is_up && !e->is_ours && peer_id_is_none(&e->peer)) {
		st->handshake_timeout += e->err == P2P_ERR_TIMEOUT;
		st->handshake_failed += e->err != P2P_ERR_TIMEOUT;
	}
	st->protocol_errors += e->err == P2P_ERR_PROTOCOL;
	st->up -= e->is_up;
}

/* Takes it out of the table, tells, frees. */
static void finish(struct swarm_entry *e)
{
	struct swarm *s = e->swarm;
	const struct swarm_watch *w = s->watches;
	struct swarm_conn view;
	enum swarm_end how = end_of(e);
	bool was_up = e->is_up;
	bool is_news = was_up || e->refusal || !e->is_ours;
	int err = e->refusal ? P2P_ERR_DENIED : e->err;
	const char *why = e->refusal ? e->refusal : e->why ? e->why : "";
	uint64_t id = e->id;

	(void)carrier_send(e); /* a goodbye */
	swarm_view(e, &view);
	half_open_over(e);
	settle(e, err, why);
	count_end(e);
	if (e->flow)
		carrier_end(e, true);
	swarm_entry_free(e);

	if (s->sink.on_conn_over)
		s->sink.on_conn_over(s->sink.arg, id, err);
	for (unsigned i = 0; i < s->watch_count; i++) {
		if (was_up && w[i].on_gone)
			w[i].on_gone(w[i].arg, &view, how, err, why);
		else if (!was_up && is_news && w[i].on_refused)
			w[i].on_refused(w[i].arg, &view, err, why);
	}
}

static void flush_one(struct swarm_entry *e)
{
	struct swarm *s = e->swarm;
	mono_t now = loop_now(s->opts.loop);
	struct conn_info info;
	bool goes_on = false;
	const char *why;
	mono_t give_up;
	int err;

	if (!e->is_over)
		swarm_drain(e);
	if (!e->is_over)
		goes_on = carrier_send(e);
	give_up = carrier_deadline(e, now, &err, &why);
	if (!e->is_over && mono_reached(e->close_by, now))
		swarm_abort(e, P2P_ERR_CLOSED, "closed");
	if (!e->is_over && mono_reached(give_up, now)) {
		s->stats.stalled += err == P2P_ERR_TIMEOUT;
		s->stats.unreachable += err != P2P_ERR_TIMEOUT;
		swarm_abort(e, err, why);
	}
	if (e->is_over) {
		finish(e);
		return;
	}
	carrier_read(e, conn_wants_recv(e->conn) && !e->is_paused);
	conn_info(e->conn, &info);
	if (e->port && e->is_up)
		e->remote = info.path.remote; /* it may have moved (RFC 9000 section 9) */
	count_memory(e, info.memory);
	tell_heard(e, info.last_heard);
	loop_timer_set(s->opts.loop, &e->timer,
		goes_on ? now : mono_min(mono_min(conn_deadline(e->conn), give_up), e->close_by));
}

static struct swarm_entry *largest(struct swarm *s, bool expendable_only, bool reading_only)
{
	struct swarm_entry *best = NULL;

	list_each(node, &s->by_age) {
		struct swarm_entry *e = list_entry(node, struct swarm_entry, by_age);

		if (e->is_over || e->is_ours || (expendable_only && !e->is_expendable) ||
			(reading_only && e->is_paused))
			continue;
		if (!best || e->memory > best->memory)
			best = e;
	}
	return best;
}

/* What a closed one owned is free when it is flushed, in this turn still. */
static void keep_memory_bound(struct swarm *s)
{
	struct swarm_entry *e;

	if (s->stats.memory > s->memory_hard) {
		e = largest(s, true, false);
		if (!e)
			e = largest(s, false, false);
		if (e) {
			s->stats.memory_hard++;
			swarm_abort(e, P2P_ERR_FULL, "memory");
		}
	}
	if (s->stats.memory > s->memory_soft) {
		e = largest(s, false, true);
		if (e) {
			s->stats.memory_soft++;
			s->paused++;
			e->is_paused = true;
			carrier_read(e, false);
		}
	} else if (s->paused && s->stats.memory < s->memory_soft / 4 * 3) {
		list_each(node, &s->by_age) {
			e = list_entry(node, struct swarm_entry, by_age);
			if (e->is_paused)
				swarm_touch(e); /* reading goes on there, unless conn has its own reason */
			e->is_paused = false;
		}
		s->paused = 0;
	}
}

void swarm_flush(void *arg)
{
	struct swarm *s = arg;
	struct list *node;

	while ((node = list_first(&s->dirty)) != NULL) {
		list_remove(node);
		flush_one(list_entry(node, struct swarm_entry, dirty));
	}
	keep_memory_bound(s);
	buf_reset(&s->out);
	buf_trim(&s->out, KEEP_BYTES);
	if (!s->scratch.user) {
		buf_reset(&s->scratch.plain);
		buf_trim(&s->scratch.plain, KEEP_BYTES);
	}
}
