/* SPDX-License-Identifier: Apache-2.0 */
/* dialer.c: many dials, each with its attempts, each attempt on its way through the stages.
 *
 *   resolving ──► ready ──► connecting ──► upgrading ──► won
 *       └───────────┴───────────┴──────────────┴───────► over
 */
#include "daemon/net/dialer.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

enum attempt_state {
	ATTEMPT_RESOLVING,  /* its name is being looked up */
	ATTEMPT_READY,      /* an IP address that waits for its turn */
	ATTEMPT_CONNECTING, /* TCP is under way */
	ATTEMPT_UPGRADING,  /* in the swarm: handshake */
	ATTEMPT_WON,
	ATTEMPT_OVER,
};

struct attempt {
	struct dial *dial;
	enum attempt_state state;
	struct maddr_ip ip;
	struct dns_query *query;  /* while resolving */
	struct tcp_dial *tcp;     /* while connecting */
	uint64_t conn;            /* while upgrading, and when won */
	mono_t stage_since;
};

struct dial {
	struct list node;
	struct dialer *dialer;
	struct peer_id expected;
	uint64_t id;
	bool wants_identify;
	bool is_hungry;           /* would start another attempt, but DIAL_PARALLEL_MAX are running */
	dial_done_fn *on_done;
	void *arg;
	struct attempt *attempts;    /* `cap` of each, side by side: the second is what is told */
	struct dial_attempt *told;
	size_t count, cap;
	unsigned running;         /* connecting or upgrading */
	uint8_t last_family;
	uint64_t won;             /* the connection; 0 = none yet */
	struct peer_id who;       /* answered, or was refused by us */
	struct timer step, total;
};

struct dialer {
	struct swarm *swarm;
	struct loop *loop;
	struct dns *dns;
	struct list dials;
	struct turn_end feed;     /* somebody's attempt ended: others may start theirs */
	struct dialer_stats stats;
};

const char *dial_stage_name(enum dial_stage stage)
{
	static const char *const names[] = {
		[DIAL_WAITING] = "waiting",
		[DIAL_RESOLVE] = "resolve",
		[DIAL_CONNECT] = "connect",
		[DIAL_SECURITY] = "security",
		[DIAL_MUXER] = "muxer",
		[DIAL_ADMIT] = "admit",
		[DIAL_IDENTIFY] = "identify",
		[DIAL_DONE] = "done",
	};

	return stage < DIAL_STAGE_COUNT ? names[stage] : "unknown";
}

static struct dial_attempt *told_of(const struct attempt *a)
{
	return &a->dial->told[a - a->dial->attempts];
}

static void enter_stage(struct attempt *a, enum dial_stage stage)
{
	struct dial_attempt *t = told_of(a);
	mono_t now = loop_clock(a->dial->dialer->loop);

	if (t->stage == stage)
		return;
	if (t->stage != DIAL_WAITING)
		t->ns[t->stage] += mono_since_ns(now, a->stage_since);
	t->stage = stage;
	a->stage_since = now;
}

/* Lets go of whatever the attempt holds. */
static void release(struct attempt *a)
{
	struct dialer *d = a->dial->dialer;

	if (a->query)
		dns_cancel(a->query);
	if (a->tcp)
		tcp_dial_cancel(a->tcp);
	if (a->conn) {
		swarm_forget_birth(d->swarm, a->conn);
		if (a->state == ATTEMPT_UPGRADING)
			swarm_close(d->swarm, a->conn, "superseded");
	}
	if (a->state == ATTEMPT_CONNECTING || a->state == ATTEMPT_UPGRADING) {
		a->dial->running--;
		d->stats.attempting--;
		loop_at_turn_end(d->loop, &d->feed);
	}
	a->query = NULL;
	a->tcp = NULL;
	a->conn = 0;
	a->state = ATTEMPT_OVER;
}

