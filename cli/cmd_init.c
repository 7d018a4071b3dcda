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
	json_t *addresses; /* for the configuration: --listen and --announce */
};

static void print_init(struct cli *c, json_t *r)
{
	json_t *files = json_object_get(r, "files");
	size_t i;
	json_t *line;

	(void)c;
	printf("Cluster   %s\n", out_text(json_object_get(r, "cluster"), "id"));
	printf("Node      %s\n", out_text(json_object_get(r, "node"), "peer_id"));
	if (json_is_string(json_object_get(files, "system_key")))
		printf("Secrets   %s\n          %s\n          Move system.key off this machine: whoever has it owns the cluster.\n",
			out_text(files, "system_key"), out_text(files, "admin_key"));
	else
		printf("Secrets   %s\n", out_text(files, "admin_key"));
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
		code = secret_keep_key(c, system, &f->system);
	if (!code)
		code = secret_keep_key(c, admin, &f->admin);
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

	json_object_update(config, f->addresses);
	return place_write_config(c, &f->place, config);
}

/* Has the system key of that configuration signed for the admin whose files are in `out`? So it has on
 * the machine that founded the cluster, also after system.key was moved away; makes nothing. */
static bool out_belongs_to(const struct founding *f, const char *system_pubkey)
{
	char *path = secret_path(f->out, "admin.proof");
	struct buf text = BUF_WITH_MAX(ADMIN_PROOF_BYTES_MAX);
	struct admin_proof proof;
	struct key_public system;
	bool is = key_public_parse_text(bytes_str(system_pubkey), &system) == 0 &&
		  file_read(path, &text, NULL) == 0 && admin_proof_parse(text_trim(buf_bytes(&text)), &proof) == 0 &&
		  strcmp(proof.cluster_id, f->cluster_id) == 0 && admin_proof_verify(&proof, &system) == 0;

	buf_deinit(&text);
	free(path);
	return is;
}

/* Is the configuration that is there already the one this run would make? Nothing is made to find out. */
static int check_existing(struct cli *c, struct founding *f, bool *ret_done)
{
	json_t *config;
	const char *system;
	int code = place_read_config(c, &f->place, &config);

	*ret_done = false;
	if (code || !config)
		return code;
	system = out_text(config, "system_pubkey");
	if (strcmp(system, "-") == 0)
		; /* a file of defaults, as p2posd writes one when there is none */
	else if (strcmp(out_text(config, "cluster_id"), f->cluster_id) != 0)
		code = out_fail(c, CLI_CANTCREAT, "nothing was changed; move it away to start over",
			"%s belongs to a node of another cluster already", f->place.config);
	else if (!out_belongs_to(f, system))
		code = out_fail(c, CLI_CANTCREAT, "nothing was changed; where are its keys? --out DIR names another place",
			"%s belongs to a node of a cluster of this name, whose admin's proof is not in %s",
			f->place.config, f->out);
	else
		*ret_done = key_public_parse_text(bytes_str(system), &f->system_pub) == 0;
	json_decref(config);
	return code;
}

/* A second run: whatever the first one may have left undone. */
static int find_again(struct cli *c, struct founding *f)
{
	struct admin a;
	int code = place_node_key(c, &f->place, &f->node);

	if (!code)
		code = place_hand_over_config(c, &f->place);
	if (!code)
		code = admin_read_files(c, f->out, &a);
	if (code)
		return code;
	key_pair_peer_id(&f->node, &f->node_id);
	/* The proof of the first run is still the one to hand out. */
	f->admin = a.key;
	f->proof = a.proof;
	return 0;
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
	char *system;
	bool has_system; /* not yet moved away */
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
	system = secret_path(f->out, "system.key");
	has_system = access(system, F_OK) == 0;
	result = json_pack("{s:b,s:{s:s},s:{s:s,s:s},s:s,s:{s:s,s:s?,s:s+,s:s+}}", "changed", changed, "node",
		"peer_id", peer_id_text(&f->node_id, id), "cluster", "id", f->cluster_id, "system_pubkey",
		key_public_text(&f->system_pub, key), "join", buf_cstr(&text), "files", "config",
		f->place.config, "system_key", has_system ? system : NULL, "admin_key", f->out, "/admin.key",
		"admin_proof", f->out, "/admin.proof");
	free(system);
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
	if (done) {
		code = find_again(c, f);
	} else {
		code = make_keys(c, f);
		if (!code)
			code = write_proof(c, f);
		if (!code)
			code = write_first_snapshot(c, f);
		if (!code)
			code = write_config(c, f);
	}
	return code ? code : report(c, f, !done);
}

/* Before anything is made. */
static int check_words(struct cli *c, const struct founding *f)
{
	const char *dns = cli_value(c, "dns"), *valid = cli_value(c, "join-valid");
	int64_t ms;

	if (!f->cluster_id)
		return out_fail(c, CLI_USAGE, "p2posctl init --cluster prod", "init needs --cluster ID");
	if (!cluster_id_is_valid(bytes_str(f->cluster_id)))
		return out_fail(c, CLI_USAGE, "1 to 64 of A-Z a-z 0-9 . _ -", "'%s' is no cluster id", f->cluster_id);
	if (dns && !bootstrap_is_valid(bytes_str(dns)))
		return out_fail(c, CLI_USAGE, "write it like example.org", "--dns: '%s' is no domain", dns);
	if (cli_given(c, "join-valid") && (cli_duration_ms(valid, &ms) || ms < 1000))
		return out_fail(c, CLI_USAGE, "write it like 7d", "--join-valid: '%s' is no duration", valid);
	return admin_validity_ms(c, cli_value(c, "admin-valid"), &ms);
}

int cmd_init(struct cli *c)
{
	struct founding f = {.cluster_id = cli_value(c, "cluster"), .addresses = json_object()};
	const char *out = cli_value(c, "out");
	int code = check_words(c, &f);

	if (!code)
		code = place_add_addresses(c, f.addresses);
	if (!code)
		code = place_open(c, &f.place);
	if (!code) {
		f.out = out ? xstrdup(out) : default_out(&f);
		code = found(c, &f);
	}
	key_pair_deinit(&f.system);
	key_pair_deinit(&f.admin);
	key_pair_deinit(&f.node);
	json_decref(f.addresses);
	free(f.out);
	place_deinit(&f.place);
	return code;
}
