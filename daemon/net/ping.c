/* SPDX-License-Identifier: Apache-2.0 */
/* ping.c: streams for proto/libp2p/ping.h, both sides. */
#include "daemon/net/ping.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

struct pings {
	struct streams *streams;
	struct loop *loop;
	struct list echoes, runs;
	unsigned run_count;
};

/* --- answering --- */

struct echo {
	struct list node;
	struct stream *stream;
	struct ping_echo echo;
	bool is_remote_ended;
};

static void echo_free(struct echo *e)
{
	list_remove(&e->node);
	free(e);
}

static void echo_write(struct echo *e)
{
	struct bytes owed = ping_echo_owed(&e->echo);

	while (owed.len) {
		size_t n = stream_write(e->stream, owed);

		if (!n)
			return; /* on_room goes on */
		ping_echo_sent(&e->echo, n);
		owed = ping_echo_owed(&e->echo);
	}
	if (e->is_remote_ended)
		stream_end(e->stream);
	stream_set_deadline(e->stream, ping_echo_deadline(&e->echo));
}

static void echo_on_data(struct stream *s, struct bytes in)
{
	struct echo *e = stream_user(s);

	if (ping_echo_recv(&e->echo, in, loop_now(stream_loop(s)))) {
		stream_reset(s);
		echo_free(e);
		return;
	}
	echo_write(e);
}

static void echo_on_end(struct stream *s)
{
	struct echo *e = stream_user(s);

	e->is_remote_ended = true;
	echo_write(e);
}

static void echo_on_room(struct stream *s)
{
	echo_write(stream_user(s));
}

static void echo_on_gone(struct stream *s, int err)
{
	(void)err;
	echo_free(stream_user(s));
}

static const struct stream_handler echo_handler = {.on_data = echo_on_data,
	.on_end = echo_on_end,
	.on_room = echo_on_room,
	.on_gone = echo_on_gone};

static bool on_open(void *arg, struct stream *s)
{
	struct pings *p = arg;
	struct echo *e;
	unsigned same = 0;

	list_each(node, &p->echoes) {
		e = list_entry(node, struct echo, node);
		same += peer_id_eq(stream_peer(e->stream), stream_peer(s));
	}
	if (same >= PING_ECHO_STREAMS_MAX)
		return false;
	e = xcalloc(1, sizeof(*e));
	e->stream = s;
	ping_echo_init(&e->echo, loop_now(p->loop));
	list_append(&p->echoes, &e->node);
	stream_attach(s, &echo_handler, e, ping_echo_deadline(&e->echo));
	return true;
}

/* --- asking --- */

struct ping_run {
	struct list node;
	struct pings *owner;
	struct ping_opts opts;
	struct stream *stream;
	struct ping ping;
	mono_t next_at; /* of the following block */
	struct timer next;
	unsigned sent, received;
};

static void run_free(struct ping_run *r)
{
	loop_timer_stop(r->owner->loop, &r->next);
	list_remove(&r->node);
	r->owner->run_count--;
	free(r);
}

/* Tells how it went; the stream is dealt with by the caller. */
static void run_done(struct ping_run *r, int err)
{
	struct ping_opts opts = r->opts;
	unsigned sent = r->sent, received = r->received;

	run_free(r);
	if (opts.on_done)
		opts.on_done(opts.arg, err, sent, received);
}

/* Writes one block. A stream always has room for the first 32 bytes it is offered. */
static void send_block(struct ping_run *r)
{
	struct bytes block = ping_start(&r->ping, loop_clock(r->owner->loop));

	r->sent++;
	r->next_at = mono_add_ms(loop_now(r->owner->loop), r->opts.interval_ms);
	stream_set_deadline(r->stream, mono_add_ms(loop_now(r->owner->loop), PING_TIMEOUT_MS));
	if (stream_write(r->stream, block) != block.len) {
		stream_reset(r->stream);
		run_done(r, P2P_ERR_CLOSED);
	}
}

