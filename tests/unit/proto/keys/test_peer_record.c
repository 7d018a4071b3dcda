/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/peer_record.h"

#include "proto/keys/pb.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static const struct bytes domain = {(const uint8_t *)"libp2p-peer-record", 18};
static const struct bytes type = {(const uint8_t *)"\x03\x01", 2};

static struct key_pair pair(uint64_t seed)
{
	struct rng_seeded rng;
	struct key_pair k;

	rng_seed(&rng, seed);
	key_generate(&rng.rng, &k);
	return k;
}

static struct maddr addr(const char *text)
{
	struct maddr a = MADDR_NONE;

	assert_that(maddr_parse(bytes_str(text), &a) == 0, text);
	return a;
}

static void put_address(struct buf *payload, struct bytes multiaddr)
{
	struct buf info = BUF_INIT;

	assert_ok(pb_put_bytes(&info, 1, multiaddr));
	assert_ok(pb_put_bytes(payload, 3, buf_bytes(&info)));
	buf_deinit(&info);
}

static void the_published_record_opens_and_is_made(void **state)
{
	const json_t *v = json_array_get(vectors_list("signed_envelope", "vectors"), 0);
	const json_t *key = json_array_get(vectors_list("keys", "vectors"), 1), *text;
	char printed[MADDR_TEXT_MAX + 1], id[PEER_ID_TEXT_SIZE];
	struct buf in = BUF_INIT, out = BUF_INIT, pb = BUF_INIT;
	struct peer_record rec;
	struct key_pair k;
	size_t i;

	(void)state;
	assert_ok(peer_record_open(vectors_hex(v, "envelope", &in), &rec));
	assert_string_equal(peer_id_text(&rec.peer, id), vectors_text(v, "signer_peer_id"));
	assert_int_equal(rec.seq, vectors_int(v, "seq"));
	assert_int_equal(rec.addr_count, 2);
	json_array_foreach(json_object_get(v, "addrs"), i, text)
		assert_string_equal(maddr_text(&rec.addrs[i], printed), json_string_value(text));
	assert_ok(key_private_parse(vectors_hex(key, "private_pb", &pb), &k));
	assert_ok(peer_record_seal(&out, &k, &rec));
	assert_bytes(buf_bytes(&out), buf_bytes(&in));
	buf_deinit(&in);
	buf_deinit(&out);
	buf_deinit(&pb);
}

static void a_voucher_is_no_peer_record(void **state)
{
	const json_t *v = json_array_get(vectors_list("signed_envelope", "vectors"), 1);
	struct buf in = BUF_INIT;
	struct peer_record rec;

	(void)state;
	assert_err(peer_record_open(vectors_hex(v, "envelope", &in), &rec), P2P_ERR_MISMATCH);
	buf_deinit(&in);
}

static void random_records_survive(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 61);
	for (unsigned round = 0; round < 60; round++) {
		struct peer_record rec = {0}, got;
		struct buf out = BUF_INIT;
		struct key_pair k;

		key_generate(&rng.rng, &k);
		key_pair_peer_id(&k, &rec.peer);
		rec.seq = rng_u64(&rng.rng) >> rng_below(&rng.rng, 64);
		rec.addr_count = (uint8_t)rng_below(&rng.rng, PEER_RECORD_ADDRS_MAX + 1);
		for (size_t i = 0; i < rec.addr_count; i++) {
			struct maddr_ip ip = {.family = rng_below(&rng.rng, 2) ? 4 : 6};

			rng_fill(&rng.rng, ip.ip, ip.family == 4 ? 4 : 16);
			ip.port = (uint16_t)rng_u64(&rng.rng);
			if (rng_below(&rng.rng, 2))
				maddr_from_ip_tcp(&ip, &rec.addrs[i]);
			else
				maddr_from_ip_quic(&ip, &rec.addrs[i]);
		}
		assert_ok(peer_record_seal(&out, &k, &rec));
		assert_ok(peer_record_open(buf_bytes(&out), &got));
		assert_memory_equal(&rec.peer, &got.peer, sizeof(rec.peer));
		assert_true(rec.seq == got.seq && rec.addr_count == got.addr_count);
		for (size_t i = 0; i < rec.addr_count; i++)
			assert_true(maddr_eq(&rec.addrs[i], &got.addrs[i]));
		buf_deinit(&out);
	}
}

