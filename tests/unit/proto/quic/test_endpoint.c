/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint: whose a datagram is, and what is answered to strangers without keeping anything. */
#include <ngtcp2/ngtcp2.h>

#include "proto/quic/endpoint.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_pair.h"

static struct quic_pair p;
static struct buf kept[8]; /* datagrams that were seen under way */
static size_t kept_count;

static bool keep(struct quic_pair *pair, int from, struct quic_pair_flight *f)
{
	(void)from;
	if (kept_count < sizeof(kept) / sizeof(kept[0])) {
		buf_reset(&kept[kept_count]);
		assert_ok(buf_put(&kept[kept_count++], bytes_of(f->data, f->len)));
	}
	return pair->arg != &kept[kept_count - 1]; /* the one that the test wants for itself */
}

static void forget_kept(void)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		buf_deinit(&kept[i]);
	kept_count = 0;
}

/* The first datagram of a dial, which stays with the test. */
static struct bytes first_datagram(void)
{
	kept_count = 0;
	p.on_datagram = keep;
	quic_pair_dial(&p);
	quic_pair_send(&p);
	p.on_datagram = NULL;
	assert_true(kept_count > 0);
	return buf_bytes(&kept[0]);
}

static enum quic_sorted sort_from(const struct maddr_ip *from, struct bytes data, struct quic_found *ret,
	struct datagram_train *ret_train)
{
	struct datagram in = {{p.side[QUIC_L].addr, *from}, ECN_NONE, data};

	buf_reset(&p.out);
	return quic_sort(p.side[QUIC_L].ep, &in, p.now, ret, &p.out, ret_train);
}

static enum quic_sorted sort(struct bytes data)
{
	struct datagram_train train = {0};
	struct quic_found found;
	enum quic_sorted sorted = sort_from(&p.side[QUIC_D].addr, data, &found, &train);

	if (sorted == QUIC_ANSWERED) {
		assert_int_equal(train.segment, p.out.len);
		assert_int_equal(train.path.remote.port, p.side[QUIC_D].addr.port);
		assert_true(p.out.len > 0 && p.out.len <= data.len);
	} else {
		assert_int_equal(p.out.len, 0);
	}
	return sorted;
}

static struct quic_stats stats(void)
{
	struct quic_stats s;

	quic_endpoint_stats(p.side[QUIC_L].ep, &s);
	return s;
}

static void the_library_is_new_enough(void **state)
{
	const char *version = NULL;

	(void)state;
	assert_ok(quic_library_check(&version));
	assert_non_null(version);
}

static void garbage_is_counted_and_ignored(void **state)
{
	static const uint8_t zeros[1500];
	struct rng_seeded rng;
	uint8_t noise[64];
	uint64_t before;

	(void)state;
	quic_pair_init(&p, 1);
	rng_seed(&rng, 1);
	assert_int_equal(sort(BYTES_NONE), QUIC_IGNORED);
	assert_int_equal(sort(bytes_of(zeros, 1)), QUIC_IGNORED);
	assert_int_equal(sort(bytes_of(zeros, 20)), QUIC_IGNORED);
	before = stats().garbage;
	assert_true(before >= 3);
	/* What punches holes: 64 random bytes without the fixed bit (quic.md 9). */
	for (int i = 0; i < 100; i++) {
		rng_fill(&rng.rng, noise, sizeof(noise));
		noise[0] &= 0x3f;
		assert_int_not_equal(sort(bytes_of(noise, sizeof(noise))), QUIC_FOR_CONN);
	}
	assert_int_equal(stats().conns, 0);
	quic_pair_deinit(&p);
}

static void a_knock_is_only_heard_at_full_length(void **state)
{
	struct bytes first;

	(void)state;
	quic_pair_init(&p, 2);
	first = first_datagram();
	assert_int_equal(first.len, 1200);
	assert_int_equal(sort(first), QUIC_KNOCK);
	for (size_t len = 0; len < first.len; len += 7)
		assert_int_equal(sort(bytes_head(first, len)), QUIC_IGNORED);
	assert_int_equal(stats().conns, 0);
	forget_kept();
	quic_pair_deinit(&p);
}

