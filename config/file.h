/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: read a small file whole; replace or create one so that a crash leaves the old one or
 * the new one, never a torn one. */
#ifndef P2POS_CONFIG_FILE_H
#define P2POS_CONFIG_FILE_H

#include "proto/base/buf.h"

#include <sys/types.h>

/* Who may read a file, as far as a secret in it cares. */
struct file_info {
	mode_t mode; /* permission bits */
	uid_t owner;
};

/* Appends the whole of a regular file to `out`, whose max bounds it. P2P_ERR_NOT_FOUND,
 * P2P_ERR_DENIED, P2P_ERR_TOO_LARGE, P2P_ERR_IO (also: not a regular file). `ret_info` may be
 * NULL. Symbolic links are followed. */
int file_read(const char *path, struct buf *out, struct file_info *ret_info);

/* The same for a secret: refuses a symbolic link as the last part of the path (P2P_ERR_MISMATCH). */
int file_read_nofollow(const char *path, struct buf *out, struct file_info *ret_info);

/* Replaces `path` (or creates it): written beside it, synced, renamed, directory synced. An
 * existing file keeps its mode and, where we may, its owner and group; a new one gets `mode`.
 * A symbolic link is replaced at its target. P2P_ERR_DENIED, P2P_ERR_IO. */
int file_replace(const char *path, struct bytes text, mode_t mode);

/* As file_replace(), but P2P_ERR_EXISTS when `path` is there, also when somebody else creates it
 * meanwhile. */
int file_create(const char *path, struct bytes text, mode_t mode);

/* Syncs a directory, so that a rename or a new file in it survives a power cut. */
int file_sync_dir(const char *dir);

#endif
