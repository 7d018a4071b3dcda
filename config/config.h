/* SPDX-License-Identifier: Apache-2.0 */
/* config.h: what the operator wants (p2pos.md section 7; features.md P-160 to P-167).
 *
 * One struct, a value without pointers: copy it by assignment, wipe it with config_deinit().
 * Every key, its range, default and reason stand in one table, config/keys.c; the parser, the
 * writer, the schema and the comparison for a reload all walk that table.
 *
 *     struct config_report report = {0};
 *     struct config cfg;
 *     int err = config_load(path, &cfg, &report);     // 0, P2P_ERR_CONFIG, _NOT_FOUND, _IO
 */
#ifndef P2POS_CONFIG_CONFIG_H
#define P2POS_CONFIG_CONFIG_H

#include "config/log_level.h"
#include "config/report.h"
#include "proto/keys/key.h"
#include "proto/multi/maddr.h"

#define CONFIG_BYTES_MAX       (256 * 1024) /* a larger file is refused */
#define CONFIG_VALUES_MAX      8192         /* JSON values in it; more are refused */
#define CONFIG_DEPTH_MAX       16
#define CONFIG_BOOTSTRAP_MAX   64 /* init_connections; more are refused */
#define CONFIG_LISTEN_MAX      16
#define CONFIG_ANNOUNCE_MAX    16
#define CONFIG_ADMIN_PEERS_MAX 16
#define CONFIG_DNS_SERVERS_MAX 8
#define CONFIG_CLUSTER_ID_MAX  64
#define CONFIG_NAME_SIZE       256 /* a DNS name and its NUL */
#define CONFIG_PATH_SIZE       512
#define CONFIG_URL_SIZE        512
#define CONFIG_PROOF_SIZE      1024 /* compact JSON of an admin proof and its NUL */
#define CONFIG_SECRET_SIZE     256

/* One entry of init_connections. */
struct config_bootstrap {
	enum { BOOTSTRAP_DNS, BOOTSTRAP_MULTIADDR } type;
	char name[CONFIG_NAME_SIZE]; /* type dns: the domain, without a trailing dot */
	struct maddr maddr;          /* type multiaddr */
};

enum network_mode { NETWORK_AUTO, NETWORK_PUBLIC, NETWORK_PRIVATE };
enum autotls_mode { AUTOTLS_AUTO, AUTOTLS_ON, AUTOTLS_OFF };
enum update_channel { UPDATE_STABLE, UPDATE_DEVELOP };
enum doh_mode { DOH_OFF, DOH_FALLBACK, DOH_PREFER };
enum net_transport { NET_QUIC, NET_TCP };
enum net_security { NET_NOISE, NET_TLS };
enum perf_serve { PERF_SERVE_MEMBERS, PERF_SERVE_OFF };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Some words of an enum, the most wanted first, none twice. */
#define CONFIG_ORDER_MAX 4
struct config_order {
	uint8_t count;
	uint8_t at[CONFIG_ORDER_MAX];
};

struct config {
	char cluster_id[CONFIG_CLUSTER_ID_MAX + 1];
	bool has_system_key; /* false: `system_pubkey` is empty */
	struct key_public system_key;
	uint16_t bootstrap_count;
	struct config_bootstrap bootstrap[CONFIG_BOOTSTRAP_MAX];
	uint16_t listen_count; /* duplicates merged, order kept; port 0 = the kernel chooses */
	struct maddr_ip listen[CONFIG_LISTEN_MAX];
	bool listen_ws; /* WebSocket on the TCP ports (P-022) */
	uint16_t announce_count;
	struct maddr announce[CONFIG_ANNOUNCE_MAX]; /* without /p2p */
	enum network_mode network_mode;
	char node_private_key[CONFIG_SECRET_SIZE]; /* secret; "" = none given */
	/* The admin proof as compact JSON with its six fields, for proto/p2pos to parse; "" = none.
	 * It is not judged here: a bad one disables publishing and never stops the node (P-166). */
	char admin_proof[CONFIG_PROOF_SIZE];
	uint16_t admin_peer_count;
	struct peer_id admin_peers[CONFIG_ADMIN_PEERS_MAX]; /* guests that get an admin session */
	struct {
		enum autotls_mode mode;
		uint16_t port;
		char cache_dir[CONFIG_PATH_SIZE]; /* relative to the data directory */
		char user_email[CONFIG_NAME_SIZE];
		char forge_auth[CONFIG_SECRET_SIZE]; /* secret */
	} auto_tls;
	enum update_channel update_channel;
	char update_feed_url[CONFIG_URL_SIZE]; /* "" = the built-in one */
	struct {
		uint32_t interval_ms, timeout_ms;
	} heartbeat;
	struct {
		uint32_t full_limit; /* up to so many members: everybody dials everybody */
		uint32_t degree;     /* beyond: so many neighbours */
	} mesh;
	struct {
		uint32_t dead_after_ms; /* silence after a probe that closes a connection */
		struct config_order transports; /* enum net_transport: which are spoken, dialled in this order */
		struct config_order security;   /* enum net_security, likewise: of TCP connections */
	} net;
	struct {
		enum perf_serve serve; /* who may measure how fast bytes go to this node and back */
	} perf;
	struct {
		uint16_t server_count; /* 0 = those of the system */
		struct maddr_ip servers[CONFIG_DNS_SERVERS_MAX];
		enum doh_mode doh;
	} dns;
	struct {
		char cert[CONFIG_PATH_SIZE], key[CONFIG_PATH_SIZE]; /* PEM files; "" = none */
	} wss;
	bool insecure_accept_any_issuer;
	struct {
		uint32_t connections, guests;
	} limits;
	struct {
		bool has_listen;
		struct maddr_ip listen;
		bool expose;     /* `listen` may be an address that others reach */
		bool per_member; /* a gauge per member id (operator.md, Metrics) */
	} metrics;
	struct {
		enum log_level level;
		enum log_format format;
	} log;
	struct {
		char read_only_group[64]; /* "" = none: the group p2pos may do all */
	} control;
};

