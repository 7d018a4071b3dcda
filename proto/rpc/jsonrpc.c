/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/jsonrpc.h"

#include <assert.h>
#include <string.h>

#include "proto/base/err.h"
#include "proto/base/jsonscan.h"
#include "proto/base/text.h"

/* An idle client holds no more than this of what it once needed. */
#define LINES_KEEP_BYTES 4096

/* Reals are milliseconds with three digits behind the point: more digits would be noise. */
#define PRINT_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(12))

#define REPLY_VALUES_MAX (512 * 1024) /* a status of the largest cluster has about 160,000 */

void rpc_lines_init(struct rpc_lines *l, size_t line_bytes_max)
{
	*l = (struct rpc_lines){.max = line_bytes_max};
}

void rpc_lines_deinit(struct rpc_lines *l)
{
	buf_deinit(&l->held);
}

static void drop_given(struct rpc_lines *l)
{
	buf_drop(&l->held, l->given);
	l->given = 0;
	buf_trim(&l->held, LINES_KEEP_BYTES);
}

void rpc_lines_feed(struct rpc_lines *l, struct bytes in)
{
	drop_given(l);
	/* The buffer has no maximum of its own: the unfinished line in it is within the limit,
	 * or rpc_lines_next() has said otherwise and the stream is over. */
	if (l->held.len <= l->max)
		(void)buf_put(&l->held, in);
}

int rpc_lines_next(struct rpc_lines *l, struct bytes *ret_line)
{
	struct bytes rest = bytes_from(buf_bytes(&l->held), l->given);
	const uint8_t *end = NULL;
	size_t len;

	if (rest.len > l->searched)
		end = memchr(rest.at + l->searched, '\n', rest.len - l->searched);
	if (!end) {
		drop_given(l);
		l->searched = rest.len;
		return rest.len > l->max ? P2P_ERR_TOO_LARGE : 0;
	}
	len = (size_t)(end - rest.at);
	if (len > l->max)
		return P2P_ERR_TOO_LARGE;
	l->given += len + 1;
	l->searched = 0;
	if (len > 0 && rest.at[len - 1] == '\r')
		len--;
	*ret_line = bytes_of(rest.at, len);
	return 1;
}

bool rpc_lines_is_partial(const struct rpc_lines *l)
{
	return l->held.len > l->given;
}

static bool is_batch_text(struct bytes line)
{
	struct bytes text = text_trim(line);

	return text.len > 0 && text.at[0] == '[';
}

/* The scanner knows single objects; a batch is shown to it as the one value of an object. What
 * could slip through that disguise (`[1],"x":2`) is no JSON text and jansson refuses it. */
static int scan_request(struct bytes line, bool is_batch)
{
	static const struct json_limits limits = {
		.bytes_max = RPC_LINE_BYTES_MAX + 16,
		.values_max = RPC_VALUES_MAX,
		.string_max = RPC_STRING_BYTES_MAX,
	};
	struct jsonscan scan;
	int err;

	if (!is_batch)
		return jsonscan_text(line, &limits);
	jsonscan_init(&scan, &limits);
	err = jsonscan_feed(&scan, BYTES_LIT("{\"\":"), NULL);
	if (!err)
		err = jsonscan_feed(&scan, line, NULL);
	if (!err)
		err = jsonscan_feed(&scan, BYTES_LIT("}"), NULL);
	return err || scan.complete ? err : P2P_ERR_TRUNCATED;
}

static bool id_is_allowed(const json_t *id)
{
	if (!id || json_is_number(id) || json_is_null(id))
		return true;
	return json_is_string(id) && json_string_length(id) <= RPC_ID_BYTES_MAX;
}

static struct rpc_request request_of(const json_t *doc)
{
	const json_t *version = json_object_get(doc, "jsonrpc");
	const json_t *method = json_object_get(doc, "method");
	const json_t *id = json_object_get(doc, "id");
	struct rpc_request r = {.id = id, .params = json_object_get(doc, "params")};

	if (!id_is_allowed(id))
		r.id = json_null();
	if (!id_is_allowed(id) || !json_is_string(version) || !json_is_string(method) ||
	    strcmp(json_string_value(version), "2.0") != 0) {
		/* Nobody knows whether this was meant as a notification: it is answered. */
		r.id = r.id ? r.id : json_null();
		r.error = RPC_ERR_REQUEST;
		return r;
	}
	r.method = json_string_value(method);
	return r;
}

int rpc_requests_parse(struct bytes line, struct rpc_requests *ret, int *ret_error)
{
	bool is_batch = is_batch_text(line);
	struct rpc_requests r = {.is_batch = is_batch, .count = 1};

	*ret_error = RPC_ERR_PARSE;
	if (scan_request(line, is_batch) != 0)
		return P2P_ERR_JSON;
	r.doc = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (!r.doc)
		return P2P_ERR_JSON;
	if (is_batch)
		r.count = json_array_size(r.doc);
	if (r.count == 0 || r.count > RPC_BATCH_MAX) {
		json_decref(r.doc);
		*ret_error = RPC_ERR_REQUEST;
		return P2P_ERR_INVALID;
	}
	for (size_t i = 0; i < r.count; i++)
		r.at[i] = request_of(is_batch ? json_array_get(r.doc, i) : r.doc);
	*ret = r;
	return 0;
}

void rpc_requests_deinit(struct rpc_requests *r)
{
	json_decref(r->doc);
	r->doc = NULL;
	r->count = 0;
}

