/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions with peers that are not ours, and do what one of ours would not. */
#include "proto/tls/session.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/proto/tls/side.h"

/* A peer that is GnuTLS and does what the test says. */
struct stranger {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	gnutls_pcert_st chain[2];
	struct buf in, out;
	int code;
};

static ssize_t stranger_push(gnutls_transport_ptr_t arg, const void *at, size_t len)
{
	struct stranger *s = arg;

	assert_ok(buf_put(&s->out, bytes_of(at, len)));
	return (ssize_t)len;
}

static ssize_t stranger_pull(gnutls_transport_ptr_t arg, void *to, size_t len)
{
	struct stranger *s = arg;
	size_t n = len < s->in.len ? len : s->in.len;

	if (n == 0) {
		gnutls_transport_set_errno(s->session, EAGAIN);
		return -1;
	}
	memcpy(to, s->in.data, n);
	buf_drop(&s->in, n);
	return (ssize_t)n;
}

static void stranger_init(struct stranger *s, unsigned flags, const char *priority)
{
	*s = (struct stranger){0};
	assert_int_equal(gnutls_init(&s->session, flags | GNUTLS_NONBLOCK), 0);
	assert_int_equal(gnutls_priority_set_direct(s->session, priority, NULL), 0);
	assert_int_equal(gnutls_certificate_allocate_credentials(&s->credentials), 0);
	assert_int_equal(
		gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->credentials), 0);
	gnutls_transport_set_ptr(s->session, s);
	gnutls_transport_set_push_function(s->session, stranger_push);
	gnutls_transport_set_pull_function(s->session, stranger_pull);
	if (flags & GNUTLS_SERVER)
		gnutls_certificate_server_set_request(s->session, GNUTLS_CERT_REQUIRE);
}

/* Shows `count` times this certificate. */
static void stranger_show(
	struct stranger *s, struct bytes der, gnutls_privkey_t key, unsigned count)
{
	gnutls_datum_t raw = {(unsigned char *)(uintptr_t)der.at, (unsigned)der.len};
	gnutls_privkey_t copy;
	gnutls_x509_privkey_t inner;

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(
			gnutls_pcert_import_x509_raw(&s->chain[i], &raw, GNUTLS_X509_FMT_DER, 0),
			0);
	assert_int_equal(gnutls_privkey_export_x509(key, &inner), 0);
	assert_int_equal(gnutls_privkey_init(&copy), 0);
	assert_int_equal(
		gnutls_privkey_import_x509(copy, inner, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE), 0);
	/* Takes the chain and the key. */
	assert_int_equal(
		gnutls_certificate_set_key(s->credentials, NULL, 0, s->chain, (int)count, copy), 0);
}

static void stranger_offer(struct stranger *s, const char *name)
{
	gnutls_datum_t datum = {(unsigned char *)(uintptr_t)name, (unsigned)strlen(name)};

	assert_int_equal(gnutls_alpn_set_protocols(s->session, &datum, 1, 0), 0);
}

static void stranger_deinit(struct stranger *s)
{
	gnutls_deinit(s->session);
	gnutls_certificate_free_credentials(s->credentials);
	buf_deinit(&s->in);
	buf_deinit(&s->out);
}

/* The two shake hands until nobody has anything to say. */
static void meet(struct stranger *s, struct side *us)
{
	s->code = GNUTLS_E_AGAIN;
	for (int i = 0; i < 8; i++) {
		/* Once more after it is done would be a change of keys. */
		if (s->code == GNUTLS_E_AGAIN)
			s->code = gnutls_handshake(s->session);
		deliver(us, buf_bytes(&s->out));
		buf_reset(&s->out);
		assert_ok(buf_put(&s->in, buf_bytes(&us->out)));
		buf_reset(&us->out);
	}
	/* What came after the handshake was over for it. */
	if (s->code == 0) {
		uint8_t byte;
		ssize_t n = gnutls_record_recv(s->session, &byte, 1);

		s->code = n < 0 ? (int)n : 0;
	}
}

