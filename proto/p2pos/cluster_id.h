/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_id.h: the name of a cluster: 1 to 64 of A-Z a-z 0-9 . _ - (p2pos.md section 2).
 *
 * It is joined with `|` when signed, so no other character may ever stand in it. */
#ifndef P2POS_P2POS_CLUSTER_ID_H
#define P2POS_P2POS_CLUSTER_ID_H

#include "proto/base/bytes.h"

#define CLUSTER_ID_MAX  64
#define CLUSTER_ID_SIZE (CLUSTER_ID_MAX + 1) /* with its NUL */

bool cluster_id_is_valid(struct bytes text);

/* Copies a valid one into `to` of CLUSTER_ID_SIZE bytes. P2P_ERR_INVALID. */
int cluster_id_parse(struct bytes text, char *to);

#endif
