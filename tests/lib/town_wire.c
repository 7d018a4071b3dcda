/* SPDX-License-Identifier: Apache-2.0 */
/* town_wire.c: the hands of a node: it carries the core's decisions out on the pretend network,
 * and tells the core what comes of them. */
#include "tests/lib/town_parts.h"

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/p2pos/exchange.h"
#include "proto/p2pos/peers.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define HANDSHAKE_US 15000000
#define PULL_US      5000000
#define PUSH_US      8000000
#define SPEAKS_ALL   0x1ffu

enum word {
	HELLO_1,
	HELLO_2,
	HELLO_3,
	IDENTIFY,
	PING,
	PONG,
	BEAT,
	DIGEST,
	SUSPECT,
	RESTART,
	PULL,
	PULL_ANSWER,
	PULL_REFUSED,
	PUSH,
	PUSH_ANSWER,
	PEERS,
	PEERS_ANSWER,
};

static void say(struct wire *w, enum word word, struct bytes what)
{
	struct buf b = BUF_INIT;

	(void)buf_put_u8(&b, (uint8_t)word);
	(void)buf_put(&b, what);
	net_send(w->pipe, w->end, buf_bytes(&b));
	buf_deinit(&b);
}

static struct wire *find_wire(struct node *n, uint64_t id)
{
	struct wire *w = n->wires;

	while (w && w->id != id)
		w = w->next;
	return w;
}

static struct wire *new_wire(struct town *t, struct node *n, struct net_pipe *p, unsigned end)
{
	struct wire *w = xcalloc(1, sizeof(*w));

	w->id = ++t->wire_ids;
	w->pipe = p;
	w->end = end;
	w->other = net_peer_of(p, end);
	w->next = n->wires;
	n->wires = w;
	net_set_tag(p, end, w);
	net_after(t->net, n->index, HANDSHAKE_US, (uint64_t)AT_HANDSHAKE << 56 | w->id);
	return w;
}

static void drop_wire(struct node *n, struct wire *w)
{
	struct wire **at = &n->wires;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	net_close(w->pipe, w->end);
	free(w);
}

/* ---- dials ---- */

static struct plan *find_plan(struct node *n, uint64_t id)
{
	for (size_t i = 0; i < CORE_DIALS_MAX; i++)
		if (n->dials[i].id == id)
			return &n->dials[i];
	return NULL;
}

static void try_next(struct town *t, struct node *n, struct plan *p)
{
	struct maddr_ip ip;

	while (p->at < p->count) {
		unsigned host;

		if (maddr_to_ip(&p->addrs[p->at], &ip) == 0) {
			host = (unsigned)ip.ip[2] << 8 | ip.ip[3];
			if (host < t->o.nodes && ip.port == 4100) {
				(void)net_connect(t->net, n->index, host, p->id);
				return;
			}
		}
		core_dial_failed(n->core, p->id, &p->addrs[p->at], P2P_ERR_REFUSED, CORE_AT_CONNECT,
			NOW(t, n));
		p->at++;
	}
	core_dial_done(n->core, p->id, NOW(t, n));
	p->id = 0;
}

static void plan_failed(struct town *t, struct node *n, uint64_t id, int err, enum core_stage stage)
{
	struct plan *p = id ? find_plan(n, id) : NULL;

	if (!p)
		return;
	core_dial_failed(n->core, id, &p->addrs[p->at], err, stage, NOW(t, n));
	p->at++;
	try_next(t, n, p);
}

static void dial(struct town *t, struct node *n, const struct core_dial *d)
{
	struct plan *p = find_plan(n, 0);

	assert(p && d->count > 0 && d->count <= CORE_DIAL_ADDRS_MAX);
	t->count.dials++;
	*p = (struct plan){.id = d->id, .peer = d->peer, .count = d->count};
	memcpy(p->addrs, d->addrs, sizeof(p->addrs));
	try_next(t, n, p);
}

/* ---- connections ---- */

static void come_up(struct town *t, struct node *n, struct wire *w)
{
	struct maddr remote =
		town_addr(t, w->other, w->dial ? 4100 : 50000 + (unsigned)(w->id % 10000));
	const char *why;

	w->up = true;
	if (core_conn_up(n->core, w->id, &t->nodes[w->other].id,
		    w->dial ? CONN_DIALER : CONN_LISTENER, &remote, w->dial, &why,
		    NOW(t, n)) == CORE_REFUSED) {
		if (!why)
			town_broken(t, n, "refused without a reason");
		drop_wire(n, w);
	} else {
		say(w, IDENTIFY, buf_bytes(&n->own_record));
	}
}