static void assert_told(struct stranger *s, int alert)
{
	assert_int_equal(s->code, GNUTLS_E_FATAL_ALERT_RECEIVED);
	assert_int_equal(gnutls_alert_get(s->session), alert);
}

#define CLIENT (GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT)

static void a_client_without_a_certificate_is_refused(void **state)
{
	struct stranger s;
	struct side l;

	(void)state;
	side_init(&l, 2, false);
	side_begin(&l);
	stranger_init(&s, CLIENT, tls_priority(TLS_AES_FIRST));
	stranger_offer(&s, "libp2p");
	meet(&s, &l);
	assert_failed(&l, P2P_ERR_PROTOCOL, "tls_cert_none", 116, true);
	assert_told(&s, 116);
	stranger_deinit(&s);
	side_deinit(&l);
}

/* A stranger on the other side shows `count` of this certificate. */
static void show(
	struct forge *f, unsigned count, bool to_dialer, int err, const char *why, uint8_t alert)
{
	struct buf der = BUF_INIT;
	struct stranger s;
	struct side us;

	side_init(&us, 2, to_dialer);
	side_begin(&us);
	stranger_init(&s, to_dialer ? GNUTLS_SERVER : CLIENT, tls_priority(TLS_AES_FIRST));
	stranger_offer(&s, "libp2p");
	stranger_show(&s, forge_make(f, &der), f->key, count);
	meet(&s, &us);
	if (why) {
		assert_failed(&us, err, why, alert, true);
		assert_told(&s, alert);
	} else {
		assert_ok(us.err);
		assert_true(tls_is_ready(&us.t));
		assert_true(peer_id_eq(&us.t.proof.peer, &f->id));
		assert_false(us.t.proof.speaks_yamux);
	}
	stranger_deinit(&s);
	side_deinit(&us);
	buf_deinit(&der);
}

static void either_side_judges_what_it_is_shown(void **state)
{
	struct forge f;

	(void)state;
	forge_init(&f, 20);
	for (int to_dialer = 0; to_dialer < 2; to_dialer++) {
		show(&f, 1, to_dialer, 0, NULL, 0);
		show(&f, 2, to_dialer, P2P_ERR_PROTOCOL, "tls_cert_count", 42);
		f.is_signature_wrong = true;
		show(&f, 1, to_dialer, P2P_ERR_SIGNATURE, "tls_cert_self_signature", 42);
		f.is_signature_wrong = false;
		f.not_after = BYTES_LIT("20270101000000Z");
		show(&f, 1, to_dialer, P2P_ERR_STALE, "tls_cert_expired", 45);
		f.not_after = BYTES_LIT("20280101000000Z");
		forge_extend(&f, forge_other_oid, true, BYTES_LIT("x"));
		show(&f, 1, to_dialer, P2P_ERR_UNSUPPORTED, "tls_cert_extension_critical", 43);
		buf_reset(&f.extensions);
		show(&f, 1, to_dialer, P2P_ERR_INVALID, "tls_cert_extension_missing", 42);
		forge_sign_key(&f, BYTES_LIT("\x08\x00\x12\x01x"), BYTES_LIT("y"));
		forge_extend(&f, forge_oid, false, buf_bytes(&f.signed_key));
		show(&f, 1, to_dialer, P2P_ERR_UNSUPPORTED, "key_type_rsa", 43);
		forge_identify(&f);
	}
	forge_deinit(&f);
}

/* A certificate that some server trusts, with a name. */
static void trust_somebody(struct stranger *s, struct forge *f)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;

	assert_int_equal(gnutls_privkey_export_x509(f->key, &key), 0);
	assert_int_equal(gnutls_x509_crt_init(&cert), 0);
	assert_int_equal(gnutls_x509_crt_set_version(cert, 3), 0);
	assert_int_equal(gnutls_x509_crt_set_serial(cert, "\x01", 1), 0);
	assert_int_equal(gnutls_x509_crt_set_dn(cert, "CN=authority", NULL), 0);
	assert_int_equal(gnutls_x509_crt_set_activation_time(cert, 0), 0);
	assert_int_equal(gnutls_x509_crt_set_expiration_time(cert, FORGE_NOW.sec * 2), 0);
	assert_int_equal(gnutls_x509_crt_set_key(cert, key), 0);
	assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_certificate_set_x509_trust(s->credentials, &cert, 1), 1);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

