/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "tests/lib/p2ptest.h"

#define WORDS_MAX 12

/* Parses a command line given as words; messages go to stderr, which nobody reads here. */
static int parse(struct cli *c, const char *const *words, char **room)
{
	int n = 0;

	memset(c, 0, sizeof(*c));
	for (; words[n]; n++)
		room[n] = (char *)(uintptr_t)words[n];
	room[n] = NULL;
	return cli_parse(c, n, room);
}

#define PARSE(c, ...) parse(c, (const char *const[]){"p2posctl", __VA_ARGS__, NULL}, room)

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"500ms", 500}, {"30s", 30000}, {"7", 7000}, {"5m", 300000}, {"2h", 7200000},
		{"365d", INT64_C(31536000000)}, {"0s", 0}};
	static const char *const bad[] = {"", "s", "-1s", "5x", "5 s", "99999999999999999999s", "1.5s"};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_that(cli_duration_ms(good[i].text, &ms) == 0, good[i].text);
		assert_that(ms == good[i].ms, good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_that(cli_duration_ms(bad[i], &ms) == P2P_ERR_INVALID, bad[i]);
}

static void sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {{"0", 0}, {"5000", 5000}, {"7B", 7}, {"3KiB", 3072}, {"64MiB", INT64_C(67108864)},
		{"64GiB", INT64_C(68719476736)}};
	static const char *const bad[] = {"", "MiB", "-1", "5x", "5 MiB", "1MB", "1mib", "9999999999GiB", "1.5GiB"};
	int64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_that(cli_bytes(good[i].text, &bytes) == 0, good[i].text);
		assert_that(bytes == good[i].bytes, good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_that(cli_bytes(bad[i], &bytes) == P2P_ERR_INVALID, bad[i]);
}

static void global_options_stand_anywhere(void **state)
{
	char *room[WORDS_MAX];
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "--json", "member", "--socket", "/x", "show", "ID", "--timeout=2s"), 0);
	assert_string_equal(c.command->words, "member show");
	assert_true(c.json && c.no_input);
	assert_string_equal(c.socket, "/x");
	assert_int_equal(c.timeout_ms, 2000);
	assert_int_equal(c.argc, 1);
	assert_string_equal(c.argv[0], "ID");
}

static void an_optional_value_needs_its_equals_sign(void **state)
{
	char *room[WORDS_MAX];
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "--wait", "status"), 0);
	assert_int_equal(c.wait_ms, 60000);
	assert_string_equal(c.command->words, "status");
	assert_int_equal(PARSE(&c, "status", "--wait=3s"), 0);
	assert_int_equal(c.wait_ms, 3000);
}

static void an_option_of_the_command_goes_before_a_global_one(void **state)
{
	char *room[WORDS_MAX];
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "join", "STRING", "--wait", "60s"), 0);
	assert_string_equal(cli_value(&c, "wait"), "60s");
	assert_int_equal(c.wait_ms, 0);
}

static void an_option_of_the_command_may_have_a_letter(void **state)
{
	char *room[WORDS_MAX];
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "peer", "ping", "ID", "-c", "3"), 0);
	assert_string_equal(cli_value(&c, "count"), "3");
	assert_int_equal(PARSE(&c, "log", "tail", "-f", "-q"), 0);
	assert_true(cli_given(&c, "follow") && c.quiet);
	assert_int_equal(PARSE(&c, "peer", "list", "-c", "3"), CLI_USAGE);
}

static void options_may_repeat_only_where_they_say_so(void **state)
{
	char *room[WORDS_MAX];
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "member", "plan", "--add", "A", "--add", "B"), 0);
	assert_string_equal(cli_value_at(&c, "add", 1), "B");
	assert_null(cli_value_at(&c, "add", 2));
	assert_int_equal(PARSE(&c, "init", "--cluster", "a", "--cluster", "b"), CLI_USAGE);
}

static void what_is_wrong_is_a_usage_error(void **state)
{
	char *room[WORDS_MAX];
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "memeber", "list"), CLI_USAGE);
	assert_int_equal(PARSE(&c, "member", "lst"), CLI_USAGE);
	assert_int_equal(PARSE(&c, "status", "--nonsense"), CLI_USAGE);
	assert_int_equal(PARSE(&c, "status", "word"), CLI_USAGE);
	assert_int_equal(PARSE(&c, "member", "show"), CLI_USAGE);
	assert_int_equal(PARSE(&c, "status", "--socket"), CLI_USAGE);
	assert_int_equal(PARSE(&c, "status", "--json=1"), CLI_USAGE);
	assert_int_equal(PARSE(&c, "status", "--color", "purple"), CLI_USAGE);
}

static void behind_two_dashes_everything_is_a_word(void **state)
{
	char *room[WORDS_MAX];
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "member", "show", "--", "--json"), 0);
	assert_false(c.json);
	assert_string_equal(c.argv[0], "--json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(global_options_stand_anywhere),
		cmocka_unit_test(an_optional_value_needs_its_equals_sign),
		cmocka_unit_test(an_option_of_the_command_goes_before_a_global_one),
		cmocka_unit_test(an_option_of_the_command_may_have_a_letter),
		cmocka_unit_test(options_may_repeat_only_where_they_say_so),
		cmocka_unit_test(what_is_wrong_is_a_usage_error),
		cmocka_unit_test(behind_two_dashes_everything_is_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
