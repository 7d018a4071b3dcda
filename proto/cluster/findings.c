/* SPDX-License-Identifier: Apache-2.0 */
/* findings.c: from symptoms to causes. The order of the rules is the order of telling: what makes
 * the node unable to work, what it was told and had to refuse, what is wrong with itself, then with
 * the way to others, then with others, at last what only costs speed. */
#include "proto/cluster/findings_parts.h"

#include "proto/base/rfc3339.h"
#include <stdarg.h>
#include <stdio.h>

#define REFUSAL_SEC  3600  /* a list that was refused is told of for so long */
#define GUESTS_SEC   600   /* …and guests that were turned away */
#define STARVED_SEC  600   /* …and a lack of descriptors */
#define EVENT_SEC    86400 /* equivocation and shared keys stay a finding for a day */
#define SKEW_MS_TOLD 2000

struct finding *finding_add(struct findings *f, const char *cause, const char *fmt, ...)
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

void finding_cure(struct finding *x, const char *fmt, ...)
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
		finding_cure(finding_add(f, "disk_full",
				     "the disk of the data directory is full: history is not "
				     "recorded any "
				     "more"),
			"make room on that file system; the node goes on by itself");
	if (!wall_is_zero(a->starved_at) &&
		wall_diff_ms(wall, a->starved_at) < STARVED_SEC * 1000LL)
		finding_cure(
			finding_add(f, "no_descriptors",
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
		finding_cure(
			finding_add(f, "identity_conflict", "two nodes use one key: %s", x->text),
			"stop one of them and give it a key of its own: move node.key away, then "
			"join again");
	x = newest(a, "equivocation", wall);
	if (x)
		finding_cure(finding_add(f, "equivocation",
				     "an admin signed two different lists for one instant "
				     "(equivocation): "
				     "%s",
				     x->text),
			"find out who holds that admin key; replace it: p2posctl admin rotate");
	/* One that was handed in here and did not get as far as the core. */
	x = newest(a, "list_refused", wall);
	if (x && wall_cmp(x->at, v->applied_at) > 0 &&
		wall_diff_ms(wall, x->at) <= REFUSAL_SEC * 1000LL)
		(void)finding_add(f, "list_refused", "a list was refused: %s", x->text);
}

static void say_refused(const struct core *c, wall_t wall, struct findings *f)
{
	const struct refused *r = &c->refused;
	char at[RFC3339_SIZE], from[RFC3339_SIZE];

	switch (r->why) {
	case SNAPSHOT_CLUSTER_MISMATCH:
		finding_cure(
			finding_add(f, "wrong_cluster_id",
				"others offer a list of the cluster \"%s\", and cluster_id of this "
				"node is \"%s\"",
				r->cluster_id, c->cluster_id),
			"correct cluster_id in the configuration, or init_connections if this is "
			"the wrong cluster");
		return;
	case SNAPSHOT_PROOF_SIGNATURE:
	case SNAPSHOT_SIGNATURE:
		finding_cure(
			finding_add(f, "wrong_system_key",
				"the list that others offer does not verify with system_pubkey of "
				"this node: "
				"the key is that of another cluster, or the list is forged"),
			"compare system_pubkey with that of a member: p2posctl config get "
			"system_pubkey");
		return;
	case SNAPSHOT_FUTURE:
		finding_cure(finding_add(f, "snapshot_from_future",
				     "a list was refused because it is dated in the future: %s, "
				     "and it is "
				     "%s here",
				     rfc3339_text(r->issued_at, at),
				     rfc3339_text((wall_t){wall.sec, 0}, from)),
			"set the clock right where it was signed, or here");
		return;
	case SNAPSHOT_PROOF_NOT_YET_VALID:
		finding_cure(
			finding_add(f, "proof_not_yet_valid",
				"a list was refused because its admin proof is not valid yet: it "
				"begins at %s",
				rfc3339_text(r->proof_from, at)),
			"wait until then, correct the clock here, or sign with a proof that is "
			"valid now");
		return;
	case SNAPSHOT_PROOF_EXPIRED:
		finding_cure(finding_add(f, "proof_expired",
				     "a list was refused because its admin proof has expired at %s",
				     rfc3339_text(r->proof_to, at)),
			"p2posctl admin proof renew makes a new one from the system key");
		return;
	case SNAPSHOT_PROOF_WINDOW:
		if (wall_cmp(r->issued_at, r->proof_from) < 0)
			finding_cure(finding_add(f, "proof_not_yet_valid",
					     "a list was refused because its admin proof was not "
					     "valid yet "
					     "when it was signed: it begins at %s",
					     rfc3339_text(r->proof_from, at)),
				"sign again after that, or with a proof that is valid now");
		else
			finding_cure(finding_add(f, "proof_expired",
					     "a list was refused because its admin proof had "
					     "expired at %s "
					     "when it was signed",
					     rfc3339_text(r->proof_to, at)),
				"p2posctl admin proof renew makes a new one from the system key");
		return;
	default: /* the other reasons say enough themselves */
		(void)finding_add(
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
	finding_cure(finding_add(f, "clock_skew", "this node's clock is %.1f s %s the others'",
			     (double)off / 1000.0, c->skew_ms < 0 ? "behind" : "ahead of"),
		"synchronise it: timedatectl set-ntp true, or check chronyc tracking");
}

static void look_at_proof(const struct core *c, const struct core_view *v, struct findings *f)
{
	char at[RFC3339_SIZE];

	if (!v->snapshot || !c->has_system)
		return;
	if (v->proof_now == ADMIN_PROOF_EXPIRED)
		finding_cure(finding_add(f, "proof_expired",
				     "the admin proof behind the list has expired at %s; the "
				     "members stay, "
				     "and nobody can change them with it",
				     rfc3339_text(v->snapshot->proof.valid_to, at)),
			"p2posctl admin proof renew makes a new one from the system key");
	else if (v->proof_now == ADMIN_PROOF_NOT_YET_VALID)
		finding_cure(
			finding_add(f, "proof_not_yet_valid",
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
	finding_cure(finding_add(f, "removed",
			     "an admin has removed this node: the list issued at %s by %s does not "
			     "name it "
			     "any more",
			     rfc3339_text(v->snapshot->issued_at, at),
			     peer_id_text(&v->snapshot->issuer, id)),
		"if that was a mistake: p2posctl member add %s, on a member",
		peer_id_text(&c->self, id));
}

static void look_at_udp(const struct core_surroundings *a, struct findings *f)
{
	if (!a->tcp_though_quic)
		return;
	finding_cure(finding_add(f, "udp_blocked",
			     "UDP seems to be blocked by a firewall: %zu of %zu members are "
			     "reached over "
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
	finding_cure(finding_add(f, "guests_full",
			     "the guest limit is reached (%u): newcomers are turned away and "
			     "cannot ask to "
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
	finding_cure(
		finding_add(f, "dns_failed",
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
	finding_cure(finding_add(f, "other_peer_id",
			     "another peer id answers at %s than %s, which the configuration or "
			     "DNS names "
			     "there",
			     maddr_text(&m, addr), peer_id_text(&c->mismatched, id)),
		"correct the /p2p/ID of that address in init_connections or in the TXT record");
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
		way_seeds(c, around, f);
	} else {
		way_members(c, now, f);
	}
	way_losses(c, f);
	if (around)
		look_at_udp(around, f);
	look_at_guests(c, wall, f);
}
