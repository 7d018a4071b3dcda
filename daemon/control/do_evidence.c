/* SPDX-License-Identifier: Apache-2.0 */
/* member.evidence: two valid snapshots for one instant, as a file that proves itself (features.md
 * N-03). The database has both, whichever was in force when; here they are put together. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/control/dispatch.h"
#include "daemon/control/history.h"
#include "daemon/control/shape.h"
#include "proto/base/mem.h"
#include "proto/p2pos/evidence.h"

struct search {
	struct ticket *t;
	char prefix[SHAPE_HASH_SIZE]; /* of either hash; "" = the newest pair */
	uint8_t other[32];            /* hash of the second */
	struct snapshot first;        /* zero until it is read */
};

static void search_free(struct search *s)
{
	snapshot_deinit(&s->first);
	free(s);
}

static void answer(struct search *s, const struct snapshot *second)
{
	struct buf text = BUF_WITH_MAX(EVIDENCE_BYTES_MAX);
	json_t *doc = NULL;

	if (evidence_print(&text, &s->first, second) == 0)
		doc = json_loadb((const char *)text.data, text.len, 0, NULL);
	buf_deinit(&text);
	if (doc)
		ticket_ok(s->t, json_pack("{s:o, s:o}", "evidence", doc, "issued_at",
					shape_stamp(second->issued_at)));
	else
		ticket_fail(s->t, RPC_ERR_STORAGE, "the two snapshots do not contradict each other");
}

static bool fetch(struct search *s, const uint8_t *hash, store_rows_fn *fn)
{
	struct store_query q = {.snapshots = true, .with_raw = true, .has_hash = true, .limit = 1,
		.since = WALL_ZERO, .until = WALL_ZERO};

	memcpy(q.hash, hash, sizeof(q.hash));
	if (!ticket_is_wanted(s->t))
		ticket_fail(s->t, RPC_ERR_SHUTTING_DOWN, NULL);
	else if (store_query(ticket_node(s->t)->store, &q, fn, s) == 0)
		return true;
	else
		ticket_fail(s->t, RPC_ERR_BUSY, NULL);
	return false;
}

/* False: the ticket is answered. */
static bool read_row(struct search *s, int err, const struct store_row *rows, size_t count,
	struct snapshot *ret)
{
	if (!err && count == 1 && snapshot_parse(rows[0].raw, ret, NULL) == 0)
		return true;
	ticket_fail(s->t, RPC_ERR_STORAGE, "a snapshot of the pair cannot be read any more");
	return false;
}

static void on_second(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct search *s = arg;
	struct snapshot second = {0};

	if (read_row(s, err, rows, count, &second))
		answer(s, &second);
	snapshot_deinit(&second);
	search_free(s);
}

static void on_first(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct search *s = arg;

	if (!read_row(s, err, rows, count, &s->first) || !fetch(s, s->other, on_second))
		search_free(s);
}

static bool is_meant(const struct search *s, const struct store_row *r)
{
	char text[SHAPE_HASH_SIZE];

	return strncasecmp(shape_hash_text(r->stamp.hash, text), s->prefix, strlen(s->prefix)) == 0;
}

static bool is_pair(const struct store_row *a, const struct store_row *b)
{
	return wall_cmp(a->stamp.issued_at, b->stamp.issued_at) == 0 &&
	       memcmp(a->stamp.hash, b->stamp.hash, sizeof(a->stamp.hash)) != 0;
}

static void on_list(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct search *s = arg;

	for (size_t i = 0; !err && i < count; i++)
		for (size_t k = i + 1; k < count; k++) {
			if (!is_pair(&rows[i], &rows[k]) ||
				(!is_meant(s, &rows[i]) && !is_meant(s, &rows[k])))
				continue;
			memcpy(s->other, rows[k].stamp.hash, sizeof(s->other));
			if (!fetch(s, rows[i].stamp.hash, on_first))
				search_free(s);
			return;
		}
	if (err)
		ticket_fail(s->t, RPC_ERR_STORAGE, NULL);
	else
		ticket_fail_with(s->t, RPC_ERR_NOT_FOUND, NULL, "p2posctl timeline tells what happened",
			"no two snapshots for one instant are known");
	search_free(s);
}

struct answer *do_MEMBER_EVIDENCE(struct call *c)
{
	struct store_query q = {.snapshots = true, .newest_first = true,
		.limit = STORE_QUERY_ROWS_MAX, .since = WALL_ZERO, .until = WALL_ZERO};
	const char *hash = call_text(c, "hash");
	struct answer *answer;
	struct search *s;

	if (hash && !history_is_hash(hash))
		return call_refuse_param(c, "hash", "must be 6 to 64 hex characters");
	s = xcalloc(1, sizeof(*s));
	(void)snprintf(s->prefix, sizeof(s->prefix), "%s", hash ? hash : "");
	answer = call_later(c, &s->t);
	if (store_query(call_node(c)->store, &q, on_list, s) != 0) {
		ticket_fail(s->t, RPC_ERR_BUSY, NULL);
		search_free(s);
	}
	return answer;
}
