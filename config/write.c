/* SPDX-License-Identifier: Apache-2.0 */
/* write.c: struct to JSON; one key of a file changed; which keys differ; the schema. */
#include "config/keys.h"

#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/text.h"

#include <stdlib.h>

#define CONFIG_FILE_MODE 0600
#define INDENTED         (JSON_INDENT(2) | JSON_REAL_PRECISION(15))

/* Sets a value at a dotted path, making the section when it is not there. Steals `v`. */
static void put_at(json_t *root, const char *path, json_t *v)
{
	const char *dot = strchr(path, '.');
	char section[64];
	json_t *inner;

	if (!dot) {
		json_object_set_new(root, path, v);
		return;
	}
	(void)text_copy(section, sizeof(section), bytes_of(path, (size_t)(dot - path)));
	inner = json_object_get(root, section);
	if (!json_is_object(inner)) {
		json_object_set_new(root, section, json_object());
		inner = json_object_get(root, section);
	}
	put_at(inner, dot + 1, v);
}

static json_t *to_json(const struct config *cfg)
{
	json_t *root = json_object();

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];

		put_at(root, k->path, k->kind->get(k, key_field_const(k, cfg)));
	}
	return root;
}

void config_json_redact(json_t *root)
{
	for (size_t i = 0; i < config_key_count; i++) {
		json_t *v = config_json_at(root, config_keys[i].path);

		/* Whatever type it has: a number in place of a key may still be secret. */
		if (v && config_keys[i].flags & KEY_SECRET &&
			!(json_is_string(v) && json_string_length(v) == 0))
			put_at(root, config_keys[i].path, key_new_text("(set)"));
	}
}

static int dump(const json_t *v, size_t flags, struct buf *out)
{
	char *text = json_dumps(v, flags | JSON_ENCODE_ANY);
	size_t before = out->len;
	int err;

	if (!text)
		return P2P_ERR_JSON;
	err = buf_put_str(out, text);
	if (!err && !(flags & JSON_COMPACT))
		err = buf_put_str(out, "\n");
	if (err)
		buf_truncate(out, before);
	explicit_bzero(text, strlen(text)); /* it may hold a secret */
	free(text);
	return err;
}

int config_write(const struct config *cfg, enum config_secrets secrets, struct buf *out)
{
	json_t *root = to_json(cfg);
	int err;

	if (secrets == CONFIG_HIDE_SECRETS)
		config_json_redact(root);
	err = dump(root, INDENTED, out);
	json_decref(root);
	return err;
}

int config_redact(struct bytes text, struct buf *out)
{
	struct config_report report = {0};
	json_t *root = config_json(text, &report);
	int err;

	if (!root)
		return P2P_ERR_CONFIG;
	config_json_redact(root);
	err = dump(root, INDENTED, out);
	json_decref(root);
	return err;
}

int config_get(const struct config *cfg, const char *path, struct buf *out)
{
	json_t *root = to_json(cfg);
	json_t *v;
	int err;

	config_json_redact(root);
	v = config_json_at(root, path);
	err = v ? dump(v, JSON_COMPACT, out) : P2P_ERR_NOT_FOUND;
	json_decref(root);
	return err;
}

int config_create(const char *path)
{
	struct buf text = BUF_WITH_MAX(CONFIG_BYTES_MAX);
	struct config cfg;
	int err;

	config_init(&cfg);
	err = config_write(&cfg, CONFIG_SHOW_SECRETS, &text);
	if (!err)
		err = file_create(path, buf_bytes(&text), CONFIG_FILE_MODE);
	buf_deinit(&text);
	return err;
}

static bool is_key(const char *path)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].path, path) == 0)
			return true;
	return false;
}

static void suggest(const char *path, struct config_report *r)
{
	const char *guess = NULL;
	unsigned best = 4; /* further away it would be a guess */

	for (size_t i = 0; i < config_key_count; i++) {
		unsigned d = text_distance(config_keys[i].path, path, best);

		if (d < best) {
			best = d;
			guess = config_keys[i].path;
		}
	}
	if (guess)
		config_error(r, "", "there is no key \"%.64s\"; did you mean \"%s\"?", path, guess);
	else
		config_error(r, "", "there is no key \"%.64s\"", path);
}

int config_set(struct bytes text, const char *path, struct bytes value, struct buf *out,
	struct config_report *report)
{
	size_t before = out->len;
	struct config checked;
	json_t *root, *v;
	int err;

	if (!is_key(path)) {
		suggest(path, report);
		return P2P_ERR_NOT_FOUND;
	}
	root = config_json(text, report);
	if (!root)
		return P2P_ERR_CONFIG;
	v = json_loadb((const char *)value.at, value.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
		NULL);
	if (!v)
		v = json_stringn(value.len ? (const char *)value.at : "", value.len); /* `config set log.level debug` */
	if (!v) {
		config_error(report, "", "the value is not valid UTF-8");
		json_decref(root);
		return P2P_ERR_CONFIG;
	}
	put_at(root, path, v);
	err = dump(root, INDENTED, out);
	json_decref(root);
	if (!err)
		err = config_parse(bytes_from(buf_bytes(out), before), &checked, report);
	if (err)
		buf_truncate(out, before);
	else
		config_deinit(&checked);
	return err;
}

size_t config_diff(const struct config *a, const struct config *b,
	struct config_change ret[CONFIG_CHANGES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < config_key_count && n < CONFIG_CHANGES_MAX; i++) {
		const struct config_key *k = &config_keys[i];
		json_t *was = k->kind->get(k, key_field_const(k, a));
		json_t *is = k->kind->get(k, key_field_const(k, b));

		if (!json_equal(was, is))
			ret[n++] = (struct config_change){k->path, !(k->flags & KEY_LIVE)};
		json_decref(was);
		json_decref(is);
	}
	return n;
}

void config_keep_running(struct config *fresh, const struct config *running)
{
	struct config_report ignored = {0}; /* the values have been accepted once already */

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		json_t *was;

		if (k->flags & KEY_LIVE)
			continue;
		was = k->kind->get(k, key_field_const(k, running));
		(void)k->kind->set(k, was, key_field(k, fresh), &ignored);
		json_decref(was);
	}
}

int config_schema(struct buf *out)
{
	json_t *root = json_pack("{s:s, s:s, s:s, s:b, s:{s:{}}, s:{}}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title", "p2posd config.json",
		"type", "object", "additionalProperties", 0, "patternProperties",
		"^(x-.*|[$]schema)$", "properties");
	json_t *properties = json_object_get(root, "properties");
	int err;

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		json_t *v = k->kind->schema(k), *section = properties;
		const char *name = k->path, *dot = strchr(name, '.');
		char word[64];

		json_object_set_new(v, "default", json_loads(k->fallback, JSON_DECODE_ANY, NULL));
		json_object_set_new(v, "description", key_new_text(k->why));
		if (dot) {
			(void)text_copy(word, sizeof(word), bytes_of(name, (size_t)(dot - name)));
			if (!json_object_get(properties, word))
				json_object_set_new(properties, word,
					json_pack("{s:s, s:b, s:{}}", "type", "object",
						"additionalProperties", 0, "properties"));
			section = json_object_get(json_object_get(properties, word), "properties");
			name = dot + 1;
		}
		json_object_set_new(section, name, v);
	}
	err = dump(root, INDENTED, out);
	json_decref(root);
	return err;
}
