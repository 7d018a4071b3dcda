/* SPDX-License-Identifier: Apache-2.0 */
/* words.c: values that are one word of a short list, true or false, on or off. */
#include "config/keys.h"

#include "proto/base/err.h"
#include "proto/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- one word of a list, stored as an enum ---- */

bool key_word(const char *words, size_t i, char *to, size_t size)
{
	const char *end;

	for (; i > 0; i--) {
		words = strchr(words, '|');
		if (!words)
			return false;
		words++;
	}
	end = strchrnul(words, '|');
	return text_copy(to, size, bytes_of(words, (size_t)(end - words)));
}

/* The number of a word, -1 for none; the original compares without case. */
static int find_word(const char *words, struct bytes text)
{
	char word[32];

	for (int i = 0; key_word(words, (size_t)i, word, sizeof(word)); i++)
		if (text.len == strlen(word) && strncasecmp(word, (const char *)text.at, text.len) == 0)
			return i;
	return -1;
}

/* The default, because the value is out of range. */
bool key_fall_back(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	char pointer[CONFIG_POINTER_SIZE];
	char *given = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	json_t *fallback = json_loads(k->fallback, JSON_DECODE_ANY, NULL);

	config_warning(r, key_pointer(k, -1, pointer), "%.60s is not possible here; %s is used",
		given ? given : "the value", k->fallback);
	(void)k->kind->set(k, fallback, at, r); /* a default is always good */
	json_decref(fallback);
	free(given);
	return true;
}

static bool set_word(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct bytes text = key_text(v);
	char list[160];
	int i;

	if (!json_is_string(v))
		return key_wrong_type(k, -1, "a string", r);
	i = find_word(k->words, text);
	if (i >= 0) {
		memcpy(at, &(unsigned){(unsigned)i}, sizeof(unsigned)); /* enums are unsigned here */
		return true;
	}
	if (k->flags & KEY_FALLS_BACK) {
		/* "" is how the original writes "not set". */
		static const struct config_report none;
		struct config_report quiet = none;

		return key_fall_back(k, v, at, text.len ? r : &quiet);
	}
	snprintf(list, sizeof(list), "must be one of %s", k->words);
	return key_fault(k, r, list, text);
}

static json_t *get_word(const struct config_key *k, const void *at)
{
	char word[32];
	unsigned i;

	memcpy(&i, at, sizeof(i));
	if (!key_word(k->words, i, word, sizeof(word)))
		assert(!"an enum value without a word");
	return key_new_text(word);
}

static json_t *schema_word(const struct config_key *k)
{
	json_t *words = json_array();
	char word[32];

	for (size_t i = 0; key_word(k->words, i, word, sizeof(word)); i++)
		json_array_append_new(words, key_new_text(word));
	return json_pack("{s:o}", "enum", words);
}

const struct key_kind kind_word = {set_word, get_word, schema_word};

/* ---- several words of a list, in an order that counts ---- */

static bool order_has(const struct config_order *o, int word)
{
	for (unsigned i = 0; i < o->count; i++)
		if (o->at[i] == word)
			return true;
	return false;
}

static bool set_order(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config_order fresh = {0};
	char list[160];
	json_t *item;
	size_t i;

	if (!json_is_array(v) || !json_array_size(v))
		return key_wrong_type(k, -1, "a list with at least one word", r);
	json_array_foreach (v, i, item) {
		int word = json_is_string(item) ? find_word(k->words, key_text(item)) : -1;

		if (word < 0) {
			snprintf(list, sizeof(list), "each must be one of %s", k->words);
			return key_fault(k, r, list, key_text(item));
		}
		if (order_has(&fresh, word))
			return key_fault(k, r, "names a word twice", key_text(item));
		fresh.at[fresh.count++] = (uint8_t)word; /* no more than there are words */
	}
	*(struct config_order *)at = fresh;
	return true;
}

static json_t *get_order(const struct config_key *k, const void *at)
{
	const struct config_order *o = at;
	json_t *list = json_array();
	char word[32];

	for (unsigned i = 0; i < o->count; i++)
		if (key_word(k->words, o->at[i], word, sizeof(word)))
			json_array_append_new(list, key_new_text(word));
	return list;
}

static json_t *schema_order(const struct config_key *k)
{
	return json_pack("{s:s, s:o, s:i, s:b}", "type", "array", "items", schema_word(k), "minItems",
		1, "uniqueItems", 1);
}

const struct key_kind kind_order = {set_order, get_order, schema_order};

/* ---- true and false ---- */

static bool set_bool(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	if (!json_is_boolean(v))
		return key_wrong_type(k, -1, "true or false", r);
	*(bool *)at = json_is_true(v);
	return true;
}

static json_t *get_bool(const struct config_key *k, const void *at)
{
	(void)k;
	return json_boolean(*(const bool *)at);
}

static json_t *schema_bool(const struct config_key *k)
{
	(void)k;
	return json_pack("{s:s}", "type", "boolean");
}

const struct key_kind kind_bool = {set_bool, get_bool, schema_bool};

/* "on" and "off", or a boolean. */
static bool set_switch(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	int i;

	if (json_is_boolean(v))
		return set_bool(k, v, at, r);
	i = json_is_string(v) ? find_word("off|on", key_text(v)) : -1;
	if (i < 0)
		return key_wrong_type(k, -1, "\"on\" or \"off\"", r);
	*(bool *)at = i == 1;
	return true;
}

static json_t *get_switch(const struct config_key *k, const void *at)
{
	(void)k;
	return key_new_text(*(const bool *)at ? "on" : "off");
}

static json_t *schema_switch(const struct config_key *k)
{
	(void)k;
	return json_pack("{s:[s,s,b,b]}", "enum", "on", "off", 1, 0);
}

const struct key_kind kind_switch = {set_switch, get_switch, schema_switch};

/* ---- words of enums, for everybody else ---- */

static const char *word_name(const char *const *names, unsigned i, unsigned count)
{
	return i < count ? names[i] : "unknown";
}

const char *network_mode_name(enum network_mode mode)
{
	static const char *const names[] = {"auto", "public", "private"};

	return word_name(names, mode, 3);
}

const char *autotls_mode_name(enum autotls_mode mode)
{
	static const char *const names[] = {"auto", "on", "off"};

	return word_name(names, mode, 3);
}

const char *update_channel_name(enum update_channel channel)
{
	static const char *const names[] = {"stable", "develop"};

	return word_name(names, channel, 2);
}

const char *doh_mode_name(enum doh_mode mode)
{
	static const char *const names[] = {"off", "fallback", "prefer"};

	return word_name(names, mode, 3);
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};

	return word_name(names, level, 4);
}

int log_level_parse(const char *word, enum log_level *ret)
{
	int i = find_word(LOG_LEVEL_WORDS, bytes_str(word));

	if (i < 0)
		return P2P_ERR_INVALID;
	*ret = (enum log_level)i;
	return 0;
}
