/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/key.h"

#include <assert.h>
#include <sodium.h>

#include "proto/base/cursor.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/keys/pb.h"

#define SEED_BYTES        32
#define SIGNATURE_TEXT    96   /* room that a signature's text is given */
#define OLD_PRIVATE_BYTES 96   /* seed, public key, public key again */
#define TEXT_BYTES_MAX    8192 /* more text is refused; KEY_PUBLIC_PB_MAX takes 5464 of it */

static const uint8_t public_head[4] = {0x08, KEY_ED25519, 0x12, 32};
static const uint8_t private_head[4] = {0x08, KEY_ED25519, 0x12, 64};

_Static_assert(sizeof(((struct key_pair *)0)->secret) == crypto_sign_SECRETKEYBYTES, "layout");
_Static_assert(sizeof(((struct key_public *)0)->at) == crypto_sign_PUBLICKEYBYTES, "layout");

void key_generate(struct rng *rng, struct key_pair *ret)
{
	uint8_t seed[SEED_BYTES];

	rng_fill(rng, seed, sizeof(seed));
	key_from_seed(seed, ret);
	mem_wipe(seed, sizeof(seed));
}

void key_from_seed(const uint8_t seed[32], struct key_pair *ret)
{
	uint8_t unused_public[crypto_sign_PUBLICKEYBYTES]; /* stands in the secret, too */

	(void)crypto_sign_seed_keypair(unused_public, ret->secret, seed); /* always 0 */
}

void key_pair_deinit(struct key_pair *k)
{
	mem_wipe(k, sizeof(*k));
}

void key_public_of(const struct key_pair *k, struct key_public *ret)
{
	memcpy(ret->at, k->secret + SEED_BYTES, sizeof(ret->at));
}

void key_peer_id(const struct key_public *k, struct peer_id *ret)
{
	uint8_t pb[KEY_PUBLIC_PB_BYTES];
	int err;

	key_public_pb(k, pb);
	err = peer_id_from_key(bytes_of(pb, sizeof(pb)), ret);
	assert(!err);
	(void)err;
}

void key_pair_peer_id(const struct key_pair *k, struct peer_id *ret)
{
	struct key_public public;

	key_public_of(k, &public);
	key_peer_id(&public, ret);
}

void key_public_pb(const struct key_public *k, uint8_t *to)
{
	memcpy(to, public_head, sizeof(public_head));
	memcpy(to + sizeof(public_head), k->at, sizeof(k->at));
}

void key_private_pb(const struct key_pair *k, uint8_t *to)
{
	memcpy(to, private_head, sizeof(private_head));
	memcpy(to + sizeof(private_head), k->secret, sizeof(k->secret));
}

/* PublicKey and PrivateKey are alike: a type and data. Accepts only the canonical bytes: an ID is
 * made of these bytes, so a key with two spellings would be a peer with two names (spec, section
 * 4). Every other spelling of these two fields is longer, so the length alone tells. */
static int split(struct bytes pb, uint64_t *ret_type, struct bytes *ret_data)
{
	struct pb_reader r = pb_begin(pb);
	struct pb_field type, data;

	if (!pb_next(&r, &type) || !pb_is(&type, 1, PB_VARINT) || !pb_next(&r, &data) ||
		!pb_is(&data, 2, PB_BYTES) || !data.data.len)
		return P2P_ERR_INVALID;
	if (pb.len != pb_uint_len(1, type.value) + pb_bytes_len(2, data.data.len))
		return P2P_ERR_INVALID;
	if (type.value > KEY_ECDSA)
		return P2P_ERR_INVALID;
	*ret_type = type.value;
	*ret_data = data.data;
	return 0;
}

int key_public_parse(struct bytes pb, struct key_public *ret, enum key_type *ret_type)
{
	struct bytes data;
	uint64_t type;

	if (pb.len > KEY_PUBLIC_PB_MAX || split(pb, &type, &data))
		return P2P_ERR_INVALID;
	if (type == KEY_ED25519 && data.len != sizeof(ret->at))
		return P2P_ERR_INVALID;
	if (ret_type)
		*ret_type = (enum key_type)type;
	if (type != KEY_ED25519)
		return P2P_ERR_UNSUPPORTED;
	memcpy(ret->at, data.at, sizeof(ret->at));
	return 0;
}