static void a_dialer_shows_itself_to_a_server_with_favourites_too(void **state)
{
	struct buf der = BUF_INIT;
	struct stranger s;
	struct forge f;
	struct side d;
	unsigned shown = 0;

	(void)state;
	forge_init(&f, 26);
	side_init(&d, 1, true);
	side_begin(&d);
	stranger_init(&s, GNUTLS_SERVER, tls_priority(TLS_AES_FIRST));
	trust_somebody(&s, &f);
	stranger_show(&s, forge_make(&f, &der), f.key, 1);
	meet(&s, &d);
	assert_true(tls_is_ready(&d.t));
	assert_non_null(gnutls_certificate_get_peers(s.session, &shown));
	assert_int_equal(shown, 1);
	buf_deinit(&der);
	stranger_deinit(&s);
	side_deinit(&d);
	forge_deinit(&f);
}

static void a_certificate_key_of_another_kind_is_taken_too(void **state)
{
	struct forge f;

	(void)state;
	forge_init(&f, 21);
	forge_rekey(&f, GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519),
		GNUTLS_SIGN_EDDSA_ED25519, BYTES_LIT("\x30\x05\x06\x03\x2b\x65\x70"));
	show(&f, 1, false, 0, NULL, 0);
	show(&f, 1, true, 0, NULL, 0);
	forge_rekey(&f, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1),
		GNUTLS_SIGN_ECDSA_SHA384,
		BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"));
	show(&f, 1, false, 0, NULL, 0);
	show(&f, 1, true, 0, NULL, 0);
	forge_deinit(&f);
}

/* Meets us with the victim's certificate. */
static void steal(struct side *us, const struct side *victim, const struct forge *thief)
{
	struct stranger s;

	side_begin(us);
	stranger_init(&s, us->opts.initiator ? GNUTLS_SERVER : CLIENT, tls_priority(TLS_AES_FIRST));
	gnutls_certificate_set_flags(s.credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	stranger_show(&s, buf_bytes(&victim->own.cert), thief->key, 1);
	meet(&s, us);
	stranger_deinit(&s);
}

#define P256_ALONE                                                                                 \
	"NONE:+VERS-TLS1.3:+AEAD:+AES-128-GCM:+GROUP-SECP256R1:+SIGN-ECDSA-SECP256R1-SHA256:+CTYPE-X509"

/* Whoever does not offer Ed25519 is shown a certificate that it can verify. */
static void everybody_can_verify_what_we_show(void **state)
{
	static const struct {
		const char *signatures;
		gnutls_sign_algorithm_t shown;
	} cases[] = {
		{"+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-EDDSA-ED25519", GNUTLS_SIGN_EDDSA_ED25519},
		{"+SIGN-ECDSA-SECP256R1-SHA256", GNUTLS_SIGN_ECDSA_SECP256R1_SHA256},
	};
	struct buf der = BUF_INIT;
	struct forge f;

	(void)state;
	forge_init(&f, 29);
	forge_make(&f, &der);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		bool dials = i & 1;
		char priority[256];
		struct stranger s;
		struct side us;

		snprintf(priority, sizeof(priority),
			"NONE:+VERS-TLS1.3:+AEAD:+AES-128-GCM:+GROUP-X25519:+CTYPE-X509:%s",
			cases[i / 2].signatures);
		side_init(&us, 2, dials);
		side_begin(&us);
		stranger_init(&s, dials ? GNUTLS_SERVER : CLIENT, priority);
		stranger_offer(&s, "libp2p");
		stranger_show(&s, buf_bytes(&der), f.key, 1);
		meet(&s, &us);
		assert_ok(us.err);
		assert_true(tls_is_ready(&us.t));
		assert_int_equal(s.code, GNUTLS_E_AGAIN); /* nothing to read: it has accepted us */
		assert_int_equal(dials ? gnutls_sign_algorithm_get_client(s.session)
				       : gnutls_sign_algorithm_get(s.session),
			cases[i / 2].shown);
		stranger_deinit(&s);
		side_deinit(&us);
	}
	buf_deinit(&der);
	forge_deinit(&f);
}

