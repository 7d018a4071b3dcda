/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot's life and its JSON; snapshot_check.c judges it. */
#include "proto/p2pos/snapshot.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/p2pos/json.h"
#include "proto/p2pos/snapshot_inside.h"

void snapshot_deinit(struct snapshot *s)
{
	free(s->members);
	buf_deinit(&s->raw);
	buf_deinit(&s->texts);
	*s = (struct snapshot){0};
}

/* The signed text joins members with commas and fields with bars, so ["a,b"] and ["a","b"] would
 * carry the same signature with another N. Control characters serve nobody either. */
static bool is_separable(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == ',' || text.at[i] == '|' || text.at[i] < 0x20 ||
			text.at[i] == 0x7f)
			return false;
	return true;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(((const struct snapshot_member *)a)->text,
		((const struct snapshot_member *)b)->text);
}

static int compare_peers(const void *a, const void *b)
{
	return peer_id_cmp(a, b);
}

/* Entries that name nobody, and further spellings of a peer. */
static size_t count_odd(const struct snapshot *s)
{
	struct peer_id *peers = xcalloc(s->member_count, sizeof(*peers));
	size_t named = 0, odd = 0;

	for (size_t i = 0; i < s->member_count; i++)
		if (!peer_id_is_none(&s->members[i].peer))
			peers[named++] = s->members[i].peer;
	odd = s->member_count - named;
	qsort(peers, named, sizeof(*peers), compare_peers);
	for (size_t i = 1; i < named; i++)
		odd += peer_id_eq(&peers[i - 1], &peers[i]);
	free(peers);
	return odd;
}

void snapshot_take_texts(struct snapshot *s, struct buf *take_texts, size_t count)
{
	const char *at;
	size_t kept = 0;

	buf_swap(&s->texts, take_texts);
	buf_deinit(take_texts);
	if (!count)
		return;
	s->members = xcalloc(count, sizeof(*s->members));
	at = (const char *)s->texts.data;
	for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
		s->members[i].text = at;
	qsort(s->members, count, sizeof(*s->members), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(s->members[kept - 1].text, s->members[i].text) != 0)
			s->members[kept++] = s->members[i];
	s->member_count = kept;
	for (size_t i = 0; i < kept; i++)
		if (peer_id_parse(bytes_str(s->members[i].text), &s->members[i].peer))
			s->members[i].peer = PEER_ID_NONE;
	s->odd_count = count_odd(s);
}

static enum snapshot_reason read_members(const json_t *array, struct snapshot *s)
{
	struct buf texts = BUF_WITH_MAX(SNAPSHOT_BYTES_MAX);
	enum snapshot_reason bad = SNAPSHOT_OK;
	const json_t *v;
	size_t i, count = 0;

	if (!array || json_is_null(array))
		return SNAPSHOT_OK; /* missing: members_empty when it is checked */
	if (!json_is_array(array))
		return SNAPSHOT_FIELD_INVALID;
	json_array_foreach(array, i, v) {
		struct bytes text = bytes_of(json_string_value(v), json_string_length(v));

		text = text_trim(text);
		if (!json_is_string(v))
			bad = SNAPSHOT_FIELD_INVALID;
		else if (text.len > SNAPSHOT_MEMBER_TEXT_MAX || !is_separable(text))
			bad = SNAPSHOT_MEMBER_INVALID;
		else if (text.len && (buf_put(&texts, text) || buf_put_u8(&texts, '\0')))
			bad = SNAPSHOT_TOO_LARGE;
		if (bad != SNAPSHOT_OK) {
			buf_deinit(&texts);
			return bad;
		}
		count += text.len != 0;
	}
	snapshot_take_texts(s, &texts, count);
	return s->member_count > MEMBERS_MAX ? SNAPSHOT_MEMBERS_TOO_MANY : SNAPSHOT_OK;
}

static enum snapshot_reason read_fields(const json_t *o, struct snapshot *s)
{
	const json_t *proof = json_object_get(o, "admin_proof");

	if (!json_is_object(o) || message_cluster_id(o, s->cluster_id) ||
		message_time(o, "issued_at", &s->issued_at) ||
		message_peer(o, "issuer_peer_id", &s->issuer) || message_signature(o, &s->sig))
		return SNAPSHOT_FIELD_INVALID;
	if (proof && !json_is_null(proof) && admin_proof_from_json(proof, &s->proof))
		return SNAPSHOT_FIELD_INVALID;
	return read_members(json_object_get(o, "members"), s);
}

