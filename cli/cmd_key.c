/* SPDX-License-Identifier: Apache-2.0 */
/* key and keygen: keys on this machine, without daemon and network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/secret.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"

static json_t *identity(const struct key_public *k)
{
	struct peer_id id;
	char text[PEER_ID_TEXT_SIZE], cid[PEER_ID_CID_SIZE], pub[KEY_TEXT_SIZE];

	key_peer_id(k, &id);
	return json_pack("{s:s,s:s,s:s}", "peer_id", peer_id_text(&id, text), "peer_id_cid", peer_id_cid36(&id, cid),
		"public_key", key_public_text(k, pub));
}

static void print_identity(struct cli *c, json_t *r)
{
	(void)c;
	if (json_is_string(json_object_get(r, "file")))
		printf("File        %s\n", out_text(r, "file"));
	printf("Peer id     %s\nAs a CID    %s\nPublic key  %s\n", out_text(r, "peer_id"), out_text(r, "peer_id_cid"),
		out_text(r, "public_key"));
}

int cmd_key_generate(struct cli *c)
{
	const char *out = cli_value(c, "out");
	struct key_pair k;
	struct key_public pub;
	char text[KEY_TEXT_SIZE];
	json_t *r;
	int code = 0;

	key_generate(c->rng, &k);
	key_public_of(&k, &pub);
	key_private_text(&k, text);
	r = identity(&pub);
	if (out) {
		code = secret_create_line(c, out, text);
		json_object_set_new(r, "file", json_string(out));
	} else if (c->json) {
		json_object_set_new(r, "private_key", json_string(text));
	} else {
		printf("%s\n", text);
	}
	mem_wipe(text, sizeof(text));
	key_pair_deinit(&k);
	if (code || (!out && !c->json)) {
		json_decref(r);
		return code;
	}
	return out_result(c, r, CLI_OK, print_identity);
}

int cmd_key_show_id(struct cli *c)
{
	struct buf text = BUF_SECRET(16384);
	struct key_pair k;
	struct key_public pub;
	int code = secret_read(c, "the key", c->argv[0], SECRET_MARKED, &text);

	if (!code && key_private_parse_text(buf_bytes(&text), &k) == 0) {
		key_public_of(&k, &pub);
		key_pair_deinit(&k);
	} else if (!code && key_public_parse_text(buf_bytes(&text), &pub) != 0) {
		code = out_fail(c, CLI_DATAERR, "one line of base64", "%s is no Ed25519 key", c->argv[0]);
	}
	buf_deinit(&text);
	return code ? code : out_result(c, identity(&pub), CLI_OK, print_identity);
}

/* ---- keygen ---- */

/* KEY=VALUE lines of the original's scripted interface (p2pos.md section 10). */
struct lines {
	struct cli *c;
	const char *dir; /* NULL: standard output */
	json_t *all;     /* for --json */
	int code;
};

static void put_line(struct lines *l, const char *key, const char *value)
{
	char *path;

	if (l->code)
		return;
	if (l->dir) {
		path = secret_path(l->dir, key);
		l->code = secret_create_line(l->c, path, value);
		free(path);
	} else if (l->c->json) {
		json_object_set_new(l->all, key, json_string(value));
	} else {
		printf("%s=%s\n", key, value);
	}
}

static void put_identity(struct lines *l, const char *prefix, const struct key_pair *k)
{
	char name[64], text[KEY_TEXT_SIZE], id[PEER_ID_TEXT_SIZE], cid[PEER_ID_CID_SIZE];
	struct peer_id peer;

	key_pair_peer_id(k, &peer);
	snprintf(name, sizeof(name), "%s_PRIV_B64", prefix);
	put_line(l, name, key_private_text(k, text));
	mem_wipe(text, sizeof(text));
	snprintf(name, sizeof(name), "%s_PEER_ID", prefix);
	put_line(l, name, peer_id_text(&peer, id));
	snprintf(name, sizeof(name), "%s_PEER_CID36", prefix);
	put_line(l, name, peer_id_cid36(&peer, cid));
}

