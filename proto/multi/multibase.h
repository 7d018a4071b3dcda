/* SPDX-License-Identifier: Apache-2.0 */
/* multibase.h: bytes as text behind a letter that names the encoding
 * (spec multiformats.md section 6).
 *
 * Decoding is strict: every character belongs to the alphabet, no character is superfluous, unused
 * bits are zero, padding is there exactly where the letter asks for it. So each encoding has one
 * text for one byte string (base16, base32 and base36 also take the other case). */
#ifndef P2POS_MULTI_MULTIBASE_H
#define P2POS_MULTI_MULTIBASE_H

#include "proto/base/buf.h"

/* base58 and base36 treat the text as one big number, which costs the square of its length. */
#define MULTIBASE_BIG_BYTES_MAX 512 /* more is refused when encoding to those two  */
#define MULTIBASE_BIG_TEXT_MAX  800 /* longer text is refused when decoding them   */

enum multibase {
	MULTIBASE_BASE58BTC = 'z',
	MULTIBASE_BASE36 = 'k',
	MULTIBASE_BASE36_UPPER = 'K',
	MULTIBASE_BASE32 = 'b',
	MULTIBASE_BASE32_UPPER = 'B',
	MULTIBASE_BASE16 = 'f',
	MULTIBASE_BASE16_UPPER = 'F',
	MULTIBASE_BASE64 = 'm',
	MULTIBASE_BASE64_PAD = 'M',
	MULTIBASE_BASE64URL = 'u',
	MULTIBASE_BASE64URL_PAD = 'U',
};

/* Appends the letter of `base` and the text of `in`. P2P_ERR_TOO_LARGE, with nothing appended. */
int multibase_encode(enum multibase base, struct bytes in, struct buf *out);

/* Appends the bytes of a text that begins with its letter. P2P_ERR_INVALID, P2P_ERR_UNSUPPORTED
 * (a letter we do not know), P2P_ERR_TOO_LARGE; nothing appended then. */
int multibase_decode(struct bytes text, struct buf *out);

/* The same two without the letter, for forms that imply it. */
int multibase_encode_bare(enum multibase base, struct bytes in, struct buf *out);
int multibase_decode_bare(enum multibase base, struct bytes text, struct buf *out);

#endif
