/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/dnsaddr.h"

#include <stdio.h>

#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

#define ID_A "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
#define ID_B "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"

static struct maddr addr(const char *text)
{
	struct maddr a = MADDR_NONE;

	assert_that(maddr_parse(bytes_str(text), &a) == 0, text);
	return a;
}

/* The name that is asked next, "" when none is. */
static const char *asked(struct dnsaddr *d)
{
	struct dnsaddr_ask ask;

	return dnsaddr_next(d, &ask) ? ask.name : "";
}

/* Runs a resolution against the TXT records of a vector; results in order, as text. */
static void resolve(struct dnsaddr *d, const json_t *zone, json_t *ret_results)
{
	struct dnsaddr_ask ask;

	while (dnsaddr_next(d, &ask)) {
		const json_t *records = json_object_get(zone, ask.name), *txt;
		size_t i;

		json_array_foreach(records, i, txt)
		{
			char text[MADDR_TEXT_MAX + 1];
			struct maddr a;

			if (dnsaddr_answer(d, ask.id, bytes_str(json_string_value(txt)), &a) == 0)
				json_array_append_new(
					ret_results, json_string(maddr_text(&a, text)));
		}
		dnsaddr_done(d, ask.id);
	}
	assert_true(dnsaddr_is_over(d));
}

static void published_cases_resolve_as_stated(void **state)
{
	const json_t *v, *zone = NULL;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("dnsaddr", "cases"), i, v)
	{
		struct maddr input = addr(vectors_text(v, "input"));
		json_t *results = json_array();
		struct dnsaddr d;

		if (json_is_object(json_object_get(v, "txt")))
			zone = json_object_get(v, "txt"); /* later cases say "as above" */
		dnsaddr_init(&d);
		assert_ok(dnsaddr_add(&d, &input));
		resolve(&d, zone, results);
		assert_that(json_equal(results, json_object_get(v, "result")),
			vectors_text(v, "input"));
		json_decref(results);
	}
}

static void a_record_may_be_bare_or_quoted(void **state)
{
	static const char *const good[] = {"dnsaddr=/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/1",
		"\"dnsaddr=/ip4/1.2.3.4/tcp/1\"", "\"/ip4/1.2.3.4/tcp/1\"", " /ip4/1.2.3.4/tcp/1\n",
		" \" dnsaddr= /ip4/1.2.3.4/tcp/1 \" "};
	static const char *const other[] = {"", "\"", "\"\"", "v=spf1 -all", "DNSADDR=/tcp/1",
		"dnsaddr/ip4/1.2.3.4", "xdnsaddr=/tcp/1", "'/tcp/1'"};
	static const char *const broken[] = {"dnsaddr=", "dnsaddr=ip4/1.2.3.4", "/", "/nosuch/1",
		"dnsaddr=/ip4/1.2.3.4/tcp/65536", "\"/tcp/1", "\"dnsaddr=/ip4/1.2.3\""};
	struct maddr want = addr("/ip4/1.2.3.4/tcp/1"), a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_that(dnsaddr_parse_txt(bytes_str(good[i]), &a) == 0, good[i]);
		assert_true(maddr_eq(&a, &want));
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_that(
			dnsaddr_parse_txt(bytes_str(other[i]), &a) == P2P_ERR_NOT_FOUND, other[i]);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_that(dnsaddr_parse_txt(bytes_str(broken[i]), &a) ==
				    (broken[i][0] == '"' && i == 5 ? P2P_ERR_NOT_FOUND
								   : P2P_ERR_INVALID),
			broken[i]);
}

static void a_record_of_300_bytes_is_read(void **state)
{
	char txt[300];
	struct maddr a;

	(void)state;
	snprintf(txt, sizeof(txt), "dnsaddr=/dns4/%s/tcp/443/tls/sni/%s/ws/p2p/%s",
		"a-rather-long-host-name-of-a-large-network.region-7.example.org",
		"a-rather-long-host-name-of-a-large-network.region-7.example.org", ID_A);
	assert_true(strlen(txt) > 200);
	assert_ok(dnsaddr_parse_txt(bytes_str(txt), &a));
	/* Percent-encoding makes 300 characters out of fewer bytes. */
	strcpy(txt, "/http-path/");
	for (size_t n = strlen(txt); n + 3 < sizeof(txt); n += 3)
		strcpy(txt + n, "%41");
	assert_ok(dnsaddr_parse_txt(bytes_str(txt), &a));
}

