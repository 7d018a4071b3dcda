/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h: the table of keys and the kinds of values, for the files of this folder. */
#ifndef P2POS_CONFIG_KEYS_H
#define P2POS_CONFIG_KEYS_H

#include "config/config.h"

#include <jansson.h>

enum key_flag {
	KEY_LIVE = 1,      /* a reload applies it without a restart (P-167) */
	KEY_SECRET = 2,    /* never printed */
	KEY_FALLS_BACK = 4, /* a value out of range becomes the default, with a warning (P-161) */
};

struct config_key;

/* How one kind of value is read from JSON, written to it, and described. */
struct key_kind {
	/* Writes the value into `at` (the key's field) or notes the fault. False = fault. */
	bool (*set)(const struct config_key *k, const json_t *v, void *at,
		struct config_report *r);
	/* A new reference. */
	json_t *(*get)(const struct config_key *k, const void *at);
	/* JSON schema of the value without default and description; a new reference. */
	json_t *(*schema)(const struct config_key *k);
};

struct config_key {
	const char *path; /* dotted: "auto_tls.port" */
	const struct key_kind *kind;
	size_t offset;        /* of the field in struct config */
	size_t size;          /* of it */
	uint32_t min, max;    /* of numbers; durations in milliseconds; items of lists: max */
	const char *words;    /* of word kinds: "auto|public|private", in the order of the enum */
	const char *fallback; /* the default as JSON */
	unsigned flags;       /* enum key_flag */
	const char *why;      /* what it is and why the default is what it is; goes into the schema */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

static inline void *key_field(const struct config_key *k, struct config *cfg)
{
	return (char *)cfg + k->offset;
}

static inline const void *key_field_const(const struct config_key *k, const struct config *cfg)
{
	return (const char *)cfg + k->offset;
}

/* "/auto_tls/port" of "auto_tls.port"; `index` >= 0 appends "/3". Returns `to`. */
char *key_pointer(const struct config_key *k, int index, char to[CONFIG_POINTER_SIZE]);

/* Notes that a value has the wrong JSON type. Returns false. */
bool key_wrong_type(const struct config_key *k, int index, const char *wanted,
	struct config_report *r);

/* Notes a fault that quotes the value, unless it is a secret. Returns false. */
bool key_fault(const struct config_key *k, struct config_report *r, const char *what,
	struct bytes value);

/* Puts the default in place of a value out of range and warns. Returns true. */
bool key_fall_back(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r);

/* A string without white space around it, borrowed; empty for another type. */
struct bytes key_text(const json_t *v);
json_t *key_new_text(const char *s);

/* Kinds: single values (values.c, words.c, credentials.c) and lists (lists.c). */
extern const struct key_kind kind_text, kind_cluster_id, kind_uint, kind_duration;
extern const struct key_kind kind_word, kind_order, kind_bool, kind_switch;
extern const struct key_kind kind_public_key, kind_private_key, kind_proof;
extern const struct key_kind kind_bootstrap, kind_listen, kind_multiaddrs, kind_peers,
	kind_servers, kind_endpoint;

/* The i-th word of "a|b|c" into `to`; false past the end. */
bool key_word(const char *words, size_t i, char *to, size_t size);

/* A whole text into its JSON object. Faults go to `r`; NULL then. */
json_t *config_json(struct bytes text, struct config_report *r);

/* The value at a dotted path, or NULL; borrowed. */
json_t *config_json_at(json_t *root, const char *path);

/* Overwrites every given secret in a document with "(set)". */
void config_json_redact(json_t *root);

#endif
