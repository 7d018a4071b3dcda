/* SPDX-License-Identifier: Apache-2.0 */
/* From symptoms to causes: each symptom by itself, on one core driven by hand. The faults
 * themselves are made in tests/e2e/explain_score.py. */
#include "proto/cluster/findings.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

#define SELF     0x11 /* the first member of snapshot_of() */
#define FRIEND   0x12
#define THIRD    0x13
#define STRANGER 0x60

struct rig {
	struct core *c;
	struct key_pair key;
	struct key_public system;
	struct rng_seeded rng;
	wall_t wall;
	mono_t now;
	struct core_surroundings around;
	struct findings f;
};

static void pull_all(struct rig *r)
{
	struct core_decision d;

	while (core_next(r->c, &d))
		;
}

static void begin(struct rig *r, unsigned members)
{
	struct core_opts o;
	struct core_memory m = {0};
	struct snapshot s = snapshot_of("2026-06-01T12:00:00Z", members ? members : 1);

	*r = (struct rig){.now = t0,
		.wall = at("2026-06-01T13:00:00Z"),
		.around = {.bootstrap_entries = 1, .starved_at = WALL_ZERO}};
	r->key = person(SELF);
	r->system = person_public(GOLDEN_SYSTEM_SEED);
	rng_seed(&r->rng, 1);
	o = (struct core_opts){.identity = &r->key,
		.cluster_id = "prod",
		.system = &r->system,
		.heartbeat_interval_ms = 30000,
		.heartbeat_timeout_ms = 90000,
		.dead_after_ms = 4000,
		.mesh_full_limit = 128,
		.mesh_degree = 24,
		.guests_max = 2,
		.connections_max = 64,
		.rng = &r->rng.rng};
	r->c = core_new(&o, r->wall, r->now);
	if (members)
		m.snapshot = buf_bytes(&s.raw);
	core_load(r->c, &m, r->wall, r->now);
	snapshot_deinit(&s);
	pull_all(r);
}

static void end(struct rig *r)
{
	core_free(r->c);
}

static void pass(struct rig *r, int64_t ms)
{
	mono_t until = mono_add_ms(r->now, ms);

	while (mono_reached(core_deadline(r->c), until)) {
		mono_t next = mono_max(core_deadline(r->c), r->now);

		r->wall = wall_add_ns(r->wall, mono_since_ns(next, r->now));
		r->now = next;
		core_tick(r->c, r->wall, r->now);
		pull_all(r);
	}
	r->wall = wall_add_ns(r->wall, mono_since_ns(until, r->now));
	r->now = until;
}

/* The word of the first finding, "" for none. */
static const char *first(struct rig *r)
{
	struct core_view v;

	core_view(r->c, r->wall, r->now, &v);
	findings_make(r->c, &v, &r->around, r->wall, r->now, &r->f);
	return r->f.count ? r->f.list[0].cause : "";
}

static void up(struct rig *r, uint64_t conn, uint8_t who)
{
	struct peer_id id = person_id(who);
	struct maddr a;
	const char *why;

	assert_ok(maddr_parse(BYTES_LIT("/ip4/192.0.2.7/tcp/50000"), &a));
	(void)core_conn_up(r->c, conn, &id, CONN_LISTENER, &a, 0, &why, r->wall, r->now);
	pull_all(r);
}

/* Dials `who` at an address, and lets it fail. */
static void dial_fails(struct rig *r, uint8_t who, const char *text, int err, enum core_stage stage)
{
	struct peer_id id = person_id(who);
	struct core_decision d;
	struct maddr a;

	assert_ok(maddr_parse(bytes_str(text), &a));
	core_addrs(r->c, &id, &a, 1, CORE_ADDR_CONFIG, r->wall, r->now);
	for (int i = 0; i < 1000; i++) {
		r->now = mono_add_ms(r->now, 10);
		r->wall = wall_add_ns(r->wall, 10 * NS_PER_MS);
		core_tick(r->c, r->wall, r->now);
		while (core_next(r->c, &d)) {
			uint64_t dial = d.kind == CORE_DIAL ? d.u.dial->id : 0;

			if (!dial || !peer_id_eq(&d.u.dial->peer, &id))
				continue;
			core_dial_failed(r->c, dial, &a, err, stage, r->wall, r->now);
			core_dial_done(r->c, dial, r->wall, r->now);
			return;
		}
	}
	fail_msg("it was never dialled");
}

