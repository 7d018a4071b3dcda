/* SPDX-License-Identifier: Apache-2.0 */
/* member.publish and member.sync: the membership changes, or might.
 *
 * A publish goes through three gates: is the snapshot good and newer (the core judges that again),
 * is the cluster fit for it, and would it lock somebody out. Only the last two yield to `force`.
 * Then it waits for the members to answer the push. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/control/client.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/effect.h"
#include "daemon/control/rules.h"
#include "daemon/control/server.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define PUBLISH_MS     10000 /* a push has 8 s; who has not answered then is listed as failed */
#define SYNC_MS        8000  /* a pull has 5 s */
#define SYNC_SETTLE_MS 300   /* after the last answer: a newer snapshot is being stored */

/* ---- publish: after the verdict ---- */

struct publish {
	struct wait wait;
	struct control *control;
	struct ticket *t;
	struct timer deadline;
	json_t *info, *pushed, *failed; /* owned until handed into the result */
	struct peer_id *open;           /* owned: members that have not answered yet */
	size_t open_count;
};

static void publish_free(struct publish *p)
{
	list_remove(&p->wait.node);
	loop_timer_stop(p->control->loop, &p->deadline);
	json_decref(p->info);
	json_decref(p->pushed);
	json_decref(p->failed);
	free(p->open);
	free(p);
}

static json_t *publish_result(json_t *info, bool changed, json_t *pushed, json_t *failed)
{
	return json_pack("{s:b, s:b, s:O, s:O, s:O}", "changed", changed ? 1 : 0, "applied", 1,
		"snapshot", info, "pushed", pushed, "failed", failed);
}

static void note_pushed(struct publish *p, const struct peer_id *peer, bool applied)
{
	json_array_append_new(p->pushed, json_pack("{s:o, s:b}", "peer_id", shape_peer(peer),
						 "applied", applied ? 1 : 0));
}

static void publish_finish(struct publish *p)
{
	const struct control_node *n = p->control->node;
	struct core_member m;

	for (size_t i = 0; i < p->open_count; i++) {
		bool has_it = core_member_get(n->core, &p->open[i], loop_wall(n->loop),
				      loop_now(n->loop), &m) &&
			      m.has_snapshot;

		/* Somebody else may have brought it meanwhile. */
		if (has_it)
			note_pushed(p, &p->open[i], true);
		else
			json_array_append_new(p->failed,
				shape_failed(&p->open[i], P2P_ERR_TIMEOUT));
	}
	ticket_ok(p->t, publish_result(p->info, true, p->pushed, p->failed));
	publish_free(p);
}

static void on_publish_deadline(void *arg, mono_t now)
{
	(void)now;
	publish_finish(arg);
}

static void on_push(struct wait *w, const struct peer_id *peer, int err, bool applied)
{
	struct publish *p = list_entry(w, struct publish, wait);

	for (size_t i = 0; i < p->open_count; i++) {
		if (!peer_id_eq(&p->open[i], peer))
			continue;
		p->open[i] = p->open[--p->open_count];
		if (err)
			json_array_append_new(p->failed, shape_failed(peer, err));
		else
			note_pushed(p, peer, applied);
		break;
	}
	if (p->open_count == 0)
		publish_finish(p);
}

static void on_publish_close(struct wait *w)
{
	struct publish *p = list_entry(w, struct publish, wait);

	ticket_fail(p->t, RPC_ERR_SHUTTING_DOWN, NULL);
	publish_free(p);
}

/* Sorts the members into those that have it, those that are being told, and those away. */
static void look_around(struct publish *p)
{
	const struct control_node *n = p->control->node;
	const struct snapshot *held = core_snapshot(n->core);
	struct core_member m;

	p->open = xcalloc(held ? held->member_count + 1 : 1, sizeof(*p->open));
	for (size_t i = 0; held && i < held->member_count &&
			   core_member_at(n->core, i, loop_wall(n->loop), loop_now(n->loop), &m);
		i++) {
		if (m.self || peer_id_is_none(&m.peer))
			continue;
		if (m.has_snapshot)
			note_pushed(p, &m.peer, true);
		else if (m.conn)
			p->open[p->open_count++] = m.peer;
		else
			json_array_append_new(p->failed,
				shape_failed(&m.peer, P2P_ERR_UNREACHABLE));
	}
}

