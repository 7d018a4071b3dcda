/* SPDX-License-Identifier: Apache-2.0 */
/* log_format.c: one record as a line of text, as JSON, as journal fields. Whatever a value holds,
 * the result is one line: controls and everything beyond ASCII are escaped. */
#include "daemon/sys/log_parts.h"

#include "proto/base/err.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

#define CUT_MARK "..."

/* Log buffers have room for every value by construction, so a full one is cut, never an error. */
static void put(struct buf *out, struct bytes what)
{
	if (buf_put(out, what) != 0)
		(void)buf_put(out, bytes_head(what, out->max - out->len)); /* fits exactly */
}

static void put_str(struct buf *out, const char *s)
{
	put(out, bytes_str(s));
}

static void put_cut(struct buf *out, struct bytes text, size_t max)
{
	put(out, bytes_head(text, max));
	if (text.len > max)
		put_str(out, CUT_MARK);
}

static void put_double(struct buf *out, double v)
{
	char text[48];
	int n = snprintf(text, sizeof(text), "%.3f", v);

	if (!isfinite(v)) {
		put_str(out, isnan(v) ? "nan" : "inf");
		return;
	}
	if (n >= (int)sizeof(text)) { /* an absurd size: few digits say enough */
		snprintf(text, sizeof(text), "%g", v);
		put_str(out, text);
		return;
	}
	while (text[n - 1] == '0')
		text[--n] = '\0';
	if (text[n - 1] == '.')
		text[--n] = '\0';
	put_str(out, strcmp(text, "-0") == 0 ? "0" : text);
}

void log_value(struct buf *out, const struct kv *kv)
{
	char text[PEER_ID_TEXT_SIZE > RFC3339_SIZE ? PEER_ID_TEXT_SIZE : RFC3339_SIZE];

	switch (kv->kind) {
	case KV_TEXT:
		put_cut(out, bytes_str(kv->text ? kv->text : ""), LOG_TEXT_BYTES_MAX);
		break;
	case KV_BYTES: put_cut(out, kv->bytes, LOG_VALUE_BYTES_MAX); break;
	case KV_PEER:
		if (kv->peer && !peer_id_is_none(kv->peer))
			put_str(out, peer_id_text(kv->peer, text));
		break;
	case KV_INT:
		snprintf(text, sizeof(text), "%lld", (long long)kv->i);
		put_str(out, text);
		break;
	case KV_UINT:
		snprintf(text, sizeof(text), "%llu", (unsigned long long)kv->u);
		put_str(out, text);
		break;
	case KV_DOUBLE: put_double(out, kv->d); break;
	case KV_BOOL: put_str(out, kv->b ? "true" : "false"); break;
	case KV_WALL: put_str(out, rfc3339_text(kv->wall, text)); break;
	case KV_ERR: put_str(out, err_name(kv->err)); break;
	}
}

static bool is_plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
}

static void put_escaped(struct buf *out, struct bytes v)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.at[i];
		char esc[5] = {'\\', 0};

		switch (c) {
		case '"':
		case '\\': esc[1] = (char)c; break;
		case '\n': esc[1] = 'n'; break;
		case '\r': esc[1] = 'r'; break;
		case '\t': esc[1] = 't'; break;
		default:
			if (c >= ' ' && c < 0x7f) {
				esc[0] = (char)c;
			} else {
				esc[1] = 'x';
				esc[2] = hex[c >> 4];
				esc[3] = hex[c & 15];
			}
		}
		put_str(out, esc);
	}
}

static void put_text_value(struct buf *out, struct bytes v)
{
	bool plain = v.len > 0;

	for (size_t i = 0; i < v.len && plain; i++)
		plain = is_plain(v.at[i]);
	if (plain) {
		put(out, v);
		return;
	}
	put_str(out, "\"");
	put_escaped(out, v);
	put_str(out, "\"");
}

void log_form_text(struct buf *out, const struct log_record *r)
{
	struct buf value = BUF_WITH_MAX(LOG_RENDER_MAX);
	size_t start = out->len;

	put_str(out, "[");
	put_str(out, r->module);
	put_str(out, "] action=");
	put_str(out, r->action);
	for (size_t i = 0; i < r->count; i++) {
		buf_reset(&value);
		log_value(&value, r->kvs[i]);
		put_str(out, " ");
		put_str(out, r->kvs[i]->key);
		put_str(out, "=");
		put_text_value(out, buf_bytes(&value));
	}
	if (out->len - start > LOG_LINE_BYTES_MAX) {
		buf_truncate(out, start + LOG_LINE_BYTES_MAX - strlen(CUT_MARK));
		put_str(out, CUT_MARK);
	}
	buf_deinit(&value);
}

