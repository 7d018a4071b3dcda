/* SPDX-License-Identifier: Apache-2.0 */
/* Which security two sides find, and what becomes of a dialer's first handshake message when its
 * proposal is refused. */
#include <sodium.h>

#include "proto/select/select.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/pair.h"

#define HELLO "\x13/multistream/1.0.0\n"
#define NA    "\x03na\n"
#define NOISE "\x07/noise\n"
#define TLS   "\x0b/tls/1.0.0\n"

static struct pair p; /* large: not for the stack */

static int setup(void **state)
{
	(void)state;
	pair_init(&p, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_deinit(&p);
	return 0;
}

static void may_use(int side, uint8_t count, enum conn_security first)
{
	struct pair_side *s = &p.side[side];

	s->security_count = count;
	s->securities[0] = first;
	s->securities[1] = first == CONN_NOISE ? CONN_TLS : CONN_NOISE;
}

static const char *agreed(int side)
{
	struct conn_info info;

	conn_info(p.side[side].conn, &info);
	return info.security;
}

static struct conn *listener(void)
{
	return p.side[PAIR_L].conn;
}

static void the_dialer_chooses_among_what_the_listener_takes(void **state)
{
	static const char *const words[] = {"noise", "tls"};

	(void)state;
	for (enum conn_security d = 0; d < CONN_SECURITIES; d++) {
		for (enum conn_security l = 0; l < CONN_SECURITIES; l++) {
			may_use(PAIR_D, 2, d);
			may_use(PAIR_L, 2, l);
			pair_open(&p);
			assert_string_equal(agreed(PAIR_D), words[d]);
			assert_string_equal(agreed(PAIR_L), words[d]);
			/* Whatever it is, it costs no more round trips than one alone. */
			assert_int_equal(p.side[PAIR_D].flights, 2);
			assert_int_equal(p.side[PAIR_L].flights, 1);
		}
	}
}

static void no_securities_at_all_are_noise(void **state)
{
	(void)state;
	p.side[PAIR_D].security_count = 0;
	p.side[PAIR_L].security_count = 0;
	pair_open(&p);
	assert_string_equal(agreed(PAIR_D), "noise");
}

static void a_refused_first_choice_gives_way_to_the_second(void **state)
{
	static const size_t cuts[] = {0, 1, 2, 3, 5, 7, 33, 100};

	(void)state;
	for (enum conn_security d = 0; d < CONN_SECURITIES; d++) {
		enum conn_security other = d == CONN_NOISE ? CONN_TLS : CONN_NOISE;

		for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
			may_use(PAIR_D, 2, d);
			may_use(PAIR_L, 1, other);
			p.cut = cuts[i];
			pair_open(&p);
			assert_string_equal(agreed(PAIR_D), other == CONN_TLS ? "tls" : "noise");
			/* One round trip more, not two. */
			assert_int_equal(p.side[PAIR_D].flights, 3);
			assert_int_equal(p.side[PAIR_L].flights, 2);
		}
	}
}

static void with_nothing_in_common_both_end(void **state)
{
	(void)state;
	for (enum conn_security d = 0; d < CONN_SECURITIES; d++) {
		may_use(PAIR_D, 1, d);
		may_use(PAIR_L, 1, d == CONN_NOISE ? CONN_TLS : CONN_NOISE);
		pair_start(&p);
		pair_run(&p);
		pair_assert_closed(&p, PAIR_D, P2P_ERR_UNSUPPORTED, "select_no_common");
		assert_int_equal(p.side[PAIR_D].flights, 1);
		conn_eof(listener(), P2P_ERR_CLOSED);
		pair_events(&p, PAIR_L);
		pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "remote_eof");
	}
}

