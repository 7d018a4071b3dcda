/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/identify_wire.h"

#include <string.h>

#include "proto/keys/pb.h"
#include "proto/multi/varint.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

struct iw_author iw_author(uint8_t seed)
{
	struct iw_author a;
	struct key_public key;
	uint8_t bytes[32];

	memset(bytes, seed, sizeof(bytes));
	key_from_seed(bytes, &a.pair);
	key_public_of(&a.pair, &key);
	key_peer_id(&key, &a.id);
	key_public_pb(&key, a.pb);
	return a;
}

struct iw_author iw_vector_author(void)
{
	const json_t *fields = json_object_get(vectors_group("identify"), "fields");
	struct buf pb = BUF_INIT;
	struct iw_author a = {0};

	assert_ok(peer_id_from_key(vectors_hex(fields, "publicKey", &pb), &a.id));
	assert_int_equal(pb.len, sizeof(a.pb));
	memcpy(a.pb, pb.data, sizeof(a.pb));
	buf_deinit(&pb);
	return a;
}

struct maddr iw_addr(const char *text)
{
	struct maddr a = MADDR_NONE;

	assert_ok(maddr_parse(bytes_str(text), &a));
	return a;
}

void iw_expect_addr(const struct maddr *a, const char *text)
{
	char got[MADDR_TEXT_MAX + 1];

	assert_string_equal(maddr_text(a, got), text);
}

void iw_put(struct buf *m, enum iw_field field, const char *text)
{
	assert_ok(pb_put_bytes(m, field, bytes_str(text)));
}

void iw_put_addr(struct buf *m, enum iw_field field, const char *text)
{
	struct maddr a = iw_addr(text);

	assert_ok(pb_put_bytes(m, field, maddr_bytes(&a)));
}

void iw_add_part(struct buf *wire, struct buf *m)
{
	assert_ok(varint_put_bytes(wire, buf_bytes(m)));
	buf_reset(m);
}

struct bytes iw_sealed(struct buf *out, const struct iw_author *who, const char *text,
	unsigned count)
{
	struct peer_record rec = {.peer = who->id, .seq = 7};

	for (unsigned i = 0; i < count; i++)
		rec.addrs[rec.addr_count++] = iw_addr(text);
	assert_ok(peer_record_seal(out, &who->pair, &rec));
	return buf_bytes(out);
}

int iw_hear(struct bytes wire, const struct iw_author *who, enum maddr_reach reach,
	struct identify *ret)
{
	struct identify_reader r;
	int err;

	identify_reader_init(&r, &who->id, reach);
	err = identify_reader_recv(&r, wire);
	if (!err)
		err = identify_reader_end(&r, ret);
	identify_reader_deinit(&r);
	return err;
}
