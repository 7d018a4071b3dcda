/* SPDX-License-Identifier: Apache-2.0 */
/* member diff and member sign: review and signature of a draft, on any machine (p2pos.md section 10,
 * features.md N-01). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/history.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "cli/sign.h"
#include "cli/signer.h"
#include "proto/base/mem.h"

#define CLOCK_BEHIND_MS_MAX 300000 /* of the base snapshot; beyond, the clock here is wrong */

static int parse_draft(struct cli *c, const char *name, struct bytes text, struct draft *ret)
{
	enum draft_reason why;
	size_t index = 0;

	if (draft_parse(text, ret, &why, &index) == 0)
		return 0;
	return out_fail_reason(c, CLI_DATAERR, 1105, "snapshot_rejected", "p2posctl member plan makes a fresh one",
		json_pack("{s:s,s:I}", "detail", draft_reason_name(why), "index", (json_int_t)index),
		"%s is no usable draft: %s", name, draft_reason_text(why));
}

int draft_read(struct cli *c, const char *where, struct draft *ret)
{
	struct buf text = BUF_WITH_MAX(DRAFT_BYTES_MAX);
	int code = secret_read(c, "the draft", where, SECRET_PLAIN, &text);

	if (!code)
		code = parse_draft(c, where, buf_bytes(&text), ret);
	buf_deinit(&text);
	return code;
}

int draft_from_plan(struct cli *c, const json_t *plan, struct draft *ret)
{
	char *text = json_dumps(json_object_get(plan, "draft"), JSON_COMPACT);
	int code = text ? parse_draft(c, "the plan", bytes_str(text), ret)
			: out_fail(c, CLI_PROTOCOL, NULL, "the daemon gave no draft");

	free(text);
	return code;
}

/* Later than the base, so that it prevails; and not by a clock that is plainly wrong. */
static int choose_time(struct cli *c, const struct draft *d, wall_t *ret)
{
	wall_t now = cli_now();
	int64_t behind = d->has_base ? wall_diff_ms(d->base.issued_at, now) : 0;

	if (behind > CLOCK_BEHIND_MS_MAX)
		return out_fail(c, CLI_FAILED, "set the clock of this machine right, then sign again",
			"this machine's clock is %lld s behind the snapshot that the draft starts from",
			(long long)(behind / 1000));
	*ret = d->has_base && wall_cmp(now, d->base.issued_at) <= 0 ? wall_add_ns(d->base.issued_at, 1) : now;
	return 0;
}

static int refuse_draft(struct cli *c, enum snapshot_reason why)
{
	return out_fail_reason(c, CLI_DATAERR, 1105, "snapshot_rejected", NULL,
		json_pack("{s:s}", "detail", snapshot_reason_name(why)), "cannot sign: %s", snapshot_reason_text(why));
}

/* The key is elsewhere: the signer gets the text, and what it gives must be the proof's admin's. */
static int sign_elsewhere(struct cli *c, const struct draft *d, const struct admin_proof *proof, wall_t at,
	struct snapshot *ret)
{
	uint8_t sig[KEY_SIGNATURE_BYTES];
	struct buf text = BUF_INIT;
	enum snapshot_reason why;
	int code;

	if (snapshot_prepare(ret, d->cluster_id, at, &d->members, proof, &proof->peer, &why))
		return refuse_draft(c, why);
	(void)snapshot_signed_text(&text, ret); /* no limit of its own */
	code = signer_run(c, cli_value(c, "signer"), buf_bytes(&text), sig);
	if (!code && snapshot_seal(ret, sig))
		code = out_fail(c, CLI_DATAERR, "the signer has to use the key whose peer id the proof names, on exactly that text",
			"the signature is not that of the admin");
	buf_deinit(&text);
	if (code)
		snapshot_deinit(ret);
	return code;
}

int draft_sign(struct cli *c, const struct draft *d, struct snapshot *ret)
{
	const struct admin_proof *fallback = d->has_snapshot ? &d->snapshot.proof : NULL;
	bool elsewhere = cli_given(c, "signer");
	enum snapshot_reason why;
	struct admin a;
	wall_t at;
	int code;

	if (elsewhere && cli_given(c, "admin-key"))
		return out_fail(c, CLI_USAGE, "the one or the other", "--signer and --admin-key do not go together");
	code = elsewhere ? admin_read_proof(c, fallback, &a) : admin_read(c, fallback, &a);

	if (code)
		return code;
	code = choose_time(c, d, &at);
	if (!code && !peer_id_is_none(&d->issuer) && !peer_id_eq(&d->issuer, &a.proof.peer))
		code = out_fail(c, CLI_DATAERR, "take the key of the admin that the draft names",
			"the draft is to be signed by another admin");
	if (!code && admin_proof_period(&a.proof, at, 0) != ADMIN_PROOF_OK)
		code = out_fail_reason(c, CLI_DATAERR, 1103, "admin_proof_invalid",
			"p2posctl admin proof renew makes a new one from the system key",
			json_pack("{s:s}", "detail",
				admin_proof_period(&a.proof, at, 0) == ADMIN_PROOF_EXPIRED ? "expired" : "not_yet_valid"),
			"the admin proof is not valid now");
	if (!code && elsewhere)
		code = sign_elsewhere(c, d, &a.proof, at, ret);
	else if (!code && snapshot_build(ret, d->cluster_id, at, &d->members, &a.proof, &a.key, &why))
		code = refuse_draft(c, why);
	admin_deinit(&a);
	return code;
}

