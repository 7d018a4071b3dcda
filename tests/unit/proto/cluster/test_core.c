/* SPDX-License-Identifier: Apache-2.0 */
/* One core, driven by hand: who may stay, what is answered, where the bounds are. How many cores
 * behave together is tested in tests/sim. */
#include "proto/cluster/core.h"

#include "proto/p2pos/exchange.h"
#include "tests/lib/core_rig.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void members_strangers_and_ourselves_are_told_apart(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(r.state, CORE_DEGRADED);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	assert_int_equal(rig_up(&r, 2, STRANGER), CORE_GUEST);
	assert_int_equal(rig_up(&r, 3, GOLDEN_ADMIN_SEED), CORE_ADMIN); /* issued the list */
	assert_int_equal(rig_up(&r, 4, SELF), CORE_REFUSED);
	assert_string_equal(r.why, "self");
	rig_look(&r);
	assert_int_equal(r.state, CORE_HEALTHY);
	assert_string_equal(r.reason, "quorum");
	assert_int_equal(r.said[CORE_MEMBER_UP], 1);
	assert_int_equal(core_conn_class(r.c, 1), CORE_MEMBER);
	assert_int_equal(core_conn_class(r.c, 99), CORE_REFUSED);
	rig_end(&r);
}

static void an_unconfigured_node_talks_to_anyone(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r, 0);
	assert_int_equal(r.state, CORE_UNCONFIGURED);
	assert_string_equal(r.reason, "no_snapshot");
	assert_int_equal(rig_up(&r, 1, STRANGER), CORE_OPEN);
	core_protocols(r.c, 1, CORE_SPEAKS_PULL | CORE_SPEAKS_HEARTBEAT, r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_PULL], 1);
	assert_int_equal(r.said[CORE_SEND_HEARTBEAT], 0);
	rig_end(&r);
}

static void guests_are_few_and_stay_a_minute(void **state)
{
	struct rig r;
	struct core_knock k;

	(void)state;
	rig_begin(&r, 3);
	for (uint8_t i = 0; i < 16; i++)
		assert_int_equal(rig_up(&r, 1 + i, 0x60 + i), CORE_GUEST);
	/* None was idle for ten seconds yet. */
	assert_int_equal(rig_up(&r, 17, 0x80), CORE_REFUSED);
	assert_string_equal(r.why, "guests_full");
	rig_pass(&r, 10000);
	core_heard(r.c, 1, r.wall, r.now);
	assert_int_equal(rig_up(&r, 18, 0x80), CORE_GUEST);
	rig_look(&r);
	assert_int_equal(r.closed, 2); /* idle for longest */
	assert_string_equal(r.why, "made_room");
	assert_int_equal(rig_up(&r, 19, FRIEND), CORE_MEMBER); /* members need no room */
	rig_pass(&r, 50000);
	rig_look(&r);
	assert_int_equal(r.said[CORE_CLOSE], 15 + 1); /* and the member, which never answered */
	assert_true(core_pending_at(r.c, 0, &k));
	assert_int_equal(k.tries, 1);
	assert_false(core_pending_at(r.c, 17, &k));
	rig_end(&r);
}

static void pending_keeps_the_newest_of_many(void **state)
{
	struct rig r;
	struct core_knock k;
	struct peer_id first = person_id(0x60);

	(void)state;
	rig_begin(&r, 3);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(rig_up(&r, 1 + i, (uint8_t)(0x60 + i)), CORE_GUEST);
		core_conn_down(r.c, 1 + i, CORE_DOWN_REMOTE, "bye", r.wall, r.now);
	}
	assert_int_equal(rig_up(&r, 200, 0x60 + 99), CORE_GUEST);
	assert_true(core_pending_at(r.c, 0, &k));
	assert_int_equal(k.tries, 2);
	assert_true(core_pending_at(r.c, CORE_PENDING_MAX - 1, &k));
	assert_false(core_pending_at(r.c, CORE_PENDING_MAX, &k));
	for (size_t i = 0; core_pending_at(r.c, i, &k); i++)
		assert_false(peer_id_eq(&k.peer, &first));
	rig_look(&r);
	rig_end(&r);
}

