/* SPDX-License-Identifier: Apache-2.0 */
/* beat.c: our heartbeat to others, theirs to us, and what they tell about clocks (p2pos.md 3.6,
 * 3.7; R-15; features.md P-080 to P-090, N-15; FM-11, FM-12). */
#include "proto/cluster/core_parts.h"

#include "proto/p2pos/digest.h"

#define BEAT_PERCENT      10
#define BEAT_REUSE_MS     1000 /* one this young need not be signed anew for a conn that comes up */
#define REFUTE_MS         1000 /* suspicions of us are answered at most so often */
#define REFUTE_TO_ALL_MAX 16   /* conns; with more, only who passed the suspicion on is answered */
#define OWN_AHEAD_SEC     (HEARTBEAT_WINDOW_SEC - 1)
#define MARK_MS           60000
#define SKEW_MS           2000 /* a clock further off is told about (N-15) */
#define SKEW_CALM_MS      1000 /* …until it is nearer again */
#define SKEW_PEERS_MAX    256  /* clocks looked at for the median */
#define BACKLOG_MS                                                                                 \
	1000 /* what is read after a stall was sent long before: no clock is told by it */
#define OFFSET_STEP_NS (2 * NS_PER_SEC) /* slower than that is doubted; twice is believed */

/* Nanoseconds since 1970, as far as they go. */
static int64_t wall_ns(wall_t t)
{
	const int64_t most = INT64_MAX / NS_PER_SEC - 1;

	return (t.sec > most ? most : t.sec < -most ? -most : t.sec) * NS_PER_SEC + t.nsec;
}

