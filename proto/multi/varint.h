/* SPDX-License-Identifier: Apache-2.0 */
/* varint.h: the unsigned varint of multiformats (spec multiformats.md section 1).
 *
 * Seven bits a byte, lowest first, at most nine bytes, and only the shortest form is valid. It is
 * the length prefix of every message and the code and length of every multihash and multiaddr.
 * Protobuf's own varints are another dialect and live in proto/keys/pb.h. */
#ifndef P2POS_MULTI_VARINT_H
#define P2POS_MULTI_VARINT_H

#include "proto/base/buf.h"
#include "proto/base/cursor.h"

#define VARINT_BYTES_MAX 9         /* a longer one is refused */
#define VARINT_MAX       INT64_MAX /* the largest value that nine bytes carry */

/* Reads the varint at the front of `in`, for bytes that are still arriving. `prefix_max`
 * (1 .. VARINT_BYTES_MAX) is how many bytes it may take. Writes the value and how many bytes it
 * took. P2P_ERR_AGAIN when it goes on behind the end of `in`; P2P_ERR_INVALID when it is not the
 * shortest form; P2P_ERR_TOO_LARGE when it does not end within `prefix_max` bytes. The value is the
 * peer's: compare it with the protocol's limit before anything else. */
int varint_read(struct bytes in, size_t prefix_max, uint64_t *ret_value, size_t *ret_len);

/* Reads one from a whole message. Notes P2P_ERR_TRUNCATED or P2P_ERR_INVALID in the cursor and
 * gives 0 then. */
uint64_t varint_take(struct cursor *c);

/* Takes a varint and then that many bytes; BYTES_NONE with the cursor's error noted otherwise. */
struct bytes varint_take_bytes(struct cursor *c);

/* Appends `value` (at most VARINT_MAX). P2P_ERR_TOO_LARGE. */
int varint_put(struct buf *out, uint64_t value);

/* Appends the length of `what` and `what`. P2P_ERR_TOO_LARGE, with nothing appended. */
int varint_put_bytes(struct buf *out, struct bytes what);

/* Writes `value` (at most VARINT_MAX) to `to`; returns how many bytes it took. */
size_t varint_write(uint64_t value, uint8_t to[VARINT_BYTES_MAX]);

#endif
