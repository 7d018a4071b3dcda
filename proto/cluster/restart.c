/* SPDX-License-Identifier: Apache-2.0 */
/* restart.c: members that say that they restart, and are not missed meanwhile (features.md N-11).
 *
 * The end of a conn that was announced is no loss for as long as was announced, at most
 * RESTART_MS_MAX, and once in RESTART_AGAIN_MS: a member that comes and goes all the time is not
 * there. Only an end that is told is excused; who falls silent is missed as ever. And only evidence
 * that there was is kept: nobody becomes online by it.
 *
 * The other side of it: who comes back so soon still knows whom it has just seen, and needs not
 * believe for a second that all are gone. */
#include "proto/cluster/core_parts.h"

#include "proto/p2pos/restart.h"

#define RESTART_AGAIN_MS 60000

size_t core_restarting(struct core *c, wall_t wall, mono_t now)
{
	struct restart_notice notice;
	size_t count = 0;

	if (!c->configured)
		return 0;
	restart_sign(&notice, c->cluster_id, wall, RESTART_MS_MAX, c->identity);
	list_each (node, &c->by_heard) {
		struct link *l = list_entry(node, struct link, order);

		if (!link_is_member(l) || !(l->speaks & CORE_SPEAKS_RESTART))
			continue;
		/* No maximum, cannot fail. */
		(void)restart_print(&news_link(c, CORE_SEND_RESTART, l, NULL)->bytes, &notice);
		count++;
	}
	core_settle(c, wall, now);
	return count;
}

int core_restart_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now)
{
	struct link *l = link_find(c, conn);
	struct restart_notice n;
	int64_t ms;
	int err;

	if (!link_is_member(l) || !c->configured)
		return P2P_ERR_DENIED;
	if (l->peer->restart_at.ns != MONO_ZERO.ns && mono_since_ms(now, l->peer->restart_at) < RESTART_AGAIN_MS)
		return P2P_ERR_FULL;
	err = restart_parse(json, &n);
	if (!err)
		err = restart_check(&n, c->cluster_id, &l->peer->id, wall, &ms);
	if (err)
		return err;
	l->peer->restart_at = now;
	alive_excuse(&l->peer->alive, mono_add_ms(now, ms));
	core_settle(c, wall, now);
	return 0;
}

void restart_resume(struct core *c, struct peer *p, wall_t last_seen, wall_t wall, mono_t now)
{
	int64_t ms = wall_diff_ms(wall, last_seen);

	if (!p->is_member || p->is_self || wall_is_zero(last_seen) || ms < 0 || ms >= RESTART_MS_MAX)
		return;
	alive_resume(&p->alive, mono_add_ms(now, -ms), mono_add_ms(now, RESTART_MS_MAX - ms));
	core_recount(c, p, wall, now);
}
