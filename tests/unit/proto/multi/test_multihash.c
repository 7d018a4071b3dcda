/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/multihash.h"

#include "proto/base/rng.h"
#include "proto/multi/codec.h"
#include "proto/multi/varint.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static void sha256_has_the_digest_of_fips_180(void **state)
{
	uint8_t got[MULTIHASH_SHA256_BYTES];
	struct buf want = BUF_INIT;

	(void)state;
	multihash_sha256(BYTES_LIT("abc"), got);
	assert_bytes(bytes_of(got, sizeof(got)),
		vectors_unhex(
			"1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			&want));
	multihash_sha256(BYTES_NONE, got);
	assert_bytes(bytes_of(got, sizeof(got)),
		vectors_unhex(
			"1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			&want));
	buf_deinit(&want);
}

static void a_multihash_fills_its_container_exactly(void **state)
{
	uint8_t whole[MULTIHASH_SHA256_BYTES + 1] = {0};
	struct multihash m;

	(void)state;
	multihash_sha256(BYTES_LIT("abc"), whole);
	assert_ok(multihash_parse(bytes_of(whole, MULTIHASH_SHA256_BYTES), &m));
	assert_true(m.code == MULTI_SHA2_256 && m.digest.at == whole + 2 && m.digest.len == 32);
	for (size_t len = 0; len < MULTIHASH_SHA256_BYTES; len++)
		assert_err(multihash_parse(bytes_of(whole, len), &m), P2P_ERR_INVALID);
	assert_err(multihash_parse(bytes_of(whole, sizeof(whole)), &m), P2P_ERR_INVALID);
}

static void a_sha256_of_another_length_is_refused(void **state)
{
	struct multihash m;

	(void)state;
	assert_err(multihash_parse(BYTES_LIT("\x12\x02"
					     "ab"),
			   &m),
		P2P_ERR_INVALID);
	assert_ok(multihash_parse(BYTES_LIT("\x11\x02"
					    "ab"),
		&m)); /* others are not ours to judge */
	assert_true(m.code == 0x11);
	assert_err(multihash_parse(BYTES_LIT("\x91\x00\x02"
					     "ab"),
			   &m),
		P2P_ERR_INVALID);
	assert_err(multihash_parse(BYTES_LIT("\x11\x82\x00"
					     "ab"),
			   &m),
		P2P_ERR_INVALID);
}

static void random_multihashes_survive(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 14);
	for (unsigned round = 0; round < 500; round++) {
		struct buf out = BUF_INIT, again = BUF_INIT;
		uint8_t data[200];
		size_t len = rng_below(&rng.rng, sizeof(data) + 1);
		struct multihash m;

		rng_fill(&rng.rng, data, sizeof(data));
		assert_ok(multihash_put_identity(&out, bytes_of(data, len)));
		assert_ok(multihash_parse(buf_bytes(&out), &m));
		assert_true(m.code == MULTI_IDENTITY);
		assert_bytes(m.digest, bytes_of(data, len));
		/* Random bytes that parse are what their parts are written as. */
		data[1] = (uint8_t)(len > 2 ? len - 2 : 0);
		if (multihash_parse(bytes_of(data, len), &m) == 0) {
			assert_ok(varint_put(&again, m.code));
			assert_ok(varint_put_bytes(&again, m.digest));
			assert_bytes(buf_bytes(&again), bytes_of(data, len));
		}
		buf_deinit(&out);
		buf_deinit(&again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_has_the_digest_of_fips_180),
		cmocka_unit_test(a_multihash_fills_its_container_exactly),
		cmocka_unit_test(a_sha256_of_another_length_is_refused),
		cmocka_unit_test(random_multihashes_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
