/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/maddr.h"

#include "tests/lib/p2ptest.h"

#define ID_A "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
#define ID_B "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"

static struct maddr addr(const char *text)
{
	struct maddr a = MADDR_NONE;

	assert_that(maddr_parse(bytes_str(text), &a) == 0, text);
	return a;
}

static struct peer_id peer(const char *text)
{
	struct peer_id id;

	assert_ok(peer_id_parse(bytes_str(text), &id));
	return id;
}

static void assert_text(const struct maddr *a, const char *want)
{
	char text[MADDR_TEXT_MAX + 1];

	assert_string_equal(maddr_text(a, text), want);
}

static void a_walk_gives_every_component(void **state)
{
	struct maddr a = addr("/dns4/example.org/tcp/443/tls/p2p/" ID_A);
	struct maddr_walk w = maddr_begin(&a);
	struct maddr_part part;

	(void)state;
	assert_true(maddr_next(&w, &part));
	assert_string_equal(part.name, "dns4");
	assert_bytes(part.value, BYTES_LIT("example.org"));
	assert_true(maddr_next(&w, &part) && part.code == 6);
	assert_bytes(part.value, BYTES_LIT("\x01\xbb"));
	assert_true(maddr_next(&w, &part) && part.code == 448 && part.value.len == 0);
	assert_true(maddr_next(&w, &part) && part.code == 421 && part.value.len == 38);
	assert_false(maddr_next(&w, &part));
	assert_false(maddr_next(&w, &part));
	w = maddr_begin(&MADDR_NONE);
	assert_false(maddr_next(&w, &part));
}

static void appending_joins_and_refuses_what_would_not_be_an_address(void **state)
{
	struct maddr a = addr("/ip4/1.2.3.4/tcp/80"), b = addr("/ws"), path = addr("/unix/x"), none;

	(void)state;
	assert_ok(maddr_append(&a, &b));
	assert_text(&a, "/ip4/1.2.3.4/tcp/80/ws");
	assert_ok(maddr_append(&a, &MADDR_NONE));
	assert_text(&a, "/ip4/1.2.3.4/tcp/80/ws");
	assert_err(maddr_append(&path, &b), P2P_ERR_INVALID);
	assert_text(&path, "/unix/x");
	none = MADDR_NONE;
	assert_ok(maddr_append(&none, &MADDR_NONE));
	assert_int_equal(none.len, 0);
	assert_ok(maddr_append(&none, &b));
	assert_text(&none, "/ws");
}

static void appending_stops_at_both_limits(void **state)
{
	struct maddr a = MADDR_NONE, ws = addr("/ws"), big = MADDR_NONE, ip6 = addr("/ip6/::1");

	(void)state;
	for (unsigned i = 0; i < MADDR_COMPONENTS_MAX; i++)
		assert_ok(maddr_append(&a, &ws));
	assert_err(maddr_append(&a, &ws), P2P_ERR_TOO_LARGE);
	assert_int_equal(a.len, 2 * MADDR_COMPONENTS_MAX);
	for (unsigned i = 0; i < MADDR_BYTES_MAX / 17; i++)
		assert_ok(maddr_append(&big, &ip6));
	assert_err(maddr_append(&big, &ip6), P2P_ERR_TOO_LARGE);
	assert_int_equal(big.len, MADDR_BYTES_MAX / 17 * 17);
}

static void a_peer_is_put_behind_and_taken_off(void **state)
{
	struct peer_id a = peer(ID_A), got = PEER_ID_NONE;
	struct maddr addr1 = addr("/ip4/1.2.3.4/tcp/80"), before = addr1;

	(void)state;
	assert_ok(maddr_append_peer(&addr1, &a));
	assert_text(&addr1, "/ip4/1.2.3.4/tcp/80/p2p/" ID_A);
	assert_err(maddr_append_peer(&addr1, &PEER_ID_NONE), P2P_ERR_INVALID);
	assert_true(maddr_split_peer(&addr1, &got));
	assert_true(peer_id_eq(&a, &got));
	assert_memory_equal(&addr1, &before, sizeof(before)); /* the unused bytes, too */
	got = PEER_ID_NONE;
	assert_false(maddr_split_peer(&addr1, &got));
	assert_true(peer_id_is_none(&got));
}

