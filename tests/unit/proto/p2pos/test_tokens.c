/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/tokens.h"

#include <sodium.h>

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

#define N1_ADDR "/ip4/203.0.113.10/tcp/4100/p2p/" GOLDEN_N1

/* A token around any JSON. */
static struct bytes token(const char *prefix, const char *json, int variant, char *to, size_t size)
{
	size_t head = strlen(prefix);

	memcpy(to, prefix, head);
	assert_non_null(sodium_bin2base64(
		to + head, size - head, (const uint8_t *)json, strlen(json), variant));
	return bytes_str(to);
}

static void the_golden_join_string_goes_both_ways(void **state)
{
	struct key_public system = person_public(GOLDEN_SYSTEM_SEED);
	struct buf out = BUF_INIT;
	struct join_token t;

	(void)state;
	assert_ok(join_token_parse(BYTES_LIT(" " GOLDEN_JOIN "\n"), &t));
	assert_string_equal(t.cluster_id, "prod");
	assert_memory_equal(t.system.at, system.at, sizeof(system.at));
	assert_int_equal(t.bootstrap_count, 2);
	assert_string_equal(t.bootstrap[0], "init.example.org");
	assert_string_equal(t.bootstrap[1], N1_ADDR);
	assert_ok(join_token_print(&out, &t));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_JOIN));
	join_token_deinit(&t);
	buf_deinit(&out);
}

static void padding_is_accepted(void **state)
{
	struct join_token t;

	(void)state;
	assert_ok(join_token_parse(BYTES_LIT(GOLDEN_JOIN "="), &t));
	join_token_deinit(&t);
}

static void a_corrupted_join_string_is_refused_in_one_way(void **state)
{
	char text[sizeof(GOLDEN_JOIN)];
	struct join_token t;

	(void)state;
	for (size_t len = 0; len < strlen(GOLDEN_JOIN); len++)
		assert_err(join_token_parse(bytes_of(GOLDEN_JOIN, len), &t), P2P_ERR_INVALID);
	for (size_t at_byte = 0; at_byte < strlen(GOLDEN_JOIN); at_byte += 3) {
		memcpy(text, GOLDEN_JOIN, sizeof(text));
		text[at_byte] = '!';
		assert_err(join_token_parse(bytes_str(text), &t), P2P_ERR_INVALID);
	}
}

#define JOIN_JSON(version, cluster, key, bootstrap)                                                \
	"{\"v\":" version ",\"cluster_id\":\"" cluster "\",\"system_pubkey\":\"" key               \
	"\",\"bootstrap\":" bootstrap "}"

