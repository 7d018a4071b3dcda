/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.h: the known vectors of tests/vectors/vectors.json, for tests.
 *
 * The file is found through the environment variable P2POS_VECTORS, or else at
 * tests/vectors/vectors.json of the working directory. It is read once a program; what these
 * functions return is borrowed from it and stays. Whatever is missing fails the running test with
 * a line that says what. */
#ifndef P2POS_TESTS_LIB_VECTORS_H
#define P2POS_TESTS_LIB_VECTORS_H

#include <jansson.h>

#include "proto/base/buf.h"

/* The object of one group. */
const json_t *vectors_group(const char *group);

/* The array `list` of a group; walk it with json_array_foreach(). It is never empty. */
const json_t *vectors_list(const char *group, const char *list);

/* The text in field `key` of `o`. */
const char *vectors_text(const json_t *o, const char *key);

/* The same without complaint: NULL when there is none. */
const char *vectors_text_maybe(const json_t *o, const char *key);

/* The bytes of the hex in field `key` of `o`, into `out`, which is emptied first. */
struct bytes vectors_hex(const json_t *o, const char *key, struct buf *out);

/* The bytes of a hex text, into `out`, which is emptied first. */
struct bytes vectors_unhex(const char *hex, struct buf *out);

/* The integer in field `key` of `o`. */
int64_t vectors_int(const json_t *o, const char *key);

#endif
