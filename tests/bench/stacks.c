/* SPDX-License-Identifier: Apache-2.0 */
/* TLS and QUIC: bytes through a conn beside what stands below it; connections set up beside those of
 * Noise and beside the curve operations of TLS. GnuTLS does the ciphers of both. */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/tls/known.h"
#include "proto/tls/session.h"
#include "tests/bench/bench.h"
#include "tests/bench/tie.h"

#define WRITE_BYTES  65536
#define TOTAL_BYTES  (8u * 1024 * 1024)
#define RECORD_BYTES TLS_CONTENT_BYTES_MAX
#define HANDSHAKES   20

/* A signature as go, rust and js make it. */
struct p256 {
	gnutls_pubkey_t key;
	gnutls_datum_t text, signature;
};

struct stacks {
	struct tie_pair pair;
	struct tie t;
	struct tls tls[2]; /* records alone: 0 seals, 1 opens */
	gnutls_aead_cipher_hd_t cipher;
	bool are_strangers; /* each time it is the first that they see of each other */
	struct p256 p256;
	size_t piece; /* bytes that the cipher alone seals at once */
	uint8_t *text, *heard;
	struct buf wire;
};

/* ---- what stands below ---- */

static void cipher_alone(void *arg)
{
	struct stacks *s = arg;
	uint8_t nonce[12] = {0};
	uint32_t count = TOTAL_BYTES / (uint32_t)s->piece;

	for (uint32_t i = 0; i < count; i++) {
		size_t sealed = s->piece + TLS_TAG_BYTES, opened = s->piece;

		memcpy(nonce, &i, sizeof(i));
		bench_need(!gnutls_aead_cipher_encrypt(s->cipher, nonce, sizeof(nonce), NULL, 0,
			TLS_TAG_BYTES, s->text, s->piece, s->wire.data, &sealed));
		bench_need(!gnutls_aead_cipher_decrypt(s->cipher, nonce, sizeof(nonce), NULL, 0,
			TLS_TAG_BYTES, s->wire.data, sealed, s->heard, &opened));
	}
}

static void hand_over(struct tls *to, struct buf *from, struct buf *answer)
{
	size_t len;

	for (struct bytes in = buf_bytes(from); in.len; in = bytes_from(in, len)) {
		bench_need(!tls_message_len(to, in, &len));
		bench_need(!tls_handshake(to, bytes_head(in, len), answer));
	}
	buf_reset(from);
}

static void open_records(struct stacks *s)
{
	struct buf there = BUF_INIT, back = BUF_INIT;

	for (int i = 0; i < 2; i++)
		tls_init(&s->tls[i],
			&(struct tls_opts){
				.initiator = i == 0, .own = &s->pair.end[i].tls, .now = TIE_WALL});
	bench_need(!tls_begin(&s->tls[0], &there));
	hand_over(&s->tls[1], &there, &back);
	hand_over(&s->tls[0], &back, &there);
	hand_over(&s->tls[1], &there, &back);
	bench_need(tls_is_ready(&s->tls[0]) && tls_is_ready(&s->tls[1]));
	buf_deinit(&there);
	buf_deinit(&back);
}

/* As much as one write of the daemon, then all of it is opened. */
static void records_alone(void *arg)
{
	struct stacks *s = arg;

	for (uint32_t turn = 0; turn < TOTAL_BYTES / TIE_BUDGET; turn++) {
		size_t len, got;

		buf_reset(&s->wire);
		for (size_t i = 0; i < TIE_BUDGET / RECORD_BYTES; i++)
			bench_need(!tls_seal(&s->tls[0],
				bytes_of(s->text + i % 4 * RECORD_BYTES, RECORD_BYTES), &s->wire));
		for (struct bytes in = buf_bytes(&s->wire); in.len; in = bytes_from(in, len)) {
			bench_need(!tls_message_len(&s->tls[1], in, &len));
			bench_need(
				!tls_open(&s->tls[1], bytes_head(in, len), s->heard, NULL, &got));
		}
	}
}

/* ---- a conn ---- */

