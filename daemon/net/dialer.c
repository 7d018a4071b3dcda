/* SPDX-License-Identifier: Apache-2.0 */
/* dialer.c: many dials at once, each with its attempts: which address is next, and when it is over. */
#include <stdlib.h>

#include "daemon/net/dialer_private.h"
#include "daemon/net/quic_ports.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

const char *dial_stage_name(enum dial_stage stage)
{
	static const char *const names[] = {
		[DIAL_WAITING] = "waiting",
		[DIAL_RESOLVE] = "resolve",
		[DIAL_CONNECT] = "connect",
		[DIAL_SECURITY] = "security",
		[DIAL_MUXER] = "muxer",
		[DIAL_ADMIT] = "admit",
		[DIAL_IDENTIFY] = "identify",
		[DIAL_DONE] = "done",
	};

	return stage < DIAL_STAGE_COUNT ? names[stage] : "unknown";
}

static void dial_free(struct dial *dial)
{
	struct dialer *d = dial->dialer;

	for (size_t i = 0; i < dial->count; i++)
		if (dial->attempts[i].state != ATTEMPT_OVER)
			attempt_release(&dial->attempts[i]);
	loop_timer_stop(d->loop, &dial->step);
	loop_timer_stop(d->loop, &dial->total);
	list_remove(&dial->node);
	d->stats.dialling--;
	free(dial->attempts);
	free(dial->told);
	free(dial);
}

/* Of several failures the one that came farthest tells most; that somebody else lives at an
 * address matters more than any time-out. */
static const struct dial_attempt *most_telling(const struct dial *dial)
{
	const struct dial_attempt *best = NULL;

	for (size_t i = 0; i < dial->count; i++) {
		const struct dial_attempt *t = &dial->told[i];

		if (!best || (t->err == P2P_ERR_MISMATCH && best->err != P2P_ERR_MISMATCH) ||
			(t->stage > best->stage && best->err != P2P_ERR_MISMATCH))
			best = t;
	}
	return best;
}

/* Tells the asker and frees. */
static void finish(struct dial *dial)
{
	const struct dial_attempt *worst = dial->won ? NULL : most_telling(dial);
	struct dial_result r = {
		.conn = dial->won,
		.peer = dial->who,
		.attempts = dial->told,
		.attempt_count = dial->count,
		.why = worst ? worst->why : "",
	};

	if (!dial->won)
		r.err = worst && worst->err ? worst->err : P2P_ERR_NOT_FOUND;
	if (dial->won)
		dial->dialer->stats.dials_ok++;
	else if (r.err != P2P_ERR_DENIED)
		r.peer = PEER_ID_NONE;
	dial->on_done(dial->arg, &r);
	dial_free(dial);
}

static bool is_pending(const struct dial *dial)
{
	for (size_t i = 0; i < dial->count; i++)
		if (dial->attempts[i].state < ATTEMPT_WON)
			return true;
	return false;
}

static void start_due(struct dial *dial);

void dial_go_on(struct dial *dial)
{
	if (is_pending(dial))
		start_due(dial);
	else
		finish(dial);
}

/* One connection is up: the others are not needed any more. */
void dial_won(struct attempt *a, const struct peer_id *peer)
{
	struct dial *dial = a->dial;
	struct dialer *d = dial->dialer;

	dial->won = a->conn;
	dial->who = *peer;
	dial->running--;
	d->stats.attempting--;
	d->stats.attempts_ok++;
	loop_at_turn_end(d->loop, &d->feed);
	a->state = ATTEMPT_WON;
	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *other = &dial->attempts[i];

		if (other->state < ATTEMPT_WON) {
			attempt_told(other)->err = P2P_ERR_CLOSED;
			attempt_told(other)->why = "superseded";
			attempt_release(other);
		}
	}
	loop_timer_stop(d->loop, &dial->step);
	if (dial->wants_identify) {
		attempt_enter(a, DIAL_IDENTIFY);
		return;
	}
	attempt_enter(a, DIAL_DONE);
	finish(dial);
}

