/* SPDX-License-Identifier: Apache-2.0 */
/* whole.h: the control socket over real parts: a network stack with a second one to talk to, a
 * core, a database. What the daemon's drive does with the core's decisions is done here in the
 * plainest way: snapshots are on disk at once, pushes and pulls are answered by the test. */
#ifndef P2POS_TESTS_CONTROL_WHOLE_H
#define P2POS_TESTS_CONTROL_WHOLE_H

#include "daemon/control/known.h"
#include "daemon/control/shape.h"
#include "proto/p2pos/draft.h"
#include "tests/lib/golden.h"
#include "tests/lib/nodes.h"
#include "tests/lib/people.h"
#include "tests/lib/tempdir.h"
#include "tests/unit/daemon/control/rig.h"

#define WHOLE_SELF 0x11 /* this node: person 0x11 */
#define WHOLE_PEER 0x12 /* the other stack */
#define WHOLE_GONE 0x13 /* a member that is never there */

struct whole {
	struct rig rig;
	struct tempdir dir;
	struct node self, other;
	struct perfs *perfs, *others_perfs; /* the other one serves */
	struct core *core;
	struct store *store;
	struct wake *wake;
	struct key_public system;
	/* The publish under way. */
	void (*on_verdict)(void *arg, const struct core_verdict *v);
	void *verdict_arg;
	bool holds_verdict; /* the disk is slow: core_stored() is not told */
	uint64_t store_token;
	unsigned pulls;     /* how many members whole_sync() claims to have asked */
	unsigned bootstraps;
};

static inline wall_t whole_wall(const struct whole *w)
{
	return loop_wall(w->rig.loop);
}

static inline mono_t whole_now(const struct whole *w)
{
	return loop_now(w->rig.loop);
}

/* Carries out what the core decided. */
static inline void whole_pump(struct whole *w)
{
	struct core_decision d;

	while (core_next(w->core, &d)) {
		if (d.kind == CORE_STORE_SNAPSHOT && w->holds_verdict)
			w->store_token = d.u.store.token;
		else if (d.kind == CORE_STORE_SNAPSHOT)
			core_stored(w->core, d.u.store.token, true, whole_wall(w), whole_now(w));
		else if (d.kind == CORE_VERDICT && w->on_verdict)
			w->on_verdict(w->verdict_arg, &d.u.verdict);
		else if (w->rig.control)
			control_hear_decision(w->rig.control, &d);
	}
}

/* ---- the face ---- */

static void whole_publish(void *arg, struct bytes json,
	void (*on_verdict)(void *arg, const struct core_verdict *v), void *verdict_arg)
{
	struct whole *w = arg;

	w->on_verdict = on_verdict;
	w->verdict_arg = verdict_arg;
	core_snapshot_in(w->core, 77, SNAPSHOT_LOCAL, 0, json, whole_wall(w), whole_now(w));
	whole_pump(w);
}

static unsigned whole_sync(void *arg)
{
	return ((struct whole *)arg)->pulls;
}

static int whole_status_local(void *arg, struct status_answer *ret)
{
	struct whole *w = arg;
	char addr[] = "/ip4/203.0.113.11/tcp/4100";
	struct status_record r = {.peer = person_id(WHOLE_PEER), .last_remote_addr = addr,
		.last_seen_at = whole_wall(w), .online = true, .observed_by = person_id(WHOLE_SELF)};

	if (!core_snapshot(w->core))
		return P2P_ERR_REFUSED;
	ret->generated_at = whole_wall(w);
	return status_answer_put(ret, &r);
}

static void whole_status_cluster(void *arg,
	void (*on_done)(void *arg, int err, const struct status_answer *a), void *done_arg)
{
	struct peer_id gone = person_id(WHOLE_GONE);
	struct status_answer a = {0};

	assert_ok(whole_status_local(arg, &a));
	status_answer_incomplete(&a, &gone);
	on_done(done_arg, 0, &a);
	status_answer_deinit(&a);
}

