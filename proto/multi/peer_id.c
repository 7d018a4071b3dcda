/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/peer_id.h"

#include <assert.h>

#include "proto/base/err.h"
#include "proto/multi/codec.h"
#include "proto/multi/multibase.h"
#include "proto/multi/multihash.h"
#include "proto/multi/varint.h"

#define KEY_INLINE_MAX 42          /* a longer key is hashed (spec, section 5) */
#define KEY_BYTES_MAX  (16 * 1024) /* a longer key is refused */
#define CID_VERSION    1

/* The keys short enough to be inlined, as canonical PublicKey messages begin: type, tag, length.
 * The full reader of keys is proto/keys/key.c; it stands above this folder. */
static const struct inline_key {
	uint8_t head[4];
	uint8_t data_len;
} inline_keys[] = {
	{{0x08, 0x01, 0x12, 0x20}, 32}, /* Ed25519 */
	{{0x08, 0x02, 0x12, 0x21}, 33}, /* secp256k1, a compressed point */
};

static bool is_inline_key(struct bytes key)
{
	for (size_t i = 0; i < sizeof(inline_keys) / sizeof(inline_keys[0]); i++) {
		const struct inline_key *k = &inline_keys[i];

		if (key.len == sizeof(k->head) + k->data_len &&
			bytes_starts(key, bytes_of(k->head, sizeof(k->head))))
			return true;
	}
	return false;
}

static bool is_acceptable(const struct multihash *m)
{
	if (m->code == MULTI_SHA2_256)
		return true; /* multihash_parse() saw to the length */
	return m->code == MULTI_IDENTITY && is_inline_key(m->digest);
}

int peer_id_cmp(const struct peer_id *a, const struct peer_id *b)
{
	return bytes_cmp(peer_id_bytes(a), peer_id_bytes(b));
}

static void keep(struct bytes multihash, struct peer_id *ret)
{
	assert(multihash.len <= PEER_ID_BYTES_MAX);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->at, multihash.at, multihash.len);
	ret->len = (uint8_t)multihash.len;
}

int peer_id_from_bytes(struct bytes in, struct peer_id *ret)
{
	struct multihash m;

	if (in.len > PEER_ID_BYTES_MAX || multihash_parse(in, &m) || !is_acceptable(&m))
		return P2P_ERR_INVALID;
	keep(in, ret);
	return 0;
}

int peer_id_from_key(struct bytes public_key_pb, struct peer_id *ret)
{
	uint8_t at[PEER_ID_BYTES_MAX];

	if (public_key_pb.len == 0 || public_key_pb.len > KEY_BYTES_MAX)
		return P2P_ERR_INVALID;
	if (public_key_pb.len > KEY_INLINE_MAX) {
		multihash_sha256(public_key_pb, at);
		keep(bytes_of(at, MULTIHASH_SHA256_BYTES), ret);
		return 0;
	}
	/* What is short and no key would give an ID that nobody else accepts. */
	if (!is_inline_key(public_key_pb))
		return P2P_ERR_INVALID;
	at[0] = MULTI_IDENTITY;
	at[1] = (uint8_t)public_key_pb.len;
	memcpy(at + 2, public_key_pb.at, public_key_pb.len);
	keep(bytes_of(at, 2 + public_key_pb.len), ret);
	return 0;
}

static int from_cid(struct bytes cid, struct peer_id *ret)
{
	struct cursor c = cursor_of(cid);

	if (varint_take(&c) != CID_VERSION || varint_take(&c) != MULTI_LIBP2P_KEY || c.err)
		return P2P_ERR_INVALID;
	return peer_id_from_bytes(cursor_rest(&c), ret);
}

int peer_id_parse(struct bytes text, struct peer_id *ret)
{
	struct buf got = BUF_WITH_MAX(PEER_ID_TEXT_MAX);
	int err;

	if (text.len > PEER_ID_TEXT_MAX)
		return P2P_ERR_TOO_LARGE;
	if (bytes_starts(text, BYTES_LIT("1")) || bytes_starts(text, BYTES_LIT("Qm"))) {
		err = multibase_decode_bare(MULTIBASE_BASE58BTC, text, &got);
		if (!err)
			err = peer_id_from_bytes(buf_bytes(&got), ret);
	} else {
		err = multibase_decode(text, &got);
		if (!err)
			err = from_cid(buf_bytes(&got), ret);
	}
	buf_deinit(&got);
	return err ? P2P_ERR_INVALID : 0;
}

/* Moves the text to the caller's room, with its NUL. */
static char *give(struct buf *text, char *to, size_t size)
{
	assert(text->len < size);
	if (text->len)
		memcpy(to, text->data, text->len);
	to[text->len] = '\0';
	buf_deinit(text);
	return to;
}

char *peer_id_text(const struct peer_id *id, char *to)
{
	struct buf text = BUF_INIT;

	(void)multibase_encode_bare(MULTIBASE_BASE58BTC, peer_id_bytes(id), &text); /* no maximum */
	return give(&text, to, PEER_ID_TEXT_SIZE);
}

char *peer_id_cid36(const struct peer_id *id, char *to)
{
	uint8_t cid[2 + PEER_ID_BYTES_MAX] = {CID_VERSION, MULTI_LIBP2P_KEY};
	struct buf text = BUF_INIT;

	if (!peer_id_is_none(id)) {
		memcpy(cid + 2, id->at, id->len);
		/* Cannot fail: the buffer has no maximum and a CID is far below the encoder's. */
		(void)multibase_encode(MULTIBASE_BASE36, bytes_of(cid, 2 + (size_t)id->len), &text);
	}
	return give(&text, to, PEER_ID_CID_SIZE);
}

int peer_id_ed25519(const struct peer_id *id, struct bytes *ret_key)
{
	const struct inline_key *ed = &inline_keys[0];
	struct bytes key = bytes_from(peer_id_bytes(id), 2);

	/* An inlined Ed25519 key is the only ID of this length that begins so. */
	if (id->len != 2 + sizeof(ed->head) + ed->data_len || id->at[0] != MULTI_IDENTITY ||
		!bytes_starts(key, bytes_of(ed->head, sizeof(ed->head))))
		return P2P_ERR_UNSUPPORTED;
	*ret_key = bytes_from(key, sizeof(ed->head));
	return 0;
}
