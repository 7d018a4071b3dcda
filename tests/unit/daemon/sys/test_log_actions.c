/* SPDX-License-Identifier: Apache-2.0 */
/* The list of actions is what operators search by: every log call in the daemon names a module and
 * an action that are in it. Run from the root of the tree. */
#include "daemon/sys/log_actions.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/sources.h"

#include <stdio.h>

static const char *const modules[] = {
#define X(name) #name,
	LOG_MODULES(X)
#undef X
};
static const char *const actions[] = {
#define X(name, rule, id) #name,
	LOG_ACTIONS(X)
#undef X
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static unsigned calls, unknown;

static bool is_listed(const char *const *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

static void look_at_action(const char *path, const char *module, const char *action)
{
	calls++;
	if (is_listed(modules, COUNT(modules), module) && is_listed(actions, COUNT(actions), action))
		return;
	unknown++;
	printf("%s: [%s] action=%s is not in daemon/sys/log_actions.h\n", path, module, action);
}

/* The action may be chosen among several literals: `up ? "member_online" : "member_offline"`. */
static void look_at_call(const char *path, const char *at)
{
	const char *end = at + strcspn(at, ";");
	char module[64], action[64];

	at += strspn(at, " \t\n");
	if (*at != '"')
		return; /* the macros themselves, or a comment */
	at = sources_literal(at, end, module, sizeof(module));
	assert_that(at && *at == ',', path);
	end = at + 1 + strcspn(at + 1, ",;)");
	while ((at = sources_literal(at, end, action, sizeof(action))) != NULL)
		look_at_action(path, module, action);
}

static void look_at_file(void *arg, const char *path, const char *text)
{
	static const char *const names[] = {"log_error(", "log_warn(", "log_info(", "log_debug("};

	(void)arg;
	for (size_t i = 0; i < COUNT(names); i++)
		for (const char *at = text; (at = strstr(at, names[i])) != NULL;) {
			at += strlen(names[i]);
			look_at_call(path, at);
		}
}

static void every_log_call_names_a_listed_module_and_action(void **state)
{
	(void)state;
	sources_each("daemon", look_at_file, NULL);
	assert_true(calls > 0);
	assert_int_equal(unknown, 0);
}

static void the_lists_name_nothing_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(actions); i++)
		assert_that(!is_listed(actions, i, actions[i]), actions[i]);
	for (size_t i = 0; i < COUNT(modules); i++)
		assert_that(!is_listed(modules, i, modules[i]), modules[i]);
}

static void message_ids_are_uuids(void **state)
{
	static const char *const ids[] = {
#define X(name, rule, id) id,
		LOG_ACTIONS(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++)
		assert_that(*ids[i] == '\0' ||
				    (strlen(ids[i]) == 32 &&
					    strspn(ids[i], "0123456789abcdef") == 32),
			actions[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_log_call_names_a_listed_module_and_action),
		cmocka_unit_test(the_lists_name_nothing_twice),
		cmocka_unit_test(message_ids_are_uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