static void push(struct rig *r, uint64_t token, uint64_t conn, const struct snapshot *s)
{
	core_snapshot_in(r->c, token, conn ? SNAPSHOT_PUSHED : SNAPSHOT_LOCAL, conn,
		buf_bytes(&s->raw), r->wall, r->now);
	rig_look(r);
}

static void nothing_is_acknowledged_before_it_is_stored(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4);

	(void)state;
	rig_begin(&r, 3);
	push(&r, 7, 0, &s);
	assert_int_equal(r.said[CORE_STORE_SNAPSHOT], 1);
	assert_int_equal(r.said[CORE_VERDICT], 0);
	assert_int_equal(core_snapshot(r.c)->member_count, 3);
	push(&r, 8, 0, &s); /* the same again, meanwhile */
	assert_int_equal(r.said[CORE_STORE_SNAPSHOT] + r.said[CORE_VERDICT], 0);
	core_stored(r.c, r.store_token, true, r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_VERDICT], 2);
	assert_int_equal(r.said[CORE_MEMBERSHIP], 1);
	assert_true(r.verdict.applied && r.verdict.unchanged);
	assert_int_equal(core_snapshot(r.c)->member_count, 4);
	push(&r, 9, 0, &s);
	assert_true(r.verdict.token == 9 && r.verdict.applied && r.verdict.unchanged);
	snapshot_deinit(&s);
	rig_end(&r);
}

static void what_the_disk_refuses_is_not_in_force(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4);

	(void)state;
	rig_begin(&r, 3);
	push(&r, 7, 0, &s);
	core_stored(r.c, r.store_token, false, r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_VERDICT], 1);
	assert_false(r.verdict.applied);
	assert_true(r.verdict.error[0] != '\0');
	assert_int_equal(core_snapshot(r.c)->member_count, 3);
	/* It may be tried again. */
	push(&r, 8, 0, &s);
	assert_int_equal(r.said[CORE_STORE_SNAPSHOT], 1);
	snapshot_deinit(&s);
	rig_end(&r);
}

static void a_push_that_does_not_verify_costs_its_source(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4),
			good = snapshot_of("2026-06-01T12:40:00Z", 4);
	struct buf json = BUF_INIT;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up_from(&r, 1, STRANGER, "/ip4/198.51.100.1/tcp/1234"), CORE_GUEST);
	s.sig.at[0] ^= 1;
	assert_ok(snapshot_print(&json, &s));
	core_snapshot_in(r.c, 5, SNAPSHOT_PUSHED, 1, buf_bytes(&json), r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.verdict.reason, SNAPSHOT_SIGNATURE);
	push(&r, 6, 1, &good);
	assert_int_equal(r.verdict.reason, SNAPSHOT_RATE_LIMITED);
	assert_int_equal(rig_up_from(&r, 2, 0x61, "/ip4/198.51.100.1/tcp/1235"), CORE_REFUSED);
	assert_string_equal(r.why, "source_blocked");
	/* A member from there is still welcome. */
	assert_int_equal(rig_up_from(&r, 3, FRIEND, "/ip4/198.51.100.1/tcp/1236"), CORE_MEMBER);
	rig_pass(&r, 61000);
	rig_look(&r);
	assert_int_equal(rig_up_from(&r, 4, 0x61, "/ip4/198.51.100.1/tcp/1237"), CORE_GUEST);
	buf_deinit(&json);
	snapshot_deinit(&s);
	snapshot_deinit(&good);
	rig_end(&r);
}

static void what_a_pull_brings_is_judged_and_told(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4);
	struct buf json = BUF_INIT;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	core_sync_now(r.c, r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_PULL], 1);
	s.sig.at[0] ^= 1;
	assert_ok(pull_answer_print(&json, &s, NULL));
	core_pull_done(r.c, 1, buf_bytes(&json), 0, r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_PULL_REFUSED], 1);
	assert_int_equal(r.pull_refused, SNAPSHOT_SIGNATURE);
	/* The next one: nonsense; and one more: that there is nothing to learn is no fault. */
	for (unsigned i = 0; i < 2; i++) {
		const char *text = i ? "{\"error\":\"membership not initialized\"}\n" : "{\"snapshot\":7}\n";

		core_sync_now(r.c, r.wall, r.now);
		rig_look(&r);
		assert_int_equal(r.said[CORE_PULL], 1);
		core_pull_done(r.c, 1, bytes_str(text), 0, r.wall, r.now);
		rig_look(&r);
		assert_int_equal(r.said[CORE_PULL_REFUSED], i ? 0 : 1);
	}
	assert_int_equal(core_snapshot(r.c)->member_count, 3);
	buf_deinit(&json);
	snapshot_deinit(&s);
	rig_end(&r);
}