/* It gets no key that it could use in our first message, and asks for another. */
static void a_server_that_wants_another_group_is_reached_all_the_same(void **state)
{
	struct buf der = BUF_INIT;
	struct stranger s;
	struct forge f;
	struct side d;

	(void)state;
	forge_init(&f, 27);
	side_init(&d, 1, true);
	side_begin(&d);
	stranger_init(&s, GNUTLS_SERVER, P256_ALONE);
	stranger_offer(&s, "libp2p");
	stranger_show(&s, forge_make(&f, &der), f.key, 1);
	meet(&s, &d);
	assert_ok(d.err);
	assert_true(tls_is_ready(&d.t));
	assert_true(peer_id_eq(&d.t.proof.peer, &f.id));
	assert_int_equal(gnutls_group_get(d.t.session), GNUTLS_GROUP_SECP256R1);
	stranger_deinit(&s);
	side_deinit(&d);
	buf_deinit(&der);
	forge_deinit(&f);
}

/* The certificate is genuine, but not theirs: whoever only has a copy of it cannot sign with its
 * key. Nor does it help when we have met the certificate before. */
static void a_copied_certificate_is_not_enough(void **state)
{
	struct side victim;
	struct forge thief;

	(void)state;
	side_init(&victim, 1, false);
	forge_init(&thief, 22);
	forge_rekey(&thief, GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519),
		GNUTLS_SIGN_EDDSA_ED25519, BYTES_LIT("\x30\x05\x06\x03\x2b\x65\x70"));
	for (int dials = 0; dials < 2; dials++) {
		struct side us;

		side_init(&us, 2, dials);
		us.opts.expected = victim.id;
		for (int times = 0; times < 2; times++) {
			steal(&us, &victim, &thief);
			assert_true(us.t.peer.is_judged); /* as far as that goes, it is right */
			assert_failed(&us, P2P_ERR_SIGNATURE, "tls_signature", 51, true);
			tls_deinit(&us.t);
		}
		side_deinit(&us);
	}
	forge_deinit(&thief);
	side_deinit(&victim);
}

static void alpn_is_agreed_upon_or_missing(void **state)
{
	static const struct {
		const char *offer;
		bool good;
	} cases[] = {{NULL, true}, {"libp2p", true}, {"/yamux/1.0.0", true}, {"h2", false},
		{"/mplex/6.7.0", false}, {"/yamux/1.0.", false}};
	struct forge f;
	struct buf der = BUF_INIT;

	(void)state;
	forge_init(&f, 23);
	forge_make(&f, &der);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const char *offer = cases[i / 2].offer;
		bool dials = i & 1;
		struct stranger s;
		struct side us;

		side_init(&us, 2, dials);
		side_begin(&us);
		stranger_init(&s, dials ? GNUTLS_SERVER : CLIENT, tls_priority(TLS_AES_FIRST));
		if (offer)
			stranger_offer(&s, offer);
		stranger_show(&s, buf_bytes(&der), f.key, 1);
		meet(&s, &us);
		if (cases[i / 2].good || dials) {
			/* A server that ignores our offer has agreed to nothing. */
			assert_ok(us.err);
			assert_true(tls_is_ready(&us.t));
			assert_int_equal(us.t.proof.speaks_yamux,
				offer && strcmp(offer, "/yamux/1.0.0") == 0);
		} else {
			assert_failed(&us, P2P_ERR_UNSUPPORTED, "tls_alpn", 120, true);
			assert_told(&s, 120);
		}
		stranger_deinit(&s);
		side_deinit(&us);
	}
	buf_deinit(&der);
	forge_deinit(&f);
}

