/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/member_list.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/p2pos/snapshot.h"

void member_list_deinit(struct member_list *l)
{
	free(l->peers);
	free(l->was_base58);
	*l = (struct member_list){0};
}

/* Where `peer` is, or belongs. Lists usually arrive in order, so the end is tried first. */
static size_t place_of(const struct member_list *l, const struct peer_id *peer, bool *ret_found)
{
	size_t low = 0, high = l->count;

	*ret_found = false;
	if (high && peer_id_cmp(&l->peers[high - 1], peer) < 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = peer_id_cmp(&l->peers[middle], peer);

		if (c == 0) {
			*ret_found = true;
			return middle;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert_at(struct member_list *l, size_t at, const struct peer_id *peer, bool base58)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->peers = xrealloc(l->peers, l->cap * sizeof(*l->peers));
		l->was_base58 = xrealloc(l->was_base58, l->cap * sizeof(*l->was_base58));
	}
	memmove(l->peers + at + 1, l->peers + at, (l->count - at) * sizeof(*l->peers));
	memmove(l->was_base58 + at + 1, l->was_base58 + at,
		(l->count - at) * sizeof(*l->was_base58));
	l->peers[at] = *peer;
	l->was_base58[at] = base58;
	l->count++;
}

int member_list_add_text(struct member_list *l, struct bytes text)
{
	char base58[PEER_ID_TEXT_SIZE];
	struct peer_id peer;
	struct bytes key;
	bool is_base58, found;
	size_t at;

	text = text_trim(text);
	if (peer_id_parse(text, &peer))
		return P2P_ERR_INVALID;
	if (peer_id_ed25519(&peer, &key))
		return P2P_ERR_UNSUPPORTED;
	is_base58 = bytes_eq(text, bytes_str(peer_id_text(&peer, base58)));
	at = place_of(l, &peer, &found);
	if (found)
		return is_base58 && l->was_base58[at] ? 0 : P2P_ERR_EXISTS;
	if (l->count == MEMBERS_MAX)
		return P2P_ERR_FULL;
	insert_at(l, at, &peer, is_base58);
	return 0;
}

int member_list_add(struct member_list *l, const struct peer_id *peer)
{
	struct bytes key;
	bool found;
	size_t at = place_of(l, peer, &found);

	if (peer_id_ed25519(peer, &key))
		return P2P_ERR_UNSUPPORTED;
	if (found)
		return P2P_ERR_EXISTS;
	if (l->count == MEMBERS_MAX)
		return P2P_ERR_FULL;
	insert_at(l, at, peer, true);
	return 0;
}

int member_list_remove(struct member_list *l, const struct peer_id *peer)
{
	bool found;
	size_t at = place_of(l, peer, &found);

	if (!found)
		return P2P_ERR_NOT_FOUND;
	l->count--;
	memmove(l->peers + at, l->peers + at + 1, (l->count - at) * sizeof(*l->peers));
	memmove(l->was_base58 + at, l->was_base58 + at + 1,
		(l->count - at) * sizeof(*l->was_base58));
	return 0;
}

bool member_list_has(const struct member_list *l, const struct peer_id *peer)
{
	bool found;

	(void)place_of(l, peer, &found); /* only whether it is there */
	return found;
}

void member_list_from_snapshot(struct member_list *ret, const struct snapshot *s,
	size_t *ret_dropped)
{
	struct member_list l = {0};
	size_t dropped = 0;

	for (size_t i = 0; i < s->member_count; i++)
		if (member_list_add(&l, &s->members[i].peer))
			dropped++;
	*ret = l;
	if (ret_dropped)
		*ret_dropped = dropped;
}
