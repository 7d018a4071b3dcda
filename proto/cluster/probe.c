/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c: noticing that a member fell silent (reliability.md: Liveness; G-20 to G-23; N-09).
 *
 * Once a second a member that was neither heard of nor asked for long is asked for a sign of life;
 * anything authentic that it says is an answer, so in a small cluster, where everyone is asked by
 * others too, few questions are needed. They are for silence; that a process was killed a kernel
 * tells, by itself or when it is poked (poke.c). What follows a question:
 *
 *   soft   (what its round trips suggest, 500 ms to 1 s) suspected: others are told, and itself
 *   2 s    (half of dead_after, or what its round trips suggest) dead, if enough others told us
 *          the same within the last 2 s
 *   4 s    (dead_after) of silence, two thirds of it since the question: dead without witnesses
 *
 * unless the member has signed something since the question. Then it lives, and only the way to
 * it is broken: the conn does not count any more and a new one is sought, but the old one stays
 * until then, because its end would look like our death to the other side. When others answer us
 * and none of them misses the member, a moment is left for its signature to come round.
 *
 * One way to a member may be cut while the other is whole. Over QUIC it is heard then, and only it can
 * notice: it tells us that we do not answer. If it does not answer us either within 3 s of that (three
 * quarters of dead_after), whatever else of it arrives, the conn does not count here too.
 *
 * Nobody is accused while this node has reason to doubt itself: after its own loop stood still,
 * until everyone was heard again or dead_after has passed. While half of its conns are silent at
 * once the fault is more likely here: then others are asked, but as witnesses they do not count. */
#include "proto/cluster/core_parts.h"

#define PROBE_MS         1000 /* give or take a tenth, so that nodes do not march in step */
#define PROBE_OFTEN_MS   400  /* the same, with few members over QUIC: it costs little then */
#define FEW_MEMBERS      16
#define SOFT_MS_MIN      500
#define SOFT_MS_FIRST    1000 /* before the first round trip was measured */
#define LATE_MS          15   /* an answer this much over the best is no mere jitter */
#define WITNESS_FRESH_MS 2000
#define WITNESSES_MAX    3
#define TELL_AGAIN_MS    1000
#define ROUND_AGAIN_MS   1000
#define ROUND_LINKS_MAX  16
#define ROUND_HEARD_MS   300 /* who was heard of later need not be asked in a round */
#define GRACE_MS         2000
#define URGED_MS         1500 /* who still does not hear us says so every second */
#define REPLACE_MS_MAX   30000 /* a silent conn is kept for so long while a new one is sought */

/* For how long an answer may well take, within bounds. */
static int64_t patience_ms(const struct link *l, int64_t least, int64_t most)
{
	int64_t ms = SOFT_MS_FIRST;

	if (l->has_rtt)
		ms = (l->srtt_ns + 4 * l->rttvar_ns) / NS_PER_MS;
	if (ms < least)
		ms = least;
	return ms < most ? ms : most;
}

/* Others are told early even where answers are slow: a refutation needs time to come round. */
static int64_t soft_ms(const struct core *c, const struct link *l)
{
	return patience_ms(l, SOFT_MS_MIN, c->dead_ms / 4);
}

/* Has everyone been heard since our loop stood still? */
static bool round_is_over(const struct core *c)
{
	for (const struct list *n = c->by_heard.next; n != &c->by_heard; n = n->next)
		if (mono_before(list_entry(n, struct link, order)->heard, c->doubt_from))
			return false;
	return c->class_count[CORE_MEMBER] > 0;
}

static bool many_are_silent(const struct core *c)
{
	return c->suspected >= 2 && 2 * c->suspected >= c->class_count[CORE_MEMBER];
}

static bool just_stalled(const struct core *c, mono_t now)
{
	return mono_before(now, c->doubt_until) && !round_is_over(c);
}

const char *probe_doubt(const struct core *c, mono_t now)
{
	if (just_stalled(c, now))
		return "stalled";
	return many_are_silent(c) ? "many_links_silent" : NULL;
}

