/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: global options anywhere, the words of a command, its own options, its words. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/out.h"
#include "proto/base/err.h"

wall_t cli_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_t){ts.tv_sec, (int32_t)ts.tv_nsec};
}

int64_t cli_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / NS_PER_MS;
}

void cli_pause_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

struct unit {
	const char *name; /* NULL ends a list */
	int64_t is;
};

/* A whole number from 0 on with one of the units. */
static int number_with_unit(const char *text, const struct unit *units, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || errno || n < 0)
		return P2P_ERR_INVALID;
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0)
			return __builtin_mul_overflow(n, units->is, ret) ? P2P_ERR_INVALID : 0;
	return P2P_ERR_INVALID;
}

int cli_duration_ms(const char *text, int64_t *ret_ms)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000},
		{"d", 86400000}, {NULL, 0}};

	return number_with_unit(text, units, ret_ms);
}

int cli_bytes(const char *text, int64_t *ret_bytes)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
		{NULL, 0}};

	return number_with_unit(text, units, ret_bytes);
}

/* By its letter, if that is none of 0, or by its name. */
static bool is_option(const struct cli_option *o, const char *name, size_t len, char letter)
{
	return letter ? o->letter == letter : strlen(o->name) == len && strncmp(o->name, name, len) == 0;
}

static int option_index(const struct cli_command *cmd, const char *name, size_t len, char letter)
{
	for (int i = 0; cmd && i < CLI_OPTIONS_MAX && cmd->options[i].name; i++)
		if (is_option(&cmd->options[i], name, len, letter))
			return i;
	return -1;
}

const char *cli_value_at(const struct cli *c, const char *name, int n)
{
	int i = option_index(c->command, name, strlen(name), 0);

	return i < 0 || n >= CLI_REPEATS_MAX ? NULL : c->values[i][n];
}

const char *cli_value(const struct cli *c, const char *name)
{
	return cli_value_at(c, name, 0);
}

static int duration_option(struct cli *c, const char *name, const char *text, int64_t *to)
{
	if (cli_duration_ms(text, to) == 0)
		return 0;
	return out_fail(c, CLI_USAGE, "write it like 500ms, 30s or 5m", "--%s: '%s' is no duration",
		name, text);
}

static int set_color(struct cli *c, const char *text)
{
	static const char *const words[] = {"auto", "always", "never"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(text, words[i]) == 0) {
			c->color = (enum cli_color)i;
			return 0;
		}
	}
	return out_fail(c, CLI_USAGE, "auto, always or never", "--color: '%s' is none of its values", text);
}

static int set_global(struct cli *c, const struct cli_option *o, const char *value)
{
	const char *n = o->name;

	if (strcmp(n, "json") == 0)
		c->json = true;
	else if (strcmp(n, "quiet") == 0)
		c->quiet = true;
	else if (strcmp(n, "verbose") == 0)
		c->verbose = true;
	else if (strcmp(n, "yes") == 0)
		c->yes = true;
	else if (strcmp(n, "no-input") == 0)
		c->no_input = true;
	else if (strcmp(n, "field") == 0)
		c->field = value;
	else if (strcmp(n, "socket") == 0)
		c->socket = value;
	else if (strcmp(n, "timeout") == 0)
		return duration_option(c, n, value, &c->timeout_ms);
	else if (strcmp(n, "wait") == 0)
		return duration_option(c, n, *value ? value : "60s", &c->wait_ms);
	else if (strcmp(n, "color") == 0)
		return set_color(c, value);
	return 0;
}

static int set_own(struct cli *c, int index, const char *value)
{
	const struct cli_option *o = &c->command->options[index];
	int n = 0;

	while (n < CLI_REPEATS_MAX && c->values[index][n])
		n++;
	if (n > 0 && !o->repeats)
		return out_fail(c, CLI_USAGE, NULL, "--%s is given twice", o->name);
	if (n == CLI_REPEATS_MAX)
		return out_fail(c, CLI_USAGE, NULL, "--%s may be given %d times at most", o->name, n);
	c->values[index][n] = value;
	return 0;
}

