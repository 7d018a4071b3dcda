/* SPDX-License-Identifier: Apache-2.0 */
/* rumour.c: what members tell each other about third ones, and why it harms nobody.
 *
 * "X does not answer me" (suspect.h) is never believed: who hears it asks X itself, passes the
 * word on to X, and owes the teller X's next signed heartbeats. X answers a suspicion with a fresh
 * heartbeat to everyone. So a living member refutes with its own signature, over whatever way is
 * left, and a dead one cannot be kept alive by anybody. The same question, asked now and then
 * about members that are out of reach, makes evidence flow through rings and bridges (N-04).
 *
 * In clusters above mesh.full_limit nobody knows everybody; there each fresh heartbeat goes on to
 * a few members, once. */
#include "proto/cluster/core_parts.h"

#include "proto/p2pos/digest.h"
#include "proto/p2pos/suspect.h"

#define TELL_TO         3  /* members that are told of a suspicion */
#define TELL_END_TO     12 /* …and of an end that no kernel tells: each tells as many, so that of a
                            * hundred members hardly one is left out */
#define WISHES_MAX      16 /* members out of reach that are asked about in a round */
#define WISH_PERCENT    10
#define SETTLE_MS       5000
#define GREET_EACH_MS   60    /* questions to members that just came up, after the first 16 */
#define TOLD_AGAIN_MS   10000 /* who was told that we miss it too is not told again sooner */
#define URGE_AGAIN_MS   1000  /* a suspect hears of it through us at most so often */
#define SUSPECT_BURST   64    /* suspicions taken of one sender at once, further ones … */
#define SUSPECT_EACH_MS 100   /* … one each; beyond, they are refused */
#define FLUSH_MS        1000
#define FLUSH_TO        4
#define FLUSH_BEATS_MAX 256 /* in one digest; the rest waits for the next */

static void send_suspect(struct core *c, const struct link *to, const struct peer *about)
{
	struct news *n = news_link(c, CORE_SEND_SUSPECT, to, NULL);

	n->d.peer = about->id;
	(void)suspect_print(&n->bytes, &about->id); /* no maximum, cannot fail */
}

static struct tellers *tellers_of(struct peer *p)
{
	if (!p->tellers)
		p->tellers = xcalloc(1, sizeof(*p->tellers));
	return p->tellers;
}

/* Notes that `who` said it (or was told); true when it had not within `again_ms`. */
static bool note(
	struct teller *list, size_t *count, const struct link *who, mono_t now, int64_t again_ms)
{
	size_t at = 0, oldest = 0;
	bool fresh = true;

	while (at < *count && list[at].serial != who->peer->serial)
		at++;
	if (at < *count) {
		fresh = mono_since_ms(now, list[at].at) >= again_ms;
	} else if (*count < CORE_TELLERS_MAX) {
		++*count;
	} else {
		for (size_t i = 1; i < *count; i++)
			if (mono_before(list[i].at, list[oldest].at))
				oldest = i;
		at = oldest;
	}
	list[at] = (struct teller){who->peer->serial, who->conn, now};
	return fresh;
}

static void told(struct peer *about, const struct link *to, mono_t now)
{
	struct tellers *t = tellers_of(about);

	(void)note(t->told, &t->told_count, to, now, 0); /* only to remember it */
}

static void tell(struct core *c, struct peer *about, size_t max, mono_t now)
{
	struct link *to[TELL_END_TO];
	size_t n;

	if (!c->configured)
		return;
	n = links_pick(c, to, max, CORE_SPEAKS_SUSPECT, about);
	for (size_t i = 0; i < n; i++) {
		send_suspect(c, to[i], about);
		told(about, to[i], now);
	}
	if (link_is_member(about->link) && (about->link->speaks & CORE_SPEAKS_SUSPECT))
		link_want(c, about->link, WANT_URGE);
	about->wished_at = now;
}

void rumour_ask(struct core *c, struct peer *about, mono_t now)
{
	tell(c, about, TELL_TO, now);
}

void rumour_end(struct core *c, struct peer *about, mono_t now)
{
	tell(c, about, TELL_END_TO, now);
}

/* Is it a member of which we get no direct evidence? */
static bool is_out_of_reach(const struct core *c, const struct peer *p)
{
	if (!p->is_member || p->is_self || (p->link && !p->link->silent))
		return false;
	/* Where nobody is linked to everybody, evidence of the others comes unasked. */
	return p->target || c->members.held.member_count <= c->full_limit;
}

void rumour_wishes(struct core *c, mono_t now)
{
	size_t left = WISHES_MAX;

	core_arm(c, TIMER_WISH, mono_add_ms(now, rng_jitter(c->rng, c->beat_ms, WISH_PERCENT)));
	if (!c->configured || c->target_linked == c->target_count)
		return;
	for (struct peer *p = c->peers; p && left > 0; p = p->hh.next) {
		/* Tellers are remembered for the timeout. Those that did not get their turn in this
		 * round come first in the next. */
		if (!is_out_of_reach(c, p) ||
			(p->wished_at.ns != MONO_ZERO.ns &&
				mono_since_ms(now, p->wished_at) < c->timeout_ms / 2))
			continue;
		rumour_ask(c, p, now);
		left--;
	}
}

