/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: what contradicts what, and what network_mode comes to. Each key is good by itself. */
#include "config/config.h"

static void check_times(const struct config *cfg, struct config_report *r)
{
	if (cfg->heartbeat.timeout_ms <= cfg->heartbeat.interval_ms)
		config_error(r, "/heartbeat/timeout",
			"must be longer than heartbeat.interval, or every member expires between "
			"two heartbeats");
	else if (cfg->heartbeat.timeout_ms < 2 * cfg->heartbeat.interval_ms)
		config_warning(r, "/heartbeat/timeout",
			"is under two intervals: one lost heartbeat makes a member expire");
}

static void check_limits(const struct config *cfg, struct config_report *r)
{
	if (cfg->limits.guests >= cfg->limits.connections)
		config_error(r, "/limits/guests", "must be below limits.connections");
	if (cfg->mesh.degree >= cfg->mesh.full_limit)
		config_warning(r, "/mesh/degree",
			"is not below mesh.full_limit: a larger cluster would not get sparser");
}

static void check_ports(const struct config *cfg, struct config_report *r)
{
	if (cfg->auto_tls.mode == AUTOTLS_OFF && !*cfg->wss.cert)
		return;
	for (size_t i = 0; i < cfg->listen_count; i++)
		if (cfg->listen[i].port == cfg->auto_tls.port) {
			/* Asked for, it cannot be given; "auto" does without, as on a private node. */
			if (cfg->auto_tls.mode == AUTOTLS_ON || *cfg->wss.cert)
				config_error(r, "/auto_tls/port",
					"is the port of listen too; secure WebSocket needs its own");
			else
				config_warning(r, "/auto_tls/port",
					"is the port of listen too: no secure WebSocket without a port of its own");
			return;
		}
}

static void check_secrets(const struct config *cfg, struct config_report *r)
{
	struct maddr_ip metrics = cfg->metrics.listen;

	if (*cfg->node_private_key)
		config_warning(r, "/node_private_key",
			"is read for the sake of older files; a key is safer in node.key or a credential");
	if (!*cfg->wss.cert != !*cfg->wss.key)
		config_error(r, *cfg->wss.cert ? "/wss/key" : "/wss/cert",
			"is missing: certificate and key belong together");
	if (cfg->insecure_accept_any_issuer)
		config_warning(r, "/insecure_accept_any_issuer",
			cfg->has_system_key
				? "has no effect: system_pubkey is set"
				: "is on: anybody may decide who belongs to this cluster");
	metrics.port = 1; /* 0 asks for any, and by itself reaches nobody */
	if (cfg->metrics.has_listen && !cfg->metrics.expose &&
		maddr_ip_reach(&metrics) != MADDR_REACH_LOOPBACK)
		config_error(r, "/metrics/listen",
			"is no loopback address: whoever reaches it could read the metrics; "
			"\"expose\": true beside it allows that");
}

void config_check(const struct config *cfg, struct config_report *report)
{
	check_times(cfg, report);
	check_limits(cfg, report);
	check_ports(cfg, report);
	check_secrets(cfg, report);
}

enum network_mode config_network_mode(enum network_mode wanted, const struct maddr_ip *ips,
	size_t count)
{
	if (wanted != NETWORK_AUTO)
		return wanted;
	for (size_t i = 0; i < count; i++) {
		struct maddr_ip ip = ips[i];

		ip.port = 1; /* an interface has none, and port 0 would count as unreachable */
		if (ip.family == 4 && maddr_ip_reach(&ip) == MADDR_REACH_PUBLIC)
			return NETWORK_PUBLIC;
	}
	return NETWORK_PRIVATE;
}
