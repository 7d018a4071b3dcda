/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/suspect.h"

#include "proto/base/err.h"
#include "proto/p2pos/json.h"

int suspect_print(struct buf *out, const struct peer_id *peer)
{
	size_t start = out->len;

	if (!buf_put_str(out, "{\"peer_id\":") && !message_put_peer(out, peer) &&
		!buf_put_str(out, "}\n"))
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_TOO_LARGE;
}

int suspect_parse(struct bytes json, struct peer_id *ret)
{
	struct peer_id peer;
	json_t *o;
	int err = message_load(json, &SUSPECT_LIMITS, &o);

	if (err)
		return err;
	err = message_peer(o, "peer_id", &peer);
	json_decref(o);
	if (err || peer_id_is_none(&peer))
		return P2P_ERR_INVALID;
	*ret = peer;
	return 0;
}
