/* SPDX-License-Identifier: Apache-2.0 */
/* What libp2p puts into messages 2 and 3: the identity key, its signature over the static key of
 * this handshake, and the muxers that the sender speaks (tcp-stack.md sections 4 and 7). */
#include <assert.h>
#include <sodium.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/keys/pb.h"
#include "proto/noise/noise.h"

/* Field numbers of NoiseHandshakePayload and of NoiseExtensions in it. */
enum { FIELD_KEY = 1, FIELD_SIGNATURE = 2, FIELD_EXTENSIONS = 4 };
enum { FIELD_MUXERS = 2 };

static const struct bytes signature_prefix = BYTES_LIT("noise-libp2p-static-key:");
static const struct bytes yamux_name = BYTES_LIT("/yamux/1.0.0");

#define SIGNED_BYTES (24 + NOISE_KEY_BYTES)

/* What the identity key signs. */
static struct bytes signed_text(const uint8_t static_public[32], uint8_t to[SIGNED_BYTES])
{
	assert(signature_prefix.len + NOISE_KEY_BYTES == SIGNED_BYTES);
	memcpy(to, signature_prefix.at, signature_prefix.len);
	memcpy(to + signature_prefix.len, static_public, NOISE_KEY_BYTES);
	return bytes_of(to, SIGNED_BYTES);
}

/* The payload is the same for every peer, so it is made once. Its parts have fixed sizes that fit
 * NOISE_PAYLOAD_MAX; an append that fails is our own mistake. */
static void write_payload(struct noise_static *s, const struct key_pair *identity)
{
	struct buf out = BUF_WITH_MAX(NOISE_PAYLOAD_MAX);
	uint8_t key_pb[KEY_PUBLIC_PB_BYTES], sig[KEY_SIGNATURE_BYTES], text[SIGNED_BYTES];
	struct key_public key;
	int err;

	key_public_of(identity, &key);
	key_public_pb(&key, key_pb);
	key_sign(identity, signed_text(s->public, text), sig);
	err = pb_put_bytes(&out, FIELD_KEY, bytes_of(key_pb, sizeof(key_pb)));
	if (!err)
		err = pb_put_bytes(&out, FIELD_SIGNATURE, bytes_of(sig, sizeof(sig)));
	s->proof_len = (uint8_t)out.len;
	if (!err) {
		uint8_t muxers_bytes[32];
		struct buf muxers = {.data = muxers_bytes, .cap = sizeof(muxers_bytes),
			.max = sizeof(muxers_bytes)};

		err = pb_put_bytes(&muxers, FIELD_MUXERS, yamux_name);
		if (!err)
			err = pb_put_bytes(&out, FIELD_EXTENSIONS, buf_bytes(&muxers));
	}
	assert(!err);
	(void)err; /* with assertions compiled out */
	memcpy(s->payload, out.data, out.len);
	s->payload_len = (uint8_t)out.len;
	buf_deinit(&out);
}

void noise_static_init(struct noise_static *s, const struct key_pair *identity, struct rng *rng)
{
	memset(s, 0, sizeof(*s));
	rng_fill(rng, s->secret, sizeof(s->secret));
	(void)crypto_scalarmult_base(s->public, s->secret); /* fails for no scalar */
	write_payload(s, identity);
}

void noise_static_deinit(struct noise_static *s)
{
	mem_wipe(s, sizeof(*s));
}

/* What a payload says, still to be believed. */
struct claims {
	struct bytes key, signature;
	size_t extension_bytes;
	unsigned muxers;
	bool yamux;
};

static int read_extensions(struct bytes message, struct claims *c)
{
	struct pb_reader r = pb_begin(message);
	struct pb_field f;

	c->extension_bytes += message.len;
	if (c->extension_bytes > NOISE_EXTENSIONS_MAX)
		return P2P_ERR_TOO_LARGE;
	while (pb_next(&r, &f)) {
		if (!pb_is(&f, FIELD_MUXERS, PB_BYTES))
			continue;
		c->muxers++;
		if (bytes_eq(f.data, yamux_name))
			c->yamux = true;
	}
	return r.err;
}

/* Repeated single fields: the last one counts, as protobuf has it. Unknown fields (field 3 was once
 * in use) are passed over. */
static int read_claims(struct bytes payload, struct claims *c)
{
	struct pb_reader r = pb_begin(payload);
	struct pb_field f;

	while (pb_next(&r, &f)) {
		if (pb_is(&f, FIELD_KEY, PB_BYTES)) {
			c->key = f.data;
		} else if (pb_is(&f, FIELD_SIGNATURE, PB_BYTES)) {
			c->signature = f.data;
		} else if (pb_is(&f, FIELD_EXTENSIONS, PB_BYTES)) {
			int err = read_extensions(f.data, c);

			if (err)
				return err;
		}
	}
	return r.err;
}

static const char *why_key_type(enum key_type type)
{
	switch (type) {
	case KEY_RSA:
		return "key_type_rsa";
	case KEY_ECDSA:
		return "key_type_ecdsa";
	case KEY_SECP256K1:
		return "key_type_secp256k1";
	case KEY_ED25519:
		break;
	}
	return "key_type_unknown";
}

static int read_key(struct bytes pb, struct key_public *ret, const char **ret_why)
{
	enum key_type type = KEY_ED25519;
	int err = key_public_parse(pb, ret, &type);

	if (err == P2P_ERR_UNSUPPORTED)
		*ret_why = why_key_type(type);
	else if (err)
		err = P2P_ERR_PROTOCOL;
	return err;
}

int noise_payload_verify(struct bytes payload, const uint8_t peer_static[32],
	struct noise_proof *ret, const char **ret_why)
{
	struct claims c = {0};
	struct noise_proof proof = {0};
	uint8_t text[SIGNED_BYTES];
	const char *why = "noise_handshake";
	int err;

	if (read_claims(payload, &c) || c.key.len == 0 || c.signature.len == 0) {
		*ret_why = why;
		return P2P_ERR_PROTOCOL;
	}
	err = read_key(c.key, &proof.key, &why);
	if (err) {
		*ret_why = why;
		return err;
	}
	if (key_verify(&proof.key, signed_text(peer_static, text), c.signature)) {
		*ret_why = "noise_signature";
		return P2P_ERR_SIGNATURE;
	}
	key_peer_id(&proof.key, &proof.peer);
	proof.speaks_yamux = c.yamux && c.muxers <= NOISE_MUXERS_MAX;
	*ret = proof;
	return 0;
}
