/* SPDX-License-Identifier: Apache-2.0 */
/* log tail: the newest lines that the daemon keeps in memory, and what follows them. Older ones are in
 * the journal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"

static void print_line(struct cli *c, json_t *line)
{
	(void)c;
	printf("%s  %-5s  %s\n", out_text(line, "time"), out_text(line, "level"), out_text(line, "text"));
}

static void print_lines(struct cli *c, json_t *r)
{
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(r, "lines"), i, line)
		print_line(c, line);
}

/* Lines of its own of what was asked are told too: they are in the log. */
static int follow(struct cli *c)
{
	int64_t until = c->timeout_ms ? cli_clock_ms() + c->timeout_ms : -1;
	json_t *e;
	bool on = true;
	int code = 0;

	while (on && !code) {
		code = rpc_next_event(c, until < 0 ? -1 : until - cli_clock_ms(), &e);
		if (code)
			break;
		on = out_line(c, e, print_line);
		json_decref(e);
	}
	return code == CLI_TEMPFAIL ? CLI_OK : code;
}

int cmd_log_tail(struct cli *c)
{
	const char *lines = cli_value(c, "lines");
	bool follows = cli_given(c, "follow");
	json_t *r, *sub = NULL, *line;
	size_t i;
	int code = 0;

	/* Subscribed first, so that no line falls between the two. */
	if (follows)
		code = rpc_call(c, "events.subscribe", json_pack("{s:[s]}", "types", "log"), 0, &sub);
	json_decref(sub);
	if (!code)
		code = rpc_call(c, "log.tail", lines ? json_pack("{s:I}", "lines", (json_int_t)strtoll(lines, NULL, 10)) : NULL,
			0, &r);
	if (code)
		return code;
	if (!follows)
		return out_result(c, r, CLI_OK, print_lines);
	json_array_foreach(json_object_get(r, "lines"), i, line)
		if (!out_line(c, line, print_line))
			break;
	json_decref(r);
	return follow(c);
}
