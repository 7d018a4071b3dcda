/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/tempdir.h"

#include "tests/lib/p2ptest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Memory if there is plenty: hundreds of syncs then cost nothing. A kill is survived there just as
 * well; only power cuts would be another matter. */
static const char *base_dir(void)
{
	const char *base = getenv("TMPDIR");
	struct statvfs fs;

	if (base)
		return base;
	if (statvfs("/dev/shm", &fs) == 0 &&
		(uint64_t)fs.f_bavail * fs.f_frsize > UINT64_C(512) << 20 &&
		access("/dev/shm", W_OK) == 0)
		return "/dev/shm";
	return "/tmp";
}

void tempdir_make(struct tempdir *d)
{
	snprintf(d->path, sizeof(d->path), "%.40s/p2pos-test-XXXXXX", base_dir());
	assert_non_null(mkdtemp(d->path));
}

static void remove_all(const char *path, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char inner[512];

	while (dir && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
		if (unlink(inner) != 0 && depth > 0)
			remove_all(inner, depth - 1);
	}
	if (dir)
		closedir(dir);
	(void)rmdir(path); /* what is left shows in the directory of temporary files */
}

void tempdir_remove(struct tempdir *d)
{
	remove_all(d->path, 1);
}

const char *tempdir_path(const struct tempdir *d, const char *name)
{
	static char texts[8][256];
	static unsigned next;
	char *to = texts[next++ % 8];

	snprintf(to, sizeof(texts[0]), "%s/%s", d->path, name);
	return to;
}

void tempdir_write(const char *path, const char *text, unsigned mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

char *tempdir_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	(void)!fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}
