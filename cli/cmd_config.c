/* SPDX-License-Identifier: Apache-2.0 */
/* config: the file checked here with the daemon's own parser, or shown as the daemon has it. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "config/config.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

static json_t *faults(const struct config_report *r, bool errors)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->count; i++) {
		const struct config_fault *f = &r->faults[i];

		if (f->is_error != errors)
			continue;
		json_array_append_new(a, json_pack("{s:s,s:s,s:o,s:o}", "pointer", f->pointer, "message", f->message,
			"line", f->line ? json_integer(f->line) : json_null(), "column",
			f->column ? json_integer(f->column) : json_null()));
	}
	return a;
}

static void print_faults(const char *word, const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f) {
		printf("%s  ", word);
		if (json_is_integer(json_object_get(f, "line")))
			printf("line %lld, column %lld: ", (long long)json_integer_value(json_object_get(f, "line")),
				(long long)json_integer_value(json_object_get(f, "column")));
		else if (json_string_length(json_object_get(f, "pointer")))
			printf("%s: ", out_text(f, "pointer"));
		printf("%s\n", out_text(f, "message"));
	}
}

static void print_check(struct cli *c, json_t *r)
{
	(void)c;
	print_faults("ERROR  ", json_object_get(r, "errors"));
	print_faults("WARNING", json_object_get(r, "warnings"));
	printf("%s: %s\n", out_text(r, "file"), json_is_true(json_object_get(r, "valid")) ? "ok" : "not usable");
}

int cmd_config_check(struct cli *c)
{
	const char *path = c->argc ? c->argv[0] : CLI_CONFIG_DEFAULT;
	struct config *cfg = xcalloc(1, sizeof(*cfg));
	struct config_report *report = xcalloc(1, sizeof(*report));
	bool valid;
	json_t *r;
	int err;

	config_init(cfg);
	err = config_load(path, cfg, report);
	if (err == P2P_ERR_NOT_FOUND) {
		free(report);
		config_deinit(cfg);
		free(cfg);
		return out_fail(c, CLI_NOINPUT, "p2posctl init or p2posctl join makes one", "there is no %s", path);
	}
	valid = err == 0 && !(cli_given(c, "strict") && report->warnings);
	r = json_pack("{s:s,s:b,s:o,s:o}", "file", path, "valid", valid, "errors", faults(report, true), "warnings",
		faults(report, false));
	config_deinit(cfg);
	free(cfg);
	free(report);
	return out_result(c, r, valid ? CLI_OK : CLI_CONFIG, print_check);
}

static void print_value(struct cli *c, json_t *r)
{
	(void)c;
	json_dumpf(json_object_get(r, "value"), stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

int cmd_config_show(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, cli_given(c, "effective") ? "config.effective" : "config.get", NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_value);
}
