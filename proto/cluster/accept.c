/* SPDX-License-Identifier: Apache-2.0 */
/* accept.c: judging snapshots (p2pos.md 3.5; features.md P-057 to P-068).
 *
 * The way of a snapshot is in members.h. Here is decided at each fork: is it newer, may it cost a
 * signature check, does it verify, does its proof still live or do enough others confirm it, may
 * its issuer change the list again already. */
#include "proto/cluster/core_parts.h"

#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/p2pos/evidence.h"
#include "proto/p2pos/exchange.h"
#include <stdio.h>

#define CHECK_BURST         5 /* signature checks for one peer's pushes */
#define CHECK_EACH_MS       5000
#define CHECKS_BURST        20 /* …and for all of them together */
#define CHECKS_EACH_MS      50
#define JOIN_MS             10000 /* patience with slow sources */
#define SOURCES_WANTED      2
#define JOIN_ANSWERS_ENOUGH 3

#define STORE_FAILED "not stored: the database failed"

void accept_verdict(struct core *c, uint64_t token, enum snapshot_reason reason, bool unchanged,
	const char *error)
{
	struct news *n;

	if (!token)
		return;
	n = news_add(c, CORE_VERDICT);
	n->d.u.verdict = (struct core_verdict){.token = token,
		.applied = !error,
		.unchanged = unchanged,
		.reason = reason,
		.error = error ? error : ""};
	n->d.why = snapshot_reason_name(reason);
}

static void refuse(struct core *c, uint64_t token, enum snapshot_reason reason)
{
	accept_verdict(c, token, reason, false, snapshot_reason_text(reason));
}

void accept_pull_refused(struct core *c, const struct link *from, enum snapshot_reason reason)
{
	struct news *n = news_link(c, CORE_PULL_REFUSED, from, snapshot_reason_name(reason));

	n->d.u.reason = reason;
}

/* Answers everyone who asked about it, and forgets it. */
static void answer_all(
	struct core *c, struct judged *j, enum snapshot_reason reason, const char *error)
{
	for (size_t i = 0; j && i < j->token_count; i++)
		accept_verdict(c, j->tokens[i], reason, i > 0 && !error, error);
	judged_free(j);
}

/* ---- into force ---- */

static void begin_store(struct core *c, struct judged *j)
{
	struct members *m = &c->members;
	struct news *n;

	assert(!m->storing);
	m->storing = j;
	n = news_add(c, CORE_STORE_SNAPSHOT);
	n->d.peer = j->from;
	n->d.u.store = (struct core_store){
		.token = ++m->store_token, .snapshot = &j->s, .source = j->source};
}

/* Accepted: to the disk now, or as soon as the disk and the issuer's rate allow. */
static void commit(struct core *c, struct judged *j, mono_t now)
{
	struct members *m = &c->members;

	if (!m->storing && !m->waiting && members_may_apply(m, &j->s.issuer, now)) {
		begin_store(c, j);
		return;
	}
	if (m->waiting)
		answer_all(c, m->waiting, SNAPSHOT_STALE, snapshot_reason_text(SNAPSHOT_STALE));
	m->waiting = j;
	core_arm_by(c, TIMER_APPLY, mono_max(now, members_apply_at(m, &j->s.issuer)));
}

void accept_next(struct core *c, mono_t now)
{
	struct members *m = &c->members;
	struct judged *j = m->waiting;

	if (!j || m->storing)
		return;
	if (!members_may_apply(m, &j->s.issuer, now)) {
		core_arm(c, TIMER_APPLY, members_apply_at(m, &j->s.issuer));
		return;
	}
	m->waiting = NULL;
	begin_store(c, j);
}

