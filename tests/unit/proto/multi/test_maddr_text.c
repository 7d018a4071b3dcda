/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/rng.h"
#include "proto/multi/maddr.h"
#include "proto/multi/maddr_table.h"
#include "proto/multi/multihash.h"
#include "proto/multi/varint.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static void published_addresses_go_both_ways(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("multiaddr", "vectors"), i, v)
	{
		const char *text = vectors_text(v, "text");
		char printed[MADDR_TEXT_MAX + 1];
		struct buf want = BUF_INIT;
		struct maddr a, b;

		vectors_hex(v, "hex", &want);
		assert_that(maddr_parse(bytes_str(text), &a) == 0, text);
		assert_bytes(maddr_bytes(&a), buf_bytes(&want));
		assert_that(maddr_from_bytes(buf_bytes(&want), &b) == 0, text);
		assert_true(maddr_eq(&a, &b));
		assert_memory_equal(&a, &b, sizeof(a)); /* the unused bytes, too */
		assert_string_equal(maddr_text(&b, printed), text);
		buf_deinit(&want);
	}
}

static void published_faulty_texts_are_refused(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("multiaddr_invalid_text", "vectors"), i, v)
	{
		struct maddr a = {.len = 7};

		assert_that(maddr_parse(bytes_str(json_string_value(v)), &a) != 0,
			json_string_value(v));
		assert_int_equal(a.len, 7);
	}
}

static void published_faulty_bytes_are_refused(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("multiaddr_invalid_binary", "vectors"), i, v)
	{
		struct buf in = BUF_INIT;
		struct maddr a = {.len = 7};

		assert_that(maddr_from_bytes(vectors_hex(v, "hex", &in), &a) != 0,
			vectors_text(v, "reason"));
		assert_int_equal(a.len, 7);
		buf_deinit(&in);
	}
}

/* A prefix is an address exactly when it ends between two components. */
static void bytes_cut_anywhere_are_refused_but_between_components(void **state)
{
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("multiaddr", "vectors"), i, v)
	{
		struct maddr a, cut_off;
		struct maddr_walk w;
		struct maddr_part part;
		bool is_end[MADDR_BYTES_MAX + 1] = {false};

		assert_ok(maddr_parse(bytes_str(vectors_text(v, "text")), &a));
		for (w = maddr_begin(&a); maddr_next(&w, &part);)
			is_end[a.len - w.rest.len] = true;
		for (size_t cut = 0; cut <= a.len; cut++)
			assert_that((maddr_from_bytes(bytes_of(a.at, cut), &cut_off) == 0) ==
					    is_end[cut],
				vectors_text(v, "text"));
	}
}

static void reading_is_generous_where_printing_is_strict(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"/ip4/1.2.3.4/tcp/080/", "/ip4/1.2.3.4/tcp/80"},
		{"/ip4/1.2.3.4///", "/ip4/1.2.3.4"},
		{"/ip6/2001:DB8:0::1", "/ip6/2001:db8::1"},
		{"/ipfs/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5",
			"/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"},
		{"/p2p/k51qzi5uqu5dgf513xbrfjl4smgo2eh1x8p8y6grzsf1oz0reiy56p65tds3s6",
			"/p2p/12D3KooWATZi2wFwQxQ14Z3q24TDNWKap6f8W5ryLE6Da4RMfsxy"},
		{"/certhash/f1202abcd", NULL}, /* sha2-256 of two bytes */
		{"/certhash/f1102abcd", "/certhash/uEQKrzQ"},
		{"/http-path/a+b%20c%2fd%7e", "/http-path/a%20b%20c%2Fd~"},
		{"/http-path/a=b&c", "/http-path/a%3Db%26c"},
		{"/unix/a/b/", "/unix/a/b"},
		{"/memory/18446744073709551615", "/memory/18446744073709551615"},
		{"/ip4/1.2.3.4/ipcidr/255", "/ip4/1.2.3.4/ipcidr/255"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char printed[MADDR_TEXT_MAX + 1];
		struct maddr a;
		int err = maddr_parse(bytes_str(rows[i].in), &a);

		assert_that((err == 0) == (rows[i].out != NULL), rows[i].in);
		if (!err)
			assert_string_equal(maddr_text(&a, printed), rows[i].out);
	}
}

