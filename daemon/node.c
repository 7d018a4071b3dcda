/* SPDX-License-Identifier: Apache-2.0 */
/* Builds every part in order and tears them down in reverse; both lists are here, where they can be
 * compared. */
#include "daemon/node.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"
#include "daemon/net/quic_ports.h"
#include "daemon/node_private.h"
#include "daemon/sys/handover.h"
#include "daemon/sys/last_words.h"
#include "daemon/sys/log.h"
#include "daemon/sys/memory.h"
#include "daemon/sys/notify.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define FIRST_SNAPSHOT "first-snapshot.json" /* `p2posctl init` leaves it (p2pos.md section 10) */
#define STOP_POLL_MS   20

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
		return node_fail(NODE_EXIT_IOERR, "event loop", "no descriptors left");
	n->started = loop_now(n->loop);
	code = node_load_key(n);
	if (!code)
		code = node_make_certificate(n);
	if (!code)
		code = node_open_store(n);
	if (!code)
		code = node_open_dns(n);
	if (code)
		return code;
	node_build_net(n);
	node_build_cluster(n);
	code = node_open_listener(n);
	if (!code)
		code = node_open_control(n);
	if (!code)
		code = node_open_metrics(n);
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
	memory_give_back(); /* of the configuration's text: what is built next touches what it needs */
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