/* What is not above the list in force has no business any more. */
static void drop_outdated(struct core *c)
{
	struct judged **slot[] = {&c->members.join, &c->members.late};

	for (size_t i = 0; i < 2; i++) {
		struct snapshot_stamp s;

		if (!*slot[i])
			continue;
		s = snapshot_stamp(&(*slot[i])->s);
		if (members_place(&c->members, &s) == MEMBERS_NEWER &&
			(i == 1 || !c->members.has_held))
			continue;
		answer_all(c, *slot[i], SNAPSHOT_STALE, snapshot_reason_text(SNAPSHOT_STALE));
		*slot[i] = NULL;
	}
}

void core_stored(struct core *c, uint64_t token, bool ok, wall_t wall, mono_t now)
{
	struct members *m = &c->members;
	struct snapshot old = {0};
	struct judged *j;

	if (!m->storing || token != m->store_token)
		return;
	if (!ok) {
		j = m->storing;
		m->storing = NULL;
		news_alert(c, "storage_failed", NULL,
			"a new membership list was not stored, and is "
			"not in force");
		answer_all(c, j, SNAPSHOT_OK, STORE_FAILED);
	} else {
		j = members_commit(m, &old, wall);
		drop_outdated(c);
		apply_held(c, &old, wall, now);
		snapshot_deinit(&old);
		answer_all(c, j, SNAPSHOT_OK, NULL);
	}
	accept_next(c, now);
	core_settle(c, wall, now);
}

/* ---- two for one instant ---- */

static void tell_conflict(struct core *c, const struct snapshot *one, const struct snapshot *other)
{
	const struct snapshot *loser = snapshot_cmp(one, other) < 0 ? one : other;
	char id[PEER_ID_TEXT_SIZE], at[RFC3339_SIZE];
	struct news *n;

	if (!members_conflict_is_new(&c->members, loser->hash))
		return;
	n = news_add(c, CORE_EQUIVOCATION);
	n->d.peer = loser->issuer;
	if (evidence_print(&n->bytes, one, other))
		buf_reset(&n->bytes); /* two lists of a megabyte each: the alert has to do */
	news_alert(c, "equivocation", &loser->issuer,
		"two valid lists were issued for %s, one of them by %s; all nodes keep the same "
		"one",
		rfc3339_text(loser->issued_at, at), peer_id_text(&loser->issuer, id));
}

/* ---- while others are asked ---- */

struct sources_count {
	size_t answered; /* conns that answered a pull, with whatever */
	size_t with_list;
	size_t agreeing; /* …with exactly that one */
	size_t open;     /* still expected to answer */
};

static struct sources_count count_sources(
	const struct core *c, const struct snapshot_stamp *s, mono_t now)
{
	struct sources_count n = {.open = c->dial_count};

	for (const struct link *l = c->links; l; l = l->hh.next) {
		if (l->closing)
			continue;
		n.open += l->pulling || l->pull_wanted ||
			  (!l->identified && mono_since_ms(now, l->up) < JOIN_MS);
		n.answered += l->pull_done;
		n.with_list += l->pull_done && l->has_stamp;
		n.agreeing += l->has_stamp && snapshot_stamp_cmp(&l->has, s) == 0;
	}
	return n;
}

/* How many sources there could be at all. */
static size_t sources_known(const struct core *c)
{
	size_t n = c->seeds.count;

	for (const struct peer *p = c->peers; p; p = p->hh.next)
		n += !p->is_self && (p->link || p->addrs.count);
	return n;
}

/* No list is held: the newest of what several sources gave, once they had their time. */
static void review_join(struct core *c, bool time_is_up, mono_t now)
{
	struct members *m = &c->members;
	struct judged *best = m->join;
	struct snapshot_stamp s;
	struct sources_count n;

	if (m->late) {
		s = snapshot_stamp(&m->late->s);
		n = count_sources(c, &s, now);
		if (time_is_up && n.agreeing == n.with_list &&
			n.agreeing >= (sources_known(c) < SOURCES_WANTED ? 1 : SOURCES_WANTED) &&
			(!best || snapshot_cmp(&m->late->s, &best->s) > 0)) {
			best = m->late;
			m->late = NULL;
		}
	}
	if (!best)
		return;
	s = snapshot_stamp(&best->s);
	n = count_sources(c, &s, now);
	if (!time_is_up && n.open > 0 && n.with_list < JOIN_ANSWERS_ENOUGH)
		return;
	if (best == m->join)
		m->join = NULL;
	m->single_source = n.agreeing < SOURCES_WANTED;
	commit(c, best, now);
}

