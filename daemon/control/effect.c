/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/effect.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/mem.h"

static int by_id(const void *a, const void *b)
{
	return peer_id_cmp(a, b);
}

static bool is_listed(const struct peer_id *sorted, size_t count, const struct peer_id *peer)
{
	return count > 0 && bsearch(peer, sorted, count, sizeof(*sorted), by_id) != NULL;
}

static bool has_knocked(const struct control_node *n, const struct peer_id *peer)
{
	int64_t now = loop_wall(n->loop).sec;
	struct core_knock k;

	for (size_t i = 0; core_pending_at(n->core, i, &k); i++)
		if (peer_id_eq(&k.peer, peer) && now - k.last_seen.sec <= EFFECT_KNOCK_SEC)
			return true;
	return false;
}

static bool is_present(const struct control_node *n, const struct peer_id *peer)
{
	struct core_member m;

	if (core_member_get(n->core, peer, loop_wall(n->loop), loop_now(n->loop), &m))
		return m.self || m.online;
	return (n->swarm && swarm_find(n->swarm, peer)) || has_knocked(n, peer);
}

static struct effect judged(const struct control_node *n, const struct peer_id *sorted,
	size_t peer_count, size_t text_count)
{
	const struct snapshot *held = core_snapshot(n->core);
	struct effect e = {.members = text_count, .quorum = members_quorum(text_count)};
	struct core_view view;
	struct peer_id self;
	bool has_self, has_quorum;

	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	if (view.has_skew && (view.skew_ms > EFFECT_SKEW_MS || view.skew_ms < -EFFECT_SKEW_MS))
		e.skew_ms = view.skew_ms;
	key_pair_peer_id(n->identity, &self);
	has_self = is_listed(sorted, peer_count, &self);
	for (size_t i = 0; i < peer_count; i++)
		e.online += peer_id_eq(&sorted[i], &self) || is_present(n, &sorted[i]);
	has_quorum = 2 * e.online > e.members;
	e.state = !has_self ? CORE_UNCONFIGURED : has_quorum ? CORE_HEALTHY : CORE_DEGRADED;
	e.no_spare = has_self && has_quorum && 2 * (e.online - 1) <= e.members;
	if (held) {
		e.locks_out_self = !has_self && snapshot_has_member(held, &self);
		e.locks_out_issuer = snapshot_has_member(held, &held->issuer) &&
				     !is_listed(sorted, peer_count, &held->issuer);
		e.locks_out_quorum = !has_quorum;
	}
	return e;
}

struct effect effect_of(const struct control_node *n, const struct peer_id *peers,
	size_t peer_count, size_t text_count)
{
	struct peer_id *sorted = xcalloc(peer_count + 1, sizeof(*sorted));
	struct effect e;

	for (size_t i = 0; i < peer_count; i++)
		sorted[i] = peers[i];
	qsort(sorted, peer_count, sizeof(*sorted), by_id);
	e = judged(n, sorted, peer_count, text_count);
	free(sorted);
	return e;
}

const char *effect_lock_out(const struct effect *e)
{
	if (e->locks_out_self)
		return "self";
	if (e->locks_out_issuer)
		return "issuer";
	return e->locks_out_quorum ? "quorum" : NULL;
}

static void warn(json_t *list, const char *type, const char *text)
{
	json_array_append_new(list, json_pack("{s:s, s:s}", "type", type, "text", text));
}

json_t *effect_warnings(const struct effect *e)
{
	json_t *list = json_array();
	char text[160];

	if (e->locks_out_self)
		warn(list, "would_lock_out_self", "this node would no longer be a member");
	if (e->locks_out_issuer)
		warn(list, "would_lock_out_issuer",
			"the issuer of the current members would no longer be one");
	if (e->locks_out_quorum) {
		(void)snprintf(text, sizeof(text),
			"only %zu of %zu members would be online, and %zu are needed", e->online,
			e->members, e->quorum);
		warn(list, "would_lock_out_quorum", text);
	}
	if (e->skew_ms) {
		(void)snprintf(text, sizeof(text), "this node's clock is %.1f s %s the others'",
			(double)(e->skew_ms < 0 ? -e->skew_ms : e->skew_ms) / 1000.0,
			e->skew_ms < 0 ? "behind" : "ahead of");
		warn(list, "clock_skew", text);
	}
	if (e->no_spare)
		warn(list, "no_spare", "there is no member to spare: one more loss ends the majority");
	return list;
}
