/* SPDX-License-Identifier: Apache-2.0 */
/* poke.c: noticing at once that a process was killed, where no kernel says so (performance.md D10).
 *
 * A kernel closes the TCP connections of a killed process. Over QUIC it only tells who sends something
 * that nobody is there; so something is sent: a datagram without meaning, which costs a living peer one
 * look at it and no answer. The report alone is no verdict, since anybody can forge it: it makes the
 * owner ask the peer on the spot (swarm.h: SWARM_UNREACHABLE_MS), and conn_down comes of silence only.
 *
 * Whatever the number of members, each is poked by all others together some POKES_A_SECOND times a
 * second, and asked once (probe.c), which is as good as a poke: the first of them learns of its end within
 * a quarter of a second in the mean, and tells others, who ask it themselves. Each does all its pokes of a
 * turn in one go, because it is waking up that costs.
 * Nodes that started together would all come to a member at the same moment: hence the draw. */
#include "proto/cluster/core_parts.h"

#define POKES_A_SECOND 3
#define DRAW_MAX       16 /* of those not poked for longest, among whom the next is drawn */

static struct link *draw(const struct core *c, size_t among)
{
	struct list *node = list_first(&c->untold);

	for (size_t skip = rng_below(c->rng, among); skip > 0; skip--)
		node = node->next;
	return list_entry(node, struct link, untold);
}

void poke_some(struct core *c, int64_t turn_ms)
{
	size_t pokes = (size_t)((POKES_A_SECOND * turn_ms + 999) / 1000), among;

	if (!c->configured || c->untold_count == 0)
		return;
	if (pokes > c->untold_count)
		pokes = c->untold_count;
	among = c->untold_count - pokes + 1; /* nobody twice in a turn */
	if (among > DRAW_MAX)
		among = DRAW_MAX;
	for (size_t i = 0; i < pokes; i++) {
		struct link *l = draw(c, among);

		list_remove(&l->untold);
		list_append(&c->untold, &l->untold);
		link_want(c, l, WANT_POKE);
	}
}
