/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/out.h"
#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/p2pos/tokens.h"

#define KEY_FILE_BYTES_MAX 16384
#define PROOF_BACKDATE_SEC 300 /* a node whose clock is behind shall take it too */
#define PROOF_VALID_MS_MIN 60000 /* a shorter one ends before it has gone round */

static int read_fd(struct cli *c, int fd, const char *name, struct buf *out)
{
	for (;;) {
		uint8_t chunk[4096];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return out_fail(c, CLI_NOINPUT, NULL, "cannot read %s: %s", name, strerror(errno));
		if (n == 0)
			return 0;
		if (buf_put(out, bytes_of(chunk, (size_t)n)))
			return out_fail(c, CLI_DATAERR, NULL, "%s is larger than %zu bytes", name, out->max);
		mem_wipe(chunk, sizeof(chunk));
	}
}

int secret_read(struct cli *c, const char *what, const char *where, enum secret_form form,
	struct buf *out)
{
	const char *path = where[0] == '@' ? where + 1 : where;
	int fd, code;

	if (strcmp(where, "-") == 0)
		return read_fd(c, STDIN_FILENO, "standard input", out);
	if (where[0] != '@' && form == SECRET_MARKED)
		return out_fail(c, CLI_USAGE, "write @FILE, or - for standard input",
			"%s is never given as a word of the command line", what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return out_fail(c, errno == EACCES ? CLI_NOPERM : CLI_NOINPUT, NULL, "cannot open %s (%s): %s",
			path, what, strerror(errno));
	code = read_fd(c, fd, path, out);
	close(fd);
	return code;
}

int secret_read_key(struct cli *c, const char *what, const char *where, struct key_pair *ret)
{
	struct buf text = BUF_SECRET(KEY_FILE_BYTES_MAX);
	int code = secret_read(c, what, where, SECRET_MARKED, &text);

	if (!code && key_private_parse_text(buf_bytes(&text), ret))
		code = out_fail(c, CLI_DATAERR, "it is one line of base64, as p2posctl key generate writes it",
			"%s: %s is no Ed25519 private key", what, where);
	buf_deinit(&text);
	return code;
}

static int refuse_key_file(struct cli *c, const char *path, int err)
{
	const char *hint = "a key is never replaced: restore it, or move it away to get a new one";

	if (err == P2P_ERR_INVALID)
		return out_fail(c, CLI_CONFIG, hint, "%s is there, but it is no Ed25519 private key", path);
	return out_fail(c, CLI_NOPERM, "a key is a plain file that only its owner may read", "cannot read %s: %s",
		path, err_text(err));
}

static int refuse_open_key(struct cli *c, const char *path)
{
	char hint[PATH_MAX + 16];

	(void)snprintf(hint, sizeof(hint), "chmod 600 %s", path);
	return out_fail(c, CLI_CONFIG, hint, "%s can be read by others", path);
}

int secret_keep_key(struct cli *c, const char *path, struct key_pair *ret)
{
	struct buf text = BUF_SECRET(KEY_FILE_BYTES_MAX);
	char line[KEY_TEXT_SIZE];
	struct file_info info;
	int code, err = file_read_nofollow(path, &text, &info);

	if (!err && key_private_parse_text(buf_bytes(&text), ret))
		err = P2P_ERR_INVALID;
	buf_deinit(&text);
	if (!err)
		return info.mode & 077 ? refuse_open_key(c, path) : 0;
	if (err != P2P_ERR_NOT_FOUND)
		return refuse_key_file(c, path, err);
	key_generate(c->rng, ret);
	code = secret_create_line(c, path, key_private_text(ret, line));
	mem_wipe(line, sizeof(line));
	return code;
}

/* Whether a second run would write what is there. */
static bool holds(const char *path, struct bytes content)
{
	struct buf text = BUF_SECRET(KEY_FILE_BYTES_MAX);
	bool same = file_read_nofollow(path, &text, NULL) == 0 && bytes_eq(buf_bytes(&text), content);

	buf_deinit(&text);
	return same;
}

/* A file keeps its mode when it is replaced; a secret shall not inherit one that lets others in. */
static bool close_to_others(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 || !(st.st_mode & 077) || chmod(path, 0600) == 0;
}

static int refuse_write(struct cli *c, const char *path)
{
	return out_fail(c, CLI_CANTCREAT, "is the directory there, and writable for you?",
		"cannot write %s: %s", path, strerror(errno));
}

int secret_write(struct cli *c, const char *path, struct bytes content)
{
	if (close_to_others(path) && (holds(path, content) || file_replace(path, content, 0600) == 0))
		return 0;
	return refuse_write(c, path);
}

int secret_create(struct cli *c, const char *path, struct bytes content)
{
	int err = 0;

	if (!holds(path, content))
		err = file_create(path, content, 0600);
	else if (!close_to_others(path))
		err = P2P_ERR_DENIED;
	if (err == P2P_ERR_EXISTS)
		return out_fail(c, CLI_CANTCREAT, "nothing was changed; name another place, or move it away",
			"%s is there already, and a key is never replaced", path);
	return err ? refuse_write(c, path) : 0;
}

static int put_line(struct cli *c, const char *path, const char *line,
	int (*put)(struct cli *c, const char *path, struct bytes content))
{
	struct buf text = BUF_SECRET(0);
	int code;

	(void)buf_put_str(&text, line);
	(void)buf_put_u8(&text, '\n');
	code = put(c, path, buf_bytes(&text));
	buf_deinit(&text);
	return code;
}

int secret_write_line(struct cli *c, const char *path, const char *line)
{
	return put_line(c, path, line, secret_write);
}

int secret_create_line(struct cli *c, const char *path, const char *line)
{
	return put_line(c, path, line, secret_create);
}

int secret_mkdir(struct cli *c, const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return out_fail(c, CLI_CANTCREAT, NULL, "cannot make the directory %s: %s", path, strerror(errno));
}

char *secret_path(const char *dir, const char *name)
{
	size_t len = strlen(dir) + 1 + strlen(name) + 1;
	char *path = xmalloc(len);

	snprintf(path, len, "%s/%s", dir, name);
	return path;
}

static int parse_proof(struct cli *c, const char *name, struct bytes text, struct admin_proof *ret)
{
	if (admin_proof_parse(text, ret) == 0)
		return 0;
	return out_fail(c, CLI_DATAERR, "it is the JSON that p2posctl init or admin new wrote",
		"%s is no admin proof", name);
}

static int read_proof(struct cli *c, const char *where, struct admin_proof *ret)
{
	struct buf text = BUF_WITH_MAX(KEY_FILE_BYTES_MAX);
	int code = secret_read(c, "the admin proof", where, SECRET_PLAIN, &text);

	if (!code)
		code = parse_proof(c, where, buf_bytes(&text), ret);
	buf_deinit(&text);
	return code;
}

/* "@/root/x/admin.key" has its proof in "/root/x/admin.proof". */
static char *proof_beside(const char *key_where)
{
	size_t len = strlen(key_where);
	char *path;

	if (key_where[0] != '@' || len < 6 || strcmp(key_where + len - 4, ".key") != 0)
		return NULL;
	path = xmalloc(len + 8);
	snprintf(path, len + 8, "%.*s.proof", (int)(len - 5), key_where + 1);
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* A bundle has key and proof in one text. */
static int take_key_text(struct cli *c, const char *where, struct bytes text, struct admin *ret)
{
	struct admin_bundle b;
	int err;

	if (key_private_parse_text(text, &ret->key) == 0)
		return 0;
	err = admin_bundle_parse(text_trim(text), &b);
	if (err)
		return out_fail(c, CLI_DATAERR, "give the file admin.key or admin.bundle that p2posctl init wrote",
			"%s holds neither an Ed25519 private key nor a bundle", where);
	ret->key = b.admin;
	ret->proof = b.proof;
	ret->has_proof = true;
	admin_bundle_deinit(&b);
	return 0;
}

int admin_read(struct cli *c, const struct admin_proof *fallback, struct admin *ret)
{
	const char *where = cli_value(c, "admin-key"), *proof = cli_value(c, "admin-proof");
	struct buf text = BUF_SECRET(KEY_FILE_BYTES_MAX);
	char *beside;
	struct peer_id self;
	int code;

	memset(ret, 0, sizeof(*ret));
	if (!where)
		return out_fail_reason(c, CLI_NOPERM, 1102, "admin_key_missing", "name its file: --admin-key @FILE",
			NULL, "signing needs the admin key");
	code = secret_read(c, "the admin key", where, SECRET_MARKED, &text);
	if (!code)
		code = take_key_text(c, where, buf_bytes(&text), ret);
	buf_deinit(&text);
	if (code)
		return code;
	beside = proof ? NULL : proof_beside(where);
	if (proof || beside) {
		code = read_proof(c, proof ? proof : beside, &ret->proof);
		ret->has_proof = code == 0;
	}
	free(beside);
	key_pair_peer_id(&ret->key, &self);
	if (!code && !ret->has_proof && fallback && peer_id_eq(&fallback->peer, &self)) {
		ret->proof = *fallback;
		ret->has_proof = true;
	}
	if (!code && !ret->has_proof)
		code = out_fail_reason(c, CLI_DATAERR, 1103, "admin_proof_invalid",
			"name its file: --admin-proof @FILE", NULL, "there is no proof for this admin key");
	if (code)
		admin_deinit(ret);
	return code;
}

int admin_read_proof(struct cli *c, const struct admin_proof *fallback, struct admin *ret)
{
	const char *where = cli_value(c, "admin-proof");
	int code = 0;

	memset(ret, 0, sizeof(*ret));
	if (where)
		code = read_proof(c, where, &ret->proof);
	else if (fallback)
		ret->proof = *fallback;
	else
		code = out_fail_reason(c, CLI_DATAERR, 1103, "admin_proof_invalid", "name its file: --admin-proof @FILE",
			NULL, "which admin is to sign? There is no proof at hand");
	ret->has_proof = code == 0;
	return code;
}

int admin_read_files(struct cli *c, const char *dir, struct admin *ret)
{
	char *path = secret_path(dir, "admin.proof"), *key = secret_path(dir, "admin.key");
	struct buf where = BUF_INIT;
	int code;

	memset(ret, 0, sizeof(*ret));
	(void)buf_printf(&where, "@%s", key);
	code = secret_read_key(c, "the admin key", buf_cstr(&where), &ret->key);
	if (!code)
		code = read_proof(c, path, &ret->proof);
	ret->has_proof = code == 0;
	if (code)
		admin_deinit(ret);
	buf_deinit(&where);
	free(path);
	free(key);
	return code;
}

int admin_write_files(struct cli *c, const char *dir, const struct key_pair *key,
	const struct admin_proof *proof, json_t *r)
{
	char text[KEY_TEXT_SIZE], *key_path = secret_path(dir, "admin.key");
	char *proof_path = secret_path(dir, "admin.proof");
	struct buf json = BUF_INIT;
	int code = secret_mkdir(c, dir);

	if (!code)
		code = secret_create_line(c, key_path, key_private_text(key, text));
	mem_wipe(text, sizeof(text));
	(void)admin_proof_print(&json, proof);
	if (!code)
		code = secret_write_line(c, proof_path, buf_cstr(&json));
	json_object_set_new(r, "files", json_pack("{s:s,s:s}", "admin_key", key_path, "admin_proof", proof_path));
	buf_deinit(&json);
	free(key_path);
	free(proof_path);
	return code;
}

void admin_deinit(struct admin *a)
{
	key_pair_deinit(&a->key);
}

int admin_validity_ms(struct cli *c, const char *valid, int64_t *ret_ms)
{
	if (cli_duration_ms(valid ? valid : "365d", ret_ms) == 0 && *ret_ms >= PROOF_VALID_MS_MIN)
		return 0;
	return out_fail(c, CLI_USAGE, "write it like 365d or 12h, at least 1m", "'%s' is no validity", valid);
}

int admin_make_proof(struct cli *c, const struct key_pair *system, const struct key_pair *key,
	const char *cluster_id, const char *valid, struct admin_proof *ret)
{
	wall_t now = cli_now();
	int64_t ms;
	int code = admin_validity_ms(c, valid, &ms);

	if (code)
		return code;
	now.nsec = 0;
	*ret = ADMIN_PROOF_EMPTY;
	text_copy(ret->cluster_id, sizeof(ret->cluster_id), bytes_str(cluster_id));
	text_copy(ret->role, sizeof(ret->role), bytes_str(ADMIN_ROLE));
	key_pair_peer_id(key, &ret->peer);
	ret->valid_from = wall_add_sec(now, -PROOF_BACKDATE_SEC);
	ret->valid_to = wall_add_sec(now, ms / 1000);
	if (admin_proof_sign(ret, system))
		return out_fail(c, CLI_DATAERR, "a cluster id has 1 to 64 of A-Z a-z 0-9 . _ -",
			"cannot make a proof for the cluster '%s'", cluster_id);
	return 0;
}
