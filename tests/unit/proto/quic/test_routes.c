/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/routes.h"

#include "tests/lib/p2ptest.h"

static void names_lead_to_their_owner(void **state)
{
	struct quic_conn *a = (struct quic_conn *)&state, *b = (struct quic_conn *)&a;
	struct list of_a, of_b;
	struct quic_routes t;
	struct rng_seeded rng;

	rng_seed(&rng, 1);
	quic_routes_init(&t, &rng.rng);
	list_init(&of_a);
	list_init(&of_b);
	assert_true(quic_routes_add(&t, QUIC_NAME_CID, BYTES_LIT("a name"), a, &of_a));
	assert_true(quic_routes_add(&t, QUIC_NAME_TOKEN, BYTES_LIT("a name"), b, &of_b));
	assert_ptr_equal(quic_routes_find(&t, QUIC_NAME_CID, BYTES_LIT("a name"))->conn, a);
	assert_ptr_equal(quic_routes_find(&t, QUIC_NAME_TOKEN, BYTES_LIT("a name"))->conn, b);
	assert_null(quic_routes_find(&t, QUIC_NAME_CID, BYTES_LIT("a nam")));
	/* A name that is taken stays with whom it names. */
	assert_false(quic_routes_add(&t, QUIC_NAME_CID, BYTES_LIT("a name"), b, &of_b));
	assert_ptr_equal(quic_routes_find(&t, QUIC_NAME_CID, BYTES_LIT("a name"))->conn, a);
	quic_routes_remove_all(&t, &of_a);
	assert_null(quic_routes_find(&t, QUIC_NAME_CID, BYTES_LIT("a name")));
	quic_routes_remove(&t, quic_routes_find(&t, QUIC_NAME_TOKEN, BYTES_LIT("a name")));
	assert_true(list_is_empty(&of_b));
	quic_routes_deinit(&t);
}

static void many_names_are_all_found(void **state)
{
	struct list owner;
	struct quic_routes t;
	struct rng_seeded rng;
	uint32_t i;

	(void)state;
	rng_seed(&rng, 2);
	quic_routes_init(&t, &rng.rng);
	list_init(&owner);
	for (i = 0; i < 5000; i++)
		assert_true(quic_routes_add(&t, QUIC_NAME_CID, bytes_of(&i, sizeof(i)), NULL, &owner));
	assert_int_equal(t.count, 5000);
	assert_true(t.bucket_count >= 5000);
	for (i = 0; i < 5000; i += 2)
		quic_routes_remove(&t, quic_routes_find(&t, QUIC_NAME_CID, bytes_of(&i, sizeof(i))));
	for (i = 0; i < 5000; i++)
		assert_int_equal(
			quic_routes_find(&t, QUIC_NAME_CID, bytes_of(&i, sizeof(i))) != NULL, i % 2);
	quic_routes_remove_all(&t, &owner);
	assert_int_equal(t.count, 0);
	quic_routes_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_to_their_owner),
		cmocka_unit_test(many_names_are_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