/* The attempt is over without success; what follows from it is the caller's to see to. */
static void end_attempt(struct attempt *a, int err, const char *why)
{
	struct dialer *d = a->dial->dialer;
	struct dial_attempt *t = told_of(a);
	enum dial_stage stage = t->stage;

	if (stage != DIAL_WAITING)
		t->ns[stage] += mono_since_ns(loop_clock(d->loop), a->stage_since);
	t->err = err;
	t->why = why;
	d->stats.failed[stage]++;
	d->stats.mismatched += err == P2P_ERR_MISMATCH;
	release(a);
}

static void dial_free(struct dial *dial)
{
	struct dialer *d = dial->dialer;

	for (size_t i = 0; i < dial->count; i++)
		if (dial->attempts[i].state != ATTEMPT_OVER)
			release(&dial->attempts[i]);
	loop_timer_stop(d->loop, &dial->step);
	loop_timer_stop(d->loop, &dial->total);
	list_remove(&dial->node);
	d->stats.dialling--;
	free(dial->attempts);
	free(dial->told);
	free(dial);
}

/* Of several failures the one that came farthest tells most; that somebody else lives at an
 * address matters more than any time-out. */
static const struct dial_attempt *most_telling(const struct dial *dial)
{
	const struct dial_attempt *best = NULL;

	for (size_t i = 0; i < dial->count; i++) {
		const struct dial_attempt *t = &dial->told[i];

		if (!best || (t->err == P2P_ERR_MISMATCH && best->err != P2P_ERR_MISMATCH) ||
			(t->stage > best->stage && best->err != P2P_ERR_MISMATCH))
			best = t;
	}
	return best;
}

/* Tells the asker and frees. */
static void finish(struct dial *dial)
{
	const struct dial_attempt *worst = dial->won ? NULL : most_telling(dial);
	struct dial_result r = {
		.conn = dial->won,
		.peer = dial->who,
		.attempts = dial->told,
		.attempt_count = dial->count,
		.why = worst ? worst->why : "",
	};

	if (!dial->won)
		r.err = worst && worst->err ? worst->err : P2P_ERR_NOT_FOUND;
	if (dial->won)
		dial->dialer->stats.dials_ok++;
	else if (r.err != P2P_ERR_DENIED)
		r.peer = PEER_ID_NONE;
	dial->on_done(dial->arg, &r);
	dial_free(dial);
}

static bool is_pending(const struct dial *dial)
{
	for (size_t i = 0; i < dial->count; i++)
		if (dial->attempts[i].state < ATTEMPT_WON)
			return true;
	return false;
}

static void start_next(struct dial *dial);

/* After an attempt failed. */
static void go_on(struct dial *dial)
{
	if (!is_pending(dial))
		finish(dial);
	else if (!dial->running)
		start_next(dial);
}

static void fail(struct attempt *a, int err, const char *why)
{
	struct dial *dial = a->dial;

	end_attempt(a, err, why);
	go_on(dial);
}

/* One connection is up: the others are not needed any more. */
static void win(struct attempt *a, const struct peer_id *peer)
{
	struct dial *dial = a->dial;
	struct dialer *d = dial->dialer;

	dial->won = a->conn;
	dial->who = *peer;
	dial->running--;
	d->stats.attempting--;
	d->stats.attempts_ok++;
	loop_at_turn_end(d->loop, &d->feed);
	a->state = ATTEMPT_WON;
	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *other = &dial->attempts[i];

		if (other->state < ATTEMPT_WON) {
			told_of(other)->err = P2P_ERR_CLOSED;
			told_of(other)->why = "superseded";
			release(other);
		}
	}
	loop_timer_stop(d->loop, &dial->step);
	if (dial->wants_identify) {
		enter_stage(a, DIAL_IDENTIFY);
		return;
	}
	enter_stage(a, DIAL_DONE);
	finish(dial);
}

static void on_state(void *arg, uint64_t conn, const char *state)
{
	struct attempt *a = arg;

	(void)conn;
	if (strcmp(state, "muxing") == 0)
		enter_stage(a, DIAL_MUXER);
	else if (strcmp(state, "proven") == 0)
		enter_stage(a, DIAL_ADMIT);
}

