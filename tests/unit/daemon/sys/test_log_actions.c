/* SPDX-License-Identifier: Apache-2.0 */
/* The list of actions is what operators search by: every log call in the daemon names a module and
 * an action that are in it. Run from the root of the tree. */
#include "daemon/sys/log_actions.h"

#include "tests/lib/p2ptest.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

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

/* The literal at `at` into `to`; the place behind it, or NULL when there is none. */
static const char *take_literal(const char *at, char *to, size_t size)
{
	size_t n = 0;

	while (isspace((unsigned char)*at) || *at == ',')
		at++;
	if (*at++ != '"')
		return NULL;
	while (*at && *at != '"' && n + 1 < size)
		to[n++] = *at++;
	to[n] = '\0';
	return *at == '"' ? at + 1 : NULL;
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
	char module[64], action[64];

	at = take_literal(at, module, sizeof(module));
	if (!at)
		return; /* not a literal: the macros themselves, or a comment */
	at += strspn(at, ", \t\n");
	while (at && *at && !strchr(",;)", *at)) {
		if (*at != '"') {
			at++;
			continue;
		}
		at = take_literal(at, action, sizeof(action));
		if (at)
			look_at_action(path, module, action);
	}
}

static void look_at_file(const char *path)
{
	static const char *const names[] = {"log_error(", "log_warn(", "log_info(", "log_debug("};
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_that(f != NULL, path);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	for (size_t i = 0; i < COUNT(names); i++)
		for (const char *at = text; (at = strstr(at, names[i])) != NULL;) {
			at += strlen(names[i]);
			look_at_call(path, at);
		}
}

static void look_at_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		char inner[512];
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			look_at_folder(inner);
		else if (len > 2 && strcmp(e->d_name + len - 2, ".c") == 0)
			look_at_file(inner);
	}
	if (dir)
		closedir(dir);
}

static void every_log_call_names_a_listed_module_and_action(void **state)
{
	(void)state;
	look_at_folder("daemon");
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
