/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/status.h"

#include "proto/base/rng.h"
#include "proto/keys/key.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

#define ADDR "/ip4/203.0.113.10/tcp/4100"

static struct status_record record(uint8_t who, const char *seen, bool online, uint8_t observer)
{
	return (struct status_record){
		.peer = person_id(who),
		.last_seen_at = seen ? at(seen) : WALL_ZERO,
		.online = online,
		.observed_by = person_id(observer),
	};
}

static bool everybody(const void *who_knows, const struct peer_id *peer)
{
	(void)who_knows;
	(void)peer;
	return true;
}

static bool not_this_one(const void *who_knows, const struct peer_id *peer)
{
	return !peer_id_eq(who_knows, peer);
}

static void a_request_is_local_unless_it_asks_for_the_cluster(void **state)
{
	static const char *const local[] = {
		"",
		"{}",
		"x",
		"{\"scope\":",
		"{\"scope\":\"local\"}",
		"{\"scope\":\"\"}",
		"{\"scope\":null}",
		"{\"scope\":7}",
		"{\"scope\":\"galaxy\"}",
		"{\"scope\":\"Cluster\"}",
		"[\"cluster\"]",
		"{\"scope\":\"local\",\"scope\":\"cluster\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_that(status_request_parse(bytes_str(local[i])) == STATUS_LOCAL, local[i]);
	assert_int_equal(
		status_request_parse(BYTES_LIT("{\"scope\":\"cluster\"}\n")), STATUS_CLUSTER);
	for (enum status_scope scope = STATUS_LOCAL; scope <= STATUS_CLUSTER; scope++) {
		struct buf out = BUF_INIT;

		assert_ok(status_request_print(&out, scope));
		assert_int_equal(status_request_parse(buf_bytes(&out)), scope);
		buf_deinit(&out);
	}
}

static void the_answer_is_printed_as_the_contract_says(void **state)
{
	struct status_answer a = {.generated_at = at("2026-02-21T11:11:01.5Z")};
	struct status_record n1 =
		record(GOLDEN_N1_SEED, "2026-02-21T11:11:01Z", true, GOLDEN_N1_SEED);
	struct status_record n2 = record(GOLDEN_N2_SEED, NULL, false, GOLDEN_N1_SEED);
	char addr[] = ADDR, hint[] = ADDR "/ws";
	struct buf out = BUF_INIT;

	(void)state;
	n1.last_remote_addr = addr;
	n1.addr_count = 2;
	n1.addrs[0] = addr;
	n1.addrs[1] = hint;
	assert_ok(status_answer_put(&a, &n1));
	assert_ok(status_answer_put(&a, &n2));
	assert_ok(status_answer_print(&out, &a, false));
	assert_bytes(buf_bytes(&out),
		BYTES_LIT("{\"generated_at\":\"2026-02-21T11:11:01.5Z\",\"peers\":["
			  "{\"peer_id\":\"" GOLDEN_N2 "\",\"last_remote_addr\":\"\","
			  "\"last_seen_at\":\"0001-01-01T00:00:00Z\",\"reachability\":\"offline\","
			  "\"observed_by\":\"" GOLDEN_N1 "\"},"
			  "{\"peer_id\":\"" GOLDEN_N1 "\",\"last_remote_addr\":\"" ADDR "\","
			  "\"last_seen_at\":\"2026-02-21T11:11:01Z\",\"reachability\":\"online\","
			  "\"observed_by\":\"" GOLDEN_N1 "\"}]}\n"));
	buf_reset(&out);
	assert_ok(status_answer_print(&out, &a, true));
	assert_non_null(strstr(buf_cstr(&out), ",\"addrs\":[\"" ADDR "\",\"" ADDR "/ws\"]}"));
	buf_deinit(&out);
	status_answer_deinit(&a);
}

static void an_unconfigured_node_answers_an_empty_list_and_an_error(void **state)
{
	struct status_answer a = {
		.generated_at = at("2026-02-21T11:11:01Z"), .error = STATUS_ERR_UNCONFIGURED};
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(status_answer_print(&out, &a, true));
	assert_bytes(
		buf_bytes(&out), BYTES_LIT("{\"generated_at\":\"2026-02-21T11:11:01Z\","
					   "\"peers\":[],\"error\":\"node is unconfigured\"}\n"));
	buf_deinit(&out);
}

static void assert_same(const struct status_answer *a, const struct status_answer *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct status_record *x = &a->records[i], *y = &b->records[i];

		assert_true(peer_id_eq(&x->peer, &y->peer));
		assert_true(peer_id_eq(&x->observed_by, &y->observed_by));
		assert_int_equal(wall_cmp(x->last_seen_at, y->last_seen_at), 0);
		assert_true(x->online == y->online && x->skewed == y->skewed);
		assert_string_equal(x->last_remote_addr ? x->last_remote_addr : "",
			y->last_remote_addr ? y->last_remote_addr : "");
		assert_int_equal(x->addr_count, y->addr_count);
		for (size_t j = 0; j < x->addr_count; j++)
			assert_string_equal(x->addrs[j], y->addrs[j]);
	}
	assert_int_equal(a->incomplete_count, b->incomplete_count);
	assert_int_equal(a->truncated, b->truncated);
	assert_string_equal(a->error, b->error);
}

