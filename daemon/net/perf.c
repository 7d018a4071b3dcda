/* SPDX-License-Identifier: Apache-2.0 */
/* perf.c: streams for proto/libp2p/perf.h, both sides. */
#include "daemon/net/perf.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

struct perfs {
	struct streams *streams;
	struct loop *loop;
	struct list served, runs;
	unsigned run_count;
};

/* --- answering --- */

struct served {
	struct list node;
	struct stream *stream;
	struct perf_server server;
};

static void served_free(struct served *v)
{
	list_remove(&v->node);
	free(v);
}

static void give_up(struct served *v)
{
	stream_reset(v->stream);
	served_free(v);
}

static void served_write(struct served *v)
{
	mono_t now = loop_now(stream_loop(v->stream));
	struct bytes owed = perf_server_owed(&v->server);
	bool has_room = true;

	while (owed.len && has_room) { /* on_room goes on */
		size_t n = stream_write(v->stream, owed);

		perf_server_sent(&v->server, n, now);
		has_room = n == owed.len;
		owed = perf_server_owed(&v->server);
	}
	if (perf_server_is_done(&v->server))
		stream_end(v->stream);
	stream_set_deadline(v->stream, perf_server_deadline(&v->server));
}

static void served_on_data(struct stream *s, struct bytes in)
{
	struct served *v = stream_user(s);

	if (perf_server_recv(&v->server, in, loop_now(stream_loop(s))))
		give_up(v);
	else
		stream_set_deadline(s, perf_server_deadline(&v->server));
}

static void served_on_end(struct stream *s)
{
	struct served *v = stream_user(s);

	if (perf_server_end(&v->server, loop_now(stream_loop(s))))
		give_up(v);
	else
		served_write(v);
}

static void served_on_room(struct stream *s)
{
	served_write(stream_user(s));
}

static void served_on_gone(struct stream *s, int err)
{
	(void)err;
	served_free(stream_user(s));
}

static const struct stream_handler served_handler = {.on_data = served_on_data,
	.on_end = served_on_end,
	.on_room = served_on_room,
	.on_gone = served_on_gone};

static bool on_open(void *arg, struct stream *s)
{
	struct perfs *p = arg;
	struct served *v;
	unsigned same = 0;

	list_each(node, &p->served)
		same += stream_conn(list_entry(node, struct served, node)->stream) == stream_conn(s);
	if (same >= PERF_STREAMS_MAX)
		return false;
	v = xcalloc(1, sizeof(*v));
	v->stream = s;
	perf_server_init(&v->server, loop_now(p->loop));
	list_append(&p->served, &v->node);
	stream_attach(s, &served_handler, v, perf_server_deadline(&v->server));
	return true;
}

/* --- asking --- */

/* One stream of a run. */
struct lane {
	struct perf_run *run;
	struct stream *stream; /* NULL: not opened, or over */
	struct perf_client client;
	struct perf_result result;
	bool is_complete; /* `result` is written */
};

struct perf_run {
	struct list node;
	struct perfs *owner;
	struct perf_opts opts;
	struct perf_result result; /* of the lanes that are over */
	struct lane lanes[PERF_STREAMS_MAX]; /* the first opts.streams of them */
};

static void run_free(struct perf_run *r)
{
	list_remove(&r->node);
	r->owner->run_count--;
	free(r);
}

static void reset_lanes(struct perf_run *r)
{
	for (unsigned i = 0; i < r->opts.streams; i++) {
		if (r->lanes[i].stream)
			stream_reset(r->lanes[i].stream);
		r->lanes[i].stream = NULL;
	}
}

static void run_fail(struct perf_run *r, int err)
{
	struct perf_opts opts = r->opts;

	reset_lanes(r);
	run_free(r);
	opts.on_done(opts.arg, err, NULL);
}

static void run_done(struct perf_run *r)
{
	struct perf_opts opts = r->opts;
	struct perf_result result = r->result;

	run_free(r);
	opts.on_done(opts.arg, 0, &result);
}

/* Times are the clock's, read at each event: a turn may be long when this much moves. */
static mono_t lane_clock(const struct lane *l)
{
	return loop_clock(l->run->owner->loop);
}

