/* SPDX-License-Identifier: Apache-2.0 */
/* member approve, add, remove, set, rollback, plan, publish: every change of the membership goes the
 * same way: the node plans, a person looks, this process signs, the node publishes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/history.h"
#include "cli/out.h"
#include "cli/publish.h"
#include "cli/rpc.h"
#include "cli/sign.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#define PUBLISH_MS 30000 /* the node waits 10 s for members that do not answer */
#define LIST_BYTES_MAX (2 * 1024 * 1024)

static long long at(const json_t *o, const char *a, const char *b)
{
	return (long long)json_integer_value(json_object_get(json_object_get(o, a), b));
}

/* ---- showing a plan ---- */

static void print_ids(FILE *to, const char *sign, const json_t *ids)
{
	const json_t *v;
	size_t i;

	json_array_foreach(ids, i, v)
		fprintf(to, "  %s %s\n", sign, json_string_value(v));
}

static void show_plan(FILE *to, const json_t *plan)
{
	const json_t *draft = json_object_get(plan, "draft"), *w;
	const char *base = json_string_value(json_object_get(draft, "base_issued_at"));
	size_t i;

	fprintf(to, "Cluster %s, snapshot %s -> new\n", out_text(draft, "cluster_id"), base ? base : "none");
	if (json_is_string(json_object_get(draft, "base_hash")))
		fprintf(to, "  from hash %s\n", out_text(draft, "base_hash"));
	print_ids(to, "+", json_object_get(plan, "added"));
	print_ids(to, "-", json_object_get(plan, "removed"));
	fprintf(to, "Members %lld -> %lld, quorum %lld -> %lld, online now %lld: %s after the change.\n",
		at(plan, "members", "before"), at(plan, "members", "after"), at(plan, "quorum", "before"),
		at(plan, "quorum", "after"), at(plan, "online", "now"), out_text(plan, "state_after"));
	json_array_foreach(json_object_get(plan, "warnings"), i, w)
		fprintf(to, "Warning: %s\n", out_text(w, "text"));
}

static void print_plan(struct cli *c, json_t *plan)
{
	(void)c;
	show_plan(stdout, plan);
}

/* Whom the change would lock out ("self", "issuer", "quorum"), as the daemon's own refusal names
 * it; NULL: nobody. */
static const char *locks_out(const json_t *plan)
{
	static const char word[] = "would_lock_out_";
	const json_t *w;
	size_t i;

	json_array_foreach(json_object_get(plan, "warnings"), i, w)
		if (strncmp(out_text(w, "type"), word, sizeof(word) - 1) == 0)
			return out_text(w, "type") + sizeof(word) - 1;
	return NULL;
}

/* What a clock signs that differs from the others' would come too early or too late among what
 * other admins sign, and the latest prevails (N-15). The daemon's clock is ours. */
static int check_clock(struct cli *c, const json_t *plan)
{
	const json_t *w;
	size_t i;

	if (cli_given(c, "force"))
		return CLI_OK;
	json_array_foreach(json_object_get(plan, "warnings"), i, w)
		if (strcmp(out_text(w, "type"), "clock_skew") == 0)
			return out_fail_reason(c, CLI_FAILED, 0, "clock_skew",
				"set the clock right, or sign on another machine; --force signs all the same",
				NULL, "nothing was signed: %s", out_text(w, "text"));
	return CLI_OK;
}

/* Confirmed in proportion: y for a change, the cluster's name for one that could lock people out. */
static int confirm(struct cli *c, const json_t *plan)
{
	const char *cluster = out_text(json_object_get(plan, "draft"), "cluster_id");
	const char *dangerous = cli_given(c, "force") ? NULL : locks_out(plan);
	bool asked, yes;
	char question[160];

	if (!dangerous && c->yes)
		return CLI_OK;
	if (!c->json && !c->quiet)
		show_plan(stderr, plan);
	if (dangerous) {
		snprintf(question, sizeof(question), "Type the cluster's name (%.64s) to do it all the same:", cluster);
		yes = out_confirm_word(c, question, cluster, &asked);
	} else {
		yes = out_confirm(c, "Publish? [y/N]", &asked);
	}
	if (yes)
		return CLI_OK;
	if (asked)
		return out_fail(c, CLI_FAILED, NULL, "nothing was changed");
	if (dangerous)
		return out_fail_reason(c, CLI_FAILED, 1106, "would_lock_out",
			"p2posctl member plan shows the effect; --force does it all the same",
			json_pack("{s:s}", "detail", dangerous), "the change would lock the cluster out");
	return out_fail(c, CLI_USAGE, "say --yes, or run it on a terminal", "this needs a yes");
}

/* ---- publishing ---- */

