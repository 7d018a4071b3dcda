/* SPDX-License-Identifier: Apache-2.0 */
/* What a node does without being asked: the watchdog, the status line, warnings before a proof ends,
 * retention, memory given back, and looking after the log and the interfaces. */
#include <stdio.h>
#include <string.h>

#include "daemon/io/uv_udp.h"
#include "daemon/node_private.h"
#include "daemon/sys/log.h"
#include "daemon/sys/memory.h"
#include "daemon/sys/metrics.h"
#include "daemon/sys/notify.h"

#define MINUTE_MS             60000
#define RETAIN_MINUTES        60
#define CALM_MS               2000  /* no connection has come or gone for so long */
#define CALM_MS_MAX           30000 /* or they never stop coming and going */

/* ---- status line ---- */

char *chores_status_text(struct node *n, char *to)
{
	struct core_view v;
	int len;

	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &v);
	len = snprintf(to, NOTIFY_STATUS_MAX, "%s, %zu/%zu members online, %zu peers", core_state_name(v.state),
		v.online, v.members, v.conns);
	if (v.pending && len > 0 && len < NOTIFY_STATUS_MAX)
		len += snprintf(to + len, NOTIFY_STATUS_MAX - (size_t)len, ", %zu pending join%s", v.pending,
			v.pending == 1 ? "" : "s");
	if (n->chores.warned_days && len > 0 && len < NOTIFY_STATUS_MAX)
		snprintf(to + len, NOTIFY_STATUS_MAX - (size_t)len, ", the admin's proof ends within %d day%s",
			(int)n->chores.warned_days, n->chores.warned_days == 1 ? "" : "s");
	return to;
}

static void write_status(void *arg)
{
	struct node *n = arg;
	char text[NOTIFY_STATUS_MAX];

	if (!n->is_stopping)
		notify_ready(chores_status_text(n, text)); /* also ends a reload */
}

void chores_status_changed(struct node *n)
{
	loop_at_turn_end(n->loop, &n->chores.status);
}

/* ---- watchdog ---- */

static void expect_watchdog(struct node *n, int64_t ms)
{
	n->chores.watchdog_due = mono_add_ms(loop_now(n->loop), ms);
	loop_timer_set(n->loop, &n->chores.watchdog, n->chores.watchdog_due);
}

static void on_watchdog(void *arg, mono_t now)
{
	struct node *n = arg;
	struct store_figures f;
	bool was_fed;

	store_figures(n->store, &f);
	was_fed = notify_watchdog(n->chores.watchdog_due, now, f.waiting_since);
	expect_watchdog(n, was_fed ? notify_watchdog_ms() : NOTIFY_AGAIN_MS);
}

/* ---- the admin's proof ---- */

/* Once at each of these many days before the end (operator.md, "Logs"). */
static void warn_of_expiry(struct node *n)
{
	static const int64_t thresholds[] = {1, 3, 7, 14, 30};
	const struct snapshot *s = core_snapshot(n->core);
	int64_t left_ms, days;

	if (!s || wall_is_zero(s->proof.valid_to))
		return;
	if (wall_cmp(s->proof.valid_to, n->chores.warned_for) != 0) {
		n->chores.warned_for = s->proof.valid_to;
		n->chores.warned_days = 0;
	}
	left_ms = wall_diff_ms(s->proof.valid_to, loop_wall(n->loop));
	days = left_ms / 86400000;
	for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
		if (days >= thresholds[i])
			continue;
		if (n->chores.warned_days == thresholds[i])
			return;
		if (n->chores.warned_days == 0 || thresholds[i] < n->chores.warned_days)
			log_warn("MEMBERSHIP", "admin_proof_expiry", kv_wall("valid_to", s->proof.valid_to),
				kv_int("days_left", days), kv_peer("peer_id", &s->proof.peer));
		n->chores.warned_days = thresholds[i];
		chores_status_changed(n); /* it tells of the proof, too */
		return;
	}
}

