/* SPDX-License-Identifier: Apache-2.0 */
/* reload.c: the configuration file is read again, and what can change in a running node changes
 * (features.md P-167). */
#include <stdlib.h>
#include <string.h>

#include "daemon/io/clocks.h"
#include "daemon/node_private.h"
#include "daemon/sys/log.h"
#include "daemon/sys/notify.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

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
		config_error(report, "/listen", "%s: %s", config_endpoint_text(&failed, text), node_listen_error(err));
		return P2P_ERR_CONFIG;
	}
	config_keep_running(fresh, n->config);
	*n->config = *fresh;
	node_core_opts(n, &opts);
	drive_configure(n->drive, &opts);
	swarm_set_conns_max(n->swarm, fresh->limits.connections);
	bootstrap_set(n->bootstrap, fresh->bootstrap, fresh->bootstrap_count);
	(void)log_set_level(NULL, fresh->log.level); /* NULL is always known */
	node_announce(n);
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
