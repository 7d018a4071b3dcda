/* SPDX-License-Identifier: Apache-2.0 */
/* Builds every part in order and tears them down in reverse; both lists are here, where they can be
 * compared. */
#include "daemon/node.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"
#include "daemon/io/clocks.h"
#include "daemon/io/inherited.h"
#include "daemon/io/interfaces.h"
#include "daemon/io/rng_sodium.h"
#include "daemon/net/quic_ports.h"
#include "daemon/node_private.h"
#include "daemon/sys/handover.h"
#include "daemon/sys/last_words.h"
#include "daemon/sys/log.h"
#include "daemon/sys/notify.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define AGENT            "p2pos/" P2POS_VERSION
#define SERVICE_GROUP    "p2pos"
#define FIRST_SNAPSHOT   "first-snapshot.json" /* `p2posctl init` leaves it (p2pos.md section 10) */
#define STOP_POLL_MS     20

/* One readable line for the operator, whatever the log level is. */
static int fail(int code, const char *what, const char *why)
{
	log_error("NODE", "start_failed", kv_text("what", what), kv_text("reason", why));
	last_words_put(what, why);
	return code;
}

/* ---- building ---- */

static int load_key(struct node *n)
{
	const struct secrets_opts opts = {.credentials_dir = getenv("CREDENTIALS_DIRECTORY"),
		.config_key = n->config->node_private_key, .data_dir = n->paths.data_dir};
	char why[SECRETS_WHY_SIZE];
	int err = secrets_load_node_key(&opts, rng_system(), &n->key, why);

	if (err)
		return fail(err == P2P_ERR_IO ? NODE_EXIT_CANTCREAT : NODE_EXIT_CONFIG, "node key", why);
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

static int open_store(struct node *n)
{
	const struct store_opts opts = {.dir = n->paths.data_dir, .now = loop_wall(n->loop), .wake = wake_store,
		.on_news = wiring_store_news, .arg = n, .mono = clock_mono};
	char why[STORE_WHY_SIZE];

	if (wake_open(n->loop, on_store_wake, n, &n->store_wake))
		return fail(NODE_EXIT_IOERR, "event loop", "no descriptors left");
	if (store_open(&opts, &n->store, &n->start, why))
		return fail(NODE_EXIT_CANTCREAT, n->paths.data_dir, why);
	if (n->start.was_damaged)
		log_warn("STORE", "database_damaged", kv_text("moved_to", n->start.moved_to));
	if (n->start.was_below_floor)
		log_warn("STORE", "database_below_floor", kv_text("reason", "an older backup was put back"));
	if (n->start.migrated_from >= 0)
		log_info("STORE", "database_migrated", kv_int("from", n->start.migrated_from),
			kv_bool("original", n->start.from_original));
	return 0;
}

static int open_dns(struct node *n)
{
	char texts[CONFIG_DNS_SERVERS_MAX][CONFIG_ENDPOINT_SIZE];
	const char *servers[CONFIG_DNS_SERVERS_MAX];
	struct dns_opts opts = {.servers = servers, .server_count = n->config->dns.server_count};

	for (size_t i = 0; i < opts.server_count; i++)
		servers[i] = config_endpoint_text(&n->config->dns.servers[i], texts[i]);
	if (dns_new(n->loop, &opts, &n->dns))
		return fail(NODE_EXIT_CONFIG, "dns.servers", "not usable");
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
static int make_certificate(struct node *n)
{
	const char *version;

	if (speaks(n, NET_QUIC) && quic_library_check(&version))
		return fail(NODE_EXIT_UNAVAILABLE, "QUIC",
			"ngtcp2 is older than 1.4.0, which any peer can abort: install a newer one, or leave "
			"\"quic-v1\" out of net.transports");
	if (tls_global_init() || tls_identity_init(&n->tls, n->key.pair, rng_system(), loop_wall(n->loop),
					 tls_order_of_cpu()))
		return fail(NODE_EXIT_SOFTWARE, "TLS", "GnuTLS does not start");
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

static void build_net(struct node *n)
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
	core_load(n->core, &m, loop_wall(n->loop), loop_now(n->loop));
	free(marks);
	free(records);
}

static void build_cluster(struct node *n)
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

static void announce(struct node *n)
{
	struct listen_door bound[LISTEN_ADDRS_MAX];
	size_t count = listener_doors(n->listener, bound, LISTEN_ADDRS_MAX);

	if (self_set_addrs(n->self, bound, count, n->config->announce, n->config->announce_count))
		identify_push_all(n->identify);
}

static const char *listen_error(int err)
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

static int open_listener(struct node *n)
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
		return fail(NODE_EXIT_UNAVAILABLE, what, listen_error(err));
	}
	announce(n);
	return 0;
}

