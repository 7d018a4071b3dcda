/* SPDX-License-Identifier: Apache-2.0 */
/* peer and bootstrap: connections, and how they come about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"

#define DIAL_MS    20000 /* the node itself gives up after 15 s */
#define PING_MS    15000 /* beside one second a ping */
#define RESOLVE_MS 20000
#define PERF_MS    320000 /* a dial, then five minutes at most */

static int ask(struct cli *c, const char *method, json_t *params, int64_t ms, out_printer *print)
{
	json_t *r;
	int code = rpc_call(c, method, params, ms, &r);

	return code ? code : out_result(c, r, CLI_OK, print);
}

static json_t *peer_param(struct cli *c)
{
	return json_pack("{s:s}", "peer", c->argv[0]);
}

static json_t *address_param(struct cli *c)
{
	return json_pack("{s:s}", "address", c->argv[0]);
}

static void print_peers(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"PEER", "DIR", "VIA", "SINCE", "RTT", "STREAMS", "IN", "OUT",
		"MEMBER", "ADDRESS", NULL};
	struct out_table *t = out_table_new(c, headings);
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(r, "peers"), i, p) {
		char peer[64], age[32], rtt[32], via[48], streams[24], in[24], out[24];

		snprintf(via, sizeof(via), "%.10s+%.10s+%.10s", out_text(p, "transport"), out_text(p, "security"),
			out_text(p, "muxer"));
		snprintf(streams, sizeof(streams), "%lld", (long long)json_integer_value(json_object_get(p, "streams")));
		snprintf(in, sizeof(in), "%lld", (long long)json_integer_value(json_object_get(p, "bytes_in")));
		snprintf(out, sizeof(out), "%lld", (long long)json_integer_value(json_object_get(p, "bytes_out")));
		out_table_row(t, (const char *const[]){out_peer(c, out_text(p, "peer_id"), peer),
			out_text(p, "direction"), via, out_age(out_text(p, "since"), age),
			out_ms(json_object_get(p, "rtt_ms"), rtt), streams, in, out,
			json_is_true(json_object_get(p, "member")) ? "yes" : "no", out_text(p, "address")});
	}
	out_table_print(t);
}

int cmd_peer_list(struct cli *c)
{
	return ask(c, "peer.list", NULL, 0, print_peers);
}

static void print_texts(const char *head, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		printf("%-12s%s\n", i ? "" : head, json_string_value(v));
}

static void print_peer(struct cli *c, json_t *r)
{
	const json_t *p = json_object_get(r, "peer");
	char age[32], rtt[32];

	(void)c;
	printf("Peer        %s\n", out_text(p, "peer_id"));
	printf("Connected   %s, %s by %s+%s+%s, %s\n", out_text(p, "address"),
		strcmp(out_text(p, "direction"), "in") == 0 ? "it dialled us" : "we dialled it",
		out_text(p, "transport"), out_text(p, "security"), out_text(p, "muxer"),
		out_age(out_text(p, "since"), age));
	printf("RTT         %s\n", out_ms(json_object_get(p, "rtt_ms"), rtt));
	printf("Agent       %s\n", out_text(p, "agent_version"));
	print_texts("Speaks", json_object_get(p, "protocols"));
	print_texts("Listens at", json_object_get(p, "listen_addresses"));
}

int cmd_peer_show(struct cli *c)
{
	return ask(c, "peer.get", peer_param(c), 0, print_peer);
}

static void print_ping(struct cli *c, json_t *r)
{
	const json_t *rtt = json_object_get(r, "rtt_ms"), *v;
	char ms[32];
	size_t i;

	(void)c;
	json_array_foreach(json_object_get(r, "samples"), i, v)
		printf("%zu  %s\n", i + 1, json_is_null(v) ? "lost" : out_ms(v, ms));
	printf("%lld sent, %lld received", (long long)json_integer_value(json_object_get(r, "sent")),
		(long long)json_integer_value(json_object_get(r, "received")));
	if (json_is_object(rtt)) {
		char min[32], avg[32], max[32];

		printf(", min %s, avg %s, max %s", out_ms(json_object_get(rtt, "min"), min),
			out_ms(json_object_get(rtt, "avg"), avg), out_ms(json_object_get(rtt, "max"), max));
	}
	putchar('\n');
}

