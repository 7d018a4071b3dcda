/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer is granted, and peers that ask for more or break the rules inside the secured pipe. */
#include <sodium.h>

#include "proto/yamux/frame.h"
#include "tests/lib/foreign.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/pair.h"

#define ECHO  "/test/echo/1.0.0"
#define OTHER "/test/other/1.0.0"
#define HELLO "\x13/multistream/1.0.0\n"
#define PROPOSE_ECHO HELLO "\x11" ECHO "\n"

static struct pair p;    /* only its listener, with the foreign dialer; or both of its own */
static struct foreign f;
static enum pair_stack stack; /* a pipe's */

static enum conn_security security(void)
{
	return stack == PAIR_TLS ? CONN_TLS : CONN_NOISE;
}

static int setup(void **state)
{
	(void)state;
	pair_init_over(&p, stack, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	foreign_deinit(&f);
	memset(&f, 0, sizeof(f));
	pair_deinit(&p);
	return 0;
}

static struct conn *listener(void)
{
	return p.side[PAIR_L].conn;
}

/* The listener's events; the pair's own dialer is not there. */
static void on_foreign_event(void)
{
	struct conn_event ev;
	struct pair_side *s = &p.side[PAIR_L];

	while (conn_next(listener(), &ev)) {
		s->events[s->event_count++] = (struct pair_event){
			.kind = ev.kind, .stream = ev.stream, .err = ev.err, .why = ev.why,
			.detail = ev.detail, .data_len = ev.data.len};
		if (ev.kind == CONN_PROVEN)
			conn_admit(listener(), &s->grant, p.now);
		if (ev.kind == CONN_CLOSED)
			s->is_closed = true;
	}
}

static void start_foreign(void)
{
	pair_start(&p);
	foreign_init(&f, listener(), security(), 5, p.now);
	on_foreign_event();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_PROVEN), 1);
}

static void speak(void)
{
	foreign_flush(&f, p.now);
	on_foreign_event();
	(void)foreign_listen(&f, p.now);
	on_foreign_event();
}

static bool was_reset(uint32_t stream, uint32_t code)
{
	uint32_t got = 0;

	return foreign_heard(&f, YAMUX_FRAME_WINDOW, YAMUX_FLAG_RST, stream, &got) && got == code;
}

/* ---- a muxer that is agreed by name ---- */

static void frames_right_behind_the_muxers_name_are_not_lost(void **state)
{
	static const struct bytes proposal = BYTES_LIT(HELLO "\x0d/yamux/1.0.0\n");

	(void)state;
	pair_start(&p);
	foreign_init_late(&f, listener(), security(), 5, p.now);
	on_foreign_event();
	assert_int_equal(p.side[PAIR_L].event_count, 0);
	/* The name and the first frames in one message, the last frame cut; then its rest. */
	assert_ok(buf_put(&f.out, proposal));
	foreign_open(&f, 1, BYTES_LIT(PROPOSE_ECHO "hello"));
	f.out.len -= 3;
	foreign_flush(&f, p.now);
	assert_ok(buf_put(&f.out, BYTES_LIT("llo")));
	foreign_flush(&f, p.now);
	on_foreign_event();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_PROVEN), 1);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 1);
	assert_int_equal(pair_find(&p, PAIR_L, CONN_STREAM_DATA, 0, NULL)->data_len, 5);
	/* Our answer to the name comes before our first frame. */
	(void)foreign_listen(&f, p.now);
	assert_bytes(bytes_head(buf_bytes(&f.heard), proposal.len), proposal);
}

static void a_peer_without_yamux_is_refused(void **state)
{
	(void)state;
	pair_start(&p);
	foreign_init_late(&f, listener(), security(), 5, p.now);
	assert_ok(buf_put(&f.out, BYTES_LIT(HELLO "\x0d/mplex/6.7.0\n")));
	foreign_flush(&f, p.now);
	(void)foreign_listen(&f, p.now);
	assert_bytes(buf_bytes(&f.heard), BYTES_LIT(HELLO "\x03na\n"));
	for (int i = 0; i < 64; i++)
		assert_ok(buf_put(&f.out, BYTES_LIT("\x03/x\n")));
	foreign_flush(&f, p.now);
	on_foreign_event();
	pair_assert_closed(&p, PAIR_L, P2P_ERR_UNSUPPORTED, "muxer_none");
	assert_int_equal(pair_count(&p, PAIR_L, CONN_PROVEN), 0);
}

