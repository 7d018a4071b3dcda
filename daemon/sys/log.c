/* SPDX-License-Identifier: Apache-2.0 */
/* log.c: levels, the flood rule, and the way of a line from the call to its sink. */
#include "daemon/sys/log.h"

#include "daemon/sys/log_actions.h"
#include "daemon/sys/log_parts.h"
#include "daemon/sys/log_recent.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define CLUSTER_SIZE 72

static const char *const modules[] = {
#define X(name) #name,
	LOG_MODULES(X)
#undef X
};
#define MODULE_COUNT (sizeof(modules) / sizeof(modules[0]))

enum flood_rule { FLOOD, ALWAYS };
static const struct action {
	const char *name;
	enum flood_rule rule;
	const char *message_id;
} actions[] = {
#define X(name, rule, id) {#name, rule, id},
	LOG_ACTIONS(X)
#undef X
};
static const struct action unlisted = {"", FLOOD, ""};

/* The log of the process; one, because stderr is one. */
static struct {
	struct log_opts opts;
	enum log_sink sink;
	enum log_level levels[MODULE_COUNT];
	enum log_level level; /* of modules that are not listed */
	enum log_level least, most; /* over all of these: most calls are decided by them alone */
	char cluster[CLUSTER_SIZE];
	void (*on_line)(void *arg, const struct log_line *line);
	void *on_line_arg;
	bool is_telling; /* inside on_line */
	struct log_counts counts;
	uint64_t lost_told;
	struct buf text, form; /* reused, so that a line allocates nothing */
} the = {
	.opts = {.fd = STDERR_FILENO},
	.sink = LOG_TEXT,
	.level = LEVEL_INFO,
	.levels = {[0 ... MODULE_COUNT - 1] = LEVEL_INFO},
	.least = LEVEL_INFO,
	.most = LEVEL_INFO,
	.text = {.max = 8 * LOG_RENDER_MAX},
	.form = {.max = 16 * LOG_RENDER_MAX},
};

void log_open(const struct log_opts *opts)
{
	log_sink_close();
	the.opts = *opts;
	the.sink = opts->sink == LOG_AUTO ? log_sink_detect(opts->fd, opts->journal) : opts->sink;
}

void log_close(void)
{
	log_sink_close();
	log_flood_reset();
	log_recent_clear();
	buf_deinit(&the.text);
	buf_deinit(&the.form);
	the.on_line = NULL;
	the.opts = (struct log_opts){.fd = STDERR_FILENO};
	the.sink = LOG_TEXT;
	the.cluster[0] = '\0';
	the.counts = (struct log_counts){0};
	the.lost_told = 0;
	(void)log_set_level(NULL, LEVEL_INFO); /* NULL is never unknown */
}

enum log_sink log_sink_in_use(void)
{
	return the.sink;
}

static size_t find_module(const char *name)
{
	size_t i = 0;

	while (i < MODULE_COUNT && strcasecmp(modules[i], name) != 0)
		i++;
	return i;
}

bool log_is_on(enum log_level level, const char *module)
{
	size_t i;

	if (level <= the.least || level > the.most)
		return level <= the.least;
	i = find_module(module);
	return level <= (i < MODULE_COUNT ? the.levels[i] : the.level);
}

int log_set_level(const char *module, enum log_level level)
{
	size_t i = module ? find_module(module) : 0;

	if (i == MODULE_COUNT)
		return P2P_ERR_NOT_FOUND;
	for (size_t m = 0; m < MODULE_COUNT; m++)
		if (!module || m == i)
			the.levels[m] = level;
	if (!module)
		the.level = level;
	the.least = the.most = the.level;
	for (size_t m = 0; m < MODULE_COUNT; m++) {
		the.least = the.levels[m] < the.least ? the.levels[m] : the.least;
		the.most = the.levels[m] > the.most ? the.levels[m] : the.most;
	}
	return 0;
}

int log_get_level(const char *module, enum log_level *ret)
{
	size_t i = module ? find_module(module) : 0;

	if (i == MODULE_COUNT)
		return P2P_ERR_NOT_FOUND;
	*ret = module ? the.levels[i] : the.level;
	return 0;
}

const char *log_module(size_t i)
{
	return i < MODULE_COUNT ? modules[i] : NULL;
}

void log_set_cluster(const char *cluster_id)
{
	(void)text_copy(the.cluster, sizeof(the.cluster), bytes_str(cluster_id)); /* may be cut */
}

void log_set_listener(void (*on_line)(void *arg, const struct log_line *line), void *arg)
{
	the.on_line = on_line;
	the.on_line_arg = arg;
}

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return &unlisted;
}

static void record_add(struct log_record *r, const struct kv *kv)
{
	size_t at = r->count;

	if (r->count == LOG_KEYS_MAX)
		return;
	while (at > 0 && strcmp(r->kvs[at - 1]->key, kv->key) > 0) {
		r->kvs[at] = r->kvs[at - 1];
		at--;
	}
	r->kvs[at] = kv;
	r->count++;
}