int cmd_peer_ping(struct cli *c)
{
	const char *count = cli_value(c, "count");
	long long n = count ? strtoll(count, NULL, 10) : 5;
	json_t *params = peer_param(c), *r;
	int code;

	json_object_set_new(params, "count", json_integer(n));
	code = rpc_call(c, "peer.ping", params, PING_MS + n * 1000, &r);
	if (code)
		return code;
	code = json_integer_value(json_object_get(r, "received")) ? CLI_OK : CLI_UNAVAILABLE;
	return out_result(c, r, code, print_ping);
}

static void print_way(const char *way, const json_t *r, const char *bytes_key, const char *seconds_key)
{
	double bytes = json_number_value(json_object_get(r, bytes_key));
	double s = json_number_value(json_object_get(r, seconds_key));

	printf("%-6s%12.0f bytes in %.3f s", way, bytes, s);
	if (bytes > 0 && s > 0)
		printf("  %.1f Mbit/s", bytes * 8 / s / 1e6);
	putchar('\n');
}

static void print_perf(struct cli *c, json_t *r)
{
	char peer[64];

	long long streams = json_integer_value(json_object_get(r, "streams"));

	printf("%s by %s and %s", out_peer(c, out_text(r, "peer_id"), peer), out_text(r, "transport"),
		out_text(r, "security"));
	if (streams > 1)
		printf(", %lld streams", streams);
	putchar('\n');
	print_way("up", r, "up_bytes", "up_s");
	print_way("down", r, "down_bytes", "down_s");
}

/* Puts the option of that name among the parameters. 0 or an exit code, said. */
static int put_bytes(struct cli *c, json_t *params, const char *name)
{
	const char *text = cli_value(c, name);
	int64_t bytes;

	if (!text)
		return 0;
	if (cli_bytes(text, &bytes))
		return out_fail(c, CLI_USAGE, "write it as 64MiB, 1GiB or 5000", "--%s: '%s' is no number of bytes", name,
			text);
	json_object_set_new(params, name, json_integer(bytes));
	return 0;
}

int cmd_peer_perf(struct cli *c)
{
	json_t *params = c->argv[0][0] == '/' ? address_param(c) : peer_param(c);
	const char *streams = cli_value(c, "streams");
	int code = put_bytes(c, params, "up");

	if (!code)
		code = put_bytes(c, params, "down");
	if (streams)
		json_object_set_new(params, "streams", json_integer(strtoll(streams, NULL, 10)));
	if (code) {
		json_decref(params);
		return code;
	}
	return ask(c, "peer.perf", params, PERF_MS, print_perf);
}

static void print_connected(struct cli *c, json_t *r)
{
	char peer[64];
	const json_t *p = json_object_get(r, "peer");

	printf("%s %s at %s\n", json_is_true(json_object_get(r, "changed")) ? "connected to" : "already connected to",
		out_peer(c, out_text(p, "peer_id"), peer), out_text(p, "address"));
}

int cmd_peer_connect(struct cli *c)
{
	return ask(c, "peer.connect", address_param(c), DIAL_MS, print_connected);
}

static void print_disconnected(struct cli *c, json_t *r)
{
	(void)c;
	printf("%s\n", json_is_true(json_object_get(r, "changed")) ? "disconnected" : "there was no connection");
}

int cmd_peer_disconnect(struct cli *c)
{
	return ask(c, "peer.disconnect", peer_param(c), 0, print_disconnected);
}

