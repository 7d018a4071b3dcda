/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_print.c: the table as OpenMetrics 1.0 text, or in the older Prometheus form. */
#include "daemon/sys/metrics_parts.h"

#include "proto/base/err.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Members seen, for metrics.per_member: a list made anew for each print. */
static struct member {
	char *peer_id;
	double seen;
} *members;
static size_t member_count, member_cap;

void metrics_members_begin(void)
{
	for (size_t i = 0; i < member_count; i++)
		free(members[i].peer_id);
	free(members);
	members = NULL;
	member_count = member_cap = 0;
}

void metrics_member_seen(const char *peer_id, double unix_seconds)
{
	if (member_count == member_cap) {
		member_cap = member_cap ? member_cap * 2 : 64;
		members = xrealloc(members, member_cap * sizeof(*members));
	}
	members[member_count++] = (struct member){xstrdup(peer_id), unix_seconds};
}

/* The printing stops at the first error, which the caller looks at once. */
struct print {
	struct buf *out;
	bool openmetrics;
	int err;
};

static void put_str(struct print *p, const char *s)
{
	if (!p->err)
		p->err = buf_put_str(p->out, s);
}

static void put_number(struct print *p, double v)
{
	if (p->err)
		return;
	if (v == floor(v) && fabs(v) < 1e15)
		p->err = buf_printf(p->out, "%.0f", v);
	else
		p->err = buf_printf(p->out, "%.15g", v);
}

/* The words are ours, but the member ids come as texts: escape as the format asks. */
static void put_label(struct print *p, bool *any, const char *name, const char *value)
{
	put_str(p, *any ? "," : "{");
	*any = true;
	put_str(p, name);
	put_str(p, "=\"");
	for (const char *c = value; *c; c++) {
		char plain[2] = {*c, '\0'};

		put_str(p, *c == '\\' ? "\\\\" : *c == '"' ? "\\\"" : *c == '\n' ? "\\n" : plain);
	}
	put_str(p, "\"");
}

struct series {
	const struct metric_info *info;
	const char *words[METRIC_LABELS_MAX];
};

static void put_line(struct print *p, const struct series *s, const char *suffix, const char *le,
	double v)
{
	bool any = false;

	put_str(p, s->info->name);
	put_str(p, suffix);
	for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
		if (s->info->labels[i] != METRIC_LABEL_NONE)
			put_label(p, &any, metric_label_name(s->info->labels[i]), s->words[i]);
	if (le)
		put_label(p, &any, "le", le);
	put_str(p, any ? "} " : " ");
	put_number(p, v);
	put_str(p, "\n");
}

static void put_histogram(struct print *p, const struct series *s, const struct metric_cell *c)
{
	double below = 0;
	char le[32];

	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		struct buf text = BUF_WITH_MAX(sizeof(le));

		below += c->tally ? (double)c->tally->buckets[i] : 0;
		(void)buf_printf(&text, metric_bounds[i] == floor(metric_bounds[i]) ? "%.1f" : "%g",
			metric_bounds[i]); /* the bounds are short */
		memcpy(le, buf_cstr(&text), text.len + 1);
		buf_deinit(&text);
		put_line(p, s, "_bucket", le, below);
	}
	put_line(p, s, "_bucket", "+Inf", c->value);
	put_line(p, s, "_sum", NULL, c->tally ? c->tally->sum : 0);
	put_line(p, s, "_count", NULL, c->value);
}

static void put_head(struct print *p, const char *name, enum metric_kind kind, const char *help)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	/* OpenMetrics names the family of a counter without _total, the older form with it. */
	const char *suffix = kind == METRIC_COUNTER && !p->openmetrics ? "_total" : "";

	for (int line = 0; line < 2; line++) {
		put_str(p, line == 0 ? "# TYPE " : "# HELP ");
		put_str(p, name);
		put_str(p, suffix);
		put_str(p, " ");
		put_str(p, line == 0 ? kinds[kind] : help);
		put_str(p, "\n");
	}
}

/* The words of the cell at that place of a block. */
static void name_series(struct series *s, size_t at)
{
	for (size_t i = METRIC_LABELS_MAX; i-- > 0;) {
		size_t words = metric_word_count(s->info->labels[i]);

		if (s->info->labels[i] != METRIC_LABEL_NONE)
			s->words[i] = metric_word(s->info->labels[i], at % words);
		at /= words;
	}
}

static void put_metric(struct print *p, enum metric m)
{
	static const struct metric_cell zero;
	const struct metric_info *info = &metric_infos[m];
	const struct metric_cell *block = metric_cells(m);
	bool has_labels = info->labels[0] != METRIC_LABEL_NONE;
	size_t n = block ? metric_cell_count(m) : 0;

	put_head(p, info->name, info->kind, info->help);
	for (size_t i = 0; i < n || (!has_labels && i == 0); i++) {
		const struct metric_cell *c = block ? &block[i] : &zero;
		struct series s = {.info = info};

		if (has_labels && !c->is_used)
			continue;
		name_series(&s, i);
		if (info->kind == METRIC_HISTOGRAM)
			put_histogram(p, &s, c);
		else
			put_line(p, &s, info->kind == METRIC_COUNTER ? "_total" : "", NULL,
				c->value);
	}
}

static void put_members(struct print *p)
{
	static const char name[] = "p2pos_member_last_seen_timestamp_seconds";

	if (!member_count)
		return;
	put_head(p, name, METRIC_GAUGE, "When a member was last seen");
	for (size_t i = 0; i < member_count; i++) {
		bool any = false;

		put_str(p, name);
		put_label(p, &any, "peer_id", members[i].peer_id);
		put_str(p, "} ");
		put_number(p, members[i].seen);
		put_str(p, "\n");
	}
}

int metrics_print(struct buf *out, bool openmetrics)
{
	struct print p = {out, openmetrics, 0};
	size_t start = out->len;

	metrics_read_process();
	for (enum metric m = 0; m < METRIC_COUNT; m++)
		put_metric(&p, m);
	put_members(&p);
	put_str(&p, "# EOF\n");
	if (p.err)
		buf_truncate(out, start);
	return p.err;
}
