/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h: files and keys on this machine: read with a limit, written whole with mode 0600.
 *
 * Secrets come as @FILE or - (standard input), never as a word of the command line, where every
 * user of the machine could read them (operator.md). */
#ifndef P2POS_CLI_SECRET_H
#define P2POS_CLI_SECRET_H

#include <jansson.h>

#include "cli/cli.h"
#include "proto/base/buf.h"
#include "proto/keys/key.h"
#include "proto/p2pos/admin_proof.h"

/* Reads "@FILE", "-" or, when `plain` allows it, a bare file name, appending to `out` (bounded by its
 * max). 0, or the exit code after the message. */
enum secret_form { SECRET_MARKED, SECRET_PLAIN };
int secret_read(struct cli *c, const char *what, const char *where, enum secret_form form,
	struct buf *out);

/* A private key from "@FILE" or "-". */
int secret_read_key(struct cli *c, const char *what, const char *where, struct key_pair *ret);

/* The key in a file of this machine, else a fresh one, written there. What is there is never replaced:
 * a file that holds no key, or that others can read, is CLI_CONFIG. */
int secret_keep_key(struct cli *c, const char *path, struct key_pair *ret);

/* Writes a file of mode 0600, whole or not at all (a temporary name, synced, renamed). An existing
 * one is replaced, and closed to others. */
int secret_write(struct cli *c, const char *path, struct bytes content);
/* The same with a newline behind. */
int secret_write_line(struct cli *c, const char *path, const char *line);
/* For keys, which nobody can make again: the same, but a file that holds anything else stays as it is,
 * and that is CLI_CANTCREAT. */
int secret_create(struct cli *c, const char *path, struct bytes content);
int secret_create_line(struct cli *c, const char *path, const char *line);

/* Makes a directory of mode 0700 unless it is there. */
int secret_mkdir(struct cli *c, const char *path);

/* "dir/name", to be freed. */
char *secret_path(const char *dir, const char *name);

/* An admin who signs here. */
struct admin {
	struct key_pair key;
	struct admin_proof proof;
	bool has_proof;
};

/* --admin-key (a key or a bundle) and its proof: --admin-proof, else the file beside the key whose
 * name ends in .proof, else the bundle's own, else `fallback` (may be NULL) when it is for this
 * key. Returns 0 or the exit code. */
int admin_read(struct cli *c, const struct admin_proof *fallback, struct admin *ret);
/* The proof alone, for a key that is elsewhere: --admin-proof, else `fallback`. */
int admin_read_proof(struct cli *c, const struct admin_proof *fallback, struct admin *ret);
/* Both from admin.key and admin.proof of a directory that init or admin new made. */
int admin_read_files(struct cli *c, const char *dir, struct admin *ret);
/* Writes both there, making the directory; the key only where there is no other one. Adds "files" with
 * their paths to `r`. 0 or the exit code. */
int admin_write_files(struct cli *c, const char *dir, const struct key_pair *key,
	const struct admin_proof *proof, json_t *r);
void admin_deinit(struct admin *a);

/* How long a proof is to last, from --admin-valid or --valid (NULL = 365d): 0, or the exit code. */
int admin_validity_ms(struct cli *c, const char *valid, int64_t *ret_ms);

/* Makes a proof for `key`, valid from a little before now for `valid` (a duration; NULL = 365d). */
int admin_make_proof(struct cli *c, const struct key_pair *system, const struct key_pair *key,
	const char *cluster_id, const char *valid, struct admin_proof *ret);

#endif
