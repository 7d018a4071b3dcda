/* SPDX-License-Identifier: Apache-2.0 */
/* What is TLS's own in a conn: alerts, close_notify, certificates, records, a muxer by name. */
#include <malloc.h>
#include <sodium.h>

#include "proto/tls/session.h"
#include "tests/lib/foreign.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/pair.h"

#define ECHO  "/test/echo/1.0.0"
#define HELLO "\x13/multistream/1.0.0\n"

static struct pair p; /* large: not for the stack */

static int setup(void **state)
{
	(void)state;
	pair_init_over(&p, PAIR_TLS, 1);
	p.side[PAIR_L].echoes = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_deinit(&p);
	return 0;
}

static struct conn *conn_at(int side)
{
	return p.side[side].conn;
}

static const char *state_of(int side)
{
	struct conn_info info;

	conn_info(conn_at(side), &info);
	return info.state;
}

/* Records in `wire`; the largest body and the last record's in `ret_...`, which may be NULL. */
static size_t records_in(struct bytes wire, size_t *ret_max, size_t *ret_last)
{
	size_t count = 0, max = 0, body = 0;

	for (; wire.len; count++) {
		assert_true(wire.len >= TLS_HEADER_BYTES);
		body = (size_t)wire.at[3] << 8 | wire.at[4];
		assert_true(wire.len >= TLS_HEADER_BYTES + body);
		max = body > max ? body : max;
		wire = bytes_from(wire, TLS_HEADER_BYTES + body);
	}
	if (ret_max)
		*ret_max = max;
	if (ret_last)
		*ret_last = body;
	return count;
}

/* ---- certificates, and who is told of their refusal ---- */

static void a_refusing_listener_is_heard_after_the_dialer_thought_it_was_in(void **state)
{
	(void)state;
	p.side[PAIR_L].expected = p.side[PAIR_L].id;
	pair_start(&p);
	assert_true(pair_flight(&p, PAIR_D) && pair_flight(&p, PAIR_L));
	assert_string_equal(state_of(PAIR_D), "open");
	(void)pair_say(&p, PAIR_D, ECHO, BYTES_LIT("anybody there?"));
	pair_run(&p);
	pair_assert_closed(&p, PAIR_L, P2P_ERR_MISMATCH, "peer_id_mismatch");
	pair_assert_closed(&p, PAIR_D, P2P_ERR_REFUSED, "tls_alert_received");
	assert_non_null(pair_find(&p, PAIR_D, CONN_CLOSED, 0, NULL)->detail);
	assert_int_equal(pair_count(&p, PAIR_D, CONN_STREAM_AGREED), 0);
	assert_false(p.side[PAIR_L].is_proven);
}

static void an_expired_certificate_is_refused_by_both_sides(void **state)
{
	(void)state;
	p.wall.sec += INT64_C(3600) * 24 * 366 * 150;
	pair_start(&p);
	pair_run(&p);
	assert_true(p.side[PAIR_D].is_closed && p.side[PAIR_L].is_closed);
	assert_string_equal(pair_find(&p, PAIR_D, CONN_CLOSED, 0, NULL)->why, "tls_cert_expired");
	pair_assert_closed(&p, PAIR_L, P2P_ERR_REFUSED, "tls_alert_received");
}

static void an_alert_leaves_once_and_only_while_there_is_a_transport(void **state)
{
	(void)state;
	for (int end = 0; end < 3; end++) {
		struct buf out = BUF_INIT, tight = BUF_WITH_MAX(3);

		p.side[PAIR_D].expected = p.side[PAIR_D].id;
		pair_start(&p);
		(void)pair_flight(&p, PAIR_D);
		(void)pair_flight(&p, PAIR_L);
		pair_assert_closed(&p, PAIR_D, P2P_ERR_MISMATCH, "peer_id_mismatch");
		assert_true(conn_wants_send(conn_at(PAIR_D)));
		if (end == 1)
			conn_eof(conn_at(PAIR_D), P2P_ERR_CLOSED);
		if (end == 2)
			conn_abort(conn_at(PAIR_D), P2P_ERR_BUSY, "because");
		/* A transport without room for it is asked again. */
		conn_send(conn_at(PAIR_D), &tight, 4096, p.now);
		assert_int_equal(tight.len, 0);
		conn_send(conn_at(PAIR_D), &out, 4096, p.now);
		assert_int_equal(out.len > 0, end == 0);
		assert_false(conn_wants_send(conn_at(PAIR_D)));
		conn_send(conn_at(PAIR_D), &tight, 4096, p.now);
		pair_events(&p, PAIR_D);
		assert_int_equal(pair_count(&p, PAIR_D, CONN_CLOSED), 1);
		buf_deinit(&out);
		buf_deinit(&tight);
	}
}

