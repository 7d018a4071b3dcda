/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/net.h"

#include "proto/base/err.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include <assert.h>
#include <stdlib.h>

#define RTO_US        200000
#define RTO_SHIFT_MAX 9       /* about a hundred seconds, as Linux has it */
#define RTO_TRIES     12      /* then the kernel gives the pipe up */
#define SYN_US        1000000 /* sent again after 1 s, 2 s, 4 s */
#define SYN_TRIES     4
#define CONNECT_US    10000000

struct seg {
	struct list node;
	uint64_t number;
	bool received, is_fin;
	size_t len;
	uint8_t data[];
};

/* One direction: what end `i` sent and has not seen acknowledged. */
struct flow {
	struct list unacked;
	uint64_t next_number, next_wanted; /* of the sender, of the receiver */
	unsigned backoff;
	bool timing; /* an RTO event is out */
	bool probed; /* the first one was but a tail loss probe: it does not back off */
	uint64_t timer_turn;
};

struct end {
	unsigned host;
	uint64_t epoch; /* of the process that owns it */
	bool open;      /* that process may still use it */
	void *tag;
};

struct net_pipe {
	struct net *net;
	struct list node;
	uint64_t ref;
	bool established, failed;
	unsigned syn_tries;
	unsigned events; /* out that point here */
	struct end end[2];
	struct flow flow[2];
};

struct host {
	bool up, frozen, vanished;
	uint64_t epoch;
	mono_t frozen_at;
	struct list inbox; /* of struct event */
};

enum event_kind {
	EVENT_SYN, EVENT_SYN_ACK, EVENT_SYN_AGAIN, EVENT_REFUSED, EVENT_GIVE_UP, EVENT_SEG, EVENT_ACK, EVENT_RTO,
	EVENT_RESET, EVENT_TIMER,
	/* told to a host */
	TELL_OPEN, TELL_FAILED, TELL_MESSAGE, TELL_CLOSED, TELL_TIMER,
};

struct event {
	struct list node;
	mono_t at;
	uint64_t turn;
	enum event_kind kind;
	struct net_pipe *pipe;
	unsigned end, host;
	uint64_t what; /* segment or ack number, timer, epoch */
	uint64_t ack;
	uint64_t epoch;
	int err;
	struct seg *seg;
};

struct net {
	struct net_opts o;
	struct rng_seeded rng;
	mono_t now;
	struct event **heap;
	size_t count, cap;
	uint64_t turns, messages, bytes;
	struct host *hosts;
	bool *cut;
	struct list pipes;
};

/* ---- the queue of events ---- */

static bool comes_before(const struct event *a, const struct event *b)
{
	int c = mono_cmp(a->at, b->at);

	return c ? c < 0 : a->turn < b->turn;
}

static void heap_put(struct net *n, struct event *e)
{
	size_t i;

	if (n->count == n->cap) {
		n->cap = n->cap ? n->cap * 2 : 256;
		n->heap = xrealloc(n->heap, n->cap * sizeof(*n->heap));
	}
	for (i = n->count++; i > 0 && comes_before(e, n->heap[(i - 1) / 2]); i = (i - 1) / 2)
		n->heap[i] = n->heap[(i - 1) / 2];
	n->heap[i] = e;
}

static struct event *heap_take(struct net *n)
{
	struct event *first = n->heap[0], *last = n->heap[--n->count];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= n->count)
			break;
		if (c + 1 < n->count && comes_before(n->heap[c + 1], n->heap[c]))
			c++;
		if (!comes_before(n->heap[c], last))
			break;
		n->heap[i] = n->heap[c];
		i = c;
	}
	n->heap[i] = last;
	return first;
}

static struct event *plan(struct net *n, int64_t us, enum event_kind kind, struct net_pipe *p,
	unsigned end)
{
	struct event *e = xcalloc(1, sizeof(*e));

	e->at = mono_add_ns(n->now, us * 1000);
	e->turn = n->turns++;
	e->kind = kind;
	e->pipe = p;
	e->end = end;
	if (p)
		p->events++;
	heap_put(n, e);
	return e;
}