bool probe_is_broken(const struct core *c, const struct link *l, mono_t now)
{
	return l->silent || (l->suspected && mono_before(l->asked_at, l->peer->alive.signed_at) &&
				    mono_since_ms(now, l->asked_at) >= c->dead_ms / 2);
}

size_t probe_witnesses(const struct core *c, const struct peer *p, mono_t now)
{
	size_t n = 0;

	(void)c;
	if (!p->tellers)
		return 0;
	for (size_t i = 0; i < p->tellers->count; i++)
		n += mono_since_ms(now, p->tellers->list[i].at) <= WITNESS_FRESH_MS;
	return n;
}

size_t probe_witnesses_needed(const struct core *c)
{
	size_t others = c->members.has_held && c->members.held.member_count > 2
				? c->members.held.member_count - 2
				: 1;

	return others < WITNESSES_MAX ? others : WITNESSES_MAX;
}

static void calm(struct core *c, struct link *l)
{
	if (l->suspected)
		c->suspected--;
	l->asked = l->suspected = false;
	l->silent = l->one_way;
}

/* It hears us, or is none of our business any more. */
static void both_ways(struct core *c, struct link *l)
{
	l->urged_at = MONO_ZERO;
	timer_stop(&c->timers, &l->pong_timer);
	if (l->one_way)
		l->one_way = l->silent = false;
}

void probe_forget(struct core *c, struct link *l)
{
	both_ways(c, l);
	calm(c, l);
	timer_stop(&c->timers, &l->timer);
}

void probe_heard(struct core *c, struct link *l)
{
	if (!l->asked)
		return;
	calm(c, l);
	timer_stop(&c->timers, &l->timer);
}

/* A repeated packet comes a retransmission timeout later, never a little. The round trip itself
 * will not do: QUIC measures that of the packet that got through. */
static void note_lateness(struct link *l, int64_t ns)
{
	bool late;

	if (ns <= 0)
		return;
	if (l->answer_min_ns == 0 || ns < l->answer_min_ns)
		l->answer_min_ns = ns;
	late = ns > 4 * l->answer_min_ns && ns - l->answer_min_ns > LATE_MS * NS_PER_MS;
	l->late_bits = (uint16_t)(l->late_bits << 1 | late);
	if (l->pongs < LINK_PONGS)
		l->pongs++;
	l->late = (uint8_t)__builtin_popcount(l->late_bits);
}

void probe_pong(struct core *c, struct link *l, int64_t rtt_ns, wall_t wall, mono_t now)
{
	int64_t off;

	both_ways(c, l);
	l->pong_at = wall;
	note_lateness(l, mono_since_ns(now, l->asked_at));
	if (rtt_ns < 0)
		return;
	if (!l->has_rtt) {
		l->has_rtt = true;
		l->srtt_ns = rtt_ns;
		l->rttvar_ns = rtt_ns / 2;
		return;
	}
	/* As TCP does (RFC 6298). */
	off = l->srtt_ns > rtt_ns ? l->srtt_ns - rtt_ns : rtt_ns - l->srtt_ns;
	l->rttvar_ns += (off - l->rttvar_ns) / 4;
	l->srtt_ns += (rtt_ns - l->srtt_ns) / 8;
}

static bool may_be_asked(const struct core *c, const struct link *l)
{
	return c->configured && link_is_member(l) && l->peer->link == l && !l->asked;
}

void probe_ask(struct core *c, struct link *l, mono_t now)
{
	if (!may_be_asked(c, l))
		return;
	l->asked = true;
	l->asked_at = now;
	l->told_at = MONO_ZERO;
	link_want(c, l, WANT_PING);
	timer_arm(&c->timers, &l->timer, mono_add_ms(now, soft_ms(c, l)));
	list_remove(&l->order);
	list_append(&c->by_heard, &l->order);
}