static void a_suffix_is_whole_components_at_the_end(void **state)
{
	struct maddr a = addr("/ip4/1.2.3.4/tcp/1/p2p/" ID_A), p2p = addr("/p2p/" ID_A);
	struct maddr tcp = addr("/tcp/1/p2p/" ID_A), other = addr("/p2p/" ID_B);
	struct maddr port, cidr;

	(void)state;
	assert_true(dnsaddr_ends_with(&a, BYTES_NONE));
	assert_true(dnsaddr_ends_with(&a, maddr_bytes(&p2p)));
	assert_true(dnsaddr_ends_with(&a, maddr_bytes(&tcp)));
	assert_true(dnsaddr_ends_with(&a, maddr_bytes(&a)));
	assert_false(dnsaddr_ends_with(&a, maddr_bytes(&other)));
	assert_false(dnsaddr_ends_with(&p2p, maddr_bytes(&a)));
	/* /tcp/11061 ends in the bytes of /ipcidr/53, which are no component there. */
	port = addr("/tcp/11061");
	cidr = addr("/ipcidr/53");
	assert_memory_equal(port.at + 1, cidr.at, 2);
	assert_false(dnsaddr_ends_with(&port, maddr_bytes(&cidr)));
}

static void the_plain_domain_is_asked_when_the_first_name_gives_nothing(void **state)
{
	struct dnsaddr_ask ask;
	struct dnsaddr d;
	struct maddr a;

	(void)state;
	dnsaddr_init(&d);
	assert_true(dnsaddr_is_over(&d));
	assert_ok(dnsaddr_add_name(&d, BYTES_LIT("Example.ORG.")));
	assert_true(dnsaddr_next(&d, &ask));
	assert_string_equal(ask.name, "_dnsaddr.example.org");
	assert_string_equal(asked(&d), "");
	assert_err(dnsaddr_answer(&d, ask.id, BYTES_LIT("v=spf1"), &a), P2P_ERR_NOT_FOUND);
	assert_err(dnsaddr_answer(&d, ask.id, BYTES_LIT("/tcp"), &a), P2P_ERR_INVALID);
	assert_false(dnsaddr_is_over(&d));
	dnsaddr_done(&d, ask.id);
	assert_true(dnsaddr_next(&d, &ask));
	assert_string_equal(ask.name, "example.org");
	assert_ok(dnsaddr_answer(&d, ask.id, BYTES_LIT("/ip4/1.2.3.4/tcp/1"), &a));
	dnsaddr_done(&d, ask.id);
	assert_string_equal(asked(&d), "");
	assert_true(dnsaddr_is_over(&d) && !d.was_cut);
}

static void the_plain_domain_is_left_alone_otherwise(void **state)
{
	struct dnsaddr_ask ask;
	struct dnsaddr d;
	struct maddr a;

	(void)state;
	dnsaddr_init(&d);
	assert_ok(dnsaddr_add_name(&d, BYTES_LIT("a.example")));
	assert_true(dnsaddr_next(&d, &ask));
	assert_ok(dnsaddr_answer(&d, ask.id, BYTES_LIT("/ip4/1.2.3.4/tcp/1"), &a));
	dnsaddr_done(&d, ask.id);
	assert_string_equal(asked(&d), "");

	assert_ok(dnsaddr_add_name(&d, BYTES_LIT("_DNSADDR.b.example")));
	assert_true(dnsaddr_next(&d, &ask));
	assert_string_equal(ask.name, "_dnsaddr.b.example");
	dnsaddr_done(&d, ask.id);
	assert_string_equal(asked(&d), "");
	assert_true(dnsaddr_is_over(&d));
}