static void event_free(struct event *e)
{
	if (e->pipe)
		e->pipe->events--;
	free(e);
}

/* ---- packets ---- */

static int64_t latency(struct net *n)
{
	int64_t span = n->o.latency_us_max - n->o.latency_us_min;

	return n->o.latency_us_min + (span > 0 ? (int64_t)rng_below(&n->rng.rng, (uint64_t)span) : 0);
}

/* Does a packet get through? */
static bool passes(struct net *n, unsigned from, unsigned to)
{
	if (n->cut[from * n->o.hosts + to])
		return false;
	return n->o.loss_percent == 0 || rng_below(&n->rng.rng, 100) >= n->o.loss_percent;
}

static bool end_lives(const struct net_pipe *p, unsigned end)
{
	const struct host *h = &p->net->hosts[p->end[end].host];

	return p->end[end].open && h->up && h->epoch == p->end[end].epoch;
}

static void tell(struct net *n, unsigned host, enum event_kind kind, struct net_pipe *p,
	unsigned end, uint64_t what, int err, struct seg *seg);

static void transmit(struct net_pipe *p, unsigned end, struct seg *s)
{
	struct net *n = p->net;
	struct event *e;

	if (!passes(n, p->end[end].host, p->end[!end].host))
		return;
	e = plan(n, latency(n), EVENT_SEG, p, end);
	e->what = s->number;
	e->ack = p->flow[!end].next_wanted; /* every segment acknowledges the other direction */
}

static void start_rto(struct net_pipe *p, unsigned end)
{
	struct flow *f = &p->flow[end];
	unsigned shift = f->backoff < RTO_SHIFT_MAX ? f->backoff : RTO_SHIFT_MAX;

	f->timing = true;
	plan(p->net, (int64_t)RTO_US << shift, EVENT_RTO, p, end)->what = ++f->timer_turn;
}

static void queue_seg(struct net_pipe *p, unsigned end, struct bytes m, bool is_fin)
{
	struct flow *f = &p->flow[end];
	struct seg *s = xcalloc(1, sizeof(*s) + m.len);

	s->number = f->next_number++;
	s->is_fin = is_fin;
	s->len = m.len;
	if (m.len)
		memcpy(s->data, m.at, m.len);
	list_append(&f->unacked, &s->node);
	/* While a loss is being repaired nothing new is sent. */
	if (f->backoff == 0)
		transmit(p, end, s);
	if (!f->timing)
		start_rto(p, end);
}

static void drop_flow(struct flow *f)
{
	list_each(node, &f->unacked)
		free(list_entry(node, struct seg, node));
	list_init(&f->unacked);
	f->timer_turn++;
	f->timing = false;
}

static void reset_end(struct net_pipe *p, unsigned end)
{
	bool lived = end_lives(p, end);

	drop_flow(&p->flow[end]);
	if (lived) {
		p->end[end].open = false;
		tell(p->net, p->end[end].host, TELL_CLOSED, p, end, 0, 0, NULL);
	}
}

/* A segment of `end` arrives at the other one. */
static void seg_arrives(struct net_pipe *p, unsigned end, uint64_t number)
{
	struct flow *f = &p->flow[end];
	struct net *n = p->net;
	unsigned other = !end;
	const struct host *h = &n->hosts[p->end[other].host];
	struct event *ack;

	if (!h->up || h->epoch != p->end[other].epoch) {
		/* Nobody there knows this pipe; a machine that is off says nothing at all. */
		if (h->up && passes(n, p->end[other].host, p->end[end].host))
			(void)plan(n, latency(n), EVENT_RESET, p, end);
		return;
	}
	list_each(node, &f->unacked) {
		struct seg *s = list_entry(node, struct seg, node);

		if (s->number == number)
			s->received = true;
	}
	list_each(node2, &f->unacked) {
		struct seg *s = list_entry(node2, struct seg, node);

		if (!s->received || s->number != f->next_wanted) {
			if (s->number >= f->next_wanted)
				break;
			continue;
		}
		f->next_wanted++;
		if (!p->end[other].open)
			continue;
		if (s->is_fin) {
			p->end[other].open = false;
			tell(n, p->end[other].host, TELL_CLOSED, p, other, 0, 0, NULL);
		} else {
			struct seg *copy = xmalloc(sizeof(*copy) + s->len);

			memcpy(copy, s, sizeof(*copy) + s->len);
			tell(n, p->end[other].host, TELL_MESSAGE, p, other, 0, 0, copy);
		}
	}
	if (!passes(n, p->end[other].host, p->end[end].host))
		return;
	ack = plan(n, latency(n), EVENT_ACK, p, end);
	ack->what = f->next_wanted;
}

