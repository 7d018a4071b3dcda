/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c: keys and the admin proof as values of the configuration. */
#include "config/keys.h"

#include "proto/base/text.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- keys; `at` is the flag in front of the public one ---- */

static struct config *config_of_system_key(void *at)
{
	return (struct config *)(void *)((char *)at - offsetof(struct config, has_system_key));
}

static bool set_public_key(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config *cfg = config_of_system_key(at);

	if (!json_is_string(v))
		return key_wrong_type(k, -1, "a string", r);
	cfg->has_system_key = key_text(v).len > 0;
	if (cfg->has_system_key && key_public_parse_text(key_text(v), &cfg->system_key) != 0)
		return key_fault(k, r, "is no Ed25519 public key in base64", key_text(v));
	return true;
}

static json_t *get_public_key(const struct config_key *k, const void *at)
{
	const struct config *cfg = config_of_system_key((void *)(uintptr_t)at);
	char text[KEY_TEXT_SIZE];

	(void)k;
	return key_new_text(cfg->has_system_key ? key_public_text(&cfg->system_key, text) : "");
}

static json_t *schema_key(const struct config_key *k)
{
	(void)k;
	return json_pack("{s:s, s:I}", "type", "string", "maxLength",
		(json_int_t)(CONFIG_SECRET_SIZE - 1));
}

const struct key_kind kind_public_key = {set_public_key, get_public_key, schema_key};

static bool set_private_key(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct key_pair pair;

	if (!kind_text.set(k, v, at, r))
		return false;
	if (*(char *)at == '\0')
		return true;
	if (key_private_parse_text(bytes_str(at), &pair) != 0)
		return key_fault(k, r, "is no Ed25519 private key in base64", BYTES_NONE);
	key_pair_deinit(&pair);
	return true;
}

static json_t *get_private_key(const struct config_key *k, const void *at)
{
	return kind_text.get(k, at);
}

const struct key_kind kind_private_key = {set_private_key, get_private_key, schema_key};

/* ---- the admin proof ---- */

static const char *const proof_fields[] = {"cluster_id", "peer_id", "role", "valid_from",
	"valid_to", "sig"};
#define PROOF_FIELDS (sizeof(proof_fields) / sizeof(proof_fields[0]))

/* Only the shape is judged: what a proof is worth is found out by proto/p2pos, and a worthless one
 * never stops the node (P-166). */
static bool set_proof(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	json_t *kept = json_object();
	bool is_empty = true, ok = true;
	char *text;

	if (!json_is_object(v)) {
		json_decref(kept);
		return key_wrong_type(k, -1, "an object", r);
	}
	for (size_t i = 0; i < PROOF_FIELDS; i++) {
		const json_t *field = json_object_get(v, proof_fields[i]);
		struct bytes value = field ? key_text(field) : BYTES_NONE;
		char pointer[CONFIG_POINTER_SIZE];

		if (field && !json_is_string(field)) {
			snprintf(pointer, sizeof(pointer), "/admin_proof/%s", proof_fields[i]);
			config_error(r, pointer, "must be a string");
			ok = false;
			continue;
		}
		is_empty &= value.len == 0;
		json_object_set_new(kept, proof_fields[i],
			json_stringn((const char *)(value.at ? value.at : (const uint8_t *)""),
				value.len));
	}
	text = json_dumps(kept, JSON_COMPACT);
	if (ok && !text_copy(at, k->size, bytes_str(is_empty || !text ? "" : text))) {
		config_warning(r, "/admin_proof", "is too long for a proof; it is ignored");
		*(char *)at = '\0';
	}
	free(text);
	json_decref(kept);
	return ok;
}

static json_t *get_proof(const struct config_key *k, const void *at)
{
	const char *text = at;

	return json_loads(*text ? text : k->fallback, 0, NULL);
}

static json_t *schema_proof(const struct config_key *k)
{
	json_t *fields = json_object();

	(void)k;
	for (size_t i = 0; i < PROOF_FIELDS; i++)
		json_object_set_new(fields, proof_fields[i], json_pack("{s:s}", "type", "string"));
	return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", fields,
		"additionalProperties", 0);
}

const struct key_kind kind_proof = {set_proof, get_proof, schema_proof};
