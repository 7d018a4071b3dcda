/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/restart.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

#include <stdio.h>

static struct key_pair key;
static struct peer_id self;
static wall_t now;

static int set_up(void **state)
{
	(void)state;
	key = person(0x21);
	self = person_id(0x21);
	now = at("2026-06-01T13:00:00Z");
	return 0;
}

static struct restart_notice said(int64_t ms)
{
	struct restart_notice n;

	restart_sign(&n, "prod", now, ms, &key);
	return n;
}

/* The judgement, with how long it excuses in `*ms`. */
static int judged(const struct restart_notice *n, int64_t *ms)
{
	*ms = -1;
	return restart_check(n, "prod", &self, now, ms);
}

static void what_is_printed_is_read_again_and_verifies(void **state)
{
	struct restart_notice n = said(4500), back = {0};
	struct buf out = BUF_INIT;
	int64_t ms;

	(void)state;
	assert_ok(restart_print(&out, &n));
	assert_int_equal(out.data[out.len - 1], '\n');
	assert_ok(restart_parse(buf_bytes(&out), &back));
	assert_ok(judged(&back, &ms));
	assert_int_equal(ms, 4500);
	for (size_t len = 0; len < out.len - 2; len++)
		assert_err(restart_parse(bytes_of(out.data, len), &back), P2P_ERR_TRUNCATED);
	buf_deinit(&out);
}

static void nobody_is_excused_for_long(void **state)
{
	struct restart_notice n = said(RESTART_MS_MAX + 1);
	int64_t ms;

	(void)state;
	assert_ok(judged(&n, &ms));
	assert_int_equal(ms, RESTART_MS_MAX);
	n = said(0);
	assert_err(judged(&n, &ms), P2P_ERR_INVALID);
	n = said(-1000);
	assert_err(judged(&n, &ms), P2P_ERR_INVALID);
}

static void only_the_sender_itself_may_say_it(void **state)
{
	struct restart_notice n = said(1000);
	struct peer_id other = person_id(0x22);
	int64_t ms;

	(void)state;
	assert_err(restart_check(&n, "prod", &other, now, &ms), P2P_ERR_MISMATCH);
	assert_err(restart_check(&n, "prod2", &self, now, &ms), P2P_ERR_MISMATCH);
	n.until = wall_add_sec(n.until, 1);
	assert_err(judged(&n, &ms), P2P_ERR_SIGNATURE);
	n = said(1000);
	n.ts = wall_add_ns(n.ts, 1);
	assert_err(judged(&n, &ms), P2P_ERR_SIGNATURE);
}

static void an_old_one_counts_no_more(void **state)
{
	struct restart_notice n = said(1000);
	int64_t ms;

	(void)state;
	now = wall_add_sec(now, RESTART_WINDOW_SEC);
	assert_ok(judged(&n, &ms));
	now = wall_add_ns(now, 1);
	assert_err(judged(&n, &ms), P2P_ERR_STALE);
	now = wall_add_sec(now, -2 * RESTART_WINDOW_SEC - 1);
	assert_err(judged(&n, &ms), P2P_ERR_FUTURE);
}

static void what_is_missing_or_odd_is_refused(void **state)
{
	static const char *const odd[] = {"{\"cluster_id\":7}", "{\"peer_id\":\"x\"}", "{\"ts\":\"noon\"}",
		"{\"until\":1}", "{\"sig\":{}}"};
	struct restart_notice n;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_that(restart_parse(bytes_str(odd[i]), &n) == P2P_ERR_INVALID, odd[i]);
	assert_ok(restart_parse(BYTES_LIT("{}"), &n));
	assert_err(judged(&n, &ms), P2P_ERR_INVALID);
	n = said(1000);
	n.sig.form = SIGNATURE_NONE;
	assert_err(judged(&n, &ms), P2P_ERR_INVALID);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_printed_is_read_again_and_verifies),
		TEST(nobody_is_excused_for_long),
		TEST(only_the_sender_itself_may_say_it),
		TEST(an_old_one_counts_no_more),
		TEST(what_is_missing_or_odd_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