/* A list is held: more than half of its connected members must serve the new one. */
static void review_late(struct core *c, mono_t now)
{
	struct members *m = &c->members;
	size_t connected = c->class_count[CORE_MEMBER], agreeing = 0;
	size_t least = m->held.member_count <= 2 ? 1 : 2;
	struct snapshot_stamp s;
	struct judged *j = m->late;

	if (!j)
		return;
	s = snapshot_stamp(&j->s);
	for (const struct list *n = c->by_heard.next; n != &c->by_heard; n = n->next) {
		const struct link *l = list_entry(n, struct link, order);

		agreeing += l->has_stamp && snapshot_stamp_cmp(&l->has, &s) == 0;
	}
	if (2 * agreeing <= connected || agreeing < least)
		return;
	m->late = NULL;
	commit(c, j, now);
}

void accept_review(struct core *c, bool time_is_up, wall_t wall, mono_t now)
{
	(void)wall;
	if (c->members.storing || c->members.waiting)
		return;
	if (c->members.has_held)
		review_late(c, now);
	else
		review_join(c, time_is_up, now);
}

/* Keeps the newer of the two in the slot. */
static bool keep(struct core *c, struct judged **slot, struct judged *j)
{
	if (*slot && snapshot_cmp(&(*slot)->s, &j->s) >= 0) {
		bool same = snapshot_cmp(&(*slot)->s, &j->s) == 0;

		answer_all(c, j, same ? SNAPSHOT_UNCONFIRMED : SNAPSHOT_STALE,
			snapshot_reason_text(same ? SNAPSHOT_UNCONFIRMED : SNAPSHOT_STALE));
		return false;
	}
	answer_all(c, *slot, SNAPSHOT_STALE, snapshot_reason_text(SNAPSHOT_STALE));
	*slot = j;
	return true;
}

/* ---- one arrives ---- */

static bool may_check(struct core *c, struct link *from, enum snapshot_source source, mono_t now)
{
	struct maddr_ip ip;
	struct maddr remote;

	if (source != SNAPSHOT_PUSHED || !from)
		return true;
	remote = place_get(from->remote);
	if (!maddr_to_ip(&remote, &ip) && !link_is_member(from) &&
		sources_is_blocked(&c->sources, &ip, now))
		return false;
	return bucket_take(&from->push_rate, CHECK_BURST, CHECK_EACH_MS, now) &&
	       bucket_take(&c->checks, CHECKS_BURST, CHECKS_EACH_MS, now);
}

static void punish(struct core *c, struct link *from, enum snapshot_reason reason, mono_t now)
{
	struct maddr remote;

	if (!from || (reason != SNAPSHOT_SIGNATURE && reason != SNAPSHOT_PROOF_SIGNATURE))
		return;
	remote = place_get(from->remote);
	sources_block(&c->sources, &remote, now);
	news_alert(c, "bad_signature", &from->peer->id, "it sent a list that does not verify: %s",
		snapshot_reason_text(reason));
}

/* For the explanation: why others' lists are of no use here. */
static void note_refused(
	struct core *c, const struct snapshot *s, enum snapshot_reason why, wall_t wall)
{
	c->refused = (struct refused){.why = why,
		.at = wall,
		.issued_at = s->issued_at,
		.proof_from = s->proof.valid_from,
		.proof_to = s->proof.valid_to};
	(void)text_copy(
		c->refused.cluster_id, sizeof(c->refused.cluster_id), bytes_str(s->cluster_id));
}

