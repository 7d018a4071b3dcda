/* SPDX-License-Identifier: Apache-2.0 */
/* log_flood.c: at most one line a minute of each (action, peer, reason), the others counted.
 *
 * A second bucket of the action alone bounds what strangers with a fresh identity a connection can
 * write. The table is small and searched from its start: a line that is printed costs far more. */
#include "daemon/sys/log_parts.h"

struct bucket {
	uint64_t key;      /* 0 = free */
	mono_t start;      /* of the window */
	uint32_t printed;  /* lines in this window */
	struct log_flood_due held;
};

static struct bucket buckets[LOG_FLOOD_BUCKETS];

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++) /* FNV-1a */
		h = (h ^ (uint8_t)*s) * UINT64_C(1099511628211);
	return (h ^ 0xff) * UINT64_C(1099511628211); /* "ab","c" is not "a","bc" */
}

static uint64_t hash_line(const char *action, const char *peer, const char *reason)
{
	uint64_t h = hash_text(UINT64_C(14695981039346656037), action);

	h = hash_text(hash_text(h, peer), reason);
	return h ? h : 1;
}

static bool is_over(const struct bucket *b, mono_t now)
{
	return mono_reached(mono_add_ms(b->start, LOG_FLOOD_WINDOW_MS), now);
}

static struct bucket *find(uint64_t key, mono_t now, struct log_flood_due *ret_due)
{
	struct bucket *oldest = &buckets[0];

	for (size_t i = 0; i < LOG_FLOOD_BUCKETS; i++) {
		struct bucket *b = &buckets[i];

		if (b->key == key)
			return b;
		if (oldest->key != 0 && (b->key == 0 || mono_before(b->start, oldest->start)))
			oldest = b;
	}
	*ret_due = oldest->held;
	*oldest = (struct bucket){.key = key, .start = now};
	return oldest;
}

/* Takes one line into a bucket; false = over its `lines`. */
static bool admit(struct bucket *b, uint32_t lines, mono_t now)
{
	if (is_over(b, now)) {
		b->start = now;
		b->printed = 0;
	}
	if (b->printed >= lines)
		return false;
	b->printed++;
	return true;
}

bool log_flood_pass(const struct log_flood_due *line, mono_t now, uint64_t *ret_suppressed,
	struct log_flood_due *ret_due)
{
	struct log_flood_due due = {0};
	struct bucket *all, *one;
	bool pass;

	*ret_due = (struct log_flood_due){0};
	one = find(hash_line(line->action, line->peer, line->reason), now, ret_due);
	pass = admit(one, 1, now);
	if (pass) {
		/* "\n" is in no reason: the action's own bucket is apart from all others. */
		all = find(hash_line(line->action, "", "\n"), now, &due);
		if (due.suppressed)
			*ret_due = due;
		pass = admit(all, LOG_FLOOD_ACTION_LINES, now);
		if (!pass)
			one = all;
	}
	if (!pass) {
		uint64_t held = one->held.suppressed + 1;

		one->held = *line;
		one->held.suppressed = held;
		if (one->printed > 1) { /* the action's bucket speaks for many peers */
			one->held.peer[0] = '\0';
			one->held.reason[0] = '\0';
		}
		return false;
	}
	*ret_suppressed = one->held.suppressed;
	one->held.suppressed = 0;
	return true;
}

bool log_flood_next_due(mono_t now, struct log_flood_due *ret)
{
	for (size_t i = 0; i < LOG_FLOOD_BUCKETS; i++) {
		struct bucket *b = &buckets[i];

		if (b->key == 0 || !is_over(b, now))
			continue;
		*ret = b->held;
		b->key = 0;
		b->held.suppressed = 0;
		if (ret->suppressed)
			return true;
	}
	return false;
}

mono_t log_flood_deadline(void)
{
	mono_t first = MONO_NEVER;

	for (size_t i = 0; i < LOG_FLOOD_BUCKETS; i++)
		if (buckets[i].key && buckets[i].held.suppressed)
			first = mono_min(first,
				mono_add_ms(buckets[i].start, LOG_FLOOD_WINDOW_MS));
	return first;
}

void log_flood_reset(void)
{
	memset(buckets, 0, sizeof(buckets));
}
