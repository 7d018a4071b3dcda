/* SPDX-License-Identifier: Apache-2.0 */
/* swarm.c: the table of connections and what can be asked of it. */
#include "daemon/net/swarm.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/net/quic_ports.h"
#include "daemon/net/swarm_private.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

void swarm_set_conns_max(struct swarm *s, uint32_t max)
{
	s->opts.conns_max = max ? max : SWARM_CONNS_MAX;
}

struct swarm *swarm_new(const struct swarm_opts *opts)
{
	struct swarm *s = xcalloc(1, sizeof(*s));
	struct key_public public;

	s->opts = *opts;
	swarm_set_conns_max(s, opts->conns_max);
	swarm_set_memory(s, SWARM_MEMORY_SOFT, SWARM_MEMORY_HARD);
	key_public_of(opts->identity, &public);
	key_public_pb(&public, s->identity_pb);
	key_peer_id(&public, &s->self);
	list_init(&s->by_age);
	list_init(&s->dirty);
	s->flush = (struct turn_end){.run = swarm_flush, .arg = s};
	return s;
}

void swarm_entry_free(struct swarm_entry *e)
{
	struct swarm *s = e->swarm;

	HASH_DEL(s->table, e);
	list_remove(&e->by_age);
	list_remove(&e->dirty);
	loop_timer_stop(s->opts.loop, &e->timer);
	s->stats.memory -= e->memory;
	s->paused -= e->is_paused;
	s->stats.conns--;
	conn_free(e->conn);
	carrier_end(e, false);
	free(e);
}

void swarm_free(struct swarm *s)
{
	if (!s)
		return;
	list_each(node, &s->by_age)
		swarm_entry_free(list_entry(node, struct swarm_entry, by_age));
	loop_turn_end_cancel(&s->flush);
	buf_deinit(&s->out);
	buf_deinit(&s->scratch.plain);
	free(s);
}

const struct peer_id *swarm_self(const struct swarm *s)
{
	return &s->self;
}

unsigned swarm_security_count(const struct swarm *s)
{
	return s->opts.security_count;
}

struct loop *swarm_loop(const struct swarm *s)
{
	return s->opts.loop;
}

struct rng *swarm_rng(const struct swarm *s)
{
	return s->opts.rng;
}

void swarm_set_judge(struct swarm *s, swarm_judge_fn *judge, void *arg)
{
	s->judge = judge;
	s->judge_arg = arg;
}

void swarm_watch(struct swarm *s, const struct swarm_watch *w)
{
	assert(s->watch_count < SWARM_WATCHES_MAX);
	s->watches[s->watch_count++] = *w;
}

void swarm_set_sink(struct swarm *s, const struct swarm_sink *sink)
{
	s->sink = sink ? *sink : (struct swarm_sink){0};
}

void swarm_set_memory(struct swarm *s, size_t soft, size_t hard)
{
	s->memory_soft = soft;
	s->memory_hard = hard;
}

struct swarm_stats *swarm_counters(struct swarm *s)
{
	return &s->stats;
}

void swarm_stats(const struct swarm *s, struct swarm_stats *ret)
{
	*ret = s->stats;
}

struct swarm_entry *swarm_entry(struct swarm *s, uint64_t id)
{
	struct swarm_entry *e;

	HASH_FIND(hh, s->table, &id, sizeof(id), e);
	return e;
}

/* One that still takes orders; NULL when it is gone or ending. */
static struct swarm_entry *live(struct swarm *s, uint64_t id)
{
	struct swarm_entry *e = swarm_entry(s, id);

	return e && !e->is_over && !e->is_ours ? e : NULL;
}

static void place(const struct swarm_entry *e, const struct maddr_ip *ip, struct maddr *ret)
{
	if (e->port)
		maddr_from_ip_quic(ip, ret);
	else
		maddr_from_ip_tcp(ip, ret);
}

