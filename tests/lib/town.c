/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/town_parts.h"

#include "proto/base/mem.h"
#include "proto/keys/peer_record.h"
#include <assert.h>
#include <stdlib.h>

/* 2026-06-01T00:00:00Z when the virtual clock stands at zero. */
#define TOWN_EPOCH_SEC INT64_C(1780272000)
#define PROOF_SEC      (365 * 86400)

/* ---- names and clocks ---- */

wall_t town_true_wall(const struct town *t)
{
	return wall_add_ns((wall_t){TOWN_EPOCH_SEC, 0}, town_now(t).ns);
}

mono_t town_now(const struct town *t)
{
	return net_now(t->net);
}

wall_t town_wall(const struct town *t, unsigned node)
{
	return wall_add_ns(town_true_wall(t), t->nodes[node].skew_ms * NS_PER_MS);
}

mono_t *town_pair(struct town *t, unsigned a, unsigned b)
{
	return &t->pair_trouble[a * t->o.nodes + b];
}

int town_index_of(const struct town *t, const struct peer_id *id)
{
	for (unsigned i = 0; i < t->o.nodes; i++)
		if (peer_id_eq(&t->nodes[i].id, id))
			return (int)i;
	return -1;
}

struct maddr town_addr(const struct town *t, unsigned node, unsigned port)
{
	struct maddr_ip ip = {.family = 4,
		.ip = {10, 0, (uint8_t)(node >> 8), (uint8_t)node},
		.port = (uint16_t)port};
	struct maddr a;

	if (t->o.quic)
		maddr_from_ip_quic(&ip, &a);
	else
		maddr_from_ip_tcp(&ip, &a);
	return a;
}

/* ---- keys and lists ---- */

static void make_key(uint64_t seed, uint32_t who, struct key_pair *ret)
{
	uint8_t bytes[32] = {0};

	memcpy(bytes, &seed, sizeof(seed));
	memcpy(bytes + 8, &who, sizeof(who));
	key_from_seed(bytes, ret);
}

static void make_proof(struct town *t, unsigned admin, wall_t from, wall_t to)
{
	struct admin_proof *p = &t->proofs[admin];
	int err;

	*p = (struct admin_proof){
		.cluster_id = "town", .role = ADMIN_ROLE, .valid_from = from, .valid_to = to};
	key_pair_peer_id(&t->admins[admin], &p->peer);
	err = admin_proof_sign(p, &t->system);
	assert(!err);
	(void)err;
}

void town_proof_ends(struct town *t, unsigned admin, int64_t in_ms)
{
	wall_t now = town_true_wall(t);

	make_proof(t, admin, wall_add_sec(now, -PROOF_SEC), wall_add_ns(now, in_ms * NS_PER_MS));
}

static struct snapshot sign_list(
	struct town *t, struct member_list *take_l, unsigned admin, int64_t back_ms)
{
	struct snapshot s;
	enum snapshot_reason reason;
	int err = snapshot_build(&s, "town", wall_add_ns(town_true_wall(t), -back_ms * NS_PER_MS),
		take_l, &t->proofs[admin], &t->admins[admin], &reason);

	assert(!err);
	(void)err;
	member_list_deinit(take_l);
	return s;
}

struct snapshot town_list(struct town *t, uint64_t members, unsigned admin, int64_t back_ms)
{
	struct member_list l = {0};

	for (unsigned i = 0; i < t->o.nodes && i < 64; i++)
		if (members >> i & 1)
			(void)member_list_add(&l, &t->nodes[i].id);
	return sign_list(t, &l, admin, back_ms);
}

struct snapshot town_list_of(struct town *t, unsigned n, unsigned admin, int64_t back_ms)
{
	struct member_list l = {0};

	for (unsigned i = 0; i < n; i++)
		(void)member_list_add(&l, &t->nodes[i].id);
	return sign_list(t, &l, admin, back_ms);
}

/* ---- building ---- */

