/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_peer_record.c: signed peer records and keys from strangers. A mutation hardly ever carries
 * a valid signature, so the input is also taken as the payload that an honest key signs: this is
 * what a hostile member can send. */
#include <stdlib.h>

#include "proto/keys/pb.h"
#include "proto/keys/peer_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct peer_record *rec, const struct key_pair *k)
{
	struct buf sealed = BUF_INIT;
	struct peer_record again;

	require(rec->addr_count <= PEER_RECORD_ADDRS_MAX);
	for (size_t i = 0; i < rec->addr_count; i++) {
		struct maddr a;

		require(maddr_from_bytes(maddr_bytes(&rec->addrs[i]), &a) == 0);
	}
	if (k && peer_record_seal(&sealed, k, rec) == 0) {
		require(peer_record_open(buf_bytes(&sealed), &again) == 0);
		require(again.seq == rec->seq && again.addr_count <= rec->addr_count);
	}
	buf_deinit(&sealed);
}

/* Signs `in` behind the signer's own peer ID, so that addresses are reached at once. */
static void as_signed_payload(struct bytes in)
{
	static const uint8_t seed[32] = {1};
	struct buf payload = BUF_INIT, sealed = BUF_INIT;
	struct peer_record rec;
	struct peer_id self;
	struct key_pair k;

	key_from_seed(seed, &k);
	key_pair_peer_id(&k, &self);
	require(pb_put_bytes(&payload, 1, peer_id_bytes(&self)) == 0);
	require(buf_put(&payload, in) == 0);
	if (envelope_seal(&sealed, &k, BYTES_LIT("libp2p-peer-record"), BYTES_LIT("\x03\x01"),
		    buf_bytes(&payload)) == 0 &&
		peer_record_open(buf_bytes(&sealed), &rec) == 0)
		check(&rec, &k);
	buf_deinit(&payload);
	buf_deinit(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct key_public public;
	struct peer_record rec;
	struct key_pair pair;
	struct envelope e;

	if (peer_record_open(in, &rec) == 0)
		check(&rec, NULL);
	(void)envelope_open(in, BYTES_LIT("libp2p-relay-rsvp"), BYTES_LIT("\x03\x02"), &e);
	(void)key_public_parse(in, &public, NULL);
	(void)key_public_parse_text(in, &public);
	(void)key_private_parse(in, &pair);
	(void)key_private_parse_text(in, &pair);
	as_signed_payload(in);
	return 0;
}
