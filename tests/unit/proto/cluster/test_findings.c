/* SPDX-License-Identifier: Apache-2.0 */
/* From symptoms to causes: each symptom by itself, on one core driven by hand. The faults
 * themselves are made in tests/e2e/explain_score.py. */
#include "proto/cluster/findings.h"

#include "tests/lib/core_rig.h"

/* A core, and what it cannot see itself. */
struct patient {
	struct rig r;
	struct core_surroundings around;
	struct findings f;
};

static void begin(struct patient *p, unsigned members)
{
	*p = (struct patient){.around = {.bootstrap_entries = 1, .starved_at = WALL_ZERO}};
	rig_begin(&p->r, members);
}

/* The word of the first finding, "" for none. */
static const char *first(struct patient *p)
{
	struct core_view v;

	core_view(p->r.c, p->r.wall, p->r.now, &v);
	findings_make(p->r.c, &v, &p->around, p->r.wall, p->r.now, &p->f);
	return p->f.count ? p->f.list[0].cause : "";
}

static void up(struct patient *p, uint64_t conn, uint8_t who)
{
	(void)rig_up(&p->r, conn, who);
	rig_look(&p->r);
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
		struct patient p;

		begin(&p, 3);
		up(&p, 1, FRIEND);
		assert_string_equal(first(&p), "");
		dial_fails(&p.r, THIRD, "/ip4/10.0.0.13/tcp/4100", cases[i].err, cases[i].stage);
		assert_string_equal(first(&p), cases[i].cause);
		rig_end(&p.r);
	}
}

static void over_quic_a_silent_process_looks_like_a_silent_machine(void **state)
{
	struct patient p;

	(void)state;
	begin(&p, 3);
	up(&p, 1, FRIEND);
	dial_fails(&p.r, THIRD, "/ip4/10.0.0.13/udp/4100/quic-v1", P2P_ERR_TIMEOUT, CORE_AT_SECURE);
	assert_string_equal(first(&p), "firewalled");
	rig_end(&p.r);
}

static void connections_that_carry_nothing_again_and_again_are_an_mtu_hole(void **state)
{
	struct patient p;

	(void)state;
	begin(&p, 3);
	up(&p, 1, FRIEND);
	for (uint64_t conn = 2; conn < 5; conn++) {
		up(&p, conn, THIRD);
		for (int i = 0; i < 60; i++) {
			rig_pass(&p.r, 100);
			core_heard(p.r.c, 1, p.r.wall, p.r.now); /* the other one lives all the time */
		}
		core_conn_down(p.r.c, conn, CORE_DOWN_OURS, "silence", p.r.wall, p.r.now);
		rig_look(&p.r);
		assert_string_equal(first(&p), conn == 2 ? "silent" : "mtu_hole");
	}
	rig_end(&p.r);
}

static void answers_that_come_late_are_packet_loss(void **state)
{
	struct patient p;

	(void)state;
	begin(&p, 2);
	up(&p, 1, FRIEND);
	for (int i = 0; i < 30; i++) {
		struct core_decision d;
		bool asked = false;

		while (!asked) {
			p.r.now = mono_add_ms(p.r.now, 10);
			core_tick(p.r.c, p.r.wall, p.r.now);
			while (core_next(p.r.c, &d))
				asked = asked || d.kind == CORE_PING;
		}
		p.r.now = mono_add_ms(p.r.now, i < 14 || i % 2 ? 1 : 230);
		core_pong(p.r.c, 1, NS_PER_MS, p.r.wall, p.r.now);
		rig_look(&p.r);
		if (i == 13)
			assert_string_equal(first(&p), "");
	}
	assert_string_equal(first(&p), "packet_loss");
	rig_end(&p.r);
}

static void guests_beyond_the_limit_are_told_of(void **state)
{
	struct patient p;

	(void)state;
	begin(&p, 1);
	for (uint8_t i = 0; i < RIG_GUESTS_MAX; i++)
		up(&p, 1 + i, STRANGER + i);
	assert_string_equal(first(&p), "");
	up(&p, 1 + RIG_GUESTS_MAX, STRANGER + RIG_GUESTS_MAX);
	assert_string_equal(first(&p), "guests_full");
	rig_end(&p.r);
}

static void a_refused_list_is_told_of_until_a_good_one_comes(void **state)
{
	struct snapshot s = snapshot_of("2026-06-02T12:00:00Z", 3); /* tomorrow */
	struct patient p;

	(void)state;
	begin(&p, 3);
	up(&p, 1, FRIEND);
	core_snapshot_in(p.r.c, 1, SNAPSHOT_PUSHED, 1, buf_bytes(&s.raw), p.r.wall, p.r.now);
	rig_look(&p.r);
	assert_string_equal(first(&p), "snapshot_from_future");
	/* An hour later it is of no interest any more. */
	p.r.wall = wall_add_sec(p.r.wall, 3601);
	assert_string_not_equal(first(&p), "snapshot_from_future");
	snapshot_deinit(&s);
	rig_end(&p.r);
}

static void what_the_machine_lacks_comes_first(void **state)
{
	struct patient p;

	(void)state;
	begin(&p, 3);
	dial_fails(&p.r, THIRD, "/ip4/10.0.0.13/tcp/4100", P2P_ERR_REFUSED, CORE_AT_CONNECT);
	p.around.starved_at = p.r.wall;
	assert_string_equal(first(&p), "no_descriptors");
	p.around.is_disk_full = true;
	assert_string_equal(first(&p), "disk_full");
	assert_true(p.f.count >= 3);
	/* Each that can be cured says how. */
	for (size_t i = 0; i < p.f.count; i++)
		assert_true(p.f.list[i].remedy[0] || strcmp(p.f.list[i].cause, "silent") == 0);
	rig_end(&p.r);
}

static void a_newcomer_without_anywhere_to_go_is_told_what_is_missing(void **state)
{
	struct patient p;
	struct maddr a;
	struct peer_id id = person_id(FRIEND);

	(void)state;
	begin(&p, 0);
	assert_string_equal(first(&p), "");
	p.around.bootstrap_entries = 0;
	assert_string_equal(first(&p), "no_bootstrap");
	p.around.bootstrap_entries = 1;
	p.around.dns_failed = "init.test";
	p.around.dns_err = P2P_ERR_TIMEOUT;
	assert_string_equal(first(&p), "dns_failed");
	p.around.dns_failed = NULL;
	assert_ok(maddr_parse(BYTES_LIT("/ip4/10.0.0.12/tcp/4100"), &a));
	core_addrs(p.r.c, &id, &a, 1, CORE_ADDR_DNS, p.r.wall, p.r.now);
	dial_fails(&p.r, FRIEND, "/ip4/10.0.0.12/tcp/4100", P2P_ERR_MISMATCH, CORE_AT_SECURE);
	assert_string_equal(first(&p), "other_peer_id");
	rig_end(&p.r);
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
