/* SPDX-License-Identifier: Apache-2.0 */
/* db: the upkeep of the node's database. It works on while the node goes on. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"

#define CHORE_MS (11 * 60000) /* the node itself gives up after ten minutes */

static void print_checked(struct cli *c, json_t *r)
{
	const json_t *p;
	size_t i;

	(void)c;
	if (json_is_true(json_object_get(r, "ok")))
		printf("the database holds together\n");
	json_array_foreach(json_object_get(r, "problems"), i, p)
		printf("FAIL  %s\n", json_string_value(p));
}

int cmd_db_check(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "db.check", NULL, CHORE_MS, &r);

	if (code)
		return code;
	return out_result(c, r, json_is_true(json_object_get(r, "ok")) ? CLI_OK : CLI_FAILED, print_checked);
}

static void print_backup(struct cli *c, json_t *r)
{
	(void)c;
	printf("written to %s", out_text(r, "path"));
	if (json_is_integer(json_object_get(r, "bytes")))
		printf(", %lld bytes", (long long)json_integer_value(json_object_get(r, "bytes")));
	putchar('\n');
}

/* The daemon's directory is another than ours: it is given an absolute path. */
int cmd_db_backup(struct cli *c)
{
	char here[PATH_MAX], path[2 * PATH_MAX];
	json_t *r;
	int code;

	if (c->argv[0][0] == '/')
		snprintf(path, sizeof(path), "%s", c->argv[0]);
	else if (getcwd(here, sizeof(here)))
		snprintf(path, sizeof(path), "%s/%s", here, c->argv[0]);
	else
		return out_fail(c, CLI_CANTCREAT, "give an absolute path", "this directory has no name any more");
	code = rpc_call(c, "db.backup", json_pack("{s:s}", "path", path), CHORE_MS, &r);
	return code ? code : out_result(c, r, CLI_OK, print_backup);
}

static void print_compacted(struct cli *c, json_t *r)
{
	(void)c;
	printf("%lld bytes before, %lld after\n", (long long)json_integer_value(json_object_get(r, "bytes_before")),
		(long long)json_integer_value(json_object_get(r, "bytes_after")));
}

int cmd_db_compact(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "db.compact", NULL, CHORE_MS, &r);

	return code ? code : out_result(c, r, CLI_OK, print_compacted);
}