static void malformed_values_are_refused(void **state)
{
	static const char *const broken[] = {
		"/tcp/",
		"/tcp//",
		"/tcp//ws",
		"/tcp/1//ws",
		"//tcp/1",
		"/tcp/+1",
		"/tcp/0x1",
		"/tcp/1 ",
		"/tcp/ 1",
		"/tcp/65536",
		"/tcp/99999999999999999999",
		"/ipcidr/256",
		"/memory/-1",
		"/memory/18446744073709551616",
		"/ip4/01.2.3.4",
		"/ip4/1.2.3",
		"/ip6/::1%eth0",
		"/ip6/1",
		"/dns/a b",
		"/dns/a\x7f",
		"/dns/\xc3\xbc",
		"/sni/\t",
		"/ip6zone/a b",
		"/unix",
		"/unix/",
		"/unix/a\nb",
		"/unix/\xff",
		"/http-path/%",
		"/http-path/%2",
		"/http-path/%gg",
		"/http-path/%00",
		"/http-path/a%0Ab",
		"/http-path",
		"/certhash/",
		"/certhash/u",
		"/certhash/Q",
		"/certhash/zz",
		"/p2p/",
		"/p2p/Qm",
		"/ws/",
		"/ws/1",
		"/ws/x/1",
		"tcp/1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		int err = maddr_parse(bytes_str(broken[i]), &(struct maddr){0});
		bool is_flag_with_slash = strcmp(broken[i], "/ws/") == 0;

		assert_that((err != 0) != is_flag_with_slash, broken[i]);
	}
	assert_err(maddr_parse(bytes_of("/dns/a\0b", 8), &(struct maddr){0}), P2P_ERR_INVALID);
	assert_err(maddr_parse(BYTES_NONE, &(struct maddr){0}), P2P_ERR_INVALID);
}

/* Their text would read back as something else. */
static void paths_that_would_not_survive_printing_are_refused(void **state)
{
	struct maddr a;

	(void)state;
	assert_ok(maddr_from_bytes(BYTES_LIT("\x90\x03\x02/a"), &a));
	assert_err(maddr_from_bytes(BYTES_LIT("\x90\x03\x03/a/"), &a), P2P_ERR_INVALID);
	assert_err(maddr_from_bytes(BYTES_LIT("\x90\x03\x01/"), &a), P2P_ERR_INVALID);
	assert_err(maddr_from_bytes(BYTES_LIT("\x90\x03\x02xa"), &a), P2P_ERR_INVALID);
}

static void errors_tell_unknown_from_malformed_from_large(void **state)
{
	char text[MADDR_TEXT_MAX + 2] = "";
	uint8_t bytes[MADDR_BYTES_MAX + 2];
	struct maddr a;

	(void)state;
	assert_err(maddr_parse(BYTES_LIT("/nosuchproto/1"), &a), P2P_ERR_UNSUPPORTED);
	assert_err(maddr_parse(BYTES_LIT("/ip4/1.2.3.4/tcp4/1"), &a), P2P_ERR_UNSUPPORTED);
	assert_err(maddr_from_bytes(BYTES_LIT("\xff\x7f"), &a), P2P_ERR_UNSUPPORTED);
	assert_err(maddr_from_bytes(BYTES_LIT("\x04\x01"), &a), P2P_ERR_INVALID);

	memset(text, '/', sizeof(text));
	assert_err(maddr_parse(bytes_of(text, MADDR_TEXT_MAX), &a), P2P_ERR_INVALID);
	assert_err(maddr_parse(bytes_of(text, MADDR_TEXT_MAX + 1), &a), P2P_ERR_TOO_LARGE);

	/* Thirty-three flags; two hundred and fifty-seven bytes of addresses. */
	for (size_t i = 0; i < 33; i++)
		memcpy(text + 3 * i, "/ws", 3);
	assert_ok(maddr_parse(bytes_of(text, 32 * 3), &a));
	assert_err(maddr_parse(bytes_of(text, 33 * 3), &a), P2P_ERR_TOO_LARGE);
	for (size_t i = 0; i < 33; i++)
		memcpy(bytes + 2 * i, "\xdd\x03", 2);
	assert_ok(maddr_from_bytes(bytes_of(bytes, 64), &a));
	assert_err(maddr_from_bytes(bytes_of(bytes, 66), &a), P2P_ERR_TOO_LARGE);

	memset(text, 'a', sizeof(text));
	memcpy(text, "/dns/", 5);
	assert_ok(maddr_parse(bytes_of(text, 5 + 252), &a));
	assert_int_equal(a.len, 255);
	assert_err(maddr_parse(bytes_of(text, 5 + 254), &a), P2P_ERR_INVALID);
	memcpy(text, "/unix/", 6);
	assert_ok(maddr_parse(bytes_of(text, 5 + 252), &a));
	assert_int_equal(a.len, MADDR_BYTES_MAX);
	assert_err(maddr_parse(bytes_of(text, 5 + 253), &a), P2P_ERR_TOO_LARGE);
	assert_err(maddr_from_bytes(bytes_of(bytes, MADDR_BYTES_MAX + 1), &a), P2P_ERR_TOO_LARGE);
}