static int check(struct core *c, const struct snapshot *s, enum snapshot_source source,
	struct link *from, wall_t wall, mono_t now, enum snapshot_reason *ret_reason)
{
	struct snapshot_rules rules = {.cluster_id = c->cluster_id,
		.system = c->has_system ? &c->system : NULL,
		.insecure_accept_any_issuer = c->insecure,
		.source = source,
		.now = wall};
	int err = snapshot_check(s, &rules, ret_reason);

	if (!err)
		return 0;
	note_refused(c, s, *ret_reason, wall);
	punish(c, from, *ret_reason, now);
	if (*ret_reason == SNAPSHOT_FUTURE) {
		char at[RFC3339_SIZE];

		news_alert(c, "snapshot_from_future", &s->issuer,
			"a list is dated %s, more than 5 minutes ahead of this clock",
			rfc3339_text(s->issued_at, at));
	}
	return err;
}

/* True when it was dealt with without looking at its signatures. */
static bool is_known(struct core *c, const struct snapshot *s, uint64_t token)
{
	struct members *m = &c->members;
	struct snapshot_stamp stamp = snapshot_stamp(s);

	switch (members_place(m, &stamp)) {
	case MEMBERS_IS_HELD: accept_verdict(c, token, SNAPSHOT_OK, true, NULL); return true;
	case MEMBERS_IS_STORING:
		if (!judged_add_token(m->storing, token))
			refuse(c, token, SNAPSHOT_RATE_LIMITED);
		return true;
	case MEMBERS_IS_WAITING:
		if (!judged_add_token(m->waiting, token))
			refuse(c, token, SNAPSHOT_RATE_LIMITED);
		return true;
	case MEMBERS_STALE:
		if (members_conflict(m, s))
			return false; /* it lost a tie: that has to be proven and told */
		refuse(c, token, SNAPSHOT_STALE);
		return true;
	case MEMBERS_NEWER: break;
	}
	return false;
}

static bool is_late(const struct core *c, const struct snapshot *s, wall_t wall)
{
	return c->has_system && snapshot_proof_now(s, wall) != ADMIN_PROOF_OK;
}

/* Verified and pulled: straight on, or to be confirmed by others first. */
static void take_pulled(struct core *c, struct judged *j, wall_t wall, mono_t now)
{
	struct members *m = &c->members;
	bool late = is_late(c, &j->s, wall);

	if (!late && m->has_held) {
		commit(c, j, now);
		return;
	}
	if (!keep(c, late ? &m->late : &m->join, j))
		return;
	if (!m->has_held) {
		core_arm_by(c, TIMER_JOIN, mono_add_ms(now, JOIN_MS));
		return;
	}
	/* Who else has it? */
	core_arm_by(c, TIMER_SYNC, now);
}

void accept_offer(struct core *c, struct snapshot *take_s, enum snapshot_source source,
	struct link *from, uint64_t token, wall_t wall, mono_t now)
{
	struct members *m = &c->members;
	const struct snapshot *rival;
	struct snapshot_stamp stamp = snapshot_stamp(take_s);
	enum snapshot_reason reason;
	struct judged *j;

	if (is_known(c, take_s, token))
		goto out;
	if (source == SNAPSHOT_PULLED && m->late && snapshot_cmp(&m->late->s, take_s) == 0)
		goto out; /* one more that has it; accept_review() counts */
	if (source == SNAPSHOT_PULLED && m->join && snapshot_cmp(&m->join->s, take_s) == 0)
		goto out;
	if (!may_check(c, from, source, now)) {
		refuse(c, token, SNAPSHOT_RATE_LIMITED);
		if (link_is_member(from))
			spread_ask(c, from, now); /* at our own pace instead */
		goto out;
	}
	if (check(c, take_s, source, from, wall, now, &reason)) {
		refuse(c, token, reason);
		if (source == SNAPSHOT_PULLED && from)
			accept_pull_refused(c, from, reason);
		goto out;
	}
	rival = members_conflict(m, take_s);
	if (rival)
		tell_conflict(c, take_s, rival);
	if (members_place(m, &stamp) != MEMBERS_NEWER) {
		refuse(c, token, SNAPSHOT_STALE);
		goto out;
	}
	if (source == SNAPSHOT_PUSHED && from && peer_id_eq(&from->peer->id, &take_s->issuer))
		(void)gate_admin(c, from, "issuer", now); /* when there is room for one */
	j = judged_new(take_s, source, from ? &from->peer->id : NULL, token);
	if (source == SNAPSHOT_PULLED) {
		take_pulled(c, j, wall, now);
	} else {
		m->single_source = false;
		commit(c, j, now);
	}
out:
	snapshot_deinit(take_s);
	*take_s = (struct snapshot){0};
}

