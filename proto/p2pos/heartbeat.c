/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/heartbeat.h"

#include "proto/base/err.h"
#include "proto/base/rfc3339.h"
#include "proto/p2pos/json.h"

#define SIGNED_TEXT_MAX 256 /* 64 + 62 + 30 and two bars, with room */

const char *heartbeat_reason_name(enum heartbeat_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case HEARTBEAT_##id:                                                                       \
		return name;
		HEARTBEAT_REASONS(X)
#undef X
	case HEARTBEAT_REASON_COUNT:
		break;
	}
	return "unknown";
}

const char *heartbeat_reason_text(enum heartbeat_reason reason)
{
	switch (reason) {
#define X(id, name, text)                                                                          \
	case HEARTBEAT_##id:                                                                       \
		return text;
		HEARTBEAT_REASONS(X)
#undef X
	case HEARTBEAT_REASON_COUNT:
		break;
	}
	return "unknown";
}

static int signed_text(struct buf *out, const struct heartbeat *h)
{
	char peer[PEER_ID_TEXT_SIZE], ts[RFC3339_SIZE];

	return buf_printf(out, "%s|%s|%s", h->cluster_id, peer_id_text(&h->peer, peer),
		rfc3339_text(h->ts, ts));
}

void heartbeat_sign(struct heartbeat *ret, const char *cluster_id, wall_t ts,
	const struct key_pair *k)
{
	struct buf text = BUF_WITH_MAX(SIGNED_TEXT_MAX);
	struct heartbeat h = {.ts = ts};

	(void)cluster_id_parse(bytes_str(cluster_id), h.cluster_id); /* "" if not: refused by all */
	key_pair_peer_id(k, &h.peer);
	(void)signed_text(&text, &h); /* its parts are bounded far below the limit */
	signature_make(k, buf_bytes(&text), &h.sig);
	buf_deinit(&text);
	*ret = h;
}

int heartbeat_print_object(struct buf *out, const struct heartbeat *h)
{
	size_t start = out->len;

	if (!buf_put_str(out, "{\"cluster_id\":") &&
		!message_put_string(out, bytes_str(h->cluster_id)) &&
		!buf_put_str(out, ",\"peer_id\":") && !message_put_peer(out, &h->peer) &&
		!buf_put_str(out, ",\"ts\":") && !message_put_time(out, h->ts) &&
		!buf_put_str(out, ",\"sig\":") && !message_put_signature(out, &h->sig) &&
		!buf_put_u8(out, '}'))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

int heartbeat_print(struct buf *out, const struct heartbeat *h)
{
	size_t start = out->len;

	if (!heartbeat_print_object(out, h) && !buf_put_u8(out, '\n'))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

int heartbeat_from_json(const struct json_t *o, struct heartbeat *ret)
{
	struct heartbeat h = {0};

	if (!json_is_object(o) || message_cluster_id(o, h.cluster_id) ||
		message_peer(o, "peer_id", &h.peer) || message_time(o, "ts", &h.ts) ||
		message_signature(o, &h.sig))
		return P2P_ERR_INVALID;
	*ret = h;
	return 0;
}

int heartbeat_parse(struct bytes json, struct heartbeat *ret, enum heartbeat_reason *ret_reason)
{
	enum heartbeat_reason reason = HEARTBEAT_MALFORMED;
	json_t *o;
	int err = message_load(json, &HEARTBEAT_LIMITS, &o);

	if (!err) {
		err = heartbeat_from_json(o, ret);
		json_decref(o);
		reason = err ? HEARTBEAT_FIELD_INVALID : HEARTBEAT_OK;
	} else if (err == P2P_ERR_TOO_LARGE) {
		reason = HEARTBEAT_TOO_LARGE;
	}
	if (ret_reason)
		*ret_reason = reason;
	return err;
}

static bool is_complete(const struct heartbeat *h)
{
	return h->cluster_id[0] && !peer_id_is_none(&h->peer) && !wall_is_zero(h->ts) &&
		h->sig.form != SIGNATURE_NONE;
}

static bool is_in_window(wall_t ts, wall_t now)
{
	return wall_cmp(ts, wall_add_sec(now, -HEARTBEAT_WINDOW_SEC)) >= 0 &&
		wall_cmp(ts, wall_add_sec(now, HEARTBEAT_WINDOW_SEC)) <= 0;
}

static int verify(const struct heartbeat *h)
{
	struct buf text = BUF_WITH_MAX(SIGNED_TEXT_MAX);
	int err = signed_text(&text, h);

	if (!err)
		err = signature_verify_peer(&h->peer, buf_bytes(&text), &h->sig);
	buf_deinit(&text);
	return err;
}

static enum heartbeat_reason judge(const struct heartbeat *h, const struct heartbeat_rules *rules)
{
	if (!is_complete(h))
		return HEARTBEAT_FIELD_MISSING;
	if (rules->sender && !peer_id_eq(&h->peer, rules->sender))
		return HEARTBEAT_SENDER_MISMATCH;
	if (!rules->is_member)
		return HEARTBEAT_NOT_MEMBER;
	if (strcmp(h->cluster_id, rules->cluster_id) != 0)
		return HEARTBEAT_CLUSTER_MISMATCH;
	if (!is_in_window(h->ts, rules->now))
		return HEARTBEAT_TIMESTAMP;
	return verify(h) ? HEARTBEAT_SIGNATURE : HEARTBEAT_OK;
}

static int error_of(enum heartbeat_reason reason)
{
	switch (reason) {
	case HEARTBEAT_OK:
		return 0;
	case HEARTBEAT_SIGNATURE:
		return P2P_ERR_SIGNATURE;
	case HEARTBEAT_SENDER_MISMATCH:
	case HEARTBEAT_CLUSTER_MISMATCH:
		return P2P_ERR_MISMATCH;
	case HEARTBEAT_FIELD_MISSING:
	case HEARTBEAT_FIELD_INVALID:
	case HEARTBEAT_MALFORMED:
	case HEARTBEAT_TOO_LARGE:
		return P2P_ERR_INVALID;
	case HEARTBEAT_NOT_MEMBER:
	case HEARTBEAT_TIMESTAMP:
	case HEARTBEAT_REPLAY:
	case HEARTBEAT_OVERTAKEN:
	case HEARTBEAT_REASON_COUNT:
		break;
	}
	return P2P_ERR_REFUSED;
}

int heartbeat_check(const struct heartbeat *h, const struct heartbeat_rules *rules,
	enum heartbeat_reason *ret_reason)
{
	enum heartbeat_reason reason = judge(h, rules);

	if (ret_reason)
		*ret_reason = reason;
	return error_of(reason);
}
