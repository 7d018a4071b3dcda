/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/log_recent.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"

static struct kept {
	struct log_line line;
	char *text; /* owned, behind line.text */
} kept[LOG_RECENT_LINES];
static size_t count, newest; /* lines kept, and the place of the next one */

void log_recent_put(const struct log_line *line)
{
	struct kept *k = &kept[newest];

	free(k->text);
	k->line = *line;
	k->text = xstrndup(line->text, strnlen(line->text, LOG_RECENT_BYTES));
	k->line.text = k->text;
	newest = (newest + 1) % LOG_RECENT_LINES;
	if (count < LOG_RECENT_LINES)
		count++;
}

bool log_recent_at(size_t wanted, size_t i, struct log_line *ret)
{
	size_t n = wanted < count ? wanted : count;

	if (i >= n)
		return false;
	*ret = kept[(newest + LOG_RECENT_LINES - n + i) % LOG_RECENT_LINES].line;
	return true;
}

void log_recent_clear(void)
{
	for (size_t i = 0; i < LOG_RECENT_LINES; i++)
		free(kept[i].text);
	memset(kept, 0, sizeof(kept));
	count = newest = 0;
}
