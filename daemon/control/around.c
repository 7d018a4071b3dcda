/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/around.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/control/shape.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#define OWN_ADDRS_MAX 32

void around_note_starved(struct control *c)
{
	struct swarm_stats s = {0};

	if (!c->node->swarm)
		return;
	swarm_stats(c->node->swarm, &s);
	if (s.starved != c->starved_seen)
		c->starved_at = loop_wall(c->loop);
	c->starved_seen = s.starved;
}

static void look_at_alerts(const struct control *c, struct around *a)
{
	size_t n = c->alerts.count;

	for (size_t i = 0; i < n; i++) {
		const struct alert *x = &c->alerts.kept[n - 1 - i];

		a->alerts[i] = (struct core_alert){x->kind, x->text, x->at};
	}
	a->facts.alerts = a->alerts;
	a->facts.alert_count = n;
}

static void look_at_bootstrap(const struct control_node *n, struct around *a)
{
	struct control_seed *s = xcalloc(1, sizeof(*s));

	for (size_t i = 0; n->seed_at(n->arg, i, s); i++) {
		a->facts.bootstrap_entries++;
		if (!s->is_dns || !s->err || s->count || a->facts.dns_failed)
			continue;
		(void)text_copy(a->dns_failed, sizeof(a->dns_failed), bytes_str(s->address));
		a->facts.dns_failed = a->dns_failed;
		a->facts.dns_err = s->err;
	}
	free(s);
}

static bool speaks_quic(const struct control_node *n, const struct maddr *remote)
{
	struct maddr own[OWN_ADDRS_MAX];
	size_t count = self_addrs(n->self, remote, own, OWN_ADDRS_MAX);

	for (size_t i = 0; i < count; i++)
		if (maddr_kind(&own[i]) == MADDR_QUIC)
			return true;
	return false;
}

static bool has_quic_addr(const struct control_node *n, const struct peer_id *peer)
{
	struct core_addr a;

	for (size_t i = 0; core_addr_at(n->core, peer, i, &a); i++)
		if (maddr_kind(&a.addr) == MADDR_QUIC)
			return true;
	return false;
}

static void look_at_transports(const struct control_node *n, struct around *a)
{
	struct core_member m;
	struct swarm_conn conn;

	for (size_t i = 0; core_member_at(n->core, i, loop_wall(n->loop), loop_now(n->loop), &m);
		i++) {
		if (!m.conn || !swarm_get(n->swarm, m.conn, &conn))
			continue;
		if (strcmp(conn.transport, "quic-v1") == 0)
			a->facts.quic_conns++;
		else if (speaks_quic(n, &conn.remote) && has_quic_addr(n, &m.peer))
			a->facts.tcp_though_quic++;
	}
}

void around_look(struct control *c, struct around *ret)
{
	const struct control_node *n = c->node;
	struct store_figures store;

	*ret = (struct around){.facts = {.starved_at = WALL_ZERO}};
	around_note_starved(c);
	ret->facts.starved_at = c->starved_at;
	look_at_alerts(c, ret);
	look_at_bootstrap(n, ret);
	look_at_transports(n, ret);
	store_figures(n->store, &store);
	ret->facts.is_disk_full = store.is_disk_full;
}

static void add_alert(json_t *list, const char *type, const char *text, wall_t since)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "type", type, "text", text,
					    "since", shape_time(since)));
}

void around_add_alerts(const struct around *a, wall_t now, json_t *list)
{
	const struct core_surroundings *f = &a->facts;

	if (f->is_disk_full)
		add_alert(list, "disk_full",
			"the disk of the data directory is full: history is not recorded any more",
			WALL_ZERO);
	if (!wall_is_zero(f->starved_at) && now.sec - f->starved_at.sec < ALERTS_SHOWN_SEC)
		add_alert(list, "no_descriptors", "this process ran out of file descriptors",
			f->starved_at);
	if (f->tcp_though_quic)
		add_alert(list, "udp_blocked",
			"some members are reached over TCP only, though both sides speak QUIC",
			WALL_ZERO);
}
