/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and judging a peer's certificate, in the order of tcp-stack.md 5.2. */
#include "proto/tls/cert.h"

#include "proto/base/cursor.h"
#include "proto/base/err.h"
#include "proto/tls/cert_inside.h"
#include "proto/tls/der.h"
#include "proto/tls/known.h"

#define SERIAL_BYTES_MAX   21 /* RFC 5280 has 20; some writers put a zero before them */
#define PREFIX_BYTES       21 /* of TLS_SIGNED_PREFIX */
#define ALERT_DECODE_ERROR 50

static const struct {
	int err;
	const char *why;
	uint8_t alert;
} refusals[] = {[TLS_ACCEPTED] = {0, NULL, 0},
#define X(id, code, word, number) [TLS_REFUSED_##id] = {P2P_ERR_##code, word, number},
	TLS_REFUSALS(X)
#undef X
};

/* The parts of a certificate that are looked at; all borrowed from it. */
struct parts {
	struct bytes content;   /* what is signed: the whole TBSCertificate */
	struct bytes algorithm; /* of the signature, whole; inside and outside the content */
	struct bytes algorithm_inside;
	struct bytes signature;
	struct bytes version; /* the integer's body; nothing when it is not there */
	struct bytes validity;
	struct bytes spki; /* the certificate's key, whole */
	struct bytes extensions;
	bool has_unique_id;
};

static void read_content(struct der *d, struct parts *p)
{
	struct der field;
	struct bytes body, serial;

	if (der_peek(d) == DER_FIELD_0) {
		field = der_enter(d, DER_FIELD_0);
		p->version = der_take(&field, DER_INTEGER);
		if (!der_is_done(&field))
			der_fail(d);
	}
	serial = der_take(d, DER_INTEGER);
	if (serial.len > SERIAL_BYTES_MAX)
		der_fail(d);
	p->algorithm_inside = der_take_both(d, DER_SEQUENCE, &body);
	(void)der_take(d, DER_SEQUENCE); /* issuer: anything */
	p->validity = der_take(d, DER_SEQUENCE);
	(void)der_take(d, DER_SEQUENCE); /* subject: anything */
	p->spki = der_take_both(d, DER_SEQUENCE, &body);
	while (der_peek(d) == DER_STRING_1 || der_peek(d) == DER_STRING_2) {
		p->has_unique_id = true;
		(void)der_take_whole(d);
	}
	if (der_peek(d) == DER_FIELD_3) {
		field = der_enter(d, DER_FIELD_3);
		p->extensions = der_take(&field, DER_SEQUENCE);
		if (!der_is_done(&field))
			der_fail(d);
	}
}

static enum tls_refusal read_parts(struct bytes der, struct parts *ret)
{
	struct der whole = der_of(der), cert, content;
	struct bytes body;

	if (!der_is_strict(der))
		return TLS_REFUSED_DER;
	cert = der_enter(&whole, DER_SEQUENCE);
	ret->content = der_take_both(&cert, DER_SEQUENCE, &body);
	content = (struct der){body, cert.err};
	read_content(&content, ret);
	ret->algorithm = der_take_both(&cert, DER_SEQUENCE, &body);
	ret->signature = der_bits(der_take(&cert, DER_BIT_STRING));
	if (!der_is_done(&cert) || !der_is_done(&content) || ret->signature.len == 0)
		return TLS_REFUSED_DER;
	return TLS_ACCEPTED;
}

/* Second by second: a certificate is valid to the end of its last one. */
static enum tls_refusal judge_dates(struct bytes validity, wall_t now)
{
	struct der d = der_of(validity);
	wall_t begin = der_take_time(&d), end = der_take_time(&d);

	if (!der_is_done(&d))
		return TLS_REFUSED_TIME;
	if (now.sec < begin.sec)
		return TLS_REFUSED_EARLY;
	return now.sec > end.sec ? TLS_REFUSED_EXPIRED : TLS_ACCEPTED;
}

