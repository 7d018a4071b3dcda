/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c: how each part of a node is made from the configuration, and what is said when it cannot
 * be. In which order, and how it ends, is in node.c. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/clocks.h"
#include "daemon/io/inherited.h"
#include "daemon/io/rng_sodium.h"
#include "daemon/net/quic_ports.h"
#include "daemon/node_private.h"
#include "daemon/sys/handover.h"
#include "daemon/sys/last_words.h"
#include "daemon/sys/log.h"
#include "daemon/sys/privs.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define AGENT         "p2pos/" P2POS_VERSION
#define SERVICE_GROUP "p2pos"

int node_fail(int code, const char *what, const char *why)
{
	log_error("NODE", "start_failed", kv_text("what", what), kv_text("reason", why));
	last_words_put(what, why);
	return code;
}

int node_load_key(struct node *n)
{
	const struct secrets_opts opts = {.credentials_dir = getenv("CREDENTIALS_DIRECTORY"),
		.config_key = n->config->node_private_key, .data_dir = n->paths.data_dir};
	char why[SECRETS_WHY_SIZE];
	int err = secrets_load_node_key(&opts, rng_system(), &n->key, why);

	if (err)
		return node_fail(err == P2P_ERR_IO ? NODE_EXIT_CANTCREAT : NODE_EXIT_CONFIG, "node key", why);
	if (n->key.source == NODE_KEY_CREATED)
		log_info("NODE", "node_key_created", kv_peer("peer_id", &n->key.id));
	else
		log_info("NODE", "node_key_loaded", kv_peer("peer_id", &n->key.id),
			kv_text("source", node_key_source_name(n->key.source)));
	if (!n->key.is_locked)
		log_warn("NODE", "node_key_not_locked",
			kv_text("reason", "the memory lock limit is too low: the key may reach the swap"));
	noise_static_init(&n->noise, n->key.pair, rng_system());
	return 0;
}

static void on_store_wake(void *arg)
{
	struct node *n = arg;

	if (n->store)
		store_dispatch(n->store);
}

static void wake_store(void *arg)
{
	struct node *n = arg;

	wake_send(n->store_wake);
}

int node_open_store(struct node *n)
{
	const struct store_opts opts = {.dir = n->paths.data_dir, .now = loop_wall(n->loop), .wake = wake_store,
		.on_news = wiring_store_news, .arg = n, .mono = clock_mono};
	char why[STORE_WHY_SIZE];

	if (wake_open(n->loop, on_store_wake, n, &n->store_wake))
		return node_fail(NODE_EXIT_IOERR, "event loop", "no descriptors left");
	if (store_open(&opts, &n->store, &n->start, why))
		return node_fail(NODE_EXIT_CANTCREAT, n->paths.data_dir, why);
	if (n->start.was_damaged)
		log_warn("STORE", "database_damaged", kv_text("moved_to", n->start.moved_to));
	if (n->start.was_below_floor)
		log_warn("STORE", "database_below_floor", kv_text("reason", "an older backup was put back"));
	if (n->start.migrated_from >= 0)
		log_info("STORE", "database_migrated", kv_int("from", n->start.migrated_from),
			kv_bool("original", n->start.from_original));
	return 0;
}

int node_open_dns(struct node *n)
{
	char texts[CONFIG_DNS_SERVERS_MAX][CONFIG_ENDPOINT_SIZE];
	const char *servers[CONFIG_DNS_SERVERS_MAX];
	struct dns_opts opts = {.servers = servers, .server_count = n->config->dns.server_count};

	for (size_t i = 0; i < opts.server_count; i++)
		servers[i] = config_endpoint_text(&n->config->dns.servers[i], texts[i]);
	if (dns_new(n->loop, &opts, &n->dns))
		return node_fail(NODE_EXIT_CONFIG, "dns.servers", "not usable");
	return 0;
}

static bool speaks(const struct node *n, enum net_transport transport)
{
	const struct config_order *o = &n->config->net.transports;

	for (unsigned i = 0; i < o->count; i++)
		if (o->at[i] == transport)
			return true;
	return false;
}

