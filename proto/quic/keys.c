/* SPDX-License-Identifier: Apache-2.0 */
/* Seals and opens packets by GnuTLS, as ngtcp2's own helper does, and shows them to seen.c on the
 * way.
 *
 * ngtcp2 does not say for which connection it seals. What it does hand over is its note of the
 * cipher, whose `native_handle` it never looks at: once the handshake is over we put the connection
 * in there and keep the cipher's number ourselves. A number is small and an address is not. */
#include <gnutls/gnutls.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/quic/conn.h"

#define CIPHERS_MAX      4096 /* numbers of GnuTLS's ciphers stay far below */
#define LABEL_BYTES_MAX  32

static struct quic_conn *conn_of(const ngtcp2_crypto_aead *aead)
{
	return (uintptr_t)aead->native_handle < CIPHERS_MAX ? NULL : aead->native_handle;
}

static ngtcp2_crypto_aead cipher_of(const ngtcp2_crypto_aead *aead)
{
	const struct quic_conn *q = conn_of(aead);
	ngtcp2_crypto_aead real = *aead;

	if (q)
		real.native_handle = q->cipher;
	return real;
}

/* ---- Keys that are opened when they are needed ---- */

/* NULL: it was opened at once, and not by us. */
static struct quic_key *later_of(struct quic_conn *q, const ngtcp2_crypto_aead_ctx *key)
{
	for (size_t i = 0; q && i < QUIC_KEYS_LATER; i++)
		if (key->native_handle == &q->later[i])
			return &q->later[i];
	return NULL;
}

/* Puts a key by. NULL: there are more than could be in use. */
static struct quic_key *put_by(struct quic_conn *q, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < QUIC_KEYS_LATER; i++) {
		struct quic_key *k = &q->later[i];

		if (k->is_taken)
			continue;
		k->is_taken = true;
		memcpy(k->at, at, len);
		return k;
	}
	return NULL;
}

static void drop(struct quic_key *k)
{
	ngtcp2_crypto_aead_ctx real = {k->open};

	if (k->open)
		ngtcp2_crypto_aead_ctx_free(&real);
	mem_wipe(k, sizeof(*k));
}

/* What GnuTLS knows `key` by; 0, or an error of ngtcp2's. GnuTLS makes no difference between keys
 * to seal and keys to open. */
static int open_key(struct quic_conn *q, const ngtcp2_crypto_aead *cipher,
	const ngtcp2_crypto_aead_ctx *key, size_t nonce_len, ngtcp2_crypto_aead_ctx *ret)
{
	struct quic_key *k = later_of(q, key);

	*ret = *key;
	if (!k)
		return 0;
	if (!k->open) {
		if (ngtcp2_crypto_aead_ctx_encrypt_init(ret, cipher, k->at, nonce_len))
			return NGTCP2_ERR_CALLBACK_FAILURE;
		k->open = ret->native_handle;
		mem_wipe(k->at, sizeof(k->at));
	}
	ret->native_handle = k->open;
	return 0;
}

void quic_on_delete_key(ngtcp2_conn *wire, ngtcp2_crypto_aead_ctx *key, void *arg)
{
	struct quic_key *k = later_of(arg, key);

	if (k)
		drop(k);
	else
		ngtcp2_crypto_delete_crypto_aead_ctx_cb(wire, key, arg);
}

/* ---- Packets ---- */

void quic_keys_watch(struct quic_conn *q)
{
	ngtcp2_crypto_ctx ctx = *ngtcp2_conn_get_crypto_ctx(q->wire);

	q->cipher = ctx.aead.native_handle;
	ctx.aead.native_handle = q;
	ngtcp2_conn_set_crypto_ctx(q->wire, &ctx);
}

