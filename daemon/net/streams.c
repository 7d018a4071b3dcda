/* SPDX-License-Identifier: Apache-2.0 */
/* streams.c: the table of live streams, by connection and the muxer's number.
 *
 * A stream that ended is out of the table at once but freed at the end of the turn: its owner may
 * have given it up from inside its own callback, with our caller still holding the pointer. */
#include "daemon/net/streams.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>

#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

struct stream_key {
	uint64_t conn;
	uint64_t number; /* the muxer's; 64 bits wide so that the key has no padding */
};

struct stream {
	struct stream_key key;
	struct streams *owner;
	const char *protocol;
	const struct stream_handler *handler; /* NULL until attached */
	void *user;
	struct peer_id peer;
	mono_t since;
	struct timer deadline;
	bool is_inbound;
	bool is_local_ended, is_remote_ended;
	bool is_dead;     /* out of the table: nothing is told any more */
	bool is_agreed;   /* outbound: the peer speaks the protocol */
	struct list link; /* in streams.live, or in streams.dead */
	UT_hash_handle hh;
};

/* What streams_keep() keeps. */
struct kept {
	struct kept *next;
	max_align_t data[];
};

struct streams {
	struct swarm *swarm;
	struct loop *loop;
	struct stream *table;
	struct list live, dead;
	struct turn_end sweep;
	struct {
		const char *protocol;
		bool (*on_open)(void *arg, struct stream *s);
		void *arg;
	} served[STREAMS_PROTOCOLS_MAX];
	size_t served_count;
	struct kept *kept;
};

static void on_event(void *arg, uint64_t conn, const struct conn_event *ev);
static void on_conn_over(void *arg, uint64_t conn, int err);

/* Frees the dead. */
static void sweep(void *arg)
{
	struct streams *st = arg;

	list_each(node, &st->dead) {
		list_remove(node);
		free(list_entry(node, struct stream, link));
	}
}

struct streams *streams_new(struct swarm *s)
{
	struct streams *st = xcalloc(1, sizeof(*st));

	st->swarm = s;
	st->loop = swarm_loop(s);
	list_init(&st->live);
	list_init(&st->dead);
	st->sweep = (struct turn_end){.run = sweep, .arg = st};
	swarm_set_sink(s,
		&(struct swarm_sink){.arg = st, .on_event = on_event, .on_conn_over = on_conn_over});
	return st;
}

static void bury(struct stream *s)
{
	struct streams *st = s->owner;

	assert(!s->is_dead);
	s->is_dead = true;
	HASH_DEL(st->table, s);
	loop_timer_stop(st->loop, &s->deadline);
	list_remove(&s->link);
	list_append(&st->dead, &s->link);
	loop_at_turn_end(st->loop, &st->sweep);
}

void streams_free(struct streams *st)
{
	if (!st)
		return;
	swarm_set_sink(st->swarm, NULL);
	list_each(node, &st->live)
		bury(list_entry(node, struct stream, link));
	sweep(st);
	loop_turn_end_cancel(&st->sweep);
	while (st->kept) {
		struct kept *next = st->kept->next;

		free(st->kept);
		st->kept = next;
	}
	free(st);
}

struct swarm *streams_swarm(const struct streams *st)
{
	return st->swarm;
}

static void count_opened(const struct stream *s, const char *result)
{
	metric_inc(M_STREAMS_OPENED, s->protocol, s->is_inbound ? "in" : "out", result);
}

/* One of ours that ends before the peer agreed never was open. */
static void count_unopened(const struct stream *s, int err)
{
	if (s->is_inbound || s->is_agreed)
		return;
	count_opened(s, err == P2P_ERR_UNSUPPORTED ? "unsupported"
			: err == P2P_ERR_TIMEOUT   ? "timeout"
			: err == P2P_ERR_REFUSED   ? "refused"
						   : "failed");
}

/* The last news of it. */
static void gone(struct stream *s, int err)
{
	count_unopened(s, err);
	bury(s);
	if (s->handler)
		s->handler->on_gone(s, err);
}