int key_private_parse(struct bytes pb, struct key_pair *ret)
{
	struct key_pair k;
	struct bytes data;
	uint64_t type;
	bool agrees;

	if (split(pb, &type, &data))
		return P2P_ERR_INVALID;
	if (type != KEY_ED25519)
		return P2P_ERR_UNSUPPORTED;
	if (data.len == OLD_PRIVATE_BYTES) {
		if (sodium_memcmp(data.at + 32, data.at + 64, 32) != 0)
			return P2P_ERR_INVALID;
	} else if (data.len != sizeof(k.secret)) {
		return P2P_ERR_INVALID;
	}
	/* A public half of another seed would make signatures that give the seed away. */
	key_from_seed(data.at, &k);
	agrees = sodium_memcmp(k.secret, data.at, sizeof(k.secret)) == 0;
	if (agrees)
		*ret = k;
	key_pair_deinit(&k);
	return agrees ? 0 : P2P_ERR_INVALID;
}

int key_public_parse_text(struct bytes text, struct key_public *ret)
{
	struct buf pb = BUF_WITH_MAX(KEY_PUBLIC_PB_MAX);
	int err = P2P_ERR_INVALID;

	text = text_trim(text);
	if (text.len <= TEXT_BYTES_MAX && text_unbase64(&pb, text) == 0)
		err = key_public_parse(buf_bytes(&pb), ret, NULL);
	buf_deinit(&pb);
	return err;
}

int key_private_parse_text(struct bytes text, struct key_pair *ret)
{
	struct buf pb = BUF_SECRET(KEY_PUBLIC_PB_MAX);
	int err = P2P_ERR_INVALID;

	text = text_trim(text);
	if (text.len <= TEXT_BYTES_MAX && text_unbase64(&pb, text) == 0)
		err = key_private_parse(buf_bytes(&pb), ret);
	buf_deinit(&pb);
	return err;
}

char *key_public_text(const struct key_public *k, char *to)
{
	uint8_t pb[KEY_PUBLIC_PB_BYTES];

	key_public_pb(k, pb);
	return sodium_bin2base64(to, KEY_TEXT_SIZE, pb, sizeof(pb), sodium_base64_VARIANT_ORIGINAL);
}

char *key_private_text(const struct key_pair *k, char *to)
{
	uint8_t pb[KEY_PRIVATE_PB_BYTES];

	key_private_pb(k, pb);
	sodium_bin2base64(to, KEY_TEXT_SIZE, pb, sizeof(pb), sodium_base64_VARIANT_ORIGINAL);
	mem_wipe(pb, sizeof(pb));
	return to;
}

const char *key_type_name(enum key_type type)
{
	switch (type) {
	case KEY_RSA: return "RSA";
	case KEY_ED25519: return "Ed25519";
	case KEY_SECP256K1: return "Secp256k1";
	case KEY_ECDSA: return "ECDSA";
	}
	return "unknown";
}

void key_sign(const struct key_pair *k, struct bytes message, uint8_t ret_sig[KEY_SIGNATURE_BYTES])
{
	(void)crypto_sign_detached(
		ret_sig, NULL, message.at, message.len, k->secret); /* always 0 */
}

int key_verify(const struct key_public *k, struct bytes message, struct bytes sig)
{
	if (sig.len != KEY_SIGNATURE_BYTES)
		return P2P_ERR_SIGNATURE;
	if (crypto_sign_verify_detached(sig.at, message.at, message.len, k->at) != 0)
		return P2P_ERR_SIGNATURE;
	return 0;
}

char *key_signature_text(const uint8_t sig[KEY_SIGNATURE_BYTES], char *to)
{
	return sodium_bin2base64(
		to, SIGNATURE_TEXT, sig, KEY_SIGNATURE_BYTES, sodium_base64_VARIANT_ORIGINAL);
}

int key_signature_parse(struct bytes text, uint8_t ret_sig[KEY_SIGNATURE_BYTES])
{
	struct buf sig = BUF_WITH_MAX(SIGNATURE_TEXT);
	int err = P2P_ERR_INVALID;

	if (text.len < SIGNATURE_TEXT && text_unbase64(&sig, text) == 0 &&
		sig.len == KEY_SIGNATURE_BYTES) {
		memcpy(ret_sig, sig.data, KEY_SIGNATURE_BYTES);
		err = 0;
	}
	buf_deinit(&sig);
	return err;
}