static void signature_checks_of_one_peer_have_a_rate(void **state)
{
	struct rig r;
	unsigned refused = 0;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	for (unsigned i = 0; i < 10; i++) {
		/* From another cluster's point of view valid, from ours too; each newer. */
		char when[40];
		struct snapshot s;

		(void)snprintf(when, sizeof(when), "2026-06-01T12:30:%02uZ", i);
		s = snapshot_of(when, 4);
		push(&r, 10 + i, 1, &s);
		refused += r.said[CORE_VERDICT] && r.verdict.reason == SNAPSHOT_RATE_LIMITED;
		snapshot_deinit(&s);
	}
	assert_int_equal(refused, 5);
	rig_end(&r);
}

static void a_proof_makes_a_guest_an_admin(void **state)
{
	struct rig r;
	struct admin_proof proof = proof_for("prod", STRANGER, GOLDEN_SYSTEM_SEED,
		"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
	struct admin_proof other = proof_for(
		"prod", 0x61, GOLDEN_SYSTEM_SEED, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
	struct buf json = BUF_INIT, answer = BUF_INIT;
	struct admin_answer a;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, STRANGER), CORE_GUEST);
	assert_ok(admin_request_print(&json, &other));
	assert_err(
		core_admin_in(r.c, 1, buf_bytes(&json), &answer, r.wall, r.now), P2P_ERR_REFUSED);
	assert_ok(admin_answer_parse(buf_bytes(&answer), &a));
	assert_false(a.ok);
	assert_int_equal(core_conn_class(r.c, 1), CORE_GUEST);
	buf_reset(&json);
	buf_reset(&answer);
	assert_ok(admin_request_print(&json, &proof));
	assert_ok(core_admin_in(r.c, 1, buf_bytes(&json), &answer, r.wall, r.now));
	assert_ok(admin_answer_parse(buf_bytes(&answer), &a));
	assert_true(a.ok);
	rig_look(&r);
	assert_int_equal(r.granted, CORE_ADMIN);
	rig_pass(&r, CORE_ADMIN_MS);
	rig_look(&r);
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.why, "admin_time_over");
	buf_deinit(&json);
	buf_deinit(&answer);
	rig_end(&r);
}

static void explain_names_the_cause_first(void **state)
{
	struct rig r;
	struct explain e;
	struct peer_id third = person_id(THIRD);
	struct maddr a;

	(void)state;
	rig_begin(&r, 5);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/10.0.0.13/tcp/4100"), &a));
	core_addrs(r.c, &third, &a, 1, CORE_ADDR_CONFIG, r.wall, r.now);
	rig_pass(&r, 500);
	rig_look(&r);
	assert_int_equal(r.said[CORE_DIAL], 1);
	core_dial_failed(r.c, 1, &a, P2P_ERR_REFUSED, CORE_AT_CONNECT, r.wall, r.now);
	core_dial_done(r.c, 1, r.wall, r.now);
	core_explain(r.c, NULL, r.wall, r.now, &e);
	assert_string_equal(e.cause, "too_few_online");
	assert_string_equal(e.finding, "peer_down");
	assert_int_equal(strncmp(buf_cstr(&e.lines), "degraded: p2posd does not run at ", 33), 0);
	assert_non_null(
		strstr(buf_cstr(&e.lines), "2 of 5 members are online, and a majority is 3"));
	assert_non_null(strstr(buf_cstr(&e.lines), "10.0.0.13/tcp/4100 failed at connect"));
	assert_non_null(strstr(buf_cstr(&e.lines), "\n  it becomes healthy when 1 more member is online"));
	assert_non_null(strstr(buf_cstr(&e.remedies), "\nit becomes healthy when 1 more member is online\n"));
	assert_string_equal(buf_cstr(&e.notes), "");
	explain_deinit(&e);
	core_explain_peer(r.c, &third, r.wall, r.now, &e);
	assert_string_equal(e.cause, "never");
	explain_deinit(&e);
	rig_end(&r);
}

