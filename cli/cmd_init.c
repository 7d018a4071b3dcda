/* SPDX-License-Identifier: Apache-2.0 */
/* init: from nothing to a node that will be healthy at its first start (p2pos.md section 10).
 *
 * Order matters: secrets first, then the node's key, then the first snapshot, the configuration
 * last. A run that was cut short is finished by running it again, with the keys that are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/secret.h"
#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/p2pos/snapshot.h"
#include "proto/p2pos/tokens.h"

/* All that a new cluster has. */
struct founding {
	const char *cluster_id;
	struct place place;
	char *out; /* directory of the secret files */
	struct key_pair system, admin, node;
	struct admin_proof proof;
	struct key_public system_pub;
	struct peer_id node_id;
	bool fresh; /* something was made */
};

static void print_init(struct cli *c, json_t *r)
{
	json_t *files = json_object_get(r, "files");
	size_t i;
	json_t *line;

	(void)c;
	printf("Cluster   %s\n", out_text(json_object_get(r, "cluster"), "id"));
	printf("Node      %s\n", out_text(json_object_get(r, "node"), "peer_id"));
	printf("Secrets   %s\n          %s\n", out_text(files, "system_key"), out_text(files, "admin_key"));
	printf("          Move system.key off this machine: whoever has it owns the cluster.\n");
	printf("Config    %s\n\n", out_text(files, "config"));
	printf("Let other servers join with this string (it holds no secret):\n  p2posctl join '%s'\n",
		out_text(r, "join"));
	if (json_array_size(json_object_get(r, "dns")))
		printf("\nDNS records for your domain, one TXT record each:\n");
	json_array_foreach(json_object_get(r, "dns"), i, line)
		printf("  %s\n", json_string_value(line));
	if (json_object_get(r, "bundle"))
		printf("\nWeb Admin bundle (a secret):\n  %s\n", out_text(r, "bundle"));
}

/* The key in a file, or a fresh one written there. */
static int key_in_file(struct cli *c, const char *path, struct key_pair *ret, bool *fresh)
{
	struct buf text = BUF_SECRET(16384);
	char line[KEY_TEXT_SIZE];
	int err = file_read_nofollow(path, &text, NULL), code = 0;

	if (err == 0 && key_private_parse_text(buf_bytes(&text), ret) != 0)
		code = out_fail(c, CLI_DATAERR, "move it away, or name another directory: --out DIR",
			"%s is there, but it is no Ed25519 private key", path);
	else if (err && err != P2P_ERR_NOT_FOUND)
		code = out_fail(c, CLI_NOPERM, NULL, "cannot read %s: %s", path, err_text(err));
	buf_deinit(&text);
	if (code || err == 0)
		return code;
	key_generate(c->rng, ret);
	*fresh = true;
	code = secret_write_line(c, path, key_private_text(ret, line));
	mem_wipe(line, sizeof(line));
	return code;
}

static char *default_out(const struct founding *f)
{
	char name[96];
	const char *home = getenv("HOME");

	if (!f->place.is_system)
		return secret_path(f->place.dir, "admin");
	snprintf(name, sizeof(name), "p2pos-%.64s", f->cluster_id);
	return secret_path(home && *home ? home : "/root", name);
}

static int make_keys(struct cli *c, struct founding *f)
{
	char *system = secret_path(f->out, "system.key"), *admin = secret_path(f->out, "admin.key");
	int code = secret_mkdir(c, f->out);

	if (!code)
		code = key_in_file(c, system, &f->system, &f->fresh);
	if (!code)
		code = key_in_file(c, admin, &f->admin, &f->fresh);
	if (!code)
		code = place_node_key(c, &f->place, &f->node);
	free(system);
	free(admin);
	key_public_of(&f->system, &f->system_pub);
	key_pair_peer_id(&f->node, &f->node_id);
	return code;
}

static int write_proof(struct cli *c, struct founding *f)
{
	char *path = secret_path(f->out, "admin.proof");
	struct buf text = BUF_INIT;
	int code = admin_make_proof(c, &f->system, &f->admin, f->cluster_id, cli_value(c, "admin-valid"),
		&f->proof);

	if (!code) {
		(void)admin_proof_print(&text, &f->proof);
		code = secret_write_line(c, path, buf_cstr(&text));
	}
	buf_deinit(&text);
	free(path);
	return code;
}

