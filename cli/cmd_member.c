/* SPDX-License-Identifier: Apache-2.0 */
/* member: what there is. Changes are in cmd_change.c, signing without a daemon in cmd_sign.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "cli/secret.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/p2pos/evidence.h"
#include "proto/p2pos/snapshot.h"

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void print_list(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"MEMBER", "STATE", "SEEN", "RTT", "VIA", "ADDRESS", "LAST DIAL", NULL};
	struct out_table *t = out_table_new(c, headings);
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(r, "members"), i, m) {
		char peer[64], age[32], rtt[32];
		const char *state = out_text(m, "state");

		out_table_row(t, (const char *const[]){out_peer(c, out_text(m, "peer_id"), peer),
			strcmp(state, "offline") == 0 ? "OFFLINE" : state,
			out_age(json_string_value(json_object_get(m, "last_seen_at")), age),
			out_ms(json_object_get(m, "rtt_ms"), rtt), out_text(m, "transport"),
			out_text(m, "address"), out_text(m, "error")});
	}
	out_table_print(t);
	printf("\n%lld of %zu online, need %lld\n", number(r, "online"),
		json_array_size(json_object_get(r, "members")), number(r, "quorum"));
}

int cmd_member_list(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "member.list", NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_list);
}

static void print_member(struct cli *c, json_t *r)
{
	const json_t *m = json_object_get(r, "member"), *evidence = json_object_get(m, "evidence"), *a;
	char age[32], rtt[32];
	size_t i;

	printf("Member    %s\n", out_text(m, "peer_id"));
	printf("State     %s\n", out_state(c, out_text(m, "state")));
	printf("Seen      %s (%s)\n", out_text(m, "last_seen_at"), out_age(out_text(m, "last_seen_at"), age));
	if (json_is_object(evidence))
		printf("Evidence  %s at %s\n", out_text(evidence, "kind"), out_text(evidence, "at"));
	printf("RTT       %s\nVia       %s\nAddress   %s\n", out_ms(json_object_get(m, "rtt_ms"), rtt),
		out_text(m, "transport"), out_text(m, "address"));
	json_array_foreach(json_object_get(m, "addresses"), i, a)
		printf("%-10s%s\n", i ? "" : "Known at", json_string_value(a));
	if (json_is_string(json_object_get(m, "error")))
		printf("Last dial %s\n", out_text(m, "error"));
}

int cmd_member_show(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "member.get", json_pack("{s:s}", "peer", c->argv[0]), 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_member);
}

static void print_pending(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"PEER", "FROM", "FIRST SEEN", "TRIES", NULL};
	const json_t *list = json_object_get(r, "pending"), *p;
	struct out_table *t;
	size_t i;

	if (!json_array_size(list)) {
		printf("nobody asks to join\n");
		return;
	}
	t = out_table_new(c, headings);
	json_array_foreach(list, i, p) {
		char age[32], tries[24];

		snprintf(tries, sizeof(tries), "%lld", number(p, "tries"));
		/* In full, terminal or not: this is what the admin compares with the new server's screen. */
		out_table_row(t, (const char *const[]){out_text(p, "peer_id"), out_text(p, "address"),
			out_age(out_text(p, "first_seen_at"), age), tries});
	}
	out_table_print(t);
	printf("Approve: p2posctl member approve %.20s --admin-key @admin.key\n",
		out_text(json_array_get(list, 0), "peer_id"));
}

int cmd_member_pending(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "member.pending", NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_pending);
}

static void print_history(struct cli *c, json_t *r)
{
	static const char *const headings[] = {"N", "ISSUED AT", "MEMBERS", "ISSUER", "SOURCE", "HASH", NULL};
	struct out_table *t = out_table_new(c, headings);
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(r, "snapshots"), i, s) {
		char n[24], members[24], peer[64];

		snprintf(n, sizeof(n), "%zu%s", i, json_is_true(json_object_get(s, "current")) ? " *" : "");
		snprintf(members, sizeof(members), "%lld", number(s, "members"));
		out_table_row(t, (const char *const[]){n, out_text(s, "issued_at"), members,
			out_peer(c, out_text(s, "issuer_peer_id"), peer), out_text(s, "source"), out_text(s, "hash")});
	}
	out_table_print(t);
}

int cmd_member_history(struct cli *c)
{
	const char *limit = cli_value(c, "limit");
	json_t *r;
	int code = rpc_call(c, "member.history",
		limit ? json_pack("{s:I}", "limit", (json_int_t)strtoll(limit, NULL, 10)) : NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_history);
}

static void print_export(struct cli *c, json_t *r)
{
	(void)c;
	json_dumpf(json_object_get(r, "snapshot"), stdout, JSON_COMPACT);
	putchar('\n');
}

int cmd_member_export(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "member.export", c->argc ? json_pack("{s:s}", "hash", c->argv[0]) : NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_export);
}

/* The file alone, also with --json: it is what `member verify` takes. */
static void print_evidence(struct cli *c, json_t *r)
{
	(void)c;
	json_dumpf(json_object_get(r, "evidence"), stdout, JSON_COMPACT);
	putchar('\n');
}

int cmd_member_evidence(struct cli *c)
{
	json_t *r;
	int code = rpc_call(c, "member.evidence", c->argc ? json_pack("{s:s}", "hash", c->argv[0]) : NULL, 0, &r);

	return code ? code : out_result(c, r, CLI_OK, print_evidence);
}

/* ---- verify ---- */