static void ack_arrives(struct net_pipe *p, unsigned end, uint64_t upto)
{
	struct flow *f = &p->flow[end];
	bool moved = false, was_repairing = f->backoff > 0;

	list_each(node, &f->unacked) {
		struct seg *s = list_entry(node, struct seg, node);

		if (s->number >= upto)
			break;
		list_remove(node);
		free(s);
		moved = true;
	}
	if (!moved)
		return;
	f->backoff = 0;
	f->probed = false;
	f->timer_turn++;
	f->timing = false;
	if (list_is_empty(&f->unacked))
		return;
	if (was_repairing)
		list_each(again, &f->unacked)
			transmit(p, end, list_entry(again, struct seg, node));
	start_rto(p, end);
}

static void rto_rings(struct net_pipe *p, unsigned end, uint64_t turn)
{
	struct flow *f = &p->flow[end];

	if (turn != f->timer_turn || list_is_empty(&f->unacked))
		return;
	if (!f->probed)
		f->probed = true;
	else if (++f->backoff > RTO_TRIES) {
		reset_end(p, end);
		return;
	}
	transmit(p, end, list_entry(list_first(&f->unacked), struct seg, node));
	start_rto(p, end);
}

/* ---- connecting ---- */

static void send_syn(struct net_pipe *p)
{
	struct net *n = p->net;

	if (passes(n, p->end[0].host, p->end[1].host))
		(void)plan(n, latency(n), EVENT_SYN, p, 0);
	if (++p->syn_tries < SYN_TRIES)
		(void)plan(n, (int64_t)SYN_US << (p->syn_tries - 1), EVENT_SYN_AGAIN, p, 0);
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
	(void)plan(n, CONNECT_US, EVENT_GIVE_UP, p, 0);
	return p;
}

static void syn_arrives(struct net_pipe *p)
{
	struct net *n = p->net;
	struct host *h = &n->hosts[p->end[1].host];
	bool back = passes(n, p->end[1].host, p->end[0].host);

	if (!h->up) {
		/* The machine runs, the program does not: refused at once. One that vanished has
		 * its packets cut, and they do not get here. */
		if (back)
			(void)plan(n, latency(n), EVENT_REFUSED, p, 0);
		return;
	}
	if (!p->end[1].open && !p->end[1].epoch) {
		p->end[1].epoch = h->epoch;
		p->end[1].open = true;
	}
	if (back)
		(void)plan(n, latency(n), EVENT_SYN_ACK, p, 0);
}

static void syn_ack_arrives(struct net_pipe *p)
{
	if (p->established || p->failed || !end_lives(p, 0))
		return;
	p->established = true;
	tell(p->net, p->end[1].host, TELL_OPEN, p, 1, 0, 0, NULL);
	tell(p->net, p->end[0].host, TELL_OPEN, p, 0, 0, 0, NULL);
}