static int write_first_snapshot(struct cli *c, struct founding *f)
{
	struct member_list members = {0};
	struct snapshot s;
	enum snapshot_reason why;
	int code;

	(void)member_list_add(&members, &f->node_id);
	if (snapshot_build(&s, f->cluster_id, cli_now(), &members, &f->proof, &f->admin, &why)) {
		member_list_deinit(&members);
		return out_fail(c, CLI_SOFTWARE, NULL, "cannot sign the first snapshot: %s",
			snapshot_reason_text(why));
	}
	code = secret_write(c, f->place.first_snapshot, buf_bytes(&s.raw));
	if (!code)
		code = place_hand_over(c, &f->place, f->place.first_snapshot);
	snapshot_deinit(&s);
	member_list_deinit(&members);
	return code;
}

static json_t *new_config(const struct founding *f, const char *dns)
{
	char key[KEY_TEXT_SIZE];
	json_t *entries = json_array();

	if (dns)
		json_array_append_new(entries, json_pack("{s:s,s:s}", "type", "dns", "address", dns));
	return json_pack("{s:s,s:s,s:o}", "cluster_id", f->cluster_id, "system_pubkey",
		key_public_text(&f->system_pub, key), "init_connections", entries);
}

static int write_config(struct cli *c, struct founding *f)
{
	json_t *config = new_config(f, cli_value(c, "dns"));
	int code = place_add_addresses(c, config);

	if (code) {
		json_decref(config);
		return code;
	}
	return place_write_config(c, &f->place, config);
}

/* Is the configuration that is there already the one this run would make? */
static int check_existing(struct cli *c, struct founding *f, bool *ret_done)
{
	json_t *config;
	char key[KEY_TEXT_SIZE];
	bool same;
	int code = place_read_config(c, &f->place, &config);

	*ret_done = false;
	if (code || !config)
		return code;
	if (strcmp(out_text(config, "system_pubkey"), "-") == 0) {
		/* A file of defaults, as p2posd writes one when there is none. */
		json_decref(config);
		return 0;
	}
	same = strcmp(out_text(config, "cluster_id"), f->cluster_id) == 0;
	if (same)
		code = make_keys(c, f);
	same = same && !code &&
	       strcmp(out_text(config, "system_pubkey"), key_public_text(&f->system_pub, key)) == 0;
	json_decref(config);
	if (code)
		return code;
	*ret_done = same;
	return same ? 0 : out_fail(c, CLI_CANTCREAT, "nothing was changed; move it away to start over",
		"%s belongs to a node of another cluster already", f->place.config);
}

static int make_bundle(struct cli *c, struct founding *f, const json_t *reachable, json_t *result)
{
	char *path = secret_path(f->out, "admin.bundle");
	struct buf text = BUF_SECRET(0);
	const char *dns = cli_value(c, "dns");
	struct admin_bundle b = {.admin = f->admin, .proof = f->proof, .has_system = true,
		.system = f->system_pub};
	int code = 0;

	text_copy(b.cluster_id, sizeof(b.cluster_id), bytes_str(f->cluster_id));
	text_copy(b.bootstrap, sizeof(b.bootstrap),
		bytes_str(dns ? dns : json_string_value(json_array_get(reachable, 0))));
	if (admin_bundle_print(&text, &b) == 0)
		code = secret_write_line(c, path, buf_cstr(&text));
	if (!code && cli_given(c, "show-bundle"))
		json_object_set_new(result, "bundle", json_string(buf_cstr(&text)));
	json_object_set_new(json_object_get(result, "files"), "bundle", json_string(path));
	admin_bundle_deinit(&b);
	buf_deinit(&text);
	free(path);
	return code;
}

static void add_dns(json_t *result, const char *dns, const json_t *reachable)
{
	json_t *lines = json_array();
	size_t i;
	const json_t *addr;

	json_array_foreach(reachable, i, addr) {
		if (dns)
			json_array_append_new(lines, json_sprintf("_dnsaddr.%s. IN TXT \"dnsaddr=%s\"", dns,
				json_string_value(addr)));
	}
	json_object_set_new(result, "dns", lines);
}

