/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/http1.h"

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "tests/lib/p2ptest.h"

static const char good[] =
	"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:4102\r\nAccept:\ttext/plain;q=0.5 , "
	"application/openmetrics-text;version=1.0.0\r\nX-Empty:\r\n\r\nbody";

static void assert_text(struct bytes b, const char *text)
{
	assert_bytes(b, bytes_str(text));
}

static void a_request_is_read_and_its_body_left_alone(void **state)
{
	struct http1_head h;

	(void)state;
	assert_ok(http1_request_head(bytes_str(good), &h));
	assert_text(h.method, "GET");
	assert_text(h.target, "/metrics");
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.count, 3);
	assert_text(http1_field(&h, "host", 0)->value, "127.0.0.1:4102");
	assert_text(http1_field(&h, "x-empty", 0)->value, "");
	assert_null(http1_field(&h, "host", 1));
	assert_int_equal(h.len, sizeof(good) - 1 - 4);
	assert_true(
		http1_lists(http1_field(&h, "accept", 0)->value, "application/openmetrics-text"));
	assert_true(http1_lists(http1_field(&h, "accept", 0)->value, "Text/Plain"));
	assert_false(http1_lists(http1_field(&h, "accept", 0)->value, "text"));
}

static void a_head_may_be_cut_anywhere(void **state)
{
	struct http1_head h;

	(void)state;
	for (size_t cut = 0; cut < sizeof(good) - 1 - 4; cut++)
		assert_int_equal(http1_request_head(bytes_of(good, cut), &h), P2P_ERR_AGAIN);
}

static void what_is_not_exactly_right_is_refused(void **state)
{
	static const char *const bad[] = {
		"\r\nGET / HTTP/1.1\r\n\r\n",                    /* an empty line before */
		" GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n\n", /* bare line feeds */
		"GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\r\n\r\n",
		"GET  / HTTP/1.1\r\n\r\n", /* two blanks */
		"GET /a b HTTP/1.1\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n",
		"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n",
		"GET / http/1.1\r\n\r\n", "GET / HTTP/1.1 \r\n\r\n",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n", /* a blank before the colon */
		"GET / HTTP/1.1\r\n Host: a\r\n\r\n", /* folded */
		"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nHost\r\n\r\n",
		"GET / HTTP/1.1\r\n: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "GET / HTTP/1.x\r\n\r\n",
		"\x16\x03\x01\x02", /* TLS */
	};
	struct http1_head h;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (http1_request_head(bytes_str(bad[i]), &h) != P2P_ERR_PROTOCOL)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(http1_request_head(BYTES_LIT("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"), &h),
		P2P_ERR_PROTOCOL);
	assert_int_equal(
		http1_request_head(BYTES_LIT("GET / HTTP/2.0\r\n\r\n"), &h), P2P_ERR_UNSUPPORTED);
	assert_int_equal(
		http1_request_head(BYTES_LIT("GET / HTTP/1.2\r\n\r\n"), &h), P2P_ERR_UNSUPPORTED);
}

static void too_much_is_said_as_soon_as_it_is_certain(void **state)
{
	struct buf in = BUF_INIT;
	struct http1_head h;

	(void)state;
	assert_ok(buf_put_str(&in, "GET /"));
	while (in.len < HTTP1_HEAD_BYTES_MAX - 1)
		assert_ok(buf_put_u8(&in, 'a'));
	assert_int_equal(http1_request_head(buf_bytes(&in), &h), P2P_ERR_AGAIN);
	assert_ok(buf_put_u8(&in, 'a'));
	assert_int_equal(http1_request_head(buf_bytes(&in), &h), P2P_ERR_TOO_LARGE);
	buf_deinit(&in);
	assert_ok(buf_put_str(&in, "GET / HTTP/1.1\r\n"));
	for (size_t i = 0; i < HTTP1_FIELDS_MAX; i++)
		assert_ok(buf_put_str(&in, "A: b\r\n"));
	assert_int_equal(http1_request_head(buf_bytes(&in), &h), P2P_ERR_AGAIN);
	assert_ok(buf_put_str(&in, "\r\n"));
	assert_ok(http1_request_head(buf_bytes(&in), &h));
	buf_truncate(&in, in.len - 2);
	assert_ok(buf_put_str(&in, "A: b\r\n\r\n"));
	assert_int_equal(http1_request_head(buf_bytes(&in), &h), P2P_ERR_TOO_LARGE);
	buf_deinit(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_and_its_body_left_alone),
		cmocka_unit_test(a_head_may_be_cut_anywhere),
		cmocka_unit_test(what_is_not_exactly_right_is_refused),
		cmocka_unit_test(too_much_is_said_as_soon_as_it_is_certain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
