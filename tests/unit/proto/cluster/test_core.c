/* SPDX-License-Identifier: Apache-2.0 */
/* One core, driven by hand: who may stay, what is answered, where the bounds are. How many cores
 * behave together is tested in tests/sim. */
#include "proto/cluster/core.h"

#include "proto/p2pos/digest.h"
#include "proto/p2pos/exchange.h"
#include "proto/p2pos/restart.h"
#include "proto/p2pos/suspect.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

#include <malloc.h>
#include <stdio.h>

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
	/* what core_next() said since the last look() */
	unsigned said[CORE_ALERT + 1];
	struct core_verdict verdict;
	enum snapshot_reason pull_refused;
	uint64_t store_token, closed;
	char why[64], reason[160];
	enum core_class granted;
	enum core_state state;
};

static void look(struct rig *r)
{
	struct core_decision d;

	memset(r->said, 0, sizeof(r->said));
	while (core_next(r->c, &d)) {
		r->said[d.kind]++;
		if (d.kind == CORE_VERDICT)
			r->verdict = d.u.verdict;
		if (d.kind == CORE_PULL_REFUSED)
			r->pull_refused = d.u.reason;
		if (d.kind == CORE_STORE_SNAPSHOT)
			r->store_token = d.u.store.token;
		if (d.kind == CORE_CLOSE) {
			r->closed = d.conn;
			(void)snprintf(r->why, sizeof(r->why), "%s", d.why);
		}
		if (d.kind == CORE_GRANT)
			r->granted = d.klass;
		if (d.kind == CORE_STATE) {
			r->state = d.u.state.next;
			(void)snprintf(r->reason, sizeof(r->reason), "%s", d.u.state.reason);
		}
	}
}

static void begin(struct rig *r, unsigned members)
{
	struct core_opts o;
	struct core_memory m = {0};
	struct snapshot s = snapshot_of("2026-06-01T12:00:00Z", members ? members : 1);

	*r = (struct rig){.now = t0, .wall = at("2026-06-01T13:00:00Z")};
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
		.guests_max = 16,
		.connections_max = 64,
		.rng = &r->rng.rng};
	r->c = core_new(&o, r->wall, r->now);
	if (members)
		m.snapshot = buf_bytes(&s.raw);
	core_load(r->c, &m, r->wall, r->now);
	snapshot_deinit(&s);
	look(r);
}

static void end(struct rig *r)
{
	core_free(r->c);
}

/* Time passes, and everything that is due happens. */
static void pass(struct rig *r, int64_t ms)
{
	mono_t until = mono_add_ms(r->now, ms);

	while (mono_reached(core_deadline(r->c), until)) {
		mono_t next = mono_max(core_deadline(r->c), r->now);

		r->wall = wall_add_ns(r->wall, mono_since_ns(next, r->now));
		r->now = next;
		core_tick(r->c, r->wall, r->now);
	}
	r->wall = wall_add_ns(r->wall, mono_since_ns(until, r->now));
	r->now = until;
}

static enum core_class up_from(struct rig *r, uint64_t conn, uint8_t who, const char *from)
{
	struct peer_id id = person_id(who);
	struct maddr a;
	const char *why;
	enum core_class k;

	assert_ok(maddr_parse(bytes_str(from), &a));
	k = core_conn_up(r->c, conn, &id, CONN_LISTENER, &a, 0, &why, r->wall, r->now);
	(void)snprintf(r->why, sizeof(r->why), "%s", why ? why : "");
	assert_int_equal(k == CORE_REFUSED, why != NULL);
	return k;
}

static enum core_class up(struct rig *r, uint64_t conn, uint8_t who)
{
	return up_from(r, conn, who, "/ip4/192.0.2.7/tcp/50000");
}

static void members_strangers_and_ourselves_are_told_apart(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	assert_int_equal(r.state, CORE_DEGRADED);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	assert_int_equal(up(&r, 2, STRANGER), CORE_GUEST);
	assert_int_equal(up(&r, 3, GOLDEN_ADMIN_SEED), CORE_ADMIN); /* issued the list */
	assert_int_equal(up(&r, 4, SELF), CORE_REFUSED);
	assert_string_equal(r.why, "self");
	look(&r);
	assert_int_equal(r.state, CORE_HEALTHY);
	assert_string_equal(r.reason, "quorum");
	assert_int_equal(r.said[CORE_MEMBER_UP], 1);
	assert_int_equal(core_conn_class(r.c, 1), CORE_MEMBER);
	assert_int_equal(core_conn_class(r.c, 99), CORE_REFUSED);
	end(&r);
}

