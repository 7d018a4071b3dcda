/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"
#include "config/file.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEER "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

static struct config cfg;
static struct config_report report;

static int parse(const char *text)
{
	memset(&report, 0, sizeof(report));
	return config_parse(bytes_str(text), &cfg, &report);
}

/* True when some fault has this pointer and its message contains `what`. */
static bool reported(bool is_error, const char *pointer, const char *what)
{
	for (unsigned i = 0; i < report.count; i++) {
		const struct config_fault *f = &report.faults[i];

		if (f->is_error == is_error && strcmp(f->pointer, pointer) == 0 &&
			strstr(f->message, what))
			return true;
		printf("fault: %s: %s\n", f->pointer, f->message);
	}
	return false;
}

#define assert_refused(text, pointer, what)                                                        \
	do {                                                                                       \
		assert_err(parse(text), P2P_ERR_CONFIG);                                           \
		assert_that(reported(true, pointer, what), text);                                  \
	} while (0)

static void an_empty_object_gives_the_defaults(void **state)
{
	char text[CONFIG_ENDPOINT_SIZE];

	(void)state;
	assert_ok(parse("{}"));
	assert_int_equal(report.count, 0);
	assert_string_equal(cfg.cluster_id, "default");
	assert_false(cfg.has_system_key);
	assert_int_equal(cfg.listen_count, 2);
	assert_string_equal(config_endpoint_text(&cfg.listen[0], text), "0.0.0.0:4100");
	assert_string_equal(config_endpoint_text(&cfg.listen[1], text), "[::]:4100");
	assert_true(cfg.listen_ws);
	assert_int_equal(cfg.network_mode, NETWORK_AUTO);
	assert_int_equal(cfg.auto_tls.mode, AUTOTLS_AUTO);
	assert_int_equal(cfg.auto_tls.port, 4101);
	assert_string_equal(cfg.auto_tls.cache_dir, "autotls");
	assert_int_equal(cfg.heartbeat.interval_ms, 30000);
	assert_int_equal(cfg.heartbeat.timeout_ms, 90000);
	assert_int_equal(cfg.mesh.full_limit, 128);
	assert_int_equal(cfg.mesh.degree, 24);
	assert_int_equal(cfg.net.dead_after_ms, 4000);
	assert_int_equal(cfg.dns.doh, DOH_OFF);
	assert_int_equal(cfg.perf.serve, PERF_SERVE_MEMBERS);
	assert_int_equal(cfg.limits.connections, 1024);
	assert_int_equal(cfg.limits.guests, 16);
	assert_false(cfg.metrics.has_listen);
	assert_int_equal(cfg.log.level, LEVEL_INFO);
	assert_string_equal(cfg.admin_proof, "");
}

static void the_example_file_is_the_defaults(void **state)
{
	struct config_change changes[CONFIG_CHANGES_MAX];
	struct config def;

	(void)state;
	memset(&report, 0, sizeof(report));
	assert_ok(config_load("config/config.example.json", &cfg, &report));
	assert_int_equal(report.count, 0);
	config_init(&def);
	assert_int_equal(config_diff(&def, &cfg, changes), 1); /* example.org as bootstrap name */
	assert_string_equal(changes[0].path, "init_connections");
}

