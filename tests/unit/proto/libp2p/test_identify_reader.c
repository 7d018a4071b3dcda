/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer says, and what is kept of it. */
#include "tests/lib/p2ptest.h"

#include <stdio.h>
#include <string.h>

#include "proto/keys/pb.h"
#include "tests/lib/identify_wire.h"
#include "tests/lib/vectors.h"

#define PUBLIC MADDR_REACH_PUBLIC

static void the_known_message_is_understood(void **state)
{
	struct buf wire = BUF_INIT;
	struct iw_author a = iw_vector_author();
	struct identify id;

	(void)state;
	(void)vectors_hex(vectors_group("identify"), "framed", &wire);
	assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
	assert_string_equal(id.protocol_version, "ipfs/0.1.0");
	assert_string_equal(id.agent, "c-libp2p/0.1.0");
	iw_expect_addr(&id.observed, "/ip4/198.51.100.7/tcp/50000");
	assert_int_equal(id.protocol_count, 2);
	assert_true(identify_speaks(&id, "/ipfs/ping/1.0.0"));
	assert_true(identify_speaks(&id, "/ipfs/id/1.0.0"));
	assert_false(identify_speaks(&id, "/ipfs/id/1.0"));
	/* Its record holds; its addresses are for documentation, and nobody dials those. */
	assert_true(id.addrs_signed);
	assert_true(id.record.len > 100 && id.record_seq > 0);
	assert_int_equal(id.addr_count, 0);
	identify_deinit(&id);
	buf_deinit(&wire);
}

static void a_message_may_be_cut_anywhere(void **state)
{
	struct buf wire = BUF_INIT;
	struct iw_author a = iw_vector_author();

	(void)state;
	(void)vectors_hex(vectors_group("identify"), "framed", &wire);
	for (size_t cut = 0; cut <= wire.len; cut++) {
		struct identify_reader r;
		struct identify id;

		identify_reader_init(&r, &a.id, PUBLIC);
		assert_ok(identify_reader_recv(&r, bytes_head(buf_bytes(&wire), cut)));
		assert_ok(identify_reader_recv(&r, bytes_from(buf_bytes(&wire), cut)));
		assert_ok(identify_reader_end(&r, &id));
		assert_int_equal(id.protocol_count, 2);
		assert_true(id.addrs_signed);
		identify_deinit(&id);
		identify_reader_deinit(&r);
		/* And what ends there is told from what is complete. */
		if (cut < wire.len)
			assert_err(iw_hear(bytes_head(buf_bytes(&wire), cut), &a, PUBLIC, &id),
				P2P_ERR_TRUNCATED);
	}
	buf_deinit(&wire);
}

static void parts_are_merged_lists_grow_and_single_fields_give_way(void **state)
{
	struct iw_author a = iw_author(1);
	struct buf wire = BUF_INIT, m = BUF_INIT;
	struct identify id;

	(void)state;
	iw_put(&m, IW_PROTOCOL, "/a");
	iw_put(&m, IW_AGENT, "old");
	iw_put_addr(&m, IW_ADDR, "/ip4/8.8.8.8/tcp/1");
	iw_add_part(&wire, &m);
	iw_add_part(&wire, &m); /* an empty one says nothing */
	iw_put(&m, IW_PROTOCOL, "/b");
	iw_put(&m, IW_AGENT, "new");
	iw_put_addr(&m, IW_ADDR, "/ip4/8.8.8.8/tcp/2");
	iw_put_addr(&m, IW_ADDR, "/ip4/8.8.8.8/tcp/1");
	iw_add_part(&wire, &m);
	assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
	assert_int_equal(id.protocol_count, 2);
	assert_true(identify_speaks(&id, "/a") && identify_speaks(&id, "/b"));
	assert_string_equal(id.agent, "new");
	assert_int_equal(id.addr_count, 2);
	identify_deinit(&id);
	buf_deinit(&wire);
	buf_deinit(&m);
}

