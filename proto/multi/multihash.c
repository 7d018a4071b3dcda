/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/multihash.h"

#include <sodium.h>

#include "proto/base/err.h"
#include "proto/multi/codec.h"
#include "proto/multi/varint.h"

int multihash_parse(struct bytes in, struct multihash *ret)
{
	struct cursor c = cursor_of(in);
	struct multihash m;

	m.code = varint_take(&c);
	m.digest = varint_take_bytes(&c);
	if (c.err || !cursor_at_end(&c))
		return P2P_ERR_INVALID;
	if (m.code == MULTI_SHA2_256 && m.digest.len != crypto_hash_sha256_BYTES)
		return P2P_ERR_INVALID;
	*ret = m;
	return 0;
}

int multihash_put_identity(struct buf *out, struct bytes data)
{
	size_t start = out->len;

	if (varint_put(out, MULTI_IDENTITY))
		return P2P_ERR_TOO_LARGE;
	if (varint_put_bytes(out, data)) {
		buf_truncate(out, start);
		return P2P_ERR_TOO_LARGE;
	}
	return 0;
}

void multihash_sha256(struct bytes data, uint8_t ret[MULTIHASH_SHA256_BYTES])
{
	ret[0] = MULTI_SHA2_256;
	ret[1] = crypto_hash_sha256_BYTES;
	crypto_hash_sha256(ret + 2, data.at, data.len);
}