/* Over TCP others pretend to resume a session of old, to please middle boxes, and insist on hearing
 * its name again (RFC 8446 appendix D.4). */
static void a_client_in_compatibility_mode_hears_its_session_id(void **state)
{
	/* Where it stands in a hello: behind headers, version and 32 random bytes. */
	const size_t at = TLS_HEADER_BYTES + 4 + 2 + 32;
	char priority[512];
	struct stranger s;
	struct side l;
	struct buf hello = BUF_INIT;

	(void)state;
	side_init(&l, 2, false);
	side_begin(&l);
	assert_non_null(memccpy(priority, tls_priority(TLS_AES_FIRST), '%', sizeof(priority)));
	*strchr(priority, '%') = '\0';
	priority[strlen(priority) - 1] = '\0'; /* the colon */
	stranger_init(&s, CLIENT, priority);
	stranger_offer(&s, "libp2p");
	assert_int_equal(gnutls_handshake(s.session), GNUTLS_E_AGAIN);
	assert_ok(buf_put(&hello, buf_bytes(&s.out)));
	assert_int_equal(hello.data[at], 32);
	deliver(&l, buf_bytes(&hello));
	assert_ok(l.err);
	assert_true(l.out.len > at + 33);
	assert_memory_equal(l.out.data + at, hello.data + at, 33);
	buf_deinit(&hello);
	stranger_deinit(&s);
	side_deinit(&l);
}

/* What stands before the 32 bytes of a hello's key for X25519: the extension and its length, that of
 * its list, the group, and their length. */
#define BEFORE_KEY BYTES_LIT("\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20")

/* Everybody would know the secret that is agreed with a point of small order. */
static void a_key_that_shares_no_secret_is_refused(void **state)
{
	struct stranger s;
	struct side l;
	uint8_t *key;

	(void)state;
	side_init(&l, 2, false);
	side_begin(&l);
	stranger_init(&s, CLIENT | GNUTLS_KEY_SHARE_TOP, tls_priority(TLS_AES_FIRST));
	stranger_offer(&s, "libp2p");
	assert_int_equal(gnutls_handshake(s.session), GNUTLS_E_AGAIN);
	key = memmem(s.out.data, s.out.len, BEFORE_KEY.at, BEFORE_KEY.len);
	assert_non_null(key);
	memset(key + BEFORE_KEY.len, 0, 32);
	deliver(&l, buf_bytes(&s.out));
	assert_failed(&l, P2P_ERR_PROTOCOL, "tls_protocol", 47, true);
	stranger_deinit(&s);
	side_deinit(&l);
}

