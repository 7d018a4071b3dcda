/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/io/timers.h"
#include "proto/base/list.h"
#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

#define MANY 500

struct probe {
	struct timer timer;
	struct timer_heap *heap;
	mono_t fired_at;
	unsigned fired;
	mono_t again; /* re-arms itself for then; NEVER: not */
};

static void on_fire(void *arg, mono_t now)
{
	struct probe *p = arg;

	p->fired++;
	p->fired_at = now;
	assert_false(timer_is_armed(&p->timer));
	if (!mono_is_never(p->again))
		timer_heap_set(p->heap, &p->timer, p->again);
}

static struct probe probe(struct timer_heap *h)
{
	return (struct probe){.heap = h, .again = MONO_NEVER};
}

static void timers_fire_in_order_of_their_deadlines(void **state)
{
	struct probe p[MANY];
	struct timer_heap h;
	struct rng_seeded rng;
	mono_t last = MONO_ZERO;

	(void)state;
	rng_seed(&rng, 1);
	timer_heap_init(&h);
	for (int i = 0; i < MANY; i++) {
		p[i] = probe(&h);
		p[i].timer = TIMER(on_fire, &p[i]);
		timer_heap_set(&h, &p[i].timer, (mono_t){(int64_t)rng_below(&rng.rng, 1000)});
	}
	/* Some move, some stop: the heap must stay in order. */
	for (int i = 0; i < MANY; i += 3)
		timer_heap_set(&h, &p[i].timer, (mono_t){(int64_t)rng_below(&rng.rng, 1000)});
	for (int i = 1; i < MANY; i += 3)
		timer_heap_stop(&h, &p[i].timer);
	while (!mono_is_never(timer_heap_next(&h))) {
		mono_t next = timer_heap_next(&h);

		assert_true(mono_cmp(next, last) >= 0);
		last = next;
		timer_heap_fire(&h, next);
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(p[i].fired, i % 3 == 1 ? 0 : 1);
	timer_heap_deinit(&h);
}

static void nothing_fires_before_its_time(void **state)
{
	struct timer_heap h;
	struct probe p = probe(&h);

	(void)state;
	timer_heap_init(&h);
	p.timer = TIMER(on_fire, &p);
	timer_heap_set(&h, &p.timer, (mono_t){100});
	timer_heap_fire(&h, (mono_t){99});
	assert_int_equal(p.fired, 0);
	timer_heap_fire(&h, (mono_t){100});
	assert_int_equal(p.fired, 1);
	assert_true(mono_is_never(timer_when(&p.timer)));
	timer_heap_deinit(&h);
}

static void a_timer_that_rearms_itself_in_the_past_waits_for_the_next_turn(void **state)
{
	struct timer_heap h;
	struct probe p = probe(&h);

	(void)state;
	timer_heap_init(&h);
	p.timer = TIMER(on_fire, &p);
	p.again = MONO_ZERO;
	timer_heap_set(&h, &p.timer, MONO_ZERO);
	timer_heap_fire(&h, t0);
	assert_int_equal(p.fired, 1);
	timer_heap_fire(&h, mono_add_ns(t0, 1));
	assert_int_equal(p.fired, 2);
	timer_heap_deinit(&h);
	assert_false(timer_is_armed(&p.timer));
}

static void never_disarms(void **state)
{
	struct timer_heap h;
	struct probe p = probe(&h);

	(void)state;
	timer_heap_init(&h);
	p.timer = TIMER(on_fire, &p);
	timer_heap_set(&h, &p.timer, t0);
	timer_heap_set(&h, &p.timer, MONO_NEVER);
	assert_false(timer_is_armed(&p.timer));
	timer_heap_stop(&h, &p.timer); /* harmless */
	assert_true(mono_is_never(timer_heap_next(&h)));
	timer_heap_deinit(&h);
}

struct killer {
	struct timer timer;
	struct timer_heap *heap;
	struct timer *victim;
};

static void on_kill(void *arg, mono_t now)
{
	struct killer *k = arg;

	(void)now;
	timer_heap_stop(k->heap, k->victim);
}

static void a_timer_may_stop_another_that_is_due_too(void **state)
{
	struct timer_heap h;
	struct probe p = probe(&h);
	struct killer k = {.heap = &h, .victim = &p.timer};

	(void)state;
	timer_heap_init(&h);
	p.timer = TIMER(on_fire, &p);
	k.timer = TIMER(on_kill, &k);
	timer_heap_set(&h, &k.timer, (mono_t){1});
	timer_heap_set(&h, &p.timer, (mono_t){2});
	timer_heap_fire(&h, t0);
	assert_int_equal(p.fired, 0);
	timer_heap_deinit(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_of_their_deadlines),
		cmocka_unit_test(nothing_fires_before_its_time),
		cmocka_unit_test(a_timer_that_rearms_itself_in_the_past_waits_for_the_next_turn),
		cmocka_unit_test(never_disarms),
		cmocka_unit_test(a_timer_may_stop_another_that_is_due_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
