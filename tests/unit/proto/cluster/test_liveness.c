/* SPDX-License-Identifier: Apache-2.0 */
/* One core, driven by hand: what proves that a member lives, and who is asked and missed when. How
 * many cores behave together is tested in tests/sim. */
#include "proto/cluster/core.h"

#include "proto/p2pos/digest.h"
#include "proto/p2pos/exchange.h"
#include "proto/p2pos/restart.h"
#include "proto/p2pos/suspect.h"
#include "tests/lib/core_rig.h"

static void heartbeats_count_once_from_their_sender_and_in_time(void **state)
{
	struct rig r;
	struct buf b = BUF_INIT;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	assert_int_equal(rig_up(&r, 2, STRANGER), CORE_GUEST);
#define IN(conn, who, ts) core_heartbeat_in(r.c, conn, rig_beat(&b, who, ts), r.wall, r.now)
	assert_int_equal(IN(1, FRIEND, r.wall), HEARTBEAT_OK);
	assert_int_equal(IN(1, FRIEND, r.wall), HEARTBEAT_REPLAY);
	assert_int_equal(IN(1, FRIEND, wall_add_sec(r.wall, -1)), HEARTBEAT_REPLAY);
	assert_int_equal(IN(1, THIRD, r.wall), HEARTBEAT_SENDER_MISMATCH);
	assert_int_equal(IN(1, FRIEND, wall_add_sec(r.wall, 301)), HEARTBEAT_TIMESTAMP);
	assert_int_equal(IN(2, STRANGER, r.wall), HEARTBEAT_NOT_MEMBER);
	assert_int_equal(IN(9, FRIEND, r.wall), HEARTBEAT_NOT_MEMBER);
	assert_int_equal(IN(1, FRIEND, wall_add_ns(r.wall, 1)), HEARTBEAT_OK);
#undef IN
	rig_look(&r);
	assert_int_equal(r.said[CORE_STORE_MARK], 1); /* once a minute */
	buf_deinit(&b);
	rig_end(&r);
}

static void take_digest(struct rig *r, uint64_t conn, uint8_t of, wall_t ts)
{
	struct buf json = BUF_INIT;
	struct key_pair k = person(of);
	struct heartbeat h;

	heartbeat_sign(&h, "prod", ts, &k);
	assert_ok(digest_begin(&json));
	assert_ok(digest_add(&json, &h, 3));
	assert_ok(digest_end(&json));
	assert_ok(core_digest_in(r->c, conn, buf_bytes(&json), r->wall, r->now));
	buf_deinit(&json);
}

static void a_heartbeat_that_a_digest_overtook_is_no_replay(void **state)
{
	struct rig r;
	struct buf b = BUF_INIT;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	assert_int_equal(rig_up(&r, 2, THIRD), CORE_MEMBER);
#define IN(ts) core_heartbeat_in(r.c, 2, rig_beat(&b, THIRD, ts), r.wall, r.now)
	assert_int_equal(IN(wall_add_sec(r.wall, -9)), HEARTBEAT_OK);
	take_digest(&r, 1, THIRD, r.wall);
	/* An older one first, then the very same, each once. */
	assert_int_equal(IN(wall_add_sec(r.wall, -5)), HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(r.wall), HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(r.wall), HEARTBEAT_REPLAY);
	assert_int_equal(IN(wall_add_sec(r.wall, -5)), HEARTBEAT_REPLAY);
	/* It is checked like any other. */
	take_digest(&r, 1, THIRD, wall_add_sec(r.wall, 2));
	rig_beat(&b, THIRD, wall_add_sec(r.wall, 1));
	((char *)b.data)[b.len - 8] ^= 1;
	assert_int_not_equal(core_heartbeat_in(r.c, 2, buf_bytes(&b), r.wall, r.now),
		HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(wall_add_sec(r.wall, 1)), HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(wall_add_sec(r.wall, 3)), HEARTBEAT_OK);
#undef IN
	buf_deinit(&b);
	rig_end(&r);
}