static int64_t own_offset(wall_t wall, mono_t now)
{
	return wall_ns(wall) - now.ns;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The median of the members' clocks minus our monotonic one, which no jump of ours changes.
 * Returns how many it is the median of. */
static size_t median_offset(const struct core *c, int64_t *ret_ns)
{
	int64_t ns[SKEW_PEERS_MAX];
	size_t n = 0;

	for (const struct peer *p = c->peers; p && n < SKEW_PEERS_MAX; p = p->hh.next)
		if (p->is_member && p->online && p->has_offset)
			ns[n++] = p->offset_ns;
	if (n == 0)
		return 0;
	qsort(ns, n, sizeof(ns[0]), by_value);
	*ret_ns = n % 2 ? ns[n / 2] : ns[n / 2 - 1] + (ns[n / 2] - ns[n / 2 - 1]) / 2;
	return n;
}

/* ---- ours ---- */

static void store_mark(struct core *c, struct peer *p, wall_t wall, mono_t now)
{
	struct news *n;

	if (p->marked_at.ns != MONO_ZERO.ns && mono_since_ms(now, p->marked_at) < MARK_MS)
		return;
	p->marked_at = now;
	n = news_add(c, CORE_STORE_MARK);
	n->d.peer = p->id;
	n->d.u.mark = (struct core_stored_mark){
		.peer = p->id, .heartbeat_ts = p->beat_ts, .last_seen = wall};
	n->d.u.mark.addr = place_get(p->reached_at);
}

/* Our ts never goes back, whatever our clock does. But others take nothing that is further ahead
 * of them than their window, so when our clock had run far ahead, as the others' clocks show, that
 * is forgotten, not waited for (FM-12). */
static wall_t next_ts(const struct core *c, wall_t wall, mono_t now)
{
	wall_t last = c->me->beat_ts, most = wall;
	int64_t offset;

	if (median_offset(c, &offset))
		most = wall_add_ns(wall, offset - own_offset(wall, now));
	most = wall_add_sec(most, OWN_AHEAD_SEC);
	if (wall_cmp(last, most) > 0)
		last = most;
	return wall_cmp(last, wall) >= 0 ? wall_add_ns(last, 1) : wall;
}

static void renew(struct core *c, wall_t wall, mono_t now)
{
	struct heartbeat h;

	c->me->beat_ts = next_ts(c, wall, now);
	heartbeat_sign(&h, c->cluster_id, c->me->beat_ts, c->identity);
	buf_reset(&c->beat_json);
	(void)heartbeat_print(&c->beat_json, &h); /* no maximum, cannot fail */
	c->beat_at = now;
	store_mark(c, c->me, wall, now);
}

static bool wants_beats(const struct core *c, const struct link *l)
{
	return c->configured && link_is_member(l) && (l->speaks & CORE_SPEAKS_HEARTBEAT);
}

void beat_to_all(struct core *c, wall_t wall, mono_t now)
{
	core_arm(c, TIMER_BEAT, mono_add_ms(now, rng_jitter(c->rng, c->beat_ms, BEAT_PERCENT)));
	if (!c->configured || list_is_empty(&c->by_heard))
		return;
	renew(c, wall, now);
	list_each (node, &c->by_heard) {
		struct link *l = list_entry(node, struct link, order);

		if (wants_beats(c, l))
			link_want(c, l, WANT_BEAT);
	}
}

void beat_to(struct core *c, struct link *l, wall_t wall, mono_t now)
{
	if (!wants_beats(c, l))
		return;
	if (c->beat_json.len == 0 || mono_since_ms(now, c->beat_at) > BEAT_REUSE_MS)
		renew(c, wall, now);
	link_want(c, l, WANT_BEAT);
}

void beat_refute(struct core *c, struct link *to, wall_t wall, mono_t now)
{
	if (!c->configured)
		return;
	/* In a large cluster who passed the suspicion on passes the answer on too; in a small one
	 * more ways cost little. */
	if (c->class_count[CORE_MEMBER] > REFUTE_TO_ALL_MAX)
		beat_to(c, to, wall, now);
	else if (bucket_take(&c->refute_rate, 1, REFUTE_MS, now))
		beat_to_all(c, wall, now);
	else
		core_arm_by(c, TIMER_REFUTE, bucket_ready(&c->refute_rate, 1, REFUTE_MS));
}

/* ---- theirs ---- */

/* Learns how far its clock is from ours. The quickest heartbeat tells best; slow drift is
 * followed, a step back is believed when it is seen twice. */
static void learn_offset(struct peer *p, wall_t ts, mono_t now)
{
	int64_t offset = wall_ns(ts) - now.ns;
	bool is_step = p->has_offset && offset < p->offset_ns - OFFSET_STEP_NS;

	if (is_step && !p->offset_doubted) {
		p->offset_doubted = true;
		return;
	}
	p->offset_doubted = false;
	if (!p->has_offset || is_step || offset >= p->offset_ns)
		p->offset_ns = offset;
	else
		p->offset_ns -= (p->offset_ns - offset) / 16;
	p->has_offset = true;
}

/* When it signed that, on our clock; never later than now. */
static mono_t instant_of(const struct peer *p, wall_t ts, wall_t wall, mono_t now)
{
	int64_t offset = p->has_offset ? p->offset_ns : own_offset(wall, now);
	int64_t at;

	if (__builtin_sub_overflow(wall_ns(ts), offset, &at))
		return now;
	return mono_min((mono_t){at}, now);
}

static void accept(struct core *c, struct peer *p, const struct heartbeat *h, struct link *from,
	wall_t wall, mono_t now)
{
	bool relayed = from->peer != p;

	p->beat_ts = h->ts;
	if (!relayed)
		p->direct_ts = h->ts;
	if (!p->beat)
		p->beat = xcalloc(1, sizeof(*p->beat));
	*p->beat = *h;
	if (relayed)
		alive_note(&p->alive, ALIVE_RELAYED, instant_of(p, h->ts, wall, now));
	else
		alive_note(&p->alive, ALIVE_HEARTBEAT, now);
	core_recount(c, p, wall, now);
	store_mark(c, p, wall, now);
	rumour_beat(c, p, from, wall, now);
}

/* Its first arrival from the peer itself, of a heartbeat that went round faster than straight: no
 * replay, and nobody's fault. There is nothing newer in it to pass on, but that the peer lives is
 * as true as of any other that comes from it. */
static void accept_overtaken(
	struct core *c, struct peer *p, const struct heartbeat *h, wall_t wall, mono_t now)
{
	p->direct_ts = h->ts;
	alive_note(&p->alive, ALIVE_HEARTBEAT, now);
	core_recount(c, p, wall, now);
}

enum heartbeat_reason core_heartbeat_in(
	struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);
	enum heartbeat_reason reason;
	struct heartbeat_rules rules;
	struct heartbeat h;
	struct peer *p;
	bool overtaken = false;

	if (!l)
		return HEARTBEAT_NOT_MEMBER;
	if (heartbeat_parse(json, &h, &reason))
		return reason;
	p = l->peer;
	if (peer_id_eq(&h.peer, &p->id) && !wall_is_zero(h.ts)) {
		if (wall_cmp(h.ts, p->direct_ts) <= 0)
			return HEARTBEAT_REPLAY;
		overtaken = wall_cmp(h.ts, p->beat_ts) <= 0;
		/* Also when it is out of the window: that is what there is to tell. The channel
		 * proves who says it. One that was overtaken was slow, and tells little. */
		if (!overtaken && (c->doubt_from.ns == MONO_ZERO.ns ||
					  mono_since_ms(now, c->doubt_from) > BACKLOG_MS))
			learn_offset(p, h.ts, now);
	}
	rules = (struct heartbeat_rules){.cluster_id = c->cluster_id,
		.sender = &p->id,
		.is_member = c->configured && link_is_member(l),
		.now = wall};
	if (heartbeat_check(&h, &rules, &reason))
		return reason;
	if (overtaken)
		accept_overtaken(c, p, &h, wall, now);
	else
		accept(c, p, &h, l, wall, now);
	core_settle(c, wall, now);
	return overtaken ? HEARTBEAT_OVERTAKEN : HEARTBEAT_OK;
}

