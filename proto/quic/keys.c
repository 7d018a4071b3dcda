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
#define HASH_BYTES_MAX   64
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

	/* Before: the plaintext stands where the sealed bytes go. */
	if (q)
		quic_seen_out(q, bytes_of(head, head_len), bytes_of(plain, plain_len));
	return ngtcp2_crypto_encrypt_cb(
		to, &real, key, plain, plain_len, nonce, nonce_len, head, head_len);
}

int quic_on_decrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
	const uint8_t *sealed, size_t sealed_len, const uint8_t *nonce, size_t nonce_len,
	const uint8_t *head, size_t head_len)
{
	ngtcp2_crypto_aead real = cipher_of(aead);
	struct quic_conn *q = conn_of(aead);
	int failed = ngtcp2_crypto_decrypt_cb(
		to, &real, key, sealed, sealed_len, nonce, nonce_len, head, head_len);

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

/* The secret that follows `now`, and the nonce base and key of it. */
static int next_key(struct quic_conn *q, const uint8_t *now, size_t len, uint8_t *ret_secret,
	uint8_t *ret_iv, uint8_t *ret_key)
{
	const ngtcp2_crypto_ctx *ctx = ngtcp2_conn_get_crypto_ctx(q->wire);
	ngtcp2_crypto_aead real = cipher_of(&ctx->aead);

	return expand(&ctx->md, now, len, "quic ku", ret_secret, len) ||
		expand(&ctx->md, ret_secret, len, "quic key", ret_key,
			ngtcp2_crypto_aead_keylen(&real)) ||
		expand(&ctx->md, ret_secret, len, "quic iv", ret_iv,
			ngtcp2_crypto_packet_protection_ivlen(&real));
}

int quic_on_update_key(ngtcp2_conn *wire, uint8_t *rx_secret, uint8_t *tx_secret,
	ngtcp2_crypto_aead_ctx *rx_key, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx_key,
	uint8_t *tx_iv, const uint8_t *rx_now, const uint8_t *tx_now, size_t len, void *arg)
{
	ngtcp2_crypto_aead real = cipher_of(&ngtcp2_conn_get_crypto_ctx(wire)->aead);
	size_t nonce_len = ngtcp2_crypto_packet_protection_ivlen(&real);
	uint8_t key[HASH_BYTES_MAX];
	int failed;

	failed = next_key(arg, rx_now, len, rx_secret, rx_iv, key) ||
		ngtcp2_crypto_aead_ctx_decrypt_init(rx_key, &real, key, nonce_len);
	if (!failed) {
		failed = next_key(arg, tx_now, len, tx_secret, tx_iv, key) ||
			ngtcp2_crypto_aead_ctx_encrypt_init(tx_key, &real, key, nonce_len);
		if (failed)
			ngtcp2_crypto_aead_ctx_free(rx_key);
	}
	mem_wipe(key, sizeof(key));
	return failed ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}