/* ---- the grant ---- */

static void a_stream_beyond_the_granted_number_is_reset(void **state)
{
	(void)state;
	p.side[PAIR_L].grant.streams_in_max = 3;
	start_foreign();
	for (uint32_t id = 1; id <= 9; id += 2)
		foreign_open(&f, id, BYTES_LIT(PROPOSE_ECHO));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 3);
	assert_false(was_reset(5, 0x1002));
	assert_true(was_reset(7, 0x1002));
	assert_true(was_reset(9, 0x1002));
	/* One that ends makes room for another. */
	conn_reset_stream(listener(), 1);
	foreign_open(&f, 11, BYTES_LIT(PROPOSE_ECHO));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 4);
}

static void each_protocol_has_its_own_bound(void **state)
{
	(void)state;
	p.side[PAIR_L].grant.per_protocol_max = 2;
	start_foreign();
	for (uint32_t id = 1; id <= 5; id += 2)
		foreign_open(&f, id, BYTES_LIT(PROPOSE_ECHO));
	foreign_open(&f, 7, BYTES_LIT(HELLO "\x12" OTHER "\n"));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 3);
	assert_true(was_reset(5, 0x1002));
	assert_false(was_reset(7, 0x1002));
}

static void streams_without_a_protocol_have_their_own_bound(void **state)
{
	(void)state;
	p.side[PAIR_L].grant.negotiating_max = 2;
	start_foreign();
	for (uint32_t id = 1; id <= 5; id += 2)
		foreign_open(&f, id, BYTES_NONE);
	speak();
	assert_true(was_reset(5, 0x1002));
	/* One that agrees makes room. */
	foreign_data(&f, 0, 1, BYTES_LIT(PROPOSE_ECHO));
	foreign_open(&f, 7, BYTES_LIT(PROPOSE_ECHO));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 2);
	assert_false(was_reset(7, 0x1002));
}

static void nothing_granted_means_nothing_opens(void **state)
{
	(void)state;
	p.side[PAIR_L].grant = (struct conn_grant){0};
	start_foreign();
	foreign_open(&f, 1, BYTES_LIT(PROPOSE_ECHO));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 0);
	assert_true(was_reset(1, 0x1002));
	assert_false(p.side[PAIR_L].is_closed);
}

static void only_the_granted_protocols_are_spoken(void **state)
{
	static const char *const one[] = {OTHER};

	(void)state;
	p.side[PAIR_L].grant.protocols = one;
	p.side[PAIR_L].grant.protocol_count = 1;
	start_foreign();
	foreign_open(&f, 1, BYTES_LIT(PROPOSE_ECHO "\x12" OTHER "\n" "and data"));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 1);
	/* ACK, then "header, na, echo" as one piece of data. */
	assert_bytes(bytes_from(buf_bytes(&f.heard), 24), BYTES_LIT(HELLO "\x03na\n\x12" OTHER "\n"));
	assert_int_equal(p.side[PAIR_L].events[p.side[PAIR_L].event_count - 1].kind, CONN_STREAM_DATA);
	assert_int_equal(p.side[PAIR_L].events[p.side[PAIR_L].event_count - 1].data_len, 8);
}

static void a_guest_that_becomes_a_member_keeps_its_streams(void **state)
{
	const char *first[] = {ECHO};
	const char *second[] = {OTHER, "/a", ECHO, "/b"};
	struct conn_grant grant = p.side[PAIR_L].grant;

	(void)state;
	grant.protocols = first;
	grant.protocol_count = 1;
	grant.per_protocol_max = 1;
	p.side[PAIR_L].grant = grant;
	start_foreign();
	foreign_open(&f, 1, BYTES_LIT(PROPOSE_ECHO));
	foreign_open(&f, 3, BYTES_LIT(HELLO)); /* has not said what it wants */
	speak();
	grant.protocols = second;
	grant.protocol_count = 4;
	conn_admit(listener(), &grant, p.now);
	first[0] = NULL; /* the old list is gone */
	foreign_data(&f, 0, 3, BYTES_LIT("\x12" OTHER "\n"));
	foreign_open(&f, 5, BYTES_LIT(PROPOSE_ECHO)); /* one too many: stream 1 still counts */
	foreign_data(&f, 0, 1, BYTES_LIT("still here"));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 2);
	assert_true(was_reset(5, 0x1002));
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_DATA), 1);
	/* Once more, to a list without the protocol that stream 1 has. */
	grant.protocol_count = 1;
	conn_admit(listener(), &grant, p.now);
	foreign_data(&f, 0, 1, BYTES_LIT("still here"));
	foreign_open(&f, 7, BYTES_LIT(HELLO "\x12" OTHER "\n"));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_DATA), 2);
	assert_true(was_reset(7, 0x1002));
}

