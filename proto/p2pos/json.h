/* SPDX-License-Identifier: Apache-2.0 */
/* json.h: what the JSON messages of this folder share: loading under limits, typed fields,
 * printing.
 *
 * Fields are read leniently where the contract is lenient (an absent member, null and "" are all
 * "not there") and strictly in form: a member of another type is P2P_ERR_INVALID. Unknown members
 * are ignored. Printing writes members in the order of the contract, compactly. */
#ifndef P2POS_P2POS_JSON_H
#define P2POS_P2POS_JSON_H

#include <jansson.h>

#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/base/jsonscan.h"
#include "proto/p2pos/signature.h"

#define JSON_TEXT_MAX  256  /* an ordinary string of a message */
#define JSON_ERROR_MAX 4096 /* an `error` text */

/* Scans under `limits`, then parses, refusing duplicate keys. The caller owns the result
 * (json_decref). P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE. */
int message_load(struct bytes text, const struct json_limits *limits, json_t **ret);

/* A string member, borrowed from `o`; BYTES_NONE when not there. P2P_ERR_INVALID,
 * P2P_ERR_TOO_LARGE above `max` bytes. */
int message_text(const json_t *o, const char *key, size_t max, struct bytes *ret);

/* The same copied into `to` of `size` bytes, cut at a whole character when it is longer. */
int message_text_cut(const json_t *o, const char *key, char *to, size_t size);

/* A cluster ID; "" when not there. `to` has CLUSTER_ID_SIZE bytes. P2P_ERR_INVALID. */
int message_cluster_id(const json_t *o, char *to);

/* A time; WALL_ZERO when not there. P2P_ERR_INVALID. */
int message_time(const json_t *o, const char *key, wall_t *ret);

/* A peer ID in any accepted spelling; PEER_ID_NONE when not there. P2P_ERR_INVALID. */
int message_peer(const json_t *o, const char *key, struct peer_id *ret);

/* The member `sig`. P2P_ERR_INVALID when it is no string. */
int message_signature(const json_t *o, struct signature *ret);

/* A boolean; `absent` when not there. P2P_ERR_INVALID. */
int message_bool(const json_t *o, const char *key, bool absent, bool *ret);

/* Each appends a quoted string to a buffer, or nothing and P2P_ERR_TOO_LARGE. `text` must be valid
 * UTF-8 and is escaped. Nothing is written as "": WALL_ZERO by _time_or_empty, no peer, no sig. */
int message_put_string(struct buf *out, struct bytes text);
int message_put_time(struct buf *out, wall_t t);
int message_put_time_or_empty(struct buf *out, wall_t t);
int message_put_peer(struct buf *out, const struct peer_id *id);
int message_put_signature(struct buf *out, const struct signature *sig);

/* `,"error":"…"` when there is one, cut at JSON_ERROR_MAX bytes. */
int message_put_error(struct buf *out, const char *error);

#endif
