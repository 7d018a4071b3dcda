/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/history.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

struct search {
	struct ticket *t;
	history_found_fn *on_found;
	char prefix[SHAPE_HASH_SIZE];
};

bool history_is_hash(const char *text)
{
	size_t len = strlen(text);

	return len >= HISTORY_PREFIX_MIN && len < SHAPE_HASH_SIZE &&
	       strspn(text, "0123456789abcdefABCDEF") == len;
}

static void on_row(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct search *s = arg;

	if (err)
		ticket_fail(s->t, RPC_ERR_STORAGE, NULL);
	else if (count == 0) /* pruned in the moment between the two questions */
		ticket_fail(s->t, RPC_ERR_NOT_FOUND, "that snapshot is kept no longer");
	else
		s->on_found(s->t, &rows[0]);
	free(s);
}

/* All hashes are in; the one that fits is fetched with its bytes. */
static void on_list(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct store_query q = {.snapshots = true, .with_raw = true, .has_hash = true, .limit = 1,
		.since = WALL_ZERO, .until = WALL_ZERO};
	struct search *s = arg;
	char text[SHAPE_HASH_SIZE];
	size_t found = 0;

	for (size_t i = 0; !err && i < count; i++) {
		if (rows[i].kind != STORE_ROW_SNAPSHOT ||
			strncasecmp(shape_hash_text(rows[i].stamp.hash, text), s->prefix,
				strlen(s->prefix)) != 0)
			continue;
		found++;
		memcpy(q.hash, rows[i].stamp.hash, sizeof(q.hash));
	}
	if (err)
		ticket_fail(s->t, RPC_ERR_STORAGE, NULL);
	else if (found == 0)
		ticket_fail_with(s->t, RPC_ERR_NOT_FOUND, NULL, "p2posctl member history lists them",
			"no accepted snapshot has the hash %s", s->prefix);
	else if (found > 1)
		ticket_fail_with(s->t, RPC_ERR_NOT_FOUND, NULL, "write more of the hash",
			"%zu snapshots have hashes that begin with %s", found, s->prefix);
	else if (!ticket_is_wanted(s->t))
		ticket_fail(s->t, RPC_ERR_SHUTTING_DOWN, NULL);
	else if (store_query(ticket_node(s->t)->store, &q, on_row, s) == 0)
		return;
	else
		ticket_fail(s->t, RPC_ERR_BUSY, NULL);
	free(s);
}

void history_find(struct ticket *t, const char *prefix, history_found_fn *on_found)
{
	struct store_query q = {.snapshots = true, .newest_first = true,
		.limit = STORE_QUERY_ROWS_MAX, .since = WALL_ZERO, .until = WALL_ZERO};
	struct search *s = xcalloc(1, sizeof(*s));

	s->t = t;
	s->on_found = on_found;
	(void)snprintf(s->prefix, sizeof(s->prefix), "%s", prefix);
	if (store_query(ticket_node(t)->store, &q, on_list, s) == 0)
		return;
	ticket_fail(t, RPC_ERR_BUSY, NULL);
	free(s);
}
