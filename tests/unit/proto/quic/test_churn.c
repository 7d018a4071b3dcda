/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/churn.h"

#include "tests/lib/p2ptest.h"

static void so_many_in_ten_seconds(bool (*one)(struct quic_churn *c, mono_t now), int max)
{
	struct quic_churn c = {0};
	mono_t now = t0;

	for (int i = 0; i < max; i++)
		assert_true(one(&c, now));
	assert_false(one(&c, now));
	now = mono_add_ms(now, 10000 / max + 1);
	assert_true(one(&c, now));
	assert_false(one(&c, now));
	now = mono_add_ms(now, 100000);
	for (int i = 0; i < max; i++)
		assert_true(one(&c, now));
	assert_false(one(&c, now));
}

static void each_kind_has_its_bound(void **state)
{
	(void)state;
	so_many_in_ten_seconds(quic_churn_challenge, 100);
	so_many_in_ten_seconds(quic_churn_new_cid, 64);
	so_many_in_ten_seconds(quic_churn_retired, 64);
	so_many_in_ten_seconds(quic_churn_idle, 1000);
}

static void progress_pays_for_idleness_but_not_in_advance(void **state)
{
	struct quic_churn c = {0};

	(void)state;
	quic_churn_progress(&c, 100000000);
	for (int i = 0; i < 1000; i++)
		assert_true(quic_churn_idle(&c, t0));
	assert_false(quic_churn_idle(&c, t0));
	for (int i = 0; i < 100; i++) {
		quic_churn_progress(&c, 1000); /* not quite one each */
		quic_churn_progress(&c, 24);
		assert_true(quic_churn_idle(&c, t0));
		assert_false(quic_churn_idle(&c, t0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_bound),
		cmocka_unit_test(progress_pays_for_idleness_but_not_in_advance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
