/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/core_rig.h"

#include <stdio.h>

void rig_look(struct rig *r)
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

void rig_begin(struct rig *r, unsigned members)
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
		.guests_max = RIG_GUESTS_MAX,
		.connections_max = 64,
		.rng = &r->rng.rng};
	r->c = core_new(&o, r->wall, r->now);
	if (members)
		m.snapshot = buf_bytes(&s.raw);
	core_load(r->c, &m, r->wall, r->now);
	snapshot_deinit(&s);
	rig_look(r);
}

void rig_end(struct rig *r)
{
	core_free(r->c);
}

void rig_pass(struct rig *r, int64_t ms)
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

enum core_class rig_up_from(struct rig *r, uint64_t conn, uint8_t who, const char *from)
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

enum core_class rig_up(struct rig *r, uint64_t conn, uint8_t who)
{
	return rig_up_from(r, conn, who, "/ip4/192.0.2.7/tcp/50000");
}

struct bytes rig_beat(struct buf *to, uint8_t who, wall_t ts)
{
	struct key_pair k = person(who);
	struct heartbeat h;

	heartbeat_sign(&h, "prod", ts, &k);
	buf_reset(to);
	assert_ok(heartbeat_print(to, &h));
	return buf_bytes(to);
}
