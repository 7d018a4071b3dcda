/* SPDX-License-Identifier: Apache-2.0 */
/* Early data (0-RTT), as a dialer offers it that was given a ticket by another listener (quic.md 2:
 * none is ever taken; R-41). */
#include "proto/quic/conn.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_foreign.h"

#define WORDS "said before anybody was asked who it is"

static struct quic_pair p;
static struct quic_foreign giver, f;
static struct quic_ticket ticket;
static gnutls_datum_t key;
static gnutls_anti_replay_t replays;

/* Packets of 0-RTT among the first datagrams of the dialer, all of which are on their way. */
static unsigned early_on_way(void)
{
	unsigned count = 0;

	for (const struct quic_pair_flight *fl = p.flights; fl; fl = fl->next) {
		ngtcp2_pkt_hd head;

		for (size_t at = 0; at < fl->len; at += head.len) {
			ngtcp2_ssize n =
				ngtcp2_pkt_decode_hd_long(&head, fl->data + at, fl->len - at);

			assert_true(n > 0);
			count += head.type == NGTCP2_PKT_0RTT;
			at += (size_t)n;
		}
	}
	return count;
}

/* A pair in which a foreign dialer is about to begin, with the ticket if there is one. */
static void set_dialer(uint64_t seed)
{
	quic_pair_init(&p, seed);
	quic_foreign_init(&f, &p, QUIC_D);
	f.wants_ticket = true;
	if (!ticket.session.size)
		return;
	f.ticket = &ticket;
	f.early = BYTES_LIT(WORDS);
}

static void set_giver(void)
{
	quic_foreign_init(&giver, &p, QUIC_L);
	giver.sends_tickets = true;
	giver.ticket_key = key;
	giver.replays = replays;
}

static int is_no_replay(
	void *arg, time_t until, const gnutls_datum_t *name, const gnutls_datum_t *data)
{
	(void)arg;
	(void)until;
	(void)name;
	(void)data;
	return 0;
}

static int get_ticket(void **state)
{
	(void)state;
	assert_ok(tls_global_init());
	assert_int_equal(gnutls_session_ticket_key_generate(&key), 0);
	assert_int_equal(gnutls_anti_replay_init(&replays), 0);
	gnutls_anti_replay_set_add_function(replays, is_no_replay);
	set_dialer(1);
	set_giver();
	quic_foreign_begin(&f);
	quic_pair_run(&p);
	assert_true(f.is_shaken && giver.is_shaken);
	quic_foreign_ticket(&f, &ticket);
	quic_foreign_deinit(&f);
	quic_foreign_deinit(&giver);
	quic_pair_deinit(&p);
	return 0;
}

static int drop_ticket(void **state)
{
	(void)state;
	gnutls_free(ticket.session.data);
	gnutls_free(key.data);
	gnutls_anti_replay_deinit(replays);
	tls_global_deinit();
	return 0;
}

/* So that it is known that what the other tests offer is early data indeed. */
static void whoever_gave_the_ticket_takes_it(void **state)
{
	(void)state;
	set_dialer(2);
	set_giver();
	quic_foreign_begin(&f);
	assert_true(early_on_way() > 0);
	quic_pair_run(&p);
	assert_true(f.is_shaken && giver.is_shaken);
	assert_true(f.early_taken);
	assert_int_equal(giver.received, strlen(WORDS));
	quic_foreign_deinit(&f);
	quic_foreign_deinit(&giver);
	quic_pair_deinit(&p);
}

static struct quic_stats stats(void)
{
	struct quic_stats got;

	quic_endpoint_stats(p.side[QUIC_L].ep, &got);
	return got;
}

/* It is who it is only now; what it said before was never heard, and what it says now is. */
static void assert_only_now(void)
{
	assert_true(f.is_shaken && p.side[QUIC_L].is_proven);
	assert_false(f.early_taken || f.is_closed || f.liberr || p.side[QUIC_L].is_closed);
	assert_int_equal(p.side[QUIC_L].received, 0);
	(void)quic_foreign_write(&f, BYTES_LIT("said in its time"), true);
	quic_pair_pass(&p, 1000);
	assert_int_equal(p.side[QUIC_L].stream_count, 1);
	assert_bytes(buf_bytes(&p.side[QUIC_L].streams[0].got), BYTES_LIT("said in its time"));
}

static void early_data_is_refused_and_the_handshake_goes_on(void **state)
{
	unsigned early;

	(void)state;
	set_dialer(3);
	quic_foreign_begin(&f);
	early = early_on_way();
	quic_pair_pass(&p, 5000);
	assert_true(early > 0);
	assert_int_equal(stats().early, early);
	assert_only_now();
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

/* With the token it says it again. */
static void early_data_is_refused_after_a_retry(void **state)
{
	(void)state;
	set_dialer(4);
	p.side[QUIC_L].retries = true;
	quic_foreign_begin(&f);
	quic_pair_pass(&p, 5000);
	assert_int_equal(stats().retries, 1);
	assert_true(stats().early > 0);
	assert_only_now();
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

static void reverse_flights(void)
{
	struct quic_pair_flight *left = p.flights;

	p.flights = NULL;
	while (left) {
		struct quic_pair_flight *fl = left;

		left = fl->next;
		fl->next = p.flights;
		p.flights = fl;
	}
}

static void early_data_may_come_first(void **state)
{
	(void)state;
	set_dialer(5);
	quic_foreign_begin(&f);
	(void)quic_foreign_write(&f, BYTES_LIT(WORDS), true);
	assert_true(early_on_way() > 1 && p.flights->next);
	reverse_flights();
	quic_pair_pass(&p, 5000);
	assert_only_now();
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

/* Whoever saw a first flight sends it again, many times and from elsewhere. */
static void early_data_said_again_is_said_to_nobody(void **state)
{
	uint8_t copies[4][1500];
	size_t len[4], count = 0;
	struct maddr_ip elsewhere;

	(void)state;
	set_dialer(6);
	quic_foreign_begin(&f);
	for (const struct quic_pair_flight *fl = p.flights; fl; fl = fl->next) {
		assert_true(count < 4 && fl->len <= sizeof(copies[0]));
		memcpy(copies[count], fl->data, fl->len);
		len[count++] = fl->len;
	}
	quic_pair_pass(&p, 5000);
	elsewhere = p.side[QUIC_D].addr;
	for (int again = 0; again < 20; again++) {
		elsewhere.port += (uint16_t)(again % 2);
		for (size_t i = 0; i < count; i++)
			quic_pair_throw_from(&p, QUIC_D, &elsewhere, bytes_of(copies[i], len[i]));
		quic_pair_pass(&p, 100);
	}
	assert_only_now();
	quic_foreign_deinit(&f);
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_gave_the_ticket_takes_it),
		cmocka_unit_test(early_data_is_refused_and_the_handshake_goes_on),
		cmocka_unit_test(early_data_is_refused_after_a_retry),
		cmocka_unit_test(early_data_may_come_first),
		cmocka_unit_test(early_data_said_again_is_said_to_nobody),
	};

	return cmocka_run_group_tests(tests, get_ticket, drop_ticket);
}
