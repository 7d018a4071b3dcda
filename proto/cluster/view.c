/* SPDX-License-Identifier: Apache-2.0 */
/* view.c: answers to questions; changes nothing. */
#include "proto/cluster/core_parts.h"

const struct snapshot *core_snapshot(const struct core *c)
{
	return c->members.has_held ? &c->members.held : NULL;
}

bool core_is_member(const struct core *c, const struct peer_id *peer)
{
	const struct peer *p = peer_find(c, peer);

	return p && p->is_member;
}

static int64_t ms_until(mono_t at, mono_t now)
{
	return mono_is_never(at) ? -1 : mono_since_ms(at, now);
}

void core_view(const struct core *c, wall_t wall, mono_t now, struct core_view *ret)
{
	const struct members *m = &c->members;
	const char *doubt = probe_doubt(c, now);

	*ret = (struct core_view){
		.self = c->self,
		.state = c->state,
		.reason = c->reason,
		.state_since = c->state_since,
		.is_member = c->configured,
		.floor = m->floor,
		.source = m->held_source,
		.applied_at = m->applied_at,
		.insecure = c->insecure && !c->has_system,
		.single_source = m->single_source,
		.self_doubt = doubt != NULL,
		.self_doubt_why = doubt,
		.has_skew = c->has_skew,
		.skew_ms = c->skew_ms,
		.need_open = mesh_needs(c),
		.resolve_in_ms = timer_is_armed(&c->global[TIMER_RESOLVE])
					 ? ms_until(c->global[TIMER_RESOLVE].at, now)
					 : -1,
		.conns_member = c->class_count[CORE_MEMBER],
		.conns_guest = c->class_count[CORE_GUEST],
		.conns_admin = c->class_count[CORE_ADMIN],
		.conns_open = c->class_count[CORE_OPEN],
		.pending = c->knock_count,
		.dials = c->dial_count,
		.news_dropped = c->news_dropped,
	};
	ret->conns = ret->conns_member + ret->conns_guest + ret->conns_admin + ret->conns_open;
	if (!m->has_held)
		return;
	ret->snapshot = &m->held;
	ret->members = m->held.member_count;
	ret->online = c->online;
	ret->needed = members_quorum(ret->members);
	ret->proof_now = snapshot_proof_now(&m->held, wall);
}

static wall_t wall_at(mono_t at, wall_t wall, mono_t now)
{
	return wall_add_ns(wall, -mono_since_ns(now, at));
}

static void put_evidence(const struct core *c, const struct peer *p, wall_t wall, mono_t now,
	struct core_member *ret)
{
	const struct alive *a = &p->alive;
	bool lost =
		a->loss != LOSS_NONE && (a->kind == ALIVE_NEVER || !mono_before(a->lost, a->seen));

	(void)c;
	ret->since = p->changed_at;
	ret->last_seen = a->kind == ALIVE_NEVER ? p->seen_before : wall_at(a->seen, wall, now);
	ret->relayed = a->kind == ALIVE_RELAYED;
	if (p->is_self) {
		ret->why = "self";
		ret->last_seen = wall;
	} else if (a->kind != ALIVE_RESUMED && alive_is_excused(a, now)) {
		ret->why = "restarting";
	} else if (p->online || a->kind == ALIVE_NEVER) {
		ret->why = alive_kind_name(a->kind);
	} else {
		ret->why = lost ? alive_loss_name(a->loss) : "heartbeat_expired";
	}
}

static void put_conn(
	const struct core *c, const struct peer *p, mono_t now, struct core_member *ret)
{
	const struct link *l = p->link;

	ret->addr = place_get(p->seen_at ? p->seen_at : p->reached_at);
	if (!l)
		return;
	ret->has_rtt = l->has_rtt;
	ret->rtt_ns = l->srtt_ns;
	ret->last_pong = l->pong_at;
	ret->suspected = l->suspected;
	ret->witnesses = l->suspected ? probe_witnesses(c, p, now) : 0;
	ret->speaks = l->speaks;
	if (probe_is_broken(c, l, now))
		return;
	ret->conn = l->conn;
	ret->side = l->side;
	ret->connected_since = l->up_wall;
	if (c->members.has_held && l->has_stamp) {
		struct snapshot_stamp mine = snapshot_stamp(&c->members.held);

		ret->has_snapshot = snapshot_stamp_cmp(&l->has, &mine) == 0;
	}
}

static void put_dials(const struct peer *p, mono_t now, struct core_member *ret)
{
	const struct addr *failed = addrs_last_failure(&p->addrs);

	ret->addr_count = p->addrs.count;
	ret->dialling = p->dialling;
	if (timer_is_armed(&p->dial_timer))
		ret->dial_in_ms = ms_until(p->dial_timer.at, now);
	if (!failed)
		return;
	ret->dial_failures = failed->failures;
	ret->dial_err = failed->err;
	ret->dial_stage = (enum core_stage)failed->stage;
	ret->dial_at = failed->tried;
	addr_copy(failed, &ret->dial_addr);
}

static void put_skew(const struct peer *p, wall_t wall, mono_t now, struct core_member *ret)
{
	int64_t own = wall.sec * NS_PER_SEC + wall.nsec - now.ns;

	ret->has_skew = p->has_offset;
	if (p->has_offset)
		ret->skew_ms = (p->offset_ns - own) / NS_PER_MS;
}

static void fill(const struct core *c, const struct peer *p, wall_t wall, mono_t now,
	struct core_member *ret)
{
	ret->peer = p->id;
	ret->self = p->is_self;
	ret->online = p->online;
	put_evidence(c, p, wall, now, ret);
	put_conn(c, p, now, ret);
	put_dials(p, now, ret);
	put_skew(p, wall, now, ret);
}

static void blank(struct core_member *ret)
{
	*ret = (struct core_member){.why = "never",
		.since = WALL_ZERO,
		.last_seen = WALL_ZERO,
		.connected_since = WALL_ZERO,
		.last_pong = WALL_ZERO,
		.dial_in_ms = -1,
		.dial_at = WALL_ZERO};
}

bool core_member_at(
	const struct core *c, size_t i, wall_t wall, mono_t now, struct core_member *ret)
{
	const struct snapshot_member *m;
	const struct peer *p;

	if (!c->members.has_held || i >= c->members.held.member_count)
		return false;
	m = &c->members.held.members[i];
	blank(ret);
	ret->text = m->text;
	p = peer_id_is_none(&m->peer) ? NULL : peer_find(c, &m->peer);
	if (p)
		fill(c, p, wall, now, ret);
	return true;
}

bool core_member_get(const struct core *c, const struct peer_id *peer, wall_t wall, mono_t now,
	struct core_member *ret)
{
	const struct peer *p = peer_find(c, peer);
	const struct snapshot *s = &c->members.held;

	if (!p || !p->is_member)
		return false;
	blank(ret);
	ret->text = "";
	for (size_t i = 0; i < s->member_count; i++)
		if (peer_id_eq(&s->members[i].peer, peer)) {
			ret->text = s->members[i].text;
			break;
		}
	fill(c, p, wall, now, ret);
	return true;
}

bool core_pending_at(const struct core *c, size_t i, struct core_knock *ret)
{
	if (i >= c->knock_count)
		return false;
	*ret = c->knocks[i];
	return true;
}
