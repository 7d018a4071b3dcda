/* SPDX-License-Identifier: Apache-2.0 */
/* identify.c: the streams of identify; what they carry is proto/libp2p/identify.h's. */
#include "daemon/net/identify.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>

#include "daemon/net/ask_parts.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/libp2p/identify.h"

#define PROTOCOL_VERSION "p2pos/1.0.0"

/* A message on its way, in either direction. */
struct job {
	struct list node;
	struct identify_service *service;
	struct stream *stream;
	uint64_t conn;
	struct peer_id peer;
	enum { JOB_TELL, JOB_ASK, JOB_TAKE_PUSH } kind;
	bool is_told;           /* the news are out */
	struct outbox out;      /* JOB_TELL */
	enum maddr_reach reach; /* of the connection; of the others, like the next */
	/* Owned; only while there is a message. It has room for the longest, which many questions
	 * that wait at once, after a storm of dials, must not each keep ready. */
	struct identify_reader *reader;
};

/* A connection that is up. */
struct acquaintance {
	uint64_t conn;
	enum maddr_reach reach;
	struct maddr remote;
	bool takes_push;
	mono_t push_again; /* the next push is taken from here on */
	UT_hash_handle hh;
};

struct identify_service {
	struct identify_opts opts;
	struct swarm *swarm;
	struct loop *loop;
	struct list jobs;
	struct acquaintance *table;
	struct timer push;
	struct {
		identify_news_fn *fn;
		void *arg;
	} listeners[IDENTIFY_LISTENERS_MAX];
	unsigned listener_count;
};

static struct acquaintance *acquaintance(struct identify_service *i, uint64_t conn)
{
	struct acquaintance *a;

	HASH_FIND(hh, i->table, &conn, sizeof(conn), a);
	return a;
}

static struct job *job_new(struct identify_service *i, uint64_t conn, int kind)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->service = i;
	j->conn = conn;
	j->kind = kind;
	list_append(&i->jobs, &j->node);
	return j;
}

static void drop_reader(struct job *j)
{
	if (j->reader)
		identify_reader_deinit(j->reader);
	free(j->reader);
	j->reader = NULL;
}

static void job_free(struct job *j)
{
	list_remove(&j->node);
	buf_deinit(&j->out.data);
	drop_reader(j);
	free(j);
}

static bool has_job(const struct identify_service *i, uint64_t conn, int kind)
{
	list_each(node, &i->jobs) {
		const struct job *j = list_entry(node, struct job, node);

		if (j->conn == conn && (int)j->kind == kind && !j->is_told)
			return true;
	}
	return false;
}

/* --- saying --- */

static int encode(struct identify_service *i, const struct acquaintance *a, struct buf *out)
{
	const struct self *self = i->opts.self;
	struct maddr addrs[SELF_ADDRS_MAX];
	const char *protocols[STREAMS_PROTOCOLS_MAX];
	struct buf record = BUF_WITH_MAX(PEER_RECORD_BYTES_MAX);
	uint8_t public_pb[KEY_PUBLIC_PB_BYTES];
	struct key_public public;
	struct identify_self said = {
		.public_key = bytes_of(public_pb, sizeof(public_pb)),
		.peer = *self_peer(self),
		.addrs = addrs,
		.addr_count = self_addrs(self, &a->remote, addrs, SELF_ADDRS_MAX),
		.protocols = protocols,
		.protocol_count = streams_protocols(i->opts.streams, protocols),
		.protocol_version = PROTOCOL_VERSION,
		.agent = self_agent(self),
		.observed = a->remote,
	};
	int err;

	key_public_of(self_identity(self), &public);
	key_public_pb(&public, public_pb);
	if (self_record(i->opts.self, &a->remote, &record) == 0) /* else the message goes without */
		said.signed_record = buf_bytes(&record);
	err = identify_encode(&said, a->reach, out);
	buf_deinit(&record);
	return err;
}

static void tell_on_agreed(struct stream *s)
{
	struct job *j = stream_user(s);

	outbox_agreed(&j->out, s);
}

static void tell_on_room(struct stream *s)
{
	struct job *j = stream_user(s);

	if (j->out.data.len)
		outbox_send(&j->out, s);
}

static void tell_on_gone(struct stream *s, int err)
{
	(void)err; /* who did not listen will ask again */
	job_free(stream_user(s));
}

static const struct stream_handler tell_handler = {
	.on_agreed = tell_on_agreed, .on_room = tell_on_room, .on_gone = tell_on_gone};