static void a_file_of_the_original_reads_unchanged(void **state)
{
	(void)state;
	assert_ok(parse("{\n"
			"  \"init_connections\": [{\"type\": \"dns\", \"address\": \"init.example.org\"},"
			"    {\"type\": \"multiaddr\", \"address\": \"/ip4/192.0.2.1/tcp/4100/p2p/" PEER
			"\"}],\n"
			"  \"listen\": [\"0.0.0.0:4100\", \"[::]:4100\"],\n"
			"  \"auto_tls\": {\"mode\": \"auto\", \"enabled\": false, \"user_email\": \"\","
			"    \"port\": 4101, \"cache_dir\": \".autotls-cache\", \"forge_auth\": \"\"},\n"
			"  \"cluster_id\": \"default\", \"system_pubkey\": \"\", \"members\": [\"" PEER
			"\"],\n"
			"  \"admin_proof\": {\"cluster_id\": \"\", \"peer_id\": \"\", \"role\": \"\","
			"    \"valid_from\": \"\", \"valid_to\": \"\", \"sig\": \"\"},\n"
			"  \"node_private_key\": \"\",\n"
			"  \"update_channel\": \"stable\", \"network_mode\": \"auto\",\n"
			"  \"update_feed_url\": \"https://api.example.org/releases/latest\"\n}\n"));
	assert_int_equal(cfg.bootstrap_count, 2);
	assert_int_equal(cfg.bootstrap[0].type, BOOTSTRAP_DNS);
	assert_string_equal(cfg.bootstrap[0].name, "init.example.org");
	assert_int_equal(cfg.bootstrap[1].type, BOOTSTRAP_MULTIADDR);
	assert_int_equal(maddr_kind(&cfg.bootstrap[1].maddr), MADDR_TCP);
	assert_string_equal(cfg.auto_tls.cache_dir, ".autotls-cache");
	assert_true(reported(false, "/members", "ignored"));
	assert_true(reported(false, "/auto_tls/enabled", "deprecated"));
	assert_int_equal(report.errors, 0);
	/* The original writes empty lists as null and unset words as "". */
	assert_ok(parse("{\"init_connections\": null, \"listen\": [], \"network_mode\": \"\","
			"\"update_channel\":\"\",\"auto_tls\":{\"mode\":\"\",\"enabled\":true}}"));
	assert_int_equal(cfg.listen_count, 2);
	assert_int_equal(cfg.auto_tls.mode, AUTOTLS_ON);
}

static void four_keys_fall_back_with_a_warning(void **state)
{
	(void)state;
	assert_ok(parse("{\"network_mode\":\"lan\",\"update_channel\":\"nightly\","
			"\"auto_tls\":{\"mode\":\"maybe\",\"port\":70000}}"));
	assert_int_equal(report.warnings, 4);
	assert_true(reported(false, "/network_mode", "\"lan\" is not possible here; \"auto\""));
	assert_true(reported(false, "/update_channel", "\"stable\" is used"));
	assert_true(reported(false, "/auto_tls/mode", "\"auto\" is used"));
	assert_true(reported(false, "/auto_tls/port", "70000"));
	assert_int_equal(cfg.auto_tls.port, 4101);
	assert_int_equal(cfg.network_mode, NETWORK_AUTO);
	assert_ok(parse("{\"auto_tls\":{\"port\":0},\"cluster_id\":\"\"}"));
	assert_int_equal(report.warnings, 2);
	assert_string_equal(cfg.cluster_id, "default");
	/* A wrong type is an error all the same. */
	assert_refused("{\"auto_tls\":{\"port\":\"4101\"}}", "/auto_tls/port", "whole number");
	assert_refused("{\"network_mode\":7}", "/network_mode", "string");
}

static void bad_json_is_placed_by_line_and_column(void **state)
{
	(void)state;
	assert_err(parse("{\n  \"listen\": [\n  ]]\n}"), P2P_ERR_CONFIG);
	assert_int_equal(report.faults[0].line, 3);
	assert_true(report.faults[0].column >= 3 && report.faults[0].column <= 5);
	assert_err(parse(""), P2P_ERR_CONFIG);
	assert_err(parse("[]"), P2P_ERR_CONFIG);
	assert_int_equal(report.faults[0].line, 1);
	assert_err(parse("{\"cluster_id\":\"a\",\"cluster_id\":\"b\"}"), P2P_ERR_CONFIG);
	assert_int_equal(report.faults[0].line, 1);
	assert_err(parse("{} x"), P2P_ERR_CONFIG);
}