/* The largest growth from bytes to text that there is: percent-encoding behind a long name, and
 * thirty-one of the longest flag. */
static void the_longest_text_fits(void **state)
{
	struct buf in = BUF_INIT;
	char text[MADDR_TEXT_MAX + 1];
	struct maddr a, again;

	(void)state;
	for (unsigned i = 0; i < MADDR_COMPONENTS_MAX - 1; i++)
		assert_ok(varint_put(&in, MULTI_WEBRTC_DIRECT));
	assert_ok(varint_put(&in, MULTI_HTTP_PATH));
	assert_ok(varint_put(&in, MADDR_BYTES_MAX - in.len - 2));
	while (in.len < MADDR_BYTES_MAX - 1)
		assert_ok(buf_put_u8(&in, ' '));
	in.data[in.len - 1] = '%';
	assert_ok(buf_put_u8(&in, 0xff));
	if (maddr_from_bytes(buf_bytes(&in), &a)) /* the length took one byte */
		fail_msg("not an address");
	assert_true(strlen(maddr_text(&a, text)) > 800);
	assert_ok(maddr_parse(bytes_str(text), &again));
	assert_true(maddr_eq(&a, &again));
	buf_deinit(&in);
}

/* One random component of the table, as bytes. */
static void put_random_part(struct rng *rng, struct buf *out)
{
	static const uint16_t codes[] = {MULTI_IP4, MULTI_TCP, MULTI_IP6, MULTI_UDP, MULTI_P2P,
		MULTI_QUIC_V1, MULTI_TLS, MULTI_WS, MULTI_WSS, MULTI_SNI, MULTI_DNS, MULTI_DNS4,
		MULTI_DNS6, MULTI_DNSADDR, MULTI_P2P_CIRCUIT, MULTI_CERTHASH, MULTI_HTTP_PATH,
		MULTI_IP6ZONE, MULTI_IPCIDR, MULTI_MEMORY, MULTI_SCTP, MULTI_UTP};
	uint16_t code = codes[rng_below(rng, sizeof(codes) / sizeof(codes[0]))];
	const struct maddr_proto *p = maddr_proto_by_code(code);
	uint8_t value[64];
	size_t len = p->size == MADDR_SIZE_VARIABLE ? 1 + rng_below(rng, 30) : p->size;

	rng_fill(rng, value, sizeof(value));
	if (p->value == MADDR_VALUE_PEER || p->value == MADDR_VALUE_CERTHASH) {
		multihash_sha256(bytes_of(value, len), value);
		len = MULTIHASH_SHA256_BYTES;
	} else if (p->value == MADDR_VALUE_NAME || p->value == MADDR_VALUE_ZONE) {
		for (size_t i = 0; i < len; i++)
			value[i] = (uint8_t)('0' + value[i] % 75); /* '0' .. 'z', no slash */
	} else if (p->value == MADDR_VALUE_HTTP_PATH) {
		for (size_t i = 0; i < len; i++)
			value[i] = value[i] < 0x20 || value[i] == 0x7f ? '/' : value[i];
	}
	assert_ok(varint_put(out, code));
	if (p->size == MADDR_SIZE_VARIABLE)
		assert_ok(varint_put_bytes(out, bytes_of(value, len)));
	else
		assert_ok(buf_put(out, bytes_of(value, len)));
}