int core_digest_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);
	struct digest d = {0};
	int err;

	if (!link_is_member(l) || !c->configured)
		return P2P_ERR_DENIED;
	err = digest_parse(json, c->members.held.member_count, &d);
	if (err)
		return err;
	for (size_t i = 0; i < d.count && !err; i++) {
		struct peer *p = peer_find(c, &d.beats[i].peer);
		struct heartbeat_rules rules = {
			.cluster_id = c->cluster_id, .is_member = true, .now = wall};
		enum heartbeat_reason reason;

		if (!p || !p->is_member || p->is_self || wall_cmp(d.beats[i].ts, p->beat_ts) <= 0)
			continue;
		err = heartbeat_check(&d.beats[i], &rules, &reason);
		if (!err)
			accept(c, p, &d.beats[i], l, wall, now);
		/* An honest node passes on what verified; one with another clock may have taken
		 * what is out of our window. */
		if (reason == HEARTBEAT_TIMESTAMP)
			err = 0;
	}
	digest_deinit(&d);
	core_settle(c, wall, now);
	return err;
}

/* ---- clocks ---- */

/* True when it is time to tell; `*told` remembers until the clock is near again. */
static bool tells_skew(bool *told, int64_t ms)
{
	int64_t size = ms < 0 ? -ms : ms;
	bool tell = size > SKEW_MS && !*told;

	if (size > SKEW_MS)
		*told = true;
	else if (size < SKEW_CALM_MS)
		*told = false;
	return tell;
}

void beat_review(struct core *c, wall_t wall, mono_t now)
{
	int64_t own = own_offset(wall, now), median = own;
	size_t n = median_offset(c, &median);

	c->has_skew = n > 0;
	median = (median - own) / NS_PER_MS;
	c->skew_ms = -median;
	/* Of two, nobody knows whose clock is wrong: both are told of. */
	if (c->has_skew && tells_skew(&c->skew_alerted, c->skew_ms))
		news_alert(c, "clock_skew", &c->self,
			"this node's clock is %.1f s %s the median of %zu members",
			(double)(c->skew_ms < 0 ? -c->skew_ms : c->skew_ms) / 1000.0,
			c->skew_ms < 0 ? "behind" : "ahead of", n);
	if (n < 2)
		return;
	for (struct peer *p = c->peers; p; p = p->hh.next) {
		int64_t off;

		if (!p->is_member || !p->online || !p->has_offset)
			continue;
		off = (p->offset_ns - own) / NS_PER_MS - median;
		if (tells_skew(&p->skew_alerted, off))
			news_alert(c, "clock_skew", &p->id, "its clock is %.1f s %s the others'",
				(double)(off < 0 ? -off : off) / 1000.0,
				off < 0 ? "behind" : "ahead of");
	}
}
