/* SPDX-License-Identifier: Apache-2.0 */
/* values.c: the kinds of single values: text, cluster id, numbers, durations. */
#include "config/keys.h"

#include "proto/base/err.h"
#include "proto/base/text.h"
#include "proto/p2pos/cluster_id.h"

#include <assert.h>
#include <stdio.h>

#define DURATION_MAX_MS (24u * 60 * 60 * 1000)

struct bytes key_text(const json_t *v)
{
	return text_trim(bytes_of(json_string_value(v), json_string_length(v)));
}

json_t *key_new_text(const char *s)
{
	json_t *v = json_string(s);

	/* Every text in the struct came out of valid JSON or is ours. */
	assert(v);
	return v;
}

bool key_fault(const struct config_key *k, struct config_report *r, const char *what,
	struct bytes value)
{
	char pointer[CONFIG_POINTER_SIZE];

	if (k->flags & KEY_SECRET)
		config_error(r, key_pointer(k, -1, pointer), "%s", what);
	else
		config_error(r, key_pointer(k, -1, pointer), "%s: \"%.*s\"", what,
			(int)(value.len > 100 ? 100 : value.len), (const char *)value.at);
	return false;
}

/* ---- text ---- */

static bool set_text(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct bytes text = key_text(v);

	if (!json_is_string(v))
		return key_wrong_type(k, -1, "a string", r);
	if (text.len >= k->size) {
		char pointer[CONFIG_POINTER_SIZE];

		config_error(r, key_pointer(k, -1, pointer), "is longer than %zu bytes",
			k->size - 1);
		return false;
	}
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < ' ' || text.at[i] == 0x7f)
			return key_fault(k, r, "contains a control character", text);
	return text_copy(at, k->size, text);
}

static json_t *get_text(const struct config_key *k, const void *at)
{
	(void)k;
	return key_new_text(at);
}

static json_t *schema_text(const struct config_key *k)
{
	return json_pack("{s:s, s:I}", "type", "string", "maxLength",
		(json_int_t)(k->size ? k->size - 1 : 512));
}

const struct key_kind kind_text = {set_text, get_text, schema_text};

/* ---- cluster id ---- */

static bool set_cluster_id(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct bytes text = key_text(v);

	if (!json_is_string(v))
		return key_wrong_type(k, -1, "a string", r);
	if (text.len == 0) {
		config_warning(r, "/cluster_id", "is empty; \"default\" is used");
		return text_copy(at, k->size, BYTES_LIT("default"));
	}
	if (cluster_id_parse(text, at) != 0)
		return key_fault(k, r, "must be 1 to 64 of A-Z a-z 0-9 . _ -", text);
	return true;
}

static json_t *schema_cluster_id(const struct config_key *k)
{
	(void)k;
	return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[A-Za-z0-9._-]{0,64}$");
}

const struct key_kind kind_cluster_id = {set_cluster_id, get_text, schema_cluster_id};

/* ---- whole numbers, in a field of two or four bytes ---- */

static bool set_uint(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	json_int_t n = json_integer_value(v);
	char what[64];

	if (!json_is_integer(v))
		return key_wrong_type(k, -1, "a whole number", r);
	if (n < (json_int_t)k->min || n > (json_int_t)k->max) {
		if (k->flags & KEY_FALLS_BACK)
			return key_fall_back(k, v, at, r);
		snprintf(what, sizeof(what), "must be from %u to %u", k->min, k->max);
		config_error(r, key_pointer(k, -1, (char[CONFIG_POINTER_SIZE]){0}), "%s", what);
		return false;
	}
	if (k->size == sizeof(uint16_t))
		*(uint16_t *)at = (uint16_t)n;
	else
		*(uint32_t *)at = (uint32_t)n;
	return true;
}

static json_t *get_uint(const struct config_key *k, const void *at)
{
	return json_integer(k->size == sizeof(uint16_t) ? *(const uint16_t *)at
							: *(const uint32_t *)at);
}

static json_t *schema_uint(const struct config_key *k)
{
	return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)k->min,
		"maximum", (json_int_t)k->max);
}

const struct key_kind kind_uint = {set_uint, get_uint, schema_uint};

/* ---- durations ---- */

static uint32_t unit_ms(const char **at)
{
	static const struct {
		const char *name;
		uint32_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*at, units[i].name, n) == 0 && (n > 1 || (*at)[1] != 's')) {
			*at += n;
			return units[i].ms;
		}
	}
	return 0;
}

int config_parse_duration(struct bytes text, uint32_t *ret_ms)
{
	char copy[32];
	const char *at = copy;
	uint64_t sum = 0;

	if (text.len == 0 || !text_copy(copy, sizeof(copy), text))
		return P2P_ERR_INVALID;
	while (*at) {
		uint64_t n = 0;
		uint32_t unit;

		if (*at < '0' || *at > '9')
			return P2P_ERR_INVALID;
		for (; *at >= '0' && *at <= '9'; at++) {
			n = n * 10 + (uint64_t)(*at - '0');
			if (n > DURATION_MAX_MS)
				return P2P_ERR_TOO_LARGE;
		}
		unit = unit_ms(&at);
		if (unit == 0)
			return P2P_ERR_INVALID;
		sum += n * unit;
		if (sum > DURATION_MAX_MS)
			return P2P_ERR_TOO_LARGE;
	}
	*ret_ms = (uint32_t)sum;
	return 0;
}

static char *duration_text(uint32_t ms, char to[32])
{
	if (ms % 1000)
		snprintf(to, 32, "%ums", ms);
	else
		snprintf(to, 32, "%us", ms / 1000);
	return to;
}

static bool set_duration(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	char low[32], high[32], pointer[CONFIG_POINTER_SIZE];
	uint32_t ms;
	int err;

	if (!json_is_string(v))
		return key_wrong_type(k, -1, "a duration in quotes, such as \"30s\"", r);
	err = config_parse_duration(key_text(v), &ms);
	if (err == P2P_ERR_INVALID)
		return key_fault(k, r, "is no duration (write it like 500ms, 30s, 1m)", key_text(v));
	if (err || ms < k->min || ms > k->max) {
		config_error(r, key_pointer(k, -1, pointer), "must be from %s to %s",
			duration_text(k->min, low), duration_text(k->max, high));
		return false;
	}
	*(uint32_t *)at = ms;
	return true;
}

static json_t *get_duration(const struct config_key *k, const void *at)
{
	char text[32];

	(void)k;
	return key_new_text(duration_text(*(const uint32_t *)at, text));
}

static json_t *schema_duration(const struct config_key *k)
{
	(void)k;
	return json_pack("{s:s, s:s}", "type", "string", "pattern", "^([0-9]+(ms|s|m|h))+$");
}

const struct key_kind kind_duration = {set_duration, get_duration, schema_duration};
