/* SPDX-License-Identifier: Apache-2.0 */
/* Our own certificate (tcp-stack.md 5.1; quic.md 6.1). */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "proto/base/err.h"
#include "proto/tls/cert_inside.h"

#define OID              "1.3.6.1.4.1.53594.1.1"
#define SERIAL_BYTES     8
#define BACKDATE_SEC     3600                     /* for peers whose clocks are slow */
#define LIFETIME_SEC     (INT64_C(36525) * 86400) /* a hundred years: it lives as long as we */
#define LAST_SEC         INT64_C(253402300799) /* 9999-12-31T23:59:59Z, all that can be written */
#define SPKI_BYTES_MAX   256
#define SIGNED_KEY_BYTES 106

/* SignedKey: a sequence of two octet strings, of 36 and 64 bytes. */
static const uint8_t signed_key_head[] = {0x30, 0x68, 0x04, KEY_PUBLIC_PB_BYTES};
static const uint8_t signed_key_middle[] = {0x04, KEY_SIGNATURE_BYTES};

_Static_assert(sizeof(signed_key_head) + KEY_PUBLIC_PB_BYTES + sizeof(signed_key_middle) +
			       KEY_SIGNATURE_BYTES ==
		       SIGNED_KEY_BYTES,
	"layout");

/* Signs the certificate's key with the identity. */
static void write_signed_key(const struct key_pair *identity, struct bytes signed_text, uint8_t *to)
{
	struct key_public public;

	key_public_of(identity, &public);
	memcpy(to, signed_key_head, sizeof(signed_key_head));
	to += sizeof(signed_key_head);
	key_public_pb(&public, to);
	to += KEY_PUBLIC_PB_BYTES;
	memcpy(to, signed_key_middle, sizeof(signed_key_middle));
	key_sign(identity, signed_text, to + sizeof(signed_key_middle));
}

/* The text that the identity signs: the prefix and the SubjectPublicKeyInfo of `key`, whose bytes
 * stand in the certificate alike. */
static int put_signed_text(gnutls_pubkey_t key, struct buf *out)
{
	gnutls_datum_t spki = {NULL, 0};
	int err;

	if (gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki) < 0)
		return P2P_ERR_CRYPTO;
	err = buf_put(out, TLS_SIGNED_PREFIX);
	if (!err)
		err = buf_put(out, bytes_of(spki.data, spki.size));
	gnutls_free(spki.data);
	return err;
}

static int add_signed_key(
	const struct key_pair *identity, gnutls_x509_crt_t cert, gnutls_pubkey_t key)
{
	struct buf text = BUF_WITH_MAX(SPKI_BYTES_MAX);
	uint8_t value[SIGNED_KEY_BYTES];
	int err = put_signed_text(key, &text);

	if (!err) {
		write_signed_key(identity, buf_bytes(&text), value);
		/* Not critical, as in go; the only extension, because js takes the first for it. */
		if (gnutls_x509_crt_set_extension_by_oid(cert, OID, value, sizeof(value), 0) < 0)
			err = P2P_ERR_CRYPTO;
	}
	buf_deinit(&text);
	return err;
}

/* A clock that has not been set yet (or goes mad) gives dates that can be written down. */
static int64_t clamp(int64_t sec)
{
	return sec < 0 ? 0 : sec > LAST_SEC ? LAST_SEC : sec;
}

static int fill_in(gnutls_x509_crt_t cert, gnutls_pubkey_t key, struct rng *rng, wall_t now)
{
	uint8_t serial[SERIAL_BYTES];

	rng_fill(rng, serial, sizeof(serial));
	serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and all eight bytes count */
	if (gnutls_x509_crt_set_version(cert, 3) < 0 ||
		gnutls_x509_crt_set_serial(cert, serial, sizeof(serial)) < 0 ||
		gnutls_x509_crt_set_activation_time(
			cert, clamp(wall_add_sec(now, -BACKDATE_SEC).sec)) < 0 ||
		gnutls_x509_crt_set_expiration_time(
			cert, clamp(wall_add_sec(now, LIFETIME_SEC).sec)) < 0 ||
		gnutls_x509_crt_set_pubkey(cert, key) < 0)
		return P2P_ERR_CRYPTO;
	return 0;
}

/* What goes with the key; for Ed25519 a part of it. */
static gnutls_digest_algorithm_t digest_of(enum tls_cert_kind kind)
{
	return kind == TLS_CERT_ED25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
}

int tls_cert_make(const struct key_pair *identity, const struct tls_cert_keys *keys,
	enum tls_cert_kind kind, struct rng *rng, wall_t now, gnutls_x509_crt_t *ret)
{
	gnutls_privkey_t private = NULL;
	gnutls_pubkey_t public = NULL;
	gnutls_x509_crt_t cert = NULL;
	int err = tls_cert_key_private(keys, kind, &private);

	if (!err)
		err = tls_cert_key_public(keys, kind, &public);
	if (!err && gnutls_x509_crt_init(&cert) < 0)
		err = P2P_ERR_CRYPTO;
	if (!err)
		err = fill_in(cert, public, rng, now);
	if (!err)
		err = add_signed_key(identity, cert, public);
	if (!err && gnutls_x509_crt_privkey_sign(cert, cert, private, digest_of(kind), 0) < 0)
		err = P2P_ERR_CRYPTO;
	if (private)
		gnutls_privkey_deinit(private);
	if (public)
		gnutls_pubkey_deinit(public);
	if (!err)
		*ret = cert;
	else if (cert)
		gnutls_x509_crt_deinit(cert);
	return err;
}
