/* SPDX-License-Identifier: Apache-2.0 */
/* town_disk.c: what a node's disk keeps, what it remembers when it starts, and how it ends. */
#include "tests/lib/town_parts.h"

#include "proto/base/mem.h"
#include <stdlib.h>

/* ---- the disk ---- */

void town_store(struct town *t, struct node *n, const struct core_store *s)
{
	if (n->storing)
		town_broken(t, n, "two snapshots are stored at once");
	n->storing = s->token;
	buf_reset(&n->store_json);
	(void)buf_put(&n->store_json, buf_bytes(&s->snapshot->raw));
	n->store_stamp = snapshot_stamp(s->snapshot);
	net_after(t->net, n->index, 1000 + (int64_t)rng_below(net_rng(t->net), 4000),
		(uint64_t)AT_STORED << 56 | s->token);
}

void town_stored(struct town *t, struct node *n, uint64_t token)
{
	bool strike = n->fail_in && --n->fail_in == 0;

	if (token != n->storing)
		return;
	n->storing = 0;
	if (strike && n->fail_how == 0) {
		town_kill(t, n->index);
		return;
	}
	if (!strike || n->fail_how == 1) {
		buf_reset(&n->disk.snapshot);
		(void)buf_put(&n->disk.snapshot, buf_bytes(&n->store_json));
		n->disk.floor = n->store_stamp;
	}
	if (strike && n->fail_how == 1) {
		town_kill(t, n->index);
		return;
	}
	core_stored(n->core, token, !strike, NOW(t, n));
}

void town_remember(struct town *t, struct node *n, const struct core_decision *d)
{
	int i = town_index_of(t, &d->peer);

	if (i < 0)
		return;
	if (d->kind == CORE_STORE_MARK) {
		n->disk.marks[i] = d->u.mark;
	} else {
		buf_reset(&n->disk.records[i]);
		(void)buf_put(&n->disk.records[i], d->json);
	}
}

/* ---- life ---- */

void town_halt(struct town *t, struct node *n)
{
	(void)t;
	while (n->wires) {
		struct wire *w = n->wires;

		n->wires = w->next;
		free(w);
	}
	memset(n->dials, 0, sizeof(n->dials));
	core_free(n->core);
	n->core = NULL;
	n->up = false;
	n->storing = 0;
	n->deadline = MONO_NEVER;
}

void town_boot(struct town *t, struct node *n)
{
	struct core_opts o = {.identity = &n->key,
		.cluster_id = "town",
		.system = &t->system_public,
		.heartbeat_interval_ms = 30000,
		.heartbeat_timeout_ms = 90000,
		.dead_after_ms = 4000,
		.mesh_full_limit = t->o.full_limit ? t->o.full_limit : 128,
		.mesh_degree = t->o.degree ? t->o.degree : 24,
		.guests_max = t->o.guests ? t->o.guests : 16,
		.connections_max = 1024,
		.rng = &n->rng.rng};
	struct core_memory m = {.snapshot = buf_bytes(&n->disk.snapshot),
		.floor = n->disk.floor,
		.marks = n->disk.marks,
		.mark_count = t->o.nodes,
		.unclean = n->disk.unclean,
		.resumed = n->disk.resumed};
	struct bytes *records = xcalloc(t->o.nodes, sizeof(*records));

	for (unsigned i = 0; i < t->o.nodes; i++)
		if (n->disk.records[i].len)
			records[m.record_count++] = buf_bytes(&n->disk.records[i]);
	m.records = records;
	n->core = core_new(&o, NOW(t, n));
	n->up = true;
	n->state_known = false;
	core_load(n->core, &m, NOW(t, n));
	free(records);
	n->disk.unclean = true; /* until it ends cleanly, as only town_restart() does */
	n->disk.resumed = false;
	town_drain(t, n);
}
