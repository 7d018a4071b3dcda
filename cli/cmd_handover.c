/* SPDX-License-Identifier: Apache-2.0 */
/* admin import and admin rotate: an admin's secrets come from elsewhere, or give way to new ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/secret.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"
#include "proto/p2pos/tokens.h"

#define BUNDLE_FILE_MAX 16384

static void add_proof(json_t *r, const struct admin_proof *p)
{
	char id[PEER_ID_TEXT_SIZE], to[RFC3339_SIZE];

	json_object_set_new(r, "cluster_id", json_string(p->cluster_id));
	json_object_set_new(r, "peer_id", json_string(peer_id_text(&p->peer, id)));
	json_object_set_new(r, "valid_to", json_string(rfc3339_text(p->valid_to, to)));
}

static void print_files(const json_t *r)
{
	const json_t *f = json_object_get(r, "files");

	printf("Admin     %s\nCluster   %s\nValid to  %s\nFiles     %s\n          %s\n", out_text(r, "peer_id"),
		out_text(r, "cluster_id"), out_text(r, "valid_to"), out_text(f, "admin_key"), out_text(f, "admin_proof"));
}

static void print_imported(struct cli *c, json_t *r)
{
	(void)c;
	print_files(r);
	if (json_is_string(json_object_get(r, "bootstrap")))
		printf("Bootstrap %s\n", out_text(r, "bootstrap"));
	if (json_is_string(json_object_get(r, "system_pubkey")))
		printf("System    %s\n", out_text(r, "system_pubkey"));
}

int cmd_admin_import(struct cli *c)
{
	const char *dir = cli_value(c, "out");
	struct buf text = BUF_SECRET(BUNDLE_FILE_MAX);
	struct admin_bundle b = {0};
	char pub[KEY_TEXT_SIZE];
	json_t *r;
	int code;

	if (!dir)
		return out_fail(c, CLI_USAGE, c->command->examples[0], "admin import needs --out DIR");
	code = secret_read(c, "the bundle", c->argv[0], SECRET_MARKED, &text);
	if (!code && admin_bundle_parse(text_trim(buf_bytes(&text)), &b))
		code = out_fail(c, CLI_DATAERR, "it is the file that p2posctl init or admin bundle wrote",
			"%s is no bundle, or a damaged one", c->argv[0]);
	buf_deinit(&text);
	if (code)
		return code;
	r = json_pack("{s:b}", "changed", 1);
	add_proof(r, &b.proof);
	json_object_set_new(r, "bootstrap", b.bootstrap[0] ? json_string(b.bootstrap) : json_null());
	json_object_set_new(r, "system_pubkey", b.has_system ? json_string(key_public_text(&b.system, pub)) : json_null());
	code = admin_write_files(c, dir, &b.admin, &b.proof, r);
	admin_bundle_deinit(&b);
	if (code) {
		json_decref(r);
		return code;
	}
	return out_result(c, r, CLI_OK, print_imported);
}

static void print_rotated(struct cli *c, json_t *r)
{
	(void)c;
	print_files(r);
	printf("The old proof (%s) holds until %s: nodes take lists of both until then.\n"
	       "Sign the present list once with the new key, then destroy the old one:\n"
	       "  p2posctl member rollback 0 --admin-key @%s\n",
		out_text(r, "old_peer_id"), out_text(r, "old_valid_to"),
		out_text(json_object_get(r, "files"), "admin_key"));
}

/* A new key with a proof of its own, for the cluster of an old proof. */
int cmd_admin_rotate(struct cli *c)
{
	const char *dir = cli_value(c, "out"), *system_at = cli_value(c, "system-key");
	struct buf text = BUF_WITH_MAX(ADMIN_PROOF_BYTES_MAX + 64);
	struct admin_proof old, fresh;
	struct key_pair system, key;
	char id[PEER_ID_TEXT_SIZE], to[RFC3339_SIZE];
	json_t *r;
	int code;

	if (!dir || !system_at)
		return out_fail(c, CLI_USAGE, c->command->examples[0], "admin rotate needs --system-key @FILE and --out DIR");
	code = secret_read(c, "the old proof", c->argv[0], SECRET_PLAIN, &text);
	if (!code && admin_proof_parse(text_trim(buf_bytes(&text)), &old))
		code = out_fail(c, CLI_DATAERR, "it is the JSON in admin.proof", "%s is no admin proof", c->argv[0]);
	buf_deinit(&text);
	if (!code)
		code = secret_read_key(c, "the system key", system_at, &system);
	if (code)
		return code;
	key_generate(c->rng, &key);
	code = admin_make_proof(c, &system, &key, old.cluster_id, cli_value(c, "valid"), &fresh);
	r = json_pack("{s:b,s:s,s:s}", "changed", 1, "old_peer_id", peer_id_text(&old.peer, id), "old_valid_to",
		rfc3339_text(old.valid_to, to));
	if (!code) {
		add_proof(r, &fresh);
		code = admin_write_files(c, dir, &key, &fresh, r);
	}
	key_pair_deinit(&system);
	key_pair_deinit(&key);
	if (code) {
		json_decref(r);
		return code;
	}
	return out_result(c, r, CLI_OK, print_rotated);
}