static void deep_large_and_crowded_texts_are_refused(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_ok(buf_put_str(&text, "{\"x-a\":"));
	assert_ok(buf_put_str(&text, "1"));
	for (int i = 0; i < 20; i++)
		assert_ok(buf_put_str(&text, "}"));
	assert_err(parse(buf_cstr(&text)), P2P_ERR_CONFIG);
	buf_reset(&text);
	assert_ok(buf_put_str(&text, "{\"x-a\":["));
	for (int i = 0; i < CONFIG_VALUES_MAX; i++)
		assert_ok(buf_put_str(&text, "1,"));
	assert_ok(buf_put_str(&text, "1]}"));
	assert_err(parse(buf_cstr(&text)), P2P_ERR_CONFIG);
	buf_reset(&text);
	while (text.len <= CONFIG_BYTES_MAX)
		assert_ok(buf_put_str(&text, "        "));
	assert_err(parse(buf_cstr(&text)), P2P_ERR_CONFIG);
	assert_true(reported(true, "", "larger"));
	buf_deinit(&text);
}

static void an_unknown_key_names_its_nearest_neighbour(void **state)
{
	(void)state;
	assert_refused("{\"clustre_id\":\"a\"}", "/clustre_id", "did you mean \"cluster_id\"");
	assert_refused("{\"heartbeat\":{\"intervall\":\"30s\"}}", "/heartbeat/intervall",
		"\"interval\"");
	assert_refused("{\"zzz\":1}", "/zzz", "unknown key");
	assert_refused("{\"log.level\":\"debug\"}", "/log/level", "unknown");
	assert_refused("{\"log\":\"debug\"}", "/log", "object");
	assert_ok(parse("{\"x-note\":{\"a\":[1]},\"$schema\":\"s\",\"log\":{\"x-y\":2}}"));
	assert_int_equal(report.count, 0);
}

static void every_fault_of_a_file_is_told_at_once(void **state)
{
	(void)state;
	assert_err(parse("{\"cluster_id\":\"a b\",\"limits\":{\"guests\":-1},\"log\":{\"level\":9},"
			 "\"announce\":[\"/ip4/1.2.3.4/tcp/1\",\"nonsense\",3]}"),
		P2P_ERR_CONFIG);
	assert_int_equal(report.errors, 5);
	assert_true(reported(true, "/announce/1", "\"nonsense\""));
	assert_true(reported(true, "/announce/2", "string"));
}

static void a_failed_parse_leaves_the_struct_alone(void **state)
{
	(void)state;
	assert_ok(parse("{\"cluster_id\":\"kept\"}"));
	assert_err(parse("{\"cluster_id\":\"new\",\"log\":{\"level\":\"loud\"}}"), P2P_ERR_CONFIG);
	assert_string_equal(cfg.cluster_id, "kept");
}

static void listen_takes_its_five_forms(void **state)
{
	static const struct {
		const char *json, *first, *second;
	} good[] = {
		{"\"127.0.0.1:5000\"", "127.0.0.1:5000", NULL},
		{"\"[::1]:5000\"", "[::1]:5000", NULL},
		{"\":5000\"", "0.0.0.0:5000", "[::]:5000"},
		{"\"5000\"", "0.0.0.0:5000", "[::]:5000"},
		{"[\"10.0.0.1:1\",\"10.0.0.1:1\",\"10.0.0.2:2\"]", "10.0.0.1:1", "10.0.0.2:2"},
		{"[\":7\",\"0.0.0.0:7\"]", "0.0.0.0:7", "[::]:7"},
		{"\"127.0.0.1:0\"", "127.0.0.1:0", NULL},
	};
	static const char *const bad[] = {"", "host:1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536",
		"1.2.3.4:-1", "::1:5000", "[::1]", "[1.2.3.4]:5", "[::1]x:5", ":", "99999",
		"1.2.3.4:1 2", "1.2.3.4:+1", "256.1.1.1:1"};
	char text[512], at[CONFIG_ENDPOINT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "{\"listen\":%s}", good[i].json);
		assert_ok(parse(text));
		assert_int_equal(cfg.listen_count, good[i].second ? 2 : 1);
		assert_string_equal(config_endpoint_text(&cfg.listen[0], at), good[i].first);
		if (good[i].second)
			assert_string_equal(config_endpoint_text(&cfg.listen[1], at),
				good[i].second);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "{\"listen\":[\"%s\"]}", bad[i]);
		assert_refused(text, "/listen/0", bad[i]);
	}
	assert_refused("{\"listen\":4100}", "/listen", "string or an array");
}