static void a_digest_proves_life_at_its_own_instant_only(void **state)
{
	struct rig r;
	struct buf json = BUF_INIT;
	struct key_pair k = person(THIRD);
	struct peer_id third = person_id(THIRD);
	struct heartbeat h;
	struct core_member m;
	wall_t then;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	then = wall_add_sec(r.wall, -20);
	heartbeat_sign(&h, "prod", then, &k);
	assert_ok(digest_begin(&json));
	assert_ok(digest_add(&json, &h, 3));
	assert_ok(digest_end(&json));
	assert_ok(core_digest_in(r.c, 1, buf_bytes(&json), r.wall, r.now));
	/* The pretend clock began one second ago, so the instant is before it, and no evidence ages
	 * from "now". */
	assert_true(core_member_get(r.c, &third, r.wall, r.now, &m));
	assert_true(m.online && m.relayed && m.conn == 0);
	assert_true(wall_diff_ms(r.wall, m.last_seen) >= 19999);
	/* Somebody else's signature under it convinces nobody. */
	h.ts = r.wall;
	buf_reset(&json);
	assert_ok(digest_begin(&json));
	assert_ok(digest_add(&json, &h, 3));
	assert_ok(digest_end(&json));
	assert_err(core_digest_in(r.c, 1, buf_bytes(&json), r.wall, r.now), P2P_ERR_SIGNATURE);
	rig_look(&r);
	buf_deinit(&json);
	rig_end(&r);
}

static void a_member_goes_with_its_last_connection(void **state)
{
	struct rig r;
	struct peer_id friend = person_id(FRIEND);
	struct core_member m;
	struct maddr a;
	const char *why;
	uint64_t first;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/192.0.2.7/tcp/4100"), &a));
	assert_int_equal(core_conn_up(r.c, 2, &friend, CONN_DIALER, &a, 0, &why, r.wall, r.now), CORE_MEMBER);
	rig_look(&r);
	assert_int_equal(r.said[CORE_MEMBER_UP], 1);
	/* One of the two goes, the one that is too many if that is decided already: it is still there. */
	first = r.said[CORE_CLOSE] ? r.closed : 1;
	core_conn_down(r.c, first, CORE_DOWN_REMOTE, "remote_eof", r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 0);
	assert_true(core_member_get(r.c, &friend, r.wall, r.now, &m) && m.online && m.conn == 3 - first);
	core_conn_down(r.c, 3 - first, CORE_DOWN_REMOTE, "remote_eof", r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 1);
	assert_true(core_member_get(r.c, &friend, r.wall, r.now, &m) && !m.online);
	rig_end(&r);
}

static void evidence_of_others_ends_after_its_time(void **state)
{
	struct rig r;
	struct peer_id third = person_id(THIRD);
	struct core_member m;
	unsigned downs = 0;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	take_digest(&r, 1, THIRD, r.wall);
	assert_true(core_member_get(r.c, &third, r.wall, r.now, &m) && m.online && m.relayed);
	rig_look(&r);
	/* The other one keeps talking, so that only this one can go. */
	for (unsigned s = 0; s < 95; s++) {
		core_heard(r.c, 1, r.wall, r.now);
		rig_pass(&r, 1000);
		rig_look(&r);
		downs += r.said[CORE_MEMBER_DOWN];
		assert_int_equal(downs, s < 90 ? 0 : 1);
	}
	assert_true(core_member_get(r.c, &third, r.wall, r.now, &m) && !m.online);
	assert_string_equal(m.why, "heartbeat_expired");
	/* The second conn ends as well: the majority goes with it, and the reason names whom. */
	core_conn_down(r.c, 1, CORE_DOWN_REMOTE, "remote_eof", r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.state, CORE_DEGRADED);
	rig_end(&r);
}

