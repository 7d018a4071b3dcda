/* SPDX-License-Identifier: Apache-2.0 */
/* net.c: hosts, connecting, and what hosts are told; packets are net_flow.c's. */
#include "tests/lib/net_parts.h"

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include <assert.h>
#include <stdlib.h>

#define SYN_US     1000000 /* sent again after 1 s, 2 s, 4 s */
#define SYN_TRIES  4
#define CONNECT_US 10000000

/* ---- connecting ---- */

static void send_syn(struct net_pipe *p)
{
	struct net *n = p->net;

	if (net_passes(n, p->end[0].host, p->end[1].host))
		(void)net_plan(n, net_delay(n), EVENT_SYN, p, 0);
	if (++p->syn_tries < SYN_TRIES)
		(void)net_plan(n, (int64_t)SYN_US << (p->syn_tries - 1), EVENT_SYN_AGAIN, p, 0);
}

struct net_pipe *net_connect(struct net *n, unsigned from, unsigned to, uint64_t ref)
{
	struct net_pipe *p = xcalloc(1, sizeof(*p));

	p->net = n;
	p->ref = ref;
	p->end[0] = (struct end){.host = from, .epoch = n->hosts[from].epoch, .open = true};
	p->end[1] = (struct end){.host = to};
	list_init(&p->flow[0].unacked);
	list_init(&p->flow[1].unacked);
	list_append(&n->pipes, &p->node);
	send_syn(p);
	(void)net_plan(n, CONNECT_US, EVENT_GIVE_UP, p, 0);
	return p;
}

static void syn_arrives(struct net_pipe *p)
{
	struct net *n = p->net;
	struct host *h = &n->hosts[p->end[1].host];
	bool back = net_passes(n, p->end[1].host, p->end[0].host);

	if (!h->up) {
		/* The machine runs, the program does not: refused at once. One that vanished has
		 * its packets cut, and they do not get here. */
		if (back)
			(void)net_plan(n, net_delay(n), EVENT_REFUSED, p, 0);
		return;
	}
	if (!p->end[1].open && !p->end[1].epoch) {
		p->end[1].epoch = h->epoch;
		p->end[1].open = true;
	}
	if (back)
		(void)net_plan(n, net_delay(n), EVENT_SYN_ACK, p, 0);
}

static void syn_ack_arrives(struct net_pipe *p)
{
	if (p->established || p->failed || !net_end_lives(p, 0))
		return;
	p->established = true;
	net_tell(p->net, p->end[1].host, TELL_OPEN, p, 1, 0, 0, NULL);
	net_tell(p->net, p->end[0].host, TELL_OPEN, p, 0, 0, 0, NULL);
}

static void connect_failed(struct net_pipe *p, int err)
{
	if (p->established || p->failed)
		return;
	p->failed = true;
	if (net_end_lives(p, 0))
		net_tell(p->net, p->end[0].host, TELL_FAILED, NULL, 0, p->ref, err, NULL);
	p->end[0].open = p->end[1].open = false;
}

/* ---- telling hosts ---- */

static void carry_out(struct net *n, struct event *e)
{
	const struct net_face *f = &n->o.face;
	struct bytes m;

	switch (e->kind) {
	case TELL_OPEN:
		if (e->pipe->end[e->end].open)
			f->on_open(f->of, e->host, e->pipe, e->end);
		break;
	case TELL_FAILED: f->on_failed(f->of, e->host, e->what, e->err); break;
	case TELL_MESSAGE:
		/* One that was closed meanwhile hears nothing more. */
		m = bytes_of(e->seg->data, e->seg->len);
		if (e->pipe->end[e->end].tag)
			f->on_message(f->of, e->host, e->pipe, e->end, m);
		break;
	case TELL_CLOSED:
		if (e->pipe->end[e->end].tag)
			f->on_closed(f->of, e->host, e->pipe, e->end);
		break;
	case TELL_TIMER: f->on_timer(f->of, e->host, e->what); break;
	case EVENT_SYN:
	case EVENT_SYN_ACK:
	case EVENT_SYN_AGAIN:
	case EVENT_REFUSED:
	case EVENT_GIVE_UP:
	case EVENT_SEG:
	case EVENT_ACK:
	case EVENT_RTO:
	case EVENT_RESET:
	case EVENT_POKE:
	case EVENT_TIMER: assert(false);
	}
}

static void tell_free(struct event *e)
{
	free(e->seg);
	net_event_free(e);
}