static void fail_verdict(struct publish *p, const struct core_verdict *v)
{
	const struct snapshot *held;
	json_t *data;

	if (v->reason == SNAPSHOT_OK) {
		ticket_fail(p->t, RPC_ERR_STORAGE, "%s",
			v->error && v->error[0] ? v->error : "the snapshot could not be stored");
		return;
	}
	data = json_pack("{s:s}", "detail", rules_detail(v->reason));
	held = ticket_is_wanted(p->t) ? core_snapshot(ticket_node(p->t)->core) : NULL;
	if (v->reason == SNAPSHOT_STALE && held) {
		json_object_set_new(data, "current_issued_at", shape_stamp(held->issued_at));
		json_object_set_new(data, "current_hash", shape_hash(held->hash));
	}
	ticket_fail_with(p->t, rules_error(v->reason), data, NULL, "%s",
		snapshot_reason_text(v->reason));
}

static void on_verdict(void *arg, const struct core_verdict *v)
{
	struct publish *p = arg;

	if (!v->applied)
		fail_verdict(p, v);
	else if (v->unchanged)
		ticket_ok(p->t, publish_result(p->info, false, p->pushed, p->failed));
	/* Told while the control socket closes, or to a client that has left: nobody waits. */
	else if (!ticket_is_wanted(p->t))
		ticket_fail(p->t, RPC_ERR_SHUTTING_DOWN, NULL);
	else {
		look_around(p);
		list_append(&p->control->waits, &p->wait.node);
		loop_timer_in_ms(p->control->loop, &p->deadline, PUBLISH_MS);
		if (p->open_count == 0)
			publish_finish(p);
		return;
	}
	/* The control socket may be gone; this one has never been linked nor armed. */
	json_decref(p->info);
	json_decref(p->pushed);
	json_decref(p->failed);
	free(p);
}

/* ---- publish: the gates ---- */

/* On which side of the proof's time it was signed. `s` is NULL when it could not be read. */
static const char *reason_words(enum snapshot_reason reason, const struct snapshot *s)
{
	if (reason != SNAPSHOT_PROOF_WINDOW || !s)
		return snapshot_reason_text(reason);
	return wall_cmp(s->issued_at, s->proof.valid_from) < 0
		       ? "issued_at is outside the validity of admin_proof: the proof was not valid yet"
		       : "issued_at is outside the validity of admin_proof: the proof had expired";
}

static struct answer *refuse_rule(struct call *c, enum snapshot_reason reason, const struct snapshot *s)
{
	const char *words = reason_words(reason, s);

	/* `explain` tells of it too, to whoever asks later. */
	alerts_note(&call_client(c)->control->alerts, "list_refused", words, loop_wall(call_node(c)->loop));
	return call_fail_with(c, rules_error(reason), json_pack("{s:s}", "detail", rules_detail(reason)), NULL,
		"%s", words);
}

static struct answer *refuse_stale(struct call *c, const struct snapshot *held, const char *why)
{
	return call_fail_with(c, RPC_ERR_SNAPSHOT_STALE,
		json_pack("{s:o, s:o}", "current_issued_at",
			held ? shape_stamp(held->issued_at) : json_null(), "current_hash",
			held ? shape_hash(held->hash) : json_null()),
		NULL, "%s", why);
}

static struct answer *check_expected(struct call *c, const struct snapshot *held)
{
	const char *expected = call_text(c, "expect_hash");
	char hash[SHAPE_HASH_SIZE] = "";

	if (!expected)
		return NULL;
	if (held)
		shape_hash_text(held->hash, hash);
	if (strcasecmp(expected, hash) == 0)
		return NULL;
	return refuse_stale(c, held, "the current snapshot is another than the one expected");
}

/* Would it leave the cluster worse off than its operator may want? */
static struct answer *check_effect(struct call *c, const struct snapshot *s)
{
	const struct control_node *n = call_node(c);
	struct peer_id *peers, self;
	struct core_view view;
	struct effect e;
	size_t count = 0;

	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	key_pair_peer_id(n->identity, &self);
	if (view.state == CORE_UNCONFIGURED && !snapshot_has_member(s, &self))
		return call_fail(c, RPC_ERR_UNCONFIGURED,
			"this node is in no cluster, and the snapshot does not name it either");
	if (view.state == CORE_DEGRADED)
		return call_fail(c, RPC_ERR_NO_QUORUM, "%zu of %zu members are online, %zu are needed",
			view.online, view.members, view.needed);
	peers = xcalloc(s->member_count + 1, sizeof(*peers));
	for (size_t i = 0; i < s->member_count; i++)
		if (!peer_id_is_none(&s->members[i].peer))
			peers[count++] = s->members[i].peer;
	e = effect_of(n, peers, count, s->member_count);
	free(peers);
	if (!effect_lock_out(&e))
		return NULL;
	return call_fail_with(c, RPC_ERR_WOULD_LOCK_OUT,
		json_pack("{s:s, s:I, s:I, s:I}", "detail", effect_lock_out(&e), "members",
			(json_int_t)e.members, "quorum", (json_int_t)e.quorum, "online",
			(json_int_t)e.online),
		NULL, NULL);
}

