/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: why things are as they are, in plain words (p2pos.md section 9; features.md N-08).
 *
 * The first line names the cause with its numbers; then each member that counts as offline, with
 * the last evidence of it and the last failed dial; then what would change it. */
#include "proto/cluster/findings.h"

#include "proto/base/rfc3339.h"
#include "proto/cluster/core_parts.h"
#include <stdio.h>

#define EXPLAIN_BYTES_MAX   65536 /* more is cut at a line */
#define EXPLAIN_MEMBERS_MAX 32    /* offline members told of one by one; the rest is a number */
#define EXPLAIN_ADDRS_MAX   8

void explain_deinit(struct explain *e)
{
	buf_deinit(&e->lines);
	buf_deinit(&e->notes);
	buf_deinit(&e->remedies);
}

/* Running over the maximum leaves out lines at the end: there is nothing better to do. */
#define SAY(e, ...) ((void)buf_printf(&(e)->lines, __VA_ARGS__))
/* The same line, indented, and once more among those of its kind. */
#define SAY_AS(e, kind, ...)                                                                       \
	do {                                                                                       \
		SAY(e, "  " __VA_ARGS__);                                                          \
		(void)buf_printf(&(e)->kind, __VA_ARGS__);                                         \
	} while (0)
#define NOTE(e, ...)   SAY_AS(e, notes, __VA_ARGS__)
#define ADVISE(e, ...) SAY_AS(e, remedies, __VA_ARGS__)

/* The first line when nothing more telling was found; else a remark. */
#define HEAD(e, ...)                                                                               \
	do {                                                                                       \
		if ((e)->lines.len == 0)                                                           \
			SAY(e, "unconfigured: " __VA_ARGS__);                                      \
		else                                                                               \
			NOTE(e, __VA_ARGS__);                                                      \
	} while (0)

static void explain_init(struct explain *e)
{
	*e = (struct explain){.lines = BUF_WITH_MAX(EXPLAIN_BYTES_MAX),
		.notes = BUF_WITH_MAX(EXPLAIN_BYTES_MAX),
		.remedies = BUF_WITH_MAX(EXPLAIN_BYTES_MAX)};
}

static const char *ago(wall_t then, wall_t now, char *to, size_t size)
{
	int64_t s = wall_diff_ms(now, then) / 1000;

	if (wall_is_zero(then))
		(void)snprintf(to, size, "never");
	else if (s < 0)
		(void)snprintf(to, size, "just now");
	else if (s < 120)
		(void)snprintf(to, size, "%lld s ago", (long long)s);
	else if (s < 7200)
		(void)snprintf(to, size, "%lld min ago", (long long)(s / 60));
	else if (s < 172800)
		(void)snprintf(to, size, "%lld h ago", (long long)(s / 3600));
	else
		(void)snprintf(to, size, "%lld days ago", (long long)(s / 86400));
	return to;
}