static void on_settled(void *arg, uint64_t conn, int err, const char *why,
	const struct peer_id *peer)
{
	struct attempt *a = arg;

	if (!err) {
		a->conn = conn;
		win(a, peer);
		return;
	}
	if (err == P2P_ERR_DENIED)
		a->dial->who = *peer;
	a->conn = 0; /* the swarm has let go of it */
	fail(a, err, why);
}

static void on_connected(void *arg, int err, struct flow *take_flow)
{
	struct attempt *a = arg;
	struct dial *dial = a->dial;
	struct maddr_ip local = {.family = 4}, remote = a->ip;
	struct swarm_birth birth = {
		.dial = dial->id, .arg = a, .on_state = on_state, .on_settled = on_settled};

	a->tcp = NULL;
	if (err) {
		fail(a, err, "");
		return;
	}
	(void)tcp_addresses(take_flow, &local, &remote); /* for display; a dead one fails right after */
	enter_stage(a, DIAL_SECURITY);
	a->state = ATTEMPT_UPGRADING;
	a->conn = swarm_take(dial->dialer->swarm, take_flow, CONN_DIALER, &dial->expected, &remote,
		&local, &birth);
	if (!a->conn)
		fail(a, P2P_ERR_FULL, "connections_full");
}

static unsigned rank(const struct maddr_ip *ip)
{
	switch (maddr_ip_reach(ip)) {
	case MADDR_REACH_LOOPBACK:
		return 0;
	case MADDR_REACH_LINK:
	case MADDR_REACH_PRIVATE:
		return 1;
	case MADDR_REACH_PUBLIC:
		return 2;
	case MADDR_REACH_NONE:
		break;
	}
	return 3;
}

/* The next address to try: nearest first, families in turn, otherwise as given. */
static struct attempt *choose(struct dial *dial)
{
	struct attempt *best = NULL;
	unsigned best_rank = 0;

	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *a = &dial->attempts[i];
		unsigned r;

		if (a->state != ATTEMPT_READY)
			continue;
		r = 2 * rank(&a->ip) + (a->ip.family == dial->last_family);
		if (!best || r < best_rank) {
			best = a;
			best_rank = r;
		}
	}
	return best;
}

static void start_next(struct dial *dial)
{
	struct dialer *d = dial->dialer;
	struct attempt *a = choose(dial);

	dial->is_hungry = false;
	if (!a || dial->running >= DIAL_PARALLEL_PER_PEER)
		return; /* an answer of DNS or an attempt's end goes on from here */
	if (d->stats.attempting >= DIAL_PARALLEL_MAX) {
		dial->is_hungry = true;
		return;
	}
	a->state = ATTEMPT_CONNECTING;
	dial->running++;
	dial->last_family = a->ip.family;
	d->stats.attempts++;
	d->stats.attempting++;
	enter_stage(a, DIAL_CONNECT);
	(void)tcp_dial(d->loop, &a->ip, DIAL_CONNECT_MS, on_connected, a, &a->tcp); /* tells later */
	loop_timer_in_ms(d->loop, &dial->step,
		rank(&a->ip) < 2 ? DIAL_STEP_NEAR_MS : DIAL_STEP_MS);
}

static void on_step(void *arg, mono_t now)
{
	(void)now;
	start_next(arg);
}

/* The time is over (or there was nothing to do from the start). */
static void on_total(void *arg, mono_t now)
{
	struct dial *dial = arg;

	(void)now;
	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *a = &dial->attempts[i];

		if (a->state < ATTEMPT_WON)
			end_attempt(a, P2P_ERR_TIMEOUT, "dial_timeout");
		else if (a->state == ATTEMPT_WON && dial->wants_identify)
			told_of(a)->err = P2P_ERR_TIMEOUT;
	}
	finish(dial);
}

static void feed(void *arg)
{
	struct dialer *d = arg;

	list_each(node, &d->dials) {
		struct dial *dial = list_entry(node, struct dial, node);

		if (dial->is_hungry && d->stats.attempting < DIAL_PARALLEL_MAX)
			start_next(dial);
	}
}

