/* SPDX-License-Identifier: Apache-2.0 */
/* curves.h: two operations on curves that libsodium does for GnuTLS.
 *
 * Most of a handshake is spent on curves, which GnuTLS has of nettle. For these two libsodium takes
 * half of nettle's time, and keeps secrets from whoever measures time as nettle does. GnuTLS
 * cannot be told to use another library, but a function of the program goes before one of the same
 * name in a shared library: GnuTLS finds ours where it means nettle's. If it does not (linked in
 * another way, or calling something else one day), nettle does the same, more slowly.
 *
 * The names and types are nettle's (nettle/curve25519.h, nettle/eddsa.h). */
#ifndef P2POS_TLS_CURVES_H
#define P2POS_TLS_CURVES_H

#include <stddef.h>
#include <stdint.h>

#define TLS_CURVES_POINT_BYTES 32

/* Lets libsodium choose what suits this CPU, and makes the linker take what follows. Any number of
 * times. P2P_ERR_CRYPTO. */
int tls_curves_init(void);

/* X25519 (RFC 7748): `ret` = `scalar` times `point`; zeros when that is no secret. */
void nettle_curve25519_mul(uint8_t *ret, const uint8_t *scalar, const uint8_t *point);

/* Ed25519 (RFC 8032): 1 when the signature is right, 0 when not. */
int nettle_ed25519_sha512_verify(
	const uint8_t *public, size_t len, const uint8_t *message, const uint8_t *signature);

#endif