static void dialled(struct town *t, struct node *n, struct wire *w)
{
	struct plan *p = find_plan(n, w->dial);
	uint64_t id = w->dial;

	if (!p) {
		drop_wire(n, w); /* the dial was given up meanwhile */
		return;
	}
	if (!peer_id_is_none(&p->peer) && !peer_id_eq(&p->peer, &t->nodes[w->other].id)) {
		drop_wire(n, w);
		plan_failed(t, n, id, P2P_ERR_MISMATCH, CORE_AT_SECURE);
		return;
	}
	say(w, HELLO_3, BYTES_NONE);
	come_up(t, n, w);
	core_dial_done(n->core, id, NOW(t, n));
	p->id = 0;
}

static void identified(struct town *t, struct node *n, struct wire *w, struct bytes record)
{
	struct maddr a = town_addr(t, w->other, 4100);

	core_addrs(n->core, &t->nodes[w->other].id, &a, 1, CORE_ADDR_IDENTIFY, NOW(t, n));
	(void)core_record(n->core, record, NOW(t, n)); /* guests have none that counts */
	core_protocols(n->core, w->id, SPEAKS_ALL, NOW(t, n));
}

/* ---- messages ---- */

static uint64_t new_token(struct town *t, unsigned node, uint64_t wire, struct bytes json)
{
	uint64_t token = ++t->tokens;
	struct asked *a = &t->asked[token % TOWN_TOKENS_MAX];
	struct snapshot s;

	*a = (struct asked){.node = node, .wire = wire};
	if (!snapshot_parse(json, &s, NULL)) {
		a->stamp = snapshot_stamp(&s);
		snapshot_deinit(&s);
	}
	return token;
}

static void answer_pull(struct node *n, struct wire *w)
{
	enum core_class k = core_conn_class(n->core, w->id);
	struct buf b = BUF_INIT;

	if (k == CORE_GUEST) {
		say(w, PULL_REFUSED, BYTES_NONE);
		return;
	}
	(void)core_pull_print(n->core, &b);
	say(w, PULL_ANSWER, buf_bytes(&b));
	buf_deinit(&b);
}

static void pull_over(struct town *t, struct node *n, struct wire *w, struct bytes json, int err)
{
	if (!w->pulling)
		return;
	w->pulling = false;
	core_pull_done(n->core, w->id, json, err, NOW(t, n));
}

static void push_over(struct town *t, struct node *n, struct wire *w, struct bytes json, int err)
{
	if (!w->pushing)
		return;
	w->pushing = false;
	core_push_done(n->core, w->id, json, err, NOW(t, n));
}

static void answer_peers(struct node *n, struct wire *w)
{
	struct buf b = BUF_INIT;

	if (core_conn_class(n->core, w->id) != CORE_MEMBER)
		return;
	(void)core_peers_print(n->core, buf_bytes(&n->own_record), &b);
	say(w, PEERS_ANSWER, buf_bytes(&b));
	buf_deinit(&b);
}

static void got_pong(struct town *t, struct node *n, struct wire *w, struct bytes m)
{
	mono_t sent;

	assert(m.len == sizeof(sent));
	memcpy(&sent, m.at, sizeof(sent));
	core_pong(n->core, w->id, mono_since_ns(town_now(t), sent), NOW(t, n));
}

static void hear(struct town *t, struct node *n, struct wire *w, enum word word, struct bytes m)
{
	n->bytes_from[w->other] = town_now(t);
	if (word > HELLO_3) {
		if (!w->up)
			return;
		core_heard(n->core, w->id, NOW(t, n));
	}
	switch (word) {
	case HELLO_1: say(w, HELLO_2, BYTES_NONE); break;
	case HELLO_2: dialled(t, n, w); break;
	case HELLO_3: come_up(t, n, w); break;
	case IDENTIFY: identified(t, n, w, m); break;
	case PING: say(w, PONG, m); break;
	case PONG: got_pong(t, n, w, m); break;
	case BEAT: (void)core_heartbeat_in(n->core, w->id, m, NOW(t, n)); break;
	case DIGEST: (void)core_digest_in(n->core, w->id, m, NOW(t, n)); break;
	case SUSPECT: (void)core_suspect_in(n->core, w->id, m, NOW(t, n)); break;
	case RESTART: (void)core_restart_in(n->core, w->id, m, NOW(t, n)); break;
	case PULL: answer_pull(n, w); break;
	case PULL_ANSWER: pull_over(t, n, w, m, 0); break;
	case PULL_REFUSED: pull_over(t, n, w, BYTES_NONE, P2P_ERR_UNSUPPORTED); break;
	case PUSH:
		core_snapshot_in(n->core, new_token(t, n->index, w->id, m), SNAPSHOT_PUSHED, w->id,
			m, NOW(t, n));
		break;
	case PUSH_ANSWER: push_over(t, n, w, m, 0); break;
	case PEERS: answer_peers(n, w); break;
	case PEERS_ANSWER: (void)core_peers_in(n->core, w->id, m, NOW(t, n)); break;
	}
}