static bool whole_seed_at(void *arg, size_t i, struct control_seed *ret)
{
	struct whole *w = arg;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->address, sizeof(ret->address), "init.example.org");
	ret->is_dns = true;
	ret->count = 1;
	ret->addrs[0] = node_maddr(&w->other);
	ret->asked_at = whole_wall(w);
	return i == 0;
}

static unsigned whole_bootstrap(void *arg)
{
	((struct whole *)arg)->bootstraps++;
	return 1;
}

static bool whole_timer_at(void *arg, size_t i, struct control_timer *ret)
{
	*ret = (struct control_timer){"heartbeat", mono_add_ms(whole_now(arg), 500), "sends one"};
	return i == 0;
}

static void whole_measure(void *arg)
{
	(void)arg;
}

static void whole_wake(void *arg)
{
	wake_send(((struct whole *)arg)->wake);
}

static void whole_on_wake(void *arg)
{
	store_dispatch(((struct whole *)arg)->store);
}

static void whole_on_up(void *arg, const struct swarm_conn *c)
{
	struct whole *w = arg;
	const char *why;

	(void)core_conn_up(w->core, c->id, &c->peer, c->side, &c->remote, 0, &why, whole_wall(w),
		whole_now(w));
	whole_pump(w);
	if (w->rig.control)
		control_hear_up(w->rig.control, c);
}

static void whole_on_gone(void *arg, const struct swarm_conn *c, enum swarm_end how, int err,
	const char *why)
{
	struct whole *w = arg;

	(void)err;
	(void)how;
	core_conn_down(w->core, c->id, CORE_DOWN_REMOTE, why, whole_wall(w), whole_now(w));
	whole_pump(w);
	if (w->rig.control)
		control_hear_gone(w->rig.control, c, why);
}

static void whole_on_identified(void *arg, const struct identify_news *news)
{
	struct whole *w = arg;

	if (w->rig.control)
		control_hear_identified(w->rig.control, news);
}

/* ---- snapshots ---- */

