/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.get and db.*: what the database remembers, and its upkeep. */
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define TIMELINE_EVENTS 200        /* shown unless asked otherwise */
#define DB_CHORE_MS     (10 * 60000) /* a large database on a slow disk takes its time */

/* ---- timeline ---- */

struct timeline {
	struct ticket *t;
	size_t limit;
};

static json_t *state_event(const struct store_row *r)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:I, s:I}", "at", shape_time(r->at), "kind",
		"state", "from", r->prev, "to", r->next, "reason", shape_text(r->reason), "online",
		(json_int_t)r->online, "members", (json_int_t)r->members);
}

static json_t *presence_event(const struct store_row *r)
{
	return json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:o}", "at", shape_time(r->at), "kind",
		"presence", "peer_id", shape_peer(&r->peer), "what", r->what, "address",
		shape_text(r->addr), "rtt_ms", r->rtt_ms < 0 ? json_null() : json_real(r->rtt_ms),
		"reason", shape_text(r->reason));
}

static json_t *snapshot_event(const struct store_row *r)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:I, s:o, s:o}", "at", shape_time(r->at), "kind",
		"snapshot", "action", r->kind == STORE_ROW_EVIDENCE ? "evidence" : "applied",
		"issued_at", shape_stamp(r->stamp.issued_at), "issuer_peer_id",
		shape_peer(&r->peer), "members", (json_int_t)r->members, "hash",
		shape_hash(r->stamp.hash), "source", shape_text(r->what));
}

static json_t *event_of(const struct store_row *r)
{
	switch (r->kind) {
	case STORE_ROW_STATE:
		return state_event(r);
	case STORE_ROW_PRESENCE:
		return presence_event(r);
	case STORE_ROW_SNAPSHOT:
	case STORE_ROW_EVIDENCE:
		return snapshot_event(r);
	}
	return json_null();
}

/* Newest first out of the database, so that the limit cuts old ones off; oldest first for people. */
static void on_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct timeline *call = arg;
	struct ticket *t = call->t;
	bool complete = count < call->limit;
	json_t *list;

	free(call);
	if (err) {
		ticket_fail(t, RPC_ERR_STORAGE, NULL);
		return;
	}
	list = json_array();
	for (size_t i = count; i-- > 0;)
		json_array_append_new(list, event_of(&rows[i]));
	ticket_ok(t, json_pack("{s:o, s:b}", "events", list, "complete", complete ? 1 : 0));
}

struct answer *do_TIMELINE_GET(struct call *c)
{
	struct store_query q = {.states = true, .presence = true, .snapshots = true,
		.newest_first = true};
	struct timeline *call;
	uint64_t limit;
	struct answer *answer = call_time(c, "since", &q.since);

	if (!answer)
		answer = call_time(c, "until", &q.until);
	if (!answer)
		answer = call_uint(c, "limit", 1, STORE_QUERY_ROWS_MAX, TIMELINE_EVENTS, &limit);
	if (answer)
		return answer;
	q.limit = (size_t)limit;
	call = xcalloc(1, sizeof(*call));
	call->limit = q.limit;
	answer = call_later(c, &call->t);
	if (store_query(call_node(c)->store, &q, on_rows, call) != 0) {
		ticket_fail(call->t, RPC_ERR_BUSY, NULL);
		free(call);
	}
	return answer;
}

/* ---- db ---- */

static void on_checked(void *arg, int err, const char *text)
{
	struct ticket *t = arg;
	json_t *problems = json_array();

	if (err)
		json_array_append_new(problems,
			shape_text(text && text[0] ? text : "the check could not be made"));
	ticket_ok(t, json_pack("{s:b, s:o}", "ok", err ? 0 : 1, "problems", problems));
}

struct answer *do_DB_CHECK(struct call *c)
{
	struct ticket *t;
	struct answer *answer = call_later(c, &t);

	ticket_limit(t, DB_CHORE_MS);
	if (store_chore(call_node(c)->store, STORE_CHECK, NULL, on_checked, t) != 0)
		ticket_fail(t, RPC_ERR_BUSY, NULL);
	return answer;
}

struct backup {
	struct ticket *t;
	char *path; /* owned */
};

static void on_backed_up(void *arg, int err, const char *text)
{
	struct backup *b = arg;

	if (err)
		ticket_fail_with(b->t, RPC_ERR_STORAGE, NULL,
			"the file must not exist yet, and the service must be allowed to write there",
			"%s", text && text[0] ? text : err_text(err));
	else
		ticket_ok(b->t, json_pack("{s:b, s:o, s:n}", "changed", 1, "path",
					shape_text(b->path), "bytes"));
	free(b->path);
	free(b);
}

struct answer *do_DB_BACKUP(struct call *c)
{
	const char *path = call_text(c, "path");
	struct answer *answer;
	struct backup *b;

	/* Our own directory is another than the caller's: a relative path would surprise him. */
	if (path[0] != '/' || strlen(path) >= CONFIG_PATH_SIZE)
		return call_refuse_param(c, "path", "must be absolute");
	b = xcalloc(1, sizeof(*b));
	b->path = xstrdup(path);
	answer = call_later(c, &b->t);
	ticket_limit(b->t, DB_CHORE_MS);
	if (store_chore(call_node(c)->store, STORE_BACKUP, b->path, on_backed_up, b) != 0) {
		ticket_fail(b->t, RPC_ERR_BUSY, NULL);
		free(b->path);
		free(b);
	}
	return answer;
}

/* ---- compact ---- */

struct compacting {
	struct ticket *t;
	uint64_t before;
};

static void on_compacted(void *arg, int err, const char *text)
{
	struct compacting *x = arg;
	struct store_figures f;

	store_figures(ticket_node(x->t)->store, &f);
	if (err)
		ticket_fail(x->t, RPC_ERR_STORAGE, "%s", text && text[0] ? text : err_text(err));
	else
		ticket_ok(x->t, json_pack("{s:b, s:I, s:I}", "changed", f.bytes != x->before, "bytes_before",
					(json_int_t)x->before, "bytes_after", (json_int_t)f.bytes));
	free(x);
}

struct answer *do_DB_COMPACT(struct call *c)
{
	struct compacting *x = xcalloc(1, sizeof(*x));
	struct store_figures f;
	struct answer *answer;

	store_figures(call_node(c)->store, &f);
	x->before = f.bytes;
	answer = call_later(c, &x->t);
	ticket_limit(x->t, DB_CHORE_MS);
	if (store_chore(call_node(c)->store, STORE_COMPACT, NULL, on_compacted, x) != 0) {
		ticket_fail(x->t, RPC_ERR_BUSY, NULL);
		free(x);
	}
	return answer;
}