static void a_part_of_8192_bytes_is_read_and_no_longer_one(void **state)
{
	struct iw_author a = iw_author(1);
	struct buf wire = BUF_INIT, m = BUF_INIT;
	struct identify id;
	struct identify_reader r;

	(void)state;
	/* An unknown field as filler: tag, three bytes of length, the rest. */
	memset(buf_grow(&m, IDENTIFY_PART_BYTES_MAX), 'x', IDENTIFY_PART_BYTES_MAX);
	m.data[0] = 15 << 3 | PB_BYTES;
	m.data[1] = 0x80 | ((IDENTIFY_PART_BYTES_MAX - 3) & 0x7f);
	m.data[2] = (IDENTIFY_PART_BYTES_MAX - 3) >> 7;
	iw_add_part(&wire, &m);
	assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
	identify_deinit(&id);

	/* Refused by its length alone. */
	identify_reader_init(&r, &a.id, PUBLIC);
	assert_err(identify_reader_recv(&r, BYTES_LIT("\x81\x40")), P2P_ERR_TOO_LARGE);
	assert_err(identify_reader_recv(&r, BYTES_LIT("x")), P2P_ERR_TOO_LARGE);
	assert_err(identify_reader_end(&r, &id), P2P_ERR_TOO_LARGE);
	identify_reader_deinit(&r);
	assert_err(iw_hear(BYTES_LIT("\xff\xff\x01"), &a, PUBLIC, &id), P2P_ERR_TOO_LARGE);
	assert_err(iw_hear(BYTES_LIT("\x80\x00"), &a, PUBLIC, &id), P2P_ERR_INVALID);
	buf_deinit(&wire);
	buf_deinit(&m);
}

static void ten_parts_are_read_and_no_eleventh(void **state)
{
	static const uint8_t empty[IDENTIFY_PARTS_MAX + 1];
	struct iw_author a = iw_author(1);
	struct identify id;

	(void)state;
	assert_ok(iw_hear(bytes_of(empty, IDENTIFY_PARTS_MAX), &a, PUBLIC, &id));
	identify_deinit(&id);
	assert_err(iw_hear(bytes_of(empty, IDENTIFY_PARTS_MAX + 1), &a, PUBLIC, &id),
		P2P_ERR_TOO_LARGE);
	assert_err(iw_hear(BYTES_NONE, &a, PUBLIC, &id), P2P_ERR_TRUNCATED);
	assert_err(iw_hear(BYTES_LIT("\x00\x80"), &a, PUBLIC, &id), P2P_ERR_TRUNCATED);
}

static void lists_are_kept_up_to_their_limits(void **state)
{
	struct iw_author a = iw_author(1);
	struct buf wire = BUF_INIT, m = BUF_INIT;
	struct identify id;
	char text[100];
	size_t walked = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "/ip4/8.8.8.8/tcp/%u", 1 + i);
		iw_put_addr(&m, IW_ADDR, text);
		snprintf(text, sizeof(text), "/p/%u", i);
		iw_put(&m, IW_PROTOCOL, text);
		if (m.len > 8000)
			iw_add_part(&wire, &m);
	}
	iw_add_part(&wire, &m);
	assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
	assert_int_equal(id.addr_count, IDENTIFY_ADDRS_MAX);
	assert_int_equal(id.protocol_count, IDENTIFY_PROTOCOLS_MAX);
	for (const char *p = NULL; (p = identify_next_protocol(&id, p));)
		walked++;
	assert_int_equal(walked, IDENTIFY_PROTOCOLS_MAX);
	assert_true(identify_speaks(&id, "/p/127") && !identify_speaks(&id, "/p/128"));
	identify_deinit(&id);
	buf_deinit(&wire);
	buf_deinit(&m);
}