/* ---- altered bytes ---- */

/* Changes one byte of a flight on its way to `to`; false when it has no such byte. */
static bool tamper(int to, size_t at, uint8_t with)
{
	struct buf *wire = &p.side[to].wire;

	p.side[to].is_deaf = true;
	(void)pair_flight(&p, 1 - to);
	p.side[to].is_deaf = false;
	if (at >= wire->len)
		return false;
	wire->data[at] ^= with;
	return true;
}

static void a_handshake_with_a_changed_byte_proves_nobody_else(void **state)
{
	size_t tried = 0, closed = 0;

	(void)state;
	for (int to = 0; to < 2; to++) {
		for (size_t at = 0;; at += 7) {
			pair_start(&p);
			(void)pair_flight(&p, PAIR_D);
			if (to == PAIR_L)
				(void)pair_flight(&p, PAIR_L);
			if (!tamper(to, at, (uint8_t)(1 << at % 8)))
				break;
			pair_run(&p); /* whoever is proven is who it is: the pair looks */
			tried++;
			closed += p.side[PAIR_D].is_closed || p.side[PAIR_L].is_closed;
		}
	}
	/* A word cut short still waits, and the version in a record's head says nothing. */
	assert_true(tried > 150 && closed > tried * 9 / 10);
}

static void changed_content_ends_the_conn_and_the_peer_is_told(void **state)
{
	(void)state;
	for (size_t at = TLS_HEADER_BYTES; at < 94; at += 8) {
		uint32_t id;

		pair_open(&p);
		id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
		pair_run(&p);
		(void)conn_write(conn_at(PAIR_D), id,
			BYTES_LIT("0123456789012345678901234567890"
				  "12345678901234567890123456789"));
		assert_true(tamper(PAIR_L, at, 4));
		pair_run(&p);
		pair_assert_closed(&p, PAIR_L, P2P_ERR_CRYPTO, "tls_decrypt");
		pair_assert_closed(&p, PAIR_D, P2P_ERR_REFUSED, "tls_alert_received");
		assert_int_equal(pair_got(&p, PAIR_L, id).len, 0);
	}
}

static void what_was_right_before_a_changed_record_is_still_told(void **state)
{
	struct buf *wire = &p.side[PAIR_L].wire;
	uint32_t id;

	(void)state;
	pair_open(&p);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	p.side[PAIR_L].is_deaf = true;
	(void)conn_write(conn_at(PAIR_D), id, BYTES_LIT("right"));
	conn_send(conn_at(PAIR_D), wire, 1 << 20, p.now);
	(void)conn_write(conn_at(PAIR_D), id, BYTES_LIT("wrong"));
	conn_send(conn_at(PAIR_D), wire, 1 << 20, p.now);
	wire->data[wire->len - 1] ^= 1;
	p.side[PAIR_L].is_deaf = false;
	pair_run(&p);
	assert_bytes(pair_got(&p, PAIR_L, id), BYTES_LIT("right"));
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CRYPTO, "tls_decrypt");
	pair_assert_closed(&p, PAIR_D, P2P_ERR_REFUSED, "tls_alert_received");
}

