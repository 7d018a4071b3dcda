/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.c: the value of init_connections (p2pos.md section 5; features.md P-040). */
#include "config/keys.h"

#include "proto/base/text.h"

#include <assert.h>
#include <stdio.h>

static bool is_name(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';

		if (!ok || (c == '.' && (i == 0 || text.at[i - 1] == '.')))
			return false;
	}
	return text.len > 0 && text.len <= 253; /* RFC 1035, without the trailing dot */
}

static bool fault(const struct config_key *k, int i, const char *field, struct config_report *r,
	const char *what, struct bytes value)
{
	char pointer[CONFIG_POINTER_SIZE];
	size_t n;

	key_pointer(k, i, pointer);
	n = strlen(pointer);
	snprintf(pointer + n, sizeof(pointer) - n, "/%s", field);
	config_error(r, pointer, "%s: \"%.*s\"", what, (int)(value.len > 100 ? 100 : value.len),
		value.at ? (const char *)value.at : "");
	return false;
}

static bool add_entry(const struct config_key *k, int i, const json_t *item, struct config *cfg,
	struct config_report *r)
{
	struct config_bootstrap entry = {.type = BOOTSTRAP_DNS};
	struct bytes type = key_text(json_object_get(item, "type"));
	struct bytes address = key_text(json_object_get(item, "address"));
	char pointer[CONFIG_POINTER_SIZE];

	if (!json_is_object(item))
		return key_wrong_type(k, i, "an object with type and address", r);
	if (bytes_eq(type, BYTES_LIT("dns"))) {
		if (address.len > 0 && address.at[address.len - 1] == '.')
			address.len--;
		if (!is_name(address))
			return fault(k, i, "address", r, "is no DNS name", address);
		(void)text_copy(entry.name, sizeof(entry.name), address); /* is_name() bounds it */
	} else if (bytes_eq(type, BYTES_LIT("multiaddr"))) {
		entry.type = BOOTSTRAP_MULTIADDR;
		if (maddr_parse(address, &entry.maddr) != 0)
			return fault(k, i, "address", r, "is no multiaddr that is known here",
				address);
	} else if (type.len == 0) {
		return fault(k, i, "type", r, "must be \"dns\" or \"multiaddr\"", type);
	} else {
		config_warning(r, key_pointer(k, i, pointer),
			"is skipped: its type \"%.*s\" is neither dns nor multiaddr",
			(int)(type.len > 40 ? 40 : type.len), (const char *)type.at);
		return true;
	}
	cfg->bootstrap[cfg->bootstrap_count++] = entry;
	return true;
}

static bool set_bootstrap(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config *cfg =
		(struct config *)(void *)((char *)at - offsetof(struct config, bootstrap_count));
	const json_t *item;
	bool ok = true;
	size_t i;

	if (json_is_null(v)) /* the original writes an empty list as null */
		return true;
	if (!json_is_array(v))
		return key_wrong_type(k, -1, "an array", r);
	memset(cfg->bootstrap, 0, sizeof(cfg->bootstrap));
	cfg->bootstrap_count = 0;
	json_array_foreach(v, i, item) {
		if (cfg->bootstrap_count == k->max) {
			config_error(r, "/init_connections", "has more than %u items", k->max);
			return false;
		}
		ok &= add_entry(k, (int)i, item, cfg, r);
	}
	return ok;
}

static json_t *get_bootstrap(const struct config_key *k, const void *at)
{
	const struct config *cfg = (const struct config *)(const void *)((const char *)at -
		offsetof(struct config, bootstrap_count));
	json_t *list = json_array();
	char text[MADDR_TEXT_MAX + 1];

	(void)k;
	for (size_t i = 0; i < cfg->bootstrap_count; i++) {
		const struct config_bootstrap *e = &cfg->bootstrap[i];
		bool dns = e->type == BOOTSTRAP_DNS;

		json_array_append_new(list,
			json_pack("{s:s, s:s}", "type", dns ? "dns" : "multiaddr", "address",
				dns ? e->name : maddr_text(&e->maddr, text)));
	}
	return list;
}

static json_t *schema_bootstrap(const struct config_key *k)
{
	return json_pack("{s:s, s:I, s:{s:s, s:{s:{s:[s,s]}, s:{s:s}}, s:[s,s]}}", "type", "array",
		"maxItems", (json_int_t)k->max, "items", "type", "object", "properties", "type",
		"enum", "dns", "multiaddr", "address", "type", "string", "required", "type",
		"address");
}

const struct key_kind kind_bootstrap = {set_bootstrap, get_bootstrap, schema_bootstrap};