/* What an address is good for: ready, or over with the reason. */
static void judge_address(struct attempt *a)
{
	struct dial_attempt *t = told_of(a);

	if (maddr_kind(&t->addr) != MADDR_TCP || maddr_to_ip(&t->addr, &a->ip) != 0)
		end_attempt(a, P2P_ERR_UNSUPPORTED, "transport_unsupported");
	else if (rank(&a->ip) > 2 || a->ip.port == 0)
		end_attempt(a, P2P_ERR_UNREACHABLE, "address_unusable");
	else
		a->state = ATTEMPT_READY;
}

static struct attempt *add(struct dial *dial, const struct maddr *addr)
{
	struct attempt *a = &dial->attempts[dial->count];
	struct dial_attempt *t = &dial->told[dial->count];

	dial->count++;
	*a = (struct attempt){.dial = dial, .state = ATTEMPT_RESOLVING};
	*t = (struct dial_attempt){.addr = *addr, .stage = DIAL_WAITING, .why = ""};
	return a;
}

static void on_resolved(void *arg, int err, const struct dns_answer *answer)
{
	struct attempt *a = arg;
	struct dial *dial = a->dial;
	struct maddr name = told_of(a)->addr;
	int64_t ns;

	a->query = NULL;
	if (err) {
		fail(a, err, "name_not_resolved");
		return;
	}
	enter_stage(a, DIAL_WAITING);
	ns = told_of(a)->ns[DIAL_RESOLVE];
	for (size_t i = 0; i < answer->ip_count; i++) {
		struct maddr addr = name;

		if (maddr_replace_dns(&addr, &answer->ips[i]) != 0)
			continue; /* the wrong family */
		if (a)
			told_of(a)->addr = addr; /* the first takes the name's own place */
		else if (dial->count < dial->cap)
			a = add(dial, &addr);
		else
			break;
		told_of(a)->ns[DIAL_RESOLVE] = ns;
		judge_address(a);
		a = NULL;
	}
	if (a) { /* none fitted */
		fail(a, P2P_ERR_NOT_FOUND, "name_not_resolved");
		return;
	}
	if (!dial->running)
		go_on(dial);
	else if (!timer_is_armed(&dial->step))
		start_next(dial);
}

/* Looks the name up, if it is one. */
static void resolve(struct attempt *a)
{
	struct dialer *d = a->dial->dialer;
	struct dial_attempt *t = told_of(a);
	struct maddr_walk walk = maddr_begin(&t->addr);
	struct maddr_part first = {0};
	struct bytes host = maddr_dns_name(&t->addr);
	char name[DNS_NAME_MAX + 1];
	enum dns_kind kind;
	int err;

	if (!maddr_next(&walk, &first) || !host.len || strncmp(first.name, "dns", 3) != 0 ||
		strcmp(first.name, "dnsaddr") == 0) {
		judge_address(a);
		return;
	}
	enter_stage(a, DIAL_RESOLVE);
	kind = first.name[3] == '4' ? DNS_A : first.name[3] == '6' ? DNS_AAAA : DNS_ADDR;
	if (!d->dns || host.len > DNS_NAME_MAX) {
		end_attempt(a, P2P_ERR_UNSUPPORTED, "name_not_resolved");
		return;
	}
	memcpy(name, host.at, host.len);
	name[host.len] = '\0';
	err = dns_ask(d->dns, kind, name, on_resolved, a, &a->query);
	if (err)
		end_attempt(a, err, "name_not_resolved");
}

static void take_address(struct dial *dial, const struct maddr *given)
{
	struct maddr addr = *given;
	struct peer_id named;
	bool has_peer = maddr_split_peer(&addr, &named);
	struct attempt *a = add(dial, &addr);

	if (has_peer && !peer_id_eq(&named, &dial->expected))
		end_attempt(a, P2P_ERR_MISMATCH, "address_of_another_peer");
	else
		resolve(a);
}

static bool needs_dns(const struct dial_request *req)
{
	for (size_t i = 0; i < req->addr_count; i++)
		if (maddr_dns_name(&req->addrs[i]).len)
			return true;
	return false;
}

