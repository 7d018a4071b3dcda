/* SPDX-License-Identifier: Apache-2.0 */
/* findings_way.c: what is wrong on the way to others.
 *
 * The way to a peer is judged by how far dials come. A refused connect is a machine without p2posd;
 * silence at connect is a packet filter or a machine that is gone; a connect that nobody follows up
 * is a process that stands still; a connection that dies soon after each handshake is a path that
 * swallows large packets; no way at all to somebody whom others hear is a path cut in one direction
 * or both. */
#include "proto/cluster/findings_parts.h"

#include <stdio.h>

#define SHORT_LIVES 3 /* points of conns in a row that died young (conns.c) */
#define LATE_SHARE  4 /* one pong in so many late is a lossy path */

enum reach {
	REACH_UNKNOWN, /* not dialled, or with another end */
	REACH_NOTHING, /* no packet comes back */
	REACH_REFUSED, /* the machine says that nobody listens */
	REACH_STUCK,   /* it connects, and nobody follows up */
	REACH_COUNT,
};

static enum reach reach_of_addr(const struct addr *a)
{
	struct maddr m;

	addr_copy(a, &m);
	if (a->err == P2P_ERR_REFUSED)
		return REACH_REFUSED;
	if (a->err != P2P_ERR_TIMEOUT && a->err != P2P_ERR_UNREACHABLE)
		return REACH_UNKNOWN;
	/* Over QUIC a silent machine and a silent process look the same. */
	return a->stage == CORE_AT_CONNECT || maddr_kind(&m) == MADDR_QUIC ? REACH_NOTHING
									   : REACH_STUCK;
}

/* The dial that came farthest tells most. */
static enum reach reach_of(const struct addrs *as, const struct addr **ret)
{
	enum reach best = REACH_UNKNOWN;

	*ret = NULL;
	for (size_t i = 0; i < as->count; i++) {
		enum reach r = as->list[i]->err ? reach_of_addr(as->list[i]) : REACH_UNKNOWN;

		if (r > best || (r == best && r != REACH_UNKNOWN &&
					as->list[i]->from != CORE_ADDR_SEEN && !*ret)) {
			best = r;
			*ret = as->list[i];
		}
	}
	return best;
}

static const char *addr_words(const struct addr *a, char *to)
{
	struct maddr m;

	addr_copy(a, &m);
	return maddr_text(&m, to);
}

/* One more than the one that is named. */
static const char *and_more(size_t n, char *to, size_t size)
{
	to[0] = '\0';
	if (n > 1)
		(void)snprintf(to, size, " (and of %zu more)", n - 1);
	return to;
}

struct survey {
	size_t others, linked;
	size_t count[REACH_COUNT];             /* unlinked members by how far dials come */
	const struct peer *first[REACH_COUNT]; /* an example of each */
	const struct addr *addr[REACH_COUNT];
	size_t cut; /* no way there, and others hear them */
	const struct peer *first_cut;
	size_t dying; /* conns that do not last */
	const struct peer *first_dying;
	size_t silent; /* fell silent a moment ago, not dialled yet */
	const struct peer *first_silent;
};

static bool is_dying(const struct core *c, const struct peer *p, mono_t now)
{
	(void)c;
	return p->short_lives >= SHORT_LIVES &&
	       mono_since_ms(now, p->short_at) < LINK_SHORT_FORGET_MS &&
	       !(p->link && mono_since_ms(now, p->link->up) >= LINK_SHORT_MS);
}

static void survey_peer(const struct core *c, const struct peer *p, mono_t now, struct survey *s)
{
	const struct addr *a;
	enum reach r;

	s->others++;
	if (is_dying(c, p, now)) {
		if (!s->dying++)
			s->first_dying = p;
		return;
	}
	if (p->link && !p->link->silent) {
		s->linked++;
		if (p->link->suspected && !s->silent++)
			s->first_silent = p;
		return;
	}
	r = reach_of(&p->addrs, &a);
	if (r == REACH_NOTHING && p->online) {
		if (!s->cut++)
			s->first_cut = p;
		return;
	}
	if (r == REACH_UNKNOWN && (p->link || p->alive.loss == LOSS_SILENCE)) {
		if (!s->silent++)
			s->first_silent = p;
		return;
	}
	if (!s->count[r]++) {
		s->first[r] = p;
		s->addr[r] = a;
	}
}

