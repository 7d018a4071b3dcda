/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/io/uv_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/eventfd.h>
#include <time.h>

#include "tests/lib/turns.h"

static struct loop *l;

static int setup(void **state)
{
	(void)state;
	return loop_new(&l);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(l);
	return 0;
}

static void count_fire(void *arg, mono_t now)
{
	(void)now;
	++*(int *)arg;
}

static void a_timer_fires_when_its_time_has_come(void **state)
{
	int fired = 0;
	struct timer t = TIMER(count_fire, &fired);

	(void)state;
	loop_timer_in_ms(l, &t, 60000);
	turn_times(l, 3);
	assert_int_equal(fired, 0);
	loop_skip_ms(l, 60000);
	turn_until(l, fired == 1);
	loop_timer_in_ms(l, &t, 1);
	turn_until(l, fired == 2);
}

static void the_time_stays_the_same_within_a_callback(void **state)
{
	mono_t a = loop_now(l), b;

	(void)state;
	while (mono_since_ns(loop_clock(l), a) < NS_PER_MS)
		;
	b = loop_now(l);
	assert_int_equal(a.ns, b.ns);
	turn_times(l, 1);
	assert_true(mono_before(a, loop_now(l)));
}

static void wall_time_is_the_present(void **state)
{
	(void)state;
	assert_true(loop_wall(l).sec > 1700000000);
}

static void count_run(void *arg)
{
	++*(int *)arg;
}

static void work_at_the_end_of_a_turn_runs_once(void **state)
{
	int runs = 0;
	struct turn_end t = {.run = count_run, .arg = &runs};

	(void)state;
	loop_at_turn_end(l, &t);
	loop_at_turn_end(l, &t);
	assert_int_equal(runs, 0);
	turn_times(l, 1);
	assert_int_equal(runs, 1);
	turn_times(l, 2);
	assert_int_equal(runs, 1);
	loop_at_turn_end(l, &t);
	loop_turn_end_cancel(&t);
	turn_times(l, 1);
	assert_int_equal(runs, 1);
}

struct greedy {
	struct turn_end end;
	int runs;
};

static void run_again(void *arg)
{
	struct greedy *g = arg;

	g->runs++;
	loop_at_turn_end(l, &g->end);
}

static void work_that_always_asks_for_more_does_not_hold_up_the_loop(void **state)
{
	struct greedy g = {.runs = 0};
	int fired = 0;
	struct timer t = TIMER(count_fire, &fired);

	(void)state;
	g.end = (struct turn_end){.run = run_again, .arg = &g};
	loop_at_turn_end(l, &g.end);
	loop_timer_in_ms(l, &t, 0);
	turn_until(l, fired == 1);
	assert_true(g.runs > 1); /* it goes on in each turn */
	loop_turn_end_cancel(&g.end);
}

struct stall {
	int64_t ms;
	int fired_before;
	int *fired;
};

static void on_stall(void *arg, int64_t ms)
{
	struct stall *s = arg;

	s->ms = ms;
	s->fired_before = *s->fired;
}

static void busy(void *arg)
{
	mono_t from = loop_clock(l);

	(void)arg;
	while (mono_since_ms(loop_clock(l), from) < LOOP_STALL_MS_MIN + 20)
		;
}

static void a_standstill_is_told_before_the_timers_that_it_made_late(void **state)
{
	int fired = 0;
	struct stall s = {.fired = &fired};
	struct timer t = TIMER(count_fire, &fired);
	struct turn_end work = {.run = busy};
	struct loop_stats stats;

	(void)state;
	loop_on_stall(l, on_stall, &s);
	turn_times(l, 2);
	assert_int_equal(s.ms, 0);
	loop_timer_in_ms(l, &t, 10);
	loop_at_turn_end(l, &work);
	turn_until(l, fired == 1);
	assert_true(s.ms >= LOOP_STALL_MS_MIN);
	assert_int_equal(s.fired_before, 0);
	loop_stats(l, &stats);
	assert_int_equal(stats.stalls, 1);
	assert_true(stats.lag_ns_max >= LOOP_STALL_MS_MIN * NS_PER_MS);
	assert_true(stats.lag_over_100ms >= 1);
}

