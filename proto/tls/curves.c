/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/curves.h"

#include <sodium.h>
#include <string.h>

#include "proto/base/err.h"

_Static_assert(TLS_CURVES_POINT_BYTES == crypto_scalarmult_curve25519_BYTES, "point");

int tls_curves_init(void)
{
	return sodium_init() < 0 ? P2P_ERR_CRYPTO : 0;
}

void nettle_curve25519_mul(uint8_t *ret, const uint8_t *scalar, const uint8_t *point)
{
	/* There is no secret to share with a point of small order: libsodium refuses it, nettle
	 * gives zeros, at which GnuTLS ends the handshake. */
	if (crypto_scalarmult_curve25519(ret, scalar, point))
		memset(ret, 0, TLS_CURVES_POINT_BYTES);
}

int nettle_ed25519_sha512_verify(
	const uint8_t *public, size_t len, const uint8_t *message, const uint8_t *signature)
{
	return crypto_sign_ed25519_verify_detached(signature, message, len, public) == 0;
}