void net_tell(struct net *n, unsigned host, enum event_kind kind, struct net_pipe *p, unsigned end,
	uint64_t what, int err, struct seg *seg)
{
	struct event *e = xcalloc(1, sizeof(*e));

	*e = (struct event){.kind = kind,
		.pipe = p,
		.end = end,
		.host = host,
		.what = what,
		.err = err,
		.seg = seg,
		.epoch = n->hosts[host].epoch};
	if (p)
		p->events++;
	if (n->hosts[host].frozen || !list_is_empty(&n->hosts[host].inbox)) {
		list_append(&n->hosts[host].inbox, &e->node);
		return;
	}
	carry_out(n, e);
	tell_free(e);
}

/* ---- hosts ---- */

static void cut_off(struct net *n, unsigned host, bool cut)
{
	for (unsigned i = 0; i < n->o.hosts; i++)
		n->cut[host * n->o.hosts + i] = n->cut[i * n->o.hosts + host] = cut;
}

void net_start(struct net *n, unsigned host)
{
	assert(!n->hosts[host].up);
	n->hosts[host].up = true;
	n->hosts[host].epoch++;
	if (n->hosts[host].vanished)
		cut_off(n, host, false);
	n->hosts[host].vanished = false;
	n->hosts[host].crashed = false;
}

static void empty_inbox(struct host *h)
{
	list_each (node, &h->inbox)
		tell_free(list_entry(node, struct event, node));
	list_init(&h->inbox);
}

static void stop(struct net *n, unsigned host, bool say_so)
{
	struct host *h = &n->hosts[host];

	if (!h->up)
		return;
	list_each (node, &n->pipes) {
		struct net_pipe *p = list_entry(node, struct net_pipe, node);

		for (unsigned end = 0; end < 2; end++) {
			if (p->end[end].host != host || p->end[end].epoch != h->epoch)
				continue;
			p->end[end].tag = NULL;
			if (say_so && p->established && p->end[end].open)
				net_queue(p, end, BYTES_NONE, true);
			else
				net_flow_drop(&p->flow[end]);
			p->end[end].open = false;
		}
	}
	h->up = h->frozen = false;
	empty_inbox(h);
}

void net_kill(struct net *n, unsigned host)
{
	stop(n, host, true);
}

void net_crash(struct net *n, unsigned host)
{
	stop(n, host, false);
	n->hosts[host].crashed = true;
}

void net_vanish(struct net *n, unsigned host)
{
	stop(n, host, false);
	n->hosts[host].vanished = true;
	cut_off(n, host, true);
}

void net_freeze(struct net *n, unsigned host)
{
	n->hosts[host].frozen = true;
	n->hosts[host].frozen_at = n->now;
}

int64_t net_thaw(struct net *n, unsigned host)
{
	n->hosts[host].frozen = false;
	return mono_since_ms(n->now, n->hosts[host].frozen_at);
}

void net_thaw_rest(struct net *n, unsigned host)
{
	struct host *h = &n->hosts[host];
	struct list *node;

	while (h->up && !h->frozen && (node = list_first(&h->inbox))) {
		struct event *e = list_entry(node, struct event, node);

		list_remove(node);
		carry_out(n, e);
		tell_free(e);
	}
}

bool net_is_up(const struct net *n, unsigned host)
{
	return n->hosts[host].up;
}

bool net_is_frozen(const struct net *n, unsigned host)
{
	return n->hosts[host].frozen;
}

void net_cut(struct net *n, unsigned from, unsigned to, bool cut)
{
	n->cut[from * n->o.hosts + to] = cut;
}

void net_loss(struct net *n, unsigned percent)
{
	n->o.loss_percent = percent;
}

void net_latency(struct net *n, int64_t us_min, int64_t us_max)
{
	n->o.latency_us_min = us_min;
	n->o.latency_us_max = us_max;
}

/* ---- pipes in use ---- */

void net_send(struct net_pipe *p, unsigned end, struct bytes m)
{
	if (!p->established || !net_end_lives(p, end))
		return;
	p->net->messages++;
	p->net->bytes += m.len;
	net_queue(p, end, m, false);
}

void net_close(struct net_pipe *p, unsigned end)
{
	if (p->established && net_end_lives(p, end))
		net_queue(p, end, BYTES_NONE, true);
	p->failed |= !p->established;
	p->end[end].open = false;
	p->end[end].tag = NULL;
}