static void say_dying(const struct survey *s, struct findings *f)
{
	char id[PEER_ID_TEXT_SIZE], more[40];

	finding_cure(finding_add(f, "mtu_hole",
			     "connections to %s%s come up and die at once: small packets arrive "
			     "and large "
			     "ones are lost, "
			     "as in an MTU hole (unless p2posd there ends again and again)",
			     peer_id_text(&s->first_dying->id, id),
			     and_more(s->dying, more, sizeof(more))),
		"let ICMP \"fragmentation needed\" through, or lower the MTU of the interface "
		"(ip link set dev IF mtu 1280), or set net.ipv4.tcp_mtu_probing=1");
}

static void say_stuck(const struct survey *s, struct findings *f)
{
	char id[PEER_ID_TEXT_SIZE], addr[MADDR_TEXT_MAX + 1], more[40];

	finding_cure(
		finding_add(f, "frozen",
			"%s%s stands still: %s takes connections and p2posd there does not answer "
			"(frozen, swapping or overloaded)",
			peer_id_text(&s->first[REACH_STUCK]->id, id),
			and_more(s->count[REACH_STUCK], more, sizeof(more)),
			addr_words(s->addr[REACH_STUCK], addr)),
		"look at that machine: its load, its memory, systemctl status p2posd");
}

static void say_cut(const struct survey *s, struct findings *f)
{
	char id[PEER_ID_TEXT_SIZE], more[40];

	finding_cure(
		finding_add(f, "path_cut",
			"the path between this node and %s%s is cut in one direction or both: it "
			"lives and others hear it, "
			"but a one-way partition or a firewall stands between",
			peer_id_text(&s->first_cut->id, id), and_more(s->cut, more, sizeof(more))),
		"compare firewalls and routes of both machines: p2posctl peer trace on either "
		"side");
}

static void say_refused_dial(const struct survey *s, struct findings *f)
{
	char id[PEER_ID_TEXT_SIZE], addr[MADDR_TEXT_MAX + 1], more[40];

	finding_cure(
		finding_add(f, "peer_down",
			"p2posd does not run at %s%s: it was stopped or killed, and its machine "
			"refuses connections to %s",
			peer_id_text(&s->first[REACH_REFUSED]->id, id),
			and_more(s->count[REACH_REFUSED], more, sizeof(more)),
			addr_words(s->addr[REACH_REFUSED], addr)),
		"start it there: systemctl start p2posd; why it ended: journalctl -u p2posd -n 30");
}

static void say_nothing(const struct survey *s, struct findings *f)
{
	char addr[MADDR_TEXT_MAX + 1], id[PEER_ID_TEXT_SIZE], more[40];
	size_t n = s->count[REACH_NOTHING];

	if (n == s->others) {
		finding_cure(
			finding_add(f, "firewalled",
				"no packet comes back from any of the %zu other members, as when a "
				"firewall drops TCP "
				"(for instance at %s) or this machine's network is cut",
				n, addr_words(s->addr[REACH_NOTHING], addr)),
			"check this machine's network and firewall first: p2posctl doctor");
		return;
	}
	finding_cure(
		finding_add(f, "firewalled",
			"no packet comes back from %s%s at %s: a firewall drops TCP there or on "
			"the "
			"way, or the machine is gone",
			peer_id_text(&s->first[REACH_NOTHING]->id, id),
			and_more(n, more, sizeof(more)), addr_words(s->addr[REACH_NOTHING], addr)),
		"is that machine up? Is its port open? p2posctl peer trace ADDR shows each step");
}