/* The next address of a lane: nearest first, families in turn, otherwise as given. */
static struct attempt *choose(struct dial *dial, enum dial_lane lane)
{
	struct attempt *best = NULL;
	unsigned best_rank = 0;

	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *a = &dial->attempts[i];
		unsigned r;

		if (a->state != ATTEMPT_READY || a->lane != lane)
			continue;
		r = 2 * dial_rank(&a->ip) + (a->ip.family == dial->lane[lane].last_family);
		if (!best || r < best_rank) {
			best = a;
			best_rank = r;
		}
	}
	return best;
}

/* The attempt whose time comes first, of all lanes. */
static struct attempt *choose_any(struct dial *dial)
{
	const struct dialer_opts *o = &dial->dialer->opts;
	struct attempt *best = NULL;

	for (unsigned i = 0; i < o->lane_count; i++) {
		struct attempt *a = choose(dial, o->lanes[i]);

		if (a && (!best || mono_before(dial->lane[a->lane].next_at,
					   dial->lane[best->lane].next_at)))
			best = a;
	}
	return best;
}

/* False when it has to wait for others to end. */
static bool has_room(struct dial *dial)
{
	if (dial->running >= DIAL_PARALLEL_PER_PEER)
		return false; /* an attempt's end goes on from here */
	dial->is_hungry = dial->dialer->stats.attempting >= DIAL_PARALLEL_MAX;
	return !dial->is_hungry;
}

/* Starts what is due; when nothing runs the next one is. */
static void start_due(struct dial *dial)
{
	struct loop *l = dial->dialer->loop;
	mono_t now = loop_now(l);
	struct attempt *a;

	dial->is_hungry = false;
	while ((a = choose_any(dial)) && has_room(dial)) {
		if (dial->running && !mono_reached(dial->lane[a->lane].next_at, now)) {
			loop_timer_set(l, &dial->step, dial->lane[a->lane].next_at);
			return;
		}
		dial->lane[a->lane].last_family = a->ip.family;
		dial->lane[a->lane].next_at = mono_add_ms(now,
			dial_rank(&a->ip) < 2 ? DIAL_STEP_NEAR_MS : DIAL_STEP_MS);
		attempt_start(a);
	}
	if (!is_pending(dial))
		loop_timer_in_ms(l, &dial->total, 0); /* told from the loop */
}

static void on_step(void *arg, mono_t now)
{
	(void)now;
	start_due(arg);
}

/* The time is over (or there was nothing to do from the start). */
static void on_total(void *arg, mono_t now)
{
	struct dial *dial = arg;

	(void)now;
	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *a = &dial->attempts[i];

		if (a->state < ATTEMPT_WON)
			attempt_end(a, P2P_ERR_TIMEOUT, "dial_timeout");
		else if (a->state == ATTEMPT_WON && dial->wants_identify)
			attempt_told(a)->err = P2P_ERR_TIMEOUT;
	}
	finish(dial);
}

static void feed(void *arg)
{
	struct dialer *d = arg;

	list_each(node, &d->dials) {
		struct dial *dial = list_entry(node, struct dial, node);

		if (dial->is_hungry && d->stats.attempting < DIAL_PARALLEL_MAX)
			start_due(dial);
	}
}

static bool needs_dns(const struct dial_request *req)
{
	for (size_t i = 0; i < req->addr_count; i++)
		if (maddr_dns_name(&req->addrs[i]).len)
			return true;
	return false;
}

/* Without an expected peer, the one that all addresses name (if they agree) is expected. */
static struct peer_id expected_of(const struct dial_request *req)
{
	struct peer_id found = req->expected;

	for (size_t i = 0; peer_id_is_none(&found) && i < req->addr_count; i++) {
		struct maddr addr = req->addrs[i];

		(void)maddr_split_peer(&addr, &found);
	}
	return found;
}

