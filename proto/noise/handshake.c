/* SPDX-License-Identifier: Apache-2.0 */
/* The XX pattern: -> e;  <- e, ee, s, es;  -> s, se. Each side's static key travels encrypted, and
 * the initiator's only after the responder has proven to hold its own. */
#include <assert.h>
#include <sodium.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/noise/noise.h"

#define SEALED_KEY_BYTES (NOISE_KEY_BYTES + NOISE_TAG_BYTES)

_Static_assert(crypto_scalarmult_BYTES == NOISE_KEY_BYTES, "X25519 result size");

void noise_xx_init(struct noise_xx *x, bool initiator, struct bytes prologue,
	const uint8_t own_secret[32], const uint8_t own_public[32])
{
	memset(x, 0, sizeof(*x));
	noise_symmetric_init(&x->sym, prologue);
	x->initiator = initiator;
	x->own_secret = own_secret;
	x->own_public = own_public;
}

void noise_xx_deinit(struct noise_xx *x)
{
	mem_wipe(x, sizeof(*x));
}

/* Mixes a Diffie-Hellman result into the key. A peer that sends a point of small order would make
 * it all zero, known to everybody; libsodium reports exactly that. */
static int mix_dh(struct noise_xx *x, const uint8_t secret[32], const uint8_t public[32])
{
	uint8_t shared[32];
	int err = 0;

	if (crypto_scalarmult(shared, secret, public))
		err = P2P_ERR_INVALID;
	else
		noise_mix_key(&x->sym, shared);
	mem_wipe(shared, sizeof(shared));
	return err;
}

/* ee, es and se, from whichever side we stand on: the first letter is the initiator's key. */
static int mix_ee(struct noise_xx *x)
{
	return mix_dh(x, x->ephemeral, x->peer_ephemeral);
}

static int mix_es(struct noise_xx *x)
{
	return x->initiator ? mix_dh(x, x->ephemeral, x->peer_static)
			    : mix_dh(x, x->own_secret, x->peer_ephemeral);
}

static int mix_se(struct noise_xx *x)
{
	return x->initiator ? mix_dh(x, x->own_secret, x->peer_ephemeral)
			    : mix_dh(x, x->ephemeral, x->peer_static);
}

static void write_e(struct noise_xx *x, struct rng *rng, uint8_t *at)
{
	rng_fill(rng, x->ephemeral, sizeof(x->ephemeral));
	/* Fails for no scalar: the base point is not of small order. */
	(void)crypto_scalarmult_base(x->ephemeral_public, x->ephemeral);
	memcpy(at, x->ephemeral_public, NOISE_KEY_BYTES);
	noise_mix_hash(&x->sym, bytes_of(at, NOISE_KEY_BYTES));
}

static int write_s(struct noise_xx *x, uint8_t *at)
{
	memcpy(at, x->own_public, NOISE_KEY_BYTES);
	return noise_encrypt_and_hash(&x->sym, at, NOISE_KEY_BYTES);
}

/* Everything of message `index` before its payload; `at` has keys_len(index) bytes. */
static int write_keys(struct noise_xx *x, struct rng *rng, uint8_t *at)
{
	int err;

	if (x->messages == 2) {
		err = write_s(x, at);
		return err ? err : mix_se(x);
	}
	write_e(x, rng, at);
	if (x->messages == 0)
		return 0;
	err = mix_ee(x);
	if (!err)
		err = write_s(x, at + NOISE_KEY_BYTES);
	return err ? err : mix_es(x);
}

/* How many bytes of keys stand before the payload of message 0, 1 or 2. */
static size_t keys_len(unsigned index)
{
	switch (index) {
	case 0:
		return NOISE_KEY_BYTES;
	case 1:
		return NOISE_KEY_BYTES + SEALED_KEY_BYTES;
	default:
		return SEALED_KEY_BYTES;
	}
}

int noise_xx_write(struct noise_xx *x, struct rng *rng, struct bytes payload, struct buf *out)
{
	size_t before = out->len, keys = keys_len(x->messages);
	size_t tag = x->messages > 0 ? NOISE_TAG_BYTES : 0;
	uint8_t *at;
	int err;

	assert(x->messages < 3 && (x->messages % 2 == 0) == x->initiator);
	at = buf_grow(out, keys + payload.len + tag);
	if (!at)
		return P2P_ERR_TOO_LARGE;
	err = write_keys(x, rng, at);
	if (!err) {
		if (payload.len)
			memcpy(at + keys, payload.at, payload.len);
		err = noise_encrypt_and_hash(&x->sym, at + keys, payload.len);
	}
	if (err) {
		buf_truncate(out, before);
		return err;
	}
	x->messages++;
	return 0;
}

static void read_e(struct noise_xx *x, struct bytes in)
{
	memcpy(x->peer_ephemeral, in.at, NOISE_KEY_BYTES);
	noise_mix_hash(&x->sym, bytes_head(in, NOISE_KEY_BYTES));
}

static int read_s(struct noise_xx *x, struct bytes in)
{
	return noise_decrypt_and_hash(&x->sym, bytes_head(in, SEALED_KEY_BYTES), x->peer_static);
}

static int read_keys(struct noise_xx *x, struct bytes body)
{
	int err;

	if (x->messages == 2) {
		err = read_s(x, body);
		return err ? err : mix_se(x);
	}
	read_e(x, body);
	if (x->messages == 0)
		return 0;
	err = mix_ee(x);
	if (!err)
		err = read_s(x, bytes_from(body, NOISE_KEY_BYTES));
	return err ? err : mix_es(x);
}

int noise_xx_read(struct noise_xx *x, struct bytes body, uint8_t *payload, size_t *ret_len)
{
	size_t keys = keys_len(x->messages);
	size_t tag = x->messages > 0 ? NOISE_TAG_BYTES : 0;
	int err;

	assert(x->messages < 3 && (x->messages % 2 == 1) == x->initiator);
	if (body.len < keys + tag)
		return P2P_ERR_TRUNCATED;
	err = read_keys(x, body);
	if (!err)
		err = noise_decrypt_and_hash(&x->sym, bytes_from(body, keys), payload);
	if (err)
		return err;
	*ret_len = body.len - keys - tag;
	x->messages++;
	return 0;
}

void noise_xx_split(const struct noise_xx *x, struct noise_cipher *ret_tx, struct noise_cipher *ret_rx)
{
	assert(x->messages == 3);
	if (x->initiator)
		noise_split(&x->sym, ret_tx, ret_rx);
	else
		noise_split(&x->sym, ret_rx, ret_tx);
}
