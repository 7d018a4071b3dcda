/* SPDX-License-Identifier: Apache-2.0 */
/* admin: who may issue snapshots, and until when. Needs keys, not the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/secret.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/p2pos/tokens.h"

static json_t *proof_json(const struct admin_proof *p)
{
	char id[PEER_ID_TEXT_SIZE], from[RFC3339_SIZE], to[RFC3339_SIZE];

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "cluster_id", p->cluster_id, "peer_id",
		peer_id_text(&p->peer, id), "role", p->role, "valid_from", rfc3339_text(p->valid_from, from),
		"valid_to", rfc3339_text(p->valid_to, to), "days_left",
		(json_int_t)(wall_diff_ms(p->valid_to, cli_now()) / 86400000));
}

static void print_proof(struct cli *c, json_t *r)
{
	const json_t *p = json_object_get(r, "proof");

	(void)c;
	printf("Admin     %s\nCluster   %s\nValid     %s to %s (%lld days left)\n", out_text(p, "peer_id"),
		out_text(p, "cluster_id"), out_text(p, "valid_from"), out_text(p, "valid_to"),
		(long long)json_integer_value(json_object_get(p, "days_left")));
	if (json_object_get(r, "valid"))
		printf("%s\n", json_is_true(json_object_get(r, "valid")) ? "valid" : out_text(r, "message"));
	if (json_object_get(r, "files"))
		printf("Files     %s\n          %s\n", out_text(json_object_get(r, "files"), "admin_key"),
			out_text(json_object_get(r, "files"), "admin_proof"));
}

static int read_system_key(struct cli *c, struct key_pair *ret)
{
	const char *where = cli_value(c, "system-key");

	if (!where)
		return out_fail(c, CLI_NOPERM, "name its file: --system-key @FILE", "this needs the system key");
	return secret_read_key(c, "the system key", where, ret);
}

static int write_admin(struct cli *c, const char *dir, const struct key_pair *key,
	const struct admin_proof *proof)
{
	json_t *r = json_pack("{s:b,s:o}", "changed", 1, "proof", proof_json(proof));
	int code = admin_write_files(c, dir, key, proof, r);

	if (!code)
		return out_result(c, r, CLI_OK, print_proof);
	json_decref(r);
	return code;
}

int cmd_admin_new(struct cli *c)
{
	const char *cluster = cli_value(c, "cluster"), *out = cli_value(c, "out");
	struct key_pair system, admin;
	struct admin_proof proof;
	int code;

	if (!cluster || !out)
		return out_fail(c, CLI_USAGE, c->command->examples[0], "admin new needs --cluster ID and --out DIR");
	code = read_system_key(c, &system);
	if (code)
		return code;
	key_generate(c->rng, &admin);
	code = admin_make_proof(c, &system, &admin, cluster, cli_value(c, "valid"), &proof);
	if (!code)
		code = write_admin(c, out, &admin, &proof);
	key_pair_deinit(&system);
	key_pair_deinit(&admin);
	return code;
}

/* ---- proof ---- */

static int load_proof(struct cli *c, const char *where, struct admin_proof *ret)
{
	struct buf text = BUF_WITH_MAX(ADMIN_PROOF_BYTES_MAX + 64);
	int code = secret_read(c, "the proof", where, SECRET_PLAIN, &text);

	if (!code && admin_proof_parse(text_trim(buf_bytes(&text)), ret))
		code = out_fail(c, CLI_DATAERR, "it is the JSON in admin.proof", "%s is no admin proof", where);
	buf_deinit(&text);
	return code;
}

static int verify_proof(struct cli *c, const struct admin_proof *p)
{
	const char *text = cli_value(c, "system-pubkey");
	struct key_public system;
	enum admin_proof_reason why;
	struct admin_proof_rules rules = {.cluster_id = p->cluster_id, .peer = &p->peer, .system = &system,
		.at = cli_now()};
	json_t *r;
	int err;

	if (!text || key_public_parse_text(bytes_str(text), &system))
		return out_fail(c, CLI_USAGE, "it is system_pubkey of the configuration",
			"admin proof verify needs --system-pubkey KEY");
	err = admin_proof_check(p, &rules, &why);
	r = json_pack("{s:b,s:o}", "valid", err == 0, "proof", proof_json(p));
	if (err) {
		json_object_set_new(r, "detail", json_string(admin_proof_reason_name(why)));
		json_object_set_new(r, "message", json_string(admin_proof_reason_text(why)));
	}
	return out_result(c, r, err ? CLI_DATAERR : CLI_OK, print_proof);
}