/* Where all are asked within seconds it is the one that was not heard of for longest. Of many it is any
 * that was not heard of in this turn: a heartbeat comes to all at once, and all would come to its sender
 * last. Answers how many there are to choose from, and number `skip` of them. */
static size_t unheard(const struct core *c, mono_t now, size_t skip, struct link **ret)
{
	bool any = c->class_count[CORE_MEMBER] > FEW_MEMBERS;
	size_t n = 0;

	list_each (node, &c->by_heard) {
		struct link *l = list_entry(node, struct link, order);

		if (!may_be_asked(c, l))
			continue;
		if (n > 0 && (!any || mono_since_ms(now, l->heard) < PROBE_MS))
			break;
		if (n++ <= skip)
			*ret = l;
	}
	return n;
}

static void ask_one(struct core *c, mono_t now)
{
	struct link *l;
	size_t n = unheard(c, now, 0, &l);

	if (n > 1)
		(void)unheard(c, now, rng_below(c->rng, n), &l);
	if (n > 0)
		probe_ask(c, l, now);
}

void probe_next(struct core *c, mono_t now)
{
	bool often = c->untold_count > 0 && c->untold_count <= FEW_MEMBERS;
	int64_t turn_ms = often ? PROBE_OFTEN_MS : PROBE_MS;

	core_arm(c, TIMER_PROBE, mono_add_ms(now, rng_jitter(c->rng, turn_ms, 10)));
	poke_some(c, turn_ms);
	ask_one(c, now);
}

/* One is silent: are the others? */
static void ask_round(struct core *c, mono_t now, int64_t heard_ms)
{
	struct link *ask[ROUND_LINKS_MAX];
	size_t n = 0;

	if (c->round_at.ns != MONO_ZERO.ns && mono_since_ms(now, c->round_at) < ROUND_AGAIN_MS)
		return;
	c->round_at = now;
	list_each (node, &c->by_heard) {
		struct link *l = list_entry(node, struct link, order);

		if (n == ROUND_LINKS_MAX)
			break;
		if (may_be_asked(c, l) && mono_since_ms(now, l->heard) >= heard_ms)
			ask[n++] = l;
	}
	while (n > 0)
		probe_ask(c, ask[--n], now);
}

void probe_doubted(struct core *c, mono_t now)
{
	ask_round(c, now, 0);
}

void probe_stalled(struct core *c, int64_t ms, mono_t now)
{
	if (ms < 1000)
		return;
	c->doubt_from = now;
	c->doubt_until = mono_add_ms(now, c->dead_ms);
	/* What was asked before the stall may have been answered long ago: ask everyone anew. */
	for (size_t n = c->class_count[CORE_MEMBER]; n > 0; n--) {
		struct link *l = list_entry(list_first(&c->by_heard), struct link, order);

		calm(c, l);
		if (may_be_asked(c, l)) {
			probe_ask(c, l, now);
		} else {
			list_remove(&l->order);
			list_append(&c->by_heard, &l->order);
		}
	}
}

static void died(struct core *c, struct link *l, mono_t lost, wall_t wall, mono_t now)
{
	c->died_at = now;
	conn_give_up(c, l, "silence", LOSS_SILENCE, lost, wall, now);
}

/* The conn does not count as one from now on, and another is sought. */
static void fell_silent(struct core *c, struct link *l, mono_t now)
{
	if (l->silent)
		return;
	l->silent = true;
	mesh_lost(c, l->peer, now);
}

/* Do others answer us, of whom none misses it? Then the fault may well be between us two. */
static bool is_alone_with_it(const struct core *c, const struct link *l, mono_t now)
{
	if (c->died_at.ns != MONO_ZERO.ns && mono_since_ms(now, c->died_at) < c->dead_ms)
		return false; /* it is not the only one */
	return c->class_count[CORE_MEMBER] > c->suspected && !many_are_silent(c) &&
	       probe_witnesses(c, l->peer, now) == 0;
}

