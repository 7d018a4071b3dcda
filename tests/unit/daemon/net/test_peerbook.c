/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/peerbook.h"

#include <stdio.h>

#include "tests/lib/p2ptest.h"

static struct peerbook *book;
static struct peer_id peer, other;

static struct peer_id numbered(uint32_t n)
{
	uint8_t seed[32] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), 7};
	struct peer_id id = {.len = 38, .at = {0, 36, 8, 1, 18, 32}};

	memcpy(id.at + 6, seed, 32);
	return id;
}

static struct maddr parse(const char *text)
{
	struct maddr a;

	assert_ok(maddr_parse(bytes_str(text), &a));
	return a;
}

static int setup(void **state)
{
	(void)state;
	book = peerbook_new();
	peer = numbered(1);
	other = numbered(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peerbook_free(book);
	return 0;
}

static mono_t later(int s)
{
	return mono_add_ms(t0, s * 1000);
}

static bool learn(const char *text, enum peerbook_source source, int s)
{
	struct maddr a = parse(text);

	return peerbook_learn(book, &peer, &a, source, later(s));
}

static void assert_addrs(const char *const *want, size_t count)
{
	struct maddr got[PEERBOOK_ADDRS_MAX], a;

	assert_int_equal(peerbook_dial_addrs(book, &peer, got, PEERBOOK_ADDRS_MAX), count);
	for (size_t i = 0; i < count; i++) {
		a = parse(want[i]);
		assert_that(maddr_eq(&got[i], &a), want[i]);
	}
}

static void the_best_address_comes_first(void **state)
{
	const char *want[] = {"/ip4/10.0.0.4/tcp/4", "/ip4/10.0.0.3/tcp/3", "/ip4/10.0.0.2/tcp/2",
		"/ip4/10.0.0.5/tcp/5", "/ip4/10.0.0.1/tcp/1"};
	struct maddr worked = parse("/ip4/10.0.0.4/tcp/4");

	(void)state;
	assert_true(learn("/ip4/10.0.0.1/tcp/1", PEERBOOK_DNS, 1));
	assert_true(learn("/ip4/10.0.0.2/tcp/2", PEERBOOK_IDENTIFY, 1));
	assert_true(learn("/ip4/10.0.0.3/tcp/3", PEERBOOK_CONFIG, 1));
	assert_true(learn("/ip4/10.0.0.4/tcp/4", PEERBOOK_HEARSAY, 1));
	assert_true(learn("/ip4/10.0.0.5/tcp/5", PEERBOOK_DNS, 2));
	assert_false(learn("/ip4/10.0.0.5/tcp/5", PEERBOOK_HEARSAY, 1));
	peerbook_worked(book, &peer, &worked, later(3));
	assert_addrs(want, 5);
}

static void what_nobody_can_dial_is_ignored(void **state)
{
	char text[256];
	char id[PEER_ID_TEXT_SIZE];

	(void)state;
	assert_false(learn("/ip4/10.0.0.1/tcp/0", PEERBOOK_DNS, 1));
	assert_false(learn("/ip4/0.0.0.0/tcp/4100", PEERBOOK_DNS, 1));
	assert_false(learn("/ip6/fe80::1/tcp/4100", PEERBOOK_DNS, 1));
	assert_false(learn("/ip4/224.0.0.1/tcp/4100", PEERBOOK_DNS, 1));
	snprintf(text, sizeof(text), "/ip4/10.0.0.1/tcp/1/p2p/%s", peer_id_text(&other, id));
	assert_false(learn(text, PEERBOOK_DNS, 1));
	snprintf(text, sizeof(text), "/ip4/10.0.0.1/tcp/1/p2p/%s", peer_id_text(&peer, id));
	assert_true(learn(text, PEERBOOK_DNS, 1));
	assert_addrs((const char *[]){"/ip4/10.0.0.1/tcp/1"}, 1);
}

static void a_peer_has_sixteen_addresses_and_the_worst_goes(void **state)
{
	char text[64];
	struct peerbook_addr all[PEERBOOK_ADDRS_MAX + 1];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "/ip4/10.0.0.%d/tcp/1", i + 1);
		assert_true(learn(text, PEERBOOK_DNS, i));
	}
	assert_int_equal(peerbook_addrs(book, &peer, all, PEERBOOK_ADDRS_MAX + 1), PEERBOOK_ADDRS_MAX);
	assert_int_equal(all[0].addr.at[4], 20);  /* 10.0.0.20, the newest */
	assert_int_equal(all[15].addr.at[4], 5);
	assert_false(learn("/ip4/10.9.0.1/tcp/1", PEERBOOK_HEARSAY, 100)); /* worse than all */
	assert_true(learn("/ip4/10.9.0.2/tcp/1", PEERBOOK_CONFIG, 0));
	assert_string_equal(peerbook_source_name(PEERBOOK_CONFIG), "config");
}

