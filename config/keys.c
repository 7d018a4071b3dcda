/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c: the one table of keys: path, kind, range, default, reason. The parser, the writer, the
 * schema and the comparison for a reload walk it; nothing else lists keys. */
#include "config/keys.h"

#include <stdio.h>

#define FIELD(f) offsetof(struct config, f), sizeof(((struct config *)0)->f)
#define LIST(f)  offsetof(struct config, f), 0

#define SECOND 1000
#define MINUTE (60 * SECOND)

/* clang-format off */
const struct config_key config_keys[] = {
	{"cluster_id", &kind_cluster_id, FIELD(cluster_id), 0, 0, NULL, "\"default\"", 0,
		"Name of the cluster, 1 to 64 of A-Z a-z 0-9 . _ -; part of everything that is signed"},
	{"system_pubkey", &kind_public_key, LIST(has_system_key), 0, 0, NULL, "\"\"", 0,
		"Public half of the system key (base64); without it every snapshot is refused"},
	{"init_connections", &kind_bootstrap, LIST(bootstrap_count), 0, CONFIG_BOOTSTRAP_MAX, NULL,
		"[]", KEY_LIVE,
		"Where to look for other nodes: {\"type\":\"dns\"|\"multiaddr\",\"address\":…}; gives addresses, never trust"},
	{"listen", &kind_listen, LIST(listen_count), 0, CONFIG_LISTEN_MAX, NULL,
		"[\"0.0.0.0:4100\",\"[::]:4100\"]", KEY_LIVE,
		"Addresses for TCP and QUIC: host:port, or :port and port for both families"},
	{"listen_ws", &kind_switch, FIELD(listen_ws), 0, 0, NULL, "\"on\"", 0,
		"Accept WebSocket on the TCP ports; browsers need it"},
	{"announce", &kind_multiaddrs, LIST(announce_count), 0, CONFIG_ANNOUNCE_MAX, NULL, "[]",
		KEY_LIVE, "Addresses told to other nodes in place of those found; for port forwarding"},
	{"network_mode", &kind_word, FIELD(network_mode), 0, 0, "auto|public|private", "\"auto\"",
		KEY_FALLS_BACK,
		"Whether the world can reach this node; auto = an interface has a public IPv4 address"},
	{"node_private_key", &kind_private_key, FIELD(node_private_key), 0, 0, NULL, "\"\"",
		KEY_SECRET,
		"The node's key (base64), as the original keeps it; a file or a credential is better"},
	{"admin_proof", &kind_proof, FIELD(admin_proof), 0, 0, NULL,
		"{\"cluster_id\":\"\",\"peer_id\":\"\",\"role\":\"\",\"valid_from\":\"\",\"valid_to\":\"\",\"sig\":\"\"}",
		KEY_LIVE, "Statement of the system key that this node may issue snapshots"},
	{"admin_peers", &kind_peers, LIST(admin_peer_count), 0, CONFIG_ADMIN_PEERS_MAX, NULL, "[]",
		KEY_LIVE, "Peer ids that may hold an admin session without being members"},
	{"auto_tls.mode", &kind_word, FIELD(auto_tls.mode), 0, 0, "auto|on|off", "\"auto\"",
		KEY_FALLS_BACK, "Get a certificate for browsers; auto = when the node is public"},
	{"auto_tls.port", &kind_uint, FIELD(auto_tls.port), 1, 65535, NULL, "4101", KEY_FALLS_BACK,
		"Port of secure WebSocket, apart from the main port"},
	{"auto_tls.cache_dir", &kind_text, FIELD(auto_tls.cache_dir), 0, 0, NULL, "\"autotls\"", 0,
		"Where account key and certificate are kept; relative to the data directory"},
	{"auto_tls.user_email", &kind_text, FIELD(auto_tls.user_email), 0, 0, NULL, "\"\"", 0,
		"Contact given to the certificate authority"},
	{"auto_tls.forge_auth", &kind_text, FIELD(auto_tls.forge_auth), 0, 0, NULL, "\"\"",
		KEY_SECRET, "Token of the registration broker"},
	{"update_channel", &kind_word, FIELD(update_channel), 0, 0, "stable|develop", "\"stable\"",
		KEY_FALLS_BACK | KEY_LIVE, "Which releases are told about"},
	{"update_feed_url", &kind_text, FIELD(update_feed_url), 0, 0, NULL, "\"\"", KEY_LIVE,
		"Where releases are listed; empty = the built-in place"},
	{"heartbeat.interval", &kind_duration, FIELD(heartbeat.interval_ms), SECOND, 5 * MINUTE,
		NULL, "\"30s\"", KEY_LIVE, "How often each member says that it lives"},
	{"heartbeat.timeout", &kind_duration, FIELD(heartbeat.timeout_ms), 3 * SECOND, 60 * MINUTE,
		NULL, "\"90s\"", KEY_LIVE, "Evidence older than this does not count; three heartbeats"},
	{"mesh.full_limit", &kind_uint, FIELD(mesh.full_limit), 2, 16384, NULL, "128", KEY_LIVE,
		"Up to so many members everybody is connected to everybody"},
	{"mesh.degree", &kind_uint, FIELD(mesh.degree), 4, 512, NULL, "24", KEY_LIVE,
		"Beyond that, so many neighbours a node"},
	{"net.dead_after", &kind_duration, FIELD(net.dead_after_ms), SECOND, MINUTE, NULL, "\"4s\"",
		KEY_LIVE, "Silence after a probe that closes a connection"},
	{"net.transports", &kind_order, FIELD(net.transports), 0, 0, "quic-v1|tcp",
		"[\"quic-v1\",\"tcp\"]", 0,
		"What is listened on and dialled, the first one 250 ms ahead; one that is left out is off"},
	{"net.security", &kind_order, FIELD(net.security), 0, 0, "noise|tls", "[\"noise\",\"tls\"]", 0,
		"What secures TCP connections, in the order in which it is proposed; QUIC has TLS built in"},
	{"perf.serve", &kind_word, FIELD(perf.serve), 0, 0, "members|off", "\"members\"", 0,
		"Who may measure the speed to this node (p2posctl peer perf): members, or nobody; strangers never"},
	{"dns.servers", &kind_servers, LIST(dns.server_count), 0, CONFIG_DNS_SERVERS_MAX, NULL,
		"[]", 0, "Name servers as IP or IP:port; none = those of the system"},
	{"dns.doh", &kind_word, FIELD(dns.doh), 0, 0, "off|fallback|prefer", "\"off\"", 0,
		"DNS over HTTPS: never, when ordinary DNS fails, or first"},
	{"wss.cert", &kind_text, FIELD(wss.cert), 0, 0, NULL, "\"\"", KEY_LIVE,
		"PEM file of an own certificate for secure WebSocket"},
	{"wss.key", &kind_text, FIELD(wss.key), 0, 0, NULL, "\"\"", KEY_LIVE,
		"PEM file of its key"},
	{"insecure_accept_any_issuer", &kind_bool, FIELD(insecure_accept_any_issuer), 0, 0, NULL,
		"false", KEY_LIVE, "Take snapshots of anybody when there is no system_pubkey; for experiments"},
	{"limits.connections", &kind_uint, FIELD(limits.connections), 16, 65536, NULL, "1024",
		KEY_LIVE, "Connections in all; more are refused"},
	{"limits.guests", &kind_uint, FIELD(limits.guests), 0, 1024, NULL, "16", KEY_LIVE,
		"Connections of peers that are no members"},
	{"metrics.listen", &kind_endpoint, LIST(metrics.has_listen), 0, 0, NULL, "\"\"", 0,
		"host:port for metrics over HTTP, for instance 127.0.0.1:4102; empty = none"},
	{"metrics.expose", &kind_bool, FIELD(metrics.expose), 0, 0, NULL, "false", 0,
		"Allow metrics.listen on an address that is no loopback; whoever reaches it can read them"},
	{"metrics.per_member", &kind_bool, FIELD(metrics.per_member), 0, 0, NULL, "false", KEY_LIVE,
		"One series a member id; off, because labels without bound hurt"},
	{"log.level", &kind_word, FIELD(log.level), 0, 0, LOG_LEVEL_WORDS, "\"info\"", KEY_LIVE,
		"How much is logged; p2posctl log level changes single modules"},
	{"log.format", &kind_word, FIELD(log.format), 0, 0, "auto|text|json", "\"auto\"", 0,
		"Form of the lines; auto = journal fields under systemd, else text"},
	{"control.read_only_group", &kind_text, FIELD(control.read_only_group), 0, 0, NULL, "\"\"",
		0, "Group whose members may ask but change nothing"},
};
/* clang-format on */
const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

char *key_pointer(const struct config_key *k, int index, char to[CONFIG_POINTER_SIZE])
{
	size_t n = 0;

	to[n++] = '/';
	for (const char *c = k->path; *c && n + 1 < CONFIG_POINTER_SIZE; c++)
		to[n++] = *c == '.' ? '/' : *c;
	if (index < 0)
		to[n] = '\0';
	else
		snprintf(to + n, CONFIG_POINTER_SIZE - n, "/%d", index);
	return to;
}

bool key_wrong_type(const struct config_key *k, int index, const char *wanted,
	struct config_report *r)
{
	char pointer[CONFIG_POINTER_SIZE];

	config_error(r, key_pointer(k, index, pointer), "must be %s", wanted);
	return false;
}
