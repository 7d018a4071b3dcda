/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/digest.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

static struct heartbeat beat(uint8_t who)
{
	struct key_pair k = person(who);
	struct heartbeat h;

	heartbeat_sign(&h, "prod", at("2026-02-21T11:11:01.123456789Z"), &k);
	return h;
}

static void what_is_written_is_read_in_order(void **state)
{
	struct heartbeat_rules rules = {"prod", NULL, true, at("2026-02-21T11:11:02Z")};
	struct buf out = BUF_INIT;
	struct digest d;

	(void)state;
	for (unsigned count = 0; count < 20; count++) {
		buf_reset(&out);
		assert_ok(digest_begin(&out));
		for (unsigned i = 0; i < count; i++) {
			struct heartbeat h = beat((uint8_t)i);

			assert_ok(digest_add(&out, &h, count));
		}
		assert_ok(digest_end(&out));
		assert_ok(digest_parse(buf_bytes(&out), count, &d));
		assert_int_equal(d.count, count);
		assert_int_equal(d.skipped, 0);
		for (unsigned i = 0; i < count; i++) {
			struct peer_id id = person_id((uint8_t)i);

			assert_true(peer_id_eq(&d.beats[i].peer, &id));
			assert_ok(heartbeat_check(&d.beats[i], &rules, NULL));
		}
		digest_deinit(&d);
	}
	buf_deinit(&out);
}

static void the_text_is_what_the_contract_says(void **state)
{
	struct buf out = BUF_INIT;
	struct heartbeat h;

	(void)state;
	assert_ok(heartbeat_parse(BYTES_LIT(GOLDEN_HEARTBEAT), &h, NULL));
	assert_ok(digest_begin(&out));
	assert_ok(digest_add(&out, &h, 2));
	assert_ok(digest_add(&out, &h, 2));
	assert_ok(digest_end(&out));
	assert_bytes(buf_bytes(&out),
		BYTES_LIT("{\"heartbeats\":[" GOLDEN_HEARTBEAT "," GOLDEN_HEARTBEAT "]}\n"));
	buf_deinit(&out);
}

static void the_limit_grows_with_the_cluster_up_to_an_end(void **state)
{
	(void)state;
	assert_int_equal(digest_limits(0).bytes_max, 64);
	assert_int_equal(digest_limits(10).bytes_max, 64 + 3200);
	assert_int_equal(digest_limits(1000000).bytes_max, DIGEST_BYTES_MAX);
	for (size_t n = 1; n < 10000; n++)
		assert_true(digest_limits(n).bytes_max >= digest_limits(n - 1).bytes_max &&
			    digest_limits(n).bytes_max <= DIGEST_BYTES_MAX);
}

static void the_longest_heartbeat_fits_its_share(void **state)
{
	char cluster[CLUSTER_ID_SIZE];
	struct key_pair k = person(1);
	struct buf out = BUF_INIT;
	struct heartbeat h;

	(void)state;
	memset(cluster, 'x', CLUSTER_ID_MAX);
	cluster[CLUSTER_ID_MAX] = '\0';
	heartbeat_sign(&h, cluster, at("2026-02-21T11:11:01.123456789Z"), &k);
	assert_ok(heartbeat_print_object(&out, &h));
	assert_true(out.len + 1 <= DIGEST_ENTRY_BYTES_MAX);
	buf_deinit(&out);
}

static void a_full_one_says_so_and_can_be_read(void **state)
{
	struct heartbeat h = beat(1);
	struct buf out = BUF_INIT;
	struct digest d;
	size_t added = 0;

	(void)state;
	assert_ok(digest_begin(&out));
	while (!digest_add(&out, &h, 1000000))
		added++;
	assert_err(digest_add(&out, &h, 1000000), P2P_ERR_FULL);
	assert_ok(digest_end(&out));
	assert_true(out.len <= DIGEST_BYTES_MAX && added > 3000);
	assert_ok(digest_parse(buf_bytes(&out), 1000000, &d));
	assert_int_equal(d.count, added);
	digest_deinit(&d);
	/* The same is too much for a small cluster. */
	assert_err(digest_parse(buf_bytes(&out), 100, &d), P2P_ERR_TOO_LARGE);
	buf_deinit(&out);
}

static void what_fits_a_cluster_of_any_size_is_read_there(void **state)
{
	struct heartbeat h = beat(1);
	struct buf out = BUF_INIT;
	struct digest d;

	(void)state;
	for (size_t members = 1; members < 150; members++) {
		buf_reset(&out);
		assert_ok(digest_begin(&out));
		while (!digest_add(&out, &h, members))
			;
		assert_ok(digest_end(&out));
		assert_true(out.len <= digest_limits(members).bytes_max);
		assert_ok(digest_parse(buf_bytes(&out), members, &d));
		assert_true(d.count >= members);
		digest_deinit(&d);
	}
	buf_deinit(&out);
}

static void a_bad_entry_is_skipped_alone(void **state)
{
	struct digest d;

	(void)state;
	assert_ok(digest_parse(
		BYTES_LIT("{\"heartbeats\":[1,{\"ts\":\"x\"}," GOLDEN_HEARTBEAT ",null,[],{}]}"), 9,
		&d));
	assert_int_equal(d.count, 2); /* {} lacks all, which is for heartbeat_check() to say */
	assert_int_equal(d.skipped, 4);
	digest_deinit(&d);
}

static void what_is_no_digest_is_refused(void **state)
{
	static const char text[] = "{\"heartbeats\":[" GOLDEN_HEARTBEAT "]}";
	struct digest d;

	(void)state;
	assert_err(digest_parse(BYTES_LIT("{}"), 9, &d), P2P_ERR_INVALID);
	assert_err(digest_parse(BYTES_LIT("{\"heartbeats\":{}}"), 9, &d), P2P_ERR_INVALID);
	assert_err(digest_parse(BYTES_LIT("[]"), 9, &d), P2P_ERR_JSON);
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_err(digest_parse(bytes_of(text, len), 9, &d), P2P_ERR_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_in_order),
		cmocka_unit_test(the_text_is_what_the_contract_says),
		cmocka_unit_test(the_limit_grows_with_the_cluster_up_to_an_end),
		cmocka_unit_test(the_longest_heartbeat_fits_its_share),
		cmocka_unit_test(a_full_one_says_so_and_can_be_read),
		cmocka_unit_test(what_fits_a_cluster_of_any_size_is_read_there),
		cmocka_unit_test(a_bad_entry_is_skipped_alone),
		cmocka_unit_test(what_is_no_digest_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