static void connect_failed(struct net_pipe *p, int err)
{
	if (p->established || p->failed)
		return;
	p->failed = true;
	if (end_lives(p, 0))
		tell(p->net, p->end[0].host, TELL_FAILED, NULL, 0, p->ref, err, NULL);
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
	case TELL_FAILED:
		f->on_failed(f->of, e->host, e->what, e->err);
		break;
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
	case TELL_TIMER:
		f->on_timer(f->of, e->host, e->what);
		break;
	case EVENT_SYN: case EVENT_SYN_ACK: case EVENT_SYN_AGAIN: case EVENT_REFUSED:
	case EVENT_GIVE_UP: case EVENT_SEG: case EVENT_ACK: case EVENT_RTO: case EVENT_RESET:
	case EVENT_TIMER:
		assert(false);
	}
}

static void tell_free(struct event *e)
{
	free(e->seg);
	event_free(e);
}

static void tell(struct net *n, unsigned host, enum event_kind kind, struct net_pipe *p,
	unsigned end, uint64_t what, int err, struct seg *seg)
{
	struct event *e = xcalloc(1, sizeof(*e));

	*e = (struct event){.kind = kind, .pipe = p, .end = end, .host = host, .what = what,
		.err = err, .seg = seg, .epoch = n->hosts[host].epoch};
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
}

static void empty_inbox(struct host *h)
{
	list_each(node, &h->inbox)
		tell_free(list_entry(node, struct event, node));
	list_init(&h->inbox);
}

static void stop(struct net *n, unsigned host, bool say_so)
{
	struct host *h = &n->hosts[host];

	if (!h->up)
		return;
	list_each(node, &n->pipes) {
		struct net_pipe *p = list_entry(node, struct net_pipe, node);

		for (unsigned end = 0; end < 2; end++) {
			if (p->end[end].host != host || p->end[end].epoch != h->epoch)
				continue;
			p->end[end].tag = NULL;
			if (say_so && p->established && p->end[end].open)
				queue_seg(p, end, BYTES_NONE, true);
			else
				drop_flow(&p->flow[end]);
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
	if (!p->established || !end_lives(p, end))
		return;
	p->net->messages++;
	p->net->bytes += m.len;
	queue_seg(p, end, m, false);
}

void net_close(struct net_pipe *p, unsigned end)
{
	if (p->established && end_lives(p, end))
		queue_seg(p, end, BYTES_NONE, true);
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
	struct event *e = plan(n, us, EVENT_TIMER, NULL, 0);

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
	drop_flow(&p->flow[0]);
	drop_flow(&p->flow[1]);
	free(p);
}

void net_step(struct net *n)
{
	struct event *e = heap_take(n);
	struct net_pipe *p = e->pipe;

	assert(mono_reached(e->at, n->now));
	switch (e->kind) {
	case EVENT_SYN: syn_arrives(p); break;
	case EVENT_SYN_ACK: syn_ack_arrives(p); break;
	case EVENT_SYN_AGAIN:
		if (!p->established && !p->failed && end_lives(p, 0))
			send_syn(p);
		break;
	case EVENT_REFUSED: connect_failed(p, P2P_ERR_REFUSED); break;
	case EVENT_GIVE_UP: connect_failed(p, P2P_ERR_TIMEOUT); break;
	case EVENT_SEG:
		seg_arrives(p, e->end, e->what);
		ack_arrives(p, !e->end, e->ack);
		break;
	case EVENT_ACK: ack_arrives(p, e->end, e->what); break;
	case EVENT_RTO: rto_rings(p, e->end, e->what); break;
	case EVENT_RESET: reset_end(p, e->end); break;
	case EVENT_TIMER:
		if (n->hosts[e->host].up && n->hosts[e->host].epoch == e->epoch)
			tell(n, e->host, TELL_TIMER, NULL, 0, e->what, 0, NULL);
		break;
	case TELL_OPEN: case TELL_FAILED: case TELL_MESSAGE: case TELL_CLOSED: case TELL_TIMER:
		assert(false);
	}
	event_free(e);
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
		struct event *e = heap_take(n);

		event_free(e);
	}
	while (!list_is_empty(&n->pipes))
		pipe_free(list_entry(list_first(&n->pipes), struct net_pipe, node));
	free(n->heap);
	free(n->hosts);
	free(n->cut);
	free(n);
}