int quic_on_encrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
	const uint8_t *plain, size_t plain_len, const uint8_t *nonce, size_t nonce_len,
	const uint8_t *head, size_t head_len)
{
	ngtcp2_crypto_aead real = cipher_of(aead);
	struct quic_conn *q = conn_of(aead);
	ngtcp2_crypto_aead_ctx by;

	/* Before: the plaintext stands where the sealed bytes go. */
	if (q)
		quic_seen_out(q, bytes_of(head, head_len), bytes_of(plain, plain_len));
	if (open_key(q, &real, key, nonce_len, &by))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return ngtcp2_crypto_encrypt_cb(
		to, &real, &by, plain, plain_len, nonce, nonce_len, head, head_len);
}

int quic_on_decrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
	const uint8_t *sealed, size_t sealed_len, const uint8_t *nonce, size_t nonce_len,
	const uint8_t *head, size_t head_len)
{
	ngtcp2_crypto_aead real = cipher_of(aead);
	struct quic_conn *q = conn_of(aead);
	ngtcp2_crypto_aead_ctx by;
	int failed;

	if (open_key(q, &real, key, nonce_len, &by))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	failed = ngtcp2_crypto_decrypt_cb(
		to, &real, &by, sealed, sealed_len, nonce, nonce_len, head, head_len);
	if (!q)
		return failed;
	if (failed) {
		q->ep->stats.undecryptable++;
		return failed;
	}
	return quic_seen_in(q, bytes_of(head, head_len),
		bytes_of(to, sealed_len - real.max_overhead));
}

/* ---- New keys (RFC 9001 section 6.1) ---- */

/* HKDF-Expand-Label with an empty context (RFC 8446 section 7.1). */
static int expand(const ngtcp2_crypto_md *md, const uint8_t *secret, size_t len, const char *label,
	uint8_t *to, size_t to_len)
{
	uint8_t info[LABEL_BYTES_MAX];
	size_t label_len = strlen(label);

	info[0] = (uint8_t)(to_len >> 8);
	info[1] = (uint8_t)to_len;
	info[2] = (uint8_t)(6 + label_len);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, label_len);
	info[9 + label_len] = 0;
	return ngtcp2_crypto_hkdf_expand(to, to_len, md, secret, len, info, 10 + label_len);
}

/* The secret that follows `now`, the nonce base and the key of it. NULL: it cannot be made. */
static struct quic_key *next_key(
	struct quic_conn *q, const uint8_t *now, size_t len, uint8_t *ret_secret, uint8_t *ret_iv)
{
	const ngtcp2_crypto_ctx *ctx = ngtcp2_conn_get_crypto_ctx(q->wire);
	ngtcp2_crypto_aead real = cipher_of(&ctx->aead);
	size_t key_len = ngtcp2_crypto_aead_keylen(&real);
	struct quic_key *k = NULL;
	uint8_t key[QUIC_KEY_BYTES_MAX];

	if (key_len <= sizeof(key) && !expand(&ctx->md, now, len, "quic ku", ret_secret, len) &&
		!expand(&ctx->md, ret_secret, len, "quic key", key, key_len) &&
		!expand(&ctx->md, ret_secret, len, "quic iv", ret_iv,
			ngtcp2_crypto_packet_protection_ivlen(&real)))
		k = put_by(q, key, key_len);
	mem_wipe(key, sizeof(key));
	return k;
}

int quic_on_update_key(ngtcp2_conn *wire, uint8_t *rx_secret, uint8_t *tx_secret,
	ngtcp2_crypto_aead_ctx *rx_key, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx_key,
	uint8_t *tx_iv, const uint8_t *rx_now, const uint8_t *tx_now, size_t len, void *arg)
{
	struct quic_key *rx, *tx;

	(void)wire;
	rx = next_key(arg, rx_now, len, rx_secret, rx_iv);
	tx = rx ? next_key(arg, tx_now, len, tx_secret, tx_iv) : NULL;
	if (!tx && rx)
		drop(rx);
	if (!tx)
		return NGTCP2_ERR_CALLBACK_FAILURE;
	rx_key->native_handle = rx;
	tx_key->native_handle = tx;
	return 0;
}
