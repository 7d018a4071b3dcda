/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's identify message, cut anywhere; what is kept of it has to be within its limits,
 * safe to print, and worth telling again.
 *
 * The first byte chooses the reach of the connection, the second how the message is cut. */
#include <stdlib.h>

#include "proto/libp2p/identify.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

/* The author of the known vector, so that its key and record hold. */
static const uint8_t author_pb[] = {0x08, 0x01, 0x12, 0x20, 0x1e, 0xd1, 0xe8, 0xfa, 0xe2, 0xc4,
	0xa1, 0x44, 0xb8, 0xbe, 0x8f, 0xd4, 0xb4, 0x7b, 0xf3, 0xd3, 0xb3, 0x4b, 0x87, 0x1c, 0x3c,
	0xac, 0xf6, 0x01, 0x0f, 0x0e, 0x42, 0xd4, 0x74, 0xfc, 0xe2, 0x7e};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	CHECK(strlen(text) <= IDENTIFY_TEXT_MAX);
	for (; *text; text++)
		CHECK(*text >= 0x20 && *text < 0x7f);
}

static void check_kept(const struct identify *id, enum maddr_reach reach)
{
	size_t protocols = 0;

	check_text(id->agent);
	check_text(id->protocol_version);
	CHECK(id->addr_count <= IDENTIFY_ADDRS_MAX);
	for (size_t i = 0; i < id->addr_count; i++)
		CHECK(identify_may_tell(maddr_reach(&id->addrs[i]), reach));
	for (const char *p = NULL; (p = identify_next_protocol(id, p)); protocols++)
		check_text(p);
	CHECK(protocols == id->protocol_count && protocols <= IDENTIFY_PROTOCOLS_MAX);
	CHECK(id->record.len <= PEER_RECORD_BYTES_MAX);
	CHECK(id->addrs_signed == (id->record.len > 0));
}

/* Said again by ourselves, it is understood, unless it is too much to say. */
static void check_again(const struct identify *id, const struct peer_id *author,
	enum maddr_reach reach)
{
	const char *protocols[IDENTIFY_PROTOCOLS_MAX];
	struct identify_self self = {.public_key = bytes_of(author_pb, sizeof(author_pb)),
		.peer = *author,
		.addrs = id->addrs,
		.addr_count = id->addr_count,
		.protocols = protocols,
		.protocol_version = id->protocol_version,
		.agent = id->agent,
		.observed = id->observed,
		.signed_record = buf_bytes(&id->record)};
	struct buf out = BUF_INIT;
	struct identify_reader r;
	struct identify back;

	for (const char *p = NULL; (p = identify_next_protocol(id, p));)
		protocols[self.protocol_count++] = p;
	if (identify_encode(&self, reach, &out) == 0) {
		CHECK(out.len <= IDENTIFY_OWN_BYTES_MAX);
		identify_reader_init(&r, author, reach);
		CHECK(identify_reader_recv(&r, buf_bytes(&out)) == 0);
		CHECK(identify_reader_end(&r, &back) == 0);
		CHECK(back.protocol_count == id->protocol_count);
		CHECK(maddr_eq(&back.observed, &id->observed));
		identify_deinit(&back);
		identify_reader_deinit(&r);
	}
	buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct identify_reader r;
	struct identify id;
	struct peer_id author;
	enum maddr_reach reach;
	size_t step;
	int err = 0;

	if (size < 2)
		return 0;
	CHECK(peer_id_from_key(bytes_of(author_pb, sizeof(author_pb)), &author) == 0);
	reach = (enum maddr_reach)(data[0] % 5);
	step = data[1] ? data[1] : size;
	identify_reader_init(&r, &author, reach);
	for (struct bytes in = bytes_of(data + 2, size - 2); !err && in.len;) {
		struct bytes piece = bytes_head(in, step);

		err = identify_reader_recv(&r, piece);
		in = bytes_from(in, piece.len);
	}
	CHECK(r.part.len <= IDENTIFY_PART_BYTES_MAX && r.parts <= IDENTIFY_PARTS_MAX);
	if (identify_reader_end(&r, &id) == 0) {
		check_kept(&id, reach);
		check_again(&id, &author, reach);
		identify_deinit(&id);
	}
	identify_reader_deinit(&r);
	return 0;
}