static void the_outgoing_queue_has_the_granted_size(void **state)
{
	static uint8_t much[1 << 20];
	struct conn_info info;

	(void)state;
	p.side[PAIR_L].grant.send_bytes_max = 65536;
	start_foreign();
	for (uint32_t id = 1; id <= 15; id += 2)
		foreign_open(&f, id, BYTES_LIT(PROPOSE_ECHO));
	speak();
	for (uint32_t id = 1; id <= 15; id += 2)
		(void)conn_write(listener(), id, bytes_of(much, sizeof(much)));
	conn_info(listener(), &info);
	assert_true(info.send_queued > 65536 / 2 && info.send_queued <= 65536);
	assert_true(info.memory <= (stack == PAIR_TLS ? 16384 : 4096) + 65536 + 8 * 768);
}

static void a_member_gets_a_larger_window_when_it_is_fast(void **state)
{
	static uint8_t block[32768];
	uint32_t credit = 0;

	(void)state;
	start_foreign();
	foreign_open(&f, 1, BYTES_LIT(PROPOSE_ECHO));
	speak();
	for (int i = 0; i < 4; i++) {
		foreign_data(&f, 0, 1, bytes_of(block, sizeof(block)));
		speak();
	}
	/* At half a window what was used comes back, without anything asked of the owner. */
	assert_true(foreign_heard(&f, YAMUX_FRAME_WINDOW, 0, 1, NULL));
	buf_drop(&f.heard, 12); /* the ACK */
	assert_true(foreign_heard(&f, YAMUX_FRAME_WINDOW, 0, 1, &credit));
	assert_true(credit >= 131072);
}

/* ---- broken negotiations ---- */

static void what_is_not_multistream_in_a_stream_resets_the_stream_alone(void **state)
{
	static const struct bytes texts[] = {
		BYTES_LIT("GET / HTTP/1.1\r\n"),
		BYTES_LIT("\x00"),
		BYTES_LIT(HELLO "\x11/test/echo/1.0.0X"),
		BYTES_LIT(HELLO "\xff\xff\xff"),
	};

	(void)state;
	start_foreign();
	for (uint32_t i = 0; i < 4; i++) {
		foreign_open(&f, 1 + 2 * i, texts[i]);
		speak();
		assert_true(was_reset(1 + 2 * i, 0x1001));
	}
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 0);
	foreign_open(&f, 99, BYTES_LIT(PROPOSE_ECHO));
	speak();
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 1);
}

static void a_negotiation_that_ends_early_leaves_nothing_behind(void **state)
{
	struct conn_info info;

	(void)state;
	start_foreign();
	foreign_open(&f, 1, BYTES_LIT(HELLO));
	foreign_frame(&f, YAMUX_FRAME_WINDOW, YAMUX_FLAG_FIN, 1, 0);
	foreign_open(&f, 3, BYTES_LIT(HELLO));
	foreign_frame(&f, YAMUX_FRAME_WINDOW, YAMUX_FLAG_RST, 3, 0);
	speak();
	assert_int_equal(p.side[PAIR_L].event_count, 1); /* CONN_PROVEN */
	assert_true(was_reset(1, 0x1001));
	conn_info(listener(), &info);
	assert_int_equal(info.streams_in, 0);
}

