/* SPDX-License-Identifier: Apache-2.0 */
/* dial_attempt.c: one address on its way: name, TCP or UDP, handshake. What its end means for the
 * dial is dialer.c's to say. */
#include "daemon/net/dialer_private.h"
#include "daemon/net/quic_ports.h"
#include "proto/base/err.h"

struct dial_attempt *attempt_told(const struct attempt *a)
{
	return &a->dial->told[a - a->dial->attempts];
}

void attempt_enter(struct attempt *a, enum dial_stage stage)
{
	struct dial_attempt *t = attempt_told(a);
	mono_t now = loop_clock(a->dial->dialer->loop);

	if (t->stage == stage)
		return;
	if (t->stage != DIAL_WAITING)
		t->ns[t->stage] += mono_since_ns(now, a->stage_since);
	t->stage = stage;
	a->stage_since = now;
}

/* Lets go of whatever the attempt holds. */
void attempt_release(struct attempt *a)
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
void attempt_end(struct attempt *a, int err, const char *why)
{
	struct dialer *d = a->dial->dialer;
	struct dial_attempt *t = attempt_told(a);
	enum dial_stage stage = t->stage;

	if (stage != DIAL_WAITING)
		t->ns[stage] += mono_since_ns(loop_clock(d->loop), a->stage_since);
	t->err = err;
	t->why = why;
	d->stats.failed[stage]++;
	d->stats.mismatched += err == P2P_ERR_MISMATCH;
	attempt_release(a);
}

unsigned dial_rank(const struct maddr_ip *ip)
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

static void fail(struct attempt *a, int err, const char *why)
{
	struct dial *dial = a->dial;

	attempt_end(a, err, why);
	dial_go_on(dial);
}

static void on_state(void *arg, uint64_t conn, const char *state)
{
	struct attempt *a = arg;

	(void)conn;
	if (strcmp(state, "muxing") == 0)
		attempt_enter(a, DIAL_MUXER);
	else if (strcmp(state, "proven") == 0)
		attempt_enter(a, DIAL_ADMIT);
}

/* Over QUIC connecting and securing are one; where nothing came back at all, nobody was reached. */
static void tell_unreached(struct attempt *a, uint64_t conn)
{
	struct dial_attempt *t = attempt_told(a);
	struct swarm_conn c;

	if (a->lane == DIAL_QUIC && t->stage == DIAL_SECURITY &&
		swarm_get(a->dial->dialer->swarm, conn, &c) && !c.bytes_in)
		t->stage = DIAL_CONNECT;
}

/* A strict listener takes the handshake message that came behind a proposal it refused for words, and
 * closes. It is dialled anew with the next security. True when there is one. */
static bool propose_next(struct attempt *a, const char *why)
{
	struct dial *dial = a->dial;

	if (strcmp(why, "select_refused") != 0 ||
		a->security_from + 1u >= swarm_security_count(dial->dialer->swarm))
		return false;
	a->security_from++;
	attempt_enter(a, DIAL_WAITING);
	attempt_release(a);
	a->state = ATTEMPT_READY;
	dial_go_on(dial);
	return true;
}

static void on_settled(void *arg, uint64_t conn, int err, const char *why,
	const struct peer_id *peer)
{
	struct attempt *a = arg;

	if (!err) {
		a->conn = conn;
		dial_won(a, peer);
		return;
	}
	if (err == P2P_ERR_DENIED)
		a->dial->who = *peer;
	tell_unreached(a, conn);
	a->conn = 0; /* the swarm has let go of it */
	if (!propose_next(a, why))
		fail(a, err, why);
}

static struct swarm_birth birth_of(struct attempt *a)
{
	return (struct swarm_birth){.dial = a->dial->id, .security_from = a->security_from, .arg = a,
		.on_state = on_state, .on_settled = on_settled};
}

static void on_connected(void *arg, int err, struct flow *take_flow)
{
	struct attempt *a = arg;
	struct dial *dial = a->dial;
	struct maddr_ip local = {.family = 4}, remote = a->ip;
	struct swarm_birth birth = birth_of(a);

	a->tcp = NULL;
	if (err) {
		fail(a, err, "");
		return;
	}
	(void)tcp_addresses(take_flow, &local, &remote); /* for display; a dead one fails right after */
	attempt_enter(a, DIAL_SECURITY);
	a->state = ATTEMPT_UPGRADING;
	a->conn = swarm_take(dial->dialer->swarm, take_flow, CONN_DIALER, &dial->expected, &remote,
		&local, &birth);
	if (!a->conn)
		fail(a, P2P_ERR_FULL, "connections_full");
}

