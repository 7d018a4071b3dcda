/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state/settle.h"

#include <stddef.h>
#include <string.h>

static const char *const words[] = {"unknown", "unconfigured", "degraded", "healthy"};

const char *state_word_text(enum state_word state)
{
	return words[state];
}

enum state_word state_word_parse(const char *text)
{
	for (enum state_word s = STATE_UNCONFIGURED; text && s <= STATE_HEALTHY; s++)
		if (strcmp(text, words[s]) == 0)
			return s;
	return STATE_UNKNOWN;
}

void settle_init(struct settle *s, int64_t up_ms, int64_t down_ms)
{
	*s = (struct settle){.up_ms = up_ms, .down_ms = down_ms};
}

void settle_hear(struct settle *s, enum state_word state, mono_t now)
{
	bool was_worse = s->heard < s->settled, is_worse = state < s->settled;

	if (state != s->heard && !(was_worse && is_worse))
		s->since = now;
	s->heard = state;
}

mono_t settle_deadline(const struct settle *s)
{
	if (s->heard == s->settled)
		return MONO_NEVER;
	return mono_add_ms(s->since, s->heard > s->settled ? s->up_ms : s->down_ms);
}

bool settle_tick(struct settle *s, mono_t now)
{
	if (!mono_reached(settle_deadline(s), now))
		return false;
	s->settled = s->heard;
	return true;
}