static void durations_have_units_and_ranges(void **state)
{
	static const struct {
		const char *text;
		uint32_t ms;
	} good[] = {{"500ms", 500}, {"4s", 4000}, {"30s", 30000}, {"1m", 60000}, {"2h", 7200000},
		{"1m30s", 90000}, {"0s", 0}};
	static const char *const bad[] = {"", "30", "s", "30 s", "30x", "-1s", "1.5s", "30sm",
		"ms", "1h99999999999s"};
	uint32_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ok(config_parse_duration(bytes_str(good[i].text), &ms));
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_that(config_parse_duration(bytes_str(bad[i]), &ms) != 0, bad[i]);
	assert_err(config_parse_duration(BYTES_LIT("25h"), &ms), P2P_ERR_TOO_LARGE);
	assert_refused("{\"net\":{\"dead_after\":\"2m\"}}", "/net/dead_after", "from 1s to 60s");
	assert_refused("{\"net\":{\"dead_after\":4}}", "/net/dead_after", "\"30s\"");
	assert_refused("{\"perf\":{\"serve\":\"all\"}}", "/perf/serve", "members|off");
	assert_ok(parse("{\"perf\":{\"serve\":\"off\"}}"));
	assert_int_equal(cfg.perf.serve, PERF_SERVE_OFF);
	assert_ok(parse("{\"net\":{\"dead_after\":\"1500ms\"}}"));
	assert_int_equal(cfg.net.dead_after_ms, 1500);
}

static void contradictions_are_named(void **state)
{
	(void)state;
	assert_refused("{\"heartbeat\":{\"interval\":\"30s\",\"timeout\":\"30s\"}}",
		"/heartbeat/timeout", "longer");
	assert_refused("{\"limits\":{\"connections\":16,\"guests\":16}}", "/limits/guests", "below");
	assert_refused("{\"wss\":{\"cert\":\"/c.pem\"}}", "/wss/key", "missing");
	assert_refused("{\"listen\":\"4101\",\"auto_tls\":{\"mode\":\"on\"}}", "/auto_tls/port", "its own");
	assert_ok(parse("{\"listen\":\"4101\",\"auto_tls\":{\"mode\":\"off\"}}"));
	assert_ok(parse("{\"insecure_accept_any_issuer\":true}"));
	assert_true(reported(false, "/insecure_accept_any_issuer", "anybody"));
	assert_refused("{\"metrics\":{\"listen\":\"192.0.2.1:4102\"}}", "/metrics/listen", "loopback");
	assert_ok(parse("{\"metrics\":{\"listen\":\"192.0.2.1:4102\",\"expose\":true}}"));
	assert_ok(parse("{\"metrics\":{\"listen\":\"[::1]:4102\"}}"));
}

