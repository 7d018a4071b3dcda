/* SPDX-License-Identifier: Apache-2.0 */
/* What we say. */
#include "tests/lib/p2ptest.h"

#include <stdio.h>
#include <string.h>

#include "proto/keys/pb.h"
#include "proto/multi/varint.h"
#include "tests/lib/identify_wire.h"
#include "tests/lib/vectors.h"

#define PUBLIC MADDR_REACH_PUBLIC

/* The vector without its addresses, which we would not tell. */
static void the_known_message_is_written_byte_for_byte(void **state)
{
	static const char *const protocols[] = {"/ipfs/ping/1.0.0", "/ipfs/id/1.0.0"};
	struct buf wire = BUF_INIT, want = BUF_INIT, framed = BUF_INIT, record = BUF_INIT,
		   out = BUF_INIT;
	struct maddr told = iw_addr("/ip4/192.0.2.1/tcp/4001");
	struct iw_author a = iw_vector_author();
	struct pb_reader r;
	struct pb_field f;

	(void)state;
	r = pb_begin(vectors_hex(vectors_group("identify"), "message", &wire));
	while (pb_next(&r, &f)) {
		if (f.number != IW_ADDR)
			assert_ok(pb_put_bytes(&want, f.number, f.data));
		if (f.number == IW_RECORD)
			assert_ok(buf_put(&record, f.data));
	}
	assert_ok(r.err);
	iw_add_part(&framed, &want);
	assert_ok(identify_encode(&(struct identify_self){
					  .public_key = bytes_of(a.pb, sizeof(a.pb)),
					  .peer = a.id,
					  .addrs = &told,
					  .addr_count = 1,
					  .protocols = protocols,
					  .protocol_count = 2,
					  .protocol_version = "ipfs/0.1.0",
					  .agent = "c-libp2p/0.1.0",
					  .observed = iw_addr("/ip4/198.51.100.7/tcp/50000"),
					  .signed_record = buf_bytes(&record)},
		PUBLIC, &out));
	assert_bytes(buf_bytes(&out), buf_bytes(&framed));
	buf_deinit(&wire);
	buf_deinit(&want);
	buf_deinit(&framed);
	buf_deinit(&record);
	buf_deinit(&out);
}

static void what_we_say_is_what_is_heard(void **state)
{
	static const char *const protocols[] = {
		IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, "/p2pos/heartbeat/1.0.0"};
	struct iw_author a = iw_author(1), b = iw_author(2);
	struct maddr told[] = {iw_addr("/ip4/8.8.8.8/tcp/4100"), iw_addr("/ip4/10.1.2.3/tcp/4100"),
		iw_addr("/ip4/127.0.0.1/tcp/4100"), iw_addr("/ip6/2a00:1450::1/tcp/4100"),
		iw_addr("/ip4/9.9.9.9/udp/4100/quic-v1")};
	static const struct {
		enum maddr_reach reach;
		size_t addrs;
	} rounds[] = {{MADDR_REACH_PUBLIC, 3}, {MADDR_REACH_PRIVATE, 4}, {MADDR_REACH_LOOPBACK, 5}};

	(void)state;
	/* Our own ID at the end is cut off; an address of somebody else is not ours to tell. */
	assert_ok(maddr_append_peer(&told[0], &a.id));
	assert_ok(maddr_append_peer(&told[4], &b.id));
	for (size_t i = 0; i < 3; i++) {
		struct buf out = BUF_INIT;
		struct identify id;

		assert_ok(identify_encode(&(struct identify_self){
						  .public_key = bytes_of(a.pb, sizeof(a.pb)),
						  .peer = a.id,
						  .addrs = told,
						  .addr_count = 5,
						  .protocols = protocols,
						  .protocol_count = 3,
						  .agent = "p2posd/1"},
			rounds[i].reach, &out));
		assert_ok(iw_hear(buf_bytes(&out), &a, rounds[i].reach, &id));
		assert_int_equal(id.addr_count, rounds[i].addrs - 1);
		iw_expect_addr(&id.addrs[0], "/ip4/8.8.8.8/tcp/4100");
		assert_string_equal(id.agent, "p2posd/1");
		assert_string_equal(id.protocol_version, "");
		assert_int_equal(id.observed.len, 0);
		assert_false(id.addrs_signed);
		assert_string_equal(identify_next_protocol(&id, NULL), IDENTIFY_PROTOCOL);
		assert_true(identify_speaks(&id, "/p2pos/heartbeat/1.0.0"));
		identify_deinit(&id);
		buf_deinit(&out);
	}
}

static void a_record_that_makes_it_large_goes_into_a_part_of_its_own(void **state)
{
	struct iw_author a = iw_author(1);
	struct buf record = BUF_INIT, names = BUF_INIT, out = BUF_INIT;
	const char *protocols[50];
	struct bytes first, second;
	struct cursor c;
	struct identify id;

	(void)state;
	assert_ok(buf_reserve(&names, 50 * 64));
	for (int i = 0; i < 50; i++) {
		protocols[i] = (const char *)names.data + names.len;
		assert_ok(buf_printf(&names, "/p2pos/a-rather-long-name/%d", i));
		assert_ok(buf_put_u8(&names, 0));
	}
	assert_ok(identify_encode(&(struct identify_self){
					  .public_key = bytes_of(a.pb, sizeof(a.pb)),
					  .peer = a.id,
					  .protocols = protocols,
					  .protocol_count = 50,
					  .signed_record = iw_sealed(&record, &a,
						  "/ip6/2a00:1450::1/tcp/4100", 16)},
		PUBLIC, &out));
	c = cursor_of(buf_bytes(&out));
	first = varint_take_bytes(&c);
	second = varint_take_bytes(&c);
	assert_ok(c.err);
	assert_true(cursor_at_end(&c));
	assert_true(first.len <= IDENTIFY_OWN_FIRST_BYTES_MAX);
	assert_true(out.len <= IDENTIFY_OWN_BYTES_MAX);
	assert_int_equal(second.at[0], IW_RECORD << 3 | PB_BYTES);
	assert_ok(iw_hear(buf_bytes(&out), &a, PUBLIC, &id));
	assert_int_equal(id.protocol_count, 50);
	assert_true(id.addrs_signed);
	assert_int_equal(id.record_seq, 7);
	assert_bytes(buf_bytes(&id.record), buf_bytes(&record));
	identify_deinit(&id);
	buf_deinit(&record);
	buf_deinit(&names);
	buf_deinit(&out);
}