static void print_published(struct cli *c, json_t *r)
{
	const json_t *failed = json_object_get(r, "failed"), *f;
	char peer[64];
	size_t i;

	if (json_is_false(json_object_get(r, "changed"))) {
		printf("nothing to change: this snapshot is in force already\n");
		return;
	}
	printf("Published %s: %s here, pushed to %zu, failed %zu\n",
		out_text(json_object_get(r, "snapshot"), "issued_at"),
		json_is_true(json_object_get(r, "applied")) ? "applied" : "not applied",
		json_array_size(json_object_get(r, "pushed")), json_array_size(failed));
	json_array_foreach(failed, i, f)
		printf("  failed  %s  %s%s\n", out_peer(c, out_text(f, "peer_id"), peer), out_text(f, "reason"),
			strcmp(out_text(f, "reason"), "not_connected") == 0 ? " (it will fetch it on return)" : "");
}

/* The same of a publication in which no node of ours had a part. */
static void print_straight(struct cli *c, json_t *r)
{
	const json_t *failed = json_object_get(r, "failed"), *f;
	size_t i;

	(void)c;
	printf("Published %s: taken by %zu, failed %zu\n", out_text(json_object_get(r, "snapshot"), "issued_at"),
		json_array_size(json_object_get(r, "pushed")), json_array_size(failed));
	json_array_foreach(failed, i, f)
		printf("  failed  %s  %s\n", out_text(f, "address"), out_text(f, "error"));
}

static int publish(struct cli *c, json_t *take_snapshot, const char *expect)
{
	json_t *params = json_pack("{s:o}", "snapshot", take_snapshot), *r;
	int code;

	if (cli_given(c, "force"))
		json_object_set_new(params, "force", json_true());
	if (expect)
		json_object_set_new(params, "expect_hash", json_string(expect));
	code = rpc_call(c, "member.publish", params, PUBLISH_MS, &r);
	return code ? code : out_result(c, r, CLI_OK, print_published);
}

int cmd_member_publish(struct cli *c)
{
	struct buf text = BUF_WITH_MAX(SNAPSHOT_BYTES_MAX);
	json_t *doc = NULL;
	int code = secret_read(c, "the snapshot", c->argv[0], SECRET_PLAIN, &text);

	if (!code && cli_given(c, "to")) {
		code = publish_straight(c, buf_bytes(&text), print_straight);
		buf_deinit(&text);
		return code;
	}
	if (!code) {
		doc = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(doc)) {
			json_decref(doc);
			code = out_fail(c, CLI_DATAERR, "p2posctl member sign makes one", "%s is no signed snapshot",
				c->argv[0]);
		}
	}
	buf_deinit(&text);
	return code ? code : publish(c, doc, cli_value(c, "expect-hash"));
}

/* ---- plan, sign, publish in one ---- */

static json_t *unchanged(const json_t *plan)
{
	return json_pack("{s:b,s:b,s:[],s:[],s:O}", "changed", 0, "applied", 1, "pushed", "failed", "members",
		json_object_get(plan, "members"));
}

static int sign_and_publish(struct cli *c, const json_t *plan)
{
	const char *expect = cli_value(c, "expect-hash");
	struct draft d;
	struct snapshot s;
	json_t *doc;
	struct buf base = BUF_INIT;
	int code = draft_from_plan(c, plan, &d);

	if (code)
		return code;
	code = draft_sign(c, &d, &s);
	/* What was planned holds only as long as the base does. */
	if (!code && !expect && d.has_base) {
		(void)text_hex(&base, bytes_of(d.base.hash, sizeof(d.base.hash)));
		expect = buf_cstr(&base);
	}
	draft_deinit(&d);
	if (!code) {
		doc = json_loadb((const char *)s.raw.data, s.raw.len, 0, NULL);
		snapshot_deinit(&s);
		code = publish(c, doc, expect);
	}
	buf_deinit(&base);
	return code;
}

static int change(struct cli *c, json_t *take_params)
{
	json_t *plan;
	int code = rpc_call(c, "member.plan", take_params, 0, &plan);

	if (code)
		return code;
	if (cli_given(c, "dry-run"))
		return out_result(c, plan, CLI_OK, print_plan);
	if (json_is_false(json_object_get(plan, "changed"))) {
		json_t *r = unchanged(plan);

		json_decref(plan);
		return out_result(c, r, CLI_OK, print_published);
	}
	if (!cli_given(c, "admin-key") && !cli_given(c, "signer"))
		code = out_fail_reason(c, CLI_NOPERM, 1102, "admin_key_missing", "name its file: --admin-key @FILE",
			NULL, "signing needs the admin key");
	if (!code)
		code = check_clock(c, plan);
	if (!code)
		code = confirm(c, plan);
	if (!code)
		code = sign_and_publish(c, plan);
	json_decref(plan);
	return code;
}

static json_t *words(int n, char **v)
{
	json_t *a = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(a, json_string(v[i]));
	return a;
}