/* The socket is open to the service's group; a node of somebody's own is his alone. */
static gid_t socket_group(const struct node *n)
{
	const struct group *g = n->paths.is_system ? getgrnam(SERVICE_GROUP) : NULL;

	return g ? g->gr_gid : PIPE_NO_GROUP;
}

static int open_control(struct node *n)
{
	struct control_opts opts = {.node = &n->face, .path = n->paths.socket, .group = socket_group(n),
		.read_only_group = n->config->control.read_only_group, .inherited_fd = inherited_control()};
	int err;

	wiring_face(n);
	err = control_open(&opts, &n->control);
	if (err == P2P_ERR_BUSY)
		return fail(NODE_EXIT_UNAVAILABLE, n->paths.socket, "another p2posd answers there");
	if (err == P2P_ERR_CONFIG)
		return fail(NODE_EXIT_CONFIG, "/control/read_only_group", "there is no such group");
	if (err)
		return fail(NODE_EXIT_CANTCREAT, n->paths.socket, err_text(err));
	wiring_control(n);
	return 0;
}

static int open_metrics(struct node *n)
{
	char what[CONFIG_ENDPOINT_SIZE + 24], text[CONFIG_ENDPOINT_SIZE];
	int err = metrics_http_open(&n->face, &n->metrics);

	if (!err)
		return 0;
	snprintf(what, sizeof(what), "metrics.listen %s", config_endpoint_text(&n->config->metrics.listen, text));
	return fail(NODE_EXIT_UNAVAILABLE, what, listen_error(err));
}

/* ---- the first start of a new cluster ---- */

static void on_first_snapshot(void *arg, const struct core_verdict *v)
{
	(void)arg;
	if (!v->applied)
		log_warn("MEMBERSHIP", "first_snapshot_refused", kv_text("reason", v->error));
}

static void take_first_snapshot(struct node *n)
{
	struct buf text = BUF_WITH_MAX(SNAPSHOT_BYTES_MAX), path = BUF_INIT;

	if (n->start.has_snapshot || n->start.has_floor)
		return;
	(void)buf_printf(&path, "%s/%s", n->paths.data_dir, FIRST_SNAPSHOT);
	if (file_read(buf_cstr(&path), &text, NULL) == 0)
		drive_publish(n->drive, buf_bytes(&text), on_first_snapshot, n);
	buf_deinit(&path);
	buf_deinit(&text);
}

/* ---- stopping ---- */

static bool is_drained(struct node *n)
{
	return swarm_next(n->swarm, 0) == 0;
}

static void on_stop_timer(void *arg, mono_t now)
{
	struct node *n = arg;

	if (is_drained(n) || mono_since_ms(now, n->started) >= NODE_STOP_MS)
		loop_stop(n->loop);
	else
		loop_timer_in_ms(n->loop, &n->stop_timer, STOP_POLL_MS);
}