static void put_json_string(struct buf *out, struct bytes v)
{
	bool utf8 = text_is_utf8(v);
	char esc[8];

	put_str(out, "\"");
	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.at[i];

		if (c == '"' || c == '\\')
			snprintf(esc, sizeof(esc), "\\%c", c);
		else if (c == 0 || (c >= 0x80 && !utf8)) /* many readers refuse \u0000 */
			snprintf(esc, sizeof(esc), "\\\\x%02x", c);
		else if (c < ' ' || c == 0x7f)
			snprintf(esc, sizeof(esc), "\\u%04x", c);
		else
			snprintf(esc, sizeof(esc), "%c", c);
		put_str(out, esc);
	}
	put_str(out, "\"");
}

static bool is_json_literal(const struct kv *kv)
{
	switch (kv->kind) {
	case KV_INT:
	case KV_UINT:
	case KV_BOOL: return true;
	case KV_DOUBLE: return isfinite(kv->d);
	case KV_TEXT:
	case KV_BYTES:
	case KV_PEER:
	case KV_WALL:
	case KV_ERR: return false;
	}
	return false;
}

static void put_json_pair(struct buf *out, const char *key, struct bytes v, bool literal)
{
	put_str(out, out->data[out->len - 1] == '{' ? "\"" : ",\"");
	put_str(out, key);
	put_str(out, "\":");
	if (literal)
		put(out, v);
	else
		put_json_string(out, v);
}

void log_form_json(struct buf *out, const struct log_record *r)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	struct buf value = BUF_WITH_MAX(LOG_RENDER_MAX);
	char time[RFC3339_SIZE];

	put_str(out, "{");
	if (!wall_is_zero(r->at))
		put_json_pair(out, "time", bytes_str(rfc3339_text(r->at, time)), false);
	put_json_pair(out, "level", bytes_str(levels[r->level]), false);
	put_json_pair(out, "module", bytes_str(r->module), false);
	put_json_pair(out, "action", bytes_str(r->action), false);
	for (size_t i = 0; i < r->count; i++) {
		size_t before = out->len;

		buf_reset(&value);
		log_value(&value, r->kvs[i]);
		put_json_pair(out, r->kvs[i]->key, buf_bytes(&value), is_json_literal(r->kvs[i]));
		if (out->len + 1 > LOG_LINE_BYTES_MAX) { /* whole pairs only: it must stay JSON */
			buf_truncate(out, before);
			break;
		}
	}
	put_str(out, "}");
	buf_deinit(&value);
}

int log_priority(enum log_level level)
{
	static const int priorities[] = {3, 4, 6, 7}; /* err, warning, info, debug of syslog(3) */

	return priorities[level];
}

/* The short form KEY=value\n: values are escaped first, so none holds a newline. */
static void put_field(struct buf *out, const char *key, struct bytes v, bool escape)
{
	put_str(out, key);
	put_str(out, "=");
	if (escape)
		put_escaped(out, v);
	else
		put(out, v);
	put_str(out, "\n");
}

void log_form_journal(struct buf *out, const struct log_record *r, const char *text)
{
	struct buf value = BUF_WITH_MAX(LOG_RENDER_MAX);
	char key[64];

	put_field(out, "MESSAGE", bytes_str(text), false);
	snprintf(key, sizeof(key), "%d", log_priority(r->level));
	put_field(out, "PRIORITY", bytes_str(key), false);
	put_field(out, "SYSLOG_IDENTIFIER", BYTES_LIT("p2posd"), false);
	put_field(out, "CODE_FUNC", bytes_str(r->func), false);
	put_field(out, "P2POS_MODULE", bytes_str(r->module), false);
	put_field(out, "P2POS_ACTION", bytes_str(r->action), false);
	if (*r->message_id)
		put_field(out, "MESSAGE_ID", bytes_str(r->message_id), false);
	for (size_t i = 0; i < r->count; i++) {
		size_t n = (size_t)snprintf(key, sizeof(key), "P2POS_%s", r->kvs[i]->key);

		for (size_t k = 0; k < n && key[k]; k++)
			key[k] = (char)toupper((unsigned char)key[k]);
		buf_reset(&value);
		log_value(&value, r->kvs[i]);
		put_field(out, key, buf_bytes(&value), true);
		if (r->kvs[i]->kind == KV_ERR) /* whatever its key: one field to search for */
			put_field(out, "P2POS_ERROR_CODE", buf_bytes(&value), true);
	}
	buf_deinit(&value);
}