static void seal_record(struct town *t, struct node *n)
{
	struct peer_record r = {.peer = n->id, .seq = 1, .addr_count = 1};

	(void)t;
	r.addrs[0] = town_addr(t, n->index, 4100);
	(void)peer_record_seal(&n->own_record, &n->key, &r);
}

static void make_node(struct town *t, unsigned i)
{
	struct node *n = &t->nodes[i];

	n->index = i;
	make_key(t->o.seed, 100 + i, &n->key);
	key_pair_peer_id(&n->key, &n->id);
	rng_seed(&n->rng, t->o.seed * 1000003 + i);
	n->disk.marks = xcalloc(t->o.nodes, sizeof(*n->disk.marks));
	n->disk.records = xcalloc(t->o.nodes, sizeof(*n->disk.records));
	n->bytes_from = xcalloc(t->o.nodes, sizeof(*n->bytes_from));
	n->deadline = MONO_NEVER;
	seal_record(t, n);
	town_wipe(t, i);
}

void town_give(struct town *t, unsigned node, const struct snapshot *s)
{
	struct disk *d = &t->nodes[node].disk;

	assert(!t->nodes[node].up);
	buf_reset(&d->snapshot);
	(void)buf_put(&d->snapshot, buf_bytes(&s->raw));
	d->floor = snapshot_stamp(s);
}

static void give_first_list(struct town *t)
{
	if (t->o.members == 0)
		return;
	t->first = town_list_of(t, t->o.members, 0, 3600000);
	for (unsigned i = 0; i < t->o.members; i++)
		town_give(t, i, &t->first);
}

struct town *town_new(const struct town_opts *o)
{
	struct town *t = xcalloc(1, sizeof(*t));
	struct net_opts net = {.hosts = o->nodes,
		.seed = o->seed,
		.latency_us_min = o->latency_us_max ? o->latency_us_min : 200,
		.latency_us_max = o->latency_us_max ? o->latency_us_max : 800,
		.loss_percent = o->loss_percent};

	t->o = *o;
	t->trace = UINT64_C(0xcbf29ce484222325);
	town_face(t, &net.face);
	t->net = net_new(&net);
	make_key(o->seed, 1, &t->system);
	key_public_of(&t->system, &t->system_public);
	for (unsigned i = 0; i < TOWN_ADMINS; i++) {
		make_key(o->seed, 10 + i, &t->admins[i]);
		make_proof(t, i, wall_add_sec(town_true_wall(t), -86400),
			wall_add_sec(town_true_wall(t), PROOF_SEC));
	}
	t->nodes = xcalloc(o->nodes, sizeof(*t->nodes));
	t->pair_trouble = xcalloc((size_t)o->nodes * o->nodes, sizeof(*t->pair_trouble));
	for (unsigned i = 0; i < o->nodes; i++)
		make_node(t, i);
	give_first_list(t);
	for (unsigned i = 0; i < o->nodes && !o->dont_start; i++)
		town_start(t, i);
	return t;
}

void town_free(struct town *t)
{
	for (unsigned i = 0; i < t->o.nodes; i++) {
		struct node *n = &t->nodes[i];

		if (n->up)
			town_halt(t, n);
		for (unsigned k = 0; k < t->o.nodes; k++)
			buf_deinit(&n->disk.records[k]);
		buf_deinit(&n->disk.snapshot);
		buf_deinit(&n->own_record);
		buf_deinit(&n->store_json);
		free(n->disk.marks);
		free(n->disk.records);
		free(n->bytes_from);
	}
	snapshot_deinit(&t->first);
	net_free(t->net);
	free(t->nodes);
	free(t->pair_trouble);
	free(t);
}

/* ---- time ---- */

static struct node *next_node(struct town *t)
{
	struct node *best = NULL;

	for (unsigned i = 0; i < t->o.nodes; i++) {
		struct node *n = &t->nodes[i];

		if (n->up && !net_is_frozen(t->net, i) &&
			(!best || mono_before(n->deadline, best->deadline)))
			best = n;
	}
	return best;
}

