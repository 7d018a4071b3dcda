/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/jsonrpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static const char hello[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.hello\"}";

/* ---- lines ---- */

static void a_line_may_be_cut_anywhere(void **state)
{
	static const char text[] = "first\nsecond line\r\n\nfourth\n";
	static const char *const want[] = {"first", "second line", "", "fourth"};

	(void)state;
	for (size_t cut = 0; cut <= sizeof(text) - 1; cut++) {
		struct bytes pieces[2] = {bytes_of(text, cut),
			bytes_of(text + cut, sizeof(text) - 1 - cut)};
		struct rpc_lines l;
		struct bytes line;
		size_t count = 0;

		rpc_lines_init(&l, 64);
		for (size_t i = 0; i < 2; i++) {
			rpc_lines_feed(&l, pieces[i]);
			while (rpc_lines_next(&l, &line) == 1) {
				assert_true(count < 4);
				assert_bytes(line, bytes_str(want[count++]));
			}
		}
		assert_int_equal(count, 4);
		assert_false(rpc_lines_is_partial(&l));
		rpc_lines_deinit(&l);
	}
}

static void a_line_of_the_limit_passes_and_a_longer_one_does_not(void **state)
{
	struct rpc_lines l;
	struct bytes line;

	(void)state;
	rpc_lines_init(&l, 4);
	rpc_lines_feed(&l, BYTES_LIT("abcd\n"));
	assert_int_equal(rpc_lines_next(&l, &line), 1);
	assert_int_equal(rpc_lines_next(&l, &line), 0);
	rpc_lines_feed(&l, BYTES_LIT("abcde\n"));
	assert_err(rpc_lines_next(&l, &line), P2P_ERR_TOO_LARGE);
	rpc_lines_deinit(&l);

	rpc_lines_init(&l, 4);
	rpc_lines_feed(&l, BYTES_LIT("abc"));
	assert_int_equal(rpc_lines_next(&l, &line), 0);
	assert_true(rpc_lines_is_partial(&l));
	rpc_lines_feed(&l, BYTES_LIT("de"));
	assert_err(rpc_lines_next(&l, &line), P2P_ERR_TOO_LARGE);
	/* Whatever else comes, it holds no more than the piece that broke the limit. */
	for (int i = 0; i < 100; i++)
		rpc_lines_feed(&l, BYTES_LIT("more of it"));
	assert_true(l.held.len <= 16);
	rpc_lines_deinit(&l);
}

static void lines_before_a_long_one_still_come_out(void **state)
{
	struct rpc_lines l;
	struct bytes line;

	(void)state;
	rpc_lines_init(&l, 3);
	rpc_lines_feed(&l, BYTES_LIT("a\nbb\nlonger\n"));
	assert_int_equal(rpc_lines_next(&l, &line), 1);
	assert_int_equal(rpc_lines_next(&l, &line), 1);
	assert_bytes(line, BYTES_LIT("bb"));
	assert_err(rpc_lines_next(&l, &line), P2P_ERR_TOO_LARGE);
	rpc_lines_deinit(&l);
}

/* ---- requests ---- */

static void a_request_is_read(void **state)
{
	struct rpc_requests r;
	int code;

	(void)state;
	assert_ok(rpc_requests_parse(
		BYTES_LIT("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"m\",\"params\":{\"a\":1}}"), &r,
		&code));
	assert_false(r.is_batch);
	assert_int_equal(r.count, 1);
	assert_string_equal(json_string_value(r.at[0].id), "x");
	assert_string_equal(r.at[0].method, "m");
	assert_true(json_is_object(r.at[0].params));
	assert_int_equal(r.at[0].error, 0);
	rpc_requests_deinit(&r);
}

static void a_request_without_id_is_a_notification(void **state)
{
	struct rpc_requests r;
	int code;

	(void)state;
	assert_ok(rpc_requests_parse(BYTES_LIT("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}"), &r, &code));
	assert_null(r.at[0].id);
	rpc_requests_deinit(&r);
	assert_ok(rpc_requests_parse(BYTES_LIT("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}"), &r,
		&code));
	assert_non_null(r.at[0].id);
	rpc_requests_deinit(&r);
}

static void what_is_no_request_says_so(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}",
		"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
		"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"m\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"m\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rpc_requests r;
		int code;

		assert_ok(rpc_requests_parse(bytes_str(bad[i]), &r, &code));
		assert_that(r.at[0].error == RPC_ERR_REQUEST, bad[i]);
		assert_that(r.at[0].id != NULL, bad[i]);
		rpc_requests_deinit(&r);
	}
}

