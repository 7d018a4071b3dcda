/* SPDX-License-Identifier: Apache-2.0 */
/* debug: what is in use of each bound, the open streams, what the node waits for. */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"

static int ask(struct cli *c, const char *method, out_printer *print)
{
	json_t *r;
	int code = rpc_call(c, method, NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print);
}

static const char *number(const json_t *o, const char *key, char *to, size_t size)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		return "-";
	snprintf(to, size, "%lld", (long long)json_integer_value(v));
	return to;
}

static void print_memory(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"WHAT", "USED", "BOUND", NULL};
	struct out_table *t = out_table_new(c, headings);
	char used[24], max[24];
	const json_t *l;
	size_t i;

	json_array_foreach(json_object_get(r, "limits"), i, l)
		out_table_row(t, (const char *const[]){out_text(l, "name"), number(l, "used", used, sizeof(used)),
			number(l, "max", max, sizeof(max))});
	out_table_row(t, (const char *const[]){"resident memory, bytes",
		number(r, "resident_bytes", used, sizeof(used)), NULL});
	out_table_print(t);
}

int cmd_debug_memory(struct cli *c)
{
	return ask(c, "debug.memory", print_memory);
}

static void print_streams(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"PEER", "DIR", "SINCE", "PROTOCOL", NULL};
	struct out_table *t = out_table_new(c, headings);
	char peer[64], age[32];
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(r, "streams"), i, s)
		out_table_row(t, (const char *const[]){out_peer(c, out_text(s, "peer_id"), peer),
			out_text(s, "direction"), out_age(out_text(s, "since"), age), out_text(s, "protocol")});
	out_table_print(t);
	if (i == 0)
		printf("no stream is open\n");
}

int cmd_debug_streams(struct cli *c)
{
	return ask(c, "debug.streams", print_streams);
}

static void print_timers(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"TIMER", "DUE IN", "FOR", NULL};
	struct out_table *t = out_table_new(c, headings);
	const json_t *x;
	size_t i;

	json_array_foreach(json_object_get(r, "timers"), i, x) {
		const json_t *due = json_object_get(x, "due_in_ms");
		char text[32];

		snprintf(text, sizeof(text), "%.1f s", (double)json_integer_value(due) / 1000.0);
		out_table_row(t, (const char *const[]){out_text(x, "name"), json_is_integer(due) ? text : "an event",
			out_text(x, "about")});
	}
	out_table_print(t);
}

int cmd_debug_timers(struct cli *c)
{
	return ask(c, "debug.timers", print_timers);
}