static void through_the_conns(void *arg)
{
	struct stacks *s = arg;
	struct tie *t = &s->t;
	uint64_t end = t->arrived[1] + TOTAL_BYTES, said = 0;

	while (t->arrived[1] < end) {
		size_t took = 1;

		while (said < TOTAL_BYTES && took > 0) {
			took = conn_write(t->conn[0], t->stream, bytes_of(s->text, WRITE_BYTES));
			said += took;
		}
		(void)tie_flight(t, 0);
		(void)tie_flight(t, 1); /* credit */
	}
}

static void open_stream(struct stacks *s, enum tie_stack stack)
{
	s->pair.stack = stack;
	tie_open(&s->t, &s->pair);
	bench_need(!conn_open_stream(s->t.conn[0], TIE_PROTOCOL, s->t.now, &s->t.stream));
	tie_run(&s->t);
	bench_need(s->t.is_agreed);
}

static void set_up(struct stacks *s, enum tie_stack stack)
{
	struct tie t;

	s->pair.stack = stack;
	for (int i = 0; i < HANDSHAKES; i++) {
		for (int end = 0; s->are_strangers && end < 2; end++)
			tls_known_reset(s->pair.end[end].tls.known);
		tie_open(&t, &s->pair);
		tie_free(&t);
	}
}

static void set_up_noise(void *arg)
{
	set_up(arg, TIE_NOISE);
}

static void set_up_tls(void *arg)
{
	set_up(arg, TIE_TLS);
}

static void set_up_quic(void *arg)
{
	set_up(arg, TIE_QUIC);
}

/* ---- the curves below a TLS handshake ---- */