int cmd_member_sign(struct cli *c)
{
	struct draft d;
	struct snapshot s;
	int code = draft_read(c, c->argv[0], &d);

	if (code)
		return code;
	code = draft_sign(c, &d, &s);
	draft_deinit(&d);
	if (code)
		return code;
	/* The document itself, also with --json: it is what `member publish` takes. */
	printf("%s\n", buf_cstr(&s.raw));
	snapshot_deinit(&s);
	return CLI_OK;
}

/* ---- diff ---- */

static json_t *ids_of(const struct member_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->count; i++) {
		char text[PEER_ID_TEXT_SIZE];

		json_array_append_new(a, json_string(peer_id_text(&l->peers[i], text)));
	}
	return a;
}

static void print_diff(struct cli *c, json_t *r)
{
	const json_t *v;
	size_t i;

	(void)c;
	json_array_foreach(json_object_get(r, "added"), i, v)
		printf("  + %s\n", json_string_value(v));
	json_array_foreach(json_object_get(r, "removed"), i, v)
		printf("  - %s\n", json_string_value(v));
	printf("Members %lld -> %lld, quorum %lld -> %lld\n",
		(long long)json_integer_value(json_object_get(json_object_get(r, "members"), "before")),
		(long long)json_integer_value(json_object_get(json_object_get(r, "members"), "after")),
		(long long)json_integer_value(json_object_get(json_object_get(r, "quorum"), "before")),
		(long long)json_integer_value(json_object_get(json_object_get(r, "quorum"), "after")));
}

static int show_diff(struct cli *c, struct member_diff *diff)
{
	json_t *r = json_pack("{s:b,s:o,s:o,s:{s:I,s:I},s:{s:I,s:I}}", "changed",
		diff->added.count + diff->removed.count > 0, "added", ids_of(&diff->added), "removed",
		ids_of(&diff->removed), "members", "before", (json_int_t)diff->before, "after",
		(json_int_t)diff->after, "quorum", "before", (json_int_t)diff->quorum_before, "after",
		(json_int_t)diff->quorum_after);

	member_diff_deinit(diff);
	return out_result(c, r, CLI_OK, print_diff);
}

static int diff_draft(struct cli *c, const char *where)
{
	struct member_diff diff;
	struct draft d;
	int code = draft_read(c, where, &d);

	if (code)
		return code;
	if (draft_diff(&d, &diff)) {
		draft_deinit(&d);
		return out_fail(c, CLI_DATAERR, "p2posctl member plan makes one that carries it",
			"the draft does not carry the snapshot that it starts from");
	}
	draft_deinit(&d);
	return show_diff(c, &diff);
}

/* A snapshot of the history. */
static int fetch(struct cli *c, const char *which, struct snapshot *ret)
{
	char *hash = NULL, *text;
	json_t *r = NULL;
	int code = history_hash(c, which, &hash);

	if (!code)
		code = rpc_call(c, "member.export", json_pack("{s:s}", "hash", hash), 0, &r);
	free(hash);
	if (code)
		return code;
	text = json_dumps(json_object_get(r, "snapshot"), JSON_COMPACT);
	if (!text || snapshot_parse(bytes_str(text), ret, NULL))
		code = out_fail(c, CLI_PROTOCOL, NULL, "the daemon gave no snapshot");
	free(text);
	json_decref(r);
	return code;
}

static int diff_history(struct cli *c, const char *from, const char *to)
{
	struct snapshot a, b;
	struct member_list after;
	struct member_diff diff;
	int code = fetch(c, from, &a);

	if (code)
		return code;
	code = fetch(c, to, &b);
	if (!code) {
		member_list_from_snapshot(&after, &b, NULL);
		member_diff_make(&a, &after, &diff);
		member_list_deinit(&after);
		snapshot_deinit(&b);
		code = show_diff(c, &diff);
	}
	snapshot_deinit(&a);
	return code;
}

int cmd_member_diff(struct cli *c)
{
	const char *first = c->argc ? c->argv[0] : "1";
	bool is_file = first[0] == '@' || strcmp(first, "-") == 0 || access(first, R_OK) == 0;

	if (c->argc == 1 && is_file)
		return diff_draft(c, first);
	return diff_history(c, first, c->argc > 1 ? c->argv[1] : "0");
}
