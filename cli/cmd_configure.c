/* SPDX-License-Identifier: Apache-2.0 */
/* config show, get, set, diff, apply, schema: the file of a node is read, compared and changed.
 *
 * The service may read its file and not write it, so whoever runs p2posctl writes it and asks the
 * daemon to read it again. A file that the daemon does not take is put back as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "cli/secret.h"
#include "config/config.h"
#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define FILE_MODE 0600 /* of a file that was not there */

/* A file before and after a change. */
struct edit {
	char *path;
	bool of_node; /* it is the running node's, which has to read it again */
	bool existed;
	struct buf before, after;
};

static void edit_deinit(struct edit *e)
{
	free(e->path);
	buf_deinit(&e->before);
	buf_deinit(&e->after);
}

char *config_locate(struct cli *c, const char *given, bool *ret_of_node)
{
	const char *found = NULL;
	char reason[32], *path;
	json_t *r = NULL;

	if (!given && rpc_try(c, "config.get", NULL, 0, &r, reason) == 0)
		found = json_string_value(json_object_get(r, "file"));
	*ret_of_node = found != NULL;
	path = xstrdup(given ? given : found ? found : CLI_CONFIG_DEFAULT);
	json_decref(r);
	return path;
}

static int edit_open(struct cli *c, struct edit *e)
{
	int err;

	*e = (struct edit){.before = BUF_SECRET(CONFIG_BYTES_MAX), .after = BUF_SECRET(CONFIG_BYTES_MAX)};
	e->path = config_locate(c, cli_value(c, "file"), &e->of_node);
	err = file_read(e->path, &e->before, NULL);
	e->existed = err == 0;
	if (err == P2P_ERR_NOT_FOUND)
		return out_fail(c, CLI_NOINPUT, "p2posctl init or p2posctl join makes one", "there is no %s", e->path);
	if (err)
		return out_fail(c, err == P2P_ERR_DENIED ? CLI_NOPERM : CLI_IOERR,
			"use sudo: the configuration belongs to root", "cannot read %s: %s", e->path, err_text(err));
	return 0;
}

/* ---- faults ---- */

static json_t *fault_list(const struct config_report *r)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->count; i++)
		json_array_append_new(a, json_pack("{s:s,s:s}", "pointer", r->faults[i].pointer, "message",
			r->faults[i].message));
	return a;
}

static int fail_faults(struct cli *c, const char *what, const struct config_report *r)
{
	const struct config_fault *f = r->count ? &r->faults[0] : NULL;

	return out_fail_reason(c, CLI_CONFIG, 1200, "config_invalid", "p2posctl config schema tells what each key takes",
		json_pack("{s:o}", "errors", fault_list(r)), "%s: %s%s%s", what, f ? f->pointer : "",
		f && f->pointer[0] ? ": " : "", f ? f->message : "not usable");
}

static int parse(struct cli *c, const char *what, struct bytes text, struct config *ret)
{
	struct config_report *r = xcalloc(1, sizeof(*r));
	int err = config_parse(text, ret, r), code = err ? fail_faults(c, what, r) : 0;

	free(r);
	return code;
}

/* ---- what differs ---- */

static json_t *value_of(const struct config *cfg, const char *key)
{
	struct buf text = BUF_INIT;
	json_t *v = NULL;

	if (config_get(cfg, key, &text) == 0)
		v = json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY, NULL);
	buf_deinit(&text);
	return v ? v : json_null();
}

/* [{"key","before","after","needs_restart"}]; secrets read "(set)" on both sides. */
static json_t *changes_of(const struct config *before, const struct config *after)
{
	struct config_change list[CONFIG_CHANGES_MAX];
	size_t count = config_diff(before, after, list);
	json_t *a = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(a, json_pack("{s:s,s:o,s:o,s:b}", "key", list[i].path, "before",
			value_of(before, list[i].path), "after", value_of(after, list[i].path),
			"needs_restart", list[i].needs_restart));
	return a;
}

static void print_json(FILE *to, const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	fputs(text ? text : "-", to);
	free(text);
}

