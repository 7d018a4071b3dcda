/* SPDX-License-Identifier: Apache-2.0 */
/* core.c: the face: begins, remembers, keeps time, counts who is online, and tells the state. */
#include "proto/cluster/core_parts.h"
#include "proto/cluster/state.h"

#include <stdio.h>

#define REVIEW_MS     15000 /* clocks and periods of validity are looked at */
#define UNCLEAN_SEC   60    /* marks may be that old after an unclean end */
#define FIRST_SYNC_MS 2000

/* ---- life ---- */

static void take_opts(struct core *c, const struct core_opts *o)
{
	c->beat_ms = o->heartbeat_interval_ms;
	c->timeout_ms = o->heartbeat_timeout_ms;
	c->dead_ms = o->dead_after_ms < 1000 ? 1000 : o->dead_after_ms;
	c->full_limit = o->mesh_full_limit;
	c->degree = o->mesh_degree ? o->mesh_degree : 1;
	c->guests_max = o->guests_max;
	c->conns_max = o->connections_max;
	c->insecure = o->insecure_accept_any_issuer;
	c->admin_count = 0;
	for (size_t i = 0; i < o->admin_peer_count && i < CORE_ADMINS_MAX; i++)
		c->admins[c->admin_count++] = o->admin_peers[i];
}

struct core *core_new(const struct core_opts *opts, wall_t wall, mono_t now)
{
	struct core *c = xcalloc(1, sizeof(*c));

	c->identity = opts->identity;
	c->rng = opts->rng;
	key_pair_peer_id(opts->identity, &c->self);
	(void)snprintf(c->cluster_id, sizeof(c->cluster_id), "%s", opts->cluster_id);
	if (opts->system) {
		c->has_system = true;
		c->system = *opts->system;
	}
	take_opts(c, opts);
	list_init(&c->by_heard);
	list_init(&c->others);
	list_init(&c->untold);
	list_init(&c->dirty_links);
	list_init(&c->dirty_peers);
	list_init(&c->fresh_beats);
	list_init(&c->pulls_wanted);
	list_init(&c->pushes_wanted);
	list_init(&c->news);
	for (unsigned i = 0; i < TIMER_GLOBAL_COUNT; i++)
		c->global[i] = (struct timer){.kind = i};
	c->members.applied_at = WALL_ZERO;
	c->me = peer_get(c, &c->self);
	c->me->is_self = true;
	c->born = now;
	c->state_since = wall;
	c->guests_full_at = WALL_ZERO;
	c->state_dirty = true;
	core_arm(c, TIMER_PROBE, mono_add_ms(now, (int64_t)rng_below(c->rng, 1000)));
	core_arm(c, TIMER_BEAT, mono_add_ms(now, rng_jitter(c->rng, c->beat_ms, 10)));
	core_arm(c, TIMER_WISH, mono_add_ms(now, rng_jitter(c->rng, c->beat_ms, 10)));
	core_arm(c, TIMER_SYNC, mono_add_ms(now, rng_jitter(c->rng, FIRST_SYNC_MS, 50)));
	core_arm(c, TIMER_RESOLVE, now);
	core_arm(c, TIMER_REVIEW, mono_add_ms(now, REVIEW_MS));
	return c;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	while (c->links)
		link_free(c, c->links);
	while (c->peers)
		peer_free(c, c->peers);
	news_free_all(c);
	timers_deinit(&c->timers);
	members_deinit(&c->members);
	sources_deinit(&c->sources);
	addrs_deinit(&c->seeds);
	free(c->mismatch_at);
	buf_deinit(&c->beat_json);
	buf_deinit(&c->scratch);
	free(c);
}

void core_configure(struct core *c, const struct core_opts *opts, wall_t wall, mono_t now)
{
	take_opts(c, opts);
	/* Entries of the configuration come anew; those that are gone are not dialled any more. */
	addrs_drop_from(&c->seeds, CORE_ADDR_CONFIG);
	for (struct peer *p = c->peers; p; p = p->hh.next)
		addrs_drop_from(&p->addrs, CORE_ADDR_CONFIG);
	mesh_targets(c);
	gate_review(c, wall, now);
	mesh_plan_all(c, now);
	core_arm(c, TIMER_BEAT, mono_add_ms(now, rng_jitter(c->rng, c->beat_ms, 10)));
	core_arm(c, TIMER_RESOLVE, now);
	for (struct peer *p = c->peers; p; p = p->hh.next)
		core_recount(c, p, wall, now);
	core_settle(c, wall, now);
}

/* ---- what is remembered ---- */

