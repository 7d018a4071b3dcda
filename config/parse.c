/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: JSON text to struct, every fault with its place. */
#include "config/keys.h"

#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/jsonscan.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct json_limits limits = {CONFIG_BYTES_MAX, CONFIG_VALUES_MAX, 8192};

void config_init(struct config *cfg)
{
	struct config_report none = {0};

	memset(cfg, 0, sizeof(*cfg));
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		json_t *v = json_loads(k->fallback, JSON_DECODE_ANY, NULL);
		bool ok = v && k->kind->set(k, v, key_field(k, cfg), &none);

		assert(ok); /* the table is ours */
		(void)ok;
		json_decref(v);
	}
}

void config_deinit(struct config *cfg)
{
	mem_wipe(cfg->node_private_key, sizeof(cfg->node_private_key));
	mem_wipe(cfg->auto_tls.forge_auth, sizeof(cfg->auto_tls.forge_auth));
}

/* Line and column of a position, both from 1. */
static void place(struct bytes text, size_t at, int *line, int *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < at && i < text.len; i++) {
		*column += 1;
		if (text.at[i] == '\n') {
			*line += 1;
			*column = 1;
		}
	}
}

static void note_place(struct config_report *r, int line, int column, const char *what)
{
	unsigned kept = r->count;

	config_error(r, "", "%s", what);
	if (r->count > kept) {
		r->faults[kept].line = line > 0 ? line : 1;
		r->faults[kept].column = column > 0 ? column : 1;
	}
}

json_t *config_json(struct bytes text, struct config_report *r)
{
	struct jsonscan scan;
	json_error_t error;
	json_t *root;
	int line, column, err;

	if (text.len > CONFIG_BYTES_MAX) {
		config_error(r, "", "is larger than %d bytes", CONFIG_BYTES_MAX);
		return NULL;
	}
	/* Counted before a parser allocates for it; a malformed text gets its message below. */
	jsonscan_init(&scan, &limits);
	err = jsonscan_feed(&scan, text, NULL);
	if (err == P2P_ERR_TOO_LARGE) {
		place(text, scan.bytes, &line, &column);
		note_place(r, line, column, "has too many or too long values");
		return NULL;
	}
	root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		note_place(r, error.line, error.column, error.text);
		return NULL;
	}
	if (err || !json_is_object(root)) {
		place(text, scan.bytes, &line, &column);
		note_place(r, line, column,
			json_is_object(root) ? "is JSON that is not allowed here"
					     : "must be one JSON object");
		json_decref(root);
		return NULL;
	}
	return root;
}

json_t *config_json_at(json_t *root, const char *path)
{
	char word[64];
	size_t n = strcspn(path, ".");

	if (n >= sizeof(word))
		return NULL;
	snprintf(word, sizeof(word), "%.*s", (int)n, path);
	root = json_object_get(root, word);
	return path[n] && root ? config_json_at(root, path + n + 1) : root;
}

/* ---- unknown keys ---- */

/* Whether `path` is a key, or `is_section`: the beginning of one. */
static bool is_known(const char *path, bool is_section)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < config_key_count; i++) {
		const char *key = config_keys[i].path;

		if (strncmp(key, path, n) == 0 && key[n] == (is_section ? '.' : '\0'))
			return true;
	}
	return false;
}

/* The known word at this level that `name` most resembles; false when none is near. */
static bool nearest(const char *section, const char *name, char to[64])
{
	unsigned best = strlen(name) < 5 ? 2 : 3; /* further away it would be a guess */
	size_t skip = strlen(section);

	to[0] = '\0';
	for (size_t i = 0; i < config_key_count; i++) {
		const char *key = config_keys[i].path;
		char word[64];
		unsigned d;

		if (strncmp(key, section, skip) != 0)
			continue;
		key += skip;
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(key, "."), key);
		d = text_distance(word, name, best);
		if (d < best) {
			best = d;
			snprintf(to, 64, "%s", word);
		}
	}
	return to[0] != '\0';
}

static void unknown_key(const char *section, const char *name, struct config_report *r)
{
	char pointer[CONFIG_POINTER_SIZE], guess[64];

	snprintf(pointer, sizeof(pointer), "/%s%s", section, name);
	for (char *c = pointer; *c; c++)
		*c = *c == '.' ? '/' : *c;
	if (nearest(section, name, guess))
		config_error(r, pointer, "unknown key; did you mean \"%s\"?", guess);
	else
		config_error(r, pointer, "unknown key");
}

/* Keys that other programs or older versions write. True = dealt with. */
static bool is_tolerated(const char *path, struct config_report *r)
{
	if (strcmp(path, "members") == 0) {
		config_warning(r, "/members",
			"is ignored: the signed snapshot says who is a member");
		return true;
	}
	if (strcmp(path, "auto_tls.enabled") == 0) {
		config_warning(r, "/auto_tls/enabled", "is deprecated; use auto_tls.mode");
		return true;
	}
	return false;
}