static void show_changes(FILE *to, const json_t *changes)
{
	const json_t *x;
	size_t i;

	json_array_foreach(changes, i, x) {
		fprintf(to, "%s: ", out_text(x, "key"));
		print_json(to, json_object_get(x, "before"));
		fputs(" -> ", to);
		print_json(to, json_object_get(x, "after"));
		fputs(json_is_true(json_object_get(x, "needs_restart")) ? "   (needs a restart)\n" : "\n", to);
	}
}

static void print_edited(struct cli *c, json_t *r)
{
	const json_t *changes = json_object_get(r, "changes");

	(void)c;
	show_changes(stdout, changes);
	if (!json_array_size(changes))
		printf("nothing to change in %s\n", out_text(r, "file"));
	else if (json_is_true(json_object_get(r, "dry_run")))
		printf("%s was not touched\n", out_text(r, "file"));
	else
		printf("%s written%s\n", out_text(r, "file"),
			json_is_true(json_object_get(r, "reloaded")) ? ", and read by the node"
								    : "; no node has read it yet");
}

/* ---- writing ---- */

static int write_back(struct cli *c, const struct edit *e, struct bytes text)
{
	int err = file_replace(e->path, text, FILE_MODE);

	if (!err)
		return 0;
	return out_fail(c, err == P2P_ERR_DENIED ? CLI_NOPERM : CLI_CANTCREAT,
		"use sudo: the configuration belongs to root; is the file system writable?",
		"cannot write %s: %s", e->path, err_text(err));
}

/* Writes and lets the node read it; when the node refuses, the old text is put back. */
static int commit(struct cli *c, const struct edit *e, bool *ret_reloaded)
{
	json_t *r = NULL;
	int code = write_back(c, e, buf_bytes(&e->after));

	*ret_reloaded = false;
	if (code || !e->of_node)
		return code;
	code = rpc_call(c, "config.reload", NULL, 0, &r);
	json_decref(r);
	if (code)
		(void)write_back(c, e, buf_bytes(&e->before)); /* the refusal has been told already */
	else
		*ret_reloaded = true;
	return code;
}

/* From e->before to e->after: shown, asked about where `asks` is set, written. */
static int apply(struct cli *c, struct edit *e, bool asks)
{
	struct config *old = xcalloc(1, sizeof(*old)), *new = xcalloc(1, sizeof(*new));
	struct config_report ignored = {0};
	bool reloaded = false, asked = true, has_old, dry = cli_given(c, "dry-run");
	json_t *changes = NULL;
	int code;

	config_init(old);
	config_init(new);
	/* A broken file may be replaced by a good one: everything differs from the defaults then. */
	has_old = config_parse(buf_bytes(&e->before), old, &ignored) == 0;
	code = parse(c, "the new configuration", buf_bytes(&e->after), new);
	if (!code)
		changes = changes_of(old, new);
	if (!code && !dry && (json_array_size(changes) || !has_old)) {
		if (asks && !c->yes) {
			if (!c->json && !c->quiet)
				show_changes(stderr, changes);
			if (!out_confirm(c, "Write it? [y/N]", &asked))
				code = asked ? out_fail(c, CLI_FAILED, NULL, "nothing was changed")
					     : out_fail(c, CLI_USAGE, "say --yes, or run it on a terminal",
						       "this needs a yes");
		}
		if (!code)
			code = commit(c, e, &reloaded);
	}
	config_deinit(old);
	config_deinit(new);
	free(old);
	free(new);
	if (code) {
		json_decref(changes);
		return code;
	}
	return out_result(c, json_pack("{s:b,s:s,s:b,s:b,s:o}", "changed", !dry && json_array_size(changes) > 0,
		"file", e->path, "reloaded", reloaded, "dry_run", dry, "changes", changes), CLI_OK, print_edited);
}

/* ---- set ---- */

