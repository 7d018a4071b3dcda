/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands holds what it promises. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "proto/rpc/methods.h"
#include "tests/lib/p2ptest.h"

#define EACH(cmd) (unsigned i = 0; ((cmd) = cli_command_at(i)) != NULL; i++)

static void every_command_can_be_found_by_its_words(void **state)
{
	const struct cli_command *cmd;

	(void)state;
	for EACH (cmd) {
		char words[64], *second;

		snprintf(words, sizeof(words), "%s", cmd->words);
		second = strchr(words, ' ');
		if (second)
			*second++ = '\0';
		assert_that(cli_command_find(words, second) == cmd, cmd->words);
		assert_that(cli_is_noun(words) == (second != NULL), cmd->words);
	}
}

static void every_method_named_is_one_of_the_daemon(void **state)
{
	const struct cli_command *cmd;

	(void)state;
	for EACH (cmd) {
		if (!cmd->method || strcmp(cmd->method, "rpc.call") == 0)
			continue;
		assert_that(rpc_method_find(cmd->method) != NULL, cmd->method);
	}
}

/* Up to the first word that stands for something; options before the command are skipped. */
static bool is_a_command(const char *line)
{
	char first[32], second[32] = "";
	const char *at = line + strlen("p2posctl ");

	if (strncmp(line, "p2posctl ", strlen("p2posctl ")) != 0)
		return false;
	while (strncmp(at, "--", 2) == 0)
		at += strcspn(at, " ") + 1;
	return sscanf(at, "%31s %31s", first, second) >= 1 && cli_command_find(first, second) != NULL;
}

static void every_command_says_what_it_is_and_shows_itself(void **state)
{
	const struct cli_command *cmd;

	(void)state;
	for EACH (cmd) {
		char begin[80];

		assert_that(cmd->about && cmd->about[0] && cmd->run, cmd->words);
		assert_that(cmd->about[strlen(cmd->about) - 1] != '.', cmd->words);
		snprintf(begin, sizeof(begin), "p2posctl %s", cmd->words);
		assert_that(strncmp(cmd->examples[0], begin, strlen(begin)) == 0, cmd->words);
		assert_that(strcmp(cmd->examples[0], cmd->examples[1]) != 0, cmd->words);
		assert_that(strstr(cmd->examples[1], begin) != NULL || strstr(cmd->examples[1], " --json "), cmd->words);
		assert_that(is_a_command(cmd->next), cmd->next);
		assert_that(cmd->args_min <= cmd->args_max, cmd->words);
		assert_that((cmd->args_max > 0) == (cmd->args[0] != '\0'), cmd->words);
	}
}

static void every_option_has_a_sentence_and_a_name_of_its_own(void **state)
{
	const struct cli_command *cmd;

	(void)state;
	for EACH (cmd) {
		for (int a = 0; a < CLI_OPTIONS_MAX && cmd->options[a].name; a++) {
			assert_that(cmd->options[a].about && cmd->options[a].about[0], cmd->options[a].name);
			for (int b = 0; b < a; b++)
				assert_that(strcmp(cmd->options[a].name, cmd->options[b].name) != 0, cmd->words);
		}
	}
}

/* A row of the reserved width must be left as the end of each list. */
static void no_list_of_options_fills_its_room(void **state)
{
	const struct cli_command *cmd;

	(void)state;
	for EACH (cmd)
		assert_that(cmd->options[CLI_OPTIONS_MAX - 1].name == NULL, cmd->words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_can_be_found_by_its_words),
		cmocka_unit_test(every_method_named_is_one_of_the_daemon),
		cmocka_unit_test(every_command_says_what_it_is_and_shows_itself),
		cmocka_unit_test(every_option_has_a_sentence_and_a_name_of_its_own),
		cmocka_unit_test(no_list_of_options_fills_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
