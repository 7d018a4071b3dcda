/* SPDX-License-Identifier: Apache-2.0 */
/* findings.c: from symptoms to causes. The order of the rules is the order of telling: what makes
 * the node unable to work, what it was told and had to refuse, what is wrong with itself, then with
 * the way to others, then with others, at last what only costs speed.
 *
 * The way to a peer is judged by how far dials come. A refused connect is a machine without p2posd;
 * silence at connect is a packet filter or a machine that is gone; a connect that nobody follows up
 * is a process that stands still; a connection that dies soon after each handshake is a path that
 * swallows large packets; no way at all to somebody whom others hear is a path cut in one direction
 * or both. */
#include "proto/cluster/findings.h"

#include "proto/base/rfc3339.h"
#include "proto/cluster/core_parts.h"
#include <stdarg.h>
#include <stdio.h>

#define REFUSAL_SEC  3600  /* a list that was refused is told of for so long */
#define GUESTS_SEC   600   /* …and guests that were turned away */
#define STARVED_SEC  600   /* …and a lack of descriptors */
#define EVENT_SEC    86400 /* equivocation and shared keys stay a finding for a day */
#define SHORT_LIVES  3     /* points of conns in a row that died young (conns.c) */
#define LATE_SHARE   4     /* one pong in so many late is a lossy path */
#define SKEW_MS_TOLD 2000

