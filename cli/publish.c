/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/publish.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/dialer.h"
#include "cli/secret.h"
#include "proto/base/err.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/multi/maddr.h"
#include "proto/p2pos/exchange.h"
#include "proto/p2pos/protocols.h"

struct publication {
	struct cli *c;
	const struct snapshot *s;
	struct key_pair identity; /* the admin's, else one for this run alone */
	json_t *pushed, *failed;
	bool applied, changed;
	int code;                 /* of the last failure */
	char error[EXCHANGE_ERROR_SIZE + 64];
};

static void failed(struct publication *p, const char *to, int code, const char *reason, const char *error)
{
	struct maddr m;
	struct peer_id id;
	char text[PEER_ID_TEXT_SIZE];
	bool named = maddr_parse(bytes_str(to), &m) == 0 && maddr_split_peer(&m, &id);

	p->code = code;
	snprintf(p->error, sizeof(p->error), "%s", error);
	json_array_append_new(p->failed, json_pack("{s:o,s:s,s:s,s:s}", "peer_id",
		named ? json_string(peer_id_text(&id, text)) : json_null(), "address", to, "reason", reason, "error", error));
}

static int exit_of(int err)
{
	switch (err) {
	case P2P_ERR_INVALID:
	case P2P_ERR_UNSUPPORTED: return CLI_USAGE;
	case P2P_ERR_MISMATCH:
	case P2P_ERR_PROTOCOL: return CLI_PROTOCOL;
	case P2P_ERR_TIMEOUT: return CLI_TEMPFAIL;
	default: return CLI_UNAVAILABLE;
	}
}

/* Does the node hold the snapshot that the change starts from? */
static bool holds_expected(struct publication *p, const char *to, const char *expected)
{
	struct buf answer = BUF_WITH_MAX(SNAPSHOT_BYTES_MAX + 4096), hash = BUF_INIT;
	struct pull_answer a;
	const char *why;
	int err = dialer_ask(p->c, to, &p->identity, PROTOCOL_MEMBERSHIP, BYTES_NONE, &answer, &why);
	bool same = false;

	if (err) {
		failed(p, to, exit_of(err), err_name(err), why);
	} else if (pull_answer_parse(buf_bytes(&answer), &a, NULL)) {
		failed(p, to, CLI_PROTOCOL, "protocol", "its answer is no snapshot");
	} else {
		if (a.has_snapshot)
			(void)text_hex(&hash, bytes_of(a.snapshot.hash, sizeof(a.snapshot.hash)));
		same = strcasecmp(expected, buf_cstr(&hash)) == 0;
		if (!same)
			failed(p, to, CLI_FAILED, "snapshot_stale", "its current snapshot is another than the one expected");
		pull_answer_deinit(&a);
	}
	buf_deinit(&answer);
	buf_deinit(&hash);
	return same;
}

static void push_to(struct publication *p, const char *to)
{
	struct buf question = BUF_INIT, answer = BUF_WITH_MAX(4096);
	struct push_answer a = {0};
	struct maddr m;
	struct peer_id id;
	char text[PEER_ID_TEXT_SIZE];
	const char *why;
	int err;

	(void)push_request_print(&question, p->s); /* no limit of its own */
	err = dialer_ask(p->c, to, &p->identity, PROTOCOL_MEMBERSHIP_PUSH, buf_bytes(&question), &answer, &why);
	if (err)
		failed(p, to, exit_of(err), err_name(err), why);
	else if (push_answer_parse(buf_bytes(&answer), &a))
		failed(p, to, CLI_PROTOCOL, "protocol", "its answer is none");
	else if (!a.applied)
		failed(p, to, CLI_DATAERR, "refused", a.error);
	buf_deinit(&question);
	buf_deinit(&answer);
	if (err || !a.applied)
		return;
	p->applied = true;
	p->changed = p->changed || strcmp(a.result, PUSH_RESULT_UNCHANGED) != 0;
	if (maddr_parse(bytes_str(to), &m) == 0 && maddr_split_peer(&m, &id))
		json_array_append_new(p->pushed, json_pack("{s:s,s:b}", "peer_id", peer_id_text(&id, text), "applied", 1));
}

static json_t *snapinfo(const struct snapshot *s)
{
	char at[RFC3339_SIZE], id[PEER_ID_TEXT_SIZE];
	struct buf hash = BUF_INIT;
	json_t *info;

	(void)text_hex(&hash, bytes_of(s->hash, sizeof(s->hash)));
	info = json_pack("{s:s,s:s,s:I,s:s,s:n}", "issued_at", rfc3339_text(s->issued_at, at), "issuer_peer_id",
		peer_id_text(&s->issuer, id), "members", (json_int_t)s->member_count, "hash", buf_cstr(&hash), "source");
	buf_deinit(&hash);
	return info;
}

static int choose_identity(struct cli *c, struct publication *p)
{
	if (cli_given(c, "admin-key"))
		return secret_read_key(c, "the admin key", cli_value(c, "admin-key"), &p->identity);
	if (cli_given(c, "expect-hash"))
		return out_fail(c, CLI_USAGE, "name the admin's key too: --admin-key @FILE",
			"only an admin may ask a node which snapshot it holds");
	key_generate(c->rng, &p->identity);
	return 0;
}

int publish_straight(struct cli *c, struct bytes text, out_printer *print)
{
	struct publication p = {.c = c, .pushed = json_array(), .failed = json_array()};
	const char *to, *expected = cli_value(c, "expect-hash");
	enum snapshot_reason why;
	struct snapshot s;
	json_t *r = NULL;
	int code;

	if (snapshot_parse(text_trim(text), &s, &why)) {
		json_decref(p.pushed);
		json_decref(p.failed);
		return out_fail_reason(c, CLI_DATAERR, 1105, "snapshot_rejected", "p2posctl member sign makes one",
			json_pack("{s:s}", "detail", snapshot_reason_name(why)), "that is no signed snapshot: %s",
			snapshot_reason_text(why));
	}
	p.s = &s;
	code = choose_identity(c, &p);
	for (int i = 0; !code && (to = cli_value_at(c, "to", i)); i++)
		if (!expected || holds_expected(&p, to, expected))
			push_to(&p, to);
	key_pair_deinit(&p.identity);
	if (!code)
		r = json_pack("{s:b,s:b,s:o,s:O,s:O}", "changed", p.changed, "applied", p.applied, "snapshot", snapinfo(&s),
			"pushed", p.pushed, "failed", p.failed);
	snapshot_deinit(&s);
	if (!code && !p.applied) {
		json_decref(r);
		code = out_fail_reason(c, p.code, 0, "publish_failed", "p2posctl member verify says what a snapshot breaks; is the address right?",
			json_pack("{s:O}", "failed", p.failed), "no node took it: %s", p.error);
		r = NULL;
	}
	json_decref(p.pushed);
	json_decref(p.failed);
	return r ? out_result(c, r, CLI_OK, print) : code;
}