void node_stop(struct node *n, const char *why)
{
	if (n->is_stopping)
		return;
	n->is_stopping = true;
	log_info("NODE", "stopping", kv_text("reason", why));
	notify_stopping("stopping");
	handover_stopping();
	listener_free(n->listener);
	n->listener = NULL;
	n->face.listener = NULL;
	control_set_stopping(n->control);
	drive_stop(n->drive);
	drive_store_rows(n->drive);
	swarm_close_all(n->swarm, "shutdown");
	/* From here on it counts the time of the goodbyes. */
	n->started = loop_now(n->loop);
	n->stop_timer = TIMER(on_stop_timer, n);
	loop_timer_in_ms(n->loop, &n->stop_timer, STOP_POLL_MS);
}

static void on_signal(void *arg, int signum)
{
	struct node *n = arg;
	struct config_report *report;
	struct config_change changes[CONFIG_CHANGES_MAX];
	size_t count = 0;

	if (signum != SIGHUP && n->is_stopping)
		_exit(128 + signum); /* asked twice: at once (P-006) */
	if (signum != SIGHUP) {
		node_stop(n, signum == SIGTERM ? "sigterm" : "sigint");
		return;
	}
	report = xcalloc(1, sizeof(*report));
	(void)node_reload(n, report, changes, &count); /* says itself how it went */
	free(report);
}

/* ---- reload ---- */

static void log_faults(const struct config_report *report)
{
	for (unsigned i = 0; i < report->count; i++) {
		const struct config_fault *f = &report->faults[i];

		if (f->is_error)
			log_error("CONFIG", "config_invalid", kv_text("pointer", f->pointer),
				kv_text("reason", f->message), kv_int("line", f->line));
		else
			log_warn("CONFIG", "config_warning", kv_text("pointer", f->pointer),
				kv_text("reason", f->message));
	}
}

/* Doors first: they are all that can fail, and nothing has changed yet when they do. */
static int apply(struct node *n, struct config *fresh, struct config_report *report)
{
	struct maddr_ip failed;
	struct core_opts opts;
	char text[CONFIG_ENDPOINT_SIZE];
	int err = listener_set(n->listener, fresh->listen, fresh->listen_count, &failed);

	if (err) {
		config_error(report, "/listen", "%s: %s", config_endpoint_text(&failed, text), listen_error(err));
		return P2P_ERR_CONFIG;
	}
	config_keep_running(fresh, n->config);
	*n->config = *fresh;
	node_core_opts(n, &opts);
	drive_configure(n->drive, &opts);
	swarm_set_conns_max(n->swarm, fresh->limits.connections);
	bootstrap_set(n->bootstrap, fresh->bootstrap, fresh->bootstrap_count);
	(void)log_set_level(NULL, fresh->log.level); /* NULL is always known */
	announce(n);
	chores_review(n);
	return 0;
}

int node_reload(struct node *n, struct config_report *report, struct config_change *ret_changes,
	size_t *ret_count)
{
	struct config *fresh = xcalloc(1, sizeof(*fresh));
	int err;

	config_init(fresh);
	notify_reloading(clock_systemd());
	err = config_load(n->paths.config, fresh, report);
	if (!err && strcmp(fresh->cluster_id, n->config->cluster_id) != 0) {
		/* Another cluster is another life: its floor and its list are not ours. */
		config_error(report, "/cluster_id", "changing the cluster needs a restart");
		err = P2P_ERR_CONFIG;
	}
	if (!err) {
		*ret_count = config_diff(n->config, fresh, ret_changes);
		err = n->is_stopping ? P2P_ERR_BUSY : apply(n, fresh, report);
	}
	log_faults(report);
	if (err)
		log_warn("CONFIG", "config_reload_failed", kv_err("reason", err));
	else
		log_info("CONFIG", "config_reloaded", kv_uint("changed", *ret_count));
	config_deinit(fresh);
	free(fresh);
	chores_status_changed(n);
	return err;
}

/* ---- life ---- */

