/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sources.h"

#include "tests/lib/p2ptest.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX (1 << 20) /* no file of ours is near it; a larger one fails the test */

static void look_at_file(const char *path, void (*look)(void *arg, const char *path, const char *text), void *arg)
{
	char *text = malloc(FILE_BYTES_MAX);
	FILE *f = fopen(path, "r");
	size_t n;

	assert_that(f && text, path);
	n = fread(text, 1, FILE_BYTES_MAX - 1, f);
	assert_that(n < FILE_BYTES_MAX - 1, path);
	text[n] = '\0';
	fclose(f);
	look(arg, path, text);
	free(text);
}

void sources_each(const char *folder, void (*look)(void *arg, const char *path, const char *text), void *arg)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		char inner[512];
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", folder, e->d_name);
		if (e->d_type == DT_DIR)
			sources_each(inner, look, arg);
		else if (len > 2 && strcmp(e->d_name + len - 2, ".c") == 0)
			look_at_file(inner, look, arg);
	}
	if (dir)
		closedir(dir);
}

const char *sources_literal(const char *at, const char *end, char *to, size_t size)
{
	size_t n = 0;

	while (at < end && *at != '"')
		at++;
	for (at++; at < end && *at != '"' && n + 1 < size; at++) {
		to[n++] = *at;
		if (*at == '\\' && at + 1 < end && n + 1 < size)
			to[n++] = *++at;
	}
	to[n] = '\0';
	return at < end && *at == '"' ? at + 1 : NULL;
}