static void nobody_vouches_for_another_peer(void **state)
{
	struct key_pair mine = pair(62), yours = pair(63);
	struct buf payload = BUF_INIT, out = BUF_INIT;
	struct peer_record rec;
	struct peer_id you;

	(void)state;
	key_pair_peer_id(&yours, &you);
	assert_ok(pb_put_bytes(&payload, 1, peer_id_bytes(&you)));
	assert_ok(pb_put_uint(&payload, 2, 5));
	assert_ok(envelope_seal(&out, &mine, domain, type, buf_bytes(&payload)));
	assert_err(peer_record_open(buf_bytes(&out), &rec), P2P_ERR_MISMATCH);
	buf_reset(&out);
	assert_ok(envelope_seal(&out, &yours, domain, type, buf_bytes(&payload)));
	assert_ok(peer_record_open(buf_bytes(&out), &rec));
	buf_deinit(&payload);
	buf_deinit(&out);
}

static void a_useless_address_costs_only_itself(void **state)
{
	struct key_pair k = pair(64), other = pair(65);
	struct maddr good = addr("/ip4/192.0.2.1/tcp/1"), named = addr("/ip4/192.0.2.2/tcp/1");
	struct maddr strange = addr("/ip4/192.0.2.3/tcp/1"), only_peer = MADDR_NONE;
	struct buf payload = BUF_INIT, out = BUF_INIT;
	struct peer_record rec;
	struct peer_id me, you;
	char text[MADDR_TEXT_MAX + 1];

	(void)state;
	key_pair_peer_id(&k, &me);
	key_pair_peer_id(&other, &you);
	assert_ok(maddr_append_peer(&named, &me));
	assert_ok(maddr_append_peer(&strange, &you));
	assert_ok(maddr_append_peer(&only_peer, &me));
	put_address(&payload, BYTES_LIT("\xff\x7f")); /* unknown protocol */
	put_address(&payload, BYTES_LIT("\x04\x01")); /* cut */
	put_address(&payload, BYTES_NONE);
	assert_ok(pb_put_bytes(&payload, 3, BYTES_LIT("\x0f"))); /* no AddressInfo */
	assert_ok(pb_put_bytes(&payload, 3, BYTES_NONE));
	put_address(&payload, maddr_bytes(&strange));
	put_address(&payload, maddr_bytes(&only_peer));
	put_address(&payload, maddr_bytes(&named));
	put_address(&payload, maddr_bytes(&good));
	/* The peer stands last: fields come in any order. */
	assert_ok(pb_put_bytes(&payload, 1, peer_id_bytes(&me)));
	assert_ok(envelope_seal(&out, &k, domain, type, buf_bytes(&payload)));
	assert_ok(peer_record_open(buf_bytes(&out), &rec));
	assert_int_equal(rec.addr_count, 2);
	assert_string_equal(maddr_text(&rec.addrs[0], text), "/ip4/192.0.2.2/tcp/1");
	assert_string_equal(maddr_text(&rec.addrs[1], text), "/ip4/192.0.2.1/tcp/1");
	assert_true(rec.seq == 0);
	buf_deinit(&payload);
	buf_deinit(&out);
}

static void addresses_over_the_limit_are_dropped(void **state)
{
	struct maddr good = addr("/ip4/192.0.2.1/tcp/1");
	struct buf payload = BUF_INIT, out = BUF_INIT;
	struct key_pair k = pair(66);
	struct peer_record rec;
	struct peer_id me;

	(void)state;
	key_pair_peer_id(&k, &me);
	assert_ok(pb_put_bytes(&payload, 1, peer_id_bytes(&me)));
	for (unsigned i = 0; i < PEER_RECORD_ADDRS_MAX + 20; i++)
		put_address(&payload, maddr_bytes(&good));
	assert_ok(envelope_seal(&out, &k, domain, type, buf_bytes(&payload)));
	assert_ok(peer_record_open(buf_bytes(&out), &rec));
	assert_int_equal(rec.addr_count, PEER_RECORD_ADDRS_MAX);
	buf_deinit(&payload);
	buf_deinit(&out);
}