static void a_negotiation_that_never_ends_is_reset_after_ten_seconds(void **state)
{
	struct conn_info info;

	(void)state;
	start_foreign();
	foreign_open(&f, 1, BYTES_LIT(HELLO));
	speak();
	/* Bytes that drip do not prolong it. */
	p.now = mono_add_ms(p.now, CONN_STEP_MS_MAX - 1);
	foreign_data(&f, 0, 1, BYTES_LIT("\x11/"));
	speak();
	assert_false(was_reset(1, 0x1001));
	p.now = mono_add_ms(p.now, 1);
	assert_true(mono_reached(conn_deadline(listener()), p.now));
	conn_tick(listener(), p.now);
	on_foreign_event();
	(void)foreign_listen(&f, p.now);
	assert_true(was_reset(1, 0x1001));
	conn_info(listener(), &info);
	assert_int_equal(info.streams_in, 0);
	assert_int_equal(p.side[PAIR_L].event_count, 1);
}

static void the_sixty_fifth_wrong_name_resets_the_stream(void **state)
{
	(void)state;
	start_foreign();
	foreign_open(&f, 1, BYTES_LIT(HELLO));
	for (int i = 0; i < 64; i++)
		foreign_data(&f, 0, 1, BYTES_LIT("\x03/x\n"));
	speak();
	assert_false(was_reset(1, 0x1001));
	foreign_data(&f, 0, 1, BYTES_LIT("\x03/x\n"));
	speak();
	assert_true(was_reset(1, 0x1001));
}

/* The answers to our own proposal that a conn may get. */
static const struct pair_event *answered_with(struct bytes answer)
{
	uint32_t id = 0;

	start_foreign();
	assert_ok(conn_open_stream(listener(), ECHO, p.now, &id));
	assert_int_equal(conn_write(listener(), id, BYTES_LIT("early data")), 10);
	(void)foreign_listen(&f, p.now);
	assert_int_equal(id, 2);
	assert_bytes(bytes_from(buf_bytes(&f.heard), 24), BYTES_LIT(PROPOSE_ECHO "early data"));
	foreign_frame(&f, YAMUX_FRAME_WINDOW, YAMUX_FLAG_ACK, id, 0);
	foreign_data(&f, 0, id, answer);
	speak();
	return pair_find(&p, PAIR_L, CONN_STREAM_REFUSED, 0, NULL);
}

static void answers_to_our_proposal_are_told_apart(void **state)
{
	const struct pair_event *e;

	(void)state;
	assert_null(answered_with(BYTES_LIT(PROPOSE_ECHO "data behind it")));
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_AGREED), 1);
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_DATA), 1);
	foreign_deinit(&f);
	e = answered_with(BYTES_LIT(HELLO "\x03na\n"));
	assert_true(e && e->err == P2P_ERR_UNSUPPORTED);
	assert_true(was_reset(2, 0x1001));
	foreign_deinit(&f);
	e = answered_with(BYTES_LIT(HELLO "\x12" OTHER "\n"));
	assert_true(e && e->err == P2P_ERR_PROTOCOL);
	foreign_deinit(&f);
	e = answered_with(BYTES_LIT("SSH-2.0-x\r\n"));
	assert_true(e && e->err == P2P_ERR_PROTOCOL);
}

/* ---- peers that break the muxer's rules ---- */

static void a_broken_rule_ends_the_conn_with_a_go_away(void **state)
{
	static const struct {
		uint8_t type;
		uint16_t flags;
		uint32_t stream, length;
	} frames[] = {
		{4, 0, 1, 0},                                    /* no such type */
		{YAMUX_FRAME_DATA, 0, 0, 1},                     /* data of the session */
		{YAMUX_FRAME_WINDOW, YAMUX_FLAG_SYN, 2, 0},      /* our parity */
		{YAMUX_FRAME_DATA, YAMUX_FLAG_SYN, 1, 262145},   /* beyond the window */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		uint32_t code = 0;
		const struct pair_event *e;

		start_foreign();
		foreign_frame(&f, frames[i].type, frames[i].flags, frames[i].stream, frames[i].length);
		speak();
		pair_assert_closed(&p, PAIR_L, P2P_ERR_PROTOCOL, "yamux_protocol");
		e = pair_find(&p, PAIR_L, CONN_CLOSED, 0, NULL);
		assert_non_null(e->detail);
		assert_true(foreign_heard(&f, YAMUX_FRAME_GOAWAY, 0, 0, &code));
		assert_int_equal(code, 1);
		assert_false(conn_wants_send(listener()));
		foreign_deinit(&f);
	}
}

