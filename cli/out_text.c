/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: tables by libsmartcols, ages, short peer ids, colour, questions. */
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"

#define PEER_HEAD 12
#define PEER_TAIL 7
#define ANSWER_MAX 128

const char *out_peer(const struct cli *c, const char *peer_id, char *to)
{
	size_t len = peer_id ? strlen(peer_id) : 0;

	if (!len)
		return "-";
	if (!c->tty || len <= PEER_HEAD + 2 + PEER_TAIL || len > 60)
		return peer_id;
	snprintf(to, 64, "%.*s..%s", PEER_HEAD, peer_id, peer_id + len - PEER_TAIL);
	return to;
}

const char *out_span(int64_t s, char *to)
{
	long long t = (long long)s;

	if (t < 60)
		snprintf(to, 32, "%lld s", t);
	else if (t < 3600)
		snprintf(to, 32, "%lld min", t / 60);
	else if (t < 86400)
		snprintf(to, 32, "%lld h", t / 3600);
	else if (t < 30 * 86400)
		snprintf(to, 32, "%lld d %lld h", t / 86400, t % 86400 / 3600);
	else
		snprintf(to, 32, "%lld d", t / 86400);
	return to;
}

const char *out_age(const char *time, char *to)
{
	wall_t at;
	char span[32];
	int64_t ms;

	if (!time || rfc3339_parse(bytes_str(time), &at))
		return "-";
	ms = wall_diff_ms(cli_now(), at);
	if (ms < 0)
		ms = 0;
	snprintf(to, 32, "%.24s ago", out_span(ms / 1000, span));
	return to;
}

const char *out_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : "-";
}

long long out_number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

const char *out_ms(const json_t *v, char *to)
{
	double ms = json_number_value(v);

	if (!json_is_number(v))
		return "-";
	snprintf(to, 32, ms < 10 ? "%.2f ms" : ms < 100 ? "%.1f ms" : "%.0f ms", ms);
	return to;
}

struct out_table {
	struct libscols_table *table;
	size_t columns;
	bool color;
};

static bool has_color(const struct cli *c)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (c->color != CLI_COLOR_AUTO)
		return c->color == CLI_COLOR_ALWAYS;
	return c->tty && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

/* The colour repeats what the word says. */
static const char *color_of(const char *state)
{
	static const struct {
		const char *state, *color;
	} colors[] = {
		{"healthy", "\033[32m"}, {"online", "\033[32m"}, {"degraded", "\033[31m"},
		{"OFFLINE", "\033[31m"}, {"unconfigured", "\033[33m"},
	};

	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		if (strcmp(state, colors[i].state) == 0)
			return colors[i].color;
	return NULL;
}

struct out_table *out_table_new(const struct cli *c, const char *const *headings)
{
	struct out_table *t = xcalloc(1, sizeof(*t));

	t->table = scols_new_table();
	t->color = has_color(c);
	for (; headings[t->columns]; t->columns++)
		scols_table_new_column(t->table, headings[t->columns], 0, 0);
	scols_table_enable_colors(t->table, t->color);
	scols_table_set_column_separator(t->table, "  ");
	/* In a pipe every cell is printed in full: a cut peer id would be worth nothing there. */
	if (!c->tty)
		scols_table_set_termforce(t->table, SCOLS_TERMFORCE_NEVER);
	return t;
}

void out_table_row(struct out_table *t, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(t->table, NULL);

	for (size_t i = 0; line && i < t->columns; i++) {
		const char *text = cells[i] && *cells[i] ? cells[i] : "-";
		const char *color = t->color ? color_of(text) : NULL;

		scols_line_set_data(line, i, text);
		if (color)
			scols_cell_set_color(scols_line_get_cell(line, i), color);
	}
}

void out_table_print(struct out_table *t)
{
	scols_print_table(t->table);
	scols_unref_table(t->table);
	free(t);
}

const char *out_state(const struct cli *c, const char *state)
{
	static char colored[64]; /* one at a time is printed */
	const char *word = strcmp(state, "offline") == 0 ? "OFFLINE" : state;
	const char *color = has_color(c) ? color_of(word) : NULL;

	if (!color)
		return word;
	snprintf(colored, sizeof(colored), "%s%.40s\033[0m", color, word);
	return colored;
}

static bool ask(const struct cli *c, const char *question, char *answer)
{
	if (c->no_input || !isatty(STDIN_FILENO))
		return false;
	fprintf(stderr, "%s ", question);
	fflush(stderr);
	if (!fgets(answer, ANSWER_MAX, stdin))
		answer[0] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	return true;
}

bool out_confirm(const struct cli *c, const char *question, bool *ret_asked)
{
	char answer[ANSWER_MAX];

	*ret_asked = ask(c, question, answer);
	return *ret_asked && (strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0);
}

bool out_confirm_word(const struct cli *c, const char *question, const char *word, bool *ret_asked)
{
	char answer[ANSWER_MAX];

	*ret_asked = ask(c, question, answer);
	return *ret_asked && strcmp(answer, word) == 0;
}