static void print_identify(struct cli *c, json_t *r)
{
	(void)c;
	printf("Peer        %s\nAgent       %s\nProtocol    %s\nSees us at  %s\n", out_text(r, "peer_id"),
		out_text(r, "agent_version"), out_text(r, "protocol_version"), out_text(r, "observed_address"));
	print_texts("Speaks", json_object_get(r, "protocols"));
	print_texts("Listens at", json_object_get(r, "listen_addresses"));
}

int cmd_peer_identify(struct cli *c)
{
	return ask(c, "peer.identify", peer_param(c), 0, print_identify);
}

static void print_trace(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"STEP", "RESULT", "TIME", "ADDRESS", "DETAIL", NULL};
	struct out_table *t = out_table_new(c, headings);
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(r, "steps"), i, s) {
		bool ok = json_is_true(json_object_get(s, "ok"));
		char ms[32];

		out_table_row(t, (const char *const[]){out_text(s, "step"), ok ? "ok" : "FAILED",
			out_ms(json_object_get(s, "ms"), ms), out_text(s, "address"),
			ok ? out_text(s, "detail") : out_text(s, "error")});
	}
	out_table_print(t);
	printf("%s %s\n", json_is_true(json_object_get(r, "ok")) ? "reached" : "not reached:", out_text(r, "peer_id"));
}

int cmd_peer_trace(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "peer.trace", address_param(c), DIAL_MS, &r);

	if (code)
		return code;
	return out_result(c, r, json_is_true(json_object_get(r, "ok")) ? CLI_OK : CLI_UNAVAILABLE, print_trace);
}

static void print_bootstrap(struct cli *c, json_t *r)
{
	const json_t *e;
	size_t i;
	char age[32];

	(void)c;
	json_array_foreach(json_object_get(r, "entries"), i, e) {
		printf("%s %s", out_text(e, "type"), out_text(e, "address"));
		if (json_is_string(json_object_get(e, "asked_at")))
			printf("  asked %s", out_age(out_text(e, "asked_at"), age));
		if (json_is_string(json_object_get(e, "error")))
			printf("  error: %s", out_text(e, "error"));
		putchar('\n');
		print_texts("", json_object_get(e, "resolved"));
	}
	if (i == 0)
		printf("init_connections is empty: there is nowhere to look\n");
	printf("%s\n", json_is_string(json_object_get(r, "need")) ? out_text(r, "need") : "nothing is missing");
}

int cmd_bootstrap_list(struct cli *c)
{
	return ask(c, "bootstrap.list", NULL, 0, print_bootstrap);
}

static void print_resolved(struct cli *c, json_t *r)
{
	const json_t *n, *rec;
	size_t i, k;

	(void)c;
	json_array_foreach(json_object_get(r, "names"), i, n) {
		printf("%s%s%s\n", out_text(n, "name"), json_is_string(json_object_get(n, "error")) ? "  error: " : "",
			json_is_string(json_object_get(n, "error")) ? out_text(n, "error") : "");
		json_array_foreach(json_object_get(n, "records"), k, rec)
			printf("  %s%s%s\n", out_text(rec, "text"),
				json_is_string(json_object_get(rec, "error")) ? "   <- " : "",
				json_is_string(json_object_get(rec, "error")) ? out_text(rec, "error") : "");
		print_texts("  addresses", json_object_get(n, "addresses"));
	}
	if (i == 0)
		printf("init_connections has no name\n");
}

int cmd_bootstrap_resolve(struct cli *c)
{
	return ask(c, "bootstrap.resolve", c->argc ? json_pack("{s:s}", "name", c->argv[0]) : NULL, RESOLVE_MS,
		print_resolved);
}

static void print_run(struct cli *c, json_t *r)
{
	(void)c;
	printf("asking %lld entries\n", (long long)json_integer_value(json_object_get(r, "entries")));
}

int cmd_bootstrap_run(struct cli *c)
{
	return ask(c, "bootstrap.run", NULL, 0, print_run);
}