/* One certificate for QUIC and for TLS over TCP. */
int node_make_certificate(struct node *n)
{
	const char *version;

	if (speaks(n, NET_QUIC) && quic_library_check(&version))
		return node_fail(NODE_EXIT_UNAVAILABLE, "QUIC",
			"ngtcp2 is older than 1.4.0, which any peer can abort: install a newer one, or leave "
			"\"quic-v1\" out of net.transports");
	if (tls_global_init() || tls_identity_init(&n->tls, n->key.pair, rng_system(), loop_wall(n->loop),
					 tls_order_of_cpu()))
		return node_fail(NODE_EXIT_SOFTWARE, "TLS", "GnuTLS does not start");
	return 0;
}

static void swarm_opts_of(struct node *n, struct swarm_opts *ret)
{
	static const enum conn_security words[] = {[NET_NOISE] = CONN_NOISE, [NET_TLS] = CONN_TLS};
	const struct config_order *o = &n->config->net.security;

	*ret = (struct swarm_opts){.loop = n->loop, .identity = n->key.pair, .noise = &n->noise, .tls = &n->tls,
		.security_count = o->count, .rng = rng_system(), .conns_max = n->config->limits.connections};
	for (unsigned i = 0; i < o->count; i++)
		ret->securities[i] = words[o->at[i]];
}

static void dialer_opts_of(struct node *n, struct dialer_opts *ret)
{
	static const enum dial_lane words[] = {[NET_QUIC] = DIAL_QUIC, [NET_TCP] = DIAL_TCP};
	const struct config_order *o = &n->config->net.transports;

	*ret = (struct dialer_opts){.swarm = n->swarm, .ports = n->ports, .dns = n->dns,
		.identify = n->identify, .lane_count = o->count};
	for (unsigned i = 0; i < o->count; i++)
		ret->lanes[i] = words[o->at[i]];
}

void node_build_net(struct node *n)
{
	const struct self_opts self = {.loop = n->loop, .identity = n->key.pair, .agent = AGENT};
	struct quic_ports_opts ports;
	struct swarm_opts swarm;
	struct identify_opts identify;
	struct dialer_opts dialer;

	swarm_opts_of(n, &swarm);
	n->swarm = swarm_new(&swarm);
	ports = (struct quic_ports_opts){.swarm = n->swarm, .tls = speaks(n, NET_QUIC) ? &n->tls : NULL,
		.identity = n->key.pair, .rng = rng_system()};
	n->ports = quic_ports_new(&ports);
	n->streams = streams_new(n->swarm);
	n->book = peerbook_new();
	n->self = self_new(&self);
	identify = (struct identify_opts){.streams = n->streams, .book = n->book, .self = n->self};
	n->identify = identify_new(&identify);
	dialer_opts_of(n, &dialer);
	n->dialer = dialer_new(&dialer);
	n->pings = pings_new(n->streams);
	n->perfs = perfs_new(n->streams, n->config->perf.serve == PERF_SERVE_MEMBERS);
}

void node_core_opts(const struct node *n, struct core_opts *ret)
{
	const struct config *c = n->config;

	*ret = (struct core_opts){.identity = n->key.pair, .cluster_id = c->cluster_id,
		.system = c->has_system_key ? &c->system_key : NULL,
		.insecure_accept_any_issuer = c->insecure_accept_any_issuer,
		.heartbeat_interval_ms = c->heartbeat.interval_ms, .heartbeat_timeout_ms = c->heartbeat.timeout_ms,
		.dead_after_ms = c->net.dead_after_ms, .mesh_full_limit = c->mesh.full_limit,
		.mesh_degree = c->mesh.degree, .guests_max = c->limits.guests,
		.connections_max = c->limits.connections, .admin_peers = c->admin_peers,
		.admin_peer_count = c->admin_peer_count, .rng = rng_system()};
}