void swarm_view(const struct swarm_entry *e, struct swarm_conn *ret)
{
	struct conn_info info;

	conn_info(e->conn, &info);
	*ret = (struct swarm_conn){
		.id = e->id,
		.peer = e->peer,
		.side = e->side,
		.dial = e->dial,
		.is_up = e->is_up && !e->is_over && !e->is_ours,
		.transport = e->port ? "quic-v1" : "tcp",
		.security = info.security,
		.muxer = info.muxer,
		.state = info.state,
		.early_muxer = info.early_muxer,
		.since = e->since,
		.proven_at = e->proven_at,
		.up_at = e->up_at,
		.last_heard = info.last_heard,
		.rtt_ns = e->rtt_ns,
		.streams_in = info.streams_in,
		.streams_out = info.streams_out,
		.bytes_in = carrier_bytes_in(e),
		.bytes_out = carrier_bytes_out(e),
		.memory = e->memory,
		.user = e->user,
	};
	place(e, &e->remote, &ret->remote);
	place(e, &e->local, &ret->local);
}

bool swarm_get(struct swarm *s, uint64_t conn, struct swarm_conn *ret)
{
	struct swarm_entry *e = swarm_entry(s, conn);

	if (e && ret)
		swarm_view(e, ret);
	return e != NULL;
}

uint64_t swarm_find(struct swarm *s, const struct peer_id *peer)
{
	for (struct list *node = s->by_age.prev; node != &s->by_age; node = node->prev) {
		const struct swarm_entry *e = list_entry(node, struct swarm_entry, by_age);

		if (e->is_up && !e->is_over && !e->is_ours && peer_id_eq(&e->peer, peer))
			return e->id;
	}
	return 0;
}

uint64_t swarm_next(struct swarm *s, uint64_t conn)
{
	const struct swarm_entry *e = conn ? swarm_entry(s, conn) : NULL;

	if (e || !conn) {
		const struct list *next = e ? e->by_age.next : s->by_age.next;

		return next == &s->by_age ? 0 : list_entry(next, struct swarm_entry, by_age)->id;
	}
	/* The one we stood at is gone meanwhile; numbers only grow, so its place can be found. */
	list_each(node, &s->by_age)
		if (list_entry(node, struct swarm_entry, by_age)->id > conn)
			return list_entry(node, struct swarm_entry, by_age)->id;
	return 0;
}

static bool is_full(struct swarm *s)
{
	if (s->stats.conns < s->opts.conns_max + SWARM_CONNS_SPARE)
		return false;
	s->stats.refused_table++;
	return true;
}

static void conn_opts_of(const struct swarm *s, enum conn_side side,
	const struct peer_id *expected, unsigned security_from, struct conn_opts *ret)
{
	const enum conn_security *securities = s->opts.securities + security_from;

	assert(security_from == 0 || security_from < s->opts.security_count);
	*ret = (struct conn_opts){
		.side = side,
		.identity = s->opts.identity,
		.identity_pb = s->identity_pb,
		.noise = s->opts.noise,
		.tls = s->opts.tls,
		.security_count = (uint8_t)(s->opts.security_count - security_from),
		.wall = loop_wall(s->opts.loop),
		.rng = s->opts.rng,
		.scratch = (struct conn_scratch *)&s->scratch,
		.expected = expected ? *expected : PEER_ID_NONE,
		.now = loop_now(s->opts.loop),
	};
	memcpy(ret->securities, securities, ret->security_count * sizeof(*securities));
}

/* Into the table, with its conn and what carries it already in place. */
static uint64_t enter(struct swarm_entry *e, struct swarm *s, const struct swarm_birth *birth)
{
	e->id = ++s->last_id;
	e->swarm = s;
	e->since = loop_now(s->opts.loop);
	e->stuck_at = MONO_NEVER;
	e->close_by = MONO_NEVER;
	e->nobody_by = MONO_NEVER;
	e->is_half_open = true;
	e->is_settled = !birth;
	if (birth) {
		e->birth = *birth;
		e->dial = birth->dial;
	}
	e->timer = TIMER(swarm_on_timer, e);
	HASH_ADD(hh, s->table, id, sizeof(e->id), e);
	list_append(&s->by_age, &e->by_age);
	s->stats.conns++;
	s->stats.half_open++;
	s->stats.accepted += e->side == CONN_LISTENER;
	swarm_touch(e);
	return e->id;
}

uint64_t swarm_take(struct swarm *s, struct flow *take_flow, enum conn_side side,
	const struct peer_id *expected, const struct maddr_ip *remote, const struct maddr_ip *local,
	const struct swarm_birth *birth)
{
	struct swarm_entry *e;
	struct conn_opts opts;

	if (is_full(s)) {
		flow_close(take_flow);
		return 0;
	}
	conn_opts_of(s, side, expected, birth ? birth->security_from : 0, &opts);
	e = xcalloc(1, sizeof(*e));
	*e = (struct swarm_entry){.flow = take_flow, .conn = conn_new(&opts), .side = side,
		.remote = *remote, .local = *local};
	flow_start(take_flow, &swarm_flow_handler, e);
	return enter(e, s, birth);
}