static void on_stall(void *arg, int64_t ms)
{
	struct node *n = arg;

	drive_stalled(n->drive, ms);
}

static int build(struct node *n)
{
	int code;

	if (loop_new(&n->loop))
		return fail(NODE_EXIT_IOERR, "event loop", "no descriptors left");
	n->started = loop_now(n->loop);
	code = load_key(n);
	if (!code)
		code = make_certificate(n);
	if (!code)
		code = open_store(n);
	if (!code)
		code = open_dns(n);
	if (code)
		return code;
	build_net(n);
	build_cluster(n);
	code = open_listener(n);
	if (!code)
		code = open_control(n);
	if (!code)
		code = open_metrics(n);
	if (!code)
		handover_close_rest(); /* doors that the configuration has no more */
	return code;
}

static void tear_down(struct node *n)
{
	handover_stopping();
	if (n->loop)
		chores_stop(n);
	metrics_http_close(n->metrics);
	control_close(n->control);
	n->control = NULL; /* news of what is torn down next reach nobody */
	listener_free(n->listener);
	bootstrap_free(n->bootstrap);
	drive_free(n->drive);
	dialer_free(n->dialer);
	if (n->swarm) {
		streams_free(n->streams);
		perfs_free(n->perfs);
		pings_free(n->pings);
		identify_free(n->identify);
		swarm_free(n->swarm);
		quic_ports_free(n->ports);
	}
	if (n->core)
		core_free(n->core);
	if (n->self)
		self_free(n->self);
	if (n->book)
		peerbook_free(n->book);
	dns_free(n->dns);
	store_start_deinit(&n->start);
	store_close(n->store);
	n->store = NULL;
	wake_close(n->store_wake);
	tls_identity_deinit(&n->tls);
	noise_static_deinit(&n->noise);
	node_key_deinit(&n->key);
	loop_free(n->loop);
}

static void run(struct node *n)
{
	(void)loop_on_signal(n->loop, SIGTERM, on_signal, n);
	(void)loop_on_signal(n->loop, SIGINT, on_signal, n);
	(void)loop_on_signal(n->loop, SIGHUP, on_signal, n);
	loop_on_stall(n->loop, on_stall, n);
	drive_start(n->drive);
	take_first_snapshot(n);
	store_start_deinit(&n->start);
	memset(&n->start, 0, sizeof(n->start));
	chores_review(n);
	chores_start(n);
	control_set_ready(n->control);
	last_words_clear();
	log_info("NODE", "ready", kv_peer("peer_id", &n->key.id), kv_text("cluster_id", n->config->cluster_id),
		kv_double("ms", (double)mono_since_ns(loop_clock(n->loop), n->started) / 1e6));
	loop_run(n->loop);
}

int node_run(const struct node_paths *paths, struct config *cfg)
{
	struct node *n = xcalloc(1, sizeof(*n));
	int code;

	n->paths = *paths;
	n->config = cfg;
	if (gethostname(n->name, sizeof(n->name) - 1) != 0)
		n->name[0] = '\0';
	log_set_cluster(cfg->cluster_id);
	last_words_open(n->paths.data_dir);
	log_info("NODE", "start", kv_text("version", P2POS_VERSION), kv_text("config", paths->config),
		kv_text("data_dir", paths->data_dir));
	if (!cfg->has_system_key)
		log_warn("MEMBERSHIP", cfg->insecure_accept_any_issuer ? "insecure_accept_any_issuer"
								       : "no_system_pubkey",
			kv_text("text", cfg->insecure_accept_any_issuer
				? "snapshots are taken from ANY issuer: insecure_accept_any_issuer is set"
				: "system_pubkey is empty: every snapshot will be refused"));
	code = build(n);
	if (!code) {
		run(n);
		code = n->exit_code;
	}
	if (!code)
		last_words_clear();
	tear_down(n);
	log_info("NODE", "stop", kv_int("exit_code", code));
	free(n);
	return code;
}
