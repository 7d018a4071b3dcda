/* SPDX-License-Identifier: Apache-2.0 */
/* node_private.h: the parts of a node, as node.c, wiring.c and chores.c see them. */
#ifndef P2POS_DAEMON_NODE_PRIVATE_H
#define P2POS_DAEMON_NODE_PRIVATE_H

#include "daemon/cluster/drive.h"
#include "daemon/control/control.h"
#include "daemon/control/metrics_http.h"
#include "daemon/discover/bootstrap.h"
#include "daemon/node.h"
#include "daemon/sys/secrets.h"
#include "proto/noise/noise.h"
#include "proto/tls/tls.h"

#define NODE_STOP_MS 3000 /* goodbyes have so long; features.md P-001 allows 5 s for all of it */

/* chores.c: what the node does now and then without being asked. */
struct chores {
	struct timer minute;   /* log, interfaces, proof expiry */
	struct timer watchdog;
	mono_t watchdog_due;   /* when it should fire: later, the loop did not turn in time */
	unsigned minutes;
	int64_t warned_days;   /* the threshold of proof expiry last warned of; 0 = none */
	wall_t warned_for;     /* valid_to that it was about */
	struct turn_end status;
	struct timer calm;     /* connections have settled: memory is given back */
	mono_t calm_by;        /* it fires by then, settled or not */
};

struct node {
	struct node_paths paths;
	struct config *config; /* in force */
	/* In the order in which they are built. */
	struct loop *loop;
	struct node_key key;
	struct noise_static noise;
	struct tls_identity tls;
	struct wake *store_wake;
	struct store *store;
	struct store_start start; /* what the database remembered; emptied once the core has it */
	struct dns *dns;
	struct swarm *swarm;
	struct quic_ports *ports;
	struct streams *streams;
	struct peerbook *book;
	struct self *self;
	struct identify_service *identify;
	struct dialer *dialer;
	struct pings *pings;
	struct perfs *perfs;
	struct core *core;
	struct drive *drive;
	struct bootstrap *bootstrap;
	struct listener *listener;
	struct control_node face;
	struct control *control;
	struct metrics_http *metrics; /* NULL when no port is configured */
	struct chores chores;

	char name[64];
	mono_t started;
	bool is_stopping;
	int exit_code;
	struct timer stop_timer;
};

/* node.c */
void node_stop(struct node *n, const char *why);

/* parts.c: each makes its part from the configuration. Those that return a code have said why with
 * node_fail(); it is the exit code then, and 0 when all is well. */
int node_load_key(struct node *n);
int node_make_certificate(struct node *n);
int node_open_store(struct node *n);
int node_open_dns(struct node *n);
void node_build_net(struct node *n);
void node_build_cluster(struct node *n);
int node_open_listener(struct node *n);
int node_open_control(struct node *n);
int node_open_metrics(struct node *n);
/* One readable line for the operator, whatever the log level is. Returns `code`. */
int node_fail(int code, const char *what, const char *why);
void node_core_opts(const struct node *n, struct core_opts *ret);
/* Our addresses changed: others are told. */
void node_announce(struct node *n);
/* Why an address could not be listened on; static text. */
const char *node_listen_error(int err);

/* reload.c */
/* Reads the file again; see control_node.reload. */
int node_reload(struct node *n, struct config_report *report, struct config_change *ret_changes,
	size_t *ret_count);

/* wiring.c: who hears which news. */
struct drive_watch wiring_drive(struct node *n);
void wiring_face(struct node *n);
/* After the control socket is open. */
void wiring_control(struct node *n);
bool wiring_is_reached(void *arg, const struct peer_id *peer);
void wiring_addr(void *arg, const struct peer_id *peer, const struct maddr *addr, bool from_dns);
void wiring_store_news(void *arg, const struct store_news *news);

/* chores.c */
void chores_start(struct node *n);
void chores_stop(struct node *n);
/* Says what in the configuration will not do what it seems to; at start and after a reload. */
void chores_review(struct node *n);
/* The line that systemctl status shows is out of date. */
void chores_status_changed(struct node *n);
/* A connection is up, or gone. */
void chores_conns_changed(struct node *n);
void chores_measure(struct node *n);
/* "healthy, 4/5 members online, 4 peers, 1 pending join"; `to` has NOTIFY_STATUS_MAX bytes. */
char *chores_status_text(struct node *n, char *to);

#endif