static struct answer *check_snapshot(struct call *c, const struct snapshot *s,
	const struct snapshot *held)
{
	struct snapshot_rules rules = rules_local(call_node(c));
	enum snapshot_reason reason;

	if (snapshot_check(s, &rules, &reason) != 0)
		return refuse_rule(c, reason, s);
	/* Another one of the same instant goes on, though it may lose: it is evidence (p2pos.md 3.5). */
	if (held && wall_cmp(s->issued_at, held->issued_at) < 0)
		return refuse_stale(c, held, "the snapshot held is newer");
	if (call_flag(c, "force") || (held && snapshot_cmp(s, held) == 0))
		return NULL;
	return check_effect(c, s);
}

struct answer *do_MEMBER_PUBLISH(struct call *c)
{
	const struct control_node *n = call_node(c);
	const struct snapshot *held = core_snapshot(n->core);
	struct answer *answer = check_expected(c, held);
	enum snapshot_reason reason;
	struct snapshot s;
	struct publish *p;

	if (answer)
		return answer;
	if (snapshot_from_json(call_param(c, "snapshot"), &s, &reason) != 0)
		return refuse_rule(c, reason, NULL);
	answer = check_snapshot(c, &s, held);
	if (!answer) {
		p = xcalloc(1, sizeof(*p));
		p->control = call_client(c)->control;
		p->wait = (struct wait){.on_push = on_push, .on_close = on_publish_close};
		p->deadline = TIMER(on_publish_deadline, p);
		p->info = shape_snapinfo(&s, "local");
		p->pushed = json_array();
		p->failed = json_array();
		answer = call_later(c, &p->t);
		n->publish(n->arg, buf_bytes(&s.raw), on_verdict, p);
	}
	snapshot_deinit(&s);
	return answer;
}

/* ---- sync ---- */

struct sync {
	struct wait wait;
	struct control *control;
	struct ticket *t;
	struct timer deadline;
	struct snapshot_stamp before;
	json_t *failed;
	unsigned asked, answered;
	bool is_asking; /* the node is still at it */
};

static void sync_free(struct sync *s)
{
	list_remove(&s->wait.node);
	loop_timer_stop(s->control->loop, &s->deadline);
	json_decref(s->failed);
	free(s);
}

static struct snapshot_stamp stamp_now(const struct control_node *n)
{
	const struct snapshot *held = core_snapshot(n->core);

	return held ? snapshot_stamp(held) : (struct snapshot_stamp){0};
}

static void on_sync_deadline(void *arg, mono_t now)
{
	struct sync *s = arg;
	const struct control_node *n = s->control->node;
	struct snapshot_stamp after = stamp_now(n);
	struct core_view view;

	(void)now;
	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	ticket_ok(s->t,
		json_pack("{s:b, s:i, s:O, s:o}", "changed",
			snapshot_stamp_cmp(&after, &s->before) != 0 ? 1 : 0, "asked", (int)s->asked,
			"failed", s->failed, "snapshot", shape_snapinfo_now(&view)));
	sync_free(s);
}

static void settle_if_complete(struct sync *s)
{
	if (!s->is_asking && s->answered >= s->asked)
		loop_timer_in_ms(s->control->loop, &s->deadline, SYNC_SETTLE_MS);
}

static void on_pull(struct wait *w, const struct peer_id *peer, int err)
{
	struct sync *s = list_entry(w, struct sync, wait);

	s->answered++;
	if (err)
		json_array_append_new(s->failed, shape_failed(peer, err));
	settle_if_complete(s);
}

static void on_sync_close(struct wait *w)
{
	struct sync *s = list_entry(w, struct sync, wait);

	ticket_fail(s->t, RPC_ERR_SHUTTING_DOWN, NULL);
	sync_free(s);
}

struct answer *do_MEMBER_SYNC(struct call *c)
{
	const struct control_node *n = call_node(c);
	struct control *control = call_client(c)->control;
	struct sync *s = xcalloc(1, sizeof(*s));
	struct answer *answer;

	s->control = control;
	s->wait = (struct wait){.on_pull = on_pull, .on_close = on_sync_close};
	s->deadline = TIMER(on_sync_deadline, s);
	s->before = stamp_now(n);
	s->failed = json_array();
	s->is_asking = true;
	list_append(&control->waits, &s->wait.node);
	s->asked = n->sync(n->arg);
	s->is_asking = false;
	if (s->asked == 0) {
		sync_free(s);
		return call_fail(c, RPC_ERR_NOT_CONNECTED, "no connected member can be asked");
	}
	answer = call_later(c, &s->t);
	loop_timer_in_ms(control->loop, &s->deadline, SYNC_MS);
	settle_if_complete(s);
	return answer;
}