/* What the reason words of a loss mean. */
static const char *loss_text(const char *why)
{
	static const struct {
		const char *word, *text;
	} texts[] = {
		{"remote_close", "its connection was closed from there"},
		{"our_close", "this node closed its connection"},
		{"conn_error", "its connection failed"},
		{"silence", "it did not answer probes"},
		{"heartbeat_expired", "nothing was heard of it for longer than heartbeat.timeout"},
		{"never", "nothing was heard of it since this node started"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(why, texts[i].word) == 0)
			return texts[i].text;
	return why;
}

static void say_dial(struct explain *e, const struct core_member *m, wall_t wall)
{
	char addr[MADDR_TEXT_MAX + 1], when[40];

	if (m->dial_err)
		SAY(e, "    last dial: %s failed at %s %s: %s (%u in a row)\n",
			maddr_text(&m->dial_addr, addr), core_stage_name(m->dial_stage),
			ago(m->dial_at, wall, when, sizeof(when)), err_text(m->dial_err),
			m->dial_failures);
	if (m->addr_count == 0)
		SAY(e, "    no address of it is known: add one to init_connections or to DNS, or "
		       "wait "
		       "until it connects\n");
	else if (m->dialling)
		SAY(e, "    a dial is under way\n");
	else if (m->dial_in_ms >= 0)
		SAY(e, "    next dial in %.1f s, %zu address%s known\n",
			(double)m->dial_in_ms / 1000.0, m->addr_count,
			m->addr_count == 1 ? "" : "es");
}

static void say_offline(struct explain *e, const struct core_member *m, wall_t wall)
{
	char when[40];

	if (peer_id_is_none(&m->peer)) {
		ADVISE(e, "%s is no peer ID and can never be online; sign a list without it\n",
			m->text);
		return;
	}
	SAY(e, "  %s is offline: %s; last seen %s\n", m->text, loss_text(m->why),
		ago(m->last_seen, wall, when, sizeof(when)));
	say_dial(e, m, wall);
}

static size_t say_offline_members(const struct core *c, wall_t wall, mono_t now, struct explain *e)
{
	struct core_member m;
	size_t offline = 0;

	for (size_t i = 0; core_member_at(c, i, wall, now, &m); i++)
		if (!m.online && ++offline <= EXPLAIN_MEMBERS_MAX)
			say_offline(e, &m, wall);
	if (offline > EXPLAIN_MEMBERS_MAX)
		SAY(e, "  … and %zu more are offline\n", offline - EXPLAIN_MEMBERS_MAX);
	return offline;
}

/* ---- unconfigured ---- */

static void say_sources(const struct core *c, wall_t wall, struct explain *e)
{
	size_t peers = 0;

	for (const struct peer *p = c->peers; p; p = p->hh.next) {
		const struct addr *failed = addrs_last_failure(&p->addrs);
		char id[PEER_ID_TEXT_SIZE], addr[MADDR_TEXT_MAX + 1], when[40];
		struct maddr a;

		if (p->is_self || (!p->link && !p->addrs.count) || ++peers > EXPLAIN_ADDRS_MAX)
			continue;
		if (p->link)
			NOTE(e, "connected to %s\n", peer_id_text(&p->id, id));
		if (p->link || !failed)
			continue;
		addr_copy(failed, &a);
		NOTE(e, "%s failed at %s %s: %s\n", maddr_text(&a, addr),
			core_stage_name((enum core_stage)failed->stage),
			ago(failed->tried, wall, when, sizeof(when)), err_text(failed->err));
	}
	for (size_t i = 0; i < c->seeds.count && i < EXPLAIN_ADDRS_MAX; i++) {
		const struct addr *a = c->seeds.list[i];
		char addr[MADDR_TEXT_MAX + 1], when[40];
		struct maddr ma;

		if (!a->err)
			continue;
		addr_copy(a, &ma);
		NOTE(e, "%s failed at %s %s: %s\n", maddr_text(&ma, addr),
			core_stage_name((enum core_stage)a->stage),
			ago(a->tried, wall, when, sizeof(when)), err_text(a->err));
	}
	if (peers == 0 && c->seeds.count == 0)
		ADVISE(e,
			"no address of any other node is known: check init_connections and DNS\n");
}

static void explain_unconfigured(
	const struct core *c, const struct core_view *v, wall_t wall, struct explain *e)
{
	char id[PEER_ID_TEXT_SIZE], at[RFC3339_SIZE];

	if (!c->has_system && !c->insecure) {
		e->cause = "no_system_pubkey";
		HEAD(e, "no system_pubkey is set, so no membership list can be "
			"verified\n");
		ADVISE(e, "set system_pubkey in config.json, or use p2posctl join\n");
		return;
	}
	if (!v->snapshot) {
		bool lost = v->floor.issued_at.sec != 0;

		e->cause = lost ? "list_lost" : "no_snapshot";
		if (lost)
			HEAD(e,
				"the membership list was lost; only one issued at %s "
				"or "
				"later will be taken\n",
				rfc3339_text(v->floor.issued_at, at));
		else
			HEAD(e, "this node has no membership list yet\n");
		if (c->members.late)
			NOTE(e, "a list is known whose admin proof has expired; at least 2 "
				"sources must give the same one\n");
		say_sources(c, wall, e);
		ADVISE(e,
			"it becomes a member when an admin signs a list with %s "
			"(p2posctl member approve on a member)\n",
			peer_id_text(&c->self, id));
		return;
	}
	e->cause = strncmp(c->reason, "removed_by", 10) == 0 ? "removed" : "not_a_member";
	HEAD(e, "the list issued at %s names %zu members, and not this node\n",
		rfc3339_text(v->snapshot->issued_at, at), v->members);
	if (strncmp(c->reason, "removed_by", 10) == 0)
		NOTE(e, "%s\n", c->reason);
	ADVISE(e, "an admin can add it: p2posctl member add %s\n", peer_id_text(&c->self, id));
}

/* ---- configured ---- */

static void say_doubts(const struct core_view *v, wall_t wall, struct explain *e)
{
	if (v->self_doubt)
		NOTE(e,
			"this node doubts itself (%s) and accuses nobody until it has heard "
			"everyone\n",
			v->self_doubt_why);
	if (v->single_source)
		NOTE(e, "only one source gave this list so far\n");
	if (wall_cmp(wall, v->snapshot->issued_at) < 0)
		NOTE(e, "the list is dated later than this node's clock\n");
}

static void explain_configured(
	const struct core *c, const struct core_view *v, wall_t wall, mono_t now, struct explain *e)
{
	char when[40];
	size_t offline;

	e->cause = v->state == CORE_HEALTHY ? "quorum" : "too_few_online";
	if (e->lines.len == 0)
		SAY(e, "%s since %s: %zu of %zu members are online, and a majority is %zu (%s)\n",
			core_state_name(v->state), ago(v->state_since, wall, when, sizeof(when)),
			v->online, v->members, v->needed, c->reason);
	say_doubts(v, wall, e);
	offline = say_offline_members(c, wall, now, e);
	if (v->state == CORE_DEGRADED)
		ADVISE(e, "it becomes healthy when %zu more member%s online\n",
			v->needed - v->online, v->needed - v->online == 1 ? " is" : "s are");
	else if (offline > 0)
		ADVISE(e, "it stays healthy while %zu more can fail\n", v->online - v->needed);
}

/* The most telling finding is the first line. */
static void say_finding(const struct core *c, const struct core_view *v, const struct finding *f,
	wall_t wall, struct explain *e)
{
	char when[40];

	if (v->state == CORE_UNCONFIGURED)
		SAY(e, "unconfigured: %s\n", f->text);
	else
		SAY(e,
			"%s: %s; %zu of %zu members are online, and a majority is %zu, since %s "
			"(%s)\n",
			core_state_name(v->state), f->text, v->online, v->members, v->needed,
			ago(v->state_since, wall, when, sizeof(when)), c->reason);
}

void core_explain(const struct core *c, const struct core_surroundings *around, wall_t wall,
	mono_t now, struct explain *ret)
{
	struct findings *f = xcalloc(1, sizeof(*f));
	struct core_view v;

	explain_init(ret);
	core_view(c, wall, now, &v);
	findings_make(c, &v, around, wall, now, f);
	if (f->count)
		say_finding(c, &v, &f->list[0], wall, ret);
	for (size_t i = 0; i < f->count; i++) {
		if (i > 0)
			NOTE(ret, "%s\n", f->list[i].text);
		if (f->list[i].remedy[0])
			ADVISE(ret, "%s\n", f->list[i].remedy);
	}
	if (v.state == CORE_UNCONFIGURED)
		explain_unconfigured(c, &v, wall, ret);
	else
		explain_configured(c, &v, wall, now, ret);
	ret->finding = f->count ? f->list[0].cause : NULL;
	free(f);
}

/* ---- one peer ---- */

static void say_addrs(
	const struct core *c, const struct peer_id *peer, wall_t wall, struct explain *e)
{
	struct core_addr a;

	for (size_t i = 0; i < EXPLAIN_ADDRS_MAX && core_addr_at(c, peer, i, &a); i++) {
		char text[MADDR_TEXT_MAX + 1], when[40];

		if (a.err)
			SAY(e, "  %s (%s): failed %s: %s\n", maddr_text(&a.addr, text),
				core_addr_from_name(a.from), ago(a.tried, wall, when, sizeof(when)),
				err_text(a.err));
		else
			SAY(e, "  %s (%s)\n", maddr_text(&a.addr, text),
				core_addr_from_name(a.from));
	}
}

static void explain_member(
	const struct core_member *m, const char *id, wall_t wall, struct explain *e)
{
	char when[40], seen[40], addr[MADDR_TEXT_MAX + 1];

	if (m->self) {
		e->cause = "self";
		SAY(e, "%s is this node\n", id);
		return;
	}
	e->cause = m->online ? (m->conn ? "online" : "online_relayed") : m->why;
	if (!m->online)
		SAY(e, "%s is offline: %s; last seen %s\n", id, loss_text(m->why),
			ago(m->last_seen, wall, seen, sizeof(seen)));
	else if (m->conn)
		SAY(e, "%s is online since %s, connected at %s, last seen %s (%s)\n", id,
			ago(m->since, wall, when, sizeof(when)), maddr_text(&m->addr, addr),
			ago(m->last_seen, wall, seen, sizeof(seen)), m->why);
	else
		SAY(e,
			"%s is online through others: its own signature of %s came through another "
			"member, no connection of ours reaches it\n",
			id, ago(m->last_seen, wall, seen, sizeof(seen)));
	if (m->suspected)
		SAY(e, "  it does not answer at the moment; %zu other member%s the same\n",
			m->witnesses, m->witnesses == 1 ? " says" : "s say");
	if (!m->conn)
		say_dial(e, m, wall);
	if (m->has_skew && (m->skew_ms > 2000 || m->skew_ms < -2000))
		SAY(e, "  its clock is %.1f s %s ours\n",
			(double)(m->skew_ms < 0 ? -m->skew_ms : m->skew_ms) / 1000.0,
			m->skew_ms < 0 ? "behind" : "ahead of");
}

void core_explain_peer(const struct core *c, const struct peer_id *peer, wall_t wall, mono_t now,
	struct explain *ret)
{
	const struct peer *p = peer_find(c, peer);
	struct core_member m;
	char id[PEER_ID_TEXT_SIZE];

	explain_init(ret);
	peer_id_text(peer, id);
	if (core_member_get(c, peer, wall, now, &m)) {
		explain_member(&m, id, wall, ret);
	} else if (p && p->link) {
		ret->cause = core_class_name(p->link->klass);
		SAY(ret, "%s is no member; it is connected as %s\n", id, ret->cause);
	} else {
		ret->cause = "not_a_member";
		SAY(ret, "%s is no member of the list in force\n", id);
		for (size_t i = 0; i < c->knock_count; i++)
			if (peer_id_eq(&c->knocks[i].peer, peer))
				SAY(ret,
					"  it asked to join %u time%s: p2posctl member approve "
					"%s\n",
					c->knocks[i].tries, c->knocks[i].tries == 1 ? "" : "s", id);
	}
	if (p && p->down_detail[0])
		SAY(ret, "  its last connection ended with: %s\n", p->down_detail);
	say_addrs(c, peer, wall, ret);
}