unsigned net_peer_of(const struct net_pipe *p, unsigned end)
{
	return p->end[!end].host;
}

uint64_t net_ref_of(const struct net_pipe *p)
{
	return p->ref;
}

void *net_tag(const struct net_pipe *p, unsigned end)
{
	return p->end[end].tag;
}

void net_set_tag(struct net_pipe *p, unsigned end, void *tag)
{
	p->end[end].tag = tag;
}

void net_after(struct net *n, unsigned host, int64_t us, uint64_t what)
{
	struct event *e = net_plan(n, us, EVENT_TIMER, NULL, 0);

	e->host = host;
	e->what = what;
	e->epoch = n->hosts[host].epoch;
}

/* ---- time ---- */

mono_t net_now(const struct net *n)
{
	return n->now;
}

struct rng *net_rng(struct net *n)
{
	return &n->rng.rng;
}

mono_t net_next(const struct net *n)
{
	return n->count ? n->heap[0]->at : MONO_NEVER;
}

void net_move(struct net *n, mono_t at)
{
	assert(!mono_before(at, n->now) && !mono_before(net_next(n), at));
	n->now = at;
}

static void pipe_free(struct net_pipe *p)
{
	list_remove(&p->node);
	net_flow_drop(&p->flow[0]);
	net_flow_drop(&p->flow[1]);
	free(p);
}

void net_step(struct net *n)
{
	struct event *e = net_heap_take(n);
	struct net_pipe *p = e->pipe;

	assert(mono_reached(e->at, n->now));
	switch (e->kind) {
	case EVENT_SYN: syn_arrives(p); break;
	case EVENT_SYN_ACK: syn_ack_arrives(p); break;
	case EVENT_SYN_AGAIN:
		if (!p->established && !p->failed && net_end_lives(p, 0))
			send_syn(p);
		break;
	case EVENT_REFUSED: connect_failed(p, P2P_ERR_REFUSED); break;
	case EVENT_GIVE_UP: connect_failed(p, P2P_ERR_TIMEOUT); break;
	case EVENT_SEG:
		net_seg_arrives(p, e->end, e->what);
		net_ack_arrives(p, !e->end, e->ack);
		break;
	case EVENT_ACK: net_ack_arrives(p, e->end, e->what); break;
	case EVENT_RTO: net_rto_rings(p, e->end, e->what); break;
	case EVENT_RESET: net_end_reset(p, e->end); break;
	case EVENT_POKE: net_poke_arrives(p, e->end); break;
	case EVENT_TIMER:
		if (n->hosts[e->host].up && n->hosts[e->host].epoch == e->epoch)
			net_tell(n, e->host, TELL_TIMER, NULL, 0, e->what, 0, NULL);
		break;
	case TELL_OPEN:
	case TELL_FAILED:
	case TELL_MESSAGE:
	case TELL_CLOSED:
	case TELL_TIMER: assert(false);
	}
	net_event_free(e);
	/* Nobody looks at it any more, and nothing is on the way. */
	if (p && p->events == 0 && !p->end[0].open && !p->end[1].open && !p->end[0].tag &&
		!p->end[1].tag)
		pipe_free(p);
}

uint64_t net_messages(const struct net *n)
{
	return n->messages;
}

uint64_t net_bytes_sent(const struct net *n)
{
	return n->bytes;
}

struct net *net_new(const struct net_opts *o)
{
	struct net *n = xcalloc(1, sizeof(*n));

	assert(o->hosts <= NET_HOSTS_MAX);
	n->o = *o;
	rng_seed(&n->rng, o->seed);
	n->now = (mono_t){NS_PER_SEC};
	n->hosts = xcalloc(o->hosts, sizeof(*n->hosts));
	n->cut = xcalloc((size_t)o->hosts * o->hosts, sizeof(*n->cut));
	for (unsigned i = 0; i < o->hosts; i++)
		list_init(&n->hosts[i].inbox);
	list_init(&n->pipes);
	return n;
}

void net_free(struct net *n)
{
	for (unsigned i = 0; i < n->o.hosts; i++)
		empty_inbox(&n->hosts[i]);
	while (n->count) {
		struct event *e = net_heap_take(n);

		net_event_free(e);
	}
	while (!list_is_empty(&n->pipes))
		pipe_free(list_entry(list_first(&n->pipes), struct net_pipe, node));
	free(n->heap);
	free(n->hosts);
	free(n->cut);
	free(n);
}
