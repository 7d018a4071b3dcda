/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/nodes.h"

#include <stdio.h>

#include "proto/libp2p/identify.h"
#include "proto/libp2p/perf.h"
#include "proto/libp2p/ping.h"

/* Everything that the tests speak. */
static const char *const protocols[] = {IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, PING_PROTOCOL, PERF_PROTOCOL,
	"/test/ask/1.0.0", "/test/pull/1.0.0", "/test/tell/1.0.0", "/test/raw/1.0.0",
	"/test/unserved/1.0.0"};

static const char *judge(void *arg, const struct swarm_conn *c, struct swarm_grant *ret_grant)
{
	struct node *n = arg;

	n->last_dial = c->dial;
	*ret_grant = n->grant;
	return n->refuse_with;
}

static void on_up(void *arg, const struct swarm_conn *c)
{
	struct node *n = arg;

	n->ups++;
	n->last = *c;
}

static void on_gone(void *arg, const struct swarm_conn *c, enum swarm_end how, int err,
	const char *why)
{
	struct node *n = arg;

	assert_false(swarm_get(n->swarm, c->id, NULL));
	n->gones++;
	n->last_how = how;
	n->last_err = err;
	n->last_why = why;
}

static void on_heard(void *arg, uint64_t conn)
{
	(void)conn;
	((struct node *)arg)->heards++;
}

static void on_pong(void *arg, uint64_t conn, int64_t rtt_ns)
{
	struct node *n = arg;

	(void)conn;
	n->pongs++;
	n->last_rtt_ns = rtt_ns;
}

static void on_refused(void *arg, const struct swarm_conn *c, int err, const char *why)
{
	struct node *n = arg;

	(void)c;
	n->refusals++;
	n->last_err = err;
	n->last_why = why;
}

static void on_identified(void *arg, const struct identify_news *news)
{
	struct node *n = arg;

	if (news->err) {
		n->identify_failed++;
		n->last_err = news->err;
		return;
	}
	n->identified++;
	n->said_addrs = news->addr_count;
	n->said_protocols = news->protocol_count;
	n->said_record = news->sealed_record.len;
	n->observed = news->observed;
	snprintf(n->said_agent, sizeof(n->said_agent), "%.*s", (int)news->agent.len,
		(const char *)news->agent.at);
}

static bool is_known_source(void *arg, const struct maddr_ip *source)
{
	(void)source;
	return ((struct node *)arg)->knows_everybody;
}

static bool is_blocked_source(void *arg, const struct maddr_ip *source)
{
	(void)source;
	return ((struct node *)arg)->blocks_everybody;
}