static struct finding *add(struct findings *f, const char *cause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static struct finding *add(struct findings *f, const char *cause, const char *fmt, ...)
{
	struct finding *x;
	va_list ap;

	if (f->count == FINDINGS_MAX)
		return NULL;
	x = &f->list[f->count++];
	x->cause = cause;
	x->remedy[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(x->text, sizeof(x->text), fmt, ap); /* cut is fine */
	va_end(ap);
	return x;
}

static void cure(struct finding *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void cure(struct finding *x, const char *fmt, ...)
{
	va_list ap;

	if (!x)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(x->remedy, sizeof(x->remedy), fmt, ap);
	va_end(ap);
}

/* ---- the machine ---- */

static void look_at_machine(const struct core_surroundings *a, wall_t wall, struct findings *f)
{
	if (a->is_disk_full)
		cure(add(f, "disk_full",
			     "the disk of the data directory is full: history is not recorded any "
			     "more"),
			"make room on that file system; the node goes on by itself");
	if (!wall_is_zero(a->starved_at) &&
		wall_diff_ms(wall, a->starved_at) < STARVED_SEC * 1000LL)
		cure(add(f, "no_descriptors",
			     "this process ran out of file descriptors: new connections were "
			     "turned away"),
			"raise LimitNOFILE= of the unit, or lower limits.connections");
}

/* ---- what others sent ---- */

static const struct core_alert *newest(
	const struct core_surroundings *a, const char *kind, wall_t wall)
{
	for (size_t i = 0; a && i < a->alert_count; i++)
		if (strcmp(a->alerts[i].kind, kind) == 0 &&
			wall_diff_ms(wall, a->alerts[i].at) < EVENT_SEC * 1000LL)
			return &a->alerts[i];
	return NULL;
}

static void look_at_alerts(const struct core_view *v, const struct core_surroundings *a,
	wall_t wall, struct findings *f)
{
	const struct core_alert *x = newest(a, "identity_conflict", wall);

	if (x)
		cure(add(f, "identity_conflict", "two nodes use one key: %s", x->text),
			"stop one of them and give it a key of its own: move node.key away, then "
			"join again");
	x = newest(a, "equivocation", wall);
	if (x)
		cure(add(f, "equivocation",
			     "an admin signed two different lists for one instant (equivocation): "
			     "%s",
			     x->text),
			"find out who holds that admin key; replace it: p2posctl admin rotate");
	/* One that was handed in here and did not get as far as the core. */
	x = newest(a, "list_refused", wall);
	if (x && wall_cmp(x->at, v->applied_at) > 0 &&
		wall_diff_ms(wall, x->at) <= REFUSAL_SEC * 1000LL)
		(void)add(f, "list_refused", "a list was refused: %s", x->text);
}

static void say_refused(const struct core *c, wall_t wall, struct findings *f)
{
	const struct refused *r = &c->refused;
	char at[RFC3339_SIZE], from[RFC3339_SIZE];

	switch (r->why) {
	case SNAPSHOT_CLUSTER_MISMATCH:
		cure(add(f, "wrong_cluster_id",
			     "others offer a list of the cluster \"%s\", and cluster_id of this "
			     "node is \"%s\"",
			     r->cluster_id, c->cluster_id),
			"correct cluster_id in the configuration, or init_connections if this is "
			"the wrong cluster");
		return;
	case SNAPSHOT_PROOF_SIGNATURE:
	case SNAPSHOT_SIGNATURE:
		cure(add(f, "wrong_system_key",
			     "the list that others offer does not verify with system_pubkey of "
			     "this node: "
			     "the key is that of another cluster, or the list is forged"),
			"compare system_pubkey with that of a member: p2posctl config get "
			"system_pubkey");
		return;
	case SNAPSHOT_FUTURE:
		cure(add(f, "snapshot_from_future",
			     "a list was refused because it is dated in the future: %s, and it is "
			     "%s here",
			     rfc3339_text(r->issued_at, at),
			     rfc3339_text((wall_t){wall.sec, 0}, from)),
			"set the clock right where it was signed, or here");
		return;
	case SNAPSHOT_PROOF_NOT_YET_VALID:
		cure(add(f, "proof_not_yet_valid",
			     "a list was refused because its admin proof is not valid yet: it "
			     "begins at %s",
			     rfc3339_text(r->proof_from, at)),
			"wait until then, correct the clock here, or sign with a proof that is "
			"valid now");
		return;
	case SNAPSHOT_PROOF_EXPIRED:
		cure(add(f, "proof_expired",
			     "a list was refused because its admin proof has expired at %s",
			     rfc3339_text(r->proof_to, at)),
			"p2posctl admin proof renew makes a new one from the system key");
		return;
	case SNAPSHOT_PROOF_WINDOW:
		if (wall_cmp(r->issued_at, r->proof_from) < 0)
			cure(add(f, "proof_not_yet_valid",
				     "a list was refused because its admin proof was not valid yet "
				     "when it was signed: it begins at %s",
				     rfc3339_text(r->proof_from, at)),
				"sign again after that, or with a proof that is valid now");
		else
			cure(add(f, "proof_expired",
				     "a list was refused because its admin proof had expired at %s "
				     "when it was signed",
				     rfc3339_text(r->proof_to, at)),
				"p2posctl admin proof renew makes a new one from the system key");
		return;
	default: /* the other reasons say enough themselves */
		(void)add(
			f, "list_refused", "a list was refused: %s", snapshot_reason_text(r->why));
	}
}

static void look_at_refused(
	const struct core *c, const struct core_view *v, wall_t wall, struct findings *f)
{
	const struct refused *r = &c->refused;

	if (r->why == SNAPSHOT_OK || wall_diff_ms(wall, r->at) > REFUSAL_SEC * 1000LL ||
		wall_cmp(v->applied_at, r->at) > 0)
		return;
	say_refused(c, wall, f);
}

/* ---- this node ---- */

static void look_at_clock(const struct core *c, struct findings *f)
{
	int64_t off = c->skew_ms < 0 ? -c->skew_ms : c->skew_ms;

	if (!c->has_skew || off <= SKEW_MS_TOLD)
		return;
	cure(add(f, "clock_skew", "this node's clock is %.1f s %s the others'",
		     (double)off / 1000.0, c->skew_ms < 0 ? "behind" : "ahead of"),
		"synchronise it: timedatectl set-ntp true, or check chronyc tracking");
}

static void look_at_proof(const struct core *c, const struct core_view *v, struct findings *f)
{
	char at[RFC3339_SIZE];

	if (!v->snapshot || !c->has_system)
		return;
	if (v->proof_now == ADMIN_PROOF_EXPIRED)
		cure(add(f, "proof_expired",
			     "the admin proof behind the list has expired at %s; the members stay, "
			     "and nobody can change them with it",
			     rfc3339_text(v->snapshot->proof.valid_to, at)),
			"p2posctl admin proof renew makes a new one from the system key");
	else if (v->proof_now == ADMIN_PROOF_NOT_YET_VALID)
		cure(add(f, "proof_not_yet_valid",
			     "the admin proof behind the list is not valid yet: it begins at %s",
			     rfc3339_text(v->snapshot->proof.valid_from, at)),
			"check the clock of this machine and of the one that signed");
}

static void look_at_removal(const struct core *c, const struct core_view *v, struct findings *f)
{
	char id[PEER_ID_TEXT_SIZE], at[RFC3339_SIZE];

	if (v->state != CORE_UNCONFIGURED || !v->snapshot ||
		strncmp(c->reason, "removed_by", 10) != 0)
		return;
	cure(add(f, "removed",
		     "an admin has removed this node: the list issued at %s by %s does not name it "
		     "any more",
		     rfc3339_text(v->snapshot->issued_at, at),
		     peer_id_text(&v->snapshot->issuer, id)),
		"if that was a mistake: p2posctl member add %s, on a member",
		peer_id_text(&c->self, id));
}

/* ---- the way to others ---- */

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

	cure(add(f, "mtu_hole",
		     "connections to %s%s come up and die at once: small packets arrive and large "
		     "ones are lost, "
		     "as in an MTU hole (unless p2posd there ends again and again)",
		     peer_id_text(&s->first_dying->id, id), and_more(s->dying, more, sizeof(more))),
		"let ICMP \"fragmentation needed\" through, or lower the MTU of the interface "
		"(ip link set dev IF mtu 1280), or set net.ipv4.tcp_mtu_probing=1");
}

static void say_stuck(const struct survey *s, struct findings *f)
{
	char id[PEER_ID_TEXT_SIZE], addr[MADDR_TEXT_MAX + 1], more[40];

	cure(add(f, "frozen",
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

	cure(add(f, "path_cut",
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

	cure(add(f, "peer_down",
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
		cure(add(f, "firewalled",
			     "no packet comes back from any of the %zu other members, as when a "
			     "firewall drops TCP "
			     "(for instance at %s) or this machine's network is cut",
			     n, addr_words(s->addr[REACH_NOTHING], addr)),
			"check this machine's network and firewall first: p2posctl doctor");
		return;
	}
	cure(add(f, "firewalled",
		     "no packet comes back from %s%s at %s: a firewall drops TCP there or on the "
		     "way, or the machine is gone",
		     peer_id_text(&s->first[REACH_NOTHING]->id, id),
		     and_more(n, more, sizeof(more)), addr_words(s->addr[REACH_NOTHING], addr)),
		"is that machine up? Is its port open? p2posctl peer trace ADDR shows each step");
}

static void look_at_members(const struct core *c, mono_t now, struct findings *f)
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
		(void)add(f, "silent",
			"%s has fallen silent: it stands still, or the path to it is cut",
			peer_id_text(&s.first_silent->id, id));
}

static void look_at_losses(const struct core *c, struct findings *f)
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
	cure(add(f, "packet_loss",
		     "packet loss on the way to %zu of %zu peers: %u of the last %u probes came "
		     "back late, "
		     "as when packets are lost and sent again (or a machine is overloaded)",
		     lossy, links, late, pongs),
		"look for a bad link or a full one: ping and mtr to those machines, ip -s link "
		"here");
}

static void look_at_udp(const struct core_surroundings *a, struct findings *f)
{
	if (!a->tcp_though_quic)
		return;
	cure(add(f, "udp_blocked",
		     "UDP seems to be blocked by a firewall: %zu of %zu members are reached over "
		     "TCP only, though both "
		     "sides speak QUIC",
		     a->tcp_though_quic, a->tcp_though_quic + a->quic_conns),
		"open the UDP port of the same number on both machines");
}

static void look_at_guests(const struct core *c, wall_t wall, struct findings *f)
{
	if (wall_is_zero(c->guests_full_at) ||
		wall_diff_ms(wall, c->guests_full_at) > GUESTS_SEC * 1000LL)
		return;
	cure(add(f, "guests_full",
		     "the guest limit is reached (%u): newcomers are turned away and cannot ask to "
		     "join",
		     c->guests_max),
		"raise limits.guests, or find out who knocks: p2posctl member pending");
}

/* ---- the way into a cluster ---- */

static void look_at_dns(const struct core *c, const struct core_surroundings *a, struct findings *f)
{
	(void)c;
	if (!a->dns_failed)
		return;
	cure(add(f, "dns_failed",
		     "DNS gives no answer for %s (%s), and this node finds the cluster by that "
		     "name",
		     a->dns_failed, err_text(a->dns_err)),
		"check dns.servers and /etc/resolv.conf: p2posctl bootstrap resolve %s",
		a->dns_failed);
}

static void look_at_mismatch(const struct core *c, wall_t wall, struct findings *f)
{
	char addr[MADDR_TEXT_MAX + 1], id[PEER_ID_TEXT_SIZE];
	struct maddr m;

	if (!c->mismatch_at || wall_diff_ms(wall, c->mismatched_at) > REFUSAL_SEC * 1000LL)
		return;
	m = place_get(c->mismatch_at);
	cure(add(f, "other_peer_id",
		     "another peer id answers at %s than %s, which the configuration or DNS names "
		     "there",
		     maddr_text(&m, addr), peer_id_text(&c->mismatched, id)),
		"correct the /p2p/ID of that address in init_connections or in the TXT record");
}

/* Strangers and addresses without a name, of which a newcomer hopes that they let it in. */
static void look_at_seeds(
	const struct core *c, const struct core_surroundings *a, struct findings *f)
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
		cure(add(f, "no_bootstrap",
			     "no bootstrap is configured: init_connections is empty and no other "
			     "node is known"),
			"p2posctl join STRING, or add an address or a name to init_connections");
		return;
	}
	if (!failed)
		return;
	(void)addr_words(failed, addr);
	if (failed->from == CORE_ADDR_DNS)
		cure(add(f, "stale_dns",
			     "the TXT record in DNS seems to be stale: it names %s, where %s", addr,
			     best == REACH_REFUSED ? "nobody listens"
			     : best == REACH_STUCK ? "nobody answers"
						   : "no packet comes back"),
			"correct the record, or start the node that it names");
	else if (best == REACH_NOTHING)
		cure(add(f, "firewalled",
			     "no packet comes back from the bootstrap address %s: a firewall drops "
			     "TCP, or nobody is there",
			     addr),
			"is that machine up, and its port open? p2posctl peer trace ADDR");
	else
		cure(add(f, best == REACH_STUCK ? "frozen" : "peer_down",
			     "p2posd does not answer at the bootstrap address %s: %s", addr,
			     err_text(failed->err)),
			"start it there, or name another node in init_connections");
}

void findings_make(const struct core *c, const struct core_view *v,
	const struct core_surroundings *around, wall_t wall, mono_t now, struct findings *ret)
{
	struct findings *f = ret;

	f->count = 0;
	if (around)
		look_at_machine(around, wall, f);
	look_at_removal(c, v, f);
	look_at_alerts(v, around, wall, f);
	look_at_clock(c, f);
	look_at_refused(c, v, wall, f);
	look_at_proof(c, v, f);
	if (v->state == CORE_UNCONFIGURED) {
		look_at_mismatch(c, wall, f);
		if (around)
			look_at_dns(c, around, f);
		look_at_seeds(c, around, f);
	} else {
		look_at_members(c, now, f);
	}
	look_at_losses(c, f);
	if (around)
		look_at_udp(around, f);
	look_at_guests(c, wall, f);
}
