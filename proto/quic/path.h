/* SPDX-License-Identifier: Apache-2.0 */
/* path.h: our addresses in ngtcp2's form, and back (inside this folder only). */
#ifndef P2POS_QUIC_PATH_H
#define P2POS_QUIC_PATH_H

#include <ngtcp2/ngtcp2.h>

#include "proto/quic/datagram.h"

void quic_path_set(ngtcp2_path_storage *to, const struct datagram_path *from);
void quic_path_get(const ngtcp2_path *from, struct datagram_path *ret);

bool quic_path_eq(const struct datagram_path *a, const struct datagram_path *b);

#endif
