/* SPDX-License-Identifier: Apache-2.0 */
/* events and timeline: what happens, and what has happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"

static void print_value(const json_t *v)
{
	char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	fputs(text ? text : json_string_value(v), stdout);
	free(text);
}

/* TIME  type  key=value …: the time and the type first, the rest as the daemon ordered it. */
static void print_event_as(json_t *e, const char *time_key, const char *type_key)
{
	const char *key;
	json_t *v;

	printf("%s  %s", out_text(e, time_key), out_text(e, type_key));
	json_object_foreach(e, key, v) {
		if (strcmp(key, time_key) == 0 || strcmp(key, type_key) == 0 || strcmp(key, "seq") == 0 ||
			strcmp(key, "subscription") == 0 || json_is_null(v))
			continue;
		printf(" %s=", key);
		print_value(v);
	}
	putchar('\n');
}

static void print_event(struct cli *c, json_t *e)
{
	(void)c;
	print_event_as(e, "time", "type");
}

/* Does the event have the field with this value? `pair` is KEY=VALUE. */
static bool matches(const json_t *e, const char *pair)
{
	const char *eq = strchr(pair, '=');
	char *key = xstrndup(pair, (size_t)(eq - pair)), *text;
	const json_t *v = json_object_get(e, key);
	bool same;

	text = json_is_string(v) ? xstrdup(json_string_value(v)) : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	same = text && strcmp(text, eq + 1) == 0;
	free(text);
	free(key);
	return same;
}

static bool matches_all(struct cli *c, const json_t *e, const char *option)
{
	const char *pair;

	for (int i = 0; (pair = cli_value_at(c, option, i)); i++)
		if (!matches(e, pair))
			return false;
	return true;
}

static int check_pairs(struct cli *c, const char *option)
{
	const char *pair;

	for (int i = 0; (pair = cli_value_at(c, option, i)); i++)
		if (!strchr(pair, '=') || pair[0] == '=')
			return out_fail(c, CLI_USAGE, "write it like type=state", "--%s: '%s' is no KEY=VALUE", option,
				pair);
	return 0;
}

/* A filter on the type spares the daemon the events that nobody reads; log lines come only that
 * way. */
static json_t *subscription(struct cli *c)
{
	json_t *types = json_array();
	const char *pair;

	for (int i = 0; (pair = cli_value_at(c, "filter", i)); i++)
		if (strncmp(pair, "type=", 5) == 0)
			json_array_append_new(types, json_string(pair + 5));
	if (json_array_size(types))
		return json_pack("{s:o}", "types", types);
	json_decref(types);
	return NULL;
}

int cmd_events(struct cli *c)
{
	json_t *r, *e;
	bool ends = cli_given(c, "until"), over = false;
	int64_t until = c->timeout_ms ? cli_clock_ms() + c->timeout_ms : -1;
	int code = check_pairs(c, "filter");

	if (!code)
		code = check_pairs(c, "until");
	if (!code)
		code = rpc_call(c, "events.subscribe", subscription(c), 0, &r);
	if (code)
		return code;
	json_decref(r);
	while (!over) {
		code = rpc_next_event(c, until < 0 ? -1 : until - cli_clock_ms(), &e);
		if (code == CLI_TEMPFAIL)
			return out_fail_reason(c, CLI_TEMPFAIL, 1003, "timeout", "allow more time: --timeout", NULL,
				"the time is over");
		if (code)
			return code;
		if (matches_all(c, e, "filter")) {
			over = !out_line(c, e, print_event) || (ends && matches_all(c, e, "until"));
		}
		json_decref(e);
	}
	return CLI_OK;
}

static void print_timeline(struct cli *c, json_t *r)
{
	json_t *e;
	size_t i;

	json_array_foreach(json_object_get(r, "events"), i, e)
		print_event_as(e, "at", "kind");
	if (json_is_false(json_object_get(r, "complete")))
		out_note(c, "older events were left out: --limit");
}

/* --since and --until: a time, or how long ago. 0 or the exit code. */
static int add_time(struct cli *c, json_t *params, const char *name)
{
	const char *given = cli_value(c, name);
	char text[RFC3339_SIZE];
	wall_t at;
	int64_t ms;

	if (!given)
		return 0;
	if (cli_duration_ms(given, &ms) == 0)
		at = wall_add_ns(cli_now(), -ms * NS_PER_MS);
	else if (rfc3339_parse(bytes_str(given), &at))
		return out_fail(c, CLI_USAGE, "write it like 2h or 2026-11-20T02:00:00Z", "--%s: '%s' is no time", name, given);
	json_object_set_new(params, name, json_string(rfc3339_text(at, text)));
	return 0;
}

int cmd_timeline(struct cli *c)
{
	const char *limit = cli_value(c, "limit");
	json_t *params = json_object(), *r;
	int code = add_time(c, params, "since");

	if (!code)
		code = add_time(c, params, "until");
	if (code) {
		json_decref(params);
		return code;
	}
	if (limit)
		json_object_set_new(params, "limit", json_integer(strtoll(limit, NULL, 10)));
	code = rpc_call(c, "timeline.get", params, 0, &r);
	return code ? code : out_result(c, r, CLI_OK, print_timeline);
}
