/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h: the newest known heartbeats of many members in one message (p2pos.md section 3.7).
 *
 * JSON: {"heartbeats":[HEARTBEAT,…]} and a newline. Every entry carries its own signature, so
 * whoever passes it on can neither invent nor refresh one. A receiver checks each with
 * heartbeat_check() and no sender; it proves life at its own ts, never "now". */
#ifndef P2POS_P2POS_DIGEST_H
#define P2POS_P2POS_DIGEST_H

#include "proto/p2pos/heartbeat.h"

#define DIGEST_ENTRY_BYTES_MAX 320           /* the longest of our own takes 291 */
#define DIGEST_ENTRY_VALUES    8             /* five, and room for members we do not know */
#define DIGEST_BYTES_MAX       (1024 * 1024) /* whatever the cluster's size; the sender splits */
#define DIGEST_ENTRIES_MAX     (DIGEST_BYTES_MAX / 128) /* further ones are left unread */

/* What a digest may have in a cluster of that many members: 64 bytes and DIGEST_ENTRY_BYTES_MAX
 * for each, and never above DIGEST_BYTES_MAX. A larger cluster is told in several digests. */
struct json_limits digest_limits(size_t members);

/* Writing into a buffer that holds nothing else: begin, add until it says it is full, end. */
int digest_begin(struct buf *out);
/* Appends one. P2P_ERR_FULL, with nothing added, when `members`' limit would be passed: end this
 * digest and begin another. */
int digest_add(struct buf *out, const struct heartbeat *h, size_t members);
int digest_end(struct buf *out);

/* A parsed one. Entries that are not well-formed are skipped alone. */
struct digest {
	size_t count;
	struct heartbeat *beats; /* owned */
	size_t skipped;
};

void digest_deinit(struct digest *d);

/* P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE (for `members`), P2P_ERR_INVALID (no
 * array). */
int digest_parse(struct bytes json, size_t members, struct digest *ret);

#endif