static void an_unconfigured_node_talks_to_anyone(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 0);
	assert_int_equal(r.state, CORE_UNCONFIGURED);
	assert_string_equal(r.reason, "no_snapshot");
	assert_int_equal(up(&r, 1, STRANGER), CORE_OPEN);
	core_protocols(r.c, 1, CORE_SPEAKS_PULL | CORE_SPEAKS_HEARTBEAT, r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_PULL], 1);
	assert_int_equal(r.said[CORE_SEND_HEARTBEAT], 0);
	end(&r);
}

static void guests_are_few_and_stay_a_minute(void **state)
{
	struct rig r;
	struct core_knock k;

	(void)state;
	begin(&r, 3);
	for (uint8_t i = 0; i < 16; i++)
		assert_int_equal(up(&r, 1 + i, 0x60 + i), CORE_GUEST);
	/* None was idle for ten seconds yet. */
	assert_int_equal(up(&r, 17, 0x80), CORE_REFUSED);
	assert_string_equal(r.why, "guests_full");
	pass(&r, 10000);
	core_heard(r.c, 1, r.wall, r.now);
	assert_int_equal(up(&r, 18, 0x80), CORE_GUEST);
	look(&r);
	assert_int_equal(r.closed, 2); /* idle for longest */
	assert_string_equal(r.why, "made_room");
	assert_int_equal(up(&r, 19, FRIEND), CORE_MEMBER); /* members need no room */
	pass(&r, 50000);
	look(&r);
	assert_int_equal(r.said[CORE_CLOSE], 15 + 1); /* and the member, which never answered */
	assert_true(core_pending_at(r.c, 0, &k));
	assert_int_equal(k.tries, 1);
	assert_false(core_pending_at(r.c, 17, &k));
	end(&r);
}

static void pending_keeps_the_newest_of_many(void **state)
{
	struct rig r;
	struct core_knock k;
	struct peer_id first = person_id(0x60);

	(void)state;
	begin(&r, 3);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(up(&r, 1 + i, (uint8_t)(0x60 + i)), CORE_GUEST);
		core_conn_down(r.c, 1 + i, CORE_DOWN_REMOTE, "bye", r.wall, r.now);
	}
	assert_int_equal(up(&r, 200, 0x60 + 99), CORE_GUEST);
	assert_true(core_pending_at(r.c, 0, &k));
	assert_int_equal(k.tries, 2);
	assert_true(core_pending_at(r.c, CORE_PENDING_MAX - 1, &k));
	assert_false(core_pending_at(r.c, CORE_PENDING_MAX, &k));
	for (size_t i = 0; core_pending_at(r.c, i, &k); i++)
		assert_false(peer_id_eq(&k.peer, &first));
	look(&r);
	end(&r);
}

static void push(struct rig *r, uint64_t token, uint64_t conn, const struct snapshot *s)
{
	core_snapshot_in(r->c, token, conn ? SNAPSHOT_PUSHED : SNAPSHOT_LOCAL, conn,
		buf_bytes(&s->raw), r->wall, r->now);
	look(r);
}

static void nothing_is_acknowledged_before_it_is_stored(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4);

	(void)state;
	begin(&r, 3);
	push(&r, 7, 0, &s);
	assert_int_equal(r.said[CORE_STORE_SNAPSHOT], 1);
	assert_int_equal(r.said[CORE_VERDICT], 0);
	assert_int_equal(core_snapshot(r.c)->member_count, 3);
	push(&r, 8, 0, &s); /* the same again, meanwhile */
	assert_int_equal(r.said[CORE_STORE_SNAPSHOT] + r.said[CORE_VERDICT], 0);
	core_stored(r.c, r.store_token, true, r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_VERDICT], 2);
	assert_int_equal(r.said[CORE_MEMBERSHIP], 1);
	assert_true(r.verdict.applied && r.verdict.unchanged);
	assert_int_equal(core_snapshot(r.c)->member_count, 4);
	push(&r, 9, 0, &s);
	assert_true(r.verdict.token == 9 && r.verdict.applied && r.verdict.unchanged);
	snapshot_deinit(&s);
	end(&r);
}