static void a_peer_that_only_opens_and_resets_is_closed(void **state)
{
	(void)state;
	start_foreign();
	for (uint32_t id = 1; id < 2000 && !p.side[PAIR_L].is_closed; id += 2) {
		foreign_frame(&f, YAMUX_FRAME_WINDOW, YAMUX_FLAG_SYN, id, 0);
		foreign_frame(&f, YAMUX_FRAME_WINDOW, YAMUX_FLAG_RST, id, 0);
		foreign_flush(&f, p.now);
		on_foreign_event();
	}
	pair_assert_closed(&p, PAIR_L, P2P_ERR_PROTOCOL, "yamux_churn");
}

static void a_peer_that_makes_answers_pile_up_is_not_read_from(void **state)
{
	(void)state;
	p.side[PAIR_L].grant.streams_in_max = 1;
	start_foreign();
	assert_true(conn_wants_recv(listener()));
	for (uint32_t id = 1; id < 161; id += 2)
		foreign_open(&f, id, BYTES_NONE);
	foreign_flush(&f, p.now);
	on_foreign_event();
	assert_false(conn_wants_recv(listener()));
	(void)foreign_listen(&f, p.now);
	assert_true(conn_wants_recv(listener()));
}

static void sixteen_empty_messages_are_the_bound_in_a_conn_too(void **state)
{
	(void)state;
	start_foreign();
	for (int i = 0; i <= NOISE_EMPTY_IN_A_ROW_MAX; i++) {
		assert_false(p.side[PAIR_L].is_closed);
		foreign_say_nothing(&f, p.now);
		on_foreign_event();
	}
	pair_assert_closed(&p, PAIR_L, P2P_ERR_PROTOCOL,
		stack == PAIR_TLS ? "tls_empty" : "noise_empty");
	assert_err(foreign_listen(&f, p.now), stack == PAIR_TLS ? P2P_ERR_REFUSED : 0);
}

static void a_go_away_ends_the_conn_whatever_follows(void **state)
{
	(void)state;
	start_foreign();
	foreign_frame(&f, YAMUX_FRAME_GOAWAY, 0, 0, 0x1006);
	foreign_open(&f, 1, BYTES_LIT(PROPOSE_ECHO));
	speak();
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "remote_shutdown");
	assert_int_equal(pair_count(&p, PAIR_L, CONN_STREAM_IN), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_right_behind_the_muxers_name_are_not_lost),
		TEST(a_peer_without_yamux_is_refused),
		TEST(a_stream_beyond_the_granted_number_is_reset),
		TEST(each_protocol_has_its_own_bound),
		TEST(streams_without_a_protocol_have_their_own_bound),
		TEST(nothing_granted_means_nothing_opens),
		TEST(only_the_granted_protocols_are_spoken),
		TEST(a_guest_that_becomes_a_member_keeps_its_streams),
		TEST(the_outgoing_queue_has_the_granted_size),
		TEST(a_member_gets_a_larger_window_when_it_is_fast),
		TEST(what_is_not_multistream_in_a_stream_resets_the_stream_alone),
		TEST(a_negotiation_that_ends_early_leaves_nothing_behind),
		TEST(a_negotiation_that_never_ends_is_reset_after_ten_seconds),
		TEST(the_sixty_fifth_wrong_name_resets_the_stream),
		TEST(answers_to_our_proposal_are_told_apart),
		TEST(a_broken_rule_ends_the_conn_with_a_go_away),
		TEST(a_peer_that_only_opens_and_resets_is_closed),
		TEST(a_peer_that_makes_answers_pile_up_is_not_read_from),
		TEST(sixteen_empty_messages_are_the_bound_in_a_conn_too),
		TEST(a_go_away_ends_the_conn_whatever_follows),
	};

	int failed = 0;

	if (sodium_init() < 0 || tls_global_init())
		return 1;
	for (stack = PAIR_NOISE; stack <= PAIR_TLS; stack++)
		failed += cmocka_run_group_tests_name(pair_stack_word(stack), tests, NULL, NULL);
	tls_global_deinit();
	return failed;
}
