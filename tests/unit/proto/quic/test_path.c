/* SPDX-License-Identifier: Apache-2.0 */
/* What paths do: sizes that fit and no longer fit, addresses that change, first words out of order. */
#include "proto/quic/conn.h"
#include "proto/quic/path.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_foreign.h"

static struct quic_pair p;
static struct quic_foreign f;
static uint8_t body[1000000];

static struct quic_info info_of(int side)
{
	struct quic_info info;

	quic_info(p.side[side].conn, &info);
	return info;
}

/* Keeps a stream of the dialer full for so long. */
static void pour(uint32_t stream, int64_t ms)
{
	for (int64_t done = 0; done < ms; done += 5) {
		assert_true(quic_write(p.side[QUIC_D].conn, stream, bytes_of(body, sizeof(body))) >= 0);
		quic_pair_pass(&p, 5);
	}
}

static void datagrams_grow_as_far_as_the_path_takes_them(void **state)
{
	const struct {
		size_t mtu, found;
	} paths[] = {{0, 8900}, {8900, 8900}, {1472, 1452}, {1410, 1404}, {1380, 1372}, {1300, 1280},
		{1200, 1200}};
	uint32_t s;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		quic_pair_init(&p, 1);
		p.mtu = paths[i].mtu;
		p.side[QUIC_L].keeps_no_data = true;
		quic_pair_open(&p);
		assert_ok(quic_open(p.side[QUIC_D].conn, &s));
		pour(s, 1000);
		quic_pair_pass(&p, 20000);
		assert_int_equal(info_of(QUIC_D).payload_bytes, paths[i].found);
		quic_pair_deinit(&p);
	}
}

/* Sends once so much as may wait without being bulk, and more of it later. */
static void datagrams_stay_usual_where_little_is_sent(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 1);
	p.side[QUIC_L].keeps_no_data = true;
	quic_pair_open(&p);
	assert_ok(quic_open(p.side[QUIC_D].conn, &s));
	for (int i = 0; i < 10; i++) {
		assert_int_equal(quic_write(p.side[QUIC_D].conn, s, bytes_of(body, QUIC_BULK_BYTES - 1)),
			QUIC_BULK_BYTES - 1);
		quic_pair_pass(&p, 2000);
	}
	assert_int_equal(info_of(QUIC_D).payload_bytes, 1452);
	assert_int_equal(info_of(QUIC_L).payload_bytes, 1452);
	assert_int_equal(quic_write(p.side[QUIC_D].conn, s, bytes_of(body, QUIC_BULK_BYTES)), QUIC_BULK_BYTES);
	quic_pair_pass(&p, 2000);
	assert_int_equal(info_of(QUIC_D).payload_bytes, 8900);
	assert_int_equal(info_of(QUIC_L).payload_bytes, 1452); /* it has sent nothing */
	quic_pair_deinit(&p);
}

static void when_large_datagrams_begin_to_vanish_small_ones_do(void **state)
{
	uint64_t before;
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 2);
	p.mtu = 1472;
	p.side[QUIC_L].keeps_no_data = true;
	quic_pair_open(&p);
	assert_ok(quic_open(p.side[QUIC_D].conn, &s));
	pour(s, 1000);
	assert_int_equal(info_of(QUIC_D).payload_bytes, 1452);
	p.mtu = 1300;
	before = p.side[QUIC_L].received;
	pour(s, 1000);
	assert_int_equal(info_of(QUIC_D).payload_bytes, QUIC_PAYLOAD_BYTES_MIN);
	assert_true(p.side[QUIC_L].received > before + 500000);
	/* Large ones are tried again, and vanish again: each time the next trial is further off. */
	pour(s, 20000);
	before = p.side[QUIC_L].received;
	pour(s, 5000);
	assert_int_equal(info_of(QUIC_D).payload_bytes, QUIC_PAYLOAD_BYTES_MIN);
	assert_true(p.side[QUIC_L].received > before + 5000000);
	assert_false(p.side[QUIC_D].is_closed);
	p.mtu = 1472;
	pour(s, 40000);
	assert_int_equal(info_of(QUIC_D).payload_bytes, 1452);
	quic_pair_deinit(&p);
}