static void load_snapshot(struct core *c, struct bytes json, wall_t wall)
{
	struct members *m = &c->members;
	struct snapshot_rules rules = {.cluster_id = c->cluster_id,
		.system = c->has_system ? &c->system : NULL,
		.insecure_accept_any_issuer = c->insecure,
		.source = SNAPSHOT_STORED,
		.now = wall};
	enum snapshot_reason reason;
	struct snapshot s = {0};
	struct snapshot_stamp stamp;

	if (snapshot_parse(json, &s, &reason) || snapshot_check(&s, &rules, &reason)) {
		news_alert(c, "stored_snapshot_refused", NULL,
			"the stored membership list is refused: %s", snapshot_reason_text(reason));
		snapshot_deinit(&s);
		return;
	}
	stamp = snapshot_stamp(&s);
	if (snapshot_stamp_cmp(&stamp, &m->floor) < 0) {
		news_alert(c, "stored_snapshot_refused", NULL,
			"the stored membership list is older than the newest that this node has "
			"held");
		snapshot_deinit(&s);
		return;
	}
	m->held = s;
	m->has_held = true;
	m->held_source = SNAPSHOT_STORED;
	members_raise_floor(m, &stamp);
}

static void load_mark(struct core *c, const struct core_stored_mark *k, const struct core_memory *m,
	wall_t wall, mono_t now)
{
	struct peer *p = peer_find(c, &k->peer);

	if (!p || !p->is_member) {
		if (!p || !p->is_self)
			return;
	}
	p->beat_ts = k->heartbeat_ts;
	p->seen_before = k->last_seen;
	if (m->unclean && !p->is_self && !wall_is_zero(p->beat_ts))
		p->beat_ts = wall_add_sec(p->beat_ts, UNCLEAN_SEC);
	p->direct_ts = p->beat_ts;
	if (m->resumed && !m->unclean)
		restart_resume(c, p, k->last_seen, wall, now);
	if (p->is_self || k->addr.len == 0)
		return;
	place_set(&p->reached_at, &k->addr);
	(void)addrs_add(&p->addrs, &k->addr, CORE_ADDR_SEEN, now); /* one that fits */
	sources_note(&c->sources, &k->addr, false, k->last_seen);
}

void core_load(struct core *c, const struct core_memory *m, wall_t wall, mono_t now)
{
	struct snapshot none = {0};

	members_raise_floor(&c->members, &m->floor);
	if (m->snapshot.len > 0)
		load_snapshot(c, m->snapshot, wall);
	if (c->members.has_held)
		apply_held(c, &none, wall, now);
	for (size_t i = 0; i < m->mark_count; i++)
		load_mark(c, &m->marks[i], m, wall, now);
	for (size_t i = 0; i < m->record_count; i++)
		/* What was good enough to be stored is good enough now; those of former members go.
		 */
		(void)record_learn(c, m->records[i], false, MADDR_REACH_LOOPBACK, now);
	mesh_plan_all(c, now);
	core_settle(c, wall, now);
}

/* ---- who is online ---- */

/* Later evidence moves nothing: the timer looks again when it fires. An excused end comes sooner.
 */
static void arm_expiry(struct core *c, struct peer *p)
{
	mono_t at = mono_add_ns(alive_until(&p->alive, c->timeout_ms), 1);

	if (!timer_is_armed(&p->expiry) || mono_before(at, p->expiry.at))
		timer_arm(&c->timers, &p->expiry, at);
}

void core_recount(struct core *c, struct peer *p, wall_t wall, mono_t now)
{
	bool on = p->is_member && (p->is_self || alive_is_online(&p->alive, c->timeout_ms, now));
	char id[PEER_ID_TEXT_SIZE];

	if (on && !p->is_self)
		arm_expiry(c, p);
	if (on == p->online)
		return;
	p->online = on;
	if (on)
		c->online++;
	else
		c->online--;
	p->changed_at = wall;
	c->state_dirty = true;
	if (!p->is_self && !list_is_linked(&p->dirty))
		list_append(&c->dirty_peers, &p->dirty);
	if (!on && p->is_member) {
		bool lost =
			p->alive.loss != LOSS_NONE && !mono_before(p->alive.lost, p->alive.seen);

		(void)snprintf(c->trigger, sizeof(c->trigger), "%s:%s",
			lost ? alive_loss_name(p->alive.loss) : "heartbeat_expired",
			peer_id_text(&p->id, id));
	} else if (on && !p->is_self && !p->link) {
		/* It is back, and others reach it: its addresses may be tried at once. */
		addrs_wake(&p->addrs, now);
		p->dial_from = now;
		mesh_plan(c, p, now);
	}
}