static void random_answers_survive_printing_and_parsing(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 97);
	for (int i = 0; i < 200; i++) {
		struct status_answer a = {.generated_at = (wall_t){1771672261, 0}}, back;
		unsigned count = (unsigned)rng_below(&rng.rng, 12);
		char addr[] = ADDR, hint[] = "/dns4/a.example.org/tcp/4100";
		struct buf out = BUF_INIT;

		for (unsigned j = 0; j < count; j++) {
			struct status_record r = record((uint8_t)rng_below(&rng.rng, 20), NULL,
				rng_below(&rng.rng, 2), (uint8_t)rng_below(&rng.rng, 20));

			if (rng_below(&rng.rng, 3))
				r.last_seen_at =
					(wall_t){(int64_t)rng_below(&rng.rng, 2000000000), 5};
			r.last_remote_addr = rng_below(&rng.rng, 2) ? addr : NULL;
			r.addr_count = rng_below(&rng.rng, 2);
			r.addrs[0] = hint;
			r.skewed = rng_below(&rng.rng, 2);
			assert_ok(status_answer_put(&a, &r));
			status_answer_incomplete(&a, &r.peer);
		}
		assert_ok(status_answer_print(&out, &a, true));
		assert_ok(status_answer_parse(buf_bytes(&out), &back));
		assert_same(&a, &back);
		status_answer_deinit(&a);
		status_answer_deinit(&back);
		buf_deinit(&out);
	}
}

static void a_record_that_is_not_well_formed_is_skipped_alone(void **state)
{
	struct status_answer a;

	(void)state;
	assert_ok(status_answer_parse(
		BYTES_LIT("{\"peers\":[7,{},{\"peer_id\":\"nobody\"},"
			  "{\"peer_id\":\"" GOLDEN_N1 "\",\"last_seen_at\":\"soon\"},"
			  "{\"peer_id\":\"" GOLDEN_N2
			  "\",\"reachability\":\"online\",\"addrs\":[1,\"/x\"]},"
			  "{\"peer_id\":\"" GOLDEN_N3 "\",\"reachability\":\"maybe\"}],"
			  "\"incomplete\":[\"" GOLDEN_N1 "\",\"x\",3],\"error\":null}"),
		&a));
	assert_int_equal(a.count, 2);
	assert_int_equal(a.skipped, 4);
	assert_true(a.records[0].online);
	assert_int_equal(a.records[0].addr_count, 1);
	assert_false(a.records[1].online);
	assert_true(wall_is_zero(a.records[1].last_seen_at));
	assert_int_equal(a.incomplete_count, 1);
	status_answer_deinit(&a);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char text[] = "{\"generated_at\":\"2026-02-21T11:11:01Z\",\"peers\":["
				   "{\"peer_id\":\"" GOLDEN_N1 "\"}],\"error\":\"e\"}";
	struct status_answer a;

	(void)state;
	assert_err(status_answer_parse(BYTES_LIT("{\"peers\":{}}"), &a), P2P_ERR_INVALID);
	assert_err(status_answer_parse(BYTES_LIT("{\"generated_at\":\"x\"}"), &a), P2P_ERR_INVALID);
	assert_err(status_answer_parse(BYTES_LIT("{\"error\":1}"), &a), P2P_ERR_INVALID);
	assert_ok(status_answer_parse(BYTES_LIT("{\"peers\":null}"), &a));
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_err(status_answer_parse(bytes_of(text, len), &a), P2P_ERR_TRUNCATED);
}

static void of_two_records_the_later_wins(void **state)
{
	struct status_answer view = {0}, other = {0};
	struct status_record mine = record(0x11, "2026-02-21T11:11:01Z", true, 0x01);
	struct status_record newer = record(0x11, "2026-02-21T11:11:02Z", false, 0x02);
	struct status_record older = record(0x12, "2026-02-21T11:11:00Z", true, 0x02);
	struct status_record mine2 = record(0x12, "2026-02-21T11:11:01Z", false, 0x01);
	struct status_merge_rules rules = {at("2026-02-21T11:12:00Z"), everybody, NULL};

	(void)state;
	assert_ok(status_answer_put(&view, &mine));
	assert_ok(status_answer_put(&view, &mine2));
	assert_ok(status_answer_put(&other, &newer));
	assert_ok(status_answer_put(&other, &older));
	status_merge(&view, &other, &rules);
	assert_int_equal(view.count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_false(view.records[i].online);
	status_answer_deinit(&view);
	status_answer_deinit(&other);
}

static void merging_gives_the_same_in_any_order(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 1997);
	for (int i = 0; i < 100; i++) {
		struct status_merge_rules rules = {{1000, 0}, everybody, NULL};
		struct status_answer part[3] = {[0] = {.count = 0}}, ab = {.count = 0}, ba = ab;

		for (int p = 0; p < 3; p++)
			for (int j = 0; j < 6; j++) {
				struct status_record r = record(
					(uint8_t)rng_below(&rng.rng, 5), NULL, p & 1, (uint8_t)p);

				r.last_seen_at = (wall_t){(int64_t)rng_below(&rng.rng, 3), 0};
				assert_ok(status_answer_put(&part[p], &r));
			}
		for (int p = 0; p < 3; p++) {
			status_merge(&ab, &part[p], &rules);
			status_merge(&ba, &part[2 - p], &rules);
		}
		assert_same(&ab, &ba);
		status_answer_deinit(&ab);
		status_answer_deinit(&ba);
		for (int p = 0; p < 3; p++)
			status_answer_deinit(&part[p]);
	}
}