static void tls_1_2_is_refused(void **state)
{
	struct stranger s;
	struct side l, d;

	(void)state;
	side_init(&l, 2, false);
	side_begin(&l);
	stranger_init(&s, CLIENT, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
	stranger_offer(&s, "libp2p");
	meet(&s, &l);
	assert_failed(&l, P2P_ERR_UNSUPPORTED, "tls_version", 40, true);
	assert_told(&s, 40);
	stranger_deinit(&s);
	side_deinit(&l);

	side_init(&d, 1, true);
	side_begin(&d);
	stranger_init(&s, GNUTLS_SERVER, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
	meet(&s, &d);
	assert_true(s.code < 0);
	assert_false(tls_is_ready(&d.t));
	stranger_deinit(&s);
	side_deinit(&d);
}

/* An established session with a stranger that dials us. */
static void make_friends(struct stranger *s, struct side *l, struct forge *f)
{
	struct buf der = BUF_INIT;

	forge_init(f, 24);
	side_init(l, 2, false);
	side_begin(l);
	stranger_init(s, CLIENT, tls_priority(TLS_AES_FIRST));
	stranger_offer(s, "/yamux/1.0.0");
	stranger_show(s, forge_make(f, &der), f->key, 1);
	meet(s, l);
	assert_true(tls_is_ready(&l->t));
	buf_deinit(&der);
}

static void records_without_content_are_counted(void **state)
{
	struct stranger s;
	struct side l;
	struct forge f;

	(void)state;
	make_friends(&s, &l, &f);
	for (int i = 0; i < TLS_EMPTY_IN_A_ROW_MAX; i++)
		assert_true(gnutls_record_send2(s.session, "", 0, 100, 0) >= 0); /* padding alone */
	deliver(&l, buf_bytes(&s.out));
	buf_reset(&s.out);
	assert_ok(l.err);
	assert_int_equal(l.t.empties, TLS_EMPTY_IN_A_ROW_MAX);
	assert_int_equal(gnutls_record_send(s.session, "x", 1), 1);
	deliver(&l, buf_bytes(&s.out));
	buf_reset(&s.out);
	assert_bytes(buf_bytes(&l.got), BYTES_LIT("x"));
	for (int i = 0; i <= TLS_EMPTY_IN_A_ROW_MAX; i++)
		assert_true(gnutls_record_send2(s.session, "", 0, 100, 0) >= 0);
	deliver(&l, buf_bytes(&s.out));
	assert_failed(&l, P2P_ERR_PROTOCOL, "tls_empty", 10, true);
	stranger_deinit(&s);
	side_deinit(&l);
	forge_deinit(&f);
}

static void a_peer_may_ask_for_small_records(void **state)
{
	struct buf plain = BUF_INIT, der = BUF_INIT;
	struct stranger s;
	struct side l;
	struct forge f;
	uint8_t got[600];
	ssize_t n;
	size_t total = 0;

	(void)state;
	forge_init(&f, 25);
	side_init(&l, 2, false);
	side_begin(&l);
	stranger_init(&s, CLIENT, tls_priority(TLS_AES_FIRST));
	assert_int_equal(gnutls_record_set_max_recv_size(s.session, 512), 0);
	stranger_offer(&s, "/yamux/1.0.0");
	stranger_show(&s, forge_make(&f, &der), f.key, 1);
	meet(&s, &l);
	assert_true(tls_is_ready(&l.t));
	memset(buf_grow(&plain, 100000), 'x', 100000);
	assert_ok(tls_seal(&l.t, buf_bytes(&plain), &l.out));
	assert_in_range(l.out.len, plain.len, TLS_SEALED_BYTES_MAX(plain.len));
	assert_ok(buf_put(&s.in, buf_bytes(&l.out)));
	while ((n = gnutls_record_recv(s.session, got, sizeof(got))) > 0) {
		assert_in_range(n, 1, 512);
		total += (size_t)n;
	}
	assert_int_equal(n, GNUTLS_E_AGAIN);
	assert_int_equal(total, plain.len);
	buf_deinit(&plain);
	buf_deinit(&der);
	stranger_deinit(&s);
	side_deinit(&l);
	forge_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_without_a_certificate_is_refused),
		cmocka_unit_test(either_side_judges_what_it_is_shown),
		cmocka_unit_test(a_dialer_shows_itself_to_a_server_with_favourites_too),
		cmocka_unit_test(a_certificate_key_of_another_kind_is_taken_too),
		cmocka_unit_test(everybody_can_verify_what_we_show),
		cmocka_unit_test(a_server_that_wants_another_group_is_reached_all_the_same),
		cmocka_unit_test(a_copied_certificate_is_not_enough),
		cmocka_unit_test(alpn_is_agreed_upon_or_missing),
		cmocka_unit_test(a_client_in_compatibility_mode_hears_its_session_id),
		cmocka_unit_test(a_key_that_shares_no_secret_is_refused),
		cmocka_unit_test(tls_1_2_is_refused),
		cmocka_unit_test(records_without_content_are_counted),
		cmocka_unit_test(a_peer_may_ask_for_small_records),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
