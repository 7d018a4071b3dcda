/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/tokens.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/multi/maddr.h"
#include "proto/p2pos/json.h"

#define VERSION       1
#define DNS_NAME_MAX  253
#define DNS_LABEL_MAX 63

static const struct json_limits join_limits = {JOIN_TEXT_MAX, 64, BOOTSTRAP_TEXT_MAX};
static const struct json_limits bundle_limits = {BUNDLE_TEXT_MAX, 64, BOOTSTRAP_TEXT_MAX};

static bool is_name_character(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '_';
}

static bool is_dns_name(struct bytes text)
{
	size_t label = 0;

	if (text.len && text.at[text.len - 1] == '.')
		text.len--;
	if (!text.len || text.len > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool dot = text.at[i] == '.';

		if (dot ? label == 0 : !is_name_character(text.at[i]))
			return false;
		label = dot ? 0 : label + 1;
		if (label > DNS_LABEL_MAX)
			return false;
	}
	return label != 0;
}

bool bootstrap_is_valid(struct bytes text)
{
	struct maddr addr;

	if (text.len && text.at[0] == '/')
		return text.len <= BOOTSTRAP_TEXT_MAX && maddr_parse(text, &addr) == 0;
	return is_dns_name(text);
}

void join_token_deinit(struct join_token *t)
{
	for (size_t i = 0; i < t->bootstrap_count; i++)
		free(t->bootstrap[i]);
	*t = (struct join_token){0};
}

int join_token_add_bootstrap(struct join_token *t, struct bytes text)
{
	if (!bootstrap_is_valid(text))
		return P2P_ERR_INVALID;
	if (t->bootstrap_count == JOIN_BOOTSTRAP_MAX)
		return P2P_ERR_FULL;
	t->bootstrap[t->bootstrap_count++] = xstrndup((const char *)text.at, text.len);
	return 0;
}

/* Appends `prefix` and `json` in base64 of that libsodium variant. */
static int print_token(struct buf *out, const char *prefix, struct bytes json, int variant)
{
	size_t start = out->len;
	size_t size = sodium_base64_encoded_len(json.len, variant); /* with its NUL */
	char *to;
	int err = buf_put_str(out, prefix);

	to = err ? NULL : (char *)buf_grow(out, size);
	if (!to) {
		buf_truncate(out, start);
		return P2P_ERR_TOO_LARGE;
	}
	(void)sodium_bin2base64(to, size, json.at, json.len, variant); /* returns `to` */
	buf_truncate(out, out->len - 1);
	return 0;
}

/* Decodes the part behind `prefix`, appended; either base64 alphabet as the variant says. */
static int decode_token(struct bytes text, struct buf *out, int variant)
{
	uint8_t *to = text.len ? buf_grow(out, text.len) : NULL;
	size_t got;

	if (!to)
		return P2P_ERR_INVALID;
	if (sodium_base642bin(to, text.len, (const char *)text.at, text.len, NULL, &got, NULL,
		    variant)) {
		buf_reset(out);
		return P2P_ERR_INVALID;
	}
	buf_truncate(out, got);
	return 0;
}

/* 0 when `v` is the version that this file knows. */
static int check_version(const json_t *o)
{
	const json_t *v = json_object_get(o, "v");

	if (!json_is_integer(v) || json_integer_value(v) < VERSION)
		return P2P_ERR_INVALID;
	return json_integer_value(v) == VERSION ? 0 : P2P_ERR_UNSUPPORTED;
}

static int print_key(struct buf *out, const struct key_public *k)
{
	char text[KEY_TEXT_SIZE];

	return message_put_string(out, bytes_str(key_public_text(k, text)));
}

