/* SPDX-License-Identifier: Apache-2.0 */
/* Entries and what becomes of them; a name server that is not there. How TXT records are followed is
 * tested with proto/multi/dnsaddr.h, and with a real name server end to end. */
#include "daemon/discover/bootstrap.h"

#include "tests/lib/turns.h"

#define ID "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"

static struct loop *l;
static struct dns *dns;
static struct bootstrap *b;
static struct {
	int count;
	bool had_peer, from_dns;
	struct maddr addr;
} told;

static void on_addr(void *arg, const struct peer_id *peer, const struct maddr *addr, bool from_dns)
{
	(void)arg;
	told.count++;
	told.had_peer = !peer_id_is_none(peer);
	told.from_dns = from_dns;
	told.addr = *addr;
}

static int setup(void **state)
{
	/* Port 1 on loopback: nobody answers there. */
	static const char *const servers[] = {"127.0.0.1:1"};
	struct bootstrap_opts opts = {.on_addr = on_addr};

	(void)state;
	memset(&told, 0, sizeof(told));
	assert_ok(loop_new(&l));
	assert_ok(dns_new(l, &(struct dns_opts){.servers = servers, .server_count = 1}, &dns));
	opts.loop = l;
	opts.dns = dns;
	b = bootstrap_new(&opts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bootstrap_free(b);
	dns_free(dns);
	loop_free(l);
	return 0;
}

static struct config_bootstrap multiaddr(const char *text)
{
	struct config_bootstrap c = {.type = BOOTSTRAP_MULTIADDR};

	assert_ok(maddr_parse(bytes_str(text), &c.maddr));
	return c;
}

static void a_plain_address_is_told_at_once_with_its_peer(void **state)
{
	struct config_bootstrap c = multiaddr("/ip4/127.0.0.1/tcp/4100/p2p/" ID);
	char text[MADDR_TEXT_MAX + 1];

	(void)state;
	bootstrap_set(b, &c, 1);
	assert_int_equal(told.count, 1);
	assert_true(told.had_peer && !told.from_dns);
	assert_string_equal(maddr_text(&told.addr, text), "/ip4/127.0.0.1/tcp/4100");
}

static void an_address_without_a_peer_is_told_without(void **state)
{
	struct config_bootstrap c = multiaddr("/ip4/127.0.0.1/tcp/4100");

	(void)state;
	bootstrap_set(b, &c, 1);
	assert_int_equal(told.count, 1);
	assert_false(told.had_peer);
}

static void every_run_tells_plain_addresses_again(void **state)
{
	struct config_bootstrap c = multiaddr("/ip4/127.0.0.1/tcp/4100/p2p/" ID);

	(void)state;
	bootstrap_set(b, &c, 1);
	assert_int_equal(bootstrap_run(b, false), 1);
	assert_int_equal(told.count, 2);
}

static void a_dead_name_server_is_an_error_of_that_entry_alone(void **state)
{
	struct config_bootstrap c[2] = {{.type = BOOTSTRAP_DNS, .name = "cluster.test"},
		multiaddr("/ip4/127.0.0.1/tcp/4100/p2p/" ID)};
	struct bootstrap_entry e;

	(void)state;
	bootstrap_set(b, c, 2);
	assert_int_equal(bootstrap_run(b, false), 2);
	assert_true(bootstrap_at(b, 0, &e) && !wall_is_zero(e.asked_at));
	turn_until(l, bootstrap_at(b, 0, &e) && e.err != 0);
	assert_int_equal(e.count, 0);
	assert_int_equal(told.count, 2);
	assert_true(bootstrap_at(b, 1, &e) && e.err == 0 && e.count == 1);
	assert_false(bootstrap_at(b, 2, &e));
}

static void entries_may_change_while_a_name_is_asked(void **state)
{
	struct config_bootstrap dns_entry = {.type = BOOTSTRAP_DNS, .name = "cluster.test"};
	struct config_bootstrap plain = multiaddr("/ip4/127.0.0.1/tcp/4100/p2p/" ID);

	(void)state;
	bootstrap_set(b, &dns_entry, 1);
	(void)bootstrap_run(b, true);
	bootstrap_set(b, &plain, 1);
	turn_times(l, 20);
	assert_int_equal(told.count, 1);
}

static void an_address_with_a_name_needs_the_name_server(void **state)
{
	struct config_bootstrap c = multiaddr("/dns4/cluster.test/tcp/4100/p2p/" ID);
	struct bootstrap_entry e;

	(void)state;
	bootstrap_set(b, &c, 1);
	assert_int_equal(told.count, 0);
	(void)bootstrap_run(b, false);
	turn_until(l, bootstrap_at(b, 0, &e) && e.err != 0);
	assert_int_equal(told.count, 0);
}

static void looked_up(void *arg, const struct resolved *r)
{
	*(int *)arg = r->err ? r->err : 1;
}

static void no_name_is_refused_at_once(void **state)
{
	struct resolution *r;
	int done = 0;

	(void)state;
	assert_err(resolve_name(l, dns, "not a name", looked_up, &done, &r), P2P_ERR_INVALID);
	assert_err(resolve_name(l, dns, "", looked_up, &done, &r), P2P_ERR_INVALID);
	turn_times(l, 5);
	assert_int_equal(done, 0);
}

static void a_cancelled_resolution_tells_nothing(void **state)
{
	struct resolution *r;
	int done = 0;

	(void)state;
	assert_ok(resolve_name(l, dns, "cluster.test", looked_up, &done, &r));
	resolve_cancel(r);
	turn_times(l, 5);
	assert_int_equal(done, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_plain_address_is_told_at_once_with_its_peer),
		T(an_address_without_a_peer_is_told_without),
		T(every_run_tells_plain_addresses_again),
		T(a_dead_name_server_is_an_error_of_that_entry_alone),
		T(entries_may_change_while_a_name_is_asked),
		T(an_address_with_a_name_needs_the_name_server),
		T(no_name_is_refused_at_once),
		T(a_cancelled_resolution_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