static void dials_are_bounded_and_another_peer_costs_the_address(void **state)
{
	struct rig r;
	struct peer_id third = person_id(THIRD);
	struct core_addr got;
	struct maddr a;
	struct core_view v;

	(void)state;
	rig_begin(&r, 0);
	for (unsigned i = 0; i < 200; i++) {
		struct peer_id id = person_id((uint8_t)(0x20 + i));
		char text[64];

		(void)snprintf(text, sizeof(text), "/ip4/10.0.0.%u/tcp/4100", i + 1);
		assert_ok(maddr_parse(bytes_str(text), &a));
		core_addrs(r.c, &id, &a, 1, CORE_ADDR_DNS, r.wall, r.now);
	}
	rig_pass(&r, 5000);
	core_view(r.c, r.wall, r.now, &v);
	assert_int_equal(v.dials, CORE_DIALS_MAX);
	rig_end(&r);

	rig_begin(&r, 3);
	core_addrs(r.c, &third, &a, 1, CORE_ADDR_DNS, r.wall, r.now);
	rig_pass(&r, 500);
	assert_true(core_addr_at(r.c, &third, 0, &got));
	core_dial_failed(r.c, 1, &a, P2P_ERR_MISMATCH, CORE_AT_SECURE, r.wall, r.now);
	core_dial_done(r.c, 1, r.wall, r.now);
	assert_false(core_addr_at(r.c, &third, 0, &got));
	rig_end(&r);
}

static void fifty_members_cost_little(void **state)
{
	struct rig r;
	size_t before, after;
	struct buf b = BUF_INIT;

	(void)state;
	before = mallinfo2().uordblks;
	rig_begin(&r, 50);
	for (uint8_t i = 1; i < 50; i++) {
		struct peer_id id = person_id((uint8_t)(SELF + i));
		struct maddr a;

		assert_int_equal(rig_up(&r, i, (uint8_t)(SELF + i)), CORE_MEMBER);
		assert_ok(maddr_parse(BYTES_LIT("/ip4/192.0.2.9/tcp/4100"), &a));
		core_addrs(r.c, &id, &a, 1, CORE_ADDR_IDENTIFY, r.wall, r.now);
		core_protocols(r.c, i, 0xff, r.wall, r.now);
		(void)core_heartbeat_in(
			r.c, i, rig_beat(&b, (uint8_t)(SELF + i), r.wall), r.wall, r.now);
	}
	rig_look(&r);
	after = mallinfo2().uordblks;
	/* Under a sanitizer malloc does not tell. */
	assert_true(before == after || after - before < 128 * 1024);
	print_message("50 connected members: %zu bytes\n", after - before);
	buf_deinit(&b);
	rig_end(&r);
}

/* malloc's figures count as used what its cache for the thread keeps, so this runs without one. */
static void without_malloc_cache(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	(void)argc;
	without_malloc_cache(argv);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_strangers_and_ourselves_are_told_apart),
		cmocka_unit_test(an_unconfigured_node_talks_to_anyone),
		cmocka_unit_test(guests_are_few_and_stay_a_minute),
		cmocka_unit_test(pending_keeps_the_newest_of_many),
		cmocka_unit_test(nothing_is_acknowledged_before_it_is_stored),
		cmocka_unit_test(what_the_disk_refuses_is_not_in_force),
		cmocka_unit_test(a_push_that_does_not_verify_costs_its_source),
		cmocka_unit_test(what_a_pull_brings_is_judged_and_told),
		cmocka_unit_test(signature_checks_of_one_peer_have_a_rate),
		cmocka_unit_test(a_proof_makes_a_guest_an_admin),
		cmocka_unit_test(explain_names_the_cause_first),
		cmocka_unit_test(dials_are_bounded_and_another_peer_costs_the_address),
		cmocka_unit_test(fifty_members_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
