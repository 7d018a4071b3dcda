/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/tls/tls.h"

double bench_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *of, size_t count)
{
	qsort(of, count, sizeof(*of), by_value);
	return count % 2 ? of[count / 2] : (of[count / 2 - 1] + of[count / 2]) / 2;
}

static double timed(void (*work)(void *arg), void *arg)
{
	double begun = bench_cpu();

	work(arg);
	return bench_cpu() - begun;
}

struct bench_pair bench_in_turns(void (*ours)(void *arg), void (*bare)(void *arg), void *arg)
{
	double o[BENCH_ROUNDS], b[BENCH_ROUNDS], r[BENCH_ROUNDS];

	/* Once beforehand, so that caches, buffers and windows are as in the middle of work. */
	ours(arg);
	bare(arg);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		b[i] = timed(bare, arg);
		o[i] = timed(ours, arg);
		r[i] = b[i] / o[i];
	}
	return (struct bench_pair){bench_median(o, BENCH_ROUNDS), bench_median(b, BENCH_ROUNDS),
		bench_median(r, BENCH_ROUNDS)};
}

void bench_row(const char *what, const char *goal, bool is_met, const char *fmt, ...)
{
	char value[96];
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	printf("%-44s %-44s %-16s %s\n", what, value, goal, !*goal ? "" : is_met ? "ok" : "MISSED");
	fflush(stdout);
}

void bench_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	exit(1);
}

int main(void)
{
	bench_need(sodium_init() >= 0 && !tls_global_init());
	printf("%-44s %-44s %s\n", "FIGURE", "MEASURED", "GOAL");
	bench_pipe();
	bench_stacks();
	bench_setup();
	bench_heartbeats();
	bench_udp();
	return 0;
}