static void records_that_tls_has_not_are_refused_by_their_first_bytes(void **state)
{
	static const struct bytes heads[] = {
		BYTES_LIT("\x17\x03\x03\xff\xff"), /* longer than any */
		BYTES_LIT("\x17\x03\x03\x00\x10"), /* shorter than its tag */
		BYTES_LIT("\x16"),                 /* a handshake in the clear, now */
		BYTES_LIT("\x15\x03\x03\x00\x02"), /* and an alert that anybody could have sent */
		BYTES_LIT("\x80"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		pair_open(&p);
		assert_err(conn_recv(conn_at(PAIR_L), heads[i], p.now), P2P_ERR_PROTOCOL);
		pair_events(&p, PAIR_L);
		pair_assert_closed(&p, PAIR_L, P2P_ERR_PROTOCOL, "tls_protocol");
	}
}

static void a_stranger_that_drips_a_long_record_costs_little(void **state)
{
	static uint8_t record[TLS_RECORD_BYTES_MAX] = {0x16, 3, 1, 0x41, 0x00};
	struct conn_info info;
	size_t before;

	(void)state;
	pair_open(&p); /* what is allocated once, is now */
	pair_start(&p);
	before = mallinfo2().uordblks;
	(void)conn_recv(conn_at(PAIR_L), BYTES_LIT(HELLO "\x0b/tls/1.0.0\n"), p.now);
	for (size_t i = 0; i < sizeof(record) - 1; i++)
		(void)conn_recv(conn_at(PAIR_L), bytes_of(record + i, 1), p.now);
	conn_info(conn_at(PAIR_L), &info);
	assert_string_equal(info.state, "securing");
	assert_true(info.memory > 16384 && info.memory <= 96 * 1024); /* */
	assert_true(mallinfo2().uordblks - before <= 96 * 1024);
	(void)conn_recv(conn_at(PAIR_L), BYTES_LIT("x"), p.now);
	pair_events(&p, PAIR_L);
	assert_true(p.side[PAIR_L].is_closed);
}

/* ---- ends ---- */

static void a_goodbye_ends_with_tls_own(void **state)
{
	struct buf *wire = &p.side[PAIR_L].wire;
	size_t last;

	(void)state;
	pair_open(&p);
	p.side[PAIR_L].is_deaf = true;
	conn_close(conn_at(PAIR_D), "shutdown", p.now);
	(void)pair_flight(&p, PAIR_D);
	/* The go-away, then a record of two bytes, all in one flight. */
	assert_int_equal(records_in(buf_bytes(wire), NULL, &last), 2);
	assert_int_equal(last, 2 + 1 + TLS_TAG_BYTES);
	p.side[PAIR_L].is_deaf = false;
	pair_run(&p);
	pair_assert_closed(&p, PAIR_D, P2P_ERR_CLOSED, "shutdown");
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "remote_shutdown");
}

static void tls_own_end_alone_is_an_end_too(void **state)
{
	struct buf bye = BUF_INIT;
	struct foreign f;

	(void)state;
	pair_start(&p);
	foreign_init(&f, conn_at(PAIR_L), CONN_TLS, 5, p.now);
	conn_admit(conn_at(PAIR_L), &p.side[PAIR_L].grant, p.now);
	foreign_open(&f, 1,
		BYTES_LIT(HELLO "\x11" ECHO "\n"
				"last words"));
	p.side[PAIR_D].id = f.id; /* whom the pair looks for */
	foreign_flush(&f, p.now);
	pair_events(&p, PAIR_L);
	tls_bye(&f.tls, &bye);
	(void)conn_recv(conn_at(PAIR_L), buf_bytes(&bye), p.now);
	pair_events(&p, PAIR_L);
	assert_bytes(pair_got(&p, PAIR_L, 1), BYTES_LIT("last words"));
	pair_assert_closed(&p, PAIR_L, P2P_ERR_CLOSED, "tls_closed");
	assert_false(conn_wants_send(conn_at(PAIR_L)));
	buf_deinit(&bye);
	foreign_deinit(&f);
}

/* ---- records ---- */

static void much_data_leaves_in_full_records_within_the_budget(void **state)
{
	static uint8_t much[262144];
	struct buf out = BUF_INIT, tight = BUF_WITH_MAX(5000);
	size_t max, count;
	uint32_t id;

	(void)state;
	pair_open(&p);
	id = pair_say(&p, PAIR_D, ECHO, BYTES_NONE);
	pair_run(&p);
	assert_true(conn_write(conn_at(PAIR_D), id, bytes_of(much, sizeof(much))) > 200000);
	conn_send(conn_at(PAIR_D), &out, 100000, p.now);
	count = records_in(buf_bytes(&out), &max, NULL);
	assert_int_equal(max, TLS_CONTENT_BYTES_MAX + 1 + TLS_TAG_BYTES);
	assert_int_equal(count, 6); /* and what is left of the budget is no crumb */
	assert_true(out.len <= 100000 + count * 22 && out.len > 90000);
	buf_reset(&out);
	/* A tiny budget still moves something, and no more than 4 KiB. */
	conn_send(conn_at(PAIR_D), &out, 1, p.now);
	assert_true(out.len > 1000 && out.len <= 4096 + 22);
	/* A buffer with a maximum is never overrun. */
	conn_send(conn_at(PAIR_D), &tight, 512 * 1024, p.now);
	assert_true(tight.len > 1000 && tight.len <= 5000);
	(void)records_in(buf_bytes(&tight), &max, NULL);
	assert_string_equal(state_of(PAIR_D), "open");
	buf_deinit(&tight);
	buf_deinit(&out);
}