/* Everything but `raw`. On failure nothing is owned. */
static int from_json(const json_t *o, struct snapshot *ret, enum snapshot_reason *reason)
{
	struct snapshot s = {.issued_at = WALL_ZERO, .proof = ADMIN_PROOF_EMPTY};

	*reason = read_fields(o, &s);
	if (*reason != SNAPSHOT_OK) {
		snapshot_deinit(&s);
		return *reason == SNAPSHOT_TOO_LARGE || *reason == SNAPSHOT_MEMBERS_TOO_MANY
			? P2P_ERR_TOO_LARGE
			: P2P_ERR_INVALID;
	}
	snapshot_hash(&s);
	*ret = s;
	return 0;
}

int snapshot_parse(struct bytes json, struct snapshot *ret, enum snapshot_reason *ret_reason)
{
	enum snapshot_reason reason = SNAPSHOT_MALFORMED;
	json_t *o;
	int err = message_load(json, &SNAPSHOT_LIMITS, &o);

	if (!err) {
		err = from_json(o, ret, &reason);
		json_decref(o);
	} else if (err == P2P_ERR_TOO_LARGE) {
		reason = SNAPSHOT_TOO_LARGE;
	}
	if (!err)
		(void)buf_put(&ret->raw, json); /* no limit of its own; the scanner saw its size */
	if (ret_reason)
		*ret_reason = reason;
	return err;
}

static int append_dump(const char *text, size_t len, void *out)
{
	return buf_put(out, bytes_of(text, len)) ? -1 : 0;
}

int snapshot_from_json(const struct json_t *o, struct snapshot *ret,
	enum snapshot_reason *ret_reason)
{
	enum snapshot_reason reason;
	struct snapshot s;
	int err = from_json(o, &s, &reason);

	if (!err) {
		s.raw.max = SNAPSHOT_BYTES_MAX;
		if (json_dump_callback(o, append_dump, &s.raw, JSON_COMPACT)) {
			snapshot_deinit(&s);
			reason = SNAPSHOT_TOO_LARGE;
			err = P2P_ERR_TOO_LARGE;
		}
	}
	if (!err)
		*ret = s;
	if (ret_reason)
		*ret_reason = reason;
	return err;
}

static int print_members(struct buf *out, const struct snapshot *s)
{
	int err = buf_put_u8(out, '[');

	for (size_t i = 0; !err && i < s->member_count; i++) {
		if (i)
			err = buf_put_u8(out, ',');
		if (!err)
			err = message_put_string(out, bytes_str(s->members[i].text));
	}
	return err ? err : buf_put_u8(out, ']');
}

int snapshot_print(struct buf *out, const struct snapshot *s)
{
	size_t start = out->len;

	if (!buf_put_str(out, "{\"cluster_id\":") &&
		!message_put_string(out, bytes_str(s->cluster_id)) &&
		!buf_put_str(out, ",\"issued_at\":") && !message_put_time(out, s->issued_at) &&
		!buf_put_str(out, ",\"issuer_peer_id\":") && !message_put_peer(out, &s->issuer) &&
		!buf_put_str(out, ",\"members\":") && !print_members(out, s) &&
		!buf_put_str(out, ",\"admin_proof\":") && !admin_proof_print(out, &s->proof) &&
		!buf_put_str(out, ",\"sig\":") && !message_put_signature(out, &s->sig) &&
		!buf_put_u8(out, '}'))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

int snapshot_signed_text(struct buf *out, const struct snapshot *s)
{
	char time[RFC3339_SIZE], issuer[PEER_ID_TEXT_SIZE];
	size_t start = out->len;
	int err = buf_printf(out, "%s|%s|%s|", s->cluster_id, rfc3339_text(s->issued_at, time),
		peer_id_is_none(&s->issuer) ? "" : peer_id_text(&s->issuer, issuer));

	for (size_t i = 0; !err && i < s->member_count; i++) {
		if (i)
			err = buf_put_u8(out, ',');
		if (!err)
			err = buf_put_str(out, s->members[i].text);
	}
	if (err)
		buf_truncate(out, start);
	return err;
}

void snapshot_hash(struct snapshot *s)
{
	struct buf text = BUF_INIT;

	(void)snapshot_signed_text(&text, s); /* the buffer has no limit of its own */
	crypto_hash_sha256(s->hash, text.data, text.len);
	buf_deinit(&text);
}

static int search_text(const void *key, const void *entry)
{
	return strcmp(key, ((const struct snapshot_member *)entry)->text);
}

bool snapshot_has_member(const struct snapshot *s, const struct peer_id *peer)
{
	char text[PEER_ID_TEXT_SIZE];

	if (peer_id_is_none(peer) || !s->member_count)
		return false;
	if (bsearch(peer_id_text(peer, text), s->members, s->member_count, sizeof(*s->members),
		    search_text))
		return true;
	for (size_t i = 0; i < s->member_count; i++)
		if (peer_id_eq(&s->members[i].peer, peer))
			return true;
	return false;
}