static void an_id_has_a_longest_length(void **state)
{
	char text[512], id[RPC_ID_BYTES_MAX + 2];

	(void)state;
	for (size_t len = RPC_ID_BYTES_MAX; len <= RPC_ID_BYTES_MAX + 1; len++) {
		struct rpc_requests r;
		int code;

		memset(id, 'i', len);
		id[len] = '\0';
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"method\":\"m\"}", id);
		assert_ok(rpc_requests_parse(bytes_str(text), &r, &code));
		assert_int_equal(r.at[0].error, len > RPC_ID_BYTES_MAX ? RPC_ERR_REQUEST : 0);
		rpc_requests_deinit(&r);
	}
}

static void assert_parse_error(struct bytes line, const char *what)
{
	struct rpc_requests r;
	int code = 0, err = rpc_requests_parse(line, &r, &code);

	assert_that(err == P2P_ERR_JSON, what);
	assert_that(code == RPC_ERR_PARSE, what);
}

static void what_is_no_json_is_a_parse_error(void **state)
{
	static const char *const bad[] = {
		"", " ", "hello", "{", "{\"a\":1,\"a\":2}", "[1],\"x\":2", "[", "[}", "[1]]", "{} {}", "42",
		"\"text\"", "null", "{\"a\":\"\\u0000\"}", "{\"a\":9007199254740993}", "[{]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_parse_error(bytes_str(bad[i]), bad[i]);
	assert_parse_error(BYTES_LIT("{\"a\":\"\xff\"}"), "bad UTF-8");
	assert_parse_error(BYTES_LIT("{\"a\":1}\0"), "a NUL");
}

static void every_cut_of_a_request_is_a_parse_error(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(hello) - 1; len++)
		assert_parse_error(bytes_of(hello, len), hello + len);
}

static void nesting_ends_at_the_limit(void **state)
{
	(void)state;
	for (int depth = RPC_DEPTH_MAX - 2; depth <= RPC_DEPTH_MAX; depth++) {
		struct buf text = BUF_INIT;
		struct rpc_requests r;
		int code, err;

		/* The object itself is the first level. */
		(void)buf_put_str(&text, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":");
		for (int i = 0; i < depth; i++)
			(void)buf_put_u8(&text, '[');
		for (int i = 0; i < depth; i++)
			(void)buf_put_u8(&text, ']');
		(void)buf_put_u8(&text, '}');
		err = rpc_requests_parse(buf_bytes(&text), &r, &code);
		assert_int_equal(err, depth < RPC_DEPTH_MAX ? 0 : P2P_ERR_JSON);
		if (!err)
			rpc_requests_deinit(&r);
		buf_deinit(&text);
	}
}

static void values_are_counted_before_they_are_parsed(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	(void)buf_put_str(&text, "{\"a\":[0");
	for (int i = 0; i < RPC_VALUES_MAX; i++)
		(void)buf_put_str(&text, ",0");
	(void)buf_put_str(&text, "]}");
	assert_parse_error(buf_bytes(&text), "too many values");
	buf_deinit(&text);
}

/* ---- batches ---- */

static struct buf batch_of(size_t count)
{
	struct buf text = BUF_INIT;

