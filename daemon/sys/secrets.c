/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c: finds, checks, or makes the node's key. */
#include "daemon/sys/secrets.h"

#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_FILE_BYTES_MAX 1024 /* a key text has under 100 */
#define CREDENTIAL_NAME    "p2pos.node-key"
#define KEY_FILE_NAME      "node.key"
#define KEY_FILE_MODE      0600

static int fail(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, SECRETS_WHY_SIZE, fmt, args); /* a very long path is cut */
	va_end(args);
	return P2P_ERR_CONFIG;
}

static void hold(struct node_key *k, const struct key_pair *pair, enum node_key_source source)
{
	k->pair = sodium_malloc(sizeof(*k->pair));
	if (!k->pair) { /* no guarded pages left: ordinary memory, which is wiped all the same */
		k->pair = xmalloc(sizeof(*k->pair));
		k->is_guarded = false;
	} else {
		k->is_guarded = true;
	}
	k->is_locked = k->is_guarded && sodium_mlock(k->pair, sizeof(*k->pair)) == 0;
	*k->pair = *pair;
	key_pair_peer_id(k->pair, &k->id);
	k->source = source;
}

/* A key text from wherever; wiped on the way. */
static int take_text(struct bytes text, const char *where, enum node_key_source source,
	struct node_key *ret, char *why)
{
	struct key_pair pair;

	if (key_private_parse_text(text, &pair) != 0)
		return fail(why,
			"%s holds no valid Ed25519 node key (base64 of the libp2p form); it is never "
			"replaced by a new one, restore it or move it away",
			where);
	hold(ret, &pair, source);
	key_pair_deinit(&pair);
	return 0;
}

static int check_file(const char *path, const struct file_info *info, char *why)
{
	if (info->owner != geteuid() && info->owner != 0)
		return fail(why, "%s belongs to another user; run: chown $(id -un) %s", path, path);
	if (info->mode & 077)
		return fail(why, "%s can be read by others; run: chmod 600 %s", path, path);
	return 0;
}

/* 0, P2P_ERR_NOT_FOUND, or P2P_ERR_CONFIG with `why`. */
static int load_file(const char *path, enum node_key_source source, bool is_credential,
	struct node_key *ret, char *why)
{
	struct buf text = BUF_SECRET(KEY_FILE_BYTES_MAX);
	struct file_info info;
	int err = file_read_nofollow(path, &text, &info);

	if (err == P2P_ERR_NOT_FOUND)
		return err;
	if (err == P2P_ERR_MISMATCH)
		err = fail(why, "%s is a symbolic link; a key must be a file of its own", path);
	else if (err)
		err = fail(why, "%s cannot be read: %s", path, err_text(err));
	/* systemd made the credential for us alone; its mode and owner are systemd's business. */
	if (!err && !is_credential)
		err = check_file(path, &info, why);
	if (!err)
		err = take_text(buf_bytes(&text), path, source, ret, why);
	buf_deinit(&text);
	return err;
}

static int create(const char *path, struct rng *rng, struct node_key *ret, char *why)
{
	struct buf line = BUF_SECRET(KEY_FILE_BYTES_MAX);
	char text[KEY_TEXT_SIZE];
	struct key_pair pair;
	int err;

	key_generate(rng, &pair);
	err = buf_printf(&line, "%s\n", key_private_text(&pair, text));
	mem_wipe(text, sizeof(text));
	if (!err)
		err = file_create(path, buf_bytes(&line), KEY_FILE_MODE);
	buf_deinit(&line);
	if (!err)
		hold(ret, &pair, NODE_KEY_CREATED);
	key_pair_deinit(&pair);
	if (err == P2P_ERR_EXISTS) /* somebody was faster: that one counts */
		return load_file(path, NODE_KEY_FILE, false, ret, why);
	if (err) {
		(void)fail(why, "%s cannot be written: %s", path, err_text(err));
		return P2P_ERR_IO;
	}
	return 0;
}

static bool join_path(char *to, const char *dir, const char *name)
{
	return snprintf(to, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

static int load(const struct secrets_opts *o, struct rng *rng, struct node_key *ret, char *why)
{
	char path[PATH_MAX];
	int err;

	if (o->credentials_dir && *o->credentials_dir) {
		if (!join_path(path, o->credentials_dir, CREDENTIAL_NAME))
			return fail(why, "the path of %s is too long", CREDENTIAL_NAME);
		err = load_file(path, NODE_KEY_CREDENTIAL, true, ret, why);
		if (err != P2P_ERR_NOT_FOUND)
			return err;
	}
	if (o->config_key && *o->config_key)
		return take_text(bytes_str(o->config_key), "node_private_key of the configuration",
			NODE_KEY_CONFIG, ret, why);
	if (!join_path(path, o->data_dir, KEY_FILE_NAME))
		return fail(why, "the path of %s is too long", KEY_FILE_NAME);
	err = load_file(path, NODE_KEY_FILE, false, ret, why);
	return err == P2P_ERR_NOT_FOUND ? create(path, rng, ret, why) : err;
}

int secrets_load_node_key(const struct secrets_opts *opts, struct rng *rng, struct node_key *ret,
	char why[SECRETS_WHY_SIZE])
{
	struct node_key fresh = {0};
	int err;

	if (sodium_init() < 0) {
		(void)fail(why, "libsodium cannot start");
		return P2P_ERR_IO;
	}
	err = load(opts, rng, &fresh, why);
	if (!err)
		*ret = fresh;
	return err;
}

void node_key_deinit(struct node_key *k)
{
	if (k->pair) {
		key_pair_deinit(k->pair);
		if (k->is_guarded)
			sodium_free(k->pair);
		else
			free(k->pair);
	}
	*k = (struct node_key){0};
}

const char *node_key_source_name(enum node_key_source source)
{
	switch (source) {
	case NODE_KEY_CREDENTIAL: return "credential";
	case NODE_KEY_CONFIG: return "config";
	case NODE_KEY_FILE: return "file";
	case NODE_KEY_CREATED: return "created";
	}
	return "unknown";
}
