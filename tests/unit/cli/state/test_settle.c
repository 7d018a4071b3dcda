/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state/settle.h"

#include "tests/lib/p2ptest.h"

#define UP   5000
#define DOWN 2000

static struct settle s;
static mono_t t;

static int set_up(void **state)
{
	(void)state;
	settle_init(&s, UP, DOWN);
	t = (mono_t){77 * NS_PER_SEC};
	return 0;
}

/* Hears `what`, `ms` after what was heard before. */
static bool hear(int64_t ms, enum state_word what)
{
	t = mono_add_ms(t, ms);
	settle_hear(&s, what, t);
	return settle_tick(&s, t);
}

static void settle_on(enum state_word what)
{
	(void)hear(0, what);
	assert_true(hear(UP + DOWN, what));
	assert_int_equal(s.settled, what);
}

static void words_and_states_are_one_to_one(void **state)
{
	(void)state;
	for (enum state_word w = STATE_UNKNOWN; w <= STATE_HEALTHY; w++)
		assert_int_equal(state_word_parse(state_word_text(w)), w);
	assert_int_equal(state_word_parse(NULL), STATE_UNKNOWN);
	assert_int_equal(state_word_parse("fine"), STATE_UNKNOWN);
}

static void a_better_state_counts_after_it_has_lasted(void **state)
{
	(void)state;
	assert_true(mono_is_never(settle_deadline(&s)));
	assert_false(hear(0, STATE_HEALTHY));
	assert_int_equal(settle_deadline(&s).ns, mono_add_ms(t, UP).ns);
	assert_false(hear(UP - 1, STATE_HEALTHY));
	assert_int_equal(s.settled, STATE_UNKNOWN);
	assert_true(hear(1, STATE_HEALTHY));
	assert_int_equal(s.settled, STATE_HEALTHY);
	assert_true(mono_is_never(settle_deadline(&s)));
}

static void each_interruption_begins_the_wait_for_better_anew(void **state)
{
	(void)state;
	settle_on(STATE_DEGRADED);
	assert_false(hear(0, STATE_HEALTHY));
	assert_false(hear(UP - 1, STATE_DEGRADED));
	assert_false(hear(1, STATE_HEALTHY));
	assert_false(hear(UP - 1, STATE_HEALTHY));
	assert_true(hear(1, STATE_HEALTHY));
}

static void the_way_up_passes_no_state_that_did_not_last(void **state)
{
	(void)state;
	assert_false(hear(0, STATE_DEGRADED));
	assert_false(hear(UP - 1, STATE_HEALTHY));
	assert_false(hear(UP - 1, STATE_HEALTHY));
	assert_int_equal(s.settled, STATE_UNKNOWN);
	assert_true(hear(1, STATE_HEALTHY));
}

static void flapping_between_bad_and_worse_buys_no_time(void **state)
{
	(void)state;
	settle_on(STATE_HEALTHY);
	assert_false(hear(0, STATE_DEGRADED));
	assert_false(hear(DOWN / 2, STATE_UNKNOWN));
	assert_false(hear(DOWN / 2 - 1, STATE_DEGRADED));
	assert_true(hear(1, STATE_UNKNOWN));
	assert_int_equal(s.settled, STATE_UNKNOWN);
}

static void a_short_absence_is_forgiven(void **state)
{
	(void)state;
	settle_on(STATE_HEALTHY);
	assert_false(hear(0, STATE_UNKNOWN));
	assert_false(hear(DOWN - 1, STATE_HEALTHY));
	assert_true(mono_is_never(settle_deadline(&s)));
	assert_false(hear(DOWN, STATE_DEGRADED));
	assert_false(hear(DOWN - 1, STATE_DEGRADED));
	assert_true(hear(1, STATE_DEGRADED));
}

static void without_patience_everything_counts_at_once(void **state)
{
	(void)state;
	settle_init(&s, 0, 0);
	assert_true(hear(0, STATE_HEALTHY));
	assert_true(hear(0, STATE_DEGRADED));
	assert_false(hear(0, STATE_DEGRADED));
	assert_true(hear(0, STATE_UNKNOWN));
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_and_states_are_one_to_one),
		TEST(a_better_state_counts_after_it_has_lasted),
		TEST(each_interruption_begins_the_wait_for_better_anew),
		TEST(the_way_up_passes_no_state_that_did_not_last),
		TEST(flapping_between_bad_and_worse_buys_no_time),
		TEST(a_short_absence_is_forgiven),
		TEST(without_patience_everything_counts_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