/* ---- decisions ---- */

static void resolve(struct town *t, struct node *n)
{
	unsigned count = t->o.bootstraps ? t->o.bootstraps : 2;

	for (unsigned i = 0; i < count && i < t->o.nodes; i++) {
		struct maddr a = town_addr(t, i, 4100);

		/* Every second entry names its peer. */
		core_addrs(n->core, i % 2 ? &t->nodes[i].id : NULL, &a, 1, CORE_ADDR_CONFIG,
			NOW(t, n));
	}
}

static void give_verdict(struct town *t, struct node *n, const struct core_verdict *v)
{
	struct asked *a = &t->asked[v->token % TOWN_TOKENS_MAX];
	struct push_answer p = {.applied = v->applied};
	struct wire *w;
	struct buf b = BUF_INIT;

	if (a->verdict.known)
		town_broken(t, n, "token %llu was answered twice", (unsigned long long)v->token);
	a->verdict = (struct town_verdict){true, v->applied, v->unchanged, v->reason};
	/* Invariant 3: what is acknowledged is on the disk, or something that prevails over it. */
	if (v->applied && snapshot_stamp_cmp(&n->disk.floor, &a->stamp) < 0)
		town_broken(t, n, "applied:true, but it is not on the disk");
	w = a->wire ? find_wire(n, a->wire) : NULL;
	if (!w)
		return;
	(void)snprintf(p.error, sizeof(p.error), "%s", v->error);
	if (v->unchanged)
		(void)snprintf(p.result, sizeof(p.result), PUSH_RESULT_UNCHANGED);
	(void)push_answer_print(&b, &p);
	say(w, PUSH_ANSWER, buf_bytes(&b));
	buf_deinit(&b);
}

static void note_down(struct town *t, struct node *n, const struct core_decision *d)
{
	int i = town_index_of(t, &d->peer);
	const struct node *other = i < 0 ? NULL : &t->nodes[i];
	mono_t calm = mono_add_ms(town_now(t), -15000);

	t->count.downs++;
	if (!other || !other->up || net_is_frozen(t->net, other->index) ||
		strcmp(d->why, "removed") == 0)
		return;
	if (mono_before(calm, other->trouble) || mono_before(calm, n->trouble) ||
		mono_before(calm, *town_pair(t, n->index, other->index)))
		return;
	t->false_downs++;
}

static void close_wire(struct town *t, struct node *n, uint64_t id)
{
	struct wire *w = find_wire(n, id);

	t->count.closes++;
	if (w)
		drop_wire(n, w);
	core_conn_down(n->core, id, CORE_DOWN_OURS, "closed", NOW(t, n));
}

static void ping(struct town *t, struct wire *w)
{
	mono_t now = town_now(t);

	t->count.pings++;
	say(w, PING, bytes_of(&now, sizeof(now)));
}

static void alert(struct town *t, struct node *n, const char *kind)
{
	t->count.alerts++;
	for (size_t i = 0; i < n->alert_count; i++)
		if (strcmp(n->alerts[i], kind) == 0)
			return;
	if (n->alert_count < TOWN_KINDS_MAX)
		n->alerts[n->alert_count++] = kind; /* static text */
}

