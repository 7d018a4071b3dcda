/* SPDX-License-Identifier: Apache-2.0 */
/* Much data: how it is gathered into messages, what it costs in memory and in allocations. */
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>

#include "tests/lib/p2ptest.h"
#include "tests/lib/pair.h"

#define ECHO "/test/echo/1.0.0"

static struct pair p; /* large: not for the stack */
static enum pair_stack stack;

static int setup(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	pair_open(&p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_deinit(&p);
	return 0;
}

static struct conn *conn_at(int side)
{
	return p.side[side].conn;
}

/* Lengths of the sealed messages in `wire`; returns how many, the largest content in `ret_max`. */
static size_t messages_in(struct bytes wire, size_t *ret_max)
{
	size_t count = 0;

	*ret_max = 0;
	while (wire.len) {
		size_t body = (size_t)wire.at[0] << 8 | wire.at[1];

		assert_true(wire.len >= 2 + body && body >= NOISE_TAG_BYTES);
		if (body - NOISE_TAG_BYTES > *ret_max)
			*ret_max = body - NOISE_TAG_BYTES;
		wire = bytes_from(wire, 2 + body);
		count++;
	}
	return count;
}

static void small_messages_of_many_streams_leave_as_one(void **state)
{
	struct buf out = BUF_INIT;
	uint32_t ids[20];
	size_t max;

	(void)state;
	for (int i = 0; i < 20; i++)
		ids[i] = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	for (int i = 0; i < 20; i++)
		assert_int_equal(conn_write(conn_at(PAIR_D), ids[i], BYTES_LIT("a heartbeat")), 11);
	conn_send(conn_at(PAIR_D), &out, 512 * 1024, p.now);
	assert_int_equal(messages_in(buf_bytes(&out), &max), 1);
	assert_int_equal(out.len, 2 + 20 * (12 + 11) + 16);
	assert_false(conn_wants_send(conn_at(PAIR_D)));
	buf_deinit(&out);
}

static void much_data_leaves_in_messages_of_32_kib_within_the_budget(void **state)
{
	static uint8_t much[262144];
	struct buf out = BUF_INIT, tight = BUF_WITH_MAX(5000);
	uint32_t id;
	size_t max, count;

	(void)state;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	assert_true(conn_write(conn_at(PAIR_D), id, bytes_of(much, sizeof(much))) > 200000);
	conn_send(conn_at(PAIR_D), &out, 100000, p.now);
	count = messages_in(buf_bytes(&out), &max);
	assert_int_equal(max, 32768);
	assert_true(count >= 3 && out.len <= 100000 + count * 18 && out.len > 90000);
	buf_reset(&out);
	/* A tiny budget still moves something, and no more than 4 KiB. */
	conn_send(conn_at(PAIR_D), &out, 1, p.now);
	assert_true(out.len > 1000 && out.len <= 4096 + 18);
	/* A buffer with a maximum is never overrun. */
	conn_send(conn_at(PAIR_D), &tight, 512 * 1024, p.now);
	assert_true(tight.len > 1000 && tight.len <= 5000);
	(void)messages_in(buf_bytes(&tight), &max);
	buf_deinit(&tight);
	buf_deinit(&out);
}

/* ---- allocations ---- */

#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef COUNTS_ALLOCATIONS
#define COUNTS_ALLOCATIONS 1
#endif

static bool is_counting;
static size_t allocations;

/* The allocator of this program: glibc's, and a count. A sanitizer brings its own, and then
 * nothing is counted. */
#if COUNTS_ALLOCATIONS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	allocations += is_counting;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations += is_counting;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	allocations += is_counting;
	return __libc_realloc(old, size);
}
#endif

static void the_count_of_allocations_counts(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	allocations = 0;
	is_counting = true;
	assert_ok(buf_reserve(&b, 100));
	is_counting = false;
	assert_int_equal(allocations, COUNTS_ALLOCATIONS);
	buf_deinit(&b);
}

static size_t sends_allocate, receives_allocate;

static void hear_counted(int side, struct bytes in)
{
	struct conn_event ev;

	allocations = 0;
	is_counting = true;
	assert_ok(conn_recv(conn_at(side), in, p.now));
	while (conn_next(conn_at(side), &ev))
		assert_int_not_equal(ev.kind, CONN_CLOSED);
	is_counting = false;
	receives_allocate += allocations;
}

/* Moves what `from` has to send to the other side, cut at `cut`. `wire` is the transport's own
 * buffer and has room enough. */
static void move_counted(int from, struct buf *wire, size_t cut)
{
	while (conn_wants_send(conn_at(from))) {
		buf_reset(wire);
		allocations = 0;
		is_counting = true;
		conn_send(conn_at(from), wire, 512 * 1024, p.now);
		is_counting = false;
		sends_allocate += allocations;
		hear_counted(1 - from, bytes_head(buf_bytes(wire), cut));
		hear_counted(1 - from, bytes_from(buf_bytes(wire), cut));
	}
}

/* One end's own memory, with one stream and nothing half done. */
static const size_t idle_bytes_max[PAIR_STACKS] = {4096, 16384};

/* So many rounds of the steady state, with a block of `len` bytes each; counted are those after
 * the first ten, which let windows and the shared buffer grow. */