void rumour_greet(struct core *c, struct link *l, mono_t now)
{
	if (!c->configured || !(l->speaks & CORE_SPEAKS_SUSPECT) ||
		c->online == c->members.held.member_count)
		return;
	/* At the start everyone is missing, and comes by itself. */
	if (mono_since_ms(now, c->born) < SETTLE_MS)
		return;
	for (struct peer *p = c->peers; p; p = p->hh.next) {
		if (p == l->peer || p->online || !is_out_of_reach(c, p))
			continue;
		if (!bucket_take(&c->greet_rate, WISHES_MAX, GREET_EACH_MS, now))
			return;
		send_suspect(c, l, p);
		told(p, l, now);
	}
}

/* Sends the newest heartbeat that we have of it. */
static void send_beat_of(struct core *c, const struct peer *about, const struct link *to)
{
	struct news *n;

	if (!about->beat || !(to->speaks & CORE_SPEAKS_DIGEST))
		return;
	n = news_link(c, CORE_SEND_DIGEST, to, NULL);
	(void)digest_begin(&n->bytes); /* no maximum; one entry always fits */
	(void)digest_add(&n->bytes, about->beat, c->members.held.member_count);
	(void)digest_end(&n->bytes);
}

static void doubted(struct core *c, struct peer *about, struct link *from, wall_t wall, mono_t now)
{
	struct tellers *t = tellers_of(about);

	(void)note(t->list, &t->count, from, now, 0);
	if (about->beat && mono_since_ms(now, about->alive.signed_at) < c->beat_ms)
		send_beat_of(c, about, from);
	if (!link_is_member(about->link)) {
		/* The teller should know that it is not alone, unless we told it lately: that
		 * may be why it asks. */
		if (!about->online && (from->speaks & CORE_SPEAKS_SUSPECT) &&
			note(t->told, &t->told_count, from, now, TOLD_AGAIN_MS))
			send_suspect(c, from, about);
		return;
	}
	probe_ask(c, about->link, now);
	if ((about->link->speaks & CORE_SPEAKS_SUSPECT) &&
		(about->urged_at.ns == MONO_ZERO.ns ||
			mono_since_ms(now, about->urged_at) >= URGE_AGAIN_MS)) {
		about->urged_at = now;
		link_want(c, about->link, WANT_URGE);
	}
	probe_timer(c, about->link, wall, now);
}

int core_suspect_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);
	struct peer_id id;
	struct peer *about;
	int err;

	if (!link_is_member(l) || !c->configured)
		return P2P_ERR_DENIED;
	if (!bucket_take(&l->suspect_rate, SUSPECT_BURST, SUSPECT_EACH_MS, now))
		return P2P_ERR_FULL;
	err = suspect_parse(json, &id);
	if (err)
		return err;
	about = peer_find(c, &id);
	if (about && about->is_self) {
		beat_refute(c, l, wall, now);
		probe_urged(c, l, now);
		probe_doubted(c, now);
	} else if (about && about->is_member && about != l->peer) {
		doubted(c, about, l, wall, now);
	}
	core_settle(c, wall, now);
	return 0;
}

void rumour_beat(
	struct core *c, struct peer *about, const struct link *from, wall_t wall, mono_t now)
{
	struct tellers *t = about->tellers;

	(void)wall;
	for (size_t i = 0; t && i < t->count; i++) {
		const struct link *to = link_find(c, t->list[i].conn);

		if (mono_since_ms(now, t->list[i].at) <= c->timeout_ms && link_is_member(to) &&
			to != from && to->peer != about)
			send_beat_of(c, about, to);
	}
	if (c->members.held.member_count > c->full_limit && !list_is_linked(&about->fresh)) {
		list_append(&c->fresh_beats, &about->fresh);
		core_arm_by(c, TIMER_FLUSH, mono_add_ms(now, FLUSH_MS));
	}
}

void rumour_flush(struct core *c, mono_t now)
{
	struct link *to[FLUSH_TO];
	size_t n = links_pick(c, to, FLUSH_TO, CORE_SPEAKS_DIGEST, NULL), beats = 0;
	struct buf json = BUF_INIT;

	(void)digest_begin(&json);
	list_each (node, &c->fresh_beats) {
		struct peer *p = list_entry(node, struct peer, fresh);

		if (beats == FLUSH_BEATS_MAX)
			break;
		list_remove(node);
		if (p->beat && !digest_add(&json, p->beat, c->members.held.member_count))
			beats++;
	}
	(void)digest_end(&json);
	for (size_t i = 0; i < n && beats > 0; i++)
		(void)buf_put(
			&news_link(c, CORE_SEND_DIGEST, to[i], NULL)->bytes, buf_bytes(&json));
	buf_deinit(&json);
	if (!list_is_empty(&c->fresh_beats))
		core_arm_by(c, TIMER_FLUSH, mono_add_ms(now, FLUSH_MS));
}