/* In a mesh everyone pushes a new list to everyone: after the first time its text is enough to
 * know it by. The snapshot in force or on its way to the disk that has just this text, or NULL. */
static const struct snapshot *by_text(const struct members *m, struct bytes json)
{
	json = text_trim(json);
	if (m->has_held && bytes_eq(json, text_trim(buf_bytes(&m->held.raw))))
		return &m->held;
	if (m->storing && bytes_eq(json, text_trim(buf_bytes(&m->storing->s.raw))))
		return &m->storing->s;
	return NULL;
}

void core_snapshot_in(struct core *c, uint64_t token, enum snapshot_source source, uint64_t conn,
	struct bytes json, wall_t wall, mono_t now)
{
	struct link *from = conn ? link_find(c, conn) : NULL;
	const struct snapshot *known = by_text(&c->members, json);
	struct snapshot s = {0};
	enum snapshot_reason reason;
	struct snapshot_stamp stamp;

	if (known) {
		stamp = snapshot_stamp(known);
		if (from)
			spread_knows(c, from, &stamp, now);
		(void)is_known(c, known, token); /* it is */
		core_settle(c, wall, now);
		return;
	}
	if (snapshot_parse(json, &s, &reason)) {
		refuse(c, token, reason);
		core_settle(c, wall, now);
		return;
	}
	stamp = snapshot_stamp(&s);
	if (from)
		spread_knows(c, from, &stamp, now);
	accept_offer(c, &s, source, from, token, wall, now);
	accept_review(c, false, wall, now);
	core_settle(c, wall, now);
}

/* ---- admin sessions ---- */

int core_admin_in(struct core *c, uint64_t conn, struct bytes json, struct buf *answer, wall_t wall,
	mono_t now)
{
	struct link *l = link_find(c, conn);
	enum admin_proof_reason reason = ADMIN_PROOF_OK;
	struct admin_answer a = {0};
	struct admin_proof proof;
	int err = l ? admin_request_parse(json, &proof) : P2P_ERR_CLOSED;

	if (!err) {
		struct maddr remote = place_get(l->remote);
		struct admin_proof_rules rules = {.cluster_id = c->cluster_id,
			.peer = &l->peer->id,
			.system = c->has_system ? &c->system : NULL,
			.at = wall,
			.slack_sec = ADMIN_PROOF_SLACK_SEC};

		err = bucket_take(&l->push_rate, CHECK_BURST, CHECK_EACH_MS, now)
			      ? admin_proof_check(&proof, &rules, &reason)
			      : P2P_ERR_FULL;
		if (reason == ADMIN_PROOF_SIGNATURE)
			sources_block(&c->sources, &remote, now);
	}
	if (!err && !gate_admin(c, l, "proof", now))
		err = P2P_ERR_FULL;
	a.ok = !err;
	if (err)
		(void)snprintf(a.error, sizeof(a.error), "%s",
			reason == ADMIN_PROOF_OK || !l ? err_text(err)
						       : admin_proof_reason_text(reason));
	core_settle(c, wall, now);
	(void)admin_answer_print(answer, &a); /* cut short only by the owner's own limit */
	return err;
}
