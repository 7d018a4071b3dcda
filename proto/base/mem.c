/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sysexits EX_SOFTWARE, as operator.md lists it. */
#define EXIT_OUT_OF_MEMORY 70

static _Noreturn void out_of_memory(void)
{
	/* stdio may allocate; write(2) does not. Nothing can be done if it fails. */
	static const char line[] = "p2pos: out of memory, ending\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)ignored;
	_exit(EXIT_OUT_OF_MEMORY);
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *copy = xmalloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void mem_wipe(void *at, size_t len)
{
	if (len)
		explicit_bzero(at, len);
}