static void names_that_dns_does_not_have_are_refused(void **state)
{
	char name[260];
	struct dnsaddr d;

	(void)state;
	dnsaddr_init(&d);
	assert_err(dnsaddr_add_name(&d, BYTES_NONE), P2P_ERR_INVALID);
	assert_err(dnsaddr_add_name(&d, BYTES_LIT(".")), P2P_ERR_INVALID);
	assert_err(dnsaddr_add_name(&d, BYTES_LIT("a..b")), P2P_ERR_INVALID);
	assert_err(dnsaddr_add_name(&d, BYTES_LIT(".a")), P2P_ERR_INVALID);
	assert_err(dnsaddr_add_name(&d, BYTES_LIT("a b")), P2P_ERR_INVALID);
	assert_err(dnsaddr_add_name(&d, BYTES_LIT("a/b")), P2P_ERR_INVALID);
	assert_err(dnsaddr_add_name(&d, BYTES_LIT("a\0b")), P2P_ERR_INVALID);
	memset(name, 'a', sizeof(name));
	assert_err(dnsaddr_add_name(&d, bytes_of(name, 64)), P2P_ERR_INVALID);
	assert_ok(dnsaddr_add_name(&d, bytes_of(name, 63)));
	for (size_t i = 50; i < sizeof(name); i += 51)
		name[i] = '.';
	assert_ok(dnsaddr_add_name(&d, bytes_of(name, 244))); /* 253 with the prefix */
	assert_err(dnsaddr_add_name(&d, bytes_of(name, 245)), P2P_ERR_INVALID);
	assert_err(dnsaddr_add_name(&d, bytes_of(name, 254)), P2P_ERR_INVALID);
	assert_err(dnsaddr_add(&d, &(struct maddr){.len = 2, .at = {0xdd, 0x03}}),
		P2P_ERR_UNSUPPORTED);
	assert_int_equal(d.question_count, 2);
}

static void what_leads_back_is_cut(void **state)
{
	struct dnsaddr_ask first, second;
	struct dnsaddr d;
	struct maddr a;

	(void)state;
	dnsaddr_init(&d);
	assert_ok(dnsaddr_add_name(&d, BYTES_LIT("a.example")));
	assert_ok(dnsaddr_add_name(&d, BYTES_LIT("A.example."))); /* the same */
	assert_int_equal(d.question_count, 1);
	assert_true(dnsaddr_next(&d, &first));
	assert_err(
		dnsaddr_answer(&d, first.id, BYTES_LIT("/dnsaddr/a.example"), &a), P2P_ERR_EXISTS);
	assert_err(
		dnsaddr_answer(&d, first.id, BYTES_LIT("/dnsaddr/b.example"), &a), P2P_ERR_AGAIN);
	assert_err(
		dnsaddr_answer(&d, first.id, BYTES_LIT("/dnsaddr/B.example"), &a), P2P_ERR_EXISTS);
	/* The same name with another suffix has other results: another question. */
	assert_err(dnsaddr_answer(&d, first.id, BYTES_LIT("/dnsaddr/b.example/p2p/" ID_A), &a),
		P2P_ERR_AGAIN);
	assert_true(dnsaddr_next(&d, &second)); /* while the first is still open */
	assert_string_equal(second.name, "_dnsaddr.b.example");
	assert_err(
		dnsaddr_answer(&d, second.id, BYTES_LIT("/dnsaddr/a.example"), &a), P2P_ERR_EXISTS);
	dnsaddr_done(&d, second.id);
	dnsaddr_done(&d, first.id);
	assert_true(dnsaddr_next(&d, &second));
	assert_string_equal(second.name, "_dnsaddr.b.example");
	assert_err(dnsaddr_answer(&d, second.id, BYTES_LIT("/dnsaddr/b.example/p2p/" ID_A), &a),
		P2P_ERR_EXISTS);
	dnsaddr_done(&d, second.id);
	assert_string_equal(asked(&d), "");
	assert_true(dnsaddr_is_over(&d) && !d.was_cut);
}

static void a_nested_suffix_filters_its_own_results(void **state)
{
	struct maddr input = addr("/dnsaddr/top.example/p2p/" ID_A), a;
	struct dnsaddr_ask ask;
	struct dnsaddr d;

	(void)state;
	dnsaddr_init(&d);
	assert_ok(dnsaddr_add(&d, &input));
	assert_true(dnsaddr_next(&d, &ask));
	assert_err(dnsaddr_answer(&d, ask.id, BYTES_LIT("/dnsaddr/x.example/p2p/" ID_B), &a),
		P2P_ERR_MISMATCH);
	assert_err(
		dnsaddr_answer(&d, ask.id, BYTES_LIT("/dnsaddr/x.example"), &a), P2P_ERR_MISMATCH);
	assert_err(dnsaddr_answer(&d, ask.id, BYTES_LIT("/dnsaddr/x.example/p2p/" ID_A), &a),
		P2P_ERR_AGAIN);
	dnsaddr_done(&d, ask.id);
	assert_true(dnsaddr_next(&d, &ask));
	assert_string_equal(ask.name, "_dnsaddr.x.example");
	assert_err(dnsaddr_answer(&d, ask.id, BYTES_LIT("/ip4/1.2.3.4/tcp/1/p2p/" ID_B), &a),
		P2P_ERR_MISMATCH);
	assert_err(
		dnsaddr_answer(&d, ask.id, BYTES_LIT("/ip4/1.2.3.4/tcp/1"), &a), P2P_ERR_MISMATCH);
	assert_ok(dnsaddr_answer(&d, ask.id, BYTES_LIT("/ip4/1.2.3.4/tcp/1/p2p/" ID_A), &a));
	dnsaddr_done(&d, ask.id);
	assert_true(dnsaddr_is_over(&d));
}