static int by_peer(const void *a, const void *b)
{
	const struct store_mark *x = a, *y = b;

	return peer_id_cmp(&x->peer, &y->peer);
}

/* Rows of members and marks of heartbeats are two tables of the database and one of the core. */
static struct core_stored_mark *join_marks(struct store_start *st, size_t *ret_count)
{
	struct core_stored_mark *marks = xcalloc(st->peer_count + st->mark_count + 1, sizeof(*marks));
	size_t n = 0;

	if (st->mark_count) /* none is a null pointer, which qsort() must not see */
		qsort(st->marks, st->mark_count, sizeof(*st->marks), by_peer);
	for (size_t i = 0; i < st->peer_count; i++) {
		const struct store_peer *p = &st->peers[i];
		struct store_mark key = {.peer = p->peer}, *m;

		m = st->mark_count ? bsearch(&key, st->marks, st->mark_count, sizeof(key), by_peer) : NULL;
		marks[n] = (struct core_stored_mark){.peer = p->peer, .heartbeat_ts = m ? m->ts : WALL_ZERO,
			.last_seen = p->last_seen_at};
		(void)maddr_parse(bytes_str(p->last_remote_addr), &marks[n].addr); /* "" or odd: none */
		n++;
	}
	*ret_count = n;
	return marks;
}

static void load_core(struct node *n)
{
	struct store_start *st = &n->start;
	struct core_memory m = {.snapshot = st->has_snapshot ? buf_bytes(&st->snapshot) : BYTES_NONE,
		.floor = st->floor};
	struct bytes *records = xcalloc(st->record_count + 1, sizeof(*records));
	struct core_stored_mark *marks = join_marks(st, &m.mark_count);

	for (size_t i = 0; i < st->record_count; i++)
		records[i] = st->records[i].envelope;
	m.marks = marks;
	m.records = records;
	m.record_count = st->record_count;
	m.unclean = !st->was_clean;
	m.resumed = handover_is_restart();
	core_load(n->core, &m, loop_wall(n->loop), loop_now(n->loop));
	free(marks);
	free(records);
}

void node_build_cluster(struct node *n)
{
	const struct bootstrap_opts boot = {.loop = n->loop, .dns = n->dns, .on_addr = wiring_addr,
		.is_reached = wiring_is_reached, .arg = n};
	const struct drive_watch watch = wiring_drive(n);
	struct core_opts opts;
	struct drive_opts drive;

	node_core_opts(n, &opts);
	n->core = core_new(&opts, loop_wall(n->loop), loop_now(n->loop));
	load_core(n);
	drive = (struct drive_opts){.loop = n->loop, .core = n->core, .swarm = n->swarm, .streams = n->streams,
		.dialer = n->dialer, .identify = n->identify, .book = n->book, .self = n->self, .store = n->store,
		.cluster_id = n->config->cluster_id,
		.serves_perf = n->config->perf.serve == PERF_SERVE_MEMBERS};
	n->drive = drive_new(&drive, &watch);
	n->bootstrap = bootstrap_new(&boot);
	bootstrap_set(n->bootstrap, n->config->bootstrap, n->config->bootstrap_count);
}

static bool is_known_source(void *arg, const struct maddr_ip *ip)
{
	struct node *n = arg;

	return core_is_known_source(n->core, ip, loop_wall(n->loop));
}

static bool is_blocked_source(void *arg, const struct maddr_ip *ip)
{
	struct node *n = arg;

	return core_is_blocked_source(n->core, ip, loop_now(n->loop));
}

void node_announce(struct node *n)
{
	struct listen_door bound[LISTEN_ADDRS_MAX];
	size_t count = listener_doors(n->listener, bound, LISTEN_ADDRS_MAX);

	if (self_set_addrs(n->self, bound, count, n->config->announce, n->config->announce_count))
		identify_push_all(n->identify);
}