static void other_versions_are_told_ours(void **state)
{
	uint8_t packet[1200] = {0xc0, 0x6b, 0x33, 0x43, 0xcf, 8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 9, 9, 9, 9};
	struct bytes answer;

	(void)state;
	quic_pair_init(&p, 3);
	assert_int_equal(sort(bytes_of(packet, 1199)), QUIC_IGNORED);
	assert_int_equal(sort(bytes_of(packet, 1200)), QUIC_ANSWERED);
	answer = buf_bytes(&p.out);
	assert_int_equal(answer.len, 1 + 4 + 1 + 4 + 1 + 8 + 4);
	assert_true(answer.at[0] & 0x80);
	assert_bytes(bytes_head(bytes_from(answer, 1), 4), BYTES_LIT("\0\0\0\0"));
	assert_bytes(bytes_from(answer, 5),
		BYTES_LIT("\x04\x09\x09\x09\x09\x08\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01"));
	/* A negotiation is not negotiated about. */
	memset(packet + 1, 0, 4);
	assert_int_equal(sort(bytes_of(packet, 1200)), QUIC_IGNORED);
	/* Ids longer than any of version 1 are no reason to read past the end. */
	memset(packet + 1, 0x7f, 4);
	packet[5] = 255;
	(void)sort(bytes_of(packet, 1200));
	quic_pair_deinit(&p);
}

static void version_negotiations_are_bounded(void **state)
{
	uint8_t packet[1200] = {0xc0, 0x6b, 0x33, 0x43, 0xcf, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0};
	unsigned answers = 0;

	(void)state;
	quic_pair_init(&p, 4);
	for (int i = 0; i < 100; i++)
		answers += sort(bytes_of(packet, sizeof(packet))) == QUIC_ANSWERED;
	assert_int_equal(answers, QUIC_ANSWERS_PER_SEC);
	assert_int_equal(stats().unanswered, 90);
	assert_int_equal(stats().versions, 10);
	p.now = mono_add_ms(p.now, 100);
	assert_int_equal(sort(bytes_of(packet, sizeof(packet))), QUIC_ANSWERED);
	assert_int_equal(sort(bytes_of(packet, sizeof(packet))), QUIC_IGNORED);
	quic_pair_deinit(&p);
}

static void a_dialer_that_is_told_other_versions_gives_up(void **state)
{
	uint8_t negotiation[64] = {0x80, 0, 0, 0, 0, 8};
	ngtcp2_version_cid head;
	struct bytes first;

	(void)state;
	quic_pair_init(&p, 5);
	first = first_datagram();
	assert_int_equal(ngtcp2_pkt_decode_version_cid(&head, first.at, first.len, 8), 0);
	memcpy(negotiation + 6, head.scid, 8);
	negotiation[14] = 8;
	memcpy(negotiation + 15, head.dcid, 8);
	memcpy(negotiation + 23, "\xff\x00\x00\x1d", 4);
	p.side[QUIC_L].is_deaf = true;
	quic_pair_throw(&p, QUIC_L, bytes_of(negotiation, 27));
	quic_pair_run(&p);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_UNSUPPORTED, "quic_version");
	forget_kept();
	quic_pair_deinit(&p);
}

/* ---- Retry ---- */

static void strangers_can_be_asked_to_come_again(void **state)
{
	(void)state;
	quic_pair_init(&p, 6);
	p.side[QUIC_L].retries = true;
	quic_pair_open(&p);
	assert_int_equal(stats().retries, 1);
	assert_int_equal(stats().tokens_bad, 0);
	assert_int_equal(stats().conns, 1);
	quic_pair_deinit(&p);
}