uint64_t swarm_take_quic(struct swarm *s, struct quic_port *port, struct quic_conn *take_quic,
	enum conn_side side, const struct peer_id *expected, const struct datagram_path *path,
	const struct swarm_birth *birth)
{
	struct swarm_entry *e;
	struct conn_opts opts;

	quic_port_hold(port);
	if (is_full(s)) {
		quic_free(take_quic);
		quic_port_release(port);
		return 0;
	}
	conn_opts_of(s, side, expected, 0, &opts);
	e = xcalloc(1, sizeof(*e));
	*e = (struct swarm_entry){.port = port, .conn = conn_new_quic(&opts, take_quic),
		.side = side, .remote = path->remote, .local = path->local};
	quic_set_user(take_quic, e);
	return enter(e, s, birth);
}

void swarm_forget_birth(struct swarm *s, uint64_t conn)
{
	struct swarm_entry *e = swarm_entry(s, conn);

	if (!e)
		return;
	e->birth = (struct swarm_birth){0};
	e->is_settled = true;
}

void swarm_regrant(struct swarm *s, uint64_t conn, const struct swarm_grant *grant)
{
	struct swarm_entry *e = live(s, conn);

	if (!e || !e->is_up)
		return;
	e->is_expendable = grant->is_expendable;
	conn_admit(e->conn, &grant->conn, loop_now(s->opts.loop));
	swarm_touch(e);
}

void swarm_close(struct swarm *s, uint64_t conn, const char *why)
{
	struct swarm_entry *e = live(s, conn);
	mono_t now = loop_now(s->opts.loop);

	if (!e)
		return;
	e->is_ours = true;
	e->close_by = mono_add_ms(now, SWARM_CLOSE_MS);
	if (e->is_up)
		conn_close(e->conn, why, now);
	else
		swarm_abort(e, P2P_ERR_CLOSED, why);
	swarm_touch(e);
}

void swarm_close_all(struct swarm *s, const char *why)
{
	list_each(node, &s->by_age)
		swarm_close(s, list_entry(node, struct swarm_entry, by_age)->id, why);
}

void swarm_ping(struct swarm *s, uint64_t conn)
{
	struct swarm_entry *e = live(s, conn);

	if (!e || !e->is_up)
		return;
	conn_ping(e->conn, loop_now(s->opts.loop));
	swarm_touch(e);
}

void swarm_poke(struct swarm *s, uint64_t conn)
{
	struct swarm_entry *e = live(s, conn);

	if (e && e->is_up)
		carrier_poke(e);
}

void swarm_set_user(struct swarm *s, uint64_t conn, void *user)
{
	struct swarm_entry *e = swarm_entry(s, conn);

	if (e)
		e->user = user;
}

int swarm_open_stream(struct swarm *s, uint64_t conn, const char *protocol, uint32_t *ret_stream)
{
	struct swarm_entry *e = live(s, conn);
	int err;

	if (!e)
		return P2P_ERR_CLOSED;
	err = conn_open_stream(e->conn, protocol, loop_now(s->opts.loop), ret_stream);
	if (!err) {
		s->stats.streams_out++;
		swarm_touch(e);
	}
	return err;
}

size_t swarm_write(struct swarm *s, uint64_t conn, uint32_t stream, struct bytes data)
{
	struct swarm_entry *e = live(s, conn);
	size_t n;

	if (!e)
		return 0;
	n = conn_write(e->conn, stream, data);
	swarm_touch(e);
	return n;
}

void swarm_end_stream(struct swarm *s, uint64_t conn, uint32_t stream)
{
	struct swarm_entry *e = live(s, conn);

	if (!e)
		return;
	conn_end_stream(e->conn, stream);
	swarm_touch(e);
}

void swarm_reset_stream(struct swarm *s, uint64_t conn, uint32_t stream)
{
	struct swarm_entry *e = live(s, conn);

	if (!e)
		return;
	conn_reset_stream(e->conn, stream);
	swarm_touch(e);
}