void way_members(const struct core *c, mono_t now, struct findings *f)
{
	struct survey s = {0};
	char id[PEER_ID_TEXT_SIZE];

	for (const struct peer *p = c->peers; p; p = p->hh.next)
		if (p->is_member && !p->is_self)
			survey_peer(c, p, now, &s);
	if (s.dying)
		say_dying(&s, f);
	if (s.cut)
		say_cut(&s, f);
	if (s.count[REACH_STUCK])
		say_stuck(&s, f);
	if (s.count[REACH_REFUSED])
		say_refused_dial(&s, f);
	if (s.count[REACH_NOTHING])
		say_nothing(&s, f);
	if (s.silent)
		(void)finding_add(f, "silent",
			"%s has fallen silent: it stands still, or the path to it is cut",
			peer_id_text(&s.first_silent->id, id));
}

void way_losses(const struct core *c, struct findings *f)
{
	size_t links = 0, lossy = 0;
	unsigned late = 0, pongs = 0;

	for (const struct list *n = c->by_heard.next; n != &c->by_heard; n = n->next) {
		const struct link *l = list_entry(n, struct link, order);

		links++;
		if (l->pongs < LINK_PONGS_ENOUGH || LATE_SHARE * l->late < l->pongs)
			continue;
		lossy++;
		late += l->late;
		pongs += l->pongs;
	}
	if (!lossy)
		return;
	finding_cure(
		finding_add(f, "packet_loss",
			"packet loss on the way to %zu of %zu peers: %u of the last %u probes came "
			"back late, "
			"as when packets are lost and sent again (or a machine is overloaded)",
			lossy, links, late, pongs),
		"look for a bad link or a full one: ping and mtr to those machines, ip -s link "
		"here");
}

/* Strangers and addresses without a name, of which a newcomer hopes that they let it in. */
void way_seeds(const struct core *c, const struct core_surroundings *a, struct findings *f)
{
	const struct addr *failed = NULL, *x;
	enum reach best = REACH_UNKNOWN, r;
	char addr[MADDR_TEXT_MAX + 1];
	size_t known = c->seeds.count, linked = 0;

	r = reach_of(&c->seeds, &x);
	if (r > best) {
		best = r;
		failed = x;
	}
	for (const struct peer *p = c->peers; p; p = p->hh.next) {
		if (p->is_self)
			continue;
		known += p->addrs.count;
		linked += p->link != NULL;
		r = reach_of(&p->addrs, &x);
		if (r > best) {
			best = r;
			failed = x;
		}
	}
	if (linked)
		return;
	if (known == 0 && a && a->bootstrap_entries == 0) {
		finding_cure(finding_add(f, "no_bootstrap",
				     "no bootstrap is configured: init_connections is empty and no "
				     "other "
				     "node is known"),
			"p2posctl join STRING, or add an address or a name to init_connections");
		return;
	}
	if (!failed)
		return;
	(void)addr_words(failed, addr);
	if (failed->from == CORE_ADDR_DNS)
		finding_cure(
			finding_add(f, "stale_dns",
				"the TXT record in DNS seems to be stale: it names %s, where %s",
				addr,
				best == REACH_REFUSED ? "nobody listens"
				: best == REACH_STUCK ? "nobody answers"
						      : "no packet comes back"),
			"correct the record, or start the node that it names");
	else if (best == REACH_NOTHING)
		finding_cure(finding_add(f, "firewalled",
				     "no packet comes back from the bootstrap address %s: a "
				     "firewall drops "
				     "TCP, or nobody is there",
				     addr),
			"is that machine up, and its port open? p2posctl peer trace ADDR");
	else
		finding_cure(finding_add(f, best == REACH_STUCK ? "frozen" : "peer_down",
				     "p2posd does not answer at the bootstrap address %s: %s", addr,
				     err_text(failed->err)),
			"start it there, or name another node in init_connections");
}
