/* SPDX-License-Identifier: Apache-2.0 */
/* file.c: whole small files, in and out. */
#include "config/file.h"

#include "proto/base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 4096

static int err_of_errno(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR: return P2P_ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS: return P2P_ERR_DENIED;
	case EEXIST: return P2P_ERR_EXISTS;
	case ELOOP: return P2P_ERR_MISMATCH;
	default: return P2P_ERR_IO;
	}
}

static int read_all(int fd, struct buf *out)
{
	uint8_t piece[READ_BYTES];
	ssize_t n;
	int err = 0;

	while (!err) {
		n = read(fd, piece, sizeof(piece));
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		err = n < 0 ? P2P_ERR_IO : buf_put(out, bytes_of(piece, (size_t)n));
	}
	explicit_bzero(piece, sizeof(piece)); /* it may have been a secret */
	return err;
}

static int read_file(const char *path, int flags, struct buf *out, struct file_info *ret_info)
{
	/* Not blocking: a FIFO in place of a file must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
	size_t before = out->len;
	struct stat st;
	int err;

	if (fd < 0)
		return err_of_errno(errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = P2P_ERR_IO;
	else
		err = read_all(fd, out);
	close(fd);
	if (err) {
		buf_truncate(out, before);
		return err;
	}
	if (ret_info)
		*ret_info = (struct file_info){st.st_mode & 07777, st.st_uid};
	return 0;
}

int file_read(const char *path, struct buf *out, struct file_info *ret_info)
{
	return read_file(path, 0, out, ret_info);
}

int file_read_nofollow(const char *path, struct buf *out, struct file_info *ret_info)
{
	return read_file(path, O_NOFOLLOW, out, ret_info);
}

int file_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return err_of_errno(errno);
	err = fsync(fd) == 0 ? 0 : P2P_ERR_IO;
	close(fd);
	return err;
}

static int write_all(int fd, struct bytes text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.at, text.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return P2P_ERR_IO;
		text = bytes_from(text, (size_t)n);
	}
	return 0;
}

static void dir_of(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	snprintf(dir, PATH_MAX, "%.*s", slash ? (len ? (int)len : 1) : 1, slash ? path : ".");
}

/* A synced file beside `path` with its future contents, mode and owner; its name in `temp`. */
static int write_beside(const char *path, struct bytes text, mode_t mode, const struct stat *old,
	char temp[PATH_MAX])
{
	int fd, err;

	if (snprintf(temp, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return P2P_ERR_TOO_LARGE;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return err_of_errno(errno);
	err = write_all(fd, text);
	/* Owner first: changing it may clear mode bits. Without the right to do so it stays ours,
	 * and then for us alone: its group is no longer the one that the mode was meant for. */
	if (!err && old && fchown(fd, old->st_uid, old->st_gid) != 0)
		mode &= ~(mode_t)077;
	if (!err && fchmod(fd, mode) != 0)
		err = P2P_ERR_IO;
	if (!err && fsync(fd) != 0)
		err = P2P_ERR_IO;
	if (close(fd) != 0 && !err)
		err = P2P_ERR_IO;
	if (err)
		unlink(temp);
	return err;
}

int file_replace(const char *path, struct bytes text, mode_t mode)
{
	char real[PATH_MAX], temp[PATH_MAX], dir[PATH_MAX];
	struct stat old;
	bool exists;
	int err;

	if (!realpath(path, real)) {
		if (errno != ENOENT)
			return err_of_errno(errno);
		if (snprintf(real, sizeof(real), "%s", path) >= (int)sizeof(real))
			return P2P_ERR_TOO_LARGE;
	}
	exists = stat(real, &old) == 0;
	err = write_beside(real, text, exists ? old.st_mode & 07777 : mode, exists ? &old : NULL,
		temp);
	if (err)
		return err;
	if (rename(temp, real) != 0) {
		err = err_of_errno(errno);
		unlink(temp);
		return err;
	}
	dir_of(real, dir);
	return file_sync_dir(dir);
}

int file_create(const char *path, struct bytes text, mode_t mode)
{
	char temp[PATH_MAX], dir[PATH_MAX];
	int err = write_beside(path, text, mode, NULL, temp);

	if (err)
		return err;
	/* link() refuses an existing name, which rename() would overwrite. */
	if (link(temp, path) != 0)
		err = err_of_errno(errno);
	unlink(temp);
	if (err)
		return err;
	dir_of(path, dir);
	return file_sync_dir(dir);
}
