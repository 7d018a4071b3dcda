/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/known.h"

#include <string.h>

#include "daemon/control/shape.h"

struct search {
	const char *prefix;
	struct peer_id *found;
	size_t count, max;
};

static void consider(struct search *s, const struct peer_id *peer)
{
	char text[PEER_ID_TEXT_SIZE];

	if (peer_id_is_none(peer) || s->count == s->max ||
		strncmp(peer_id_text(peer, text), s->prefix, strlen(s->prefix)) != 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (peer_id_eq(&s->found[i], peer))
			return;
	s->found[s->count++] = *peer;
}

size_t known_find(const struct control_node *n, const char *prefix, struct peer_id *ret, size_t max)
{
	const struct snapshot *held = core_snapshot(n->core);
	struct search s = {.prefix = prefix, .found = ret, .max = max};
	struct swarm_conn conn;
	struct core_knock knock;
	struct peer_id self;

	key_pair_peer_id(n->identity, &self);
	consider(&s, &self);
	for (size_t i = 0; held && i < held->member_count; i++)
		consider(&s, &held->members[i].peer);
	for (uint64_t id = n->swarm ? swarm_next(n->swarm, 0) : 0; id; id = swarm_next(n->swarm, id))
		if (swarm_get(n->swarm, id, &conn) && conn.is_up)
			consider(&s, &conn.peer);
	for (size_t i = 0; core_pending_at(n->core, i, &knock); i++)
		consider(&s, &knock.peer);
	return s.count;
}

struct answer *call_peer(struct call *c, const char *name, struct peer_id *ret)
{
	struct peer_id found[KNOWN_CANDIDATES_MAX];
	const char *text = call_text(c, name);
	size_t count;

	if (peer_id_parse(bytes_str(text), ret) == 0)
		return NULL;
	if (strlen(text) < KNOWN_PREFIX_MIN)
		return call_refuse_param(c, name,
			"is no peer id, and too short to be the beginning of one (%d characters)",
			KNOWN_PREFIX_MIN);
	count = known_find(call_node(c), text, found, KNOWN_CANDIDATES_MAX);
	if (count == 0)
		return call_fail(c, RPC_ERR_NOT_FOUND,
			"%.64s is no peer id, and no peer that this node knows begins with it", text);
	if (count > 1)
		return call_fail_with(c, RPC_ERR_PARAMS,
			json_pack("{s:s, s:o}", "param", name, "candidates", shape_peers(found, count)),
			"write a few more characters of the id", "several peers begin with %.64s", text);
	*ret = found[0];
	return NULL;
}
