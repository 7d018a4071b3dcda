/* SPDX-License-Identifier: Apache-2.0 */
/* known.h: peers by an unambiguous beginning of their id, so that nobody copies 52 characters. */
#ifndef P2POS_CONTROL_KNOWN_H
#define P2POS_CONTROL_KNOWN_H

#include "daemon/control/call.h"
#include "daemon/control/face.h"

#define KNOWN_PREFIX_MIN     10 /* "12D3KooW" begins nearly every id and says nothing */
#define KNOWN_CANDIDATES_MAX 8  /* named when a beginning is ambiguous */

/* The peers among this node, the members, the connected and the pending ones whose base58 text
 * begins with `prefix`: how many there are, at most `max` of them in `ret`, each once. */
size_t known_find(const struct control_node *n, const char *prefix, struct peer_id *ret, size_t max);

/* A parameter of type peer that is there. NULL with `ret` written, or the answer that refuses it. */
struct answer *call_peer(struct call *c, const char *name, struct peer_id *ret);

#endif
