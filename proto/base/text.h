/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: hex, base64, trimming, bounded copying, and text of strangers made safe to print. */
#ifndef P2POS_BASE_TEXT_H
#define P2POS_BASE_TEXT_H

#include "proto/base/buf.h"

/* Lower-case hex of `in`, appended. */
int text_hex(struct buf *out, struct bytes in);

/* Decodes hex of either case, appended. P2P_ERR_INVALID on an odd length or another character. */
int text_unhex(struct buf *out, struct bytes text);

/* Standard base64 with padding (RFC 4648 section 4), appended. */
int text_base64(struct buf *out, struct bytes in);

/* Decodes standard base64 with padding, strictly: no white space, padding required, unused bits
 * zero. P2P_ERR_INVALID otherwise. */
int text_unbase64(struct buf *out, struct bytes text);

/* Without the spaces, tabs, CR and LF at both ends. */
struct bytes text_trim(struct bytes in);

/* Copies into `to` of `size` bytes (at least 1), cut if need be, always ended by NUL. Returns false
 * when cut. */
bool text_copy(char *to, size_t size, struct bytes from);

/* True when `in` is valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool text_is_utf8(struct bytes in);

/* Appends at most `max` bytes of a stranger's text with everything that is not printable ASCII
 * written as \xNN, so that it is safe in a log line and on a terminal. */
int text_escape(struct buf *out, struct bytes in, size_t max);

/* How many single-character edits turn a into b, at most `limit` (then `limit` is returned); for
 * "did you mean". Both at most 64 characters, longer ones give `limit`. */
unsigned text_distance(const char *a, const char *b, unsigned limit);

#endif
