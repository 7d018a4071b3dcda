/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: the running node: what it says of itself, of DNS, of who comes in, of others' clocks.
 *
 * Whether a port can be reached from outside is known by those who came in through it: each inbound
 * connection is the word of another member that its packets arrive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "proto/base/mem.h"

#define SKEW_MS_MAX      2000 /* P-138 */
#define SKEW_MEMBERS_MAX 32   /* clocks asked for; the median of so many is good enough */
#define PROOF_DAYS_WARN  14
#define FDS_SPARE        64   /* beside connections: database, sockets, log */
#define RESOLVE_MS       20000
#define TRACE_MS         20000

static json_t *ask(struct doctor *d, const char *method, json_t *take_params, int64_t ms)
{
	char reason[32];
	json_t *r = NULL;

	return rpc_try(d->c, method, take_params, ms, &r, reason) == 0 ? r : NULL;
}

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* ---- state ---- */

static void ask_state(struct doctor *d)
{
	json_t *r = ask(d, "node.explain", NULL, 0);
	const char *state = out_text(r, "state");
	const json_t *remedy = json_array_get(json_object_get(r, "remedies"), 0);

	if (!r)
		return;
	if (json_is_string(json_object_get(r, "finding")) || strcmp(state, "healthy") != 0)
		doctor_say(d, strcmp(state, "healthy") == 0 ? DOCTOR_WARN : DOCTOR_FAIL, "state",
			remedy ? json_string_value(remedy) : "p2posctl explain", "%s", out_text(r, "reason"));
	else
		doctor_say(d, DOCTOR_OK, "state", NULL, "healthy, %lld of %lld members online", number(r, "online"),
			number(r, "members"));
	json_decref(r);
}

static void ask_proof(struct doctor *d, const json_t *status)
{
	const json_t *p = json_object_get(json_object_get(status, "cluster"), "admin_proof");
	static const char fix[] = "p2posctl admin proof renew @admin.proof --system-key @system.key";
	long long days = number(p, "days_left");

	if (!json_is_object(p))
		return;
	if (days < 0)
		doctor_say(d, DOCTOR_FAIL, "admin proof", fix, "it ended %lld days ago", -days);
	else
		doctor_say(d, days < PROOF_DAYS_WARN ? DOCTOR_WARN : DOCTOR_OK, "admin proof",
			days < PROOF_DAYS_WARN ? fix : NULL, "valid for %lld more days", days);
}

/* ---- clocks of others ---- */