static void keys_and_ids_are_parsed_or_refused(void **state)
{
	struct rng_seeded rng;
	struct key_pair pair;
	struct key_public pub;
	char priv_text[KEY_TEXT_SIZE], pub_text[KEY_TEXT_SIZE], text[1024];

	(void)state;
	rng_seed(&rng, 5);
	key_generate(&rng.rng, &pair);
	key_public_of(&pair, &pub);
	snprintf(text, sizeof(text),
		"{\"system_pubkey\":\" %s \",\"node_private_key\":\"%s\",\"admin_peers\":[\"" PEER
		"\"]}",
		key_public_text(&pub, pub_text), key_private_text(&pair, priv_text));
	assert_ok(parse(text));
	assert_true(cfg.has_system_key);
	assert_memory_equal(&cfg.system_key, &pub, sizeof(pub));
	assert_string_equal(cfg.node_private_key, priv_text);
	assert_int_equal(cfg.admin_peer_count, 1);
	assert_refused("{\"system_pubkey\":\"AAAA\"}", "/system_pubkey", "AAAA");
	/* What may be most of a key is not quoted. */
	assert_err(parse("{\"node_private_key\":\"c2VjcmV0\"}"), P2P_ERR_CONFIG);
	assert_null(strstr(report.faults[0].message, "c2VjcmV0"));
	assert_refused("{\"admin_peers\":[\"12D3\"]}", "/admin_peers/0", "12D3");
}

static void a_bad_admin_proof_never_stops_the_node(void **state)
{
	(void)state;
	assert_ok(parse("{\"cluster_id\":\"c1\",\"admin_proof\":{\"peer_id\":\"x\",\"sig\":\"y\","
			"\"valid_from\":\"yesterday\"}}"));
	assert_string_equal(cfg.admin_proof,
		"{\"cluster_id\":\"c1\",\"peer_id\":\"x\",\"role\":\"admin\","
		"\"valid_from\":\"yesterday\",\"valid_to\":\"\",\"sig\":\"y\"}");
	assert_refused("{\"admin_proof\":{\"peer_id\":3}}", "/admin_proof/peer_id", "string");
	assert_refused("{\"admin_proof\":\"x\"}", "/admin_proof", "object");
}

static void bootstrap_entries_are_judged_one_by_one(void **state)
{
	(void)state;
	assert_ok(parse("{\"init_connections\":[{\"type\":\"dht\",\"address\":\"x\"},"
			"{\"type\":\"dns\",\"address\":\"a.example.\"}]}"));
	assert_int_equal(cfg.bootstrap_count, 1);
	assert_string_equal(cfg.bootstrap[0].name, "a.example");
	assert_true(reported(false, "/init_connections/0", "skipped"));
	assert_refused("{\"init_connections\":[{\"type\":\"multiaddr\",\"address\":\"/ip4/1\"}]}",
		"/init_connections/0/address", "/ip4/1");
	assert_refused("{\"init_connections\":[{\"type\":\"dns\",\"address\":\"a b\"}]}",
		"/init_connections/0/address", "DNS name");
	assert_refused("{\"init_connections\":[{\"address\":\"a\"}]}", "/init_connections/0/type",
		"dns");
	assert_refused("{\"init_connections\":[1]}", "/init_connections/0", "object");
}

static void lists_end_at_their_limit(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	assert_ok(buf_put_str(&text, "{\"init_connections\":["));
	for (int i = 0; i <= CONFIG_BOOTSTRAP_MAX; i++)
		assert_ok(buf_printf(&text, "%s{\"type\":\"dns\",\"address\":\"h%d\"}",
			i ? "," : "", i));
	assert_ok(buf_put_str(&text, "]}"));
	assert_refused(buf_cstr(&text), "/init_connections", "more than 64");
	buf_reset(&text);
	assert_ok(buf_put_str(&text, "{\"dns\":{\"servers\":[\"9.9.9.9\""));
	for (int i = 0; i < CONFIG_DNS_SERVERS_MAX; i++)
		assert_ok(buf_put_str(&text, ",\"[::1]:53\""));
	assert_ok(buf_put_str(&text, "]}}"));
	assert_refused(buf_cstr(&text), "/dns/servers", "more than 8");
	buf_deinit(&text);
}

