/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/restart.h"

#include "proto/base/err.h"
#include "proto/base/rfc3339.h"
#include "proto/p2pos/json.h"

#define SIGNED_TEXT_MAX 320 /* 13 + 64 + 62 + 2 * 30 and four bars, with room */

static int signed_text(struct buf *out, const struct restart_notice *n)
{
	char peer[PEER_ID_TEXT_SIZE], ts[RFC3339_SIZE], until[RFC3339_SIZE];

	return buf_printf(out, "p2pos/restart|%s|%s|%s|%s", n->cluster_id, peer_id_text(&n->peer, peer),
		rfc3339_text(n->ts, ts), rfc3339_text(n->until, until));
}

void restart_sign(struct restart_notice *ret, const char *cluster_id, wall_t ts, int64_t ms,
	const struct key_pair *k)
{
	struct buf text = BUF_WITH_MAX(SIGNED_TEXT_MAX);
	struct restart_notice n = {.ts = ts, .until = wall_add_ns(ts, ms * NS_PER_MS)};

	(void)cluster_id_parse(bytes_str(cluster_id), n.cluster_id); /* "" if not: refused by all */
	key_pair_peer_id(k, &n.peer);
	(void)signed_text(&text, &n); /* its parts are bounded far below the limit */
	signature_make(k, buf_bytes(&text), &n.sig);
	buf_deinit(&text);
	*ret = n;
}

int restart_print(struct buf *out, const struct restart_notice *n)
{
	size_t start = out->len;

	if (!buf_put_str(out, "{\"cluster_id\":") &&
		!message_put_string(out, bytes_str(n->cluster_id)) &&
		!buf_put_str(out, ",\"peer_id\":") && !message_put_peer(out, &n->peer) &&
		!buf_put_str(out, ",\"ts\":") && !message_put_time(out, n->ts) &&
		!buf_put_str(out, ",\"until\":") && !message_put_time(out, n->until) &&
		!buf_put_str(out, ",\"sig\":") && !message_put_signature(out, &n->sig) &&
		!buf_put_str(out, "}\n"))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

int restart_parse(struct bytes json, struct restart_notice *ret)
{
	struct restart_notice n = {0};
	json_t *o;
	int err = message_load(json, &RESTART_LIMITS, &o);

	if (err)
		return err;
	if (!json_is_object(o) || message_cluster_id(o, n.cluster_id) ||
		message_peer(o, "peer_id", &n.peer) || message_time(o, "ts", &n.ts) ||
		message_time(o, "until", &n.until) || message_signature(o, &n.sig))
		err = P2P_ERR_INVALID;
	else
		*ret = n;
	json_decref(o);
	return err;
}

static int verify(const struct restart_notice *n)
{
	struct buf text = BUF_WITH_MAX(SIGNED_TEXT_MAX);
	int err = signed_text(&text, n);

	if (!err)
		err = signature_verify_peer(&n->peer, buf_bytes(&text), &n->sig);
	buf_deinit(&text);
	return err ? P2P_ERR_SIGNATURE : 0;
}

int restart_check(const struct restart_notice *n, const char *cluster_id, const struct peer_id *sender,
	wall_t now, int64_t *ret_ms)
{
	int64_t ms = wall_diff_ms(n->until, n->ts);
	int err;

	if (!n->cluster_id[0] || peer_id_is_none(&n->peer) || wall_is_zero(n->ts) || wall_is_zero(n->until) ||
		n->sig.form == SIGNATURE_NONE || ms <= 0)
		return P2P_ERR_INVALID;
	if (!peer_id_eq(&n->peer, sender) || strcmp(n->cluster_id, cluster_id) != 0)
		return P2P_ERR_MISMATCH;
	if (wall_cmp(n->ts, wall_add_sec(now, -RESTART_WINDOW_SEC)) < 0)
		return P2P_ERR_STALE;
	if (wall_cmp(n->ts, wall_add_sec(now, RESTART_WINDOW_SEC)) > 0)
		return P2P_ERR_FUTURE;
	err = verify(n);
	if (!err)
		*ret_ms = ms < RESTART_MS_MAX ? ms : RESTART_MS_MAX;
	return err;
}
