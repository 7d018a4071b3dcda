/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/p2ptest.h"

void p2ptest_result(int got, int want, const char *call, const char *file, int line)
{
	if (got == want)
		return;
	print_error("%s gave \"%s\" (%d), not \"%s\"\n", call, err_name(got), got, err_name(want));
	_fail(file, line);
}

static void print_around(struct bytes b, size_t at)
{
	size_t from = at > 8 ? at - 8 : 0;

	print_error("  %zu bytes, from %zu:", b.len, from);
	for (size_t i = from; i < b.len && i < from + 24; i++)
		print_error(i == at ? " [%02x]" : " %02x", b.at[i]);
	print_error("\n");
}

void p2ptest_bytes(struct bytes a, struct bytes b, const char *what, const char *file, int line)
{
	size_t at = 0;

	if (bytes_eq(a, b))
		return;
	while (at < a.len && at < b.len && a.at[at] == b.at[at])
		at++;
	print_error("%s is not what was expected; they differ at byte %zu\n", what, at);
	print_around(a, at);
	print_around(b, at);
	_fail(file, line);
}

void p2ptest_claim(bool holds, const char *claim, const char *what, const char *file, int line)
{
	if (holds)
		return;
	print_error("%s does not hold for: %s\n", claim, what);
	_fail(file, line);
}