/* Builds the frame that every document has. jansson fails only for want of memory or for
 * text that is no UTF-8; what comes in here has been through one of its own parsers or checks. */
static json_t *framed(void)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "jsonrpc", json_string("2.0"));
	return doc;
}

static void set_id(json_t *doc, const json_t *id)
{
	json_object_set_new(doc, "id", id ? json_deep_copy(id) : json_null());
}

json_t *rpc_answer_result(const json_t *id, json_t *take_result)
{
	json_t *doc = framed();

	assert(json_is_object(take_result));
	set_id(doc, id);
	json_object_set_new(doc, "result", take_result);
	return doc;
}

/* Text that may hold a stranger's bytes: never lets a whole answer fail for one bad byte. */
static json_t *safe_text(const char *text)
{
	json_t *s = json_string(text);
	struct buf escaped = BUF_INIT;

	if (s)
		return s;
	(void)text_escape(&escaped, bytes_str(text), strlen(text));
	s = json_string(buf_cstr(&escaped));
	buf_deinit(&escaped);
	return s;
}

json_t *rpc_answer_error(const json_t *id, int code, const char *message, const char *hint,
			 json_t *take_data)
{
	const struct rpc_error_info *info = rpc_error_find(code);
	json_t *doc = framed(), *error = json_object(), *data = json_object();

	assert(info);
	json_object_set_new(data, "reason", json_string(info->reason));
	json_object_set_new(data, "hint", safe_text(hint ? hint : info->hint));
	if (take_data) {
		json_object_update_missing(data, take_data);
		json_decref(take_data);
	}
	json_object_set_new(error, "code", json_integer(code));
	json_object_set_new(error, "message", safe_text(message ? message : info->text));
	json_object_set_new(error, "data", data);
	set_id(doc, id);
	json_object_set_new(doc, "error", error);
	return doc;
}

json_t *rpc_notification(const char *method, json_t *take_params)
{
	json_t *doc = framed();

	json_object_set_new(doc, "method", json_string(method));
	json_object_set_new(doc, "params", take_params);
	return doc;
}

static int put_piece(const char *piece, size_t len, void *out)
{
	return buf_put(out, bytes_of(piece, len));
}

int rpc_put(struct buf *out, const json_t *doc)
{
	size_t before = out->len;

	if (json_dump_callback(doc, put_piece, out, PRINT_FLAGS) == 0 && buf_put_u8(out, '\n') == 0)
		return 0;
	buf_truncate(out, before);
	return P2P_ERR_TOO_LARGE;
}

json_t *rpc_request_new(long long id, const char *method, json_t *take_params)
{
	json_t *doc = framed();

	json_object_set_new(doc, "id", json_integer(id));
	json_object_set_new(doc, "method", json_string(method));
	if (take_params)
		json_object_set_new(doc, "params", take_params);
	return doc;
}

static const char *text_or(const json_t *value, const char *otherwise)
{
	return json_is_string(value) ? json_string_value(value) : otherwise;
}

static int read_error(json_t *error, struct rpc_reply *r)
{
	const struct rpc_error_info *info;
	json_t *code = json_object_get(error, "code");

	if (!json_is_integer(code))
		return P2P_ERR_PROTOCOL;
	r->kind = RPC_REPLY_ERROR;
	r->code = (long)json_integer_value(code);
	info = rpc_error_find(r->code);
	r->data = json_object_get(error, "data");
	if (!json_is_object(r->data))
		r->data = NULL;
	r->message = text_or(json_object_get(error, "message"), info ? info->text : "unknown error");
	r->reason = text_or(json_object_get(r->data, "reason"), info ? info->reason : "unknown");
	r->hint = text_or(json_object_get(r->data, "hint"), info ? info->hint : "");
	return 0;
}

static int read_reply(json_t *doc, struct rpc_reply *r)
{
	json_t *id = json_object_get(doc, "id"), *error = json_object_get(doc, "error");

	if (strcmp(text_or(json_object_get(doc, "jsonrpc"), ""), "2.0") != 0)
		return P2P_ERR_PROTOCOL;
	r->id = json_is_integer(id) ? json_integer_value(id) : -1;
	r->result = json_object_get(doc, "result");
	r->method = text_or(json_object_get(doc, "method"), NULL);
	r->params = json_object_get(doc, "params");
	if (json_is_object(error))
		return read_error(error, r);
	if (json_is_object(r->result)) {
		r->kind = RPC_REPLY_RESULT;
		return 0;
	}
	if (!r->method || id || !json_is_object(r->params))
		return P2P_ERR_PROTOCOL;
	r->kind = RPC_REPLY_NOTIFICATION;
	return 0;
}

int rpc_reply_parse(struct bytes line, struct rpc_reply *ret)
{
	static const struct json_limits limits = {
		.bytes_max = RPC_ANSWER_BYTES_MAX,
		.values_max = REPLY_VALUES_MAX,
		.string_max = RPC_ANSWER_BYTES_MAX,
	};
	struct rpc_reply r = {.id = -1};
	int err;

	if (jsonscan_text(line, &limits) != 0)
		return P2P_ERR_JSON;
	r.doc = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (!r.doc)
		return P2P_ERR_JSON;
	err = read_reply(r.doc, &r);
	if (err) {
		json_decref(r.doc);
		return err;
	}
	*ret = r;
	return 0;
}

void rpc_reply_deinit(struct rpc_reply *r)
{
	json_decref(r->doc);
	r->doc = NULL;
}
