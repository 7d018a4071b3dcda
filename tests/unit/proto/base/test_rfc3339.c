/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/rfc3339.h"

#include <time.h>

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

struct reading {
	const char *text;
	int64_t sec;
	int32_t nsec;
	const char *printed;
};

/* Seconds from `date -u -d … +%s`. */
static const struct reading readings[] = {
	{"1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"},
	{"2026-02-21T11:11:01Z", 1771672261, 0, "2026-02-21T11:11:01Z"},
	{"2026-02-21T11:11:01.5Z", 1771672261, 500000000, "2026-02-21T11:11:01.5Z"},
	{"2026-02-21T11:11:01.508Z", 1771672261, 508000000, "2026-02-21T11:11:01.508Z"},
	{"2026-02-21T11:11:01.123456Z", 1771672261, 123456000, "2026-02-21T11:11:01.123456Z"},
	{"2026-02-21T11:11:01.123456789Z", 1771672261, 123456789, "2026-02-21T11:11:01.123456789Z"},
	{"2026-02-21T11:11:01.1234567899Z", 1771672261, 123456789,
		"2026-02-21T11:11:01.123456789Z"},
	{"2026-02-21T11:11:01.000000001Z", 1771672261, 1, "2026-02-21T11:11:01.000000001Z"},
	{"2026-02-21T11:11:01.000Z", 1771672261, 0, "2026-02-21T11:11:01Z"},
	{"2026-02-21T11:11:10.50Z", 1771672270, 500000000, "2026-02-21T11:11:10.5Z"},
	{"2026-02-21t11:11:01z", 1771672261, 0, "2026-02-21T11:11:01Z"},
	{"2026-02-21T19:11:01.5+08:00", 1771672261, 500000000, "2026-02-21T11:11:01.5Z"},
	{"2026-02-20T23:41:01-11:30", 1771672261, 0, "2026-02-21T11:11:01Z"},
	{"2026-02-21T11:11:01-00:00", 1771672261, 0, "2026-02-21T11:11:01Z"},
	{"2024-02-29T23:59:59Z", 1709251199, 0, "2024-02-29T23:59:59Z"},
	{"2000-02-29T00:00:00Z", 951782400, 0, "2000-02-29T00:00:00Z"},
	{"2038-01-19T03:14:08Z", 2147483648, 0, "2038-01-19T03:14:08Z"},
	{"2100-03-01T00:00:00Z", 4107542400, 0, "2100-03-01T00:00:00Z"},
	{"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999,
		"9999-12-31T23:59:59.999999999Z"},
	{"1969-12-31T23:30:00-01:00", 1800, 0, "1970-01-01T00:30:00Z"},
	{"0001-01-01T00:00:00Z", -62135596800, 0, "0001-01-01T00:00:00Z"},
	{"0001-01-01T00:00:00.000Z", -62135596800, 0, "0001-01-01T00:00:00Z"},
};

static void legal_texts_are_read_and_printed_in_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		const struct reading *r = &readings[i];
		char text[RFC3339_SIZE];
		wall_t t = {-1, -1};

		assert_that(rfc3339_parse(bytes_str(r->text), &t) == 0, r->text);
		assert_that(t.sec == r->sec && t.nsec == r->nsec, r->text);
		assert_string_equal(rfc3339_text(t, text), r->printed);
	}
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"Z",
		"2026",
		"2026-02-21",
		"2026-02-21T11:11Z",
		"2026-02-21T11:11:01",
		"2026-02-21 11:11:01Z",
		" 2026-02-21T11:11:01Z",
		"2026-02-21T11:11:01Z ",
		"2026-02-21T11:11:60Z",
		"2016-12-31T23:59:60Z",
		"2026-02-21T24:00:00Z",
		"2026-02-21T11:60:01Z",
		"2026-02-30T11:11:01Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-00-10T00:00:00Z",
		"2026-13-10T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-02-21T11:11:01.Z",
		"2026-02-21T11:11:01,5Z",
		"2026-02-21T11:11:01+24:00",
		"2026-02-21T11:11:01+08:60",
		"2026-02-21T11:11:01+0800",
		"2026-02-21T11:11:01+08",
		"2026-02-21T11:11:01.5",
		"2026-2-21T11:11:01Z",
		"26-02-21T11:11:01Z",
		"12026-02-21T11:11:01Z",
		"+2026-02-21T11:11:01Z",
		"-026-02-21T11:11:01Z",
		"0000-01-01T00:00:00Z",
		"0001-01-01T00:00:01Z",
		"0001-01-01T00:00:00.5Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:30:00+01:00",
		"9999-12-31T23:59:59-00:01",
		"2026-02-21T11:11:01ZZ",
		"2026-02-21T1a:11:01Z",
		/* A minus sign that is no hyphen. */
		("2026-02-21T11:11:01\xe2\x88\x92"
		 "08:00"),
		"2026-02-21T11:11:01.0000000000000000000000000000000000000000000000000000000001Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wall_t t = {7, 7};

		assert_that(rfc3339_parse(bytes_str(bad[i]), &t) == P2P_ERR_INVALID, bad[i]);
		assert_true(t.sec == 7 && t.nsec == 7);
	}
}

static void a_text_cut_short_anywhere_is_refused(void **state)
{
	static const char text[] = "2026-02-21T11:11:01.508+08:00";
	wall_t t;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_err(rfc3339_parse(bytes_of(text, len), &t), P2P_ERR_INVALID);
	assert_ok(rfc3339_parse(bytes_of(text, sizeof(text) - 1), &t));
}

static void printing_agrees_with_the_c_library(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 3339);
	for (int i = 0; i < 20000; i++) {
		wall_t t = {(int64_t)rng_below(&rng.rng, 253402300800), 0}, back;
		char text[RFC3339_SIZE], want[RFC3339_SIZE];
		time_t sec = (time_t)t.sec;
		struct tm tm;

		assert_non_null(gmtime_r(&sec, &tm));
		assert_true(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
		assert_string_equal(rfc3339_text(t, text), want);

		t.nsec = (int32_t)rng_below(&rng.rng, NS_PER_SEC);
		assert_ok(rfc3339_parse(bytes_str(rfc3339_text(t, text)), &back));
		assert_int_equal(wall_cmp(t, back), 0);
	}
}

static void an_instant_out_of_range_is_printed_as_the_nearer_end(void **state)
{
	char text[RFC3339_SIZE];

	(void)state;
	assert_string_equal(rfc3339_text((wall_t){INT64_MIN, 0}, text), "0001-01-01T00:00:00Z");
	assert_string_equal(
		rfc3339_text((wall_t){INT64_MAX, 0}, text), "9999-12-31T23:59:59.999999999Z");
	assert_string_equal(rfc3339_text((wall_t){-1, 0}, text), "1969-12-31T23:59:59Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(legal_texts_are_read_and_printed_in_one_form),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(a_text_cut_short_anywhere_is_refused),
		cmocka_unit_test(printing_agrees_with_the_c_library),
		cmocka_unit_test(an_instant_out_of_range_is_printed_as_the_nearer_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