static void on_deadline(void *arg, mono_t now)
{
	struct stream *s = arg;

	(void)now;
	if (s->is_local_ended && s->is_remote_ended) {
		gone(s, 0);
		return;
	}
	swarm_reset_stream(s->owner->swarm, s->key.conn, (uint32_t)s->key.number);
	gone(s, P2P_ERR_TIMEOUT);
}

static struct stream *find(struct streams *st, uint64_t conn, uint32_t number)
{
	struct stream_key key = {conn, number};
	struct stream *s;

	HASH_FIND(hh, st->table, &key, sizeof(key), s);
	return s;
}

static struct stream *add(struct streams *st, uint64_t conn, uint32_t number, const char *protocol)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	struct swarm_conn c;

	s->key = (struct stream_key){conn, number};
	s->owner = st;
	s->protocol = protocol;
	if (swarm_get(st->swarm, conn, &c))
		s->peer = c.peer;
	s->since = loop_now(st->loop);
	s->deadline = TIMER(on_deadline, s);
	HASH_ADD(hh, st->table, key, sizeof(s->key), s);
	list_append(&st->live, &s->link);
	return s;
}

int streams_serve(struct streams *st, const char *protocol,
	bool (*on_open)(void *arg, struct stream *s), void *arg)
{
	for (size_t i = 0; i < st->served_count; i++)
		if (strcmp(st->served[i].protocol, protocol) == 0)
			return P2P_ERR_EXISTS;
	if (st->served_count == STREAMS_PROTOCOLS_MAX)
		return P2P_ERR_FULL;
	st->served[st->served_count].protocol = protocol;
	st->served[st->served_count].on_open = on_open;
	st->served[st->served_count].arg = arg;
	st->served_count++;
	return 0;
}

void *streams_keep(struct streams *st, const void *what, size_t len)
{
	struct kept *k = xmalloc(sizeof(*k) + len);

	k->next = st->kept;
	st->kept = k;
	memcpy(k->data, what, len);
	return k->data;
}

size_t streams_protocols(const struct streams *st, const char **ret)
{
	for (size_t i = 0; i < st->served_count; i++)
		ret[i] = st->served[i].protocol;
	return st->served_count;
}

/* The peer opened one for a protocol of its grant. */
static void open_inbound(struct streams *st, uint64_t conn, const struct conn_event *ev)
{
	struct stream *s;

	for (size_t i = 0; i < st->served_count; i++) {
		if (strcmp(st->served[i].protocol, ev->protocol) != 0)
			continue;
		if (HASH_COUNT(st->table) >= STREAMS_MAX)
			break;
		s = add(st, conn, ev->stream, st->served[i].protocol);
		s->is_inbound = true;
		if ((!st->served[i].on_open(st->served[i].arg, s) || !s->handler) && !s->is_dead) {
			s->handler = NULL;
			stream_reset(s);
			count_opened(s, "refused");
		} else {
			count_opened(s, "ok");
		}
		return;
	}
	metric_inc(M_STREAMS_OPENED, ev->protocol, "in", "refused");
	swarm_counters(st->swarm)->streams_refused++;
	swarm_reset_stream(st->swarm, conn, ev->stream);
}

static void on_remote_end(struct stream *s)
{
	s->is_remote_ended = true;
	if (s->handler->on_end)
		s->handler->on_end(s);
	if (!s->is_dead && s->is_local_ended)
		gone(s, 0);
}

static void on_event(void *arg, uint64_t conn, const struct conn_event *ev)
{
	struct streams *st = arg;
	struct stream *s;

	if (ev->kind == CONN_STREAM_IN) {
		open_inbound(st, conn, ev);
		return;
	}
	s = find(st, conn, ev->stream);
	if (!s) /* given up meanwhile */
		return;
	switch (ev->kind) {
	case CONN_STREAM_AGREED:
		s->is_agreed = true;
		count_opened(s, "ok");
		if (s->handler->on_agreed)
			s->handler->on_agreed(s);
		break;
	case CONN_STREAM_REFUSED:
		gone(s, ev->err ? ev->err : P2P_ERR_REFUSED);
		break;
	case CONN_STREAM_DATA:
		if (s->handler->on_data)
			s->handler->on_data(s, ev->data);
		break;
	case CONN_STREAM_END:
		on_remote_end(s);
		break;
	case CONN_STREAM_RESET:
		gone(s, P2P_ERR_RESET);
		break;
	case CONN_STREAM_ROOM:
		if (s->handler->on_room)
			s->handler->on_room(s);
		break;
	case CONN_STREAM_IN:
	case CONN_PROVEN:
	case CONN_PONG:
	case CONN_CLOSED:
		assert(!"no event of a live stream");
	}
}

