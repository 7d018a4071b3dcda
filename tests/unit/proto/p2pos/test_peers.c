/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/peers.h"

#include "proto/p2pos/suspect.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

/* `len` bytes that stand for an envelope, told apart by `fill`. */
static struct bytes dummy(uint8_t *bytes, size_t len, uint8_t fill)
{
	memset(bytes, fill, len);
	return bytes_of(bytes, len);
}

static void envelopes_come_out_as_they_went_in(void **state)
{
	uint8_t bytes[256];
	struct buf out = BUF_INIT;
	struct peers p;

	(void)state;
	for (size_t count = 0; count <= 5; count++) {
		buf_reset(&out);
		assert_ok(peers_begin(&out));
		for (size_t i = 0; i < count; i++)
			assert_ok(peers_add(&out, dummy(bytes, 96 + 7 * i, (uint8_t)(60 * i))));
		assert_ok(peers_end(&out));
		assert_ok(peers_parse(buf_bytes(&out), &p));
		assert_int_equal(p.count, count);
		assert_int_equal(p.skipped, 0);
		for (size_t i = 0; i < count; i++)
			assert_bytes(peers_at(&p, i), dummy(bytes, 96 + 7 * i, (uint8_t)(60 * i)));
		peers_deinit(&p);
	}
	buf_deinit(&out);
}

static void a_real_record_survives(void **state)
{
	struct key_pair k = person(GOLDEN_N1_SEED);
	struct peer_record rec = {.peer = person_id(GOLDEN_N1_SEED), .seq = 7, .addr_count = 1},
			   back;
	struct buf envelope = BUF_INIT, out = BUF_INIT;
	struct peers p;

	(void)state;
	assert_ok(maddr_parse(BYTES_LIT("/ip4/203.0.113.10/tcp/4100"), &rec.addrs[0]));
	assert_ok(peer_record_seal(&envelope, &k, &rec));
	assert_ok(peers_begin(&out));
	assert_ok(peers_add(&out, buf_bytes(&envelope)));
	assert_ok(peers_end(&out));
	assert_ok(peers_parse(buf_bytes(&out), &p));
	assert_ok(peer_record_open(peers_at(&p, 0), &back));
	assert_true(peer_id_eq(&back.peer, &rec.peer));
	assert_int_equal(back.seq, 7);
	peers_deinit(&p);
	buf_deinit(&envelope);
	buf_deinit(&out);
}

#define SIXTEEN_TIMES(x) x x x x x x x x x x x x x x x x

static void the_text_is_what_the_contract_says(void **state)
{
	uint8_t bytes[97];
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(peers_begin(&out));
	assert_ok(peers_add(&out, dummy(bytes, 96, 0)));
	assert_ok(peers_add(&out, dummy(bytes, 97, 0xff)));
	assert_ok(peers_end(&out));
	assert_bytes(buf_bytes(&out),
		BYTES_LIT("{\"records\":[\"" SIXTEEN_TIMES("AAAAAAAA") "\",\"" SIXTEEN_TIMES(
			"////////") "/w==\"]}\n"));
	buf_deinit(&out);
}

static void an_envelope_and_a_message_have_greatest_sizes(void **state)
{
	static uint8_t bytes[PEER_RECORD_BYTES_MAX + 1];
	struct buf out = BUF_INIT;
	struct peers p;
	size_t added = 0;

	(void)state;
	assert_ok(peers_begin(&out));
	assert_err(peers_add(&out, bytes_of(bytes, sizeof(bytes))), P2P_ERR_TOO_LARGE);
	assert_err(peers_add(&out, bytes_of(bytes, 95)), P2P_ERR_INVALID);
	while (!peers_add(&out, bytes_of(bytes, PEER_RECORD_BYTES_MAX)))
		added++;
	assert_err(peers_add(&out, bytes_of(bytes, PEER_RECORD_BYTES_MAX)), P2P_ERR_FULL);
	assert_ok(peers_end(&out));
	assert_true(out.len <= PEERS_BYTES_MAX && added > 90);
	assert_ok(peers_parse(buf_bytes(&out), &p));
	assert_int_equal(p.count, added);
	peers_deinit(&p);
	buf_deinit(&out);
}