/* The second knock of a dial, with the token in it. */
static struct bytes knock_with_token(void)
{
	kept_count = 0;
	p.side[QUIC_L].retries = true;
	p.on_datagram = keep;
	p.arg = &kept[2];
	quic_pair_dial(&p);
	quic_pair_pass(&p, 20);
	p.on_datagram = NULL;
	assert_int_equal(kept_count, 3);
	assert_null(p.side[QUIC_L].conn);
	return buf_bytes(&kept[2]);
}

static void a_token_is_good_for_its_address_and_a_while(void **state)
{
	struct maddr_ip other;
	struct datagram_train train;
	struct quic_found found;
	struct bytes knock;

	(void)state;
	quic_pair_init(&p, 7);
	knock = knock_with_token();
	other = p.side[QUIC_D].addr;
	assert_int_equal(sort_from(&other, knock, &found, &train), QUIC_KNOCK);
	assert_true(found.is_validated);
	other.port++;
	assert_int_equal(sort_from(&other, knock, &found, &train), QUIC_ANSWERED);
	other.port--;
	other.ip[3]++;
	assert_int_equal(sort_from(&other, knock, &found, &train), QUIC_ANSWERED);
	other.ip[3]--;
	assert_int_equal(stats().tokens_bad, 2);
	p.now = mono_add_ms(p.now, QUIC_TOKEN_MS - 100);
	assert_int_equal(sort_from(&other, knock, &found, &train), QUIC_KNOCK);
	assert_true(found.is_validated);
	p.now = mono_add_ms(p.now, 200);
	assert_int_equal(sort_from(&other, knock, &found, &train), QUIC_ANSWERED);
	assert_false(found.is_validated);
	assert_int_equal(stats().tokens_bad, 3);
	forget_kept();
	quic_pair_deinit(&p);
}

static void a_forged_token_is_told_so(void **state)
{
	struct bytes knock;
	size_t at;

	(void)state;
	quic_pair_init(&p, 8);
	knock = knock_with_token();
	/* Behind type, version, two ids of 8 bytes, and the length of the token: its first byte says
	 * whose it is, the rest is sealed. */
	at = 1 + 4 + 9 + 9 + 1;
	assert_int_equal(knock.at[at], 0xb6);
	kept[2].data[at + 40] ^= 1;
	quic_pair_throw(&p, QUIC_D, buf_bytes(&kept[2]));
	quic_pair_pass(&p, 25);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_REFUSED, "quic_refused");
	assert_int_equal(p.side[QUIC_D].end.code, NGTCP2_INVALID_TOKEN);
	assert_int_equal(stats().tokens_bad, 1);
	/* A token of another kind is somebody else's, and as good as none. */
	kept[2].data[at + 40] ^= 1;
	kept[2].data[at] = 0x36;
	assert_int_equal(sort(buf_bytes(&kept[2])), QUIC_KNOCK);
	forget_kept();
	quic_pair_deinit(&p);
}

static void tokens_are_of_one_endpoint(void **state)
{
	struct quic_endpoint_opts opts;
	struct datagram_train train;
	struct quic_endpoint *other;
	struct quic_found found;
	struct datagram in;
	struct bytes knock;

	(void)state;
	quic_pair_init(&p, 9);
	knock = knock_with_token();
	opts = (struct quic_endpoint_opts){
		&p.side[QUIC_L].tls, &p.side[QUIC_L].identity, &p.side[QUIC_L].rng.rng};
	other = quic_endpoint_new(&opts);
	in = (struct datagram){{p.side[QUIC_L].addr, p.side[QUIC_D].addr}, ECN_NONE, knock};
	buf_reset(&p.out);
	assert_int_equal(quic_sort(other, &in, p.now, &found, &p.out, &train), QUIC_ANSWERED);
	assert_false(found.is_validated);
	buf_reset(&p.out);
	quic_endpoint_free(other);
	forget_kept();
	quic_pair_deinit(&p);
}

/* ---- Accepting ---- */