static void on_conn_over(void *arg, uint64_t conn, int err)
{
	struct streams *st = arg;
	bool again;

	(void)err; /* to a stream they all look alike */
	/* on_gone may give up neighbours, so the walk starts anew after each one that was told. */
	do {
		again = false;
		list_each(node, &st->live) {
			struct stream *s = list_entry(node, struct stream, link);

			if (s->key.conn != conn)
				continue;
			gone(s, P2P_ERR_CLOSED);
			again = true;
			break;
		}
	} while (again);
}

int stream_open(struct streams *st, uint64_t conn, const char *protocol,
	const struct stream_handler *handler, void *user, mono_t deadline, struct stream **ret)
{
	struct stream *s;
	uint32_t number;
	int err;

	if (HASH_COUNT(st->table) >= STREAMS_MAX)
		return P2P_ERR_FULL;
	err = swarm_open_stream(st->swarm, conn, protocol, &number);
	if (err)
		return err;
	s = add(st, conn, number, protocol);
	stream_attach(s, handler, user, deadline);
	*ret = s;
	return 0;
}

void stream_attach(struct stream *s, const struct stream_handler *handler, void *user,
	mono_t deadline)
{
	assert(handler->on_gone);
	s->handler = handler;
	s->user = user;
	stream_set_deadline(s, deadline);
}

void *stream_user(const struct stream *s)
{
	return s->user;
}

uint64_t stream_conn(const struct stream *s)
{
	return s->key.conn;
}

const struct peer_id *stream_peer(const struct stream *s)
{
	return &s->peer;
}

const char *stream_protocol(const struct stream *s)
{
	return s->protocol;
}

bool stream_is_inbound(const struct stream *s)
{
	return s->is_inbound;
}

struct loop *stream_loop(const struct stream *s)
{
	return s->owner->loop;
}

void stream_set_deadline(struct stream *s, mono_t when)
{
	if (!s->is_dead && !(s->is_local_ended && s->is_remote_ended))
		loop_timer_set(s->owner->loop, &s->deadline, when);
}

size_t stream_write(struct stream *s, struct bytes data)
{
	if (s->is_dead || s->is_local_ended)
		return 0;
	return swarm_write(s->owner->swarm, s->key.conn, (uint32_t)s->key.number, data);
}

void stream_end(struct stream *s)
{
	if (s->is_dead || s->is_local_ended)
		return;
	s->is_local_ended = true;
	swarm_end_stream(s->owner->swarm, s->key.conn, (uint32_t)s->key.number);
	/* Ended on both sides now: told from the loop, never from inside this call. */
	if (s->is_remote_ended)
		loop_timer_set(s->owner->loop, &s->deadline, loop_now(s->owner->loop));
}

void stream_reset(struct stream *s)
{
	if (s->is_dead)
		return;
	if (!s->is_inbound && !s->is_agreed)
		count_opened(s, "cancelled");
	swarm_reset_stream(s->owner->swarm, s->key.conn, (uint32_t)s->key.number);
	bury(s);
}

bool streams_list(const struct streams *st, size_t *iter, struct stream_line *ret)
{
	size_t at = 0;

	list_each(node, &st->live) {
		const struct stream *s = list_entry(node, struct stream, link);

		if (at++ < *iter)
			continue;
		++*iter;
		*ret = (struct stream_line){
			.conn = s->key.conn,
			.protocol = s->protocol,
			.is_inbound = s->is_inbound,
			.age_ms = mono_since_ms(loop_now(st->loop), s->since),
		};
		return true;
	}
	return false;
}