/* Does the redaction hide a value under this key? */
static bool is_secret(const char *key)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	const char *dot = strchr(key, '.');
	bool hidden = false;

	if (dot)
		(void)buf_printf(&in, "{\"%.*s\":{\"%s\":\"x\"}}", (int)(dot - key), key, dot + 1);
	else
		(void)buf_printf(&in, "{\"%s\":\"x\"}", key);
	if (config_redact(buf_bytes(&in), &out) == 0)
		hidden = strstr(buf_cstr(&out), "(set)") != NULL;
	buf_deinit(&in);
	buf_deinit(&out);
	return hidden;
}

static int read_value(struct cli *c, const char *key, const char *word, struct buf *ret)
{
	if (is_secret(key) && *word)
		return secret_read(c, key, word, SECRET_MARKED, ret);
	(void)buf_put_str(ret, word);
	return 0;
}

int cmd_config_set(struct cli *c)
{
	struct config_report *report = xcalloc(1, sizeof(*report));
	struct buf value = BUF_SECRET(CONFIG_BYTES_MAX);
	struct edit e;
	int code = edit_open(c, &e);

	if (!code)
		code = read_value(c, c->argv[0], c->argv[1], &value);
	if (!code && config_set(buf_bytes(&e.before), c->argv[0], buf_bytes(&value), &e.after, report))
		code = fail_faults(c, c->argv[0], report);
	if (!code)
		code = apply(c, &e, false);
	buf_deinit(&value);
	edit_deinit(&e);
	free(report);
	return code;
}

/* ---- apply ---- */

int cmd_config_apply(struct cli *c)
{
	const char *path = c->argv[0][0] == '@' ? c->argv[0] + 1 : c->argv[0];
	struct edit e = {.before = BUF_SECRET(CONFIG_BYTES_MAX), .after = BUF_SECRET(CONFIG_BYTES_MAX)};
	int code = secret_read(c, "the configuration", c->argv[0], SECRET_PLAIN, &e.after), err;

	if (code) {
		edit_deinit(&e);
		return code;
	}
	e.path = config_locate(c, cli_value(c, "file"), &e.of_node);
	err = file_read(e.path, &e.before, NULL);
	e.existed = err == 0;
	if (err && err != P2P_ERR_NOT_FOUND)
		code = out_fail(c, CLI_NOPERM, "use sudo: the configuration belongs to root", "cannot read %s: %s",
			e.path, err_text(err));
	else if (strcmp(path, e.path) == 0)
		code = out_fail(c, CLI_USAGE, "p2posctl node reload reads it again", "%s is that file itself", path);
	else
		code = apply(c, &e, true);
	edit_deinit(&e);
	return code;
}

/* ---- get, diff, schema ---- */

static void print_bare(struct cli *c, json_t *r)
{
	const json_t *v = json_object_get(r, "value");

	(void)c;
	if (json_is_string(v))
		puts(json_string_value(v));
	else {
		print_json(stdout, v);
		putchar('\n');
	}
}

