/* SPDX-License-Identifier: Apache-2.0 */
/* node.h: one running p2posd: every part built in order, torn down in reverse. */
#ifndef P2POS_DAEMON_NODE_H
#define P2POS_DAEMON_NODE_H

#include "config/config.h"

/* Exit codes (operator.md, "Exit codes"). */
enum node_exit {
	NODE_EXIT_OK = 0,
	NODE_EXIT_USAGE = 64,
	NODE_EXIT_UNAVAILABLE = 69, /* an address cannot be listened on */
	NODE_EXIT_SOFTWARE = 70,
	NODE_EXIT_CANTCREAT = 73,   /* the data directory or the database */
	NODE_EXIT_IOERR = 74,
	NODE_EXIT_NOPERM = 77,
	NODE_EXIT_CONFIG = 78,      /* configuration or key */
};

struct node_paths {
	const char *config;
	const char *data_dir;
	const char *socket;
	bool is_system; /* false: --data-dir was given, a node of somebody's own */
};

/* Runs until SIGTERM, SIGINT or node.stop. Every failure has said its one line when this returns the
 * exit code. `cfg` is taken: it changes with reloads. */
int node_run(const struct node_paths *paths, struct config *cfg);

#endif