static void what_is_written_reads_back_the_same(void **state)
{
	struct config_change changes[CONFIG_CHANGES_MAX];
	struct buf text = BUF_INIT;
	struct config first;

	(void)state;
	assert_ok(parse("{\"cluster_id\":\"k\",\"listen\":\":9\",\"listen_ws\":\"off\","
			"\"announce\":[\"/ip4/1.2.3.4/tcp/5/p2p/" PEER "\"],\"network_mode\":\"public\","
			"\"dns\":{\"servers\":[\"1.1.1.1\",\"[::1]:54\"],\"doh\":\"prefer\"},"
			"\"heartbeat\":{\"interval\":\"1500ms\",\"timeout\":\"1m\"},"
			"\"metrics\":{\"listen\":\"127.0.0.1:1\",\"per_member\":true},"
			"\"auto_tls\":{\"forge_auth\":\"tok\"},\"log\":{\"level\":\"debug\"},"
			"\"init_connections\":[{\"type\":\"multiaddr\",\"address\":\"/dnsaddr/a\"}],"
			"\"admin_proof\":{\"peer_id\":\"p\"}}"));
	first = cfg;
	assert_ok(config_write(&first, CONFIG_SHOW_SECRETS, &text));
	assert_ok(parse(buf_cstr(&text)));
	assert_int_equal(config_diff(&first, &cfg, changes), 0);
	assert_non_null(strstr(buf_cstr(&text), "\"tok\""));
	buf_reset(&text);
	assert_ok(config_write(&first, CONFIG_HIDE_SECRETS, &text));
	assert_null(strstr(buf_cstr(&text), "tok\""));
	assert_non_null(strstr(buf_cstr(&text), "\"forge_auth\": \"(set)\""));
	assert_non_null(strstr(buf_cstr(&text), "\"node_private_key\": \"\""));
	buf_deinit(&text);
}

static void one_key_is_changed_and_the_rest_stays(void **state)
{
	const char *before = "{\"x-mine\": 1, \"log\": {\"level\": \"info\"}}";
	struct buf out = BUF_INIT;

	(void)state;
	memset(&report, 0, sizeof(report));
	assert_ok(config_set(bytes_str(before), "log.level", BYTES_LIT("debug"), &out, &report));
	assert_ok(parse(buf_cstr(&out)));
	assert_int_equal(cfg.log.level, LEVEL_DEBUG);
	assert_non_null(strstr(buf_cstr(&out), "x-mine"));
	buf_reset(&out);
	assert_ok(config_set(bytes_str(before), "limits.guests", BYTES_LIT("7"), &out, &report));
	assert_ok(parse(buf_cstr(&out)));
	assert_int_equal(cfg.limits.guests, 7);
	buf_reset(&out);
	memset(&report, 0, sizeof(report));
	assert_err(config_set(bytes_str(before), "log.level", BYTES_LIT("loud"), &out, &report),
		P2P_ERR_CONFIG);
	assert_true(reported(true, "/log/level", "error|warn|info|debug"));
	assert_err(config_set(bytes_str(before), "log.leval", BYTES_LIT("info"), &out, &report),
		P2P_ERR_NOT_FOUND);
	assert_true(reported(true, "", "did you mean \"log.level\""));
	assert_int_equal(out.len, 0);
	buf_deinit(&out);
}

static void single_values_and_sections_can_be_asked_for(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_ok(parse("{\"auto_tls\":{\"forge_auth\":\"tok\"}}"));
	assert_ok(config_get(&cfg, "heartbeat", &out));
	assert_string_equal(buf_cstr(&out), "{\"interval\":\"30s\",\"timeout\":\"90s\"}");
	buf_reset(&out);
	assert_ok(config_get(&cfg, "auto_tls.forge_auth", &out));
	assert_string_equal(buf_cstr(&out), "\"(set)\"");
	assert_err(config_get(&cfg, "nothing.here", &out), P2P_ERR_NOT_FOUND);
	buf_reset(&out);
	assert_ok(config_redact(BYTES_LIT("{\"node_private_key\":\"abc\",\"listen\":\"1\"}"), &out));
	assert_null(strstr(buf_cstr(&out), "abc"));
	assert_non_null(strstr(buf_cstr(&out), "(set)"));
	buf_deinit(&out);
}