const char *node_listen_error(int err)
{
	switch (err) {
	case P2P_ERR_BUSY: return "the port is in use by another program";
	case P2P_ERR_DENIED: return "not allowed: ports below 1024 need a capability";
	case P2P_ERR_UNREACHABLE: return "no such address on this machine, or its family is switched off";
	default: return err_text(err);
	}
}

/* IPv6 may be switched off; then the default "[::]:4100" is no reason not to start. */
static bool may_be_missing(const struct node *n, const struct maddr_ip *ip, int err)
{
	static const uint8_t any[16];

	return err == P2P_ERR_UNREACHABLE && ip->family == 6 && n->config->listen_count > 1 &&
	       memcmp(ip->ip, any, sizeof(any)) == 0;
}

/* Said once a start; never changed by us (features.md P-032). */
static void warn_of_small_buffer(const struct node *n)
{
	struct quic_ports_stats st;

	quic_ports_stats(n->ports, &st);
	if (st.ports && st.udp.rcvbuf_bytes < UDP_RCVBUF_BYTES)
		log_warn("NETWORK", "udp_buffer_small", kv_int("bytes", st.udp.rcvbuf_bytes),
			kv_int("wanted", UDP_RCVBUF_BYTES),
			kv_text("cure", "sysctl -w net.core.rmem_max=7340032, or install 60-p2pos.conf in sysctl.d"));
}

int node_open_listener(struct node *n)
{
	const struct listener_opts opts = {.swarm = n->swarm, .ports = n->ports,
		.no_tcp = !speaks(n, NET_TCP), .is_known_source = is_known_source,
		.is_blocked_source = is_blocked_source, .arg = n};
	char what[CONFIG_ENDPOINT_SIZE + 16];

	n->listener = listener_new(&opts);
	for (size_t i = 0; i < n->config->listen_count; i++) {
		const struct maddr_ip *ip = &n->config->listen[i];
		int err = listener_open(n->listener, ip);
		char text[CONFIG_ENDPOINT_SIZE];

		if (!err)
			continue;
		config_endpoint_text(ip, text);
		if (may_be_missing(n, ip, err)) {
			log_warn("NETWORK", "listen_skipped", kv_text("address", text), kv_err("reason", err));
			continue;
		}
		snprintf(what, sizeof(what), "listen %s", text);
		return node_fail(NODE_EXIT_UNAVAILABLE, what, node_listen_error(err));
	}
	warn_of_small_buffer(n);
	node_announce(n);
	return 0;
}

/* The socket is open to the service's group; a node of somebody's own is his alone. */
static gid_t socket_group(const struct node *n)
{
	const struct group *g = n->paths.is_system ? getgrnam(SERVICE_GROUP) : NULL;

	return g ? g->gr_gid : PIPE_NO_GROUP;
}

int node_open_control(struct node *n)
{
	struct control_opts opts = {.node = &n->face, .path = n->paths.socket, .group = socket_group(n),
		.read_only_group = n->config->control.read_only_group, .sees_users = privs_sees_all_users(),
		.inherited_fd = inherited_local(INHERITED_CONTROL)};
	int err;

	wiring_face(n);
	err = control_open(&opts, &n->control);
	if (err == P2P_ERR_BUSY)
		return node_fail(NODE_EXIT_UNAVAILABLE, n->paths.socket, "another p2posd answers there");
	if (err == P2P_ERR_CONFIG)
		return node_fail(NODE_EXIT_CONFIG, "/control/read_only_group", "there is no such group");
	if (err)
		return node_fail(NODE_EXIT_CANTCREAT, n->paths.socket, err_text(err));
	wiring_control(n);
	return 0;
}

int node_open_metrics(struct node *n)
{
	char what[CONFIG_ENDPOINT_SIZE + 24], text[CONFIG_ENDPOINT_SIZE];
	int err = metrics_http_open(&n->face, &n->metrics);

	if (!err)
		return 0;
	snprintf(what, sizeof(what), "metrics.listen %s", config_endpoint_text(&n->config->metrics.listen, text));
	return node_fail(NODE_EXIT_UNAVAILABLE, what, node_listen_error(err));
}
