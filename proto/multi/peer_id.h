/* SPDX-License-Identifier: Apache-2.0 */
/* peer_id.h: who a peer is: the multihash of its public key (spec multiformats.md section 5).
 *
 * A `struct peer_id` holds the binary multihash, is a value, and is compared as bytes, never as
 * text (one ID has many texts). Accepted are the identity multihash of a canonical key (Ed25519,
 * secp256k1) and sha2-256 (RSA, ECDSA). All bytes behind `len` are zero, so that a struct can be
 * hashed whole as a key of a table. */
#ifndef P2POS_MULTI_PEER_ID_H
#define P2POS_MULTI_PEER_ID_H

#include "proto/base/buf.h"

#define PEER_ID_BYTES_MAX 44   /* 2 + 42: an inlined key has at most 42 bytes */
#define PEER_ID_TEXT_MAX  128  /* longer input is refused before decoding it */
#define PEER_ID_TEXT_SIZE 64   /* room for the base58 text of any accepted ID and its NUL */
#define PEER_ID_CID_SIZE  80   /* the same for the base36 CIDv1 text */

struct peer_id {
	uint8_t len; /* 0 = no peer */
	uint8_t at[PEER_ID_BYTES_MAX];
};

#define PEER_ID_NONE ((struct peer_id){0})

static inline struct bytes peer_id_bytes(const struct peer_id *id)
{
	return bytes_of(id->at, id->len);
}

static inline bool peer_id_eq(const struct peer_id *a, const struct peer_id *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static inline bool peer_id_is_none(const struct peer_id *id)
{
	return id->len == 0;
}

/* Orders bytewise by the multihash. */
int peer_id_cmp(const struct peer_id *a, const struct peer_id *b);

/* From a binary multihash that fills `in` exactly. P2P_ERR_INVALID when it is no peer ID. */
int peer_id_from_bytes(struct bytes in, struct peer_id *ret);

/* From the canonical protobuf bytes of a public key (key.h gives them). P2P_ERR_INVALID when
 * empty or above 16 KiB. */
int peer_id_from_key(struct bytes public_key_pb, struct peer_id *ret);

/* From text: base58btc ("12D3KooW…", "Qm…") or a CIDv1 in any common multibase.
 * P2P_ERR_INVALID, P2P_ERR_TOO_LARGE. */
int peer_id_parse(struct bytes text, struct peer_id *ret);

/* The base58btc text, which is the one form that the project prints; NUL-terminated. `to` has
 * PEER_ID_TEXT_SIZE bytes. Returns `to`. */
char *peer_id_text(const struct peer_id *id, char *to);

/* The base36 CIDv1 text ("k51…"); `to` has PEER_ID_CID_SIZE bytes. Returns `to`. */
char *peer_id_cid36(const struct peer_id *id, char *to);

/* The Ed25519 public key (32 bytes, borrowed from `id`) that an identity ID carries;
 * P2P_ERR_UNSUPPORTED when the ID carries none or another type. */
int peer_id_ed25519(const struct peer_id *id, struct bytes *ret_key);

#endif