int cmd_member_add(struct cli *c)
{
	return change(c, json_pack("{s:o}", "add", words(c->argc, c->argv)));
}

/* Full ids from beginnings of ids, out of a list that the daemon has. */
static int expand(struct cli *c, const char *method, const char *list, json_t **ret)
{
	json_t *r, *full = json_array();
	int code = rpc_call(c, method, NULL, 0, &r);

	for (int k = 0; !code && k < c->argc; k++) {
		const char *found = NULL;
		const json_t *p;
		size_t i, hits = 0;

		json_array_foreach(json_object_get(r, list), i, p) {
			const char *id = out_text(p, "peer_id");

			if (strncmp(id, c->argv[k], strlen(c->argv[k])) == 0) {
				hits++;
				found = id;
			}
		}
		if (hits > 1)
			code = out_fail(c, CLI_USAGE, "write more of it", "'%s' begins %zu peer ids", c->argv[k], hits);
		else
			json_array_append_new(full, json_string(found ? found : c->argv[k]));
	}
	if (!code)
		json_decref(r);
	if (code)
		json_decref(full);
	else
		*ret = full;
	return code;
}

int cmd_member_approve(struct cli *c)
{
	json_t *ids;
	int code = expand(c, "member.pending", "pending", &ids);

	return code ? code : change(c, json_pack("{s:o}", "add", ids));
}

int cmd_member_remove(struct cli *c)
{
	json_t *ids;
	int code = expand(c, "member.list", "members", &ids);

	return code ? code : change(c, json_pack("{s:o}", "remove", ids));
}

/* One id a line; # begins a comment; a JSON array, or a snapshot's "members", is taken too. */
static int read_members(struct cli *c, const char *where, json_t **ret)
{
	struct buf text = BUF_WITH_MAX(LIST_BYTES_MAX);
	json_t *doc;
	char *line, *rest;
	int code = secret_read(c, "the list", where, SECRET_PLAIN, &text);

	if (code) {
		buf_deinit(&text);
		return code;
	}
	doc = json_loadb((const char *)text.data, text.len, 0, NULL);
	if (json_is_object(doc)) {
		json_t *members = json_incref(json_object_get(doc, "members"));

		json_decref(doc);
		doc = members;
	}
	if (!json_is_array(doc)) {
		json_decref(doc);
		doc = json_array();
		rest = (char *)(uintptr_t)buf_cstr(&text);
		while ((line = strsep(&rest, "\n"))) {
			struct bytes id;

			line[strcspn(line, "#")] = '\0';
			id = text_trim(bytes_str(line));
			if (id.len)
				json_array_append_new(doc, json_stringn((const char *)id.at, id.len));
		}
	}
	buf_deinit(&text);
	*ret = doc;
	return CLI_OK;
}

int cmd_member_set(struct cli *c)
{
	json_t *ids;
	int code = read_members(c, c->argv[0], &ids);

	return code ? code : change(c, json_pack("{s:o}", "set", ids));
}

static int rollback_to(struct cli *c, const char *which, json_t **ret_params)
{
	char *hash;
	int code = history_hash(c, which, &hash);

	if (code)
		return code;
	*ret_params = json_pack("{s:s}", "rollback", hash);
	free(hash);
	return 0;
}

int cmd_member_rollback(struct cli *c)
{
	json_t *params;
	int code = rollback_to(c, c->argv[0], &params);

	return code ? code : change(c, params);
}

int cmd_member_plan(struct cli *c)
{
	static const char *const lists[] = {"add", "remove"};
	json_t *params = json_object(), *ids, *plan;
	const char *v;
	struct draft d;
	struct buf text = BUF_INIT;
	int code = 0;

	for (int k = 0; k < 2; k++) {
		ids = json_array();
		for (int i = 0; (v = cli_value_at(c, lists[k], i)); i++)
			json_array_append_new(ids, json_string(v));
		if (json_array_size(ids))
			json_object_set(params, lists[k], ids);
		json_decref(ids);
	}
	if (cli_given(c, "set")) {
		code = read_members(c, cli_value(c, "set"), &ids);
		if (!code)
			json_object_set_new(params, "set", ids);
	}
	if (!code && cli_given(c, "rollback")) {
		json_decref(params);
		code = rollback_to(c, cli_value(c, "rollback"), &params);
	}
	if (!code)
		code = rpc_call(c, "member.plan", params, 0, &plan);
	if (code)
		return code;
	if (c->json || c->field)
		return out_result(c, plan, CLI_OK, NULL);
	/* The draft on standard output, ready for a file; the effect beside it for the eye. */
	show_plan(stderr, plan);
	code = draft_from_plan(c, plan, &d);
	if (!code) {
		(void)draft_print(&text, &d);
		fwrite(text.data, 1, text.len, stdout);
		draft_deinit(&d);
	}
	buf_deinit(&text);
	json_decref(plan);
	return code;
}
