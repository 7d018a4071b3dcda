/* SPDX-License-Identifier: Apache-2.0 */
/* status, health, explain, version: what a person at three in the morning asks first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"

/* ---- status ---- */

static void print_head(struct cli *c, const json_t *r)
{
	const json_t *node = json_object_get(r, "node"), *cluster = json_object_get(r, "cluster");
	const json_t *snap = json_object_get(cluster, "snapshot");
	const json_t *proof = json_object_get(cluster, "admin_proof"), *a;
	char span[32], age[32], peer[64];
	size_t i;

	printf("Node      %s %s\n", out_text(node, "peer_id"),
		json_is_string(json_object_get(node, "name")) ? out_text(node, "name") : "");
	printf("Cluster   %-16s State    %s  (%lld of %lld members online, need %lld)\n",
		out_text(cluster, "id"), out_state(c, out_text(node, "state")), out_number(cluster, "online"),
		out_number(cluster, "members"), out_number(cluster, "quorum"));
	if (strcmp(out_text(node, "state"), "healthy") != 0)
		printf("          %s: p2posctl explain tells more\n", out_text(node, "state_reason"));
	printf("Version   %-16s Uptime   %s\n", out_text(node, "version"),
		out_span((int64_t)out_number(node, "uptime_s"), span));
	if (json_is_object(snap))
		printf("Members   snapshot %s by %s, %s\n", out_text(snap, "issued_at"),
			out_peer(c, out_text(snap, "issuer_peer_id"), peer), out_age(out_text(snap, "issued_at"), age));
	else
		printf("Members   no snapshot yet\n");
	if (json_is_object(proof))
		printf("Admin     proof valid until %.10s (%lld d)\n", out_text(proof, "valid_to"),
			out_number(proof, "days_left"));
	printf("Listen    ");
	json_array_foreach(json_object_get(node, "listen"), i, a)
		printf("%s%s", i ? "  " : "", json_string_value(a));
	printf("  (%s)\n", out_text(node, "network_mode"));
}

static const char *via(const char *transport)
{
	return strcmp(transport, "quic-v1") == 0 ? "quic" : transport;
}

static void print_members(struct cli *c, const json_t *members)
{
	static const char *const headings[] = {"MEMBER", "STATE", "SEEN", "RTT", "VIA", "ADDRESS", NULL};
	struct out_table *t;
	const json_t *m;
	size_t i;

	if (!json_array_size(members))
		return;
	t = out_table_new(c, headings);
	json_array_foreach(members, i, m) {
		char peer[64], age[32], rtt[32];
		const char *state = out_text(m, "state");
		bool self = strcmp(state, "self") == 0;

		out_table_row(t, (const char *const[]){out_peer(c, out_text(m, "peer_id"), peer),
			strcmp(state, "offline") == 0 ? "OFFLINE" : state,
			self ? "-" : out_age(json_string_value(json_object_get(m, "last_seen_at")), age),
			out_ms(json_object_get(m, "rtt_ms"), rtt), via(out_text(m, "transport")),
			out_text(m, "address")});
	}
	putchar('\n');
	out_table_print(t);
}

static void print_status(struct cli *c, json_t *r)
{
	const json_t *a;
	size_t i;

	print_head(c, r);
	print_members(c, json_object_get(r, "members"));
	json_array_foreach(json_object_get(r, "alerts"), i, a)
		printf("%s! %s: %s\n", i ? "" : "\n", out_text(a, "type"), out_text(a, "text"));
	if (out_number(r, "pending"))
		printf("\n%lld server%s to join:  p2posctl member pending\n", out_number(r, "pending"),
			out_number(r, "pending") == 1 ? " asks" : "s ask");
}

static int show_status(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "node.status", NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_status);
}

int cmd_status(struct cli *c)
{
	const char *every = cli_value(c, "watch");
	int64_t ms = 2000;
	int code;

	if (!every)
		return show_status(c);
	if (*every && (cli_duration_ms(every, &ms) || ms < 100))
		return out_fail(c, CLI_USAGE, "write it like 2s", "--watch: '%s' is no duration", every);
	for (;;) {
		if (c->tty && !c->json)
			printf("\033[H\033[2J");
		code = show_status(c);
		if (code || fflush(stdout) != 0)
			return code;
		cli_pause_ms((int)ms);
	}
}

/* ---- health ---- */

static int health_code(const char *state)
{
	if (strcmp(state, "healthy") == 0)
		return CLI_OK;
	return strcmp(state, "degraded") == 0 ? CLI_FAILED : CLI_UNCONFIGURED;
}

static void print_health(struct cli *c, json_t *r)
{
	printf("%s: %lld of %lld members online, need %lld (%s)\n", out_state(c, out_text(r, "state")),
		out_number(r, "online"), out_number(r, "members"), out_number(r, "quorum"), out_text(r, "reason"));
}

/* Subscribed before it asks, so that no change falls between question and waiting. */
static int wait_for_state(struct cli *c, const char *wanted, json_t **ret)
{
	int64_t until = cli_clock_ms() + (c->timeout_ms ? c->timeout_ms : 60000);
	json_t *sub = NULL, *event;
	int code = rpc_call(c, "events.subscribe", json_pack("{s:[s]}", "types", "state"), 0, &sub);

	json_decref(sub);
	while (!code) {
		int64_t left;

		code = rpc_call(c, "node.health", NULL, 0, ret);
		if (code || strcmp(out_text(*ret, "state"), wanted) == 0)
			return code;
		left = until - cli_clock_ms();
		code = left > 0 ? rpc_next_event(c, left, &event) : CLI_TEMPFAIL;
		if (code == CLI_TEMPFAIL)
			out_fail_reason(c, CLI_TEMPFAIL, 1003, "timeout", "p2posctl explain tells why", NULL,
				"the node is %s, not %s", out_text(*ret, "state"), wanted);
		else if (!code)
			json_decref(event);
		json_decref(*ret);
	}
	return code;
}

int cmd_health(struct cli *c)
{
	static const char *const states[] = {"healthy", "degraded", "unconfigured"};
	const char *wanted = cli_value(c, "wait-for");
	json_t *r;
	int code;

	for (int i = 0; wanted && i < 3; i++) {
		if (strcmp(wanted, states[i]) == 0)
			break;
		if (i == 2)
			return out_fail(c, CLI_USAGE, "healthy, degraded or unconfigured",
				"--wait-for: '%s' is no state", wanted);
	}
	code = wanted ? wait_for_state(c, wanted, &r) : rpc_call(c, "node.health", NULL, 0, &r);
	if (code)
		return code;
	code = wanted ? CLI_OK : health_code(out_text(r, "state"));
	return out_result(c, r, code, print_health);
}

/* ---- version ---- */

static void print_version(struct cli *c, json_t *r)
{
	const json_t *daemon = json_object_get(r, "daemon");

	(void)c;
	printf("p2posctl %s\n", out_text(r, "version"));
	if (json_is_object(daemon))
		printf("p2posd   %s\n", out_text(daemon, "version"));
}

int cmd_version(struct cli *c)
{
	json_t *hello = NULL, *r;
	char reason[32];
	int code;

	code = cli_given(c, "daemon") ? rpc_call(c, "rpc.hello", NULL, 0, &hello)
				      : rpc_try(c, "rpc.hello", NULL, 0, &hello, reason);
	if (code && cli_given(c, "daemon"))
		return code;
	r = json_pack("{s:s,s:o}", "version", P2POS_VERSION, "daemon", hello ? hello : json_null());
	return out_result(c, r, CLI_OK, print_version);
}