static void lane_write(struct lane *l)
{
	struct bytes owed = perf_client_owed(&l->client);
	bool has_room = true;

	while (owed.len && has_room) { /* on_room goes on */
		size_t n = stream_write(l->stream, owed);

		perf_client_sent(&l->client, n, lane_clock(l));
		has_room = n == owed.len;
		owed = perf_client_owed(&l->client);
	}
	if (perf_client_is_done(&l->client))
		stream_end(l->stream);
	stream_set_deadline(l->stream, perf_client_deadline(&l->client));
}

/* Not earlier: the agreement is no part of the measurement, and a peer that does not speak the
 * protocol would see nonsense in what follows and reset the stream instead of saying so. */
static void lane_on_agreed(struct stream *s)
{
	struct lane *l = stream_user(s);
	const struct perf_opts *o = &l->run->opts;
	unsigned i = (unsigned)(l - l->run->lanes);

	perf_client_init(&l->client, perf_share(o->up, i, o->streams),
		perf_share(o->down, i, o->streams), lane_clock(l));
	lane_write(l);
}

static void lane_on_data(struct stream *s, struct bytes in)
{
	struct lane *l = stream_user(s);
	int err = perf_client_recv(&l->client, in, lane_clock(l));

	if (err)
		run_fail(l->run, err);
	else
		stream_set_deadline(s, perf_client_deadline(&l->client));
}

static void lane_on_end(struct stream *s)
{
	struct lane *l = stream_user(s);
	int err = perf_client_end(&l->client, lane_clock(l), &l->result);

	if (err)
		run_fail(l->run, err);
	else
		l->is_complete = true; /* on_gone follows: both directions have ended */
}

static void lane_on_room(struct stream *s)
{
	lane_write(stream_user(s));
}

static void lane_on_gone(struct stream *s, int err)
{
	struct lane *l = stream_user(s);
	struct perf_run *r = l->run;

	l->stream = NULL;
	if (!l->is_complete) {
		run_fail(r, err ? err : P2P_ERR_CLOSED);
		return;
	}
	perf_result_add(&r->result, &l->result);
	if (r->result.streams == r->opts.streams)
		run_done(r);
}

static const struct stream_handler lane_handler = {.on_agreed = lane_on_agreed,
	.on_data = lane_on_data,
	.on_end = lane_on_end,
	.on_room = lane_on_room,
	.on_gone = lane_on_gone};

static int open_lanes(struct perf_run *r)
{
	mono_t deadline = mono_add_ms(loop_now(r->owner->loop), PERF_IDLE_MS);
	int err = 0;

	for (unsigned i = 0; !err && i < r->opts.streams; i++) {
		r->lanes[i].run = r;
		err = stream_open(r->owner->streams, r->opts.conn, PERF_PROTOCOL, &lane_handler,
			&r->lanes[i], deadline, &r->lanes[i].stream);
	}
	return err;
}

int perf_run_start(struct perfs *p, const struct perf_opts *opts, struct perf_run **ret)
{
	struct perf_run *r;
	int err;

	assert(opts->streams >= 1 && opts->streams <= PERF_STREAMS_MAX);
	if (opts->up > PERF_BYTES_MAX || opts->down > PERF_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	if (p->run_count >= PERF_RUNS_MAX)
		return P2P_ERR_FULL;
	r = xcalloc(1, sizeof(*r));
	r->owner = p;
	r->opts = *opts;
	list_append(&p->runs, &r->node);
	p->run_count++;
	err = open_lanes(r);
	if (err) {
		perf_run_cancel(r);
		return err;
	}
	*ret = r;
	return 0;
}

void perf_run_cancel(struct perf_run *r)
{
	reset_lanes(r);
	run_free(r);
}

struct perfs *perfs_new(struct streams *st, bool serves)
{
	struct perfs *p = xcalloc(1, sizeof(*p));

	p->streams = st;
	p->loop = swarm_loop(streams_swarm(st));
	list_init(&p->served);
	list_init(&p->runs);
	if (serves)
		(void)streams_serve(st, PERF_PROTOCOL, on_open, p); /* served once a process */
	return p;
}

void perfs_free(struct perfs *p)
{
	if (!p)
		return;
	list_each(node, &p->served)
		served_free(list_entry(node, struct served, node));
	list_each(node, &p->runs)
		run_free(list_entry(node, struct perf_run, node));
	free(p);
}
