/* SPDX-License-Identifier: Apache-2.0 */
/* multihash.h: a digest that says which hash made it (spec multiformats.md section 3).
 *
 * Any well-formed multihash can be taken apart; which hashes are acceptable is the caller's rule.
 * We make sha2-256 ones and identities (the "digest" is the data itself). */
#ifndef P2POS_MULTI_MULTIHASH_H
#define P2POS_MULTI_MULTIHASH_H

#include "proto/base/buf.h"

#define MULTIHASH_SHA256_BYTES 34 /* 12 20 and the digest */

struct multihash {
	uint64_t code;       /* enum multi_code, or a hash that we have no name for */
	struct bytes digest; /* borrowed from the input */
};

/* Takes apart a multihash that fills `in` exactly. P2P_ERR_INVALID when it does not, and when a
 * sha2-256 digest is not 32 bytes. */
int multihash_parse(struct bytes in, struct multihash *ret);

/* Appends the identity multihash of `data`. P2P_ERR_TOO_LARGE. */
int multihash_put_identity(struct buf *out, struct bytes data);

/* Writes the sha2-256 multihash of `data`. */
void multihash_sha256(struct bytes data, uint8_t ret[MULTIHASH_SHA256_BYTES]);

#endif