/* The fresh proof on standard output: it is what goes into the file. */
static int renew_proof(struct cli *c, const struct admin_proof *old)
{
	const char *valid = cli_value(c, "valid");
	struct key_pair system;
	struct admin_proof p = *old;
	struct buf json = BUF_INIT;
	wall_t now = cli_now();
	int64_t ms;
	int code;

	if (cli_duration_ms(valid ? valid : "365d", &ms))
		return out_fail(c, CLI_USAGE, "write it like 365d", "--valid: '%s' is no duration", valid);
	code = read_system_key(c, &system);
	if (code)
		return code;
	now.nsec = 0;
	p.valid_from = wall_cmp(old->valid_from, now) < 0 ? old->valid_from : now;
	p.valid_to = wall_add_sec(now, ms / 1000);
	if (admin_proof_sign(&p, &system))
		code = out_fail(c, CLI_DATAERR, NULL, "this proof cannot be renewed");
	key_pair_deinit(&system);
	if (!code) {
		(void)admin_proof_print(&json, &p);
		printf("%s\n", buf_cstr(&json));
	}
	buf_deinit(&json);
	return code;
}

int cmd_admin_proof(struct cli *c)
{
	const char *what = c->argv[0];
	struct admin_proof p;
	int code;

	if (strcmp(what, "show") != 0 && strcmp(what, "verify") != 0 && strcmp(what, "renew") != 0)
		return out_fail(c, CLI_USAGE, "show, verify or renew", "admin proof: '%s' is not what it does", what);
	if (c->argc < 2)
		return out_fail(c, CLI_USAGE, c->command->examples[0], "admin proof %s needs @FILE", what);
	code = load_proof(c, c->argv[1], &p);
	if (code)
		return code;
	if (strcmp(what, "verify") == 0)
		return verify_proof(c, &p);
	if (strcmp(what, "renew") == 0)
		return renew_proof(c, &p);
	return out_result(c, json_pack("{s:o}", "proof", proof_json(&p)), CLI_OK, print_proof);
}

/* ---- bundle ---- */

static void print_bundle(struct cli *c, json_t *r)
{
	(void)c;
	if (json_object_get(r, "bundle"))
		printf("%s\n", out_text(r, "bundle"));
	else
		printf("File      %s\n", out_text(r, "file"));
}

static int fill_bundle(struct cli *c, struct admin_bundle *b)
{
	const char *bootstrap = cli_value(c, "bootstrap"), *pub = cli_value(c, "system-pubkey");
	struct admin a;
	int code = admin_read(c, NULL, &a);

	if (code)
		return code;
	b->admin = a.key;
	b->proof = a.proof;
	text_copy(b->cluster_id, sizeof(b->cluster_id), bytes_str(a.proof.cluster_id));
	admin_deinit(&a);
	if (bootstrap && !bootstrap_is_valid(bytes_str(bootstrap)))
		return out_fail(c, CLI_USAGE, "a domain or a multiaddr", "--bootstrap: '%s' is neither", bootstrap);
	text_copy(b->bootstrap, sizeof(b->bootstrap), bytes_str(bootstrap ? bootstrap : ""));
	b->has_system = pub != NULL;
	if (pub && key_public_parse_text(bytes_str(pub), &b->system))
		return out_fail(c, CLI_USAGE, NULL, "--system-pubkey: no Ed25519 public key");
	return 0;
}

int cmd_admin_bundle(struct cli *c)
{
	const char *out = cli_value(c, "out");
	struct buf text = BUF_SECRET(0);
	struct admin_bundle b = {0};
	json_t *r;
	int code;

	if (!out && !cli_given(c, "show-bundle"))
		return out_fail(c, CLI_USAGE, c->command->examples[0],
			"the bundle is a secret: say --out FILE, or --show-bundle");
	code = fill_bundle(c, &b);
	if (!code && admin_bundle_print(&text, &b))
		code = out_fail(c, CLI_DATAERR, NULL, "key and proof do not belong together");
	if (!code && out)
		code = secret_write_line(c, out, buf_cstr(&text));
	if (!code) {
		r = out ? json_pack("{s:s}", "file", out) : json_object();
		if (cli_given(c, "show-bundle"))
			json_object_set_new(r, "bundle", json_string(buf_cstr(&text)));
		code = out_result(c, r, CLI_OK, print_bundle);
	}
	admin_bundle_deinit(&b);
	buf_deinit(&text);
	return code;
}