static int by_value(const void *a, const void *b)
{
	const long long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void ask_clocks(struct doctor *d, const json_t *status)
{
	long long skew[SKEW_MEMBERS_MAX], off;
	const json_t *m;
	size_t i, n = 0;

	json_array_foreach(json_object_get(status, "members"), i, m) {
		const json_t *v;
		json_t *r;

		if (n == SKEW_MEMBERS_MAX || strcmp(out_text(m, "state"), "online") != 0)
			continue;
		r = ask(d, "member.get", json_pack("{s:s}", "peer", out_text(m, "peer_id")), 0);
		v = json_object_get(json_object_get(r, "member"), "skew_ms");
		if (json_is_integer(v))
			skew[n++] = (long long)json_integer_value(v);
		json_decref(r);
	}
	if (n == 0)
		return;
	qsort(skew, n, sizeof(skew[0]), by_value);
	off = -skew[n / 2];
	if (off > SKEW_MS_MAX || off < -SKEW_MS_MAX)
		doctor_say(d, DOCTOR_FAIL, "clock offset", "timedatectl set-ntp true   (or chronyc makestep)",
			"%.1f s %s %zu other members", (double)(off < 0 ? -off : off) / 1000.0,
			off < 0 ? "behind" : "ahead of", n);
	else
		doctor_say(d, DOCTOR_OK, "clock offset", NULL, "%lld ms against %zu other members", off, n);
}

/* ---- descriptors ---- */

/* The value of a metric without labels, -1 when it is not there. */
static long long metric(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return strtoll(line + len, NULL, 10);
	return -1;
}

static void ask_descriptors(struct doctor *d)
{
	json_t *r = ask(d, "metrics.get", NULL, 0), *limit = ask(d, "config.effective",
		json_pack("{s:s}", "key", "limits.connections"), 0);
	const char *text = r ? out_text(r, "text") : "";
	long long open = metric(text, "process_open_fds"), max = metric(text, "process_max_fds");
	long long wanted = number(limit, "value") + FDS_SPARE;
	static const char fix[] = "LimitNOFILE=65536 in a drop-in (systemctl edit p2posd), or lower limits.connections";

	if (max > 0 && open + FDS_SPARE / 4 >= max)
		doctor_say(d, DOCTOR_FAIL, "descriptors", fix, "%lld of %lld are open", open, max);
	else if (max > 0)
		doctor_say(d, max < wanted ? DOCTOR_WARN : DOCTOR_OK, "descriptors", max < wanted ? fix : NULL,
			"%lld of %lld are open; %lld may be needed", open, max, wanted);
	json_decref(r);
	json_decref(limit);
}

/* ---- DNS ---- */

/* An address of this node that others can use, as the record wants it; "" when none is known. */
static const char *own_record(const json_t *addresses, const char *peer_id, char *to, size_t size)
{
	static const char *const lists[] = {"announce", "listen"};
	const json_t *v;
	size_t i;

	to[0] = '\0';
	for (size_t k = 0; k < 2 && !to[0]; k++)
		json_array_foreach(json_object_get(addresses, lists[k]), i, v) {
			const char *a = json_string_value(v);

			if (to[0] || !a || strncmp(a, "/ip4/0.0.0.0/", 13) == 0 || strncmp(a, "/ip6/::/", 8) == 0)
				continue;
			snprintf(to, size, "add: dnsaddr=%s%s%s", a, strstr(a, "/p2p/") ? "" : "/p2p/",
				strstr(a, "/p2p/") ? "" : peer_id);
		}
	return to;
}

static void judge_name(struct doctor *d, const json_t *n, const char *peer_id, const char *add)
{
	const char *name = out_text(n, "name");
	const json_t *records = json_object_get(n, "records"), *r;
	size_t i, bad = 0;
	bool names_us = false;

	json_array_foreach(records, i, r) {
		names_us = names_us || strstr(out_text(r, "text"), peer_id);
		bad += json_is_string(json_object_get(r, "error"));
	}
	if (json_is_string(json_object_get(n, "error")))
		doctor_say(d, DOCTOR_FAIL, "dns", "check dns.servers and /etc/resolv.conf", "%s: %s", name,
			out_text(n, "error"));
	else if (bad)
		doctor_say(d, DOCTOR_WARN, "dns", "p2posctl bootstrap resolve", "%s: %zu of %zu records are of no use", name,
			bad, json_array_size(records));
	else if (!names_us)
		doctor_say(d, d->is_first || !json_array_size(records) ? DOCTOR_FAIL : DOCTOR_WARN, "dns",
			*add ? add : "add a TXT record dnsaddr=/ip4/…/tcp/4100/p2p/… for it",
			"_dnsaddr.%s has no record for this node", name);
	else
		doctor_say(d, DOCTOR_OK, "dns", NULL, "_dnsaddr.%s names this node, %zu records", name,
			json_array_size(records));
}

static void ask_dns(struct doctor *d, const json_t *addresses, const char *peer_id)
{
	json_t *list = ask(d, "bootstrap.list", NULL, 0), *r;
	char add[512];
	const json_t *e, *n;
	size_t i, k, entries = json_array_size(json_object_get(list, "entries"));

	own_record(addresses, peer_id, add, sizeof(add));
	json_array_foreach(json_object_get(list, "entries"), i, e) {
		if (strcmp(out_text(e, "type"), "dns") != 0)
			continue;
		r = ask(d, "bootstrap.resolve", json_pack("{s:s}", "name", out_text(e, "address")), RESOLVE_MS);
		if (!r)
			doctor_say(d, DOCTOR_FAIL, "dns", "check dns.servers and /etc/resolv.conf",
				"%s gives no answer", out_text(e, "address"));
		json_array_foreach(json_object_get(r, "names"), k, n)
			judge_name(d, n, peer_id, add);
		json_decref(r);
	}
	if (list && entries == 0 && !d->is_first)
		doctor_say(d, DOCTOR_WARN, "bootstrap", "p2posctl config set init_connections '[{\"type\":\"dns\",\"address\":\"NAME\"}]'",
			"init_connections is empty: after an outage only remembered addresses are dialled");
	json_decref(list);
}

/* ---- ports ---- */

/* Who came in over this transport; NULL: nobody who is connected now. */
static const char *came_in(const json_t *peers, const char *transport)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(peers, "peers"), i, p)
		if (strcmp(out_text(p, "direction"), "in") == 0 && strcmp(out_text(p, "transport"), transport) == 0)
			return out_text(p, "peer_id");
	return NULL;
}