static void carry_out(struct town *t, struct node *n, const struct core_decision *d)
{
	struct wire *w = d->conn ? find_wire(n, d->conn) : NULL;

	switch (d->kind) {
	case CORE_DIAL: dial(t, n, d->u.dial); break;
	case CORE_RESOLVE: resolve(t, n); break;
	case CORE_CLOSE: close_wire(t, n, d->conn); break;
	case CORE_GRANT: break;
	case CORE_PING:
		if (w)
			ping(t, w);
		break;
	case CORE_POKE:
		t->count.pokes++;
		if (w)
			net_poke(w->pipe, w->end);
		break;
	case CORE_PULL:
		t->count.pulls++;
		if (!w)
			break;
		w->pulling = true;
		net_after(t->net, n->index, PULL_US, (uint64_t)AT_PULL << 56 | w->id);
		say(w, PULL, BYTES_NONE);
		break;
	case CORE_PUSH:
		t->count.pushes++;
		if (!w)
			break;
		w->pushing = true;
		net_after(t->net, n->index, PUSH_US, (uint64_t)AT_PUSH << 56 | w->id);
		say(w, PUSH, buf_bytes(&core_snapshot(n->core)->raw));
		break;
	case CORE_ASK_PEERS:
		if (w)
			say(w, PEERS, BYTES_NONE);
		break;
	case CORE_SEND_HEARTBEAT:
		t->count.heartbeats++;
		if (w)
			say(w, BEAT, d->json);
		break;
	case CORE_SEND_DIGEST:
		t->count.digests++;
		if (w)
			say(w, DIGEST, d->json);
		break;
	case CORE_SEND_SUSPECT:
		t->count.suspects++;
		if (w)
			say(w, SUSPECT, d->json);
		break;
	case CORE_SEND_RESTART:
		if (w)
			say(w, RESTART, d->json);
		break;
	case CORE_STORE_SNAPSHOT: town_store(t, n, &d->u.store); break;
	case CORE_STORE_RECORD:
	case CORE_STORE_MARK: town_remember(t, n, d); break;
	case CORE_EQUIVOCATION: t->count.equivocations++; break;
	case CORE_VERDICT:
		t->count.verdicts++;
		give_verdict(t, n, &d->u.verdict);
		break;
	case CORE_STATE: t->count.states++; break;
	case CORE_MEMBER_UP: t->count.ups++; break;
	case CORE_MEMBER_DOWN: note_down(t, n, d); break;
	case CORE_MEMBERSHIP: break;
	case CORE_PUSH_FAILED:
	case CORE_PULL_REFUSED: break;
	case CORE_ALERT: alert(t, n, d->why); break;
	}
}

void town_drain(struct town *t, struct node *n)
{
	struct core_decision d;

	t->count.events++;
	while (n->up && core_next(n->core, &d)) {
		town_check_decision(t, n, &d);
		carry_out(t, n, &d);
	}
	if (!n->up)
		return;
	n->deadline = core_deadline(n->core);
	town_check_node(t, n);
}

/* ---- what the network tells ---- */

static void on_open(void *of, unsigned host, struct net_pipe *p, unsigned end)
{
	struct town *t = of;
	struct node *n = &t->nodes[host];
	struct wire *w;

	if (end == 0 && !find_plan(n, net_ref_of(p))) {
		net_close(p, end);
		return;
	}
	w = new_wire(t, n, p, end);
	if (end == 0) {
		w->dial = net_ref_of(p);
		say(w, HELLO_1, BYTES_NONE);
	}
}

static void on_failed(void *of, unsigned host, uint64_t ref, int err)
{
	struct town *t = of;

	plan_failed(t, &t->nodes[host], ref, err, CORE_AT_CONNECT);
	town_drain(t, &t->nodes[host]);
}

static void on_message(void *of, unsigned host, struct net_pipe *p, unsigned end, struct bytes m)
{
	struct town *t = of;

	hear(t, &t->nodes[host], net_tag(p, end), (enum word)m.at[0], bytes_from(m, 1));
	town_drain(t, &t->nodes[host]);
}

static void wire_ended(struct town *t, struct node *n, struct wire *w, int err)
{
	uint64_t id = w->id, dial_id = w->up ? 0 : w->dial;
	bool up = w->up;

	drop_wire(n, w);
	if (up)
		core_conn_down(n->core, id, CORE_DOWN_REMOTE, "closed by peer", NOW(t, n));
	plan_failed(t, n, dial_id, err, CORE_AT_SECURE);
	town_drain(t, n);
}

static void on_closed(void *of, unsigned host, struct net_pipe *p, unsigned end)
{
	struct town *t = of;

	wire_ended(t, &t->nodes[host], net_tag(p, end), P2P_ERR_CLOSED);
}

static void on_timer(void *of, unsigned host, uint64_t what)
{
	struct town *t = of;
	struct node *n = &t->nodes[host];
	uint64_t id = what & ((UINT64_C(1) << 56) - 1);
	struct wire *w = find_wire(n, id);

	switch ((enum timer_what)(what >> 56)) {
	case AT_HANDSHAKE:
		if (w && !w->up)
			wire_ended(t, n, w, P2P_ERR_TIMEOUT);
		return;
	case AT_PULL:
		if (w)
			pull_over(t, n, w, BYTES_NONE, P2P_ERR_TIMEOUT);
		break;
	case AT_PUSH:
		if (w)
			push_over(t, n, w, BYTES_NONE, P2P_ERR_TIMEOUT);
		break;
	case AT_STORED: town_stored(t, n, id); break;
	}
	town_drain(t, n);
}

void town_face(struct town *t, struct net_face *ret)
{
	*ret = (struct net_face){t, on_open, on_failed, on_message, on_closed, on_timer};
}