static void strangers_are_dropped_and_the_future_is_cut(void **state)
{
	struct status_answer view = {0}, other = {0};
	struct peer_id stranger = person_id(0x13);
	struct status_merge_rules rules = {at("2026-02-21T11:00:00Z"), not_this_one, &stranger};
	struct status_record at_bound = record(0x11, "2026-02-21T11:05:00Z", true, 0x02);
	struct status_record beyond = record(0x12, "2026-02-21T11:05:00.000000001Z", true, 0x02);
	struct status_record foreign = record(0x13, "2026-02-21T11:00:00Z", true, 0x02);

	(void)state;
	assert_ok(status_answer_put(&other, &at_bound));
	assert_ok(status_answer_put(&other, &beyond));
	assert_ok(status_answer_put(&other, &foreign));
	status_merge(&view, &other, &rules);
	assert_int_equal(view.count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_beyond = peer_id_eq(&view.records[i].peer, &beyond.peer);

		assert_int_equal(view.records[i].skewed, is_beyond);
		assert_int_equal(wall_cmp(view.records[i].last_seen_at,
					 is_beyond ? rules.now : at_bound.last_seen_at),
			0);
	}
	status_answer_deinit(&view);
	status_answer_deinit(&other);
}

static void a_view_holds_so_many_and_no_more(void **state)
{
	struct status_answer a = {0}, back;
	struct status_record r = {0};
	struct key_public k = {{0}};
	char addr[STATUS_ADDR_TEXT_MAX + 2];
	struct buf out = BUF_INIT;

	(void)state;
	memset(addr, 'x', sizeof(addr));
	addr[STATUS_ADDR_TEXT_MAX] = '\0';
	r.last_remote_addr = addr;
	r.addr_count = 1;
	r.addrs[0] = addr;
	r.observed_by = person_id(1);
	for (unsigned i = 0; i < STATUS_RECORDS_MAX; i++) {
		k.at[0] = (uint8_t)(i >> 8);
		k.at[1] = (uint8_t)i;
		key_peer_id(&k, &r.peer);
		assert_ok(status_answer_put(&a, &r));
	}
	k.at[0] = 0xff;
	key_peer_id(&k, &r.peer);
	assert_err(status_answer_put(&a, &r), P2P_ERR_FULL);
	assert_err(status_answer_put(&a, &(struct status_record){0}), P2P_ERR_INVALID);

	/* Twice too much for a message: hints go first, then the last records. */
	assert_ok(status_answer_print(&out, &a, true));
	assert_true(out.len <= STATUS_BYTES_MAX && out.len > STATUS_BYTES_MAX - 1024);
	assert_ok(status_answer_parse(buf_bytes(&out), &back));
	assert_true(back.truncated);
	assert_int_equal(back.skipped, 0);
	assert_true(back.count > 7000 && back.count < a.count);
	assert_int_equal(back.records[0].addr_count, 0);
	assert_true(
		peer_id_eq(&back.records[back.count - 1].peer, &a.records[back.count - 1].peer));
	status_answer_deinit(&back);
	status_answer_deinit(&a);

	addr[STATUS_ADDR_TEXT_MAX] = 'x';
	addr[STATUS_ADDR_TEXT_MAX + 1] = '\0';
	assert_ok(status_answer_put(&a, &r));
	assert_null(a.records[0].last_remote_addr);
	assert_int_equal(a.records[0].addr_count, 0);
	status_answer_deinit(&a);
	buf_deinit(&out);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	struct status_answer a = {0};
	struct status_record r = record(1, NULL, true, 2);

	(void)state;
	assert_ok(status_answer_put(&a, &r));
	for (size_t max = 1; max < 250; max++) {
		struct buf out = BUF_WITH_MAX(max);

		assert_err(status_answer_print(&out, &a, false), P2P_ERR_TOO_LARGE);
		assert_int_equal(out.len, 0);
		buf_deinit(&out);
	}
	status_answer_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_local_unless_it_asks_for_the_cluster),
		cmocka_unit_test(the_answer_is_printed_as_the_contract_says),
		cmocka_unit_test(an_unconfigured_node_answers_an_empty_list_and_an_error),
		cmocka_unit_test(random_answers_survive_printing_and_parsing),
		cmocka_unit_test(a_record_that_is_not_well_formed_is_skipped_alone),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(of_two_records_the_later_wins),
		cmocka_unit_test(merging_gives_the_same_in_any_order),
		cmocka_unit_test(strangers_are_dropped_and_the_future_is_cut),
		cmocka_unit_test(a_view_holds_so_many_and_no_more),
		cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