static void random_addresses_survive_both_forms(void **state)
{
	struct rng_seeded rng;
	unsigned fit = 0;

	(void)state;
	rng_seed(&rng, 31);
	for (unsigned round = 0; round < 3000; round++) {
		size_t parts = 1 + rng_below(&rng.rng, 8);
		char text[MADDR_TEXT_MAX + 1];
		struct buf in = BUF_INIT;
		struct maddr a, b;

		for (size_t i = 0; i < parts; i++)
			put_random_part(&rng.rng, &in);
		if (in.len <= MADDR_BYTES_MAX) {
			assert_ok(maddr_from_bytes(buf_bytes(&in), &a));
			assert_ok(maddr_parse(bytes_str(maddr_text(&a, text)), &b));
			assert_memory_equal(&a, &b, sizeof(a));
			fit++;
		} else {
			assert_err(maddr_from_bytes(buf_bytes(&in), &a), P2P_ERR_TOO_LARGE);
		}
		buf_deinit(&in);
	}
	assert_in_range(fit, 2000, 3000);
}

/* Damaged bytes that still are an address print and read back as themselves. */
static void damaged_addresses_are_refused_or_consistent(void **state)
{
	struct rng_seeded rng;
	unsigned valid = 0;

	(void)state;
	rng_seed(&rng, 32);
	for (unsigned round = 0; round < 5000; round++) {
		char text[MADDR_TEXT_MAX + 1];
		struct buf in = BUF_INIT;
		struct maddr a, b;

		put_random_part(&rng.rng, &in);
		put_random_part(&rng.rng, &in);
		in.data[rng_below(&rng.rng, in.len)] ^= (uint8_t)(1 << rng_below(&rng.rng, 8));
		if (maddr_from_bytes(buf_bytes(&in), &a) == 0) {
			assert_bytes(maddr_bytes(&a), buf_bytes(&in));
			assert_ok(maddr_parse(bytes_str(maddr_text(&a, text)), &b));
			assert_memory_equal(&a, &b, sizeof(a));
			valid++;
		}
		buf_deinit(&in);
	}
	assert_in_range(valid, 1000, 4999);
}

static void every_protocol_is_found_by_its_code_and_name(void **state)
{
	unsigned found = 0;

	(void)state;
	for (uint64_t code = 0; code < 2000; code++) {
		const struct maddr_proto *p = maddr_proto_by_code(code);

		if (!p)
			continue;
		assert_ptr_equal(maddr_proto_by_name(bytes_str(p->name)), p);
		assert_true((p->value == MADDR_VALUE_NONE) == (p->size == 0));
		found++;
	}
	assert_int_equal(found, 32);
	assert_null(maddr_proto_by_code((UINT64_C(1) << 32) + MULTI_IP4));
	assert_null(maddr_proto_by_name(BYTES_LIT("ip")));
	assert_null(maddr_proto_by_name(BYTES_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_addresses_go_both_ways),
		cmocka_unit_test(published_faulty_texts_are_refused),
		cmocka_unit_test(published_faulty_bytes_are_refused),
		cmocka_unit_test(bytes_cut_anywhere_are_refused_but_between_components),
		cmocka_unit_test(reading_is_generous_where_printing_is_strict),
		cmocka_unit_test(malformed_values_are_refused),
		cmocka_unit_test(paths_that_would_not_survive_printing_are_refused),
		cmocka_unit_test(errors_tell_unknown_from_malformed_from_large),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(random_addresses_survive_both_forms),
		cmocka_unit_test(damaged_addresses_are_refused_or_consistent),
		cmocka_unit_test(every_protocol_is_found_by_its_code_and_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