static void what_does_not_fit_is_left_out_and_protocols_last(void **state)
{
	static uint8_t huge[IDENTIFY_OWN_BYTES_MAX];
	struct iw_author a = iw_author(1);
	struct maddr told[IDENTIFY_ADDRS_MAX];
	const char *protocols[200];
	struct buf out = BUF_INIT;
	struct identify id;
	struct identify_self self = {.public_key = bytes_of(a.pb, sizeof(a.pb)),
		.peer = a.id,
		.addrs = told,
		.protocols = protocols,
		.signed_record = bytes_of(huge, sizeof(huge))};

	(void)state;
	/* 32 addresses of some 90 bytes are more than 2 KiB. */
	for (unsigned i = 0; i < IDENTIFY_ADDRS_MAX; i++) {
		char text[200];

		snprintf(text, sizeof(text), "/dns4/%060u.example.com/tcp/%u", i, 4100 + i);
		told[self.addr_count++] = iw_addr(text);
	}
	for (size_t i = 0; i < 200; i++)
		protocols[i] = "/p2pos/heartbeat/1.0.0";
	self.protocol_count = 20;
	assert_ok(identify_encode(&self, PUBLIC, &out));
	assert_true(out.len <= IDENTIFY_OWN_FIRST_BYTES_MAX);
	assert_true(out.len > IDENTIFY_OWN_FIRST_BYTES_MAX - 100);
	assert_ok(iw_hear(buf_bytes(&out), &a, PUBLIC, &id));
	assert_true(id.addr_count > 10 && id.addr_count < IDENTIFY_ADDRS_MAX);
	assert_int_equal(id.protocol_count, 20);
	assert_int_equal(id.record.len, 0);
	identify_deinit(&id);

	self.protocol_count = 200;
	buf_reset(&out);
	assert_ok(buf_put_str(&out, "before"));
	assert_err(identify_encode(&self, PUBLIC, &out), P2P_ERR_TOO_LARGE);
	assert_bytes(buf_bytes(&out), BYTES_LIT("before"));
	buf_deinit(&out);
}

static void any_set_of_fields_survives_a_round_trip(void **state)
{
	struct iw_author a = iw_author(1);
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 11);
	for (int round = 0; round < 300; round++) {
		char names[20][32], agent[40];
		const char *protocols[20];
		struct maddr addrs[20];
		struct identify_self self = {.public_key = bytes_of(a.pb, sizeof(a.pb)),
			.peer = a.id,
			.addrs = addrs,
			.protocols = protocols,
			.agent = agent};
		struct buf out = BUF_INIT;
		struct identify_reader r;
		struct identify id;

		self.addr_count = (size_t)rng_below(&rng.rng, 20);
		self.protocol_count = (size_t)rng_below(&rng.rng, 20);
		for (size_t i = 0; i < self.addr_count; i++) {
			char text[64];

			snprintf(text, sizeof(text), "/ip4/8.8.%u.%u/tcp/%u", (unsigned)i,
				(unsigned)rng_below(&rng.rng, 256),
				1 + (unsigned)rng_below(&rng.rng, 65535));
			addrs[i] = iw_addr(text);
		}
		for (size_t i = 0; i < self.protocol_count; i++) {
			snprintf(names[i], sizeof(names[i]), "/p/%llx",
				(unsigned long long)rng_u64(&rng.rng));
			protocols[i] = names[i];
		}
		snprintf(agent, sizeof(agent), "agent/%llu", (unsigned long long)rng_u64(&rng.rng));
		assert_ok(identify_encode(&self, PUBLIC, &out));
		identify_reader_init(&r, &a.id, PUBLIC);
		for (struct bytes in = buf_bytes(&out); in.len;) {
			struct bytes piece = bytes_head(in, 1 + (size_t)rng_below(&rng.rng, 100));

			assert_ok(identify_reader_recv(&r, piece));
			in = bytes_from(in, piece.len);
		}
		assert_ok(identify_reader_end(&r, &id));
		assert_int_equal(id.addr_count, self.addr_count);
		for (size_t i = 0; i < id.addr_count; i++)
			assert_true(maddr_eq(&id.addrs[i], &addrs[i]));
		assert_int_equal(id.protocol_count, self.protocol_count);
		for (size_t i = 0; i < self.protocol_count; i++)
			assert_true(identify_speaks(&id, protocols[i]));
		assert_string_equal(id.agent, agent);
		identify_deinit(&id);
		identify_reader_deinit(&r);
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_message_is_written_byte_for_byte),
		cmocka_unit_test(what_we_say_is_what_is_heard),
		cmocka_unit_test(a_record_that_makes_it_large_goes_into_a_part_of_its_own),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_protocols_last),
		cmocka_unit_test(any_set_of_fields_survives_a_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