static int report(struct cli *c, struct founding *f, bool changed)
{
	struct join_token token = {.system = f->system_pub};
	char id[PEER_ID_TEXT_SIZE], key[KEY_TEXT_SIZE];
	json_t *reachable = json_array(), *result, *addr;
	struct buf text = BUF_INIT;
	const char *dns = cli_value(c, "dns");
	int64_t ms;
	size_t i;
	int code;

	text_copy(token.cluster_id, sizeof(token.cluster_id), bytes_str(f->cluster_id));
	if (cli_given(c, "join-valid") && cli_duration_ms(cli_value(c, "join-valid"), &ms) == 0)
		token.expires = wall_add_sec((wall_t){cli_now().sec, 0}, ms / 1000);
	(void)place_reachable(c, &f->node_id, reachable);
	if (dns)
		(void)join_token_add_bootstrap(&token, bytes_str(dns));
	json_array_foreach(reachable, i, addr)
		(void)join_token_add_bootstrap(&token, bytes_str(json_string_value(addr)));
	(void)join_token_print(&text, &token);
	result = json_pack("{s:b,s:{s:s},s:{s:s,s:s},s:s,s:{s:s,s:s+,s:s+,s:s+}}", "changed", changed, "node",
		"peer_id", peer_id_text(&f->node_id, id), "cluster", "id", f->cluster_id, "system_pubkey",
		key_public_text(&f->system_pub, key), "join", buf_cstr(&text), "files", "config",
		f->place.config, "system_key", f->out, "/system.key", "admin_key", f->out, "/admin.key",
		"admin_proof", f->out, "/admin.proof");
	add_dns(result, dns, reachable);
	code = make_bundle(c, f, reachable, result);
	buf_deinit(&text);
	join_token_deinit(&token);
	json_decref(reachable);
	if (code) {
		json_decref(result);
		return code;
	}
	return out_result(c, result, CLI_OK, print_init);
}

static int found(struct cli *c, struct founding *f)
{
	bool done;
	int code = check_existing(c, f, &done);

	if (code)
		return code;
	if (!done) {
		code = make_keys(c, f);
		if (!code)
			code = write_proof(c, f);
		if (!code)
			code = write_first_snapshot(c, f);
		if (!code)
			code = write_config(c, f);
	} else {
		struct admin a;

		/* The proof of the first run is still the one to hand out. */
		code = admin_read_files(c, f->out, &a);
		if (!code) {
			f->proof = a.proof;
			admin_deinit(&a);
		}
	}
	return code ? code : report(c, f, !done);
}

int cmd_init(struct cli *c)
{
	struct founding f = {.cluster_id = cli_value(c, "cluster")};
	const char *out = cli_value(c, "out"), *dns = cli_value(c, "dns");
	int64_t ms;
	int code;

	if (!f.cluster_id)
		return out_fail(c, CLI_USAGE, "p2posctl init --cluster prod", "init needs --cluster ID");
	if (!cluster_id_is_valid(bytes_str(f.cluster_id)))
		return out_fail(c, CLI_USAGE, "1 to 64 of A-Z a-z 0-9 . _ -", "'%s' is no cluster id", f.cluster_id);
	if (dns && !bootstrap_is_valid(bytes_str(dns)))
		return out_fail(c, CLI_USAGE, "write it like example.org", "--dns: '%s' is no domain", dns);
	if (cli_given(c, "join-valid") && (cli_duration_ms(cli_value(c, "join-valid"), &ms) || ms < 1000))
		return out_fail(c, CLI_USAGE, "write it like 7d", "--join-valid: '%s' is no duration", cli_value(c, "join-valid"));
	code = place_open(c, &f.place);
	f.out = out ? xstrdup(out) : default_out(&f);
	if (!code)
		code = found(c, &f);
	key_pair_deinit(&f.system);
	key_pair_deinit(&f.admin);
	key_pair_deinit(&f.node);
	free(f.out);
	place_deinit(&f.place);
	return code;
}
