/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/err.h"
#include "proto/base/text.h"
#include "proto/p2pos/json.h"
#include "proto/p2pos/status.h"

#define ENDING_BYTES_MAX 32 /* ],"truncated":true}\n and a comma */

enum status_scope status_request_parse(struct bytes json)
{
	enum status_scope scope = STATUS_LOCAL;
	struct bytes text;
	json_t *o;

	if (message_load(json, &STATUS_REQUEST_LIMITS, &o))
		return STATUS_LOCAL;
	if (!message_text(o, "scope", JSON_TEXT_MAX, &text) && bytes_eq(text, BYTES_LIT("cluster")))
		scope = STATUS_CLUSTER;
	json_decref(o);
	return scope;
}

int status_request_print(struct buf *out, enum status_scope scope)
{
	const char *name = scope == STATUS_CLUSTER ? "cluster" : "local";

	return buf_printf(out, "{\"scope\":\"%s\"}\n", name);
}

static int print_addrs(struct buf *out, const struct status_record *r)
{
	int err = buf_put_str(out, ",\"addrs\":[");

	for (size_t i = 0; !err && i < r->addr_count; i++) {
		if (i)
			err = buf_put_u8(out, ',');
		if (!err)
			err = message_put_string(out, bytes_str(r->addrs[i]));
	}
	return err ? err : buf_put_u8(out, ']');
}

static int print_record(struct buf *out, const struct status_record *r, bool with_addrs)
{
	const char *addr = r->last_remote_addr ? r->last_remote_addr : "";

	if (buf_put_str(out, "{\"peer_id\":") || message_put_peer(out, &r->peer) ||
		buf_put_str(out, ",\"last_remote_addr\":") ||
		message_put_string(out, bytes_str(addr)) ||
		buf_put_str(out, ",\"last_seen_at\":") || message_put_time(out, r->last_seen_at) ||
		buf_put_str(out, ",\"reachability\":") ||
		buf_put_str(out, r->online ? "\"online\"" : "\"offline\"") ||
		buf_put_str(out, ",\"observed_by\":") || message_put_peer(out, &r->observed_by) ||
		(with_addrs && r->addr_count && print_addrs(out, r)) ||
		(r->skewed && buf_put_str(out, ",\"skewed\":true")) || buf_put_u8(out, '}'))
		return P2P_ERR_TOO_LARGE;
	return 0;
}

static int print_incomplete(struct buf *out, const struct status_answer *a)
{
	int err = a->incomplete_count ? buf_put_str(out, ",\"incomplete\":[") : 0;

	for (size_t i = 0; !err && i < a->incomplete_count; i++) {
		if (i)
			err = buf_put_u8(out, ',');
		if (!err)
			err = message_put_peer(out, &a->incomplete[i]);
	}
	return err || !a->incomplete_count ? err : buf_put_u8(out, ']');
}

/* Everything but the records, in one piece, so that their room is known: head and tail. */
static int print_frame(struct buf *head, struct buf *tail, const struct status_answer *a)
{
	if (buf_put_str(head, "{\"generated_at\":") || message_put_time(head, a->generated_at) ||
		buf_put_str(head, ",\"peers\":[") || buf_put_u8(tail, ']') ||
		message_put_error(tail, a->error) || print_incomplete(tail, a))
		return P2P_ERR_TOO_LARGE;
	return 0;
}

/* As many records as fit; `*ret_all` tells whether that was all. */
static int print_records(struct buf *out, const struct status_answer *a, bool with_addrs,
	size_t bytes_max, bool *ret_all)
{
	size_t start = out->len;
	int err = 0;

	for (size_t i = 0; i < a->count; i++) {
		size_t before = out->len;

		if (i)
			err = buf_put_u8(out, ',');
		if (!err)
			err = print_record(out, &a->records[i], with_addrs);
		if (err)
			return err;
		if (out->len - start > bytes_max) {
			buf_truncate(out, before);
			*ret_all = false;
			return 0;
		}
	}
	*ret_all = true;
	return 0;
}

