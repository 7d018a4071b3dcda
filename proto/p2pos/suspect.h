/* SPDX-License-Identifier: Apache-2.0 */
/* suspect.h: "this member did not answer me" (p2pos.md section 3.7): {"peer_id"} and a newline.
 *
 * A reason to probe it oneself, never a verdict. */
#ifndef P2POS_P2POS_SUSPECT_H
#define P2POS_P2POS_SUSPECT_H

#include "proto/base/jsonscan.h"
#include "proto/multi/peer_id.h"

#define SUSPECT_LIMITS ((struct json_limits){256, 8, 256})

int suspect_print(struct buf *out, const struct peer_id *peer);

/* P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE, P2P_ERR_INVALID (no peer ID in it). */
int suspect_parse(struct bytes json, struct peer_id *ret);

#endif
