/* SPDX-License-Identifier: Apache-2.0 */
/* join: this node's key and configuration out of a join string; the node then knocks until an
 * admin approves it (p2pos.md section 10). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/rpc.h"
#include "cli/secret.h"
#include "proto/base/err.h"
#include "proto/base/rfc3339.h"
#include "proto/p2pos/tokens.h"

#define WAIT_STEP_MS 250

static void print_join(struct cli *c, json_t *r)
{
	const char *id = out_text(json_object_get(r, "node"), "peer_id");

	(void)c;
	printf("Cluster   %s\nNode      %s\n", out_text(json_object_get(r, "cluster"), "id"), id);
	if (json_object_get(r, "state"))
		printf("State     %s\n", out_text(r, "state"));
	else
		printf("\nStart the node, then let it in on a machine that has the admin key:\n"
		       "  p2posctl member approve %.20s --admin-key @admin.key\n", id);
}

static int refuse_expired(struct cli *c, struct join_token *t)
{
	char at[RFC3339_SIZE];

	rfc3339_text(t->expires, at);
	join_token_deinit(t);
	return out_fail(c, CLI_DATAERR, "ask for a fresh one: p2posctl init, run again on the first node, prints it",
		"the join string has expired at %s", at);
}

static int read_token(struct cli *c, const char *where, struct join_token *ret)
{
	struct buf text = BUF_WITH_MAX(JOIN_TEXT_MAX);
	int code = 0, err;

	if (strncmp(where, JOIN_PREFIX, strlen(JOIN_PREFIX)) == 0)
		code = buf_put_str(&text, where) ? out_fail(c, CLI_DATAERR, NULL, "the join string is too long") : 0;
	else
		code = secret_read(c, "the join string", where, SECRET_PLAIN, &text);
	if (!code) {
		err = join_token_parse(buf_bytes(&text), ret);
		if (err)
			code = out_fail(c, CLI_DATAERR, "copy the whole string that p2posctl init printed",
				err == P2P_ERR_UNSUPPORTED ? "the join string is of a later version"
							   : "this is no join string, or it is damaged");
		else if (ret->expires.sec && wall_cmp(ret->expires, cli_now()) < 0)
			code = refuse_expired(c, ret);
	}
	buf_deinit(&text);
	return code;
}

static json_t *config_of(const struct join_token *t)
{
	json_t *entries = json_array();
	char key[KEY_TEXT_SIZE];

	for (size_t i = 0; i < t->bootstrap_count; i++)
		json_array_append_new(entries, json_pack("{s:s,s:s}", "type",
			t->bootstrap[i][0] == '/' ? "multiaddr" : "dns", "address", t->bootstrap[i]));
	return json_pack("{s:s,s:s,s:o}", "cluster_id", t->cluster_id, "system_pubkey",
		key_public_text(&t->system, key), "init_connections", entries);
}

/* Whether the configuration that is there belongs to the same cluster. */
static int check_existing(struct cli *c, const struct place *p, const struct join_token *t, bool *ret_done)
{
	json_t *config;
	char key[KEY_TEXT_SIZE];
	int code = place_read_config(c, p, &config);

	*ret_done = false;
	if (code || !config)
		return code;
	if (strcmp(out_text(config, "system_pubkey"), "-") == 0) {
		json_decref(config); /* a file of defaults */
		return 0;
	}
	*ret_done = strcmp(out_text(config, "cluster_id"), t->cluster_id) == 0 &&
		    strcmp(out_text(config, "system_pubkey"), key_public_text(&t->system, key)) == 0;
	json_decref(config);
	return *ret_done ? 0 : out_fail(c, CLI_CANTCREAT, "nothing was changed; move it away to start over",
		"%s belongs to a node of another cluster already", p->config);
}

/* Until the daemon says that it is in; the daemon itself may still have to be started. */
static int wait_for_admission(struct cli *c, const struct place *p, int64_t ms, json_t *result)
{
	int64_t until;
	char *socket = p->is_system ? NULL : secret_path(p->dir, "p2posd.sock");

	if (socket && !c->socket)
		c->socket = socket;
	until = cli_clock_ms() + ms;
	c->wait_ms = ms;
	for (;;) {
		json_t *health = NULL;
		const char *state;
		bool in;
		int code = rpc_call(c, "node.health", NULL, 0, &health);

		if (code) {
			free(socket);
			return code;
		}
		state = out_text(health, "state");
		in = strcmp(state, "unconfigured") != 0;
		if (in)
			json_object_set_new(result, "state", json_string(state));
		json_decref(health);
		if (in)
			break;
		if (cli_clock_ms() >= until) {
			free(socket);
			return out_fail(c, CLI_TEMPFAIL, "let it in: p2posctl member approve ID --admin-key @admin.key",
				"no admin has let this node in yet");
		}
		cli_pause_ms(WAIT_STEP_MS);
	}
	if (c->socket == socket)
		c->socket = NULL;
	free(socket);
	return 0;
}

/* What is asked for beside the join string. */
struct wishes {
	int64_t wait_ms;   /* for admission; negative: not at all */
	json_t *addresses; /* for the configuration: --listen and --announce */
};

static int join(struct cli *c, const struct place *p, const struct join_token *t, const struct wishes *w)
{
	struct key_pair node = {0};
	struct peer_id id;
	char text[PEER_ID_TEXT_SIZE];
	json_t *config, *result;
	bool done;
	int code = check_existing(c, p, t, &done);

	if (!code)
		code = place_node_key(c, p, &node);
	key_pair_peer_id(&node, &id);
	key_pair_deinit(&node);
	if (!code && !done) {
		config = config_of(t);
		json_object_update(config, w->addresses);
		code = place_write_config(c, p, config);
	} else if (!code) {
		code = place_hand_over_config(c, p);
	}
	if (code)
		return code;
	result = json_pack("{s:b,s:{s:s},s:{s:s},s:{s:s}}", "changed", !done, "node", "peer_id",
		peer_id_text(&id, text), "cluster", "id", t->cluster_id, "files", "config", p->config);
	if (w->wait_ms >= 0)
		code = wait_for_admission(c, p, w->wait_ms, result);
	if (code) {
		json_decref(result);
		return code;
	}
	return out_result(c, result, CLI_OK, print_join);
}

/* Before anything is made. */
static int read_wishes(struct cli *c, struct wishes *w)
{
	const char *wait = cli_value(c, "wait");

	if (cli_given(c, "wait") && cli_duration_ms(wait, &w->wait_ms))
		return out_fail(c, CLI_USAGE, "write it like 60s or 5m", "--wait: '%s' is no duration", wait);
	return place_add_addresses(c, w->addresses);
}

int cmd_join(struct cli *c)
{
	struct wishes w = {.wait_ms = -1, .addresses = json_object()};
	struct join_token t = {0};
	struct place p = {0};
	int code = read_wishes(c, &w);

	if (!code)
		code = read_token(c, c->argv[0], &t);
	if (!code)
		code = place_open(c, &p);
	if (!code)
		code = join(c, &p, &t, &w);
	place_deinit(&p);
	join_token_deinit(&t);
	json_decref(w.addresses);
	return code;
}