static void an_endpoint_holds_so_many_connections(void **state)
{
	struct quic_opts opts = {.wall = QUIC_PAIR_WALL};
	struct datagram_path path;
	static struct quic_conn *conns[QUIC_CONNS_MAX];
	struct quic_conn *one = NULL;

	(void)state;
	quic_pair_init(&p, 10);
	path = (struct datagram_path){p.side[QUIC_L].addr, p.side[QUIC_D].addr};
	for (size_t i = 0; i < QUIC_CONNS_MAX; i++)
		assert_ok(quic_dial(p.side[QUIC_L].ep, &path, &opts, p.now, &conns[i]));
	assert_err(quic_dial(p.side[QUIC_L].ep, &path, &opts, p.now, &one), P2P_ERR_FULL);
	assert_null(one);
	assert_int_equal(stats().conns, QUIC_CONNS_MAX);
	for (size_t i = 0; i < QUIC_CONNS_MAX; i++)
		quic_free(conns[i]);
	assert_int_equal(stats().conns, 0);
	quic_pair_deinit(&p);
}

static void what_is_no_knock_is_not_accepted(void **state)
{
	struct quic_opts opts = {.wall = QUIC_PAIR_WALL};
	struct datagram_train train;
	struct quic_conn *conn = NULL;
	struct datagram in;

	(void)state;
	quic_pair_init(&p, 11);
	in = (struct datagram){{p.side[QUIC_L].addr, p.side[QUIC_D].addr}, ECN_NONE, first_datagram()};
	/* Sealed with keys that everybody can make, but not so. */
	kept[0].data[700] ^= 1;
	assert_err(quic_accept(p.side[QUIC_L].ep, &in, &opts, p.now, &p.out, &train, &conn),
		P2P_ERR_INVALID);
	in.data = bytes_head(in.data, 100);
	assert_err(quic_retry(p.side[QUIC_L].ep, &in, p.now, &p.out, &train), P2P_ERR_INVALID);
	assert_null(conn);
	assert_int_equal(stats().conns, 0);
	assert_int_equal(p.out.len, 0);
	forget_kept();
	quic_pair_deinit(&p);
}

static void a_second_knock_of_one_connection_is_its_own(void **state)
{
	struct bytes first;

	(void)state;
	quic_pair_init(&p, 12);
	first = first_datagram();
	quic_pair_pass(&p, 12);
	assert_non_null(p.side[QUIC_L].conn);
	assert_int_equal(sort(first), QUIC_FOR_CONN);
	assert_int_equal(stats().conns, 1);
	forget_kept();
	quic_pair_deinit(&p);
}

/* ---- Resets ---- */

/* It is a listener that can say so: a dialer's first id comes without a token for this. */
static void a_listener_that_forgot_us_says_so(void **state)
{
	struct quic_endpoint_opts opts;
	struct quic_pair_side *s = &p.side[QUIC_L];
	struct quic_endpoint *old;
	struct quic_conn *forgotten;

	(void)state;
	quic_pair_init(&p, 13);
	quic_pair_open(&p);
	quic_pair_pass(&p, 1000);
	/* A restart: the same identity, nothing else. */
	opts = (struct quic_endpoint_opts){&s->tls, &s->identity, &s->rng.rng};
	forgotten = s->conn;
	old = s->ep;
	s->conn = NULL;
	s->ep = quic_endpoint_new(&opts);
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("are you still there?"));
	quic_pair_pass(&p, 25);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_RESET, "quic_reset");
	quic_free(forgotten);
	quic_endpoint_free(old);
	quic_pair_deinit(&p);
}