static int print_all(struct buf *out, const struct status_answer *a, bool with_addrs,
	struct bytes head, struct bytes tail)
{
	size_t start = out->len, room = STATUS_BYTES_MAX - head.len - tail.len - ENDING_BYTES_MAX;
	bool all;
	int err = buf_put(out, head);

	if (!err)
		err = print_records(out, a, with_addrs, room, &all);
	if (!err && !all && with_addrs) {
		buf_truncate(out, start + head.len);
		err = print_records(out, a, false, room, &all);
	}
	if (!err)
		err = buf_put(out, tail);
	if (!err && (!all || a->truncated))
		err = buf_put_str(out, ",\"truncated\":true");
	if (!err)
		err = buf_put_str(out, "}\n");
	if (err)
		buf_truncate(out, start);
	return err;
}

int status_answer_print(struct buf *out, const struct status_answer *a, bool with_addrs)
{
	struct buf head = BUF_INIT, tail = BUF_INIT;
	int err = print_frame(&head, &tail, a);

	if (!err)
		err = print_all(out, a, with_addrs, buf_bytes(&head), buf_bytes(&tail));
	buf_deinit(&head);
	buf_deinit(&tail);
	return err;
}

/* Hints that are no short texts are left out. */
static void read_addrs(const json_t *list, struct status_record *r)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_string(v) && r->addr_count < STATUS_ADDRS_MAX)
			/* Borrowed; status_answer_put() copies, and never writes. */
			r->addrs[r->addr_count++] = (char *)(uintptr_t)json_string_value(v);
}

static int read_record(const json_t *o, struct status_answer *a)
{
	struct status_record r = {0};
	struct bytes addr, reach;

	if (!json_is_object(o) || message_peer(o, "peer_id", &r.peer) ||
		message_text(o, "last_remote_addr", STATUS_ADDR_TEXT_MAX, &addr) ||
		message_time(o, "last_seen_at", &r.last_seen_at) ||
		message_text(o, "reachability", JSON_TEXT_MAX, &reach) ||
		message_peer(o, "observed_by", &r.observed_by) ||
		message_bool(o, "skewed", false, &r.skewed))
		return P2P_ERR_INVALID;
	r.online = bytes_eq(reach, BYTES_LIT("online"));
	r.last_remote_addr = (char *)(uintptr_t)addr.at; /* borrowed too; jansson's end in NUL */
	read_addrs(json_object_get(o, "addrs"), &r);
	return status_answer_put(a, &r);
}

static void read_incomplete(const json_t *list, struct status_answer *a)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		struct bytes text = bytes_of(json_string_value(v), json_string_length(v));
		struct peer_id peer;

		if (text.len && !peer_id_parse(text, &peer))
			status_answer_incomplete(a, &peer);
	}
}

static int from_json(const json_t *o, struct status_answer *a)
{
	const json_t *peers = json_object_get(o, "peers"), *v;
	size_t i;

	if ((peers && !json_is_array(peers) && !json_is_null(peers)) ||
		message_time(o, "generated_at", &a->generated_at) ||
		message_text_cut(o, "error", a->error, sizeof(a->error)) ||
		message_bool(o, "truncated", false, &a->truncated))
		return P2P_ERR_INVALID;
	json_array_foreach(peers, i, v)
		if (read_record(v, a))
			a->skipped++;
	read_incomplete(json_object_get(o, "incomplete"), a);
	return 0;
}

int status_answer_parse(struct bytes json, struct status_answer *ret)
{
	struct status_answer a = {0};
	json_t *o;
	int err = message_load(json, &STATUS_LIMITS, &o);

	if (err)
		return err;
	err = from_json(o, &a);
	json_decref(o);
	if (err)
		status_answer_deinit(&a);
	else
		*ret = a;
	return err;
}
