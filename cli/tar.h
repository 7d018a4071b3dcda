/* SPDX-License-Identifier: Apache-2.0 */
/* tar.h: a tar archive (ustar) made in memory, and its gzip form. */
#ifndef P2POS_CLI_TAR_H
#define P2POS_CLI_TAR_H

#include "proto/base/buf.h"

#define TAR_NAME_MAX 100 /* bytes of a member's name; more is P2P_ERR_TOO_LARGE */

/* Appends one plain file of mode 0600. `mtime` in seconds since 1970. P2P_ERR_TOO_LARGE for the name or
 * when `out` is full. */
int tar_put(struct buf *out, const char *name, struct bytes content, int64_t mtime);

/* Appends the two empty blocks that end an archive. */
int tar_end(struct buf *out);

/* Appends `in` as a gzip file of stored blocks (RFC 1951 3.2.4, RFC 1952): every gunzip reads it, and
 * it needs no library of its own. A bundle is small; who mails it may press it further. */
int tar_gzip(struct bytes in, struct buf *out);

#endif
