/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c: doors, and the three questions asked at each: is the source blocked, is it too fast, is
 * a slot free. All are answered before anything is allocated for the newcomer. */
#include "daemon/net/listener.h"

#include <stdlib.h>

#include "daemon/net/buckets.h"
#include "daemon/net/slots.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define CHURN_PENALTY_MS 60000 /* a source that made us work for nothing */
#define ANY_PORT_TRIES   8     /* for a port number that is free for both, where any will do */

struct door {
	struct maddr_ip asked; /* the bound port may differ */
	struct tcp_listener *tcp; /* NULL: none */
	struct quic_port *quic;   /* NULL: none */
};

struct listener {
	struct listener_opts opts;
	struct loop *loop;
	struct swarm_stats *stats;
	struct buckets *buckets;
	struct buckets *claimed; /* of sources that nobody has proven yet */
	struct slots slots;
	unsigned slot_in_hand; /* taken in on_knock(), meant for the on_accept() that follows */
	struct {
		uint64_t conn; /* who holds it; 0 = nobody */
	} holder[SLOTS_MAX];
	struct door door[LISTEN_ADDRS_MAX];
	size_t door_count;
};

static bool is_blocked(struct listener *l, const struct maddr_ip *remote)
{
	const struct listener_opts *o = &l->opts;

	if (!o->is_blocked_source || !o->is_blocked_source(o->arg, remote))
		return false;
	l->stats->refused_blocked++;
	return true;
}

/* Takes a slot for the on_accept() that follows. */
static bool take_slot(struct listener *l, const struct maddr_ip *remote)
{
	const struct listener_opts *o = &l->opts;
	bool is_known;

	is_known = o->is_known_source && o->is_known_source(o->arg, remote);
	switch (slots_take(&l->slots, remote, is_known, swarm_rng(o->swarm), &l->slot_in_hand)) {
	case SLOT_GRANTED:
		return true;
	case SLOT_FULL:
		l->stats->refused_slots++;
		return false;
	case SLOT_SOURCE_FULL:
		l->stats->refused_source++;
		return false;
	case SLOT_EARLY_DROP:
		l->stats->refused_early++;
		return false;
	}
	return false;
}

static bool on_knock(void *arg, const struct maddr_ip *remote)
{
	struct listener *l = arg;

	if (is_blocked(l, remote))
		return false;
	if (!buckets_take(l->buckets, remote, loop_now(l->loop))) {
		l->stats->refused_bucket++;
		return false;
	}
	return take_slot(l, remote);
}

static enum quic_door_answer on_quic_knock(void *arg, const struct maddr_ip *remote,
	bool is_validated)
{
	struct listener *l = arg;
	mono_t now = loop_now(l->loop);

	if (is_blocked(l, remote))
		return QUIC_DOOR_SHUT;
	if (!is_validated &&
		(l->slots.used + 1 >= LISTEN_RETRY_FROM || !buckets_take(l->claimed, remote, now)))
		return QUIC_DOOR_RETRY;
	if (is_validated && !buckets_take(l->buckets, remote, now)) {
		l->stats->refused_bucket++;
		return QUIC_DOOR_SHUT;
	}
	return take_slot(l, remote) ? QUIC_DOOR_OPEN : QUIC_DOOR_SHUT;
}

static void on_half_open_over(void *arg, uint64_t conn)
{
	struct listener *l = arg;

	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		if (l->holder[i].conn != conn)
			continue;
		l->holder[i].conn = 0;
		slots_give(&l->slots, i);
		return;
	}
}

/* Who holds the slot that was taken a moment ago; 0: nobody after all. */
static void give_slot_to(struct listener *l, uint64_t conn)
{
	if (conn)
		l->holder[l->slot_in_hand].conn = conn;
	else
		slots_give(&l->slots, l->slot_in_hand);
}

static void on_accept(void *arg, struct flow *take_flow, const struct maddr_ip *remote,
	const struct maddr_ip *local)
{
	struct listener *l = arg;
	struct swarm_birth birth = {.arg = l, .on_half_open_over = on_half_open_over};

	give_slot_to(l, swarm_take(l->opts.swarm, take_flow, CONN_LISTENER, NULL, remote, local,
				&birth));
}

static void on_quic_accept(void *arg, struct quic_port *port, struct quic_conn *take_conn,
	const struct datagram_path *path)
{
	struct listener *l = arg;
	struct swarm_birth birth = {.arg = l, .on_half_open_over = on_half_open_over};

	give_slot_to(l, take_conn ? swarm_take_quic(l->opts.swarm, port, take_conn, CONN_LISTENER,
					    NULL, path, &birth)
				  : 0);
}

static void on_starved(void *arg)
{
	struct listener *l = arg;

	l->stats->starved++;
}

static const struct tcp_listen_handler tcp_door = {on_knock, on_accept, on_starved};
static const struct quic_door quic_door = {on_quic_knock, on_quic_accept};

static void punish_churn(struct listener *l, const struct swarm_conn *c, const char *why)
{
	struct maddr_ip ip;

	if ((strcmp(why, "yamux_churn") == 0 || strcmp(why, "quic_churn") == 0) &&
		maddr_to_ip(&c->remote, &ip) == 0)
		listener_punish(l, &ip, CHURN_PENALTY_MS);
}