static void expired(struct core *c, struct peer *p, wall_t wall, mono_t now)
{
	if (p->is_member && alive_is_online(&p->alive, c->timeout_ms, now))
		arm_expiry(c, p);
	core_recount(c, p, wall, now);
}

static void heard(struct core *c, struct link *l, enum alive_kind kind, wall_t wall, mono_t now)
{
	link_heard(c, l, now);
	probe_heard(c, l);
	if (l->wins)
		conn_sure(c, l, wall, now);
	if (!l->peer->is_member)
		return;
	alive_note(&l->peer->alive, kind, now);
	if (!l->peer->online)
		core_recount(c, l->peer, wall, now);
}

void core_heard(struct core *c, uint64_t conn, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);

	if (!l)
		return;
	heard(c, l, ALIVE_BYTES, wall, now);
	core_settle(c, wall, now);
}

void core_pong(struct core *c, uint64_t conn, int64_t rtt_ns, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);

	if (!l)
		return;
	probe_pong(c, l, rtt_ns, wall, now);
	heard(c, l, ALIVE_PONG, wall, now);
	if (l->peer && l->peer->rival)
		conn_rival_answered(c, l, mono_add_ns(now, rtt_ns > 0 ? -rtt_ns : 0), wall, now);
	core_settle(c, wall, now);
}

void core_protocols(struct core *c, uint64_t conn, unsigned speaks, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);
	bool first;

	if (!l)
		return;
	first = !l->identified;
	l->identified = true;
	l->speaks = speaks & ~l->lacks;
	if (first || !(speaks & CORE_SPEAKS_PULL))
		spread_met(c, l, now);
	if (first && link_is_member(l)) {
		beat_to(c, l, wall, now);
		rumour_greet(c, l, now);
		mesh_ask_peers(c, l, now);
	}
	accept_review(c, false, wall, now);
	core_settle(c, wall, now);
}

void core_unsupported(struct core *c, uint64_t conn, unsigned speaks)
{
	struct link *l = link_find(c, conn);

	if (!l)
		return;
	l->lacks |= speaks;
	l->speaks &= ~speaks;
}

void core_stalled(struct core *c, int64_t ms, wall_t wall, mono_t now)
{
	probe_stalled(c, ms, now);
	core_settle(c, wall, now);
}

/* ---- the state ---- */

static void reason_of(struct core *c, enum core_state next, char *to, size_t size)
{
	const char *why = "quorum";

	switch (next) {
	case CORE_UNCONFIGURED:
		if (!c->has_system && !c->insecure)
			why = "no_system_pubkey";
		else if (!c->members.has_held)
			why = c->members.floor.issued_at.sec ? "list_lost" : "no_snapshot";
		else if (c->state != CORE_UNCONFIGURED &&
			 strncmp(c->trigger, "removed_by", 10) == 0)
			why = c->trigger;
		else if (strncmp(c->reason, "removed_by", 10) == 0)
			why = c->reason; /* still so */
		else
			why = "not_a_member";
		break;
	case CORE_DEGRADED:
		if (c->state == CORE_DEGRADED)
			why = c->reason;
		else if (c->state == CORE_HEALTHY && c->trigger[0])
			why = c->trigger;
		else
			why = "too_few_online";
		break;
	case CORE_HEALTHY:
		if (c->proof_expired)
			why = "admin_proof_expired";
		else if (c->members.single_source)
			why = "single_source";
		break;
	}
	(void)snprintf(to, size, "%s", why);
}

static size_t missing_members(const struct core *c, struct peer_id *to, size_t max)
{
	size_t n = 0;

	for (const struct peer *p = c->peers; p && n < max; p = p->hh.next)
		if (p->is_member && !p->online)
			to[n++] = p->id;
	return n;
}

static void tell_state(struct core *c, enum core_state next, const char *reason)
{
	struct news *n = news_add(c, CORE_STATE);
	struct core_state_change *s = &n->d.u.state;

	*s = (struct core_state_change){.prev = c->state, .next = next};
	if (c->members.has_held) {
		s->members = c->members.held.member_count;
		s->online = c->online;
		s->needed = members_quorum(s->members);
	}
	n->ids = xcalloc(CORE_MISSING_MAX, sizeof(*n->ids));
	s->missing_count = missing_members(c, n->ids, CORE_MISSING_MAX);
	s->missing = n->ids;
	(void)buf_put_str(&n->bytes, reason); /* no maximum */
	s->reason = buf_cstr(&n->bytes);
}