static void as_many_as_fit_can_be_read(void **state)
{
	static uint8_t bytes[PEERS_ENVELOPE_BYTES_MIN];
	struct buf out = BUF_INIT;
	struct peers p;
	size_t added = 0;

	(void)state;
	assert_ok(peers_begin(&out));
	while (!peers_add(&out, bytes_of(bytes, sizeof(bytes))))
		added++;
	assert_ok(peers_end(&out));
	assert_true(added < PEERS_RECORDS_MAX);
	assert_ok(peers_parse(buf_bytes(&out), &p));
	assert_int_equal(p.count, added);
	peers_deinit(&p);

	/* More than that are refused unread. */
	buf_reset(&out);
	assert_ok(buf_put_str(&out, "{\"records\":[0"));
	for (size_t i = 0; i < PEERS_RECORDS_MAX + 8; i++)
		assert_ok(buf_put_str(&out, ",0"));
	assert_ok(buf_put_str(&out, "]}"));
	assert_err(peers_parse(buf_bytes(&out), &p), P2P_ERR_TOO_LARGE);
	buf_deinit(&out);
}

static void a_bad_entry_is_skipped_alone(void **state)
{
	struct peers p;

	(void)state;
	assert_ok(peers_parse(
		BYTES_LIT("{\"records\":[\"YWJj\",\"\",\"Y\",\"!!!!\",5,null,\"YQ==\"]}"), &p));
	assert_int_equal(p.count, 2);
	assert_int_equal(p.skipped, 5);
	assert_bytes(peers_at(&p, 1), BYTES_LIT("a"));
	peers_deinit(&p);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char text[] = "{\"records\":[\"YWJj\"]}";
	struct peers p;

	(void)state;
	assert_err(peers_parse(BYTES_LIT("{}"), &p), P2P_ERR_INVALID);
	assert_err(peers_parse(BYTES_LIT("{\"records\":\"YWJj\"}"), &p), P2P_ERR_INVALID);
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_err(peers_parse(bytes_of(text, len), &p), P2P_ERR_TRUNCATED);
}

static void a_suspicion_names_one_peer(void **state)
{
	struct peer_id n1 = person_id(GOLDEN_N1_SEED), back;
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(suspect_print(&out, &n1));
	assert_bytes(buf_bytes(&out), BYTES_LIT("{\"peer_id\":\"" GOLDEN_N1 "\"}\n"));
	assert_ok(suspect_parse(buf_bytes(&out), &back));
	assert_true(peer_id_eq(&n1, &back));
	for (size_t len = 0; len + 1 < out.len; len++)
		assert_err(suspect_parse(bytes_of(out.data, len), &back), P2P_ERR_TRUNCATED);
	assert_err(suspect_parse(BYTES_LIT("{}"), &back), P2P_ERR_INVALID);
	assert_err(suspect_parse(BYTES_LIT("{\"peer_id\":\"x\"}"), &back), P2P_ERR_INVALID);
	assert_err(suspect_parse(BYTES_LIT("{\"peer_id\":\"\",\"a\":[1,2,3,4,5]}"), &back),
		P2P_ERR_INVALID);
	assert_err(suspect_parse(BYTES_LIT("{\"peer_id\":\"\",\"a\":[1,2,3,4,5,6]}"), &back),
		P2P_ERR_TOO_LARGE);
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes_come_out_as_they_went_in),
		cmocka_unit_test(a_real_record_survives),
		cmocka_unit_test(the_text_is_what_the_contract_says),
		cmocka_unit_test(an_envelope_and_a_message_have_greatest_sizes),
		cmocka_unit_test(as_many_as_fit_can_be_read),
		cmocka_unit_test(a_bad_entry_is_skipped_alone),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(a_suspicion_names_one_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