	(void)buf_put_u8(&text, '[');
	for (size_t i = 0; i < count; i++)
		(void)buf_printf(&text, "%s{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"m\"}", i ? "," : "", i);
	(void)buf_put_u8(&text, ']');
	return text;
}

static void a_batch_has_one_to_32_requests(void **state)
{
	(void)state;
	for (size_t count = 0; count <= RPC_BATCH_MAX + 1; count++) {
		struct buf text = batch_of(count);
		struct rpc_requests r;
		int code, err = rpc_requests_parse(buf_bytes(&text), &r, &code);

		if (count == 0 || count > RPC_BATCH_MAX) {
			assert_int_equal(err, P2P_ERR_INVALID);
			assert_int_equal(code, RPC_ERR_REQUEST);
		} else {
			assert_int_equal(err, 0);
			assert_true(r.is_batch);
			assert_int_equal(r.count, count);
			assert_int_equal(json_integer_value(r.at[count - 1].id), count - 1);
			rpc_requests_deinit(&r);
		}
		buf_deinit(&text);
	}
}

static void one_bad_request_does_not_spoil_the_batch(void **state)
{
	struct rpc_requests r;
	int code;

	(void)state;
	assert_ok(rpc_requests_parse(BYTES_LIT(" [1,{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]"), &r,
		&code));
	assert_int_equal(r.at[0].error, RPC_ERR_REQUEST);
	assert_int_equal(r.at[1].error, 0);
	rpc_requests_deinit(&r);
}

/* ---- answers ---- */

static struct rpc_reply reply_of(json_t *take_doc)
{
	struct buf line = BUF_INIT;
	struct rpc_reply r;

	assert_ok(rpc_put(&line, take_doc));
	assert_int_equal(line.data[line.len - 1], '\n');
	assert_ok(rpc_reply_parse(bytes_head(buf_bytes(&line), line.len - 1), &r));
	buf_deinit(&line);
	json_decref(take_doc);
	return r;
}

static void a_result_comes_back_as_it_was(void **state)
{
	json_t *id = json_integer(7);
	struct rpc_reply r = reply_of(rpc_answer_result(id, json_pack("{s:i}", "n", 5)));

	(void)state;
	assert_int_equal(r.kind, RPC_REPLY_RESULT);
	assert_int_equal(r.id, 7);
	assert_int_equal(json_integer_value(json_object_get(r.result, "n")), 5);
	rpc_reply_deinit(&r);
	json_decref(id);
}

static void an_error_carries_reason_and_hint(void **state)
{
	struct rpc_reply r = reply_of(rpc_answer_error(NULL, RPC_ERR_NOT_FOUND, "no such thing", NULL,
		json_pack("{s:s}", "name", "x")));

	(void)state;
	assert_int_equal(r.kind, RPC_REPLY_ERROR);
	assert_int_equal(r.id, -1);
	assert_int_equal(r.code, 1005);
	assert_string_equal(r.message, "no such thing");
	assert_string_equal(r.reason, "not_found");
	assert_true(r.hint[0] != '\0');
	assert_string_equal(json_string_value(json_object_get(r.data, "name")), "x");
	rpc_reply_deinit(&r);
}

static void a_message_that_is_no_utf8_does_not_lose_the_answer(void **state)
{
	struct rpc_reply r = reply_of(rpc_answer_error(NULL, RPC_ERR_NOT_FOUND, "odd \xff", NULL, NULL));

	(void)state;
	assert_string_equal(r.message, "odd \\xff");
	rpc_reply_deinit(&r);
}