static void judge_port(struct doctor *d, const char *address, const json_t *peers, bool alone)
{
	bool quic = strstr(address, "/quic-v1") != NULL;
	const char *at = strstr(address, quic ? "/udp/" : "/tcp/"), *who = came_in(peers, quic ? "quic-v1" : "tcp");
	char name[40], peer[64], fix[96];
	int port = at ? (int)strtol(at + 5, NULL, 10) : 0;

	if (!at)
		return;
	snprintf(name, sizeof(name), "port %d/%s", port, quic ? "udp" : "tcp");
	snprintf(fix, sizeof(fix), "open %s port %d in every firewall before this machine", quic ? "UDP" : "TCP", port);
	if (who)
		doctor_say(d, DOCTOR_OK, name, NULL, "reachable from %s", out_peer(d->c, who, peer));
	else if (alone)
		doctor_say(d, DOCTOR_OK, name, NULL, "open here; no other member is connected that could tell more");
	else if (came_in(peers, quic ? "tcp" : "quic-v1"))
		doctor_say(d, DOCTOR_OK, name, NULL, "open; members come in over %s, nobody needed this one yet",
			quic ? "TCP" : "QUIC");
	else
		doctor_say(d, DOCTOR_WARN, name, fix, "open here, but no member has come in through it");
}

static void ask_ports(struct doctor *d, const json_t *status, const json_t *addresses)
{
	json_t *peers = ask(d, "peer.list", NULL, 0);
	bool alone = json_array_size(json_object_get(status, "members")) < 2 ||
		     !json_array_size(json_object_get(peers, "peers"));
	const json_t *v;
	size_t i;

	if (!json_array_size(json_object_get(addresses, "listen")))
		doctor_say(d, DOCTOR_FAIL, "ports", "p2posctl config set listen '[\"0.0.0.0:4100\"]'", "this node listens nowhere");
	json_array_foreach(json_object_get(addresses, "listen"), i, v)
		judge_port(d, json_string_value(v), peers, alone);
	json_decref(peers);
}

void doctor_ask_node(struct doctor *d)
{
	json_t *status = ask(d, "node.status", NULL, 0), *addresses = ask(d, "node.addresses", NULL, 0);
	const char *peer_id = out_text(json_object_get(status, "node"), "peer_id");

	if (!status) {
		doctor_say(d, DOCTOR_WARN, "daemon", "p2posctl doctor, in a moment", "it is still starting");
		json_decref(addresses);
		return;
	}
	ask_state(d);
	ask_proof(d, status);
	ask_clocks(d, status);
	ask_descriptors(d);
	ask_dns(d, addresses, peer_id);
	ask_ports(d, status, addresses);
	json_decref(status);
	json_decref(addresses);
}

/* ---- one peer ---- */

static bool is_connected(struct doctor *d, const char *peer_id)
{
	json_t *r = ask(d, "peer.get", json_pack("{s:s}", "peer", peer_id), 0);

	json_decref(r);
	return r != NULL;
}

void doctor_try_peer(struct doctor *d, const char *address)
{
	json_t *r = ask(d, "peer.trace", json_pack("{s:s}", "address", address), TRACE_MS);
	const json_t *s;
	char name[40];
	size_t i;

	if (!r) {
		doctor_say(d, DOCTOR_FAIL, "peer", "a multiaddr, as /ip4/192.0.2.7/tcp/4100/p2p/12D3KooW…",
			"%s cannot be dialled", address);
		return;
	}
	json_array_foreach(json_object_get(r, "steps"), i, s) {
		bool ok = json_is_true(json_object_get(s, "ok"));

		snprintf(name, sizeof(name), "peer %.24s", out_text(s, "step"));
		/* Of two connections to a peer one is closed, perhaps this one in the middle of the question. */
		if (!ok && strcmp(out_text(s, "step"), "identify") == 0 && is_connected(d, out_text(r, "peer_id"))) {
			doctor_say(d, DOCTOR_OK, name, NULL, "there is a connection to %s already", out_text(r, "peer_id"));
			continue;
		}
		doctor_say(d, ok ? DOCTOR_OK : DOCTOR_FAIL, name, ok ? NULL : "p2posctl explain; is it up, and its port open?",
			"%s%s%.1f ms%s%s", json_is_string(json_object_get(s, "address")) ? out_text(s, "address") : "",
			json_is_string(json_object_get(s, "address")) ? "  " : "",
			json_number_value(json_object_get(s, "ms")), ok ? "" : "  ", ok ? "" : out_text(s, "error"));
	}
	json_decref(r);
}