static void depth_is_bounded(void **state)
{
	struct dnsaddr_ask ask;
	struct dnsaddr d;
	char txt[40];
	struct maddr a;

	(void)state;
	dnsaddr_init(&d);
	assert_ok(dnsaddr_add_name(&d, BYTES_LIT("n0.example")));
	for (int depth = 1; depth <= DNSADDR_DEPTH_MAX; depth++) {
		assert_true(dnsaddr_next(&d, &ask));
		snprintf(txt, sizeof(txt), "/dnsaddr/n%d.example", depth);
		assert_err(dnsaddr_answer(&d, ask.id, bytes_str(txt), &a),
			depth < DNSADDR_DEPTH_MAX ? P2P_ERR_AGAIN : P2P_ERR_FULL);
		dnsaddr_done(&d, ask.id);
	}
	assert_string_equal(asked(&d), "");
	assert_true(d.was_cut && dnsaddr_is_over(&d));
}

static void questions_and_records_are_bounded(void **state)
{
	struct dnsaddr_ask ask;
	struct dnsaddr d;
	struct maddr a;
	char txt[60];

	(void)state;
	dnsaddr_init(&d);
	assert_ok(dnsaddr_add_name(&d, BYTES_LIT("wide.example")));
	assert_true(dnsaddr_next(&d, &ask));
	for (int i = 1; i < DNSADDR_LOOKUPS_MAX; i++) {
		snprintf(txt, sizeof(txt), "/dnsaddr/n%d.example", i);
		assert_err(dnsaddr_answer(&d, ask.id, bytes_str(txt), &a), P2P_ERR_AGAIN);
	}
	assert_false(d.was_cut);
	assert_err(
		dnsaddr_answer(&d, ask.id, BYTES_LIT("/dnsaddr/more.example"), &a), P2P_ERR_FULL);
	assert_true(d.was_cut);
	assert_err(dnsaddr_add_name(&d, BYTES_LIT("extra.example")), P2P_ERR_FULL);
	for (int i = DNSADDR_LOOKUPS_MAX; i < DNSADDR_RECORDS_MAX; i++)
		assert_ok(dnsaddr_answer(&d, ask.id, BYTES_LIT("/ip4/1.2.3.4/tcp/1"), &a));
	assert_err(dnsaddr_answer(&d, ask.id, BYTES_LIT("/ip4/1.2.3.4/tcp/1"), &a), P2P_ERR_FULL);
	assert_err(dnsaddr_answer(&d, ask.id, BYTES_LIT("other text"), &a), P2P_ERR_NOT_FOUND);
	dnsaddr_done(&d, ask.id);
	for (int i = 1; i < DNSADDR_LOOKUPS_MAX; i++) {
		assert_true(dnsaddr_next(&d, &ask));
		dnsaddr_done(&d, ask.id); /* no room for the plain name: dropped */
	}
	assert_string_equal(asked(&d), "");
	assert_true(dnsaddr_is_over(&d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_cases_resolve_as_stated),
		cmocka_unit_test(a_record_may_be_bare_or_quoted),
		cmocka_unit_test(a_record_of_300_bytes_is_read),
		cmocka_unit_test(a_suffix_is_whole_components_at_the_end),
		cmocka_unit_test(the_plain_domain_is_asked_when_the_first_name_gives_nothing),
		cmocka_unit_test(the_plain_domain_is_left_alone_otherwise),
		cmocka_unit_test(names_that_dns_does_not_have_are_refused),
		cmocka_unit_test(what_leads_back_is_cut),
		cmocka_unit_test(a_nested_suffix_filters_its_own_results),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(questions_and_records_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