static void malformed_payloads_are_refused(void **state)
{
	struct key_pair k = pair(67);
	struct peer_id me;

	(void)state;
	key_pair_peer_id(&k, &me);
	for (unsigned fault = 0; fault < 6; fault++) {
		struct buf payload = BUF_INIT, out = BUF_INIT;
		struct peer_record rec;

		if (fault != 0)
			assert_ok(pb_put_bytes(&payload, 1, peer_id_bytes(&me)));
		if (fault == 1)
			assert_ok(pb_put_bytes(&payload, 1, peer_id_bytes(&me)));
		assert_ok(pb_put_uint(&payload, 2, 1));
		if (fault == 2)
			assert_ok(pb_put_uint(&payload, 2, 2));
		if (fault == 3)
			assert_ok(pb_put_bytes(&payload, 1, BYTES_LIT("\x12\x01x")));
		if (fault == 4)
			assert_ok(buf_put_u8(&payload, 0x1a));
		assert_ok(envelope_seal(&out, &k, domain, type, buf_bytes(&payload)));
		assert_err(
			peer_record_open(buf_bytes(&out), &rec), fault == 5 ? 0 : P2P_ERR_INVALID);
		buf_deinit(&payload);
		buf_deinit(&out);
	}
}

static void records_over_four_kibibytes_are_refused(void **state)
{
	struct buf payload = BUF_INIT, out = BUF_INIT, sealed = BUF_INIT;
	struct peer_record rec = {0}, full = {.addr_count = PEER_RECORD_ADDRS_MAX};
	struct key_pair k = pair(68);
	static uint8_t filler[3900];
	struct maddr large = addr("/unix/x");

	(void)state;
	key_pair_peer_id(&k, &rec.peer);
	assert_ok(pb_put_bytes(&payload, 1, peer_id_bytes(&rec.peer)));
	assert_ok(pb_put_bytes(&payload, 9, bytes_of(filler, sizeof(filler))));
	assert_ok(envelope_seal(&out, &k, domain, type, buf_bytes(&payload)));
	assert_true(out.len <= PEER_RECORD_BYTES_MAX);
	assert_ok(peer_record_open(buf_bytes(&out), &rec));
	assert_ok(pb_put_bytes(&out, 9, bytes_of(filler, PEER_RECORD_BYTES_MAX + 1 - out.len)));
	assert_err(peer_record_open(buf_bytes(&out), &rec), P2P_ERR_TOO_LARGE);

	/* Sixteen addresses of 256 bytes do not fit, and nothing is written then. */
	memset(large.at, 'a', sizeof(large.at));
	memcpy(large.at, "\x90\x03\xfc\x01/", 5);
	large.len = MADDR_BYTES_MAX;
	full.peer = rec.peer;
	for (size_t i = 0; i < PEER_RECORD_ADDRS_MAX; i++)
		assert_ok(maddr_from_bytes(maddr_bytes(&large), &full.addrs[i]));
	assert_err(peer_record_seal(&sealed, &k, &full), P2P_ERR_TOO_LARGE);
	assert_int_equal(sealed.len, 0);
	full.addr_count = 14;
	assert_ok(peer_record_seal(&sealed, &k, &full));
	buf_deinit(&payload);
	buf_deinit(&out);
	buf_deinit(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_record_opens_and_is_made),
		cmocka_unit_test(a_voucher_is_no_peer_record),
		cmocka_unit_test(random_records_survive),
		cmocka_unit_test(nobody_vouches_for_another_peer),
		cmocka_unit_test(a_useless_address_costs_only_itself),
		cmocka_unit_test(addresses_over_the_limit_are_dropped),
		cmocka_unit_test(malformed_payloads_are_refused),
		cmocka_unit_test(records_over_four_kibibytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