/* Does the next thing, unless it comes after `end`. */
static bool step(struct town *t, mono_t end)
{
	struct node *n = next_node(t);
	mono_t net = net_next(t->net), core = n ? n->deadline : MONO_NEVER;
	mono_t at = mono_max(mono_min(net, core), town_now(t));

	if (mono_before(end, at))
		return false;
	net_move(t->net, at);
	if (mono_before(core, net)) {
		core_tick(n->core, town_wall(t, n->index), town_now(t));
		town_drain(t, n);
	} else {
		net_step(t->net);
	}
	return true;
}

void town_run(struct town *t, int64_t ms)
{
	mono_t end = mono_add_ms(town_now(t), ms);

	while (step(t, end))
		;
	net_move(t->net, end);
}

bool town_run_until(struct town *t, bool (*holds)(struct town *t, void *of), void *of, int64_t ms)
{
	mono_t end = mono_add_ms(town_now(t), ms);

	while (!holds(t, of))
		if (!step(t, end)) {
			net_move(t->net, end);
			return holds(t, of);
		}
	return true;
}

/* ---- nodes ---- */

static void trouble(struct town *t, unsigned node)
{
	t->nodes[node].trouble = town_now(t);
}

void town_start(struct town *t, unsigned node)
{
	assert(!t->nodes[node].up);
	trouble(t, node);
	net_start(t->net, node);
	town_boot(t, &t->nodes[node]);
}

void town_wipe(struct town *t, unsigned node)
{
	struct disk *d = &t->nodes[node].disk;

	assert(!t->nodes[node].up);
	buf_reset(&d->snapshot);
	d->floor = (struct snapshot_stamp){0};
	d->unclean = false;
	for (unsigned i = 0; i < t->o.nodes; i++) {
		d->marks[i] = (struct core_stored_mark){
			.peer = t->nodes[i].id, .heartbeat_ts = WALL_ZERO, .last_seen = WALL_ZERO};
		buf_reset(&d->records[i]);
	}
	/* Without a disk there is nothing to hold it to. */
	t->nodes[node].floor_seen = d->floor;
}

void town_lose_list(struct town *t, unsigned node)
{
	assert(!t->nodes[node].up);
	buf_reset(&t->nodes[node].disk.snapshot);
}

void town_kill(struct town *t, unsigned node)
{
	trouble(t, node);
	net_kill(t->net, node);
	town_halt(t, &t->nodes[node]);
}

void town_crash(struct town *t, unsigned node)
{
	trouble(t, node);
	net_crash(t->net, node);
	town_halt(t, &t->nodes[node]);
}

void town_restart(struct town *t, unsigned node)
{
	struct node *n = &t->nodes[node];
	struct core_member m;

	(void)core_restarting(n->core, NOW(t, n));
	town_drain(t, n);
	town_run(t, 50);
	for (unsigned i = 0; i < t->o.nodes; i++)
		if (core_member_get(n->core, &t->nodes[i].id, NOW(t, n), &m) && !m.self)
			n->disk.marks[i].last_seen = m.last_seen;
	n->disk.unclean = false;
	n->disk.resumed = true;
	town_kill(t, node);
}

void town_vanish(struct town *t, unsigned node)
{
	trouble(t, node);
	net_vanish(t->net, node);
	town_halt(t, &t->nodes[node]);
}

void town_freeze(struct town *t, unsigned node)
{
	trouble(t, node);
	net_freeze(t->net, node);
}

void town_thaw(struct town *t, unsigned node)
{
	struct node *n = &t->nodes[node];
	int64_t ms = net_thaw(t->net, node);

	trouble(t, node);
	core_stalled(n->core, ms, town_wall(t, node), town_now(t));
	town_drain(t, n);
	net_thaw_rest(t->net, node);
}

void town_skew(struct town *t, unsigned node, int64_t ms)
{
	t->nodes[node].skew_ms = ms;
}

void town_fail_store(struct town *t, unsigned node, unsigned nth, unsigned how)
{
	t->nodes[node].fail_in = nth + 1;
	t->nodes[node].fail_how = how;
}

bool town_is_up(const struct town *t, unsigned node)
{
	return t->nodes[node].up;
}