/* ---- a muxer by name ---- */

/* A listener made by hand that offers no muxer in TLS, as rust-libp2p does. */
struct rust {
	struct tls tls;
	struct buf in, out, heard;
};

static void rust_hear(struct rust *r)
{
	size_t len;

	while (r->in.len) {
		struct bytes record;

		assert_ok(tls_message_len(&r->tls, buf_bytes(&r->in), &len));
		assert_true(len <= r->in.len);
		record = bytes_head(buf_bytes(&r->in), len);
		if (tls_is_ready(&r->tls)) {
			size_t got;

			assert_ok(buf_reserve(&r->heard, record.len));
			assert_ok(tls_open(
				&r->tls, record, r->heard.data + r->heard.len, &r->out, &got));
			r->heard.len += got;
		} else {
			assert_ok(tls_handshake(&r->tls, record, &r->out));
		}
		buf_drop(&r->in, len);
	}
}

static void rust_turn(struct rust *r)
{
	conn_send(conn_at(PAIR_D), &r->in, 1 << 20, p.now);
	rust_hear(r);
	assert_ok(conn_recv(conn_at(PAIR_D), buf_bytes(&r->out), p.now));
	buf_reset(&r->out);
	pair_events(&p, PAIR_D);
}

static void a_dialer_agrees_by_name_with_a_listener_that_offers_no_muxer(void **state)
{
	struct rust r = {.in = BUF_INIT};
	struct conn_info info;

	(void)state;
	pair_start(&p);
	tls_init(&r.tls,
		&(struct tls_opts){
			.own = &p.side[PAIR_L].tls, .now = PAIR_WALL, .offers_no_muxer = true});
	conn_send(conn_at(PAIR_D), &r.in, 1 << 20, p.now);
	assert_bytes(bytes_head(buf_bytes(&r.in), 32), BYTES_LIT(HELLO "\x0b/tls/1.0.0\n"));
	buf_drop(&r.in, 32);
	assert_ok(buf_put(&r.out, BYTES_LIT(HELLO "\x0b/tls/1.0.0\n")));
	rust_hear(&r);
	rust_turn(&r);
	assert_string_equal(state_of(PAIR_D), "muxing");
	rust_turn(&r);
	assert_true(tls_is_ready(&r.tls));
	assert_bytes(buf_bytes(&r.heard), BYTES_LIT(HELLO "\x0d/yamux/1.0.0\n"));
	assert_ok(tls_seal(&r.tls, buf_bytes(&r.heard), &r.out));
	assert_ok(conn_recv(conn_at(PAIR_D), buf_bytes(&r.out), p.now));
	pair_events(&p, PAIR_D);
	conn_info(conn_at(PAIR_D), &info);
	assert_string_equal(info.state, "open");
	assert_string_equal(info.security, "tls");
	assert_false(info.early_muxer);
	tls_deinit(&r.tls);
	buf_deinit(&r.in);
	buf_deinit(&r.out);
	buf_deinit(&r.heard);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_refusing_listener_is_heard_after_the_dialer_thought_it_was_in),
		TEST(an_expired_certificate_is_refused_by_both_sides),
		TEST(an_alert_leaves_once_and_only_while_there_is_a_transport),
		TEST(a_handshake_with_a_changed_byte_proves_nobody_else),
		TEST(changed_content_ends_the_conn_and_the_peer_is_told),
		TEST(what_was_right_before_a_changed_record_is_still_told),
		TEST(records_that_tls_has_not_are_refused_by_their_first_bytes),
		TEST(a_stranger_that_drips_a_long_record_costs_little),
		TEST(a_goodbye_ends_with_tls_own),
		TEST(tls_own_end_alone_is_an_end_too),
		TEST(much_data_leaves_in_full_records_within_the_budget),
		TEST(a_dialer_agrees_by_name_with_a_listener_that_offers_no_muxer),
	};
	int failed;

	if (sodium_init() < 0 || tls_global_init())
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tls_global_deinit();
	return failed;
}
