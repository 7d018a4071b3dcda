/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h: what the pure code costs, beside what cannot be avoided.
 *
 * Absolute figures move with the machine; each is therefore measured in turns with the bare
 * operation under it (the cipher, the curves, the signature) and shown as a ratio of the two,
 * medians of BENCH_ROUNDS short rounds. Everything runs in one thread, and in memory but for udp.c. */
#ifndef P2POS_TESTS_BENCH_BENCH_H
#define P2POS_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_ROUNDS 61

/* Seconds of processor time of this process. */
double bench_cpu(void);

double bench_median(double *of, size_t count); /* sorts */

/* Runs `ours` and `bare` in turns; each does the same amount of work once and is timed as a whole.
 * Writes the median seconds of each, and the median of bare / ours: 1 is as good as the bare one. */
struct bench_pair {
	double ours_s, bare_s, ratio;
};
struct bench_pair bench_in_turns(void (*ours)(void *arg), void (*bare)(void *arg), void *arg);

/* One line of the table. `goal` may be "". */
void bench_row(const char *what, const char *goal, bool is_met, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* What must hold, or the figures mean nothing: ends the program. */
#define bench_need(cond) ((cond) ? (void)0 : bench_broken(#cond, __FILE__, __LINE__))
void bench_broken(const char *what, const char *file, int line) __attribute__((noreturn));

void bench_pipe(void);       /* pipe.c: bytes and messages through Noise and Yamux */
void bench_stacks(void);     /* stacks.c: the same through TLS and QUIC, and handshakes of both */
void bench_setup(void);      /* setup.c: handshakes, round trips, memory of a connection */
void bench_heartbeats(void); /* heartbeats.c: heartbeats through the core */
void bench_udp(void);        /* udp.c: datagrams through the sockets of the daemon, over loopback */

#endif