static void evaluate(struct core *c, wall_t wall)
{
	struct state_facts f = {.has_list = c->members.has_held,
		.is_member = c->configured,
		.members = c->members.has_held ? c->members.held.member_count : 0,
		.online = c->online};
	enum core_state next = state_of(&f);
	char reason[sizeof(c->reason)];

	reason_of(c, next, reason, sizeof(reason));
	if (next == c->state && strcmp(reason, c->reason) == 0 && c->started)
		return;
	tell_state(c, next, reason);
	if (next != c->state || !c->started)
		c->state_since = wall;
	c->started = true;
	c->state = next;
	memcpy(c->reason, reason, sizeof(c->reason));
}

void core_settle(struct core *c, wall_t wall, mono_t now)
{
	(void)now;
	if (!c->state_dirty)
		return;
	c->state_dirty = false;
	evaluate(c, wall);
	c->trigger[0] = '\0';
}

/* ---- time ---- */

static void warn_of_expiry(struct core *c, wall_t wall)
{
	static const int days[] = {1, 7, 30};
	int64_t left = wall_diff_ms(c->members.held.proof.valid_to, wall) / 1000;

	for (size_t i = 0; i < 3; i++) {
		if (left <= 0 || left > days[i] * INT64_C(86400))
			continue;
		if (c->proof_warned_days == 0 || days[i] < c->proof_warned_days)
			news_alert(c, "admin_proof_expiring", &c->members.held.issuer,
				"the admin proof behind the membership list ends in %d day%s or "
				"less",
				days[i], days[i] == 1 ? "" : "s");
		c->proof_warned_days = days[i];
		return;
	}
	c->proof_warned_days = 0;
}

static void review(struct core *c, wall_t wall, mono_t now)
{
	bool expired_now;

	core_arm(c, TIMER_REVIEW, mono_add_ms(now, REVIEW_MS));
	beat_review(c, wall, now);
	if (!c->members.has_held || !c->has_system)
		return;
	expired_now = snapshot_proof_now(&c->members.held, wall) == ADMIN_PROOF_EXPIRED;
	if (expired_now != c->proof_expired) {
		c->proof_expired = expired_now;
		c->state_dirty = true;
		if (expired_now)
			news_alert(c, "admin_proof_expired", &c->members.held.issuer,
				"the admin proof behind the membership list has ended; the list "
				"stays in "
				"force until a newer one comes");
	}
	if (!expired_now)
		warn_of_expiry(c, wall);
}

static void ring_link(struct core *c, struct link *l, wall_t wall, mono_t now)
{
	if (l->peer->rival == l)
		conn_rival_timer(c, l, wall, now);
	else if (l->klass == CORE_MEMBER)
		probe_timer(c, l, wall, now);
	else
		gate_timer(c, l, wall, now);
}

static void ring(struct core *c, struct timer *t, wall_t wall, mono_t now)
{
	switch ((enum core_timer)t->kind) {
	case TIMER_PROBE: probe_next(c, now); break;
	case TIMER_BEAT: beat_to_all(c, wall, now); break;
	case TIMER_REFUTE: beat_to_all(c, wall, now); break;
	case TIMER_SYNC: spread_sync(c, now); break;
	case TIMER_PULLS: spread_pulls(c, now); break;
	case TIMER_RESOLVE: mesh_resolve(c, now); break;
	case TIMER_PEERS: mesh_ask_again(c, now); break;
	case TIMER_SEEDS: mesh_seeds(c, now); break;
	case TIMER_JOIN: accept_review(c, true, wall, now); break;
	case TIMER_APPLY: accept_next(c, now); break;
	case TIMER_WISH: rumour_wishes(c, now); break;
	case TIMER_FLUSH: rumour_flush(c, now); break;
	case TIMER_REVIEW: review(c, wall, now); break;
	case TIMER_LINK: ring_link(c, t->of, wall, now); break;
	case TIMER_PONG: probe_pong_missing(c, t->of, now); break;
	case TIMER_DIAL: mesh_dial_timer(c, t->of, now); break;
	case TIMER_EXPIRY: expired(c, t->of, wall, now); break;
	case TIMER_GLOBAL_COUNT: assert(false);
	}
}

void core_tick(struct core *c, wall_t wall, mono_t now)
{
	struct timer *t;

	while ((t = timers_due(&c->timers, now)))
		ring(c, t, wall, now);
	core_settle(c, wall, now);
}

mono_t core_deadline(const struct core *c)
{
	return timers_next(&c->timers);
}

void core_bootstrap_now(struct core *c, wall_t wall, mono_t now)
{
	c->resolved_once = false;
	mesh_resolve(c, now);
	core_settle(c, wall, now);
}