static void what_the_disk_refuses_is_not_in_force(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4);

	(void)state;
	begin(&r, 3);
	push(&r, 7, 0, &s);
	core_stored(r.c, r.store_token, false, r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_VERDICT], 1);
	assert_false(r.verdict.applied);
	assert_true(r.verdict.error[0] != '\0');
	assert_int_equal(core_snapshot(r.c)->member_count, 3);
	/* It may be tried again. */
	push(&r, 8, 0, &s);
	assert_int_equal(r.said[CORE_STORE_SNAPSHOT], 1);
	snapshot_deinit(&s);
	end(&r);
}

static void a_push_that_does_not_verify_costs_its_source(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4),
			good = snapshot_of("2026-06-01T12:40:00Z", 4);
	struct buf json = BUF_INIT;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up_from(&r, 1, STRANGER, "/ip4/198.51.100.1/tcp/1234"), CORE_GUEST);
	s.sig.at[0] ^= 1;
	assert_ok(snapshot_print(&json, &s));
	core_snapshot_in(r.c, 5, SNAPSHOT_PUSHED, 1, buf_bytes(&json), r.wall, r.now);
	look(&r);
	assert_int_equal(r.verdict.reason, SNAPSHOT_SIGNATURE);
	push(&r, 6, 1, &good);
	assert_int_equal(r.verdict.reason, SNAPSHOT_RATE_LIMITED);
	assert_int_equal(up_from(&r, 2, 0x61, "/ip4/198.51.100.1/tcp/1235"), CORE_REFUSED);
	assert_string_equal(r.why, "source_blocked");
	/* A member from there is still welcome. */
	assert_int_equal(up_from(&r, 3, FRIEND, "/ip4/198.51.100.1/tcp/1236"), CORE_MEMBER);
	pass(&r, 61000);
	look(&r);
	assert_int_equal(up_from(&r, 4, 0x61, "/ip4/198.51.100.1/tcp/1237"), CORE_GUEST);
	buf_deinit(&json);
	snapshot_deinit(&s);
	snapshot_deinit(&good);
	end(&r);
}

static void what_a_pull_brings_is_judged_and_told(void **state)
{
	struct rig r;
	struct snapshot s = snapshot_of("2026-06-01T12:30:00Z", 4);
	struct buf json = BUF_INIT;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	core_sync_now(r.c, r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_PULL], 1);
	s.sig.at[0] ^= 1;
	assert_ok(pull_answer_print(&json, &s, NULL));
	core_pull_done(r.c, 1, buf_bytes(&json), 0, r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_PULL_REFUSED], 1);
	assert_int_equal(r.pull_refused, SNAPSHOT_SIGNATURE);
	/* The next one: nonsense; and one more: that there is nothing to learn is no fault. */
	for (unsigned i = 0; i < 2; i++) {
		const char *text = i ? "{\"error\":\"membership not initialized\"}\n" : "{\"snapshot\":7}\n";

		core_sync_now(r.c, r.wall, r.now);
		look(&r);
		assert_int_equal(r.said[CORE_PULL], 1);
		core_pull_done(r.c, 1, bytes_str(text), 0, r.wall, r.now);
		look(&r);
		assert_int_equal(r.said[CORE_PULL_REFUSED], i ? 0 : 1);
	}
	assert_int_equal(core_snapshot(r.c)->member_count, 3);
	buf_deinit(&json);
	snapshot_deinit(&s);
	end(&r);
}

static void signature_checks_of_one_peer_have_a_rate(void **state)
{
	struct rig r;
	unsigned refused = 0;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
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
	end(&r);
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
	begin(&r, 3);
	assert_int_equal(up(&r, 1, STRANGER), CORE_GUEST);
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
	look(&r);
	assert_int_equal(r.granted, CORE_ADMIN);
	pass(&r, CORE_ADMIN_MS);
	look(&r);
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.why, "admin_time_over");
	buf_deinit(&json);
	buf_deinit(&answer);
	end(&r);
}

static struct bytes beat(struct buf *to, uint8_t who, wall_t ts)
{
	struct key_pair k = person(who);
	struct heartbeat h;

	heartbeat_sign(&h, "prod", ts, &k);
	buf_reset(to);
	assert_ok(heartbeat_print(to, &h));
	return buf_bytes(to);
}

