/* SPDX-License-Identifier: Apache-2.0 */
/* sources.h: reads the program's own text, for tests that compare a list with what the source says.
 * Run from the root of the tree. */
#ifndef P2POS_TESTS_SOURCES_H
#define P2POS_TESTS_SOURCES_H

#include <stddef.h>

/* Calls `look` with the path and the whole text of each .c file below `folder`; a folder that is
 * not there has none. `arg` is handed through. */
void sources_each(const char *folder, void (*look)(void *arg, const char *path, const char *text), void *arg);

/* Copies the next string literal of [at, end) without its quotes; escapes stay as they are. Returns
 * the place behind it, NULL when there is none or it does not fit. */
const char *sources_literal(const char *at, const char *end, char *to, size_t size);

#endif
