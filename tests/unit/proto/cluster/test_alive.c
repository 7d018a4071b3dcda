/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/alive.h"

#include "tests/lib/p2ptest.h"

#define TIMEOUT 90000

static mono_t ms(int64_t n)
{
	return mono_add_ms(t0, n);
}

static void evidence_lasts_for_the_timeout(void **state)
{
	struct alive a = {0};

	(void)state;
	assert_false(alive_is_online(&a, TIMEOUT, ms(0)));
	alive_note(&a, ALIVE_HANDSHAKE, ms(0));
	assert_true(alive_is_online(&a, TIMEOUT, ms(TIMEOUT)));
	assert_false(alive_is_online(&a, TIMEOUT, ms(TIMEOUT + 1)));
	alive_note(&a, ALIVE_RELAYED, ms(1000));
	assert_true(alive_is_online(&a, TIMEOUT, ms(TIMEOUT + 1)));
}

static void older_evidence_changes_nothing(void **state)
{
	struct alive a = {0};

	(void)state;
	alive_note(&a, ALIVE_PONG, ms(5000));
	alive_note(&a, ALIVE_RELAYED, ms(4000));
	assert_int_equal(a.kind, ALIVE_PONG);
	assert_int_equal(a.seen.ns, ms(5000).ns);
	/* …except what was signed last. */
	assert_int_equal(a.signed_at.ns, ms(4000).ns);
}

static void a_loss_ends_it_until_something_newer_comes(void **state)
{
	struct alive a = {0};

	(void)state;
	alive_note(&a, ALIVE_BYTES, ms(1000));
	alive_lose(&a, LOSS_REMOTE, ms(1000));
	assert_false(alive_is_online(&a, TIMEOUT, ms(1000)));
	alive_note(&a, ALIVE_RELAYED, ms(999));
	assert_false(alive_is_online(&a, TIMEOUT, ms(1000)));
	alive_note(&a, ALIVE_RELAYED, ms(1001));
	assert_true(alive_is_online(&a, TIMEOUT, ms(1001)));
	/* A loss of long ago, told late, is no new one. */
	alive_lose(&a, LOSS_SILENCE, ms(500));
	assert_int_equal(a.loss, LOSS_REMOTE);
	assert_true(alive_is_online(&a, TIMEOUT, ms(1001)));
}

static void an_announced_end_counts_as_none_for_a_while(void **state)
{
	struct alive a = {0};

	(void)state;
	alive_note(&a, ALIVE_BYTES, ms(1000));
	alive_excuse(&a, ms(9000));
	assert_int_equal(alive_until(&a, TIMEOUT).ns, ms(1000 + TIMEOUT).ns);
	assert_false(alive_is_excused(&a, ms(1000))); /* it is still there */
	alive_lose(&a, LOSS_REMOTE, ms(2000));
	assert_true(alive_is_excused(&a, ms(2000)));
	assert_true(alive_is_online(&a, TIMEOUT, ms(9000)));
	assert_false(alive_is_online(&a, TIMEOUT, ms(9001)));
	assert_false(alive_is_excused(&a, ms(9001)));
	/* Never beyond the timeout of what was seen of it. */
	assert_int_equal(alive_until(&a, 3000).ns, ms(4000).ns);
}

static void only_an_end_that_is_told_is_excused(void **state)
{
	static const enum alive_loss losses[] = {LOSS_OURS, LOSS_SILENCE};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct alive a = {0};

		alive_note(&a, ALIVE_BYTES, ms(1000));
		alive_excuse(&a, ms(9000));
		alive_lose(&a, losses[i], ms(2000));
		assert_false(alive_is_online(&a, TIMEOUT, ms(2000)));
	}
}

static void the_return_ends_the_excuse(void **state)
{
	struct alive a = {0};

	(void)state;
	alive_note(&a, ALIVE_BYTES, ms(1000));
	alive_excuse(&a, ms(9000));
	alive_lose(&a, LOSS_ERROR, ms(2000));
	alive_note(&a, ALIVE_HANDSHAKE, ms(3000));
	assert_true(alive_is_online(&a, TIMEOUT, ms(3000)));
	alive_lose(&a, LOSS_REMOTE, ms(4000));
	assert_false(alive_is_online(&a, TIMEOUT, ms(4000)));
}

static void a_memory_counts_until_it_fades_or_something_newer_comes(void **state)
{
	struct alive a = {0};

	(void)state;
	alive_resume(&a, ms(1000), ms(11000));
	assert_true(alive_is_online(&a, TIMEOUT, ms(11000)));
	assert_false(alive_is_online(&a, TIMEOUT, ms(11001)));
	alive_note(&a, ALIVE_HANDSHAKE, ms(3000));
	assert_true(alive_is_online(&a, TIMEOUT, ms(3000 + TIMEOUT)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_lasts_for_the_timeout),
		cmocka_unit_test(older_evidence_changes_nothing),
		cmocka_unit_test(an_announced_end_counts_as_none_for_a_while),
		cmocka_unit_test(only_an_end_that_is_told_is_excused),
		cmocka_unit_test(the_return_ends_the_excuse),
		cmocka_unit_test(a_memory_counts_until_it_fades_or_something_newer_comes),
		cmocka_unit_test(a_loss_ends_it_until_something_newer_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
