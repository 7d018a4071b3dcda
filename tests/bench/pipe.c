/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes through Noise and Yamux, from one conn to another, beside the least that any such pipe does
 * with the same cipher: seal what is said onto the wire, and open it from there into a buffer. */
#include <sodium.h>
#include <stdlib.h>

#include "tests/bench/bench.h"
#include "tests/bench/tie.h"

#define WRITE_BYTES   65536
#define TOTAL_BYTES   (8u * 1024 * 1024)
#define SEALED_BYTES  32768 /* of one Noise message when there is much to say */
#define ON_THE_WIRE   (SEALED_BYTES + NOISE_TAG_BYTES)
#define IN_A_TURN     (TIE_BUDGET / SEALED_BYTES)
#define MESSAGE_BYTES 64
#define MESSAGES      131072u
/* Small messages: 8 million of 64 bytes a second where the cipher does 0.78 GB/s both ways. */
#define SMALL_OF_CIPHER 0.65

struct pipe {
	struct tie_pair pair;
	struct tie t;
	uint8_t *text; /* what is said */
	uint8_t *wire, *heard; /* of the bare cipher: one turn sealed, and opened */
};

/* Says `total` bytes in writes of `each`, and carries them over. */
static void say(struct tie *t, const uint8_t *text, size_t each, uint64_t total)
{
	uint64_t end = t->arrived[1] + total, said = 0;

	while (t->arrived[1] < end) {
		size_t want, took = 1;

		while (said < total && took > 0) {
			want = total - said < each ? (size_t)(total - said) : each;
			took = conn_write(t->conn[0], t->stream, bytes_of(text, want));
			said += took;
		}
		(void)tie_flight(t, 0);
		(void)tie_flight(t, 1); /* credit */
	}
}

static void through_the_conns(void *arg)
{
	struct pipe *p = arg;

	say(&p->t, p->text, WRITE_BYTES, TOTAL_BYTES);
}

static void seal_and_open(struct pipe *p, uint64_t bytes)
{
	static const uint8_t key[32] = {1};
	uint8_t nonce[12] = {0};

	for (uint32_t turn = 0; turn < bytes / TIE_BUDGET; turn++) {
		memcpy(nonce, &turn, sizeof(turn));
		for (size_t i = 0; i < IN_A_TURN; i++) {
			uint8_t *at = p->wire + i * ON_THE_WIRE;

			crypto_aead_chacha20poly1305_ietf_encrypt_detached(at, at + SEALED_BYTES, NULL,
				p->text + i % 2 * SEALED_BYTES, SEALED_BYTES, NULL, 0, NULL, nonce, key);
		}
		for (size_t i = 0; i < IN_A_TURN; i++) {
			const uint8_t *at = p->wire + i * ON_THE_WIRE;

			bench_need(!crypto_aead_chacha20poly1305_ietf_decrypt_detached(
				p->heard + i * SEALED_BYTES, NULL, at, SEALED_BYTES, at + SEALED_BYTES, NULL, 0,
				nonce, key));
		}
	}
}

static void cipher_alone(void *arg)
{
	seal_and_open(arg, TOTAL_BYTES);
}

static void small_messages(void *arg)
{
	struct pipe *p = arg;

	say(&p->t, p->text, MESSAGE_BYTES, (uint64_t)MESSAGES * MESSAGE_BYTES);
}

static void same_bytes(void *arg)
{
	seal_and_open(arg, (uint64_t)MESSAGES * MESSAGE_BYTES);
}

void bench_pipe(void)
{
	struct pipe *p = calloc(1, sizeof(*p));
	struct bench_pair r;
	const double gb = TOTAL_BYTES / 1e9;

	bench_need(p != NULL);
	p->text = calloc(1, WRITE_BYTES);
	p->wire = calloc(IN_A_TURN, ON_THE_WIRE);
	p->heard = calloc(IN_A_TURN, SEALED_BYTES);
	tie_pair_init(&p->pair);
	tie_open(&p->t, &p->pair);
	bench_need(!conn_open_stream(p->t.conn[0], TIE_PROTOCOL, p->t.now, &p->t.stream));
	tie_run(&p->t);
	bench_need(p->t.is_agreed);

	r = bench_in_turns(through_the_conns, cipher_alone, p);
	bench_row("ChaCha20-Poly1305 alone, sealed and opened", "", true, "%.2f GB/s, %.2f CPU-s/GB", gb / r.bare_s,
		r.bare_s / gb);
	bench_row("Noise + Yamux, one stream, both ends", "", true, "%.2f GB/s, %.2f CPU-s/GB", gb / r.ours_s,
		r.ours_s / gb);
	bench_row("  of the cipher alone", ">= 0.90", r.ratio >= 0.90, "%.3f", r.ratio);
	r = bench_in_turns(small_messages, same_bytes, p);
	bench_row("64-byte messages, one stream, both ends", "", true, "%.1f M/s, %.0f ns each", MESSAGES / r.ours_s / 1e6,
		r.ours_s / MESSAGES * 1e9);
	bench_row("  of the cipher alone over as many bytes", ">= 0.65", r.ratio >= SMALL_OF_CIPHER, "%.3f", r.ratio);

	tie_free(&p->t);
	tie_pair_deinit(&p->pair);
	free(p->text);
	free(p->wire);
	free(p->heard);
	free(p);
}
