/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c: the table of series, and how a value gets into its cell. */
#include "daemon/sys/metrics.h"

#include "daemon/sys/metrics_parts.h"
#include "daemon/sys/metrics_words.h"
#include "daemon/sys/revision.h"
#include "proto/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct metric_info metric_infos[METRIC_COUNT] = {
#define X(id, name, kind, l1, l2, l3, help)                                                        \
	[M_##id] = {name, METRIC_##kind,                                                           \
		{METRIC_LABEL_##l1, METRIC_LABEL_##l2, METRIC_LABEL_##l3}, help},
	METRICS_LIST(X)
#undef X
};

/* Upper bounds of the histogram buckets in seconds, from a loopback round trip to a lost one. */
const double metric_bounds[METRIC_BUCKETS] = {
	0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
};

/* The words of one label. Built on first use from the list, or given by metrics_set_words(). */
static struct words {
	const char *const *at;
	size_t count;
	bool is_owned; /* `at` and the text behind at[0] are ours */
} label_words[METRIC_LABEL_COUNT];

static struct metric_cell *cells[METRIC_COUNT]; /* one block a metric, made at its first use */

static const char *label_text(enum metric_label label)
{
	static const char *const texts[METRIC_LABEL_COUNT] = {
		[METRIC_LABEL_NONE] = "",
#define X(id, name, words) [METRIC_LABEL_##id] = words,
		METRIC_LABEL_LIST(X)
#undef X
	};

	return texts[label];
}

const char *metric_label_name(enum metric_label label)
{
	static const char *const names[METRIC_LABEL_COUNT] = {
		[METRIC_LABEL_NONE] = "",
#define X(id, name, words) [METRIC_LABEL_##id] = name,
		METRIC_LABEL_LIST(X)
#undef X
	};

	return names[label];
}

static void split_words(struct words *w, const char *text)
{
	const char **at = xcalloc(METRIC_WORDS_MAX, sizeof(*at));
	char *copy = xstrdup(text), *rest = NULL;

	at[0] = copy; /* what is freed */
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert(w->count < METRIC_WORDS_MAX); /* the lists are ours and short */
		at[w->count++] = word;
	}
	w->at = at;
	w->is_owned = true;
}

static const struct words *words_of(enum metric_label label)
{
	struct words *w = &label_words[label];

	if (!w->at)
		split_words(w, label_text(label));
	return w;
}

void metrics_set_words(enum metric_label label, const char *const *words, size_t count)
{
	assert(!label_words[label].at); /* before the first use, and once */
	label_words[label].at = words;
	label_words[label].count = count < METRIC_WORDS_MAX ? count : METRIC_WORDS_MAX;
}

size_t metric_word_count(enum metric_label label)
{
	return label == METRIC_LABEL_NONE ? 1 : words_of(label)->count + 1;
}

const char *metric_word(enum metric_label label, size_t i)
{
	const struct words *w = words_of(label);

	return i < w->count ? w->at[i] : "other";
}

static size_t find_word(enum metric_label label, const char *word)
{
	const struct words *w = words_of(label);
	size_t i = 0;

	while (i < w->count && strcmp(w->at[i], word) != 0)
		i++;
	return i; /* w->count = "other" */
}

static size_t label_count(const struct metric_info *info)
{
	size_t n = 0;

	while (n < METRIC_LABELS_MAX && info->labels[n] != METRIC_LABEL_NONE)
		n++;
	return n;
}

struct metric_cell *metric_cells(enum metric m)
{
	return cells[m];
}

size_t metric_cell_count(enum metric m)
{
	size_t n = 1;

	for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
		n *= metric_word_count(metric_infos[m].labels[i]);
	return n;
}

struct metric_cell *metric_cell(enum metric m, const char *const *labels, size_t count)
{
	const struct metric_info *info = &metric_infos[m];
	size_t at = 0;

	assert(count == label_count(info));
	if (!cells[m])
		cells[m] = xcalloc(metric_cell_count(m), sizeof(**cells));
	for (size_t i = 0; i < count; i++)
		at = at * metric_word_count(info->labels[i]) +
		     find_word(info->labels[i], labels[i]);
	return &cells[m][at];
}

void metric_cell_add(struct metric_cell *c, double n)
{
	c->is_used = true;
	c->value += n;
}

void metric_cell_set(struct metric_cell *c, double v)
{
	c->is_used = true;
	c->value = v;
}

void metric_add_v(enum metric m, double n, const char *const *labels, size_t count)
{
	assert(metric_infos[m].kind == METRIC_COUNTER && n >= 0);
	metric_cell_add(metric_cell(m, labels, count), n);
}

void metric_set_v(enum metric m, double v, const char *const *labels, size_t count)
{
	assert(metric_infos[m].kind == METRIC_GAUGE);
	metric_cell_set(metric_cell(m, labels, count), v);
}

void metric_tally_add(struct metric_tally *t, double seconds)
{
	size_t i = 0;

	while (i < METRIC_BUCKETS && seconds > metric_bounds[i])
		i++;
	t->buckets[i]++;
	t->count++;
	t->sum += seconds;
}

static struct metric_tally *tally_of(struct metric_cell *c)
{
	if (!c->tally)
		c->tally = xcalloc(1, sizeof(*c->tally));
	return c->tally;
}

void metric_observe_v(enum metric m, double v, const char *const *labels, size_t count)
{
	struct metric_cell *c = metric_cell(m, labels, count);

	assert(metric_infos[m].kind == METRIC_HISTOGRAM);
	metric_tally_add(tally_of(c), v);
	metric_cell_add(c, 1);
}

void metric_set_tally(enum metric m, const struct metric_tally *t)
{
	struct metric_cell *c = metric_cell(m, NULL, 0);

	assert(metric_infos[m].kind == METRIC_HISTOGRAM);
	*tally_of(c) = *t;
	metric_cell_set(c, (double)t->count);
}

double metric_value(enum metric m, const char *const *labels, size_t count)
{
	return metric_cell(m, labels, count)->value;
}

void metrics_reset(void)
{
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		size_t n = cells[m] ? metric_cell_count((enum metric)m) : 0;

		for (size_t i = 0; i < n; i++)
			free(cells[m][i].tally);
		free(cells[m]);
		cells[m] = NULL;
	}
	for (size_t i = 0; i < METRIC_LABEL_COUNT; i++) {
		if (label_words[i].is_owned) {
			free((void *)(uintptr_t)label_words[i].at[0]);
			free((void *)(uintptr_t)label_words[i].at);
		}
		label_words[i] = (struct words){0};
	}
	metrics_members_begin();
}
