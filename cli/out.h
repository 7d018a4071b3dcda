/* SPDX-License-Identifier: Apache-2.0 */
/* out.h: what a command prints: a document for programs, text for people, one error.
 *
 * A command hands its result (a JSON object) to out_result() together with the function that
 * prints it for people; --json prints exactly the result plus "api":1, --field one value of it. */
#ifndef P2POS_CLI_OUT_H
#define P2POS_CLI_OUT_H

#include <jansson.h>

#include "cli/cli.h"

/* Prints for people. The result is borrowed. */
typedef void out_printer(struct cli *c, json_t *result);

/* Prints and returns `code` (or CLI_FAILED when --field names nothing). Whether all of it was taken,
 * out_finish() finds out. `take_result` is owned from now on. */
int out_result(struct cli *c, json_t *take_result, int code, out_printer *print);

/* One line of a stream: the document alone in --json, else by `print`. Flushed at once. False when
 * standard output takes no more: the stream is over. */
bool out_line(struct cli *c, json_t *doc, out_printer *print);

/* The end of every run: `code`, or CLI_IOERR with a line about it when standard output could not be
 * written. A reader that has gone away (| head) has all it wanted: that is no error. */
int out_finish(int code);

/* An error of the command line itself: message (formatted) and what to do about it (may be NULL).
 * Returns `code`. */
int out_fail(struct cli *c, int code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with a stable reason word and further data (taken; may be NULL). */
int out_fail_reason(struct cli *c, int code, long number, const char *reason, const char *hint,
	json_t *take_data, const char *fmt, ...) __attribute__((format(printf, 7, 8)));

/* A remark on standard error, unless --quiet or --json. */
void out_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- for people --- */

/* "12D3KooWDpJ7..kx6nXTN" on a terminal, the whole ID elsewhere. `to` has 64 bytes. */
const char *out_peer(const struct cli *c, const char *peer_id, char *to);

/* "4 s ago", "27 h ago", "-" for NULL. `to` has 32 bytes. */
const char *out_age(const char *time, char *to);
/* "3 d 4 h", from seconds. `to` has 32 bytes. */
const char *out_span(int64_t seconds, char *to);
/* A member of an object as text, "-" when it is null or not there. */
const char *out_text(const json_t *o, const char *key);
/* A member of an object as a number, 0 when it is none. */
long long out_number(const json_t *o, const char *key);
/* "0.6 ms", "-". `to` has 32 bytes. */
const char *out_ms(const json_t *v, char *to);

/* A table of rows of text; NULL cells print "-". */
struct out_table;
struct out_table *out_table_new(const struct cli *c, const char *const *headings);
void out_table_row(struct out_table *t, const char *const *cells);
/* Prints and frees. */
void out_table_print(struct out_table *t);

/* The word for a state, in colour where colour is wanted; good until the next call. */
const char *out_state(const struct cli *c, const char *state);

/* Asks y/N on the terminal. False without one (`ret_asked` says whether it could ask). */
bool out_confirm(const struct cli *c, const char *question, bool *ret_asked);
/* Asks to type `word`. */
bool out_confirm_word(const struct cli *c, const char *question, const char *word, bool *ret_asked);

#endif