static enum tls_refusal judge_shell(const struct parts *p, wall_t now)
{
	enum tls_refusal refusal;

	if (!bytes_eq(p->version, BYTES_LIT("\x02"))) /* counted from zero */
		return TLS_REFUSED_VERSION;
	if (p->has_unique_id)
		return TLS_REFUSED_UNIQUE_ID;
	refusal = judge_dates(p->validity, now);
	if (refusal)
		return refusal;
	return bytes_eq(p->algorithm, p->algorithm_inside) ? TLS_ACCEPTED : TLS_REFUSED_ALGORITHM;
}

/* One of the extensions; false when it is malformed. `critical` is false by default, and a default
 * is not written in DER. */
static bool read_extension(
	struct der *list, struct bytes *ret_oid, bool *ret_critical, struct bytes *ret_value)
{
	struct der e = der_enter(list, DER_SEQUENCE);

	*ret_oid = der_take(&e, DER_OID);
	*ret_critical = der_peek(&e) == DER_BOOLEAN;
	if (*ret_critical && !bytes_eq(der_take(&e, DER_BOOLEAN), BYTES_LIT("\xff")))
		der_fail(&e);
	*ret_value = der_take(&e, DER_OCTET_STRING);
	return der_is_done(&e);
}

/* Finds libp2p's extension, once. Others are passed over unless they insist on being understood. */
static enum tls_refusal find_signed_key(struct bytes extensions, struct bytes *ret)
{
	struct der list = der_of(extensions);
	bool found = false;

	while (list.in.len) {
		struct bytes oid, value;
		bool critical;

		if (!read_extension(&list, &oid, &critical, &value))
			return TLS_REFUSED_DER;
		if (!bytes_eq(oid, TLS_OID_BYTES)) {
			if (critical)
				return TLS_REFUSED_CRITICAL;
			continue;
		}
		if (found)
			return TLS_REFUSED_TWICE;
		found = true;
		*ret = value;
	}
	return found ? TLS_ACCEPTED : TLS_REFUSED_MISSING;
}

static enum tls_refusal refuse_key_type(enum key_type type)
{
	switch (type) {
	case KEY_RSA: return TLS_REFUSED_KEY_RSA;
	case KEY_ECDSA: return TLS_REFUSED_KEY_ECDSA;
	case KEY_SECP256K1: return TLS_REFUSED_KEY_SECP256K1;
	case KEY_ED25519: break;
	}
	return TLS_REFUSED_HOST_KEY;
}

static enum tls_refusal verify_host(
	const struct key_public *key, struct bytes spki, struct bytes signature)
{
	struct buf text = BUF_WITH_MAX(PREFIX_BYTES + TLS_CERT_BYTES_MAX);
	enum tls_refusal refusal = TLS_REFUSED_HOST_SIGNATURE;

	if (!buf_put(&text, TLS_SIGNED_PREFIX) && !buf_put(&text, spki) &&
		!key_verify(key, buf_bytes(&text), signature))
		refusal = TLS_ACCEPTED;
	buf_deinit(&text);
	return refusal;
}

/* SignedKey: two octet strings, the identity key and its signature. */
static enum tls_refusal read_signed_key(
	struct bytes value, struct key_public *ret, struct bytes *ret_signature)
{
	struct der whole = der_of(value), d = der_enter(&whole, DER_SEQUENCE);
	struct bytes pb = der_take(&d, DER_OCTET_STRING);
	enum key_type type = KEY_ED25519;
	int err;

	*ret_signature = der_take(&d, DER_OCTET_STRING);
	if (!der_is_done(&whole) || !der_is_done(&d))
		return TLS_REFUSED_SIGNED_KEY;
	err = key_public_parse(pb, ret, &type);
	if (err)
		return err == P2P_ERR_UNSUPPORTED ? refuse_key_type(type) : TLS_REFUSED_HOST_KEY;
	return TLS_ACCEPTED;
}