static int print_join(struct buf *json, const struct join_token *t)
{
	char at[RFC3339_SIZE];

	if (buf_printf(json, "{\"v\":%d,\"cluster_id\":\"%s\",\"system_pubkey\":", VERSION,
		    t->cluster_id) ||
		print_key(json, &t->system) || buf_put_str(json, ",\"bootstrap\":["))
		return P2P_ERR_TOO_LARGE;
	for (size_t i = 0; i < t->bootstrap_count; i++)
		if ((i && buf_put_u8(json, ',')) ||
			message_put_string(json, bytes_str(t->bootstrap[i])))
			return P2P_ERR_TOO_LARGE;
	if (buf_put_u8(json, ']'))
		return P2P_ERR_TOO_LARGE;
	if (t->expires.sec && buf_printf(json, ",\"exp\":\"%s\"", rfc3339_text(t->expires, at)))
		return P2P_ERR_TOO_LARGE;
	return buf_put_u8(json, '}');
}

int join_token_print(struct buf *out, const struct join_token *t)
{
	struct buf json = BUF_WITH_MAX(JOIN_TEXT_MAX);
	int err;

	if (!cluster_id_is_valid(bytes_str(t->cluster_id)))
		return P2P_ERR_INVALID;
	err = print_join(&json, t);
	if (!err)
		err = print_token(out, JOIN_PREFIX, buf_bytes(&json),
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_deinit(&json);
	return err;
}

static int join_from_json(const json_t *o, struct join_token *t)
{
	const json_t *list = json_object_get(o, "bootstrap"), *v;
	struct bytes key;
	size_t i;
	int err = check_version(o);

	if (err)
		return err;
	if (message_cluster_id(o, t->cluster_id) || !t->cluster_id[0] ||
		message_text(o, "system_pubkey", JSON_TEXT_MAX, &key) ||
		key_public_parse_text(key, &t->system) || !json_is_array(list))
		return P2P_ERR_INVALID;
	if (json_object_get(o, "exp") &&
		(message_time(o, "exp", &t->expires) || t->expires.sec <= 0))
		return P2P_ERR_INVALID;
	json_array_foreach(list, i, v)
		if (join_token_add_bootstrap(t,
			    bytes_of(json_string_value(v), json_string_length(v))))
			return P2P_ERR_INVALID;
	return 0;
}

int join_token_parse(struct bytes text, struct join_token *ret)
{
	struct buf json = BUF_WITH_MAX(JOIN_TEXT_MAX);
	struct join_token t = {0};
	json_t *o = NULL;
	int err = P2P_ERR_INVALID;

	text = text_trim(text);
	if (text.len > JOIN_TEXT_MAX || !bytes_starts(text, BYTES_LIT(JOIN_PREFIX)))
		return P2P_ERR_INVALID;
	text = bytes_from(text, strlen(JOIN_PREFIX));
	while (text.len && text.at[text.len - 1] == '=')
		text.len--;
	if (!decode_token(text, &json, sodium_base64_VARIANT_URLSAFE_NO_PADDING) &&
		!message_load(buf_bytes(&json), &join_limits, &o))
		err = join_from_json(o, &t);
	json_decref(o);
	buf_deinit(&json);
	if (err)
		join_token_deinit(&t);
	else
		*ret = t;
	return err;
}

void admin_bundle_deinit(struct admin_bundle *b)
{
	key_pair_deinit(&b->admin);
	mem_wipe(b, sizeof(*b));
}

/* Do key, proof and cluster belong together? */
static bool is_consistent(const struct admin_bundle *b)
{
	struct admin_proof_rules rules = {.cluster_id = b->cluster_id, .at = b->proof.valid_from};
	struct peer_id admin;

	key_pair_peer_id(&b->admin, &admin);
	rules.peer = &admin;
	return cluster_id_is_valid(bytes_str(b->cluster_id)) &&
		(!b->bootstrap[0] || bootstrap_is_valid(bytes_str(b->bootstrap))) &&
		admin_proof_check_fields(&b->proof, &rules) == ADMIN_PROOF_OK &&
		(!b->has_system || admin_proof_verify(&b->proof, &b->system) == 0);
}

static int print_bundle(struct buf *json, const struct admin_bundle *b)
{
	char priv[KEY_TEXT_SIZE];
	int err = buf_printf(json, "{\"v\":%d,\"cluster_id\":\"%s\",\"bootstrap\":", VERSION,
		b->cluster_id);

	if (!err)
		err = message_put_string(json, bytes_str(b->bootstrap));
	if (!err)
		err = buf_put_str(json, ",\"admin_priv\":");
	if (!err)
		err = message_put_string(json, bytes_str(key_private_text(&b->admin, priv)));
	mem_wipe(priv, sizeof(priv));
	if (!err)
		err = buf_put_str(json, ",\"admin_proof\":");
	if (!err)
		err = admin_proof_print(json, &b->proof);
	if (!err && b->has_system)
		err = buf_put_str(json, ",\"system_pubkey\":");
	if (!err && b->has_system)
		err = print_key(json, &b->system);
	return err ? err : buf_put_u8(json, '}');
}

int admin_bundle_print(struct buf *out, const struct admin_bundle *b)
{
	struct buf json = BUF_SECRET(BUNDLE_TEXT_MAX);
	int err;

	if (!is_consistent(b))
		return P2P_ERR_INVALID;
	err = print_bundle(&json, b);
	if (!err)
		err = print_token(out, BUNDLE_PREFIX, buf_bytes(&json),
			sodium_base64_VARIANT_ORIGINAL);
	buf_deinit(&json);
	return err;
}

static int read_bundle_keys(const json_t *o, struct admin_bundle *b)
{
	struct bytes priv, system;

	if (message_text(o, "admin_priv", JSON_TEXT_MAX, &priv) ||
		key_private_parse_text(priv, &b->admin) ||
		message_text(o, "system_pubkey", JSON_TEXT_MAX, &system))
		return P2P_ERR_INVALID;
	b->has_system = system.len != 0;
	if (b->has_system && key_public_parse_text(system, &b->system))
		return P2P_ERR_INVALID;
	return 0;
}

static int bundle_from_json(const json_t *o, struct admin_bundle *b)
{
	struct bytes bootstrap;
	int err = check_version(o);

	if (err)
		return err;
	if (message_cluster_id(o, b->cluster_id) ||
		message_text(o, "bootstrap", BOOTSTRAP_TEXT_MAX, &bootstrap) ||
		admin_proof_from_json(json_object_get(o, "admin_proof"), &b->proof) ||
		read_bundle_keys(o, b))
		return P2P_ERR_INVALID;
	(void)text_copy(b->bootstrap, sizeof(b->bootstrap), bootstrap); /* its length was checked */
	return is_consistent(b) ? 0 : P2P_ERR_INVALID;
}

/* jansson frees its strings as they are, so the key's text is overwritten where it lies. */
static void wipe_private_text(json_t *o)
{
	json_t *v = json_object_get(o, "admin_priv");

	if (json_is_string(v))
		mem_wipe((char *)(uintptr_t)json_string_value(v), json_string_length(v));
}

int admin_bundle_parse(struct bytes text, struct admin_bundle *ret)
{
	struct buf json = BUF_SECRET(BUNDLE_TEXT_MAX);
	struct admin_bundle b = {0};
	json_t *o = NULL;
	int err = P2P_ERR_INVALID;

	text = text_trim(text);
	if (text.len > BUNDLE_TEXT_MAX)
		return P2P_ERR_INVALID;
	if (bytes_starts(text, BYTES_LIT(BUNDLE_PREFIX)))
		err = decode_token(bytes_from(text, strlen(BUNDLE_PREFIX)), &json,
			sodium_base64_VARIANT_ORIGINAL);
	else if (bytes_starts(text, BYTES_LIT("{")))
		err = buf_put(&json, text);
	if (!err)
		err = message_load(buf_bytes(&json), &bundle_limits, &o) ? P2P_ERR_INVALID : 0;
	if (!err)
		err = bundle_from_json(o, &b);
	wipe_private_text(o);
	json_decref(o);
	buf_deinit(&json);
	if (!err)
		*ret = b;
	admin_bundle_deinit(&b);
	return err;
}
