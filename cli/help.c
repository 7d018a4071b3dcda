/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/out.h"
#include "proto/base/text.h"

static void option_line(const struct cli_option *o)
{
	char left[64];
	const char *v = o->value;

	snprintf(left, sizeof(left), "%s%c%s--%s%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ',
		o->letter ? ", " : "   ", o->name, v ? (v[0] == '=' ? "[" : " ") : "", v ? v : "",
		v && v[0] == '=' ? "]" : "");
	printf("  %-28s %s%s\n", left, o->about, o->repeats ? " (may be given again)" : "");
}

static void show_command(const struct cli_command *cmd)
{
	printf("%s.\n\nusage: p2posctl %s%s%s%s\n\n", cmd->about, cmd->words,
		cmd->options[0].name ? " [options]" : "", *cmd->args ? " " : "", cmd->args);
	printf("examples:\n");
	for (int i = 0; i < CLI_EXAMPLES; i++)
		printf("  %s\n", cmd->examples[i]);
	if (cmd->options[0].name)
		printf("\noptions:\n");
	for (int i = 0; i < CLI_OPTIONS_MAX && cmd->options[i].name; i++)
		option_line(&cmd->options[i]);
	printf("\nglobal options: p2posctl --help\n");
	printf("exit codes: 0 done, 1 refused or failed, 64 usage, 65 bad data, 69 no daemon, 75 try again,\n"
	       "            77 not allowed, 78 bad configuration\n");
	printf("next: %s\n", cmd->next);
}

static void command_line(const struct cli_command *cmd)
{
	char left[96];

	snprintf(left, sizeof(left), "%s%s%s", cmd->words, *cmd->args ? " " : "", cmd->args);
	printf("  %-34s %s\n", left, cmd->about);
}

void help_show(const struct cli_command *cmd, const char *noun)
{
	const struct cli_command *each;

	if (cmd) {
		show_command(cmd);
		return;
	}
	printf("p2posctl asks and changes a p2posd node and its cluster.\n\n"
	       "usage: p2posctl [options] COMMAND\n\nexamples:\n  p2posctl status\n"
	       "  p2posctl member approve 12D3KooWSvQ2 --admin-key @admin.key\n\ncommands:\n");
	for (unsigned i = 0; (each = cli_command_at(i)); i++) {
		size_t len = noun ? strlen(noun) : 0;

		if (noun && cli_is_noun(noun) &&
			!(strncmp(each->words, noun, len) == 0 && each->words[len] == ' '))
			continue;
		command_line(each);
	}
	printf("\noptions:\n");
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		option_line(o);
}

int help_unknown(struct cli *c, const char *first, const char *second)
{
	const struct cli_command *each;
	const char *near = NULL;
	char typed[128], hint[128];
	unsigned best = 4; /* edits; farther away is no typing error */

	snprintf(typed, sizeof(typed), "%.60s%s%.60s", first, second && cli_is_noun(first) ? " " : "",
		second && cli_is_noun(first) ? second : "");
	for (unsigned i = 0; (each = cli_command_at(i)); i++) {
		char noun[32];
		unsigned d = text_distance(typed, each->words, best);

		snprintf(noun, sizeof(noun), "%.*s", (int)strcspn(each->words, " "), each->words);
		if (d < best) {
			best = d;
			near = each->words;
		} else if (!cli_is_noun(first) && text_distance(first, noun, best) < best) {
			best = text_distance(first, noun, best);
			near = each->words;
		}
	}
	if (near && !cli_is_noun(first) && strchr(near, ' ') && text_distance(typed, near, 4) >= 4)
		snprintf(hint, sizeof(hint), "did you mean '%.*s'? p2posctl --help lists the commands",
			(int)strcspn(near, " "), near);
	else
		snprintf(hint, sizeof(hint), near ? "did you mean '%s'? p2posctl --help lists the commands"
						  : "%sp2posctl --help lists the commands",
			near ? near : "");
	return out_fail(c, CLI_USAGE, hint, "unknown command '%s'", typed);
}

static void reference_option(const struct cli_option *o)
{
	const char *v = o->value;

	printf("| `--%s%s%s%s` | %s |\n", o->name, v ? (v[0] == '=' ? "[" : " ") : "", v ? v : "",
		v && v[0] == '=' ? "]" : "", o->about);
}

void help_reference(void)
{
	const struct cli_command *cmd;

	printf("# p2posctl\n\nMade from the table of commands by `p2posctl help --reference`; not edited by hand.\n\n"
	       "## Global options\n\n| option | |\n| --- | --- |\n");
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		reference_option(o);
	for (unsigned i = 0; (cmd = cli_command_at(i)); i++) {
		printf("\n## %s%s%s\n\n%s.%s%s%s\n\n", cmd->words, *cmd->args ? " " : "", cmd->args, cmd->about,
			cmd->method ? " Method: `" : " Needs no daemon", cmd->method ? cmd->method : "",
			cmd->method ? "`." : ".");
		for (int k = 0; k < CLI_EXAMPLES; k++)
			printf("    %s\n", cmd->examples[k]);
		if (cmd->options[0].name)
			printf("\n| option | |\n| --- | --- |\n");
		for (int k = 0; k < CLI_OPTIONS_MAX && cmd->options[k].name; k++)
			reference_option(&cmd->options[k]);
	}
}