static const struct cli_option *find_global(const char *name, size_t len, char letter)
{
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		if (is_option(o, name, len, letter))
			return o;
	return NULL;
}

static int unknown_option(struct cli *c, const char *word)
{
	return out_fail(c, CLI_USAGE, c->command ? "--help after the command lists its options"
						 : "p2posctl --help lists them",
		"unknown option '%s'", word);
}

/* One word that begins with '-'. Takes the next word of argv where its value stands there. */
static int parse_option(struct cli *c, char **argv, int argc, int *at)
{
	const char *word = argv[*at];
	bool is_long = word[1] == '-';
	const char *name = word + (is_long ? 2 : 1);
	const char *eq = is_long ? strchr(name, '=') : NULL;
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	char letter = is_long ? 0 : name[0];
	int own = option_index(c->command, name, len, letter);
	const struct cli_option *o;
	const char *value = eq ? eq + 1 : NULL;

	if (!is_long && len != 1)
		return unknown_option(c, word);
	o = own >= 0 ? &c->command->options[own] : find_global(name, len, letter);
	if (!o)
		return unknown_option(c, word);
	if (!o->value && value)
		return out_fail(c, CLI_USAGE, NULL, "--%s takes no value", o->name);
	if (o->value && !value && o->value[0] != '=') {
		if (*at + 1 >= argc)
			return out_fail(c, CLI_USAGE, NULL, "--%s needs a value: %s", o->name, o->value);
		value = argv[++*at];
	}
	if (!value)
		value = "";
	return own >= 0 ? set_own(c, own, value) : set_global(c, o, value);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* The first one or two words that are no options name the command. */
static int find_command(struct cli *c, int argc, char **argv, const char *words[2])
{
	int n = 0;

	for (int i = 1; i < argc && n < 2; i++) {
		const struct cli_option *o;
		const char *w = argv[i];

		if (w[0] == '-' && w[1]) {
			bool is_long = w[1] == '-';

			o = find_global(w + (is_long ? 2 : 1), strlen(w + (is_long ? 2 : 1)),
				is_long ? 0 : w[1]);
			if (o && o->value && o->value[0] != '=')
				i++;
			continue;
		}
		words[n++] = w;
	}
	if (n)
		c->command = cli_command_find(words[0], words[1]);
	return n;
}

static int check_counts(struct cli *c)
{
	const struct cli_command *cmd = c->command;

	if (c->argc < cmd->args_min)
		return out_fail(c, CLI_USAGE, cmd->examples[0], "%s needs %s", cmd->words, cmd->args);
	if (c->argc > cmd->args_max)
		return out_fail(c, CLI_USAGE, cmd->examples[0], "%s: one word too many: '%s'", cmd->words,
			c->argv[cmd->args_max]);
	return 0;
}

int cli_parse(struct cli *c, int argc, char **argv)
{
	const char *words[2] = {NULL, NULL};
	int found = find_command(c, argc, argv, words), skip, err = 0, out = 0;
	bool options = true;

	if (wants_help(argc, argv)) {
		if (words[0] && !c->command && (words[1] || !cli_is_noun(words[0])))
			return help_unknown(c, words[0], words[1]);
		help_show(c->command, words[0]);
		return -1;
	}
	if (!found && c->tty)
		c->command = cli_command_find("status", NULL);
	if (!found && !c->tty && argc <= 1) {
		help_show(NULL, NULL);
		return -1;
	}
	/* The words of the command are skipped when they come by. */
	skip = !found ? 0 : c->command ? 1 + (strchr(c->command->words, ' ') != NULL) : 0;
	for (int i = 1; i < argc && !err; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			err = parse_option(c, argv, argc, &i);
		else if (skip > 0)
			skip--;
		else
			argv[1 + out++] = argv[i];
	}
	if (err)
		return err;
	if (c->json || !isatty(STDIN_FILENO))
		c->no_input = true;
	if (!c->command)
		return help_unknown(c, words[0], words[1]);
	c->argc = out;
	c->argv = argv + 1;
	return check_counts(c);
}