static void p256_init(struct p256 *p)
{
	static uint8_t text[130]; /* as long as what CertificateVerify signs, with SHA-256 */
	gnutls_privkey_t private;

	p->text = (gnutls_datum_t){text, sizeof(text)};
	bench_need(!gnutls_privkey_init(&private) && !gnutls_pubkey_init(&p->key));
	bench_need(!gnutls_privkey_generate(private, GNUTLS_PK_ECDSA,
		GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	bench_need(!gnutls_pubkey_import_privkey(p->key, private, 0, 0));
	bench_need(!gnutls_privkey_sign_data2(
		private, GNUTLS_SIGN_ECDSA_SHA256, 0, &p->text, &p->signature));
	gnutls_privkey_deinit(private);
}

static void p256_deinit(struct p256 *p)
{
	gnutls_pubkey_deinit(p->key);
	gnutls_free(p->signature.data);
}

/* What each end cannot do without: an ephemeral key, the secret, its own signature … */
static void own_part(struct stacks *s, uint8_t signature[KEY_SIGNATURE_BYTES])
{
	struct tie_end *e = &s->pair.end[0];
	uint8_t secret[32], public[32], shared[32];

	rng_fill(&e->seeded.rng, secret, sizeof(secret));
	bench_need(!crypto_scalarmult_base(public, secret));
	bench_need(!crypto_scalarmult(shared, secret, public));
	key_sign(&e->identity, bytes_of(s->p256.text.data, s->p256.text.size), signature);
}

/* … and the peer's, of Ed25519 … */
static void curves_alone(void *arg)
{
	struct stacks *s = arg;
	struct bytes text = bytes_of(s->p256.text.data, s->p256.text.size);
	uint8_t signature[KEY_SIGNATURE_BYTES];
	struct key_public key;

	key_public_of(&s->pair.end[0].identity, &key);
	for (int i = 0; i < 2 * HANDSHAKES; i++) {
		own_part(s, signature);
		bench_need(!key_verify(&key, text, bytes_of(signature, sizeof(signature))));
	}
}

/* … or of P-256. */
static void curves_with_p256(void *arg)
{
	struct stacks *s = arg;
	uint8_t signature[KEY_SIGNATURE_BYTES];

	for (int i = 0; i < 2 * HANDSHAKES; i++) {
		own_part(s, signature);
		bench_need(!gnutls_pubkey_verify_data2(s->p256.key, GNUTLS_SIGN_ECDSA_SHA256, 0,
			&s->p256.text, &s->p256.signature));
	}
}

/* ---- rows ---- */

static void row_of_speed(const char *what, double seconds)
{
	bench_row(what, "", true, "%.2f GB/s, %.2f CPU-s/GB", TOTAL_BYTES / 1e9 / seconds,
		seconds / (TOTAL_BYTES / 1e9));
}

static void bytes_through_tls(struct stacks *s)
{
	struct bench_pair r;

	open_stream(s, TIE_TLS);
	open_records(s);
	s->piece = RECORD_BYTES;
	r = bench_in_turns(records_alone, cipher_alone, s);
	row_of_speed("AES-128-GCM alone, sealed and opened", r.bare_s);
	row_of_speed("TLS records alone, both ends", r.ours_s);
	r = bench_in_turns(through_the_conns, records_alone, s);
	row_of_speed("TLS + Yamux, one stream, both ends", r.ours_s);
	bench_row("  of the records alone", ">= 0.90", r.ratio >= 0.90, "%.3f", r.ratio);
	tls_deinit(&s->tls[0]);
	tls_deinit(&s->tls[1]);
	tie_free(&s->t);
}

static void bytes_through_quic(struct stacks *s)
{
	struct bench_pair r;

	open_stream(s, TIE_QUIC);
	through_the_conns(s); /* the path's size is found meanwhile */
	s->piece = s->t.segment;
	r = bench_in_turns(through_the_conns, cipher_alone, s);
	bench_row("AES-128-GCM alone, in QUIC's datagrams", "", true, "%.2f GB/s, %zu bytes each",
		TOTAL_BYTES / 1e9 / r.bare_s, s->piece);
	row_of_speed("QUIC, one stream, both ends, in memory", r.ours_s);
	bench_row("  of the cipher alone", "", true, "%.3f", r.ratio);
	tie_free(&s->t);
}

static void connections(struct stacks *s, const char *what, void (*ours)(void *))
{
	for (int again = 0; again < 2; again++) {
		struct bench_pair r;

		s->are_strangers = !again;
		r = bench_in_turns(ours, set_up_noise, s);
		bench_row(again ? "  once more with the same peer" : what, "", true,
			"%.0f /core-s, %.0f us, %.2f of Noise", 2 * HANDSHAKES / r.ours_s,
			r.ours_s / (2 * HANDSHAKES) * 1e6, r.ratio);
	}
}

static void row_of_curves(const char *what, double seconds)
{
	bench_row(what, "", true, "%.0f /core-s, %.0f us", 2 * HANDSHAKES / seconds,
		seconds / (2 * HANDSHAKES) * 1e6);
}

/* With the same peer again, as the certificate is known then. */
static void curves(struct stacks *s)
{
	struct bench_pair r;

	s->are_strangers = false;
	r = bench_in_turns(set_up_tls, curves_alone, s);
	row_of_curves("curve operations of TLS alone, one end", r.bare_s);
	bench_row("  TLS of the curves alone", ">= 0.60", r.ratio >= 0.60, "%.3f", r.ratio);
	r = bench_in_turns(curves_with_p256, curves_alone, s);
	row_of_curves("  with a peer that signs with P-256", r.ours_s);
}

void bench_stacks(void)
{
	struct stacks *s = calloc(1, sizeof(*s));
	uint8_t secret[16] = {1};
	gnutls_datum_t key = {secret, sizeof(secret)};

	bench_need(s != NULL);
	s->text = calloc(1, WRITE_BYTES);
	s->heard = calloc(1, WRITE_BYTES);
	bench_need(s->text && s->heard && !buf_reserve(&s->wire, 2 * TIE_BUDGET));
	bench_need(!gnutls_aead_cipher_init(&s->cipher, GNUTLS_CIPHER_AES_128_GCM, &key));
	tie_pair_init(&s->pair);
	bytes_through_tls(s);
	bytes_through_quic(s);
	connections(s, "connection set up over TLS, one end", set_up_tls);
	connections(s, "connection set up over QUIC, one end", set_up_quic);
	p256_init(&s->p256);
	curves(s);
	p256_deinit(&s->p256);
	tie_pair_deinit(&s->pair);
	gnutls_aead_cipher_deinit(s->cipher);
	buf_deinit(&s->wire);
	free(s->text);
	free(s->heard);
	free(s);
}
