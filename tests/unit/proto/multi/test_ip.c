/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/ip.h"

#include <arpa/inet.h>

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"

static void ip4_is_four_plain_decimals(void **state)
{
	static const char *const broken[] = {"", "1", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3",
		"1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "1.1.1.256", "01.2.3.4", "1.2.3.00",
		"1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "+1.2.3.4", "0x1.2.3.4", "1.2.3.4294967297",
		"a.b.c.d", "1,2,3,4"};
	static const uint8_t want[4] = {203, 0, 255, 9};
	uint8_t ip[4];

	(void)state;
	assert_true(ip4_parse(BYTES_LIT("203.0.255.9"), ip));
	assert_memory_equal(ip, want, 4);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_that(!ip4_parse(bytes_str(broken[i]), ip), broken[i]);
}

static void ip6_takes_every_form_of_rfc_4291_and_prints_that_of_rfc_5952(void **state)
{
	static const struct {
		const char *in, *out;
	} forms[] = {
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one zero group stays */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* the longer run */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* the first of equals */
		{"1:0:0:0:0:0:0:0", "1::"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"::FFFF:c000:201", "::ffff:192.0.2.1"},
		{"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"0001:0002::", "1:2::"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct buf out = BUF_INIT;
		uint8_t ip[16];

		assert_that(ip6_parse(bytes_str(forms[i].in), ip), forms[i].in);
		assert_ok(ip6_put(&out, ip));
		assert_string_equal(buf_cstr(&out), forms[i].out);
		buf_deinit(&out);
	}
}

static void ip6_refuses_what_is_no_address(void **state)
{
	static const char *const broken[] = {"", ":", ":::", "1", "1:2:3:4:5:6:7",
		"::1::", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
		":1:2::", "1:", "1::2:", ":1", "12345::", "g::", "fe80::1%eth0", "[::1]", "::1 ",
		"1.2.3.4", "::1.2.3", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.04",
		"1.2.3.4::"};
	uint8_t ip[16];

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_that(!ip6_parse(bytes_str(broken[i]), ip), broken[i]);
}

/* The C library is the second opinion. */
static void random_addresses_agree_with_the_c_library(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seed(&rng, 21);
	for (unsigned round = 0; round < 3000; round++) {
		struct buf out = BUF_INIT;
		uint8_t ip[16], back[16], theirs[16];
		char text[INET6_ADDRSTRLEN];

		rng_fill(&rng.rng, ip, sizeof(ip));
		for (size_t i = 0; i < 16; i += 2)
			if (rng_below(&rng.rng, 2))
				ip[i] = ip[i + 1] = 0;
		assert_ok(ip6_put(&out, ip));
		assert_true(ip6_parse(buf_bytes(&out), back));
		assert_memory_equal(ip, back, 16);
		assert_int_equal(inet_pton(AF_INET6, buf_cstr(&out), theirs), 1);
		assert_memory_equal(ip, theirs, 16);
		/* Theirs prints a few as dotted quads that RFC 5952 does not; it reads the same. */
		assert_non_null(inet_ntop(AF_INET6, ip, text, sizeof(text)));
		assert_true(ip6_parse(bytes_str(text), back));
		assert_memory_equal(ip, back, 16);
		buf_reset(&out);
		assert_ok(ip4_put(&out, ip));
		assert_true(ip4_parse(buf_bytes(&out), back));
		assert_memory_equal(ip, back, 4);
		buf_deinit(&out);
	}
}

static void random_text_is_judged_as_by_the_c_library(void **state)
{
	static const char chars[] = "012af:::.";
	struct rng_seeded rng;
	unsigned valid = 0;

	(void)state;
	rng_seed(&rng, 22);
	for (unsigned round = 0; round < 100000; round++) {
		size_t len = rng_below(&rng.rng, 14);
		uint8_t ours[16], theirs[16];
		char text[16] = "";

		for (size_t i = 0; i < len; i++)
			text[i] = chars[rng_below(&rng.rng, sizeof(chars) - 1)];
		assert_that(ip6_parse(bytes_str(text), ours) ==
				    (inet_pton(AF_INET6, text, theirs) == 1),
			text);
		if (ip6_parse(bytes_str(text), ours)) {
			assert_memory_equal(ours, theirs, 16);
			valid++;
		}
	}
	assert_in_range(valid, 100, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip4_is_four_plain_decimals),
		cmocka_unit_test(ip6_takes_every_form_of_rfc_4291_and_prints_that_of_rfc_5952),
		cmocka_unit_test(ip6_refuses_what_is_no_address),
		cmocka_unit_test(random_addresses_agree_with_the_c_library),
		cmocka_unit_test(random_text_is_judged_as_by_the_c_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
