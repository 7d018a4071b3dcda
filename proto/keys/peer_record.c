/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/peer_record.h"

#include <assert.h>

#include "proto/base/err.h"
#include "proto/keys/pb.h"

/* The words that deployed peers sign; RFC 0003 prints another domain (spec, section 8). */
#define DOMAIN       BYTES_LIT("libp2p-peer-record")
#define PAYLOAD_TYPE BYTES_LIT("\x03\x01")

enum { RECORD_PEER = 1, RECORD_SEQ = 2, RECORD_ADDRESS = 3 };
enum { ADDRESS_MULTIADDR = 1 };

#define ADDRESS_BYTES_MAX (8 + MADDR_BYTES_MAX) /* an AddressInfo as we write it */

static int put_record(struct buf *out, const struct peer_record *rec)
{
	int err;

	err = pb_put_bytes(out, RECORD_PEER, peer_id_bytes(&rec->peer));
	if (!err)
		err = pb_put_uint(out, RECORD_SEQ, rec->seq);
	for (size_t i = 0; !err && i < rec->addr_count; i++) {
		struct buf info = BUF_WITH_MAX(ADDRESS_BYTES_MAX);

		err = pb_put_bytes(&info, ADDRESS_MULTIADDR, maddr_bytes(&rec->addrs[i]));
		if (!err)
			err = pb_put_bytes(out, RECORD_ADDRESS, buf_bytes(&info));
		buf_deinit(&info);
	}
	return err;
}

int peer_record_seal(struct buf *out, const struct key_pair *k, const struct peer_record *rec)
{
	struct buf payload = BUF_WITH_MAX(PEER_RECORD_BYTES_MAX);
	struct buf sealed = BUF_WITH_MAX(PEER_RECORD_BYTES_MAX);
	struct peer_id self;
	int err;

	key_pair_peer_id(k, &self);
	assert(peer_id_eq(&self, &rec->peer));
	assert(rec->addr_count <= PEER_RECORD_ADDRS_MAX);
	err = put_record(&payload, rec);
	if (!err)
		err = envelope_seal(&sealed, k, DOMAIN, PAYLOAD_TYPE, buf_bytes(&payload));
	if (!err)
		err = buf_put(out, buf_bytes(&sealed));
	buf_deinit(&sealed);
	buf_deinit(&payload);
	return err;
}

/* The multiaddr in an AddressInfo; BYTES_NONE when there is none. */
static struct bytes address_in(struct bytes info)
{
	struct pb_reader r = pb_begin(info);
	struct bytes addr = BYTES_NONE;
	struct pb_field f;

	while (pb_next(&r, &f))
		if (pb_is(&f, ADDRESS_MULTIADDR, PB_BYTES))
			addr = f.data;
	return r.err ? BYTES_NONE : addr;
}

/* An address that we cannot use costs its owner only that address. */
static void add_address(struct peer_record *rec, struct bytes info)
{
	struct peer_id named;
	struct maddr a;

	if (rec->addr_count == PEER_RECORD_ADDRS_MAX || maddr_from_bytes(address_in(info), &a))
		return;
	if (maddr_split_peer(&a, &named) && !peer_id_eq(&named, &rec->peer))
		return;
	if (a.len)
		rec->addrs[rec->addr_count++] = a;
}

/* Peer and sequence first: what an address may name depends on the peer, and nothing says that the
 * fields come in order. */
static int read_head(struct bytes payload, struct peer_record *rec)
{
	struct pb_reader r = pb_begin(payload);
	bool has_peer = false, has_seq = false;
	struct pb_field f;

	while (pb_next(&r, &f)) {
		if (pb_is(&f, RECORD_PEER, PB_BYTES)) {
			if (has_peer || peer_id_from_bytes(f.data, &rec->peer))
				return P2P_ERR_INVALID;
			has_peer = true;
		} else if (pb_is(&f, RECORD_SEQ, PB_VARINT)) {
			if (has_seq)
				return P2P_ERR_INVALID;
			has_seq = true;
			rec->seq = f.value;
		}
	}
	return r.err || !has_peer ? P2P_ERR_INVALID : 0;
}

static void read_addresses(struct bytes payload, struct peer_record *rec)
{
	struct pb_reader r = pb_begin(payload);
	struct pb_field f;

	while (pb_next(&r, &f))
		if (pb_is(&f, RECORD_ADDRESS, PB_BYTES))
			add_address(rec, f.data);
}

int peer_record_open(struct bytes in, struct peer_record *ret)
{
	struct peer_record rec = {0};
	struct peer_id signer;
	struct envelope e;
	int err;

	if (in.len > PEER_RECORD_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	err = envelope_open(in, DOMAIN, PAYLOAD_TYPE, &e);
	if (!err)
		err = read_head(e.payload, &rec);
	if (err)
		return err;
	key_peer_id(&e.signer, &signer);
	if (!peer_id_eq(&signer, &rec.peer))
		return P2P_ERR_MISMATCH;
	read_addresses(e.payload, &rec);
	*ret = rec;
	return 0;
}