static void how_far_a_dial_comes_tells_why_it_failed(void **state)
{
	static const struct {
		int err;
		enum core_stage stage;
		const char *cause;
	} cases[] = {
		{P2P_ERR_REFUSED, CORE_AT_CONNECT, "peer_down"},
		{P2P_ERR_TIMEOUT, CORE_AT_CONNECT, "firewalled"},
		{P2P_ERR_UNREACHABLE, CORE_AT_CONNECT, "firewalled"},
		{P2P_ERR_TIMEOUT, CORE_AT_UPGRADE, "frozen"},
		{P2P_ERR_TIMEOUT, CORE_AT_SECURE, "frozen"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig r;

		begin(&r, 3);
		up(&r, 1, FRIEND);
		assert_string_equal(first(&r), "");
		dial_fails(&r, THIRD, "/ip4/10.0.0.13/tcp/4100", cases[i].err, cases[i].stage);
		assert_string_equal(first(&r), cases[i].cause);
		end(&r);
	}
}

static void over_quic_a_silent_process_looks_like_a_silent_machine(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	up(&r, 1, FRIEND);
	dial_fails(&r, THIRD, "/ip4/10.0.0.13/udp/4100/quic-v1", P2P_ERR_TIMEOUT, CORE_AT_SECURE);
	assert_string_equal(first(&r), "firewalled");
	end(&r);
}

static void connections_that_carry_nothing_again_and_again_are_an_mtu_hole(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	up(&r, 1, FRIEND);
	for (uint64_t conn = 2; conn < 5; conn++) {
		up(&r, conn, THIRD);
		for (int i = 0; i < 60; i++) {
			pass(&r, 100);
			core_heard(r.c, 1, r.wall, r.now); /* the other one lives all the time */
		}
		core_conn_down(r.c, conn, CORE_DOWN_OURS, "silence", r.wall, r.now);
		pull_all(&r);
		assert_string_equal(first(&r), conn == 2 ? "silent" : "mtu_hole");
	}
	end(&r);
}

static void answers_that_come_late_are_packet_loss(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 2);
	up(&r, 1, FRIEND);
	for (int i = 0; i < 30; i++) {
		struct core_decision d;
		bool asked = false;

		while (!asked) {
			r.now = mono_add_ms(r.now, 10);
			core_tick(r.c, r.wall, r.now);
			while (core_next(r.c, &d))
				asked = asked || d.kind == CORE_PING;
		}
		r.now = mono_add_ms(r.now, i < 14 || i % 2 ? 1 : 230);
		core_pong(r.c, 1, NS_PER_MS, r.wall, r.now);
		pull_all(&r);
		if (i == 13)
			assert_string_equal(first(&r), "");
	}
	assert_string_equal(first(&r), "packet_loss");
	end(&r);
}

static void guests_beyond_the_limit_are_told_of(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 1);
	up(&r, 1, STRANGER);
	up(&r, 2, STRANGER + 1);
	assert_string_equal(first(&r), "");
	up(&r, 3, STRANGER + 2);
	assert_string_equal(first(&r), "guests_full");
	end(&r);
}

static void a_refused_list_is_told_of_until_a_good_one_comes(void **state)
{
	struct snapshot s = snapshot_of("2026-06-02T12:00:00Z", 3); /* tomorrow */
	struct rig r;

	(void)state;
	begin(&r, 3);
	up(&r, 1, FRIEND);
	core_snapshot_in(r.c, 1, SNAPSHOT_PUSHED, 1, buf_bytes(&s.raw), r.wall, r.now);
	pull_all(&r);
	assert_string_equal(first(&r), "snapshot_from_future");
	/* An hour later it is of no interest any more. */
	r.wall = wall_add_sec(r.wall, 3601);
	assert_string_not_equal(first(&r), "snapshot_from_future");
	snapshot_deinit(&s);
	end(&r);
}

static void what_the_machine_lacks_comes_first(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	dial_fails(&r, THIRD, "/ip4/10.0.0.13/tcp/4100", P2P_ERR_REFUSED, CORE_AT_CONNECT);
	r.around.starved_at = r.wall;
	assert_string_equal(first(&r), "no_descriptors");
	r.around.is_disk_full = true;
	assert_string_equal(first(&r), "disk_full");
	assert_true(r.f.count >= 3);
	/* Each that can be cured says how. */
	for (size_t i = 0; i < r.f.count; i++)
		assert_true(r.f.list[i].remedy[0] || strcmp(r.f.list[i].cause, "silent") == 0);
	end(&r);
}

static void a_newcomer_without_anywhere_to_go_is_told_what_is_missing(void **state)
{
	struct rig r;
	struct maddr a;
	struct peer_id id = person_id(FRIEND);

	(void)state;
	begin(&r, 0);
	assert_string_equal(first(&r), "");
	r.around.bootstrap_entries = 0;
	assert_string_equal(first(&r), "no_bootstrap");
	r.around.bootstrap_entries = 1;
	r.around.dns_failed = "init.test";
	r.around.dns_err = P2P_ERR_TIMEOUT;
	assert_string_equal(first(&r), "dns_failed");
	r.around.dns_failed = NULL;
	assert_ok(maddr_parse(BYTES_LIT("/ip4/10.0.0.12/tcp/4100"), &a));
	core_addrs(r.c, &id, &a, 1, CORE_ADDR_DNS, r.wall, r.now);
	dial_fails(&r, FRIEND, "/ip4/10.0.0.12/tcp/4100", P2P_ERR_MISMATCH, CORE_AT_SECURE);
	assert_string_equal(first(&r), "other_peer_id");
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_far_a_dial_comes_tells_why_it_failed),
		cmocka_unit_test(over_quic_a_silent_process_looks_like_a_silent_machine),
		cmocka_unit_test(connections_that_carry_nothing_again_and_again_are_an_mtu_hole),
		cmocka_unit_test(answers_that_come_late_are_packet_loss),
		cmocka_unit_test(guests_beyond_the_limit_are_told_of),
		cmocka_unit_test(a_refused_list_is_told_of_until_a_good_one_comes),
		cmocka_unit_test(what_the_machine_lacks_comes_first),
		cmocka_unit_test(a_newcomer_without_anywhere_to_go_is_told_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
