/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/observed.h"

void observed_note(struct observed *o, const struct peer_id *by, const struct maddr *addr)
{
	struct observed_line *line = NULL;

	for (size_t i = 0; i < o->count && !line; i++)
		if (peer_id_eq(&o->lines[i].by, by))
			line = &o->lines[i];
	if (!line && o->count < OBSERVED_MAX)
		line = &o->lines[o->count++];
	if (!line) {
		line = &o->lines[0];
		for (size_t i = 1; i < o->count; i++)
			if (o->lines[i].when < line->when)
				line = &o->lines[i];
	}
	*line = (struct observed_line){*by, *addr, ++o->reports};
}

static bool is_first_of_its_kind(const struct observed *o, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (maddr_eq(&o->lines[i].addr, &o->lines[at].addr))
			return false;
	return true;
}

bool observed_at(const struct observed *o, size_t i, struct maddr *ret_addr, unsigned *ret_peers)
{
	for (size_t at = 0; at < o->count; at++) {
		unsigned peers = 0;

		if (!is_first_of_its_kind(o, at) || i-- > 0)
			continue;
		for (size_t j = at; j < o->count; j++)
			peers += maddr_eq(&o->lines[j].addr, &o->lines[at].addr);
		*ret_addr = o->lines[at].addr;
		*ret_peers = peers;
		return true;
	}
	return false;
}
