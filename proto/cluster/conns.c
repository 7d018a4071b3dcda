/* SPDX-License-Identifier: Apache-2.0 */
/* conns.c: connections come and go; of two to one peer, one is kept. */
#include "proto/cluster/core_parts.h"

#include "proto/base/text.h"

#define YOUNG_MS          5000 /* two conns this young came of a simultaneous dial */
#define RIVAL_ANSWER_MS   1000 /* for the old conn to answer, at the side that accepted the new */
#define RIVAL_WAIT_MS     3000 /* the side that dialled it lets the other judge, and then asks both */
#define CONFLICT_MS       600000
#define CONFLICTS_TO_TELL 3

static void knock(struct core *c, const struct link *l, wall_t wall)
{
	struct core_knock k = {.peer = l->peer->id,
		.from = place_get(l->remote),
		.first_seen = wall,
		.last_seen = wall,
		.tries = 1};
	size_t at = 0;

	while (at < c->knock_count && !peer_id_eq(&c->knocks[at].peer, &k.peer))
		at++;
	if (at < c->knock_count) {
		k.first_seen = c->knocks[at].first_seen;
		k.tries = c->knocks[at].tries + (c->knocks[at].tries < UINT32_MAX);
	} else if (c->knock_count < CORE_PENDING_MAX) {
		c->knock_count++;
	} else {
		at = CORE_PENDING_MAX - 1; /* the oldest makes room */
	}
	memmove(&c->knocks[1], &c->knocks[0], at * sizeof(k));
	c->knocks[0] = k;
}

/* From now on this conn stands for its peer. */
static void promote(struct core *c, struct link *l)
{
	struct peer *p = l->peer;

	p->link = l;
	if (p->rival == l)
		p->rival = NULL;
	if (p->target)
		c->target_linked++;
	gate_arm(c, l);
}

/* Connections that come up and soon carry nothing tell of a path that swallows large packets. The
 * side to which that path leads notices the silence and closes; the other one, which still hears
 * well, sees only that it ended in the middle of a list, or, where an answer was on its way, that
 * it ended after the time that silence is given. */
static void note_life(const struct core *c, struct peer *p, const struct link *l,
	enum alive_loss loss, mono_t now)
{
	int64_t ms = mono_since_ms(now, l->up);
	unsigned weight = 0;

	if (loss == LOSS_SILENCE || l->push_cut || l->pushing)
		weight = 2;
	else if (loss == LOSS_REMOTE && ms >= c->dead_ms * 3 / 4)
		weight = 1;
	if (ms >= LINK_SHORT_MS)
		p->short_lives = 0;
	else if (weight && p->short_lives <= UINT8_MAX - weight)
		p->short_lives = (uint8_t)(p->short_lives + weight);
	else
		return;
	p->short_at = now;
}

/* What follows from the end of a conn, whoever ended it. It is detached then, not freed. */
static void part(
	struct core *c, struct link *l, enum alive_loss loss, mono_t lost, wall_t wall, mono_t now)
{
	struct peer *p = l->peer;
	bool stood = p->link == l, was_member = l->klass == CORE_MEMBER;
	/* Over TCP a kernel tells everyone of an end; of silence all have to find out. */
	bool untold = loss == LOSS_SILENCE || (l->ends_untold && loss == LOSS_REMOTE);

	link_detach(c, l);
	if (!stood)
		return;
	note_life(c, p, l, loss, now);
	if (p->rival) {
		promote(c, p->rival);
		return;
	}
	alive_lose(&p->alive, loss, lost);
	core_recount(c, p, wall, now);
	mesh_lost(c, p, now);
	/* Perhaps only our way to it is gone: then its own signature will come round. */
	if (!was_member || !p->is_member)
		return;
	if (untold)
		rumour_end(c, p, now);
	else if (loss == LOSS_REMOTE || loss == LOSS_ERROR)
		rumour_ask(c, p, now);
}

void conn_give_up(struct core *c, struct link *l, const char *why, enum alive_loss loss,
	mono_t lost, wall_t wall, mono_t now)
{
	struct peer *p = l->peer;

	news_link(c, CORE_CLOSE, l, why);
	(void)text_copy(p->down_detail, sizeof(p->down_detail), bytes_str(why));
	part(c, l, loss, lost, wall, now);
	peer_let_go(c, p);
}

static bool is_same_network(const struct maddr *a, const struct maddr *b)
{
	struct maddr_ip x, y;

	if (maddr_to_ip(a, &x) || maddr_to_ip(b, &y))
		return true; /* not to be told apart */
	return x.family == y.family && memcmp(x.ip, y.ip, x.family == 4 ? 3 : 7) == 0;
}

