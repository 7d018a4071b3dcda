/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/self.h"

#include "daemon/io/interfaces.h"
#include "tests/lib/turns.h"

static struct loop *l;
static struct key_pair key;
static struct self *s;

static int setup(void **state)
{
	(void)state;
	if (loop_new(&l))
		return -1;
	key_from_seed((const uint8_t[32]){5}, &key);
	s = self_new(&(struct self_opts){.loop = l, .identity = &key, .agent = "p2pos/test"});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	self_free(s);
	loop_free(l);
	return 0;
}

static struct maddr parse(const char *text)
{
	struct maddr a;

	assert_ok(maddr_parse(bytes_str(text), &a));
	return a;
}

static struct peer_record record_for(const struct maddr *remote)
{
	struct buf sealed = BUF_WITH_MAX(PEER_RECORD_BYTES_MAX);
	struct peer_record rec;

	assert_ok(self_record(s, remote, &sealed));
	assert_ok(peer_record_open(buf_bytes(&sealed), &rec));
	buf_deinit(&sealed);
	return rec;
}

static void announce_replaces_what_listens(void **state)
{
	struct listen_door any = {.ip = {.family = 4, .port = 4100}, .has_tcp = true};
	struct maddr announce[2] = {parse("/ip4/198.51.100.7/tcp/4100"), parse("/dns4/n.example.org/tcp/1")};
	struct maddr got[SELF_ADDRS_MAX];

	(void)state;
	assert_true(self_set_addrs(s, &any, 1, announce, 2));
	assert_false(self_set_addrs(s, &any, 1, announce, 2)); /* no change */
	assert_int_equal(self_addrs(s, NULL, got, SELF_ADDRS_MAX), 2);
	assert_true(maddr_eq(&got[0], &announce[0]));
	assert_true(self_set_addrs(s, &any, 1, announce, 1));
	assert_int_equal(self_addrs(s, NULL, got, SELF_ADDRS_MAX), 1);
}

static void any_is_expanded_over_the_interfaces(void **state)
{
	struct listen_door any = {.ip = {.family = 4, .port = 4100}, .has_tcp = true};
	struct maddr_ip ips[INTERFACE_IPS_MAX];
	size_t count = interface_ips(ips, INTERFACE_IPS_MAX), v4 = 0;
	struct maddr near = parse("/ip4/127.0.0.1/tcp/9"), got[SELF_ADDRS_MAX];
	struct maddr_ip ip;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		ips[i].port = 4100;
		v4 += ips[i].family == 4 && maddr_ip_reach(&ips[i]) != MADDR_REACH_LINK &&
			maddr_ip_reach(&ips[i]) != MADDR_REACH_NONE;
	}
	assert_true(self_set_addrs(s, &any, 1, NULL, 0));
	count = self_addrs(s, &near, got, SELF_ADDRS_MAX);
	assert_int_equal(count, v4);
	for (size_t i = 0; i < count; i++) {
		assert_ok(maddr_to_ip(&got[i], &ip));
		assert_int_equal(ip.port, 4100);
	}
	assert_false(self_refresh(s));
}

static void both_transports_of_a_door_are_told_quic_first(void **state)
{
	struct listen_door doors[2] = {
		{.ip = {.family = 4, .ip = {127, 0, 0, 1}, .port = 4100}, .has_tcp = true,
			.has_quic = true},
		{.ip = {.family = 4, .ip = {127, 0, 0, 1}, .port = 4200}, .has_quic = true}};
	struct maddr want[3] = {parse("/ip4/127.0.0.1/udp/4100/quic-v1"),
		parse("/ip4/127.0.0.1/tcp/4100"), parse("/ip4/127.0.0.1/udp/4200/quic-v1")};
	struct maddr got[4];

	(void)state;
	assert_true(self_set_addrs(s, doors, 2, NULL, 0));
	assert_int_equal(self_addrs(s, NULL, got, 4), 3);
	for (int i = 0; i < 3; i++)
		assert_true(maddr_eq(&got[i], &want[i]));
}

static void nothing_leaves_the_network_in_which_it_means_something(void **state)
{
	struct maddr announce[3] = {parse("/ip4/127.0.0.1/tcp/1"), parse("/ip4/10.0.0.1/tcp/1"),
		parse("/ip4/198.51.101.7/tcp/1")};
	struct maddr local = parse("/ip4/127.0.0.1/tcp/9"), lan = parse("/ip4/10.0.0.9/tcp/9"),
		     world = parse("/ip4/8.8.8.8/tcp/9"), got[4];
	struct peer_record far, near;

	(void)state;
	(void)self_set_addrs(s, NULL, 0, announce, 3);
	assert_int_equal(self_addrs(s, &local, got, 4), 3);
	assert_int_equal(self_addrs(s, &lan, got, 4), 2);
	assert_int_equal(self_addrs(s, &world, got, 4), 1);
	assert_int_equal(self_addrs(s, NULL, got, 4), 2);
	far = record_for(&world);
	near = record_for(&lan);
	assert_int_equal(far.addr_count, 1);
	assert_int_equal(near.addr_count, 2);
	assert_true(near.seq > far.seq); /* who knows more is the newer word */
}

static void a_node_that_only_listens_on_loopback_says_so(void **state)
{
	struct listen_door local = {
		.ip = {.family = 4, .ip = {127, 0, 0, 1}, .port = 4100}, .has_tcp = true};
	struct maddr world = parse("/ip4/8.8.8.8/tcp/9"), got[4];
	struct buf sealed = BUF_INIT;

	(void)state;
	(void)self_set_addrs(s, &local, 1, NULL, 0);
	assert_int_equal(self_addrs(s, NULL, got, 4), 1);
	assert_err(self_record(s, &world, &sealed), P2P_ERR_NOT_FOUND);
	assert_int_equal(sealed.len, 0);
}

static void the_sequence_number_grows_with_every_change(void **state)
{
	struct maddr a = parse("/ip4/198.51.101.7/tcp/1"), b = parse("/ip4/198.51.101.8/tcp/1");
	uint64_t first, second;
	struct peer_record rec;

	(void)state;
	(void)self_set_addrs(s, NULL, 0, &a, 1);
	first = record_for(NULL).seq;
	assert_int_equal(record_for(NULL).seq, first);
	(void)self_set_addrs(s, NULL, 0, &b, 1);
	second = record_for(NULL).seq;
	assert_true(second > first + 3);
	assert_true(first > UINT64_C(1700000000000000000)); /* it grows over a restart, too */
	assert_string_equal(self_agent(s), "p2pos/test");
	rec = record_for(NULL);
	assert_true(peer_id_eq(self_peer(s), &rec.peer));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(announce_replaces_what_listens),
		TEST(any_is_expanded_over_the_interfaces),
		TEST(both_transports_of_a_door_are_told_quic_first),
		TEST(nothing_leaves_the_network_in_which_it_means_something),
		TEST(a_node_that_only_listens_on_loopback_says_so),
		TEST(the_sequence_number_grows_with_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