static bool on_open_identify(void *arg, struct stream *s)
{
	struct identify_service *i = arg;
	const struct acquaintance *a = acquaintance(i, stream_conn(s));
	struct job *j;

	if (!a)
		return false;
	j = job_new(i, stream_conn(s), JOB_TELL);
	if (encode(i, a, &j->out.data)) {
		job_free(j);
		return false;
	}
	stream_attach(s, &tell_handler, j, mono_add_ms(loop_now(i->loop), IDENTIFY_MS));
	outbox_send(&j->out, s);
	return true;
}

static void push_to(struct identify_service *i, const struct acquaintance *a)
{
	struct job *j = job_new(i, a->conn, JOB_TELL);

	j->out.waits_for_agreement = true;
	if (encode(i, a, &j->out.data) ||
		stream_open(i->opts.streams, a->conn, IDENTIFY_PUSH_PROTOCOL, &tell_handler, j,
			mono_add_ms(loop_now(i->loop), IDENTIFY_MS), &j->stream)) {
		job_free(j);
		return;
	}
	outbox_send(&j->out, j->stream);
}

static void on_push_timer(void *arg, mono_t now)
{
	struct identify_service *i = arg;
	struct acquaintance *a, *next;

	(void)now;
	HASH_ITER(hh, i->table, a, next)
		if (a->takes_push)
			push_to(i, a);
}

void identify_push_all(struct identify_service *i)
{
	if (!timer_is_armed(&i->push))
		loop_timer_in_ms(i->loop, &i->push, IDENTIFY_PUSH_OUT_MS);
}

/* --- hearing --- */

static void tell_news(struct identify_service *i, const struct identify_news *news)
{
	for (unsigned n = 0; n < i->listener_count; n++)
		i->listeners[n].fn(i->listeners[n].arg, news);
}

static void news_failed(struct job *j, int err)
{
	j->is_told = true;
	tell_news(j->service,
		&(struct identify_news){.conn = j->conn,
			.peer = &j->peer,
			.err = err,
			.is_push = j->kind == JOB_TAKE_PUSH});
}

/* Into the peerbook: its own addresses and nobody else's. */
static void learn(struct job *j, const struct identify *said, enum maddr_reach reach)
{
	struct peerbook *book = j->service->opts.book;
	mono_t now = loop_now(j->service->loop);
	struct peer_record rec = {.peer = j->peer, .seq = said->record_seq};

	for (size_t n = 0; n < said->addr_count; n++)
		(void)peerbook_learn(book, &j->peer, &said->addrs[n], PEERBOOK_IDENTIFY, now);
	if (!said->addrs_signed)
		return;
	for (; rec.addr_count < said->addr_count && rec.addr_count < PEER_RECORD_ADDRS_MAX;
		rec.addr_count++)
		rec.addrs[rec.addr_count] = said->addrs[rec.addr_count];
	(void)peerbook_record(book, &rec, buf_bytes(&said->record), reach == MADDR_REACH_LOOPBACK,
		now); /* an old one changes nothing */
}

static void news(struct job *j, const struct identify *said)
{
	struct identify_service *i = j->service;
	struct bytes protocols[IDENTIFY_PROTOCOLS_MAX];
	struct acquaintance *a = acquaintance(i, j->conn);
	struct identify_news n = {
		.conn = j->conn,
		.peer = &j->peer,
		.is_push = j->kind == JOB_TAKE_PUSH,
		.protocols = protocols,
		.addrs = said->addrs,
		.addr_count = said->addr_count,
		.sealed_record = buf_bytes(&said->record),
		.agent = bytes_str(said->agent),
		.observed = said->observed,
	};

	for (const char *p = NULL; n.protocol_count < IDENTIFY_PROTOCOLS_MAX &&
		(p = identify_next_protocol(said, p)) != NULL;)
		protocols[n.protocol_count++] = bytes_str(p);
	j->is_told = true;
	learn(j, said, a ? a->reach : MADDR_REACH_PUBLIC);
	/* In a push what is not said stays as it was. */
	if (!n.is_push || n.protocol_count)
		peerbook_set_protocols(i->opts.book, &j->peer, protocols, n.protocol_count,
			loop_now(i->loop));
	if (said->agent[0])
		peerbook_set_agent(i->opts.book, &j->peer, n.agent);
	if (a && (!n.is_push || n.protocol_count))
		a->takes_push = identify_speaks(said, IDENTIFY_PUSH_PROTOCOL);
	tell_news(i, &n);
}

static struct identify_reader *reader_of(struct job *j)
{
	if (!j->reader) {
		j->reader = xmalloc(sizeof(*j->reader));
		identify_reader_init(j->reader, &j->peer, j->reach);
	}
	return j->reader;
}

static void hear_on_data(struct stream *s, struct bytes in)
{
	struct job *j = stream_user(s);
	int err = identify_reader_recv(reader_of(j), in);

	if (!err)
		return;
	stream_reset(s);
	news_failed(j, err);
	job_free(j);
}