static void a_lossy_path_is_not_taken_for_a_narrow_one_for_long(void **state)
{
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 3);
	p.mtu = 1472;
	p.side[QUIC_L].keeps_no_data = true;
	quic_pair_open(&p);
	assert_ok(quic_open(p.side[QUIC_D].conn, &s));
	pour(s, 1000);
	p.loss = 100;
	pour(s, 20000);
	p.loss = 0;
	pour(s, 2 * QUIC_MTU_HELD_MS);
	assert_int_equal(info_of(QUIC_D).payload_bytes, 1452);
	quic_pair_deinit(&p);
}

/* ---- Another address ---- */

struct nat {
	struct maddr_ip inside, outside;
};

static bool eq(const struct maddr_ip *a, const struct maddr_ip *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* What the dialer sends comes from outside; what goes there comes in; its own address is not known
 * any more. */
static bool translate(struct quic_pair *pair, int from, struct quic_pair_flight *fl)
{
	const struct nat *nat = pair->arg;

	if (from == QUIC_D) {
		fl->path.remote = nat->outside;
		return true;
	}
	if (!eq(&fl->path.local, &nat->outside))
		return false;
	fl->path.local = nat->inside;
	return true;
}

static void a_peer_may_come_from_another_address(void **state)
{
	struct nat nat;
	uint32_t s;

	(void)state;
	quic_pair_init(&p, 4);
	p.side[QUIC_L].echoes = true;
	quic_pair_open(&p);
	quic_pair_pass(&p, 1000);
	nat.inside = nat.outside = p.side[QUIC_D].addr;
	nat.outside.port = 6666;
	p.on_datagram = translate;
	p.arg = &nat;
	s = quic_pair_say(&p, QUIC_D, BYTES_LIT("I have moved"));
	quic_pair_pass(&p, 1000);
	assert_bytes(quic_pair_got(&p, QUIC_D, s), BYTES_LIT("I have moved"));
	assert_int_equal(info_of(QUIC_L).path.remote.port, 6666);
	assert_int_equal(info_of(QUIC_D).path.local.port, nat.inside.port);
	/* And again, in the middle of much. */
	p.side[QUIC_L].echoes = false;
	assert_ok(quic_open(p.side[QUIC_D].conn, &s));
	pour(s, 200);
	nat.outside.port = 7777;
	nat.outside.ip[0] = 172;
	pour(s, 2000);
	quic_pair_pass(&p, 1000);
	assert_int_equal(info_of(QUIC_L).path.remote.port, 7777);
	assert_false(p.side[QUIC_D].is_closed || p.side[QUIC_L].is_closed);
	quic_pair_deinit(&p);
}

/* Somebody who saw a datagram sends it again from elsewhere: the connection stays with its peer. */
static void a_copied_datagram_moves_nothing(void **state)
{
	struct maddr_ip elsewhere;
	uint8_t copy[2000];
	size_t len;

	(void)state;
	quic_pair_init(&p, 5);
	quic_pair_open(&p);
	quic_pair_pass(&p, 1000);
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("x"));
	quic_pair_send(&p);
	assert_non_null(p.flights);
	len = p.flights->len;
	memcpy(copy, p.flights->data, len);
	quic_pair_pass(&p, 50);
	elsewhere = p.side[QUIC_D].addr;
	elsewhere.ip[3] = 99;
	quic_pair_throw_from(&p, QUIC_D, &elsewhere, bytes_of(copy, len));
	quic_pair_pass(&p, 5000);
	assert_int_equal(info_of(QUIC_L).path.remote.ip[3], 1);
	assert_false(p.side[QUIC_L].is_closed);
	quic_pair_deinit(&p);
}

static void addresses_of_both_families_come_back_as_they_were(void **state)
{
	struct datagram_path four = {{4, {10, 1, 2, 3}, 65535}, {4, {192, 168, 0, 1}, 1}}, got;
	struct datagram_path six = {
		{6, {0x20, 1, 0xd, 0xb8, [15] = 1}, 443}, {6, {0xfe, 0x80, [15] = 2}, 8000}};
	ngtcp2_path_storage along;

	(void)state;
	quic_path_set(&along, &four);
	quic_path_get(&along.path, &got);
	assert_true(quic_path_eq(&four, &got));
	quic_path_set(&along, &six);
	quic_path_get(&along.path, &got);
	assert_true(quic_path_eq(&six, &got));
	assert_false(quic_path_eq(&six, &four));
	got.remote.port++;
	assert_false(quic_path_eq(&six, &got));
}