void probe_urged(struct core *c, struct link *l, mono_t now)
{
	/* Over TCP a peer that gets no acknowledgements says no more either, and falls silent here. */
	if (!l->ends_untold || !link_is_member(l) || l->peer->link != l)
		return;
	l->urged_again_at = now;
	if (l->urged_at.ns != MONO_ZERO.ns)
		return;
	l->urged_at = now;
	link_want(c, l, WANT_PING);
	timer_arm(&c->timers, &l->pong_timer, mono_add_ms(now, c->dead_ms * 3 / 4));
}

/* It is heard, and does not hear us: an answer to a question of ours would have come long ago, and it
 * goes on saying so. (Of one that fell quiet about it some answer was only lost.) */
void probe_pong_missing(struct core *c, struct link *l, mono_t now)
{
	if (mono_since_ms(now, l->urged_again_at) > URGED_MS) {
		both_ways(c, l);
		return;
	}
	l->one_way = true;
	fell_silent(c, l, now);
}

static void suspect(struct core *c, struct link *l, mono_t now)
{
	if (!l->suspected) {
		l->suspected = true;
		c->suspected++;
		link_want(c, l, WANT_PING); /* a datagram may have been lost */
	}
	ask_round(c, now, ROUND_HEARD_MS);
	if (just_stalled(c, now))
		return;
	if (l->told_at.ns == MONO_ZERO.ns || mono_since_ms(now, l->told_at) >= TELL_AGAIN_MS) {
		l->told_at = now;
		rumour_ask(c, l->peer, now);
	}
}

/* The soonest of `at` that is still to come. */
static mono_t sooner(mono_t best, mono_t at, mono_t now)
{
	return mono_before(now, at) ? mono_min(best, at) : best;
}

void probe_timer(struct core *c, struct link *l, wall_t wall, mono_t now)
{
	mono_t soft_at = mono_add_ms(l->asked_at, soft_ms(c, l));
	mono_t patience_at =
		mono_add_ms(l->asked_at, patience_ms(l, c->dead_ms / 2, c->dead_ms * 3 / 4));
	mono_t signed_at = l->peer->alive.signed_at, hard_at, dead_at, next;
	bool has_signed = mono_before(l->asked_at, signed_at);

	if (!l->asked)
		return;
	if (!mono_reached(soft_at, now)) {
		timer_arm(&c->timers, &l->timer, soft_at);
		return;
	}
	suspect(c, l, now);
	if (just_stalled(c, now)) {
		timer_arm(&c->timers, &l->timer,
			mono_min(c->doubt_until, mono_add_ms(now, SOFT_MS_MIN)));
		return;
	}
	hard_at = mono_max(
		mono_add_ms(l->asked_at, c->dead_ms * 2 / 3), mono_add_ms(l->heard, c->dead_ms));
	if (has_signed)
		dead_at = mono_min(mono_max(hard_at, mono_add_ms(signed_at, c->dead_ms)),
			mono_add_ms(hard_at, REPLACE_MS_MAX));
	else
		dead_at = is_alone_with_it(c, l, now) ? mono_add_ms(hard_at, GRACE_MS) : hard_at;
	if (mono_reached(dead_at, now) ||
		(!has_signed && mono_reached(patience_at, now) && !many_are_silent(c) &&
			probe_witnesses(c, l->peer, now) >= probe_witnesses_needed(c))) {
		/* One that signs is alive, even if no other way to it was found in all that time.
		 */
		bool lives = has_signed && mono_since_ms(now, signed_at) < c->dead_ms;

		died(c, l, lives ? l->asked_at : mono_max(l->asked_at, signed_at), wall, now);
		return;
	}
	if (mono_reached(hard_at, now)) {
		fell_silent(c, l, now);
		if (has_signed)
			alive_lose(&l->peer->alive, LOSS_SILENCE, l->asked_at);
	}
	next = mono_add_ms(now, TELL_AGAIN_MS);
	next = sooner(next, patience_at, now);
	next = sooner(next, hard_at, now);
	next = sooner(next, dead_at, now);
	timer_arm(&c->timers, &l->timer, next);
}