static void on_next(void *arg, mono_t now)
{
	(void)now;
	send_block(arg);
}

static void parted(struct stream *s, int err)
{
	(void)s;
	(void)err; /* all answers are in */
}

static const struct stream_handler parting_handler = {.on_gone = parted};

/* The last answer is in: our side ends, and the peer has a while to end its own. */
static void run_succeed(struct ping_run *r, int64_t rtt_ns)
{
	struct ping_opts opts = r->opts;
	unsigned sent = r->sent, received = r->received;

	stream_end(r->stream);
	stream_attach(r->stream, &parting_handler, NULL,
		mono_add_ms(loop_now(r->owner->loop), PING_TIMEOUT_MS));
	run_free(r);
	if (opts.on_echo)
		opts.on_echo(opts.arg, received, 0, rtt_ns);
	if (opts.on_done)
		opts.on_done(opts.arg, 0, sent, received);
}

static void run_on_data(struct stream *s, struct bytes in)
{
	struct ping_run *r = stream_user(s);
	int64_t rtt_ns = 0;
	int err = ping_recv(&r->ping, in, loop_clock(r->owner->loop), &rtt_ns);

	if (err == P2P_ERR_AGAIN)
		return;
	if (err) {
		stream_reset(s);
		run_done(r, err);
		return;
	}
	r->received++;
	if (r->received == r->opts.count) {
		run_succeed(r, rtt_ns);
		return;
	}
	stream_set_deadline(s, MONO_NEVER);
	loop_timer_set(r->owner->loop, &r->next, r->next_at);
	if (r->opts.on_echo)
		r->opts.on_echo(r->opts.arg, r->received, 0, rtt_ns);
}

static void run_on_gone(struct stream *s, int err)
{
	struct ping_run *r = stream_user(s);

	run_done(r, err ? err : P2P_ERR_CLOSED);
}

static const struct stream_handler run_handler = {.on_data = run_on_data, .on_gone = run_on_gone};

int ping_run_start(struct pings *p, const struct ping_opts *opts, struct ping_run **ret)
{
	struct ping_run *r;
	int err;

	if (opts->count == 0 || opts->count > PING_RUN_COUNT_MAX)
		return P2P_ERR_TOO_LARGE;
	if (p->run_count >= PING_RUNS_MAX)
		return P2P_ERR_FULL;
	r = xcalloc(1, sizeof(*r));
	r->owner = p;
	r->opts = *opts;
	r->next = TIMER(on_next, r);
	ping_init(&r->ping, swarm_rng(streams_swarm(p->streams)));
	list_append(&p->runs, &r->node);
	p->run_count++;
	err = stream_open(p->streams, opts->conn, PING_PROTOCOL, &run_handler, r,
		mono_add_ms(loop_now(p->loop), PING_TIMEOUT_MS), &r->stream);
	if (err) {
		run_free(r);
		return err;
	}
	/* The first leaves from the loop, so that whatever comes of it is told from there. */
	loop_timer_set(p->loop, &r->next, loop_now(p->loop));
	*ret = r;
	return 0;
}

void ping_run_cancel(struct ping_run *r)
{
	stream_reset(r->stream);
	run_free(r);
}

struct pings *pings_new(struct streams *st)
{
	struct pings *p = xcalloc(1, sizeof(*p));

	p->streams = st;
	p->loop = swarm_loop(streams_swarm(st));
	list_init(&p->echoes);
	list_init(&p->runs);
	(void)streams_serve(st, PING_PROTOCOL, on_open, p); /* served once a process */
	return p;
}

void pings_free(struct pings *p)
{
	if (!p)
		return;
	list_each(node, &p->echoes)
		echo_free(list_entry(node, struct echo, node));
	list_each(node, &p->runs)
		run_free(list_entry(node, struct ping_run, node));
	free(p);
}