static void start_quic(struct attempt *a)
{
	struct dial *dial = a->dial;
	struct dialer *d = dial->dialer;
	struct swarm_birth birth = birth_of(a);
	struct datagram_path path;
	struct quic_port *port;
	struct quic_conn *quic;
	int err = quic_ports_dial(d->opts.ports, &a->ip, &dial->expected, &port, &quic, &path);

	if (err) {
		attempt_end(a, err, "");
		return;
	}
	attempt_enter(a, DIAL_SECURITY);
	a->state = ATTEMPT_UPGRADING;
	a->conn = swarm_take_quic(d->swarm, port, quic, CONN_DIALER, &dial->expected, &path, &birth);
	if (!a->conn)
		attempt_end(a, P2P_ERR_FULL, "connections_full");
}

void attempt_start(struct attempt *a)
{
	struct dialer *d = a->dial->dialer;

	a->state = ATTEMPT_CONNECTING;
	a->dial->running++;
	d->stats.attempts++;
	d->stats.attempting++;
	attempt_enter(a, DIAL_CONNECT);
	if (a->lane == DIAL_QUIC)
		start_quic(a);
	else
		(void)tcp_dial(d->loop, &a->ip, DIAL_CONNECT_MS, on_connected, a, &a->tcp); /* tells later */
}

/* What an address is good for: ready, or over with the reason. */
static void judge_address(struct attempt *a)
{
	struct dial_attempt *t = attempt_told(a);
	enum maddr_kind kind = maddr_kind(&t->addr);

	a->lane = kind == MADDR_QUIC ? DIAL_QUIC : DIAL_TCP;
	if ((kind != MADDR_TCP && kind != MADDR_QUIC) || !a->dial->dialer->speaks[a->lane] ||
		maddr_to_ip(&t->addr, &a->ip) != 0)
		attempt_end(a, P2P_ERR_UNSUPPORTED, "transport_unsupported");
	else if (dial_rank(&a->ip) > 2 || a->ip.port == 0)
		attempt_end(a, P2P_ERR_UNREACHABLE, "address_unusable");
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
	struct maddr name = attempt_told(a)->addr;
	int64_t ns;

	a->query = NULL;
	if (err) {
		fail(a, err, "name_not_resolved");
		return;
	}
	attempt_enter(a, DIAL_WAITING);
	ns = attempt_told(a)->ns[DIAL_RESOLVE];
	for (size_t i = 0; i < answer->ip_count; i++) {
		struct maddr addr = name;

		if (maddr_replace_dns(&addr, &answer->ips[i]) != 0)
			continue; /* the wrong family */
		if (a)
			attempt_told(a)->addr = addr; /* the first takes the name's own place */
		else if (dial->count < dial->cap)
			a = add(dial, &addr);
		else
			break;
		attempt_told(a)->ns[DIAL_RESOLVE] = ns;
		judge_address(a);
		a = NULL;
	}
	if (a) { /* none fitted */
		fail(a, P2P_ERR_NOT_FOUND, "name_not_resolved");
		return;
	}
	dial_go_on(dial);
}

/* Looks the name up, if it is one. */
static void resolve(struct attempt *a)
{
	struct dialer *d = a->dial->dialer;
	struct dial_attempt *t = attempt_told(a);
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
	attempt_enter(a, DIAL_RESOLVE);
	kind = first.name[3] == '4' ? DNS_A : first.name[3] == '6' ? DNS_AAAA : DNS_ADDR;
	if (!d->dns || host.len > DNS_NAME_MAX) {
		attempt_end(a, P2P_ERR_UNSUPPORTED, "name_not_resolved");
		return;
	}
	memcpy(name, host.at, host.len);
	name[host.len] = '\0';
	err = dns_ask(d->dns, kind, name, on_resolved, a, &a->query);
	if (err)
		attempt_end(a, err, "name_not_resolved");
}

void attempt_add(struct dial *dial, const struct maddr *given)
{
	struct maddr addr = *given;
	struct peer_id named;
	bool has_peer = maddr_split_peer(&addr, &named);
	struct attempt *a = add(dial, &addr);

	if (has_peer && !peer_id_eq(&named, &dial->expected))
		attempt_end(a, P2P_ERR_MISMATCH, "address_of_another_peer");
	else
		resolve(a);
}