static void a_proposal_leaves_with_its_first_handshake_message(void **state)
{
	struct buf *wire = &p.side[PAIR_L].wire;

	(void)state;
	p.side[PAIR_L].is_deaf = true;
	may_use(PAIR_D, 2, CONN_TLS);
	pair_start(&p);
	assert_true(pair_flight(&p, PAIR_D));
	assert_bytes(bytes_head(buf_bytes(wire), 34), BYTES_LIT(HELLO TLS "\x16\x03"));
	/* And so does the second. */
	buf_reset(wire);
	assert_ok(conn_recv(p.side[PAIR_D].conn, BYTES_LIT(HELLO NA), p.now));
	pair_events(&p, PAIR_D);
	assert_true(pair_flight(&p, PAIR_D));
	assert_int_equal(wire->len, 8 + 34);
	assert_bytes(bytes_head(buf_bytes(wire), 10), BYTES_LIT(NOISE "\x00\x20"));
}

static void a_listener_that_stumbles_over_it_is_told_from_others(void **state)
{
	(void)state;
	may_use(PAIR_D, 2, CONN_TLS);
	/* It says "na", and ends when it sees the handshake message. */
	pair_start(&p);
	assert_ok(conn_recv(p.side[PAIR_D].conn, BYTES_LIT(HELLO NA), p.now));
	conn_eof(p.side[PAIR_D].conn, P2P_ERR_RESET);
	pair_events(&p, PAIR_D);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_UNSUPPORTED, "select_refused");
	/* It ends without a word. */
	pair_start(&p);
	assert_ok(conn_recv(p.side[PAIR_D].conn, BYTES_LIT(HELLO), p.now));
	conn_eof(p.side[PAIR_D].conn, P2P_ERR_CLOSED);
	pair_events(&p, PAIR_D);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, "remote_eof");
}

static void an_answer_to_what_was_not_proposed_yet_opens_nothing(void **state)
{
	(void)state;
	may_use(PAIR_D, 2, CONN_TLS);
	pair_start(&p);
	(void)conn_recv(p.side[PAIR_D].conn, BYTES_LIT(HELLO NA NOISE "\x00\x20"), p.now);
	(void)conn_recv(p.side[PAIR_D].conn, BYTES_LIT("0123456789abcdef0123456789abcdef"), p.now);
	pair_events(&p, PAIR_D);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_PROTOCOL, "noise_handshake");
	assert_false(p.side[PAIR_D].is_proven);
}

/* ---- what a listener steps over ---- */

/* What a listener of Noise alone, cut at `cut`, answers to `said`; nothing once it has ended. */
static struct bytes answer_to(struct bytes said, size_t cut)
{
	static struct buf out;

	pair_start(&p);
	(void)conn_recv(listener(), bytes_head(said, cut), p.now);
	pair_events(&p, PAIR_L);
	(void)conn_recv(listener(), bytes_from(said, cut), p.now);
	pair_events(&p, PAIR_L);
	buf_deinit(&out);
	out = BUF_WITH_MAX(4096);
	conn_send(listener(), &out, 4096, p.now);
	buf_swap(&out, &p.side[PAIR_D].wire); /* the pair frees it */
	return buf_bytes(&p.side[PAIR_D].wire);
}

