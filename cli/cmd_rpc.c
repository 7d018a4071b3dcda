/* SPDX-License-Identifier: Apache-2.0 */
/* rpc: every method of the daemon, also those that have no command of their own. And help. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/man.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "cli/secret.h"
#include "proto/rpc/jsonrpc.h"

#define PARAMS_BYTES_MAX (2 * 1024 * 1024)

static void print_methods(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"METHOD", "ROLE", "ABOUT", NULL};
	struct out_table *t = out_table_new(c, headings);
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(r, "methods"), i, m)
		out_table_row(t, (const char *const[]){out_text(m, "name"), out_text(m, "role"), out_text(m, "about")});
	out_table_print(t);
}

int cmd_rpc_list(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "rpc.list", NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_methods);
}

static void print_indented(struct cli *c, json_t *r)
{
	(void)c;
	json_dumpf(r, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
}

int cmd_rpc_call(struct cli *c)
{
	struct buf text = BUF_WITH_MAX(PARAMS_BYTES_MAX);
	json_t *params = NULL, *r;
	json_error_t why;
	int code = 0;

	if (c->argc > 1) {
		if (c->argv[1][0] == '@' || strcmp(c->argv[1], "-") == 0)
			code = secret_read(c, "the parameters", c->argv[1], SECRET_MARKED, &text);
		else
			code = buf_put_str(&text, c->argv[1]);
		if (!code)
			params = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
		buf_deinit(&text);
		if (!code && !params)
			code = out_fail(c, CLI_USAGE, "an object, as '{\"peer\":\"12D3KooW...\"}'",
				"the parameters are no JSON: %s", why.text);
	}
	if (!code)
		code = rpc_call(c, c->argv[0], params, 30000, &r);
	return code ? code : out_result(c, r, CLI_OK, print_indented);
}

int cmd_help(struct cli *c)
{
	const char *part = cli_value(c, "man");

	if (part && !man_print(part))
		return out_fail(c, CLI_USAGE, "commands, config, methods or errors", "--man: there is no part '%s'", part);
	if (part)
		return CLI_OK;
	if (cli_given(c, "reference"))
		help_reference();
	else
		help_show(NULL, NULL);
	return CLI_OK;
}
