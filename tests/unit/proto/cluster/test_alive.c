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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_lasts_for_the_timeout),
		cmocka_unit_test(older_evidence_changes_nothing),
		cmocka_unit_test(a_loss_ends_it_until_something_newer_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
