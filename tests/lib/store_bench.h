/* SPDX-License-Identifier: Apache-2.0 */
/* store_bench.h: a store in a directory of its own, driven by the test as by a loop. */
#ifndef P2POS_TESTS_LIB_STORE_BENCH_H
#define P2POS_TESTS_LIB_STORE_BENCH_H

#include "daemon/store/store.h"
#include "tests/lib/tempdir.h"

struct store_bench {
	struct tempdir dir;
	int bell; /* eventfd that the writer rings */
	struct store *store;
	struct store_start start;
	char why[STORE_WHY_SIZE];
	unsigned answers;     /* callbacks that ran */
	int last_err;
	unsigned news[STORE_NEWS_FATAL + 1];
	char news_path[256];
	char text[STORE_WHY_SIZE]; /* of the last chore */
	size_t row_count;
	struct store_row rows[32]; /* of the last query; texts copied into `row_texts` */
	struct buf row_texts;
};

/* A fresh directory, nothing open. */
void bench_make(struct store_bench *b);
void bench_remove(struct store_bench *b);

int bench_open(struct store_bench *b);
void bench_close(struct store_bench *b);

/* Dispatches until `answers` callbacks more have run. */
void bench_wait(struct store_bench *b, unsigned answers);

/* The n-th peer of the tests, and its snapshot number `n` naming members 0 .. members-1. */
struct peer_id bench_peer(unsigned n);
struct snapshot_stamp bench_stamp(unsigned n);
/* Puts it; the result of the call. */
int bench_put_snapshot(struct store_bench *b, unsigned n, unsigned members);
/* Puts it and waits for its answer. */
int bench_snapshot(struct store_bench *b, unsigned n, unsigned members);

/* Runs a query and waits; rows land in b->rows. */
int bench_query(struct store_bench *b, const struct store_query *q);

/* Counts a callback; give as `done` with the bench as `arg`. */
void bench_done(void *arg, int err);

/* One integer or text by SQL, from a connection of its own. */
int64_t bench_sql_int(struct store_bench *b, const char *sql);
void bench_sql_text(struct store_bench *b, const char *sql, char *to, size_t size);
/* Runs SQL on a file of the directory. */
void bench_sql(struct store_bench *b, const char *file, const char *sql);

#endif