void node_init(struct node *n, struct loop *l, uint8_t seed)
{
	uint8_t seeds[32];
	struct swarm_opts swarm_opts;
	struct listen_door door;

	*n = (struct node){.loop = l};
	memset(seeds, seed, sizeof(seeds));
	key_from_seed(seeds, &n->key);
	key_pair_peer_id(&n->key, &n->id);
	rng_seed(&n->rng, seed);
	noise_static_init(&n->noise, &n->key, &n->rng.rng);
	n->grant.conn = (struct conn_grant){.protocols = protocols,
		.protocol_count = sizeof(protocols) / sizeof(protocols[0]),
		.streams_in_max = 64,
		.per_protocol_max = 16,
		.negotiating_max = 32,
		.send_bytes_max = 1024 * 1024,
		.window_bytes_max = 1024 * 1024};
	assert_ok(tls_global_init());
	assert_ok(tls_identity_init(
		&n->tls, &n->key, &n->rng.rng, loop_wall(l), tls_order_of_cpu()));
	swarm_opts = (struct swarm_opts){.loop = l, .identity = &n->key, .noise = &n->noise,
		.tls = &n->tls, .securities = {CONN_NOISE, CONN_TLS}, .security_count = 2,
		.rng = &n->rng.rng};
	n->swarm = swarm_new(&swarm_opts);
	n->ports = quic_ports_new(&(struct quic_ports_opts){
		.swarm = n->swarm, .tls = &n->tls, .identity = &n->key, .rng = &n->rng.rng});
	swarm_set_judge(n->swarm, judge, n);
	swarm_watch(n->swarm,
		&(struct swarm_watch){n, on_up, on_gone, on_heard, on_pong, on_refused});
	n->streams = streams_new(n->swarm);
	n->book = peerbook_new();
	n->self = self_new(&(struct self_opts){.loop = l, .identity = &n->key, .agent = "p2pos/test"});
	n->identify = identify_new(
		&(struct identify_opts){.streams = n->streams, .book = n->book, .self = n->self});
	identify_listen(n->identify, on_identified, n);
	n->pings = pings_new(n->streams);
	n->dialer = dialer_new(&(struct dialer_opts){
		.swarm = n->swarm, .ports = n->ports, .identify = n->identify});
	n->listener = listener_new(&(struct listener_opts){
		.swarm = n->swarm, .ports = n->ports, .is_known_source = is_known_source,
		.is_blocked_source = is_blocked_source, .arg = n});
	n->addr = (struct maddr_ip){.family = 4, .ip = {127, 0, 0, 1}};
	assert_ok(listener_open(n->listener, &n->addr));
	assert_int_equal(listener_doors(n->listener, &door, 1), 1);
	assert_true(door.has_tcp && door.has_quic);
	n->addr = door.ip;
	assert_true(self_set_addrs(n->self, &door, 1, NULL, 0));
}

void node_deinit(struct node *n)
{
	listener_free(n->listener);
	dialer_free(n->dialer);
	streams_free(n->streams);
	pings_free(n->pings);
	identify_free(n->identify);
	swarm_free(n->swarm);
	quic_ports_free(n->ports);
	tls_identity_deinit(&n->tls);
	tls_global_deinit();
	self_free(n->self);
	peerbook_free(n->book);
	noise_static_deinit(&n->noise);
	key_pair_deinit(&n->key);
}

struct maddr node_maddr(const struct node *n)
{
	struct maddr a;

	maddr_from_ip_tcp(&n->addr, &a);
	assert_ok(maddr_append_peer(&a, &n->id));
	return a;
}

struct maddr node_quic_maddr(const struct node *n)
{
	struct maddr a;

	maddr_from_ip_quic(&n->addr, &a);
	assert_ok(maddr_append_peer(&a, &n->id));
	return a;
}

void on_dial_done(void *arg, const struct dial_result *r)
{
	struct dial_outcome *o = arg;

	assert_false(o->is_done);
	o->is_done = true;
	o->err = r->err;
	o->conn = r->conn;
	o->peer = r->peer;
	snprintf(o->why, sizeof(o->why), "%s", r->why);
	o->attempt_count = r->attempt_count;
	memcpy(o->attempts, r->attempts, r->attempt_count * sizeof(r->attempts[0]));
}

void node_dial(struct node *n, const struct maddr *to, const struct peer_id *expected,
	struct dial_outcome *ret)
{
	struct dial_request req = {.addrs = to, .addr_count = 1, .on_done = on_dial_done, .arg = ret};
	struct dial *dial;

	*ret = (struct dial_outcome){.is_done = false};
	if (expected)
		req.expected = *expected;
	assert_ok(dialer_dial(n->dialer, &req, &dial));
	assert_false(ret->is_done);
}

uint64_t nodes_connect(struct node *a, struct node *b)
{
	struct maddr to = node_maddr(b);

	return nodes_connect_to(a, b, &to);
}

uint64_t nodes_connect_to(struct node *a, struct node *b, const struct maddr *to)
{
	int seen_a = a->identified, seen_b = b->identified;
	struct dial_outcome o;

	node_dial(a, to, NULL, &o);
	turn_until(a->loop, o.is_done && (o.err || (a->identified > seen_a && b->identified > seen_b)));
	assert_ok(o.err);
	return o.conn;
}
