/* SPDX-License-Identifier: Apache-2.0 */
/* log.* and metrics.get: what this process says of itself. */
#include "daemon/control/dispatch.h"
#include "daemon/control/shape.h"
#include "daemon/sys/log_recent.h"
#include "daemon/sys/metrics.h"

#define TAIL_LINES        20
#define METRICS_BYTES_MAX (4u * 1024 * 1024) /* the table is bounded far below */

static const char *level_of(const char *module)
{
	enum log_level level = LEVEL_INFO;

	(void)log_get_level(module, &level); /* the names are the log's own */
	return log_level_name(level);
}

static json_t *levels(void)
{
	json_t *list = json_array();
	const char *module;

	for (size_t i = 0; (module = log_module(i)); i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "module", module, "level",
						    level_of(module)));
	return json_pack("{s:s, s:o}", "level", level_of(NULL), "modules", list);
}

struct answer *do_LOG_GET_LEVEL(struct call *c)
{
	return call_ok(c, levels());
}

struct answer *do_LOG_SET_LEVEL(struct call *c)
{
	const char *module = call_text(c, "module");
	enum log_level level, before = LEVEL_INFO;
	json_t *result;

	if (log_level_parse(call_text(c, "level"), &level) != 0)
		return call_refuse_param(c, "level", "must be error, warn, info or debug");
	if (log_get_level(module, &before) != 0 || log_set_level(module, level) != 0)
		return call_refuse_param(c, "module", "there is no such module; log.get_level names them");
	result = levels();
	/* Setting all at once may change modules even if the general level was this one. */
	json_object_set_new(result, "changed", json_boolean(before != level));
	return call_ok(c, result);
}

struct answer *do_LOG_TAIL(struct call *c)
{
	json_t *list = json_array();
	struct log_line line;
	uint64_t lines;
	struct answer *answer = call_uint(c, "lines", 1, LOG_RECENT_LINES, TAIL_LINES, &lines);

	if (answer) {
		json_decref(list);
		return answer;
	}
	for (size_t i = 0; log_recent_at((size_t)lines, i, &line); i++)
		json_array_append_new(list, json_pack("{s:o, s:s, s:s, s:o}", "time", shape_time(line.at), "level",
						    log_level_name(line.level), "module", line.module, "text",
						    shape_text(line.text)));
	return call_ok(c, json_pack("{s:o}", "lines", list));
}

struct answer *do_METRICS_GET(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct buf text = BUF_WITH_MAX(METRICS_BYTES_MAX);
	struct answer *answer;

	n->measure(n->arg);
	if (metrics_print(&text, false) == 0)
		answer = call_ok(c, json_pack("{s:s, s:s}", "text", buf_cstr(&text),
					    "content_type",
					    "text/plain; version=0.0.4; charset=utf-8"));
	else
		answer = call_fail(c, RPC_ERR_INTERNAL, "the metrics do not fit");
	buf_deinit(&text);
	return answer;
}
