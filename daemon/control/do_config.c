/* SPDX-License-Identifier: Apache-2.0 */
/* config.*: what the operator wants, and what is in force. Secrets never leave. */
#include <stdlib.h>

#include "config/file.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

static json_t *loaded(struct buf *text)
{
	return json_loadb((const char *)text->data, text->len, JSON_DECODE_ANY, NULL);
}

/* {"file","key","value"}; `take_value` NULL: there is no such key. */
static struct answer *answer_value(struct call *c, const char *key, json_t *take_value)
{
	if (!take_value)
		return call_fail_with(c, RPC_ERR_NOT_FOUND, NULL,
			"p2posctl config schema lists all keys", "there is no key %.64s",
			key ? key : "");
	return call_ok(c, json_pack("{s:o, s:o, s:o}", "file",
				  shape_text(call_node(c)->config_path), "key", shape_text(key),
				  "value", take_value));
}

/* The value of a dotted key in a document; a new reference, NULL when there is none. */
static json_t *value_at(json_t *doc, const char *key)
{
	json_t *at = doc;

	while (key && key[0]) {
		size_t len = strcspn(key, ".");
		char name[64];

		if (len >= sizeof(name))
			return NULL;
		memcpy(name, key, len);
		name[len] = '\0';
		at = json_object_get(at, name);
		if (!at)
			return NULL;
		key += len + (key[len] == '.');
	}
	return json_incref(at);
}

struct answer *do_CONFIG_GET(struct call *c)
{
	struct buf text = BUF_WITH_MAX(CONFIG_BYTES_MAX), shown = BUF_WITH_MAX(2 * CONFIG_BYTES_MAX);
	const char *key = call_text(c, "key");
	struct answer *answer;
	json_t *doc = NULL;
	int err = file_read(call_node(c)->config_path, &text, NULL);

	if (!err)
		err = config_redact(buf_bytes(&text), &shown);
	if (!err)
		doc = loaded(&shown);
	buf_deinit(&text);
	buf_deinit(&shown);
	if (err == P2P_ERR_CONFIG || (!err && !doc))
		return call_fail(c, RPC_ERR_CONFIG_INVALID, "the file is not JSON");
	if (err)
		return call_fail(c, RPC_ERR_NOT_FOUND, "the file cannot be read: %s", err_text(err));
	answer = answer_value(c, key, value_at(doc, key));
	json_decref(doc);
	return answer;
}

struct answer *do_CONFIG_EFFECTIVE(struct call *c)
{
	const struct config *cfg = call_node(c)->config;
	const char *key = call_text(c, "key");
	struct buf text = BUF_INIT;
	json_t *value = NULL;
	int err = key ? config_get(cfg, key, &text) : config_write(cfg, CONFIG_HIDE_SECRETS, &text);

	if (!err)
		value = loaded(&text);
	buf_deinit(&text);
	return answer_value(c, key, value);
}

struct answer *do_CONFIG_SCHEMA(struct call *c)
{
	struct buf text = BUF_INIT;
	json_t *schema = NULL;

	if (config_schema(&text) == 0)
		schema = loaded(&text);
	buf_deinit(&text);
	if (!schema)
		return call_fail(c, RPC_ERR_INTERNAL, "the schema does not parse");
	return call_ok(c, json_pack("{s:o}", "schema", schema));
}

struct answer *do_CONFIG_CHECK(struct call *c)
{
	struct config_report *report = xcalloc(1, sizeof(*report));
	struct config *checked = xcalloc(1, sizeof(*checked));
	const char *text = call_text(c, "text");
	struct answer *answer;
	int err;

	if (text)
		err = config_parse(bytes_str(text), checked, report);
	else
		err = config_load(call_node(c)->config_path, checked, report);
	if (err == P2P_ERR_NOT_FOUND)
		answer = call_fail_with(c, RPC_ERR_NOT_FOUND, NULL,
			"p2posctl init or join writes it, or send its text",
			"there is no file %s", call_node(c)->config_path);
	else
		answer = call_ok(c, json_pack("{s:b, s:o, s:o}", "valid", err ? 0 : 1, "errors",
					    shape_faults(report, true), "warnings",
					    shape_faults(report, false)));
	if (!err)
		config_deinit(checked);
	free(checked);
	free(report);
	return answer;
}

static json_t *changed_keys(const struct config_change *changes, size_t count, bool needs_restart)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (changes[i].needs_restart == needs_restart)
			json_array_append_new(list, json_string(changes[i].path));
	return list;
}

struct answer *do_CONFIG_RELOAD(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct config_report *report = xcalloc(1, sizeof(*report));
	struct config_change changes[CONFIG_CHANGES_MAX];
	struct answer *answer;
	size_t count = 0;
	int err = n->reload(n->arg, report, changes, &count);

	if (err)
		answer = call_fail_with(c, RPC_ERR_CONFIG_INVALID,
			json_pack("{s:o}", "errors", shape_faults(report, true)), NULL,
			"nothing was changed: %s",
			report->count ? report->faults[0].message : err_text(err));
	else
		answer = call_ok(c, json_pack("{s:b, s:o, s:o, s:o}", "changed", count > 0 ? 1 : 0,
					    "applied", changed_keys(changes, count, false),
					    "needs_restart", changed_keys(changes, count, true),
					    "warnings", shape_faults(report, false)));
	free(report);
	return answer;
}