static void only_the_last_peer_of_a_circuit_is_taken_off(void **state)
{
	struct maddr a = addr("/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p-circuit/p2p/" ID_B);
	struct peer_id got, b = peer(ID_B);

	(void)state;
	assert_true(maddr_split_peer(&a, &got));
	assert_true(peer_id_eq(&got, &b));
	assert_text(&a, "/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p-circuit");
	assert_false(maddr_split_peer(&a, NULL));
	a = addr("/p2p/" ID_A);
	assert_true(maddr_split_peer(&a, NULL));
	assert_int_equal(a.len, 0);
	assert_false(maddr_split_peer(&a, NULL));
}

static void dialable_forms_are_recognised(void **state)
{
	static const struct {
		const char *text;
		enum maddr_kind kind;
	} rows[] = {
		{"/ip4/1.2.3.4/tcp/1", MADDR_TCP},
		{"/ip6/::1/tcp/1", MADDR_TCP},
		{"/ip6/::1/udp/1/quic-v1", MADDR_QUIC},
		{"/ip4/1.2.3.4/tcp/1/ws", MADDR_WS},
		{"/ip4/1.2.3.4/tcp/1/wss", MADDR_WSS},
		{"/ip4/1.2.3.4/tcp/1/tls/ws", MADDR_WSS},
		{"/ip4/1.2.3.4/tcp/1/tls/sni/example.org/ws", MADDR_WSS},
		{"/dnsaddr/example.org", MADDR_DNSADDR},
		{"/dns/example.org/tcp/1", MADDR_DNS},
		{"/dns4/example.org/tcp/1/ws", MADDR_DNS},
		{"/dns6/example.org/udp/1/quic-v1", MADDR_DNS},
		{"/ip4/1.2.3.4", MADDR_OTHER},
		{"/ip4/1.2.3.4/udp/1", MADDR_OTHER},
		{"/ip4/1.2.3.4/udp/1/quic", MADDR_OTHER},
		{"/ip4/1.2.3.4/udp/1/quic-v1/webtransport", MADDR_OTHER},
		{"/ip4/1.2.3.4/tcp/1/tls", MADDR_OTHER},
		{"/ip4/1.2.3.4/tcp/1/tls/sni/example.org/ws/ws", MADDR_OTHER},
		{"/ip4/1.2.3.4/tcp/1/noise", MADDR_OTHER},
		{"/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p-circuit", MADDR_OTHER},
		{"/tcp/1", MADDR_OTHER},
		{"/ip6zone/eth0/ip6/fe80::1/tcp/1", MADDR_OTHER},
		{"/unix/run/x", MADDR_OTHER},
		{"/memory/1", MADDR_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct maddr a = addr(rows[i].text);
		struct peer_id p = peer(ID_B);

		assert_that(maddr_kind(&a) == rows[i].kind, rows[i].text);
		if (maddr_append_peer(&a, &p) == 0)
			assert_that(maddr_kind(&a) == rows[i].kind, rows[i].text);
	}
	assert_int_equal(maddr_kind(&MADDR_NONE), MADDR_OTHER);
}

static void sockets_get_ip_and_port(void **state)
{
	struct maddr a = addr("/ip4/192.0.2.9/tcp/4001/ws");
	struct maddr_ip ip;

	(void)state;
	assert_ok(maddr_to_ip(&a, &ip));
	assert_true(ip.family == 4 && ip.port == 4001);
	assert_memory_equal(ip.ip, "\xc0\0\2\x09\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	a = addr("/ip6/2001:db8::1/udp/9/quic-v1");
	assert_ok(maddr_to_ip(&a, &ip));
	assert_true(ip.family == 6 && ip.port == 9 && ip.ip[15] == 1);
	maddr_from_ip_quic(&ip, &a);
	assert_text(&a, "/ip6/2001:db8::1/udp/9/quic-v1");
	maddr_from_ip_tcp(&ip, &a);
	assert_text(&a, "/ip6/2001:db8::1/tcp/9");
	for (size_t i = 0; i < 5; i++) {
		static const char *const none[] = {"/ip4/1.2.3.4", "/tcp/1", "/dns/a/tcp/1",
			"/ip4/1.2.3.4/ws", "/ip4/1.2.3.4/sctp/1"};

		a = addr(none[i]);
		assert_err(maddr_to_ip(&a, &ip), P2P_ERR_UNSUPPORTED);
	}
	assert_err(maddr_to_ip(&MADDR_NONE, &ip), P2P_ERR_UNSUPPORTED);
}

static void mapped_ip6_becomes_ip4(void **state)
{
	struct maddr_ip ip = {.family = 6, .ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = 443};
	struct maddr a, again;

	(void)state;
	maddr_from_ip_tcp(&ip, &a);
	assert_text(&a, "/ip4/10.0.0.1/tcp/443");
	assert_ok(maddr_from_bytes(maddr_bytes(&a), &again));
	assert_memory_equal(&a, &again, sizeof(a));
	maddr_from_ip_quic(&ip, &a);
	assert_text(&a, "/ip4/10.0.0.1/udp/443/quic-v1");
	assert_int_equal(maddr_ip_reach(&ip), MADDR_REACH_PRIVATE);
}

static void a_name_gives_way_to_its_address(void **state)
{
	struct maddr_ip v4 = {.family = 4, .ip = {192, 0, 2, 1}},
			v6 = {.family = 6, .ip = {[15] = 1}};
	struct maddr a = addr("/dns/example.org/tcp/1/ws"), long_one;
	char text[300] = "/dns6/a/dns6/";

	(void)state;
	assert_bytes(maddr_dns_name(&a), BYTES_LIT("example.org"));
	assert_ok(maddr_replace_dns(&a, &v4));
	assert_text(&a, "/ip4/192.0.2.1/tcp/1/ws");
	assert_int_equal(maddr_dns_name(&a).len, 0);
	assert_err(maddr_replace_dns(&a, &v4), P2P_ERR_MISMATCH);
	a = addr("/dns4/example.org/tcp/1");
	assert_err(maddr_replace_dns(&a, &v6), P2P_ERR_MISMATCH);
	a = addr("/dns6/example.org/tcp/1");
	assert_err(maddr_replace_dns(&a, &v4), P2P_ERR_MISMATCH);
	assert_ok(maddr_replace_dns(&a, &v6));
	assert_text(&a, "/ip6/::1/tcp/1");
	a = addr("/dnsaddr/example.org");
	assert_err(maddr_replace_dns(&a, &v4), P2P_ERR_MISMATCH);
	assert_bytes(maddr_dns_name(&a), BYTES_LIT("example.org"));
	memset(text + strlen(text), 'a', 245);
	long_one = addr(text);
	assert_err(maddr_replace_dns(&long_one, &v6), P2P_ERR_TOO_LARGE);
	assert_text(&long_one, text);
}

static void reach_follows_the_address_ranges(void **state)
{
	static const struct {
		const char *ip;
		enum maddr_reach reach;
	} rows[] = {
		{"/ip4/8.8.8.8", MADDR_REACH_PUBLIC},
		{"/ip4/127.1.2.3", MADDR_REACH_LOOPBACK},
		{"/ip4/10.255.0.1", MADDR_REACH_PRIVATE},
		{"/ip4/11.0.0.1", MADDR_REACH_PUBLIC},
		{"/ip4/172.15.255.255", MADDR_REACH_PUBLIC},
		{"/ip4/172.16.0.1", MADDR_REACH_PRIVATE},
		{"/ip4/172.31.255.255", MADDR_REACH_PRIVATE},
		{"/ip4/172.32.0.1", MADDR_REACH_PUBLIC},
		{"/ip4/192.168.3.4", MADDR_REACH_PRIVATE},
		{"/ip4/192.169.0.1", MADDR_REACH_PUBLIC},
		{"/ip4/100.64.0.1", MADDR_REACH_PRIVATE},
		{"/ip4/100.127.255.255", MADDR_REACH_PRIVATE},
		{"/ip4/100.63.0.1", MADDR_REACH_PUBLIC},
		{"/ip4/100.128.0.1", MADDR_REACH_PUBLIC},
		{"/ip4/169.254.9.9", MADDR_REACH_LINK},
		{"/ip4/0.0.0.0", MADDR_REACH_NONE},
		{"/ip4/0.1.2.3", MADDR_REACH_NONE},
		{"/ip4/192.0.0.63", MADDR_REACH_NONE},
		{"/ip4/192.0.0.64", MADDR_REACH_PUBLIC},
		{"/ip4/192.0.2.1", MADDR_REACH_NONE},
		{"/ip4/192.88.99.1", MADDR_REACH_NONE},
		{"/ip4/198.51.100.1", MADDR_REACH_NONE},
		{"/ip4/203.0.113.255", MADDR_REACH_NONE},
		{"/ip4/198.18.0.1", MADDR_REACH_NONE},
		{"/ip4/198.19.255.255", MADDR_REACH_NONE},
		{"/ip4/198.20.0.1", MADDR_REACH_PUBLIC},
		{"/ip4/224.0.0.1", MADDR_REACH_NONE},
		{"/ip4/239.9.9.9", MADDR_REACH_NONE},
		{"/ip4/240.0.0.1", MADDR_REACH_NONE},
		{"/ip4/255.255.255.255", MADDR_REACH_NONE},
		{"/ip4/223.255.255.255", MADDR_REACH_PUBLIC},
		{"/ip6/::", MADDR_REACH_NONE},
		{"/ip6/::1", MADDR_REACH_LOOPBACK},
		{"/ip6/::2", MADDR_REACH_NONE},
		{"/ip6/fe80::1", MADDR_REACH_LINK},
		{"/ip6/febf::1", MADDR_REACH_LINK},
		{"/ip6/fec0::1", MADDR_REACH_NONE},
		{"/ip6/fc00::1", MADDR_REACH_PRIVATE},
		{"/ip6/fdff::1", MADDR_REACH_PRIVATE},
		{"/ip6/ff02::1", MADDR_REACH_NONE},
		{"/ip6/2001:db8::1", MADDR_REACH_NONE},
		{"/ip6/2001:db9::1", MADDR_REACH_PUBLIC},
		{"/ip6/2000::1", MADDR_REACH_PUBLIC},
		{"/ip6/3fff:ffff::1", MADDR_REACH_PUBLIC},
		{"/ip6/4000::1", MADDR_REACH_NONE},
		{"/ip6/64:ff9b::808:808", MADDR_REACH_PUBLIC},
		{"/ip6/64:ff9c::1", MADDR_REACH_NONE},
		{"/ip6/::ffff:127.0.0.1", MADDR_REACH_LOOPBACK},
		{"/ip6/::ffff:8.8.8.8", MADDR_REACH_PUBLIC},
		{"/dns/example.org", MADDR_REACH_PUBLIC},
		{"/dnsaddr/example.org", MADDR_REACH_PUBLIC},
		{"/dns4/LocalHost", MADDR_REACH_LOOPBACK},
		{"/dns/a.localhost", MADDR_REACH_LOOPBACK},
		{"/dns/notlocalhost", MADDR_REACH_PUBLIC},
		{"/memory/4", MADDR_REACH_NONE},
	};
	struct maddr tcp = addr("/tcp/4001"), no_port = addr("/tcp/0");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct maddr a = addr(rows[i].ip), b = a;

		assert_ok(maddr_append(&a, &tcp));
		assert_that(maddr_reach(&a) == rows[i].reach, rows[i].ip);
		assert_ok(maddr_append(&b, &no_port));
		if (!maddr_dns_name(&b).len)
			assert_that(maddr_reach(&b) == MADDR_REACH_NONE, rows[i].ip);
	}
	assert_int_equal(maddr_reach(&MADDR_NONE), MADDR_REACH_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_gives_every_component),
		cmocka_unit_test(appending_joins_and_refuses_what_would_not_be_an_address),
		cmocka_unit_test(appending_stops_at_both_limits),
		cmocka_unit_test(a_peer_is_put_behind_and_taken_off),
		cmocka_unit_test(only_the_last_peer_of_a_circuit_is_taken_off),
		cmocka_unit_test(dialable_forms_are_recognised),
		cmocka_unit_test(sockets_get_ip_and_port),
		cmocka_unit_test(mapped_ip6_becomes_ip4),
		cmocka_unit_test(a_name_gives_way_to_its_address),
		cmocka_unit_test(reach_follows_the_address_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