/* All that is said of a certificate but its size; signatures are verified unless that was done. */
static enum tls_refusal judge_inside(
	const struct tls_judge *j, struct bytes der, bool is_known, struct key_public *ret)
{
	struct parts p = {0};
	struct bytes signed_key, signature;
	enum tls_refusal refusal = read_parts(der, &p);

	if (!refusal)
		refusal = judge_shell(&p, j->now);
	if (!refusal && !is_known)
		refusal = tls_self_signature(p.spki, p.algorithm, p.content, p.signature);
	if (!refusal)
		refusal = find_signed_key(p.extensions, &signed_key);
	if (!refusal)
		refusal = read_signed_key(signed_key, ret, &signature);
	if (!refusal && !is_known)
		refusal = verify_host(ret, p.spki, signature);
	return refusal;
}

static enum tls_refusal judge(const struct tls_judge *j, struct bytes der, struct tls_verdict *v)
{
	uint8_t digest[TLS_KNOWN_BYTES];
	enum tls_refusal refusal;

	if (der.len > TLS_CERT_BYTES_MAX)
		return TLS_REFUSED_LARGE;
	if (j->known)
		tls_known_digest(der, digest);
	refusal = judge_inside(j, der, j->known && tls_known_has(j->known, digest), &v->key);
	if (refusal)
		return refusal;
	key_peer_id(&v->key, &v->peer);
	if (!peer_id_is_none(&j->expected) && !peer_id_eq(&j->expected, &v->peer))
		return TLS_REFUSED_PEER;
	if (j->known)
		tls_known_add(j->known, digest);
	return TLS_ACCEPTED;
}

static int pronounce(enum tls_refusal refusal, struct tls_verdict *v)
{
	if (refusal)
		*v = (struct tls_verdict){0}; /* nothing of a refused peer is known */
	v->why = refusals[refusal].why;
	v->alert = refusals[refusal].alert;
	return refusals[refusal].err;
}

int tls_judge_cert(const struct tls_judge *j, struct bytes der, struct tls_verdict *ret)
{
	*ret = (struct tls_verdict){0};
	return pronounce(judge(j, der, ret), ret);
}

static size_t take_u24(struct cursor *c)
{
	size_t high = cursor_u8(c);

	return high << 16 | cursor_u16be(c);
}

/* Splits the one certificate off. What may be said about it (extensions of the message, which
 * nobody asked for) is GnuTLS's to judge. */
static enum tls_refusal read_message(struct bytes message, struct bytes *ret_der)
{
	struct cursor c = cursor_of(message), list;

	(void)cursor_take(&c, cursor_u8(&c)); /* the request's name, empty in a handshake */
	list = cursor_of(cursor_take(&c, take_u24(&c)));
	if (c.err || !cursor_at_end(&c))
		return TLS_REFUSED_MESSAGE;
	if (cursor_at_end(&list))
		return TLS_REFUSED_NONE;
	*ret_der = cursor_take(&list, take_u24(&list));
	(void)cursor_take(&list, cursor_u16be(&list));
	if (list.err || !ret_der->len)
		return TLS_REFUSED_MESSAGE;
	return cursor_at_end(&list) ? TLS_ACCEPTED : TLS_REFUSED_COUNT;
}

int tls_judge_message(const struct tls_judge *j, struct bytes message, struct tls_verdict *ret)
{
	struct bytes der;
	enum tls_refusal refusal = read_message(message, &der);
	int err;

	if (!refusal)
		return tls_judge_cert(j, der, ret);
	err = pronounce(refusal, ret);
	/* A client may have no certificate, and is told that one is required; a server without one
	 * has not understood TLS (RFC 8446 section 4.4.2.4). */
	if (refusal == TLS_REFUSED_NONE && j->of_server)
		ret->alert = ALERT_DECODE_ERROR;
	return err;
}