static void print_verdict(struct cli *c, json_t *r)
{
	bool valid = json_is_true(json_object_get(r, "valid"));
	const json_t *s = json_object_get(r, "snapshot"), *issuers = json_object_get(r, "issuers");

	(void)c;
	if (valid && issuers)
		printf("proven: two different lists were signed for %s, by %s%s%s\n", out_text(r, "issued_at"),
			json_string_value(json_array_get(issuers, 0)), json_array_size(issuers) > 1 ? " and " : "",
			json_array_size(issuers) > 1 ? json_string_value(json_array_get(issuers, 1)) : "");
	else if (issuers)
		printf("not proven: %s (%s)\n", out_text(r, "message"), out_text(r, "detail"));
	else if (valid)
		printf("valid%s\n", json_is_false(json_object_get(r, "newer")) ? ", but not newer than the one held" : "");
	else
		printf("not valid: %s (%s)\n", out_text(r, "message"), out_text(r, "detail"));
	if (json_is_object(s))
		printf("  issued at %s by %s, %lld members\n  hash %s\n", out_text(s, "issued_at"),
			out_text(s, "issuer_peer_id"), number(s, "members"), out_text(s, "hash"));
}

/* On a machine that knows the system's public key and nothing else (features.md N-03). */
static json_t *verify_here(struct bytes text, const struct key_public *system, const char *cluster)
{
	enum snapshot_reason why = SNAPSHOT_OK;
	struct snapshot s;
	struct buf hash = BUF_INIT;
	char at[RFC3339_SIZE], id[PEER_ID_TEXT_SIZE];
	json_t *r, *info = json_null();

	if (snapshot_parse(text, &s, &why) == 0) {
		struct snapshot_rules rules = {.cluster_id = cluster ? cluster : s.cluster_id, .system = system,
			.source = SNAPSHOT_STORED, .now = cli_now()};

		(void)snapshot_check(&s, &rules, &why);
		(void)text_hex(&hash, bytes_of(s.hash, sizeof(s.hash)));
		info = json_pack("{s:s,s:s,s:I,s:s,s:n}", "issued_at", rfc3339_text(s.issued_at, at), "issuer_peer_id",
			peer_id_text(&s.issuer, id), "members", (json_int_t)s.member_count, "hash", buf_cstr(&hash),
			"source");
		snapshot_deinit(&s);
	}
	buf_deinit(&hash);
	r = json_pack("{s:b,s:o}", "valid", why == SNAPSHOT_OK, "snapshot", info);
	if (why != SNAPSHOT_OK) {
		json_object_set_new(r, "detail", json_string(snapshot_reason_name(why)));
		json_object_set_new(r, "message", json_string(snapshot_reason_text(why)));
	}
	return r;
}

static json_t *hash_of(const struct snapshot *s)
{
	struct buf hash = BUF_INIT;
	json_t *text;

	(void)text_hex(&hash, bytes_of(s->hash, sizeof(s->hash)));
	text = json_string(buf_cstr(&hash));
	buf_deinit(&hash);
	return text;
}

/* Two statements for one instant, if that is what the file holds; else NULL. */
static json_t *verify_evidence(struct bytes text, const struct key_public *system, const char *cluster)
{
	enum snapshot_reason why = SNAPSHOT_OK;
	char at[RFC3339_SIZE], id[PEER_ID_TEXT_SIZE];
	struct evidence e;
	json_t *r;

	if (evidence_parse(text, &e))
		return NULL;
	if (cluster && strcmp(cluster, e.a.cluster_id) != 0)
		why = SNAPSHOT_CLUSTER_MISMATCH;
	else
		(void)evidence_check(&e, system, &why);
	r = json_pack("{s:b,s:s,s:s,s:[s],s:[o,o]}", "valid", why == SNAPSHOT_OK, "kind", "equivocation", "issued_at",
		rfc3339_text(e.a.issued_at, at), "issuers", peer_id_text(&e.a.issuer, id), "hashes", hash_of(&e.a),
		hash_of(&e.b));
	if (!peer_id_eq(&e.a.issuer, &e.b.issuer))
		json_array_append_new(json_object_get(r, "issuers"), json_string(peer_id_text(&e.b.issuer, id)));
	if (why != SNAPSHOT_OK) {
		json_object_set_new(r, "detail", json_string(snapshot_reason_name(why)));
		json_object_set_new(r, "message", json_string(snapshot_reason_text(why)));
	}
	evidence_deinit(&e);
	return r;
}

int cmd_member_verify(struct cli *c)
{
	struct buf text = BUF_WITH_MAX(EVIDENCE_BYTES_MAX);
	const char *pub = cli_value(c, "system-pubkey");
	struct key_public system;
	json_t *r = NULL, *doc;
	int code = secret_read(c, "the snapshot", c->argv[0], SECRET_PLAIN, &text);

	if (!code && pub && key_public_parse_text(bytes_str(pub), &system))
		code = out_fail(c, CLI_USAGE, "it is system_pubkey of the configuration",
			"--system-pubkey: no Ed25519 public key");
	if (!code && pub) {
		r = verify_evidence(buf_bytes(&text), &system, cli_value(c, "cluster"));
		if (!r)
			r = verify_here(buf_bytes(&text), &system, cli_value(c, "cluster"));
	} else if (!code) {
		doc = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
		code = doc ? rpc_call(c, "member.verify", json_pack("{s:o}", "snapshot", doc), 0, &r)
			   : out_fail(c, CLI_DATAERR, NULL, "%s is no JSON", c->argv[0]);
	}
	buf_deinit(&text);
	if (code)
		return code;
	return out_result(c, r, json_is_true(json_object_get(r, "valid")) ? CLI_OK : CLI_DATAERR, print_verdict);
}
