/* SPDX-License-Identifier: Apache-2.0 */
/* Introduces the parts of a node to each other: who hears which news, and what the control socket may
 * ask of the whole node. */
#include <stdlib.h>
#include <string.h>

#include "daemon/control/events.h"
#include "daemon/io/interfaces.h"
#include "daemon/node_private.h"
#include "daemon/sys/last_words.h"
#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

/* ---- the drive's news go to the control socket ---- */

static void on_decision(void *arg, const struct core_decision *x)
{
	struct node *n = arg;

	if (n->control)
		control_hear_decision(n->control, x);
	if (x->kind == CORE_STATE || x->kind == CORE_MEMBER_UP || x->kind == CORE_MEMBER_DOWN ||
		x->kind == CORE_MEMBERSHIP)
		chores_status_changed(n);
}

static void on_rejected(void *arg, enum snapshot_reason reason, enum snapshot_source source,
	const struct peer_id *from)
{
	struct node *n = arg;

	if (n->control)
		control_hear_rejected(n->control, reason, source, from);
}

static void on_push(void *arg, const struct peer_id *peer, int err, bool applied)
{
	struct node *n = arg;

	if (n->control)
		control_hear_push(n->control, peer, err, applied);
}

static void on_pull(void *arg, const struct peer_id *peer, int err)
{
	struct node *n = arg;

	if (n->control)
		control_hear_pull(n->control, peer, err);
}

static void on_resolve(void *arg)
{
	struct node *n = arg;

	(void)bootstrap_run(n->bootstrap, false);
}

struct drive_watch wiring_drive(struct node *n)
{
	return (struct drive_watch){.arg = n, .on_decision = on_decision, .on_rejected = on_rejected,
		.on_push = on_push, .on_pull = on_pull, .on_resolve = on_resolve};
}

bool wiring_is_reached(void *arg, const struct peer_id *peer)
{
	const struct node *n = arg;

	return peer_id_eq(peer, swarm_self(n->swarm)) || swarm_find(n->swarm, peer) != 0;
}

void wiring_addr(void *arg, const struct peer_id *peer, const struct maddr *addr, bool from_dns)
{
	struct node *n = arg;

	drive_addrs(n->drive, peer, addr, 1, from_dns ? CORE_ADDR_DNS : CORE_ADDR_CONFIG);
}

/* ---- the swarm's and identify's ---- */

static void on_up(void *arg, const struct swarm_conn *c)
{
	struct node *n = arg;

	if (n->control)
		control_hear_up(n->control, c);
	chores_conns_changed(n);
}

static void on_gone(void *arg, const struct swarm_conn *c, enum swarm_end how, int err, const char *why)
{
	struct node *n = arg;

	(void)how;
	(void)err;
	if (n->control)
		control_hear_gone(n->control, c, why);
	chores_conns_changed(n);
}

static void on_identified(void *arg, const struct identify_news *news)
{
	struct node *n = arg;

	if (n->control)
		control_hear_identified(n->control, news);
}

void wiring_control(struct node *n)
{
	const struct swarm_watch watch = {.arg = n, .on_up = on_up, .on_gone = on_gone};

	swarm_watch(n->swarm, &watch);
	identify_listen(n->identify, on_identified, n);
}

/* ---- the store's ---- */

void wiring_store_news(void *arg, const struct store_news *news)
{
	struct node *n = arg;

	log_warn("STORE", "store_news", kv_text("text", news->text));
	switch (news->kind) {
	case STORE_NEWS_DISK_FULL: metric_inc(M_DB_ERRORS, "full"); break;
	case STORE_NEWS_DROPPED: metric_inc(M_DB_ERRORS, "dropped"); break;
	case STORE_NEWS_DISK_OK: break;
	case STORE_NEWS_REPLACED:
		metric_inc(M_DB_ERRORS, "corrupt");
		drive_store_again(n->drive);
		break;
	case STORE_NEWS_FATAL:
		metric_inc(M_DB_ERRORS, "io");
		n->exit_code = NODE_EXIT_CANTCREAT;
		last_words_put("storage failed", news->text);
		node_stop(n, "storage failed");
		break;
	}
}

/* ---- what the control socket asks of the node ---- */

static void face_stop(void *arg)
{
	node_stop(arg, "control");
}

static int face_restarting(void *arg, void (*on_done)(void *arg, size_t members, size_t told), void *done_arg)
{
	struct node *n = arg;

	return drive_restarting(n->drive, on_done, done_arg);
}

static int face_reload(void *arg, struct config_report *report, struct config_change *ret_changes,
	size_t *ret_count)
{
	return node_reload(arg, report, ret_changes, ret_count);
}