struct core *town_core(struct town *t, unsigned node)
{
	return t->nodes[node].core;
}

struct peer_id town_id(const struct town *t, unsigned node)
{
	return t->nodes[node].id;
}

struct net *town_net(struct town *t)
{
	return t->net;
}

/* ---- cuts ---- */

void town_cut_one_way(struct town *t, unsigned from, unsigned to, bool cut)
{
	net_cut(t->net, from, to, cut);
	*town_pair(t, from, to) = *town_pair(t, to, from) = town_now(t);
	if (cut) /* for as long as it lasts */
		*town_pair(t, from, to) = *town_pair(t, to, from) = MONO_NEVER;
}

void town_cut(struct town *t, unsigned a, unsigned b, bool cut)
{
	town_cut_one_way(t, a, b, cut);
	town_cut_one_way(t, b, a, cut);
}

void town_split(struct town *t, uint64_t side)
{
	for (unsigned a = 0; a < t->o.nodes; a++)
		for (unsigned b = 0; b < a; b++)
			if ((side >> a & 1) != (side >> b & 1))
				town_cut(t, a, b, true);
}

void town_heal(struct town *t)
{
	for (unsigned a = 0; a < t->o.nodes; a++)
		for (unsigned b = 0; b < a; b++)
			if (mono_is_never(*town_pair(t, a, b)))
				town_cut(t, a, b, false);
}

/* ---- publishing ---- */

uint64_t town_publish(struct town *t, unsigned node, const struct snapshot *s)
{
	struct node *n = &t->nodes[node];
	uint64_t token = ++t->tokens;

	t->asked[token % TOWN_TOKENS_MAX] =
		(struct asked){.node = node, .stamp = snapshot_stamp(s)};
	core_snapshot_in(n->core, token, SNAPSHOT_LOCAL, 0, buf_bytes(&s->raw), town_wall(t, node),
		town_now(t));
	town_drain(t, n);
	return token;
}

struct town_verdict town_verdict(const struct town *t, uint64_t token)
{
	return t->asked[token % TOWN_TOKENS_MAX].verdict;
}

/* ---- what they think ---- */

enum core_state town_state(struct town *t, unsigned node)
{
	struct core_view v;

	core_view(t->nodes[node].core, town_wall(t, node), town_now(t), &v);
	return v.state;
}

static bool member_of(struct town *t, unsigned node, unsigned other, struct core_member *ret)
{
	return t->nodes[node].up && core_member_get(t->nodes[node].core, &t->nodes[other].id,
					    town_wall(t, node), town_now(t), ret);
}

bool town_sees(struct town *t, unsigned node, unsigned other)
{
	struct core_member m;

	return member_of(t, node, other, &m) && m.online;
}

bool town_is_linked(struct town *t, unsigned node, unsigned other)
{
	struct core_member m;

	return member_of(t, node, other, &m) && m.conn != 0;
}

bool town_holds(struct town *t, unsigned node, const struct snapshot *s)
{
	const struct snapshot *held = t->nodes[node].up ? core_snapshot(t->nodes[node].core) : NULL;

	return held && snapshot_cmp(held, s) == 0;
}

unsigned town_count_holding(struct town *t, const struct snapshot *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->o.nodes; i++)
		n += town_holds(t, i, s);
	return n;
}

bool town_all(struct town *t, enum core_state s)
{
	for (unsigned i = 0; i < t->o.nodes; i++)
		if (t->nodes[i].up && town_state(t, i) != s)
			return false;
	return true;
}

struct town_count town_count(const struct town *t)
{
	return t->count;
}

uint64_t town_false_downs(const struct town *t)
{
	return t->false_downs;
}

uint64_t town_trace(const struct town *t)
{
	return t->trace;
}

bool town_alerted(const struct town *t, unsigned node, const char *kind)
{
	for (size_t i = 0; i < t->nodes[node].alert_count; i++)
		if (strcmp(t->nodes[node].alerts[i], kind) == 0)
			return true;
	return false;
}