static void heartbeats_count_once_from_their_sender_and_in_time(void **state)
{
	struct rig r;
	struct buf b = BUF_INIT;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	assert_int_equal(up(&r, 2, STRANGER), CORE_GUEST);
#define IN(conn, who, ts) core_heartbeat_in(r.c, conn, beat(&b, who, ts), r.wall, r.now)
	assert_int_equal(IN(1, FRIEND, r.wall), HEARTBEAT_OK);
	assert_int_equal(IN(1, FRIEND, r.wall), HEARTBEAT_REPLAY);
	assert_int_equal(IN(1, FRIEND, wall_add_sec(r.wall, -1)), HEARTBEAT_REPLAY);
	assert_int_equal(IN(1, THIRD, r.wall), HEARTBEAT_SENDER_MISMATCH);
	assert_int_equal(IN(1, FRIEND, wall_add_sec(r.wall, 301)), HEARTBEAT_TIMESTAMP);
	assert_int_equal(IN(2, STRANGER, r.wall), HEARTBEAT_NOT_MEMBER);
	assert_int_equal(IN(9, FRIEND, r.wall), HEARTBEAT_NOT_MEMBER);
	assert_int_equal(IN(1, FRIEND, wall_add_ns(r.wall, 1)), HEARTBEAT_OK);
#undef IN
	look(&r);
	assert_int_equal(r.said[CORE_STORE_MARK], 1); /* once a minute */
	buf_deinit(&b);
	end(&r);
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
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	assert_int_equal(up(&r, 2, THIRD), CORE_MEMBER);
#define IN(ts) core_heartbeat_in(r.c, 2, beat(&b, THIRD, ts), r.wall, r.now)
	assert_int_equal(IN(wall_add_sec(r.wall, -9)), HEARTBEAT_OK);
	take_digest(&r, 1, THIRD, r.wall);
	/* An older one first, then the very same, each once. */
	assert_int_equal(IN(wall_add_sec(r.wall, -5)), HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(r.wall), HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(r.wall), HEARTBEAT_REPLAY);
	assert_int_equal(IN(wall_add_sec(r.wall, -5)), HEARTBEAT_REPLAY);
	/* It is checked like any other. */
	take_digest(&r, 1, THIRD, wall_add_sec(r.wall, 2));
	beat(&b, THIRD, wall_add_sec(r.wall, 1));
	((char *)b.data)[b.len - 8] ^= 1;
	assert_int_not_equal(core_heartbeat_in(r.c, 2, buf_bytes(&b), r.wall, r.now),
		HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(wall_add_sec(r.wall, 1)), HEARTBEAT_OVERTAKEN);
	assert_int_equal(IN(wall_add_sec(r.wall, 3)), HEARTBEAT_OK);
#undef IN
	buf_deinit(&b);
	end(&r);
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
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
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
	look(&r);
	buf_deinit(&json);
	end(&r);
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
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/192.0.2.7/tcp/4100"), &a));
	assert_int_equal(core_conn_up(r.c, 2, &friend, CONN_DIALER, &a, 0, &why, r.wall, r.now), CORE_MEMBER);
	look(&r);
	assert_int_equal(r.said[CORE_MEMBER_UP], 1);
	/* One of the two goes, the one that is too many if that is decided already: it is still there. */
	first = r.said[CORE_CLOSE] ? r.closed : 1;
	core_conn_down(r.c, first, CORE_DOWN_REMOTE, "remote_eof", r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 0);
	assert_true(core_member_get(r.c, &friend, r.wall, r.now, &m) && m.online && m.conn == 3 - first);
	core_conn_down(r.c, 3 - first, CORE_DOWN_REMOTE, "remote_eof", r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 1);
	assert_true(core_member_get(r.c, &friend, r.wall, r.now, &m) && !m.online);
	end(&r);
}

static void evidence_of_others_ends_after_its_time(void **state)
{
	struct rig r;
	struct peer_id third = person_id(THIRD);
	struct core_member m;
	unsigned downs = 0;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	take_digest(&r, 1, THIRD, r.wall);
	assert_true(core_member_get(r.c, &third, r.wall, r.now, &m) && m.online && m.relayed);
	look(&r);
	/* The other one keeps talking, so that only this one can go. */
	for (unsigned s = 0; s < 95; s++) {
		core_heard(r.c, 1, r.wall, r.now);
		pass(&r, 1000);
		look(&r);
		downs += r.said[CORE_MEMBER_DOWN];
		assert_int_equal(downs, s < 90 ? 0 : 1);
	}
	assert_true(core_member_get(r.c, &third, r.wall, r.now, &m) && !m.online);
	assert_string_equal(m.why, "heartbeat_expired");
	/* The second conn ends as well: the majority goes with it, and the reason names whom. */
	core_conn_down(r.c, 1, CORE_DOWN_REMOTE, "remote_eof", r.wall, r.now);
	look(&r);
	assert_int_equal(r.state, CORE_DEGRADED);
	end(&r);
}

