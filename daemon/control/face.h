/* SPDX-License-Identifier: Apache-2.0 */
/* face.h: the node as the control socket sees it.
 *
 * What the modules below can tell, the handlers ask them directly. What takes the whole node (the
 * core's decisions must be carried out, the file read again, names looked up) goes through the
 * functions at the end, which the node fills in. All run on the loop's thread.
 *
 * Handlers only ask the core; whatever changes it goes through a function here, so that the
 * decisions that follow are carried out at once. */
#ifndef P2POS_CONTROL_FACE_H
#define P2POS_CONTROL_FACE_H

#include "config/config.h"
#include "daemon/io/uv_loop.h"
#include "daemon/net/dialer.h"
#include "daemon/net/identify.h"
#include "daemon/net/listener.h"
#include "daemon/net/perf.h"
#include "daemon/net/ping.h"
#include "daemon/store/store.h"
#include "proto/cluster/core.h"
#include "proto/p2pos/status.h"

#define CONTROL_SEED_ADDRS_MAX 32 /* addresses shown of one bootstrap entry; the rest is left out */

/* One entry of init_connections and what became of it. */
struct control_seed {
	bool is_dns;
	char address[MADDR_TEXT_MAX + 1]; /* as configured */
	size_t count;
	struct maddr addrs[CONTROL_SEED_ADDRS_MAX]; /* what it came to last; with /p2p where known */
	wall_t asked_at;                  /* WALL_ZERO = not yet, or nothing to ask */
	int err;                          /* of the last look-up; 0 = none failed */
};

/* What one name resolves to. `texts` are TXT records as found (a stranger's bytes); addrs[i] comes of
 * texts[i], or errs[i] says why nothing does. Further addresses (of names inside) have no text. */
struct control_lookup {
	size_t text_count;
	const struct bytes *texts;
	const struct maddr *addrs; /* MADDR_NONE where there is none */
	const int *errs;
	size_t found_count;
	const struct maddr *found; /* all addresses in the end, each once */
};

/* Something that the node will do. */
struct control_timer {
	const char *name;  /* a word, static */
	mono_t when;       /* MONO_NEVER: waits for an event */
	const char *about; /* a sentence, static; may be NULL */
};

struct control_node {
	/* Borrowed; all outlive the control socket. Those that may be NULL are still being built
	 * while the node is not ready. */
	struct loop *loop;
	struct core *core;
	struct store *store;
	struct swarm *swarm;
	struct streams *streams;
	struct dialer *dialer;
	struct pings *pings;
	struct perfs *perfs;
	struct identify_service *identify;
	struct peerbook *book;
	struct self *self;
	struct listener *listener;      /* NULL when it listens nowhere */
	const struct config *config;    /* in force */
	const struct key_pair *identity;

	const char *config_path;
	const char *version;
	const char *name;               /* for people; NULL = none */
	mono_t started;
	bool under_systemd;
	enum network_mode network_mode; /* as decided, never auto */

	void *arg; /* of all functions below */

	/* Ends the node in good order; only begins it, nothing is torn down before this returns. */
	void (*stop)(void *arg);

	/* Reads the file again. 0 with the keys that differ (CONFIG_CHANGES_MAX of them at most); else
	 * P2P_ERR_CONFIG, _NOT_FOUND, _DENIED, _IO with the faults in `report`, and nothing changed. */
	int (*reload)(void *arg, struct config_report *report, struct config_change *ret_changes,
		size_t *ret_count);

	/* Tells the members that this node is about to restart. `on_done` is called once, now or within
	 * two seconds. P2P_ERR_BUSY while that is under way. */
	int (*restarting)(void *arg, void (*on_done)(void *arg, size_t members, size_t told),
		void *done_arg);

	/* core_snapshot_in() with SNAPSHOT_LOCAL. The verdict is told once, now or later, also when
	 * the node is stopping (then as not applied, SNAPSHOT_OK with an error text). */
	void (*publish)(void *arg, struct bytes json,
		void (*on_verdict)(void *arg, const struct core_verdict *v), void *verdict_arg);

	/* core_sync_now(). Returns how many members were asked; control_hear_pull() tells of each. */
	unsigned (*sync)(void *arg);

	/* This node's own records. P2P_ERR_REFUSED while unconfigured. */
	int (*status_local)(void *arg, struct status_answer *ret);
	/* Those of all connected members, merged; told once, now or later, within 15 s. */
	void (*status_cluster)(void *arg,
		void (*on_done)(void *arg, int err, const struct status_answer *a), void *done_arg);

	/* The entries of init_connections; false past the end. */
	bool (*seed_at)(void *arg, size_t i, struct control_seed *ret);
	/* Looks a name up as bootstrapping does, but leaves it at that. Told once, now or later; with
	 * an error `r` may be NULL. */
	void (*lookup)(void *arg, const char *name,
		void (*on_done)(void *arg, int err, const struct control_lookup *r), void *done_arg);
	/* core_bootstrap_now(). Returns how many entries are asked or dialled. */
	unsigned (*bootstrap)(void *arg);

	/* What the node waits for; false past the end. */
	bool (*timer_at)(void *arg, size_t i, struct control_timer *ret);

	/* Refreshes gauges that are counted on demand, before the metrics are printed. */
	void (*measure)(void *arg);
};

#endif
