/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/peer_id.h"

#include "proto/base/rng.h"
#include "proto/multi/multibase.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static void keys_give_the_published_ids_in_every_text_form(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("keys", "vectors"), i, v)
	{
		char text[PEER_ID_TEXT_SIZE], cid[PEER_ID_CID_SIZE];
		struct buf key = BUF_INIT, id_bytes = BUF_INIT;
		struct peer_id id, again;

		assert_ok(peer_id_from_key(vectors_hex(v, "public_pb", &key), &id));
		assert_bytes(peer_id_bytes(&id), vectors_hex(v, "peer_id_hex", &id_bytes));
		assert_string_equal(peer_id_text(&id, text), vectors_text(v, "peer_id_base58"));
		assert_string_equal(
			peer_id_cid36(&id, cid), vectors_text(v, "peer_id_cidv1_base36"));
		assert_ok(peer_id_parse(bytes_str(text), &again));
		assert_true(peer_id_eq(&id, &again));
		assert_ok(peer_id_parse(bytes_str(cid), &again));
		assert_true(peer_id_eq(&id, &again));
		assert_ok(
			peer_id_parse(bytes_str(vectors_text(v, "peer_id_cidv1_base32")), &again));
		assert_true(peer_id_eq(&id, &again));
		assert_ok(peer_id_from_bytes(buf_bytes(&id_bytes), &again));
		assert_memory_equal(&id, &again, sizeof(id)); /* the unused bytes, too */
		buf_deinit(&key);
		buf_deinit(&id_bytes);
	}
}

static void published_texts_are_read(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("peer_ids", "valid"), i, v)
	{
		char text[PEER_ID_TEXT_SIZE];
		struct buf want = BUF_INIT;
		struct peer_id id;

		assert_ok(peer_id_parse(bytes_str(vectors_text(v, "text")), &id));
		assert_bytes(peer_id_bytes(&id), vectors_hex(v, "hex", &want));
		assert_string_equal(peer_id_text(&id, text), vectors_text(v, "canonical_base58"));
		buf_deinit(&want);
	}
}

static void published_faults_are_refused(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("peer_ids", "invalid"), i, v)
	{
		struct peer_id id = {.len = 1};

		assert_that(
			peer_id_parse(bytes_str(vectors_text(v, "text")), &id) == P2P_ERR_INVALID,
			vectors_text(v, "reason"));
		assert_int_equal(id.len, 1);
	}
}

static void only_an_identity_of_the_key_in_it_carries_a_key(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("keys", "vectors"), i, v)
	{
		bool is_ed = strcmp(vectors_text(v, "type"), "Ed25519") == 0;
		struct buf key = BUF_INIT;
		struct bytes inside;
		struct peer_id id;

		assert_ok(peer_id_parse(bytes_str(vectors_text(v, "peer_id_base58")), &id));
		assert_err(peer_id_ed25519(&id, &inside), is_ed ? 0 : P2P_ERR_UNSUPPORTED);
		if (is_ed)
			assert_bytes(inside, bytes_from(vectors_hex(v, "public_pb", &key), 4));
		buf_deinit(&key);
	}
	assert_err(peer_id_ed25519(&PEER_ID_NONE, &(struct bytes){0}), P2P_ERR_UNSUPPORTED);
}

static void identities_of_other_bytes_than_a_canonical_key_are_refused(void **state)
{
	const json_t *v;
	struct peer_id id;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("public_key_noncanonical", "rejects"), i, v)
	{
		struct buf key = BUF_INIT, hash = BUF_INIT;

		vectors_hex(v, "hex", &key);
		assert_ok(buf_put_u8(&hash, 0));
		assert_ok(buf_put_u8(&hash, (uint8_t)key.len));
		assert_ok(buf_put(&hash, buf_bytes(&key)));
		assert_that(peer_id_from_bytes(buf_bytes(&hash), &id) == P2P_ERR_INVALID,
			vectors_text(v, "reason"));
		assert_that(peer_id_from_key(buf_bytes(&key), &id) == P2P_ERR_INVALID,
			vectors_text(v, "reason"));
		buf_deinit(&key);
		buf_deinit(&hash);
	}
	assert_err(peer_id_from_bytes(BYTES_LIT("\0\0"), &id), P2P_ERR_INVALID);
}

