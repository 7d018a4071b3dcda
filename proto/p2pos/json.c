/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/json.h"

#include "proto/base/err.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/p2pos/cluster_id.h"

int message_load(struct bytes text, const struct json_limits *limits, json_t **ret)
{
	json_error_t why;
	json_t *o;
	int err = jsonscan_text(text, limits);

	if (err)
		return err;
	o = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &why);
	if (!o)
		return P2P_ERR_JSON; /* a key twice; all else the scanner has seen */
	*ret = o;
	return 0;
}

int message_text(const json_t *o, const char *key, size_t max, struct bytes *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v)) {
		*ret = BYTES_NONE;
		return 0;
	}
	if (!json_is_string(v))
		return P2P_ERR_INVALID;
	if (json_string_length(v) > max)
		return P2P_ERR_TOO_LARGE;
	*ret = bytes_of(json_string_value(v), json_string_length(v));
	return 0;
}

/* The longest beginning of `text` of at most `max` bytes that ends at a whole character. */
static struct bytes cut_at_character(struct bytes text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max && (text.at[max] & 0xc0) == 0x80)
		max--;
	return bytes_head(text, max);
}

int message_text_cut(const json_t *o, const char *key, char *to, size_t size)
{
	struct bytes text;
	int err = message_text(o, key, SIZE_MAX, &text);

	if (err)
		return err;
	(void)text_copy(to, size, cut_at_character(text, size - 1)); /* cut already */
	return 0;
}

int message_cluster_id(const json_t *o, char *to)
{
	struct bytes text;
	int err = message_text(o, "cluster_id", CLUSTER_ID_MAX, &text);

	if (err)
		return P2P_ERR_INVALID;
	if (text.len)
		return cluster_id_parse(text, to);
	to[0] = '\0';
	return 0;
}

int message_time(const json_t *o, const char *key, wall_t *ret)
{
	struct bytes text;
	int err = message_text(o, key, RFC3339_TEXT_MAX, &text);

	if (err)
		return P2P_ERR_INVALID;
	if (text.len)
		return rfc3339_parse(text, ret);
	*ret = WALL_ZERO;
	return 0;
}

int message_peer(const json_t *o, const char *key, struct peer_id *ret)
{
	struct bytes text;
	int err = message_text(o, key, PEER_ID_TEXT_MAX, &text);

	if (err)
		return P2P_ERR_INVALID;
	text = text_trim(text);
	if (text.len)
		return peer_id_parse(text, ret) ? P2P_ERR_INVALID : 0;
	*ret = PEER_ID_NONE;
	return 0;
}

int message_signature(const json_t *o, struct signature *ret)
{
	struct bytes text;
	int err = message_text(o, "sig", SIZE_MAX, &text);

	if (err)
		return err;
	signature_parse(text_trim(text), ret);
	return 0;
}

int message_bool(const json_t *o, const char *key, bool absent, bool *ret)
{
	const json_t *v = json_object_get(o, key);

	if (v && !json_is_null(v) && !json_is_boolean(v))
		return P2P_ERR_INVALID;
	*ret = json_is_boolean(v) ? json_is_true(v) : absent;
	return 0;
}

static int print_escaped(struct buf *out, uint8_t c)
{
	if (c == '"' || c == '\\')
		return buf_printf(out, "\\%c", c);
	if (c == '\n')
		return buf_put_str(out, "\\n");
	if (c == '\t')
		return buf_put_str(out, "\\t");
	return buf_printf(out, "\\u%04x", c);
}

int message_put_string(struct buf *out, struct bytes text)
{
	size_t start = out->len, plain = 0;
	int err = buf_put_u8(out, '"');

	for (size_t i = 0; !err && i <= text.len; i++) {
		bool special = i < text.len &&
			(text.at[i] < 0x20 || text.at[i] == '"' || text.at[i] == '\\' ||
				text.at[i] == 0x7f);

		if (i < text.len && !special)
			continue;
		err = buf_put(out, bytes_of(text.at + plain, i - plain));
		if (!err && special)
			err = print_escaped(out, text.at[i]);
		plain = i + 1;
	}
	if (!err)
		err = buf_put_u8(out, '"');
	if (err)
		buf_truncate(out, start);
	return err;
}

int message_put_time(struct buf *out, wall_t t)
{
	char text[RFC3339_SIZE];

	return message_put_string(out, bytes_str(rfc3339_text(t, text)));
}

int message_put_time_or_empty(struct buf *out, wall_t t)
{
	return wall_is_zero(t) ? buf_put_str(out, "\"\"") : message_put_time(out, t);
}

int message_put_peer(struct buf *out, const struct peer_id *id)
{
	char text[PEER_ID_TEXT_SIZE];

	if (peer_id_is_none(id))
		return buf_put_str(out, "\"\"");
	return message_put_string(out, bytes_str(peer_id_text(id, text)));
}

int message_put_signature(struct buf *out, const struct signature *sig)
{
	size_t start = out->len;

	if (!buf_put_u8(out, '"') && !signature_print(out, sig) && !buf_put_u8(out, '"'))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

int message_put_error(struct buf *out, const char *error)
{
	size_t start = out->len;

	if (!error || !*error)
		return 0;
	if (!buf_put_str(out, ",\"error\":") &&
		!message_put_string(out, cut_at_character(bytes_str(error), JSON_ERROR_MAX)))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}