/* Two hosts with one key keep replacing each other's conns (FM-38). */
static void note_conflict(
	struct core *c, struct peer *p, const struct link *a, const struct link *b, mono_t now)
{
	struct maddr x = place_get(a->remote), y = place_get(b->remote);

	if (is_same_network(&x, &y))
		return;
	if (p->conflicts == 0 || mono_since_ms(now, p->conflict_from) > CONFLICT_MS) {
		p->conflicts = 0;
		p->conflict_from = now;
	}
	if (++p->conflicts == CONFLICTS_TO_TELL) {
		char one[MADDR_TEXT_MAX + 1], other[MADDR_TEXT_MAX + 1];

		news_alert(c, "identity_conflict", &p->id,
			"two hosts use this node's key: %s and %s", maddr_text(&x, one),
			maddr_text(&y, other));
		p->conflicts = 0;
	}
}

static void settle(struct core *c, struct link *loser, const char *why, wall_t wall, mono_t now)
{
	conn_give_up(c, loser, why, LOSS_OURS, now, wall, now);
}

/* Both sides keep the one that the smaller ID dialled (p2pos.md section 6). */
static enum conn_side kept_side(const struct core *c, const struct peer *p)
{
	return peer_id_cmp(&c->self, &p->id) < 0 ? CONN_DIALER : CONN_LISTENER;
}

/* A conn that we dialled is up here before it is there: only when something was heard on it may
 * the other one be closed, or the peer would be without any for a moment, and call that a loss. */
static void settle_when_sure(struct core *c, struct peer *p, struct link *winner,
	struct link *loser, wall_t wall, mono_t now)
{
	if (winner->side == CONN_LISTENER || mono_before(winner->up, winner->heard)) {
		settle(c, loser, "duplicate", wall, now);
		return;
	}
	winner->wins = true;
	timer_arm(&c->timers, &p->rival->timer, mono_add_ms(now, RIVAL_WAIT_MS));
}

void conn_sure(struct core *c, struct link *winner, wall_t wall, mono_t now)
{
	struct peer *p = winner->peer;
	struct link *loser = p->link == winner ? p->rival : p->link;

	winner->wins = false;
	if (loser)
		settle(c, loser, "duplicate", wall, now);
}

static void begin_rivalry(
	struct core *c, struct peer *p, struct link *fresh, wall_t wall, mono_t now)
{
	struct link *old = p->link;

	p->rival = fresh;
	if (old->side != fresh->side && mono_since_ms(now, old->up) < YOUNG_MS) {
		if (old->side == kept_side(c, p))
			settle_when_sure(c, p, old, fresh, wall, now);
		else
			settle_when_sure(c, p, fresh, old, wall, now);
		return;
	}
	link_want(c, old, WANT_PING);
	timer_arm(&c->timers, &fresh->timer,
		mono_add_ms(now, fresh->side == CONN_LISTENER ? RIVAL_ANSWER_MS : RIVAL_WAIT_MS));
}

/* Which one stays, now that the peer has answered on `l` long after it could judge? What answers is
 * what it kept; or it did not judge, because both dialled: then both come to the same by the rule.
 */
static struct link *kept_by_both(const struct core *c, const struct peer *p, struct link *l)
{
	if (p->link->side == p->rival->side ||
		mono_since_ms(p->rival->up, p->link->up) >= 2 * YOUNG_MS)
		return l;
	return p->link->side == kept_side(c, p) ? p->link : p->rival;
}

void conn_rival_answered(struct core *c, struct link *l, mono_t asked, wall_t wall, mono_t now)
{
	struct peer *p = l->peer;
	struct link *fresh = p->rival;

	if (mono_before(asked, fresh->up))
		return;
	if (fresh->side == CONN_LISTENER) {
		/* It is ours to judge: the old one answers, so it stays. */
		if (l == fresh)
			return;
		note_conflict(c, p, p->link, fresh, now);
		settle(c, fresh, "duplicate", wall, now);
	} else if (mono_since_ms(asked, fresh->up) >= RIVAL_WAIT_MS) {
		/* The end of what the peer closed may take long to arrive; an answer does not lie.
		 */
		if (kept_by_both(c, p, l) == fresh)
			settle(c, p->link, "replaced", wall, now);
		else
			settle(c, fresh, "duplicate", wall, now);
	}
}

void conn_rival_timer(struct core *c, struct link *fresh, wall_t wall, mono_t now)
{
	struct link *old = fresh->peer->link;

	if (fresh->side == CONN_LISTENER) {
		settle(c, old, "replaced", wall, now);
		return;
	}
	link_want(c, old, WANT_PING);
	link_want(c, fresh, WANT_PING);
	timer_arm(&c->timers, &fresh->timer, mono_add_ms(now, RIVAL_WAIT_MS));
}