static void sizes_are_bounded(void **state)
{
	static const uint8_t large[16 * 1024 + 1];
	char text[PEER_ID_TEXT_MAX + 1];
	struct peer_id id;

	(void)state;
	memset(text, '1', sizeof(text));
	assert_err(peer_id_parse(bytes_of(text, sizeof(text)), &id), P2P_ERR_TOO_LARGE);
	assert_err(peer_id_parse(bytes_of(text, sizeof(text) - 1), &id), P2P_ERR_INVALID);
	assert_err(peer_id_from_key(BYTES_NONE, &id), P2P_ERR_INVALID);
	assert_err(peer_id_from_key(bytes_of(large, sizeof(large)), &id), P2P_ERR_INVALID);
	assert_ok(peer_id_from_key(bytes_of(large, sizeof(large) - 1), &id));
	assert_err(
		peer_id_from_bytes(bytes_of(large, PEER_ID_BYTES_MAX + 1), &id), P2P_ERR_INVALID);
	assert_err(peer_id_from_bytes(BYTES_NONE, &id), P2P_ERR_INVALID);
}

static void no_peer_prints_as_nothing(void **state)
{
	char text[PEER_ID_TEXT_SIZE] = "x", cid[PEER_ID_CID_SIZE] = "x";

	(void)state;
	assert_true(peer_id_is_none(&PEER_ID_NONE));
	assert_string_equal(peer_id_text(&PEER_ID_NONE, text), "");
	assert_string_equal(peer_id_cid36(&PEER_ID_NONE, cid), "");
}

static void random_keys_survive_and_order_by_their_bytes(void **state)
{
	struct peer_id last = PEER_ID_NONE;
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 15);
	for (unsigned round = 0; round < 300; round++) {
		uint8_t key[60] = {0x08, 0x01, 0x12, 0x20};
		char text[PEER_ID_TEXT_SIZE], cid[PEER_ID_CID_SIZE];
		struct peer_id id, again;
		size_t len = round % 2 ? 36 : 43 + rng_below(&rng.rng, 18);

		rng_fill(&rng.rng, key + 4, sizeof(key) - 4);
		assert_ok(peer_id_from_key(bytes_of(key, len), &id));
		assert_ok(peer_id_parse(bytes_str(peer_id_text(&id, text)), &again));
		assert_memory_equal(&id, &again, sizeof(id));
		assert_ok(peer_id_parse(bytes_str(peer_id_cid36(&id, cid)), &again));
		assert_memory_equal(&id, &again, sizeof(id));
		assert_int_equal(peer_id_cmp(&id, &again), 0);
		assert_true((peer_id_cmp(&id, &last) > 0) == (peer_id_cmp(&last, &id) < 0));
		assert_false(peer_id_eq(&id, &last));
		last = id;
	}
}

/* Every change of one character is refused or names another peer. */
static void no_altered_text_names_the_same_peer(void **state)
{
	static const char right[] = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";
	struct peer_id want, got;
	char text[sizeof(right)];

	(void)state;
	assert_ok(peer_id_parse(bytes_str(right), &want));
	for (size_t i = 0; i < sizeof(right) - 1; i++) {
		memcpy(text, right, sizeof(right));
		text[i] = text[i] == '2' ? '3' : '2';
		if (peer_id_parse(bytes_str(text), &got) == 0)
			assert_false(peer_id_eq(&want, &got));
		assert_err(peer_id_parse(bytes_of(right, i), &got), P2P_ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_give_the_published_ids_in_every_text_form),
		cmocka_unit_test(published_texts_are_read),
		cmocka_unit_test(published_faults_are_refused),
		cmocka_unit_test(only_an_identity_of_the_key_in_it_carries_a_key),
		cmocka_unit_test(identities_of_other_bytes_than_a_canonical_key_are_refused),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(no_peer_prints_as_nothing),
		cmocka_unit_test(random_keys_survive_and_order_by_their_bytes),
		cmocka_unit_test(no_altered_text_names_the_same_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