static void a_notification_has_no_id(void **state)
{
	struct rpc_reply r = reply_of(rpc_notification("event", json_pack("{s:i}", "seq", 1)));

	(void)state;
	assert_int_equal(r.kind, RPC_REPLY_NOTIFICATION);
	assert_string_equal(r.method, "event");
	rpc_reply_deinit(&r);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	struct buf out = BUF_WITH_MAX(20);
	json_t *doc = json_pack("{s:s}", "a", "0123456789012345678901234567890");

	(void)state;
	assert_ok(buf_put_str(&out, "before"));
	assert_err(rpc_put(&out, doc), P2P_ERR_TOO_LARGE);
	assert_bytes(buf_bytes(&out), BYTES_LIT("before"));
	json_decref(doc);
	buf_deinit(&out);
}

static void a_request_of_ours_is_one_we_take(void **state)
{
	json_t *doc = rpc_request_new(3, "peer.ping", json_pack("{s:s}", "peer", "x"));
	struct rpc_requests r;
	struct buf line = BUF_INIT;
	int code;

	(void)state;
	assert_ok(rpc_put(&line, doc));
	assert_ok(rpc_requests_parse(bytes_head(buf_bytes(&line), line.len - 1), &r, &code));
	assert_int_equal(r.at[0].error, 0);
	assert_string_equal(r.at[0].method, "peer.ping");
	rpc_requests_deinit(&r);
	buf_deinit(&line);
	json_decref(doc);
}

static void what_is_no_answer_is_refused_by_the_client(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"jsonrpc\":\"2.0\"}", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event\",\"params\":{}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\"}",
	};
	struct rpc_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_that(rpc_reply_parse(bytes_str(bad[i]), &r) == P2P_ERR_PROTOCOL, bad[i]);
	assert_err(rpc_reply_parse(BYTES_LIT("nonsense"), &r), P2P_ERR_JSON);
}

static void random_damage_never_does_more_than_fail(void **state)
{
	struct rng_seeded seeded;
	struct rng *rng = &seeded.rng;
	char text[sizeof(hello)];

	(void)state;
	rng_seed(&seeded, 60);
	for (int round = 0; round < 20000; round++) {
		struct rpc_requests r;
		int code = 0;

		memcpy(text, hello, sizeof(hello));
		for (uint64_t n = 1 + rng_below(rng, 3); n > 0; n--)
			text[rng_below(rng, sizeof(hello) - 1)] = (char)rng_below(rng, 256);
		if (rpc_requests_parse(bytes_of(text, sizeof(hello) - 1), &r, &code) == 0) {
			assert_true(r.at[0].error || r.at[0].method);
			rpc_requests_deinit(&r);
		} else {
			assert_true(code == RPC_ERR_PARSE || code == RPC_ERR_REQUEST);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_may_be_cut_anywhere),
		cmocka_unit_test(a_line_of_the_limit_passes_and_a_longer_one_does_not),
		cmocka_unit_test(lines_before_a_long_one_still_come_out),
		cmocka_unit_test(a_request_is_read),
		cmocka_unit_test(a_request_without_id_is_a_notification),
		cmocka_unit_test(what_is_no_request_says_so),
		cmocka_unit_test(an_id_has_a_longest_length),
		cmocka_unit_test(what_is_no_json_is_a_parse_error),
		cmocka_unit_test(every_cut_of_a_request_is_a_parse_error),
		cmocka_unit_test(nesting_ends_at_the_limit),
		cmocka_unit_test(values_are_counted_before_they_are_parsed),
		cmocka_unit_test(a_batch_has_one_to_32_requests),
		cmocka_unit_test(one_bad_request_does_not_spoil_the_batch),
		cmocka_unit_test(a_result_comes_back_as_it_was),
		cmocka_unit_test(an_error_carries_reason_and_hint),
		cmocka_unit_test(a_message_that_is_no_utf8_does_not_lose_the_answer),
		cmocka_unit_test(a_notification_has_no_id),
		cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
		cmocka_unit_test(a_request_of_ours_is_one_we_take),
		cmocka_unit_test(what_is_no_answer_is_refused_by_the_client),
		cmocka_unit_test(random_damage_never_does_more_than_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