static void a_newer_record_replaces_the_older_ones_addresses(void **state)
{
	struct peer_record rec = {.peer = peer, .seq = 10, .addr_count = 2,
		.addrs = {parse("/ip4/10.0.0.1/tcp/1"), parse("/ip4/127.0.0.1/tcp/2")}};

	(void)state;
	assert_ok(peerbook_record(book, &rec, BYTES_LIT("sealed"), false, later(1)));
	assert_bytes(peerbook_sealed(book, &peer), BYTES_LIT("sealed"));
	assert_addrs((const char *[]){"/ip4/10.0.0.1/tcp/1"}, 1); /* loopback dropped, R-36 */
	assert_err(peerbook_record(book, &rec, BYTES_LIT("sealed"), false, later(2)), P2P_ERR_STALE);
	rec.seq = 11;
	rec.addrs[0] = parse("/ip4/10.0.0.7/tcp/7");
	assert_true(learn("/ip4/10.0.0.8/tcp/8", PEERBOOK_DNS, 1));
	assert_ok(peerbook_record(book, &rec, BYTES_LIT("newer"), true, later(3)));
	assert_addrs((const char *[]){"/ip4/10.0.0.7/tcp/7", "/ip4/127.0.0.1/tcp/2",
			     "/ip4/10.0.0.8/tcp/8"},
		3);
	assert_int_equal(peerbook_sealed(book, &other).len, 0);
}

static void an_address_is_unlearned_alone_and_a_peer_as_a_whole(void **state)
{
	struct maddr a = parse("/ip4/10.0.0.1/tcp/1");

	(void)state;
	assert_true(learn("/ip4/10.0.0.1/tcp/1", PEERBOOK_DNS, 1));
	assert_true(learn("/ip4/10.0.0.2/tcp/2", PEERBOOK_DNS, 0));
	peerbook_unlearn(book, &peer, &a);
	assert_addrs((const char *[]){"/ip4/10.0.0.2/tcp/2"}, 1);
	peerbook_forget(book, &peer);
	assert_int_equal(peerbook_count(book), 0);
}

static bool is_kept(void *arg, const struct peer_id *id)
{
	return peer_id_eq(arg, id);
}

static void the_longest_untouched_goes_but_never_one_to_keep(void **state)
{
	struct maddr a = parse("/ip4/10.0.0.1/tcp/1");
	struct peer_id id, oldest = numbered(100), second = numbered(101);
	size_t iter = 0, seen = 0;

	(void)state;
	peerbook_set_keep(book, is_kept, &oldest);
	for (uint32_t i = 0; i < PEERBOOK_PEERS_MAX + 1; i++) {
		id = numbered(100 + i);
		assert_true(peerbook_learn(book, &id, &a, PEERBOOK_DNS, t0));
	}
	assert_int_equal(peerbook_count(book), PEERBOOK_PEERS_MAX);
	assert_int_equal(peerbook_dial_addrs(book, &oldest, &a, 1), 1);
	assert_int_equal(peerbook_dial_addrs(book, &second, &a, 1), 0);
	while (seen < 10 && peerbook_next(book, &iter, &id))
		seen++;
	assert_int_equal(seen, 10);
}

static void protocols_and_agent_are_replaced(void **state)
{
	struct bytes first[] = {BYTES_LIT("/a/1"), BYTES_LIT("/b/1")}, second[] = {BYTES_LIT("/c/1")};
	const char *names[4];

	(void)state;
	assert_int_equal(peerbook_speaks(book, &peer, "/a/1"), -1);
	peerbook_set_protocols(book, &peer, first, 2, t0);
	assert_int_equal(peerbook_speaks(book, &peer, "/b/1"), 1);
	assert_int_equal(peerbook_protocols(book, &peer, names, 4), 2);
	peerbook_set_protocols(book, &peer, second, 1, t0);
	assert_int_equal(peerbook_speaks(book, &peer, "/a/1"), 0);
	peerbook_set_protocols(book, &peer, NULL, 0, t0);
	assert_int_equal(peerbook_speaks(book, &peer, "/c/1"), 0);
	peerbook_set_agent(book, &peer, BYTES_LIT("p2pos/1"));
	peerbook_set_agent(book, &peer, BYTES_LIT("p2pos/2"));
	assert_string_equal(peerbook_agent(book, &peer), "p2pos/2");
	assert_string_equal(peerbook_agent(book, &other), "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_best_address_comes_first),
		TEST(what_nobody_can_dial_is_ignored),
		TEST(a_peer_has_sixteen_addresses_and_the_worst_goes),
		TEST(a_newer_record_replaces_the_older_ones_addresses),
		TEST(an_address_is_unlearned_alone_and_a_peer_as_a_whole),
		TEST(the_longest_untouched_goes_but_never_one_to_keep),
		TEST(protocols_and_agent_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
