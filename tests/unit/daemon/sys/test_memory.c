/* SPDX-License-Identifier: Apache-2.0 */
/* One heap for all threads; freed memory between what is in use goes back to the kernel. */
#include "daemon/sys/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/p2ptest.h"

#define PIECES      512
#define PIECE_BYTES (32 * 1024)

/* What exists for this process alone, in bytes. */
static size_t private_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	size_t kib = 0;
	char line[256];

	assert_non_null(f);
	while (!kib && fgets(line, sizeof(line), f))
		(void)sscanf(line, "Private_Dirty: %zu kB", &kib);
	fclose(f);
	return kib * 1024;
}

static void *allocate(void *arg)
{
	(void)arg;
	return malloc(PIECE_BYTES);
}

static void a_thread_brings_no_heap_of_its_own(void **state)
{
	char *text = NULL, *first;
	size_t len = 0;
	pthread_t thread;
	void *piece;
	FILE *f;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* a sanitizer's allocator has its own ways */
#endif
	memory_share();
	assert_int_equal(pthread_create(&thread, NULL, allocate, NULL), 0);
	assert_int_equal(pthread_join(thread, &piece), 0);
	assert_non_null(piece);
	free(piece);
	f = open_memstream(&text, &len);
	assert_non_null(f);
	assert_int_equal(malloc_info(0, f), 0);
	fclose(f);
	first = strstr(text, "<heap nr=");
	assert_non_null(first);
	assert_null(strstr(first + 1, "<heap nr="));
	free(text);
}

static void holes_between_what_is_in_use_go_back(void **state)
{
	static char *pieces[PIECES];
	size_t before, after;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* a sanitizer's allocator keeps what is freed */
#endif
	for (int i = 0; i < PIECES; i++) {
		pieces[i] = malloc(PIECE_BYTES);
		assert_non_null(pieces[i]);
		memset(pieces[i], 1, PIECE_BYTES);
	}
	for (int i = 0; i < PIECES; i += 2)
		free(pieces[i]);
	before = private_bytes();
	memory_give_back();
	after = private_bytes();
	assert_true(before > after && before - after > PIECES / 4 * PIECE_BYTES);
	for (int i = 1; i < PIECES; i += 2) {
		assert_int_equal(pieces[i][PIECE_BYTES - 1], 1);
		free(pieces[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_brings_no_heap_of_its_own),
		cmocka_unit_test(holes_between_what_is_in_use_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