static void heartbeats_go_to_members_that_take_them_alone(void **state)
{
	struct rig r;
	struct peer_id admin = person_id(GOLDEN_ADMIN_SEED);
	struct maddr a;
	const char *why;
	unsigned beats = 0;

	(void)state;
	rig_begin(&r, 3);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/192.0.2.9/tcp/50000"), &a));
	assert_int_equal(core_conn_up(r.c, 1, &admin, CONN_LISTENER, &a, 0, &why, r.wall, r.now), CORE_ADMIN);
	assert_int_equal(rig_up(&r, 2, STRANGER), CORE_GUEST);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	core_protocols(r.c, 2, 0xff, r.wall, r.now);
	for (unsigned s = 0; s < 120; s++) {
		core_heard(r.c, 1, r.wall, r.now);
		rig_pass(&r, 1000);
		rig_look(&r);
		beats += r.said[CORE_SEND_HEARTBEAT] + r.said[CORE_SEND_DIGEST];
	}
	assert_int_equal(beats, 0);
	/* A member is, at once and then every half minute. */
	assert_int_equal(rig_up(&r, 3, FRIEND), CORE_MEMBER);
	core_protocols(r.c, 3, 0xff, r.wall, r.now);
	for (unsigned s = 0; s < 100; s++) {
		core_heard(r.c, 3, r.wall, r.now);
		rig_look(&r);
		beats += r.said[CORE_SEND_HEARTBEAT];
		rig_pass(&r, 1000);
	}
	assert_in_range(beats, 3, 5);
	/* Until it does not take them; only on another conn it is tried again. */
	core_unsupported(r.c, 3, CORE_SPEAKS_HEARTBEAT);
	core_protocols(r.c, 3, 0xff, r.wall, r.now);
	rig_look(&r);
	beats = 0;
	for (unsigned s = 0; s < 100; s++) {
		core_heard(r.c, 3, r.wall, r.now);
		rig_pass(&r, 1000);
		rig_look(&r);
		beats += r.said[CORE_SEND_HEARTBEAT];
	}
	assert_int_equal(beats, 0);
	rig_end(&r);
}

static void suspicions_are_answered_by_a_signature_and_have_a_rate(void **state)
{
	struct rig r;
	struct buf json = BUF_INIT;
	struct peer_id self = person_id(SELF);
	unsigned refused = 0;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	rig_look(&r);
	assert_ok(suspect_print(&json, &self));
	for (unsigned i = 0; i < 100; i++)
		refused += core_suspect_in(r.c, 1, buf_bytes(&json), r.wall, r.now) == P2P_ERR_FULL;
	rig_look(&r);
	assert_int_equal(refused, 36);
	assert_int_equal(r.said[CORE_SEND_HEARTBEAT], 1);
	buf_deinit(&json);
	rig_end(&r);
}

/* The conn that stands for FRIEND; 0 when none does. */
static uint64_t conn_of_friend(struct rig *r)
{
	struct peer_id friend = person_id(FRIEND);
	struct core_member m;

	for (size_t i = 0; core_member_at(r->c, i, r->wall, r->now, &m); i++)
		if (peer_id_eq(&m.peer, &friend))
			return m.conn;
	return 0;
}

/* What it says arrives all the time, and perhaps that we do not answer; but nothing answers our
 * questions (FM-18). */
static void heard_for(struct rig *r, int64_t ms, bool complains)
{
	struct peer_id self = person_id(SELF);
	struct buf json = BUF_INIT;

	assert_ok(suspect_print(&json, &self));
	for (; ms > 0; ms -= 100) {
		if (complains && ms % 1000 == 0)
			assert_ok(core_suspect_in(r->c, 1, buf_bytes(&json), r->wall, r->now));
		rig_pass(r, 100);
		core_heard(r->c, 1, r->wall, r->now);
		rig_look(r);
	}
	buf_deinit(&json);
}

static void one_that_we_hear_and_that_does_not_hear_us_is_not_connected(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up_from(&r, 1, FRIEND, "/ip4/10.0.0.2/udp/4100/quic-v1"), CORE_MEMBER);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	heard_for(&r, 5000, false);
	assert_true(conn_of_friend(&r) == 1);
	heard_for(&r, 2000, true);
	assert_true(conn_of_friend(&r) == 1);
	heard_for(&r, 1000, true);
	heard_for(&r, 200, false);
	assert_true(conn_of_friend(&r) == 0);
	assert_int_equal(r.state, CORE_HEALTHY); /* it lives, all the same */
	core_pong(r.c, 1, NS_PER_MS, r.wall, r.now);
	assert_true(conn_of_friend(&r) == 1);
	rig_end(&r);
}