static void hold_up(int signum)
{
	struct timespec from, to;

	(void)signum;
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	do
		(void)clock_gettime(CLOCK_MONOTONIC, &to);
	while ((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 <
		LOOP_STALL_MS_MIN + 100);
}

/* As after SIGSTOP: the process is held up inside the wait, and its timer is late. */
static void a_standstill_inside_the_wait_is_told_before_the_late_timer(void **state)
{
	int fired = 0;
	struct stall s = {.fired = &fired};
	struct timer t = TIMER(count_fire, &fired);
	struct itimerval soon = {.it_value.tv_usec = 5000};

	(void)state;
	loop_on_stall(l, on_stall, &s);
	(void)signal(SIGALRM, hold_up);
	loop_timer_in_ms(l, &t, 40);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	while (!fired)
		loop_turn(l);
	(void)signal(SIGALRM, SIG_DFL);
	assert_true(s.ms >= LOOP_STALL_MS_MIN);
	assert_int_equal(s.fired_before, 0);
}

static void sleeping_without_work_is_no_standstill(void **state)
{
	int fired = 0;
	struct stall s = {.fired = &fired};
	struct timer t = TIMER(count_fire, &fired);

	(void)state;
	loop_on_stall(l, on_stall, &s);
	loop_timer_in_ms(l, &t, LOOP_STALL_MS_MIN + 50);
	turn_until(l, fired == 1);
	assert_int_equal(s.ms, 0);
}

static void on_signal(void *arg, int signum)
{
	*(int *)arg = signum;
}

static void a_signal_arrives_in_a_turn(void **state)
{
	int got = 0;

	(void)state;
	assert_ok(loop_on_signal(l, SIGUSR2, on_signal, &got));
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	turn_until(l, got == SIGUSR2);
}

static void a_ninth_signal_is_refused(void **state)
{
	int got = 0;

	(void)state;
	for (int i = 0; i < LOOP_SIGNALS_MAX; i++)
		assert_ok(loop_on_signal(l, SIGUSR2, on_signal, &got));
	assert_err(loop_on_signal(l, SIGUSR1, on_signal, &got), P2P_ERR_FULL);
}

static void *wake_from_thread(void *arg)
{
	wake_send(arg);
	return NULL;
}

static void another_thread_wakes_the_loop(void **state)
{
	int woken = 0;
	struct wake *w;
	pthread_t thread;

	(void)state;
	assert_ok(wake_open(l, count_run, &woken, &w));
	assert_int_equal(pthread_create(&thread, NULL, wake_from_thread, w), 0);
	turn_until(l, woken >= 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	wake_close(w);
	wake_close(NULL);
}

struct reader {
	int fd;
	uint64_t got;
};

static void on_readable(void *arg)
{
	struct reader *r = arg;

	assert_int_equal(read(r->fd, &r->got, sizeof(r->got)), sizeof(r->got));
}

static void a_foreign_descriptor_is_watched(void **state)
{
	struct reader r = {.fd = eventfd(0, EFD_NONBLOCK)};
	struct fd_watch *w;
	uint64_t seven = 7;

	(void)state;
	assert_ok(fd_watch_open(l, r.fd, on_readable, &r, &w));
	assert_int_equal(write(r.fd, &seven, sizeof(seven)), sizeof(seven));
	turn_until(l, r.got == 7);
	fd_watch_close(w);
	turn_times(l, 1);
	close(r.fd);
}

static void an_idle_loop_does_not_turn(void **state)
{
	struct loop_stats before, after;
	int fired = 0;
	struct timer t = TIMER(count_fire, &fired);

	(void)state;
	turn_times(l, 2);
	loop_stats(l, &before);
	loop_timer_in_ms(l, &t, 100);
	turn_until(l, fired == 1);
	loop_stats(l, &after);
	assert_true(after.turns - before.turns <= 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_timer_fires_when_its_time_has_come),
		TEST(the_time_stays_the_same_within_a_callback),
		TEST(wall_time_is_the_present),
		TEST(work_at_the_end_of_a_turn_runs_once),
		TEST(work_that_always_asks_for_more_does_not_hold_up_the_loop),
		TEST(a_standstill_is_told_before_the_timers_that_it_made_late),
		TEST(a_standstill_inside_the_wait_is_told_before_the_late_timer),
		TEST(sleeping_without_work_is_no_standstill),
		TEST(a_signal_arrives_in_a_turn),
		TEST(a_ninth_signal_is_refused),
		TEST(another_thread_wakes_the_loop),
		TEST(a_foreign_descriptor_is_watched),
		TEST(an_idle_loop_does_not_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