/* The defaults. */
void config_init(struct config *cfg);
/* Wipes the secrets. */
void config_deinit(struct config *cfg);

/* Reads a JSON text over the defaults, all faults into `report`, then checks what contradicts
 * what. 0 when there was no error (warnings allowed); P2P_ERR_CONFIG otherwise, `ret` untouched. */
int config_parse(struct bytes text, struct config *ret, struct config_report *report);

/* Only the contradictions between keys (config_parse has done it already). */
void config_check(const struct config *cfg, struct config_report *report);

/* Reads and parses a file; refuses a secret in a file that others may read (P-164). 0,
 * P2P_ERR_NOT_FOUND, P2P_ERR_DENIED, P2P_ERR_IO, P2P_ERR_CONFIG; each but the first is in
 * `report` too. */
int config_load(const char *path, struct config *ret, struct config_report *report);

/* Writes a file with the defaults, mode 0600; P2P_ERR_EXISTS leaves the one there alone. */
int config_create(const char *path);

/* How secrets come out. */
enum config_secrets { CONFIG_HIDE_SECRETS, CONFIG_SHOW_SECRETS };

/* All keys with the values in force, as indented JSON with a newline; a hidden secret that is
 * given prints as "(set)". */
int config_write(const struct config *cfg, enum config_secrets secrets, struct buf *out);

/* The file as written, secrets hidden. P2P_ERR_CONFIG when it is no JSON object. */
int config_redact(struct bytes text, struct buf *out);

/* One value in force as compact JSON; `path` is dotted ("log.level") or a section ("log").
 * P2P_ERR_NOT_FOUND. Secrets are hidden. */
int config_get(const struct config *cfg, const char *path, struct buf *out);

/* The file text with one key changed; everything else, x-… keys too, stays, and the result parses.
 * `value` is JSON; what is not JSON is taken as a string. P2P_ERR_NOT_FOUND (no such key, the
 * nearest is in `report`), P2P_ERR_CONFIG. */
int config_set(struct bytes text, const char *path, struct bytes value, struct buf *out,
	struct config_report *report);

/* JSON schema (draft 2020-12) of the file, from the table. */
int config_schema(struct buf *out);

/* One key whose value differs. */
struct config_change {
	const char *path;   /* static, dotted */
	bool needs_restart; /* false: it can be changed while running (P-167) */
};
#define CONFIG_CHANGES_MAX 64 /* there are fewer keys than this */

/* The keys that differ between `a` and `b`; returns how many were written to `ret`. */
size_t config_diff(const struct config *a, const struct config *b,
	struct config_change ret[CONFIG_CHANGES_MAX]);

/* Puts what needs a restart back to what `running` has, so that `fresh` says what is in force after a
 * reload. */
void config_keep_running(struct config *fresh, const struct config *running);

/* What network_mode comes to on a machine with these interface addresses: never NETWORK_AUTO.
 * Pure; the caller lists the addresses of interfaces that are up (P-028). */
enum network_mode config_network_mode(enum network_mode wanted, const struct maddr_ip *ips,
	size_t count);

/* The listen forms of P-024: "host:port", "[v6]:port", ":port" and "port" (both families).
 * Writes one or two addresses; returns how many, or P2P_ERR_INVALID. */
int config_parse_listen(struct bytes text, struct maddr_ip ret[2]);

/* "host:port" / "[v6]:port"; `to` has CONFIG_ENDPOINT_SIZE bytes. Returns `to`. */
#define CONFIG_ENDPOINT_SIZE 64
char *config_endpoint_text(const struct maddr_ip *at, char *to);

/* "500ms", "30s", "1m", "2h", "1m30s". P2P_ERR_INVALID; P2P_ERR_TOO_LARGE over 24 h. */
int config_parse_duration(struct bytes text, uint32_t *ret_ms);

/* The word of a value as the file has it ("public"). Static. */
const char *network_mode_name(enum network_mode mode);
const char *autotls_mode_name(enum autotls_mode mode);
const char *update_channel_name(enum update_channel channel);
const char *doh_mode_name(enum doh_mode mode);
const char *log_level_name(enum log_level level);
/* P2P_ERR_INVALID for a word that is no level. */
int log_level_parse(const char *word, enum log_level *ret);

#endif
