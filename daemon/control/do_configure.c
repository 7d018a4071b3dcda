/* SPDX-License-Identifier: Apache-2.0 */
/* config.set and config.apply: the file is changed, then read again; what does not hold is undone.
 *
 * The system's service may not write its own file: there p2posctl writes it as root and calls
 * config.reload. Nodes in a directory of their own can be changed over the socket alone. */
#include <stdlib.h>

#include "config/file.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define FILE_MODE 0600 /* of a file that was not there */

static struct answer *refuse_faults(struct call *c, const struct config_report *r, int err)
{
	return call_fail_with(c, RPC_ERR_CONFIG_INVALID,
		json_pack("{s:o}", "errors", shape_faults(r, true)),
		"p2posctl config schema tells what each key takes", "nothing was changed: %s",
		r->count ? r->faults[0].message : err_text(err));
}

static struct answer *refuse_write(struct call *c, int err)
{
	if (err == P2P_ERR_DENIED)
		return call_fail_with(c, RPC_ERR_PERMISSION_DENIED, NULL,
			"the service may only read it: run p2posctl config set or config apply as "
			"root",
			"%s cannot be written", call_node(c)->config_path);
	return call_fail_with(c, RPC_ERR_STORAGE, NULL, "is its file system full or read-only?",
		"%s cannot be written: %s", call_node(c)->config_path, err_text(err));
}

static json_t *keys_of(const struct config_change *changes, size_t count, bool needs_restart)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (changes[i].needs_restart == needs_restart)
			json_array_append_new(list, json_string(changes[i].path));
	return list;
}

/* Writes `after` and reads it; a file that is refused is put back. `report` is empty. */
static struct answer *put(
	struct call *c, struct bytes before, struct bytes after, struct config_report *report)
{
	const struct control_node *n = call_node(c);
	struct config_change changes[CONFIG_CHANGES_MAX];
	size_t count = 0;
	int err = file_replace(n->config_path, after, FILE_MODE);

	if (err)
		return refuse_write(c, err);
	err = n->reload(n->arg, report, changes, &count);
	if (err) {
		if (before.len > 0)
			(void)file_replace(n->config_path, before,
				FILE_MODE); /* it was writable a moment ago */
		return refuse_faults(c, report, err);
	}
	return call_ok(
		c, json_pack("{s:b, s:o, s:o, s:o}", "changed", count > 0 ? 1 : 0, "applied",
			   keys_of(changes, count, false), "needs_restart",
			   keys_of(changes, count, true), "warnings", shape_faults(report, false)));
}

struct answer *do_CONFIG_SET(struct call *c)
{
	struct buf before = BUF_SECRET(CONFIG_BYTES_MAX), after = BUF_SECRET(CONFIG_BYTES_MAX);
	struct config_report *report = xcalloc(1, sizeof(*report));
	struct answer *answer;
	int err = file_read(call_node(c)->config_path, &before, NULL);

	if (!err)
		err = config_set(buf_bytes(&before), call_text(c, "key"),
			bytes_str(call_text(c, "value")), &after, report);
	if (!err) {
		*report = (struct config_report){0};
		answer = put(c, buf_bytes(&before), buf_bytes(&after), report);
	} else if (report->count) {
		answer = refuse_faults(c, report, err);
	} else {
		answer = call_fail(
			c, RPC_ERR_NOT_FOUND, "the file cannot be read: %s", err_text(err));
	}
	buf_deinit(&before);
	buf_deinit(&after);
	free(report);
	return answer;
}

struct answer *do_CONFIG_APPLY(struct call *c)
{
	struct buf before = BUF_SECRET(CONFIG_BYTES_MAX);
	struct config_report *report = xcalloc(1, sizeof(*report));
	struct config *checked = xcalloc(1, sizeof(*checked));
	struct bytes text = bytes_str(call_text(c, "text"));
	struct answer *answer;
	int err = config_parse(text, checked, report);

	if (err) {
		answer = refuse_faults(c, report, err);
	} else {
		config_deinit(checked);
		*report = (struct config_report){0};
		/* Without the old text there is nothing to put back: then only the new one can be.
		 */
		(void)file_read(call_node(c)->config_path, &before, NULL);
		answer = put(c, buf_bytes(&before), text, report);
	}
	free(checked);
	free(report);
	buf_deinit(&before);
	return answer;
}
