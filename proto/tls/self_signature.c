/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a certificate and its signature over itself (tcp-stack.md 5.2, steps 3 and 4).
 *
 * DER has one encoding of everything, and few kinds of keys and algorithms are taken, so both are
 * recognised by their bytes: what is not in the tables here does not reach GnuTLS. */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "proto/tls/cert_inside.h"
#include "proto/tls/der.h"

enum kind { KIND_P256, KIND_P384, KIND_ED25519, KIND_RSA };

/* Keys of a fixed size: how their SubjectPublicKeyInfo begins, and how long it is. Points of curves
 * are uncompressed (04). */
static const struct {
	enum kind kind;
	struct bytes head;
	size_t len;
} fixed_keys[] = {
	{KIND_P256,
		BYTES_LIT("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
			  "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04"),
		91},
	{KIND_P384,
		BYTES_LIT("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
			  "\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04"),
		120},
	{KIND_ED25519, BYTES_LIT("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"), 44},
};

/* The body of an AlgorithmIdentifier: rsaEncryption, null. */
static const struct bytes rsa_key =
	BYTES_LIT("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00");

/* RSASSA-PSS with one hash for everything and a salt as long as the hash. */
#define PSS(hash, salt)                                                                            \
	BYTES_LIT("\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34"                   \
		  "\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" hash                  \
		  "\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"           \
		  "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" hash                          \
		  "\x05\x00\xa2\x03\x02\x01" salt)
#define RSA(hash)   BYTES_LIT("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" hash "\x05\x00")
#define ECDSA(hash) BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" hash)

/* Whole AlgorithmIdentifiers, and the keys they go with. A curve has one hash, as in rust. */
static const struct {
	enum kind kind;
	struct bytes whole;
	gnutls_sign_algorithm_t sign;
} algorithms[] = {
	{KIND_P256, ECDSA("\x02"), GNUTLS_SIGN_ECDSA_SHA256},
	{KIND_P384, ECDSA("\x03"), GNUTLS_SIGN_ECDSA_SHA384},
	{KIND_ED25519, BYTES_LIT("\x30\x05\x06\x03\x2b\x65\x70"), GNUTLS_SIGN_EDDSA_ED25519},
	{KIND_RSA, RSA("\x0b"), GNUTLS_SIGN_RSA_SHA256},
	{KIND_RSA, RSA("\x0c"), GNUTLS_SIGN_RSA_SHA384},
	{KIND_RSA, RSA("\x0d"), GNUTLS_SIGN_RSA_SHA512},
	{KIND_RSA, PSS("\x01", "\x20"), GNUTLS_SIGN_RSA_PSS_RSAE_SHA256},
	{KIND_RSA, PSS("\x02", "\x30"), GNUTLS_SIGN_RSA_PSS_RSAE_SHA384},
	{KIND_RSA, PSS("\x03", "\x40"), GNUTLS_SIGN_RSA_PSS_RSAE_SHA512},
};

/* How many bits a positive integer has; 0 when it is not one in its shortest form. */
static size_t bits_of(struct bytes integer)
{
	size_t bits;

	if (integer.len && integer.at[0] == 0) {
		integer = bytes_from(integer, 1);
		if (!integer.len || integer.at[0] < 0x80)
			return 0;
	} else if (!integer.len || integer.at[0] >= 0x80) {
		return 0;
	}
	bits = integer.len * 8;
	for (uint8_t top = integer.at[0]; top < 0x80; top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

static bool is_odd(struct bytes integer)
{
	return integer.at[integer.len - 1] & 1;
}

/* An RSA key of a sensible size. A large exponent is legal, and makes verifying a thousand times
 * as costly; everybody's is 65537. */
static bool is_rsa_key(struct bytes spki)
{
	struct der whole = der_of(spki), info = der_enter(&whole, DER_SEQUENCE), key;
	bool is_rsa = bytes_eq(der_take(&info, DER_SEQUENCE), rsa_key);
	struct bytes bits = der_bits(der_take(&info, DER_BIT_STRING)), n, e;

	if (!is_rsa || !der_is_done(&info) || !der_is_strict(bits))
		return false;
	whole = der_of(bits);
	key = der_enter(&whole, DER_SEQUENCE);
	n = der_take(&key, DER_INTEGER);
	e = der_take(&key, DER_INTEGER);
	return der_is_done(&key) && bits_of(n) >= TLS_CERT_RSA_BITS_MIN &&
	       bits_of(n) <= TLS_CERT_RSA_BITS_MAX && is_odd(n) && bits_of(e) >= 2 &&
	       bits_of(e) <= 32 && is_odd(e);
}

static bool find_kind(struct bytes spki, enum kind *ret)
{
	for (size_t i = 0; i < sizeof(fixed_keys) / sizeof(fixed_keys[0]); i++) {
		if (spki.len == fixed_keys[i].len && bytes_starts(spki, fixed_keys[i].head)) {
			*ret = fixed_keys[i].kind;
			return true;
		}
	}
	*ret = KIND_RSA;
	return is_rsa_key(spki);
}

static bool find_algorithm(struct bytes whole, enum kind kind, gnutls_sign_algorithm_t *ret)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (kind == algorithms[i].kind && bytes_eq(whole, algorithms[i].whole)) {
			*ret = algorithms[i].sign;
			return true;
		}
	}
	return false;
}

static gnutls_datum_t datum_of(struct bytes b)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)b.at, (unsigned)b.len}; /* only read */
}

static enum tls_refusal verify(gnutls_pubkey_t key, struct bytes spki, gnutls_sign_algorithm_t sign,
	struct bytes content, struct bytes signature)
{
	gnutls_datum_t info = datum_of(spki), data = datum_of(content), sig = datum_of(signature);

	/* Whether a point is on its curve shows when something is to be verified with it. */
	if (gnutls_pubkey_import(key, &info, GNUTLS_X509_FMT_DER) < 0)
		return TLS_REFUSED_KEY;
	return gnutls_pubkey_verify_data2(key, sign, 0, &data, &sig) < 0 ? TLS_REFUSED_SELF
									 : TLS_ACCEPTED;
}

enum tls_refusal tls_self_signature(
	struct bytes spki, struct bytes algorithm, struct bytes content, struct bytes signature)
{
	gnutls_sign_algorithm_t sign;
	enum tls_refusal refusal;
	gnutls_pubkey_t key;
	enum kind kind;

	if (!find_kind(spki, &kind))
		return TLS_REFUSED_KEY;
	if (!find_algorithm(algorithm, kind, &sign))
		return TLS_REFUSED_ALGORITHM;
	if (gnutls_pubkey_init(&key) < 0)
		return TLS_REFUSED_SELF; /* out of memory: nothing is proven */
	refusal = verify(key, spki, sign, content, signature);
	gnutls_pubkey_deinit(key);
	return refusal;
}