static void resets_are_short_bounded_and_never_answer_each_other(void **state)
{
	uint8_t packet[1200] = {0x40, 1, 2, 3, 4, 5, 6, 7, 8};
	unsigned answers = 0;

	(void)state;
	quic_pair_init(&p, 14);
	for (size_t len = 1; len <= 21; len++)
		assert_int_equal(sort(bytes_of(packet, len)), QUIC_IGNORED);
	for (size_t len = 22; len < 60; len++) {
		p.now = mono_add_ms(p.now, 1000);
		assert_int_equal(sort(bytes_of(packet, len)), QUIC_ANSWERED);
		assert_int_equal(p.out.len, len - 1 < 42 ? len - 1 : 42);
		assert_int_equal(p.out.data[0] & 0xc0, 0x40);
	}
	p.now = mono_add_ms(p.now, 1000);
	for (int i = 0; i < 100; i++)
		answers += sort(bytes_of(packet, sizeof(packet))) == QUIC_ANSWERED;
	assert_int_equal(answers, QUIC_ANSWERS_PER_SEC);
	quic_pair_deinit(&p);
}

static void a_forged_reset_ends_nothing(void **state)
{
	struct rng_seeded rng;
	uint8_t packet[42];

	(void)state;
	quic_pair_init(&p, 15);
	quic_pair_open(&p);
	rng_seed(&rng, 3);
	for (int i = 0; i < 50; i++) {
		rng_fill(&rng.rng, packet, sizeof(packet));
		packet[0] = (uint8_t)((packet[0] & 0x3f) | 0x40);
		quic_pair_throw(&p, QUIC_D, bytes_of(packet, sizeof(packet)));
	}
	quic_pair_pass(&p, 1000);
	assert_false(p.side[QUIC_L].is_closed);
	quic_pair_deinit(&p);
}

static void altered_packets_are_counted_and_end_nothing(void **state)
{
	uint8_t copy[1500];
	size_t len;

	(void)state;
	quic_pair_init(&p, 19);
	quic_pair_open(&p);
	quic_pair_pass(&p, 1000);
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("as it was"));
	quic_pair_send(&p);
	assert_non_null(p.flights);
	len = p.flights->len;
	assert_true(len <= sizeof(copy));
	memcpy(copy, p.flights->data, len);
	for (int i = 0; i < 10; i++) {
		copy[len - 1]++;
		quic_pair_throw(&p, QUIC_D, bytes_of(copy, len));
	}
	quic_pair_pass(&p, 1000);
	assert_int_equal(stats().undecryptable, 10);
	assert_false(p.side[QUIC_L].is_closed);
	quic_pair_deinit(&p);
}

/* ---- Behind the end ---- */

static void a_close_that_got_lost_is_said_again_but_less_and_less(void **state)
{
	struct datagram_train train;
	unsigned answers = 0;
	struct bytes late;

	(void)state;
	quic_pair_init(&p, 16);
	quic_pair_open(&p);
	/* Its last datagram, which comes again and again. */
	kept_count = 0;
	p.on_datagram = keep;
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("and another thing"));
	quic_pair_send(&p);
	p.on_datagram = NULL;
	late = buf_bytes(&kept[0]);
	quic_pair_pass(&p, 30);
	quic_close(p.side[QUIC_L].conn, 7, p.now);
	assert_true(quic_send(p.side[QUIC_L].conn, &p.out, 65000, p.now, &train));
	buf_reset(&p.out); /* lost */
	quic_free(p.side[QUIC_L].conn);
	p.side[QUIC_L].conn = NULL;
	assert_int_equal(stats().conns, 0);
	assert_int_equal(stats().closed, 1);
	for (int i = 0; i < 64; i++)
		answers += sort(late) == QUIC_ANSWERED;
	assert_int_equal(answers, 7); /* the 1st, 2nd, 4th … 64th */
	assert_int_equal(stats().resets, 0);
	/* It is the close, and the peer understands it. */
	for (int i = 0; i < 64; i++)
		if (sort(late) == QUIC_ANSWERED)
			quic_pair_throw(&p, QUIC_L, buf_bytes(&p.out));
	buf_reset(&p.out);
	quic_pair_pass(&p, 15);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_CLOSED, "remote_close");
	assert_int_equal(p.side[QUIC_D].end.code, 7);
	/* After a while even the name is forgotten. */
	p.now = mono_add_ms(p.now, 3000);
	assert_int_equal(sort(late), QUIC_ANSWERED);
	assert_int_equal(stats().resets, 1);
	assert_int_equal(stats().closed, 0);
	forget_kept();
	buf_reset(&p.out);
	quic_pair_deinit(&p);
}

