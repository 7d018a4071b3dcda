/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/man.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "config/config.h"
#include "proto/rpc/methods.h"

/* scdoc takes these for markup. */
static void put(const char *text)
{
	for (; *text; text++) {
		if (strchr("\\*_<>[]|#~`", *text))
			putchar('\\');
		putchar(*text);
	}
}

static void put_bold(const char *text)
{
	putchar('*');
	put(text);
	putchar('*');
}

/* ---- commands ---- */

static void put_option(const struct cli_option *o)
{
	const char *v = o->value;

	if (o->letter)
		printf("*-%c*, ", o->letter);
	printf("*--");
	put(o->name);
	putchar('*');
	if (v && v[0] == '=') {
		printf("\\[");
		put(v);
		printf("\\]");
	} else if (v) {
		putchar(' ');
		put(v);
	}
	printf("\n\t");
	put(o->about);
	puts(o->repeats ? "; may be given again\n" : "\n");
}

static void put_command(const struct cli_command *cmd)
{
	put_bold(cmd->words);
	if (*cmd->args) {
		putchar(' ');
		put(cmd->args);
	}
	printf("\n\t");
	put(cmd->about);
	puts(".\n");
	for (int i = 0; i < CLI_OPTIONS_MAX && cmd->options[i].name; i++) {
		const struct cli_option *o = &cmd->options[i];

		printf("\t*--");
		put(o->name);
		putchar('*');
		if (o->value) {
			putchar(' ');
			put(o->value);
		}
		printf(": ");
		put(o->about);
		puts(o->repeats ? "; may be given again\n" : "\n");
	}
	for (int i = 0; i < CLI_EXAMPLES; i++) {
		printf("\tExample: ");
		put(cmd->examples[i]);
		puts("\n");
	}
}

static void print_commands(void)
{
	const struct cli_command *cmd;

	puts("# GLOBAL OPTIONS\n");
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		put_option(o);
	puts("# COMMANDS\n");
	for (unsigned i = 0; (cmd = cli_command_at(i)); i++)
		put_command(cmd);
}

/* ---- configuration ---- */

static void put_key(const char *section, const char *name, const json_t *key)
{
	char path[128];
	char *fallback = json_dumps(json_object_get(key, "default"), JSON_COMPACT | JSON_ENCODE_ANY);

	snprintf(path, sizeof(path), "%s%s%s", section, *section ? "." : "", name);
	put_bold(path);
	printf("\n\t");
	put(json_string_value(json_object_get(key, "description")));
	printf(".\n\tDefault: ");
	put(fallback ? fallback : "none");
	puts("\n");
	free(fallback);
}

static void print_keys(const char *section, json_t *properties)
{
	const char *name;
	json_t *v;

	json_object_foreach(properties, name, v) {
		json_t *inner = json_object_get(v, "properties");

		/* Items of lists have properties too, but only keys have a reason. */
		if (inner && !json_object_get(v, "description"))
			print_keys(name, inner);
		else
			put_key(section, name, v);
	}
}

static void print_config(void)
{
	struct buf text = BUF_INIT;
	json_t *schema = NULL;

	if (config_schema(&text) == 0)
		schema = json_loadb((const char *)text.data, text.len, 0, NULL);
	puts("# KEYS\n");
	print_keys("", json_object_get(schema, "properties"));
	json_decref(schema);
	buf_deinit(&text);
}

/* ---- the control socket ---- */

static void print_methods(void)
{
	const struct rpc_method *m;

	puts("# METHODS\n");
	for (unsigned i = 0; (m = rpc_method_at(i)); i++) {
		put_bold(m->name);
		printf(" (%s)\n\t", rpc_role_name(m->role));
		put(m->about);
		puts(".\n");
		for (const struct rpc_param *p = m->params; p->name; p++) {
			printf("\t_");
			put(p->name);
			printf("_ (%s%s): ", rpc_type_name(p->type), p->must ? "" : ", may be left out");
			put(p->about);
			puts("\n");
		}
		printf("\tResult: ");
		put(m->result);
		puts("\n");
	}
}

static void print_errors(void)
{
	const struct rpc_error_info *e;

	puts("# ERRORS\n");
	for (unsigned i = 0; (e = rpc_error_at(i)); i++) {
		put_bold(e->reason);
		printf(" (%d, exit %d)\n\t", (int)e->code, e->exit_code);
		put(e->text);
		printf(". ");
		put(e->hint);
		puts("\n");
	}
}

bool man_print(const char *part)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} parts[] = {{"commands", print_commands}, {"config", print_config}, {"methods", print_methods},
		{"errors", print_errors}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].name, part) != 0)
			continue;
		parts[i].print();
		return true;
	}
	return false;
}