/* ---- the configuration, as far as it can be wrong without being invalid ---- */

/* Its own proof lets a node's operator publish with the node's key; a bad one stops nothing else
 * (P-166). */
static void review_proof(struct node *n)
{
	struct admin_proof p;
	enum admin_proof_reason why = ADMIN_PROOF_MISSING;
	const struct admin_proof_rules rules = {.cluster_id = n->config->cluster_id, .peer = &n->key.id,
		.system = n->config->has_system_key ? &n->config->system_key : NULL,
		.at = loop_wall(n->loop), .slack_sec = ADMIN_PROOF_SLACK_SEC};

	if (!n->config->admin_proof[0])
		return;
	if (admin_proof_parse(bytes_str(n->config->admin_proof), &p) || admin_proof_check(&p, &rules, &why))
		log_warn("MEMBERSHIP", "publish_denied", kv_text("reason", admin_proof_reason_name(why)),
			kv_text("text", "admin_proof of the configuration is of no use to this node"));
}

/* Keys that a later release will obey are accepted, and said to be idle. */
static void review_idle_keys(struct node *n)
{
	const struct config *c = n->config;
	const struct {
		bool is_set;
		const char *key;
	} keys[] = {
		{c->wss.cert[0] != '\0', "wss.cert"},
		{c->dns.doh != DOH_OFF, "dns.doh"},
		{c->auto_tls.mode == AUTOTLS_ON, "auto_tls.mode"},
		{c->update_feed_url[0] != '\0', "update_feed_url"},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].is_set)
			log_warn("CONFIG", "key_without_effect", kv_text("key", keys[i].key),
				kv_text("text", "this release does not have it yet"));
}

void chores_review(struct node *n)
{
	review_proof(n);
	review_idle_keys(n);
}

/* ---- once a minute ---- */

static void on_minute(void *arg, mono_t now)
{
	struct node *n = arg;

	(void)log_tick(now); /* what it says is within the next minute anyway */
	if (self_refresh(n->self))
		identify_push_all(n->identify);
	warn_of_expiry(n);
	if (n->config->insecure_accept_any_issuer && n->chores.minutes % RETAIN_MINUTES == 0)
		log_warn("MEMBERSHIP", "insecure_accept_any_issuer",
			kv_text("text", "snapshots are taken from ANY issuer"));
	if (++n->chores.minutes % RETAIN_MINUTES == 0)
		store_retain(n->store, loop_wall(n->loop));
	loop_timer_in_ms(n->loop, &n->chores.minute, MINUTE_MS);
}

/* ---- after a storm of connections ---- */

static void on_calm(void *arg, mono_t now)
{
	struct node *n = arg;

	(void)now;
	udp_give_back(n->loop);
	memory_give_back();
}

void chores_conns_changed(struct node *n)
{
	mono_t now = loop_now(n->loop);

	if (n->is_stopping)
		return;
	if (!timer_is_armed(&n->chores.calm))
		n->chores.calm_by = mono_add_ms(now, CALM_MS_MAX);
	loop_timer_set(
		n->loop, &n->chores.calm, mono_min(mono_add_ms(now, CALM_MS), n->chores.calm_by));
}

void chores_start(struct node *n)
{
	char text[NOTIFY_STATUS_MAX];

	n->chores.minute = TIMER(on_minute, n);
	n->chores.watchdog = TIMER(on_watchdog, n);
	n->chores.status = (struct turn_end){.run = write_status, .arg = n};
	n->chores.calm = TIMER(on_calm, n);
	chores_conns_changed(n); /* starting leaves something behind, too */
	loop_timer_in_ms(n->loop, &n->chores.minute, MINUTE_MS);
	if (notify_watchdog_ms() > 0)
		expect_watchdog(n, notify_watchdog_ms());
	warn_of_expiry(n);
	notify_ready(chores_status_text(n, text));
}