static void behind_the_peers_close_there_is_silence(void **state)
{
	(void)state;
	quic_pair_init(&p, 17);
	quic_pair_open(&p);
	kept_count = 0;
	p.on_datagram = keep;
	(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("late"));
	quic_pair_send(&p);
	p.on_datagram = NULL;
	quic_close(p.side[QUIC_D].conn, 0, p.now);
	quic_pair_pass(&p, 15);
	quic_pair_assert_closed(&p, QUIC_L, P2P_ERR_CLOSED, "remote_close");
	quic_free(p.side[QUIC_L].conn);
	p.side[QUIC_L].conn = NULL;
	for (int i = 0; i < 10; i++)
		assert_int_equal(sort(buf_bytes(&kept[0])), QUIC_IGNORED);
	assert_int_equal(stats().closed, 1);
	forget_kept();
	quic_pair_deinit(&p);
}

static void closed_ones_are_bounded_and_the_oldest_goes(void **state)
{
	struct quic_endpoint *ep;
	uint32_t i;

	(void)state;
	quic_pair_init(&p, 18);
	ep = p.side[QUIC_L].ep;
	for (i = 0; i < QUIC_CLOSED_MAX + 40; i++) {
		struct buf farewell = BUF_INIT;
		struct list names;

		list_init(&names);
		assert_true(quic_routes_add(
			&ep->routes, QUIC_NAME_CID, bytes_of(&i, sizeof(i)), NULL, &names));
		assert_ok(buf_put(&farewell, BYTES_LIT("the close")));
		quic_closed_add(ep, &names, &farewell, mono_add_ms(p.now, 1000 + i));
		assert_true(list_is_empty(&names));
		assert_int_equal(farewell.len, 0);
	}
	assert_int_equal(stats().closed, QUIC_CLOSED_MAX);
	i = 39;
	assert_null(quic_routes_find(&ep->routes, QUIC_NAME_CID, bytes_of(&i, sizeof(i))));
	i = 40;
	assert_non_null(quic_routes_find(&ep->routes, QUIC_NAME_CID, bytes_of(&i, sizeof(i))));
	quic_closed_expire(ep, mono_add_ms(p.now, 1000 + 49));
	assert_int_equal(stats().closed, QUIC_CLOSED_MAX - 10);
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_is_new_enough),
		cmocka_unit_test(garbage_is_counted_and_ignored),
		cmocka_unit_test(a_knock_is_only_heard_at_full_length),
		cmocka_unit_test(other_versions_are_told_ours),
		cmocka_unit_test(version_negotiations_are_bounded),
		cmocka_unit_test(a_dialer_that_is_told_other_versions_gives_up),
		cmocka_unit_test(strangers_can_be_asked_to_come_again),
		cmocka_unit_test(a_token_is_good_for_its_address_and_a_while),
		cmocka_unit_test(a_forged_token_is_told_so),
		cmocka_unit_test(tokens_are_of_one_endpoint),
		cmocka_unit_test(an_endpoint_holds_so_many_connections),
		cmocka_unit_test(what_is_no_knock_is_not_accepted),
		cmocka_unit_test(a_second_knock_of_one_connection_is_its_own),
		cmocka_unit_test(a_listener_that_forgot_us_says_so),
		cmocka_unit_test(resets_are_short_bounded_and_never_answer_each_other),
		cmocka_unit_test(a_forged_reset_ends_nothing),
		cmocka_unit_test(altered_packets_are_counted_and_end_nothing),
		cmocka_unit_test(a_close_that_got_lost_is_said_again_but_less_and_less),
		cmocka_unit_test(behind_the_peers_close_there_is_silence),
		cmocka_unit_test(closed_ones_are_bounded_and_the_oldest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