static void a_comparison_says_what_needs_a_restart(void **state)
{
	struct config_change c[CONFIG_CHANGES_MAX];
	struct config a;

	(void)state;
	assert_ok(parse("{}"));
	a = cfg;
	assert_ok(parse("{\"log\":{\"level\":\"warn\"},\"listen\":\"1\",\"limits\":{\"guests\":3},"
			"\"heartbeat\":{\"interval\":\"20s\"},\"dns\":{\"servers\":[\"127.0.0.9\"]}}"));
	assert_int_equal(config_diff(&a, &cfg, c), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(c[i].needs_restart, strcmp(c[i].path, "dns.servers") == 0);
}

static void the_schema_lists_every_key(void **state)
{
	struct buf schema = BUF_INIT;

	(void)state;
	assert_ok(config_schema(&schema));
	assert_non_null(strstr(buf_cstr(&schema), "\"dead_after\""));
	assert_non_null(strstr(buf_cstr(&schema), "\"insecure_accept_any_issuer\""));
	assert_non_null(strstr(buf_cstr(&schema), "\"read_only_group\""));
	assert_non_null(strstr(buf_cstr(&schema), "\"fallback\""));
	buf_deinit(&schema);
}

static void network_mode_auto_looks_for_a_public_ipv4(void **state)
{
	struct maddr_ip ips[] = {
		{4, {127, 0, 0, 1}, 0}, {4, {10, 1, 2, 3}, 0}, {4, {172, 16, 0, 1}, 0},
		{4, {192, 168, 1, 1}, 0}, {4, {100, 64, 0, 1}, 0}, {4, {169, 254, 1, 1}, 0},
		{6, {0x26, 0x06, 0x47, 0}, 0}, {4, {8, 8, 8, 8}, 0},
	};

	(void)state;
	assert_int_equal(config_network_mode(NETWORK_AUTO, ips, 7), NETWORK_PRIVATE);
	assert_int_equal(config_network_mode(NETWORK_AUTO, ips, 8), NETWORK_PUBLIC);
	assert_int_equal(config_network_mode(NETWORK_AUTO, NULL, 0), NETWORK_PRIVATE);
	assert_int_equal(config_network_mode(NETWORK_PRIVATE, ips, 8), NETWORK_PRIVATE);
	assert_int_equal(config_network_mode(NETWORK_PUBLIC, NULL, 0), NETWORK_PUBLIC);
}

static void a_missing_file_is_created_once_with_0600(void **state)
{
	struct tempdir d;
	struct stat st;
	const char *path;

	(void)state;
	tempdir_make(&d);
	path = tempdir_path(&d, "config.json");
	memset(&report, 0, sizeof(report));
	assert_err(config_load(path, &cfg, &report), P2P_ERR_NOT_FOUND);
	assert_int_equal(report.count, 0);
	umask(0);
	assert_ok(config_create(path));
	umask(022);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(config_load(path, &cfg, &report));
	assert_int_equal(report.count, 0);
	tempdir_write(path, "{\"cluster_id\":\"mine\"}", 0640);
	assert_err(config_create(path), P2P_ERR_EXISTS);
	assert_ok(config_load(path, &cfg, &report));
	assert_string_equal(cfg.cluster_id, "mine");
	tempdir_remove(&d);
}

static void a_key_in_a_readable_file_is_refused_with_the_chmod_line(void **state)
{
	struct rng_seeded rng;
	struct key_pair pair;
	struct tempdir d;
	char text[256], key[KEY_TEXT_SIZE];
	const char *path;

	(void)state;
	rng_seed(&rng, 9);
	key_generate(&rng.rng, &pair);
	snprintf(text, sizeof(text), "{\"node_private_key\":\"%s\"}", key_private_text(&pair, key));
	tempdir_make(&d);
	path = tempdir_path(&d, "c.json");
	tempdir_write(path, text, 0640);
	memset(&report, 0, sizeof(report));
	assert_err(config_load(path, &cfg, &report), P2P_ERR_CONFIG);
	assert_true(reported(true, "/node_private_key", "chmod 600 "));
	tempdir_write(path, text, 0600);
	memset(&report, 0, sizeof(report));
	assert_ok(config_load(path, &cfg, &report));
	tempdir_write(path, "{\"listen\":\"4100\"}", 0644); /* without a key anybody may read it */
	assert_ok(config_load(path, &cfg, &report));
	assert_err(config_load(d.path, &cfg, &report), P2P_ERR_IO);
	tempdir_remove(&d);
}

static void any_text_at_all_gives_an_answer(void **state)
{
	static const char *const seed = "{\"cluster_id\":\"k\",\"listen\":[\":9\",\"1.2.3.4:5\"],"
		"\"auto_tls\":{\"mode\":\"on\",\"port\":9},\"heartbeat\":{\"interval\":\"5s\"},"
		"\"admin_proof\":{\"role\":\"admin\"},\"dns\":{\"servers\":[\"1.1.1.1\"]}}";
	struct rng_seeded rng;
	char text[512];
	size_t len = strlen(seed);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) { /* cut anywhere it is an error with a place */
		memcpy(text, seed, cut);
		text[cut] = '\0';
		assert_err(parse(text), P2P_ERR_CONFIG);
		assert_true(report.faults[0].line == 1);
	}
	rng_seed(&rng, 77);
	for (int round = 0; round < 3000; round++) {
		memcpy(text, seed, len + 1);
		for (uint64_t n = 1 + rng_below(&rng.rng, 3); n > 0; n--)
			text[rng_below(&rng.rng, len)] = (char)rng_u64(&rng.rng);
		memset(&report, 0, sizeof(report));
		if (config_parse(bytes_of(text, len), &cfg, &report) != 0)
			assert_true(report.errors > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_object_gives_the_defaults),
		cmocka_unit_test(the_example_file_is_the_defaults),
		cmocka_unit_test(a_file_of_the_original_reads_unchanged),
		cmocka_unit_test(four_keys_fall_back_with_a_warning),
		cmocka_unit_test(bad_json_is_placed_by_line_and_column),
		cmocka_unit_test(deep_large_and_crowded_texts_are_refused),
		cmocka_unit_test(an_unknown_key_names_its_nearest_neighbour),
		cmocka_unit_test(every_fault_of_a_file_is_told_at_once),
		cmocka_unit_test(a_failed_parse_leaves_the_struct_alone),
		cmocka_unit_test(listen_takes_its_five_forms),
		cmocka_unit_test(durations_have_units_and_ranges),
		cmocka_unit_test(contradictions_are_named),
		cmocka_unit_test(keys_and_ids_are_parsed_or_refused),
		cmocka_unit_test(a_bad_admin_proof_never_stops_the_node),
		cmocka_unit_test(bootstrap_entries_are_judged_one_by_one),
		cmocka_unit_test(lists_end_at_their_limit),
		cmocka_unit_test(what_is_written_reads_back_the_same),
		cmocka_unit_test(one_key_is_changed_and_the_rest_stays),
		cmocka_unit_test(single_values_and_sections_can_be_asked_for),
		cmocka_unit_test(a_comparison_says_what_needs_a_restart),
		cmocka_unit_test(the_schema_lists_every_key),
		cmocka_unit_test(network_mode_auto_looks_for_a_public_ipv4),
		cmocka_unit_test(a_missing_file_is_created_once_with_0600),
		cmocka_unit_test(a_key_in_a_readable_file_is_refused_with_the_chmod_line),
		cmocka_unit_test(any_text_at_all_gives_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
