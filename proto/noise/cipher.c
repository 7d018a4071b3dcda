/* SPDX-License-Identifier: Apache-2.0 */
/* The framework's CipherState and SymmetricState for ChaChaPoly and SHA-256. */
#include <assert.h>
#include <sodium.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/noise/noise.h"

/* The framework reserves the last counter value. */
#define COUNTER_UNUSABLE UINT64_MAX

_Static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == NOISE_TAG_BYTES, "tag size");
_Static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == NOISE_KEY_BYTES, "key size");

/* Four zero bytes, then the counter, lowest byte first. */
static void nonce_of(uint64_t n, uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
	memset(nonce, 0, 4);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(n >> (8 * i));
}

int noise_cipher_seal(struct noise_cipher *c, struct bytes ad, uint8_t *at, size_t len)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	if (c->n == COUNTER_UNUSABLE)
		return P2P_ERR_CRYPTO;
	nonce_of(c->n++, nonce);
	(void)crypto_aead_chacha20poly1305_ietf_encrypt_detached(
		at, at + len, NULL, at, len, ad.at, ad.len, NULL, nonce, c->key);
	return 0;
}

int noise_cipher_open(struct noise_cipher *c, struct bytes ad, struct bytes sealed, uint8_t *to)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	size_t len;

	if (sealed.len < NOISE_TAG_BYTES || c->n == COUNTER_UNUSABLE)
		return P2P_ERR_CRYPTO;
	len = sealed.len - NOISE_TAG_BYTES;
	nonce_of(c->n, nonce);
	if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(to, NULL, sealed.at, len,
		    sealed.at + len, ad.at, ad.len, nonce, c->key))
		return P2P_ERR_CRYPTO;
	c->n++;
	return 0;
}

static void hmac(const uint8_t key[32], struct bytes a, struct bytes b, uint8_t out[32])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, key, 32);
	if (a.len)
		crypto_auth_hmacsha256_update(&st, a.at, a.len);
	if (b.len)
		crypto_auth_hmacsha256_update(&st, b.at, b.len);
	crypto_auth_hmacsha256_final(&st, out);
	mem_wipe(&st, sizeof(st));
}

/* HKDF with two outputs, as the framework defines it. `first` may be `ck`. */
static void hkdf(const uint8_t ck[32], struct bytes input, uint8_t first[32], uint8_t second[32])
{
	static const uint8_t one = 1, two = 2;
	uint8_t temp[32];

	hmac(ck, input, BYTES_NONE, temp);
	hmac(temp, bytes_of(&one, 1), BYTES_NONE, first);
	hmac(temp, bytes_of(first, 32), bytes_of(&two, 1), second);
	mem_wipe(temp, sizeof(temp));
}

void noise_symmetric_init(struct noise_symmetric *s, struct bytes prologue)
{
	/* Exactly as long as a hash, so it is the first hash itself. */
	static const char name[] = "Noise_XX_25519_ChaChaPoly_SHA256";

	_Static_assert(sizeof(name) - 1 == sizeof(s->h), "the name fills the hash");
	memset(s, 0, sizeof(*s));
	memcpy(s->h, name, sizeof(s->h));
	memcpy(s->ck, s->h, sizeof(s->ck));
	/* Also when it is empty: hashing nothing still changes h. */
	noise_mix_hash(s, prologue);
}

void noise_mix_hash(struct noise_symmetric *s, struct bytes data)
{
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, s->h, sizeof(s->h));
	if (data.len)
		crypto_hash_sha256_update(&st, data.at, data.len);
	crypto_hash_sha256_final(&st, s->h);
}

void noise_mix_key(struct noise_symmetric *s, const uint8_t input[32])
{
	hkdf(s->ck, bytes_of(input, 32), s->ck, s->cipher.key);
	s->cipher.n = 0;
	s->has_key = true;
}

int noise_encrypt_and_hash(struct noise_symmetric *s, uint8_t *at, size_t len)
{
	size_t sealed = len;

	if (s->has_key) {
		int err = noise_cipher_seal(&s->cipher, bytes_of(s->h, sizeof(s->h)), at, len);

		if (err)
			return err;
		sealed += NOISE_TAG_BYTES;
	}
	noise_mix_hash(s, bytes_of(at, sealed));
	return 0;
}

int noise_decrypt_and_hash(struct noise_symmetric *s, struct bytes in, uint8_t *to)
{
	struct noise_symmetric after = *s;
	int err = 0;

	/* The hash covers what stood on the wire, which `to` may overwrite; and the cipher needs
	 * the hash of before. */
	noise_mix_hash(&after, in);
	if (s->has_key)
		err = noise_cipher_open(&s->cipher, bytes_of(s->h, sizeof(s->h)), in, to);
	else if (in.len)
		memmove(to, in.at, in.len);
	if (!err)
		memcpy(s->h, after.h, sizeof(s->h));
	mem_wipe(&after, sizeof(after));
	return err;
}

void noise_split(
	const struct noise_symmetric *s, struct noise_cipher *ret_first, struct noise_cipher *ret_second)
{
	hkdf(s->ck, BYTES_NONE, ret_first->key, ret_second->key);
	ret_first->n = 0;
	ret_second->n = 0;
}
