/* SPDX-License-Identifier: Apache-2.0 */
/* tempdir.h: a directory of a test's own, gone afterwards. */
#ifndef P2POS_TESTS_LIB_TEMPDIR_H
#define P2POS_TESTS_LIB_TEMPDIR_H

struct tempdir {
	char path[64];
};

void tempdir_make(struct tempdir *d);
/* Removes it with all that is in it (one level of directories inside). */
void tempdir_remove(struct tempdir *d);

/* "DIR/name", in one of eight static buffers used in turn. */
const char *tempdir_path(const struct tempdir *d, const char *name);

/* Writes a file with a mode; reads one whole into a fresh C text that the caller frees. */
void tempdir_write(const char *path, const char *text, unsigned mode);
char *tempdir_read(const char *path);

#endif