static void an_answer_or_an_end_of_complaints_keeps_the_conn(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up_from(&r, 1, FRIEND, "/ip4/10.0.0.2/udp/4100/quic-v1"), CORE_MEMBER);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	heard_for(&r, 1000, true);
	core_pong(r.c, 1, NS_PER_MS, r.wall, r.now);
	heard_for(&r, 4000, false);
	assert_true(conn_of_friend(&r) == 1);
	heard_for(&r, 1000, true);
	heard_for(&r, 4000, false); /* our answers were lost for a moment, it hears us again */
	assert_true(conn_of_friend(&r) == 1);
	rig_end(&r);
}

/* Questions in a minute, all of them answered at once; pokes by number of conn. */
static unsigned questions_in_a_minute(struct rig *r, unsigned *ret_pokes, size_t conns)
{
	unsigned asked = 0;

	memset(ret_pokes, 0, conns * sizeof(*ret_pokes));
	for (int i = 0; i < 6000; i++) {
		struct core_decision d;

		rig_pass(r, 10);
		while (core_next(r->c, &d)) {
			if (d.kind == CORE_POKE) {
				assert_true(d.conn < conns);
				ret_pokes[d.conn]++;
			}
			if (d.kind != CORE_PING)
				continue;
			asked++;
			core_pong(r->c, d.conn, NS_PER_MS, r->wall, r->now);
		}
	}
	return asked;
}

/* Nobody's kernel says goodbye for a killed process over QUIC (performance.md D10). */
static void members_over_quic_are_poked_and_few_of_them_asked_more_often(void **state)
{
	unsigned pokes[5];
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up_from(&r, 1, FRIEND, "/ip4/10.0.0.2/tcp/4100"), CORE_MEMBER);
	assert_int_equal(rig_up_from(&r, 2, THIRD, "/ip4/10.0.0.3/tcp/4100"), CORE_MEMBER);
	assert_in_range(questions_in_a_minute(&r, pokes, 5), 54, 67);
	assert_int_equal(pokes[1] + pokes[2], 0);
	core_conn_down(r.c, 2, CORE_DOWN_OURS, "test", r.wall, r.now);
	assert_int_equal(rig_up_from(&r, 3, THIRD, "/ip4/10.0.0.3/udp/4100/quic-v1"), CORE_MEMBER);
	assert_in_range(questions_in_a_minute(&r, pokes, 5), 135, 168);
	assert_in_range(pokes[3], 135, 168);
	assert_int_equal(pokes[1], 0);
	core_conn_down(r.c, 3, CORE_DOWN_OURS, "test", r.wall, r.now);
	assert_int_equal(rig_up_from(&r, 4, THIRD, "/ip4/10.0.0.3/tcp/4100"), CORE_MEMBER);
	assert_in_range(questions_in_a_minute(&r, pokes, 5), 54, 68);
	assert_int_equal(pokes[3] + pokes[4], 0);
	rig_end(&r);
}

/* Nor does a stranger's, but that is its own business. */
static void strangers_are_not_poked(void **state)
{
	unsigned pokes[2];
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up_from(&r, 1, STRANGER, "/ip4/10.0.0.9/udp/4100/quic-v1"), CORE_GUEST);
	(void)questions_in_a_minute(&r, pokes, 2);
	assert_int_equal(pokes[1], 0);
	rig_end(&r);
}

/* Of many, all get their turn, and what leaves does not grow with them. */
static void of_many_all_are_poked_and_no_more_often(void **state)
{
	enum { MANY = 40 };
	unsigned pokes[MANY + 1], sum = 0;
	struct rig r;

	(void)state;
	rig_begin(&r, MANY + 1);
	for (uint8_t i = 1; i <= MANY; i++)
		assert_int_equal(rig_up_from(&r, i, (uint8_t)(SELF + i), "/ip4/10.0.0.3/udp/4100/quic-v1"),
			CORE_MEMBER);
	assert_in_range(questions_in_a_minute(&r, pokes, MANY + 1), 54, 67);
	for (unsigned i = 1; i <= MANY; i++) {
		assert_in_range(pokes[i], 2, 9);
		sum += pokes[i];
	}
	assert_in_range(sum, 3 * 54, 3 * 67);
	rig_end(&r);
}

