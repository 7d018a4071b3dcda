/* SPDX-License-Identifier: Apache-2.0 */
/* key.h: Ed25519 key pairs in libp2p's protobuf envelope; sign and verify
 * (spec multiformats.md section 4; rules ).
 *
 * The project signs and verifies with Ed25519 alone. A public key of another type is recognised
 * by name, so that its refusal can say what it is. */
#ifndef P2POS_KEYS_KEY_H
#define P2POS_KEYS_KEY_H

#include "proto/base/buf.h"
#include "proto/base/rng.h"
#include "proto/multi/peer_id.h"

#define KEY_SIGNATURE_BYTES  64
#define KEY_PUBLIC_PB_BYTES  36   /* 08 01 12 20 and 32 bytes */
#define KEY_PRIVATE_PB_BYTES 68   /* 08 01 12 40 and 64 bytes */
#define KEY_PUBLIC_PB_MAX    4096 /* of any type: a larger one is refused before parsing */
#define KEY_TEXT_SIZE        96   /* room for the base64 text of either form and its NUL */

enum key_type { KEY_RSA = 0, KEY_ED25519 = 1, KEY_SECP256K1 = 2, KEY_ECDSA = 3 };

struct key_public {
	uint8_t at[32];
};

/* A pair; wipe it with key_pair_deinit(). The daemon keeps its own in locked memory. */
struct key_pair {
	uint8_t secret[64]; /* seed and public key, as libsodium and libp2p lay it out */
};

/* A fresh pair from `rng`. */
void key_generate(struct rng *rng, struct key_pair *ret);
/* The pair of a 32-byte seed. */
void key_from_seed(const uint8_t seed[32], struct key_pair *ret);
void key_pair_deinit(struct key_pair *k);

void key_public_of(const struct key_pair *k, struct key_public *ret);
void key_peer_id(const struct key_public *k, struct peer_id *ret);
void key_pair_peer_id(const struct key_pair *k, struct peer_id *ret);

/* Canonical protobuf forms. `to` has KEY_PUBLIC_PB_BYTES / KEY_PRIVATE_PB_BYTES bytes. */
void key_public_pb(const struct key_public *k, uint8_t *to);
void key_private_pb(const struct key_pair *k, uint8_t *to);

/* Parses a PublicKey message. Only the canonical bytes are accepted: P2P_ERR_INVALID otherwise.
 * A well-formed key of another type gives P2P_ERR_UNSUPPORTED and its type in `ret_type`
 * (may be NULL). */
int key_public_parse(struct bytes pb, struct key_public *ret, enum key_type *ret_type);

/* Parses a PrivateKey message; the old 96-byte data form is accepted when its copies agree, and
 * the public half must belong to the seed. P2P_ERR_INVALID, P2P_ERR_UNSUPPORTED. */
int key_private_parse(struct bytes pb, struct key_pair *ret);

/* Text forms: standard base64 of the protobuf (p2pos.md section 2). Surrounding white space is
 * allowed when parsing. `to` has KEY_TEXT_SIZE bytes; the caller wipes a private text. */
int key_public_parse_text(struct bytes text, struct key_public *ret);
int key_private_parse_text(struct bytes text, struct key_pair *ret);
char *key_public_text(const struct key_public *k, char *to);
char *key_private_text(const struct key_pair *k, char *to);

/* "RSA", "Ed25519", "Secp256k1", "ECDSA" or "unknown". */
const char *key_type_name(enum key_type type);

void key_sign(const struct key_pair *k, struct bytes message, uint8_t ret_sig[KEY_SIGNATURE_BYTES]);

/* 0 or P2P_ERR_SIGNATURE (also when the signature is not 64 bytes). */
int key_verify(const struct key_public *k, struct bytes message, struct bytes sig);

/* Base64 signatures as the JSON messages carry them: 64 bytes, strict base64. `to` has 96 bytes. */
char *key_signature_text(const uint8_t sig[KEY_SIGNATURE_BYTES], char *to);
int key_signature_parse(struct bytes text, uint8_t ret_sig[KEY_SIGNATURE_BYTES]);

#endif
