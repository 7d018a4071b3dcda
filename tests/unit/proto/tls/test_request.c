/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/request.h"

#include "tests/lib/p2ptest.h"

/* No name; extensions: an unknown one, then signature_algorithms with P-256 and Ed25519. */
static const uint8_t request[] = {0x00, 0x00, 0x0f, 0xff, 0x01, 0x00, 0x01, 0x2a, 0x00, 0x0d, 0x00,
	0x06, 0x00, 0x04, 0x04, 0x03, 0x08, 0x07};

#define LAST_BYTE (sizeof(request) - 1)

static void ed25519_is_found_where_it_is(void **state)
{
	uint8_t other[sizeof(request)];

	(void)state;
	assert_true(tls_request_takes_ed25519(bytes_of(request, sizeof(request))));
	memcpy(other, request, sizeof(request));
	other[LAST_BYTE] = 0x06; /* RSA-PSS */
	assert_false(tls_request_takes_ed25519(bytes_of(other, sizeof(other))));
	memcpy(other, request, sizeof(request));
	other[9] = 0x32; /* signature_algorithms_cert: of the signatures inside certificates */
	assert_false(tls_request_takes_ed25519(bytes_of(other, sizeof(other))));
}

static void a_cut_request_takes_nothing(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(request); len++)
		assert_false(tls_request_takes_ed25519(bytes_of(request, len)));
}

static void wrong_lengths_take_nothing(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{0, 0x01},              /* a name that eats the first length */
		{2, 0x10}, {2, 0x0e},   /* all extensions */
		{6, 0xff},              /* the first */
		{11, 0x05}, {11, 0x07}, /* the second */
		{13, 0x03}, {13, 0x05}, /* its list */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bad[sizeof(request)];

		memcpy(bad, request, sizeof(request));
		bad[cases[i].at] = cases[i].value;
		assert_false(tls_request_takes_ed25519(bytes_of(bad, sizeof(bad))));
	}
}

static void half_a_signature_is_none(void **state)
{
	static const uint8_t odd[] = {
		0x00, 0x00, 0x09, 0x00, 0x0d, 0x00, 0x05, 0x00, 0x03, 0x08, 0x07, 0x04};

	(void)state;
	assert_false(tls_request_takes_ed25519(bytes_of(odd, sizeof(odd))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519_is_found_where_it_is),
		cmocka_unit_test(a_cut_request_takes_nothing),
		cmocka_unit_test(wrong_lengths_take_nothing),
		cmocka_unit_test(half_a_signature_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