static void heartbeats_go_to_members_that_take_them_alone(void **state)
{
	struct rig r;
	struct peer_id admin = person_id(GOLDEN_ADMIN_SEED);
	struct maddr a;
	const char *why;
	unsigned beats = 0;

	(void)state;
	begin(&r, 3);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/192.0.2.9/tcp/50000"), &a));
	assert_int_equal(core_conn_up(r.c, 1, &admin, CONN_LISTENER, &a, 0, &why, r.wall, r.now), CORE_ADMIN);
	assert_int_equal(up(&r, 2, STRANGER), CORE_GUEST);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	core_protocols(r.c, 2, 0xff, r.wall, r.now);
	for (unsigned s = 0; s < 120; s++) {
		core_heard(r.c, 1, r.wall, r.now);
		pass(&r, 1000);
		look(&r);
		beats += r.said[CORE_SEND_HEARTBEAT] + r.said[CORE_SEND_DIGEST];
	}
	assert_int_equal(beats, 0);
	/* A member is, at once and then every half minute. */
	assert_int_equal(up(&r, 3, FRIEND), CORE_MEMBER);
	core_protocols(r.c, 3, 0xff, r.wall, r.now);
	for (unsigned s = 0; s < 100; s++) {
		core_heard(r.c, 3, r.wall, r.now);
		look(&r);
		beats += r.said[CORE_SEND_HEARTBEAT];
		pass(&r, 1000);
	}
	assert_in_range(beats, 3, 5);
	/* Until it does not take them; only on another conn it is tried again. */
	core_unsupported(r.c, 3, CORE_SPEAKS_HEARTBEAT);
	core_protocols(r.c, 3, 0xff, r.wall, r.now);
	look(&r);
	beats = 0;
	for (unsigned s = 0; s < 100; s++) {
		core_heard(r.c, 3, r.wall, r.now);
		pass(&r, 1000);
		look(&r);
		beats += r.said[CORE_SEND_HEARTBEAT];
	}
	assert_int_equal(beats, 0);
	end(&r);
}

static void suspicions_are_answered_by_a_signature_and_have_a_rate(void **state)
{
	struct rig r;
	struct buf json = BUF_INIT;
	struct peer_id self = person_id(SELF);
	unsigned refused = 0;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	look(&r);
	assert_ok(suspect_print(&json, &self));
	for (unsigned i = 0; i < 100; i++)
		refused += core_suspect_in(r.c, 1, buf_bytes(&json), r.wall, r.now) == P2P_ERR_FULL;
	look(&r);
	assert_int_equal(refused, 36);
	assert_int_equal(r.said[CORE_SEND_HEARTBEAT], 1);
	buf_deinit(&json);
	end(&r);
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
		pass(r, 100);
		core_heard(r->c, 1, r->wall, r->now);
		look(r);
	}
	buf_deinit(&json);
}

static void one_that_we_hear_and_that_does_not_hear_us_is_not_connected(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up_from(&r, 1, FRIEND, "/ip4/10.0.0.2/udp/4100/quic-v1"), CORE_MEMBER);
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
	end(&r);
}

static void an_answer_or_an_end_of_complaints_keeps_the_conn(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up_from(&r, 1, FRIEND, "/ip4/10.0.0.2/udp/4100/quic-v1"), CORE_MEMBER);
	core_protocols(r.c, 1, 0xff, r.wall, r.now);
	heard_for(&r, 1000, true);
	core_pong(r.c, 1, NS_PER_MS, r.wall, r.now);
	heard_for(&r, 4000, false);
	assert_true(conn_of_friend(&r) == 1);
	heard_for(&r, 1000, true);
	heard_for(&r, 4000, false); /* our answers were lost for a moment, it hears us again */
	assert_true(conn_of_friend(&r) == 1);
	end(&r);
}