/* Without an expected peer, the one that all addresses name (if they agree) is expected. */
static struct peer_id expected_of(const struct dial_request *req)
{
	struct peer_id found = req->expected;

	for (size_t i = 0; peer_id_is_none(&found) && i < req->addr_count; i++) {
		struct maddr addr = req->addrs[i];

		(void)maddr_split_peer(&addr, &found);
	}
	return found;
}

int dialer_dial(struct dialer *d, const struct dial_request *req, struct dial **ret)
{
	struct peer_id expected = expected_of(req);
	size_t want = needs_dns(req) ? DIAL_ADDRS_MAX : req->addr_count;
	struct dial *dial;

	if (peer_id_eq(&expected, swarm_self(d->swarm)))
		return P2P_ERR_INVALID;
	if (d->stats.dialling >= DIAL_DIALS_MAX)
		return P2P_ERR_FULL;
	dial = xcalloc(1, sizeof(*dial));
	*dial = (struct dial){
		.dialer = d,
		.expected = expected,
		.id = req->id,
		.wants_identify = req->wants_identify,
		.on_done = req->on_done,
		.arg = req->arg,
		.cap = want < DIAL_ADDRS_MAX ? want : DIAL_ADDRS_MAX,
		.last_family = 4,
	};
	dial->step = TIMER(on_step, dial);
	dial->total = TIMER(on_total, dial);
	dial->attempts = xcalloc(dial->cap + 1, sizeof(*dial->attempts));
	dial->told = xcalloc(dial->cap + 1, sizeof(*dial->told));
	list_append(&d->dials, &dial->node);
	d->stats.dials++;
	d->stats.dialling++;
	if (req->may_reuse && !peer_id_is_none(&expected))
		dial->won = swarm_find(d->swarm, &expected);
	if (dial->won)
		dial->who = expected;
	else
		for (size_t i = 0; i < req->addr_count && dial->count < dial->cap; i++)
			take_address(dial, &req->addrs[i]);
	/* Told from the loop, also when there is nothing to wait for. */
	loop_timer_in_ms(d->loop, &dial->total, is_pending(dial) ? DIAL_TOTAL_MS : 0);
	start_next(dial);
	*ret = dial;
	return 0;
}

void dial_cancel(struct dial *dial)
{
	dial_free(dial);
}

bool dialer_is_dialling(const struct dialer *d, const struct peer_id *peer)
{
	list_each(node, &d->dials)
		if (peer_id_eq(&list_entry(node, struct dial, node)->expected, peer))
			return true;
	return false;
}

void dialer_stats(const struct dialer *d, struct dialer_stats *ret)
{
	*ret = d->stats;
}

/* Ends the dials that waited for identify on this connection. */
static void on_identified(void *arg, const struct identify_news *news)
{
	struct dialer *d = arg;

	list_each(node, &d->dials) {
		struct dial *dial = list_entry(node, struct dial, node);

		if (dial->won != news->conn || !dial->wants_identify || news->is_push)
			continue;
		for (size_t i = 0; i < dial->count; i++) {
			struct attempt *a = &dial->attempts[i];

			if (a->state != ATTEMPT_WON)
				continue;
			if (!news->err)
				enter_stage(a, DIAL_DONE);
			told_of(a)->err = news->err;
		}
		finish(dial);
	}
}

struct dialer *dialer_new(struct swarm *s, struct dns *dns, struct identify_service *identify)
{
	struct dialer *d = xcalloc(1, sizeof(*d));

	d->swarm = s;
	d->loop = swarm_loop(s);
	d->dns = dns;
	list_init(&d->dials);
	d->feed = (struct turn_end){.run = feed, .arg = d};
	if (identify)
		identify_listen(identify, on_identified, d);
	return d;
}

void dialer_free(struct dialer *d)
{
	if (!d)
		return;
	list_each(node, &d->dials)
		dial_free(list_entry(node, struct dial, node));
	loop_turn_end_cancel(&d->feed);
	free(d);
}
