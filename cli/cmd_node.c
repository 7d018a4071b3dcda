/* SPDX-License-Identifier: Apache-2.0 */
/* node, log, metrics: the daemon itself. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"

static int ask(struct cli *c, const char *method, json_t *params, out_printer *print)
{
	json_t *r;
	int code = rpc_call(c, method, params, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print);
}

static void print_id(struct cli *c, json_t *r)
{
	(void)c;
	printf("Peer id     %s\nAs a CID    %s\nPublic key  %s\nCluster     %s\n", out_text(r, "peer_id"),
		out_text(r, "peer_id_cid"), out_text(r, "public_key"), out_text(r, "cluster_id"));
}

int cmd_node_id(struct cli *c)
{
	return ask(c, "node.id", NULL, print_id);
}

static void print_list(const char *head, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		const char *text = json_is_string(v) ? json_string_value(v) : out_text(v, "address");

		printf("%-10s%s\n", i ? "" : head, text);
	}
}

static void print_addresses(struct cli *c, json_t *r)
{
	(void)c;
	print_list("Listen", json_object_get(r, "listen"));
	print_list("Announce", json_object_get(r, "announce"));
	print_list("Seen as", json_object_get(r, "observed"));
	printf("%-10s%s\n", "Network", out_text(r, "network_mode"));
}

int cmd_node_addresses(struct cli *c)
{
	return ask(c, "node.addresses", NULL, print_addresses);
}

static void print_stopping(struct cli *c, json_t *r)
{
	(void)c;
	(void)r;
	printf("stopping\n");
}

int cmd_node_stop(struct cli *c)
{
	return ask(c, "node.stop", cli_given(c, "force") ? json_pack("{s:b}", "force", 1) : NULL, print_stopping);
}

static void print_words(const char *head, const json_t *list)
{
	const json_t *v;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("%s", head);
	json_array_foreach(list, i, v)
		printf(" %s", json_string_value(v));
	putchar('\n');
}

static void print_reload(struct cli *c, json_t *r)
{
	const json_t *w;
	size_t i;

	(void)c;
	printf("%s\n", json_is_true(json_object_get(r, "changed")) ? "reloaded" : "nothing changed");
	print_words("applied:", json_object_get(r, "applied"));
	print_words("needs a restart:", json_object_get(r, "needs_restart"));
	json_array_foreach(json_object_get(r, "warnings"), i, w)
		printf("warning: %s: %s\n", out_text(w, "pointer"), out_text(w, "message"));
}

int cmd_node_reload(struct cli *c)
{
	return ask(c, "config.reload", NULL, print_reload);
}

static void print_levels(struct cli *c, json_t *r)
{
	const json_t *m;
	size_t i;

	(void)c;
	printf("%-14s%s\n", "level", out_text(r, "level"));
	json_array_foreach(json_object_get(r, "modules"), i, m)
		printf("%-14s%s\n", out_text(m, "module"), out_text(m, "level"));
}

int cmd_log_level(struct cli *c)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	bool is_level = false;

	if (c->argc == 2)
		return ask(c, "log.set_level", json_pack("{s:s,s:s}", "module", c->argv[0], "level", c->argv[1]),
			print_levels);
	for (size_t i = 0; c->argc == 1 && i < sizeof(levels) / sizeof(levels[0]); i++)
		is_level = is_level || strcmp(c->argv[0], levels[i]) == 0;
	if (is_level)
		return ask(c, "log.set_level", json_pack("{s:s}", "level", c->argv[0]), print_levels);
	if (c->argc == 1)
		return out_fail(c, CLI_USAGE, "error, warn, info or debug; p2posctl log level lists the modules",
			"'%s' is no level", c->argv[0]);
	return ask(c, "log.get_level", NULL, print_levels);
}

static void print_metrics(struct cli *c, json_t *r)
{
	(void)c;
	fputs(out_text(r, "text"), stdout);
}

int cmd_metrics(struct cli *c)
{
	return ask(c, "metrics.get", NULL, print_metrics);
}
