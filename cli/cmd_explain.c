/* SPDX-License-Identifier: Apache-2.0 */
/* explain: why the state of the node is what it is; what is known of a peer; what became of a
 * snapshot. */
#include <stdio.h>
#include <string.h>

#include "cli/absent.h"
#include "cli/cmd.h"
#include "cli/history.h"
#include "cli/out.h"
#include "cli/rpc.h"

#define HASH_SHOWN 12 /* digits of a hash in a sentence */

static void print_absence(struct cli *c, const json_t *m)
{
	char peer[64], age[32];

	printf("  %s  %s", out_peer(c, out_text(m, "peer_id"), peer), out_text(m, "why"));
	if (json_is_string(json_object_get(m, "since")))
		printf(", offline since %s", out_age(out_text(m, "since"), age));
	printf("\n    last evidence  %s", out_text(m, "evidence"));
	if (json_is_string(json_object_get(m, "last_seen_at")))
		printf(", %s", out_age(out_text(m, "last_seen_at"), age));
	putchar('\n');
	if (json_is_string(json_object_get(m, "dial_error")))
		printf("    last dial      %s, %s\n", out_text(m, "dial_error"), out_age(out_text(m, "dial_at"), age));
	if (json_is_integer(json_object_get(m, "next_dial_in_s")))
		printf("    next dial      in %lld s\n", out_number(m, "next_dial_in_s"));
	else if (json_is_integer(json_object_get(m, "addresses")) && out_number(m, "addresses") == 0)
		printf("    next dial      no address of it is known\n");
}

static void print_lines(const char *heading, const char *indent, const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
		printf("%s%s%s\n", i ? "" : heading, indent, json_string_value(line));
}

/* The core's first sentence begins with the state, which is shown in its colour. */
static void print_reason(struct cli *c, const json_t *r)
{
	const char *state = out_text(r, "state"), *reason = out_text(r, "reason");
	size_t len = strlen(state);

	if (strncmp(reason, state, len) == 0)
		printf("%s%s\n", out_state(c, state), reason + len);
	else
		puts(reason);
}

static void print_explain(struct cli *c, json_t *r)
{
	const json_t *peer = json_object_get(r, "peer"), *missing = json_object_get(r, "missing"), *m;
	char age[32];
	size_t i;

	if (json_is_object(peer)) {
		print_lines("", "", json_object_get(peer, "lines"));
		return;
	}
	print_reason(c, r);
	printf("  since   %s (%s)\n", out_text(r, "since"), out_age(out_text(r, "since"), age));
	printf("  rule    %s\n", out_text(r, "rule"));
	print_lines("\nbesides:\n", "  ", json_object_get(r, "notes"));
	if (json_array_size(missing))
		printf("\nmissing:\n");
	json_array_foreach(missing, i, m)
		print_absence(c, m);
	print_lines("\nwhat would change it:\n", "  ", json_object_get(r, "remedies"));
}

/* ---- a snapshot ---- */

static void print_snapshot(struct cli *c, json_t *r)
{
	const json_t *s = json_object_get(r, "snapshot"), *by = json_object_get(r, "replaced_by");
	long long place = out_number(r, "place");
	char age[32];

	(void)c;
	printf("%.*s ", HASH_SHOWN, out_text(s, "hash"));
	if (json_is_object(by))
		printf("was replaced %s by %.*s, issued at %s\n", out_age(out_text(by, "accepted_at"), age), HASH_SHOWN,
			out_text(by, "hash"), out_text(by, "issued_at"));
	else
		printf("is in force since %s\n", out_age(out_text(s, "accepted_at"), age));
	printf("  issued   %s by %s\n", out_text(s, "issued_at"), out_text(s, "issuer_peer_id"));
	printf("  taken    %s, source %s\n", out_text(s, "accepted_at"), out_text(s, "source"));
	printf("  members  %lld\n", out_number(s, "members"));
	printf("  rule     of valid ones the one issued last is in force; of one instant that with the lower hash\n");
	if (json_is_true(json_object_get(r, "has_earlier")))
		printf("what it changed:    p2posctl member diff %lld %lld\n", place + 1, place);
	if (json_is_object(by))
		printf("to have it again:   p2posctl member rollback %lld --admin-key @admin.key\n", place);
}

static int explain_snapshot(struct cli *c, const char *which)
{
	json_t *list, *r;
	size_t at;
	int code = history_find(c, which, &list, &at);

	if (code)
		return code;
	r = json_pack("{s:O,s:I,s:O?,s:b}", "snapshot", json_array_get(list, at), "place", (json_int_t)at,
		"replaced_by", at ? json_array_get(list, at - 1) : NULL, "has_earlier", at + 1 < json_array_size(list));
	json_decref(list);
	return out_result(c, r, CLI_OK, print_snapshot);
}

static int refuse_words(struct cli *c)
{
	return out_fail(c, CLI_USAGE, "p2posctl explain snapshot HASH", "explain: one word too many: '%s'", c->argv[1]);
}

int cmd_explain(struct cli *c)
{
	bool of_snapshot = c->argc == 2 && strcmp(c->argv[0], "snapshot") == 0;
	json_t *params, *r;
	char reason[32];
	int code;

	if (c->argc == 2 && !of_snapshot)
		return refuse_words(c);
	code = rpc_try(c, "rpc.hello", NULL, 0, &r, reason);
	if (code == CLI_UNAVAILABLE)
		return absent_explain(c);
	if (code == CLI_TEMPFAIL && strcmp(reason, "not_ready") != 0)
		return out_fail_reason(c, CLI_TEMPFAIL, 1003, "timeout",
			"is it stopped (kill -STOP), swapping, or waiting for its disk? systemctl status p2posd; top", NULL,
			"p2posd stands still: it takes connections at %s and does not answer", rpc_socket_path(c));
	if (!code)
		json_decref(r);
	if (of_snapshot)
		return explain_snapshot(c, c->argv[1]);
	params = c->argc ? json_pack("{s:s}", "peer", c->argv[0]) : NULL;
	code = rpc_call(c, "node.explain", params, 0, &r);
	return code ? code : out_result(c, r, CLI_OK, print_explain);
}