int dialer_dial(struct dialer *d, const struct dial_request *req, struct dial **ret)
{
	struct peer_id expected = expected_of(req);
	size_t want = needs_dns(req) ? DIAL_ADDRS_MAX : req->addr_count;
	struct dial *dial;

	if (peer_id_eq(&expected, swarm_self(d->swarm)))
		return P2P_ERR_INVALID;
	if (d->stats.dialling >= DIAL_DIALS_MAX)
		return P2P_ERR_FULL;
	dial = xcalloc(1, sizeof(*dial));
	*dial = (struct dial){
		.dialer = d,
		.expected = expected,
		.id = req->id,
		.wants_identify = req->wants_identify,
		.on_done = req->on_done,
		.arg = req->arg,
		.cap = want < DIAL_ADDRS_MAX ? want : DIAL_ADDRS_MAX,
	};
	for (unsigned i = 0; i < d->opts.lane_count; i++) {
		dial->lane[d->opts.lanes[i]].next_at =
			mono_add_ms(loop_now(d->loop), i * DIAL_LANE_MS);
		dial->lane[d->opts.lanes[i]].last_family = 4;
	}
	dial->step = TIMER(on_step, dial);
	dial->total = TIMER(on_total, dial);
	dial->attempts = xcalloc(dial->cap + 1, sizeof(*dial->attempts));
	dial->told = xcalloc(dial->cap + 1, sizeof(*dial->told));
	list_append(&d->dials, &dial->node);
	d->stats.dials++;
	d->stats.dialling++;
	if (req->may_reuse && !peer_id_is_none(&expected))
		dial->won = swarm_find(d->swarm, &expected);
	if (dial->won)
		dial->who = expected;
	else
		for (size_t i = 0; i < req->addr_count && dial->count < dial->cap; i++)
			attempt_add(dial, &req->addrs[i]);
	/* Told from the loop, also when there is nothing to wait for. */
	loop_timer_in_ms(d->loop, &dial->total, DIAL_TOTAL_MS);
	start_due(dial);
	*ret = dial;
	return 0;
}

void dial_cancel(struct dial *dial)
{
	dial_free(dial);
}

bool dialer_is_dialling(const struct dialer *d, const struct peer_id *peer)
{
	list_each(node, &d->dials)
		if (peer_id_eq(&list_entry(node, struct dial, node)->expected, peer))
			return true;
	return false;
}

void dialer_stats(const struct dialer *d, struct dialer_stats *ret)
{
	*ret = d->stats;
}

/* Ends the dials that waited for identify on this connection. */
static void on_identified(void *arg, const struct identify_news *news)
{
	struct dialer *d = arg;

	list_each(node, &d->dials) {
		struct dial *dial = list_entry(node, struct dial, node);
		/* Of two connections to one peer one is closed: all that was asked about has worked. */
		bool was_duplicate =
			news->err == P2P_ERR_CLOSED && swarm_find(d->swarm, &dial->who) != 0;

		if (dial->won != news->conn || !dial->wants_identify || news->is_push)
			continue;
		for (size_t i = 0; i < dial->count; i++) {
			struct attempt *a = &dial->attempts[i];

			if (a->state != ATTEMPT_WON)
				continue;
			if (!news->err || was_duplicate)
				attempt_enter(a, DIAL_DONE);
			else
				attempt_told(a)->err = news->err;
		}
		finish(dial);
	}
}

struct dialer *dialer_new(const struct dialer_opts *opts)
{
	struct dialer *d = xcalloc(1, sizeof(*d));

	d->opts = *opts;
	if (!opts->lane_count) {
		d->opts.lanes[0] = DIAL_QUIC;
		d->opts.lanes[1] = DIAL_TCP;
		d->opts.lane_count = 2;
	}
	for (unsigned i = 0; i < d->opts.lane_count; i++)
		d->speaks[d->opts.lanes[i]] =
			d->opts.lanes[i] != DIAL_QUIC || quic_ports_are_on(opts->ports);
	d->swarm = opts->swarm;
	d->loop = swarm_loop(d->swarm);
	d->dns = opts->dns;
	list_init(&d->dials);
	d->feed = (struct turn_end){.run = feed, .arg = d};
	if (opts->identify)
		identify_listen(opts->identify, on_identified, d);
	return d;
}

void dialer_free(struct dialer *d)
{
	if (!d)
		return;
	list_each(node, &d->dials)
		dial_free(list_entry(node, struct dial, node));
	loop_turn_end_cancel(&d->feed);
	free(d);
}
