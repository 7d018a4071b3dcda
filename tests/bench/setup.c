/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection costs before it says anything: curve operations, round trips, memory. */
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench.h"
#include "tests/bench/tie.h"

#define HANDSHAKES 40
#define IDLE_PAIRS 500
#define RTT_MS     50

static void handshakes(void *arg)
{
	struct tie t;

	for (int i = 0; i < HANDSHAKES; i++) {
		tie_open(&t, arg);
		tie_free(&t);
	}
}

/* What Noise XX asks of each end: an ephemeral key, three Diffie-Hellman, and the verification of
 * the other's signature. Its own signature was made once for the process. */
static void curves_alone(void *arg)
{
	struct tie_pair *p = arg;
	uint8_t secret[32], public[32], shared[32], sig[KEY_SIGNATURE_BYTES];
	struct key_public key;
	struct bytes text = bytes_of(p->end[0].noise.public, 32);

	key_public_of(&p->end[0].identity, &key);
	key_sign(&p->end[0].identity, text, sig);
	rng_fill(&p->end[0].seeded.rng, secret, sizeof(secret));
	for (int i = 0; i < 2 * HANDSHAKES; i++) {
		bench_need(!crypto_scalarmult_base(public, secret));
		for (int k = 0; k < 3; k++)
			bench_need(!crypto_scalarmult(shared, secret, public));
		bench_need(!key_verify(&key, text, bytes_of(sig, sizeof(sig))));
	}
}

static const char *const words[TIE_STACKS] = {"Noise", "TLS", "QUIC"};

static void round_trips(struct tie_pair *p)
{
	struct tie t;
	double rtts, most;
	char what[64];

	tie_start(&t, p);
	t.asks = t.echoes = true;
	while (t.arrived[0] == 0) {
		(void)tie_flight(&t, 0);
		(void)tie_flight(&t, 1);
	}
	tie_free(&t);
	/* TCP's own SYN and its answer come before the first of these. */
	rtts = (p->stack == TIE_QUIC ? 0 : 1) + t.flights / 2.0;
	most = p->stack == TIE_QUIC ? 2.1 : 3.1;
	snprintf(what, sizeof(what), "round trips to the first answer, %s", words[p->stack]);
	bench_row(what, p->stack == TIE_QUIC ? "<= 2.1" : "<= 3.1", rtts <= most,
		"%.1f (%.0f ms at an RTT of %d ms)", rtts, rtts * RTT_MS, RTT_MS);
}

/* QUIC's and TLS's own libraries hold most of what theirs takes. */
static const struct {
	const char *goal;
	double bytes;
} memory_goals[TIE_STACKS] = {{"<= 4096 B", 4096}, {"", 1e9}, {"<= 30720 B", 30720}};

static void idle_memory(struct tie_pair *p)
{
	struct tie *ties = calloc(IDLE_PAIRS, sizeof(*ties));
	struct conn_info info;
	size_t before, told = 0;
	double each;
	char what[64];

	bench_need(ties != NULL);
	before = mallinfo2().uordblks;
	for (int i = 0; i < IDLE_PAIRS; i++) {
		tie_open(&ties[i], p);
		conn_info(ties[i].conn[0], &info);
		told += info.memory;
		conn_info(ties[i].conn[1], &info);
		told += info.memory;
	}
	each = (double)(mallinfo2().uordblks - before) / (2 * IDLE_PAIRS);
	snprintf(what, sizeof(what), "own memory of an idle connection, %s", words[p->stack]);
	bench_row(what, memory_goals[p->stack].goal, each <= memory_goals[p->stack].bytes,
		"%.0f B (it says %.0f B)", each, (double)told / (2 * IDLE_PAIRS));
	for (int i = 0; i < IDLE_PAIRS; i++)
		tie_free(&ties[i]);
	free(ties);
}

void bench_setup(void)
{
	struct tie_pair *p = calloc(1, sizeof(*p));
	struct bench_pair r;

	bench_need(p != NULL);
	tie_pair_init(p);
	r = bench_in_turns(handshakes, curves_alone, p);
	bench_row("curve operations alone, one end", "", true, "%.0f /core-s, %.0f us", 2 * HANDSHAKES / r.bare_s,
		r.bare_s / (2 * HANDSHAKES) * 1e6);
	bench_row("connection set up, one end", "", true, "%.0f /core-s, %.0f us", 2 * HANDSHAKES / r.ours_s,
		r.ours_s / (2 * HANDSHAKES) * 1e6);
	bench_row("  of the curves alone", ">= 0.80", r.ratio >= 0.80, "%.3f", r.ratio);
	for (p->stack = 0; p->stack < TIE_STACKS; p->stack++) {
		round_trips(p);
		idle_memory(p);
	}
	tie_pair_deinit(p);
	free(p);
}