static void longest_names_fit_and_longer_ones_are_dropped(void **state)
{
	struct iw_author a = iw_author(1);
	struct buf wire = BUF_INIT, m = BUF_INIT;
	struct identify id;
	char name[IDENTIFY_TEXT_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (int i = 0; i < 130; i++) {
		assert_ok(pb_put_bytes(&m, IW_PROTOCOL, bytes_of(name, IDENTIFY_TEXT_MAX)));
		assert_ok(pb_put_bytes(&m, IW_PROTOCOL, bytes_of(name, IDENTIFY_TEXT_MAX + 1)));
		if (m.len > 7500)
			iw_add_part(&wire, &m);
	}
	assert_ok(pb_put_bytes(&m, IW_AGENT, bytes_of(name, IDENTIFY_TEXT_MAX + 1)));
	iw_add_part(&wire, &m);
	assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
	assert_int_equal(id.protocol_count, IDENTIFY_PROTOCOLS_MAX);
	assert_int_equal(id.protocols.len, IDENTIFY_PROTOCOLS_MAX * (IDENTIFY_TEXT_MAX + 1));
	assert_int_equal(strlen(id.agent), IDENTIFY_TEXT_MAX);
	identify_deinit(&id);
	buf_deinit(&wire);
	buf_deinit(&m);
}

static void texts_are_made_safe_to_print(void **state)
{
	struct iw_author a = iw_author(1);
	struct buf wire = BUF_INIT, m = BUF_INIT;
	struct identify id;
	uint8_t control[IDENTIFY_TEXT_MAX];

	(void)state;
	assert_ok(pb_put_bytes(&m, IW_AGENT, BYTES_LIT("evil\x1b[2J\n\0end")));
	memset(control, 1, sizeof(control));
	assert_ok(pb_put_bytes(&m, IW_VERSION, bytes_of(control, sizeof(control))));
	assert_ok(pb_put_bytes(&m, IW_PROTOCOL, BYTES_LIT("/with\nline")));
	assert_ok(pb_put_bytes(&m, IW_PROTOCOL, BYTES_LIT("/with\0nul")));
	assert_ok(pb_put_bytes(&m, IW_PROTOCOL, BYTES_NONE));
	iw_add_part(&wire, &m);
	assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
	assert_string_equal(id.agent, "evil\\x1b[2J\\x0a\\x00end");
	assert_int_equal(strlen(id.protocol_version), IDENTIFY_TEXT_MAX);
	assert_memory_equal(id.protocol_version, "\\x01\\x01", 8);
	assert_int_equal(id.protocol_count, 0);
	identify_deinit(&id);
	buf_deinit(&wire);
	buf_deinit(&m);
}

static void r35_the_key_must_be_the_connections(void **state)
{
	struct iw_author a = iw_author(1), b = iw_author(2);
	struct buf wire = BUF_INIT, m = BUF_INIT;
	struct identify id;

	(void)state;
	assert_ok(pb_put_bytes(&m, IW_KEY, bytes_of(a.pb, sizeof(a.pb))));
	iw_put(&m, IW_PROTOCOL, "/x");
	iw_add_part(&wire, &m);
	assert_err(iw_hear(buf_bytes(&wire), &b, PUBLIC, &id), P2P_ERR_MISMATCH);
	assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
	identify_deinit(&id);
	/* A later part with another key spoils all. */
	assert_ok(pb_put_bytes(&m, IW_KEY, bytes_of(b.pb, sizeof(b.pb))));
	iw_add_part(&wire, &m);
	assert_err(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id), P2P_ERR_MISMATCH);
	buf_reset(&wire);
	assert_ok(pb_put_bytes(&m, IW_KEY, BYTES_NONE));
	iw_add_part(&wire, &m);
	assert_err(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id), P2P_ERR_INVALID);
	buf_deinit(&wire);
	buf_deinit(&m);
}