/* NULL, or why it is not taken. */
static const char *refusal(struct core *c, const struct peer *p, enum core_class wish,
	enum conn_side side, const struct maddr *remote, mono_t now)
{
	struct maddr_ip ip;
	bool is_stranger = wish == CORE_GUEST || wish == CORE_OPEN;

	if (p->rival && p->rival->side == side)
		return "duplicate";
	if (wish == CORE_GUEST && side == CONN_DIALER)
		return "not_a_member";
	if (wish != CORE_MEMBER && HASH_COUNT(c->links) >= c->conns_max)
		return "connections_full";
	if (is_stranger && side == CONN_LISTENER && !maddr_to_ip(remote, &ip) &&
		sources_is_blocked(&c->sources, &ip, now))
		return "source_blocked";
	return NULL;
}

static void came_up(
	struct core *c, struct link *l, const struct maddr *remote, wall_t wall, mono_t now)
{
	struct peer *p = l->peer;

	place_set(&p->seen_at, remote);
	if (p->is_member) {
		sources_note(&c->sources, remote, false, wall);
		alive_note(&p->alive, ALIVE_HANDSHAKE, now);
		core_recount(c, p, wall, now);
	} else if (l->klass == CORE_GUEST) {
		knock(c, l, wall);
	}
	if (p->rival && p->rival->side != kept_side(c, p)) {
		settle(c, p->rival, "duplicate", wall, now);
	} else if (p->rival) {
		settle(c, l, "duplicate", wall, now);
		return;
	}
	if (p->link)
		begin_rivalry(c, p, l, wall, now);
	else
		promote(c, l);
}

enum core_class core_conn_up(struct core *c, uint64_t conn, const struct peer_id *peer,
	enum conn_side side, const struct maddr *remote, uint64_t dial, const char **ret_why,
	wall_t wall, mono_t now)
{
	const char *admin_why;
	enum core_class klass;
	struct peer *p;
	struct link *l;

	*ret_why = "self";
	if (peer_id_eq(peer, &c->self)) {
		mesh_reached_self(c, dial, wall, now);
		return CORE_REFUSED;
	}
	*ret_why = "connections_full";
	p = peer_get(c, peer);
	if (!p)
		return CORE_REFUSED;
	klass = gate_class(c, p, &admin_why);
	*ret_why = refusal(c, p, klass, side, remote, now);
	if (!*ret_why)
		klass = gate_room(c, klass, side, ret_why, wall, now);
	/* Making room may have closed the last conn of this very peer, and forgotten it. */
	p = peer_get(c, peer);
	if (*ret_why || !p) {
		if (*ret_why && strcmp(*ret_why, "guests_full") == 0)
			c->guests_full_at = wall;
		if (p)
			peer_let_go(c, p);
		core_settle(c, wall, now);
		return CORE_REFUSED;
	}
	assert(conn && !link_find(c, conn)); /* numbers are never used twice */
	l = link_new(c, conn, p);
	l->side = side;
	l->ends_untold = maddr_kind(remote) == MADDR_QUIC;
	place_set(&l->remote, remote);
	l->up = l->heard = now;
	l->up_wall = wall;
	l->admin_why = admin_why;
	link_set_class(c, l, klass);
	mesh_reached(c, dial, l, wall);
	came_up(c, l, remote, wall, now);
	core_settle(c, wall, now);
	/* A simultaneous dial may have been decided against it already. */
	l = link_find(c, conn);
	return l ? l->klass : klass;
}

void core_conn_down(struct core *c, uint64_t conn, enum core_down why, const char *detail,
	wall_t wall, mono_t now)
{
	enum alive_loss loss = why == CORE_DOWN_REMOTE ? LOSS_REMOTE
			       : why == CORE_DOWN_OURS ? LOSS_OURS
						       : LOSS_ERROR;
	struct link *l = NULL;
	struct peer *p;

	HASH_FIND(hh, c->links, &conn, sizeof(conn), l);
	if (!l)
		return;
	p = l->peer;
	if (!l->closing) {
		/* One that did not answer was lost when it fell silent, not when that was
		 * confirmed. */
		mono_t lost = l->asked && l->suspected ? l->asked_at : now;

		(void)text_copy(
			p->down_detail, sizeof(p->down_detail), bytes_str(detail ? detail : ""));
		part(c, l, loss, lost, wall, now);
	}
	link_free(c, l);
	if (p)
		peer_let_go(c, p);
	core_settle(c, wall, now);
}

enum core_class core_conn_class(const struct core *c, uint64_t conn)
{
	const struct link *l = link_find(c, conn);

	return l ? l->klass : CORE_REFUSED;
}