static void join_strings_are_checked_field_by_field(void **state)
{
	static const struct {
		const char *json;
		int err;
	} cases[] = {
		{JOIN_JSON("1", "prod", GOLDEN_SYSTEM_PUB, "[]"), 0},
		{JOIN_JSON(
			 "1", "prod", GOLDEN_SYSTEM_PUB, "[\"a.example\",\"/dnsaddr/a.example\"]"),
			0},
		{JOIN_JSON("2", "prod", GOLDEN_SYSTEM_PUB, "[]"), P2P_ERR_UNSUPPORTED},
		{JOIN_JSON("0", "prod", GOLDEN_SYSTEM_PUB, "[]"), P2P_ERR_INVALID},
		{JOIN_JSON("\"1\"", "prod", GOLDEN_SYSTEM_PUB, "[]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "", GOLDEN_SYSTEM_PUB, "[]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "a b", GOLDEN_SYSTEM_PUB, "[]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "prod", "", "[]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "prod", "AAAA", "[]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "prod", GOLDEN_SYSTEM_PUB, "\"a\""), P2P_ERR_INVALID},
		{JOIN_JSON("1", "prod", GOLDEN_SYSTEM_PUB, "[7]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "prod", GOLDEN_SYSTEM_PUB, "[\"\"]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "prod", GOLDEN_SYSTEM_PUB, "[\"/ip4/1.2.3\"]"), P2P_ERR_INVALID},
		{JOIN_JSON("1", "prod", GOLDEN_SYSTEM_PUB, "[\"a\",\"a..b\"]"), P2P_ERR_INVALID},
		{"[]", P2P_ERR_INVALID},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct join_token t = {0};

		assert_that(join_token_parse(token(JOIN_PREFIX, cases[i].json,
						     sodium_base64_VARIANT_URLSAFE_NO_PADDING, text,
						     sizeof(text)),
				    &t) == cases[i].err,
			cases[i].json);
		join_token_deinit(&t);
	}
}

static void an_end_is_optional_and_goes_both_ways(void **state)
{
	struct join_token t = {.system = person_public(GOLDEN_SYSTEM_SEED), .expires = at("2026-12-01T00:00:00Z")}, back;
	struct buf out = BUF_INIT;
	char text[1024];

	(void)state;
	memcpy(t.cluster_id, "prod", 5);
	assert_ok(join_token_print(&out, &t));
	assert_ok(join_token_parse(buf_bytes(&out), &back));
	assert_int_equal(wall_cmp(back.expires, t.expires), 0);
	join_token_deinit(&back);
	buf_deinit(&out);
	assert_ok(join_token_parse(BYTES_LIT(GOLDEN_JOIN), &back));
	assert_int_equal(back.expires.sec, 0);
	join_token_deinit(&back);
	for (size_t i = 0; i < 3; i++) {
		static const char *const bad[] = {"7", "\"soon\"", "null"};
		char json[512];

		(void)snprintf(json, sizeof(json), "{\"v\":1,\"cluster_id\":\"prod\",\"system_pubkey\":\"%s\",\"bootstrap\":[],\"exp\":%s}",
			GOLDEN_SYSTEM_PUB, bad[i]);
		assert_err(join_token_parse(token(JOIN_PREFIX, json, sodium_base64_VARIANT_URLSAFE_NO_PADDING, text,
						     sizeof(text)),
				    &back),
			P2P_ERR_INVALID);
	}
}

static void a_join_string_has_so_many_addresses_and_no_more(void **state)
{
	struct join_token t = {.cluster_id = "prod"}, back;
	struct buf out = BUF_INIT;

	(void)state;
	for (int i = 0; i < JOIN_BOOTSTRAP_MAX; i++)
		assert_ok(join_token_add_bootstrap(&t, BYTES_LIT(N1_ADDR)));
	assert_err(join_token_add_bootstrap(&t, BYTES_LIT(N1_ADDR)), P2P_ERR_FULL);
	assert_ok(join_token_print(&out, &t));
	t.system = person_public(1);
	buf_reset(&out);
	assert_ok(join_token_print(&out, &t));
	assert_ok(join_token_parse(buf_bytes(&out), &back));
	assert_int_equal(back.bootstrap_count, JOIN_BOOTSTRAP_MAX);
	join_token_deinit(&back);
	t.cluster_id[0] = '\0';
	assert_err(join_token_print(&out, &t), P2P_ERR_INVALID);
	join_token_deinit(&t);
	buf_deinit(&out);
}

static void a_bootstrap_entry_is_a_multiaddr_or_a_name(void **state)
{
	static const char *const good[] = {"a", "example.org", "_dnsaddr.example.org", "x.y.",
		"10.0.0.1", "/dns4/example.org/tcp/4100", N1_ADDR};
	static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "/", "/tcp", "http://a",
		"a/b", "a:4100", "\xc3\xa9.org",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_that(bootstrap_is_valid(bytes_str(good[i])), good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_that(!bootstrap_is_valid(bytes_str(bad[i])), bad[i]);
}

static void the_golden_bundle_goes_both_ways(void **state)
{
	struct key_pair admin = person(GOLDEN_ADMIN_SEED);
	struct key_public system = person_public(GOLDEN_SYSTEM_SEED);
	struct buf out = BUF_SECRET(0);
	struct admin_bundle b;

	(void)state;
	assert_ok(admin_bundle_parse(BYTES_LIT(GOLDEN_BUNDLE "\n"), &b));
	assert_string_equal(b.cluster_id, "prod");
	assert_string_equal(b.bootstrap, "init.example.org");
	assert_memory_equal(b.admin.secret, admin.secret, sizeof(admin.secret));
	assert_true(b.has_system);
	assert_memory_equal(b.system.at, system.at, sizeof(system.at));
	assert_ok(admin_bundle_print(&out, &b));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_BUNDLE));
	admin_bundle_deinit(&b);
	buf_deinit(&out);
}

static void an_old_bundle_lacks_the_system_key(void **state)
{
	struct buf out = BUF_INIT;
	struct admin_bundle b;

	(void)state;
	assert_ok(admin_bundle_parse(BYTES_LIT(GOLDEN_BUNDLE_OLD), &b));
	assert_false(b.has_system);
	assert_ok(admin_bundle_print(&out, &b));
	assert_bytes(buf_bytes(&out), BYTES_LIT(GOLDEN_BUNDLE_OLD));
	admin_bundle_deinit(&b);
	buf_deinit(&out);
}

#define BUNDLE_JSON(cluster, priv, proof, more)                                                    \
	"{\"v\":1,\"cluster_id\":\"" cluster "\",\"bootstrap\":\"\",\"admin_priv\":\"" priv        \
	"\",\"admin_proof\":" proof more "}"
#define OTHER_PROOF                                                                                \
	"{\"cluster_id\":\"prod\",\"peer_id\":\"" GOLDEN_N1                                        \
	"\",\"role\":\"admin\",\"valid_from\":\"2026-01-01T00:00:00Z\","                           \
	"\"valid_to\":\"2027-01-01T00:00:00Z\",\"sig\":\"AA==\"}"

static void the_parts_of_a_bundle_must_belong_together(void **state)
{
	static const struct {
		const char *json;
		int err;
	} cases[] = {
		{BUNDLE_JSON("prod", GOLDEN_ADMIN_PRIV, GOLDEN_PROOF, ""), 0},
		{BUNDLE_JSON("prod", GOLDEN_ADMIN_PRIV, GOLDEN_PROOF,
			 ",\"system_pubkey\":\"" GOLDEN_SYSTEM_PUB "\""),
			0},
		{BUNDLE_JSON("test", GOLDEN_ADMIN_PRIV, GOLDEN_PROOF, ""), P2P_ERR_INVALID},
		{BUNDLE_JSON("prod", GOLDEN_ADMIN_PRIV, OTHER_PROOF, ""), P2P_ERR_INVALID},
		{BUNDLE_JSON("prod", GOLDEN_ADMIN_PRIV, "{}", ""), P2P_ERR_INVALID},
		{BUNDLE_JSON("prod", GOLDEN_ADMIN_PRIV, "null", ""), P2P_ERR_INVALID},
		{BUNDLE_JSON("prod", GOLDEN_SYSTEM_PUB, GOLDEN_PROOF, ""), P2P_ERR_INVALID},
		{BUNDLE_JSON("prod", "", GOLDEN_PROOF, ""), P2P_ERR_INVALID},
		/* A public key that did not sign the proof. */
		{BUNDLE_JSON("prod", GOLDEN_ADMIN_PRIV, GOLDEN_PROOF,
			 ",\"system_pubkey\":\"CAESIIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\""),
			P2P_ERR_INVALID},
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct admin_bundle b = {0};
		struct bytes t = token(BUNDLE_PREFIX, cases[i].json, sodium_base64_VARIANT_ORIGINAL,
			text, sizeof(text));

		assert_that(admin_bundle_parse(t, &b) == cases[i].err, cases[i].json);
		assert_that(admin_bundle_parse(bytes_str(cases[i].json), &b) == cases[i].err,
			cases[i].json);
		admin_bundle_deinit(&b);
	}
}

static void a_corrupted_bundle_is_refused_in_one_way(void **state)
{
	char text[sizeof(GOLDEN_BUNDLE)];
	struct admin_bundle b;

	(void)state;
	for (size_t len = 0; len < strlen(GOLDEN_BUNDLE); len++)
		assert_err(admin_bundle_parse(bytes_of(GOLDEN_BUNDLE, len), &b), P2P_ERR_INVALID);
	for (size_t at_byte = 0; at_byte < strlen(GOLDEN_BUNDLE); at_byte += 7) {
		memcpy(text, GOLDEN_BUNDLE, sizeof(text));
		text[at_byte] = '!';
		assert_err(admin_bundle_parse(bytes_str(text), &b), P2P_ERR_INVALID);
	}
	assert_err(admin_bundle_parse(BYTES_LIT(GOLDEN_JOIN), &b), P2P_ERR_INVALID);
}

static void an_encrypted_bundle_is_unsupported_not_corrupted(void **state)
{
	struct admin_bundle b;

	(void)state;
	assert_err(admin_bundle_parse(BYTES_LIT(GOLDEN_BUNDLE_V2), &b), P2P_ERR_UNSUPPORTED);
	assert_err(admin_bundle_parse(BYTES_LIT("{\"v\":2,\"ciphertext\":\"AAAA\"}"), &b),
		P2P_ERR_UNSUPPORTED);
}

static void a_bundle_that_would_not_be_read_is_not_written(void **state)
{
	struct buf out = BUF_INIT;
	struct admin_bundle b;

	(void)state;
	assert_ok(admin_bundle_parse(BYTES_LIT(GOLDEN_BUNDLE), &b));
	b.admin = person(0x11);
	assert_err(admin_bundle_print(&out, &b), P2P_ERR_INVALID);
	assert_int_equal(out.len, 0);
	admin_bundle_deinit(&b);
	for (size_t i = 0; i < sizeof(b.admin.secret); i++)
		assert_int_equal(b.admin.secret[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_join_string_goes_both_ways),
		cmocka_unit_test(padding_is_accepted),
		cmocka_unit_test(a_corrupted_join_string_is_refused_in_one_way),
		cmocka_unit_test(join_strings_are_checked_field_by_field),
		cmocka_unit_test(an_end_is_optional_and_goes_both_ways),
		cmocka_unit_test(a_join_string_has_so_many_addresses_and_no_more),
		cmocka_unit_test(a_bootstrap_entry_is_a_multiaddr_or_a_name),
		cmocka_unit_test(the_golden_bundle_goes_both_ways),
		cmocka_unit_test(an_old_bundle_lacks_the_system_key),
		cmocka_unit_test(the_parts_of_a_bundle_must_belong_together),
		cmocka_unit_test(a_corrupted_bundle_is_refused_in_one_way),
		cmocka_unit_test(an_encrypted_bundle_is_unsupported_not_corrupted),
		cmocka_unit_test(a_bundle_that_would_not_be_read_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
