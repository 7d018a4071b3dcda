/* SPDX-License-Identifier: Apache-2.0 */
/* net_flow.c: the queue of events, and how messages become packets that get lost. */
#include "tests/lib/net_parts.h"

#include "proto/base/mem.h"
#include <assert.h>
#include <stdlib.h>

#define RTO_US        200000
#define DOUBT_US  10000 /* SWARM_UNREACHABLE_MS: a report that nobody is there may be forged */
#define RTO_SHIFT_MAX 9  /* about a hundred seconds, as Linux has it */
#define RTO_TRIES     12 /* then the kernel gives the pipe up */

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

struct event *net_heap_take(struct net *n)
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

struct event *net_plan(
	struct net *n, int64_t us, enum event_kind kind, struct net_pipe *p, unsigned end)
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

void net_event_free(struct event *e)
{
	if (e->pipe)
		e->pipe->events--;
	free(e);
}

/* ---- packets ---- */

int64_t net_delay(struct net *n)
{
	int64_t span = n->o.latency_us_max - n->o.latency_us_min;

	return n->o.latency_us_min +
	       (span > 0 ? (int64_t)rng_below(&n->rng.rng, (uint64_t)span) : 0);
}

/* Does a packet get through? */
bool net_passes(struct net *n, unsigned from, unsigned to)
{
	if (n->cut[from * n->o.hosts + to])
		return false;
	return n->o.loss_percent == 0 || rng_below(&n->rng.rng, 100) >= n->o.loss_percent;
}

bool net_end_lives(const struct net_pipe *p, unsigned end)
{
	const struct host *h = &p->net->hosts[p->end[end].host];

	return p->end[end].open && h->up && h->epoch == p->end[end].epoch;
}

static void transmit(struct net_pipe *p, unsigned end, struct seg *s)
{
	struct net *n = p->net;
	struct event *e;

	if (!net_passes(n, p->end[end].host, p->end[!end].host))
		return;
	e = net_plan(n, net_delay(n), EVENT_SEG, p, end);
	e->what = s->number;
	e->ack = p->flow[!end].next_wanted; /* every segment acknowledges the other direction */
}

static void start_rto(struct net_pipe *p, unsigned end)
{
	struct flow *f = &p->flow[end];
	unsigned shift = f->backoff < RTO_SHIFT_MAX ? f->backoff : RTO_SHIFT_MAX;

	f->timing = true;
	net_plan(p->net, (int64_t)RTO_US << shift, EVENT_RTO, p, end)->what = ++f->timer_turn;
}

void net_queue(struct net_pipe *p, unsigned end, struct bytes m, bool is_fin)
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

void net_flow_drop(struct flow *f)
{
	list_each (node, &f->unacked)
		free(list_entry(node, struct seg, node));
	list_init(&f->unacked);
	f->timer_turn++;
	f->timing = false;
}

void net_end_reset(struct net_pipe *p, unsigned end)
{
	bool lived = net_end_lives(p, end);

	net_flow_drop(&p->flow[end]);
	if (lived) {
		p->end[end].open = false;
		net_tell(p->net, p->end[end].host, TELL_CLOSED, p, end, 0, 0, NULL);
	}
}

/* Something of `end` arrives at a machine where nobody knows this pipe. One that is off says nothing. */
static void nobody_answers(struct net_pipe *p, unsigned end)
{
	struct net *n = p->net;
	const struct host *h = &n->hosts[p->end[!end].host];

	if ((h->up || h->crashed) && net_passes(n, p->end[!end].host, p->end[end].host))
		(void)net_plan(n, net_delay(n) + (h->crashed ? DOUBT_US : 0), EVENT_RESET, p, end);
}

static bool somebody_is_there(const struct net_pipe *p, unsigned end)
{
	const struct host *h = &p->net->hosts[p->end[!end].host];

	return h->up && h->epoch == p->end[!end].epoch;
}

void net_poke(struct net_pipe *p, unsigned end)
{
	if (net_passes(p->net, p->end[end].host, p->end[!end].host))
		(void)net_plan(p->net, net_delay(p->net), EVENT_POKE, p, end);
}

void net_poke_arrives(struct net_pipe *p, unsigned end)
{
	const struct host *h = &p->net->hosts[p->end[!end].host];

	if (!h->up) /* a process that knows nothing of us ignores it likewise */
		nobody_answers(p, end);
}

/* A segment of `end` arrives at the other one. */
void net_seg_arrives(struct net_pipe *p, unsigned end, uint64_t number)
{
	struct flow *f = &p->flow[end];
	struct net *n = p->net;
	unsigned other = !end;
	struct event *ack;

	if (!somebody_is_there(p, end)) {
		nobody_answers(p, end);
		return;
	}
	list_each (node, &f->unacked) {
		struct seg *s = list_entry(node, struct seg, node);

		if (s->number == number)
			s->received = true;
	}
	list_each (node2, &f->unacked) {
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
			net_tell(n, p->end[other].host, TELL_CLOSED, p, other, 0, 0, NULL);
		} else {
			struct seg *copy = xmalloc(sizeof(*copy) + s->len);

			memcpy(copy, s, sizeof(*copy) + s->len);
			net_tell(n, p->end[other].host, TELL_MESSAGE, p, other, 0, 0, copy);
		}
	}
	if (!net_passes(n, p->end[other].host, p->end[end].host))
		return;
	ack = net_plan(n, net_delay(n), EVENT_ACK, p, end);
	ack->what = f->next_wanted;
}

void net_ack_arrives(struct net_pipe *p, unsigned end, uint64_t upto)
{
	struct flow *f = &p->flow[end];
	bool moved = false, was_repairing = f->backoff > 0;

	list_each (node, &f->unacked) {
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
		list_each (again, &f->unacked)
			transmit(p, end, list_entry(again, struct seg, node));
	start_rto(p, end);
}

void net_rto_rings(struct net_pipe *p, unsigned end, uint64_t turn)
{
	struct flow *f = &p->flow[end];

	if (turn != f->timer_turn || list_is_empty(&f->unacked))
		return;
	if (!f->probed)
		f->probed = true;
	else if (++f->backoff > RTO_TRIES) {
		net_end_reset(p, end);
		return;
	}
	transmit(p, end, list_entry(list_first(&f->unacked), struct seg, node));
	start_rto(p, end);
}