static void check_names(json_t *object, const char *section, struct config_report *r)
{
	const char *name;
	json_t *v;

	json_object_foreach(object, name, v) {
		char path[160];

		if (strncmp(name, "x-", 2) == 0 || strcmp(name, "$schema") == 0)
			continue;
		/* A dot in a name would make it look like a path of two. */
		if (strchr(name, '.') ||
			snprintf(path, sizeof(path), "%s%s", section, name) >= (int)sizeof(path)) {
			unknown_key(section, name, r);
		} else if (is_known(path, true)) {
			char inner[164], pointer[CONFIG_POINTER_SIZE];

			snprintf(inner, sizeof(inner), "%s.", path);
			snprintf(pointer, sizeof(pointer), "/%.100s", path);
			if (json_is_object(v))
				check_names(v, inner, r);
			else
				config_error(r, pointer, "must be an object");
		} else if (!is_known(path, false) && !is_tolerated(path, r)) {
			unknown_key(section, name, r);
		}
	}
}

/* ---- values ---- */

/* jansson frees strings without wiping them. */
static void wipe_secret(json_t *v)
{
	if (json_is_string(v))
		mem_wipe((void *)(uintptr_t)json_string_value(v), json_string_length(v));
}

static void read_values(json_t *root, struct config *cfg, struct config_report *r)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		json_t *v = config_json_at(root, k->path);

		if (!v)
			continue;
		(void)k->kind->set(k, v, key_field(k, cfg), r); /* the fault is in the report */
		if (k->flags & KEY_SECRET)
			wipe_secret(v);
	}
}

/* The flag that came before auto_tls.mode (P-029). */
static void read_legacy(json_t *root, struct config *cfg)
{
	json_t *mode = config_json_at(root, "auto_tls.mode");

	if (json_is_true(config_json_at(root, "auto_tls.enabled")) && key_text(mode).len == 0)
		cfg->auto_tls.mode = AUTOTLS_ON;
}

/* What the original fills in when a proof leaves it out: its own cluster, and the only role. */
static void complete_proof(struct config *cfg)
{
	json_t *proof = *cfg->admin_proof ? json_loads(cfg->admin_proof, 0, NULL) : NULL;
	char *text;

	if (!proof)
		return;
	if (json_string_length(json_object_get(proof, "cluster_id")) == 0)
		json_object_set_new(proof, "cluster_id", key_new_text(cfg->cluster_id));
	if (json_string_length(json_object_get(proof, "role")) == 0)
		json_object_set_new(proof, "role", key_new_text("admin"));
	text = json_dumps(proof, JSON_COMPACT);
	if (text)
		(void)text_copy(cfg->admin_proof, sizeof(cfg->admin_proof), bytes_str(text));
	free(text);
	json_decref(proof);
}

/* On the heap: it has 42 KB, and pages of the stack that were touched once stay the process's. */
static void drop(struct config *cfg)
{
	config_deinit(cfg);
	free(cfg);
}

int config_parse(struct bytes text, struct config *ret, struct config_report *report)
{
	unsigned before = report->errors;
	struct config *fresh;
	json_t *root = config_json(text, report);

	if (!root)
		return P2P_ERR_CONFIG;
	fresh = xmalloc(sizeof(*fresh));
	config_init(fresh);
	check_names(root, "", report);
	read_values(root, fresh, report);
	read_legacy(root, fresh);
	complete_proof(fresh);
	json_decref(root);
	if (report->errors == before)
		config_check(fresh, report);
	if (report->errors == before)
		*ret = *fresh;
	drop(fresh);
	return report->errors == before ? 0 : P2P_ERR_CONFIG;
}

/* What its mode means for the secrets in it. */
static int check_mode(
	const char *path, unsigned mode, const struct config *cfg, struct config_report *report)
{
	if (*cfg->auto_tls.forge_auth && mode & 007)
		config_warning(report, "/auto_tls/forge_auth",
			"is in a file that everybody can read; run: chmod o= %s", path);
	if (*cfg->node_private_key && mode & 077) {
		config_error(report, "/node_private_key",
			"is in a file that others can read; run: chmod 600 %s", path);
		return P2P_ERR_CONFIG;
	}
	return 0;
}

int config_load(const char *path, struct config *ret, struct config_report *report)
{
	struct buf text = BUF_SECRET(CONFIG_BYTES_MAX);
	struct file_info info;
	struct config *fresh;
	int err = file_read(path, &text, &info);

	if (err == P2P_ERR_TOO_LARGE) {
		config_error(report, "", "%s is larger than %d bytes", path, CONFIG_BYTES_MAX);
		return P2P_ERR_CONFIG;
	}
	if (err) {
		if (err != P2P_ERR_NOT_FOUND)
			config_error(report, "", "%s cannot be read: %s", path, err_text(err));
		return err;
	}
	fresh = xmalloc(sizeof(*fresh));
	err = config_parse(buf_bytes(&text), fresh, report);
	buf_deinit(&text);
	if (!err)
		err = check_mode(path, info.mode, fresh, report);
	if (!err)
		*ret = *fresh;
	drop(fresh);
	return err;
}