/* What `who` would say of its restart, from `ms` later on. */
static int announce(struct rig *r, uint64_t conn, uint8_t who, int64_t ms)
{
	struct key_pair key = person(who);
	struct restart_notice n;
	struct buf out = BUF_INIT;
	int err;

	restart_sign(&n, "prod", r->wall, ms, &key);
	assert_ok(restart_print(&out, &n));
	err = core_restart_in(r->c, conn, buf_bytes(&out), r->wall, r->now);
	buf_deinit(&out);
	return err;
}

static void a_member_that_announced_its_restart_is_not_missed(void **state)
{
	struct core_member m;
	struct peer_id friend = person_id(FRIEND);
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	assert_int_equal(rig_up(&r, 1, FRIEND), CORE_MEMBER);
	rig_look(&r);
	assert_ok(announce(&r, 1, FRIEND, 5000));
	core_conn_down(r.c, 1, CORE_DOWN_REMOTE, "shutdown", r.wall, r.now);
	rig_look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN] + r.said[CORE_STATE], 0);
	assert_true(core_member_get(r.c, &friend, r.wall, r.now, &m));
	assert_true(m.online && m.conn == 0);
	assert_string_equal(m.why, "restarting");
	rig_pass(&r, 4999);
	rig_look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 0);
	rig_pass(&r, 2);
	rig_look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 1);
	assert_int_equal(r.state, CORE_DEGRADED);
	rig_end(&r);
}

static void announcements_are_of_members_themselves_and_once_a_minute(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	(void)rig_up(&r, 1, FRIEND);
	(void)rig_up(&r, 2, STRANGER);
	assert_err(announce(&r, 2, STRANGER, 5000), P2P_ERR_DENIED);
	assert_err(announce(&r, 99, FRIEND, 5000), P2P_ERR_DENIED);
	assert_err(announce(&r, 1, THIRD, 5000), P2P_ERR_MISMATCH);
	assert_ok(announce(&r, 1, FRIEND, 5000));
	assert_err(announce(&r, 1, FRIEND, 5000), P2P_ERR_FULL);
	for (unsigned i = 0; i < 59; i++) {
		rig_pass(&r, 1000);
		core_heard(r.c, 1, r.wall, r.now);
	}
	rig_pass(&r, 999);
	assert_err(announce(&r, 1, FRIEND, 5000), P2P_ERR_FULL);
	rig_pass(&r, 1);
	assert_ok(announce(&r, 1, FRIEND, 5000));
	rig_end(&r);
}

static void a_restart_is_announced_to_those_who_understand(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r, 3);
	(void)rig_up(&r, 1, FRIEND);
	(void)rig_up(&r, 2, THIRD);
	(void)rig_up(&r, 3, STRANGER);
	core_protocols(r.c, 1, CORE_SPEAKS_RESTART, r.wall, r.now);
	core_protocols(r.c, 2, CORE_SPEAKS_HEARTBEAT, r.wall, r.now);
	core_protocols(r.c, 3, CORE_SPEAKS_RESTART, r.wall, r.now);
	rig_look(&r);
	assert_int_equal(core_restarting(r.c, r.wall, r.now), 1);
	rig_look(&r);
	assert_int_equal(r.said[CORE_SEND_RESTART], 1);
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_that_announced_its_restart_is_not_missed),
		cmocka_unit_test(announcements_are_of_members_themselves_and_once_a_minute),
		cmocka_unit_test(a_restart_is_announced_to_those_who_understand),
		cmocka_unit_test(heartbeats_count_once_from_their_sender_and_in_time),
		cmocka_unit_test(a_heartbeat_that_a_digest_overtook_is_no_replay),
		cmocka_unit_test(a_digest_proves_life_at_its_own_instant_only),
		cmocka_unit_test(a_member_goes_with_its_last_connection),
		cmocka_unit_test(evidence_of_others_ends_after_its_time),
		cmocka_unit_test(heartbeats_go_to_members_that_take_them_alone),
		cmocka_unit_test(suspicions_are_answered_by_a_signature_and_have_a_rate),
		cmocka_unit_test(one_that_we_hear_and_that_does_not_hear_us_is_not_connected),
		cmocka_unit_test(an_answer_or_an_end_of_complaints_keeps_the_conn),
		cmocka_unit_test(members_over_quic_are_poked_and_few_of_them_asked_more_often),
		cmocka_unit_test(strangers_are_not_poked),
		cmocka_unit_test(of_many_all_are_poked_and_no_more_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
