/* SPDX-License-Identifier: Apache-2.0 */
/* last_words.h: why this process could not start or go on, in one file of the data directory, for
 * `p2posctl explain` when nobody answers any more. Best effort: what cannot be written is in the log.
 * The file is there only after a failure: a good start and an orderly stop remove it. */
#ifndef P2POS_SYS_LAST_WORDS_H
#define P2POS_SYS_LAST_WORDS_H

#define LAST_WORDS_NAME "last-failure" /* "WHAT: WHY" and a newline; its time says when */

/* `dir` is borrowed for the life of the process. Until then the others do nothing. */
void last_words_open(const char *dir);
void last_words_put(const char *what, const char *why);
void last_words_clear(void);

#endif
