/* SPDX-License-Identifier: Apache-2.0 */
/* The view itself: keeping records in order and merging; status_json.c reads and writes it. */
#include "proto/p2pos/status.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

static void free_texts(struct status_record *r)
{
	free(r->last_remote_addr);
	for (size_t i = 0; i < r->addr_count; i++)
		free(r->addrs[i]);
}

void status_answer_deinit(struct status_answer *a)
{
	for (size_t i = 0; i < a->count; i++)
		free_texts(&a->records[i]);
	free(a->records);
	free(a->incomplete);
	*a = (struct status_answer){0};
}

/* A copy with texts of its own; addresses that are too long or too many stay behind. */
static struct status_record copy_of(const struct status_record *from)
{
	const char *addr = from->last_remote_addr;
	struct status_record r = *from;

	r.last_remote_addr = addr && strlen(addr) <= STATUS_ADDR_TEXT_MAX ? xstrdup(addr) : NULL;
	r.addr_count = 0;
	for (size_t i = 0; i < from->addr_count && i < STATUS_ADDRS_MAX; i++)
		if (strlen(from->addrs[i]) <= STATUS_ADDR_TEXT_MAX)
			r.addrs[r.addr_count++] = xstrdup(from->addrs[i]);
	return r;
}

static bool prevails(const struct status_record *a, const struct status_record *b)
{
	int c = wall_cmp(a->last_seen_at, b->last_seen_at);

	return c ? c > 0 : peer_id_cmp(&a->observed_by, &b->observed_by) < 0;
}

/* Where the peer's record is, or belongs. Records mostly come in order. */
static size_t place_of(const struct status_answer *a, const struct peer_id *peer, bool *ret_found)
{
	size_t low = 0, high = a->count;

	*ret_found = false;
	if (high && peer_id_cmp(&a->records[high - 1].peer, peer) < 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = peer_id_cmp(&a->records[middle].peer, peer);

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

int status_answer_put(struct status_answer *a, const struct status_record *r)
{
	bool found;
	size_t at = place_of(a, &r->peer, &found);

	if (peer_id_is_none(&r->peer))
		return P2P_ERR_INVALID;
	if (found) {
		struct status_record old = a->records[at];

		if (prevails(r, &old)) {
			a->records[at] = copy_of(r);
			free_texts(&old);
		}
		return 0;
	}
	if (a->count == STATUS_RECORDS_MAX)
		return P2P_ERR_FULL;
	if (a->count == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 16;
		a->records = xrealloc(a->records, a->cap * sizeof(*a->records));
	}
	memmove(a->records + at + 1, a->records + at, (a->count - at) * sizeof(*a->records));
	a->records[at] = copy_of(r);
	a->count++;
	return 0;
}

void status_answer_incomplete(struct status_answer *a, const struct peer_id *peer)
{
	for (size_t i = 0; i < a->incomplete_count; i++)
		if (peer_id_eq(&a->incomplete[i], peer))
			return;
	if (a->incomplete_count == STATUS_INCOMPLETE_MAX)
		return;
	if (a->incomplete_count == a->incomplete_cap) {
		a->incomplete_cap = a->incomplete_cap ? a->incomplete_cap * 2 : 16;
		a->incomplete =
			xrealloc(a->incomplete, a->incomplete_cap * sizeof(*a->incomplete));
	}
	a->incomplete[a->incomplete_count++] = *peer;
}

void status_merge(struct status_answer *into, const struct status_answer *from,
	const struct status_merge_rules *rules)
{
	wall_t latest = wall_add_sec(rules->now, STATUS_FUTURE_SEC);

	for (size_t i = 0; i < from->count; i++) {
		struct status_record r = from->records[i]; /* its texts stay the answer's */

		if (!rules->is_member(rules->who_knows, &r.peer))
			continue;
		if (wall_cmp(r.last_seen_at, latest) > 0) {
			r.last_seen_at = rules->now;
			r.skewed = true;
		}
		(void)status_answer_put(into, &r); /* full: the view has all members already */
	}
}
