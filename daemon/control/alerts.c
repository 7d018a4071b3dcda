/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/alerts.h"

#include <stdio.h>
#include <string.h>

#include "daemon/control/shape.h"
#include "proto/base/text.h"

#define DAY_SEC 86400

void alerts_note(struct alerts *a, const char *kind, const char *text, wall_t at)
{
	size_t drop = a->count; /* the entry that makes room */

	for (size_t i = 0; i < a->count; i++)
		if (strncmp(a->kept[i].kind, kind, sizeof(a->kept[i].kind) - 1) == 0)
			drop = i;
	if (drop == a->count && a->count == ALERTS_KEPT)
		drop = 0;
	if (drop < a->count) {
		a->count--;
		memmove(&a->kept[drop], &a->kept[drop + 1],
			(a->count - drop) * sizeof(a->kept[0]));
	}
	(void)text_copy(a->kept[a->count].kind, sizeof(a->kept[0].kind), bytes_str(kind));
	(void)text_copy(a->kept[a->count].text, sizeof(a->kept[0].text), bytes_str(text));
	a->kept[a->count++].at = at;
}

static void add(json_t *list, const char *kind, const char *text, wall_t since)
{
	json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "type", kind, "text",
					    shape_text(text), "since", shape_time(since)));
}

static void add_proof(json_t *list, const struct core_view *view, wall_t now)
{
	const struct admin_proof *proof = &view->snapshot->proof;
	int64_t days = (proof->valid_to.sec - now.sec) / DAY_SEC;
	char text[160];

	if (admin_proof_is_empty(proof))
		return;
	if (view->proof_now == ADMIN_PROOF_EXPIRED) {
		add(list, "admin_proof_expired",
			"the admin proof has expired: the members stay, but nobody can change them with it",
			proof->valid_to);
	} else if (view->proof_now == ADMIN_PROOF_OK && days < ALERTS_PROOF_DAYS) {
		(void)snprintf(text, sizeof(text), "the admin proof ends in %lld days",
			(long long)days);
		add(list, "admin_proof_ends", text, WALL_ZERO);
	}
}

static void add_standing(json_t *list, const struct core_view *view, wall_t now)
{
	char text[160];

	if (view->snapshot)
		add_proof(list, view, now);
	if (view->snapshot && view->snapshot->odd_count > 0) {
		(void)snprintf(text, sizeof(text),
			"%zu entries of the snapshot are no members that can ever be online",
			view->snapshot->odd_count);
		add(list, "member_invalid", text, WALL_ZERO);
	}
	if (view->insecure)
		add(list, "insecure_accept_any_issuer",
			"snapshots are taken from ANY issuer: insecure_accept_any_issuer is set",
			WALL_ZERO);
	if (view->single_source)
		add(list, "single_source",
			"the first list of members came from one source that nobody else has confirmed yet",
			WALL_ZERO);
	if (view->self_doubt)
		add(list, "self_doubt",
			view->self_doubt_why && strcmp(view->self_doubt_why, "stalled") == 0
				? "this node stood still a moment ago and counts nobody as lost for now"
				: "many links went silent at once: the fault may be on this side",
			WALL_ZERO);
	if (view->has_skew && (view->skew_ms > 2000 || view->skew_ms < -2000)) {
		(void)snprintf(text, sizeof(text), "this node's clock is %lld ms %s the others",
			(long long)(view->skew_ms < 0 ? -view->skew_ms : view->skew_ms),
			view->skew_ms < 0 ? "behind" : "ahead of");
		add(list, "clock_skew", text, WALL_ZERO);
	}
}

const char *alerts_text(const struct alerts *a, const struct core_view *view, wall_t now, size_t i)
{
	const struct alert *one;

	if (i >= a->count)
		return NULL;
	one = &a->kept[a->count - 1 - i];
	/* A clock that is off at this moment is explained with its present numbers. */
	if (now.sec - one->at.sec >= ALERTS_SHOWN_SEC ||
		(view->has_skew && strcmp(one->kind, "clock_skew") == 0))
		return "";
	return one->text;
}

json_t *alerts_json(const struct alerts *a, const struct core_view *view, wall_t now)
{
	json_t *list = json_array();

	add_standing(list, view, now);
	for (size_t i = a->count; i-- > 0;)
		if (now.sec - a->kept[i].at.sec < ALERTS_SHOWN_SEC)
			add(list, a->kept[i].kind, a->kept[i].text, a->kept[i].at);
	return list;
}