static void put_proof(struct lines *l, const struct admin_proof *p)
{
	char id[PEER_ID_TEXT_SIZE], at[RFC3339_SIZE], sig[96];

	put_line(l, "ADMIN_PROOF_CLUSTER_ID", p->cluster_id);
	put_line(l, "ADMIN_PROOF_PEER_ID", peer_id_text(&p->peer, id));
	put_line(l, "ADMIN_PROOF_ROLE", p->role);
	put_line(l, "ADMIN_PROOF_VALID_FROM", rfc3339_text(p->valid_from, at));
	put_line(l, "ADMIN_PROOF_VALID_TO", rfc3339_text(p->valid_to, at));
	put_line(l, "ADMIN_PROOF_SIG", key_signature_text(p->sig.at, sig));
}

static int set_valid_to(struct cli *c, const struct key_pair *system, struct admin_proof *p)
{
	const char *text = cli_value(c, "admin-valid-to");

	if (!text)
		return 0;
	if (rfc3339_parse(bytes_str(text), &p->valid_to) || admin_proof_sign(p, system))
		return out_fail(c, CLI_USAGE, "a time after now, like 2027-01-01T00:00:00Z",
			"--admin-valid-to: '%s' is no end for a proof", text);
	return 0;
}

static int put_new_system(struct lines *l)
{
	struct cli *c = l->c;
	const char *cluster = cli_value(c, "cluster-id");
	struct key_pair system, admin;
	struct key_public pub;
	struct admin_proof proof;
	char text[KEY_TEXT_SIZE];
	int code;

	key_generate(c->rng, &system);
	key_generate(c->rng, &admin);
	code = admin_make_proof(c, &system, &admin, cluster ? cluster : "default", NULL, &proof);
	if (!code)
		code = set_valid_to(c, &system, &proof);
	if (!code) {
		key_public_of(&system, &pub);
		put_line(l, "SYSTEM_PRIV_B64", key_private_text(&system, text));
		put_line(l, "SYSTEM_PUB_B64", key_public_text(&pub, text));
		put_identity(l, "ADMIN", &admin);
		put_proof(l, &proof);
	}
	mem_wipe(text, sizeof(text));
	key_pair_deinit(&system);
	key_pair_deinit(&admin);
	return code;
}

/* --node-priv is the one secret that may stand on the command line: the original's scripts do it.
 * @FILE and - spare the machine's other users the sight. */
static int node_key(struct cli *c, struct key_pair *ret)
{
	const char *given = cli_value(c, "node-priv");

	if (!given) {
		key_generate(c->rng, ret);
		return 0;
	}
	if (given[0] == '@' || strcmp(given, "-") == 0)
		return secret_read_key(c, "the node key", given, ret);
	if (key_private_parse_text(bytes_str(given), ret) == 0)
		return 0;
	return out_fail(c, CLI_DATAERR, "base64 of the libp2p form, as NODE_PRIV_B64 has it",
		"--node-priv: no Ed25519 private key");
}

int cmd_keygen(struct cli *c)
{
	struct lines l = {.c = c, .dir = cli_value(c, "out-dir"), .all = json_object()};
	struct key_pair node;
	int code = l.dir ? secret_mkdir(c, l.dir) : 0;

	if (!code)
		code = node_key(c, &node);
	if (!code) {
		put_identity(&l, "NODE", &node);
		key_pair_deinit(&node);
		if (cli_given(c, "new-system"))
			code = put_new_system(&l);
	}
	if (!code)
		code = l.code;
	if (!code && l.dir)
		json_object_set_new(l.all, "out", json_string(l.dir));
	if (!code && (c->json || c->field))
		return out_result(c, l.all, CLI_OK, NULL);
	json_decref(l.all);
	return code;
}