/* Persons `first` … as members, signed by the golden admin. */
static inline struct snapshot whole_snapshot_of(unsigned first, unsigned count, wall_t issued_at)
{
	struct admin_proof proof = proof_for("prod", GOLDEN_ADMIN_SEED, GOLDEN_SYSTEM_SEED,
		"2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
	struct key_pair admin = person(GOLDEN_ADMIN_SEED);
	struct member_list members = {0};
	struct snapshot s;

	for (unsigned i = 0; i < count; i++) {
		struct peer_id id = person_id((uint8_t)(first + i));

		assert_ok(member_list_add(&members, &id));
	}
	assert_ok(snapshot_build(&s, "prod", issued_at, &members, &proof, &admin, NULL));
	member_list_deinit(&members);
	return s;
}

/* The same, `age_s` seconds old. */
static inline struct snapshot whole_snapshot(const struct whole *w, unsigned first, unsigned count,
	int64_t age_s)
{
	return whole_snapshot_of(first, count, wall_add_sec(whole_wall(w), -age_s));
}

static void whole_stored(void *arg, int err)
{
	assert_ok(err);
	*(bool *)arg = true;
}

/* Puts one into the database as accepted. */
static inline void whole_remember(struct whole *w, const struct snapshot *s)
{
	struct bytes *texts = xcalloc(s->member_count, sizeof(*texts));
	struct store_snapshot row = {.raw = buf_bytes(&s->raw), .stamp = snapshot_stamp(s),
		.issuer = s->issuer, .source = "push", .received_at = whole_wall(w),
		.members = texts, .member_count = s->member_count};
	bool done = false;

	for (size_t i = 0; i < s->member_count; i++)
		texts[i] = bytes_str(s->members[i].text);
	assert_ok(store_put_snapshot(w->store, &row, whole_stored, &done));
	while (!done)
		rig_turn(&w->rig);
	free(texts);
}

/* Three members: this node, the other stack, and one that is away. */
static inline void whole_configure(struct whole *w)
{
	struct snapshot s = whole_snapshot(w, WHOLE_SELF, 3, 100);
	struct core_memory m = {.snapshot = buf_bytes(&s.raw)};

	whole_remember(w, &s);
	core_load(w->core, &m, whole_wall(w), whole_now(w));
	whole_pump(w);
	assert_non_null(core_snapshot(w->core));
	snapshot_deinit(&s);
}

/* ---- life ---- */

static inline void whole_init(struct whole *w)
{
	struct swarm_watch watch = {.arg = w, .on_up = whole_on_up, .on_gone = whole_on_gone};
	struct store_opts store = {.wake = whole_wake, .arg = w};
	struct core_opts core = {.cluster_id = "prod", .heartbeat_interval_ms = 30000,
		.heartbeat_timeout_ms = 90000, .dead_after_ms = 4000, .mesh_full_limit = 128,
		.mesh_degree = 24, .guests_max = 16, .connections_max = 1024};
	char why[STORE_WHY_SIZE];
	struct store_start start;
	struct control_opts opts;

	memset(w, 0, sizeof(*w));
	rig_init_closed(&w->rig);
	tempdir_make(&w->dir);
	node_init(&w->self, w->rig.loop, WHOLE_SELF);
	node_init(&w->other, w->rig.loop, WHOLE_PEER);
	w->perfs = perfs_new(w->self.streams, false);
	w->others_perfs = perfs_new(w->other.streams, true);
	w->system = person_public(GOLDEN_SYSTEM_SEED);
	w->rig.config.has_system_key = true;
	w->rig.config.system_key = w->system;
	core.identity = &w->self.key;
	core.system = &w->system;
	core.rng = &w->rig.rng.rng;
	w->core = core_new(&core, whole_wall(w), whole_now(w));
	assert_ok(wake_open(w->rig.loop, whole_on_wake, w, &w->wake));
	store.dir = w->dir.path;
	store.now = whole_wall(w);
	assert_ok(store_open(&store, &w->store, &start, why));
	store_start_deinit(&start);
	w->rig.node.core = w->core;
	w->rig.node.store = w->store;
	w->rig.node.swarm = w->self.swarm;
	w->rig.node.streams = w->self.streams;
	w->rig.node.dialer = w->self.dialer;
	w->rig.node.pings = w->self.pings;
	w->rig.node.perfs = w->perfs;
	w->rig.node.identify = w->self.identify;
	w->rig.node.book = w->self.book;
	w->rig.node.self = w->self.self;
	w->rig.node.listener = w->self.listener;
	w->rig.node.identity = &w->self.key;
	w->rig.node.arg = w;
	w->rig.node.publish = whole_publish;
	w->rig.node.sync = whole_sync;
	w->rig.node.status_local = whole_status_local;
	w->rig.node.status_cluster = whole_status_cluster;
	w->rig.node.seed_at = whole_seed_at;
	w->rig.node.bootstrap = whole_bootstrap;
	w->rig.node.timer_at = whole_timer_at;
	w->rig.node.measure = whole_measure;
	swarm_watch(w->self.swarm, &watch);
	identify_listen(w->self.identify, whole_on_identified, w);
	opts = rig_opts(&w->rig);
	assert_ok(control_open(&opts, &w->rig.control));
	control_set_ready(w->rig.control);
}

static inline void whole_deinit(struct whole *w)
{
	control_close(w->rig.control);
	w->rig.control = NULL;
	node_deinit(&w->self);
	node_deinit(&w->other);
	perfs_free(w->perfs);
	perfs_free(w->others_perfs);
	core_free(w->core);
	store_close(w->store);
	wake_close(w->wake);
	rig_deinit(&w->rig);
	tempdir_remove(&w->dir);
}

static inline void whole_connect(struct whole *w)
{
	(void)nodes_connect(&w->self, &w->other);
}

static int whole_setup(void **state)
{
	struct whole *w = xcalloc(1, sizeof(*w));

	whole_init(w);
	*state = w;
	return 0;
}

static int whole_setup_configured(void **state)
{
	(void)whole_setup(state);
	whole_configure(*state);
	return 0;
}

static int whole_teardown(void **state)
{
	whole_deinit(*state);
	free(*state);
	return 0;
}

#endif