static void two_shake_hands_over_ipv6(void **state)
{
	(void)state;
	quic_pair_init(&p, 6);
	for (int i = 0; i < 2; i++)
		p.side[i].addr = (struct maddr_ip){6, {0xfd, [15] = (uint8_t)i}, (uint16_t)(5000 + i)};
	p.side[QUIC_L].retries = true;
	quic_pair_open(&p);
	assert_int_equal(info_of(QUIC_L).path.remote.family, 6);
	quic_pair_deinit(&p);
}

/* ---- First words ---- */

/* go and rust offer keys so large that their first message takes two datagrams (quic.md 7.2). */
static void a_long_first_message_is_taken_in_either_order(void **state)
{
	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		struct quic_stats stats;

		quic_pair_init(&p, 7);
		quic_foreign_init(&f, &p, QUIC_D);
		f.hello_bytes = 1200;
		f.swaps_hello = swapped;
		quic_foreign_begin(&f);
		quic_pair_run(&p);
		assert_true(f.is_shaken);
		assert_true(p.side[QUIC_L].is_proven);
		quic_endpoint_stats(p.side[QUIC_L].ep, &stats);
		assert_int_equal(stats.retries, swapped);
		quic_foreign_deinit(&f);
		quic_pair_deinit(&p);
	}
}

/* 0-RTT packets of a stranger: nothing is done with them, and the handshake goes on. */
static bool add_early(struct quic_pair *pair, int from, struct quic_pair_flight *fl)
{
	uint8_t longer[2400] = {0};
	size_t scid_at, len = 300;
	uint8_t *early;

	if (from != QUIC_D || pair->arg || fl->len > 1300)
		return true;
	pair->arg = pair; /* the first one only */
	scid_at = 6u + fl->data[5];
	memcpy(longer, fl->data, fl->len);
	early = longer + fl->len;
	memcpy(early, fl->data, scid_at + 1 + fl->data[scid_at]);
	early[0] = 0xd3; /* 0-RTT, packet numbers of four bytes */
	early += scid_at + 1 + fl->data[scid_at];
	*early++ = (uint8_t)(0x40 | len >> 8);
	*early++ = (uint8_t)len;
	memset(early, 0xa5, len);
	quic_pair_throw(pair, from, bytes_of(longer, (size_t)(early - longer) + len));
	return false;
}

static void early_data_is_ignored(void **state)
{
	(void)state;
	quic_pair_init(&p, 8);
	p.on_datagram = add_early;
	quic_pair_open(&p);
	assert_ptr_equal(p.arg, &p);
	quic_pair_deinit(&p);
}

/* rust announces 10 s. */
static void a_peer_with_little_patience_is_kept_happy(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		unsigned gap = 0, longest = 0;
		uint64_t sent;

		quic_pair_init(&p, 9);
		quic_foreign_init(&f, &p, side);
		f.idle = 10 * NGTCP2_SECONDS;
		quic_foreign_begin(&f);
		if (side == QUIC_L)
			quic_pair_dial(&p);
		quic_pair_run(&p);
		sent = p.side[1 - side].datagrams;
		for (int i = 0; i < 600; i++) {
			quic_pair_pass(&p, 100);
			gap = p.side[1 - side].datagrams == sent ? gap + 1 : 0;
			sent = p.side[1 - side].datagrams;
			longest = gap > longest ? gap : longest;
		}
		assert_true(longest > 30 && longest < 50);
		assert_false(p.side[1 - side].is_closed || f.is_closed || f.liberr);
		quic_foreign_deinit(&f);
		quic_pair_deinit(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_grow_as_far_as_the_path_takes_them),
		cmocka_unit_test(datagrams_stay_usual_where_little_is_sent),
		cmocka_unit_test(when_large_datagrams_begin_to_vanish_small_ones_do),
		cmocka_unit_test(a_lossy_path_is_not_taken_for_a_narrow_one_for_long),
		cmocka_unit_test(a_peer_may_come_from_another_address),
		cmocka_unit_test(a_copied_datagram_moves_nothing),
		cmocka_unit_test(addresses_of_both_families_come_back_as_they_were),
		cmocka_unit_test(two_shake_hands_over_ipv6),
		cmocka_unit_test(a_long_first_message_is_taken_in_either_order),
		cmocka_unit_test(early_data_is_ignored),
		cmocka_unit_test(a_peer_with_little_patience_is_kept_happy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