static void explain_names_the_cause_first(void **state)
{
	struct rig r;
	struct explain e;
	struct peer_id third = person_id(THIRD);
	struct maddr a;

	(void)state;
	begin(&r, 5);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	assert_ok(maddr_parse(BYTES_LIT("/ip4/10.0.0.13/tcp/4100"), &a));
	core_addrs(r.c, &third, &a, 1, CORE_ADDR_CONFIG, r.wall, r.now);
	pass(&r, 500);
	look(&r);
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
	end(&r);
}

/* Questions in a minute, all of them answered at once. */
static unsigned questions_in_a_minute(struct rig *r)
{
	unsigned asked = 0;

	for (int i = 0; i < 6000; i++) {
		struct core_decision d;

		pass(r, 10);
		while (core_next(r->c, &d)) {
			if (d.kind != CORE_PING)
				continue;
			asked++;
			core_pong(r->c, d.conn, NS_PER_MS, r->wall, r->now);
		}
	}
	return asked;
}

/* Nobody's kernel says goodbye for a killed process over QUIC (performance.md D10). */
static void members_over_quic_are_asked_more_often(void **state)
{
	unsigned over_tcp, over_quic;
	struct rig r;

	(void)state;
	begin(&r, 3);
	assert_int_equal(up_from(&r, 1, FRIEND, "/ip4/10.0.0.2/tcp/4100"), CORE_MEMBER);
	assert_int_equal(up_from(&r, 2, THIRD, "/ip4/10.0.0.3/tcp/4100"), CORE_MEMBER);
	over_tcp = questions_in_a_minute(&r);
	core_conn_down(r.c, 2, CORE_DOWN_OURS, "test", r.wall, r.now);
	assert_int_equal(up_from(&r, 3, THIRD, "/ip4/10.0.0.3/udp/4100/quic-v1"), CORE_MEMBER);
	over_quic = questions_in_a_minute(&r);
	assert_in_range(over_tcp, 54, 67);
	assert_in_range(over_quic, 135, 168);
	core_conn_down(r.c, 3, CORE_DOWN_OURS, "test", r.wall, r.now);
	assert_int_equal(up_from(&r, 4, THIRD, "/ip4/10.0.0.3/tcp/4100"), CORE_MEMBER);
	assert_in_range(questions_in_a_minute(&r), 54, 68);
	end(&r);
}

static void dials_are_bounded_and_another_peer_costs_the_address(void **state)
{
	struct rig r;
	struct peer_id third = person_id(THIRD);
	struct core_addr got;
	struct maddr a;
	struct core_view v;

	(void)state;
	begin(&r, 0);
	for (unsigned i = 0; i < 200; i++) {
		struct peer_id id = person_id((uint8_t)(0x20 + i));
		char text[64];

		(void)snprintf(text, sizeof(text), "/ip4/10.0.0.%u/tcp/4100", i + 1);
		assert_ok(maddr_parse(bytes_str(text), &a));
		core_addrs(r.c, &id, &a, 1, CORE_ADDR_DNS, r.wall, r.now);
	}
	pass(&r, 5000);
	core_view(r.c, r.wall, r.now, &v);
	assert_int_equal(v.dials, CORE_DIALS_MAX);
	end(&r);

	begin(&r, 3);
	core_addrs(r.c, &third, &a, 1, CORE_ADDR_DNS, r.wall, r.now);
	pass(&r, 500);
	assert_true(core_addr_at(r.c, &third, 0, &got));
	core_dial_failed(r.c, 1, &a, P2P_ERR_MISMATCH, CORE_AT_SECURE, r.wall, r.now);
	core_dial_done(r.c, 1, r.wall, r.now);
	assert_false(core_addr_at(r.c, &third, 0, &got));
	end(&r);
}