static void rounds(uint32_t id, struct bytes block, int count, size_t cut)
{
	struct buf wire = BUF_INIT;

	assert_ok(buf_reserve(&wire, 1024 * 1024));
	for (int i = 0; i < count + 10; i++) {
		struct conn_info info;

		if (i == 10) {
			sends_allocate = 0;
			receives_allocate = 0;
		}
		assert_int_equal(conn_write(conn_at(PAIR_D), id, block), block.len);
		move_counted(PAIR_D, &wire, cut);
		move_counted(PAIR_L, &wire, SIZE_MAX);
		/* What a cut message waited in is given back. */
		conn_info(conn_at(PAIR_L), &info);
		assert_true(info.memory <= idle_bytes_max[stack]);
	}
	buf_deinit(&wire);
}

static void frames_cost_no_allocations(void **state)
{
	static uint8_t block[120000];
	uint32_t id;

	(void)state;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	rounds(id, bytes_of(block, 1000), 100, SIZE_MAX);
	assert_int_equal(sends_allocate, 0);
	assert_int_equal(receives_allocate, 0);
	/* Four frames: a long queue is moved to smaller memory once, on its way to nothing. */
	rounds(id, bytes_of(block, sizeof(block)), 100, SIZE_MAX);
	assert_true(sends_allocate <= 100);
	assert_int_equal(receives_allocate, 0);
}

static void a_cut_message_costs_the_buffer_that_it_waits_in(void **state)
{
	static uint8_t block[30000];
	uint32_t id;

	(void)state;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	rounds(id, bytes_of(block, sizeof(block)), 100, 15000);
	/* Made for the first part, grown for the second. */
	assert_true(receives_allocate <= 2 * 100);
	assert_int_equal(receives_allocate > 0, COUNTS_ALLOCATIONS);
}

static void the_memory_in_use_is_the_same_after_100_megabytes(void **state)
{
	static uint8_t block[200000];
	struct mallinfo2 before, after;
	uint32_t id;

	(void)state;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	rounds(id, bytes_of(block, sizeof(block)), 10, 1000);
	before = mallinfo2();
	rounds(id, bytes_of(block, sizeof(block)), 500, 1000);
	after = mallinfo2();
	assert_int_equal(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd);
}

/* ---- the shared scratch ---- */

static void a_conn_that_finds_the_scratch_taken_uses_its_own(void **state)
{
	struct buf wire = BUF_INIT;
	struct conn_event ev;
	uint32_t id;

	(void)state;
	id = pair_say(&p, PAIR_D, ECHO, BYTES_LIT("here"));
	conn_send(conn_at(PAIR_D), &wire, 1 << 20, p.now);
	p.scratch.user = conn_at(PAIR_D);
	assert_ok(conn_recv(conn_at(PAIR_L), buf_bytes(&wire), p.now));
	assert_true(conn_next(conn_at(PAIR_L), &ev));
	assert_true(conn_next(conn_at(PAIR_L), &ev));
	assert_int_equal(ev.kind, CONN_STREAM_DATA);
	assert_int_equal(ev.stream, id);
	assert_bytes(ev.data, BYTES_LIT("here"));
	assert_false(conn_next(conn_at(PAIR_L), &ev));
	assert_ptr_equal(p.scratch.user, conn_at(PAIR_D));
	p.scratch.user = NULL;
	buf_deinit(&wire);
}

static void a_conn_that_is_freed_while_it_reads_gives_the_scratch_back(void **state)
{
	struct buf wire = BUF_INIT;
	struct conn_event ev;

	(void)state;
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("here"));
	conn_send(conn_at(PAIR_D), &wire, 1 << 20, p.now);
	assert_ok(conn_recv(conn_at(PAIR_L), buf_bytes(&wire), p.now));
	assert_true(conn_next(conn_at(PAIR_L), &ev));
	assert_ptr_equal(p.scratch.user, conn_at(PAIR_L));
	conn_free(conn_at(PAIR_L));
	p.side[PAIR_L].conn = NULL;
	assert_null(p.scratch.user);
	buf_deinit(&wire);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	/* GnuTLS allocates for each record. */
	const struct CMUnitTest of_noise[] = {
		TEST(small_messages_of_many_streams_leave_as_one),
		TEST(much_data_leaves_in_messages_of_32_kib_within_the_budget),
		TEST(the_count_of_allocations_counts),
		TEST(frames_cost_no_allocations),
		TEST(a_cut_message_costs_the_buffer_that_it_waits_in),
	};
	const struct CMUnitTest over_all[] = {
		TEST(the_memory_in_use_is_the_same_after_100_megabytes),
		TEST(a_conn_that_finds_the_scratch_taken_uses_its_own),
		TEST(a_conn_that_is_freed_while_it_reads_gives_the_scratch_back),
	};
	int failed;

	if (sodium_init() < 0 || tls_global_init())
		return 1;
	failed = cmocka_run_group_tests_name("noise's own", of_noise, NULL, NULL);
	for (stack = PAIR_NOISE; stack <= PAIR_TLS; stack++)
		failed += cmocka_run_group_tests_name(
			pair_stack_word(stack), over_all, NULL, NULL);
	tls_global_deinit();
	return failed;
}