static void print_value(struct cli *c, json_t *r)
{
	(void)c;
	json_dumpf(json_object_get(r, "value"), stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

/* The daemon gives away no secret, so this is the file itself: for whoever may read it. */
static int show_with_secrets(struct cli *c)
{
	struct edit e;
	json_t *value = NULL;
	int code = edit_open(c, &e);

	if (!code) {
		value = json_loadb((const char *)e.before.data, e.before.len, JSON_REJECT_DUPLICATES, NULL);
		code = value ? 0 : out_fail(c, CLI_CONFIG, "p2posctl config check names the place", "%s is no JSON", e.path);
	}
	if (!code)
		code = out_result(c, json_pack("{s:s,s:n,s:o}", "file", e.path, "key", "value", value), CLI_OK,
			print_value);
	edit_deinit(&e);
	return code;
}

int cmd_config_show(struct cli *c)
{
	json_t *r;
	int code;

	if (cli_given(c, "show-secrets") && cli_given(c, "effective"))
		return out_fail(c, CLI_USAGE, "without --effective", "--show-secrets shows the file as it is");
	if (cli_given(c, "show-secrets") && !c->tty && !cli_given(c, "force"))
		return out_fail(c, CLI_USAGE, "say --force, too", "--show-secrets prints keys to what is no terminal");
	if (cli_given(c, "show-secrets"))
		return show_with_secrets(c);
	code = rpc_call(c, cli_given(c, "effective") ? "config.effective" : "config.get", NULL, 0, &r);
	return code ? code : out_result(c, r, CLI_OK, print_value);
}

int cmd_config_get(struct cli *c)
{
	struct config *cfg;
	struct edit e;
	json_t *r = NULL, *v;
	int code;

	if (!cli_given(c, "file")) {
		code = rpc_call(c, "config.effective", json_pack("{s:s}", "key", c->argv[0]), 0, &r);
		return code ? code : out_result(c, r, CLI_OK, print_bare);
	}
	code = edit_open(c, &e);
	cfg = xcalloc(1, sizeof(*cfg));
	config_init(cfg);
	if (!code)
		code = parse(c, e.path, buf_bytes(&e.before), cfg);
	if (!code) {
		v = value_of(cfg, c->argv[0]);
		if (json_is_null(v))
			code = out_fail_reason(c, CLI_FAILED, 1005, "not_found", "p2posctl config schema lists all keys",
				NULL, "there is no key %s", c->argv[0]);
		else
			r = json_pack("{s:s,s:s,s:O}", "file", e.path, "key", c->argv[0], "value", v);
		json_decref(v);
	}
	config_deinit(cfg);
	free(cfg);
	edit_deinit(&e);
	return code ? code : out_result(c, r, CLI_OK, print_bare);
}

static void print_diff(struct cli *c, json_t *r)
{
	(void)c;
	show_changes(stdout, json_object_get(r, "changes"));
	if (!json_array_size(json_object_get(r, "changes")))
		printf("no difference\n");
}

/* In force against the file: what a reload or a restart would change. A secret that differs from
 * another one cannot be seen this way: neither side shows it. */
int cmd_config_diff(struct cli *c)
{
	struct config *file = xcalloc(1, sizeof(*file)), *force = xcalloc(1, sizeof(*force));
	struct edit e;
	json_t *r = NULL, *result = NULL;
	char *text = NULL;
	int code = edit_open(c, &e);

	config_init(file);
	config_init(force);
	if (!code)
		code = rpc_call(c, "config.effective", NULL, 0, &r);
	if (!code) {
		json_t *value = json_object_get(r, "value");
		struct config_report ignored = {0};

		/* "(set)" is no key: the file's own stands in, so that it does not differ. */
		json_object_del(value, "node_private_key");
		text = json_dumps(value, JSON_COMPACT);
		(void)config_parse(bytes_str(text), force, &ignored);
		code = parse(c, e.path, buf_bytes(&e.before), file);
	}
	if (!code) {
		memcpy(force->node_private_key, file->node_private_key, sizeof(force->node_private_key));
		memcpy(force->auto_tls.forge_auth, file->auto_tls.forge_auth, sizeof(force->auto_tls.forge_auth));
		result = json_pack("{s:s,s:o}", "file", e.path, "changes", changes_of(force, file));
	}
	free(text);
	json_decref(r);
	config_deinit(file);
	config_deinit(force);
	free(file);
	free(force);
	edit_deinit(&e);
	return code ? code : out_result(c, result, CLI_OK, print_diff);
}

static void print_schema(struct cli *c, json_t *r)
{
	(void)c;
	json_dumpf(json_object_get(r, "schema"), stdout, JSON_INDENT(2));
	putchar('\n');
}

int cmd_config_schema(struct cli *c)
{
	struct buf text = BUF_INIT;
	json_t *schema = NULL;

	if (config_schema(&text) == 0)
		schema = json_loadb((const char *)text.data, text.len, 0, NULL);
	buf_deinit(&text);
	if (!schema)
		return out_fail(c, CLI_SOFTWARE, NULL, "the schema does not parse");
	return out_result(c, json_pack("{s:o}", "schema", schema), CLI_OK, print_schema);
}