static void only_the_handshake_message_is_stepped_over(void **state)
{
	static const struct {
		struct bytes said, answer;
	} rows[] = {
		/* A dialer that waited for its answer has nothing there. */
		{BYTES_LIT(HELLO TLS NOISE), BYTES_LIT(HELLO NA NOISE)},
		{BYTES_LIT(HELLO TLS "\x16\x03\x01\x00\x05hello" NOISE), BYTES_LIT(HELLO NA NOISE)},
		{BYTES_LIT(HELLO "\x07/secio\n"
				 "\x00\x20"
				 "0123456789abcdef0123456789abcdef" NOISE),
			BYTES_LIT(HELLO NA NOISE)},
		/* Twenty-two bytes are a name, too. */
		{BYTES_LIT(HELLO TLS "\x16/something/else/9.9.9\n" NOISE),
			BYTES_LIT(HELLO NA NA NOISE)},
		{BYTES_LIT(HELLO TLS "\x16\x03\x01\x00\x01x" TLS "\x16\x03\x03\x00\x02xy" NOISE),
			BYTES_LIT(HELLO NA NA NOISE)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t cut = 0; cut <= rows[i].said.len; cut++)
			assert_bytes(answer_to(rows[i].said, cut), rows[i].answer);
}

static void nothing_else_is_stepped_over(void **state)
{
	static const struct {
		struct bytes said;
		bool ends; /* or it is the beginning of a name of twenty-two bytes */
	} rows[] = {
		{BYTES_LIT(HELLO TLS "\x16\x03\x01\x00\x00" NOISE), false}, /* an empty record */
		{BYTES_LIT(HELLO TLS "\x16\x03\x01\x10\x01" NOISE), false}, /* a very long one */
		{BYTES_LIT(HELLO TLS "\x16\x03\x01\x00\x01x"
				     "\x16\x03\x01\x00\x01x" NOISE),
			false}, /* a second one */
		{BYTES_LIT(HELLO TLS "\x00\x21"), true},
		{BYTES_LIT("\x16\x03\x01\x00\x01x" HELLO NOISE), true}, /* nothing was refused */
		{BYTES_LIT(HELLO "\x00\x20"), true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t cut = 0; cut <= rows[i].said.len; cut++) {
			struct bytes answer = answer_to(rows[i].said, cut);

			if (rows[i].ends)
				pair_assert_closed(
					&p, PAIR_L, P2P_ERR_PROTOCOL, "select_malformed");
			else
				assert_bytes(answer, BYTES_LIT(HELLO NA));
		}
	}
}

static void a_hello_beyond_its_limit_is_not_stepped_over(void **state)
{
	static const uint8_t header[] = {0x16, 3, 1, 0x10, 0x00};
	static const uint8_t body[4097];

	(void)state;
	for (size_t beyond = 0; beyond < 2; beyond++) {
		struct buf said = BUF_INIT;
		struct bytes answer;

		assert_ok(buf_put(&said, BYTES_LIT(HELLO TLS)));
		assert_ok(buf_put(&said, bytes_of(header, sizeof(header))));
		said.data[said.len - 1] = (uint8_t)beyond;
		assert_ok(buf_put(&said, bytes_of(body, 4096 + beyond)));
		assert_ok(buf_put(&said, BYTES_LIT(NOISE)));
		answer = answer_to(buf_bytes(&said), 100);
		if (beyond)
			pair_assert_closed(&p, PAIR_L, P2P_ERR_PROTOCOL, "select_malformed");
		else
			assert_bytes(answer, BYTES_LIT(HELLO NA NOISE));
		buf_deinit(&said);
	}
}

static void refusals_have_a_bound_whatever_is_stepped_over(void **state)
{
	static const struct bytes again = BYTES_LIT(TLS "\x16\x03\x01\x00\x01x");

	(void)state;
	pair_start(&p);
	(void)conn_recv(listener(), BYTES_LIT(HELLO), p.now);
	for (int i = 0; i <= SELECT_REFUSALS_MAX; i++) {
		pair_events(&p, PAIR_L);
		assert_false(p.side[PAIR_L].is_closed);
		(void)conn_recv(listener(), again, p.now);
	}
	pair_events(&p, PAIR_L);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_UNSUPPORTED, "select_no_common");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_dialer_chooses_among_what_the_listener_takes),
		TEST(no_securities_at_all_are_noise),
		TEST(a_refused_first_choice_gives_way_to_the_second),
		TEST(with_nothing_in_common_both_end),
		TEST(a_proposal_leaves_with_its_first_handshake_message),
		TEST(a_listener_that_stumbles_over_it_is_told_from_others),
		TEST(an_answer_to_what_was_not_proposed_yet_opens_nothing),
		TEST(only_the_handshake_message_is_stepped_over),
		TEST(nothing_else_is_stepped_over),
		TEST(a_hello_beyond_its_limit_is_not_stepped_over),
		TEST(refusals_have_a_bound_whatever_is_stepped_over),
	};
	int failed;

	if (sodium_init() < 0 || tls_global_init())
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tls_global_deinit();
	return failed;
}
