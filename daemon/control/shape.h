/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h: the shapes that several results share (proto/rpc/README.md), and the values in them. */
#ifndef P2POS_CONTROL_SHAPE_H
#define P2POS_CONTROL_SHAPE_H

#include <jansson.h>

#include "daemon/control/face.h"

#define SHAPE_HASH_SIZE (2 * SNAPSHOT_HASH_BYTES + 1)

/* Each makes a new JSON value. */
json_t *shape_text(const char *text);         /* null for NULL and "" */
json_t *shape_bytes(struct bytes text);       /* a stranger's text, made printable; null when empty */
json_t *shape_time(wall_t t);  /* to the millisecond; null for WALL_ZERO */
json_t *shape_stamp(wall_t t); /* exact, for what is signed; null for WALL_ZERO */
json_t *shape_mono(const struct control_node *n, mono_t t); /* as wall time; null for MONO_ZERO */
json_t *shape_peer(const struct peer_id *id); /* null for none */
json_t *shape_peers(const struct peer_id *ids, size_t count);
json_t *shape_addr(const struct maddr *a);    /* null for none */
json_t *shape_addrs(const struct maddr *addrs, size_t count);
json_t *shape_ms(int64_t ns);                 /* milliseconds with three digits; null for <= 0 */
json_t *shape_err(int err);                   /* its sentence; null for 0 */
json_t *shape_hash(const uint8_t hash[SNAPSHOT_HASH_BYTES]);
char *shape_hash_text(const uint8_t hash[SNAPSHOT_HASH_BYTES], char to[SHAPE_HASH_SIZE]);
const char *shape_source(enum snapshot_source source); /* "push", "sync", "local", "stored" */

/* SNAPINFO; null for NULL. `source` may be NULL. */
json_t *shape_snapinfo(const struct snapshot *s, const char *source);
/* SNAPINFO of the snapshot in force. */
json_t *shape_snapinfo_now(const struct core_view *view);

/* MEMBER, and an array of all: this node first, then in order of peer id. */
json_t *shape_member(const struct control_node *n, const struct core_member *m);
json_t *shape_members(const struct control_node *n, const struct core_view *view);

/* PEER. */
json_t *shape_conn(const struct control_node *n, const struct swarm_conn *c);

/* FAILED. */
json_t *shape_failed(const struct peer_id *peer, int err);

/* RECORDs of a status answer. */
json_t *shape_records(const struct status_answer *a);

/* FAULTs of a report, errors or warnings. */
json_t *shape_faults(const struct config_report *report, bool errors);

#endif