static void hear_on_end(struct stream *s)
{
	struct job *j = stream_user(s);
	struct identify said;
	int err = identify_reader_end(reader_of(j), &said);

	drop_reader(j);
	stream_end(s);
	if (err) {
		news_failed(j, err);
		return;
	}
	news(j, &said);
	identify_deinit(&said);
}

static void hear_on_gone(struct stream *s, int err)
{
	struct job *j = stream_user(s);

	if (!j->is_told)
		news_failed(j, err ? err : P2P_ERR_TRUNCATED);
	job_free(j);
}

static const struct stream_handler hear_handler = {
	.on_data = hear_on_data, .on_end = hear_on_end, .on_gone = hear_on_gone};

int identify_ask(struct identify_service *i, uint64_t conn)
{
	const struct acquaintance *a = acquaintance(i, conn);
	struct job *j;
	int err;

	if (!a)
		return P2P_ERR_CLOSED;
	if (has_job(i, conn, JOB_ASK))
		return P2P_ERR_BUSY;
	j = job_new(i, conn, JOB_ASK);
	err = stream_open(i->opts.streams, conn, IDENTIFY_PROTOCOL, &hear_handler, j,
		mono_add_ms(loop_now(i->loop), IDENTIFY_MS), &j->stream);
	if (err) {
		job_free(j);
		return err;
	}
	j->peer = *stream_peer(j->stream);
	j->reach = a->reach;
	return 0;
}

static bool on_open_push(void *arg, struct stream *s)
{
	struct identify_service *i = arg;
	struct acquaintance *a = acquaintance(i, stream_conn(s));
	mono_t now = loop_now(i->loop);
	struct job *j;

	if (!a || !mono_reached(a->push_again, now) || has_job(i, a->conn, JOB_TAKE_PUSH))
		return false;
	a->push_again = mono_add_ms(now, IDENTIFY_PUSH_IN_MS);
	j = job_new(i, a->conn, JOB_TAKE_PUSH);
	j->stream = s;
	j->peer = *stream_peer(s);
	j->reach = a->reach;
	stream_attach(s, &hear_handler, j, mono_add_ms(now, IDENTIFY_MS));
	return true;
}

/* --- connections --- */

static void on_up(void *arg, const struct swarm_conn *c)
{
	struct identify_service *i = arg;
	struct acquaintance *a = xcalloc(1, sizeof(*a));

	a->conn = c->id;
	a->remote = c->remote;
	a->reach = maddr_reach(&c->remote);
	HASH_ADD(hh, i->table, conn, sizeof(a->conn), a);
	if (c->side == CONN_DIALER)
		peerbook_worked(i->opts.book, &c->peer, &c->remote, loop_now(i->loop));
	(void)identify_ask(i, c->id); /* when it cannot be asked, nothing is known of it */
}

static void on_gone(void *arg, const struct swarm_conn *c, enum swarm_end how, int err,
	const char *why)
{
	struct identify_service *i = arg;
	struct acquaintance *a = acquaintance(i, c->id);

	(void)how;
	(void)err;
	(void)why;
	if (a) {
		HASH_DEL(i->table, a);
		free(a);
	}
}

struct identify_service *identify_new(const struct identify_opts *opts)
{
	struct identify_service *i = xcalloc(1, sizeof(*i));

	i->opts = *opts;
	i->swarm = streams_swarm(opts->streams);
	i->loop = swarm_loop(i->swarm);
	i->push = TIMER(on_push_timer, i);
	list_init(&i->jobs);
	/* Served once a process, with room for both. */
	(void)streams_serve(opts->streams, IDENTIFY_PROTOCOL, on_open_identify, i);
	(void)streams_serve(opts->streams, IDENTIFY_PUSH_PROTOCOL, on_open_push, i);
	swarm_watch(i->swarm, &(struct swarm_watch){.arg = i, .on_up = on_up, .on_gone = on_gone});
	return i;
}

void identify_free(struct identify_service *i)
{
	struct acquaintance *a, *next;

	if (!i)
		return;
	list_each(node, &i->jobs)
		job_free(list_entry(node, struct job, node));
	HASH_ITER(hh, i->table, a, next) {
		HASH_DEL(i->table, a);
		free(a);
	}
	loop_timer_stop(i->loop, &i->push);
	free(i);
}

void identify_listen(struct identify_service *i, identify_news_fn *fn, void *arg)
{
	assert(i->listener_count < IDENTIFY_LISTENERS_MAX);
	i->listeners[i->listener_count].fn = fn;
	i->listeners[i->listener_count].arg = arg;
	i->listener_count++;
}