static void only_a_record_that_holds_outweighs_the_plain_list(void **state)
{
	struct iw_author a = iw_author(1), b = iw_author(2);
	struct buf record = BUF_INIT;

	(void)state;
	for (int round = 0; round < 5; round++) {
		bool holds = round == 0 || round == 4;
		struct buf wire = BUF_INIT, m = BUF_INIT;
		struct identify id;

		buf_reset(&record);
		(void)iw_sealed(&record, round == 1 ? &b : &a, "/ip4/9.9.9.9/tcp/1", 1);
		if (round == 2)
			record.data[record.len - 1] ^= 1;
		iw_put_addr(&m, IW_ADDR, "/ip4/8.8.8.8/tcp/1");
		/* Rounds 3 and 4: the last one counts, good or broken. */
		if (round == 4)
			iw_put(&m, IW_RECORD, "broken");
		assert_ok(pb_put_bytes(&m, IW_RECORD, buf_bytes(&record)));
		if (round == 3)
			iw_put(&m, IW_RECORD, "broken");
		iw_add_part(&wire, &m);
		assert_ok(iw_hear(buf_bytes(&wire), &a, PUBLIC, &id));
		assert_int_equal(id.addr_count, 1);
		assert_int_equal(id.addrs_signed, holds);
		iw_expect_addr(&id.addrs[0], holds ? "/ip4/9.9.9.9/tcp/1" : "/ip4/8.8.8.8/tcp/1");
		assert_int_equal(id.record.len > 0, holds);
		identify_deinit(&id);
		buf_deinit(&wire);
		buf_deinit(&m);
	}
	buf_deinit(&record);
}

static void r36_addresses_that_mean_nothing_here_are_dropped(void **state)
{
	static const char *const told[] = {"/ip4/8.8.8.8/tcp/1", "/ip4/10.0.0.1/tcp/1",
		"/ip4/127.0.0.1/tcp/1", "/ip4/224.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/0",
		"/ip6/fe80::1/tcp/1", "/ip4/0.0.0.0/tcp/1"};
	static const struct {
		enum maddr_reach reach;
		size_t kept;
	} rounds[] = {{MADDR_REACH_PUBLIC, 1}, {MADDR_REACH_PRIVATE, 2}, {MADDR_REACH_LINK, 3},
		{MADDR_REACH_LOOPBACK, 4}, {MADDR_REACH_NONE, 1}};
	struct iw_author a = iw_author(1);

	(void)state;
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		struct buf wire = BUF_INIT, m = BUF_INIT;
		struct identify id;

		for (size_t k = 0; k < sizeof(told) / sizeof(told[0]); k++)
			iw_put_addr(&m, IW_ADDR, told[k]);
		iw_put(&m, IW_ADDR, "no address");
		iw_add_part(&wire, &m);
		assert_ok(iw_hear(buf_bytes(&wire), &a, rounds[i].reach, &id));
		assert_int_equal(id.addr_count, rounds[i].kept);
		identify_deinit(&id);
		buf_deinit(&wire);
		buf_deinit(&m);
	}
}

static void malformed_messages_are_refused(void **state)
{
	struct iw_author a = iw_author(1);
	struct identify id;

	(void)state;
	/* A field that goes on behind its message; wire types that do not exist; field 0. */
	assert_err(iw_hear(BYTES_LIT("\x03\x1a\x05x"), &a, PUBLIC, &id), P2P_ERR_INVALID);
	assert_err(iw_hear(BYTES_LIT("\x01\x1b"), &a, PUBLIC, &id), P2P_ERR_INVALID);
	assert_err(iw_hear(BYTES_LIT("\x02\x02\x00"), &a, PUBLIC, &id), P2P_ERR_INVALID);
	/* A known number in another wire type is a field we do not know. */
	assert_ok(iw_hear(BYTES_LIT("\x02\x18\x05"), &a, PUBLIC, &id));
	identify_deinit(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_message_is_understood),
		cmocka_unit_test(a_message_may_be_cut_anywhere),
		cmocka_unit_test(parts_are_merged_lists_grow_and_single_fields_give_way),
		cmocka_unit_test(a_part_of_8192_bytes_is_read_and_no_longer_one),
		cmocka_unit_test(ten_parts_are_read_and_no_eleventh),
		cmocka_unit_test(lists_are_kept_up_to_their_limits),
		cmocka_unit_test(longest_names_fit_and_longer_ones_are_dropped),
		cmocka_unit_test(texts_are_made_safe_to_print),
		cmocka_unit_test(r35_the_key_must_be_the_connections),
		cmocka_unit_test(only_a_record_that_holds_outweighs_the_plain_list),
		cmocka_unit_test(r36_addresses_that_mean_nothing_here_are_dropped),
		cmocka_unit_test(malformed_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