static void face_publish(void *arg, struct bytes json,
	void (*on_verdict)(void *arg, const struct core_verdict *v), void *verdict_arg)
{
	struct node *n = arg;

	drive_publish(n->drive, json, on_verdict, verdict_arg);
}

static unsigned face_sync(void *arg)
{
	struct node *n = arg;

	return drive_sync_now(n->drive);
}

static int face_status_local(void *arg, struct status_answer *ret)
{
	struct node *n = arg;

	return drive_status_local(n->drive, ret);
}

static void face_status_cluster(void *arg, drive_status_fn *on_done, void *done_arg)
{
	struct node *n = arg;

	drive_status_cluster(n->drive, on_done, done_arg);
}

static bool face_seed_at(void *arg, size_t i, struct control_seed *ret)
{
	struct node *n = arg;
	struct bootstrap_entry e;

	if (!bootstrap_at(n->bootstrap, i, &e))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->is_dns = e.entry->type == BOOTSTRAP_DNS;
	if (ret->is_dns)
		text_copy(ret->address, sizeof(ret->address), bytes_str(e.entry->name));
	else
		maddr_text(&e.entry->maddr, ret->address);
	for (; ret->count < e.count && ret->count < CONTROL_SEED_ADDRS_MAX; ret->count++)
		ret->addrs[ret->count] = e.addrs[ret->count];
	ret->asked_at = e.asked_at;
	ret->err = e.err;
	return true;
}

struct lookup_call {
	void (*on_done)(void *arg, int err, const struct control_lookup *r);
	void *arg;
};

static void on_looked_up(void *arg, const struct resolved *r)
{
	struct lookup_call *call = arg;
	const struct control_lookup out = {.text_count = r->text_count, .texts = r->texts, .addrs = r->text_addrs,
		.errs = r->text_errs, .found_count = r->addr_count, .found = r->addrs};

	call->on_done(call->arg, r->err, &out);
	free(call);
}

static void face_lookup(void *arg, const char *name,
	void (*on_done)(void *arg, int err, const struct control_lookup *r), void *done_arg)
{
	struct node *n = arg;
	struct lookup_call *call = xcalloc(1, sizeof(*call));
	struct resolution *unused;
	struct maddr m;
	int err;

	call->on_done = on_done;
	call->arg = done_arg;
	if (name[0] == '/')
		err = maddr_parse(bytes_str(name), &m);
	else
		err = 0;
	if (!err)
		err = name[0] == '/' ? resolve_maddr(n->loop, n->dns, &m, on_looked_up, call, &unused)
				     : resolve_name(n->loop, n->dns, name, on_looked_up, call, &unused);
	if (err) {
		free(call);
		on_done(done_arg, err, NULL);
	}
}

static unsigned face_bootstrap(void *arg)
{
	struct node *n = arg;
	unsigned count = bootstrap_run(n->bootstrap, true);

	drive_bootstrap_now(n->drive);
	return count;
}

static bool face_timer_at(void *arg, size_t i, struct control_timer *ret)
{
	struct node *n = arg;
	const struct control_timer all[] = {
		{"cluster", core_deadline(n->core), "probes, heartbeats, dials, pulls, expiry of evidence"},
		{"minute", timer_when(&n->chores.minute), "log, interfaces, proof expiry, retention"},
		{"watchdog", timer_when(&n->chores.watchdog), "tells systemd that the loop turns"},
	};

	if (i >= sizeof(all) / sizeof(all[0]))
		return false;
	*ret = all[i];
	return true;
}

static void face_measure(void *arg)
{
	chores_measure(arg);
}

void wiring_face(struct node *n)
{
	struct maddr_ip ips[INTERFACE_IPS_MAX];
	size_t count = interface_ips(ips, INTERFACE_IPS_MAX);

	n->face = (struct control_node){.loop = n->loop, .core = n->core, .store = n->store, .swarm = n->swarm,
		.streams = n->streams, .dialer = n->dialer, .pings = n->pings, .perfs = n->perfs, .identify = n->identify,
		.book = n->book, .self = n->self, .listener = n->listener, .config = n->config,
		.identity = n->key.pair, .config_path = n->paths.config, .version = P2POS_VERSION,
		.name = n->name[0] ? n->name : NULL, .started = n->started,
		.under_systemd = getenv("INVOCATION_ID") != NULL && n->paths.is_system,
		.network_mode = config_network_mode(n->config->network_mode, ips, count), .arg = n,
		.stop = face_stop, .restarting = face_restarting,
		.reload = face_reload, .publish = face_publish, .sync = face_sync,
		.status_local = face_status_local, .status_cluster = face_status_cluster,
		.seed_at = face_seed_at, .lookup = face_lookup, .bootstrap = face_bootstrap,
		.timer_at = face_timer_at, .measure = face_measure};
}