/* Gives the line to the sink; false = it is lost. */
static bool carry(const struct log_record *r)
{
	char prefix[8];

	buf_reset(&the.form);
	switch (the.sink) {
	case LOG_JOURNAL:
		log_form_journal(&the.form, r, buf_cstr(&the.text));
		return log_sink_journal(the.opts.journal, buf_bytes(&the.form));
	case LOG_JSON:
		log_form_json(&the.form, r);
		return log_sink_stream(the.opts.fd, buf_bytes(&the.form));
	case LOG_PREFIX:
		snprintf(prefix, sizeof(prefix), "<%d>", log_priority(r->level));
		(void)buf_put_str(&the.form, prefix); /* the buffer is empty and large */
		(void)buf_put(&the.form, buf_bytes(&the.text));
		return log_sink_stream(the.opts.fd, buf_bytes(&the.form));
	case LOG_AUTO:
	case LOG_TEXT: break;
	}
	return log_sink_stream(the.opts.fd, buf_bytes(&the.text));
}

static void print(struct log_record *r)
{
	struct kv cluster = kv_text("cluster_id", the.cluster);
	bool has_cluster = false;

	r->at = the.opts.wall ? the.opts.wall() : WALL_ZERO;
	buf_reset(&the.text);
	log_form_text(&the.text, r);
	for (size_t i = 0; i < r->count; i++)
		has_cluster |= strcmp(r->kvs[i]->key, cluster.key) == 0;
	if (!has_cluster && *the.cluster)
		record_add(r, &cluster); /* a field of machine forms; text lines name it where it matters */
	the.counts.lines[r->level]++;
	if (!carry(r))
		the.counts.lost++;
	log_recent_put(&(struct log_line){r->level, r->module, r->action, buf_cstr(&the.text), r->at});
	if (the.on_line && !the.is_telling) {
		/* A copy: the listener may log, and that line reuses the buffer. */
		char *text = xstrdup(buf_cstr(&the.text));
		struct log_line line = {r->level, r->module, r->action, text, r->at};

		the.is_telling = true;
		the.on_line(the.on_line_arg, &line);
		the.is_telling = false;
		free(text);
	}
}

/* One line for what a bucket held back. */
static void tell_due(const struct log_flood_due *due)
{
	const struct action *a = find_action(due->action);
	struct kv kvs[] = {kv_text("peer_id", due->peer), kv_text("reason", due->reason),
		kv_uint("suppressed", due->suppressed)};
	struct log_record r = {.level = due->level,
		.module = due->module,
		.action = due->action,
		.func = __func__,
		.message_id = a->message_id};

	if (*due->peer)
		record_add(&r, &kvs[0]);
	if (*due->reason)
		record_add(&r, &kvs[1]);
	record_add(&r, &kvs[2]);
	print(&r);
}

/* What the flood rule looks at. */
static struct log_flood_due flood_line(const struct log_record *r)
{
	struct log_flood_due line = {.level = r->level, .module = r->module, .action = r->action};
	struct buf *value = &the.form; /* free until the line is formed */

	for (size_t i = 0; i < r->count; i++) {
		char *to = strcmp(r->kvs[i]->key, "peer_id") == 0  ? line.peer
			   : strcmp(r->kvs[i]->key, "reason") == 0 ? line.reason
								   : NULL;

		if (!to)
			continue;
		buf_reset(value);
		log_value(value, r->kvs[i]);
		(void)text_copy(to, LOG_FLOOD_TEXT_SIZE, buf_bytes(value)); /* a cut one will do */
	}
	return line;
}

void log_event(enum log_level level, const char *module, const char *action, const char *func,
	const struct kv *kvs, size_t count)
{
	const struct action *a = find_action(action);
	struct log_record r = {.level = level,
		.module = module,
		.action = action,
		.func = func,
		.message_id = a->message_id};
	struct kv suppressed = kv_uint("suppressed", 0);

	for (size_t i = 1; i < count; i++)
		record_add(&r, &kvs[i]);
	if (a->rule == FLOOD && level != LEVEL_DEBUG && the.opts.mono) {
		struct log_flood_due line = flood_line(&r), due;
		bool pass = log_flood_pass(&line, the.opts.mono(), &suppressed.u, &due);

		if (due.suppressed)
			tell_due(&due);
		if (!pass) {
			the.counts.suppressed++;
			return;
		}
		if (suppressed.u)
			record_add(&r, &suppressed);
	}
	print(&r);
}

mono_t log_tick(mono_t now)
{
	struct log_flood_due due;

	while (log_flood_next_due(now, &due))
		tell_due(&due);
	if (the.counts.lost > the.lost_told) {
		uint64_t lost = the.counts.lost;

		/* Told again at the next tick if this line is lost too. */
		log_warn("LOG", "lines_lost", kv_uint("lost", lost - the.lost_told));
		if (the.counts.lost == lost)
			the.lost_told = lost;
	}
	return log_flood_deadline();
}

struct log_counts log_counts(void)
{
	return the.counts;
}