static void on_gone(void *arg, const struct swarm_conn *c, enum swarm_end how, int err,
	const char *why)
{
	(void)how;
	(void)err;
	punish_churn(arg, c, why);
}

struct listener *listener_new(const struct listener_opts *opts)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->opts = *opts;
	l->loop = swarm_loop(opts->swarm);
	l->stats = swarm_counters(opts->swarm);
	l->buckets = buckets_new();
	l->claimed = buckets_new();
	slots_init(&l->slots);
	swarm_watch(opts->swarm, &(struct swarm_watch){.arg = l, .on_gone = on_gone});
	return l;
}

static void shut(struct door *d)
{
	tcp_listener_close(d->tcp);
	if (d->quic)
		quic_port_shut(d->quic);
	*d = (struct door){0};
}

static void close_door(struct listener *l, size_t i)
{
	shut(&l->door[i]);
	l->door[i] = l->door[--l->door_count];
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	while (l->door_count)
		close_door(l, l->door_count - 1);
	for (unsigned i = 0; i < SLOTS_MAX; i++)
		if (l->holder[i].conn)
			swarm_forget_birth(l->opts.swarm, l->holder[i].conn);
	buckets_free(l->buckets);
	buckets_free(l->claimed);
	free(l);
}

/* Both on one port number: TCP's, when any will do. */
static int open_both(struct listener *l, const struct maddr_ip *addr, struct door *ret)
{
	struct door d = {.asked = *addr};
	struct maddr_ip at = *addr;
	int err = 0;

	if (!l->opts.no_tcp)
		err = tcp_listen(l->loop, addr, &tcp_door, l, &d.tcp);
	if (d.tcp)
		tcp_listener_addr(d.tcp, &at);
	if (!err && quic_ports_are_on(l->opts.ports))
		err = quic_port_listen(l->opts.ports, &at, &quic_door, l, &d.quic);
	if (err)
		shut(&d);
	else
		*ret = d;
	return err;
}

int listener_open(struct listener *l, const struct maddr_ip *addr)
{
	int err = P2P_ERR_FULL;

	for (int i = 0; i < ANY_PORT_TRIES && l->door_count < LISTEN_ADDRS_MAX; i++) {
		err = open_both(l, addr, &l->door[l->door_count]);
		if (err != P2P_ERR_BUSY || addr->port)
			break;
	}
	if (!err)
		l->door_count++;
	return err;
}

static bool is_same(const struct maddr_ip *a, const struct maddr_ip *b)
{
	return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, 16) == 0;
}

static bool is_open(const struct listener *l, const struct maddr_ip *addr)
{
	for (size_t i = 0; i < l->door_count; i++)
		if (is_same(&l->door[i].asked, addr))
			return true;
	return false;
}

static bool is_among(const struct maddr_ip *addrs, size_t count, const struct maddr_ip *addr)
{
	for (size_t i = 0; i < count; i++)
		if (is_same(&addrs[i], addr))
			return true;
	return false;
}

/* Opens those of `addrs` that are not open yet; on an error the new ones are closed again. */
static int open_missing(struct listener *l, const struct maddr_ip *addrs, size_t count,
	struct maddr_ip *ret_failed)
{
	size_t before = l->door_count;

	for (size_t i = 0; i < count; i++) {
		int err;

		if (is_open(l, &addrs[i]))
			continue;
		err = listener_open(l, &addrs[i]);
		if (!err)
			continue;
		while (l->door_count > before)
			close_door(l, l->door_count - 1);
		if (ret_failed)
			*ret_failed = addrs[i];
		return err;
	}
	return 0;
}

int listener_set(struct listener *l, const struct maddr_ip *addrs, size_t count,
	struct maddr_ip *ret_failed)
{
	struct maddr_ip before[LISTEN_ADDRS_MAX];
	size_t before_count = l->door_count;
	int err;

	/* Old doors go first: "any" and one address of the same port cannot be open together. */
	for (size_t i = 0; i < before_count; i++)
		before[i] = l->door[i].asked;
	for (size_t i = l->door_count; i-- > 0;)
		if (!is_among(addrs, count, &l->door[i].asked))
			close_door(l, i);
	err = open_missing(l, addrs, count, ret_failed);
	if (err)
		(void)open_missing(l, before, before_count, NULL); /* they were free a moment ago */
	return err;
}

size_t listener_doors(const struct listener *l, struct listen_door *ret, size_t max)
{
	size_t count = 0;

	for (; count < l->door_count && count < max; count++) {
		const struct door *d = &l->door[count];

		ret[count] = (struct listen_door){.has_tcp = d->tcp, .has_quic = d->quic};
		if (d->tcp)
			tcp_listener_addr(d->tcp, &ret[count].ip);
		else
			quic_port_addr(d->quic, &ret[count].ip);
	}
	return count;
}

void listener_punish(struct listener *l, const struct maddr_ip *source, int64_t ms)
{
	buckets_punish(l->buckets, source, ms, loop_now(l->loop));
	buckets_punish(l->claimed, source, ms, loop_now(l->loop));
}