void chores_stop(struct node *n)
{
	loop_timer_stop(n->loop, &n->chores.minute);
	loop_timer_stop(n->loop, &n->chores.watchdog);
	loop_timer_stop(n->loop, &n->chores.calm);
	loop_turn_end_cancel(&n->chores.status);
}

/* ---- gauges that are counted when somebody asks ---- */

static void measure_conns(struct node *n)
{
	static const char *const transports[] = {"tcp", "quic-v1"};
	unsigned in[2] = {0}, out[2] = {0}, streams_in = 0, streams_out = 0;
	struct swarm_conn c;
	struct swarm_stats s;

	for (uint64_t id = swarm_next(n->swarm, 0); id; id = swarm_next(n->swarm, id)) {
		unsigned i;

		if (!swarm_get(n->swarm, id, &c) || !c.is_up)
			continue;
		i = strcmp(c.transport, transports[1]) == 0;
		in[i] += c.side == CONN_LISTENER;
		out[i] += c.side == CONN_DIALER;
		streams_in += c.streams_in;
		streams_out += c.streams_out;
	}
	metric_set(M_STREAMS, streams_in, "in");
	metric_set(M_STREAMS, streams_out, "out");
	swarm_stats(n->swarm, &s);
	for (unsigned i = 0; i < 2; i++) {
		const char *const read[] = {transports[i], "in"}, *const sent[] = {transports[i], "out"};

		metric_set(M_CONNECTIONS, in[i], "in", transports[i]);
		metric_set(M_CONNECTIONS, out[i], "out", transports[i]);
		metric_cell_set(metric_cell(M_NETWORK_BYTES, read, 2),
			(double)(i ? s.quic_bytes_in : s.bytes_in));
		metric_cell_set(metric_cell(M_NETWORK_BYTES, sent, 2),
			(double)(i ? s.quic_bytes_out : s.bytes_out));
	}
}

static void measure_udp(struct node *n)
{
	struct quic_ports_stats s;

	quic_ports_stats(n->ports, &s);
	metric_set(M_UDP_BUFFER, s.udp.rcvbuf_bytes);
	metric_cell_set(metric_cell(M_UDP_ERRORS, NULL, 0), (double)s.quic.garbage);
	metric_cell_set(metric_cell(M_QUIC_LOST, NULL, 0), (double)s.quic.lost);
}

static void measure_cluster(struct node *n)
{
	const struct snapshot *s = core_snapshot(n->core);
	struct core_view v;

	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &v);
	for (enum core_state st = CORE_UNCONFIGURED; st <= CORE_HEALTHY; st++)
		metric_set(M_NODE_STATE, v.state == st, core_state_name(st));
	metric_set(M_MEMBERS, (double)v.members);
	metric_set(M_MEMBERS_ONLINE, (double)v.online);
	metric_set(M_MEMBERS_PENDING, (double)v.pending);
	if (s) {
		metric_set(M_MEMBERSHIP_ISSUED, (double)s->issued_at.sec);
		metric_set(M_PROOF_EXPIRY, (double)s->proof.valid_to.sec);
	}
}

static void measure_members(struct node *n)
{
	struct core_member m;
	char id[PEER_ID_TEXT_SIZE];

	metrics_members_begin();
	if (!n->config->metrics.per_member)
		return;
	for (size_t i = 0; core_member_at(n->core, i, loop_wall(n->loop), loop_now(n->loop), &m); i++)
		if (!peer_id_is_none(&m.peer) && !wall_is_zero(m.last_seen))
			metrics_member_seen(peer_id_text(&m.peer, id), (double)m.last_seen.sec);
}

void chores_measure(struct node *n)
{
	struct store_figures f;

	measure_cluster(n);
	measure_members(n);
	measure_conns(n);
	measure_udp(n);
	store_figures(n->store, &f);
	metric_set(M_DB_SIZE, (double)f.bytes);
	metric_set_tally(M_DB_WRITE, &f.writes);
}
