/* SPDX-License-Identifier: Apache-2.0 */
/* debug.*: what is in use of each bound (features.md N-14), streams, timers. */
#include "daemon/control/client.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/server.h"
#include "daemon/control/shape.h"
#include "daemon/sys/metrics.h"

#define TIMERS_SHOWN  1000 /* the rest is left out */
#define STREAMS_SHOWN STREAMS_MAX

static void limit(json_t *list, const char *name, uint64_t used, uint64_t max)
{
	json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "name", name, "used",
					    (json_int_t)used, "max", (json_int_t)max));
}

static size_t streams_open(const struct control_node *n)
{
	struct stream_line line;
	size_t iter = 0, count = 0;

	while (n->streams && streams_list(n->streams, &iter, &line))
		count++;
	return count;
}

static void net_limits(const struct control_node *n, json_t *list)
{
	struct swarm_stats swarm = {0};
	struct dialer_stats dialer = {0};
	struct core_view view;

	swarm_stats(n->swarm, &swarm);
	dialer_stats(n->dialer, &dialer);
	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	limit(list, "connections", swarm.conns, n->config->limits.connections);
	limit(list, "connection_memory_bytes", swarm.memory, SWARM_MEMORY_HARD);
	limit(list, "streams", streams_open(n), STREAMS_MAX);
	limit(list, "dials", dialer.dialling, DIAL_DIALS_MAX);
	limit(list, "guests", view.conns_guest, n->config->limits.guests);
	limit(list, "admin_sessions", view.conns_admin, CORE_ADMINS_MAX);
	limit(list, "pending", view.pending, CORE_PENDING_MAX);
	limit(list, "known_peers", peerbook_count(n->book), PEERBOOK_PEERS_MAX);
	limit(list, "members", view.members, MEMBERS_MAX);
}

/* Printing the metrics is what brings the figures of the process up to date. */
static double resident_bytes(void)
{
	struct buf text = BUF_INIT;

	(void)metrics_print(&text, true);
	buf_deinit(&text);
	return metric_value(M_RSS, NULL, 0);
}

struct answer *do_DEBUG_MEMORY(struct call *c)
{
	const struct control_node *n = call_node(c);
	const struct control *control = call_client(c)->control;
	struct store_figures store;
	double resident = resident_bytes();
	json_t *list = json_array();

	net_limits(n, list);
	store_figures(n->store, &store);
	limit(list, "store_queue", store.queued, STORE_QUEUE_MAX);
	limit(list, "control_clients", control->client_count, CONTROL_CLIENTS_MAX);
	limit(list, "control_backlog_bytes", server_backlog(control), CONTROL_BACKLOG_BYTES_MAX);
	return call_ok(c, json_pack("{s:o, s:o}", "resident_bytes",
				  resident > 0 ? json_integer((json_int_t)resident) : json_null(),
				  "limits", list));
}

struct answer *do_DEBUG_STREAMS(struct call *c)
{
	const struct control_node *n = call_node(c);
	json_t *list = json_array();
	struct stream_line line;
	struct swarm_conn conn;
	size_t iter = 0;

	while (json_array_size(list) < STREAMS_SHOWN && streams_list(n->streams, &iter, &line)) {
		mono_t since = {loop_now(n->loop).ns - line.age_ms * NS_PER_MS};
		bool known = swarm_get(n->swarm, line.conn, &conn);

		json_array_append_new(list,
			json_pack("{s:o, s:o, s:s, s:o}", "peer_id",
				known ? shape_peer(&conn.peer) : json_null(), "protocol",
				shape_text(line.protocol), "direction",
				line.is_inbound ? "in" : "out", "since", shape_mono(n, since)));
	}
	return call_ok(c, json_pack("{s:o}", "streams", list));
}

struct answer *do_DEBUG_TIMERS(struct call *c)
{
	const struct control_node *n = call_node(c);
	mono_t now = loop_now(n->loop);
	json_t *list = json_array();
	struct control_timer timer;

	for (size_t i = 0; i < TIMERS_SHOWN && n->timer_at(n->arg, i, &timer); i++)
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:o}", "name", timer.name, "due_in_ms",
				mono_is_never(timer.when)
					? json_null()
					: json_integer(mono_since_ms(timer.when, now)),
				"about", shape_text(timer.about)));
	return call_ok(c, json_pack("{s:o}", "timers", list));
}