static void fifty_members_cost_little(void **state)
{
	struct rig r;
	size_t before, after;
	struct buf b = BUF_INIT;

	(void)state;
	before = mallinfo2().uordblks;
	begin(&r, 50);
	for (uint8_t i = 1; i < 50; i++) {
		struct peer_id id = person_id((uint8_t)(SELF + i));
		struct maddr a;

		assert_int_equal(up(&r, i, (uint8_t)(SELF + i)), CORE_MEMBER);
		assert_ok(maddr_parse(BYTES_LIT("/ip4/192.0.2.9/tcp/4100"), &a));
		core_addrs(r.c, &id, &a, 1, CORE_ADDR_IDENTIFY, r.wall, r.now);
		core_protocols(r.c, i, 0xff, r.wall, r.now);
		(void)core_heartbeat_in(
			r.c, i, beat(&b, (uint8_t)(SELF + i), r.wall), r.wall, r.now);
	}
	look(&r);
	after = mallinfo2().uordblks;
	/* Under a sanitizer malloc does not tell. */
	assert_true(before == after || after - before < 128 * 1024);
	print_message("50 connected members: %zu bytes\n", after - before);
	buf_deinit(&b);
	end(&r);
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
	begin(&r, 3);
	assert_int_equal(up(&r, 1, FRIEND), CORE_MEMBER);
	look(&r);
	assert_ok(announce(&r, 1, FRIEND, 5000));
	core_conn_down(r.c, 1, CORE_DOWN_REMOTE, "shutdown", r.wall, r.now);
	look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN] + r.said[CORE_STATE], 0);
	assert_true(core_member_get(r.c, &friend, r.wall, r.now, &m));
	assert_true(m.online && m.conn == 0);
	assert_string_equal(m.why, "restarting");
	pass(&r, 4999);
	look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 0);
	pass(&r, 2);
	look(&r);
	assert_int_equal(r.said[CORE_MEMBER_DOWN], 1);
	assert_int_equal(r.state, CORE_DEGRADED);
	end(&r);
}

static void announcements_are_of_members_themselves_and_once_a_minute(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	(void)up(&r, 1, FRIEND);
	(void)up(&r, 2, STRANGER);
	assert_err(announce(&r, 2, STRANGER, 5000), P2P_ERR_DENIED);
	assert_err(announce(&r, 99, FRIEND, 5000), P2P_ERR_DENIED);
	assert_err(announce(&r, 1, THIRD, 5000), P2P_ERR_MISMATCH);
	assert_ok(announce(&r, 1, FRIEND, 5000));
	assert_err(announce(&r, 1, FRIEND, 5000), P2P_ERR_FULL);
	for (unsigned i = 0; i < 59; i++) {
		pass(&r, 1000);
		core_heard(r.c, 1, r.wall, r.now);
	}
	pass(&r, 999);
	assert_err(announce(&r, 1, FRIEND, 5000), P2P_ERR_FULL);
	pass(&r, 1);
	assert_ok(announce(&r, 1, FRIEND, 5000));
	end(&r);
}

static void a_restart_is_announced_to_those_who_understand(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 3);
	(void)up(&r, 1, FRIEND);
	(void)up(&r, 2, THIRD);
	(void)up(&r, 3, STRANGER);
	core_protocols(r.c, 1, CORE_SPEAKS_RESTART, r.wall, r.now);
	core_protocols(r.c, 2, CORE_SPEAKS_HEARTBEAT, r.wall, r.now);
	core_protocols(r.c, 3, CORE_SPEAKS_RESTART, r.wall, r.now);
	look(&r);
	assert_int_equal(core_restarting(r.c, r.wall, r.now), 1);
	look(&r);
	assert_int_equal(r.said[CORE_SEND_RESTART], 1);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_that_announced_its_restart_is_not_missed),
		cmocka_unit_test(announcements_are_of_members_themselves_and_once_a_minute),
		cmocka_unit_test(a_restart_is_announced_to_those_who_understand),
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
		cmocka_unit_test(heartbeats_count_once_from_their_sender_and_in_time),
		cmocka_unit_test(a_heartbeat_that_a_digest_overtook_is_no_replay),
		cmocka_unit_test(a_digest_proves_life_at_its_own_instant_only),
		cmocka_unit_test(a_member_goes_with_its_last_connection),
		cmocka_unit_test(evidence_of_others_ends_after_its_time),
		cmocka_unit_test(heartbeats_go_to_members_that_take_them_alone),
		cmocka_unit_test(suspicions_are_answered_by_a_signature_and_have_a_rate),
		cmocka_unit_test(one_that_we_hear_and_that_does_not_hear_us_is_not_connected),
		cmocka_unit_test(an_answer_or_an_end_of_complaints_keeps_the_conn),
		cmocka_unit_test(explain_names_the_cause_first),
		cmocka_unit_test(members_over_quic_are_asked_more_often),
		cmocka_unit_test(dials_are_bounded_and_another_peer_costs_the_address),
		cmocka_unit_test(fifty_members_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
